//! `socialaccount_socialaccount`: accounts at providers, each of one user.
//!
//! Provider and uid together are one account: the table's own constraint sees to it, so that of two who connect it at once
//! one is refused.

use serde_json::Value;

use super::{Conn, Row, UserTable, user};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Failure;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct SocialAccount {
    /// Its key.
    pub id: i64,
    /// Whose it is.
    pub user: UserId,
    /// The provider, or which of several of one kind.
    pub provider: String,
    /// Who it is there.
    pub uid: String,
    /// When it was last used here.
    pub last_login: Timestamp,
    /// When it was connected.
    pub date_joined: Timestamp,
    /// What the provider said.
    pub extra_data: Value,
}

const COLUMNS: &str =
    "a.id, a.user_id, a.provider, a.uid, a.last_login, a.date_joined, a.extra_data";

fn read(row: &Row) -> Result<SocialAccount, Failure> {
    Ok(SocialAccount {
        id: row.get(0)?,
        user: row.get(1)?,
        provider: row.get(2)?,
        uid: row.get(3)?,
        last_login: row.get(4)?,
        date_joined: row.get(5)?,
        extra_data: row.get(6)?,
    })
}

/// How many columns an account takes.
const WIDTH: usize = 7;

fn owner_sql(users: &UserTable) -> String {
    format!(
        "SELECT {COLUMNS}, {} FROM socialaccount_socialaccount a JOIN {} u ON u.{} = a.user_id \
         WHERE a.provider = $1 AND a.uid = $2",
        users.select(),
        users.quoted(),
        users.id()
    )
}

/// The account and its user.
pub async fn find(
    mut conn: Conn<'_>,
    provider: &str,
    uid: &str,
) -> Result<Option<(SocialAccount, User)>, Failure> {
    let users = conn.users();
    let row = conn
        .query_opt(&owner_sql(&users), &[provider.into(), uid.into()])
        .await?;
    row.map(|row| Ok((read(&row)?, user::read(&row, WIDTH)?)))
        .transpose()
}

/// A user's accounts, in the order in which they were connected.
pub async fn of_user(mut conn: Conn<'_>, user: UserId) -> Result<Vec<SocialAccount>, Failure> {
    let rows = conn
        .query(
            &format!("SELECT {COLUMNS} FROM socialaccount_socialaccount a WHERE a.user_id = $1 ORDER BY a.id"),
            &[user.into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Connects an account; its key. `None`: somebody has it already.
pub async fn insert(
    mut conn: Conn<'_>,
    user: UserId,
    provider: &str,
    uid: &str,
    extra_data: &Value,
    now: Timestamp,
) -> Result<Option<i64>, Failure> {
    let row = conn
        .query_opt(
            "INSERT INTO socialaccount_socialaccount (user_id, provider, uid, last_login, date_joined, extra_data) \
             VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT (provider, uid) DO NOTHING RETURNING id",
            &[
                user.into(),
                provider.into(),
                uid.into(),
                now.into(),
                extra_data.clone().into(),
            ],
        )
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// It was used: what the provider says now is kept. `false`: it is gone, or somebody else's by now.
pub async fn touch(
    mut conn: Conn<'_>,
    account: &SocialAccount,
    extra_data: &Value,
    now: Timestamp,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE socialaccount_socialaccount SET last_login = $1, extra_data = $2 WHERE id = $3 AND user_id = $4",
            &[
                now.into(),
                extra_data.clone().into(),
                account.id.into(),
                account.user.into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Disconnects it, and forgets its tokens. `false`: the user has no such account.
pub async fn remove(mut conn: Conn<'_>, user: UserId, id: i64) -> Result<bool, Failure> {
    conn.execute(
        "DELETE FROM socialaccount_socialtoken WHERE account_id IN \
         (SELECT id FROM socialaccount_socialaccount WHERE id = $1 AND user_id = $2)",
        &[id.into(), user.into()],
    )
    .await?;
    let touched = conn
        .execute(
            "DELETE FROM socialaccount_socialaccount WHERE id = $1 AND user_id = $2",
            &[id.into(), user.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives all accounts of one user to another; how many.
pub async fn give_all(mut conn: Conn<'_>, from: UserId, to: UserId) -> Result<u64, Failure> {
    Ok(conn
        .execute(
            "UPDATE socialaccount_socialaccount SET user_id = $1 WHERE user_id = $2",
            &[to.into(), from.into()],
        )
        .await?)
}
