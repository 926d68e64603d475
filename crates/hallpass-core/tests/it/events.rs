//! What happened to accounts is kept for as long as the settings say, and not longer.

use std::time::Duration;

use hallpass_core::domain::{Client, Timestamp};
use hallpass_core::store::event::{self, Event};
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    events_go_when_their_days_are_over,
    events_can_be_kept_for_ever,
    many_events_go_at_once
);

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

async fn app(db: TestDb, days: Option<u64>) -> TestApp {
    TestApp::at(
        db,
        || NOW,
        |settings| {
            if let Some(days) = days {
                settings.hallpass.event_retention_days = days;
            }
        },
    )
    .await
}

async fn happened(app: &TestApp, at: Timestamp) {
    let event = Event {
        kind: "login",
        user: None,
        method: "password",
        reason: "",
        subject: None,
    };
    let client = Client::new("192.0.2.1".parse().unwrap(), "", "http://localhost");
    let written = event::insert(app.hallpass.db().conn(), event, &client, at).await;
    written.unwrap();
}

/// How many are left after clearing up.
async fn left(app: &TestApp) -> i64 {
    app.hallpass.clear_expired().await.unwrap();
    app.count("hallpass_event").await
}

async fn events_go_when_their_days_are_over(db: TestDb) {
    let app = app(db, None).await;
    let edge = NOW - DAY * 365;
    for at in [
        edge - Duration::from_micros(1),
        edge,
        edge - DAY,
        NOW,
        NOW + DAY,
    ] {
        happened(&app, at).await;
    }
    assert_eq!(left(&app).await, 3, "a year by default");
    assert_eq!(left(&app).await, 3);
    let shorter = self::app(app.db, Some(30)).await;
    assert_eq!(left(&shorter).await, 2);
}

async fn events_can_be_kept_for_ever(db: TestDb) {
    let app = app(db, Some(0)).await;
    happened(&app, Timestamp::from_seconds(0)).await;
    happened(&app, NOW).await;
    assert_eq!(left(&app).await, 2);
}

async fn many_events_go_at_once(db: TestDb) {
    let app = app(db, Some(1)).await;
    happened(&app, NOW - DAY * 2).await;
    for _ in 0..12 {
        app.sql(
            "INSERT INTO hallpass_event (at, kind, user_agent, method, reason, data) \
             SELECT at, kind, user_agent, method, reason, data FROM hallpass_event",
        )
        .await;
    }
    happened(&app, NOW).await;
    assert_eq!(app.count("hallpass_event").await, 4_097);
    assert_eq!(left(&app).await, 1);
}
