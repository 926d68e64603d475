//! Limits at the doors that they belong to, as they are without a setting.

mod evasion;

use std::sync::atomic::Ordering;

use hallpass::settings::{Asked, LoginBy, RateLimits, Settings, SignupField, Verification};
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::waits::{
    Kind, PASSWORD, all_codes, attempts, begin, clock, code_in, fresh_number, person, post, sign_in,
};

each_database!(
    every_door_has_its_default_by_address_of_the_client,
    every_door_has_its_default_by_key,
    every_door_has_its_default_by_user,
    failed_passwords_are_limited_by_client,
    failed_passwords_are_limited_by_account,
    a_success_takes_back_its_own_failure_and_no_other,
    wrong_codes_are_limited_by_client_and_by_recipient,
    confirmation_links_are_limited_in_silence,
    confirmation_codes_are_limited_aloud,
    a_password_that_would_send_a_code_too_early_is_refused_in_its_form,
    texts_are_limited_by_number_and_by_client,
    a_stage_that_could_not_send_is_entered_later,
    a_password_reset_lifts_what_counts_against_its_account,
    older_settings_change_the_defaults,
    looking_at_pages_counts_for_nothing,
    what_cannot_be_counted_is_refused,
);

/// Every action that has a limit.
const ACTIONS: [&str; 14] = [
    "login",
    "login_failed",
    "signup",
    "request_login_code",
    "request_login_link",
    "confirm_code",
    "reset_password",
    "reset_password_from_key",
    "change_password",
    "change_phone",
    "manage_email",
    "reauthenticate",
    "confirm_email",
    "verify_phone",
];

/// These rates, and no others.
pub(crate) fn only(given: &[(&str, &str)]) -> RateLimits {
    let all = ACTIONS.map(|action| {
        let rates = given.iter().find(|(name, _)| *name == action);
        let rates = rates.map_or("false".to_owned(), |(_, rates)| format!("\"{rates}\""));
        format!("\"{action}\": {rates}")
    });
    rates(&format!("{{{}}}", all.join(",")))
}

/// The default of one action, and no others.
fn default_of(action: &str) -> RateLimits {
    let others = ACTIONS.into_iter().filter(|other| *other != action);
    let others: Vec<String> = others.map(|other| format!("\"{other}\": false")).collect();
    rates(&format!("{{{}}}", others.join(",")))
}

const LOGIN: &str = "/accounts/login/";
const CODE: &str = "/accounts/login/code/";
const LINK: &str = "/accounts/login/link/";
const RESET: &str = "/accounts/password/reset/";
const ADDRESSES: &str = "/accounts/email/";

/// Whether a limit refused this: with a page of its own, or in the form.
fn is_limited(answer: &Answer) -> bool {
    if answer.status == 429 {
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!(wait >= 1);
        return true;
    }
    answer.status == 400 && answer.text.contains("Too many attempts to sign in.")
}

/// A browser with a CSRF token, at this address.
async fn from(app: &TestApp, ip: &str) -> Browser {
    let mut browser = app.browser();
    browser.peer = format!("{ip}:4000").parse().unwrap();
    browser.get(LINK).await;
    browser
}

/// Exactly `most` of these get through.
async fn allows(
    most: usize,
    browser: &mut Browser,
    path: &str,
    fields: impl Fn(usize) -> Vec<(&'static str, String)>,
) -> Answer {
    for n in 0..=most {
        let fields = fields(n);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let answer = post(browser, path, &fields).await;
        assert_eq!(
            is_limited(&answer),
            n == most,
            "{path}, number {n} of {most}: {} {}",
            answer.status,
            answer.text
        );
        assert!(answer.status.as_u16() < 500);
        if n == most {
            return answer;
        }
    }
    unreachable!()
}

fn field(name: &'static str, value: impl Into<String>) -> Vec<(&'static str, String)> {
    vec![(name, value.into())]
}

async fn every_door_has_its_default_by_address_of_the_client(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let mut db = db;
    let key = "/accounts/password/reset/key/1-abc-def/";
    for (action, path, name, most, status) in [
        ("login", LOGIN, "login", 30, 429),
        ("signup", "/accounts/signup/", "username", 20, 429),
        ("request_login_code", CODE, "email", 20, 400),
        ("request_login_link", LINK, "email", 20, 429),
        ("reset_password", RESET, "email", 20, 429),
        ("reset_password_from_key", key, "password1", 20, 429),
    ] {
        let app = TestApp::at(db, clock, |settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.rate_limits = default_of(action);
        })
        .await;
        let mut browser = from(&app, "192.0.2.1").await;
        // Filled in with something else each time; what is asked for is nobody's.
        let each = |n: usize| {
            let mut all = field(name, format!("p{n}@example.com"));
            all.push(("password", "wrong-one".to_owned()));
            all
        };
        let refused = allows(most, &mut browser, path, each).await;
        assert_eq!(refused.status, status, "{action}");
        let mut elsewhere = from(&app, "192.0.2.2").await;
        let fields = each(most + 1);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
        assert!(!is_limited(&post(&mut elsewhere, path, &fields).await));
        // To the second: the first of them leaves the window after a minute.
        seconds.fetch_add(59, Ordering::SeqCst);
        assert!(
            is_limited(&post(&mut browser, path, &fields).await),
            "{action}"
        );
        seconds.fetch_add(1, Ordering::SeqCst);
        assert!(
            !is_limited(&post(&mut browser, path, &fields).await),
            "{action}"
        );
        app.letters().await;
        db = app.db;
    }
}

async fn every_door_has_its_default_by_key(db: TestDb) {
    let mut db = db;
    for (action, path, most, status) in [
        ("request_login_code", CODE, 3, 400),
        ("request_login_link", LINK, 3, 429),
        ("reset_password", RESET, 5, 429),
    ] {
        let app = TestApp::with(db, |settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.rate_limits = default_of(action);
        })
        .await;
        let mut browser = from(&app, "192.0.2.1").await;
        let same = |_| field("email", "ann@example.com");
        let refused = allows(most, &mut browser, path, same).await;
        assert_eq!(refused.status, status, "{action}");
        assert_eq!(app.letters().await.len(), most, "{action}");
        // From anywhere.
        let mut elsewhere = from(&app, "198.51.100.9").await;
        let again = post(&mut elsewhere, path, &[("email", "ann@example.com")]).await;
        assert!(is_limited(&again), "{action}");
        let other = post(&mut elsewhere, path, &[("email", "bob@example.com")]).await;
        assert!(!is_limited(&other), "{action}");
        assert_eq!(app.letter().await.to, "bob@example.com");
        db = app.db;
    }
}

fn by_user(action: &'static str) -> impl FnOnce(&mut Settings) {
    move |settings| {
        all_codes(settings);
        settings.account.login_by_code_required.after.clear();
        settings.account.rate_limits = default_of(action);
    }
}

async fn every_door_has_its_default_by_user(db: TestDb) {
    let mut db = db;
    for (index, (action, path, most)) in [
        ("change_password", "/accounts/password/change/", 5),
        ("change_password", "/accounts/password/set/", 5),
        ("manage_email", ADDRESSES, 10),
        ("reauthenticate", "/accounts/reauthenticate/", 10),
        ("change_phone", "/accounts/phone/change/", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let app = TestApp::with(db, by_user(action)).await;
        let password = Some(PASSWORD).filter(|_| path != "/accounts/password/set/");
        let (ann, bob) = (
            format!("ann{index}@example.com"),
            format!("bob{index}@example.com"),
        );
        for who in [&ann, &bob] {
            person(&app, (who, true), None, password).await;
        }
        let mut browser = from(&app, "192.0.2.1").await;
        sign_in(&app, &mut browser, &ann).await;
        let each = |_: usize| match path {
            "/accounts/email/" => vec![
                ("action_add", "1".to_owned()),
                ("email", "not an address".to_owned()),
            ],
            "/accounts/phone/change/" => field("phone", fresh_number()),
            "/accounts/reauthenticate/" => field("password", "wrong-one"),
            _ => field("oldpassword", "wrong-one"),
        };
        let refused = allows(most, &mut browser, path, each).await;
        assert_eq!(refused.status, 429, "{action}");
        // In any browser of the same user, wherever it is; not for another user here.
        let mut second = from(&app, "198.51.100.9").await;
        let mut other = from(&app, "192.0.2.1").await;
        app.texts().await;
        sign_in(&app, &mut second, &ann).await;
        sign_in(&app, &mut other, &bob).await;
        for (browser, limited) in [(&mut second, true), (&mut other, false)] {
            let fields = each(0);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
            let answer = post(browser, path, &fields).await;
            assert_eq!(is_limited(&answer), limited, "{action}: {}", answer.text);
        }
        app.texts().await;
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

fn passwords(action: &'static str) -> impl FnOnce(&mut Settings) {
    move |settings| settings.account.rate_limits = default_of(action)
}

async fn try_password(browser: &mut Browser, login: &str, password: &str) -> Answer {
    post(browser, LOGIN, &[("login", login), ("password", password)]).await
}

async fn failed_passwords_are_limited_by_client(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    let mut browser = from(&app, "192.0.2.1").await;
    let each = |n| vec![("login", format!("p{n}")), ("password", "wrong".to_owned())];
    let refused = allows(10, &mut browser, LOGIN, each).await;
    assert_eq!(refused.status, 400, "said in the form");
    // The right password as well: else one would learn it in spite of the limit.
    assert!(is_limited(
        &try_password(&mut browser, "ann", PASSWORD).await
    ));
    assert_eq!(app.count("usersessions_usersession").await, 0);
    let mut elsewhere = from(&app, "192.0.2.2").await;
    assert_eq!(
        try_password(&mut elsewhere, "ann", PASSWORD).await.status,
        302
    );
    seconds.fetch_add(60, Ordering::SeqCst);
    assert_eq!(
        try_password(&mut browser, "ann", PASSWORD).await.status,
        302
    );
    app.no_other_letter_was_sent().await;
}

async fn failed_passwords_are_limited_by_account(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    person(&app, ("bob@example.com", true), None, Some(PASSWORD)).await;
    for n in 0..5 {
        let mut browser = from(&app, &format!("192.0.2.{n}")).await;
        let wrong = try_password(&mut browser, "ann", "wrong").await;
        assert!(wrong.status == 400 && !is_limited(&wrong));
    }
    let mut fresh = from(&app, "198.51.100.9").await;
    assert!(is_limited(&try_password(&mut fresh, "ann", PASSWORD).await));
    assert_eq!(app.count("usersessions_usersession").await, 0);
    // Nobody else is locked out with ann, and a name that is nobody's is limited alike.
    let mut other = from(&app, "198.51.100.10").await;
    assert_eq!(try_password(&mut other, "bob", PASSWORD).await.status, 302);
    for n in 0..=5 {
        let mut browser = from(&app, &format!("203.0.113.{n}")).await;
        let wrong = try_password(&mut browser, "nobody", "wrong").await;
        assert_eq!(is_limited(&wrong), n == 5);
    }
    seconds.fetch_add(299, Ordering::SeqCst);
    assert!(is_limited(&try_password(&mut fresh, "ann", PASSWORD).await));
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(try_password(&mut fresh, "ann", PASSWORD).await.status, 302);
    app.no_other_letter_was_sent().await;
}

/// allauth 65.8.1: an account of the attacker's own must not wash anything away.
async fn a_success_takes_back_its_own_failure_and_no_other(db: TestDb) {
    let app = TestApp::with(db, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    person(&app, ("eve@example.com", true), None, Some(PASSWORD)).await;
    // Who knows the password may sign in as often as one likes.
    for _ in 0..12 {
        let mut browser = from(&app, "192.0.2.1").await;
        assert_eq!(
            try_password(&mut browser, "eve", PASSWORD).await.status,
            302
        );
    }
    for n in 0..10 {
        let mut browser = from(&app, "192.0.2.1").await;
        let wrong = try_password(&mut browser, &format!("p{n}"), "wrong").await;
        assert!(!is_limited(&wrong), "{n}");
        if n < 9 {
            let mut browser = from(&app, "192.0.2.1").await;
            assert_eq!(
                try_password(&mut browser, "eve", PASSWORD).await.status,
                302,
                "{n}"
            );
        }
    }
    let mut browser = from(&app, "192.0.2.1").await;
    assert!(is_limited(
        &try_password(&mut browser, "p11", "wrong").await
    ));
    // The same by account: four failures, a success, and the fifth is the last.
    for n in 0..4 {
        let mut browser = from(&app, &format!("198.51.100.{n}")).await;
        assert!(!is_limited(
            &try_password(&mut browser, "ann", "wrong").await
        ));
    }
    let mut owner = from(&app, "203.0.113.1").await;
    assert_eq!(try_password(&mut owner, "ann", PASSWORD).await.status, 302);
    let mut browser = from(&app, "198.51.100.4").await;
    assert!(!is_limited(
        &try_password(&mut browser, "ann", "wrong").await
    ));
    let mut browser = from(&app, "198.51.100.5").await;
    assert!(is_limited(
        &try_password(&mut browser, "ann", PASSWORD).await
    ));
}

async fn wrong_codes_are_limited_by_client_and_by_recipient(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
        settings.account.login_by_code_timeout = 9000;
        settings.account.login_timeout = 9000;
        settings.account.rate_limits = default_of("confirm_code");
    })
    .await;
    let mut waits = begin(&app, Kind::Login, "ann").await;
    for n in 0..=20 {
        let wrong = waits.wrong();
        let answer = waits.refuses(&app, &wrong).await;
        assert_eq!(answer.status, if n == 20 { 429 } else { 400 });
    }
    let mut other = begin(&app, Kind::Login, "bob").await;
    // The client had twenty-one; thirty are allowed in a minute.
    for n in 0..=9 {
        let wrong = other.wrong();
        let answer = other.refuses(&app, &wrong).await;
        assert_eq!(answer.status, if n == 9 { 429 } else { 400 });
    }
    seconds.fetch_add(60, Ordering::SeqCst);
    other.is_good().await;
    seconds.fetch_add(3539, Ordering::SeqCst);
    let code = waits.code.clone();
    assert_eq!(waits.refuses(&app, &code).await.status, 429);
    seconds.fetch_add(1, Ordering::SeqCst);
    waits.is_good().await;
    app.no_other_letter_was_sent().await;
}

fn add(email: &str) -> [(&'static str, &str); 2] {
    [("action_add", "1"), ("email", email)]
}

async fn confirmation_links_are_limited_in_silence(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.email_verification_by_code_enabled = false;
        settings.account.login_by_code_required.after.clear();
        settings.account.rate_limits = default_of("confirm_email");
    })
    .await;
    person(&app, ("ann@example.com", true), None, None).await;
    let mut browser = from(&app, "192.0.2.1").await;
    sign_in(&app, &mut browser, "ann@example.com").await;
    let added = post(&mut browser, ADDRESSES, &add("new@example.com")).await;
    assert_eq!(added.status, 302);
    let link = link_in(&app.letter().await.text);
    let send = [("action_send", "1"), ("email", "New@Example.com")];
    seconds.fetch_add(179, Ordering::SeqCst);
    assert_eq!(post(&mut browser, ADDRESSES, &send).await.status, 302);
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(post(&mut browser, ADDRESSES, &send).await.status, 302);
    assert_eq!(app.letter().await.to, "new@example.com");
    // At the stage of a sign-in, by whichever way one comes there.
    person(&app, ("bob@example.com", false), None, Some(PASSWORD)).await;
    for n in 0..3 {
        let mut browser = from(&app, "192.0.2.1").await;
        let done = try_password(&mut browser, "bob@example.com", PASSWORD).await;
        assert_eq!(done.location(), "/accounts/confirm-email/", "{}", done.text);
        let again = post(&mut browser, done.location(), &[("action", "resend")]).await;
        assert_eq!(again.status, 302);
        assert_eq!(app.letters().await.len(), usize::from(n == 0));
    }
    // What was sent before is still good.
    let mut elsewhere = from(&app, "192.0.2.9").await;
    assert_eq!(post(&mut elsewhere, &link, &[]).await.status, 302);
    app.no_other_letter_was_sent().await;
}

async fn confirmation_codes_are_limited_aloud(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, by_user("confirm_email")).await;
    let mut waits = begin(&app, Kind::AddEmail, "ann").await;
    seconds.fetch_add(9, Ordering::SeqCst);
    let early = waits.acts("resend", &[]).await;
    assert_eq!(early.status, 429);
    let wait: u64 = early.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    // The code of before is good still: nothing was replaced by what was not sent.
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 302);
    waits.code = code_in(&app.letter().await.text);
    waits.is_good().await;

    let mut waits = begin(&app, Kind::AddEmail, "bob").await;
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    waits.is_good().await;

    // At the stage too, and whoever did not get the code is led on later.
    let mut waits = begin(&app, Kind::StageEmail, "eve").await;
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    waits.is_good().await;
    app.no_other_letter_was_sent().await;
}

async fn a_password_that_would_send_a_code_too_early_is_refused_in_its_form(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, by_user("confirm_email")).await;
    person(&app, ("ann@example.com", false), None, Some(PASSWORD)).await;
    let mut first = from(&app, "192.0.2.1").await;
    let done = try_password(&mut first, "ann@example.com", PASSWORD).await;
    assert_eq!(done.location(), Kind::StageEmail.door(), "{}", done.text);
    let code = code_in(&app.letter().await.text);
    let mut second = from(&app, "192.0.2.1").await;
    let early = try_password(&mut second, "ann@example.com", PASSWORD).await;
    assert_eq!(early.status, 400);
    assert!(is_limited(&early), "{}", early.text);
    // Nothing waits there, and a wrong password is not told from a right one by it.
    let page = second.get(Kind::StageEmail.door()).await;
    assert_eq!(page.location(), LOGIN);
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(10, Ordering::SeqCst);
    let done = try_password(&mut second, "ann@example.com", PASSWORD).await;
    assert_eq!(done.location(), Kind::StageEmail.door());
    app.letter().await;
    let done = post(&mut first, Kind::StageEmail.door(), &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/");
}

async fn texts_are_limited_by_number_and_by_client(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.rate_limits = default_of("verify_phone");
    })
    .await;
    let mut waits = begin(&app, Kind::StagePhone, "ann").await;
    seconds.fetch_add(29, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    app.no_other_text_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 302);
    waits.code = code_in(&app.text().await.text);
    waits.is_good().await;

    seconds.fetch_add(600, Ordering::SeqCst);
    for name in ["b", "c", "d"] {
        begin(&app, Kind::ChangePhone, name).await;
    }
    person(&app, ("e@example.com", true), None, None).await;
    let mut browser = from(&app, "192.0.2.10").await;
    sign_in(&app, &mut browser, "e@example.com").await;
    let number = fresh_number();
    let fields = [("phone", number.as_str())];
    let refused = post(&mut browser, "/accounts/phone/change/", &fields).await;
    assert_eq!(refused.status, 429, "a fourth text in a minute");
    app.no_other_text_was_sent().await;
    seconds.fetch_add(60, Ordering::SeqCst);
    let sent = post(&mut browser, "/accounts/phone/change/", &fields).await;
    assert_eq!(sent.location(), Kind::ChangePhone.door());
    assert_eq!(app.text().await.to.to_string(), number);
    app.no_other_letter_was_sent().await;
}

/// What was proved before is not lost by a text that comes too early, and nothing is skipped.
async fn a_stage_that_could_not_send_is_entered_later(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.rate_limits = default_of("verify_phone");
    })
    .await;
    let first = begin(&app, Kind::StagePhone, "ann").await;
    let mut second = from(&app, "192.0.2.1").await;
    let refused = sign_in(&app, &mut second, &first.email).await;
    assert_eq!(refused.status, 429);
    app.no_other_text_was_sent().await;
    let early = second.get(Kind::StagePhone.door()).await;
    assert_eq!(early.status, 429, "{}", early.text);
    assert_eq!(second.get("/accounts/profile/").await.status, 302);
    seconds.fetch_add(30, Ordering::SeqCst);
    let led = second.get(Kind::StagePhone.door()).await;
    assert_eq!(led.location(), Kind::StagePhone.door(), "{}", led.text);
    let code = code_in(&app.text().await.text);
    let done = post(&mut second, Kind::StagePhone.door(), &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_letter_was_sent().await;
}

async fn a_password_reset_lifts_what_counts_against_its_account(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_methods =
            Some(vec![LoginBy::Username, LoginBy::Email, LoginBy::Phone]);
        let asked = [
            SignupField::Username,
            SignupField::Email,
            SignupField::Phone,
        ];
        let asked = asked.map(|field| Asked {
            field,
            required: false,
        });
        settings.account.signup_fields = Some(asked.to_vec());
        settings.account.rate_limits = only(&[("login_failed", "1000/m/ip,2/h/key")]);
    })
    .await;
    let number = fresh_number();
    let id = person(
        &app,
        ("ann@example.com", true),
        Some((&number, true)),
        Some(PASSWORD),
    )
    .await;
    person(&app, ("bob@example.com", true), None, Some(PASSWORD)).await;
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({id}, 'second@example.com', TRUE, FALSE)"
    ))
    .await;
    let mut signed_in = from(&app, "192.0.2.1").await;
    let done = try_password(&mut signed_in, "ann", PASSWORD).await;
    assert_eq!(done.status, 302);
    let logins = [
        "ann",
        "Ann@Example.com",
        "second@example.com",
        &number,
        "bob",
    ];
    for login in logins {
        let mut browser = from(&app, "192.0.2.1").await;
        for _ in 0..2 {
            assert!(!is_limited(
                &try_password(&mut browser, login, "wrong").await
            ));
        }
        assert!(is_limited(
            &try_password(&mut browser, login, PASSWORD).await
        ));
    }
    let change = [("oldpassword", "wrong")];
    for _ in 0..3 {
        post(&mut signed_in, "/accounts/password/change/", &change).await;
    }
    let mut browser = from(&app, "192.0.2.1").await;
    post(&mut browser, RESET, &[("email", "ann@example.com")]).await;
    let link = link_in(&app.letter().await.text);
    let new = [
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let done = post(&mut browser, &link, &new).await;
    assert_eq!(done.status, 302, "{}", done.text);
    for login in logins {
        let mut browser = from(&app, "192.0.2.1").await;
        let done = try_password(&mut browser, login, "correct-horse-9").await;
        let expected = if login == "bob" { 400 } else { 302 };
        assert_eq!(done.status, expected, "{login}: {}", done.text);
        if login == "bob" {
            assert!(is_limited(&done), "another's stays");
            continue;
        }
        // What counts against the owner of a session goes as well.
        let fields = [
            ("oldpassword", "correct-horse-9"),
            ("password1", "correct-horse-9"),
            ("password2", "correct-horse-9"),
        ];
        let changed = post(&mut browser, "/accounts/password/change/", &fields).await;
        assert_eq!(changed.status, 302, "{login}: {}", changed.text);
    }
    app.no_other_letter_was_sent().await;
}

async fn older_settings_change_the_defaults(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        settings.account.login_attempts_limit = 2;
        settings.account.login_attempts_timeout = 40;
        settings.account.email_confirmation_cooldown = 50;
        settings.account.email_verification = Verification::Mandatory;
        settings.account.rate_limits = RateLimits::default();
    })
    .await;
    person(&app, ("ann@example.com", false), None, Some(PASSWORD)).await;
    let mut browser = from(&app, "192.0.2.1").await;
    for n in 0..=2 {
        let wrong = try_password(&mut browser, "ann", "wrong").await;
        assert_eq!(is_limited(&wrong), n == 2);
    }
    seconds.fetch_add(40, Ordering::SeqCst);
    for (later, letters) in [(0, 1), (49, 0), (1, 1)] {
        seconds.fetch_add(later, Ordering::SeqCst);
        let mut browser = from(&app, "192.0.2.1").await;
        let done = try_password(&mut browser, "ann", PASSWORD).await;
        assert_eq!(done.location(), "/accounts/confirm-email/");
        assert_eq!(app.letters().await.len(), letters, "{later}");
    }
}

async fn looking_at_pages_counts_for_nothing(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        settings.account.login_by_code_required.after.clear();
        settings.account.rate_limits = RateLimits::default();
    })
    .await;
    let mut waits = begin(&app, Kind::AddEmail, "ann").await;
    let hits = app.count("hallpass_limit").await;
    let mut stranger = from(&app, "192.0.2.10").await;
    for _ in 0..3 {
        for path in [
            LOGIN,
            "/accounts/signup/",
            CODE,
            Kind::Login.door(),
            LINK,
            RESET,
            Kind::Reset.door(),
            Kind::AddEmail.door(),
            Kind::ChangePhone.door(),
            ADDRESSES,
            "/accounts/phone/change/",
            "/accounts/password/change/",
            "/accounts/password/set/",
            "/accounts/profile/",
            "/accounts/logout/",
        ] {
            for browser in [&mut stranger, &mut waits.browser] {
                let answer = browser.get(path).await;
                assert!([200, 302].contains(&answer.status.as_u16()), "{path}");
            }
        }
    }
    assert_eq!(app.count("hallpass_limit").await, hits);
    waits.is_good().await;
    app.no_other_letter_was_sent().await;
}

async fn what_cannot_be_counted_is_refused(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        settings.account.login_by_code_required.after.clear();
        settings.account.rate_limits = RateLimits::default();
    })
    .await;
    person(&app, ("bob@example.com", true), None, Some(PASSWORD)).await;
    let own = begin(&app, Kind::AddEmail, "ann").await;
    let waits = begin(&app, Kind::Login, "eve").await;
    let browser = from(&app, "192.0.2.1").await;
    app.sql("DROP TABLE hallpass_limit").await;
    let before = crate::waits::state(&app).await;
    let codes = app.count("hallpass_code").await;
    let number = fresh_number();
    for (mut browser, path, fields) in [
        (
            browser.clone(),
            LOGIN,
            vec![("login", "bob@example.com"), ("password", PASSWORD)],
        ),
        (browser.clone(), CODE, vec![("email", "bob@example.com")]),
        (browser.clone(), LINK, vec![("email", "bob@example.com")]),
        (browser.clone(), RESET, vec![("email", "bob@example.com")]),
        (
            browser.clone(),
            "/accounts/signup/",
            vec![
                ("email", "new@example.com"),
                ("password1", "correct-horse-9"),
            ],
        ),
        (
            waits.browser.clone(),
            Kind::Login.door(),
            vec![("code", waits.code.as_str())],
        ),
        (
            own.browser.clone(),
            Kind::AddEmail.door(),
            vec![("code", own.code.as_str())],
        ),
        (
            own.browser.clone(),
            Kind::AddEmail.door(),
            vec![("action", "resend")],
        ),
        (
            own.browser.clone(),
            ADDRESSES,
            add("second@example.com").to_vec(),
        ),
        (
            own.browser.clone(),
            "/accounts/phone/change/",
            vec![("phone", number.as_str())],
        ),
        (
            own.browser.clone(),
            "/accounts/password/set/",
            vec![
                ("password1", "correct-horse-9"),
                ("password2", "correct-horse-9"),
            ],
        ),
    ] {
        let answer = post(&mut browser, path, &fields).await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.text.contains("hallpass_limit"), "{path}");
    }
    assert_eq!(before, crate::waits::state(&app).await);
    assert_eq!(app.count("hallpass_code").await, codes);
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}
