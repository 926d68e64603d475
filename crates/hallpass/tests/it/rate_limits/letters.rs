//! Codes, links and texts: how many are sent, and how many are tried.

use std::sync::atomic::Ordering;

use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::waits::{
    Kind, PASSWORD, all_codes, attempts, begin, clock, code_in, fresh_number, person, post, sign_in,
};

use super::{ADDRESSES, LOGIN, add, by_user, default_of, from, is_limited, try_password};

each_database!(
    wrong_codes_are_limited_by_client_and_by_recipient,
    confirmation_links_are_limited_in_silence,
    confirmation_codes_are_limited_aloud,
    a_password_that_would_send_a_code_too_early_is_refused_in_its_form,
    texts_are_limited_by_number_and_by_client,
    a_stage_that_could_not_send_is_entered_later,
);

async fn wrong_codes_are_limited_by_client_and_by_recipient(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
        settings.account.login_by_code_timeout = 9000;
        settings.account.login_timeout = 9000;
        settings.account.rate_limits = default_of("confirm_code");
    })
    .await;
    let mut waits = begin(&app, Kind::Login, "ann").await;
    for n in 0..=20 {
        let wrong = waits.wrong();
        let answer = waits.refuses(&app, &wrong).await;
        assert_eq!(answer.status, if n == 20 { 429 } else { 400 });
    }
    let mut other = begin(&app, Kind::Login, "bob").await;
    // The client had twenty-one; thirty are allowed in a minute.
    for n in 0..=9 {
        let wrong = other.wrong();
        let answer = other.refuses(&app, &wrong).await;
        assert_eq!(answer.status, if n == 9 { 429 } else { 400 });
    }
    seconds.fetch_add(60, Ordering::SeqCst);
    other.is_good().await;
    seconds.fetch_add(3539, Ordering::SeqCst);
    let code = waits.code.clone();
    assert_eq!(waits.refuses(&app, &code).await.status, 429);
    seconds.fetch_add(1, Ordering::SeqCst);
    waits.is_good().await;
    app.no_other_letter_was_sent().await;
}

async fn confirmation_links_are_limited_in_silence(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.email_verification_by_code_enabled = false;
        settings.account.login_by_code_required.after.clear();
        settings.account.rate_limits = default_of("confirm_email");
    })
    .await;
    person(&app, ("ann@example.com", true), None, None).await;
    let mut browser = from(&app, "192.0.2.1").await;
    sign_in(&app, &mut browser, "ann@example.com").await;
    let added = post(&mut browser, ADDRESSES, &add("new@example.com")).await;
    assert_eq!(added.status, 302);
    let link = link_in(&app.letter().await.text);
    let send = [("action_send", "1"), ("email", "New@Example.com")];
    seconds.fetch_add(179, Ordering::SeqCst);
    assert_eq!(post(&mut browser, ADDRESSES, &send).await.status, 302);
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(post(&mut browser, ADDRESSES, &send).await.status, 302);
    assert_eq!(app.letter().await.to, "new@example.com");
    // At the stage of a sign-in, by whichever way one comes there.
    person(&app, ("bob@example.com", false), None, Some(PASSWORD)).await;
    for n in 0..3 {
        let mut browser = from(&app, "192.0.2.1").await;
        let done = try_password(&mut browser, "bob@example.com", PASSWORD).await;
        assert_eq!(done.location(), "/accounts/confirm-email/", "{}", done.text);
        let again = post(&mut browser, done.location(), &[("action", "resend")]).await;
        assert_eq!(again.status, 302);
        assert_eq!(app.letters().await.len(), usize::from(n == 0));
    }
    // What was sent before is still good.
    let mut elsewhere = from(&app, "192.0.2.9").await;
    assert_eq!(post(&mut elsewhere, &link, &[]).await.status, 302);
    app.no_other_letter_was_sent().await;
}

async fn confirmation_codes_are_limited_aloud(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, by_user("confirm_email")).await;
    let mut waits = begin(&app, Kind::AddEmail, "ann").await;
    seconds.fetch_add(9, Ordering::SeqCst);
    let early = waits.acts("resend", &[]).await;
    assert_eq!(early.status, 429);
    let wait: u64 = early.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    // The code of before is good still: nothing was replaced by what was not sent.
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 302);
    waits.code = code_in(&app.letter().await.text);
    waits.is_good().await;

    let mut waits = begin(&app, Kind::AddEmail, "bob").await;
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    waits.is_good().await;

    // At the stage too, and whoever did not get the code is led on later.
    let mut waits = begin(&app, Kind::StageEmail, "eve").await;
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    waits.is_good().await;
    app.no_other_letter_was_sent().await;
}

async fn a_password_that_would_send_a_code_too_early_is_refused_in_its_form(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, by_user("confirm_email")).await;
    person(&app, ("ann@example.com", false), None, Some(PASSWORD)).await;
    let mut first = from(&app, "192.0.2.1").await;
    let done = try_password(&mut first, "ann@example.com", PASSWORD).await;
    assert_eq!(done.location(), Kind::StageEmail.door(), "{}", done.text);
    let code = code_in(&app.letter().await.text);
    let mut second = from(&app, "192.0.2.1").await;
    let early = try_password(&mut second, "ann@example.com", PASSWORD).await;
    assert_eq!(early.status, 400);
    assert!(is_limited(&early), "{}", early.text);
    // Nothing waits there, and a wrong password is not told from a right one by it.
    let page = second.get(Kind::StageEmail.door()).await;
    assert_eq!(page.location(), LOGIN);
    app.no_other_letter_was_sent().await;
    seconds.fetch_add(10, Ordering::SeqCst);
    let done = try_password(&mut second, "ann@example.com", PASSWORD).await;
    assert_eq!(done.location(), Kind::StageEmail.door());
    app.letter().await;
    let done = post(&mut first, Kind::StageEmail.door(), &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/");
}

async fn texts_are_limited_by_number_and_by_client(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.rate_limits = default_of("verify_phone");
    })
    .await;
    let mut waits = begin(&app, Kind::StagePhone, "ann").await;
    seconds.fetch_add(29, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 429);
    app.no_other_text_was_sent().await;
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(waits.acts("resend", &[]).await.status, 302);
    waits.code = code_in(&app.text().await.text);
    waits.is_good().await;

    seconds.fetch_add(600, Ordering::SeqCst);
    for name in ["b", "c", "d"] {
        begin(&app, Kind::ChangePhone, name).await;
    }
    person(&app, ("e@example.com", true), None, None).await;
    let mut browser = from(&app, "192.0.2.10").await;
    sign_in(&app, &mut browser, "e@example.com").await;
    let number = fresh_number();
    let fields = [("phone", number.as_str())];
    let refused = post(&mut browser, "/accounts/phone/change/", &fields).await;
    assert_eq!(refused.status, 429, "a fourth text in a minute");
    app.no_other_text_was_sent().await;
    seconds.fetch_add(60, Ordering::SeqCst);
    let sent = post(&mut browser, "/accounts/phone/change/", &fields).await;
    assert_eq!(sent.location(), Kind::ChangePhone.door());
    assert_eq!(app.text().await.to.to_string(), number);
    app.no_other_letter_was_sent().await;
}

/// What was proved before is not lost by a text that comes too early, and nothing is skipped.
async fn a_stage_that_could_not_send_is_entered_later(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        all_codes(settings);
        settings.account.rate_limits = default_of("verify_phone");
    })
    .await;
    let first = begin(&app, Kind::StagePhone, "ann").await;
    let mut second = from(&app, "192.0.2.1").await;
    let refused = sign_in(&app, &mut second, &first.email).await;
    assert_eq!(refused.status, 429);
    app.no_other_text_was_sent().await;
    let early = second.get(Kind::StagePhone.door()).await;
    assert_eq!(early.status, 429, "{}", early.text);
    assert_eq!(second.get("/accounts/profile/").await.status, 302);
    seconds.fetch_add(30, Ordering::SeqCst);
    let led = second.get(Kind::StagePhone.door()).await;
    assert_eq!(led.location(), Kind::StagePhone.door(), "{}", led.text);
    let code = code_in(&app.text().await.text);
    let done = post(&mut second, Kind::StagePhone.door(), &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    app.no_other_letter_was_sent().await;
}
