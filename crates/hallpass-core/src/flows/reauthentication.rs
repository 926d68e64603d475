//! A fresh proof by somebody who is signed in, before something sensitive.
//!
//! 1. Is one needed? Only where the settings ask for it, and only if the last one is too old ([`require`]). Signing in a
//!    moment ago does not count: a browser left open is signed in too.
//! 2. Who has a password gives it ([`finish`]). Who has none gets a code by mail or phone ([`begin_code`],
//!    [`finish_code`]). Who has neither cannot be asked, and is not.
//!
//! A form that came too early is kept meanwhile ([`kept`]).

pub mod kept;

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Record, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::code::{self, Checked, Purpose, Recipient};
use crate::flows::login;
use crate::flows::passwords::{PASSWORD_LIMIT, check_field};
use crate::flows::sessions;
use crate::limits::Verdict;
use crate::store;
use crate::store::code::Challenge;

/// How somebody can give a fresh proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By password.
    Password,
    /// By a code sent to this address or number.
    Code(String),
    /// Not at all.
    None,
}

/// Step 1, for changes of addresses and numbers.
///
/// # Errors
/// [`Refusal::ReauthenticationRequired`].
pub async fn require(cx: &mut Cx) -> Result<(), Error> {
    if !cx.hallpass().settings().account.reauthentication_required {
        return Ok(());
    }
    require_always(cx).await
}

/// Step 1, whatever the settings say.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::ReauthenticationRequired`].
pub async fn require_always(cx: &mut Cx) -> Result<(), Error> {
    let user = cx.signed_in()?;
    if is_fresh(cx) || way(cx, &user).await? == Way::None {
        return Ok(());
    }
    Err(Refusal::ReauthenticationRequired.into())
}

/// Step 1 for what an app guards: a proof of a short while ago will do, signing in included.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::ReauthenticationRequired`].
pub async fn require_recent(cx: &mut Cx) -> Result<(), Error> {
    match is_recent(cx) && cx.session.user().is_some() {
        true => Ok(()),
        false => require_always(cx).await,
    }
}

/// Whether a proof was given anew a short while ago.
pub fn is_fresh(cx: &Cx) -> bool {
    let lifetime = Duration::from_secs(cx.hallpass().settings().account.reauthentication_timeout);
    let records = sessions::records(&cx.session);
    let last = records.iter().rev().find(|record| record.reauthenticated);
    last.is_some_and(|record| record.time() <= cx.now && cx.now < record.time() + lifetime)
}

/// Whether a proof was given a short while ago, anew or by signing in.
pub(crate) fn is_recent(cx: &Cx) -> bool {
    let lifetime = Duration::from_secs(cx.hallpass().settings().account.reauthentication_timeout);
    let records = sessions::records(&cx.session);
    let mut times = records.iter().map(Record::time);
    times.any(|time| time <= cx.now && cx.now < time + lifetime)
}

/// How `user` can give one. A mailbox or phone counts only if it was confirmed.
///
/// # Errors
/// A failure.
pub async fn way(cx: &mut Cx, user: &User) -> Result<Way, Failure> {
    if hallpass_django::hashers::is_usable(&user.password)
        && !cx.hallpass().settings().is_passwordless()
    {
        return Ok(Way::Password);
    }
    let rows = store::email_address::of_user(cx.read(), user.id).await?;
    if let Some(row) = rows.into_iter().find(|row| row.verified) {
        return Ok(Way::Code(row.email));
    }
    let phone = store::phone::of_user(cx.read(), user.id).await?;
    Ok(match phone.filter(|phone| phone.verified) {
        Some(phone) => Way::Code(phone.phone),
        None => Way::None,
    })
}

/// By what wrong passwords of somebody who is signed in are counted. No login begins so: what a stranger types at the
/// sign-in page must not lock anybody out of what they do in their own session.
pub(crate) fn failures_key(user: &User) -> String {
    format!("\0user:{}", user.id)
}

/// Whether this is the user's password; a wrong one counts as a failed sign-in does.
///
/// # Errors
/// [`Refusal::TooManyLoginAttempts`], or a failure.
pub(crate) async fn is_password_of(
    cx: &mut Cx,
    user: &User,
    forms: &[&str],
) -> Result<bool, Error> {
    let key = failures_key(user);
    let hits = match cx.hit("login_failed", Some(&key)).await? {
        Verdict::Within(hits) => hits,
        Verdict::Exceeded { .. } => return Err(Refusal::TooManyLoginAttempts.into()),
    };
    for password in forms {
        if cx.verify_password(password, &user.password).await?.correct {
            cx.take_back(hits).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Step 2, by password.
///
/// # Errors
/// [`Refusal::IncorrectPassword`], [`Refusal::LoginRequired`], [`Refusal::RateLimited`],
/// [`Refusal::TooManyLoginAttempts`].
pub async fn finish(cx: &mut Cx, password: &str) -> Result<(), Error> {
    let user = cx.signed_in()?;
    check_field("password", password, PASSWORD_LIMIT)?;
    if way(cx, &user).await? != Way::Password {
        return Err(Refusal::NotAvailable.into());
    }
    login::within(cx.hit("reauthenticate", None).await?)?;
    if !is_password_of(cx, &user, &[password]).await? {
        cx.note_about(
            "reauthentication_failed",
            Some(user.id),
            "password",
            "incorrect_password",
        )
        .await?;
        return Err(Refusal::IncorrectPassword.into());
    }
    let mut record = Record::new("password", cx.now);
    if user.username.is_empty() {
        record.email = Some(user.email.clone());
    } else {
        record.username = Some(user.username.clone());
    }
    note(cx, &user, record, "password").await
}

async fn note(cx: &mut Cx, user: &User, record: Record, method: &'static str) -> Result<(), Error> {
    let record = Record {
        reauthenticated: true,
        ..record
    };
    sessions::add_record(&mut cx.session, user.id, &record);
    Ok(cx
        .note_about("reauthenticated", Some(user.id), method, "")
        .await?)
}

/// Step 2, by code: sends one, unless one is on its way.
///
/// # Errors
/// [`Refusal::NotAvailable`] for those who have a password or nothing, [`Refusal::RateLimited`].
pub async fn begin_code(cx: &mut Cx, again: bool) -> Result<Challenge, Error> {
    let user = cx.signed_in()?;
    let Way::Code(to) = way(cx, &user).await? else {
        return Err(Refusal::NotAvailable.into());
    };
    let id = code::id_in(cx, keys::REAUTH_CHALLENGE);
    let before = code::pending(cx, Purpose::Reauthentication, id.as_deref()).await?;
    if let Some(before) = before.filter(|before| !again && before.recipient == to) {
        return Ok(before);
    }
    login::within(cx.hit("request_login_code", Some(&to)).await?)?;
    code::end(cx, id.as_deref()).await?;
    let recipient = Recipient {
        user: Some(user.id),
        to: &to,
        genuine: true,
    };
    let sent = code::begin(cx, Purpose::Reauthentication, recipient).await?;
    let waits = crate::domain::Login::new(&user, cx.now);
    login::send_login_code(cx, &waits, Some(&user), &sent).await?;
    cx.session
        .set(keys::REAUTH_CHALLENGE, sent.challenge.id.as_str());
    Ok(sent.challenge)
}

/// Step 2, by code: it was typed.
///
/// # Errors
/// [`Refusal::IncorrectCode`], [`Refusal::NotPending`], [`Refusal::RateLimited`].
pub async fn finish_code(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let user = cx.signed_in()?;
    login::within(cx.hit("reauthenticate", None).await?)?;
    let id = code::id_in(cx, keys::REAUTH_CHALLENGE);
    match code::check(cx, Purpose::Reauthentication, id.as_deref(), typed).await? {
        Checked::Right(challenge) if challenge.user == Some(user.id) => {
            cx.session.remove(keys::REAUTH_CHALLENGE);
            let mut record = Record::new("code", cx.now);
            match challenge.by_mail() {
                true => record.email = Some(challenge.recipient),
                false => record.phone = Some(challenge.recipient),
            }
            note(cx, &user, record, "code").await
        }
        Checked::Wrong | Checked::Over => {
            cx.note_about(
                "reauthentication_failed",
                Some(user.id),
                "code",
                "incorrect_code",
            )
            .await?;
            Err(Refusal::IncorrectCode.into())
        }
        Checked::Right(_) | Checked::Gone => {
            cx.session.remove(keys::REAUTH_CHALLENGE);
            Err(Refusal::NotPending.into())
        }
    }
}
