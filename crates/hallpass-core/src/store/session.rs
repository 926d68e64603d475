//! `django_session` and `usersessions_usersession`.

use hallpass_django::session::SessionCodec;

use super::{Conn, DbError, UserTable, user};
use crate::domain::session::{CookieChange, LeftBehind};
use crate::domain::{Client, Session, SessionKey, Timestamp, User, UserId};
use crate::error::Failure;

/// What a save needs to know.
#[derive(Debug, Clone, Copy)]
pub struct SavePolicy {
    /// Write keys as Django does, in the clear.
    pub share_with_django: bool,
    /// SESSION_COOKIE_AGE, seconds.
    pub cookie_age: u64,
    /// SESSION_EXPIRE_AT_BROWSER_CLOSE.
    pub expire_at_browser_close: bool,
}

/// A session as it was found.
pub struct Found {
    /// The key as the row has it.
    pub row: String,
    /// The signed payload.
    pub payload: String,
    /// The user of the session's row in `usersessions_usersession`, which every sign-in of ours makes.
    pub user: Option<User>,
}

pub(super) fn find_sql(users: &UserTable) -> String {
    format!(
        "SELECT s.session_key, s.session_data, {} FROM django_session s \
         LEFT JOIN usersessions_usersession l ON l.session_key = s.session_key \
         LEFT JOIN {} u ON u.{} = l.user_id \
         WHERE s.session_key IN ($1, $2) AND s.expire_date > $3",
        users.select(),
        users.quoted(),
        users.id()
    )
}

/// Finds the live session of a key, and its user with it: one statement. The digest is looked for, and the plain key
/// that a Django on the same database writes.
pub async fn find(
    mut conn: Conn<'_>,
    key: &SessionKey,
    now: Timestamp,
) -> Result<Option<Found>, Failure> {
    let users = conn.users();
    let params = [key.hashed().into(), key.reveal().into(), now.into()];
    let Some(row) = conn.query_opt(&users.texts().session, &params).await? else {
        return Ok(None);
    };
    let has_user = row.get::<Option<UserId>>(2)?.is_some();
    let user = if has_user {
        Some(user::read(&row, 2)?)
    } else {
        None
    };
    Ok(Some(Found {
        row: row.get(0)?,
        payload: row.get(1)?,
        user,
    }))
}

/// Writes what has changed, and notes for the face what becomes of the cookie.
///
/// An update never brings back a session that ended meanwhile: then nothing is written and the cookie goes.
pub async fn save(
    mut conn: Conn<'_>,
    session: &mut Session,
    codec: &SessionCodec,
    policy: SavePolicy,
    client: &Client,
    now: Timestamp,
) -> Result<(), Failure> {
    if let Some(LeftBehind::Ended(row)) = &session.left_behind {
        end(conn.again(), row).await?;
        session.left_behind = None;
    }
    if !session.modified {
        return Ok(());
    }
    session.modified = false;
    if session.data.is_empty() && session.left_behind.is_none() && session.row.is_none() {
        if session.came_with_cookie {
            session.cookie = Some(CookieChange::Delete);
        }
        return Ok(());
    }
    let (expires, max_age) = session.expiry(now, policy.cookie_age, policy.expire_at_browser_close);
    let payload = codec.encode(&session.data, now.seconds());
    if let Some(row) = &session.row {
        let touched = conn
            .execute(
                "UPDATE django_session SET session_data = $1, expire_date = $2 WHERE session_key = $3",
                &[payload.into(), expires.into(), row.into()],
            )
            .await?;
        session.cookie = Some(match (&session.key, touched) {
            (Some(key), 1) => CookieChange::Set {
                key: key.clone(),
                max_age,
            },
            // It ended or was renamed meanwhile, by an answer that may have set another cookie: that one must not go.
            (Some(_), _) => CookieChange::Keep,
            _ => CookieChange::Delete,
        });
        return Ok(());
    }
    let key = SessionKey::random();
    let stored = key.stored(policy.share_with_django);
    conn.execute(
        "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ($1, $2, $3)",
        &[stored.as_str().into(), payload.into(), expires.into()],
    )
    .await?;
    if let Some(LeftBehind::Renamed(old)) = session.left_behind.take() {
        conn.execute(
            "UPDATE usersessions_usersession SET session_key = $1 WHERE session_key = $2",
            &[stored.as_str().into(), old.as_str().into()],
        )
        .await?;
        let ended = conn
            .execute(
                "DELETE FROM django_session WHERE session_key = $1",
                &[old.into()],
            )
            .await?;
        if ended == 0 && session.signed_in.is_none() {
            // It was ended elsewhere while this request went on: a rotation must not carry it over.
            end(conn.again(), &stored).await?;
            *session = Session {
                cookie: Some(CookieChange::Delete),
                ..Session::default()
            };
            return Ok(());
        }
    }
    if let Some(user) = session.signed_in.take() {
        list(conn, &stored, user, client, now).await?;
    }
    session.row = Some(stored);
    session.cookie = Some(CookieChange::Set {
        key: key.clone(),
        max_age,
    });
    session.key = Some(key);
    Ok(())
}

/// Notes who signed in from where.
async fn list(
    mut conn: Conn<'_>,
    row: &str,
    user: UserId,
    client: &Client,
    now: Timestamp,
) -> Result<(), DbError> {
    conn.execute(
        "DELETE FROM usersessions_usersession WHERE session_key = $1",
        &[row.into()],
    )
    .await?;
    conn.execute(
        "INSERT INTO usersessions_usersession (user_id, created_at, ip, last_seen_at, session_key, user_agent, data) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            user.into(),
            now.into(),
            client.ip.to_string().into(),
            now.into(),
            row.into(),
            client.user_agent.as_str().into(),
            serde_json::json!({}).into(),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn end(mut conn: Conn<'_>, row: &str) -> Result<(), DbError> {
    conn.execute(
        "DELETE FROM usersessions_usersession WHERE session_key = $1",
        &[row.into()],
    )
    .await?;
    conn.execute(
        "DELETE FROM django_session WHERE session_key = $1",
        &[row.into()],
    )
    .await?;
    Ok(())
}

/// Ends the sessions of a user that are listed, all but one.
pub async fn end_others(
    mut conn: Conn<'_>,
    user: UserId,
    keep: Option<&str>,
) -> Result<(), Failure> {
    let keep = keep.unwrap_or_default();
    conn.execute(
        "DELETE FROM django_session WHERE session_key IN \
         (SELECT session_key FROM usersessions_usersession WHERE user_id = $1 AND session_key <> $2)",
        &[user.into(), keep.into()],
    )
    .await?;
    conn.execute(
        "DELETE FROM usersessions_usersession WHERE user_id = $1 AND session_key <> $2",
        &[user.into(), keep.into()],
    )
    .await?;
    Ok(())
}

/// Removes what has expired; how many sessions went.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, Failure> {
    conn.execute(
        "DELETE FROM usersessions_usersession WHERE session_key IN \
         (SELECT session_key FROM django_session WHERE expire_date <= $1)",
        &[now.into()],
    )
    .await?;
    Ok(conn
        .execute(
            "DELETE FROM django_session WHERE expire_date <= $1",
            &[now.into()],
        )
        .await?)
}
