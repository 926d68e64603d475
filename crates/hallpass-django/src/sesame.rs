//! django-sesame's tokens: a link that signs in whoever opens it, with nothing stored.
//!
//! A token names a user and carries a signature over what should end it: the password, perhaps the address and the last
//! login, a scope. In two steps, since the user has to be looked up between them:
//!
//! 1. [`Sesame::parse`] takes the token apart: which user, and is it too old.
//! 2. [`Parsed::check`] holds it against that user's row and the scope of the page.
//!
//! Version 2 is short and signed with BLAKE2b; its signature can only be judged with the user's row at hand, so that a
//! stranger may have any user looked up, as a login form does too. Version 1 is read for links that are still about; it
//! knows no scopes, and its age is fixed by the settings.
//!
//! What a stranger sends is bounded before it is decoded. Every refusal says why, for the log alone: the visitor is told
//! the same in all cases.

mod blake2b;
mod packer;
mod revocation;
mod settings;
mod v1;
mod v2;

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use crate::signing::SecretKeys;

pub use packer::{Packer, PrimaryKey};
pub use settings::{Digest, Settings, SettingsError, Version};

/// The longest token that is looked at, in bytes. The longest that can be right has 462: a key of 256 bytes, a SHA-512
/// and a time, in version 1.
pub const TOKEN_LIMIT: usize = 512;

/// What of a user's row a token is made from. Holds the password column, so it cannot be printed.
#[derive(Clone, Copy)]
pub struct UserFields<'a> {
    /// The value of PRIMARY_KEY_FIELD.
    pub pk: &'a PrimaryKey,
    /// The password column, whole.
    pub password: &'a str,
    /// The address on the user's own row.
    pub email: &'a str,
    /// Last login in Unix microseconds. Django writes it in UTC, as with USE_TZ.
    pub last_login: Option<i64>,
}

/// Why a token was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The key is of another type than the packer's, or too large for it.
    #[error("the packer cannot hold the user's key")]
    Key,
    /// Version 2 counts seconds from 2020 in 32 bits: from December 1951 to January 2088.
    #[error("the time does not fit into a token")]
    Time,
    /// Version 1 has no scopes.
    #[error("v1 tokens know no scope")]
    ScopeInV1,
}

/// Why a token is not taken. For the log: the visitor must not learn which of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`TOKEN_LIMIT`].
    #[error("longer than any token")]
    TooLong,
    /// The shape of none of the versions in TOKENS.
    #[error("the shape of no token that is taken")]
    UnknownFormat,
    /// One letter too many or too few for base64.
    #[error("cannot be decoded")]
    Encoding,
    /// Too short for the packer, or not UTF-8 where text is the key.
    #[error("has no primary key in it")]
    Key,
    /// Version 2: too short for a time.
    #[error("has no time in it")]
    Time,
    /// Version 2: what is left is not as long as SIGNATURE_SIZE. A link was cut off, or the settings were others.
    #[error("has no signature in it")]
    SignatureLength,
    /// As old as MAX_AGE or older; version 1: older.
    #[error("is too old")]
    Expired,
    /// The user is not there, may not sign in, or is another than the token's.
    #[error("names a user that is unknown or inactive")]
    UnknownUser,
    /// Forged, of another scope or other settings; version 2 cannot tell these from [`Fault::Revoked`].
    #[error("has a signature that does not match")]
    WrongSignature,
    /// Version 1: rightly signed, but the password, the address or the last login is another.
    #[error("was revoked by a change of the user")]
    Revoked,
    /// Version 1 has no scopes. Django's answer is a server error.
    #[error("is of v1, which knows no scope")]
    ScopeInV1,
    /// Version 1 has one age, MAX_AGE. Django's answer is a server error.
    #[error("is of v1, which takes no other age than MAX_AGE")]
    MaxAgeInV1,
}

/// Makes and reads tokens. Holds the derived keys; cheap to clone.
#[derive(Clone)]
pub struct Sesame(Arc<Inner>);

struct Inner {
    settings: Settings,
    v1: v1::Signing,
    v2: v2::Signing,
}

impl Sesame {
    /// Derives the keys. Settings that django-sesame refuses are refused.
    pub fn new(keys: &SecretKeys, settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let (v1, v2) = (
            v1::Signing::new(keys, &settings),
            v2::Signing::new(keys, &settings),
        );
        Ok(Sesame(Arc::new(Inner { settings, v1, v2 })))
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// `get_token(user, scope)`: a token of the first version in TOKENS; `now` in Unix seconds. In version 1 it costs a
    /// PBKDF2, some milliseconds.
    pub fn make(&self, user: UserFields<'_>, scope: &str, now: i64) -> Result<String, MakeError> {
        let Inner { settings, v1, v2 } = &*self.0;
        match settings.tokens.first() {
            Some(Version::V1) => v1.make(settings, user, scope, now),
            _ => v2.make(settings, user, scope, now),
        }
    }

    /// Takes a token apart; `now` in Unix seconds, `max_age` in seconds in place of MAX_AGE, longer or shorter.
    ///
    /// Without MAX_AGE tokens have no time and `max_age` is passed over, as in django-sesame, which warns of it.
    pub fn parse(&self, token: &str, now: i64, max_age: Option<u64>) -> Result<Parsed, Fault> {
        if token.len() > TOKEN_LIMIT {
            return Err(Fault::TooLong);
        }
        let Inner { settings, v1, v2 } = &*self.0;
        let looks = |version: &&Version| match version {
            Version::V1 => v1::looks_like(token, settings.max_age.is_some()),
            Version::V2 => v2::looks_like(token),
        };
        let (pk, made, body) = match settings.tokens.iter().find(looks) {
            Some(Version::V1) => v1.parse(settings, token, now, max_age)?,
            Some(Version::V2) => v2.parse(settings, token, now, max_age)?,
            None => return Err(Fault::UnknownFormat),
        };
        Ok(Parsed {
            sesame: self.clone(),
            pk,
            made,
            body,
        })
    }
}

/// What is the same in every spelling of a token, and in no other token: what to keep of one that must be known again.
/// Version 2 leaves the last bits of its last letter free; version 1 is signed letter for letter. `None`: no token.
pub fn identity(token: &str) -> Option<Vec<u8>> {
    if token.len() > TOKEN_LIMIT {
        None
    } else if v1::looks_like(token, false) || v1::looks_like(token, true) {
        Some(token.as_bytes().to_vec())
    } else if v2::looks_like(token) {
        decode(token).ok()
    } else {
        None
    }
}

/// A token whose signature over the user's row is still to be checked: until then it is a stranger's word.
pub struct Parsed {
    sesame: Sesame,
    pk: PrimaryKey,
    made: Option<i64>,
    body: Body,
}

/// What is left of a token besides the key.
enum Body {
    V1 { revocation: Vec<u8> },
    V2 { signed: Vec<u8>, signature: Vec<u8> },
}

impl Parsed {
    /// The user that the token names, by PRIMARY_KEY_FIELD.
    pub fn pk(&self) -> &PrimaryKey {
        &self.pk
    }

    /// When it was made, in Unix seconds, if it says so: with MAX_AGE it does. Of version 2 this is a stranger's word, too.
    pub fn made(&self) -> Option<i64> {
        self.made
    }

    /// Which version it is.
    pub fn version(&self) -> Version {
        match self.body {
            Body::V1 { .. } => Version::V1,
            Body::V2 { .. } => Version::V2,
        }
    }

    /// Whether it is a token for this user and scope; the scope of a page without one is empty. `None` stands for a user
    /// who is not there or may not sign in: the work is the same. In version 1 it costs a PBKDF2, some milliseconds, but
    /// only for what was signed here.
    pub fn check(&self, user: Option<UserFields<'_>>, scope: &str) -> Result<(), Fault> {
        let nobody = UserFields {
            pk: &self.pk,
            password: "",
            email: "",
            last_login: None,
        };
        let fields = user.unwrap_or(nobody);
        let Inner { settings, v1, v2 } = &*self.sesame.0;
        let checked = match &self.body {
            Body::V1 { revocation } => v1.check(settings, revocation, fields, scope),
            Body::V2 { signed, signature } => v2.check(settings, signed, signature, fields, scope),
        };
        if user.is_some_and(|user| *user.pk == self.pk) {
            checked
        } else {
            Err(Fault::UnknownUser)
        }
    }
}

/// base64url without padding, as Python reads it: the last letter's unused bits may be anything. Such a token is another
/// spelling of the same bytes, which the signature covers.
fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));
    LENIENT.decode(text).map_err(|_| Fault::Encoding)
}

/// Whether `text` is letters of base64url alone, `least` or more.
fn is_base64(text: &str, least: usize) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() >= least && text.bytes().all(letter)
}
