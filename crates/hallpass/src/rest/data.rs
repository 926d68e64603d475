//! What was sent, by content type: JSON, a form, a form in parts.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Request};
use http::header;
use serde_json::{Map, Value};

use super::answer::Reply;
use super::json_error;

/// Stands before the four digits of a surrogate that has no other half, which no text can hold: a noncharacter, which
/// nobody types.
pub(crate) const SURROGATE: char = '\u{ffff}';

/// What was sent, passwords included: it has no `Debug`.
#[derive(Clone)]
pub(crate) enum Data {
    /// Names and values.
    Fields(Map<String, Value>),
    /// JSON of another kind, by Python's name for it.
    Other(&'static str),
}

/// Reads a body.
pub(crate) async fn read(kind: Option<&str>, body: &Bytes) -> Result<Data, Reply> {
    if body.is_empty() {
        return Ok(Data::Fields(Map::new()));
    }
    let kind = kind.unwrap_or_default();
    let bare = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match bare.as_str() {
        "application/json" => json(body),
        "application/x-www-form-urlencoded" => {
            let pairs = form_urlencoded::parse(body).take(1000);
            Ok(Data::Fields(
                pairs
                    .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                    .collect(),
            ))
        }
        "multipart/form-data" => parts(kind, body.clone()).await,
        _ => Err(Reply::detail(
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Unsupported media type \"{kind}\" in request."),
        )),
    }
}

fn json(body: &[u8]) -> Result<Data, Reply> {
    let wrong = |what: String| {
        Reply::detail(
            http::StatusCode::BAD_REQUEST,
            format!("JSON parse error - {what}"),
        )
    };
    let text = std::str::from_utf8(body).map_err(|error| {
        let byte = body.get(error.valid_up_to()).copied().unwrap_or(0);
        wrong(format!(
            "'utf-8' codec can't decode byte 0x{byte:02x} in position {}: invalid start byte",
            error.valid_up_to()
        ))
    })?;
    let whole = json_error::join_surrogates(text);
    match serde_json::from_str(&whole) {
        Ok(Value::Object(fields)) => Ok(Data::Fields(fields)),
        Ok(Value::Array(_)) => Ok(Data::Other("list")),
        Ok(Value::String(_)) => Ok(Data::Other("str")),
        Ok(Value::Bool(_)) => Ok(Data::Other("bool")),
        Ok(Value::Null) => Ok(Data::Fields(Map::new())),
        Ok(Value::Number(number)) if number.is_f64() => Ok(Data::Other("float")),
        Ok(Value::Number(_)) => Ok(Data::Other("int")),
        Err(error) => Err(wrong(json_error::words(text, &error))),
    }
}

async fn parts(kind: &str, body: Bytes) -> Result<Data, Reply> {
    let wrong = || {
        Reply::detail(
            http::StatusCode::BAD_REQUEST,
            "Multipart form parse error - Invalid boundary in multipart: None",
        )
    };
    let request = Request::builder()
        .header(header::CONTENT_TYPE, kind)
        .body(axum::body::Body::from(body))
        .map_err(|_| wrong())?;
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| wrong())?;
    let mut fields = Map::new();
    while let Some(part) = parts.next_field().await.map_err(|_| wrong())? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(|_| wrong())?;
        if !is_file && fields.len() < 1000 {
            fields.insert(name, String::from_utf8_lossy(&bytes).into_owned().into());
        }
    }
    Ok(Data::Fields(fields))
}
