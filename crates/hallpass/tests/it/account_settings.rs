//! Settings of accounts that no other story is about: each test fails where the setting is not read.

mod addresses;
mod signup;

use hallpass::domain::User;
use hallpass::settings::{Settings, load};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, TestApp, TestDb, each_database};
use serde_json::json;

use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in};

each_database!(
    a_closed_signup_is_closed,
    people_land_where_the_settings_say,
    a_session_is_remembered_as_the_settings_say,
    a_reset_signs_in_if_the_settings_say_so,
    a_password_has_a_least_length_without_validators,
    who_is_signed_in_is_sent_on_or_not,
    signing_out_needs_a_button_or_not,
    extra_fields_are_checked_and_kept,
);

const SIGNUP: &str = "/accounts/signup/";

/// A signup with these fields, in a fresh browser.
async fn sign_up(app: &TestApp, fields: &[(&str, &str)]) -> Answer {
    app.browser().fill(SIGNUP, fields).await
}

/// The words of the error at a field.
fn fault(answer: &Answer, field: &str) -> String {
    let mark = format!("<div class=\"hp-error\" id=\"id_{field}-error\">");
    let Some((_, rest)) = answer.text.split_once(&mark) else {
        return String::new();
    };
    let error = rest.split("</div>").next().unwrap_or_default();
    error.replace("<span class=\"hp-unseen\">Error: </span>", "")
}

async fn user(app: &TestApp, name: &str) -> User {
    let user = app.hallpass.users().by_username(name).await;
    user.unwrap().unwrap_or_else(|| panic!("no {name}"))
}

fn only_names(settings: &mut Settings) {
    settings.account.signup_fields = asked("username* password1*");
}

async fn a_closed_signup_is_closed(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        settings.hallpass.signup_open = false;
    })
    .await;
    let mut browser = app.browser();
    assert_eq!(browser.get(SIGNUP).await.status, 403);
    let page = browser.get("/accounts/login/").await;
    assert!(!page.text.contains(SIGNUP), "and nothing leads there");
    let fields = [("username", "ann"), ("password1", PASSWORD)];
    assert_eq!(browser.fill(SIGNUP, &fields).await.status, 403);
    assert_eq!(app.count("auth_user").await, 0);
}

async fn people_land_where_the_settings_say(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        settings.general.login_redirect_url = Some("/in/".to_owned());
    })
    .await;
    let fields = [("username", "ann"), ("password1", PASSWORD)];
    assert_eq!(sign_up(&app, &fields).await.location(), "/in/");
    let app = TestApp::with(app.db, |settings| {
        only_names(settings);
        settings.general.login_redirect_url = Some("/in/".to_owned());
        settings.account.signup_redirect_url = Some("/new/".to_owned());
        settings.account.logout_redirect_url = Some("/out/".to_owned());
        settings.general.logout_redirect_url = Some("/elsewhere/".to_owned());
    })
    .await;
    let fields = [("username", "bob"), ("password1", PASSWORD)];
    assert_eq!(sign_up(&app, &fields).await.location(), "/new/");
    let fields = [
        ("username", "cid"),
        ("password1", PASSWORD),
        ("next", "/mine/"),
    ];
    assert_eq!(sign_up(&app, &fields).await.location(), "/mine/");
    let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.location(), "/in/");
    assert_eq!(ann.fill("/accounts/logout/", &[]).await.location(), "/out/");
}

async fn a_session_is_remembered_as_the_settings_say(mut db: TestDb) {
    let own = TestApp::new(db).await;
    own.user_with("ann", "", &hash(PASSWORD)).await;
    db = own.db;
    for (setting, ticked, age) in [
        (None, true, Some(777)),
        (None, false, None),
        (Some(true), false, Some(777)),
        (Some(false), true, None),
    ] {
        let app = TestApp::with(db, |settings| {
            settings.account.session_remember = setting;
            settings.account.session_cookie_age = Some(777);
        })
        .await;
        let mut browser = app.browser();
        let page = browser.get("/accounts/login/").await;
        let asked = page.text.contains("name=\"remember\"");
        assert_eq!(asked, setting.is_none());
        let tick = if ticked { "on" } else { "" };
        let fields = [("login", "ann"), ("password", PASSWORD), ("remember", tick)];
        let answer = browser.fill("/accounts/login/", &fields).await;
        let lines = answer.headers.get_all("set-cookie").iter();
        let mut lines = lines.map(|line| line.to_str().unwrap());
        let line = lines.find(|line| line.starts_with("sessionid=")).unwrap();
        let wanted = age.map(|age| format!("Max-Age={age}"));
        match wanted {
            Some(wanted) => assert!(line.contains(&wanted), "{setting:?} {ticked}: {line}"),
            None => assert!(!line.contains("Max-Age"), "{setting:?} {ticked}: {line}"),
        }
        db = app.db;
    }
}

async fn a_reset_signs_in_if_the_settings_say_so(mut db: TestDb) {
    for signs_in in [false, true] {
        let app = TestApp::with(db, |settings| {
            settings.account.login_on_password_reset = signs_in;
        })
        .await;
        let email = format!("{signs_in}@example.com");
        app.user_with(&email, &email, &hash(PASSWORD)).await;
        let mut browser = app.browser();
        browser
            .fill("/accounts/password/reset/", &[("email", &email)])
            .await;
        let link = link_in(&app.letter().await.text);
        let choose = browser.get(&link).await.location().to_owned();
        let new = [("password1", "new-horse-77"), ("password2", "new-horse-77")];
        browser.fill(&choose, &new).await;
        assert_eq!(is_in(&mut browser).await, signs_in);
        db = app.db;
    }
}

async fn a_password_has_a_least_length_without_validators(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        settings.general.auth_password_validators = Vec::new();
        settings.account.password_min_length = 5;
    })
    .await;
    for (password, status) in [("1234", 400), ("12345", 302)] {
        let answer = sign_up(&app, &[("username", "ann"), ("password1", password)]).await;
        assert_eq!(answer.status, status, "{password}: {}", answer.text);
    }
    let app = TestApp::with(app.db, |settings| {
        only_names(settings);
        settings.account.password_min_length = 5;
    })
    .await;
    let answer = sign_up(&app, &[("username", "bob"), ("password1", "horse")]).await;
    let said = fault(&answer, "password1");
    assert!(said.contains("at least 8"), "the validators decide: {said}");
}

async fn who_is_signed_in_is_sent_on_or_not(mut db: TestDb) {
    for sent_on in [true, false] {
        let app = TestApp::with(db, |settings| {
            settings.account.authenticated_login_redirects = sent_on;
        })
        .await;
        let name = format!("ann{sent_on}");
        app.user_with(&name, "", &hash(PASSWORD)).await;
        let mut ann = signed_in(&app, &name).await;
        for path in ["/accounts/login/", SIGNUP] {
            assert_eq!(ann.get(path).await.status == 302, sent_on, "{path}");
        }
        db = app.db;
    }
}

async fn signing_out_needs_a_button_or_not(mut db: TestDb) {
    for on_get in [false, true] {
        let app = TestApp::with(db, |settings| {
            settings.account.logout_on_get = on_get;
        })
        .await;
        let name = format!("ann{on_get}");
        app.user_with(&name, "", &hash(PASSWORD)).await;
        let mut ann = signed_in(&app, &name).await;
        ann.get("/accounts/logout/").await;
        assert_eq!(is_in(&mut ann).await, !on_get);
        db = app.db;
    }
}

async fn extra_fields_are_checked_and_kept(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        let fields = json!([
            { "name": "first_name", "label": "Given name", "required": true },
            { "name": "last_name" },
            { "name": "about", "type": "textarea", "max_length": 30 },
            { "name": "other", "type": "email" },
            { "name": "age", "type": "number" },
            { "name": "born", "type": "date" },
            { "name": "terms", "type": "checkbox", "required": true },
            { "name": "news", "type": "checkbox" },
            { "name": "colour", "type": "select", "choices": [["r", "Red"], "blue"] },
        ]);
        let pair = (
            "HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(),
            fields.to_string(),
        );
        settings.hallpass.signup_extra_fields = load(None, [pair])
            .unwrap()
            .settings
            .hallpass
            .signup_extra_fields;
    })
    .await;
    let good = [
        ("username", "ann"),
        ("password1", PASSWORD),
        ("first_name", " Ann "),
        ("last_name", "Bee"),
        ("about", "two\r\nlines"),
        ("other", "Other@Example.com"),
        ("age", "-7"),
        ("born", "2001-02-28"),
        ("terms", "on"),
        ("news", ""),
        ("colour", "r"),
    ];
    for (field, value, words) in [
        ("first_name", " ", "is required"),
        ("first_name", "a\u{7}b", "does not have the form"),
        ("first_name", "a\0b", "cannot be used"),
        ("about", "1234567890123456789012345678901", "at most 30"),
        ("other", "nothing", "valid e-mail"),
        ("age", "seven", "does not have the form"),
        ("age", "9223372036854775808", "does not have the form"),
        ("born", "2001-02-29", "does not have the form"),
        ("terms", "", "is required"),
        ("colour", "green", "Choose one"),
    ] {
        let mut fields = good.to_vec();
        for pair in fields.iter_mut().filter(|pair| pair.0 == field) {
            pair.1 = value;
        }
        let answer = sign_up(&app, &fields).await;
        assert_eq!(answer.status, 400, "{field} {value}");
        assert!(
            fault(&answer, field).contains(words),
            "{field}: {}",
            answer.text
        );
    }
    assert_eq!(app.count("auth_user").await, 0);
    let done = sign_up(&app, &good).await;
    assert_eq!(done.status, 302, "{}", done.text);
    let ann = user(&app, "ann").await;
    assert_eq!(
        (ann.first_name.as_str(), ann.last_name.as_str()),
        ("Ann", "Bee")
    );
    let kept = hallpass::store::extra::get(app.db.db.conn(), ann.id).await;
    let wanted = json!({
        "about": "two\r\nlines",
        "other": "other@example.com",
        "age": -7,
        "born": "2001-02-28",
        "terms": true,
        "news": false,
        "colour": "r",
    });
    assert_eq!(kept.unwrap().unwrap(), wanted);
    app.no_other_letter_was_sent().await;
}
