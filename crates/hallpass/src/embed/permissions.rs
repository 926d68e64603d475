//! What whoever asks may do, in handlers: Django's permissions.

use axum::extract::FromRequestParts;
use hallpass_core::flows::permissions::Permissions as Held;
use http::request::Parts;

use super::CurrentUser;
use super::here::Here;
use super::rejection::{Asker, Kind, Rejection};

/// What the request's user may do, read from the database now: a permission that was taken a moment ago is gone. For a
/// visitor it is nothing.
///
/// ```no_run
/// # use hallpass::{Permissions, Rejection};
/// async fn publish(permissions: Permissions) -> Result<&'static str, Rejection> {
///     permissions.require("news.publish_article")?;
///     Ok("published")
/// }
/// ```
///
/// Before whole routers stands [`super::permission_required`].
#[derive(Debug, Clone)]
pub struct Permissions {
    held: Held,
    user: Option<CurrentUser>,
    here: Here,
    asker: Asker,
}

impl Permissions {
    /// Whether `app_label.codename` is among them.
    pub fn has(&self, name: &str) -> bool {
        self.held.has(name)
    }

    /// That it is.
    ///
    /// # Errors
    /// What a handler can answer as it is: to sign in, for a visitor; else 403.
    pub fn require(&self, name: &str) -> Result<(), Rejection> {
        if self.has(name) {
            return Ok(());
        }
        let kind = match self.user {
            Some(_) => Kind::Forbidden,
            None => Kind::SignIn,
        };
        Err(Rejection::to(self.here.face(), &self.asker, kind))
    }

    /// Who asks.
    pub fn user(&self) -> Option<&CurrentUser> {
        self.user.as_ref()
    }

    /// All that is known of them.
    pub fn held(&self) -> &Held {
        &self.held
    }
}

impl<S: Sync> FromRequestParts<S> for Permissions {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let here = Here::of(parts)?;
        let user = here.user(parts).await?;
        let held = match &user {
            Some(user) => here.permissions(parts, user).await?,
            None => Held::none(),
        };
        Ok(Permissions {
            held,
            user,
            asker: Asker::of(parts),
            here,
        })
    }
}
