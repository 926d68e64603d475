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
//! # A tour
//!
//! 1. **Put one together.** [`Hallpass::builder`] reads `hallpass.toml` and the environment, whose names are Django's and
//!    allauth's ([`settings`]); [`Builder`] takes what an app brings: a database, a mailer, hooks, templates.
//! 2. **Mount it.** [`Hallpass::router`] has the pages and the REST interface, for an app of whatever state;
//!    [`Hallpass::pages`] and [`Hallpass::rest`] are single ones, to be nested.
//! 3. **Know who asks.** Around the app goes [`Hallpass::layer`]. Then handlers ask for a [`CurrentUser`], a
//!    [`MaybeUser`], somebody [`Verified`] or [`Fresh`], their [`Permissions`], the [`Session`]; before whole routers
//!    stand [`login_required`], [`staff_required`], [`permission_required`]. Whoever may not come in gets a
//!    [`Rejection`]: a browser is led to where it can go on, a program gets JSON.
//! 4. **Have a say.** [`hooks::Signup`] and [`hooks::Login`] decide who may sign up and in, add stages and fields, and
//!    send people on.
//! 5. **Do it yourself.** What the pages do is in [`flows`], one module a ceremony; [`Session::run`] runs one for this
//!    visitor, and the handle does the rest: users, links, sessions, permissions, from handlers, jobs and tests.
//! 6. **Test it.** `hallpass-testkit` has a browser that is signed in with one line, a mailbox and a clock.
//!
//! The guide tells all of it at length, with the reference of settings, pages and codes.
//!
//! # How it is made
//!
//! The rules are in [`hallpass_core`]; this crate says them in HTML and JSON. A face parses, calls one flow and matches
//! on what came of it; it decides nothing.

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
    CsrfChecked, CsrfProtected, CsrfToken, CurrentUser, Fresh, Gate, Gated, HallpassLayer,
    HallpassService, MagicLink, MagicLinkAnywhere, MagicLinkEverywhere, MagicLinkLayer,
    MagicLinked, MaybeUser, Permissions, Proof, Rejection, Session, Verified, csrf_protected,
    fresh_required, login_required, magic_link, permission_required, staff_required,
    verified_required,
};
pub use hallpass_core::hallpass::{Access, NewUser, SessionCookie, Social, Users};
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
    #[doc = include_str!("../../../docs/src/flows/social.md")]
    mod social {}
    #[doc = include_str!("../../../docs/src/how-to/audit.md")]
    mod audit {}
    #[doc = include_str!("../../../docs/src/how-to/embed.md")]
    mod embed {}
    #[doc = include_str!("../../../docs/src/how-to/invitations.md")]
    mod invitations {}
    #[doc = include_str!("../../../docs/src/how-to/ip-bans.md")]
    mod ip_bans {}
    #[doc = include_str!("../../../docs/src/how-to/own-stage.md")]
    mod own_stage {}
    #[doc = include_str!("../../../docs/src/how-to/programmatic.md")]
    mod programmatic {}
    #[doc = include_str!("../../../docs/src/how-to/redirects-by-role.md")]
    mod redirects_by_role {}
    #[doc = include_str!("../../../docs/src/how-to/social-sign-in.md")]
    mod social_sign_in {}
    #[doc = include_str!("../../../docs/src/how-to/test-your-app.md")]
    mod test_your_app {}
}
