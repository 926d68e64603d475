//! OAuth 2: the code flow (RFC 6749, 4.1), as each provider's description bends it.
//!
//! 1. The visitor is sent to the provider ([`begin`]) with a state that only their session knows and a challenge
//!    (RFC 7636), whose verifier stays in the session.
//! 2. They come back with a code, or with a no ([`finish`]). An issuer that comes along must be the provider's (RFC 9207): else
//!    a malicious provider could have us hand it the code of an honest one.
//! 3. The code is exchanged for a token, in `exchange`.
//! 4. The token opens the profile, in `lookup`.
//!
//! Clients that have a token or a code already hand it over instead ([`by_access_token`], [`by_code`]).
//!
//! Binding the state to session and provider, its age and that it is used once are the flow's.

mod exchange;
mod redirect;

pub(super) use exchange::is_token;
pub use redirect::begin;
pub(super) use redirect::{auth_params, scopes};

use serde_json::{Map, Value, json};

use super::description::{Authorize, ByAccessToken, Exchange};
use super::path::Gathered;
use super::template::Known;
use super::{
    Call, Fault, Found, Handed, Params, Tokens, id_token, lookup, profile, quirks, quoted,
};
use crate::settings::Secret;

/// Where the verifier rests in [`Begun::kept`].
const VERIFIER: &str = "code_verifier";

/// As long as a code may be. Microsoft's have some thousand letters.
const LONGEST_CODE: usize = 8192;

/// Steps 2 to 4: who came back. `kept` is what [`begin`] gave.
///
/// # Errors
/// Any fault.
pub async fn finish(
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<Found, Fault> {
    profile::account(call)?;
    check_issuer(call, params)?;
    check_error(call, params)?;
    let code = params.get(&call.provider.callback.code);
    let code = code.filter(|code| is_code(code));
    let code = code.ok_or_else(|| Fault::Invalid("the callback has no code".to_owned()))?;
    let mut gathered = Gathered::default();
    for (name, value) in params {
        let value = Value::String(value.clone());
        gathered.callback.insert(name.clone(), value);
    }
    let authorize = authorize(call)?;
    if let Some(quirk) = &authorize.quirk {
        quirks::check_callback(quirk, call, kept, params)?;
    }
    let verifier = kept.get(VERIFIER).and_then(Value::as_str);
    if verifier.is_none() && is_pkce(call, authorize) {
        return Err(Fault::Invalid("the code's verifier is gone".to_owned()));
    }
    exchanged(call, gathered, code, verifier).await
}

/// The same for a client that has the code: an app on a telephone. Its redirect was to [`Call::redirect_uri`].
///
/// # Errors
/// Any fault.
pub async fn by_code(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    profile::account(call)?;
    let code = handed.code.as_ref().map(Secret::reveal);
    let code = code.filter(|code| is_code(code));
    let code = code.ok_or_else(|| Fault::Invalid("there is no code".to_owned()))?;
    let verifier = handed.code_verifier.as_ref().map(Secret::reveal);
    if verifier.is_some_and(|verifier| !is_code(verifier)) {
        return Err(Fault::Invalid("the code's verifier is none".to_owned()));
    }
    exchanged(call, Gathered::default(), code, verifier).await
}

/// Who an access token is of, which a client got by itself.
///
/// That somebody has a token of a person proves only that the person has given it to some app. Another app, a malicious
/// one among them, could sign in here with the tokens of its users, so the provider must say that this one is for ours.
///
/// # Errors
/// Any fault.
pub async fn by_access_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    profile::account(call)?;
    let token = handed.access_token.as_ref().map(Secret::reveal);
    let token = token.filter(|token| exchange::is_token(token));
    let token = token.ok_or_else(|| Fault::Invalid("there is no access token".to_owned()))?;
    let provider = call.provider;
    if provider.by_access_token == ByAccessToken::Never {
        return Err(Fault::Invalid(
            "the provider's access tokens are no proof".to_owned(),
        ));
    }
    let exchange = exchange(call)?;
    let mut gathered = Gathered {
        token: exchange.access_token.put(json!(token)),
        ..Gathered::default()
    };
    // Some access tokens are signed, and say whose they are and for whom.
    let signed = take_id_token(call, exchange, &mut gathered).await?;
    let audience = provider.audience.as_ref();
    let audience = audience.filter(|_| provider.by_access_token == ByAccessToken::Audience);
    if !(signed || audience.is_some() || call.permits.unbound_tokens) {
        return Err(Fault::Misconfigured(
            "the provider does not tell whose app an access token is for, and \
             HALLPASS_SOCIAL_UNBOUND_TOKENS does not allow that"
                .to_owned(),
        ));
    }
    if let Some(audience) = audience {
        lookup::check_audience(call, audience, &gathered, token).await?;
    }
    lookup::gather(call, &mut gathered, Some(token)).await?;
    if let Some(audience) = audience.filter(|audience| audience.url.is_none()) {
        lookup::check_own_audience(call, audience, &gathered)?;
    }
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: Some(Tokens {
            token: Secret::new(token),
            token_secret: None,
            expires_at: None,
        }),
        once: None,
    })
}

/// A new access token for a refresh token.
///
/// # Errors
/// [`Fault::Denied`] if it is no longer good; any other fault.
pub async fn refresh(call: &Call<'_>, refresh_token: &Secret) -> Result<Tokens, Fault> {
    exchange::refresh(call, exchange(call)?, refresh_token).await
}

async fn exchanged(
    call: &Call<'_>,
    mut gathered: Gathered,
    code: &str,
    verifier: Option<&str>,
) -> Result<Found, Fault> {
    let exchange = exchange(call)?;
    let tokens = exchange::code(call, exchange, &mut gathered, code, verifier).await?;
    take_id_token(call, exchange, &mut gathered).await?;
    lookup::gather(call, &mut gathered, Some(tokens.token.reveal())).await?;
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: Some(tokens),
        once: None,
    })
}

/// Verifies the id token in the token endpoint's answer, where the description has something in its claims, and begins the
/// whole with them. Whether there was one.
async fn take_id_token(
    call: &Call<'_>,
    exchange: &Exchange,
    gathered: &mut Gathered,
) -> Result<bool, Fault> {
    let Some(oidc) = &call.provider.oidc else {
        return Ok(false);
    };
    if !profile::account(call)?.needs_id_token() {
        return Ok(false);
    }
    let missing = || Fault::Invalid("the id token is missing".to_owned());
    let token = exchange
        .id_token
        .find_in(&gathered.token)
        .and_then(Value::as_str);
    let token = Secret::new(token.ok_or_else(missing)?);
    let known = Known {
        call,
        gathered,
        access_token: None,
    };
    let issuers = oidc.issuers.iter().map(|issuer| issuer.fill(&known));
    let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
    let terms = id_token::Terms {
        issuers: &issuers,
        audiences: std::slice::from_ref(&call.app.client_id),
        presenters: Some(&[]),
        nonce: None,
        access_token: None,
        keys: &oidc.jwks.address(&known)?,
        keys_of_stranger: false,
    };
    let claims = id_token::verify(call, &terms, &token).await?;
    gathered.whole.extend(claims.clone());
    gathered.id_token = Value::Object(claims);
    Ok(true)
}

fn authorize<'a>(call: &Call<'a>) -> Result<&'a Authorize, Fault> {
    let missing = || Fault::Misconfigured("the provider has no [authorize]".to_owned());
    call.provider.authorize.as_ref().ok_or_else(missing)
}

fn exchange<'a>(call: &Call<'a>) -> Result<&'a Exchange, Fault> {
    let missing = || Fault::Misconfigured("the provider has no [token]".to_owned());
    call.provider.token.as_ref().ok_or_else(missing)
}

/// RFC 9207, 2.4.
fn check_issuer(call: &Call<'_>, params: &Params) -> Result<(), Fault> {
    let callback = &call.provider.callback;
    let Some(issuer) = &callback.issuer else {
        return Ok(());
    };
    let issuer = issuer.fill(&Known {
        call,
        gathered: &Gathered::default(),
        access_token: None,
    })?;
    match params.get("iss") {
        Some(given) if *given == issuer => Ok(()),
        Some(given) => Err(Fault::Invalid(format!(
            "the callback is of another issuer: {}",
            quoted(given)
        ))),
        None if callback.issuer_required => {
            Err(Fault::Invalid("the callback names no issuer".to_owned()))
        }
        None => Ok(()),
    }
}

pub(super) fn check_error(call: &Call<'_>, params: &Params) -> Result<(), Fault> {
    let Some(error) = params.get("error") else {
        return Ok(());
    };
    if call.provider.callback.cancelled.contains(error) {
        return Err(Fault::Cancelled);
    }
    let description = params.get("error_description");
    let more = description.map(|text| format!(": {}", quoted(text)));
    Err(Fault::Denied(format!(
        "the provider sent the visitor back with {}{}",
        quoted(error),
        more.unwrap_or_default()
    )))
}

fn is_pkce(call: &Call<'_>, authorize: &Authorize) -> bool {
    let setting = call.app.settings.get("oauth_pkce_enabled");
    setting.and_then(Value::as_bool).unwrap_or(authorize.pkce)
}

/// Under the names that the provider has for them.
fn renamed(
    parameters: Vec<(&str, String)>,
    names: &std::collections::BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let named = parameters.into_iter().map(|(name, value)| {
        let name = names.get(name).map_or(name, String::as_str);
        (name.to_owned(), value)
    });
    named.filter(|(name, _)| !name.is_empty()).collect()
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_CODE && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests;
