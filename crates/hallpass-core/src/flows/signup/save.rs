//! Saving an account, now or, where it had to wait for a free address, later in the same sign-in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::form::{self, Form};
use super::{newcomer, username};
use crate::cx::Cx;
use crate::domain::{Login, SocialLogin, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::own_fields;
use crate::settings::UserColumn;
use crate::store;
use crate::store::phone::PhoneNumber;
use crate::store::user::NewUser;
use crate::store::user_field::Given;

/// What waits to be saved: sealed in the session, since it holds the hash of a password.
#[derive(Serialize, Deserialize)]
struct Waiting {
    username: Option<String>,
    extra: Map<String, Value>,
    password: String,
    #[serde(default)]
    social: Option<Box<SocialLogin>>,
}

const PURPOSE: &str = "hallpass_signup";

/// Keeps a signup that has to wait.
///
/// # Errors
/// A failure.
pub(super) fn keep(cx: &Cx, form: &Form, password: &str) -> Result<String, Failure> {
    let waiting = Waiting {
        username: form.username.clone(),
        extra: form.extra.clone(),
        password: password.to_owned(),
        social: form.social.clone(),
    };
    let json = serde_json::to_vec(&waiting)
        .map_err(|error| Failure::from_source("a signup that waits", error))?;
    cx.hallpass().sealer().seal(PURPOSE, &json)
}

/// Saves a signup that waited, with the address and number that it has come to: nobody has either. The app's hook has its
/// say, and what it refuses undoes it.
///
/// # Errors
/// [`Refusal::NotPending`] if nothing waits, or the name was taken meanwhile; what the hook refuses.
pub(crate) async fn finish_waiting(cx: &mut Cx, login: &mut Login) -> Result<User, Error> {
    let Some(sealed) = login.waiting.take() else {
        return Err(Refusal::NotPending.into());
    };
    let bytes = cx.hallpass().sealer().open(PURPOSE, &sealed)?;
    let waiting: Waiting = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::from_source("a signup that waits", error))?;
    let form = Form {
        username: waiting.username,
        email: login.email.clone(),
        phone: login.phone.clone(),
        password: None,
        extra: waiting.extra,
        social: waiting.social,
    };
    let user = match save(cx, &form, &waiting.password).await {
        Err(Error::Refused(_)) => return Err(Refusal::NotPending.into()),
        other => other?,
    };
    login.user = Some(user.id);
    login.follow(&user);
    Ok(user)
}

pub(super) fn new_user<'a>(
    form: &'a Form,
    username: &'a str,
    email: &'a str,
    password: &'a str,
    own: &'a [Given],
) -> NewUser<'a> {
    let extra = |name: &str| form.extra.get(name).and_then(Value::as_str).unwrap_or("");
    NewUser {
        first_name: extra("first_name"),
        last_name: extra("last_name"),
        own,
        ..NewUser::plain(username, email, password)
    }
}

/// The extra fields that have no column of their own.
pub(super) fn kept(cx: &Cx, form: &Form, own: &[Given]) -> Map<String, Value> {
    let mut kept = form.extra.clone();
    let users = cx.hallpass().db().users();
    let names = [UserColumn::FirstName, UserColumn::LastName];
    let has_column = |name: &str| {
        names
            .iter()
            .any(|column| column.name() == name && users.has(*column))
            || own.iter().any(|(field, _)| field.name() == name)
    };
    kept.retain(|name, _| !has_column(name));
    kept
}

/// Saves the user, the address, the number and what else was asked, and has the app add its own.
///
/// # Errors
/// [`Refusal::UsernameTaken`] at its field, or what the hook refuses; nothing is left then.
pub(super) async fn save(cx: &mut Cx, form: &Form, password: &str) -> Result<User, Error> {
    let mut user = insert(cx, form, password, Rights::default()).await?;
    if let Some(social) = &form.social {
        user = newcomer::attach(cx, user, social).await?;
    }
    let hook = cx.hallpass().signup_hook().clone();
    if let Err(error) = hook.after_sign_up(cx, &user, form).await {
        // Half an account is none.
        cx.undo().await;
        return Err(error);
    }
    cx.note_about("signup", Some(user.id), "", "").await?;
    Ok(user)
}

/// What a user may do from the beginning: nothing, at a signup.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rights {
    /// May open the admin.
    pub(crate) is_staff: bool,
    /// Has every permission.
    pub(crate) is_superuser: bool,
}

/// Saves the user, the address, the number and what else was asked.
///
/// # Errors
/// [`Refusal::UsernameTaken`] at its field.
pub(crate) async fn insert(
    cx: &mut Cx,
    form: &Form,
    password: &str,
    rights: Rights,
) -> Result<User, Error> {
    let email = form.email.as_deref().unwrap_or_default();
    let now = cx.now;
    let own = own_fields::columns(own_fields::declared(cx), &form.extra);
    let mut id = None;
    // A name that we made up may be taken in the same moment; one that was typed is told of.
    for _ in 0..3 {
        let username = match &form.username {
            Some(username) => username.clone(),
            None => username::generate(cx, form).await?,
        };
        if form::claim_name(cx, &username, None).await? {
            let new = NewUser {
                is_staff: rights.is_staff,
                is_superuser: rights.is_superuser,
                ..new_user(form, &username, email, password, &own)
            };
            id = store::user::insert(cx.write().await?, new, now).await?;
        }
        if id.is_some() || form.username.is_some() {
            break;
        }
    }
    let Some(id) = id else {
        return Err(whose(cx, form, &own).await?.into());
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
    let kept = kept(cx, form, &own);
    if !kept.is_empty() {
        store::extra::set(cx.write().await?, id, &Value::Object(kept)).await?;
    }
    let saved = store::user::by_id(cx.read(), id).await?;
    Ok(saved.ok_or_else(|| Failure::new("the user that was just saved is gone"))?)
}

/// What of it somebody else has had for a moment.
async fn whose(cx: &mut Cx, form: &Form, own: &[Given]) -> Result<Refusal, Failure> {
    let named = cx.hallpass().db().users().has(UserColumn::Username);
    let taken = match own_fields::taken(cx, own, None).await? {
        Some(name) => (name, Refusal::NotUnique),
        // Then the address is what no two may have.
        None if !named => ("email".to_owned(), Refusal::EmailTaken),
        None => ("username".to_owned(), Refusal::UsernameTaken),
    };
    let has_name = match &form.username {
        Some(name) => form::is_taken(cx, name, None).await?,
        None => false,
    };
    let taken = match has_name {
        true => ("username".to_owned(), Refusal::UsernameTaken),
        false => taken,
    };
    Ok(Refusal::Several(vec![taken]))
}
