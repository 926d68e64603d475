//! `usersessions_usersession`: the sessions of a user, for a page or a program that lists and ends them.

use std::fmt;
use std::net::IpAddr;

use super::{Conn, Row, Sql, session};
use crate::domain::{Session, Timestamp, UserId};
use crate::error::Failure;

/// A session that is under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// By which it is ended. It is no secret and stays when the session's key is renewed.
    pub id: i64,
    /// The key as the row has it: with HALLPASS_SHARE_WITH_DJANGO, a secret.
    row: String,
    /// From where it began; none if nobody was at the other end.
    pub ip: Option<IpAddr>,
    /// With what.
    pub user_agent: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
}

impl Listed {
    /// Whether it is this one.
    pub fn is(&self, session: &Session) -> bool {
        session.row_key() == Some(&self.row)
    }
}

/// Without what opens it.
impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("id", &self.id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

fn read(row: &Row) -> Result<Listed, Failure> {
    let ip: Option<String> = row.get(2)?;
    let ip = ip.and_then(|ip| ip.parse::<IpAddr>().ok());
    Ok(Listed {
        id: row.get(0)?,
        row: row.get(1)?,
        ip: ip.filter(|ip| !ip.is_unspecified()),
        user_agent: row.get(3)?,
        created: row.get(4)?,
        last_seen: row.get(5)?,
        expires: row.get(6)?,
    })
}

/// Those of a user, the newest first. What a Django began is not listed.
pub async fn of_user(
    mut conn: Conn<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Listed>, Failure> {
    let select = |ip: &str| {
        format!(
            "SELECT l.id, l.session_key, {ip}, l.user_agent, l.created_at, l.last_seen_at, s.expire_date \
             FROM usersessions_usersession l JOIN django_session s ON s.session_key = l.session_key \
             WHERE l.user_id = $1 AND s.expire_date > $2 ORDER BY l.created_at DESC, l.id DESC"
        )
    };
    let (sqlite, postgres) = (select("l.ip"), select("host(l.ip)"));
    let sql = Sql {
        sqlite: &sqlite,
        postgres: &postgres,
    };
    let rows = conn.query(sql, &[user.into(), now.into()]).await?;
    rows.iter().map(read).collect()
}

/// Ends one of a user's; its key as the row had it. `None`: they have no such session.
pub async fn end(mut conn: Conn<'_>, user: UserId, id: i64) -> Result<Option<String>, Failure> {
    let sql = "SELECT session_key FROM usersessions_usersession WHERE id = $1 AND user_id = $2";
    let Some(found) = conn.query_opt(sql, &[id.into(), user.into()]).await? else {
        return Ok(None);
    };
    let row: String = found.get(0)?;
    session::end(conn, &row).await?;
    Ok(Some(row))
}
