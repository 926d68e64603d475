//! A sign-in that the app vouches for: it knows by a way of its own who is there, by single sign-on or in a test. No stage
//! stands before the session.

use crate::cx::Cx;
use crate::domain::{Record, UserId};
use crate::error::{Error, Refusal};
use crate::flows::sessions;

use super::pending;
use super::pipeline::SignedIn;

/// Signs a user in. `method`: how the app knows them, in its words; events and the session's records have it.
///
/// # Errors
/// [`Refusal::NoSuchUser`], [`Refusal::Inactive`], what hooks refuse.
pub async fn vouch(cx: &mut Cx, id: UserId, method: &'static str) -> Result<SignedIn, Error> {
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    let user = sessions::active(cx, id).await?;
    hook.may_sign_in(cx, &user).await?;
    pending::abort(cx).await?;
    let before = cx.session.clone();
    let records = [Record::new(method, cx.now)];
    if !sessions::sign_in_by(cx, &user, &records, false, method).await? {
        // The password was changed, or the account switched off, in this moment.
        return Err(Refusal::NotPending.into());
    }
    if let Err(error) = hook.after_sign_in(cx, &user).await {
        // Whom the app turns away at the last moment never was in.
        cx.undo().await;
        cx.session = before;
        return Err(error);
    }
    let to = hook.redirect(&user, false);
    let to = to.unwrap_or_else(|| cx.hallpass().settings().login_redirect_url());
    Ok(SignedIn {
        user,
        to,
        written: false,
    })
}
