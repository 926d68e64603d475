//! The verbs: one ceremony a file. A flow knows no HTTP; it ends in an outcome, a refusal or a failure.
//!
//! Imports go one way: login_by_link → login → sessions.

pub mod login;
pub mod login_by_link;
pub mod logout;
pub mod sessions;
pub mod users;
