//! Id tokens: OpenID Connect Core 1.0, 2 and 3.1.3.7, with what RFC 8725 adds.
//!
//! The signature is checked wherever a token comes from: that TLS vouches for the token endpoint would be allowed, but one
//! way for all has one set of mistakes. Clocks may differ by a minute. A token that answers a nonce of ours was made for
//! this very sign-in, so it may not be older than ten minutes, which is as long as a sign-in waits; one that a client hands
//! over lives as long as it says, and is good once.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use hallpass_django::signing::{unpadded, unpadded_decode};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

use super::{Call, Fault, keys};
use crate::domain::jwt::second;
use crate::domain::{Timestamp, secret};
use crate::settings::Secret;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// More is no token.
const LONGEST: usize = 64 * 1024;

/// Seconds by which clocks may differ.
const LEEWAY: i64 = 60;

/// Seconds after which a token that answers a nonce is no answer to it.
const OLDEST: i64 = 600;

/// Seconds for which a token lives that answers no nonce of ours: it is remembered as long, so that it is taken once.
const LONGEST_LIFE: i64 = 86_400;

/// What a token must be.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// One of them made it.
    pub issuers: &'a [String],
    /// It is for one of them.
    pub audiences: &'a [String],
    /// Whom it may have been given to besides those (`azp`); `None`: anybody. Some providers give an app for phones tokens
    /// that are for the same maker's server, and see to who may have them.
    pub presenters: Option<&'a [String]>,
    /// What was sent along.
    pub nonce: Option<&'a str>,
    /// The token that came with it.
    pub access_token: Option<&'a Secret>,
    /// Where the provider's keys are.
    pub keys: &'a str,
    /// Whether that is the word of somebody out there, who is not led to hosts of the operator's own.
    pub keys_of_stranger: bool,
}

/// Checks a token, and gives its claims.
///
/// # Errors
/// [`Fault::Invalid`] for a token that is not to be believed; others where the keys cannot be had.
pub(super) async fn verify(
    call: &Call<'_>,
    terms: &Terms<'_>,
    token: &Secret,
) -> Result<Claims, Fault> {
    let token = Token::read(token.reveal())?;
    let pinned = call.app.settings.get("id_token_signed_response_alg");
    match pinned.map(|pinned| pinned.as_str().unwrap_or_default()) {
        Some("HS256") => token.check_secret(&call.app.secret)?,
        Some(name) if keys::algorithm(name).is_none() => {
            return Err(Fault::Misconfigured(
                "id_token_signed_response_alg is none that is known".to_owned(),
            ));
        }
        Some(name) if name != token.alg => return Err(invalid("another algorithm was agreed")),
        _ => {
            let algorithm =
                keys::algorithm(&token.alg).ok_or_else(|| invalid("its algorithm is not taken"))?;
            let signed = |set: &keys::KeySet| {
                let of = set.of(token.kid.as_deref(), algorithm);
                of.into_iter().any(|key| token.is_signed(key, algorithm))
            };
            let memory = &call.memory.keys;
            let set = keys::key_set(
                memory,
                call.outbound,
                terms.keys,
                terms.keys_of_stranger,
                call.now,
                signed,
            )
            .await?;
            if !signed(&set) {
                return Err(invalid("no key of the provider signed it"));
            }
        }
    }
    let claims = object(token.payload)?;
    check(&claims, terms, &token.alg, call.now)?;
    Ok(claims)
}

/// What a token is known by so that it is taken once: its `jti`, else what was signed. The text of the whole would not do:
/// the same signature can be spelled in several ways.
pub(super) fn once(claims: &Claims, token: &Secret) -> (String, Timestamp) {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let known_by = match (text("iss"), text("jti")) {
        (Some(issuer), Some(jti)) if !jti.is_empty() => format!("jti\n{issuer}\n{jti}"),
        _ => {
            let signed = token.reveal().rsplit_once('.');
            format!(
                "jwt\n{}",
                signed.map_or(token.reveal(), |(signed, _)| signed)
            )
        }
    };
    let made = second(claims, "iat").unwrap_or(0);
    // What lives longer is never taken from a client, and no nonce waits so long: it need not be remembered.
    let end = second(claims, "exp").unwrap_or(0);
    let end = end.min(made.saturating_add(LONGEST_LIFE + LEEWAY));
    let end = end.saturating_add(LEEWAY);
    // What is beyond all times would overflow; the year 9999 will do.
    let end = Timestamp::from_seconds(end.clamp(0, 253_402_300_799));
    (secret::digest(&known_by), end)
}

/// A code that a client brings must not be one that was made for a page of ours: those carry a nonce, which whoever stole the
/// code of a visitor could not answer there, and would get around here.
pub(super) fn check_unasked(claims: &Claims) -> Result<(), Fault> {
    match claims.get("nonce") {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(invalid("it answers a nonce that is not the client's")),
    }
}

/// A token taken apart. Nothing of it is believed yet.
struct Token<'a> {
    alg: String,
    kid: Option<String>,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    fn read(text: &'a str) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(invalid("it is too long"));
        }
        let none = || invalid("it is no signed token");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(none)?;
        let (header, payload) = signed.split_once('.').ok_or_else(none)?;
        if payload.contains('.') {
            // Five parts: encrypted.
            return Err(none());
        }
        let header = object(header)?;
        // An extension that must be understood, and is not.
        if header.contains_key("crit") {
            return Err(invalid("it has a critical extension"));
        }
        // Access tokens and logout tokens are signed with the same keys (RFC 9068, 8725 3.11).
        let kind = header.get("typ").map(|kind| kind.as_str().unwrap_or("+"));
        if kind.is_some_and(|kind| kind.contains('+')) {
            return Err(invalid("it is a token of another kind"));
        }
        let alg = header.get("alg").and_then(Value::as_str).ok_or_else(none)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(none()),
        };
        Ok(Token {
            alg: alg.to_owned(),
            kid,
            signed,
            payload,
            signature,
        })
    }

    fn is_signed(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        let checked = crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm);
        checked.unwrap_or(false)
    }

    /// By the secret of the app, where that was agreed with the provider.
    fn check_secret(&self, secret: &Secret) -> Result<(), Fault> {
        if secret.reveal().is_empty() {
            return Err(Fault::Misconfigured(
                "tokens are to be signed with the app's secret, and it has none".to_owned(),
            ));
        }
        let key = DecodingKey::from_secret(secret.reveal().as_bytes());
        match self.alg == "HS256" && self.is_signed(&key, Algorithm::HS256) {
            true => Ok(()),
            false => Err(invalid("it is not signed with the app's secret")),
        }
    }
}

/// Everything but the signature.
fn check(claims: &Claims, terms: &Terms<'_>, alg: &str, now: Timestamp) -> Result<(), Fault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuer = text("iss").ok_or_else(|| invalid("it does not say whose it is"))?;
    if !terms.issuers.iter().any(|ours| ours == issuer) {
        return Err(invalid("it is another issuer's"));
    }
    audience(claims, terms)?;
    times(claims, terms.nonce.is_some(), now)?;
    if let Some(nonce) = terms.nonce {
        let given = text("nonce").unwrap_or_default();
        verify_slices_are_equal(nonce.as_bytes(), given.as_bytes())
            .map_err(|_| invalid("its nonce is not ours"))?;
    }
    // Keycloak and Cognito sign all their tokens alike, and say in a claim which is which.
    let other = matches!(
        text("typ"),
        Some("Bearer" | "Refresh" | "Offline" | "Logout")
    );
    if other || text("token_use").is_some_and(|used| used != "id") || claims.contains_key("events")
    {
        return Err(invalid("it is a token of another kind"));
    }
    let sub = text("sub").unwrap_or_default();
    if sub.is_empty()
        || sub.len() > 255
        || !sub.bytes().all(|letter| (b' '..=b'~').contains(&letter))
    {
        return Err(invalid("its sub is none"));
    }
    match (claims.get("at_hash"), terms.access_token) {
        (Some(hash), Some(token)) => {
            let expected = half_hash(alg, token.reveal());
            let given = hash.as_str().unwrap_or_default();
            verify_slices_are_equal(expected.as_bytes(), given.as_bytes())
                .map_err(|_| invalid("it belongs to another access token"))
        }
        _ => Ok(()),
    }
}

/// It is for us, and was given to us.
fn audience(claims: &Claims, terms: &Terms<'_>) -> Result<(), Fault> {
    let ours = |value: &Value| {
        let text = value.as_str();
        text.is_some_and(|text| terms.audiences.iter().any(|ours| ours == text))
    };
    let (is_ours, several) = match claims.get("aud") {
        Some(Value::Array(list)) => (list.iter().any(ours), list.len() > 1),
        Some(one) => (ours(one), false),
        None => (false, false),
    };
    if !is_ours {
        return Err(invalid("it is for another app"));
    }
    match (claims.get("azp"), terms.presenters) {
        (None, _) if several => Err(invalid("it is for several apps and given to none")),
        (Some(party), Some(presenters)) if !ours(party) => {
            let party = party.as_str().unwrap_or_default();
            match presenters.iter().any(|known| known == party) {
                true => Ok(()),
                false => Err(invalid("it was given to another app")),
            }
        }
        (Some(party), None) if several && !ours(party) => {
            Err(invalid("it was given to another app"))
        }
        _ => Ok(()),
    }
}

fn times(claims: &Claims, fresh: bool, now: Timestamp) -> Result<(), Fault> {
    let now = now.seconds();
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(_) => second(claims, name)
            .map(Some)
            .ok_or_else(|| invalid("a time of it is none")),
    };
    let missing = || invalid("it does not say when it was made and ends");
    let end = time("exp")?.ok_or_else(missing)?;
    if end <= now - LEEWAY {
        return Err(invalid("it has expired"));
    }
    let made = time("iat")?.ok_or_else(missing)?;
    if made > now + LEEWAY || time("nbf")?.is_some_and(|start| start > now + LEEWAY) {
        return Err(invalid("it is of the future"));
    }
    if !fresh && end.saturating_sub(made) > LONGEST_LIFE + LEEWAY {
        return Err(invalid("it lives too long"));
    }
    match fresh && made < now - OLDEST - LEEWAY {
        true => Err(invalid("it is too old")),
        false => Ok(()),
    }
}

/// The first half of a text's hash, by the hash of the algorithm (3.1.3.6).
fn half_hash(alg: &str, text: &str) -> String {
    let hash = match alg {
        "RS384" | "PS384" | "ES384" => &digest::SHA384,
        "RS512" | "PS512" | "EdDSA" | "Ed25519" => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let whole = digest::digest(hash, text.as_bytes());
    let whole = whole.as_ref();
    unpadded(&whole[..whole.len() / 2])
}

fn object(part: &str) -> Result<Claims, Fault> {
    let bytes = unpadded_decode(part).ok_or_else(|| invalid("it is no signed token"))?;
    serde_json::from_slice(&bytes).map_err(|_| invalid("it is no signed token"))
}

fn invalid(why: &str) -> Fault {
    Fault::Invalid(format!("the id token: {why}"))
}

#[cfg(test)]
mod tests;
