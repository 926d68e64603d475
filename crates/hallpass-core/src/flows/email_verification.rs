//! Confirming an address, by link or by code.
//!
//! 1. A letter with a link or a code goes to the address: at the stage of a sign-in, after a signup, or because the owner
//!    asked for it.
//! 2. By link: opening it shows a page ([`look`]); pressing the button confirms the address that the link was made for,
//!    in whatever browser ([`finish`]). A sign-in that waits for it here may go on.
//! 3. By code: the code is typed where the sign-in waits ([`finish_code`]). Until then the address can be changed
//!    ([`change`]) and the letter sent again ([`resend`]), as often as the settings say.

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::{Login, Stage, User, UserId, address};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::{self, Claim};
use crate::flows::code::{self, Checked, Purpose, Recipient};
use crate::flows::login::{self, Progress, pending, pipeline, within};
use crate::flows::{sessions, signup};
use crate::limits::Verdict;
use crate::store;
use crate::store::code::Challenge;
use crate::store::email_address::EmailAddress;
use crate::store::user::Addressed;

/// Step 1, by the app: a link that confirms an address of a user. It is for that mailbox alone: whoever has it can say that
/// the mailbox is theirs.
///
/// # Errors
/// [`Refusal::NoSuchUser`], [`Refusal::Inactive`], [`Refusal::NoSuchAddress`]; [`Refusal::NotPending`] if it is confirmed.
pub async fn issue(cx: &mut Cx, id: UserId, email: &str) -> Result<String, Error> {
    let (user, row) = unconfirmed(cx, id, email).await?;
    let link = addresses::link_to_confirm(cx, &row).await?;
    cx.note_about("email_confirmation_sent", Some(user.id), "link", "issued")
        .await?;
    Ok(link)
}

/// Step 1, by the app: the letter with the link.
///
/// # Errors
/// As [`issue`].
pub async fn send(cx: &mut Cx, id: UserId, email: &str) -> Result<(), Error> {
    let (user, row) = unconfirmed(cx, id, email).await?;
    Ok(addresses::send_link(cx, &user, &row, false).await?)
}

async fn unconfirmed(cx: &mut Cx, id: UserId, email: &str) -> Result<(User, EmailAddress), Error> {
    let user = sessions::active(cx, id).await?;
    let rows = addresses::of(cx, &user).await?;
    let row = rows
        .into_iter()
        .find(|row| address::same(&row.email, email.trim()));
    let row = row.ok_or(Refusal::NoSuchAddress)?;
    match row.verified {
        true => Err(Refusal::NotPending.into()),
        false => Ok((user, row)),
    }
}

/// A link that was opened.
#[derive(Debug)]
pub struct Looked {
    /// What it would confirm.
    pub address: EmailAddress,
    /// Whose it is.
    pub user: User,
}

/// Step 2: what the link is about. Changes nothing.
///
/// # Errors
/// [`Refusal::InvalidKey`]: mistyped, too old, used, or for an address that is gone. Which of these is not said.
pub async fn look(cx: &mut Cx, key: &str) -> Result<Looked, Error> {
    let lifetime = addresses::link_lifetime(cx);
    if key.len() > 200 || key.contains('\0') {
        return Err(Refusal::InvalidKey.into());
    }
    let hmac = cx.hallpass().settings().account.email_confirmation_hmac;
    let id = if hmac {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let keys = cx.hallpass().confirmations();
        keys.read(key, cx.now.seconds(), seconds).ok()
    } else if !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        // No key of ours or allauth's; a database need not take what stands in an address bar.
        None
    } else {
        let since = cx.now - lifetime;
        store::email_address::by_key(cx.read(), key, since).await?
    };
    let Some(id) = id else {
        return Err(Refusal::InvalidKey.into());
    };
    let row = store::email_address::by_id(cx.read(), id).await?;
    let Some(address) = row.filter(|row| !row.verified) else {
        return Err(Refusal::InvalidKey.into());
    };
    let user = store::user::by_id(cx.read(), address.user).await?;
    let user = user
        .filter(|user| user.is_active)
        .ok_or(Refusal::InvalidKey)?;
    Ok(Looked { address, user })
}

/// What came of pressing the button.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// The address is confirmed.
    Confirmed,
    /// It is, and the sign-in that waited for it went on.
    WentOn(Progress),
}

/// Step 2, the button.
///
/// # Errors
/// [`Refusal::InvalidKey`]; [`Refusal::EmailTaken`] if somebody else confirmed the address before.
pub async fn finish(cx: &mut Cx, key: &str) -> Result<Finished, Error> {
    let looked = look(cx, key).await?;
    addresses::confirm(cx, &looked.address).await?;
    // Whoever opens another's link is not to go on as who he was.
    if cx.session.user_id().is_some_and(|id| id != looked.user.id) {
        cx.session.flush();
        cx.session.rotate_csrf();
    }
    let waiting = pending::at(cx, &Stage::VerifyEmail).await;
    let (mut login, user) = match waiting {
        Ok((login, Some(user))) if user.id == looked.user.id => (login, user),
        Ok(_) | Err(Error::Refused(_)) => return Ok(Finished::Confirmed),
        Err(failed) => return Err(failed),
    };
    if !cx.hallpass().settings().account.login_on_email_confirmation {
        pending::abort(cx).await?;
        return Ok(Finished::Confirmed);
    }
    // It may have been the link of another address: whether the stage is done is for the facts to say.
    login.current = None;
    Ok(Finished::WentOn(
        pipeline::resume(cx, login, Some(user)).await?,
    ))
}

/// What the page of the stage shows.
#[derive(Debug)]
pub struct Waiting {
    /// The address that is to be confirmed.
    pub email: String,
    /// By code; else by link.
    pub by_code: bool,
    /// Whether the letter can be sent again.
    pub can_resend: bool,
    /// Whether another address can be given.
    pub can_change: bool,
    /// How long code or link is good.
    pub valid_for: Duration,
}

/// The stage as it waits.
///
/// # Errors
/// [`Refusal::NotPending`].
pub async fn waiting(cx: &mut Cx) -> Result<Waiting, Error> {
    let (login, _) = pending::at(cx, &Stage::VerifyEmail).await?;
    let email = login.email.clone().unwrap_or_default();
    if login.challenge.is_none() {
        return Ok(Waiting {
            email,
            by_code: false,
            can_resend: true,
            can_change: false,
            valid_for: addresses::link_lifetime(cx),
        });
    }
    let challenge = challenge(cx, &login).await?;
    Ok(Waiting {
        email: challenge.recipient.clone(),
        by_code: true,
        can_resend: code::can_resend(cx, Purpose::VerifyEmail, &challenge),
        can_change: may_change(cx, &login, &challenge).await?,
        valid_for: challenge.expires.since(cx.now),
    })
}

async fn challenge(cx: &mut Cx, login: &Login) -> Result<Challenge, Error> {
    let id = login.challenge.as_deref();
    match code::pending(cx, Purpose::VerifyEmail, id).await? {
        Some(challenge) => Ok(challenge),
        None => {
            pending::abort(cx).await?;
            Err(Refusal::NotPending.into())
        }
    }
}

/// Only somebody who has never been signed in may: later, another address is the account's own business. Where there is
/// nobody it is offered too, so that a page does not tell.
async fn may_change(cx: &mut Cx, login: &Login, challenge: &Challenge) -> Result<bool, Failure> {
    let id = login.user_id().unwrap_or(UserId::NOBODY);
    let user = store::user::by_id(cx.read(), id).await?;
    let fresh = match login.user_id() {
        Some(_) => user.is_some_and(|user| user.last_login.is_none()),
        None => true,
    };
    Ok(fresh && code::can_change(cx, Purpose::VerifyEmail, challenge))
}

/// Step 3: the letter once more.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ResendExhausted`], [`Refusal::RateLimited`].
pub async fn resend(cx: &mut Cx) -> Result<(), Error> {
    let (login, user) = pending::at(cx, &Stage::VerifyEmail).await?;
    let email = login.email.clone().unwrap_or_default();
    if login.challenge.is_none() {
        // By link: over the limit nothing is sent, the link of a moment ago works.
        if let Verdict::Within(_) = cx.hit("confirm_email", Some(&email)).await? {
            match &user {
                Some(_) => login::send_stage_link(cx, &login, user.as_ref(), &email).await?,
                None => {
                    store::email_address::of_user(cx.read(), UserId::NOBODY).await?;
                    addresses::send_nothing(cx, &email).await?;
                }
            }
        }
        return Ok(());
    }
    let before = challenge(cx, &login).await?;
    cx.checkpoint().await?;
    within(cx.hit("confirm_email", Some(&before.recipient)).await?)?;
    let sent = code::resend(cx, Purpose::VerifyEmail, &before).await?;
    match user.as_ref().filter(|_| !before.code.is_empty()) {
        Some(user) => addresses::send_code(cx, Some(user), &sent, login.signup).await?,
        None => addresses::send_nothing(cx, &before.recipient).await?,
    }
    Ok(())
}

/// The link once more, asked for by address and by anybody: whether there is something to confirm is not told, and over
/// the limit nothing is sent.
///
/// # Errors
/// What an address may be refused for.
pub async fn ask_again(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let email = addresses::clean(cx, typed)?;
    if let Verdict::Exceeded { .. } = cx.hit("confirm_email", Some(&email)).await? {
        return Ok(());
    }
    let owners = store::user::by_email(cx.read(), &email).await?;
    let mut sent = false;
    // Who has confirmed it costs what nobody does.
    let open = |owner: &&Addressed| owner.user.is_active && !owner.verified;
    for owner in owners.iter().filter(open).take(3) {
        let rows = addresses::of(cx, &owner.user).await?;
        let open = |row: &&EmailAddress| !row.verified && address::same(&row.email, &email);
        if let Some(row) = rows.iter().find(open) {
            addresses::send_link(cx, &owner.user, row, false).await?;
            sent = true;
        }
    }
    if !sent {
        addresses::send_nothing(cx, &email).await?;
    }
    Ok(())
}

/// Step 3: another address. The one before goes, unless it was confirmed.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ChangeExhausted`], [`Refusal::EmailTaken`] where that may be told,
/// [`Refusal::RateLimited`], what an address may be refused for.
pub async fn change(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let (mut login, user) = pending::at(cx, &Stage::VerifyEmail).await?;
    let before = challenge(cx, &login).await?;
    if !may_change(cx, &login, &before).await? {
        return Err(Refusal::ChangeExhausted.into());
    }
    let email = addresses::clean(cx, typed)?;
    let email = cx.hallpass().signup_hook().clone().clean_email(email)?;
    let claim = addresses::claim(cx, &email, login.user_id()).await?;
    if claim == Claim::Taken {
        return Err(Refusal::EmailTaken.into());
    }
    cx.checkpoint().await?;
    within(cx.hit("confirm_email", Some(&email)).await?)?;
    // A signup that waited for an address of its own has found one: now there is an account, unless its number is another's.
    login.email = Some(email.clone());
    login.email_taken = claim == Claim::Hidden;
    let user = signup::finish_when_free(cx, &mut login, user).await?;
    // An address that is somebody else's makes it a ceremony that comes to nothing, and the account keeps what it has.
    let owner = user.as_ref().filter(|_| claim == Claim::Free);
    let recipient = Recipient {
        user: owner.map(|user| user.id),
        to: &email,
        genuine: owner.is_some(),
    };
    let sent = code::change(cx, Purpose::VerifyEmail, &before, recipient).await?;
    match owner {
        Some(user) => {
            replace_unverified(cx, user, &before.recipient, &email).await?;
            addresses::send_code(cx, Some(user), &sent, login.signup).await?;
        }
        None if claim == Claim::Free => addresses::send_unknown(cx, &email).await?,
        None => addresses::send_already_exists(cx, &email).await?,
    }
    pipeline::keep(cx, &login)?;
    Ok(())
}

async fn replace_unverified(
    cx: &mut Cx,
    user: &User,
    before: &str,
    email: &str,
) -> Result<(), Error> {
    let rows = addresses::of(cx, user).await?;
    let old = rows.iter().find(|row| row.email == before && !row.verified);
    if let Some(old) = old.filter(|old| old.email != email) {
        store::email_address::remove(cx.write().await?, user.id, old.id).await?;
    }
    let conn = cx.write().await?;
    let id = store::email_address::insert(conn, user.id, email, false, false).await?;
    // Without a confirmed one, the one that is being confirmed is the primary one.
    let only = rows.iter().all(|row| !row.verified);
    if let Some(id) = id.filter(|_| only) {
        store::email_address::make_primary(cx.write().await?, user.id, id, email).await?;
    }
    Ok(())
}

/// Step 3: the code was typed.
///
/// # Errors
/// [`Refusal::IncorrectCode`], after which the sign-in may be over; [`Refusal::EmailTaken`]; [`Refusal::NotPending`].
pub async fn finish_code(cx: &mut Cx, typed: &str) -> Result<Progress, Error> {
    let (mut login, user) = pending::at(cx, &Stage::VerifyEmail).await?;
    let id = login.challenge.clone();
    let checked = code::check(cx, Purpose::VerifyEmail, id.as_deref(), typed).await?;
    let (challenge, user) = match (checked, user) {
        (Checked::Right(challenge), Some(user)) => (challenge, user),
        (Checked::Wrong, user) => return Err(wrong(cx, user.as_ref()).await?),
        (Checked::Over, user) => {
            pending::abort(cx).await?;
            return Err(wrong(cx, user.as_ref()).await?);
        }
        (Checked::Right(_), None) | (Checked::Gone, _) => {
            pending::abort(cx).await?;
            return Err(Refusal::NotPending.into());
        }
    };
    let rows = addresses::of(cx, &user).await?;
    let row = rows
        .iter()
        .find(|row| address::same(&row.email, &challenge.recipient));
    if row.is_none() {
        pending::abort(cx).await?;
        return Err(Refusal::NotPending.into());
    }
    if let Some(row) = row.filter(|row| !row.verified).cloned()
        && let Err(error) = addresses::confirm(cx, &row).await
    {
        pending::abort(cx).await?;
        return Err(error);
    }
    login.finish_stage();
    pipeline::resume(cx, login, Some(user)).await
}

async fn wrong(cx: &mut Cx, user: Option<&User>) -> Result<Error, Failure> {
    let id = user.map(|user| user.id);
    cx.note_about("email_code_rejected", id, "code", "incorrect_code")
        .await?;
    Ok(Refusal::IncorrectCode.into())
}
