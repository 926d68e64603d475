//! Users by the hand of an operator or of the app: made, found, given a password, switched off, deleted. Nobody is asked who
//! they are: whoever may run the command, or write the program, may do it.
//!
//! What must hold of names, addresses, numbers, passwords and columns is what must hold of them elsewhere; what only keeps
//! strangers out, as limits, a closed signup and names that nobody may have, is left out.

mod contacts;
mod create;
mod remove;

pub use contacts::{
    add_address, addresses, confirm_address, make_primary, phone, remove_address, remove_phone,
    set_phone,
};
pub use create::{NewPassword, Wanted, create};
pub use remove::remove;

use hallpass_django::validators::UserAttributes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::{User, UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::own_fields::typed;
use crate::flows::passwords::{self, PASSWORD_LIMIT, check_field};
use crate::flows::signup::form;
use crate::flows::{own_fields, sessions};
use crate::settings::UserColumn;
use crate::store;

/// The user of this name, whatever its case; the exact one if several differ by case only.
///
/// # Errors
/// A failure.
pub async fn by_username(cx: &mut Cx, username: &str) -> Result<Option<User>, Failure> {
    let name = username.trim();
    if name.is_empty() || name.len() > 8 * 150 || name.contains('\0') {
        return Ok(None);
    }
    let mut users = store::user::by_username(cx.read(), name).await?;
    users.retain(|user| user.username.to_lowercase() == name.to_lowercase());
    if let Some(exact) = users.iter().position(|user| user.username == name) {
        return Ok(Some(users.swap_remove(exact)));
    }
    Ok(if users.len() == 1 { users.pop() } else { None })
}

/// Everybody who has this address, those who confirmed it first.
///
/// # Errors
/// A failure.
pub async fn with_email(cx: &mut Cx, email: &str) -> Result<Vec<User>, Failure> {
    if email.len() > 8 * 320 || email.contains('\0') {
        return Ok(Vec::new());
    }
    let found = store::user::by_email(cx.read(), email.trim()).await?;
    Ok(found.into_iter().map(|found| found.user).collect())
}

/// Whose address this is: who confirmed it, else the only one who has it. Of several who have not confirmed it, it is
/// nobody's.
///
/// # Errors
/// A failure.
pub async fn by_email(cx: &mut Cx, email: &str) -> Result<Option<User>, Failure> {
    if email.len() > 8 * 320 || email.contains('\0') {
        return Ok(None);
    }
    let mut found = store::user::by_email(cx.read(), email.trim()).await?;
    let one = found.len() == 1 || found.first().is_some_and(|first| first.verified);
    Ok(one.then(|| found.swap_remove(0).user))
}

/// A user as they are now.
///
/// # Errors
/// [`Refusal::NoSuchUser`].
pub async fn current(cx: &mut Cx, id: UserId) -> Result<User, Error> {
    let user = store::user::by_id(cx.read(), id).await?;
    user.ok_or_else(|| Refusal::NoSuchUser.into())
}

/// What AUTH_PASSWORD_VALIDATORS have against a password.
///
/// # Errors
/// [`Refusal::Busy`], or a failure.
pub async fn judge_password(
    cx: &mut Cx,
    password: &str,
    about: &UserAttributes<'_>,
) -> Result<Vec<Refusal>, Error> {
    if let Err(refusal) = check_field("password", password, PASSWORD_LIMIT) {
        return Ok(vec![refusal]);
    }
    passwords::faults(cx, password, about).await
}

/// Sets a password. `judged`: the validators are asked. Sessions, keys, tokens, links and codes that were made from the old
/// one end.
///
/// # Errors
/// [`Refusal::Several`] with what is wrong with it, at `password`; [`Refusal::NoSuchUser`], [`Refusal::Busy`].
pub async fn set_password(
    cx: &mut Cx,
    id: UserId,
    password: &str,
    judged: bool,
) -> Result<User, Error> {
    let user = current(cx, id).await?;
    check_field("password", password, PASSWORD_LIMIT)?;
    if judged {
        let about = UserAttributes {
            username: &user.username,
            first_name: &user.first_name,
            last_name: &user.last_name,
            email: &user.email,
        };
        let faults = passwords::faults(cx, password, &about).await?;
        if !faults.is_empty() {
            let faults = faults.into_iter();
            let faults = faults.map(|fault| ("password".to_owned(), fault));
            return Err(Refusal::Several(faults.collect()).into());
        }
    }
    let encoded = cx.encode_password(password).await?;
    replace(cx, id, encoded).await
}

/// Takes the password away: what is left is the sign-in by link or code. All ends as with a new one.
///
/// # Errors
/// [`Refusal::NoSuchUser`].
pub async fn set_unusable_password(cx: &mut Cx, id: UserId) -> Result<User, Error> {
    replace(cx, id, secret::unusable_password()).await
}

/// What the app says is last: a password that somebody else set a moment ago is replaced too.
async fn replace(cx: &mut Cx, id: UserId, encoded: String) -> Result<User, Error> {
    for _ in 0..5 {
        let user = current(cx, id).await?;
        if let Some(user) = passwords::set(cx, &user, encoded.clone()).await? {
            if cx.session.user_id() == Some(id) {
                sessions::follow_password(cx, &encoded);
            }
            cx.note_about("password_set", Some(id), "app", "").await?;
            return Ok(user);
        }
    }
    Err(Failure::new("others changed the password over and over").into())
}

/// Switches an account on. `false`: it was.
///
/// # Errors
/// [`Refusal::NoSuchUser`].
pub async fn activate(cx: &mut Cx, id: UserId) -> Result<bool, Error> {
    current(cx, id).await?;
    // Where there is no column for it, everybody is on.
    let changed = store::people::set_active(cx.write().await?, id, true).await?;
    let changed = changed.unwrap_or(false);
    if changed {
        cx.note_about("user_activated", Some(id), "app", "").await?;
    }
    Ok(changed)
}

/// Switches an account off, and ends everything that was begun with it or given to it. `false`: it was.
///
/// # Errors
/// [`Refusal::NoSuchUser`]; [`Refusal::NotAvailable`] where the user's table has no `is_active`.
pub async fn deactivate(cx: &mut Cx, id: UserId) -> Result<bool, Error> {
    current(cx, id).await?;
    if !cx.hallpass().db().users().has(UserColumn::IsActive) {
        return Err(Refusal::NotAvailable.into());
    }
    store::credentials::end_begun(cx.write().await?, id).await?;
    let changed = store::people::set_active(cx.write().await?, id, false).await?;
    let changed = changed.unwrap_or(false);
    end_issued(cx, id).await?;
    if changed {
        cx.note_about("user_deactivated", Some(id), "app", "")
            .await?;
    }
    Ok(changed)
}

/// Ends sessions, keys, refresh tokens, codes under way, and the links that lead in.
///
/// # Errors
/// [`Refusal::NoSuchUser`].
pub async fn end_everything(cx: &mut Cx, id: UserId) -> Result<(), Error> {
    store::credentials::end_begun(cx.write().await?, id).await?;
    end_issued(cx, id).await?;
    Ok(cx
        .note_about("everything_ended", Some(id), "app", "")
        .await?)
}

async fn end_issued(cx: &mut Cx, id: UserId) -> Result<(), Error> {
    let user = current(cx, id).await?;
    store::user::outdate_links(cx.write().await?, &user).await?;
    let now = cx.now;
    store::credentials::end_issued(cx.write().await?, id, None, now).await?;
    if cx.session.user_id() == Some(id) {
        cx.session.flush();
        cx.session.rotate_csrf();
    }
    Ok(())
}

/// Sets the user name.
///
/// # Errors
/// What a name may be refused for, [`Refusal::UsernameTaken`] included; [`Refusal::NoSuchUser`].
pub async fn set_username(cx: &mut Cx, id: UserId, username: &str) -> Result<User, Error> {
    let name = form::plain_username(cx, username)?;
    let user = current(cx, id).await?;
    if !form::claim_name(cx, &name, Some(id)).await? {
        return Err(Refusal::UsernameTaken.into());
    }
    let names = [&name, &user.first_name, &user.last_name].map(String::as_str);
    write_names(cx, id, names).await
}

/// Sets given name and family name; either may be empty.
///
/// # Errors
/// [`Refusal::Several`] with what is wrong with them; [`Refusal::NoSuchUser`].
pub async fn set_names(
    cx: &mut Cx,
    id: UserId,
    first_name: &str,
    last_name: &str,
) -> Result<User, Error> {
    let mut faults = Vec::new();
    let names = [("first_name", first_name), ("last_name", last_name)];
    let [first, last] = names.map(|(field, text)| create::clean_name(field, text, &mut faults));
    if !faults.is_empty() {
        return Err(Refusal::Several(faults).into());
    }
    let user = current(cx, id).await?;
    write_names(cx, id, [&user.username, &first, &last]).await
}

async fn write_names(cx: &mut Cx, id: UserId, names: [&str; 3]) -> Result<User, Error> {
    if !store::user::set_names(cx.write().await?, id, names).await? {
        cx.undo().await;
        return Err(Refusal::UsernameTaken.into());
    }
    cx.note_about("details_changed", Some(id), "app", "")
        .await?;
    current(cx, id).await
}

/// What a user's columns of the operator's own hold: those that the type names, or all.
///
/// # Errors
/// [`Refusal::Several`] with [`Refusal::NoSuchField`] for members that are no columns; [`Refusal::NoSuchUser`]; a failure if a
/// member's type does not take what its column holds.
pub async fn profile<T: DeserializeOwned>(cx: &mut Cx, id: UserId) -> Result<T, Error> {
    let mut fields = own_fields::declared(cx);
    if let Some(names) = typed::names_of::<T>() {
        let unknown = |name: &&&str| fields.iter().all(|field| field.name() != **name);
        let unknown: Vec<_> = names.iter().filter(unknown).collect();
        if !unknown.is_empty() {
            let unknown = unknown.into_iter();
            let unknown = unknown.map(|name| (own_fields::shortened(name), Refusal::NoSuchField));
            return Err(Refusal::Several(unknown.collect()).into());
        }
        fields.retain(|field| names.contains(&field.name()));
    }
    let values = store::user_field::get(cx.read(), id, &fields).await?;
    if values.is_empty() {
        current(cx, id).await?;
    }
    Ok(typed::read(values)?)
}

/// Sets the columns that a profile names, by the rules of a registration, and no other.
///
/// # Errors
/// [`Refusal::Several`] with every fault at its column: [`Refusal::NoSuchField`], [`Refusal::NotUnique`], what a text may be
/// refused for; [`Refusal::NoSuchUser`].
pub async fn set_profile<T: Serialize>(cx: &mut Cx, id: UserId, profile: &T) -> Result<(), Error> {
    set_fields(cx, id, &typed::members(profile)?).await
}

async fn set_fields(cx: &mut Cx, id: UserId, said: &Map<String, Value>) -> Result<(), Error> {
    current(cx, id).await?;
    let given = own_fields::clean_all(cx, said, Some(id)).await?;
    if given.is_empty() {
        return Ok(());
    }
    own_fields::write(cx, id, &given).await?;
    Ok(cx
        .note_about("details_changed", Some(id), "app", "")
        .await?)
}
