//! Those who are let in.

use hallpass_testkit::each_database;

use super::*;

each_database!(
    whoever_is_new_gets_an_account_and_is_the_same_next_time,
    what_is_missing_is_asked_in_a_form,
    an_address_that_is_taken_opens_no_account,
    another_address_at_the_provider_is_the_same_person_here,
    every_algorithm_is_understood,
    keys_are_changed_between_two_sign_ins,
    the_document_and_the_keys_are_read_once,
    a_provider_that_wants_its_secret_in_the_body_gets_it_there,
    a_client_without_a_secret_signs_in_by_pkce_alone,
    claims_may_be_in_the_id_token_alone,
    several_audiences_are_good_with_ours_as_the_party,
    who_was_on_the_way_somewhere_arrives_there,
    who_cancels_is_told_so_and_may_try_again,
);

const USERS: &str = "auth_user";
const ACCOUNTS: &str = "socialaccount_socialaccount";

async fn whoever_is_new_gets_an_account_and_is_the_same_next_time(db: TestDb) {
    let site = Site::new(db).await;
    let (mut browser, answer) = site.come("ann").await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    assert_eq!(answer.location(), "/accounts/profile/");
    assert!(is_in(&mut browser).await);
    assert!(browser.get("/accounts/profile/").await.text.contains("ann"));
    assert_eq!(site.app.count(USERS).await, 1);
    let who = state(&site.app).await.join("\n");
    assert!(who.contains("|ann@example.com|ann|"), "{who}");
    assert!(who.contains("|test|sub-of-ann|"), "{who}");
    assert_eq!(
        site.app
            .count("account_emailaddress WHERE email = 'ann@example.com' AND verified")
            .await,
        1
    );

    browser.fill("/accounts/logout/", &[]).await;
    assert!(!is_in(&mut browser).await);
    for mut again in [browser, site.app.browser()] {
        let answer = site.sign_in(&mut again, "ann").await;
        assert_eq!(answer.location(), "/accounts/profile/");
        assert!(is_in(&mut again).await);
    }
    assert_eq!(site.app.count(USERS).await, 1);
    assert_eq!(site.app.count(ACCOUNTS).await, 1);
    // Whoever proves the address there need not do it here.
    site.app.no_other_letter_was_sent().await;
}

async fn what_is_missing_is_asked_in_a_form(db: TestDb) {
    let site = Site::with(db, json!({}), json!({}), |settings| {
        settings.socialaccount.auto_signup = false;
    })
    .await;
    let (mut browser, answer) = site.come("ann").await;
    let form = "/accounts/3rdparty/signup/";
    assert_eq!(answer.location(), form, "{}", answer.text);
    assert!(!is_in(&mut browser).await);
    assert_eq!(site.app.count(USERS).await, 0);
    let page = browser.get(form).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("The test house"), "{}", page.text);
    assert!(
        page.text.contains("value=\"ann@example.com\""),
        "{}",
        page.text
    );
    // It waits in this browser alone.
    assert_eq!(site.app.browser().get(form).await.status, 302);

    let done = browser
        .fill(
            form,
            &[("username", "archer"), ("email", "ann@example.com")],
        )
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert!(is_in(&mut browser).await);
    assert_eq!(
        site.app.count("auth_user WHERE username = 'archer'").await,
        1
    );
    let (_, again) = site.come("ann").await;
    assert_eq!(again.location(), "/accounts/profile/");
    assert_eq!(site.app.count(USERS).await, 1);
}

async fn an_address_that_is_taken_opens_no_account(db: TestDb) {
    let site = Site::new(db).await;
    let ann = site.app.person("ann@example.com").await;
    let before = state(&site.app).await;
    let (mut browser, answer) = site.come("ann").await;
    assert_ne!(answer.location(), "/accounts/profile/");
    assert!(!is_in(&mut browser).await);
    let mut after = state(&site.app).await;
    after.retain(|row| !row.starts_with("hallpass_spent"));
    assert_eq!(after, before);
    assert_eq!(site.app.look_up(ann.id).await.last_login, ann.last_login);
}

async fn another_address_at_the_provider_is_the_same_person_here(db: TestDb) {
    let site = Site::new(db).await;
    site.come("ann").await;
    let moved = json!({ "login": "ann", "sub": "sub-of-ann", "email": "bob@example.com", "email_verified": true });
    site.provider.account(moved).await;
    // And somebody else has the address that was hers.
    let other = json!({ "login": "eve", "sub": "sub-of-eve", "email": "ann@example.com", "email_verified": true });
    site.provider.account(other).await;
    let (mut browser, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/");
    assert!(is_in(&mut browser).await);
    let (mut eve, answer) = site.come("eve").await;
    assert_ne!(answer.location(), "/accounts/profile/");
    assert!(!is_in(&mut eve).await);
    assert_eq!(site.app.count(USERS).await, 1);
}

async fn every_algorithm_is_understood(db: TestDb) {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let options = json!({ "alg": algorithm });
        let site = Site::with(db.shared(), options, json!({}), |_| {}).await;
        let (mut browser, answer) = site.come("ann").await;
        assert_eq!(
            answer.location(),
            "/accounts/profile/",
            "{algorithm}: {}",
            answer.text
        );
        assert!(is_in(&mut browser).await, "{algorithm}");
    }
}

async fn keys_are_changed_between_two_sign_ins(db: TestDb) {
    let site = Site::with(db, json!({ "alg": "ES256" }), json!({}), |_| {}).await;
    site.come("ann").await;
    site.provider.rotate_keys().await;
    let (mut browser, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    assert!(is_in(&mut browser).await);
    assert_eq!(site.provider.count("GET /jwks").await, 2);
}

async fn the_document_and_the_keys_are_read_once(db: TestDb) {
    let site = Site::new(db).await;
    for _ in 0..5 {
        site.come("ann").await;
    }
    let provider = &site.provider;
    assert_eq!(
        provider
            .count("GET /.well-known/openid-configuration")
            .await,
        1
    );
    assert_eq!(provider.count("GET /jwks").await, 1);
    assert_eq!(provider.count("POST /token").await, 5);
    assert_eq!(provider.count("GET /me").await, 5);
}

async fn a_provider_that_wants_its_secret_in_the_body_gets_it_there(db: TestDb) {
    let provider = IdentityProvider::start().await;
    provider
        .client_with(json!({
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [BACK],
            "token_endpoint_auth_method": "client_secret_post",
        }))
        .await;
    let settings = json!({ "token_auth_method": "client_secret_post" });
    let app = site(db, &[app_of(&provider, "test", &settings)], |_| {}).await;
    let site = Site { app, provider };
    let (_, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
}

async fn a_client_without_a_secret_signs_in_by_pkce_alone(db: TestDb) {
    let provider = IdentityProvider::start().await;
    provider
        .client_with(json!({
            "client_id": CLIENT,
            "redirect_uris": [BACK],
            "token_endpoint_auth_method": "none",
        }))
        .await;
    let mut app = app_of(&provider, "test", &json!({ "token_auth_method": "none" }));
    app["secret"] = json!("");
    let app = site(db, &[app], |_| {}).await;
    let site = Site { app, provider };
    let (_, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
}

async fn claims_may_be_in_the_id_token_alone(db: TestDb) {
    let options = json!({ "claims_in_id_token": true });
    let settings = json!({ "fetch_userinfo": false });
    let site = Site::with(db, options, settings, |_| {}).await;
    let (_, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    assert_eq!(site.provider.count("GET /me").await, 0);
    assert_eq!(
        site.app
            .count("auth_user WHERE email = 'ann@example.com'")
            .await,
        1
    );
}

async fn several_audiences_are_good_with_ours_as_the_party(db: TestDb) {
    let site = Site::new(db).await;
    site.provider.fault("several_audiences_own_azp").await;
    let (mut browser, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    assert!(is_in(&mut browser).await);
    assert_eq!(site.provider.struck().await.len(), 1);
}

async fn who_was_on_the_way_somewhere_arrives_there(db: TestDb) {
    let site = Site::new(db).await;
    for (next, arrives) in [
        ("/accounts/email/", "/accounts/email/"),
        ("https://evil.example/", "/accounts/profile/"),
        ("//evil.example/", "/accounts/profile/"),
        ("/\\evil.example/", "/accounts/profile/"),
    ] {
        let mut browser = site.app.browser();
        let answer = browser.fill(START, &[("next", next)]).await;
        let back = site.provider.visit(answer.location(), "ann").await;
        let answer = come_back(&mut browser, &back).await;
        assert_eq!(answer.location(), arrives, "{next}");
    }
}

async fn who_cancels_is_told_so_and_may_try_again(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    let address = set_out(&mut browser, START).await;
    let back = site.provider.visitor().cancel(&address).await;
    let answer = come_back(&mut browser, &back).await;
    let page = browser.follow(answer).await;
    assert_eq!(page.status, 200);
    shows_a_way_on(&page, "cancelled");
    assert_eq!(site.provider.count("POST /token").await, 0);
    assert!(!is_in(&mut browser).await);
    let answer = site.sign_in(&mut browser, "ann").await;
    assert_eq!(answer.location(), "/accounts/profile/");
}
