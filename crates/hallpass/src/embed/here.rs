//! One request to a route of the app's: who asks, read once and only if somebody wants to know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use hallpass_core::domain::session::keys;
use hallpass_core::domain::{Session, User};
use hallpass_core::flows::permissions::Permissions;
use hallpass_core::{Cx, Error};
use hallpass_django::csrf;
use http::request::Parts;
use http::{HeaderValue, header};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::origin::is_foreign;
use super::rejection::{Kind, Rejection};
use super::{CurrentUser, header as by_header};
use crate::arrival::Arrival;
use crate::closing::{Csrf, close};
use crate::cookies;
use crate::errors;
use crate::face::Face;

/// What proved who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// A session of this browser.
    Session,
    /// Django REST framework's key, in a header.
    Key,
    /// An access token (JWT), in a header or a cookie.
    Token,
}

/// In the extensions of every request that passed the layer.
#[derive(Clone)]
pub(crate) struct Here(Arc<Inner>);

struct Inner {
    face: Face,
    visitor: OnceCell<Visitor>,
    permissions: OnceCell<Permissions>,
}

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Here")
    }
}

/// Who asks.
pub(crate) struct Visitor {
    pub(crate) arrival: Arrival,
    /// Whom a key or a token names; else the session tells.
    by_header: Option<(User, Proof)>,
    session: Mutex<Session>,
    csrf: Mutex<Csrf>,
    /// A flow went over the session: there may be a cookie to set.
    run: AtomicBool,
}

impl Here {
    pub(crate) fn new(face: Face) -> Self {
        Here(Arc::new(Inner {
            face,
            visitor: OnceCell::new(),
            permissions: OnceCell::new(),
        }))
    }

    /// The one that the layer put there.
    pub(crate) fn of(parts: &Parts) -> Result<Self, Rejection> {
        let here = parts.extensions.get::<Here>().cloned();
        here.ok_or_else(Rejection::no_layer)
    }

    pub(crate) fn face(&self) -> &Face {
        &self.0.face
    }

    /// Who asks; read with the first call.
    pub(crate) async fn visitor(&self, parts: &Parts) -> Result<&Visitor, Rejection> {
        self.0.visitor.get_or_try_init(|| self.read(parts)).await
    }

    /// How the request came.
    pub(crate) fn arrival(&self, parts: &Parts) -> Result<Arrival, Rejection> {
        if let Some(arrival) = parts.extensions.get::<Arrival>() {
            return Ok(arrival.clone());
        }
        let face = &self.0.face;
        let arrival = Arrival::of(parts, face.hallpass.settings());
        arrival.map_err(|turned| Rejection::new(face, parts, Kind::Turned(turned)))
    }

    /// Who asks, if anybody wanted to know before.
    pub(crate) fn known(&self) -> Option<&Visitor> {
        self.0.visitor.get()
    }

    async fn read(&self, parts: &Parts) -> Result<Visitor, Rejection> {
        let face = &self.0.face;
        let settings = face.hallpass.settings();
        let reject = |kind| Rejection::new(face, parts, kind);
        let arrival = self.arrival(parts)?;
        let by_header = by_header::prove(face, &arrival, parts).await?;
        let cookie = cookies::find(&parts.headers, &settings.session.cookie_name);
        // What a browser sends along by itself proves nothing about who wants the request.
        if cookie.is_some() && by_header.is_none() && is_foreign(parts, &arrival, &face.csrf) {
            return Err(reject(Kind::Foreign));
        }
        let session = face.hallpass.session(cookie.as_deref()).await;
        let session = session.map_err(|failure| reject(Kind::Failed(failure.into())))?;
        let stored = match settings.csrf.use_sessions {
            true => session
                .get(keys::CSRF_TOKEN)
                .and_then(Value::as_str)
                .map(str::to_owned),
            false => cookies::find(&parts.headers, &settings.csrf.cookie_name),
        };
        Ok(Visitor {
            arrival,
            by_header,
            session: Mutex::new(session),
            csrf: Mutex::new(Csrf::new(stored.as_deref().and_then(csrf::secret_of))),
            run: AtomicBool::new(false),
        })
    }

    /// What the user may do; read once a request.
    pub(crate) async fn permissions(
        &self,
        parts: &Parts,
        user: &User,
    ) -> Result<&Permissions, Rejection> {
        let face = &self.0.face;
        let read = || face.hallpass.permissions(user);
        let held = self.0.permissions.get_or_try_init(read).await;
        held.map_err(|failure| Rejection::new(face, parts, Kind::Failed(failure.into())))
    }

    /// The end of the answer: what was changed in the session is saved, cookies are set.
    pub(crate) async fn close(&self, mut response: Response) -> Response {
        let Some(visitor) = self.known() else {
            return response;
        };
        let face = self.face();
        let renews = face.hallpass.settings().session.save_every_request;
        let idle = !visitor.session().is_modified() && !visitor.csrf().is_shown() && !renews;
        if idle && !visitor.was_run() {
            say_private(&mut response);
            return response;
        }
        let mut session = visitor.session().clone();
        let mut csrf = visitor.csrf().clone();
        let client = &visitor.arrival.client;
        let closed = close(face, client, &mut session, &mut csrf, response.status()).await;
        match closed {
            Ok(cookies) => {
                for (name, value) in &cookies {
                    response.headers_mut().append(name.clone(), value.clone());
                }
                say_private(&mut response);
            }
            Err(failure) => {
                let page = errors::broken(&failure);
                return errors::respond(face, &page, "");
            }
        }
        response
    }
}

/// What an answer says depends on who asked: no cache may give it to somebody else. What a handler set itself stays.
fn say_private(response: &mut Response) {
    let headers = response.headers_mut();
    let varies = headers.get_all(header::VARY).iter().any(|value| {
        let value = value.as_bytes();
        value == b"Cookie" || value == b"*"
    });
    if !varies {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private"));
}

impl Visitor {
    /// Who asks, and what proved it.
    pub(crate) fn person(&self) -> Option<(User, Proof)> {
        match &self.by_header {
            Some((user, proof)) => Some((user.clone(), *proof)),
            None => {
                let user = self.session().user().cloned()?;
                Some((user, Proof::Session))
            }
        }
    }

    fn was_run(&self) -> bool {
        self.run.load(Ordering::Relaxed)
    }

    /// The working copy. Never held while something is awaited.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn csrf(&self) -> MutexGuard<'_, Csrf> {
        self.csrf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a flow on the session.
    pub(crate) async fn run<T, F>(&self, face: &Face, flow: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        self.run.store(true, Ordering::Relaxed);
        let mut session = self.session().clone();
        let by = self.by_header.as_ref().map(|(user, _)| user.id);
        let client = &self.arrival.client;
        let result = face.hallpass.run(client, &mut session, async |cx| {
            if let Some(user) = by {
                cx.act_as(user);
            }
            flow(cx).await
        });
        let result = result.await;
        *self.session() = session;
        result
    }
}

impl Here {
    /// The person who asks, as an extractor gives them.
    pub(crate) async fn user(&self, parts: &Parts) -> Result<Option<CurrentUser>, Rejection> {
        let person = self.visitor(parts).await?.person();
        Ok(person.map(|(user, proof)| CurrentUser::new(self.clone(), user, proof)))
    }
}
