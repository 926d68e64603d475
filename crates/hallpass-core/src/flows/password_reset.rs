//! Password reset: back in without the password.
//!
//! 1. The visitor names an address; we always say "sent" ([`begin`]).
//! 2. By link: the owner opens it. The key goes into the session and out of the address bar ([`open`]); it lives for three
//!    days and dies with the old password, a sign-in, or any change of the account's addresses.
//!    By code: the code is typed back where it was asked for ([`finish_code`]), and gives leave to choose a password, for
//!    as long as a code lives.
//! 3. The owner chooses a new password ([`finish`]). Other sessions, codes and links end, and the limit on failed
//!    sign-ins is lifted. The mailbox that the letter went to is proved: it counts as confirmed, and where nothing was
//!    before, whatever else somebody put into the account goes.

mod link;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cx::Cx;
use crate::delivery::Letter;
use crate::domain::session::keys;
use crate::domain::timestamp::spoken_for;
use crate::domain::{Login, Record, Timestamp, User, UserId, secret};
use crate::error::{Error, Failure, LoginMethod, Refusal};
use crate::flows::addresses::{self, Besides};
use crate::flows::code::{self, Checked, Purpose, Recipient, Sent};
use crate::flows::login::{Progress, method_of, pending, pipeline, within};
use crate::flows::{passwords, reauthentication, sessions};
use crate::settings::{Enumeration, LoginBy};
use crate::store;
use crate::store::code::Challenge;
use crate::store::email_address::EmailAddress;
use crate::store::user::Addressed;

/// What [`begin`] came to. It does not say whether there is an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Begun {
    /// If somebody owns the address, a link is on its way.
    LinkSent,
    /// Or a code, and it is awaited here.
    CodeSent,
}

fn available(cx: &Cx) -> Result<(), Refusal> {
    match cx.hallpass().settings().is_passwordless() {
        true => Err(Refusal::NotAvailable),
        false => Ok(()),
    }
}

/// Step 1.
///
/// # Errors
/// What an address may be refused for, [`Refusal::RateLimited`]; [`Refusal::UnknownEmail`] where that may be told.
pub async fn begin(cx: &mut Cx, typed: &str) -> Result<Begun, Error> {
    let (email, owners) = asked(cx, typed).await?;
    let settings = cx.hallpass().settings();
    if owners.is_empty() && settings.account.prevent_enumeration == Enumeration::Off {
        return Err(Refusal::UnknownEmail.into());
    }
    if settings.account.password_reset_by_code_enabled {
        begin_by_code(cx, &email, owners.into_iter().next()).await?;
        return Ok(Begun::CodeSent);
    }
    link::send(cx, &email, &owners).await?;
    Ok(Begun::LinkSent)
}

/// Step 1 for a program, which has no session that could wait for a code: always by link, and never told whether there is
/// an account.
///
/// # Errors
/// What an address may be refused for, [`Refusal::RateLimited`].
pub async fn begin_by_link(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let (email, owners) = asked(cx, typed).await?;
    link::send(cx, &email, &owners).await
}

/// Step 1, by the app: a link by which a user chooses a new password. Opened, it proves no mailbox, for nobody knows where the
/// app sent it.
///
/// # Errors
/// [`Refusal::NotAvailable`] where nobody has a password; [`Refusal::NoSuchUser`], [`Refusal::Inactive`].
pub async fn issue(cx: &mut Cx, id: UserId) -> Result<String, Error> {
    available(cx)?;
    let user = sessions::active(cx, id).await?;
    let link = link::issue(cx, &user).await?;
    cx.note_about("password_reset_asked", Some(id), "link", "issued")
        .await?;
    Ok(link)
}

/// Step 1, by the app: the letter with the link, to the user's own address.
///
/// # Errors
/// As [`issue`]; [`Refusal::NoWayToConfirm`] if there is no address.
pub async fn send(cx: &mut Cx, id: UserId) -> Result<(), Error> {
    available(cx)?;
    let user = sessions::active(cx, id).await?;
    let address = addresses::recipient(cx, &user).await?;
    link::write(cx, &user, &address).await
}

/// The address that was typed, and who owns it.
async fn asked(cx: &mut Cx, typed: &str) -> Result<(String, Vec<Addressed>), Error> {
    available(cx)?;
    let email = addresses::clean(cx, typed)?;
    within(cx.hit("reset_password", Some(&email)).await?)?;
    let mut owners = addresses::owners(cx, &email).await?;
    owners.truncate(addresses::WRITTEN_TO);
    Ok((email, owners))
}

/// The same work where there is nobody: a token is made, a letter written and put into the outbox. It stays there if
/// ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS says so.
async fn unknown(cx: &mut Cx, email: &str, method: &'static str) -> Result<(), Failure> {
    let context = json!({ "email": email, "signup_url": cx.signup_url(), "asked": cx.asked() });
    let letter = Letter {
        name: "password_reset/unknown_account",
        to: email,
        context,
        expires: Some(cx.now + Duration::from_secs(86_400)),
    };
    addresses::send_or_pretend(cx, &letter).await?;
    cx.note_about("password_reset_asked", None, method, "")
        .await
}

/// The user name, where one signs in with it: many come here because they forgot that.
fn reminder(cx: &Cx, user: &User) -> Option<String> {
    let account = &cx.hallpass().settings().account;
    let named = account.has_method(LoginBy::Username) && !user.username.is_empty();
    named.then(|| user.username.clone())
}

async fn begin_by_code(cx: &mut Cx, email: &str, owner: Option<Addressed>) -> Result<(), Error> {
    forget(cx).await?;
    let user = owner.as_ref().map(|owner| &owner.user);
    let recipient = Recipient {
        user: user.map(|user| user.id),
        to: email,
        genuine: user.is_some(),
    };
    let sent = code::begin(cx, Purpose::PasswordReset, recipient).await?;
    cx.session
        .set(keys::RESET_CHALLENGE, sent.challenge.id.as_str());
    match &owner {
        Some(Addressed { user, address, .. }) => {
            let letter = code_letter(cx, user, address, &sent);
            cx.send(&letter).await?;
            cx.note_about("password_reset_asked", Some(user.id), "code", "")
                .await?;
        }
        None => unknown(cx, email, "code").await?,
    }
    Ok(())
}

fn code_letter<'a>(cx: &Cx, user: &User, to: &'a str, sent: &Sent) -> Letter<'a> {
    let context = json!({
        "code": sent.code.reveal(),
        "username": reminder(cx, user),
        "user": { "display": cx.hallpass().display(user) },
        "valid_for": spoken_for(sent.challenge.expires.since(cx.now)),
        "asked": cx.asked(),
    });
    Letter {
        name: "password_reset/code",
        to,
        context,
        expires: Some(sent.challenge.expires),
    }
}

/// Gives up a reset that waits here.
///
/// # Errors
/// A failure.
pub async fn forget(cx: &mut Cx) -> Result<(), Failure> {
    cx.session.remove(keys::RESET_LEAVE);
    let id = code::id_in(cx, keys::RESET_CHALLENGE);
    cx.session.remove(keys::RESET_CHALLENGE);
    code::end(cx, id.as_deref()).await
}

/// The code that is awaited here.
///
/// # Errors
/// [`Refusal::NotPending`].
pub async fn waiting(cx: &mut Cx) -> Result<Challenge, Error> {
    let id = code::id_in(cx, keys::RESET_CHALLENGE);
    let challenge = code::pending(cx, Purpose::PasswordReset, id.as_deref()).await?;
    challenge.ok_or_else(|| Refusal::NotPending.into())
}

/// Leave to choose a new password, as it waits in the session. It holds nothing that could be used elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leave {
    user: UserId,
    /// Of the password column: another password ends it.
    seal: String,
    /// Microseconds.
    until: i64,
    /// The mailbox that was proved.
    email: Option<String>,
    /// The digest of the link it came by, which is spent with it.
    link: Option<String>,
}

fn seal(user: &User) -> String {
    secret::digest(&format!("reset\0{}\0{}", user.id, user.password))
}

fn grant(cx: &mut Cx, leave: &Leave) -> Result<(), Failure> {
    let json =
        serde_json::to_value(leave).map_err(|error| Failure::from_source("a reset", error))?;
    cx.session.set(keys::RESET_LEAVE, json);
    // What another page left in this browser must not come to own it.
    cx.session.cycle_key();
    Ok(())
}

/// Step 2, by code.
///
/// # Errors
/// [`Refusal::IncorrectCode`], after which it may be over; [`Refusal::NotPending`], [`Refusal::RateLimited`].
pub async fn finish_code(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    available(cx)?;
    let id = waiting(cx).await?.id;
    let challenge = match code::check(cx, Purpose::PasswordReset, Some(&id), typed).await? {
        Checked::Right(challenge) => challenge,
        checked @ (Checked::Wrong | Checked::Over) => {
            if matches!(checked, Checked::Over) {
                forget(cx).await?;
            }
            cx.note_about(
                "password_reset_code_rejected",
                None,
                "code",
                "incorrect_code",
            )
            .await?;
            return Err(Refusal::IncorrectCode.into());
        }
        Checked::Gone => {
            forget(cx).await?;
            return Err(Refusal::NotPending.into());
        }
    };
    cx.session.remove(keys::RESET_CHALLENGE);
    let Some(user) = user_of(cx, challenge.user).await? else {
        return Err(Refusal::NotPending.into());
    };
    let lifetime = Purpose::PasswordReset.lifetime(cx.hallpass().settings());
    let leave = Leave {
        user: user.id,
        seal: seal(&user),
        until: (cx.now + lifetime).micros(),
        email: Some(challenge.recipient),
        link: None,
    };
    Ok(grant(cx, &leave)?)
}

async fn user_of(cx: &mut Cx, id: Option<UserId>) -> Result<Option<User>, Failure> {
    let user = match id {
        Some(id) => store::user::by_id(cx.read(), id).await?,
        None => None,
    };
    Ok(user.filter(|user| user.is_active))
}

/// Step 2, by link: what the key is good for. Changes nothing but the session, so that the page for the new password has
/// an address without the key. Whoever is signed in here stays so.
///
/// # Errors
/// [`Refusal::InvalidPasswordReset`]: mistyped, too old, used or overtaken by events. Which of these is not said.
pub async fn open(cx: &mut Cx, key: &str) -> Result<(), Error> {
    available(cx)?;
    let (user, link) = link::check(cx, key).await?;
    let lifetime = Duration::from_secs(cx.hallpass().settings().account.login_timeout);
    let leave = Leave {
        user: user.id,
        seal: seal(&user),
        until: (cx.now + lifetime).micros(),
        email: link::recipient(cx, &link).await?,
        link: Some(link),
    };
    Ok(grant(cx, &leave)?)
}

/// Who may choose a new password here.
///
/// # Errors
/// [`Refusal::InvalidPasswordReset`].
pub async fn chooser(cx: &mut Cx) -> Result<User, Error> {
    Ok(leave(cx).await?.1)
}

async fn leave(cx: &mut Cx) -> Result<(Leave, User), Error> {
    let value = cx.session.get(keys::RESET_LEAVE).cloned();
    let leave: Option<Leave> = value.and_then(|value| serde_json::from_value(value).ok());
    let Some(leave) = leave.filter(|leave| cx.now < Timestamp::from_micros(leave.until)) else {
        cx.session.remove(keys::RESET_LEAVE);
        return Err(Refusal::InvalidPasswordReset.into());
    };
    let user = user_of(cx, Some(leave.user)).await?;
    match user.filter(|user| leave.seal == seal(user)) {
        Some(user) => Ok((leave, user)),
        None => {
            cx.session.remove(keys::RESET_LEAVE);
            Err(Refusal::InvalidPasswordReset.into())
        }
    }
}

/// What came of it.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// The password is new; one can sign in with it.
    Changed,
    /// And the sign-in went on.
    WentOn(Progress),
}

/// What stands before a new password. Where it signs in, it is a way of signing in like the others.
async fn may_finish(cx: &mut Cx) -> Result<(), Error> {
    available(cx)?;
    within(cx.hit("reset_password_from_key", None).await?)?;
    if cx.hallpass().settings().account.login_on_password_reset {
        let hook = cx.hallpass().login_hook().clone();
        hook.may_attempt(cx).await?;
    }
    Ok(())
}

/// Step 3, with leave in the session.
///
/// # Errors
/// [`Refusal::InvalidPasswordReset`], [`Refusal::RateLimited`], [`Refusal::Several`] with what is wrong with the
/// password; then the leave stays.
pub async fn finish(cx: &mut Cx, first: &str, second: Option<&str>) -> Result<Finished, Error> {
    may_finish(cx).await?;
    let (leave, user) = leave(cx).await?;
    let email = leave.email.clone();
    let user = set(cx, user, leave, first, second).await?;
    go_on(cx, user, email).await
}

/// Steps 2 and 3 in one, for those who bring the key with the password.
///
/// # Errors
/// As [`finish`].
pub async fn finish_with_key(
    cx: &mut Cx,
    key: &str,
    first: &str,
    second: Option<&str>,
) -> Result<Finished, Error> {
    may_finish(cx).await?;
    let (user, leave) = leave_by(cx, key).await?;
    let email = leave.email.clone();
    let user = set(cx, user, leave, first, second).await?;
    go_on(cx, user, email).await
}

/// Leave by a key, for now.
async fn leave_by(cx: &mut Cx, key: &str) -> Result<(User, Leave), Error> {
    let (user, link) = link::check(cx, key).await?;
    cx.checkpoint().await?;
    let leave = Leave {
        user: user.id,
        seal: seal(&user),
        until: 0,
        email: link::recipient(cx, &link).await?,
        link: Some(link),
    };
    Ok((user, leave))
}

/// A fresh start for the account, by every name that is surely its own: not by one that somebody else signs in with.
async fn lift_limits(cx: &mut Cx, user: &User, rows: &[EmailAddress]) -> Result<(), Error> {
    let proved = rows.iter().filter(|row| row.verified || rows.len() == 1);
    let mut names: Vec<String> = proved.map(|row| row.email.clone()).collect();
    if method_of(cx, &user.username) == LoginMethod::Username {
        names.push(user.username.clone());
    }
    let phone = store::phone::of_user(cx.read(), user.id).await?;
    names.extend(
        phone
            .filter(|phone| phone.verified)
            .map(|phone| phone.phone),
    );
    names.push(reauthentication::failures_key(user));
    for name in names.iter().filter(|name| !name.is_empty()) {
        cx.lift("login_failed", name).await?;
    }
    Ok(())
}

/// Steps 2 and 3 in one, for a program: it has no session, so no sign-in follows, and nothing of one is sent.
///
/// # Errors
/// As [`finish`].
pub async fn finish_for_program(
    cx: &mut Cx,
    key: &str,
    first: &str,
    second: &str,
) -> Result<(), Error> {
    available(cx)?;
    within(cx.hit("reset_password_from_key", None).await?)?;
    let (user, leave) = leave_by(cx, key).await?;
    set(cx, user, leave, first, Some(second)).await?;
    Ok(())
}

async fn set(
    cx: &mut Cx,
    user: User,
    leave: Leave,
    first: &str,
    second: Option<&str>,
) -> Result<User, Error> {
    passwords::choose(cx, &user, first, second).await?;
    let encoded = cx.encode_password(first).await?;
    cx.checkpoint().await?;
    let rows = store::email_address::of_user(cx.read(), user.id).await?;
    lift_limits(cx, &user, &rows).await?;
    if let Some(link) = &leave.link {
        let expires = cx.now + cx.hallpass().link_lifetime() + Duration::from_secs(60);
        if !store::spent::spend(cx.write().await?, link, expires).await? {
            return Err(Refusal::InvalidPasswordReset.into());
        }
    }
    let Some(user) = passwords::set(cx, &user, encoded).await? else {
        return Err(Refusal::InvalidPasswordReset.into());
    };
    forget(cx).await?;
    // Whoever was signed in here as somebody else is so no longer. Not before: opening a link must not sign anybody out.
    if cx.session.user_id().is_some_and(|id| id != user.id) {
        cx.session.flush();
        cx.session.rotate_csrf();
    }
    let method = if leave.link.is_some() { "link" } else { "code" };
    cx.note_about("password_reset", Some(user.id), method, "")
        .await?;
    // The mailbox was proved, and the password is the owner's from now on.
    let user = match &leave.email {
        Some(email) => addresses::possess(cx, &user, email, Besides::NewPassword).await?,
        None => user,
    };
    let to = user.email.clone();
    addresses::notify(cx, user.id, &to, "password_reset/done", json!({})).await?;
    pending::abort(cx).await?;
    Ok(user)
}

/// The sign-in that may follow.
async fn go_on(cx: &mut Cx, user: User, email: Option<String>) -> Result<Finished, Error> {
    if !cx.hallpass().settings().account.login_on_password_reset {
        if cx.session.user_id() == Some(user.id) {
            cx.session.flush();
            cx.session.rotate_csrf();
        }
        return Ok(Finished::Changed);
    }
    let mut record = Record::new("password_reset", cx.now);
    record.email.clone_from(&email);
    let login = Login {
        records: vec![record],
        email,
        ..Login::new(&user, cx.now)
    };
    Ok(Finished::WentOn(
        pipeline::begin(cx, login, Some(user)).await?,
    ))
}
