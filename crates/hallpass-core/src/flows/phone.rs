//! The phone number: confirmed at a stage of a sign-in, changed by its owner.
//!
//! 1. At the stage, a code is on its way already ([`waiting`]); the owner of an account asks for one by giving a new number
//!    ([`change`]) or by having the one on file confirmed ([`verify`]).
//! 2. It can be sent again, and at the stage the number can be changed, as often as the settings say ([`resend`],
//!    [`change_at_stage`]).
//! 3. The code comes back ([`finish`]): only now does the number on file change.

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Login, Stage, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::Claim;
use crate::flows::code::{self, Checked, Purpose, Recipient, Sent};
use crate::flows::login::{Progress, pending, pipeline, within};
use crate::flows::{numbers, reauthentication, signup};
use crate::store;
use crate::store::code::Challenge;
use crate::store::phone::PhoneNumber;

/// The number on file.
///
/// # Errors
/// [`Refusal::LoginRequired`].
pub async fn current(cx: &mut Cx) -> Result<Option<PhoneNumber>, Error> {
    let user = cx.signed_in()?;
    Ok(store::phone::of_user(cx.read(), user.id).await?)
}

/// Where a code is awaited.
enum Waits {
    /// At a stage of a sign-in.
    AtStage(Box<Login>, Option<User>),
    /// By the owner of the account.
    Own(User),
}

async fn awaited(cx: &mut Cx) -> Result<(Waits, Challenge), Error> {
    if let Some(user) = cx.session.user().cloned() {
        let id = code::id_in(cx, keys::PHONE_CHALLENGE);
        let found = code::pending(cx, Purpose::ChangePhone, id.as_deref()).await?;
        let found = found.filter(|challenge| challenge.user == Some(user.id));
        return Ok((Waits::Own(user), found.ok_or(Refusal::NotPending)?));
    }
    let (login, user) = pending::at(cx, &Stage::VerifyPhone).await?;
    let id = login.challenge.clone();
    match code::pending(cx, Purpose::VerifyPhone, id.as_deref()).await? {
        Some(challenge) => Ok((Waits::AtStage(Box::new(login), user), challenge)),
        None => {
            pending::abort(cx).await?;
            Err(Refusal::NotPending.into())
        }
    }
}

/// What the page for the code shows.
#[derive(Debug)]
pub struct Waiting {
    /// The number.
    pub phone: String,
    /// Whether the code can be sent again.
    pub can_resend: bool,
    /// Whether another number can be given here.
    pub can_change: bool,
    /// How long the code is good.
    pub valid_for: Duration,
    /// At a stage of a sign-in, which can be given up.
    pub at_stage: bool,
}

/// Step 1.
///
/// # Errors
/// [`Refusal::NotPending`].
pub async fn waiting(cx: &mut Cx) -> Result<Waiting, Error> {
    let (waits, challenge) = awaited(cx).await?;
    let at_stage = matches!(waits, Waits::AtStage(..));
    let purpose = purpose(&waits);
    Ok(Waiting {
        can_resend: code::can_resend(cx, purpose, &challenge),
        can_change: may_change(cx, &waits, &challenge),
        valid_for: challenge.expires.since(cx.now),
        phone: challenge.recipient,
        at_stage,
    })
}

/// Only somebody who has never been signed in may; where there is nobody it is offered too.
fn may_change(cx: &Cx, waits: &Waits, challenge: &Challenge) -> bool {
    match waits {
        Waits::AtStage(_, user) => {
            user.as_ref().is_none_or(|user| user.last_login.is_none())
                && code::can_change(cx, Purpose::VerifyPhone, challenge)
        }
        Waits::Own(_) => false,
    }
}

fn purpose(waits: &Waits) -> Purpose {
    match waits {
        Waits::AtStage(..) => Purpose::VerifyPhone,
        Waits::Own(_) => Purpose::ChangePhone,
    }
}

/// Step 1, by the owner: another number.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::ReauthenticationRequired`], [`Refusal::SameAsCurrent`],
/// [`Refusal::PhoneTaken`] where that may be told, [`Refusal::RateLimited`], what a number may be refused for.
pub async fn change(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let user = cx.signed_in()?;
    reauthentication::require(cx).await?;
    let phone = numbers::clean(cx, typed)?;
    let number = store::phone::of_user(cx.read(), user.id).await?;
    if number.is_some_and(|number| number.phone == phone) {
        return Err(Refusal::SameAsCurrent.into());
    }
    let claim = numbers::claim(cx, &phone, Some(user.id)).await?;
    if claim == Claim::Taken {
        return Err(Refusal::PhoneTaken.into());
    }
    within(cx.hit("change_phone", None).await?)?;
    begin(cx, &user, &phone, claim).await
}

/// Step 1, by the owner: the number on file is to be confirmed.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::ReauthenticationRequired`], [`Refusal::NotAvailable`] if there is none that
/// could be confirmed, [`Refusal::RateLimited`].
pub async fn verify(cx: &mut Cx) -> Result<(), Error> {
    let user = cx.signed_in()?;
    reauthentication::require(cx).await?;
    let number = store::phone::of_user(cx.read(), user.id).await?;
    let Some(number) = number.filter(|number| !number.verified) else {
        return Err(Refusal::NotAvailable.into());
    };
    begin(cx, &user, &number.phone, Claim::Free).await
}

async fn begin(cx: &mut Cx, user: &User, phone: &str, claim: Claim) -> Result<(), Error> {
    within(cx.hit("verify_phone", Some(phone)).await?)?;
    cancel(cx).await?;
    let recipient = Recipient {
        user: Some(user.id),
        to: phone,
        genuine: claim == Claim::Free,
    };
    let sent = code::begin(cx, Purpose::ChangePhone, recipient).await?;
    cx.session
        .set(keys::PHONE_CHALLENGE, sent.challenge.id.as_str());
    Ok(deliver(cx, &sent, claim == Claim::Free).await?)
}

/// The code, or word to the number's owner that somebody wanted it.
async fn deliver(cx: &mut Cx, sent: &Sent, genuine: bool) -> Result<(), Failure> {
    if genuine {
        return numbers::send_code(cx, "phone/code", sent).await;
    }
    let to = sent.challenge.recipient.clone();
    numbers::send_already_exists(cx, &to).await
}

/// Gives up a number whose code is awaited.
///
/// # Errors
/// A failure.
pub async fn cancel(cx: &mut Cx) -> Result<(), Failure> {
    let id = code::id_in(cx, keys::PHONE_CHALLENGE);
    cx.session.remove(keys::PHONE_CHALLENGE);
    code::end(cx, id.as_deref()).await
}

/// Step 2.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ResendExhausted`], [`Refusal::RateLimited`].
pub async fn resend(cx: &mut Cx) -> Result<(), Error> {
    let (waits, before) = awaited(cx).await?;
    if !code::can_resend(cx, purpose(&waits), &before) {
        return Err(Refusal::ResendExhausted.into());
    }
    cx.checkpoint().await?;
    within(cx.hit("verify_phone", Some(&before.recipient)).await?)?;
    let genuine = !before.code.is_empty();
    let sent = code::resend(cx, purpose(&waits), &before).await?;
    match genuine {
        true => numbers::send_code(cx, "phone/code", &sent).await?,
        false => numbers::send_nothing(cx, &before.recipient).await?,
    }
    Ok(())
}

/// Step 2, at the stage: another number. Where there is nobody, it looks the same.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ChangeExhausted`], [`Refusal::PhoneTaken`] where that may be told,
/// [`Refusal::RateLimited`], what a number may be refused for.
pub async fn change_at_stage(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let (waits, before) = awaited(cx).await?;
    if !may_change(cx, &waits, &before) {
        return Err(Refusal::ChangeExhausted.into());
    }
    let Waits::AtStage(mut login, user) = waits else {
        return Err(Refusal::ChangeExhausted.into());
    };
    let phone = numbers::clean(cx, typed)?;
    let claim = numbers::claim(cx, &phone, login.user_id()).await?;
    if claim == Claim::Taken {
        return Err(Refusal::PhoneTaken.into());
    }
    cx.checkpoint().await?;
    within(cx.hit("verify_phone", Some(&phone)).await?)?;
    login.phone = Some(phone.clone());
    login.phone_taken = claim == Claim::Hidden;
    let user = signup::finish_when_free(cx, &mut login, user).await?;
    let free = claim == Claim::Free;
    let recipient = Recipient {
        user: user.as_ref().filter(|_| free).map(|user| user.id),
        to: &phone,
        genuine: free,
    };
    let sent = code::change(cx, Purpose::VerifyPhone, &before, recipient).await?;
    if let Some(owner) = user.as_ref().filter(|_| free) {
        let now = cx.now;
        let number = PhoneNumber {
            phone: phone.clone(),
            verified: false,
        };
        store::phone::set(cx.write().await?, owner.id, &number, now).await?;
    }
    if free {
        numbers::send_code(cx, "phone/code", &sent).await?;
    } else {
        numbers::send_already_exists(cx, &phone).await?;
    }
    Ok(pipeline::keep(cx, &login)?)
}

/// What came of the right code.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// The account has the number now.
    Changed,
    /// The sign-in that waited for it went on.
    WentOn(Progress),
}

/// Step 3.
///
/// # Errors
/// [`Refusal::IncorrectCode`], after which it may be over; [`Refusal::PhoneTaken`] if somebody else confirmed it
/// meanwhile; [`Refusal::NotPending`].
pub async fn finish(cx: &mut Cx, typed: &str) -> Result<Finished, Error> {
    if typed.trim().is_empty() {
        return Err(Refusal::Required("code").into());
    }
    let (waits, before) = awaited(cx).await?;
    let id = match &waits {
        Waits::AtStage(_, Some(user)) | Waits::Own(user) => Some(user.id),
        Waits::AtStage(_, None) => None,
    };
    let checked = code::check(cx, purpose(&waits), Some(&before.id), typed).await?;
    let challenge = match checked {
        Checked::Right(challenge) => challenge,
        checked @ (Checked::Wrong | Checked::Over) => {
            if matches!(checked, Checked::Over) {
                give_up(cx, &waits).await?;
            }
            cx.note_about("phone_code_rejected", id, "code", "incorrect_code")
                .await?;
            return Err(Refusal::IncorrectCode.into());
        }
        Checked::Gone => {
            give_up(cx, &waits).await?;
            return Err(Refusal::NotPending.into());
        }
    };
    match waits {
        Waits::Own(user) => {
            cx.session.remove(keys::PHONE_CHALLENGE);
            numbers::confirm(cx, user.id, &challenge.recipient).await?;
            cx.note_about("phone_changed", Some(user.id), "", "")
                .await?;
            Ok(Finished::Changed)
        }
        // A signup with an address that is another's: its own phone is proved, and it goes on to where it ends.
        Waits::AtStage(mut login, None) => {
            login.finish_stage();
            let progress = pipeline::resume(cx, *login, None).await?;
            Ok(Finished::WentOn(progress))
        }
        Waits::AtStage(mut login, Some(user)) => {
            if let Err(error) = numbers::confirm(cx, user.id, &challenge.recipient).await {
                pending::abort(cx).await?;
                return Err(error);
            }
            login.finish_stage();
            let progress = pipeline::resume(cx, *login, Some(user)).await?;
            Ok(Finished::WentOn(progress))
        }
    }
}

async fn give_up(cx: &mut Cx, waits: &Waits) -> Result<(), Failure> {
    match waits {
        Waits::AtStage(..) => pending::abort(cx).await,
        Waits::Own(_) => cancel(cx).await,
    }
}
