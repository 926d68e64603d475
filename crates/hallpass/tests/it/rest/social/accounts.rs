//! Accounts that there are: signing in, connecting, letting go, and whose they stay.

use axum::body::Body;
use hallpass_testkit::{Browser, TestDb, each_database};
use serde_json::{Value, json};

use super::{TAKEN, WRONG, World, name_of, refused, token};
use crate::rest::tokens::{Program, with_jwt, without_session};

each_database!(
    whoever_comes_again_is_the_same,
    what_is_another_users_is_not_connected_and_gives_nothing,
    what_is_connected_is_listed_and_signs_in,
    the_last_way_in_stays,
    others_accounts_are_not_there,
    whoever_is_switched_off_does_not_come_in,
    an_address_opens_an_account_where_the_operator_says_so,
    a_session_starts_where_the_settings_say_so,
    a_page_of_another_site_starts_no_session,
    a_session_connects_only_with_a_csrf_token,
    a_fresh_proof_is_asked_for_where_the_settings_say_so,
    what_a_login_gives_is_what_the_settings_say,
);

const OTHERS: &str = "That account is already connected to another user of this site.";

async fn accounts(program: &mut Program) -> Vec<Value> {
    let (status, list) = program.get("socialaccounts/").await;
    assert_eq!(status, 200, "{list}");
    list.as_array().unwrap().clone()
}

async fn whoever_comes_again_is_the_same(db: TestDb) {
    let world = World::new(db).await;
    let mut first = world.come(41).await;
    assert_eq!(name_of(&mut first).await, "gh41");
    let mut again = world.come(41).await;
    assert_eq!(name_of(&mut again).await, "gh41");
    let (_, by_code) = world.post("github/", json!({ "code": "code-41" })).await;
    let (_, by_token) = world.post("github/", token(41)).await;
    assert_eq!(by_code, by_token);
    assert_eq!(accounts(&mut again).await.len(), 1);
    world.app.no_other_letter_was_sent().await;
}

async fn what_is_another_users_is_not_connected_and_gives_nothing(db: TestDb) {
    let world = World::new(db).await;
    let mut owner = world.come(41).await;
    let before = accounts(&mut owner).await;
    let mut ann = world.ann().await;
    for body in [token(41), json!({ "code": "code-41" })] {
        assert_eq!(ann.post("github/connect/", body).await, refused(OTHERS));
    }
    assert_eq!(accounts(&mut ann).await, Vec::<Value>::new());
    assert_eq!(accounts(&mut owner).await[0]["id"], before[0]["id"]);
    assert_eq!(name_of(&mut world.come(41).await).await, "gh41");
    world.app.no_other_letter_was_sent().await;
}

async fn what_is_connected_is_listed_and_signs_in(db: TestDb) {
    let world = World::new(db).await;
    let mut ann = world.ann().await;
    let (status, given) = ann.post("github/connect/", token(55)).await;
    assert_eq!(status, 200);
    ann.authorize(format!("Token {}", given["key"].as_str().unwrap()));
    assert_eq!(name_of(&mut ann).await, "ann");
    let list = accounts(&mut ann).await;
    assert_eq!(list.len(), 1);
    let names: Vec<&String> = list[0].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["id", "provider", "uid", "last_login", "date_joined"]
    );
    assert_eq!(
        (&list[0]["provider"], &list[0]["uid"]),
        (&json!("github"), &json!("55"))
    );
    // Once more is as good, and the same.
    assert_eq!(ann.post("github/connect/", token(55)).await.0, 200);
    assert_eq!(accounts(&mut ann).await.len(), 1);
    assert_eq!(name_of(&mut world.come(55).await).await, "ann");
    // The address there was nobody's business: it is still free.
    let (_, user) = ann.get("user/").await;
    assert_eq!(user["email"], "ann@example.com");
    let path = format!("socialaccounts/{}/disconnect/", list[0]["id"]);
    assert_eq!(ann.post(&path, json!({})).await, (200, json!({})));
    assert_eq!(accounts(&mut ann).await.len(), 0);
    assert_eq!(ann.post(&path, json!({})).await.0, 404);
    assert_eq!(name_of(&mut world.come(55).await).await, "gh55");
}

async fn the_last_way_in_stays(db: TestDb) {
    let world = World::new(db).await;
    let mut rob = world.come(41).await;
    let disconnect = |id: &Value| format!("socialaccounts/{id}/disconnect/");
    let first = accounts(&mut rob).await[0]["id"].clone();
    let (status, answer) = rob.post(&disconnect(&first), json!({})).await;
    assert_eq!((status, &answer["code"]), (400, &json!("no_password")));
    assert_eq!(rob.post("github/connect/", token(42)).await.0, 200);
    let second = accounts(&mut rob).await[1]["id"].clone();
    // Of two that go at once one stays.
    let both = [world.come(41).await, world.come(41).await];
    let mut all = Vec::new();
    for (mut program, id) in both.into_iter().zip([&first, &second]) {
        let path = disconnect(id);
        all.push(tokio::spawn(async move {
            program.post(&path, json!({})).await.0
        }));
    }
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 400]);
    assert_eq!(accounts(&mut rob).await.len(), 1);
}

async fn others_accounts_are_not_there(db: TestDb) {
    let world = World::new(db).await;
    let mut rob = world.come(41).await;
    let id = accounts(&mut rob).await[0]["id"].as_i64().unwrap();
    let mut ann = world.ann().await;
    for id in [id.to_string(), (id + 1).to_string(), "0".to_owned()] {
        let path = format!("socialaccounts/{id}/disconnect/");
        let not_found = (404, json!({ "detail": "Not found." }));
        assert_eq!(ann.post(&path, json!({})).await, not_found, "{id}");
    }
    for odd in ["x", "1x", "+1", "-1", "9223372036854775808", "%FF", "1%2F1"] {
        let path = format!("/dj-rest-auth/socialaccounts/{odd}/disconnect/");
        let body = Body::from("{}");
        let answer = ann
            .0
            .send("POST", &path, body, Some("application/json"))
            .await;
        assert_eq!(answer.status, 404, "{odd}");
    }
    assert_eq!(accounts(&mut rob).await.len(), 1);
    let mut nobody = world.program();
    assert_eq!(nobody.get("socialaccounts/").await.0, 401);
    assert_eq!(nobody.post("github/connect/", token(41)).await.0, 401);
}

async fn whoever_is_switched_off_does_not_come_in(db: TestDb) {
    let world = World::new(db).await;
    let mut rob = world.come(41).await;
    world
        .app
        .sql("UPDATE auth_user SET is_active = FALSE WHERE username = 'gh41'")
        .await;
    let answer = world.post("github/", token(41)).await;
    assert_eq!(answer, refused("User account is disabled."));
    assert_eq!(rob.post("github/connect/", token(42)).await.0, 401);
    assert_eq!(rob.get("socialaccounts/").await.0, 401);
}

async fn an_address_opens_an_account_where_the_operator_says_so(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        without_session(settings);
        settings.socialaccount.email_authentication = true;
    })
    .await;
    world.sites.set_email(41, "ann@example.com", false);
    world.sites.set_email(42, "ann@example.com", true);
    // Ann's address was never confirmed here: who shows that it is theirs gets the account, and the password goes.
    let (status, answer) = world.post("github/", token(41)).await;
    assert_eq!((status, answer), refused(TAKEN));
    let mut old = world.ann().await;
    assert_eq!(name_of(&mut world.come(42).await).await, "ann");
    assert_eq!(old.get("user/").await.0, 401);
    let login = json!({ "username": "ann", "password": "correct-horse-9-battery" });
    assert_eq!(world.post("login/", login).await.0, 400);
}

/// Whether a browser's session is somebody's.
async fn signed_in(world: &World, browser: &Browser) -> bool {
    let mut browser = browser.clone();
    browser.headers.remove("authorization");
    assert!(!world.app.hallpass.settings().rest_auth.use_jwt);
    browser.get("/dj-rest-auth/user/").await.status == 200
}

async fn a_session_starts_where_the_settings_say_so(db: TestDb) {
    for session in [false, true] {
        let world = World::with(db.shared(), json!({}), |settings| {
            settings.rest_auth.session_login = session;
        })
        .await;
        // The first time an account is made, or found by the second app; then it is known.
        for _ in 0..2 {
            let mut program = world.program();
            assert_eq!(program.post("github/", token(41)).await.0, 200);
            assert_eq!(program.0.cookies.contains_key("sessionid"), session);
            assert_eq!(signed_in(&world, &program.0).await, session);
        }
        let mut ann = world.ann().await;
        ann.0.cookies.clear();
        ann.post("github/connect/", token(55)).await;
        assert!(ann.0.cookies.is_empty(), "{:?}", ann.0.cookies);
    }
}

async fn a_page_of_another_site_starts_no_session(db: TestDb) {
    let world = World::with(db, json!({}), |_| {}).await;
    for _ in 0..2 {
        let mut program = world.program();
        let origin = "https://evil.example".to_owned();
        program.0.headers.insert("origin", origin);
        let (status, given) = program.post("github/", token(41)).await;
        assert_eq!(status, 200);
        assert!(given["key"].is_string());
        assert!(program.0.cookies.is_empty(), "{:?}", program.0.cookies);
    }
}

async fn a_session_connects_only_with_a_csrf_token(db: TestDb) {
    let world = World::with(db, json!({}), |_| {}).await;
    let mut ann = world.program();
    ann.login().await;
    for path in ["github/connect/", "socialaccounts/1/disconnect/"] {
        let (status, answer) = ann.post(path, token(41)).await;
        assert_eq!(status, 403, "{answer}");
        assert!(
            answer["detail"]
                .as_str()
                .unwrap()
                .starts_with("CSRF Failed")
        );
    }
    let csrf = ann.0.cookies["csrftoken"].clone();
    ann.0.headers.insert("x-csrftoken", csrf);
    assert_eq!(ann.post("github/connect/", token(41)).await.0, 200);
    assert_eq!(accounts(&mut ann).await.len(), 1);
}

async fn a_fresh_proof_is_asked_for_where_the_settings_say_so(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        settings.socialaccount.reauthentication_required = Some(true);
    })
    .await;
    let mut ann = world.ann().await;
    let stale = |(status, answer): (u16, Value)| {
        assert_eq!(
            (status, &answer["code"]),
            (403, &json!("reauthentication_required")),
            "{answer}"
        );
    };
    stale(ann.post("github/connect/", token(41)).await);
    stale(ann.post("socialaccounts/1/disconnect/", json!({})).await);
    // A session in which the password was given anew.
    let mut browser = ann.0.clone();
    browser.headers.remove("authorization");
    let password = [("password", "correct-horse-9-battery")];
    let answer = browser.fill("/accounts/reauthenticate/", &password).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    ann.0 = browser;
    let csrf = ann.0.cookies["csrftoken"].clone();
    ann.0.headers.insert("x-csrftoken", csrf);
    assert_eq!(ann.post("github/connect/", token(41)).await.0, 200);
    // Who can give none is not asked.
    world.sites.set_email(50, "", false);
    let mut bare = world.program();
    let (status, given) = bare.post("google/", token(50)).await;
    assert_eq!(status, 200, "{given}");
    bare.0.cookies.clear();
    bare.authorize(format!("Token {}", given["key"].as_str().unwrap()));
    assert_eq!(bare.post("github/connect/", token(51)).await.0, 200);
}

async fn what_a_login_gives_is_what_the_settings_say(db: TestDb) {
    let pairs = World::with(db.shared(), json!({}), with_jwt).await;
    let (status, given) = pairs.post("github/", token(41)).await;
    assert_eq!(status, 200);
    assert_eq!(given["user"]["username"], "gh41");
    let refresh = json!({ "refresh": given["refresh"] });
    assert_eq!(pairs.post("token/refresh/", refresh).await.0, 200);
    let mut owner = pairs.program();
    owner.authorize(format!("Bearer {}", given["access"].as_str().unwrap()));
    let (_, more) = owner.post("github/connect/", token(42)).await;
    assert_eq!(more["user"]["username"], "gh41");
    assert_ne!(more["refresh"], given["refresh"]);
    assert_eq!(
        owner
            .post("github/connect/", json!({ "code": "code-bad" }))
            .await
            .0,
        400
    );

    let sessions = World::with(db.shared(), json!({}), |settings| {
        settings.rest_auth.token_model = None;
    })
    .await;
    let mut program = sessions.program();
    assert_eq!(program.post("github/", token(41)).await.0, 204);
    assert_eq!(name_of(&mut program).await, "gh41");
    let csrf = program.0.cookies["csrftoken"].clone();
    program.0.headers.insert("x-csrftoken", csrf);
    assert_eq!(program.post("github/connect/", token(43)).await.0, 204);
    assert_eq!(
        program
            .post("github/connect/", json!({ "id_token": "x" }))
            .await,
        refused(WRONG)
    );
}
