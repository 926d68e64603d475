//! Letters and texts: written while a request runs, kept in the outbox with its transaction, delivered after.
//!
//! A request never waits for a mail server. Delivery is at least once: a letter that a server took just before we were
//! killed goes out again, under the same Message-ID.

mod letters;
mod mailer;
mod message;
mod postman;
mod sms;
mod sms_address;
mod sms_body;
mod smtp;

pub use letters::{Letters, Rendered};
pub use mailer::{Console, Dummy, Files, Mailbox, Mailer, Rejection, Sending};
pub use message::{Message, is_address, is_sender};
pub use postman::{Postman, Schedule};
pub use sms::{Handset, Text, Texter};
pub use sms_address::SmsAddress;
pub use sms_body::SmsBody;
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

/// How something in the outbox leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// As a letter, by mail.
    Mail,
    /// As a text, by SMS.
    Text,
}

impl Channel {
    /// Before the name of a text's templates, in the outbox. No flow is called so.
    const TEXTS: &'static str = "sms/";

    /// The name under which the outbox keeps what is made of these templates.
    pub(crate) fn row_name(self, letter: &str) -> String {
        match self {
            Channel::Mail => letter.to_owned(),
            Channel::Text => format!("{}{letter}", Self::TEXTS),
        }
    }

    /// By the outbox's name.
    pub(crate) fn of(row_name: &str) -> Self {
        match row_name.starts_with(Self::TEXTS) {
            true => Channel::Text,
            false => Channel::Mail,
        }
    }

    /// What it is sealed for, so that a letter never opens as a text.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Channel::Mail => PURPOSE,
            Channel::Text => TEXT_PURPOSE,
        }
    }
}

/// A letter or text as the outbox keeps it: what it says is sealed, for a link or code in it opens an account.
#[derive(Debug, Clone)]
pub struct Composed {
    /// How it leaves.
    pub channel: Channel,
    /// The folder of its templates.
    pub letter: &'static str,
    /// The address, bare; the number, E.164.
    pub recipient: String,
    /// The sealed [`Message`] or [`Text`].
    pub sealed: String,
    /// After this it is not sent.
    pub expires: Option<Timestamp>,
}

/// What a message is sealed for.
pub(crate) const PURPOSE: &str = "hallpass_outbox";

/// What a text is sealed for.
pub(crate) const TEXT_PURPOSE: &str = "hallpass_outbox.text";
