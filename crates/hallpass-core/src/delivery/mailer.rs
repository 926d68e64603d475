//! Where letters go: a terminal, files, memory, nowhere. Mail servers have `smtp.rs`.

use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::Message;
use crate::domain::{Timestamp, secret};
use crate::error::Failure;

/// Why a letter was not taken.
#[derive(Debug)]
pub enum Rejection {
    /// Try again later.
    Passing(String),
    /// Trying again will not help.
    Final(String),
}

/// A delivery under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send + 'a>>;

/// Something that delivers letters.
pub trait Mailer: Send + Sync {
    /// Delivers one, or says why not.
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a>;
}

/// Prints letters, for development: as readable text, links in one piece.
pub struct Console;

impl Mailer for Console {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let line = "-".repeat(79);
            let Message {
                from,
                to,
                subject,
                message_id,
                text,
                ..
            } = message;
            let mut out = std::io::stdout().lock();
            let written = write!(
                out,
                "{line}\nFrom: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{message_id}>\n\n{}\n{line}\n",
                text.trim_end()
            );
            written
                .and_then(|()| out.flush())
                .map_err(|error| Rejection::Passing(error.to_string()))
        })
    }
}

/// Writes letters into a folder as Django does: a file each, the mail and a line of dashes.
pub struct Files(PathBuf);

impl Files {
    /// Into this folder, which is made if it is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, Failure> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(|error| {
            Failure::from_source(
                format!("EMAIL_FILE_PATH {} cannot be made", folder.display()),
                error,
            )
        })?;
        Ok(Files(folder))
    }
}

impl Mailer for Files {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let built = message
                .build()
                .map_err(|failure| Rejection::Final(failure.to_string()))?;
            let stamp: String = Timestamp::now()
                .to_string()
                .chars()
                .filter(char::is_ascii_digit)
                .take(14)
                .collect();
            let (day, time) = stamp.split_at(8);
            let name = format!(
                "{day}-{time}-{}.log",
                secret::random_text(b"0123456789", 15)
            );
            let mut text = built.formatted();
            text.extend_from_slice(format!("\n{}\n", "-".repeat(79)).as_bytes());
            let part = self.0.join(format!(".{name}"));
            let write = async {
                tokio::fs::write(&part, &text).await?;
                tokio::fs::rename(&part, self.0.join(&name)).await
            };
            write
                .await
                .map_err(|error| Rejection::Passing(error.to_string()))
        })
    }
}

/// Keeps letters in memory, for tests.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<Vec<Message>>>);

impl Mailbox {
    /// Takes all letters out, oldest first.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer for Mailbox {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            message
                .build()
                .map_err(|failure| Rejection::Final(failure.to_string()))?;
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(message.clone());
            Ok(())
        })
    }
}

/// Forgets letters.
pub struct Dummy;

impl Mailer for Dummy {
    fn send<'a>(&'a self, _: &'a Message) -> Sending<'a> {
        Box::pin(async { Ok(()) })
    }
}
