//! The phone number of an account, and what is sent to it.

use serde_json::{Value, json};

use crate::cx::Cx;
use crate::domain::{Phone, Timestamp, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::settings::{Enumeration, Verification};
use crate::store::phone::PhoneNumber;
use crate::store::{self, Claimed};

use super::addresses::{self, Besides, Claim};

/// A number as it was typed, in E.164.
///
/// # Errors
/// [`Refusal::Required`], [`Refusal::InvalidPhone`].
pub fn clean(cx: &Cx, text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Required("phone"));
    }
    parse(cx, text).ok_or(Refusal::InvalidPhone)
}

/// The number that a text is, if it is one.
pub fn parse(cx: &Cx, text: &str) -> Option<String> {
    if text.len() > 400 {
        return None;
    }
    let region = cx.hallpass().settings().hallpass.phone_region.as_deref();
    Phone::parse(text, region).map(|phone| phone.to_string())
}

/// Active owners of a number, those who confirmed it before all others.
///
/// # Errors
/// A failure.
pub async fn owners(cx: &mut Cx, phone: &str) -> Result<Vec<User>, Failure> {
    let mut found = store::phone::owners(cx.read(), phone).await?;
    found.retain(|owner| owner.user.is_active && (owner.number.verified || !owner.proved));
    if found.iter().any(|owner| owner.number.verified) {
        found.retain(|owner| owner.number.verified);
    }
    Ok(found.into_iter().map(|owner| owner.user).collect())
}

/// Whether a number is another's than `by`'s: where numbers are confirmed, only if they confirmed it.
///
/// # Errors
/// A failure.
pub async fn is_taken(cx: &mut Cx, phone: &str, by: Option<UserId>) -> Result<bool, Failure> {
    let owners = store::phone::owners(cx.read(), phone).await?;
    let confirmed = cx.hallpass().settings().account.phone_verification_enabled;
    let mut others = owners.iter().filter(|owner| Some(owner.user.id) != by);
    Ok(others.any(|owner| owner.number.verified || !confirmed))
}

/// Judges a number that `by` wants. Where numbers are confirmed, only a confirmed one is taken: nobody keeps one from its
/// owner by claiming it.
///
/// # Errors
/// A failure.
pub async fn claim(cx: &mut Cx, phone: &str, by: Option<UserId>) -> Result<Claim, Failure> {
    if !is_taken(cx, phone, by).await? {
        return Ok(Claim::Free);
    }
    let account = &cx.hallpass().settings().account;
    Ok(match account.prevent_enumeration {
        Enumeration::Off => Claim::Taken,
        Enumeration::On | Enumeration::Strict => Claim::Hidden,
    })
}

/// [`claim`] at a signup. Where numbers are not confirmed there is no step at which a signup could come to nothing
/// unseen: then it is as with addresses, told, or let through where ACCOUNT_PREVENT_ENUMERATION is "strict".
///
/// # Errors
/// A failure.
pub async fn claim_at_signup(cx: &mut Cx, phone: &str) -> Result<Claim, Failure> {
    let claim = claim(cx, phone, None).await?;
    let account = &cx.hallpass().settings().account;
    Ok(match (claim, account.prevent_enumeration) {
        (Claim::Hidden, _) if account.phone_verification_enabled => Claim::Hidden,
        (Claim::Hidden, Enumeration::Strict) => Claim::Free,
        (Claim::Hidden, _) => Claim::Taken,
        (claim, _) => claim,
    })
}

/// Sets a user's number as confirmed.
///
/// # Errors
/// [`Refusal::PhoneTaken`] if somebody else confirmed it before.
pub async fn confirm(cx: &mut Cx, user: UserId, phone: &str) -> Result<(), Error> {
    store::hold(cx.write().await?, Claimed::Number(phone)).await?;
    if store::phone::is_verified_elsewhere(cx.read(), phone, user).await? {
        return Err(Refusal::PhoneTaken.into());
    }
    let now = cx.now;
    let number = PhoneNumber {
        phone: phone.to_owned(),
        verified: true,
    };
    store::phone::set(cx.write().await?, user, &number, now).await?;
    Ok(cx.note_about("phone_confirmed", Some(user), "", "").await?)
}

/// Somebody has just proved that a phone is theirs by signing in through it. The rules are those of
/// [`addresses::possess`].
///
/// # Errors
/// A failure.
pub async fn possess(
    cx: &mut Cx,
    user: &User,
    phone: &str,
    besides: Besides,
) -> Result<User, Error> {
    let number = store::phone::of_user(cx.read(), user.id).await?;
    let Some(number) = number.filter(|number| number.phone == phone && !number.verified) else {
        return Ok(user.clone());
    };
    match confirm(cx, user.id, &number.phone).await {
        Ok(()) => {}
        Err(Error::Refused(_)) => return Ok(user.clone()),
        Err(failed) => return Err(failed),
    }
    let addresses = store::email_address::of_user(cx.read(), user.id).await?;
    let vouched = store::vouched::of_user(cx.read(), user.id).await?;
    if besides == Besides::Password
        || addresses
            .iter()
            .any(|address| address.verified && !vouched.contains(&address.id))
    {
        return Ok(user.clone());
    }
    // Where nobody gets in without a confirmed address, the account would have none to confirm.
    if cx.hallpass().settings().account.email_verification != Verification::Mandatory {
        addresses::distrust_addresses(cx, &addresses, None).await?;
        store::email_address::clear_mirror(cx.write().await?, user.id).await?;
    }
    addresses::distrust_social_accounts(cx, user.id).await?;
    let user = store::user::by_id(cx.read(), user.id).await?;
    addresses::distrust_password(cx, user.ok_or(Refusal::NotPending)?).await
}

/// Sends a code to a phone, by the text of this name.
///
/// # Errors
/// A failure.
pub async fn send_code(
    cx: &mut Cx,
    name: &'static str,
    sent: &super::code::Sent,
) -> Result<(), Failure> {
    let lifetime = sent.challenge.expires.since(cx.now);
    let context = json!({
        "code": sent.code.reveal(),
        "valid_for": crate::domain::timestamp::spoken_for(lifetime),
    });
    let expires = sent.challenge.expires;
    send(
        cx,
        name,
        &sent.challenge.recipient.clone(),
        context,
        expires,
    )
    .await?;
    let user = sent.challenge.user;
    cx.note_about("phone_code_sent", user, "code", "").await
}

/// Sends a text without a code.
///
/// # Errors
/// A failure.
pub async fn send_plain(cx: &mut Cx, name: &'static str, to: &str) -> Result<(), Failure> {
    let expires = cx.now + std::time::Duration::from_secs(3600);
    let context = json!({ "code": "", "valid_for": "" });
    send(cx, name, to, context, expires).await?;
    cx.note_about("phone_code_sent", None, "code", "nobody")
        .await
}

/// Tells a number that somebody wanted to sign up with it, or to add it, although it has an account.
///
/// # Errors
/// A failure.
pub async fn send_already_exists(cx: &mut Cx, to: &str) -> Result<(), Failure> {
    send_plain(cx, "signup/account_already_exists", to).await
}

async fn send(
    cx: &mut Cx,
    name: &'static str,
    to: &str,
    context: Value,
    expires: Timestamp,
) -> Result<(), Failure> {
    // What is on file was read as a number before it was kept; another Django's may not have been.
    match Phone::parse(to, None) {
        Some(to) => cx.send_text(name, &to, context, Some(expires)).await,
        None => Ok(()),
    }
}

/// The work of a text, without one.
///
/// # Errors
/// A failure.
pub async fn send_nothing(cx: &mut Cx, to: &str) -> Result<(), Failure> {
    let expires = cx.now + std::time::Duration::from_secs(3600);
    let context = json!({ "code": "", "valid_for": "" });
    if let Some(to) = Phone::parse(to, None) {
        let name = "login_by_code/unknown_account";
        cx.send_text_to_nobody(name, &to, context, Some(expires))
            .await?;
    }
    cx.note_about("phone_code_sent", None, "code", "nobody")
        .await
}
