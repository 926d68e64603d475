//! CSRF as Django does it: a secret in a cookie, masked copies of it in forms and headers, and the order of checks.
//!
//! The secret is 32 letters and digits. A token is a mask of 32 and the secret added to it letter by letter, so that no
//! two pages hold the same text (BREACH). Unmasked secrets are taken too, and cookies of old Djangos that hold a token.

use subtle::ConstantTimeEq as _;

use crate::redirect::{is_same_domain, split};

/// The letters, in the order that masking counts by.
pub const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Length of a secret.
pub const SECRET_LENGTH: usize = 32;
/// Length of a masked token.
pub const TOKEN_LENGTH: usize = 64;

/// Masks a secret with 32 letters of [`ALPHABET`]. Letters that are none of it count as the first.
pub fn mask(secret: &str, mask: &str) -> String {
    let cipher = secret
        .bytes()
        .zip(mask.bytes())
        .map(|(s, m)| shift(s, m, |s, m| s + m));
    mask.bytes()
        .take(SECRET_LENGTH)
        .chain(cipher)
        .map(char::from)
        .collect()
}

/// The secret in a token of 64.
fn unmask(token: &str) -> String {
    let (mask, cipher) = token.split_at(SECRET_LENGTH);
    cipher
        .bytes()
        .zip(mask.bytes())
        .map(|(c, m)| char::from(shift(c, m, |c, m| c + 62 - m)))
        .collect()
}

fn shift(left: u8, right: u8, how: fn(usize, usize) -> usize) -> u8 {
    let place = |byte: u8| {
        ALPHABET
            .iter()
            .position(|known| *known == byte)
            .unwrap_or(0)
    };
    ALPHABET[how(place(left), place(right)) % ALPHABET.len()]
}

/// The shape of a secret or token, or what is wrong with it.
fn check_format(text: &str) -> Result<(), &'static str> {
    if text.len() != SECRET_LENGTH && text.len() != TOKEN_LENGTH {
        return Err("has incorrect length");
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("has invalid characters");
    }
    Ok(())
}

/// The secret of a cookie, which an old Django may have masked. `None` if it has not the shape of one.
pub fn secret_of(cookie: &str) -> Option<String> {
    check_format(cookie).ok()?;
    Some(if cookie.len() == TOKEN_LENGTH {
        unmask(cookie)
    } else {
        cookie.to_owned()
    })
}

/// Whether a well-formed token or bare secret matches the secret.
fn matches(token: &str, secret: &str) -> bool {
    let given = if token.len() == TOKEN_LENGTH {
        unmask(token)
    } else {
        token.to_owned()
    };
    given.as_bytes().ct_eq(secret.as_bytes()).into()
}

/// What a request brings.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// `POST` …
    pub method: &'a str,
    /// Whether it came by https.
    pub is_secure: bool,
    /// The host with its port, after ALLOWED_HOSTS.
    pub host: &'a str,
    /// The port, for a cookie domain without one.
    pub port: u16,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
    /// The cookie, or the secret in the session.
    pub cookie: Option<&'a str>,
    /// `csrfmiddlewaretoken` of a POST body.
    pub body_token: Option<&'a str>,
    /// The header named by CSRF_HEADER_NAME.
    pub header_token: Option<&'a str>,
}

/// What the settings say.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// CSRF_TRUSTED_ORIGINS: `https://a.example`, `https://*.a.example`.
    pub trusted_origins: Vec<String>,
    /// CSRF_COOKIE_DOMAIN, or SESSION_COOKIE_DOMAIN with CSRF_USE_SESSIONS.
    pub cookie_domain: Option<String>,
    /// The header's name as Django prints it: `X-Csrftoken`.
    pub header_name: String,
}

/// Why a request is turned away, in Django's words.
pub type Reject = String;

/// Judges a request: origin or referer first, then the cookie, then the token.
pub fn check(request: &Request<'_>, policy: &Policy) -> Result<(), Reject> {
    if matches!(request.method, "GET" | "HEAD" | "OPTIONS" | "TRACE") {
        return Ok(());
    }
    match request.origin {
        Some(origin) if !is_trusted_origin(origin, request, policy) => {
            return Err(format!(
                "Origin checking failed - {origin} does not match any trusted origins."
            ));
        }
        None if request.is_secure => check_referer(request, policy)?,
        _ => {}
    }
    check_token(request, policy)
}

/// Whether the request's Origin is this site or one that it trusts; a request without one is.
pub fn is_from_trusted_origin(request: &Request<'_>, policy: &Policy) -> bool {
    request
        .origin
        .is_none_or(|origin| is_trusted_origin(origin, request, policy))
}

fn is_trusted_origin(origin: &str, request: &Request<'_>, policy: &Policy) -> bool {
    let scheme = if request.is_secure { "https" } else { "http" };
    if origin
        .strip_prefix(scheme)
        .and_then(|rest| rest.strip_prefix("://"))
        == Some(request.host)
    {
        return true;
    }
    let Some((scheme, host)) = split(origin) else {
        return false;
    };
    policy
        .trusted_origins
        .iter()
        .any(|trusted| match trusted.split_once("://*") {
            Some((trusted_scheme, domain)) => {
                scheme == trusted_scheme && is_same_domain(&host, domain)
            }
            None => trusted == origin,
        })
}

fn check_referer(request: &Request<'_>, policy: &Policy) -> Result<(), Reject> {
    let fail = |what: &str| Err(format!("Referer checking failed - {what}"));
    let Some(referer) = request.referer else {
        return fail("no Referer.");
    };
    let Some((scheme, host)) =
        split(referer).filter(|(scheme, host)| !scheme.is_empty() && !host.is_empty())
    else {
        return fail("Referer is malformed.");
    };
    if scheme != "https" {
        return fail("Referer is insecure while host is secure.");
    }
    let trusted = |origin: &String| {
        let host_pattern = origin
            .split_once("://")
            .map_or("", |(_, rest)| rest.trim_start_matches('*'));
        is_same_domain(&host, host_pattern)
    };
    if policy.trusted_origins.iter().any(trusted) {
        return Ok(());
    }
    let good = match &policy.cookie_domain {
        Some(domain) if matches!(request.port, 80 | 443) => domain.clone(),
        Some(domain) => format!("{domain}:{}", request.port),
        None => request.host.to_owned(),
    };
    if is_same_domain(&host, &good) {
        Ok(())
    } else {
        fail(&format!("{referer} does not match any trusted origins."))
    }
}

fn check_token(request: &Request<'_>, policy: &Policy) -> Result<(), Reject> {
    let Some(cookie) = request.cookie else {
        return Err("CSRF cookie not set.".to_owned());
    };
    check_format(cookie).map_err(|what| format!("CSRF cookie {what}."))?;
    let secret = if cookie.len() == TOKEN_LENGTH {
        unmask(cookie)
    } else {
        cookie.to_owned()
    };
    let body = request
        .body_token
        .filter(|token| !token.is_empty() && request.method == "POST");
    let (token, source) = match (body, request.header_token) {
        (Some(token), _) => (token, "POST".to_owned()),
        (None, Some(token)) => (token, format!("the '{}' HTTP header", policy.header_name)),
        (None, None) => return Err("CSRF token missing.".to_owned()),
    };
    check_format(token).map_err(|what| format!("CSRF token from {source} {what}."))?;
    if matches(token, &secret) {
        Ok(())
    } else {
        Err(format!("CSRF token from {source} incorrect."))
    }
}
