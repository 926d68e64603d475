//! A fresh proof before something sensitive, and what waits for it.

use std::sync::atomic::{AtomicI64, Ordering};

use hallpass::domain::Timestamp;
use hallpass::domain::session::keys;
use hallpass::settings::{Asked, Settings, SignupField};
use hallpass::store::Dialect;
use hallpass_django::SecretKeys;
use hallpass_django::session::SessionCodec;
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::stages::story::{
    LOGIN, PASSWORD, PROFILE, code_in, hash, in_session, set_phone, set_verified, who,
};

each_database!(
    every_sensitive_action_asks_where_it_must,
    nothing_asks_where_it_need_not,
    what_was_posted_goes_on_and_is_not_typed_twice,
    a_fresh_proof_lasts_as_long_as_the_setting_says,
    signing_in_is_no_fresh_proof,
    no_password_rests_in_the_session,
    what_waits_is_worth_nothing_to_another_user,
    what_waits_does_not_wait_for_ever,
    a_later_form_takes_the_place_of_the_one_that_waits,
    a_wrong_password_frees_nothing,
    who_has_no_password_proves_by_code,
    a_code_of_one_is_worth_nothing_to_another,
    who_can_prove_nothing_is_not_asked,
    a_proof_leads_to_no_foreign_host,
);

const AGAIN: &str = "/accounts/reauthenticate/";
const MAIL: &str = "/accounts/email/";
const PHONE: &str = "/accounts/phone/change/";

fn strict(settings: &mut Settings) {
    settings.account.reauthentication_required = true;
    settings.account.signup_fields = Some(
        [
            SignupField::Username,
            SignupField::Phone,
            SignupField::Password1,
        ]
        .map(|field| Asked {
            field,
            required: false,
        })
        .to_vec(),
    );
}

/// Ann, who has two confirmed addresses, an open one and an unconfirmed number. Signs her in.
async fn ann(app: &TestApp, password: &str) -> Browser {
    let ann = app.user_with("ann", "ann@example.com", password).await;
    set_verified(app, ann, "ann@example.com").await;
    for (email, verified) in [("two@example.com", true), ("open@example.com", false)] {
        app.sql(&format!(
            "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
             VALUES ({ann}, '{email}', {verified}, FALSE)"
        ))
        .await;
    }
    set_phone(app, ann, "+4915112345678", true).await;
    let mut browser = app.browser();
    if password.starts_with('!') {
        browser
            .fill("/accounts/login/link/", &[("email", "ann@example.com")])
            .await;
        let link = hallpass_testkit::app::link_in(&app.letter().await.text);
        assert_eq!(browser.fill(&link, &[]).await.location(), PROFILE);
    } else {
        let fields = [("login", "ann"), ("password", PASSWORD)];
        assert_eq!(browser.fill(LOGIN, &fields).await.location(), PROFILE);
    }
    app.sql("UPDATE hallpass_phone SET verified = FALSE").await;
    browser
}

/// Everything that asks: where it is posted, and what.
const ACTIONS: [(&str, &[(&str, &str)]); 6] = [
    (MAIL, &[("email", "new@example.com"), ("action_add", "")]),
    (
        MAIL,
        &[("email", "two@example.com"), ("action_primary", "1")],
    ),
    (
        MAIL,
        &[("email", "two@example.com"), ("action_remove", "1")],
    ),
    (MAIL, &[("email", "open@example.com"), ("action_send", "1")]),
    (PHONE, &[("phone", "+4915100000000")]),
    (PHONE, &[("action", "verify")]),
];

/// As a browser posts it: a button's value may not be empty for us.
fn fields(action: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let filled = |(name, value): &(&'static str, &'static str)| {
        (*name, if value.is_empty() { "1" } else { *value })
    };
    action.iter().map(filled).collect()
}

/// What the account has: addresses and number.
async fn account(app: &TestApp) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "account_emailaddress",
        "account_emailaddress WHERE email = 'two@example.com' AND \"primary\"",
        "hallpass_code",
        "hallpass_outbox",
        "hallpass_phone WHERE phone = '+4915112345678' AND NOT verified",
    ] {
        counts.push(app.count(table).await);
    }
    counts
}

async fn prove(browser: &mut Browser) -> Answer {
    browser.fill(AGAIN, &[("password", PASSWORD)]).await
}

async fn every_sensitive_action_asks_where_it_must(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    let before = account(&app).await;
    for (page, action) in ACTIONS {
        assert_eq!(browser.get(page).await.status, 200, "looking is free");
        let answer = browser.fill(page, &fields(action)).await;
        let to = answer.location();
        assert!(
            to.starts_with(AGAIN),
            "{action:?}: {} {}",
            answer.status,
            answer.text
        );
        assert_eq!(account(&app).await, before, "{action:?}");
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn nothing_asks_where_it_need_not(db: TestDb) {
    let easy = |settings: &mut Settings| {
        strict(settings);
        settings.account.reauthentication_required = false;
    };
    let app = TestApp::with(db, easy).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    for (page, action) in ACTIONS {
        let answer = browser.fill(page, &fields(action)).await;
        assert_eq!(answer.status, 302, "{action:?}");
        assert!(!answer.location().starts_with(AGAIN), "{action:?}");
    }
}

async fn what_was_posted_goes_on_and_is_not_typed_twice(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    let asked = browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    let page = browser.get(asked.location()).await;
    assert!(page.text.contains("type=\"password\""), "{}", page.text);
    let done = browser
        .fill(asked.location(), &[("password", PASSWORD)])
        .await;
    assert_eq!(done.location(), MAIL, "{}", done.text);
    assert_eq!(app.letter().await.to, "new@example.com");
    assert_eq!(app.count("account_emailaddress").await, 4);
    // Once only: another proof does not do it again.
    app.sql("DELETE FROM account_emailaddress WHERE email = 'new@example.com'")
        .await;
    assert_eq!(prove(&mut browser).await.location(), PROFILE);
    assert_eq!(app.count("account_emailaddress").await, 3);
    // Fresh enough for all that follows, a number too.
    let change = browser.fill(PHONE, &fields(ACTIONS[4].1)).await;
    assert_eq!(change.location(), "/accounts/phone/verify/");
    assert_eq!(app.text().await.to, "+4915100000000");
    app.no_other_letter_was_sent().await;
    // The same with a number that waits.
    app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
    browser.fill("/accounts/logout/", &[]).await;
    browser
        .fill(LOGIN, &[("login", "ann"), ("password", PASSWORD)])
        .await;
    let asked = browser.fill(PHONE, &fields(ACTIONS[4].1)).await;
    let done = browser
        .fill(asked.location(), &[("password", PASSWORD)])
        .await;
    assert_eq!(done.location(), "/accounts/phone/verify/", "{}", done.text);
    let code = code_in(&app.text().await.text);
    let done = browser
        .fill("/accounts/phone/verify/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), PHONE, "{}", done.text);
    let changed = "hallpass_phone WHERE phone = '+4915100000000' AND verified";
    assert_eq!(app.count(changed).await, 1);
}

const BEGIN: i64 = 1_900_000_000;

/// A clock for each database: the two run side by side.
struct Clock(&'static [AtomicI64; 2], usize);

impl Clock {
    fn set(&self, seconds: i64) {
        self.0[self.1].store(BEGIN + seconds, Ordering::Relaxed);
    }
}

fn side(db: &TestDb) -> usize {
    match db.db.dialect() {
        Dialect::Sqlite => 0,
        Dialect::Postgres => 1,
    }
}

async fn a_fresh_proof_lasts_as_long_as_the_setting_says(db: TestDb) {
    static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(BEGIN) }; 2];
    fn now<const N: usize>() -> Timestamp {
        Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
    }
    let clock = Clock(&SECONDS, side(&db));
    let app = TestApp::at(db, [now::<0>, now::<1>][clock.1], strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    assert_eq!(prove(&mut browser).await.location(), PROFILE);
    clock.set(299);
    let done = browser.fill(MAIL, &fields(ACTIONS[1].1)).await;
    assert_eq!(done.location(), MAIL);
    clock.set(300);
    let asked = browser.fill(MAIL, &fields(ACTIONS[3].1)).await;
    assert!(asked.location().starts_with(AGAIN), "{}", asked.location());
    // A record of the future, as a clock that was set back leaves it, is none.
    clock.set(-10);
    let asked = browser.fill(MAIL, &fields(ACTIONS[3].1)).await;
    assert!(asked.location().starts_with(AGAIN), "{}", asked.location());
    app.no_other_letter_was_sent().await;
}

async fn signing_in_is_no_fresh_proof(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    // Once more, though signed in already.
    app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
    let token = browser.cookies["csrftoken"].clone();
    let again = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("login", "ann"),
        ("password", PASSWORD),
    ];
    assert_eq!(browser.post(LOGIN, &again).await.location(), PROFILE);
    let asked = browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    assert!(asked.location().starts_with(AGAIN), "{}", asked.location());
    app.no_other_letter_was_sent().await;
}

async fn no_password_rests_in_the_session(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    let secret = "what-she-typed-into-it";
    let posted = [
        ("email", "new@example.com"),
        ("action_add", "1"),
        ("password", secret),
        ("Password1", secret),
        ("oldpassword", secret),
    ];
    let asked = browser.fill(MAIL, &posted).await;
    assert!(asked.location().starts_with(AGAIN));
    let codec = SessionCodec::new(&SecretKeys::new(SECRET, []));
    let rows = app
        .db
        .db
        .conn()
        .query("SELECT session_data FROM django_session", &[])
        .await;
    let rows: Vec<String> = rows
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();
    let whole: String = rows
        .iter()
        .map(|row| serde_json::to_string(&codec.decode(row)).unwrap())
        .collect();
    assert!(whole.contains("new@example.com"), "it waits: {whole}");
    assert!(!whole.contains(secret), "{whole}");
    assert!(!whole.contains(PASSWORD), "{whole}");
    let token = browser.cookies["csrftoken"].as_str();
    assert!(!whole.contains(token), "{whole}");
}

async fn what_waits_is_worth_nothing_to_another_user(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    app.user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
    let waits = fields(ACTIONS[0].1);
    for sign_out in [false, true] {
        let asked = browser.fill(MAIL, &waits).await;
        assert!(asked.location().starts_with(AGAIN));
        if sign_out {
            browser.fill("/accounts/logout/", &[]).await;
        }
        browser.get("/accounts/email/").await;
        let token = browser.cookies["csrftoken"].clone();
        let fields = [
            ("csrfmiddlewaretoken", token.as_str()),
            ("login", "bob"),
            ("password", PASSWORD),
        ];
        assert_eq!(browser.post(LOGIN, &fields).await.location(), PROFILE);
        assert_eq!(who(&app, &browser).await.as_deref(), Some("bob"));
        assert_eq!(in_session(&app, &browser, keys::SUSPENDED).await, None);
        assert_eq!(prove(&mut browser).await.location(), PROFILE);
        let added = "account_emailaddress WHERE email = 'new@example.com'";
        assert_eq!(app.count(added).await, 0);
        // And back to Ann, whose form is gone with her session, and Bob's proof with his.
        browser.fill("/accounts/logout/", &[]).await;
        browser
            .fill(LOGIN, &[("login", "ann"), ("password", PASSWORD)])
            .await;
        let asked = browser.fill(MAIL, &waits).await;
        assert!(
            asked.location().starts_with(AGAIN),
            "Bob's proof is not hers"
        );
    }
    app.no_other_letter_was_sent().await;
}

async fn what_waits_does_not_wait_for_ever(db: TestDb) {
    static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(BEGIN) }; 2];
    fn now<const N: usize>() -> Timestamp {
        Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
    }
    let clock = Clock(&SECONDS, side(&db));
    let app = TestApp::at(db, [now::<0>, now::<1>][clock.1], strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    clock.set(600);
    assert_eq!(
        prove(&mut browser).await.location(),
        PROFILE,
        "too late for it"
    );
    app.no_other_letter_was_sent().await;
    assert_eq!(app.count("account_emailaddress").await, 3);
    clock.set(900);
    browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    clock.set(1_499);
    assert_eq!(prove(&mut browser).await.location(), MAIL, "just in time");
    assert_eq!(app.letter().await.to, "new@example.com");
}

async fn a_later_form_takes_the_place_of_the_one_that_waits(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    browser.fill(MAIL, &fields(ACTIONS[2].1)).await;
    // Too much to be kept: it must be typed again, and nothing else may happen instead.
    let long = "x".repeat(9_000);
    let asked = browser
        .fill(MAIL, &[("email", "new@example.com"), ("action_add", &long)])
        .await;
    assert!(asked.location().starts_with(AGAIN));
    let done = browser
        .fill(asked.location(), &[("password", PASSWORD)])
        .await;
    assert_eq!(done.location(), MAIL);
    assert_eq!(
        app.count("account_emailaddress").await,
        3,
        "the other one is still there"
    );
    app.no_other_letter_was_sent().await;
}

async fn a_wrong_password_frees_nothing(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    app.user_with("bob", "bob@example.com", &hash("bobs-horse"))
        .await;
    browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    for wrong in ["guessed", "bobs-horse", "", " "] {
        let answer = browser.fill(AGAIN, &[("password", wrong)]).await;
        assert_eq!(answer.status, 400, "{wrong}");
        // Nor does a code where there is a password.
        let answer = browser.fill(AGAIN, &[("code", "BBBB-BBBB")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let asked = browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
        assert!(asked.location().starts_with(AGAIN), "{wrong}");
    }
    assert_eq!(app.count("account_emailaddress").await, 3);
    assert_eq!(prove(&mut browser).await.location(), MAIL);
    assert_eq!(app.letter().await.to, "new@example.com");
    // Nobody is here to prove anything.
    let nobody = app.browser().get(AGAIN).await;
    assert!(nobody.location().starts_with(LOGIN));
    let mut stranger = app.browser();
    stranger.get(LOGIN).await;
    let nobody = stranger.fill(AGAIN, &[("password", PASSWORD)]).await;
    assert!(nobody.location().starts_with(LOGIN));
}

async fn who_has_no_password_proves_by_code(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, "!none").await;
    let asked = browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    let page = browser.get(asked.location()).await;
    assert!(!page.text.contains("type=\"password\""), "{}", page.text);
    let letter = app.letter().await;
    assert_eq!(letter.to, "ann@example.com");
    let code = code_in(&letter.text);
    // Looking again sends nothing; a wrong code frees nothing; a password is no way at all.
    browser.get(AGAIN).await;
    app.no_other_letter_was_sent().await;
    assert_eq!(
        browser.fill(AGAIN, &[("code", "BBBB-BBBB")]).await.status,
        400
    );
    assert_eq!(browser.fill(AGAIN, &[("password", "")]).await.status, 400);
    assert_eq!(
        browser.fill(AGAIN, &[("password", "none")]).await.status,
        404
    );
    assert_eq!(app.count("account_emailaddress").await, 3);
    // It signs nobody in either.
    let mut other = app.browser();
    other.get(LOGIN).await;
    let login = other
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(login.location(), LOGIN);
    let done = browser.fill(AGAIN, &[("code", &code)]).await;
    assert_eq!(done.location(), MAIL, "{}", done.text);
    assert_eq!(app.letter().await.to, "new@example.com");
    app.no_other_letter_was_sent().await;
}

async fn a_code_of_one_is_worth_nothing_to_another(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut anns = ann(&app, "!none").await;
    let bob = app.user("bob", "bob@example.com").await;
    set_verified(&app, bob, "bob@example.com").await;
    let mut bobs = app.browser();
    bobs.fill("/accounts/login/link/", &[("email", "bob@example.com")])
        .await;
    let link = hallpass_testkit::app::link_in(&app.letter().await.text);
    assert_eq!(bobs.fill(&link, &[]).await.location(), PROFILE);
    anns.get(AGAIN).await;
    let anns_code = code_in(&app.letter().await.text);
    bobs.get(AGAIN).await;
    let bobs_code = code_in(&app.letter().await.text);
    assert_eq!(anns.fill(AGAIN, &[("code", &bobs_code)]).await.status, 400);
    assert_eq!(bobs.fill(AGAIN, &[("code", &anns_code)]).await.status, 400);
    assert_eq!(
        bobs.fill(AGAIN, &[("code", &bobs_code)]).await.location(),
        PROFILE
    );
    assert_eq!(
        anns.fill(AGAIN, &[("code", &anns_code)]).await.location(),
        PROFILE
    );
    assert_eq!(
        anns.fill(AGAIN, &[("code", &anns_code)]).await.status,
        400,
        "once"
    );
}

async fn who_can_prove_nothing_is_not_asked(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    app.user("eve", "eve@example.com").await;
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/link/", &[("email", "eve@example.com")])
        .await;
    let link = hallpass_testkit::app::link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.location(), PROFILE);
    // What the link confirmed is taken away again: nothing is left to prove anything by.
    app.sql("UPDATE account_emailaddress SET verified = FALSE")
        .await;
    let done = browser.fill(MAIL, &fields(ACTIONS[0].1)).await;
    assert_eq!(done.location(), MAIL, "{}", done.text);
    assert_eq!(app.letter().await.to, "new@example.com");
}

async fn a_proof_leads_to_no_foreign_host(db: TestDb) {
    let app = TestApp::with(db, strict).await;
    let mut browser = ann(&app, &hash(PASSWORD)).await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let fields = [("password", PASSWORD), ("next", next)];
        assert_eq!(
            browser.fill(AGAIN, &fields).await.location(),
            PROFILE,
            "{next}"
        );
        let page = format!("{AGAIN}?next={next}");
        let page = browser.fill(&page, &[("password", PASSWORD)]).await;
        assert_eq!(page.location(), PROFILE, "{next}");
    }
    let fields = [("password", PASSWORD), ("next", "/there/")];
    assert_eq!(browser.fill(AGAIN, &fields).await.location(), "/there/");
}
