//! Schemas: of fields, as [`super::super::fields`] checks them, and of the bodies that all addresses share.

use serde_json::{Map, Value, json};

use super::super::fields::{Kind, Spec};

/// Text that is neither empty nor blanks alone, without NUL.
const FILLED: &str = r"^\s*[^\s\x00][^\x00]*$";
/// Text without NUL.
const PLAIN: &str = r"^[^\x00]*$";

/// What may be sent for a field.
pub(super) fn taken(spec: &Spec) -> Value {
    let mut told = taken_unless_null(spec);
    if spec.allow_null {
        or_null(&mut told);
    }
    told
}

/// Lets null be as well.
fn or_null(told: &mut Value) {
    told["type"] = json!([told["type"], "null"]);
    for (key, null) in [("enum", Value::Null), ("anyOf", json!({ "type": "null" }))] {
        if let Some(list) = told.get_mut(key).and_then(Value::as_array_mut) {
            list.push(null);
        }
    }
}

fn taken_unless_null(spec: &Spec) -> Value {
    let mut told = json!({ "type": kind(spec.kind), "title": spec.label });
    if let Some(format) = format(spec.kind) {
        told["format"] = format.into();
    }
    if spec.kind == Kind::Password {
        told["writeOnly"] = true.into();
    }
    if let Some(help) = &spec.help {
        told["description"] = help.as_str().into();
    }
    if let Some((least, greatest)) = spec.range {
        told["minimum"] = least.into();
        told["maximum"] = greatest.into();
    }
    match spec.kind {
        Kind::Integer | Kind::Boolean => return told,
        Kind::Choice => {
            let blank = spec.allow_blank.then_some("");
            let values = spec.choices.iter().map(|(value, _)| value.as_str());
            told["enum"] = blank.into_iter().chain(values).collect();
            return told;
        }
        Kind::Date if spec.allow_blank => {
            // A format would not let the empty text be.
            told["anyOf"] = json!([{ "format": "date" }, { "const": "" }]);
            unformat(&mut told);
            return told;
        }
        Kind::Email if spec.allow_blank => {
            told["anyOf"] = json!([{ "format": "email" }, { "const": "" }]);
            unformat(&mut told);
        }
        Kind::Date => return told,
        _ => {}
    }
    let least = spec.min_length.or((!spec.allow_blank).then_some(1));
    if let Some(least) = least.filter(|_| !spec.allow_blank) {
        told["minLength"] = least.into();
    }
    if let Some(most) = spec.max_length {
        told["maxLength"] = most.into();
    }
    told["pattern"] = if spec.allow_blank { PLAIN } else { FILLED }.into();
    told
}

fn unformat(told: &mut Value) {
    if let Value::Object(told) = told {
        told.remove("format");
    }
}

/// What a field holds where it is shown.
fn shown(spec: &Spec) -> Value {
    let mut told = json!({ "type": kind(spec.kind), "title": spec.label });
    if let Some(most) = spec.max_length {
        told["maxLength"] = most.into();
    }
    if let Some(help) = &spec.help {
        told["description"] = help.as_str().into();
    }
    if spec.allow_null {
        told["type"] = json!([kind(spec.kind), "null"]);
    }
    told
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        _ => "string",
    }
}

fn format(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Password => Some("password"),
        Kind::Email => Some("email"),
        Kind::Date => Some("date"),
        Kind::Integer => Some("int64"),
        Kind::Uuid => Some("uuid"),
        Kind::Text | Kind::Boolean | Kind::Choice => None,
    }
}

/// What an address takes. `partial`: nothing must be there.
pub(super) fn request(specs: &[Spec], partial: bool) -> Value {
    let taken_ones = specs.iter().filter(|spec| !spec.read_only);
    let properties: Map<String, Value> = taken_ones
        .map(|spec| (spec.name.clone(), taken(spec)))
        .collect();
    let mut told = json!({ "type": "object", "properties": properties });
    let required: Vec<&str> = specs
        .iter()
        .filter(|spec| spec.required && !spec.read_only && !partial)
        .map(|spec| spec.name.as_str())
        .collect();
    if !required.is_empty() {
        told["required"] = required.into();
    }
    told
}

/// Fields that are all there, as an answer.
pub(crate) fn record(specs: &[Spec]) -> Value {
    let properties: Map<String, Value> = specs
        .iter()
        .map(|spec| (spec.name.clone(), shown(spec)))
        .collect();
    closed(properties)
}

/// An object with these properties, and no others; all are there, but those whose name ends in `?`.
pub(crate) fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties
        .iter()
        .filter(|(name, _)| !name.ends_with('?'))
        .map(|(name, _)| *name)
        .collect();
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()))
        .collect();
    let mut told = closed(properties);
    told["required"] = required.into();
    told
}

fn closed(properties: Map<String, Value>) -> Value {
    let required: Vec<&str> = properties.keys().map(String::as_str).collect();
    json!({ "type": "object", "required": required, "properties": properties.clone(), "additionalProperties": false })
}

/// Errors by field.
pub(super) fn errors(names: &[&str]) -> Value {
    let list = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), list.clone()))
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

/// Text, with what it is.
pub(crate) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// A time.
pub(crate) fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

/// A JSON Web Token.
pub(crate) fn token(description: &str) -> Value {
    let pattern = r"^[\w-]+\.[\w-]+\.[\w-]+$";
    json!({ "type": "string", "pattern": pattern, "description": description })
}

/// Schemas that several addresses share, by name.
pub(super) fn known(name: &str) -> Value {
    let words = || text("What it is, in words.");
    let code = || text("What it is, for programs.");
    match name {
        "Detail" => object(&[("detail", words())]),
        "Refusal" => object(&[
            ("detail", words()),
            ("code", code()),
            (
                "stage?",
                text("The step that the sign-in has to go through, on a page."),
            ),
        ]),
        "TokenError" => object(&[
            ("detail", words()),
            ("code?", code()),
            (
                "messages?",
                json!({ "type": "array", "items": object(&[
                    ("token_class", text("What was looked for.")),
                    ("token_type", text("Its `token_type`.")),
                    ("message", text("Why it is not good.")),
                ]) }),
            ),
        ]),
        "Metadata" => metadata(),
        other => json!({ "description": other }),
    }
}

/// What broke.
pub(super) fn failure() -> Value {
    object(&[
        ("detail", text("What it is, in words.")),
        (
            "request_id",
            text("The id of the request, as the log has it."),
        ),
    ])
}

/// The answer to OPTIONS.
fn metadata() -> Value {
    let kinds = ["string", "email", "integer", "boolean", "date", "choice"];
    let choice = object(&[
        ("value", text("To be sent.")),
        ("display_name", text("To be shown.")),
    ]);
    let field = object(&[
        ("type", json!({ "type": "string", "enum": kinds })),
        ("required", json!({ "type": "boolean" })),
        ("read_only", json!({ "type": "boolean" })),
        ("label", text("Its label.")),
        ("help_text?", text("What it is.")),
        ("min_length?", json!({ "type": "integer" })),
        ("max_length?", json!({ "type": "integer" })),
        ("choices?", json!({ "type": "array", "items": choice })),
    ]);
    let fields = json!({ "type": "object", "additionalProperties": field });
    let types = json!({ "type": "array", "items": { "type": "string" } });
    object(&[
        ("name", text("What the address is called.")),
        ("description", text("What it does.")),
        ("renders", types.clone()),
        ("parses", types),
        (
            "actions?",
            json!({ "type": "object", "description": "Methods, and the fields that they take.",
                "additionalProperties": fields }),
        ),
    ])
}

/// What an example has in a field.
fn example(spec: &Spec) -> Value {
    let known = match spec.name.as_str() {
        "username" => "ann",
        "email" | "email2" => "ann@example.com",
        "phone" => "+4917012345678",
        "first_name" => "Ann",
        "last_name" => "Bee",
        "old_password" | "password" | "password1" | "password2" => "correct-horse-9-battery",
        "new_password1" | "new_password2" => "another-horse-7-staple",
        "uid" => "1",
        "refresh" => REFRESH,
        "access_token" => "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "token" if spec.kind == Kind::Password => ACCESS,
        "token" => "d2kq1x-5f0a…",
        "key" => "MQ:1xUaDK:…",
        _ => "",
    };
    match (known, spec.kind) {
        ("", Kind::Integer) => 7.into(),
        ("", Kind::Boolean) => true.into(),
        ("", Kind::Date) => "2026-11-21".into(),
        ("", Kind::Choice) => spec.choices.first().map(|(value, _)| value.as_str()).into(),
        ("", Kind::Email) => "ann@example.com".into(),
        ("", _) => spec.label.as_str().into(),
        (known, _) => known.into(),
    }
}

/// All fields, each with an example.
pub(crate) fn example_of(specs: &[Spec]) -> Value {
    let all = specs.iter().map(|spec| (spec.name.clone(), example(spec)));
    Value::Object(all.collect())
}

/// Of a request: what must be there, and of what need not what says most.
pub(super) fn request_example(specs: &[Spec], partial: bool) -> Value {
    let fields = specs.iter().filter(|spec| !spec.read_only);
    let fields: Vec<&Spec> = fields.collect();
    let some = fields.iter().any(|spec| spec.required) && !partial;
    let first = fields.first().map(|spec| spec.name.as_str());
    let chosen = fields.iter().filter(|spec| match (some, partial) {
        (true, _) => spec.required || Some(spec.name.as_str()) == first,
        (false, true) => spec.name == "first_name",
        (false, false) => Some(spec.name.as_str()) == first,
    });
    chosen
        .map(|spec| (spec.name.clone(), example(spec)))
        .collect::<Map<_, _>>()
        .into()
}

/// An access token to show.
pub(crate) const ACCESS: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl";
/// A refresh token to show.
pub(crate) const REFRESH: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl";
