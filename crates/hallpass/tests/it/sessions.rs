//! Sessions as a browser has them.

use hallpass::domain::SessionKey;
use hallpass::settings::Secret;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

each_database!(
    a_session_check_is_one_statement_and_no_write,
    a_visitor_without_a_cookie_costs_nothing,
    the_key_rests_hashed_and_what_rests_opens_nothing,
    a_new_password_ends_the_session,
    a_deactivated_or_deleted_user_is_out_at_once,
    an_expired_session_is_none,
    a_session_of_a_retired_secret_goes_on_under_a_new_key,
    a_tampered_payload_is_nobody,
    a_request_under_way_does_not_revive_an_ended_session,
    shared_with_django_the_key_is_plain,
);

async fn signed_in(app: &TestApp) -> Browser {
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    assert_eq!(
        browser
            .fill("/accounts/login/link/", &[("email", "ann@example.com")])
            .await
            .status,
        302
    );
    let link = link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.status, 302);
    browser
}

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/accounts/profile/").await.status == 200
}

async fn a_session_check_is_one_statement_and_no_write(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    for _ in 0..3 {
        let before = app.db.db.statements();
        assert!(is_in(&mut browser).await);
        let after = app.db.db.statements();
        assert_eq!(
            (after.reads - before.reads, after.writes - before.writes),
            (1, 0)
        );
    }
}

async fn a_visitor_without_a_cookie_costs_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    let before = app.db.db.statements();
    let answer = app.browser().get("/accounts/login/link/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.db.db.statements(), before);
    let mut odd = app.browser();
    for key in ["", "x", "h$x", "é", "../../etc/passwd", &"a".repeat(5000)] {
        odd.cookies.insert("sessionid".to_owned(), key.to_owned());
        assert_eq!(odd.get("/accounts/login/link/").await.status, 200, "{key}");
    }
    assert_eq!(
        app.db.db.statements(),
        before,
        "what is no key is not looked for"
    );
}

async fn the_key_rests_hashed_and_what_rests_opens_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    let row = app
        .db
        .db
        .conn()
        .query_opt("SELECT session_key FROM django_session", &[])
        .await
        .unwrap();
    let stored: String = row.unwrap().get(0).unwrap();
    let key = browser.cookies["sessionid"].clone();
    assert!(stored.starts_with("h$") && stored.len() == 40 && !stored.contains(&key[..8]));
    let mut thief = app.browser();
    thief.cookies.insert("sessionid".to_owned(), stored);
    assert!(!is_in(&mut thief).await);
    assert!(is_in(&mut browser).await);
    assert!(!format!("{:?}", SessionKey::parse(&key).unwrap()).contains(&key));
}

async fn a_new_password_ends_the_session(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    app.sql("UPDATE auth_user SET password = '!new'").await;
    assert!(!is_in(&mut browser).await);
    assert_eq!(app.count("django_session").await, 0, "and its row is gone");
}

async fn a_deactivated_or_deleted_user_is_out_at_once(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    assert!(!is_in(&mut browser).await);
    app.sql("UPDATE auth_user SET is_active = TRUE").await;
    assert!(is_in(&mut browser).await);
    app.sql("DELETE FROM usersessions_usersession").await;
    assert!(
        is_in(&mut browser).await,
        "a session that a Django made has no such row"
    );
    app.sql("DELETE FROM account_emailaddress").await;
    app.sql("DELETE FROM auth_user").await;
    assert!(!is_in(&mut browser).await);
}

async fn an_expired_session_is_none(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    let past = hallpass::domain::Timestamp::from_seconds(1);
    let sql = "UPDATE django_session SET expire_date = $1";
    app.db.db.conn().execute(sql, &[past.into()]).await.unwrap();
    assert!(!is_in(&mut browser).await);
    let cleared = hallpass::store::session::clear_expired(app.db.db.conn(), app.hallpass.now())
        .await
        .unwrap();
    assert_eq!(
        (cleared, app.count("usersessions_usersession").await),
        (1, 0)
    );
}

async fn a_session_of_a_retired_secret_goes_on_under_a_new_key(db: TestDb) {
    let app = TestApp::new(db).await;
    let browser = signed_in(&app).await;
    let old = Secret::new(hallpass_testkit::app::SECRET);
    let rotated = TestApp::with(app.db, |settings| {
        settings.general.secret_key =
            Some(Secret::new("another-secret-that-is-long-enough-9876543210"));
        settings.general.secret_key_fallbacks = vec![old];
    })
    .await;
    let mut later = rotated.browser();
    later.cookies = browser.cookies.clone();
    assert!(is_in(&mut later).await);
    assert_ne!(later.cookies["sessionid"], browser.cookies["sessionid"]);
    assert!(is_in(&mut later).await);
    let (sessions, listed) = (
        rotated.count("django_session").await,
        rotated.count("usersessions_usersession").await,
    );
    assert_eq!((sessions, listed), (1, 1), "renamed, not copied");
}

async fn a_tampered_payload_is_nobody(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    app.sql("UPDATE django_session SET session_data = session_data || 'x'")
        .await;
    assert!(!is_in(&mut browser).await);
}

async fn a_request_under_way_does_not_revive_an_ended_session(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = signed_in(&app).await;
    let key = browser.cookies["sessionid"].clone();
    let mut session = app.hallpass.session(Some(&key)).await.unwrap();
    assert_eq!(browser.fill("/accounts/logout/", &[]).await.status, 302);
    session.set("cart", 1);
    let client = hallpass::domain::Client::new([127, 0, 0, 1].into(), "", "http://localhost");
    app.hallpass
        .run(&client, &mut session, async |_| Ok(()))
        .await
        .unwrap();
    assert_eq!(app.count("django_session").await, 0);
}

async fn shared_with_django_the_key_is_plain(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.hallpass.share_with_django = true).await;
    let mut browser = signed_in(&app).await;
    let row = app
        .db
        .db
        .conn()
        .query_opt("SELECT session_key FROM django_session", &[])
        .await
        .unwrap();
    assert_eq!(
        row.unwrap().get::<String>(0).unwrap(),
        browser.cookies["sessionid"]
    );
    assert!(is_in(&mut browser).await);
}
