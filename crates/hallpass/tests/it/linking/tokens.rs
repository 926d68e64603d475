//! Tokens that providers give, for the app.

use std::time::Duration;

use hallpass::{Error, Refusal};
use hallpass_testkit::{TestDb, each_database};

use super::{World, ann};

each_database!(
    tokens_are_kept_only_where_that_is_said,
    they_rest_encrypted,
    beside_a_django_they_rest_as_it_keeps_them,
    a_token_that_has_ended_is_renewed_once,
    what_cannot_be_renewed_is_told_of,
    nobody_gets_anothers,
    secrets_of_apps_rest_encrypted,
);

const KEEP: (&str, &str) = ("SOCIALACCOUNT_STORE_TOKENS", "true");

async fn came(world: &World) -> (hallpass_core::domain::User, i64) {
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
    let account = world.app.hallpass.social().accounts(&user).await.unwrap()[0].id;
    (user, account)
}

async fn resting(world: &World) -> (String, String) {
    use hallpass_core::store::Value;
    let mut conn = world.app.hallpass.db().conn();
    let sql = "SELECT token, token_secret FROM socialaccount_socialtoken";
    let none: [Value; 0] = [];
    let row = conn.query_opt(sql, &none).await.unwrap().unwrap();
    (row.get(0).unwrap(), row.get(1).unwrap())
}

async fn tokens_are_kept_only_where_that_is_said(db: TestDb) {
    let world = World::new(db, &[]).await;
    let (user, account) = came(&world).await;
    assert_eq!(world.app.count("socialaccount_socialtoken").await, 0);
    let answer = world
        .app
        .hallpass
        .social()
        .access_token(&user, account)
        .await;
    assert!(
        matches!(answer, Err(Error::Refused(Refusal::InvalidProviderToken))),
        "{answer:?}"
    );
}

async fn they_rest_encrypted(db: TestDb) {
    let world = World::new(db, &[KEEP]).await;
    let (user, account) = came(&world).await;
    let (token, refresh) = resting(&world).await;
    assert!(
        token.starts_with("v1.") && refresh.starts_with("v1."),
        "{token} {refresh}"
    );
    let given = world
        .app
        .hallpass
        .social()
        .access_token(&user, account)
        .await
        .unwrap();
    assert!(given.token.reveal().starts_with("at-"));
    assert!(!format!("{given:?}").contains("at-"), "and stand in no log");
    // The next time the same row is written.
    came(&world).await;
    assert_eq!(world.app.count("socialaccount_socialtoken").await, 1);
}

async fn beside_a_django_they_rest_as_it_keeps_them(db: TestDb) {
    let world = World::new(db, &[KEEP, ("HALLPASS_SHARE_WITH_DJANGO", "true")]).await;
    let (user, account) = came(&world).await;
    let (token, refresh) = resting(&world).await;
    assert!(token.starts_with("at-") && refresh.starts_with("rt-"));
    let given = world
        .app
        .hallpass
        .social()
        .access_token(&user, account)
        .await
        .unwrap();
    assert_eq!(given.token.reveal(), token);
}

async fn a_token_that_has_ended_is_renewed_once(db: TestDb) {
    let world = World::new(db, &[KEEP]).await;
    world.fake.expires_in(3600);
    let (user, account) = came(&world).await;
    let social = world.app.hallpass.social();
    let first = social.access_token(&user, account).await.unwrap();
    assert_eq!(world.fake.web.count("/token"), 1);
    assert!(
        first.token_secret.is_none(),
        "the refresh token is not the app's"
    );
    world.app.clock().advance(Duration::from_secs(3600));
    // The provider takes each refresh token once: fifty at a time must not use up each other's.
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (social, user) = (social.clone(), user.clone());
        asking.spawn(async move {
            social
                .access_token(&user, account)
                .await
                .map(|it| it.token.reveal().to_owned())
        });
    }
    let mut tokens = std::collections::BTreeSet::new();
    while let Some(token) = asking.join_next().await {
        tokens.insert(token.unwrap().unwrap());
    }
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_ne!(tokens.first().unwrap(), first.token.reveal());
    assert_eq!(world.fake.web.count("/token"), 2);
    world.app.clock().advance(Duration::from_secs(3600));
    social.access_token(&user, account).await.unwrap();
    assert_eq!(
        world.fake.web.count("/token"),
        3,
        "and again with what came then"
    );
}

async fn what_cannot_be_renewed_is_told_of(db: TestDb) {
    let world = World::new(db, &[KEEP]).await;
    world.fake.expires_in(3600);
    let (user, account) = came(&world).await;
    let social = world.app.hallpass.social();
    world.app.clock().advance(Duration::from_secs(3600));
    world.fake.is_down(true);
    let answer = social.access_token(&user, account).await;
    assert!(
        matches!(answer, Err(Error::Refused(Refusal::ProviderUnavailable))),
        "{answer:?}"
    );
    world.fake.is_down(false);
    let kept = resting(&world).await;
    social.access_token(&user, account).await.unwrap();
    assert_ne!(resting(&world).await, kept);
    // A refresh token that the provider does not take any more.
    world
        .app
        .sql("UPDATE socialaccount_socialtoken SET token_secret = 'rt-gone'")
        .await;
    world.app.clock().advance(Duration::from_secs(3600));
    let answer = social.access_token(&user, account).await;
    assert!(
        matches!(answer, Err(Error::Refused(Refusal::InvalidProviderToken))),
        "{answer:?}"
    );
}

async fn nobody_gets_anothers(db: TestDb) {
    let world = World::new(db, &[KEEP]).await;
    let (_, account) = came(&world).await;
    let bob = world.app.person("bob").await;
    let answer = world
        .app
        .hallpass
        .social()
        .access_token(&bob, account)
        .await;
    assert!(
        matches!(answer, Err(Error::Refused(Refusal::NoSuchSocialAccount))),
        "{answer:?}"
    );
}

async fn secrets_of_apps_rest_encrypted(db: TestDb) {
    use hallpass_core::flows::social::apps::NewApp;
    use hallpass_core::settings::Secret;
    let world = World::new(db, &[]).await;
    let social = world.app.hallpass.social();
    let app = NewApp {
        provider: "github".to_owned(),
        provider_id: String::new(),
        name: String::new(),
        client_id: "abc".to_owned(),
        secret: Secret::new("x".repeat(300)),
        key: Secret::new("k"),
        settings: serde_json::Map::new(),
    };
    let id = social.add_app(&app).await.unwrap();
    let secrets = "SELECT count(*) FROM socialaccount_socialapp WHERE secret = '' AND key = ''";
    let none: [hallpass_core::store::Value; 0] = [];
    let row = world
        .app
        .hallpass
        .db()
        .conn()
        .query_opt(secrets, &none)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 1);
    let apps = social.apps().await.unwrap();
    let kept = apps.iter().find(|one| one.id == Some(id)).unwrap();
    assert_eq!((kept.secret.reveal().len(), kept.key.reveal()), (300, "k"));
    // It is offered at once.
    let page = world.app.browser().get("/accounts/login/").await;
    assert!(page.text.contains("GitHub"), "{}", page.text);
    social.remove_app(id).await.unwrap();
    assert!(social.remove_app(id).await.is_err());
    assert_eq!(world.app.count("hallpass_social_secret").await, 0);
}
