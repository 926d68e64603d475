//! ACCOUNT_SIGNUP_FIELDS, and the fields of an operator's own.

use serde_json::{Map, Value, json};

use super::types::{Setting, from_json, mismatch};

/// A field that a signup may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignupField {
    /// The user name.
    Username,
    /// The e-mail address.
    Email,
    /// The e-mail address once more.
    Email2,
    /// The phone number.
    Phone,
    /// The password.
    Password1,
    /// The password once more.
    Password2,
}

impl SignupField {
    /// Its name in forms and settings.
    pub fn name(self) -> &'static str {
        match self {
            SignupField::Username => "username",
            SignupField::Email => "email",
            SignupField::Email2 => "email2",
            SignupField::Phone => "phone",
            SignupField::Password1 => "password1",
            SignupField::Password2 => "password2",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [
            SignupField::Username,
            SignupField::Email,
            SignupField::Email2,
            SignupField::Phone,
            SignupField::Password1,
            SignupField::Password2,
        ]
        .into_iter()
        .find(|field| field.name() == name)
    }
}

/// A field and whether it must be filled: `email*`, in the order of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub field: SignupField,
    /// Whether it must be filled.
    pub required: bool,
}

impl Setting for Asked {
    fn kind() -> String {
        "one of \"username\", \"email\", \"email2\", \"phone\", \"password1\", \"password2\", with a star if it is required"
            .to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| mismatch::<Self>(value))?;
        let name = text.strip_suffix('*').unwrap_or(text);
        if name == "password" {
            return Err(format!(
                "is \"{text}\": the password's field is called \"password1\""
            ));
        }
        let field = SignupField::of(name).ok_or_else(|| mismatch::<Self>(value))?;
        Ok(Asked {
            field,
            required: text.ends_with('*'),
        })
    }
    fn show(&self) -> Value {
        let star = if self.required { "*" } else { "" };
        json!(format!("{}{star}", self.field.name()))
    }
}

/// What an extra field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraKind {
    /// A line of text.
    Text,
    /// Several lines of text.
    TextArea,
    /// An e-mail address, checked for its form alone.
    Email,
    /// A whole number.
    Number,
    /// A date, `2026-11-21`.
    Date,
    /// Yes or no; required means that it must be ticked.
    Checkbox,
    /// One of several choices.
    Select,
}

const KINDS: [(&str, ExtraKind); 7] = [
    ("text", ExtraKind::Text),
    ("textarea", ExtraKind::TextArea),
    ("email", ExtraKind::Email),
    ("number", ExtraKind::Number),
    ("date", ExtraKind::Date),
    ("checkbox", ExtraKind::Checkbox),
    ("select", ExtraKind::Select),
];

/// HALLPASS_SIGNUP_EXTRA_FIELDS: a field of the operator's own in the signup form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// Its name in forms: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// The words above it.
    pub label: String,
    /// What it takes.
    pub kind: ExtraKind,
    /// Whether it must be filled.
    pub required: bool,
    /// The most characters.
    pub max_length: usize,
    /// What may be chosen: value and label.
    pub choices: Vec<(String, String)>,
    /// A sentence below it.
    pub help: Option<String>,
}

impl ExtraField {
    /// The word for its kind, which is that of HTML where HTML has one.
    pub fn kind_word(&self) -> &'static str {
        let known = KINDS.iter().find(|(_, kind)| *kind == self.kind);
        known.map_or("text", |(word, _)| word)
    }

    /// Reads a field whose map may have further keys, which the caller reads.
    pub(super) fn read_with(value: &Value, further: &[&str]) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let name = text(map, "name")?.ok_or_else(|| mismatch::<Self>(value))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(plain)
            || name.len() > 50
        {
            return Err(format!(
                "has the name \"{name}\": write it with small letters, digits and underscores"
            ));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(format!(
                "has the name \"{name}\", which the form has already"
            ));
        }
        const KEYS: [&str; 7] = [
            "name",
            "label",
            "type",
            "required",
            "max_length",
            "choices",
            "help",
        ];
        let known: Vec<_> = KEYS.iter().chain(further).copied().collect();
        if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "has \"{key}\", but takes {} only",
                known.join(", ")
            ));
        }
        let word = text(map, "type")?.unwrap_or_else(|| "text".to_owned());
        let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) else {
            let known: Vec<_> = KINDS.iter().map(|(word, _)| *word).collect();
            return Err(format!(
                "has the type \"{word}\": write one of {}",
                known.join(", ")
            ));
        };
        let choices = choices(map.get("choices"))?;
        if choices.is_empty() == (*kind == ExtraKind::Select) {
            return Err("must have choices if its type is \"select\", and only then".to_owned());
        }
        let required = flag(map, "required", false)?;
        let max_length = match map.get("max_length") {
            None => 200,
            Some(value) => {
                u64::read(value).map_err(|what| format!("has \"max_length\", which {what}"))?
            }
        };
        if !(1..=10_000).contains(&max_length) {
            return Err("has a \"max_length\" that is not from 1 to 10000".to_owned());
        }
        Ok(ExtraField {
            label: text(map, "label")?.unwrap_or_else(|| sentence(&name)),
            kind: *kind,
            required,
            max_length: usize::try_from(max_length).unwrap_or(200),
            choices,
            help: text(map, "help")?,
            name,
        })
    }
}

/// Names that forms have already.
pub(super) const RESERVED: [&str; 10] = [
    "username",
    "email",
    "email2",
    "phone",
    "password1",
    "password2",
    "password",
    "next",
    "csrfmiddlewaretoken",
    "action",
];

impl Setting for ExtraField {
    fn kind() -> String {
        "a map with \"name\" and perhaps \"label\", \"type\", \"required\", \"max_length\", \"choices\", \"help\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        ExtraField::read_with(value, &[])
    }
    fn show(&self) -> Value {
        let choices: Vec<Value> = self
            .choices
            .iter()
            .map(|(value, label)| json!([value, label]))
            .collect();
        json!({
            "name": self.name, "label": self.label, "type": self.kind_word(), "required": self.required,
            "max_length": self.max_length, "choices": choices, "help": self.help,
        })
    }
    fn read_text(text: &str) -> Result<Self, String> {
        from_json(text)
    }
}

/// A truth value of a map.
pub(super) fn flag(map: &Map<String, Value>, key: &str, unless: bool) -> Result<bool, String> {
    match map.get(key) {
        None => Ok(unless),
        Some(value) => bool::read(value).map_err(|what| format!("has \"{key}\", which {what}")),
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => String::read(value)
            .map(Some)
            .map_err(|what| format!("has \"{key}\", which {what}")),
    }
}

/// `["red", ["green", "Green as grass"]]`.
fn choices(value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let wrong =
        || "has choices that are no list of texts, or of pairs of value and label".to_owned();
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    list.iter()
        .map(|choice| match choice {
            Value::String(text) => Ok((text.clone(), text.clone())),
            pair => <(String, String)>::read(pair).map_err(|_| wrong()),
        })
        .collect()
}

fn sentence(name: &str) -> String {
    let words = name.replace('_', " ");
    let (first, rest) = words.split_at(1);
    first.to_ascii_uppercase() + rest
}
