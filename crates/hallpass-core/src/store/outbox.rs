//! `hallpass_outbox`: letters and texts that wait, and those that were given up. A text's name begins with `sms/`.

use super::{Conn, Row, Sql};
use crate::delivery::Composed;
use crate::domain::Timestamp;
use crate::error::Failure;

/// A letter in a postman's hands.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its key.
    pub id: i64,
    /// The folder of its templates.
    pub letter: String,
    /// The sealed message.
    pub sealed: String,
    /// Attempts, this one included.
    pub attempts: i64,
    /// After this it is not sent.
    pub expires: Option<Timestamp>,
}

/// A letter as an operator sees it.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Its key.
    pub id: i64,
    /// The folder of its templates.
    pub letter: String,
    /// To whom.
    pub recipient: String,
    /// Since when it waits.
    pub created: Timestamp,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is tried next.
    pub next: Timestamp,
    /// Since when it is given up.
    pub dead: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: String,
}

/// Puts a letter in; its key.
pub async fn enqueue(
    mut conn: Conn<'_>,
    letter: &Composed,
    now: Timestamp,
) -> Result<i64, Failure> {
    let row = conn
        .query_opt(
            "INSERT INTO hallpass_outbox \
             (created_at, letter, recipient, sealed, attempts, next_attempt_at, expires_at, last_error) \
             VALUES ($1, $2, $3, $4, 0, $5, $6, '') RETURNING id",
            &[
                now.into(),
                letter.channel.row_name(letter.letter).as_str().into(),
                letter.recipient.as_str().into(),
                letter.sealed.as_str().into(),
                now.into(),
                letter.expires.into(),
            ],
        )
        .await?;
    row.ok_or_else(|| Failure::new("the letter came back without a key"))?
        .get(0)
}

/// Claims letters that are due until `lease`. Nobody else gets them meanwhile.
pub async fn claim(
    mut conn: Conn<'_>,
    now: Timestamp,
    lease: Timestamp,
    limit: usize,
) -> Result<Vec<Claimed>, Failure> {
    let sql = Sql {
        sqlite: "UPDATE hallpass_outbox SET locked_until = $2, attempts = attempts + 1 WHERE id IN \
                 (SELECT id FROM hallpass_outbox WHERE dead_at IS NULL AND next_attempt_at <= $1 \
                  AND (locked_until IS NULL OR locked_until <= $1) ORDER BY next_attempt_at, id LIMIT $3) \
                 RETURNING id, letter, sealed, attempts, expires_at",
        postgres: "UPDATE hallpass_outbox SET locked_until = $2, attempts = attempts + 1 WHERE id IN \
                   (SELECT id FROM hallpass_outbox WHERE dead_at IS NULL AND next_attempt_at <= $1 \
                    AND (locked_until IS NULL OR locked_until <= $1) ORDER BY next_attempt_at, id LIMIT $3 \
                    FOR UPDATE SKIP LOCKED) \
                   RETURNING id, letter, sealed, attempts, expires_at",
    };
    let limit = i64::try_from(limit).unwrap_or(1);
    let rows = conn
        .query(sql, &[now.into(), lease.into(), limit.into()])
        .await?;
    rows.iter().map(read_claimed).collect()
}

fn read_claimed(row: &Row) -> Result<Claimed, Failure> {
    Ok(Claimed {
        id: row.get(0)?,
        letter: row.get(1)?,
        sealed: row.get(2)?,
        attempts: row.get(3)?,
        expires: row.get(4)?,
    })
}

/// Takes a letter out: delivered, or unwanted.
pub async fn remove(mut conn: Conn<'_>, id: i64) -> Result<(), Failure> {
    conn.execute("DELETE FROM hallpass_outbox WHERE id = $1", &[id.into()])
        .await?;
    Ok(())
}

/// Lets a letter wait until `next`.
pub async fn postpone(
    mut conn: Conn<'_>,
    id: i64,
    next: Timestamp,
    why: &str,
) -> Result<(), Failure> {
    conn.execute(
        "UPDATE hallpass_outbox SET locked_until = NULL, next_attempt_at = $1, last_error = $2 WHERE id = $3",
        &[next.into(), why.into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Gives a letter up.
pub async fn bury(mut conn: Conn<'_>, id: i64, now: Timestamp, why: &str) -> Result<(), Failure> {
    conn.execute(
        "UPDATE hallpass_outbox SET locked_until = NULL, dead_at = $1, last_error = $2 WHERE id = $3",
        &[now.into(), why.into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Which letters an operator means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One.
    Id(i64),
    /// All that were given up.
    Dead,
    /// Every one.
    All,
}

impl Which {
    fn condition(self) -> &'static str {
        match self {
            Which::Id(_) => "id = $1",
            Which::Dead => "dead_at IS NOT NULL AND id > $1",
            Which::All => "id > $1",
        }
    }

    fn id(self) -> i64 {
        match self {
            Which::Id(id) => id,
            Which::Dead | Which::All => 0,
        }
    }
}

/// The letters, oldest first.
pub async fn list(mut conn: Conn<'_>) -> Result<Vec<Queued>, Failure> {
    let rows = conn
        .query(
            "SELECT id, letter, recipient, created_at, attempts, next_attempt_at, dead_at, last_error \
             FROM hallpass_outbox ORDER BY id LIMIT 10000",
            &[],
        )
        .await?;
    let read = |row: &Row| {
        Ok(Queued {
            id: row.get(0)?,
            letter: row.get(1)?,
            recipient: row.get(2)?,
            created: row.get(3)?,
            attempts: row.get(4)?,
            next: row.get(5)?,
            dead: row.get(6)?,
            error: row.get(7)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Makes letters due now, with all attempts before them; how many.
pub async fn retry(mut conn: Conn<'_>, which: Which, now: Timestamp) -> Result<u64, Failure> {
    let sql = format!(
        "UPDATE hallpass_outbox SET dead_at = NULL, attempts = 0, locked_until = NULL, next_attempt_at = $2 WHERE {}",
        which.condition()
    );
    Ok(conn.execute(&sql, &[which.id().into(), now.into()]).await?)
}

/// Throws letters away; how many.
pub async fn discard(mut conn: Conn<'_>, which: Which) -> Result<u64, Failure> {
    let sql = format!("DELETE FROM hallpass_outbox WHERE {}", which.condition());
    Ok(conn.execute(&sql, &[which.id().into()]).await?)
}
