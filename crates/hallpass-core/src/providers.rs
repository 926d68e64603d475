//! Identity providers: what each is like, as data, and the protocols they speak.
//!
//! `catalogue` has a description of each, read from `providers/<id>.toml`. A protocol is a file: it makes the address to
//! which the visitor is sent ([`engine::begin`]), and out of what comes back a [`Found`] ([`engine::finish`]). Here nobody decides what
//! that means for an account: that is the flow's, `social`.
//!
//! Nothing here touches the database. Whatever goes to a provider goes through [`Outbound`].

mod apple;
pub mod catalogue;
pub mod description;
mod draugiem;
pub mod dummy;
pub mod engine;
#[cfg(test)]
mod example;
mod grant;
mod handed;
mod id_token;
mod kept;
mod keys;
pub mod lookup;
mod memory;
mod oauth1;
pub mod oauth2;
mod oidc;
mod openid2;
pub mod path;
pub mod profile;
pub(crate) mod quirks;
mod rules;
#[cfg(test)]
mod signer;
mod telegram;
pub mod template;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::Timestamp;
use crate::outbound::Outbound;
use crate::settings::Secret;

pub use catalogue::Catalogue;
pub use description::{Kind, Provider};
pub use memory::Memory;
pub use path::Gathered;

/// An app: what a provider knows us as.
#[derive(Clone)]
pub struct App {
    /// The key of its row in `socialaccount_socialapp`; `None`: it stands in the settings.
    pub id: Option<i64>,
    /// The provider's id: `github`, `openid_connect`.
    pub provider: String,
    /// Which of several of one provider: `keycloak`. May be empty.
    pub provider_id: String,
    /// What people read.
    pub name: String,
    /// What the provider knows us as.
    pub client_id: String,
    /// What only it and we know.
    pub secret: Secret,
    /// A third text that some providers give.
    pub key: Secret,
    /// Settings of the app, lower-case; those of the provider as a whole stand in for what is missing.
    pub settings: Map<String, Value>,
}

/// Without secrets, and without settings, where there may be some.
impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .field("provider_id", &self.provider_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl App {
    /// What accounts of it are kept under.
    pub fn sub_id(&self) -> &str {
        match self.provider_id.as_str() {
            "" => &self.provider,
            id => id,
        }
    }
}

/// What a protocol works with.
pub struct Call<'a> {
    /// What the provider is like.
    pub provider: &'a Provider,
    /// What it knows us as.
    pub app: &'a App,
    /// The way out.
    pub outbound: &'a Outbound,
    /// What is remembered of providers.
    pub memory: &'a Memory,
    /// Where the provider sends the visitor back to: the whole address.
    pub redirect_uri: &'a str,
    /// The time.
    pub now: Timestamp,
    /// Whether addresses are asked for (SOCIALACCOUNT_QUERY_EMAIL).
    pub query_email: bool,
    /// What the operator allows.
    pub permits: Permits,
}

/// What is refused unless the operator allows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permits {
    /// Providers that name people by what may come to belong to somebody else (HALLPASS_SOCIAL_MUTABLE_UIDS).
    pub mutable_uids: bool,
    /// Access tokens, from clients, of which the provider does not tell whose app they are for
    /// (HALLPASS_SOCIAL_UNBOUND_TOKENS).
    pub unbound_tokens: bool,
}

/// What is asked of a provider beyond the usual.
#[derive(Clone, Default)]
pub struct Ask {
    /// Goes along and comes back: known to nobody else.
    pub state: String,
    /// Scopes in the place of those that the app or the provider has.
    pub scope: Option<Vec<String>>,
    /// More parameters of the redirect.
    pub parameters: BTreeMap<String, String>,
    /// Whether a fresh proof is wanted.
    pub reauthenticate: bool,
}

/// Where the visitor is sent, and what must be known when they come back: it rests in the session.
#[derive(Clone)]
pub struct Begun {
    /// The whole address.
    pub url: String,
    /// Verifier, nonce, secret of a request token …: the protocol's own.
    pub kept: Map<String, Value>,
}

/// Without what binds the answer to the visitor.
impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begun(…)")
    }
}

/// What came back with the visitor: parameters of the query or of the form.
pub type Params = BTreeMap<String, String>;

/// Tokens that a provider gave.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For its interfaces.
    pub token: Secret,
    /// OAuth 2: the refresh token; OAuth 1: the token's secret.
    pub token_secret: Option<Secret>,
    /// When the first ends.
    pub expires_at: Option<Timestamp>,
}

/// Tokens that a client of ours got by itself and hands over.
#[derive(Debug, Clone, Default)]
pub struct Handed {
    /// An access token.
    pub access_token: Option<Secret>,
    /// An id token.
    pub id_token: Option<Secret>,
    /// OAuth 1: the token's secret.
    pub token_secret: Option<Secret>,
    /// An authorisation code, which was sent to [`Call::redirect_uri`].
    pub code: Option<Secret>,
    /// What its challenge was made of (RFC 7636), if it had one.
    pub code_verifier: Option<Secret>,
}

/// An address as a provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileEmail {
    /// As the provider writes it.
    pub email: String,
    /// The provider says that it is theirs.
    pub verified: bool,
    /// The one that the person uses there.
    pub primary: bool,
}

/// Who somebody is at a provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Theirs for good, and nobody else's: 1 to 191 characters.
    pub uid: String,
    /// What the provider said, as `socialaccount_socialaccount.extra_data` keeps it.
    pub extra_data: Value,
    /// Addresses, as they came.
    pub emails: Vec<ProfileEmail>,
    /// What they call themselves there.
    pub username: Option<String>,
    /// The whole name.
    pub name: Option<String>,
    /// Its first part.
    pub first_name: Option<String>,
    /// Its last part.
    pub last_name: Option<String>,
    /// A phone number, and whether the provider says that it is theirs.
    pub phone: Option<(String, bool)>,
}

/// Somebody was there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Who.
    pub profile: Profile,
    /// What we may do in their name.
    pub tokens: Option<Tokens>,
    /// A token that must be good only once: its digest and when it ends. The flow sees to it.
    pub once: Option<(String, Timestamp)>,
}

/// Why nobody was found. The texts are for the log: nothing that a provider or a visitor sent is in them unescaped, and no
/// secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The visitor said no.
    Cancelled,
    /// The provider says that something is wrong.
    Denied(String),
    /// It cannot be reached, is too slow, or is out of order.
    Unavailable(String),
    /// What came is not what the protocol demands: a signature, an audience, a nonce.
    Invalid(String),
    /// The app or the provider is not set up as it must be.
    Misconfigured(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Cancelled => f.write_str("cancelled"),
            Fault::Denied(what)
            | Fault::Unavailable(what)
            | Fault::Invalid(what)
            | Fault::Misconfigured(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

/// What somebody sent, for the log: short, and nothing in it that is not a letter of a line.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    format!("\"{}\"", short.escape_debug())
}
