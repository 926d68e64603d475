//! Permissions and groups: who may do what in the app, by Django's rule.
//!
//! A superuser has every permission, whatever its name; who is switched off has none; anybody else has their own and those of
//! their groups. The app declares what there is, and asks; Django's admin, on the same tables, may give and take.

use std::collections::BTreeSet;

use crate::cx::Cx;
use crate::domain::UserId;
use crate::error::{Error, Failure, Refusal};
use crate::flows::passwords::check_field;
use crate::settings::UserColumn;
use crate::store;

/// What somebody may do, as it was when it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    all: bool,
    names: BTreeSet<String>,
}

impl Permissions {
    /// Nothing: what a visitor may.
    pub fn none() -> Self {
        Permissions::default()
    }

    /// Whether `app_label.codename` is among them. A superuser has every one, also one that nobody declared.
    ///
    /// ```
    /// # use hallpass_core::flows::permissions::Permissions;
    /// assert!(!Permissions::none().has("reports.view_report"));
    /// ```
    pub fn has(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    /// Whether all of these are.
    pub fn has_all<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        names.into_iter().all(|name| self.has(name))
    }

    /// Whether there is any permission of this app.
    pub fn has_any_of_app(&self, app_label: &str) -> bool {
        let of_app = |name: &String| {
            let (label, _) = name.split_once('.').unwrap_or((name, ""));
            label == app_label
        };
        self.all || self.names.iter().any(of_app)
    }

    /// Whether these are a superuser's.
    pub fn is_superuser(&self) -> bool {
        self.all
    }

    /// Those that were given, in the order of their names: to a superuser, perhaps none.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

/// What a user may do. One statement, whatever the session knew: a permission that was taken a moment ago is gone.
///
/// # Errors
/// A failure.
pub async fn of(cx: &mut Cx, user: UserId) -> Result<Permissions, Failure> {
    read(cx.read(), user).await
}

/// [`of`] without a flow.
pub(crate) async fn read(conn: store::Conn<'_>, user: UserId) -> Result<Permissions, Failure> {
    let held = store::permission::of_user(conn, user).await?;
    Ok(match held.filter(|held| held.is_active) {
        Some(held) => Permissions {
            all: held.is_superuser,
            names: held.names.into_iter().collect(),
        },
        None => Permissions::none(),
    })
}

/// The model that permissions of an app's own are listed under, where Django wants one: it says who made them.
const MODEL: &str = "hallpass";

/// `app_label.codename` in its two parts.
fn parts(name: &str) -> Result<(&str, &str), Refusal> {
    check_field("permission", name, 201)?;
    let parts = name.split_once('.');
    let (label, codename) = parts.ok_or(Refusal::Invalid("permission"))?;
    check_field("permission", label, 100)?;
    check_field("permission", codename, 100)?;
    Ok((label, codename))
}

fn unknown(label: &str, codename: &str) -> Error {
    Refusal::NoSuchPermission(format!("{label}.{codename}")).into()
}

/// Sees to it that there is a permission. One that a Django made under a model of its own is left as it is.
///
/// # Errors
/// What the name or the title may be refused for.
pub async fn declare(cx: &mut Cx, name: &str, title: &str) -> Result<(), Error> {
    let (label, codename) = parts(name)?;
    check_field("title", title, 255)?;
    let ours = [label, MODEL];
    if store::permission::exists_elsewhere(cx.read(), ours, codename).await? {
        return Ok(());
    }
    Ok(store::permission::declare(cx.write().await?, ours, codename, title).await?)
}

/// Gives a user a permission. `false`: they had it of their own.
///
/// # Errors
/// [`Refusal::NoSuchPermission`], [`Refusal::NoSuchUser`]; [`Refusal::NotAvailable`] where the user's table is without
/// Django's PermissionsMixin.
pub async fn grant(cx: &mut Cx, user: UserId, name: &str) -> Result<bool, Error> {
    let (label, codename) = parts(name)?;
    available(cx)?;
    if store::permission::grant(cx.write().await?, user, label, codename).await? {
        cx.note_about("permission_granted", Some(user), "app", "")
            .await?;
        return Ok(true);
    }
    if !store::permission::exists(cx.read(), label, codename).await? {
        return Err(unknown(label, codename));
    }
    known(cx, user).await?;
    Ok(false)
}

/// Takes a user's own permission. What their groups give stays. `false`: they had none of their own.
///
/// # Errors
/// [`Refusal::NoSuchPermission`].
pub async fn revoke(cx: &mut Cx, user: UserId, name: &str) -> Result<bool, Error> {
    let (label, codename) = parts(name)?;
    if store::permission::revoke(cx.write().await?, user, label, codename).await? {
        cx.note_about("permission_revoked", Some(user), "app", "")
            .await?;
        return Ok(true);
    }
    match store::permission::exists(cx.read(), label, codename).await? {
        true => Ok(false),
        false => Err(unknown(label, codename)),
    }
}

/// Without Django's PermissionsMixin nobody can be given anything.
fn available(cx: &Cx) -> Result<(), Refusal> {
    match cx.hallpass().db().users().has(UserColumn::IsSuperuser) {
        true => Ok(()),
        false => Err(Refusal::NotAvailable),
    }
}

async fn known(cx: &mut Cx, user: UserId) -> Result<(), Error> {
    match store::user::by_id(cx.read(), user).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::NoSuchUser.into()),
    }
}

async fn known_group(cx: &mut Cx, group: &str) -> Result<(), Error> {
    match store::permission::group_exists(cx.read(), group).await? {
        true => Ok(()),
        false => Err(Refusal::NoSuchGroup(group.to_owned()).into()),
    }
}

/// Sees to it that there is a group. `false`: there was.
///
/// # Errors
/// What the name may be refused for.
pub async fn create_group(cx: &mut Cx, group: &str) -> Result<bool, Error> {
    check_field("group", group, 150)?;
    Ok(store::permission::create_group(cx.write().await?, group).await?)
}

/// Removes a group; its members lose what it gave. `false`: there was none.
///
/// # Errors
/// What the name may be refused for.
pub async fn remove_group(cx: &mut Cx, group: &str) -> Result<bool, Error> {
    check_field("group", group, 150)?;
    Ok(store::permission::remove_group(cx.write().await?, group).await?)
}

/// Gives a group a permission. `false`: it had it.
///
/// # Errors
/// [`Refusal::NoSuchPermission`], [`Refusal::NoSuchGroup`].
pub async fn grant_to_group(cx: &mut Cx, group: &str, name: &str) -> Result<bool, Error> {
    let (label, codename) = parts(name)?;
    check_field("group", group, 150)?;
    if store::permission::grant_to_group(cx.write().await?, group, label, codename).await? {
        return Ok(true);
    }
    if !store::permission::exists(cx.read(), label, codename).await? {
        return Err(unknown(label, codename));
    }
    known_group(cx, group).await?;
    Ok(false)
}

/// Takes a group's permission. `false`: it had it not.
///
/// # Errors
/// [`Refusal::NoSuchPermission`], [`Refusal::NoSuchGroup`].
pub async fn revoke_from_group(cx: &mut Cx, group: &str, name: &str) -> Result<bool, Error> {
    let (label, codename) = parts(name)?;
    check_field("group", group, 150)?;
    if store::permission::revoke_from_group(cx.write().await?, group, label, codename).await? {
        return Ok(true);
    }
    if !store::permission::exists(cx.read(), label, codename).await? {
        return Err(unknown(label, codename));
    }
    known_group(cx, group).await?;
    Ok(false)
}

/// Puts a user into a group. `false`: they are in it.
///
/// # Errors
/// [`Refusal::NoSuchGroup`], [`Refusal::NoSuchUser`].
pub async fn join(cx: &mut Cx, user: UserId, group: &str) -> Result<bool, Error> {
    available(cx)?;
    check_field("group", group, 150)?;
    if store::permission::join(cx.write().await?, user, group).await? {
        cx.note_about("group_joined", Some(user), "app", "").await?;
        return Ok(true);
    }
    known_group(cx, group).await?;
    known(cx, user).await?;
    Ok(false)
}

/// Takes a user out of a group. `false`: they were not in it.
///
/// # Errors
/// [`Refusal::NoSuchGroup`].
pub async fn leave(cx: &mut Cx, user: UserId, group: &str) -> Result<bool, Error> {
    check_field("group", group, 150)?;
    if store::permission::leave(cx.write().await?, user, group).await? {
        cx.note_about("group_left", Some(user), "app", "").await?;
        return Ok(true);
    }
    known_group(cx, group).await?;
    Ok(false)
}
