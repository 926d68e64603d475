//! The sign-in under way, as it waits in the session.
//!
//! It is over when it is too old, when its user has another password or was switched off, and when somebody gives it up.
//! Whatever it proved goes with it.

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Login, Stage, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::flows::code;
use crate::store;

/// Puts it into the session, under a new key: what another page left in this browser must not come to own it. Somebody
/// who is signed in is signed out, so that one browser never stands for two people.
pub(super) fn stash(cx: &mut Cx, login: &Login) -> Result<(), Failure> {
    if cx.session.user_id().is_some() {
        cx.session.flush();
    }
    let json = serde_json::to_value(login)
        .map_err(|error| Failure::from_source("the sign-in under way", error))?;
    if cx.session.get(keys::LOGIN).is_none() {
        cx.session.cycle_key();
    }
    cx.session.set(keys::LOGIN, json);
    Ok(())
}

/// The sign-in under way and its user, if it still may go on; one that may not is cleared away.
///
/// # Errors
/// A failure.
pub async fn current(cx: &mut Cx) -> Result<Option<(Login, Option<User>)>, Failure> {
    let Some(value) = cx.session.get(keys::LOGIN) else {
        return Ok(None);
    };
    let login: Option<Login> = serde_json::from_value(value.clone()).ok();
    let lifetime = Duration::from_secs(cx.hallpass().settings().account.login_timeout);
    let Some(login) = login.filter(|login| cx.now < login.started() + lifetime) else {
        abort(cx).await?;
        return Ok(None);
    };
    // Nobody is looked up as anybody is: the time must not tell.
    let id = login.user_id().unwrap_or(UserId::NOBODY);
    let user = store::user::by_id(cx.read(), id).await?;
    if login.user.is_none() {
        return Ok(Some((login, None)));
    }
    match user.filter(|user| login.fits(user)) {
        Some(user) => Ok(Some((login, Some(user)))),
        None => {
            abort(cx).await?;
            Ok(None)
        }
    }
}

/// The sign-in under way, if this stage is the one that waits.
///
/// # Errors
/// [`Refusal::NotPending`], or a failure.
pub async fn at(cx: &mut Cx, stage: &Stage) -> Result<(Login, Option<User>), Error> {
    match current(cx).await? {
        Some((login, user)) if login.current.as_ref() == Some(stage) => Ok((login, user)),
        _ => Err(Refusal::NotPending.into()),
    }
}

/// Gives it up: nothing of it stays, in the session or elsewhere.
///
/// # Errors
/// A failure.
pub async fn abort(cx: &mut Cx) -> Result<(), Failure> {
    let Some(value) = cx.session.remove(keys::LOGIN) else {
        return Ok(());
    };
    let challenge = value.get("challenge").and_then(|id| id.as_str());
    code::end(cx, challenge).await
}
