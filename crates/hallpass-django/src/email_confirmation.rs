//! allauth's stateless e-mail confirmation keys: `signing.dumps` of the address row's key.

use serde_json::Value;

use crate::signing::{SecretKeys, Signer, SigningError};

/// ACCOUNT_SALT's default.
pub const SALT: &str = "account";

/// Makes and reads the keys.
#[derive(Clone)]
pub struct EmailConfirmationKeys(Signer);

impl EmailConfirmationKeys {
    /// `salt` is ACCOUNT_SALT.
    pub fn new(keys: &SecretKeys, salt: &str) -> Self {
        EmailConfirmationKeys(Signer::new(keys, salt))
    }

    /// The key for the row with this primary key; `now` in Unix seconds.
    pub fn make(&self, pk: i64, now: i64) -> String {
        self.0.dumps(&Value::from(pk), now, false)
    }

    /// The row's primary key, if the key is ours and at most `max_age` seconds old.
    pub fn read(&self, key: &str, now: i64, max_age: i64) -> Result<i64, SigningError> {
        self.0
            .loads(key, now, Some(max_age))?
            .as_i64()
            .ok_or(SigningError::Malformed)
    }
}
