//! Step 2 for programs and scripts: they got a token, or a code, from the provider by themselves.
//!
//! A token says who somebody is *to the app that it was given to*. An access token of another app, handed to us, would sign
//! its users in here: it counts only where the provider tells whose it is, or where the operator insists
//! (HALLPASS_SOCIAL_UNBOUND_TOKENS).

use super::{Came, Process, apps, begin, callback, complete, connect};
use crate::cx::Cx;
use crate::domain::SocialLogin;
use crate::error::{Error, Refusal};
use crate::flows::login::within;
use crate::flows::reauthentication;
use crate::providers::{App, Handed, engine};

/// Somebody's browser brought a token that a script of the provider's gave it.
///
/// # Errors
/// As [`who`]; limits; to connect, [`Refusal::LoginRequired`] and [`Refusal::ReauthenticationRequired`]; or as
/// [`complete::login`] and [`connect::finish`].
pub async fn came(
    cx: &mut Cx,
    app: &App,
    handed: &Handed,
    process: Process,
    next: Option<String>,
) -> Result<Came, Error> {
    let user = match process {
        Process::Connect => {
            if cx.hallpass().settings().social_reauthentication_required() {
                reauthentication::require_always(cx).await?;
            }
            Some(cx.signed_in()?)
        }
        Process::Login | Process::Redirect => None,
    };
    attempt(cx).await?;
    let hallpass = cx.hallpass().clone();
    let provider = hallpass.providers().get(&app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let redirect_uri = cx.url(&apps::path_of(&hallpass, provider, app, "login/callback/"));
    let social = who(cx, app, handed, &redirect_uri).await?;
    let came = match (process, user) {
        (Process::Redirect, _) => Ok(Came::Redirected(next)),
        (_, Some(user)) => connect::finish(cx, &user, social, next).await,
        (_, None) => complete::login(cx, social, next).await,
    };
    if let Err(Error::Refused(refusal)) = &came {
        let (user, code) = (cx.session.user_id(), refusal.code());
        cx.note_about("social_login_failed", user, "socialaccount", code)
            .await?;
    }
    came
}

/// What every attempt to sign in is counted and asked for.
///
/// # Errors
/// [`Refusal::RateLimited`], or what the hook refuses.
pub(crate) async fn attempt(cx: &mut Cx) -> Result<(), Error> {
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await
}

/// Who the provider says it is.
///
/// # Errors
/// [`Refusal::InvalidProviderToken`], [`Refusal::ProviderUnavailable`], what hooks refuse.
pub async fn who(
    cx: &mut Cx,
    app: &App,
    handed: &Handed,
    redirect_uri: &str,
) -> Result<SocialLogin, Error> {
    let hallpass = cx.hallpass().clone();
    let provider = hallpass.providers().get(&app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let call = hallpass.call(provider, app, redirect_uri, cx.now);
    cx.assert_slow_work_allowed();
    let found = match engine::by_token(&call, handed).await {
        Ok(found) => found,
        Err(fault) => {
            let error = begin::refused(cx, app, fault).await;
            return Err(match error {
                Error::Refused(Refusal::ProviderUnavailable) | Error::Failed(_) => error,
                Error::Refused(_) => Refusal::InvalidProviderToken.into(),
            });
        }
    };
    let social = match callback::taken(cx, app, found).await {
        Err(Error::Refused(Refusal::SocialFailed)) => {
            return Err(Refusal::InvalidProviderToken.into());
        }
        other => other?,
    };
    // A token that is good once is spent, whatever comes of it and whatever of that is undone.
    cx.checkpoint().await?;
    Ok(social)
}
