//! Links that are none: what is sent at random, and how much of it.

use hallpass_core::error::{Error, Refusal};
use hallpass_core::flows::magic_link::{Redeemed, Terms};
use hallpass_testkit::app::rates;
use hallpass_testkit::{TestDb, each_database};
use proptest::prelude::*;

use super::{NOW, ann, app, dated, opens, try_redeem};

each_database!(
    what_is_sent_at_random_opens_nothing,
    failures_are_counted_and_then_nobody_is_looked_up,
    what_fails_before_anybody_is_looked_up_does_not_count,
);

async fn what_is_sent_at_random_opens_nothing(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    let mut wrong: Vec<String> = [
        "",
        "=",
        ":",
        "::",
        "a:b",
        "a:b:c",
        "\0",
        "\u{0}AAAA",
        "AAAA",
        "ä",
        "%",
        "../",
        "-----",
    ]
    .map(str::to_owned)
    .to_vec();
    wrong.push("A".repeat(512));
    wrong.push("A".repeat(100_000));
    wrong.push(format!(
        "{}:{}:{}",
        "A".repeat(400),
        "B".repeat(6),
        "C".repeat(27)
    ));
    for at in 0..token.len() {
        let mut letters = token.clone().into_bytes();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(letters).unwrap());
        wrong.push(token[..at].to_owned());
    }
    for length in [4, 18, 19, 24, 25, 64] {
        let text = proptest::string::string_regex(&format!("[A-Za-z0-9_-]{{{length}}}"));
        let strategy = text.unwrap();
        let mut runner = proptest::test_runner::TestRunner::default();
        for _ in 0..20 {
            let tree = strategy.new_tree(&mut runner).unwrap();
            wrong.push(proptest::strategy::ValueTree::current(&tree));
        }
    }
    for wrong in &wrong {
        assert!(!opens(&app, wrong).await, "{wrong:?}");
    }
    assert!(opens(&app, &token).await);
}

async fn failures_are_counted_and_then_nobody_is_looked_up(db: TestDb) {
    let app = app(db, |settings| {
        settings.account.rate_limits = rates(r#"{"magic_link_failed": "3/m/ip"}"#);
    })
    .await;
    let user = ann(&app).await;
    let good = dated(&app, &user, NOW);
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    for _ in 0..3 {
        assert!(!opens(&app, &forged).await);
        assert!(opens(&app, &good).await);
    }
    let limited = |done| match done {
        Err(Error::Refused(Refusal::RateLimited { retry_after })) => {
            (1..=61).contains(&retry_after)
        }
        _ => false,
    };
    let terms = Terms::default();
    assert!(limited(try_redeem(&app.hallpass, &forged, &terms).await));
    // From now on a good one is as little looked at as a bad one, or guessing could go on.
    let before = app.hallpass.db().statements();
    for token in [&forged, &good] {
        assert!(limited(try_redeem(&app.hallpass, token, &terms).await));
    }
    let after = app.hallpass.db().statements();
    assert_eq!(
        (after.reads, after.writes),
        (before.reads, before.writes),
        "somebody was looked up"
    );
}

async fn what_fails_before_anybody_is_looked_up_does_not_count(db: TestDb) {
    let app = app(db, |settings| {
        settings.sesame.max_age = Some(600);
        settings.account.rate_limits = rates(r#"{"magic_link_failed": "1/m/ip"}"#);
    })
    .await;
    let user = ann(&app).await;
    let terms = Terms::default();
    for _ in 0..5 {
        for token in ["AAAA", "", &dated(&app, &user, NOW - 600)] {
            let done = try_redeem(&app.hallpass, token, &terms).await;
            assert!(matches!(done, Ok(Redeemed::Shut)));
        }
    }
    assert!(opens(&app, &dated(&app, &user, NOW)).await);
}
