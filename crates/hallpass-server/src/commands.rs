//! One function a command.

mod accounts;
mod mail;
mod serve;
mod social;
mod upkeep;

use std::io::Write as _;

use anyhow::Result;
use hallpass::settings::give_secret;

use crate::cli::{Arguments, Command};
use crate::start;

/// Runs what was asked for; without a command, `serve`.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let command = arguments
        .command
        .unwrap_or(Command::Serve { no_migrate: false });
    if matches!(command, Command::Version) {
        return say(&format!("hallpass {}", env!("CARGO_PKG_VERSION")));
    }
    let loaded = start::settings(arguments.settings.as_deref())?;
    if let Command::Settings { json } = command {
        return upkeep::settings(&loaded, json);
    }
    if matches!(command, Command::Openapi) {
        return upkeep::openapi(loaded.settings).await;
    }
    let mut settings = loaded.settings;
    let made = match command {
        Command::Migrate | Command::Mail(_) => None,
        _ => give_secret(&mut settings)?,
    };
    match command {
        Command::Serve { no_migrate } => serve::run(settings, made, !no_migrate).await,
        Command::Migrate => upkeep::migrate(&settings).await,
        Command::Check => upkeep::check(&settings).await,
        Command::Createsuperuser {
            username,
            email,
            fields,
            noinput,
        } => {
            let wanted = accounts::Wanted {
                username,
                email,
                fields,
                noinput,
            };
            accounts::create_superuser(settings, wanted).await
        }
        Command::Changepassword { username, stdin } => {
            accounts::change_password(settings, &username, stdin).await
        }
        Command::Link {
            user,
            page,
            scope,
            base_url,
        } => {
            let page = page.as_deref().map(|page| (page, scope.as_str()));
            accounts::link(settings, &user, page, base_url).await
        }
        Command::Social(what) => social::run(settings, what).await,
        Command::Mail(mail) => self::mail::run(&settings, mail).await,
        Command::Clearsessions => upkeep::clear_sessions(&settings).await,
        Command::Settings { .. } | Command::Openapi | Command::Version => Ok(()),
    }
}

/// A line on standard output.
pub(crate) fn say(line: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        // Whoever read it has seen enough: `hallpass mail list | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
