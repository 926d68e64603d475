//! `hallpass_vouched`: addresses that count as confirmed by a provider's word alone, and a provider that the operator does
//! not trust with accounts.
//!
//! Who proves such a mailbox afterwards is believed before whoever came by that provider.

use super::Conn;
use crate::domain::UserId;
use crate::error::Failure;

/// Notes whose word it was.
pub async fn mark(mut conn: Conn<'_>, address: i64, provider: &str) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_vouched (address_id, provider) VALUES ($1, $2) ON CONFLICT (address_id) DO NOTHING",
        &[address.into(), provider.into()],
    )
    .await?;
    Ok(())
}

/// The address was proved.
pub async fn unmark(mut conn: Conn<'_>, address: i64) -> Result<(), Failure> {
    conn.execute(
        "DELETE FROM hallpass_vouched WHERE address_id = $1",
        &[address.into()],
    )
    .await?;
    Ok(())
}

/// Those of a user, by their keys.
pub async fn of_user(mut conn: Conn<'_>, user: UserId) -> Result<Vec<i64>, Failure> {
    let rows = conn
        .query(
            "SELECT v.address_id FROM hallpass_vouched v JOIN account_emailaddress e ON e.id = v.address_id \
             WHERE e.user_id = $1",
            &[user.into()],
        )
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}
