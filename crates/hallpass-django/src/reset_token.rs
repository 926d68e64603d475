//! `PasswordResetTokenGenerator`: a token that dies when what it was made from changes.
//!
//! `<time>-<digest>`: the time is base36 seconds since 2001 on the wall clock of TIME_ZONE, the digest every second hex
//! digit of an HMAC over key, password column, last login, time and address. Nothing is stored; signing in or a new
//! password makes it worthless. allauth's variant adds all the user's addresses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use subtle::ConstantTimeEq as _;

use crate::signing::{Algorithm, Keyed, SecretKeys, base36, from_base36, hex};

const KEY_SALT: &str = "django.contrib.auth.tokens.PasswordResetTokenGenerator";

/// 2001-01-01 00:00 in Unix seconds.
const EPOCH: i64 = 978_307_200;

/// What a token is made from.
#[derive(Clone, Copy)]
pub struct TokenUser<'a> {
    /// The primary key as text.
    pub pk: &'a str,
    /// The password column.
    pub password: &'a str,
    /// Last login in Unix seconds, fractions cut off.
    pub last_login: Option<i64>,
    /// The address on the user's own row.
    pub email: &'a str,
}

/// Makes and checks tokens. Holds the derived keys.
#[derive(Clone)]
pub struct ResetTokens {
    keys: Vec<Keyed>,
    zone: TimeZone,
    timeout: u64,
}

impl ResetTokens {
    /// `zone` is TIME_ZONE, `timeout` PASSWORD_RESET_TIMEOUT in seconds.
    pub fn new(keys: &SecretKeys, zone: TimeZone, timeout: u64) -> Self {
        let keys = keys
            .all()
            .map(|key| Keyed::salted(Algorithm::Sha256, &[KEY_SALT], key))
            .collect();
        ResetTokens {
            keys,
            zone,
            timeout,
        }
    }

    /// A token; `now` in Unix seconds.
    pub fn make(&self, user: TokenUser<'_>, now: i64) -> String {
        self.make_with(user, "", local_seconds(now, &self.zone))
    }

    /// Whether `token` is one for this user and still good. The digest is computed whatever the token looks like.
    pub fn check(&self, user: TokenUser<'_>, token: &str, now: i64) -> bool {
        self.check_with(user, "", token, now)
    }

    /// allauth's token, which the user's addresses are part of.
    pub fn make_with_addresses(&self, user: TokenUser<'_>, addresses: &[&str], now: i64) -> String {
        self.make_with(
            user,
            &joined(user.email, addresses),
            local_seconds(now, &self.zone),
        )
    }

    /// Checks allauth's token.
    pub fn check_with_addresses(
        &self,
        user: TokenUser<'_>,
        addresses: &[&str],
        token: &str,
        now: i64,
    ) -> bool {
        self.check_with(user, &joined(user.email, addresses), token, now)
    }

    fn make_with(&self, user: TokenUser<'_>, extra: &str, at: u64) -> String {
        self.keys
            .first()
            .map(|key| token(key, user, extra, at))
            .unwrap_or_default()
    }

    fn check_with(&self, user: TokenUser<'_>, extra: &str, given: &str, now: i64) -> bool {
        let time = given.split_once('-').map_or("", |(time, _)| time);
        let at = from_base36(time).unwrap_or(0);
        // Made again and compared whole: other spellings of the same time or digest do not match.
        let good = self.keys.iter().any(|key| {
            bool::from(
                token(key, user, extra, at)
                    .as_bytes()
                    .ct_eq(given.as_bytes()),
            )
        });
        good && local_seconds(now, &self.zone).saturating_sub(at) <= self.timeout
    }
}

fn token(key: &Keyed, user: TokenUser<'_>, extra: &str, at: u64) -> String {
    let login = user.last_login.map(civil).unwrap_or_default();
    let number = at.to_string();
    let parts = [user.pk, user.password, &login, &number, user.email, extra].map(str::as_bytes);
    let digest = hex(&key.sum(&parts));
    let half: String = digest.chars().step_by(2).collect();
    format!("{}-{half}", base36(at))
}

/// The sorted, lower-cased set of addresses, as allauth joins it.
fn joined(email: &str, addresses: &[&str]) -> String {
    let mut all: Vec<String> = addresses
        .iter()
        .copied()
        .chain([email])
        .filter(|a| !a.is_empty())
        .map(str::to_lowercase)
        .collect();
    all.sort();
    all.dedup();
    all.join("|")
}

/// Seconds since 2001 as the wall clock of `zone` shows them: Django takes the difference of naive local times.
pub fn local_seconds(unix: i64, zone: &TimeZone) -> u64 {
    let offset =
        jiff::Timestamp::from_second(unix).map_or(0, |at| i64::from(zone.to_offset(at).seconds()));
    u64::try_from(unix.saturating_add(offset).saturating_sub(EPOCH)).unwrap_or(0)
}

/// `YYYY-MM-DD HH:MM:SS` in UTC.
fn civil(unix: i64) -> String {
    jiff::Timestamp::from_second(unix)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// `urlsafe_base64_encode(force_bytes(pk))` of Django's links.
pub fn encode_uid(pk: &str) -> String {
    URL_SAFE_NO_PAD.encode(pk)
}

/// Undoes [`encode_uid`]; only the spelling that it makes is taken.
pub fn decode_uid(uid: &str) -> Option<String> {
    // Longer than any key; a link's path is as long as its sender likes.
    if uid.len() > 512 {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(uid).ok()?).ok()
}

/// The key in allauth's links: base36 of an integer, the 32 hex digits of a UUID.
pub fn encode_uid_base36(pk: &str) -> String {
    match pk.parse::<u64>() {
        Ok(number) => base36(number),
        Err(_) => pk.replace('-', ""),
    }
}

/// Undoes [`encode_uid_base36`] for integer keys; only the spelling that it makes is taken.
pub fn decode_uid_base36(uid: &str) -> Option<u64> {
    from_base36(uid).filter(|number| base36(*number) == uid)
}
