//! Templates and the stylesheet keep to what the content security policy and the design allow.

use std::collections::BTreeSet;

use super::source::{File, files};
use super::{FLOWS, none};

const TEMPLATES: &str = "crates/hallpass/templates";
const LETTERS: &str = "crates/hallpass-core/letters";
const STYLESHEET: &str = "crates/hallpass/assets/hallpass.css";

/// Folders of templates that belong to no flow, and what they are.
const SHARED: [(&str, &str); 5] = [
    ("layouts", "what pages stand in"),
    ("elements", "what pages are made of"),
    ("errors", "any request may end there"),
    (
        "rest",
        "answers of the REST interface, looked at in a browser",
    ),
    (
        "profile",
        "where a sign-in leads, until an app has a page of its own",
    ),
];

fn pages() -> Vec<File> {
    let all: Vec<File> = files()
        .into_iter()
        .filter(|file| file.is_in(TEMPLATES) && file.path.ends_with(".html"))
        .collect();
    assert!(all.len() > 5);
    all
}

#[test]
fn a_folder_of_templates_is_named_after_its_flow() {
    let all = files();
    let folders: BTreeSet<(&str, &str)> = [TEMPLATES, LETTERS]
        .into_iter()
        .flat_map(|room| {
            let inside = all.iter().filter(move |file| file.is_in(room));
            inside.filter_map(move |file| {
                Some((room, file.path[room.len() + 1..].split_once('/')?.0))
            })
        })
        .collect();
    assert!(!folders.is_empty());
    none(folders.iter().filter_map(|(room, folder)| {
        let known = FLOWS.iter().any(|(name, _)| name == folder)
            || SHARED.iter().any(|(name, _)| name == folder);
        (!known).then(|| format!("{room}/{folder}: no flow has this name"))
    }));
}

/// What a strict content security policy would not run or apply. An attribute `on…=` is looked for by its kinds. A script of
/// ours is a file, and only where the policy of that one page lets it run.
#[test]
fn pages_have_no_inline_script_or_style() {
    let words = [
        "<script",
        "<style",
        " style=",
        "javascript:",
        " onclick=",
        " onload=",
        " onsubmit=",
        " onchange=",
        " onerror=",
        " onfocus=",
        " oninput=",
    ];
    none(pages().iter().flat_map(|file| {
        let text = file.text.to_lowercase();
        let text = text.replace("<script src=\"{{ script_url }}\"", "");
        let found = words.iter().filter(|word| text.contains(**word));
        found
            .map(|word| format!("{}: {word}", file.path))
            .collect::<Vec<_>>()
    }));
}

/// Every form that posts carries the CSRF token.
#[test]
fn posting_forms_carry_the_token() {
    let mut forms = 0;
    let mut faults = Vec::new();
    for file in pages() {
        for form in file.text.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or(form);
            let tag = form.split("{{").next().unwrap_or(form);
            if tag.contains("method=\"post\"") {
                forms += 1;
                if !form.contains("{{ csrf(csrf_token) }}") {
                    faults.push(format!(
                        "{}: a form that posts without csrf(csrf_token)",
                        file.path
                    ));
                }
            }
        }
    }
    assert!(forms > 2);
    none(faults);
}

#[test]
fn the_stylesheet_stays_small() {
    let all = files();
    let css = all
        .iter()
        .find(|file| file.path == STYLESHEET)
        .expect("a stylesheet");
    assert!(
        css.text.len() <= 12 * 1024,
        "{STYLESHEET}: {} bytes, over 12 KiB",
        css.text.len()
    );
}
