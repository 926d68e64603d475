//! The verbs: one ceremony a file. A flow knows no HTTP; it ends in an outcome, a refusal or a failure.
//!
//! Imports go one way: tokens, user_details → signup, login_by_code, password_reset, … → login → addresses, numbers → code, sessions.

pub mod addresses;
pub mod code;
pub mod email_verification;
pub mod login;
pub mod login_by_code;
pub mod login_by_link;
pub mod logout;
pub mod magic_link;
pub mod manage_email;
pub mod numbers;
pub(crate) mod own_fields;
pub mod password_change;
pub mod password_reset;
pub mod passwords;
pub mod permissions;
pub mod phone;
pub mod reauthentication;
pub mod sessions;
pub mod signup;
pub mod social;
pub mod tokens;
pub mod user_details;
pub mod users;
