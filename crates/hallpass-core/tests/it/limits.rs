//! Rate limits where they are kept: in the database and in memory.

use std::collections::HashMap;
use std::time::Duration;

use hallpass_core::domain::Timestamp;
use hallpass_core::limits::{LimitStore, Limits, Subject, Verdict};
use hallpass_core::settings::Rate;
use hallpass_testkit::{TestDb, each_database};

each_database!(
    a_window_slides,
    a_hit_taken_back_frees_one_place,
    parallel_hits_never_exceed,
    a_broken_store_refuses
);

fn limits(rates: &str, store: LimitStore) -> Limits {
    Limits::new(
        HashMap::from([("act".to_owned(), Rate::parse_all(rates).unwrap())]),
        64,
        store,
    )
}

fn by<'a>(ip: &str, key: &'a str) -> Subject<'a> {
    Subject {
        ip: ip.parse().unwrap(),
        user: None,
        key: Some(key),
    }
}

async fn a_window_slides(db: TestDb) {
    for store in [LimitStore::Database, LimitStore::Memory(Default::default())] {
        let limits = limits("2/10s/key", store);
        let start = Timestamp::from_seconds(1_800_000_000);
        let hit = async |seconds: u64, key: &str| {
            limits
                .hit(
                    &db.db,
                    "act",
                    by("192.0.2.1", key),
                    start + Duration::from_secs(seconds),
                )
                .await
                .unwrap()
        };
        let first = hit(0, "a").await;
        assert!(matches!(hit(4, "A ").await, Verdict::Within(_)));
        assert!(matches!(
            hit(5, "a").await,
            Verdict::Exceeded { retry_after: 6 }
        ));
        assert!(
            matches!(hit(5, "b").await, Verdict::Within(_)),
            "another key"
        );
        assert!(
            matches!(hit(10, "a").await, Verdict::Within(_)),
            "the first has left the window"
        );
        assert!(matches!(hit(11, "a").await, Verdict::Exceeded { .. }));
        let Verdict::Within(hits) = first else {
            panic!("within")
        };
        limits.take_back(&db.db, hits).await.unwrap();
        assert!(
            matches!(hit(12, "a").await, Verdict::Exceeded { .. }),
            "taking back an old hit frees nothing"
        );
        assert!(matches!(
            limits
                .hit(&db.db, "other", by("::1", "a"), start)
                .await
                .unwrap(),
            Verdict::Within(_)
        ));
    }
}

async fn a_hit_taken_back_frees_one_place(db: TestDb) {
    for store in [LimitStore::Database, LimitStore::Memory(Default::default())] {
        let limits = limits("2/10s/key,9/m/ip", store);
        let start = Timestamp::from_seconds(1_800_000_000);
        let hit = async |seconds: u64| {
            limits
                .hit(
                    &db.db,
                    "act",
                    by("192.0.2.1", "a"),
                    start + Duration::from_secs(seconds),
                )
                .await
                .unwrap()
        };
        assert!(matches!(hit(0).await, Verdict::Within(_)));
        let Verdict::Within(own) = hit(1).await else {
            panic!("within")
        };
        limits.take_back(&db.db, own).await.unwrap();
        assert!(
            matches!(hit(2).await, Verdict::Within(_)),
            "the place is free again"
        );
        assert!(
            matches!(hit(3).await, Verdict::Exceeded { .. }),
            "and only that one"
        );
    }
}

async fn parallel_hits_never_exceed(db: TestDb) {
    for store in [LimitStore::Database, LimitStore::Memory(Default::default())] {
        let limits = std::sync::Arc::new(limits("5/m/ip", store));
        let mut hits = Vec::new();
        for index in 0..40 {
            let (limits, db) = (
                limits.clone(),
                if index % 2 == 0 {
                    db.db.clone()
                } else {
                    db.again()
                },
            );
            hits.push(tokio::spawn(async move {
                // One network, however the host part changes.
                let ip = format!("2001:db8:1:2::{index:x}");
                matches!(
                    limits
                        .hit(&db, "act", by(&ip, ""), Timestamp::now())
                        .await
                        .unwrap(),
                    Verdict::Within(_)
                )
            }));
        }
        let mut within = 0;
        for hit in hits {
            within += usize::from(hit.await.unwrap());
        }
        assert_eq!(within, 5);
    }
}

async fn a_broken_store_refuses(db: TestDb) {
    let limits = limits("5/m/ip", LimitStore::Database);
    db.db
        .conn()
        .execute("DROP TABLE hallpass_limit", &[])
        .await
        .unwrap();
    assert!(
        limits
            .hit(&db.db, "act", by("192.0.2.1", ""), Timestamp::now())
            .await
            .is_err()
    );
}
