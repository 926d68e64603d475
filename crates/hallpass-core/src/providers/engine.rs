//! Which protocol a provider speaks, and that protocol's part of each step.

use serde_json::{Map, Value};

use super::{Ask, Begun, Call, Fault, Found, Handed, Kind, Params, Tokens};
use super::{apple, draugiem, dummy, handed, oauth1, oauth2, oidc, openid2, telegram};
use crate::settings::Secret;

/// Where the visitor is sent.
///
/// # Errors
/// [`Fault`]
pub async fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    match call.provider.kind {
        Kind::OAuth2 => oauth2::begin(call, ask),
        Kind::Oidc => oidc::begin(call, ask).await,
        Kind::Apple => apple::begin(call, ask),
        Kind::OAuth1 => oauth1::begin(call, ask).await,
        Kind::Telegram => telegram::begin(call, ask),
        Kind::Draugiem => draugiem::begin(call, ask),
        Kind::OpenId2 => openid2::begin(call, ask).await,
        Kind::Dummy => dummy::begin(call, ask),
    }
}

/// Who came back. `kept` is what [`begin`] gave, unchanged.
///
/// # Errors
/// [`Fault`]
pub async fn finish(
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<Found, Fault> {
    match call.provider.kind {
        Kind::OAuth2 => oauth2::finish(call, kept, params).await,
        Kind::Oidc => oidc::finish(call, kept, params).await,
        Kind::Apple => apple::finish(call, kept, params).await,
        Kind::OAuth1 => oauth1::finish(call, kept, params).await,
        Kind::Telegram => telegram::finish(call, params),
        Kind::Draugiem => draugiem::finish(call, params).await,
        Kind::OpenId2 => openid2::finish(call, kept, params).await,
        Kind::Dummy => dummy::finish(call, params),
    }
}

/// Who a client has a token or a code of.
///
/// # Errors
/// [`Fault`]
pub async fn by_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    match call.provider.kind {
        Kind::OAuth2 => match (&handed.id_token, &handed.code) {
            (Some(token), None) if call.provider.oidc.is_some() => {
                handed::verify(call, token, handed.access_token.as_ref()).await
            }
            (_, Some(_)) => oauth2::by_code(call, handed).await,
            _ => oauth2::by_access_token(call, handed).await,
        },
        Kind::Oidc => oidc::by_token(call, handed).await,
        Kind::Apple => apple::by_token(call, handed).await,
        Kind::OAuth1 => oauth1::by_token(call, handed).await,
        Kind::Dummy => dummy::by_token(call, handed),
        Kind::OpenId2 | Kind::Telegram | Kind::Draugiem => Err(Fault::Invalid(
            "the provider gives nothing that a client could hand over".to_owned(),
        )),
    }
}

/// New tokens for a refresh token.
///
/// # Errors
/// [`Fault`]
pub async fn refresh(call: &Call<'_>, token: &Secret) -> Result<Tokens, Fault> {
    match call.provider.kind {
        Kind::OAuth2 => oauth2::refresh(call, token).await,
        Kind::Oidc => oidc::refresh(call, token).await,
        Kind::Apple => apple::refresh(call, token).await,
        _ => Err(Fault::Denied(
            "the provider's tokens cannot be renewed".to_owned(),
        )),
    }
}
