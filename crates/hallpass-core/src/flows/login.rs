//! Signing in with a password.
//!
//! 1. The visitor names an account and gives a password ([`finish`]).
//! 2. Limits are counted; a success takes its own hit back, and only its own.
//! 3. One hash is computed, whoever was named: an unknown account costs what a known one costs.
//! 4. The session starts; a hash of yesterday's making is replaced, and the session that caused it survives.

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, LoginMethod, Refusal};
use crate::flows::sessions::{self, Proof};
use crate::limits::{Hits, Verdict};
use crate::settings::LoginBy;
use crate::store;

/// The longest password that is hashed, in bytes: more would only be work for us.
pub const PASSWORD_LIMIT: usize = 4096;

/// What the visitor typed.
pub struct Credentials<'a> {
    /// User name or e-mail address.
    pub login: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether to stay signed in; the setting ACCOUNT_SESSION_REMEMBER may decide instead.
    pub remember: bool,
}

/// What came of it.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// The session is this user's.
    SignedIn(User),
}

/// Steps 1 to 4.
pub async fn finish(cx: &mut Cx, credentials: Credentials<'_>) -> Result<Finished, Error> {
    let login = credentials.login.trim();
    check_field("login", login, 320)?;
    check_field("password", credentials.password, PASSWORD_LIMIT)?;
    within(cx.hit("login", None).await?)?;
    let failures = match cx.hit("login_failed", Some(login)).await? {
        Verdict::Within(hits) => hits,
        Verdict::Exceeded { .. } => {
            cx.note_about("login_failed", None, "password", "too_many_login_attempts")
                .await?;
            return Err(Refusal::TooManyLoginAttempts.into());
        }
    };
    let (method, user) = resolve(cx, login).await?;
    let Some(user) = user else {
        cx.verify_nobody(credentials.password).await?;
        return refuse(cx, None, Refusal::PasswordMismatch(method)).await;
    };
    let verdict = cx
        .verify_password(credentials.password, &user.password)
        .await?;
    if !verdict.correct {
        return refuse(cx, Some(&user), Refusal::PasswordMismatch(method)).await;
    }
    if !user.is_active {
        return refuse(cx, Some(&user), Refusal::Inactive).await;
    }
    cx.take_back(failures).await?;
    let user = if verdict.must_update {
        upgrade(cx, user, credentials.password).await?
    } else {
        user
    };
    start(cx, user, method, login, credentials.remember).await
}

/// Step 4: the stored hash is made anew with the preferred hasher. Everything derived from the old one dies as in
/// Django: other sessions, links. The session that starts now is made from the new hash, so it lives.
async fn upgrade(cx: &mut Cx, user: User, password: &str) -> Result<User, Error> {
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

async fn start(
    cx: &mut Cx,
    user: User,
    method: LoginMethod,
    login: &str,
    remember: bool,
) -> Result<Finished, Error> {
    let (email, username) = match method {
        LoginMethod::Email => (Some(login), None),
        LoginMethod::Username => (None, Some(login)),
    };
    let proof = Proof {
        method: "password",
        email,
        username,
        once: false,
    };
    if !sessions::sign_in(cx, &user, proof).await? {
        // The password was changed, or the account switched off, while this one was being compared.
        return refuse(cx, Some(&user), Refusal::PasswordMismatch(method)).await;
    }
    remember_session(cx, remember);
    Ok(Finished::SignedIn(user))
}

/// ACCOUNT_SESSION_REMEMBER forces the choice; unset, the visitor's tick decides.
fn remember_session(cx: &mut Cx, ticked: bool) {
    let settings = cx.hallpass().settings();
    let remember = settings.account.session_remember.unwrap_or(ticked);
    let age = settings
        .account
        .session_cookie_age
        .unwrap_or(settings.session.cookie_age);
    cx.session.set_expiry(Some(if remember { age } else { 0 }));
}

/// Who is meant: by the configured methods, and only if exactly one account fits.
async fn resolve(cx: &mut Cx, login: &str) -> Result<(LoginMethod, Option<User>), Error> {
    let methods = cx.hallpass().settings().account.login_methods();
    let (by_name, by_email) = (
        methods.contains(&LoginBy::Username),
        methods.contains(&LoginBy::Email),
    );
    let method = match (by_name, by_email) {
        (false, true) => LoginMethod::Email,
        (true, true) if login.contains('@') => LoginMethod::Email,
        _ => LoginMethod::Username,
    };
    // Both are looked up whatever the first finds, so that the time does not tell which one it was.
    let named = if by_name {
        by_username(cx, login).await?
    } else {
        None
    };
    let mailed = if by_email {
        by_email_address(cx, login).await?
    } else {
        None
    };
    Ok((method, named.or(mailed)))
}

async fn by_username(cx: &mut Cx, login: &str) -> Result<Option<User>, Error> {
    let folded = login.to_lowercase();
    let mut users = store::user::by_username(cx.read(), login).await?;
    users.retain(|user| user.username.to_lowercase() == folded);
    Ok(if users.len() == 1 {
        users.pop()
    } else {
        users.into_iter().find(|user| user.username == login)
    })
}

async fn by_email_address(cx: &mut Cx, login: &str) -> Result<Option<User>, Error> {
    let found = store::user::by_email(cx.read(), login).await?;
    Ok(found.into_iter().next().map(|found| found.user))
}

async fn refuse<T>(cx: &mut Cx, user: Option<&User>, refusal: Refusal) -> Result<T, Error> {
    cx.note_about(
        "login_failed",
        user.map(|user| user.id),
        "password",
        refusal.code(),
    )
    .await?;
    Err(refusal.into())
}

/// Refuses what is empty, too long or holds a NUL.
pub(crate) fn check_field(field: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::Required(field));
    }
    if text.contains('\0') {
        return Err(Refusal::NullCharacter(field));
    }
    if text.len() > limit && text.chars().count() > limit {
        return Err(Refusal::TooLong { field, limit });
    }
    Ok(())
}

/// A limit of its own page: the hits, or the refusal.
pub(crate) fn within(verdict: Verdict) -> Result<Hits, Refusal> {
    match verdict {
        Verdict::Within(hits) => Ok(hits),
        Verdict::Exceeded { retry_after } => Err(Refusal::RateLimited { retry_after }),
    }
}
