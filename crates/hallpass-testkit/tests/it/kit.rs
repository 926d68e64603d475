//! The kit as an app's tests use it.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hallpass::{CsrfToken, CurrentUser, Fresh, Hallpass, Permissions, hooks, staff_required};
use hallpass_testkit::{TestApp, TestDb, code_in, each_database, link_in};
use serde_json::json;

each_database!(
    people_are_signed_in_in_one_line,
    time_is_the_tests_own,
    programs_bring_keys_and_tokens,
);

fn shop(hallpass: &Hallpass) -> Router {
    let office = Router::new()
        .route("/office/", get(async || "office"))
        .layer(staff_required());
    Router::new()
        .route(
            "/mine/",
            get(async |user: CurrentUser| user.display())
                .post(async |user: CurrentUser, body: String| format!("{body} of {}", user.email)),
        )
        .route("/fresh/", get(async |user: Fresh| user.display()))
        .route("/form/", get(async |token: CsrfToken| token.field()))
        .route(
            "/report/",
            get(async |may: Permissions| may.require("shop.view_report").map(|()| "report")),
        )
        .merge(office)
        .merge(hallpass.router())
        .layer(hallpass.layer())
}

async fn people_are_signed_in_in_one_line(db: TestDb) {
    let app = TestApp::setup().database(db).around(shop).await;
    let mut stranger = app.visitor();
    let page = stranger.open("/mine/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<h1>Sign in"), "{}", page.text);
    let mut ann = app.sign_in("ann@example.com").await;
    assert_eq!(ann.get("/mine/").await.status, 200);
    assert_eq!(ann.get("/fresh/").await.status, 200);
    assert_eq!(ann.get("/office/").await.status, 403);
    assert_eq!(ann.get("/report/").await.status, 403);
    let mut again = app.sign_in("ann@example.com").await;
    assert_eq!(again.get("/mine/").await.status, 200);
    assert_eq!(app.count("auth_user").await, 1, "made once");
    let mut boss = app.sign_in_staff("boss").await;
    assert_eq!(boss.get("/office/").await.text, "office");
    let mut bob = app.sign_in_with("bob", &["shop.view_report"]).await;
    assert_eq!(bob.get("/report/").await.text, "report");
    app.no_other_letter_was_sent().await;
}

async fn time_is_the_tests_own(db: TestDb) {
    let app = TestApp::setup()
        .database(db)
        .settings(|settings| settings.account.login_by_code_enabled = true)
        .around(shop)
        .await;
    app.person("ann@example.com").await;
    let mut browser = app.visitor();
    let path = "/accounts/login/link/?next=/mine/";
    browser.fill(path, &[("email", "ann@example.com")]).await;
    let link = link_in(&app.letter().await.text);
    app.clock().advance(Duration::from_secs(4 * 86_400));
    assert_eq!(browser.get(&link).await.status, 403);
    browser.fill(path, &[("email", "ann@example.com")]).await;
    let link = link_in(&app.letter().await.text);
    let entered = browser.fill(&link, &[]).await;
    assert_eq!(browser.follow(entered).await.text, "ann");
    app.clock().advance(Duration::from_secs(15 * 86_400));
    assert_eq!(
        browser.get("/mine/").await.status,
        302,
        "the session is over"
    );
    let asked = browser
        .fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    let code = code_in(&app.letter().await.text);
    let entered = browser.fill(asked.location(), &[("code", &code)]).await;
    assert_eq!(entered.status, 302, "{}", entered.text);
    assert_eq!(browser.get("/mine/").await.status, 200);
}

async fn programs_bring_keys_and_tokens(db: TestDb) {
    for jwt in [false, true] {
        let app = TestApp::setup()
            .database(db.shared())
            .settings(move |settings| settings.rest_auth.use_jwt = jwt)
            .around(shop)
            .await;
        let mut ann = app.program("ann").await;
        let reply = ann.get("/dj-rest-auth/user/").await;
        assert_eq!(reply.json["email"], "ann@example.com", "{}", reply.text);
        let changed = ann
            .patch("/dj-rest-auth/user/", &json!({"first_name": "Ann"}))
            .await;
        assert_eq!(changed.json["first_name"], "Ann");
        assert_eq!(
            ann.post("/mine/", &json!([1])).await.text,
            "[1] of ann@example.com"
        );
        let refused = app.stranger().get("/mine/").await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.json["code"], "login_required");
        app.clock().advance(Duration::from_secs(86_400));
        let status = if jwt { 401 } else { 200 };
        assert_eq!(
            ann.get("/mine/").await.status,
            status,
            "tokens end, keys do not"
        );
    }
}

struct Closed;

#[hallpass::async_trait]
impl hooks::Signup for Closed {
    async fn is_open(&self, _: &mut hallpass::Cx) -> Result<bool, hallpass::Error> {
        Ok(false)
    }
}

#[tokio::test]
async fn hooks_are_put_in_and_a_database_is_made() {
    let app = TestApp::setup()
        .builder(|builder| builder.on_signup(std::sync::Arc::new(Closed)))
        .around(shop)
        .await;
    assert_eq!(app.visitor().get("/accounts/signup/").await.status, 403);
    app.clock().stop();
    let now = app.hallpass.now();
    assert_eq!(app.hallpass.now(), now);
}
