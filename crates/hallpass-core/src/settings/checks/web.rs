//! Cookies, headers, origins, proxies.

use super::{CENTURY, Checks};
use crate::settings::SameSite;

/// What browsers know; anything else they ignore, silently.
const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];
const OPENER_POLICIES: [&str; 4] = [
    "same-origin",
    "same-origin-allow-popups",
    "noopener-allow-popups",
    "unsafe-none",
];
const YEAR: u64 = 31_536_000;

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = checks.settings;
    cookie(
        checks,
        &Cookie {
            prefix: "SESSION_COOKIE_",
            name: &s.session.cookie_name,
            domain: s.session.cookie_domain.as_deref(),
            path: &s.session.cookie_path,
            secure: s.session.cookie_secure,
            same_site: s.session.cookie_samesite,
        },
    );
    cookie(
        checks,
        &Cookie {
            prefix: "CSRF_COOKIE_",
            name: &s.csrf.cookie_name,
            domain: s.csrf.cookie_domain.as_deref(),
            path: &s.csrf.cookie_path,
            secure: s.csrf.cookie_secure,
            same_site: s.csrf.cookie_samesite,
        },
    );
    checks.refuse(
        "CSRF_COOKIE_NAME",
        s.csrf.cookie_name == s.session.cookie_name,
        "is SESSION_COOKIE_NAME too: one cookie would overwrite the other, so choose another name",
    );
    checks.within("SESSION_COOKIE_AGE", s.session.cookie_age, 1, CENTURY);
    checks.within("CSRF_COOKIE_AGE", s.csrf.cookie_age, 1, CENTURY);
    for origin in &s.csrf.trusted_origins {
        checks.refuse(
            "CSRF_TRUSTED_ORIGINS",
            !is_origin(origin),
            format!(
                "holds \"{origin}\": write https:// and the host, nothing after it, such as https://app.example.com or \
                 https://*.example.com"
            ),
        );
    }
    checks.refuse(
        "CSRF_HEADER_NAME",
        !is_wsgi_header(&s.csrf.header_name),
        "must be spelled like HTTP_X_CSRFTOKEN: HTTP_, capitals and underscores",
    );
    headers(checks);
    proxies(checks);
}

struct Cookie<'a> {
    prefix: &'a str,
    name: &'a str,
    domain: Option<&'a str>,
    path: &'a str,
    secure: bool,
    same_site: SameSite,
}

fn cookie(checks: &mut Checks<'_>, cookie: &Cookie<'_>) {
    let prefix = cookie.prefix;
    let (name, secure) = (format!("{prefix}NAME"), format!("{prefix}SECURE"));
    checks.refuse(
        &name,
        !is_cookie_name(cookie.name),
        "is no name of a cookie: use letters, digits and dashes",
    );
    // Browsers drop cookies that break the promise of their name.
    let (promised, host) = (
        cookie.name.starts_with("__Secure-"),
        cookie.name.starts_with("__Host-"),
    );
    checks.refuse(
        &name,
        (promised || host) && !cookie.secure,
        format!("promises a secure cookie, which browsers drop without {secure}: switch that on"),
    );
    checks.refuse(
        &name,
        host && (cookie.domain.is_some() || cookie.path != "/"),
        format!(
            "begins with __Host-, which browsers take only without {prefix}DOMAIN and with {prefix}PATH \"/\""
        ),
    );
    checks.refuse(
        &format!("{prefix}DOMAIN"),
        cookie.domain.is_some_and(|text| !is_cookie_domain(text)),
        "is no domain: write it alone, such as example.com",
    );
    checks.refuse(
        &format!("{prefix}PATH"),
        !is_cookie_path(cookie.path),
        "must begin with a slash and have neither spaces nor semicolons",
    );
    checks.refuse(
        &format!("{prefix}SAMESITE"),
        cookie.same_site == SameSite::None && !cookie.secure,
        format!(
            "is \"None\", which browsers take only from secure cookies: switch {secure} on, or write \"Lax\""
        ),
    );
}

pub(super) fn is_cookie_name(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

pub(super) fn is_cookie_domain(text: &str) -> bool {
    !text.is_empty() && is_plain(text) && !text.contains(['/', ':', '*'])
}

pub(super) fn is_cookie_path(path: &str) -> bool {
    path.starts_with('/') && is_plain(path)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b';')
}

fn headers(checks: &mut Checks<'_>) {
    let s = &checks.settings.security;
    let known = |policy: &str| REFERRER_POLICIES.contains(&policy.trim());
    checks.refuse(
        "SECURE_REFERRER_POLICY",
        !s.secure_referrer_policy.split(',').all(known),
        format!("must be one of {}", REFERRER_POLICIES.join(", ")),
    );
    checks.refuse(
        "SECURE_CROSS_ORIGIN_OPENER_POLICY",
        !OPENER_POLICIES.contains(&s.secure_cross_origin_opener_policy.as_str()),
        format!("must be one of {}", OPENER_POLICIES.join(", ")),
    );
    checks.refuse(
        "X_FRAME_OPTIONS",
        !matches!(s.x_frame_options.as_str(), "DENY" | "SAMEORIGIN"),
        "must be DENY or SAMEORIGIN",
    );
    checks.within("SECURE_HSTS_SECONDS", s.secure_hsts_seconds, 0, CENTURY);
    checks.refuse(
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        s.secure_hsts_include_subdomains && s.secure_hsts_seconds == 0,
        "does nothing while SECURE_HSTS_SECONDS is 0: set that too, or switch this off",
    );
    checks.refuse(
        "SECURE_HSTS_PRELOAD",
        s.secure_hsts_preload
            && (!s.secure_hsts_include_subdomains || s.secure_hsts_seconds < YEAR),
        format!(
            "needs SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS of at least {YEAR}: browsers' lists take no \
             other site"
        ),
    );
}

fn proxies(checks: &mut Checks<'_>) {
    let (s, allauth) = (&checks.settings.security, &checks.settings.allauth);
    let pair = s.secure_proxy_ssl_header.as_ref();
    // Of these every browser decides for itself, so that "https" would be whatever a stranger says.
    const STRANGERS: [&str; 6] = [
        "HTTP_HOST",
        "HTTP_ORIGIN",
        "HTTP_REFERER",
        "HTTP_COOKIE",
        "HTTP_USER_AGENT",
        "HTTP_ACCEPT",
    ];
    let fits = |(name, value): &(String, String)| {
        is_wsgi_header(name) && !STRANGERS.contains(&name.as_str()) && !value.is_empty()
    };
    checks.refuse(
        "SECURE_PROXY_SSL_HEADER",
        pair.is_some_and(|pair| !fits(pair)),
        "must be a header that your proxy sets, in Django's spelling, and its value: [\"HTTP_X_FORWARDED_PROTO\", \"https\"]",
    );
    checks.refuse(
        "SECURE_SSL_REDIRECT",
        s.secure_ssl_redirect && pair.is_none(),
        "would redirect for ever, since TLS ends at a proxy: set SECURE_PROXY_SSL_HEADER, or redirect there",
    );
    checks.refuse(
        "SECURE_HSTS_SECONDS",
        s.secure_hsts_seconds > 0 && pair.is_none(),
        "would never be sent, since no request counts as https: set SECURE_PROXY_SSL_HEADER, or send it from the proxy",
    );
    checks.within(
        "ALLAUTH_TRUSTED_PROXY_COUNT",
        allauth.trusted_proxy_count,
        0,
        32,
    );
    checks.within(
        "ALLAUTH_RATE_LIMIT_IPV6_PREFIX",
        allauth.rate_limit_ipv6_prefix,
        1,
        128,
    );
    let header = allauth.trusted_client_ip_header.as_deref();
    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    checks.refuse(
        "ALLAUTH_TRUSTED_CLIENT_IP_HEADER",
        header.is_some_and(|name| name.is_empty() || !name.bytes().all(token)),
        "is no name of a header: write one such as X-Real-IP",
    );
    let list = |name: &str| {
        let name = name.to_ascii_uppercase().replace('_', "-");
        matches!(
            name.trim_start_matches("HTTP-"),
            "X-FORWARDED-FOR" | "FORWARDED"
        )
    };
    checks.refuse(
        "ALLAUTH_TRUSTED_CLIENT_IP_HEADER",
        header.is_some_and(list),
        "holds a list that clients can begin themselves: set ALLAUTH_TRUSTED_PROXY_COUNT instead",
    );
}

/// `https://example.com:8443`, `https://*.example.com`.
fn is_origin(text: &str) -> bool {
    let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") else {
        return false;
    };
    let host = rest.strip_prefix("*.").unwrap_or(rest);
    !rest.contains('@')
        && !host.contains('*')
        && !host.ends_with('/')
        && url::Url::parse(&format!("{scheme}://{host}"))
            .is_ok_and(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
}

/// A header as WSGI and so Django name it.
pub(super) fn is_wsgi_header(name: &str) -> bool {
    let part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    name.strip_prefix("HTTP_")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(part))
}
