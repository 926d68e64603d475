//! Letters: written while a request runs, kept in the outbox with its transaction, delivered after.
//!
//! A request never waits for a mail server. Delivery is at least once: a letter that a server took just before we were
//! killed goes out again, under the same Message-ID.

mod letters;
mod mailer;
mod message;
mod postman;
mod smtp;

pub use letters::{Letters, Rendered};
pub use mailer::{Console, Dummy, Files, Mailbox, Mailer, Rejection, Sending};
pub use message::{Message, is_address, is_sender};
pub use postman::{Postman, Schedule};
pub use smtp::Smtp;

use serde_json::Value;

use crate::domain::Timestamp;

/// A letter to be written.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The folder of its templates: `login_by_link/link`.
    pub name: &'static str,
    /// The address, bare.
    pub to: &'a str,
    /// What the templates are given besides the site.
    pub context: Value,
    /// After this it is not worth sending.
    pub expires: Option<Timestamp>,
}

/// A letter as the outbox keeps it: its text sealed, for a link in it opens an account.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The folder of its templates.
    pub letter: &'static str,
    /// The address, bare.
    pub recipient: String,
    /// The sealed [`Message`].
    pub sealed: String,
    /// After this it is not sent.
    pub expires: Option<Timestamp>,
}

/// What a message is sealed for.
pub(crate) const PURPOSE: &str = "hallpass_outbox";
