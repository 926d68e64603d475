//! Loading: defaults, then the file, then the environment; every problem is collected.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field::Field;
use super::problem::{Origin, Problem, Problems};
use super::sections::{Settings, fields};
use super::{checks, file, foreign};

/// A line of the listing.
#[derive(Debug, Clone)]
pub struct Row {
    /// The setting.
    pub name: &'static str,
    /// Its value as JSON, secrets masked.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
    /// What it is for.
    pub about: &'static str,
}

/// Settings, and where each came from.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
}

impl Loaded {
    /// Where a setting came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }

    /// Every setting, its value and its origin, in the order of the reference page.
    pub fn rows(&self) -> Vec<Row> {
        fields()
            .map(|field| Row {
                name: field.name,
                value: (field.show)(&self.settings),
                origin: self.origin(field.name),
                about: field.about,
            })
            .collect()
    }
}

impl Loaded {
    /// Looks once more for what contradicts itself, where a program changed settings after they were read.
    ///
    /// # Errors
    /// All of it at once.
    pub fn check(self) -> Result<Self, Problems> {
        let mut reading = Reading {
            loaded: self,
            problems: Vec::new(),
        };
        checks::check(&mut reading);
        match reading.problems.is_empty() {
            true => Ok(reading.loaded),
            false => Err(Problems(reading.problems)),
        }
    }
}

/// What is gathered while reading.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) loaded: Loaded,
    pub(super) problems: Vec<Problem>,
}

impl Reading {
    pub(super) fn refuse(
        &mut self,
        name: impl Into<String>,
        origin: Origin,
        what: impl Into<String>,
    ) {
        let (name, what) = (name.into(), what.into());
        self.problems.push(Problem { name, origin, what });
    }

    /// Notes where a field was set, and what was wrong with the value if it could not be.
    pub(super) fn note(&mut self, field: &Field, origin: Origin, set: Result<(), String>) {
        self.loaded.origins.insert(field.name, origin.clone());
        if let Err(what) = set {
            self.refuse(field.name, origin, what);
        }
    }
}

/// Settings that are dictionaries in Django; here each key is a setting of its own.
const DICTIONARIES: [&str; 3] = ["REST_AUTH", "SIMPLE_JWT", "REST_FRAMEWORK"];

/// Reads a dictionary from the environment, as JSON.
fn read_dictionary(reading: &mut Reading, name: &str, text: &str) {
    let origin = Origin::Environment;
    let Ok(Value::Object(map)) = serde_json::from_str(text) else {
        return reading.refuse(name, origin, "must be a map, written as JSON");
    };
    for (key, value) in map {
        let full = format!("{name}_{key}");
        match fields().find(|field| field.name == full) {
            Some(field) => {
                let set = (field.read)(&mut reading.loaded.settings, &value);
                reading.note(field, origin.clone(), set);
            }
            None => reading.refuse(full.clone(), origin.clone(), foreign::unknown(&full)),
        }
    }
}

/// Reads settings. `file` is the path and text of the TOML file, if there is one; the path is only for messages.
pub fn load(
    file: Option<(&str, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Problems> {
    let mut reading = Reading::default();
    if let Some((path, text)) = file {
        file::read(&mut reading, path, text);
    }
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    for (name, text) in &environment {
        if let Some(field) = fields().find(|field| field.name == name) {
            let set = (field.read_text)(&mut reading.loaded.settings, text);
            reading.note(field, Origin::Environment, set);
        } else if DICTIONARIES.contains(&name.as_str()) {
            read_dictionary(&mut reading, name, text);
        } else if let Some(what) = foreign::in_environment(name, text) {
            reading.refuse(name, Origin::Environment, what);
        }
    }
    checks::check(&mut reading);
    if reading.problems.is_empty() {
        Ok(reading.loaded)
    } else {
        Err(Problems(reading.problems))
    }
}
