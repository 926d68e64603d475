//! `hallpass_limit`: one row a key, with the times of the hits that still count.

use super::{Conn, Sql};
use crate::domain::Timestamp;
use crate::error::Failure;

/// Reads the hits of a key and holds its row until the transaction ends, so that parallel hits queue up. Microseconds.
pub async fn hold(mut conn: Conn<'_>, key: &str, expires: Timestamp) -> Result<Vec<i64>, Failure> {
    let sql = Sql {
        sqlite: "INSERT INTO hallpass_limit (key, hits, expires_at) VALUES ($1, '[]', $2) \
                 ON CONFLICT (key) DO UPDATE SET expires_at = CASE \
                 WHEN excluded.expires_at > hallpass_limit.expires_at THEN excluded.expires_at \
                 ELSE hallpass_limit.expires_at END RETURNING hits",
        postgres: "INSERT INTO hallpass_limit (key, hits, expires_at) VALUES ($1, '[]'::jsonb, $2) \
                   ON CONFLICT (key) DO UPDATE SET expires_at = CASE \
                 WHEN excluded.expires_at > hallpass_limit.expires_at THEN excluded.expires_at \
                 ELSE hallpass_limit.expires_at END RETURNING hits",
    };
    let Some(row) = conn.query_opt(sql, &[key.into(), expires.into()]).await? else {
        return Err(Failure::new("a limit's row did not come back"));
    };
    let hits: serde_json::Value = row.get(0)?;
    serde_json::from_value(hits)
        .map_err(|error| Failure::from_source("a limit's row is no list of times", error))
}

/// Writes the hits of a held key.
pub async fn write(mut conn: Conn<'_>, key: &str, hits: &[i64]) -> Result<(), Failure> {
    conn.execute(
        "UPDATE hallpass_limit SET hits = $1 WHERE key = $2",
        &[serde_json::json!(hits).into(), key.into()],
    )
    .await?;
    Ok(())
}

/// Forgets all hits of a key.
pub async fn clear(mut conn: Conn<'_>, key: &str) -> Result<(), Failure> {
    conn.execute("DELETE FROM hallpass_limit WHERE key = $1", &[key.into()])
        .await?;
    Ok(())
}

/// Forgets what has expired.
pub async fn clear_expired(mut conn: Conn<'_>, now: Timestamp) -> Result<u64, Failure> {
    Ok(conn
        .execute(
            "DELETE FROM hallpass_limit WHERE expires_at <= $1",
            &[now.into()],
        )
        .await?)
}
