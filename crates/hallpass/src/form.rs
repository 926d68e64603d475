//! Forms as templates take them: fields with what was entered and what is wrong with it.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A field. Defaults are those of a line of text.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) id: String,
    pub(crate) label: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) checked: bool,
    pub(crate) help: Option<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) required: bool,
    pub(crate) autocomplete: Option<&'static str>,
    pub(crate) inputmode: Option<&'static str>,
    pub(crate) enterkeyhint: Option<&'static str>,
    pub(crate) autocapitalize: Option<&'static str>,
    pub(crate) spellcheck: Option<bool>,
    pub(crate) maxlength: Option<u64>,
    pub(crate) minlength: Option<u64>,
    pub(crate) autofocus: bool,
    pub(crate) code: bool,
}

impl Field {
    pub(crate) fn new(name: &'static str, label: &'static str, kind: &'static str) -> Self {
        Field {
            name,
            id: format!("id_{name}"),
            label,
            kind,
            value: None,
            checked: false,
            help: None,
            errors: Vec::new(),
            required: true,
            autocomplete: None,
            inputmode: None,
            enterkeyhint: None,
            autocapitalize: None,
            spellcheck: None,
            maxlength: None,
            minlength: None,
            autofocus: false,
            code: false,
        }
    }

    /// A hidden field.
    pub(crate) fn hidden(name: &'static str, value: String) -> Self {
        Field {
            value: Some(value),
            required: false,
            ..Field::new(name, "", "hidden")
        }
    }
}

/// A form under construction.
pub(crate) struct Form {
    pub(crate) errors: Vec<String>,
    fields: Map<String, Value>,
}

impl Form {
    pub(crate) fn new() -> Self {
        Form {
            errors: Vec::new(),
            fields: Map::new(),
        }
    }

    /// Adds a field, or notes that it is switched off.
    pub(crate) fn field(mut self, name: &'static str, field: Option<Field>) -> Self {
        self.fields.insert(name.to_owned(), json!(field));
        self
    }

    /// Adds the hidden `next`.
    pub(crate) fn next(self, next: Option<&str>) -> Self {
        self.field(
            "next",
            next.map(|next| Field::hidden("next", next.to_owned())),
        )
    }

    /// As the templates take it.
    pub(crate) fn into_json(self, action: Option<String>) -> Value {
        json!({ "action": action, "errors": self.errors, "fields": self.fields })
    }
}
