//! Accounts and sign-in for axum apps, with the interfaces of Django, allauth, dj-rest-auth and sesame.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use hallpass::settings;
//!
//! let settings = settings::load(None, std::env::vars())?.settings;
//! let hallpass = hallpass::builder(settings)?.build().await?;
//! let app: axum::Router = axum::Router::new().merge(hallpass::router(&hallpass)?);
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! The rules are in [`hallpass_core`]; this crate says them in HTML. A face parses, calls one flow and matches on what
//! came of it; it decides nothing.

mod ajax;
mod arrival;
mod assets;
mod cookies;
mod errors;
mod face;
mod form;
mod pages;
mod posted;
mod render;
mod rest;
mod router;
mod safety;
mod say;
mod sms_gateway;
mod visit;

use std::sync::Arc;

pub use hallpass_core::hallpass::Builder;
pub use hallpass_core::{
    Cx, Error, Failure, Hallpass, Refusal, async_trait, delivery, domain, flows, hooks, settings,
    store,
};
pub use router::{openapi, router, with_front_door};
pub use sms_gateway::SmsGateway;

/// Begins to put a [`Hallpass`] together, with what speaks HTTP: the SMS gateway, if HALLPASS_SMS_BACKEND is `http`.
/// [`Hallpass::builder`] is the same without.
pub fn builder(settings: settings::Settings) -> Result<Builder, Failure> {
    let gateway = match settings.hallpass.sms_backend {
        settings::SmsBackend::Http => Some(SmsGateway::new(&settings)?),
        _ => None,
    };
    let builder = Hallpass::builder(settings);
    Ok(match gateway {
        Some(gateway) => builder.texter(Arc::new(gateway)),
        None => builder,
    })
}

/// The guide's examples, a module a page: they compile, or the tests fail.
#[cfg(doctest)]
mod guide {
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
