//! The user's table as every statement names it: Django's `auth_user`, or one of the app's own.
//!
//! Names come from settings alone, which take letters, digits and underscores; they are quoted all the same, since
//! `user` and `order` are good names of a table. Statements that run with every request are written down once.

use crate::domain::UserId;
use crate::settings::{Settings, UserColumn, UserKey};

use super::{permission, session, token, user};

/// The user's table: its name, its key, its columns.
#[derive(Debug, Clone)]
pub struct UserTable {
    /// As the settings have it, without quotes.
    name: String,
    /// AUTH_USER_MODEL, app and model.
    model: (String, String),
    own: bool,
    key: UserKey,
    key_column: String,
    /// Every column that may be missing, and its name where it is not.
    columns: Vec<(UserColumn, Option<String>)>,
    /// An address that nobody has is NULL: the column is unique.
    unique_email: bool,
    needs_no_null: bool,
    texts: Texts,
}

/// Statements that run with every request.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    pub(super) by_id: String,
    pub(super) session: String,
    pub(super) token: String,
    pub(super) permissions: String,
}

/// A table of what users have several of: its name and its column of the user's key, both quoted.
#[derive(Debug)]
pub(super) struct Linking {
    pub(super) table: String,
    pub(super) user: String,
}

impl Default for UserTable {
    /// Django's `auth_user`.
    fn default() -> Self {
        UserTable::of(&Settings::default())
    }
}

impl UserTable {
    /// The table that the settings describe.
    pub fn of(settings: &Settings) -> Self {
        let (app, model) = settings.user_model();
        let column = |column| (column, settings.user_column(column).map(str::to_owned));
        let mut table = UserTable {
            name: settings.user_table(),
            model: (app.to_owned(), model.to_owned()),
            own: settings.has_own_user(),
            key: settings.hallpass.user_key,
            key_column: settings.hallpass.user_key_column.clone(),
            columns: UserColumn::ALL.map(column).to_vec(),
            unique_email: settings.addresses_are_unique(),
            needs_no_null: settings.everybody_has_an_address(),
            texts: Texts::default(),
        };
        table.texts = Texts {
            by_id: user::by_id_sql(&table),
            session: session::find_sql(&table),
            token: token::owner_sql(&table),
            permissions: permission::of_user_sql(&table),
        };
        table
    }

    /// The table's name, without quotes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// App and model, as AUTH_USER_MODEL has them.
    pub fn model(&self) -> (&str, &str) {
        (&self.model.0, &self.model.1)
    }

    /// Whether it is the app's own, and not Django's `auth_user`.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// What its keys are.
    pub fn key_kind(&self) -> UserKey {
        self.key
    }

    /// The name of the key's column, without quotes.
    pub fn key_column(&self) -> &str {
        &self.key_column
    }

    /// The name of a column, without quotes; `None` where the table has none.
    pub fn column(&self, column: UserColumn) -> Option<&str> {
        let (_, name) = self.columns.iter().find(|(known, _)| *known == column)?;
        name.as_deref()
    }

    /// Whether the table has this column.
    pub fn has(&self, column: UserColumn) -> bool {
        self.column(column).is_some()
    }

    /// A key that this table can have, from its text as sessions, links and tokens carry it. Of the wrong kind, or past
    /// what the column holds, it is nobody's.
    pub fn key(&self, text: &str) -> Option<UserId> {
        self.admit(text.parse().ok()?)
    }

    /// A key as allauth writes it into links: an integer in base36, a UUID without dashes.
    pub fn key_from_link(&self, text: &str) -> Option<UserId> {
        self.admit(match self.key {
            UserKey::Uuid => UserId::from_hex(text)?,
            _ => {
                let number = hallpass_django::reset_token::decode_uid_base36(text)?;
                UserId::from_int(i64::try_from(number).ok()?)
            }
        })
    }

    /// A key, unless this table cannot have it.
    pub fn admit(&self, id: UserId) -> Option<UserId> {
        let fits = match (self.key, id.as_int()) {
            (UserKey::Integer, Some(number)) => (0..=i64::from(i32::MAX)).contains(&number),
            (UserKey::Bigint, Some(number)) => number >= 0,
            (UserKey::Uuid, None) => true,
            _ => false,
        };
        fits.then_some(id)
    }

    /// The table, quoted.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    /// The key's column, quoted.
    pub(super) fn id(&self) -> String {
        format!("\"{}\"", self.key_column)
    }

    /// What a column holds of a row called `u`: itself, or what stands for it where it is missing.
    pub(super) fn sql(&self, column: UserColumn) -> String {
        if let Some(name) = self.column(column) {
            return format!("u.\"{name}\"");
        }
        match column {
            // The primary address, from where addresses are kept.
            UserColumn::Email => format!(
                "coalesce((SELECT a.email FROM account_emailaddress a WHERE a.user_id = u.{} AND a.\"primary\" \
                 LIMIT 1), '')",
                self.id()
            ),
            UserColumn::Username | UserColumn::FirstName | UserColumn::LastName => "''".to_owned(),
            UserColumn::IsStaff | UserColumn::IsSuperuser => "FALSE".to_owned(),
            UserColumn::IsActive => "TRUE".to_owned(),
            UserColumn::DateJoined => "NULL".to_owned(),
        }
    }

    /// The columns that [`user::read`] expects, in its order, of a row called `u`.
    pub(super) fn select(&self) -> String {
        let mut list = format!("u.{}, u.\"password\", u.\"last_login\"", self.id());
        for column in UserColumn::ALL {
            list.push_str(", ");
            list.push_str(&self.sql(column));
        }
        list
    }

    /// Which groups a user is in; none where the table is without Django's PermissionsMixin.
    pub(super) fn groups(&self) -> Option<Linking> {
        self.linking("groups")
    }

    /// Which permissions a user has of their own.
    pub(super) fn permissions(&self) -> Option<Linking> {
        self.linking("user_permissions")
    }

    /// Django calls both after the model.
    fn linking(&self, what: &str) -> Option<Linking> {
        self.has(UserColumn::IsSuperuser).then(|| Linking {
            table: format!("\"{}_{what}\"", self.name),
            user: format!("\"{}_id\"", self.model.1.to_lowercase()),
        })
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What the column of the address holds where there is none: a unique one cannot hold an empty text twice.
    pub(super) fn empty_email_is_null(&self) -> bool {
        self.unique_email
    }

    /// Whether the column of the address is unique.
    pub(super) fn email_is_unique(&self) -> bool {
        self.unique_email
    }

    /// Whether the column of the address may be NOT NULL.
    pub(super) fn email_is_always_there(&self) -> bool {
        !self.unique_email || self.needs_no_null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(key: UserKey) -> UserTable {
        let mut settings = Settings::default();
        settings.general.auth_user_model = "shop.Person".to_owned();
        settings.hallpass.user_key = key;
        UserTable::of(&settings)
    }

    #[test]
    fn keys_of_another_kind_are_nobodys() {
        const UUID: &str = "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20cc";
        let hex = UUID.replace('-', "");
        for (kind, text, taken) in [
            (UserKey::Integer, "2147483647", true),
            (UserKey::Integer, "2147483648", false),
            (UserKey::Integer, UUID, false),
            (UserKey::Bigint, "9223372036854775807", true),
            (UserKey::Bigint, "9223372036854775808", false),
            (UserKey::Bigint, UUID, false),
            (UserKey::Uuid, UUID, true),
            (UserKey::Uuid, "1", false),
            (UserKey::Uuid, &hex, false),
        ] {
            assert_eq!(table(kind).key(text).is_some(), taken, "{kind:?} {text}");
        }
        for (kind, text, taken) in [
            (UserKey::Integer, "zik0zj", true),
            (UserKey::Integer, "zik0zk", false),
            (UserKey::Bigint, "1y2p0ij32e8e7", true),
            (UserKey::Bigint, "1y2p0ij32e8e8", false),
            (UserKey::Bigint, &hex, false),
            (UserKey::Uuid, &hex, true),
            (UserKey::Uuid, UUID, false),
            (UserKey::Uuid, "1", false),
        ] {
            let found = table(kind).key_from_link(text);
            assert_eq!(found.is_some(), taken, "{kind:?} {text}");
        }
    }

    #[test]
    fn what_is_missing_has_something_in_its_place() {
        let mut settings = Settings::default();
        settings.general.auth_user_model = "shop.Person".to_owned();
        settings.hallpass.user_without = UserColumn::ALL.to_vec();
        let table = UserTable::of(&settings);
        assert_eq!(table.quoted(), "\"shop_person\"");
        let list = table.select();
        assert!(list.starts_with("u.\"id\", u.\"password\", u.\"last_login\", FALSE, '', '', ''"));
        assert!(list.ends_with("FALSE, TRUE, NULL"), "{list}");
        let djangos = UserTable::default();
        assert_eq!(djangos.quoted(), "\"auth_user\"");
        assert!(!djangos.select().contains("SELECT"));
    }
}
