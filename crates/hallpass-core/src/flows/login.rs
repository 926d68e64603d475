//! Signing in with a password, and the way from any proof to the session.
//!
//! 1. The visitor names an account and gives a password ([`finish`]).
//! 2. Limits are counted; a success takes its own hit back, and only its own.
//! 3. One hash is computed, whoever was named: an unknown account costs what a known one costs. (Where several accounts
//!    share an address that nobody confirmed, up to three.) A hash of yesterday's making is replaced.
//! 4. The stages follow ([`pipeline`]): a code, the phone, the address, the app's own. Which one is next is a pure
//!    function ([`stages`]); what waits for the visitor waits in the session ([`pending`]).

pub(crate) mod connected;
mod enter;
pub mod pending;
pub mod pipeline;
pub mod stages;
mod vouched;
mod who;

pub(crate) use enter::{send_login_code, send_stage_link};
pub(crate) use pipeline::stage_ahead;
pub use pipeline::{Progress, SignedIn, page_of, pass_stage, proceed};
pub use vouched::vouch;
pub(crate) use who::method_of;

use hallpass_django::hashers;

use crate::cx::Cx;
use crate::domain::{Login, Record, User};
use crate::error::{Error, LoginMethod, Refusal};
use crate::flows::passwords::{PASSWORD_LIMIT, check_field};
use crate::flows::{addresses, numbers};
use crate::limits::{Hits, Verdict};
use crate::store;

/// What the visitor typed.
pub struct Credentials<'a> {
    /// User name, e-mail address or phone number.
    pub login: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether to stay signed in; the setting ACCOUNT_SESSION_REMEMBER may decide instead. `None`: the visitor was not
    /// asked, and the session lives as long as others do.
    pub remember: Option<bool>,
    /// Where to go afterwards, checked by the face.
    pub next: Option<String>,
}

/// Steps 1 to 4.
///
/// # Errors
/// [`Refusal::PasswordMismatch`] for whatever is wrong, [`Refusal::TooManyLoginAttempts`], [`Refusal::Inactive`] with the
/// right password, [`Refusal::NotAvailable`] where nobody has a password, or what the stages refuse.
pub async fn finish(cx: &mut Cx, credentials: Credentials<'_>) -> Result<Progress, Error> {
    // Before the fields are judged: what is wrong with them would be said at a form that asks for a password.
    if cx.hallpass().settings().is_passwordless() {
        return Err(Refusal::NotAvailable.into());
    }
    let login = credentials.login.trim();
    check_field("login", login, 320)?;
    check_field("password", credentials.password, PASSWORD_LIMIT)?;
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    let (method, user, record) = prove(cx, login, &[credentials.password]).await?;
    let begun = Login {
        email: record.email.clone(),
        phone: record.phone.clone(),
        records: vec![without_phone(record)],
        remember: credentials.remember,
        next: credentials.next,
        ..Login::new(&user, cx.now)
    };
    let id = user.id;
    match pipeline::begin(cx, begun, Some(user)).await {
        // Somebody changed the password, or switched the account off, while this one was being compared.
        Err(Error::Refused(Refusal::NotPending)) => {
            Err(refused(cx, Some(id), Refusal::PasswordMismatch(method)).await)
        }
        // A code was sent a moment ago: said as the limit of this form, before anything waits.
        Err(Error::Refused(Refusal::RateLimited { .. })) => {
            pending::abort(cx).await?;
            Err(refused(cx, Some(id), Refusal::TooManyLoginAttempts).await)
        }
        Err(Error::Refused(refusal)) => Err(refused(cx, Some(id), refusal).await),
        other => other,
    }
}

/// allauth's record of a password says nothing of a phone.
fn without_phone(record: Record) -> Record {
    Record {
        phone: None,
        ..record
    }
}

/// Steps 2 and 3: the user whose password this is, in one of its forms, and the record of it.
///
/// # Errors
/// As [`finish`].
pub(crate) async fn prove(
    cx: &mut Cx,
    login: &str,
    forms: &[&str],
) -> Result<(LoginMethod, User, Record), Error> {
    // One key for whatever spelling of an address or number means the same account.
    let key = match method_of(cx, login) {
        LoginMethod::Email => addresses::clean(cx, login).unwrap_or_else(|_| login.to_owned()),
        LoginMethod::Phone => numbers::parse(cx, login).unwrap_or_else(|| login.to_owned()),
        LoginMethod::Username => login.to_owned(),
    };
    let failures = match cx.hit("login_failed", Some(&key)).await? {
        Verdict::Within(hits) => hits,
        Verdict::Exceeded { .. } => {
            return Err(refused(cx, None, Refusal::TooManyLoginAttempts).await);
        }
    };
    let (method, candidates) = who::resolve(cx, login).await?;
    if candidates.is_empty() {
        for password in forms {
            cx.verify_nobody(password).await?;
        }
        return Err(refused(cx, None, Refusal::PasswordMismatch(method)).await);
    }
    let mut last = None;
    for (user, found_by) in candidates {
        last = Some(user.id);
        let Some((password, verdict)) = fitting(cx, forms, &user.password).await? else {
            continue;
        };
        if !user.is_active {
            return Err(refused(cx, Some(user.id), Refusal::Inactive).await);
        }
        cx.take_back(failures).await?;
        let user = match verdict.must_update {
            true => upgrade(cx, user, password).await?,
            false => user,
        };
        let mut record = Record::new("password", cx.now);
        // By what it was found, not by what it looks like: a name may look like somebody else's address.
        match found_by {
            LoginMethod::Email => record.email = Some(key),
            LoginMethod::Username => record.username = Some(login.to_owned()),
            LoginMethod::Phone => record.phone = Some(key),
        }
        return Ok((method, user, record));
    }
    Err(refused(cx, last, Refusal::PasswordMismatch(method)).await)
}

/// The form that fits a hash.
async fn fitting<'a>(
    cx: &mut Cx,
    forms: &[&'a str],
    encoded: &str,
) -> Result<Option<(&'a str, hashers::Verdict)>, Error> {
    for password in forms {
        let verdict = cx.verify_password(password, encoded).await?;
        if verdict.correct {
            return Ok(Some((password, verdict)));
        }
    }
    Ok(None)
}

/// The stored hash is made anew with the preferred hasher. Everything derived from the old one dies as in Django: other
/// sessions, links. The session that starts now is made from the new hash, so it lives.
pub(crate) async fn upgrade(cx: &mut Cx, user: User, password: &str) -> Result<User, Error> {
    let encoded = cx.encode_password(password).await?;
    if store::user::replace_password(cx.write().await?, user.id, &user.password, &encoded).await? {
        return Ok(User {
            password: encoded,
            ..user
        });
    }
    // Somebody else was quicker, perhaps with a new password: then this sign-in does not match the row and is refused.
    Ok(user)
}

/// Notes a sign-in that was refused.
pub(crate) async fn refused(
    cx: &mut Cx,
    user: Option<crate::domain::UserId>,
    refusal: Refusal,
) -> Error {
    match cx
        .note_about("login_failed", user, "password", refusal.code())
        .await
    {
        Ok(()) => refusal.into(),
        Err(failure) => failure.into(),
    }
}

/// A limit of its own page: the hits, or the refusal.
pub(crate) fn within(verdict: Verdict) -> Result<Hits, Refusal> {
    match verdict {
        Verdict::Within(hits) => Ok(hits),
        Verdict::Exceeded { retry_after } => Err(Refusal::RateLimited { retry_after }),
    }
}
