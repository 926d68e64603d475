//! Who comes for the first time: an account is made without a form, or not at all.

use hallpass::settings::{CodeRequired, Verification};
use hallpass_testkit::app::rates;
use hallpass_testkit::{TestDb, each_database};
use serde_json::json;

use super::{TAKEN, World, name_of, refused, token};
use crate::rest::tokens::{with_jwt, without_session};

each_database!(
    what_the_provider_says_becomes_the_account,
    fifty_identical_signups_make_one_account,
    an_address_that_has_an_account_is_not_linked,
    a_hidden_address_is_told_to_its_owner_alone,
    what_the_provider_does_not_say_is_told,
    where_a_form_is_wanted_there_is_no_account,
    where_signups_are_closed_nobody_new_comes_in,
    nobody_gets_past_a_stage,
    an_address_is_confirmed_first_where_that_is_demanded,
    attempts_and_signups_are_limited,
);

async fn what_the_provider_says_becomes_the_account(db: TestDb) {
    let world = World::new(db).await;
    world.sites.set_email(42, "second@example.com", false);
    let mut first = world.come(41).await;
    let (_, user) = first.get("user/").await;
    let wanted = json!({
        "pk": user["pk"], "username": "gh41", "email": "social41@example.com",
        "first_name": "Social", "last_name": "User 41",
    });
    assert_eq!(user, wanted);
    world.app.no_other_letter_was_sent().await;
    // An address that the provider does not vouch for is confirmed by letter.
    world.come(42).await;
    assert_eq!(world.app.letter().await.to, "second@example.com");
    let login = json!({ "username": "gh41", "password": "" });
    assert_eq!(world.post("login/", login).await.0, 400);
}

async fn fifty_identical_signups_make_one_account(db: TestDb) {
    for (settings, paths) in [
        (without_session as fn(&mut _), ["github/", "google/"]),
        (with_jwt, ["github/", "google/"]),
    ] {
        let world = World::with(db.shared(), json!({}), settings).await;
        for path in paths {
            world.app.sql("DELETE FROM account_emailaddress").await;
            world.app.sql("UPDATE auth_user SET email = ''").await;
            let before = world.app.count("auth_user").await;
            let number = 100 + u32::try_from(before).unwrap();
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let mut program = world.program();
                all.spawn(async move { program.post(path, token(number)).await });
            }
            let mut users = std::collections::BTreeSet::new();
            while let Some(answer) = all.join_next().await {
                let (status, given) = answer.unwrap();
                assert_eq!(status, 200, "{given}");
                users.insert(format!("{}{}", given["key"], given["user"]["pk"]));
            }
            assert_eq!(users.len(), 1, "{users:?}");
            assert_eq!(world.app.count("auth_user").await, before + 1);
        }
    }
}

async fn an_address_that_has_an_account_is_not_linked(db: TestDb) {
    let world = World::new(db).await;
    for (number, verified) in [(41, true), (42, false)] {
        world.sites.set_email(number, "Ann@Example.com", verified);
        assert_eq!(world.post("github/", token(number)).await, refused(TAKEN));
    }
    assert_eq!(world.app.count("auth_user").await, 1);
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
    // The way out: who is Ann says so, and connects it.
    let mut ann = world.ann().await;
    assert_eq!(ann.post("github/connect/", token(41)).await.0, 200);
    assert_eq!(name_of(&mut world.come(41).await).await, "ann");
    world.app.no_other_letter_was_sent().await;
}

async fn a_hidden_address_is_told_to_its_owner_alone(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        without_session(settings);
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    world.sites.set_email(41, "ann@example.com", false);
    world.sites.set_email(42, "free@example.com", false);
    world.sites.set_email(43, "ann@example.com", true);
    let unproved = refused("E-mail is not verified.");
    assert_eq!(world.post("github/", token(41)).await, unproved);
    assert_eq!(world.app.letter().await.to, "ann@example.com");
    assert_eq!(world.post("github/", token(42)).await, unproved);
    assert_eq!(world.app.letter().await.to, "free@example.com");
    assert_eq!(world.post("github/", token(43)).await, refused(TAKEN));
    world.app.no_other_letter_was_sent().await;
}

async fn what_the_provider_does_not_say_is_told(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        without_session(settings);
        settings.socialaccount.email_required = Some(true);
        let field = json!([{ "name": "company", "label": "Company", "required": true }]);
        let pairs = [
            (
                "SECRET_KEY".to_owned(),
                hallpass_testkit::app::SECRET.to_owned(),
            ),
            ("HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(), field.to_string()),
        ];
        let read = hallpass::settings::load(None, pairs).unwrap().settings;
        settings.hallpass.signup_extra_fields = read.hallpass.signup_extra_fields;
    })
    .await;
    let words = |fields: &str| {
        format!(
            "The provider does not say all that an account here takes: {fields}. Sign up on a page of this site first."
        )
    };
    assert_eq!(
        world.post("google/", token(41)).await,
        refused(&words("company"))
    );
    world.sites.set_email(41, "", false);
    let answer = world.post("google/", token(41)).await;
    assert_eq!(answer, refused(&words("email, company")));
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
}

async fn where_a_form_is_wanted_there_is_no_account(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        without_session(settings);
        settings.socialaccount.auto_signup = false;
    })
    .await;
    let (status, answer) = world.post("github/", token(41)).await;
    assert_eq!(status, 403);
    assert_eq!(answer["code"], "stage_required");
    assert_eq!(answer["stage"], "provider_signup");
}

async fn where_signups_are_closed_nobody_new_comes_in(db: TestDb) {
    let world = World::new(db.shared()).await;
    world.come(41).await;
    let closed = World::with(db, json!({}), |settings| {
        without_session(settings);
        settings.hallpass.signup_open = false;
    })
    .await;
    let (status, answer) = closed.post("github/", token(42)).await;
    assert_eq!((status, &answer["code"]), (403, &json!("signup_closed")));
    assert_eq!(name_of(&mut closed.come(41).await).await, "gh41");
}

async fn nobody_gets_past_a_stage(db: TestDb) {
    let world = World::new(db.shared()).await;
    world.come(41).await;
    for session in [false, true] {
        let staged = World::with(db.shared(), json!({}), |settings| {
            settings.rest_auth.session_login = session;
            settings.account.login_by_code_enabled = true;
            settings.account.login_by_code_required = CodeRequired {
                after: Vec::new(),
                always: true,
            };
        })
        .await;
        for number in [41, 42 + u32::from(session)] {
            let mut program = staged.program();
            let (status, answer) = program.post("github/", token(number)).await;
            assert_eq!(status, 403, "{answer}");
            assert_eq!(answer["stage"], "login_by_code");
            assert_eq!(program.get("user/").await.0, 401);
        }
    }
}

async fn an_address_is_confirmed_first_where_that_is_demanded(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    world.sites.set_email(42, "second@example.com", false);
    world.come(41).await;
    world.app.no_other_letter_was_sent().await;
    let unproved = refused("E-mail is not verified.");
    let mut program = world.program();
    assert_eq!(program.post("github/", token(42)).await, unproved);
    assert_eq!(program.get("user/").await.0, 401);
    let letter = world.app.letter().await;
    assert_eq!(world.post("github/", token(42)).await, unproved);
    let (_, rest) = letter.text.split_once("/confirm-email/").unwrap();
    let key = json!({ "key": rest.split('/').next().unwrap() });
    assert_eq!(world.post("registration/verify-email/", key).await.0, 200);
    assert_eq!(name_of(&mut world.come(42).await).await, "gh42");
    world.app.no_other_letter_was_sent().await;
}

async fn attempts_and_signups_are_limited(db: TestDb) {
    for (limits, good) in [
        (r#"{"login": "3/m/ip"}"#, [200, 200, 200, 429]),
        (r#"{"signup": "1/m/ip"}"#, [200, 200, 429, 429]),
    ] {
        let world = World::with(db.shared(), json!({}), |settings| {
            without_session(settings);
            settings.account.rate_limits = rates(limits);
        })
        .await;
        world
            .app
            .sql("DELETE FROM socialaccount_socialaccount")
            .await;
        world.app.sql("DELETE FROM account_emailaddress").await;
        world.app.sql("UPDATE auth_user SET email = ''").await;
        for (number, wanted) in [41, 41, 42, 43].into_iter().zip(good) {
            let (status, answer) = world.post("github/", token(number)).await;
            assert_eq!(status, wanted, "{limits} {number}: {answer}");
        }
    }
}
