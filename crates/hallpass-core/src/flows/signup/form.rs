//! The form of a signup: what was typed, cleaned, and everything that is wrong with it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use hallpass_django::text::{is_unicode_username, normalize_username};
use hallpass_django::validators::UserAttributes;

use crate::cx::Cx;
use crate::domain::{SocialLogin, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::flows::passwords::{PASSWORD_LIMIT, check_field};
use crate::flows::{addresses, numbers, own_fields, passwords};
use crate::settings::{Asked, SignupField};
use crate::store::{self, Claimed};

/// A signup, cleaned.
#[derive(Clone, Default)]
pub struct Form {
    /// The user name, if one was asked for and given.
    pub username: Option<String>,
    /// The address, in its one spelling.
    pub email: Option<String>,
    /// The number, E.164.
    pub phone: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// Extra fields by name, the operator's own columns among them: texts, numbers, booleans, null.
    pub extra: Map<String, Value>,
    /// Who they are at the provider that they came from, if they did.
    pub social: Option<Box<SocialLogin>>,
}

impl Form {
    /// Extra fields as a struct of the app's own, the operator's columns among them: for hooks. Fields that were left empty
    /// and have no column are not there; an `Option` takes that.
    ///
    /// ```no_run
    /// # use hallpass_core::{Failure, flows::signup::Form};
    /// #[derive(serde::Deserialize)]
    /// struct Profile {
    ///     gender: String,
    /// }
    /// # fn run(form: &Form) -> Result<(), Failure> {
    /// let profile: Profile = form.profile()?;
    /// # drop(profile.gender);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A failure if a member's type does not take what its field holds.
    pub fn profile<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        own_fields::typed::read(self.extra.clone())
    }
}

/// Without the password.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

struct Reader<'a> {
    typed: &'a (dyn Fn(&str) -> String + Sync),
    faults: Vec<(String, Refusal)>,
}

impl Reader<'_> {
    fn fault(&mut self, field: &str, refusal: Refusal) {
        self.faults.push((field.to_owned(), refusal));
    }

    /// What comes out of cleaning, or a fault.
    fn take<T>(&mut self, field: &str, cleaned: Result<T, Refusal>) -> Option<T> {
        match cleaned {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.fault(field, refusal);
                None
            }
        }
    }
}

/// Reads and cleans the form.
///
/// # Errors
/// [`Refusal::Several`] with every fault, in the order of the form.
pub(crate) async fn read(
    cx: &mut Cx,
    fields: &[Asked],
    typed: &(dyn Fn(&str) -> String + Sync),
) -> Result<Form, Error> {
    let mut reader = Reader {
        typed,
        faults: Vec::new(),
    };
    let mut form = Form::default();
    let asks = |field: SignupField| fields.iter().any(|asked| asked.field == field);
    for asked in fields {
        let name = asked.field.name();
        let text = typed(name);
        if matches!(asked.field, SignupField::Email2 | SignupField::Password2) {
            continue;
        }
        let blank = match asked.field {
            SignupField::Password1 => text.is_empty(),
            _ => text.trim().is_empty(),
        };
        if blank {
            if asked.required {
                reader.fault(name, Refusal::Required(name));
            }
            continue;
        }
        match asked.field {
            SignupField::Username => {
                form.username = username(cx, &mut reader, &text).await?;
            }
            SignupField::Email => {
                let hook = cx.hallpass().signup_hook().clone();
                let cleaned = addresses::clean(cx, &text).and_then(|email| hook.clean_email(email));
                form.email = reader.take(name, cleaned);
            }
            SignupField::Phone => {
                let cleaned = numbers::clean(cx, &text);
                form.phone = reader.take(name, cleaned);
            }
            SignupField::Password1 => {
                let checked = check_field(name, &text, PASSWORD_LIMIT);
                form.password = reader.take(name, checked).map(|()| text);
            }
            SignupField::Email2 | SignupField::Password2 => {}
        }
    }
    if asks(SignupField::Email2) {
        let again = addresses::clean(cx, &typed("email2")).ok();
        let own = addresses::clean(cx, &typed("email")).ok();
        if own.is_some() && own != again {
            reader.fault("email2", Refusal::EmailMismatch);
        }
    }
    if asks(SignupField::Password2) && form.password.is_some() {
        match typed("password2") {
            again if again.is_empty() => {
                reader.fault("password2", Refusal::Required("password2"));
            }
            again if Some(&again) != form.password.as_ref() => {
                reader.fault("password2", Refusal::PasswordsDiffer);
            }
            _ => {}
        }
    }
    for field in own_fields::declared(cx) {
        if field.at_registration {
            let text = (reader.typed)(field.name());
            let cleaned = own_fields::clean(cx.read(), &field, &text, None).await?;
            if let Some(value) = reader.take(field.name(), cleaned) {
                form.extra.insert(field.field.name, value);
            }
        }
    }
    for field in super::further_fields(cx) {
        let cleaned = own_fields::clean_text(&field, &(reader.typed)(&field.name));
        if let Some(Some(value)) = reader.take(&field.name, cleaned) {
            form.extra.insert(field.name, value);
        }
    }
    judge_password(cx, &mut reader, &form).await?;
    match reader.faults.is_empty() {
        true => Ok(form),
        false => Err(Refusal::Several(reader.faults).into()),
    }
}

/// With the whole form at hand, since a password must not resemble the name.
async fn judge_password(cx: &mut Cx, reader: &mut Reader<'_>, form: &Form) -> Result<(), Error> {
    let Some(password) = &form.password else {
        return Ok(());
    };
    let text = |name: &str| {
        let value = form.extra.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let (first, last) = (text("first_name"), text("last_name"));
    let user = UserAttributes {
        username: form.username.as_deref().unwrap_or_default(),
        first_name: &first,
        last_name: &last,
        email: form.email.as_deref().unwrap_or_default(),
    };
    for fault in passwords::faults(cx, password, &user).await? {
        reader.fault("password1", fault);
    }
    Ok(())
}

/// The user name: NFKC, then judged as it will be stored.
async fn username(
    cx: &mut Cx,
    reader: &mut Reader<'_>,
    text: &str,
) -> Result<Option<String>, Failure> {
    let cleaned = clean_username(cx, text);
    let Some(name) = reader.take("username", cleaned) else {
        return Ok(None);
    };
    if is_taken(cx, &name, None).await? {
        reader.fault("username", Refusal::UsernameTaken);
        return Ok(None);
    }
    Ok(Some(name))
}

/// A user name as it will be stored, if it may be one and nobody has it.
///
/// # Errors
/// A failure.
pub(crate) async fn username_or_none(cx: &mut Cx, text: &str) -> Result<Option<String>, Failure> {
    let Ok(name) = clean_username(cx, text) else {
        return Ok(None);
    };
    Ok((!is_taken(cx, &name, None).await?).then_some(name))
}

/// A user name as it will be stored, if it may be one. Whether somebody has it is not asked.
///
/// # Errors
/// What a name may be refused for.
pub(crate) fn clean_username(cx: &Cx, text: &str) -> Result<String, Refusal> {
    let account = &cx.hallpass().settings().account;
    let name = plain_username(cx, text)?;
    let shortest = usize::try_from(account.username_min_length).unwrap_or(1);
    let folded = hallpass_django::text::fold(&name);
    let refused = |known: &String| hallpass_django::text::fold(known) == folded;
    if name.chars().count() < shortest {
        Err(Refusal::TooShort {
            field: "username",
            limit: shortest,
        })
    } else if account.username_blacklist.iter().any(refused) {
        Err(Refusal::UsernameBlacklisted)
    } else {
        cx.hallpass().signup_hook().clone().clean_username(name)
    }
}

/// [`clean_username`] for a name that the operator or the app gives: what only keeps strangers from names is left out,
/// ACCOUNT_USERNAME_MIN_LENGTH, ACCOUNT_USERNAME_BLACKLIST and the hook.
///
/// # Errors
/// What a name may be refused for.
pub(crate) fn plain_username(cx: &Cx, text: &str) -> Result<String, Refusal> {
    let too_long = Refusal::TooLong {
        field: "username",
        limit: 150,
    };
    // Before anything is done with it: megabytes are no name.
    if text.len() > 8 * 150 {
        return Err(too_long);
    }
    let mut name = normalize_username(text.trim()).trim().to_owned();
    if !cx.hallpass().settings().account.preserve_username_casing {
        name = name.to_lowercase();
    }
    let length = name.chars().count();
    if name.contains('\0') {
        Err(Refusal::NullCharacter("username"))
    } else if length > 150 {
        Err(too_long)
    } else if length < 1 {
        Err(Refusal::TooShort {
            field: "username",
            limit: 1,
        })
    } else if !is_unicode_username(&name) {
        Err(Refusal::InvalidUsername)
    } else {
        Ok(name)
    }
}

/// Whether somebody has the name, in any case; `but` for one.
pub(crate) async fn is_taken(
    cx: &mut Cx,
    name: &str,
    but: Option<UserId>,
) -> Result<bool, Failure> {
    let lower = name.to_lowercase();
    let users = store::user::by_username(cx.read(), name).await?;
    let mut others = users.iter().filter(|user| Some(user.id) != but);
    Ok(others.any(|user| user.username.to_lowercase() == lower))
}

/// Claims a name for `by`, or for somebody who is yet to be saved, in this transaction. `false`: somebody has it, in
/// whatever case. The table itself keeps apart equal spellings only: without this, of several who want a name at once in
/// different cases each would get it.
///
/// # Errors
/// A failure.
pub(crate) async fn claim_name(
    cx: &mut Cx,
    name: &str,
    by: Option<UserId>,
) -> Result<bool, Failure> {
    store::hold(cx.write().await?, Claimed::Name(name)).await?;
    Ok(!is_taken(cx, name, by).await?)
}
