//! No page is a dead end: each says what to do next, and messages are said once.

use hallpass_testkit::app::rates;
use hallpass_testkit::{Answer, TestApp, TestDb, each_database};

each_database!(
    an_error_page_leads_on,
    a_reset_code_guessed_at_too_often_says_so,
    a_reset_by_code_speaks_of_no_link,
    whoever_signs_up_is_told_of_the_letter,
    the_front_door_offers_to_sign_up,
    the_front_door_offers_nothing_closed,
    cancelling_has_the_right_name,
);

/// The page as it was before its slashes were escaped.
fn plain(answer: &Answer) -> String {
    answer.text.replace("&#x2f;", "/")
}

async fn an_error_page_leads_on(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{"reset_password": "1/h/ip"}"#);
    })
    .await;
    let mut browser = app.browser();
    let ask = [("email", "ann@example.com")];
    browser.fill("/accounts/password/reset/", &ask).await;
    let limited = browser.fill("/accounts/password/reset/", &ask).await;
    assert_eq!(limited.status, 429);
    let back = "href=\"/accounts/password/reset/\">Back to the page</a>";
    assert!(plain(&limited).contains(back), "{}", limited.text);
    let forged = browser.post("/accounts/password/reset/", &ask).await;
    assert_eq!(forged.status, 403);
    let again = "href=\"/accounts/password/reset/\">Open the page again</a>";
    assert!(plain(&forged).contains(again), "{}", forged.text);
    let missing = browser.get("/accounts/nothing/").await;
    assert_eq!(missing.status, 404);
    assert!(plain(&missing).contains("href=\"/\">To the start page</a>"));
}

/// An app whose passwords are reset by code.
async fn by_code(db: TestDb) -> TestApp {
    TestApp::with(db, |settings| {
        settings.account.password_reset_by_code_enabled = true;
    })
    .await
}

async fn a_reset_code_guessed_at_too_often_says_so(db: TestDb) {
    let app = by_code(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let ask = [("email", "ann@example.com")];
    browser.fill("/accounts/password/reset/", &ask).await;
    let confirm = "/accounts/password/reset/confirm/";
    for _ in 0..2 {
        let wrong = browser.fill(confirm, &[("code", "BBBB-BBBB")]).await;
        assert_eq!(wrong.status, 400);
    }
    let last = browser.fill(confirm, &[("code", "BBBB-BBBB")]).await;
    assert_eq!(last.location(), "/accounts/password/reset/");
    let page = browser.get("/accounts/password/reset/").await;
    assert!(page.text.contains("Too many wrong codes."), "{}", page.text);
    let page = browser.get("/accounts/password/reset/").await;
    assert!(!page.text.contains("Too many wrong codes."), "once");
}

async fn a_reset_by_code_speaks_of_no_link(db: TestDb) {
    let app = by_code(db).await;
    let mut browser = app.browser();
    let stray = browser.get("/accounts/password/reset/complete/").await;
    assert_eq!(stray.location(), "/accounts/password/reset/");
    let page = browser.get("/accounts/password/reset/").await;
    assert!(page.text.contains("Start again."), "{}", page.text);
    let done = browser.get("/accounts/password/reset/key/done/").await;
    assert_eq!(done.status, 404, "a page of resets by link");
    let done = browser.get("/accounts/password/reset/done/").await;
    assert!(done.text.contains("Your password is changed"));
}

async fn whoever_signs_up_is_told_of_the_letter(db: TestDb) {
    let app = TestApp::new(db).await;
    let said = "Open its link to confirm your address.";
    for (username, email) in [("ann", "ann@example.com"), ("bob", "")] {
        let mut browser = app.browser();
        let new = [
            ("username", username),
            ("email", email),
            ("password1", "correct-horse-9"),
            ("password2", "correct-horse-9"),
        ];
        browser.fill("/accounts/signup/", &new).await;
        let page = browser.get("/accounts/profile/").await;
        assert_eq!(page.text.contains(said), !email.is_empty(), "{}", page.text);
        assert_eq!(app.letters().await.len(), usize::from(!email.is_empty()));
        let page = browser.get("/accounts/profile/").await;
        assert!(!page.text.contains(said), "once");
    }
}

const SIGN_UP: &str = "href=\"/accounts/signup/\">Sign up</a>";

async fn the_front_door_offers_to_sign_up(db: TestDb) {
    let app = TestApp::new(db).await;
    let page = app.browser().get("/").await;
    assert!(plain(&page).contains(SIGN_UP), "{}", page.text);
}

async fn the_front_door_offers_nothing_closed(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.hallpass.signup_open = false).await;
    let page = app.browser().get("/").await;
    assert_eq!(page.status, 200);
    assert!(!plain(&page).contains(SIGN_UP), "{}", page.text);
}

async fn cancelling_has_the_right_name(db: TestDb) {
    use hallpass::settings::Verification;
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = Verification::Mandatory;
        settings.account.email_required = true;
        settings.account.email_verification_by_code_enabled = true;
    })
    .await;
    let mut browser = app.browser();
    let new = [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    browser.fill("/accounts/signup/", &new).await;
    let confirm = "/accounts/confirm-email/";
    let page = browser.get(confirm).await;
    assert!(page.text.contains("Start over"), "{}", page.text);
    let code = crate::accounts::code_in(&app.letter().await.text);
    browser.fill(confirm, &[("code", &code)]).await;
    let add = [("email", "two@example.com"), ("action_add", "1")];
    browser.fill("/accounts/email/", &add).await;
    let page = browser.get(confirm).await;
    // Nobody who is in loses anything by not going on.
    assert!(page.text.contains("Leave it as it is"), "{}", page.text);
    let left = browser.fill(confirm, &[("action", "cancel")]).await;
    assert_eq!(left.location(), "/accounts/email/");
}
