//! Pages: flows said in HTML.

pub(crate) mod email_verification;
pub(crate) mod index;
pub(crate) mod login;
pub(crate) mod login_by_code;
pub(crate) mod login_by_link;
pub(crate) mod logout;
pub(crate) mod magic_link;
pub(crate) mod manage_email;
pub(crate) mod password_change;
pub(crate) mod password_reset;
pub(crate) mod phone;
pub(crate) mod profile;
pub(crate) mod reauthentication;
pub(crate) mod signup;
pub(crate) mod social;
