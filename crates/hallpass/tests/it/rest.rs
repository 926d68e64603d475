//! dj-rest-auth's interface, through the router.

mod answers;
mod contract;
mod deviations;
mod openapi;
mod replay;
mod tokens;
