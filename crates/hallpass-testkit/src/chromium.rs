//! A real browser: Chromium without a window, driven by ChromeDriver, each with a profile of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use thirtyfour::prelude::*;

/// ChromeDriver, ended when dropped.
pub struct Driver {
    child: Child,
    port: u16,
    profiles: tempfile::TempDir,
}

/// What kind of browser.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Its size, as Chromium says it: `500,900`.
    pub size: &'static str,
    /// Whether it wants dark pages.
    pub dark: bool,
    /// Whether scripts run.
    pub scripts: bool,
}

impl Driver {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is needed for this test: apt-get install chromium chromium-driver",
            );
        let profiles = tempfile::tempdir().expect("a folder");
        let driver = Driver {
            child,
            port,
            profiles,
        };
        for _ in 0..200 {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port));
            if connected.await.is_ok() {
                return driver;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("chromedriver did not start");
    }

    /// A browser that knows nothing yet; `profile` is a name for its folder.
    pub async fn browser(&self, profile: &str, window: Window) -> WebDriver {
        let mut capabilities = DesiredCapabilities::chrome();
        // 0 is dark, 1 is light.
        let blink = format!(
            "--blink-settings=preferredColorScheme={},scriptEnabled={}",
            u8::from(!window.dark),
            window.scripts
        );
        let size = format!("--window-size={}", window.size);
        let folder = self.profiles.path().join(profile);
        let folder = format!("--user-data-dir={}", folder.display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &blink,
            &size,
            &folder,
        ];
        for argument in arguments {
            capabilities.add_arg(argument).expect("an argument");
        }
        WebDriver::new(format!("http://127.0.0.1:{}", self.port), capabilities)
            .await
            .expect("a browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until what `css` finds says `wanted`: a click returns before the next page has come.
pub async fn see(browser: &WebDriver, css: &str, wanted: &str) {
    let mut seen = String::new();
    for _ in 0..200 {
        if let Ok(found) = browser.find(By::Css(css)).await
            && let Ok(text) = found.text().await
        {
            seen = text;
            if seen.contains(wanted) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("\"{wanted}\" was expected, \"{seen}\" is shown");
}

/// Types into the field that `css` finds, in place of what it holds.
pub async fn write(browser: &WebDriver, css: &str, text: &str) {
    let field = browser.find(By::Css(css)).await.expect("a field");
    field.clear().await.expect("a field to be emptied");
    field.send_keys(text).await.expect("a field to write in");
}

/// Presses what `css` finds.
pub async fn press(browser: &WebDriver, css: &str) {
    let button = browser.find(By::Css(css)).await.expect("a button");
    button.click().await.expect("a button to press");
}
