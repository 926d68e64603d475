//! A clock of a test's own: it goes on as the world's does, and is put forward or stopped.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_core::domain::Timestamp;

/// Tells one app the time. Clones are the same clock.
#[derive(Clone, Default)]
pub struct TestClock(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    ahead: Duration,
    stopped: Option<Timestamp>,
}

impl TestClock {
    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let hands = self.hands();
        hands.stopped.unwrap_or_else(Timestamp::now) + hands.ahead
    }

    /// Puts it forward: a link of three days is dead after four.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        hands.ahead = hands.ahead.saturating_add(by);
    }

    /// Stops it where it is; from then on it moves by [`TestClock::advance`] alone.
    pub fn stop(&self) {
        self.stop_at(self.now());
    }

    /// Stops it at this time.
    pub fn stop_at(&self, time: Timestamp) {
        *self.hands() = Hands {
            ahead: Duration::ZERO,
            stopped: Some(time),
        };
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestClock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_is_put_forward_and_stops() {
        let clock = TestClock::default();
        let begun = clock.now();
        clock.advance(Duration::from_secs(3_600));
        assert!(clock.clone().now().since(begun) >= Duration::from_secs(3_600));
        clock.stop();
        let stopped = clock.now();
        assert_eq!(clock.now(), stopped);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now().since(stopped), Duration::from_secs(1));
        clock.stop_at(Timestamp::from_seconds(1_000));
        assert_eq!(clock.now(), Timestamp::from_seconds(1_000));
    }
}
