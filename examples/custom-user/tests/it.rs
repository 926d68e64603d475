//! The club is played, on tables that were made for it.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use custom_user::{Plan, Profile, SETTINGS, router};
use hallpass_testkit::{TestApp, TestDb, each_database, link_in};
use serde_json::json;

each_database!(
    a_member_joins_and_changes_the_profile,
    a_nickname_is_one_members,
    the_key_is_a_uuid_everywhere,
);

async fn club(db: TestDb) -> TestApp {
    let mut setup = TestApp::setup().database(db.empty().await);
    for (name, value) in SETTINGS {
        setup = setup.set(*name, *value);
    }
    setup.around(|hallpass| router(hallpass).unwrap()).await
}

async fn member(app: &TestApp, nickname: &str) -> hallpass::domain::User {
    let new = app.hallpass.users().create();
    let new = new.email(format!("{nickname}@example.com")).verified();
    new.field("nickname", nickname).save().await.unwrap()
}

async fn a_member_joins_and_changes_the_profile(db: TestDb) {
    let app = club(db).await;
    let mut browser = app.visitor();
    let page = browser.open("/").await;
    assert!(page.text.contains("Sign in"));
    let fields = [
        ("email", "ann@example.com"),
        ("password1", "correct-horse-9"),
        ("nickname", "<Ann>"),
        ("newsletter", "on"),
    ];
    let joined = browser.fill("/accounts/signup/", &fields).await;
    let page = browser.follow(joined).await;
    assert!(page.text.contains("value=\"&lt;Ann&gt;\""), "{}", page.text);
    let link = link_in(&app.letter().await.text);
    browser.fill(&link, &[]).await;

    let fields = [("nickname", "Anna"), ("born", "1990-05-17")];
    assert_eq!(browser.post("/", &fields).await.status, 303);
    let ann = app.person("ann@example.com").await;
    let profile: Profile = app.hallpass.profile(&ann).await.unwrap();
    let wanted = Profile {
        nickname: "Anna".to_owned(),
        born: Some("1990-05-17".to_owned()),
        plan: Plan::Free,
        newsletter: false,
    };
    assert_eq!(profile, wanted);
    // What the club sets is not for members.
    browser
        .post("/", &[("nickname", "Anna"), ("plan", "paid")])
        .await;
    let paid = Profile {
        plan: Plan::Paid,
        born: None,
        ..wanted
    };
    let profile: Profile = app.hallpass.profile(&ann).await.unwrap();
    assert_eq!(profile.plan, Plan::Free);
    app.hallpass.set_profile(&ann, &paid).await.unwrap();
    assert_eq!(app.hallpass.profile::<Profile>(&ann).await.unwrap(), paid);
    assert!(
        browser
            .get("/members/")
            .await
            .text
            .contains("<li>Anna</li>")
    );
    app.no_other_letter_was_sent().await;
}

async fn a_nickname_is_one_members(db: TestDb) {
    let app = club(db).await;
    member(&app, "ann").await;
    let bob = member(&app, "bob").await;
    let mut browser = app.sign_in_user(&bob).await;
    let answer = browser
        .post("/", &[("nickname", "ann"), ("born", "x")])
        .await;
    assert_eq!(answer.status, 400);
    let faults = answer.text.matches("role=\"alert\"").count();
    assert_eq!(faults, 2, "{}", answer.text);
    let profile: Profile = app.hallpass.profile(&bob).await.unwrap();
    assert_eq!(profile.nickname, "bob");
}

async fn the_key_is_a_uuid_everywhere(db: TestDb) {
    let app = club(db).await;
    let ann = member(&app, "ann").await;
    let key = ann.id.to_string();
    assert_eq!((key.len(), key.matches('-').count()), (36, 4), "{key}");
    let mut browser = app.sign_in_user(&ann).await;
    assert!(browser.get("/").await.text.contains(&key));
    let mut program = app.program("ann@example.com").await;
    let told = program.get("/dj-rest-auth/user/").await;
    assert_eq!(told.json["pk"], key.as_str(), "{}", told.text);
    assert_eq!(told.json["nickname"], "ann");
    assert!(told.json.get("username").is_none());
    let changed = program
        .patch("/dj-rest-auth/user/", &json!({"born": "1990-05-17"}))
        .await;
    assert_eq!(changed.json["born"], "1990-05-17");
    assert_eq!(app.count("club_member").await, 1);
}
