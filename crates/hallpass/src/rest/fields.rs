//! What an address takes: fields, checked as REST framework checks them, with its words.

use hallpass_core::domain::{address, timestamp};
use hallpass_core::settings::{ExtraField, ExtraKind, UserField};
use serde_json::{Map, Value, json};

use super::data::{Data, SURROGATE};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A line of text.
    Text,
    /// A password: a text that is not shown.
    Password,
    /// An e-mail address.
    Email,
    /// A whole number.
    Integer,
    /// A UUID: only shown.
    Uuid,
    /// Yes or no.
    Boolean,
    /// A date, `2026-11-21`.
    Date,
    /// One of some choices.
    Choice,
}

/// A field.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
    pub(crate) kind: Kind,
    /// Whether a text may have several lines.
    pub(crate) lines: bool,
    pub(crate) required: bool,
    pub(crate) read_only: bool,
    /// Taken, and not told of.
    pub(crate) hidden: bool,
    pub(crate) allow_blank: bool,
    pub(crate) allow_null: bool,
    /// The least and the greatest number.
    pub(crate) range: Option<(i64, i64)>,
    pub(crate) max_length: Option<usize>,
    pub(crate) min_length: Option<usize>,
    pub(crate) choices: Vec<(String, String)>,
}

impl Spec {
    /// A field of the operator's own.
    pub(crate) fn extra(extra: &ExtraField) -> Self {
        let kind = match extra.kind {
            ExtraKind::Text | ExtraKind::TextArea => Kind::Text,
            ExtraKind::Email => Kind::Email,
            ExtraKind::Number => Kind::Integer,
            ExtraKind::Date => Kind::Date,
            ExtraKind::Checkbox => Kind::Boolean,
            ExtraKind::Select => Kind::Choice,
        };
        let texts = matches!(kind, Kind::Text | Kind::Email);
        let spec = Spec {
            help: extra.help.clone(),
            lines: extra.kind == ExtraKind::TextArea,
            choices: extra.choices.clone(),
            max_length: texts.then_some(extra.max_length),
            ..Spec::new(&extra.name, kind).labelled(&extra.label)
        };
        if extra.required { spec } else { spec.blank() }
    }

    /// A column of the operator's own.
    pub(crate) fn column(column: &UserField) -> Self {
        let spec = Spec::extra(&column.field);
        let numbers = spec.kind == Kind::Integer;
        Spec {
            allow_null: column.is_nullable() && !column.field.required,
            range: numbers.then_some((i32::MIN.into(), i32::MAX.into())),
            ..spec
        }
    }

    /// A required text.
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        let mut label = name.replace('_', " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Spec {
            name: name.to_owned(),
            label,
            help: None,
            kind,
            lines: false,
            required: true,
            read_only: false,
            hidden: false,
            allow_blank: false,
            allow_null: false,
            range: None,
            max_length: None,
            min_length: None,
            choices: Vec::new(),
        }
    }

    /// May be left out.
    pub(crate) fn optional(self) -> Self {
        Spec {
            required: false,
            ..self
        }
    }

    /// May be left out, or be empty.
    pub(crate) fn blank(self) -> Self {
        Spec {
            required: false,
            allow_blank: true,
            ..self
        }
    }

    /// Shown, not taken.
    pub(crate) fn read_only(self) -> Self {
        Spec {
            required: false,
            read_only: true,
            ..self
        }
    }

    /// Taken, and not told of.
    pub(crate) fn hidden(self) -> Self {
        Spec {
            hidden: true,
            ..self
        }
    }

    /// Under another label.
    pub(crate) fn labelled(self, label: &str) -> Self {
        Spec {
            label: label.to_owned(),
            ..self
        }
    }

    /// At most so many characters.
    pub(crate) fn at_most(self, length: usize) -> Self {
        Spec {
            max_length: Some(length),
            ..self
        }
    }

    /// At least so many characters.
    pub(crate) fn at_least(self, length: usize) -> Self {
        Spec {
            min_length: Some(length),
            ..self
        }
    }

    /// With a sentence on what it is.
    pub(crate) fn help(self, words: &str) -> Self {
        Spec {
            help: Some(words.to_owned()),
            ..self
        }
    }

    /// As OPTIONS tells of it.
    pub(crate) fn metadata(&self) -> Value {
        let kind = match self.kind {
            Kind::Text | Kind::Password => "string",
            Kind::Email => "email",
            Kind::Integer => "integer",
            Kind::Uuid => "field",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Choice => "choice",
        };
        let mut told = json!({
            "type": kind, "required": self.required, "read_only": self.read_only, "label": self.label,
        });
        if let Some(help) = &self.help {
            told["help_text"] = help.as_str().into();
        }
        if let Some((least, greatest)) = self.range {
            told["min_value"] = least.into();
            told["max_value"] = greatest.into();
        }
        if let Some(length) = self.min_length {
            told["min_length"] = length.into();
        }
        if let Some(length) = self.max_length {
            told["max_length"] = length.into();
        }
        if !self.choices.is_empty() {
            let choices = self.choices.iter();
            told["choices"] = choices
                .map(|(value, label)| json!({ "value": value, "display_name": label }))
                .collect();
        }
        told
    }
}

/// What was sent, checked: texts, numbers, booleans by name. What was not sent is not there.
#[derive(Clone, Default)]
pub(crate) struct Values(pub(crate) Map<String, Value>);

impl Values {
    /// A text; empty if it was not sent.
    pub(crate) fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether it was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Errors by field, in order: REST framework's answer to bad input.
#[derive(Debug, Default)]
pub(crate) struct Errors(pub(crate) Map<String, Value>);

impl Errors {
    /// About one field.
    pub(crate) fn of(field: &str, words: impl Into<String>) -> Self {
        let mut errors = Errors::default();
        errors.add(field, words);
        errors
    }

    /// One more.
    pub(crate) fn add(&mut self, field: &str, words: impl Into<String>) {
        let list = self.0.entry(field.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(words.into().into());
        }
    }
}

/// Checks what was sent. `partial`: what is left out stays as it is.
pub(crate) fn check(specs: &[Spec], data: &Data, partial: bool) -> Result<Values, Errors> {
    if specs.is_empty() {
        return Ok(Values::default());
    }
    let sent = match data {
        Data::Fields(fields) => fields,
        Data::Other(kind) => {
            let words = format!("Invalid data. Expected a dictionary, but got {kind}.");
            return Err(Errors::of("non_field_errors", words));
        }
    };
    let (mut values, mut errors) = (Values::default(), Errors::default());
    for spec in specs.iter().filter(|spec| !spec.read_only) {
        match sent.get(&spec.name) {
            None if spec.required && !partial => errors.add(&spec.name, "This field is required."),
            None => {}
            Some(value) => match one(spec, value) {
                Ok(value) => {
                    values.0.insert(spec.name.clone(), value);
                }
                Err(faults) => {
                    for fault in faults {
                        errors.add(&spec.name, fault);
                    }
                }
            },
        }
    }
    match errors.0.is_empty() {
        true => Ok(values),
        false => Err(errors),
    }
}

fn one(spec: &Spec, value: &Value) -> Result<Value, Vec<String>> {
    let fault = |words: &str| Err(vec![words.to_owned()]);
    match (spec.kind, value) {
        (_, Value::Null) if spec.allow_null => return Ok(Value::Null),
        (_, Value::Null) => return fault("This field may not be null."),
        (Kind::Boolean, Value::Bool(given)) => return Ok((*given).into()),
        (Kind::Boolean, Value::String(text)) => {
            return match text.to_lowercase().as_str() {
                "t" | "y" | "yes" | "true" | "on" | "1" => Ok(true.into()),
                "f" | "n" | "no" | "false" | "off" | "0" | "" => Ok(false.into()),
                _ => fault("Must be a valid boolean."),
            };
        }
        (Kind::Boolean, _) => return fault("Must be a valid boolean."),
        (Kind::Integer, Value::Number(number)) => {
            return match number.as_i64() {
                Some(number) => within(spec, number),
                None => fault("A valid integer is required."),
            };
        }
        (Kind::Integer, Value::String(text)) => {
            return match text.trim().parse::<i64>() {
                Ok(number) => within(spec, number),
                Err(_) if text.trim().is_empty() && spec.allow_blank => Ok(Value::Null),
                Err(_) => fault("A valid integer is required."),
            };
        }
        (Kind::Integer, _) => return fault("A valid integer is required."),
        _ => {}
    }
    let text = match value {
        // Blanks at its ends are part of a password.
        Value::String(text) if spec.kind == Kind::Password => text.clone(),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return fault("Not a valid string."),
    };
    if text.is_empty() {
        return match spec.allow_blank {
            true => Ok(text.into()),
            false => fault("This field may not be blank."),
        };
    }
    let faults = text_faults(spec, &text);
    match faults.is_empty() {
        true => Ok(text.into()),
        false => Err(faults),
    }
}

fn within(spec: &Spec, number: i64) -> Result<Value, Vec<String>> {
    let words = match spec.range {
        Some((least, _)) if number < least => {
            format!("Ensure this value is greater than or equal to {least}.")
        }
        Some((_, greatest)) if number > greatest => {
            format!("Ensure this value is less than or equal to {greatest}.")
        }
        _ => return Ok(number.into()),
    };
    Err(vec![words])
}

/// The code of the first surrogate without its other half.
fn lone_surrogate(text: &str) -> Option<&str> {
    let codes = text.split(SURROGATE).skip(1);
    let mut codes = codes.filter_map(|rest| rest.get(..4));
    codes.find(|code| {
        let value = u32::from_str_radix(code, 16).unwrap_or_default();
        (0xd800..0xe000).contains(&value)
    })
}

fn text_faults(spec: &Spec, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let length = text.chars().count();
    if let Some(most) = spec.max_length.filter(|most| length > *most) {
        faults.push(format!(
            "Ensure this field has no more than {most} characters."
        ));
    }
    if let Some(least) = spec.min_length.filter(|least| length < *least) {
        faults.push(format!(
            "Ensure this field has at least {least} characters."
        ));
    }
    if text.contains('\0') {
        faults.push("Null characters are not allowed.".to_owned());
    }
    if let Some(code) = lone_surrogate(text) {
        faults.push(format!("Surrogate characters are not allowed: U+{code}."));
    }
    match spec.kind {
        Kind::Email if address::clean(text).is_none() => {
            faults.push("Enter a valid email address.".to_owned());
        }
        Kind::Choice if spec.choices.iter().all(|(value, _)| value != text) => {
            faults.push(format!("\"{text}\" is not a valid choice."));
        }
        Kind::Date if !timestamp::is_date(text) => {
            faults.push(
                "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.".to_owned(),
            );
        }
        _ => {}
    }
    faults
}
