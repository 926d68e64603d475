//! Users by an operator's hand: made, found, given a password. No session is involved, and nobody is asked who they are:
//! whoever may run the command may do it.

use hallpass_django::text::{is_unicode_username, normalize_email, normalize_username};
use hallpass_django::validators::{UserAttributes, Validator, validate};

use crate::delivery::is_address;
use crate::domain::{User, UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::own_fields;
use crate::hallpass::Hallpass;
use crate::settings::UserColumn;
use crate::store::user::NewUser;
use crate::store::user_field::Given;
use crate::store::{self, Claimed};

/// What came of making a user.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// Made, with this key.
    Made(UserId),
    /// Somebody has the name.
    Taken,
    /// No user name.
    BadName,
    /// No address.
    BadEmail,
    /// The named column of HALLPASS_USER_FIELDS does not take what was given.
    BadField(String, Refusal),
    /// HALLPASS_USER_FIELDS declares no such column.
    NoField(String),
}

/// What a user who may do everything is made of.
#[derive(Clone, Copy, Default)]
pub struct Superuser<'a> {
    /// The name; where people have none, one is made up.
    pub username: Option<&'a str>,
    /// The address, which counts as unproved. May be empty.
    pub email: &'a str,
    /// Without a password there is only the sign-in link.
    pub password: Option<&'a str>,
    /// Columns of HALLPASS_USER_FIELDS, as they were typed.
    pub own: &'a [(String, String)],
}

/// Makes a user who may do everything.
///
/// # Errors
/// A failure of the database or the hashing.
pub async fn create_superuser(
    hallpass: &Hallpass,
    wanted: Superuser<'_>,
) -> Result<Created, Failure> {
    let made_up = secret::random_text(secret::LOWER_ALPHANUMERIC, 20);
    let username = normalize_username(wanted.username.unwrap_or(&made_up).trim());
    let email = normalize_email(wanted.email.trim());
    if !is_unicode_username(&username) || username.chars().count() > 150 {
        return Ok(Created::BadName);
    }
    if !email.is_empty() && (!is_address(&email) || email.chars().count() > 254) {
        return Ok(Created::BadEmail);
    }
    let own = match own_columns(hallpass, wanted.own).await? {
        Ok(own) => own,
        Err(created) => return Ok(created),
    };
    let password = match wanted.password {
        Some(password) => encode(hallpass, password).await?,
        None => secret::unusable_password(),
    };
    let new = NewUser {
        is_staff: true,
        is_superuser: true,
        own: &own,
        ..NewUser::plain(&username, &email, &password)
    };
    // In whatever case somebody else may be about to take the name in this moment.
    let mut tx = hallpass.db().begin().await.map_err(Failure::from)?;
    store::hold(tx.conn(), Claimed::Name(&username)).await?;
    let lower = username.to_lowercase();
    let others = store::user::by_username(tx.conn(), &username).await?;
    if others
        .iter()
        .any(|other| other.username.to_lowercase() == lower)
    {
        return Ok(Created::Taken);
    }
    let made = store::user::insert(tx.conn(), new, hallpass.now()).await?;
    if let Some(id) = made
        && !email.is_empty()
        && !hallpass.db().users().has(UserColumn::Email)
    {
        let email = email.to_lowercase();
        store::email_address::insert(tx.conn(), id, &email, false, true).await?;
    }
    tx.commit().await.map_err(Failure::from)?;
    Ok(made.map_or(Created::Taken, Created::Made))
}

/// Every declared column; the inner error says which was given what it does not take.
async fn own_columns(
    hallpass: &Hallpass,
    typed: &[(String, String)],
) -> Result<Result<Vec<Given>, Created>, Failure> {
    let fields = hallpass.settings().hallpass.user_fields.clone();
    let unknown = |name: &String| fields.iter().all(|field| field.name() != name);
    if let Some((name, _)) = typed.iter().find(|(name, _)| unknown(name)) {
        return Ok(Err(Created::NoField(name.clone())));
    }
    let mut given = Vec::new();
    for field in fields {
        let text = typed.iter().find(|(name, _)| name == field.name());
        let text = text.map_or("", |(_, text)| text);
        let conn = hallpass.db().conn();
        match own_fields::clean(conn, &field, text, None).await? {
            Ok(value) => given.push((field, value)),
            Err(refusal) => return Ok(Err(Created::BadField(field.field.name, refusal))),
        }
    }
    Ok(Ok(given))
}

/// The user of this name, whatever its case; the exact one if several differ by case only.
///
/// # Errors
/// A failure of the database.
pub async fn by_username(hallpass: &Hallpass, username: &str) -> Result<Option<User>, Failure> {
    let mut users = store::user::by_username(hallpass.db().conn(), username).await?;
    if let Some(exact) = users.iter().position(|user| user.username == username) {
        return Ok(Some(users.swap_remove(exact)));
    }
    Ok(if users.len() == 1 { users.pop() } else { None })
}

/// The users of this address.
///
/// # Errors
/// A failure of the database.
pub async fn by_email(hallpass: &Hallpass, email: &str) -> Result<Vec<User>, Failure> {
    let found = store::user::by_email(hallpass.db().conn(), email).await?;
    Ok(found.into_iter().map(|found| found.user).collect())
}

/// What AUTH_PASSWORD_VALIDATORS have against a password, in words.
pub fn password_errors(
    hallpass: &Hallpass,
    password: &str,
    username: &str,
    email: &str,
) -> Vec<String> {
    let configured = &hallpass.settings().general.auth_password_validators;
    let validators: Vec<Validator> = configured
        .iter()
        .filter_map(|validator| Validator::from_name(&validator.name, &validator.options).ok())
        .collect();
    let user = UserAttributes {
        username,
        email,
        ..UserAttributes::default()
    };
    validate(&validators, password, Some(&user))
        .into_iter()
        .map(|error| error.message)
        .collect()
}

/// Sets a password. Sessions, links and everything else that was made from the old one end.
///
/// # Errors
/// A failure of the database or the hashing; also when the password was changed by somebody else meanwhile.
pub async fn set_password(hallpass: &Hallpass, user: &User, password: &str) -> Result<(), Failure> {
    let encoded = encode(hallpass, password).await?;
    let mut tx = hallpass.db().begin().await.map_err(Failure::from)?;
    store::credentials::end_begun(tx.conn(), user.id).await?;
    if !store::user::replace_password(tx.conn(), user.id, &user.password, &encoded).await? {
        return Err(Failure::new(
            "somebody else changed the password at the same moment",
        ));
    }
    store::credentials::end_issued(tx.conn(), user.id, None, hallpass.now()).await?;
    tx.commit().await.map_err(Failure::from)
}

async fn encode(hallpass: &Hallpass, password: &str) -> Result<String, Failure> {
    hallpass
        .hashing()
        .encode(password)
        .await
        .map_err(|error| match error {
            Error::Failed(failure) => failure,
            Error::Refused(refusal) => {
                Failure::new(format!("the password was not hashed: {}", refusal.code()))
            }
        })
}
