//! django-sesame's settings, without the `SESAME_` of their names.

use std::fmt;

use super::packer::Packer;

/// What tokens are made of and what ends them. [`Settings::default`] is django-sesame's.
#[derive(Clone)]
pub struct Settings {
    /// MAX_AGE in whole seconds. Another number holds for old tokens too; between none and a number they all end.
    pub max_age: Option<u64>,
    /// ONE_TIME: a token ends at the next login.
    pub one_time: bool,
    /// INVALIDATE_ON_PASSWORD_CHANGE. Off, MAX_AGE must be set.
    pub invalidate_on_password_change: bool,
    /// INVALIDATE_ON_EMAIL_CHANGE.
    pub invalidate_on_email_change: bool,
    /// How a user's key becomes bytes: what PACKER names, else the one for the key's column.
    pub packer: Packer,
    /// PACKER as it is written there, if it is set. It is part of the key that signs.
    pub packer_path: Option<String>,
    /// PRIMARY_KEY_FIELD: the column that names a user. It is part of the key that signs.
    pub primary_key_field: String,
    /// TOKENS: the first is made, all are read.
    pub tokens: Vec<Version>,
    /// KEY, a second secret beside SECRET_KEY: another ends all tokens of version 2.
    pub key: String,
    /// SIGNATURE_SIZE of version 2 in bytes, 1 to 64.
    pub signature_size: usize,
    /// SALT of version 1.
    pub salt: String,
    /// DIGEST of version 1.
    pub digest: Digest,
    /// ITERATIONS of version 1.
    pub iterations: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_age: None,
            one_time: false,
            invalidate_on_password_change: true,
            invalidate_on_email_change: false,
            packer: Packer::Long,
            packer_path: None,
            primary_key_field: "pk".to_owned(),
            tokens: vec![Version::V2, Version::V1],
            key: String::new(),
            signature_size: 10,
            salt: "sesame".to_owned(),
            digest: Digest::Md5,
            iterations: 10_000,
        }
    }
}

impl Settings {
    /// Whether the tokens that are made are of version 1, each of which costs a PBKDF2.
    pub fn makes_v1(&self) -> bool {
        self.tokens.first() == Some(&Version::V1)
    }

    /// Whether tokens can be made with these, and will end one day.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.max_age.is_none() && !self.invalidate_on_password_change {
            Err(SettingsError::Endless)
        } else if self.tokens.is_empty() {
            Err(SettingsError::NoTokens)
        } else if !(1..=64).contains(&self.signature_size) {
            Err(SettingsError::SignatureSize)
        } else if self.iterations == 0 {
            Err(SettingsError::Iterations)
        } else {
            Ok(())
        }
    }
}

/// All but KEY, which is a secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("max_age", &self.max_age)
            .field("one_time", &self.one_time)
            .field(
                "invalidate_on_password_change",
                &self.invalidate_on_password_change,
            )
            .field(
                "invalidate_on_email_change",
                &self.invalidate_on_email_change,
            )
            .field("packer", &self.packer)
            .field("packer_path", &self.packer_path)
            .field("primary_key_field", &self.primary_key_field)
            .field("tokens", &self.tokens)
            .field("signature_size", &self.signature_size)
            .field("salt", &self.salt)
            .field("digest", &self.digest)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// Settings that make no tokens, or none that one could answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A token that leaked would be good for ever.
    #[error("set MAX_AGE to a low value or INVALIDATE_ON_PASSWORD_CHANGE to true")]
    Endless,
    /// Nothing to make.
    #[error("TOKENS names no version")]
    NoTokens,
    /// What BLAKE2b can give.
    #[error("SIGNATURE_SIZE is not between 1 and 64")]
    SignatureSize,
    /// What PBKDF2 can do.
    #[error("ITERATIONS is 0")]
    Iterations,
}

/// A format of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Until django-sesame 2: signed twice over, with a colon in it.
    V1,
    /// Today's.
    V2,
}

impl Version {
    /// As TOKENS names it: `sesame.tokens_v1`, `sesame.tokens_v2`.
    pub fn from_path(path: &str) -> Option<Self> {
        match path {
            "sesame.tokens_v1" => Some(Version::V1),
            "sesame.tokens_v2" => Some(Version::V2),
            _ => None,
        }
    }
}

/// The hash under version 1's PBKDF2. What it makes is as long as the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// The default, for its brevity: what it hides is a hash already, and the whole is signed.
    Md5,
    /// 20 bytes.
    Sha1,
    /// 28 bytes.
    Sha224,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Digest {
    /// As Python's hashlib names it: `md5`, `sha1`, `sha256` …
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "md5" => Some(Digest::Md5),
            "sha1" => Some(Digest::Sha1),
            "sha224" => Some(Digest::Sha224),
            "sha256" => Some(Digest::Sha256),
            "sha384" => Some(Digest::Sha384),
            "sha512" => Some(Digest::Sha512),
            _ => None,
        }
    }
}
