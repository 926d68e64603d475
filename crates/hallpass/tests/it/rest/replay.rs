//! Every recorded request to a real dj-rest-auth again, to us: status, JSON, headers, cookies and letters are the same, or
//! stand in the table of what differs on purpose.
//!
//! Keys, tokens, cookies and links that a later request uses are those that we gave.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use hallpass::domain::Client;
use hallpass::settings::{SameSite, Settings, Verification};
use hallpass::store::email_address;
use hallpass_core::domain::Session;
use hallpass_testkit::browser::Answer;
use hallpass_testkit::{SocialSites, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::contract::Contract;
use super::deviations::{DEVIATIONS, Deviation, HEADERS, LETTERS, NOT_BUILT};

each_database!(
    browsable,
    token,
    token_options,
    jwt,
    jwt_cookie,
    jwt_cookie_csrf,
    jwt_cookie_csrf_anon,
    mandatory_token,
    session,
    social_jwt,
    throttle,
    verification_none,
);

const PASSWORD: &str = "correct-horse-9-battery";

async fn browsable(db: TestDb) {
    let text = include_str!("../../data/djrest_browsable.jsonl");
    // Two bodies are no JSON that could stand in a line of JSON.
    let mut text = text.to_owned();
    for body in [
        r#"{"username": NaN}"#,
        r#"{"username": "\ud800", "password": "x"}"#,
    ] {
        let sent = format!("\"body\": {}", json!(body));
        text = text.replacen(&format!("\"json\": {body}"), &sent, 1);
    }
    let sites = SocialSites::start().await;
    play(db, "browsable", &text, |settings| {
        sites.know(settings, &json!({}));
    })
    .await;
}

async fn token(db: TestDb) {
    let text = include_str!("../../data/djrest_token.jsonl");
    play(db, "token", text, |_| {}).await;
}

async fn token_options(db: TestDb) {
    let text = include_str!("../../data/djrest_token_options.jsonl");
    play(db, "token_options", text, |settings| {
        settings.rest_auth.old_password_field_enabled = true;
        settings.rest_auth.logout_on_password_change = true;
        settings.rest_auth.session_login = false;
        settings.account.logout_on_get = true;
    })
    .await;
}

fn with_jwt(settings: &mut Settings) {
    settings.rest_auth.use_jwt = true;
    settings.rest_auth.session_login = false;
    settings.rest_auth.jwt_auth_httponly = false;
}

async fn jwt(db: TestDb) {
    let text = include_str!("../../data/djrest_jwt.jsonl");
    play(db, "jwt", text, with_jwt).await;
}

fn with_cookies(settings: &mut Settings) {
    with_jwt(settings);
    settings.rest_auth.jwt_auth_httponly = true;
    settings.rest_auth.jwt_auth_cookie = Some("ref-auth".to_owned());
    settings.rest_auth.jwt_auth_refresh_cookie = Some("ref-refresh".to_owned());
    settings.rest_auth.jwt_auth_cookie_use_csrf = false;
}

async fn jwt_cookie(db: TestDb) {
    let text = include_str!("../../data/djrest_jwt_cookie.jsonl");
    play(db, "jwt_cookie", text, with_cookies).await;
}

async fn jwt_cookie_csrf(db: TestDb) {
    let text = include_str!("../../data/djrest_jwt_cookie_csrf.jsonl");
    play(db, "jwt_cookie_csrf", text, |settings| {
        with_cookies(settings);
        settings.rest_auth.jwt_auth_cookie_use_csrf = true;
        settings.rest_auth.jwt_auth_samesite = SameSite::Strict;
        settings.rest_auth.jwt_auth_refresh_cookie_path = "/dj-rest-auth/token/refresh/".to_owned();
        settings.rest_auth.jwt_auth_return_expiration = true;
        settings.simple_jwt.rotate_refresh_tokens = true;
    })
    .await;
}

async fn jwt_cookie_csrf_anon(db: TestDb) {
    let text = include_str!("../../data/djrest_jwt_cookie_csrf_anon.jsonl");
    play(db, "jwt_cookie_csrf_anon", text, |settings| {
        with_cookies(settings);
        settings
            .rest_auth
            .jwt_auth_cookie_enforce_csrf_on_unauthenticated = true;
    })
    .await;
}

async fn mandatory_token(db: TestDb) {
    let text = include_str!("../../data/djrest_mandatory_token.jsonl");
    play(db, "mandatory_token", text, |settings| {
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
}

async fn session(db: TestDb) {
    let text = include_str!("../../data/djrest_session.jsonl");
    play(db, "session", text, |settings| {
        settings.rest_auth.token_model = None;
    })
    .await;
}

async fn social_jwt(db: TestDb) {
    let text = include_str!("../../data/djrest_social_jwt.jsonl");
    let sites = SocialSites::start().await;
    sites.set_email(90, "u000003@example.com", true);
    let app = site(db, |settings| {
        with_jwt(settings);
        sites.know(settings, &json!({}));
    })
    .await;
    let now = app.hallpass.now().seconds();
    let mut known = BTreeMap::new();
    for line in lines(text) {
        if let Some(recorded) = line["request"]["json"]["id_token"].as_str() {
            known.insert(recorded.to_owned(), signed_again(&sites, recorded, now));
        }
    }
    play_on(&app, "social_jwt", text, known).await;
}

/// An id token that says what a recorded one said, by the provider that there is here.
fn signed_again(sites: &SocialSites, recorded: &str, now: i64) -> String {
    let payload = recorded.split('.').nth(1).unwrap();
    let payload = hallpass_django::signing::unpadded_decode(payload).unwrap();
    let said: Value = serde_json::from_slice(&payload).unwrap();
    let number = said["sub"].as_str().unwrap().parse().unwrap();
    let mut claims = sites.claims("/accounts.google.com", number, now);
    if said["aud"] != "ref-client" {
        claims["aud"] = said["aud"].clone();
    }
    sites.sign(&claims)
}

async fn throttle(db: TestDb) {
    let text = include_str!("../../data/djrest_throttle.jsonl");
    play(db, "throttle", text, |settings| {
        let rates = &mut settings.rest_framework.default_throttle_rates;
        rates.0.push(("dj_rest_auth".to_owned(), 3, 60));
    })
    .await;
}

async fn verification_none(db: TestDb) {
    let text = include_str!("../../data/djrest_verification_none.jsonl");
    play(db, "verification_none", text, |settings| {
        settings.account.email_verification = Verification::None;
    })
    .await;
}

/// The site that was recorded: `u000000` and others with confirmed addresses; one switched off, one without a password.
async fn site(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with(db, |settings| {
        let asked = ["username*", "email*", "password1*", "password2*"];
        let environment = [
            ("ACCOUNT_SIGNUP_FIELDS".to_owned(), json!(asked).to_string()),
            (
                "ACCOUNT_LOGIN_METHODS".to_owned(),
                json!(["username", "email"]).to_string(),
            ),
        ];
        let loaded = hallpass::settings::load(None, environment)
            .unwrap()
            .settings;
        settings.account = hallpass::settings::Account {
            rate_limits: settings.account.rate_limits.clone(),
            ..loaded.account
        };
        settings.hallpass.reset_url = Some("/password-reset/confirm/{uid}/{token}/".to_owned());
        change(settings);
    })
    .await;
    let client = Client::new([127, 0, 0, 1].into(), "", "http://localhost");
    let hash = app
        .hallpass
        .run(&client, &mut Session::fresh(false), async |cx| {
            cx.encode_password(PASSWORD).await
        })
        .await
        .unwrap();
    app.user("admin", "").await;
    for number in 0..12 {
        let name = format!("u{number:06}");
        let email = format!("{name}@example.com");
        let hash = if number == 6 { "!unusable" } else { &hash };
        let id = app.user_with(&name, &email, hash).await;
        email_address::insert(app.db.db.conn(), id, &email, true, true)
            .await
            .unwrap();
    }
    let off = "UPDATE auth_user SET is_active = FALSE WHERE username = 'u000005'";
    app.sql(off).await;
    app
}

/// What happened between two recorded requests.
async fn meanwhile(app: &TestApp, transcript: &str, name: &str) {
    // Where one's own user name may be put again, the rest of that request counts too.
    if name == "user: patch" {
        app.sql("UPDATE auth_user SET first_name = '', last_name = ''")
            .await;
    }
    if transcript == "jwt" && name == "access of an inactive user" {
        app.sql("UPDATE auth_user SET is_active = FALSE WHERE username = 'u000007'")
            .await;
        let one = "(SELECT id FROM auth_user WHERE username = 'u000008')";
        for table in [
            "account_emailaddress",
            "hallpass_refresh",
            "token_blacklist_outstandingtoken",
        ] {
            app.sql(&format!("DELETE FROM {table} WHERE user_id = {one}"))
                .await;
        }
        app.sql("DELETE FROM auth_user WHERE username = 'u000008'")
            .await;
    }
}

struct Player {
    transcript: &'static str,
    /// What was recorded, and what stands for it here.
    known: BTreeMap<String, String>,
    faults: Vec<String>,
    /// Letters that were sent and not looked at yet: to whom, and the text.
    letters: Vec<(String, String)>,
}

async fn play(
    db: TestDb,
    transcript: &'static str,
    text: &str,
    change: impl FnOnce(&mut Settings),
) {
    let app = site(db, change).await;
    play_on(&app, transcript, text, BTreeMap::new()).await;
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// `known`: what stands for what, before anything was asked.
async fn play_on(
    app: &TestApp,
    transcript: &'static str,
    text: &str,
    known: BTreeMap<String, String>,
) {
    let mut player = Player {
        transcript,
        known,
        faults: Vec::new(),
        letters: Vec::new(),
    };
    let lines = lines(text);
    assert!(lines.len() > 1);
    for (number, line) in lines.iter().enumerate() {
        match line["kind"].as_str().unwrap() {
            "http" => {
                player.no_more_letters(number);
                player.ask(app, number, line).await;
                let sent = app.letters().await;
                let sent = sent.into_iter().map(|letter| (letter.to, letter.text));
                player.letters.extend(sent);
                let own = LETTERS
                    .iter()
                    .find(|own| (own.0, own.1) == (transcript, number));
                if let Some((.., count, _)) = own {
                    assert_eq!(player.letters.len(), *count, "{transcript}:{number}");
                    player.letters.clear();
                }
            }
            "mail" => player.letter(number, line),
            "setup" => {}
            other => panic!("{other}"),
        }
    }
    player.no_more_letters(lines.len());
    let faults = player.faults.join("\n");
    assert!(faults.is_empty(), "\n{faults}\n");
}

fn not_there(path: &str) -> bool {
    NOT_BUILT.iter().any(|mount| path.starts_with(mount))
}

impl Player {
    fn fault(&mut self, number: usize, what: impl std::fmt::Display) {
        self.faults
            .push(format!("{}:{number}: {what}", self.transcript));
    }

    /// A recorded text as it is here.
    fn ours(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, own) in &self.known {
            text = text.replace(recorded, own);
        }
        text
    }

    async fn ask(&mut self, app: &TestApp, number: usize, line: &Value) {
        let (request, wanted) = (&line["request"], &line["response"]);
        let name = line["name"].as_str().unwrap();
        meanwhile(app, self.transcript, name).await;
        let path = self.ours(request["path"].as_str().unwrap());
        let mut browser = app.browser();
        for (name, value) in request["headers"].as_object().unwrap() {
            let value = self.ours(value.as_str().unwrap());
            browser.headers.insert(known_header(name), value);
        }
        let body = match (request.get("json"), request.get("body")) {
            (Some(json), _) if request["method"] != "GET" => self.ours(&json.to_string()),
            (_, Some(body)) => self.ours(body.as_str().unwrap()),
            _ => String::new(),
        };
        let method = request["method"].as_str().unwrap();
        let answer = browser.send(method, &path, Body::from(body), None).await;
        if not_there(&path) {
            assert_eq!(
                answer.status, 404,
                "{path}: built by now? Take it off the list"
            );
            return;
        }
        if path.starts_with("/dj-rest-auth/")
            && let Some(fault) = Contract::of(app).fault(method, &path, &answer)
        {
            self.fault(
                number,
                format!(
                    "{name}: not as the document says: {} {}: {fault}",
                    answer.status, answer.text
                ),
            );
        }
        self.learn(wanted, &answer);
        self.compare(number, name, wanted, &answer);
    }

    /// Notes what stands for what.
    fn learn(&mut self, wanted: &Value, answer: &Answer) {
        let own: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        for name in ["key", "access", "refresh"] {
            if let (Some(recorded), Some(own)) = (wanted["json"][name].as_str(), own[name].as_str())
                && recorded.len() > 20
                && own.len() > 20
            {
                self.known.insert(recorded.to_owned(), own.to_owned());
            }
        }
        let own = cookies(answer);
        for (name, recorded) in recorded_cookies(wanted) {
            if let Some(own) = own.get(&name)
                && recorded.value.len() > 10
                && own.value.len() > 10
            {
                self.known.insert(recorded.value, own.value.clone());
            }
        }
    }

    fn compare(&mut self, number: usize, name: &str, wanted: &Value, answer: &Answer) {
        let transcript = self.transcript;
        let own: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let listed = |it: &&Deviation| (it.transcript, it.line) == (transcript, number);
        if let Some(listed) = DEVIATIONS.iter().find(listed) {
            let json = listed
                .json
                .map(|json| serde_json::from_str::<Value>(json).unwrap());
            let same = json.is_none_or(|json| json == own);
            if answer.status != listed.status || !same {
                self.fault(
                    number,
                    format!(
                        "{name}: listed otherwise: {} {}",
                        answer.status, answer.text
                    ),
                );
            }
            return;
        }
        if u64::from(answer.status.as_u16()) != wanted["status"].as_u64().unwrap() {
            self.fault(
                number,
                format!(
                    "{name}: {} instead of {}\n    ours {}\n    there {}",
                    answer.status, wanted["status"], answer.text, wanted["raw"]
                ),
            );
            return;
        }
        if wanted.get("json").is_some_and(|json| !json.is_null()) {
            let there: Value =
                serde_json::from_str(&self.ours(&wanted["json"].to_string())).unwrap();
            if own.get("renders").is_some() {
                assert!(own["description"].as_str().is_some_and(|it| it.len() > 10));
            }
            let (there, own) = (plain(there), plain(own));
            if there != own {
                self.fault(
                    number,
                    format!("{name}:\n    ours {own}\n    there {there}"),
                );
            }
            let raw = wanted["raw"].as_str().unwrap_or_default();
            let blanks = |text: &str| text.contains("\": ") || text.contains(", \"");
            if !blanks(raw)
                && !raw.is_empty()
                && blanks(&answer.text)
                && !answer.text.contains("description")
            {
                self.fault(number, "not compact");
            }
        }
        self.compare_headers(number, name, wanted, answer);
    }

    fn compare_headers(&mut self, number: usize, name: &str, wanted: &Value, answer: &Answer) {
        let recorded = |name: &str| {
            let all = wanted["headers"].as_array().unwrap().iter();
            let mut all = all.filter(|pair| pair[0] == name);
            all.next()
                .map(|pair| pair[1].as_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        let page =
            recorded("content-type").starts_with("text/html") && !recorded("allow").is_empty();
        let rest = wanted["json"].is_object() || page;
        for header in ["allow", "vary", "www-authenticate", "content-type"] {
            if !rest {
                continue;
            }
            let listed = HEADERS
                .iter()
                .find(|it| (it.0, it.1, it.2) == (self.transcript, number, header));
            let there = listed.map_or_else(|| recorded(header), |it| it.3.to_owned());
            let own = answer.header(header).to_owned();
            if there != own && !(header == "content-type" && answer.text.is_empty()) {
                self.fault(
                    number,
                    format!("{name}: {header}: ours {own:?} there {there:?}"),
                );
            }
        }
        if recorded("retry-after").is_empty() != answer.header("retry-after").is_empty() {
            self.fault(number, format!("{name}: Retry-After"));
        }
        let there: BTreeMap<_, _> = recorded_cookies(wanted)
            .into_iter()
            .map(|(name, cookie)| (name, cookie.attributes))
            .collect();
        let own: BTreeMap<_, _> = cookies(answer)
            .into_iter()
            .map(|(name, cookie)| (name, cookie.attributes))
            .collect();
        let listed = HEADERS
            .iter()
            .find(|it| (it.0, it.1, it.2) == (self.transcript, number, "set-cookie"));
        if let Some((.., names, _)) = listed {
            let own: Vec<_> = own.keys().map(String::as_str).collect();
            if own.join(",") != *names {
                self.fault(number, format!("{name}: listed otherwise: cookies {own:?}"));
            }
        } else if there != own {
            self.fault(
                number,
                format!("{name}:\n    ours {own:?}\n    there {there:?}"),
            );
        }
    }

    fn letter(&mut self, number: usize, line: &Value) {
        if LETTERS
            .iter()
            .any(|own| (own.0, own.1 + 1) == (self.transcript, number))
        {
            return;
        }
        if self.letters.is_empty() {
            self.fault(number, format!("no letter to {}", line["to"]));
            return;
        }
        let (to, text) = self.letters.remove(0);
        if line["to"] != to.as_str() {
            self.fault(
                number,
                format!("a letter to {to} instead of {}", line["to"]),
            );
        }
        let there = link(line["body"].as_str().unwrap());
        let own = link(&text);
        // What identifies the account or the address is the last part of the link, or the last two.
        let last = |link: &str| {
            link.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        };
        if there.contains("/confirm") {
            self.known.insert(last(&there), last(&own));
        }
        if there.contains("password-reset") {
            assert!(own.contains("/password-reset/confirm/"), "{own}");
            let uid = |link: &str| {
                link.trim_end_matches('/')
                    .rsplit('/')
                    .nth(1)
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(uid(&there), uid(&own));
        }
    }

    fn no_more_letters(&mut self, number: usize) {
        for (to, text) in std::mem::take(&mut self.letters) {
            let first = text.lines().next().unwrap_or_default().to_owned();
            self.fault(number, format!("before: a letter to {to}: {first}"));
        }
    }
}

fn known_header(name: &str) -> &'static str {
    let known = [
        "accept",
        "content-type",
        "authorization",
        "cookie",
        "x-csrftoken",
        "origin",
        "x-forwarded-for",
        "x-http-method-override",
        "accept-language",
    ];
    let known = known.into_iter().find(|known| *known == name);
    known.unwrap_or_else(|| panic!("{name}"))
}

/// Times and descriptions aside: those are of now, and these of our own words.
fn plain(mut json: Value) -> Value {
    if let Value::Array(items) = json {
        return items.into_iter().map(plain).collect();
    }
    if let Value::Object(fields) = &mut json {
        for name in ["access_expiration", "refresh_expiration"] {
            if let Some(time) = fields.get_mut(name) {
                let text = time.as_str().unwrap();
                assert!(
                    text.len() == 27 && text.ends_with('Z') && text.contains('T'),
                    "{text}"
                );
                *time = "a time".into();
            }
        }
        // Where the first choice is taken, a name is made up.
        if let Some(name) = fields
            .get_mut("user")
            .and_then(|user| user.get_mut("username"))
        {
            let text = name.as_str().unwrap();
            let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
            if ["social", "user_"].contains(&stem) && stem != text {
                *name = "made up".into();
            }
        }
        for name in ["last_login", "date_joined"] {
            if let Some(time) = fields.get_mut(name) {
                assert_eq!(time.as_str().unwrap().len(), 27, "{time}");
                *time = "a time".into();
            }
        }
        if fields.contains_key("renders") {
            fields.insert("description".to_owned(), "words".into());
        }
        if let Some(Value::String(text)) = fields.get_mut("detail")
            && text.starts_with("Request was throttled. Expected available in ")
        {
            let digit = |c: char| c.is_ascii_digit();
            *text = text.replace(digit, "").replace("  ", " 60 ");
        }
    }
    json
}

fn link(text: &str) -> String {
    let start = text
        .find("http")
        .unwrap_or_else(|| panic!("no link in {text}"));
    text[start..].split_whitespace().next().unwrap().to_owned()
}

#[derive(Debug)]
struct Cookie {
    value: String,
    /// Without Expires, which says what Max-Age says; of a cookie that is deleted, only what tells it apart.
    attributes: BTreeSet<String>,
}

fn cookie(line: &str) -> (String, Cookie) {
    let mut parts = line.split("; ");
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    let mut attributes: BTreeSet<String> = parts
        .filter(|part| !part.to_lowercase().starts_with("expires="))
        .map(str::to_owned)
        .collect();
    if attributes.contains("Max-Age=0") {
        attributes.remove("HttpOnly");
    }
    let value = value.trim_matches('"').to_owned();
    (name.to_owned(), Cookie { value, attributes })
}

fn cookies(answer: &Answer) -> BTreeMap<String, Cookie> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| cookie(line.to_str().unwrap())).collect()
}

/// Messages for the next page travel in the session here, never in a cookie.
fn recorded_cookies(wanted: &Value) -> BTreeMap<String, Cookie> {
    let headers = wanted["headers"].as_array().unwrap().iter();
    let lines = headers.filter(|pair| pair[0] == "set-cookie");
    lines
        .map(|pair| cookie(pair[1].as_str().unwrap()))
        .filter(|(name, _)| name != "messages")
        .collect()
}
