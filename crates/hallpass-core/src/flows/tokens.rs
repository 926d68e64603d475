//! Keys and tokens for programs: Django REST framework's key, simplejwt's pair of tokens.
//!
//! 1. A login gives a key, or a pair, as REST_AUTH says ([`login()`], [`issue`]). There is nobody to walk through stages: a
//!    sign-in that would have to wait for one is refused.
//! 2. A key or an access token says who asks ([`by_key`], [`by_access`]).
//! 3. A refresh token gives a new access token ([`refresh()`]), and where it is rotated a successor.
//! 4. Logging out ends the key, or the family ([`logout`]); a new password ends all of them.

use std::time::Duration;

use hallpass_django::signing::hex;
use md5::{Digest as _, Md5};
use serde_json::Value;

use crate::cx::Cx;
use crate::domain::jwt::{Claims, Rejected};
use crate::domain::{Login, Stage, Timestamp, User, UserId, secret};
use crate::error::{Error, Failure, LoginMethod, Refusal, TokenFault};
use crate::flows::login::{self, pending, within};
use crate::flows::passwords::{PASSWORD_LIMIT, forms};
use crate::flows::sessions;
use crate::hallpass::Hallpass;
use crate::store;
use crate::store::refresh::Known;

mod key;
mod refresh;
pub mod signup;
pub mod social;

pub use key::{by_key, key_of};
pub use refresh::{Refreshed, end_refresh, refresh};

/// A pair of tokens.
#[derive(Clone)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// When it expires.
    pub access_expires: Timestamp,
    /// The refresh token.
    pub refresh: String,
    /// When that expires.
    pub refresh_expires: Timestamp,
}

/// What a login gives.
pub enum Given {
    /// A key.
    Key(String),
    /// A pair of tokens.
    Pair(Pair),
    /// Only a session, if that.
    Nothing,
}

/// Who logged in, and with what.
pub struct LoggedIn {
    /// Who.
    pub user: User,
    /// What is given.
    pub given: Given,
}

/// Step 1. `session`: the login may start a session too, as REST_AUTH_SESSION_LOGIN says; not where another site sent the
/// visitor's browser here, or it could sign somebody in as somebody else.
///
/// # Errors
/// As [`login::finish`]; [`Refusal::EmailNotVerified`], [`Refusal::StageRequired`].
pub async fn login(
    cx: &mut Cx,
    name: &str,
    password: &str,
    session: bool,
) -> Result<LoggedIn, Error> {
    if cx.hallpass().settings().is_passwordless() {
        return Err(Refusal::NotAvailable.into());
    }
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    // Longer than anything that is anybody's: not worth the work.
    if name.len() > 1000 || password.len() > PASSWORD_LIMIT {
        return Err(Refusal::PasswordMismatch(LoginMethod::Username).into());
    }
    let (_, user, record) = login::prove(cx, name.trim(), &forms(password)).await?;
    let id = user.id;
    let begun = Login {
        email: Some(user.email.clone()).filter(|email| !email.is_empty()),
        records: vec![record],
        ..Login::new(&user, cx.now)
    };
    match enter(cx, user, begun, "password", session).await {
        Err(Error::Refused(refusal)) => Err(login::refused(cx, Some(id), refusal).await),
        other => other,
    }
}

/// Step 1, for somebody who proved who they are, by `method`.
async fn enter(
    cx: &mut Cx,
    user: User,
    begun: Login,
    method: &'static str,
    session: bool,
) -> Result<LoggedIn, Error> {
    let hook = cx.hallpass().login_hook().clone();
    hook.may_sign_in(cx, &user).await?;
    match login::stage_ahead(cx, &begun, &user).await? {
        None => {}
        Some(Stage::VerifyEmail) => return Err(Refusal::EmailNotVerified.into()),
        Some(stage) => return Err(Refusal::StageRequired(stage.key().to_owned()).into()),
    }
    let settings = cx.hallpass().settings();
    let touch = settings.simple_jwt.update_last_login;
    let before = cx.session.clone();
    if session && settings.rest_auth.session_login {
        // What another page began here is not for whoever is in now.
        pending::abort(cx).await?;
        if !sessions::sign_in(cx, &user, &begun.records, false).await? {
            return Err(Refusal::PasswordMismatch(LoginMethod::Username).into());
        }
    } else {
        if touch {
            let now = cx.now;
            store::user::mark_login(cx.write().await?, &user, now).await?;
        }
        cx.note_about("login", Some(user.id), method, "token")
            .await?;
    }
    login::connected::connect(cx, &user, &begun).await?;
    if let Err(error) = hook.after_sign_in(cx, &user).await {
        // Whom the app turns away at the last moment never was in.
        cx.undo().await;
        cx.session = before;
        return Err(error);
    }
    let given = issue(cx, &user).await?;
    Ok(LoggedIn { user, given })
}

/// Counts a request against REST framework's throttle of a scope: by user where one is known, else by address.
///
/// # Errors
/// [`Refusal::RateLimited`].
pub async fn throttle(cx: &mut Cx, scope: &str, user: Option<UserId>) -> Result<(), Error> {
    let by = if user.is_some() { "user" } else { "ip" };
    if let Some(user) = user {
        cx.act_as(user);
    }
    within(cx.hit(&throttle_action(scope, by), None).await?)?;
    Ok(())
}

/// The name under which [`throttle`] counts.
pub(crate) fn throttle_action(scope: &str, by: &str) -> String {
    format!("throttle:{scope}:{by}")
}

/// Step 1, for somebody who has been let in.
///
/// # Errors
/// A failure.
pub async fn issue(cx: &mut Cx, user: &User) -> Result<Given, Error> {
    let settings = cx.hallpass().settings();
    if settings.rest_auth.use_jwt {
        return Ok(Given::Pair(new_pair(cx, user).await?));
    }
    if settings.rest_auth.token_model.is_some() {
        return Ok(Given::Key(key_of(cx, user).await?));
    }
    Ok(Given::Nothing)
}

/// A user's key, given by the app.
///
/// # Errors
/// [`Refusal::NotAvailable`] where REST_AUTH_TOKEN_MODEL is off; [`Refusal::NoSuchUser`], [`Refusal::Inactive`].
pub async fn issue_key(cx: &mut Cx, id: UserId) -> Result<String, Error> {
    if cx.hallpass().settings().rest_auth.token_model.is_none() {
        return Err(Refusal::NotAvailable.into());
    }
    let user = sessions::active(cx, id).await?;
    let key = key_of(cx, &user).await?;
    cx.note_about("login", Some(id), "app", "token").await?;
    Ok(key)
}

/// A pair of tokens for a user, given by the app: the beginning of a family.
///
/// # Errors
/// [`Refusal::NotAvailable`] where REST_AUTH_USE_JWT is off; [`Refusal::NoSuchUser`], [`Refusal::Inactive`].
pub async fn issue_pair(cx: &mut Cx, id: UserId) -> Result<Pair, Error> {
    if !cx.hallpass().settings().rest_auth.use_jwt {
        return Err(Refusal::NotAvailable.into());
    }
    let user = sessions::active(cx, id).await?;
    let pair = new_pair(cx, &user).await?;
    cx.note_about("login", Some(id), "app", "token").await?;
    Ok(pair)
}

/// The claims of an access token whose signature, times and kind are right. No statement; whether its user still may
/// anything is not asked.
///
/// # Errors
/// [`Refusal::Token`].
pub fn claims_of(hallpass: &Hallpass, token: &str, now: Timestamp) -> Result<Claims, Refusal> {
    typed(hallpass, token, "access", now)
}

/// Step 2: whose access token this is.
///
/// # Errors
/// [`Refusal::Token`].
pub async fn by_access(hallpass: &Hallpass, token: &str, now: Timestamp) -> Result<User, Error> {
    let claims = claims_of(hallpass, token, now)?;
    let id = user_id(hallpass, &claims).ok_or(Refusal::Token(TokenFault::NoUser))?;
    let user = store::user::by_id(hallpass.db().conn(), id).await?;
    let user = user.ok_or(Refusal::Token(TokenFault::UserNotFound))?;
    if !user.is_active {
        return Err(Refusal::Token(TokenFault::UserInactive).into());
    }
    check_password_mark(hallpass, &claims, &user)?;
    Ok(user)
}

fn typed(hallpass: &Hallpass, token: &str, kind: &str, now: Timestamp) -> Result<Claims, Refusal> {
    let claims = hallpass.jwts().decode(token, now).map_err(rejected)?;
    let fault = |fault| Err(Refusal::Token(fault));
    if !claims.contains_key("exp") || !claims.contains_key("jti") {
        return fault(TokenFault::Invalid);
    }
    match claims.get("token_type").and_then(Value::as_str) {
        Some(given) if given == kind => Ok(claims),
        Some(_) => fault(TokenFault::WrongType),
        None => fault(TokenFault::Invalid),
    }
}

fn rejected(rejected: Rejected) -> Refusal {
    Refusal::Token(match rejected {
        Rejected::Expired => TokenFault::Expired,
        Rejected::Invalid => TokenFault::Invalid,
    })
}

fn user_id(hallpass: &Hallpass, claims: &Claims) -> Option<UserId> {
    let users = hallpass.db().users();
    match claims.get(&hallpass.settings().simple_jwt.user_id_claim)? {
        Value::String(text) => users.key(text),
        Value::Number(number) => users.key(&number.to_string()),
        _ => None,
    }
}

/// simplejwt's mark of a password.
fn password_mark(user: &User) -> String {
    hex(&Md5::digest(user.password.as_bytes())).to_uppercase()
}

fn check_password_mark(hallpass: &Hallpass, claims: &Claims, user: &User) -> Result<(), Refusal> {
    let settings = &hallpass.settings().simple_jwt;
    if !settings.check_revoke_token {
        return Ok(());
    }
    let mark = claims
        .get(&settings.revoke_token_claim)
        .and_then(Value::as_str);
    let own = password_mark(user);
    let same = mark.is_some_and(|mark| {
        aws_lc_rs::constant_time::verify_slices_are_equal(mark.as_bytes(), own.as_bytes()).is_ok()
    });
    match same {
        true => Ok(()),
        false => Err(Refusal::Token(TokenFault::PasswordChanged)),
    }
}

/// A pair for a user: the beginning of a family.
async fn new_pair(cx: &mut Cx, user: &User) -> Result<Pair, Error> {
    if !store::user::is_current(cx.write().await?, user).await? {
        return Err(Refusal::Token(TokenFault::PasswordChanged).into());
    }
    let hallpass = cx.hallpass().clone();
    let settings = &hallpass.settings().simple_jwt;
    let expires = cx.now + Duration::from_secs(settings.refresh_token_lifetime);
    let jti = hex(&secret::random_bytes::<16>());
    let mut claims = Claims::new();
    claims.insert("token_type".to_owned(), "refresh".into());
    claims.insert("exp".to_owned(), expires.seconds().into());
    claims.insert("iat".to_owned(), cx.now.seconds().into());
    claims.insert("jti".to_owned(), jti.as_str().into());
    claims.insert(settings.user_id_claim.clone(), user.id.to_string().into());
    if settings.check_revoke_token {
        claims.insert(
            settings.revoke_token_claim.clone(),
            password_mark(user).into(),
        );
    }
    let refresh = hallpass.jwts().encode(&claims)?;
    let known = Known {
        family: jti.clone(),
        jti,
        user: user.id,
        issued: cx.now,
        expires,
        successor: None,
        ended: None,
    };
    refresh::remember(cx, &known, &refresh).await?;
    let (access, access_expires) = access_of(&hallpass, &claims, cx.now)?;
    Ok(Pair {
        access,
        access_expires,
        refresh,
        refresh_expires: expires,
    })
}

/// An access token from the claims of a refresh token.
fn access_of(
    hallpass: &Hallpass,
    claims: &Claims,
    now: Timestamp,
) -> Result<(String, Timestamp), Failure> {
    let lifetime = Duration::from_secs(hallpass.settings().simple_jwt.access_token_lifetime);
    let expires = now + lifetime;
    let mut access = Claims::new();
    access.insert("token_type".to_owned(), "access".into());
    access.insert("exp".to_owned(), expires.seconds().into());
    access.insert("iat".to_owned(), now.seconds().into());
    access.insert("jti".to_owned(), hex(&secret::random_bytes::<16>()).into());
    for (name, value) in claims {
        if !matches!(
            name.as_str(),
            "token_type" | "exp" | "iat" | "jti" | "aud" | "iss"
        ) {
            access.insert(name.clone(), value.clone());
        }
    }
    Ok((hallpass.jwts().encode(&access)?, expires))
}

/// Whether a token of any kind is good.
///
/// # Errors
/// [`Refusal::Token`].
pub async fn verify(cx: &mut Cx, token: &str) -> Result<(), Error> {
    let hallpass = cx.hallpass().clone();
    let claims = hallpass.jwts().decode(token, cx.now).map_err(rejected)?;
    let Some(jti) = claims.get("jti").and_then(Value::as_str) else {
        return Err(Refusal::Token(TokenFault::Invalid).into());
    };
    if !claims.contains_key("exp") {
        return Err(Refusal::Token(TokenFault::Invalid).into());
    }
    let known = store::refresh::get(cx.read(), jti).await?;
    let over = known.is_some_and(|known| known.ended.is_some() || known.successor.is_some());
    if over || store::refresh::is_blacklisted(cx.read(), jti).await? {
        return Err(Refusal::Token(TokenFault::Blacklisted).into());
    }
    Ok(())
}

/// Step 4: a user's key goes, and the session of this browser.
///
/// # Errors
/// A failure.
pub async fn logout(cx: &mut Cx, user: Option<UserId>) -> Result<(), Error> {
    if let Some(user) = user {
        store::token::remove(cx.write().await?, user).await?;
        cx.note_about("logout", Some(user), "", "").await?;
    }
    if cx.hallpass().settings().rest_auth.session_login {
        cx.session.flush();
    }
    Ok(())
}
