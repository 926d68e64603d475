//! Every address of allauth's pages, under the settings that it depends on.

use hallpass::settings::{Asked, Quota, Settings, SignupField, Verification};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

use crate::stages::story::{LOGIN, PASSWORD, PROFILE, code_in, hash, set_phone, set_verified};

each_database!(
    every_address_answers_under_its_condition,
    a_page_that_is_not_there_is_not_there_for_posts_either,
    the_bare_mount_leads_somewhere,
    who_is_in_is_led_past_the_doors,
    changing_and_setting_a_password_lead_to_each_other,
    a_site_without_passwords_never_asks_for_one,
    a_signup_without_a_password_makes_the_door_ask_for_an_address,
);

/// The sites of the table: what each one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Site {
    Plain,
    LoginCodes,
    Phones,
    ResetCodes,
    MailCodes,
    Passwordless,
}

use Site::{LoginCodes, MailCodes, Passwordless, Phones, Plain, ResetCodes};

const SITES: [Site; 6] = [
    Plain,
    LoginCodes,
    Phones,
    ResetCodes,
    MailCodes,
    Passwordless,
];

fn asked(fields: &[SignupField]) -> Option<Vec<Asked>> {
    let asked = |field: &SignupField| Asked {
        field: *field,
        required: true,
    };
    Some(fields.iter().map(asked).collect())
}

fn set(site: Site) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let account = &mut settings.account;
        match site {
            Plain => {}
            LoginCodes => account.login_by_code_enabled = true,
            Phones => {
                account.signup_fields = asked(&[
                    SignupField::Username,
                    SignupField::Phone,
                    SignupField::Password1,
                ]);
            }
            ResetCodes => account.password_reset_by_code_enabled = true,
            MailCodes => {
                account.email_required = true;
                account.email_verification = Verification::Mandatory;
                account.email_verification_by_code_enabled = true;
            }
            Passwordless => {
                settings.hallpass.passwordless = true;
                account.login_by_code_enabled = true;
                account.login_by_code_supports_resend = Quota(2);
                account.reauthentication_required = true;
                account.signup_fields = asked(&[SignupField::Email, SignupField::Phone]);
            }
        }
    }
}

/// What a visitor finds: a page, a way on, a page that says no, or nothing.
const PAGE: (u16, &str) = (200, "");
const NO: (u16, &str) = (403, "");
const NOTHING: (u16, &str) = (404, "");
const DOOR: (u16, &str) = (302, LOGIN);

/// The answer for a visitor without a session, by site.
fn wanted(path: &str, site: Site) -> (u16, &'static str) {
    let when = |there, answer| if there { answer } else { NOTHING };
    let passwords = site != Passwordless;
    match path {
        "login/" => when(
            true,
            if passwords {
                PAGE
            } else {
                (302, "/accounts/login/code/")
            },
        ),
        "logout/" => (302, "/"),
        "inactive/" | "signup/" | "login/link/" | "login/link/sent/" => PAGE,
        "reauthenticate/" => (302, "/accounts/login/?next=%2Faccounts%2Freauthenticate%2F"),
        "email/" => (302, "/accounts/login/?next=%2Faccounts%2Femail%2F"),
        "profile/" => (302, "/accounts/login/?next=%2Faccounts%2Fprofile%2F"),
        "confirm-email/" | "login/code/confirm/" => DOOR,
        "confirm-email/MQ:abc:def/" | "confirm-email/abc_0-9/" => when(site != MailCodes, NO),
        "password/change/" => when(
            passwords,
            (
                302,
                "/accounts/login/?next=%2Faccounts%2Fpassword%2Fchange%2F",
            ),
        ),
        "password/set/" => when(
            passwords,
            (302, "/accounts/login/?next=%2Faccounts%2Fpassword%2Fset%2F"),
        ),
        "password/reset/" | "password/reset/done/" => when(passwords, PAGE),
        "password/reset/key/1-abc-def/" | "password/reset/key/1-set-password/" => {
            when(passwords && site != ResetCodes, NO)
        }
        "password/reset/key/done/" => when(passwords && site != ResetCodes, PAGE),
        "password/reset/confirm/" => when(site == ResetCodes, (302, "/accounts/password/reset/")),
        "password/reset/complete/" => when(site == ResetCodes, (302, "/accounts/password/reset/")),
        "login/code/" => when(matches!(site, LoginCodes | Passwordless), PAGE),
        "phone/verify/" => when(matches!(site, Phones | Passwordless), DOOR),
        "phone/change/" => when(
            matches!(site, Phones | Passwordless),
            (302, "/accounts/login/?next=%2Faccounts%2Fphone%2Fchange%2F"),
        ),
        _ => NOTHING,
    }
}

const PATHS: [&str; 32] = [
    "login/",
    "logout/",
    "inactive/",
    "signup/",
    "login/link/",
    "login/link/sent/",
    "reauthenticate/",
    "email/",
    "profile/",
    "confirm-email/",
    "confirm-email/MQ:abc:def/",
    "confirm-email/abc_0-9/",
    "password/change/",
    "password/set/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/1-abc-def/",
    "password/reset/key/1-set-password/",
    "password/reset/key/done/",
    "password/reset/confirm/",
    "password/reset/complete/",
    "login/code/",
    "login/code/confirm/",
    "phone/verify/",
    "phone/change/",
    "password/",
    "password/reset/key/",
    "phone/",
    "login/code/link/",
    "nothing/",
    "login/nothing/",
    "static/",
];

async fn every_address_answers_under_its_condition(db: TestDb) {
    for site in SITES {
        let app = TestApp::with(db.shared(), set(site)).await;
        for path in PATHS {
            let answer = app.browser().get(&format!("/accounts/{path}")).await;
            let got = (answer.status.as_u16(), answer.location());
            assert_eq!(got, wanted(path, site), "{site:?}: {path}");
        }
    }
}

async fn a_page_that_is_not_there_is_not_there_for_posts_either(db: TestDb) {
    for site in SITES {
        let app = TestApp::with(db.shared(), set(site)).await;
        let mut browser = app.browser();
        browser.get("/accounts/inactive/").await;
        let token = browser.cookies["csrftoken"].clone();
        for path in PATHS {
            let fields = [
                ("csrfmiddlewaretoken", token.as_str()),
                ("login", "ann"),
                ("password", PASSWORD),
                ("email", "ann@example.com"),
            ];
            let path_there = format!("/accounts/{path}");
            let answer = browser.clone().post(&path_there, &fields).await;
            let there = wanted(path, site) != NOTHING;
            // The door itself stands, but takes no password where nobody has one.
            let there = there && !(site == Passwordless && path == "login/");
            assert_eq!(
                answer.status != 404,
                there,
                "{site:?}: {path}: {}",
                answer.status
            );
            assert!(!answer.status.is_server_error(), "{site:?}: {path}");
        }
    }
}

async fn the_bare_mount_leads_somewhere(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/accounts/").await.location(), LOGIN);
    let bare = browser.get("/accounts").await;
    assert_eq!((bare.status.as_u16(), bare.location()), (301, "/accounts/"));
    let bare = browser.get("/accounts/login?next=/x").await;
    assert_eq!(
        (bare.status.as_u16(), bare.location()),
        (301, "/accounts/login/?next=/x")
    );
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let fields = [("login", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.fill(LOGIN, &fields).await.location(), PROFILE);
    assert_eq!(
        browser.get("/accounts/").await.location(),
        "/accounts/email/"
    );
    assert_eq!(browser.get("/accounts/nothing/").await.status, 404);
}

async fn who_is_in_is_led_past_the_doors(db: TestDb) {
    for (index, redirects) in [true, false].into_iter().enumerate() {
        let set = |settings: &mut Settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.authenticated_login_redirects = redirects;
        };
        let app = TestApp::with(db.shared(), set).await;
        let name = format!("ann{index}");
        app.user_with(&name, "ann@example.com", &hash(PASSWORD))
            .await;
        let mut browser = app.browser();
        let fields = [("login", name.as_str()), ("password", PASSWORD)];
        assert_eq!(browser.fill(LOGIN, &fields).await.location(), PROFILE);
        for door in ["login/", "login/code/", "signup/"] {
            for (query, to) in [
                ("", PROFILE),
                ("?next=/there/", "/there/"),
                ("?next=https://evil.example/", PROFILE),
            ] {
                let answer = browser.get(&format!("/accounts/{door}{query}")).await;
                let wanted = if redirects { (302, to) } else { (200, "") };
                let got = (answer.status.as_u16(), answer.location());
                assert_eq!(got, wanted, "{door}{query}");
            }
        }
        assert_eq!(browser.get(PROFILE).await.status, 200);
    }
}

async fn changing_and_setting_a_password_lead_to_each_other(db: TestDb) {
    let app = TestApp::new(db).await;
    for (name, password, page, other) in [
        (
            "ann",
            hash(PASSWORD),
            "/accounts/password/change/",
            "/accounts/password/set/",
        ),
        (
            "bob",
            "!none".to_owned(),
            "/accounts/password/set/",
            "/accounts/password/change/",
        ),
    ] {
        let email = format!("{name}@example.com");
        app.user_with(name, &email, &password).await;
        let mut browser = app.browser();
        browser
            .fill("/accounts/login/link/", &[("email", email.as_str())])
            .await;
        let link = link_in(&app.letter().await.text);
        // The link confirms the address of somebody who proved nothing before: the password goes.
        assert_eq!(browser.fill(&link, &[]).await.location(), PROFILE);
        if name == "ann" {
            app.sql(&format!(
                "UPDATE auth_user SET password = '{password}' WHERE username = '{name}'"
            ))
            .await;
            let fields = [("login", name), ("password", PASSWORD)];
            assert_eq!(browser.fill(LOGIN, &fields).await.location(), PROFILE);
        }
        assert_eq!(browser.get(page).await.status, 200, "{name}");
        assert_eq!(browser.get(other).await.location(), page, "{name}");
    }
}

/// No page may hold a field for a password, nor a word of one.
fn holds_none(what: &str, text: &str) {
    let text = text.to_lowercase();
    assert!(!text.contains("type=\"password\""), "{what}: {text}");
    assert!(!text.contains("name=\"password"), "{what}: {text}");
    assert!(!text.contains("-password\""), "{what}: {text}");
    assert!(!text.contains("/password/"), "{what}: {text}");
}

async fn look_everywhere(browser: &mut Browser, state: &str) {
    for path in PATHS {
        let page = format!("/accounts/{path}");
        let seen = browser.clone().get(&page).await;
        holds_none(&format!("{state}: {path}"), &seen.text);
        let token = browser
            .cookies
            .get("csrftoken")
            .cloned()
            .unwrap_or_default();
        for email in ["", "no address"] {
            let fields = [
                ("csrfmiddlewaretoken", token.as_str()),
                ("email", email),
                ("code", "BBBB-BBBB"),
                ("password", PASSWORD),
                ("password1", PASSWORD),
            ];
            let posted = browser.clone().post(&page, &fields).await;
            holds_none(&format!("{state}: posted to {path}"), &posted.text);
        }
    }
}

async fn a_site_without_passwords_never_asks_for_one(db: TestDb) {
    let app = TestApp::with(db, set(Passwordless)).await;
    let mut browser = app.browser();
    browser.get("/").await;
    look_everywhere(&mut browser, "nobody").await;
    assert_eq!(browser.get(LOGIN).await.location(), "/accounts/login/code/");
    let fields = [("email", "ann@example.com"), ("phone", "+4915112345678")];
    let done = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(done.location(), "/accounts/phone/verify/", "{}", done.text);
    look_everywhere(&mut browser, "at the phone").await;
    // Each of those guesses was one attempt; from the beginning.
    app.texts().await;
    let mut browser = app.browser();
    let sent = browser
        .fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    assert_eq!(sent.location(), "/accounts/login/code/confirm/");
    let code = code_in(&app.letter().await.text);
    let wrong = [("code", "BBBB-BBBB")];
    let wrong = browser.fill("/accounts/login/code/confirm/", &wrong).await;
    holds_none("a wrong code", &wrong.text);
    let done = browser
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/phone/verify/", "{}", done.text);
    let code = code_in(&app.text().await.text);
    let done = browser
        .fill("/accounts/phone/verify/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), PROFILE, "{}", done.text);
    look_everywhere(&mut browser, "signed in").await;
    // Not even of who still has one from before.
    let eve = app
        .user_with("eve", "eve@example.com", &hash(PASSWORD))
        .await;
    set_verified(&app, eve, "eve@example.com").await;
    set_phone(&app, eve, "+4915100000009", true).await;
    app.letters().await;
    let mut eves = app.browser();
    eves.fill("/accounts/login/link/", &[("email", "eve@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(eves.fill(&link, &[]).await.location(), PROFILE);
    let add = [("email", "more@example.com"), ("action_add", "1")];
    let asked = eves.fill("/accounts/email/", &add).await;
    assert!(asked.location().starts_with("/accounts/reauthenticate/"));
    look_everywhere(&mut eves, "who had one").await;
    for letter in app.letters().await {
        assert!(!letter.text.contains("/password/"), "{}", letter.text);
    }
}

async fn a_signup_without_a_password_makes_the_door_ask_for_an_address(db: TestDb) {
    let set = |settings: &mut Settings| {
        settings.account.login_by_code_enabled = true;
        settings.account.signup_fields = asked(&[SignupField::Email]);
    };
    let app = TestApp::with(db, set).await;
    let door = app.browser().get("/accounts/login/?next=/there/").await;
    assert_eq!(door.location(), "/accounts/login/code/?next=%2Fthere%2F");
    let signup = app.browser().get("/accounts/signup/").await;
    assert!(
        !signup.text.contains("type=\"password\""),
        "{}",
        signup.text
    );
}
