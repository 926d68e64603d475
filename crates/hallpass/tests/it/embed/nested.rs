//! Faces in an app's own places.

use axum::Router;
use hallpass::Hallpass;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    faces_are_nested_where_the_settings_say,
    a_nest_elsewhere_is_said_at_once,
    a_merge_below_a_nest_is_said_at_once,
);

async fn nested(db: TestDb, pages: &'static str, rest: &'static str) -> TestApp {
    let app = TestApp::built(
        db,
        |_| {},
        |builder| builder.mount("/team/auth").rest_mount("/team/api/auth"),
    )
    .await;
    app.routed(|hallpass| {
        let team = Router::new()
            .nest(pages, hallpass.pages())
            .nest(rest, hallpass.rest());
        Router::new().nest("/team", team).layer(hallpass.layer())
    })
}

async fn faces_are_nested_where_the_settings_say(db: TestDb) {
    let app = nested(db, "/auth/", "/api/auth/").await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let page = browser.get("/team/auth/login/link/").await;
    assert_eq!(page.status, 200);
    let text = page.text.replace("&#x2f;", "/");
    let (_, sheet) = text.split_once("href=\"/team/auth/static/").unwrap();
    let sheet = sheet.split('"').next().unwrap();
    let sheet = format!("/team/auth/static/{sheet}");
    assert_eq!(browser.get(&sheet).await.status, 200);
    browser
        .fill("/team/auth/login/link/", &[("email", "ann@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    assert!(link.starts_with("/team/auth/login/link/"), "{link}");
    let entered = browser.fill(&link, &[]).await;
    assert_eq!(
        (entered.status.as_u16(), entered.location()),
        (302, "/team/auth/profile/")
    );
    assert_eq!(browser.get("/team/auth/profile/").await.status, 200);
    assert_eq!(
        browser.get("/team/auth/").await.location(),
        "/team/auth/email/"
    );
    assert_eq!(
        browser.get("/team/auth/login").await.location(),
        "/team/auth/login/"
    );
    let out = app.browser().get("/team/auth/email/").await;
    assert_eq!(
        out.location(),
        "/team/auth/login/?next=%2Fteam%2Fauth%2Femail%2F"
    );
    let user = browser.get("/team/api/auth/user/").await;
    assert_eq!(user.status, 200);
    assert!(user.text.contains("\"username\":\"ann\""));
    assert_eq!(browser.get("/team/api/auth/user").await.status, 200);
    assert_eq!(browser.get("/team/api/auth/schema/").await.status, 200);
    assert_eq!(browser.get("/team/api/auth/").await.status, 200);
}

async fn a_nest_elsewhere_is_said_at_once(db: TestDb) {
    let app = nested(db, "/elsewhere/", "/other/").await;
    for path in ["/team/elsewhere/login/", "/team/other/user/"] {
        assert_eq!(app.browser().get(path).await.status, 500, "{path}");
    }
}

async fn a_merge_below_a_nest_is_said_at_once(db: TestDb) {
    let below = |hallpass: &Hallpass| Router::new().nest("/team", hallpass.router());
    let app = TestApp::new(db).await.routed(below);
    assert_eq!(app.browser().get("/team/accounts/login/").await.status, 500);
}
