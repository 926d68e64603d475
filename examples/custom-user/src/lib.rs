//! A club whose members are in a table of its own: UUIDs for keys, no user names, columns as a struct.

mod pages;

use serde::{Deserialize, Serialize};

pub use pages::router;

/// Settings of the app; `hallpass.toml` and the environment say the rest. `migrate` makes the table `club_member`.
pub const SETTINGS: &[(&str, &str)] = &[
    ("HALLPASS_SITE_NAME", "The club"),
    ("AUTH_USER_MODEL", "club.Member"),
    ("HALLPASS_USER_KEY", "uuid"),
    ("HALLPASS_USER_WITHOUT", "username,first_name,last_name"),
    ("ACCOUNT_USER_MODEL_USERNAME_FIELD", ""),
    ("ACCOUNT_LOGIN_METHODS", "email"),
    ("ACCOUNT_SIGNUP_FIELDS", "email*,password1*"),
    ("LOGIN_REDIRECT_URL", "/"),
    (
        "HALLPASS_USER_FIELDS",
        r#"[
            {"name": "nickname", "label": "What others call you", "required": true, "unique": true, "max_length": 40},
            {"name": "born", "label": "Date of birth", "type": "date"},
            {"name": "plan", "type": "select", "choices": ["free", "paid"], "at_registration": false, "read_only": true},
            {"name": "newsletter", "label": "Send me the newsletter", "type": "checkbox"}
        ]"#,
    ),
];

/// What the club knows of a member besides what Django's tables have: the columns of HALLPASS_USER_FIELDS.
///
/// `hallpass.profile(&user)` reads it, `hallpass.set_profile(&user, &…)` writes it by the rules of those fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Unique in the club.
    pub nickname: String,
    /// A column that may be empty is an `Option`.
    pub born: Option<String>,
    /// Set by the club alone.
    pub plan: Plan,
    /// Whether they want it.
    pub newsletter: bool,
}

/// The part that members change themselves: what it does not name stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Own {
    /// Unique in the club.
    pub nickname: String,
    /// Empty for none.
    #[serde(default)]
    pub born: String,
    /// A box that is not ticked is not sent.
    #[serde(default, deserialize_with = "ticked")]
    pub newsletter: bool,
}

fn ticked<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    String::deserialize(value).map(|text| !text.is_empty())
}

/// What a member pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// Nothing; as everybody begins.
    #[serde(alias = "")]
    Free,
    /// The fee.
    Paid,
}

impl Plan {
    /// In words.
    pub fn spoken(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Paid => "paid",
        }
    }
}
