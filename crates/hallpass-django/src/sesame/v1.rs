//! `sesame.tokens_v1`: base64url of the key and a hash of what ends the token, signed as Django signs cookies.
//!
//! `payload:signature`, or `payload:time:signature` if MAX_AGE is set. The signature, SHA-1 under SECRET_KEY, is checked
//! before anything is looked up.

use pbkdf2::pbkdf2_hmac;
use subtle::ConstantTimeEq as _;

use super::packer::PrimaryKey;
use super::{Body, Digest, Fault, MakeError, Settings, UserFields, decode, is_base64, revocation};
use crate::signing::{Algorithm, SecretKeys, Signer, SigningError, from_base62, unpadded};

/// A SHA-1 in base64url.
const SIGNATURE: usize = 27;
/// Base62 seconds have six digits from 1999 to 3769.
const TIME: usize = 6;

pub(super) struct Signing(Signer);

impl Signing {
    pub(super) fn new(keys: &SecretKeys, settings: &Settings) -> Self {
        // Django's signers take no salt for their own name; PBKDF2 takes it for none.
        let salt = match (settings.salt.as_str(), settings.max_age) {
            ("", None) => "django.core.signing.Signer",
            ("", Some(_)) => "django.core.signing.TimestampSigner",
            (salt, _) => salt,
        };
        Signing(Signer::with(Algorithm::Sha1, keys, salt))
    }

    pub(super) fn make(
        &self,
        settings: &Settings,
        user: UserFields<'_>,
        scope: &str,
        now: i64,
    ) -> Result<String, MakeError> {
        if !scope.is_empty() {
            return Err(MakeError::ScopeInV1);
        }
        let mut data = settings.packer.pack(user.pk)?;
        data.extend(hashed(settings, user));
        let payload = unpadded(&data);
        Ok(match settings.max_age {
            Some(_) => self.0.sign_timed(&payload, now),
            None => self.0.sign(&payload),
        })
    }

    pub(super) fn parse(
        &self,
        settings: &Settings,
        token: &str,
        now: i64,
        max_age: Option<u64>,
    ) -> Result<(PrimaryKey, Option<i64>, Body), Fault> {
        if max_age.is_some() {
            return Err(Fault::MaxAgeInV1);
        }
        let payload = match settings.max_age {
            // An age that is MAX_AGE still passes, unlike in version 2. Django counts fractions of the last second too.
            Some(most) => {
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                self.0.unsign_timed(token, now, Some(most))
            }
            None => self.0.unsign(token),
        };
        let payload = payload.map_err(|error| match error {
            SigningError::SignatureExpired => Fault::Expired,
            SigningError::BadSignature | SigningError::Malformed => Fault::WrongSignature,
        })?;
        let data = decode(payload)?;
        let (pk, length) = settings.packer.unpack(&data)?;
        let revocation = data[length..].to_vec();
        let made = settings
            .max_age
            .and_then(|_| from_base62(token.split(':').nth(1)?));
        Ok((pk, made, Body::V1 { revocation }))
    }

    pub(super) fn check(
        &self,
        settings: &Settings,
        revocation: &[u8],
        user: UserFields<'_>,
        scope: &str,
    ) -> Result<(), Fault> {
        if !scope.is_empty() {
            return Err(Fault::ScopeInV1);
        }
        if hashed(settings, user).ct_eq(revocation).into() {
            Ok(())
        } else {
            Err(Fault::Revoked)
        }
    }
}

/// What ends a token, through PBKDF2.
fn hashed(settings: &Settings, user: UserFields<'_>) -> Vec<u8> {
    let data = revocation::v1(settings, user);
    macro_rules! pbkdf2 {
        ($digest:ty, $length:literal) => {{
            let mut out = vec![0; $length];
            pbkdf2_hmac::<$digest>(
                data.as_bytes(),
                settings.salt.as_bytes(),
                settings.iterations,
                &mut out,
            );
            out
        }};
    }
    match settings.digest {
        Digest::Md5 => pbkdf2!(md5::Md5, 16),
        Digest::Sha1 => pbkdf2!(sha1::Sha1, 20),
        Digest::Sha224 => pbkdf2!(sha2::Sha224, 28),
        Digest::Sha256 => pbkdf2!(sha2::Sha256, 32),
        Digest::Sha384 => pbkdf2!(sha2::Sha384, 48),
        Digest::Sha512 => pbkdf2!(sha2::Sha512, 64),
    }
}

/// Two parts or three, by whether MAX_AGE is set: a token with a time is none without MAX_AGE, and the other way round.
pub(super) fn looks_like(token: &str, timed: bool) -> bool {
    let Some((rest, signature)) = token.rsplit_once(':') else {
        return false;
    };
    let payload = match timed {
        false => Some(rest),
        true => rest
            .rsplit_once(':')
            .filter(|(_, time)| {
                time.len() == TIME && time.bytes().all(|it| it.is_ascii_alphanumeric())
            })
            .map(|(payload, _)| payload),
    };
    signature.len() == SIGNATURE
        && is_base64(signature, SIGNATURE)
        && payload.is_some_and(|payload| is_base64(payload, 4))
}
