//! Signing in by a magic link.

use axum::body::Body;
use hallpass_testkit::{TestDb, each_database};

use super::{ann, app, link};

each_database!(
    a_link_signs_in_and_leads_on,
    what_is_no_link_signs_nobody_in,
    one_time_means_once_here_too,
    the_page_of_the_router_is_there_if_it_is_wanted,
);

async fn a_link_signs_in_and_leads_on(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    for (next, to) in [
        ("/enter/", "/mine/"),
        ("/enter/?next=/secret/%3Fa=1", "/secret/?a=1"),
        ("/enter/?next=https://evil.example/", "/mine/"),
        ("/enter/?next=//evil.example/", "/mine/"),
    ] {
        let mut browser = app.browser();
        let answer = browser.get(&link(&app, &user, "", next).await).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (302, to));
        assert_eq!(browser.get("/mine/").await.text, "ann");
    }
}

async fn what_is_no_link_signs_nobody_in(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let scoped = link(&app, &user, "report:7", "/enter/").await;
    for path in ["/enter/", "/enter/?sesame=", "/enter/?sesame=AAAA", &scoped] {
        let mut browser = app.browser();
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text.contains("This link does not work"));
        assert_eq!(answer.header("referrer-policy"), "strict-origin");
        assert!(!browser.cookies.contains_key("sessionid"));
    }
    let good = link(&app, &user, "", "/enter/").await;
    let mut browser = app.browser();
    // Looking signs nobody in, and without a button there is nothing to post.
    let looked = browser.send("HEAD", &good, Body::empty(), None).await;
    assert_eq!(looked.status, 200);
    assert!(!browser.cookies.contains_key("sessionid"));
    assert_eq!(app.browser().post(&good, &[]).await.status, 403);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    assert_eq!(app.browser().get(&good).await.status, 403);
}

async fn one_time_means_once_here_too(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/enter/").await;
    let mut tries = Vec::new();
    for _ in 0..50 {
        let (mut browser, path) = (app.browser(), path.clone());
        tries.push(tokio::spawn(async move { browser.get(&path).await.status }));
    }
    let mut entered = 0;
    for one in tries {
        let status = one.await.unwrap();
        assert!(status == 302 || status == 403, "{status}");
        entered += usize::from(status == 302);
    }
    assert_eq!(entered, 1);
    assert_eq!(app.count("usersessions_usersession").await, 1);
}

async fn the_page_of_the_router_is_there_if_it_is_wanted(db: TestDb) {
    let without = app(db.shared(), |_| {}).await;
    let user = ann(&without).await;
    let path = link(&without, &user, "", "/accounts/login/magic/").await;
    assert_eq!(without.browser().get(&path).await.status, 404);
    let with = app(db, |settings| settings.hallpass.magic_link_login = true).await;
    assert_eq!(with.browser().get(&path).await.location(), "/mine/");
}
