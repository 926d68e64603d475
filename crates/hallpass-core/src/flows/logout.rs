//! Signing out: the session ends, row and all.

use crate::cx::Cx;
use crate::domain::UserId;
use crate::error::Error;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Finished {
    /// This user was signed in and is no longer.
    SignedOut(UserId),
    /// Nobody was signed in; whatever the session held is gone too.
    NobodyWasIn,
}

/// Ends the session of this browser.
pub async fn finish(cx: &mut Cx) -> Result<Finished, Error> {
    let user = cx.session.user_id();
    cx.session.flush();
    cx.session.rotate_csrf();
    let Some(user) = user else {
        return Ok(Finished::NobodyWasIn);
    };
    cx.note_about("logout", Some(user), "", "").await?;
    Ok(Finished::SignedOut(user))
}
