//! The form of a signup: its fields, what each of them takes, what is told at it.

use hallpass::settings::{Enumeration, Verification, load};
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in};

use super::{SIGNUP, fault, only_names, sign_up, user};

each_database!(
    user_names_are_held_to_the_settings,
    a_user_name_keeps_its_case_or_loses_it,
    a_signup_asks_what_the_settings_say_in_their_order,
    older_settings_make_the_same_form,
    every_fault_is_told_at_its_field,
    who_is_not_asked_for_a_name_gets_one,
    a_trap_looks_like_success,
);

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
