//! `sesame.tokens_v2`: base64url of key, time and signature.
//!
//! The time is there if MAX_AGE is set, four bytes of seconds since 2020. The signature covers key, time, what ends the
//! token, and the scope; the last two are not in it.

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::packer::PrimaryKey;
use super::{Body, Fault, MakeError, Settings, UserFields, blake2b, decode, is_base64, revocation};
use crate::signing::{SecretKeys, unpadded};

/// 2020-01-01 00:00 in Unix seconds.
const EPOCH: i64 = 1_577_836_800;

const KEY_PERSON: &[u8; 16] = b"sesame.settings\0";
const TOKEN_PERSON: &[u8; 16] = b"sesame.tokens_v2";

/// The keys: of SECRET_KEY, then of its fallbacks.
pub(super) struct Signing(Vec<Zeroizing<[u8; 64]>>);

impl Signing {
    /// Settings that decide how bytes are read are part of each key: a token made under others is no token.
    pub(super) fn new(keys: &SecretKeys, settings: &Settings) -> Self {
        let derive = |secret: &str| {
            let parts = [
                secret,
                &settings.key,
                settings.max_age.map_or("", |_| "max_age"),
                settings.packer_path.as_deref().unwrap_or(""),
                &settings.primary_key_field,
            ];
            let data = Zeroizing::new(parts.join("|"));
            Zeroizing::new(blake2b::hash(KEY_PERSON, data.as_bytes()))
        };
        Signing(keys.all().map(derive).collect())
    }

    pub(super) fn make(
        &self,
        settings: &Settings,
        user: UserFields<'_>,
        scope: &str,
        now: i64,
    ) -> Result<String, MakeError> {
        let mut data = settings.packer.pack(user.pk)?;
        if settings.max_age.is_some() {
            let at = i32::try_from(now.saturating_sub(EPOCH)).map_err(|_| MakeError::Time)?;
            data.extend(at.to_be_bytes());
        }
        // There is always the current key.
        if let Some(key) = self.0.first() {
            data.extend(sign(settings, key, &data, user, scope));
        }
        Ok(unpadded(&data))
    }

    pub(super) fn parse(
        &self,
        settings: &Settings,
        token: &str,
        now: i64,
        max_age: Option<u64>,
    ) -> Result<(PrimaryKey, Option<i64>, Body), Fault> {
        let data = decode(token)?;
        let (pk, mut length) = settings.packer.unpack(&data)?;
        let mut made = None;
        if settings.max_age.is_some() {
            let at = data[length..].first_chunk().ok_or(Fault::Time)?;
            length += at.len();
            made = Some(i64::from(i32::from_be_bytes(*at)) + EPOCH);
        }
        let (signed, signature) = data.split_at(length);
        if signature.len() != settings.signature_size {
            return Err(Fault::SignatureLength);
        }
        // An age that is MAX_AGE is too old, unlike in version 1. One from the future is young: clocks differ.
        if let (Some(made), Some(most)) = (made, max_age.or(settings.max_age))
            && u64::try_from(now.saturating_sub(made)).is_ok_and(|age| age >= most)
        {
            return Err(Fault::Expired);
        }
        let body = Body::V2 {
            signed: signed.to_vec(),
            signature: signature.to_vec(),
        };
        Ok((pk, made, body))
    }

    pub(super) fn check(
        &self,
        settings: &Settings,
        signed: &[u8],
        signature: &[u8],
        user: UserFields<'_>,
        scope: &str,
    ) -> Result<(), Fault> {
        // Every key is tried, whichever fits.
        let good = self.0.iter().fold(Choice::from(0), |good, key| {
            good | sign(settings, key, signed, user, scope).ct_eq(signature)
        });
        if good.into() {
            Ok(())
        } else {
            Err(Fault::WrongSignature)
        }
    }
}

fn sign(
    settings: &Settings,
    key: &[u8; 64],
    signed: &[u8],
    user: UserFields<'_>,
    scope: &str,
) -> Vec<u8> {
    let revocation = revocation::v2(settings, user);
    let parts = [signed, revocation.as_bytes(), scope.as_bytes()];
    blake2b::mac(TOKEN_PERSON, key, settings.signature_size, &parts)
}

/// Letters of base64url, at least for a byte of key and two of signature.
pub(super) fn looks_like(token: &str) -> bool {
    is_base64(token, 4)
}
