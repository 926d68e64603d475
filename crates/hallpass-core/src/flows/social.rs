//! Signing in with an account at somebody else's: a provider.
//!
//! 1. The visitor chooses a provider and is sent there, with a state that only this browser can bring back ([`mod@begin`]).
//! 2. They come back. The state is spent, the provider is asked who they are ([`mod@callback`]); or a program brings what it
//!    got from the provider itself ([`by_token`]).
//! 3. The account there belongs to a user: they sign in. It belongs to nobody: by an address that the provider vouches
//!    for, where the operator trusts it with that, or by a signup, with a form where something is missing
//!    ([`complete`], [`signup`]).
//! 4. Who is signed in connects and disconnects accounts, and never cuts off their last way in ([`connect`],
//!    [`disconnect`]); two users who turn out to be one person become one, if they say so and prove it ([`merge`]).
//!
//! Tokens are kept where the operator wants it, and renewed for the app ([`tokens`]). What apps there are is in
//! [`apps`].
//!
//! **Who attacks.** Somebody who makes a browser finish *his* sign-in (the state is bound to the session); who has one
//! provider's answer judged as another's (it is bound to the provider and the app); who signs up with the victim's
//! address and waits (an address opens an account only if it was confirmed there, or if nothing else was ever proved, and
//! then all that was there before ends); a provider that says more than it knows (its word opens accounts only where the
//! operator says so).

pub mod apps;
pub mod begin;
pub mod by_token;
pub mod callback;
pub mod complete;
pub mod connect;
pub mod disconnect;
pub mod merge;
pub mod signup;
pub mod tokens;

use crate::domain::SocialLogin;
use crate::flows::login::Progress;

pub use crate::store::social_account::SocialAccount;
pub use begin::{Process, Start, begin};
pub use callback::{Returned, returned};

/// What came of somebody's coming from a provider.
#[derive(Debug)]
#[must_use]
pub enum Came {
    /// The sign-in goes on, or is done.
    Progress(Progress),
    /// Something is missing for an account: the form waits.
    Form,
    /// The account there is connected; `new`: it was not before.
    Connected {
        /// Whether it is new.
        new: bool,
        /// Where to go.
        next: Option<String>,
    },
    /// It belongs to another user, who may be made one with this one.
    MayMerge,
    /// Nothing was done but to go there and back.
    Redirected(Option<String>),
}

/// A provider's word for a user, as records and events have it.
pub(crate) fn record(social: &SocialLogin, now: crate::domain::Timestamp) -> crate::domain::Record {
    crate::domain::Record {
        provider: Some(social.provider.clone()),
        uid: Some(social.uid.clone()),
        ..crate::domain::Record::new("socialaccount", now)
    }
}
