//! What a user may change about themselves: user name, given name, family name.
//!
//! The address is none of it: that is proved first ([`crate::flows::manage_email`]).

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, Refusal};
use crate::flows::signup::form;
use crate::store;

/// What is to be changed; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The user name.
    pub username: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

/// Changes it, and gives the user as it is then.
///
/// # Errors
/// What a user name may be refused for, [`Refusal::UsernameTaken`] included; one's own is never taken.
pub async fn change(cx: &mut Cx, user: &User, changes: Changes) -> Result<User, Error> {
    let mut next = user.clone();
    if let Some(text) = changes.username.filter(|text| *text != user.username) {
        let name = form::clean_username(cx, &text)?;
        if !form::claim_name(cx, &name, Some(user.id)).await? {
            return Err(Refusal::UsernameTaken.into());
        }
        next.username = name;
    }
    next.first_name = changes.first_name.unwrap_or(next.first_name);
    next.last_name = changes.last_name.unwrap_or(next.last_name);
    let names = [&next.username, &next.first_name, &next.last_name].map(String::as_str);
    let before = [&user.username, &user.first_name, &user.last_name].map(String::as_str);
    if names == before {
        return Ok(next);
    }
    if !store::user::set_names(cx.write().await?, user.id, names).await? {
        // Somebody took it a moment ago, and the transaction is spoiled.
        cx.undo().await;
        return Err(Refusal::UsernameTaken.into());
    }
    cx.note_about("details_changed", Some(user.id), "", "")
        .await?;
    Ok(next)
}
