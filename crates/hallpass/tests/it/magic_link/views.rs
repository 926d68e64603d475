//! Single pages, opened for one request.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use hallpass::magic_link;
use hallpass_testkit::app::rates;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{ann, app, link, who};

each_database!(
    a_link_opens_its_page_for_one_request,
    a_link_is_no_sign_in,
    a_scope_is_filled_from_the_path,
    nobody_needs_a_link_where_none_is_required,
    who_is_signed_in_may_count_more,
    a_link_may_sign_in_for_good,
    looking_with_head_spends_nothing,
    a_page_that_opens_once_opens_once,
    the_last_token_of_a_url_counts,
    a_page_may_take_young_links_alone,
    who_tries_too_much_is_told_to_wait,
    a_missing_layer_is_said,
);

async fn a_link_opens_its_page_for_one_request(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/secret/").await;
    let mut browser = app.browser();
    let before = app.hallpass.db().statements();
    for method in ["GET", "POST", "GET"] {
        let answer = browser.send(method, &path, Body::empty(), None).await;
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(answer.text, "ann by link");
        assert_eq!(answer.header("referrer-policy"), "strict-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let after = app.hallpass.db().statements();
    assert_eq!(after.reads - before.reads, 3);
    assert_eq!(after.writes, before.writes);
    assert!(browser.cookies.is_empty());
    assert_eq!(app.count("django_session").await, 0);
    // Without it there is nothing left.
    for path in ["/secret/", "/secret/?sesame=", "/secret/?sesame=AAAA"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin");
    }
    browser
        .headers
        .insert("accept", "text/html,*/*;q=0.8".to_owned());
    let page = browser.get("/secret/?sesame=AAAA").await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("<html"), "{}", page.text);
    assert!(browser.cookies.is_empty());
}

async fn a_link_is_no_sign_in(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let token = link(&app, &user, "", "/").await;
    let query = token.strip_prefix('/').unwrap();
    let mut browser = app.browser();
    let both = browser.get(&format!("/both/{query}")).await;
    assert_eq!(both.text, "link ann, session nobody");
    assert_eq!(browser.get(&format!("/mine/{query}")).await.status, 401);
    assert_eq!(
        browser
            .get(&format!("/accounts/profile/{query}"))
            .await
            .status,
        302
    );
}

async fn a_scope_is_filled_from_the_path(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let mut browser = app.browser();
    for (scope, path, status) in [
        ("report:7", "/reports/7/", 200),
        ("report:7", "/reports/8/", 403),
        ("report:a b", "/reports/a%20b/", 200),
        ("report:é", "/reports/%C3%A9/", 200),
        ("report:{id}", "/reports/7/", 403),
        ("report:{id}", "/reports/%7Bid%7D/", 200),
        ("", "/reports/7/", 403),
        ("report:7", "/secret/", 403),
        // The developer's mistake.
        ("report:7", "/typo/", 500),
    ] {
        let path = link(&app, &user, scope, path).await;
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, status, "{scope} at {path}");
    }
}

async fn nobody_needs_a_link_where_none_is_required(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/maybe/").await.text, "nobody");
    assert_eq!(browser.get("/maybe/?sesame=AAAA").await.text, "nobody");
    let path = link(&app, &user, "", "/maybe/").await;
    assert_eq!(browser.get(&path).await.text, "ann by link");
}

async fn who_is_signed_in_may_count_more(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let bob = app.user("bob", "bob@example.com").await;
    let bob = app.look_up(bob).await;
    let mut browser = app.browser();
    let path = link(&app, &bob, "", "/enter/").await;
    assert_eq!(browser.get(&path).await.location(), "/mine/");
    let secret = link(&app, &user, "", "/secret/").await;
    assert_eq!(browser.get(&secret).await.text, "ann by link");
    let polite = link(&app, &user, "", "/polite/").await;
    assert_eq!(browser.get(&polite).await.text, "bob by session");
    assert_eq!(browser.get("/polite/").await.text, "bob by session");
    // Being signed in is no link.
    assert_eq!(browser.get("/secret/").await.status, 403);
    assert_eq!(app.browser().get(&polite).await.text, "ann by link");
    assert_eq!(app.browser().get("/polite/").await.status, 403);
    let both = link(&app, &user, "", "/both/").await;
    assert_eq!(browser.get(&both).await.text, "link ann, session bob");
}

async fn a_link_may_sign_in_for_good(db: TestDb) {
    let app = app(db.shared(), |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/for-good/").await;
    let mut browser = app.browser();
    assert_eq!(browser.get(&path).await.text, "ann by link");
    assert!(browser.cookies.contains_key("sessionid"));
    assert_eq!(browser.get("/mine/").await.text, "ann");
    assert_eq!(app.count("usersessions_usersession").await, 1);
    assert_eq!(
        app.browser().get("/for-good/?sesame=AAAA").await.status,
        403
    );
    // Looking signs nobody in.
    let mut looking = app.browser();
    let answer = looking.send("HEAD", &path, Body::empty(), None).await;
    assert_eq!(answer.status, 200);
    assert!(looking.cookies.is_empty());
    // A stage that everybody has to pass is not passed over.
    let strict = super::app(db, |settings| {
        settings.account.email_verification = hallpass::settings::Verification::Mandatory;
    })
    .await;
    let mut waiting = strict.browser();
    let answer = waiting.get(&path).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.location(), "/accounts/confirm-email/");
    assert_eq!(waiting.get("/mine/").await.status, 401);
}

async fn looking_with_head_spends_nothing(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/secret/").await;
    for _ in 0..3 {
        let answer = app.browser().send("HEAD", &path, Body::empty(), None).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(app.browser().get(&path).await.status, 200);
    assert_eq!(app.browser().get(&path).await.status, 403);
    let answer = app.browser().send("HEAD", &path, Body::empty(), None).await;
    assert_eq!(answer.status, 403);
}

async fn a_page_that_opens_once_opens_once(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/once/").await;
    let mut tries = Vec::new();
    for _ in 0..50 {
        let (mut browser, path) = (app.browser(), path.clone());
        tries.push(tokio::spawn(async move { browser.get(&path).await.status }));
    }
    let mut opened = 0;
    for one in tries {
        let status = one.await.unwrap();
        assert!(status == 200 || status == 403, "{status}");
        opened += usize::from(status == 200);
    }
    assert_eq!(opened, 1);
}

async fn the_last_token_of_a_url_counts(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/secret/").await;
    let (page, token) = path.split_once("?sesame=").unwrap();
    for (query, status) in [
        (format!("sesame=x&sesame={token}"), 200),
        (format!("sesame={token}&sesame=x"), 403),
        (format!("%73esame={token}&a=1"), 200),
        (format!("sesame={token}%00"), 403),
        (format!("sesame={}", "A".repeat(9_000)), 403),
        ("sesame=%ff%fe".to_owned(), 403),
        (format!("Sesame={token}"), 403),
    ] {
        let answer = app.browser().get(&format!("{page}?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    // It is the URL's, and no form's.
    let posted = app.browser().post("/secret/", &[("sesame", token)]).await;
    assert_eq!(posted.status, 403);
}

async fn a_page_may_take_young_links_alone(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let token = |age: u64| {
        let left = std::time::Duration::from_secs(600 - age);
        app.hallpass.magic_link(&user).max_age(left).token()
    };
    let (young, old) = (token(50).await.unwrap(), token(61).await.unwrap());
    for (path, token, status) in [
        ("/short/", &young, 200),
        ("/short/", &old, 403),
        ("/secret/", &old, 200),
    ] {
        let answer = app.browser().get(&format!("{path}?sesame={token}")).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

async fn who_tries_too_much_is_told_to_wait(db: TestDb) {
    let app = app(db, |settings| {
        settings.account.rate_limits = rates(r#"{"magic_link_failed": "2/m/ip"}"#);
    })
    .await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/secret/").await;
    let wrong = format!("{}AAAA", &path[..path.len() - 4]);
    let mut browser = app.browser();
    for status in [403, 403, 429, 429] {
        assert_eq!(browser.get(&wrong).await.status, status);
    }
    let waits = browser.get(&path).await;
    assert_eq!(waits.status, 429);
    assert!(waits.header("retry-after").parse::<u64>().unwrap() > 0);
    // Somebody else is not kept waiting.
    browser.peer = ([192, 0, 2, 11], 40_000).into();
    assert_eq!(browser.get(&path).await.status, 200);
}

async fn a_missing_layer_is_said(db: TestDb) {
    let app = app(db.shared(), |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/bare/").await;
    assert_eq!(app.browser().get(&path).await.status, 500);
    let bare = TestApp::new(db).await.routed(|_| {
        Router::new()
            .route("/secret/", get(who))
            .layer(magic_link())
    });
    let path = link(&app, &user, "", "/secret/").await;
    assert_eq!(bare.browser().get(&path).await.status, 500);
}
