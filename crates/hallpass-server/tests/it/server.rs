//! The server as an operator sees it.

use std::os::unix::fs::PermissionsExt as _;

use hallpass_testkit::{TestDb, each_database};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::program::{Person, Program};

each_database!(health_and_an_orderly_end, logs_have_no_secrets);

async fn health_and_an_orderly_end(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let serving = Program::new(folder.path(), &db.url).serve();
    let person = Person::new();
    assert_eq!(person.get(&serving.url("/healthz")).await.status(), 200);
    assert_eq!(
        person
            .get(&serving.url("/readyz"))
            .await
            .text()
            .await
            .unwrap(),
        "ready\n"
    );
    // A request that has begun is answered although the server was told to stop.
    let address = serving.origin.trim_start_matches("http://").to_owned();
    let mut slow = tokio::net::TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        .await
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || serving.terminate());
    slow.write_all(b"Connection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.contains("200 OK"), "{answer}");
    assert!(ended.await.unwrap());
}

async fn logs_have_no_secrets(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program
        .set("HALLPASS_LOG", "debug")
        .set("HALLPASS_LOG_FORMAT", "json");
    let serving = program.serve();
    let person = Person::new();
    person
        .get(&serving.url("/accounts/login/link/MQ/abcdef-0123456789abcdef/?next=/secretplace"))
        .await;
    person
        .fill(
            &serving.url("/accounts/login/"),
            &[("login", "ann"), ("password", "hunter2-hunter2")],
        )
        .await;
    let log = serving.log();
    let first = log
        .lines()
        .find(|line| line.contains("\"request\""))
        .expect("a line a request");
    let line: serde_json::Value = serde_json::from_str(first).unwrap();
    assert_eq!(line["route"], "/accounts/login/link/{uid}/{token}/");
    for secret in [
        "abcdef-0123456789abcdef",
        "secretplace",
        "hunter2",
        hallpass_testkit::app::SECRET,
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn nothing_set_serves_with_a_database_and_a_secret_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::bare(folder.path());
    program.set("HALLPASS_LISTEN", "127.0.0.1:0");
    let serving = program.serve();
    let person = Person::new();
    assert_eq!(
        person
            .get(&serving.url("/accounts/login/link/"))
            .await
            .status(),
        200
    );
    for (file, private) in [("hallpass.sqlite3", true), ("hallpass.secret", true)] {
        let mode = std::fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077 == 0, private, "{file}");
    }
    let secret = std::fs::read_to_string(folder.path().join("hallpass.secret")).unwrap();
    program.ok(&[
        "createsuperuser",
        "--noinput",
        "--username",
        "ann",
        "--email",
        "ann@example.com",
    ]);
    person
        .fill(
            &serving.url("/accounts/login/link/"),
            &[("email", "ann@example.com")],
        )
        .await;
    let start = std::time::Instant::now();
    while !serving.output().contains("/accounts/login/link/MQ/") {
        assert!(start.elapsed().as_secs() < 10, "{}", serving.output());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(serving.output().contains(&serving.origin));
    drop(serving);
    assert!(program.serve().terminate());
    assert_eq!(
        std::fs::read_to_string(folder.path().join("hallpass.secret")).unwrap(),
        secret,
        "it is kept"
    );
}
