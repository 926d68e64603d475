//! The whole story in Chromium, with a letter over SMTP: on a phone in the dark, and on a desk in the light.

use std::time::Duration;

use hallpass_testkit::chromium::{Driver, Window};
use hallpass_testkit::smtp::SmtpSink;
use hallpass_testkit::{TestDb, each_database};
use thirtyfour::prelude::*;

use crate::program::Program;

mod accounts;
mod rest;
mod social;

each_database!(the_story_in_chromium);

/// A phone in the dark.
const PHONE: Window = Window {
    size: "500,900",
    dark: true,
    scripts: false,
};

/// A desk in the light.
const DESK: Window = Window {
    size: "1280,900",
    dark: false,
    scripts: false,
};

/// Waits until the page with this heading is there: a click returns before the next page has come.
async fn see(browser: &WebDriver, wanted: &str) {
    let mut seen = String::new();
    for _ in 0..200 {
        if let Ok(heading) = browser.find(By::Css("h1")).await
            && let Ok(text) = heading.text().await
        {
            seen = text;
            if seen == wanted {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("\"{wanted}\" was expected, \"{seen}\" is shown");
}

async fn the_story_in_chromium(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start().await;
    let mut program = Program::new(folder.path(), &db.url);
    program.mail_to(sink.port());
    program.ok(&[
        "createsuperuser",
        "--noinput",
        "--username",
        "ann",
        "--email",
        "ann@example.com",
    ]);
    let serving = program.serve();
    let driver = Driver::start().await;
    for (round, window) in [PHONE, DESK].into_iter().enumerate() {
        let browser = driver.browser(&format!("profile{round}"), window).await;
        browser
            .goto(serving.url("/accounts/login/link/"))
            .await
            .unwrap();
        see(&browser, "Sign in by e-mail").await;
        let field = browser.find(By::Css("input[type=email]")).await.unwrap();
        field.send_keys("ann@example.com").await.unwrap();
        field.send_keys(Key::Return + "").await.unwrap();
        see(&browser, "Check your mail").await;
        let mail = sink.wait_for(round + 1).await.pop().expect("a letter");
        let text = mail.text();
        let start = text.find("http://").expect("a link");
        let link = text[start..]
            .split_whitespace()
            .next()
            .expect("a link")
            .to_owned();
        browser.goto(&link).await.unwrap();
        see(&browser, "Finish signing in").await;
        browser
            .find(By::Css("button[type=submit]"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        see(&browser, "Your account").await;
        let page = browser
            .find(By::Css("main"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(page.contains("ann@example.com"), "{page}");
        browser.goto(&link).await.unwrap();
        see(&browser, "This link does not work any more").await;
        browser
            .goto(serving.url("/accounts/profile/"))
            .await
            .unwrap();
        browser
            .find(By::XPath("//button[normalize-space()='Sign out']"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        // The front door, which bears the site's name.
        see(&browser, "example.com").await;
        browser
            .goto(serving.url("/accounts/profile/"))
            .await
            .unwrap();
        see(&browser, "Sign in").await;
        browser.quit().await.unwrap();
    }
    assert_eq!(sink.mails().len(), 2, "no other letter was sent");
}
