//! Asking a provider about somebody, with a token of theirs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::description::{Audience, Conditions, Json, Lookup, LookupAuth, Method, Texts};
use super::path::{Gathered, Path};
use super::template::{self, Known, Text};
use super::{App, Call, Fault, profile, quirks, quoted};
use crate::outbound::{Answer, Request};

/// All requests of the description, in order. What they give goes into `gathered`.
///
/// # Errors
/// The first fault of a request that may not fail.
pub async fn gather(
    call: &Call<'_>,
    gathered: &mut Gathered,
    access_token: Option<&str>,
) -> Result<(), Fault> {
    for lookup in &call.provider.profile {
        if lookup.for_email && !call.query_email {
            continue;
        }
        let known = Known {
            call,
            gathered,
            access_token,
        };
        match asked(lookup, &known).await {
            Ok(answer) => take_in(lookup, answer, gathered)?,
            Err(_) if lookup.optional => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

async fn asked(lookup: &Lookup, known: &Known<'_>) -> Result<Value, Fault> {
    let mut query = Vec::new();
    fill_into(&mut query, &lookup.query, known)?;
    if known.call.query_email {
        fill_into(&mut query, &lookup.query_for_email, known)?;
    }
    if let Some(quirk) = &lookup.quirk {
        quirks::on_lookup(quirk, &mut query, known);
    }
    let asking = Asking {
        url: &lookup.url,
        method: lookup.method,
        auth: lookup.auth,
        query,
        body: &lookup.body,
        json: lookup.json.as_ref(),
        headers: &lookup.headers,
    };
    let mut request = asking.request(known)?;
    if lookup.compressed.is_some() {
        request = request.packed();
    }
    let answer = known.call.outbound.send(request).await?;
    let part = lookup.answer.as_ref();
    counted("the profile", &answer, &lookup.ok, part, known)
}

/// A request as a description has it.
struct Asking<'a> {
    url: &'a Text,
    method: Method,
    auth: LookupAuth,
    query: Vec<(String, String)>,
    body: &'a Texts,
    json: Option<&'a Json>,
    headers: &'a Texts,
}

impl Asking<'_> {
    fn request(self, known: &Known<'_>) -> Result<Request, Fault> {
        let url = self.url.address(known)?;
        let mut request = match (self.method, self.json) {
            (Method::Get, _) => Request::get(url),
            (Method::Post, Some(json)) => Request::post_json(url, &filled(json, known)?),
            (Method::Post, None) if self.body.is_empty() => Request::post(url),
            (Method::Post, None) => {
                let mut fields = Vec::new();
                fill_into(&mut fields, self.body, known)?;
                fields.retain(|(_, value)| !value.is_empty());
                Request::post_form(url, &fields)
            }
        };
        for (name, value) in self.query {
            if !value.is_empty() {
                request = request.query(name, value);
            }
        }
        request = headed(request, self.headers, known)?;
        allowed(request, self.auth, known)
    }
}

/// What counts in an answer: its status, what must be so in it, and the part that the description names.
///
/// # Errors
/// Any fault but [`Fault::Cancelled`].
pub fn counted(
    what: &str,
    answer: &Answer,
    ok: &Conditions,
    part: Option<&Path>,
    known: &Known<'_>,
) -> Result<Value, Fault> {
    check_status(what, answer)?;
    let whole = answer.json()?;
    for condition in &ok.0 {
        if !profile::holds(condition, condition.path.find_in(&whole), known) {
            return Err(denied(what, &whole));
        }
    }
    let Some(part) = part else {
        return Ok(whole);
    };
    let found = part.find_in(&whole).cloned();
    found.ok_or_else(|| match error_of(&whole) {
        Some(_) => denied(what, &whole),
        None => Fault::Invalid(format!("{what}: the answer lacks what counts")),
    })
}

/// Adds an answer to the whole.
///
/// # Errors
/// [`Fault::Invalid`] if it has no members to add.
pub fn take_in(lookup: &Lookup, answer: Value, gathered: &mut Gathered) -> Result<(), Fault> {
    match (&lookup.into, answer) {
        (Some(name), answer) => {
            gathered.whole.insert(name.clone(), answer);
        }
        (None, Value::Object(members)) => gathered.whole.extend(members),
        (None, _) if lookup.optional => {}
        (None, _) => {
            return Err(Fault::Invalid("the profile is no object".to_owned()));
        }
    }
    Ok(())
}

/// Whether the provider says that a token is for our app.
///
/// # Errors
/// [`Fault::Invalid`] if it is for another's.
pub(super) async fn check_audience(
    call: &Call<'_>,
    audience: &Audience,
    gathered: &Gathered,
    access_token: &str,
) -> Result<(), Fault> {
    let known = Known {
        call,
        gathered,
        access_token: Some(access_token),
    };
    let Some(url) = &audience.url else {
        return Ok(());
    };
    let mut query = Vec::new();
    fill_into(&mut query, &audience.query, &known)?;
    let asking = Asking {
        url,
        method: audience.method,
        auth: audience.auth,
        query,
        body: &audience.body,
        json: audience.json.as_ref(),
        headers: &audience.headers,
    };
    let answer = call.outbound.send(asking.request(&known)?).await?;
    let part = audience.answer.as_ref();
    let answer = counted("the token's audience", &answer, &audience.ok, part, &known)?;
    is_ours(audience, audience.path.find_in(&answer), &known)
}

/// The same where the profile says it.
///
/// # Errors
/// [`Fault::Invalid`] if it is for another's.
pub(super) fn check_own_audience(
    call: &Call<'_>,
    audience: &Audience,
    gathered: &Gathered,
) -> Result<(), Fault> {
    let known = Known {
        call,
        gathered,
        access_token: None,
    };
    for condition in &audience.ok.0 {
        if !profile::holds(condition, condition.path.find(gathered), &known) {
            return Err(another());
        }
    }
    is_ours(audience, audience.path.find(gathered), &known)
}

fn is_ours(audience: &Audience, named: Option<&Value>, known: &Known<'_>) -> Result<(), Fault> {
    let ours = audience.value.fill(known)?;
    let is = |value: &Value| template::scalar(value).is_some_and(|it| it == ours);
    let so = match named {
        Some(Value::Array(places)) => places.iter().any(is),
        Some(value) => is(value),
        None => false,
    };
    // An app without an id would be the app of every token without one.
    (so && !ours.is_empty()).then_some(()).ok_or_else(another)
}

fn another() -> Fault {
    Fault::Invalid("the access token is for another app".to_owned())
}

fn allowed(request: Request, auth: LookupAuth, known: &Known<'_>) -> Result<Request, Fault> {
    let missing = || Fault::Invalid("there is no access token".to_owned());
    let token = known.access_token.ok_or_else(missing);
    Ok(match auth {
        LookupAuth::Bearer => request.header("authorization", format!("Bearer {}", token?)),
        LookupAuth::Query => request.query("access_token", token?),
        LookupAuth::App => request.header("authorization", basic(known.call.app)),
        LookupAuth::None => request,
        LookupAuth::OAuth1 => {
            return Err(Fault::Misconfigured(
                "only oauth1 signs requests".to_owned(),
            ));
        }
    })
}

/// Id and secret as RFC 6749, 2.3.1 wants them: each as a form has it, so that a colon in one is none between them.
pub(super) fn basic(app: &App) -> String {
    let form =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", form(&app.client_id), form(app.secret.reveal()));
    format!("Basic {}", STANDARD.encode(both))
}

/// Adds parameters, or puts them in the place of those with the same name.
pub(super) fn fill_into(
    parameters: &mut Vec<(String, String)>,
    texts: &Texts,
    known: &Known<'_>,
) -> Result<(), Fault> {
    for (name, text) in texts {
        put(parameters, name, text.fill(known)?);
    }
    Ok(())
}

/// Adds a parameter, or puts it in the place of the one with the same name.
pub(super) fn put(parameters: &mut Vec<(String, String)>, name: &str, value: String) {
    match parameters.iter_mut().find(|(known, _)| known == name) {
        Some(found) => found.1 = value,
        None => parameters.push((name.to_owned(), value)),
    }
}

/// Adds headers, and asks for JSON.
pub(super) fn headed(
    mut request: Request,
    headers: &Texts,
    known: &Known<'_>,
) -> Result<Request, Fault> {
    let accept = |name: &String| name.eq_ignore_ascii_case("accept");
    if !headers.keys().any(accept) {
        request = request.header("accept", "application/json");
    }
    for (name, text) in headers {
        let value = header(text, known)?;
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    Ok(request)
}

fn header(text: &Text, known: &Known<'_>) -> Result<String, Fault> {
    let value = text.fill(known)?;
    // A line end would begin another header of somebody else's choice.
    match value.contains(char::is_control) {
        true => Err(Fault::Invalid("a header has control characters".to_owned())),
        false => Ok(value),
    }
}

fn filled(json: &Json, known: &Known<'_>) -> Result<Value, Fault> {
    Ok(match json {
        Json::Flag(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::from(*number),
        Json::Text(text) => Value::String(text.fill(known)?),
        Json::List(items) => {
            let items = items.iter().map(|item| filled(item, known));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Json::Members(members) => {
            let members = members
                .iter()
                .map(|(name, item)| Ok((name.clone(), filled(item, known)?)));
            Value::Object(members.collect::<Result<Map<_, _>, Fault>>()?)
        }
    })
}

/// What a status means: too busy or broken is not our fault, anything else but success is a no.
pub(super) fn check_status(what: &str, answer: &Answer) -> Result<(), Fault> {
    match answer.status {
        200..300 => Ok(()),
        408 | 425 | 429 | 500.. => Err(Fault::Unavailable(format!(
            "{what} answered with status {}",
            answer.status
        ))),
        400..500 => {
            let said = answer.json().ok().and_then(|value| error_of(&value));
            let said = said.map(|error| format!(" and {}", quoted(&error)));
            Err(Fault::Denied(format!(
                "{what} answered with status {}{}",
                answer.status,
                said.unwrap_or_default()
            )))
        }
        status => Err(Fault::Invalid(format!(
            "{what} answered with status {status}"
        ))),
    }
}

/// What an answer with a status of success says against it.
pub(super) fn denied(what: &str, answer: &Value) -> Fault {
    match error_of(answer) {
        Some(error) => Fault::Denied(format!("{what} answered with {}", quoted(&error))),
        None => Fault::Denied(format!("{what} said no")),
    }
}

/// The `error` of an answer, if there is one.
pub(super) fn error_of(answer: &Value) -> Option<String> {
    match answer.get("error")? {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Object(members) => {
            let words = ["type", "code", "message"];
            let said = words.iter().filter_map(|word| members.get(*word));
            let said = said.filter_map(template::scalar).next();
            Some(said.unwrap_or_else(|| "an error".to_owned()))
        }
        Value::Number(number) if number.as_u64() == Some(0) => None,
        other => Some(other.to_string()),
    }
}
