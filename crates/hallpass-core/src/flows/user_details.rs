//! What a user may change about themselves: user name, given name, family name, and what HALLPASS_USER_FIELDS adds.
//!
//! The address is none of it: that is proved first ([`crate::flows::manage_email`]).

use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, Failure, Refusal};
use crate::flows::own_fields;
use crate::flows::signup::form;
use crate::settings::{UserColumn, UserField};
use crate::store;
use crate::store::user_field::Given;

/// What is to be changed; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The user name.
    pub username: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// Columns of the operator's own, as they were typed.
    pub own: Vec<(String, String)>,
}

/// A user, and the columns of the operator's own that details show.
#[derive(Debug, Clone)]
pub struct Details {
    /// The user.
    pub user: User,
    /// By name: texts, numbers, booleans, null.
    pub own: Map<String, Value>,
}

/// What the details of a user show.
///
/// # Errors
/// A failure.
pub async fn of(cx: &mut Cx, user: &User) -> Result<Details, Failure> {
    let shown: Vec<_> = own_fields::declared(cx)
        .into_iter()
        .filter(|field| field.in_user_details)
        .collect();
    Ok(Details {
        user: user.clone(),
        own: store::user_field::get(cx.read(), user.id, &shown).await?,
    })
}

/// Changes it, and gives the details as they are then.
///
/// # Errors
/// What a user name may be refused for, [`Refusal::UsernameTaken`] included; one's own is never taken. What columns of the
/// operator's own may be refused for, as [`Refusal::Several`].
pub async fn change(cx: &mut Cx, user: &User, changes: Changes) -> Result<Details, Error> {
    let own = own_changes(cx, user, &changes.own).await?;
    let changed = names(cx, user, changes).await?;
    let renamed = changed.is_some();
    let next = changed.unwrap_or_else(|| user.clone());
    own_fields::write(cx, user.id, &own).await?;
    if renamed || !own.is_empty() {
        cx.note_about("details_changed", Some(user.id), "", "")
            .await?;
    }
    Ok(of(cx, &next).await?)
}

/// The columns that come to hold something else.
async fn own_changes(
    cx: &mut Cx,
    user: &User,
    typed: &[(String, String)],
) -> Result<Vec<Given>, Error> {
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let may = |field: &UserField| field.in_user_details && !field.read_only;
    let fields: Vec<_> = own_fields::declared(cx).into_iter().filter(may).collect();
    let before = store::user_field::get(cx.read(), user.id, &fields).await?;
    let (mut given, mut faults) = (Vec::new(), Vec::new());
    for field in fields {
        let Some((_, text)) = typed.iter().find(|(name, _)| name == field.name()) else {
            continue;
        };
        match own_fields::clean(cx.read(), &field, text, Some(user.id)).await? {
            Ok(value) if before.get(field.name()) == Some(&value) => {}
            Ok(value) => given.push((field, value)),
            Err(refusal) => faults.push((field.field.name, refusal)),
        }
    }
    match faults.is_empty() {
        true => Ok(given),
        false => Err(Refusal::Several(faults).into()),
    }
}

/// Changes name and names; `None`: they are what they were.
async fn names(cx: &mut Cx, user: &User, mut changes: Changes) -> Result<Option<User>, Error> {
    // What the user's table has no column for cannot be changed.
    let users = cx.hallpass().db().users();
    for (column, change) in [
        (UserColumn::Username, &mut changes.username),
        (UserColumn::FirstName, &mut changes.first_name),
        (UserColumn::LastName, &mut changes.last_name),
    ] {
        if !users.has(column) {
            *change = None;
        }
    }
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
        return Ok(None);
    }
    if !store::user::set_names(cx.write().await?, user.id, names).await? {
        // Somebody took it a moment ago, and the transaction is spoiled.
        cx.undo().await;
        return Err(Refusal::UsernameTaken.into());
    }
    Ok(Some(next))
}
