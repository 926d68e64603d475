//! Keys and access tokens on an app's own routes: what the REST interface gives out is good here, too.

use hallpass_core::domain::User;
use hallpass_core::flows::tokens;
use hallpass_core::{Error, Refusal};
use http::request::Parts;
use http::{HeaderMap, header};

use super::Proof;
use super::rejection::{Kind, Rejection};
use crate::cookies;
use crate::face::{Face, http_name};

/// Whom a key or a token in a header names. One that is worth nothing is refused, rather than the request taken for a
/// stranger's: its sender believes to be somebody.
pub(crate) async fn prove(face: &Face, parts: &Parts) -> Result<Option<(User, Proof)>, Rejection> {
    let settings = face.hallpass.settings();
    if settings.hallpass.rest_mount().is_none() {
        return Ok(None);
    }
    let rest = &settings.rest_auth;
    let proved = if rest.use_jwt {
        let jwt = &settings.simple_jwt;
        let name = http_name(&jwt.auth_header_name);
        let Some(token) = credential(&parts.headers, &name, &jwt.auth_header_types) else {
            return Ok(None);
        };
        let user = tokens::by_access(&face.hallpass, token, face.hallpass.now()).await;
        user.map(|user| (user, Proof::Token))
    } else if rest.token_model.is_some() {
        let schemes = ["Token".to_owned(), "token".to_owned()];
        let name = header::AUTHORIZATION;
        let Some(key) = credential(&parts.headers, name.as_str(), &schemes) else {
            return Ok(None);
        };
        let user = tokens::by_key(&face.hallpass, key).await;
        user.map(|user| (user, Proof::Key))
    } else {
        return Ok(None);
    };
    match proved {
        Ok(proved) => Ok(Some(proved)),
        Err(Error::Refused(Refusal::Token(_))) => {
            Err(Rejection::new(face, parts, Kind::Credentials))
        }
        Err(error) => Err(Rejection::new(face, parts, Kind::Failed(error))),
    }
}

/// Whom a token in a cookie names: nobody, if it is worth nothing. The browser sends it without being asked, and whoever
/// sits there can do nothing about it.
pub(crate) async fn by_cookie(face: &Face, parts: &Parts) -> Result<Option<User>, Rejection> {
    let settings = face.hallpass.settings();
    let rest = &settings.rest_auth;
    let is_on = rest.use_jwt && settings.hallpass.rest_mount().is_some();
    let name = rest.jwt_auth_cookie.as_ref().filter(|_| is_on);
    let Some(token) = name.and_then(|name| cookies::find(&parts.headers, name)) else {
        return Ok(None);
    };
    match tokens::by_access(&face.hallpass, &token, face.hallpass.now()).await {
        Ok(user) => Ok(Some(user)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(Rejection::new(face, parts, Kind::Failed(error))),
    }
}

/// What follows one of these schemes in a header, empty if nothing does; none where the header is of another.
fn credential<'a>(headers: &'a HeaderMap, name: &str, schemes: &[String]) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let known = schemes.iter().any(|known| known == scheme);
    known.then_some(rest.trim())
}
