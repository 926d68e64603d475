//! The state that goes there and comes back: good once, for a while, in the browser and at the address where it was begun.

use std::time::Duration;

use hallpass_testkit::each_database;

use super::*;

each_database!(
    another_browser_cannot_finish_it_nor_spend_it,
    whoever_is_signed_in_is_not_made_somebody_else,
    what_one_provider_says_is_not_taken_as_anothers,
    an_answer_with_anothers_issuer_goes_nowhere,
    it_is_good_once,
    it_is_good_for_ten_minutes,
    without_it_there_is_no_way_back,
    the_oldest_of_eleven_is_forgotten,
    two_windows_at_once_both_arrive,
    fifty_at_once_are_one_sign_in,
);

const ACCOUNTS: &str = "socialaccount_socialaccount";

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{} {}", answer.location(), answer.text);
    shows_a_way_on(answer, "refused");
}

async fn another_browser_cannot_finish_it_nor_spend_it(db: TestDb) {
    let site = Site::new(db).await;
    let mut eve = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut eve, START).await, "ann")
        .await;
    // One that was never here, and one that is on its way itself.
    let mut stranger = site.app.browser();
    let mut victim = site.app.browser();
    set_out(&mut victim, START).await;
    for browser in [&mut stranger, &mut victim] {
        refused(&come_back(browser, &back).await);
        assert!(!is_in(browser).await);
    }
    assert_eq!(site.provider.count("POST /token").await, 0);
    assert_eq!(site.app.count(ACCOUNTS).await, 0);
    assert_eq!(
        come_back(&mut eve, &back).await.location(),
        "/accounts/profile/"
    );
}

async fn whoever_is_signed_in_is_not_made_somebody_else(db: TestDb) {
    let site = Site::new(db).await;
    let mut victim = site.app.sign_in("victim").await;
    let session = victim.cookies["sessionid"].clone();
    let mut eve = site.app.sign_in("eve").await;
    for process in ["login", "connect"] {
        let answer = eve.fill(START, &[("process", process)]).await;
        let back = site.provider.visit(answer.location(), "ann").await;
        refused(&come_back(&mut victim, &back).await);
        assert!(
            victim
                .get("/accounts/profile/")
                .await
                .text
                .contains("victim")
        );
        assert_eq!(victim.cookies["sessionid"], session);
        assert_eq!(site.app.count(ACCOUNTS).await, 0);
    }
}

/// Two providers at one site, of which the second is not honest.
async fn two(db: TestDb) -> (TestApp, IdentityProvider, IdentityProvider) {
    let honest = IdentityProvider::start().await;
    let evil = IdentityProvider::start().await;
    honest.client(CLIENT, SECRET, BACK).await;
    evil.client(CLIENT, SECRET, &BACK.replace("test", "evil"))
        .await;
    let apps = [
        app_of(&honest, "test", &json!({})),
        app_of(&evil, "evil", &json!({})),
    ];
    let app = site(db, &apps, |_| {}).await;
    (app, honest, evil)
}

async fn what_one_provider_says_is_not_taken_as_anothers(db: TestDb) {
    let (app, honest, evil) = two(db).await;
    let mut browser = app.browser();
    let back = honest
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let swapped = back.path().replace("/test/", "/evil/");
    refused(&browser.get(&swapped).await);
    // The other way round: begun at the one that lies, finished at the honest one.
    let address = set_out(&mut browser, &START.replace("test", "evil")).await;
    let back = evil.visit(&address, "ann").await;
    let swapped = back.path().replace("/evil/", "/test/");
    refused(&browser.get(&swapped).await);
    for provider in [&honest, &evil] {
        assert_eq!(provider.count("POST /token").await, 0);
    }
    assert!(!is_in(&mut browser).await);
    assert_eq!(app.count(ACCOUNTS).await, 0);
}

/// The mix-up: the visitor is led through the honest provider, while we believe to speak with the other, which would get
/// the honest one's code.
async fn an_answer_with_anothers_issuer_goes_nowhere(db: TestDb) {
    let (app, honest, evil) = two(db).await;
    let mut browser = app.browser();
    let begun = set_out(&mut browser, &START.replace("test", "evil")).await;
    let led = begun.replace(evil.issuer(), honest.issuer());
    honest
        .client(CLIENT, SECRET, &BACK.replace("test", "evil"))
        .await;
    let back = honest.visit(&led, "ann").await;
    assert_eq!(back.param("iss").as_deref(), Some(honest.issuer()));
    refused(&come_back(&mut browser, &back).await);
    assert_eq!(
        evil.count("POST /token").await,
        0,
        "the code is not given away"
    );
    assert!(!is_in(&mut browser).await);
}

async fn it_is_good_once(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let kept = browser.clone();
    assert_eq!(
        come_back(&mut browser, &back).await.location(),
        "/accounts/profile/"
    );
    for mut again in [browser.clone(), kept] {
        refused(&come_back(&mut again, &back).await);
    }
    // A failure spends it as well.
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    refused(
        &come_back(
            &mut browser,
            &back.clone().with("iss", Some("https://another.example")),
        )
        .await,
    );
    refused(&come_back(&mut browser, &back).await);
    assert_eq!(site.provider.count("POST /token").await, 1);
}

async fn it_is_good_for_ten_minutes(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    site.app.clock().advance(Duration::from_secs(601));
    refused(&come_back(&mut browser, &back).await);
    assert_eq!(site.provider.count("POST /token").await, 0);
    assert!(!is_in(&mut browser).await);
}

async fn without_it_there_is_no_way_back(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let long = "a".repeat(5000);
    for state in [
        None,
        Some(""),
        Some("None"),
        Some("null"),
        Some("\0"),
        Some(&long),
    ] {
        refused(&come_back(&mut browser, &back.clone().with("state", state)).await);
    }
    refused(&browser.get("/accounts/oidc/test/login/callback/").await);
    assert_eq!(site.provider.count("POST /token").await, 0);
    assert_eq!(
        come_back(&mut browser, &back).await.location(),
        "/accounts/profile/"
    );
}

async fn the_oldest_of_eleven_is_forgotten(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let mut ways = Vec::new();
    for _ in 0..11 {
        ways.push(set_out(&mut browser, START).await);
        site.app.clock().advance(Duration::from_secs(1));
    }
    let back = site.provider.visit(&ways[0], "ann").await;
    refused(&come_back(&mut browser, &back).await);
    let back = site.provider.visit(&ways[1], "ann").await;
    assert_eq!(
        come_back(&mut browser, &back).await.location(),
        "/accounts/profile/"
    );
}

async fn two_windows_at_once_both_arrive(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let (one, two) = (
        set_out(&mut browser, START).await,
        set_out(&mut browser, START).await,
    );
    let two = site.provider.visit(&two, "ann").await;
    assert_eq!(
        come_back(&mut browser, &two).await.location(),
        "/accounts/profile/"
    );
    let one = site.provider.visit(&one, "ann").await;
    let answer = come_back(&mut browser, &one).await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    assert!(is_in(&mut browser).await);
}

async fn fifty_at_once_are_one_sign_in(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let mut tasks = Vec::new();
    for mut copy in vec![browser; 50] {
        let back = back.clone();
        tasks.push(tokio::spawn(async move {
            let answer = come_back(&mut copy, &back).await;
            (copy, answer)
        }));
    }
    let mut within = 0;
    for task in tasks {
        let (mut copy, answer) = task.await.unwrap();
        match answer.location() {
            "/accounts/profile/" => within += usize::from(is_in(&mut copy).await),
            _ => refused(&answer),
        }
    }
    assert_eq!(within, 1);
    assert_eq!(site.provider.count("POST /token").await, 1);
    assert_eq!(site.app.count(ACCOUNTS).await, 1);
    assert_eq!(site.app.count("auth_user").await, 1);
    assert_eq!(site.app.count("usersessions_usersession").await, 1);
}
