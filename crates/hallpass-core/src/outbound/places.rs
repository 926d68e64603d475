//! Which addresses are anybody's, and which are ours: the metadata of a cloud, a database, a printer.
//!
//! The attacker names a server, as `server_url` of an app or as `jwks_uri` of a document, and lets us fetch from inside
//! what they cannot from outside. A check of the text is not enough: a name may lead anywhere, and elsewhere a moment
//! later. So it is the addresses that DNS gives, at the very connection, that are checked ([`Public`]).

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::error::Failure;

/// What turns a name into addresses: the system's resolver, or a test's own.
pub type Resolver = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// Whether an address belongs to the internet at large: none of the IANA's special-purpose registries, as far as they are
/// not globally reachable.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This" network, private, loopback.
        (0 | 10 | 127, _, _) => true,
        // Shared by carriers (CGNAT).
        (100, 64..=127, _) => true,
        // Link-local: 169.254.169.254 has a cloud's credentials.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        // Protocol assignments, documentation, relays to IPv6.
        (192, 0, 0 | 2) | (192, 88, 99) => true,
        (192, 168, _) => true,
        // Benchmarks, documentation.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., _, _) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    // NAT64: what counts is the IPv4 address that it leads to.
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [g1, g2] = g.to_be_bytes();
        let [h1, h2] = h.to_be_bytes();
        return is_public_v4(Ipv4Addr::new(g1, g2, h1, h2));
    }
    // Outside of 2000::/3 are loopback, IPv4-mapped, ULA, link-local, multicast and what is assigned to nobody.
    let global = a & 0xe000 == 0x2000;
    let special = match (a, b) {
        // Protocols: Teredo with its embedded IPv4, ORCHID, benchmarks.
        (0x2001, 0..=0x1ff) => true,
        (0x2001, 0x0db8) => true,
        // 6to4, with its embedded IPv4.
        (0x2002, _) => true,
        // Documentation.
        (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    global && !special
}

/// A name leads to no public address.
#[derive(Debug)]
pub(super) struct Private;

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a private address")
    }
}

impl std::error::Error for Private {}

/// Resolves names, for the connection itself.
pub(super) struct Names {
    /// Whether only public addresses are let through.
    pub(super) public: bool,
    pub(super) resolver: Option<Resolver>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let (public, resolver) = (self.public, self.resolver.clone());
        Box::pin(async move {
            let found: Vec<IpAddr> = match resolver {
                Some(resolver) => resolver(name.as_str())?,
                None => tokio::net::lookup_host((name.as_str(), 0))
                    .await?
                    .map(|found| found.ip())
                    .collect(),
            };
            let any = !found.is_empty();
            let taken: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| !public || is_public(*address))
                // The port is that of the address asked for.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if any && taken.is_empty() {
                return Err(Private.into());
            }
            let taken: Addrs = Box::new(taken.into_iter());
            Ok(taken)
        })
    }
}

/// A host that the operator named: on every port, or on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    host: Host,
    port: Option<u16>,
}

impl Named {
    /// `host`, `host:port`, `10.0.0.1`, `[::1]:8080` or `::1`.
    ///
    /// # Errors
    /// A failure that repeats the entry.
    pub(super) fn parse(entry: &str) -> Result<Self, Failure> {
        let wrong = || {
            let short: String = entry.chars().take(100).collect();
            Failure::new(format!(
                "HALLPASS_OUTBOUND_PRIVATE: \"{}\" is neither a host nor host:port",
                short.escape_debug()
            ))
        };
        if let Ok(address) = entry.parse() {
            return Ok(Named {
                host: Host::Ipv6(address),
                port: None,
            });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| wrong())?))
            }
            _ => (entry, None),
        };
        let host = Host::parse(host).map_err(|_| wrong())?;
        match &host {
            Host::Domain(name) if name.is_empty() || name.contains('*') => Err(wrong()),
            _ => Ok(Named { host, port }),
        }
    }

    pub(super) fn is(&self, url: &Url) -> bool {
        let same = url.host().is_some_and(|host| host.to_owned() == self.host);
        same && (self.port.is_none() || self.port == url.port_or_known_default())
    }
}

/// Whether an address may be asked as far as it can be told without DNS.
pub(super) fn looks_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => is_public_v6(address),
        // Whatever resolves these: they are this machine's, or a proxy's.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.is_empty() && name != "localhost" && !name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_is_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            let address = text.parse().expect("an address");
            assert!(!is_public(address), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "169.253.1.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            let address = text.parse().expect("an address");
            assert!(is_public(address), "{text}");
        }
    }

    #[test]
    fn a_literal_address_is_known_in_every_spelling() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[64:ff9b::127.0.0.1]/",
            "https://169.254.169.254/",
            "https://0xa9fea9fe/",
            "https://localhost/",
            "https://LOCALHOST/",
            "https://localhost./",
            "https://any.localhost/",
        ] {
            let parsed = Url::parse(url).expect(url);
            assert!(!looks_public(&parsed), "{url}");
        }
        for url in [
            "https://example.com/",
            "https://1.1.1.1/",
            "https://localhost.example/",
        ] {
            assert!(looks_public(&Url::parse(url).expect(url)), "{url}");
        }
    }

    #[test]
    fn a_host_is_named_exactly() {
        let named = |entry: &str, url: &str| {
            let named = Named::parse(entry).expect(entry);
            named.is(&Url::parse(url).expect(url))
        };
        for (entry, url) in [
            ("idp.internal", "https://idp.internal/"),
            ("IdP.Internal", "http://idp.INTERNAL:8080/"),
            ("idp.internal:8080", "http://idp.internal:8080/"),
            ("idp.internal:443", "https://idp.internal/"),
            ("idp.internal:80", "http://idp.internal/"),
            ("127.0.0.1:8080", "http://127.1:8080/"),
            ("::1", "http://[::1]:8080/"),
            ("[::1]", "http://[::1]:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
        ] {
            assert!(named(entry, url), "{entry} {url}");
        }
        for (entry, url) in [
            ("idp.internal", "https://a.idp.internal/"),
            ("idp.internal", "https://idp.internal.evil.example/"),
            ("idp.internal:8080", "http://idp.internal:8081/"),
            ("idp.internal:8080", "https://idp.internal/"),
            ("127.0.0.1", "http://127.0.0.2/"),
            ("[::1]:8080", "http://[::1]/"),
        ] {
            assert!(!named(entry, url), "{entry} {url}");
        }
        for entry in [
            "", ":", ":80", "a:b", "a b", "http://a", "a:70000", "a/b", "[::1", "*",
        ] {
            assert!(Named::parse(entry).is_err(), "{entry}");
        }
    }
}
