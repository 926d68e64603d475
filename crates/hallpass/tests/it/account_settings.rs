//! Settings of accounts that no other story is about: each test fails where the setting is not read.

mod addresses;

use hallpass::domain::User;
use hallpass::settings::{Enumeration, Settings, Verification, load};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, TestApp, TestDb, each_database};
use serde_json::json;

use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in};

each_database!(
    user_names_are_held_to_the_settings,
    a_user_name_keeps_its_case_or_loses_it,
    a_signup_asks_what_the_settings_say_in_their_order,
    older_settings_make_the_same_form,
    every_fault_is_told_at_its_field,
    who_is_not_asked_for_a_name_gets_one,
    a_trap_looks_like_success,
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
    let user = hallpass::flows::users::by_username(&app.hallpass, name).await;
    user.unwrap().unwrap_or_else(|| panic!("no {name}"))
}

fn only_names(settings: &mut Settings) {
    settings.account.signup_fields = asked("username* password1*");
}

async fn user_names_are_held_to_the_settings(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        settings.account.username_blacklist = vec!["Admin".to_owned(), "straße".to_owned()];
        settings.account.username_min_length = 4;
    })
    .await;
    app.user("Taken", "").await;
    let long = "x".repeat(151);
    for (name, words) in [
        ("ADMIN", "cannot be used"),
        ("ａｄｍｉｎ", "cannot be used"),
        ("STRASSE", "cannot be used"),
        ("abc", "at least 4"),
        (" abc ", "at least 4"),
        ("taken", "has this user name"),
        ("ＴＡＫＥＮ", "has this user name"),
        ("with blank", "letters, digits"),
        ("<b>bold", "letters, digits"),
        (long.as_str(), "at most 150"),
    ] {
        let answer = sign_up(&app, &[("username", name), ("password1", PASSWORD)]).await;
        assert_eq!(answer.status, 400, "{name}");
        let said = fault(&answer, "username");
        assert!(said.contains(words), "{name}: {said}");
    }
    let longest = &long[..150];
    for name in ["abcd", "admins", "Zoë+1@-._", longest] {
        let answer = sign_up(&app, &[("username", name), ("password1", PASSWORD)]).await;
        assert_eq!(answer.status, 302, "{name}: {}", fault(&answer, "username"));
    }
}

async fn a_user_name_keeps_its_case_or_loses_it(db: TestDb) {
    let app = TestApp::with(db, only_names).await;
    sign_up(&app, &[("username", "AnnBee"), ("password1", PASSWORD)]).await;
    assert_eq!(app.count("auth_user WHERE username = 'AnnBee'").await, 1);
    let app = TestApp::with(app.db, |settings| {
        only_names(settings);
        settings.account.preserve_username_casing = false;
    })
    .await;
    sign_up(&app, &[("username", "BobCee"), ("password1", PASSWORD)]).await;
    assert_eq!(app.count("auth_user WHERE username = 'bobcee'").await, 1);
    for name in ["ANNBEE", "BOBCEE"] {
        let (mut browser, _) = sign_in(&app, name, PASSWORD).await;
        assert!(is_in(&mut browser).await, "{name}");
    }
}

/// The names of the fields on a page, in their order, a star at those that are required.
fn shown(page: &str) -> String {
    let (_, form) = page.split_once("<form class=\"hp-form\"").unwrap();
    let form = form.split("</form>").next().unwrap_or_default();
    let mut fields = Vec::new();
    for tag in form.split('<').filter(|tag| tag.starts_with("input ")) {
        let name = tag.split("name=\"").nth(1).unwrap_or_default();
        let name = name.split('"').next().unwrap_or_default();
        if !tag.contains("type=\"hidden\"") {
            let star = if tag.contains(" required") { "*" } else { "" };
            fields.push(format!("{name}{star}"));
        }
    }
    fields.join(" ")
}

async fn a_signup_asks_what_the_settings_say_in_their_order(mut db: TestDb) {
    for fields in [
        "username* email password1* password2*",
        "password1* email* username",
        "phone* email* email2* password1*",
        "email phone username*",
    ] {
        let app = TestApp::with(db, |settings| {
            settings.account.signup_fields = asked(fields);
            settings.account.login_by_code_enabled = true;
        })
        .await;
        let page = app.browser().get(SIGNUP).await;
        assert_eq!(shown(&page.text), fields);
        // What is not asked for is not read.
        let answer = sign_up(&app, &[("is_staff", "1"), ("email2", "x"), ("nobody", "y")]).await;
        assert_eq!(answer.status, 400);
        for field in fields.split(' ') {
            let name = field.trim_end_matches('*');
            let wanted = field.ends_with('*') && !matches!(name, "email2" | "password2");
            let said = fault(&answer, name);
            assert_eq!(
                said.contains("is required"),
                wanted,
                "{fields}: {name}: {said}"
            );
        }
        db = app.db;
    }
}

async fn older_settings_make_the_same_form(mut db: TestDb) {
    for (pairs, fields) in [
        (vec![], "username* email password1* password2*"),
        (
            vec![
                ("ACCOUNT_USERNAME_REQUIRED", "false"),
                ("ACCOUNT_EMAIL_REQUIRED", "true"),
            ],
            "email* password1* password2*",
        ),
        (
            vec![
                ("ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE", "true"),
                ("ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE", "false"),
            ],
            "username* email email2 password1*",
        ),
    ] {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let loaded = load(None, pairs.collect::<Vec<_>>()).unwrap().settings;
        let app = TestApp::with(db, |settings| {
            let account = loaded.account.clone();
            settings.account.username_required = account.username_required;
            settings.account.email_required = account.email_required;
            settings.account.signup_email_enter_twice = account.signup_email_enter_twice;
            settings.account.signup_password_enter_twice = account.signup_password_enter_twice;
        })
        .await;
        let page = app.browser().get(SIGNUP).await;
        assert_eq!(shown(&page.text), fields);
        db = app.db;
    }
}

async fn every_fault_is_told_at_its_field(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields =
            asked("username* email* email2* phone* password1* password2*");
    })
    .await;
    app.user("ann", "ann@example.com").await;
    let good = [
        ("username", "eve"),
        ("email", "eve@example.com"),
        ("email2", "EVE@example.com "),
        ("phone", "+4915112345678"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    for (field, value, words) in [
        ("username", "ann", "has this user name"),
        ("email", "no address", "valid e-mail"),
        ("email", "ann@example.com", "has this e-mail"),
        ("email2", "other@example.com", "are not the same"),
        ("email2", "", "are not the same"),
        ("phone", "12", "country"),
        ("phone", "0151 12345678", "country"),
        ("password1", "short1", "too short"),
        ("password1", "password", "too common"),
        ("password1", "8471058274", "entirely numeric"),
        ("password2", "other", "are not the same"),
        ("password2", "", "is required"),
    ] {
        let mut fields = good.to_vec();
        for pair in &mut fields {
            if pair.0 == field {
                pair.1 = value;
            }
            let both = field == "email" && value == "ann@example.com" && pair.0 == "email2";
            if both {
                pair.1 = value;
            }
        }
        let answer = sign_up(&app, &fields).await;
        assert_eq!(answer.status, 400, "{field} {value}");
        let said = fault(&answer, field);
        assert!(
            said.contains(words),
            "{field} {value}: {said:?}: {}",
            answer.text
        );
        assert!(
            !answer.text.contains(PASSWORD),
            "no password is written back"
        );
    }
    // And later, at the forms of an account.
    let app = TestApp::with(app.db, |settings| {
        settings.account.prevent_enumeration = Enumeration::Off;
    })
    .await;
    app.sql("DELETE FROM auth_user").await;
    app.user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    app.user("vic", "vic@example.com").await;
    let mut bob = signed_in(&app, "bob").await;
    for (email, words) in [
        ("", "is required"),
        ("no address", "valid e-mail"),
        ("BOB@example.com", "has this address already"),
        ("vic@example.com", "has this e-mail"),
    ] {
        let add = [("email", email), ("action_add", "1")];
        let answer = bob.fill("/accounts/email/", &add).await;
        assert_eq!(answer.status, 400, "{email}");
        let said = fault(&answer, "email");
        assert!(said.contains(words), "{email}: {said}");
    }
    for (old, first, second, field, words) in [
        (
            "wrong",
            "new-horse-77",
            "new-horse-77",
            "oldpassword",
            "current password",
        ),
        (
            "",
            "new-horse-77",
            "new-horse-77",
            "oldpassword",
            "is required",
        ),
        (PASSWORD, "short1", "short1", "password1", "too short"),
        (
            PASSWORD,
            "bob@example.com",
            "bob@example.com",
            "password1",
            "too similar",
        ),
        (
            PASSWORD,
            "new-horse-77",
            "other",
            "password2",
            "are not the same",
        ),
        (PASSWORD, "new-horse-77", "", "password2", "is required"),
        (PASSWORD, "", "", "password1", "is required"),
    ] {
        let fields = [
            ("oldpassword", old),
            ("password1", first),
            ("password2", second),
        ];
        let answer = bob.fill("/accounts/password/change/", &fields).await;
        assert_eq!(answer.status, 400, "{field} {words}");
        let said = fault(&answer, field);
        assert!(said.contains(words), "{field}: {said:?} {words}");
    }
    assert_eq!(user(&app, "bob").await.password, hash(PASSWORD));
    app.no_other_letter_was_sent().await;
}

// Facts 1.16.
async fn who_is_not_asked_for_a_name_gets_one(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("email password1*");
        settings.account.email_verification = Verification::None;
        settings.account.username_blacklist = vec!["Root".to_owned()];
        let json = r#"[{"name": "first_name"}, {"name": "last_name"}]"#.to_owned();
        let pair = ("HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(), json);
        settings.hallpass.signup_extra_fields = load(None, [pair])
            .unwrap()
            .settings
            .hallpass
            .signup_extra_fields;
    })
    .await;
    for (number, (first, last, email, name)) in [
        ("", "", "Ann.Bee+news@example.com", "ann.bee+news"),
        ("Zoë", "Groß", "z@example.com", "zoe"),
        ("Zoë", "Van der Berg", "z2@example.com", "van_der_berg"),
        ("Zoë", "", "zoe@example.org", "user"),
        ("李", "", "li@example.com", "li"),
        ("", "", "root@example.com", "root?"),
        ("", "", "user@example.com", "user?"),
        ("", "", "", "user?"),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = [
            ("first_name", first),
            ("last_name", last),
            ("email", email),
            ("password1", PASSWORD),
        ];
        let answer = sign_up(&app, &fields).await;
        assert_eq!(answer.status, 302, "{email}: {}", answer.text);
        let id = (number + 1).to_string().parse().unwrap();
        let made = app.look_up(id).await;
        let fits = match name.strip_suffix('?') {
            Some(stem) => made
                .username
                .strip_prefix(stem)
                .is_some_and(|rest| rest.bytes().any(|byte| byte.is_ascii_digit())),
            None => made.username == name,
        };
        assert!(fits, "{email}: {} for {name}", made.username);
        assert_ne!(made.username, "root");
        assert_eq!(
            (made.first_name, made.last_name),
            (first.to_owned(), last.to_owned())
        );
    }
}

async fn a_trap_looks_like_success(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        only_names(settings);
        settings.account.signup_form_honeypot_field = Some("website".to_owned());
    })
    .await;
    let page = app.browser().get(SIGNUP).await;
    assert!(page.text.contains("name=\"website\""));
    let fields = [
        ("username", "bot"),
        ("password1", PASSWORD),
        ("website", "x"),
    ];
    let trapped = sign_up(&app, &fields).await;
    assert_eq!(app.count("auth_user").await, 0);
    let honest = [
        ("username", "ann"),
        ("password1", PASSWORD),
        ("website", ""),
    ];
    let done = sign_up(&app, &honest).await;
    assert_eq!(
        (trapped.status, trapped.location()),
        (done.status, done.location())
    );
    assert_eq!(app.count("auth_user").await, 1);
    app.no_other_letter_was_sent().await;
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
