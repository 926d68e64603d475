//! The secret where no setting gives one: a file beside SQLite's, which only its owner can read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Secret, Settings};
use crate::domain::secret;
use crate::error::{Failure, StartError};
use crate::store::DatabaseUrl;

/// What is said where a secret is missing and none can be made up.
pub const NO_SECRET: &str = "SECRET_KEY is not set. Several servers share a PostgreSQL, so none of them makes one up: set \
                             it to 50 random characters, the same for all";

/// Gives the settings a secret: theirs, the one in `hallpass.secret` beside SQLite's file, or a fresh one in a new file of
/// that name with mode 0600. `Some` tells where a new one was put. A database in memory has a secret that lives as long.
///
/// # Errors
/// On PostgreSQL without SECRET_KEY, since several servers may share it; a file that others can read or that holds no
/// secret; a folder that cannot be written.
pub fn give_secret(settings: &mut Settings) -> Result<Option<PathBuf>, StartError> {
    if settings.general.secret_key.is_some() {
        return Ok(None);
    }
    let fresh = secret::random_text(secret::ALPHANUMERIC, 64);
    let url = DatabaseUrl::parse(settings.general.database_url.reveal())?;
    let Some(path) = url
        .file()
        .map(|file| file.with_file_name("hallpass.secret"))
    else {
        if url.is_memory() {
            settings.general.secret_key = Some(Secret::new(fresh));
            return Ok(None);
        }
        return Err(StartError::Misconfigured(NO_SECRET.to_owned()));
    };
    let made = write_private(&path, &fresh).map_err(|error| {
        let what = format!("the secret cannot be kept in {}", path.display());
        Failure::from_source(what, error)
    })?;
    let key = if made { fresh } else { read_private(&path)? };
    settings.general.secret_key = Some(Secret::new(key));
    Ok(made.then_some(path))
}

/// Writes a new file with mode 0600. `false`: there is one already. It appears whole or not at all, so that of two
/// programs starting together neither reads half a secret.
fn write_private(path: &Path, text: &str) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let part = path.with_file_name(format!(
        ".hallpass.secret.{}",
        secret::random_text(secret::LOWER_ALPHANUMERIC, 8)
    ));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> std::io::Result<bool> {
        let mut file = options.open(&part)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        match std::fs::hard_link(&part, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    };
    let written = write();
    // Only its name was wanted; the file itself lives on under the other.
    let _ = std::fs::remove_file(&part);
    written
}

fn read_private(path: &Path) -> Result<String, StartError> {
    let unread = |error| Failure::from_source(format!("{} cannot be read", path.display()), error);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)
            .map_err(unread)?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(StartError::Misconfigured(format!(
                "others can read {}: run `chmod 600` on it, or replace the secret if they may have",
                path.display()
            )));
        }
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let text = text.trim().to_owned();
    if text.len() < 32 {
        return Err(StartError::Misconfigured(format!(
            "{} holds no secret: remove it, and a new one is made",
            path.display()
        )));
    }
    Ok(text)
}
