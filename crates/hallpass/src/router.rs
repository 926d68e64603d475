//! All routes, readable in one place.

use std::any::Any;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use hallpass_core::settings::SignupField;
use hallpass_core::{Failure, Hallpass};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::errors::{self, Page};
use crate::face::Face;
use crate::pages::{
    email_verification, index, login, login_by_code, login_by_link, logout, manage_email,
    password_change, password_reset, phone, profile, reauthentication, signup,
};
use crate::{rest, safety, visit};

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

/// The OpenAPI document of the REST interface, as the settings make it; None where HALLPASS_REST_MOUNT is empty.
///
/// # Errors
/// As [`router`].
pub fn openapi(hallpass: &Hallpass) -> Result<Option<serde_json::Value>, Failure> {
    Ok(rest::document(&Face::new(hallpass)?))
}

fn mounted(face: &Face) -> Router<Face> {
    let routes = pages(face);
    let mut pages = Router::new();
    let mut bare = Router::new();
    let mut taken = Vec::new();
    for (path, handlers) in routes {
        let path = face.path(path);
        taken.push(path.clone());
        let cut = path.trim_end_matches('/');
        if !cut.is_empty() {
            bare = bare.route(cut, any(index::add_slash));
        }
        pages = pages.route(&path, handlers);
    }
    entered(face, pages)
        .merge(bare)
        .merge(rest::routes(face, &taken))
        .route(&face.path("static/{file}"), get(file))
}

/// The pages, as far as the settings have them: path below the mount, and what answers there.
fn pages(face: &Face) -> Vec<(&'static str, MethodRouter<Face>)> {
    let settings = face.hallpass.settings();
    let account = &settings.account;
    let mut routes = vec![
        ("", get(index::entrance)),
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
        (
            "login/code/confirm/",
            get(login_by_code::confirm).post(login_by_code::finish),
        ),
        (
            "login/code/link/{token}/",
            get(login_by_code::look).post(login_by_code::finish_link),
        ),
        ("logout/", get(logout::show).post(logout::submit)),
        ("inactive/", get(login::inactive)),
        ("signup/", get(signup::show).post(signup::submit)),
        (
            "reauthenticate/",
            get(reauthentication::show).post(reauthentication::submit),
        ),
        ("email/", get(manage_email::show).post(manage_email::submit)),
        (
            "confirm-email/",
            get(email_verification::show).post(email_verification::submit),
        ),
        ("profile/", get(profile::show)),
    ];
    if !account.email_verification_by_code_enabled {
        routes.push((
            "confirm-email/{key}/",
            get(email_verification::look).post(email_verification::finish),
        ));
    }
    if account.login_by_code_enabled {
        routes.push((
            "login/code/",
            get(login_by_code::show).post(login_by_code::submit),
        ));
    }
    if account.asks(SignupField::Phone).is_some() {
        routes.push(("phone/verify/", get(phone::show).post(phone::submit)));
        routes.push((
            "phone/change/",
            get(phone::show_change).post(phone::submit_change),
        ));
    }
    if !settings.hallpass.passwordless {
        routes.extend(passwords(account.password_reset_by_code_enabled));
    }
    routes
}

/// Pages about passwords, on sites that have them.
fn passwords(reset_by_code: bool) -> Vec<(&'static str, MethodRouter<Face>)> {
    let mut routes = vec![
        (
            "password/change/",
            get(password_change::show).post(password_change::submit),
        ),
        (
            "password/set/",
            get(password_change::show_set).post(password_change::submit_set),
        ),
        (
            "password/reset/",
            get(password_reset::show).post(password_reset::submit),
        ),
        ("password/reset/done/", get(password_reset::sent)),
    ];
    if reset_by_code {
        routes.push((
            "password/reset/confirm/",
            get(password_reset::confirm).post(password_reset::finish_code),
        ));
        routes.push((
            "password/reset/complete/",
            get(password_reset::complete).post(password_reset::finish),
        ));
    } else {
        routes.push(("password/reset/key/done/", get(password_reset::done)));
        routes.push((
            "password/reset/key/{key}/",
            get(password_reset::open).post(password_reset::finish_key),
        ));
    }
    routes
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
