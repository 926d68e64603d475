//! Keys and access tokens on an app's own routes: what the REST interface gives out is good here, too.

use hallpass_core::domain::User;
use hallpass_core::flows::tokens;
use hallpass_core::{Error, Refusal};
use http::request::Parts;
use http::{HeaderMap, header};

use super::Proof;
use super::origin::is_foreign;
use super::rejection::{Kind, Rejection};
use crate::arrival::Arrival;
use crate::cookies;
use crate::face::{Face, http_name};

/// Whom a key or a token names. One that is worth nothing is refused, rather than the request taken for a stranger's:
/// its sender believes to be somebody.
pub(crate) async fn prove(
    face: &Face,
    arrival: &Arrival,
    parts: &Parts,
) -> Result<Option<(User, Proof)>, Rejection> {
    let settings = face.hallpass.settings();
    if settings.hallpass.rest_mount().is_none() {
        return Ok(None);
    }
    let rest = &settings.rest_auth;
    let found = if rest.use_jwt {
        let jwt = &settings.simple_jwt;
        let name = http_name(&jwt.auth_header_name);
        let cookie = rest.jwt_auth_cookie.as_ref();
        if let Some(token) = credential(&parts.headers, &name, &jwt.auth_header_types) {
            Some((token.to_owned(), Proof::Token))
        } else if let Some(token) = cookie.and_then(|name| cookies::find(&parts.headers, name)) {
            if is_foreign(parts, arrival, &face.csrf) {
                return Err(Rejection::new(face, parts, Kind::Foreign));
            }
            Some((token, Proof::Token))
        } else {
            None
        }
    } else if rest.token_model.is_some() {
        let scheme = ["Token".to_owned(), "token".to_owned()];
        let key = credential(&parts.headers, header::AUTHORIZATION.as_str(), &scheme);
        key.map(|key| (key.to_owned(), Proof::Key))
    } else {
        None
    };
    let Some((text, proof)) = found else {
        return Ok(None);
    };
    let user = match proof {
        Proof::Token => tokens::by_access(&face.hallpass, &text, face.hallpass.now()).await,
        _ => tokens::by_key(&face.hallpass, &text).await,
    };
    match user {
        Ok(user) => Ok(Some((user, proof))),
        Err(Error::Refused(Refusal::Token(_))) => {
            Err(Rejection::new(face, parts, Kind::Credentials))
        }
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
