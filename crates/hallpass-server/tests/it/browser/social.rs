//! Signing in with somebody else's account in Chromium, without JavaScript: two certified OpenID providers, one of which
//! answers by a form from another site.

use std::time::Duration;

use hallpass_testkit::{IdentityProvider, TestDb, each_database};
use serde_json::json;
use thirtyfour::prelude::*;

use super::accounts::{follow, press, says};
use super::{Driver, PHONE, see};
use crate::program::{Program, Serving};

each_database!(accounts_at_two_providers_lead_in);

/// Signs in on the provider's own page.
async fn sign_in_there(browser: &WebDriver, login: &str) {
    see(browser, "Sign in with the test provider").await;
    let field = browser.find(By::Name("login")).await.unwrap();
    field.send_keys(login).await.unwrap();
    browser
        .find(By::Id("login"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

/// At the page that posts the answer here: with scripts it would do so by itself.
async fn press_continue(browser: &WebDriver) {
    let button = browser.query(By::Css("form[method=post] noscript button"));
    let button = button.wait(Duration::from_secs(10), Duration::from_millis(50));
    button.first().await.unwrap().click().await.unwrap();
}

/// From the page of the account, to the one where one signs in.
async fn sign_out(browser: &WebDriver) {
    see(browser, "Your account").await;
    press(browser, "Sign out").await;
    see(browser, "example.com").await;
    follow(browser, "Sign in").await;
    see(browser, "Sign in").await;
}

async fn register(provider: &IdentityProvider, serving: &Serving, id: &str) {
    let back = serving.url(&format!("/accounts/oidc/{id}/login/callback/"));
    provider.client(id, "a-secret", &back).await;
}

async fn accounts_at_two_providers_lead_in(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let first = IdentityProvider::start().await;
    // Another site than the app's, so that cookies stay away from what it posts.
    let second = IdentityProvider::with(json!({ "host": "localhost" })).await;
    let bea = json!({ "login": "bea", "email": "bea@example.org", "email_verified": true });
    second.account(bea).await;
    let app = |provider: &IdentityProvider, id: &str, name: &str, more: serde_json::Value| {
        json!({
            "provider_id": id,
            "name": name,
            "client_id": id,
            "secret": "a-secret",
            "settings": { "server_url": provider.issuer(), "auth_params": more },
        })
    };
    let apps = [
        app(&first, "first", "First House", json!({})),
        app(
            &second,
            "second",
            "Second House",
            json!({ "response_mode": "form_post" }),
        ),
    ];
    let providers = json!({ "openid_connect": { "APPS": apps } });
    let mut program = Program::new(folder.path(), &db.url);
    program
        .set("SOCIALACCOUNT_PROVIDERS", &providers.to_string())
        .set("SOCIALACCOUNT_AUTO_SIGNUP", "false")
        .set("HALLPASS_OUTBOUND_PRIVATE", r#"["127.0.0.1", "localhost"]"#)
        .set("ACCOUNT_RATE_LIMITS", "false")
        .set("EMAIL_BACKEND", "dummy");
    let serving = program.serve();
    register(&first, &serving, "first").await;
    register(&second, &serving, "second").await;
    let driver = Driver::start().await;
    let browser = driver.browser("social", PHONE).await;

    // For the first time: who it is there, and what is missing here.
    browser.goto(serving.url("/accounts/login/")).await.unwrap();
    see(&browser, "Sign in").await;
    press(&browser, "Continue with First House").await;
    sign_in_there(&browser, "ann").await;
    see(&browser, "One more step").await;
    says(&browser, "This is what First House says of you").await;
    let email = browser.find(By::Name("email")).await.unwrap();
    let suggested = email.prop("value").await.unwrap();
    assert_eq!(suggested.as_deref(), Some("ann@example.com"));
    let name = browser.find(By::Name("username")).await.unwrap();
    name.clear().await.unwrap();
    name.send_keys("archer").await.unwrap();
    press(&browser, "Create the account").await;
    see(&browser, "Your account").await;
    says(&browser, "archer").await;

    // Out, and in again: known there and known here, so that one click is all.
    sign_out(&browser).await;
    press(&browser, "Continue with First House").await;
    see(&browser, "Your account").await;
    says(&browser, "archer").await;

    // A second one, which answers by a form.
    follow(&browser, "Manage connections").await;
    see(&browser, "Connected accounts").await;
    says(&browser, "It cannot be disconnected now.").await;
    press(&browser, "Connect Second House").await;
    sign_in_there(&browser, "bea").await;
    press_continue(&browser).await;
    see(&browser, "Connected accounts").await;
    says(&browser, "The account is connected.").await;
    let here = browser.window().await.unwrap();
    let there = browser.new_tab().await.unwrap();
    browser.switch_to_window(there.clone()).await.unwrap();
    browser
        .goto(serving.url("/accounts/3rdparty/"))
        .await
        .unwrap();
    see(&browser, "Connected accounts").await;

    // One may go, but not both: neither by a button, nor by one that was shown while there was another way in.
    browser.switch_to_window(here).await.unwrap();
    press(&browser, "Disconnect First House").await;
    says(&browser, "The account is disconnected.").await;
    says(
        &browser,
        "It cannot be disconnected now. Your account has no password yet.",
    )
    .await;
    let buttons = "//button[starts-with(normalize-space(), 'Disconnect')]";
    assert!(browser.find(By::XPath(buttons)).await.is_err());
    browser.switch_to_window(there).await.unwrap();
    press(&browser, "Disconnect Second House").await;
    says(&browser, "Your account has no password yet. Set one first.").await;

    // And it still leads in, while the other one is that of nobody here.
    browser
        .goto(serving.url("/accounts/profile/"))
        .await
        .unwrap();
    sign_out(&browser).await;
    press(&browser, "Continue with Second House").await;
    press_continue(&browser).await;
    see(&browser, "Your account").await;
    says(&browser, "archer").await;
    sign_out(&browser).await;
    press(&browser, "Continue with First House").await;
    see(&browser, "One more step").await;
    browser.quit().await.unwrap();
}
