//! Pages of the operator's own, and the brand.

use hallpass::Hallpass;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_folder_replaces_pages_and_letters,
    a_brand_is_a_sheet_of_its_own,
    the_mount_moves_everything
);

async fn a_folder_replaces_pages_and_letters(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("index.html"),
        "<p>{{ site.name }} is ours",
    )
    .unwrap();
    let letter = folder.path().join("letters/login_by_link/unknown_account");
    std::fs::create_dir_all(&letter).unwrap();
    std::fs::write(letter.join("subject.txt"), "Who\n are you?").unwrap();
    std::fs::write(letter.join("message.html"), "<p>{{ extra.company }}").unwrap();
    let path = folder.path().display().to_string();
    let app = TestApp::with(db, |settings| {
        settings.hallpass.templates = Some(path);
        let mut variables = serde_json::Map::new();
        variables.insert("company".to_owned(), "Brød & <Co>".into());
        settings.hallpass.letter_variables.0 = variables;
    })
    .await;
    assert_eq!(app.browser().get("/").await.text, "<p>example.com is ours");
    app.browser()
        .fill("/accounts/login/link/", &[("email", "x@example.com")])
        .await;
    let letter = app.letter().await;
    assert_eq!(letter.subject, "[example.com] Who are you?");
    assert_eq!(letter.html.as_deref(), Some("<p>Brød &amp; &lt;Co&gt;"));
    std::fs::write(folder.path().join("index.html"), "{% if %}").unwrap();
    let broken = Hallpass::builder()
        .settings(app.hallpass.settings().clone())
        .database(app.db.db.clone())
        .build()
        .await
        .err()
        .map(|failure| failure.to_string());
    assert!(broken.is_some_and(|text| text.contains("index.html")));
}

async fn a_brand_is_a_sheet_of_its_own(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.hallpass.accent = Some("#ffcc00".to_owned());
        settings.hallpass.site_name = Some("Brød & Co".to_owned());
    })
    .await;
    let page = app.browser().get("/").await;
    assert!(page.text.contains("Brød &amp; Co"));
    let (_, rest) = page.text.split_once("brand.").unwrap();
    let path = format!("/accounts/static/brand.{}", rest.split('"').next().unwrap());
    let sheet = app.browser().get(&path).await;
    assert!(
        sheet.text.contains("--hp-accent: #ffcc00")
            && sheet.text.contains("--hp-on-accent: #000000")
    );
}

async fn the_mount_moves_everything(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.hallpass.mount = "/id/".to_owned()).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/accounts/login/link/").await.status, 404);
    browser
        .fill("/id/login/link/", &[("email", "ann@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    assert!(link.starts_with("/id/login/link/"));
    assert_eq!(browser.fill(&link, &[]).await.location(), "/id/profile/");
}
