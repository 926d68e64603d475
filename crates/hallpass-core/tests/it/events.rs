//! What happened to accounts is kept for as long as the settings say, and not longer.

use std::time::Duration;

use hallpass_core::Hallpass;
use hallpass_core::domain::{Client, Timestamp};
use hallpass_core::settings::{Secret, Settings};
use hallpass_core::store::event::{self, Event};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{TestDb, each_database};

each_database!(
    events_go_when_their_days_are_over,
    events_can_be_kept_for_ever,
    many_events_go_at_once
);

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

async fn site(db: &TestDb, days: Option<u64>) -> Hallpass {
    let mut settings = Settings::default();
    settings.general.secret_key = Some(Secret::new(SECRET));
    if let Some(days) = days {
        settings.hallpass.event_retention_days = days;
    }
    let builder = Hallpass::builder(settings).database(db.db.clone());
    builder.clock(|| NOW).build().await.unwrap()
}

async fn happened(site: &Hallpass, at: Timestamp) {
    let event = Event {
        kind: "login",
        user: None,
        method: "password",
        reason: "",
        subject: None,
    };
    let client = Client::new("192.0.2.1".parse().unwrap(), "", "http://localhost");
    let written = event::insert(site.db().conn(), event, &client, at).await;
    written.unwrap();
}

/// How many are left after clearing up.
async fn left(site: &Hallpass) -> i64 {
    site.clear_expired().await.unwrap();
    count(site).await
}

async fn count(site: &Hallpass) -> i64 {
    let sql = "SELECT count(*) FROM hallpass_event";
    let row = site.db().conn().query_opt(sql, &[]).await.unwrap();
    row.unwrap().get(0).unwrap()
}

async fn events_go_when_their_days_are_over(db: TestDb) {
    let site = site(&db, None).await;
    let edge = NOW - DAY * 365;
    for at in [
        edge - Duration::from_micros(1),
        edge,
        edge - DAY,
        NOW,
        NOW + DAY,
    ] {
        happened(&site, at).await;
    }
    assert_eq!(left(&site).await, 3, "a year by default");
    assert_eq!(left(&site).await, 3);
    let shorter = self::site(&db, Some(30)).await;
    assert_eq!(left(&shorter).await, 2);
}

async fn events_can_be_kept_for_ever(db: TestDb) {
    let site = site(&db, Some(0)).await;
    happened(&site, Timestamp::from_seconds(0)).await;
    happened(&site, NOW).await;
    assert_eq!(left(&site).await, 2);
}

async fn many_events_go_at_once(db: TestDb) {
    let site = site(&db, Some(1)).await;
    happened(&site, NOW - DAY * 2).await;
    for _ in 0..12 {
        let twice = "INSERT INTO hallpass_event (at, kind, user_agent, method, reason, data) \
                     SELECT at, kind, user_agent, method, reason, data FROM hallpass_event";
        site.db().conn().execute(twice, &[]).await.unwrap();
    }
    happened(&site, NOW).await;
    assert_eq!(count(&site).await, 4_097);
    assert_eq!(left(&site).await, 1);
}
