//! Settings under Django's names: defaults, then a TOML file, then the environment.
//!
//! `ACCOUNT_LOGIN_METHODS` is one name everywhere: the environment variable, and `login_methods` under `[account]` in
//! `hallpass.toml`. What is unknown, of the wrong type or contradictory is refused at start, all of it at once.
//!
//! `sections` has every setting in one line; structs, defaults, loading, listing and the reference page are made from
//! those lines. `file` and `load` read, `foreign` knows the names that are not ours, `checks` the contradictions.

mod account;
mod checks;
mod codes;
mod field;
mod file;
mod foreign;
mod load;
mod place;
mod problem;
mod rates;
mod reference;
mod rest;
mod secret;
mod secret_file;
mod sections;
mod sesame;
mod signup_fields;
mod social;
mod types;
mod user_fields;
mod user_model;
mod words;

pub use account::CodeUse;
pub use codes::{CodeAfter, CodeFormat, CodeRequired, Quota};
pub use load::{Loaded, Row, load};
pub use place::read;
pub use problem::{Origin, Problem, Problems};
pub use rates::{Per, Rate, RateLimits};
pub use reference::markdown as reference_markdown;
pub use rest::{
    RegisterPermission, Renderer, RestAuth, RestFramework, SimpleJwt, Texts, Throttles, TokenModel,
};
pub use secret::Secret;
pub(crate) use secret::mask_url;
pub use secret_file::{NO_SECRET, give_secret};
pub use sections::{Account, Allauth, Csrf, Email, General, Hallpass, Security, Session, Settings};
pub use sesame::{KeyField, Sesame, TokenDigest, TokenVersion};
pub use signup_fields::{Asked, ExtraField, ExtraKind, SignupField};
pub(crate) use social::is_secret;
pub use social::{AppSettings, ProviderSettings, Providers, SocialAccount};
pub use types::{Validator, Variables};
pub use user_fields::UserField;
pub use user_model::{UserColumn, UserKey};
pub use words::{
    Backend, Enumeration, LegacyMethod, LimitsStore, LogFormat, LoginBy, SameSite, SmsBackend,
    SmsContentType, Verification,
};
