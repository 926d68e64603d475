//! Who prepared an account, a link or a moment, and waits for somebody else to come along.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hallpass::hooks::Login;
use hallpass::{Cx, Error, Refusal, async_trait};
use hallpass_core::domain::User;
use hallpass_core::flows::social::apps::NewApp;
use hallpass_core::settings::Secret;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{FakeProvider, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::{World, ann, somebody};
use crate::credentials::{PASSWORD, hash};

each_database!(
    what_a_distrusted_provider_vouched_for_is_taken_back_by_whoever_proves_it,
    a_reset_takes_it_back_too,
    the_operators_word_narrows_what_a_provider_says,
    nothing_is_connected_before_the_last_proof,
    whom_the_app_refuses_is_not_connected,
    a_link_never_connects_even_where_links_sign_in,
    a_password_that_changes_meanwhile_ends_the_connecting,
    who_is_merged_away_gets_a_letter,
    whom_the_app_refuses_is_not_merged,
    strangers_at_a_callback_write_nothing,
    the_dummy_is_left_out_where_others_can_reach_it,
    nothing_secret_of_an_app_rests_in_the_clear,
    a_signup_that_cannot_go_on_leaves_nothing,
);

/// "fake" is distrusted; "other" opens accounts.
async fn two(db: TestDb) -> World {
    let fake = FakeProvider::named(&["fake", "other"]).await;
    let mut setup = TestApp::setup().database(db);
    let settings = fake.settings().into_iter();
    for (name, value) in settings.filter(|(name, _)| name != "SOCIALACCOUNT_PROVIDERS") {
        setup = setup.set(name, value);
    }
    let app = json!([{ "client_id": "client-1", "secret": "secret-1" }]);
    let providers =
        json!({ "fake": { "APPS": app }, "other": { "APPS": app, "EMAIL_AUTHENTICATION": true } });
    let app = setup
        .set("SOCIALACCOUNT_PROVIDERS", providers.to_string())
        .start()
        .await;
    World { app, fake }
}

fn mallory() -> Value {
    somebody(66, "mallory", "ann@example.com", true)
}

async fn what_a_distrusted_provider_vouched_for_is_taken_back_by_whoever_proves_it(db: TestDb) {
    let world = two(db).await;
    let mut attacker = world.app.browser();
    world.come(&mut attacker, &mallory()).await;
    assert_eq!(world.who(&mut attacker).await.as_deref(), Some("mallory"));
    let mut victim = world.app.browser();
    let out = world.set_out_to(&mut victim, "other", &[]).await;
    victim.get(&world.fake.agree(out.location(), &ann())).await;
    assert_eq!(world.who(&mut victim).await.as_deref(), Some("mallory"));
    assert_eq!(world.who(&mut attacker).await, None, "the attacker is out");
    let mut again = world.app.browser();
    world.come(&mut again, &mallory()).await;
    assert_ne!(world.who(&mut again).await.as_deref(), Some("mallory"));
}

async fn a_reset_takes_it_back_too(db: TestDb) {
    let world = two(db).await;
    let mut attacker = world.app.browser();
    world.come(&mut attacker, &mallory()).await;
    let mut victim = world.app.browser();
    let page = "/accounts/password/reset/";
    victim.fill(page, &[("email", "ann@example.com")]).await;
    let link = link_in(&world.app.letter().await.text);
    let moved = victim.open(&link).await;
    assert_eq!(moved.status, 200);
    let token = moved.csrf_token().unwrap().to_owned();
    let path = url::Url::parse(&link).map_or(link.clone(), |url| url.path().to_owned());
    let stem = path.rsplit_once('-').unwrap().0.to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("password1", "kX9vq2LmPa7"),
        ("password2", "kX9vq2LmPa7"),
    ];
    let mut done = victim.post(&path, &fields).await;
    if done.status == 404 || done.status == 405 {
        done = victim.post(&format!("{stem}-set-password/"), &fields).await;
    }
    assert!(done.status == 302, "{}", done.text);
    assert_eq!(world.who(&mut attacker).await, None);
    let mut again = world.app.browser();
    world.come(&mut again, &mallory()).await;
    assert_ne!(world.who(&mut again).await.as_deref(), Some("mallory"));
}

async fn the_operators_word_narrows_what_a_provider_says(db: TestDb) {
    let world = World::with(db, json!({ "VERIFIED_EMAIL": false }), &[]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let users = world.app.hallpass.users();
    let user = users.by_username("ann").await.unwrap().unwrap();
    let rows = users.addresses(&user).await.unwrap();
    assert!(rows.iter().all(|row| !row.verified), "{rows:?}");
}

const CONNECTS: [(&str, &str); 2] = [
    ("SOCIALACCOUNT_EMAIL_AUTHENTICATION", "true"),
    ("SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT", "true"),
];

async fn nothing_is_connected_before_the_last_proof(db: TestDb) {
    let mut set = CONNECTS.to_vec();
    set.push(("ACCOUNT_LOGIN_BY_CODE_REQUIRED", r#"["socialaccount"]"#));
    let world = World::new(db, &set).await;
    let owner = world.app.person("owner").await;
    let users = world.app.hallpass.users();
    users.confirm_address(&owner, &owner.email).await.unwrap();
    let mut browser = world.app.browser();
    let profile = somebody(1, "ann", &owner.email, true);
    let back = world.come(&mut browser, &profile).await;
    assert_eq!(back.location(), "/accounts/login/code/confirm/");
    assert_eq!(
        world.accounts().await,
        0,
        "half of the proofs connects nothing"
    );
    let code = hallpass_testkit::app::code_in(&world.app.letter().await.text);
    let done = browser
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert_eq!(world.accounts().await, 1);
}

/// Lets nobody in while it is shut.
#[derive(Default)]
struct Gate(AtomicBool);

#[async_trait]
impl Login for Gate {
    async fn may_sign_in(&self, _: &mut Cx, user: &User) -> Result<(), Error> {
        match self.0.load(Ordering::SeqCst) && user.username != "bob" {
            true => Err(Refusal::PermissionDenied.into()),
            false => Ok(()),
        }
    }
}

async fn gated(db: TestDb, set: &[(&str, &str)]) -> (World, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let fake = FakeProvider::named(&["fake", "other"]).await;
    let hook = Arc::clone(&gate);
    let mut setup = TestApp::setup()
        .database(db)
        .builder(move |builder| builder.on_login(hook));
    for (name, value) in fake.settings() {
        setup = setup.set(name, value);
    }
    for (name, value) in set {
        setup = setup.set(*name, *value);
    }
    let app = setup.start().await;
    (World { app, fake }, gate)
}

async fn whom_the_app_refuses_is_not_connected(db: TestDb) {
    let (world, gate) = gated(db, &CONNECTS).await;
    let owner = world.app.person("owner").await;
    let users = world.app.hallpass.users();
    users.confirm_address(&owner, &owner.email).await.unwrap();
    gate.0.store(true, Ordering::SeqCst);
    let mut browser = world.app.browser();
    world
        .come(&mut browser, &somebody(1, "ann", &owner.email, true))
        .await;
    assert_eq!(world.who(&mut browser).await, None);
    assert_eq!(world.accounts().await, 0);
}

async fn a_link_never_connects_even_where_links_sign_in(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_LOGIN_ON_GET", "true")]).await;
    let mut browser = world.app.sign_in("bob").await;
    let page = browser.get("/accounts/fake/login/?process=connect").await;
    assert_eq!(page.status, 200, "a button, and not the provider");
    assert!(page.text.contains("Connect"), "{}", page.text);
    let mut visitor = world.app.browser();
    let out = visitor.get("/accounts/fake/login/").await;
    assert_eq!(out.status, 302);
}

async fn a_password_that_changes_meanwhile_ends_the_connecting(db: TestDb) {
    let world = World::new(db, &[]).await;
    world
        .app
        .user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    let bob = world
        .app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let account = world.fake.token(&ann());
    // The session as it was read before, and the owner who sees to it meanwhile.
    let stale = bob.clone();
    world
        .app
        .hallpass
        .users()
        .set_password(&bob, "correct-horse-9-battery")
        .await
        .unwrap();
    let social = hallpass_core::domain::SocialLogin::new(
        &world.app.hallpass.social().apps().await.unwrap()[0],
        "Fake",
        found(&account),
        false,
    );
    let connecting = world
        .app
        .hallpass
        .perform(async |cx: &mut Cx| {
            use hallpass_core::flows::social::connect;
            connect::finish(cx, &stale, social, None).await.map(|_| ())
        })
        .await;
    assert!(connecting.is_err(), "{connecting:?}");
    assert_eq!(world.accounts().await, 0);
}

fn found(uid: &str) -> hallpass_core::providers::Found {
    hallpass_core::providers::Found {
        profile: hallpass_core::providers::Profile {
            uid: uid.to_owned(),
            ..Default::default()
        },
        tokens: None,
        once: None,
    }
}

async fn who_is_merged_away_gets_a_letter(db: TestDb) {
    let set = [
        ("HALLPASS_SOCIAL_MERGE", "true"),
        ("ACCOUNT_EMAIL_NOTIFICATIONS", "true"),
    ];
    let world = World::new(db, &set).await;
    let mut other = world.app.browser();
    world.come(&mut other, &ann()).await;
    world
        .app
        .user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    let mut browser = world.app.browser();
    browser
        .fill(
            "/accounts/login/",
            &[("login", "bob"), ("password", PASSWORD)],
        )
        .await;
    world.connect(&mut browser, &ann()).await;
    browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    let done = browser.fill("/accounts/3rdparty/merge/", &[]).await;
    assert_eq!(done.location(), "/accounts/3rdparty/", "{}", done.text);
    let letters = world.app.letters().await;
    let told: Vec<_> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert!(told.contains(&"ann@example.com"), "{told:?}");
}

async fn whom_the_app_refuses_is_not_merged(db: TestDb) {
    let (world, gate) = gated(db, &[("HALLPASS_SOCIAL_MERGE", "true")]).await;
    let mut other = world.app.browser();
    world.come(&mut other, &ann()).await;
    let mut browser = world.app.sign_in("bob").await;
    gate.0.store(true, Ordering::SeqCst);
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/3rdparty/", "nothing is offered");
}

async fn strangers_at_a_callback_write_nothing(db: TestDb) {
    let world = World::new(db, &[]).await;
    let before = world.app.hallpass.db().statements().writes;
    for _ in 0..5 {
        let mut stranger = world.app.browser();
        let path = "/accounts/fake/login/callback/?code=a&state=0123456789abcdef";
        assert_eq!(stranger.get(path).await.status, 401);
    }
    assert_eq!(world.app.hallpass.db().statements().writes, before);
}

async fn the_dummy_is_left_out_where_others_can_reach_it(db: TestDb) {
    let app = TestApp::setup()
        .database(db)
        .settings(|settings| {
            settings.general.allowed_hosts =
                vec!["localhost".to_owned(), "shop.example".to_owned()];
        })
        .set("SOCIALACCOUNT_PROVIDERS", r#"{"dummy": {}}"#)
        .start()
        .await;
    assert!(app.hallpass.social().apps().await.unwrap().is_empty());
    assert_eq!(
        app.browser().get("/accounts/dummy/login/").await.status,
        404
    );
}

async fn nothing_secret_of_an_app_rests_in_the_clear(db: TestDb) {
    let world = World::new(db, &[]).await;
    let settings = json!({ "certificate_key": "-----BEGIN hidden", "tenant": "common" });
    let Value::Object(settings) = settings else {
        unreachable!()
    };
    let app = NewApp {
        provider: "apple".to_owned(),
        provider_id: String::new(),
        name: String::new(),
        client_id: "com.example".to_owned(),
        secret: Secret::new("kid"),
        key: Secret::new("team"),
        settings,
    };
    let id = world.app.hallpass.social().add_app(&app).await.unwrap();
    let none: [hallpass_core::store::Value; 0] = [];
    let sql = "SELECT settings FROM socialaccount_socialapp";
    let row = world
        .app
        .hallpass
        .db()
        .conn()
        .query_opt(sql, &none)
        .await
        .unwrap()
        .unwrap();
    let kept: Value = row.get(0).unwrap();
    assert_eq!(kept, json!({ "tenant": "common" }));
    let apps = world.app.hallpass.social().apps().await.unwrap();
    let read = apps.iter().find(|app| app.id == Some(id)).unwrap();
    assert_eq!(read.settings["certificate_key"], "-----BEGIN hidden");
    assert!(!format!("{read:?}").contains("hidden"), "nor in a log");
}

async fn a_signup_that_cannot_go_on_leaves_nothing(db: TestDb) {
    let set = [
        ("ACCOUNT_SIGNUP_FIELDS", "username*,email,phone*,password1*"),
        ("SOCIALACCOUNT_AUTO_SIGNUP", "true"),
    ];
    let world = World::new(db, &set).await;
    let mut browser = world.app.browser();
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(
        back.location(),
        "/accounts/3rdparty/signup/",
        "a number is asked for"
    );
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
}
