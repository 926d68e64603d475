//! Who has used up a limit, as far as this process saw it.
//!
//! For limits on failures alone: a good request must not cost a look at the counts, and a bad one must not be tried once
//! the limit is used up. So the counts are asked after a failure, and who is over the limit is remembered here until
//! there is room again. Other processes find out by a failure of their own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;

/// The most that are remembered; beyond it each failure is counted, as it would be anyway.
const MOST: usize = 10_000;

type Known = HashMap<(&'static str, IpAddr), Timestamp>;

/// Until when, by action and address.
#[derive(Default)]
pub(super) struct Exhausted(Mutex<Known>);

impl Exhausted {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds until there is room again.
    pub(super) fn wait(&self, action: &'static str, ip: IpAddr, now: Timestamp) -> Option<u64> {
        let until = *self.lock().get(&(action, ip))?;
        (until > now).then(|| until.since(now).as_secs().max(1))
    }

    pub(super) fn note(&self, action: &'static str, ip: IpAddr, now: Timestamp, until: Timestamp) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.retain(|_, until| *until > now);
        }
        if known.len() < MOST {
            known.insert((action, ip), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_let_in_again_and_no_other_is_meant() {
        let exhausted = Exhausted::default();
        let at = Timestamp::from_seconds;
        let ip = |last| IpAddr::from([192, 0, 2, last]);
        exhausted.note("a", ip(1), at(100), at(160));
        assert_eq!(exhausted.wait("a", ip(1), at(100)), Some(60));
        assert_eq!(exhausted.wait("a", ip(1), at(159)), Some(1));
        assert_eq!(exhausted.wait("a", ip(1), at(160)), None);
        assert_eq!(exhausted.wait("a", ip(2), at(100)), None);
        assert_eq!(exhausted.wait("b", ip(1), at(100)), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let exhausted = Exhausted::default();
        let at = Timestamp::from_seconds;
        for number in 0..20_000_u32 {
            exhausted.note("a", IpAddr::from(number.to_be_bytes()), at(0), at(60));
        }
        assert_eq!(exhausted.lock().len(), MOST);
        // What is over makes room.
        let late = IpAddr::from([255, 0, 0, 1]);
        exhausted.note("a", late, at(60), at(120));
        assert_eq!(exhausted.lock().len(), 1);
        assert_eq!(exhausted.wait("a", late, at(60)), Some(60));
    }
}
