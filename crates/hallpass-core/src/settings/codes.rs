//! Settings about one-time codes: their form, how often something may be repeated, when one is demanded.

use serde_json::{Value, json};

use super::types::{Setting, from_json, mismatch};

/// What a code looks like: ALLAUTH_USER_CODE_FORMAT and its kin. What is not said is taken from the wider setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeFormat {
    /// Digits instead of letters.
    pub numeric: Option<bool>,
    /// Written in groups with dashes.
    pub dashed: Option<bool>,
    /// How many characters, without dashes.
    pub length: Option<usize>,
}

impl CodeFormat {
    /// This one, and what it leaves open from `wider`.
    #[must_use]
    pub fn or(self, wider: CodeFormat) -> CodeFormat {
        CodeFormat {
            numeric: self.numeric.or(wider.numeric),
            dashed: self.dashed.or(wider.dashed),
            length: self.length.or(wider.length),
        }
    }
}

impl Setting for CodeFormat {
    fn kind() -> String {
        "a map with \"numeric\", \"dashed\" and \"length\", each optional".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let mut format = CodeFormat::default();
        for (key, value) in map {
            let set = match key.as_str() {
                "numeric" => bool::read(value).map(|numeric| format.numeric = Some(numeric)),
                "dashed" => bool::read(value).map(|dashed| format.dashed = Some(dashed)),
                "length" => u64::read(value).and_then(|length| {
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    if !(4..=64).contains(&length) {
                        return Err("must be from 4 to 64".to_owned());
                    }
                    format.length = Some(length);
                    Ok(())
                }),
                _ => {
                    return Err(format!(
                        "has \"{key}\", but takes numeric, dashed and length only"
                    ));
                }
            };
            set.map_err(|what| format!("has \"{key}\", which {what}"))?;
        }
        Ok(format)
    }
    fn show(&self) -> Value {
        let mut shown = json!({});
        if let Some(numeric) = self.numeric {
            shown["numeric"] = numeric.into();
        }
        if let Some(dashed) = self.dashed {
            shown["dashed"] = dashed.into();
        }
        if let Some(length) = self.length {
            shown["length"] = length.into();
        }
        shown
    }
    fn read_text(text: &str) -> Result<Self, String> {
        from_json(text)
    }
}

/// How often: false is never, true is twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(pub u32);

impl Setting for Quota {
    fn kind() -> String {
        "true, false or a whole number".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Quota(2)),
            Value::Bool(false) => Ok(Quota(0)),
            Value::Number(number) => match number.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(number) if number <= 100 => Ok(Quota(number)),
                _ => Err(format!(
                    "must be a whole number of at most 100, not {number}"
                )),
            },
            _ => Err(mismatch::<Self>(value)),
        }
    }
    fn show(&self) -> Value {
        match self.0 {
            0 => json!(false),
            2 => json!(true),
            number => json!(number),
        }
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match text.trim().parse::<u64>() {
            Ok(number) => Self::read(&number.into()),
            Err(_) => bool::read_text(text)
                .map_err(|_| mismatch::<Self>(&text.into()))
                .and_then(|word| Self::read(&word.into())),
        }
    }
}

/// ACCOUNT_LOGIN_BY_CODE_REQUIRED: after which proofs a code is demanded as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeRequired {
    /// After these, and at a sign-in without any proof, which is what follows a signup.
    pub after: Vec<CodeAfter>,
    /// After anything.
    pub always: bool,
}

/// A kind of proof after which a code may be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeAfter {
    /// `password`
    Password,
    /// `mfa`
    Mfa,
    /// `socialaccount`
    Social,
}

impl CodeRequired {
    /// Whether it is ever demanded.
    pub fn is_on(&self) -> bool {
        self.always || !self.after.is_empty()
    }

    /// Whether it is demanded after a proof by this method; `None`: there was no proof.
    pub fn is_after(&self, method: Option<&str>) -> bool {
        let Some(method) = method else {
            return self.is_on();
        };
        self.always
            || self.after.iter().any(|after| match after {
                CodeAfter::Password => method == "password",
                CodeAfter::Mfa => method == "mfa",
                CodeAfter::Social => method == "socialaccount",
            })
    }
}

impl Setting for CodeRequired {
    fn kind() -> String {
        "true, false or a list of \"password\", \"mfa\", \"socialaccount\"".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let list = match value {
            Value::Bool(always) => {
                return Ok(CodeRequired {
                    after: Vec::new(),
                    always: *always,
                });
            }
            Value::Array(list) => list,
            _ => return Err(mismatch::<Self>(value)),
        };
        let after = list.iter().map(|word| match word.as_str() {
            Some("password") => Ok(CodeAfter::Password),
            Some("mfa") => Ok(CodeAfter::Mfa),
            Some("socialaccount") => Ok(CodeAfter::Social),
            _ => Err(mismatch::<Self>(word)),
        });
        Ok(CodeRequired {
            after: after.collect::<Result<_, _>>()?,
            always: false,
        })
    }
    fn show(&self) -> Value {
        if self.after.is_empty() {
            return json!(self.always);
        }
        let word = |after: &CodeAfter| match after {
            CodeAfter::Password => "password",
            CodeAfter::Mfa => "mfa",
            CodeAfter::Social => "socialaccount",
        };
        json!(self.after.iter().map(word).collect::<Vec<_>>())
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match bool::read_text(text) {
            Ok(word) => Self::read(&word.into()),
            Err(_) if text.trim_start().starts_with('[') => from_json(text),
            Err(_) => {
                let words: Vec<&str> = text.split(',').map(str::trim).collect();
                Self::read(&json!(words))
            }
        }
    }
}
