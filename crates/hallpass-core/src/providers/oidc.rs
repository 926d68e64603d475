//! OpenID Connect 1.0 by discovery: any provider that speaks it, of which the app's settings say where it is.
//!
//! 1. The provider's document says where everything is; it must be that of the configured issuer ([`Provider::of`]).
//! 2. The visitor is sent there with a state, a nonce and a challenge ([`begin`]).
//! 3. They come back with a code. Whose answer it is says `iss` (RFC 9207): else one provider's code could be carried to
//!    another, whose operator would then hold it (mix-up).
//! 4. The code becomes tokens ([`finish`]). The id token is verified in full: signature, issuer, audience, times, nonce.
//! 5. What the userinfo endpoint says counts only if it speaks of the same person. Signed or encrypted userinfo is not
//!    read.
//!
//! Settings of the app: `server_url`, `fetch_userinfo`, `token_auth_method`, `uid_field`, `oauth_pkce_enabled`,
//! `openid_configuration_overrides`, `scope`, `auth_params`; and our own `id_token_signed_response_alg`, which pins the
//! algorithm, and `authorized_parties`: other apps to which the provider gives tokens that are for us.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::grant::{self, Proof};
use super::id_token::{self, Claims, Terms};
use super::path::Gathered;
use super::template::Known;
use super::{Ask, Begun, Call, Fault, Found, Handed, Params, Profile, Tokens};
use super::{oauth2, profile, quoted};
use crate::domain::secret;
use crate::outbound::Request;
use crate::settings::Secret;

/// What a discovery document must name for us.
const NEEDED: [&str; 3] = ["authorization_endpoint", "token_endpoint", "jwks_uri"];

/// Step 2: where the visitor goes.
///
/// # Errors
/// [`Fault`]
pub(super) async fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    let provider = Provider::of(call).await?;
    let known = Known {
        call,
        gathered: &Gathered::default(),
        access_token: None,
    };
    let mut scope = oauth2::scopes(ask, &known)?;
    if !scope.split(' ').any(|one| one == "openid") {
        scope = format!("openid {scope}");
    }
    let nonce = secret::random_text(secret::ALPHANUMERIC, 32);
    let mut kept = Map::from_iter([("nonce".to_owned(), nonce.as_str().into())]);
    let mut parameters = grant::more(&known, ask)?;
    parameters.extend([
        ("response_type".to_owned(), "code".to_owned()),
        ("client_id".to_owned(), call.app.client_id.clone()),
        ("redirect_uri".to_owned(), call.redirect_uri.to_owned()),
        ("scope".to_owned(), scope.trim().to_owned()),
        ("state".to_owned(), ask.state.clone()),
        ("nonce".to_owned(), nonce),
    ]);
    if provider.takes_challenge(call) {
        let verifier = grant::verifier();
        let challenge = grant::challenge(&verifier);
        parameters.insert("code_challenge".to_owned(), challenge);
        parameters.insert("code_challenge_method".to_owned(), "S256".to_owned());
        kept.insert("verifier".to_owned(), verifier.into());
    }
    let url = provider.endpoint("authorization_endpoint")?;
    if provider.is_of_stranger("authorization_endpoint") {
        call.outbound.check_of_stranger(url)?;
    }
    let url = grant::address(call, url, &parameters)?;
    Ok(Begun { url, kept })
}

/// Steps 3 to 5: who came back.
///
/// # Errors
/// [`Fault`]
pub(super) async fn finish(
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<Found, Fault> {
    let provider = Provider::of(call).await?;
    provider.check_iss(params)?;
    oauth2::check_error(call, params)?;
    let code = grant::code(params)?;
    let text = |name: &str| kept.get(name).and_then(Value::as_str);
    let nonce = text("nonce").filter(|nonce| !nonce.is_empty());
    let nonce = nonce.ok_or_else(|| Fault::Invalid("there is no nonce of ours".to_owned()))?;
    provider
        .by_code(call, code, text("verifier"), Some(nonce))
        .await
}

/// A token or a code that a client got by itself.
///
/// # Errors
/// [`Fault`]
pub(super) async fn by_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    let provider = Provider::of(call).await?;
    if let Some(code) = &handed.code {
        let verifier = handed.code_verifier.as_ref().map(Secret::reveal);
        return provider.by_code(call, code.reveal(), verifier, None).await;
    }
    // An access token says nothing of whom it was given to.
    let Some(token) = &handed.id_token else {
        return Err(Fault::Invalid("an id token is needed".to_owned()));
    };
    let claims = provider
        .verify(call, token, None, handed.access_token.as_ref())
        .await?;
    let userinfo = match &handed.access_token {
        Some(access) => provider.userinfo(call, access, &claims).await?,
        None => None,
    };
    // That it is theirs was seen by asking with it.
    let tokens = handed.access_token.clone();
    let tokens = tokens.filter(|token| userinfo.is_some() && oauth2::is_token(token.reveal()));
    let tokens = tokens.map(|token| Tokens {
        token,
        token_secret: None,
        expires_at: None,
    });
    found(call, token, claims, userinfo, tokens)
}

/// New tokens for a refresh token.
///
/// # Errors
/// [`Fault`]
pub(super) async fn refresh(call: &Call<'_>, token: &Secret) -> Result<Tokens, Fault> {
    let provider = Provider::of(call).await?;
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.reveal()),
    ];
    grant::tokens(call, &provider.exchange(call, &fields).await?)
}

/// What a provider's document says, with the operator's word over it.
struct Provider {
    document: Map<String, Value>,
    issuer: String,
    /// What in it is the operator's own word; `None`: all of it.
    own: Option<Vec<String>>,
}

impl Provider {
    /// Step 1.
    async fn of(call: &Call<'_>) -> Result<Self, Fault> {
        let wrong = |what: String| Fault::Misconfigured(what);
        let server = call.app.settings.get("server_url").and_then(Value::as_str);
        let server = server.map(str::trim).filter(|url| !url.is_empty());
        let server = server.ok_or_else(|| wrong("server_url is missing".to_owned()))?;
        let (url, issuer) = whereabouts(server);
        let overrides = call.app.settings.get("openid_configuration_overrides");
        let overrides = overrides.and_then(Value::as_object);
        let is_said = |name: &str| overrides.is_some_and(|own| own.contains_key(name));
        // One that would be refused is not kept in the way of the next.
        let has = |document: &Map<String, Value>| {
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            let named = |name: &&str| is_said(name) || text(name).is_some();
            let whose = text("issuer").map(|given| given.trim_end_matches('/'));
            NEEDED.iter().all(named) && (is_said("issuer") || whose == Some(issuer.as_str()))
        };
        let fetch = discover(call, &url);
        let discovery = &call.memory.discovery;
        let document = discovery.get(&url, call.now, has, fetch).await?;
        let mut document = Map::clone(&document);
        document.extend(overrides.cloned().unwrap_or_default());
        let given = document
            .get("issuer")
            .and_then(Value::as_str)
            .unwrap_or_default();
        // Discovery, 4.3: else whoever serves the document could speak for any issuer. A slash at the end is what people
        // leave out of settings.
        if given.is_empty() || !is_said("issuer") && given.trim_end_matches('/') != issuer {
            return Err(wrong(format!(
                "the provider calls itself {}, and server_url says {}",
                quoted(given),
                quoted(&issuer)
            )));
        }
        let own = overrides.into_iter().flat_map(Map::keys).cloned().collect();
        Ok(Provider {
            issuer: given.to_owned(),
            own: (!call.outbound.is_named(server)).then_some(own),
            document,
        })
    }

    fn endpoint(&self, name: &str) -> Result<&str, Fault> {
        let url = self.document.get(name).and_then(Value::as_str);
        url.ok_or_else(|| Fault::Misconfigured(format!("the provider names no {name}")))
    }

    /// Whether a provider out there names the endpoint, so that it leads to none of the operator's own hosts.
    fn is_of_stranger(&self, name: &str) -> bool {
        let own = self.own.as_ref();
        own.is_some_and(|own| !own.iter().any(|known| known == name))
    }

    fn lists(&self, name: &str) -> Option<Vec<&str>> {
        let list = self.document.get(name)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }

    /// A challenge is sent unless the operator or the provider says no; who does not know it ignores it.
    fn takes_challenge(&self, call: &Call<'_>) -> bool {
        let said = call
            .app
            .settings
            .get("oauth_pkce_enabled")
            .and_then(Value::as_bool);
        said.unwrap_or_else(|| {
            let methods = self.lists("code_challenge_methods_supported");
            methods.is_none_or(|methods| methods.contains(&"S256"))
        })
    }

    /// Whether the provider says itself that it looks at challenges: who ignores them takes any verifier.
    fn knows_challenges(&self) -> bool {
        let methods = self.lists("code_challenge_methods_supported");
        methods.is_some_and(|methods| methods.contains(&"S256"))
    }

    /// Step 3.
    fn check_iss(&self, params: &Params) -> Result<(), Fault> {
        let announced = self
            .document
            .get("authorization_response_iss_parameter_supported");
        match params.get("iss") {
            Some(given) if *given != self.issuer => Err(Fault::Invalid(format!(
                "the answer is that of {}",
                quoted(given)
            ))),
            None if announced == Some(&Value::Bool(true)) => Err(Fault::Invalid(
                "the answer does not say whose it is, as the provider always does".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Step 4, by what the operator says, else by what the provider takes.
    fn proof<'c>(&self, call: &Call<'c>) -> Result<Proof<'c>, Fault> {
        let (id, secret) = (&call.app.client_id, &call.app.secret);
        let said = call.app.settings.get("token_auth_method");
        let said = said
            .filter(|said| !said.is_null())
            .map(|said| said.as_str());
        match said {
            Some(Some("client_secret_basic")) => return Ok(Proof::Basic),
            Some(Some("client_secret_post")) => return Ok(Proof::Body(id, secret)),
            Some(Some("none")) => return Ok(Proof::None(id)),
            Some(_) => {
                return Err(Fault::Misconfigured(
                    "token_auth_method is client_secret_basic, client_secret_post or none"
                        .to_owned(),
                ));
            }
            None => {}
        }
        if secret.reveal().is_empty() {
            return Ok(Proof::None(id));
        }
        let methods = self.lists("token_endpoint_auth_methods_supported");
        // Discovery, 3: without a list it is basic.
        let methods = methods.unwrap_or_else(|| vec!["client_secret_basic"]);
        let takes = |method: &str| methods.contains(&method);
        match () {
            () if takes("client_secret_post") => Ok(Proof::Body(id, secret)),
            () if takes("client_secret_basic") => Ok(Proof::Basic),
            () if takes("none") => Ok(Proof::None(id)),
            () => Err(Fault::Misconfigured(
                "the provider takes no way that we have of proving who we are".to_owned(),
            )),
        }
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        fields: &[(&str, &str)],
    ) -> Result<Map<String, Value>, Fault> {
        let url = self.endpoint("token_endpoint")?;
        let of_stranger = self.is_of_stranger("token_endpoint");
        grant::exchange(call, url, of_stranger, self.proof(call)?, fields).await
    }

    async fn by_code(
        &self,
        call: &Call<'_>,
        code: &str,
        verifier: Option<&str>,
        nonce: Option<&str>,
    ) -> Result<Found, Fault> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", call.redirect_uri),
        ];
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let answer = self.exchange(call, &fields).await?;
        let tokens = grant::tokens(call, &answer)?;
        let token = answer
            .get("id_token")
            .and_then(Value::as_str)
            .map(Secret::new);
        let token = token.ok_or_else(|| Fault::Invalid("no id token came".to_owned()))?;
        let claims = self
            .verify(call, &token, nonce, Some(&tokens.token))
            .await?;
        if nonce.is_none() && !(verifier.is_some() && self.knows_challenges()) {
            id_token::check_unasked(&claims)?;
        }
        let userinfo = self.userinfo(call, &tokens.token, &claims).await?;
        found(call, &token, claims, userinfo, Some(tokens))
    }

    async fn verify(
        &self,
        call: &Call<'_>,
        token: &Secret,
        nonce: Option<&str>,
        access_token: Option<&Secret>,
    ) -> Result<Claims, Fault> {
        let parties = call
            .app
            .settings
            .get("authorized_parties")
            .and_then(Value::as_array);
        let parties = parties.into_iter().flatten().filter_map(Value::as_str);
        let parties: Vec<String> = parties.map(str::to_owned).collect();
        let terms = Terms {
            issuers: std::slice::from_ref(&self.issuer),
            audiences: std::slice::from_ref(&call.app.client_id),
            presenters: Some(&parties),
            nonce,
            access_token,
            keys: self.endpoint("jwks_uri")?,
            keys_of_stranger: self.is_of_stranger("jwks_uri"),
        };
        id_token::verify(call, &terms, token).await
    }

    /// Step 5.
    async fn userinfo(
        &self,
        call: &Call<'_>,
        token: &Secret,
        claims: &Claims,
    ) -> Result<Option<Map<String, Value>>, Fault> {
        let wanted = call.app.settings.get("fetch_userinfo") != Some(&Value::Bool(false));
        let url = self
            .document
            .get("userinfo_endpoint")
            .and_then(Value::as_str);
        let Some(url) = url.filter(|_| wanted) else {
            return Ok(None);
        };
        let bearer = format!("Bearer {}", token.reveal());
        let request = Request::get(url).header("authorization", bearer);
        let request = request.of_stranger(self.is_of_stranger("userinfo_endpoint"));
        let answer = call
            .outbound
            .send(request.header("accept", "application/json"))
            .await?;
        if answer.is_success() && answer.content_type == "application/jwt" {
            return Err(Fault::Misconfigured(
                "the provider signs its userinfo, which is not read: it must send JSON, or \
                 fetch_userinfo must be false"
                    .to_owned(),
            ));
        }
        let userinfo = grant::object(&answer, "the userinfo endpoint")?;
        // 5.3.2: an access token that was put in the place of another speaks of somebody else.
        let same = userinfo.get("sub").is_some_and(Value::is_string)
            && userinfo.get("sub") == claims.get("sub");
        match same {
            true => Ok(Some(userinfo)),
            false => Err(Fault::Invalid("the userinfo is somebody else's".to_owned())),
        }
    }
}

/// Where the document is, and whose it must be, without a slash at the end.
fn whereabouts(server: &str) -> (String, String) {
    match server.split_once("/.well-known/") {
        // RFC 8414 puts the issuer's path behind.
        Some((origin, rest)) => {
            let path = rest.split_once('/').map_or("", |(_, path)| path);
            let issuer = format!("{origin}/{path}");
            (server.to_owned(), issuer.trim_end_matches('/').to_owned())
        }
        None => {
            let issuer = server.trim_end_matches('/').to_owned();
            (format!("{issuer}/.well-known/openid-configuration"), issuer)
        }
    }
}

async fn discover(call: &Call<'_>, url: &str) -> Result<Map<String, Value>, Fault> {
    let request = Request::get(url).header("accept", "application/json");
    let answer = call.outbound.send(request).await?;
    match answer.status {
        200..300 => grant::object(&answer, "the discovery document"),
        status @ 400..500 => Err(Fault::Misconfigured(format!(
            "there is no discovery document where server_url says: status {status}"
        ))),
        status => Err(Fault::Unavailable(format!(
            "the discovery document: status {status}"
        ))),
    }
}

fn found(
    call: &Call<'_>,
    token: &Secret,
    claims: Claims,
    userinfo: Option<Map<String, Value>>,
    tokens: Option<Tokens>,
) -> Result<Found, Fault> {
    let once = id_token::once(&claims, token);
    Ok(Found {
        profile: who(call, claims, userinfo)?,
        tokens,
        once: Some(once),
    })
}

/// Out of the claims, with those of the userinfo over them.
fn who(
    call: &Call<'_>,
    claims: Claims,
    userinfo: Option<Map<String, Value>>,
) -> Result<Profile, Fault> {
    let mut whole: BTreeMap<String, Value> = claims.clone().into_iter().collect();
    if let Some(userinfo) = &userinfo {
        // Whether an address is verified is said by whoever says the address.
        for (name, verified) in [
            ("email", "email_verified"),
            ("phone_number", "phone_number_verified"),
        ] {
            if userinfo.contains_key(name) {
                whole.remove(verified);
            }
        }
        whole.extend(userinfo.clone());
    }
    let gathered = Gathered {
        whole: whole.into_iter().collect(),
        id_token: Value::Object(claims.clone()),
        ..Gathered::default()
    };
    let mut extra_data = Map::new();
    for (name, said) in [("userinfo", userinfo), ("id_token", Some(claims))] {
        let said = said.map(|said| profile::to_keep(&Value::Object(said)));
        extra_data.extend(said.map(|said| (name.to_owned(), said)));
    }
    Ok(Profile {
        extra_data: Value::Object(extra_data),
        ..profile::read(call, &gathered)?
    })
}

#[cfg(test)]
mod tests;
