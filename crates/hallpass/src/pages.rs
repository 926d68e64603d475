//! Pages: flows said in HTML.

pub(crate) mod index;
pub(crate) mod login;
pub(crate) mod login_by_link;
pub(crate) mod logout;
pub(crate) mod profile;
