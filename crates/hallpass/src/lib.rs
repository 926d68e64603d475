//! Accounts and sign-in for axum apps, with the interfaces of Django, allauth, dj-rest-auth and sesame.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use hallpass::{CurrentUser, Hallpass};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let hallpass = Hallpass::builder().migrate().build().await?;
//! let app = Router::new()
//!     .route("/", get(async |user: CurrentUser| format!("Hello {}", user.display())))
//!     .merge(hallpass.router())
//!     .layer(hallpass.layer());
//! hallpass.serve(app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The rules are in [`hallpass_core`]; this crate says them in HTML. A face parses, calls one flow and matches on what
//! came of it; it decides nothing.

mod ajax;
mod arrival;
mod assets;
mod closing;
mod cookies;
mod embed;
mod errors;
mod face;
mod form;
mod handle;
mod pages;
mod posted;
mod render;
mod rest;
mod router;
mod safety;
mod say;
mod sms_gateway;
mod visit;

pub use embed::{
    CsrfToken, CurrentUser, Fresh, Gate, HallpassLayer, HallpassService, MagicLink,
    MagicLinkAnywhere, MagicLinkEverywhere, MagicLinkLayer, MagicLinked, MaybeUser, Permissions,
    Proof, Rejection, Session, Verified, csrf_protected, fresh_required, login_required,
    magic_link, permission_required, staff_required, verified_required,
};
pub use hallpass_core::{
    Cx, Error, Failure, Refusal, StartError, async_trait, delivery, domain, flows, hooks, settings,
    store,
};
pub use handle::{Builder, Hallpass};
pub use sms_gateway::SmsGateway;

/// The guide's examples, a module a page: they compile, or the tests fail.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../docs/src/flows/magic_link.md")]
    mod magic_link {}
    #[doc = include_str!("../../../docs/src/how-to/audit.md")]
    mod audit {}
    #[doc = include_str!("../../../docs/src/how-to/invitations.md")]
    mod invitations {}
    #[doc = include_str!("../../../docs/src/how-to/ip-bans.md")]
    mod ip_bans {}
    #[doc = include_str!("../../../docs/src/how-to/own-stage.md")]
    mod own_stage {}
    #[doc = include_str!("../../../docs/src/how-to/redirects-by-role.md")]
    mod redirects_by_role {}
}
