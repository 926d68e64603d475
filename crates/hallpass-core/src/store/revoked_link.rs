//! `hallpass_revoked_link`: digests of magic links that were taken back, kept for longer than any of them could be good.

use super::{Conn, DbError};
use crate::domain::Timestamp;
use crate::error::Failure;

/// Takes one back; twice is as good as once.
pub async fn insert(mut conn: Conn<'_>, digest: &str, expires: Timestamp) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_revoked_link (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
        &[digest.into(), expires.into()],
    )
    .await?;
    Ok(())
}

/// Whether it was taken back.
pub async fn is_revoked(mut conn: Conn<'_>, digest: &str) -> Result<bool, Failure> {
    Ok(conn
        .query_opt(
            "SELECT 1 FROM hallpass_revoked_link WHERE digest = $1",
            &[digest.into()],
        )
        .await?
        .is_some())
}

/// Forgets what has expired; how many.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, DbError> {
    conn.execute(
        "DELETE FROM hallpass_revoked_link WHERE expires_at <= $1",
        &[now.into()],
    )
    .await
}
