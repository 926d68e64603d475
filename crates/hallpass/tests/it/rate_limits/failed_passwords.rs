//! Failed passwords: by whom they are counted, and what takes them back.

use std::sync::atomic::Ordering;

use hallpass::settings::{Asked, LoginBy, SignupField};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::waits::{PASSWORD, clock, fresh_number, person, post};

use super::{LOGIN, RESET, allows, from, is_limited, only, passwords, try_password};

each_database!(
    failed_passwords_are_limited_by_client,
    failed_passwords_are_limited_by_account,
    a_success_takes_back_its_own_failure_and_no_other,
    a_password_reset_lifts_what_counts_against_its_account,
);

async fn failed_passwords_are_limited_by_client(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    let mut browser = from(&app, "192.0.2.1").await;
    let each = |n| vec![("login", format!("p{n}")), ("password", "wrong".to_owned())];
    let refused = allows(10, &mut browser, LOGIN, each).await;
    assert_eq!(refused.status, 400, "said in the form");
    // The right password as well: else one would learn it in spite of the limit.
    assert!(is_limited(
        &try_password(&mut browser, "ann", PASSWORD).await
    ));
    assert_eq!(app.count("usersessions_usersession").await, 0);
    let mut elsewhere = from(&app, "192.0.2.2").await;
    assert_eq!(
        try_password(&mut elsewhere, "ann", PASSWORD).await.status,
        302
    );
    seconds.fetch_add(60, Ordering::SeqCst);
    assert_eq!(
        try_password(&mut browser, "ann", PASSWORD).await.status,
        302
    );
    app.no_other_letter_was_sent().await;
}

async fn failed_passwords_are_limited_by_account(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    person(&app, ("bob@example.com", true), None, Some(PASSWORD)).await;
    for n in 0..5 {
        let mut browser = from(&app, &format!("192.0.2.{n}")).await;
        let wrong = try_password(&mut browser, "ann", "wrong").await;
        assert!(wrong.status == 400 && !is_limited(&wrong));
    }
    let mut fresh = from(&app, "198.51.100.9").await;
    assert!(is_limited(&try_password(&mut fresh, "ann", PASSWORD).await));
    assert_eq!(app.count("usersessions_usersession").await, 0);
    // Nobody else is locked out with ann, and a name that is nobody's is limited alike.
    let mut other = from(&app, "198.51.100.10").await;
    assert_eq!(try_password(&mut other, "bob", PASSWORD).await.status, 302);
    for n in 0..=5 {
        let mut browser = from(&app, &format!("203.0.113.{n}")).await;
        let wrong = try_password(&mut browser, "nobody", "wrong").await;
        assert_eq!(is_limited(&wrong), n == 5);
    }
    seconds.fetch_add(299, Ordering::SeqCst);
    assert!(is_limited(&try_password(&mut fresh, "ann", PASSWORD).await));
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(try_password(&mut fresh, "ann", PASSWORD).await.status, 302);
    app.no_other_letter_was_sent().await;
}

/// allauth 65.8.1: an account of the attacker's own must not wash anything away.
async fn a_success_takes_back_its_own_failure_and_no_other(db: TestDb) {
    let app = TestApp::with(db, passwords("login_failed")).await;
    person(&app, ("ann@example.com", true), None, Some(PASSWORD)).await;
    person(&app, ("eve@example.com", true), None, Some(PASSWORD)).await;
    // Who knows the password may sign in as often as one likes.
    for _ in 0..12 {
        let mut browser = from(&app, "192.0.2.1").await;
        assert_eq!(
            try_password(&mut browser, "eve", PASSWORD).await.status,
            302
        );
    }
    for n in 0..10 {
        let mut browser = from(&app, "192.0.2.1").await;
        let wrong = try_password(&mut browser, &format!("p{n}"), "wrong").await;
        assert!(!is_limited(&wrong), "{n}");
        if n < 9 {
            let mut browser = from(&app, "192.0.2.1").await;
            assert_eq!(
                try_password(&mut browser, "eve", PASSWORD).await.status,
                302,
                "{n}"
            );
        }
    }
    let mut browser = from(&app, "192.0.2.1").await;
    assert!(is_limited(
        &try_password(&mut browser, "p11", "wrong").await
    ));
    // The same by account: four failures, a success, and the fifth is the last.
    for n in 0..4 {
        let mut browser = from(&app, &format!("198.51.100.{n}")).await;
        assert!(!is_limited(
            &try_password(&mut browser, "ann", "wrong").await
        ));
    }
    let mut owner = from(&app, "203.0.113.1").await;
    assert_eq!(try_password(&mut owner, "ann", PASSWORD).await.status, 302);
    let mut browser = from(&app, "198.51.100.4").await;
    assert!(!is_limited(
        &try_password(&mut browser, "ann", "wrong").await
    ));
    let mut browser = from(&app, "198.51.100.5").await;
    assert!(is_limited(
        &try_password(&mut browser, "ann", PASSWORD).await
    ));
}

async fn a_password_reset_lifts_what_counts_against_its_account(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_methods =
            Some(vec![LoginBy::Username, LoginBy::Email, LoginBy::Phone]);
        let asked = [
            SignupField::Username,
            SignupField::Email,
            SignupField::Phone,
        ];
        let asked = asked.map(|field| Asked {
            field,
            required: false,
        });
        settings.account.signup_fields = Some(asked.to_vec());
        settings.account.rate_limits = only(&[("login_failed", "1000/m/ip,2/h/key")]);
    })
    .await;
    let number = fresh_number();
    let id = person(
        &app,
        ("ann@example.com", true),
        Some((&number, true)),
        Some(PASSWORD),
    )
    .await;
    person(&app, ("bob@example.com", true), None, Some(PASSWORD)).await;
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({id}, 'second@example.com', TRUE, FALSE)"
    ))
    .await;
    let mut signed_in = from(&app, "192.0.2.1").await;
    let done = try_password(&mut signed_in, "ann", PASSWORD).await;
    assert_eq!(done.status, 302);
    let logins = [
        "ann",
        "Ann@Example.com",
        "second@example.com",
        &number,
        "bob",
    ];
    for login in logins {
        let mut browser = from(&app, "192.0.2.1").await;
        for _ in 0..2 {
            assert!(!is_limited(
                &try_password(&mut browser, login, "wrong").await
            ));
        }
        assert!(is_limited(
            &try_password(&mut browser, login, PASSWORD).await
        ));
    }
    let change = [("oldpassword", "wrong")];
    for _ in 0..3 {
        post(&mut signed_in, "/accounts/password/change/", &change).await;
    }
    let mut browser = from(&app, "192.0.2.1").await;
    post(&mut browser, RESET, &[("email", "ann@example.com")]).await;
    let link = link_in(&app.letter().await.text);
    let new = [
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let done = post(&mut browser, &link, &new).await;
    assert_eq!(done.status, 302, "{}", done.text);
    for login in logins {
        let mut browser = from(&app, "192.0.2.1").await;
        let done = try_password(&mut browser, login, "correct-horse-9").await;
        let expected = if login == "bob" { 400 } else { 302 };
        assert_eq!(done.status, expected, "{login}: {}", done.text);
        if login == "bob" {
            assert!(is_limited(&done), "another's stays");
            continue;
        }
        // What counts against the owner of a session goes as well.
        let fields = [
            ("oldpassword", "correct-horse-9"),
            ("password1", "correct-horse-9"),
            ("password2", "correct-horse-9"),
        ];
        let changed = post(&mut browser, "/accounts/password/change/", &fields).await;
        assert_eq!(changed.status, 302, "{login}: {}", changed.text);
    }
    app.no_other_letter_was_sent().await;
}
