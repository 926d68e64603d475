//! The spellings: base64url without padding, base62, base36, and JSON as Python writes it.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::ser::Formatter;

/// base64url without padding.
pub fn unpadded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Undoes [`unpadded`]; padding at the end is taken as well.
pub fn unpadded_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn digits(mut number: u64, alphabet: &[u8]) -> String {
    let base = alphabet.len() as u64;
    let mut text = Vec::new();
    loop {
        // The remainder is smaller than the alphabet.
        text.push(alphabet[usize::try_from(number % base).unwrap_or(0)]);
        number /= base;
        if number == 0 {
            break;
        }
    }
    text.iter().rev().map(|byte| char::from(*byte)).collect()
}

fn number(text: &str, alphabet: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = alphabet.iter().position(|known| *known == byte)?;
        number
            .checked_mul(alphabet.len() as u64)?
            .checked_add(digit as u64)
    })
}

/// Django's base62, digits before capitals before small letters.
pub fn base62(number: i64) -> String {
    let text = digits(number.unsigned_abs(), BASE62);
    if number < 0 { format!("-{text}") } else { text }
}

/// Undoes [`base62`].
pub fn from_base62(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) => i64::try_from(number(rest, BASE62)?).ok()?.checked_neg(),
        None => i64::try_from(number(text, BASE62)?).ok(),
    }
}

/// Lower-case base36.
pub fn base36(number: u64) -> String {
    digits(number, BASE36)
}

/// Undoes [`base36`]: at most 13 characters, lower case only.
pub fn from_base36(text: &str) -> Option<u64> {
    if text.len() > 13 {
        None
    } else {
        number(text, BASE36)
    }
}

/// Compact JSON in ASCII, as `json.dumps(…, separators=(",", ":"))` writes it.
pub fn json_ascii(json: &impl serde::Serialize) -> String {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii);
    // A value with string keys always serialises, and into memory.
    if json.serialize(&mut serializer).is_err() {
        return String::new();
    }
    String::from_utf8(bytes).unwrap_or_default()
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (index, letter) in fragment.char_indices() {
            if matches!(letter, ' '..='~') {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[plain..index])?;
            plain = index + letter.len_utf8();
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}
