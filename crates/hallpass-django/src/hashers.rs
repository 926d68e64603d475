//! Password hashes in Django's encodings: `algorithm$parameters$salt$hash`, one column of 128 characters.
//!
//! [`Hashers`] is PASSWORD_HASHERS: the first makes new hashes, all of them verify. Every verification costs one hash,
//! whatever the column holds: nothing, nonsense and an unusable password take as long as a wrong one.

mod encoded;
mod work;

use argon2::{Algorithm, AssociatedData, Block, Params, ParamsBuilder, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::csrf::ALPHABET;
use crate::signing::hex;
use encoded::{Encoded, Variety};
pub use encoded::{Summary, summary};
use work::{argon2, bcrypt, md5, pbkdf2, scrypt};

/// A hasher and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hasher {
    /// `pbkdf2_sha256`.
    Pbkdf2Sha256 {
        /// Iterations.
        iterations: u32,
    },
    /// `pbkdf2_sha1`.
    Pbkdf2Sha1 {
        /// Iterations.
        iterations: u32,
    },
    /// `argon2`, making argon2id.
    Argon2 {
        /// KiB.
        memory: u32,
        /// Passes.
        time: u32,
        /// Lanes.
        parallelism: u32,
    },
    /// `bcrypt_sha256`: bcrypt of the hex SHA-256.
    BcryptSha256 {
        /// Base-2 logarithm of the work.
        rounds: u32,
    },
    /// `bcrypt`: of the password itself, at most 72 bytes.
    Bcrypt {
        /// Base-2 logarithm of the work.
        rounds: u32,
    },
    /// `scrypt`.
    Scrypt {
        /// Work factor, a power of two.
        n: u32,
        /// Block size.
        r: u32,
        /// Lanes.
        p: u32,
    },
    /// `md5`: for tests only.
    Md5,
}

impl Hasher {
    /// argon2id with m=19456, t=2, p=1: OWASP's choice, and our default.
    pub const HALLPASS: Hasher = Hasher::Argon2 {
        memory: 19_456,
        time: 2,
        parallelism: 1,
    };

    /// A hasher of Django 6.1 with its parameters, by the class's dotted name or the algorithm's.
    pub fn from_name(name: &str) -> Option<Hasher> {
        Some(
            match name
                .strip_prefix("django.contrib.auth.hashers.")
                .unwrap_or(name)
            {
                "PBKDF2PasswordHasher" | "pbkdf2_sha256" => Hasher::Pbkdf2Sha256 {
                    iterations: 1_500_000,
                },
                "PBKDF2SHA1PasswordHasher" | "pbkdf2_sha1" => Hasher::Pbkdf2Sha1 {
                    iterations: 1_500_000,
                },
                "Argon2PasswordHasher" | "argon2" => Hasher::Argon2 {
                    memory: 102_400,
                    time: 2,
                    parallelism: 8,
                },
                "BCryptSHA256PasswordHasher" | "bcrypt_sha256" => {
                    Hasher::BcryptSha256 { rounds: 12 }
                }
                "BCryptPasswordHasher" | "bcrypt" => Hasher::Bcrypt { rounds: 12 },
                "ScryptPasswordHasher" | "scrypt" => Hasher::Scrypt {
                    n: 1 << 14,
                    r: 8,
                    p: 5,
                },
                "MD5PasswordHasher" | "md5" => Hasher::Md5,
                _ => return None,
            },
        )
    }

    /// What the encoding begins with.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Hasher::Pbkdf2Sha256 { .. } => "pbkdf2_sha256",
            Hasher::Pbkdf2Sha1 { .. } => "pbkdf2_sha1",
            Hasher::Argon2 { .. } => "argon2",
            Hasher::BcryptSha256 { .. } => "bcrypt_sha256",
            Hasher::Bcrypt { .. } => "bcrypt",
            Hasher::Scrypt { .. } => "scrypt",
            Hasher::Md5 => "md5",
        }
    }
}

/// Why a password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Raw bcrypt sees 72 bytes; more would be ignored, so more is refused.
    #[error("bcrypt takes passwords of at most 72 bytes")]
    TooLong,
    /// The hasher's parameters are out of range.
    #[error("the hasher's parameters are out of range")]
    Parameters,
}

/// What comparing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the right one.
    pub correct: bool,
    /// The hash should be made anew: another algorithm is preferred, or other parameters.
    pub must_update: bool,
}

const REFUSED: Verdict = Verdict {
    correct: false,
    must_update: false,
};

/// A salt: 22 letters and digits, 131 bits; for bcrypt 16 bytes.
pub struct Salt {
    text: String,
    bytes: [u8; 16],
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

/// Memory that a hashing thread keeps from one argon2 to the next: fresh pages cost up to a third of the hash.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

/// PASSWORD_HASHERS.
#[derive(Debug, Clone)]
pub struct Hashers {
    all: Vec<Hasher>,
    preferred: Hasher,
}

impl Hashers {
    /// The first makes new hashes. `None` if there is none.
    pub fn new(all: Vec<Hasher>) -> Option<Self> {
        let preferred = all.first()?.clone();
        Some(Hashers { all, preferred })
    }

    /// Ours first, then Django's in its order.
    pub fn hallpass() -> Self {
        let others = Hashers::django()
            .all
            .into_iter()
            .filter(|hasher| hasher.algorithm() != "argon2");
        let all = std::iter::once(Hasher::HALLPASS).chain(others).collect();
        Hashers {
            all,
            preferred: Hasher::HALLPASS,
        }
    }

    /// Django's default order and parameters.
    pub fn django() -> Self {
        let names = [
            "pbkdf2_sha256",
            "pbkdf2_sha1",
            "argon2",
            "bcrypt_sha256",
            "scrypt",
        ];
        let all: Vec<_> = names.into_iter().filter_map(Hasher::from_name).collect();
        Hashers {
            preferred: Hasher::Pbkdf2Sha256 {
                iterations: 1_500_000,
            },
            all,
        }
    }

    /// The hashers in their order.
    pub fn into_list(self) -> Vec<Hasher> {
        self.all
    }

    /// The hasher of new passwords.
    pub fn preferred(&self) -> &Hasher {
        &self.preferred
    }

    /// Encodes a password with the preferred hasher.
    pub fn encode(
        &self,
        password: &str,
        salt: &Salt,
        scratch: &mut Scratch,
    ) -> Result<String, HashError> {
        encode(&self.preferred, password, salt, scratch)
    }

    /// Compares a password with a column.
    pub fn verify(&self, password: &str, column: &str, scratch: &mut Scratch) -> Verdict {
        let hasher = identify(column)
            .and_then(|name| self.all.iter().find(|hasher| hasher.algorithm() == name));
        let parsed = hasher.and_then(|hasher| Encoded::parse(hasher.algorithm(), column));
        let (Some(hasher), Some(encoded)) = (hasher, parsed) else {
            self.verify_unknown(password, scratch);
            return REFUSED;
        };
        let changed = hasher.algorithm() != self.preferred.algorithm();
        let must_update = changed || encoded.must_update(&self.preferred);
        let correct = encoded.verify(password, scratch);
        if !correct && !changed && must_update {
            // The work that the stored parameters spare: or an old hash could be told by its speed.
            encoded.harden(&self.preferred, password, scratch);
        }
        Verdict {
            correct,
            must_update,
        }
    }

    /// The work of one hash, for an account that does not exist.
    pub fn verify_unknown(&self, password: &str, scratch: &mut Scratch) {
        let salt = Salt {
            text: "a".repeat(22),
            bytes: [0; 16],
        };
        // Raw bcrypt refuses long passwords at once for known accounts too.
        let _ = std::hint::black_box(encode(&self.preferred, password, &salt, scratch));
    }
}

/// Whether the column may hold a password: everything but `!…`. Django's notion: an empty column counts as usable and
/// matches nothing.
pub fn is_usable(column: &str) -> bool {
    !column.starts_with('!')
}

/// The algorithm of a column, or `None` for what no hasher of Django's current ones takes: unusable passwords, unsalted
/// MD5 (32 hex digits) and SHA-1.
pub fn identify(column: &str) -> Option<&str> {
    if !is_usable(column) || column.starts_with("md5$$") || column.starts_with("sha1$") {
        return None;
    }
    column.split_once('$').map(|(algorithm, _)| algorithm)
}

fn encode(
    hasher: &Hasher,
    password: &str,
    salt: &Salt,
    scratch: &mut Scratch,
) -> Result<String, HashError> {
    let (algorithm, text) = (hasher.algorithm(), &salt.text);
    Ok(match *hasher {
        Hasher::Pbkdf2Sha256 { iterations } => {
            format!(
                "{algorithm}${iterations}${text}${}",
                pbkdf2::<Sha256, 32>(password, text, iterations)
            )
        }
        Hasher::Pbkdf2Sha1 { iterations } => {
            format!(
                "{algorithm}${iterations}${text}${}",
                pbkdf2::<Sha1, 20>(password, text, iterations)
            )
        }
        Hasher::Argon2 {
            memory,
            time,
            parallelism,
        } => {
            let params = Params::new(memory, time, parallelism, Some(32))
                .map_err(|_| HashError::Parameters)?;
            let mut out = [0; 32];
            argon2(
                Algorithm::Argon2id,
                Version::V0x13,
                params,
                password,
                text.as_bytes(),
                &mut out,
                scratch,
            )
            .ok_or(HashError::Parameters)?;
            let (salt, hash) = (STANDARD_NO_PAD.encode(text), STANDARD_NO_PAD.encode(out));
            format!("{algorithm}$argon2id$v=19$m={memory},t={time},p={parallelism}${salt}${hash}")
        }
        Hasher::BcryptSha256 { rounds } => {
            let digest = hex(&Sha256::digest(password.as_bytes()));
            format!("{algorithm}${}", bcrypt(&digest, rounds, salt.bytes)?)
        }
        Hasher::Bcrypt { rounds } => {
            format!("{algorithm}${}", bcrypt(password, rounds, salt.bytes)?)
        }
        Hasher::Scrypt { n, r, p } => {
            let hash = scrypt(password, text, n, r, p).ok_or(HashError::Parameters)?;
            format!("{algorithm}${n}${text}${r}${p}${hash}")
        }
        Hasher::Md5 => format!("{algorithm}${text}${}", md5(password, text)),
    })
}

impl Encoded<'_> {
    fn verify(&self, password: &str, scratch: &mut Scratch) -> bool {
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
                bcrypt_matches(&hex(&Sha256::digest(password.as_bytes())), parts)
            }
            Encoded::Bcrypt { parts } => bcrypt_matches(password, parts),
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
    fn harden(&self, preferred: &Hasher, password: &str, _scratch: &mut Scratch) {
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
                    let _ = std::hint::black_box(bcrypt("", cost, [0; 16]));
                }
            }
            _ => {}
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn bcrypt_matches(password: &str, parts: &str) -> bool {
    let Ok(stored) = parts.parse::<bcrypt::HashParts>() else {
        return false;
    };
    let Ok(made) = bcrypt(password, stored.get_cost(), stored.get_salt_raw()) else {
        return false;
    };
    // The version's letter differs between makers, the hash does not.
    made.get(4..)
        .zip(parts.get(4..))
        .is_some_and(|(made, parts)| same(made, parts))
}
