//! `django.core.signing`: HMACs under a secret, with a salt for every purpose.
//!
//! A signature is `base64url(HMAC(key, value))` without padding, where `key` is the hash of salt, `"signer"` and the
//! secret. With a timestamp, base62 seconds stand between value and signature. [`Signer::dumps`] signs JSON, which it may
//! compress. Secrets that were replaced stay good for reading as fallbacks.

mod encoding;

use std::borrow::Cow;
use std::fmt;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use encoding::{
    base36, base62, from_base36, from_base62, json_ascii, unpadded, unpadded_decode,
};

/// The most that a compressed payload may unfold to. A signature is checked before, so only a holder of the secret
/// could send a larger one.
pub const DECOMPRESSED_LIMIT: u64 = 8 << 20;

/// The secret that signs, and those that still verify. No part of it can be printed.
#[derive(Clone)]
pub struct SecretKeys {
    current: Zeroizing<String>,
    fallbacks: Vec<Zeroizing<String>>,
}

impl SecretKeys {
    /// SECRET_KEY and SECRET_KEY_FALLBACKS.
    pub fn new(current: impl Into<String>, fallbacks: impl IntoIterator<Item = String>) -> Self {
        SecretKeys {
            current: Zeroizing::new(current.into()),
            fallbacks: fallbacks.into_iter().map(Zeroizing::new).collect(),
        }
    }

    /// The secret that signs.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The current secret, then the fallbacks.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.current.as_str()).chain(self.fallbacks.iter().map(|key| key.as_str()))
    }
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKeys(1 and {} fallbacks)", self.fallbacks.len())
    }
}

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Of old signatures only.
    Sha1,
    /// Django's default.
    Sha256,
    /// By choice of the signer.
    Sha512,
}

/// An HMAC whose key is already absorbed: cheap to use many times.
#[derive(Clone)]
pub(crate) enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Keyed {
    /// The key is the hash of `salt` and `secret`, as in `salted_hmac`.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub(crate) fn salted(algorithm: Algorithm, salt: &[&str], secret: &str) -> Self {
        fn key<D: sha2::Digest>(salt: &[&str], secret: &str) -> Vec<u8> {
            let mut hash = D::new();
            for part in salt {
                hash.update(part);
            }
            hash.update(secret);
            hash.finalize().to_vec()
        }
        const ANY: &str = "a key of any length";
        match algorithm {
            Algorithm::Sha1 => {
                Keyed::Sha1(Hmac::new_from_slice(&key::<Sha1>(salt, secret)).expect(ANY))
            }
            Algorithm::Sha256 => {
                Keyed::Sha256(Hmac::new_from_slice(&key::<Sha256>(salt, secret)).expect(ANY))
            }
            Algorithm::Sha512 => {
                Keyed::Sha512(Hmac::new_from_slice(&key::<Sha512>(salt, secret)).expect(ANY))
            }
        }
    }

    pub(crate) fn sum(&self, parts: &[&[u8]]) -> Vec<u8> {
        macro_rules! sum {
            ($mac:expr) => {{
                let mut mac = $mac.clone();
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match self {
            Keyed::Sha1(mac) => sum!(mac),
            Keyed::Sha256(mac) => sum!(mac),
            Keyed::Sha512(mac) => sum!(mac),
        }
    }
}

/// `salted_hmac(key_salt, value, secret)`: the raw bytes.
pub fn salted_hmac(algorithm: Algorithm, key_salt: &str, value: &[u8], secret: &str) -> Vec<u8> {
    Keyed::salted(algorithm, &[key_salt], secret).sum(&[value])
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Why a signed value is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// No signature, or not one of ours.
    #[error("the signature does not match")]
    BadSignature,
    /// Ours, but older than allowed.
    #[error("the signature is too old")]
    SignatureExpired,
    /// Ours, but what it signs is not what was expected.
    #[error("the signed value is malformed")]
    Malformed,
}

/// `Signer` and `TimestampSigner`: one purpose, current key and fallbacks.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<Keyed>,
    separator: char,
}

impl Signer {
    /// SHA-256, as Django's default.
    pub fn new(keys: &SecretKeys, salt: &str) -> Self {
        Signer::with(Algorithm::Sha256, keys, salt)
    }

    /// Any algorithm.
    pub fn with(algorithm: Algorithm, keys: &SecretKeys, salt: &str) -> Self {
        let keys = keys
            .all()
            .map(|key| Keyed::salted(algorithm, &[salt, "signer"], key))
            .collect();
        Signer {
            keys,
            separator: ':',
        }
    }

    /// With another character between value and signature. It must not be one of base64url's.
    #[must_use]
    pub fn separated_by(self, separator: char) -> Self {
        Signer { separator, ..self }
    }

    fn signature(&self, key: &Keyed, value: &str) -> String {
        unpadded(&key.sum(&[value.as_bytes()]))
    }

    /// `value:signature`.
    pub fn sign(&self, value: &str) -> String {
        // There is always the current key.
        let signature = self
            .keys
            .first()
            .map(|key| self.signature(key, value))
            .unwrap_or_default();
        format!("{value}{}{signature}", self.separator)
    }

    /// The value, if the signature is ours.
    pub fn unsign<'a>(&self, signed: &'a str) -> Result<&'a str, SigningError> {
        let (value, signature) = signed
            .rsplit_once(self.separator)
            .ok_or(SigningError::BadSignature)?;
        let good = self.keys.iter().any(|key| {
            // Compared as text: base64 has more than one spelling of some bytes, and only ours is taken.
            self.signature(key, value)
                .as_bytes()
                .ct_eq(signature.as_bytes())
                .into()
        });
        if good {
            Ok(value)
        } else {
            Err(SigningError::BadSignature)
        }
    }

    /// `value:time:signature`; `now` in Unix seconds.
    pub fn sign_timed(&self, value: &str, now: i64) -> String {
        self.sign(&format!("{value}{}{}", self.separator, base62(now)))
    }

    /// The value, if the signature is ours and at most `max_age` seconds old. A time in the future passes, as in Django:
    /// clocks differ.
    pub fn unsign_timed<'a>(
        &self,
        signed: &'a str,
        now: i64,
        max_age: Option<i64>,
    ) -> Result<&'a str, SigningError> {
        let (value, at) = self
            .unsign(signed)?
            .rsplit_once(':')
            .ok_or(SigningError::BadSignature)?;
        let at = from_base62(at).ok_or(SigningError::Malformed)?;
        match max_age {
            Some(max_age) if now.saturating_sub(at) > max_age => {
                Err(SigningError::SignatureExpired)
            }
            _ => Ok(value),
        }
    }

    /// `sign_object`: JSON in base64url, signed without a time.
    pub fn sign_object(&self, json: &serde_json::Value, compress: bool) -> String {
        self.sign(&pack(json, compress))
    }

    /// `unsign_object`.
    pub fn unsign_object(&self, signed: &str) -> Result<serde_json::Value, SigningError> {
        unpack(self.unsign(signed)?)
    }

    /// `signing.dumps`: JSON in base64url, signed with a time.
    pub fn dumps(&self, json: &serde_json::Value, now: i64, compress: bool) -> String {
        self.sign_timed(&pack(json, compress), now)
    }

    /// `signing.loads`.
    pub fn loads(
        &self,
        signed: &str,
        now: i64,
        max_age: Option<i64>,
    ) -> Result<serde_json::Value, SigningError> {
        unpack(self.unsign_timed(signed, now, max_age)?)
    }
}

/// The salt of [`Signer::dumps`] when none is given.
pub const DUMPS_SALT: &str = "django.core.signing";

/// JSON as base64url, after `.` if compressing it made it shorter.
fn pack(json: &serde_json::Value, compress: bool) -> String {
    let text = json_ascii(json);
    if compress
        && let Some(squeezed) = deflate(text.as_bytes())
        && squeezed.len() + 1 < text.len()
    {
        return format!(".{}", unpadded(&squeezed));
    }
    unpadded(text.as_bytes())
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Undoes [`pack`]; the signature has been checked.
pub(crate) fn unpack<T: serde::de::DeserializeOwned>(packed: &str) -> Result<T, SigningError> {
    let bytes: Cow<'_, str> = packed.into();
    let (squeezed, text) = match bytes.strip_prefix('.') {
        Some(rest) => (true, rest),
        None => (false, &*bytes),
    };
    let mut json = unpadded_decode(text).ok_or(SigningError::Malformed)?;
    if squeezed {
        let mut unfolded = Vec::with_capacity(json.len() * 2);
        let read = ZlibDecoder::new(json.as_slice())
            .take(DECOMPRESSED_LIMIT + 1)
            .read_to_end(&mut unfolded);
        if read.is_err() || unfolded.len() as u64 > DECOMPRESSED_LIMIT {
            return Err(SigningError::Malformed);
        }
        json = unfolded;
    }
    serde_json::from_slice(&json).map_err(|_| SigningError::Malformed)
}

/// `get_cookie_signer`: the signer of a signed cookie.
pub fn cookie_signer(keys: &SecretKeys, name: &str, salt: &str) -> Signer {
    // The length keeps salt and name apart: "a"+"bc" and "ab"+"c" were one signer before.
    cookie_signer_with(
        keys,
        &format!(
            "django.http.cookies.v2:{}:{salt}{name}",
            salt.chars().count()
        ),
    )
}

/// The signer of cookies before Django 6.1 and 5.2's security releases, for SIGNED_COOKIE_LEGACY_SALT_FALLBACK.
pub fn legacy_cookie_signer(keys: &SecretKeys, name: &str, salt: &str) -> Signer {
    cookie_signer_with(keys, &format!("{name}{salt}"))
}

fn cookie_signer_with(keys: &SecretKeys, salt: &str) -> Signer {
    let prefixed = |key: &str| format!("django.http.cookies{key}");
    let mut all = keys.all().map(prefixed);
    let current = all.next().unwrap_or_default();
    Signer::new(&SecretKeys::new(current, all.collect::<Vec<_>>()), salt)
}
