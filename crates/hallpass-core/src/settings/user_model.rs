//! AUTH_USER_MODEL, and how its table differs from Django's own.

use serde_json::{Value, json};

use super::sections::Settings;
use super::types::{Setting, mismatch};
use super::words::words;

words! {
    /// HALLPASS_USER_KEY.
    UserKey {
        /// Django's AutoField.
        Integer = "integer",
        /// Django's BigAutoField.
        Bigint = "bigint",
        /// Django's UUIDField.
        Uuid = "uuid",
    }
}
words! {
    /// A column of Django's that a user's table may lack.
    UserColumn {
        /// The user name.
        Username = "username",
        /// The primary address.
        Email = "email",
        /// The given name.
        FirstName = "first_name",
        /// The family name.
        LastName = "last_name",
        /// Whether the user may open the admin.
        IsStaff = "is_staff",
        /// Whether the user has every permission.
        IsSuperuser = "is_superuser",
        /// Whether the account is switched on.
        IsActive = "is_active",
        /// When the account was made.
        DateJoined = "date_joined",
    }
}

impl UserColumn {
    /// All, in the order in which Django's own table has them.
    pub const ALL: [UserColumn; 8] = [
        UserColumn::IsSuperuser,
        UserColumn::Username,
        UserColumn::FirstName,
        UserColumn::LastName,
        UserColumn::Email,
        UserColumn::IsStaff,
        UserColumn::IsActive,
        UserColumn::DateJoined,
    ];

    /// What Django calls it.
    pub fn name(self) -> &'static str {
        match self {
            UserColumn::Username => "username",
            UserColumn::Email => "email",
            UserColumn::FirstName => "first_name",
            UserColumn::LastName => "last_name",
            UserColumn::IsStaff => "is_staff",
            UserColumn::IsSuperuser => "is_superuser",
            UserColumn::IsActive => "is_active",
            UserColumn::DateJoined => "date_joined",
        }
    }
}

impl Settings {
    /// App and model of AUTH_USER_MODEL.
    pub fn user_model(&self) -> (&str, &str) {
        let model = &self.general.auth_user_model;
        model.split_once('.').unwrap_or(("", model))
    }

    /// Whether users are of a model of the app's own, and not of Django's.
    pub fn has_own_user(&self) -> bool {
        let (app, model) = self.user_model();
        !(app == "auth" && model.eq_ignore_ascii_case("user"))
    }

    /// The name of the user's table.
    pub fn user_table(&self) -> String {
        let (app, model) = self.user_model();
        let made = || format!("{app}_{}", model.to_lowercase());
        self.hallpass.user_table.clone().unwrap_or_else(made)
    }

    /// The name of a column of the user's table; `None` where it has none.
    pub fn user_column(&self, column: UserColumn) -> Option<&str> {
        if self.hallpass.user_without.contains(&column) {
            return None;
        }
        let account = &self.account;
        match column {
            // Empty, there are no user names; the column is there all the same.
            UserColumn::Username => {
                let named = account.user_model_username_field.as_deref();
                named.filter(|name| !name.is_empty()).or(Some("username"))
            }
            UserColumn::Email => {
                let named = account.user_model_email_field.as_deref();
                named.filter(|name| !name.is_empty())
            }
            other => Some(other.name()),
        }
    }

    /// Whether the user's table has every address once: where there are no user names, since nothing else tells people
    /// apart, or where HALLPASS_USER_UNIQUE_EMAIL says so.
    pub fn addresses_are_unique(&self) -> bool {
        self.user_column(UserColumn::Username).is_none() || self.hallpass.user_unique_email
    }

    /// Whether everybody has an address: none signs up without, and the last one is not removed.
    pub fn everybody_has_an_address(&self) -> bool {
        use super::{LoginBy, SignupField};
        self.account.asks(SignupField::Email) == Some(true)
            && self.account.login_methods() == [LoginBy::Email]
    }
}
