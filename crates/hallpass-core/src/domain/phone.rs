//! A phone number: E.164, `+491701234567`.
//!
//! People write numbers with blanks, dashes, dots, brackets and what an address book leaves invisible between them. All
//! of that is taken off before anything is judged. What begins with a plus is then taken as it stands if it has E.164's
//! syntax, whether or not the number is assigned: ranges open faster than tables of them are updated, and a number that
//! does not exist merely gets no text. What does not is read as people of a region write it, by libphonenumber's data
//! (feature `phonenumber`), and must be a valid number there.
//!
//! Digits of other scripts and extensions are refused: a gateway would not know them, and one number must not have two
//! spellings.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// More than this many bytes hold no number, however it is decorated.
const LONGEST: usize = 100;

/// A number that texts go to. Its `Debug` is masked: it names a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads what a person wrote. `region` is the two letters of the country whose national numbers are understood;
    /// without it a number must begin with a plus.
    pub fn parse(text: &str, region: Option<&str>) -> Option<Phone> {
        if text.len() > LONGEST {
            return None;
        }
        let text: String = text.nfkc().collect();
        // "+49 (0)170 …": whether the nought belongs to the number differs by country, so that only the data can tell.
        let optional_nought = text.contains("(0)");
        let bare: String = text.chars().filter(|c| !is_decoration(*c)).collect();
        if is_e164(&bare) && !optional_nought {
            return Some(Phone(bare));
        }
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match bare.starts_with('+') {
            true if optional_nought => read(&bare, None),
            true => None,
            false => read(&bare, Some(region?)),
        }
    }

    /// The number as E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For pages and logs: country and the last three digits, `+49 ••• 567`; fewer where hardly any would stay hidden.
    pub fn masked(&self) -> String {
        let digits = self.0.get(1..).unwrap_or_default();
        let (country, rest) = digits
            .split_at_checked(calling_code(digits))
            .unwrap_or((digits, ""));
        let shown = rest.len().saturating_sub(4).min(3);
        let (_, last) = rest.split_at(rest.len() - shown);
        format!("+{country} ••• {last}").trim_end().to_owned()
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// Whether national numbers of this region, two capital letters, can be read.
pub fn is_region(region: &str) -> bool {
    region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()) && is_known(region)
}

/// `^\+[1-9]\d{5,14}$`, which is allauth's pattern too.
fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (6..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// What people, address books and web pages put between digits.
fn is_decoration(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '-' | '.' | '(' | ')' | '[' | ']')
        // Hyphens and dashes, minus.
        || matches!(letter, '\u{2010}'..='\u{2015}' | '\u{2212}')
        // Invisible: soft hyphen, zero width, marks of writing direction.
        || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(feature = "phonenumber")]
fn read(bare: &str, region: Option<&str>) -> Option<Phone> {
    let region = match region {
        Some(region) => Some(region.parse::<phonenumber::country::Id>().ok()?),
        None => None,
    };
    let number = phonenumber::parse(region, bare).ok()?;
    if number.extension().is_some() || !phonenumber::is_valid(&number) {
        return None;
    }
    let text = number.format().mode(phonenumber::Mode::E164).to_string();
    is_e164(&text).then_some(Phone(text))
}

#[cfg(not(feature = "phonenumber"))]
fn read(_: &str, _: Option<&str>) -> Option<Phone> {
    None
}

#[cfg(feature = "phonenumber")]
fn is_known(region: &str) -> bool {
    region.parse::<phonenumber::country::Id>().is_ok()
}

#[cfg(not(feature = "phonenumber"))]
fn is_known(_: &str) -> bool {
    false
}

/// How many digits the country's calling code has (ITU-T E.164, list of assigned codes): one for North America and for
/// Russia with Kazakhstan, two for those listed, three for all others.
fn calling_code(digits: &str) -> usize {
    const TWO: [u8; 44] = [
        20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55,
        56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
    ];
    match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ => {
            let two = digits.get(..2).and_then(|two| two.parse().ok());
            if two.is_some_and(|two: u8| TWO.contains(&two)) {
                2
            } else {
                3
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_as(text: &str, region: Option<&str>) -> Option<String> {
        Phone::parse(text, region).map(|phone| phone.to_string())
    }

    #[test]
    fn with_a_plus_the_syntax_decides() {
        for (text, number) in [
            ("+31612345678", "+31612345678"),
            ("+4915112345678", "+4915112345678"),
            ("+12025550123", "+12025550123"),
            // Nobody has these; they are well formed.
            ("+999999", "+999999"),
            ("+123456789012345", "+123456789012345"),
            ("+49 170 123-45.67", "+491701234567"),
            (" [+49] (170) 1234567\n", "+491701234567"),
            ("+49\u{a0}170\u{2011}1234567", "+491701234567"),
            ("\u{202a}+49 170 1234567\u{202c}", "+491701234567"),
            ("＋４９１７０１２３４５６７", "+491701234567"),
            ("+49−170–1234567", "+491701234567"),
        ] {
            for region in [None, Some("DE"), Some("US"), Some("nowhere")] {
                assert_eq!(
                    read_as(text, region).as_deref(),
                    Some(number),
                    "{text} {region:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "+",
            "-",
            "()",
            "+12345",
            "+1234567890123456",
            "+0491701234567",
            "++491701234567",
            "49+1701234567",
            "+49170123456x7",
            "+491701234567 ext. 5",
            "+491701234567;ext=5",
            "+491701234567x5",
            "+491701234567#5",
            "tel:+491701234567",
            "+1-800-FLOWERS",
            "+49170/1234567",
            "+٤٩١٧٠١٢٣٤٥٦٧",
            "٠١٧٠١٢٣٤٥٦٧",
            "०१७०१२३४५६७",
            "+4917012345\u{0}67",
            "ann@example.com",
            "0",
            "00",
            "not a number",
        ] {
            for region in [None, Some("DE"), Some("")] {
                assert_eq!(read_as(text, region), None, "{text} {region:?}");
            }
        }
        assert_eq!(
            read_as(&format!("+49{}1701234567", " ".repeat(100)), None),
            None
        );
        assert_eq!(read_as("01701234567", None), None, "of which country?");
        assert_eq!(read_as("01701234567", Some("nowhere")), None);
    }

    #[cfg(feature = "phonenumber")]
    #[test]
    fn national_numbers_are_those_of_the_region() {
        for (text, region, number) in [
            ("0170 1234567", "DE", "+491701234567"),
            ("(0170) 12.34-567", "DE", "+491701234567"),
            ("０１７０ １２３４５６７", "DE", "+491701234567"),
            ("0049 170 1234567", "DE", "+491701234567"),
            ("030 901820", "DE", "+4930901820"),
            ("06 12345678", "NL", "+31612345678"),
            ("(202) 555-0123", "US", "+12025550123"),
            ("1 202 555 0123", "US", "+12025550123"),
            ("07911 123456", "GB", "+447911123456"),
            ("06 1234 5678", "IT", "+390612345678"),
            ("8 912 345-67-89", "RU", "+79123456789"),
        ] {
            assert_eq!(
                read_as(text, Some(region)).as_deref(),
                Some(number),
                "{text} {region}"
            );
        }
        for (text, region) in [("0170 12", "DE"), ("0000000000", "DE"), ("112", "DE")] {
            assert_eq!(read_as(text, Some(region)), None, "{text} {region}");
        }
    }

    #[cfg(feature = "phonenumber")]
    #[test]
    fn an_optional_nought_is_decided_by_the_country() {
        assert_eq!(
            read_as("+49 (0)170 1234567", None).as_deref(),
            Some("+491701234567")
        );
        assert_eq!(
            read_as("+44 (0)7911 123456", None).as_deref(),
            Some("+447911123456")
        );
        assert_eq!(
            read_as("+39 (0)6 12345678", None).as_deref(),
            Some("+390612345678")
        );
        assert_eq!(read_as("+999 (0)1234567", None), None);
    }

    #[cfg(feature = "phonenumber")]
    #[test]
    fn regions_are_two_capital_letters() {
        for good in ["DE", "US", "NL"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "de", "D", "DEU", "XX", "49", "D\u{c4}"] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn masks_hide_enough() {
        for (number, masked) in [
            ("+491701234567", "+49 ••• 567"),
            ("+12025550123", "+1 ••• 123"),
            ("+79123456789", "+7 ••• 789"),
            ("+4235551234", "+423 ••• 234"),
            ("+999999", "+999 •••"),
            ("+491234", "+49 •••"),
            ("+4912345", "+49 ••• 5"),
        ] {
            let phone = Phone::parse(number, None).unwrap();
            assert_eq!(phone.masked(), masked);
            assert_eq!(format!("{phone:?}"), format!("Phone({masked})"));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(number in r"\+[1-9][0-9]{5,14}") {
            prop_assert_eq!(read_as(&number, None), Some(number));
        }

        #[test]
        fn whatever_is_read_is_e164_and_stays(text in r"[+(0-9) .-]{0,20}|\PC{0,40}", region in "DE|US|IT|RU|BR|AR|XX|") {
            if let Some(phone) = Phone::parse(&text, Some(&region)) {
                prop_assert!(is_e164(phone.as_str()));
                prop_assert_eq!(Phone::parse(&phone.to_string(), None), Some(phone.clone()));
                prop_assert!(!phone.masked().contains(&phone.as_str()[1..]));
            }
        }

        #[test]
        fn decoration_does_not_matter(digits in "[1-9][0-9]{7,12}", at in 1_usize..7) {
            let (left, right) = digits.split_at(at);
            prop_assert_eq!(
                read_as(&format!("+{left}-({right})"), None),
                Some(format!("+{digits}"))
            );
        }
    }
}
