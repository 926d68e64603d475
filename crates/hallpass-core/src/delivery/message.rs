//! One mail, before it has any format.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

use crate::error::Failure;

/// A mail. Its `Debug` shows no text: links in it open accounts.
#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// `name@example.com` or `Name <name@example.com>`.
    pub from: String,
    /// A bare address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text half.
    pub text: String,
    /// The HTML half.
    pub html: Option<String>,
    /// Without angle brackets; the same in every attempt.
    pub message_id: String,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// Whether this is one bare address that a letter can be sent to: no name, no comment, no second address, and a domain.
pub fn is_address(text: &str) -> bool {
    let odd = |letter: char| {
        letter.is_control()
            || letter.is_whitespace()
            || is_invisible(letter)
            || "<>(),;:\\\"".contains(letter)
    };
    !text.contains(odd)
        && text.len() <= 320
        && text.parse::<lettre::Address>().is_ok_and(|address| {
            let domain = address.domain();
            !domain.starts_with('[') && (domain.contains('.') || domain == "localhost")
        })
}

/// Letters that are not seen, or turn the direction of others: with them one address looks like another.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether this can stand in From.
pub fn is_sender(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

impl Message {
    /// The mail as lettre sends it. What would break out of a header is refused.
    pub(super) fn build(&self) -> Result<lettre::Message, Failure> {
        let wrong = |what: &str| Failure::new(format!("the letter's {what} is malformed"));
        let headers = [&self.from, &self.to, &self.subject, &self.message_id];
        if headers.iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            return Err(wrong("header"));
        }
        let raw = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        let to: lettre::Address = self.to.parse().map_err(|_| wrong("recipient"))?;
        let builder = lettre::Message::builder()
            .from(self.from.parse().map_err(|_| wrong("sender"))?)
            .to(Mailbox::new(None, to))
            .subject(self.subject.as_str())
            .message_id(Some(format!("<{}>", self.message_id)))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        let text = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone());
        let built = match &self.html {
            Some(html) => {
                let html = SinglePart::builder()
                    .header(ContentType::TEXT_HTML)
                    .body(html.clone());
                builder.multipart(MultiPart::alternative().singlepart(text).singlepart(html))
            }
            None => builder.singlepart(text),
        };
        built.map_err(|error| Failure::from_source("the letter cannot be built", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "a@b.c",
            "a+b@example.com",
            "ä@exämple.de",
            "A@localhost",
            "o'neil@x.org",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b",
            "a b@c.d",
            "a@b.c, d@e.f",
            "<a@b.c>",
            "N <a@b.c>",
            "a@b.c\r\nBcc: x@y.z",
            "a@[127.0.0.1]",
            "a@b.c\0",
            "\"x\"@b.c",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_a_header() {
        let message = Message {
            from: "a@b.c".to_owned(),
            to: "d@e.f".to_owned(),
            subject: "Hi\r\nBcc: x@y.z".to_owned(),
            text: String::new(),
            html: None,
            message_id: "1@b.c".to_owned(),
        };
        assert!(message.build().is_err());
        assert!(
            Message {
                subject: "Grüße".to_owned(),
                ..message
            }
            .build()
            .is_ok()
        );
    }
}
