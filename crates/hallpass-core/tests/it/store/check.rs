//! What `check` says about databases that others made, and where it keeps silent.

use hallpass_core::store::{Db, Dialect, check, migrate};
use hallpass_testkit::postgres::Postgres;
use hallpass_testkit::{TestDb, databases, each_database};

each_database!(
    a_site_without_its_row_is_named,
    a_column_of_another_type_is_named,
    columns_more_are_no_fault_unless_they_must_be_given,
);

async fn told(db: &Db) -> Vec<String> {
    let differences = check(db).await.unwrap();
    differences.iter().map(ToString::to_string).collect()
}

async fn run(db: &Db, statements: &[&str]) {
    for statement in statements {
        db.conn().execute(*statement, &[]).await.unwrap();
    }
}

async fn a_site_without_its_row_is_named(db: TestDb) {
    assert_eq!(told(&db.db).await, Vec::<String>::new());
    run(&db.db, &["DELETE FROM django_site"]).await;
    let told = told(&db.db).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("django_site"), "{told:?}");
    // And what it says to do helps.
    assert_eq!(migrate(&db.db).await.unwrap(), ["site example.com added"]);
    assert_eq!(check(&db.db).await.unwrap(), []);
    // The next site gets a key of its own.
    let next = "INSERT INTO django_site (domain, name) VALUES ('b.example', 'b') RETURNING id";
    let row = db.db.conn().query_opt(next, &[]).await.unwrap().unwrap();
    assert!(row.get::<i64>(0).unwrap() > 1);
}

async fn a_column_of_another_type_is_named(db: TestDb) {
    // SQLite changes no type in place: the column is made anew.
    let change = match db.db.dialect() {
        Dialect::Sqlite => vec![
            "ALTER TABLE auth_user DROP COLUMN date_joined",
            "ALTER TABLE auth_user ADD COLUMN date_joined integer NULL",
        ],
        Dialect::Postgres => vec![
            "ALTER TABLE auth_user DROP COLUMN date_joined",
            "ALTER TABLE auth_user ADD COLUMN date_joined integer",
        ],
    };
    run(&db.db, &change).await;
    assert_eq!(
        told(&db.db).await,
        ["column auth_user.date_joined holds integer where time is needed: change its type"]
    );
}

async fn columns_more_are_no_fault_unless_they_must_be_given(db: TestDb) {
    run(
        &db.db,
        &[
            "ALTER TABLE auth_user ADD COLUMN nickname varchar(20)",
            "ALTER TABLE auth_user ADD COLUMN score integer NOT NULL DEFAULT 0",
        ],
    )
    .await;
    assert_eq!(told(&db.db).await, Vec::<String>::new());
    if db.db.dialect() == Dialect::Postgres {
        run(
            &db.db,
            &["ALTER TABLE auth_user ADD COLUMN badge integer NOT NULL"],
        )
        .await;
        let told = told(&db.db).await;
        assert!(
            told.len() == 1 && told[0].contains("auth_user.badge must be given"),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_older_djangos_on_postgres_fit() {
    let db = databases::open(&Postgres::shared().create_database().await);
    run(
        &db,
        &[
            "CREATE EXTENSION citext",
            "ALTER TABLE auth_user ALTER COLUMN email TYPE citext",
            "ALTER TABLE account_emailaddress ALTER COLUMN email TYPE citext",
            "ALTER TABLE auth_user ALTER COLUMN username TYPE varchar(300)",
            "ALTER TABLE account_emailaddress ALTER COLUMN id TYPE bigint",
        ],
    )
    .await;
    assert_eq!(told(&db).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_made_by_somebody_is_no_integer() {
    let db = databases::open(&Postgres::shared().create_database().await);
    run(
        &db,
        &[
            "CREATE TYPE mood AS ENUM ('sad', 'glad')",
            "ALTER TABLE auth_user DROP COLUMN date_joined",
            "ALTER TABLE auth_user ADD COLUMN date_joined mood",
            "ALTER TABLE auth_user ADD COLUMN twice integer NOT NULL GENERATED ALWAYS AS (id * 2) STORED",
        ],
    )
    .await;
    let told = told(&db).await;
    assert!(
        told.len() == 1 && told[0].contains("auth_user.date_joined"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_has_a_template_of_its_own() {
    let shared = databases::open(&Postgres::shared().create_database().await);
    let server = Postgres::start();
    let own = databases::open(&server.create_database().await);
    for db in [shared, own] {
        assert_eq!(migrate(&db).await.unwrap(), Vec::<String>::new());
    }
}
