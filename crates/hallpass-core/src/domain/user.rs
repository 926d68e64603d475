//! The user, as `auth_user` keeps it.

use std::fmt;
use std::str::FromStr;

use crate::domain::Timestamp;

/// The key of a user. Its text is what Django writes into sessions and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(i64);

impl UserId {
    /// No user's key: looked up where there is nobody, so that it takes as long as where there is somebody.
    pub(crate) const NOBODY: UserId = UserId(0);

    /// From an integer key.
    pub const fn from_int(id: i64) -> Self {
        UserId(id)
    }

    /// The integer key.
    pub const fn as_int(self) -> i64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Only the spelling that [`fmt::Display`] gives, within PostgreSQL's `integer`: no sign, no leading zero, no blank.
impl FromStr for UserId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let id: i64 = text.parse().map_err(|_| ())?;
        if !(0..=i64::from(i32::MAX)).contains(&id) || id.to_string() != text {
            return Err(());
        }
        Ok(UserId(id))
    }
}

/// A row of `auth_user`.
#[derive(Clone)]
pub struct User {
    /// Primary key.
    pub id: UserId,
    /// The encoded hash, a secret: with it, reset and sign-in tokens can be made.
    pub password: String,
    /// When the user last signed in, if ever.
    pub last_login: Option<Timestamp>,
    /// Has every permission.
    pub is_superuser: bool,
    /// Unique, case-sensitive in the database.
    pub username: String,
    /// Given name, may be empty.
    pub first_name: String,
    /// Family name, may be empty.
    pub last_name: String,
    /// The primary address, may be empty; not unique.
    pub email: String,
    /// May open the admin.
    pub is_staff: bool,
    /// False: the account is switched off.
    pub is_active: bool,
    /// When the account was made.
    pub date_joined: Timestamp,
}

impl User {
    /// Nobody: what work is done on where there is no account, so that it takes as long.
    pub(crate) fn nobody() -> Self {
        User {
            id: UserId::NOBODY,
            password: "!".to_owned() + &"x".repeat(80),
            last_login: None,
            is_superuser: false,
            username: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            email: "nobody@example.invalid".to_owned(),
            is_staff: false,
            is_active: false,
            date_joined: Timestamp::from_micros(0),
        }
    }
}

/// Without the password's hash and the address: users end up in logs.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("is_active", &self.is_active)
            .finish_non_exhaustive()
    }
}
