//! Signing up.
//!
//! 1. Strangers may, or not ([`is_open`]).
//! 2. The form is cleaned field by field, and all faults are told at once; the app may add its own ([`form`]).
//! 3. The password is hashed.
//! 4. An address or number that has an account is told of where that is allowed; elsewhere everything goes on as if it
//!    had none, and only its owner hears of it, by letter ([`finish`]). The user, the addresses and the number are saved,
//!    and the app adds what is its own.
//! 5. The stages of a sign-in follow.
//!
//! Where it must come to nothing, the same work is done: the hash, a row that is made and taken out again, a letter. What
//! is nobody else's goes on as always: a code to one's own phone works, though the address belongs to another. And where
//! the settings let the address be changed on the way, the account is made as soon as nothing of it is taken.

pub mod form;
mod newcomer;
pub(crate) mod save;
pub(crate) mod username;

pub use form::Form;

use crate::cx::Cx;
use crate::domain::{Login, User, UserId, secret};
use crate::error::{Error, Refusal};
use crate::flows::addresses::{self, Claim};
use crate::flows::login::{Progress, pending, pipeline, within};
use crate::flows::{numbers, own_fields};
use crate::settings::ExtraField;
use crate::store::{self, Claimed};

/// Step 1.
///
/// # Errors
/// A failure.
pub async fn is_open(cx: &mut Cx) -> Result<bool, Error> {
    let hook = cx.hallpass().signup_hook().clone();
    hook.is_open(cx).await
}

/// Step 1 for a form of our own, which SOCIALACCOUNT_ONLY leaves no room for.
async fn may_begin(cx: &mut Cx) -> Result<(), Error> {
    if cx.hallpass().settings().socialaccount.only {
        return Err(Refusal::NotAvailable.into());
    }
    match is_open(cx).await? {
        true => Ok(()),
        false => Err(Refusal::SignupClosed.into()),
    }
}

/// A visitor comes to sign up: a sign-in that waits for something else is given up.
///
/// # Errors
/// [`Refusal::SignupClosed`].
pub async fn begin(cx: &mut Cx) -> Result<(), Error> {
    may_begin(cx).await?;
    if let Some((login, _)) = pending::current(cx).await?
        && !login.signup
    {
        pending::abort(cx).await?;
    }
    Ok(())
}

/// Every extra field that a signup asks for: those with columns, those of the settings, those of the app.
pub fn extra_fields(cx: &Cx) -> Vec<ExtraField> {
    let own = own_fields::declared(cx).into_iter();
    let own = own.filter(|own| own.at_registration).map(|own| own.field);
    own.chain(further_fields(cx)).collect()
}

/// Those without columns.
fn further_fields(cx: &Cx) -> Vec<ExtraField> {
    let mut fields = cx
        .hallpass()
        .settings()
        .hallpass
        .signup_extra_fields
        .clone();
    fields.extend(cx.hallpass().signup_hook().extra_fields());
    fields
}

/// What came of it.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// Signed up, or it looks so; the sign-in goes on.
    Progress(Progress),
    /// The field that people do not see was filled: nothing was done, and it must look like success.
    Trapped,
}

/// Steps 2 to 5. `typed` gives what a field holds; `next` was checked by the face.
///
/// # Errors
/// [`Refusal::SignupClosed`], [`Refusal::RateLimited`], [`Refusal::Several`] with all that is wrong in the form, or what the
/// stages and the app refuse.
pub async fn finish(
    cx: &mut Cx,
    typed: &(dyn Fn(&str) -> String + Sync),
    next: Option<String>,
) -> Result<Finished, Error> {
    may_begin(cx).await?;
    within(cx.hit("signup", None).await?)?;
    let login_hook = cx.hallpass().login_hook().clone();
    login_hook.may_attempt(cx).await?;
    let trap = cx
        .hallpass()
        .settings()
        .account
        .signup_form_honeypot_field
        .clone();
    if trap.is_some_and(|name| !typed(&name).is_empty()) {
        cx.note_about("signup_trapped", None, "", "").await?;
        return trapped(cx, typed, next).await;
    }
    let fields = cx.hallpass().settings().account.signup_fields();
    let form = form::read(cx, &fields, typed).await?;
    let login = Login {
        next,
        ..Login::of_nobody(cx.now)
    };
    Ok(Finished::Progress(complete(cx, form, login).await?))
}

/// Steps 3 to 5, with a form that was cleaned. `login` is what is known of the sign-in that follows.
///
/// # Errors
/// As [`finish`].
pub(crate) async fn complete(cx: &mut Cx, form: Form, login: Login) -> Result<Progress, Error> {
    let hook = cx.hallpass().signup_hook().clone();
    hook.may_sign_up(cx, &form).await?;
    let password = match &form.password {
        Some(password) => cx.encode_password(password).await?,
        None => secret::unusable_password(),
    };
    let taken = claims(cx, &form).await?;
    let mut login = Login {
        email: form.email.clone(),
        phone: form.phone.clone(),
        signup: true,
        email_taken: taken.email,
        phone_taken: taken.phone,
        display: form.username.clone().or_else(|| form.email.clone()),
        ..login
    };
    if taken.email || taken.phone {
        pretend(cx, &form, &password).await?;
        login.waiting = Some(save::keep(cx, &form, &password)?);
        return pipeline::begin(cx, login, None).await;
    }
    let user = save::save(cx, &form, &password).await?;
    login.user = Some(user.id);
    login.follow(&user);
    pipeline::begin(cx, login, Some(user)).await
}

/// Whoever fell into the trap sees what others see at this point, and gets nothing: neither account nor letter.
async fn trapped(
    cx: &mut Cx,
    typed: &(dyn Fn(&str) -> String + Sync),
    next: Option<String>,
) -> Result<Finished, Error> {
    let login = Login {
        email: addresses::clean(cx, &typed("email")).ok(),
        phone: numbers::clean(cx, &typed("phone")).ok(),
        signup: true,
        next,
        ..Login::of_nobody(cx.now)
    };
    Ok(match pipeline::pretend(cx, login).await? {
        Some(progress) => Finished::Progress(progress),
        None => Finished::Trapped,
    })
}

/// What somebody else has already, where nothing may show it.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    email: bool,
    phone: bool,
}

/// Step 4: whether somebody has the address or the number, and nothing may show it. From here on until all is saved
/// nobody else gets either: of several who come at once one is the first, and the others meet him.
async fn claims(cx: &mut Cx, form: &Form) -> Result<Taken, Error> {
    let mut hidden = Taken::default();
    let mut faults = Vec::new();
    if let Some(email) = &form.email {
        store::hold(cx.write().await?, Claimed::Address(email)).await?;
        match addresses::claim(cx, email, None).await? {
            Claim::Free => {}
            Claim::Hidden => hidden.email = true,
            Claim::Taken => faults.push(("email".to_owned(), Refusal::EmailTaken)),
        }
    }
    if let Some(phone) = &form.phone {
        store::hold(cx.write().await?, Claimed::Number(phone)).await?;
        match numbers::claim_at_signup(cx, phone).await? {
            Claim::Free => {}
            Claim::Hidden => hidden.phone = true,
            Claim::Taken => faults.push(("phone".to_owned(), Refusal::PhoneTaken)),
        }
    }
    match faults.is_empty() {
        true => Ok(hidden),
        false => Err(Refusal::Several(faults).into()),
    }
}

/// Step 4, later: a signup that waited is saved as soon as nothing of it is anybody else's. Who there was already stays.
///
/// # Errors
/// [`Refusal::NotPending`] if the name was taken meanwhile, or the app does not want it.
pub(crate) async fn finish_when_free(
    cx: &mut Cx,
    login: &mut Login,
    user: Option<User>,
) -> Result<Option<User>, Error> {
    match user {
        None if !login.email_taken && !login.phone_taken && login.waiting.is_some() => {
            Ok(Some(save::finish_waiting(cx, login).await?))
        }
        other => Ok(other),
    }
}

/// Step 4 where it comes to nothing: a row is made, under a name that nobody can have, and taken out again. It is written
/// as often as [`save`] writes, and read as often.
async fn pretend(cx: &mut Cx, form: &Form, password: &str) -> Result<(), Error> {
    let name = format!("!{}", secret::random_text(secret::ALPHANUMERIC, 40));
    if form.username.is_none() {
        form::is_taken(cx, &name, None).await?;
    }
    form::claim_name(cx, &name, None).await?;
    let email = form.email.as_deref().unwrap_or_default();
    let own = own_fields::columns(own_fields::declared(cx), &form.extra);
    let new = save::new_user(form, &name, email, password, &own);
    let now = cx.now;
    let id = store::user::insert(cx.write().await?, new, now).await?;
    let id = id.unwrap_or(UserId::NOBODY);
    let rows = [
        form.email.is_some(),
        form.phone.is_some(),
        !save::kept(cx, form, &own).is_empty(),
    ];
    for _ in rows.iter().filter(|row| **row).skip(1) {
        store::user::touch(cx.write().await?, id, email).await?;
    }
    store::user::remove_bare(cx.write().await?, id).await?;
    store::user::by_id(cx.read(), id).await?;
    Ok(cx
        .note_about("signup_refused", None, "", "account_exists")
        .await?)
}
