//! Django's formats as pure functions: password hashes, signatures, tokens, session payloads, CSRF masks.
//!
//! No I/O, no clock, no randomness, no async: whoever calls brings the time and the random bytes. Every format is held to
//! known answers that Django itself made (`tests/data`).

pub mod csrf;
pub mod email_confirmation;
pub mod hashers;
pub mod redirect;
pub mod reset_token;
pub mod sesame;
pub mod session;
pub mod signing;
pub mod text;
pub mod validators;

pub use signing::SecretKeys;
