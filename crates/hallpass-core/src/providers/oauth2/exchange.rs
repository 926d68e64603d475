//! The token endpoint: a code or a refresh token for an access token.

use std::time::Duration;

use serde_json::{Map, Value};

use super::renamed;
use crate::outbound::{Answer, Request};
use crate::providers::description::{ClientAuth, Exchange, Format, Method};
use crate::providers::lookup::{fill_into, put};
use crate::providers::path::Gathered;
use crate::providers::template::{self, Known};
use crate::providers::{Call, Fault, Tokens, lookup, profile, quirks};
use crate::settings::Secret;

/// As long as a token may be.
const LONGEST_TOKEN: usize = 16 * 1024;

/// What is said to last longer lasts so long.
const LONGEST_LIFE: u64 = 10 * 365 * 24 * 60 * 60;

/// A code for a token. What was answered goes into `gathered`.
pub(super) async fn code(
    call: &Call<'_>,
    exchange: &Exchange,
    gathered: &mut Gathered,
    code: &str,
    verifier: Option<&str>,
) -> Result<Tokens, Fault> {
    let mut parameters = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", call.redirect_uri.to_owned()),
    ];
    if let Some(verifier) = verifier {
        parameters.push(("code_verifier", verifier.to_owned()));
    }
    let mut parameters = with_client(call, exchange, parameters);
    let known = Known {
        call,
        gathered,
        access_token: None,
    };
    for (name, text) in &exchange.body {
        // A code that a client hands over has no callback.
        if !(gathered.callback.is_empty() && text.needs_callback()) {
            put(&mut parameters, name, text.fill(&known)?);
        }
    }
    let url = exchange.url.address(&known)?;
    let answer = ask(call, exchange, url, parameters, &known).await?;
    let (object, tokens) = tokens(call, exchange, gathered, &answer)?;
    if let Some(quirk) = &exchange.quirk {
        quirks::check_token(quirk, call, &object)?;
    }
    gathered.token = object;
    Ok(tokens)
}

/// A refresh token for a token. Where no new refresh token comes, the old one stays good.
pub(super) async fn refresh(
    call: &Call<'_>,
    exchange: &Exchange,
    refresh_token: &Secret,
) -> Result<Tokens, Fault> {
    let parameters = vec![
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", refresh_token.reveal().to_owned()),
    ];
    let mut parameters = with_client(call, exchange, parameters);
    let gathered = Gathered::default();
    let known = Known {
        call,
        gathered: &gathered,
        access_token: None,
    };
    for (name, text) in exchange.body.iter().filter(|(name, text)| {
        // What came with the code is gone by now, and what stands in its place is of the code.
        !text.is_from_outside() && name.as_str() != "grant_type"
    }) {
        put(&mut parameters, name, text.fill(&known)?);
    }
    let url = exchange.refresh_url.as_ref().unwrap_or(&exchange.url);
    let answer = ask(call, exchange, url.address(&known)?, parameters, &known).await?;
    let (_, tokens) = tokens(call, exchange, &gathered, &answer)?;
    Ok(Tokens {
        token_secret: tokens.token_secret.or_else(|| Some(refresh_token.clone())),
        ..tokens
    })
}

/// Whether a text can be a token, and go into a header.
pub(in crate::providers) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_TOKEN && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Parameters with the proof of who the app is, under the provider's names.
fn with_client(
    call: &Call<'_>,
    exchange: &Exchange,
    mut parameters: Vec<(&str, String)>,
) -> Vec<(String, String)> {
    if exchange.auth != ClientAuth::Basic {
        parameters.push(("client_id", call.app.client_id.clone()));
    }
    if exchange.auth == ClientAuth::Body && !call.app.secret.reveal().is_empty() {
        parameters.push(("client_secret", call.app.secret.reveal().to_owned()));
    }
    renamed(parameters, &exchange.rename)
}

async fn ask(
    call: &Call<'_>,
    exchange: &Exchange,
    url: String,
    mut parameters: Vec<(String, String)>,
    known: &Known<'_>,
) -> Result<Value, Fault> {
    parameters.retain(|(_, value)| !value.is_empty());
    let mut request = match (exchange.method, exchange.format) {
        (Method::Get, _) => {
            let asked = parameters.into_iter();
            asked.fold(Request::get(url), |request, (name, value)| {
                request.query(name, value)
            })
        }
        (Method::Post, Format::Form) => Request::post_form(url, &parameters),
        (Method::Post, Format::Json) => {
            let members = parameters.into_iter();
            let members = members.map(|(name, value)| (name, Value::String(value)));
            Request::post_json(url, &Value::Object(members.collect()))
        }
    };
    let mut query = Vec::new();
    fill_into(&mut query, &exchange.query, known)?;
    for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.query(name, value);
    }
    request = lookup::headed(request, &exchange.headers, known)?;
    if exchange.auth == ClientAuth::Basic {
        request = request.header("authorization", lookup::basic(call.app));
    }
    let answer = call.outbound.send(request).await?;
    lookup::check_status("the token endpoint", &answer)?;
    read(&answer)
}

/// JSON, whatever its type is called, or a form.
fn read(answer: &Answer) -> Result<Value, Fault> {
    let text = answer.text();
    if answer.content_type.ends_with("json") || text.trim_start().starts_with(['{', '[']) {
        return answer.json();
    }
    let pairs = url::form_urlencoded::parse(text.trim().as_bytes());
    let members: Map<String, Value> = pairs
        .take(100)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    Ok(Value::Object(members))
}

/// The object with the token, and what is in it.
pub(super) fn tokens(
    call: &Call<'_>,
    exchange: &Exchange,
    gathered: &Gathered,
    answer: &Value,
) -> Result<(Value, Tokens), Fault> {
    let known = Known {
        call,
        gathered,
        access_token: None,
    };
    let invalid = |what: &str| Fault::Invalid(format!("the token endpoint's answer {what}"));
    for condition in &exchange.ok.0 {
        if !profile::holds(condition, condition.path.find_in(answer), &known) {
            return Err(lookup::denied("the token endpoint", answer));
        }
    }
    let object = match &exchange.answer {
        Some(path) => path.find_in(answer),
        None => Some(answer),
    };
    // Some say no with a status of success.
    let has_error = |value: &Value| lookup::error_of(value).is_some();
    if has_error(answer) || object.is_some_and(has_error) {
        return Err(lookup::denied("the token endpoint", answer));
    }
    let object = object.ok_or_else(|| invalid("has no token"))?;
    let text = |path: &crate::providers::path::Path| {
        let found = path.find_in(object).and_then(Value::as_str);
        found.filter(|text| is_token(text)).map(Secret::new)
    };
    let token = text(&exchange.access_token).ok_or_else(|| invalid("has no token"))?;
    let life = exchange.expires_in.find_in(object).and_then(seconds);
    let tokens = Tokens {
        token,
        token_secret: text(&exchange.refresh_token),
        expires_at: life.map(|life| call.now + life),
    };
    Ok((object.clone(), tokens))
}

/// Seconds as a number or a text. Nothing and less is: no word about it.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => whole,
            // A cast of what is too large ends at the largest; of what is no number, at zero.
            None => number.as_f64()? as u64,
        },
        Value::String(_) => template::scalar(value)?.trim().parse().ok()?,
        _ => return None,
    };
    (seconds > 0).then(|| Duration::from_secs(seconds.min(LONGEST_LIFE)))
}
