//! A Redis of one's own: the machine's program in a temporary folder, gone with the test process.
//!
//! `HALLPASS_TEST_REDIS` names another server to use where a shared one will do. Nothing on it is removed: its tests
//! use keys that nobody else has.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A server. Dropped, it stops.
pub struct Redis {
    url: String,
    folder: Option<PathBuf>,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

const MISSING: &str =
    "Redis is needed for this test and was not found: `apt-get install redis-server`";

impl Redis {
    /// The server of this process.
    pub fn shared() -> &'static Redis {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("HALLPASS_TEST_REDIS") {
            Ok(url) => Redis {
                url,
                folder: None,
                port: 0,
                options: Vec::new(),
                child: None,
            },
            Err(_) => Redis::start(),
        })
    }

    /// A server that no other test uses.
    pub fn start() -> Self {
        Self::start_in(|_, port| (format!("redis://127.0.0.1:{port}/0"), plain(port)))
    }

    /// One with a password.
    pub fn start_with_password(password: &str) -> Self {
        Self::start_in(|_, port| {
            let mut options = plain(port);
            options.extend(["--requirepass".to_owned(), password.to_owned()]);
            (format!("redis://:{password}@127.0.0.1:{port}/0"), options)
        })
    }

    /// One on a socket as well; and the socket's URL.
    pub fn start_with_socket() -> (Self, String) {
        let mut socket = String::new();
        let server = Self::start_in(|folder, port| {
            let path = folder.join("redis.sock").display().to_string();
            socket = format!("unix://{path}");
            let mut options = plain(port);
            options.extend(["--unixsocket".to_owned(), path]);
            (format!("redis://127.0.0.1:{port}/0"), options)
        });
        (server, socket)
    }

    /// One that speaks nothing but TLS, with a certificate of its own for `localhost`; its URL names that as the root.
    pub fn start_with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let certificate = made.expect("a certificate");
        Self::start_in(|folder, port| {
            let (cert, key) = (folder.join("server.crt"), folder.join("server.key"));
            std::fs::write(&cert, certificate.cert.pem()).expect("a file");
            std::fs::write(&key, certificate.signing_key.serialize_pem()).expect("a file");
            let (cert, key) = (cert.display().to_string(), key.display().to_string());
            let url = format!("rediss://localhost:{port}/0?ssl_ca_certs={cert}");
            let options = [
                ["--port", "0"],
                ["--tls-port", &port.to_string()],
                ["--tls-cert-file", &cert],
                ["--tls-key-file", &key],
                ["--tls-auth-clients", "no"],
            ];
            (
                url,
                options.as_flattened().iter().map(|&it| it.into()).collect(),
            )
        })
    }

    fn start_in(prepare: impl FnOnce(&Path, u16) -> (String, Vec<String>)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("hallpass-redis-")
            .tempdir()
            .expect("a folder")
            .keep();
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let (url, options) = prepare(&folder, port);
        let mut server = Redis {
            url,
            folder: Some(folder),
            port,
            options,
            child: None,
        };
        server.run();
        server
    }

    /// For HALLPASS_REDIS_URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks a server of ours, without password or TLS: one command in, the answer as it comes over the wire.
    pub fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a server");
        let asked = format!("{command}\r\nQUIT\r\n");
        stream.write_all(asked.as_bytes()).expect("a question");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server again after [`Redis::stop`], empty.
    pub fn run(&mut self) {
        // The shell waits on a pipe that we hold. However we end, the pipe closes, and it clears up.
        const SHELL: &str = "\"$@\" >\"$FOLDER/log\" 2>&1 & read _; kill -TERM $!; wait; \
                             [ -e \"$FOLDER/keep\" ] || rm -rf \"$FOLDER\"";
        let program = program().expect(MISSING);
        let folder = self.folder.clone().expect("a server of ours");
        let _ = std::fs::remove_file(folder.join("keep"));
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, "sh"]).arg(program);
        shell.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        shell.arg("--dir").arg(&folder).args(&self.options);
        shell.env("FOLDER", &folder).stdin(Stdio::piped());
        self.child = Some(shell.spawn().expect("a shell"));
        let start = Instant::now();
        while !self.answers() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "Redis did not start:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it is up; a server that wants a password or TLS says so in its own way.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut answer = [0; 1];
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let asked = stream.write_all(b"PING\r\n").is_ok();
        self.url.starts_with("rediss:") || (asked && stream.read(&mut answer).is_ok_and(|n| n == 1))
    }

    /// Stops the server; it forgets everything.
    pub fn stop(&mut self) {
        let folder = self.folder.as_ref().expect("a server of ours");
        std::fs::write(folder.join("keep"), "").expect("a mark");
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            child.wait().expect("the shell ends");
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        match self.child.take() {
            Some(mut child) => {
                drop(child.stdin.take());
                let _ = child.wait();
            }
            // Stopped before: nobody else clears up.
            None => {
                if let Some(folder) = &self.folder {
                    let _ = std::fs::remove_dir_all(folder);
                }
            }
        }
    }
}

fn plain(port: u16) -> Vec<String> {
    vec!["--port".to_owned(), port.to_string()]
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| ["redis-server", "valkey-server"].map(|name| folder.join(name)))
        .find(|program| program.is_file())
}
