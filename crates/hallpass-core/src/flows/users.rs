//! Users by an operator's hand: made, found, given a password. No session is involved, and nobody is asked who they are:
//! whoever may run the command may do it.

use hallpass_django::text::{is_unicode_username, normalize_email, normalize_username};
use hallpass_django::validators::{UserAttributes, Validator, validate};

use crate::delivery::is_address;
use crate::domain::{User, UserId, secret};
use crate::error::{Error, Failure};
use crate::hallpass::Hallpass;
use crate::store;
use crate::store::user::NewUser;

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
}

/// Makes a user who may do everything. Without a password there is only the sign-in link. The address counts as unproved.
///
/// # Errors
/// A failure of the database or the hashing.
pub async fn create_superuser(
    hallpass: &Hallpass,
    username: &str,
    email: &str,
    password: Option<&str>,
) -> Result<Created, Failure> {
    let (username, email) = (
        normalize_username(username.trim()),
        normalize_email(email.trim()),
    );
    if !is_unicode_username(&username) || username.chars().count() > 150 {
        return Ok(Created::BadName);
    }
    if !email.is_empty() && (!is_address(&email) || email.chars().count() > 254) {
        return Ok(Created::BadEmail);
    }
    let taken = store::user::by_username(hallpass.db().conn(), &username).await?;
    if taken
        .iter()
        .any(|user| user.username.to_lowercase() == username.to_lowercase())
    {
        return Ok(Created::Taken);
    }
    let password = match password {
        Some(password) => encode(hallpass, password).await?,
        None => secret::unusable_password(),
    };
    let new = NewUser {
        username: &username,
        email: &email,
        password: &password,
        is_staff: true,
        is_superuser: true,
        first_name: "",
        last_name: "",
    };
    let made = store::user::insert(hallpass.db().conn(), new, hallpass.now()).await?;
    Ok(made.map_or(Created::Taken, Created::Made))
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
