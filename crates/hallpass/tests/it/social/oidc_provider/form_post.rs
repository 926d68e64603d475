//! `response_mode=form_post`: the provider's page posts the answer from its own site, so that the browser leaves out the
//! cookie of the session.

use hallpass_testkit::each_database;

use super::*;

each_database!(
    an_answer_in_a_form_lets_in,
    an_answer_in_a_form_is_for_the_browser_that_asked,
    an_answer_in_a_form_is_good_once,
    a_form_without_sense_is_refused,
);

async fn in_a_form(db: TestDb) -> Site {
    let settings = json!({ "auth_params": { "response_mode": "form_post" } });
    Site::with(db, json!({}), settings, |_| {}).await
}

/// Posts it as the provider's page makes the browser do.
async fn post(site: &Site, browser: &Browser, back: &Return) -> Answer {
    let mut bare = browser.clone();
    bare.cookies.clear();
    bare.headers
        .insert("origin", site.provider.issuer().to_owned());
    let form = back.form.as_ref().unwrap();
    let fields: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = bare.post(back.url.path(), &fields).await;
    // It would take the place of the one that was left out.
    assert!(
        !bare.cookies.contains_key("sessionid"),
        "{:?}",
        bare.cookies
    );
    answer
}

async fn an_answer_in_a_form_lets_in(db: TestDb) {
    let site = in_a_form(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let code = back.param("code").unwrap();
    let answer = post(&site, &browser, &back).await;
    assert_eq!(
        site.provider.count("POST /token").await,
        0,
        "not before it is known whose it is"
    );
    // Addresses are seen by more than forms are: in histories, logs and the Referer.
    assert!(!answer.location().contains(&code), "{}", answer.location());
    let answer = browser.get(answer.location()).await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    assert!(is_in(&mut browser).await);
}

async fn an_answer_in_a_form_is_for_the_browser_that_asked(db: TestDb) {
    let site = in_a_form(db).await;
    let mut eve = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut eve, START).await, "ann")
        .await;
    let mut victim = site.app.browser();
    set_out(&mut victim, START).await;
    let answer = post(&site, &victim, &back).await;
    let answer = victim.get(answer.location()).await;
    assert_eq!(answer.status, 401, "{}", answer.location());
    assert!(!is_in(&mut victim).await);
    assert_eq!(site.provider.count("POST /token").await, 0);
}

async fn an_answer_in_a_form_is_good_once(db: TestDb) {
    let site = in_a_form(db).await;
    let mut browser = site.app.browser();
    let back = site
        .provider
        .visit(&set_out(&mut browser, START).await, "ann")
        .await;
    let answer = post(&site, &browser, &back).await;
    let address = answer.location().to_owned();
    browser.get(&address).await;
    assert!(is_in(&mut browser).await);
    browser.fill("/accounts/logout/", &[]).await;
    assert_eq!(browser.get(&address).await.status, 401);
    let answer = post(&site, &browser, &back).await;
    assert_eq!(browser.get(answer.location()).await.status, 401);
    assert!(!is_in(&mut browser).await);
    assert_eq!(site.provider.count("POST /token").await, 1);
}

async fn a_form_without_sense_is_refused(db: TestDb) {
    let site = in_a_form(db).await;
    let mut browser = site.app.browser();
    set_out(&mut browser, START).await;
    let path = "/accounts/oidc/test/login/callback/";
    let long = "x".repeat(200_000);
    for fields in [
        vec![],
        vec![("code", "c"), ("state", "s")],
        vec![("code", long.as_str())],
    ] {
        let answer = browser.post(path, &fields).await;
        assert!(answer.status.as_u16() < 500, "{}", answer.status);
        if answer.status.is_redirection() {
            assert_eq!(browser.get(answer.location()).await.status, 401);
        }
    }
    for posted in ["", "nonsense", "v1.AAAA"] {
        let answer = browser.get(&format!("{path}?posted={posted}")).await;
        assert_eq!(answer.status, 401, "{posted}");
    }
    assert!(!is_in(&mut browser).await);
    assert_eq!(site.provider.count("POST /token").await, 0);
}
