//! The architecture as tests: what ARCHITECTURE.md says about all the code together, checked over all of it.
//!
//! Each test gathers every fault before it fails, with the file and what to do.

mod crates;
mod docs;
mod pages;
mod source;

use std::collections::BTreeSet;

use source::{File, files};

/// Fails with all faults, one a line.
#[track_caller]
fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn rust() -> Vec<File> {
    files().into_iter().filter(File::is_rust).collect()
}

/// `file:line: words` for every line of `code` that has `word` standing alone.
fn hits<'a>(file: &'a File, code: &'a str, word: &'a str) -> impl Iterator<Item = String> + 'a {
    code.lines()
        .enumerate()
        .filter(move |(_, line)| mentions(line, word))
        .map(move |(index, _)| format!("{}:{}: {word}", file.path, index + 1))
}

/// Whether `word` occurs with no letter, digit or underscore right before or after it.
fn mentions(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let open = |edge: Option<char>, neighbour: Option<char>| {
            !(edge.is_some_and(part) && neighbour.is_some_and(part))
        };
        open(word.chars().next(), before) && open(word.chars().next_back(), after)
    })
}

// --- rooms -----------------------------------------------------------------------------------------------------------

#[test]
fn sql_lives_in_the_store() {
    let words = [
        "SELECT ",
        "INSERT INTO",
        "UPDATE ",
        "DELETE FROM",
        "CREATE TABLE",
    ];
    // The test kit is left out: it makes and drops whole databases, for tests alone.
    let shipped = ["django", "core", "server"].map(|it| format!("crates/hallpass-{it}/src"));
    none(rust().iter().flat_map(|file| {
        let ours =
            shipped.iter().any(|folder| file.is_in(folder)) || file.is_in("crates/hallpass/src");
        if !ours || file.is_in("crates/hallpass-core/src/store") {
            return Vec::new();
        }
        let text = file.without_comments();
        words
            .iter()
            .flat_map(|word| hits(file, &text, word).collect::<Vec<_>>())
            .map(|hit| format!("{hit}: SQL belongs into crates/hallpass-core/src/store"))
            .collect()
    }));
}

/// What only one room of the rules may speak to.
const DOORS: [(&str, &[&str]); 4] = [
    (
        "crates/hallpass-core/src/store",
        &["rusqlite", "tokio_postgres", "deadpool_postgres"],
    ),
    ("crates/hallpass-core/src/delivery", &["lettre"]),
    ("crates/hallpass-core/src/limits", &["redis::"]),
    ("crates/hallpass-core/src/outbound", &["reqwest"]),
];

#[test]
fn drivers_and_mailers_have_one_room() {
    none(
        rust()
            .iter()
            .filter(|file| file.is_in("crates/hallpass-core/src"))
            .flat_map(|file| {
                let code = file.code();
                DOORS
                    .iter()
                    .filter(|(room, _)| !file.is_in(room) && file.path != format!("{room}.rs"))
                    .flat_map(|(room, names)| {
                        names
                            .iter()
                            .flat_map(|name| hits(file, &code, name).collect::<Vec<_>>())
                            .map(move |hit| format!("{hit}: only in {room}"))
                            .collect::<Vec<_>>()
                    })
                    .collect::<Vec<_>>()
            }),
    );
}

#[test]
fn flows_know_no_face() {
    let words = [
        "minijinja",
        "axum",
        "http",
        "hyper",
        "cookie",
        "pages",
        "headless",
        "rest",
        "admin",
        "html",
    ];
    none(
        rust()
            .iter()
            .filter(|file| flow_of(file).is_some())
            .flat_map(|file| {
                let code = file.code_without_tests();
                words
                    .iter()
                    .flat_map(|word| {
                        let paths = [format!("{word}::"), format!("::{word};")];
                        paths
                            .iter()
                            .flat_map(|path| hits(file, &code, path).collect::<Vec<_>>())
                            .collect::<Vec<_>>()
                    })
                    .collect::<Vec<_>>()
            }),
    );
}

#[test]
fn faces_decide_nothing() {
    let words = [
        "store::",
        "Timestamp::now",
        ".begin()",
        "hashers",
        "rusqlite",
        "tokio_postgres",
    ];
    let faces =
        ["pages", "headless", "rest", "admin"].map(|face| format!("crates/hallpass/src/{face}"));
    none(
        rust()
            .iter()
            .filter(|file| faces.iter().any(|face| file.is_in(face)))
            .flat_map(|file| {
                let code = file.code_without_tests();
                words
                    .iter()
                    .flat_map(|word| hits(file, &code, word).collect::<Vec<_>>())
                    .map(|hit| {
                        format!(
                            "{hit}: a face opens no transaction, reads no clock, hashes nothing"
                        )
                    })
                    .collect::<Vec<_>>()
            }),
    );
}

/// The flows, each with its rank: a flow imports only from lower ranks.
const FLOWS: [(&str, u8); 24] = [
    ("code", 0),
    ("sessions", 0),
    ("passwords", 0),
    ("mfa", 1),
    ("own_fields", 1),
    ("permissions", 1),
    ("addresses", 1),
    ("numbers", 2),
    ("login", 3),
    ("reauthentication", 4),
    ("signup", 5),
    ("email_verification", 6),
    ("social", 6),
    ("password_reset", 5),
    ("login_by_code", 5),
    ("login_by_link", 5),
    ("magic_link", 5),
    ("logout", 5),
    ("password_change", 5),
    ("manage_email", 5),
    ("phone", 6),
    ("tokens", 7),
    ("user_details", 7),
    ("users", 8),
];

const FLOWS_FOLDER: &str = "crates/hallpass-core/src/flows";

/// The flow that a file belongs to, by its path.
fn flow_of(file: &File) -> Option<String> {
    let rest = file.path.strip_prefix(FLOWS_FOLDER)?.strip_prefix('/')?;
    let name = rest.split('/').next()?;
    Some(name.trim_end_matches(".rs").to_owned())
}

/// Names after `prefix` in code: `prefix::a`, `prefix::{a, b::c}`.
fn imported(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (0, 0);
            for (index, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    ',' | '}' if depth == 0 => {
                        names.insert(name(&group[start..index]));
                        start = index + 1;
                        if c == '}' {
                            break;
                        }
                    }
                    _ => {}
                }
            }
        } else {
            names.insert(name(rest));
        }
    }
    names
}

#[test]
fn flows_import_one_way() {
    let rank = |name: &str| {
        FLOWS
            .iter()
            .find(|(flow, _)| *flow == name)
            .map(|(_, rank)| *rank)
    };
    none(
        rust()
            .iter()
            .filter_map(|file| Some((file, flow_of(file)?)))
            .flat_map(|(file, flow)| {
                let Some(own) = rank(&flow) else {
                    return vec![format!(
                        "{}: a new flow {flow}: give it a rank here and in ARCHITECTURE.md",
                        file.path
                    )];
                };
                let code = file.code();
                let depth = file.parts().len() - FLOWS_FOLDER.split('/').count();
                let up = "super::".repeat(depth);
                let mut names = imported(&code, "flows::");
                names.extend(imported(&code, &up));
                names
                    .iter()
                    .filter(|name| **name != flow)
                    .filter(|name| rank(name).is_some_and(|other| other >= own))
                    .map(|name| format!("{}: {flow} must not import {name}", file.path))
                    .collect()
            }),
    );
}

// --- names -----------------------------------------------------------------------------------------------------------

/// Flows that no page speaks for, and why.
const FACELESS: [(&str, &str); 10] = [
    (
        "sessions",
        "the page that lists one's sessions is to come; until then every page uses them through layers",
    ),
    (
        "users",
        "by an operator at the command line, or an app; nobody meets it on a page",
    ),
    (
        "permissions",
        "an app declares and asks; nobody meets them on a page",
    ),
    ("code", "the part that all flows with a code share"),
    (
        "addresses",
        "what must hold whoever changes them; pages are those of other flows",
    ),
    ("numbers", "likewise, for phone numbers"),
    ("passwords", "likewise, for new passwords"),
    ("own_fields", "likewise, for fields of the operator's own"),
    ("tokens", "for programs: the face rest speaks for it"),
    ("user_details", "likewise"),
];

#[test]
fn a_flow_has_its_page_under_the_same_name() {
    let files = rust();
    let flows: BTreeSet<String> = files.iter().filter_map(flow_of).collect();
    none(flows.iter().filter_map(|flow| {
        let page = format!("crates/hallpass/src/pages/{flow}");
        let has = files
            .iter()
            .any(|file| file.path == format!("{page}.rs") || file.is_in(&page));
        let faceless = FACELESS.iter().any(|(name, _)| name == flow);
        match (has, faceless) {
            (false, false) => Some(format!(
                "{FLOWS_FOLDER}/{flow} has no {page}.rs; if none is meant, say why here"
            )),
            (true, true) => Some(format!(
                "{flow} has a page now: take it off the list of the faceless"
            )),
            _ => None,
        }
    }));
}

#[test]
fn no_file_is_named_for_nothing() {
    let words = [
        "manager", "managers", "service", "services", "helper", "helpers", "util", "utils",
        "common", "base", "misc",
    ];
    // Known answers keep the names that they came with.
    let files = files();
    let ours = files
        .iter()
        .filter(|file| !file.path.contains("/tests/data/"));
    none(ours.filter_map(|file| {
        let word = file
            .parts()
            .into_iter()
            .map(|part| part.split('.').next().unwrap_or(part))
            .find(|part| words.contains(part))?;
        Some(format!(
            "{}: {word} says nothing about what is in it",
            file.path
        ))
    }));
}

// --- files -----------------------------------------------------------------------------------------------------------

#[test]
fn files_end_in_time() {
    none(rust().iter().filter_map(|file| {
        let (lines, limit) = (
            file.text.lines().count(),
            if file.is_test() { 800 } else { 600 },
        );
        (lines > limit).then(|| {
            format!(
                "{}: {lines} lines, over {limit}: look for the second subject in it",
                file.path
            )
        })
    }));
}

#[test]
fn modules_open_with_their_story() {
    none(
        rust()
            .iter()
            .filter(|file| file.path.contains("/src/") && !file.is_test())
            .filter(|file| !file.text.starts_with("//!"))
            .map(|file| format!("{}: begin with //! and what it is for", file.path)),
    );
}

#[test]
fn nothing_is_unfinished_or_silenced() {
    let words = [
        "#[ignore",
        "todo!",
        "unimplemented!",
        "dbg!",
        "#[allow(",
        "#![allow(",
        ", allow(",
    ];
    none(rust().iter().flat_map(|file| {
        let code = file.code();
        words
            .iter()
            .flat_map(|word| hits(file, &code, word).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    }));
}

/// The repository speaks of itself alone.
#[test]
fn no_trace_of_the_machine_it_was_written_on() {
    // In two pieces, so that this file passes too.
    let traces = [
        concat!("/wo", "rk/"),
        concat!("/tmp", "/w/"),
        concat!("/tmp", "/t/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("co-auth", "ored-by"),
        concat!("clau", "de"),
        concat!("anth", "ropic"),
        concat!("copi", "lot"),
        concat!("chat", "gpt"),
    ];
    none(files().iter().flat_map(|file| {
        let text = file.text.to_lowercase();
        let found = traces.iter().filter(|trace| text.contains(**trace));
        found
            .map(|trace| format!("{}: {trace}", file.path))
            .collect::<Vec<_>>()
    }));
}

/// What two people wrote was put together by somebody who looked.
#[test]
fn no_merge_is_left_half_done() {
    let marks = ["<<<<<<< ", "||||||| ", ">>>>>>> "];
    none(files().iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let left = lines.filter(|(_, line)| marks.iter().any(|mark| line.starts_with(mark)));
        left.map(|(index, _)| format!("{}:{}: a merge's mark", file.path, index + 1))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert!(mentions("let x = dbg!(1);", "dbg!"));
    assert!(!mentions("let async_fn = 1;", "async"));
    assert!(mentions("pub async fn x", "async"));
    assert!(!mentions("interest::x", "rest::"));
    let code = "use crate::flows::{login::{self, a}, sessions};\nuse super::logout as x;\nsuper::code::y(); myflows::z";
    assert_eq!(
        imported(code, "flows::"),
        ["login", "sessions"].map(str::to_owned).into()
    );
    assert_eq!(
        imported(code, "super::"),
        ["code", "logout"].map(str::to_owned).into()
    );
}
