//! Comparing a password with what a column holds.

use argon2::{Algorithm, AssociatedData, ParamsBuilder, Version};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::encoded::{self, Encoded, Variety};
use super::work::{BCRYPT_LIMIT, argon2, bcrypt, md5, pbkdf2, scrypt};
use super::{Hasher, Scratch};
use crate::signing::hex;

impl Encoded<'_> {
    pub(super) fn verify(&self, password: &str, scratch: &mut Scratch) -> bool {
        match *self {
            Encoded::Pbkdf2Sha256 {
                iterations,
                salt,
                hash,
            } => same(&pbkdf2::<Sha256, 32>(password, salt, iterations), hash),
            Encoded::Pbkdf2Sha1 {
                iterations,
                salt,
                hash,
            } => same(&pbkdf2::<Sha1, 20>(password, salt, iterations), hash),
            Encoded::Argon2 {
                variety,
                version,
                memory,
                time,
                parallelism,
                ref salt,
                ref hash,
            } => {
                let mut builder = ParamsBuilder::new();
                builder
                    .m_cost(memory)
                    .t_cost(time)
                    .p_cost(parallelism)
                    .output_len(hash.len());
                builder.data(AssociatedData::EMPTY);
                let Ok(params) = builder.build() else {
                    return false;
                };
                let algorithm = match variety {
                    Variety::D => Algorithm::Argon2d,
                    Variety::I => Algorithm::Argon2i,
                    Variety::Id => Algorithm::Argon2id,
                };
                let version = if version == 16 {
                    Version::V0x10
                } else {
                    Version::V0x13
                };
                let mut out = vec![0; hash.len()];
                let done = argon2(
                    algorithm, version, params, password, salt, &mut out, scratch,
                );
                done.is_some() && bool::from(out.ct_eq(hash))
            }
            Encoded::BcryptSha256 { parts } => {
                bcrypt_matches(hex(&Sha256::digest(password)).as_bytes(), parts)
            }
            Encoded::Bcrypt { parts } => {
                // A longer one is wrong, but only after the work: or accounts with such a hash could be told by speed.
                let matches = bcrypt_matches(password.as_bytes(), parts);
                matches && password.len() <= BCRYPT_LIMIT
            }
            Encoded::Scrypt {
                n,
                salt,
                r,
                p,
                hash,
            } => scrypt(password, salt, n, r, p).is_some_and(|made| same(&made, hash)),
            Encoded::Md5 { salt, hash } => same(&md5(password, salt), hash),
        }
    }

    /// The difference between what this hash cost and what a new one would.
    pub(super) fn harden(&self, preferred: &Hasher, password: &str) {
        match (self, preferred) {
            (
                Encoded::Pbkdf2Sha256 {
                    iterations, salt, ..
                },
                Hasher::Pbkdf2Sha256 { iterations: wanted },
            ) => {
                let more = wanted.saturating_sub(*iterations);
                if more > 0 {
                    std::hint::black_box(pbkdf2::<Sha256, 32>(password, salt, more));
                }
            }
            (
                Encoded::Pbkdf2Sha1 {
                    iterations, salt, ..
                },
                Hasher::Pbkdf2Sha1 { iterations: wanted },
            ) => {
                let more = wanted.saturating_sub(*iterations);
                if more > 0 {
                    std::hint::black_box(pbkdf2::<Sha1, 20>(password, salt, more));
                }
            }
            (Encoded::Bcrypt { parts }, Hasher::Bcrypt { rounds })
            | (Encoded::BcryptSha256 { parts }, Hasher::BcryptSha256 { rounds }) => {
                // 2^a and all powers from a to b-1 make 2^b.
                for cost in encoded::bcrypt_cost(parts).unwrap_or(*rounds)..*rounds {
                    std::hint::black_box(bcrypt(password.as_bytes(), cost, [0; 16]));
                }
            }
            _ => {}
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn bcrypt_matches(password: &[u8], parts: &str) -> bool {
    let Ok(stored) = parts.parse::<bcrypt::HashParts>() else {
        return false;
    };
    let Some(made) = bcrypt(password, stored.get_cost(), stored.get_salt_raw()) else {
        return false;
    };
    // The version's letter differs between makers, the hash does not.
    made.get(4..)
        .zip(parts.get(4..))
        .is_some_and(|(made, parts)| same(made, parts))
}
