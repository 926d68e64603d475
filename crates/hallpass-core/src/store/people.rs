//! Users by the hand of an operator or of the app: listed in the order of their keys, switched on and off, removed.

use super::{Conn, DbError, Sql, user};
use crate::domain::{User, UserId};
use crate::error::Failure;
use crate::settings::UserColumn;

/// The tables that this file knows, in one place.
mod tables {
    /// Who refers to a user, and by which column, in the order in which a user's rows go: after those that refer to them.
    /// Tables that only some Djangos have are looked for.
    /// Those that link users to groups and permissions are the user's table's own, and go first.
    pub(super) const OF_USER: [(&str, &str); 10] = [
        ("django_admin_log", "user_id"),
        ("mfa_authenticator", "user_id"),
        ("socialaccount_socialaccount", "user_id"),
        ("account_emailaddress", "user_id"),
        ("authtoken_token", "user_id"),
        ("usersessions_usersession", "user_id"),
        ("hallpass_code", "user_id"),
        ("hallpass_phone", "user_id"),
        ("hallpass_extra", "user_id"),
        ("hallpass_refresh", "user_id"),
    ];

    /// Rows that refer to rows of a user: table, column, whose rows.
    pub(super) const OF_ROWS: [(&str, &str, &str); 2] = [
        (
            "account_emailconfirmation",
            "email_address_id",
            "account_emailaddress",
        ),
        (
            "socialaccount_socialtoken",
            "account_id",
            "socialaccount_socialaccount",
        ),
    ];

    /// What is known of a token that was given outlives its user.
    pub(super) const TOKENS: &str = "token_blacklist_outstandingtoken";
}

use tables::{OF_ROWS, OF_USER, TOKENS};

/// Users whose keys come after one, in the order of keys.
pub async fn page(
    mut conn: Conn<'_>,
    after: Option<UserId>,
    most: u32,
) -> Result<Vec<User>, Failure> {
    let users = conn.users();
    let (columns, table, key) = (users.select(), users.quoted(), users.id());
    let rows = match after {
        None => {
            let sql = format!("SELECT {columns} FROM {table} u ORDER BY u.{key} LIMIT $1");
            conn.query(&sql, &[most.into()]).await?
        }
        Some(after) => {
            let sql = format!(
                "SELECT {columns} FROM {table} u WHERE u.{key} > $1 ORDER BY u.{key} LIMIT $2"
            );
            conn.query(&sql, &[after.into(), most.into()]).await?
        }
    };
    rows.iter().map(|row| user::read(row, 0)).collect()
}

/// How many users there are.
pub async fn count(mut conn: Conn<'_>) -> Result<u64, Failure> {
    let sql = format!("SELECT count(*) FROM {}", conn.users().quoted());
    let row = conn.query_opt(&sql, &[]).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Switches an account on or off. `None`: the user's table has no column for that. `false`: it was so, or is gone.
pub async fn set_active(
    mut conn: Conn<'_>,
    id: UserId,
    is_active: bool,
) -> Result<Option<bool>, Failure> {
    let users = conn.users();
    let Some(column) = users.column(UserColumn::IsActive) else {
        return Ok(None);
    };
    let (table, key) = (users.quoted(), users.id());
    let sql =
        format!("UPDATE {table} SET \"{column}\" = $1 WHERE {key} = $2 AND \"{column}\" <> $1");
    let touched = conn.execute(&sql, &[is_active.into(), id.into()]).await?;
    Ok(Some(touched == 1))
}

/// Removes a user's number. `false`: there was none.
pub async fn remove_phone(mut conn: Conn<'_>, id: UserId) -> Result<bool, Failure> {
    let sql = "DELETE FROM hallpass_phone WHERE user_id = $1";
    Ok(conn.execute(sql, &[id.into()]).await? == 1)
}

/// Removes a user and every row of Django's, allauth's and ours that refers to them. What happened (`hallpass_event`) stays,
/// and so do the names of tokens that were given, without a user, as simplejwt leaves them. `false`: they are gone.
///
/// # Errors
/// [`DbError::Foreign`], here or at the commit, if another table refers to them.
pub async fn remove(mut conn: Conn<'_>, id: UserId) -> Result<bool, DbError> {
    let there = super::migrate::existing(conn.again())
        .await
        .map_err(DbError::Failed)?;
    let users = conn.users();
    let (user, key) = (users.quoted(), users.id());
    let hold = format!("SELECT 1 FROM {user} WHERE {key} = $1");
    // Whoever is about to give them something waits, and finds them gone.
    let held = format!("{hold} FOR UPDATE");
    let sql = Sql {
        sqlite: &hold,
        postgres: &held,
    };
    if conn.query_opt(sql, &[id.into()]).await?.is_none() {
        return Ok(false);
    }
    let sessions = "DELETE FROM django_session WHERE session_key IN \
                    (SELECT session_key FROM usersessions_usersession WHERE user_id = $1)";
    conn.execute(sessions, &[id.into()]).await?;
    for (table, column, owner) in OF_ROWS {
        if there.contains(table) && there.contains(owner) {
            let sql = format!(
                "DELETE FROM {table} WHERE {column} IN (SELECT id FROM {owner} WHERE user_id = $1)"
            );
            conn.execute(&sql, &[id.into()]).await?;
        }
    }
    if there.contains(TOKENS) {
        let sql = format!("UPDATE {TOKENS} SET user_id = NULL WHERE user_id = $1");
        conn.execute(&sql, &[id.into()]).await?;
    }
    for linking in [users.groups(), users.permissions()].into_iter().flatten() {
        let sql = format!("DELETE FROM {} WHERE {} = $1", linking.table, linking.user);
        conn.execute(&sql, &[id.into()]).await?;
    }
    for (table, column) in OF_USER {
        if there.contains(table) {
            let sql = format!("DELETE FROM {table} WHERE {column} = $1");
            conn.execute(&sql, &[id.into()]).await?;
        }
    }
    let sql = format!("DELETE FROM {user} WHERE {key} = $1");
    Ok(conn.execute(&sql, &[id.into()]).await? == 1)
}
