//! The types of settings: how each is read from TOML or the environment, and shown again.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// A type that a setting can have. Values come as JSON: TOML is turned into it, the environment is parsed into it.
pub trait Setting: Sized {
    /// What is expected, in plain words, for errors and the reference.
    const KIND: &'static str;
    /// Reads it.
    fn read(value: &Value) -> Result<Self, String>;
    /// Shows it, secrets masked.
    fn show(&self) -> Value;
    /// Reads the text of an environment variable.
    fn read_text(text: &str) -> Result<Self, String> {
        Self::read(&serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }
}

fn expected<T: Setting>() -> String {
    format!("expected {}", T::KIND)
}

impl Setting for bool {
    const KIND: &'static str = "true or false";
    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(expected::<Self>)
    }
    fn show(&self) -> Value {
        json!(self)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(expected::<Self>()),
        }
    }
}

impl Setting for u64 {
    const KIND: &'static str = "a whole number, not negative";
    fn read(value: &Value) -> Result<Self, String> {
        value.as_u64().ok_or_else(expected::<Self>)
    }
    fn show(&self) -> Value {
        json!(self)
    }
}

impl Setting for String {
    const KIND: &'static str = "text";
    fn read(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(expected::<Self>)
    }
    fn show(&self) -> Value {
        json!(self)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;
    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            Ok(None)
        } else {
            T::read(value).map(Some)
        }
    }
    fn show(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::show)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || matches!(text, "null" | "None") {
            Ok(None)
        } else {
            T::read_text(text).map(Some)
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    const KIND: &'static str = "a list (JSON, or separated by commas)";
    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(expected::<Self>)?;
        items.iter().map(T::read).collect()
    }
    fn show(&self) -> Value {
        self.iter().map(T::show).collect()
    }
    fn read_text(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            let value =
                serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
            return Self::read(&value);
        }
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(T::read_text)
            .collect()
    }
}

/// Text that is never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Setting for Secret {
    const KIND: &'static str = "text";
    fn read(value: &Value) -> Result<Self, String> {
        String::read(value).map(Secret::new)
    }
    fn show(&self) -> Value {
        if self.0.is_empty() {
            json!("")
        } else {
            json!("********")
        }
    }
    fn read_text(text: &str) -> Result<Self, String> {
        Ok(Secret::new(text))
    }
}

/// Declares an enum of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal $(| $also:literal)*,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$item_doc])* $item,)* }

        impl Setting for $name {
            const KIND: &'static str = concat!("one of", $(" \"", $word, "\"",)*);
            fn read(value: &Value) -> Result<Self, String> {
                match value {
                    $(Value::String(word) if word == $word $(|| word == $also)* => Ok($name::$item),)*
                    _ => Err(expected::<Self>()),
                }
            }
            fn show(&self) -> Value {
                match self { $($name::$item => json!($word),)* }
            }
            fn read_text(text: &str) -> Result<Self, String> {
                Self::read(&text.into())
            }
        }
    };
}

words! {
    /// EMAIL_BACKEND.
    Backend {
        /// Letters are printed.
        Console = "console" | "django.core.mail.backends.console.EmailBackend",
        /// Letters go into files.
        File = "file" | "django.core.mail.backends.filebased.EmailBackend",
        /// Letters go to a mail server.
        Smtp = "smtp" | "django.core.mail.backends.smtp.EmailBackend",
        /// Letters stay in memory, for tests.
        Memory = "memory" | "django.core.mail.backends.locmem.EmailBackend",
        /// Letters go nowhere.
        Dummy = "dummy" | "django.core.mail.backends.dummy.EmailBackend",
    }
}
words! {
    /// HALLPASS_LIMITS_STORE.
    LimitsStore {
        /// Shared by all processes.
        Database = "database",
        /// Of this process.
        Memory = "memory",
    }
}
words! {
    /// HALLPASS_LOG_FORMAT.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines.
        Json = "json",
    }
}
words! {
    /// How a login names its account.
    LoginBy {
        /// By user name.
        Username = "username",
        /// By e-mail address.
        Email = "email",
    }
}

/// A cookie's SameSite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Not with requests from other sites, but when a link is followed.
    Lax,
    /// Not with anything from other sites.
    Strict,
    /// With everything; browsers demand Secure.
    None,
    /// The attribute is left out.
    Unset,
}

impl Setting for SameSite {
    const KIND: &'static str = "\"Lax\", \"Strict\", \"None\" or false";
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(false) => Ok(SameSite::Unset),
            Value::String(word) => match word.to_ascii_lowercase().as_str() {
                "lax" => Ok(SameSite::Lax),
                "strict" => Ok(SameSite::Strict),
                "none" => Ok(SameSite::None),
                "false" => Ok(SameSite::Unset),
                _ => Err(expected::<Self>()),
            },
            _ => Err(expected::<Self>()),
        }
    }
    fn show(&self) -> Value {
        match self {
            SameSite::Lax => json!("Lax"),
            SameSite::Strict => json!("Strict"),
            SameSite::None => json!("None"),
            SameSite::Unset => json!(false),
        }
    }
}

/// ACCOUNT_PREVENT_ENUMERATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enumeration {
    /// Whether an address has an account may be told.
    Off,
    /// It is not told.
    On,
    /// Not even where that makes signing up odd.
    Strict,
}

impl Setting for Enumeration {
    const KIND: &'static str = "true, false or \"strict\"";
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Enumeration::On),
            Value::Bool(false) => Ok(Enumeration::Off),
            Value::String(word) if word == "strict" => Ok(Enumeration::Strict),
            _ => Err(expected::<Self>()),
        }
    }
    fn show(&self) -> Value {
        match self {
            Enumeration::On => json!(true),
            Enumeration::Off => json!(false),
            Enumeration::Strict => json!("strict"),
        }
    }
}

/// What a rate counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// The client's address.
    Ip,
    /// The signed-in user.
    User,
    /// What the action is done to.
    Key,
}

/// One rate: so many in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: u32,
    /// In how many seconds.
    pub period: u64,
    /// Counted by what.
    pub per: Per,
}

impl Rate {
    /// Reads `10/m/ip,5/300s/key`: amount, period (a number and `s`, `m`, `h` or `d`), and `ip` if nothing is said.
    pub fn parse_all(text: &str) -> Result<Vec<Rate>, String> {
        text.split(',')
            .map(str::trim)
            .filter(|rate| !rate.is_empty())
            .map(Rate::parse)
            .collect()
    }

    fn parse(text: &str) -> Result<Rate, String> {
        let wrong = || format!("\"{text}\" is no rate such as 10/m/ip");
        let mut parts = text.split('/');
        let amount = parts
            .next()
            .and_then(|part| part.parse().ok())
            .ok_or_else(wrong)?;
        let period = parts.next().ok_or_else(wrong)?;
        let unit = period.chars().last().ok_or_else(wrong)?;
        let number = &period[..period.len() - unit.len_utf8()];
        let number: u64 = if number.is_empty() {
            1
        } else {
            number.parse().map_err(|_| wrong())?
        };
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let per = match parts.next() {
            None | Some("ip") => Per::Ip,
            Some("user") => Per::User,
            Some("key") => Per::Key,
            Some(_) => return Err(wrong()),
        };
        if parts.next().is_some() || number == 0 || amount > 10_000 {
            return Err(wrong());
        }
        Ok(Rate {
            amount,
            period: number.saturating_mul(seconds),
            per,
        })
    }
}

/// ACCOUNT_RATE_LIMITS: rates by action, over the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    texts: BTreeMap<String, String>,
}

/// allauth's defaults for the actions of this version, and ours.
const DEFAULT_RATES: [(&str, &str); 3] = [
    ("login", "30/m/ip"),
    ("login_failed", "10/m/ip,5/300s/key"),
    ("request_login_link", "20/m/ip,3/m/key"),
];

impl Default for RateLimits {
    fn default() -> Self {
        let texts = DEFAULT_RATES
            .iter()
            .map(|(action, rates)| ((*action).to_owned(), (*rates).to_owned()))
            .collect();
        RateLimits { texts }
    }
}

impl RateLimits {
    /// No limits at all.
    pub fn none() -> Self {
        RateLimits {
            texts: BTreeMap::new(),
        }
    }

    /// The rates by action.
    pub fn rates(&self) -> std::collections::HashMap<String, Vec<Rate>> {
        let parse = |text: &String| Rate::parse_all(text).unwrap_or_default();
        self.texts
            .iter()
            .map(|(action, text)| (action.clone(), parse(text)))
            .collect()
    }
}

impl Setting for RateLimits {
    const KIND: &'static str =
        "a map from action to rates such as \"10/m/ip,5/300s/key\", or false";
    fn read(value: &Value) -> Result<Self, String> {
        if value == &Value::Bool(false) {
            return Ok(RateLimits::none());
        }
        let given = value.as_object().ok_or_else(expected::<Self>)?;
        let mut limits = RateLimits::default();
        for (action, rates) in given {
            let text = match rates {
                Value::String(text) => text.clone(),
                Value::Bool(false) | Value::Null => String::new(),
                _ => return Err(expected::<Self>()),
            };
            if !DEFAULT_RATES.iter().any(|(known, _)| known == action) {
                let known: Vec<_> = DEFAULT_RATES.iter().map(|(known, _)| *known).collect();
                return Err(format!(
                    "\"{action}\" is not limited in this version; known: {}",
                    known.join(", ")
                ));
            }
            Rate::parse_all(&text)?;
            limits.texts.insert(action.clone(), text);
        }
        Ok(limits)
    }
    fn show(&self) -> Value {
        json!(self.texts)
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
    const KIND: &'static str = "a map with NAME and perhaps OPTIONS";
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(expected::<Self>)?;
        let name = map
            .get("NAME")
            .and_then(Value::as_str)
            .ok_or_else(expected::<Self>)?;
        let options = match map.get("OPTIONS") {
            None => Map::new(),
            Some(Value::Object(options)) => options.clone(),
            Some(_) => return Err("OPTIONS must be a map".to_owned()),
        };
        hallpass_django::validators::Validator::from_name(name, &options)?;
        Ok(Validator {
            name: name.to_owned(),
            options,
        })
    }
    fn show(&self) -> Value {
        json!({ "NAME": self.name, "OPTIONS": self.options })
    }
}

/// A pair, such as a header's name and value.
impl Setting for (String, String) {
    const KIND: &'static str = "a pair of texts";
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_array().map(Vec::as_slice) {
            Some([Value::String(left), Value::String(right)]) => Ok((left.clone(), right.clone())),
            _ => Err(expected::<Self>()),
        }
    }
    fn show(&self) -> Value {
        json!([self.0, self.1])
    }
}
