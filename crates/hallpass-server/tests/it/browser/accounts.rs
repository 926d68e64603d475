//! An account's life in Chromium: made, left, entered again, changed. Without JavaScript, and where it counts without a
//! mouse.

use hallpass_testkit::smtp::SmtpSink;
use hallpass_testkit::{TestDb, each_database};
use thirtyfour::prelude::*;

use super::{DESK, Driver, PHONE, see};
use crate::program::Program;

each_database!(an_account_lives_in_chromium);

const FIRST: &str = "correct-horse-9";
const SECOND: &str = "battery-staple-8";

/// Waits until the page says this.
pub(super) async fn says(browser: &WebDriver, wanted: &str) {
    let mut seen = String::new();
    for _ in 0..200 {
        if let Ok(main) = browser.find(By::Tag("main")).await
            && let Ok(text) = main.text().await
        {
            seen = text;
            if seen.contains(wanted) {
                return;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("\"{wanted}\" was expected in: {seen}");
}

pub(super) async fn fill(browser: &WebDriver, name: &str, text: &str) {
    let field = format!("main input[name={name}]:not([type=hidden])");
    let field = browser.find(By::Css(field)).await.unwrap();
    field.send_keys(text).await.unwrap();
}

pub(super) async fn press(browser: &WebDriver, label: &str) {
    let button = format!("//button[normalize-space()='{label}']");
    let button = browser.find(By::XPath(button)).await.unwrap();
    button.click().await.unwrap();
}

pub(super) async fn follow(browser: &WebDriver, label: &str) {
    let link = browser.find(By::LinkText(label)).await.unwrap();
    link.click().await.unwrap();
}

/// Types where the focus is, as somebody does who has no mouse.
pub(super) async fn type_there(browser: &WebDriver, keys: impl Into<TypingData>) {
    let focused = browser.active_element().await.unwrap();
    focused.send_keys(keys).await.unwrap();
}

/// One Tab further is this field, and one sees that it is.
async fn tab_to(browser: &WebDriver, name: &str) {
    type_there(browser, Key::Tab + "").await;
    let focused = browser.active_element().await.unwrap();
    assert_eq!(focused.attr("name").await.unwrap().as_deref(), Some(name));
    assert_eq!(focused.css_value("outline-style").await.unwrap(), "solid");
}

/// The code in the newest of so many letters, which goes to this address.
async fn code_in(sink: &SmtpSink, count: usize, to: &str) -> String {
    let letter = sink.wait_for(count).await.pop().expect("a letter");
    assert_eq!(letter.to, [to]);
    let text = letter.text();
    let is_code = |line: &&str| {
        let known = |c: char| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit();
        line.len() == 9 && line.find('-') == Some(4) && line.chars().all(known)
    };
    let code = text.lines().map(str::trim).find(is_code);
    code.expect("a code").to_owned()
}

async fn sign_in_with(browser: &WebDriver, password: &str) {
    fill(browser, "login", "ann").await;
    fill(browser, "password", password).await;
    press(browser, "Sign in").await;
}

async fn an_account_lives_in_chromium(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start().await;
    let mut program = Program::new(folder.path(), &db.url);
    program
        .mail_to(sink.port())
        .set(
            "ACCOUNT_SIGNUP_FIELDS",
            r#"["username*", "email*", "password1*", "password2*"]"#,
        )
        .set("ACCOUNT_EMAIL_VERIFICATION", "mandatory")
        .set("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true")
        .set("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true");
    let serving = program.serve();
    let driver = Driver::start().await;
    let phone = driver.browser("phone", PHONE).await;
    let desk = driver.browser("desk", DESK).await;

    // Signing up with the keyboard alone: past the site's name, through the fields, Enter.
    phone.goto(serving.url("/")).await.unwrap();
    follow(&phone, "Sign up").await;
    see(&phone, "Sign up").await;
    type_there(&phone, Key::Tab + "").await;
    for (name, text) in [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", FIRST),
        ("password2", FIRST),
    ] {
        tab_to(&phone, name).await;
        type_there(&phone, text).await;
    }
    type_there(&phone, Key::Return + "").await;
    see(&phone, "Check your mail").await;
    let code = code_in(&sink, 1, "ann@example.com").await;
    // A code may be typed without its dash and in small letters, and the focus waits for it.
    let typed = code.replace('-', "").to_lowercase();
    type_there(&phone, typed.as_str() + Key::Return).await;
    see(&phone, "Your account").await;
    says(&phone, "Your address is confirmed.").await;
    phone.refresh().await.unwrap();
    see(&phone, "Your account").await;
    let page = phone.find(By::Tag("main")).await.unwrap();
    let page = page.text().await.unwrap();
    assert!(!page.contains("is confirmed"), "said once: {page}");
    press(&phone, "Sign out").await;
    see(&phone, "example.com").await;

    // At a desk with the password, and back on the phone with a code.
    desk.goto(serving.url("/accounts/login/")).await.unwrap();
    sign_in_with(&desk, FIRST).await;
    see(&desk, "Your account").await;
    follow(&phone, "Sign in").await;
    see(&phone, "Sign in").await;
    follow(&phone, "Send me a sign-in code").await;
    see(&phone, "Sign in with a code").await;
    fill(&phone, "email", "ann@example.com").await;
    press(&phone, "Send me a code").await;
    see(&phone, "Enter your code").await;
    let code = code_in(&sink, 2, "ann@example.com").await;
    fill(&phone, "code", "BBBB-BBBB").await;
    press(&phone, "Sign in").await;
    says(&phone, "The code is not correct.").await;
    fill(&phone, "code", &code).await;
    press(&phone, "Sign in").await;
    see(&phone, "Your account").await;

    // Another address, by code, and now the primary one.
    follow(&phone, "Manage addresses").await;
    see(&phone, "Your e-mail addresses").await;
    fill(&phone, "email", "two@example.com").await;
    press(&phone, "Add the address").await;
    see(&phone, "Check your mail").await;
    let code = code_in(&sink, 3, "two@example.com").await;
    fill(&phone, "code", &code).await;
    press(&phone, "Confirm").await;
    says(&phone, "The address is confirmed.").await;
    press(&phone, "Make primary two@example.com").await;
    says(&phone, "This is your primary address now.").await;
    follow(&phone, "Back to your account").await;
    see(&phone, "Your account").await;
    says(&phone, "two@example.com").await;

    // Another password: this browser stays, the other one is signed out, the old one is worth nothing.
    follow(&phone, "Change password").await;
    see(&phone, "Change your password").await;
    fill(&phone, "oldpassword", FIRST).await;
    fill(&phone, "password1", SECOND).await;
    fill(&phone, "password2", SECOND).await;
    press(&phone, "Change the password").await;
    see(&phone, "Your account").await;
    says(&phone, "Your password is changed.").await;
    desk.goto(serving.url("/accounts/profile/")).await.unwrap();
    see(&desk, "Sign in").await;
    sign_in_with(&desk, FIRST).await;
    says(&desk, "The user name or the password is not correct.").await;
    desk.goto(serving.url("/accounts/login/")).await.unwrap();
    sign_in_with(&desk, SECOND).await;
    see(&desk, "Your account").await;

    phone.quit().await.unwrap();
    desk.quit().await.unwrap();
    assert_eq!(sink.mails().len(), 3, "no other letter was sent");
}
