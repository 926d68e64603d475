//! What an app's own routes stand on: a layer, extractors, gates.
//!
//! [`HallpassLayer`] stands around the app and costs next to nothing until somebody asks: it puts a [`Here`] into the
//! request, which reads the session once, the first time an extractor or a gate wants it, and saves it when the answer
//! goes out. All of them work whatever the app's state is.

mod csrf;
mod gates;
mod header;
mod here;
mod layer;
mod magic_link;
mod origin;
mod people;
mod permissions;
mod rejection;
mod session;

pub use csrf::{CsrfToken, csrf_protected};
pub use gates::{
    Gate, fresh_required, login_required, permission_required, staff_required, verified_required,
};
pub use here::Proof;
pub use layer::{HallpassLayer, HallpassService};
pub use magic_link::{
    MagicLink, MagicLinkAnywhere, MagicLinkEverywhere, MagicLinkLayer, MagicLinked, magic_link,
};
pub use people::{CurrentUser, Fresh, MaybeUser, Verified};
pub use permissions::Permissions;
pub use rejection::Rejection;
pub use session::Session;
