//! The hashers that PASSWORD_HASHERS can name.

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

/// Bounds on one hash, a few seconds of a core and at most a gibibyte. Configured hashers and stored ones have the same,
/// so that what can be made can be compared. Without them whoever can write a row, or a row that is damaged, buys hours
/// of a core or all memory.
mod most {
    pub(super) const ITERATIONS: u32 = 20_000_000;
    pub(super) const ARGON2_KIB: u32 = 1 << 20;
    /// Memory times passes.
    pub(super) const ARGON2_KIB_WRITTEN: u64 = 1 << 22;
    pub(super) const LANES: u32 = 64;
    pub(super) const ROUNDS: u32 = 16;
    pub(super) const SCRYPT_BYTES: u64 = 1 << 28;
    /// Memory times lanes.
    pub(super) const SCRYPT_BYTES_WRITTEN: u64 = 1 << 31;
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

    /// Whether the parameters make sense and one hash costs no more than we ever spend on one: PBKDF2 at most 20 million
    /// iterations, bcrypt 16 rounds, argon2 1 GiB and four times that in all passes together, scrypt 256 MiB and eight
    /// times that in all lanes together, 64 lanes.
    pub fn is_affordable(&self) -> bool {
        match *self {
            Hasher::Pbkdf2Sha256 { iterations } | Hasher::Pbkdf2Sha1 { iterations } => {
                (1..=most::ITERATIONS).contains(&iterations)
            }
            Hasher::Argon2 {
                memory,
                time,
                parallelism,
            } => {
                (1..=most::LANES).contains(&parallelism)
                    && (8 * parallelism..=most::ARGON2_KIB).contains(&memory)
                    && (1..=most::ARGON2_KIB_WRITTEN / u64::from(memory)).contains(&time.into())
            }
            Hasher::BcryptSha256 { rounds } | Hasher::Bcrypt { rounds } => {
                (4..=most::ROUNDS).contains(&rounds)
            }
            Hasher::Scrypt { n, r, p } => {
                // Each lane keeps a block of its own beside the memory that all share, one after the other.
                let (block, p) = (u64::from(r) * 128, u64::from(p));
                let bytes = block.saturating_mul(n.into());
                n.is_power_of_two()
                    && n > 1
                    && r > 0
                    && (1..=most::LANES.into()).contains(&p)
                    && bytes <= most::SCRYPT_BYTES
                    && block * p <= most::SCRYPT_BYTES
                    && bytes * p <= most::SCRYPT_BYTES_WRITTEN
            }
            Hasher::Md5 => true,
        }
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
