//! The times of hits, oldest first: what the counters that do their own arithmetic have in common.

use std::time::Duration;

use super::Counted;
use crate::domain::Timestamp;

/// Counts a hit at `now` in this log, of microseconds; see [`super::Counter::count`].
pub(super) fn count(
    times: &mut Vec<i64>,
    now: Timestamp,
    amount: u32,
    window: Duration,
) -> Counted {
    let (start, now) = ((now - window).micros(), now.micros());
    times.retain(|time| *time > start);
    let amount = usize::try_from(amount).unwrap_or(usize::MAX);
    // Where the rate was once larger, more may be there than fit: room comes when the one `amount` from the newest goes.
    let in_the_way = times.len().checked_sub(amount);
    match in_the_way.and_then(|index| times.get(index)) {
        Some(time) => Counted::Full(Timestamp::from_micros(*time)),
        None => {
            // Parallel hits do not come in order.
            let place = times.partition_point(|time| *time <= now);
            times.insert(place, now);
            Counted::Within
        }
    }
}

/// Takes one hit out. Those of the same time are alike, so any of them will do.
pub(super) fn take_back(times: &mut Vec<i64>, at: Timestamp) {
    if let Some(index) = times.iter().position(|time| *time == at.micros()) {
        times.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_micros(10);

    fn hit(times: &mut Vec<i64>, at: i64, amount: u32) -> Counted {
        count(times, Timestamp::from_micros(at), amount, WINDOW)
    }

    #[test]
    fn a_log_stays_in_order_and_loses_what_is_old() {
        let mut times = Vec::new();
        for at in [103, 101, 102] {
            assert_eq!(hit(&mut times, at, 3), Counted::Within);
        }
        assert_eq!(times, [101, 102, 103]);
        let oldest = Counted::Full(Timestamp::from_micros(101));
        assert_eq!(hit(&mut times, 110, 3), oldest);
        assert_eq!(hit(&mut times, 111, 3), Counted::Within);
        assert_eq!(times, [102, 103, 111]);
    }

    #[test]
    fn a_rate_made_smaller_waits_until_enough_have_gone() {
        let mut times = vec![101, 102, 103];
        let second = Counted::Full(Timestamp::from_micros(102));
        assert_eq!(hit(&mut times, 104, 2), second);
        assert_eq!(times, [101, 102, 103]);
    }

    #[test]
    fn one_hit_is_taken_back_at_a_time() {
        let mut times = vec![101, 102, 102, 103];
        take_back(&mut times, Timestamp::from_micros(102));
        assert_eq!(times, [101, 102, 103]);
        take_back(&mut times, Timestamp::from_micros(104));
        assert_eq!(times, [101, 102, 103]);
    }
}
