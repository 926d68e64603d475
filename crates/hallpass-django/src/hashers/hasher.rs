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
