//! What a provider is asked, and what it answers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hallpass_core::providers::{Profile, ProfileEmail};
use serde_json::{Map, Value, json};

/// A sample.
#[derive(Debug, Clone)]
pub struct Sample {
    pub id: String,
    pub whole: Value,
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(path: &str, kind: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder(path)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == kind));
    paths.sort();
    let read = |path: &PathBuf| {
        let id = path.file_stem().unwrap().to_string_lossy().into_owned();
        (id, fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

/// Id and text of every description.
pub fn descriptions() -> Vec<(String, String)> {
    files("providers", "toml")
}

/// Every sample.
pub fn samples() -> Vec<Sample> {
    let all = files("tests/data/providers", "json").into_iter();
    all.map(|(id, text)| {
        let whole = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{id}: {error}"));
        Sample { id, whole }
    })
    .collect()
}

impl Sample {
    /// A part of it, null if it is not there.
    pub fn at(&self, pointer: &str) -> &Value {
        self.whole.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A part with members, or none.
    pub fn members(&self, pointer: &str) -> Map<String, Value> {
        self.at(pointer).as_object().cloned().unwrap_or_default()
    }

    pub fn answers(&self) -> Vec<Value> {
        self.at("/answers").as_array().cloned().unwrap_or_default()
    }

    /// Where a profile is not the expected one.
    pub fn differences(&self, profile: &Profile) -> Vec<String> {
        let mut found = Map::new();
        found.insert("uid".to_owned(), json!(profile.uid));
        let texts = [
            ("username", &profile.username),
            ("name", &profile.name),
            ("first_name", &profile.first_name),
            ("last_name", &profile.last_name),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                found.insert(name.to_owned(), json!(text));
            }
        }
        if let Some((phone, verified)) = &profile.phone {
            found.insert("phone".to_owned(), json!(phone));
            found.insert("phone_verified".to_owned(), json!(verified));
        }
        if !profile.emails.is_empty() {
            let emails = profile.emails.iter().map(|email| {
                let ProfileEmail {
                    email,
                    verified,
                    primary,
                } = email;
                json!({"email": email, "verified": verified, "primary": primary})
            });
            found.insert("emails".to_owned(), emails.collect());
        }
        let mut expected = self.members("/expected");
        let extra_data = expected.shift_remove("extra_data");
        if let Some(extra_data) = extra_data {
            found.insert("extra_data".to_owned(), profile.extra_data.clone());
            expected.insert("extra_data".to_owned(), extra_data);
        }
        if profile.phone.is_some() {
            expected.entry("phone_verified").or_insert(json!(false));
        }
        let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
        let differ = names
            .into_iter()
            .filter(|name| found.get(*name) != expected.get(*name));
        differ
            .map(|name| {
                let shown =
                    |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                format!(
                    "{}: {name} is {} and should be {}",
                    self.id,
                    shown(found.get(name)),
                    shown(expected.get(name))
                )
            })
            .collect()
    }
}
