//! What OpenID Connect and Apple have in common at both ends of OAuth 2: the redirect's parameters, and the token endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass_django::signing::unpadded;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::template::Known;
use super::{Ask, Call, Fault, Params, Tokens, lookup, oauth2};
use crate::domain::secret;
use crate::outbound::{Answer, Request};
use crate::settings::Secret;

/// No token lasts longer: ten years, in seconds.
const LONGEST_LIFE: u64 = 10 * 365 * 86_400;

/// As long as a code may be.
const LONGEST_CODE: usize = 8192;

/// A verifier of RFC 7636, as long as it may be: 128 characters.
pub(super) fn verifier() -> String {
    unpadded(&secret::random_bytes::<96>())
}

/// What is told of a verifier: S256.
pub(super) fn challenge(verifier: &str) -> String {
    unpadded(&Sha256::digest(verifier.as_bytes()))
}

/// Parameters of the redirect that description, app and caller have beside those of the protocol.
///
/// # Errors
/// What a text of the description lacks.
pub(super) fn more(known: &Known<'_>, ask: &Ask) -> Result<BTreeMap<String, String>, Fault> {
    let mut more = Vec::new();
    let authorize = known.call.provider.authorize.as_ref();
    if let Some(authorize) = authorize {
        lookup::fill_into(&mut more, &authorize.query, known)?;
    }
    more.extend(oauth2::auth_params(known.call)?);
    if let Some(authorize) = authorize.filter(|_| ask.reauthenticate) {
        lookup::fill_into(&mut more, &authorize.reauthenticate, known)?;
    }
    more.extend(ask.parameters.clone());
    Ok(more.into_iter().collect())
}

/// An address with parameters behind those that it has.
///
/// # Errors
/// [`Fault::Misconfigured`] if it is no address that is spoken to.
pub(super) fn address(
    call: &Call<'_>,
    url: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<String, Fault> {
    // The visitor is sent there, not we; but neither a script nor a machine of ours is where they are sent.
    call.outbound.check(url)?;
    let mut url = Url::parse(url)
        .map_err(|_| Fault::Misconfigured("an address of the provider is none".to_owned()))?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

/// The code that came back.
///
/// # Errors
/// [`Fault::Invalid`]
pub(super) fn code(params: &Params) -> Result<&str, Fault> {
    let code = params.get("code").map_or("", String::as_str);
    let fits = !code.is_empty() && code.len() <= LONGEST_CODE && !code.contains(char::is_control);
    match fits {
        true => Ok(code),
        false => Err(Fault::Invalid("no code came back".to_owned())),
    }
}

/// How the app proves who it is.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// Id and secret, in a header.
    Basic,
    /// Id and secret, in the body.
    Body(&'a str, &'a Secret),
    /// The id alone.
    None(&'a str),
}

/// Asks the token endpoint. `of_stranger`: whether its address is the word of somebody out there.
///
/// # Errors
/// [`Fault`], by what it says.
pub(super) async fn exchange(
    call: &Call<'_>,
    url: &str,
    of_stranger: bool,
    proof: Proof<'_>,
    fields: &[(&str, &str)],
) -> Result<Map<String, Value>, Fault> {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all: Vec<(String, String)> = Vec::new();
    all.extend(fields.iter().map(|(name, value)| own(name, value)));
    match proof {
        Proof::Basic => {}
        Proof::Body(id, secret) => {
            all.push(own("client_id", id));
            all.push(own("client_secret", secret.reveal()));
        }
        Proof::None(id) => all.push(own("client_id", id)),
    }
    let mut request = Request::post_form(url, &all).header("accept", "application/json");
    request = request.of_stranger(of_stranger);
    if let Proof::Basic = proof {
        request = request.header("authorization", lookup::basic(call.app));
    }
    object(&call.outbound.send(request).await?, "the token endpoint")
}

/// An answer that is an object and no error.
///
/// # Errors
/// [`Fault`], by its status and by what it says.
pub(super) fn object(answer: &Answer, who: &str) -> Result<Map<String, Value>, Fault> {
    lookup::check_status(who, answer)?;
    match answer.json()? {
        said if lookup::error_of(&said).is_some() => Err(lookup::denied(who, &said)),
        Value::Object(object) => Ok(object),
        _ => Err(Fault::Invalid(format!("{who}: the answer is no object"))),
    }
}

/// The tokens in an answer of the token endpoint.
///
/// # Errors
/// [`Fault::Invalid`] if there is none.
pub(super) fn tokens(call: &Call<'_>, answer: &Map<String, Value>) -> Result<Tokens, Fault> {
    let token = answer.get("access_token").and_then(text);
    let seconds = match answer.get("expires_in") {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let life = seconds.filter(|seconds| *seconds > 0);
    let life = life.map(|seconds| Duration::from_secs(seconds.min(LONGEST_LIFE)));
    Ok(Tokens {
        token: token
            .ok_or_else(|| Fault::Invalid("the token endpoint gave no token".to_owned()))?,
        token_secret: answer.get("refresh_token").and_then(text),
        expires_at: life.map(|life| call.now + life),
    })
}

/// A token that can go into a header, and waits in a session without filling it.
fn text(value: &Value) -> Option<Secret> {
    let text = value.as_str().filter(|text| oauth2::is_token(text))?;
    Some(Secret::new(text))
}
