//! Pages asked for by a script: the same flows, answered with JSON in allauth's shape.

use axum::body::Body;
use hallpass::settings::Verification;
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::browser::Answer;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::{Value, json};

each_database!(
    a_script_is_told_what_a_form_is,
    a_script_signs_somebody_up,
    a_body_of_json_is_no_form,
    a_script_is_told_the_addresses,
    errors_keep_their_status,
);

fn read(answer: &Answer) -> Value {
    assert_eq!(
        answer.header("content-type"),
        "application/json",
        "{}",
        answer.text
    );
    serde_json::from_str(&answer.text).unwrap()
}

/// A browser whose script does the asking, with a token for its forms.
async fn script(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    browser.get("/accounts/login/").await;
    let token = browser.cookies["csrftoken"].clone();
    browser.headers.insert("x-csrftoken", token);
    browser
        .headers
        .insert("x-requested-with", "XMLHttpRequest".to_owned());
    browser
}

async fn a_script_is_told_what_a_form_is(db: TestDb) {
    let extra = r#"[
        {"name": "plan", "type": "select", "required": false, "choices": [["a", "A"], ["b", "B"]]},
        {"name": "news", "type": "checkbox", "required": false}
    ]"#;
    let environment = [("HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(), extra.to_owned())];
    let extra = hallpass::settings::load(None, environment)
        .unwrap()
        .settings;
    let extra = extra.hallpass.signup_extra_fields;
    let app = TestApp::with(db, |settings| {
        settings.hallpass.signup_extra_fields = extra;
    })
    .await;
    for (name, value) in [
        ("x-requested-with", "XMLHttpRequest"),
        ("accept", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
    ] {
        let mut browser = app.browser();
        browser.headers.insert(name, value.to_owned());
        let answer = browser.get("/accounts/login/?next=/there").await;
        assert_eq!(answer.status, 200);
        let said = read(&answer);
        assert_eq!(
            said["form"]["field_order"],
            json!(["login", "password", "remember"]),
            "next is hidden, and no field"
        );
        assert_eq!(
            said["form"]["fields"]["password"],
            json!({
                "label": "Password",
                "value": null,
                "help_text": "",
                "errors": [],
                "widget": { "attrs": {
                    "type": "password",
                    "autocomplete": "current-password",
                    "enterkeyhint": "go",
                } },
            })
        );
        assert_eq!(said["form"]["errors"], json!([]));
        let html = said["html"].as_str().unwrap();
        assert!(html.contains("<h1>Sign in</h1>"), "{html}");
        assert!(said.get("location").is_none() && said.get("data").is_none());
    }
    for (name, value) in [
        ("x-requested-with", "xmlhttprequest"),
        ("accept", "application/json, text/plain, */*"),
        ("accept", "text/html"),
    ] {
        let mut browser = app.browser();
        browser.headers.insert(name, value.to_owned());
        let answer = browser.get("/accounts/login/").await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    }
    let mut browser = script(&app).await;
    let chosen = [
        ("plan", "b"),
        ("news", "on"),
        ("password1", "correct-horse-9"),
    ];
    let said = read(&browser.post("/accounts/signup/", &chosen).await);
    let fields = &said["form"]["fields"];
    assert_eq!(fields["plan"]["value"], "b");
    assert_eq!(
        fields["plan"]["widget"]["choices"],
        json!([{"value": "a", "label": "A"}, {"value": "b", "label": "B"}])
    );
    assert_eq!(fields["news"]["value"], true);
    assert_eq!(fields["username"]["widget"]["attrs"]["maxlength"], "150");
    assert!(!said.to_string().contains("correct-horse-9"));
}

async fn a_script_signs_somebody_up(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = script(&app).await;
    let mut fields = [
        ("username", "ann"),
        ("email", "ann@"),
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let answer = browser.post("/accounts/signup/", &fields).await;
    assert_eq!(answer.status, 400);
    let said = read(&answer);
    let email = &said["form"]["fields"]["email"];
    assert_eq!(email["value"], "ann@");
    assert_eq!(email["errors"].as_array().unwrap().len(), 1);
    assert_eq!(said["form"]["fields"]["username"]["errors"], json!([]));
    fields[1].1 = "ann@example.com";
    let answer = browser.post("/accounts/signup/", &fields).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (200, ""));
    assert_eq!(read(&answer), json!({ "location": "/accounts/profile/" }));
    assert!(browser.cookies.contains_key("sessionid"));
    let again = read(&browser.get("/accounts/login/").await);
    assert_eq!(again, json!({ "location": "/accounts/profile/" }));
    let mut other = script(&app).await;
    let stranger = read(&other.get("/accounts/email/").await);
    let to = "/accounts/login/?next=%2Faccounts%2Femail%2F";
    assert_eq!(stranger, json!({ "location": to }));
}

async fn a_body_of_json_is_no_form(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = script(&app).await;
    browser.headers.remove("x-requested-with");
    let body = json!({
        "username": "ann",
        "password1": "correct-horse-9",
        "password2": "correct-horse-9",
    });
    let answer = browser
        .send(
            "POST",
            "/accounts/signup/",
            Body::from(body.to_string()),
            Some("application/json"),
        )
        .await;
    assert_eq!(answer.status, 400);
    let said = read(&answer);
    let errors = &said["form"]["fields"]["username"]["errors"];
    assert_eq!(errors, &json!(["This field is required."]));
    assert_eq!(app.count("auth_user").await, 0);
}

async fn a_script_is_told_the_addresses(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification = Verification::Optional;
    })
    .await;
    let mut browser = script(&app).await;
    let fields = [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    browser.post("/accounts/signup/", &fields).await;
    app.letter().await;
    // The token is new with the session.
    let token = browser.cookies["csrftoken"].clone();
    browser.headers.insert("x-csrftoken", token);
    let first = |verified: bool, primary: bool| json!({ "email": "ann@example.com", "verified": verified, "primary": primary });
    let second = |verified: bool, primary: bool| json!({ "email": "two@example.com", "verified": verified, "primary": primary });
    let without_ids = |said: &Value| {
        let mut rows = said["data"].as_array().unwrap().clone();
        for row in &mut rows {
            assert!(row.as_object_mut().unwrap().remove("id").unwrap().is_i64());
        }
        Value::from(rows)
    };
    let said = read(&browser.get("/accounts/email/").await);
    assert_eq!(without_ids(&said), json!([first(false, true)]));
    assert_eq!(said["form"]["field_order"], json!(["email"]));
    let wrong = [("action_add", "1"), ("email", "two")];
    let answer = browser.post("/accounts/email/", &wrong).await;
    assert_eq!(answer.status, 400);
    assert_eq!(without_ids(&read(&answer)), json!([first(false, true)]));
    let add = [("action_add", "1"), ("email", "two@example.com")];
    let said = read(&browser.post("/accounts/email/", &add).await);
    assert_eq!(said["location"], "/accounts/email/");
    assert_eq!(
        without_ids(&said),
        json!([first(false, true), second(false, false)])
    );
    let link = link_in(&app.letter().await.text);
    let said = read(&browser.get(&link).await);
    assert_eq!(
        said["data"],
        json!({ "can_confirm": true, "email": "two@example.com", "user": { "display": "ann" } })
    );
    assert_eq!(
        read(&browser.post(&link, &[]).await)["location"],
        "/accounts/profile/"
    );
    let primary = [("action_primary", "1"), ("email", "two@example.com")];
    let said = read(&browser.post("/accounts/email/", &primary).await);
    assert_eq!(
        without_ids(&said),
        json!([first(false, false), second(true, true)]),
        "the oldest first, whichever is the primary one"
    );
    let answer = browser.get("/accounts/confirm-email/x:y:z/").await;
    assert_eq!(answer.status, 400);
    assert_eq!(read(&answer)["data"], json!({ "can_confirm": false }));
}

async fn errors_keep_their_status(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{"reset_password": "1/h/ip"}"#);
    })
    .await;
    let mut browser = script(&app).await;
    let ask = [("email", "ann@example.com")];
    browser.post("/accounts/password/reset/", &ask).await;
    let answer = browser.post("/accounts/password/reset/", &ask).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(read(&answer)["html"].as_str().unwrap().contains("Too many"));
    browser.headers.remove("x-csrftoken");
    let answer = browser.post("/accounts/password/reset/", &ask).await;
    assert_eq!(answer.status, 403);
    assert!(read(&answer).get("form").is_none());
}
