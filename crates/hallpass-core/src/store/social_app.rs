//! `socialaccount_socialapp`: apps that providers know us as, by site.
//!
//! Django keeps their secrets in the clear. Ours stand sealed in `hallpass_social_secret`, and the columns are empty then;
//! beside a live Django they are written as it writes them. Either is read.

use serde_json::Value;

use super::{Conn, Row};
use crate::error::Failure;

/// A row.
#[derive(Clone)]
pub struct SocialApp {
    /// Its key.
    pub id: i64,
    /// The provider's id.
    pub provider: String,
    /// Which of several.
    pub provider_id: String,
    /// What people read.
    pub name: String,
    /// What the provider knows us as.
    pub client_id: String,
    /// In the clear, if it stands so.
    pub secret: String,
    /// Likewise.
    pub key: String,
    /// Lower-case names.
    pub settings: Value,
    /// Secret and key together, sealed.
    pub sealed: Option<String>,
}

fn read(row: &Row) -> Result<SocialApp, Failure> {
    Ok(SocialApp {
        id: row.get(0)?,
        provider: row.get(1)?,
        provider_id: row.get(2)?,
        name: row.get(3)?,
        client_id: row.get(4)?,
        secret: row.get(5)?,
        key: row.get(6)?,
        settings: row.get(7)?,
        sealed: row.get(8)?,
    })
}

const COLUMNS: &str =
    "a.id, a.provider, a.provider_id, a.name, a.client_id, a.secret, a.key, a.settings, s.sealed";

/// The apps of a site, in the order of their keys.
pub async fn of_site(mut conn: Conn<'_>, site: i64) -> Result<Vec<SocialApp>, Failure> {
    let rows = conn
        .query(
            &format!(
                "SELECT {COLUMNS} FROM socialaccount_socialapp a \
                 JOIN socialaccount_socialapp_sites l ON l.socialapp_id = a.id \
                 LEFT JOIN hallpass_social_secret s ON s.app_id = a.id WHERE l.site_id = $1 ORDER BY a.id"
            ),
            &[site.into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// An app to be added.
pub struct NewApp<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// Which of several.
    pub provider_id: &'a str,
    /// What people read.
    pub name: &'a str,
    /// What the provider knows us as.
    pub client_id: &'a str,
    /// As Django keeps it.
    pub secret: &'a str,
    /// As Django keeps it.
    pub key: &'a str,
    /// Lower-case names.
    pub settings: &'a Value,
    /// Secret and key together, sealed, in the place of the two.
    pub sealed: Option<&'a str>,
}

/// Adds an app to a site; its key.
pub async fn insert(mut conn: Conn<'_>, site: i64, app: &NewApp<'_>) -> Result<i64, Failure> {
    let row = conn
        .query_opt(
            "INSERT INTO socialaccount_socialapp (provider, provider_id, name, client_id, secret, key, settings) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
            &[
                app.provider.into(),
                app.provider_id.into(),
                app.name.into(),
                app.client_id.into(),
                app.secret.into(),
                app.key.into(),
                app.settings.clone().into(),
            ],
        )
        .await?;
    let row = row.ok_or_else(|| Failure::new("the app that was just saved is gone"))?;
    let id: i64 = row.get(0)?;
    conn.execute(
        "INSERT INTO socialaccount_socialapp_sites (socialapp_id, site_id) VALUES ($1, $2)",
        &[id.into(), site.into()],
    )
    .await?;
    if let Some(sealed) = app.sealed {
        conn.execute(
            "INSERT INTO hallpass_social_secret (app_id, sealed) VALUES ($1, $2)",
            &[id.into(), sealed.into()],
        )
        .await?;
    }
    Ok(id)
}

/// Removes an app. Tokens that were given to it stay, as Django has it, and belong to none. `false`: there is none.
pub async fn remove(mut conn: Conn<'_>, id: i64) -> Result<bool, Failure> {
    for sql in [
        "UPDATE socialaccount_socialtoken SET app_id = NULL WHERE app_id = $1",
        "DELETE FROM socialaccount_socialapp_sites WHERE socialapp_id = $1",
        "DELETE FROM hallpass_social_secret WHERE app_id = $1",
    ] {
        conn.execute(sql, &[id.into()]).await?;
    }
    let touched = conn
        .execute(
            "DELETE FROM socialaccount_socialapp WHERE id = $1",
            &[id.into()],
        )
        .await?;
    Ok(touched == 1)
}
