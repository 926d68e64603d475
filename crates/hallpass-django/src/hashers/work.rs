//! The hash functions themselves, and what a hash needs besides the password.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::EagerHash;
use md5::Md5;
use sha2::Digest as _;

use crate::csrf::ALPHABET;
use crate::signing::hex;

/// A salt: 22 letters and digits, 131 bits; for bcrypt 16 bytes.
pub struct Salt {
    pub(super) text: String,
    pub(super) bytes: [u8; 16],
}

impl Salt {
    /// From 32 random bytes.
    pub fn from_random(random: [u8; 32]) -> Self {
        let mut text = String::with_capacity(22);
        for half in random.chunks(16) {
            let mut number = half
                .iter()
                .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            for _ in 0..11 {
                text.push(char::from(
                    ALPHABET[usize::try_from(number % 62).unwrap_or(0)],
                ));
                number /= 62;
            }
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&random[8..24]);
        Salt { text, bytes }
    }
}

/// 128 MiB, in argon2's blocks: enough for Django's parameters.
const KEPT: usize = 128 << 10;

/// Memory that a hashing thread keeps from one argon2 to the next: fresh pages cost up to a third of the hash. It is
/// wiped after each, and what one unusual hash needs beyond 128 MiB is given back.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

pub(super) fn pbkdf2<D: EagerHash, const N: usize>(
    password: &str,
    salt: &str,
    iterations: u32,
) -> String {
    let mut out = [0; N];
    pbkdf2::pbkdf2_hmac::<D>(password.as_bytes(), salt.as_bytes(), iterations, &mut out);
    STANDARD.encode(out)
}

pub(super) fn argon2(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: &str,
    salt: &[u8],
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Option<()> {
    let blocks = params.block_count();
    if let Some(missing) = blocks.checked_sub(scratch.0.len()) {
        scratch.0.try_reserve_exact(missing).ok()?;
        scratch.0.resize(blocks, Block::default());
    }
    let memory = &mut scratch.0[..blocks];
    let hashed = Argon2::new(algorithm, version, params).hash_password_into_with_memory(
        password.as_bytes(),
        salt,
        out,
        &mut *memory,
    );
    memory.fill(Block::default());
    if blocks > KEPT {
        scratch.0.truncate(KEPT);
        scratch.0.shrink_to_fit();
    }
    hashed.ok()
}

/// What raw bcrypt sees of a password, in bytes.
pub(super) const BCRYPT_LIMIT: usize = 72;

/// Bytes beyond the first 72 do not count: whoever cares compares the length.
pub(super) fn bcrypt(password: &[u8], rounds: u32, salt: [u8; 16]) -> Option<String> {
    let parts = bcrypt::hash_with_salt(password, rounds, salt).ok()?;
    Some(parts.format_for_version(bcrypt::Version::TwoB))
}

pub(super) fn scrypt(password: &str, salt: &str, n: u32, r: u32, p: u32) -> Option<String> {
    if !n.is_power_of_two() {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(n.trailing_zeros()).ok()?, r, p).ok()?;
    let mut out = [0; 64];
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut out).ok()?;
    Some(STANDARD.encode(out))
}

pub(super) fn md5(password: &str, salt: &str) -> String {
    hex(&Md5::new()
        .chain_update(salt)
        .chain_update(password)
        .finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_is_kept_and_nothing_in_it() {
        let mut scratch = Scratch::default();
        for blocks in [64, KEPT + 1024, 8] {
            let params = Params::new(u32::try_from(blocks).unwrap(), 1, 1, None).unwrap();
            let mut hash = [0; 32];
            argon2(
                Algorithm::Argon2id,
                Version::V0x13,
                params,
                "password",
                b"saltsalt",
                &mut hash,
                &mut scratch,
            )
            .unwrap();
            assert_ne!(hash, [0; 32]);
            assert!(scratch.0.capacity() <= KEPT);
            assert!(
                scratch
                    .0
                    .iter()
                    .all(|block| block.as_ref().iter().all(|word| *word == 0))
            );
        }
    }
}
