//! OpenID Authentication 2.0, as a relying party that keeps nothing: Steam, and addresses that people type.
//!
//! 1. The provider is known, or is found by the identifier ([`discovery`]).
//! 2. The visitor is sent there ([`begin`]). There is no `state`: ours is in the address to come back to, which is signed.
//! 3. They come back with an assertion. It must speak of our address, of this provider, of just now, and all of that must be
//!    under its signature: whatever is not, the visitor may have written.
//! 4. The provider itself is asked whether the signature is its own; its nonce is good once ([`finish`]).
//! 5. An identifier that was not the one asked about must lead to this same provider: else any provider could speak for
//!    any identifier.

mod discovery;
mod markup;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use url::Url;

use self::discovery::Service;
use super::description::OpenId;
use super::path::Gathered;
use super::template::Known;
use super::{Ask, Begun, Call, Fault, Found, Params};
use super::{grant, lookup, profile, quoted};
use crate::domain::{Timestamp, secret};
use crate::outbound::Request;

const NS: &str = "http://specs.openid.net/auth/2.0";
const SELECT: &str = "http://specs.openid.net/auth/2.0/identifier_select";
const SREG: &str = "http://openid.net/extensions/sreg/1.1";
const AX: &str = "http://openid.net/srv/ax/1.0";

/// Seconds for which an assertion is of just now.
const FRESH: i64 = 600;

/// Seconds by which a provider's clock may be ahead.
const LEEWAY: i64 = 60;

/// What must be under the signature (10.1).
const SIGNED: [&str; 6] = [
    "op_endpoint",
    "return_to",
    "response_nonce",
    "assoc_handle",
    "claimed_id",
    "identity",
];

/// Steps 1 and 2: where the visitor goes.
///
/// # Errors
/// [`Fault`]
pub(super) async fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    profile::account(call)?;
    let openid = openid(call)?;
    let service = match endpoint(call, openid)? {
        Some(endpoint) => Service {
            endpoint,
            claimed_id: None,
            local_id: None,
        },
        None => {
            let typed = ask.parameters.get("openid").map_or("", String::as_str);
            discovery::discover(call, &discovery::normalized(typed)?).await?
        }
    };
    let back = Url::parse(call.redirect_uri).map_err(|_| wrong("our own address is none"))?;
    let realm = call.app.settings.get("realm").and_then(Value::as_str);
    let realm = realm.map_or_else(|| back.origin().ascii_serialization() + "/", str::to_owned);
    let mut parameters: BTreeMap<String, String> = [
        ("ns", NS),
        ("mode", "checkid_setup"),
        (
            "claimed_id",
            service.claimed_id.as_deref().unwrap_or(SELECT),
        ),
        ("identity", service.identity().unwrap_or(SELECT)),
        ("return_to", call.redirect_uri),
        ("realm", &realm),
    ]
    .map(|(name, value)| (format!("openid.{name}"), value.to_owned()))
    .into();
    if call.query_email {
        parameters.extend(wishes(openid));
    }
    let spoken = |fault| match openid.identifier {
        // Where a visitor types the address, this is no mistake of the operator's.
        true => invalid("the provider's address is not spoken to"),
        false => fault,
    };
    if is_of_stranger(call, openid, &service.endpoint) {
        let checked = call.outbound.check_of_stranger(&service.endpoint);
        checked.map_err(spoken)?;
    }
    let url = grant::address(call, &service.endpoint, &parameters).map_err(spoken)?;
    Ok(Begun {
        url,
        kept: service.keep(),
    })
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
    let openid = openid(call)?;
    let asked = Service::kept(kept).ok_or_else(|| invalid("no provider of ours is known"))?;
    let said = Assertion::read(params)?;
    if said.field("return_to")? != call.redirect_uri {
        return Err(invalid("it is the answer to another sign-in"));
    }
    if said.field("op_endpoint")? != asked.endpoint {
        return Err(invalid("it is another provider's"));
    }
    let made = made(said.field("response_nonce")?)?;
    let now = call.now.seconds();
    if made < now - FRESH || made > now + LEEWAY {
        return Err(invalid("it is not of just now"));
    }
    let claimed = match &openid.claimed_id {
        Some(pattern) => one_person(pattern, &said)?,
        None => said.field("claimed_id")?.to_owned(),
    };
    said.check(call, openid, &asked.endpoint).await?;
    if openid.claimed_id.is_none() {
        authorized(call, &asked, &said).await?;
    }
    let mut gathered = Gathered::default();
    gathered.whole.extend(said.wishes(openid));
    gathered
        .whole
        .insert("claimed_id".to_owned(), claimed.as_str().into());
    // Without a key the provider's interface has no answer.
    if !call.app.secret.reveal().is_empty() {
        lookup::gather(call, &mut gathered, None).await?;
        gathered
            .whole
            .insert("claimed_id".to_owned(), claimed.into());
    }
    let once = format!(
        "openid\n{}\n{}",
        asked.endpoint,
        said.field("response_nonce")?
    );
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: None,
        once: Some((
            secret::digest(&once),
            Timestamp::from_seconds(made + FRESH + 1),
        )),
    })
}

/// Step 5.
async fn authorized(call: &Call<'_>, asked: &Service, said: &Assertion<'_>) -> Result<(), Fault> {
    let (claimed, identity) = (said.field("claimed_id")?, said.field("identity")?);
    // What is behind `#` tells apart those who had an identifier one after the other; it leads nowhere.
    let bare = claimed.split('#').next().unwrap_or_default();
    let found = match asked.claimed_id.as_deref() == Some(bare) {
        true => asked.clone(),
        false => discovery::discover(call, bare).await?,
    };
    let same = found.endpoint == asked.endpoint
        && found.claimed_id.as_deref() == Some(bare)
        && found.identity() == Some(identity.split('#').next().unwrap_or_default());
    match same {
        true => Ok(()),
        false => Err(invalid("the provider does not speak for that identifier")),
    }
}

/// What came back, of which only what is signed counts.
struct Assertion<'a> {
    params: &'a Params,
    signed: BTreeSet<&'a str>,
}

impl<'a> Assertion<'a> {
    fn read(params: &'a Params) -> Result<Self, Fault> {
        let text = |name: &str| params.get(&format!("openid.{name}")).map(String::as_str);
        match text("mode") {
            Some("cancel") => return Err(Fault::Cancelled),
            Some("error") => {
                let error = quoted(text("error").unwrap_or_default());
                return Err(Fault::Denied(format!("the provider says {error}")));
            }
            Some("id_res") => {}
            _ => return Err(invalid("it is no assertion")),
        }
        if text("ns") != Some(NS) {
            return Err(invalid("it is of another version"));
        }
        let signed = text("signed").unwrap_or_default();
        let signed: BTreeSet<&str> = signed.split(',').collect();
        let covered = SIGNED.iter().all(|name| signed.contains(name));
        let there = signed.iter().all(|name| text(name).is_some());
        if !covered || !there || text("sig").is_none_or(str::is_empty) {
            return Err(invalid("not all of it is signed"));
        }
        Ok(Assertion { params, signed })
    }

    /// A signed field.
    fn signed(&self, name: &str) -> Option<&'a str> {
        let there = self.signed.contains(name);
        let value = self.params.get(&format!("openid.{name}"));
        value.filter(|_| there).map(String::as_str)
    }

    fn field(&self, name: &str) -> Result<&'a str, Fault> {
        self.signed(name)
            .ok_or_else(|| invalid("not all of it is signed"))
    }

    /// Step 4.
    async fn check(&self, call: &Call<'_>, openid: &OpenId, endpoint: &str) -> Result<(), Fault> {
        let own = self
            .params
            .iter()
            .filter(|(name, _)| name.starts_with("openid."));
        let fields: Vec<(String, String)> = own
            .map(|(name, value)| match name.as_str() {
                "openid.mode" => (name.clone(), "check_authentication".to_owned()),
                _ => (name.clone(), value.clone()),
            })
            .collect();
        let request = Request::post_form(endpoint, &fields);
        let request = request.of_stranger(is_of_stranger(call, openid, endpoint));
        let answer = call.outbound.send(request).await?;
        lookup::check_status("the provider", &answer)?;
        let text = answer.text();
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        match lines.any(|(name, value)| name == "is_valid" && value.trim() == "true") {
            true => Ok(()),
            false => Err(invalid("the provider does not know its signature")),
        }
    }

    /// What it says of somebody in answer to [`wishes`], under the names of the description.
    fn wishes(&self, openid: &OpenId) -> Map<String, Value> {
        let prefix = |ns: &str| {
            let mut spaces = self
                .signed
                .iter()
                .filter_map(|name| name.strip_prefix("ns."));
            spaces.find(|alias| self.signed(&format!("ns.{alias}")) == Some(ns))
        };
        let (sreg, ax) = (prefix(SREG), prefix(AX));
        let of_sreg = |name: &str| self.signed(&format!("{}.{name}", sreg?));
        let of_ax = |kind: &str| {
            let types = format!("{}.type.", ax?);
            let mut aliases = self
                .signed
                .iter()
                .filter_map(|name| name.strip_prefix(&types));
            let alias =
                aliases.find(|alias| self.signed(&format!("{types}{alias}")) == Some(kind))?;
            let value = format!("{}.value.{alias}", ax?);
            self.signed(&value)
                .or_else(|| self.signed(&format!("{value}.1")))
        };
        let mut found = Map::new();
        for (name, attribute) in &openid.attributes {
            let by_ax = attribute.ax.iter().find_map(|kind| of_ax(kind));
            let value = attribute.sreg.as_deref().and_then(of_sreg).or(by_ax);
            found.extend(value.map(|value| (name.clone(), value.into())));
        }
        found
    }
}

/// What is asked of somebody by extensions.
fn wishes(openid: &OpenId) -> BTreeMap<String, String> {
    let mut wishes = BTreeMap::new();
    let mut wish = |name: &str, value: String| wishes.insert(format!("openid.{name}"), value);
    let attributes = openid.attributes.values();
    let sreg: Vec<&str> = attributes.filter_map(|one| one.sreg.as_deref()).collect();
    if !sreg.is_empty() {
        wish("ns.sreg", SREG.to_owned());
        wish("sreg.optional", sreg.join(","));
    }
    let mut aliases = Vec::new();
    for (name, attribute) in &openid.attributes {
        for (index, kind) in attribute.ax.iter().enumerate() {
            let alias = format!("{}{index}", name.replace('_', ""));
            wish(&format!("ax.type.{alias}"), kind.clone());
            aliases.push(alias);
        }
    }
    if !aliases.is_empty() {
        wish("ns.ax", AX.to_owned());
        wish("ax.mode", "fetch_request".to_owned());
        wish("ax.if_available", aliases.join(","));
    }
    wishes
}

/// When a nonce was made, by its beginning: `2005-05-15T17:11:51Z`.
fn made(nonce: &str) -> Result<i64, Fault> {
    let time = nonce.get(..20);
    let shape = |(place, letter): (usize, u8)| match place {
        4 | 7 => letter == b'-',
        10 => letter == b'T',
        13 | 16 => letter == b':',
        19 => letter == b'Z',
        _ => letter.is_ascii_digit(),
    };
    let time = time.filter(|time| nonce.len() <= 255 && time.bytes().enumerate().all(shape));
    let time = time.and_then(Timestamp::parse);
    time.map(Timestamp::seconds)
        .ok_or_else(|| invalid("its nonce is none"))
}

/// What stands for `*` in the pattern of a provider's identifiers: digits, nothing else.
fn one_person(pattern: &str, said: &Assertion<'_>) -> Result<String, Fault> {
    let claimed = said.field("claimed_id")?;
    if said.field("identity")? != claimed {
        return Err(invalid("it is about two people"));
    }
    let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
    let inner = claimed
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    let inner = inner.filter(|inner| !inner.is_empty() && inner.len() <= 32);
    let inner = inner.filter(|inner| inner.bytes().all(|letter| letter.is_ascii_digit()));
    inner
        .map(str::to_owned)
        .ok_or_else(|| invalid("its identifier is none of the provider's"))
}

fn openid<'a>(call: &Call<'a>) -> Result<&'a OpenId, Fault> {
    let openid = call.provider.openid.as_ref();
    openid.ok_or_else(|| wrong("it is not said where the provider is"))
}

/// Where the provider is, if that is not found by an identifier.
fn endpoint(call: &Call<'_>, openid: &OpenId) -> Result<Option<String>, Fault> {
    let known = Known {
        call,
        gathered: &Gathered::default(),
        access_token: None,
    };
    let endpoint = openid.endpoint.as_ref();
    endpoint
        .map(|endpoint| endpoint.address(&known))
        .transpose()
}

/// Whether an address comes from what a stranger typed, and not from the operator.
fn is_of_stranger(call: &Call<'_>, openid: &OpenId, address: &str) -> bool {
    openid.endpoint.is_none() && !discovery::is_at_server(call, address)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn invalid(what: &str) -> Fault {
    Fault::Invalid(format!("OpenID 2.0: {what}"))
}

fn wrong(what: &str) -> Fault {
    Fault::Misconfigured(format!("OpenID 2.0: {what}"))
}

#[cfg(test)]
mod tests;
