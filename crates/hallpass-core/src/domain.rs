//! The nouns. No I/O here.

pub mod timestamp;
pub mod user;

pub use timestamp::Timestamp;
pub use user::{User, UserId};
