//! The guide's commands, run as they stand there.
//!
//! A file's `sh` blocks with `export` set the server up, its `toml` blocks are `hallpass.toml`, and its `console` blocks
//! are played in order in a shell of their own: what follows a `$` is typed, what follows that must come back. `…` stands
//! for anything; `name=…` takes the answer's `name`; a key of a letter is taken from the letter.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use hallpass_testkit::{TestDb, each_database};
use serde_json::Value;

use crate::program::{Program, Serving};

each_database!(the_readme, the_account_by_curl, fields_of_ones_own);

async fn the_readme(db: TestDb) {
    assert_eq!(play("README.md", "## From another program", &db), 7);
}

async fn the_account_by_curl(db: TestDb) {
    assert_eq!(play("docs/src/rest/curl.md", "", &db), 16);
}

async fn fields_of_ones_own(db: TestDb) {
    assert_eq!(play("docs/src/how-to/own-fields.md", "", &db), 5);
}

/// Plays a file from a heading on; how many commands it had.
fn play(file: &str, heading: &str, db: &TestDb) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let at = text
        .find(heading)
        .unwrap_or_else(|| panic!("{file} has no {heading}"));
    let text = &text[at..];
    let text = match text[heading.len()..].find("\n## ") {
        Some(end) if !heading.is_empty() => &text[..heading.len() + end],
        _ => text,
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("hallpass.toml"),
        blocks(text, "toml").join("\n"),
    )
    .unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    for block in blocks(text, "sh") {
        for line in block
            .lines()
            .filter_map(|line| line.strip_prefix("export "))
        {
            let (name, value) = line.split_once('=').unwrap();
            program.set(name, value.trim_matches('\''));
        }
    }
    let mut shell = Shell {
        serving: program.serve(),
        variables: BTreeMap::new(),
        answer: Value::Null,
    };
    let mut played = 0;
    for block in blocks(text, "console") {
        for (command, wanted) in commands(&block) {
            shell.play(file, &command, &wanted);
            played += 1;
        }
    }
    played
}

/// The blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()))
        .collect()
}

/// What is typed, and what comes back. A command goes on while a quote is open or a line ends in a backslash.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        if !open && let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), String::new()));
        } else if open {
            let command = &mut commands.last_mut().unwrap().0;
            command.push('\n');
            command.push_str(line);
        } else {
            commands.last_mut().unwrap().1.push_str(line);
            continue;
        }
        let command = &commands.last().unwrap().0;
        let quotes = command.matches('\'').count();
        open = quotes % 2 == 1 || command.ends_with('\\');
    }
    commands
}

struct Shell {
    serving: Serving,
    variables: BTreeMap<String, String>,
    answer: Value,
}

impl Shell {
    fn play(&mut self, file: &str, command: &str, wanted: &str) {
        let command = command.replace("http://127.0.0.1:8000", &self.serving.origin);
        if let Some((name, value)) = command.split_once('=')
            && name.chars().all(|c| c.is_ascii_lowercase())
        {
            let value = match value.contains('…') {
                true => self.answer[name]
                    .as_str()
                    .expect("an answer with it")
                    .to_owned(),
                false => value.trim_matches('\'').to_owned(),
            };
            self.variables.insert(name.to_owned(), value);
            return;
        }
        let command = match command.split_once("\"key\": \"") {
            Some((before, rest)) => {
                let (_, after) = rest.split_once('"').unwrap();
                format!("{before}\"key\": \"{}\"{after}", self.key())
            }
            None => command,
        };
        let done = Command::new("bash")
            .args(["-euc", &command])
            .envs(&self.variables)
            .output()
            .expect("a shell");
        let told = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{file}: {command}: {told}");
        assert!(
            fits(&told, wanted),
            "{file}: {command}\n  says {told}\n  not  {wanted}"
        );
        self.answer = serde_json::from_str(&told).unwrap_or_default();
    }

    /// The key of the last letter that was printed.
    fn key(&self) -> String {
        let letters = self.serving.printed("/confirm-email/");
        let (_, rest) = letters.rsplit_once("/confirm-email/").unwrap();
        rest.split(['/', '"']).next().unwrap().to_owned()
    }
}

/// Whether a text is what was wanted, `…` being anything.
fn fits(told: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('…');
    let mut rest = match parts.next().and_then(|first| told.strip_prefix(first)) {
        Some(rest) => rest,
        None => return false,
    };
    let mut exact = true;
    for part in parts {
        exact = part.is_empty();
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    exact || rest.is_empty()
}

#[test]
fn what_fits() {
    for (told, wanted, good) in [
        ("{\"a\":1}", "{\"a\":1}", true),
        ("{\"a\":\"xyz\"}", "{\"a\":\"…\"}", true),
        ("{\"a\":1,\"b\":2}", "{\"a\":1}", false),
        ("{\"a\":\"xyz\",\"b\":2}", "{\"a\":\"…\"}", false),
        ("{\"b\":1}", "{\"a\":…}", false),
    ] {
        assert_eq!(fits(told, wanted), good, "{told} {wanted}");
    }
}
