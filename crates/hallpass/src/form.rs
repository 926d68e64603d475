//! Forms as templates take them: fields with what was entered and what is wrong with it.

use hallpass_core::Refusal;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::say;
use crate::visit::Visit;

/// A field. Defaults are those of a line of text.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) label: String,
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
    pub(crate) choices: Option<Value>,
}

impl Field {
    pub(crate) fn new(
        name: impl Into<String>,
        label: impl Into<String>,
        kind: &'static str,
    ) -> Self {
        let name = name.into();
        Field {
            id: format!("id_{name}"),
            name,
            label: label.into(),
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
            choices: None,
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

    /// An e-mail address.
    pub(crate) fn email(visit: &Visit) -> Self {
        Field {
            value: entered(visit, "email"),
            inputmode: Some("email"),
            autocomplete: Some("email"),
            autocapitalize: Some("none"),
            spellcheck: Some(false),
            maxlength: Some(visit.face.hallpass.settings().account.email_max_length),
            ..Field::new("email", "E-mail address", "email")
        }
    }

    /// A phone number.
    pub(crate) fn phone(visit: &Visit) -> Self {
        let region = visit
            .face
            .hallpass
            .settings()
            .hallpass
            .phone_region
            .is_some();
        let help = "With the country’s code, such as +49 170 1234567.";
        Field {
            value: entered(visit, "phone"),
            inputmode: Some("tel"),
            autocomplete: Some("tel"),
            help: (!region).then(|| help.to_owned()),
            maxlength: Some(40),
            ..Field::new("phone", "Phone number", "tel")
        }
    }

    /// A one-time code.
    pub(crate) fn code() -> Self {
        Field {
            autocomplete: Some("one-time-code"),
            autocapitalize: Some("characters"),
            spellcheck: Some(false),
            enterkeyhint: Some("go"),
            maxlength: Some(100),
            autofocus: true,
            code: true,
            ..Field::new("code", "Code", "text")
        }
    }

    /// A password that is in use.
    pub(crate) fn current_password(name: &'static str, label: &'static str) -> Self {
        Field {
            autocomplete: Some("current-password"),
            enterkeyhint: Some("go"),
            ..Field::new(name, label, "password")
        }
    }

    /// A password to be.
    pub(crate) fn new_password(name: &'static str, label: &'static str) -> Self {
        Field {
            autocomplete: Some("new-password"),
            ..Field::new(name, label, "password")
        }
    }
}

/// What was entered, to be shown again.
pub(crate) fn entered(visit: &Visit, name: &str) -> Option<String> {
    Some(visit.posted(name).to_owned()).filter(|text| !text.is_empty())
}

/// A form under construction.
pub(crate) struct Form {
    pub(crate) errors: Vec<String>,
    fields: Vec<(String, Option<Field>)>,
}

impl Form {
    pub(crate) fn new() -> Self {
        Form {
            errors: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Adds a field, or notes that it is switched off.
    pub(crate) fn field(mut self, name: &str, field: Option<Field>) -> Self {
        self.fields.push((name.to_owned(), field));
        self
    }

    /// Adds the hidden `next`.
    pub(crate) fn next(self, next: Option<&str>) -> Self {
        self.field(
            "next",
            next.map(|next| Field::hidden("next", next.to_owned())),
        )
    }

    /// Puts a refusal where it belongs: at its field, or at the form where there is none.
    pub(crate) fn refuse(mut self, refusal: Option<&Refusal>) -> Self {
        match refusal {
            None => {}
            Some(Refusal::Several(faults)) => {
                for (field, fault) in faults {
                    self.put(Some(field), say::words(fault));
                }
            }
            Some(refusal) => self.put(say::field(refusal), say::words(refusal)),
        }
        self
    }

    fn put(&mut self, name: Option<&str>, words: String) {
        let fields = self.fields.iter_mut();
        let field = fields
            .filter(|(known, _)| Some(known.as_str()) == name)
            .find_map(|(_, field)| field.as_mut());
        match field {
            Some(field) => field.errors.push(words),
            None => self.errors.push(words),
        }
    }

    /// As the templates take it.
    pub(crate) fn into_json(self, action: Option<String>) -> Value {
        let fields: Map<String, Value> = self
            .fields
            .into_iter()
            .map(|(name, field)| (name, json!(field)))
            .collect();
        json!({ "action": action, "errors": self.errors, "fields": fields })
    }
}
