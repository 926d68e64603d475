//! A new user, of whatever the operator or the app says of them.

use std::fmt;

use hallpass_django::hashers::{self, Hasher};
use hallpass_django::validators::UserAttributes;
use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::{User, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::passwords::{PASSWORD_LIMIT, check_field};
use crate::flows::signup::form::{self, Form};
use crate::flows::signup::save::{self, Rights};
use crate::flows::{addresses, numbers, own_fields};
use crate::settings::{ExtraField, ExtraKind, UserColumn};
use crate::store::{self, Claimed};

use super::judge_password;

/// The password of a new user. Secret.
#[derive(Clone)]
pub enum NewPassword {
    /// The validators are asked about it.
    Judged(String),
    /// They are not.
    AsItIs(String),
    /// A hash that is there already, in one of Django's forms.
    Encoded(String),
}

/// What a new user is to be. A name, an address or a number is needed.
#[derive(Clone, Default)]
pub struct Wanted {
    /// The user name; without one it is made of what is known.
    pub username: Option<String>,
    /// The address, which becomes the primary one.
    pub email: Option<String>,
    /// Whether the address counts as confirmed.
    pub verified: bool,
    /// The number.
    pub phone: Option<String>,
    /// Whether the number counts as confirmed.
    pub phone_verified: bool,
    /// Without one, the ways in are link and code.
    pub password: Option<NewPassword>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// May open the admin.
    pub is_staff: bool,
    /// Has every permission.
    pub is_superuser: bool,
    /// Switched off from the beginning.
    pub is_inactive: bool,
    /// Columns of HALLPASS_USER_FIELDS.
    pub own: Map<String, Value>,
}

/// Without anything personal.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("is_staff", &self.is_staff)
            .field("is_superuser", &self.is_superuser)
            .finish_non_exhaustive()
    }
}

type Faults = Vec<(String, Refusal)>;

/// What comes out of cleaning, or a fault.
fn take<T>(field: &str, cleaned: Result<T, Refusal>, faults: &mut Faults) -> Option<T> {
    cleaned
        .map_err(|refusal| faults.push((field.to_owned(), refusal)))
        .ok()
}

/// Makes a user.
///
/// # Errors
/// [`Refusal::Several`] with every fault at its field; nothing is left then. [`Refusal::Busy`].
pub async fn create(cx: &mut Cx, wanted: Wanted) -> Result<User, Error> {
    let mut faults = Faults::new();
    let mut form = read(cx, &wanted, &mut faults).await?;
    for (field, text) in [
        ("first_name", &wanted.first_name),
        ("last_name", &wanted.last_name),
    ] {
        let name = clean_name(field, text, &mut faults);
        form.extra.insert(field.to_owned(), name.into());
    }
    let encoded = password(cx, &wanted, &form, &mut faults).await?;
    if !faults.is_empty() {
        return Err(Refusal::Several(faults).into());
    }
    if wanted.is_inactive && !cx.hallpass().db().users().has(UserColumn::IsActive) {
        return Err(Refusal::NotAvailable.into());
    }
    claim(cx, &wanted, &form).await?;
    let rights = Rights {
        is_staff: wanted.is_staff,
        is_superuser: wanted.is_superuser,
    };
    let user = match save::insert(cx, &form, &encoded, rights).await {
        Err(Error::Refused(refusal)) => {
            // A column may have been taken meanwhile; half an account is none.
            cx.undo().await;
            return Err(refusal.into());
        }
        other => other?,
    };
    confirm(cx, &wanted, &form, &user).await?;
    if wanted.is_inactive {
        store::people::set_active(cx.write().await?, user.id, false).await?;
    }
    cx.note_about("user_created", Some(user.id), "app", "")
        .await?;
    super::current(cx, user.id).await
}

/// Cleans what was said of names, address, number and columns.
async fn read(cx: &mut Cx, wanted: &Wanted, faults: &mut Faults) -> Result<Form, Error> {
    let mut form = Form::default();
    let has_names = cx.hallpass().settings().account.has_usernames();
    if let Some(text) = &wanted.username {
        let cleaned = match has_names {
            true => form::plain_username(cx, text),
            false => Err(Refusal::NotAvailable),
        };
        form.username = take("username", cleaned, faults);
        if let Some(name) = &form.username
            && form::is_taken(cx, name, None).await?
        {
            faults.push(("username".to_owned(), Refusal::UsernameTaken));
        }
    }
    if let Some(text) = &wanted.email {
        let hook = cx.hallpass().signup_hook().clone();
        let cleaned = addresses::clean(cx, text).and_then(|email| hook.clean_email(email));
        form.email = take("email", cleaned, faults);
    }
    if let Some(text) = &wanted.phone {
        form.phone = take("phone", numbers::clean(cx, text), faults);
    }
    if wanted.username.is_none() && wanted.email.is_none() && wanted.phone.is_none() {
        let field = if has_names { "username" } else { "email" };
        faults.push((field.to_owned(), Refusal::Required(field)));
    }
    // What was not said is an empty field, which a required column does not take.
    let mut said = wanted.own.clone();
    for field in own_fields::declared(cx) {
        said.entry(field.name()).or_insert(Value::Null);
    }
    match own_fields::clean_all(cx, &said, None).await {
        Ok(given) => {
            let given = given.into_iter();
            form.extra
                .extend(given.map(|(field, value)| (field.field.name, value)));
        }
        Err(Error::Refused(Refusal::Several(more))) => faults.extend(more),
        Err(other) => return Err(other),
    }
    Ok(form)
}

/// A given or a family name, as it is stored.
pub(super) fn clean_name(field: &str, text: &str, faults: &mut Faults) -> String {
    let column = ExtraField {
        name: field.to_owned(),
        label: String::new(),
        kind: ExtraKind::Text,
        required: false,
        max_length: 150,
        choices: Vec::new(),
        help: None,
    };
    match take(field, own_fields::clean_text(&column, text), faults) {
        Some(Some(Value::String(name))) => name,
        _ => String::new(),
    }
}

/// The hash of the password, judged with the whole user at hand. What is to be refused is not hashed.
async fn password(
    cx: &mut Cx,
    wanted: &Wanted,
    form: &Form,
    faults: &mut Faults,
) -> Result<String, Error> {
    let field = "password";
    let text = match &wanted.password {
        None => return Ok(secret::unusable_password()),
        Some(NewPassword::Encoded(encoded)) => {
            let fits = encoded.len() <= 128 && !encoded.contains('\0');
            let known = hashers::identify(encoded).and_then(Hasher::from_name);
            if !fits || (known.is_none() && hashers::is_usable(encoded)) {
                faults.push((field.to_owned(), Refusal::Invalid(field)));
            }
            return Ok(encoded.clone());
        }
        Some(NewPassword::Judged(text)) => {
            let name = |name: &str| form.extra.get(name).and_then(Value::as_str);
            let about = UserAttributes {
                username: form.username.as_deref().unwrap_or_default(),
                first_name: name("first_name").unwrap_or_default(),
                last_name: name("last_name").unwrap_or_default(),
                email: form.email.as_deref().unwrap_or_default(),
            };
            let found = judge_password(cx, text, &about).await?;
            faults.extend(found.into_iter().map(|fault| (field.to_owned(), fault)));
            text
        }
        Some(NewPassword::AsItIs(text)) => {
            take(field, check_field(field, text, PASSWORD_LIMIT), faults);
            text
        }
    };
    match faults.is_empty() {
        true => cx.encode_password(text).await,
        false => Ok(String::new()),
    }
}

/// Nobody else gets address or number until all is saved; whose they are already is told.
async fn claim(cx: &mut Cx, wanted: &Wanted, form: &Form) -> Result<(), Error> {
    let mut faults = Faults::new();
    let nobody = crate::domain::UserId::NOBODY;
    if let Some(email) = &form.email {
        store::hold(cx.write().await?, Claimed::Address(email)).await?;
        let taken = addresses::is_taken(cx, email, None).await?;
        let proved = wanted.verified
            && store::email_address::is_verified_elsewhere(cx.read(), email, nobody).await?;
        if taken || proved {
            faults.push(("email".to_owned(), Refusal::EmailTaken));
        }
    }
    if let Some(phone) = &form.phone {
        store::hold(cx.write().await?, Claimed::Number(phone)).await?;
        let taken = numbers::is_taken(cx, phone, None).await?;
        let proved = wanted.phone_verified
            && store::phone::is_verified_elsewhere(cx.read(), phone, nobody).await?;
        if taken || proved {
            faults.push(("phone".to_owned(), Refusal::PhoneTaken));
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Several(faults).into()),
    }
}

/// What counts as confirmed is confirmed by the rule of everybody's.
async fn confirm(cx: &mut Cx, wanted: &Wanted, form: &Form, user: &User) -> Result<(), Error> {
    if wanted.verified && form.email.is_some() {
        let rows = store::email_address::of_user(cx.read(), user.id).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Failure::new("the address that was just saved is gone"))?;
        addresses::confirm(cx, row).await?;
    }
    if let Some(phone) = form.phone.as_ref().filter(|_| wanted.phone_verified) {
        numbers::confirm(cx, user.id, phone).await?;
    }
    Ok(())
}
