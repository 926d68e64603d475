//! Signing up with what somebody else has.

use super::*;

each_database!(
    prevented_and_mandatory_by_link,
    prevented_and_mandatory_by_code,
    prevented_and_optional,
    prevented_and_none,
    strict_and_mandatory_by_link,
    strict_and_mandatory_by_code,
    strict_and_optional,
    strict_and_none,
    open_and_mandatory,
    open_and_optional,
    open_and_none,
    addresses_that_need_not_be_unique,
    an_unconfirmed_address_is_as_taken_as_a_confirmed_one,
    a_taken_name_is_told_whatever_the_settings,
);

/// Both sign up under a name that is free, with their own address; Ann's has an account.
fn sign_up() -> Step {
    post(
        "/accounts/signup/",
        &[
            ("username", "new-{name}"),
            ("email", "{email}"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ],
    )
}

async fn signing_up(
    db: TestDb,
    prevention: &str,
    verification: &str,
    by_code: &str,
) -> (TestApp, Played, Played) {
    let app = TestApp::with(db, |settings| {
        configure(
            settings,
            &[
                ("ACCOUNT_PREVENT_ENUMERATION", prevention),
                ("ACCOUNT_EMAIL_VERIFICATION", verification),
                ("ACCOUNT_EMAIL_REQUIRED", "true"),
                ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", by_code),
            ],
        );
    })
    .await;
    ann(&app).await;
    let steps = [
        sign_up(),
        get("/accounts/confirm-email/"),
        get("/accounts/profile/"),
    ];
    let known = play(&app, &mut app.browser(), ANN, &steps).await;
    let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
    (app, known, unknown)
}

async fn users(app: &TestApp, name: &str) -> usize {
    let found = hallpass::store::user::by_username(app.db.db.conn(), name).await;
    found.unwrap().len()
}

/// As if it had worked: the same pages, a letter to each, and no second account.
async fn is_hidden(db: TestDb, prevention: &str, by_code: &str) {
    let (app, known, unknown) = signing_up(db, prevention, "mandatory", by_code).await;
    alike(&known, &unknown);
    assert_eq!(
        known.statuses(),
        [
            (302, "/accounts/confirm-email/"),
            (200, ""),
            (302, "/accounts/login/?next=%2Faccounts%2Fprofile%2F")
        ]
    );
    let exists = "[example.com] Your e-mail address: there is an account already";
    let confirm = match by_code {
        "true" => "[example.com] Your code to confirm your e-mail address",
        _ => "[example.com] Confirm your e-mail address",
    };
    assert_eq!(known.sent, [("{email}".to_owned(), exists.to_owned())]);
    assert_eq!(unknown.sent, [("{email}".to_owned(), confirm.to_owned())]);
    assert_eq!(
        (
            users(&app, "new-annqx").await,
            users(&app, "new-bobqx").await
        ),
        (0, 1)
    );
    assert_eq!(
        app.count("auth_user").await,
        2,
        "nothing of the work is left"
    );
    assert_eq!(app.count("account_emailaddress").await, 2, "nor here");
}

/// The form says so, and nothing else happens.
async fn is_told(db: TestDb, prevention: &str, verification: &str) {
    let (app, known, unknown) = signing_up(db, prevention, verification, "false").await;
    assert_eq!(known.seen[0].status, 400);
    let said = "An account has this e-mail address already.";
    assert!(known.seen[0].text.contains(said), "{}", known.seen[0].text);
    assert_eq!(known.sent, []);
    assert_eq!(unknown.seen[0].status, 302);
    let letters = usize::from(verification != "none");
    assert_eq!(unknown.sent.len(), letters, "{:?}", unknown.sent);
    assert_eq!(
        (
            users(&app, "new-annqx").await,
            users(&app, "new-bobqx").await
        ),
        (0, 1)
    );
}

/// A second account with the same address, unconfirmed.
async fn is_doubled(db: TestDb, verification: &str) {
    let (app, known, unknown) = signing_up(db, "strict", verification, "false").await;
    alike(&known, &unknown);
    assert_eq!(
        known.statuses(),
        [
            (302, "/accounts/profile/"),
            (302, "/accounts/email/"),
            (200, "")
        ]
    );
    let letter = (
        "{email}".to_owned(),
        "[example.com] Confirm your e-mail address".to_owned(),
    );
    let expected = if verification == "none" {
        Vec::new()
    } else {
        vec![letter]
    };
    assert_eq!((&known.sent, &unknown.sent), (&expected, &expected));
    assert_eq!(
        (
            users(&app, "new-annqx").await,
            users(&app, "new-bobqx").await
        ),
        (1, 1)
    );
    let owners = hallpass::store::user::by_email(app.db.db.conn(), ANN.email)
        .await
        .unwrap();
    let verified: Vec<_> = owners
        .iter()
        .map(|owner| (owner.user.username.as_str(), owner.verified))
        .collect();
    assert_eq!(verified, [("annqx", true), ("new-annqx", false)]);
}

async fn prevented_and_mandatory_by_link(db: TestDb) {
    is_hidden(db, "true", "false").await;
}

async fn prevented_and_mandatory_by_code(db: TestDb) {
    is_hidden(db, "true", "true").await;
}

async fn prevented_and_optional(db: TestDb) {
    is_told(db, "true", "optional").await;
}

async fn prevented_and_none(db: TestDb) {
    is_told(db, "true", "none").await;
}

async fn strict_and_mandatory_by_link(db: TestDb) {
    is_hidden(db, "strict", "false").await;
}

async fn strict_and_mandatory_by_code(db: TestDb) {
    is_hidden(db, "strict", "true").await;
}

async fn strict_and_optional(db: TestDb) {
    is_doubled(db, "optional").await;
}

async fn strict_and_none(db: TestDb) {
    is_doubled(db, "none").await;
}

async fn open_and_mandatory(db: TestDb) {
    is_told(db, "false", "mandatory").await;
}

async fn open_and_optional(db: TestDb) {
    is_told(db, "false", "optional").await;
}

async fn open_and_none(db: TestDb) {
    is_told(db, "false", "none").await;
}

async fn addresses_that_need_not_be_unique(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        configure(
            settings,
            &[
                ("ACCOUNT_PREVENT_ENUMERATION", "false"),
                ("ACCOUNT_UNIQUE_EMAIL", "false"),
                ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
                ("ACCOUNT_EMAIL_REQUIRED", "true"),
            ],
        );
    })
    .await;
    ann(&app).await;
    let (known, unknown) = compare(&app, &[sign_up(), get("/accounts/confirm-email/")]).await;
    assert_eq!(known.sent, unknown.sent);
    assert_eq!(known.seen[0].location, "/accounts/confirm-email/");
    assert_eq!(
        (
            users(&app, "new-annqx").await,
            users(&app, "new-bobqx").await
        ),
        (1, 1)
    );
}

async fn an_unconfirmed_address_is_as_taken_as_a_confirmed_one(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        configure(
            settings,
            &[
                ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
                ("ACCOUNT_EMAIL_REQUIRED", "true"),
            ],
        );
    })
    .await;
    account(&app, ANN, false).await;
    let (known, _) = compare(&app, &[sign_up(), get("/accounts/confirm-email/")]).await;
    assert_eq!(
        known.sent[0].1,
        "[example.com] Your e-mail address: there is an account already"
    );
    assert_eq!(
        (
            users(&app, "new-annqx").await,
            users(&app, "new-bobqx").await
        ),
        (0, 1)
    );
}

async fn a_taken_name_is_told_whatever_the_settings(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        configure(
            settings,
            &[
                ("ACCOUNT_PREVENT_ENUMERATION", "strict"),
                ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
                ("ACCOUNT_EMAIL_REQUIRED", "true"),
            ],
        );
    })
    .await;
    ann(&app).await;
    for email in ["new@example.com", ANN.email] {
        let fields = [
            ("username", "AnnQX"),
            ("email", email),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ];
        let answer = app.browser().fill("/accounts/signup/", &fields).await;
        assert_eq!(answer.status, 400, "{email}");
        let said = "Somebody has this user name already.";
        assert!(answer.text.contains(said), "{}", answer.text);
        let other = "An account has this e-mail address already.";
        assert!(!answer.text.contains(other), "{}", answer.text);
    }
    assert_eq!(app.count("auth_user").await, 1);
    app.no_other_letter_was_sent().await;
}
