//! The user, as the user's table keeps it: `auth_user`, or one of the app's own.

use std::fmt;

use crate::domain::{Timestamp, UserId};

/// A row of the user's table. What that table has no column for is empty or false; `is_active` is true then.
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
    /// Unique, case-sensitive in the database; empty where there are none.
    pub username: String,
    /// Given name, may be empty.
    pub first_name: String,
    /// Family name, may be empty.
    pub last_name: String,
    /// The primary address, may be empty.
    pub email: String,
    /// May open the admin.
    pub is_staff: bool,
    /// False: the account is switched off.
    pub is_active: bool,
    /// When the account was made; 1970 where the table does not say.
    pub date_joined: Timestamp,
}

impl User {
    /// Nobody: what work is done on where there is no account, so that it takes as long.
    pub(crate) fn nobody() -> Self {
        User {
            id: UserId::NOBODY,
            password: format!("!{}", "x".repeat(80)),
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
