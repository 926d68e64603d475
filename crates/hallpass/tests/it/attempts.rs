//! Wrong codes are counted where nobody can set the count back.
//!
//! The flaws behind these tests: counters in a cookie that can be sent again (CVE-2026-78655), codes of a phone that
//! could be tried without end (allauth before 65.21.0), attempts without end through another interface (before 65.2.0),
//! a success that cleared an attacker's failures (before 65.8.1), attempts in parallel (before 65.19.3).

use std::sync::atomic::Ordering;

use hallpass::settings::{RateLimits, Settings};
use hallpass_testkit::{Answer, TestApp, TestDb, each_database};

use crate::rate_limits::only;
use crate::waits::{
    Kind, Waits, again, all_codes, at_once, attempts, begin, clock, code_in, events, fresh_number,
    post, state,
};

each_database!(
    the_last_wrong_code_ends_it,
    each_kind_has_attempts_of_its_own,
    fifty_wrong_codes_at_once_are_no_more_than_the_attempts,
    a_copied_cookie_brings_no_attempts_back,
    an_old_session_put_back_brings_no_attempts_back,
    a_fresh_code_brings_no_fresh_attempts,
    another_recipient_brings_no_fresh_attempts,
    a_fresh_ceremony_brings_attempts_but_not_without_end,
    a_success_takes_its_own_hit_back_and_no_other,
    a_success_of_another_account_sets_nothing_back,
    what_is_not_typed_is_no_attempt,
    a_ceremony_of_nobody_counts_like_one_of_somebody,
);

fn three(settings: &mut Settings) {
    all_codes(settings);
    attempts(settings, 3);
}

async fn rejected(app: &TestApp, kind: Kind) -> i64 {
    events(app, kind.rejected(), "incorrect_code").await
}

/// How many codes were tried at all.
async fn tried(app: &TestApp, waits: &mut Waits, times: usize) -> i64 {
    let before = rejected(app, waits.kind).await;
    for _ in 0..times {
        let wrong = waits.wrong();
        waits.refuses(app, &wrong).await;
    }
    rejected(app, waits.kind).await - before
}

async fn the_last_wrong_code_ends_it(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let wrong = waits.wrong();
        for _ in 0..2 {
            let answer = waits.refuses(&app, &wrong).await;
            assert_eq!(answer.status, 400, "{kind:?}");
            assert!(answer.text.contains("The code is not correct."), "{kind:?}");
        }
        let last = waits.refuses(&app, &wrong).await;
        assert_eq!(rejected(&app, kind).await, 3, "{kind:?}");
        let code = waits.code.clone();
        if kind == Kind::Reauth {
            // A fresh proof is asked for on the same page, with another code.
            assert_eq!(last.status, 400);
            let fresh = code_in(&app.letter().await.text);
            assert_ne!(fresh, code);
            waits.refuses(&app, &code).await;
            waits.code = fresh;
            waits.is_good().await;
        } else {
            assert_eq!(last.status, 302, "{kind:?}: {}", last.text);
            assert_ne!(last.location(), kind.door(), "{kind:?}");
            assert_eq!(app.count("hallpass_code").await, 0, "{kind:?}");
            waits.refuses(&app, &code).await;
            // Nothing waits any more, whichever page is opened.
            let page = waits.browser.get(kind.door()).await;
            assert_eq!(page.status, 302, "{kind:?}");
            assert_ne!(page.location(), kind.door(), "{kind:?}");
        }
        app.sql("DELETE FROM hallpass_event").await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn each_kind_has_attempts_of_its_own(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        let account = &mut settings.account;
        account.login_by_code_max_attempts = 1;
        account.email_verification_by_code_max_attempts = 2;
        account.phone_verification_max_attempts = 4;
        account.password_reset_by_code_max_attempts = 5;
    })
    .await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let most = match kind {
            Kind::Login | Kind::Demanded => 1,
            Kind::StageEmail | Kind::AddEmail => 2,
            Kind::StagePhone | Kind::ChangePhone => 4,
            Kind::Reset => 5,
            Kind::Reauth => continue,
        };
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        assert_eq!(tried(&app, &mut waits, 7).await, most, "{kind:?}");
        let code = waits.code.clone();
        waits.refuses(&app, &code).await;
    }
    app.no_other_letter_was_sent().await;
}

async fn fifty_wrong_codes_at_once_are_no_more_than_the_attempts(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let (before, unchanged) = (rejected(&app, kind).await, state(&app).await);
        let wrong = waits.wrong();
        let browsers = vec![waits.browser.clone(); 50];
        at_once(browsers, kind.door(), &[("code", &wrong)]).await;
        let tried = rejected(&app, kind).await - before;
        // A fresh proof goes on with a fresh code, so that three fall to each.
        let codes = 1 + app.letters().await.len();
        assert_eq!(codes == 1, kind != Kind::Reauth, "{kind:?}");
        let most = 3 * i64::try_from(codes).unwrap();
        assert!((3..=most).contains(&tried), "{kind:?}: {tried} of {most}");
        let code = waits.code.clone();
        waits.refuses(&app, &code).await;
        assert_eq!(unchanged, state(&app).await);
        app.letters().await;
    }
    app.no_other_text_was_sent().await;
}

async fn a_copied_cookie_brings_no_attempts_back(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let mut copies = vec![waits.clone(); 5];
        assert_eq!(tried(&app, &mut waits, 2).await, 2, "{kind:?}");
        assert_eq!(tried(&app, &mut copies[0], 1).await, 1, "{kind:?}");
        let code = waits.code.clone();
        for copy in &mut copies {
            copy.refuses(&app, &code).await;
        }
        waits.refuses(&app, &code).await;
        app.letters().await;
    }
}

/// As if the state were the browser's own, to be sent again as it was.
async fn an_old_session_put_back_brings_no_attempts_back(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        let conn = || app.db.db.conn();
        app.sql("DROP TABLE IF EXISTS kept").await;
        app.sql("CREATE TABLE kept AS SELECT session_key, session_data FROM django_session")
            .await;
        assert_eq!(tried(&app, &mut waits.clone(), 3).await, 3, "{kind:?}");
        let restored = conn()
            .execute(
                "UPDATE django_session SET session_data = (SELECT k.session_data FROM kept k \
                 WHERE k.session_key = django_session.session_key) \
                 WHERE session_key IN (SELECT session_key FROM kept)",
                &[],
            )
            .await
            .unwrap();
        assert!(restored > 0, "{kind:?}");
        let code = waits.code.clone();
        waits.refuses(&app, &code).await;
        app.letters().await;
    }
}

async fn a_fresh_code_brings_no_fresh_attempts(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        if matches!(kind, Kind::Reset | Kind::Reauth) {
            continue;
        }
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        assert_eq!(tried(&app, &mut waits, 2).await, 2, "{kind:?}");
        let sent = waits.acts("resend", &[]).await;
        assert_eq!(sent.status, 302, "{kind:?}: {}", sent.text);
        waits.code = match kind {
            Kind::StagePhone | Kind::ChangePhone => code_in(&app.text().await.text),
            _ => code_in(&app.letter().await.text),
        };
        assert_eq!(tried(&app, &mut waits, 3).await, 1, "{kind:?}");
        let code = waits.code.clone();
        waits.refuses(&app, &code).await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn another_recipient_brings_no_fresh_attempts(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        three(settings);
        settings.account.login_by_code_required.after.clear();
    })
    .await;
    let mut browser = app.browser();
    let number = fresh_number();
    let fields = [
        ("email", "eve@example.com"),
        ("phone", number.as_str()),
        ("password1", "correct-horse-9"),
    ];
    let done = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(done.location(), Kind::StagePhone.door(), "{}", done.text);
    let door = Kind::StagePhone.door();
    for _ in 0..2 {
        let wrong = post(&mut browser, door, &[("code", "BBBB-BBBB")]).await;
        assert_eq!(wrong.status, 400);
    }
    app.texts().await;
    let other = fresh_number();
    let fields = [("action", "change"), ("phone", other.as_str())];
    assert_eq!(post(&mut browser, door, &fields).await.status, 302);
    let code = code_in(&app.text().await.text);
    let last = post(&mut browser, door, &[("code", "BBBB-BBBB")]).await;
    assert_eq!(last.status, 302, "the third in all: {}", last.text);
    let late = post(&mut browser, door, &[("code", &code)]).await;
    assert_eq!(late.location(), "/accounts/login/");
    assert_eq!(app.count("hallpass_phone WHERE verified").await, 0);
    assert_eq!(app.count("usersessions_usersession").await, 0);
}

async fn a_fresh_ceremony_brings_attempts_but_not_without_end(db: TestDb) {
    let (seconds, clock) = clock!(db);
    let app = TestApp::at(db, clock, |settings| {
        three(settings);
        settings.account.rate_limits = only(&[("confirm_code", "5/h/key")]);
    })
    .await;
    for (index, kind) in [Kind::Login, Kind::Demanded, Kind::Reset]
        .into_iter()
        .enumerate()
    {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        assert_eq!(tried(&app, &mut waits, 3).await, 3, "{kind:?}");
        let anew = |browser| again(&app, kind, waits.user, browser, &waits.email, "");
        let mut second = anew(app.browser()).await;
        assert_eq!(tried(&app, &mut second, 2).await, 2, "{kind:?}");
        // It would have one attempt more, and another browser as well. From elsewhere, too, where another proof was given
        // before; where a stranger can begin, that would let him lock the owner out.
        let mut third = anew(app.browser()).await;
        if kind == Kind::Demanded {
            third.browser.peer = "198.51.100.7:1".parse().unwrap();
        }
        for waits in [&mut second, &mut third] {
            for code in [waits.wrong(), waits.code.clone()] {
                let answer = waits.refuses(&app, &code).await;
                assert_eq!(answer.status, 429, "{kind:?}");
                let wait: u64 = answer.header("retry-after").parse().unwrap();
                assert!((3500..=3601).contains(&wait), "{wait}");
            }
        }
        assert_eq!(rejected(&app, kind).await, 5, "{kind:?}");
        if kind != Kind::Demanded {
            let mut owner = app.browser();
            owner.peer = "198.51.100.7:1".parse().unwrap();
            anew(owner).await.is_good().await;
        }
        seconds.fetch_add(3600, Ordering::SeqCst);
        anew(app.browser()).await.is_good().await;
        app.sql("DELETE FROM hallpass_event").await;
    }
    app.no_other_letter_was_sent().await;
}

fn key_and_ip(rates: &'static str) -> impl FnOnce(&mut Settings) {
    move |settings| {
        all_codes(settings);
        attempts(settings, 100);
        settings.account.rate_limits = only(&[("confirm_code", rates)]);
    }
}

async fn a_success_takes_its_own_hit_back_and_no_other(db: TestDb) {
    let app = TestApp::with(db, key_and_ip("3/h/key")).await;
    let mut waits = begin(&app, Kind::Login, "ann").await;
    assert_eq!(tried(&app, &mut waits, 2).await, 2);
    waits.is_good().await;
    let mut second = again(
        &app,
        Kind::Login,
        waits.user,
        app.browser(),
        &waits.email,
        "",
    )
    .await;
    // Two failures stay: one more fits, since the success is not among them.
    assert_eq!(tried(&app, &mut second, 1).await, 1);
    let code = second.code.clone();
    assert_eq!(second.refuses(&app, &code).await.status, 429);
    app.no_other_letter_was_sent().await;
}

async fn a_success_of_another_account_sets_nothing_back(db: TestDb) {
    let app = TestApp::with(db, key_and_ip("5/h/ip,3/h/key")).await;
    let mut victim = begin(&app, Kind::Login, "ann").await;
    assert_eq!(tried(&app, &mut victim, 2).await, 2);
    // An account of the attacker's own, from the same address and in the same browser.
    for round in 0..3 {
        begin(&app, Kind::Login, &format!("eve{round}"))
            .await
            .is_good()
            .await;
    }
    assert_eq!(tried(&app, &mut victim, 1).await, 1);
    let code = victim.code.clone();
    assert_eq!(victim.refuses(&app, &code).await.status, 429, "the key");
    // Which had counted for the address: the rates of an action are counted in order.
    let mut other = begin(&app, Kind::Login, "bob").await;
    assert_eq!(tried(&app, &mut other, 1).await, 1);
    let code = other.code.clone();
    assert_eq!(other.refuses(&app, &code).await.status, 429, "the address");
    other.browser.peer = "198.51.100.7:1".parse().unwrap();
    other.is_good().await;
    app.no_other_letter_was_sent().await;
}

async fn what_is_not_typed_is_no_attempt(db: TestDb) {
    let app = TestApp::with(db, three).await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let mut waits = begin(&app, kind, &format!("p{index}")).await;
        for blank in ["", " ", "\u{3000}\t"] {
            let answer: Answer = waits.refuses(&app, blank).await;
            assert_eq!(answer.status, 400, "{kind:?}");
        }
        let before = app.count("hallpass_code WHERE attempts > 0").await;
        assert_eq!(before, 0, "{kind:?}");
        // What can be no code counts.
        let garbage = ["\0", &"B".repeat(100_000), "’ OR 1=1"];
        for garbage in &garbage[..2] {
            waits.refuses(&app, garbage).await;
        }
        assert_eq!(app.count("hallpass_code WHERE attempts = 2").await, 1);
        waits.is_good().await;
    }
    app.no_other_letter_was_sent().await;
}

async fn a_ceremony_of_nobody_counts_like_one_of_somebody(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        three(settings);
        settings.account.rate_limits = RateLimits::none();
    })
    .await;
    let known = begin(&app, Kind::Login, "ann").await;
    let mut unknown = app.browser();
    let fields = [("email", "nobody@example.com")];
    unknown.fill("/accounts/login/code/", &fields).await;
    let mut seen = Vec::new();
    for mut browser in [known.browser.clone(), unknown] {
        let mut answers = Vec::new();
        for _ in 0..4 {
            let door = Kind::Login.door();
            let answer = post(&mut browser, door, &[("code", "BBBB-BBBC")]).await;
            answers.push((answer.status, answer.location().to_owned()));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(rejected(&app, Kind::Login).await, 6);

    app.letters().await;
    let known = begin(&app, Kind::Reset, "bob").await;
    let mut unknown = app.browser();
    unknown.fill("/accounts/password/reset/", &fields).await;
    let mut seen = Vec::new();
    for mut browser in [known.browser.clone(), unknown] {
        let mut answers = Vec::new();
        for _ in 0..4 {
            let door = Kind::Reset.door();
            let answer = post(&mut browser, door, &[("code", "BBBB-BBBC")]).await;
            answers.push((answer.status, answer.location().to_owned()));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(rejected(&app, Kind::Reset).await, 6);
}
