//! Rate limits wherever they are counted: in the database, in memory, in Redis, by the same tests.

mod memory;
mod redis;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hallpass_core::Failure;
use hallpass_core::domain::{Timestamp, UserId};
use hallpass_core::limits::{Counter, Database, Hits, Limits, Memory, Redis, Subject, Verdict};
use hallpass_core::settings::Rate;
use hallpass_core::store::Db;
use hallpass_testkit::{TestDb, each_database};

each_database!(
    a_window_slides,
    a_hit_taken_back_frees_one_place,
    a_hit_of_another_is_never_taken_back,
    a_lifted_key_begins_anew_and_alone,
    windows_of_one_action_have_logs_of_their_own,
    subjects_are_told_apart,
    a_subject_has_one_spelling,
    parallel_hits_never_exceed,
    processes_share_what_is_shared,
    nothing_passes_a_rate_of_zero,
    a_broken_store_refuses
);

/// Limits of one process, with rates for one action that no other test has.
struct Process {
    limits: Limits,
    action: String,
    db: Db,
}

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

impl Process {
    fn new(rates: &str, counter: Arc<dyn Counter>, db: Db) -> Self {
        Self::of(&fresh_action(), rates, counter, db)
    }

    fn of(action: &str, rates: &str, counter: Arc<dyn Counter>, db: Db) -> Self {
        let rates = HashMap::from([(action.to_owned(), Rate::parse_all(rates).unwrap())]);
        Process {
            limits: Limits::new(rates, 64, counter),
            action: action.to_owned(),
            db,
        }
    }

    async fn try_hit(&self, seconds: u64, subject: Subject<'_>) -> Result<Verdict, Failure> {
        let now = START + Duration::from_secs(seconds);
        let limits = &self.limits;
        limits.hit(&self.db, &self.action, subject, now).await
    }

    /// `None`: within. `Some`: seconds to wait.
    async fn hit(&self, seconds: u64, key: &str) -> Option<u64> {
        match self.try_hit(seconds, by("192.0.2.1", key)).await.unwrap() {
            Verdict::Within(_) => None,
            Verdict::Exceeded { retry_after } => Some(retry_after),
        }
    }

    /// A hit that is within.
    async fn keep(&self, seconds: u64, key: &str) -> Hits {
        match self.try_hit(seconds, by("192.0.2.1", key)).await.unwrap() {
            Verdict::Within(hits) => hits,
            Verdict::Exceeded { .. } => panic!("{key} is refused at {seconds}"),
        }
    }

    async fn take_back(&self, hits: Hits) {
        self.limits.take_back(&self.db, hits).await.unwrap();
    }
}

fn fresh_action() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("act-{process}-{count}-{:?}", Timestamp::now())
}

fn by<'a>(ip: &str, key: &'a str) -> Subject<'a> {
    Subject {
        ip: Some(ip.parse().unwrap()),
        user: None,
        key: Some(key),
    }
}

fn shared_redis() -> Arc<dyn Counter> {
    let server = hallpass_testkit::redis::Redis::shared();
    Arc::new(Redis::open(server.url()).unwrap())
}

/// A process for each place where hits can be kept.
fn everywhere(rates: &str, db: &TestDb) -> [Process; 3] {
    let counters: [Arc<dyn Counter>; 3] = [
        Arc::new(Database),
        Arc::new(Memory::default()),
        shared_redis(),
    ];
    counters.map(|counter| Process::new(rates, counter, db.db.clone()))
}

/// Two processes on one action for each place that processes share.
fn twice(rates: &str, db: &TestDb) -> [[Process; 2]; 2] {
    let (one, other) = (fresh_action(), fresh_action());
    [
        [db.db.clone(), db.again()].map(|db| Process::of(&one, rates, Arc::new(Database), db)),
        [shared_redis(), shared_redis()]
            .map(|counter| Process::of(&other, rates, counter, db.db.clone())),
    ]
}

async fn a_window_slides(db: TestDb) {
    for it in everywhere("2/10s/key", &db) {
        let first = it.keep(0, "a").await;
        assert_eq!(it.hit(4, "a").await, None);
        assert_eq!(it.hit(5, "a").await, Some(6));
        assert_eq!(it.hit(9, "a").await, Some(2));
        assert_eq!(it.hit(10, "a").await, None, "the first has left the window");
        assert_eq!(it.hit(11, "a").await, Some(4), "the refused did not count");
        it.take_back(first).await;
        let left = "taking back a hit that has left frees nothing";
        assert_eq!(it.hit(12, "a").await, Some(3), "{left}");
        assert_eq!(it.hit(500, "a").await, None);
        let other = it.limits.hit(&db.db, "other", by("::1", "a"), START).await;
        assert!(matches!(other.unwrap(), Verdict::Within(_)), "no limits");
    }
}

async fn a_hit_taken_back_frees_one_place(db: TestDb) {
    for it in everywhere("2/10s/key,9/m/ip", &db) {
        assert_eq!(it.hit(0, "a").await, None);
        let own = it.keep(1, "a").await;
        it.take_back(own).await;
        assert_eq!(it.hit(2, "a").await, None, "the place is free again");
        assert_eq!(it.hit(3, "a").await, Some(8), "and only that one");
    }
}

async fn a_hit_of_another_is_never_taken_back(db: TestDb) {
    for it in everywhere("3/10s/key,9/m/ip", &db) {
        // All at the same microsecond.
        let own = it.keep(0, "a").await;
        let _attackers = [it.keep(0, "a").await, it.keep(0, "a").await];
        it.take_back(own).await;
        assert_eq!(it.hit(0, "a").await, None);
        assert_eq!(it.hit(1, "a").await, Some(10));
        // In every window that it was counted in: of nine by this address, four are left with this.
        for key in ["b", "b", "b", "c", "c", "c"] {
            assert_eq!(it.hit(2, key).await, None);
        }
        assert_eq!(it.hit(3, "d").await, Some(58), "nine, not eight");
    }
}

async fn a_lifted_key_begins_anew_and_alone(db: TestDb) {
    for it in everywhere("2/10s/key,9/m/key,6/m/ip", &db) {
        for key in ["ann", "ann", "ben", "ben"] {
            assert_eq!(it.hit(0, key).await, None);
        }
        let lift = it.limits.lift(&it.db, &it.action, " ANN").await;
        lift.unwrap();
        assert_eq!(it.hit(1, "ann").await, None);
        assert_eq!(it.hit(1, "ann").await, None);
        assert_eq!(it.hit(2, "ann").await, Some(10), "two fit, as before");
        assert_eq!(it.hit(2, "ben").await, Some(9), "no other key");
        assert_eq!(it.hit(2, "eve").await, Some(59), "nor the address");
        it.limits.lift(&it.db, &it.action, "nobody").await.unwrap();
    }
}

async fn windows_of_one_action_have_logs_of_their_own(db: TestDb) {
    for it in everywhere("2/10s/key,3/m/key", &db) {
        assert_eq!(it.hit(0, "a").await, None);
        assert_eq!(it.hit(1, "a").await, None);
        assert_eq!(it.hit(2, "a").await, Some(9), "by the first rate");
        let shares = "the second does not count what the first refused, nor forgets in ten seconds";
        assert_eq!(it.hit(11, "a").await, None, "{shares}");
        assert_eq!(it.hit(12, "a").await, Some(49), "by the second rate");
        let charged = "the first stays charged for what the second refused";
        assert_eq!(it.hit(13, "a").await, Some(9), "{charged}");
        assert_eq!(it.hit(61, "a").await, None, "two have left by now");
    }
    // The same rate twice, and two that differ in their amount alone.
    for it in everywhere("2/m/key,2/m/key", &db) {
        assert_eq!(it.hit(0, "a").await, None);
        assert_eq!(it.hit(1, "a").await, None);
        assert_eq!(it.hit(2, "a").await, Some(59));
    }
    for it in everywhere("3/m/key,2/m/key", &db) {
        assert_eq!(it.hit(0, "a").await, None);
        assert_eq!(it.hit(1, "a").await, None);
        assert_eq!(it.hit(2, "a").await, Some(59));
    }
}

async fn subjects_are_told_apart(db: TestDb) {
    for it in everywhere("1/m/ip,1/m/user,1/m/key", &db) {
        let within = async |ip: &str, user: Option<i64>, key: Option<&str>| {
            let subject = Subject {
                ip: Some(ip.parse().unwrap()),
                user: user.map(UserId::from_int),
                key,
            };
            let verdict = it.try_hit(0, subject).await.unwrap();
            matches!(verdict, Verdict::Within(_))
        };
        assert!(within("192.0.2.1", Some(1), Some("1")).await);
        assert!(within("192.0.2.2", Some(2), Some("2")).await);
        assert!(!within("192.0.2.1", Some(3), Some("3")).await, "address");
        assert!(!within("192.0.2.3", Some(2), Some("4")).await, "user");
        assert!(!within("192.0.2.4", Some(4), Some("1")).await, "key");
        assert!(within("192.0.2.5", None, None).await, "nobody has no log");
        assert!(within("192.0.2.6", None, None).await, "nobody has no log");
    }
}

async fn a_subject_has_one_spelling(db: TestDb) {
    for it in everywhere("3/m/key", &db) {
        assert_eq!(it.hit(0, "ann@example.com").await, None);
        assert_eq!(it.hit(1, " ANN@Example.com").await, None);
        // Of full width, and with a sign that is "fi" in one.
        assert_eq!(it.hit(2, "ａｎｎ@example.com").await, None);
        assert_eq!(it.hit(3, "Ａnn@example.com").await, Some(58));
        assert_eq!(it.hit(3, "ann@example.org").await, None);
        assert_eq!(it.hit(4, "\u{fb01}n").await, None);
        assert_eq!(it.hit(5, "fin").await, None);
        assert_eq!(it.hit(6, "FIN").await, None);
        assert_eq!(it.hit(7, "fin").await, Some(58));
    }
    for it in everywhere("2/m/ip", &db) {
        for (ip, fits) in [
            ("2001:db8:1:2::1", true),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2:3:4:5:6", false),
            ("2001:db8:1:3::1", true),
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.7", false),
            ("192.0.2.8", true),
        ] {
            let verdict = it.try_hit(0, by(ip, "")).await.unwrap();
            assert_eq!(matches!(verdict, Verdict::Within(_)), fits, "{ip}");
        }
    }
}

async fn parallel_hits_never_exceed(db: TestDb) {
    let [database, redis] = twice("5/m/ip", &db);
    let memory = Process::new("5/m/ip", Arc::new(Memory::default()), db.db.clone());
    for processes in [Vec::from(database), vec![memory], Vec::from(redis)] {
        let processes = Arc::new(processes);
        let mut hits = tokio::task::JoinSet::new();
        for index in 0..50 {
            let processes = Arc::clone(&processes);
            hits.spawn(async move {
                let it = &processes[index % processes.len()];
                // One network, however the host part changes.
                let ip = format!("2001:db8:1:2::{index:x}");
                let verdict = it.try_hit(0, by(&ip, "")).await.unwrap();
                usize::from(matches!(verdict, Verdict::Within(_)))
            });
        }
        let within: usize = hits.join_all().await.into_iter().sum();
        assert_eq!(within, 5);
    }
}

async fn processes_share_what_is_shared(db: TestDb) {
    for [one, other] in twice("2/10s/key", &db) {
        let first = one.keep(0, "a").await;
        assert_eq!(other.hit(1, "a").await, None);
        assert_eq!(one.hit(2, "a").await, Some(9));
        assert_eq!(other.hit(2, "a").await, Some(9));
        other.take_back(first).await;
        assert_eq!(one.hit(3, "a").await, None);
        assert_eq!(other.hit(4, "a").await, Some(8));
        // Clocks a little apart: a hit from the future counts.
        let ahead = one.hit(30, "b").await.is_none() && one.hit(31, "b").await.is_none();
        assert!(ahead);
        assert!(other.hit(29, "b").await.is_some());
    }
}

async fn nothing_passes_a_rate_of_zero(db: TestDb) {
    for it in everywhere("0/m/key", &db) {
        assert_eq!(it.hit(0, "a").await, Some(61));
    }
}

async fn a_broken_store_refuses(db: TestDb) {
    let it = Process::new("5/m/ip", Arc::new(Database), db.db.clone());
    let drop = db.db.conn().execute("DROP TABLE hallpass_limit", &[]).await;
    drop.unwrap();
    assert!(it.try_hit(0, by("192.0.2.1", "")).await.is_err());
}
