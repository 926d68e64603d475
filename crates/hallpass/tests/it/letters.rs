//! Every letter and every text: when it is sent, to whom, and that what it holds works. That the rest of the time none is
//! sent, every story's last line says. What each of them says in all its variants is tested beside the templates.

use hallpass::delivery::Message;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::enumeration::{ANN, BOB, PASSWORD, ann, configure, signed_in};

each_database!(
    a_signup_brings_a_link,
    a_signup_brings_a_code,
    a_signup_where_nothing_is_confirmed_brings_nothing,
    an_address_that_is_added_gets_a_link,
    an_address_that_is_added_gets_a_code,
    a_signup_with_a_taken_address_tells_its_owner,
    a_stranger_is_told_where_to_sign_up,
    a_reset_brings_a_link_to_every_owner,
    a_reset_brings_a_code,
    a_login_code_comes_with_a_link_where_both_are_wanted,
    a_login_link_comes_to_the_owner,
    a_changed_password_is_noticed,
    a_first_password_is_noticed,
    a_reset_password_is_noticed,
    another_primary_address_is_noticed_at_the_old_one,
    an_address_that_takes_the_others_place_is_noticed_at_the_old_one,
    a_removed_address_is_noticed_at_the_primary_one,
    without_notifications_nothing_is_noticed,
    texts_hold_codes_that_work,
    a_text_tells_that_a_number_is_taken_or_unknown,
    subjects_have_the_prefix_that_was_set,
    letters_come_from_the_sites_own_host_and_sender,
);

type Own<'a> = [(&'a str, &'a str)];

async fn app_with(db: &TestDb, own: &Own<'_>) -> TestApp {
    TestApp::with(db.clone(), |settings| configure(settings, own)).await
}

/// The one letter there is, and that its subject has the site's name before it.
async fn letter(app: &TestApp, to: &str, subject: &str) -> Message {
    let letter = app.letter().await;
    assert_eq!(letter.to, to);
    assert_eq!(letter.subject, format!("[example.com] {subject}"));
    assert!(letter.html.is_some());
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
    letter
}

async fn sign_up(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    let fields = [
        ("username", BOB.name),
        ("email", BOB.email),
        ("phone", BOB.phone),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    let done = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(done.status, 302, "{}", done.text);
    browser
}

async fn is_verified(app: &TestApp, email: &str) -> bool {
    let owners = hallpass::store::user::by_email(app.db.db.conn(), email).await;
    owners.unwrap().iter().any(|owner| owner.verified)
}

const MANDATORY: [(&str, &str); 2] = [
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    ("ACCOUNT_EMAIL_REQUIRED", "true"),
];

const BY_CODE: [(&str, &str); 3] = [
    MANDATORY[0],
    MANDATORY[1],
    ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true"),
];

async fn a_signup_brings_a_link(db: TestDb) {
    let app = app_with(&db, &[]).await;
    sign_up(&app).await;
    let letter = letter(&app, BOB.email, "Confirm your e-mail address").await;
    assert!(
        letter.text.contains("welcome to example.com"),
        "{}",
        letter.text
    );
    assert!(!is_verified(&app, BOB.email).await);
    // In whatever browser.
    let done = app.browser().fill(&link_in(&letter.text), &[]).await;
    assert_eq!(done.status, 302);
    assert!(is_verified(&app, BOB.email).await);
    app.no_other_letter_was_sent().await;
}

async fn a_signup_brings_a_code(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    let mut browser = sign_up(&app).await;
    let subject = "Your code to confirm your e-mail address";
    let letter = letter(&app, BOB.email, subject).await;
    assert!(
        letter.text.contains("welcome to example.com"),
        "{}",
        letter.text
    );
    let code = code_in(&letter.text);
    let done = browser
        .fill("/accounts/confirm-email/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/");
    assert!(is_verified(&app, BOB.email).await);
    app.no_other_letter_was_sent().await;
}

async fn a_signup_where_nothing_is_confirmed_brings_nothing(db: TestDb) {
    let app = app_with(&db, &[("ACCOUNT_EMAIL_VERIFICATION", "none")]).await;
    let mut browser = sign_up(&app).await;
    app.no_other_letter_was_sent().await;
    // The owner may still ask for it.
    let fields = [("email", BOB.email), ("action_send", "1")];
    browser.fill("/accounts/email/", &fields).await;
    letter(&app, BOB.email, "Confirm your e-mail address").await;
}

async fn an_address_that_is_added_gets_a_link(db: TestDb) {
    let app = app_with(&db, &[]).await;
    let mut browser = signed_in(&app, ANN.name, ANN.phone).await;
    let fields = [("email", BOB.email), ("action_add", "1")];
    browser.fill("/accounts/email/", &fields).await;
    let subject = "Confirm your e-mail address";
    let first = letter(&app, BOB.email, subject).await;
    assert!(!first.text.contains("welcome"), "{}", first.text);
    let fields = [("email", BOB.email), ("action_send", "1")];
    browser.fill("/accounts/email/", &fields).await;
    let second = letter(&app, BOB.email, subject).await;
    for (link, status) in [(first, 302), (second, 403)] {
        let done = browser.fill(&link_in(&link.text), &[]).await;
        assert_eq!(done.status, status, "once confirmed, no link is needed");
    }
    assert!(is_verified(&app, BOB.email).await);
    // What is confirmed already is not written to again.
    let fields = [("email", BOB.email), ("action_send", "1")];
    browser.fill("/accounts/email/", &fields).await;
    app.no_other_letter_was_sent().await;
}

async fn an_address_that_is_added_gets_a_code(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    let mut browser = signed_in(&app, ANN.name, ANN.phone).await;
    let fields = [("email", BOB.email), ("action_add", "1")];
    browser.fill("/accounts/email/", &fields).await;
    let subject = "Your code to confirm your e-mail address";
    let letter = letter(&app, BOB.email, subject).await;
    assert!(!letter.text.contains("welcome"), "{}", letter.text);
    let code = code_in(&letter.text);
    browser
        .fill("/accounts/confirm-email/", &[("code", &code)])
        .await;
    assert!(is_verified(&app, BOB.email).await);
    app.no_other_letter_was_sent().await;
}

async fn a_signup_with_a_taken_address_tells_its_owner(db: TestDb) {
    let app = app_with(&db, &MANDATORY).await;
    ann(&app).await;
    let mut browser = app.browser();
    let fields = [
        ("username", BOB.name),
        ("email", ANN.email),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    browser.fill("/accounts/signup/", &fields).await;
    let subject = "Your e-mail address: there is an account already";
    let letter = letter(&app, ANN.email, subject).await;
    for link in ["/accounts/login/", "/accounts/password/reset/"] {
        assert!(
            letter.text.contains(&format!("http://localhost{link}")),
            "{}",
            letter.text
        );
        assert_eq!(app.browser().get(link).await.status, 200);
    }
}

async fn a_stranger_is_told_where_to_sign_up(db: TestDb) {
    let own = [("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true")];
    let closed = [own[0], ("HALLPASS_SIGNUP_OPEN", "false")];
    for (own, open) in [(&own[..], true), (&closed[..], false)] {
        let app = app_with(&db, own).await;
        for (path, subject) in [
            ("/accounts/password/reset/", "Your new password"),
            ("/accounts/login/code/", "Your sign-in code"),
            ("/accounts/login/link/", "Your sign-in link"),
        ] {
            app.browser().fill(path, &[("email", BOB.email)]).await;
            let subject = format!("{subject}: no account with this address");
            let letter = letter(&app, BOB.email, &subject).await;
            let link = "http://localhost/accounts/signup/";
            assert_eq!(letter.text.contains(link), open, "{}", letter.text);
        }
        let page = app.browser().get("/accounts/signup/").await;
        assert_eq!(page.status == 200, open);
    }
}

async fn a_reset_brings_a_link_to_every_owner(db: TestDb) {
    let app = app_with(&db, &[("ACCOUNT_UNIQUE_EMAIL", "false")]).await;
    app.user("first", "Ann@Example.com").await;
    app.user("second", "ann@example.com").await;
    let fields = [("email", "ANN@example.com")];
    app.browser()
        .fill("/accounts/password/reset/", &fields)
        .await;
    let mut letters = app.letters().await;
    letters.sort_by_key(|letter| letter.text.contains("second"));
    let to: Vec<_> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(
        to,
        ["Ann@Example.com", "ann@example.com"],
        "as each spells it"
    );
    for (letter, name) in letters.iter().zip(["first", "second"]) {
        assert_eq!(letter.subject, "[example.com] Your new password");
        assert!(letter.text.contains(name), "{}", letter.text);
        let mut browser = app.browser();
        let to = browser
            .get(&link_in(&letter.text))
            .await
            .location()
            .to_owned();
        let fields = [("password1", PASSWORD), ("password2", PASSWORD)];
        assert_eq!(browser.fill(&to, &fields).await.status, 302);
        let fields = [("login", name), ("password", PASSWORD)];
        let done = browser.fill("/accounts/login/", &fields).await;
        assert_eq!(done.location(), "/accounts/profile/");
    }
    app.no_other_letter_was_sent().await;
}

async fn a_reset_brings_a_code(db: TestDb) {
    let own = [
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", "true"),
        ("ACCOUNT_LOGIN_METHODS", r#"["email"]"#),
        ("ACCOUNT_SIGNUP_FIELDS", r#"["email*", "password1*"]"#),
    ];
    let app = app_with(&db, &own).await;
    ann(&app).await;
    let mut browser = app.browser();
    browser
        .fill("/accounts/password/reset/", &[("email", ANN.email)])
        .await;
    let letter = letter(&app, ANN.email, "Your code for a new password").await;
    let reminder = format!("name is {}", ANN.name);
    assert!(
        !letter.text.contains(&reminder),
        "names are not signed in with here"
    );
    let code = code_in(&letter.text);
    let done = browser
        .fill("/accounts/password/reset/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/password/reset/complete/");
    app.no_other_letter_was_sent().await;
}

async fn a_login_code_comes_with_a_link_where_both_are_wanted(db: TestDb) {
    for both in ["false", "true"] {
        let own = [
            ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true"),
            ("HALLPASS_CODE_AND_LINK", both),
        ];
        let app = app_with(&db, &own).await;
        if both == "false" {
            ann(&app).await;
        }
        let mut browser = app.browser();
        browser
            .fill("/accounts/login/code/", &[("email", ANN.email)])
            .await;
        let letter = letter(&app, ANN.email, "Your sign-in code").await;
        let code = code_in(&letter.text);
        let has_link = letter.text.contains("/accounts/login/code/link/");
        assert_eq!(has_link, both == "true", "{}", letter.text);
        if has_link {
            let done = app.browser().fill(&link_in(&letter.text), &[]).await;
            assert_eq!(done.location(), "/accounts/profile/");
            let late = browser
                .fill("/accounts/login/code/confirm/", &[("code", &code)])
                .await;
            assert_eq!(late.location(), "/accounts/login/", "the link ended both");
        } else {
            let done = browser
                .fill("/accounts/login/code/confirm/", &[("code", &code)])
                .await;
            assert_eq!(done.location(), "/accounts/profile/");
        }
        app.no_other_letter_was_sent().await;
    }
}

async fn a_login_link_comes_to_the_owner(db: TestDb) {
    let app = app_with(&db, &[]).await;
    ann(&app).await;
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/link/", &[("email", ANN.email)])
        .await;
    let letter = letter(&app, ANN.email, "Your sign-in link").await;
    let done = browser.fill(&link_in(&letter.text), &[]).await;
    assert_eq!(done.location(), "/accounts/profile/");
    app.no_other_letter_was_sent().await;
}

const NOTICES: (&str, &str) = ("ACCOUNT_EMAIL_NOTIFICATIONS", "true");
const NEW: &str = "another-horse-7";

/// A notice: what happened, from where, and what to do if it was somebody else.
async fn notice(app: &TestApp, on: bool, to: &str, subject: &str) -> String {
    if !on {
        app.no_other_letter_was_sent().await;
        return String::new();
    }
    let letter = letter(app, to, subject).await;
    assert!(letter.text.contains("192.0.2.10"), "{}", letter.text);
    assert!(letter.text.contains("Firefox"), "{}", letter.text);
    let reset = "http://localhost/accounts/password/reset/";
    assert!(letter.text.contains(reset), "{}", letter.text);
    letter.text
}

async fn change_password(app: &TestApp, on: bool) {
    let mut browser = signed_in(app, ANN.name, ANN.phone).await;
    let path = "/accounts/password/change/";
    let wrong = [
        ("oldpassword", "not-this-one-9"),
        ("password1", NEW),
        ("password2", NEW),
    ];
    assert_eq!(browser.fill(path, &wrong).await.status, 400);
    app.no_other_letter_was_sent().await;
    let right = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    assert_eq!(browser.fill(path, &right).await.status, 302);
    notice(app, on, ANN.email, "Your password was changed").await;
}

async fn a_changed_password_is_noticed(db: TestDb) {
    change_password(&app_with(&db, &[NOTICES]).await, true).await;
}

async fn set_password(app: &TestApp, on: bool) {
    app.user("catqx", "catqx@example.com").await;
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/link/", &[("email", "catqx@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    browser.fill(&link, &[]).await;
    let fields = [("password1", NEW), ("password2", NEW)];
    let done = browser.fill("/accounts/password/set/", &fields).await;
    assert_eq!(done.status, 302, "{}", done.text);
    notice(app, on, "catqx@example.com", "A password was set").await;
}

async fn a_first_password_is_noticed(db: TestDb) {
    set_password(&app_with(&db, &[NOTICES]).await, true).await;
}

async fn reset_password(app: &TestApp, on: bool) {
    app.user("danqx", "danqx@example.com").await;
    let mut browser = app.browser();
    browser
        .fill(
            "/accounts/password/reset/",
            &[("email", "danqx@example.com")],
        )
        .await;
    let link = link_in(&app.letter().await.text);
    let to = browser.get(&link).await.location().to_owned();
    let fields = [("password1", NEW), ("password2", NEW)];
    assert_eq!(browser.fill(&to, &fields).await.status, 302);
    notice(app, on, "danqx@example.com", "Your password was reset").await;
}

async fn a_reset_password_is_noticed(db: TestDb) {
    reset_password(&app_with(&db, &[NOTICES]).await, true).await;
}

const SECOND: &str = "second@example.com";

/// With a second address, confirmed.
async fn with_second(app: &TestApp, name: &'static str) -> Browser {
    let mut browser = signed_in(app, name, "+4915112345679").await;
    let fields = [("email", SECOND), ("action_add", "1")];
    browser.fill("/accounts/email/", &fields).await;
    let link = link_in(&app.letter().await.text);
    browser.fill(&link, &[]).await;
    app.no_other_letter_was_sent().await;
    browser
}

async fn act(browser: &mut Browser, action: &str, email: &str) {
    let done = browser
        .fill("/accounts/email/", &[("email", email), (action, "1")])
        .await;
    assert_eq!(done.status, 302, "{}", done.text);
}

async fn change_primary(app: &TestApp, on: bool) {
    let mut browser = with_second(app, "evaqx").await;
    act(&mut browser, "action_primary", SECOND).await;
    let old = "evaqx@example.com";
    let text = notice(app, on, old, "Your e-mail address was changed").await;
    assert!(
        !on || (text.contains(old) && text.contains(SECOND)),
        "{text}"
    );
    // It is the primary one already.
    act(&mut browser, "action_primary", SECOND).await;
    app.no_other_letter_was_sent().await;
    act(&mut browser, "action_remove", old).await;
    let text = notice(app, on, SECOND, "An e-mail address was removed").await;
    assert!(!on || text.contains(old), "{text}");
}

async fn another_primary_address_is_noticed_at_the_old_one(db: TestDb) {
    change_primary(&app_with(&db, &[NOTICES]).await, true).await;
}

async fn replace_address(app: &TestApp, on: bool) {
    let mut browser = signed_in(app, "finqx", "+4915112345678").await;
    let new = "fin-new@example.com";
    act(&mut browser, "action_add", new).await;
    let link = link_in(&app.letter().await.text);
    browser.fill(&link, &[]).await;
    let old = "finqx@example.com";
    let text = notice(app, on, old, "Your e-mail address was changed").await;
    assert!(!on || (text.contains(old) && text.contains(new)), "{text}");
}

async fn an_address_that_takes_the_others_place_is_noticed_at_the_old_one(db: TestDb) {
    let own = [NOTICES, ("ACCOUNT_CHANGE_EMAIL", "true")];
    replace_address(&app_with(&db, &own).await, true).await;
}

async fn a_removed_address_is_noticed_at_the_primary_one(db: TestDb) {
    let app = app_with(&db, &[NOTICES]).await;
    let mut browser = with_second(&app, ANN.name).await;
    act(&mut browser, "action_remove", SECOND).await;
    let subject = "An e-mail address was removed";
    let text = notice(&app, true, ANN.email, subject).await;
    assert!(text.contains(SECOND), "{text}");
    // What is not there, or may not go, is not removed.
    browser
        .fill(
            "/accounts/email/",
            &[("email", SECOND), ("action_remove", "1")],
        )
        .await;
    app.no_other_letter_was_sent().await;
}

async fn without_notifications_nothing_is_noticed(db: TestDb) {
    let app = app_with(&db, &[]).await;
    change_password(&app, false).await;
    set_password(&app, false).await;
    reset_password(&app, false).await;
    change_primary(&app, false).await;
    let app = app_with(&db, &[("ACCOUNT_CHANGE_EMAIL", "true")]).await;
    replace_address(&app, false).await;
}

const WITH_PHONE: [(&str, &str); 4] = [
    ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true"),
    ("ACCOUNT_EMAIL_VERIFICATION", "none"),
    ("ACCOUNT_LOGIN_METHODS", r#"["username", "phone"]"#),
    (
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["username*", "email*", "phone*", "password1*", "password2*"]"#,
    ),
];

/// The code in a text to this number, and what stands after it.
async fn text_to(app: &TestApp, phone: &str, says: &str) -> String {
    let text = app.text().await;
    assert_eq!(text.to, phone);
    assert!(text.text.contains(says), "{}", text.text);
    assert!(text.text.chars().count() <= 160, "one message");
    app.no_other_letter_was_sent().await;
    text.text.split_whitespace().next().unwrap().to_owned()
}

async fn texts_hold_codes_that_work(db: TestDb) {
    let app = app_with(&db, &WITH_PHONE).await;
    let mut browser = sign_up(&app).await;
    let code = text_to(&app, BOB.phone, "your code to confirm this number").await;
    let verify = "/accounts/phone/verify/";
    let done = browser.fill(verify, &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);

    browser
        .fill("/accounts/phone/change/", &[("phone", ANN.phone)])
        .await;
    let code = text_to(&app, ANN.phone, "your code to confirm this number").await;
    let done = browser.fill(verify, &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/phone/change/");

    let mut browser = app.browser();
    browser
        .fill("/accounts/login/code/", &[("phone", ANN.phone)])
        .await;
    let code = text_to(&app, ANN.phone, "your sign-in code").await;
    let done = browser
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_text_was_sent().await;
}

async fn a_text_tells_that_a_number_is_taken_or_unknown(db: TestDb) {
    let app = app_with(&db, &WITH_PHONE).await;
    app.browser()
        .fill("/accounts/login/code/", &[("phone", BOB.phone)])
        .await;
    text_to(&app, BOB.phone, "there is no account with this number").await;
    ann(&app).await;
    let mut browser = app.browser();
    let fields = [
        ("username", "somebody"),
        ("email", BOB.email),
        ("phone", ANN.phone),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    browser.fill("/accounts/signup/", &fields).await;
    text_to(&app, ANN.phone, "with this number already").await;
    app.no_other_text_was_sent().await;
}

async fn subjects_have_the_prefix_that_was_set(db: TestDb) {
    let app = TestApp::with(db.clone(), |settings| {
        configure(settings, &[("ACCOUNT_EMAIL_SUBJECT_PREFIX", "Acme: ")]);
    })
    .await;
    ann(&app).await;
    let ask = [("email", ANN.email)];
    app.browser().fill("/accounts/password/reset/", &ask).await;
    assert_eq!(app.letter().await.subject, "Acme: Your new password");
    let app = TestApp::with(db, |settings| {
        configure(settings, &[]);
        settings.account.email_subject_prefix = Some(String::new());
    })
    .await;
    app.browser().fill("/accounts/password/reset/", &ask).await;
    assert_eq!(app.letter().await.subject, "Your new password");
}

async fn letters_come_from_the_sites_own_host_and_sender(db: TestDb) {
    let own = [
        ("DEFAULT_FROM_EMAIL", "Acme <post@acme.example>"),
        ("ACCOUNT_DEFAULT_HTTP_PROTOCOL", "https"),
        ("ALLOWED_HOSTS", r#"["acme.example"]"#),
    ];
    let app = app_with(&db, &own).await;
    ann(&app).await;
    let mut browser = app.browser();
    browser.headers.insert("host", "acme.example".to_owned());
    browser
        .headers
        .insert("x-forwarded-host", "evil.example".to_owned());
    browser
        .fill("/accounts/password/reset/", &[("email", ANN.email)])
        .await;
    let letter = app.letter().await;
    assert_eq!(letter.from, "Acme <post@acme.example>");
    let link = "https://acme.example/accounts/password/reset/key/";
    assert!(letter.text.contains(link), "{}", letter.text);
    assert!(!letter.text.contains("evil"), "{}", letter.text);
    browser.headers.insert("host", "evil.example".to_owned());
    let refused = browser
        .post("/accounts/password/reset/", &[("email", ANN.email)])
        .await;
    assert_eq!(refused.status, 400);
    app.no_other_letter_was_sent().await;
}
