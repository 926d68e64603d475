//! `hallpass serve`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hallpass::settings::{Backend, Settings};
use hallpass::{Hallpass, store};
use tokio::sync::watch;

use super::say;
use crate::{log, server, start};

pub(crate) async fn run(
    settings: Settings,
    new_secret: Option<PathBuf>,
    migrate: bool,
) -> Result<()> {
    log::start(&settings);
    let db = start::database(&settings)?;
    let made = if migrate {
        store::migrate_with(&db, &settings.hallpass.user_fields).await?
    } else {
        Vec::new()
    };
    let users = format!("table {} made", db.users().name());
    let is_new = made.contains(&users);
    let patience = Duration::from_secs(settings.hallpass.shutdown_timeout);
    let hallpass = Hallpass::builder()
        .settings(settings)
        .database(db)
        .build()
        .await?;
    let router = server::router(&hallpass);
    let listener = server::bind(&hallpass.settings().hallpass.listen).await?;
    let address = listener.local_addr()?;
    let signal = server::stop_signal()?;
    welcome(&hallpass, &format!("http://{address}"), new_secret, is_new)?;
    let (stop, stopped) = watch::channel(false);
    let worker = {
        let hallpass = hallpass.clone();
        tokio::spawn(async move { hallpass.work(stopped).await })
    };
    server::serve(listener, router, signal, patience).await?;
    // Letters that the last requests wrote are in the outbox; what is being delivered may finish.
    let _ = stop.send(true);
    if tokio::time::timeout(patience, worker).await.is_err() {
        tracing::warn!("a letter was still being delivered; it is tried again at the next start");
    }
    tracing::info!("stopped");
    Ok(())
}

fn welcome(hallpass: &Hallpass, at: &str, new_secret: Option<PathBuf>, is_new: bool) -> Result<()> {
    let settings = hallpass.settings();
    let mount = &settings.hallpass.mount;
    say(&format!("Hallpass serves at {at}"))?;
    if let Some(path) = new_secret {
        say(&format!(
            "A fresh secret is kept in {}. Whoever has it can sign in as anybody.",
            path.display()
        ))?;
    }
    if settings.email.backend == Backend::Console {
        say("Letters are printed here; EMAIL_BACKEND=smtp sends them.")?;
    }
    if is_new && settings.hallpass.signup_open {
        say(&format!(
            "No accounts yet: open {at}{mount}signup/ to make one."
        ))?;
    } else if is_new {
        say(
            "No accounts yet: make one with `hallpass createsuperuser` (or `cargo run createsuperuser`).",
        )?;
    }
    say(&format!("Open {at}{mount}login/ to sign in.")).context("standard output is closed")
}
