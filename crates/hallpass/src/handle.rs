//! [`Hallpass`]: the rules and the faces on them, in one handle for the app.

mod builder;
mod serve;

use std::fmt;
use std::ops::Deref;

use axum::Router;
use axum::routing::MethodRouter;
use hallpass_core::Failure;

pub use builder::Builder;

use crate::embed::{HallpassLayer, MagicLinkAnywhere};
use crate::face::Face;
use crate::render::Brought;
use crate::{rest, router};

/// Accounts and sign-in for one site: what an app holds. Cheap to clone, without type parameters.
///
/// It gives routers with the pages and the interfaces, and the layer that lets the app's own routes know who asks.
/// Everything that needs no HTTP is in [`hallpass_core::Hallpass`], which it derefs to.
#[derive(Clone)]
pub struct Hallpass {
    face: Face,
}

impl Deref for Hallpass {
    type Target = hallpass_core::Hallpass;
    fn deref(&self) -> &hallpass_core::Hallpass {
        &self.face.hallpass
    }
}

impl fmt::Debug for Hallpass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hallpass")
    }
}

impl Hallpass {
    /// Begins to put one together: settings from `hallpass.toml` and the environment, unless the builder is told
    /// otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Puts faces on rules.
    pub(crate) fn new(
        core: &hallpass_core::Hallpass,
        templates: &Brought,
    ) -> Result<Self, Failure> {
        Ok(Hallpass {
            face: Face::new(core, templates)?,
        })
    }

    /// Everything that the settings have: the pages below HALLPASS_MOUNT, the REST interface below HALLPASS_REST_MOUNT. To
    /// be merged into the outermost router of an app, whatever its state.
    ///
    /// Serve it with the peer's address, which rate limits need: with [`Hallpass::serve`], or
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        router::whole(&self.face)
    }

    /// The pages alone, to be nested where HALLPASS_MOUNT says ([`Builder::mount`]): with a mount of `/auth/`,
    /// `app.nest("/auth/", hallpass.pages())`.
    pub fn pages<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        router::pages_alone(&self.face)
    }

    /// The REST interface alone, to be nested where HALLPASS_REST_MOUNT says ([`Builder::rest_mount`]).
    pub fn rest<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        router::rest_alone(&self.face)
    }

    /// [`Hallpass::router`] with a page at `/`, and pages for what is not there: a whole site, as `hallpass serve` serves
    /// it.
    pub fn site<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        router::site(&self.face)
    }

    /// What the extractors and layers for an app's own routes stand on; around the whole app, outermost of ours.
    pub fn layer(&self) -> HallpassLayer {
        HallpassLayer::new(self.face.clone())
    }

    /// What answers at the address of sign-ins by magic link: `.route("/magic/", hallpass.magic_login())`. A good link
    /// signs in, through all stages, and leads to `next`, if that is safe, else to LOGIN_REDIRECT_URL; anything else is
    /// 403. With HALLPASS_MAGIC_LINK_CONFIRM a button comes first. It needs no [`Hallpass::layer`] around it.
    pub fn magic_login<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        router::magic_login(&self.face)
    }

    /// A layer with which a magic link signs in on any URL, inside of [`Hallpass::layer`] and around the routes. GET is led
    /// to the same URL without the token, but for Safari and iOS, which would delete the session's cookie for that; other
    /// methods go on. What is no good link is passed over.
    ///
    /// Whoever is sent such a link is signed in by it: [`crate::magic_link`] opens single pages, and nothing else.
    pub fn magic_link_anywhere(&self) -> MagicLinkAnywhere {
        MagicLinkAnywhere::new()
    }

    /// The OpenAPI document of the REST interface, as the settings make it; None where HALLPASS_REST_MOUNT is empty.
    pub fn openapi(&self) -> Option<serde_json::Value> {
        rest::document(&self.face)
    }
}
