//! `logout/`

use hallpass_core::flows::tokens;
use hallpass_core::{Error, Refusal};
use http::StatusCode;

use super::answer::Reply;
use super::call::Call;
use super::fields::{Kind, Spec};
use super::openapi::Answer;
use super::say;
use crate::cookies;
use crate::face::Face;

/// Nothing that OPTIONS would tell of; a refresh token where there are any.
pub(crate) fn fields(_: &Face) -> Vec<Spec> {
    let help = "The refresh token to end, where there are tokens and no cookie carries it.";
    vec![Spec::new("refresh", Kind::Text).blank().hidden().help(help)]
}

/// Ended; or there was nothing to end.
pub(crate) fn answers(face: &Face) -> Vec<Answer> {
    let rest = &face.hallpass.settings().rest_auth;
    let mut all = vec![Answer::said("Logged out.", "Successfully logged out.").cookies()];
    if rest.use_jwt {
        let words = match rest.jwt_auth_refresh_cookie.is_some() && rest.jwt_auth_httponly {
            true => "Refresh token was not included in cookie data.",
            false => "Refresh token was not included in request data.",
        };
        let when =
            "The refresh token is missing or not good. Cookies and session are ended all the same.";
        all.push(Answer::detail(StatusCode::UNAUTHORIZED, when, words).cookies());
    } else if !rest.session_login {
        let words = "You should be logged in to logout. Check whether the token is passed.";
        let when = "Nobody is logged in.";
        all.push(Answer::detail(StatusCode::BAD_REQUEST, when, words));
    }
    all
}

/// `POST logout/`, and GET where ACCOUNT_LOGOUT_ON_GET lets it.
pub(crate) async fn post(call: &mut Call) -> Result<Reply, Reply> {
    let face = call.face.clone();
    let rest = &face.hallpass.settings().rest_auth;
    if call.proof.is_none() && !rest.use_jwt && !rest.session_login {
        let words = "You should be logged in to logout. Check whether the token is passed.";
        return Err(Reply::detail(StatusCode::BAD_REQUEST, words));
    }
    if rest.use_jwt && rest.jwt_auth_httponly && call.proof.is_none() {
        // The refresh token's cookie alone is no wish to log out: it comes with what any site sends.
        super::tokens::by_cookie(call)?;
    }
    if rest.session_login {
        call.load_session().await?;
    }
    let user = call.user.as_ref().map(|user| user.id);
    let ended = call.run(async |cx| tokens::logout(cx, user).await).await;
    ended.map_err(|error| say::error(call, error))?;
    call.forget_who_asked();
    if rest.use_jwt {
        cookies::delete_tokens(call.face.hallpass.settings(), &mut call.cookies);
        end_refresh(call).await?;
    }
    Ok(Reply::said("Successfully logged out."))
}

async fn end_refresh(call: &mut Call) -> Result<(), Reply> {
    let rest = &call.face.hallpass.settings().rest_auth;
    let cookie = rest.jwt_auth_refresh_cookie.as_ref();
    let token = match cookie.filter(|_| rest.jwt_auth_httponly) {
        Some(name) => cookies::find(&call.headers, name)
            .ok_or("Refresh token was not included in cookie data."),
        None => Some(call.values.text("refresh"))
            .filter(|token| !token.is_empty())
            .ok_or("Refresh token was not included in request data."),
    };
    let refused = |words: &str| Reply::detail(StatusCode::UNAUTHORIZED, words);
    let token = token.map_err(refused)?;
    match call
        .run(async |cx| tokens::end_refresh(cx, &token).await)
        .await
    {
        Ok(()) => Ok(()),
        Err(Error::Refused(Refusal::Token(fault))) => Err(refused(say::token_fault(fault).0)),
        Err(error) => Err(say::error(call, error)),
    }
}
