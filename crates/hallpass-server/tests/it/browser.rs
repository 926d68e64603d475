//! The whole story in Chromium, with a letter over SMTP: on a phone in the dark, and on a desk in the light.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hallpass_testkit::smtp::SmtpSink;
use hallpass_testkit::{TestDb, each_database};
use thirtyfour::prelude::*;

use crate::program::Program;

mod accounts;
mod rest;

each_database!(the_story_in_chromium);

/// ChromeDriver, ended when dropped.
struct Driver(Child, u16);

impl Driver {
    async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is needed for this test: apt-get install chromium chromium-driver",
            );
        let driver = Driver(child, port);
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
            {
                return driver;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("chromedriver did not start");
    }

    async fn browser(&self, profile: &std::path::Path, size: &str, scheme: u8) -> WebDriver {
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--blink-settings=scriptEnabled=false",
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities
            .add_arg(&format!("--window-size={size}"))
            .unwrap();
        capabilities
            .add_arg(&format!(
                "--blink-settings=preferredColorScheme={scheme},scriptEnabled=false"
            ))
            .unwrap();
        capabilities
            .add_arg(&format!("--user-data-dir={}", profile.display()))
            .unwrap();
        WebDriver::new(format!("http://127.0.0.1:{}", self.1), capabilities)
            .await
            .expect("a browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    for (round, (size, scheme)) in [("500,900", 0), ("1280,900", 1)].into_iter().enumerate() {
        let profile = folder.path().join(format!("profile{round}"));
        let browser = driver.browser(&profile, size, scheme).await;
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
