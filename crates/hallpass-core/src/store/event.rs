//! `hallpass_event`: what happened to accounts, for the operator and for the people themselves.

use std::net::IpAddr;

use super::{Conn, Db, Sql};
use crate::domain::{Client, Timestamp, UserId};
use crate::error::Failure;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// What: `login`, `login_failed`, `logout`, `login_link_asked` ….
    pub kind: &'static str,
    /// About whom, when known. The event outlives the user.
    pub user: Option<UserId>,
    /// How: `password`, `link` …, or empty.
    pub method: &'static str,
    /// Why not, a refusal's code, or empty.
    pub reason: &'static str,
    /// A digest by which it can be found again, such as a link's.
    pub subject: Option<&'a str>,
}

/// Something that happened, as an app hears of it: after the commit, with what the table has.
#[derive(Debug, Clone)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: &'static str,
    /// About whom.
    pub user: Option<UserId>,
    /// How.
    pub method: &'static str,
    /// Why not.
    pub reason: &'static str,
    /// From where; 0.0.0.0 if there was nobody at the other end, as with a job.
    pub ip: IpAddr,
    /// With what.
    pub user_agent: String,
}

/// Writes it down.
pub async fn insert(
    mut conn: Conn<'_>,
    event: Event<'_>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_event (at, kind, user_id, ip, user_agent, method, reason, subject, data) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            now.into(),
            event.kind.into(),
            event.user.into(),
            (!client.is_nobody()).then(|| client.ip.to_string()).into(),
            client.user_agent.as_str().into(),
            event.method.into(),
            event.reason.into(),
            event.subject.into(),
            serde_json::json!({}).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Where and when something was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When.
    pub at: Timestamp,
    /// From which address, as text.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: String,
}

/// The origin of the newest event of this kind about this subject.
pub async fn origin(
    mut conn: Conn<'_>,
    kind: &str,
    subject: &str,
) -> Result<Option<Origin>, Failure> {
    let sql = Sql {
        sqlite: "SELECT at, ip, user_agent FROM hallpass_event WHERE subject = $1 AND kind = $2 \
                 ORDER BY id DESC LIMIT 1",
        postgres: "SELECT at, host(ip), user_agent FROM hallpass_event WHERE subject = $1 AND kind = $2 \
                   ORDER BY id DESC LIMIT 1",
    };
    let Some(row) = conn.query_opt(sql, &[subject.into(), kind.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(Origin {
        at: row.get(0)?,
        ip: row.get(1)?,
        user_agent: row.get(2)?,
    }))
}

/// Forgets what happened before a time. In portions, since on SQLite everybody waits for the one who writes.
pub async fn clear_expired(db: &Db, before: Timestamp) -> Result<u64, Failure> {
    const PORTION: u64 = 1_000;
    let mut cleared = 0;
    loop {
        let portion = db
            .conn()
            .execute(
                "DELETE FROM hallpass_event WHERE id IN \
                 (SELECT id FROM hallpass_event WHERE at < $1 ORDER BY at LIMIT 1000)",
                &[before.into()],
            )
            .await?;
        cleared += portion;
        if portion < PORTION {
            return Ok(cleared);
        }
    }
}
