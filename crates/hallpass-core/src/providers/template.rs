//! Texts of a description with `{…}` in them.
//!
//! What fills them comes from the operator (parameters, settings, the app) or from outside: a provider's answer, the
//! visitor's callback. Into an address, what comes from outside goes percent-encoded, and it may change neither the host nor
//! the number of the path's parts: a token answer with `../admin` or `@evil.example/` in it would otherwise send our app's
//! secret, or a request of our choice, elsewhere. Where a host itself comes from outside, the description names those
//! that may be followed.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::description::Provider;
use super::path::{Gathered, Path, Root};
use super::{Call, Fault, quoted};
use crate::domain::secret;

/// As much as one value from outside may hold.
const LONGEST_VALUE: usize = 8192;

/// A text with `{…}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Text {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Reference(Reference),
}

/// What a `{…}` means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    /// `{base}`: a parameter of the description.
    Parameter(String),
    /// `{setting.x}`
    Setting(String),
    /// `{client_id}`, `{app.client_id}`
    ClientId,
    /// `{app.secret}`
    Secret,
    /// `{app.key}`
    Key,
    /// `{app.name}`
    Name,
    /// `{redirect_uri}`
    RedirectUri,
    /// `{uuid}`: another one each time.
    Uuid,
    /// `{access_token}`, wherever the token endpoint had it.
    AccessToken,
    /// `{token.x}`, `{callback.x}`, `{profile.x}`, `{id_token.x}`
    Outside(Path),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl TryFrom<Scalar> for Text {
    type Error = String;
    fn try_from(scalar: Scalar) -> Result<Self, String> {
        match scalar {
            Scalar::Text(text) => Text::parse(&text),
            Scalar::Number(number) => Text::parse(&number.to_string()),
            Scalar::Flag(flag) => Text::parse(&flag.to_string()),
        }
    }
}

/// What texts are filled with.
pub struct Known<'a> {
    /// The provider and the app.
    pub call: &'a Call<'a>,
    /// What came from outside so far.
    pub gathered: &'a Gathered,
    /// The access token, once there is one.
    pub access_token: Option<&'a str>,
}

impl Text {
    /// Reads a text. A brace that does not hold a name is a brace.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            literal.push_str(&rest[..open]);
            let after = &rest[open + 1..];
            let name = after.find('}').map(|close| &after[..close]);
            match name.filter(|name| is_name(name)) {
                Some(name) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Reference(reference(name)?));
                    rest = &after[name.len() + 1..];
                }
                None => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Text { pieces })
    }

    /// What the provider knows the app as.
    pub(super) fn client_id() -> Self {
        Text {
            pieces: vec![Piece::Reference(Reference::ClientId)],
        }
    }

    /// The parameters that it mentions.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.references().filter_map(|reference| match reference {
            Reference::Parameter(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether something from outside the settings goes into it.
    pub(super) fn is_from_outside(&self) -> bool {
        self.references().any(Reference::is_outside)
    }

    /// Whether something from the callback goes into it.
    pub(super) fn needs_callback(&self) -> bool {
        self.references().any(|reference| match reference {
            Reference::Outside(path) => path.roots().any(|root| root == Root::Callback),
            _ => false,
        })
    }

    /// Whether it begins with something from outside the settings: an address that a provider gives.
    pub(super) fn begins_outside(&self) -> bool {
        matches!(self.pieces.first(), Some(Piece::Reference(first)) if first.is_outside())
    }

    /// Whether something from outside goes into the host.
    pub(super) fn host_is_from_outside(&self) -> bool {
        let mut before = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => before.push_str(text),
                Piece::Reference(reference) if reference.is_outside() => {
                    let rest = before.split_once("://").map(|(_, rest)| rest);
                    return rest.is_none_or(|rest| !rest.contains(['/', '?', '#']));
                }
                // What the operator says has a host in it, or is within one.
                Piece::Reference(_) if before.is_empty() => before.push_str("https://stand-in"),
                Piece::Reference(_) => before.push_str("stand-in"),
            }
        }
        false
    }

    fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Literal(_) => None,
        })
    }

    /// The text, for a parameter, a header or a body.
    ///
    /// # Errors
    /// [`Fault::Misconfigured`] for a setting that is missing, [`Fault::Invalid`] for something that should have come.
    pub fn fill(&self, known: &Known<'_>) -> Result<String, Fault> {
        self.fill_at(known, 0)
    }

    fn fill_at(&self, known: &Known<'_>, depth: usize) -> Result<String, Fault> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Reference(reference) => filled.push_str(&reference.value(known, depth)?),
            }
        }
        Ok(filled)
    }

    /// The text as an address.
    ///
    /// # Errors
    /// As [`Text::fill`]; and [`Fault::Invalid`] where something from outside would lead elsewhere.
    pub fn address(&self, known: &Known<'_>) -> Result<String, Fault> {
        let elsewhere = || Fault::Invalid("an address of the provider leads elsewhere".to_owned());
        let real = self.encoded(known, |value| Ok(encode(value)))?;
        // The same with nothing in it from outside: both must be alike but for the words.
        let plain = self.encoded(known, |_| Ok("x".to_owned()))?;
        let wrong = || Fault::Misconfigured(format!("{} is no address", quoted(&plain)));
        let plain_url = Url::parse(&plain).map_err(|_| wrong())?;
        let url = Url::parse(&real).map_err(|_| elsewhere())?;
        let schemes = ["https", "http"];
        if !schemes.contains(&plain_url.scheme()) || plain_url.host_str().is_none() {
            return Err(wrong());
        }
        let parts = |url: &Url| url.path_segments().map_or(0, Iterator::count);
        if !url.username().is_empty()
            || url.password().is_some()
            || url.scheme() != plain_url.scheme()
            || url.port() != plain_url.port()
            || parts(&url) != parts(&plain_url)
            || url.fragment() != plain_url.fragment()
        {
            return Err(elsewhere());
        }
        let from_outside = self.begins_outside() || url.host_str() != plain_url.host_str();
        if from_outside && !is_followed(known.call.provider, &url) {
            return Err(Fault::Invalid(format!(
                "the provider names a host that is not followed: {}",
                quoted(url.host_str().unwrap_or_default())
            )));
        }
        Ok(real)
    }

    fn encoded(
        &self,
        known: &Known<'_>,
        outside: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<String, Fault> {
        let mut filled = String::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            let reference = match piece {
                Piece::Literal(text) => {
                    filled.push_str(text);
                    continue;
                }
                Piece::Reference(reference) => reference,
            };
            let value = reference.value(known, 0)?;
            if index == 0 && reference.is_outside() {
                filled.push_str(self.beginning(known, &value)?);
            } else if reference.is_outside() {
                // Nothing, or only dots, would be another address: the list of all people instead of one of them.
                if value.trim_matches('.').is_empty() {
                    return Err(Fault::Invalid(
                        "a part of an address that the provider gives is empty".to_owned(),
                    ));
                }
                filled.push_str(&outside(&value)?);
            } else if reference.is_ours() || index == 0 {
                filled.push_str(value.trim_end_matches(|c| index == 0 && c == '/'));
            } else {
                filled.push_str(&encode(&value));
            }
        }
        Ok(filled)
    }

    /// An address that comes from a provider and is followed by more.
    fn beginning<'v>(&self, known: &Known<'_>, value: &'v str) -> Result<&'v str, Fault> {
        let bad = || Fault::Invalid("the provider gives an address that is none".to_owned());
        let url = Url::parse(value).map_err(|_| bad())?;
        let secure = url.scheme() == "https";
        let plain = url.scheme() == "http" && known.call.provider.operators;
        let whole = self.pieces.len() == 1;
        // Url::parse takes more than it says: it drops tabs and line ends, and reads \ as /.
        let odd = |c: char| !c.is_ascii_graphic() || c == '\\';
        if !(secure || plain)
            || value.contains(odd)
            || value.contains('#')
            || (!whole && value.contains('?'))
        {
            return Err(bad());
        }
        Ok(value)
    }

    /// What an address is most likely to be, for judging a description: what is missing is stood in for.
    pub(super) fn likely(&self, provider: &Provider, depth: usize) -> String {
        let mut likely = String::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(text) => likely.push_str(text),
                Piece::Reference(Reference::Parameter(name)) => {
                    likely.push_str(&provider.likely(name, index == 0, depth));
                }
                Piece::Reference(_) if index == 0 => likely.push_str("https://stand-in.example"),
                Piece::Reference(_) => likely.push_str("stand-in"),
            }
        }
        likely
    }
}

/// The value of a parameter. `depth`: a description whose parameters lead in circles is not taken, but nobody should
/// have to believe that.
pub(super) fn parameter(known: &Known<'_>, name: &str, depth: usize) -> Result<String, Fault> {
    let missing = |what: &str| Fault::Misconfigured(format!("{what} is missing in the settings"));
    let parameter = known.call.provider.parameters.get(name);
    let parameter = parameter
        .filter(|_| depth < 8)
        .ok_or_else(|| missing(name))?;
    let said = match &parameter.setting {
        Some(setting) => setting_value(known.call, setting)?,
        None => None,
    };
    let value = match (said, &parameter.with, &parameter.then) {
        (Some(value), ..) => value,
        (None, Some(with), Some(then)) if is_set(known.call, with, depth)? => {
            then.fill_at(known, depth + 1)?
        }
        _ => {
            let name = parameter.setting.as_deref().unwrap_or(name);
            let text = parameter.default.as_ref().ok_or_else(|| missing(name))?;
            text.fill_at(known, depth + 1)?
        }
    };
    if parameter.choose.is_empty() {
        return Ok(value);
    }
    let chosen = parameter.choose.get(&value);
    let chosen = chosen.or_else(|| parameter.choose.get("*"));
    let chosen = chosen.ok_or_else(|| {
        let words: Vec<_> = parameter.choose.keys().map(String::as_str).collect();
        let name = parameter.setting.as_deref().unwrap_or(name);
        Fault::Misconfigured(format!("{name} must be one of {}", words.join(", ")))
    })?;
    chosen.fill_at(known, depth + 1)
}

/// Whether the operator has said something about a parameter.
fn is_set(call: &Call<'_>, name: &str, depth: usize) -> Result<bool, Fault> {
    let Some(parameter) = call.provider.parameters.get(name).filter(|_| depth < 8) else {
        return Ok(false);
    };
    if let Some(setting) = &parameter.setting
        && setting_value(call, setting)?.is_some()
    {
        return Ok(true);
    }
    match &parameter.with {
        Some(with) => is_set(call, with, depth + 1),
        None => Ok(false),
    }
}

/// A setting as a text. Lists of texts are joined with commas; an address loses its last slash.
fn setting_value(call: &Call<'_>, name: &str) -> Result<Option<String>, Fault> {
    let bad = || Fault::Misconfigured(format!("the setting {name} has no text"));
    let text = match call.app.settings.get(&name.to_lowercase()) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.ok_or_else(bad)?.join(",")
        }
        Some(value) => scalar(value).ok_or_else(bad)?,
    };
    let text = text.trim();
    let text = match text.contains("://") {
        true => text.trim_end_matches('/'),
        false => text,
    };
    if text.contains(char::is_control) {
        return Err(bad());
    }
    Ok(Some(text.to_owned()))
}

/// A text, a whole number or a truth, as a text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

impl Reference {
    fn is_outside(&self) -> bool {
        matches!(self, Reference::Outside(_) | Reference::AccessToken)
    }

    /// Whether it may hold more of an address than a word: the operator's doing.
    fn is_ours(&self) -> bool {
        matches!(self, Reference::Parameter(_) | Reference::Setting(_))
    }

    fn value(&self, known: &Known<'_>, depth: usize) -> Result<String, Fault> {
        let Call { app, .. } = known.call;
        let missing = |what: &str| Fault::Misconfigured(format!("the app has no {what}"));
        let there = |text: &str, what: &str| {
            let text = Some(text.to_owned()).filter(|text| !text.is_empty());
            text.ok_or_else(|| missing(what))
        };
        match self {
            Reference::Parameter(name) => parameter(known, name, depth),
            Reference::Setting(name) => setting_value(known.call, name)?
                .ok_or_else(|| Fault::Misconfigured(format!("{name} is missing in the settings"))),
            Reference::ClientId => there(&app.client_id, "client_id"),
            Reference::Secret => there(app.secret.reveal(), "secret"),
            Reference::Key => there(app.key.reveal(), "key"),
            Reference::Name => there(&app.name, "name"),
            Reference::RedirectUri => Ok(known.call.redirect_uri.to_owned()),
            Reference::Uuid => Ok(uuid()),
            Reference::AccessToken => {
                let token = known.access_token.map(str::to_owned);
                token.ok_or_else(|| Fault::Invalid("there is no access token".to_owned()))
            }
            Reference::Outside(path) => {
                let value = path.find(known.gathered).and_then(scalar);
                let value = value.filter(|value| value.len() <= LONGEST_VALUE);
                value.ok_or_else(|| {
                    Fault::Invalid("the provider left out something that is needed".to_owned())
                })
            }
        }
    }
}

fn reference(name: &str) -> Result<Reference, String> {
    Ok(match name {
        "client_id" | "app.client_id" => Reference::ClientId,
        "app.secret" => Reference::Secret,
        "app.key" => Reference::Key,
        "app.name" => Reference::Name,
        "redirect_uri" => Reference::RedirectUri,
        "uuid" => Reference::Uuid,
        "access_token" => Reference::AccessToken,
        _ => match name.split_once('.') {
            None => Reference::Parameter(name.to_owned()),
            Some(("setting", name)) => Reference::Setting(name.to_lowercase()),
            Some(("token", rest)) => Reference::Outside(Path::below(Root::Token, rest)?),
            Some(("callback", rest)) => Reference::Outside(Path::below(Root::Callback, rest)?),
            Some(("profile", rest)) => Reference::Outside(Path::below(Root::Whole, rest)?),
            Some(("id_token", rest)) => Reference::Outside(Path::below(Root::IdToken, rest)?),
            Some(_) => return Err(format!("{{{name}}} means nothing")),
        },
    })
}

/// Whether what is in braces is meant to be filled: GraphQL has braces of its own, around words and spaces.
fn is_name(text: &str) -> bool {
    let first = text.chars().next();
    let mut quotes = false;
    first.is_some_and(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| {
            quotes ^= c == '"';
            c.is_ascii_alphanumeric() || "_.|\"~-*[]".contains(c) || (quotes && c != '{')
        })
}

/// Everything but letters, digits and `-._~` is escaped.
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Whether the description names this host, or `*.` a part of it.
fn is_followed(provider: &Provider, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    provider
        .hosts
        .iter()
        .any(|known| match known.strip_prefix('*') {
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => host == known,
        })
}

/// A random UUID, version 4.
fn uuid() -> String {
    let mut bytes: [u8; 16] = secret::random_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests;
