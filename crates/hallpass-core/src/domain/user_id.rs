//! The key of a user: an integer or a UUID, whichever the user's table has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::secret;

/// The key of a user. Its text is what Django writes into sessions and links.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Key);

/// In bytes, big end first, so that it aligns to one: a user is passed around by value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Int([u8; 8]),
    Uuid([u8; 16]),
}

impl UserId {
    /// No user's key: looked up where there is nobody, so that it takes as long as where there is somebody. A column of
    /// UUIDs is asked for the one that is all zeros.
    pub(crate) const NOBODY: UserId = UserId::from_int(0);

    /// From an integer key.
    pub const fn from_int(id: i64) -> Self {
        UserId(Key::Int(id.to_be_bytes()))
    }

    /// From the bytes of a UUID.
    pub const fn from_uuid(bytes: [u8; 16]) -> Self {
        UserId(Key::Uuid(bytes))
    }

    /// The integer key; `None` where keys are UUIDs.
    pub const fn as_int(self) -> Option<i64> {
        match self.0 {
            Key::Int(bytes) => Some(i64::from_be_bytes(bytes)),
            Key::Uuid(_) => None,
        }
    }

    /// The bytes of the UUID; `None` where keys are integers.
    pub const fn as_uuid(self) -> Option<[u8; 16]> {
        match self.0 {
            Key::Int(_) => None,
            Key::Uuid(bytes) => Some(bytes),
        }
    }

    /// A fresh UUID of version 4, as Python's `uuid4()` makes them.
    pub(crate) fn random() -> Self {
        let mut bytes = secret::random_bytes::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        UserId(Key::Uuid(bytes))
    }

    /// A UUID without its dashes, an integer as it is: what SQLite's columns and allauth's links hold.
    pub(crate) fn plain(self) -> String {
        match self.0 {
            Key::Int(bytes) => i64::from_be_bytes(bytes).to_string(),
            Key::Uuid(bytes) => format!("{:032x}", u128::from_be_bytes(bytes)),
        }
    }

    /// A UUID of 32 small hex digits.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() != 32 || !digits.bytes().all(plain) {
            return None;
        }
        let number = u128::from_str_radix(digits, 16).ok()?;
        Some(UserId(Key::Uuid(number.to_be_bytes())))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Key::Int(bytes) => i64::from_be_bytes(bytes).fmt(f),
            Key::Uuid(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({self})")
    }
}

/// Only the spelling that [`fmt::Display`] gives: of an integer no sign, no leading zero, no blank; of a UUID small
/// letters and all four dashes. Whether the user's table has such keys is not asked: see
/// [`UserTable::key`](crate::store::UserTable::key).
impl FromStr for UserId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let id = match text.len() {
            36 => UserId::from_hex(&text.replace('-', "")).ok_or(())?,
            1..=19 if text.bytes().all(|b| b.is_ascii_digit()) => {
                UserId::from_int(text.parse().map_err(|_| ())?)
            }
            _ => return Err(()),
        };
        match id.to_string() == text {
            true => Ok(id),
            false => Err(()),
        }
    }
}

/// An integer as a number, a UUID as its text: what JSON has of it in answers and in sessions.
impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Key::Int(bytes) => serializer.serialize_i64(i64::from_be_bytes(bytes)),
            Key::Uuid(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Int(i64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Int(id) => Ok(UserId::from_int(id)),
            Given::Text(text) => text
                .parse()
                .map_err(|()| de::Error::custom("no key of a user")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20cc";

    #[test]
    fn only_the_one_spelling_is_taken() {
        for text in ["0", "1", "2147483648", "9223372036854775807", TEXT] {
            let id: UserId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(
                serde_json::from_str::<UserId>(&serde_json::to_string(&id).unwrap()).unwrap(),
                id
            );
        }
        let hex = TEXT.replace('-', "");
        let upper = TEXT.to_uppercase();
        let braces = format!("{{{TEXT}}}");
        let moved = "6f1c0c5-29a0b-4c7e-8d12-00aa10bb20cc";
        for text in [
            "",
            "-1",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.0",
            "9223372036854775808",
            "99999999999999999999",
            "٣",
            "one",
            &hex,
            &upper,
            &braces,
            moved,
            "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20c",
            "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20cg",
            "------------------------------------",
            "6f1c0c52+9a0b-4c7e-8d12-00aa10bb20cc",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(()), "{text}");
        }
    }

    #[test]
    fn fresh_ones_are_of_version_four() {
        let (one, other) = (UserId::random(), UserId::random());
        assert_ne!(one, other);
        for id in [one, other] {
            let text = id.to_string();
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
            assert_eq!(UserId::from_hex(&id.plain()), Some(id));
            assert_eq!(id.as_int(), None);
        }
    }

    #[test]
    fn json_has_a_number_or_a_text() {
        let id: UserId = TEXT.parse().unwrap();
        assert_eq!(serde_json::json!(id), TEXT);
        assert_eq!(serde_json::json!(UserId::from_int(7)), 7);
        for wrong in ["\"7\"", "\"x\"", "1.5", "null", "[1]"] {
            let read = serde_json::from_str::<UserId>(wrong);
            // A number written as a text is the key of that number.
            assert_eq!(read.is_ok(), wrong == "\"7\"", "{wrong}");
        }
    }
}
