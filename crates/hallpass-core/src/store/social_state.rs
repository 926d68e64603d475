//! `hallpass_social_state`: visitors who are at a provider. A row each way there, and its digest in the address.
//!
//! Rows and not the session, so that two tabs do not overwrite each other's, and so that of parallel callbacks with one
//! state all but one find nothing.

use super::{Conn, Row};
use crate::domain::Timestamp;
use crate::error::Failure;

/// A way to a provider that was begun.
#[derive(Clone)]
pub struct SocialState {
    /// The digest of the parameter `state`.
    pub digest: String,
    /// The digest of what only this browser's session holds.
    pub browser: String,
    /// The provider, or which of several of one kind.
    pub provider: String,
    /// Sealed.
    pub data: String,
    /// When it is too late.
    pub expires: Timestamp,
}

/// Begins one. Of a browser's, the newest `most` stay.
pub async fn insert(mut conn: Conn<'_>, state: &SocialState, most: u32) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_social_state (digest, browser, provider, data, expires_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            state.digest.as_str().into(),
            state.browser.as_str().into(),
            state.provider.as_str().into(),
            state.data.as_str().into(),
            state.expires.into(),
        ],
    )
    .await?;
    conn.execute(
        "DELETE FROM hallpass_social_state WHERE browser = $1 AND digest NOT IN \
         (SELECT digest FROM hallpass_social_state WHERE browser = $1 ORDER BY expires_at DESC, digest LIMIT $2)",
        &[state.browser.as_str().into(), most.into()],
    )
    .await?;
    Ok(())
}

/// Takes it out: for one caller, for the browser and the provider that it was begun with. What is tried at another
/// provider's address stays, for the right one may yet come.
pub async fn take(
    mut conn: Conn<'_>,
    digest: &str,
    browser: &str,
    provider: &str,
    now: Timestamp,
) -> Result<Option<SocialState>, Failure> {
    let row = conn
        .query_opt(
            "DELETE FROM hallpass_social_state WHERE digest = $1 AND browser = $2 AND provider = $3 AND expires_at > $4 \
             RETURNING digest, browser, provider, data, expires_at",
            &[digest.into(), browser.into(), provider.into(), now.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<SocialState, Failure> {
    Ok(SocialState {
        digest: row.get(0)?,
        browser: row.get(1)?,
        provider: row.get(2)?,
        data: row.get(3)?,
        expires: row.get(4)?,
    })
}

/// Forgets what has expired; how many.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, Failure> {
    Ok(conn
        .execute(
            "DELETE FROM hallpass_social_state WHERE expires_at <= $1",
            &[now.into()],
        )
        .await?)
}
