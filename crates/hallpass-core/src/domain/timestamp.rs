//! A point in time as Django's databases keep it: UTC, to the microsecond.
//!
//! PostgreSQL has `timestamp with time zone`; SQLite has the text `2026-11-21 02:16:08.877825`, without the fraction
//! when it is zero. Both order rightly, the text too, so `<` in SQL means the same on either.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::Duration;

/// What tells the time: [`Timestamp::now`], or a test's own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The present. A flow does not call this: it has `cx.now`, sampled once.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    pub fn now() -> Self {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// From whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds * 1_000_000)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` until this, zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads Django's text on SQLite, and ISO 8601 with `T` and an offset. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
            return Some(Timestamp(zoned.as_microsecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp(zoned.timestamp().as_microsecond()))
    }

    fn civil(self) -> Option<jiff::civil::DateTime> {
        let stamp = jiff::Timestamp::from_microsecond(self.0).ok()?;
        Some(stamp.to_zoned(jiff::tz::TimeZone::UTC).datetime())
    }

    /// `Sat, 21 Nov 2026 02:16:08 GMT`, for HTTP headers.
    pub fn http_date(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            Err(_) => String::new(),
        }
    }

    /// `2026-11-21T02:16:08.123456Z`, for programs.
    pub fn iso(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => stamp.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
            Err(_) => String::new(),
        }
    }

    /// `21 November 2026, 02:16 UTC`, for people.
    pub fn spoken(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => stamp.strftime("%-d %B %Y, %H:%M UTC").to_string(),
            Err(_) => String::new(),
        }
    }
}

/// Whether a text is a date, `2026-11-21`.
pub fn is_date(text: &str) -> bool {
    date(text).is_some()
}

/// The date of a text, `2026-11-21`, in the years 1 to 9999: what every database and every client has.
pub(crate) fn date(text: &str) -> Option<jiff::civil::Date> {
    let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    (date.year() >= 1).then_some(date)
}

/// A lifetime in words: "3 days", "20 minutes". To the nearest, so that 15 minutes are not 14 a moment later.
pub fn spoken_for(lifetime: Duration) -> String {
    let seconds = lifetime.as_secs();
    let nearest = |unit: u64| (seconds + unit / 2) / unit;
    let (amount, unit) = match seconds {
        172_800.. => (nearest(86_400), "day"),
        7_200.. => (nearest(3_600), "hour"),
        120.. => (nearest(60), "minute"),
        _ => (seconds, "second"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

/// Django's text on SQLite.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.civil() else {
            return f.write_str("out of range");
        };
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )?;
        match self.0.rem_euclid(1_000_000) {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_djangos_and_returns() {
        for (micros, text) in [
            (1_795_227_368_877_825, "2026-11-21 02:16:08.877825"),
            (1_795_227_368_000_000, "2026-11-21 02:16:08"),
            (1_795_227_368_000_001, "2026-11-21 02:16:08.000001"),
            (-1, "1969-12-31 23:59:59.999999"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(Timestamp(micros)));
        }
        assert_eq!(
            Timestamp::parse("2026-11-21T03:16:08+01:00"),
            Some(Timestamp(1_795_227_368_000_000))
        );
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn lifetimes_are_spoken_of_to_the_nearest() {
        for (seconds, words) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (179, "3 minutes"),
            (899, "15 minutes"),
            (900, "15 minutes"),
            (7_199, "120 minutes"),
            (86_400, "24 hours"),
            (259_199, "3 days"),
        ] {
            assert_eq!(spoken_for(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn text_orders_as_time_does() {
        let mut times = [0, 1, 999_999, 1_000_000, 1_000_001, 59_999_999].map(Timestamp);
        times.sort();
        let texts: Vec<_> = times.iter().map(ToString::to_string).collect();
        let mut sorted = texts.clone();
        sorted.sort();
        assert_eq!(texts, sorted);
    }
}
