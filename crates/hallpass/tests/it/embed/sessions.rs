//! The session of an app's own routes: what it keeps, who comes and goes by it, and that there is one of it in a request.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use hallpass::settings::Verification;
use hallpass::{CsrfToken, Permissions, Session};
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{browser_user, open, sign_in, signed_in};

each_database!(
    the_session_keeps_what_an_app_puts_there,
    an_app_signs_in,
    an_app_signs_out,
    one_working_copy_of_the_session_in_a_request,
    permissions_are_those_of_whoever_is_there,
);

async fn the_session_keeps_what_an_app_puts_there(db: TestDb) {
    let app = open(db).await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/cart/").await.text, "");
    assert!(browser.cookies.is_empty());
    let answer = browser.post("/cart/", &[("item", "tea")]).await;
    assert_eq!(
        answer.headers.get_all("set-cookie").iter().count(),
        2,
        "ours beside the app's"
    );
    assert_eq!(browser.cookies["own"], "1");
    let before = browser.cookies["sessionid"].clone();
    browser.post("/cart/", &[("item", "milk")]).await;
    assert_eq!(browser.get("/cart/").await.text, "tea,milk");
    assert_eq!(browser.cookies["sessionid"], before);
    // It lives on through the sign-in, under another key.
    app.user("ann", "ann@example.com").await;
    sign_in(&app, &mut browser, "/accounts/login/link/").await;
    assert_ne!(browser.cookies["sessionid"], before);
    assert_eq!(browser.get("/cart/").await.text, "tea,milk");
    assert_eq!(app.count("django_session").await, 1);
}

async fn an_app_signs_in(db: TestDb) {
    let app = open(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    browser.post("/cart/", &[("item", "tea")]).await;
    let before = browser.cookies["sessionid"].clone();
    assert_eq!(browser.post("/in/", &[]).await.text, "ann");
    assert_ne!(browser.cookies["sessionid"], before, "the key is new");
    assert_eq!(browser.get("/mine/").await.text, "ann");
    assert_eq!(browser.get("/cart/").await.text, "tea");
    let mut thief = app.browser();
    thief.cookies.insert("sessionid".to_owned(), before);
    assert_eq!(thief.get("/mine/").await.status, 401);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let refused = app.browser().post("/in/", &[]).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text.contains("account_inactive"),
        "{}",
        refused.text
    );
}

async fn an_app_signs_out(db: TestDb) {
    let app = open(db).await;
    let mut browser = signed_in(&app).await;
    assert_eq!(browser.post("/out/", &[]).await.text, "out");
    assert_eq!(browser.get("/mine/").await.status, 302);
    assert!(!browser.cookies.contains_key("sessionid"));
    assert_eq!(app.count("django_session").await, 0);
}

/// Around everything, our pages too.
async fn counts(session: Session, token: CsrfToken, request: Request, next: Next) -> Response {
    let seen: u32 = session.get("seen").unwrap_or_default();
    session.set("seen", seen + 1).unwrap();
    assert_eq!(token.as_str().len(), 64);
    next.run(request).await
}

async fn one_working_copy_of_the_session_in_a_request(db: TestDb) {
    for every in [false, true] {
        let app = TestApp::with(db.shared(), |settings| {
            settings.session.save_every_request = every;
            settings.account.email_verification = Verification::None;
        })
        .await
        .routed(|hallpass| {
            Router::new()
                .route(
                    "/seen/",
                    get(async |session: Session| session.get::<u32>("seen").unwrap().to_string()),
                )
                .merge(hallpass.router())
                .layer(from_fn(counts))
                .layer(hallpass.layer())
        });
        let mut browser = app.browser();
        let name = format!("cat{every}");
        let (email, password) = (format!("{name}@example.com"), "correct-horse-9");
        let fields = [
            ("username", name.as_str()),
            ("email", email.as_str()),
            ("password1", password),
            ("password2", password),
        ];
        // The first page that this browser sees has a form that works.
        let signed_up = browser.fill("/accounts/signup/", &fields).await;
        assert_eq!(signed_up.status, 302, "{}", signed_up.text);
        assert_eq!(browser.get("/accounts/profile/").await.status, 200);
        assert_eq!(browser.get("/seen/").await.text, "4");
        // What a page takes out of the session stays out, what it puts in stays in.
        browser
            .fill(
                "/accounts/password/change/",
                &[
                    ("oldpassword", password),
                    ("password1", "another-horse-7"),
                    ("password2", "another-horse-7"),
                ],
            )
            .await;
        let told = browser.get("/accounts/profile/").await;
        assert_eq!(told.status, 200);
        let again = browser.get("/accounts/profile/").await;
        assert!(!again.text.contains("role=\"status\""), "told once");
        browser.fill("/accounts/logout/", &[]).await;
        assert_eq!(browser.get("/accounts/profile/").await.status, 302);
        // A login of the REST interface is not lost behind an empty session.
        let body = format!("{{\"username\":\"{name}\",\"password\":\"another-horse-7\"}}");
        let mut fresh = app.browser();
        let entered = fresh
            .send(
                "POST",
                "/dj-rest-auth/login/",
                Body::from(body),
                Some("application/json"),
            )
            .await;
        assert_eq!(entered.status, 200, "{}", entered.text);
        assert_eq!(fresh.get("/accounts/profile/").await.status, 200);
    }
}

/// Asks what whoever is there may do, then signs somebody else in.
async fn changes_hands(
    may: Permissions,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    assert!(!may.has("reports.view_report"));
    let ann = session.run(async |cx| Ok(hallpass::flows::users::by_username(cx, "ann").await?));
    session
        .sign_in(&ann.await.unwrap().unwrap(), "sso")
        .await
        .unwrap();
    next.run(request).await
}

async fn permissions_are_those_of_whoever_is_there(db: TestDb) {
    let app = TestApp::new(db).await.routed(|hallpass| {
        Router::new()
            .route(
                "/",
                get(async |may: Permissions| {
                    format!(
                        "{} {}",
                        may.user().unwrap().display(),
                        may.has("reports.view_report")
                    )
                }),
            )
            .layer(from_fn(changes_hands))
            .layer(hallpass.layer())
    });
    app.user("ann", "ann@example.com").await;
    app.user("bob", "bob@example.com").await;
    let ann = browser_user(&app).await;
    let access = app.hallpass.access();
    access
        .declare("reports.view_report", "Reports")
        .await
        .unwrap();
    access.grant(&ann, "reports.view_report").await.unwrap();
    let bob = app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let cookie = app.hallpass.sign_in(&bob, "sso").await.unwrap();
    let mut browser = app.browser();
    browser
        .cookies
        .insert(cookie.name().to_owned(), cookie.value().to_owned());
    assert_eq!(browser.get("/").await.text, "ann true");
}
