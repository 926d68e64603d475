//! How a request says who asks: the ways that the settings have, in the order in which they are tried.

use hallpass_core::settings::Settings;
use http::Method;
use serde_json::{Map, Value, json};

use super::super::auth;
use super::super::views::{Credentials, View};
use crate::face::{Face, http_name};

/// The schemes by name.
pub(super) fn schemes(face: &Face) -> Map<String, Value> {
    let settings = face.hallpass.settings();
    let rest = &settings.rest_auth;
    let mut all = Map::new();
    let mut put = |name: &str, scheme: Value| {
        all.insert(name.to_owned(), scheme);
    };
    if rest.use_jwt {
        put("jwtAuth", bearer(settings));
        if let Some(name) = &rest.jwt_auth_cookie {
            let words = "The access token in its cookie, looked at where no header has one.";
            put("jwtCookieAuth", key("cookie", name, words));
        }
    } else if rest.token_model.is_some() {
        let words = "`Token`, a blank and the key that a login gave: `Authorization: Token 9944b09199c62bcf…`";
        put("tokenAuth", key("header", "Authorization", words));
    }
    let words = "The session of a login, which the pages share.";
    put(
        "cookieAuth",
        key("cookie", &settings.session.cookie_name, words),
    );
    // As everybody writes it; to HTTP it is all the same.
    let header = match face.csrf.header_name.as_str() {
        "X-Csrftoken" => "X-CSRFToken",
        other => other,
    };
    let words =
        "Django's CSRF token, beside a cookie that says who asks, for whatever changes something.";
    put("csrfHeader", key("header", header, words));
    if !settings.csrf.use_sessions {
        let words = "The cookie that the header's token is compared with.";
        put(
            "csrfCookie",
            key("cookie", &settings.csrf.cookie_name, words),
        );
    }
    all
}

fn key(place: &str, name: &str, words: &str) -> Value {
    json!({ "type": "apiKey", "in": place, "name": name, "description": words })
}

fn bearer(settings: &Settings) -> Value {
    let jwt = &settings.simple_jwt;
    let header = http_name(&jwt.auth_header_name);
    let first = jwt.auth_header_types.first().map_or("", String::as_str);
    let words = format!("The access token that a login gave, as `{header}: {first} <token>`.");
    match (header.as_str(), first) {
        ("authorization", "Bearer") => {
            json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": words })
        }
        _ => key("header", &header, &words),
    }
}

/// What a method asks for: one of several, each all of its parts.
pub(super) fn of(face: &Face, view: &View, method: &Method) -> Vec<Value> {
    let settings = face.hallpass.settings();
    let rest = &settings.rest_auth;
    let mut csrf = vec!["csrfHeader"];
    if !settings.csrf.use_sessions {
        csrf.push("csrfCookie");
    }
    if method.is_safe() {
        csrf.clear();
    }
    let all = |names: &[&str]| -> Value {
        let parts = names.iter().map(|name| ((*name).to_owned(), json!([])));
        Value::Object(parts.collect())
    };
    let cookie = |name: &'static str| all(&[&[name], csrf.as_slice()].concat());
    let enforced = rest.use_jwt
        && rest.jwt_auth_cookie.is_some()
        && rest.jwt_auth_cookie_enforce_csrf_on_unauthenticated
        && !method.is_safe();
    let anybody = match enforced {
        true => vec![all(&csrf)],
        false => vec![json!({})],
    };
    let mut known = Vec::new();
    if rest.use_jwt {
        known.push(all(&["jwtAuth"]));
        if rest.jwt_auth_cookie.is_some() {
            let checked = enforced || rest.jwt_auth_cookie_use_csrf;
            known.push(match checked {
                true => cookie("jwtCookieAuth"),
                false => all(&["jwtCookieAuth"]),
            });
        }
    } else if rest.token_model.is_some() {
        known.push(all(&["tokenAuth"]));
    }
    known.push(cookie("cookieAuth"));
    let asks = auth::asks_registrants(face, view);
    match view.credentials {
        Credentials::Unread => Vec::new(),
        Credentials::Needed => known,
        Credentials::Checked => [known, anybody].concat(),
        Credentials::Forgiven if asks => known,
        Credentials::Forgiven if enforced => [vec![all(&["jwtAuth"])], anybody].concat(),
        Credentials::Forgiven => Vec::new(),
    }
}
