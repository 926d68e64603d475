//! The types of settings: how each is read from TOML or the environment, and shown again.
//!
//! What is wrong is said so that it reads on after the setting's name: "must be true or false, not the text "maybe"".

use serde_json::{Map, Value, json};

/// A type that a setting can have. Values come as JSON: TOML is turned into it, the environment is parsed into it.
pub(super) trait Setting: Sized {
    /// Whether a value may be repeated in a message or a listing.
    const SECRET: bool = false;
    /// What is expected, in plain words, for errors and the reference.
    fn kind() -> String;
    /// Reads it.
    fn read(value: &Value) -> Result<Self, String>;
    /// Shows it, secrets masked.
    fn show(&self) -> Value;
    /// Reads the text of an environment variable.
    fn read_text(text: &str) -> Result<Self, String> {
        Self::read(&serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }
}

/// What to say of a value of the wrong type.
pub(super) fn mismatch<T: Setting>(value: &Value) -> String {
    let kind = T::kind();
    let given = match value {
        _ if T::SECRET => return format!("must be {kind}"),
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text \"{}\"", text.escape_debug()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    };
    format!("must be {kind}, not {given}")
}

/// Reads what only JSON can say in the environment.
pub(super) fn from_json<T: Setting>(text: &str) -> Result<T, String> {
    let value = serde_json::from_str(text).map_err(|error| {
        // The error tells the place and what the parser missed there, not the text.
        format!("must be JSON, with double quotes around texts: {error}")
    })?;
    T::read(&value)
}

/// Line breaks and the like get into settings by accident, with `$(cat file)` or a Windows editor, and from there into
/// headers and letters.
pub(super) fn plain(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character: remove it".to_owned());
    }
    Ok(text)
}

impl Setting for bool {
    fn kind() -> String {
        "true or false".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| mismatch::<Self>(value))
    }
    fn show(&self) -> Value {
        json!(self)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(mismatch::<Self>(&text.into())),
        }
    }
}

impl Setting for u64 {
    fn kind() -> String {
        "a whole number".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        value.as_u64().ok_or_else(|| mismatch::<Self>(value))
    }
    fn show(&self) -> Value {
        json!(self)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        let wrong = || mismatch::<Self>(&text.into());
        text.trim().parse().map_err(|_| wrong())
    }
}

impl Setting for String {
    fn kind() -> String {
        "text".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| mismatch::<Self>(value))?;
        plain(text).map(str::to_owned)
    }
    fn show(&self) -> Value {
        json!(self)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        plain(text).map(str::to_owned)
    }
}

impl<T: Setting> Setting for Option<T> {
    const SECRET: bool = T::SECRET;
    fn kind() -> String {
        T::kind()
    }
    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(None);
        }
        T::read(value).map(Some)
    }
    fn show(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::show)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match text {
            // `SECRET_KEY=$KEY` with no KEY is an accident, and going on with another key ends every session.
            "" if T::SECRET => {
                Err("is empty: write the secret, or leave the variable out".to_owned())
            }
            "" | "null" | "None" => Ok(None),
            _ => T::read_text(text).map(Some),
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    const SECRET: bool = T::SECRET;
    fn kind() -> String {
        format!("a list, each of it {}", T::kind())
    }
    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| mismatch::<Self>(value))?;
        let place = |(index, item)| {
            T::read(item).map_err(|what| format!("has a wrong item {}: it {what}", index + 1))
        };
        items.iter().enumerate().map(place).collect()
    }
    fn show(&self) -> Value {
        self.iter().map(T::show).collect()
    }
    fn read_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // A list in Python's spelling would otherwise become items with quotes and brackets in them.
        if text.starts_with(['[', '{']) || (!T::SECRET && text.starts_with(['(', '"', '\''])) {
            return from_json(text);
        }
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(T::read_text).collect()
    }
}

/// A pair, such as a header's name and value.
impl Setting for (String, String) {
    fn kind() -> String {
        "a list of two texts".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_array().map(Vec::as_slice) {
            Some([left, right]) => Ok((String::read(left)?, String::read(right)?)),
            _ => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        json!([self.0, self.1])
    }
    fn read_text(text: &str) -> Result<Self, String> {
        Self::read(&Vec::<String>::read_text(text)?.into())
    }
}

/// One of AUTH_PASSWORD_VALIDATORS.
#[derive(Debug, Clone, PartialEq)]
pub struct Validator {
    /// Django's dotted name.
    pub name: String,
    /// Its options.
    pub options: Map<String, Value>,
}

impl Setting for Validator {
    fn kind() -> String {
        "a map with NAME and perhaps OPTIONS".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let wrong = || mismatch::<Self>(value);
        let map = value.as_object().ok_or_else(wrong)?;
        let name = map.get("NAME").and_then(Value::as_str).ok_or_else(wrong)?;
        let options = match map.get("OPTIONS") {
            None => Map::new(),
            Some(Value::Object(options)) => options.clone(),
            Some(_) => return Err("has OPTIONS that are no map".to_owned()),
        };
        if let Some(key) = map.keys().find(|key| *key != "NAME" && *key != "OPTIONS") {
            return Err(format!("has \"{key}\", but takes NAME and OPTIONS only"));
        }
        hallpass_django::validators::Validator::from_name(name, &options)
            .map_err(|what| format!("is not understood: {what}"))?;
        Ok(Validator {
            name: name.to_owned(),
            options,
        })
    }
    fn show(&self) -> Value {
        json!({ "NAME": self.name, "OPTIONS": self.options })
    }
}

/// Values by name, for templates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables(pub Map<String, Value>);

impl Setting for Variables {
    fn kind() -> String {
        "a map from names to values".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = |name: &&String| {
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain)
        };
        if let Some(name) = map.keys().find(|name| !fits(name)) {
            return Err(format!(
                "has the name \"{}\": write it with letters, digits and underscores",
                name.escape_debug()
            ));
        }
        Ok(Variables(map.clone()))
    }
    fn show(&self) -> Value {
        Value::Object(self.0.clone())
    }
    fn read_text(text: &str) -> Result<Self, String> {
        from_json(text)
    }
}
