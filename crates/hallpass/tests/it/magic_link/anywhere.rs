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
