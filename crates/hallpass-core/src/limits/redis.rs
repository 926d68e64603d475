//! Hits in Redis: shared by all processes that use it, without a write to the database.
//!
//! A log is a sorted set, `hallpass:limit:` and its key: the score is the time in microseconds, which a double holds
//! exactly, the member is the hit's own id. One script counts, so that nobody comes between looking and counting. It
//! is given the time: Redis's own clock would not know a test's, and only lets forgotten logs go.
//!
//! There is one connection, and it is given up at the first sign of trouble: whatever was wrong (Redis restarted, still
//! loading, a replica now, silent), the next hit begins with a new one. Nobody waits longer than a second for all of
//! it; whoever would is refused.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, TlsCertificates};
use tokio::sync::Mutex;

use super::{Counted, Counter, Counting, Hit, redis_url};
use crate::domain::{Timestamp, secret};
use crate::error::Failure;
use crate::store::Db;

/// For connecting, asking and asking again together.
const PATIENCE: Duration = Duration::from_secs(1);

const PREFIX: &str = "hallpass:limit:";

/// KEYS: the log. ARGV: the time, the last time that counts no more, the amount, the member, milliseconds to keep.
/// Answers 1 and 0: it is in the log; or 0 and the time of the hit in the way. Asked twice, it counts once.
const COUNT: &str = "
if redis.call('ZSCORE', KEYS[1], ARGV[4]) then
  return {1, 0}
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
local there, amount = redis.call('ZCARD', KEYS[1]), tonumber(ARGV[3])
if there < amount then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return {1, 0}
end
local index = there - amount
local way = redis.call('ZRANGE', KEYS[1], index, index, 'WITHSCORES')
return {0, tonumber(way[2])}
";

/// How much longer than its window a log is kept: the clocks of nodes may differ by as much.
const SLACK: Duration = Duration::from_secs(60);

/// Counts in Redis or Valkey.
pub struct Redis {
    client: Client,
    line: Mutex<Option<Line>>,
}

#[derive(Clone)]
struct Line {
    connection: MultiplexedConnection,
    number: u64,
    /// Made for this very question.
    fresh: bool,
}

/// Without the password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.place())
    }
}

impl Redis {
    /// For a URL such as `redis://:password@host:6379/0`, `rediss://…` with TLS or `unix:///run/redis.sock`. Redis is
    /// not spoken to yet.
    pub fn open(url: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::new(format!("HALLPASS_REDIS_URL {what}"));
        let (url, roots) = redis_url::parse(url).map_err(wrong)?;
        let tls = matches!(url.scheme(), "rediss" | "valkeys");
        if tls {
            // The driver takes the process's default, and there may be none. If there is, it is the app's choice.
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let _ = provider.install_default();
        }
        let client = match roots {
            None => Client::open(url),
            Some(path) => {
                let pem = std::fs::read(&path).map_err(|error| {
                    wrong(&format!(
                        "names {}, which cannot be read: {error}",
                        path.display()
                    ))
                })?;
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem),
                };
                Client::build_with_tls(url, certificates)
            }
        };
        Ok(Redis {
            client: client.map_err(|error| wrong(&format!("is not usable: {}", say(&error))))?,
            line: Mutex::new(None),
        })
    }

    /// Host and port, or the socket.
    fn place(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let answer = tokio::time::timeout(PATIENCE, self.ask_twice(command)).await;
        let what = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => say(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        // Whoever holds it at this moment is making a new one.
        if let Ok(mut line) = self.line.try_lock() {
            *line = None;
        }
        let what = format!("rate limits in Redis at {}: {what}", self.place());
        Err(Failure::new(what).unavailable())
    }

    /// A connection that had been idle may have been closed meanwhile, by Redis or something between: no reason to
    /// refuse anybody, so there is a second try, on another one.
    async fn ask_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut line = self.line(None).await?;
        match command.query_async(&mut line.connection).await {
            Err(_) if !line.fresh => {
                let mut line = self.line(Some(line.number)).await?;
                command.query_async(&mut line.connection).await
            }
            answer => answer,
        }
    }

    /// The connection, made now if there is none or it is the one that is known to be bad.
    async fn line(&self, bad: Option<u64>) -> Result<Line, RedisError> {
        let mut slot = self.line.lock().await;
        if let Some(line) = slot.as_ref().filter(|line| Some(line.number) != bad) {
            return Ok(line.clone());
        }
        // One time-out is over all of it.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let client = &self.client;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let line = Line {
            connection: connection.await?,
            number: u64::from_ne_bytes(secret::random_bytes()),
            fresh: false,
        };
        *slot = Some(line.clone());
        Ok(Line {
            fresh: true,
            ..line
        })
    }
}

impl Counter for Redis {
    fn count<'a>(
        &'a self,
        _db: &'a Db,
        hit: &'a Hit,
        amount: u32,
        window: Duration,
    ) -> Counting<'a, Counted> {
        let mut command = redis::cmd("EVAL");
        command
            .arg(COUNT)
            .arg(1)
            .arg(format!("{PREFIX}{}", hit.key))
            .arg(hit.at.micros())
            .arg((hit.at - window).micros())
            .arg(amount)
            .arg(member(hit))
            .arg(u64::try_from((window + SLACK).as_millis()).unwrap_or(u64::MAX));
        Box::pin(async move {
            Ok(match self.ask(&command).await? {
                (1, _) => Counted::Within,
                (_, time) => Counted::Full(Timestamp::from_micros(time)),
            })
        })
    }

    fn take_back<'a>(&'a self, _db: &'a Db, hit: &'a Hit) -> Counting<'a, ()> {
        let mut command = redis::cmd("ZREM");
        command.arg(format!("{PREFIX}{}", hit.key)).arg(member(hit));
        Box::pin(async move { self.ask::<u64>(&command).await.map(drop) })
    }

    fn lift<'a>(&'a self, _db: &'a Db, key: &'a str) -> Counting<'a, ()> {
        let mut command = redis::cmd("DEL");
        command.arg(format!("{PREFIX}{key}"));
        Box::pin(async move { self.ask::<u64>(&command).await.map(drop) })
    }

    /// Redis forgets by itself.
    fn clear_expired<'a>(&'a self, _db: &'a Db, _now: Timestamp) -> Counting<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn member(hit: &Hit) -> String {
    format!("{:016x}", hit.id)
}

/// The operating system's words in full, of Redis's own only the kind: it may quote what it was asked, and where that was
/// AUTH, the password would be in it.
fn say(error: &RedisError) -> String {
    match error.code() {
        _ if error.is_io_error() => error.to_string(),
        Some(code) => format!("{} {code}", error.category()).trim().to_owned(),
        None => error.category().to_owned(),
    }
}
