//! Accounts and sign-in for axum apps, with the interfaces of Django, allauth, dj-rest-auth and sesame.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use hallpass::{Hallpass, settings};
//!
//! let settings = settings::load(None, std::env::vars())?.settings;
//! let hallpass = Hallpass::builder(settings).build().await?;
//! let app: axum::Router = axum::Router::new().merge(hallpass::router(&hallpass)?);
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! The rules are in [`hallpass_core`]; this crate says them in HTML. A face parses, calls one flow and matches on what
//! came of it; it decides nothing.

mod arrival;
mod assets;
mod cookies;
mod errors;
mod face;
mod form;
mod pages;
mod posted;
mod render;
mod router;
mod safety;
mod say;
mod visit;

pub use hallpass_core::{Cx, Error, Failure, Hallpass, Refusal, domain, flows, settings, store};
pub use router::{router, with_front_door};
