//! The program as it stands is started and played: a stranger signs up and sees the page.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Response};

/// The program, ended when dropped.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Served {
    fn start(folder: &std::path::Path, address: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_axum-app"))
            .current_dir(folder)
            .env_clear()
            .env("HALLPASS_LISTEN", address)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let served = Served(child.unwrap());
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                return served;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not serve");
    }

    /// The first link in what it prints.
    fn printed_link(&mut self) -> String {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let line = lines
            .find(|line| line.starts_with("http"))
            .expect("a letter with a link");
        line.trim().to_owned()
    }
}

async fn get(browser: &Client, url: &str) -> String {
    let asked = browser.get(url).header("accept", "text/html");
    asked.send().await.unwrap().text().await.unwrap()
}

async fn fill(browser: &Client, url: &str, fields: &[(&str, &str)]) -> Response {
    let page = get(browser, url).await;
    let (_, rest) = page
        .split_once("csrfmiddlewaretoken\" value=\"")
        .expect("a form");
    let token = rest.split('"').next().unwrap();
    let mut all = vec![("csrfmiddlewaretoken", token)];
    all.extend_from_slice(fields);
    browser.post(url).form(&all).send().await.unwrap()
}

#[tokio::test]
async fn a_stranger_signs_up_and_sees_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut served = Served::start(folder.path(), &address);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let browser = Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap();
    let origin = format!("http://{address}");

    assert!(get(&browser, &origin).await.contains("Sign in"));
    let fields = [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", "correct-horse-9"),
        ("password2", "correct-horse-9"),
    ];
    let page = fill(&browser, &format!("{origin}/accounts/signup/"), &fields).await;
    let hello = "Hello ann. Only you can see this.";
    assert_eq!(page.text().await.unwrap(), hello);

    // The letter that confirms the address is printed; its link leads to a button.
    let link = served.printed_link();
    assert!(link.starts_with(&origin), "{link}");
    assert_eq!(fill(&browser, &link, &[]).await.status(), 200);
    assert_eq!(get(&browser, &origin).await, hello);
}
