//! The postman: takes letters and texts from the outbox and delivers them until it succeeds or gives up.
//!
//! Letters are claimed with a lease, so that several processes share an outbox and a letter whose postman was killed is
//! taken up by another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Channel;
use super::mailer::{Mailer, Rejection};
use super::message::Message;
use super::sms::{Text, Texter};
use crate::domain::sealed::Sealer;
use crate::domain::{Clock, Timestamp, secret};
use crate::error::Failure;
use crate::store::Db;
use crate::store::outbox::{self, Claimed};

/// When to try again.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Letters delivered at the same time.
    pub workers: usize,
    /// Attempts before giving up.
    pub attempts: u32,
    /// How often to look without having been woken: for letters of other processes, and those due again.
    pub poll: Duration,
    /// How long a claimed letter is left alone by others; longer than any delivery takes.
    pub lease: Duration,
}

/// Delivers the outbox of one database.
pub struct Postman {
    /// The outbox's database.
    pub db: Db,
    /// Opens the letters.
    pub sealer: Arc<Sealer>,
    /// Where letters go.
    pub mailer: Arc<dyn Mailer>,
    /// Where texts go.
    pub texter: Arc<dyn Texter>,
    /// When to try again.
    pub schedule: Schedule,
    /// The clock.
    pub clock: Clock,
}

impl Postman {
    /// Works until `stop` says so, then finishes what is under way.
    pub async fn work(&self, wake: &Notify, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.round().await {
                // As many as there is room for: there may be more.
                Ok(count) if count >= self.schedule.workers => continue,
                Ok(_) => {}
                Err(failure) => tracing::warn!(%failure, "the outbox could not be read"),
            }
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(self.schedule.poll) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Delivers what is due, as many as there are workers; how many were tried.
    pub async fn round(&self) -> Result<usize, Failure> {
        let now = (self.clock)();
        let claimed = outbox::claim(
            self.db.conn(),
            now,
            now + self.schedule.lease,
            self.schedule.workers,
        )
        .await?;
        let count = claimed.len();
        let mut deliveries = JoinSet::new();
        for letter in claimed {
            let (mailer, texter) = (Arc::clone(&self.mailer), Arc::clone(&self.texter));
            let opened = self.open(&letter, now);
            deliveries.spawn(async move {
                let result = match &opened {
                    Ok(Opened::Mail(message)) => mailer.send(message).await,
                    Ok(Opened::Text(text)) => texter.send(text).await,
                    Err(why) => Err(Rejection::Final(why.clone())),
                };
                (letter, result)
            });
        }
        while let Some(done) = deliveries.join_next().await {
            match done {
                Ok((letter, result)) => self.settle(&letter, result).await?,
                // Its lease runs out and it is tried again.
                Err(error) => tracing::error!(%error, "a delivery broke off"),
            }
        }
        Ok(count)
    }

    fn open(&self, letter: &Claimed, now: Timestamp) -> Result<Opened, String> {
        if letter.expires.is_some_and(|expires| expires <= now) {
            return Err("it expired before it could be delivered".to_owned());
        }
        let channel = Channel::of(&letter.letter);
        let json = self
            .sealer
            .open(channel.purpose(), &letter.sealed)
            .map_err(|failure| failure.to_string())?;
        let opened = match channel {
            Channel::Mail => serde_json::from_slice(&json).map(Opened::Mail),
            Channel::Text => serde_json::from_slice(&json).map(Opened::Text),
        };
        opened.map_err(|error| error.to_string())
    }

    async fn settle(&self, letter: &Claimed, result: Result<(), Rejection>) -> Result<(), Failure> {
        let now = (self.clock)();
        let (id, attempts) = (letter.id, letter.attempts);
        match result {
            Ok(()) => {
                tracing::info!(letter = letter.letter, id, "letter delivered");
                outbox::remove(self.db.conn(), id).await
            }
            Err(Rejection::Passing(why)) if attempts < i64::from(self.schedule.attempts) => {
                tracing::warn!(
                    letter = letter.letter,
                    id,
                    attempts,
                    why,
                    "letter not delivered, trying again later"
                );
                outbox::postpone(self.db.conn(), id, now + pause(attempts), &why).await
            }
            Err(Rejection::Passing(why) | Rejection::Final(why)) => {
                tracing::error!(letter = letter.letter, id, attempts, why, "letter given up");
                outbox::bury(self.db.conn(), id, now, &why).await
            }
        }
    }
}

/// What was sealed.
enum Opened {
    Mail(Message),
    Text(Text),
}

/// 10 s, 20 s, 40 s … up to an hour, each with up to a quarter more so that letters do not return all at once.
fn pause(attempts: i64) -> Duration {
    let base = (10_u64 << (attempts.clamp(1, 10) - 1)).min(3600);
    let [random] = secret::random_bytes::<1>();
    Duration::from_millis(base * 1000 + base * 250 * u64::from(random) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        for (attempts, low, high) in [
            (1, 10, 13),
            (2, 20, 25),
            (5, 160, 200),
            (12, 3600, 4500),
            (1000, 3600, 4500),
        ] {
            let seconds = pause(attempts).as_secs();
            assert!((low..=high).contains(&seconds), "{attempts}: {seconds}");
        }
    }
}
