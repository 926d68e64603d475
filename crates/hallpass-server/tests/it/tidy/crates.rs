//! Who may stand on whom, and on what of others.

use std::collections::BTreeSet;

use super::source::root;
use super::{hits, none, rust};

/// Who may stand on whom. The test kit may stand on anything, and nobody but tests on it.
const CRATES: [(&str, &[&str]); 5] = [
    ("hallpass-django", &[]),
    ("hallpass-core", &["hallpass-django"]),
    ("hallpass", &["hallpass-core", "hallpass-django"]),
    (
        "hallpass-server",
        &["hallpass", "hallpass-core", "hallpass-django"],
    ),
    (
        "hallpass-testkit",
        &["hallpass", "hallpass-core", "hallpass-django"],
    ),
];

/// What a crate must never stand on, and why.
const FOREIGN: [(&str, &[&str], &str); 3] = [
    (
        "hallpass-django",
        &[
            "tokio",
            "axum",
            "http",
            "hyper",
            "tower",
            "reqwest",
            "rusqlite",
            "tokio-postgres",
            "lettre",
            "getrandom",
        ],
        "formats are pure functions: no I/O, no clock, no randomness, no async",
    ),
    (
        "hallpass-core",
        &[
            "axum",
            "http",
            "hyper",
            "hyper-util",
            "tower",
            "tower-http",
            "cookie",
        ],
        "rules know no HTTP of their own; what they ask of others goes through outbound.rs",
    ),
    (
        "hallpass",
        &[
            "rusqlite",
            "tokio-postgres",
            "deadpool-postgres",
            "lettre",
            "argon2",
            "getrandom",
        ],
        "faces reach the database, mail and hashes through the rules",
    ),
];

fn manifest(name: &str) -> toml::Table {
    let path = root().join("crates").join(name).join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of `[dependencies]`, those for single targets included.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(|it| it.values().filter_map(toml::Value::as_table));
    tables
        .chain([manifest])
        .filter_map(|table| table.get("dependencies")?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn crates_point_one_way() {
    let mut folders: Vec<String> = std::fs::read_dir(root().join("crates"))
        .expect("crates/")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    folders.sort();
    let mut known: Vec<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(
        folders, known,
        "a crate more or less: say in ARCHITECTURE.md why, and here on whom it may stand"
    );

    none(CRATES.iter().flat_map(|(name, allowed)| {
        let ours = dependencies(&manifest(name))
            .into_iter()
            .filter(|it| it.starts_with("hallpass"));
        ours.filter(|it| !allowed.contains(&it.as_str()))
            .map(move |it| format!("crates/{name}/Cargo.toml: {name} must not depend on {it}"))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn crates_stay_on_their_side_of_the_wall() {
    none(FOREIGN.iter().flat_map(|(name, foreign, why)| {
        dependencies(&manifest(name))
            .into_iter()
            .filter(|it| foreign.contains(&it.as_str()))
            .map(move |it| format!("crates/{name}/Cargo.toml: {it}: {why}"))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn crates_share_versions_and_lints() {
    none(CRATES.iter().flat_map(|(name, _)| {
        let manifest = manifest(name);
        let mut faults = Vec::new();
        if manifest.get("lints").and_then(|it| it.get("workspace")?.as_bool()) != Some(true) {
            faults.push(format!("crates/{name}/Cargo.toml: [lints] workspace = true is missing"));
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(section).and_then(toml::Value::as_table);
            for (dependency, value) in table.into_iter().flatten() {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    faults.push(format!(
                        "crates/{name}/Cargo.toml: {dependency}: its version belongs into the root's Cargo.toml"
                    ));
                }
            }
        }
        faults
    }));
}

#[test]
fn formats_have_no_clock_no_io_no_async() {
    let words = [
        "tokio",
        "async",
        "await",
        "SystemTime",
        "Instant",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "Timestamp::now",
        "Zoned::now",
    ];
    none(
        rust()
            .iter()
            .filter(|file| file.is_in("crates/hallpass-django/src"))
            .flat_map(|file| {
                let code = file.code_without_tests();
                words
                    .iter()
                    .flat_map(|word| hits(file, &code, word).collect::<Vec<_>>())
                    .collect::<Vec<_>>()
            }),
    );
}
