//! Contradictions, and values that no type forbids.

use hallpass_django::hashers::Hasher;

use super::load::{Loaded, Problem};
use super::types::{Backend, SameSite, Secret};

/// Names every contradiction.
pub(super) fn check(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let s = &loaded.settings;
    let mut refuse = |name: &str, bad: bool, what: &str| {
        if bad {
            problems.push(Problem {
                name: name.to_owned(),
                origin: loaded.origin(name),
                what: what.to_owned(),
            });
        }
    };
    let short = |key: &Secret| key.reveal().chars().count() < 32;
    refuse(
        "SECRET_KEY",
        s.general.secret_key.as_ref().is_some_and(short),
        "is too short to be safe: use at least 32 random characters",
    );
    refuse(
        "SECRET_KEY",
        s.hallpass.share_with_django && s.general.secret_key.is_none(),
        "must be the Django's own when HALLPASS_SHARE_WITH_DJANGO is on",
    );
    refuse(
        "SECRET_KEY_FALLBACKS",
        s.general
            .secret_key_fallbacks
            .iter()
            .any(|key| key.reveal().is_empty()),
        "must hold no empty secret",
    );
    refuse(
        "TIME_ZONE",
        jiff::tz::TimeZone::get(&s.general.time_zone).is_err(),
        "is no known zone: write one such as Europe/Berlin",
    );
    let hashers = s.general.password_hashers.as_deref();
    refuse(
        "PASSWORD_HASHERS",
        hashers.is_some_and(<[_]>::is_empty),
        "must name at least one hasher",
    );
    for name in hashers.unwrap_or_default() {
        let what = format!("names \"{name}\", which is no hasher of Django's");
        refuse("PASSWORD_HASHERS", Hasher::from_name(name).is_none(), &what);
    }
    refuse(
        "AUTHENTICATION_BACKENDS",
        s.general.authentication_backends.is_empty(),
        "must name at least one backend",
    );
    for host in &s.general.allowed_hosts {
        let bad = host.contains('/')
            || host.contains(' ')
            || (host.contains(':') && !host.starts_with('['));
        refuse(
            "ALLOWED_HOSTS",
            bad,
            &format!("holds \"{host}\": write the host alone, without scheme and port"),
        );
    }
    refuse(
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
        s.general.data_upload_max_memory_size < 1024,
        "must be at least 1024",
    );
    refuse(
        "EMAIL_USE_TLS",
        s.email.use_tls && s.email.use_ssl,
        "and EMAIL_USE_SSL exclude each other: keep one",
    );
    refuse(
        "EMAIL_PORT",
        !(1..=65_535).contains(&s.email.port),
        "must be from 1 to 65535",
    );
    refuse(
        "EMAIL_TIMEOUT",
        s.email.timeout == Some(0),
        "must be at least 1",
    );
    refuse(
        "EMAIL_FILE_PATH",
        s.email.backend == Backend::File && s.email.file_path.is_none(),
        "must name a folder when EMAIL_BACKEND is file",
    );
    refuse(
        "DEFAULT_FROM_EMAIL",
        !crate::delivery::is_sender(&s.general.default_from_email),
        "is no address: write name@example.com or Name <name@example.com>",
    );
    let insecure = |same: SameSite, secure: bool| same == SameSite::None && !secure;
    const SECURE: &str =
        "is \"None\", which browsers take only with the Secure flag: switch that on too";
    refuse(
        "SESSION_COOKIE_SAMESITE",
        insecure(s.session.cookie_samesite, s.session.cookie_secure),
        SECURE,
    );
    refuse(
        "CSRF_COOKIE_SAMESITE",
        insecure(s.csrf.cookie_samesite, s.csrf.cookie_secure),
        SECURE,
    );
    refuse(
        "CSRF_COOKIE_NAME",
        s.csrf.cookie_name == s.session.cookie_name,
        "must differ from SESSION_COOKIE_NAME",
    );
    for (name, value) in [
        ("SESSION_COOKIE_NAME", &s.session.cookie_name),
        ("CSRF_COOKIE_NAME", &s.csrf.cookie_name),
    ] {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        refuse(
            name,
            value.is_empty() || !value.bytes().all(token),
            "is no cookie name: letters, digits and dashes",
        );
    }
    for origin in &s.csrf.trusted_origins {
        let bad = !origin.starts_with("https://") && !origin.starts_with("http://");
        refuse(
            "CSRF_TRUSTED_ORIGINS",
            bad,
            &format!("holds \"{origin}\": begin it with https:// or http://"),
        );
    }
    refuse(
        "CSRF_HEADER_NAME",
        !s.csrf.header_name.starts_with("HTTP_"),
        "must begin with HTTP_, as in HTTP_X_CSRFTOKEN",
    );
    refuse(
        "SECURE_HSTS_PRELOAD",
        s.security.secure_hsts_preload
            && (!s.security.secure_hsts_include_subdomains
                || s.security.secure_hsts_seconds < 31_536_000),
        "needs SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS of at least 31536000",
    );
    refuse(
        "ACCOUNT_LOGIN_METHODS",
        s.account.login_methods.is_empty(),
        "must name \"username\", \"email\" or both",
    );
    refuse(
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL",
        !matches!(s.account.default_http_protocol.as_str(), "http" | "https"),
        "must be http or https",
    );
    refuse(
        "ACCOUNT_EMAIL_MAX_LENGTH",
        !(3..=320).contains(&s.account.email_max_length),
        "must be from 3 to 320",
    );
    refuse(
        "ALLAUTH_RATE_LIMIT_IPV6_PREFIX",
        s.allauth.rate_limit_ipv6_prefix > 128,
        "must be from 0 to 128",
    );
    refuse(
        "HALLPASS_PBKDF2_ITERATIONS",
        s.hallpass
            .pbkdf2_iterations
            .is_some_and(|n| !(100_000..=20_000_000).contains(&n)),
        "must be from 100000 to 20000000",
    );
    let mount = &s.hallpass.mount;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    refuse(
        "HALLPASS_MOUNT",
        !mount.starts_with('/')
            || !mount.ends_with('/')
            || mount.contains("//")
            || !mount.bytes().all(plain),
        "must begin and end with a slash, with plain letters between",
    );
    refuse(
        "HALLPASS_LISTEN",
        s.hallpass.listen.parse::<std::net::SocketAddr>().is_err(),
        "is no address and port such as 127.0.0.1:8000",
    );
    refuse(
        "HALLPASS_PUBLIC_URL",
        s.hallpass
            .public_url
            .as_deref()
            .is_some_and(|url| !is_base_url(url)),
        "must be like https://example.com, without a path",
    );
    let colour = |text: &str| {
        text.strip_prefix('#')
            .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    refuse(
        "HALLPASS_ACCENT",
        s.hallpass
            .accent
            .as_deref()
            .is_some_and(|text| !colour(text)),
        "must be a colour like #1a5fb4",
    );
    for (name, url) in [
        ("HALLPASS_LOGO_URL", &s.hallpass.logo_url),
        ("HALLPASS_TERMS_URL", &s.hallpass.terms_url),
        ("HALLPASS_PRIVACY_URL", &s.hallpass.privacy_url),
    ] {
        let fits = |url: &str| {
            url.starts_with("https://") || url.starts_with("http://") || url.starts_with('/')
        };
        refuse(
            name,
            url.as_deref().is_some_and(|url| !fits(url)),
            "must begin with https://, http:// or a slash",
        );
    }
    for (name, value) in [
        (
            "HALLPASS_DATABASE_CONNECTIONS",
            s.hallpass.database_connections,
        ),
        ("HALLPASS_DATABASE_TIMEOUT", s.hallpass.database_timeout),
        (
            "HALLPASS_HASH_THREADS",
            s.hallpass.hash_threads.unwrap_or(1),
        ),
        ("HALLPASS_HASH_QUEUE", s.hallpass.hash_queue),
        ("HALLPASS_REQUEST_TIMEOUT", s.hallpass.request_timeout),
        ("HALLPASS_MAIL_WORKERS", s.hallpass.mail_workers),
        ("HALLPASS_MAIL_ATTEMPTS", s.hallpass.mail_attempts),
        ("SESSION_COOKIE_AGE", s.session.cookie_age),
        ("PASSWORD_RESET_TIMEOUT", s.general.password_reset_timeout),
    ] {
        refuse(name, value == 0, "must be at least 1");
        refuse(
            name,
            value > 3_155_760_000,
            "is larger than any sensible value",
        );
    }
}

fn is_base_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && !text.ends_with('/')
    })
}
