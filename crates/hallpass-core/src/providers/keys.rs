//! Keys that providers sign with, as a JWK set (RFC 7517) or as Google's certificates by their names.
//!
//! A key says which algorithms it is good for, not the token: an RSA key's bytes must never become an HMAC's secret
//! (RFC 8725, 3.1). Whatever is not a public key for signatures is left out; the set of a provider may well have more.

use std::sync::Arc;

use hallpass_django::signing::unpadded_decode;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::Fault;
use super::kept::Kept;
use crate::domain::Timestamp;
use crate::outbound::{Outbound, Request};

use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};

/// Keys of a set that are looked at.
const MANY_KEYS: usize = 100;

/// Which algorithms an RSA key is good for that does not say.
const RSA: &[Algorithm] = &[RS256, RS384, RS512, PS256, PS384, PS512];

/// The keys of a provider.
pub(super) struct KeySet {
    keys: Vec<Key>,
}

struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys at `address`, fetched again if `has` says of the kept ones that they lack what is wanted. `of_stranger`: whether
/// the address is the word of somebody out there.
pub(super) async fn key_set(
    kept: &Kept<KeySet>,
    outbound: &Outbound,
    address: &str,
    of_stranger: bool,
    now: Timestamp,
    has: impl Fn(&KeySet) -> bool,
) -> Result<Arc<KeySet>, Fault> {
    if of_stranger {
        // Before it counts as an attempt: the host may be that of another provider, which waits for its keys.
        outbound.check_of_stranger(address)?;
    }
    let fetch = async {
        let request = Request::get(address).of_stranger(of_stranger);
        let answer = outbound.send(request).await?;
        if !answer.is_success() {
            let what = format!("the provider's keys: status {}", answer.status);
            return Err(Fault::Unavailable(what));
        }
        KeySet::read(&answer.json()?)
    };
    kept.get(address, now, has, fetch).await
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// [`Fault::Invalid`] if it is none, or nothing in it can be used.
    pub(super) fn read(document: &Value) -> Result<Self, Fault> {
        let keys: Vec<Key> = match (document.get("keys"), document) {
            (Some(Value::Array(list)), _) => list.iter().take(MANY_KEYS).filter_map(key).collect(),
            (None, Value::Object(certificates)) => certificates
                .iter()
                .take(MANY_KEYS)
                .filter_map(|(kid, pem)| certificate(kid, pem))
                .collect(),
            _ => Vec::new(),
        };
        match keys.is_empty() {
            true => Err(Fault::Invalid(
                "the provider's key set has no key for signatures".to_owned(),
            )),
            false => Ok(KeySet { keys }),
        }
    }

    /// The keys that may have signed: those of that name, and without a name the only one there is (OpenID Connect Core,
    /// 10.1). Two of one name are both tried: they are the provider's either way.
    pub(super) fn of(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<&DecodingKey> {
        let named = |key: &&Key| kid.is_none_or(|kid| key.is(kid));
        let fitting: Vec<&DecodingKey> = self
            .keys
            .iter()
            .filter(named)
            .filter(|key| key.algorithms.contains(&algorithm))
            .map(|key| &key.key)
            .collect();
        match kid {
            None if fitting.len() > 1 => Vec::new(),
            _ => fitting,
        }
    }
}

impl Key {
    fn is(&self, kid: &str) -> bool {
        self.kid.as_deref() == Some(kid)
    }
}

fn key(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if jwk.get("use").is_some() && text("use") != Some("sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops") {
        let verify = Value::from("verify");
        operations
            .as_array()
            .filter(|list| list.contains(&verify))?;
    }
    let bytes = |name: &str| unpadded_decode(text(name)?);
    let (mut algorithms, key) = match text("kty")? {
        "RSA" => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            (RSA.to_vec(), DecodingKey::from_rsa_raw_components(&n, &e))
        }
        "EC" => {
            let (algorithm, length) = match text("crv")? {
                "P-256" => (ES256, 32),
                "P-384" => (ES384, 48),
                _ => return None,
            };
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != length || y.len() != length {
                return None;
            }
            let point = [&[4], x.as_slice(), &y].concat();
            (vec![algorithm], DecodingKey::from_ec_der(&point))
        }
        "OKP" if text("crv") == Some("Ed25519") => {
            let x = bytes("x").filter(|x| x.len() == 32)?;
            (vec![EdDSA], DecodingKey::from_ed_der(&x))
        }
        // A secret that is served to everybody is none.
        _ => return None,
    };
    if let Some(alg) = jwk.get("alg") {
        let said = algorithm(alg.as_str()?)?;
        algorithms.retain(|algorithm| *algorithm == said);
    }
    (!algorithms.is_empty()).then(|| Key {
        kid: text("kid").map(str::to_owned),
        algorithms,
        key,
    })
}

/// `{"<kid>": "-----BEGIN CERTIFICATE-----…"}`, which Google serves beside its key set. The name and the dates of such a
/// certificate mean nothing.
fn certificate(kid: &str, pem: &Value) -> Option<Key> {
    let pem = pem
        .as_str()
        .filter(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----"))?;
    Some(Key {
        kid: Some(kid.to_owned()),
        algorithms: RSA.to_vec(),
        key: DecodingKey::from_rsa_pem(pem.as_bytes()).ok()?,
    })
}

/// An algorithm with a public key, by its name. `none` and those with a shared secret are not among them.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => RS256,
        "RS384" => RS384,
        "RS512" => RS512,
        "PS256" => PS256,
        "PS384" => PS384,
        "PS512" => PS512,
        "ES256" => ES256,
        "ES384" => ES384,
        "EdDSA" | "Ed25519" => EdDSA,
        _ => return None,
    })
}
