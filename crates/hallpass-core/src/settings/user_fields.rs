//! HALLPASS_USER_FIELDS: columns of the operator's own in the user's table.

use serde_json::{Value, json};

use super::signup_fields::{ExtraField, ExtraKind, flag};
use super::types::{Setting, from_json};

/// A column of the operator's own, and where people meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserField {
    /// What it is called and takes. Its name is the column's.
    pub field: ExtraField,
    /// Whether no two users may have the same.
    pub unique: bool,
    /// Whether it stays as registration, or the app, has set it.
    pub read_only: bool,
    /// Whether a registration asks for it.
    pub at_registration: bool,
    /// Whether the account's details show it.
    pub in_user_details: bool,
}

impl UserField {
    /// Its name, which is the column's.
    pub fn name(&self) -> &str {
        &self.field.name
    }

    /// Whether its column may be NULL: where nothing was said, and an empty text would not do.
    pub fn is_nullable(&self) -> bool {
        match self.field.kind {
            ExtraKind::Number | ExtraKind::Date => true,
            ExtraKind::Checkbox => false,
            _ => self.unique && !self.field.required,
        }
    }

    /// What the column holds where nothing was said.
    pub fn blank(&self) -> Value {
        match self.field.kind {
            _ if self.is_nullable() => Value::Null,
            ExtraKind::Checkbox => false.into(),
            _ => "".into(),
        }
    }

    /// The most characters that its column must take; none where it holds no text, or any.
    pub fn longest(&self) -> Option<usize> {
        match self.field.kind {
            ExtraKind::Text | ExtraKind::Email => Some(self.field.max_length),
            ExtraKind::Select => {
                let lengths = self.field.choices.iter();
                lengths.map(|(value, _)| value.chars().count()).max()
            }
            _ => None,
        }
    }
}

/// Columns that the user's table has already, and names that answers have.
const TAKEN: [&str; 21] = [
    "id",
    "pk",
    "last_login",
    "is_superuser",
    "first_name",
    "last_name",
    "is_staff",
    "is_active",
    "date_joined",
    "groups",
    "user_permissions",
    "key",
    "token",
    "uid",
    "access",
    "refresh",
    "user",
    "detail",
    "non_field_errors",
    "new_password1",
    "new_password2",
];

/// Of an e-mail address, in characters.
const LONGEST_ADDRESS: usize = 254;

const KEYS: [&str; 4] = ["unique", "read_only", "at_registration", "in_user_details"];

impl Setting for UserField {
    fn kind() -> String {
        format!("{}, \"{}\"", ExtraField::kind(), KEYS.join("\", \""))
    }
    fn read(value: &Value) -> Result<Self, String> {
        let mut field = ExtraField::read_with(value, &KEYS)?;
        if field.kind == ExtraKind::Email {
            field.max_length = field.max_length.min(LONGEST_ADDRESS);
        }
        if TAKEN.contains(&field.name.as_str()) {
            return Err(format!(
                "has the name \"{}\", which a user has already",
                field.name
            ));
        }
        let empty = serde_json::Map::new();
        let map = value.as_object().unwrap_or(&empty);
        let unique = flag(map, "unique", false)?;
        let vague = matches!(field.kind, ExtraKind::Checkbox | ExtraKind::TextArea);
        if unique && vague {
            return Err(format!(
                "is \"unique\", which a field of the type \"{}\" cannot be",
                field.kind_word()
            ));
        }
        Ok(UserField {
            unique,
            read_only: flag(map, "read_only", false)?,
            at_registration: flag(map, "at_registration", true)?,
            in_user_details: flag(map, "in_user_details", true)?,
            field,
        })
    }
    fn show(&self) -> Value {
        let mut shown = self.field.show();
        for (key, value) in [
            ("unique", self.unique),
            ("read_only", self.read_only),
            ("at_registration", self.at_registration),
            ("in_user_details", self.in_user_details),
        ] {
            shown[key] = json!(value);
        }
        shown
    }
    fn read_text(text: &str) -> Result<Self, String> {
        from_json(text)
    }
}
