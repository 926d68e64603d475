//! Passwords that are tried first.
//!
//! Django looks into a list of 19,640. zxcvbn has a list of 30,000 leaked ones, and tells what is guessed as easily as
//! those: a word, a year, a row of keys. Of Django's list that catches four in five, where looking for the very word
//! would catch half.
//!
//! zxcvbn was made for browsers, where people slow down only themselves. Here an anonymous visitor chooses what it
//! reads, so it reads only what could be in a list: its time grows with every way to read `4`, `|` or `(` as a letter,
//! and its arithmetic overflows on thirty keys to and fro (`121212…`). It asks the clock once for the year: years near
//! to it are guessed first.

/// Longer ones are in no list: zxcvbn's longest has 20 characters, Django's has three beyond this.
const LONGEST: usize = 24;

/// The symbols that zxcvbn reads as letters. The digits among them multiply little.
const LEET: &str = "@({[<!|$+%";

/// More different ones than this are in no list (`!@#$%^&*` has four), and cost up to 60 ms instead of 11.
const MOST_LEET: usize = 4;

/// The guesses for the last of zxcvbn's list, which takes its rank and one.
const GUESSES: u64 = 30_001;

/// Whether whoever tries the likeliest passwords first gets to this one before the list of leaked passwords ends. Letter
/// case and blanks around it do not count.
pub(super) fn is_common(password: &str) -> bool {
    let password = password.trim();
    if password.is_empty() || password.len() > LONGEST || !password.is_ascii() {
        return false;
    }
    let leet = LEET.chars().filter(|symbol| password.contains(*symbol));
    leet.count() <= MOST_LEET && zxcvbn::zxcvbn(&password.to_lowercase(), &[]).guesses() <= GUESSES
}
