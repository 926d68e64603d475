//! dj-rest-auth's interface, through the router.

mod deviations;
mod replay;
