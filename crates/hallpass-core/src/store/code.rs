//! `hallpass_code`: secrets that were sent and are awaited back. One row a ceremony.
//!
//! The row is the only place where attempts are counted, so neither a replayed cookie nor a parallel request brings any
//! back. Of the secrets, it has an HMAC of the code and the digest of the link.

use super::{Conn, Row};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// A secret that is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Known to the session that began it.
    pub id: String,
    /// What it is good for, and for nothing else.
    pub purpose: String,
    /// Whom it is about; nobody where there is no account, or none that may know.
    pub user: Option<UserId>,
    /// Where it was sent.
    pub recipient: String,
    /// The HMAC of the code; empty: no code matches.
    pub code: String,
    /// The digest of the link that goes with it.
    pub link: Option<String>,
    /// Codes tried so far.
    pub attempts: u32,
    /// How often it was sent again.
    pub resends: u32,
    /// How often the recipient was changed.
    pub changes: u32,
    /// When it began.
    pub created: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
}

impl Challenge {
    /// Whether it was sent to an address; else to a number.
    pub fn by_mail(&self) -> bool {
        self.recipient.contains('@')
    }
}

const COLUMNS: &str = "id, purpose, user_id, recipient, code, link, attempts, resends, changes, created_at, expires_at";

fn read(row: &Row) -> Result<Challenge, Failure> {
    let number = |index| -> Result<u32, Failure> {
        let value: i64 = row.get(index)?;
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    };
    Ok(Challenge {
        id: row.get(0)?,
        purpose: row.get(1)?,
        user: row.get(2)?,
        recipient: row.get(3)?,
        code: row.get(4)?,
        link: row.get(5)?,
        attempts: number(6)?,
        resends: number(7)?,
        changes: number(8)?,
        created: row.get(9)?,
        expires: row.get(10)?,
    })
}

/// Puts one in.
pub async fn insert(mut conn: Conn<'_>, challenge: &Challenge) -> Result<(), Failure> {
    conn.execute(
        &format!(
            "INSERT INTO hallpass_code ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        &[
            challenge.id.as_str().into(),
            challenge.purpose.as_str().into(),
            challenge.user.into(),
            challenge.recipient.as_str().into(),
            challenge.code.as_str().into(),
            challenge.link.as_deref().into(),
            i64::from(challenge.attempts).into(),
            i64::from(challenge.resends).into(),
            i64::from(challenge.changes).into(),
            challenge.created.into(),
            challenge.expires.into(),
        ],
    )
    .await?;
    Ok(())
}

/// The one of this key and purpose, if it is not over.
pub async fn get(
    conn: Conn<'_>,
    id: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Challenge>, Failure> {
    find(conn, "id", id, purpose, now).await
}

/// The one whose link has this digest.
pub async fn by_link(
    conn: Conn<'_>,
    digest: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Challenge>, Failure> {
    find(conn, "link", digest, purpose, now).await
}

async fn find(
    mut conn: Conn<'_>,
    column: &'static str,
    value: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Challenge>, Failure> {
    let row = conn
        .query_opt(
            &format!(
                "SELECT {COLUMNS} FROM hallpass_code WHERE {column} = $1 AND purpose = $2 AND expires_at > $3"
            ),
            &[value.into(), purpose.into(), now.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Counts an attempt before it is looked at, and holds the row until the transaction ends: parallel attempts queue up.
/// `None`: it is over, or has had its attempts.
pub async fn attempt(
    mut conn: Conn<'_>,
    id: &str,
    purpose: &str,
    most: u32,
    now: Timestamp,
) -> Result<Option<Challenge>, Failure> {
    let row = conn
        .query_opt(
            &format!(
                "UPDATE hallpass_code SET attempts = attempts + 1 WHERE id = $1 AND purpose = $2 \
                 AND attempts < $3 AND expires_at > $4 RETURNING {COLUMNS}"
            ),
            &[
                id.into(),
                purpose.into(),
                i64::from(most).into(),
                now.into(),
            ],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Ends it. `true` for one caller only.
pub async fn take(mut conn: Conn<'_>, id: &str) -> Result<bool, Failure> {
    let touched = conn
        .execute("DELETE FROM hallpass_code WHERE id = $1", &[id.into()])
        .await?;
    Ok(touched == 1)
}

/// Ends every one about a user.
pub async fn take_all(mut conn: Conn<'_>, user: UserId) -> Result<(), Failure> {
    conn.execute(
        "DELETE FROM hallpass_code WHERE user_id = $1",
        &[user.into()],
    )
    .await?;
    Ok(())
}

/// Gives it new secrets, another recipient and user, and counts that as a resend or a change. Attempts and expiry stay.
/// `false`: it is over, or the quota is used up.
pub async fn renew(
    mut conn: Conn<'_>,
    renewed: &Challenge,
    before: &Challenge,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE hallpass_code SET user_id = $1, recipient = $2, code = $3, link = $4, resends = $5, changes = $6 \
             WHERE id = $7 AND resends = $8 AND changes = $9",
            &[
                renewed.user.into(),
                renewed.recipient.as_str().into(),
                renewed.code.as_str().into(),
                renewed.link.as_deref().into(),
                i64::from(renewed.resends).into(),
                i64::from(renewed.changes).into(),
                before.id.as_str().into(),
                i64::from(before.resends).into(),
                i64::from(before.changes).into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Forgets what is over.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, Failure> {
    Ok(conn
        .execute(
            "DELETE FROM hallpass_code WHERE expires_at <= $1",
            &[now.into()],
        )
        .await?)
}
