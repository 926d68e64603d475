//! What ends a secret: its time, its use, a fresh one, another recipient, giving up. Looking does not.

use std::sync::atomic::Ordering;

use axum::body::Body;
use hallpass::settings::Settings;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{press, with_links};
use crate::waits::{
    Kind, again, all_codes, begin, clock, code_in, fresh_number, person, post, sign_in, state,
};

each_database!(
    a_reset_key_sets_a_password_for_somebody_whom_no_address_row_knows,
    a_code_is_good_to_the_second_and_no_longer,
    links_are_good_to_the_second_and_no_longer,
    using_the_link_ends_the_code_and_the_code_the_link,
    a_link_beside_a_code_works_in_another_browser,
    a_link_beside_a_demanded_code_works_where_the_password_was_given,
    opening_a_link_spends_nothing,
    a_used_code_is_used,
    an_abandoned_ceremony_takes_its_code_along,
    a_fresh_code_ends_the_one_before,
    another_recipient_ends_the_code_of_the_one_before,
);

async fn a_code_is_good_to_the_second_and_no_longer(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        let account = &mut settings.account;
        // Longer than a sign-in waits otherwise.
        account.login_timeout = 9000;
        account.login_by_code_timeout = 200;
        account.email_verification_by_code_timeout = 300;
        account.phone_verification_timeout = 400;
        account.password_reset_by_code_timeout = 500;
    })
    .await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let lives = match kind {
            Kind::Login | Kind::Demanded | Kind::Reauth => 200,
            Kind::StageEmail | Kind::AddEmail => 300,
            Kind::StagePhone | Kind::ChangePhone => 400,
            Kind::Reset => 500,
        };
        let mut late = begin(&app, kind, &format!("late{index}")).await;
        let mut early = begin(&app, kind, &format!("early{index}")).await;
        seconds.fetch_add(lives - 1, Ordering::SeqCst);
        early.is_good().await;
        seconds.fetch_add(1, Ordering::SeqCst);
        let code = late.code.clone();
        late.refuses(&app, &code).await;
        // Nor has looking at the page brought it back.
        late.browser.get(kind.door()).await;
        late.refuses(&app, &code).await;
        app.letters().await;
    }
}

async fn links_are_good_to_the_second_and_no_longer(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::at(db, clock, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.password_reset_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
            settings.account.email_confirmation_expire_days = 1;
            settings.account.login_by_code_timeout = 200;
            settings.general.password_reset_timeout = 600;
            settings.account.login_timeout = 100;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        // Signed keys go by Django's signatures, which are good to the last second; kept ones are over with it.
        for (new, age, good) in [
            ("one", 86_399, true),
            ("two", 86_400, signed),
            ("three", 86_401, false),
        ] {
            let new = format!("{new}.{email}");
            let fields = [("email", new.as_str()), ("action_add", "1")];
            browser.fill("/accounts/email/", &fields).await;
            let confirm = link_in(&app.letter().await.text);
            seconds.fetch_add(age, Ordering::SeqCst);
            let before = state(&app).await;
            let status = press(&mut app.browser(), &confirm, &[]).await.status;
            match good {
                true => assert_eq!(status, 302, "signed: {signed}"),
                false => {
                    assert_eq!(status, 403, "signed: {signed}, {age}");
                    assert_eq!(before, state(&app).await);
                }
            }
        }
        for (age, good) in [(199, true), (200, false)] {
            let waits = begin(&app, Kind::Login, &format!("{name}{age}")).await;
            seconds.fetch_add(age, Ordering::SeqCst);
            let link = waits.link.unwrap();
            let status = press(&mut app.browser(), &link, &[]).await.status;
            assert_eq!(status, if good { 302 } else { 403 });
        }
        for (age, good) in [(600, true), (601, false)] {
            app.browser()
                .fill("/accounts/password/reset/", &[("email", &email)])
                .await;
            let reset = link_in(&app.letter().await.text);
            seconds.fetch_add(age, Ordering::SeqCst);
            let status = app.browser().get(&reset).await.status;
            assert_eq!(status, if good { 302 } else { 403 }, "Django's rule: {age}");
        }
        // Leave to choose a password does not last.
        for (age, good) in [(99, 200), (100, 403)] {
            app.browser()
                .fill("/accounts/password/reset/", &[("email", &email)])
                .await;
            let reset = link_in(&app.letter().await.text);
            let mut browser = app.browser();
            let to = browser.get(&reset).await.location().to_owned();
            seconds.fetch_add(age, Ordering::SeqCst);
            assert_eq!(browser.get(&to).await.status, good, "{age}");
        }
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

async fn using_the_link_ends_the_code_and_the_code_the_link(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    for (index, kind) in [Kind::Login, Kind::Demanded].into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("link{index}")).await;
        let mut copied = waits.clone();
        let link = waits.link.clone().unwrap();
        let done = post(&mut waits.browser, &link, &[]).await;
        assert_eq!(done.location(), kind.beyond(), "{}", done.text);
        let code = waits.code.clone();
        copied.refuses(&app, &code).await;
        assert_eq!(press(&mut copied.browser, &link, &[]).await.status, 403);
        assert_eq!(app.browser().get(&link).await.status, 403);

        let mut waits = begin(&app, kind, &format!("code{index}")).await;
        let link = waits.link.clone().unwrap();
        waits.is_good().await;
        assert_eq!(app.browser().get(&link).await.status, 403);
        assert_eq!(press(&mut app.browser(), &link, &[]).await.status, 403);
        assert_eq!(press(&mut waits.browser, &link, &[]).await.status, 403);
    }
    app.no_other_letter_was_sent().await;
}

async fn a_link_beside_a_code_works_in_another_browser(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    let mut waits = begin(&app, Kind::Login, "ann").await;
    let link = waits.link.clone().unwrap();
    let mut elsewhere = app.browser();
    let seen = elsewhere.get(&link).await;
    assert_eq!(seen.status, 200);
    let done = press(&mut elsewhere, &link, &[]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    let code = waits.code.clone();
    waits.refuses(&app, &code).await;
    assert_eq!(app.count("usersessions_usersession").await, 1);
    app.no_other_letter_was_sent().await;
}

async fn a_link_beside_a_demanded_code_works_where_the_password_was_given(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    let mut waits = begin(&app, Kind::Demanded, "ann").await;
    let link = waits.link.clone().unwrap();
    // Another browser, one that waits for a code of its own, and one that is signed in: none has given the password.
    let other = begin(&app, Kind::Login, "bob").await.browser;
    let mut signed_in = app.browser();
    person(&app, ("eve@example.com", true), None, None).await;
    sign_in(&app, &mut signed_in, "eve@example.com").await;
    for mut elsewhere in [app.browser(), other, signed_in] {
        let seen = elsewhere.get(&link).await;
        assert_eq!(seen.status, 200);
        assert!(!seen.text.contains("ann"), "{}", seen.text);
        let before = state(&app).await;
        assert_eq!(press(&mut elsewhere, &link, &[]).await.status, 403);
        assert_eq!(before, state(&app).await);
    }
    // The password alone opens nothing either, wherever it is given.
    assert_eq!(waits.browser.get("/accounts/profile/").await.status, 302);
    let done = press(&mut waits.browser, &link, &[]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_letter_was_sent().await;
}

async fn opening_a_link_spends_nothing(db: TestDb) {
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::with(db, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.password_reset_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        let new = format!("new.{email}");
        let fields = [("email", new.as_str()), ("action_add", "1")];
        browser.fill("/accounts/email/", &fields).await;
        let confirm = link_in(&app.letter().await.text);
        let waits = begin(&app, Kind::Login, &format!("{name}2")).await;
        app.browser()
            .fill("/accounts/password/reset/", &[("email", &email)])
            .await;
        let reset = link_in(&app.letter().await.text);
        let link = waits.link.clone().unwrap();
        let before = state(&app).await;
        for path in [&confirm, &link, &reset] {
            for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
                for mut browser in [app.browser(), waits.browser.clone()] {
                    let answer = browser.send(method, path, Body::empty(), None).await;
                    assert!(answer.status.as_u16() < 500, "{method} {path}");
                }
            }
        }
        assert_eq!(before, state(&app).await);
        let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        assert_eq!(press(&mut app.browser(), &reset, &fields).await.status, 302);
        assert_eq!(press(&mut app.browser(), &link, &[]).await.status, 302);
        assert_eq!(press(&mut app.browser(), &confirm, &[]).await.status, 302);
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

async fn a_used_code_is_used(db: TestDb) {
    let app = TestApp::with(db, all_codes).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        // The cookie of before goes on being sent, as by whoever copied it.
        let mut copied = waits.clone();
        waits.is_good().await;
        let code = waits.code.clone();
        waits.refuses(&app, &code).await;
        copied.refuses(&app, &code).await;
        app.letters().await;
        app.no_other_text_was_sent().await;
    }
}

async fn an_abandoned_ceremony_takes_its_code_along(db: TestDb) {
    let app = TestApp::with(db, all_codes).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        if kind == Kind::Reauth {
            continue;
        }
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let mut copied = waits.clone();
        let code = waits.code.clone();
        let cancelled = waits.acts("cancel", &[]).await;
        assert_eq!(cancelled.status, 302, "{kind:?}");
        assert_eq!(app.count("hallpass_code").await, 0, "{kind:?}");
        waits.refuses(&app, &code).await;
        copied.refuses(&app, &code).await;

        // Begun anew in the same browser: the code before is worth nothing, the new one is good.
        let again_at = match kind {
            Kind::AddEmail | Kind::ChangePhone => continue,
            Kind::StageEmail | Kind::StagePhone => "/accounts/login/code/",
            _ => "",
        };
        if !again_at.is_empty() {
            continue;
        }
        let browser = app.browser();
        let first = again(&app, kind, waits.user, browser, &waits.email, "").await;
        let mut second = again(
            &app,
            kind,
            waits.user,
            first.browser.clone(),
            &waits.email,
            "",
        )
        .await;
        assert_eq!(app.count("hallpass_code").await, 1, "{kind:?}");
        second.refuses(&app, &first.code).await;
        second.is_good().await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn a_fresh_code_ends_the_one_before(db: TestDb) {
    let app = TestApp::with(db, all_codes).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        if kind == Kind::Reset {
            continue;
        }
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let before = waits.code.clone();
        let sent = waits.acts("resend", &[]).await;
        assert!(
            [200, 302].contains(&sent.status.as_u16()),
            "{kind:?}: {}",
            sent.text
        );
        waits.code = match kind {
            Kind::StagePhone | Kind::ChangePhone => code_in(&app.text().await.text),
            _ => code_in(&app.letter().await.text),
        };
        waits.refuses(&app, &before).await;
        waits.is_good().await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

const NEW: [(&str, &str); 2] = [
    ("password1", "correct-horse-9"),
    ("email", "eve@example.com"),
];

fn signup_by_code(settings: &mut Settings) {
    all_codes(settings);
    settings.account.login_by_code_required.after.clear();
}

async fn another_recipient_ends_the_code_of_the_one_before(db: TestDb) {
    let app = TestApp::with(db, signup_by_code).await;
    let number = fresh_number();
    let mut fields = NEW.to_vec();
    fields.push(("phone", &number));
    let mut browser = app.browser();
    let done = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(done.location(), Kind::StagePhone.door(), "{}", done.text);
    let first = code_in(&app.text().await.text);
    let other = fresh_number();
    let changed = [("action", "change"), ("phone", other.as_str())];
    let changed = post(&mut browser, Kind::StagePhone.door(), &changed).await;
    assert_eq!(changed.status, 302, "{}", changed.text);
    let text = app.text().await;
    assert_eq!(text.to.to_string(), other);
    let door = Kind::StagePhone.door();
    assert_eq!(
        post(&mut browser, door, &[("code", &first)]).await.status,
        400
    );
    let code = code_in(&text.text);
    let done = post(&mut browser, door, &[("code", &code)]).await;
    assert_eq!(done.location(), Kind::StageEmail.door());
    let confirmed = format!("hallpass_phone WHERE verified AND phone = '{other}'");
    assert_eq!(app.count(&confirmed).await, 1);
    assert_eq!(app.count("hallpass_phone").await, 1);

    let door = Kind::StageEmail.door();
    let first = app.letter().await;
    assert_eq!(first.to, "eve@example.com");
    let changed = [("action", "change"), ("email", "Eva@example.com")];
    let changed = post(&mut browser, door, &changed).await;
    assert_eq!(changed.status, 302, "{}", changed.text);
    let second = app.letter().await;
    assert_eq!(second.to, "eva@example.com");
    let code = code_in(&first.text);
    assert_eq!(
        post(&mut browser, door, &[("code", &code)]).await.status,
        400
    );
    let code = code_in(&second.text);
    let done = post(&mut browser, door, &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/");
    let rows = "account_emailaddress WHERE verified AND email = 'eva@example.com'";
    assert_eq!(app.count(rows).await, 1);
    assert_eq!(app.count("account_emailaddress").await, 1);
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

/// A user of Django's own, with an address in the user's row alone.
async fn a_reset_key_sets_a_password_for_somebody_whom_no_address_row_knows(db: TestDb) {
    let app = TestApp::new(db).await;
    for by_session in [false, true] {
        let name = if by_session { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        app.user(name, &email).await;
        let asked = [("email", email.as_str())];
        app.browser()
            .fill("/accounts/password/reset/", &asked)
            .await;
        let reset = link_in(&app.letter().await.text);
        app.sql("DELETE FROM account_emailaddress").await;
        let mut browser = app.browser();
        let to = match by_session {
            true => browser.get(&reset).await.location().to_owned(),
            false => reset,
        };
        app.sql("DELETE FROM account_emailaddress").await;
        let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        let done = press(&mut browser, &to, &fields).await;
        assert_eq!(done.location(), "/accounts/password/reset/key/done/");
        app.no_other_letter_was_sent().await;
    }
}
