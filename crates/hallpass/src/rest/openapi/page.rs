//! The document as a page: without a script, so that it can be read wherever the pages can.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header;
use serde_json::{Map, Value, json};

use super::serve::told;
use crate::arrival::Arrival;
use crate::errors;
use crate::face::Face;
use crate::rest::call::json_text;

/// `GET docs/`
pub(crate) async fn show(State(face): State<Face>, request: Request) -> Response {
    let arrival = request.extensions().get::<Arrival>();
    let origin = arrival.map(|arrival| arrival.client.base_url.clone());
    let context = context(&face, &told(&face).document, &origin.unwrap_or_default());
    match face.templates.render("rest/docs.html", context) {
        Ok(html) => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (kind, html).into_response()
        }
        Err(failure) => {
            let id = errors::request_id(request.extensions());
            errors::respond(&face, &errors::broken(&failure), &id)
        }
    }
}

fn context(face: &Face, document: &Value, origin: &str) -> Value {
    let mount = face.hallpass.settings().hallpass.rest_mount();
    let mount = mount.unwrap_or_default();
    let reader = Reader { document, origin };
    let mut groups: Vec<Value> = Vec::new();
    for tag in list(&document["tags"]) {
        let operations: Vec<Value> = reader.operations(&tag["name"]);
        groups.push(json!({
            "name": tag["name"],
            "description": tag["description"],
            "operations": operations,
        }));
    }
    let schemes = document["components"]["securitySchemes"].as_object();
    let schemes = schemes.into_iter().flatten();
    json!({
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "paragraphs": paragraphs(&document["info"]["description"]),
        "schema_url": format!("{mount}schema/"),
        "file_url": format!("{mount}openapi.json"),
        "schemes": schemes.map(|(name, scheme)| scheme_told(name, scheme)).collect::<Vec<_>>(),
        "groups": groups,
    })
}

fn scheme_told(name: &str, scheme: &Value) -> Value {
    let place = match (scheme["type"].as_str(), scheme["in"].as_str()) {
        (Some("http"), _) => "header Authorization".to_owned(),
        (_, place) => format!(
            "{} {}",
            place.unwrap_or_default(),
            scheme["name"].as_str().unwrap_or_default()
        ),
    };
    let words = paragraphs(&scheme["description"]);
    json!({ "name": name, "place": place, "description": words })
}

/// Paragraphs, each of pieces that are code or not.
fn paragraphs(text: &Value) -> Vec<Vec<Value>> {
    let text = text.as_str().unwrap_or_default();
    let pieces = |paragraph: &str| -> Vec<Value> {
        let pieces = paragraph.split('`').enumerate();
        pieces
            .map(|(index, text)| json!({ "text": text, "code": index % 2 == 1 }))
            .collect()
    };
    text.split("\n\n").map(pieces).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Reads a document, references included.
struct Reader<'a> {
    document: &'a Value,
    origin: &'a str,
}

impl<'a> Reader<'a> {
    fn resolve(&self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"]
            .as_str()
            .and_then(|name| name.strip_prefix('#'));
        match pointer {
            Some(pointer) => self.document.pointer(pointer).unwrap_or(&Value::Null),
            None => value,
        }
    }

    fn operations(&self, tag: &Value) -> Vec<Value> {
        let paths = self.document["paths"].as_object();
        let mut told = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            let item = item.as_object();
            for (method, operation) in item.into_iter().flatten() {
                // What OPTIONS answers is alike everywhere, and told once.
                if operation["tags"][0] == *tag && method != "options" {
                    told.push(self.operation(path, method, operation));
                }
            }
        }
        told
    }

    fn operation(&self, path: &str, method: &str, operation: &'a Value) -> Value {
        let method = method.to_ascii_uppercase();
        let ways = list(&operation["security"]).iter().map(way);
        let ways: Vec<String> = ways.collect();
        json!({
            "id": operation["operationId"],
            "method": method,
            "path": path,
            "url": (method == "GET" || !path.contains('{')).then_some(path).filter(|path| !path.contains('{')),
            "summary": operation["summary"],
            "description": operation["description"],
            "ways": ways,
            "fields": self.fields(operation),
            "parameters": list(&operation["parameters"]).iter().map(|it| self.parameter(it)).collect::<Vec<_>>(),
            "curl": self.curl(&method, path, operation),
            "answers": self.answers(operation),
        })
    }

    fn parameter(&self, parameter: &'a Value) -> Value {
        let it = self.resolve(parameter);
        let schema = self.resolve(&it["schema"]);
        let mut row = field_told(it["name"].as_str().unwrap_or_default(), schema);
        row["required"] = it["required"].clone();
        row["place"] = it["in"].clone();
        row["description"] = it["description"].clone();
        row
    }

    fn fields(&self, operation: &'a Value) -> Vec<Value> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = self.resolve(schema);
        let required = list(&schema["required"]);
        let properties = schema["properties"].as_object();
        let rows = properties.into_iter().flatten().map(|(name, schema)| {
            let mut row = field_told(name, schema);
            row["required"] = required.iter().any(|it| it == name).into();
            row["description"] = schema["description"].clone();
            row
        });
        rows.collect()
    }

    fn answers(&self, operation: &'a Value) -> Vec<Value> {
        let responses = operation["responses"].as_object();
        let rows = responses.into_iter().flatten().map(|(status, response)| {
            let response = self.resolve(response);
            let reason = status.parse().ok();
            let reason = reason.and_then(|code| http::StatusCode::from_u16(code).ok());
            let content = response["content"].as_object();
            let first = content.and_then(|content| content.values().next());
            let headers = response["headers"].as_object();
            let words = response["description"].as_str().unwrap_or_default();
            json!({
                "status": status,
                "reason": reason.and_then(|code| code.canonical_reason()),
                "headers": headers.into_iter().flatten().map(|(name, _)| name).collect::<Vec<_>>(),
                "cases": cases(words, first),
            })
        });
        rows.collect()
    }

    fn curl(&self, method: &str, path: &str, operation: &'a Value) -> String {
        let mut line = match method {
            "GET" => "curl".to_owned(),
            _ => format!("curl -X {method}"),
        };
        line.push_str(&format!(" '{}{path}'", self.origin));
        let first = list(&operation["security"]).first();
        let first = first.and_then(Value::as_object).into_iter().flatten();
        for (name, _) in first {
            match name.as_str() {
                "tokenAuth" => line.push_str(" \\\n  -H \"Authorization: Token $key\""),
                "jwtAuth" => line.push_str(" \\\n  -H \"Authorization: Bearer $access\""),
                "cookieAuth" => line.push_str(" \\\n  -b cookies.txt"),
                "csrfHeader" => line.push_str(" \\\n  -H \"X-CSRFToken: $csrftoken\""),
                _ => {}
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        if body.as_object().is_some_and(|body| !body.is_empty()) {
            line.push_str(" \\\n  -H 'Content-Type: application/json'");
            line.push_str(&format!(
                " \\\n  -d '{}'",
                body.to_string().replace('\'', "'\\''")
            ));
        }
        line
    }
}

/// One way to say who asks, in words.
fn way(way: &Value) -> String {
    let parts: Vec<&str> = way
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    match parts.as_slice() {
        [] => "nothing".to_owned(),
        parts => parts.join(" with "),
    }
}

/// When an answer comes, and what it is then.
fn cases(words: &str, content: Option<&Value>) -> Vec<Value> {
    let none = Value::Null;
    let content = content.unwrap_or(&none);
    let lines = words.lines().map(|line| line.trim_start_matches("- "));
    let several = content["examples"].as_object();
    let told = |line: &str| {
        let mut several = several.into_iter().flatten();
        let own = several.find(|(_, example)| example["summary"] == line);
        let example = own.map(|(_, example)| &example["value"]);
        let example = example.or_else(|| content.get("example"));
        let text = example.map(|value| json_text(value, Some(2)));
        json!({ "when": line, "example": text })
    };
    lines.map(told).collect()
}

/// A row of a table: name, kind, limits.
fn field_told(name: &str, schema: &Value) -> Value {
    let format = schema["format"].as_str();
    let format = format.or_else(|| schema["anyOf"][0]["format"].as_str());
    let kind = match (schema["type"].as_str(), format) {
        (_, Some("int64")) => "integer",
        (_, Some(format)) => format,
        (Some(kind), None) => kind,
        _ => "string",
    };
    let mut limits = Vec::new();
    if let Some(least) = schema["minLength"].as_u64().filter(|least| *least > 1) {
        limits.push(format!("at least {least} characters"));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        limits.push(format!("at most {most} characters"));
    }
    let choices = list(&schema["enum"]).iter().filter_map(Value::as_str);
    let choices: Vec<&str> = choices.filter(|choice| !choice.is_empty()).collect();
    if !choices.is_empty() {
        limits.push(format!("one of {}", choices.join(", ")));
    }
    json!({ "name": name, "kind": kind, "limits": limits, "place": null })
}
