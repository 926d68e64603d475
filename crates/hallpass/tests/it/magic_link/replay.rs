//! Every recorded request to a real django-sesame again, to an app with the same pages: status, target, text and cookies
//! are the same, or stand in the table of what differs on purpose.
//!
//! Tokens and cookies that a request uses are those that we gave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use axum::{Form, Router};
use hallpass::settings::Settings;
use hallpass::{CsrfToken, Hallpass, MagicLink, MaybeUser, csrf_protected, magic_link};
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};
use serde_json::Value;

each_database!(pages, middleware, one_time);

/// What is answered otherwise: transcript, line, status, cookies, and the first cell of its row in docs/deviations.md.
type Deviation = (
    &'static str,
    usize,
    u16,
    &'static [&'static str],
    &'static str,
);

const HEAD: &str = "HEAD of a magic link";

const DEVIATIONS: &[Deviation] = &[("middleware", 7, 200, &["csrftoken"], HEAD)];

const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.0 Safari/605.1.15";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.0 Mobile/15E148 Safari/604.1";

type Letters = Arc<Mutex<Vec<String>>>;

/// The recorded site's pages.
fn site(hallpass: &Hallpass, letters: &Letters, anywhere: bool) -> Router {
    let index = async |MaybeUser(user): MaybeUser, token: CsrfToken| {
        let user = user.map(|user| format!("<p>Logged in as {}</p>", user.display()));
        format!("{}{}", user.unwrap_or_default(), token.field())
    };
    let send = {
        let (hallpass, letters) = (hallpass.clone(), letters.clone());
        async move |token: CsrfToken, Form(form): Form<BTreeMap<String, String>>| {
            let users = hallpass::store::user::by_email(hallpass.db().conn(), &form["email"]).await;
            for found in users.unwrap() {
                let link = hallpass.magic_link(&found.user).url("/secret-page/").await;
                letters.lock().unwrap().push(link.unwrap());
            }
            token.field()
        }
    };
    let secret = async |link: MagicLink| format!("Secret page of {}\n", link.display().unwrap());
    let status = async |Path(name): Path<String>, link: MagicLink| {
        format!("Status {name} for {}\n", link.display().unwrap())
    };
    let pages = Router::new()
        .route("/", get(index).post(send))
        .route("/user-email/", get(async |token: CsrfToken| token.field()))
        .route("/sesame/login/", hallpass.magic_login())
        .merge(
            Router::new()
                .route("/secret-page/", get(secret).post(secret))
                .layer(magic_link()),
        )
        .merge(
            Router::new()
                .route("/scoped/{name}/", get(status))
                .layer(magic_link().scope("status:{name}")),
        );
    let pages = match anywhere {
        true => pages.layer(hallpass.magic_link_anywhere()),
        false => pages,
    };
    pages.layer(csrf_protected()).layer(hallpass.layer())
}

async fn pages(db: TestDb) {
    let text = include_str!("../../data/pages_sesame.jsonl");
    play(db, "pages", text, |_| {}).await;
}

async fn middleware(db: TestDb) {
    let text = include_str!("../../data/pages_sesame_middleware.jsonl");
    play(db, "middleware", text, |_| {}).await;
}

async fn one_time(db: TestDb) {
    let text = include_str!("../../data/pages_sesame_one_time.jsonl");
    play(db, "one_time", text, |settings| {
        settings.sesame.one_time = true;
    })
    .await;
}

/// Our tokens for the recorded ones, by what follows their first letter, which one line spoils.
struct Tokens(BTreeMap<String, String>);

impl Tokens {
    async fn replaced(&mut self, app: &TestApp, path: &str) -> String {
        let Some((before, rest)) = path.rsplit_once("sesame=") else {
            return path.to_owned();
        };
        let end = rest.find('&').unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        if token.len() != 24 {
            return path.to_owned();
        }
        let (first, recorded) = token.split_at(1);
        if !self.0.contains_key(recorded) {
            let scope = before.strip_prefix("/scoped/").map(|rest| {
                let name = rest.split('/').next().unwrap();
                format!("status:{name}")
            });
            let users = hallpass::store::user::by_username(app.db.db.conn(), "u000001").await;
            let user = users.unwrap().remove(0);
            let made = app
                .hallpass
                .magic_link(&user)
                .scope(scope.unwrap_or_default());
            let made = made.token().await.unwrap();
            assert_eq!(made.len(), token.len());
            assert_eq!(made[..6], token[..6], "the same user in the same place");
            self.0.insert(recorded.to_owned(), made[1..].to_owned());
        }
        format!("{before}sesame={first}{}{after}", self.0[recorded])
    }
}

async fn play(db: TestDb, transcript: &str, text: &str, change: impl FnOnce(&mut Settings)) {
    let letters = Letters::default();
    let app = TestApp::with(db, |settings| {
        settings.sesame.max_age = Some(3_600);
        settings.general.login_redirect_url = Some("/".to_owned());
        change(settings);
    });
    let kept = letters.clone();
    let app = app
        .await
        .routed(move |hallpass| site(hallpass, &kept, transcript == "middleware"));
    for name in ["system", "u000000", "u000001"] {
        let email = format!("{name}@example.com");
        app.user_with(name, &email, "md5$a$b").await;
    }
    let mut tokens = Tokens(BTreeMap::new());
    let mut kept = BTreeMap::new();
    let mut met = BTreeSet::new();
    for (line, text) in text.lines().enumerate() {
        let recorded: Value = serde_json::from_str(text).unwrap();
        match recorded["kind"].as_str().unwrap() {
            "http" => {}
            "mail" => {
                let link = letters.lock().unwrap().pop().unwrap();
                let (base, token) = link.rsplit_once('=').unwrap();
                assert!(base.ends_with("/secret-page/?sesame"), "{link}");
                let body = recorded["body"].as_str().unwrap().trim();
                let (_, theirs) = body.rsplit_once('=').unwrap();
                tokens
                    .0
                    .insert(theirs[1..].to_owned(), token[1..].to_owned());
                continue;
            }
            _ => continue,
        }
        let name = recorded["name"].as_str().unwrap();
        if name.ends_with("inactive user") {
            app.sql("UPDATE auth_user SET is_active = FALSE").await;
        }
        let request = &recorded["request"];
        let mut browser = app.browser();
        if request["headers"].get("cookie").is_some() {
            browser.cookies = kept.clone();
        }
        let agent = match name {
            _ if name.contains("Macintosh") => Some(SAFARI),
            _ if name.contains("iPhone") => Some(IPHONE),
            _ => None,
        };
        if let Some(agent) = agent {
            browser.headers.insert("user-agent", agent.to_owned());
        }
        let path = tokens
            .replaced(&app, request["path"].as_str().unwrap())
            .await;
        let answer = send(&mut browser, request, &path).await;
        if !browser.cookies.is_empty() {
            kept = browser.cookies.clone();
        }
        let place = format!("{transcript}, line {line}, {name}");
        let found = DEVIATIONS
            .iter()
            .find(|(known, at, ..)| *known == transcript && *at == line);
        compare(&place, &recorded["response"], &answer, found);
        met.extend(found.map(|(_, at, ..)| *at));
    }
    let all = DEVIATIONS.iter().filter(|(known, ..)| *known == transcript);
    let all: BTreeSet<usize> = all.map(|(_, at, ..)| *at).collect();
    assert_eq!(met, all, "a deviation that nothing shows");
}

async fn send(browser: &mut Browser, request: &Value, path: &str) -> Answer {
    let method = request["method"].as_str().unwrap();
    let Some(body) = request["body"].as_str() else {
        return browser.send(method, path, Body::empty(), None).await;
    };
    let mut body = body.to_owned();
    if let Some(at) = body.find("csrfmiddlewaretoken=") {
        body.truncate(at);
        let secret = &browser.cookies["csrftoken"];
        body.push_str(&format!("csrfmiddlewaretoken={secret}"));
    }
    let kind = request["headers"]["content-type"].as_str();
    browser.send(method, path, Body::from(body), kind).await
}

fn compare(place: &str, theirs: &Value, ours: &Answer, deviation: Option<&Deviation>) {
    let header = |wanted: &str| -> Vec<String> {
        let all = theirs["headers"].as_array().unwrap().iter();
        let found = all.filter(|pair| pair[0] == wanted);
        found
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect()
    };
    let names = |lines: Vec<String>| -> BTreeSet<String> {
        let name = |line: &String| line.split('=').next().unwrap().to_owned();
        lines.iter().map(name).collect()
    };
    let status = theirs["status"].as_u64().unwrap();
    let status = u16::try_from(status).unwrap();
    let set = ours.headers.get_all("set-cookie").iter();
    let set: Vec<String> = set.map(|line| line.to_str().unwrap().to_owned()).collect();
    let (wanted, cookies) = match deviation {
        Some((_, _, status, cookies, _)) => {
            (*status, cookies.iter().map(|it| (*it).to_owned()).collect())
        }
        None => (status, names(header("set-cookie"))),
    };
    assert_eq!(ours.status, wanted, "{place}: {}", ours.text);
    if wanted != 403 {
        assert_eq!(names(set), cookies, "{place}");
    } else {
        assert!(!names(set).contains("sessionid"), "{place}");
    }
    let location = header("location").pop().unwrap_or_default();
    assert_eq!(ours.location(), location, "{place}");
    let text = theirs["text"].as_str().unwrap_or_default();
    if text.starts_with("Secret page") || text.starts_with("Status") {
        assert_eq!(ours.text, text, "{place}");
    }
    assert_eq!(
        ours.text.contains("Logged in as u000001"),
        text.contains("Logged in as u000001"),
        "{place}"
    );
}

/// Why something differs is said where people look for it.
#[test]
fn every_deviation_has_its_reason() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deviations.md");
    let text = std::fs::read_to_string(root).unwrap();
    for (transcript, line, .., reason) in DEVIATIONS {
        assert!(
            text.contains(&format!("| {reason} |")),
            "{transcript}, {line}: no row \"{reason}\" in docs/deviations.md"
        );
    }
}
