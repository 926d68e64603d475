//! A link that signs in on whatever URL it is.

use axum::body::Body;
use axum::routing::get;
use axum::{Router, response::IntoResponse as _};
use hallpass::{Hallpass, MaybeUser};
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{ann, link};

each_database!(
    a_link_signs_in_and_goes_from_the_url,
    the_rest_of_the_url_stays_as_it_is,
    safari_keeps_the_url,
    other_methods_go_on,
    what_is_no_link_is_passed_over,
    a_stage_is_not_passed_over,
    only_reading_and_posting_sign_in,
    where_a_button_is_wanted_nothing_goes_past_it,
    beside_the_page_that_signs_in_a_link_is_used_once,
);

fn site(hallpass: &Hallpass) -> Router {
    let who =
        async |MaybeUser(user): MaybeUser| user.map_or("nobody".to_owned(), |user| user.display());
    Router::new()
        .route("/who/", get(who).post(who))
        .fallback(async || "elsewhere".into_response())
        .merge(hallpass.router())
        .layer(hallpass.magic_link_anywhere())
        .layer(hallpass.layer())
}

async fn app(db: TestDb) -> TestApp {
    TestApp::new(db).await.routed(site)
}

async fn a_link_signs_in_and_goes_from_the_url(db: TestDb) {
    let app = app(db).await;
    let user = ann(&app).await;
    let mut browser = app.browser();
    let answer = browser.get(&link(&app, &user, "", "/who/").await).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (302, "/who/"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "strict-origin");
    assert_eq!(browser.get("/who/").await.text, "ann");
    assert_eq!(app.browser().get("/who/").await.text, "nobody");
}

async fn the_rest_of_the_url_stays_as_it_is(db: TestDb) {
    let app = app(db).await;
    let user = ann(&app).await;
    let token = app.hallpass.magic_link(&user).token().await.unwrap();
    for (path, to) in [
        (
            format!("/a%20b/?x=1&sesame={token}&y=%7e+z&&x"),
            "/a%20b/?x=1&y=%7e+z&&x",
        ),
        (format!("/?sesame=old&sesame={token}"), "/"),
        (format!("/?a=sesame&%73esame={token}"), "/?a=sesame"),
        // No way to another site.
        (format!("//evil.example/?sesame={token}"), "/evil.example/"),
        (format!("/\\evil.example/?sesame={token}"), "/evil.example/"),
    ] {
        let answer = app.browser().get(&path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (302, to),
            "{path}"
        );
    }
}

async fn safari_keeps_the_url(db: TestDb) {
    let app = app(db).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/").await;
    let mut browser = app.browser();
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                  Version/18.0 Safari/605.1.15";
    browser.headers.insert("user-agent", safari.to_owned());
    let answer = browser.get(&path).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "ann"));
    assert_eq!(answer.header("referrer-policy"), "strict-origin");
    assert_eq!(browser.get("/who/").await.text, "ann");
}

async fn other_methods_go_on(db: TestDb) {
    let app = app(db).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/").await;
    let mut browser = app.browser();
    let looked = browser.send("HEAD", &path, Body::empty(), None).await;
    assert_eq!(looked.status, 200);
    assert!(browser.cookies.is_empty(), "looking signs nobody in");
    let posted = browser.post(&path, &[]).await;
    assert_eq!((posted.status.as_u16(), posted.text.as_str()), (200, "ann"));
    assert_eq!(browser.get("/who/").await.text, "ann");
}

async fn what_is_no_link_is_passed_over(db: TestDb) {
    let app = app(db).await;
    let user = ann(&app).await;
    let scoped = link(&app, &user, "report:7", "/who/").await;
    let before = app.hallpass.db().statements().writes;
    for path in ["/who/?sesame=", "/who/?sesame=AAAA", &scoped] {
        let mut browser = app.browser();
        let answer = browser.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, "nobody")
        );
        assert!(browser.cookies.is_empty());
    }
    assert_eq!(app.hallpass.db().statements().writes, before);
}

async fn a_stage_is_not_passed_over(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = hallpass::settings::Verification::Mandatory;
    });
    let app = app.await.routed(site);
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/").await;
    let mut browser = app.browser();
    let answer = browser.get(&path).await;
    assert_eq!(answer.location(), "/accounts/confirm-email/");
    assert_eq!(browser.get("/who/").await.text, "nobody");
    let mut posting = app.browser();
    assert_eq!(posting.post(&path, &[]).await.text, "nobody");
}

async fn only_reading_and_posting_sign_in(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.sesame.one_time = true)
        .await
        .routed(site);
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/").await;
    for method in ["OPTIONS", "PUT", "PATCH", "DELETE", "HEAD"] {
        let mut browser = app.browser();
        browser.send(method, &path, Body::empty(), None).await;
        assert!(!browser.cookies.contains_key("sessionid"), "{method}");
    }
    // Another site's form brings nobody in.
    let mut victim = app.browser();
    victim
        .headers
        .insert("origin", "https://evil.example".to_owned());
    victim.post(&path, &[]).await;
    assert!(!victim.cookies.contains_key("sessionid"));
    assert_eq!(
        app.browser().post(&path, &[]).await.text,
        "ann",
        "nothing was spent"
    );
}

async fn where_a_button_is_wanted_nothing_goes_past_it(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.hallpass.magic_link_confirm = true)
        .await
        .routed(site);
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/").await;
    let mut browser = app.browser();
    assert_eq!(browser.post(&path, &[]).await.text, "nobody");
    let page = browser.get(&path).await;
    assert!(page.text.contains("csrfmiddlewaretoken"));
    assert_eq!(browser.post(&path, &[]).await.text, "nobody");
    assert_eq!(
        browser
            .post(&format!("{path}&sesame_confirm=1"), &[])
            .await
            .status,
        403
    );
    let token = page.csrf_token().unwrap().to_owned();
    let fields = [("csrfmiddlewaretoken", token.as_str())];
    let pressed = browser
        .post(&format!("{path}&sesame_confirm=1"), &fields)
        .await;
    assert_eq!(
        (pressed.status.as_u16(), pressed.location()),
        (302, "/who/")
    );
    assert_eq!(browser.get("/who/").await.text, "ann");
}

async fn beside_the_page_that_signs_in_a_link_is_used_once(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.sesame.one_time = true;
        settings.hallpass.magic_link_login = true;
    })
    .await
    .routed(site);
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                  Version/18.0 Safari/605.1.15";
    let user = ann(&app).await;
    for agent in ["curl", safari] {
        let user = app.look_up(user.id).await;
        let path = link(&app, &user, "", "/accounts/login/magic/?next=/who/").await;
        let mut browser = app.browser();
        browser.headers.insert("user-agent", agent.to_owned());
        let mut answer = browser.get(&path).await;
        while answer.status == 302 && answer.location() != "/who/" {
            let to = answer.location().to_owned();
            answer = browser.get(&to).await;
        }
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (302, "/who/"),
            "{agent}"
        );
        assert_eq!(browser.get("/who/").await.text, "ann");
    }
    assert_eq!(app.count("django_session").await, 2);
}
