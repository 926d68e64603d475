//! `account_emailaddress`: the addresses of an account, which of them are confirmed, which is the primary one.
//!
//! A row's address never changes: another address is another row, so that a link made for a row confirms what it was
//! sent to and nothing else.

use super::{Conn, Row};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    /// Primary key.
    pub id: i64,
    /// Whose it is.
    pub user: UserId,
    /// The address, in small letters where we wrote it.
    pub email: String,
    /// The user proved that it is theirs.
    pub verified: bool,
    /// The address on the user's own row is this one.
    pub primary: bool,
}

const COLUMNS: &str = "id, user_id, email, verified, \"primary\"";

fn read(row: &Row) -> Result<EmailAddress, Failure> {
    Ok(EmailAddress {
        id: row.get(0)?,
        user: row.get(1)?,
        email: row.get(2)?,
        verified: row.get(3)?,
        primary: row.get(4)?,
    })
}

/// A user's addresses, the primary one first.
pub async fn of_user(mut conn: Conn<'_>, user: UserId) -> Result<Vec<EmailAddress>, Failure> {
    let rows = conn
        .query(
            &format!(
                "SELECT {COLUMNS} FROM account_emailaddress WHERE user_id = $1 ORDER BY \"primary\" DESC, id"
            ),
            &[user.into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The row of this key.
pub async fn by_id(mut conn: Conn<'_>, id: i64) -> Result<Option<EmailAddress>, Failure> {
    let row = conn
        .query_opt(
            &format!("SELECT {COLUMNS} FROM account_emailaddress WHERE id = $1"),
            &[id.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whether somebody else has confirmed it.
pub async fn is_verified_elsewhere(
    mut conn: Conn<'_>,
    email: &str,
    user: UserId,
) -> Result<bool, Failure> {
    let row = conn
        .query_opt(
            "SELECT 1 FROM account_emailaddress WHERE lower(email) = $1 AND verified = $2 AND user_id <> $3",
            &[email.to_lowercase().into(), true.into(), user.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Adds one; its key. `None`: this account has it already.
pub async fn insert(
    mut conn: Conn<'_>,
    user: UserId,
    email: &str,
    verified: bool,
    primary: bool,
) -> Result<Option<i64>, Failure> {
    let row = conn
        .query_opt(
            "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, email) DO NOTHING RETURNING id",
            &[user.into(), email.into(), verified.into(), primary.into()],
        )
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Marks it as confirmed. `false`: it was, or is gone. Call [`hold`](super::hold) and [`is_verified_elsewhere`] before.
pub async fn mark_verified(mut conn: Conn<'_>, id: i64) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE account_emailaddress SET verified = $1 WHERE id = $2 AND verified <> $1",
            &[true.into(), id.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Makes it the primary one, and the user's own column with it. `false`: it is gone.
pub async fn make_primary(
    mut conn: Conn<'_>,
    user: UserId,
    id: i64,
    email: &str,
) -> Result<bool, Failure> {
    conn.execute(
        "UPDATE account_emailaddress SET \"primary\" = $1 WHERE user_id = $2 AND id <> $3 AND \"primary\" <> $1",
        &[false.into(), user.into(), id.into()],
    )
    .await?;
    let touched = conn
        .execute(
            "UPDATE account_emailaddress SET \"primary\" = $1 WHERE user_id = $2 AND id = $3",
            &[true.into(), user.into(), id.into()],
        )
        .await?;
    if touched == 1 {
        super::user::set_email(conn, user, email).await?;
    }
    Ok(touched == 1)
}

/// Removes it. `false`: it is gone.
pub async fn remove(mut conn: Conn<'_>, user: UserId, id: i64) -> Result<bool, Failure> {
    conn.execute(
        "DELETE FROM account_emailconfirmation WHERE email_address_id IN \
         (SELECT id FROM account_emailaddress WHERE id = $1 AND user_id = $2)",
        &[id.into(), user.into()],
    )
    .await?;
    let touched = conn
        .execute(
            "DELETE FROM account_emailaddress WHERE id = $1 AND user_id = $2",
            &[id.into(), user.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// The user has no address any more.
pub async fn clear_mirror(conn: Conn<'_>, user: UserId) -> Result<(), Failure> {
    super::user::set_email(conn, user, "").await
}

/// Keeps a random confirmation key for an address (ACCOUNT_EMAIL_CONFIRMATION_HMAC off).
pub async fn keep_key(
    mut conn: Conn<'_>,
    address: i64,
    key: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO account_emailconfirmation (created, sent, key, email_address_id) VALUES ($1, $2, $3, $4)",
        &[now.into(), now.into(), key.into(), address.into()],
    )
    .await?;
    Ok(())
}

/// The address for which a random key was sent, if that was after `since`.
pub async fn by_key(
    mut conn: Conn<'_>,
    key: &str,
    since: Timestamp,
) -> Result<Option<i64>, Failure> {
    let row = conn
        .query_opt(
            "SELECT email_address_id FROM account_emailconfirmation WHERE key = $1 AND sent > $2",
            &[key.into(), since.into()],
        )
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Forgets random keys sent before `since`.
pub async fn clear_keys(mut conn: Conn<'_>, since: Timestamp) -> Result<u64, Failure> {
    Ok(conn
        .execute(
            "DELETE FROM account_emailconfirmation WHERE sent <= $1",
            &[since.into()],
        )
        .await?)
}
