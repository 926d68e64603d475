//! Somebody who comes from a provider, before it is known whose account here that is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Timestamp, address};
use crate::providers::{App, Found, Tokens};
use crate::settings::Secret;

/// An address as a provider gave it, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenEmail {
    /// The address.
    pub email: String,
    /// The provider says that it is theirs, and is trusted with that.
    pub verified: bool,
    /// The one that they use there.
    pub primary: bool,
}

/// Tokens as they wait in a session, sealed together with all the rest.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct GivenTokens {
    /// For the provider's interfaces.
    pub token: String,
    /// The refresh token, or the secret of an OAuth 1 token.
    pub token_secret: Option<String>,
    /// When the first ends, microseconds.
    pub expires_at: Option<i64>,
}

/// Who came, by which app, and what the provider said of them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SocialLogin {
    /// What accounts of it are kept under.
    pub provider: String,
    /// What people call the provider.
    pub provider_name: String,
    /// The row of the app, if it has one.
    pub app: Option<i64>,
    /// Who it is there.
    pub uid: String,
    /// What the provider said.
    pub extra_data: Value,
    /// Addresses, the best first: primary, then verified.
    pub emails: Vec<GivenEmail>,
    /// What they call themselves there.
    pub username: Option<String>,
    /// The first part of the name.
    pub first_name: Option<String>,
    /// The last part.
    pub last_name: Option<String>,
    /// A phone number, as it came.
    pub phone: Option<String>,
    /// What we may do in their name.
    pub tokens: Option<GivenTokens>,
    /// A provider whose word on addresses opens accounts that have them.
    pub opens_by_email: bool,
}

impl SocialLogin {
    /// What a provider said, cleaned: addresses that are none are dropped, and which of them count as verified is for
    /// the app's settings to say. `trusted`: SOCIALACCOUNT_EMAIL_AUTHENTICATION.
    pub fn new(app: &App, provider_name: &str, found: Found, trusted: bool) -> Self {
        let profile = found.profile;
        let verdict = app.settings.get("verified_email");
        let mut emails: Vec<GivenEmail> = Vec::new();
        for given in profile.emails {
            let Some(email) = address::clean(&given.email).filter(|email| email.len() <= 254)
            else {
                continue;
            };
            let verified = vouched(verdict, &email).unwrap_or(given.verified);
            match emails.iter_mut().find(|known| known.email == email) {
                Some(known) => {
                    known.verified |= verified;
                    known.primary |= given.primary;
                }
                None => emails.push(GivenEmail {
                    email,
                    verified,
                    primary: given.primary,
                }),
            }
        }
        emails.sort_by_key(|given| (!given.primary, !given.verified));
        let name = profile.name.unwrap_or_default();
        let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
        let some = |own: Option<String>, part: &str| {
            let text = own.unwrap_or_else(|| part.trim().to_owned());
            Some(text.chars().take(150).collect::<String>()).filter(|text| !text.is_empty())
        };
        // A provider that tells the parts apart is not second-guessed.
        let whole = profile.first_name.is_none() && profile.last_name.is_none();
        SocialLogin {
            provider: app.sub_id().to_owned(),
            provider_name: provider_name.to_owned(),
            app: app.id,
            uid: profile.uid,
            extra_data: bounded(profile.extra_data),
            emails,
            username: profile.username,
            first_name: some(profile.first_name, if whole { first } else { "" }),
            last_name: some(profile.last_name, if whole { last } else { "" }),
            phone: profile.phone.map(|(number, _)| number),
            tokens: found.tokens.map(GivenTokens::from),
            opens_by_email: match app.settings.get("email_authentication") {
                Some(Value::Bool(own)) => *own,
                _ => trusted,
            },
        }
    }

    /// Whether the provider vouches for this address.
    pub fn has_verified(&self, email: &str) -> bool {
        let mut emails = self.emails.iter();
        emails.any(|given| given.verified && address::same(&given.email, email))
    }
}

/// More of what a provider says is not kept: it rests in a row, and in the session while a form waits.
const LONGEST: usize = 64 * 1024;

fn bounded(extra_data: Value) -> Value {
    match extra_data.to_string().len() <= LONGEST {
        true => extra_data,
        false => Value::Object(serde_json::Map::new()),
    }
}

/// VERIFIED_EMAIL: true or false for all, or domains whose addresses count besides. Else the provider says.
fn vouched(verdict: Option<&Value>, email: &str) -> Option<bool> {
    match verdict {
        Some(Value::Bool(all)) => Some(*all),
        Some(Value::Array(domains)) => {
            let domain = email.rsplit('@').next().unwrap_or_default();
            let mut domains = domains.iter().filter_map(Value::as_str);
            domains
                .any(|known| known.eq_ignore_ascii_case(domain))
                .then_some(true)
        }
        _ => None,
    }
}

impl From<Tokens> for GivenTokens {
    fn from(tokens: Tokens) -> Self {
        GivenTokens {
            token: tokens.token.reveal().to_owned(),
            token_secret: tokens.token_secret.map(|it| it.reveal().to_owned()),
            expires_at: tokens.expires_at.map(Timestamp::micros),
        }
    }
}

impl GivenTokens {
    /// The access token.
    pub fn token(&self) -> Secret {
        Secret::new(&self.token)
    }
}

/// Without tokens and what the provider said.
impl fmt::Debug for SocialLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocialLogin")
            .field("provider", &self.provider)
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GivenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenTokens(…)")
    }
}
