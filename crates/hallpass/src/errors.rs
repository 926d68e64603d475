//! Error pages: of the same design, with what to do next and the request's id. They need no database and no session.

use axum::response::{IntoResponse as _, Response};
use hallpass_core::{Error, Failure, Refusal};
use http::{Extensions, StatusCode, header};
use serde_json::json;

use crate::face::Face;
use crate::say;

/// The id that a request has in logs and on error pages.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) fn request_id(extensions: &Extensions) -> String {
    extensions
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default()
}

/// An error page to be.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    reason: Option<&'static str>,
    retry_after: Option<u64>,
    failure: Option<String>,
    back: Option<String>,
}

impl Page {
    pub(crate) fn new(status: StatusCode) -> Self {
        Page {
            status,
            reason: None,
            retry_after: None,
            failure: None,
            back: None,
        }
    }

    /// With a way back to this path of ours, where trying again may help.
    pub(crate) fn back_to(self, path: &str) -> Self {
        let helps = self.reason == Some("csrf")
            || matches!(
                self.status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
        Page {
            back: helps.then(|| path.to_owned()),
            ..self
        }
    }

    /// The 403 of the CSRF check.
    pub(crate) fn csrf() -> Self {
        Page {
            reason: Some("csrf"),
            ..Page::new(StatusCode::FORBIDDEN)
        }
    }

    /// Seconds until it is worth trying again, if that is known.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Seconds until it is worth trying again.
    pub(crate) fn retry(status: StatusCode, seconds: u64) -> Self {
        Page {
            retry_after: Some(seconds),
            ..Page::new(status)
        }
    }
}

/// A failure's page; what is in it is logged when the page is made, with the id that the page shows.
pub(crate) fn broken(failure: &Failure) -> Page {
    let page = match failure.is_unavailable() {
        true => Page::retry(StatusCode::SERVICE_UNAVAILABLE, 5),
        false => Page::new(StatusCode::INTERNAL_SERVER_ERROR),
    };
    Page {
        failure: Some(failure.to_string()),
        ..page
    }
}

/// The page of an error that no form can show.
pub(crate) fn page_of(error: &Error) -> Page {
    match error {
        Error::Failed(failure) => broken(failure),
        Error::Refused(Refusal::RateLimited { retry_after }) => {
            Page::retry(StatusCode::TOO_MANY_REQUESTS, *retry_after)
        }
        Error::Refused(Refusal::Busy { retry_after }) => {
            Page::retry(StatusCode::SERVICE_UNAVAILABLE, *retry_after)
        }
        Error::Refused(_) => Page::new(StatusCode::BAD_REQUEST),
    }
}

/// Renders it.
pub(crate) fn respond(face: &Face, page: &Page, request_id: &str) -> Response {
    if let Some(failure) = &page.failure {
        tracing::error!(request_id, failure, "a request failed");
    }
    let context = json!({
        "status": page.status.as_u16(),
        "reason": page.reason,
        "retry_after": page.retry_after.map(say::wait),
        "action": page.back.as_ref().map(|url| {
            let label = match page.reason {
                Some("csrf") => "Open the page again",
                _ => "Back to the page",
            };
            json!({ "label": label, "url": url })
        }),
        "request_id": request_id,
    });
    let mut response = match face.templates.render("errors/error.html", context) {
        Ok(html) => (
            page.status,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            html,
        )
            .into_response(),
        Err(failure) => {
            tracing::error!(request_id, %failure, "the error page cannot be written");
            (
                page.status,
                format!("Something went wrong. Request: {request_id}\n"),
            )
                .into_response()
        }
    };
    if let Some(seconds) = page.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
