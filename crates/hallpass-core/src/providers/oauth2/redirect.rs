//! Step 1: the visitor is sent to the provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::{VERIFIER, authorize, is_pkce, renamed};
use crate::domain::secret;
use crate::providers::lookup::{fill_into, put};
use crate::providers::path::Gathered;
use crate::providers::template::{self, Known};
use crate::providers::{Ask, Begun, Call, Fault, profile, quirks, quoted};

/// What nobody but us may set in the redirect.
const OURS: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "request_uri",
];

/// Step 1: where the visitor is sent.
///
/// # Errors
/// [`Fault::Misconfigured`]; [`Fault::Invalid`] where a provider needs more from the visitor than came.
pub fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    profile::account(call)?;
    let authorize = authorize(call)?;
    let mut gathered = Gathered::default();
    let mut kept = Map::new();
    if let Some(quirk) = &authorize.quirk {
        quirks::begin(quirk, ask, &mut gathered, &mut kept)?;
    }
    let known = Known {
        call,
        gathered: &gathered,
        access_token: None,
    };
    let mut parameters = vec![
        ("client_id", call.app.client_id.clone()),
        ("redirect_uri", call.redirect_uri.to_owned()),
        (authorize.scope_parameter.as_str(), scopes(ask, &known)?),
        ("response_type", "code".to_owned()),
        ("state", ask.state.clone()),
    ];
    if is_pkce(call, authorize) {
        let verifier = URL_SAFE_NO_PAD.encode(secret::random_bytes::<96>());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        parameters.push(("code_challenge", challenge));
        parameters.push(("code_challenge_method", "S256".to_owned()));
        kept.insert(VERIFIER.to_owned(), Value::String(verifier));
    }
    let mut parameters = renamed(parameters, &authorize.rename);
    let fixed: Vec<String> = OURS
        .iter()
        .map(|name| authorize.rename.get(*name).map_or(*name, String::as_str))
        .map(str::to_owned)
        .collect();
    fill_into(&mut parameters, &authorize.query, &known)?;
    for (name, value) in auth_params(call)? {
        if fixed.contains(&name) {
            return Err(Fault::Misconfigured(format!(
                "auth_params cannot set {}",
                quoted(&name)
            )));
        }
        put(&mut parameters, &name, value);
    }
    if ask.reauthenticate {
        fill_into(&mut parameters, &authorize.reauthenticate, &known)?;
    }
    for (name, value) in &ask.parameters {
        // A visitor's own: they may ask for a language, not for another address to come back to.
        if !fixed.contains(name) && !kept.contains_key(name) {
            put(&mut parameters, name, value.clone());
        }
    }
    // In order of their names: some look at an address as a whole.
    parameters.sort();
    let missing = || Fault::Misconfigured("the provider has no [authorize] url".to_owned());
    let address = authorize
        .url
        .as_ref()
        .ok_or_else(missing)?
        .address(&known)?;
    let mut url = Url::parse(&address)
        .map_err(|_| Fault::Misconfigured("the provider's address is none".to_owned()))?;
    let filled = parameters.iter().filter(|(_, value)| !value.is_empty());
    url.query_pairs_mut().extend_pairs(filled);
    url.set_fragment(authorize.fragment.as_deref());
    Ok(Begun {
        url: url.into(),
        kept,
    })
}

/// What is asked for: by whoever asks, else by the settings, else by the description.
pub(in crate::providers) fn scopes(ask: &Ask, known: &Known<'_>) -> Result<String, Fault> {
    let call = known.call;
    let authorize = authorize(call)?;
    let bad = || Fault::Misconfigured("scope is a list of texts".to_owned());
    let scopes = match (&ask.scope, call.app.settings.get("scope")) {
        (Some(scopes), _) => scopes.clone(),
        (None, Some(Value::String(text))) => vec![text.clone()],
        (None, Some(Value::Array(places))) => {
            let texts = places.iter().map(|place| place.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().ok_or_else(bad)?
        }
        (None, None | Some(Value::Null)) => {
            let more = authorize
                .scope_for_email
                .iter()
                .filter(|_| call.query_email);
            let texts = authorize.scope.iter().chain(more);
            texts
                .map(|text| text.fill(known))
                .collect::<Result<_, _>>()?
        }
        (None, Some(_)) => return Err(bad()),
    };
    let mut once: Vec<String> = Vec::new();
    for scope in scopes {
        if !once.contains(&scope) {
            once.push(scope);
        }
    }
    Ok(once.join(&authorize.delimiter))
}

/// AUTH_PARAMS.
pub(in crate::providers) fn auth_params(call: &Call<'_>) -> Result<Vec<(String, String)>, Fault> {
    let bad = || Fault::Misconfigured("auth_params has texts by their names".to_owned());
    match call.app.settings.get("auth_params") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(members)) => members
            .iter()
            .map(|(name, value)| Ok((name.clone(), template::scalar(value).ok_or_else(bad)?)))
            .collect(),
        Some(_) => Err(bad()),
    }
}
