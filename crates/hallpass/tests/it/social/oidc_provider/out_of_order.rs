//! A provider that is down, slow or without end: a clear page in bounded time, and nobody else waits.

use std::time::{Duration, Instant};

use hallpass_testkit::each_database;

use super::*;

each_database!(
    a_provider_that_is_down_says_so_and_is_back_later,
    a_provider_that_does_not_end_is_left,
    nobody_waits_for_somebody_elses_provider,
);

#[track_caller]
fn unavailable(answer: &Answer, what: &str) {
    assert_eq!(
        answer.status,
        503,
        "{what}: {} {}",
        answer.location(),
        answer.text
    );
    assert!(
        answer.text.contains("The test house"),
        "{what}: {}",
        answer.text
    );
    shows_a_way_on(answer, what);
}

async fn a_provider_that_is_down_says_so_and_is_back_later(db: TestDb) {
    let site = Site::new(db).await;
    let mut browser = site.app.browser();
    site.provider.stop().await;
    unavailable(&browser.fill(START, &[]).await, "at the start");
    site.provider.run().await;
    site.app.clock().advance(Duration::from_secs(10));
    let address = set_out(&mut browser, START).await;
    let back = site.provider.visit(&address, "ann").await;
    site.provider.stop().await;
    unavailable(&come_back(&mut browser, &back).await, "at the end");
    assert!(!is_in(&mut browser).await);
    site.provider.run().await;
    for fault in [
        "token_down",
        "token_hang_up",
        "userinfo_down",
        "userinfo_hang_up",
    ] {
        site.provider.fault(fault).await;
        unavailable(&site.come("ann").await.1, fault);
    }
    assert_eq!(site.app.count("auth_user").await, 0);
    let answer = site.sign_in(&mut browser, "ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
}

async fn a_provider_that_does_not_end_is_left(db: TestDb) {
    let mut tasks = Vec::new();
    for place in ["discovery", "token", "jwks", "userinfo"] {
        for way in ["slow", "dripping", "endless"] {
            let (db, fault) = (db.shared(), format!("{place}_{way}"));
            tasks.push(tokio::spawn(async move { leaves(db, &fault).await }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn leaves(db: TestDb, fault: &str) {
    let site = Site::with(db, json!({ "alg": "ES256" }), json!({}), |settings| {
        settings.socialaccount.requests_timeout = 6;
    })
    .await;
    let long = Duration::from_secs(120);
    site.provider.faults(fault, 1, long).await;
    let mut browser = site.app.browser();
    let begun = Instant::now();
    let mut answer = browser.fill(START, &[]).await;
    if answer.location().starts_with(site.provider.issuer()) {
        let back = site.provider.visit(answer.location(), "ann").await;
        answer = come_back(&mut browser, &back).await;
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(60), "{fault}: {took:?}");
    let status = answer.status.as_u16();
    assert!([401, 503].contains(&status), "{fault}: {}", answer.text);
    shows_a_way_on(&answer, fault);
    assert!(!is_in(&mut browser).await, "{fault}");
    assert_eq!(site.app.count("auth_user").await, 0, "{fault}");
    assert_eq!(site.provider.struck().await, [fault]);
}

async fn nobody_waits_for_somebody_elses_provider(db: TestDb) {
    let site = Site::with(db, json!({}), json!({}), |settings| {
        settings.socialaccount.requests_timeout = 8;
    })
    .await;
    // What it is like is known, then it hangs for all that come.
    let mut ways = Vec::new();
    for _ in 0..100 {
        let mut browser = site.app.browser();
        let address = set_out(&mut browser, START).await;
        let back = site.provider.visit(&address, "ann").await;
        ways.push((browser, back));
    }
    site.provider
        .faults("token_slow", 100, Duration::from_secs(60))
        .await;
    let begun = Instant::now();
    let waiting: Vec<_> = ways
        .into_iter()
        .map(|(mut browser, back)| {
            tokio::spawn(async move { come_back(&mut browser, &back).await })
        })
        .collect();
    while site.provider.struck().await.is_empty() {
        tokio::task::yield_now().await;
    }
    // Reading and writing meanwhile: an account is made, which wants the database to itself.
    let mut other = site.app.browser();
    assert_eq!(other.get("/accounts/login/").await.status, 200);
    let form = [
        ("username", "bob"),
        ("email", "bob@example.com"),
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let answer = other.fill("/accounts/signup/", &form).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    let waits = waiting.iter().filter(|task| !task.is_finished()).count();
    assert_eq!(waits, 100, "nobody was waited for");
    for task in waiting {
        unavailable(&task.await.unwrap(), "slow");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(site.app.count("socialaccount_socialaccount").await, 0);
}
