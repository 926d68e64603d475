//! Where a gateway is: HALLPASS_SMS_URL.
//!
//! Texts hold codes and the request carries a key, so that neither travels in the clear: https, or this machine alone.

use url::{Host, Url};

/// An address that texts may be sent to. Its `Debug` stops before the path: some have their key behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsAddress(Url);

impl SmsAddress {
    /// Reads one. What is wrong with it is said so that it reads on after the setting's name.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let Ok(url) = Url::parse(text) else {
            return Err("is no URL: write one such as https://sms.example.com/messages");
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("must begin with https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or password: put them into HALLPASS_SMS_AUTHORIZATION");
        }
        if url.fragment().is_some() {
            return Err(
                "has a # in it, and nothing after that is ever sent: write %23 if it belongs there",
            );
        }
        let address = SmsAddress(url);
        if address.0.scheme() == "http" && !address.is_local() {
            return Err("must begin with https:// unless the gateway is on this machine");
        }
        Ok(address)
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// All of it.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Debug for SmsAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmsAddress({})", self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_or_this_machine() {
        for good in [
            "https://sms.example.com/messages?key=1",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost:3000/sms",
        ] {
            assert!(SmsAddress::new(good).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("", "is no URL"),
            ("sms.example.com", "is no URL"),
            ("ftp://sms.example.com/", "begin with https://"),
            ("file:///etc/passwd", "begin with https://"),
            ("http://sms.example.com/", "on this machine"),
            ("http://192.0.2.1/", "on this machine"),
            ("http://localhost.example.com/", "on this machine"),
            ("http://127.0.0.1.example.com/", "on this machine"),
            ("https://sid:token@sms.example.com/", "AUTHORIZATION"),
            ("https://sid@sms.example.com/", "AUTHORIZATION"),
            ("https://sms.example.com/#a", "%23"),
        ] {
            let what = SmsAddress::new(bad).unwrap_err();
            assert!(what.contains(words), "{bad}: {what}");
        }
    }

    #[test]
    fn debug_stops_before_the_path() {
        let address = SmsAddress::new("https://sms.example.com/secret?key=secret").unwrap();
        assert_eq!(
            format!("{address:?}"),
            "SmsAddress(https://sms.example.com)"
        );
    }
}
