//! Randomness, and what is kept of a secret.
//!
//! The one place that draws random bytes. A secret that a person or a browser carries is kept here only as a digest
//! wherever its format allows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// `N` bytes from the operating system. It has no sensible answer when the system has none to give, so it stops.
#[expect(clippy::disallowed_methods, reason = "the one door to randomness")]
#[expect(
    clippy::expect_used,
    reason = "a system without randomness can make no secret; going on would be worse"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `length` characters of `alphabet`, each as likely as the other (rejection, no modulo bias).
pub fn random_text(alphabet: &[u8], length: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random_bytes::<64>() {
            if usize::from(byte) < fair && text.len() < length {
                text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
    }
    text
}

/// Django's alphabet for salts, CSRF secrets and masks.
pub const ALPHANUMERIC: &[u8; 62] =
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Django's alphabet for session keys.
pub const LOWER_ALPHANUMERIC: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// SHA-256 of a secret as base64url, 43 characters: enough to find it again, useless to present. Only for secrets with
/// more than 128 bits of their own.
pub fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub fn same(given: &str, known: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), known.as_bytes()).is_ok()
}

/// A password column that no password matches: `!` and 40 random letters.
pub fn unusable_password() -> String {
    format!("!{}", random_text(ALPHANUMERIC, 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_text_has_the_length_and_every_letter() {
        let text = random_text(LOWER_ALPHANUMERIC, 5000);
        assert_eq!(text.len(), 5000);
        for letter in LOWER_ALPHANUMERIC {
            assert!(text.bytes().any(|b| b == *letter));
        }
        assert_ne!(random_text(ALPHANUMERIC, 32), random_text(ALPHANUMERIC, 32));
    }
}
