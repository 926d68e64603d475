//! dj-rest-auth's interface, through the router.

mod answers;
mod browsable;
mod deviations;
#[path = "../../src/render/tests/markup.rs"]
mod markup;
mod own_fields;
mod replay;
mod tokens;
