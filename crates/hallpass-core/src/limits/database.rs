//! Hits in the database: shared by all processes on it, kept over restarts. A row a log, held while it changes.

use std::time::Duration;

use super::{Counted, Counter, Counting, Hit, log};
use crate::domain::Timestamp;
use crate::error::Failure;
use crate::store::{self, Db};

/// Counts in the table `hallpass_limit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Database;

impl Counter for Database {
    fn count<'a>(
        &'a self,
        db: &'a Db,
        hit: &'a Hit,
        amount: u32,
        window: Duration,
    ) -> Counting<'a, Counted> {
        Box::pin(change(db, &hit.key, hit.at + window, move |times| {
            log::count(times, hit.at, amount, window)
        }))
    }

    fn take_back<'a>(&'a self, db: &'a Db, hit: &'a Hit) -> Counting<'a, ()> {
        Box::pin(change(db, &hit.key, hit.at, |times| {
            log::take_back(times, hit.at);
        }))
    }

    fn lift<'a>(&'a self, db: &'a Db, key: &'a str) -> Counting<'a, ()> {
        Box::pin(store::limit::clear(db.conn(), key))
    }

    fn clear_expired<'a>(&'a self, db: &'a Db, now: Timestamp) -> Counting<'a, ()> {
        Box::pin(async move {
            store::limit::clear_expired(db.conn(), now).await?;
            Ok(())
        })
    }
}

async fn change<T>(
    db: &Db,
    key: &str,
    expires: Timestamp,
    edit: impl FnOnce(&mut Vec<i64>) -> T,
) -> Result<T, Failure> {
    let mut tx = db.begin().await.map_err(Failure::from)?;
    let mut times = store::limit::hold(tx.conn(), key, expires).await?;
    let answer = edit(&mut times);
    store::limit::write(tx.conn(), key, &times).await?;
    tx.commit().await.map_err(Failure::from)?;
    Ok(answer)
}
