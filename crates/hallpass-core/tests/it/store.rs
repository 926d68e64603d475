//! Both databases behind one face.

mod check;

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass_core::domain::Timestamp;
use hallpass_core::store::{DatabaseUrl, Db, DbError, Dialect, Sql, Value, check, migrate};
use hallpass_testkit::postgres::Postgres;
use hallpass_testkit::{TestDb, databases, each_database};

each_database!(
    values_come_back_as_they_went,
    what_no_text_holds_is_an_error_and_no_crash,
    a_duplicate_is_told_apart,
    a_transaction_dropped_leaves_nothing,
    a_cancelled_transaction_leaves_nothing,
    sixty_four_clients_read_and_write,
    migrating_again_does_nothing,
    every_difference_is_named,
);

async fn values_come_back_as_they_went(db: TestDb) {
    let mut conn = db.db.conn();
    let at = Timestamp::from_micros(1_795_227_368_877_825);
    let text = "ünï¢ødé 🔒 'quoted' \"double\" $1 \\ %";
    conn.execute(
        "INSERT INTO hallpass_event (at, kind, user_id, ip, user_agent, method, reason, subject, data) \
         VALUES ($1, $2, $3, $4, $5, '', '', $6, $7)",
        &[
            at.into(),
            "x".into(),
            Value::Null,
            "2001:db8::1".into(),
            text.into(),
            None::<&str>.into(),
            serde_json::json!({ "a": [1, null, "ü"] }).into(),
        ],
    )
    .await
    .unwrap();
    let sql = Sql {
        sqlite: "SELECT at, user_id, ip, user_agent, subject, data FROM hallpass_event WHERE at = $1",
        postgres: "SELECT at, user_id, host(ip), user_agent, subject, data FROM hallpass_event WHERE at = $1",
    };
    let row = conn.query_opt(sql, &[at.into()]).await.unwrap().unwrap();
    assert_eq!(row.get::<Timestamp>(0).unwrap(), at);
    assert_eq!(row.get::<Option<i64>>(1).unwrap(), None);
    assert_eq!(row.get::<String>(2).unwrap(), "2001:db8::1");
    assert_eq!(row.get::<String>(3).unwrap(), text);
    assert_eq!(row.get::<Option<String>>(4).unwrap(), None);
    assert_eq!(
        row.get::<serde_json::Value>(5).unwrap(),
        serde_json::json!({ "a": [1, null, "ü"] })
    );
    assert!(row.get::<bool>(3).is_err() && row.get::<i64>(99).is_err());
    // Used out of order, a placeholder is still the one of its number.
    let row = conn
        .query_opt(
            "SELECT CAST($2 AS text), CAST($1 AS text)",
            &["one".into(), "two".into()],
        )
        .await;
    let row = row.unwrap().unwrap();
    assert_eq!(
        (row.get::<String>(0).unwrap(), row.get::<String>(1).unwrap()),
        ("two".to_owned(), "one".to_owned())
    );
}

async fn what_no_text_holds_is_an_error_and_no_crash(db: TestDb) {
    let sql = "SELECT id FROM auth_user WHERE username = $1";
    assert!(db.db.conn().query(sql, &["a\0b".into()]).await.is_err());
    assert!(
        db.db
            .conn()
            .query(sql, &["x".repeat(2 << 20).into()])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        db.db
            .conn()
            .query("SELECT nonsense FROM nowhere", &[])
            .await
            .is_err()
    );
    assert!(
        db.db
            .conn()
            .query(sql, &["fine".into()])
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_duplicate_is_told_apart(db: TestDb) {
    let sql = "INSERT INTO django_site (domain, name) VALUES ($1, 'x')";
    db.db
        .conn()
        .execute(sql, &["a.example".into()])
        .await
        .unwrap();
    let again = db.db.conn().execute(sql, &["a.example".into()]).await;
    assert!(matches!(again, Err(DbError::Unique(what)) if what.contains("domain")));
}

async fn sites(db: &Db) -> i64 {
    let row = db
        .conn()
        .query_opt("SELECT count(*) FROM django_site", &[])
        .await
        .unwrap()
        .unwrap();
    row.get(0).unwrap()
}

async fn a_transaction_dropped_leaves_nothing(db: TestDb) {
    let before = sites(&db.db).await;
    for _ in 0..40 {
        let mut tx = db.db.begin().await.unwrap();
        tx.conn()
            .execute(
                "INSERT INTO django_site (domain, name) VALUES ('x', 'x')",
                &[],
            )
            .await
            .unwrap();
        drop(tx);
    }
    let mut tx = db.db.begin().await.unwrap();
    tx.conn()
        .execute(
            "INSERT INTO django_site (domain, name) VALUES ('y', 'y')",
            &[],
        )
        .await
        .unwrap();
    tx.rollback().await;
    assert_eq!(sites(&db.db).await, before);
}

async fn a_cancelled_transaction_leaves_nothing(db: TestDb) {
    let before = sites(&db.db).await;
    for _ in 0..20 {
        let writing = async {
            let mut tx = db.db.begin().await.unwrap();
            tx.conn()
                .execute(
                    "INSERT INTO django_site (domain, name) VALUES ('x', 'x')",
                    &[],
                )
                .await
                .unwrap();
            std::future::pending::<()>().await;
        };
        assert!(
            tokio::time::timeout(Duration::from_millis(20), writing)
                .await
                .is_err()
        );
    }
    assert_eq!(sites(&db.db).await, before);
    db.db
        .conn()
        .execute(
            "INSERT INTO django_site (domain, name) VALUES ('x', 'x')",
            &[],
        )
        .await
        .unwrap();
}

async fn sixty_four_clients_read_and_write(db: TestDb) {
    // Half of them through another pool, as another process has it.
    let other = db.again();
    let mut clients = Vec::new();
    for client in 0..64 {
        let db = if client % 2 == 0 {
            db.db.clone()
        } else {
            other.clone()
        };
        clients.push(tokio::spawn(async move {
            for round in 0..20 {
                let key = format!("{client}-{round}");
                let mut tx = db.begin().await.unwrap();
                let sql = "INSERT INTO hallpass_spent (digest, expires_at) VALUES ($1, $2)";
                tx.conn()
                    .execute(sql, &[key.as_str().into(), Timestamp::now().into()])
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                let found = db
                    .conn()
                    .query(
                        "SELECT 1 FROM hallpass_spent WHERE digest = $1",
                        &[key.into()],
                    )
                    .await;
                assert_eq!(found.unwrap().len(), 1);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let row = db
        .db
        .conn()
        .query_opt("SELECT count(*) FROM hallpass_spent", &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 64 * 20);
}

async fn migrating_again_does_nothing(db: TestDb) {
    assert_eq!(migrate(&db.db).await.unwrap(), Vec::<String>::new());
    assert_eq!(check(&db.db).await.unwrap(), []);
    let row = db
        .db
        .conn()
        .query_opt("SELECT count(*) FROM auth_permission", &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 64);
}

async fn every_difference_is_named(db: TestDb) {
    let unique = match db.db.dialect() {
        Dialect::Sqlite => "DROP INDEX unique_verified_email",
        Dialect::Postgres => {
            "ALTER TABLE django_site DROP CONSTRAINT django_site_domain_a2e37b91_uniq"
        }
    };
    for (change, named) in [
        (
            "DROP TABLE hallpass_limit",
            "table hallpass_limit is missing: run `hallpass migrate`",
        ),
        (
            "ALTER TABLE auth_user RENAME COLUMN first_name TO given_name",
            "column auth_user.first_name is missing",
        ),
        (
            "DROP INDEX hallpass_user_email",
            "auth_user has no index on (lower(email))",
        ),
        (unique, "twice"),
    ] {
        db.db.conn().execute(change, &[]).await.unwrap();
        let told: Vec<String> = check(&db.db)
            .await
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            told.iter().any(|line| line.contains(named)),
            "{change}: {told:?}"
        );
    }
    let told: Vec<String> = check(&db.db)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        told.iter()
            .any(|line| line.contains("auth_user.given_name must be given")),
        "{told:?}"
    );
}

/// Columns, indexes and constraints of Django's tables, as the database itself describes them.
async fn described(db: &Db) -> BTreeSet<String> {
    let queries = match db.dialect() {
        Dialect::Sqlite => vec![
            "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || coalesce(c.dflt_value, '-') \
             || ' ' || c.pk FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'",
            "SELECT m.name || ': ' || i.name || ' ' || i.\"unique\" || ' ' || coalesce(replace(replace(lower(x.sql), \
             '\"', ''), ' = 1', ''), '') FROM sqlite_master m JOIN pragma_index_list(m.name) i \
             LEFT JOIN sqlite_master x ON x.name = i.name WHERE m.type = 'table'",
            "SELECT m.name || ' -> ' || f.\"table\" || '.' || f.\"to\" || ' from ' || f.\"from\" \
             FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        ],
        Dialect::Postgres => vec![
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(character_maximum_length, 0) \
             || ' ' || is_nullable || ' ' || coalesce(column_default, '-') || ' ' || is_identity \
             FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT tablename || ': ' || indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT conrelid::regclass::text || ': ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace AND contype <> 'n'",
        ],
    };
    const TABLES: [&str; 13] = [
        "django_content_type",
        "auth_permission",
        "auth_group",
        "auth_group_permissions",
        "auth_user",
        "auth_user_groups",
        "auth_user_user_permissions",
        "django_site",
        "django_session",
        "account_emailaddress",
        "account_emailconfirmation",
        "usersessions_usersession",
        "authtoken_token",
    ];
    let mut lines = BTreeSet::new();
    for query in queries {
        for row in db.conn().query(query, &[]).await.unwrap() {
            let line: String = row.get(0).unwrap();
            let table = line.split(['.', ':', ' ']).next().unwrap();
            // Our own lookup indexes are beside what Django has.
            if TABLES.contains(&table) && !line.contains("hallpass_") {
                lines.insert(line);
            }
        }
    }
    lines
}

async fn run_script(db: &Db, script: &str) {
    for statement in script.split(";\n") {
        let lines: Vec<&str> = statement
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        let statement = lines.join("\n");
        if !statement.trim().is_empty() {
            db.conn()
                .execute(&statement, &[])
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn our_tables_on_sqlite_are_djangos() {
    let (ours, django) = (Db::memory().unwrap(), Db::memory().unwrap());
    migrate(&ours).await.unwrap();
    run_script(&django, include_str!("../data/sqlite.sql")).await;
    let (ours, theirs) = (described(&ours).await, described(&django).await);
    assert!(theirs.len() > 80, "{theirs:?}");
    assert_eq!(ours, theirs);
    // What Django made fits as it is, but for what is ours alone and one row.
    run_script(
        &django,
        "INSERT INTO django_site (id, domain, name) VALUES (1, 'example.com', 'example.com')",
    )
    .await;
    let made = migrate(&django).await.unwrap();
    assert!(
        made.iter().all(|what| what.contains("hallpass_")),
        "{made:?}"
    );
    assert!(
        check(&django)
            .await
            .unwrap()
            .iter()
            .all(hallpass_core::store::Difference::is_advice)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_tables_on_postgres_are_djangos() {
    let server = Postgres::shared();
    let ours = databases::open(&server.create_database().await);
    let django = databases::open(&server.create_empty_database().await);
    run_script(&django, include_str!("../data/postgres.sql")).await;
    let (ours, theirs) = (described(&ours).await, described(&django).await);
    assert!(theirs.len() > 120, "{theirs:?}");
    assert_eq!(ours, theirs);
    run_script(
        &django,
        "INSERT INTO django_site (id, domain, name) VALUES (1, 'example.com', 'example.com')",
    )
    .await;
    let made = migrate(&django).await.unwrap();
    assert!(
        made.iter().all(|what| what.contains("hallpass_")),
        "{made:?}"
    );
    assert!(
        check(&django)
            .await
            .unwrap()
            .iter()
            .all(hallpass_core::store::Difference::is_advice)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_starts_make_the_tables_once() {
    for url in [
        Postgres::shared().create_empty_database().await,
        format!(
            "sqlite:///{}",
            tempfile::tempdir()
                .unwrap()
                .keep()
                .join("new.sqlite3")
                .display()
        ),
    ] {
        let starts = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { migrate(&databases::open(&url)).await.unwrap().len() })
        });
        let mut made = Vec::new();
        for start in starts.collect::<Vec<_>>() {
            made.push(start.await.unwrap());
        }
        assert_eq!(
            made.iter().filter(|count| **count > 0).count(),
            1,
            "{made:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_found_again() {
    let mut server = Postgres::start();
    let url = server.create_empty_database().await;
    let db = databases::open(&url);
    migrate(&db).await.unwrap();
    assert_eq!(sites(&db).await, 1);
    server.stop();
    let away = db.conn().query("SELECT 1", &[]).await;
    assert!(matches!(away, Err(DbError::Failed(failure)) if failure.is_unavailable()));
    server.run();
    let start = std::time::Instant::now();
    while db.conn().query("SELECT 1", &[]).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop();
    server.run();
    // Every pooled connection is dead and nobody noticed: the next read and the next transaction work all the same.
    let start = std::time::Instant::now();
    while std::net::TcpStream::connect(url_host(&url)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sites(&db).await, 1);
    db.begin().await.unwrap().rollback().await;
}

fn url_host(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_libpq_has_it() {
    let (server, pem) = Postgres::start_with_tls();
    let url = server
        .create_empty_database()
        .await
        .replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().unwrap();
    let right = folder.path().join("right.pem");
    std::fs::write(&right, pem).unwrap();
    let wrong = folder.path().join("wrong.pem");
    let (_other, other_pem) = Postgres::start_with_tls();
    std::fs::write(&wrong, other_pem).unwrap();
    let encrypted = async |query: &str| {
        let url = url.replace("sslmode=disable", query);
        let db = databases::open(&url);
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        db.conn()
            .query_opt(sql, &[])
            .await
            .ok()?
            .unwrap()
            .get::<bool>(0)
            .ok()
    };
    assert_eq!(encrypted("sslmode=disable").await, Some(false));
    assert_eq!(encrypted("sslmode=prefer").await, Some(true));
    assert_eq!(encrypted("sslmode=require").await, Some(true));
    let with = |mode: &str, root: &std::path::Path| {
        format!("sslmode={mode}&sslrootcert={}", root.display())
    };
    assert_eq!(encrypted(&with("verify-full", &right)).await, Some(true));
    assert_eq!(encrypted(&with("verify-full", &wrong)).await, None);
    assert_eq!(encrypted(&with("require", &wrong)).await, None);
    assert_eq!(
        encrypted("sslmode=verify-full").await,
        None,
        "no root of the web vouches for it"
    );
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let url = DatabaseUrl::parse("sqlite:////no/such/folder/x.sqlite3").unwrap();
    let told = Db::open(&url, 1, Duration::from_secs(1))
        .err()
        .map(|failure| failure.to_string());
    assert!(told.is_some_and(|text| text.contains("/no/such/folder/x.sqlite3")));
}
