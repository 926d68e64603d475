//! Refresh tokens: simplejwt's `token_blacklist_…`, and `hallpass_refresh`, which knows their families.
//!
//! A family is one sign-in: the first token, the one that took its place, and so on.

use super::{Conn, Row};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// A refresh token as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its `jti`.
    pub jti: String,
    /// The `jti` of the first of its family.
    pub family: String,
    /// Whose it is.
    pub user: UserId,
    /// Its `iat`.
    pub issued: Timestamp,
    /// Its `exp`.
    pub expires: Timestamp,
    /// What took its place, and when.
    pub successor: Option<(String, Timestamp)>,
    /// When its family ended.
    pub ended: Option<Timestamp>,
}

const COLUMNS: &str =
    "jti, family, user_id, issued_at, expires_at, successor, rotated_at, ended_at";

fn read(row: &Row) -> Result<Known, Failure> {
    let successor: Option<String> = row.get(5)?;
    let rotated: Option<Timestamp> = row.get(6)?;
    Ok(Known {
        jti: row.get(0)?,
        family: row.get(1)?,
        user: row.get(2)?,
        issued: row.get(3)?,
        expires: row.get(4)?,
        successor: successor.zip(rotated),
        ended: row.get(7)?,
    })
}

/// Remembers one.
pub async fn insert(mut conn: Conn<'_>, known: &Known) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_refresh (jti, family, user_id, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (jti) DO NOTHING",
        &[
            known.jti.as_str().into(),
            known.family.as_str().into(),
            known.user.into(),
            known.issued.into(),
            known.expires.into(),
        ],
    )
    .await?;
    Ok(())
}

/// The one of this `jti`.
pub async fn get(mut conn: Conn<'_>, jti: &str) -> Result<Option<Known>, Failure> {
    let row = conn
        .query_opt(
            &format!("SELECT {COLUMNS} FROM hallpass_refresh WHERE jti = $1"),
            &[jti.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Notes what takes its place. `false`: something has already, or the family ended.
pub async fn rotate(
    mut conn: Conn<'_>,
    jti: &str,
    successor: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE hallpass_refresh SET successor = $1, rotated_at = $2 \
             WHERE jti = $3 AND successor IS NULL AND ended_at IS NULL",
            &[successor.into(), now.into(), jti.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends a family. What is being rotated at this moment is waited for, and its successor found by the next round.
pub async fn end_family(mut conn: Conn<'_>, family: &str, now: Timestamp) -> Result<(), Failure> {
    let end = "UPDATE hallpass_refresh SET ended_at = $1 WHERE family = $2 AND ended_at IS NULL";
    while conn.execute(end, &[now.into(), family.into()]).await? > 0 {}
    conn.execute(
        "INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) \
         SELECT $1, o.id FROM token_blacklist_outstandingtoken o \
         JOIN hallpass_refresh r ON r.jti = o.jti WHERE r.family = $2 \
         ON CONFLICT (token_id) DO NOTHING",
        &[now.into(), family.into()],
    )
    .await?;
    Ok(())
}

/// Ends every family of a user, those that only simplejwt knows included.
pub async fn end_all(mut conn: Conn<'_>, user: UserId, now: Timestamp) -> Result<(), Failure> {
    conn.execute(
        "UPDATE hallpass_refresh SET ended_at = $1 WHERE user_id = $2 AND ended_at IS NULL",
        &[now.into(), user.into()],
    )
    .await?;
    conn.execute(
        "INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) \
         SELECT $1, id FROM token_blacklist_outstandingtoken WHERE user_id = $2 AND expires_at > $1 \
         ON CONFLICT (token_id) DO NOTHING",
        &[now.into(), user.into()],
    )
    .await?;
    Ok(())
}

/// What simplejwt keeps of a token: `text` is the token itself only where a Django shares the database.
#[derive(Debug, Clone, Copy)]
pub struct Outstanding<'a> {
    /// Its `jti`.
    pub jti: &'a str,
    /// The token, or a digest of it.
    pub text: &'a str,
    /// Whose it is.
    pub user: UserId,
    /// Its `iat`.
    pub issued: Timestamp,
    /// Its `exp`.
    pub expires: Timestamp,
}

/// Notes that a token was issued.
pub async fn note_issued(mut conn: Conn<'_>, token: Outstanding<'_>) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO token_blacklist_outstandingtoken (token, created_at, expires_at, user_id, jti) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (jti) DO NOTHING",
        &[
            token.text.into(),
            token.issued.into(),
            token.expires.into(),
            token.user.into(),
            token.jti.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Puts a token on the blacklist. `false`: it was there.
pub async fn blacklist(mut conn: Conn<'_>, jti: &str, now: Timestamp) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) \
             SELECT $1, id FROM token_blacklist_outstandingtoken WHERE jti = $2 \
             ON CONFLICT (token_id) DO NOTHING",
            &[now.into(), jti.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Whether it is on the blacklist.
pub async fn is_blacklisted(mut conn: Conn<'_>, jti: &str) -> Result<bool, Failure> {
    let row = conn
        .query_opt(
            "SELECT 1 FROM token_blacklist_blacklistedtoken b \
             JOIN token_blacklist_outstandingtoken o ON o.id = b.token_id WHERE o.jti = $1",
            &[jti.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Forgets what has expired: simplejwt's `flushexpiredtokens`.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, Failure> {
    conn.execute(
        "DELETE FROM token_blacklist_blacklistedtoken WHERE token_id IN \
         (SELECT id FROM token_blacklist_outstandingtoken WHERE expires_at <= $1)",
        &[now.into()],
    )
    .await?;
    conn.execute(
        "DELETE FROM hallpass_refresh WHERE expires_at <= $1",
        &[now.into()],
    )
    .await?;
    Ok(conn
        .execute(
            "DELETE FROM token_blacklist_outstandingtoken WHERE expires_at <= $1",
            &[now.into()],
        )
        .await?)
}
