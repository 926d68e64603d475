//! dj-rest-auth's interface, through the router.

mod answers;
mod attacks;
mod costs;
mod deviations;
mod forgeries;
mod refusals;
mod replay;
mod tokens;
