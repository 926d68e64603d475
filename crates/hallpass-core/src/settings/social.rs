//! SOCIALACCOUNT_*: signing in with an account at somebody else's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::field::{Field, section};
use super::sections::Settings;
use super::types::{Setting, from_json, mismatch};
use super::words::Verification;

section! {
    /// `SOCIALACCOUNT_*`.
    SocialAccount is socialaccount, "socialaccount" {
        providers / "SOCIALACCOUNT_PROVIDERS": Providers = Providers::default(), "Providers by their ids, as Django has them: `{\"github\": {\"APPS\": [{\"client_id\": \"…\", \"secret\": \"…\"}], \"SCOPE\": [\"user\"]}}`. Apps may also stand in `socialaccount_socialapp`.";
        auto_signup / "SOCIALACCOUNT_AUTO_SIGNUP": bool = true, "Whoever comes for the first time gets an account without a form, if the provider says all that is needed.";
        email_authentication / "SOCIALACCOUNT_EMAIL_AUTHENTICATION": bool = false, "An address that the provider has verified opens the account here that has it. Only for providers that are trusted with every account; a provider's EMAIL_AUTHENTICATION or an app's `email_authentication` says so for one alone.";
        email_authentication_auto_connect / "SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT": bool = false, "Whoever came in that way has the provider's account connected.";
        email_required / "SOCIALACCOUNT_EMAIL_REQUIRED": Option<bool> = None, "Whether an account made that way must have an address. Unset: if ACCOUNT_SIGNUP_FIELDS says `email*`.";
        email_verification / "SOCIALACCOUNT_EMAIL_VERIFICATION": Option<Verification> = None, "ACCOUNT_EMAIL_VERIFICATION for these sign-ins. Unset: the same; \"none\" with SOCIALACCOUNT_ONLY.";
        login_on_get / "SOCIALACCOUNT_LOGIN_ON_GET": bool = false, "A link to a provider's `login/` leads there at once, without a page with a button. Other sites can then sign people in here.";
        only / "SOCIALACCOUNT_ONLY": bool = false, "There is no other way in: no passwords, no codes, no signup but by a provider.";
        openid_connect_url_prefix / "SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX": String = "oidc".to_owned(), "What stands before the `provider_id` of OpenID Connect in addresses; may be empty.";
        query_email / "SOCIALACCOUNT_QUERY_EMAIL": Option<bool> = None, "Whether providers are asked for addresses. Unset: SOCIALACCOUNT_EMAIL_REQUIRED.";
        reauthentication_required / "SOCIALACCOUNT_REAUTHENTICATION_REQUIRED": Option<bool> = None, "Ask for a fresh proof before accounts are connected and disconnected. Unset: ACCOUNT_REAUTHENTICATION_REQUIRED.";
        requests_timeout / "SOCIALACCOUNT_REQUESTS_TIMEOUT": u64 = 5, "Seconds that a provider may take to answer.";
        store_tokens / "SOCIALACCOUNT_STORE_TOKENS": bool = false, "Keep the tokens that providers give, for the app to use. They rest encrypted, unless HALLPASS_SHARE_WITH_DJANGO is on.";
    }
}

/// SOCIALACCOUNT_PROVIDERS.
#[derive(Debug, Clone, Default)]
pub struct Providers(pub BTreeMap<String, ProviderSettings>);

/// What is said of one provider.
#[derive(Clone, Default)]
pub struct ProviderSettings {
    /// Apps, in their order.
    pub apps: Vec<AppSettings>,
    /// Everything else, with upper-case keys: `SCOPE`, `GITLAB_URL`.
    pub common: Map<String, Value>,
}

/// An app in the settings.
#[derive(Clone, Default)]
pub struct AppSettings {
    /// Which of several.
    pub provider_id: String,
    /// What people read.
    pub name: String,
    /// What the provider knows us as.
    pub client_id: String,
    /// A secret.
    pub secret: String,
    /// Another.
    pub key: String,
    /// Lower-case.
    pub settings: Map<String, Value>,
}

impl std::fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderSettings")
            .field("apps", &self.apps)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AppSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSettings")
            .field("provider_id", &self.provider_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Whether a value of this name must not be shown.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = ["secret", "key", "certificate", "password", "token"];
    words.iter().any(|word| name.contains(word))
        && !name.ends_with("_url")
        && !name.contains("token_auth_method")
}

fn masked(map: &Map<String, Value>) -> Value {
    let shown = map.iter().map(|(name, value)| {
        let empty = value.as_str().is_some_and(str::is_empty) || value.is_null();
        let shown = match value {
            Value::Object(map) => masked(map),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_object().map_or_else(|| item.clone(), masked))
                .collect(),
            _ if is_secret(name) && !empty => "********".into(),
            value => value.clone(),
        };
        (name.clone(), shown)
    });
    Value::Object(shown.collect())
}

impl Setting for Providers {
    const SECRET: bool = true;

    fn kind() -> String {
        "a map from providers' ids to maps".to_owned()
    }

    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let mut providers = BTreeMap::new();
        for (id, value) in map {
            let read = value
                .as_object()
                .ok_or("it must be a map".to_owned())
                .and_then(provider)
                .map_err(|what| format!("is wrong at \"{}\": {what}", id.escape_debug()))?;
            providers.insert(id.clone(), read);
        }
        Ok(Providers(providers))
    }

    fn show(&self) -> Value {
        let shown = self.0.iter().map(|(id, provider)| {
            let apps: Vec<Value> = provider.apps.iter().map(AppSettings::show).collect();
            let mut map = match masked(&provider.common) {
                Value::Object(map) => map,
                _ => Map::new(),
            };
            if !apps.is_empty() {
                map.insert("APPS".to_owned(), apps.into());
            }
            (id.clone(), Value::Object(map))
        });
        Value::Object(shown.collect())
    }

    fn read_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Providers::default()),
            _ => from_json(text),
        }
    }
}

fn provider(map: &Map<String, Value>) -> Result<ProviderSettings, String> {
    let mut read = ProviderSettings::default();
    for (name, value) in map {
        match (name.to_uppercase().as_str(), value) {
            ("APP", Value::Object(one)) => read.apps.push(app(one)?),
            ("APP", Value::Null) => {}
            ("APP", _) => return Err("APP must be a map".to_owned()),
            ("APPS", Value::Array(apps)) => {
                for one in apps {
                    let one = one.as_object().ok_or("each of APPS must be a map")?;
                    read.apps.push(app(one)?);
                }
            }
            ("APPS", _) => return Err("APPS must be a list of maps".to_owned()),
            (upper, value) => {
                read.common.insert(upper.to_owned(), value.clone());
            }
        }
    }
    Ok(read)
}

fn app(map: &Map<String, Value>) -> Result<AppSettings, String> {
    let mut app = AppSettings::default();
    for (name, value) in map {
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Ok(String::new()),
            _ => Err(format!("{name} of an app must be a text")),
        };
        match name.as_str() {
            "provider_id" => app.provider_id = text()?,
            "name" => app.name = text()?,
            "client_id" => app.client_id = text()?,
            "secret" => app.secret = text()?,
            "key" => app.key = text()?,
            "provider" => drop(text()?),
            "settings" => {
                let map = value
                    .as_object()
                    .ok_or("settings of an app must be a map")?;
                app.settings = map.clone();
            }
            // allauth's Apple has had it beside the others.
            "certificate_key" => {
                app.settings.insert(name.clone(), text()?.into());
            }
            other => {
                return Err(format!(
                    "an app has \"{}\", but takes provider_id, name, client_id, secret, key and settings",
                    other.escape_debug()
                ));
            }
        }
    }
    let longest = [(&app.client_id, 191), (&app.provider_id, 200)];
    if longest
        .iter()
        .any(|(text, most)| text.chars().count() > *most)
    {
        return Err("client_id takes 191 characters at most, provider_id 200".to_owned());
    }
    Ok(app)
}

impl AppSettings {
    fn show(&self) -> Value {
        let hidden = |text: &str| if text.is_empty() { "" } else { "********" };
        json!({
            "provider_id": self.provider_id,
            "name": self.name,
            "client_id": self.client_id,
            "secret": hidden(&self.secret),
            "key": hidden(&self.key),
            "settings": masked(&self.settings),
        })
    }
}

impl Settings {
    /// Whether nobody has a password here: HALLPASS_PASSWORDLESS, or SOCIALACCOUNT_ONLY.
    pub fn is_passwordless(&self) -> bool {
        self.hallpass.passwordless || self.socialaccount.only
    }

    /// Whether this site answers for names of this machine alone: nobody else can come.
    pub fn is_local(&self) -> bool {
        let local = |host: &str| {
            let host = host.trim_start_matches('.');
            host == "localhost"
                || host.ends_with(".localhost")
                || matches!(host, "127.0.0.1" | "[::1]" | "::1")
        };
        self.allowed_hosts().all(local)
    }

    /// SOCIALACCOUNT_EMAIL_REQUIRED, or what the signup's form says.
    pub fn social_email_required(&self) -> bool {
        let asked = self.account.asks(super::SignupField::Email);
        self.socialaccount
            .email_required
            .unwrap_or(asked == Some(true))
    }

    /// SOCIALACCOUNT_QUERY_EMAIL.
    pub fn social_query_email(&self) -> bool {
        let own = self.socialaccount.query_email;
        own.unwrap_or_else(|| self.social_email_required())
    }

    /// SOCIALACCOUNT_EMAIL_VERIFICATION.
    pub fn social_email_verification(&self) -> Verification {
        match (
            self.socialaccount.email_verification,
            self.socialaccount.only,
        ) {
            (Some(own), _) => own,
            (None, true) => Verification::None,
            (None, false) => self.account.email_verification,
        }
    }

    /// SOCIALACCOUNT_REAUTHENTICATION_REQUIRED.
    pub fn social_reauthentication_required(&self) -> bool {
        let own = self.socialaccount.reauthentication_required;
        own.unwrap_or(self.account.reauthentication_required)
    }
}
