//! Known answers made by Django, and properties.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

mod csrf;
mod hashers;
mod links_and_names;
mod properties;
mod properties_hashers;
mod reset_token;
mod sesame;
mod session;
mod signing;
mod validators;

/// A file of known answers.
fn vectors(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("the vectors are JSON")
}

/// A string field.
fn text<'a>(case: &'a serde_json::Value, key: &str) -> &'a str {
    case[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is no text in {case}"))
}
