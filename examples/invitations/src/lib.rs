//! A school where nobody signs up without an invitation, which carries a role and a class.

pub mod invitation;
mod invited;
mod pages;

use std::sync::Arc;

use axum::Router;
use hallpass::{Builder, Hallpass};

pub use pages::router;

use invited::Invited;

/// Settings of the app; `hallpass.toml` and the environment say the rest.
///
/// Role and class are columns of the user's table. Nobody is asked for them, and nobody changes their own.
pub const SETTINGS: &[(&str, &str)] = &[
    ("HALLPASS_SITE_NAME", "The school"),
    ("LOGIN_REDIRECT_URL", "/start/"),
    ("ACCOUNT_LOGIN_METHODS", "email"),
    ("ACCOUNT_SIGNUP_FIELDS", "email*,password1*"),
    // An invitation for an address says nothing about whose mailbox that is: it must be proved before anybody gets in.
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    // Whoever opens the letter's link where they signed up is in.
    ("ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION", "true"),
    (
        "HALLPASS_USER_FIELDS",
        r#"[
            {"name": "role", "at_registration": false, "read_only": true, "max_length": 20},
            {"name": "class", "at_registration": false, "read_only": true, "max_length": 50}
        ]"#,
    ),
];

/// What the app brings to Hallpass: its hook.
pub fn prepare(builder: Builder) -> Builder {
    builder.migrate().on_signup(Arc::new(Invited))
}

/// The app: its table is made, its routes are put around the handle.
///
/// # Errors
/// A failure of the database, a template that does not compile.
pub async fn app(hallpass: &Hallpass) -> Result<Router, Box<dyn std::error::Error>> {
    invitation::migrate(hallpass).await?;
    Ok(router(hallpass)?)
}
