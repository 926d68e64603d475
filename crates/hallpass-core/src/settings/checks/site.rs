//! Django's top level.

use std::collections::BTreeSet;

use hallpass_django::hashers::Hasher;

use super::{CENTURY, Checks, leads_somewhere};
use crate::settings::Secret;
use crate::store::DatabaseUrl;

/// The fewest characters of a SECRET_KEY: with 32 of letters and digits nobody finds it by trying, and everything that
/// is signed can be tried offline.
const SHORTEST_KEY: usize = 32;
/// What `django-admin startproject` writes: it tends to be in a repository.
const PROJECT_TEMPLATE: &str = "django-insecure-";

pub(super) fn check(checks: &mut Checks<'_>) {
    secret_key(checks);
    hashers(checks);
    let s = checks.settings;
    if let Err(failure) = DatabaseUrl::parse(s.general.database_url.reveal()) {
        let what = failure.to_string();
        let what = what.strip_prefix("DATABASE_URL").unwrap_or(&what);
        checks.refuse("DATABASE_URL", true, what.trim_start_matches([':', ' ']));
    }
    checks.refuse(
        "TIME_ZONE",
        jiff::tz::TimeZone::get(&s.general.time_zone).is_err(),
        "is no known zone: write one such as Europe/Berlin",
    );
    let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    checks.refuse(
        "LANGUAGE_CODE",
        s.general.language_code.is_empty() || !s.general.language_code.chars().all(tag),
        "is no language: write one such as en-us",
    );
    checks.refuse(
        "AUTHENTICATION_BACKENDS",
        s.general.authentication_backends.is_empty(),
        "names none: sessions carry the name of one, so write at least one",
    );
    for host in &s.general.allowed_hosts {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        let name = host.strip_prefix('.').unwrap_or(host);
        let v6 = |host: &str| {
            host.strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
        };
        let fits = host == "*" || v6(host) || (!name.is_empty() && name.chars().all(part));
        checks.refuse(
            "ALLOWED_HOSTS",
            !fits,
            format!(
                "holds \"{host}\": write the host alone, without scheme and port, or .example.com for all below it"
            ),
        );
    }
    for (name, url) in [
        ("LOGIN_URL", &s.general.login_url),
        ("LOGIN_REDIRECT_URL", &s.general.login_redirect_url),
        ("LOGOUT_REDIRECT_URL", &s.general.logout_redirect_url),
    ] {
        let lost = url.as_deref().is_some_and(|url| !leads_somewhere(url));
        checks.refuse(name, lost, super::NO_ROUTES);
    }
    checks.within("SITE_ID", s.general.site_id, 1, i32::MAX as u64);
    let age = s.general.password_reset_timeout;
    checks.within("PASSWORD_RESET_TIMEOUT", age, 1, CENTURY);
    checks.within(
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
        s.general.data_upload_max_memory_size,
        1024,
        1 << 30,
    );
}

fn secret_key(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let weak = |key: &Secret| {
        let key = key.reveal();
        let different: BTreeSet<char> = key.chars().collect();
        key.chars().count() < SHORTEST_KEY || different.len() < 5
    };
    let advice = format!("use at least {SHORTEST_KEY} random characters");
    let key = s.general.secret_key.as_ref();
    checks.refuse(
        "SECRET_KEY",
        key.is_some_and(weak),
        format!("can be guessed, and whoever has it can sign in as anyone: {advice}"),
    );
    checks.refuse(
        "SECRET_KEY",
        key.is_some_and(|key| key.reveal().starts_with(PROJECT_TEMPLATE)) && listens_widely(checks),
        format!(
            "begins with {PROJECT_TEMPLATE}, as the key of a new Django project does, but HALLPASS_LISTEN is open to \
             other machines: make a new one and move this one to SECRET_KEY_FALLBACKS"
        ),
    );
    checks.refuse(
        "SECRET_KEY",
        key.is_none() && s.hallpass.share_with_django,
        "is not set, but HALLPASS_SHARE_WITH_DJANGO is: write the key of that Django",
    );
    // A retired key still verifies, so a weak one still lets anyone in.
    checks.refuse(
        "SECRET_KEY_FALLBACKS",
        s.general.secret_key_fallbacks.iter().any(weak),
        format!("holds a key that can be guessed: remove it, which ends what was signed with it; {advice}"),
    );
}

fn hashers(checks: &mut Checks<'_>) {
    checks.within(
        "HALLPASS_PBKDF2_ITERATIONS",
        checks.settings.hallpass.pbkdf2_iterations,
        100_000,
        20_000_000,
    );
    let Some(names) = &checks.settings.general.password_hashers else {
        return;
    };
    checks.refuse(
        "PASSWORD_HASHERS",
        names.is_empty(),
        "is empty: name at least one hasher, or leave it out",
    );
    for name in names {
        checks.refuse(
            "PASSWORD_HASHERS",
            Hasher::from_name(name).is_none(),
            format!(
                "names \"{name}\", which is no hasher of Django's: write one such as argon2 or \
                 django.contrib.auth.hashers.Argon2PasswordHasher"
            ),
        );
    }
    let first = names.first().and_then(|name| Hasher::from_name(name));
    checks.refuse(
        "PASSWORD_HASHERS",
        first == Some(Hasher::Md5) && listens_widely(checks),
        "begins with md5, which is for tests, but HALLPASS_LISTEN is open to other machines: put another one first",
    );
}

/// Whether other machines reach us without a proxy. An address that is not understood is refused for itself.
fn listens_widely(checks: &Checks<'_>) -> bool {
    let listen = checks.settings.hallpass.listen.parse();
    listen.is_ok_and(|address: std::net::SocketAddr| !address.ip().to_canonical().is_loopback())
}
