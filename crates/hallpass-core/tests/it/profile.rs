//! The operator's own columns as a struct of the app's: read, written, refused; in hooks and for new users.

use std::sync::{Arc, Mutex};

use hallpass_core::domain::User;
use hallpass_core::flows::signup::{self, Form};
use hallpass_core::hooks::Signup;
use hallpass_core::settings::{Settings, load};
use hallpass_core::{Cx, Error, Refusal, async_trait};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

each_database!(
    a_profile_goes_there_and_back,
    a_part_is_read_and_written_alone,
    every_fault_is_told_at_its_column,
    of_several_who_want_a_value_one_gets_it,
    writers_of_different_columns_do_not_meet,
    a_new_user_comes_with_a_profile,
    a_hook_sees_it_typed,
);

const FIELDS: &str = r#"[
    {"name": "gender", "type": "select", "choices": [["F", "Female"], ["M", "Male"]], "required": true},
    {"name": "height", "type": "number"},
    {"name": "born", "type": "date"},
    {"name": "badge", "type": "text", "max_length": 8, "unique": true, "read_only": true},
    {"name": "news", "type": "checkbox"},
    {"name": "about", "type": "textarea", "at_registration": false}
]"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Profile {
    gender: String,
    height: Option<i32>,
    born: Option<String>,
    badge: Option<String>,
    news: bool,
    about: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    height: Option<i32>,
}

fn with_fields(settings: &mut Settings) {
    let environment = [("HALLPASS_USER_FIELDS".to_owned(), FIELDS.to_owned())];
    settings.hallpass.user_fields = load(None, environment)
        .unwrap()
        .settings
        .hallpass
        .user_fields;
}

fn female() -> Profile {
    Profile {
        gender: "F".to_owned(),
        height: Some(180),
        born: Some("1990-02-28".to_owned()),
        badge: Some("A7".to_owned()),
        news: true,
        about: "Line\nby line".to_owned(),
    }
}

async fn person(app: &TestApp, name: &str) -> User {
    let new = app.hallpass.users().create().username(name);
    new.field("gender", "F").save().await.unwrap()
}

#[track_caller]
fn faults<T>(done: Result<T, Error>) -> Vec<(String, Refusal)> {
    match done {
        Err(Error::Refused(Refusal::Several(faults))) => faults,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("taken"),
    }
}

async fn a_profile_goes_there_and_back(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let ann = person(&app, "ann").await;
    let before: Profile = app.hallpass.profile(&ann).await.unwrap();
    assert_eq!(
        (before.height, before.born, before.badge, before.news),
        (None, None, None, false)
    );
    app.hallpass.set_profile(&ann, &female()).await.unwrap();
    assert_eq!(
        app.hallpass.profile::<Profile>(&ann).await.unwrap(),
        female()
    );
    // Again with the same: one's own value is not somebody else's.
    app.hallpass.set_profile(&ann, &female()).await.unwrap();
    let emptied = Profile {
        height: None,
        born: None,
        badge: None,
        news: false,
        about: String::new(),
        ..female()
    };
    app.hallpass.set_profile(&ann, &emptied).await.unwrap();
    assert_eq!(
        app.hallpass.profile::<Profile>(&ann).await.unwrap(),
        emptied
    );
    let all: Map<String, Value> = app.hallpass.profile(&ann).await.unwrap();
    assert_eq!(all.len(), 6);
}

async fn a_part_is_read_and_written_alone(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let ann = person(&app, "ann").await;
    app.hallpass.set_profile(&ann, &female()).await.unwrap();
    let size: Size = app.hallpass.profile(&ann).await.unwrap();
    assert_eq!(size, Size { height: Some(180) });
    app.hallpass
        .set_profile(&ann, &Size { height: Some(181) })
        .await
        .unwrap();
    let after: Profile = app.hallpass.profile(&ann).await.unwrap();
    assert_eq!(
        after,
        Profile {
            height: Some(181),
            ..female()
        }
    );
    app.hallpass.set_profile(&ann, &json!({})).await.unwrap();
    // A type that its column does not fit is the programmer's error, not the person's.
    #[derive(Deserialize)]
    struct Wrong {
        #[serde(rename = "gender")]
        _gender: i64,
    }
    let wrong = app.hallpass.profile::<Wrong>(&ann).await;
    assert!(matches!(wrong, Err(Error::Failed(_))));
    assert!(matches!(
        app.hallpass.set_profile(&ann, &7).await,
        Err(Error::Failed(_))
    ));
}

async fn every_fault_is_told_at_its_column(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let (ann, bob) = (person(&app, "ann").await, person(&app, "bob").await);
    app.hallpass.set_profile(&bob, &female()).await.unwrap();
    let huge = "x".repeat(10_000_000);
    for (name, value, code) in [
        ("gender", json!("Q"), "invalid_choice"),
        ("gender", json!(""), "required"),
        ("gender", Value::Null, "required"),
        ("gender", json!(true), "invalid"),
        ("height", json!("tall"), "invalid"),
        ("height", json!(1.5), "invalid"),
        ("height", json!(3_000_000_000_i64), "invalid"),
        ("height", json!([1]), "invalid"),
        ("height", json!({}), "invalid"),
        ("born", json!("2025-02-29"), "invalid"),
        ("badge", json!("A7"), "unique"),
        ("badge", json!("123456789"), "max_length"),
        ("badge", json!("a\0"), "null_characters_not_allowed"),
        ("badge", json!(huge), "max_length"),
        ("about", json!(huge), "max_length"),
        ("colour", json!("red"), "unknown_field"),
        ("username", json!("eve"), "unknown_field"),
        ("is_superuser", json!(true), "unknown_field"),
        ("password", json!("x"), "unknown_field"),
    ] {
        // Beside a part that is right.
        let mut said = Map::new();
        said.insert("news".to_owned(), true.into());
        said.insert(name.to_owned(), value);
        let told = faults(app.hallpass.set_profile(&ann, &said).await);
        let told = told.iter();
        let told: Vec<_> = told
            .map(|(field, refusal)| (field.as_str(), refusal.code()))
            .collect();
        assert_eq!(told, [(name, code)]);
    }
    let told = faults(
        app.hallpass
            .set_profile(&ann, &json!({ "gender": "Q", "badge": "A7", "x": 1 }))
            .await,
    );
    assert_eq!(told.len(), 3);
    let now: Profile = app.hallpass.profile(&ann).await.unwrap();
    assert!(!now.news, "what is refused writes nothing");
    #[derive(Deserialize)]
    struct Stranger {
        #[serde(rename = "colour")]
        _colour: Option<String>,
    }
    let told = faults(app.hallpass.profile::<Stranger>(&ann).await);
    assert_eq!(told, [("colour".to_owned(), Refusal::NoSuchField)]);
}

async fn of_several_who_want_a_value_one_gets_it(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let mut all = JoinSet::new();
    for index in 0..8 {
        let (hallpass, user) = (
            app.hallpass.clone(),
            person(&app, &format!("p{index}")).await,
        );
        all.spawn(async move { hallpass.set_profile(&user, &json!({ "badge": "A7" })).await });
    }
    let mut won = 0;
    while let Some(done) = all.join_next().await {
        match done.unwrap() {
            Ok(()) => won += 1,
            refused => assert_eq!(faults(refused), [("badge".to_owned(), Refusal::NotUnique)]),
        }
    }
    assert_eq!(won, 1);
    let mut all = JoinSet::new();
    for index in 0..8 {
        let new = app.hallpass.users().create().username(format!("q{index}"));
        all.spawn(new.field("gender", "M").field("badge", "B8").save());
    }
    let mut won = 0;
    while let Some(done) = all.join_next().await {
        match done.unwrap() {
            Ok(_) => won += 1,
            refused => assert_eq!(faults(refused), [("badge".to_owned(), Refusal::NotUnique)]),
        }
    }
    assert_eq!(won, 1);
}

async fn writers_of_different_columns_do_not_meet(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let ann = person(&app, "ann").await;
    for round in 0..5 {
        let mut all = JoinSet::new();
        for part in [
            json!({ "height": round }),
            json!({ "about": format!("round {round}") }),
            json!({ "badge": format!("r{round}") }),
            json!({ "news": round % 2 == 0 }),
        ] {
            let (hallpass, ann) = (app.hallpass.clone(), ann.clone());
            all.spawn(async move { hallpass.set_profile(&ann, &part).await.unwrap() });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        let now: Profile = app.hallpass.profile(&ann).await.unwrap();
        let badge = format!("r{round}");
        assert_eq!((now.height, now.badge), (Some(round), Some(badge)));
        assert_eq!(
            (now.about, now.news),
            (format!("round {round}"), round % 2 == 0)
        );
    }
}

async fn a_new_user_comes_with_a_profile(db: TestDb) {
    let app = TestApp::with(db, with_fields).await;
    let create = || app.hallpass.users().create();
    let ann = create()
        .username("ann")
        .profile(&female())
        .save()
        .await
        .unwrap();
    assert_eq!(
        app.hallpass.profile::<Profile>(&ann).await.unwrap(),
        female()
    );
    let told = faults(create().username("bob").profile(&female()).save().await);
    assert_eq!(told, [("badge".to_owned(), Refusal::NotUnique)]);
    let told = faults(create().username("bob").save().await);
    assert_eq!(told, [("gender".to_owned(), Refusal::Required(""))]);
    let told = faults(
        create()
            .username("bob")
            .profile(&json!({ "gender": "F", "x": 1 }))
            .save()
            .await,
    );
    assert_eq!(told, [("x".to_owned(), Refusal::NoSuchField)]);
    assert!(matches!(
        create().username("bob").profile(&7).save().await,
        Err(Error::Failed(_))
    ));
    assert_eq!(app.hallpass.users().count().await.unwrap(), 1);
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Option<Profile>>>);

#[async_trait]
impl Signup for Seen {
    async fn after_sign_up(&self, _cx: &mut Cx, _user: &User, form: &Form) -> Result<(), Error> {
        // `about` is not asked for, and has no default.
        #[derive(Deserialize)]
        struct Asked {
            gender: String,
            height: Option<i32>,
            news: bool,
        }
        let asked: Asked = form.profile()?;
        let seen = Profile {
            gender: asked.gender,
            height: asked.height,
            news: asked.news,
            ..female()
        };
        *self.0.lock().unwrap() = Some(seen);
        Ok(())
    }
}

async fn a_hook_sees_it_typed(db: TestDb) {
    let seen = Seen::default();
    let hook = seen.clone();
    let app = TestApp::built(db, with_fields, |builder| builder.on_signup(Arc::new(hook))).await;
    let typed = |name: &str| {
        let typed = match name {
            "username" => "ann",
            "email" => "ann@example.com",
            "password1" | "password2" => "correct-horse-9-battery",
            "gender" => "M",
            "height" => "175",
            "news" => "on",
            _ => "",
        };
        typed.to_owned()
    };
    let flow = async |cx: &mut Cx| signup::finish(cx, &typed, None).await;
    let _ = app.hallpass.perform(flow).await.unwrap();
    let expected = Profile {
        gender: "M".to_owned(),
        height: Some(175),
        ..female()
    };
    assert_eq!(*seen.0.lock().unwrap(), Some(expected));
}
