//! PostgreSQL: a pool of connections with prepared statements.
//!
//! Isolation is READ COMMITTED: what a flow relies on it either holds with a row lock or writes with a condition. So
//! transactions are not run again by themselves; a deadlock is a failure that says "try again".
//!
//! A connection that was lost is replaced; a read outside a transaction is then tried once more by itself.

mod tls;
mod values;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres_rustls::MakeRustlsConnect;

use self::values::Bound;
use super::url::Verify;
use super::{DbError, Row, Value};
use crate::error::Failure;

pub(super) struct Pool(deadpool_postgres::Pool);

pub(super) struct Tx(Option<Object>);

impl Pool {
    pub(super) fn open(
        config: &tokio_postgres::Config,
        verify: &Verify,
        connections: usize,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match verify {
            Verify::Off => Manager::from_config(config.clone(), tokio_postgres::NoTls, recycling),
            _ => Manager::from_config(
                config.clone(),
                MakeRustlsConnect::new(tls::config(verify)?),
                recycling,
            ),
        };
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(timeout))
            .create_timeout(Some(timeout))
            .recycle_timeout(Some(timeout))
            .build();
        Ok(Pool(pool.map_err(|error| {
            Failure::from_source("the pool of connections", error)
        })?))
    }

    async fn get(&self) -> Result<Object, DbError> {
        self.0.get().await.map_err(|error| {
            let away = !matches!(&error, PoolError::Backend(error) if is_refused(error));
            let failure = Failure::from_source("no connection to the database", Shown::of(error));
            DbError::Failed(if away { failure.unavailable() } else { failure })
        })
    }

    pub(super) async fn run(
        &self,
        sql: &str,
        params: &[Value],
        read: bool,
    ) -> Result<(Vec<Row>, u64), DbError> {
        let client = self.get().await?;
        match run(&client, sql, params).await {
            Err(Problem::Driver(error)) if is_outdated(&error) => {
                // Refused before anything was done, so a write may be run again as well.
                run(&client, sql, params).await.map_err(DbError::from)
            }
            Err(Problem::Driver(error)) if read && is_lost(&error) => {
                self.let_go(client);
                let fresh = self.get().await?;
                run(&fresh, sql, params).await.map_err(DbError::from)
            }
            other => other.map_err(DbError::from),
        }
    }

    pub(super) async fn begin(&self) -> Result<Tx, DbError> {
        match self.try_begin().await? {
            Ok(tx) => Ok(tx),
            // Nothing has been done yet: a connection that turns out to be dead is replaced.
            Err((client, error)) if is_lost(&error) => {
                self.let_go(client);
                let again = self.try_begin().await?;
                again.map_err(|(_, error)| Problem::Driver(error).into())
            }
            Err((client, error)) => {
                drop(Object::take(client));
                Err(Problem::Driver(error).into())
            }
        }
    }

    /// The connection is a transaction's before it hears BEGIN: were it the pool's, then a caller who gives up while
    /// the answer is on its way would leave it there with a transaction open, and what others write would be lost.
    async fn try_begin(&self) -> Result<Result<Tx, (Object, tokio_postgres::Error)>, DbError> {
        let mut tx = Tx(Some(self.get().await?));
        // Whatever the server's default is: who waited for a lock must see what the one before wrote.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        let begun = tx.client()?.batch_execute(begin).await;
        Ok(match (begun, tx.0.take()) {
            (Err(error), Some(client)) => Err((client, error)),
            (_, client) => Ok(Tx(client)),
        })
    }

    /// Closes a connection that is lost, and the idle ones with it: they have most likely died of the same, and the
    /// next one in line must not be another of them.
    fn let_go(&self, client: Object) {
        drop(Object::take(client));
        self.0.retain(|_, _| false);
    }
}

impl Tx {
    fn client(&self) -> Result<&Object, DbError> {
        self.0
            .as_ref()
            .ok_or_else(|| DbError::Failed(Failure::new("the transaction is over")))
    }

    pub(super) async fn run(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<(Vec<Row>, u64), DbError> {
        let answer = run(self.client()?, sql, params).await;
        answer.map_err(DbError::from)
    }

    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        let answer = self.client()?.batch_execute(sql).await;
        answer.map_err(|error| Problem::Driver(error).into())
    }

    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        self.client()?
            .batch_execute("COMMIT")
            .await
            .map_err(|error| DbError::from(Problem::Driver(error)))?;
        drop(self.0.take());
        Ok(())
    }

    pub(super) async fn rollback(mut self) {
        if let Some(client) = &self.0
            && client.batch_execute("ROLLBACK").await.is_ok()
        {
            drop(self.0.take());
        }
    }
}

/// Dropped halfway, nobody knows what the connection is doing: it is closed, which undoes the transaction.
impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

enum Problem {
    /// Of ours, before anything was sent.
    Ours(Failure),
    Driver(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        Problem::Driver(error)
    }
}

async fn run(client: &Object, sql: &str, params: &[Value]) -> Result<(Vec<Row>, u64), Problem> {
    let answer = run_prepared(client, sql, params).await;
    if let Err(Problem::Driver(error)) = &answer
        && is_outdated(error)
    {
        // The others on this connection are most likely as old.
        client.statement_cache.clear();
    }
    answer
}

async fn run_prepared(
    client: &Object,
    sql: &str,
    params: &[Value],
) -> Result<(Vec<Row>, u64), Problem> {
    use futures_core::Stream as _;
    let statement = client.prepare_cached(sql).await?;
    super::count_values(statement.params().len(), params).map_err(Problem::Ours)?;
    let params: Vec<Bound<'_>> = params.iter().map(Bound).collect();
    let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
    let stream = client.query_raw(&statement, params).await?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let row = row?;
        let values: Result<Vec<Value>, _> =
            (0..row.len()).map(|index| row.try_get(index)).collect();
        rows.push(Row(values?));
    }
    let touched = stream.rows_affected().unwrap_or(0);
    Ok((rows, touched))
}

/// The connection is gone, or going.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    const GONE: [SqlState; 5] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_SESSION_TIMEOUT,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    error.is_closed()
        || error.code().is_some_and(|code| GONE.contains(code))
        || error
            .source()
            .is_some_and(|source| source.is::<std::io::Error>())
}

/// A prepared statement that is none any more: a migration changed the table, or a proxy changed the connection.
fn is_outdated(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(&SqlState::INVALID_SQL_STATEMENT_NAME) => true,
        // "cached plan must not change result type"; the text may be translated, the routine is not.
        Some(&SqlState::FEATURE_NOT_SUPPORTED) => error
            .as_db_error()
            .is_some_and(|error| error.routine() == Some("RevalidateCachedQuery")),
        _ => false,
    }
}

/// Whether trying again later may help: the server is away, full, or somebody was in the way.
fn is_passing(error: &tokio_postgres::Error) -> bool {
    const PASSING: [SqlState; 3] = [
        SqlState::QUERY_CANCELED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // Classes: 08 connection, 40 rolled back for another's sake, 53 no room.
    let class = |code: &SqlState| matches!(code.code().get(..2), Some("08" | "40" | "53"));
    is_lost(error)
        || is_outdated(error)
        || error
            .code()
            .is_some_and(|code| class(code) || PASSING.contains(code))
}

/// The server is there and says no: a wrong password, an unknown database.
fn is_refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some() && !is_passing(error)
}

impl From<Problem> for DbError {
    fn from(problem: Problem) -> Self {
        let error = match problem {
            Problem::Ours(failure) => return DbError::Failed(failure),
            Problem::Driver(error) => error,
        };
        if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
            let constraint = error
                .as_db_error()
                .and_then(|error| error.constraint())
                .unwrap_or_default();
            return DbError::Unique(constraint.to_owned());
        }
        let foreign = [
            &SqlState::FOREIGN_KEY_VIOLATION,
            &SqlState::RESTRICT_VIOLATION,
        ];
        if error.code().is_some_and(|code| foreign.contains(&code)) {
            let told = error.as_db_error();
            let words = told.map(|told| {
                let table = told.table().unwrap_or_default();
                format!("{} of {table}", told.constraint().unwrap_or_default())
            });
            return DbError::Foreign(words.unwrap_or_default());
        }
        let passing = is_passing(&error);
        let failure = Failure::from_source("the database", Shown::of(error));
        DbError::Failed(if passing {
            failure.unavailable()
        } else {
            failure
        })
    }
}

/// An error's text without the details that PostgreSQL adds, which quote the row: addresses, hashes.
#[derive(Debug)]
struct Shown(String);

impl Shown {
    fn of(error: impl StdError) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = match inner.downcast_ref::<tokio_postgres::error::DbError>() {
                Some(error) => format!("{} ({})", error.message(), error.code().code()),
                None => inner.to_string(),
            };
            text.push_str(": ");
            text.push_str(&inner_text);
            source = inner.source();
        }
        Shown(text)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Shown {}
