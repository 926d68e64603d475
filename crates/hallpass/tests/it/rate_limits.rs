//! Limits at the doors that they belong to, as they are without a setting.

mod evasion;
mod failed_passwords;
mod letters;

use std::sync::atomic::Ordering;

use hallpass::settings::{RateLimits, Settings, Verification};
use hallpass_testkit::app::rates;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::waits::{Kind, PASSWORD, all_codes, begin, clock, fresh_number, person, post, sign_in};

each_database!(
    every_door_has_its_default_by_address_of_the_client,
    every_door_has_its_default_by_key,
    every_door_has_its_default_by_user,
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

fn add(email: &str) -> [(&'static str, &str); 2] {
    [("action_add", "1"), ("email", email)]
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
