//! OAuth 1.0a: RFC 5849.
//!
//! 1. A request token is had from the provider, with the address to come back to. It must say that it heard that address:
//!    without, an attacker's own request token could be finished by a victim (the session fixation of 2009).
//! 2. The visitor is sent there with the token ([`begin`]); token and secret stay in the session.
//! 3. They come back with the same token, or it is not their answer, and with a verifier that only they can have
//!    ([`finish`]).
//! 4. Both become the token that opens the profile; every request is signed.
//!
//! There is no `state`: what binds an answer to a session is the token, and the state in the address to come back to.
//!
//! `pocket` is the one quirk: like the above, but nothing is signed, and JSON is spoken.

mod signature;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use self::signature::Signer;
use super::description::{LookupAuth, Method, Texts};
use super::path::Gathered;
use super::template::Known;
use super::{Ask, Begun, Call, Fault, Found, Handed, Params, Tokens};
use super::{grant, lookup, oauth2, profile, quoted};
use crate::outbound::{Answer, Request};
use crate::settings::Secret;

/// As long as a token, a secret or a verifier may be.
const LONGEST: usize = 4096;

/// Steps 1 and 2: where the visitor goes.
///
/// # Errors
/// [`Fault`]
pub(super) async fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    profile::account(call)?;
    let nothing = Gathered::default();
    let known = known(call, &nothing);
    let request = call.provider.request.as_ref();
    let request = request.ok_or_else(|| wrong("no address for request tokens"))?;
    let step = Step {
        url: request.url.address(&known)?,
        method: request.method,
        fields: filled(&request.body, &known)?,
        headers: &request.headers,
    };
    let mut parameters = grant::more(&known, ask)?;
    let mut kept = Map::new();
    if request.quirk.as_deref() == Some(POCKET) {
        let body = json!({"consumer_key": call.app.client_id, "redirect_uri": call.redirect_uri});
        let answer = step.json(&known, &body).await?;
        let code = text(&answer, "code").ok_or_else(|| invalid("no request token came"))?;
        parameters.insert("request_token".to_owned(), code.to_owned());
        parameters.insert("redirect_uri".to_owned(), call.redirect_uri.to_owned());
        kept.insert("token".to_owned(), code.into());
    } else {
        let callback = [("oauth_callback", call.redirect_uri)];
        let answer = step.signed(&known, ("", ""), &callback).await?;
        if text(&answer, "oauth_callback_confirmed") != Some("true") {
            return Err(invalid("it did not confirm the address to come back to"));
        }
        let token = text(&answer, "oauth_token");
        let token = token.ok_or_else(|| invalid("no request token came"))?;
        let secret = text(&answer, "oauth_token_secret").unwrap_or_default();
        parameters.insert("oauth_token".to_owned(), token.to_owned());
        kept.insert("token".to_owned(), token.into());
        kept.insert("secret".to_owned(), secret.into());
        let scope = oauth2::scopes(ask, &known)?;
        if let Some(authorize) = call
            .provider
            .authorize
            .as_ref()
            .filter(|_| !scope.is_empty())
        {
            parameters.insert(authorize.scope_parameter.clone(), scope);
        }
    }
    let authorize = call.provider.authorize.as_ref();
    let url = authorize.and_then(|authorize| authorize.url.as_ref());
    let url = url.ok_or_else(|| wrong("no address to send visitors to"))?;
    Ok(Begun {
        url: grant::address(call, &url.address(&known)?, &parameters)?,
        kept,
    })
}

/// Steps 3 and 4: who came back.
///
/// # Errors
/// [`Fault`]
pub(super) async fn finish(
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<Found, Fault> {
    refused(call, params)?;
    let ours = text(kept, "token").ok_or_else(|| invalid("no token of ours is known"))?;
    let exchange = call.provider.token.as_ref();
    let exchange = exchange.ok_or_else(|| wrong("no address for tokens"))?;
    let nothing = Gathered::default();
    let known = known(call, &nothing);
    let step = Step {
        url: exchange.url.address(&known)?,
        method: exchange.method,
        fields: filled(&exchange.body, &known)?,
        headers: &exchange.headers,
    };
    if exchange.quirk.as_deref() == Some(POCKET) {
        let body = json!({"consumer_key": call.app.client_id, "code": ours});
        let answer = step.json(&known, &body).await?;
        let token = text(&answer, "access_token").ok_or_else(|| invalid("no token came"))?;
        let token = Secret::new(token);
        return found(call, answer, token, None).await;
    }
    let given = params.get("oauth_token").map_or("", String::as_str);
    verify_slices_are_equal(ours.as_bytes(), given.as_bytes())
        .map_err(|_| invalid("it is the answer to another sign-in"))?;
    let verifier = params.get("oauth_verifier").map_or("", String::as_str);
    if verifier.is_empty() || verifier.len() > LONGEST {
        return Err(invalid("no verifier came back"));
    }
    let secret = kept
        .get("secret")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let more = [("oauth_verifier", verifier)];
    let answer = step.signed(&known, (ours, secret), &more).await?;
    let token = text(&answer, "oauth_token").ok_or_else(|| invalid("no token came"))?;
    let token = Secret::new(token);
    // A few have none.
    let secret = text(&answer, "oauth_token_secret").map(Secret::new);
    found(call, answer, token, secret).await
}

/// A token that a client got by itself. It is for our app, or our signature beside it would not do.
///
/// # Errors
/// [`Fault`]
pub(super) async fn by_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    let fits = |secret: &&Secret| (1..=LONGEST).contains(&secret.reveal().len());
    let token = handed.access_token.as_ref().filter(fits);
    let token = token.ok_or_else(|| invalid("a token is needed"))?;
    let secret = handed.token_secret.as_ref().filter(fits);
    let secret = secret.ok_or_else(|| invalid("the token's secret is needed"))?;
    let mut lookups = call.provider.profile.iter();
    if !lookups.any(|lookup| lookup.auth == LookupAuth::OAuth1 && !lookup.optional) {
        return Err(invalid(
            "nothing that the provider tells would prove a token",
        ));
    }
    found(call, Map::new(), token.clone(), Some(secret.clone())).await
}

const POCKET: &str = "pocket";

/// What the callback says went wrong.
fn refused(call: &Call<'_>, params: &Params) -> Result<(), Fault> {
    oauth2::check_error(call, params)?;
    match params.get("oauth_problem").map(String::as_str) {
        _ if params.contains_key("denied") => Err(Fault::Cancelled),
        Some("user_refused" | "permission_denied") => Err(Fault::Cancelled),
        Some(other) => Err(Fault::Denied(format!(
            "the provider says {}",
            quoted(other)
        ))),
        None => Ok(()),
    }
}

async fn found(
    call: &Call<'_>,
    answer: Map<String, Value>,
    token: Secret,
    secret: Option<Secret>,
) -> Result<Found, Fault> {
    profile::account(call)?;
    let mut gathered = Gathered {
        token: Value::Object(answer),
        ..Gathered::default()
    };
    let pair = (token.reveal(), secret.as_ref().map_or("", Secret::reveal));
    gather(call, &mut gathered, pair).await?;
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: Some(Tokens {
            token,
            token_secret: secret,
            expires_at: None,
        }),
        once: None,
    })
}

/// All requests of the description, in order.
async fn gather(
    call: &Call<'_>,
    gathered: &mut Gathered,
    token: (&str, &str),
) -> Result<(), Fault> {
    for one in &call.provider.profile {
        if one.for_email && !call.query_email {
            continue;
        }
        let known = known(call, gathered);
        let mut fields = filled(&one.query, &known)?;
        if call.query_email {
            lookup::fill_into(&mut fields, &one.query_for_email, &known)?;
        }
        let step = Step {
            url: one.url.address(&known)?,
            method: Method::Get,
            fields,
            headers: &one.headers,
        };
        let answer = match one.auth {
            LookupAuth::OAuth1 => step.ask(&known, Some((token, &[]))).await,
            _ => step.ask(&known, None).await,
        };
        let counted = answer.and_then(|answer| {
            lookup::counted("the profile", &answer, &one.ok, one.answer.as_ref(), &known)
        });
        match counted {
            Ok(answer) => lookup::take_in(one, answer, gathered)?,
            Err(_) if one.optional => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// One request.
struct Step<'a> {
    url: String,
    method: Method,
    fields: Vec<(String, String)>,
    headers: &'a Texts,
}

/// A token and its secret, and parameters of the protocol that only one step has.
type Signing<'a> = ((&'a str, &'a str), &'a [(&'a str, &'a str)]);

impl Step<'_> {
    /// Signed, and answered with a form.
    async fn signed(
        &self,
        known: &Known<'_>,
        token: (&str, &str),
        more: &[(&str, &str)],
    ) -> Result<Map<String, Value>, Fault> {
        let answer = self.ask(known, Some((token, more))).await?;
        lookup::check_status("the token endpoint", &answer)?;
        Ok(read(&answer))
    }

    /// With JSON, and answered so.
    async fn json(&self, known: &Known<'_>, body: &Value) -> Result<Map<String, Value>, Fault> {
        let request = Request::post_json(self.url.as_str(), body);
        let request = lookup::headed(request, self.headers, known)?;
        let answer = known.call.outbound.send(request).await?;
        grant::object(&answer, "the token endpoint")
    }

    async fn ask(&self, known: &Known<'_>, signing: Option<Signing<'_>>) -> Result<Answer, Fault> {
        let call = known.call;
        let mut url = Url::parse(&self.url).map_err(|_| wrong("an address is none"))?;
        let (method, form) = match self.method {
            Method::Get => {
                if !self.fields.is_empty() {
                    url.query_pairs_mut().extend_pairs(&self.fields);
                }
                ("GET", &[][..])
            }
            Method::Post => ("POST", self.fields.as_slice()),
        };
        let mut request = match method {
            "GET" => Request::get(url.as_str()),
            _ if form.is_empty() => Request::post(url.as_str()),
            _ => Request::post_form(url.as_str(), form),
        };
        request = lookup::headed(request, self.headers, known)?;
        if let Some((token, more)) = signing {
            let signer = Signer {
                app: (&call.app.client_id, call.app.secret.reveal()),
                token,
            };
            let header = signer.header(method, &url, form, more, call.now);
            request = request.header("authorization", header);
        }
        call.outbound.send(request).await
    }
}

/// A form, or JSON where somebody has that.
fn read(answer: &Answer) -> Map<String, Value> {
    if let Ok(Value::Object(object)) = answer.json() {
        return object;
    }
    let text = answer.text();
    let pairs = form_urlencoded::parse(text.trim().as_bytes()).take(100);
    pairs
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

fn filled(texts: &Texts, known: &Known<'_>) -> Result<Vec<(String, String)>, Fault> {
    let mut filled = Vec::new();
    lookup::fill_into(&mut filled, texts, known)?;
    Ok(filled)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = object.get(name).and_then(Value::as_str);
    text.filter(|text| (1..=LONGEST).contains(&text.len()))
}

fn known<'a>(call: &'a Call<'a>, gathered: &'a Gathered) -> Known<'a> {
    Known {
        call,
        gathered,
        access_token: None,
    }
}

fn invalid(what: &str) -> Fault {
    Fault::Invalid(format!("OAuth 1: {what}"))
}

fn wrong(what: &str) -> Fault {
    Fault::Misconfigured(format!("OAuth 1: {what}"))
}

#[cfg(test)]
mod tests;
