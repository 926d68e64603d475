//! What does not evade a limit, and what does not turn it against somebody else.
//!
//! The flaws behind these tests: a forwarded address that was believed (allauth before 65.14.2), addresses of IPv6 that
//! were counted one by one (before 65.17), spellings that opened fresh windows (before 65.19.4).

use hallpass::settings::LoginBy;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{CODE, LINK, LOGIN, RESET, from, is_limited, only, passwords, try_password};
use crate::waits::{PASSWORD, hash, person, post};

each_database!(
    no_spelling_of_an_address_opens_a_fresh_window,
    no_spelling_of_a_name_opens_a_fresh_window,
    no_spelling_of_a_number_opens_a_fresh_window,
    a_forwarded_address_is_believed_of_a_proxy_only,
    a_network_of_ipv6_is_one_client,
    what_a_stranger_types_locks_nobody_out_of_a_session,
);

async fn no_spelling_of_an_address_opens_a_fresh_window(db: TestDb) {
    let mut db = db;
    for (action, path, rate) in [
        ("reset_password", RESET, "1/m/key"),
        ("request_login_code", CODE, "1/m/key"),
        ("request_login_link", LINK, "1/m/key"),
        ("login_failed", LOGIN, "1/m/key"),
    ] {
        let app = TestApp::with(db, |settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.login_methods = Some(vec![LoginBy::Email]);
            settings.account.rate_limits = only(&[(action, rate)]);
        })
        .await;
        let mut browser = from(&app, "192.0.2.1").await;
        for spellings in [
            [
                "strasse@example.com",
                "STRASSE@EXAMPLE.COM",
                " Strasse@Example.com\t",
                "\u{3000}ｓｔｒａｓｓｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
                "straße@example.com",
                "ſtraſſe@example.com",
            ],
            [
                "é@example.com",
                "e\u{301}@example.com",
                "É@EXAMPLE.COM",
                "E\u{301}@example.com",
                "É@Example.com ",
                "\u{a0}é@example.com",
            ],
        ] {
            for (n, spelling) in spellings.into_iter().enumerate() {
                let fields = [("email", spelling), ("login", spelling), ("password", "x")];
                let answer = post(&mut browser, path, &fields).await;
                // What is no address at all here is refused for that.
                if answer.text.contains("Enter a valid e-mail address") {
                    continue;
                }
                assert_eq!(is_limited(&answer), n > 0, "{action}: {spelling}");
            }
        }
        app.letters().await;
        db = app.db;
    }
}

async fn no_spelling_of_a_name_opens_a_fresh_window(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = only(&[("login_failed", "1/m/key")]);
    })
    .await;
    for spellings in [
        ["Ann", "ann", "ANN", " ann ", "ａｎｎ", "Aｎn"],
        [
            "Straße", "straße", "STRASSE", "STRAẞE", "ſtrasse", "strasse",
        ],
        [
            "Kelvin",
            "\u{212a}elvin",
            "kelvin",
            "KELVIN\u{3000}",
            "ＫELVIN",
            "kelvin\t",
        ],
        [
            "ΟΔΟΣ",
            "οδος",
            "οδοσ",
            "Οδος",
            "ΟΔΟς",
            "ｏδοσ".trim_start_matches('ｏ'),
        ],
    ] {
        app.user_with(spellings[0], "", &hash(PASSWORD)).await;
        let mut browser = from(&app, "192.0.2.1").await;
        for (n, spelling) in spellings.into_iter().enumerate().take(5) {
            let password = if n == 0 { "wrong" } else { PASSWORD };
            let answer = try_password(&mut browser, spelling, password).await;
            assert_ne!(answer.status, 302, "{spelling}");
            assert_eq!(is_limited(&answer), n > 0, "{spelling}: {}", answer.text);
        }
    }
    assert_eq!(app.count("usersessions_usersession").await, 0);
}

async fn no_spelling_of_a_number_opens_a_fresh_window(db: TestDb) {
    let mut db = db;
    for (action, path) in [("request_login_code", CODE), ("login_failed", LOGIN)] {
        let app = TestApp::with(db, |settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.login_methods = Some(vec![LoginBy::Phone]);
            settings.account.rate_limits = only(&[(action, "1/m/key")]);
        })
        .await;
        let mut browser = from(&app, "192.0.2.1").await;
        let spellings = [
            "+4915112345678",
            "+49 151 12345678",
            "+49-151-1234-5678",
            " +49 (151) 12345678 ",
            "＋４９１５１１２３４５６７８",
            "+49\u{200b}151.1234\u{2011}5678",
        ];
        for (n, spelling) in spellings.into_iter().enumerate() {
            let fields = [("phone", spelling), ("login", spelling), ("password", "x")];
            let answer = post(&mut browser, path, &fields).await;
            assert_eq!(is_limited(&answer), n > 0, "{spelling}: {}", answer.text);
        }
        app.texts().await;
        db = app.db;
    }
}

async fn a_forwarded_address_is_believed_of_a_proxy_only(db: TestDb) {
    let mut db = db;
    for proxies in [0, 1] {
        let app = TestApp::with(db, |settings| {
            settings.allauth.trusted_proxy_count = proxies;
            settings.account.rate_limits = only(&[("login", "2/m/ip")]);
        })
        .await;
        let mut browser = app.browser();
        browser
            .headers
            .insert("x-forwarded-for", "192.0.2.9".to_owned());
        browser.get(LOGIN).await;
        for n in 0..4 {
            // A proxy appends what it sees; what stands before is the client's own word.
            let said = match proxies {
                0 => format!("203.0.113.{n}"),
                _ => format!("203.0.113.{n}, 198.51.100.{n}, 192.0.2.77"),
            };
            for name in ["x-forwarded-for", "x-real-ip", "forwarded", "client-ip"] {
                browser.headers.insert(name, said.clone());
            }
            let answer = try_password(&mut browser, "p", "wrong").await;
            assert_eq!(is_limited(&answer), n >= 2, "{proxies} proxies, {n}");
        }
        if proxies == 1 {
            browser
                .headers
                .insert("x-forwarded-for", "192.0.2.78".to_owned());
            assert!(!is_limited(&try_password(&mut browser, "p", "wrong").await));
        }
        db = app.db;
    }
}

async fn a_network_of_ipv6_is_one_client(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = only(&[("login", "2/m/ip")]);
    })
    .await;
    for n in 0..5 {
        let mut browser = from(&app, &format!("[2001:db8:1:2:{n}::{n}]")).await;
        let answer = try_password(&mut browser, "p", "wrong").await;
        assert_eq!(is_limited(&answer), n >= 2, "{n}");
    }
    let mut neighbour = from(&app, "[2001:db8:1:3::1]").await;
    assert!(!is_limited(
        &try_password(&mut neighbour, "p", "wrong").await
    ));
    // IPv4 in the clothes of IPv6 is IPv4.
    for (n, ip) in ["[::ffff:192.0.2.5]", "192.0.2.5", "[::ffff:c000:205]"]
        .into_iter()
        .enumerate()
    {
        let mut browser = from(&app, ip).await;
        let answer = try_password(&mut browser, "p", "wrong").await;
        assert_eq!(is_limited(&answer), n >= 2, "{ip}");
    }
}

async fn what_a_stranger_types_locks_nobody_out_of_a_session(db: TestDb) {
    let app = TestApp::with(db, passwords("login_failed")).await;
    let id = person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    let mut own = from(&app, "192.0.2.1").await;
    assert_eq!(try_password(&mut own, "ann", PASSWORD).await.status, 302);
    for n in 0..8 {
        let mut stranger = from(&app, &format!("203.0.113.{n}")).await;
        for login in [
            format!("user:{id}"),
            format!("\0user:{id}"),
            format!("{id}"),
        ] {
            let answer = try_password(&mut stranger, &login, "wrong").await;
            assert_eq!(answer.status, 400);
        }
    }
    let proved = post(
        &mut own,
        "/accounts/reauthenticate/",
        &[("password", PASSWORD)],
    )
    .await;
    assert_eq!(proved.status, 302, "{}", proved.text);
}
