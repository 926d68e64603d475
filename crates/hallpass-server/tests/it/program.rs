//! The program under test: started with an environment of its own, spoken to over sockets, ended when dropped.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use hallpass_testkit::app::SECRET;
use reqwest::{Client, Response};

/// How the program is started.
pub(crate) struct Program {
    variables: BTreeMap<String, String>,
    folder: PathBuf,
}

impl Program {
    /// On a database, in a folder.
    pub(crate) fn new(folder: &Path, database_url: &str) -> Self {
        let mut program = Program {
            variables: BTreeMap::new(),
            folder: folder.to_owned(),
        };
        program
            .set("DATABASE_URL", database_url)
            .set("SECRET_KEY", SECRET)
            .set("HALLPASS_LISTEN", "127.0.0.1:0");
        program
    }

    /// In a folder, with nothing set.
    pub(crate) fn bare(folder: &Path) -> Self {
        Program {
            variables: BTreeMap::new(),
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Mail by SMTP to this port.
    pub(crate) fn mail_to(&mut self, port: u16) -> &mut Self {
        self.set("EMAIL_BACKEND", "smtp")
            .set("EMAIL_HOST", "127.0.0.1")
            .set("EMAIL_PORT", &port.to_string())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallpass"));
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command()
            .args(arguments)
            .output()
            .expect("a program that runs")
    }

    /// Runs a command that reads this.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        use std::io::Write as _;
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("a program that runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("a reader");
        drop(stdin);
        child.wait_with_output().expect("an end")
    }

    /// Runs a command that must succeed; what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    /// Serves, and waits until it does.
    pub(crate) fn serve(&self) -> Serving {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let log = Arc::new(Mutex::new(String::new()));
        let mut errors = child.stderr.take().expect("a pipe");
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let Some(origin) = first.strip_prefix("Hallpass serves at ").map(str::to_owned) else {
            let _ = child.wait();
            panic!("it did not serve: {first}{}", log.lock().unwrap());
        };
        let output = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&output);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Serving {
            child,
            origin,
            log,
            output,
        }
    }
}

/// A server.
pub(crate) struct Serving {
    child: Child,
    /// `http://127.0.0.1:port`
    pub(crate) origin: String,
    log: Arc<Mutex<String>>,
    output: Arc<Mutex<String>>,
}

impl Serving {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// What it printed after its first line.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// What it printed, as soon as that holds this.
    pub(crate) fn printed(&self, wanted: &str) -> String {
        let begun = std::time::Instant::now();
        loop {
            let output = self.output();
            if output.contains(wanted) {
                return output;
            }
            assert!(begun.elapsed().as_secs() < 30, "no {wanted}: {output}");
            std::thread::yield_now();
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a signal");
        self.child.wait().expect("an end");
    }

    /// SIGTERM, which must end well; all that was logged.
    pub(crate) fn terminate_and_log(self) -> String {
        let log = Arc::clone(&self.log);
        assert!(self.terminate());
        // The one who reads the log has the other half, until there is no more.
        while Arc::strong_count(&log) > 1 {
            std::thread::yield_now();
        }
        let log = log.lock().unwrap();
        log.clone()
    }

    /// SIGTERM; whether it ended well.
    pub(crate) fn terminate(mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .expect("kill")
                .success()
        );
        self.child.wait().expect("an end").success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person at a keyboard, over HTTP.
#[derive(Clone)]
pub(crate) struct Person {
    client: Client,
}

impl Person {
    pub(crate) fn new() -> Self {
        // Plain HTTP all the way, but the client wants to know by what it would encrypt.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        Person {
            client: client.build().expect("a client"),
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Response {
        self.client.get(url).send().await.expect("an answer")
    }

    /// Opens a page, fills its form and posts it.
    pub(crate) async fn fill(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.get(url).await.text().await.expect("a page");
        let token = page
            .split_once("csrfmiddlewaretoken\" value=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        let mut all = vec![("csrfmiddlewaretoken", token.unwrap_or_default())];
        all.extend_from_slice(fields);
        self.client
            .post(url)
            .form(&all)
            .send()
            .await
            .expect("an answer")
    }
}

/// Where an answer redirects.
pub(crate) fn location(response: &Response) -> &str {
    response
        .headers()
        .get("location")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
