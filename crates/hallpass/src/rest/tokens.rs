//! `token/verify/`, `token/refresh/`, and the public keys.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hallpass_core::flows::tokens;
use hallpass_core::{Error, Refusal, TokenFault};
use http::{StatusCode, header};
use serde_json::{Map, json};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Kind, Spec};
use super::openapi::{Answer, Plain, schema};
use super::{login, say};
use crate::cookies;
use crate::errors;
use crate::face::Face;

pub(crate) fn verify_fields(_: &Face) -> Vec<Spec> {
    vec![Spec::new("token", Kind::Text)]
}

pub(crate) fn verify_answers(_: &Face) -> Vec<Answer> {
    let good = Answer::new(StatusCode::OK, "The token is good.");
    let ended = "The refresh token was ended.";
    vec![
        good.body("TokenVerify", schema::object(&[]), json!({})),
        Answer::wrong(ended, ("non_field_errors", "Token is blacklisted"), &[]),
        Answer::bad_token("The token is not good.", "Token is expired"),
    ]
}

/// `POST token/verify/`
pub(crate) async fn verify(call: &mut Call) -> Result<Reply, Reply> {
    let token = call.values.text("token");
    match call.run(async |cx| tokens::verify(cx, &token).await).await {
        Ok(()) => Ok(Reply::ok(json!({}))),
        Err(Error::Refused(Refusal::Token(TokenFault::Blacklisted))) => {
            Err(Reply::refused("Token is blacklisted"))
        }
        Err(error) => Err(say::error(call, error)),
    }
}

pub(crate) fn refresh_fields(_: &Face) -> Vec<Spec> {
    let help = "Goes before the cookie.";
    vec![Spec::new("refresh", Kind::Text).optional().help(help)]
}

pub(crate) fn refresh_answers(face: &Face) -> Vec<Answer> {
    let settings = face.hallpass.settings();
    let rest = &settings.rest_auth;
    let time = "2026-11-21T10:05:00.000000Z";
    let mut parts = vec![
        ("access", schema::token("The new access token.")),
        ("access_expiration", schema::time("When it expires.")),
    ];
    let mut example = json!({ "access": schema::ACCESS, "access_expiration": time });
    let cookie = rest.jwt_auth_refresh_cookie.is_some();
    if settings.simple_jwt.rotate_refresh_tokens {
        let words = match rest.jwt_auth_httponly && cookie {
            true => "The new refresh token, where it is not in its cookie alone.",
            false => "The new refresh token; the one before is spent.",
        };
        let [name, expires] = match rest.jwt_auth_httponly && cookie {
            true => ["refresh?", "refresh_expiration?"],
            false => ["refresh", "refresh_expiration"],
        };
        parts.push((name, schema::token(words)));
        parts.push((expires, schema::time("When it expires.")));
        if !(rest.jwt_auth_httponly && cookie) {
            example["refresh"] = schema::REFRESH.into();
            example["refresh_expiration"] = time.into();
        }
    }
    let given = Answer::new(StatusCode::OK, "A new access token.");
    let given = given.body("TokenRefresh", schema::object(&parts), example);
    let mut all = vec![
        match cookie || rest.jwt_auth_cookie.is_some() {
            true => given.cookies(),
            false => given,
        },
        Answer::bad_token(
            "The refresh token is missing or not good.",
            "Token is expired",
        ),
    ];
    if cookie {
        let words = "CSRF Failed: Origin checking failed.";
        let when = "A page of another site sent the cookie.";
        all.push(Answer::detail(StatusCode::FORBIDDEN, when, words));
    }
    all
}

/// `POST token/refresh/`
pub(crate) async fn refresh(call: &mut Call) -> Result<Reply, Reply> {
    let face = call.face.clone();
    let rest = &face.hallpass.settings().rest_auth;
    let sent = call.values.text("refresh");
    let cookie = rest.jwt_auth_refresh_cookie.as_ref();
    let token = match sent.is_empty() {
        false => Some(sent),
        true => by_cookie(call)?,
    };
    let Some(token) = token else {
        let words = "No valid refresh token found.";
        let reply = Reply::coded(StatusCode::UNAUTHORIZED, words, "token_not_valid");
        return Err(reply.challenged());
    };
    let done = match call.run(async |cx| tokens::refresh(cx, &token).await).await {
        Ok(done) => done,
        Err(Error::Refused(Refusal::Token(TokenFault::NoActiveAccount))) => {
            let (words, _) = say::token_fault(TokenFault::NoActiveAccount);
            return Err(Reply::detail(StatusCode::UNAUTHORIZED, words).challenged());
        }
        Err(error) => return Err(say::error(call, error)),
    };
    let cookies = !call.is_foreign();
    let mut body = Map::new();
    if cookies {
        login::set_access(call, &done.access);
    }
    body.insert("access".to_owned(), done.access.into());
    body.insert(
        "access_expiration".to_owned(),
        done.access_expires.iso().into(),
    );
    if let Some((refresh, expires)) = done.refresh {
        if cookies {
            login::set_refresh(call, &refresh);
        }
        if !(cookies && rest.jwt_auth_httponly && cookie.is_some()) {
            body.insert("refresh".to_owned(), refresh.into());
            body.insert("refresh_expiration".to_owned(), expires.iso().into());
        }
    }
    Ok(body.into())
}

/// The refresh token of the cookie. Another site cannot read the answer, but it could have a token rotated that nobody gets
/// then, which ends the family; or log somebody out.
pub(crate) fn by_cookie(call: &Call) -> Result<Option<String>, Reply> {
    let rest = &call.face.hallpass.settings().rest_auth;
    let name = rest.jwt_auth_refresh_cookie.as_ref();
    let token = name.and_then(|name| cookies::find(&call.headers, name));
    let token = token.filter(|token| !token.is_empty());
    match token.is_some() && call.is_foreign() {
        true => {
            let words = "CSRF Failed: Origin checking failed.";
            Err(Reply::detail(StatusCode::FORBIDDEN, words))
        }
        false => Ok(token),
    }
}

/// Where the public keys are, if there are any: below the mount, and at the root where others look for them.
pub(crate) fn addresses(face: &Face) -> Vec<Plain> {
    let settings = face.hallpass.settings();
    let mount = settings
        .hallpass
        .rest_mount()
        .unwrap_or_default()
        .to_owned();
    if !settings.rest_auth.use_jwt || !face.hallpass.jwts().is_asymmetric() {
        return Vec::new();
    }
    let roots = if mount == "/" {
        vec![mount]
    } else {
        vec![mount, "/".to_owned()]
    };
    let key = json!({
        "type": "object", "required": ["kty", "alg", "use"],
        "properties": { "kty": { "type": "string" }, "alg": { "type": "string" }, "use": { "type": "string" },
            "kid": { "type": "string" } },
        "additionalProperties": { "type": "string" },
    });
    let keys = json!({ "type": "array", "items": key });
    let example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "…", "x": "…" }] });
    let answer = || {
        let answer = Answer::new(StatusCode::OK, "The keys.");
        answer.body(
            "KeySet",
            schema::object(&[("keys", keys.clone())]),
            example.clone(),
        )
    };
    roots
        .into_iter()
        .map(|root| Plain {
            path: format!("{root}.well-known/jwks.json"),
            handler: get(key_set),
            name: "Public keys",
            description: "What others check our tokens with.",
            parameters: Vec::new(),
            answers: vec![answer()],
            media: &["application/json"],
        })
        .collect()
}

/// `GET .well-known/jwks.json`: what others check our tokens with. Only where keys come in pairs.
async fn key_set(State(face): State<Face>) -> Response {
    match face.hallpass.jwts().key_set() {
        Ok(keys) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                // A new key must be known soon; the public one is no secret.
                (header::CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, keys.to_string()).into_response()
        }
        Err(failure) => errors::respond(&face, &errors::broken(&failure), ""),
    }
}
