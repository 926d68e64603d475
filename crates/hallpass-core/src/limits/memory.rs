//! Hits in this process: for one process alone, forgotten when it ends.
//!
//! Whoever makes up logins or changes addresses opens a log with each, so there is room for so many logs and no more.
//! Logs go as soon as nothing in them counts; when all the room is taken by logs that do count, a hit that would open
//! another is refused. Forgetting one of those instead would let an attacker flush out the log that stops them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::{Counted, Counter, Counting, Hit, log};
use crate::domain::Timestamp;
use crate::error::Failure;
use crate::store::Db;

/// Enough for some hundred new addresses and logins a second at the default rates, in about 30 MB.
const ROOM: usize = 100_000;

/// Counts in memory.
pub struct Memory {
    room: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    logs: HashMap<Arc<str>, Log>,
    /// The same logs by when the last hit in them stops counting.
    ends: BTreeSet<(i64, Arc<str>)>,
}

struct Log {
    times: Vec<i64>,
    end: i64,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Memory {
    /// With room for so many logs.
    pub fn with_room(room: usize) -> Self {
        Memory {
            room,
            table: Mutex::default(),
        }
    }

    /// How many logs there are.
    pub fn len(&self) -> usize {
        self.table.lock().map_or(0, |table| table.logs.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> Result<MutexGuard<'_, Table>, Failure> {
        let table = self.table.lock();
        table.map_err(|_| Failure::new("the table of limits is poisoned"))
    }

    fn count(&self, hit: &Hit, amount: u32, window: Duration) -> Result<Counted, Failure> {
        let mut table = self.table()?;
        table.clear(hit.at);
        let full = table.logs.len() >= self.room;
        let Some((key, mut log)) = table.take(&hit.key, full) else {
            let what = "there is no room for more rate limits in memory";
            return Err(Failure::new(what).unavailable());
        };
        let counted = log::count(&mut log.times, hit.at, amount, window);
        if counted == Counted::Within {
            log.end = log.end.max((hit.at + window).micros());
        }
        table.put(key, log);
        Ok(counted)
    }

    fn take_back(&self, hit: &Hit) -> Result<(), Failure> {
        let mut table = self.table()?;
        if let Some((key, mut log)) = table.take(&hit.key, true) {
            log::take_back(&mut log.times, hit.at);
            table.put(key, log);
        }
        Ok(())
    }
}

impl Table {
    /// Takes a log out, or begins one unless only `existing` ones are wanted.
    fn take(&mut self, key: &str, existing: bool) -> Option<(Arc<str>, Log)> {
        if let Some((key, log)) = self.logs.remove_entry(key) {
            let place = (log.end, key);
            self.ends.remove(&place);
            return Some((place.1, log));
        }
        let fresh = Log {
            times: Vec::new(),
            end: i64::MIN,
        };
        (!existing).then(|| (Arc::from(key), fresh))
    }

    /// Puts it back, if anything is in it.
    fn put(&mut self, key: Arc<str>, log: Log) {
        if !log.times.is_empty() {
            self.ends.insert((log.end, Arc::clone(&key)));
            self.logs.insert(key, log);
        }
    }

    /// Drops the logs in which nothing counts any more.
    fn clear(&mut self, now: Timestamp) {
        while let Some((end, _)) = self.ends.first()
            && *end <= now.micros()
            && let Some((_, key)) = self.ends.pop_first()
        {
            self.logs.remove(&key);
        }
    }
}

impl Counter for Memory {
    fn count<'a>(
        &'a self,
        _db: &'a Db,
        hit: &'a Hit,
        amount: u32,
        window: Duration,
    ) -> Counting<'a, Counted> {
        Box::pin(async move { Memory::count(self, hit, amount, window) })
    }

    fn take_back<'a>(&'a self, _db: &'a Db, hit: &'a Hit) -> Counting<'a, ()> {
        Box::pin(async move { Memory::take_back(self, hit) })
    }

    fn lift<'a>(&'a self, _db: &'a Db, key: &'a str) -> Counting<'a, ()> {
        Box::pin(async move {
            // Taken out and not put back.
            self.table()?.take(key, true);
            Ok(())
        })
    }

    fn clear_expired<'a>(&'a self, _db: &'a Db, now: Timestamp) -> Counting<'a, ()> {
        Box::pin(async move {
            self.table()?.clear(now);
            Ok(())
        })
    }
}
