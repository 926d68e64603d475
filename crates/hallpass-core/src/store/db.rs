//! `Db`, `Tx`, `Conn`: the shape. The drivers stand in `sqlite.rs` and `postgres.rs`.

use super::{Row, Sql, Value};
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
    /// Anything else.
    Failed(Failure),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Failure {
        match error {
            DbError::Unique(what) => Failure::new(format!("unexpected duplicate: {what}")),
            DbError::Failed(failure) => failure,
        }
    }
}

impl From<DbError> for crate::error::Error {
    fn from(error: DbError) -> Self {
        crate::error::Error::Failed(error.into())
    }
}

/// The database: cheap to clone.
#[derive(Clone)]
pub struct Db {}

/// An open transaction. Dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {}

/// What a store function runs on.
pub enum Conn<'a> {
    /// Any free connection; every statement commits by itself.
    Pool(&'a Db),
    /// An open transaction.
    Tx(&'a mut Tx),
}

#[expect(
    unused_variables,
    clippy::unused_async,
    reason = "the drivers come next"
)]
impl Db {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    /// Opens a transaction (`BEGIN IMMEDIATE` on SQLite).
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Err(DbError::Failed(Failure::new("no driver")))
    }

    /// This database as a [`Conn`].
    pub fn conn(&self) -> Conn<'_> {
        Conn::Pool(self)
    }

    /// Statements run so far by this process on this database.
    pub fn statements(&self) -> Statements {
        Statements::default()
    }
}

#[expect(clippy::unused_async, reason = "the drivers come next")]
impl Tx {
    /// Makes everything in it lasting.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(())
    }

    /// Undoes everything in it.
    pub async fn rollback(self) {}

    /// This transaction as a [`Conn`].
    pub fn conn(&mut self) -> Conn<'_> {
        Conn::Tx(self)
    }
}

#[expect(
    unused_variables,
    clippy::unused_async,
    reason = "the drivers come next"
)]
impl Conn<'_> {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    /// The same connection for a shorter while, to call several store functions in turn.
    pub fn again(&mut self) -> Conn<'_> {
        match self {
            Conn::Pool(db) => Conn::Pool(db),
            Conn::Tx(tx) => Conn::Tx(tx),
        }
    }

    /// Rows of a `SELECT`, or of a write with `RETURNING`.
    pub async fn query<'s>(
        &mut self,
        sql: impl Into<Sql<'s>> + Send,
        params: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        Err(DbError::Failed(Failure::new("no driver")))
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
        Err(DbError::Failed(Failure::new("no driver")))
    }
}
