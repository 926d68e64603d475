//! The front door of the binary, and what is not there.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::errors::{self, Page};
use crate::face::Face;
use crate::visit::Visit;

/// `GET /`
pub(crate) async fn show(visit: Visit) -> Response {
    if visit.session.user().is_some() {
        let to = visit.face.path("profile/");
        return visit.redirect(&to).await;
    }
    visit.page(StatusCode::OK, "index.html", json!({})).await
}

/// The bare mount: to one's account, or to the door.
pub(crate) async fn entrance(visit: Visit) -> Response {
    let to = match visit.session.user() {
        Some(_) => visit.face.path("email/"),
        None => visit.face.hallpass.settings().login_url(),
    };
    visit.redirect(&to).await
}

/// Everything that is no route.
pub(crate) async fn missing(State(face): State<Face>, request: Request) -> Response {
    errors::respond(
        &face,
        &Page::new(StatusCode::NOT_FOUND),
        &errors::request_id(request.extensions()),
    )
}

/// A path of ours without its last slash, as mail programs sometimes cut it: on to the one with it.
pub(crate) async fn add_slash(State(face): State<Face>, request: Request) -> Response {
    let uri = request.uri();
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let to = HeaderValue::from_str(&format!("{}/{query}", uri.path()));
    match to {
        Ok(to) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            let policy = (
                header::REFERRER_POLICY,
                HeaderValue::from_static("strict-origin"),
            );
            (
                StatusCode::MOVED_PERMANENTLY,
                [(header::LOCATION, to), policy],
            )
                .into_response()
        }
        _ => missing(State(face), request).await,
    }
}
