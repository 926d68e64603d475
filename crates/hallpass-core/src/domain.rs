//! The nouns. No I/O here.

pub mod address;
pub mod client;
pub mod code;
pub mod jwt;
pub mod login;
pub mod phone;
pub mod sealed;
pub mod secret;
pub mod session;
pub mod social;
pub mod timestamp;
pub mod user;
pub mod user_id;

pub use client::Client;
pub use code::Code;
pub use login::{Login, Record, Stage};
pub use phone::Phone;
pub use session::{Session, SessionKey};
pub use social::SocialLogin;
pub use timestamp::{Clock, Timestamp};
pub use user::User;
pub use user_id::UserId;
