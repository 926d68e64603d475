//! Providers that need a page of ours.

use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    the_dummy_believes_what_is_typed,
    the_dummy_is_there_only_if_it_is_named,
    telegrams_answer_is_read_by_a_script_and_nothing_else_is,
    who_has_to_say_which_shop_is_asked,
);

async fn app(db: TestDb, providers: &str) -> TestApp {
    let setup = TestApp::setup().database(db);
    setup
        .set("SOCIALACCOUNT_PROVIDERS", providers)
        .start()
        .await
}

async fn the_dummy_believes_what_is_typed(db: TestDb) {
    let app = app(db, r#"{"dummy": {}}"#).await;
    let mut browser = app.browser();
    let out = browser.fill("/accounts/dummy/login/", &[]).await;
    assert!(
        out.location()
            .contains("/accounts/dummy/authenticate/?state="),
        "{}",
        out.location()
    );
    let page = browser.get(out.location()).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("for development"));
    let state = out.location().split("state=").nth(1).unwrap().to_owned();
    let typed = [
        ("state", state.as_str()),
        ("id", "7"),
        ("email", "ann@example.com"),
        ("email_verified", "on"),
        ("username", "ann"),
        ("first_name", "Ann"),
    ];
    let posted = browser
        .post("/accounts/dummy/login/callback/", &typed)
        .await;
    assert_eq!(posted.status, 303, "{}", posted.text);
    let back = browser.get(posted.location()).await;
    assert_eq!(back.location(), "/accounts/profile/", "{}", back.text);
    let user = app
        .hallpass
        .users()
        .by_username("ann")
        .await
        .unwrap()
        .unwrap();
    let rows = app.hallpass.users().addresses(&user).await.unwrap();
    assert!(rows[0].verified && user.first_name == "Ann");

    let mut browser = app.browser();
    let out = browser.fill("/accounts/dummy/login/", &[]).await;
    let state = out.location().split("state=").nth(1).unwrap().to_owned();
    let typed = [("state", state.as_str()), ("action", "cancel")];
    let posted = browser
        .post("/accounts/dummy/login/callback/", &typed)
        .await;
    let page = browser.get(posted.location()).await;
    assert!(page.text.contains("Nothing has changed"), "{}", page.text);
}

async fn the_dummy_is_there_only_if_it_is_named(db: TestDb) {
    let app = app(db, "{}").await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/accounts/dummy/login/").await.status, 404);
    let typed = [("state", "0123456789abcdef"), ("id", "7")];
    let posted = browser
        .post("/accounts/dummy/login/callback/", &typed)
        .await;
    assert_eq!(browser.get(posted.location()).await.status, 401);
    let page = browser.get("/accounts/login/").await;
    assert!(!page.text.contains("Continue with"), "{}", page.text);
}

async fn telegrams_answer_is_read_by_a_script_and_nothing_else_is(db: TestDb) {
    let providers = r#"{"telegram": {"APPS": [{"client_id": "7", "secret": "bot-token"}]}}"#;
    let app = app(db, providers).await;
    let mut browser = app.browser();
    let out = browser.fill("/accounts/telegram/login/", &[]).await;
    assert!(
        out.location()
            .starts_with("https://oauth.telegram.org/auth?"),
        "{}",
        out.location()
    );
    let url = url::Url::parse(out.location()).unwrap();
    let back = url
        .query_pairs()
        .find(|(name, _)| name == "return_to")
        .unwrap()
        .1
        .into_owned();
    let back = url::Url::parse(&back).unwrap();
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.header("content-security-policy")
            .ends_with("; script-src 'self'")
    );
    let script = page.text.split("<script src=\"").nth(1).unwrap();
    let script = script.split('"').next().unwrap().replace("&#x2f;", "/");
    let file = browser.get(&script).await;
    assert!(
        file.text.contains("tgAuthResult"),
        "{script}: {}",
        file.text
    );
    assert!(file.header("content-type").starts_with("text/javascript"));
    // Unsigned, it is nobody's.
    let state = back
        .query()
        .unwrap()
        .trim_start_matches("state=")
        .to_owned();
    let typed = [("state", state.as_str()), ("tgAuthResult", "eyJpZCI6IDd9")];
    let posted = browser
        .post("/accounts/telegram/login/callback/", &typed)
        .await;
    assert_eq!(browser.get(posted.location()).await.status, 401);
    let other = browser.get("/accounts/login/").await;
    assert!(
        !other
            .header("content-security-policy")
            .contains("script-src")
    );
}

async fn who_has_to_say_which_shop_is_asked(db: TestDb) {
    let providers = r#"{"shopify": {"APPS": [{"client_id": "c", "secret": "s"}]}}"#;
    let app = app(db, providers).await;
    let mut browser = app.browser();
    let token = browser.get("/accounts/login/").await;
    let token = token.csrf_token().unwrap().to_owned();
    // As the button of the sign-in page does.
    let button = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("process", "login"),
        ("next", "/accounts/email/"),
    ];
    let to = browser.post("/accounts/shopify/login/", &button).await;
    assert_eq!(
        to.location(),
        "/accounts/shopify/login/?process=login&next=%2Faccounts%2Femail%2F"
    );
    let page = browser.get(to.location()).await;
    assert!(page.text.contains("name=\"shop\""), "{}", page.text);
    assert!(
        page.text.contains("&#x2f;accounts&#x2f;email&#x2f;"),
        "{}",
        page.text
    );
    let out = browser
        .fill(to.location(), &[("shop", "example"), ("process", "login")])
        .await;
    let place = "https://example.myshopify.com/admin/oauth/authorize?";
    assert!(out.location().starts_with(place), "{}", out.location());
    // Nowhere but to a shop, and other providers are told nothing by visitors.
    let out = browser
        .fill("/accounts/shopify/login/", &[("shop", "evil.example/x")])
        .await;
    assert_eq!(out.status, 401, "{}", out.location());
}
