//! What stands around every route: an id, the log line, the time-out, the host check, the security headers.
//!
//! The log has the route's pattern, never the path or the query: links hold tokens.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hallpass_core::domain::secret;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::arrival::{Arrival, Turned};
use crate::errors::{self, Page, RequestId};
use crate::face::Face;
use crate::router::Place;

/// Wraps a request.
pub(crate) async fn guard(
    State((face, place)): State<(Face, Place)>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let id = secret::random_text(secret::LOWER_ALPHANUMERIC, 16);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|route| route.as_str().to_owned());
    let mut response = match find_place(&mut request, &place) {
        Ok(()) => admit(&face, request, next, &id).await,
        Err(what) => {
            tracing::error!(request_id = id, "{what}");
            errors::respond(&face, &Page::new(StatusCode::INTERNAL_SERVER_ERROR), &id)
        }
    };
    harden(&face, response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), value);
    }
    tracing::info!(
        request_id = id,
        method = %method,
        route = route.as_deref().unwrap_or("unmatched"),
        status = response.status().as_u16(),
        micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// Gives a nested request its whole path back: links and redirects are made of it. Where we are nested at another place
/// than the settings say, every link that we make would lead nowhere: better to say so at once.
fn find_place(request: &mut Request, place: &Place) -> Result<(), String> {
    let Some(OriginalUri(whole)) = request.extensions().get::<OriginalUri>().cloned() else {
        return Ok(());
    };
    match place {
        Place::AsSet if whole.path() != request.uri().path() => Err(format!(
            "hallpass.router() is nested: {} came in as {}. Merge it into the outermost router, or nest \
             hallpass.pages() and hallpass.rest(), each at its own mount",
            request.uri().path(),
            whole.path()
        )),
        Place::Below(mount)
            if !whole.path().starts_with(mount.as_str())
                && whole.path() != mount.trim_end_matches('/') =>
        {
            Err(format!(
                "these pages are nested elsewhere than the settings say: {} is not below {mount}. Set HALLPASS_MOUNT, or \
             HALLPASS_REST_MOUNT, to where they are",
                whole.path()
            ))
        }
        _ => {
            *request.uri_mut() = whole;
            Ok(())
        }
    }
}

/// The URI as it came, also within a nested router.
pub(crate) fn whole_uri(parts: &Parts) -> &Uri {
    match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri,
        None => &parts.uri,
    }
}

async fn admit(face: &Face, request: Request, next: Next, id: &str) -> Response {
    let settings = face.hallpass.settings();
    let (mut parts, body) = request.into_parts();
    let arrival = match Arrival::of(&parts, settings) {
        Ok(arrival) => arrival,
        Err(turned) => {
            tracing::warn!(request_id = id, reason = ?turned, "turned away at the door");
            let status = match turned {
                Turned::Host => StatusCode::BAD_REQUEST,
                Turned::Address => StatusCode::FORBIDDEN,
                Turned::NoPeer => StatusCode::INTERNAL_SERVER_ERROR,
            };
            return errors::respond(face, &Page::new(status), id);
        }
    };
    let is_secure = arrival.is_secure;
    if settings.security.secure_ssl_redirect && !is_secure {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let to = HeaderValue::from_str(&format!("https://{}{path}", arrival.host));
        let to = to.unwrap_or(HeaderValue::from_static("/"));
        return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response();
    }
    parts.extensions.insert(arrival);
    let time = Duration::from_secs(settings.hallpass.request_timeout);
    let answered = tokio::time::timeout(time, next.run(Request::from_parts(parts, body))).await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(request_id = id, "a request took too long");
        errors::respond(face, &Page::retry(StatusCode::SERVICE_UNAVAILABLE, 5), id)
    });
    // The router's own has no words; that of an interface for programs has.
    let bare = !response.headers().contains_key(header::CONTENT_TYPE);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && bare {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = errors::respond(face, &Page::new(StatusCode::METHOD_NOT_ALLOWED), id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if is_secure && settings.security.secure_hsts_seconds > 0 {
        let mut value = format!("max-age={}", settings.security.secure_hsts_seconds);
        if settings.security.secure_hsts_include_subdomains {
            value.push_str("; includeSubDomains");
        }
        if settings.security.secure_hsts_preload {
            value.push_str("; preload");
        }
        put(
            response.headers_mut(),
            header::STRICT_TRANSPORT_SECURITY,
            &value,
        );
    }
    response
}

/// Headers of every answer; what a handler set itself stays.
pub(crate) fn harden(face: &Face, headers: &mut HeaderMap) {
    let security = &face.hallpass.settings().security;
    put(
        headers,
        header::CONTENT_SECURITY_POLICY,
        &face.content_security_policy,
    );
    put(headers, header::X_FRAME_OPTIONS, &security.x_frame_options);
    put(
        headers,
        header::REFERRER_POLICY,
        &security.secure_referrer_policy,
    );
    let opener = &security.secure_cross_origin_opener_policy;
    put(
        headers,
        HeaderName::from_static("cross-origin-opener-policy"),
        opener,
    );
    if security.secure_content_type_nosniff {
        put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    // Who is signed in, and tokens in forms: nothing of it is kept by anybody on the way.
    put(headers, header::CACHE_CONTROL, "no-store");
    put(headers, header::VARY, "Cookie");
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.entry(name).or_insert(value);
    }
}
