//! The link: good once, for a while, as long as nothing that it was made from has changed.

use std::sync::atomic::{AtomicI64, Ordering};

use hallpass::domain::Timestamp;
use hallpass::settings::Secret;
use hallpass::store::Dialect;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{ASK, ask};

each_database!(
    a_link_works_once,
    fifty_buttons_pressed_at_once_sign_one_in,
    two_links_of_one_user_sign_one_in,
    looking_at_a_link_spends_nothing,
    a_link_dies_with_what_it_was_made_from,
    a_link_expires,
    a_link_of_a_retired_secret_still_works,
    a_forged_link_is_refused,
);

async fn a_link_works_once(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let link = ask(&app, &mut browser, "ann@example.com").await;
    assert_eq!(browser.fill(&link, &[]).await.status, 302);
    for mut browser in [browser, app.browser()] {
        let again = browser.get(&link).await;
        assert_eq!(again.status, 403);
        assert!(
            again
                .text
                .contains("/accounts/login/link/".replace('/', "&#x2f;").as_str()),
            "a way to a new one"
        );
        let spent = browser.fill(&link, &[]).await;
        assert_eq!(spent.status, 403);
        assert!(
            !spent.text.contains("has expired"),
            "refused for the link, not for the form: {}",
            spent.text
        );
    }
    assert_eq!(app.count("usersessions_usersession").await, 1);
}

async fn press_at_once(app: &TestApp, links: &[String]) -> usize {
    let mut ready = Vec::new();
    for link in links {
        let mut browser = app.browser();
        let token = browser.get(link).await.csrf_token().unwrap().to_owned();
        ready.push((browser, token, link.clone()));
    }
    let mut presses = Vec::new();
    for (mut browser, token, link) in ready {
        presses.push(tokio::spawn(async move {
            let answer = browser
                .post(&link, &[("csrfmiddlewaretoken", &token)])
                .await;
            assert!(
                answer.status == 302 || answer.text.contains("login&#x2f;link&#x2f;"),
                "{answer:?}"
            );
            answer.status == 302
        }));
    }
    let mut signed_in = 0;
    for press in presses {
        signed_in += usize::from(press.await.unwrap());
    }
    signed_in
}

async fn fifty_buttons_pressed_at_once_sign_one_in(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    assert_eq!(press_at_once(&app, &vec![link; 50]).await, 1);
    assert_eq!(app.count("usersessions_usersession").await, 1);
}

async fn two_links_of_one_user_sign_one_in(db: TestDb) {
    static SECONDS: AtomicI64 = AtomicI64::new(1_800_000_000);
    fn clock() -> Timestamp {
        Timestamp::from_seconds(SECONDS.load(Ordering::Relaxed))
    }
    let app = TestApp::at(db, clock, |_| {}).await;
    app.user("ann", "ann@example.com").await;
    let first = ask(&app, &mut app.browser(), "ann@example.com").await;
    SECONDS.fetch_add(1, Ordering::Relaxed);
    let second = ask(&app, &mut app.browser(), "ann@example.com").await;
    assert_ne!(first, second);
    let links: Vec<_> = [first, second].into_iter().cycle().take(20).collect();
    assert_eq!(press_at_once(&app, &links).await, 1);
}

async fn looking_at_a_link_spends_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    for _ in 0..20 {
        assert_eq!(app.browser().get(&link).await.status, 200);
        assert_eq!(
            app.browser()
                .send("HEAD", &link, axum::body::Body::empty(), None)
                .await
                .status,
            200
        );
    }
    // A mail program that lost the slash at the end.
    let bare = app.browser().get(&link.replacen("/?", "?", 1)).await;
    assert_eq!(
        (bare.status.as_u16(), bare.location()),
        (301, link.as_str())
    );
    assert_eq!(app.browser().fill(&link, &[]).await.status, 302);
}

async fn a_link_dies_with_what_it_was_made_from(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    for change in [
        "UPDATE auth_user SET password = '!other'",
        "UPDATE auth_user SET email = 'new@example.com'",
        "UPDATE auth_user SET last_login = date_joined",
        "DELETE FROM auth_user",
    ] {
        let link = ask(&app, &mut app.browser(), app_email(&app).await.as_str()).await;
        assert_eq!(app.browser().get(&link).await.status, 200);
        app.sql(change).await;
        assert_eq!(app.browser().get(&link).await.status, 403, "{change}");
        assert_eq!(app.browser().fill(&link, &[]).await.status, 403, "{change}");
    }
}

async fn app_email(app: &TestApp) -> String {
    let row = app
        .db
        .db
        .conn()
        .query_opt("SELECT email FROM auth_user", &[])
        .await
        .unwrap();
    row.unwrap().get(0).unwrap()
}

async fn a_link_expires(db: TestDb) {
    // A clock for each database: the two run side by side.
    static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];
    fn clock<const N: usize>() -> Timestamp {
        Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
    }
    let (seconds, clock): (_, fn() -> Timestamp) = match db.db.dialect() {
        Dialect::Sqlite => (&SECONDS[0], clock::<0>),
        Dialect::Postgres => (&SECONDS[1], clock::<1>),
    };
    let app = TestApp::at(db, clock, |settings| {
        settings.general.password_reset_timeout = 600
    })
    .await;
    app.user("ann", "ann@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    seconds.store(1_800_000_600, Ordering::Relaxed);
    assert_eq!(app.browser().get(&link).await.status, 200, "to the second");
    seconds.store(1_800_000_601, Ordering::Relaxed);
    assert_eq!(app.browser().get(&link).await.status, 403);
    // Nor is a letter delivered that could only disappoint.
    assert_eq!(
        app.browser()
            .fill(ASK, &[("email", "ann@example.com")])
            .await
            .status,
        302
    );
    seconds.store(1_800_002_000, Ordering::Relaxed);
    app.no_other_letter_was_sent().await;
    assert_eq!(
        app.count("hallpass_outbox WHERE dead_at IS NOT NULL").await,
        1
    );
}

async fn a_link_of_a_retired_secret_still_works(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    let old = Secret::new(hallpass_testkit::app::SECRET);
    let rotated = TestApp::with(app.db, |settings| {
        settings.general.secret_key =
            Some(Secret::new("another-secret-that-is-long-enough-9876543210"));
        settings.general.secret_key_fallbacks = vec![old];
    })
    .await;
    assert_eq!(rotated.browser().fill(&link, &[]).await.status, 302);
}

async fn a_forged_link_is_refused(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    app.user("bob", "bob@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    let parts: Vec<&str> = link.split('/').collect();
    let (uid, token) = (parts[4], parts[5]);
    assert_eq!(uid, "MQ");
    let upper = token.to_uppercase();
    let cut = &token[..token.len() - 1];
    for (uid, token) in [
        ("Mg", token),
        ("OTk5", token),
        ("MR", token),
        ("x", token),
        ("MQ", "abc-def"),
        ("MQ", "-"),
        ("MQ", upper.as_str()),
        ("MQ", cut),
        ("LTE", token),
        ("OTk5OTk5OTk5OTk5OTk5OTk5OTk5", token),
        ("%00", "%00"),
        ("%F0%9F%94%92", "1-2"),
    ] {
        let path = format!("/accounts/login/link/{uid}/{token}/");
        let answer = app.browser().get(&path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(app.browser().fill(&path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(
        app.browser().fill(&link, &[]).await.status,
        302,
        "none of that spent it"
    );
}
