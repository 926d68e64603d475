//! The tutorial is played: over the recorded requests of a Django app that does the same, and in Chromium.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

use axum::body::Body;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database, link_in};
use serde_json::Value;

each_database!(
    a_link_signs_in_once,
    it_answers_as_was_recorded,
    the_secret_page_opens_for_a_link_alone,
);

async fn tutorial(db: TestDb) -> TestApp {
    let mut setup = TestApp::setup().database(db).builder(tutorial::prepare);
    for (name, value) in tutorial::SETTINGS {
        setup = setup.set(*name, *value);
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

mod browser {
    use hallpass_testkit::chromium::{Driver, Window, press, see, write};
    use hallpass_testkit::{TestDb, link_in};
    use thirtyfour::prelude::*;

    use super::tutorial;

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
