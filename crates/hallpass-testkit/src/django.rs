//! A real Django beside Hallpass, on the same database and with the same secret.
//!
//! Each question is one run of `tests/django/peer.py`, which answers with JSON; [`DjangoPeer::serve`] keeps a Django
//! web server running instead. Both panic in words that say what to run when the virtual environment is not there:
//! a test that needs Django fails without it, it is never left out in silence.

#![expect(
    clippy::expect_used,
    reason = "a test that lacks its peer fails here, in words"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A Django project on one database. Every call blocks until Python has answered, about half a second.
#[derive(Clone)]
pub struct DjangoPeer {
    python: PathBuf,
    script: PathBuf,
    vars: Vec<(String, String)>,
}

impl DjangoPeer {
    /// A peer on `database_url` (`sqlite:////absolute/path`, `postgres://user@127.0.0.1:5432/name`) that shares
    /// `secret_key`. Nothing runs yet.
    ///
    /// # Panics
    /// When there is no Python with Django: neither `HALLPASS_TEST_PYTHON` nor `target/venv`.
    pub fn new(database_url: &str, secret_key: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = std::env::var_os("HALLPASS_TEST_PYTHON")
            .map_or_else(|| root.join("target/venv/bin/python"), PathBuf::from);
        assert!(
            python.exists(),
            "no Python with Django at {}: run ./test once, which makes target/venv, or set HALLPASS_TEST_PYTHON to \
             the python of a virtual environment with tests/django/requirements.txt",
            python.display()
        );
        DjangoPeer {
            python,
            script: root.join("tests/django/peer.py"),
            vars: Vec::new(),
        }
        .with("DATABASE_URL", database_url)
        .with("SECRET_KEY", secret_key)
    }

    /// One more environment variable that tests/django/settings.py reads, such as `SECRET_KEY_FALLBACKS`, `TIME_ZONE`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks one thing: the words of `python tests/django/peer.py …`.
    ///
    /// # Panics
    /// When Python fails, with what it said.
    pub fn ask(&self, words: &[&str]) -> Value {
        let output = self
            .command(words)
            .output()
            .expect("Python could not be started");
        assert!(
            output.status.success(),
            "peer.py {}: {}\n{}",
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "peer.py {}: no JSON: {error}\n{}",
                words.join(" "),
                String::from_utf8_lossy(&output.stdout)
            )
        })
    }

    /// Makes Django's tables.
    pub fn migrate(&self) {
        self.ask(&["migrate"]);
    }

    /// Makes a user with a verified address; the user's key.
    pub fn make_user(&self, username: &str, email: &str, password: &str) -> i64 {
        let user = self.ask(&[
            "make-user",
            "--verified",
            "--username",
            username,
            "--email",
            email,
            "--password",
            password,
        ]);
        user["id"].as_i64().expect("a user without a key")
    }

    /// The columns of a user that matter here: `id`, `username`, `email`, `password`, `is_active`, `last_login`.
    pub fn user(&self, id: i64) -> Value {
        self.ask(&["show-user", "--user", &id.to_string()])
    }

    /// A session in which `user` is signed in; its cookie's value.
    pub fn session_create(&self, user: i64) -> String {
        text(
            &self.ask(&["session-create", "--user", &user.to_string()]),
            "key",
        )
    }

    /// What Django sees behind a session cookie: `exists`, `data`, and `user`, null unless signed in.
    pub fn session_read(&self, key: &str) -> Value {
        self.ask(&["session-read", &format!("--key={key}")])
    }

    /// Whether Django takes the password for this hash.
    pub fn check_password(&self, password: &str, encoded: &str) -> bool {
        let answer = self.ask(&[
            "check-password",
            &format!("--password={password}"),
            &format!("--encoded={encoded}"),
        ]);
        truth(&answer, "correct")
    }

    /// Django's hash of a password by the named hasher: `pbkdf2_sha256`, `argon2`, `bcrypt_sha256`, `scrypt` …
    pub fn make_password(&self, password: &str, hasher: &str) -> String {
        let answer = self.ask(&[
            "make-password",
            &format!("--password={password}"),
            "--hasher",
            hasher,
        ]);
        text(&answer, "encoded")
    }

    /// Whether Django would rewrite this hash at the next sign-in.
    pub fn must_update(&self, encoded: &str) -> bool {
        truth(
            &self.ask(&["must-update", &format!("--encoded={encoded}")]),
            "must_update",
        )
    }

    /// A reset token for the user, which is a sign-in link's token too: `(uidb64, token)`.
    pub fn make_token(&self, user: i64) -> (String, String) {
        let answer = self.ask(&["make-token", "--user", &user.to_string()]);
        (text(&answer, "uidb64"), text(&answer, "token"))
    }

    /// Whether Django takes the token for the user.
    pub fn check_token(&self, user: i64, token: &str) -> bool {
        let answer = self.ask(&[
            "check-token",
            "--user",
            &user.to_string(),
            &format!("--token={token}"),
        ]);
        truth(&answer, "valid")
    }

    /// django-sesame's token for the user and a scope. Its settings are in the variable `SESAME`, as JSON.
    pub fn sesame_make(&self, user: i64, scope: &str) -> String {
        let scope = format!("--scope={scope}");
        let answer = self.ask(&["sesame-make", "--user", &user.to_string(), &scope]);
        text(&answer, "token")
    }

    /// Whom a view of this scope, behind django-sesame's decorator, sees at a URL.
    pub fn sesame_open(&self, url: &str, scope: &str) -> Option<i64> {
        let (url, scope) = (format!("--url={url}"), format!("--scope={scope}"));
        self.ask(&["sesame-open", &url, &scope])["user"].as_i64()
    }

    /// Runs Django's web server with the pages of tests/django/urls.py until the answer is dropped.
    pub fn serve(&self) -> DjangoServer {
        let mut child = self
            .command(&["serve"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python could not be started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("no pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("Django said nothing");
        let Some(port) = serde_json::from_str::<Value>(&line)
            .ok()
            .and_then(|it| it["port"].as_u64())
        else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("Django did not start; it said {line:?}, and more above");
        };
        DjangoServer {
            child,
            origin: format!("http://127.0.0.1:{port}"),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(&self.script)
            .args(words)
            .env_remove("SECRET_KEY_FALLBACKS")
            .env_remove("TIME_ZONE")
            .env_remove("SIMPLE_JWT")
            .env_remove("SESAME")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }
}

/// A running Django. Dropped, it ends.
pub struct DjangoServer {
    child: Child,
    origin: String,
}

impl DjangoServer {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for DjangoServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {answer}"))
        .to_owned()
}

fn truth(answer: &Value, name: &str) -> bool {
    answer[name]
        .as_bool()
        .unwrap_or_else(|| panic!("no truth value {name} in {answer}"))
}

#[cfg(test)]
mod real_django {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn peer(folder: &tempfile::TempDir) -> DjangoPeer {
        let file = folder.path().join("django.sqlite3");
        let peer = DjangoPeer::new(&format!("sqlite:///{}", file.display()), "a shared secret");
        peer.migrate();
        peer
    }

    #[test]
    fn it_signs_in_and_answers_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let peer = peer(&folder);
        let ann = peer.make_user("ann", "ann@example.com", "corréct horse");
        assert_eq!(peer.user(ann)["email"], "ann@example.com");

        let key = peer.session_create(ann);
        assert_eq!(peer.session_read(&key)["user"], ann);
        assert_eq!(peer.session_read("anotherkey")["exists"], false);
        let stranger = peer.clone().with("SECRET_KEY", "another secret");
        assert_eq!(stranger.session_read(&key)["user"], Value::Null);

        let encoded = peer.make_password("-p=1", "argon2");
        assert!(encoded.starts_with("argon2$argon2id$"));
        assert!(peer.check_password("-p=1", &encoded));
        assert!(!peer.check_password("-p=2", &encoded));
        assert!(peer.must_update(&encoded));

        let (uid, token) = peer.make_token(ann);
        assert_eq!(uid, "MQ");
        assert!(peer.check_token(ann, &token));
        assert!(!stranger.check_token(ann, &token));
    }

    #[test]
    fn its_pages_know_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let peer = peer(&folder);
        let ann = peer.make_user("ann", "ann@example.com", "correct horse");
        let key = peer.session_create(ann);
        let server = peer.serve();
        let whoami = |cookie: &str| {
            let host = server.origin().strip_prefix("http://").unwrap();
            let mut stream = TcpStream::connect(host).unwrap();
            let cookie = format!("Cookie: sessionid={cookie}");
            write!(
                stream,
                "GET /whoami/ HTTP/1.0\r\nHost: 127.0.0.1\r\n{cookie}\r\n\r\n"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(whoami(&key).contains("\"username\": \"ann\""));
        assert!(whoami("anotherkey").contains("\"is_authenticated\": false"));
    }
}
