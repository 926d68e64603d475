//! What an attempt costs: the same, whoever is named. Statements and hashes are counted; how long they take is measured in
//! `load.rs`.

use hallpass::domain::UserId;
use hallpass::flows::tokens;
use hallpass::settings::{LoginBy, Settings, Verification};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, app, with_jwt, without_session};

each_database!(
    a_login_costs_one_hash_whoever_is_named,
    tokens_cost_no_more_than_they_must,
    what_is_asked_about_an_address_costs_the_same,
);

const PASSWORD: &str = "correct-horse-9-battery";

/// Statements and hashes so far.
fn spent(app: &TestApp) -> (u64, u64) {
    let statements = app.hallpass.db().statements();
    let hashes = app.hallpass.hashing().hashes();
    (statements.reads + statements.writes, hashes)
}

/// What a request answers, and what it costs.
async fn cost(app: &TestApp, path: &str, body: Value) -> (u16, Value, u64, u64) {
    let mut program = Program::of(app);
    let before = spent(app);
    let (status, answer) = program.post(path, body).await;
    let after = spent(app);
    (status, answer, after.0 - before.0, after.1 - before.1)
}

/// Ann with a password, Eve who was switched off, Uma without a password.
async fn people(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = app(db, change).await;
    let hash = app.look_up(UserId::from_int(1)).await.password;
    app.user_with("eve", "eve@example.com", &hash).await;
    app.user("uma", "uma@example.com").await;
    app.sql("UPDATE auth_user SET is_active = FALSE WHERE username = 'eve'")
        .await;
    app.sql("INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") SELECT id, email, TRUE, TRUE FROM auth_user WHERE username <> 'ann'")
        .await;
    app
}

async fn a_login_costs_one_hash_whoever_is_named(db: TestDb) {
    let app = people(db, |settings| {
        without_session(settings);
        settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
    })
    .await;
    let right = json!({ "username": "ann", "password": PASSWORD });
    let (status, _, statements, hashes) = cost(&app, "login/", right).await;
    assert_eq!((status, hashes), (200, 1));
    // The first one makes the key, the next ones find it.
    assert!(statements <= 3, "{statements}");
    let mut all = Vec::new();
    for (name, password) in [
        ("ann", "wrong-horse-9-battery"),
        ("nobody", PASSWORD),
        ("eve", PASSWORD),
        ("eve", "wrong-horse-9-battery"),
        ("uma", PASSWORD),
        ("ann@example.com", "wrong-horse-9-battery"),
        ("nobody@example.com", PASSWORD),
        ("uma@example.com", PASSWORD),
    ] {
        let body = json!({ "username": name, "password": password });
        all.push((name, cost(&app, "login/", body).await));
        let body = json!({ "email": name, "password": password });
        if name.contains('@') {
            all.push((name, cost(&app, "login/", body).await));
        }
    }
    for (name, (status, answer, statements, hashes)) in &all {
        let words = "Unable to log in with provided credentials.";
        assert_eq!(
            (*status, &answer["non_field_errors"][0]),
            (400, &json!(words)),
            "{name}"
        );
        // A text that may be an address is looked for as a name as well, whoever has it.
        let alike = all
            .iter()
            .find(|(one, _)| one.contains('@') == name.contains('@'));
        assert_eq!((*hashes, *statements), (1, alike.unwrap().1.2), "{name}");
    }
    // With blanks at its ends a password has two forms, for nobody as well.
    for name in ["ann", "nobody", "eve", "uma"] {
        let body = json!({ "username": name, "password": " wrong-horse-9 " });
        let (status, _, statements, hashes) = cost(&app, "login/", body).await;
        assert_eq!((status, hashes, statements), (400, 2, all[0].1.2), "{name}");
    }
    let body = json!({ "username": "ann", "password": format!("{PASSWORD} ") });
    let (status, _, _, hashes) = cost(&app, "login/", body).await;
    assert_eq!((status, hashes), (200, 2));
}

async fn tokens_cost_no_more_than_they_must(db: TestDb) {
    let app = people(db, with_jwt).await;
    let body = json!({ "username": "ann", "password": PASSWORD });
    let mut program = Program::of(&app);
    let (_, given) = program.post("login/", body.clone()).await;
    let (_, _, statements, hashes) = cost(&app, "login/", body).await;
    // Who it is, the event, whether that still holds, the family, and simplejwt's list.
    assert!((statements, hashes) <= (5, 1), "{statements} {hashes}");
    let access = given["access"].as_str().unwrap();
    let before = spent(&app);
    let claims = tokens::claims_of(&app.hallpass, access, app.hallpass.now()).unwrap();
    assert_eq!(claims["user_id"], "1");
    assert_eq!(spent(&app), before, "claims need no database");
    program.authorize(format!("Bearer {access}"));
    assert_eq!(program.get("user/").await.0, 200);
    assert_eq!(spent(&app), (before.0 + 1, before.1));
    // What was not signed here costs nothing at all.
    program.authorize(format!("Bearer {access}x"));
    assert_eq!(program.get("user/").await.0, 401);
    assert_eq!(
        program
            .post("token/verify/", json!({ "token": "a.b.c" }))
            .await
            .0,
        401
    );
    assert_eq!(
        program
            .post("token/refresh/", json!({ "refresh": "a.b.c" }))
            .await
            .0,
        401
    );
    assert_eq!(spent(&app), (before.0 + 1, before.1));
}

async fn what_is_asked_about_an_address_costs_the_same(db: TestDb) {
    let app = people(db, |settings| {
        without_session(settings);
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    let taken = |email: &str, name: &str| json!({ "username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD });
    let asked = |email: &str, _: &str| json!({ "email": email });
    type Body<'a> = &'a dyn Fn(&str, &str) -> Value;
    let paths: [(&str, Body<'_>); 3] = [
        ("password/reset/", &asked),
        ("registration/resend-email/", &asked),
        ("registration/", &taken),
    ];
    for (path, body) in paths {
        let mut all = Vec::new();
        for (index, email) in [
            "nobody@example.com",
            "ann@example.com",
            "uma@example.com",
            "eve@example.com",
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("new{index}{}", path.len());
            let (status, answer, statements, hashes) = cost(&app, path, body(email, &name)).await;
            all.push((email, (status, answer, hashes), statements));
        }
        let costs: Vec<_> = all.iter().map(|(email, _, cost)| (*email, *cost)).collect();
        for (email, answer, statements) in &all {
            assert_eq!(*answer, all[0].1, "{path} {email}");
            assert_eq!(*statements, all[0].2, "{path} {email} {costs:?}");
        }
    }
}
