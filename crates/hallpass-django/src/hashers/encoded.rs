//! Reading a password column: nothing is computed yet, and what would cost too much is not even read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Hasher;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variety {
    D,
    I,
    Id,
}

pub(super) enum Encoded<'a> {
    Pbkdf2Sha256 {
        iterations: u32,
        salt: &'a str,
        hash: &'a str,
    },
    Pbkdf2Sha1 {
        iterations: u32,
        salt: &'a str,
        hash: &'a str,
    },
    Argon2 {
        variety: Variety,
        version: u32,
        memory: u32,
        time: u32,
        parallelism: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    BcryptSha256 {
        parts: &'a str,
    },
    Bcrypt {
        parts: &'a str,
    },
    Scrypt {
        n: u32,
        salt: &'a str,
        r: u32,
        p: u32,
        hash: &'a str,
    },
    Md5 {
        salt: &'a str,
        hash: &'a str,
    },
}

impl<'a> Encoded<'a> {
    pub(super) fn parse(algorithm: &str, column: &'a str) -> Option<Self> {
        let rest = column.strip_prefix(algorithm)?.strip_prefix('$')?;
        match algorithm {
            "pbkdf2_sha256" | "pbkdf2_sha1" => {
                let [iterations, salt, hash] = fields(rest, '$')?;
                let iterations = number(iterations)?;
                afford(&Hasher::Pbkdf2Sha256 { iterations })?;
                Some(match algorithm {
                    "pbkdf2_sha256" => Encoded::Pbkdf2Sha256 {
                        iterations,
                        salt,
                        hash,
                    },
                    _ => Encoded::Pbkdf2Sha1 {
                        iterations,
                        salt,
                        hash,
                    },
                })
            }
            "argon2" => argon2(rest),
            "bcrypt_sha256" => bcrypt_cost(rest).map(|_| Encoded::BcryptSha256 { parts: rest }),
            "bcrypt" => bcrypt_cost(rest).map(|_| Encoded::Bcrypt { parts: rest }),
            "scrypt" => {
                let [n, salt, r, p, hash] = fields(rest, '$')?;
                let (n, r, p) = (number(n)?, number(r)?, number(p)?);
                afford(&Hasher::Scrypt { n, r, p })?;
                Some(Encoded::Scrypt {
                    n,
                    salt,
                    r,
                    p,
                    hash,
                })
            }
            "md5" => {
                let [salt, hash] = fields(rest, '$')?;
                Some(Encoded::Md5 { salt, hash })
            }
            _ => None,
        }
    }

    /// Whether a new hash by `preferred`, which is of the same algorithm, would be made otherwise.
    pub(super) fn must_update(&self, preferred: &Hasher) -> bool {
        match (self, preferred) {
            (
                Encoded::Pbkdf2Sha256 {
                    iterations, salt, ..
                },
                Hasher::Pbkdf2Sha256 { iterations: wanted },
            )
            | (
                Encoded::Pbkdf2Sha1 {
                    iterations, salt, ..
                },
                Hasher::Pbkdf2Sha1 { iterations: wanted },
            ) => iterations != wanted || is_short(salt.chars().count()),
            (
                Encoded::Argon2 {
                    variety,
                    version,
                    memory,
                    time,
                    parallelism,
                    salt,
                    hash,
                },
                Hasher::Argon2 {
                    memory: m,
                    time: t,
                    parallelism: p,
                },
            ) => {
                let same = *variety == Variety::Id
                    && *version == 19
                    && (memory, time, parallelism) == (m, t, p);
                !same || hash.len() != 32 || is_short(salt.len())
            }
            (Encoded::BcryptSha256 { parts }, Hasher::BcryptSha256 { rounds })
            | (Encoded::Bcrypt { parts }, Hasher::Bcrypt { rounds }) => {
                bcrypt_cost(parts) != Some(*rounds)
            }
            (
                Encoded::Scrypt { n, r, p, .. },
                Hasher::Scrypt {
                    n: wanted_n,
                    r: wanted_r,
                    p: wanted_p,
                },
            ) => (n, r, p) != (wanted_n, wanted_r, wanted_p),
            (Encoded::Md5 { salt, .. }, Hasher::Md5) => is_short(salt.chars().count()),
            _ => true,
        }
    }
}

/// Below 128 bits, at 62 letters: fewer than 22.
fn is_short(length: usize) -> bool {
    length < 22
}

/// A hash that took so much is not computed.
fn afford(hasher: &Hasher) -> Option<()> {
    hasher.is_affordable().then_some(())
}

fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let parts: Vec<&str> = text.splitn(N, separator).collect();
    parts.try_into().ok()
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        None
    } else {
        text.parse().ok()
    }
}

/// `argon2id$v=19$m=…,t=…,p=…$salt$hash`; without `v=` it is version 16.
fn argon2(rest: &str) -> Option<Encoded<'_>> {
    let mut parts = rest.split('$');
    let variety = match parts.next()? {
        "argon2d" => Variety::D,
        "argon2i" => Variety::I,
        "argon2id" => Variety::Id,
        _ => return None,
    };
    let mut next = parts.next()?;
    let version = match next.strip_prefix("v=") {
        Some(version) => {
            next = parts.next()?;
            number(version).filter(|version| matches!(version, 16 | 19))?
        }
        None => 16,
    };
    let [memory, time, parallelism] = fields(next, ',')?;
    let memory = number(memory.strip_prefix("m=")?)?;
    let time = number(time.strip_prefix("t=")?)?;
    let parallelism = number(parallelism.strip_prefix("p=")?)?;
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let hash = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    afford(&Hasher::Argon2 {
        memory,
        time,
        parallelism,
    })?;
    // Argon2 itself takes no shorter salts and hashes.
    let fits = parts.next().is_none() && salt.len() >= 8 && (4..=512).contains(&hash.len());
    fits.then_some(Encoded::Argon2 {
        variety,
        version,
        memory,
        time,
        parallelism,
        salt,
        hash,
    })
}

/// The cost of `$2b$12$…`, if it is bcrypt's form and within bounds.
pub(super) fn bcrypt_cost(parts: &str) -> Option<u32> {
    let stored: bcrypt::HashParts = parts.parse().ok()?;
    let rounds = stored.get_cost();
    afford(&Hasher::Bcrypt { rounds })?;
    Some(rounds)
}
