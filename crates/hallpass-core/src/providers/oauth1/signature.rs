//! Signatures of OAuth 1.0a: RFC 5849, 3.4, HMAC-SHA1.
//!
//! SHA-1 is what the protocol has; as the hash of an HMAC it has not been broken.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::domain::{Timestamp, secret};

/// Who signs.
#[derive(Clone, Copy)]
pub(super) struct Signer<'a> {
    /// What the provider knows the app as, and the secret.
    pub app: (&'a str, &'a str),
    /// The token and its secret; empty before there is one.
    pub token: (&'a str, &'a str),
}

impl Signer<'_> {
    /// The header `Authorization` for a request with these fields in its form, if it has one. `more`: parameters of the
    /// protocol that only this step has.
    pub(super) fn header(
        &self,
        method: &str,
        url: &Url,
        fields: &[(String, String)],
        more: &[(&str, &str)],
        now: Timestamp,
    ) -> String {
        let nonce = secret::random_text(secret::ALPHANUMERIC, 32);
        let more = [more, &[("oauth_version", "1.0")]].concat();
        self.signed(method, url, fields, &more, (&nonce, now.seconds()))
    }

    fn signed(
        &self,
        method: &str,
        url: &Url,
        fields: &[(String, String)],
        more: &[(&str, &str)],
        (nonce, seconds): (&str, i64),
    ) -> String {
        let seconds = seconds.to_string();
        let mut own = vec![
            ("oauth_consumer_key", self.app.0),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &seconds),
        ];
        if !self.token.0.is_empty() {
            own.push(("oauth_token", self.token.0));
        }
        own.extend(more);
        let text = text(method, url, fields, &own);
        let key = format!("{}&{}", encode(self.app.1), encode(self.token.1));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        own.push(("oauth_signature", &signature));
        let parameters = own
            .iter()
            .map(|(name, value)| format!("{}=\"{}\"", encode(name), encode(value)));
        format!("OAuth {}", parameters.collect::<Vec<_>>().join(", "))
    }
}

/// What is signed: the method, the address without its query, and all parameters in order.
fn text(method: &str, url: &Url, fields: &[(String, String)], own: &[(&str, &str)]) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let query = url.query_pairs().into_owned();
    let fields = fields.iter().cloned();
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all = query.chain(fields).chain(own);
    let mut all: Vec<(String, String)> = all
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    all.sort();
    let all: Vec<String> = all
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "{}&{}&{}",
        method.to_uppercase(),
        encode(bare.as_str()),
        encode(&all.join("&"))
    )
}

/// RFC 3986's unreserved characters as they are, all else as bytes.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: (&str, &str) = ("dpf43f3p2l4k3l03", "kd94hf93k423kf44");

    fn fields(text: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect()
    }

    #[test]
    fn the_text_of_the_rfc() {
        // RFC 5849, 3.4.1.
        let url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b";
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        let text = text(
            "post",
            &Url::parse(url).unwrap(),
            &fields("c2&a3=2+q"),
            &own,
        );
        assert_eq!(
            text,
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26\
             c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
             oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn the_signatures_of_the_rfc() {
        // RFC 5849, 1.2: a request token, the token, and something of the owner's.
        for (method, url, token, more, nonce, seconds, signature) in [
            (
                "POST",
                "https://photos.example.net/initiate",
                ("", ""),
                ("oauth_callback", "http://printer.example.com/ready"),
                "wIjqoS",
                137_131_200,
                "74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D",
            ),
            (
                "POST",
                "https://photos.example.net/token",
                ("hh5s93j4hdidpola", "hdhd0244k9j7ao03"),
                ("oauth_verifier", "hfdp7dh39dks9884"),
                "walatlh",
                137_131_201,
                "gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D",
            ),
        ] {
            let url = Url::parse(url).unwrap();
            let signer = Signer { app: APP, token };
            let header = signer.signed(method, &url, &[], &[more], (nonce, seconds));
            assert!(
                header.contains(&format!("oauth_signature=\"{signature}\"")),
                "{header}"
            );
        }
        let url = "http://photos.example.net/photos?file=vacation.jpg&size=original";
        let signer = Signer {
            app: APP,
            token: ("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"),
        };
        let url = Url::parse(url).unwrap();
        let header = signer.signed("GET", &url, &[], &[], ("chapoH", 137_131_202));
        assert_eq!(
            header,
            "OAuth oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_nonce=\"chapoH\", \
             oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131202\", \
             oauth_token=\"nnch734d00sl2jdk\", oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\""
        );
    }

    #[test]
    fn secrets_and_values_with_all_kinds_of_letters() {
        // As oauthlib, which allauth stands on, signs it.
        let signer = Signer {
            app: ("kö&y", "s%e c/ret"),
            token: ("to+ken", "t=s&x"),
        };
        let url = Url::parse("https://api.example:8443/a%20b/c?q=1+2&e=&%C3%BC=~*!'()").unwrap();
        let more = [("oauth_version", "1.0")];
        let header = signer.signed("GET", &url, &[], &more, ("n", 1));
        assert!(
            header.contains("oauth_signature=\"pcxzAXI%2FIB3MP3%2Fpucqg79bR0xk%3D\""),
            "{header}"
        );
    }

    #[test]
    fn no_two_headers_are_the_same() {
        let url = Url::parse("https://api.example/").unwrap();
        let signer = Signer {
            app: APP,
            token: ("", ""),
        };
        let header = || signer.header("GET", &url, &[], &[], Timestamp::from_seconds(1));
        assert_ne!(header(), header());
    }
}
