//! An answer as a page, for people who look at an address in a browser.

use axum::response::{IntoResponse as _, Response};
use http::header;
use serde_json::json;

use super::answer::Reply;
use super::call::{Call, json_text};
use crate::errors;

/// The page of an answer.
pub(crate) fn page(call: &Call, reply: &Reply) -> Response {
    let body = reply.body.as_ref();
    let context = json!({
        "name": call.view.name,
        "description": call.view.description,
        "method": call.method.as_str(),
        "path": call.path,
        "status": reply.status.as_u16(),
        "reason": reply.status.canonical_reason().unwrap_or_default(),
        "allow": call.view.allow,
        "body": body.map(|body| json_text(body, Some(4))).unwrap_or_default(),
        "request_id": call.request_id,
    });
    match call.face.templates.render("rest/browsable.html", context) {
        Ok(html) => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (reply.status, kind, html).into_response()
        }
        Err(failure) => errors::respond(&call.face, &errors::broken(&failure), &call.request_id),
    }
}
