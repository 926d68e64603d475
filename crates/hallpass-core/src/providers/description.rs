//! What a provider is like, as its file says: `providers/<id>.toml`, whose form is in `providers/README.md`.
//!
//! Texts and paths are read here once. Whether it all fits together is judged in `rules`.

mod account;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::path::Path;
use super::template::Text;

pub use account::{Account, Condition, Conditions, Emails, Source, Truth};

/// Parameters by their names.
pub type Texts = BTreeMap<String, Text>;

/// A provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What settings and tables call it: the name of its file.
    #[serde(skip)]
    pub id: String,
    /// Whether the file is the operator's, not one of ours.
    #[serde(skip)]
    pub operators: bool,
    /// What people read.
    pub name: String,
    /// What it speaks.
    pub kind: Kind,
    /// In addresses: `/accounts/<slug>/login/`.
    #[serde(default)]
    pub slug: String,
    /// Where the provider describes all this.
    pub docs: Option<String>,
    /// Where the service has ended, or its interface has: since when and why.
    pub status: Option<String>,
    /// Hosts, `*.` before a whole domain, that are followed where the provider's answers name one.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How far an access token is believed that a client hands over.
    #[serde(default)]
    pub by_access_token: ByAccessToken,
    /// Texts that come from the settings.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// The redirect.
    pub authorize: Option<Authorize>,
    /// What comes back.
    #[serde(default)]
    pub callback: Callback,
    /// OAuth 1: where a request token is had.
    pub request: Option<RequestToken>,
    /// Code for token.
    pub token: Option<Exchange>,
    /// What is asked about the person, in order.
    #[serde(default)]
    pub profile: Vec<Lookup>,
    /// Where things are in the answers.
    pub account: Option<Account>,
    /// How it is found out whose app an access token is for.
    pub audience: Option<Audience>,
    /// Whose id tokens are taken.
    pub oidc: Option<Oidc>,
    /// OpenID 2.0.
    pub openid: Option<OpenId>,
}

impl Provider {
    /// Whether it must know us by something of its own before anybody can come by it.
    pub fn needs_app(&self) -> bool {
        !matches!(self.kind, Kind::Dummy | Kind::OpenId2)
    }

    /// Whether addresses name the app and not the provider, of which there may be many.
    pub fn is_named_by_app(&self) -> bool {
        self.kind == Kind::Oidc
    }

    /// What the visitor has to say before they can be sent there, by the name of the parameter: which shop at Shopify, which
    /// address of theirs with OpenID.
    pub fn asks(&self) -> Option<&'static str> {
        let quirk = self.authorize.as_ref().and_then(|it| it.quirk.as_deref());
        let identifier = self.openid.as_ref().is_some_and(|it| it.identifier);
        match (quirk, identifier) {
            (_, true) => Some("openid"),
            (Some("shopify"), _) => Some("shop"),
            _ => None,
        }
    }

    /// Whether it carries a parameter `state` there and back; else that stands in the address of the callback.
    pub fn sends_state(&self) -> bool {
        matches!(
            self.kind,
            Kind::OAuth2 | Kind::Oidc | Kind::Apple | Kind::Dummy
        )
    }

    /// What a parameter most likely is, for judging a description. `whole`: it begins an address.
    pub(super) fn likely(&self, name: &str, whole: bool, depth: usize) -> String {
        let parameter = self.parameters.get(name).filter(|_| depth < 8);
        let default = parameter.and_then(|parameter| parameter.default.as_ref());
        match (default, parameter) {
            (Some(default), Some(parameter)) => {
                let likely = default.likely(self, depth + 1);
                let chosen = parameter.choose.get(&likely);
                let chosen = chosen.or_else(|| parameter.choose.get("*"));
                chosen.map_or(likely, |chosen| chosen.likely(self, depth + 1))
            }
            _ if whole => "https://stand-in.example".to_owned(),
            _ => "stand-in".to_owned(),
        }
    }
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// OAuth 2 with an interface of its own for the profile.
    OAuth2,
    /// OpenID Connect by discovery.
    Oidc,
    /// OAuth 1.0a.
    OAuth1,
    /// OpenID 2.0.
    OpenId2,
    /// Telegram's signed widget.
    Telegram,
    /// Draugiem's own.
    Draugiem,
    /// Sign in with Apple.
    Apple,
    /// Whatever is typed is believed: for development.
    Dummy,
}

/// Whether an access token from a client is a proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByAccessToken {
    /// As `[audience]` finds out; without it as [`ByAccessToken::Unbound`].
    #[default]
    Audience,
    /// The provider does not tell whose app it is for: the operator must allow it.
    Unbound,
    /// Never.
    Never,
}

/// A text that comes from the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The setting, upper-case as the provider's.
    pub setting: Option<String>,
    /// What it is without the setting.
    pub default: Option<Text>,
    /// Another parameter …
    pub with: Option<String>,
    /// … and what this one is where a setting says something about that.
    pub then: Option<Text>,
    /// What the words of the setting, or of the default, stand for; `*`: any other. Without that, others are refused.
    #[serde(default)]
    pub choose: Texts,
}

/// The redirect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// Where to; left out: it is found out.
    pub url: Option<Text>,
    /// What the address ends with, after `#`.
    pub fragment: Option<String>,
    /// What is asked for unless SCOPE says otherwise.
    #[serde(default)]
    pub scope: Vec<Text>,
    /// Added where addresses are asked for.
    #[serde(default)]
    pub scope_for_email: Vec<Text>,
    /// Between scopes.
    #[serde(default = "space")]
    pub delimiter: String,
    /// The parameter that has them.
    #[serde(default = "scope")]
    pub scope_parameter: String,
    /// Whether a challenge is sent (RFC 7636, S256).
    #[serde(default = "yes")]
    pub pkce: bool,
    /// Further parameters.
    #[serde(default)]
    pub query: Texts,
    /// Parameters that take the place of those, or are added, where a fresh proof is wanted.
    #[serde(default)]
    pub reauthenticate: Texts,
    /// What the provider calls the parameters; empty: it is left out.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// What data cannot say.
    pub quirk: Option<String>,
}

/// What comes back with the visitor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// The parameter that has the code.
    #[serde(default = "code")]
    pub code: String,
    /// Values of `error` that mean: the visitor said no.
    #[serde(default = "access_denied")]
    pub cancelled: Vec<String>,
    /// What `iss` must be, if it comes (RFC 9207).
    pub issuer: Option<Text>,
    /// Whether `iss` must come.
    #[serde(default)]
    pub issuer_required: bool,
}

/// OAuth 1: the request token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestToken {
    /// Where.
    pub url: Text,
    /// GET or POST.
    #[serde(default)]
    pub method: Method,
    /// Further parameters.
    #[serde(default)]
    pub body: Texts,
    /// Further headers.
    #[serde(default)]
    pub headers: Texts,
    /// What data cannot say.
    pub quirk: Option<String>,
}

/// GET or POST.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Method {
    /// With a query.
    #[serde(rename = "GET")]
    Get,
    /// With a body.
    #[default]
    #[serde(rename = "POST")]
    Post,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// application/x-www-form-urlencoded
    #[default]
    Form,
    /// application/json
    Json,
}

/// How the app proves who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Id and secret beside the other parameters.
    #[default]
    Body,
    /// In a header.
    Basic,
    /// The secret is not sent.
    None,
}

/// Code for token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Where.
    pub url: Text,
    /// GET or POST.
    #[serde(default)]
    pub method: Method,
    /// How the body is written.
    #[serde(default)]
    pub format: Format,
    /// How the app proves who it is.
    #[serde(default)]
    pub auth: ClientAuth,
    /// Further parameters of the query, whatever the method.
    #[serde(default)]
    pub query: Texts,
    /// Further parameters.
    #[serde(default)]
    pub body: Texts,
    /// Further headers.
    #[serde(default)]
    pub headers: Texts,
    /// What the provider calls the parameters; empty: it is left out.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Where the object with the token is, if it is not the whole.
    pub answer: Option<Path>,
    /// Where the token is in it.
    #[serde(default = "access_token")]
    pub access_token: Path,
    /// The refresh token.
    #[serde(default = "refresh_token")]
    pub refresh_token: Path,
    /// Seconds that the token lasts.
    #[serde(default = "expires_in")]
    pub expires_in: Path,
    /// Where the id token is.
    #[serde(default = "id_token")]
    pub id_token: Path,
    /// What must be so, besides a status of success.
    #[serde(default)]
    pub ok: Conditions,
    /// What data cannot say.
    pub quirk: Option<String>,
    /// Where a refresh token is taken, if not here.
    pub refresh_url: Option<Text>,
}

/// How a request for the profile is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LookupAuth {
    /// Authorization: Bearer
    #[default]
    Bearer,
    /// ?access_token=
    Query,
    /// Signed, by OAuth 1.
    OAuth1,
    /// Id and secret of the app in a header.
    App,
    /// By what else the description says, or not at all.
    None,
}

/// A request about the person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Where.
    pub url: Text,
    /// GET or POST.
    #[serde(default = "get")]
    pub method: Method,
    /// How it is allowed.
    #[serde(default)]
    pub auth: LookupAuth,
    /// Parameters of the query.
    #[serde(default)]
    pub query: Texts,
    /// Added where addresses are asked for.
    #[serde(default)]
    pub query_for_email: Texts,
    /// POST: parameters of a form.
    #[serde(default)]
    pub body: Texts,
    /// POST: a body of JSON, whose texts may hold `{…}`.
    pub json: Option<Json>,
    /// Further headers.
    #[serde(default)]
    pub headers: Texts,
    /// Where what counts is in the answer.
    pub answer: Option<Path>,
    /// What must be so in the whole answer, besides a status of success.
    #[serde(default)]
    pub ok: Conditions,
    /// The key of the whole under which it is kept; `None`: its members are added to the whole.
    pub into: Option<String>,
    /// Asked only where addresses are asked for.
    #[serde(default)]
    pub for_email: bool,
    /// It may fail.
    #[serde(default)]
    pub optional: bool,
    /// The answer comes packed, asked for or not.
    pub compressed: Option<Packing>,
    /// What data cannot say.
    pub quirk: Option<String>,
}

/// How an answer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// RFC 1952.
    Gzip,
}

/// JSON whose texts may hold `{…}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Json {
    /// A truth.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(Text),
    /// A list.
    List(Vec<Json>),
    /// Members.
    Members(BTreeMap<String, Json>),
}

/// How it is found out whose app an access token is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Where that is asked; left out: the profile says it.
    pub url: Option<Text>,
    /// GET or POST.
    #[serde(default = "get")]
    pub method: Method,
    /// How it is allowed.
    #[serde(default = "no_auth")]
    pub auth: LookupAuth,
    /// Parameters of the query.
    #[serde(default)]
    pub query: Texts,
    /// POST: parameters of a form.
    #[serde(default)]
    pub body: Texts,
    /// POST: a body of JSON.
    pub json: Option<Json>,
    /// Further headers.
    #[serde(default)]
    pub headers: Texts,
    /// Where what counts is in the answer.
    pub answer: Option<Path>,
    /// What must be so in the whole answer, besides a status of success.
    #[serde(default)]
    pub ok: Conditions,
    /// Where the app is in the answer: a text, a number, or a list that has it.
    pub path: Path,
    /// What it must be.
    #[serde(default = "client_id")]
    pub value: Text,
}

/// Whose id tokens are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// What `iss` may be.
    pub issuers: Vec<Text>,
    /// Where the keys are.
    pub jwks: Text,
}

/// OpenID 2.0.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenId {
    /// Where visitors are sent, if it is always the same place.
    pub endpoint: Option<Text>,
    /// What is looked up to find it.
    pub discovery: Option<Text>,
    /// What a claimed identifier looks like; `*` stands for digits, which are then what counts of it.
    pub claimed_id: Option<String>,
    /// Whether the visitor types the identifier.
    #[serde(default)]
    pub identifier: bool,
    /// What is asked for by extensions.
    #[serde(default)]
    pub attributes: BTreeMap<String, Attribute>,
}

/// What OpenID's extensions call something.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Simple registration.
    pub sreg: Option<String>,
    /// Attribute exchange: the first that answers counts.
    #[serde(default)]
    pub ax: Vec<String>,
}

fn space() -> String {
    " ".to_owned()
}

fn scope() -> String {
    "scope".to_owned()
}

fn yes() -> bool {
    true
}

fn code() -> String {
    "code".to_owned()
}

fn access_denied() -> Vec<String> {
    vec!["access_denied".to_owned()]
}

fn get() -> Method {
    Method::Get
}

fn no_auth() -> LookupAuth {
    LookupAuth::None
}

fn access_token() -> Path {
    Path::member("access_token")
}

fn refresh_token() -> Path {
    Path::member("refresh_token")
}

fn expires_in() -> Path {
    Path::member("expires_in")
}

fn id_token() -> Path {
    Path::member("id_token")
}

fn client_id() -> Text {
    Text::client_id()
}

impl Default for Callback {
    fn default() -> Self {
        Callback {
            code: code(),
            cancelled: access_denied(),
            issuer: None,
            issuer_required: false,
        }
    }
}
