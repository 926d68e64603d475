//! From the first proof to the session: the stages, one after the other.
//!
//! 1. A proof is in: the account must be active, the app must not mind ([`begin`]).
//! 2. The next stage is looked up. One that needs the visitor is entered, what it sends is sent, and the sign-in waits in
//!    the session. After each stage this is done again ([`resume`]).
//! 3. No stage is left: the session starts (`finish`).

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Login, Stage, User, UserId, address};
use crate::error::{Error, Failure, Refusal};
use crate::flows::code::{self, Purpose, Recipient};
use crate::flows::{addresses, sessions};
use crate::limits::Verdict;
use crate::settings::{SignupField, Verification};
use crate::store;

use super::connected;
use super::enter::enter;
use super::pending;
use super::stages::{EmailOpen, Facts, Next, To, next};

/// What came of a step of a sign-in.
#[derive(Debug)]
#[must_use]
pub enum Progress {
    /// The session is this user's.
    SignedIn(SignedIn),
    /// This stage waits for the visitor.
    Pending(Stage),
}

/// A sign-in that is complete.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Where to go.
    pub to: String,
    /// A letter is on its way, to confirm the address of a signup.
    pub written: bool,
}

/// Step 1. `user` is nobody where it must look like a sign-in and never end.
///
/// # Errors
/// [`Refusal::Inactive`], what hooks refuse, what sending a code may be refused for, or a failure.
pub async fn begin(cx: &mut Cx, login: Login, user: Option<User>) -> Result<Progress, Error> {
    pending::abort(cx).await?;
    // Whoever only asked for a code has proved nothing yet, and must not be told anything about the account.
    // The app is asked about a signup at its end, since it is not asked where there is nobody.
    if let Some(user) = user.as_ref().filter(|_| !login.by_visitor && !login.signup) {
        if !user.is_active {
            return Err(Refusal::Inactive.into());
        }
        let hook = cx.hallpass().login_hook().clone();
        hook.may_sign_in(cx, user).await?;
    }
    resume(cx, login, user).await
}

/// Step 2.
///
/// # Errors
/// As [`begin`]; [`Refusal::NoWayToConfirm`] ends the sign-in.
pub async fn resume(cx: &mut Cx, mut login: Login, user: Option<User>) -> Result<Progress, Error> {
    let facts = gather(cx, &login, user.as_ref()).await?;
    match next(&login, &facts) {
        Next::Done => match user {
            Some(user) => finish(cx, login, user).await,
            None => {
                pending::abort(cx).await?;
                Err(Refusal::NotPending.into())
            }
        },
        Next::Stuck => {
            if login.signup && login.social {
                // An account that nobody could ever enter is none.
                cx.undo().await;
            }
            pending::abort(cx).await?;
            Err(Refusal::NoWayToConfirm.into())
        }
        Next::At(stage) => {
            if login.current.as_ref() != Some(&stage) {
                login.current = None;
                pending::stash(cx, &login)?;
                // What a limit refuses to send now can be sent by a later try: the sign-in waits before the stage.
                enter(cx, &mut login, &stage, user.as_ref(), &facts).await?;
                login.current = Some(stage.clone());
            }
            pending::stash(cx, &login)?;
            Ok(Progress::Pending(stage))
        }
    }
}

/// The stage at which a sign-in of nobody would wait, without sending anything. `None`: at none.
///
/// # Errors
/// A failure.
pub(crate) async fn pretend(cx: &mut Cx, mut login: Login) -> Result<Option<Progress>, Error> {
    let facts = gather(cx, &login, None).await?;
    let Next::At(stage) = next(&login, &facts) else {
        return Ok(None);
    };
    let by_code = cx
        .hallpass()
        .settings()
        .account
        .email_verification_by_code_enabled;
    let to = login
        .email
        .clone()
        .or_else(|| login.phone.clone())
        .unwrap_or_default();
    let purpose = match &stage {
        Stage::LoginByCode => Some((Purpose::LoginDemanded, to)),
        Stage::VerifyPhone => Some((
            Purpose::VerifyPhone,
            login.phone.clone().unwrap_or_default(),
        )),
        Stage::VerifyEmail if by_code => Some((Purpose::VerifyEmail, to)),
        _ => None,
    };
    if let Some((purpose, to)) = purpose {
        let recipient = Recipient {
            user: None,
            to: &to,
            genuine: false,
        };
        let sent = code::begin(cx, purpose, recipient).await?;
        login.challenge = Some(sent.challenge.id);
    }
    login.current = Some(stage.clone());
    pending::stash(cx, &login)?;
    Ok(Some(Progress::Pending(stage)))
}

/// Keeps a sign-in whose stage has changed while it waits.
///
/// # Errors
/// A failure.
pub(crate) fn keep(cx: &mut Cx, login: &Login) -> Result<(), Failure> {
    pending::stash(cx, login)
}

/// Goes on with the sign-in that waits before a stage which could not be entered; tells which stage waits.
///
/// # Errors
/// [`Refusal::NotPending`], or as [`resume`].
pub async fn proceed(cx: &mut Cx) -> Result<Progress, Error> {
    match pending::current(cx).await? {
        Some((
            Login {
                current: Some(stage),
                ..
            },
            _,
        )) => Ok(Progress::Pending(stage)),
        Some((login, user)) => resume(cx, login, user).await,
        None => Err(Refusal::NotPending.into()),
    }
}

/// Reads what the order depends on, and no more than the settings make it depend on.
async fn gather(cx: &mut Cx, login: &Login, user: Option<&User>) -> Result<Facts, Error> {
    let account = cx.hallpass().settings().account.clone();
    let last = login.records.last().map(|record| record.method.as_str());
    let mailbox = !login.magic && matches!(last, Some("code" | "link"));
    let demanded = !mailbox && account.login_by_code_required.is_after(last);
    let phone = account.asks(SignupField::Phone);
    let mut facts = Facts {
        code: login.by_visitor || demanded,
        phone_asked: phone.is_some() && account.phone_verification_enabled,
        phone_required: phone == Some(true),
        email_mandatory: verification_of(cx, login) == Verification::Mandatory,
        ..Facts::default()
    };
    // Nobody's are looked up as anybody's are.
    let id = user.map_or(UserId::NOBODY, |user| user.id);
    let number = match phone.is_some() {
        true => store::phone::of_user(cx.read(), id).await?,
        false => None,
    };
    facts.phone = match user {
        Some(_) => number.map(|number| (number.phone, number.verified)),
        None => login.phone.clone().map(|phone| (phone, false)),
    };
    let rows = match facts.email_mandatory || facts.code {
        true => store::email_address::of_user(cx.read(), id).await?,
        false => Vec::new(),
    };
    let own = user.map(|user| user.email.clone()).unwrap_or_default();
    let primary = rows.iter().find(|row| row.primary).or(rows.first());
    let primary = primary
        .map(|row| row.email.clone())
        .or(Some(own).filter(|own| !own.is_empty()));
    let verified = |email: &str| {
        let mut rows = rows.iter();
        rows.any(|row| row.verified && address::same(&row.email, email))
    };
    facts.email_open = match &login.email {
        Some(email) if verified(email) => None,
        Some(email) => Some(EmailOpen::Address(email.clone())),
        None if user.is_some() && rows.iter().any(|row| row.verified) => None,
        None => Some(primary.clone().map_or(EmailOpen::None, EmailOpen::Address)),
    };
    facts.code_to = (login.email.clone().or(primary).map(To::Email))
        .or_else(|| facts.phone.clone().map(|(phone, _)| To::Phone(phone)));
    if login.by_visitor {
        let phone = login.phone.clone().map(To::Phone);
        facts.code_to = login.email.clone().map(To::Email).or(phone);
    }
    // Whoever has only asked for a code, or signed up and confirmed nothing, is not told of the app's stages yet: where
    // there is nobody, there would be none.
    let unproved = login.by_visitor && !login.done.contains(&Stage::LoginByCode);
    if let Some(user) = user.filter(|_| !unproved) {
        let hook = cx.hallpass().login_hook().clone();
        for own in hook.stages() {
            let stage = Stage::Own(own.key);
            let open = !login.done.contains(&stage);
            if open && hook.needs_stage(cx, stage.key(), user, login).await? {
                facts.own.push((stage, own.first && !login.signup));
            }
        }
    }
    Ok(facts)
}

/// Whether this sign-in needs a confirmed address.
fn verification_of(cx: &Cx, login: &Login) -> Verification {
    let settings = cx.hallpass().settings();
    match login.social {
        true => settings.social_email_verification(),
        false => settings.account.email_verification,
    }
}

/// Step 3.
async fn finish(cx: &mut Cx, login: Login, user: User) -> Result<Progress, Error> {
    if login.signup {
        let hook = cx.hallpass().login_hook().clone();
        if let Err(error) = hook.may_sign_in(cx, &user).await {
            pending::abort(cx).await?;
            return Err(error);
        }
    }
    let letter = may_send_optional(cx, &login).await?;
    let before = cx.session.clone();
    cx.session.remove(keys::LOGIN);
    let once = !login.magic
        && login.done.is_empty()
        && login
            .records
            .last()
            .is_some_and(|record| record.method == "link");
    if !sessions::sign_in(cx, &user, &login.records, once).await? {
        // The password was changed, or the account switched off, while this was going on.
        return Err(Refusal::NotPending.into());
    }
    connected::connect(cx, &user, &login).await?;
    if let Some(remember) = login.remember {
        remember_session(cx, remember);
    }
    let mut written = false;
    if let Some(email) = letter {
        let rows = addresses::of(cx, &user).await?;
        let row = rows.iter().find(|row| row.email == email && !row.verified);
        if let Some(row) = row.cloned() {
            addresses::send_link(cx, &user, &row, true).await?;
            written = true;
        }
    }
    let hook = cx.hallpass().login_hook().clone();
    if let Err(error) = hook.after_sign_in(cx, &user).await {
        // Whom the app turns away at the last moment never was in.
        cx.undo().await;
        cx.session = before;
        return Err(error);
    }
    let settings = cx.hallpass().settings();
    let to = login
        .next
        .or_else(|| hook.redirect(&user, login.signup))
        .unwrap_or_else(|| match login.signup {
            true => settings.signup_redirect_url(),
            false => settings.login_redirect_url(),
        });
    Ok(Progress::SignedIn(SignedIn { user, to, written }))
}

/// Where confirming is optional, a signup sends a letter and waits for nothing. Over the limit it sends none.
async fn may_send_optional(cx: &mut Cx, login: &Login) -> Result<Option<String>, Error> {
    let optional = verification_of(cx, login) == Verification::Optional;
    let Some(email) = login.email.clone().filter(|_| login.signup && optional) else {
        return Ok(None);
    };
    cx.checkpoint().await?;
    match cx.hit("confirm_email", Some(&email)).await? {
        Verdict::Within(_) => Ok(Some(email)),
        Verdict::Exceeded { .. } => Ok(None),
    }
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

/// The app's own stage is done; the sign-in goes on.
///
/// # Errors
/// [`Refusal::NotPending`] unless this stage is the one that waits, or as [`resume`].
pub async fn pass_stage(cx: &mut Cx, key: &str) -> Result<Progress, Error> {
    let stage = Stage::Own(key.to_owned());
    let (mut login, user) = pending::at(cx, &stage).await?;
    login.finish_stage();
    resume(cx, login, user).await
}

/// The stage that a sign-in would have to go through, without entering it. Where it could not go on at all, that is the
/// stage of the address.
///
/// # Errors
/// A failure.
pub(crate) async fn stage_ahead(
    cx: &mut Cx,
    login: &Login,
    user: &User,
) -> Result<Option<Stage>, Error> {
    let facts = gather(cx, login, Some(user)).await?;
    Ok(match next(login, &facts) {
        Next::Done => None,
        Next::At(stage) => Some(stage),
        Next::Stuck => Some(Stage::VerifyEmail),
    })
}

/// The path at which a stage waits for the visitor.
pub fn page_of(cx: &Cx, stage: &Stage) -> String {
    let path = match stage {
        Stage::LoginByCode => "login/code/confirm/",
        Stage::VerifyPhone => "phone/verify/",
        Stage::VerifyEmail => "confirm-email/",
        Stage::Own(key) => {
            let stages = cx.hallpass().login_hook().stages();
            let own = stages.into_iter().find(|own| own.key == *key);
            return own.map_or_else(|| cx.path("login/"), |own| own.page);
        }
    };
    cx.path(path)
}
