//! Names and addresses: what Django takes for one, and when two are the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// `UnicodeUsernameValidator`: one or more of Python's `\w` and `.@+-`.
pub fn is_unicode_username(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| is_word(letter) || ".@+-".contains(letter))
}

/// `ASCIIUsernameValidator`.
pub fn is_ascii_username(name: &str) -> bool {
    name.is_ascii() && is_unicode_username(name)
}

/// Python's `\w`: letters, digits and numbers of all scripts, and the underscore; no marks, no circled letters.
pub(crate) fn is_word(letter: char) -> bool {
    const SYMBOLS: [std::ops::RangeInclusive<char>; 4] = [
        '\u{24b6}'..='\u{24e9}',
        '\u{1f130}'..='\u{1f149}',
        '\u{1f150}'..='\u{1f169}',
        '\u{1f170}'..='\u{1f189}',
    ];
    letter == '_'
        || (letter.is_alphanumeric()
            && !is_combining_mark(letter)
            && !SYMBOLS.iter().any(|range| range.contains(&letter)))
}

/// NFKC, as `normalize_username`.
pub fn normalize_username(name: &str) -> String {
    name.nfkc().collect()
}

/// `BaseUserManager.normalize_email`: blanks off, the domain in lower case.
pub fn normalize_email(email: &str) -> String {
    match email.trim().rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => email.to_owned(),
    }
}

/// One spelling for all that look or compare alike: NFKC, and the case folded away (`ß` is `ss`).
///
/// Whatever has the same small letters folds alike, so in small letters first: the capital `ẞ` is `ß` there, and a capital
/// already.
pub fn fold(text: &str) -> String {
    let folded = text
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .to_uppercase()
        .to_lowercase();
    folded.nfkc().collect()
}

/// `_unicode_ci_compare`: equal after folding. Not constant in time: for addresses, not for secrets.
pub fn same_folded(left: &str, right: &str) -> bool {
    fold(left) == fold(right)
}
