//! Letters to an address: to confirm it, to say how things are with it, to tell of a change.
//!
//! Where there is nobody to write to, a letter of the same size is made and taken out again, so that time tells nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cx::Cx;
use crate::delivery::Letter;
use crate::domain::{User, UserId, secret};
use crate::error::Failure;
use crate::flows::code::Sent;
use crate::store;
use crate::store::email_address::EmailAddress;

/// How long a confirmation link lives.
pub fn link_lifetime(cx: &Cx) -> Duration {
    let days = cx
        .hallpass()
        .settings()
        .account
        .email_confirmation_expire_days;
    Duration::from_secs(days.saturating_mul(86_400))
}

/// A link that confirms a row.
///
/// # Errors
/// A failure.
pub async fn link_to_confirm(cx: &mut Cx, row: &EmailAddress) -> Result<String, Failure> {
    let key = if cx.hallpass().settings().account.email_confirmation_hmac {
        cx.hallpass().confirmations().make(row.id, cx.now.seconds())
    } else {
        let key = secret::random_text(secret::LOWER_ALPHANUMERIC, 64);
        let now = cx.now;
        store::email_address::keep_key(cx.write().await?, row.id, &key, now).await?;
        key
    };
    Ok(cx.confirm_link(&key))
}

/// Sends a confirmation link for a row.
///
/// # Errors
/// A failure.
pub async fn send_link(
    cx: &mut Cx,
    user: &User,
    row: &EmailAddress,
    signup: bool,
) -> Result<(), Failure> {
    let link = link_to_confirm(cx, row).await?;
    let lifetime = link_lifetime(cx);
    let context = json!({
        "link": link,
        "valid_for": crate::domain::timestamp::spoken_for(lifetime),
        "signup": signup,
        "user": { "display": cx.hallpass().display(user) },
        "asked": cx.asked(),
    });
    let expires = Some(cx.now + lifetime);
    cx.send(&Letter {
        name: "email_verification/link",
        to: &row.email,
        context,
        expires,
    })
    .await?;
    cx.note_about("email_confirmation_sent", Some(user.id), "link", "")
        .await
}

/// Sends a confirmation code.
///
/// # Errors
/// A failure.
pub async fn send_code(
    cx: &mut Cx,
    user: Option<&User>,
    sent: &Sent,
    signup: bool,
) -> Result<(), Failure> {
    let context = json!({
        "code": sent.code.reveal(),
        "valid_for": crate::domain::timestamp::spoken_for(sent.challenge.expires.since(cx.now)),
        "signup": signup,
        "user": user.map(|user| json!({ "display": cx.hallpass().display(user) })),
        "asked": cx.asked(),
    });
    cx.send(&Letter {
        name: "email_verification/code",
        to: &sent.challenge.recipient,
        context,
        expires: Some(sent.challenge.expires),
    })
    .await?;
    let user = user.map(|user| user.id);
    cx.note_about("email_confirmation_sent", user, "code", "")
        .await
}

/// Tells an address that somebody wanted to sign up with it, or to add it, although it has an account.
///
/// # Errors
/// A failure.
pub async fn send_already_exists(cx: &mut Cx, email: &str) -> Result<(), Failure> {
    let letter = already_exists(cx, email);
    cx.send(&letter).await?;
    note_nobody(cx).await
}

/// The work of a letter to `email`, without one.
///
/// # Errors
/// A failure.
pub async fn send_nothing(cx: &mut Cx, email: &str) -> Result<(), Failure> {
    let letter = already_exists(cx, email);
    cx.send_nothing(&letter).await?;
    note_nobody(cx).await
}

fn already_exists<'a>(cx: &Cx, email: &'a str) -> Letter<'a> {
    let context = json!({
        "email": email,
        "login_url": cx.url("login/"),
        "reset_url": cx.reset_url(),
        "asked": cx.asked(),
    });
    Letter {
        name: "signup/account_already_exists",
        to: email,
        context,
        expires: Some(cx.now + Duration::from_secs(86_400)),
    }
}

/// What is noted of a letter of confirmation, where the letter was another one or none.
async fn note_nobody(cx: &mut Cx) -> Result<(), Failure> {
    cx.note_about("email_confirmation_sent", None, "", "nobody")
        .await
}

/// Tells an address that there is no account with it.
///
/// # Errors
/// A failure.
pub async fn send_unknown(cx: &mut Cx, email: &str) -> Result<(), Failure> {
    let context = json!({
        "email": email,
        "signup_url": cx.signup_url(),
        "asked": cx.asked(),
    });
    let letter = Letter {
        name: "login_by_code/unknown_account",
        to: email,
        context,
        expires: Some(cx.now + Duration::from_secs(86_400)),
    };
    send_or_pretend(cx, &letter).await?;
    note_nobody(cx).await
}

/// Sends a letter to an address without an account, if ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS says so; else the work of it is
/// done.
pub(crate) async fn send_or_pretend(cx: &mut Cx, letter: &Letter<'_>) -> Result<(), Failure> {
    match cx.hallpass().settings().account.email_unknown_accounts {
        true => cx.send(letter).await,
        false => cx.send_nothing(letter).await,
    }
}

/// A security notice to `to`, if ACCOUNT_EMAIL_NOTIFICATIONS is on.
///
/// # Errors
/// A failure.
pub async fn notify(
    cx: &mut Cx,
    about: UserId,
    to: &str,
    name: &'static str,
    own: Value,
) -> Result<(), Failure> {
    if !cx.hallpass().settings().account.email_notifications || to.is_empty() {
        return Ok(());
    }
    let user = store::user::by_id(cx.read(), about).await?;
    let display = user
        .map(|user| cx.hallpass().display(&user))
        .unwrap_or_default();
    let mut context = json!({
        "asked": cx.asked(),
        "reset_url": cx.reset_url(),
        "user": { "display": display },
    });
    if let (Value::Object(context), Value::Object(own)) = (&mut context, own) {
        context.extend(own);
    }
    let expires = Some(cx.now + Duration::from_secs(3 * 86_400));
    cx.send(&Letter {
        name,
        to,
        context,
        expires,
    })
    .await
}
