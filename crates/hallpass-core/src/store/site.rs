//! `django_site`: the name and domain of this site.

use super::Conn;
use crate::error::Failure;

/// A row of `django_site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// For people.
    pub name: String,
    /// `example.com` or `example.com:8000`.
    pub domain: String,
}

/// The site with this key.
pub async fn by_id(mut conn: Conn<'_>, id: i64) -> Result<Option<Site>, Failure> {
    let row = conn
        .query_opt(
            "SELECT name, domain FROM django_site WHERE id = $1",
            &[id.into()],
        )
        .await?;
    row.map(|row| {
        Ok(Site {
            name: row.get(0)?,
            domain: row.get(1)?,
        })
    })
    .transpose()
}

/// Whether there is no site at all.
pub(super) async fn is_empty(mut conn: Conn<'_>) -> Result<bool, Failure> {
    let row = conn
        .query_opt("SELECT 1 FROM django_site LIMIT 1", &[])
        .await?;
    Ok(row.is_none())
}
