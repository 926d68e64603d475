//! What goes wrong around a database: calls given up halfway, locks of other programs, queues that are full.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hallpass_core::domain::Timestamp;
use hallpass_core::store::{DatabaseUrl, Db, DbError, Dialect, Sql, Value};
use hallpass_testkit::postgres::Postgres;
use hallpass_testkit::{TestDb, databases, each_database};

each_database!(
    a_begin_given_up_halfway_leaves_nothing_open,
    a_transaction_with_a_failed_statement_does_not_commit,
    a_statement_given_up_halfway_spoils_its_transaction,
    values_must_be_as_many_as_placeholders,
    more_than_sixteen_values_are_all_written,
    a_write_behind_a_with_is_a_write,
    a_full_queue_is_told_apart,
    a_table_may_change_under_a_prepared_statement,
);

const INSERT: &str = "INSERT INTO django_site (domain, name) VALUES ($1, $1)";

async fn count(db: &Db, domain: &str) -> usize {
    let sql = "SELECT 1 FROM django_site WHERE domain = $1";
    db.conn().query(sql, &[domain.into()]).await.unwrap().len()
}

fn is_unavailable<T>(answer: &Result<T, DbError>) -> bool {
    matches!(answer, Err(DbError::Failed(failure)) if failure.is_unavailable())
}

fn open(url: &str, connections: usize, timeout: Duration) -> Db {
    Db::open(&DatabaseUrl::parse(url).unwrap(), connections, timeout).unwrap()
}

/// A person who closes the browser while `BEGIN` is under way must not leave a connection in the pool on which other
/// people's writes are never committed.
async fn a_begin_given_up_halfway_leaves_nothing_open(db: TestDb) {
    let narrow = open(&db.url, 1, Duration::from_secs(10));
    let mut given_up = 0;
    for round in 0..200 {
        count(&narrow, "warm").await;
        {
            let mut begin = pin!(narrow.begin());
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..=round % 3 {
                if begin.as_mut().poll(&mut context).is_ready() {
                    break;
                }
                given_up += 1;
                tokio::task::yield_now().await;
            }
        }
        let domain = format!("{round}.example");
        let params = [Value::from(&domain)];
        assert_eq!(narrow.conn().execute(INSERT, &params).await.unwrap(), 1);
        assert_eq!(
            count(&db.db, &domain).await,
            1,
            "round {round}: not committed"
        );
    }
    assert!(given_up > 0 || db.db.dialect() == Dialect::Sqlite);
}

/// PostgreSQL undoes all of a transaction in which a statement failed, even when it is told to commit; what calls
/// itself committed must be there. The same on SQLite, so that a test there finds it.
async fn a_transaction_with_a_failed_statement_does_not_commit(db: TestDb) {
    db.db
        .conn()
        .execute(INSERT, &["taken.example".into()])
        .await
        .unwrap();
    let mut tx = db.db.begin().await.unwrap();
    tx.conn()
        .execute(INSERT, &["first.example".into()])
        .await
        .unwrap();
    let again = tx.conn().execute(INSERT, &["taken.example".into()]).await;
    assert!(matches!(again, Err(DbError::Unique(_))));
    let after = tx.conn().execute(INSERT, &["after.example".into()]).await;
    assert!(after.is_err(), "the transaction is over");
    assert!(tx.commit().await.is_err());
    for domain in ["first.example", "after.example"] {
        assert_eq!(count(&db.db, domain).await, 0, "{domain}");
    }
    db.db
        .conn()
        .execute(INSERT, &["later.example".into()])
        .await
        .unwrap();
    assert_eq!(count(&db.again(), "later.example").await, 1);
}

/// What became of a statement whose answer nobody waited for is not known, so the rest must not be committed.
async fn a_statement_given_up_halfway_spoils_its_transaction(db: TestDb) {
    let mut tx = db.db.begin().await.unwrap();
    let mut given_up = false;
    {
        let mut conn = tx.conn();
        let params = [Value::from("half.example")];
        let mut insert = pin!(conn.execute(INSERT, &params));
        let mut context = Context::from_waker(Waker::noop());
        given_up |= matches!(insert.as_mut().poll(&mut context), Poll::Pending);
    }
    // SQLite answers in place: there is no halfway.
    assert_eq!(given_up, db.db.dialect() == Dialect::Postgres);
    assert_eq!(tx.commit().await.is_err(), given_up);
    assert_eq!(
        count(&db.again(), "half.example").await,
        usize::from(!given_up)
    );
}

async fn values_must_be_as_many_as_placeholders(db: TestDb) {
    let sql = "INSERT INTO django_site (domain, name) VALUES ($1, $2)";
    for params in [
        vec![],
        vec!["a".into()],
        vec!["a".into(), "b".into(), "c".into()],
    ] {
        let answer: Result<u64, DbError> = db.db.conn().execute(sql, &params).await;
        let told = format!("{:?}", answer.unwrap_err());
        assert!(told.contains("placeholders"), "{told}");
    }
    assert_eq!(count(&db.db, "a").await, 0);
}

async fn more_than_sixteen_values_are_all_written(db: TestDb) {
    let list: Vec<String> = (1..=40).map(|n| format!("CAST(${n} AS integer)")).collect();
    let values: Vec<Value> = (1..=40_i64).map(Value::from).collect();
    let sql = format!("SELECT {}", list.join(", "));
    let row = db
        .db
        .conn()
        .query_opt(&sql, &values)
        .await
        .unwrap()
        .unwrap();
    let back: Vec<i64> = (0..40).map(|index| row.get(index).unwrap()).collect();
    assert_eq!(back, (1..=40).collect::<Vec<i64>>());
}

async fn a_write_behind_a_with_is_a_write(db: TestDb) {
    let before = db.db.statements();
    let sql = Sql {
        sqlite: "WITH wanted(x) AS (SELECT $1) INSERT INTO django_site (domain, name) SELECT x, x FROM wanted",
        postgres: "WITH wanted(x) AS (SELECT $1::text) INSERT INTO django_site (domain, name) SELECT x, x FROM wanted",
    };
    db.db
        .conn()
        .execute(sql, &["with.example".into()])
        .await
        .unwrap();
    let read = "WITH updated AS (SELECT domain FROM django_site) SELECT domain FROM updated";
    db.db.conn().query(read, &[]).await.unwrap();
    let after = db.db.statements();
    assert_eq!(
        (after.reads - before.reads, after.writes - before.writes),
        (1, 1)
    );
    assert_eq!(count(&db.db, "with.example").await, 1);
}

async fn a_full_queue_is_told_apart(db: TestDb) {
    let narrow = open(&db.url, 1, Duration::from_millis(200));
    let tx = narrow.begin().await.unwrap();
    let start = Instant::now();
    assert!(is_unavailable(&narrow.begin().await.map(drop)));
    let write = narrow.conn().execute(INSERT, &["x".into()]).await;
    assert!(is_unavailable(&write));
    assert!(start.elapsed() < Duration::from_secs(5));
    tx.rollback().await;
    narrow.conn().execute(INSERT, &["x".into()]).await.unwrap();
}

/// Django's migrations run while we do: a statement that was planned for the old table is planned anew.
async fn a_table_may_change_under_a_prepared_statement(db: TestDb) {
    let narrow = open(&db.url, 1, Duration::from_secs(10));
    let read = "SELECT * FROM django_site WHERE domain = $1";
    let write = "UPDATE django_site SET name = name WHERE domain = $1 RETURNING *";
    let params = [Value::from("example.com")];
    for sql in [read, write] {
        narrow.conn().query(sql, &params).await.unwrap();
    }
    db.db
        .conn()
        .execute(
            "ALTER TABLE django_site ADD COLUMN colour varchar(9) DEFAULT 'red'",
            &[],
        )
        .await
        .unwrap();
    for sql in [read, write] {
        let row = narrow
            .conn()
            .query_opt(sql, &params)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<String>(3).unwrap(), "red");
    }
}

/// Django, or anybody else, writes to the file: we wait without holding up a thread, and not for ever.
#[tokio::test]
async fn another_programs_lock_holds_up_nobody() {
    let db = TestDb::sqlite().await;
    let django = db.again();
    let lock = django.begin().await.unwrap();
    let patient = db.db.clone();
    let write = tokio::spawn(async move {
        let params = [Value::from("waits.example")];
        patient.conn().execute(INSERT, &params).await.map(|_| ())
    });
    // One thread: while the writer waits, this goes on, and so do readers.
    for _ in 0..20 {
        tokio::task::yield_now().await;
        assert_eq!(count(&db.db, "waits.example").await, 0);
    }
    assert!(!write.is_finished());
    let hasty = open(&db.url, 1, Duration::from_millis(100));
    assert!(is_unavailable(
        &hasty
            .conn()
            .execute(INSERT, &["hasty.example".into()])
            .await
    ));
    assert!(is_unavailable(&hasty.begin().await.map(drop)));
    lock.commit().await.unwrap();
    write.await.unwrap().unwrap();
    assert_eq!(count(&django, "waits.example").await, 1);
    assert_eq!(count(&django, "hasty.example").await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = TestDb::sqlite().await;
    db.db.conn().execute(INSERT, &["x".into()]).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(db.folder().unwrap()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}

/// Columns of an app's own have types that our tables do not; they come as text or as an error, never as garbage.
#[tokio::test(flavor = "multi_thread")]
async fn types_of_postgres_are_read_or_refused() {
    let db = TestDb::postgres().await;
    let text = async |sql: &str| {
        let row = db.db.conn().query_opt(sql, &[]).await.ok()??;
        row.get::<String>(0).ok()
    };
    for (sql, wanted) in [
        ("SELECT '192.0.2.7'::inet", "192.0.2.7"),
        ("SELECT '192.0.2.7/24'::inet", "192.0.2.7/24"),
        ("SELECT '10.0.0.0/8'::cidr", "10.0.0.0/8"),
        ("SELECT '2001:db8::1'::inet", "2001:db8::1"),
        (
            "SELECT '0f8fad5b-d9cb-469f-a165-70867728950e'::uuid",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
        ),
        ("SELECT 'ünï'::char(3)", "ünï"),
        ("SELECT 'name'::name", "name"),
    ] {
        assert_eq!(text(sql).await.as_deref(), Some(wanted), "{sql}");
    }
    for sql in [
        "SELECT 1.5::numeric",
        "SELECT 1.5::float8",
        "SELECT '1 day'::interval",
        "SELECT 'abc'::bytea",
        "SELECT date '2026-11-21'",
        "SELECT 'infinity'::timestamptz",
        "SELECT ARRAY['a']",
    ] {
        assert!(db.db.conn().query(sql, &[]).await.is_err(), "{sql}");
    }
    // What does not fit a parameter is refused before it is sent as something else.
    let at = Value::from(Timestamp::now());
    let uuid = Value::from("0f8fad5b-d9cb-469f-a165-70867728950e");
    for (sql, value, fits) in [
        (
            "SELECT $1::uuid = '0F8FAD5B-D9CB-469F-A165-70867728950E'",
            uuid,
            true,
        ),
        ("SELECT $1::inet = '192.0.2.7'", "192.0.2.7".into(), true),
        ("SELECT $1::inet IS NULL", "nonsense".into(), false),
        ("SELECT $1::uuid IS NULL", "nonsense".into(), false),
        ("SELECT $1::int8 IS NULL", "12345678".into(), false),
        ("SELECT $1::int8 IS NULL", at.clone(), false),
        ("SELECT $1::int2 = 1", 70_000_i64.into(), false),
        ("SELECT $1::int4 = 1", true.into(), false),
        ("SELECT $1::float8 IS NULL", at, false),
        ("SELECT $1::text = 'x'", 1_i64.into(), false),
    ] {
        let answer = db.db.conn().query_opt(sql, &[value]).await;
        match answer {
            Ok(row) => assert!(fits && row.unwrap().get::<bool>(0).unwrap(), "{sql}"),
            Err(error) => assert!(!fits, "{sql}: {error:?}"),
        }
    }
}

/// Every connection that the pool kept has died; the very next call finds out and connects anew, however many there were.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_dead_connections_is_let_go() {
    let server = Postgres::shared();
    let url = server.create_empty_database().await;
    let (db, other) = (databases::open(&url), databases::open(&url));
    for _ in 0..10 {
        let mut open = Vec::new();
        for _ in 0..8 {
            open.push(db.begin().await.unwrap());
        }
        for tx in open {
            tx.rollback().await;
        }
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let row = other.conn().query_opt(kill, &[]).await.unwrap().unwrap();
        assert!(row.get::<i64>(0).unwrap() >= 8);
        db.conn().query("SELECT 1", &[]).await.unwrap();
        db.begin().await.unwrap().rollback().await;
    }
}

/// The server is there and healthy but has no place: the visitor is told to try again.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_is_a_passing_thing() {
    let url = Postgres::shared().create_empty_database().await;
    let db = databases::open(&url);
    let name = url::Url::parse(&url).unwrap().path()[1..].to_owned();
    let role = format!("{name}_guest");
    for sql in [
        format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 1"),
        format!("GRANT CONNECT ON DATABASE {name} TO {role}"),
    ] {
        db.conn().execute(&sql, &[]).await.unwrap();
    }
    let mut guest = url::Url::parse(&url).unwrap();
    guest.set_username(&role).unwrap();
    let (first, second) = (
        databases::open(guest.as_str()),
        databases::open(guest.as_str()),
    );
    first.conn().query("SELECT 1", &[]).await.unwrap();
    assert!(is_unavailable(&second.conn().query("SELECT 1", &[]).await));
}
