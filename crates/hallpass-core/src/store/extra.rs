//! `hallpass_extra`: what a signup asked for beyond the columns of a user, as JSON.

use serde_json::Value;

use super::Conn;
use crate::domain::UserId;
use crate::error::Failure;

/// Keeps it.
pub async fn set(mut conn: Conn<'_>, user: UserId, data: &Value) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_extra (user_id, data) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET data = excluded.data",
        &[user.into(), data.clone().into()],
    )
    .await?;
    Ok(())
}

/// What is kept.
pub async fn get(mut conn: Conn<'_>, user: UserId) -> Result<Option<Value>, Failure> {
    let row = conn
        .query_opt(
            "SELECT data FROM hallpass_extra WHERE user_id = $1",
            &[user.into()],
        )
        .await?;
    row.map(|row| row.get(0)).transpose()
}
