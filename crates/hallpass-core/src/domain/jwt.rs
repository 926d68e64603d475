//! JSON Web Tokens as simplejwt writes them: claims in order, `{"alg":…,"typ":"JWT"}`, compact.
//!
//! One algorithm is configured and no other is taken, whatever a token's header says: neither `none`, nor an RSA key used
//! as an HMAC secret.

use std::fmt;

use hallpass_django::signing::{unpadded, unpadded_decode};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Map, Value, json};

use super::Timestamp;
use crate::error::Failure;

/// Claims, in the order in which they are written.
pub type Claims = Map<String, Value>;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// It was good once.
    Expired,
    /// Anything else. Which of it is not said.
    Invalid,
}

/// What tokens must say of where they come from and whom they are for.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// `aud`: a text, or a list of which one must be there.
    pub audience: Option<Value>,
    /// `iss`.
    pub issuer: Option<String>,
    /// Seconds by which clocks may differ.
    pub leeway: u64,
}

/// Makes and reads tokens.
pub struct Jwts {
    algorithm: Algorithm,
    name: String,
    signing: Option<EncodingKey>,
    verifying: DecodingKey,
    terms: Terms,
}

/// Without keys.
impl fmt::Debug for Jwts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwts")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Jwts {
    /// `signing` is the secret of an HMAC, else a private key in PEM, or empty where tokens are only read; `verifying` a
    /// public key in PEM, needed for all but HMAC.
    ///
    /// # Errors
    /// A failure that names the setting at fault and repeats nothing of the key.
    pub fn new(
        algorithm: &str,
        signing: &str,
        verifying: &str,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let name = algorithm.to_owned();
        let algorithm: Algorithm = algorithm.parse().map_err(|_| {
            Failure::new(format!("SIMPLE_JWT_ALGORITHM \"{name}\" is not supported"))
        })?;
        let bad_signing =
            |_| Failure::new("SIMPLE_JWT_SIGNING_KEY is no private key in PEM for this algorithm");
        let bad_verifying =
            |_| Failure::new("SIMPLE_JWT_VERIFYING_KEY is no public key in PEM for this algorithm");
        let (private, public) = (signing.as_bytes(), verifying.as_bytes());
        let private = Some(private).filter(|key| !key.is_empty());
        use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512};
        let (signing, verifying) = match algorithm {
            HS256 | HS384 | HS512 => (
                Some(EncodingKey::from_secret(signing.as_bytes())),
                DecodingKey::from_secret(signing.as_bytes()),
            ),
            ES256 | ES384 => (
                private
                    .map(EncodingKey::from_ec_pem)
                    .transpose()
                    .map_err(bad_signing)?,
                DecodingKey::from_ec_pem(public).map_err(bad_verifying)?,
            ),
            EdDSA => (
                private
                    .map(EncodingKey::from_ed_pem)
                    .transpose()
                    .map_err(bad_signing)?,
                DecodingKey::from_ed_pem(public).map_err(bad_verifying)?,
            ),
            _ => (
                private
                    .map(EncodingKey::from_rsa_pem)
                    .transpose()
                    .map_err(bad_signing)?,
                DecodingKey::from_rsa_pem(public).map_err(bad_verifying)?,
            ),
        };
        Ok(Jwts {
            algorithm,
            name,
            signing,
            verifying,
            terms,
        })
    }

    /// Whether anybody with the public key can check tokens.
    pub fn is_asymmetric(&self) -> bool {
        !matches!(
            self.algorithm,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
        )
    }

    /// The public key as a JWK set, for an asymmetric algorithm.
    ///
    /// # Errors
    /// A failure.
    pub fn key_set(&self) -> Result<Value, Failure> {
        if !self.is_asymmetric() {
            return Ok(json!({ "keys": [] }));
        }
        let wrong = |error| Failure::from_source("the public key", error);
        let jwk = Jwk::from_decoding_key(&self.verifying, Some(self.algorithm)).map_err(wrong)?;
        let mut jwk = serde_json::to_value(jwk)
            .map_err(|error| Failure::from_source("the public key", error))?;
        jwk["use"] = "sig".into();
        Ok(json!({ "keys": [jwk] }))
    }

    /// Signs claims; audience and issuer are added.
    ///
    /// # Errors
    /// A failure; also where there is no signing key.
    pub fn encode(&self, claims: &Claims) -> Result<String, Failure> {
        let Some(key) = &self.signing else {
            return Err(Failure::new("SIMPLE_JWT_SIGNING_KEY is not set"));
        };
        let mut claims = claims.clone();
        if let Some(audience) = &self.terms.audience {
            claims.insert("aud".to_owned(), audience.clone());
        }
        if let Some(issuer) = &self.terms.issuer {
            claims.insert("iss".to_owned(), issuer.as_str().into());
        }
        let header = format!("{{\"alg\":\"{}\",\"typ\":\"JWT\"}}", self.name);
        let message = format!(
            "{}.{}",
            unpadded(header.as_bytes()),
            unpadded(Value::Object(claims).to_string().as_bytes())
        );
        let signature = crypto::sign(message.as_bytes(), key, self.algorithm)
            .map_err(|error| Failure::from_source("a token could not be signed", error))?;
        Ok(format!("{message}.{signature}"))
    }

    /// Checks signature, times, audience and issuer.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn decode(&self, token: &str, now: Timestamp) -> Result<Claims, Rejected> {
        let (message, signature) = token.rsplit_once('.').ok_or(Rejected::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(Rejected::Invalid)?;
        let header: Value = object(header)?.into();
        if header["alg"].as_str() != Some(self.name.as_str()) || header.get("crit").is_some() {
            return Err(Rejected::Invalid);
        }
        match crypto::verify(
            signature,
            message.as_bytes(),
            &self.verifying,
            self.algorithm,
        ) {
            Ok(true) => {}
            _ => return Err(Rejected::Invalid),
        }
        let claims = object(payload)?;
        self.check(&claims, now)?;
        Ok(claims)
    }

    fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), Rejected> {
        let now = now.seconds();
        let leeway = i64::try_from(self.terms.leeway).unwrap_or(0);
        for start in ["iat", "nbf"] {
            if time(claims, start)?.is_some_and(|at| at > now + leeway) {
                return Err(Rejected::Invalid);
            }
        }
        for text in ["sub", "jti"] {
            if claims.get(text).is_some_and(|value| !value.is_string()) {
                return Err(Rejected::Invalid);
            }
        }
        if let Some(issuer) = &self.terms.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Rejected::Invalid);
        }
        if let Some(audience) = &self.terms.audience {
            let given = texts(claims.get("aud").unwrap_or(&Value::Null));
            if !texts(audience).iter().any(|one| given.contains(one)) {
                return Err(Rejected::Invalid);
            }
        }
        match time(claims, "exp")? {
            Some(end) if end <= now - leeway => Err(Rejected::Expired),
            _ => Ok(()),
        }
    }
}

fn object(part: &str) -> Result<Claims, Rejected> {
    let bytes = unpadded_decode(part).ok_or(Rejected::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| Rejected::Invalid)
}

/// A time in whole seconds, rounded down; nothing but a number is one.
fn time(claims: &Claims, name: &str) -> Result<Option<i64>, Rejected> {
    match claims.contains_key(name) {
        true => second(claims, name).map(Some).ok_or(Rejected::Invalid),
        false => Ok(None),
    }
}

/// A claim that is a time, in whole seconds, rounded down.
pub(crate) fn second(claims: &Claims, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a second; what is beyond all times saturates"
    )]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|at| at as i64))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
