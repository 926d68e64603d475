//! Gates: layers that let only some people through to all routes behind them.
//!
//! ```no_run
//! # fn app(hallpass: hallpass::Hallpass) -> axum::Router {
//! # use axum::{Router, routing::get};
//! let staff = Router::new()
//!     .route("/reports/", get(async || "reports"))
//!     .layer(hallpass::staff_required());
//! Router::new()
//!     .merge(staff)
//!     .merge(hallpass.router())
//!     .layer(hallpass.layer())
//! # }
//! ```

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use tower::{Layer, Service};

use super::people::{fresh, signed_in, verified};
use super::rejection::{Kind, Rejection};

/// A layer that lets only some people through.
#[derive(Debug, Clone)]
pub struct Gate(Demand);

#[derive(Debug, Clone)]
enum Demand {
    Login,
    Staff,
    Fresh,
    Verified,
    Permission(Arc<str>),
}

/// Somebody must be signed in, as for [`super::CurrentUser`].
pub fn login_required() -> Gate {
    Gate(Demand::Login)
}

/// Somebody of the staff (`is_staff`) must be signed in; others get 403.
pub fn staff_required() -> Gate {
    Gate(Demand::Staff)
}

/// Somebody must have proved a short while ago who they are, as for [`super::Fresh`].
pub fn fresh_required() -> Gate {
    Gate(Demand::Fresh)
}

/// Somebody with a verified address must be signed in, as for [`super::Verified`].
pub fn verified_required() -> Gate {
    Gate(Demand::Verified)
}

/// Somebody with this permission, `app_label.codename`, must be signed in; others get 403. Several gates ask for several
/// permissions.
pub fn permission_required(name: &str) -> Gate {
    Gate(Demand::Permission(name.into()))
}

impl Gate {
    async fn check(&self, parts: &Parts) -> Result<(), Rejection> {
        match &self.0 {
            Demand::Login => signed_in(parts).await.map(drop),
            Demand::Fresh => fresh(parts).await.map(drop),
            Demand::Verified => verified(parts).await.map(drop),
            Demand::Permission(name) => {
                let user = signed_in(parts).await?;
                let held = user.here().permissions(parts, &user).await?;
                match held.has(name) {
                    true => Ok(()),
                    false => Err(Rejection::new(user.here().face(), parts, Kind::Forbidden)),
                }
            }
            Demand::Staff => {
                let user = signed_in(parts).await?;
                match user.is_staff {
                    true => Ok(()),
                    false => Err(Rejection::new(user.here().face(), parts, Kind::Forbidden)),
                }
            }
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;
    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            gate: self.clone(),
            inner,
        }
    }
}

/// What is behind a [`Gate`].
#[derive(Debug, Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S> Service<Request> for Gated<S>
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
        // The one that said it is ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let gate = self.gate.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match gate.check(&parts).await {
                Ok(()) => {
                    let answered = inner.call(Request::from_parts(parts, body)).await;
                    answered.map(IntoResponse::into_response)
                }
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}
