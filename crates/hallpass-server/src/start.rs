//! From nothing to settings and a database.

use std::path::Path;

use anyhow::Result;
use hallpass::settings::{self, Loaded, Settings};
use hallpass::store::Db;

/// Reads the settings: the named file, or `hallpass.toml` if it is there, and the environment.
pub(crate) fn settings(path: Option<&Path>) -> Result<Loaded> {
    Ok(settings::read(path, [])?)
}

/// The database of the settings.
pub(crate) fn database(settings: &Settings) -> Result<Db> {
    Ok(hallpass_core::hallpass::open_database(settings)?)
}
