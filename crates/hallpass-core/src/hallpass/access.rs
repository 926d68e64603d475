//! Permissions and groups, from the handle.

use crate::domain::User;
use crate::error::{Error, Failure};
use crate::flows::permissions::{self, Permissions};
use crate::hallpass::Hallpass;
use crate::store;

impl Hallpass {
    /// What a user may do, by Django's rule: a superuser everything, who is switched off nothing, others what was given to
    /// them or to a group of theirs. One statement, read anew at every call.
    ///
    /// ```no_run
    /// # async fn run(hallpass: hallpass_core::Hallpass, user: hallpass_core::domain::User) -> Result<(), hallpass_core::Failure> {
    /// let permissions = hallpass.permissions(&user).await?;
    /// if permissions.has("reports.view_report") {
    ///     // …
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A failure.
    pub async fn permissions(&self, user: &User) -> Result<Permissions, Failure> {
        permissions::read(self.db().conn(), user.id).await
    }

    /// The names of the groups that a user is in, in order.
    ///
    /// # Errors
    /// A failure.
    pub async fn groups(&self, user: &User) -> Result<Vec<String>, Failure> {
        store::permission::groups_of(self.db().conn(), user.id).await
    }

    /// Declares, gives and takes permissions, and keeps groups.
    pub fn access(&self) -> Access {
        Access {
            hallpass: self.clone(),
        }
    }
}

/// Who may do what, to be changed. Every method may be called again, and by several at once: what is so already stays.
///
/// ```no_run
/// # async fn run(hallpass: hallpass_core::Hallpass, ann: hallpass_core::domain::User) -> Result<(), hallpass_core::Error> {
/// let access = hallpass.access();
/// access.declare("reports.view_report", "Can view reports").await?;
/// access.create_group("Analysts").await?;
/// access.grant_to_group("Analysts", "reports.view_report").await?;
/// access.add_to_group(&ann, "Analysts").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Access {
    hallpass: Hallpass,
}

impl Access {
    /// Sees to it that there is a permission `app_label.codename`, which Django's admin shows by its title. One that a
    /// Django made for a model of the app is left as it is; others stand under the content type `app_label.hallpass`.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal) at the field `permission` or `title`: empty, too long, without a dot.
    pub async fn declare(&self, name: &str, title: &str) -> Result<(), Error> {
        let flow = async |cx: &mut _| permissions::declare(cx, name, title).await;
        self.hallpass.perform(flow).await
    }

    /// Gives a user a permission. `false`: they had it of their own.
    ///
    /// # Errors
    /// [`Refusal::NoSuchPermission`](crate::Refusal::NoSuchPermission) if nobody declared it,
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser).
    pub async fn grant(&self, user: &User, name: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::grant(cx, user.id, name).await;
        self.hallpass.perform(flow).await
    }

    /// Takes a user's own permission; what their groups give stays. `false`: they had none of their own.
    ///
    /// # Errors
    /// [`Refusal::NoSuchPermission`](crate::Refusal::NoSuchPermission).
    pub async fn revoke(&self, user: &User, name: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::revoke(cx, user.id, name).await;
        self.hallpass.perform(flow).await
    }

    /// The names of all groups, in order.
    ///
    /// # Errors
    /// A failure.
    pub async fn groups(&self) -> Result<Vec<String>, Failure> {
        store::permission::groups(self.hallpass.db().conn()).await
    }

    /// Sees to it that there is a group. `false`: there was.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal) at the field `group`: empty, too long.
    pub async fn create_group(&self, group: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::create_group(cx, group).await;
        self.hallpass.perform(flow).await
    }

    /// Removes a group; its members lose what it gave. `false`: there was none.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal) at the field `group`.
    pub async fn remove_group(&self, group: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::remove_group(cx, group).await;
        self.hallpass.perform(flow).await
    }

    /// Gives a group a permission. `false`: it had it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchPermission`](crate::Refusal::NoSuchPermission),
    /// [`Refusal::NoSuchGroup`](crate::Refusal::NoSuchGroup).
    pub async fn grant_to_group(&self, group: &str, name: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::grant_to_group(cx, group, name).await;
        self.hallpass.perform(flow).await
    }

    /// Takes a group's permission. `false`: it had it not.
    ///
    /// # Errors
    /// [`Refusal::NoSuchPermission`](crate::Refusal::NoSuchPermission),
    /// [`Refusal::NoSuchGroup`](crate::Refusal::NoSuchGroup).
    pub async fn revoke_from_group(&self, group: &str, name: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::revoke_from_group(cx, group, name).await;
        self.hallpass.perform(flow).await
    }

    /// Puts a user into a group. `false`: they are in it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchGroup`](crate::Refusal::NoSuchGroup), [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser).
    pub async fn add_to_group(&self, user: &User, group: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::join(cx, user.id, group).await;
        self.hallpass.perform(flow).await
    }

    /// Takes a user out of a group. `false`: they were not in it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchGroup`](crate::Refusal::NoSuchGroup).
    pub async fn remove_from_group(&self, user: &User, group: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut _| permissions::leave(cx, user.id, group).await;
        self.hallpass.perform(flow).await
    }
}
