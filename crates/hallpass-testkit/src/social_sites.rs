//! GitHub, Google, Facebook and an issuer of OpenID Connect, as programs meet them: over a real socket, in the shape in
//! which each answers, described by the catalogue's own files.
//!
//! Everybody there has a number. Whose is 41 has the access token `token-41` and the code `code-41`, and the address
//! `social41@example.com`; `foreign-41` is a token that the same person gave to somebody else's app. What has no number is
//! refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass::settings::{self, Settings};
use hallpass_django::signing::unpadded;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::SECRET;
use crate::web::{Asked, Said, Web};

/// What all of them know the app as.
pub const CLIENT_ID: &str = "ref-client";
/// Its secret.
pub const CLIENT_SECRET: &str = "ref-secret";
/// The `provider_id` of the issuer of OpenID Connect.
pub const ISSUER_ID: &str = "corp";

const FILES: [(&str, &str); 4] = [
    (
        "github",
        include_str!("../../hallpass-core/providers/github.toml"),
    ),
    (
        "google",
        include_str!("../../hallpass-core/providers/google.toml"),
    ),
    (
        "facebook",
        include_str!("../../hallpass-core/providers/facebook.toml"),
    ),
    (
        "twitter",
        include_str!("../../hallpass-core/providers/twitter.toml"),
    ),
];

/// All of them, at one socket. Dropped, their descriptions go, too.
pub struct SocialSites {
    /// What they were asked.
    pub web: Web,
    state: Arc<Mutex<State>>,
    key: EncodingKey,
    folder: TempDir,
}

#[derive(Default)]
struct State {
    /// Addresses other than the usual, by number; empty: none.
    emails: HashMap<u32, (String, bool)>,
    jwks: Value,
    /// How many id tokens there are.
    tokens: u32,
    down: bool,
}

impl SocialSites {
    /// Starts them.
    pub async fn start() -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).expect("a key");
        let state = Arc::new(Mutex::new(State {
            jwks: public(&key),
            ..State::default()
        }));
        let answering = Arc::clone(&state);
        let web = Web::start(move |asked| {
            let state = answering.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&state, asked)
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        for (id, text) in FILES {
            // Each keeps its host, as the first part of the path.
            let text = text.replace("https://", &format!("{}/", web.origin()));
            std::fs::write(folder.path().join(format!("{id}.toml")), text).expect("a description");
        }
        SocialSites {
            web,
            state,
            key,
            folder,
        }
    }

    /// Has an app know them. `more` goes into SOCIALACCOUNT_PROVIDERS, over what is there.
    pub fn know(&self, settings: &mut Settings, more: &Value) {
        let app = json!({ "client_id": CLIENT_ID, "secret": CLIENT_SECRET });
        let mut providers = json!({
            "github": { "APPS": [app] },
            "google": { "APPS": [app] },
            "facebook": { "APPS": [app] },
            "twitter": { "APPS": [app] },
            "openid_connect": { "APPS": [{
                "provider_id": ISSUER_ID, "client_id": CLIENT_ID, "secret": CLIENT_SECRET,
                "settings": { "server_url": self.web.url("/idp") },
            }] },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            providers[name] = value.clone();
        }
        let pairs = [
            ("SECRET_KEY", SECRET.to_owned()),
            (
                "HALLPASS_PROVIDERS",
                self.folder.path().display().to_string(),
            ),
            (
                "HALLPASS_OUTBOUND_PRIVATE",
                json!(["127.0.0.1"]).to_string(),
            ),
            ("SOCIALACCOUNT_PROVIDERS", providers.to_string()),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        let read = settings::load(None, pairs).expect("settings that are understood");
        let read = read.settings;
        settings.hallpass.providers = read.hallpass.providers;
        settings.hallpass.outbound_private = read.hallpass.outbound_private;
        settings.socialaccount.providers = read.socialaccount.providers;
        settings.socialaccount.query_email = Some(true);
    }

    /// Gives somebody another address, and says whether it is proved there; an empty one is none.
    pub fn set_email(&self, number: u32, email: &str, verified: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.emails.insert(number, (email.to_owned(), verified));
    }

    /// Whether they answer at all.
    pub fn is_down(&self, down: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.down = down;
    }

    /// An id token of Google's for this app, good for ten minutes from `now`, Unix seconds.
    pub fn google_token(&self, number: u32, now: i64) -> String {
        self.named("/accounts.google.com", number, now)
    }

    /// The same of the issuer of OpenID Connect.
    pub fn issuer_token(&self, number: u32, now: i64) -> String {
        self.named("/idp", number, now)
    }

    /// A token with a name that no other has.
    fn named(&self, issuer: &str, number: u32, now: i64) -> String {
        let mut claims = self.claims(issuer, number, now);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tokens += 1;
        claims["jti"] = state.tokens.to_string().into();
        drop(state);
        self.sign(&claims)
    }

    /// What such a token says, to be changed and signed.
    pub fn claims(&self, issuer: &str, number: u32, now: i64) -> Value {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut claims = google(&state, number);
        claims["iss"] = self.web.url(issuer).into();
        claims["aud"] = CLIENT_ID.into();
        claims["sub"] = number.to_string().into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 600).into();
        claims
    }

    /// Signs claims with the key that Google and the issuer share here.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": "mock-1", "typ": "JWT" });
        let part = |value: &Value| unpadded(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = crypto::sign(message.as_bytes(), &self.key, Algorithm::ES256);
        format!("{message}.{}", signature.expect("a signature"))
    }
}

fn public(key: &EncodingKey) -> Value {
    let jwk = Jwk::from_encoding_key(key, Algorithm::ES256).expect("a public key");
    let mut jwk = serde_json::to_value(jwk).expect("JSON");
    jwk["kid"] = "mock-1".into();
    jwk["use"] = "sig".into();
    json!({ "keys": [jwk] })
}

fn answer(state: &State, asked: &Asked) -> Said {
    if state.down {
        return Said::status(503);
    }
    let number = bearer(asked).and_then(number_of);
    let may = |said: &dyn Fn(u32) -> Value| match number {
        Some(number) => Said::json(&said(number)),
        None => refused(401, "bad_credentials"),
    };
    match asked.path.as_str() {
        "/github.com/login/oauth/access_token" => match code(asked) {
            Some(number) => Said::json(&json!({
                "access_token": format!("token-{number}"), "token_type": "bearer", "scope": "user:email",
            })),
            // As GitHub says no: with 200.
            None => Said::json(&json!({ "error": "bad_verification_code" })),
        },
        "/api.github.com/user" => may(&|number| {
            json!({
                "id": number, "login": format!("gh{number}"), "name": format!("Social User {number}"), "email": null,
            })
        }),
        "/api.github.com/user/emails" => may(&|number| match email(state, number) {
            (address, _) if address.is_empty() => json!([]),
            (address, verified) => {
                json!([{ "email": address, "primary": true, "verified": verified }])
            }
        }),
        path if path == format!("/api.github.com/applications/{CLIENT_ID}/token") => {
            let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
            let token = body["access_token"].as_str().unwrap_or_default();
            match (owner_of(token), number_of(token)) {
                (Some(CLIENT_ID), Some(_)) => {
                    Said::json(&json!({ "app": { "client_id": CLIENT_ID } }))
                }
                // To GitHub a token of another app's is none.
                _ => refused(404, "Not Found"),
            }
        }
        "/oauth2.googleapis.com/token" | "/idp/token" => match code(asked) {
            Some(number) => Said::json(&json!({
                "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 3599,
            })),
            None => refused(400, "invalid_grant"),
        },
        "/oauth2.googleapis.com/tokeninfo" => {
            let token = asked.field("access_token").unwrap_or_default();
            match (owner_of(&token), number_of(&token)) {
                (Some(app), Some(number)) => {
                    Said::json(&json!({ "aud": app, "sub": number.to_string() }))
                }
                _ => refused(400, "invalid_token"),
            }
        }
        "/www.googleapis.com/oauth2/v2/userinfo" => may(&|number| google(state, number)),
        "/www.googleapis.com/oauth2/v3/certs" | "/idp/keys" => Said::json(&state.jwks),
        "/idp/.well-known/openid-configuration" => Said::json(&discovery(&asked.origin())),
        "/idp/me" => may(&|number| {
            let mut profile = google(state, number);
            profile["sub"] = number.to_string().into();
            profile
        }),
        path if path.starts_with("/graph.facebook.com/") => facebook(state, asked),
        _ => Said::status(404),
    }
}

fn facebook(state: &State, asked: &Asked) -> Said {
    let token = |name: &str| asked.field(name).unwrap_or_default();
    if asked.path.ends_with("/debug_token") {
        let token = token("input_token");
        let (app, number) = (owner_of(&token), number_of(&token));
        return Said::json(&json!({ "data": {
            "app_id": app.unwrap_or_default(), "is_valid": number.is_some(),
        } }));
    }
    match number_of(&token("access_token")) {
        Some(number) if asked.path.ends_with("/me") => {
            let (address, _) = email(state, number);
            Said::json(&json!({
                "id": number.to_string(), "email": address, "name": format!("Social User {number}"),
                "first_name": "Social", "last_name": format!("User {number}"),
            }))
        }
        _ => refused(400, "OAuthException"),
    }
}

fn refused(status: u16, what: &str) -> Said {
    let body = json!({ "error": what }).to_string();
    Said::text(status, "application/json", &body)
}

/// The number in `token-41`, `foreign-41`, `code-41`.
fn number_of(text: &str) -> Option<u32> {
    text.rsplit_once('-')?.1.parse().ok()
}

/// The app that a token was given to.
fn owner_of(token: &str) -> Option<&'static str> {
    match token.split_once('-')?.0 {
        "token" => Some(CLIENT_ID),
        "foreign" => Some("other-client"),
        _ => None,
    }
}

fn bearer(asked: &Asked) -> Option<&str> {
    let token = asked.header("authorization")?.strip_prefix("Bearer ")?;
    owner_of(token).map(|_| token)
}

/// Whose code came, from the app, with the address that it was sent to.
fn code(asked: &Asked) -> Option<u32> {
    let field = |name: &str| asked.field(name).unwrap_or_default();
    let redirect = field("redirect_uri");
    let known = redirect.ends_with("/login/callback/") || redirect == "https://phone.example/back";
    let in_body = field("client_id") == CLIENT_ID && field("client_secret") == CLIENT_SECRET;
    let in_header = asked
        .header("authorization")
        .is_some_and(|header| header.starts_with("Basic "));
    let code = field("code");
    let number = code.strip_prefix("code-")?.parse().ok()?;
    (known && (in_body || in_header)).then_some(number)
}

fn email(state: &State, number: u32) -> (String, bool) {
    let own = state.emails.get(&number).cloned();
    own.unwrap_or_else(|| (format!("social{number}@example.com"), true))
}

/// As Google tells of somebody.
fn google(state: &State, number: u32) -> Value {
    let (address, verified) = email(state, number);
    let mut told = json!({
        "id": number.to_string(), "name": format!("Social User {number}"),
        "given_name": "Social", "family_name": format!("User {number}"),
    });
    if !address.is_empty() {
        told["email"] = address.into();
        told["verified_email"] = verified.into();
        told["email_verified"] = verified.into();
    }
    told
}

fn discovery(origin: &str) -> Value {
    let at = |path: &str| format!("{origin}/idp{path}");
    json!({
        "issuer": at(""), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/me"), "jwks_uri": at("/keys"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
    })
}
