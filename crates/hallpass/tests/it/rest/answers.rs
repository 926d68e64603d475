//! Forms of answers, odd input, links in letters.

use axum::body::Body;
use hallpass::settings::{CodeRequired, Verification};
use hallpass_testkit::{TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, app, with_jwt, without_session};

each_database!(
    a_browser_gets_a_page_and_a_program_json,
    nothing_that_is_sent_breaks_anything,
    letters_lead_to_the_front_end,
    an_account_is_made_confirmed_used_and_changed,
    a_site_without_the_interface_has_none_of_it,
    what_is_no_address_is_not_found_in_the_form_that_was_asked_for,
    a_name_that_many_want_at_once_goes_to_one,
    options_tell_what_an_address_takes,
    a_sign_in_with_a_stage_is_for_a_person,
);

async fn a_browser_gets_a_page_and_a_program_json(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let accepts = "text/html,application/xhtml+xml,*/*;q=0.8";
    program.0.headers.insert("accept", accepts.to_owned());
    let (answer, _) = program
        .send("POST", "login/", &json!({ "username": "<b>" }))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("allow"), "POST, OPTIONS");
    assert!(
        answer.text.contains("This field is required."),
        "{}",
        answer.text
    );
    let (answer, _) = program.send("GET", "login/", &Value::Null).await;
    assert_eq!(answer.status, 405);
    assert!(answer.text.contains("<h1>Login</h1>"), "{}", answer.text);
    let (answer, json) = program
        .send("GET", "login/?format=json", &Value::Null)
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(json["detail"], "Method \"GET\" not allowed.");
    let (answer, json) = program.send("GET", "login/?format=xml", &Value::Null).await;
    assert_eq!(
        (answer.status.as_u16(), json),
        (404, json!({ "detail": "Not found." }))
    );
    program.0.headers.insert("accept", "text/plain".to_owned());
    let (answer, json) = program.send("POST", "login/", &json!({})).await;
    assert_eq!(answer.status, 406);
    assert_eq!(
        json["detail"],
        "Could not satisfy the request Accept header."
    );
    let indented = "application/json; indent=2".to_owned();
    program.0.headers.insert("accept", indented);
    let (answer, _) = program.send("POST", "login/", &json!({})).await;
    assert_eq!(
        answer.text,
        "{\n  \"password\": [\n    \"This field is required.\"\n  ]\n}"
    );
}

async fn nothing_that_is_sent_breaks_anything(db: TestDb) {
    let app = app(db, with_jwt).await;
    let deep = "[".repeat(50_000);
    let long = json!({ "username": "x".repeat(100_000), "email": "x".repeat(100_000), "password": "x".repeat(100_000),
        "refresh": "x".repeat(100_000), "token": ".".repeat(100_000), "key": ":".repeat(100_000), "uid": "z".repeat(1000),
        "new_password1": "a-good-one-77", "new_password2": "a-good-one-77", "password1": "é".repeat(5000), "password2": "é" });
    let odd = json!({ "username": "a\u{0}b", "email": "a\u{0}@b.example", "password": "\u{0}", "refresh": "\u{0}", "token": "a.b.c",
        "key": "\u{0}", "uid": "-1", "new_password1": "\u{0}", "new_password2": "\u{0}", "password1": "\u{0}", "password2": "\u{0}" });
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        (deep.into(), "application/json"),
        (long.to_string().into(), "application/json"),
        (odd.to_string().into(), "application/json; charset=utf-8"),
        (br#"{"username": "\ud800", "password": "\udfff", "refresh": "\ud800", "token": "\ud800", "key": "\ud800", "email": "\ud800"}"#.to_vec(), "application/json"),
        (br#"{"password": NaN}"#.to_vec(), "application/json"),
        (b"\xff\xfe{}".to_vec(), "application/json"),
        (b"null".to_vec(), "application/json"),
        (b"3".to_vec(), "application/json"),
        (b"\"text\"".to_vec(), "application/json"),
        (b"%ff=%00&username=%zz".to_vec(), "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense".to_vec(), "multipart/form-data; boundary=x"),
        (b"".to_vec(), "multipart/form-data"),
        (b"x".to_vec(), "\u{e9}"),
        (br#"{"uid": "2", "token": "", "new_password1": {}, "new_password2": [], "username": 1e999}"#.to_vec(), "application/json"),
    ];
    for path in [
        "login/",
        "logout/",
        "user/",
        "password/change/",
        "password/reset/",
        "password/reset/confirm/",
        "token/verify/",
        "token/refresh/",
        "registration/",
        "registration/verify-email/",
        "registration/resend-email/",
        "registration/account-email-verification-sent/",
        "registration/account-confirm-email/x/",
    ] {
        for (body, kind) in &bodies {
            for method in ["POST", "PATCH", "OPTIONS", "HEAD", "BREW"] {
                let mut program = Program::of(&app);
                let path = format!("/dj-rest-auth/{path}");
                let body = Body::from(body.clone());
                let answer = program.0.send(method, &path, body, Some(kind)).await;
                let shown: String = answer.text.chars().take(200).collect();
                assert!(
                    answer.status.as_u16() < 500,
                    "{method} {path} {kind}: {shown}"
                );
            }
        }
    }
}

async fn letters_lead_to_the_front_end(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.account.email_verification = Verification::Mandatory;
        let hallpass = &mut settings.hallpass;
        hallpass.reset_url = Some("https://app.example.com/reset?u={uid}&t={token}".to_owned());
        hallpass.email_confirm_url = Some("/app/confirm/{key}".to_owned());
        hallpass.public_url = Some("https://accounts.example.com".to_owned());
    })
    .await;
    let mut program = Program::of(&app);
    let email = json!({ "email": "ann@example.com" });
    assert_eq!(program.post("password/reset/", email.clone()).await.0, 200);
    let letter = app.letter().await;
    assert!(
        letter.text.contains("https://app.example.com/reset?u=1&t="),
        "{}",
        letter.text
    );
    assert_eq!(
        program.post("registration/resend-email/", email).await.0,
        200
    );
    let letter = app.letter().await;
    let start = "http://localhost/app/confirm/";
    let (_, rest) = letter.text.split_once(start).unwrap();
    let key = rest.split_whitespace().next().unwrap();
    let path = format!("/dj-rest-auth/registration/account-confirm-email/{key}/");
    assert_eq!(
        program.0.get(&path).await.location(),
        format!("/app/confirm/{key}")
    );
    let body = json!({ "key": key });
    assert_eq!(
        program.post("registration/verify-email/", body).await.0,
        200
    );
    program.login().await;
    app.no_other_letter_was_sent().await;
}

async fn an_account_is_made_confirmed_used_and_changed(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.account.email_verification = Verification::Mandatory;
        settings.rest_auth.password_reset_use_sites_domain = true;
        settings.hallpass.public_url = Some("https://accounts.example.com".to_owned());
    })
    .await;
    let mut program = Program::of(&app);
    let given = json!({ "username": "ann", "password": "correct-horse-9-battery" });
    let (status, body) = program.post("login/", given).await;
    assert_eq!(
        (status, body),
        (
            400,
            json!({ "non_field_errors": ["E-mail is not verified."] })
        )
    );
    app.sql("UPDATE account_emailaddress SET verified = TRUE")
        .await;
    let tokens = program.login().await;
    let bearer = format!("Bearer {}", tokens["access"].as_str().unwrap());
    program.authorize(bearer);
    let names = json!({ "username": "ann", "first_name": "Ann", "last_name": "Bee", "email": "x@example.com", "pk": 7 });
    let (answer, user) = program.send("PUT", "user/", &names).await;
    assert_eq!(answer.status, 200, "{user}");
    let (_, shown) = program.get("user/").await;
    assert_eq!(
        shown,
        json!({ "pk": 1, "username": "ann", "email": "ann@example.com", "first_name": "Ann", "last_name": "Bee" })
    );
    let (answer, _) = program
        .send("PATCH", "user/", &json!({ "username": "anna" }))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        app.look_up(hallpass::domain::UserId::from_int(1))
            .await
            .username,
        "anna"
    );
    program.0.headers.remove("authorization");
    let email = json!({ "email": "ann@example.com" });
    assert_eq!(program.post("password/reset/", email).await.0, 200);
    let letter = app.letter().await;
    let start = "https://accounts.example.com/accounts/password/reset/key/";
    let (_, rest) = letter.text.split_once(start).unwrap();
    let (uid, token) = rest.split('/').next().unwrap().split_once('-').unwrap();
    let new = "another-horse-7";
    let body = json!({ "uid": uid, "token": token, "new_password1": new, "new_password2": new });
    assert_eq!(
        program
            .post("password/reset/confirm/", body.clone())
            .await
            .0,
        200
    );
    let (status, refused) = program.post("password/reset/confirm/", body).await;
    assert_eq!(
        (status, refused),
        (400, json!({ "token": ["Invalid value"] }))
    );
    let body = json!({ "refresh": tokens["refresh"] });
    assert_eq!(program.post("token/refresh/", body).await.0, 401);
    app.no_other_letter_was_sent().await;
}

async fn a_site_without_the_interface_has_none_of_it(db: TestDb) {
    let app = hallpass_testkit::TestApp::with(db, |settings| {
        settings.hallpass.rest_mount = None;
    })
    .await;
    let mut program = Program::of(&app);
    assert_eq!(program.post("login/", json!({})).await.0, 404);
}

async fn what_is_no_address_is_not_found_in_the_form_that_was_asked_for(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let missing = json!({ "detail": "Not found." });
    // Second factors are as where the original has them not installed.
    for (method, path) in [
        ("GET", "mfa/status/"),
        ("POST", "mfa/verify/"),
        ("GET", "mfa/totp/activate/"),
        ("POST", "mfa/totp/deactivate/"),
        ("POST", "mfa/recovery-codes/"),
        ("POST", "mfa/recovery-codes/regenerate/"),
        ("POST", "login/x"),
        ("BREW", "tea"),
        ("OPTIONS", "registration"),
        ("GET", "%ff/..%2f%00"),
    ] {
        let (answer, told) = program.send(method, path, &json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), told),
            (404, missing.clone()),
            "{method} {path}"
        );
    }
    program.0.headers.insert("accept", "text/html".to_owned());
    let (answer, _) = program.send("GET", "mfa/status/", &Value::Null).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.text.contains("Not found."), "{}", answer.text);
}

async fn a_name_that_many_want_at_once_goes_to_one(db: TestDb) {
    let app = app(db, without_session).await;
    let mut programs = Vec::new();
    let spellings = [
        "wanted", "Wanted", "wAnted", "waNted", "wanTed", "wantEd", "wanteD", "WANTED",
    ];
    for number in 0..spellings.len() {
        let (name, email) = (format!("n{number}"), format!("n{number}@example.com"));
        let password = "correct-horse-9-battery";
        let body = json!({ "username": name, "email": email, "password1": password, "password2": password });
        let mut program = Program::of(&app);
        let (status, answer) = program.post("registration/", body).await;
        assert_eq!(status, 201, "{answer}");
        program.authorize(format!("Token {}", answer["key"].as_str().unwrap()));
        programs.push(program);
    }
    let asked = programs.into_iter().zip(spellings);
    let asked = asked.map(|(mut program, name)| {
        tokio::spawn(async move {
            let wanted = json!({ "username": name });
            program.send("PATCH", "user/", &wanted).await.0.status
        })
    });
    let mut statuses = Vec::new();
    for one in asked.collect::<Vec<_>>() {
        statuses.push(one.await.unwrap().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

async fn options_tell_what_an_address_takes(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.account.email_required = true;
    })
    .await;
    let mut program = Program::of(&app);
    let text = |kind: &str, label: &str| json!({ "type": kind, "required": true, "read_only": false, "label": label });
    let mut name = text("string", "Username");
    name["min_length"] = 1.into();
    name["max_length"] = 150.into();
    let fields = json!({
        "username": name, "email": text("email", "Email"),
        "password1": text("string", "Password1"), "password2": text("string", "Password2"),
    });
    let (_, told) = program.send("OPTIONS", "registration/", &Value::Null).await;
    assert_eq!(told["name"], "Register");
    assert_eq!(told["actions"], json!({ "POST": fields }));
    let (_, told) = program.send("OPTIONS", "logout/", &Value::Null).await;
    assert!(told.get("actions").is_none(), "{told}");
    let (answer, _) = program.send("OPTIONS", "user/", &Value::Null).await;
    assert_eq!(answer.status, 401, "not for everybody");
}

async fn a_sign_in_with_a_stage_is_for_a_person(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        settings.account.login_by_code_enabled = true;
        settings.account.login_by_code_required = CodeRequired {
            after: Vec::new(),
            always: true,
        };
    })
    .await;
    let keys = app.count("authtoken_token").await;
    let mut program = Program::of(&app);
    let given = json!({ "username": "ann", "password": "correct-horse-9-battery" });
    let (status, body) = program.post("login/", given).await;
    assert_eq!(
        (status, &body["code"]),
        (403, &json!("stage_required")),
        "{body}"
    );
    assert_eq!(body["stage"], "login_by_code");
    assert_eq!(app.count("authtoken_token").await, keys);
    app.no_other_letter_was_sent().await;
}
