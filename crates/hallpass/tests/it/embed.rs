//! An app's own routes: who may enter, how the others are told, what a session keeps.

mod keys;
mod nested;
mod sessions;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::routing::{get, post};
use axum::{Form, Router};
use hallpass::settings::Settings;
use hallpass::{
    CsrfToken, CurrentUser, Fresh, Hallpass, MaybeUser, Permissions, Refusal, Rejection, Session,
    Verified, csrf_protected, login_required, permission_required, staff_required,
};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};
use serde::Deserialize;

each_database!(
    a_protected_page_leads_to_the_door_and_back,
    programs_are_told_in_json,
    a_check_is_one_statement_however_many_ask,
    a_page_that_asks_nothing_costs_nothing,
    a_borrowed_browser_must_prove_anew,
    an_unproved_address_is_led_to_its_page,
    gates_stand_before_whole_routers,
    permissions_are_djangos,
    what_another_site_sends_is_refused,
    forms_have_djangos_token,
    a_handler_can_take_the_rejection_itself,
    the_state_is_the_apps_own,
    a_database_that_is_gone_is_a_503,
    a_forged_host_is_turned_away,
);

#[derive(Clone)]
struct Shop {
    name: &'static str,
}

#[derive(Deserialize)]
struct Item {
    item: String,
}

fn shop(hallpass: &Hallpass) -> Router {
    let members = Router::new()
        .route("/members/", get(async || "members"))
        .layer(login_required());
    let staff = Router::new()
        .route("/staff/", get(async || "staff"))
        .route("/staff/do/", post(async || "done"))
        .layer(staff_required());
    let reports = Router::new()
        .route("/reports/", get(async || "reports"))
        .layer(permission_required("reports.view_report"));
    let forms = Router::new()
        .route(
            "/form/",
            get(async |token: CsrfToken| token.field()).post(order),
        )
        .layer(csrf_protected());
    Router::new()
        .route(
            "/",
            get(
                async |State(shop): State<Shop>, MaybeUser(user): MaybeUser| {
                    let who = user.map_or("nobody".to_owned(), |user| user.display());
                    format!("{}: {who}", shop.name)
                },
            ),
        )
        .route("/free/", get(async || "free"))
        .route(
            "/mine/",
            get(async |user: CurrentUser| user.display())
                .post(async |user: CurrentUser| user.display()),
        )
        .route(
            "/thrice/",
            get(
                async |a: CurrentUser, MaybeUser(b): MaybeUser, session: Session| {
                    assert_eq!(a.id, b.unwrap().id);
                    session.user().unwrap().username
                },
            ),
        )
        .route("/fresh/", get(async |user: Fresh| user.display()))
        .route("/verified/", get(async |user: Verified| user.display()))
        .route("/cart/", get(show).post(put))
        .route(
            "/out/",
            post(async |session: Session| {
                session.sign_out().await.unwrap();
                "out"
            }),
        )
        .route(
            "/slow/",
            get(async |session: Session| -> Result<&str, Rejection> {
                session.set("_mine", 1)?;
                Ok("set")
            }),
        )
        .route(
            "/refused/",
            get(async || -> Result<&str, Rejection> {
                Err(Refusal::RateLimited { retry_after: 7 }.into())
            }),
        )
        .route(
            "/in/",
            post(
                async |session: Session,
                       State(_): State<Shop>,
                       user: Option<CurrentUser>|
                       -> Result<String, Rejection> {
                    assert!(user.is_none());
                    let ann = session
                        .run(async |cx| Ok(hallpass::flows::users::by_username(cx, "ann").await?));
                    let ann = ann.await?.unwrap();
                    session.sign_in(&ann, "sso").await?;
                    Ok(session.user().map(|user| user.username).unwrap_or_default())
                },
            ),
        )
        .route(
            "/own/",
            get(async |user: Result<CurrentUser, Rejection>| match user {
                Ok(user) => user.display(),
                Err(rejection) => format!("{} {}", rejection.status().as_u16(), rejection.code()),
            }),
        )
        .route(
            "/publish/",
            get(async |may: Permissions| {
                may.require("reports.publish_report").map(|()| "published")
            }),
        )
        .merge(members)
        .merge(reports)
        .merge(staff)
        .merge(forms)
        .merge(hallpass.router())
        .layer(hallpass.layer())
        .with_state(Shop { name: "Shop" })
}

async fn order(user: CurrentUser, Form(item): Form<Item>) -> String {
    format!("{} for {}", item.item, user.display())
}

async fn show(session: Session) -> String {
    let cart: Vec<String> = session.get("cart").unwrap_or_default();
    cart.join(",")
}

async fn put(session: Session, Form(item): Form<Item>) -> Result<HeaderMap, String> {
    let mut cart: Vec<String> = session.get("cart").unwrap_or_default();
    cart.push(item.item);
    session
        .set("cart", &cart)
        .map_err(|error| error.to_string())?;
    assert!(session.set("_auth_user_id", "1").is_err());
    assert!(session.remove("account_authentication_methods").is_err());
    let mut headers = HeaderMap::new();
    headers.insert(
        header::SET_COOKIE,
        HeaderValue::from_static("own=1; Path=/"),
    );
    Ok(headers)
}

async fn open(db: TestDb) -> TestApp {
    with(db, |_| {}).await
}

async fn with(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::with(db, change).await.routed(shop)
}

/// As a browser that wants a page.
fn person(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    browser.headers.insert(
        "accept",
        "text/html,application/xhtml+xml,*/*;q=0.8".to_owned(),
    );
    browser
}

async fn signed_in(app: &TestApp) -> Browser {
    app.user("ann", "ann@example.com").await;
    let mut browser = person(app);
    sign_in(app, &mut browser, "/accounts/login/link/").await;
    browser
}

async fn sign_in(app: &TestApp, browser: &mut Browser, from: &str) -> Answer {
    browser.fill(from, &[("email", "ann@example.com")]).await;
    let link = link_in(&app.letter().await.text);
    browser.fill(&link, &[]).await
}

async fn a_protected_page_leads_to_the_door_and_back(db: TestDb) {
    let app = open(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = person(&app);
    for path in ["/mine/?a=1&b=%2F", "/members/", "/fresh/", "/verified/"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 302, "{path}");
        let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(answer.location(), format!("/accounts/login/?next={next}"));
        assert!(
            browser.cookies.is_empty(),
            "nobody gets a session for asking"
        );
    }
    let entered = sign_in(
        &app,
        &mut browser,
        "/accounts/login/link/?next=%2Fmine%2F%3Fa%3D1",
    )
    .await;
    assert_eq!(entered.location(), "/mine/?a=1");
    let mine = browser.get("/mine/?a=1").await;
    assert_eq!((mine.status.as_u16(), mine.text.as_str()), (200, "ann"));
    assert_eq!(mine.header("vary"), "Cookie");
    assert_eq!(mine.header("cache-control"), "private");
    assert_eq!(browser.get("/").await.text, "Shop: ann");
    assert_eq!(browser.get("/members/").await.text, "members");
    // What was posted cannot be asked for again by going back.
    let answer = person(&app).post("/mine/", &[]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location(), "/accounts/login/");
    app.no_other_letter_was_sent().await;
}

async fn programs_are_told_in_json(db: TestDb) {
    let app = open(db).await;
    let mut program = app.browser();
    for path in ["/mine/", "/members/", "/fresh/", "/staff/"] {
        let answer = program.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        let said: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(said["code"], "login_required");
        assert_eq!(
            said["detail"],
            "Authentication credentials were not provided."
        );
        assert_eq!(answer.header("www-authenticate"), "Token");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let mut script = person(&app);
    script
        .headers
        .insert("x-requested-with", "XMLHttpRequest".to_owned());
    assert_eq!(script.get("/mine/").await.status, 401);
    assert_eq!(program.get("/own/").await.text, "401 login_required");
}

async fn a_check_is_one_statement_however_many_ask(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    for path in ["/mine/", "/thrice/", "/members/", "/"] {
        let before = app.db.db.statements();
        assert_eq!(browser.get(path).await.status, 200, "{path}");
        let after = app.db.db.statements();
        assert_eq!(
            (after.reads - before.reads, after.writes - before.writes),
            (1, 0),
            "{path}"
        );
    }
}

async fn a_page_that_asks_nothing_costs_nothing(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    let before = app.db.db.statements();
    let answer = browser.get("/free/").await;
    assert_eq!(answer.text, "free");
    assert_eq!(
        (answer.header("vary"), answer.header("cache-control")),
        ("", "")
    );
    assert_eq!(app.db.db.statements(), before);
}

async fn a_borrowed_browser_must_prove_anew(db: TestDb) {
    let app = with(db, |settings| settings.account.reauthentication_timeout = 0).await;
    let mut browser = signed_in(&app).await;
    let answer = browser.get("/fresh/").await;
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.location(),
        "/accounts/reauthenticate/?next=%2Ffresh%2F"
    );
    browser.headers.remove("accept");
    let answer = browser.get("/fresh/").await;
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("reauthentication_required"));
    assert_eq!(browser.get("/mine/").await.status, 200);
}

async fn an_unproved_address_is_led_to_its_page(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    app.sql("UPDATE account_emailaddress SET verified = FALSE")
        .await;
    let answer = browser.get("/verified/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (302, "/accounts/email/?next=%2Fverified%2F")
    );
    browser.headers.remove("accept");
    let answer = browser.get("/verified/").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("email_not_verified"));
    app.sql("DELETE FROM account_emailaddress").await;
    app.sql("INSERT INTO account_emailaddress (email, verified, \"primary\", user_id) SELECT email, TRUE, TRUE, id FROM auth_user").await;
    assert_eq!(browser.get("/verified/").await.text, "ann");
}

async fn gates_stand_before_whole_routers(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    let answer = browser.get("/staff/").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("<html"), "a page of ours");
    assert!(
        answer
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    app.sql("UPDATE auth_user SET is_staff = TRUE").await;
    assert_eq!(browser.get("/staff/").await.text, "staff");
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    assert_eq!(browser.get("/staff/").await.status, 302);
}

async fn permissions_are_djangos(db: TestDb) {
    let app = open(db).await;
    let mut browser = person(&app);
    for path in ["/reports/", "/publish/"] {
        assert_eq!(browser.get(path).await.status, 302, "{path}");
    }
    let mut browser = signed_in(&app).await;
    for path in ["/reports/", "/publish/"] {
        assert_eq!(browser.get(path).await.status, 403, "{path}");
    }
    let ann = browser_user(&app).await;
    let access = app.hallpass.access();
    for name in ["reports.view_report", "reports.publish_report"] {
        access.declare(name, "Reports").await.unwrap();
        access.grant(&ann, name).await.unwrap();
    }
    assert_eq!(browser.get("/reports/").await.text, "reports");
    let before = app.db.db.statements();
    assert_eq!(browser.get("/publish/").await.text, "published");
    assert_eq!(app.db.db.statements().reads - before.reads, 2);
    access.revoke(&ann, "reports.view_report").await.unwrap();
    assert_eq!(browser.get("/reports/").await.status, 403);
    app.sql("UPDATE auth_user SET is_superuser = TRUE").await;
    assert_eq!(browser.get("/reports/").await.status, 200);
}

async fn browser_user(app: &TestApp) -> hallpass::domain::User {
    let found = app.hallpass.users().by_username("ann").await;
    found.unwrap().unwrap()
}

async fn what_another_site_sends_is_refused(db: TestDb) {
    let app = with(db, |settings| {
        settings.csrf.trusted_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let mut browser = signed_in(&app).await;
    for (headers, status) in [
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("origin", "http://localhost")], 200),
        (vec![("sec-fetch-site", "same-origin")], 200),
        (
            vec![
                ("origin", "https://app.example.com"),
                ("sec-fetch-site", "cross-site"),
            ],
            200,
        ),
        (vec![], 200),
    ] {
        let mut again = browser.clone();
        for (name, value) in &headers {
            again.headers.insert(*name, (*value).to_owned());
        }
        for path in ["/mine/", "/cart/"] {
            let answer = again.post(path, &[("item", "tea")]).await;
            assert_eq!(answer.status, status, "{path} {headers:?}");
        }
        assert_eq!(
            again.get("/mine/").await.status,
            200,
            "reading is free: {headers:?}"
        );
    }
    // The cookie stays at home with what another site posts: what comes of it must not take the place of ours.
    let mut bare = app.browser();
    bare.headers
        .insert("origin", "https://evil.example".to_owned());
    for path in ["/cart/", "/in/"] {
        let answer = bare.post(path, &[("item", "tea")]).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(bare.cookies.is_empty());
    }
    // A page of any site may open a socket.
    let mut socket = browser.clone();
    socket
        .headers
        .insert("origin", "https://evil.example".to_owned());
    assert_eq!(socket.get("/mine/").await.status, 200);
    socket.headers.insert("upgrade", "websocket".to_owned());
    assert_eq!(socket.get("/mine/").await.status, 403);
    browser
        .headers
        .insert("origin", "https://evil.example".to_owned());
    assert_eq!(browser.post("/out/", &[]).await.status, 403);
    browser.headers.remove("origin");
    assert_eq!(browser.get("/mine/").await.status, 200);
}

async fn forms_have_djangos_token(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    let answer = browser.post("/form/", &[("item", "tea")]).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("<html"));
    let answer = browser.fill("/form/", &[("item", "tea")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, "tea for ann")
    );
    let wrong = "x".repeat(64);
    let fields = [("item", "tea"), ("csrfmiddlewaretoken", wrong.as_str())];
    assert_eq!(browser.post("/form/", &fields).await.status, 403);
    let page = browser.get("/form/").await;
    let token = page.csrf_token().unwrap().to_owned();
    browser.headers.insert("x-csrftoken", token);
    assert_eq!(browser.post("/form/", &[("item", "tea")]).await.status, 200);
    let mut stranger = person(&app);
    assert_eq!(stranger.fill("/form/", &[("item", "x")]).await.status, 303);
    let large = "x".repeat(3_000_000);
    assert_eq!(
        browser.post("/form/", &[("item", &large)]).await.status,
        413
    );
}

async fn a_handler_can_take_the_rejection_itself(db: TestDb) {
    let app = open(db).await;
    assert_eq!(app.browser().get("/own/").await.text, "401 login_required");
    let failed = app.browser().get("/slow/").await;
    assert_eq!(failed.status, 500);
    assert!(!failed.text.contains("_mine"), "the cause is for the log");
    let refused = app.browser().get("/refused/").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "7")
    );
    assert!(refused.text.contains("rate_limited"));
    assert_eq!(signed_in(&app).await.get("/own/").await.text, "ann");
}

async fn the_state_is_the_apps_own(db: TestDb) {
    let app = open(db).await;
    assert_eq!(app.browser().get("/").await.text, "Shop: nobody");
    let bare = TestApp::new(app.db.shared())
        .await
        .routed(|_| Router::new().route("/", get(async |user: CurrentUser| user.display())));
    let answer = bare.browser().get("/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (500, "A server error occurred.\n")
    );
}

async fn a_database_that_is_gone_is_a_503(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    app.sql("ALTER TABLE django_session RENAME TO gone").await;
    let answer = browser.get("/mine/").await;
    assert!(answer.status.is_server_error());
    assert!(!answer.text.contains("django_session"));
    assert!(
        browser.cookies.contains_key("sessionid"),
        "what is broken signs nobody out"
    );
    app.sql("ALTER TABLE gone RENAME TO django_session").await;
    assert_eq!(browser.get("/mine/").await.status, 200);
}

async fn a_forged_host_is_turned_away(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    browser.headers.insert("host", "evil.example".to_owned());
    assert_eq!(browser.get("/mine/").await.status, 400);
    assert_eq!(browser.get("/free/").await.status, 200);
}
