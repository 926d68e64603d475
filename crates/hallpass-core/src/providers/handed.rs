//! Id tokens that a client got by itself and hands over, of a provider whose description says whose tokens it takes: Google
//! with One Tap, Facebook's Limited Login, Apple.

use serde_json::Value;

use super::id_token::{self, Claims, Terms};
use super::path::Gathered;
use super::template::Known;
use super::{Call, Fault, Found, profile};
use crate::settings::Secret;

/// Who a token is of. It is good once.
///
/// # Errors
/// [`Fault`]
pub(super) async fn verify(
    call: &Call<'_>,
    token: &Secret,
    access_token: Option<&Secret>,
) -> Result<Found, Fault> {
    profile::account(call)?;
    let claims = claims(call, token, None, access_token).await?;
    let once = id_token::once(&claims, token);
    let gathered = Gathered {
        whole: claims.clone(),
        id_token: Value::Object(claims),
        ..Gathered::default()
    };
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: None,
        once: Some(once),
    })
}

/// The claims of a token that is to be believed, by the description's word on whose and for whom.
///
/// # Errors
/// [`Fault`]
pub(super) async fn claims(
    call: &Call<'_>,
    token: &Secret,
    nonce: Option<&str>,
    access_token: Option<&Secret>,
) -> Result<Claims, Fault> {
    let oidc = call.provider.oidc.as_ref();
    let oidc = oidc.ok_or_else(|| Fault::Invalid("the provider has no id tokens".to_owned()))?;
    let known = Known {
        call,
        gathered: &Gathered::default(),
        access_token: None,
    };
    let issuers = oidc.issuers.iter().map(|text| text.fill(&known));
    let issuers = issuers.collect::<Result<Vec<String>, _>>()?;
    // One app may be known by several ids: its website and its programs.
    let own = call.app.client_id.split(',').map(str::trim);
    let own = own.filter(|audience| !audience.is_empty());
    let audiences: Vec<String> = own.map(str::to_owned).collect();
    let terms = Terms {
        issuers: &issuers,
        audiences: &audiences,
        // These providers give tokens to one app for another only within one project of one maker, and say so.
        presenters: None,
        nonce,
        access_token,
        keys: &oidc.jwks.address(&known)?,
        keys_of_stranger: false,
    };
    id_token::verify(call, &terms, token).await
}
