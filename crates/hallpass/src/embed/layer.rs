//! The layer around an app.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};

use super::here::Here;
use crate::face::Face;

/// Lets the routes within know who asks; made by [`crate::Hallpass::layer`].
#[derive(Clone)]
pub struct HallpassLayer {
    face: Face,
}

impl HallpassLayer {
    pub(crate) fn new(face: Face) -> Self {
        HallpassLayer { face }
    }
}

impl std::fmt::Debug for HallpassLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HallpassLayer")
    }
}

impl<S> Layer<S> for HallpassLayer {
    type Service = HallpassService<S>;
    fn layer(&self, inner: S) -> HallpassService<S> {
        HallpassService {
            face: self.face.clone(),
            inner,
        }
    }
}

/// An app with [`HallpassLayer`] around it.
#[derive(Clone)]
pub struct HallpassService<S> {
    face: Face,
    inner: S,
}

impl<S> std::fmt::Debug for HallpassService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HallpassService")
    }
}

impl<S> Service<Request> for HallpassService<S>
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

    fn call(&mut self, mut request: Request) -> Self::Future {
        let here = Here::new(self.face.clone());
        request.extensions_mut().insert(here.clone());
        let answered = self.inner.call(request);
        Box::pin(async move {
            let response = answered.await?.into_response();
            Ok(here.close(response).await)
        })
    }
}
