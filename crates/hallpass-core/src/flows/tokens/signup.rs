//! Signing up by a program: the flow of [`crate::flows::signup`], which ends in a key or a pair.

use super::{LoggedIn, issue};
use crate::cx::Cx;
use crate::domain::{Stage, User};
use crate::error::{Error, Refusal};
use crate::flows::login::{Progress, SignedIn};
use crate::flows::signup;
use crate::hallpass::Hallpass;
use crate::settings::RegisterPermission;

/// What came of it.
#[must_use]
pub enum SignedUp {
    /// In already.
    In(Box<LoggedIn>),
    /// Not before this stage: a letter or a text is on its way, or it looks so.
    Waiting(Stage),
}

/// Whether somebody may sign up here at all: REST_AUTH_REGISTER_PERMISSION_CLASSES.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::PermissionDenied`].
pub fn may_register(hallpass: &Hallpass, user: Option<&User>) -> Result<(), Refusal> {
    let classes = &hallpass.settings().rest_auth.register_permission_classes;
    for wanted in classes {
        match (wanted, user) {
            (RegisterPermission::Anyone, _) | (RegisterPermission::SignedIn, Some(_)) => {}
            (RegisterPermission::Staff, Some(user)) if user.is_staff => {}
            (_, Some(_)) => return Err(Refusal::PermissionDenied),
            (_, None) => return Err(Refusal::LoginRequired),
        }
    }
    Ok(())
}

/// What becomes of the session. Unless it is kept, the one that was given must be nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It may start, or wait for a stage.
    Session,
    /// It may wait for a stage that is taken in a browser, such as a code that is typed, and for nothing else: it is
    /// nobody's, and without it there would be no place to type the code.
    Stage,
    /// Nothing of it stays.
    Nothing,
}

/// Signs somebody up.
///
/// # Errors
/// As [`signup::finish`].
pub async fn finish(
    cx: &mut Cx,
    typed: &(dyn Fn(&str) -> String + Sync),
    kept: Kept,
) -> Result<SignedUp, Error> {
    let progress = match signup::finish(cx, typed, None).await? {
        signup::Finished::Progress(progress) => progress,
        // It must look like success.
        signup::Finished::Trapped => return Ok(SignedUp::Waiting(Stage::VerifyEmail)),
    };
    settle(cx, progress, kept).await
}

/// What a program gets of a signup, wherever that has come to.
pub(super) async fn settle(cx: &mut Cx, progress: Progress, kept: Kept) -> Result<SignedUp, Error> {
    let by_code = cx
        .hallpass()
        .settings()
        .account
        .email_verification_by_code_enabled;
    let in_browser = match &progress {
        Progress::SignedIn(_) => false,
        Progress::Pending(stage) => *stage != Stage::VerifyEmail || by_code,
    };
    if kept == Kept::Nothing || (kept == Kept::Stage && !in_browser) {
        cx.session.flush();
    }
    match progress {
        Progress::Pending(stage) => Ok(SignedUp::Waiting(stage)),
        Progress::SignedIn(SignedIn { user, .. }) => {
            let given = issue(cx, &user).await?;
            Ok(SignedUp::In(Box::new(LoggedIn { user, given })))
        }
    }
}
