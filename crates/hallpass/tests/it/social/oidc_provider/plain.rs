//! The same provider without OpenID: OAuth 2 alone, by a description that the operator wrote.

use hallpass_testkit::each_database;

use super::*;

each_database!(
    a_description_of_ones_own_lets_in,
    its_code_is_worth_nothing_without_our_verifier,
    what_goes_wrong_there_lets_nobody_in,
);

const HOUSE: &str = "/accounts/house/login/";
const HOUSE_BACK: &str = "http://localhost/accounts/house/login/callback/";

async fn house(db: TestDb) -> (Site, tempfile::TempDir) {
    let provider = IdentityProvider::start().await;
    provider.client(CLIENT, SECRET, HOUSE_BACK).await;
    let folder = tempfile::tempdir().unwrap();
    let description = format!(
        r#"
name = "The plain house"
kind = "oauth2"

[authorize]
url = "{issuer}/auth"
scope = ["profile"]
scope_for_email = ["email"]
pkce = true

[token]
url = "{issuer}/token"
auth = "basic"

[[profile]]
url = "{issuer}/profile"

[account]
uid = "id"
uid_reason = "the number of the test's own account, given once"
email = "email"
email_verified = "email_verified"
username = "login"
name = "name"
"#,
        issuer = provider.issuer()
    );
    std::fs::write(folder.path().join("house.toml"), description).unwrap();
    let apps = json!({ "house": { "APPS": [{ "client_id": CLIENT, "secret": SECRET }] } });
    let app = TestApp::setup()
        .database(db)
        .set("HALLPASS_PROVIDERS", folder.path().display().to_string())
        .set("SOCIALACCOUNT_PROVIDERS", apps.to_string())
        .set("SOCIALACCOUNT_REQUESTS_TIMEOUT", "20")
        .set("HALLPASS_OUTBOUND_PRIVATE", r#"["127.0.0.1"]"#)
        .start()
        .await;
    (Site { app, provider }, folder)
}

async fn a_description_of_ones_own_lets_in(db: TestDb) {
    let (site, _folder) = house(db).await;
    for _ in 0..2 {
        let mut browser = site.app.browser();
        let address = set_out(&mut browser, HOUSE).await;
        assert!(!address.contains("openid") && address.contains("code_challenge_method=S256"));
        let back = site.provider.visit(&address, "ann").await;
        let answer = come_back(&mut browser, &back).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
        assert!(is_in(&mut browser).await);
    }
    let who = state(&site.app).await.join("\n");
    assert!(who.contains("|house|sub-of-ann|"), "{who}");
    assert!(who.contains("|ann@example.com|ann|"), "{who}");
    assert_eq!(site.app.count("auth_user").await, 1);
    assert_eq!(site.provider.count("GET /profile").await, 2);
}

/// Somebody has a code of the victim's and brings it to the victim's provider by way of us.
async fn its_code_is_worth_nothing_without_our_verifier(db: TestDb) {
    let (site, _folder) = house(db).await;
    let mut victim = site.app.browser();
    let stolen = site
        .provider
        .visit(&set_out(&mut victim, HOUSE).await, "ann")
        .await;
    let mut eve = site.app.browser();
    let own = site
        .provider
        .visit(&set_out(&mut eve, HOUSE).await, "ann")
        .await;
    let mixed = own.with("code", stolen.param("code").as_deref());
    let answer = come_back(&mut eve, &mixed).await;
    assert_eq!(answer.status, 401, "{}", answer.location());
    assert!(!is_in(&mut eve).await);
    assert_eq!(
        site.provider.count("POST /token").await,
        1,
        "it was asked, and said no"
    );
    assert_eq!(site.app.count("auth_user").await, 0);
}

async fn what_goes_wrong_there_lets_nobody_in(db: TestDb) {
    let (site, _folder) = house(db).await;
    for fault in [
        "callback_other_state",
        "callback_no_code",
        "callback_wrong_code",
        "no_access_token",
        "error_in_200",
        "token_garbage",
        "token_html",
        "token_redirect",
        "token_refused",
        "token_down",
        "profile_garbage",
        "profile_html",
        "profile_empty",
        "profile_refused",
        "profile_redirect_inside",
        "profile_down",
        "profile_hang_up",
    ] {
        site.provider.fault(fault).await;
        let mut browser = site.app.browser();
        let back = site
            .provider
            .visit(&set_out(&mut browser, HOUSE).await, "ann")
            .await;
        let answer = come_back(&mut browser, &back).await;
        let status = answer.status.as_u16();
        assert!(
            [401, 503].contains(&status),
            "{fault}: {status} {}",
            answer.location()
        );
        shows_a_way_on(&answer, fault);
        assert!(!is_in(&mut browser).await, "{fault}");
        assert_eq!(site.app.count("auth_user").await, 0, "{fault}");
        assert_eq!(
            site.provider.struck().await.last().map(String::as_str),
            Some(fault)
        );
    }
}
