//! What has gone wrong elsewhere, release by release. The numbers are django-allauth's unless another name is given.

mod pre_hijack;

use hallpass::settings::{Enumeration, LoginBy, Settings, Verification};
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in, texted};

each_database!(
    a_success_of_ones_own_does_not_forgive_failures,
    a_blank_password_never_signs_in,
    the_address_confirmed_is_the_one_of_the_link_or_code,
    a_forged_client_address_does_not_evade_limits,
    a_client_that_moves_within_its_network_is_one_client,
    parallel_failures_are_all_counted,
    spellings_of_a_name_share_one_limit,
    a_wildcard_host_opens_no_redirect,
    what_an_abandoned_sign_in_proved_counts_for_nobody_else,
    signing_in_is_no_fresh_proof,
    the_last_wrong_code_for_a_phone_ends_the_sign_in,
    a_password_like_the_name_is_refused_at_signup,
    a_code_may_be_asked_for_with_nothing_filled_in,
    a_number_is_read_as_people_write_it,
    looking_at_a_link_or_a_stage_costs_no_attempt,
);

const EVES: &str = "eves-password-1";

/// Signs up as `email` and looks around as Eve.
async fn plant(app: &TestApp, fields: &[(&str, &str)]) -> Browser {
    let mut eve = app.browser();
    let done = eve.fill("/accounts/signup/", fields).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert!(is_in(&mut eve).await, "confirming is optional here");
    eve
}

fn by_code(settings: &mut Settings) {
    settings.account.login_by_code_enabled = true;
}

// 65.8.1
async fn a_success_of_ones_own_does_not_forgive_failures(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{"login_failed": "4/m/ip"}"#);
    })
    .await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    app.user_with("eve", "", &hash(EVES)).await;
    for _ in 0..2 {
        for _ in 0..2 {
            let (_, answer) = sign_in(&app, "ann", "guess").await;
            assert!(answer.text.contains("is not correct"), "{}", answer.text);
        }
        let (mut eve, _) = sign_in(&app, "eve", EVES).await;
        if is_in(&mut eve).await {
            continue;
        }
    }
    let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert!(answer.text.contains("Too many attempts"), "{}", answer.text);
    assert!(!is_in(&mut ann).await);
}

// 65.11.1
async fn a_blank_password_never_signs_in(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_by_code_enabled = true;
        settings.account.signup_fields = asked("username* email password1");
    })
    .await;
    let mut browser = plant(&app, &[("username", "ann"), ("password1", "")]).await;
    assert!(is_in(&mut browser).await);
    let user = app.look_up(1.to_string().parse().unwrap()).await;
    assert!(user.password.starts_with('!'), "{}", user.password);
    app.user_with("bob", "", "").await;
    app.user_with("eve", "", &hash("")).await;
    for name in ["ann", "bob", "eve"] {
        for password in ["", " ", "!", "\u{3000}", "\0"] {
            let (mut browser, answer) = sign_in(&app, name, password).await;
            assert_eq!(answer.status, 400, "{name} {password:?}");
            assert!(!is_in(&mut browser).await);
        }
    }
    app.no_other_letter_was_sent().await;
}

// 65.12.1; Devise CVE-2026-32700
async fn the_address_confirmed_is_the_one_of_the_link_or_code(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.change_email = true;
    })
    .await;
    let id = app
        .user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    app.user_with("vic", "vic@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    let mut links = Vec::new();
    for email in ["mine@example.com", "other@example.com"] {
        let add = [("email", email), ("action_add", "1")];
        let added = ann.fill("/accounts/email/", &add).await;
        assert_eq!(added.status, 302, "{}", added.text);
        links.push(link_in(&app.letter().await.text));
    }
    let before = app.browser().fill(&links[0], &[]).await;
    assert_eq!(before.status, 403, "the address of that link is gone");
    assert_eq!(app.look_up(id).await.email, "ann@example.com");
    assert_eq!(app.browser().fill(&links[1], &[]).await.status, 302);
    assert_eq!(app.look_up(id).await.email, "other@example.com");
    assert_eq!(app.count("account_emailaddress").await, 1);

    let app = TestApp::with(app.db, |settings| {
        settings.account.change_email = true;
        settings.account.email_verification_by_code_enabled = true;
    })
    .await;
    let mut ann = signed_in(&app, "ann").await;
    let mut codes = Vec::new();
    for email in ["mine@example.com", "vic2@example.com"] {
        let add = [("email", email), ("action_add", "1")];
        ann.fill("/accounts/email/", &add).await;
        codes.push(code_in(&app.letter().await.text));
    }
    let answer = ann
        .fill("/accounts/confirm-email/", &[("code", &codes[0])])
        .await;
    assert_eq!(answer.status, 400, "the code of the address before");
    assert_eq!(app.look_up(id).await.email, "other@example.com");
    let done = ann
        .fill("/accounts/confirm-email/", &[("code", &codes[1])])
        .await;
    assert_eq!(done.location(), "/accounts/email/", "{}", done.text);
    assert_eq!(app.look_up(id).await.email, "vic2@example.com");
    app.no_other_letter_was_sent().await;
}

fn one_link_a_minute(settings: &mut Settings) {
    settings.account.rate_limits = rates(r#"{"request_login_link": "2/m/ip"}"#);
}

async fn ask(browser: &mut Browser) -> u16 {
    let address = [("email", "nobody@example.com")];
    let answer = browser.fill("/accounts/login/link/", &address).await;
    answer.status.as_u16()
}

// 65.14.2; authentik CVE-2024-47070
async fn a_forged_client_address_does_not_evade_limits(db: TestDb) {
    let app = TestApp::with(db, one_link_a_minute).await;
    let mut seen = Vec::new();
    for number in 0..4 {
        let mut browser = app.browser();
        for header in [
            "x-forwarded-for",
            "x-real-ip",
            "forwarded",
            "cf-connecting-ip",
        ] {
            let forged = format!("203.0.113.{number}");
            browser.headers.insert(header, forged);
        }
        seen.push(ask(&mut browser).await);
    }
    assert_eq!(seen, [302, 302, 429, 429]);
    // A proxy of ours that appends is believed for what it appended, and for nothing before that.
    let app = TestApp::with(app.db, |settings| {
        one_link_a_minute(settings);
        settings.allauth.trusted_proxy_count = 1;
    })
    .await;
    let mut seen = Vec::new();
    for number in 0..4 {
        let mut browser = app.browser();
        let line = format!("203.0.113.{number}, 198.51.100.7");
        browser.headers.insert("x-forwarded-for", line);
        seen.push(ask(&mut browser).await);
    }
    assert_eq!(seen, [302, 302, 429, 429]);
}

// 65.17; better-auth CVE-2026-45364
async fn a_client_that_moves_within_its_network_is_one_client(db: TestDb) {
    let app = TestApp::with(db, one_link_a_minute).await;
    let mut seen = Vec::new();
    for address in [
        "2001:db8:1:1::1",
        "2001:db8:1:1:ffff::2",
        "2001:db8:1:1:abcd:ef01:2345:6789",
        "2001:db8:1:2::1",
        "192.0.2.77",
        "::ffff:192.0.2.77",
        "::ffff:c000:24d",
    ] {
        let mut browser = app.browser();
        browser.peer.set_ip(address.parse().unwrap());
        seen.push(ask(&mut browser).await);
    }
    assert_eq!(seen, [302, 302, 429, 302, 302, 302, 429]);
}

// 65.19.3
async fn parallel_failures_are_all_counted(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{"login_failed": "3/m/key"}"#);
    })
    .await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut browser = app.browser();
        tries.spawn(async move {
            let fields = [("login", "ann"), ("password", "guess")];
            browser.fill("/accounts/login/", &fields).await.text
        });
    }
    let answers = tries.join_all().await;
    let compared = answers
        .iter()
        .filter(|text| text.contains("is not correct"));
    assert_eq!(compared.count(), 3);
    let turned = answers
        .iter()
        .filter(|text| text.contains("Too many attempts"));
    assert_eq!(turned.count(), 17);
}

// 65.19.4, CVE-2026-97764
async fn spellings_of_a_name_share_one_limit(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
        settings.account.rate_limits =
            rates(r#"{"login_failed": "2/m/key", "reset_password": "2/m/key"}"#);
    })
    .await;
    app.user_with("anna", "anna@example.com", &hash(PASSWORD))
        .await;
    for names in [
        ["anna", "ANNA", "ａｎｎａ", " Anna "],
        [
            "anna@example.com",
            "Anna@Example.COM",
            "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "anna@EXAMPLE.com ",
        ],
    ] {
        for (number, name) in names.into_iter().enumerate() {
            let (_, answer) = sign_in(&app, name, "guess").await;
            let limited = answer.text.contains("Too many attempts");
            assert_eq!(limited, number >= 2, "{name}: {}", answer.text);
        }
    }
    for (number, email) in [
        "anna@example.com",
        "ANNA@example.com",
        "ａｎｎａ@example.com",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = app
            .browser()
            .fill("/accounts/password/reset/", &[("email", email)])
            .await;
        assert_eq!(answer.status == 429, number >= 2, "{email}");
    }
}

// 65.19.5
async fn a_wildcard_host_opens_no_redirect(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.general.allowed_hosts = vec!["*".to_owned()];
    })
    .await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "http:///evil.example",
        "https://localhost.evil.example/",
        "javascript:alert(1)",
    ] {
        let mut browser = app.browser();
        let fields = [("login", "ann"), ("password", PASSWORD), ("next", next)];
        let answer = browser.fill("/accounts/login/", &fields).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{next}");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", next)
            .finish();
        let answer = browser.get(&format!("/accounts/login/?{query}")).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{next}");
        let answer = browser.fill("/accounts/logout/", &[("next", next)]).await;
        assert_eq!(answer.location(), "/", "{next}");
    }
    let mut browser = app.browser();
    let fields = [("login", "ann"), ("password", PASSWORD), ("next", "/mine/")];
    let answer = browser.fill("/accounts/login/", &fields).await;
    assert_eq!(answer.location(), "/mine/");
}

// 65.20.0, and 64.1.0 before it
async fn what_an_abandoned_sign_in_proved_counts_for_nobody_else(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_by_code_enabled = true;
        settings.account.login_by_code_required.always = true;
        settings.account.login_methods = Some(vec![LoginBy::Username]);
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    app.user_with("eve", "eve@example.com", &hash(EVES)).await;
    // Eve proves her password and her mailbox, and stops before the end.
    let mut browser = app.browser();
    let fields = [("login", "eve"), ("password", EVES)];
    let answer = browser.fill("/accounts/login/", &fields).await;
    assert_eq!(answer.location(), "/accounts/login/code/confirm/");
    let eves = code_in(&app.letter().await.text);
    let fields = [("login", "ann"), ("password", PASSWORD)];
    let answer = browser.fill("/accounts/login/", &fields).await;
    assert_eq!(answer.location(), "/accounts/login/code/confirm/");
    let anns = code_in(&app.letter().await.text);
    let confirm = "/accounts/login/code/confirm/";
    let answer = browser.fill(confirm, &[("code", &eves)]).await;
    assert_eq!(answer.status, 400, "Eve's code is not Ann's");
    assert!(!is_in(&mut browser).await);
    let answer = browser.fill(confirm, &[("code", &anns)]).await;
    assert_eq!(answer.location(), "/accounts/profile/");
    let payload = session_of(&app, &browser).await;
    let text = payload.to_string();
    assert!(!text.contains("eve"), "{text}");
    let records = payload["account_authentication_methods"].as_array();
    let methods: Vec<_> = records.unwrap().iter().map(|it| &it["method"]).collect();
    assert_eq!(methods, ["password", "code"]);
}

/// What the session of a browser holds.
async fn session_of(app: &TestApp, browser: &Browser) -> serde_json::Value {
    let cookie = browser.cookies.get("sessionid").map(String::as_str);
    let session = app.hallpass.session(cookie).await.unwrap();
    let keys = [
        "account_authentication_methods",
        "account_authentication_methods_user",
        "account_login",
        "_auth_user_id",
    ];
    let pairs = keys.map(|key| {
        (
            key.to_owned(),
            session.get(key).cloned().unwrap_or_default(),
        )
    });
    serde_json::Value::Object(pairs.into_iter().collect())
}

// 65.20.0
async fn signing_in_is_no_fresh_proof(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.reauthentication_required = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    let add = [("email", "two@example.com"), ("action_add", "1")];
    let answer = ann.fill("/accounts/email/", &add).await;
    assert!(
        answer.location().starts_with("/accounts/reauthenticate/"),
        "{}",
        answer.location()
    );
    app.no_other_letter_was_sent().await;
}

// 65.21.0
async fn the_last_wrong_code_for_a_phone_ends_the_sign_in(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* phone* password1*");
    })
    .await;
    let mut browser = app.browser();
    let fields = [
        ("username", "ann"),
        ("phone", "+4915112345678"),
        ("password1", PASSWORD),
    ];
    let answer = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(
        answer.location(),
        "/accounts/phone/verify/",
        "{}",
        answer.text
    );
    let code = texted(&app.text().await.text);
    for _ in 0..3 {
        browser
            .fill("/accounts/phone/verify/", &[("code", "BBBB-BBBB")])
            .await;
    }
    let answer = browser
        .fill("/accounts/phone/verify/", &[("code", &code)])
        .await;
    assert_eq!(answer.location(), "/accounts/login/", "{}", answer.text);
    assert!(!is_in(&mut browser).await);
    assert_eq!(app.count("hallpass_phone WHERE verified").await, 0);
    assert_eq!(app.count("hallpass_code").await, 0);
    app.no_other_text_was_sent().await;
}

// Facts 10.3, 3: elsewhere one face forgot whom the password must not resemble.
async fn a_password_like_the_name_is_refused_at_signup(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* email* password1*");
        let fields = r#"[{"name": "first_name"}, {"name": "last_name"}]"#;
        let pair = ("HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(), fields.to_owned());
        let loaded = hallpass::settings::load(None, [pair]).unwrap();
        settings.hallpass.signup_extra_fields = loaded.settings.hallpass.signup_extra_fields;
    })
    .await;
    for password in [
        "wolfeschlegel1",
        "steinhausen-77",
        "maximiliane-3",
        "bergerdorff99",
    ] {
        let fields = [
            ("username", "wolfeschlegel"),
            ("email", "steinhausen@example.com"),
            ("first_name", "Maximiliane"),
            ("last_name", "Bergerdorff"),
            ("password1", password),
        ];
        let answer = app.browser().fill("/accounts/signup/", &fields).await;
        assert_eq!(answer.status, 400, "{password}");
        assert!(answer.text.contains("too similar"), "{}", answer.text);
    }
    assert_eq!(app.count("auth_user").await, 0);
    app.no_other_letter_was_sent().await;
}

// Facts 10.3, 2: a 500 elsewhere.
async fn a_code_may_be_asked_for_with_nothing_filled_in(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        by_code(settings);
        settings.account.login_methods = Some(vec![LoginBy::Email, LoginBy::Phone]);
        settings.account.signup_fields = asked("email* phone password1*");
    })
    .await;
    let mut browser = app.browser();
    for fields in [
        vec![],
        vec![("email", ""), ("phone", "")],
        vec![("email", " "), ("phone", "\u{a0}")],
        vec![("email", "a@example.com"), ("phone", "+4915112345678")],
    ] {
        let answer = browser.fill("/accounts/login/code/", &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}");
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

// Facts 10.3, 4: refused elsewhere, because the blanks were taken off after it was judged.
async fn a_number_is_read_as_people_write_it(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.prevent_enumeration = Enumeration::Off;
        settings.account.signup_fields = asked("username* phone* password1*");
    })
    .await;
    for (number, typed) in [
        "+49 151 1234-5678",
        "+49 (151) 12345678",
        "+49.151.12345678",
        "\u{ff0b}4915112345678",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("ann{number}");
        let fields = [
            ("username", name.as_str()),
            ("phone", typed),
            ("password1", PASSWORD),
        ];
        let answer = app.browser().fill("/accounts/signup/", &fields).await;
        if number == 0 {
            assert_eq!(answer.status, 302, "{typed}: {}", answer.text);
            assert_eq!(app.text().await.to, "+4915112345678");
            app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
        } else {
            assert!(answer.text.contains("has this phone number"), "{typed}");
        }
    }
    app.no_other_text_was_sent().await;
}

// Facts 10.3, 12
async fn looking_at_a_link_or_a_stage_costs_no_attempt(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_required = true;
        settings.account.email_verification = Verification::Mandatory;
        settings.account.email_verification_by_code_enabled = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.location(), "/accounts/confirm-email/");
    let code = code_in(&app.letter().await.text);
    for _ in 0..5 {
        let page = ann.get("/accounts/confirm-email/?code=BBBB-BBBB").await;
        assert_eq!(page.status, 200);
        let empty = ann.fill("/accounts/confirm-email/", &[("code", " ")]).await;
        assert_eq!(empty.status, 400);
    }
    assert_eq!(app.count("hallpass_code WHERE attempts > 0").await, 0);
    let done = ann
        .fill("/accounts/confirm-email/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_letter_was_sent().await;
}
