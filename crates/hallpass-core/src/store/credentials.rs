//! Everything that dies with a password, in all its tables at once.

use super::{Conn, code, refresh, session, token};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// Ends codes under way. Before the user's row is written: whoever types a code locks the code first.
pub async fn end_begun(conn: Conn<'_>, user: UserId) -> Result<(), Failure> {
    code::take_all(conn, user).await
}

/// Ends keys, refresh tokens and listed sessions of a user, one session excepted. (What is made from the password itself,
/// links and sessions that a Django began, ends by itself.) After the user's row is written: whoever issues one holds on
/// to that row until it is committed, so that none comes to be between the two with the old password. In the order in
/// which a sign-in and a logout write them.
pub async fn end_issued(
    mut conn: Conn<'_>,
    user: UserId,
    keep: Option<&str>,
    now: Timestamp,
) -> Result<(), Failure> {
    token::remove(conn.again(), user).await?;
    refresh::end_all(conn.again(), user, now).await?;
    session::end_others(conn, user, keep).await
}
