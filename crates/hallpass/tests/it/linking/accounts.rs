//! Connecting and disconnecting, and two users who become one.

use std::sync::{Arc, Mutex};

use hallpass::hooks::Social;
use hallpass::{Cx, Error, async_trait};
use hallpass_core::domain::User;
use hallpass_testkit::{FakeProvider, TestApp, TestDb, each_database};

use crate::credentials::{PASSWORD, hash};

use super::{World, ann, somebody};

each_database!(
    an_account_is_connected_and_shown,
    what_belongs_to_somebody_else_is_not_connected,
    connecting_takes_somebody_who_is_signed_in_and_stays_so,
    the_last_way_in_is_kept,
    of_two_that_go_at_once_one_stays,
    an_account_of_somebody_else_cannot_be_disconnected,
    a_fresh_proof_comes_first_where_it_is_asked_for,
    two_users_become_one_if_both_are_proved,
    nothing_is_merged_unasked,
    whoever_has_rights_of_their_own_is_not_merged,
    people_are_told_by_letter,
);

const LIST: &str = "/accounts/3rdparty/";

async fn connected(world: &World, name: &str) -> Vec<String> {
    let users = world.app.hallpass.users();
    let user = users.by_username(name).await.unwrap().unwrap();
    let accounts = world.app.hallpass.social().accounts(&user).await.unwrap();
    accounts.into_iter().map(|one| one.uid).collect()
}

async fn an_account_is_connected_and_shown(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.sign_in("bob").await;
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(
        (back.status.as_u16(), back.location()),
        (302, LIST),
        "{}",
        back.text
    );
    let page = browser.get(LIST).await;
    assert!(
        page.text.contains("<bdi>Fake</bdi>") && page.text.contains("<bdi>ann</bdi>"),
        "{}",
        page.text
    );
    assert_eq!(connected(&world, "bob").await, ["1"]);
    let user = world
        .app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let rows = world.app.hallpass.users().addresses(&user).await.unwrap();
    assert!(
        rows.iter().all(|row| row.email != "ann@example.com"),
        "addresses are not added unasked"
    );
    world.connect(&mut browser, &ann()).await;
    assert_eq!(
        connected(&world, "bob").await,
        ["1"],
        "again is nothing new"
    );
    let mut elsewhere = world.app.browser();
    world.come(&mut elsewhere, &ann()).await;
    assert_eq!(world.who(&mut elsewhere).await.as_deref(), Some("bob"));
}

async fn what_belongs_to_somebody_else_is_not_connected(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut owner = world.app.browser();
    world.come(&mut owner, &ann()).await;
    let mut browser = world.app.sign_in("bob").await;
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(back.location(), LIST);
    let page = browser.get(LIST).await;
    assert!(
        page.text.contains("connected to another user"),
        "{}",
        page.text
    );
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("bob"));
    assert_eq!(connected(&world, "ann").await, ["1"]);
    assert!(connected(&world, "bob").await.is_empty());
}

async fn connecting_takes_somebody_who_is_signed_in_and_stays_so(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut stranger = world.app.browser();
    let out = world
        .set_out(&mut stranger, &[("process", "connect")])
        .await;
    assert!(
        out.location().starts_with("/accounts/login/"),
        "{}",
        out.location()
    );
    // Begun as the one, finished as the other, in the same browser.
    let mut browser = world.app.sign_in("bob").await;
    let out = world.set_out(&mut browser, &[("process", "connect")]).await;
    let back = world.fake.agree(out.location(), &ann());
    world
        .come(
            &mut browser,
            &somebody(2, "carol", "carol@example.com", true),
        )
        .await;
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("carol"));
    assert_eq!(browser.get(&back).await.status, 401);
    assert_eq!(connected(&world, "carol").await, ["2"]);
    assert!(connected(&world, "bob").await.is_empty());
}

async fn the_last_way_in_is_kept(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let page = browser.get(LIST).await;
    assert!(
        page.text.contains("It cannot be disconnected now") && !page.text.contains(">Disconnect"),
        "{}",
        page.text
    );
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    let id = world.app.hallpass.social().accounts(&user).await.unwrap()[0]
        .id
        .to_string();
    let token = page.csrf_token().unwrap().to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("account", id.as_str()),
    ];
    let answer = browser.post(LIST, &fields).await;
    assert_eq!(answer.location(), LIST);
    assert_eq!(connected(&world, "ann").await, ["1"]);
    let page = browser.get(LIST).await;
    assert!(page.text.contains("no password yet"), "{}", page.text);
    // With a second one the first may go, and then that is the last.
    world
        .connect(&mut browser, &somebody(2, "ann2", "ann2@example.com", true))
        .await;
    browser.fill(LIST, &[("account", &id)]).await;
    assert_eq!(connected(&world, "ann").await, ["2"]);
    // With a password every one may go.
    world
        .app
        .hallpass
        .users()
        .set_password(&user, "correct-horse-9-battery")
        .await
        .unwrap();
    let mut browser = world.app.browser();
    world
        .come(&mut browser, &somebody(2, "ann2", "ann2@example.com", true))
        .await;
    let id = world.app.hallpass.social().accounts(&user).await.unwrap()[0]
        .id
        .to_string();
    browser.fill(LIST, &[("account", &id)]).await;
    assert!(connected(&world, "ann").await.is_empty());
}

async fn of_two_that_go_at_once_one_stays(db: TestDb) {
    let world = World::new(db, &[]).await;
    for round in 0..5_u64 {
        let mut browser = world.app.browser();
        let name = format!("ann{round}");
        let first = somebody(10 * round + 1, &name, &format!("{name}@example.com"), true);
        world.come(&mut browser, &first).await;
        world
            .connect(
                &mut browser,
                &somebody(10 * round + 2, "x", "x@example.org", true),
            )
            .await;
        let user = world
            .app
            .hallpass
            .users()
            .by_username(&name)
            .await
            .unwrap()
            .unwrap();
        let social = world.app.hallpass.social();
        let accounts = social.accounts(&user).await.unwrap();
        let (left, right) = tokio::join!(
            social.disconnect(&user, accounts[0].id),
            social.disconnect(&user, accounts[1].id)
        );
        assert!(left.is_ok() != right.is_ok(), "{left:?} {right:?}");
        assert_eq!(social.accounts(&user).await.unwrap().len(), 1);
    }
}

async fn an_account_of_somebody_else_cannot_be_disconnected(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut owner = world.app.browser();
    world.come(&mut owner, &ann()).await;
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    world
        .app
        .hallpass
        .users()
        .set_password(&user, "correct-horse-9-battery")
        .await
        .unwrap();
    let id = world.app.hallpass.social().accounts(&user).await.unwrap()[0]
        .id
        .to_string();
    let mut browser = world.app.sign_in("bob").await;
    for account in [id.as_str(), "0", "-1", "99999999999999999999", "x", ""] {
        browser.fill(LIST, &[("account", account)]).await;
    }
    assert_eq!(connected(&world, "ann").await, ["1"]);
}

async fn a_fresh_proof_comes_first_where_it_is_asked_for(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_REAUTHENTICATION_REQUIRED", "true")]).await;
    world
        .app
        .user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    let mut browser = world.app.browser();
    let fields = [("login", "bob"), ("password", PASSWORD)];
    browser.fill("/accounts/login/", &fields).await;
    let out = world.set_out(&mut browser, &[("process", "connect")]).await;
    assert!(
        out.location().starts_with("/accounts/reauthenticate/"),
        "{}",
        out.location()
    );
    let answer = browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    // What waited goes on: to the page of the provider.
    assert!(answer.status == 302, "{}", answer.text);
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(back.location(), LIST);
    assert_eq!(connected(&world, "bob").await, ["1"]);
    world
        .app
        .clock()
        .advance(std::time::Duration::from_secs(301));
    let user = world
        .app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let id = world.app.hallpass.social().accounts(&user).await.unwrap()[0]
        .id
        .to_string();
    let answer = browser.fill(LIST, &[("account", &id)]).await;
    assert!(answer.location().starts_with("/accounts/reauthenticate/"));
    assert_eq!(connected(&world, "bob").await, ["1"]);
    let answer = browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    assert_eq!(answer.location(), LIST);
    assert!(
        connected(&world, "bob").await.is_empty(),
        "what was sent before the proof went on after it"
    );
}

#[derive(Default)]
struct Moves(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Social for Moves {
    async fn merge(&self, _: &mut Cx, from: &User, into: &User) -> Result<(), Error> {
        let moved = (from.username.clone(), into.username.clone());
        self.0.lock().unwrap().push(moved);
        Ok(())
    }
}

async fn two_users_become_one_if_both_are_proved(db: TestDb) {
    let moves = Arc::new(Moves::default());
    let fake = FakeProvider::start().await;
    let hook = Arc::clone(&moves);
    let mut setup = TestApp::setup()
        .database(db)
        .builder(move |builder| builder.on_social(hook));
    for (name, value) in fake.settings() {
        setup = setup.set(name, value);
    }
    let app = setup.set("HALLPASS_SOCIAL_MERGE", "true").start().await;
    let world = World { app, fake };
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
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/3rdparty/merge/");
    let page = browser.get("/accounts/3rdparty/merge/").await;
    assert!(
        page.text.contains("<bdi>ann</bdi>") && page.text.contains("<bdi>bob</bdi>"),
        "{}",
        page.text
    );
    assert_eq!(
        connected(&world, "ann").await,
        ["1"],
        "nothing has happened yet"
    );
    let answer = browser.fill("/accounts/3rdparty/merge/", &[]).await;
    assert!(
        answer.location().starts_with("/accounts/reauthenticate/"),
        "{}",
        answer.location()
    );
    browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    let answer = browser.fill("/accounts/3rdparty/merge/", &[]).await;
    assert_eq!(answer.location(), LIST, "{}", answer.text);
    assert_eq!(connected(&world, "bob").await, ["1"]);
    let ended = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    assert!(!ended.is_active && ended.email.is_empty());
    assert_eq!(
        world.who(&mut other).await,
        None,
        "the other's sessions have ended"
    );
    let bob = world
        .app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let rows = world.app.hallpass.users().addresses(&bob).await.unwrap();
    assert!(
        rows.iter()
            .any(|row| row.email == "ann@example.com" && row.verified),
        "{rows:?}"
    );
    assert_eq!(
        *moves.0.lock().unwrap(),
        [("ann".to_owned(), "bob".to_owned())]
    );
    let mut again = world.app.browser();
    world.come(&mut again, &ann()).await;
    assert_eq!(world.who(&mut again).await.as_deref(), Some("bob"));
    let page = browser.get("/accounts/3rdparty/merge/").await;
    assert_eq!(page.status, 302, "the offer is used up");
}

async fn nothing_is_merged_unasked(db: TestDb) {
    let world = World::new(db, &[("HALLPASS_SOCIAL_MERGE", "true")]).await;
    let mut other = world.app.browser();
    world.come(&mut other, &ann()).await;
    let mut browser = world.app.sign_in("bob").await;
    assert_eq!(
        browser.get("/accounts/3rdparty/merge/").await.status,
        302,
        "nobody proved anything"
    );
    world.connect(&mut browser, &ann()).await;
    let answer = browser
        .fill("/accounts/3rdparty/merge/", &[("action", "cancel")])
        .await;
    assert_eq!(answer.location(), LIST);
    assert_eq!(browser.get("/accounts/3rdparty/merge/").await.status, 302);
    // The offer ends with the minutes, and with a new password of the other.
    world.connect(&mut browser, &ann()).await;
    world
        .app
        .clock()
        .advance(std::time::Duration::from_secs(300));
    assert_eq!(browser.get("/accounts/3rdparty/merge/").await.status, 302);
    world.connect(&mut browser, &ann()).await;
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    world
        .app
        .hallpass
        .users()
        .set_password(&user, "correct-horse-9-battery")
        .await
        .unwrap();
    assert_eq!(browser.get("/accounts/3rdparty/merge/").await.status, 302);
    assert_eq!(connected(&world, "ann").await, ["1"]);
}

async fn whoever_has_rights_of_their_own_is_not_merged(db: TestDb) {
    let world = World::new(db, &[("HALLPASS_SOCIAL_MERGE", "true")]).await;
    let mut other = world.app.browser();
    world.come(&mut other, &ann()).await;
    world
        .app
        .sql("UPDATE auth_user SET is_staff = TRUE WHERE username = 'ann'")
        .await;
    let mut browser = world.app.sign_in("bob").await;
    let back = world.connect(&mut browser, &ann()).await;
    assert_eq!(back.location(), LIST);
    assert_eq!(connected(&world, "ann").await, ["1"]);
}

async fn people_are_told_by_letter(db: TestDb) {
    let world = World::new(db, &[("ACCOUNT_EMAIL_NOTIFICATIONS", "true")]).await;
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
    let letter = world.app.letter().await;
    assert_eq!(letter.to, "bob@example.com");
    assert!(
        letter.text.contains("your account at Fake"),
        "{}",
        letter.text
    );
    let user = world
        .app
        .hallpass
        .users()
        .by_username("bob")
        .await
        .unwrap()
        .unwrap();
    let id = world.app.hallpass.social().accounts(&user).await.unwrap()[0]
        .id
        .to_string();
    browser.fill(LIST, &[("account", &id)]).await;
    assert!(world.app.letter().await.text.contains("does not sign in"));
    world.app.no_other_letter_was_sent().await;
}
