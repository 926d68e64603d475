//! Classic pre-hijacking: somebody lays out an account with another's address or number, and waits for the owner to come.

use hallpass::settings::LoginBy;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in, texted};

use super::{EVES, by_code, plant};

each_database!(
    who_planted_an_account_is_out_when_its_owner_comes_by_code,
    who_planted_an_account_is_out_when_its_owner_comes_by_link,
    who_planted_an_account_is_out_when_its_owner_resets_the_password,
    who_planted_an_account_without_a_password_is_out_too,
    who_planted_a_number_is_out_when_its_owner_comes,
    an_owner_who_comes_back_keeps_what_was_proved,
    an_address_that_was_only_added_is_no_way_in,
);

/// Eve plants an account with Ann's address, adds her own, and keeps the link to it.
async fn plant_with_a_way_back(app: &TestApp) -> (Browser, String) {
    let mut eve = plant(
        app,
        &[
            ("username", "ann"),
            ("email", "ann@example.com"),
            ("password1", EVES),
            ("password2", EVES),
        ],
    )
    .await;
    app.letters().await;
    let add = [("email", "eve@example.com"), ("action_add", "1")];
    let added = eve.fill("/accounts/email/", &add).await;
    assert_eq!(added.location(), "/accounts/email/", "{}", added.text);
    (eve, link_in(&app.letter().await.text))
}

/// Nothing that Eve has or can ask for opens the account.
async fn eve_is_out(app: &TestApp, mut eve: Browser, way_back: &str) {
    assert!(!is_in(&mut eve).await, "her session");
    let (mut browser, _) = sign_in(app, "ann", EVES).await;
    assert!(!is_in(&mut browser).await, "her password");
    let pressed = app.browser().fill(way_back, &[]).await;
    assert_eq!(pressed.status, 403, "her link: {}", pressed.text);
    let mut asking = app.browser();
    let address = [("email", "eve@example.com")];
    for path in ["/accounts/login/link/", "/accounts/password/reset/"] {
        assert_eq!(asking.fill(path, &address).await.status, 302);
    }
    let letters = app.letters().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert!(
            !letter.text.contains("/login/link/") && !letter.text.contains("/reset/key/"),
            "her mailbox: {}",
            letter.text
        );
    }
}

// Classic pre-hijacking, and the variant with a trojan identifier (Sudhodanan and Paverd, 2022); 64.2.1 for the password.
async fn who_planted_an_account_is_out_when_its_owner_comes_by_code(db: TestDb) {
    let app = TestApp::with(db, by_code).await;
    let (eve, way_back) = plant_with_a_way_back(&app).await;
    let mut ann = app.browser();
    ann.fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    let code = code_in(&app.letter().await.text);
    let done = ann
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert!(is_in(&mut ann).await);
    eve_is_out(&app, eve, &way_back).await;
    assert!(is_in(&mut ann).await);
    let user = app.look_up(1.to_string().parse().unwrap()).await;
    assert_eq!(user.email, "ann@example.com");
}

async fn who_planted_an_account_is_out_when_its_owner_comes_by_link(db: TestDb) {
    let app = TestApp::new(db).await;
    let (eve, way_back) = plant_with_a_way_back(&app).await;
    // Eve makes her own address the primary one; it helps her as little.
    let mut planted = eve.clone();
    let primary = [("email", "eve@example.com"), ("action_primary", "1")];
    assert_eq!(planted.fill("/accounts/email/", &primary).await.status, 302);
    let mut ann = app.browser();
    ann.fill("/accounts/login/link/", &[("email", "ann@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    let done = ann.fill(&link, &[]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    eve_is_out(&app, eve, &way_back).await;
    assert!(is_in(&mut ann).await);
    let user = app.look_up(1.to_string().parse().unwrap()).await;
    assert_eq!(user.email, "ann@example.com");
    let primary = "account_emailaddress WHERE email = 'ann@example.com' AND \"primary\"";
    assert_eq!(app.count(primary).await, 1);
}

async fn who_planted_an_account_is_out_when_its_owner_resets_the_password(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.password_reset_by_code_enabled = true;
    })
    .await;
    let (eve, way_back) = plant_with_a_way_back(&app).await;
    let mut ann = app.browser();
    ann.fill("/accounts/password/reset/", &[("email", "ann@example.com")])
        .await;
    let code = code_in(&app.letter().await.text);
    let done = ann
        .fill("/accounts/password/reset/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/password/reset/complete/");
    let new = [("password1", PASSWORD), ("password2", PASSWORD)];
    let done = ann.fill("/accounts/password/reset/complete/", &new).await;
    assert_eq!(done.status, 302, "{}", done.text);
    eve_is_out(&app, eve, &way_back).await;
    let mut ann = signed_in(&app, "ann").await;
    assert!(is_in(&mut ann).await, "her own password works");
}

async fn who_planted_an_account_without_a_password_is_out_too(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        by_code(settings);
        settings.account.signup_fields = asked("email*");
        settings.account.login_methods = Some(vec![LoginBy::Email]);
    })
    .await;
    let mut eve = plant(&app, &[("email", "ann@example.com")]).await;
    app.letters().await;
    let mut ann = app.browser();
    ann.fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    let code = code_in(&app.letter().await.text);
    ann.fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert!(is_in(&mut ann).await);
    assert!(!is_in(&mut eve).await, "her session");
    app.no_other_letter_was_sent().await;
}

async fn who_planted_a_number_is_out_when_its_owner_comes(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        by_code(settings);
        settings.account.signup_fields = asked("username* phone* email password1*");
        settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Phone]);
        settings.account.phone_verification_enabled = false;
    })
    .await;
    let fields = [
        ("username", "ann"),
        ("phone", "+49 151 12345678"),
        ("email", "eve@example.com"),
        ("password1", EVES),
    ];
    let eve = plant(&app, &fields).await;
    let way_back = link_in(&app.letter().await.text);
    let mut ann = app.browser();
    ann.fill("/accounts/login/code/", &[("phone", "+4915112345678")])
        .await;
    let code = texted(&app.text().await.text);
    ann.fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert!(is_in(&mut ann).await);
    eve_is_out(&app, eve, &way_back).await;
    assert!(is_in(&mut ann).await);
    app.no_other_text_was_sent().await;
}

async fn an_owner_who_comes_back_keeps_what_was_proved(db: TestDb) {
    let app = TestApp::with(db, by_code).await;
    let id = app
        .user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    ann.fill(
        "/accounts/email/",
        &[("email", "ann@example.com"), ("action_send", "1")],
    )
    .await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(ann.fill(&link, &[]).await.status, 302);
    let add = [("email", "two@example.com"), ("action_add", "1")];
    ann.fill("/accounts/email/", &add).await;
    app.letters().await;
    let mut other = app.browser();
    other
        .fill("/accounts/login/code/", &[("email", "ann@example.com")])
        .await;
    let code = code_in(&app.letter().await.text);
    other
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert!(is_in(&mut other).await && is_in(&mut ann).await);
    assert_eq!(app.count("account_emailaddress").await, 2);
    assert_eq!(app.look_up(id).await.password, hash(PASSWORD));
    app.no_other_letter_was_sent().await;
}

// A mistyped address must not hand the account to whoever reads that mailbox.
async fn an_address_that_was_only_added_is_no_way_in(db: TestDb) {
    let app = TestApp::with(db, by_code).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    let mut links = Vec::new();
    for (email, action) in [
        ("ann@example.com", "action_send"),
        ("typo@example.com", "action_add"),
    ] {
        ann.fill("/accounts/email/", &[("email", email), (action, "1")])
            .await;
        links.push(link_in(&app.letter().await.text));
    }
    assert_eq!(ann.fill(&links[0], &[]).await.status, 302);
    let paths = [
        "/accounts/login/link/",
        "/accounts/login/code/",
        "/accounts/password/reset/",
    ];
    for path in paths {
        let address = [("email", "typo@example.com")];
        let answer = app.browser().fill(path, &address).await;
        assert_eq!(answer.status, 302, "{path}");
        let letter = app.letter().await;
        assert_eq!(letter.to, "typo@example.com");
        let opens = ["/login/link/", "/reset/key/", "Your code"];
        assert!(
            opens.iter().all(|words| !letter.text.contains(words)),
            "{}",
            letter.text
        );
    }
    assert_eq!(app.count("hallpass_code WHERE code <> ''").await, 0);
    // Confirmed, it is one.
    assert_eq!(app.browser().fill(&links[1], &[]).await.status, 302);
    let address = [("email", "typo@example.com")];
    app.browser().fill(paths[0], &address).await;
    let letter = app.letter().await;
    assert!(letter.text.contains("/login/link/"), "{}", letter.text);
    app.no_other_letter_was_sent().await;
}
