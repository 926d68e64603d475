//! Who asks: by a token, a key or the session, in the order that the settings give.
//!
//! What comes with a request by itself, a cookie, proves nothing about who wants the request: there Django's CSRF check
//! stands beside it. A header is put there on purpose, and needs none.

use hallpass_core::domain::User;
use hallpass_core::flows::tokens::{self, signup};
use hallpass_core::{Error, Refusal, TokenFault};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::answer::Reply;
use super::call::Call;
use super::say;
use super::views::Credentials;
use crate::cookies;
use crate::face::{Face, http_name};

/// What proved who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Django REST framework's key.
    Key,
    /// An access token.
    Token,
    /// The session.
    Session,
}

/// WWW-Authenticate of the first way to prove oneself, if it has a name.
pub(crate) fn challenge(face: &Face) -> Option<&'static str> {
    let rest = &face.hallpass.settings().rest_auth;
    if rest.use_jwt {
        Some("Bearer realm=\"api\"")
    } else {
        rest.token_model.map(|_| "Token")
    }
}

/// Finds out who asks, and refuses what the address refuses.
pub(crate) async fn authenticate(call: &mut Call) -> Result<(), Reply> {
    let credentials = call.view.credentials;
    if credentials == Credentials::Unread {
        return Ok(());
    }
    match prove(call).await {
        Ok(Some((user, proof))) => {
            call.user = Some(user);
            call.proof = Some(proof);
        }
        Ok(None) => {}
        // Whoever logs in may well have old ones. What broke is told, and so is what the operator asked for by name.
        Err(bad) if credentials == Credentials::Forgiven && !bad.strict => {}
        Err(bad) => return Err(bad.reply),
    }
    let missing = credentials == Credentials::Needed && call.user.is_none();
    match missing {
        true => Err(unproved()),
        false => Ok(()),
    }
}

/// Whether they may, beyond being known.
pub(crate) fn permit(call: &Call) -> Result<(), Reply> {
    if call.view.path != "registration/" {
        return Ok(());
    }
    let may = signup::may_register(&call.face.hallpass, call.user.as_ref());
    may.map_err(|refusal| say::error(call, refusal.into()))
}

fn unproved() -> Reply {
    let words = "Authentication credentials were not provided.";
    Reply::detail(StatusCode::UNAUTHORIZED, words).challenged()
}

struct Bad {
    reply: Reply,
    /// Refused also where bad credentials are as none.
    strict: bool,
}

impl From<Reply> for Bad {
    fn from(reply: Reply) -> Self {
        let strict = reply.status.is_server_error();
        Bad { reply, strict }
    }
}

async fn prove(call: &mut Call) -> Result<Option<(User, Proof)>, Bad> {
    let face = call.face.clone();
    let rest = &face.hallpass.settings().rest_auth;
    if rest.use_jwt {
        if let Some(user) = by_token(call).await? {
            return Ok(Some((user, Proof::Token)));
        }
    } else if rest.token_model.is_some()
        && let Some(user) = by_key(call).await?
    {
        return Ok(Some((user, Proof::Key)));
    }
    call.load_session().await?;
    let Some(user) = call.session.user().cloned() else {
        return Ok(None);
    };
    check_csrf(call).await?;
    Ok(Some((user, Proof::Session)))
}

/// Django's CSRF check.
pub(crate) async fn check_csrf(call: &mut Call) -> Result<(), Reply> {
    if call.face.hallpass.settings().csrf.use_sessions {
        call.load_session().await?;
    }
    call.check_csrf().map_err(|reason| {
        // What it was refused for may hold somebody's secret (a Referer): the log gets the beginning.
        let short = reason.split(" - ").next().unwrap_or_default();
        tracing::info!(
            request_id = call.request_id,
            reason = short,
            "refused by the CSRF check"
        );
        let words = format!("CSRF Failed: {reason}");
        Reply::detail(StatusCode::FORBIDDEN, words)
    })
}

/// The words of a header, which may be no text.
fn words<'a>(headers: &'a HeaderMap, name: &str) -> Option<Vec<&'a [u8]>> {
    let value = headers.get(name)?.as_bytes();
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    Some(value.split(blank).filter(|word| !word.is_empty()).collect())
}

fn refused(words: &str) -> Reply {
    Reply::detail(StatusCode::UNAUTHORIZED, words).challenged()
}

async fn by_key(call: &Call) -> Result<Option<User>, Reply> {
    let words = words(&call.headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
    match words.first() {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"token") => {}
        _ => return Ok(None),
    }
    let key = match words.as_slice() {
        [_, key] => *key,
        [_] => return Err(refused("Invalid token header. No credentials provided.")),
        _ => {
            let words = "Invalid token header. Token string should not contain spaces.";
            return Err(refused(words));
        }
    };
    let Some(key) = std::str::from_utf8(key).ok().filter(|key| key.is_ascii()) else {
        let words = "Invalid token header. Token string should not contain invalid characters.";
        return Err(refused(words));
    };
    match tokens::by_key(&call.face.hallpass, key).await {
        Ok(user) => Ok(Some(user)),
        Err(Error::Refused(Refusal::Token(fault))) => Err(refused(say::key_fault(fault))),
        Err(error) => Err(say::error(call, error)),
    }
}

async fn by_token(call: &mut Call) -> Result<Option<User>, Bad> {
    let face = call.face.clone();
    let settings = face.hallpass.settings();
    let (rest, jwt) = (&settings.rest_auth, &settings.simple_jwt);
    if let Some(words) = words(&call.headers, &http_name(&jwt.auth_header_name)) {
        let known = |scheme: &&[u8]| {
            jwt.auth_header_types
                .iter()
                .any(|own| own.as_bytes() == *scheme)
        };
        if !words.first().is_some_and(known) {
            return Ok(None);
        }
        let [_, token] = words.as_slice() else {
            let words = "Authorization header must contain two space-delimited values";
            let code = "bad_authorization_header";
            return Err(Reply::coded(StatusCode::UNAUTHORIZED, words, code)
                .challenged()
                .into());
        };
        let token = std::str::from_utf8(token).unwrap_or_default();
        return Ok(Some(owner(call, token).await?));
    }
    let Some(name) = &rest.jwt_auth_cookie else {
        return Ok(None);
    };
    let token = cookies::find(&call.headers, name);
    if rest.jwt_auth_cookie_enforce_csrf_on_unauthenticated {
        let checked = check_csrf(call).await;
        checked.map_err(|reply| Bad {
            reply,
            strict: true,
        })?;
    } else if rest.jwt_auth_cookie_use_csrf && token.is_some() {
        check_csrf(call).await?;
    }
    match token {
        Some(token) => Ok(Some(owner(call, &token).await?)),
        None => Ok(None),
    }
}

async fn owner(call: &Call, token: &str) -> Result<User, Reply> {
    let hallpass = &call.face.hallpass;
    let fault = match tokens::by_access(hallpass, token, hallpass.now()).await {
        Ok(user) => return Ok(user),
        Err(Error::Refused(Refusal::Token(fault))) => fault,
        Err(error) => return Err(say::error(call, error)),
    };
    let (words, code) = say::token_fault(fault);
    let reply = match fault {
        TokenFault::Invalid | TokenFault::Expired | TokenFault::WrongType => Reply::coded(
            StatusCode::UNAUTHORIZED,
            "Given token not valid for any token type",
            code,
        )
        .with(
            "messages",
            json!([{ "token_class": "AccessToken", "token_type": "access", "message": words }]),
        ),
        _ => Reply::coded(StatusCode::UNAUTHORIZED, words, code),
    };
    Err(reply.challenged())
}
