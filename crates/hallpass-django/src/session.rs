//! Django's sessions: the signed payload of `django_session.session_data`, and the hash that ties a session to a password.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::signing::{Algorithm, Keyed, SecretKeys, Signer, hex, unpack};

/// The user's key, as text.
pub const AUTH_USER_ID: &str = "_auth_user_id";
/// The dotted path of the backend that let the user in.
pub const AUTH_USER_BACKEND: &str = "_auth_user_backend";
/// [`SessionCodec::auth_hash`] of the password column.
pub const AUTH_USER_HASH: &str = "_auth_user_hash";
/// Seconds, 0 for "until the browser closes", or an ISO time.
pub const SESSION_EXPIRY: &str = "_session_expiry";

/// The salt of payloads in the database.
pub const DATABASE_SALT: &str = "django.contrib.sessions.SessionStore";
/// The salt of sessions kept whole in a cookie.
pub const COOKIE_SALT: &str = "django.contrib.sessions.backends.signed_cookies";
const AUTH_HASH_SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// Whether a cookie's value has the shape of a session key: 8 to 40 of `[a-z0-9]`.
pub fn is_valid_key(text: &str) -> bool {
    (8..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// How the hash in a session relates to the password column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthHash {
    /// Made with the current secret.
    Current,
    /// Made with a fallback: to be written anew, under a new session key.
    Fallback,
    /// Of another password.
    Wrong,
}

/// Reads and writes payloads. Holds the derived keys, so that a session check derives none.
#[derive(Clone)]
pub struct SessionCodec {
    signer: Signer,
    hashes: Vec<Keyed>,
}

impl SessionCodec {
    /// For payloads in the database.
    pub fn new(keys: &SecretKeys) -> Self {
        SessionCodec::with_salt(keys, DATABASE_SALT)
    }

    /// For payloads under another salt.
    pub fn with_salt(keys: &SecretKeys, salt: &str) -> Self {
        let hashes = keys
            .all()
            .map(|key| Keyed::salted(Algorithm::Sha256, &[AUTH_HASH_SALT], key))
            .collect();
        SessionCodec {
            signer: Signer::new(keys, salt),
            hashes,
        }
    }

    /// The payload as the database keeps it; `now` in Unix seconds.
    pub fn encode(&self, data: &Map<String, Value>, now: i64) -> String {
        self.signer.dumps(&Value::Object(data.clone()), now, true)
    }

    /// The payload's content; empty if it was tampered with or is no object. Its age is the row's business.
    pub fn decode(&self, payload: &str) -> Map<String, Value> {
        let Ok(packed) = self.signer.unsign_timed(payload, 0, None) else {
            return Map::new();
        };
        unpack(packed).unwrap_or_default()
    }

    /// The value of `_auth_user_hash` for a password column.
    pub fn auth_hash(&self, password: &str) -> String {
        self.hashes
            .first()
            .map(|key| hex(&key.sum(&[password.as_bytes()])))
            .unwrap_or_default()
    }

    /// Compares a session's hash with the password column.
    pub fn check_auth_hash(&self, password: &str, hash: &str) -> AuthHash {
        for (index, key) in self.hashes.iter().enumerate() {
            let expected = hex(&key.sum(&[password.as_bytes()]));
            if expected.as_bytes().ct_eq(hash.as_bytes()).into() {
                return if index == 0 {
                    AuthHash::Current
                } else {
                    AuthHash::Fallback
                };
            }
        }
        AuthHash::Wrong
    }
}
