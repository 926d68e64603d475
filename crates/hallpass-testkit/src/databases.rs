//! A database a test, on SQLite and on PostgreSQL with the same test.

use std::sync::Arc;
use std::time::Duration;

use hallpass_core::store::{DatabaseUrl, Db, migrate};

use crate::postgres::Postgres;

/// A database with all tables, for one test. Clones are the same database, for apps that differ in their settings.
#[derive(Clone)]
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Its DATABASE_URL.
    pub url: String,
    folder: Option<Arc<tempfile::TempDir>>,
}

impl TestDb {
    /// SQLite in a file, in memory's own file system where there is one.
    pub async fn sqlite() -> Self {
        let parent = std::path::Path::new("/dev/shm");
        let folder = if parent.is_dir() {
            tempfile::tempdir_in(parent)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a folder");
        let url = format!("sqlite:///{}", folder.path().join("test.sqlite3").display());
        let db = open(&url);
        migrate(&db).await.expect("the tables are made");
        TestDb {
            db,
            url,
            folder: Some(Arc::new(folder)),
        }
    }

    /// PostgreSQL.
    pub async fn postgres() -> Self {
        let url = Postgres::shared().create_database().await;
        TestDb {
            db: open(&url),
            url,
            folder: None,
        }
    }

    /// Another database of the same kind, without any tables.
    pub async fn empty(&self) -> Self {
        let Some(parent) = self.folder().and_then(std::path::Path::parent) else {
            let url = Postgres::shared().create_empty_database().await;
            return TestDb {
                db: open(&url),
                url,
                folder: None,
            };
        };
        let folder = tempfile::tempdir_in(parent).expect("a folder");
        let url = format!("sqlite:///{}", folder.path().join("own.sqlite3").display());
        TestDb {
            db: open(&url),
            url,
            folder: Some(Arc::new(folder)),
        }
    }

    /// The same database for another app. It is gone with the first one.
    pub fn shared(&self) -> TestDb {
        TestDb {
            db: self.db.clone(),
            url: self.url.clone(),
            folder: None,
        }
    }

    /// Another pool on the same database, as another process would have.
    pub fn again(&self) -> Db {
        open(&self.url)
    }

    /// The folder of the file, on SQLite.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(|folder| folder.path())
    }
}

/// Opens a database as the tests do.
pub fn open(url: &str) -> Db {
    let url = DatabaseUrl::parse(url).expect("a URL");
    Db::open(&url, 16, Duration::from_secs(10)).expect("a database")
}

/// Makes of `async fn name(db: TestDb)` the tests `name::on_sqlite` and `name::on_postgres`.
#[macro_export]
macro_rules! each_database {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::TestDb::sqlite().await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name($crate::TestDb::postgres().await).await;
            }
        }
    )*};
}
