//! From nothing to a handle: settings, secret, database.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use hallpass::domain::secret;
use hallpass::settings::{self, Loaded, Secret, Settings};
use hallpass::store::{DatabaseUrl, Db};

/// The settings keep the program from starting.
#[derive(Debug)]
pub(crate) struct Misconfigured(pub(crate) String);

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misconfigured {}

/// Reads the settings: the named file, or `hallpass.toml` if it is there, and the environment.
pub(crate) fn settings(path: Option<&Path>) -> Result<Loaded> {
    let found = match path {
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from("hallpass.toml")).filter(|path| path.is_file()),
    };
    let text = match &found {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Misconfigured(format!(
                "the settings file {} cannot be read: {error}",
                path.display()
            ))
        })?),
        None => None,
    };
    let name = found
        .as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let loaded = settings::load(
        text.as_deref().map(|text| (name.as_str(), text)),
        environment,
    );
    Ok(loaded.map_err(|problems| Misconfigured(problems.to_string()))?)
}

/// The database of the settings.
pub(crate) fn database(settings: &Settings) -> Result<Db> {
    Ok(hallpass_core::hallpass::open_database(settings)?)
}

/// Where the secret is kept when no setting gives one: beside SQLite's file.
fn secret_path(settings: &Settings) -> Result<Option<PathBuf>> {
    let url = DatabaseUrl::parse(settings.general.database_url.reveal())?;
    Ok(url
        .file()
        .map(|file| file.with_file_name("hallpass.secret")))
}

/// Gives the settings a secret: theirs, the one in the file, or a fresh one in a new file that only the owner can read.
/// `Some` tells where a new one was put.
pub(crate) fn give_secret(settings: &mut Settings) -> Result<Option<PathBuf>> {
    if settings.general.secret_key.is_some() {
        return Ok(None);
    }
    let Some(path) = secret_path(settings)? else {
        bail!(Misconfigured(
            "SECRET_KEY is not set. Several servers share a PostgreSQL, so none of them makes one up: set it to 50 \
             random characters, the same for all"
                .to_owned()
        ));
    };
    let fresh = secret::random_text(secret::ALPHANUMERIC, 64);
    let made = write_private(&path, &fresh)?;
    let key = if made { fresh } else { read_private(&path)? };
    settings.general.secret_key = Some(Secret::new(key));
    Ok(made.then_some(path))
}

/// Writes a new file with mode 0600. `false`: there is one already. It appears whole or not at all, so that of two
/// programs starting together neither reads half a secret.
fn write_private(path: &Path, text: &str) -> Result<bool> {
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
    written.with_context(|| format!("the secret cannot be kept in {}", path.display()))
}

fn read_private(path: &Path) -> Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!(Misconfigured(format!(
                "others can read {}: run `chmod 600` on it, or replace the secret if they may have",
                path.display()
            )));
        }
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let text = text.trim().to_owned();
    if text.len() < 32 {
        bail!(Misconfigured(format!(
            "{} holds no secret: remove it, and a new one is made",
            path.display()
        )));
    }
    Ok(text)
}
