//! Every provider of the catalogue that speaks OAuth 1, played against a server that answers in its shape.
//!
//! A description's addresses are turned to one loopback server: `https://api.example.com/me` is asked for there as
//! `/api.example.com/me`. What it is asked and what it answers stands in `tests/data/providers/<id>.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use hallpass_core::domain::Timestamp;
use hallpass_core::outbound::{Options, Outbound};
use hallpass_core::providers::{
    App, Ask, Call, Catalogue, Fault, Found, Kind, Memory, Permits, Provider, engine,
};
use hallpass_core::settings::Secret;
use hallpass_testkit::web::{Asked, Said, Web};
use serde_json::{Map, Value};
use url::Url;

const BACK: &str = "https://app.example/accounts/x/login/callback/?state=state-1";

/// A sample, and the server that plays it.
struct Play {
    id: String,
    sample: Value,
    web: Web,
    provider: Arc<Provider>,
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(id: &str) -> Value {
    let path = folder("tests/data/providers").join(format!("{id}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// All that speak it.
fn ids() -> Vec<String> {
    let catalogue = Catalogue::load(None).unwrap();
    let signed = catalogue.all().filter(|it| it.kind == Kind::OAuth1);
    signed.map(|it| it.id.clone()).collect()
}

fn said(answer: &Value) -> Said {
    match answer {
        Value::String(text) => Said::text(200, "application/x-www-form-urlencoded", text),
        other => Said::json(other),
    }
}

/// The answer to a request: by its address, and by the parameters that the sample wants there.
fn answer(sample: &Value, steps: &[(String, Value)], asked: &Asked) -> Said {
    let verified = asked
        .header("authorization")
        .is_some_and(|header| header.contains("oauth_verifier"));
    // Evernote has one address for both steps.
    let mut fitting = steps.iter().filter(|(path, _)| *path == asked.path);
    let step = match verified {
        true => fitting.next_back(),
        false => fitting.next(),
    };
    if let Some((_, value)) = step {
        return said(value);
    }
    let answers = sample["answers"].as_array().into_iter().flatten();
    let found = answers.clone().find(|one| {
        let url = one["url"].as_str().unwrap().replace("https://", "/");
        let wanted = one["query"].as_object().into_iter().flatten();
        let there = |(name, value): (&String, &Value)| {
            asked.field(name) == value.as_str().map(str::to_owned)
        };
        // One address may have several answers; the first that fits is the one with all its parameters there.
        url == asked.path && wanted.into_iter().all(there)
    });
    found.map_or(Said::status(404), |one| said(&one["answer"]))
}

impl Play {
    async fn start(id: &str, broken: bool) -> Self {
        let sample = read(id);
        let text = fs::read_to_string(folder("providers").join(format!("{id}.toml"))).unwrap();
        let places: toml::Table = text.parse().unwrap();
        let path = |step: &str| {
            let url = places[step]["url"].as_str().unwrap();
            url.replace("https://", "/")
                .replace("{host}", "www.evernote.com")
        };
        let mut steps = vec![
            (path("request"), sample["request_token"].clone()),
            (path("token"), sample["token"]["answer"].clone()),
        ];
        if broken {
            steps.truncate(1);
        }
        let kept = sample.clone();
        let web = Web::start(move |asked| answer(&kept, &steps, asked)).await;
        let own = tempfile::tempdir().unwrap();
        let turned = text.replace("https://", &format!("{}/", web.origin()));
        fs::write(own.path().join(format!("{id}.toml")), turned).unwrap();
        let catalogue = Catalogue::load(Some(own.path())).unwrap();
        let provider = Arc::clone(catalogue.get(id).unwrap());
        Play {
            id: id.to_owned(),
            sample,
            web,
            provider,
        }
    }

    async fn sign_in(&self) -> Result<(String, Found), Fault> {
        let outbound = Outbound::new(Options {
            private: vec!["127.0.0.1".to_owned()],
            ..Options::default()
        })
        .unwrap();
        let name = self.sample["app"]["name"].as_str().unwrap_or("Example");
        let app = App {
            id: None,
            provider: self.id.clone(),
            provider_id: String::new(),
            name: name.to_owned(),
            client_id: "client-1".to_owned(),
            secret: Secret::new("secret-1"),
            key: Secret::new("key-1"),
            settings: Map::new(),
        };
        let call = Call {
            provider: &self.provider,
            app: &app,
            outbound: &outbound,
            memory: &Memory::default(),
            redirect_uri: BACK,
            now: Timestamp::from_seconds(1_800_000_000),
            query_email: true,
            permits: Permits {
                mutable_uids: true,
                ..Permits::default()
            },
        };
        let begun = engine::begin(&call, &Ask::default()).await?;
        let params = [
            ("state", "state-1"),
            ("oauth_token", "rt-1"),
            ("oauth_verifier", "v-1"),
        ];
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found = engine::finish(&call, &begun.kept, &params.into()).await?;
        Ok((begun.url, found))
    }

    /// Where a redirect is not the expected one.
    fn check_redirect(&self, url: &str) -> Vec<String> {
        let url = Url::parse(url).unwrap();
        let mut given: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        // Pocket wants it there, the others had it with the request token.
        if let Some(back) = given.remove("redirect_uri") {
            assert_eq!(back, BACK);
        }
        let wanted = self.sample["authorize"]["query"].as_object().unwrap();
        let wanted: BTreeMap<String, String> = wanted
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let place = self.sample["authorize"]["url"].as_str().unwrap();
        let mut faults = Vec::new();
        if url.path() != place.replace("https://", "/") {
            faults.push(format!("{}: goes to {}", self.id, url.path()));
        }
        if given != wanted {
            faults.push(format!("{}: with {given:?}", self.id));
        }
        faults
    }

    fn differences(&self, found: &Found) -> Vec<String> {
        let (profile, expected) = (&found.profile, &self.sample["expected"]);
        let emails = expected["emails"].as_array().into_iter().flatten();
        let emails: Vec<(&str, bool)> = emails
            .map(|one| (one["email"].as_str().unwrap(), one["verified"] == true))
            .collect();
        let given = profile.emails.iter();
        let given: Vec<(&str, bool)> = given
            .map(|one| (one.email.as_str(), one.verified))
            .collect();
        let mut faults = Vec::new();
        if given != emails {
            faults.push(format!("{}: {given:?}", self.id));
        }
        for (name, value) in [
            ("uid", Some(&profile.uid)),
            ("username", profile.username.as_ref()),
            ("name", profile.name.as_ref()),
            ("first_name", profile.first_name.as_ref()),
            ("last_name", profile.last_name.as_ref()),
        ] {
            if value.map(String::as_str) != expected[name].as_str() {
                faults.push(format!("{}: {name} {value:?}", self.id));
            }
        }
        if found.tokens.as_ref().map(|it| it.token.reveal()) != Some("at-1") {
            faults.push(format!("{}: the token is another", self.id));
        }
        faults
    }
}

#[tokio::test]
async fn every_provider_leads_to_the_person() {
    let (ids, mut faults) = (ids(), Vec::new());
    assert!(ids.len() >= 10, "{ids:?}");
    for id in ids {
        let play = Play::start(&id, false).await;
        match play.sign_in().await {
            Ok((url, found)) => {
                faults.extend(play.check_redirect(&url));
                faults.extend(play.differences(&found));
            }
            Err(fault) => faults.push(format!("{id}: {fault:?}")),
        }
        let asked = play.web.asked();
        let expected = 2 + play.sample["answers"].as_array().map_or(0, Vec::len);
        if asked.len() != expected {
            faults.push(format!("{id}: {} requests", asked.len()));
        }
        let signs = |asked: &Asked| asked.header("authorization").is_some();
        if !asked.iter().all(|asked| signs(asked) != (id == "pocket")) {
            faults.push(format!("{id}: not signed"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test]
async fn without_a_token_nobody_is_anybody() {
    for id in ids().into_iter().filter(|id| id != "evernote") {
        let play = Play::start(&id, true).await;
        let fault = play.sign_in().await.unwrap_err();
        assert!(matches!(fault, Fault::Denied(_)), "{id}: {fault:?}");
    }
}
