//! Signing up by a program: the flow of [`crate::flows::signup`], which ends in a key or a pair.

use super::{LoggedIn, issue};
use crate::cx::Cx;
use crate::domain::Stage;
use crate::error::Error;
use crate::flows::login::{Progress, SignedIn};
use crate::flows::signup;

/// What came of it.
#[must_use]
pub enum SignedUp {
    /// In already.
    In(Box<LoggedIn>),
    /// Not before this stage: a letter or a text is on its way, or it looks so.
    Waiting(Stage),
}

/// Signs somebody up. `session`: a session may start, or wait for the stage; else the session that was given must be one
/// that nobody keeps.
///
/// # Errors
/// As [`signup::finish`].
pub async fn finish(
    cx: &mut Cx,
    typed: &(dyn Fn(&str) -> String + Sync),
    session: bool,
) -> Result<SignedUp, Error> {
    let before = cx.session.clone();
    let progress = match signup::finish(cx, typed, None).await? {
        signup::Finished::Progress(progress) => progress,
        // It must look like success.
        signup::Finished::Trapped => return Ok(SignedUp::Waiting(Stage::VerifyEmail)),
    };
    if !session {
        cx.session = before;
    }
    match progress {
        Progress::Pending(stage) => Ok(SignedUp::Waiting(stage)),
        Progress::SignedIn(SignedIn { user, .. }) => {
            let given = issue(cx, &user).await?;
            Ok(SignedUp::In(Box::new(LoggedIn { user, given })))
        }
    }
}
