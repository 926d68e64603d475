//! What must rest in the database but not be readable there: letters with sign-in links in them.
//!
//! AES-256-GCM under a key derived from SECRET_KEY, written as `v1.` and base64url of nonce and ciphertext. The purpose
//! is bound in, so that what was sealed for one use opens for no other. Retired secrets still open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hallpass_django::SecretKeys;
use hallpass_django::signing::{Algorithm, salted_hmac, unpadded, unpadded_decode};

use super::secret::random_bytes;
use crate::error::Failure;

/// Seals and opens.
pub struct Sealer {
    keys: Vec<LessSafeKey>,
}

impl Sealer {
    /// With keys derived from the secrets.
    pub fn new(keys: &SecretKeys) -> Result<Self, Failure> {
        let derive = |secret: &str| {
            let key = salted_hmac(
                Algorithm::Sha256,
                "hallpass.sealed.v1",
                b"AES-256-GCM",
                secret,
            );
            UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new)
        };
        let keys: Result<Vec<_>, _> = keys.all().map(derive).collect();
        Ok(Sealer {
            keys: keys.map_err(|_| Failure::new("no key for sealing"))?,
        })
    }

    /// Seals for a purpose.
    pub fn seal(&self, purpose: &str, content: &[u8]) -> Result<String, Failure> {
        let wrong = || Failure::new("sealing failed");
        let key = self.keys.first().ok_or_else(wrong)?;
        let nonce: [u8; NONCE_LEN] = random_bytes();
        let mut sealed = content.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose),
            &mut sealed,
        )
        .map_err(|_| wrong())?;
        Ok(format!(
            "v1.{}",
            unpadded(&[&nonce, sealed.as_slice()].concat())
        ))
    }

    /// Opens what was sealed for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, Failure> {
        let wrong = || {
            Failure::new(
                "what was sealed does not open: was SECRET_KEY replaced without a fallback?",
            )
        };
        let bytes = sealed
            .strip_prefix("v1.")
            .and_then(unpadded_decode)
            .ok_or_else(wrong)?;
        let (nonce, content) = bytes.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        for key in &self.keys {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
            let mut content = content.to_vec();
            if let Ok(open) = key.open_in_place(nonce, Aad::from(purpose), &mut content) {
                return Ok(open.to_vec());
            }
        }
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_the_same_purpose_and_a_known_secret_only() {
        let old = Sealer::new(&SecretKeys::new("old", [])).unwrap();
        let new = Sealer::new(&SecretKeys::new("new", ["old".to_owned()])).unwrap();
        let sealed = old.seal("letter", b"link").unwrap();
        assert_ne!(sealed, old.seal("letter", b"link").unwrap());
        assert_eq!(new.open("letter", &sealed).unwrap(), b"link");
        assert!(new.open("other", &sealed).is_err());
        assert!(
            Sealer::new(&SecretKeys::new("new", []))
                .unwrap()
                .open("letter", &sealed)
                .is_err()
        );
        for bad in ["", "v1.", "v1.AAAA", "v2.xx", &sealed[..sealed.len() - 2]] {
            assert!(old.open("letter", bad).is_err(), "{bad}");
        }
    }
}
