//! Settings: what is read from where, and what is refused in which words.

mod account_values;
mod accounts;
mod contradictions;
mod names;
mod rates;
mod rest;
mod secrets;
mod sesame;
mod social;
mod texts;
mod values;

use std::path::Path;

use hallpass_core::settings::{Loaded, Origin, Problems, load, reference_markdown};
use serde_json::{Value, json};

const KEY: &str = "n8Xq2LrT5vWz0cYb7DfGhJkM3pSa9eUi";

/// Loads from a file called `hallpass.toml`.
fn file(text: &str) -> Result<Loaded, Problems> {
    load(Some(("hallpass.toml", text)), [])
}

/// Loads from the environment.
fn environment<const N: usize>(pairs: [(&str, &str); N]) -> Result<Loaded, Problems> {
    load(None, pairs.map(|(name, text)| (name.into(), text.into())))
}

/// A setting's value as it is listed.
fn value(loaded: &Loaded, name: &str) -> Value {
    let rows = loaded.rows();
    let row = rows.into_iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("{name} is not listed")).value
}

/// The problems, one a line: `NAME (origin) what`.
fn problems(result: Result<Loaded, Problems>) -> Vec<String> {
    let problems = result.err().map(|problems| problems.0).unwrap_or_default();
    problems
        .into_iter()
        .map(|one| format!("{} ({}) {}", one.name, one.origin, one.what))
        .collect()
}

/// Asserts that there is one problem, of that setting and in those words.
#[track_caller]
fn refused(result: Result<Loaded, Problems>, name: &str, words: &str) {
    let found = problems(result);
    let fits = |line: &String| line.starts_with(&format!("{name} (")) && line.contains(words);
    assert!(
        found.len() == 1 && fits(&found[0]),
        "wanted one problem of {name} with \"{words}\", got {found:#?}"
    );
}

fn environment_of(pairs: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let pairs = pairs.iter();
    load(
        None,
        pairs.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[track_caller]
fn bad(pairs: Pairs<'_>, name: &str, words: &str) {
    let pairs = pairs
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()));
    refused(load(None, pairs), name, words);
}

#[track_caller]
fn good(pairs: Pairs<'_>) {
    let given = pairs
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()));
    if let Err(problems) = load(None, given) {
        panic!("{pairs:?}: {problems}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let text = "site_id = 2\n\n[session]\ncookie_name = \"a\"\ncookie_age = 60\n";
    let loaded = load(
        Some(("conf/hallpass.toml", text)),
        [("SESSION_COOKIE_NAME".into(), "b".into())],
    )
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.session.cookie_name, "b");
    assert_eq!(settings.session.cookie_age, 60);
    assert_eq!(settings.session.cookie_path, "/");
    assert_eq!(settings.general.site_id, 2);
    let line = |line| Origin::File {
        path: "conf/hallpass.toml".into(),
        line,
    };
    for (name, origin, shown) in [
        ("SESSION_COOKIE_NAME", Origin::Environment, "environment"),
        ("SESSION_COOKIE_AGE", line(5), "conf/hallpass.toml:5"),
        ("SITE_ID", line(1), "conf/hallpass.toml:1"),
        ("SESSION_COOKIE_PATH", Origin::Default, "default"),
    ] {
        assert_eq!(loaded.origin(name), origin);
        assert_eq!(origin.to_string(), shown);
        let row = loaded.rows().into_iter().find(|row| row.name == name);
        assert_eq!(row.unwrap().origin, origin);
    }
}

#[test]
fn a_setting_has_one_name_in_three_places() {
    for text in [
        "[account]\nlogin_methods = [\"email\"]",
        "account = { login_methods = [\"email\"] }",
        "account.login_methods = [\"email\"]",
        "ACCOUNT_LOGIN_METHODS = [\"email\"]",
        "\u{feff}ACCOUNT_LOGIN_METHODS = [\"email\"]",
    ] {
        let loaded = file(text).unwrap();
        assert_eq!(
            value(&loaded, "ACCOUNT_LOGIN_METHODS"),
            json!(["email"]),
            "{text}"
        );
    }
    let loaded = environment([("ACCOUNT_LOGIN_METHODS", r#"["email"]"#)]).unwrap();
    assert_eq!(value(&loaded, "ACCOUNT_LOGIN_METHODS"), json!(["email"]));
}

#[test]
fn every_setting_can_be_written_in_the_file_as_the_reference_says() {
    let page = reference_markdown();
    let mut table = "";
    for section in page.split("\n### ").skip(1) {
        let (name, rest) = section.split_once('\n').unwrap();
        let (_, key) = rest.split_once("- In the file: `").unwrap();
        let (key, _) = key.split_once('`').unwrap();
        // Nothing is a list of lists of lists: the refusal proves that the key was found.
        let text = format!("{table}\n{key} = [[[]]]");
        let found = problems(file(&text));
        assert!(
            found
                .iter()
                .any(|line| line.starts_with(&format!("{name} ("))),
            "{text}: {found:?}"
        );
        assert!(
            !found.iter().any(|line| line.contains("is unknown")),
            "{found:?}"
        );
        if let Some((_, next)) = section.split_once("\n## `") {
            table = next.split_once('`').unwrap().0;
        }
    }
    assert_eq!(table, "[hallpass]");
}

#[test]
fn all_problems_are_told_at_once() {
    let text = "allowed_hosts = 5\nnonsense = 1\n[email]\nuse_tls = true\nuse_ssl = true\n[account]\nlogin_by = 1\n";
    let pairs = [
        ("SECRET_KEY", "short"),
        ("SESSION_COOKIE_AGE", "soon"),
        ("HALLPASS_NONSENSE", "1"),
    ];
    let loaded = load(
        Some(("hallpass.toml", text)),
        pairs.map(|(name, text)| (name.into(), text.into())),
    );
    let problems = loaded.unwrap_err();
    let found: Vec<_> = problems
        .0
        .iter()
        .map(|one| (one.name.as_str(), one.origin.to_string()))
        .collect();
    let wanted = [
        ("ALLOWED_HOSTS", "hallpass.toml:1"),
        ("nonsense", "hallpass.toml:2"),
        ("[account] login_by", "hallpass.toml:7"),
        ("HALLPASS_NONSENSE", "environment"),
        ("SESSION_COOKIE_AGE", "environment"),
        ("SECRET_KEY", "environment"),
        ("EMAIL_USE_TLS", "hallpass.toml:4"),
    ];
    assert_eq!(
        found,
        wanted.map(|(name, origin)| (name, origin.to_owned()))
    );
    let shown = problems.to_string();
    assert!(
        shown.starts_with(
            "7 settings must be changed first:\n  ALLOWED_HOSTS (hallpass.toml:1) must be a list"
        ),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 8);
}

#[test]
fn the_reference_page_says_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/settings.md");
    let page = reference_markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == page,
        "docs/src/reference/settings.md is stale: UPDATE_DOCS=1 cargo test -p hallpass-core --test it settings"
    );
}
