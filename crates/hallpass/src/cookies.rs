//! Cookies: found in a request, set with the attributes of the settings.

use cookie::{Cookie, SameSite as CookieSameSite};
use hallpass_core::domain::session::CookieChange;
use hallpass_core::settings::{SameSite, Settings};
use http::{HeaderMap, HeaderValue, header};

/// The last cookie of this name: what Django takes when a browser sends two.
pub(crate) fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().rev();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';').rev());
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Does with the session's cookie what the save came to.
pub(crate) fn set_session(settings: &Settings, change: CookieChange, headers: &mut HeaderMap) {
    let session = &settings.session;
    let (value, max_age) = match &change {
        CookieChange::Keep => return,
        CookieChange::Set { key, max_age } => (key.reveal(), *max_age),
        CookieChange::Delete => ("", Some(0)),
    };
    let mut cookie = Cookie::new(session.cookie_name.clone(), value.to_owned());
    cookie.set_path(session.cookie_path.clone());
    if let Some(domain) = &session.cookie_domain {
        cookie.set_domain(domain.clone());
    }
    attributes(
        &mut cookie,
        session.cookie_secure,
        session.cookie_httponly,
        session.cookie_samesite,
    );
    append(headers, &cookie, max_age);
}

/// Sets the CSRF cookie, if there is a secret to set and it does not live in the session.
pub(crate) fn set_csrf(settings: &Settings, secret: Option<&str>, headers: &mut HeaderMap) {
    let csrf = &settings.csrf;
    let Some(secret) = secret.filter(|_| !csrf.use_sessions) else {
        return;
    };
    let mut cookie = Cookie::new(csrf.cookie_name.clone(), secret.to_owned());
    cookie.set_path(csrf.cookie_path.clone());
    if let Some(domain) = &csrf.cookie_domain {
        cookie.set_domain(domain.clone());
    }
    attributes(
        &mut cookie,
        csrf.cookie_secure,
        csrf.cookie_httponly,
        csrf.cookie_samesite,
    );
    append(headers, &cookie, csrf.cookie_age);
}

/// A cookie of dj-rest-auth's that carries a token; without one, it is deleted.
pub(crate) fn set_token(
    settings: &Settings,
    (name, path): (&str, &str),
    token: Option<(&str, u64)>,
    headers: &mut HeaderMap,
) {
    let rest = &settings.rest_auth;
    let (value, age) = token.unwrap_or(("", 0));
    let mut cookie = Cookie::new(name.to_owned(), value.to_owned());
    cookie.set_path(path.to_owned());
    if let Some(domain) = &rest.jwt_auth_cookie_domain {
        cookie.set_domain(domain.clone());
    }
    attributes(
        &mut cookie,
        rest.jwt_auth_secure,
        rest.jwt_auth_httponly,
        rest.jwt_auth_samesite,
    );
    append(headers, &cookie, Some(age));
}

/// Deletes the cookies of both tokens, with the attributes that they were set with: else a browser keeps them.
pub(crate) fn delete_tokens(settings: &Settings, headers: &mut HeaderMap) {
    let rest = &settings.rest_auth;
    if let Some(name) = rest.jwt_auth_cookie.as_ref().filter(|_| rest.use_jwt) {
        set_token(settings, (name, "/"), None, headers);
    }
    if let Some(name) = rest
        .jwt_auth_refresh_cookie
        .as_ref()
        .filter(|_| rest.use_jwt)
    {
        let place = (name.as_str(), rest.jwt_auth_refresh_cookie_path.as_str());
        set_token(settings, place, None, headers);
    }
}

fn attributes(cookie: &mut Cookie<'_>, secure: bool, httponly: bool, samesite: SameSite) {
    if secure {
        cookie.set_secure(true);
    }
    if httponly {
        cookie.set_http_only(true);
    }
    match samesite {
        SameSite::Lax => cookie.set_same_site(CookieSameSite::Lax),
        SameSite::Strict => cookie.set_same_site(CookieSameSite::Strict),
        SameSite::None => cookie.set_same_site(CookieSameSite::None),
        SameSite::Unset => {}
    }
}

/// Adds a cookie with Max-Age, and Expires for what knows no Max-Age.
fn append(headers: &mut HeaderMap, cookie: &Cookie<'_>, max_age: Option<u64>) {
    use hallpass_core::domain::Timestamp;
    let mut line = cookie.to_string();
    if let Some(seconds) = max_age {
        let expires = match seconds {
            0 => Timestamp::from_seconds(0),
            _ => Timestamp::now() + std::time::Duration::from_secs(seconds),
        };
        line.push_str(&format!(
            "; Max-Age={seconds}; Expires={}",
            expires.http_date()
        ));
    }
    if let Ok(value) = HeaderValue::from_str(&line) {
        headers.append(header::SET_COOKIE, value);
    }
}
