//! Changing one's password, or setting the first one.
//!
//! 1. Who has one gives it, who has none does not ([`has_password`]).
//! 2. The new one is judged, hashed and set ([`change`], [`set`]). Every other session ends, with codes and links; this
//!    one goes on under a new key, unless ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE ends it too.

use serde_json::json;

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, Refusal};
use crate::flows::login::within;
use crate::flows::passwords::{self, PASSWORD_LIMIT, check_field};
use crate::flows::{addresses, reauthentication, sessions};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Finished {
    /// Changed; this session goes on.
    Changed,
    /// Changed; this session ended too.
    SignedOut,
}

/// Who is signed in, where there are passwords.
fn owner(cx: &Cx) -> Result<User, Refusal> {
    if cx.hallpass().settings().is_passwordless() {
        return Err(Refusal::NotAvailable);
    }
    cx.signed_in()
}

/// Step 1.
///
/// # Errors
/// [`Refusal::LoginRequired`]; [`Refusal::NotAvailable`] where nobody has a password.
pub fn has_password(cx: &Cx) -> Result<bool, Refusal> {
    let user = owner(cx)?;
    Ok(hallpass_django::hashers::is_usable(&user.password))
}

/// Step 2, for those who have a password. A wrong one counts as a failed sign-in does: a borrowed browser is no place to
/// guess it.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::NoPassword`], [`Refusal::RateLimited`], [`Refusal::Several`].
pub async fn change(
    cx: &mut Cx,
    old: &str,
    first: &str,
    second: Option<&str>,
) -> Result<Finished, Error> {
    let user = owner(cx)?;
    if !has_password(cx)? {
        return Err(Refusal::NoPassword.into());
    }
    within(cx.hit("change_password", None).await?)?;
    let (mut faults, mut wrong) = (Vec::new(), false);
    match check_field("oldpassword", old, PASSWORD_LIMIT) {
        Err(refusal) => faults.push(("oldpassword".to_owned(), refusal)),
        Ok(()) => {
            if !reauthentication::is_password_of(cx, &user, &[old]).await? {
                faults.push(("oldpassword".to_owned(), Refusal::WrongCurrentPassword));
                wrong = true;
            }
        }
    }
    match passwords::choose(cx, &user, first, second).await {
        Err(Error::Refused(Refusal::Several(more))) => faults.extend(more),
        other => other?,
    }
    if wrong {
        let code = Refusal::WrongCurrentPassword.code();
        cx.note_about("password_change_failed", Some(user.id), "password", code)
            .await?;
    }
    if !faults.is_empty() {
        return Err(Refusal::Several(faults).into());
    }
    replace(
        cx,
        user,
        first,
        "password_changed",
        "password_change/changed",
    )
    .await
}

/// Step 2, for those who have none.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::PasswordAlreadySet`], [`Refusal::ReauthenticationRequired`],
/// [`Refusal::RateLimited`], [`Refusal::Several`].
pub async fn set(cx: &mut Cx, first: &str, second: Option<&str>) -> Result<Finished, Error> {
    let user = owner(cx)?;
    if has_password(cx)? {
        return Err(Refusal::PasswordAlreadySet.into());
    }
    // Else a borrowed session would make itself a way to prove who it is.
    reauthentication::require(cx).await?;
    within(cx.hit("change_password", None).await?)?;
    passwords::choose(cx, &user, first, second).await?;
    replace(cx, user, first, "password_set", "password_change/set").await
}

/// Step 2, for `user`, who proved who they are by a key, a token or the session. `old` is asked for where the site wants
/// it; a wrong one counts as a failed sign-in does. In a session it may be left out only soon after signing in: a browser
/// that was left open must not be a way around the page that asks for it. `ends_session`: this session ends too.
///
/// # Errors
/// [`Refusal::NotAvailable`], [`Refusal::RateLimited`], [`Refusal::ReauthenticationRequired`], [`Refusal::Several`];
/// [`Refusal::LoginRequired`] if the password was changed elsewhere at the same moment.
pub async fn change_of(
    cx: &mut Cx,
    user: &User,
    old: Option<&str>,
    (first, second): (&str, &str),
    ends_session: bool,
) -> Result<Finished, Error> {
    if cx.hallpass().settings().is_passwordless() {
        return Err(Refusal::NotAvailable.into());
    }
    let own = cx.session.user_id() == Some(user.id);
    if own && old.is_none() {
        match hallpass_django::hashers::is_usable(&user.password) {
            true if reauthentication::is_recent(cx) => {}
            true => return Err(Refusal::ReauthenticationRequired.into()),
            false => reauthentication::require(cx).await?,
        }
    }
    within(cx.hit("change_password", None).await?)?;
    if let Some(old) = old
        && !reauthentication::is_password_of(cx, user, &passwords::forms(old)).await?
    {
        let wrong = ("oldpassword".to_owned(), Refusal::WrongCurrentPassword);
        return Err(Refusal::Several(vec![wrong]).into());
    }
    passwords::choose(cx, user, first, Some(second)).await?;
    let letter = "password_change/changed";
    replace_as(cx, user.clone(), first, ("password_changed", letter))
        .await
        .map(|user| match own {
            true if ends_session => {
                cx.session.flush();
                Finished::SignedOut
            }
            true => {
                sessions::follow_password(cx, &user.password);
                Finished::Changed
            }
            false => Finished::Changed,
        })
}

async fn replace(
    cx: &mut Cx,
    user: User,
    password: &str,
    event: &'static str,
    letter: &'static str,
) -> Result<Finished, Error> {
    let user = replace_as(cx, user, password, (event, letter)).await?;
    if cx.hallpass().settings().account.logout_on_password_change {
        cx.session.flush();
        cx.session.rotate_csrf();
        cx.note_about("logout", Some(user.id), "", "").await?;
        return Ok(Finished::SignedOut);
    }
    sessions::follow_password(cx, &user.password);
    Ok(Finished::Changed)
}

/// Sets it; the user as it is then comes back.
async fn replace_as(
    cx: &mut Cx,
    user: User,
    password: &str,
    (event, letter): (&'static str, &'static str),
) -> Result<User, Error> {
    let encoded = cx.encode_password(password).await?;
    let Some(user) = passwords::set(cx, &user, encoded).await? else {
        // Changed elsewhere at the same moment: this session is over already.
        return Err(Refusal::LoginRequired.into());
    };
    cx.note_about(event, Some(user.id), "", "").await?;
    addresses::notify(cx, user.id, &user.email, letter, json!({})).await?;
    Ok(user)
}
