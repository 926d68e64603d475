//! HALLPASS_*.

use super::{Checks, leads_somewhere};
use crate::limits::redis_url;
use crate::settings::LimitsStore;

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = &checks.settings.hallpass;
    checks.refuse(
        "HALLPASS_LISTEN",
        s.listen.parse::<std::net::SocketAddr>().is_err(),
        "is no address and port: write them like 127.0.0.1:8000 or [::]:8000",
    );
    checks.refuse(
        "HALLPASS_MOUNT",
        !is_mount(&s.mount),
        "must be a path that begins and ends with a slash, such as /accounts/",
    );
    let base = s.public_url.as_deref();
    checks.refuse(
        "HALLPASS_PUBLIC_URL",
        base.is_some_and(|url| !is_base(url)),
        "must be scheme and host alone, without a slash at the end, such as https://example.com",
    );
    let colour = |text: &str| {
        text.strip_prefix('#')
            .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let accent = s.accent.as_deref();
    checks.refuse(
        "HALLPASS_ACCENT",
        accent.is_some_and(|text| !colour(text)),
        "is no colour: write one like #1a5fb4",
    );
    for (name, url) in [
        ("HALLPASS_LOGO_URL", &s.logo_url),
        ("HALLPASS_TERMS_URL", &s.terms_url),
        ("HALLPASS_PRIVACY_URL", &s.privacy_url),
    ] {
        checks.refuse(
            name,
            url.as_deref().is_some_and(|url| !leads_somewhere(url)),
            "must be a path that begins with a slash, or a URL",
        );
    }
    for (name, text) in [
        ("HALLPASS_TEMPLATES", &s.templates),
        ("HALLPASS_SITE_NAME", &s.site_name),
        ("HALLPASS_MAIL_CA_FILE", &s.mail_ca_file),
    ] {
        let blank = text.as_deref().is_some_and(|text| text.trim().is_empty());
        checks.refuse(name, blank, "is empty: leave it out instead");
    }
    let connections = s.database_connections;
    checks.within("HALLPASS_DATABASE_CONNECTIONS", connections, 1, 1_000);
    checks.within("HALLPASS_DATABASE_TIMEOUT", s.database_timeout, 1, 3_600);
    checks.within("HALLPASS_HASH_THREADS", s.hash_threads, 1, 1_024);
    checks.within("HALLPASS_HASH_QUEUE", s.hash_queue, 1, 100_000);
    checks.within("HALLPASS_REQUEST_TIMEOUT", s.request_timeout, 1, 3_600);
    checks.within("HALLPASS_SHUTDOWN_TIMEOUT", s.shutdown_timeout, 0, 3_600);
    checks.within(
        "HALLPASS_EVENT_RETENTION_DAYS",
        s.event_retention_days,
        0,
        36_500,
    );
    redis(checks);
}

fn redis(checks: &mut Checks<'_>) {
    let s = &checks.settings.hallpass;
    let wanted = s.limits_store == LimitsStore::Redis;
    checks.refuse(
        "HALLPASS_LIMITS_STORE",
        wanted && !cfg!(feature = "redis"),
        "is \"redis\", but this program was built without it: build it with the feature redis, or write \"database\"",
    );
    checks.refuse(
        "HALLPASS_LIMITS_STORE",
        wanted && s.redis_url.is_none(),
        "is \"redis\", but HALLPASS_REDIS_URL does not say where that is: set it too",
    );
    let url = s.redis_url.as_ref();
    if let Some(Err(what)) = url.map(|url| redis_url::parse(url.reveal())) {
        checks.refuse("HALLPASS_REDIS_URL", true, what);
    }
}

/// A path of plain letters, without the dots that browsers resolve.
pub(super) fn is_mount(mount: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    mount.starts_with('/')
        && mount.ends_with('/')
        && !mount.contains("//")
        && mount.bytes().all(plain)
        && !mount.split('/').any(|part| part == "." || part == "..")
}

fn is_base(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else {
        return false;
    };
    matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && !text.ends_with('/')
}
