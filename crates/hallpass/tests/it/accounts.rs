//! A person's way through all of it, as settings vary.

use hallpass::settings::{Asked, CodeRequired, LoginBy, Quota, SignupField, Verification};
use hallpass_testkit::app::rates;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_signup_with_mandatory_link_verification,
    a_signup_with_mandatory_code_verification,
    a_password_is_reset_by_link,
    a_password_is_reset_by_code,
    a_code_signs_in,
    addresses_are_managed,
    a_name_is_given_once_in_whatever_case,
    a_signup_is_told_of_a_letter_that_was_sent,
);

/// The code in a letter: the line that is nothing but a code.
pub(crate) fn code_in(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| {
        line.contains('-')
            && line.len() == 9
            && line
                .chars()
                .all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
    });
    line.unwrap().to_owned()
}

const NEW: [(&str, &str); 4] = [
    ("username", "ann"),
    ("email", "Ann@Example.com"),
    ("password1", "correct-horse-9"),
    ("password2", "correct-horse-9"),
];

async fn a_signup_with_mandatory_link_verification(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = Verification::Mandatory;
        settings.account.email_required = true;
        settings.account.login_on_email_confirmation = true;
    })
    .await;
    let mut browser = app.browser();
    let done = browser.fill("/accounts/signup/", &NEW).await;
    assert_eq!(
        (done.status.as_u16(), done.location()),
        (302, "/accounts/confirm-email/"),
        "{}",
        done.text
    );
    let page = browser.get("/accounts/confirm-email/").await;
    assert!(page.text.contains("ann@example.com"), "{}", page.text);
    let letter = app.letter().await;
    assert_eq!(letter.to, "ann@example.com");
    let link = hallpass_testkit::app::link_in(&letter.text);
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let done = browser.fill(&link, &[]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert_eq!(browser.get("/accounts/profile/").await.status, 200);
    assert_eq!(browser.fill(&link, &[]).await.status, 403, "once");
    app.no_other_letter_was_sent().await;
}

async fn a_signup_with_mandatory_code_verification(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = Verification::Mandatory;
        settings.account.email_required = true;
        settings.account.email_verification_by_code_enabled = true;
        settings.account.email_verification_supports_resend = Quota(1);
    })
    .await;
    let mut browser = app.browser();
    let done = browser.fill("/accounts/signup/", &NEW).await;
    assert_eq!(done.location(), "/accounts/confirm-email/", "{}", done.text);
    let first = code_in(&app.letter().await.text);
    let sent = browser
        .fill("/accounts/confirm-email/", &[("action", "resend")])
        .await;
    assert_eq!(sent.status, 302, "{}", sent.text);
    let second = code_in(&app.letter().await.text);
    let wrong = browser
        .fill("/accounts/confirm-email/", &[("code", &first)])
        .await;
    assert_eq!(wrong.status, 400, "the code before is worth nothing");
    let done = browser
        .fill("/accounts/confirm-email/", &[("code", &second)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_letter_was_sent().await;
}

async fn a_password_is_reset_by_link(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let sent = browser
        .fill("/accounts/password/reset/", &[("email", "ANN@example.com")])
        .await;
    assert_eq!(sent.location(), "/accounts/password/reset/done/");
    let link = hallpass_testkit::app::link_in(&app.letter().await.text);
    let mut phone = app.browser();
    let to = phone.get(&link).await.location().to_owned();
    assert!(to.ends_with("-set-password/"), "{to}");
    let new = [
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let done = phone.fill(&to, &new).await;
    assert_eq!(
        done.location(),
        "/accounts/password/reset/key/done/",
        "{}",
        done.text
    );
    assert_eq!(phone.get(&link).await.status, 403, "once");
    let done = phone
        .fill(
            "/accounts/login/",
            &[("login", "ann"), ("password", "correct-horse-9")],
        )
        .await;
    assert_eq!(done.location(), "/accounts/profile/");
}

async fn a_password_is_reset_by_code(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.password_reset_by_code_enabled = true;
        settings.account.login_on_password_reset = true;
    })
    .await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let sent = browser
        .fill("/accounts/password/reset/", &[("email", "ann@example.com")])
        .await;
    assert_eq!(
        sent.location(),
        "/accounts/password/reset/confirm/",
        "{}",
        sent.text
    );
    let code = code_in(&app.letter().await.text);
    let done = browser
        .fill("/accounts/password/reset/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/password/reset/complete/");
    let new = [
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let done = browser
        .fill("/accounts/password/reset/complete/", &new)
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert_eq!(browser.get("/accounts/profile/").await.status, 200);
}

async fn a_code_signs_in(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_by_code_enabled = true;
        settings.account.login_methods = Some(vec![LoginBy::Email]);
        settings.account.signup_fields = Some(vec![Asked {
            field: SignupField::Email,
            required: true,
        }]);
        settings.account.login_by_code_required = CodeRequired::default();
    })
    .await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    assert_eq!(
        browser.get("/accounts/login/").await.location(),
        "/accounts/login/code/"
    );
    let sent = browser
        .fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    assert_eq!(
        sent.location(),
        "/accounts/login/code/confirm/",
        "{}",
        sent.text
    );
    let code = code_in(&app.letter().await.text);
    let wrong = browser
        .fill("/accounts/login/code/confirm/", &[("code", "BBBB-BBBB")])
        .await;
    assert_eq!(wrong.status, 400);
    let done = browser
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
}

async fn addresses_are_managed(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = app.browser();
    let done = browser.fill("/accounts/signup/", &NEW).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    let first = hallpass_testkit::app::link_in(&app.letter().await.text);
    let added = browser
        .fill(
            "/accounts/email/",
            &[("email", "two@example.com"), ("action_add", "1")],
        )
        .await;
    assert_eq!(added.location(), "/accounts/email/", "{}", added.text);
    let second = hallpass_testkit::app::link_in(&app.letter().await.text);
    for link in [first, second] {
        assert_eq!(browser.fill(&link, &[]).await.status, 302);
    }
    let done = browser
        .fill(
            "/accounts/email/",
            &[("email", "two@example.com"), ("action_primary", "1")],
        )
        .await;
    assert_eq!(done.status, 302);
    let done = browser
        .fill(
            "/accounts/email/",
            &[("email", "ann@example.com"), ("action_remove", "1")],
        )
        .await;
    assert_eq!(done.status, 302);
    let page = browser.get("/accounts/email/").await;
    assert!(
        page.text.contains("two@example.com") && !page.text.contains("<bdi>ann@example.com"),
        "{}",
        page.text
    );
}

async fn a_name_is_given_once_in_whatever_case(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut signups = tokio::task::JoinSet::new();
    for name in ["wanted", "Wanted", "WANTED", "wAnted", "waNted", "wanteD"] {
        let mut browser = app.browser();
        signups.spawn(async move {
            let fields = [
                ("username", name),
                ("password1", "correct-horse-9"),
                ("password2", "correct-horse-9"),
            ];
            let done = browser.fill("/accounts/signup/", &fields).await;
            done.status.as_u16()
        });
    }
    let mut statuses = signups.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [302, 400, 400, 400, 400, 400]);
    assert_eq!(app.count("auth_user").await, 1);
}

async fn a_signup_is_told_of_a_letter_that_was_sent(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = Verification::Optional;
        settings.account.rate_limits = rates(r#"{"confirm_email": "1/h/ip"}"#);
    })
    .await;
    for (name, email, told) in [
        ("ann", "ann@example.com", true),
        ("bob", "bob@example.com", false),
        ("eve", "", false),
    ] {
        let mut browser = app.browser();
        let fields = [
            ("username", name),
            ("email", email),
            ("password1", "correct-horse-9"),
            ("password2", "correct-horse-9"),
        ];
        let done = browser.fill("/accounts/signup/", &fields).await;
        assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
        let page = browser.get("/accounts/profile/").await;
        assert_eq!(page.text.contains("A letter is on its way"), told, "{name}");
    }
    assert_eq!(app.letter().await.to, "ann@example.com");
    app.no_other_letter_was_sent().await;
}
