//! Text messages, and where they go: a terminal, memory, nowhere. Gateways speak HTTP, which the crate `hallpass` knows.
//!
//! Texts wait in the letters' outbox, sealed for a purpose of their own, so that what was written as a letter never
//! leaves as a text. Delivery is at least once; a text has an id of its own, the same in every attempt, by which a
//! gateway that cares can tell a second one.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::mailer::{Console, Dummy, Rejection, Sending};
use crate::domain::Phone;

/// A text message. Its `Debug` shows neither number nor text: codes in it open accounts.
#[derive(Clone, Serialize, Deserialize)]
pub struct Text {
    /// The number, E.164.
    pub to: String,
    /// What it says.
    pub text: String,
    /// Its own; the same in every attempt.
    pub id: String,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Text {
    /// The number for logs.
    pub fn masked(&self) -> String {
        Phone::parse(&self.to, None).map_or_else(|| "•••".to_owned(), |phone| phone.masked())
    }
}

/// Something that delivers texts.
pub trait Texter: Send + Sync {
    /// Delivers one, or says why not. What it says is logged: neither number, text nor credentials belong into it.
    fn send<'a>(&'a self, text: &'a Text) -> Sending<'a>;
}

/// Prints texts, for development.
impl Texter for Console {
    fn send<'a>(&'a self, text: &'a Text) -> Sending<'a> {
        Box::pin(async move {
            let line = "-".repeat(79);
            let Text { to, text, id } = text;
            let mut out = std::io::stdout().lock();
            let written = write!(
                out,
                "{line}\nText to: {to}\nId: {id}\n\n{}\n{line}\n",
                text.trim_end()
            );
            written
                .and_then(|()| out.flush())
                .map_err(|error| Rejection::Passing(error.to_string()))
        })
    }
}

/// Forgets texts.
impl Texter for Dummy {
    fn send<'a>(&'a self, _: &'a Text) -> Sending<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Keeps texts in memory, for tests.
#[derive(Clone, Default)]
pub struct Handset(Arc<Mutex<Vec<Text>>>);

impl Handset {
    /// Takes all texts out, oldest first.
    pub fn take(&self) -> Vec<Text> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Texter for Handset {
    fn send<'a>(&'a self, text: &'a Text) -> Sending<'a> {
        Box::pin(async move {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(text.clone());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_number_nor_text() {
        let text = Text {
            to: "+491701234567".to_owned(),
            text: "123456 is your code".to_owned(),
            id: "abc".to_owned(),
        };
        let shown = format!("{text:?}");
        assert!(shown.contains("abc") && !shown.contains("123"), "{shown}");
        assert_eq!(text.masked(), "+49 ••• 567");
        let odd = Text {
            to: "+49 secret".to_owned(),
            ..text
        };
        assert_eq!(odd.masked(), "•••");
    }
}
