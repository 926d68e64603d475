//! One-time secrets: each opens one door, once, for as long as it lives.
//!
//! The flaws behind these tests: one table of tokens for all purposes (CVE-2026-114607), links that made several sessions
//! (GHSA-hc7v-rggr-4hvx), a confirmation that confirmed another address (CVE-2026-32700, allauth before 65.12.1), codes
//! taken after their time (CVE-2026-32132).

use std::sync::atomic::Ordering;

use axum::body::Body;
use hallpass::settings::{Settings, Verification};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::waits::{
    Kind, PASSWORD, Waits, again, all_codes, at_once, attempts, begin, clock, code_in, events,
    fresh_number, person, post, sign_in, state,
};

each_database!(
    every_code_and_link_opens_its_own_door_only,
    signed_and_kept_confirmation_keys_and_reset_keys_open_their_own_door_only,
    one_browser_that_awaits_several_codes_mixes_none_up,
    of_fifty_right_codes_at_once_one_gets_through,
    of_fifty_browsers_with_one_link_one_gets_through,
    of_code_and_link_at_once_one_gets_through,
    a_code_is_good_to_the_second_and_no_longer,
    links_are_good_to_the_second_and_no_longer,
    a_used_code_is_used,
    an_abandoned_ceremony_takes_its_code_along,
    a_fresh_code_ends_the_one_before,
    another_recipient_ends_the_code_of_the_one_before,
    using_the_link_ends_the_code_and_the_code_the_link,
    a_link_beside_a_code_works_in_another_browser,
    a_link_beside_a_demanded_code_works_where_the_password_was_given,
    opening_a_link_spends_nothing,
    a_link_confirms_the_address_it_was_sent_to,
    a_code_confirms_the_address_it_was_sent_to,
    no_secret_rests_in_the_database,
);

fn with_links(settings: &mut Settings) {
    all_codes(settings);
    attempts(settings, 1000);
    settings.hallpass.code_and_link = true;
}

/// Ways in by an address of its own, to be tried with anything: with `{}` for the secret.
fn linked_doors(uid: &str) -> Vec<String> {
    [
        "/accounts/login/code/link/{}/".to_owned(),
        format!("/accounts/login/link/{uid}/{{}}/"),
        "/accounts/confirm-email/{}/".to_owned(),
        "/accounts/password/reset/key/{}/".to_owned(),
        format!("/accounts/password/reset/key/{uid}-{{}}/"),
    ]
    .to_vec()
}

/// Tries a secret at every door that has it in its address, but at `own`.
async fn is_refused_at_linked_doors(app: &TestApp, uid: &str, secret: &str, own: &str) {
    for door in linked_doors(uid) {
        let path = door.replace("{}", secret);
        if own.starts_with(&path) {
            continue;
        }
        let before = state(app).await;
        let mut browser = app.browser();
        let seen = browser.get(&path).await;
        assert!(
            [403, 404].contains(&seen.status.as_u16()),
            "{path}: {}",
            seen.status
        );
        let new = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        let pressed = press(&mut browser, &path, &new).await;
        assert!(
            [403, 404].contains(&pressed.status.as_u16()),
            "{path}: {}",
            pressed.status
        );
        assert_eq!(before, state(app).await, "{path}");
    }
}

/// Presses the button of a link: with a CSRF token from elsewhere, so that the answer is about the link.
async fn press(browser: &mut Browser, link: &str, fields: &[(&str, &str)]) -> Answer {
    browser.get("/accounts/login/link/").await;
    assert!(browser.cookies.contains_key("csrftoken"));
    post(browser, link, fields).await
}

async fn login_link(app: &TestApp, email: &str) -> String {
    let asked = app
        .browser()
        .fill("/accounts/login/link/", &[("email", email)])
        .await;
    assert_eq!(asked.status, 302);
    link_in(&app.letter().await.text)
}

/// The parts of a path without its query.
fn last_part(link: &str) -> &str {
    let path = link.split('?').next().unwrap();
    path.trim_end_matches('/').rsplit('/').next().unwrap()
}

fn key_of(browser: &Browser) -> String {
    browser.cookies["sessionid"].clone()
}

async fn every_code_and_link_opens_its_own_door_only(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    let mut waiting = Vec::new();
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        waiting.push(begin(&app, kind, &format!("p{index}")).await);
    }
    person(&app, ("lin@example.com", true), None, None).await;
    let link = login_link(&app, "lin@example.com").await;
    let uid = link.split('/').nth(4).unwrap().to_owned();
    let mut secrets: Vec<(Option<Kind>, String, String)> = waiting
        .iter()
        .map(|waits| (Some(waits.kind), waits.code.clone(), String::new()))
        .collect();
    for waits in &waiting {
        secrets.push((None, key_of(&waits.browser), String::new()));
        secrets.push((
            None,
            waits.browser.cookies["csrftoken"].clone(),
            String::new(),
        ));
        if let Some(link) = &waits.link {
            secrets.push((None, last_part(link).to_owned(), link.clone()));
        }
    }
    assert_eq!(secrets.len(), 8 + 16 + 2, "two sign-ins have a link");
    secrets.push((None, last_part(&link).to_owned(), link.clone()));
    for (kind, secret, own) in &secrets {
        for waits in &mut waiting {
            if Some(waits.kind) != *kind {
                waits.refuses(&app, secret).await;
            }
        }
        is_refused_at_linked_doors(&app, &uid, secret, own).await;
        let mut browser = app.browser();
        if !own.is_empty() || kind.is_some() {
            browser
                .cookies
                .insert("sessionid".to_owned(), secret.clone());
            let seen = browser.get("/accounts/profile/").await;
            assert_eq!(seen.status, 302, "no session: {secret}");
            let forged = [
                ("csrfmiddlewaretoken", secret.as_str()),
                ("email", "a@b.cc"),
            ];
            let posted = waiting[0]
                .browser
                .post("/accounts/login/code/", &forged)
                .await;
            assert_eq!(posted.status, 403, "no CSRF token: {secret}");
        }
    }
    for mut waits in waiting {
        waits.is_good().await;
    }
    assert_eq!(press(&mut app.browser(), &link, &[]).await.status, 302);
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn signed_and_kept_confirmation_keys_and_reset_keys_open_their_own_door_only(db: TestDb) {
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
        let sign_in = login_link(&app, &email).await;
        let uid = sign_in.split('/').nth(4).unwrap().to_owned();
        let mut waits = begin(&app, Kind::Login, &format!("{name}2")).await;
        let mut texted = begin(&app, Kind::StagePhone, &format!("{name}3")).await;
        let asked = app
            .browser()
            .fill("/accounts/password/reset/", &[("email", &email)])
            .await;
        assert_eq!(asked.status, 302);
        let reset = link_in(&app.letter().await.text);
        let by_code = waits.link.clone().unwrap();
        for own in [&confirm, &sign_in, &reset, &by_code] {
            let secret = last_part(own).to_owned();
            is_refused_at_linked_doors(&app, &uid, &secret, own).await;
            // The reset key without its user, too.
            if let Some((_, token)) = secret.split_once('-') {
                is_refused_at_linked_doors(&app, &uid, token, own).await;
            }
            waits.refuses(&app, &secret).await;
            texted.refuses(&app, &secret).await;
        }
        for code in [&waits.code, &texted.code] {
            is_refused_at_linked_doors(&app, &uid, code, "").await;
        }
        assert_eq!(press(&mut app.browser(), &confirm, &[]).await.status, 302);
        let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        let done = press(&mut app.browser(), &reset, &fields).await;
        assert_eq!(done.status, 302, "{}", done.text);
        waits.is_good().await;
        texted.is_good().await;
        // A new password overtakes it; the next one is good.
        assert_eq!(press(&mut app.browser(), &sign_in, &[]).await.status, 403);
        let again = login_link(&app, &email).await;
        assert_eq!(press(&mut app.browser(), &again, &[]).await.status, 302);
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

async fn one_browser_that_awaits_several_codes_mixes_none_up(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
    })
    .await;
    let own = [Kind::AddEmail, Kind::ChangePhone, Kind::Reauth];
    let mut first = begin(&app, Kind::AddEmail, "ann").await;
    let number = fresh_number();
    let changed = first
        .browser
        .fill("/accounts/phone/change/", &[("phone", &number)])
        .await;
    assert_eq!(changed.location(), Kind::ChangePhone.door());
    let texted = code_in(&app.text().await.text);
    let seen = first.browser.get(Kind::Reauth.door()).await;
    assert_eq!(seen.status, 200);
    let proof = code_in(&app.letter().await.text);
    let mut waiting = own.map(|kind| Waits {
        kind,
        ..first.clone()
    });
    waiting[1].code = texted;
    waiting[2].code = proof;
    let codes = waiting.clone().map(|waits| waits.code);
    for (at, waits) in waiting.iter_mut().enumerate() {
        for (other, code) in codes.iter().enumerate() {
            if at != other {
                waits.refuses(&app, code).await;
            }
        }
    }
    for mut waits in waiting {
        waits.is_good().await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn of_fifty_right_codes_at_once_one_gets_through(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
    })
    .await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let waits = begin(&app, kind, &format!("p{index}")).await;
        let sessions = app.count("usersessions_usersession").await;
        let browsers = vec![waits.browser.clone(); 50];
        let answers = at_once(browsers, kind.door(), &[("code", &waits.code)]).await;
        let through = |answer: &&Answer| match kind {
            Kind::AddEmail | Kind::ChangePhone | Kind::Reset | Kind::Reauth => {
                answer.status == 302 && answer.location() == kind.beyond()
            }
            // Whoever lost is told to sign in.
            _ => answer.status == 302 && answer.location() != "/accounts/login/",
        };
        assert_eq!(answers.iter().filter(through).count(), 1, "{kind:?}");
        let more = app.count("usersessions_usersession").await - sessions;
        let signs_in = matches!(
            kind,
            Kind::Login | Kind::Demanded | Kind::StageEmail | Kind::StagePhone
        );
        assert_eq!(more, i64::from(signs_in), "{kind:?}");
        // Losers of a fresh proof are sent a new code; nothing else is sent.
        app.letters().await;
        let about = match kind {
            Kind::AddEmail => "email_added",
            Kind::ChangePhone => "phone_changed",
            Kind::Reauth => "reauthenticated",
            _ => continue,
        };
        assert_eq!(events(&app, about, "").await, 1, "{kind:?}");
    }
}

async fn of_fifty_browsers_with_one_link_one_gets_through(db: TestDb) {
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
        let before = events(&app, "email_confirmed", "").await;
        assert_eq!(redeemed(&app, &confirm, &[]).await, 1, "a confirmation key");
        assert_eq!(events(&app, "email_confirmed", "").await, before + 1);

        let waits = begin(&app, Kind::Login, &format!("{name}2")).await;
        let link = waits.link.clone().unwrap();
        assert_eq!(redeemed(&app, &link, &[]).await, 1, "a link beside a code");

        for by_session in [false, true] {
            app.browser()
                .fill("/accounts/password/reset/", &[("email", &email)])
                .await;
            let reset = link_in(&app.letter().await.text);
            let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
            let resets = events(&app, "password_reset", "").await;
            let redeemed = match by_session {
                false => redeemed(&app, &reset, &fields).await,
                true => {
                    let mut browsers = Vec::new();
                    let mut to = String::new();
                    for _ in 0..50 {
                        let mut browser = app.browser();
                        to = browser.get(&reset).await.location().to_owned();
                        browser.get(&to).await;
                        browsers.push(browser);
                    }
                    let answers = at_once(browsers, &to, &fields).await;
                    answers.iter().filter(|a| a.status == 302).count()
                }
            };
            assert_eq!(redeemed, 1, "a reset key");
            assert_eq!(events(&app, "password_reset", "").await, resets + 1);
        }
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

/// Fifty browsers press the button of one link; how many were let through.
async fn redeemed(app: &TestApp, link: &str, fields: &[(&str, &str)]) -> usize {
    let mut browsers = Vec::new();
    for _ in 0..50 {
        let mut browser = app.browser();
        browser.get("/accounts/login/link/").await;
        browsers.push(browser);
    }
    let answers = at_once(browsers, link, fields).await;
    for answer in &answers {
        assert!(
            [302, 403].contains(&answer.status.as_u16()),
            "{}",
            answer.text
        );
    }
    answers.iter().filter(|answer| answer.status == 302).count()
}

async fn of_code_and_link_at_once_one_gets_through(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    for round in 0..5 {
        let waits = begin(&app, Kind::Login, &format!("p{round}")).await;
        let sessions = app.count("usersessions_usersession").await;
        let link = waits.link.clone().unwrap();
        let browsers = vec![waits.browser.clone(); 10];
        let code = [("code", waits.code.as_str())];
        tokio::join!(
            at_once(browsers.clone(), &link, &[]),
            at_once(browsers, Kind::Login.door(), &code),
        );
        let more = app.count("usersessions_usersession").await - sessions;
        assert_eq!(more, 1);
    }
    app.no_other_letter_was_sent().await;
}

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

/// CVE-2026-32700 and allauth 65.12.1: between the letter and the button the account wants another address.
async fn a_link_confirms_the_address_it_was_sent_to(db: TestDb) {
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::with(db, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
            settings.account.change_email = true;
            settings.account.email_verification = Verification::Mandatory;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        let (own, victim) = (format!("own.{email}"), format!("victim.{email}"));
        let mut links = Vec::new();
        for new in [&own, &victim] {
            let fields = [("email", new.as_str()), ("action_add", "1")];
            let added = browser.fill("/accounts/email/", &fields).await;
            assert_eq!(added.status, 302, "{}", added.text);
            let letter = app.letter().await;
            assert_eq!(&letter.to, new);
            links.push(link_in(&letter.text));
        }
        // The first link came to a mailbox of one's own; it must not confirm the victim's.
        press(&mut app.browser(), &links[0], &[]).await;
        let verified = format!("account_emailaddress WHERE verified AND email = '{victim}'");
        assert_eq!(app.count(&verified).await, 0, "signed: {signed}");
        let mirrored = format!("auth_user WHERE email = '{victim}'");
        assert_eq!(app.count(&mirrored).await, 0, "signed: {signed}");
        // At once with the change, too.
        for round in 0..10 {
            let own = format!("own{round}.{email}");
            let fields = [("email", own.as_str()), ("action_add", "1")];
            browser.fill("/accounts/email/", &fields).await;
            let link = link_in(&app.letter().await.text);
            let fields = [("email", victim.as_str()), ("action_add", "1")];
            tokio::join!(
                at_once(vec![browser.clone()], &link, &[]),
                at_once(vec![browser.clone()], "/accounts/email/", &fields),
            );
            assert_eq!(app.count(&verified).await, 0, "signed: {signed}");
            assert_eq!(app.count(&mirrored).await, 0, "signed: {signed}");
            app.letters().await;
            app.sql("DELETE FROM account_emailconfirmation").await;
            app.sql("DELETE FROM account_emailaddress WHERE NOT verified")
                .await;
        }
        db = app.db;
    }
}

async fn a_code_confirms_the_address_it_was_sent_to(db: TestDb) {
    let app = TestApp::with(db, all_codes).await;
    for round in 0..10 {
        let waits = begin(&app, Kind::AddEmail, &format!("p{round}")).await;
        let victim = format!("victim{round}@example.com");
        let add = [("email", victim.as_str()), ("action_add", "1")];
        let code = [("code", waits.code.as_str())];
        let browser = waits.browser.clone();
        tokio::join!(
            at_once(vec![browser.clone()], Kind::AddEmail.door(), &code),
            at_once(vec![browser.clone()], "/accounts/email/", &add),
        );
        let rows = format!("account_emailaddress WHERE email = '{victim}'");
        assert_eq!(app.count(&rows).await, 0);
        let others = format!(
            "account_emailaddress WHERE verified AND user_id = {} \
             AND email NOT IN ('{}', 'new.{}')",
            waits.user, waits.email, waits.email
        );
        assert_eq!(app.count(&others).await, 0);
        app.letters().await;
    }
}

/// Whoever reads the database, or a copy of it, finds nothing that opens a door.
async fn no_secret_rests_in_the_database(db: TestDb) {
    use hallpass_django::SecretKeys;
    use hallpass_django::session::SessionCodec;
    let app = TestApp::with(db, with_links).await;
    let codec = SessionCodec::new(&SecretKeys::new(hallpass_testkit::app::SECRET, []));
    let mut secrets = Vec::new();
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let waits = begin(&app, kind, &format!("p{index}")).await;
        secrets.push(waits.code.clone());
        secrets.push(waits.code.replace('-', ""));
        secrets.push(key_of(&waits.browser));
        if let Some(link) = &waits.link {
            secrets.push(last_part(link).to_owned());
        }
    }
    person(&app, ("lin@example.com", true), None, Some(PASSWORD)).await;
    secrets.push(PASSWORD.to_owned());
    secrets.push(last_part(&login_link(&app, "lin@example.com").await).to_owned());
    // A second time, undelivered: letters lie in the outbox.
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/code/", &[("email", "lin@example.com")])
        .await;
    assert_eq!(app.count("hallpass_outbox").await, 1);
    let mut kept = String::new();
    for (table, columns) in [
        ("hallpass_code", "id purpose recipient code link"),
        ("hallpass_outbox", "letter recipient sealed last_error"),
        (
            "hallpass_event",
            "kind user_agent method reason subject data",
        ),
        ("hallpass_limit", "key"),
        ("hallpass_spent", "digest"),
        ("django_session", "session_key session_data"),
        ("usersessions_usersession", "session_key data"),
        ("auth_user", "username email"),
    ] {
        for column in columns.split(' ') {
            let sql = format!("SELECT coalesce(CAST({column} AS TEXT), '') FROM {table}");
            for row in app.db.db.conn().query(&sql, &[]).await.unwrap() {
                let text: String = row.get(0).unwrap();
                if column == "session_data" {
                    let data = codec.decode(&text);
                    assert!(!data.is_empty(), "a session that can be read");
                    kept.push_str(&serde_json::to_string(&data).unwrap());
                }
                kept.push_str(&text);
                kept.push('\n');
            }
        }
    }
    assert!(kept.contains("_hallpass_login"), "sessions were read");
    for secret in &secrets {
        assert!(!kept.contains(secret.as_str()), "{secret} in {kept}");
    }
    let kept = kept.to_lowercase();
    for secret in secrets {
        assert!(!kept.contains(&secret.to_lowercase()), "{secret}");
    }
    let letter = app.letter().await.text;
    let code = code_in(&letter).to_lowercase();
    assert!(!kept.contains(&code) && !kept.contains(&code.replace('-', "")));
}
