//! dj-rest-auth's interface, through the router.

mod answers;
mod deviations;
mod replay;
mod tokens;
