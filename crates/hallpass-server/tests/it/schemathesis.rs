//! schemathesis asks the real program what its OpenAPI document lets it ask, and what it does not: no answer may break, be
//! of a status, type or shape that is not documented, or let something in that the document shuts out.
//!
//! The same requests every time: a fixed seed, so many examples. What is not looked at, and why, is in
//! tests/schemathesis/schemathesis.toml.

use std::path::{Path, PathBuf};
use std::process::Command;

use hallpass_testkit::{TestDb, each_database};
use serde_json::{Value, json};

use crate::program::{Program, Serving};

each_database!(keys, tokens);

const PASSWORD: &str = "correct-horse-9-battery";
const SEED: &str = "20261121";
/// Random requests by operation, besides those that every field's limits call for.
const EXAMPLES: &str = "8";

/// What ends the credentials that it is asked with.
const ENDING: [&str; 2] = ["logout_create", "password_change_create"];

async fn keys(db: TestDb) {
    asked(db, &[], |given| format!("Token {}", text(given, "key"))).await;
}

async fn tokens(db: TestDb) {
    let jwt = [
        ("REST_AUTH_USE_JWT", "true"),
        ("REST_AUTH_SESSION_LOGIN", "false"),
        ("SIMPLE_JWT_ROTATE_REFRESH_TOKENS", "true"),
    ];
    asked(db, &jwt, |given| {
        format!("Bearer {}", text(given, "access"))
    })
    .await;
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("a text")
}

/// By nobody, then by Ann, and last with what ends Ann's credentials.
async fn asked(db: TestDb, settings: &[(&str, &str)], authorization: fn(&Value) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program
        .set("ACCOUNT_RATE_LIMITS", "false")
        .set("EMAIL_BACKEND", "dummy")
        .set("PASSWORD_HASHERS", "[\"md5\"]")
        .set("HALLPASS_LOG", "warn")
        .set("DJANGO_SUPERUSER_PASSWORD", PASSWORD);
    for (name, value) in settings {
        program.set(name, value);
    }
    let ann = ["--username", "ann", "--email", "ann@example.com"];
    program.ok(&[["createsuperuser", "--noinput"].as_slice(), &ann].concat());
    let serving = program.serve();
    let given = login(&serving).await;
    let header = format!("Authorization: {}", authorization(&given));
    let ann = ["-H", &header];
    let options = |word: &'static str| ENDING.iter().flat_map(move |id| [word, id]);
    let without: Vec<&str> = ann
        .into_iter()
        .chain(options("--exclude-operation-id"))
        .collect();
    let ending: Vec<&str> = ann
        .into_iter()
        .chain(options("--include-operation-id"))
        .collect();
    for arguments in [&[], without.as_slice(), &ending] {
        ask(&serving, folder.path(), arguments);
    }
    let log = serving.terminate_and_log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

async fn login(serving: &Serving) -> Value {
    let body = json!({ "username": "ann", "password": PASSWORD }).to_string();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client
        .post(serving.url("/dj-rest-auth/login/"))
        .header("content-type", "application/json")
        .body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).expect("JSON")
}

/// Runs it; whatever it finds fails the test.
fn ask(serving: &Serving, folder: &Path, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = std::env::var_os("HALLPASS_TEST_SCHEMATHESIS").map_or_else(
        || root.join("target/schemathesis/bin/schemathesis"),
        PathBuf::from,
    );
    assert!(
        program.exists(),
        "no schemathesis at {}: run ./test once, which makes target/schemathesis, or set HALLPASS_TEST_SCHEMATHESIS to \
         the program in a virtual environment with tests/schemathesis/requirements.txt",
        program.display()
    );
    let config = root.join("tests/schemathesis/schemathesis.toml");
    let output = Command::new(program)
        .arg("--config-file")
        .arg(config)
        .args([
            "--no-color",
            "run",
            &serving.url("/dj-rest-auth/openapi.json"),
        ])
        .args([
            "--seed",
            SEED,
            "--max-examples",
            EXAMPLES,
            "--continue-on-failure",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("NO_PROXY", "*")
        .output()
        .expect("a program that runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{arguments:?}\n{said}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        serving.log()
    );
    // A run that asked nothing would find nothing.
    let (_, cases) = said.split_once("Test cases:").expect("a summary");
    let count = cases
        .split_whitespace()
        .next()
        .and_then(|word| word.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count > 20), "{said}");
}
