//! The REST interface in Chromium, without JavaScript: its forms put and patch, by mouse and by keyboard.

use hallpass_testkit::{TestDb, each_database};
use thirtyfour::prelude::*;

use super::accounts::{fill, follow, press, says, type_there};
use super::{Driver, PHONE, see};
use crate::program::Program;

each_database!(a_program_is_tried_out_by_hand);

const PASSWORD: &str = "correct-horse-9";

async fn a_program_is_tried_out_by_hand(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program.set(
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["username*", "email*", "password1*", "password2*"]"#,
    );
    let serving = program.serve();
    let driver = Driver::start().await;
    let browser = driver.browser("rest", PHONE).await;

    browser.goto(serving.url("/dj-rest-auth/")).await.unwrap();
    see(&browser, "REST interface").await;
    follow(&browser, "Register").await;
    see(&browser, "Register").await;
    for (name, text) in [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ] {
        fill(&browser, name, text).await;
    }
    press(&browser, "POST").await;
    says(&browser, "HTTP 201 Created").await;
    says(&browser, "\"key\": ").await;

    follow(&browser, "REST interface").await;
    see(&browser, "REST interface").await;
    follow(&browser, "User Details").await;
    see(&browser, "User Details").await;
    fill(&browser, "first_name", "Ann").await;
    press(&browser, "PUT").await;
    says(&browser, "\"first_name\": \"Ann\"").await;
    fill(&browser, "username", " b").await;
    press(&browser, "PATCH").await;
    // Wrong: the field has the focus, and what was typed.
    says(&browser, "HTTP 400 Bad Request").await;
    let field = browser.active_element().await.unwrap();
    assert_eq!(
        field.attr("name").await.unwrap().as_deref(),
        Some("username")
    );
    assert_eq!(field.prop("value").await.unwrap().as_deref(), Some("ann b"));

    // To the body as it is, with the keyboard.
    press(&browser, "OPTIONS").await;
    says(&browser, "\"renders\"").await;
    let summaries = browser.find_all(By::Tag("summary")).await.unwrap();
    let raw = summaries.last().unwrap();
    raw.send_keys(Key::Return + "").await.unwrap();
    let content = browser.find(By::Css("textarea")).await.unwrap();
    content.wait_until().displayed().await.unwrap();
    // One of the two is open.
    let first_name = browser.find(By::Name("first_name")).await.unwrap();
    assert!(!first_name.is_displayed().await.unwrap());
    content.clear().await.unwrap();
    content.send_keys("{\"last_name\": \"Bee\"}").await.unwrap();
    type_there(&browser, Key::Tab + "").await;
    type_there(&browser, Key::Tab + "").await;
    type_there(&browser, Key::Return + "").await;
    says(&browser, "\"last_name\": \"Bee\"").await;
    says(&browser, "PATCH /dj-rest-auth/user/").await;

    follow(&browser, "Sign out").await;
    see(&browser, "Sign out?").await;
    press(&browser, "Sign out").await;
    see(&browser, "User Details").await;
    says(&browser, "HTTP 401 Unauthorized").await;
    follow(&browser, "Sign in").await;
    see(&browser, "Sign in").await;
    fill(&browser, "login", "ann").await;
    fill(&browser, "password", PASSWORD).await;
    press(&browser, "Sign in").await;
    see(&browser, "User Details").await;
    browser.quit().await.unwrap();
}
