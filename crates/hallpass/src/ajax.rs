//! Pages as JSON, for scripts of an operator's own pages: what allauth calls AJAX.
//!
//! A request that asks for it ([`is_asked_for`]) goes through the same page and the same flow; only the answer is said
//! otherwise ([`speak`]): `{"location"}` instead of a redirect, `{"form", "html", "data"}` instead of a page. Nothing is
//! decided here, and a body of JSON is no form, here as in allauth.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

/// What a page says beside its HTML: the form, and what is particular to it.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) form: Option<Value>,
    pub(crate) data: Option<Value>,
}

/// Whether this request is answered with JSON: it comes from a script that says so, brings JSON, or takes nothing else.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("content-type").and_then(|kind| kind.split(';').next());
    text("x-requested-with") == Some("XMLHttpRequest")
        || kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        || text("accept") == Some("application/json")
}

/// The same answer as JSON. Cookies and other headers stay; what is neither a redirect nor a page stays as it is.
pub(crate) async fn speak(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let said = parts.extensions.remove::<Said>();
    let is_page = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let location = match parts.status.is_redirection() {
        true => parts.headers.remove(header::LOCATION),
        false => None,
    };
    let mut answer = Map::new();
    if let Some(location) = location {
        parts.status = StatusCode::OK;
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        answer.insert("location".to_owned(), location.into());
    } else if is_page {
        let Ok(html) = body.collect().await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let html = String::from_utf8_lossy(&html.to_bytes()).into_owned();
        // Pages know two statuses here. Errors keep theirs: a limit is to be told from a wrong code.
        if said.is_some() {
            parts.status = match parts.status.is_success() {
                true => StatusCode::OK,
                false => StatusCode::BAD_REQUEST,
            };
        }
        if let Some(form) = said.as_ref().and_then(|said| said.form.as_ref()) {
            answer.insert("form".to_owned(), form_of(form));
        }
        answer.insert("html".to_owned(), html.into());
    } else {
        return Response::from_parts(parts, body);
    }
    if let Some(data) = said.and_then(|said| said.data) {
        answer.insert("data".to_owned(), data);
    }
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Value::Object(answer).to_string()))
}

/// A form as templates take it, in allauth's words. Hidden fields are no fields there.
fn form_of(form: &Value) -> Value {
    let empty = Map::new();
    let fields = form["fields"].as_object().unwrap_or(&empty);
    let shown = fields
        .iter()
        .filter(|(_, field)| field.is_object() && field["type"] != "hidden");
    let fields: Map<String, Value> = shown
        .map(|(name, field)| (name.clone(), field_of(field)))
        .collect();
    let order: Vec<&String> = fields.keys().collect();
    json!({ "field_order": order, "errors": form["errors"], "fields": fields })
}

/// A field. Passwords are not written back, here no more than in HTML.
fn field_of(field: &Value) -> Value {
    const ATTRIBUTES: [&str; 8] = [
        "type",
        "autocomplete",
        "inputmode",
        "enterkeyhint",
        "autocapitalize",
        "spellcheck",
        "minlength",
        "maxlength",
    ];
    let chosen = |choice: &&Value| choice["selected"] == true;
    let value = match field["type"].as_str() {
        Some("password") => Value::Null,
        Some("checkbox") => field["checked"].clone(),
        Some("select") => {
            let choices = field["choices"].as_array();
            let choice = choices.and_then(|choices| choices.iter().find(chosen));
            choice.map_or(Value::Null, |choice| choice["value"].clone())
        }
        _ => field["value"].clone(),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let attributes: Map<String, Value> = ATTRIBUTES
        .iter()
        .filter(|name| !field[**name].is_null())
        .map(|name| ((*name).to_owned(), text(&field[*name]).into()))
        .collect();
    let mut widget = json!({ "attrs": attributes });
    if let Some(choices) = field["choices"].as_array() {
        let choices = choices
            .iter()
            .map(|choice| json!({ "value": choice["value"], "label": choice["label"] }));
        widget["choices"] = choices.collect();
    }
    json!({
        "label": field["label"],
        "value": value,
        "help_text": field["help"].as_str().unwrap_or_default(),
        "errors": field["errors"],
        "widget": widget,
    })
}
