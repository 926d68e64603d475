//! The guide and the code say the same.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::none;
use super::source::{File, files};

const ERRORS: &str = "docs/src/reference/errors.md";
const SUMMARY: &str = "docs/src/SUMMARY.md";
const EVENTS: &str = "docs/src/reference/events.md";
const ENDPOINTS: &str = "docs/src/reference/endpoints.md";
const TEMPLATES: &str = "docs/src/how-to/pages-and-letters.md";

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
    // Of a refusal, and of what a token is not taken for.
    let bodies = source.split("pub fn code(").skip(1);
    let bodies: Vec<&str> = bodies
        .map(|body| body.split_once("\n    }\n").expect("its end").0)
        .collect();
    let codes: BTreeSet<String> = bodies
        .iter()
        .flat_map(|body| quoted_after(body, "=>"))
        .collect();
    assert!(codes.len() > 20, "no codes found in error.rs: {codes:?}");
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

/// Names in quotes that follow `mark` in `text`, blanks between them aside.
fn quoted_after(text: &str, mark: &str) -> BTreeSet<String> {
    let rests = text.match_indices(mark);
    let rests =
        rests.filter_map(|(at, mark)| text[at + mark.len()..].trim_start().strip_prefix('"'));
    rests
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[test]
fn events_are_listed() {
    let flows = files().into_iter().filter(|file| {
        file.is_rust() && file.is_in("crates/hallpass-core/src/flows") && !file.is_test()
    });
    let code: String = flows.map(|file| file.without_comments()).collect();
    let noted = quoted_after(&code, ".note_about(");
    assert!(noted.len() > 20, "{noted:?}");
    let listed = first_cells(&read(EVENTS));
    none(
        noted
            .difference(&listed)
            .map(|kind| format!("{EVENTS}: {kind} is missing"))
            .chain(
                listed
                    .iter()
                    .filter(|kind| !code.contains(&format!("\"{kind}\"")))
                    .map(|kind| format!("{EVENTS}: no flow has the event {kind}")),
            ),
    );
}

/// A path with what varies in it left out.
fn plain(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.contains(['{', '<']) {
        true => "*",
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn endpoints_are_listed() {
    let router = read("crates/hallpass/src/router.rs");
    let marks =
        ["(\n            ", "((\n            ", "("].map(|mark| quoted_after(&router, mark));
    let routes: BTreeSet<String> = marks
        .into_iter()
        .flatten()
        .filter(|path| path.ends_with('/') && !path.starts_with('/'))
        .map(|path| plain(&format!("/accounts/{path}")))
        .collect();
    assert!(routes.len() > 20, "{routes:?}");
    let listed = first_cells(&read(ENDPOINTS));
    let listed: BTreeSet<String> = listed.iter().map(|path| plain(path)).collect();
    let ours = listed.iter().filter(|path| {
        let others = ["/accounts/", "/accounts/static/*"];
        path.starts_with("/accounts/") && !others.contains(&path.as_str())
    });
    none(
        routes
            .difference(&listed)
            .map(|path| format!("{ENDPOINTS}: {path} is missing"))
            .chain(
                ours.filter(|path| !routes.contains(*path))
                    .map(|path| format!("{ENDPOINTS}: {path} is no route")),
            ),
    );
}

#[test]
fn pages_and_letters_are_listed() {
    let page = read(TEMPLATES);
    let all = files();
    let pages = all.iter().filter_map(|file| {
        let name = file.path.strip_prefix("crates/hallpass/templates/")?;
        Some(name.to_owned())
    });
    let letters = all.iter().filter_map(|file| {
        let name = file.path.strip_prefix("crates/hallpass-core/letters/")?;
        let (folder, part) = name.rsplit_once('/')?;
        Some(match folder {
            "layouts" => format!("{folder}/{part}"),
            _ => folder.to_owned(),
        })
    });
    let names: BTreeSet<String> = pages.chain(letters).collect();
    assert!(names.len() > 40);
    none(
        names
            .iter()
            .filter(|name| !page.contains(&format!("`{name}`")))
            .map(|name| format!("{TEMPLATES}: {name} is missing")),
    );
}

#[test]
fn a_flow_with_a_page_is_told_in_the_guide() {
    let all = files();
    let there = |path: &str| all.iter().any(|file| file.path == path);
    let flows = all.iter().filter(|file| {
        file.is_in("crates/hallpass-core/src/flows")
            && there(&format!("crates/hallpass/src/pages/{}.rs", file.stem()))
    });
    let pages: Vec<String> = flows
        .map(|file| format!("docs/src/flows/{}.md", file.stem()))
        .collect();
    assert!(pages.len() > 8, "{pages:?}");
    none(
        pages
            .iter()
            .filter(|page| !there(page))
            .map(|page| format!("{page} is missing")),
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
fn the_readme_begins_with_the_shortest_app() {
    let app = read("examples/axum-app/src/main.rs");
    let (_, code) = app.split_once("\n\n").unwrap();
    assert!(code.lines().count() < 25, "short enough to be read at once");
    let readme = read("README.md");
    let first = readme.split_once("```rust\n").unwrap().1;
    let (shown, _) = first.split_once("\n```").unwrap();
    assert_eq!(shown.trim_end(), code.trim_end());
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
