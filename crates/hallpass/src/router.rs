//! All routes, readable in one place.

use std::any::Any;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use hallpass_core::{Failure, Hallpass};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::errors::{self, Page};
use crate::face::Face;
use crate::pages::{index, login, login_by_link, logout, profile};
use crate::{safety, visit};

/// The pages below HALLPASS_MOUNT, to be merged into an app's router. Serve with
/// `into_make_service_with_connect_info::<SocketAddr>()`: rate limits need the peer's address.
///
/// # Errors
/// A template in HALLPASS_TEMPLATES that does not compile.
pub fn router(hallpass: &Hallpass) -> Result<Router, Failure> {
    let face = Face::new(hallpass)?;
    Ok(wrap(&face, mounted(&face)))
}

/// [`router`] with a page at `/` and pages for what is not there: everything that `hallpass serve` serves to people.
///
/// # Errors
/// As [`router`].
pub fn with_front_door(hallpass: &Hallpass) -> Result<Router, Failure> {
    let face = Face::new(hallpass)?;
    let door = entered(&face, Router::new().route("/", get(index::show)));
    Ok(wrap(
        &face,
        mounted(&face).merge(door).fallback(index::missing),
    ))
}

fn mounted(face: &Face) -> Router<Face> {
    let routes = [
        ("login/", get(login::show).post(login::submit)),
        (
            "login/link/",
            get(login_by_link::show).post(login_by_link::submit),
        ),
        ("login/link/sent/", get(login_by_link::sent)),
        (
            "login/link/{uid}/{token}/",
            get(login_by_link::look).post(login_by_link::finish),
        ),
        ("logout/", get(logout::show).post(logout::submit)),
        ("profile/", get(profile::show)),
    ];
    let mut pages = Router::new();
    let mut bare = Router::new();
    for (path, handlers) in routes {
        let path = face.path(path);
        bare = bare.route(path.trim_end_matches('/'), any(index::add_slash));
        pages = pages.route(&path, handlers as MethodRouter<Face>);
    }
    entered(face, pages)
        .merge(bare)
        .route(&face.path("static/{file}"), get(file))
}

/// Pages behind the session and the CSRF check.
fn entered(face: &Face, pages: Router<Face>) -> Router<Face> {
    pages.layer(from_fn_with_state(face.clone(), visit::enter))
}

fn wrap(face: &Face, routes: Router<Face>) -> Router {
    routes
        .layer(calm(face))
        .layer(from_fn_with_state(face.clone(), safety::guard))
        .with_state(face.clone())
}

/// A handler that panics is a 500 like any other, and the connection lives on.
fn calm(face: &Face) -> CatchPanicLayer<impl Fn(Box<dyn Any + Send>) -> Response + Clone + use<>> {
    let face = face.clone();
    CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| {
        tracing::error!("a handler panicked");
        errors::respond(&face, &Page::new(StatusCode::INTERNAL_SERVER_ERROR), "")
    })
}

async fn file(State(face): State<Face>, Path(file): Path<String>, request: Request) -> Response {
    face.templates.assets.serve(&file).unwrap_or_else(|| {
        errors::respond(
            &face,
            &Page::new(StatusCode::NOT_FOUND),
            &errors::request_id(request.extensions()),
        )
    })
}
