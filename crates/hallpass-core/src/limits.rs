//! Rate limits, named by action, with allauth's syntax: `20/m/ip,3/m/key`.
//!
//! A sliding log: the times of the hits that still count are kept per rate and subject, and a hit is refused when as
//! many as the rate allows are there. All rates of an action must pass. Subjects are hashed; addresses of IPv6 count by
//! network; a key is folded (NFKC, lower case) first, so that no spelling opens a fresh window. Whatever goes wrong in
//! counting refuses the hit: limits fail closed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use hallpass_django::text::fold;

use crate::domain::{Timestamp, UserId, secret};
use crate::error::Failure;
use crate::settings::{Per, Rate};
use crate::store::{self, Db};

/// Where hits are kept.
pub enum LimitStore {
    /// In the database: shared by all processes, kept over restarts.
    Database,
    /// In this process.
    Memory(Mutex<HashMap<String, Vec<i64>>>),
}

/// By what a hit is counted; a rate picks its own.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The client's address.
    pub ip: IpAddr,
    /// The signed-in user.
    pub user: Option<UserId>,
    /// What the action is done to: an address, a login.
    pub key: Option<&'a str>,
}

/// What a hit came to.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It counts, and may go on. Keep it to take the hit back.
    Within(Hits),
    /// Refused; seconds until the oldest hit in the way stops counting.
    Exceeded {
        /// Seconds, at least 1.
        retry_after: u64,
    },
}

/// Hits that were counted, to be taken back by [`Limits::take_back`].
#[derive(Debug, Default)]
pub struct Hits(Vec<(String, i64)>);

/// The limits of one instance.
pub struct Limits {
    rates: HashMap<String, Vec<Rate>>,
    ipv6_prefix: u8,
    store: LimitStore,
}

impl Limits {
    /// Limits with these rates by action; an action that is not named has none.
    pub fn new(rates: HashMap<String, Vec<Rate>>, ipv6_prefix: u8, store: LimitStore) -> Self {
        Limits {
            rates,
            ipv6_prefix,
            store,
        }
    }

    /// Counts a hit against every rate of `action`, in order. Earlier rates stay charged when a later one refuses.
    pub async fn hit(
        &self,
        db: &Db,
        action: &str,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let mut hits = Hits::default();
        for (index, rate) in self.rates.get(action).into_iter().flatten().enumerate() {
            let Some(subject) = self.subject(rate.per, subject) else {
                continue;
            };
            let key = secret::digest(&format!(
                "{action}\0{index}\0{}/{}\0{subject}",
                rate.amount, rate.period
            ));
            let window = Duration::from_secs(rate.period);
            match self.count(db, &key, rate.amount, window, now).await? {
                None => hits.0.push((key, now.micros())),
                Some(retry_after) => return Ok(Verdict::Exceeded { retry_after }),
            }
        }
        Ok(Verdict::Within(hits))
    }

    /// Takes hits back: the attempt turned out to be one that does not count. Only these, not others of the subject:
    /// a success must not wipe out an attacker's failures.
    pub async fn take_back(&self, db: &Db, hits: Hits) -> Result<(), Failure> {
        for (key, at) in hits.0 {
            self.change(db, &key, Timestamp::from_micros(at), |times| {
                if let Some(index) = times.iter().position(|time| *time == at) {
                    times.remove(index);
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Forgets the hits that count against a key, in every window of `action` that goes by keys; others stay.
    pub async fn lift(&self, db: &Db, action: &str, key: &str) -> Result<(), Failure> {
        for (index, rate) in self.rates.get(action).into_iter().flatten().enumerate() {
            if rate.per != Per::Key {
                continue;
            }
            let subject = fold(key.trim());
            let key = secret::digest(&format!(
                "{action}\0{index}\0{}/{}\0{subject}",
                rate.amount, rate.period
            ));
            self.change(db, &key, Timestamp::from_micros(0), Vec::clear)
                .await?;
        }
        Ok(())
    }

    fn subject(&self, per: Per, subject: Subject<'_>) -> Option<String> {
        match per {
            Per::Ip => Some(network(subject.ip, self.ipv6_prefix).to_string()),
            Per::User => subject.user.map(|id| id.to_string()),
            Per::Key => subject.key.map(|key| fold(key.trim())),
        }
    }

    /// `None`: counted. `Some`: refused, seconds to wait.
    async fn count(
        &self,
        db: &Db,
        key: &str,
        amount: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Option<u64>, Failure> {
        let start = (now - window).micros();
        self.change(db, key, now + window, |times| {
            times.retain(|time| *time > start);
            if times.len() < amount as usize {
                times.push(now.micros());
                return None;
            }
            // The window has room again once the hit that is `amount` from the newest has left it.
            let leaves = times
                .len()
                .checked_sub(amount as usize)
                .and_then(|index| times.get(index));
            let wait = leaves.map_or(window, |time| {
                (Timestamp::from_micros(*time) + window).since(now)
            });
            Some(wait.as_secs() + 1)
        })
        .await
    }

    async fn change<T>(
        &self,
        db: &Db,
        key: &str,
        expires: Timestamp,
        edit: impl FnOnce(&mut Vec<i64>) -> T,
    ) -> Result<T, Failure> {
        match &self.store {
            LimitStore::Memory(table) => {
                let mut table = table
                    .lock()
                    .map_err(|_| Failure::new("the table of limits is poisoned"))?;
                let answer = edit(table.entry(key.to_owned()).or_default());
                if table.get(key).is_some_and(Vec::is_empty) {
                    table.remove(key);
                }
                Ok(answer)
            }
            LimitStore::Database => {
                let mut tx = db.begin().await.map_err(Failure::from)?;
                let mut times = store::limit::hold(tx.conn(), key, expires).await?;
                let answer = edit(&mut times);
                store::limit::write(tx.conn(), key, &times).await?;
                tx.commit().await.map_err(Failure::from)?;
                Ok(answer)
            }
        }
    }

    /// Forgets what no longer counts; called now and then.
    pub async fn clear_expired(&self, db: &Db, now: Timestamp) -> Result<(), Failure> {
        match &self.store {
            LimitStore::Database => store::limit::clear_expired(db.conn(), now).await.map(drop),
            LimitStore::Memory(table) => {
                let longest = self
                    .rates
                    .values()
                    .flatten()
                    .map(|rate| rate.period)
                    .max()
                    .unwrap_or(0);
                let start = (now - Duration::from_secs(longest)).micros();
                let mut table = table
                    .lock()
                    .map_err(|_| Failure::new("the table of limits is poisoned"))?;
                table.retain(|_, times| times.iter().any(|time| *time > start));
                Ok(())
            }
        }
    }
}

/// The network that an address counts by: itself for IPv4, its first bits for IPv6, since whoever has one address of a
/// /64 has all.
fn network(ip: IpAddr, ipv6_prefix: u8) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => {
            let keep = u128::MAX
                .checked_shl(128 - u32::from(ipv6_prefix.min(128)))
                .unwrap_or(0);
            IpAddr::V6((u128::from(ip) & keep).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_counts_by_network_and_mapped_ipv4_as_ipv4() {
        let net = |text: &str| network(text.parse().unwrap(), 64).to_string();
        assert_eq!(net("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(net("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8::1".parse().unwrap(), 0).to_string(), "::");
        assert_eq!(
            network("2001:db8::1".parse().unwrap(), 128).to_string(),
            "2001:db8::1"
        );
    }

    #[test]
    fn a_key_has_one_spelling() {
        for spelling in [
            "Ａnn@Example.com",
            " ann@example.com ",
            "ANN@EXAMPLE.COM",
            "ann@example.com",
        ] {
            assert_eq!(fold(spelling.trim()), "ann@example.com");
        }
    }
}
