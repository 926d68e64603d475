//! `hallpass_spent`: digests of one-time secrets that were used, kept until they would have expired anyway.

use super::{Conn, DbError};
use crate::domain::Timestamp;
use crate::error::Failure;

/// Spends a secret. `false`: it was spent before, and of parallel calls all but one get that.
pub async fn spend(mut conn: Conn<'_>, digest: &str, expires: Timestamp) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "INSERT INTO hallpass_spent (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
            &[digest.into(), expires.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Whether it was spent.
pub async fn is_spent(mut conn: Conn<'_>, digest: &str) -> Result<bool, Failure> {
    Ok(conn
        .query_opt(
            "SELECT 1 FROM hallpass_spent WHERE digest = $1",
            &[digest.into()],
        )
        .await?
        .is_some())
}

/// Forgets what has expired; how many.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, DbError> {
    conn.execute(
        "DELETE FROM hallpass_spent WHERE expires_at <= $1",
        &[now.into()],
    )
    .await
}
