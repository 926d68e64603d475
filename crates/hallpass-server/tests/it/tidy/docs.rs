//! The guide and the code say the same.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::none;
use super::source::{File, files};

const ERRORS: &str = "docs/src/reference/errors.md";
const SUMMARY: &str = "docs/src/SUMMARY.md";

fn read(path: &str) -> String {
    let all = files();
    let file = all.iter().find(|file| file.path == path);
    file.unwrap_or_else(|| panic!("{path} is missing"))
        .text
        .clone()
}

/// What stands in backticks in the first cell of each row of a table.
fn first_cells(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|rest| Some(rest.split_once('`')?.0.to_owned()))
        .collect()
}

#[test]
fn refusal_codes_are_listed() {
    let source = read("crates/hallpass-core/src/error.rs");
    let body = source.split_once("pub fn code(").expect("Refusal::code").1;
    let body = body.split_once("\n    }\n").expect("its end").0;
    let codes: BTreeSet<String> = body
        .match_indices("=> \"")
        .filter_map(|(at, arrow)| Some(body[at + arrow.len()..].split_once('"')?.0.to_owned()))
        .collect();
    assert!(codes.len() > 5, "no codes found in error.rs: {codes:?}");
    let listed = first_cells(&read(ERRORS));
    none(
        codes
            .difference(&listed)
            .map(|code| format!("{ERRORS}: {code} is missing"))
            .chain(
                listed
                    .difference(&codes)
                    .map(|code| format!("{ERRORS}: {code} is no code of error.rs")),
            ),
    );
}

/// Targets of `[text](target)` that are files of ours: path from the root, without a fragment.
fn links(file: &File) -> Vec<(String, PathBuf)> {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    file.text
        .match_indices("](")
        .filter_map(|(at, mark)| Some(file.text[at + mark.len()..].split_once(')')?.0))
        .filter(|target| {
            !target.contains("://")
                && !target.starts_with(['#', '/', '<'])
                && !target.starts_with("mailto:")
        })
        .map(|target| {
            let path = target.split('#').next().unwrap_or(target);
            (target.to_owned(), flat(&folder.join(path)))
        })
        .collect()
}

/// A path without `..` and `.`.
fn flat(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[test]
fn links_lead_somewhere() {
    let files = files();
    let there = |path: &Path| {
        let path = path.to_string_lossy();
        files
            .iter()
            .any(|file| file.path == path || file.is_in(path.trim_end_matches('/')))
    };
    none(
        files
            .iter()
            .filter(|file| file.path.ends_with(".md"))
            .flat_map(|file| {
                let lost = links(file).into_iter().filter(|(_, path)| !there(path));
                lost.map(|(target, _)| format!("{}: {target} leads nowhere", file.path))
                    .collect::<Vec<_>>()
            }),
    );
}

#[test]
fn every_page_of_the_guide_is_in_its_summary() {
    let files = files();
    let summary = files
        .iter()
        .find(|file| file.path == SUMMARY)
        .expect("a summary");
    let listed: BTreeSet<PathBuf> = links(summary).into_iter().map(|(_, path)| path).collect();
    none(
        files
            .iter()
            .filter(|file| {
                file.is_in("docs/src") && file.path.ends_with(".md") && file.path != SUMMARY
            })
            .filter(|file| !listed.contains(Path::new(&file.path)))
            .map(|file| format!("{}: not in {SUMMARY}", file.path)),
    );
}

#[test]
fn decisions_are_numbered_in_turn() {
    let files = files();
    let mut numbers: Vec<&str> = files
        .iter()
        .filter(|file| file.is_in("docs/decisions"))
        .filter_map(|file| file.stem().get(..4))
        .collect();
    numbers.sort_unstable();
    let wanted: Vec<String> = (1..=numbers.len())
        .map(|number| format!("{number:04}"))
        .collect();
    assert!(!numbers.is_empty());
    assert_eq!(numbers, wanted);
}
