//! Whether another site's page made the browser send this request.
//!
//! Browsers say so themselves: `Sec-Fetch-Site` where the connection can be trusted, `Origin` with every POST. What says
//! neither is no browser of this decade, and has no cookies that somebody else could ride on. This is what stands before
//! every route of an app that looks at the session; Django's token ([`super::csrf_protected`]) can stand there as well.

use hallpass_django::csrf::{self, Policy};
use http::header;
use http::request::Parts;

use crate::arrival::Arrival;

/// Whether an unsafe request comes from a page that is neither ours nor one of CSRF_TRUSTED_ORIGINS.
pub(crate) fn is_foreign(parts: &Parts, arrival: &Arrival, policy: &Policy) -> bool {
    // A page of any site may open a socket to here, and what goes through it is no mere reading.
    let opens_socket = parts.headers.contains_key(header::UPGRADE);
    if parts.method.is_safe() && !opens_socket {
        return false;
    }
    let text = |name: &str| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap_or("\u{fffd}"))
    };
    let (site, origin) = (text("sec-fetch-site"), text("origin"));
    if matches!(site, Some("same-origin" | "none")) {
        return false;
    }
    let Some(origin) = origin else {
        return site.is_some();
    };
    let request = csrf::Request {
        method: parts.method.as_str(),
        is_secure: arrival.is_secure,
        host: &arrival.host,
        port: arrival.port,
        origin: Some(origin),
        ..csrf::Request::default()
    };
    if csrf::is_from_trusted_origin(&request, policy) {
        return false;
    }
    // Behind a proxy that does not say that it speaks https, the scheme is unknown; the host is not.
    let same_host = origin.strip_prefix("https://") == Some(arrival.host.as_str());
    !(same_host && !arrival.is_secure && site.is_none())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use hallpass_core::settings::Settings;

    use super::*;

    fn foreign(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder()
            .method(method)
            .uri("/")
            .header("host", "localhost:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4)));
        parts.extensions.insert(peer);
        let arrival = Arrival::of(&parts, &Settings::default()).unwrap();
        let policy = Policy {
            trusted_origins: vec!["https://app.example.com".to_owned()],
            ..Policy::default()
        };
        is_foreign(&parts, &arrival, &policy)
    }

    #[test]
    fn browsers_say_where_a_request_comes_from() {
        for (headers, expected) in [
            (vec![], false),
            (vec![("origin", "http://localhost:8000")], false),
            (vec![("origin", "https://localhost:8000")], false),
            (vec![("origin", "https://app.example.com")], false),
            (vec![("origin", "http://localhost:8001")], true),
            (vec![("origin", "https://evil.example")], true),
            (vec![("origin", "null")], true),
            (vec![("origin", "http://localhost:8000.evil.example")], true),
            (vec![("sec-fetch-site", "same-origin")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("sec-fetch-site", "same-site")], true),
            (vec![("sec-fetch-site", "cross-site")], true),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://app.example.com"),
                ],
                false,
            ),
            (
                vec![
                    ("sec-fetch-site", "same-site"),
                    ("origin", "https://localhost:8000"),
                ],
                true,
            ),
        ] {
            assert_eq!(foreign("POST", &headers), expected, "{headers:?}");
            assert!(!foreign("GET", &headers), "{headers:?}");
            let socket = [headers.as_slice(), &[("upgrade", "websocket")]].concat();
            assert_eq!(foreign("GET", &socket), expected, "{headers:?}");
        }
    }
}
