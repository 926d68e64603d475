//! Password hashes in Django's encodings: `algorithm$parameters$salt$hash`, one column of 128 characters.
//!
//! [`Hashers`] is PASSWORD_HASHERS: the first makes new hashes, all of them verify. Every verification costs one hash,
//! whatever the column holds: nothing, nonsense and an unusable password take as long as a wrong one. What a column asks
//! for is not trusted: parameters that are not [affordable](Hasher::is_affordable) match nothing.

mod compare;
mod encoded;
mod hasher;
mod summary;
mod work;

use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::signing::hex;
use encoded::Encoded;
pub use hasher::Hasher;
pub use summary::{Summary, summary};
use work::{BCRYPT_LIMIT, argon2, bcrypt, md5, pbkdf2, scrypt};
pub use work::{Salt, Scratch};

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

    /// Encodes a password with the preferred hasher. The work does not depend on the password's length, except for
    /// reading it once: whoever takes passwords from visitors limits it (Hallpass to 4,096 bytes).
    ///
    /// # Errors
    /// For raw bcrypt a password of more than 72 bytes; parameters that are not [affordable](Hasher::is_affordable).
    pub fn encode(
        &self,
        password: &str,
        salt: &Salt,
        scratch: &mut Scratch,
    ) -> Result<String, HashError> {
        encode(&self.preferred, password, salt, scratch)
    }

    /// Compares a password with a column. Whether a hash that must be updated is, is up to the caller.
    pub fn verify(&self, password: &str, column: &str, scratch: &mut Scratch) -> Verdict {
        let Some((hasher, encoded)) = self.read(column) else {
            self.verify_unknown(password, scratch);
            return REFUSED;
        };
        let changed = hasher.algorithm() != self.preferred.algorithm();
        let must_update = changed || encoded.must_update(&self.preferred);
        let correct = encoded.verify(password, scratch);
        if !correct && !changed && must_update {
            // The work that the stored parameters spare: or an old hash could be told by its speed.
            encoded.harden(&self.preferred, password);
        }
        Verdict {
            correct,
            must_update,
        }
    }

    /// Whether a column would be made anew at the next sign-in: by [`Hashers::verify`]'s rules, without its work. False
    /// for what nobody can sign in with.
    pub fn must_update(&self, column: &str) -> bool {
        self.read(column).is_some_and(|(hasher, encoded)| {
            hasher.algorithm() != self.preferred.algorithm() || encoded.must_update(&self.preferred)
        })
    }

    fn read<'a>(&self, column: &'a str) -> Option<(&Hasher, Encoded<'a>)> {
        let name = identify(column)?;
        let hasher = self.all.iter().find(|hasher| hasher.algorithm() == name)?;
        Some((hasher, Encoded::parse(name, column)?))
    }

    /// The work of one hash, for an account that does not exist. An account whose hash another algorithm made still costs
    /// what that one costs, as with Django, until its next sign-in.
    pub fn verify_unknown(&self, password: &str, scratch: &mut Scratch) {
        let salt = Salt {
            text: "a".repeat(22),
            bytes: [0; 16],
        };
        if let Hasher::Bcrypt { rounds } = self.preferred {
            // Encoding refuses a long password at once, comparing does not.
            std::hint::black_box(bcrypt(password.as_bytes(), rounds, salt.bytes));
        } else {
            let _ = std::hint::black_box(encode(&self.preferred, password, &salt, scratch));
        }
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
    if !hasher.is_affordable() {
        return Err(HashError::Parameters);
    }
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
            let digest = hex(&Sha256::digest(password));
            let hash =
                bcrypt(digest.as_bytes(), rounds, salt.bytes).ok_or(HashError::Parameters)?;
            format!("{algorithm}${hash}")
        }
        Hasher::Bcrypt { rounds } => {
            if password.len() > BCRYPT_LIMIT {
                return Err(HashError::TooLong);
            }
            let hash =
                bcrypt(password.as_bytes(), rounds, salt.bytes).ok_or(HashError::Parameters)?;
            format!("{algorithm}${hash}")
        }
        Hasher::Scrypt { n, r, p } => {
            let hash = scrypt(password, text, n, r, p).ok_or(HashError::Parameters)?;
            format!("{algorithm}${n}${text}${r}${p}${hash}")
        }
        Hasher::Md5 => format!("{algorithm}${text}${}", md5(password, text)),
    })
}
