//! Settings that are one of a few words.

use serde_json::{Value, json};

use super::types::{Setting, mismatch};

/// Declares an enum of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal $(| $also:literal)*,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$item_doc])* $item,)* }

        impl Setting for $name {
            fn kind() -> String {
                format!("one of {}", [$(concat!("\"", $word, "\"")),*].join(", "))
            }
            fn read(value: &Value) -> Result<Self, String> {
                match value.as_str() {
                    $(Some($word $(| $also)*) => Ok($name::$item),)*
                    _ => Err(mismatch::<Self>(value)),
                }
            }
            fn show(&self) -> Value {
                match self { $($name::$item => json!($word),)* }
            }
            fn read_text(text: &str) -> Result<Self, String> {
                Self::read(&text.trim().into())
            }
        }
    };
}

pub(super) use words;

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
        /// Shared by all processes, beside the database.
        Redis = "redis",
    }
}
words! {
    /// HALLPASS_SMS_BACKEND.
    SmsBackend {
        /// Texts are printed.
        Console = "console",
        /// Texts go to a gateway.
        Http = "http",
        /// Texts stay in memory, for tests.
        Memory = "memory",
        /// Texts go nowhere.
        Dummy = "dummy",
    }
}
words! {
    /// HALLPASS_SMS_CONTENT_TYPE.
    SmsContentType {
        /// JSON.
        Json = "application/json",
        /// A form, as browsers send it.
        Form = "application/x-www-form-urlencoded",
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
    /// ACCOUNT_AUTHENTICATION_METHOD.
    LegacyMethod {
        /// By user name.
        Username = "username",
        /// By e-mail address.
        Email = "email",
        /// By either.
        UsernameEmail = "username_email",
    }
}

/// ACCOUNT_EMAIL_VERIFICATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Nobody gets in without a confirmed address.
    Mandatory,
    /// A letter is sent at signup.
    Optional,
    /// Nothing is sent.
    None,
}

impl Setting for Verification {
    fn kind() -> String {
        "one of \"mandatory\", \"optional\", \"none\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Verification::Mandatory),
            Value::Bool(false) => Ok(Verification::Optional),
            Value::String(word) if word == "mandatory" => Ok(Verification::Mandatory),
            Value::String(word) if word == "optional" => Ok(Verification::Optional),
            Value::String(word) if word == "none" => Ok(Verification::None),
            _ => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        match self {
            Verification::Mandatory => json!("mandatory"),
            Verification::Optional => json!("optional"),
            Verification::None => json!("none"),
        }
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match bool::read_text(text) {
            Ok(word) => Self::read(&word.into()),
            Err(_) => Self::read(&text.trim().into()),
        }
    }
}

/// How a login names its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginBy {
    /// By user name.
    Username,
    /// By e-mail address.
    Email,
    /// By phone number.
    Phone,
}

impl Setting for LoginBy {
    fn kind() -> String {
        "\"username\", \"email\" or \"phone\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("username") => Ok(LoginBy::Username),
            Some("email") => Ok(LoginBy::Email),
            Some("phone") => Ok(LoginBy::Phone),
            _ => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        match self {
            LoginBy::Username => json!("username"),
            LoginBy::Email => json!("email"),
            LoginBy::Phone => json!("phone"),
        }
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
    fn kind() -> String {
        "\"Lax\", \"Strict\", \"None\" or false".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let word = match value {
            Value::Bool(false) => "false".to_owned(),
            Value::String(word) => word.to_ascii_lowercase(),
            _ => return Err(mismatch::<Self>(value)),
        };
        match word.as_str() {
            "lax" => Ok(SameSite::Lax),
            "strict" => Ok(SameSite::Strict),
            "none" => Ok(SameSite::None),
            "false" => Ok(SameSite::Unset),
            _ => Err(mismatch::<Self>(value)),
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
    fn kind() -> String {
        "true, false or \"strict\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Enumeration::On),
            Value::Bool(false) => Ok(Enumeration::Off),
            Value::String(word) if word == "strict" => Ok(Enumeration::Strict),
            _ => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        match self {
            Enumeration::On => json!(true),
            Enumeration::Off => json!(false),
            Enumeration::Strict => json!("strict"),
        }
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match bool::read_text(text) {
            Ok(value) => Self::read(&value.into()),
            Err(_) => Self::read(&text.trim().into()),
        }
    }
}
