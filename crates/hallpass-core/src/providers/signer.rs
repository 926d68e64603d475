//! An issuer of id tokens for the tests of this room, honest or not.

use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_django::signing::unpadded;
use hallpass_testkit::web::{Said, Web};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use crate::settings::Secret;

/// A private key, and its public half as a JWK.
#[derive(Clone)]
pub struct Key {
    pub algorithm: Algorithm,
    pub kid: String,
    key: EncodingKey,
    /// The private half, PKCS#8 in PEM.
    pub pem: String,
    /// The public half in PEM, where it is known.
    pub public_pem: String,
}

impl Key {
    fn new(algorithm: Algorithm, kid: &str, pkcs8: &[u8], public: &[u8]) -> Self {
        let pem = pem("PRIVATE KEY", pkcs8);
        let key = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        Key {
            algorithm,
            kid: kid.to_owned(),
            key: key.unwrap(),
            pem,
            public_pem: self::pem("PUBLIC KEY", public),
        }
    }

    /// RSA; the same two for all tests, since they take long to find.
    pub fn rsa(kid: &str) -> Self {
        static KEYS: OnceLock<[Key; 2]> = OnceLock::new();
        let make = |kid| {
            let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
            let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
            Key::new(Algorithm::RS256, kid, private.as_ref(), public.as_ref())
        };
        let keys = KEYS.get_or_init(|| [make("rsa-1"), make("rsa-2")]);
        let index = usize::from(kid == "rsa-2");
        Key {
            kid: kid.to_owned(),
            ..keys[index].clone()
        }
    }

    pub fn ec(kid: &str) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Key::new(Algorithm::ES256, kid, pkcs8.as_ref(), b"")
    }

    pub fn ed(kid: &str) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&random).unwrap();
        Key::new(Algorithm::EdDSA, kid, pkcs8.as_ref(), b"")
    }

    /// The public half.
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = self.kid.as_str().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token as it should be.
    pub fn sign(&self, claims: &Value) -> Secret {
        let header = json!({"alg": self.algorithm, "kid": self.kid, "typ": "JWT"});
        self.sign_with(&header, claims)
    }

    /// A token with any header.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> Secret {
        let message = message(header, claims);
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        Secret::new(format!("{message}.{signature}"))
    }
}

/// A token with an HMAC.
pub fn sign_hmac(secret: &[u8], header: &Value, claims: &Value) -> Secret {
    let message = message(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    Secret::new(format!("{message}.{signature}"))
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| unpadded(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// A server with a key set.
pub struct KeyServer {
    pub web: Web,
    /// What is answered, and with which status.
    pub said: Arc<Mutex<(u16, Value)>>,
}

impl KeyServer {
    pub async fn start(keys: &[Value]) -> Self {
        let said = Arc::new(Mutex::new((200, json!({"keys": keys}))));
        let kept = Arc::clone(&said);
        let web = Web::start(move |_| {
            let (status, body) = kept.lock().unwrap().clone();
            Said::text(status, "application/json", &body.to_string())
        });
        KeyServer {
            web: web.await,
            said,
        }
    }

    pub fn serve(&self, keys: &[Value]) {
        *self.said.lock().unwrap() = (200, json!({"keys": keys}));
    }

    pub fn down(&self) {
        self.said.lock().unwrap().0 = 503;
    }

    pub fn url(&self) -> String {
        self.web.url("/jwks")
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.web.asked().len()
    }
}
