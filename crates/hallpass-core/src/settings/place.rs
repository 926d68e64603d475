//! Where settings are read from: a file, the environment, and what a program insists on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load::{Loaded, load};
use crate::error::StartError;

/// Reads the settings: the named file, or `hallpass.toml` if it is in the current folder; over it the environment; over
/// that `insisted`, names and values as the environment would have them.
///
/// # Errors
/// A file that cannot be read; everything in it or the environment that is unknown, of the wrong type or contradictory,
/// all of it at once.
pub fn read(
    path: Option<&Path>,
    insisted: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, StartError> {
    let found = match path {
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from("hallpass.toml")).filter(|path| path.is_file()),
    };
    let text = match &found {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            StartError::Misconfigured(format!(
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
    let mut all: BTreeMap<String, String> = environment.collect();
    all.extend(insisted);
    let file = text.as_deref().map(|text| (name.as_str(), text));
    load(file, all).map_err(|problems| StartError::Misconfigured(problems.to_string()))
}
