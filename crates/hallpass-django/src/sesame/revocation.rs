//! What ends a token when it changes: the password column, the address, the last login. It is in the token only as
//! hashed or signed, in no form that could be read.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Settings, UserFields};

/// Version 2: the hash of the password alone, without its salt, so that a token gives away as little as can be.
pub(super) fn v2(settings: &Settings, user: UserFields<'_>) -> String {
    let mut data = String::new();
    if settings.invalidate_on_password_change {
        data.push_str(hash_of(user.password));
    }
    if settings.invalidate_on_email_change {
        data.push_str(user.email);
    }
    if let (true, Some(at)) = (settings.one_time, user.last_login) {
        data.push_str(&civil(at, 'T'));
    }
    data
}

/// Version 1: the whole column.
pub(super) fn v1(settings: &Settings, user: UserFields<'_>) -> String {
    let mut data = String::new();
    if settings.invalidate_on_password_change {
        data.push_str(user.password);
    }
    if settings.invalidate_on_email_change {
        data.push_str(user.email);
    }
    if settings.one_time {
        data.push_str(
            &user
                .last_login
                .map_or("None".to_owned(), |at| civil(at, ' ')),
        );
    }
    data
}

/// The hash at the end of a password column, by the length that its algorithm had when the format was fixed: of today's
/// argon2 it is half. What no known algorithm made is taken whole, unusable passwords among it.
fn hash_of(password: &str) -> &str {
    let algorithm = password.split_once('$').map_or(password, |(name, _)| name);
    let length = match algorithm {
        "pbkdf2_sha256" => 44,
        "pbkdf2_sha1" => 28,
        "argon2" => 22,
        "bcrypt_sha256" | "bcrypt" => 31,
        "sha1" => 40,
        "md5" => 32,
        "crypt" => 11,
        _ => return password,
    };
    // In letters: nothing stops a column from having more than ASCII in it.
    let start = password.char_indices().rev().nth(length - 1);
    &password[start.map_or(0, |(at, _)| at)..]
}

/// A time as Python writes it: microseconds only if there are any.
fn civil(micros: i64, separator: char) -> String {
    let Ok(at) = Timestamp::from_microsecond(micros) else {
        // No time that a database gives. It still tells one login from another.
        return micros.to_string();
    };
    let at = at.to_zoned(TimeZone::UTC);
    let fraction = match at.subsec_nanosecond() / 1000 {
        0 => String::new(),
        some => format!(".{some:06}"),
    };
    format!(
        "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}{fraction}+00:00",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_python_writes_them() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (1, "1970-01-01T00:00:00.000001+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
            (1_767_225_598_123_456, "2025-12-31T23:59:58.123456+00:00"),
            (1_767_225_598_500_000, "2025-12-31T23:59:58.500000+00:00"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00+00:00"),
            (253_402_207_199_999_999, "9999-12-30T21:59:59.999999+00:00"),
        ] {
            assert_eq!(civil(micros, 'T'), text);
            assert_eq!(civil(micros, ' '), text.replace('T', " "));
        }
        assert_ne!(civil(i64::MAX, 'T'), civil(i64::MAX - 1, 'T'));
    }

    #[test]
    fn hashes_without_their_salt() {
        for (password, hash) in [
            (
                "md5$salt$0123456789abcdef0123456789abcdef",
                "0123456789abcdef0123456789abcdef",
            ),
            (
                "argon2$argon2id$salt$aaaaaBBBBBBBBBBBBBBBBBBBBBB",
                "BBBBBBBBBBBBBBBBBBBBBB",
            ),
            ("crypt$$éé12345678901", "12345678901"),
            ("crypt$$1é345678901", "1é345678901"),
            ("bcrypt$short", "bcrypt$short"),
            ("md5", "md5"),
            ("scrypt$16384$salt$8$5$hash", "scrypt$16384$salt$8$5$hash"),
            ("!unusable", "!unusable"),
            ("", ""),
        ] {
            assert_eq!(hash_of(password), hash);
        }
    }
}
