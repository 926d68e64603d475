//! Sign-in by an e-mailed link.

mod once;

use hallpass::settings::Enumeration;
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_person_signs_in_by_link,
    an_unknown_address_gets_the_same_answer_and_another_letter,
    an_unknown_address_may_get_no_letter,
    an_unknown_address_is_told_where_the_operator_wants_that,
    an_inactive_user_gets_no_link_and_cannot_use_one,
    another_browser_is_told_where_the_link_was_asked_for,
    a_link_replaces_who_was_signed_in,
    next_is_followed_only_to_safe_places,
    what_is_no_address_is_refused_in_words,
    every_owner_of_an_address_gets_a_link,
    requests_are_limited_by_address_and_by_client,
);

const ASK: &str = "/accounts/login/link/";

async fn ask(app: &TestApp, browser: &mut hallpass_testkit::Browser, email: &str) -> String {
    let answer = browser.fill(ASK, &[("email", email)]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (302, "/accounts/login/link/sent/")
    );
    link_in(&app.letter().await.text)
}

async fn a_person_signs_in_by_link(db: TestDb) {
    let app = TestApp::new(db).await;
    let id = app.user("ann", "Ann@example.com").await;
    let mut browser = app.browser();
    let answer = browser.fill(ASK, &[("email", " ann@EXAMPLE.com ")]).await;
    assert_eq!(answer.location(), "/accounts/login/link/sent/");
    let sent = browser.get(answer.location()).await;
    assert!(sent.text.contains("3 days"), "{}", sent.text);
    let letter = app.letter().await;
    assert_eq!(
        (letter.to.as_str(), letter.subject.as_str()),
        ("Ann@example.com", "[example.com] Your sign-in link")
    );
    let link = link_in(&letter.text);
    assert!(
        link_in(
            &letter
                .html
                .unwrap()
                .replace("&#x2f;", "/")
                .replace('"', " ")
        )
        .starts_with(&link)
    );
    let page = browser.get(&link).await;
    assert_eq!(
        (page.status.as_u16(), page.header("referrer-policy")),
        (200, "strict-origin")
    );
    assert!(
        page.text.contains("ann") && !page.text.contains("asked for on"),
        "{}",
        page.text
    );
    let before = browser.cookies.clone();
    let done = browser.fill(&link, &[]).await;
    assert_eq!(
        (done.status.as_u16(), done.location()),
        (302, "/accounts/profile/")
    );
    assert_ne!(
        browser.cookies["sessionid"], before["sessionid"],
        "the key is new"
    );
    assert_ne!(
        browser.cookies["csrftoken"], before["csrftoken"],
        "the CSRF secret is new"
    );
    let profile = browser.get("/accounts/profile/").await;
    assert!(
        profile.text.contains("Ann@example.com")
            && profile.text.contains("with a link from your mail")
    );
    assert!(app.look_up(id).await.last_login.is_some());
    let out = browser.fill("/accounts/logout/", &[]).await;
    assert_eq!(out.location(), "/");
    assert!(!browser.cookies.contains_key("sessionid"));
    assert_eq!(
        browser.get("/accounts/profile/").await.location(),
        "/accounts/login/?next=%2Faccounts%2Fprofile%2F"
    );
    assert_eq!(
        (
            app.count("django_session").await,
            app.count("usersessions_usersession").await
        ),
        (0, 0)
    );
    app.no_other_letter_was_sent().await;
}

async fn an_unknown_address_gets_the_same_answer_and_another_letter(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let (mut known, mut unknown) = (app.browser(), app.browser());
    let (a, b) = (
        known.fill(ASK, &[("email", "ann@example.com")]).await,
        unknown.fill(ASK, &[("email", "nobody@example.com")]).await,
    );
    assert_eq!(
        (a.status, a.location(), &a.text),
        (b.status, b.location(), &b.text)
    );
    let names = |answer: &hallpass_testkit::Answer| -> Vec<String> {
        answer
            .headers
            .keys()
            .map(ToString::to_string)
            .filter(|name| name != "x-request-id")
            .collect()
    };
    assert_eq!(names(&a), names(&b));
    let letters = app.letters().await;
    let unknown = letters
        .iter()
        .find(|letter| letter.to == "nobody@example.com")
        .unwrap();
    assert!(!unknown.text.contains("/login/link/"), "{}", unknown.text);
    assert_eq!(letters.len(), 2);
}

async fn an_unknown_address_may_get_no_letter(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_unknown_accounts = false
    })
    .await;
    let answer = app
        .browser()
        .fill(ASK, &[("email", "nobody@example.com")])
        .await;
    assert_eq!(answer.location(), "/accounts/login/link/sent/");
    assert_eq!(app.count("hallpass_outbox").await, 0);
    app.no_other_letter_was_sent().await;
}

async fn an_unknown_address_is_told_where_the_operator_wants_that(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.prevent_enumeration = Enumeration::Off
    })
    .await;
    let told = app
        .browser()
        .fill(ASK, &[("email", "nobody@example.com")])
        .await;
    assert_eq!(told.status, 400);
    assert!(told.text.contains("No account has this e-mail address."));
    app.no_other_letter_was_sent().await;
}

async fn an_inactive_user_gets_no_link_and_cannot_use_one(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let mut browser = app.browser();
    assert_eq!(browser.get(&link).await.status, 403);
    let refused = browser.fill(&link, &[]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("switched off"), "{}", refused.text);
    assert_eq!(app.count("usersessions_usersession").await, 0);
    let letter = ask_for_letter(&app, "ann@example.com").await;
    assert!(!letter.contains("/login/link/"), "{letter}");
}

async fn ask_for_letter(app: &TestApp, email: &str) -> String {
    assert_eq!(
        app.browser().fill(ASK, &[("email", email)]).await.status,
        302
    );
    app.letter().await.text
}

async fn another_browser_is_told_where_the_link_was_asked_for(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let mut asking = app.browser();
    let link = ask(&app, &mut asking, "ann@example.com").await;
    let page = app.browser().get(&link).await;
    assert!(
        page.text.contains("Firefox on Linux") && page.text.contains("192.0.2.10"),
        "{}",
        page.text
    );
    assert!(!asking.get(&link).await.text.contains("192.0.2.10"));
    assert_eq!(app.browser().fill(&link, &[]).await.status, 302);
}

async fn a_link_replaces_who_was_signed_in(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    app.user("bob", "bob@example.com").await;
    let mut browser = app.browser();
    let ann = ask(&app, &mut browser, "ann@example.com").await;
    assert_eq!(browser.fill(&ann, &[]).await.status, 302);
    let own = ask(&app, &mut browser, "ann@example.com").await;
    assert!(
        browser.get(&own).await.text.contains("already"),
        "as the same user"
    );
    let bob = ask(&app, &mut browser, "bob@example.com").await;
    let page = browser.get(&bob).await;
    assert!(
        page.text.contains("bob") && page.text.contains("ann"),
        "{}",
        page.text
    );
    assert_eq!(browser.fill(&bob, &[]).await.status, 302);
    assert!(
        browser
            .get("/accounts/profile/")
            .await
            .text
            .contains("bob@example.com")
    );
    assert_eq!(
        app.count("usersessions_usersession").await,
        1,
        "ann's session ended"
    );
}

async fn next_is_followed_only_to_safe_places(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    for (next, target) in [
        ("/app?a=b&c=d", "/app?a=b&c=d"),
        ("https://evil.example/", "/accounts/profile/"),
        ("//evil.example/", "/accounts/profile/"),
        ("/\\evil.example/", "/accounts/profile/"),
        ("javascript:alert(1)", "/accounts/profile/"),
        ("/ü", "/%C3%BC"),
    ] {
        let mut browser = app.browser();
        let query = hallpass_testkit_query(next);
        assert_eq!(
            browser
                .fill(&format!("{ASK}?{query}"), &[("email", "ann@example.com")])
                .await
                .status,
            302
        );
        let link = link_in(&app.letter().await.text);
        assert_eq!(browser.fill(&link, &[]).await.location(), target, "{next}");
    }
    // Nor by a link that somebody else completed.
    let link = ask(&app, &mut app.browser(), "ann@example.com").await;
    let answer = app
        .browser()
        .fill(
            &format!("{link}?next=https://evil.example/"),
            &[("next", "//evil")],
        )
        .await;
    assert_eq!(answer.location(), "/accounts/profile/");
}

fn hallpass_testkit_query(next: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish()
}

async fn what_is_no_address_is_refused_in_words(db: TestDb) {
    let app = TestApp::new(db).await;
    let long = format!("{}@example.com", "a".repeat(300));
    for bad in [
        "",
        "   ",
        "ann",
        "ann@",
        "a@b.c, d@e.f",
        "a\0@b.cc",
        "a@b.cc\r\nBcc: x@y.zz",
        long.as_str(),
    ] {
        let answer = app.browser().fill(ASK, &[("email", bad)]).await;
        assert_eq!(answer.status, 400, "{bad:?}");
        assert!(
            answer.text.contains("aria-invalid"),
            "{bad:?}: {}",
            answer.text
        );
    }
    assert_eq!(app.browser().fill(ASK, &[]).await.status, 400);
    let huge = "a".repeat(3 << 20);
    assert_eq!(
        app.browser().fill(ASK, &[("email", &huge)]).await.status,
        413
    );
    app.no_other_letter_was_sent().await;
}

async fn every_owner_of_an_address_gets_a_link(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = app.user("ann", "shared@example.com").await;
    app.user("bob", "Shared@Example.com").await;
    assert_eq!(
        app.browser()
            .fill(ASK, &[("email", "shared@example.com")])
            .await
            .status,
        302
    );
    let letters = app.letters().await;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().any(|letter| letter.text.contains("ann")));
    // Once somebody has proved it, it is theirs alone.
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({ann}, 'shared@example.com', TRUE, TRUE)"
    ))
    .await;
    assert_eq!(
        app.browser()
            .fill(ASK, &[("email", "shared@example.com")])
            .await
            .status,
        302
    );
    assert!(app.letter().await.text.contains("ann"));
}

async fn requests_are_limited_by_address_and_by_client(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{ "request_login_link": "6/m/ip,3/m/key" }"#);
    })
    .await;
    let mut statuses = Vec::new();
    for spelling in [
        "ann@example.com",
        "ANN@example.com",
        "Ａnn@example.com",
        "ann@example.com",
    ] {
        statuses.push(
            app.browser()
                .fill(ASK, &[("email", spelling)])
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(
        statuses,
        [302, 302, 302, 429],
        "one key, however it is spelled"
    );
    let mut forging = app.browser();
    forging
        .headers
        .insert("x-forwarded-for", "203.0.113.77".to_owned());
    assert_eq!(
        forging
            .fill(ASK, &[("email", "b@example.com")])
            .await
            .status,
        302
    );
    assert_eq!(
        forging
            .fill(ASK, &[("email", "c@example.com")])
            .await
            .status,
        302
    );
    let refused = forging.fill(ASK, &[("email", "d@example.com")]).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    let mut elsewhere = app.browser();
    elsewhere.peer = "198.51.100.1:1".parse().unwrap();
    assert_eq!(
        elsewhere
            .fill(ASK, &[("email", "d@example.com")])
            .await
            .status,
        302
    );
}
