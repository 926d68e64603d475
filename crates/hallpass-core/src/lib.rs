//! The rules of Hallpass: what may happen. No HTTP, no HTML.
//!
//! Settings, the domain, the flows, the store and the delivery of letters. The crate `hallpass` puts faces on it for
//! axum; formats shared with Django come from `hallpass-django`.

pub mod cx;
pub mod delivery;
pub mod domain;
pub mod error;
pub mod flows;
pub mod hallpass;
pub mod hashing;
pub mod hooks;
pub mod limits;
pub mod outbound;
pub mod providers;
pub mod settings;
pub mod store;

pub use async_trait::async_trait;
pub use cx::Cx;
pub use error::{Error, Failure, LoginMethod, Refusal, StartError, TokenFault};
pub use hallpass::Hallpass;
