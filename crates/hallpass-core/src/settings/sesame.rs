//! SESAME_*: magic links as django-sesame makes them.

use hallpass_django::sesame::{self, Packer};

use super::user_model::UserKey;
use serde_json::{Value, json};

use super::field::{Field, section};
use super::secret::Secret;
use super::types::{Setting, mismatch};
use super::words::words;

section! {
    /// `SESAME_*`.
    Sesame is sesame, "sesame" {
        token_name / "SESAME_TOKEN_NAME": String = "sesame".to_owned(), "The parameter of a URL that holds the token.";
        max_age / "SESAME_MAX_AGE": Option<u64> = None, "Seconds that a link is good for. Unset, it is until the password changes. Another number holds for old links, too; between none and a number all of them end.";
        one_time / "SESAME_ONE_TIME": bool = false, "A link ends with the next sign-in; opening it counts as one.";
        invalidate_on_password_change / "SESAME_INVALIDATE_ON_PASSWORD_CHANGE": bool = true, "A link ends with the password. Switched off, SESAME_MAX_AGE must be set.";
        invalidate_on_email_change / "SESAME_INVALIDATE_ON_EMAIL_CHANGE": bool = false, "A link ends with the user's address.";
        packer / "SESAME_PACKER": Option<String> = None, "How the user's key is written, from `sesame.packers.ShortPacker` to `sesame.packers.StrPacker`. Unset: by the key's column.";
        primary_key_field / "SESAME_PRIMARY_KEY_FIELD": String = "pk".to_owned(), "The column that says whose link it is: `pk` or `id`, or `username`.";
        tokens / "SESAME_TOKENS": Vec<TokenVersion> = vec![TokenVersion::V2, TokenVersion::V1], "Formats of tokens: the first is made, all are read. Without a need for links from before django-sesame 2, `[\"sesame.tokens_v2\"]`.";
        key / "SESAME_KEY": Secret = Secret::new(""), "A second secret beside SECRET_KEY: another ends all links of `sesame.tokens_v2`.";
        signature_size / "SESAME_SIGNATURE_SIZE": u64 = 10, "Bytes of signature in `sesame.tokens_v2`, from 1 to 64.";
        salt / "SESAME_SALT": String = "sesame".to_owned(), "The salt of `sesame.tokens_v1`.";
        digest / "SESAME_DIGEST": TokenDigest = TokenDigest::Md5, "The hash in `sesame.tokens_v1`.";
        iterations / "SESAME_ITERATIONS": u64 = 10_000, "How often that one is taken.";
    }
}

words! {
    /// One of SESAME_TOKENS.
    TokenVersion {
        /// Today's.
        V2 = "sesame.tokens_v2",
        /// Of django-sesame 1.
        V1 = "sesame.tokens_v1",
    }
}

words! {
    /// SESAME_DIGEST.
    TokenDigest {
        /// 16 bytes.
        Md5 = "md5",
        /// 20 bytes.
        Sha1 = "sha1",
        /// 28 bytes.
        Sha224 = "sha224",
        /// 32 bytes.
        Sha256 = "sha256",
        /// 48 bytes.
        Sha384 = "sha384",
        /// 64 bytes.
        Sha512 = "sha512",
    }
}

/// What of a user's row a link names the user by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyField {
    /// The primary key.
    Id,
    /// The user name.
    Username,
}

impl Sesame {
    /// SESAME_PRIMARY_KEY_FIELD. `None`: a column that is not there, or of which several users may have the same.
    pub fn key_field(&self) -> Option<KeyField> {
        match self.primary_key_field.as_str() {
            "pk" | "id" => Some(KeyField::Id),
            "username" => Some(KeyField::Username),
            _ => None,
        }
    }

    /// The same for the crate of formats, for users whose keys are of this kind. `None`: a packer that nobody knows.
    pub(crate) fn format(&self, key: UserKey) -> Option<sesame::Settings> {
        let version = |version: &TokenVersion| match version {
            TokenVersion::V2 => sesame::Version::V2,
            TokenVersion::V1 => sesame::Version::V1,
        };
        let packer = match (&self.packer, self.key_field()) {
            (Some(path), _) => Packer::from_path(path)?,
            (None, Some(KeyField::Username)) => Packer::Str,
            (None, _) => match key {
                UserKey::Integer => Packer::Long,
                UserKey::Bigint => Packer::LongLong,
                UserKey::Uuid => Packer::Uuid,
            },
        };
        Some(sesame::Settings {
            max_age: self.max_age,
            one_time: self.one_time,
            invalidate_on_password_change: self.invalidate_on_password_change,
            invalidate_on_email_change: self.invalidate_on_email_change,
            packer,
            packer_path: self.packer.clone(),
            primary_key_field: self.primary_key_field.clone(),
            tokens: self.tokens.iter().map(version).collect(),
            key: self.key.reveal().to_owned(),
            signature_size: usize::try_from(self.signature_size).unwrap_or(usize::MAX),
            salt: self.salt.clone(),
            digest: match self.digest {
                TokenDigest::Md5 => sesame::Digest::Md5,
                TokenDigest::Sha1 => sesame::Digest::Sha1,
                TokenDigest::Sha224 => sesame::Digest::Sha224,
                TokenDigest::Sha256 => sesame::Digest::Sha256,
                TokenDigest::Sha384 => sesame::Digest::Sha384,
                TokenDigest::Sha512 => sesame::Digest::Sha512,
            },
            iterations: u32::try_from(self.iterations).unwrap_or(u32::MAX),
        })
    }
}
