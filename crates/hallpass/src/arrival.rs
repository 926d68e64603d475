//! How a request came: by which scheme, to which host, from which address.
//!
//! All three can be forged unless a proxy of ours said them. The host must be one of ALLOWED_HOSTS before anything is
//! built from it: a letter with a link to a forged host would hand the token over.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use hallpass_core::domain::Client;
use hallpass_core::settings::Settings;
use hallpass_django::redirect::{is_allowed_host, is_safe, split_host};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::face::http_name;

/// What is known of a request before its session.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) client: Client,
    pub(crate) is_secure: bool,
    /// Host and port, as in the Host header.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a request is turned away at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The host is none of ours, or no host at all: 400.
    Host,
    /// The client's address cannot be told: 403.
    Address,
    /// The server was started without the peer's address: our mistake, 500.
    NoPeer,
}

impl Arrival {
    pub(crate) fn of(parts: &Parts, settings: &Settings) -> Result<Self, Turned> {
        let headers = &parts.headers;
        let is_secure = settings
            .security
            .secure_proxy_ssl_header
            .as_ref()
            .is_some_and(|(name, value)| {
                let given =
                    header_text(headers, &http_name(name)).and_then(|text| text.split(',').next());
                given.map(str::trim) == Some(value.as_str())
            });
        let (host, port) = host(parts, settings, is_secure).ok_or(Turned::Host)?;
        let ip = address(parts, settings)?;
        let agent = header_text(headers, header::USER_AGENT.as_str()).unwrap_or_default();
        let https = is_secure || settings.account.default_http_protocol == "https";
        let base = format!("{}://{host}", if https { "https" } else { "http" });
        Ok(Arrival {
            client: Client::new(ip, agent, base),
            is_secure,
            host,
            port,
        })
    }

    /// `next`, if following it stays here or goes where the operator lets it.
    pub(crate) fn safe_next(&self, next: Option<&str>, settings: &Settings) -> Option<String> {
        let next = next?.trim();
        let plain = !next.chars().any(char::is_control);
        (plain && is_safe(next, self.is_secure, |host| self.is_ours(host, settings)))
            .then(|| next.to_owned())
    }

    fn is_ours(&self, host: &str, settings: &Settings) -> bool {
        if host == self.host {
            return true;
        }
        let Some((domain, _)) = split_host(host) else {
            return false;
        };
        let listed = settings
            .general
            .allowed_hosts
            .iter()
            .map(String::as_str)
            .filter(|pattern| *pattern != "*");
        let trusted = settings
            .csrf
            .trusted_origins
            .iter()
            .filter_map(|origin| origin.split_once("://"));
        let mut trusted = trusted.map(|(_, host)| host.trim_start_matches('*'));
        is_allowed_host(&domain, listed)
            || trusted.any(|pattern| pattern == host || is_allowed_host(&domain, [pattern]))
    }
}

/// A header that is there once, as text.
fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn host(parts: &Parts, settings: &Settings, is_secure: bool) -> Option<(String, u16)> {
    let security = &settings.security;
    let forwarded =
        header_text(&parts.headers, "x-forwarded-host").filter(|_| security.use_x_forwarded_host);
    // Two Host headers would let two readers see two hosts.
    if parts.headers.get_all(header::HOST).iter().count() > 1 {
        return None;
    }
    let given = forwarded
        .or_else(|| header_text(&parts.headers, header::HOST.as_str()))
        .or_else(|| parts.uri.authority().map(|authority| authority.as_str()))?;
    let (domain, mut port) = split_host(given)?;
    if !is_allowed_host(&domain, settings.allowed_hosts()) {
        return None;
    }
    if security.use_x_forwarded_port {
        port = header_text(&parts.headers, "x-forwarded-port")
            .and_then(|port| port.parse().ok())
            .or(port);
    }
    let usual = if is_secure { 443 } else { 80 };
    Some(match port {
        Some(port) if port != usual => (format!("{domain}:{port}"), port),
        _ => (domain, usual),
    })
}

/// The client's address: a trusted header, else the entry of X-Forwarded-For that the outermost of our proxies wrote, else
/// the peer's.
fn address(parts: &Parts, settings: &Settings) -> Result<IpAddr, Turned> {
    let allauth = &settings.allauth;
    if let Some(name) = &allauth.trusted_client_ip_header {
        let text = header_text(
            &parts.headers,
            &http_name(&name.to_ascii_uppercase().replace('-', "_")),
        );
        return text
            .and_then(|text| text.trim().parse().ok())
            .ok_or(Turned::Address);
    }
    let proxies = usize::try_from(allauth.trusted_proxy_count).unwrap_or(usize::MAX);
    if proxies > 0 {
        let lines = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|line| line.to_str().ok());
        let entries: Vec<&str> = lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .collect();
        let entry = entries
            .len()
            .checked_sub(proxies)
            .and_then(|index| entries.get(index));
        return entry
            .and_then(|entry| entry.parse().ok())
            .ok_or(Turned::Address);
    }
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .ok_or(Turned::NoPeer)?;
    Ok(peer.0.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts
            .extensions
            .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4))));
        parts
    }

    #[test]
    fn only_what_a_proxy_of_ours_says_is_believed() {
        let mut settings = Settings::default();
        settings.general.allowed_hosts = vec!["example.com".to_owned()];
        let forged = parts(&[
            ("host", "example.com"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-proto", "https"),
        ]);
        let arrival = Arrival::of(&forged, &settings).unwrap();
        assert_eq!(arrival.client.base_url, "http://example.com");
        assert_eq!(arrival.client.ip.to_string(), "192.0.2.1");
        settings.allauth.trusted_proxy_count = 1;
        settings.security.use_x_forwarded_host = true;
        settings.security.secure_proxy_ssl_header =
            Some(("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned()));
        assert_eq!(Arrival::of(&forged, &settings).unwrap_err(), Turned::Host);
        let honest = parts(&[
            ("host", "inside"),
            ("x-forwarded-host", "example.com"),
            ("x-forwarded-for", "203.0.113.5, 198.51.100.9"),
            ("x-forwarded-proto", "https"),
        ]);
        let arrival = Arrival::of(&honest, &settings).unwrap();
        assert_eq!(arrival.client.base_url, "https://example.com");
        assert_eq!(arrival.client.ip.to_string(), "198.51.100.9");
        settings.allauth.trusted_proxy_count = 3;
        assert_eq!(
            Arrival::of(&honest, &settings).unwrap_err(),
            Turned::Address
        );
    }

    #[test]
    fn hosts_are_checked() {
        let settings = Settings::default();
        for (host, ok) in [
            ("127.0.0.1:8000", true),
            ("localhost", true),
            ("app.localhost:3000", true),
            ("[::1]:8000", true),
            ("example.com", false),
            ("localhost:8000@evil", false),
            ("", false),
        ] {
            assert_eq!(
                Arrival::of(&parts(&[("host", host)]), &settings).is_ok(),
                ok,
                "{host}"
            );
        }
        assert!(
            Arrival::of(
                &parts(&[("host", "localhost"), ("host", "evil")]),
                &settings
            )
            .is_err()
        );
    }

    #[test]
    fn next_stays_here() {
        let mut settings = Settings::default();
        settings.csrf.trusted_origins = vec!["https://app.example.com".to_owned()];
        settings.general.allowed_hosts = vec!["localhost".to_owned(), "*".to_owned()];
        let arrival = Arrival::of(&parts(&[("host", "localhost")]), &settings).unwrap();
        let next = |text| arrival.safe_next(Some(text), &settings);
        assert_eq!(next("/a?b=c").as_deref(), Some("/a?b=c"));
        assert_eq!(next(" /a ").as_deref(), Some("/a"));
        assert!(next("http://localhost/x").is_some());
        assert!(next("https://app.example.com/x").is_some());
        for bad in [
            "//evil",
            "https://evil/x",
            "/\\evil",
            "javascript:x",
            "/a\r\nSet-Cookie: x",
            "",
            "http://localhost@evil",
        ] {
            assert_eq!(next(bad), None, "{bad}");
        }
    }
}
