//! dj-rest-auth's interface: JSON for programs, and a page for people who look at it in a browser.
//!
//! What an address takes and answers is data ([`views`]): from it come the check of what was sent, the answer to OPTIONS,
//! the page's form and the OpenAPI document.

mod answer;
mod auth;
mod call;
mod data;
mod fields;
mod json_error;
mod login;
mod logout;
mod negotiate;
mod password;
mod registration;
mod say;
mod tokens;
mod user;
mod views;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;

use crate::face::Face;

/// The routes below HALLPASS_REST_MOUNT; none if that is empty.
pub(crate) fn routes(face: &Face) -> Router<Face> {
    let mut router = Router::new();
    let Some(mount) = face.hallpass.settings().hallpass.rest_mount.clone() else {
        return router;
    };
    for view in views::of(face) {
        let with_slash = format!("{mount}{}", view.path);
        let handler = move |State(face): State<Face>, request: Request| -> std::pin::Pin<
            Box<dyn Future<Output = Response> + Send>,
        > { Box::pin(call::answer(face, view, request)) };
        router = router.route(&with_slash, any(handler));
        if view.slash_optional {
            router = router.route(with_slash.trim_end_matches('/'), any(handler));
        }
    }
    router
}
