//! SQLite: one writer, many readers, calls made in place.
//!
//! A call takes microseconds, less than handing it to another thread would. Transactions begin IMMEDIATE, so that two
//! never wait for each other's locks; within this process they queue for the writer, and when another program holds the
//! file they try again until the time is up, without blocking a thread.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::OwnedMutexGuard;

use super::{DbError, Row, Value};
use crate::error::Failure;

pub(super) struct Pool {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    /// Idle readers. There are never more in use than threads, since a call does not wait while it has one.
    readers: Mutex<Vec<Connection>>,
    path: Option<std::path::PathBuf>,
    timeout: Duration,
}

pub(super) struct Tx {
    writer: OwnedMutexGuard<Connection>,
}

impl Pool {
    pub(super) fn open(path: Option<&Path>, timeout: Duration) -> Result<Self, Failure> {
        let writer = match path {
            Some(path) => {
                create_private(path)?;
                connect(path)?
            }
            None => Connection::open_in_memory().map_err(failed)?,
        };
        // Here a thread may wait: when the mode of a new file changes, everybody who opens it is in the way.
        writer.busy_timeout(timeout).map_err(failed)?;
        prepare_in_turn(&writer, timeout)?;
        writer.busy_timeout(Duration::ZERO).map_err(failed)?;
        Ok(Pool {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Mutex::default(),
            path: path.map(Path::to_owned),
            timeout,
        })
    }

    pub(super) async fn read(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let Some(path) = &self.path else {
            return self.write(sql, params).await.map(|(rows, _)| rows);
        };
        retry(self.timeout, || {
            let reader = self
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let reader = match reader {
                Some(reader) => reader,
                None => open_reader(path)?,
            };
            let answer = run(&reader, sql, params);
            self.readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reader);
            answer.map(|(rows, _)| rows)
        })
        .await
    }

    pub(super) async fn write(
        &self,
        sql: &str,
        params: &[Value],
    ) -> Result<(Vec<Row>, u64), DbError> {
        let mut writer = self.writer().await?;
        // Captured uniquely: a connection may move between threads but not be shared by them.
        let writer: &mut Connection = &mut writer;
        retry(self.timeout, || {
            let writer = &mut *writer;
            run(writer, sql, params)
        })
        .await
    }

    pub(super) async fn begin(&self) -> Result<Tx, DbError> {
        let mut guard = self.writer().await?;
        let writer: &mut Connection = &mut guard;
        retry(self.timeout, || {
            let writer = &mut *writer;
            if !writer.is_autocommit() {
                // The last transaction could not be undone when it ended. It must not become part of this one.
                writer.execute_batch("ROLLBACK")?;
            }
            Ok(writer.execute_batch("BEGIN IMMEDIATE")?)
        })
        .await?;
        Ok(Tx { writer: guard })
    }

    async fn writer(&self) -> Result<OwnedMutexGuard<Connection>, DbError> {
        let wait = Arc::clone(&self.writer).lock_owned();
        tokio::time::timeout(self.timeout, wait).await.map_err(|_| {
            DbError::Failed(
                Failure::new("the queue for the database's writer is too long").unavailable(),
            )
        })
    }
}

impl Tx {
    pub(super) fn run(&mut self, sql: &str, params: &[Value]) -> Result<(Vec<Row>, u64), DbError> {
        self.still_open()?;
        run(&self.writer, sql, params).map_err(DbError::from)
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.still_open()?;
        self.writer
            .execute_batch(sql)
            .map_err(|error| Problem::from(error).into())
    }

    /// A full disk makes SQLite undo the transaction by itself; whatever came then would commit one by one.
    fn still_open(&self) -> Result<(), DbError> {
        if self.writer.is_autocommit() {
            let told = "the database has undone the transaction by itself";
            return Err(DbError::Failed(Failure::new(told)));
        }
        Ok(())
    }

    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        self.still_open()?;
        // A reader that checkpoints may be in the way for a moment.
        let writer: &mut Connection = &mut self.writer;
        retry(Duration::from_secs(5), || {
            let writer = &mut *writer;
            writer.execute_batch("COMMIT").map_err(Problem::from)
        })
        .await
    }
}

/// Also when the future that held it was dropped halfway.
impl Drop for Tx {
    fn drop(&mut self) {
        if !self.writer.is_autocommit() && self.writer.execute_batch("ROLLBACK").is_err() {
            tracing::error!("a transaction could not be rolled back");
        }
    }
}

/// The file holds hashes and sessions: nobody else may read it.
fn create_private(path: &Path) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Failure::from_source(
            format!("the database {} cannot be made", path.display()),
            error,
        )),
    }
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    Connection::open(path).map_err(|error| {
        Failure::from_source(
            format!("the database {} cannot be opened", path.display()),
            error,
        )
    })
}

/// SQLite does not wait where two change the mode of a new file at once and each would wait for the other: both are told
/// that it is busy, and one has to try again.
fn prepare_in_turn(connection: &Connection, timeout: Duration) -> Result<(), Failure> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match prepare(connection).map_err(Problem::from) {
            Err(Problem::Busy) if waited < timeout => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            done => return done.map_err(|problem| DbError::from(problem).into()),
        }
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(256);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16000;",
    )
}

/// Waits for nobody, since it runs where requests do: the caller tries again.
fn open_reader(path: &Path) -> Result<Connection, Problem> {
    let reader = connect(path).map_err(Problem::Failed)?;
    reader.busy_timeout(Duration::ZERO)?;
    prepare(&reader)?;
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

fn failed(error: rusqlite::Error) -> Failure {
    Failure::from_source("the database", error)
}

enum Problem {
    Busy,
    Unique(String),
    Foreign(String),
    Failed(Failure),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        const UNIQUE: i32 = 2067;
        const PRIMARY_KEY: i32 = 1555;
        const FOREIGN_KEY: i32 = 787;
        match &error {
            rusqlite::Error::SqliteFailure(code, message) => match code.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Problem::Busy,
                _ if matches!(code.extended_code, UNIQUE | PRIMARY_KEY) => {
                    Problem::Unique(message.clone().unwrap_or_default())
                }
                _ if code.extended_code == FOREIGN_KEY => {
                    Problem::Foreign(message.clone().unwrap_or_default())
                }
                _ => Problem::Failed(failed(error)),
            },
            _ => Problem::Failed(failed(error)),
        }
    }
}

impl From<Problem> for DbError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Busy => DbError::Failed(
                Failure::new("another program keeps the database locked").unavailable(),
            ),
            Problem::Unique(what) => DbError::Unique(what),
            Problem::Foreign(what) => DbError::Foreign(what),
            Problem::Failed(failure) => DbError::Failed(failure),
        }
    }
}

/// Tries until the time is up while another program has the file.
async fn retry<T>(
    timeout: Duration,
    mut attempt: impl FnMut() -> Result<T, Problem>,
) -> Result<T, DbError> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match attempt() {
            Err(Problem::Busy) if start.elapsed() < timeout => tokio::time::sleep(pause).await,
            other => return other.map_err(DbError::from),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn run(connection: &Connection, sql: &str, params: &[Value]) -> Result<(Vec<Row>, u64), Problem> {
    let mut statement = connection.prepare_cached(sql)?;
    super::count_values(statement.parameter_count(), params).map_err(Problem::Failed)?;
    for index in 1..=params.len() {
        // `$1` is a name to SQLite, numbered by where it first stands.
        let number: Option<usize> = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$')?.parse().ok());
        let Some(value) = number.and_then(|number| params.get(number.checked_sub(1)?)) else {
            return Err(Problem::Failed(Failure::new(
                "placeholders are $1, $2 and so on",
            )));
        };
        match value {
            Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null)?,
            Value::Bool(truth) => statement.raw_bind_parameter(index, *truth)?,
            Value::Int(number) => statement.raw_bind_parameter(index, *number)?,
            Value::Text(text) if text.contains('\0') => {
                return Err(Problem::Failed(Failure::new(
                    "a text for the database holds a NUL",
                )));
            }
            Value::Text(text) => statement.raw_bind_parameter(index, text)?,
            Value::Key(id) => match id.as_int() {
                Some(number) => statement.raw_bind_parameter(index, number)?,
                None => statement.raw_bind_parameter(index, id.plain())?,
            },
            Value::Time(at) => statement.raw_bind_parameter(index, at.to_string())?,
            Value::Json(json) => statement.raw_bind_parameter(index, json.to_string())?,
        }
    }
    let reads = statement.readonly();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        // Asked of the row: a statement whose table has changed is prepared anew when it is run.
        let width = row.as_ref().column_count();
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            values.push(match row.get_ref(index)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Real(_) | ValueRef::Blob(_) => {
                    return Err(Problem::Failed(Failure::new(
                        "a column holds what none of ours does",
                    )));
                }
            });
        }
        found.push(Row(values));
    }
    drop(rows);
    drop(statement);
    // After a read SQLite still tells what the write before it changed.
    Ok((found, if reads { 0 } else { connection.changes() }))
}
