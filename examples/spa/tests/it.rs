//! The page is played in Chromium.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use hallpass_testkit::TestApp;

async fn app() -> TestApp {
    let mut setup = TestApp::setup();
    for (name, value) in spa::SETTINGS {
        setup = setup.set(*name, *value);
    }
    setup.around(spa::router).await
}

#[tokio::test]
async fn the_page_allows_only_its_own() {
    let app = app().await;
    let mut browser = app.visitor();
    let page = browser.get("/").await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; "),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"));
    for (path, kind) in [
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/api.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
    ] {
        assert_eq!(
            browser.get(path).await.header("content-type"),
            kind,
            "{path}"
        );
    }
}

mod browser {
    use hallpass_testkit::chromium::{Driver, Window, press, see, write};
    use thirtyfour::prelude::*;

    use super::app;

    const PASSWORD: &str = "correct-horse-9";

    async fn log_in(browser: &WebDriver, password: &str) {
        write(browser, "#login-email", "ann@example.com").await;
        write(browser, "#login-password", password).await;
        press(browser, "#login button").await;
    }

    async fn value(browser: &WebDriver, css: &str) -> String {
        let field = browser.find(By::Css(css)).await.unwrap();
        field.prop("value").await.unwrap().unwrap_or_default()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_whole_life_in_one_page() {
        let app = app().await;
        let origin = app.serve().await;
        let driver = Driver::start().await;
        for (round, dark) in [true, false].into_iter().enumerate() {
            let window = Window {
                size: if dark { "500,900" } else { "1280,900" },
                dark,
                scripts: true,
            };
            let browser = driver.browser(&format!("profile{round}"), window).await;
            browser.goto(format!("{origin}/")).await.unwrap();
            see(&browser, "#login h1", "Log in").await;
            if round == 0 {
                press(&browser, "a[href='#signup']").await;
                see(&browser, "#signup h1", "Sign up").await;
                write(&browser, "#signup-email", "ann@example.com").await;
                write(&browser, "#signup-password", "12345678").await;
                press(&browser, "#signup button").await;
                see(&browser, "#note", "too common").await;
                write(&browser, "#signup-password", PASSWORD).await;
                press(&browser, "#signup button").await;
                see(&browser, "#sent h1", "Check your mail").await;
                let letter = app.letter().await;
                let start = letter.text.find("http").unwrap();
                let link = letter.text[start..].split_whitespace().next().unwrap();
                assert!(link.starts_with(&format!("{origin}/#confirm/")), "{link}");

                // Nobody gets in before the address is proved.
                press(&browser, "a[href='#login']").await;
                see(&browser, "#login h1", "Log in").await;
                log_in(&browser, PASSWORD).await;
                see(&browser, "#note", "not verified").await;
                app.letters().await;

                browser.goto(link).await.unwrap();
                see(&browser, "#confirm h1", "Confirm your address").await;
                press(&browser, "#confirm button").await;
                see(&browser, "#note", "confirmed").await;
                assert!(
                    !browser
                        .current_url()
                        .await
                        .unwrap()
                        .as_str()
                        .contains("confirm")
                );
            }
            log_in(&browser, "wrong-horse-9").await;
            see(&browser, "#note", "Unable to log in").await;
            log_in(&browser, PASSWORD).await;
            see(&browser, "#profile h1", "Your profile").await;
            see(&browser, "#email", "ann@example.com").await;
            if round == 0 {
                write(&browser, "#first-name", "<b>Ann</b>").await;
                press(&browser, "#profile button").await;
                see(&browser, "#note", "Saved.").await;
            }
            browser.refresh().await.unwrap();
            see(&browser, "#profile h1", "Your profile").await;
            assert_eq!(value(&browser, "#first-name").await, "<b>Ann</b>");
            // What a script can read is of no use to a thief.
            let cookies = browser.execute("return document.cookie", vec![]).await;
            let cookies: String = cookies.unwrap().convert().unwrap();
            assert!(cookies.contains("csrftoken") && !cookies.contains("sessionid"));
            let stored =
                browser.execute("return localStorage.length + sessionStorage.length", vec![]);
            assert_eq!(stored.await.unwrap().convert::<u64>().unwrap(), 0);
            press(&browser, "#logout").await;
            see(&browser, "#note", "logged out").await;
            browser.goto(format!("{origin}/#profile")).await.unwrap();
            browser.refresh().await.unwrap();
            see(&browser, "#login h1", "Log in").await;
            browser.quit().await.unwrap();
        }
        assert_eq!(
            app.count("django_session").await,
            0,
            "logging out ends the session"
        );
        app.no_other_letter_was_sent().await;
    }
}
