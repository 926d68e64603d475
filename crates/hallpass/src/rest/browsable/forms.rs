//! The forms of a page: one with a field for each that the address takes, and one for a body as it is. Each has a button
//! for every unsafe method of the address.
//!
//! After a refusal both hold what was typed, so that nobody types it again: but no password, and only where our own page
//! sent it, as its token shows. Else a page of another site could fill them for its visitor to send.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::INDENT;
use crate::form::Field;
use crate::rest::answer::Reply;
use crate::rest::call::{Call, json_text};
use crate::rest::data::Data;
use crate::rest::fields::{Kind, Spec};
use crate::rest::views::View;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The longest text that is shown again.
const LONGEST: usize = 10_000;

/// As the template takes them.
pub(super) struct Forms {
    /// Fields one by one, in the order that stands beside them.
    pub(super) form: Option<Value>,
    pub(super) order: Vec<String>,
    /// The body as it is.
    pub(super) raw: Option<Value>,
    /// What was refused, where no form can say it.
    pub(super) problem: Option<String>,
}

impl Forms {
    /// Nothing to send.
    pub(super) fn none(reply: &Reply) -> Self {
        let whole = faults(reply).whole;
        Forms {
            form: None,
            order: Vec::new(),
            raw: None,
            problem: (!whole.is_empty()).then(|| whole.join(" ")),
        }
    }
}

/// The methods that have a form.
pub(super) fn methods(view: &View) -> Vec<&'static Method> {
    let sends = |method: &&Method| !method.is_safe() && *method != Method::DELETE;
    view.methods.iter().filter(sends).collect()
}

/// The forms for somebody who may send them.
pub(super) fn of(call: &Call, reply: &Reply, current: &Map<String, Value>) -> Forms {
    if methods(call.view).is_empty() {
        return Forms::none(reply);
    }
    let specs = (call.view.fields)(&call.face);
    let specs: Vec<Spec> = specs
        .into_iter()
        .filter(|spec| !spec.hidden && !spec.read_only)
        .collect();
    let mut faults = match call.method.is_safe() {
        true => Faults::default(),
        false => faults(reply),
    };
    let raw = raw(call, reply, &specs, current);
    if call.posted.raw.is_some() {
        faults.gather(&specs);
    }
    let entered = match typed(call, reply) {
        Some(typed) => typed,
        None => current,
    };
    let mut fields = Map::new();
    for spec in &specs {
        let errors = faults.take(&spec.name);
        let field = Field {
            errors,
            ..field(spec, entered.get(&spec.name))
        };
        fields.insert(spec.name.clone(), json!(field));
    }
    faults.gather(&specs);
    Forms {
        form: Some(json!({ "action": null, "errors": faults.whole, "fields": fields })),
        order: specs.into_iter().map(|spec| spec.name).collect(),
        raw: Some(raw),
        problem: None,
    }
}

/// What is wrong, taken from an answer: with the whole, and by field.
#[derive(Default)]
struct Faults {
    whole: Vec<String>,
    fields: Vec<(String, Vec<String>)>,
}

fn faults(reply: &Reply) -> Faults {
    let mut faults = Faults::default();
    let body = reply.body.as_ref().and_then(Value::as_object);
    let Some(body) = body.filter(|_| reply.status.is_client_error()) else {
        return faults;
    };
    if let Some(detail) = body.get("detail").and_then(Value::as_str) {
        faults.whole.push(detail.to_owned());
        return faults;
    }
    for (name, words) in body {
        let words = words.as_array().into_iter().flatten();
        let words: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
        match name.as_str() {
            "non_field_errors" => faults.whole.extend(words),
            name => faults.fields.push((name.to_owned(), words)),
        }
    }
    faults
}

impl Faults {
    fn take(&mut self, name: &str) -> Vec<String> {
        let found = self.fields.iter().position(|(known, _)| known == name);
        found.map(|at| self.fields.remove(at).1).unwrap_or_default()
    }

    /// What is left at fields belongs to the whole, with the field's name before it.
    fn gather(&mut self, specs: &[Spec]) {
        for (name, words) in self.fields.drain(..) {
            let spec = specs.iter().find(|spec| spec.name == name);
            let label = spec.map_or(name.as_str(), |spec| &spec.label);
            let words = words.into_iter().map(|words| format!("{label}: {words}"));
            self.whole.extend(words);
        }
    }
}

/// What was typed into the fields, after a refusal.
fn typed<'a>(call: &'a Call, reply: &Reply) -> Option<&'a Map<String, Value>> {
    let again = reply.status == StatusCode::BAD_REQUEST && call.posted.raw.is_none();
    match &call.sent {
        Ok(Data::Fields(fields)) if again && call.posted.is_ours(call) => Some(fields),
        _ => None,
    }
}

/// A field of a form.
fn field(spec: &Spec, value: Option<&Value>) -> Field {
    let text = match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
        _ => None,
    };
    let text = text.filter(|text| !text.is_empty() && text.len() <= LONGEST);
    let choices = spec.choices.iter().map(|(value, label)| {
        let selected = text.as_ref() == Some(value);
        json!({ "value": value, "label": label, "selected": selected })
    });
    let choices: Vec<Value> = choices.collect();
    let (kind, autocomplete) = filled_in_by(spec);
    let no = |text: &String| {
        matches!(
            text.to_lowercase().as_str(),
            "f" | "n" | "no" | "false" | "off" | "0"
        )
    };
    Field {
        help: spec.help.clone(),
        required: spec.required,
        checked: spec.kind == Kind::Boolean && text.as_ref().is_some_and(|text| !no(text)),
        choices: (spec.kind == Kind::Choice).then(|| choices.into()),
        value: text.filter(|_| !matches!(spec.kind, Kind::Password | Kind::Boolean)),
        autocomplete: Some(autocomplete),
        autocapitalize: (kind == "text").then_some("none"),
        spellcheck: matches!(kind, "text" | "email").then_some(false),
        inputmode: (kind == "email").then_some("email"),
        maxlength: spec
            .max_length
            .and_then(|length| u64::try_from(length).ok()),
        minlength: spec
            .min_length
            .and_then(|length| u64::try_from(length).ok()),
        ..Field::new(spec.name.clone(), spec.label.clone(), kind)
    }
}

/// The type of an input, and what a browser may fill it with.
fn filled_in_by(spec: &Spec) -> (&'static str, &'static str) {
    let by_name = match spec.name.as_str() {
        "username" => "username",
        "email" | "email2" => "email",
        "phone" => "tel",
        "first_name" => "given-name",
        "last_name" => "family-name",
        "password" | "old_password" => "current-password",
        "password1" | "password2" | "new_password1" | "new_password2" => "new-password",
        _ => "off",
    };
    let kind = match spec.kind {
        Kind::Text if by_name == "tel" => "tel",
        Kind::Text if spec.lines => "textarea",
        Kind::Text | Kind::Uuid => "text",
        Kind::Password => "password",
        Kind::Email => "email",
        Kind::Integer => "number",
        Kind::Boolean => "checkbox",
        Kind::Date => "date",
        Kind::Choice => "select",
    };
    (kind, by_name)
}

/// The form for a body as it is: with what was sent, or else with an example.
fn raw(call: &Call, reply: &Reply, specs: &[Spec], current: &Map<String, Value>) -> Value {
    let sent = call.posted.raw.as_ref();
    let sent = sent.filter(|_| reply.status == StatusCode::BAD_REQUEST);
    let kept = sent.and_then(|(kind, text)| Some((kind.as_str(), kept(text, specs)?)));
    let (kind, text) = kept.unwrap_or_else(|| (JSON, example(specs, current)));
    let choice = |value: &str| json!({ "value": value, "label": value, "selected": value == kind });
    let media = Field {
        choices: Some(json!([choice(JSON), choice(FORM)])),
        autocomplete: Some("off"),
        ..Field::new("_content_type", "Media type", "select")
    };
    let content = Field {
        value: Some(text),
        required: false,
        autocomplete: Some("off"),
        autocapitalize: Some("none"),
        spellcheck: Some(false),
        ..Field::new("_content", "Content", "textarea")
    };
    let fields = json!({ "media": media, "content": content });
    json!({ "action": null, "errors": [], "fields": fields })
}

/// A text that was sent, without passwords: as it is where nothing asks for any, else what is understood of it.
fn kept(text: &str, specs: &[Spec]) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let secret = |spec: &Spec| spec.kind == Kind::Password;
    if !specs.iter().any(secret) && !text.to_lowercase().contains("password") {
        return Some(text.to_owned());
    }
    let Ok(Value::Object(sent)) = serde_json::from_str(text) else {
        return None;
    };
    let shown = specs.iter().filter_map(|spec| {
        let value = sent.get(&spec.name)?;
        let value = if secret(spec) { &json!("") } else { value };
        Some((spec.name.clone(), value.clone()))
    });
    Some(indented(shown.collect()))
}

/// An object that the address would take.
fn example(specs: &[Spec], current: &Map<String, Value>) -> String {
    let value = |spec: &Spec| match spec.kind {
        Kind::Boolean => json!(false),
        Kind::Integer => Value::Null,
        _ => json!(""),
    };
    let pairs = specs.iter().map(|spec| {
        let known = current
            .get(&spec.name)
            .filter(|_| spec.kind != Kind::Password);
        let value = known.cloned().unwrap_or_else(|| value(spec));
        (spec.name.clone(), value)
    });
    indented(pairs.collect())
}

fn indented(object: Map<String, Value>) -> String {
    json_text(&Value::Object(object), Some(INDENT))
}
