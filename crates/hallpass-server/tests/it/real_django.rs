//! Beside a real Django on one database: its sessions and links are taken here, ours there.

mod own_user;

use hallpass_testkit::app::SECRET;
use hallpass_testkit::django::DjangoPeer;
use hallpass_testkit::postgres::Postgres;
use reqwest::Client;

use crate::program::{Person, Program, Serving, location};

async fn side_by_side(url: String) {
    let folder = tempfile::tempdir().unwrap();
    let django = DjangoPeer::new(&url, SECRET);
    // Django makes the database; Hallpass opens it as it is and adds its own tables.
    django.migrate();
    let ann = django.make_user("ann", "ann@example.com", "correct-horse-9-battery");
    let mut program = Program::new(folder.path(), &url);
    program
        .set("HALLPASS_SHARE_WITH_DJANGO", "true")
        .set("HALLPASS_PBKDF2_ITERATIONS", "1000000");
    assert!(!program.ok(&["migrate"]).contains("auth_user"));
    program.ok(&["check"]);
    let serving = program.serve();
    let served = django.serve();
    let before = django.user(ann)["password"].clone();

    // A password that Django hashed signs in here, and the session is one there.
    let person = Person::new();
    let fields = [("login", "ann"), ("password", "correct-horse-9-battery")];
    let done = person.fill(&serving.url("/accounts/login/"), &fields).await;
    assert_eq!(location(&done), "/accounts/profile/");
    let key = cookie(&done);
    assert_eq!(who(served.origin(), &key).await["username"], "ann");
    assert_eq!(
        django.user(ann)["password"],
        before,
        "neither makes the other's hash anew"
    );

    // A session that Django made is one here.
    let theirs = django.session_create(ann);
    assert!(is_in(&serving, &theirs).await);

    // A link made there opens here, once, and is spent there too.
    let (uid, token) = django.make_token(ann);
    let link = serving.url(&format!("/accounts/login/link/{uid}/{token}/"));
    assert_eq!(Person::new().fill(&link, &[]).await.status(), 302);
    assert_eq!(Person::new().fill(&link, &[]).await.status(), 403);
    assert!(!django.check_token(ann, &token));

    // A link made here is a token there.
    let ours = program.ok(&["link", "ann", "--base-url", &serving.origin]);
    let token = ours
        .trim()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    assert!(django.check_token(ann, &token));

    // Signing out here is signing out there.
    assert_eq!(
        person
            .fill(&serving.url("/accounts/logout/"), &[])
            .await
            .status(),
        302
    );
    assert_eq!(who(served.origin(), &key).await["is_authenticated"], false);
    assert!(serving.terminate());
}

fn cookie(response: &reqwest::Response) -> String {
    let cookie = response
        .cookies()
        .find(|cookie| cookie.name() == "sessionid")
        .expect("a session");
    cookie.value().to_owned()
}

async fn who(origin: &str, key: &str) -> serde_json::Value {
    let request = Client::new()
        .get(format!("{origin}/whoami/"))
        .header("cookie", format!("sessionid={key}"));
    request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON")
}

async fn is_in(serving: &Serving, key: &str) -> bool {
    let request = Client::new()
        .get(serving.url("/accounts/profile/"))
        .header("cookie", format!("sessionid={key}"));
    let text = request
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a page");
    text.contains("You are signed in here")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_made_by_django() {
    let _ = Person::new();
    let folder = tempfile::tempdir().unwrap();
    side_by_side(format!(
        "sqlite:///{}",
        folder.path().join("db.sqlite3").display()
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_made_by_django() {
    let _ = Person::new();
    side_by_side(Postgres::shared().create_empty_database().await).await;
}

/// The other way round: tables that Hallpass made are Django's own to a Django that comes later.
async fn django_comes_later(url: String) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &url);
    program.set("HALLPASS_SHARE_WITH_DJANGO", "true");
    program
        .set("PASSWORD_HASHERS", "argon2")
        .set("DJANGO_SUPERUSER_PASSWORD", "kX9vq2LmPa7");
    program.ok(&["migrate"]);
    program.ok(&[
        "createsuperuser",
        "--noinput",
        "--username",
        "ann",
        "--email",
        "ann@example.com",
    ]);
    let django = DjangoPeer::new(&url, SECRET);
    django.migrate();
    let user = django.user(1);
    assert_eq!(user["username"], "ann");
    assert!(django.check_password("kX9vq2LmPa7", user["password"].as_str().unwrap()));
    program.ok(&["check"]);
    let serving = program.serve();
    assert!(is_in(&serving, &django.session_create(1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_made_by_hallpass() {
    let _ = Person::new();
    let folder = tempfile::tempdir().unwrap();
    django_comes_later(format!(
        "sqlite:///{}",
        folder.path().join("db.sqlite3").display()
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_made_by_hallpass() {
    let _ = Person::new();
    django_comes_later(Postgres::shared().create_empty_database().await).await;
}
