//! A provider that speaks OAuth 2 and whose people a test makes up. Over a real socket; strict about what it is asked.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::web::{Asked, Said, Web};

/// What the app is known as there.
pub const CLIENT_ID: &str = "client-1";
/// Its secret.
pub const CLIENT_SECRET: &str = "secret-1";

/// The provider. Dropped, its description goes, too.
pub struct FakeProvider {
    /// What it was asked.
    pub web: Web,
    state: Arc<Mutex<State>>,
    folder: TempDir,
}

#[derive(Default)]
struct State {
    /// By code: the challenge and the profile.
    codes: HashMap<String, (String, Value)>,
    /// By access token.
    profiles: HashMap<String, Value>,
    /// By refresh token.
    refreshes: HashMap<String, Value>,
    next: u32,
    down: bool,
    expires_in: Option<u64>,
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeProvider {
    /// Starts one whose id is `fake`.
    pub async fn start() -> Self {
        Self::named(&["fake"]).await
    }

    /// Starts one that is described under several ids, which are several providers to an app.
    pub async fn named(ids: &[&str]) -> Self {
        let state = Shared::default();
        let answering = Arc::clone(&state);
        let web = Web::start(move |asked| answer(&answering, asked)).await;
        let folder = tempfile::tempdir().expect("a folder");
        for id in ids {
            describe(folder.path(), id, &web.origin());
        }
        FakeProvider { web, state, folder }
    }

    /// Settings by which an app knows it.
    pub fn settings(&self) -> Vec<(String, String)> {
        self.settings_with(&json!({}))
    }

    /// The same, with more about the app: members of SOCIALACCOUNT_PROVIDERS for it.
    pub fn settings_with(&self, more: &Value) -> Vec<(String, String)> {
        let mut providers = serde_json::Map::new();
        for entry in std::fs::read_dir(self.folder.path()).expect("the folder") {
            let path = entry.expect("a file").path();
            let id = path.file_stem().and_then(|stem| stem.to_str());
            let mut said = json!({ "APPS": [{ "client_id": CLIENT_ID, "secret": CLIENT_SECRET }] });
            for (name, value) in more.as_object().into_iter().flatten() {
                said[name] = value.clone();
            }
            providers.insert(id.expect("a name").to_owned(), said);
        }
        let folder = self.folder.path().display().to_string();
        vec![
            ("HALLPASS_PROVIDERS".to_owned(), folder),
            (
                "HALLPASS_OUTBOUND_PRIVATE".to_owned(),
                "127.0.0.1".to_owned(),
            ),
            (
                "SOCIALACCOUNT_PROVIDERS".to_owned(),
                Value::Object(providers).to_string(),
            ),
        ]
    }

    /// Somebody says yes there: where their browser is sent, path and query. `authorize` is where it came.
    ///
    /// # Panics
    /// If what it came with is not what the protocol wants.
    pub fn agree(&self, authorize: &str, profile: &Value) -> String {
        let url = url::Url::parse(authorize).expect("an address");
        assert_eq!(url.path(), "/authorize", "{authorize}");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["state"].len() >= 16, "{authorize}");
        let mut state = lock(&self.state);
        state.next += 1;
        let code = format!("code-{}", state.next);
        let challenge = asked["code_challenge"].clone();
        state
            .codes
            .insert(code.clone(), (challenge, profile.clone()));
        back(
            &asked["redirect_uri"],
            &[("code", &code), ("state", &asked["state"])],
        )
    }

    /// Somebody says no there.
    pub fn refuse(&self, authorize: &str) -> String {
        let url = url::Url::parse(authorize).expect("an address");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let no = [
            ("error", "access_denied"),
            ("state", asked["state"].as_str()),
        ];
        back(&asked["redirect_uri"], &no)
    }

    /// A token that the provider gave to an app.
    pub fn token(&self, profile: &Value) -> String {
        let mut state = lock(&self.state);
        state.next += 1;
        let token = format!("at-{}", state.next);
        state.profiles.insert(token.clone(), profile.clone());
        token
    }

    /// Whether it answers at all.
    pub fn is_down(&self, down: bool) {
        lock(&self.state).down = down;
    }

    /// How long its access tokens are good for, from now on.
    pub fn expires_in(&self, seconds: u64) {
        lock(&self.state).expires_in = Some(seconds);
    }
}

fn back(redirect_uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = url::Url::parse(redirect_uri).expect("an address to come back to");
    url.query_pairs_mut().extend_pairs(parameters);
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

fn describe(folder: &Path, id: &str, origin: &str) {
    let text = format!(
        r#"
name = "{name}"
kind = "oauth2"
slug = "{id}"
[authorize]
url = "{origin}/authorize"
scope = ["profile"]
pkce = true
[token]
url = "{origin}/token"
[[profile]]
url = "{origin}/me"
[account]
uid = "id"
uid_reason = "made up by a test"
emails = {{ list = "emails", email = "email", verified = "verified", primary = "primary" }}
username = "login"
first_name = "first"
last_name = "last"
"#,
        name = id[..1].to_uppercase() + &id[1..],
    );
    std::fs::write(folder.join(format!("{id}.toml")), text).expect("a description");
}

fn answer(state: &Shared, asked: &Asked) -> Said {
    let mut state = lock(state);
    if state.down {
        return Said::status(503);
    }
    match asked.path.as_str() {
        "/token" => token(&mut state, asked),
        "/me" => {
            let header = asked.header("authorization").unwrap_or_default();
            let token = header.strip_prefix("Bearer ").unwrap_or_default();
            match state.profiles.get(token) {
                Some(profile) => Said::json(profile),
                None => Said::status(401),
            }
        }
        _ => Said::status(404),
    }
}

fn token(state: &mut State, asked: &Asked) -> Said {
    let refused = |what: &str| {
        Said::text(
            400,
            "application/json",
            &json!({ "error": what }).to_string(),
        )
    };
    let field = |name: &str| asked.field(name).unwrap_or_default();
    if field("client_id") != CLIENT_ID || field("client_secret") != CLIENT_SECRET {
        return refused("invalid_client");
    }
    let profile = match field("grant_type").as_str() {
        "authorization_code" => match state.codes.remove(&field("code")) {
            Some((challenge, profile)) => {
                let digest = Sha256::digest(field("code_verifier").as_bytes());
                if URL_SAFE_NO_PAD.encode(digest) != challenge {
                    return refused("invalid_grant");
                }
                profile
            }
            None => return refused("invalid_grant"),
        },
        "refresh_token" => match state.refreshes.remove(&field("refresh_token")) {
            Some(profile) => profile,
            None => return refused("invalid_grant"),
        },
        _ => return refused("unsupported_grant_type"),
    };
    state.next += 1;
    let (access, refresh) = (format!("at-{}", state.next), format!("rt-{}", state.next));
    state.profiles.insert(access.clone(), profile.clone());
    state.refreshes.insert(refresh.clone(), profile);
    let mut answer =
        json!({ "access_token": access, "token_type": "bearer", "refresh_token": refresh });
    if let Some(seconds) = state.expires_in {
        answer["expires_in"] = seconds.into();
    }
    Said::json(&answer)
}
