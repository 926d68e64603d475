//! Settings under Django's names: defaults, then a TOML file, then the environment.
//!
//! `ACCOUNT_LOGIN_METHODS` is one name everywhere: the environment variable, and `login_methods` under `[account]` in
//! `hallpass.toml`. What is unknown, of the wrong type or contradictory is refused at start, all of it at once.

mod checks;
mod foreign;
mod load;
mod reference;
mod sections;
mod types;

pub(crate) use load::mask_url;
pub use load::{Loaded, Origin, Problem, Problems, Row, load};
pub use reference::markdown as reference_markdown;
pub use sections::{
    Account, Allauth, Csrf, Email, General, Hallpass, SectionTable, Security, Session, Settings,
};
pub use types::{
    Backend, Enumeration, LimitsStore, LogFormat, LoginBy, Per, Rate, RateLimits, SameSite, Secret,
    Setting, Validator,
};
