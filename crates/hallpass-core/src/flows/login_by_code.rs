//! Signing in with a one-time code.
//!
//! 1. The visitor names an address or a number; we always say "sent" ([`begin`]). A code goes to whoever owns it, or a
//!    letter that says there is no account.
//! 2. A fresh code may be asked for ([`resend`]).
//! 3. The code is typed back ([`finish`]), or the link beside it is opened and its button pressed ([`look`],
//!    [`finish_link`]): one challenge, two presentations, and using one ends both.
//!
//! The same stage serves where a code is demanded besides another proof (ACCOUNT_LOGIN_BY_CODE_REQUIRED): then the sign-in
//! that waits goes on. Such a code is worth nothing in another browser, its link neither.

use crate::cx::Cx;
use crate::domain::{Login, Record, Stage, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::Besides;
use crate::flows::code::{self, Checked, Purpose};
use crate::flows::login::{self, Progress, pending, pipeline, within};
use crate::flows::{addresses, numbers};
use crate::limits::Verdict;
use crate::settings::{Enumeration, LoginBy, SignupField};
use crate::store;
use crate::store::code::Challenge;

/// What the visitor typed: one of the two.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// An address.
    pub email: &'a str,
    /// A phone number.
    pub phone: &'a str,
    /// Where to go afterwards, checked by the face.
    pub next: Option<String>,
}

/// Step 1. The sign-in waits for the code, whether or not there is an account.
///
/// # Errors
/// [`Refusal::Required`], [`Refusal::SelectOnlyOne`], what an address or number may be refused for,
/// [`Refusal::RateLimited`], [`Refusal::TooManyLoginAttempts`]; [`Refusal::UnknownEmail`] and [`Refusal::UnknownPhone`] where that may be told.
pub async fn begin(cx: &mut Cx, request: Request<'_>) -> Result<Progress, Error> {
    if !cx.hallpass().settings().account.login_by_code_enabled {
        return Err(Refusal::NotAvailable.into());
    }
    let hook = cx.hallpass().login_hook().clone();
    let (mail, phone) = (request.email.trim(), request.phone.trim());
    let mut begun = Login {
        by_visitor: true,
        next: request.next,
        ..Login::of_nobody(cx.now)
    };
    let key = match (mail.is_empty(), phone.is_empty()) {
        (true, true) => {
            let field = if takes_phone(cx) && !takes_email(cx) {
                "phone"
            } else {
                "email"
            };
            return Err(Refusal::Required(field).into());
        }
        (false, false) => return Err(Refusal::SelectOnlyOne.into()),
        (false, true) => {
            begun.email = Some(addresses::clean(cx, mail)?);
            begun.email.clone()
        }
        (true, false) if !takes_phone(cx) => return Err(Refusal::InvalidPhone.into()),
        (true, false) => {
            begun.phone = Some(numbers::clean(cx, phone)?);
            begun.phone.clone()
        }
    };
    match cx.hit("request_login_code", key.as_deref()).await? {
        Verdict::Within(_) => {}
        Verdict::Exceeded { .. } => {
            return Err(login::refused(cx, None, Refusal::TooManyLoginAttempts).await);
        }
    }
    hook.may_attempt(cx).await?;
    let user = owner(cx, &begun).await?;
    if user.is_none() && cx.hallpass().settings().account.prevent_enumeration == Enumeration::Off {
        return Err(match begun.email {
            Some(_) => Refusal::UnknownEmail,
            None => Refusal::UnknownPhone,
        }
        .into());
    }
    if let Some(user) = &user {
        begun = Login {
            user: Some(user.id),
            ..begun
        };
        begun.follow(user);
    }
    pipeline::begin(cx, begun, user).await
}

/// Whether a code can be asked for by address.
pub fn takes_email(cx: &Cx) -> bool {
    let account = &cx.hallpass().settings().account;
    account.has_method(LoginBy::Email)
        || account.asks(SignupField::Email).is_some()
        || !takes_phone(cx)
}

/// Whether a code can be asked for by phone number.
pub fn takes_phone(cx: &Cx) -> bool {
    let account = &cx.hallpass().settings().account;
    account.has_method(LoginBy::Phone) || account.asks(SignupField::Phone).is_some()
}

/// The first active owner, those who confirmed it before all others.
async fn owner(cx: &mut Cx, login: &Login) -> Result<Option<User>, Failure> {
    if let Some(email) = &login.email {
        let found = addresses::owners(cx, email).await?;
        return Ok(found.into_iter().next().map(|found| found.user));
    }
    let phone = login.phone.clone().unwrap_or_default();
    let found = numbers::owners(cx, &phone).await?;
    Ok(found.into_iter().next())
}

/// What the code of a sign-in is good for.
pub(crate) fn purpose(login: &Login) -> Purpose {
    match login.by_visitor {
        true => Purpose::Login,
        false => Purpose::LoginDemanded,
    }
}

/// What the page of the stage shows.
#[derive(Debug)]
pub struct Waiting {
    /// Where the code went.
    pub recipient: String,
    /// Whether that is an address.
    pub by_mail: bool,
    /// Whether a fresh one can be asked for.
    pub can_resend: bool,
    /// Whether it comes after another proof.
    pub demanded: bool,
    /// Until when it is good.
    pub challenge: Challenge,
}

/// The stage as it waits.
///
/// # Errors
/// [`Refusal::NotPending`].
pub async fn waiting(cx: &mut Cx) -> Result<Waiting, Error> {
    let (login, _) = pending::at(cx, &Stage::LoginByCode).await?;
    let purpose = purpose(&login);
    let Some(challenge) = code::pending(cx, purpose, login.challenge.as_deref()).await? else {
        pending::abort(cx).await?;
        return Err(Refusal::NotPending.into());
    };
    Ok(Waiting {
        recipient: challenge.recipient.clone(),
        by_mail: challenge.by_mail(),
        can_resend: code::can_resend(cx, purpose, &challenge),
        demanded: !login.by_visitor,
        challenge,
    })
}

/// Step 2.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ResendExhausted`], [`Refusal::RateLimited`].
pub async fn resend(cx: &mut Cx) -> Result<(), Error> {
    let (login, user) = pending::at(cx, &Stage::LoginByCode).await?;
    let waiting = waiting(cx).await?;
    cx.checkpoint().await?;
    within(
        cx.hit("request_login_code", Some(&waiting.recipient))
            .await?,
    )?;
    let sent = code::resend(cx, purpose(&login), &waiting.challenge).await?;
    login::send_login_code(cx, &login, user.as_ref(), &sent).await?;
    Ok(())
}

/// Step 3, typed.
///
/// # Errors
/// [`Refusal::IncorrectCode`], after which the sign-in may be over; [`Refusal::NotPending`], or what later stages refuse.
pub async fn finish(cx: &mut Cx, typed: &str) -> Result<Progress, Error> {
    let (login, user) = pending::at(cx, &Stage::LoginByCode).await?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    let checked = code::check(cx, purpose(&login), login.challenge.as_deref(), typed).await?;
    match (checked, user) {
        (Checked::Right(challenge), Some(user)) => go_on(cx, login, user, &challenge).await,
        (Checked::Wrong, user) => Err(wrong(cx, user.as_ref()).await?),
        (Checked::Over, user) => {
            pending::abort(cx).await?;
            Err(wrong(cx, user.as_ref()).await?)
        }
        // A signup that comes to nothing because of its number, and an address that is the visitor's own; or the other
        // way round. It goes on as if there were somebody, and comes to nothing later.
        (Checked::Right(_), None) => {
            let mut login = login;
            login.finish_stage();
            pipeline::resume(cx, login, None).await
        }
        (Checked::Gone, _) => {
            pending::abort(cx).await?;
            Err(Refusal::NotPending.into())
        }
    }
}

async fn wrong(cx: &mut Cx, user: Option<&User>) -> Result<Error, Failure> {
    let id = user.map(|user| user.id);
    cx.note_about("login_failed", id, "code", "incorrect_code")
        .await?;
    Ok(Refusal::IncorrectCode.into())
}

/// The code was right: what it proves is noted, and the sign-in goes on.
async fn go_on(
    cx: &mut Cx,
    mut login: Login,
    user: User,
    challenge: &Challenge,
) -> Result<Progress, Error> {
    if login.by_visitor {
        let hook = cx.hallpass().login_hook().clone();
        if let Err(error) = hook.may_sign_in(cx, &user).await {
            pending::abort(cx).await?;
            return Err(error);
        }
    }
    let by_mail = challenge.by_mail();
    let mut record = Record::new("code", cx.now);
    if by_mail {
        record.email = Some(challenge.recipient.clone());
    } else {
        record.phone = Some(challenge.recipient.clone());
    }
    let mut records = login.records.iter();
    let besides = match login.signup
        || records.any(|record| matches!(record.method.as_str(), "password" | "socialaccount"))
    {
        true => Besides::Password,
        false => Besides::Nothing,
    };
    let user = match by_mail {
        true => addresses::possess(cx, &user, &challenge.recipient, besides).await?,
        false => numbers::possess(cx, &user, &challenge.recipient, besides).await?,
    };
    login.follow(&user);
    login.records.push(record);
    login.finish_stage();
    pipeline::resume(cx, login, Some(user)).await
}

/// What a link shows before its button is pressed.
#[derive(Debug)]
pub struct Looked {
    /// Who would be signed in; nobody where the link cannot sign in here.
    pub user: Option<User>,
    /// It belongs to a sign-in that waits in another browser, where another proof was given.
    pub elsewhere: bool,
}

/// Step 3, by link: spends nothing.
///
/// # Errors
/// [`Refusal::InvalidLink`].
pub async fn look(cx: &mut Cx, token: &str) -> Result<Looked, Error> {
    let linked = linked(cx, token).await?;
    let elsewhere = linked.here.is_none() && linked.demanded;
    Ok(Looked {
        user: Some(linked.user).filter(|_| !elsewhere),
        elsewhere,
    })
}

struct Linked {
    challenge: Challenge,
    user: User,
    /// The sign-in of this browser that it belongs to.
    here: Option<Login>,
    /// It comes after another proof, and must not sign in alone.
    demanded: bool,
}

async fn linked(cx: &mut Cx, token: &str) -> Result<Linked, Error> {
    let first = code::by_link(cx, Purpose::Login, token).await?;
    let second = code::by_link(cx, Purpose::LoginDemanded, token).await?;
    let demanded = second.is_some();
    let challenge = first.or(second).ok_or(Refusal::InvalidLink)?;
    let user = match challenge.user {
        Some(id) => store::user::by_id(cx.read(), id).await?,
        None => None,
    };
    let user = user
        .filter(|user| user.is_active)
        .ok_or(Refusal::InvalidLink)?;
    let here = pending::current(cx).await?.map(|(login, _)| login);
    let here = here.filter(|login| login.challenge.as_deref() == Some(&challenge.id));
    Ok(Linked {
        challenge,
        user,
        here,
        demanded,
    })
}

/// Step 3, by link: the button was pressed.
///
/// # Errors
/// [`Refusal::InvalidLink`], or what later stages refuse.
pub async fn finish_link(cx: &mut Cx, token: &str) -> Result<Progress, Error> {
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    let linked = linked(cx, token).await?;
    let login = match linked.here {
        Some(login) => login,
        None if linked.demanded => return Err(Refusal::InvalidLink.into()),
        None => {
            // Somebody else's sign-in may wait in this browser, and whose key it has is not known.
            pending::abort(cx).await?;
            let by_mail = linked.challenge.by_mail();
            let recipient = Some(linked.challenge.recipient.clone());
            Login {
                email: recipient.clone().filter(|_| by_mail),
                phone: recipient.filter(|_| !by_mail),
                by_visitor: true,
                current: Some(Stage::LoginByCode),
                ..Login::new(&linked.user, cx.now)
            }
        }
    };
    if !code::spend(cx, &linked.challenge).await? {
        return Err(Refusal::InvalidLink.into());
    }
    go_on(cx, login, linked.user, &linked.challenge).await
}
