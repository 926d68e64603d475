//! A magic link on any URL signs in, as django-sesame's middleware does: made by
//! [`crate::Hallpass::magic_link_anywhere`].

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hallpass_core::flows::magic_link::Terms;
use http::{HeaderMap, Method, header};
use tower::{Layer, Service};

use super::super::here::Here;
use super::{confirm, hushed, redirect, sign_in, url};

/// A layer, within [`crate::Hallpass::layer`] and around the routes.
#[derive(Debug, Clone)]
pub struct MagicLinkAnywhere(());

impl MagicLinkAnywhere {
    pub(crate) fn new() -> Self {
        MagicLinkAnywhere(())
    }
}

impl<S> Layer<S> for MagicLinkAnywhere {
    type Service = MagicLinkEverywhere<S>;
    fn layer(&self, inner: S) -> MagicLinkEverywhere<S> {
        MagicLinkEverywhere { inner }
    }
}

/// What is behind [`MagicLinkAnywhere`].
#[derive(Debug, Clone)]
pub struct MagicLinkEverywhere<S> {
    inner: S,
}

impl<S> Service<Request> for MagicLinkEverywhere<S>
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
            match admit(request).await {
                Ok((request, false)) => Ok(inner.call(request).await?.into_response()),
                Ok((request, true)) => Ok(hushed(inner.call(request).await?.into_response())),
                Err(answer) => Ok(answer),
            }
        })
    }
}

/// The request again, and whether there is a good token in it; or an answer in place of the handler's.
async fn admit(request: Request) -> Result<(Request, bool), Response> {
    let (parts, body) = request.into_parts();
    let here = Here::of(&parts).map_err(IntoResponse::into_response)?;
    let face = here.face();
    let name = &face.hallpass.settings().sesame.token_name;
    let token = url::parameter(parts.uri.query().unwrap_or_default(), name);
    let Some(token) = token else {
        return Ok((Request::from_parts(parts, body), false));
    };
    let terms = Terms::default();
    // What is none is not worth a line in the record, and HEAD signs nobody in.
    let good = matches!(
        confirm::look(&here, &parts, &token, &terms).await,
        Ok(Some(_))
    );
    let mut request = Request::from_parts(parts, body);
    if !good || request.method() == Method::HEAD {
        return Ok((request, good));
    }
    let mut asked = request.method() == Method::GET;
    if confirm::is_wanted(&here) {
        request = confirm::stand_before(&here, request, &token, &terms).await?;
        asked = request.method() == Method::GET;
    }
    let (parts, body) = request.into_parts();
    let signed_in = sign_in(&here, &parts, &token, &terms).await;
    let to = match signed_in {
        Ok(Ok(Some(_))) if asked && !loses_cookies(&parts.headers) => Some(url::bare(&parts, face)),
        // On to the stage that waits.
        Ok(Err(to)) if asked => Some(to),
        _ => None,
    };
    match to {
        Some(to) => Err(redirect(&to)),
        None => Ok((Request::from_parts(parts, body), true)),
    }
}

/// Safari, and everything on iOS: a site that sets a cookie and leads on at once looks to it like a tracker, whose cookies
/// it deletes (Intelligent Tracking Prevention). There the page is shown at the URL with the token.
fn loses_cookies(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let has = |mark: &str| agent.contains(mark);
    let ios = ["iPhone", "iPad", "iPod"].into_iter().any(has);
    ios || (has("Safari/") && has("Version/") && !has("Android") && !has("Chrome/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_that_take_a_redirect_for_tracking() {
        for (agent, wanted) in [
            ("", false),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                false,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                false,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                true,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1",
                true,
            ),
            (
                "Mozilla/5.0 (Linux; U; Android 4.4) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            assert_eq!(loses_cookies(&headers), wanted, "{agent}");
        }
    }
}
