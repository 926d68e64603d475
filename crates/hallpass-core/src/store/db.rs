//! `Db`, `Tx` and `Conn`: either database behind one face. The drivers stand in `sqlite.rs` and `postgres.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::url::{DatabaseUrl, Target};
use super::{Row, Sql, UserTable, Value, postgres, sqlite};
use crate::error::Failure;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// Statements run so far, for tests that count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statements {
    /// Statements that only read.
    pub reads: u64,
    /// Statements that may write; `BEGIN` and `COMMIT` do not count.
    pub writes: u64,
}

/// What a statement may answer instead of rows.
#[derive(Debug)]
pub enum DbError {
    /// A unique constraint refused the write; the constraint's name or `table.column` list.
    Unique(String),
    /// Another row refers to what was to go, or what was to be referred to is gone; the constraint's name, where the
    /// database tells it. Django's constraints say so at the commit.
    Foreign(String),
    /// Anything else.
    Failed(Failure),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Failure {
        match error {
            DbError::Unique(what) => Failure::new(format!("unexpected duplicate: {what}")),
            DbError::Foreign(what) => {
                Failure::new(format!("a row that others need is gone: {what}"))
            }
            DbError::Failed(failure) => failure,
        }
    }
}

impl From<DbError> for crate::error::Error {
    fn from(error: DbError) -> Self {
        crate::error::Error::Failed(error.into())
    }
}

/// The database, and which table of it has the users: cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    users: Arc<UserTable>,
}

struct Inner {
    driver: Driver,
    reads: AtomicU64,
    writes: AtomicU64,
}

enum Driver {
    Sqlite(sqlite::Pool),
    Postgres(postgres::Pool),
}

/// An open transaction. Dropped without [`Tx::commit`], it is rolled back.
///
/// **A statement that fails ends it**, and so does one whose future is dropped halfway: what comes after is refused,
/// the commit too. That is PostgreSQL's rule, but PostgreSQL undoes everything while it says that the commit went
/// well; here it is an error, on both databases. Where a duplicate is expected, write `ON CONFLICT DO NOTHING`.
pub struct Tx {
    db: Db,
    driver: TxDriver,
    over: bool,
}

enum TxDriver {
    Sqlite(sqlite::Tx),
    Postgres(Box<postgres::Tx>),
}

/// What a store function runs on.
pub enum Conn<'a> {
    /// Any free connection; every statement commits by itself.
    Pool(&'a Db),
    /// An open transaction.
    Tx(&'a mut Tx),
}

impl Db {
    /// Opens a database with at most this many connections; `timeout` is how long to wait for one, or for a lock.
    /// PostgreSQL is not spoken to yet.
    pub fn open(url: &DatabaseUrl, connections: usize, timeout: Duration) -> Result<Db, Failure> {
        let driver = match &url.target {
            Target::Memory => Driver::Sqlite(sqlite::Pool::open(None, timeout)?),
            Target::File(path) => Driver::Sqlite(sqlite::Pool::open(Some(path), timeout)?),
            Target::Postgres { config, verify } => {
                Driver::Postgres(postgres::Pool::open(config, verify, connections, timeout)?)
            }
        };
        Ok(Db {
            inner: Arc::new(Inner {
                driver,
                reads: AtomicU64::new(0),
                writes: AtomicU64::new(0),
            }),
            users: Arc::default(),
        })
    }

    /// The same database with another user's table than Django's `auth_user`.
    #[must_use]
    pub fn with_users(&self, users: UserTable) -> Db {
        Db {
            inner: Arc::clone(&self.inner),
            users: Arc::new(users),
        }
    }

    /// The user's table.
    pub fn users(&self) -> &UserTable {
        &self.users
    }

    /// An empty database in memory.
    pub fn memory() -> Result<Db, Failure> {
        Db::open(
            &DatabaseUrl::parse("sqlite://:memory:")?,
            1,
            Duration::from_secs(5),
        )
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self.inner.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Opens a transaction (`BEGIN IMMEDIATE` on SQLite).
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let driver = match &self.inner.driver {
            Driver::Sqlite(pool) => TxDriver::Sqlite(pool.begin().await?),
            Driver::Postgres(pool) => TxDriver::Postgres(Box::new(pool.begin().await?)),
        };
        Ok(Tx {
            db: self.clone(),
            driver,
            over: false,
        })
    }

    /// This database as a [`Conn`].
    pub fn conn(&self) -> Conn<'_> {
        Conn::Pool(self)
    }

    /// Statements run so far by this process on this database.
    pub fn statements(&self) -> Statements {
        Statements {
            reads: self.inner.reads.load(Ordering::Relaxed),
            writes: self.inner.writes.load(Ordering::Relaxed),
        }
    }

    fn count(&self, read: bool) {
        let counter = if read {
            &self.inner.reads
        } else {
            &self.inner.writes
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    async fn run(&self, sql: Sql<'_>, params: &[Value]) -> Result<(Vec<Row>, u64), DbError> {
        let read = is_read(sql.sqlite);
        self.count(read);
        match &self.inner.driver {
            Driver::Sqlite(pool) if read => Ok((pool.read(sql.sqlite, params).await?, 0)),
            Driver::Sqlite(pool) => pool.write(sql.sqlite, params).await,
            Driver::Postgres(pool) => pool.run(sql.postgres, params, read).await,
        }
    }
}

impl Tx {
    /// Makes everything in it lasting. An error if a statement in it failed, whatever was done about that.
    pub async fn commit(self) -> Result<(), DbError> {
        if self.over {
            self.rollback().await;
            return Err(over());
        }
        match self.driver {
            TxDriver::Sqlite(tx) => tx.commit().await,
            TxDriver::Postgres(tx) => tx.commit().await,
        }
    }

    /// Undoes everything in it.
    pub async fn rollback(self) {
        match self.driver {
            TxDriver::Sqlite(tx) => drop(tx),
            TxDriver::Postgres(tx) => tx.rollback().await,
        }
    }

    /// This transaction as a [`Conn`].
    pub fn conn(&mut self) -> Conn<'_> {
        Conn::Tx(self)
    }

    /// Runs several statements without parameters: schema.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.enter()?;
        match &mut self.driver {
            TxDriver::Sqlite(tx) => tx.batch(sql)?,
            TxDriver::Postgres(tx) => tx.batch(sql).await?,
        }
        self.over = false;
        Ok(())
    }

    async fn run(&mut self, sql: Sql<'_>, params: &[Value]) -> Result<(Vec<Row>, u64), DbError> {
        self.enter()?;
        self.db.count(is_read(sql.sqlite));
        let answer = match &mut self.driver {
            TxDriver::Sqlite(tx) => tx.run(sql.sqlite, params)?,
            TxDriver::Postgres(tx) => tx.run(sql.postgres, params).await?,
        };
        self.over = false;
        Ok(answer)
    }

    /// Over until the statement has gone well: then an error ends it, and so does a future that is dropped.
    fn enter(&mut self) -> Result<(), DbError> {
        if std::mem::replace(&mut self.over, true) {
            return Err(over());
        }
        Ok(())
    }
}

fn over() -> DbError {
    DbError::Failed(Failure::new(
        "the transaction is over: a statement in it failed or was given up",
    ))
}

impl Conn<'_> {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Conn::Pool(db) => db.dialect(),
            Conn::Tx(tx) => tx.db.dialect(),
        }
    }

    /// The user's table.
    pub fn users(&self) -> Arc<UserTable> {
        match self {
            Conn::Pool(db) => Arc::clone(&db.users),
            Conn::Tx(tx) => Arc::clone(&tx.db.users),
        }
    }

    /// The same connection for a shorter while, to call several store functions in turn.
    pub fn again(&mut self) -> Conn<'_> {
        match self {
            Conn::Pool(db) => Conn::Pool(db),
            Conn::Tx(tx) => Conn::Tx(tx),
        }
    }

    async fn run(&mut self, sql: Sql<'_>, params: &[Value]) -> Result<(Vec<Row>, u64), DbError> {
        match self {
            Conn::Pool(db) => db.run(sql, params).await,
            Conn::Tx(tx) => tx.run(sql, params).await,
        }
    }

    /// Rows of a `SELECT`, or of a write with `RETURNING`.
    pub async fn query<'s>(
        &mut self,
        sql: impl Into<Sql<'s>> + Send,
        params: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        Ok(self.run(sql.into(), params).await?.0)
    }

    /// The first row, if there is one.
    pub async fn query_opt<'s>(
        &mut self,
        sql: impl Into<Sql<'s>> + Send,
        params: &[Value],
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs a write; how many rows it touched.
    pub async fn execute<'s>(
        &mut self,
        sql: impl Into<Sql<'s>> + Send,
        params: &[Value],
    ) -> Result<u64, DbError> {
        Ok(self.run(sql.into(), params).await?.1)
    }
}

/// Whether a statement only reads, by its words: it may then go to a reader, and be run a second time. Functions that
/// write are not known here; they stand in transactions.
fn is_read(sql: &str) -> bool {
    let mut words = sql
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let is = |word: &str, names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    match words.next() {
        Some(first) if is(first, &["SELECT", "PRAGMA"]) => true,
        Some(first) if is(first, &["WITH"]) => {
            !words.any(|word| is(word, &["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"]))
        }
        _ => false,
    }
}

/// Too few values would be NULLs on SQLite and too many go unseen: both are defects of ours, so they are told.
pub(super) fn count_values(placeholders: usize, params: &[Value]) -> Result<(), Failure> {
    if placeholders == params.len() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} values for a statement with {placeholders} placeholders",
        params.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::is_read;

    #[test]
    fn reads_are_told_from_writes() {
        for read in [
            "SELECT 1",
            " select deleted FROM inserts",
            "\n  WITH a AS (SELECT update_time FROM b) SELECT 1",
            "PRAGMA user_version",
        ] {
            assert!(is_read(read), "{read}");
        }
        for write in [
            "INSERT INTO a VALUES (1) RETURNING b",
            "WITH a AS (DELETE FROM b RETURNING c) SELECT c FROM a",
            "with a AS (SELECT 1) insert into b select * from a",
            "VACUUM",
            "",
        ] {
            assert!(!is_read(write), "{write}");
        }
    }
}
