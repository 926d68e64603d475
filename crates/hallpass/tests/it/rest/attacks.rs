//! What somebody tries who means ill, and what must not happen by mishap.

use axum::body::Body;
use hallpass::domain::Timestamp;
use hallpass::settings::{
    Asked, CodeAfter, LoginBy, RegisterPermission, Settings, SignupField, Verification,
};
use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, app, with_jwt, without_session};

each_database!(
    blanks_at_the_ends_of_a_password_are_part_of_it,
    of_fifty_resets_at_once_one_sets_a_password,
    of_fifty_confirmations_at_once_all_mean_the_same_address,
    a_reset_by_a_program_signs_nobody_in,
    a_code_can_be_typed_without_a_session_that_is_signed_in,
    what_people_do_not_see_is_a_trap_here_too,
    a_login_leaves_nothing_of_what_was_begun_before,
    another_site_logs_nobody_out,
    failures_count_together_wherever_they_happen,
    a_limit_that_cannot_be_counted_refuses,
    a_key_dies_with_the_password_and_at_the_logout,
    who_is_known_and_may_not_register_is_told_so,
    stages_are_not_passed_by,
    a_browser_that_was_left_open_gives_nobody_a_new_password,
    answers_are_kept_by_nobody_and_read_by_no_other_site,
    odd_texts_are_texts,
);

const PASSWORD: &str = "correct-horse-9-battery";

fn hash(password: &str) -> String {
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    let salt = Salt::from_random([3; 32]);
    hashers
        .encode(password, &salt, &mut Scratch::default())
        .unwrap()
}

async fn login(app: &TestApp, name: &str, password: &str) -> u16 {
    let body = json!({ "username": name, "password": password });
    Program::of(app).post("login/", body).await.0
}

async fn blanks_at_the_ends_of_a_password_are_part_of_it(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.rest_auth.old_password_field_enabled = true;
    })
    .await;
    // Set on a page, or by a Django form.
    app.user_with("bob", "bob@example.com", &hash(" two blanks "))
        .await;
    assert_eq!(login(&app, "bob", " two blanks ").await, 200);
    assert_eq!(login(&app, "bob", "two blanks").await, 400);
    // Registered at dj-rest-auth, which took them off; the program still sends them.
    app.user_with("cy", "cy@example.com", &hash("two blanks"))
        .await;
    assert_eq!(login(&app, "cy", " two blanks ").await, 200);
    assert_eq!(login(&app, "cy", "\ttwo blanks\n").await, 200);
    assert_eq!(login(&app, "cy", "two  blanks").await, 400);
    assert_eq!(login(&app, "cy", "   ").await, 400);
    // Registered, changed and reset here: as it was typed, on pages as well.
    let body = json!({ "username": "dee", "email": "dee@example.com", "password1": " a-horse-7 ", "password2": " a-horse-7 " });
    let (status, given) = Program::of(&app).post("registration/", body).await;
    assert_eq!(status, 201, "{given}");
    let on_page = async |password: &str| {
        let fields = [("login", "dee"), ("password", password)];
        let done = app.browser().fill("/accounts/login/", &fields).await;
        done.status.as_u16()
    };
    assert_eq!(on_page(" a-horse-7 ").await, 302);
    assert_ne!(on_page("a-horse-7").await, 302);
    let mut program = Program::of(&app);
    program.authorize(format!("Token {}", given["key"].as_str().unwrap()));
    let new = json!({ "old_password": " a-horse-7 ", "new_password1": " a-horse-8", "new_password2": " a-horse-8" });
    assert_eq!(program.post("password/change/", new.clone()).await.0, 200);
    assert_eq!(on_page(" a-horse-8").await, 302);
    assert_eq!(login(&app, "dee", "a-horse-8").await, 400);
    // One form in the first field and another in the second are two passwords.
    let (_, key) = Program::of(&app)
        .post(
            "login/",
            json!({ "username": "dee", "password": " a-horse-8" }),
        )
        .await;
    program.authorize(format!("Token {}", key["key"].as_str().unwrap()));
    let new = json!({ "old_password": " a-horse-8", "new_password1": "a-horse-9", "new_password2": "a-horse-9 " });
    let (status, body) = program.post("password/change/", new).await;
    assert_eq!(
        (status, body["new_password2"].is_array()),
        (400, true),
        "{body}"
    );
}

/// `uid` and `token` of the reset link in the only letter.
async fn reset(app: &TestApp) -> (String, String) {
    let ask = json!({ "email": "ann@example.com" });
    assert_eq!(Program::of(app).post("password/reset/", ask).await.0, 200);
    let link = link_in(&app.letter().await.text);
    let key = link.trim_end_matches('/').rsplit('/').next().unwrap();
    let (uid, token) = key.split_once('-').unwrap();
    (uid.to_owned(), token.to_owned())
}

async fn of_fifty_resets_at_once_one_sets_a_password(db: TestDb) {
    let app = app(db, without_session).await;
    let (uid, token) = reset(&app).await;
    let mut all = Vec::new();
    for index in 0..50 {
        let password = format!("another-horse-{index}");
        let body = json!({ "uid": uid, "token": token, "new_password1": password, "new_password2": password });
        let mut program = Program::of(&app);
        all.push(tokio::spawn(async move {
            (
                program.post("password/reset/confirm/", body).await,
                password,
            )
        }));
    }
    let mut set = Vec::new();
    for one in all {
        let ((status, body), password) = one.await.unwrap();
        match status {
            200 => set.push(password),
            _ => assert_eq!(body, json!({ "token": ["Invalid value"] })),
        }
    }
    assert_eq!(set.len(), 1);
    assert_eq!(login(&app, "ann", &set[0]).await, 200);
    // For no other account either, and not in another spelling of the account.
    app.user("bob", "bob@example.com").await;
    for uid in ["2", "01", "1 ", "１", "-1", "+1"] {
        let body = json!({ "uid": uid, "token": token, "new_password1": PASSWORD, "new_password2": PASSWORD });
        let (status, _) = Program::of(&app)
            .post("password/reset/confirm/", body)
            .await;
        assert_eq!(status, 400, "{uid}");
    }
}

async fn of_fifty_confirmations_at_once_all_mean_the_same_address(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        without_session(settings);
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    let body = json!({ "username": "ann", "email": "ann@example.com", "password1": PASSWORD, "password2": PASSWORD });
    assert_eq!(Program::of(&app).post("registration/", body).await.0, 201);
    assert_eq!(app.count("django_session").await, 0, "nobody's session");
    let link = link_in(&app.letter().await.text);
    let key = link
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let mut all = Vec::new();
    for _ in 0..50 {
        let (mut program, body) = (Program::of(&app), json!({ "key": key }));
        all.push(tokio::spawn(async move {
            program.post("registration/verify-email/", body).await.0
        }));
    }
    let mut done = 0;
    for one in all {
        let status = one.await.unwrap();
        assert!(status == 200 || status == 404, "{status}");
        done += usize::from(status == 200);
    }
    assert!(done >= 1);
    let (status, _) = Program::of(&app)
        .post("registration/verify-email/", json!({ "key": key }))
        .await;
    assert_eq!(status, 404, "once");
    assert_eq!(login(&app, "ann", PASSWORD).await, 200);
    assert_eq!(app.count("account_emailaddress").await, 1);
}

async fn a_reset_by_a_program_signs_nobody_in(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.account.login_on_password_reset = true;
        settings.account.login_by_code_enabled = true;
        settings.account.login_by_code_required.always = true;
    })
    .await;
    let (uid, token) = reset(&app).await;
    let before = app.look_up(hallpass::domain::UserId::from_int(1)).await;
    let sessions = app.count("django_session").await;
    let new = json!({ "uid": uid, "token": token, "new_password1": "another-horse-7", "new_password2": "another-horse-7" });
    let mut program = Program::of(&app);
    assert_eq!(program.post("password/reset/confirm/", new).await.0, 200);
    let after = app.look_up(before.id).await;
    assert_ne!(after.password, before.password);
    assert_eq!(after.last_login, before.last_login);
    assert_eq!(app.count("django_session").await, sessions);
    assert!(program.0.cookies.is_empty());
    let letters = app.letters().await;
    let codes = letters.iter().filter(|letter| letter.text.contains("code"));
    assert_eq!(codes.count(), 0, "{letters:?}");
}

fn by_code(settings: &mut Settings) {
    settings.rest_auth.session_login = false;
    settings.account.email_verification = Verification::Mandatory;
    settings.account.email_verification_by_code_enabled = true;
}

async fn a_code_can_be_typed_without_a_session_that_is_signed_in(db: TestDb) {
    let app = TestApp::with(db, by_code).await;
    let body = |name: &str| {
        json!({
            "username": name, "email": format!("{name}@example.com"), "password1": PASSWORD, "password2": PASSWORD,
        })
    };
    let mut program = Program::of(&app);
    let (status, answer) = program.post("registration/", body("ann")).await;
    assert_eq!(
        (status, &answer["detail"]),
        (201, &json!("Verification e-mail sent."))
    );
    assert!(program.0.cookies.contains_key("sessionid"));
    assert_eq!(program.get("user/").await.0, 401, "it is nobody's");
    assert_eq!(login(&app, "ann", PASSWORD).await, 400);
    let letter = app.letter().await.text;
    let code = letter
        .split_whitespace()
        .find(|word| {
            word.len() >= 6
                && word
                    .chars()
                    .all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
        })
        .unwrap();
    let done = program
        .0
        .fill("/accounts/confirm-email/", &[("code", code)])
        .await;
    assert_eq!(done.status, 302, "{}", done.text);
    assert_eq!(login(&app, "ann", PASSWORD).await, 200);
    // A page of another site leaves nothing in anybody's browser, and a taken address looks as a free one does.
    let mut foreign = Program::of(&app);
    foreign
        .0
        .headers
        .insert("origin", "https://evil.example".to_owned());
    let sessions = app.count("django_session").await;
    let (status, _) = foreign.post("registration/", body("bob")).await;
    assert_eq!((status, foreign.0.cookies.len()), (201, 0));
    assert_eq!(app.count("django_session").await, sessions);
    let mut again = Program::of(&app);
    let (status, same) = again
        .post("registration/", json!({ "username": "cyd", "email": "ann@example.com", "password1": PASSWORD, "password2": PASSWORD }))
        .await;
    assert_eq!((status, same), (201, answer));
    assert!(again.0.cookies.contains_key("sessionid"));
}

async fn what_people_do_not_see_is_a_trap_here_too(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_form_honeypot_field = Some("website".to_owned());
    })
    .await;
    let mut body = json!({ "username": "bot", "email": "bot@example.com", "password1": PASSWORD, "password2": PASSWORD });
    let told = Program::of(&app)
        .send("OPTIONS", "registration/", &json!({}))
        .await
        .1;
    assert!(told["actions"]["POST"]["website"].is_null(), "{told}");
    body["website"] = "https://pills.example".into();
    let (status, answer) = Program::of(&app).post("registration/", body.clone()).await;
    assert_eq!(status, 201, "{answer}");
    assert!(answer["key"].is_null());
    assert_eq!(app.count("auth_user").await, 0);
    app.no_other_letter_was_sent().await;
    body["website"] = "".into();
    assert_eq!(Program::of(&app).post("registration/", body).await.0, 201);
    assert_eq!(app.count("auth_user").await, 1);
}

async fn a_login_leaves_nothing_of_what_was_begun_before(db: TestDb) {
    let app = app(db, |settings| settings.account.login_by_code_enabled = true).await;
    app.user("eve", "eve@example.com").await;
    let mut program = Program::of(&app);
    let asked = program
        .0
        .fill("/accounts/login/code/", &[("email", "eve@example.com")])
        .await;
    assert_eq!(asked.status, 302);
    program.login().await;
    let page = program.0.get("/accounts/login/code/confirm/").await;
    assert_ne!(
        page.status, 200,
        "Eve's code is not awaited where Ann is in"
    );
}

async fn another_site_logs_nobody_out(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.rest_auth.jwt_auth_cookie = Some("access".to_owned());
        settings.rest_auth.jwt_auth_refresh_cookie = Some("refresh".to_owned());
    })
    .await;
    let mut program = Program::of(&app);
    program.login().await;
    let both = program.0.cookies.clone();
    let evil = "https://evil.example".to_owned();
    program.0.headers.insert("origin", evil);
    assert_eq!(program.post("logout/", json!({})).await.0, 403);
    // The access token's cookie lives for minutes, that of the refresh token for days.
    program.0.cookies.remove("access");
    assert_eq!(program.post("logout/", json!({})).await.0, 403);
    assert_eq!(program.0.cookies["refresh"], both["refresh"]);
    program.0.headers.remove("origin");
    assert_eq!(program.post("token/refresh/", json!({})).await.0, 200);
    program.0.cookies.remove("access");
    assert_eq!(program.post("logout/", json!({})).await.0, 200);
}

async fn failures_count_together_wherever_they_happen(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.account.rate_limits = rates(r#"{"login_failed": "3/m/key"}"#);
    })
    .await;
    let wrong = [("login", "ANN"), ("password", "wrong-horse-9")];
    for _ in 0..2 {
        let page = app.browser().fill("/accounts/login/", &wrong).await;
        assert_eq!(page.status, 400);
    }
    assert_eq!(login(&app, " ann ", "wrong-horse-9").await, 400);
    // The fourth is too many, with the right password as well, from wherever it seems to come.
    for forged in ["198.51.100.1", "198.51.100.2"] {
        let mut program = Program::of(&app);
        program
            .0
            .headers
            .insert("x-forwarded-for", forged.to_owned());
        let body = json!({ "username": "Ann", "password": PASSWORD });
        assert_eq!(program.post("login/", body).await.0, 429);
    }
    assert_eq!(
        login(&app, "bob", "wrong-horse-9").await,
        400,
        "others are not locked out"
    );
}

async fn a_limit_that_cannot_be_counted_refuses(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.hallpass.limits_store = hallpass::settings::LimitsStore::Database;
        settings.account.rate_limits =
            rates(r#"{"login": "30/m/ip", "reset_password": "20/m/ip", "signup": "20/m/ip"}"#);
        let throttles = &mut settings.rest_framework.default_throttle_rates;
        throttles.0.push(("dj_rest_auth".to_owned(), 100, 60));
    })
    .await;
    assert_eq!(login(&app, "ann", PASSWORD).await, 200);
    app.sql("ALTER TABLE hallpass_limit RENAME TO gone").await;
    let bodies = [
        ("login/", json!({ "username": "ann", "password": PASSWORD })),
        ("password/reset/", json!({ "email": "ann@example.com" })),
        (
            "registration/",
            json!({ "username": "bob", "email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD }),
        ),
        ("logout/", json!({})),
    ];
    for (path, body) in bodies {
        let (status, answer) = Program::of(&app).post(path, body).await;
        assert!(status >= 500, "{path}: {status}");
        assert!(
            answer["key"].is_null() && !answer.to_string().contains("hallpass_"),
            "{answer}"
        );
    }
    assert_eq!(app.count("auth_user").await, 1);
    app.no_other_letter_was_sent().await;
}

async fn a_key_dies_with_the_password_and_at_the_logout(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let first = program.login().await["key"].as_str().unwrap().to_owned();
    assert_eq!(program.login().await["key"], first, "one for all devices");
    assert_eq!(app.count("authtoken_token").await, 1);
    for (words, status) in [
        (format!("Token {first}"), 200),
        (format!("token {first}"), 200),
        (format!("TOKEN  {first}"), 200),
        (format!("Bearer {first}"), 401),
        (format!("Token {}", first.to_uppercase()), 401),
        (format!("Token {first}0"), 401),
        (format!("Token {}", &first[..39]), 401),
        ("Token".to_owned(), 401),
        (format!("Token {}", "h$".repeat(20)), 401),
        (format!("Token {first} {first}"), 401),
        (format!("Token {first}' OR '1'='1"), 401),
    ] {
        program.authorize(words.clone());
        assert_eq!(program.get("user/").await.0, status, "{words}");
    }
    program.authorize(format!("Token {first}"));
    assert_eq!(program.post("logout/", json!({})).await.0, 200);
    assert_eq!(program.get("user/").await.0, 401);
    program.0.headers.remove("authorization");
    let second = program.login().await["key"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let (uid, token) = reset(&app).await;
    let new = json!({ "uid": uid, "token": token, "new_password1": "another-horse-7", "new_password2": "another-horse-7" });
    assert_eq!(program.post("password/reset/confirm/", new).await.0, 200);
    program.authorize(format!("Token {second}"));
    assert_eq!(program.get("user/").await.0, 401);
}

async fn who_is_known_and_may_not_register_is_told_so(db: TestDb) {
    let app = app(db, without_session).await;
    let key = Program::of(&app).login().await;
    let staff = TestApp::with(app.db.shared(), |settings| {
        without_session(settings);
        settings.rest_auth.register_permission_classes =
            vec![RegisterPermission::SignedIn, RegisterPermission::Staff];
    })
    .await;
    let body = json!({ "username": "bob", "email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD });
    let mut program = Program::of(&staff);
    assert_eq!(program.post("registration/", body.clone()).await.0, 401);
    program.authorize(format!("Token {}", key["key"].as_str().unwrap()));
    let refused = json!({ "detail": "You do not have permission to perform this action." });
    assert_eq!(
        program.post("registration/", body.clone()).await,
        (403, refused.clone())
    );
    let (answer, told) = program.send("OPTIONS", "registration/", &json!({})).await;
    assert_eq!((answer.status.as_u16(), told), (403, refused));
    app.sql("UPDATE auth_user SET is_staff = TRUE").await;
    assert_eq!(program.post("registration/", body).await.0, 201);
}

async fn stages_are_not_passed_by(db: TestDb) {
    let app = app(db, without_session).await;
    let with = async |change: &dyn Fn(&mut Settings)| {
        TestApp::with(app.db.shared(), |settings| {
            without_session(settings);
            change(settings);
        })
        .await
    };
    let right = || json!({ "username": "ann", "password": PASSWORD });
    let mandatory = with(&|it| it.account.email_verification = Verification::Mandatory).await;
    let (status, body) = Program::of(&mandatory).post("login/", right()).await;
    assert_eq!(
        (status, &body["non_field_errors"][0]),
        (400, &json!("E-mail is not verified."))
    );
    let demanded = with(&|it| {
        it.account.login_by_code_enabled = true;
        it.account.login_by_code_required.after = vec![CodeAfter::Password];
    })
    .await;
    let (status, body) = Program::of(&demanded).post("login/", right()).await;
    assert_eq!(
        (status, &body["code"]),
        (403, &json!("stage_required")),
        "{body}"
    );
    // The wrong password is told nothing of stages.
    assert_eq!(login(&demanded, "ann", "wrong-horse-9").await, 400);
    let phone = with(&|it| {
        it.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Phone]);
        let asked = [
            (SignupField::Username, true),
            (SignupField::Phone, true),
            (SignupField::Password1, true),
        ];
        let asked = asked.map(|(field, required)| Asked { field, required });
        it.account.signup_fields = Some(asked.to_vec());
    })
    .await;
    let (status, body) = Program::of(&phone).post("login/", right()).await;
    assert!(status == 403 || status == 400, "{body}");
    assert!(body["key"].is_null());
    let name_only = with(&|it| it.account.login_methods = Some(vec![LoginBy::Username])).await;
    assert_eq!(login(&name_only, "ann@example.com", PASSWORD).await, 400);
    let mail_only = with(&|it| it.account.login_methods = Some(vec![LoginBy::Email])).await;
    assert_eq!(login(&mail_only, "ann", PASSWORD).await, 400);
    let closed = with(&|it| it.hallpass.signup_open = false).await;
    let new = json!({ "username": "bob", "email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD });
    assert_eq!(
        Program::of(&closed)
            .post("registration/", new.clone())
            .await
            .0,
        403
    );
    let black = with(&|it| it.account.username_blacklist = vec!["bob".to_owned()]).await;
    let mut wide = new.clone();
    wide["username"] = "ＢＯＢ".into();
    for body in [new, wide] {
        let (status, body) = Program::of(&black).post("registration/", body).await;
        assert_eq!((status, body["username"].is_array()), (400, true), "{body}");
    }
    let bare = with(&|it| it.hallpass.passwordless = true).await;
    let (status, body) = Program::of(&bare).post("login/", right()).await;
    assert_eq!(status, 404, "{body}");
    assert_eq!(app.count("auth_user").await, 1);
    assert_eq!(
        app.count("authtoken_token").await,
        1,
        "Ann's, of her registration"
    );
}

async fn a_browser_that_was_left_open_gives_nobody_a_new_password(db: TestDb) {
    fn early() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
    fn later() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + 3_600)
    }
    let app = TestApp::at(db, early, |_| ()).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let late = TestApp::at(app.db.shared(), later, |_| ()).await;
    let mut program = Program::of(&app);
    let key = program.login().await;
    let csrf = |program: &Program| program.0.cookies["csrftoken"].clone();
    let token = csrf(&program);
    program.0.headers.insert("x-csrftoken", token);
    let new = |number: u8, old: &str| {
        let password = format!("another-horse-{number}");
        json!({ "old_password": old, "new_password1": password, "new_password2": password })
    };
    // Having just logged in is enough, as it is there.
    assert_eq!(program.post("password/change/", new(1, "")).await.0, 200);
    let mut open = Program::of(&late);
    open.0.cookies = program.0.cookies.clone();
    let token = csrf(&open);
    open.0.headers.insert("x-csrftoken", token);
    assert_eq!(open.get("user/").await.0, 200);
    let (status, body) = open.post("password/change/", new(2, "")).await;
    assert_eq!(
        (status, &body["code"]),
        (403, &json!("reauthentication_required"))
    );
    let (status, body) = open.post("password/change/", new(2, "wrong")).await;
    assert_eq!(
        (status, body["old_password"].is_array()),
        (400, true),
        "{body}"
    );
    let (status, body) = open
        .post("password/change/", new(2, "another-horse-1"))
        .await;
    assert_eq!(status, 200, "{body}");
    // A key is held by a program, which may, as there.
    let given = json!({ "username": "ann", "password": "another-horse-2" });
    let (_, fresh) = Program::of(&late).post("login/", given).await;
    assert_ne!(fresh["key"], key["key"]);
    let mut holder = Program::of(&late);
    holder.authorize(format!("Token {}", fresh["key"].as_str().unwrap()));
    assert_eq!(holder.post("password/change/", new(3, "")).await.0, 200);
}

async fn answers_are_kept_by_nobody_and_read_by_no_other_site(db: TestDb) {
    let app = app(db, |_| ()).await;
    let mut program = Program::of(&app);
    program
        .0
        .headers
        .insert("origin", "https://evil.example".to_owned());
    let right = json!({ "username": "ann", "password": PASSWORD });
    for method in [
        "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "DELETE", "LINK",
    ] {
        for path in ["login/", "user/", "registration/", "password/reset/"] {
            let (answer, _) = program.send(method, path, &right).await;
            assert_eq!(
                answer.header("cache-control"),
                "no-store",
                "{method} {path}"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("access-control-allow-origin"), "");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert!(answer.header("vary").contains("Accept"));
            assert!(!answer.text.contains(PASSWORD), "{method} {path}");
            assert!(method != "TRACE" || answer.status.is_client_error());
        }
    }
    for (name, value) in [
        ("x-http-method-override", "PATCH"),
        ("x-method-override", "GET"),
        ("x-original-url", "/dj-rest-auth/login/"),
        ("x-rewrite-url", "/dj-rest-auth/login/"),
    ] {
        let mut program = Program::of(&app);
        program.0.headers.insert(name, value.to_owned());
        let (answer, _) = program
            .send("POST", "user/", &json!({ "first_name": "x" }))
            .await;
        assert_eq!(answer.status, 401, "{name}");
    }
}

async fn odd_texts_are_texts(db: TestDb) {
    let app = app(db, without_session).await;
    // A noncharacter is no surrogate, and nothing of a password is told back.
    let odd = r#"{"username": "ann", "password": "\uffffsecret"}"#;
    let raw = async |body: &str| {
        let mut program = Program::of(&app);
        let body = Body::from(body.to_owned());
        let kind = Some("application/json");
        program
            .0
            .send("POST", "/dj-rest-auth/login/", body, kind)
            .await
    };
    let answer = raw(odd).await;
    assert!(answer.text.contains("Unable to log in"), "{}", answer.text);
    let answer = raw(r#"{"username": "ann", "password": "\uffff\udfff"}"#).await;
    assert!(answer.text.contains("U+DFFF"), "{}", answer.text);
    // A key that is no text leads nowhere, in our words.
    let mut program = Program::of(&app);
    for key in ["%ff", "%00", "..%2fx", "%F0%9F", "a%0d%0ab", "a%20b"] {
        let path = format!("/dj-rest-auth/registration/account-confirm-email/{key}/");
        let answer = program.0.get(&path).await;
        assert_eq!(answer.status, 404, "{key}");
        assert!(!answer.text.contains("Invalid URL"), "{key}");
    }
    // A name goes into letters as it is, and into no header of theirs.
    let key = program.login().await;
    program.authorize(format!("Token {}", key["key"].as_str().unwrap()));
    let name = "Ann\r\nBcc: eve@example.com\r\n\r\n<b>hi</b>";
    let changed = json!({ "first_name": name, "last_name": name });
    assert_eq!(program.post("user/", changed.clone()).await.0, 405);
    let (answer, body) = program.send("PATCH", "user/", &changed).await;
    assert_eq!(
        (answer.status.as_u16(), &body["first_name"]),
        (200, &json!(name))
    );
    reset_letter_is_plain(&app).await;
    let evil = json!({ "email": "ann@example.com\r\nBcc: eve@example.com" });
    assert_eq!(program.post("password/reset/", evil).await.0, 400);
}

async fn reset_letter_is_plain(app: &TestApp) {
    let ask: Value = json!({ "email": "ann@example.com" });
    let mut program = Program::of(app);
    program
        .0
        .headers
        .insert("x-forwarded-host", "evil.example".to_owned());
    assert_eq!(program.post("password/reset/", ask).await.0, 200);
    let letter = app.letter().await;
    assert!(!letter.subject.contains(['\r', '\n']));
    assert!(!letter.text.contains("evil.example") && !letter.text.contains("eve@"));
}
