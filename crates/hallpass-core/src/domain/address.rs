//! E-mail addresses as people type them.

use crate::delivery::is_address;

/// The one spelling of an address: compatibility forms resolved (a full-width `＠` is an `@`), blanks off, small
/// letters. Done before the address is judged, so that what is judged is what is written to. `None`: no address.
pub fn clean(text: &str) -> Option<String> {
    let clean = hallpass_django::text::normalize_username(text.trim())
        .trim()
        .to_lowercase();
    is_address(&clean).then_some(clean)
}

/// Whether two texts name one mailbox.
pub fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for text in [
            "ann@example.com",
            " Ann@Example.COM ",
            "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        ] {
            assert_eq!(clean(text).as_deref(), Some("ann@example.com"), "{text}");
        }
        for text in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "a b@example.com",
            "ann@example.com,eve@evil.example",
        ] {
            assert_eq!(clean(text), None, "{text}");
        }
    }
}
