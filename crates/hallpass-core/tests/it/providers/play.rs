//! A sign-in by one provider, from the redirect to the profile.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass_core::domain::Timestamp;
use hallpass_core::outbound::{Options, Outbound};
use hallpass_core::providers::description::{ClientAuth, Exchange, Format, Method};
use hallpass_core::providers::{
    App, Ask, Call, Catalogue, Fault, Found, Gathered, Handed, Memory, Params, Permits, Profile,
    Provider, lookup, oauth2, profile,
};
use hallpass_core::settings::Secret;
use hallpass_testkit::web::{Asked, Said, Web};
use jsonwebtoken::EncodingKey;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::sample::{Sample, descriptions};

const REDIRECT_URI: &str = "https://app.example/accounts/x/login/callback/";
const STATE: &str = "state-1";
const CODE: &str = "code-1";
const NOW: i64 = 1_800_000_000;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Turn {
    /// Nothing.
    Good,
    /// All that the uid is made of is this, or missing.
    Uid(Option<Value>),
    /// The token endpoint answers with a status.
    TokenStatus(u16),
    /// The first request about the person is answered with a status.
    ProfileStatus(u16),
    /// The token endpoint's answer has no token in it.
    NoToken,
    /// It has an error in it, with a status of success.
    TokenError,
    /// The token endpoint answers with this.
    TokenBody(&'static str),
    /// The first request about the person is answered with this.
    ProfileBody(&'static str),
    /// The visitor says no.
    Cancelled,
    /// A client hands over a token, which is for this app.
    Handed(&'static str),
}

impl Turn {
    /// Whether it can happen with a provider.
    pub fn concerns(&self, sample: &Sample) -> bool {
        match self {
            Turn::ProfileStatus(_) => !sample.answers().is_empty(),
            // With ORCID it is said with the token who it is; what is asked besides is kept as it comes.
            Turn::ProfileBody(_) => !sample.answers().is_empty() && sample.id != "orcid",
            _ => true,
        }
    }
}

/// What the server knows.
struct Scene {
    id: String,
    exchange: Exchange,
    /// Where keys are asked for.
    jwks: Option<String>,
    /// How it is asked whose a token is.
    audience: Map<String, Value>,
    sample: Sample,
    turn: Turn,
    /// How many requests there were, and which answers were given.
    asked: Mutex<(usize, Vec<usize>)>,
    challenge: Mutex<Option<String>>,
    faults: Mutex<Vec<String>>,
}

/// The way out, to the test's own servers.
pub fn outbound() -> Outbound {
    let options = Options {
        private: vec!["127.0.0.1".to_owned()],
        ..Options::default()
    };
    Outbound::new(options).unwrap()
}

/// A sign-in.
pub struct Play {
    scene: Arc<Scene>,
    origin: String,
    provider: Arc<Provider>,
    app: App,
    outbound: Outbound,
    memory: Memory,
}

impl Play {
    pub async fn start(sample: &Sample, outbound: &Outbound, turn: Turn) -> Self {
        // The server must know the description, and the description where the server is.
        let scene: Arc<Mutex<Option<Arc<Scene>>>> = Arc::default();
        let of = Arc::clone(&scene);
        let web = Web::start(move |asked| of.lock().unwrap().clone().unwrap().answer(asked)).await;
        let origin = format!("{}/", web.origin());
        let sample = Sample {
            id: sample.id.clone(),
            whole: rewritten(&sample.whole, &origin),
        };
        let provider = description(&sample.id, &origin);
        let made = Arc::new(Scene {
            id: sample.id.clone(),
            exchange: provider.token.clone().unwrap(),
            jwks: jwks(&sample.id, &origin),
            audience: audience(&sample.id, &origin),
            turn,
            asked: Mutex::default(),
            challenge: Mutex::default(),
            faults: Mutex::default(),
            sample,
        });
        *scene.lock().unwrap() = Some(Arc::clone(&made));
        Play {
            app: app(&made.sample),
            scene: made,
            origin,
            provider,
            outbound: outbound.clone(),
            memory: Memory::default(),
        }
    }

    /// Where a profile is not the expected one.
    pub fn differences(&self, profile: &Profile) -> Vec<String> {
        self.scene.sample.differences(profile)
    }

    /// What was not as it should be.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.scene.faults.lock().unwrap().clone();
        let (_, given) = &*self.scene.asked.lock().unwrap();
        for place in 0..self.scene.sample.answers().len() {
            if given.iter().filter(|it| **it == place).count() != 1 {
                faults.push(format!(
                    "{}: answer {place} was not asked for once",
                    self.scene.id
                ));
            }
        }
        faults
    }

    fn call(&self) -> Call<'_> {
        Call {
            provider: &self.provider,
            app: &self.app,
            outbound: &self.outbound,
            memory: &self.memory,
            redirect_uri: REDIRECT_URI,
            now: Timestamp::from_seconds(NOW),
            query_email: true,
            permits: Permits {
                mutable_uids: true,
                unbound_tokens: false,
            },
        }
    }

    /// A client hands over a token.
    pub async fn hand_over(&self) -> Result<Found, Fault> {
        let handed = Handed {
            access_token: Some(Secret::new("at-1")),
            ..Handed::default()
        };
        oauth2::by_access_token(&self.call(), &handed).await
    }

    pub async fn sign_in(&self) -> Result<Found, Fault> {
        let sample = &self.scene.sample;
        let begin = sample.members("/begin").into_iter();
        let ask = Ask {
            state: STATE.to_owned(),
            parameters: begin.map(|(name, value)| (name, text(&value))).collect(),
            ..Ask::default()
        };
        let begun = oauth2::begin(&self.call(), &ask)?;
        self.check_redirect(&begun.url);
        let mut params: Params = sample
            .members("/callback")
            .into_iter()
            .map(|(name, value)| (name, text(&value)))
            .collect();
        params.insert("state".to_owned(), STATE.to_owned());
        match self.scene.turn {
            Turn::Cancelled => {
                let word = self.provider.callback.cancelled[0].clone();
                params.insert("error".to_owned(), word);
            }
            _ => {
                params.insert(self.provider.callback.code.clone(), CODE.to_owned());
            }
        }
        if params.get("hmac").is_some_and(|it| it == "{hmac}") {
            params.remove("hmac");
            params.insert("hmac".to_owned(), shopify_hmac(&params));
        }
        oauth2::finish(&self.call(), &begun.kept, &params).await
    }

    fn check_redirect(&self, url: &str) {
        let scene = &self.scene;
        let url = Url::parse(url).unwrap();
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        scene.same(
            "redirect",
            &json!(bare.as_str()),
            scene.sample.at("/authorize/url"),
        );
        let fragment = url.fragment().map_or(Value::Null, |it| json!(it));
        scene.same(
            "fragment",
            &fragment,
            scene.sample.at("/authorize/fragment"),
        );
        let mut query: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if query.insert(name.to_string(), json!(value)).is_some() {
                scene.fault(format!("{name} is in the redirect twice"));
            }
        }
        let authorize = self.provider.authorize.as_ref().unwrap();
        let challenge = query.remove("code_challenge");
        let method = query.remove("code_challenge_method");
        if challenge.is_some() != authorize.pkce
            || challenge.is_some() != (method == Some(json!("S256")))
        {
            scene.fault(format!("challenge: {challenge:?} {method:?}"));
        }
        *scene.challenge.lock().unwrap() = challenge.map(|it| text(&it));
        let ours = [
            ("client_id", self.app.client_id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("state", STATE),
        ];
        let expected = scene.sample.members("/authorize/query");
        for (name, value) in ours {
            let renamed = authorize.rename.get(name).map_or(name, String::as_str);
            if expected.contains_key(renamed) || renamed.is_empty() {
                continue;
            }
            let sent = query.remove(renamed).unwrap_or(Value::Null);
            scene.same(renamed, &sent, &json!(value));
        }
        let expected = own_redirect(&Value::Object(expected));
        scene.same("query", &json!(query), &json!(sorted(&expected)));
        if !url.as_str().starts_with(&self.origin) {
            scene.fault(format!("{url} leads elsewhere"));
        }
    }
}

impl Scene {
    fn fault(&self, what: impl Into<String>) {
        let fault = format!("{}: {}", self.id, what.into());
        self.faults.lock().unwrap().push(fault);
    }

    fn same(&self, what: &str, found: &Value, expected: &Value) {
        if found != expected {
            self.fault(format!("{what} is {found} and should be {expected}"));
        }
    }

    fn answer(&self, asked: &Asked) -> Said {
        let count = {
            let mut state = self.asked.lock().unwrap();
            state.0 += 1;
            state.0
        };
        match (&self.turn, count) {
            (Turn::Handed(app), 1) if self.asks_for_audience() => self.audience(app),
            (Turn::Handed(_), _) => self.person(asked, false),
            _ => self.answer_in_turn(asked, count),
        }
    }

    fn answer_in_turn(&self, asked: &Asked, count: usize) -> Said {
        match count {
            1 => self.token(asked),
            _ if self.is_keys(asked) => Said::json(&json!({"keys": [key().1]})),
            _ => self.person(asked, count == 2),
        }
    }

    fn asks_for_audience(&self) -> bool {
        self.audience.get("url").is_some()
    }

    /// Whose app a token is for: all that the description looks at, and nothing else.
    fn audience(&self, app: &str) -> Said {
        let mut answer = json!({});
        for condition in list(self.audience.get("ok")) {
            let value = condition.get("value").cloned().unwrap_or(json!(true));
            set(&mut answer, &text(&condition["path"]), value);
        }
        let path = text(self.audience.get("path").unwrap());
        set(&mut answer, &path, json!(app));
        Said::json(&answer)
    }

    /// The token endpoint.
    fn token(&self, asked: &Asked) -> Said {
        self.check_exchange(asked);
        match &self.turn {
            Turn::TokenStatus(status) => {
                return Said::text(*status, "application/json", "{\"error\":\"no\"}");
            }
            Turn::TokenBody(body) => return Said::text(200, "application/json", body),
            Turn::TokenError => return Said::json(&json!({"error": {"code": 7, "message": "no"}})),
            _ => {}
        }
        let answer = self.turned(self.sample.at("/token/answer"));
        let answer = match &self.sample.at("/id_token") {
            Value::Object(claims) => {
                let claims = self.turned(&json!(claims));
                let text = answer.to_string().replace("{id_token}", &signed(claims));
                serde_json::from_str(&text).unwrap()
            }
            _ => answer,
        };
        match answer {
            Value::String(text) => {
                let text = match self.turn {
                    Turn::NoToken => text.replace("access_token=at-1", ""),
                    _ => text,
                };
                Said::text(200, "application/x-www-form-urlencoded", &text)
            }
            answer => match self.turn {
                Turn::NoToken => Said::json(&without(&answer)),
                _ => Said::json(&answer),
            },
        }
    }

    fn check_exchange(&self, asked: &Asked) {
        let exchange = &self.exchange;
        let method = match exchange.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        self.same(
            "the method for the token",
            &json!(asked.method),
            &json!(method),
        );
        let sent: Map<String, Value> = match (exchange.method, exchange.format) {
            (Method::Get, _) => pairs(asked.parameters()),
            (Method::Post, Format::Form) => pairs(asked.form()),
            (Method::Post, Format::Json) => serde_json::from_str(&asked.body).unwrap_or_default(),
        };
        let verifier = sent.get("code_verifier").map(text);
        let challenge = self.challenge.lock().unwrap().clone();
        let made = verifier.map(|it| URL_SAFE_NO_PAD.encode(Sha256::digest(it.as_bytes())));
        if made != challenge {
            self.fault("the verifier is not the challenge's");
        }
        let in_body = exchange.auth != ClientAuth::Basic;
        let secret = exchange.auth == ClientAuth::Body;
        for (name, value, there) in [
            ("code", CODE, true),
            ("redirect_uri", REDIRECT_URI, true),
            ("client_id", "client-1", in_body),
            ("client_secret", "secret-1", secret),
        ] {
            let name = exchange.rename.get(name).map_or(name, String::as_str);
            let there = there && !name.is_empty();
            let expected = if there { json!(value) } else { Value::Null };
            self.same(name, sent.get(name).unwrap_or(&Value::Null), &expected);
        }
        let basic = "Basic Y2xpZW50LTE6c2VjcmV0LTE=";
        let header = asked.header("authorization").unwrap_or_default();
        if (header == basic) != (exchange.auth == ClientAuth::Basic) {
            self.fault(format!("the app shows {header:?}"));
        }
        let expected = own_redirect(self.sample.at("/token/request"));
        self.has("the token's request", &sent, &expected);
        self.has_headers(asked, self.sample.at("/token/headers"));
    }

    fn is_keys(&self, asked: &Asked) -> bool {
        let jwks = self.jwks.as_ref().map(|url| Url::parse(url).unwrap());
        jwks.is_some_and(|url| url.path() == asked.path)
    }

    /// What is asked about the person.
    fn person(&self, asked: &Asked, first: bool) -> Said {
        let answers = self.sample.answers();
        let sent: Option<Value> = serde_json::from_str(&asked.body).ok();
        // The same address may be asked for several things.
        let place = answers.iter().position(|answer| {
            let url = Url::parse(&text(&answer["url"])).unwrap();
            let same = url.path() == asked.path && answer["method"] == json!(asked.method);
            same && answer
                .get("json")
                .is_none_or(|json| sent.as_ref() == Some(json))
        });
        let Some(place) = place else {
            self.fault(format!("{} {} is not expected", asked.method, asked.path));
            return Said::status(404);
        };
        self.asked.lock().unwrap().1.push(place);
        let answer = &answers[place];
        self.has("the query", &pairs(asked.parameters()), &answer["query"]);
        self.has_headers(asked, &answer["headers"]);
        for name in ["form", "body"] {
            self.has("the form", &pairs(asked.form()), &answer[name]);
        }
        if asked.method == "POST" && asked.body.is_empty() && asked.header("content-type").is_some()
        {
            self.fault("nothing is sent, and called something");
        }
        match &self.turn {
            Turn::ProfileStatus(status) if first => return Said::status(*status),
            Turn::ProfileBody(body) if first => return Said::text(200, "application/json", body),
            _ => {}
        }
        let answer_body = self.turned(&answer["answer"]);
        match answer["compressed"].as_str() {
            Some("gzip") => gzip(&answer_body),
            _ => Said::json(&answer_body),
        }
    }

    /// An answer as this turn has it.
    fn turned(&self, answer: &Value) -> Value {
        match &self.turn {
            Turn::Uid(nothing) => {
                let uid = text(self.sample.at("/expected/uid"));
                replaced(answer, &uid, nothing.as_ref())
            }
            _ => answer.clone(),
        }
    }

    fn has(&self, what: &str, sent: &Map<String, Value>, expected: &Value) {
        for (name, value) in expected.as_object().into_iter().flatten() {
            let found = sent.get(name).unwrap_or(&Value::Null);
            self.same(&format!("{what}: {name}"), found, &json!(text(value)));
        }
    }

    fn has_headers(&self, asked: &Asked, expected: &Value) {
        for (name, value) in expected.as_object().into_iter().flatten() {
            let found = asked.header(&name.to_lowercase());
            self.same(name, &json!(found), value);
        }
    }
}

/// What other protocols come to once they have the answers: the paths of `[account]` on the sample.
pub fn read_offline(
    provider: &Provider,
    outbound: &Outbound,
    sample: &Sample,
) -> Result<Profile, Fault> {
    let app = app(sample);
    let memory = Memory::default();
    let call = Call {
        provider,
        app: &app,
        outbound,
        memory: &memory,
        redirect_uri: REDIRECT_URI,
        now: Timestamp::from_seconds(NOW),
        query_email: true,
        permits: Permits {
            mutable_uids: true,
            unbound_tokens: false,
        },
    };
    let mut gathered = Gathered {
        whole: sample.members("/profile"),
        token: match sample.at("/token/answer") {
            Value::String(form) => {
                let form = url::form_urlencoded::parse(form.as_bytes());
                Value::Object(pairs(form.into_owned().collect()))
            }
            other => other.clone(),
        },
        callback: sample.members("/callback"),
        id_token: sample.at("/id_token").clone(),
    };
    gathered.whole.extend(sample.members("/id_token"));
    // What comes with the visitor at the first sign-in by Apple, and the one person in Draugiem's answer.
    if let Some(user) = gathered.callback.get("user").and_then(Value::as_str) {
        let user: Map<String, Value> = serde_json::from_str(user).unwrap();
        gathered
            .whole
            .insert("name".to_owned(), user["name"].clone());
    }
    if let Some(users) = gathered.token.get("users").and_then(Value::as_object) {
        let person = users.values().next().and_then(Value::as_object).unwrap();
        gathered.whole.extend(person.clone());
    }
    for (asked, answer) in provider.profile.iter().zip(sample.answers()) {
        let answer = match &asked.answer {
            Some(path) => path.find_in(&answer["answer"]).cloned().unwrap_or_default(),
            None => answer["answer"].clone(),
        };
        lookup::take_in(asked, answer, &mut gathered)?;
    }
    profile::read(&call, &gathered)
}

/// How the description asks whose a token is.
fn audience(id: &str, origin: &str) -> Map<String, Value> {
    let whole: Value = toml::from_str(&turned_to(id, origin)).unwrap();
    whole
        .get("audience")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// One or several.
fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(places)) => places.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// Puts something where a path of names leads.
fn set(whole: &mut Value, path: &str, value: Value) {
    let mut at = whole;
    for name in path.split('.') {
        at = &mut at[name];
    }
    *at = value;
}

/// Where the description says that the keys are.
fn jwks(id: &str, origin: &str) -> Option<String> {
    let text = turned_to(id, origin);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("jwks = \""))?;
    Some(line.split_once('"').unwrap().0.to_owned())
}

/// The description with all addresses turned to the server.
fn description(id: &str, origin: &str) -> Arc<Provider> {
    let text = turned_to(id, origin);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{id}.toml")), text).unwrap();
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    Arc::clone(catalogue.get(id).unwrap())
}

fn turned_to(id: &str, origin: &str) -> String {
    static ALL: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let all = ALL.get_or_init(descriptions);
    let (_, text) = all.iter().find(|(it, _)| it == id).unwrap();
    let text = text.replace("https://", origin);
    let line = |line: &str| match line.starts_with("hosts = ") {
        true => "hosts = [\"127.0.0.1\"]\n".to_owned(),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn app(sample: &Sample) -> App {
    let name = sample.at("/app/name").as_str().unwrap_or("Our app");
    App {
        id: None,
        provider: sample.id.clone(),
        provider_id: String::new(),
        name: name.to_owned(),
        client_id: "client-1".to_owned(),
        secret: Secret::new("secret-1"),
        key: Secret::new(sample.at("/app/key").as_str().unwrap_or("key-1")),
        settings: sample.members("/settings"),
    }
}

/// A sample whose addresses lead to the server, in values and in names.
fn rewritten(value: &Value, origin: &str) -> Value {
    let turn = |text: &str| text.replace("https://", origin);
    match value {
        Value::String(text) => json!(turn(text)),
        Value::Array(places) => places.iter().map(|it| rewritten(it, origin)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, it)| (turn(name), rewritten(it, origin)))
            .collect(),
        other => other.clone(),
    }
}

fn own_redirect(value: &Value) -> Value {
    let text = value.to_string();
    serde_json::from_str(&text.replace("{redirect_uri}", REDIRECT_URI)).unwrap()
}

fn sorted(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().clone().into_iter().collect()
}

fn pairs(pairs: Vec<(String, String)>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// All of which the uid is made, as something else.
fn replaced(value: &Value, uid: &str, by: Option<&Value>) -> Value {
    let is = |value: &Value| {
        let scalar = value.is_string() || value.is_number();
        let text = text(value);
        scalar && !text.is_empty() && (text.contains(uid) || uid.contains(&text) && text.len() > 2)
    };
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, it)| by.is_some() || !is(it))
            .map(|(name, it)| (name.clone(), replaced(it, uid, by)))
            .collect(),
        Value::Array(places) => places.iter().map(|it| replaced(it, uid, by)).collect(),
        other if is(other) => by.cloned().unwrap_or(Value::Null),
        other => other.clone(),
    }
}

/// Without the members that are tokens.
fn without(value: &Value) -> Value {
    let is = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text == "at-1" || text.starts_with("eyJ")
    };
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, it)| !is(it))
            .map(|(name, it)| (name.clone(), without(it)))
            .collect(),
        Value::Array(places) => places.iter().map(without).collect(),
        other => other.clone(),
    }
}

/// The key by which id tokens are signed here, and its public half.
fn key() -> &'static (EncodingKey, Value) {
    static KEY: OnceLock<(EncodingKey, Value)> = OnceLock::new();
    KEY.get_or_init(|| {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "kid": "key-1", "use": "sig", "alg": "ES256",
            "x": half(&point[..32]), "y": half(&point[32..]),
        });
        (EncodingKey::from_ec_der(pkcs8.as_ref()), jwk)
    })
}

fn signed(mut claims: Value) -> String {
    claims["iat"] = json!(NOW);
    claims["exp"] = json!(NOW + 300);
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = Some("key-1".to_owned());
    jsonwebtoken::encode(&header, &claims, &key().0).unwrap()
}

fn gzip(body: &Value) -> Said {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packing.write_all(body.to_string().as_bytes()).unwrap();
    Said::Whole {
        status: 200,
        headers: vec![
            "Content-Type: application/json".to_owned(),
            "Content-Encoding: gzip".to_owned(),
        ],
        body: packing.finish().unwrap(),
    }
}

fn shopify_hmac(params: &Params) -> String {
    let pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret-1");
    let tag = aws_lc_rs::hmac::sign(&key, pairs.join("&").as_bytes());
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
