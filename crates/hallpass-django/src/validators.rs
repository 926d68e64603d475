//! AUTH_PASSWORD_VALIDATORS: what a new password must pass.
//!
//! All validators run, and every error is told with Django's code, message and parameters.

mod guessable;

use serde_json::{Map, Value, json};

use crate::text::is_word;
use guessable::is_common;

/// One validator with its options.
#[derive(Debug, Clone, PartialEq)]
pub enum Validator {
    /// Not too similar to what else is known of the user.
    UserAttributeSimilarity {
        /// `username`, `first_name`, `last_name`, `email` or fewer.
        attributes: Vec<String>,
        /// From 0.1 to 1: how similar is too similar.
        max_similarity: f64,
    },
    /// Long enough.
    MinimumLength(u64),
    /// Not among the passwords that are tried first.
    CommonPassword,
    /// Not only digits.
    NumericPassword,
}

/// What is known of the user whose password it will be.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserAttributes<'a> {
    /// User name.
    pub username: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Address.
    pub email: &'a str,
}

/// One thing that is wrong with a password.
#[derive(Debug, Clone, PartialEq)]
pub struct PasswordError {
    /// Django's code.
    pub code: &'static str,
    /// Django's message, in English.
    pub message: String,
    /// Django's parameters, or null.
    pub params: Value,
}

/// What Django compares a password with.
const ATTRIBUTES: [&str; 4] = ["username", "first_name", "last_name", "email"];

impl Validator {
    /// The four that a new Django project has, with their defaults.
    pub fn of_a_new_project() -> [Validator; 4] {
        [
            Validator::UserAttributeSimilarity {
                attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
                max_similarity: 0.7,
            },
            Validator::MinimumLength(8),
            Validator::CommonPassword,
            Validator::NumericPassword,
        ]
    }

    /// By Django's dotted name and options.
    pub fn from_name(name: &str, options: &Map<String, Value>) -> Result<Self, String> {
        let class = name
            .strip_prefix("django.contrib.auth.password_validation.")
            .unwrap_or(name);
        let known: &[&str] = match class {
            "UserAttributeSimilarityValidator" => &["user_attributes", "max_similarity"],
            "MinimumLengthValidator" => &["min_length"],
            "CommonPasswordValidator" | "NumericPasswordValidator" => &[],
            _ => return Err(format!("\"{name}\" is no validator of Django's")),
        };
        if let Some(option) = options
            .keys()
            .find(|option| !known.contains(&option.as_str()))
        {
            return Err(format!("{class} has no option \"{option}\" here"));
        }
        Ok(match class {
            "UserAttributeSimilarityValidator" => {
                let attributes = match options.get("user_attributes") {
                    None => ATTRIBUTES.map(str::to_owned).to_vec(),
                    Some(list) => serde_json::from_value(list.clone())
                        .map_err(|_| "user_attributes must be a list")?,
                };
                let max_similarity = match options.get("max_similarity") {
                    None => 0.7,
                    Some(value) => value
                        .as_f64()
                        .filter(|max| *max >= 0.1)
                        .ok_or("max_similarity must be at least 0.1")?,
                };
                Validator::UserAttributeSimilarity {
                    attributes,
                    max_similarity,
                }
            }
            "MinimumLengthValidator" => match options.get("min_length") {
                None => Validator::MinimumLength(8),
                Some(value) => Validator::MinimumLength(
                    value.as_u64().ok_or("min_length must be a whole number")?,
                ),
            },
            "CommonPasswordValidator" => Validator::CommonPassword,
            _ => Validator::NumericPassword,
        })
    }

    /// What to tell people before they choose.
    pub fn help_text(&self) -> String {
        match self {
            Validator::UserAttributeSimilarity { .. } => {
                "Your password can’t be too similar to your other personal information.".to_owned()
            }
            Validator::MinimumLength(length) => {
                format!(
                    "Your password must contain at least {length} character{}.",
                    plural(*length)
                )
            }
            Validator::CommonPassword => {
                "Your password can’t be a commonly used password.".to_owned()
            }
            Validator::NumericPassword => "Your password can’t be entirely numeric.".to_owned(),
        }
    }

    fn check(&self, password: &str, user: Option<&UserAttributes<'_>>) -> Option<PasswordError> {
        match self {
            Validator::UserAttributeSimilarity {
                attributes,
                max_similarity,
            } => {
                let name = similar_to(password, user?, attributes, *max_similarity)?;
                Some(error(
                    "password_too_similar",
                    format!("The password is too similar to the {name}."),
                    json!({ "verbose_name": name }),
                ))
            }
            Validator::MinimumLength(length) => {
                let given = password.chars().count() as u64;
                (given < *length).then(|| {
                    let s = plural(*length);
                    let text = format!("This password is too short. It must contain at least {length} character{s}.");
                    error("password_too_short", text, json!({ "min_length": length }))
                })
            }
            Validator::CommonPassword => is_common(password).then(|| {
                error(
                    "password_too_common",
                    "This password is too common.".to_owned(),
                    Value::Null,
                )
            }),
            Validator::NumericPassword => is_numeric(password).then(|| {
                error(
                    "password_entirely_numeric",
                    "This password is entirely numeric.".to_owned(),
                    Value::Null,
                )
            }),
        }
    }
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn error(code: &'static str, message: String, params: Value) -> PasswordError {
    PasswordError {
        code,
        message,
        params,
    }
}

/// Runs all validators; errors in their order.
pub fn validate(
    validators: &[Validator],
    password: &str,
    user: Option<&UserAttributes<'_>>,
) -> Vec<PasswordError> {
    validators
        .iter()
        .filter_map(|validator| validator.check(password, user))
        .collect()
}

/// The attribute that the password is too similar to, in words.
fn similar_to(
    password: &str,
    user: &UserAttributes<'_>,
    attributes: &[String],
    most: f64,
) -> Option<&'static str> {
    let password: Vec<char> = password.to_lowercase().chars().collect();
    for attribute in attributes {
        let (value, name) = match attribute.as_str() {
            "username" => (user.username, "username"),
            "first_name" => (user.first_name, "first name"),
            "last_name" => (user.last_name, "last name"),
            "email" => (user.email, "email address"),
            _ => continue,
        };
        let value = value.to_lowercase();
        let parts = value
            .split(|letter| !is_word(letter))
            .chain([value.as_str()]);
        for part in parts.filter(|part| !part.is_empty()) {
            let part: Vec<char> = part.chars().collect();
            if is_far_longer(password.len(), part.len(), most) {
                continue;
            }
            if quick_ratio(&password, &part) >= most {
                return Some(name);
            }
        }
    }
    None
}

/// A password ten times as long as the part is not compared if the part is too short to matter: the comparison would
/// only cost time.
#[expect(clippy::cast_precision_loss, reason = "lengths of texts")]
fn is_far_longer(password: usize, part: usize, most: f64) -> bool {
    password >= 10 * part && (part as f64) < most / 2.0 * password as f64
}

/// Python's `SequenceMatcher.quick_ratio`: twice the letters in common, by the letters of both.
#[expect(clippy::cast_precision_loss, reason = "lengths of texts")]
pub fn quick_ratio(left: &[char], right: &[char]) -> f64 {
    if left.is_empty() && right.is_empty() {
        return 1.0;
    }
    let mut counts = std::collections::HashMap::new();
    for letter in right {
        *counts.entry(letter).or_insert(0_i64) += 1;
    }
    let mut common = 0_usize;
    for letter in left {
        if let Some(count) = counts.get_mut(letter).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    2.0 * common as f64 / (left.len() + right.len()) as f64
}

/// Python's `str.isdigit`: digits of all scripts, superscripts and circled digits too, and at least one.
fn is_numeric(password: &str) -> bool {
    !password.is_empty() && password.chars().all(is_digit)
}

/// Numeric_Type Digit and Decimal. Decimals come in runs of ten; the rest is listed.
fn is_digit(letter: char) -> bool {
    const ZEROS: &str =
        "0٠۰߀०০੦૦୦௦౦೦൦෦๐໐༠၀႐០᠐᥆᧐᪀᪐᭐᮰᱀᱐꘠꣐꤀꧐꧰꩐꯰０𐒠𐴰𐵀𑁦𑃰𑄶𑇐𑋰𑑐𑓐𑙐𑛀𑛐𑛚𑜰𑣠𑥐𑯰𑱐𑵐𑶠𑽐𖄰𖩠𖫀𖭐𖵰𜳰𝟎𝟘𝟢𝟬𝟶𞅀𞋰𞓰𞗱𞥐🯰";
    let code = u32::from(letter);
    ZEROS
        .chars()
        .any(|zero| (0..10).contains(&code.wrapping_sub(u32::from(zero))))
        || matches!(letter, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '፩'..='፱' | '᧚' | '①'..='⑨' | '⑴'..='⑼'
            | '⒈'..='⒐' | '⓪' | '⓵'..='⓽' | '⓿' | '❶'..='❾' | '➀'..='➈' | '➊'..='➒' | '\u{10a40}'..='\u{10a43}'
            | '\u{10e60}'..='\u{10e68}' | '\u{11052}'..='\u{1105a}' | '\u{1f100}'..='\u{1f10a}')
}
