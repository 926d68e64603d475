//! A Django whose people are of a model of its own: a UUID, an address, no user name.

use hallpass_testkit::app::SECRET;
use hallpass_testkit::django::DjangoPeer;
use hallpass_testkit::postgres::Postgres;
use serde_json::Value;

use super::{cookie, is_in, who};
use crate::program::{Person, Program, location};

const PASSWORD: &str = "correct-horse-9-battery";

fn both(url: &str, folder: &std::path::Path) -> (DjangoPeer, Program) {
    let django = DjangoPeer::new(url, SECRET).with("OWN_USER", "1");
    let mut program = Program::new(folder, url);
    program
        .set("HALLPASS_SHARE_WITH_DJANGO", "true")
        .set("HALLPASS_PBKDF2_ITERATIONS", "1000000")
        .set("AUTH_USER_MODEL", "people.Person")
        .set("HALLPASS_USER_KEY", "uuid")
        .set("HALLPASS_USER_WITHOUT", "username,last_name")
        .set("ACCOUNT_USER_MODEL_USERNAME_FIELD", "")
        .set("ACCOUNT_SIGNUP_FIELDS", "email*,password1*")
        .set("ACCOUNT_EMAIL_VERIFICATION", "none");
    (django, program)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

async fn side_by_side(url: String) {
    let folder = tempfile::tempdir().unwrap();
    let (django, program) = both(&url, folder.path());
    django.migrate();
    let made = program.ok(&["migrate"]);
    assert!(!made.contains("person"), "{made}");
    program.ok(&["check"]);
    let ann = django.ask(&[
        "make-user",
        "--verified",
        "--email",
        "ann@example.com",
        "--password",
        PASSWORD,
        "--username",
        "",
    ]);
    let id = text(&ann, "id").to_owned();
    let serving = program.serve();
    let served = django.serve();

    // A password of theirs signs in here, and the session is one there.
    let person = Person::new();
    let fields = [("login", "ann@example.com"), ("password", PASSWORD)];
    let done = person.fill(&serving.url("/accounts/login/"), &fields).await;
    assert_eq!(location(&done), "/accounts/profile/");
    let key = cookie(&done);
    assert_eq!(who(served.origin(), &key).await["user"], id.as_str());

    // A session and a link of theirs are good here, a link of ours there.
    let created = django.ask(&["session-create", "--user", &id]);
    assert!(is_in(&serving, text(&created, "key")).await);
    let made = django.ask(&["make-token", "--user", &id]);
    let (uid, token) = (text(&made, "uidb64"), text(&made, "token"));
    let link = serving.url(&format!("/accounts/login/link/{uid}/{token}/"));
    assert_eq!(Person::new().fill(&link, &[]).await.status(), 302);
    assert_eq!(Person::new().fill(&link, &[]).await.status(), 403);
    let ours = program.ok(&["link", "ann@example.com", "--base-url", &serving.origin]);
    let token = ours.trim().trim_end_matches('/').rsplit('/').next();
    let words = [
        "check-token",
        "--user",
        &id,
        &format!("--token={}", token.unwrap()),
    ];
    assert_eq!(django.ask(&words)["valid"], true);

    // Who signs up here is somebody there, with the same password.
    let fields = [("email", "bea@example.com"), ("password1", PASSWORD)];
    let done = Person::new()
        .fill(&serving.url("/accounts/signup/"), &fields)
        .await;
    assert_eq!(location(&done), "/accounts/profile/");
    let read = django.ask(&["session-read", &format!("--key={}", cookie(&done))]);
    let bea = django.ask(&["show-user", "--user", text(&read, "user")]);
    assert_eq!(bea["email"], "bea@example.com");
    assert!(django.check_password(PASSWORD, text(&bea, "password")));
    assert!(serving.terminate());
}

/// Tables that Hallpass made are taken over by a Django that is told so.
async fn django_comes_later(url: String) {
    let folder = tempfile::tempdir().unwrap();
    let (django, mut program) = both(&url, folder.path());
    program
        .set("PASSWORD_HASHERS", "argon2")
        .set("DJANGO_SUPERUSER_PASSWORD", "kX9vq2LmPa7");
    program.ok(&["migrate"]);
    program.ok(&["createsuperuser", "--noinput", "--email", "ann@example.com"]);
    django.ask(&["adopt"]);
    django.migrate();
    let ann = django.ask(&["find", "--email", "ann@example.com"]);
    assert!(django.check_password("kX9vq2LmPa7", text(&ann, "password")));
    let words = ["session-create", "--user", text(&ann, "id")];
    let created = django.ask(&words);
    program.ok(&["check"]);
    let serving = program.serve();
    assert!(is_in(&serving, text(&created, "key")).await);
    assert!(serving.terminate());
}

fn file(folder: &tempfile::TempDir) -> String {
    format!("sqlite:///{}", folder.path().join("db.sqlite3").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_made_by_django() {
    let folder = tempfile::tempdir().unwrap();
    side_by_side(file(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_made_by_django() {
    side_by_side(Postgres::shared().create_empty_database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_made_by_hallpass() {
    let folder = tempfile::tempdir().unwrap();
    django_comes_later(file(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_made_by_hallpass() {
    django_comes_later(Postgres::shared().create_empty_database().await).await;
}
