//! `socialaccount_socialtoken`: what providers gave for their own interfaces, one an app and account.
//!
//! What stands in it is sealed or, beside a live Django, as it came: this file does not know which.

use super::{Conn, Row};
use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// A row.
#[derive(Clone)]
pub struct SocialToken {
    /// Its key.
    pub id: i64,
    /// The account that it is for.
    pub account: i64,
    /// The app that it was given to; none if that stands in the settings.
    pub app: Option<i64>,
    /// The access token, as it rests.
    pub token: String,
    /// The refresh token, or the secret of an OAuth 1 token, as it rests; may be empty.
    pub token_secret: String,
    /// When the first ends.
    pub expires_at: Option<Timestamp>,
    /// Whether the second is the secret of an OAuth 1 token. The row does not say: whoever reads it knows the provider.
    pub oauth1: bool,
}

fn read(row: &Row) -> Result<SocialToken, Failure> {
    Ok(SocialToken {
        id: row.get(0)?,
        account: row.get(1)?,
        app: row.get(2)?,
        token: row.get(3)?,
        token_secret: row.get(4)?,
        expires_at: row.get(5)?,
        oauth1: false,
    })
}

/// The newest token of a user's account.
pub async fn of_account(
    mut conn: Conn<'_>,
    user: UserId,
    account: i64,
) -> Result<Option<SocialToken>, Failure> {
    let row = conn
        .query_opt(
            "SELECT t.id, t.account_id, t.app_id, t.token, t.token_secret, t.expires_at FROM socialaccount_socialtoken t \
             JOIN socialaccount_socialaccount a ON a.id = t.account_id WHERE a.id = $1 AND a.user_id = $2 \
             ORDER BY t.id DESC LIMIT 1",
            &[account.into(), user.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Keeps what came, in the place of what the same app got before. A refresh token that was not sent again stays.
pub async fn keep(
    mut conn: Conn<'_>,
    account: i64,
    app: Option<i64>,
    token: &str,
    token_secret: Option<&str>,
    expires_at: Option<Timestamp>,
) -> Result<(), Failure> {
    let touched = conn
        .execute(
            "UPDATE socialaccount_socialtoken SET token = $1, token_secret = COALESCE($2, token_secret), expires_at = $3 \
             WHERE account_id = $4 AND COALESCE(app_id, 0) = $5",
            &[
                token.into(),
                token_secret.into(),
                expires_at.into(),
                account.into(),
                app.unwrap_or(0).into(),
            ],
        )
        .await?;
    if touched == 0 {
        conn.execute(
            "INSERT INTO socialaccount_socialtoken (account_id, app_id, token, token_secret, expires_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                account.into(),
                app.into(),
                token.into(),
                token_secret.unwrap_or_default().into(),
                expires_at.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Puts new tokens in the place of those that were read. `false`: somebody else was quicker.
pub async fn renew(
    mut conn: Conn<'_>,
    before: &SocialToken,
    token: &str,
    token_secret: &str,
    expires_at: Option<Timestamp>,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            "UPDATE socialaccount_socialtoken SET token = $1, token_secret = $2, expires_at = $3 \
             WHERE id = $4 AND token = $5 AND token_secret = $6",
            &[
                token.into(),
                token_secret.into(),
                expires_at.into(),
                before.id.into(),
                before.token.as_str().into(),
                before.token_secret.as_str().into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}
