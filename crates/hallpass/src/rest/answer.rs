//! What an address answers, before it is written as JSON or as a page.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::fields::Errors;

/// An answer. It may hold a key or tokens, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// None: no content.
    pub(crate) body: Option<Value>,
    /// Seconds until it is worth trying again.
    pub(crate) retry_after: Option<u64>,
    /// Whether WWW-Authenticate says how to prove oneself. Without a way to say, a 401 becomes a 403.
    pub(crate) challenge: bool,
}

impl Reply {
    /// An answer with a body.
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Reply {
            status,
            body: Some(body),
            retry_after: None,
            challenge: false,
        }
    }

    /// 200.
    pub(crate) fn ok(body: Value) -> Self {
        Reply::new(StatusCode::OK, body)
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Reply {
            body: None,
            ..Reply::new(StatusCode::NO_CONTENT, Value::Null)
        }
    }

    /// `{"detail": …}`
    pub(crate) fn detail(status: StatusCode, words: impl Into<String>) -> Self {
        Reply::new(status, json!({ "detail": words.into() }))
    }

    /// 200 `{"detail": …}`
    pub(crate) fn said(words: &str) -> Self {
        Reply::detail(StatusCode::OK, words)
    }

    /// `{"detail": …, "code": …}`
    pub(crate) fn coded(status: StatusCode, words: impl Into<String>, code: &str) -> Self {
        Reply::new(status, json!({ "detail": words.into(), "code": code }))
    }

    /// 400 with errors by field.
    pub(crate) fn wrong(errors: Errors) -> Self {
        Reply::new(StatusCode::BAD_REQUEST, Value::Object(errors.0))
    }

    /// 400 with one error about the whole.
    pub(crate) fn refused(words: impl Into<String>) -> Self {
        Reply::wrong(Errors::of("non_field_errors", words))
    }

    /// 404.
    pub(crate) fn not_found() -> Self {
        Reply::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// 401 that says how to prove oneself.
    pub(crate) fn challenged(self) -> Self {
        Reply {
            challenge: true,
            ..self
        }
    }

    /// Adds to a body that is an object.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(Value::Object(body)) = &mut self.body {
            body.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl From<Map<String, Value>> for Reply {
    fn from(body: Map<String, Value>) -> Self {
        Reply::ok(Value::Object(body))
    }
}
