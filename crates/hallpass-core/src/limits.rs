//! Rate limits, named by action, with allauth's syntax: `20/m/ip,3/m/key`.
//!
//! A sliding log: the times of the hits that still count are kept per rate and subject, and a hit is refused when as
//! many as the rate allows are there. All rates of an action must pass, each in a log of its own. Subjects are hashed;
//! addresses of IPv6 count by network; a key is folded (NFKC, lower case) first, so that no spelling opens a fresh
//! window. Whatever goes wrong in counting refuses the hit: limits fail closed.
//!
//! Where the logs are kept is a [`Counter`]'s business: the [`Database`], [`Memory`], or Redis.

mod database;
mod exhausted;
mod log;
mod memory;
#[cfg(feature = "redis")]
mod redis;
pub(crate) mod redis_url;

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hallpass_django::text::fold;

pub use self::database::Database;
use self::exhausted::Exhausted;
pub use self::memory::Memory;
#[cfg(feature = "redis")]
pub use self::redis::Redis;
use crate::domain::{Timestamp, UserId, secret};
use crate::error::Failure;
use crate::settings::{Per, Rate};
use crate::store::Db;

/// One hit in one log.
#[derive(Debug)]
pub struct Hit {
    /// The log: a digest of action, rate and subject.
    pub key: String,
    /// When, by the clock of whoever counts.
    pub at: Timestamp,
    /// Tells it from others at the same time.
    pub id: u64,
}

/// What counting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is in the log.
    Within,
    /// The log is full; the hit is not in it. There is room again when this one, the time of another, has left the
    /// window.
    Full(Timestamp),
}

/// Counting under way.
pub type Counting<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Where hits are kept, a log for each key. An error means that the hit must be refused.
pub trait Counter: Send + Sync {
    /// Forgets the hits of this key that are `window` old or older; then, if fewer than `amount` (at least 1) are
    /// left, puts this one in. All of it at once, whoever else counts: of many parallel hits, no more than `amount`
    /// get in. `db` is the database of the instance.
    fn count<'a>(
        &'a self,
        db: &'a Db,
        hit: &'a Hit,
        amount: u32,
        window: Duration,
    ) -> Counting<'a, Counted>;

    /// Takes one hit out, if it is still there, and no other.
    fn take_back<'a>(&'a self, db: &'a Db, hit: &'a Hit) -> Counting<'a, ()>;

    /// Forgets a whole log.
    fn lift<'a>(&'a self, db: &'a Db, key: &'a str) -> Counting<'a, ()>;

    /// Forgets logs in which nothing counts any more; called now and then.
    fn clear_expired<'a>(&'a self, db: &'a Db, now: Timestamp) -> Counting<'a, ()>;
}

/// By what a hit is counted; a rate picks its own.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The client's address; none if there is nobody at the other end.
    pub ip: Option<IpAddr>,
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
pub struct Hits(Vec<Hit>);

/// The limits of one instance.
pub struct Limits {
    rates: HashMap<String, Vec<Rate>>,
    ipv6_prefix: u8,
    counter: Arc<dyn Counter>,
    exhausted: Exhausted,
}

impl Limits {
    /// Limits with these rates by action; an action that is not named has none.
    pub fn new(
        rates: HashMap<String, Vec<Rate>>,
        ipv6_prefix: u8,
        counter: Arc<dyn Counter>,
    ) -> Self {
        Limits {
            rates,
            ipv6_prefix,
            counter,
            exhausted: Exhausted::default(),
        }
    }

    /// Seconds for which this process turns an address away without asking anybody, since a limit of `action` was used up
    /// here; `None`: it does not.
    pub(crate) fn turned_away(
        &self,
        action: &'static str,
        ip: IpAddr,
        now: Timestamp,
    ) -> Option<u64> {
        self.exhausted.wait(action, self.network(ip), now)
    }

    /// Turns an address away for so many seconds.
    pub(crate) fn turn_away(
        &self,
        action: &'static str,
        ip: IpAddr,
        now: Timestamp,
        retry_after: u64,
    ) {
        let until = now + Duration::from_secs(retry_after);
        self.exhausted.note(action, self.network(ip), now, until);
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
            let window = Duration::from_secs(rate.period);
            let hit = Hit {
                key: log_key(action, index, rate, &subject),
                at: now,
                id: u64::from_ne_bytes(secret::random_bytes()),
            };
            let counted = match rate.amount {
                0 => Counted::Full(now),
                amount => self.counter.count(db, &hit, amount, window).await?,
            };
            match counted {
                Counted::Within => hits.0.push(hit),
                Counted::Full(other) => {
                    let wait = (other + window).since(now).min(window);
                    return Ok(Verdict::Exceeded {
                        retry_after: wait.as_secs() + 1,
                    });
                }
            }
        }
        Ok(Verdict::Within(hits))
    }

    /// Takes hits back: the attempt turned out to be one that does not count. Only these, not others of the subject:
    /// a success must not wipe out an attacker's failures.
    pub async fn take_back(&self, db: &Db, hits: Hits) -> Result<(), Failure> {
        for hit in &hits.0 {
            self.counter.take_back(db, hit).await?;
        }
        Ok(())
    }

    /// Forgets the hits that count against a key, in every window of `action` that goes by keys; others stay.
    pub async fn lift(&self, db: &Db, action: &str, key: &str) -> Result<(), Failure> {
        let subject = fold(key.trim());
        for (index, rate) in self.rates.get(action).into_iter().flatten().enumerate() {
            if rate.per == Per::Key {
                let key = log_key(action, index, rate, &subject);
                self.counter.lift(db, &key).await?;
            }
        }
        Ok(())
    }

    /// Forgets what no longer counts; called now and then.
    pub async fn clear_expired(&self, db: &Db, now: Timestamp) -> Result<(), Failure> {
        self.counter.clear_expired(db, now).await
    }

    /// The network that an address counts by.
    pub fn network(&self, ip: IpAddr) -> IpAddr {
        network(ip, self.ipv6_prefix)
    }

    fn subject(&self, per: Per, subject: Subject<'_>) -> Option<String> {
        match per {
            Per::Ip => subject
                .ip
                .map(|ip| network(ip, self.ipv6_prefix).to_string()),
            Per::User => subject.user.map(|id| id.to_string()),
            Per::Key => subject.key.map(|key| fold(key.trim())),
        }
    }
}

/// A log for each rate of an action: rates that shared one would count each other's hits, and forget them too soon.
fn log_key(action: &str, index: usize, rate: &Rate, subject: &str) -> String {
    secret::digest(&format!("{action}\0{index}\0{rate}\0{subject}"))
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
