//! `authtoken_token`: Django REST framework's key of a user, one for all devices.

use super::{Conn, Sql, UserTable, user};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Failure;
use crate::settings::UserColumn;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The key as it rests: Django's own in the clear, ours as a digest.
    pub key: String,
    /// When it was made.
    pub created: Timestamp,
}

pub(super) fn owner_sql(users: &UserTable) -> String {
    format!(
        "SELECT {} FROM authtoken_token t JOIN {} u ON u.{} = t.user_id WHERE t.key IN ($1, $2)",
        users.select(),
        users.quoted(),
        users.id()
    )
}

/// The user of a key, looked for in both forms: one statement.
pub async fn owner(mut conn: Conn<'_>, plain: &str, digest: &str) -> Result<Option<User>, Failure> {
    let users = conn.users();
    let row = conn
        .query_opt(&users.texts().token, &[plain.into(), digest.into()])
        .await?;
    row.map(|row| user::read(&row, 0)).transpose()
}

/// A user's key, made if there is none: what is there already wins. `None`: the password is another by now, or the user
/// was switched off; until the transaction ends, neither happens.
pub async fn get_or_insert(
    mut conn: Conn<'_>,
    user: &User,
    key: &str,
    now: Timestamp,
) -> Result<Option<TokenRow>, Failure> {
    // An update that changes nothing, so that the row comes back whether it is new or not.
    let users = conn.users();
    let (table, id, active) = (users.quoted(), users.id(), users.sql(UserColumn::IsActive));
    let text = |lock: &str| {
        format!(
            "INSERT INTO authtoken_token (key, created, user_id) SELECT $1, $2, u.{id} FROM {table} u \
             WHERE u.{id} = $3 AND u.password = $4 AND {active} = $5{lock} \
             ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING key, created"
        )
    };
    let (sqlite, postgres) = (text(""), text(" FOR SHARE"));
    let row = conn
        .query_opt(
            Sql {
                sqlite: &sqlite,
                postgres: &postgres,
            },
            &[
                key.into(),
                now.into(),
                user.id.into(),
                user.password.as_str().into(),
                true.into(),
            ],
        )
        .await?;
    row.map(|row| {
        Ok(TokenRow {
            key: row.get(0)?,
            created: row.get(1)?,
        })
    })
    .transpose()
}

/// Puts a digest where the key stood, if that is still the one that was read.
pub async fn replace(
    mut conn: Conn<'_>,
    user: UserId,
    before: &str,
    key: &str,
    created: Timestamp,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE authtoken_token SET key = $1, created = $2 WHERE user_id = $3 AND key = $4",
            &[key.into(), created.into(), user.into(), before.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Removes a user's key.
pub async fn remove(mut conn: Conn<'_>, user: UserId) -> Result<(), Failure> {
    conn.execute(
        "DELETE FROM authtoken_token WHERE user_id = $1",
        &[user.into()],
    )
    .await?;
    Ok(())
}
