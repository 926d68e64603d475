//! dj-rest-auth's interface, through the router.

mod answers;
mod attacks;
mod browsable;
mod contract;
mod costs;
mod deviations;
mod forgeries;
#[path = "../../src/render/tests/markup.rs"]
mod markup;
mod openapi;
mod own_fields;
mod refusals;
mod replay;
mod social;
pub(crate) mod tokens;
