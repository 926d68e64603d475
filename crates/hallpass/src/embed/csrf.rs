//! Django's CSRF token for an app's own forms.
//!
//! Routes that look at the session refuse what another site's page sends anyway ([`super::origin`]). The token is for
//! those who want Django's check as well, or have its front ends.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use hallpass_django::csrf;
use http::request::Parts;
use tower::{Layer, Service};

use super::Proof;
use super::here::Here;
use super::rejection::{Kind, Rejection};
use crate::posted;

/// The masked token for a form: `<input type="hidden" name="csrfmiddlewaretoken" value="…">`, or the header that
/// CSRF_HEADER_NAME names. Asking for it sets the cookie that it is checked against.
#[derive(Clone)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// The hidden field, as HTML.
    pub fn field(&self) -> String {
        // Letters and digits: nothing to escape.
        format!(
            "<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{}\">",
            self.0
        )
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

impl<S: Sync> FromRequestParts<S> for CsrfToken {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let here = Here::of(parts)?;
        let visitor = here.visitor(parts).await?;
        let token = visitor.csrf().token();
        Ok(CsrfToken(token))
    }
}

/// A layer that checks Django's token in every unsafe request to the routes within; whoever comes by a key or a token in
/// a header needs none. Wrong or missing: 403.
pub fn csrf_protected() -> CsrfProtected {
    CsrfProtected(())
}

/// Made by [`csrf_protected`].
#[derive(Debug, Clone)]
pub struct CsrfProtected(());

impl<S> Layer<S> for CsrfProtected {
    type Service = CsrfChecked<S>;
    fn layer(&self, inner: S) -> CsrfChecked<S> {
        CsrfChecked { inner }
    }
}

/// What is behind [`csrf_protected`].
#[derive(Debug, Clone)]
pub struct CsrfChecked<S> {
    inner: S,
}

impl<S> Service<Request> for CsrfChecked<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            match check(request).await {
                Ok(request) => {
                    let answered = inner.call(request).await;
                    answered.map(IntoResponse::into_response)
                }
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}

/// The request again, if its token is right or it needs none.
pub(super) async fn check(request: Request) -> Result<Request, Rejection> {
    if request.method().is_safe() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let here = Here::of(&parts)?;
    let face = here.face();
    let visitor = here.visitor(&parts).await?;
    let by_header = visitor
        .person()
        .is_some_and(|(_, proof)| proof != Proof::Session);
    if by_header && !sends_jwt_cookie(&here, &parts) {
        return Ok(Request::from_parts(parts, body));
    }
    let read = posted::read_form(&parts, body, face.hallpass.settings()).await;
    let reject = |kind| Rejection::new(face, &parts, kind);
    let (fields, bytes) = read.map_err(|page| reject(Kind::Body(page.status)))?;
    let secret = visitor.csrf().secret.clone();
    let text = |name: &str| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap_or("\u{fffd}"))
    };
    let posted = fields
        .iter()
        .rev()
        .find(|(name, _)| name == "csrfmiddlewaretoken");
    let arrival = &visitor.arrival;
    let checked = csrf::check(
        &csrf::Request {
            method: parts.method.as_str(),
            is_secure: arrival.is_secure,
            host: &arrival.host,
            port: arrival.port,
            origin: text("origin"),
            referer: text("referer"),
            cookie: secret.as_deref(),
            body_token: posted.map(|(_, token)| token.as_str()),
            header_token: text(&face.csrf_header),
        },
        &face.csrf,
    );
    match checked {
        Ok(()) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Err(_) => Err(reject(Kind::Foreign)),
    }
}

/// A cookie is sent along by itself, whoever made the browser send the request.
fn sends_jwt_cookie(here: &Here, parts: &Parts) -> bool {
    let settings = here.face().hallpass.settings();
    let name = settings.rest_auth.jwt_auth_cookie.as_ref();
    name.is_some_and(|name| crate::cookies::find(&parts.headers, name).is_some())
        && !parts.headers.contains_key(crate::face::http_name(
            &settings.simple_jwt.auth_header_name,
        ))
}
