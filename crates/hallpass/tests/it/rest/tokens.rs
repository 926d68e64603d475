//! Keys, pairs, families: how long they live, what ends them, what they cost.

use std::sync::Arc;

use axum::body::Body;
use hallpass::settings::{RegisterPermission, Secret, Settings};
use hallpass_testkit::browser::Answer;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::contract::Contract;

each_database!(
    a_rotated_token_that_comes_again_ends_its_family,
    within_the_grace_a_rotated_token_gives_the_same_successor,
    fifty_refreshes_at_once_give_one_successor,
    a_new_password_ends_keys_and_families_of_all_devices,
    a_logout_ends_the_family_and_not_that_of_another_device,
    keys_of_those_who_are_gone_open_nothing,
    what_a_login_and_a_key_cost,
    a_page_of_another_site_starts_no_session_and_sets_no_cookie,
    public_keys_are_told_where_there_are_any,
    who_may_register_is_the_operators_choice,
    a_throttle_counts_by_user_and_not_by_what_a_client_says,
    what_rests_of_a_key_opens_nothing,
);

const PASSWORD: &str = "correct-horse-9-battery";

pub(super) fn with_jwt(settings: &mut Settings) {
    settings.rest_auth.use_jwt = true;
    settings.rest_auth.session_login = false;
    settings.simple_jwt.rotate_refresh_tokens = true;
}

pub(super) fn without_session(settings: &mut Settings) {
    settings.rest_auth.session_login = false;
}

/// A program that talks JSON, and holds every answer against the OpenAPI document.
pub(crate) struct Program(pub(crate) Browser, Arc<Contract>);

impl Program {
    pub(crate) fn of(app: &TestApp) -> Self {
        Program(app.browser(), Contract::of(app))
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, body: &Value) -> (Answer, Value) {
        let path = format!("/dj-rest-auth/{path}");
        let body = Body::from(body.to_string());
        let kind = Some("application/json");
        let answer = self.0.send(method, &path, body, kind).await;
        self.1.check(method, &path, &answer);
        let json = serde_json::from_str(&answer.text).unwrap_or_default();
        (answer, json)
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        let (answer, json) = self.send("POST", path, &body).await;
        (answer.status.as_u16(), json)
    }

    pub(crate) async fn get(&mut self, path: &str) -> (u16, Value) {
        let (answer, json) = self.send("GET", path, &Value::Null).await;
        (answer.status.as_u16(), json)
    }

    pub(crate) async fn login(&mut self) -> Value {
        let given = json!({ "username": "ann", "password": PASSWORD });
        let (status, body) = self.post("login/", given).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) fn authorize(&mut self, words: String) {
        self.0.headers.insert("authorization", words);
    }

    async fn refresh(&mut self, token: &str) -> (u16, Value) {
        self.post("token/refresh/", json!({ "refresh": token }))
            .await
    }
}

/// An app with Ann, whose address nobody confirmed.
pub(super) async fn app(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::with(db, change).await;
    let body = json!({
        "username": "ann", "email": "ann@example.com", "password1": PASSWORD, "password2": PASSWORD,
    });
    let mut program = Program::of(&app);
    let (status, answer) = program.post("registration/", body).await;
    assert!(status == 201 || status == 403 || status == 401, "{answer}");
    app.letters().await;
    app
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

async fn a_rotated_token_that_comes_again_ends_its_family(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.hallpass.refresh_grace = 0;
    })
    .await;
    let mut program = Program::of(&app);
    let first = text(&program.login().await, "refresh");
    let (status, second) = program.refresh(&first).await;
    assert_eq!(status, 200, "{second}");
    let second = text(&second, "refresh");
    assert_ne!(first, second);
    // A thief has the first one.
    let (status, refused) = program.refresh(&first).await;
    assert_eq!(status, 401);
    assert_eq!(refused["detail"], "Token is blacklisted");
    // The owner has to log in again, and so has the thief.
    assert_eq!(program.refresh(&second).await.0, 401);
    let again = text(&program.login().await, "refresh");
    assert_eq!(program.refresh(&again).await.0, 200);
}

async fn within_the_grace_a_rotated_token_gives_the_same_successor(db: TestDb) {
    let app = app(db, with_jwt).await;
    let mut program = Program::of(&app);
    let first = text(&program.login().await, "refresh");
    let (_, second) = program.refresh(&first).await;
    let (status, again) = program.refresh(&first).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(second["refresh"], again["refresh"]);
    // It is good, once.
    let (status, third) = program.refresh(&text(&second, "refresh")).await;
    assert_eq!(status, 200);
    assert_ne!(third["refresh"], second["refresh"]);
    // Two steps back is no race any more.
    assert_eq!(program.refresh(&first).await.0, 401);
    assert_eq!(program.refresh(&text(&third, "refresh")).await.0, 401);
}

async fn fifty_refreshes_at_once_give_one_successor(db: TestDb) {
    let app = app(db, with_jwt).await;
    let first = text(&Program::of(&app).login().await, "refresh");
    let mut all = Vec::new();
    for _ in 0..50 {
        let (mut program, first) = (Program::of(&app), first.clone());
        all.push(tokio::spawn(async move { program.refresh(&first).await }));
    }
    let mut successors = std::collections::BTreeSet::new();
    for one in all {
        let (status, body) = one.await.unwrap();
        assert_eq!(status, 200, "{body}");
        successors.insert(text(&body, "refresh"));
    }
    assert_eq!(successors.len(), 1);
    let one = successors.pop_first().unwrap();
    assert_eq!(Program::of(&app).refresh(&one).await.0, 200);
}

async fn a_new_password_ends_keys_and_families_of_all_devices(db: TestDb) {
    let new = json!({ "new_password1": "another-horse-7", "new_password2": "another-horse-7" });
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.simple_jwt.check_revoke_token = true;
    })
    .await;
    let (mut phone, mut laptop) = (Program::of(&app), Program::of(&app));
    let (one, other) = (phone.login().await, laptop.login().await);
    phone.authorize(format!("Bearer {}", text(&one, "access")));
    laptop.authorize(format!("Bearer {}", text(&other, "access")));
    assert_eq!(phone.post("password/change/", new).await.0, 200);
    for (program, tokens) in [(&mut phone, one), (&mut laptop, other)] {
        let (status, body) = program.get("user/").await;
        assert_eq!(
            (status, text(&body, "code").as_str()),
            (401, "password_changed")
        );
        program.0.headers.remove("authorization");
        assert_eq!(program.refresh(&text(&tokens, "refresh")).await.0, 401);
        let old = json!({ "username": "ann", "password": PASSWORD });
        assert_eq!(program.post("login/", old).await.0, 400);
    }
}

async fn a_logout_ends_the_family_and_not_that_of_another_device(db: TestDb) {
    let app = app(db, with_jwt).await;
    let (mut phone, mut laptop) = (Program::of(&app), Program::of(&app));
    let (one, other) = (phone.login().await, laptop.login().await);
    let (_, later) = phone.refresh(&text(&one, "refresh")).await;
    let body = json!({ "refresh": later["refresh"] });
    assert_eq!(phone.post("logout/", body.clone()).await.0, 200);
    assert_eq!(phone.post("logout/", body).await.0, 401, "once");
    assert_eq!(phone.refresh(&text(&later, "refresh")).await.0, 401);
    assert_eq!(laptop.refresh(&text(&other, "refresh")).await.0, 200);
}

async fn keys_of_those_who_are_gone_open_nothing(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let key = text(&program.login().await, "key");
    program.authorize(format!("Token {key}"));
    assert_eq!(program.get("user/").await.0, 200);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let (status, body) = program.get("user/").await;
    assert_eq!(
        (status, body),
        (401, json!({ "detail": "User inactive or deleted." }))
    );
    for table in ["authtoken_token", "account_emailaddress"] {
        app.sql(&format!("DELETE FROM {table}")).await;
    }
    let (status, body) = program.get("user/").await;
    assert_eq!((status, body), (401, json!({ "detail": "Invalid token." })));
}

async fn what_a_login_and_a_key_cost(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    program.login().await;
    let count = || {
        let statements = app.hallpass.db().statements();
        statements.reads + statements.writes
    };
    let before = count();
    let key = text(&program.login().await, "key");
    assert!(count() - before <= 3, "{}", count() - before);
    program.authorize(format!("Token {key}"));
    let before = count();
    assert_eq!(program.get("user/").await.0, 200);
    assert_eq!(count() - before, 1);
}

async fn a_page_of_another_site_starts_no_session_and_sets_no_cookie(db: TestDb) {
    let app = app(db, |settings| {
        settings.csrf.trusted_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let login = json!({ "username": "ann", "password": PASSWORD });
    for (origin, starts) in [
        ("https://evil.example", false),
        ("null", false),
        ("http://localhost:8001", false),
        ("https://localhost", false),
        ("http://localhost", true),
        ("https://app.example.com", true),
    ] {
        let mut program = Program::of(&app);
        program.0.headers.insert("origin", origin.to_owned());
        let (answer, body) = program.send("POST", "login/", &login).await;
        assert_eq!(answer.status, 200);
        assert_eq!(text(&body, "key").len(), 40, "the key is there in any case");
        assert_eq!(
            program.0.cookies.contains_key("sessionid"),
            starts,
            "{origin}"
        );
        let body = json!({
            "username": format!("n{}", origin.len()), "email": format!("n{}@example.com", origin.len()),
            "password1": PASSWORD, "password2": PASSWORD,
        });
        let mut program = Program::of(&app);
        program.0.headers.insert("origin", origin.to_owned());
        let (answer, body) = program.send("POST", "registration/", &body).await;
        assert_eq!(answer.status, 201, "{body}");
        assert_eq!(
            program.0.cookies.contains_key("sessionid"),
            starts,
            "{origin}"
        );
    }
    // Nor the cookies of tokens; then the refresh token is in the body, for there is no other place.
    let db = hallpass_testkit::TestDb::sqlite().await;
    let app = self::app(db, |settings| {
        with_jwt(settings);
        settings.rest_auth.jwt_auth_cookie = Some("access".to_owned());
        settings.rest_auth.jwt_auth_refresh_cookie = Some("refresh".to_owned());
    })
    .await;
    for (origin, sets) in [("https://evil.example", false), ("http://localhost", true)] {
        let mut program = Program::of(&app);
        program.0.headers.insert("origin", origin.to_owned());
        let (_, body) = program.send("POST", "login/", &login).await;
        assert_eq!(program.0.cookies.len(), if sets { 2 } else { 0 });
        assert_eq!(text(&body, "refresh").is_empty(), sets);
        if sets {
            let evil = "https://evil.example".to_owned();
            program.0.headers.insert("origin", evil);
            assert_eq!(program.post("token/refresh/", json!({})).await.0, 403);
            program.0.headers.remove("origin");
            let before = program.0.cookies["refresh"].clone();
            assert_eq!(program.post("token/refresh/", json!({})).await.0, 200);
            assert_ne!(program.0.cookies["refresh"], before);
        }
    }
}

async fn public_keys_are_told_where_there_are_any(db: TestDb) {
    let vectors = include_str!("../../../../hallpass-core/tests/data/simplejwt.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let mut backends = vectors["backends"].as_array().unwrap().iter();
    let pair = backends.find(|one| one["algorithm"] == "RS256").unwrap();
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.simple_jwt.algorithm = "RS256".to_owned();
        settings.simple_jwt.signing_key = Some(Secret::new(text(pair, "private_key")));
        settings.simple_jwt.verifying_key = Some(text(pair, "public_key"));
    })
    .await;
    let mut program = Program::of(&app);
    for path in [
        "/.well-known/jwks.json",
        "/dj-rest-auth/.well-known/jwks.json",
    ] {
        let answer = program.0.get(path).await;
        let keys: Value = serde_json::from_str(&answer.text).unwrap();
        let key = &keys["keys"][0];
        assert_eq!(
            (&key["kty"], &key["alg"], &key["use"]),
            (&json!("RSA"), &json!("RS256"), &json!("sig"))
        );
        assert!(key.get("d").is_none(), "the private half");
    }
    let tokens = program.login().await;
    program.authorize(format!("Bearer {}", text(&tokens, "access")));
    assert_eq!(program.get("user/").await.0, 200);
    let plain = self::app(TestDb::sqlite().await, with_jwt).await;
    assert_eq!(
        plain.browser().get("/.well-known/jwks.json").await.status,
        404
    );
}

async fn who_may_register_is_the_operators_choice(db: TestDb) {
    let app = app(db, |settings| {
        settings.rest_auth.register_permission_classes = vec![RegisterPermission::Staff];
    })
    .await;
    assert_eq!(app.count("auth_user").await, 0);
    let mut program = Program::of(&app);
    let (status, body) = program.post("registration/", json!({})).await;
    assert_eq!(status, 401);
    assert_eq!(
        body["detail"],
        "Authentication credentials were not provided."
    );
}

async fn a_throttle_counts_by_user_and_not_by_what_a_client_says(db: TestDb) {
    let app = app(db, |settings| {
        without_session(settings);
        let rates = &mut settings.rest_framework.default_throttle_rates;
        rates.0.push(("dj_rest_auth".to_owned(), 2, 3600));
    })
    .await;
    // The registration was the first.
    let mut program = Program::of(&app);
    let key = text(&program.login().await, "key");
    for forged in ["198.51.100.1", "198.51.100.2"] {
        program
            .0
            .headers
            .insert("x-forwarded-for", forged.to_owned());
        let (answer, _) = program.send("POST", "login/", &json!({})).await;
        assert_eq!(answer.status, 429);
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
    }
    // Whoever is known has a count of their own.
    program.authorize(format!("Token {key}"));
    assert_eq!(program.post("password/change/", json!({})).await.0, 400);
    assert_eq!(program.post("password/change/", json!({})).await.0, 400);
    assert_eq!(program.post("password/change/", json!({})).await.0, 429);
    assert_eq!(program.get("user/").await.0, 200, "no scope");
}

async fn what_rests_of_a_key_opens_nothing(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let key = text(&program.login().await, "key");
    let row = app
        .db
        .db
        .conn()
        .query_opt("SELECT key FROM authtoken_token", &[])
        .await;
    let rests: String = row.unwrap().unwrap().get(0).unwrap();
    assert_ne!(rests, key);
    program.authorize(format!("Token {rests}"));
    assert_eq!(program.get("user/").await.0, 401);
    // And yet the next login gives the same one.
    program.0.headers.remove("authorization");
    assert_eq!(text(&program.login().await, "key"), key);
}
