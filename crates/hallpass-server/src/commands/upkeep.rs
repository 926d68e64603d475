//! `migrate`, `check`, `settings`, `openapi`, `clearsessions`

use anyhow::{Result, bail};
use hallpass::domain::{Timestamp, secret};
use hallpass::settings::{Loaded, Secret, Settings};
use hallpass::{Hallpass, store};
use serde_json::json;

use super::say;
use crate::start;

pub(crate) async fn migrate(settings: &Settings) -> Result<()> {
    let done =
        store::migrate_with(&start::database(settings)?, &settings.hallpass.user_fields).await?;
    for what in &done {
        say(what)?;
    }
    say(if done.is_empty() {
        "Nothing was missing."
    } else {
        "The database is ready."
    })
}

pub(crate) async fn check(settings: &Settings) -> Result<()> {
    let differences =
        store::check_with(&start::database(settings)?, &settings.hallpass.user_fields).await?;
    for difference in &differences {
        say(&format!(
            "{}: {difference}",
            if difference.is_advice() {
                "advice"
            } else {
                "problem"
            }
        ))?;
    }
    let problems = differences
        .iter()
        .filter(|difference| !difference.is_advice())
        .count();
    if problems > 0 {
        bail!("{problems} of the above must be mended first");
    }
    // The rest of what a start needs: letters and pages compile, the site is there.
    let hallpass = Hallpass::builder()
        .settings(settings.clone())
        .build()
        .await?;
    let _ = hallpass.router::<()>();
    say("Settings and database fit.")
}

pub(crate) fn settings(loaded: &Loaded, as_json: bool) -> Result<()> {
    let rows = loaded.rows();
    if as_json {
        let list: Vec<_> = rows
            .iter()
            .map(|row| json!({ "name": row.name, "value": row.value, "origin": row.origin.to_string() }))
            .collect();
        return say(&serde_json::to_string_pretty(&list)?);
    }
    let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        let value = if row.value.is_null() {
            "unset".to_owned()
        } else {
            row.value.to_string()
        };
        say(&format!("{:widest$}  {value}  ({})", row.name, row.origin))?;
    }
    Ok(())
}

/// The document is of the settings alone, so that it can be had where neither secret nor database are.
pub(crate) async fn openapi(mut settings: Settings) -> Result<()> {
    let some = secret::random_text(secret::ALPHANUMERIC, 64);
    settings.general.secret_key = Some(Secret::new(some));
    let db = store::Db::memory()?.with_users(store::UserTable::of(&settings));
    store::migrate(&db).await?;
    let hallpass = Hallpass::builder()
        .settings(settings)
        .database(db)
        .build()
        .await?;
    match hallpass.openapi() {
        Some(document) => say(&serde_json::to_string_pretty(&document)?),
        None => bail!(
            "there is no REST interface to describe: HALLPASS_REST_MOUNT is empty. Set it to a path such as /dj-rest-auth/"
        ),
    }
}

pub(crate) async fn clear_sessions(settings: &Settings) -> Result<()> {
    let db = start::database(settings)?;
    let now = Timestamp::now();
    let sessions = store::session::clear_expired(db.conn(), now).await?;
    store::spent::clear_expired(db.conn(), now)
        .await
        .map_err(hallpass::Failure::from)?;
    store::limit::clear_expired(db.conn(), now).await?;
    say(&format!(
        "{sessions} expired session{} removed.",
        if sessions == 1 { "" } else { "s" }
    ))
}
