//! One-time codes that people read and type.
//!
//! Letters without vowels, so that no words come about, and none that look alike (RFC 8628, 6.1), or digits. Dashes are
//! for the eye: whatever a person adds or leaves out of dashes, blanks and case does not matter.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hallpass_django::SecretKeys;
use hallpass_django::signing::{Algorithm, salted_hmac, unpadded};

use super::secret;

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const DIGITS: &[u8; 10] = b"0123456789";

/// A code in the clear: a secret, on its way into a letter.
pub struct Code(String);

impl Code {
    /// A fresh one.
    pub fn random(numeric: bool, dashed: bool, length: usize) -> Self {
        let bare = match numeric {
            true => secret::random_text(DIGITS, length),
            false => secret::random_text(LETTERS, length),
        };
        Code(if dashed { dash(&bare) } else { bare })
    }

    /// As it is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Two groups up to eight characters, else three.
fn dash(bare: &str) -> String {
    let parts = if bare.len() <= 8 { 2 } else { 3 };
    let size = bare.len().div_ceil(parts);
    let groups: Vec<&str> = (0..bare.len())
        .step_by(size)
        .map(|at| &bare[at..(at + size).min(bare.len())])
        .collect();
    groups.join("-")
}

/// What was typed, without what does not count. `None`: it can be no code.
fn typed(text: &str) -> Option<String> {
    if text.len() > 1000 {
        return None;
    }
    // Input methods write full-width letters and digits; folded, they are what was meant.
    let folded = hallpass_django::text::fold(text);
    let bare: String = folded
        .chars()
        .filter(|c| !c.is_ascii_punctuation() && !c.is_whitespace())
        .collect();
    (!bare.is_empty() && bare.is_ascii() && bare.len() <= 64).then_some(bare)
}

/// What is kept of a code: an HMAC that binds it to its ceremony. Guessing offline takes SECRET_KEY.
pub fn kept(keys: &SecretKeys, ceremony: &str, code: &Code) -> String {
    let bare = typed(code.reveal()).unwrap_or_default();
    mac(keys.current(), ceremony, &bare)
}

/// Whether what was typed is the code of which `kept` is kept. An empty `kept` never matches.
pub fn matches(keys: &SecretKeys, ceremony: &str, kept: &str, text: &str) -> bool {
    let given = typed(text);
    let bare = given.as_deref().unwrap_or("-");
    let mut same = false;
    for key in keys.all() {
        let made = mac(key, ceremony, bare);
        same |= verify_slices_are_equal(made.as_bytes(), kept.as_bytes()).is_ok();
    }
    same && given.is_some() && !kept.is_empty()
}

fn mac(key: &str, ceremony: &str, bare: &str) -> String {
    let value = format!("{ceremony}\0{bare}");
    unpadded(&salted_hmac(
        Algorithm::Sha256,
        "hallpass.code.v1",
        value.as_bytes(),
        key,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code(text.to_owned())
    }

    #[test]
    fn codes_have_their_form() {
        for (numeric, dashed, length, shape) in [
            (false, true, 8, "xxxx-xxxx"),
            (true, true, 9, "ddd-ddd-ddd"),
            (true, false, 6, "dddddd"),
            (false, true, 6, "xxx-xxx"),
            (false, true, 10, "xxxx-xxxx-xx"),
            (true, true, 5, "ddd-dd"),
        ] {
            let code = Code::random(numeric, dashed, length);
            let found: String = code
                .reveal()
                .chars()
                .map(|c| match c {
                    '0'..='9' => 'd',
                    c if LETTERS.contains(&(c as u8)) => 'x',
                    other => other,
                })
                .collect();
            assert_eq!(found, shape);
        }
        assert_eq!(format!("{:?}", code("ABCD")), "Code(…)");
    }

    #[test]
    fn spelling_does_not_matter_and_everything_else_does() {
        let keys = SecretKeys::new("k", []);
        let stored = kept(&keys, "login:1", &code("BCDF-GHJK"));
        for good in [
            "BCDF-GHJK",
            "bcdfghjk",
            " b c d f – g h j k ".replace('–', "-").as_str(),
            "BCDF_GHJK.",
            "ＢＣＤＦ－ＧＨＪＫ",
        ] {
            assert!(matches(&keys, "login:1", &stored, good), "{good}");
        }
        for bad in [
            "",
            "-",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "ВСDF-GHJK",
            "\0",
            &"B".repeat(10_000),
        ] {
            assert!(!matches(&keys, "login:1", &stored, bad), "{bad}");
        }
        assert!(!matches(&keys, "login:2", &stored, "BCDF-GHJK"));
        assert!(!matches(&keys, "login:1", "", ""));
        assert!(!matches(&keys, "login:1", "", "BCDF-GHJK"));
        let rotated = SecretKeys::new("new", ["k".to_owned()]);
        assert!(matches(&rotated, "login:1", &stored, "BCDF-GHJK"));
    }
}
