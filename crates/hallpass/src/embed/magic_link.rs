//! Routes that a magic link opens: for this one request, without a session and without a cookie.
//!
//! ```no_run
//! # fn app(hallpass: hallpass::Hallpass) -> axum::Router {
//! # use axum::{Router, routing::get};
//! # use hallpass::MagicLink;
//! async fn report(link: MagicLink) -> String {
//!     format!("For {}", link.display().unwrap_or_default())
//! }
//! let reports = Router::new()
//!     .route("/reports/{id}/", get(report))
//!     .layer(hallpass::magic_link().scope("report:{id}"));
//! Router::new().merge(reports).merge(hallpass.router()).layer(hallpass.layer())
//! # }
//! ```
//!
//! 1. The token is the URL's, whatever the method; of several, the last.
//! 2. GET and HEAD of a link with a button show the page with the button, and spend nothing ([`confirm`]); pressed, it
//!    sends a POST, which goes on to the handler as the GET that it stands for.
//! 3. The link is redeemed, and the handler finds its user as [`MagicLink`]. HEAD never spends a link.

mod anywhere;
mod confirm;
mod scope;
mod url;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use hallpass_core::domain::{Session, User};
use hallpass_core::flows::login::{self, Progress};
use hallpass_core::flows::magic_link::{self, Redeemed, Terms};
use hallpass_core::{Error, Failure, Refusal};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use tower::{Layer, Service};

use super::here::Here;
use super::rejection::{Kind, Rejection};
use crate::face::Face;
use crate::visit::QUIET;

pub use anywhere::{MagicLinkAnywhere, MagicLinkEverywhere};

/// A layer whose routes a magic link opens. Without more said, it takes links without a scope, and nobody gets in without
/// one.
pub fn magic_link() -> MagicLinkLayer {
    MagicLinkLayer {
        scope: String::new(),
        terms: Terms::default(),
        required: true,
        permanent: false,
        overrides: true,
        confirm: None,
    }
}

/// Made by [`magic_link()`].
#[derive(Debug, Clone)]
pub struct MagicLinkLayer {
    scope: String,
    terms: Terms,
    required: bool,
    permanent: bool,
    overrides: bool,
    confirm: Option<bool>,
}

impl MagicLinkLayer {
    /// The scope that links must have been made with. `{name}` stands for the route's parameter of that name:
    /// `"report:{id}"`. Braces of one's own are doubled. A route without such a parameter answers 500, and says so in the
    /// log.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// How old links may be, in place of SESAME_MAX_AGE: shorter or longer, in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.terms.max_age = Some(max_age.as_secs());
        self
    }

    /// Whether a good link is needed: then, without one, 403. Else the handler gets a [`MagicLink`] of nobody.
    #[must_use]
    pub fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// Whether the link signs in for good, with a session, through all stages of a sign-in.
    #[must_use]
    pub fn permanent(mut self, permanent: bool) -> Self {
        self.permanent = permanent;
        self
    }

    /// Whether the link counts even if somebody is signed in here; else whoever is signed in is taken, and the link is not
    /// looked at. On by default.
    #[must_use]
    pub fn override_session(mut self, overrides: bool) -> Self {
        self.overrides = overrides;
        self
    }

    /// Each link opens these routes once, whatever SESAME_ONE_TIME says. Needs SESAME_MAX_AGE, or all is 500.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.terms.once = true;
        self
    }

    /// Whether opening a link counts as a sign-in and sets `last_login`; unless it is said, as SESAME_ONE_TIME has it.
    #[must_use]
    pub fn update_last_login(mut self, update: bool) -> Self {
        self.terms.update_last_login = Some(update);
        self
    }

    /// Whether a page with a button comes first. Unless it is said, as HALLPASS_MAGIC_LINK_CONFIRM has it.
    #[must_use]
    pub fn confirm(mut self, confirm: bool) -> Self {
        self.confirm = Some(confirm);
        self
    }
}

impl<S> Layer<S> for MagicLinkLayer {
    type Service = MagicLinked<S>;
    fn layer(&self, inner: S) -> MagicLinked<S> {
        MagicLinked {
            layer: self.clone(),
            inner,
        }
    }
}

/// What is behind [`magic_link()`].
#[derive(Debug, Clone)]
pub struct MagicLinked<S> {
    layer: MagicLinkLayer,
    inner: S,
}

impl<S> Service<Request> for MagicLinked<S>
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
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.admit(request).await {
                Ok(request) => {
                    let answered = inner.call(request).await;
                    Ok(hushed(answered?.into_response()))
                }
                Err(answer) => Ok(answer),
            }
        })
    }
}

/// An answer to a URL with a secret in it: no cache keeps it, and no other site is told where the visitor was. What a
/// handler set itself stays.
fn hushed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in QUIET {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The same for an answer of ours in place of the handler's.
fn quiet(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    for (name, value) in QUIET {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    hushed(response)
}

impl MagicLinkLayer {
    /// The request as its handler gets it, or the answer in place of the handler's.
    async fn admit(&self, request: Request) -> Result<Request, Response> {
        let (mut parts, body) = request.into_parts();
        let here = Here::of(&parts).map_err(IntoResponse::into_response)?;
        let terms = self.terms_of(&here, &mut parts).await?;
        if !self.overrides {
            let person = here.visitor(&parts).await;
            let person = person.map_err(IntoResponse::into_response)?.person();
            if let Some((user, _)) = person {
                parts
                    .extensions
                    .insert(MagicLink::new(&here, Some(user), false));
                return Ok(Request::from_parts(parts, body));
            }
        }
        let name = &here.face().hallpass.settings().sesame.token_name;
        let token = url::parameter(parts.uri.query().unwrap_or_default(), name);
        let mut request = Request::from_parts(parts, body);
        if let Some(token) = &token
            && self.confirm.unwrap_or(confirm::is_wanted(&here))
        {
            request = confirm::stand_before(&here, request, token, &terms).await?;
        }
        let (mut parts, body) = request.into_parts();
        let user = match &token {
            Some(token) => self.open(&here, &parts, token, &terms).await?,
            None => None,
        };
        if user.is_none() && self.required {
            let rejection = Rejection::new(here.face(), &parts, Kind::Forbidden);
            return Err(quiet(rejection));
        }
        let by_link = user.is_some();
        let link = MagicLink::new(&here, user, by_link);
        parts.extensions.insert(link);
        Ok(Request::from_parts(parts, body))
    }

    async fn terms_of(&self, here: &Here, parts: &mut Parts) -> Result<Terms, Response> {
        let filled = match self.scope.contains(['{', '}']) {
            false => Ok(self.scope.clone()),
            true => {
                let params = RawPathParams::from_request_parts(parts, &()).await;
                let params = params.map_err(IntoResponse::into_response)?;
                scope::fill(&self.scope, |name| {
                    let mut all = params.iter();
                    all.find(|(known, _)| *known == name)
                        .map(|(_, value)| value.to_owned())
                })
            }
        };
        let scope = filled.map_err(|what| {
            let failure = Failure::new(what);
            Rejection::new(here.face(), parts, Kind::Failed(failure.into())).into_response()
        })?;
        Ok(Terms {
            scope,
            ..self.terms.clone()
        })
    }

    /// Whose link it is, if it is good.
    async fn open(
        &self,
        here: &Here,
        parts: &Parts,
        token: &str,
        terms: &Terms,
    ) -> Result<Option<User>, Response> {
        let opened = match self.permanent && parts.method != Method::HEAD {
            true => sign_in(here, parts, token, terms).await,
            false => redeem(here, parts, token, terms).await.map(Ok),
        };
        match opened {
            Ok(Ok(user)) => Ok(user),
            Ok(Err(to)) => Err(redirect(&to)),
            Err(rejection) => Err(quiet(rejection)),
        }
    }
}

/// For this request alone. HEAD looks: programs that check links send it.
async fn redeem(
    here: &Here,
    parts: &Parts,
    token: &str,
    terms: &Terms,
) -> Result<Option<User>, Rejection> {
    let face = here.face();
    let arrival = here.arrival(parts)?;
    let spends = parts.method != Method::HEAD;
    // Not the visitor's session: it has no part in this, and is not even read.
    let mut nobody = Session::fresh(false);
    let redeemed = face
        .hallpass
        .run(&arrival.client, &mut nobody, async |cx| match spends {
            true => magic_link::redeem(cx, token, terms).await,
            false => magic_link::look(cx, token, terms).await,
        });
    match redeemed.await {
        Ok(Redeemed::Opened(user)) => Ok(Some(user)),
        Ok(Redeemed::Shut) => Ok(None),
        Err(error) => Err(Rejection::new(face, parts, Kind::Failed(error))),
    }
}

/// With a session: the user; nobody, if the link is not good or they may not come in; or where the sign-in goes on.
async fn sign_in(
    here: &Here,
    parts: &Parts,
    token: &str,
    terms: &Terms,
) -> Result<Result<Option<User>, String>, Rejection> {
    let face = here.face();
    let visitor = here.visitor(parts).await?;
    let next = url::bare(parts, face);
    let done = visitor.run(face, async |cx| {
        magic_link::sign_in(cx, token, terms, Some(next)).await
    });
    let reject = |error| Rejection::new(face, parts, Kind::Failed(error));
    match done.await {
        Ok(Progress::SignedIn(done)) => Ok(Ok(Some(done.user))),
        Ok(Progress::Pending(stage)) => {
            let page = visitor.run(face, async |cx| Ok(login::page_of(cx, &stage)));
            page.await.map(Err).map_err(reject)
        }
        Err(Error::Refused(refusal @ (Refusal::RateLimited { .. } | Refusal::Busy { .. }))) => {
            Err(reject(refusal.into()))
        }
        Err(Error::Refused(_)) => Ok(Ok(None)),
        Err(error) => Err(reject(error)),
    }
}

fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    quiet((StatusCode::FOUND, [(header::LOCATION, to)]))
}

/// Whom a magic link let in, on a route behind [`magic_link()`]. It opens no [`super::CurrentUser`]: that is a sign-in.
#[derive(Clone)]
pub struct MagicLink {
    face: Face,
    user: Option<User>,
    by_link: bool,
}

impl MagicLink {
    fn new(here: &Here, user: Option<User>, by_link: bool) -> Self {
        MagicLink {
            face: here.face().clone(),
            user,
            by_link,
        }
    }

    /// Who it is; nobody only where the layer requires nobody.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The same, for keeps.
    pub fn into_user(self) -> Option<User> {
        self.user
    }

    /// Whether a link says so; else it is whoever is signed in here, which counts with
    /// [`override_session(false)`](MagicLinkLayer::override_session).
    pub fn is_by_link(&self) -> bool {
        self.by_link
    }

    /// What to call them on a page, as [`super::CurrentUser::display`].
    pub fn display(&self) -> Option<String> {
        let user = self.user.as_ref();
        user.map(|user| self.face.hallpass.display(user))
    }
}

/// As a [`User`]: nothing secret.
impl std::fmt::Debug for MagicLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MagicLink")
            .field("user", &self.user)
            .field("by_link", &self.by_link)
            .finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for MagicLink {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let link = parts.extensions.get::<MagicLink>().cloned();
        link.ok_or_else(|| Rejection::misplaced("a route asks for a magic link, but hallpass::magic_link() is not around it: add `.layer(hallpass::magic_link())` to those routes"))
    }
}
