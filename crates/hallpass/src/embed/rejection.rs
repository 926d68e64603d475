//! Why a route of the app's was not entered, said so that the asker understands it.
//!
//! A browser that wants a page is led to where it can go on, or gets a page of ours; everybody else gets JSON with
//! `detail` and `code`, and 401 or 403.

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use hallpass_core::{Error, Failure, Refusal};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::arrival::Turned;
use crate::errors::{self, Page};
use crate::face::Face;
use crate::{ajax, safety};

/// An answer in place of a handler's. Extract `Result<CurrentUser, Rejection>` to give another.
pub struct Rejection(Box<Inner>);

struct Inner {
    code: &'static str,
    response: Response,
}

/// What stands in the way.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nobody is signed in.
    SignIn,
    /// Somebody is, and may not.
    Forbidden,
    /// The last proof is too old.
    Stale,
    /// No address is verified.
    Unverified,
    /// A key or a token that is worth nothing.
    Credentials,
    /// Another site's page sent it, or the form's token is wrong.
    Foreign,
    /// At the door: host or address.
    Turned(Turned),
    /// The request's body is too large, or cannot be read.
    Body(StatusCode),
    /// A refusal or a failure of a flow.
    Failed(Error),
}

/// What of a request decides how it is told.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    wants_page: bool,
    /// Whether the request can be made again by going back to it.
    is_safe: bool,
    /// Path and query.
    target: String,
    request_id: String,
}

impl Asker {
    pub(crate) fn of(parts: &Parts) -> Self {
        let uri = safety::whole_uri(parts);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Asker {
            wants_page: wants_page(parts),
            is_safe: parts.method.is_safe(),
            target: target.to_owned(),
            request_id: errors::request_id(&parts.extensions),
        }
    }
}

impl Rejection {
    /// The ecosystem's code: `login_required`, `permission_denied`, `reauthentication_required` …
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.response.status()
    }

    /// The layer is missing: the developer's mistake, and said so in the log.
    pub(crate) fn no_layer() -> Self {
        Rejection::misplaced(
            "a route asks who is signed in, but hallpass.layer() is not around it: add `.layer(hallpass.layer())` to \
             the app's router, after its routes",
        )
    }

    /// A layer is missing; `what` says which.
    pub(crate) fn misplaced(what: &'static str) -> Self {
        tracing::error!("{what}");
        Rejection(Box::new(Inner {
            code: "error",
            response: (
                StatusCode::INTERNAL_SERVER_ERROR,
                "A server error occurred.\n",
            )
                .into_response(),
        }))
    }

    pub(crate) fn new(face: &Face, parts: &Parts, kind: Kind) -> Self {
        Rejection::to(face, &Asker::of(parts), kind)
    }

    pub(crate) fn to(face: &Face, asker: &Asker, kind: Kind) -> Self {
        let code = code(&kind);
        let mut response = match (asker.wants_page, way(face, &kind)) {
            (true, Some(to)) => redirect(asker, &to),
            (true, None) => errors::respond(face, &page(&kind), &asker.request_id),
            (false, _) => said(face, asker, &kind, code),
        };
        safety::harden(face, response.headers_mut());
        Rejection(Box::new(Inner { code, response }))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.response
    }
}

/// What a flow that a handler called came to: JSON, since nothing is known of the asker here.
impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let page = errors::page_of(&error);
        let (code, detail) = match &error {
            Error::Refused(refusal) => (refusal.code(), crate::say::words(refusal)),
            Error::Failed(failure) => {
                tracing::error!(%failure, "a request failed");
                ("error", "A server error occurred.".to_owned())
            }
        };
        let body = Json(json!({ "detail": detail, "code": code }));
        let mut response = (page.status, body).into_response();
        if let Some(seconds) = page.retry_after() {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        Rejection(Box::new(Inner { code, response }))
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Rejection::from(Error::Failed(failure))
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Rejection::from(Error::Refused(refusal))
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection({} {})", self.status(), self.code())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Rejection {}

fn code(kind: &Kind) -> &'static str {
    match kind {
        Kind::SignIn => "login_required",
        Kind::Forbidden => "permission_denied",
        Kind::Stale => "reauthentication_required",
        Kind::Unverified => "email_not_verified",
        Kind::Credentials => "token_not_valid",
        Kind::Foreign => "csrf_failed",
        Kind::Turned(_) | Kind::Body(_) => "bad_request",
        Kind::Failed(Error::Refused(refusal)) => refusal.code(),
        Kind::Failed(Error::Failed(_)) => "error",
    }
}

/// Whether a person waits for a page, and not a program for data.
pub(crate) fn wants_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get_all(header::ACCEPT).iter();
    let mut accepts = accepts.filter_map(|value| value.to_str().ok());
    accepts.any(|value| value.contains("text/html")) && !ajax::is_asked_for(&parts.headers)
}

/// Where a person can do something about it.
fn way(face: &Face, kind: &Kind) -> Option<String> {
    match kind {
        Kind::SignIn | Kind::Credentials => Some(face.hallpass.settings().login_url()),
        Kind::Stale => Some(face.path("reauthenticate/")),
        Kind::Unverified => Some(face.path("email/")),
        Kind::Failed(Error::Refused(Refusal::LoginRequired)) => {
            Some(face.hallpass.settings().login_url())
        }
        _ => None,
    }
}

/// There, and afterwards back to where the request wanted to go, if that can be asked for again.
fn redirect(asker: &Asker, to: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", &asker.target)
        .finish();
    let joint = if to.contains('?') { '&' } else { '?' };
    let (status, location) = match asker.is_safe {
        true => (StatusCode::FOUND, format!("{to}{joint}{query}")),
        false => (StatusCode::SEE_OTHER, to.to_owned()),
    };
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/"));
    (status, [(header::LOCATION, location)]).into_response()
}

fn page(kind: &Kind) -> Page {
    match kind {
        Kind::Foreign => Page::csrf(),
        Kind::Failed(error) => errors::page_of(error),
        kind => Page::new(status(kind)),
    }
}

fn status(kind: &Kind) -> StatusCode {
    match kind {
        Kind::SignIn | Kind::Credentials | Kind::Stale => StatusCode::UNAUTHORIZED,
        Kind::Forbidden | Kind::Unverified | Kind::Foreign => StatusCode::FORBIDDEN,
        Kind::Turned(Turned::Host) => StatusCode::BAD_REQUEST,
        Kind::Turned(Turned::Address) => StatusCode::FORBIDDEN,
        Kind::Turned(Turned::NoPeer) => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Body(status) => *status,
        Kind::Failed(Error::Refused(Refusal::LoginRequired)) => StatusCode::UNAUTHORIZED,
        Kind::Failed(error) => errors::page_of(error).status,
    }
}

fn said(face: &Face, asker: &Asker, kind: &Kind, code: &str) -> Response {
    let status = status(kind);
    let detail = match kind {
        Kind::SignIn | Kind::Failed(Error::Refused(Refusal::LoginRequired)) => {
            "Authentication credentials were not provided."
        }
        Kind::Forbidden => "You do not have permission to perform this action.",
        Kind::Stale => "Reauthentication required.",
        Kind::Unverified => "E-mail is not verified.",
        Kind::Credentials => "Given token not valid for any token type",
        Kind::Foreign => "CSRF Failed: the request comes from another site.",
        Kind::Turned(Turned::Host) => "This host is not served here.",
        Kind::Turned(_) | Kind::Body(_) => "Malformed request.",
        Kind::Failed(Error::Refused(_)) => "Request was throttled.",
        Kind::Failed(Error::Failed(_)) => "A server error occurred.",
    };
    if let Kind::Failed(Error::Failed(failure)) = kind {
        let request_id = &asker.request_id;
        tracing::error!(request_id, %failure, "a request failed");
    }
    if matches!(kind, Kind::Turned(Turned::NoPeer)) {
        tracing::error!(
            "the peer's address is unknown: serve the app with hallpass.serve(app), or with \
             into_make_service_with_connect_info::<SocketAddr>()"
        );
    }
    let mut response = (status, Json(json!({ "detail": detail, "code": code }))).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED
        && let Some(challenge) = crate::rest::challenge(face)
    {
        let challenge = HeaderValue::from_static(challenge);
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Kind::Failed(error) = kind
        && let Some(seconds) = errors::page_of(error).retry_after()
    {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
