//! Everything that dies with a password, in all its tables at once.

use super::{Conn, code, refresh, session, token};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// Ends codes under way, keys, refresh tokens and listed sessions of a user, one session excepted. (What is made from the
/// password itself, links and sessions that a Django began, ends by itself.)
pub async fn end(
    mut conn: Conn<'_>,
    user: UserId,
    keep: Option<&str>,
    now: Timestamp,
) -> Result<(), Failure> {
    code::take_all(conn.again(), user).await?;
    token::remove(conn.again(), user).await?;
    refresh::end_all(conn.again(), user, now).await?;
    session::end_others(conn, user, keep).await
}
