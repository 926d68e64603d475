//! Sign in with Apple: OAuth 2 whose client secret is a token that we sign, and which answers by a form.
//!
//! The app's `client_id` is the services id, or several ids by comma of which the first is the website's; its `key` is the
//! team's id, its `secret` the id of the private key that the setting `certificate_key` has in PEM.
//!
//! Who it is says the id token alone, verified with a nonce of ours. The names that come along in `user`, at the first
//! sign-in and never again, are brought by the visitor, who may have written anything there: they are taken as what
//! people call themselves, and the address beside them is not.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Map, Value, json};

use super::grant::{self, Proof};
use super::path::Gathered;
use super::template::Known;
use super::{Ask, Begun, Call, Fault, Found, Handed, Params, Tokens};
use super::{handed, id_token, oauth2, profile};
use crate::domain::secret;
use crate::settings::Secret;
use hallpass_django::signing::unpadded;

/// Seconds for which a client secret of ours is good: it is made anew for each request.
const SECRET_LIFE: i64 = 300;

/// As much as names are read from.
const LONGEST_USER: usize = 4096;

/// Where the visitor goes.
///
/// # Errors
/// [`Fault::Misconfigured`]
pub(super) fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    // A key that is none is told before anybody has gone there in vain.
    client_secret(call)?;
    let nothing = Gathered::default();
    let known = known(call, &nothing);
    let nonce = secret::random_text(secret::ALPHANUMERIC, 32);
    let mut parameters = grant::more(&known, ask)?;
    parameters.extend([
        ("response_type".to_owned(), "code".to_owned()),
        ("client_id".to_owned(), client_id(call).to_owned()),
        ("redirect_uri".to_owned(), call.redirect_uri.to_owned()),
        ("scope".to_owned(), oauth2::scopes(ask, &known)?),
        ("state".to_owned(), ask.state.clone()),
        ("nonce".to_owned(), nonce.clone()),
    ]);
    let authorize = call.provider.authorize.as_ref();
    let url = authorize.and_then(|authorize| authorize.url.as_ref());
    let url = url.ok_or_else(|| wrong("there is no address to send visitors to"))?;
    Ok(Begun {
        url: grant::address(call, &url.address(&known)?, &parameters)?,
        kept: Map::from_iter([("nonce".to_owned(), nonce.into())]),
    })
}

/// Who came back.
///
/// # Errors
/// [`Fault`]
pub(super) async fn finish(
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<Found, Fault> {
    oauth2::check_error(call, params)?;
    let nonce = kept.get("nonce").and_then(Value::as_str);
    let nonce = nonce.filter(|nonce| !nonce.is_empty());
    let nonce = nonce.ok_or_else(|| Fault::Invalid("there is no nonce of ours".to_owned()))?;
    let name = params.get("user").map_or(Value::Null, |user| names(user));
    by_code(call, grant::code(params)?, Some(nonce), name).await
}

/// A token or a code that a client got by itself.
///
/// # Errors
/// [`Fault`]
pub(super) async fn by_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    match (&handed.id_token, &handed.code) {
        (Some(token), _) => handed::verify(call, token, handed.access_token.as_ref()).await,
        (None, Some(code)) => by_code(call, code.reveal(), None, Value::Null).await,
        (None, None) => Err(Fault::Invalid("an id token is needed".to_owned())),
    }
}

/// New tokens for a refresh token.
///
/// # Errors
/// [`Fault`]
pub(super) async fn refresh(call: &Call<'_>, token: &Secret) -> Result<Tokens, Fault> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.reveal()),
    ];
    grant::tokens(call, &exchange(call, &fields).await?)
}

async fn by_code(
    call: &Call<'_>,
    code: &str,
    nonce: Option<&str>,
    name: Value,
) -> Result<Found, Fault> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", call.redirect_uri),
    ];
    let answer = exchange(call, &fields).await?;
    let tokens = grant::tokens(call, &answer)?;
    let token = answer
        .get("id_token")
        .and_then(Value::as_str)
        .map(Secret::new);
    let token = token.ok_or_else(|| Fault::Invalid("no id token came".to_owned()))?;
    let claims = handed::claims(call, &token, nonce, Some(&tokens.token)).await?;
    if nonce.is_none() {
        id_token::check_unasked(&claims)?;
    }
    let once = id_token::once(&claims, &token);
    let mut whole = claims.clone();
    whole.shift_remove("name");
    if name.is_object() {
        whole.insert("name".to_owned(), name);
    }
    let gathered = Gathered {
        whole,
        id_token: Value::Object(claims),
        ..Gathered::default()
    };
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: Some(tokens),
        once: Some(once),
    })
}

async fn exchange(call: &Call<'_>, fields: &[(&str, &str)]) -> Result<Map<String, Value>, Fault> {
    let nothing = Gathered::default();
    let token = call.provider.token.as_ref();
    let token = token.ok_or_else(|| wrong("there is no address for tokens"))?;
    let url = token.url.address(&known(call, &nothing))?;
    let secret = client_secret(call)?;
    let proof = Proof::Body(client_id(call), &secret);
    grant::exchange(call, &url, false, proof, fields).await
}

fn known<'a>(call: &'a Call<'a>, gathered: &'a Gathered) -> Known<'a> {
    Known {
        call,
        gathered,
        access_token: None,
    }
}

/// The website's, the first of all.
fn client_id<'a>(call: &Call<'a>) -> &'a str {
    let ids = call.app.client_id.as_str();
    ids.split(',').next().unwrap_or_default().trim()
}

/// The token that proves who we are.
fn client_secret(call: &Call<'_>) -> Result<Secret, Fault> {
    let (team, key_id) = (call.app.key.reveal(), call.app.secret.reveal());
    if team.is_empty() || key_id.is_empty() {
        return Err(wrong(
            "the app needs the team's id as key and the key's id as secret",
        ));
    }
    let pem = call
        .app
        .settings
        .get("certificate_key")
        .and_then(Value::as_str);
    let pem = pem.ok_or_else(|| wrong("certificate_key is missing"))?;
    let key = EncodingKey::from_ec_pem(pem.trim().as_bytes())
        .map_err(|_| wrong("certificate_key is no private key in PEM"))?;
    let nothing = Gathered::default();
    let issuers = call
        .provider
        .oidc
        .as_ref()
        .map(|oidc| oidc.issuers.as_slice());
    let audience = issuers.and_then(<[_]>::first);
    let audience = audience.ok_or_else(|| wrong("it is not said whose tokens are taken"))?;
    let now = call.now.seconds();
    let header = json!({"alg": "ES256", "kid": key_id, "typ": "JWT"});
    let claims = json!({
        "iss": team,
        "iat": now,
        "exp": now + SECRET_LIFE,
        "aud": audience.fill(&known(call, &nothing))?,
        "sub": client_id(call),
    });
    let part = |value: &Value| unpadded(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::ES256)
        .map_err(|_| wrong("certificate_key is no private key for ES256"))?;
    Ok(Secret::new(format!("{message}.{signature}")))
}

/// `{"name": {"firstName": …, "lastName": …}}`: of what the visitor brings, the names alone.
fn names(user: &str) -> Value {
    let user = Some(user).filter(|user| user.len() <= LONGEST_USER);
    let user: Option<Value> = user.and_then(|user| serde_json::from_str(user).ok());
    let name = user.as_ref().and_then(|user| user.get("name"));
    let mut names = Map::new();
    for part in ["firstName", "lastName"] {
        let text = name.and_then(|name| name.get(part)).and_then(Value::as_str);
        names.extend(text.map(|text| (part.to_owned(), text.into())));
    }
    match names.is_empty() {
        true => Value::Null,
        false => Value::Object(names),
    }
}

fn wrong(what: &str) -> Fault {
    Fault::Misconfigured(format!("Apple: {what}"))
}

#[cfg(test)]
mod tests;
