//! The tutorial is played: over the recorded requests of a Django app that does the same, with a provider that speaks OAuth
//! over a socket, and in Chromium.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

use axum::body::Body;
use hallpass::flows::social::apps::NewApp;
use hallpass::settings::Secret;
use hallpass_testkit::fake_provider::{CLIENT_ID, CLIENT_SECRET};
use hallpass_testkit::{Browser, FakeProvider, TestApp, TestDb, each_database, link_in};
use serde_json::{Value, json};

each_database!(
    a_link_signs_in_once,
    it_answers_as_was_recorded,
    the_secret_page_opens_for_a_link_alone,
    an_account_elsewhere_signs_in,
    a_provider_in_the_database_is_there_at_once,
);

async fn tutorial(db: TestDb) -> TestApp {
    with(db, &[]).await
}

async fn with(db: TestDb, more: &[(String, String)]) -> TestApp {
    let mut setup = TestApp::setup().database(db).builder(tutorial::prepare);
    for (name, value) in tutorial::SETTINGS {
        setup = setup.set(*name, *value);
    }
    for (name, value) in more {
        setup = setup.set(name, value);
    }
    setup
        .around(|hallpass| tutorial::router(hallpass).unwrap())
        .await
}

/// Asks for a link and takes it out of the mailbox.
async fn link(app: &TestApp, browser: &mut Browser) -> String {
    let page = browser.get("/user-email/").await;
    let token = page.csrf_token().unwrap().to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("email", "ann@example.com"),
    ];
    let sent = browser.post("/send-login-link/", &fields).await;
    assert_eq!(
        (sent.status.as_u16(), sent.location()),
        (302, "/user-email/?sent")
    );
    let letter = app.letter().await;
    assert_eq!(letter.subject, "[Without a password] Your login link");
    let link = link_in(&letter.text);
    assert!(link.starts_with("/login/"), "{link}");
    assert_eq!(
        link,
        link_in(
            &letter
                .html
                .unwrap()
                .replace(['"', '<', '>'], " ")
                .replace("&#x2f;", "/")
                .replace("&amp;", "&")
        )
    );
    link
}

async fn a_link_signs_in_once(db: TestDb) {
    let app = tutorial(db).await;
    app.person("ann@example.com").await;
    let mut browser = app.visitor();
    let link = link(&app, &mut browser).await;
    for _ in 0..2 {
        let page = browser.get(&link).await;
        assert_eq!(page.status, 200, "looking spends nothing");
        assert!(page.text.contains("Log in as ann"), "{}", page.text);
    }
    let all = (0..4).map(|_| {
        let (mut browser, link) = (app.visitor(), link.clone());
        tokio::spawn(async move { (browser.fill(&link, &[]).await.status.as_u16(), browser) })
    });
    let mut inside = Vec::new();
    for one in all.collect::<Vec<_>>() {
        match one.await.unwrap() {
            (303, browser) => inside.push(browser),
            (status, _) => assert_eq!(status, 403),
        }
    }
    assert_eq!(inside.len(), 1, "once is once, in parallel too");
    let page = inside[0].get("/").await;
    assert!(page.text.contains("Hello ann"));
    assert_eq!(browser.get(&link).await.status, 403);
    app.no_other_letter_was_sent().await;
}

/// What differs on purpose, by the name of the request.
const DIFFERENT: [(&str, &str); 2] = [
    ("login link: ok", "GET spends nothing: 200, with a button"),
    (
        "login link: used",
        "it was not used by GET, so it is 200 still",
    ),
];

async fn it_answers_as_was_recorded(db: TestDb) {
    let app = tutorial(db).await;
    let ann = app.person("u000002@example.com").await;
    let mut browser = app.visitor();
    browser.headers.remove("accept");
    let mut link = String::new();
    let mut played = 0;
    for line in include_str!("data/pages_login_link.jsonl").lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "mail" {
            // One more than was recorded: who has no account is told so by letter.
            let letters = app.letters().await;
            assert_eq!(letters.len(), 2);
            let mut letters = letters.iter();
            let letter = letters.find(|letter| record["to"] == letter.to.as_str());
            let letter = letter.expect("a letter");
            let subject = record["subject"].as_str().unwrap();
            assert!(letter.subject.ends_with(subject), "{}", letter.subject);
            link = link_in(&letter.text);
        }
        if record["kind"] != "http" {
            continue;
        }
        let name = record["name"].as_str().unwrap();
        let (request, wanted) = (&record["request"], &record["response"]);
        let path = request["path"].as_str().unwrap();
        let path = match name {
            "login link: ok" | "login link: used" | "login link: POST" => link.clone(),
            _ => path.to_owned(),
        };
        let mut body = request["body"].as_str().unwrap_or_default().to_owned();
        if let Some((before, _)) = body.split_once("&csrfmiddlewaretoken=") {
            let token = browser.get("/user-email/").await;
            let token = token.csrf_token().unwrap();
            body = format!("{before}&csrfmiddlewaretoken={token}");
        }
        let kind = request["headers"]["content-type"].as_str();
        // What the recording sent without cookies comes from a browser without any.
        let mut asking = match request["headers"]["cookie"].is_null() {
            true => app.visitor(),
            false => browser.clone(),
        };
        let method = request["method"].as_str().unwrap();
        let answer = asking.send(method, &path, Body::from(body), kind).await;
        if name == "user-email" || name == "send: malformed" {
            browser = asking;
        }
        played += 1;
        let status = u64::from(answer.status.as_u16());
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            assert_eq!(status, 200, "{name}: {}", answer.text);
            assert!(answer.text.contains("<button>Log in</button>"));
            continue;
        }
        assert_eq!(wanted["status"], status, "{name}: {}", answer.text);
        for header in ["location", "allow", "content-type"] {
            let mut headers = wanted["headers"].as_array().unwrap().iter();
            let recorded = headers.find(|pair| pair[0] == header);
            if status == 302 && header == "content-type" || recorded.is_none() {
                continue;
            }
            if status == 405 && header == "content-type" {
                continue;
            }
            assert_eq!(
                recorded.unwrap()[1],
                answer.header(header),
                "{name}: {header}"
            );
        }
    }
    assert_eq!(played, 14);
    assert_eq!(
        app.look_up(ann.id).await.last_login,
        None,
        "nobody was signed in by looking"
    );
}

async fn the_secret_page_opens_for_a_link_alone(db: TestDb) {
    let app = tutorial(db).await;
    let mut ann = app.sign_in("ann@example.com").await;
    assert_eq!(ann.get("/secret-page/").await.status, 403);
    let page = ann.get("/").await;
    let (_, rest) = page.text.split_once("<code>").unwrap();
    let link = rest.split("</code>").next().unwrap().replace("&#x2f;", "/");
    let link = link_in(&link);
    let mut stranger = app.visitor();
    assert_eq!(stranger.get("/secret-page/").await.status, 403);
    let page = stranger.get(&link).await;
    assert!(page.text.contains("a link of ann"), "{}", page.text);
    assert!(
        !stranger.cookies.contains_key("sessionid"),
        "it signs nobody in"
    );
    assert!(stranger.get("/").await.text.contains("Log in by e-mail"));
    app.clock().advance(std::time::Duration::from_secs(3_700));
    assert_eq!(stranger.get(&link).await.status, 403);
}

/// Presses the button of the home page, says yes at the provider, and is back.
async fn sign_in(fake: &FakeProvider, browser: &mut Browser, who: &Value) -> String {
    let page = browser.get("/").await;
    let (_, rest) = page.text.split_once("Sign in with Fake").map_or_else(
        || panic!("no button: {}", page.text),
        |(before, _)| {
            before
                .rsplit_once("<form method=\"post\" action=\"")
                .unwrap()
        },
    );
    let to = rest.split('"').next().unwrap().replace("&#x2f;", "/");
    let token = page.csrf_token().unwrap().to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("process", "login"),
        ("next", "/"),
    ];
    let out = browser.post(&to, &fields).await;
    let back = fake.agree(out.location(), who);
    let back = browser.get(&back).await;
    assert_eq!(back.location(), "/", "{}", back.text);
    browser.get("/").await.text
}

async fn an_account_elsewhere_signs_in(db: TestDb) {
    let fake = FakeProvider::start().await;
    let app = with(db, &fake.settings()).await;
    let ann = json!({ "id": 7, "login": "ann" });
    let mut browser = app.visitor();
    let home = sign_in(&fake, &mut browser, &ann).await;
    assert!(home.contains("Hello ann"), "{home}");
    // The button, not the link of a page of ours.
    let token = browser.get("/").await.csrf_token().unwrap().to_owned();
    let fields = [("csrfmiddlewaretoken", token.as_str())];
    let out = browser.post("/accounts/logout/", &fields).await;
    assert_eq!(out.location(), "/");
    assert!(browser.get("/").await.text.contains("Sign in with Fake"));
    // The same person, in another browser, with another name there.
    let ann = json!({ "id": 7, "login": "annabel" });
    let home = sign_in(&fake, &mut app.visitor(), &ann).await;
    assert!(home.contains("Hello ann"), "{home}");
    assert_eq!(app.hallpass.users().count().await.unwrap(), 1);
    // Whoever says no is told, and has the other ways.
    let mut browser = app.visitor();
    let out = browser.fill("/accounts/fake/login/", &[]).await;
    let page = browser.get(&fake.refuse(out.location())).await;
    assert!(page.text.contains("Nothing has changed"), "{}", page.text);
}

async fn a_provider_in_the_database_is_there_at_once(db: TestDb) {
    let fake = FakeProvider::start().await;
    let mut settings = fake.settings();
    settings.retain(|(name, _)| name != "SOCIALACCOUNT_PROVIDERS");
    let app = with(db, &settings).await;
    let mut browser = app.visitor();
    assert!(!browser.get("/").await.text.contains("Sign in with"));
    let added = NewApp {
        provider: "fake".to_owned(),
        provider_id: String::new(),
        name: String::new(),
        client_id: CLIENT_ID.to_owned(),
        secret: Secret::new(CLIENT_SECRET),
        key: Secret::new(""),
        settings: serde_json::Map::new(),
    };
    let id = app.hallpass.social().add_app(&added).await.unwrap();
    let who = json!({ "id": 8, "login": "bob" });
    let home = sign_in(&fake, &mut browser, &who).await;
    assert!(home.contains("Hello bob"), "{home}");
    app.hallpass.social().remove_app(id).await.unwrap();
    let home = app.visitor().get("/").await;
    assert!(!home.text.contains("Sign in with"), "{}", home.text);
}

mod browser {
    use hallpass_testkit::chromium::{Driver, Window, press, see, write};
    use hallpass_testkit::{TestDb, link_in};
    use thirtyfour::prelude::*;

    use super::{tutorial, with};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_account_elsewhere_in_chromium() {
        let dummy = ("SOCIALACCOUNT_PROVIDERS", r#"{"dummy": {}}"#);
        let settings = [(dummy.0.to_owned(), dummy.1.to_owned())];
        let app = with(TestDb::sqlite().await, &settings).await;
        let origin = app.serve().await;
        let driver = Driver::start().await;
        let window = Window {
            size: "500,900",
            dark: false,
            scripts: false,
        };
        let browser = driver.browser("ann", window).await;
        for _ in 0..2 {
            browser.goto(format!("{origin}/")).await.unwrap();
            press(&browser, "form[action*='dummy'] button").await;
            see(&browser, "h1", "Who are you?").await;
            write(&browser, "#id_id", "7").await;
            write(&browser, "#id_username", "ann").await;
            press(&browser, ".hp-primary").await;
            see(&browser, "h1", "Hello ann").await;
            press(&browser, "form[action*='logout'] button").await;
            see(&browser, "main", "Log in by e-mail").await;
        }
        browser.quit().await.unwrap();
        app.no_other_letter_was_sent().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn both_ways_in_chromium() {
        let app = tutorial(TestDb::sqlite().await).await;
        app.person("ann@example.com").await;
        let origin = app.serve().await;
        let driver = Driver::start().await;
        let window = Window {
            size: "500,900",
            dark: true,
            scripts: false,
        };
        let browser = driver.browser("ann", window).await;
        browser.goto(format!("{origin}/")).await.unwrap();
        press(&browser, "a[href='/user-email/']").await;
        see(&browser, "h1", "Log in by e-mail").await;
        write(&browser, "#email", "ann@example.com").await;
        press(&browser, "form button").await;
        see(&browser, ".note", "a link is on its way").await;
        let link = link_in(&app.letter().await.text);
        browser.goto(format!("{origin}{link}")).await.unwrap();
        see(&browser, "h1", "Log in as ann").await;
        press(&browser, "form button").await;
        see(&browser, "h1", "Hello ann").await;
        let shared = browser.find(By::Css("code")).await.unwrap();
        let shared = link_in(&shared.text().await.unwrap());
        browser.goto(format!("{origin}{link}")).await.unwrap();
        see(&browser, "h1", "This login link is not valid").await;
        browser.quit().await.unwrap();

        let other = driver.browser("other", window).await;
        other.goto(format!("{origin}/secret-page/")).await.unwrap();
        other.goto(format!("{origin}{shared}")).await.unwrap();
        see(&other, "h1", "The secret page").await;
        other.goto(format!("{origin}/")).await.unwrap();
        see(&other, "main", "Log in by e-mail").await;
        other.quit().await.unwrap();
        app.no_other_letter_was_sent().await;
    }
}
