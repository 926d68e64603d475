//! ACCOUNT_RATE_LIMITS: rates by action, in allauth's syntax: `10/m/ip,5/300s/key`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::{Value, json};

use super::sections::Account;
use super::types::{Setting, from_json, mismatch};

/// What a rate counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// The client's address.
    Ip,
    /// The signed-in user.
    User,
    /// What the action is done to.
    Key,
}

/// One rate: so many in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: u32,
    /// In how many seconds.
    pub period: u64,
    /// Counted by what.
    pub per: Per,
}

/// Units of a period, largest first, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// The times of all hits are kept, so an amount is a size in the database.
pub(super) const MOST: u32 = 10_000;
/// A year, in seconds, and a leap day.
pub(super) const LONGEST: u64 = 366 * 86_400;

impl Rate {
    /// Reads `10/m/ip,5/300s/key`: amount, period (perhaps a number, then `s`, `m`, `h` or `d`), and `ip` if nothing is
    /// said. The error reads on after "holds a rate that".
    pub fn parse_all(text: &str) -> Result<Vec<Rate>, String> {
        let rates = text.split(',').map(str::trim);
        rates
            .filter(|rate| !rate.is_empty())
            .map(Rate::parse)
            .collect()
    }

    fn parse(text: &str) -> Result<Rate, String> {
        let wrong = || format!("\"{text}\" is not understood: write it like 10/m/ip or 5/300s/key");
        let mut parts = text.split('/');
        let amount = parts.next().and_then(digits).ok_or_else(wrong)?;
        let period = parts.next().ok_or_else(wrong)?;
        let (unit, seconds) = UNITS
            .into_iter()
            .find(|(unit, _)| period.ends_with(*unit))
            .ok_or_else(wrong)?;
        let number = match period.trim_end_matches(unit) {
            "" if period.len() == 1 => 1,
            number if number.len() + 1 == period.len() => digits(number).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        let per = match parts.next() {
            None | Some("ip") => Per::Ip,
            Some("user") => Per::User,
            Some("key") => Per::Key,
            Some(_) => return Err(wrong()),
        };
        if parts.next().is_some() || number == 0 {
            return Err(wrong());
        }
        let period = number.saturating_mul(seconds);
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        if amount > MOST || period > LONGEST {
            return Err(format!(
                "\"{text}\" is too large: at most {MOST} times, in at most 366 days"
            ));
        }
        Ok(Rate {
            amount,
            period,
            per,
        })
    }
}

/// Nothing but digits: `parse` alone takes a plus sign.
fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, seconds): &(char, u64)| self.period.is_multiple_of(*seconds);
        let (unit, seconds) = UNITS.into_iter().find(whole).unwrap_or(('s', 1));
        write!(f, "{}/", self.amount)?;
        if self.period != seconds {
            write!(f, "{}", self.period / seconds)?;
        }
        let per = match self.per {
            Per::Ip => "ip",
            Per::User => "user",
            Per::Key => "key",
        };
        write!(f, "{unit}/{per}")
    }
}

/// ACCOUNT_RATE_LIMITS: rates by action, over the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    rates: BTreeMap<&'static str, Vec<Rate>>,
    /// Actions whose rates were written by hand.
    given: Vec<&'static str>,
}

const fn rate(amount: u32, period: u64, per: Per) -> Rate {
    Rate {
        amount,
        period,
        per,
    }
}

/// allauth's defaults; ours for the sign-in link, for magic links that are none, and for wrong codes by whom they are for, so that a fresh code does not
/// bring fresh attempts without end.
const DEFAULTS: [(&str, &[Rate]); 15] = [
    ("login", &[rate(30, 60, Per::Ip)]),
    (
        "login_failed",
        &[rate(10, 60, Per::Ip), rate(5, 300, Per::Key)],
    ),
    ("signup", &[rate(20, 60, Per::Ip)]),
    (
        "request_login_code",
        &[rate(20, 60, Per::Ip), rate(3, 60, Per::Key)],
    ),
    (
        "request_login_link",
        &[rate(20, 60, Per::Ip), rate(3, 60, Per::Key)],
    ),
    (
        "confirm_code",
        &[rate(30, 60, Per::Ip), rate(20, 3600, Per::Key)],
    ),
    (
        "reset_password",
        &[rate(20, 60, Per::Ip), rate(5, 60, Per::Key)],
    ),
    ("reset_password_from_key", &[rate(20, 60, Per::Ip)]),
    ("change_password", &[rate(5, 60, Per::User)]),
    ("change_phone", &[rate(1, 60, Per::User)]),
    ("magic_link_failed", &[rate(30, 60, Per::Ip)]),
    ("manage_email", &[rate(10, 60, Per::User)]),
    ("reauthenticate", &[rate(10, 60, Per::User)]),
    ("confirm_email", &[rate(1, 180, Per::Key)]),
    (
        "verify_phone",
        &[rate(1, 30, Per::Key), rate(3, 60, Per::Ip)],
    ),
];

impl Default for RateLimits {
    fn default() -> Self {
        let defaults = DEFAULTS.iter();
        RateLimits {
            rates: defaults
                .map(|(action, rates)| (*action, rates.to_vec()))
                .collect(),
            given: Vec::new(),
        }
    }
}

impl RateLimits {
    /// No limits at all.
    pub fn none() -> Self {
        RateLimits {
            rates: BTreeMap::new(),
            given: Vec::new(),
        }
    }

    /// The rates by action, older settings considered; an action that is not there is not limited.
    pub fn rates(&self, account: &Account) -> HashMap<String, Vec<Rate>> {
        let rates = self.rates.iter();
        rates
            .map(|(action, rates)| {
                let implied = (!self.given.contains(action))
                    .then(|| account.implied_rate(action))
                    .flatten();
                (
                    (*action).to_owned(),
                    implied.unwrap_or_else(|| rates.clone()),
                )
            })
            .collect()
    }
}

impl Setting for RateLimits {
    fn kind() -> String {
        "a map from action to rates such as \"10/m/ip,5/300s/key\", or false".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        if value == &Value::Bool(false) {
            return Ok(RateLimits::none());
        }
        let given = value.as_object().ok_or_else(|| mismatch::<Self>(value))?;
        let mut limits = RateLimits::default();
        for (action, rates) in given {
            let Some((action, _)) = DEFAULTS.iter().find(|(known, _)| known == action) else {
                return Err(unlimited(action));
            };
            let rates = match rates {
                Value::String(text) => {
                    Rate::parse_all(text).map_err(|what| format!("holds a rate that: {what}"))?
                }
                Value::Bool(false) | Value::Null => Vec::new(),
                _ => return Err(mismatch::<Self>(value)),
            };
            limits.rates.insert(action, rates);
            limits.given.push(action);
        }
        Ok(limits)
    }
    fn show(&self) -> Value {
        if self.rates.is_empty() {
            return Value::Bool(false);
        }
        let text = |rates: &Vec<Rate>| {
            let rates: Vec<String> = rates.iter().map(Rate::to_string).collect();
            json!(rates.join(","))
        };
        let shown = self.rates.iter();
        Value::Object(
            shown
                .map(|(action, rates)| ((*action).to_owned(), text(rates)))
                .collect(),
        )
    }
    fn read_text(text: &str) -> Result<Self, String> {
        match bool::read_text(text) {
            Ok(value) => Self::read(&value.into()),
            Err(_) => from_json(text),
        }
    }
}

/// What to say of an action without a limit here.
fn unlimited(action: &str) -> String {
    let known: Vec<_> = DEFAULTS.iter().map(|(known, _)| *known).collect();
    format!(
        "names the action \"{action}\", which does not exist: write one of {}",
        known.join(", ")
    )
}
