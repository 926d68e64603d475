//! dj-rest-auth's interface, through the router.

mod answers;
mod deviations;
mod own_fields;
mod replay;
mod tokens;
