//! Whom a login means: which method it is, and which accounts fit.

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, LoginMethod};
use crate::flows::{addresses, numbers};
use crate::settings::LoginBy;
use crate::store;

/// More accounts than this are not tried.
const MOST: usize = 3;

/// The method that a text stands for: the only one there is; else an address if it is one, else a number if it is one,
/// else a name.
pub(crate) fn method_of(cx: &Cx, text: &str) -> LoginMethod {
    let methods = cx.hallpass().settings().account.login_methods();
    match methods.as_slice() {
        [LoginBy::Email] => LoginMethod::Email,
        [LoginBy::Phone] => LoginMethod::Phone,
        [LoginBy::Username] => LoginMethod::Username,
        _ if methods.contains(&LoginBy::Email) && addresses::clean(cx, text).is_ok() => {
            LoginMethod::Email
        }
        _ if methods.contains(&LoginBy::Phone) && numbers::parse(cx, text).is_some() => {
            LoginMethod::Phone
        }
        _ if methods.contains(&LoginBy::Username) => LoginMethod::Username,
        _ => LoginMethod::Email,
    }
}

/// The accounts that a login may mean, and by which method each was found, most likely first: a name that looks like an
/// address is no mailbox of the account's. Every method is looked up whatever the others find, so that the time does not
/// tell which one it was.
///
/// Somebody may be called by another's address; the address counts for its owner.
///
/// # Errors
/// A failure.
pub(crate) async fn resolve(
    cx: &mut Cx,
    text: &str,
) -> Result<(LoginMethod, Vec<(User, LoginMethod)>), Error> {
    let method = method_of(cx, text);
    let has = |cx: &Cx, by| cx.hallpass().settings().account.has_method(by);
    let mailed = match addresses::clean(cx, text) {
        Ok(email) if has(cx, LoginBy::Email) => by_email(cx, &email).await?,
        _ => Vec::new(),
    };
    let called = match numbers::parse(cx, text) {
        Some(phone) if has(cx, LoginBy::Phone) => by_phone(cx, &phone).await?,
        _ => Vec::new(),
    };
    let named = match has(cx, LoginBy::Username) {
        true => by_username(cx, text).await?,
        false => Vec::new(),
    };
    let mut found: Vec<(User, LoginMethod)> = Vec::new();
    for (users, by) in [
        (mailed, LoginMethod::Email),
        (called, LoginMethod::Phone),
        (named, LoginMethod::Username),
    ] {
        for user in users {
            if found.iter().all(|(known, _)| known.id != user.id) {
                found.push((user, by));
            }
        }
    }
    found.truncate(MOST);
    Ok((method, found))
}

async fn by_email(cx: &mut Cx, email: &str) -> Result<Vec<User>, Error> {
    let mut found = store::user::by_email(cx.read(), email).await?;
    if found.iter().any(|found| found.verified) {
        found.retain(|found| found.verified);
    }
    Ok(found.into_iter().map(|found| found.user).collect())
}

async fn by_phone(cx: &mut Cx, phone: &str) -> Result<Vec<User>, Error> {
    let mut found = store::phone::owners(cx.read(), phone).await?;
    if found.iter().any(|owner| owner.number.verified) {
        found.retain(|owner| owner.number.verified);
    }
    Ok(found.into_iter().map(|owner| owner.user).collect())
}

/// The one account of this name in any case; the exact one where several differ by case alone.
async fn by_username(cx: &mut Cx, text: &str) -> Result<Vec<User>, Error> {
    let name = hallpass_django::text::normalize_username(text);
    let folded = name.to_lowercase();
    let mut users = store::user::by_username(cx.read(), &name).await?;
    users.retain(|user| user.username.to_lowercase() == folded);
    if users.len() > 1 {
        users.retain(|user| user.username == name);
    }
    Ok(users)
}
