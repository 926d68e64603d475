//! Somebody who was never here before.

use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestDb, each_database};
use serde_json::json;

use crate::credentials::{PASSWORD, hash};

use super::{World, ann, somebody};

each_database!(
    the_first_time_makes_an_account_and_the_second_signs_in,
    a_name_that_is_taken_is_made_up,
    what_the_provider_does_not_vouch_for_must_be_confirmed,
    an_address_of_somebody_else_leads_to_the_form_and_never_into_their_account,
    where_nothing_may_show_it_the_owner_gets_a_letter,
    what_is_missing_is_asked_in_a_form,
    the_form_can_be_left,
    the_form_waits_for_a_while_only,
    without_automatic_signups_everybody_sees_the_form,
    where_signups_are_closed_nobody_new_comes_in,
    further_addresses_come_along_only_if_they_are_vouched_for,
    with_nothing_else_there_is_no_other_way_in,
    fifty_who_are_one_get_one_account,
);

const MANDATORY: [(&str, &str); 2] = [
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    ("ACCOUNT_SIGNUP_FIELDS", "email*,username*,password1*"),
];

async fn the_first_time_makes_an_account_and_the_second_signs_in(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let page = browser.get("/accounts/login/").await;
    assert!(
        page.text.contains("Continue with <bdi>Fake</bdi>"),
        "{}",
        page.text
    );
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(
        (back.status.as_u16(), back.location()),
        (302, "/accounts/profile/"),
        "{}",
        back.text
    );
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("ann"));
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (user.first_name.as_str(), user.last_name.as_str()),
        ("Ann", "Lee")
    );
    assert_eq!(user.email, "ann@example.com");
    assert!(
        user.password.starts_with('!'),
        "nobody knows a password of it"
    );
    let account = &world.app.hallpass.social().accounts(&user).await.unwrap()[0];
    assert_eq!(
        (account.provider.as_str(), account.uid.as_str()),
        ("fake", "1")
    );
    assert_eq!(world.app.count("socialaccount_socialtoken").await, 0);
    // The provider vouched for the address: there is nothing to confirm.
    world.app.no_other_letter_was_sent().await;

    let mut elsewhere = world.app.browser();
    let back = world.come(&mut elsewhere, &ann()).await;
    assert_eq!(back.location(), "/accounts/profile/");
    assert_eq!(world.who(&mut elsewhere).await.as_deref(), Some("ann"));
    assert_eq!((world.users().await, world.accounts().await), (1, 1));
}

async fn a_name_that_is_taken_is_made_up(db: TestDb) {
    let world = World::new(db, &[]).await;
    world.app.user("ANN", "other@example.com").await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let name = world.who(&mut browser).await.unwrap();
    assert!(name != "ann" && name != "ANN", "{name}");
    let mut browser = world.app.browser();
    let rude = somebody(2, "a b<script>", "b@example.com", true);
    world.come(&mut browser, &rude).await;
    assert!(world.who(&mut browser).await.is_some());
}

async fn what_the_provider_does_not_vouch_for_must_be_confirmed(db: TestDb) {
    let world = World::new(db, &MANDATORY).await;
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &somebody(1, "ann", "ann@example.com", false))
        .await;
    assert_eq!(back.location(), "/accounts/confirm-email/", "{}", back.text);
    assert_eq!(world.who(&mut browser).await, None);
    let letter = world.app.letter().await;
    assert_eq!(letter.to, "ann@example.com");
    let link = link_in(&letter.text);
    browser.fill(&link, &[]).await;
    let back = world
        .come(&mut browser, &somebody(1, "ann", "ann@example.com", false))
        .await;
    assert_eq!(back.location(), "/accounts/profile/");

    let mut trusted = world.app.browser();
    let back = world
        .come(&mut trusted, &somebody(2, "bob", "bob@example.com", true))
        .await;
    assert_eq!(
        back.location(),
        "/accounts/profile/",
        "what it vouches for is confirmed"
    );
    world.app.no_other_letter_was_sent().await;
}

async fn an_address_of_somebody_else_leads_to_the_form_and_never_into_their_account(db: TestDb) {
    let world = World::new(db, &[]).await;
    world.app.user("owner", "ann@example.com").await;
    for verified in [true, false] {
        let mut browser = world.app.browser();
        let back = world
            .come(
                &mut browser,
                &somebody(1, "ann", "ann@example.com", verified),
            )
            .await;
        assert_eq!(back.location(), "/accounts/3rdparty/signup/");
        let page = browser.open("/accounts/3rdparty/signup/").await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains("Sign in to it</a> and connect"),
            "a way out is shown: {}",
            page.text
        );
        assert_eq!(world.who(&mut browser).await, None);
        let answer = browser
            .fill(
                "/accounts/3rdparty/signup/",
                &[("username", "ann"), ("email", "ANN@example.com")],
            )
            .await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!((world.users().await, world.accounts().await), (1, 0));
    }
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let answer = browser
        .fill(
            "/accounts/3rdparty/signup/",
            &[("username", "ann"), ("email", "new@example.com")],
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (302, "/accounts/profile/"),
        "{}",
        answer.text
    );
    let new = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    let rows = world.app.hallpass.users().addresses(&new).await.unwrap();
    let typed = rows
        .iter()
        .find(|row| row.email == "new@example.com")
        .unwrap();
    assert!(!typed.verified, "what was typed is not vouched for");
    assert!(
        rows.iter().all(|row| row.email != "ann@example.com"),
        "{rows:?}"
    );
}

async fn where_nothing_may_show_it_the_owner_gets_a_letter(db: TestDb) {
    let world = World::new(db, &MANDATORY).await;
    world.app.user("owner", "ann@example.com").await;
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &somebody(1, "ann", "ann@example.com", false))
        .await;
    assert_eq!(
        back.location(),
        "/accounts/confirm-email/",
        "as for an address that is free"
    );
    let letter = world.app.letter().await;
    assert!(letter.text.contains("already"), "{}", letter.text);
    assert_eq!((world.users().await, world.accounts().await), (1, 0));
    world.app.no_other_letter_was_sent().await;
}

async fn what_is_missing_is_asked_in_a_form(db: TestDb) {
    let world = World::new(db, &MANDATORY).await;
    let mut browser = world.app.browser();
    let back = world
        .come(&mut browser, &json!({ "id": 7, "login": "ann" }))
        .await;
    assert_eq!(back.location(), "/accounts/3rdparty/signup/");
    let page = browser.get("/accounts/3rdparty/signup/").await;
    assert!(
        page.text.contains("value=\"ann\""),
        "what the provider said is filled in"
    );
    let answer = browser
        .fill(
            "/accounts/3rdparty/signup/",
            &[("username", "ann"), ("email", "nonsense")],
        )
        .await;
    assert_eq!(answer.status, 400);
    let answer = browser
        .fill(
            "/accounts/3rdparty/signup/",
            &[("username", "ann"), ("email", "ann@example.com")],
        )
        .await;
    assert_eq!(answer.location(), "/accounts/confirm-email/");
    let link = link_in(&world.app.letter().await.text);
    browser.fill(&link, &[]).await;
    let back = world
        .come(&mut browser, &json!({ "id": 7, "login": "ann" }))
        .await;
    assert_eq!(back.location(), "/accounts/profile/");
}

async fn the_form_can_be_left(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_AUTO_SIGNUP", "false")]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let answer = browser
        .fill("/accounts/3rdparty/signup/", &[("action", "cancel")])
        .await;
    assert_eq!(answer.location(), "/accounts/login/");
    let page = browser.get("/accounts/3rdparty/signup/").await;
    assert_eq!(page.status, 302, "nothing waits");
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
}

async fn the_form_waits_for_a_while_only(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_AUTO_SIGNUP", "false")]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    let page = browser.get("/accounts/3rdparty/signup/").await;
    let token = page.csrf_token().unwrap().to_owned();
    world
        .app
        .clock()
        .advance(std::time::Duration::from_secs(900));
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("username", "ann"),
        ("email", "ann@example.com"),
    ];
    let answer = browser.post("/accounts/3rdparty/signup/", &fields).await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (302, "/accounts/login/")
    );
    assert_eq!(world.users().await, 0);
}

async fn without_automatic_signups_everybody_sees_the_form(db: TestDb) {
    let world = World::new(db, &[("SOCIALACCOUNT_AUTO_SIGNUP", "false")]).await;
    let mut browser = world.app.browser();
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/3rdparty/signup/");
    let answer = browser
        .fill(
            "/accounts/3rdparty/signup/",
            &[("username", "ann"), ("email", "ann@example.com")],
        )
        .await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    let rows = world.app.hallpass.users().addresses(&user).await.unwrap();
    assert!(
        rows[0].verified && rows[0].primary,
        "the address is the one that is vouched for"
    );
}

async fn where_signups_are_closed_nobody_new_comes_in(db: TestDb) {
    let world = World::new(db, &[("HALLPASS_SIGNUP_OPEN", "false")]).await;
    let mut browser = world.app.browser();
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.status, 403, "{}", back.text);
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
}

async fn further_addresses_come_along_only_if_they_are_vouched_for(db: TestDb) {
    let world = World::new(db, &[]).await;
    world.app.user("bob", "bob@example.com").await;
    let mut browser = world.app.browser();
    let mut profile = ann();
    profile["emails"] = json!([
        { "email": "ann@example.com", "verified": true, "primary": true },
        { "email": "work@example.com", "verified": true },
        { "email": "claimed@example.com", "verified": false },
        { "email": "bob@example.com", "verified": true },
        { "email": "no address", "verified": true },
    ]);
    world.come(&mut browser, &profile).await;
    let user = world
        .app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    let rows = world.app.hallpass.users().addresses(&user).await.unwrap();
    let mut all: Vec<_> = rows
        .iter()
        .map(|row| (row.email.as_str(), row.verified, row.primary))
        .collect();
    all.sort_unstable();
    assert_eq!(
        all,
        [
            ("ann@example.com", true, true),
            ("work@example.com", true, false)
        ]
    );
}

async fn with_nothing_else_there_is_no_other_way_in(db: TestDb) {
    let only = [
        ("SOCIALACCOUNT_ONLY", "true"),
        ("ACCOUNT_EMAIL_VERIFICATION", "none"),
    ];
    let world = World::new(db, &only).await;
    world
        .app
        .user_with("owner", "owner@example.com", &hash(PASSWORD))
        .await;
    let mut browser = world.app.browser();
    let page = browser.get("/accounts/login/").await;
    assert!(
        page.text.contains("Fake") && !page.text.contains("type=\"password\""),
        "{}",
        page.text
    );
    for path in [
        "signup/",
        "password/reset/",
        "login/link/",
        "login/code/",
        "email/",
        "password/change/",
    ] {
        assert_eq!(
            browser.get(&format!("/accounts/{path}")).await.status,
            404,
            "{path}"
        );
    }
    let fields = [("login", "owner"), ("password", PASSWORD)];
    let token = page.csrf_token().unwrap().to_owned();
    let all = [
        ("csrfmiddlewaretoken", token.as_str()),
        fields[0],
        fields[1],
    ];
    let answer = browser.post("/accounts/login/", &all).await;
    assert_eq!(answer.status, 404);
    let mut program = world.app.stranger();
    let answer = program
        .post(
            "/dj-rest-auth/login/",
            &json!({ "username": "owner", "password": PASSWORD }),
        )
        .await;
    assert_eq!(answer.status, 404);
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/profile/");
}

async fn fifty_who_are_one_get_one_account(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut ways = Vec::new();
    for _ in 0..50 {
        let mut browser = world.app.browser();
        let out = world.set_out(&mut browser, &[]).await;
        let back = world.fake.agree(out.location(), &ann());
        ways.push((browser, back));
    }
    let mut coming = tokio::task::JoinSet::new();
    for (mut browser, back) in ways {
        coming.spawn(async move { browser.get(&back).await.status });
    }
    while let Some(status) = coming.join_next().await {
        let status = status.unwrap();
        assert!(status == 302, "{status}");
    }
    assert_eq!((world.users().await, world.accounts().await), (1, 1));
}
