//! `token/verify/`, `token/refresh/`, and the public keys.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use hallpass_core::flows::tokens;
use hallpass_core::{Error, Refusal, TokenFault};
use http::{StatusCode, header};
use serde_json::{Map, json};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Kind, Spec};
use super::{login, say};
use crate::cookies;
use crate::errors;
use crate::face::Face;

pub(crate) fn verify_fields(_: &Face) -> Vec<Spec> {
    vec![Spec::new("token", Kind::Text)]
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

/// `GET .well-known/jwks.json`: what others check our tokens with. Only where keys come in pairs.
pub(crate) async fn key_set(State(face): State<Face>) -> Response {
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
