//! Who tries to come into somebody else's account by a provider, or waits in it.

use hallpass_testkit::{FakeProvider, TestApp, TestDb, each_database};
use serde_json::json;

use crate::credentials::{PASSWORD, hash};

use super::{World, ann, somebody};

each_database!(
    a_vouched_address_opens_nothing_unless_the_operator_says_so,
    a_vouched_address_opens_its_account_if_the_operator_says_so,
    an_app_says_so_for_itself_alone,
    who_came_by_an_address_is_connected_if_the_operator_says_so,
    an_address_that_is_not_vouched_for_opens_nothing,
    who_signed_up_in_the_victims_name_loses_everything,
    an_address_kept_in_the_attackers_account_leads_nobody_there,
    an_account_made_by_a_provider_in_the_victims_name_loses_that_provider,
    whoever_is_switched_off_does_not_come_in,
    a_uid_that_is_none_connects_nobody,
    domains_that_are_vouched_for_are_whole_domains,
    no_app_takes_the_name_of_another_provider,
    whatever_a_provider_says_nothing_breaks,
    what_waited_is_gone_when_somebody_signs_in,
);

const TRUSTED: (&str, &str) = ("SOCIALACCOUNT_EMAIL_AUTHENTICATION", "true");

async fn a_vouched_address_opens_nothing_unless_the_operator_says_so(db: TestDb) {
    let world = World::new(db, &[]).await;
    let owner = world.app.person("owner").await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, &owner.email)
        .await
        .unwrap();
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &somebody(1, "ann", &owner.email, true))
        .await;
    assert_eq!(back.location(), "/accounts/3rdparty/signup/");
    assert_eq!(world.who(&mut browser).await, None);
}

async fn a_vouched_address_opens_its_account_if_the_operator_says_so(db: TestDb) {
    let world = World::new(db, &[TRUSTED]).await;
    let owner = world
        .app
        .user_with("owner", "ann@example.com", &hash(PASSWORD))
        .await;
    let owner = world.app.look_up(owner).await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, "ann@example.com")
        .await
        .unwrap();
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &somebody(1, "ann", "Ann@Example.com", true))
        .await;
    assert_eq!(back.location(), "/accounts/profile/", "{}", back.text);
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("owner"));
    assert_eq!(
        world.accounts().await,
        0,
        "not connected unless that is said, too"
    );
    let after = world.app.look_up(owner.id).await;
    assert_eq!(
        after.password, owner.password,
        "what was proved before stays"
    );
}

async fn an_app_says_so_for_itself_alone(db: TestDb) {
    let world = World::with(db, json!({ "EMAIL_AUTHENTICATION": true }), &[]).await;
    let owner = world.app.person("owner").await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, &owner.email)
        .await
        .unwrap();
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &somebody(1, "ann", &owner.email, true))
        .await;
    assert_eq!(back.location(), "/accounts/profile/");
}

async fn who_came_by_an_address_is_connected_if_the_operator_says_so(db: TestDb) {
    let connect = ("SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT", "true");
    let world = World::new(db, &[TRUSTED, connect]).await;
    let owner = world.app.person("owner").await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, &owner.email)
        .await
        .unwrap();
    let mut browser = world.app.browser();
    world
        .come(&mut browser, &somebody(1, "ann", &owner.email, true))
        .await;
    assert_eq!(world.accounts().await, 1);
    // The address may change at the provider: it is the same person.
    let mut browser = world.app.browser();
    world
        .come(&mut browser, &somebody(1, "ann", "new@example.com", true))
        .await;
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("owner"));
}

async fn an_address_that_is_not_vouched_for_opens_nothing(db: TestDb) {
    let world = World::new(db, &[TRUSTED]).await;
    let owner = world.app.person("owner").await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, &owner.email)
        .await
        .unwrap();
    for verified in [json!(false), json!(null), json!("yes")] {
        let mut profile = somebody(1, "ann", &owner.email, false);
        profile["emails"][0]["verified"] = verified.clone();
        let mut browser = world.app.browser();
        world.come(&mut browser, &profile).await;
        assert_ne!(
            world.who(&mut browser).await.as_deref(),
            Some("owner"),
            "{verified}"
        );
    }
}

async fn who_signed_up_in_the_victims_name_loses_everything(db: TestDb) {
    let world = World::new(
        db,
        &[
            TRUSTED,
            ("SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT", "true"),
        ],
    )
    .await;
    // The attacker signs up with the victim's address and a password, stays signed in, and connects an account of his own.
    let id = world
        .app
        .user_with("mallory", "ann@example.com", &hash(PASSWORD))
        .await;
    let mallory = world.app.look_up(id).await;
    let mut attacker = world.app.sign_in_user(&mallory).await;
    world
        .connect(
            &mut attacker,
            &somebody(66, "mallory", "mallory@evil.example", true),
        )
        .await;
    assert_eq!(world.accounts().await, 1);
    let key = world.app.hallpass.rest_key(&mallory).await.unwrap();

    let mut victim = world.app.browser();
    let back = world.come(&mut victim, &ann()).await;
    assert_eq!(back.location(), "/accounts/profile/");
    assert_eq!(
        world.who(&mut victim).await.as_deref(),
        Some("mallory"),
        "the account is the victim's now"
    );
    assert_eq!(
        world.who(&mut attacker).await,
        None,
        "the attacker's session has ended"
    );
    let after = world.app.look_up(id).await;
    assert!(after.password.starts_with('!'), "and so has his password");
    let mut again = world.app.browser();
    let back = world
        .come(
            &mut again,
            &somebody(66, "mallory", "mallory@evil.example", true),
        )
        .await;
    assert!(back.status == 302, "{}", back.text);
    assert_ne!(
        world.who(&mut again).await.as_deref(),
        Some("mallory"),
        "nor does he come by his provider"
    );
    let mut program = world.app.stranger();
    program.header("authorization", &format!("Token {key}"));
    assert_eq!(
        program.get("/dj-rest-auth/user/").await.status,
        401,
        "nor by a key"
    );
    let accounts = world.app.hallpass.social().accounts(&after).await.unwrap();
    assert_eq!(
        accounts
            .iter()
            .map(|one| one.uid.as_str())
            .collect::<Vec<_>>(),
        ["1"]
    );
}

async fn an_address_kept_in_the_attackers_account_leads_nobody_there(db: TestDb) {
    let world = World::new(db, &[TRUSTED]).await;
    let mallory = world.app.person("mallory").await;
    let users = world.app.hallpass.users();
    users
        .confirm_address(&mallory, &mallory.email)
        .await
        .unwrap();
    users
        .add_address(&mallory, "ann@example.com")
        .await
        .unwrap();
    let mut victim = world.app.browser();
    world.come(&mut victim, &ann()).await;
    assert_eq!(
        world.who(&mut victim).await,
        None,
        "nobody is put into the attacker's account"
    );
}

async fn an_account_made_by_a_provider_in_the_victims_name_loses_that_provider(db: TestDb) {
    let world = World::new(db, &[TRUSTED]).await;
    // A provider that does not check addresses.
    let mut attacker = world.app.browser();
    world
        .come(
            &mut attacker,
            &somebody(66, "mallory", "ann@example.com", false),
        )
        .await;
    assert_eq!(world.who(&mut attacker).await.as_deref(), Some("mallory"));
    let mut victim = world.app.browser();
    let out = world.set_out_to(&mut victim, "other", &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    victim.get(&back).await;
    assert_eq!(world.who(&mut victim).await.as_deref(), Some("mallory"));
    assert_eq!(world.who(&mut attacker).await, None);
    let mut again = world.app.browser();
    world
        .come(
            &mut again,
            &somebody(66, "mallory", "ann@example.com", false),
        )
        .await;
    assert_ne!(world.who(&mut again).await.as_deref(), Some("mallory"));
}

async fn whoever_is_switched_off_does_not_come_in(db: TestDb) {
    let world = World::new(db, &[TRUSTED]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    world.app.hallpass.users().deactivate(&user).await.unwrap();
    let mut browser = world.app.browser();
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.status, 403);
    assert!(back.text.contains("switched off"));
    // Nor by the address, with another account there.
    let back = world
        .come(&mut browser, &somebody(9, "ann9", "ann@example.com", true))
        .await;
    assert_eq!(back.location(), "/accounts/3rdparty/signup/");
    assert_eq!(world.who(&mut browser).await, None);
}

async fn a_uid_that_is_none_connects_nobody(db: TestDb) {
    let world = World::new(db, &[]).await;
    let long = "x".repeat(192);
    for id in [
        json!(null),
        json!(""),
        json!("  "),
        json!([1]),
        json!({}),
        json!(true),
        json!(1.5),
        json!(long),
    ] {
        let mut profile = ann();
        profile["id"] = id.clone();
        let mut browser = world.app.browser();
        let back = world.come(&mut browser, &profile).await;
        assert_eq!(back.status, 401, "{id}");
    }
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
}

async fn domains_that_are_vouched_for_are_whole_domains(db: TestDb) {
    let world = World::with(db, json!({ "VERIFIED_EMAIL": ["example.com"] }), &[TRUSTED]).await;
    let owner = world.app.person("owner").await;
    world
        .app
        .hallpass
        .users()
        .confirm_address(&owner, &owner.email)
        .await
        .unwrap();
    let domain = owner.email.split('@').nth(1).unwrap().to_owned();
    assert_eq!(domain, "example.com");
    let mut browser = world.app.browser();
    world
        .come(&mut browser, &somebody(1, "ann", &owner.email, false))
        .await;
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("owner"));
    for email in [
        "owner@sub.example.com",
        "owner@example.com.evil.example",
        "owner@evilexample.com",
    ] {
        let profile = somebody(2, "eve", email, false);
        let mut browser = world.app.browser();
        world.come(&mut browser, &profile).await;
        assert_ne!(
            world.who(&mut browser).await.as_deref(),
            Some("owner"),
            "{email}"
        );
    }
}

async fn no_app_takes_the_name_of_another_provider(db: TestDb) {
    let fake = FakeProvider::named(&["fake", "other"]).await;
    let mut setup = TestApp::setup().database(db);
    let settings = fake.settings().into_iter();
    for (name, value) in settings.filter(|(name, _)| name != "SOCIALACCOUNT_PROVIDERS") {
        setup = setup.set(name, value);
    }
    let app = |provider: &str, id: &str, url: &str| json!({ "provider_id": id, "client_id": provider, "secret": "s", "settings": { "server_url": url } });
    let providers = json!({
        "fake": { "APPS": [{ "client_id": "client-1", "secret": "secret-1" }] },
        // The uid of whoever is at "other" would be somebody's at "fake".
        "other": { "APPS": [{ "provider_id": "fake", "client_id": "client-1", "secret": "secret-1" }] },
        "openid_connect": { "APPS": [
            app("a", "work", "https://one.example"),
            app("b", "work", "https://two.example"),
            app("c", "github", "https://three.example"),
        ] },
    });
    let app = setup
        .set("SOCIALACCOUNT_PROVIDERS", providers.to_string())
        .start()
        .await;
    let apps = app.hallpass.social().apps().await.unwrap();
    let names: Vec<_> = apps
        .iter()
        .map(|app| (app.sub_id(), app.client_id.as_str()))
        .collect();
    assert_eq!(names, [("fake", "client-1"), ("work", "a")]);
    let new = hallpass_core::flows::social::apps::NewApp {
        provider: "openid_connect".to_owned(),
        provider_id: "github".to_owned(),
        name: String::new(),
        client_id: "c".to_owned(),
        secret: hallpass_core::settings::Secret::new("s"),
        key: hallpass_core::settings::Secret::new(""),
        settings: serde_json::Map::new(),
    };
    assert!(app.hallpass.social().add_app(&new).await.is_err());
}

async fn whatever_a_provider_says_nothing_breaks(db: TestDb) {
    let world = World::new(db, &[]).await;
    let long = "\u{202e}x".repeat(30_000);
    for (number, odd) in [
        json!("\u{0}"),
        json!("<script>alert(1)</script>{{ 7 * 7 }}"),
        json!(long),
        json!(["a", { "b": "c" }]),
        json!({ "a": { "b": {} } }),
        json!(1e300),
        json!(-1),
        json!("Å".repeat(200)),
    ]
    .into_iter()
    .enumerate()
    {
        let profile = json!({
            "id": number + 1, "login": odd, "first": odd, "last": odd, "more": odd,
            "emails": [{ "email": odd, "verified": odd, "primary": odd }, odd],
        });
        let mut browser = world.app.browser();
        let back = world.come(&mut browser, &profile).await;
        assert_eq!(back.status, 302, "{odd}: {}", back.text);
        let page = browser.open("/accounts/3rdparty/").await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
    }
}

async fn what_waited_is_gone_when_somebody_signs_in(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_AUTO_SIGNUP", "false")]).await;
    world
        .app
        .user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    // Somebody left a form behind on a shared machine; the next one signs in to an account of their own.
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    browser
        .fill(
            "/accounts/login/",
            &[("login", "bob"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("bob"));
    let page = browser.get("/accounts/3rdparty/signup/").await;
    assert_eq!(page.status, 302, "{}", page.text);
    assert_eq!((world.users().await, world.accounts().await), (1, 0));
}
