//! `hallpass mail`

use anyhow::{Result, bail};
use hallpass::domain::Timestamp;
use hallpass::settings::Settings;
use hallpass::store::outbox::{self, Which};
use serde_json::json;

use super::say;
use crate::cli::{self, Mail};
use crate::start;

pub(crate) async fn run(settings: &Settings, command: Mail) -> Result<()> {
    let db = start::database(settings)?;
    match command {
        Mail::List { json } => list(&outbox::list(db.conn()).await?, json),
        Mail::Retry(which) => {
            let count =
                outbox::retry(db.conn(), chosen(&which, Which::Dead), Timestamp::now()).await?;
            told(count, &which, "due again; the server delivers")
        }
        Mail::Drop(which) => {
            let count = outbox::discard(db.conn(), chosen(&which, Which::All)).await?;
            told(count, &which, "thrown away")
        }
    }
}

fn chosen(which: &cli::Which, all: Which) -> Which {
    which.id.map_or(all, Which::Id)
}

fn told(count: u64, which: &cli::Which, what: &str) -> Result<()> {
    match which.id {
        Some(id) if count == 0 => bail!("there is no letter {id}; `hallpass mail list` shows all"),
        _ => say(&format!(
            "{count} letter{} {what}.",
            if count == 1 { "" } else { "s" }
        )),
    }
}

fn list(letters: &[outbox::Queued], as_json: bool) -> Result<()> {
    if as_json {
        let list: Vec<_> = letters
            .iter()
            .map(|letter| {
                json!({
                    "id": letter.id, "letter": letter.letter, "to": letter.recipient,
                    "created": letter.created.to_string(), "attempts": letter.attempts,
                    "next": letter.next.to_string(), "dead": letter.dead.map(|at| at.to_string()),
                    "error": letter.error,
                })
            })
            .collect();
        return say(&serde_json::to_string_pretty(&list)?);
    }
    if letters.is_empty() {
        return say("No letters wait.");
    }
    let widest = letters
        .iter()
        .map(|letter| letter.recipient.chars().count())
        .max()
        .unwrap_or(0);
    for letter in letters {
        let state = match letter.dead {
            Some(at) => format!("given up {}", at.spoken()),
            None => format!("next try {}", letter.next.spoken()),
        };
        let why = if letter.error.is_empty() {
            String::new()
        } else {
            format!(": {}", letter.error)
        };
        let attempts = letter.attempts;
        say(&format!(
            "{:>6}  {:widest$}  {}  {attempts} tried, {state}{why}",
            letter.id, letter.recipient, letter.letter
        ))?;
    }
    Ok(())
}
