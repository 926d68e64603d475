//! The way there and back: only whoever set out comes back, once, in time, and from where they went.

use std::time::Duration;

use hallpass_testkit::{TestDb, each_database};

use super::{World, ann, somebody};

each_database!(
    another_browser_cannot_finish_it,
    nobody_finishes_it_without_having_set_out,
    it_is_finished_once,
    of_fifty_at_once_one_finishes_it,
    one_providers_answer_is_none_of_another,
    it_takes_ten_minutes_at_most,
    a_browser_has_ten_ways_under_way,
    two_tabs_do_not_stand_in_each_others_way,
    who_says_no_is_told_that_nothing_changed,
    a_provider_that_is_down_is_told_of,
    afterwards_people_go_where_they_wanted_and_nowhere_else,
    there_and_back_alone_changes_nothing,
    what_another_site_posts_is_taken_up_by_the_browser_itself,
    a_link_shows_a_button_first,
    whoever_is_signed_in_and_comes_as_another_is_the_other,
    where_the_cookie_is_strict_the_page_asks_once_more,
    an_unknown_provider_is_not_found,
    an_app_that_is_gone_lets_nobody_in,
);

async fn another_browser_cannot_finish_it(db: TestDb) {
    let world = World::new(db, &[]).await;
    let (mut attacker, mut victim) = (world.app.browser(), world.app.browser());
    let out = world.set_out(&mut attacker, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    // The victim is lured to the attacker's callback: they would be in the attacker's account.
    world.set_out(&mut victim, &[]).await;
    let answer = victim.get(&back).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert!(
        answer.text.contains("Sign in another way"),
        "a way out is shown"
    );
    assert_eq!(world.who(&mut victim).await, None);
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
    // And the attacker's own way is not spent by that.
    assert_eq!(attacker.get(&back).await.location(), "/accounts/profile/");
}

async fn nobody_finishes_it_without_having_set_out(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let long = "x".repeat(5000);
    for query in [
        "",
        "?code=code-1",
        "?code=code-1&state=",
        "?code=a&state=b",
        &format!("?code=a&state={long}"),
    ] {
        let answer = browser
            .get(&format!("/accounts/fake/login/callback/{query}"))
            .await;
        assert_eq!(answer.status, 401, "{query}");
    }
    assert_eq!(world.fake.web.asked().len(), 0, "the provider is not asked");
}

async fn it_is_finished_once(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    assert_eq!(browser.get(&back).await.status, 302);
    assert_eq!(browser.get(&back).await.status, 401);
}

async fn of_fifty_at_once_one_finishes_it(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    let mut coming = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (mut browser, back) = (browser.clone(), back.clone());
        coming.spawn(async move { browser.get(&back).await.status.as_u16() });
    }
    let mut statuses = Vec::new();
    while let Some(status) = coming.join_next().await {
        statuses.push(status.unwrap());
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 302).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| [302, 401].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(world.fake.web.count("/token"), 1);
}

async fn one_providers_answer_is_none_of_another(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out_to(&mut browser, "other", &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    let swapped = back.replace("/other/", "/fake/");
    assert_ne!(swapped, back);
    assert_eq!(browser.get(&swapped).await.status, 401);
    assert_eq!(world.accounts().await, 0);
    assert_eq!(
        browser.get(&back).await.status,
        302,
        "at its own address it is good"
    );
}

async fn it_takes_ten_minutes_at_most(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    for (seconds, status) in [(599, 302), (600, 401)] {
        let out = world.set_out(&mut browser, &[]).await;
        let back = world.fake.agree(out.location(), &ann());
        world.app.clock().stop();
        world.app.clock().advance(Duration::from_secs(seconds));
        assert_eq!(browser.get(&back).await.status, status, "{seconds}");
        browser = world.app.browser();
    }
}

async fn a_browser_has_ten_ways_under_way(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let mut ways = Vec::new();
    for _ in 0..11 {
        let out = world.set_out(&mut browser, &[]).await;
        ways.push(world.fake.agree(out.location(), &ann()));
        world.app.clock().advance(Duration::from_secs(1));
    }
    assert_eq!(
        browser.get(&ways[0]).await.status,
        401,
        "the oldest gave way"
    );
    assert_eq!(browser.get(&ways[1]).await.status, 302);
    assert!(world.app.count("hallpass_social_state").await <= 10);
}

async fn two_tabs_do_not_stand_in_each_others_way(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let first = world.set_out(&mut browser, &[("next", "/first/")]).await;
    let second = world
        .set_out_to(&mut browser, "other", &[("next", "/second/")])
        .await;
    let back = world.fake.agree(first.location(), &ann());
    assert_eq!(browser.get(&back).await.location(), "/first/");
    let back = world.fake.agree(
        second.location(),
        &somebody(2, "bob", "bob@example.com", true),
    );
    assert_eq!(browser.get(&back).await.location(), "/second/");
}

async fn who_says_no_is_told_that_nothing_changed(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let answer = browser.get(&world.fake.refuse(out.location())).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("Nothing has changed") && answer.text.contains("Continue with"));
    let out = world.set_out(&mut browser, &[]).await;
    let state = out
        .location()
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let hostile = format!(
        "/accounts/fake/login/callback/?error=server_error&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state={state}"
    );
    let answer = browser.get(&hostile).await;
    assert_eq!(answer.status, 401);
    assert!(
        !answer.text.contains("alert(1)"),
        "what a provider says stands on no page"
    );
}

async fn a_provider_that_is_down_is_told_of(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    world.fake.is_down(true);
    let answer = browser.get(&back).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains("does not answer") && answer.text.contains("Sign in another way"));
    world.fake.is_down(false);
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/profile/");
}

async fn afterwards_people_go_where_they_wanted_and_nowhere_else(db: TestDb) {
    let world = World::new(db, &[]).await;
    for (next, to) in [
        ("/shop/?a=b", "/shop/?a=b"),
        ("https://evil.example/", "/accounts/profile/"),
        ("//evil.example/", "/accounts/profile/"),
        ("/\\evil.example/", "/accounts/profile/"),
        ("javascript:alert(1)", "/accounts/profile/"),
    ] {
        let mut browser = world.app.browser();
        let back = world
            .come_for(&mut browser, &ann(), &[("next", next)])
            .await;
        assert_eq!(back.location(), to, "{next}");
    }
}

async fn there_and_back_alone_changes_nothing(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let fields = [("process", "redirect"), ("next", "/shop/")];
    let back = world.come_for(&mut browser, &ann(), &fields).await;
    assert_eq!(back.location(), "/shop/");
    assert_eq!(world.who(&mut browser).await, None);
    assert_eq!((world.users().await, world.accounts().await), (0, 0));
    let out = world.set_out(&mut browser, &[("process", "wish")]).await;
    assert_eq!(out.status, 401);
}

async fn what_another_site_posts_is_taken_up_by_the_browser_itself(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    let (path, query) = back.split_once('?').unwrap();
    // Another site's form: without the cookie, with a foreign origin.
    let mut bare = world.app.browser();
    let kind = Some("application/x-www-form-urlencoded");
    let headers = [("origin", "https://provider.example")];
    let posted = bare
        .send_with("POST", path, query.to_owned().into(), kind, &headers)
        .await;
    assert_eq!(posted.status, 303, "{}", posted.text);
    let to = posted.location().to_owned();
    assert!(
        !to.contains("code-"),
        "nothing that was posted can be read in it: {to}"
    );
    assert_eq!(
        bare.get(&to).await.status,
        401,
        "who posted it gets nothing by it"
    );
    assert_eq!(browser.get(&to).await.location(), "/accounts/profile/");
    // It ends soon, and nothing else opens as such.
    for forged in [
        "v1.AAAA",
        "",
        "x",
        &to[to.find("posted=").unwrap() + 7..to.len() - 4],
    ] {
        let answer = browser.get(&format!("{path}?posted={forged}")).await;
        assert_eq!(answer.status, 401, "{forged}");
    }
    let huge = format!("state={}", "x".repeat(200_000));
    let answer = bare
        .send_with("POST", path, huge.into(), kind, &headers)
        .await;
    assert_eq!(answer.status, 413);
}

async fn a_link_shows_a_button_first(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    let page = browser.get("/accounts/fake/login/?next=/shop/").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("Sign in with Fake") && page.text.contains("value=\"&#x2f;shop&#x2f;\"")
    );
    let token = page.csrf_token().unwrap().to_owned();
    let answer = browser.post("/accounts/fake/login/", &[]).await;
    assert_eq!(answer.status, 403, "no other site sends anybody there");
    let answer = browser
        .post(
            "/accounts/fake/login/",
            &[("csrfmiddlewaretoken", token.as_str()), ("next", "/shop/")],
        )
        .await;
    assert!(
        answer.location().starts_with(&world.fake.web.origin()),
        "{}",
        answer.location()
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https:"),
        "a browser follows there: {policy}"
    );
}

async fn whoever_is_signed_in_and_comes_as_another_is_the_other(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    world.come(&mut browser, &ann()).await;
    // Away from the sign-in page, as it would lead on.
    let out = world.set_out(&mut browser, &[]).await;
    let back = world
        .fake
        .agree(out.location(), &somebody(2, "bob", "bob@example.com", true));
    browser.get(&back).await;
    assert_eq!(world.who(&mut browser).await.as_deref(), Some("bob"));
    assert_eq!((world.users().await, world.accounts().await), (2, 2));
}

async fn where_the_cookie_is_strict_the_page_asks_once_more(db: TestDb) {
    let world = World::new(db, &[("SESSION_COOKIE_SAMESITE", "Strict")]).await;
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    let mut without = world.app.browser();
    let page = without.get(&back).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("http-equiv=\"refresh\"") && page.text.contains("_redir=1"),
        "{}",
        page.text
    );
    let again = format!("{back}&_redir=1");
    assert_eq!(
        without.get(&again).await.status,
        401,
        "once, and not for ever"
    );
    assert_eq!(browser.get(&again).await.location(), "/accounts/profile/");
}

async fn an_unknown_provider_is_not_found(db: TestDb) {
    let world = World::new(db, &[]).await;
    let mut browser = world.app.browser();
    for path in ["github/login/", "oidc/nobody/login/", "nothing/login/"] {
        assert_eq!(
            browser.get(&format!("/accounts/{path}")).await.status,
            404,
            "{path}"
        );
    }
    let legacy = browser.get("/accounts/social/connections/").await;
    assert_eq!(
        (legacy.status.as_u16(), legacy.location()),
        (308, "/accounts/3rdparty/")
    );
}

async fn an_app_that_is_gone_lets_nobody_in(db: TestDb) {
    let fake = hallpass_testkit::FakeProvider::start().await;
    let mut setup = hallpass_testkit::TestApp::setup().database(db);
    let settings = fake.settings().into_iter();
    for (name, value) in settings.filter(|(name, _)| name != "SOCIALACCOUNT_PROVIDERS") {
        setup = setup.set(name, value);
    }
    let app = setup.start().await;
    let world = World { app, fake };
    let social = world.app.hallpass.social();
    let new = hallpass_core::flows::social::apps::NewApp {
        provider: "fake".to_owned(),
        provider_id: String::new(),
        name: "Ours".to_owned(),
        client_id: "client-1".to_owned(),
        secret: hallpass_core::settings::Secret::new("secret-1"),
        key: hallpass_core::settings::Secret::new(""),
        settings: serde_json::Map::new(),
    };
    let id = social.add_app(&new).await.unwrap();
    let mut browser = world.app.browser();
    let back = world.come(&mut browser, &ann()).await;
    assert_eq!(back.location(), "/accounts/profile/", "{}", back.text);
    let mut browser = world.app.browser();
    let out = world.set_out(&mut browser, &[]).await;
    let back = world.fake.agree(out.location(), &ann());
    social.remove_app(id).await.unwrap();
    assert_eq!(browser.get(&back).await.status, 404);
    assert_eq!(world.who(&mut browser).await, None);
    assert_eq!(browser.get("/accounts/fake/login/").await.status, 404);
}
