//! dj-rest-auth's interface, through the router.

mod answers;
mod attacks;
mod browsable;
mod costs;
mod deviations;
mod forgeries;
#[path = "../../src/render/tests/markup.rs"]
mod markup;
mod own_fields;
mod replay;
mod tokens;
