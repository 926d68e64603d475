//! Signing up.
//!
//! 1. Strangers may, or not ([`is_open`]).
//! 2. The form is cleaned field by field, and all faults are told at once; the app may add its own ([`form`]).
//! 3. An address or number that has an account is told of where that is allowed; elsewhere everything goes on as if it
//!    had none, and only its owner hears of it, by letter ([`finish`]).
//! 4. The password is hashed, the user, the addresses and the number are saved, and the app adds what is its own.
//! 5. The stages of a sign-in follow.
//!
//! Where it must come to nothing, the same work is done: the hash, a row that is made and taken out again, a letter.

pub mod form;
mod username;

use serde_json::{Map, Value};

pub use form::Form;

use crate::cx::Cx;
use crate::domain::{Login, User, UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::{self, Claim};
use crate::flows::login::{Progress, pending, pipeline, within};
use crate::flows::numbers;
use crate::settings::ExtraField;
use crate::store;
use crate::store::phone::PhoneNumber;
use crate::store::user::NewUser;

/// Step 1.
///
/// # Errors
/// A failure.
pub async fn is_open(cx: &mut Cx) -> Result<bool, Error> {
    let hook = cx.hallpass().signup_hook().clone();
    hook.is_open(cx).await
}

/// A visitor comes to sign up: a sign-in that waits for something else is given up.
///
/// # Errors
/// [`Refusal::SignupClosed`].
pub async fn begin(cx: &mut Cx) -> Result<(), Error> {
    if !is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
    if let Some((login, _)) = pending::current(cx).await?
        && !login.signup
    {
        pending::abort(cx).await?;
    }
    Ok(())
}

/// Every extra field: of the settings, then of the app.
pub fn extra_fields(cx: &Cx) -> Vec<ExtraField> {
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
    if !is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
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
        return Ok(Finished::Trapped);
    }
    let form = form::read(cx, typed).await?;
    let hook = cx.hallpass().signup_hook().clone();
    hook.may_sign_up(cx, &form).await?;
    let hidden = claims(cx, &form).await?;
    let password = match &form.password {
        Some(password) => cx.encode_password(password).await?,
        None => secret::unusable_password(),
    };
    let login = Login {
        email: form.email.clone(),
        phone: form.phone.clone(),
        signup: true,
        next,
        ..Login::of_nobody(cx.now)
    };
    if hidden {
        pretend(cx, &form, &password).await?;
        let progress = pipeline::begin(cx, login, None).await?;
        return Ok(Finished::Progress(progress));
    }
    let user = save(cx, &form, &password).await?;
    if let Err(error) = hook.after_sign_up(cx, &user, &form).await {
        // Half an account is none.
        cx.undo().await;
        return Err(error);
    }
    cx.note_about("signup", Some(user.id), "", "").await?;
    let mut login = Login {
        user: Some(user.id.as_int()),
        ..login
    };
    login.follow(&user);
    let progress = pipeline::begin(cx, login, Some(user)).await?;
    Ok(Finished::Progress(progress))
}

/// Step 3: whether somebody has the address or the number, and nothing may show it.
async fn claims(cx: &mut Cx, form: &Form) -> Result<bool, Error> {
    let mut hidden = false;
    let mut faults = Vec::new();
    if let Some(email) = &form.email {
        match addresses::claim(cx, email, None).await? {
            Claim::Free => {}
            Claim::Hidden => hidden = true,
            Claim::Taken => faults.push(("email".to_owned(), Refusal::EmailTaken)),
        }
    }
    if let Some(phone) = &form.phone {
        match numbers::claim_at_signup(cx, phone).await? {
            Claim::Free => {}
            Claim::Hidden => hidden = true,
            Claim::Taken => faults.push(("phone".to_owned(), Refusal::PhoneTaken)),
        }
    }
    match faults.is_empty() {
        true => Ok(hidden),
        false => Err(Refusal::Several(faults).into()),
    }
}

fn new_user<'a>(
    form: &'a Form,
    username: &'a str,
    email: &'a str,
    password: &'a str,
) -> NewUser<'a> {
    let extra = |name: &str| form.extra.get(name).and_then(Value::as_str).unwrap_or("");
    NewUser {
        first_name: extra("first_name"),
        last_name: extra("last_name"),
        ..NewUser::plain(username, email, password)
    }
}

/// Step 4.
async fn save(cx: &mut Cx, form: &Form, password: &str) -> Result<User, Error> {
    let email = form.email.as_deref().unwrap_or_default();
    let username = match &form.username {
        Some(username) => username.clone(),
        None => username::generate(cx, form).await?,
    };
    let now = cx.now;
    let new = new_user(form, &username, email, password);
    let id = store::user::insert(cx.write().await?, new, now).await?;
    let Some(id) = id else {
        let taken = ("username".to_owned(), Refusal::UsernameTaken);
        return Err(Refusal::Several(vec![taken]).into());
    };
    if !email.is_empty() {
        store::email_address::insert(cx.write().await?, id, email, false, true).await?;
    }
    if let Some(phone) = &form.phone {
        let number = PhoneNumber {
            phone: phone.clone(),
            verified: false,
        };
        store::phone::set(cx.write().await?, id, &number, now).await?;
    }
    let kept = kept(form);
    if !kept.is_empty() {
        store::extra::set(cx.write().await?, id, &Value::Object(kept)).await?;
    }
    let saved = store::user::by_id(cx.read(), id).await?;
    saved.ok_or_else(|| Failure::new("the user that was just saved is gone").into())
}

/// The extra fields that have no column of their own.
fn kept(form: &Form) -> Map<String, Value> {
    let mut kept = form.extra.clone();
    kept.retain(|name, _| !matches!(name.as_str(), "first_name" | "last_name"));
    kept
}

/// Step 4 where it comes to nothing: a row is made, under a name that nobody can have, and taken out again. It is written
/// as often as [`save`] writes, and read as often.
async fn pretend(cx: &mut Cx, form: &Form, password: &str) -> Result<(), Error> {
    let name = format!("!{}", secret::random_text(secret::ALPHANUMERIC, 40));
    if form.username.is_none() {
        form::is_taken(cx, &name).await?;
    }
    let email = form.email.as_deref().unwrap_or_default();
    let new = new_user(form, &name, email, password);
    let now = cx.now;
    let id = store::user::insert(cx.write().await?, new, now).await?;
    let id = id.unwrap_or(UserId::NOBODY);
    let rows = [
        form.email.is_some(),
        form.phone.is_some(),
        !kept(form).is_empty(),
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
