//! A PostgreSQL of one's own: the machine's programs in a temporary folder, gone with the test process.
//!
//! `HALLPASS_TEST_POSTGRES` names another server to use (a URL of somebody who may create databases).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hallpass_core::store::{DatabaseUrl, Db, migrate};
use tokio::sync::OnceCell;

/// A server. Dropped, it stops.
pub struct Postgres {
    admin: String,
    folder: Option<PathBuf>,
    port: u16,
    child: Option<Child>,
    template: OnceCell<String>,
}

const MISSING: &str = "PostgreSQL is needed for this test and was not found: `apt-get install postgresql`, or name a \
                       server with HALLPASS_TEST_POSTGRES";

impl Postgres {
    /// The server of this process.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("HALLPASS_TEST_POSTGRES") {
            Ok(admin) => Postgres {
                admin,
                folder: None,
                port: 0,
                child: None,
                template: OnceCell::new(),
            },
            Err(_) => Postgres::start(),
        })
    }

    /// A server that no other test uses.
    pub fn start() -> Self {
        Self::start_in(|_, _| {})
    }

    /// One that speaks TLS, with a certificate for `localhost`; and that certificate, as PEM.
    #[cfg(feature = "servers")]
    pub fn start_with_tls() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let certificate = made.expect("a certificate");
        let pem = certificate.cert.pem();
        let server = Self::start_in(|data, user| {
            let key = data.join("server.key");
            std::fs::write(data.join("server.crt"), &pem).expect("a file");
            std::fs::write(&key, certificate.signing_key.serialize_pem()).expect("a file");
            must(Command::new("chmod").arg("600").arg(&key));
            if !user.is_empty() {
                must(Command::new("chown").arg(user).arg(&key));
            }
            let mut settings =
                std::fs::read_to_string(data.join("postgresql.conf")).expect("settings");
            settings.push_str("\nssl = on\n");
            std::fs::write(data.join("postgresql.conf"), settings).expect("settings");
        });
        (server, pem)
    }

    fn start_in(prepare: impl FnOnce(&Path, &str)) -> Self {
        let programs = programs().expect(MISSING);
        let parent = if Path::new("/dev/shm").is_dir() {
            PathBuf::from("/dev/shm")
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::Builder::new()
            .prefix("hallpass-pg-")
            .tempdir_in(parent)
            .expect("a folder")
            .keep();
        let user = if is_root() { "postgres" } else { "" };
        if !user.is_empty() {
            must(Command::new("chown").arg(user).arg(&folder));
        }
        let mut initdb = as_user(user, &programs.join("initdb"));
        must(initdb.arg("-D").arg(folder.join("data")).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]));
        prepare(&folder.join("data"), user);
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let admin = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        let mut server = Postgres {
            admin,
            folder: Some(folder),
            port,
            child: None,
            template: OnceCell::new(),
        };
        server.run();
        server
    }

    /// Starts the server again after [`Postgres::stop`].
    pub fn run(&mut self) {
        // The shell waits on a pipe that we hold. However we end, the pipe closes, and it clears up.
        const SHELL: &str = "\"$@\" >\"$FOLDER/log\" 2>&1 & read _; kill -INT $!; wait; \
                             [ -e \"$FOLDER/keep\" ] || rm -rf \"$FOLDER\"";
        let programs = programs().expect(MISSING);
        let folder = self.folder.clone().expect("a server of ours");
        let _ = std::fs::remove_file(folder.join("keep"));
        let user = if is_root() { "postgres" } else { "" };
        let server = as_user(user, &programs.join("postgres"));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SHELL, "sh"])
            .arg(server.get_program())
            .args(server.get_args());
        shell
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(&folder)
            .arg("-p")
            .arg(self.port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "full_page_writes=off",
            "max_connections=300",
        ] {
            shell.args(["-c", setting]);
        }
        shell.env("FOLDER", &folder).stdin(Stdio::piped());
        self.child = Some(shell.spawn().expect("a shell"));
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "PostgreSQL did not start:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Stops the server; its data stay.
    pub fn stop(&mut self) {
        let folder = self.folder.as_ref().expect("a server of ours");
        std::fs::write(folder.join("keep"), "").expect("a mark");
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            child.wait().expect("the shell ends");
        }
    }

    /// The URL of a database on this server.
    fn url(&self, name: &str) -> String {
        let mut url = url::Url::parse(&self.admin).expect("a URL");
        url.set_path(name);
        url.into()
    }

    /// Runs a statement as the one who may do everything. The server may be just starting.
    async fn administer(&self, sql: &str) {
        let url = DatabaseUrl::parse(&self.admin).expect("a URL");
        let start = Instant::now();
        loop {
            let db = Db::open(&url, 1, Duration::from_secs(10)).expect("a pool");
            match db.conn().execute(sql, &[]).await {
                Ok(_) => return,
                Err(error) => assert!(
                    start.elapsed() < Duration::from_secs(20),
                    "{sql}: {error:?}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A database without tables.
    pub async fn create_empty_database(&self) -> String {
        let name = fresh_name("empty");
        self.administer(&format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// A database with all tables.
    pub async fn create_database(&self) -> String {
        let template = self
            .template
            .get_or_init(|| async {
                let name = fresh_name("template");
                self.administer(&format!("CREATE DATABASE {name}")).await;
                let url = DatabaseUrl::parse(&self.url(&name)).expect("a URL");
                let db = Db::open(&url, 1, Duration::from_secs(10)).expect("a pool");
                migrate(&db).await.expect("the tables are made");
                name
            })
            .await;
        let name = fresh_name("test");
        self.administer(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await;
        self.url(&name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

fn fresh_name(kind: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "hallpass_{kind}_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout.starts_with(b"0")
}

/// PostgreSQL refuses to run as root.
fn as_user(user: &str, program: &Path) -> Command {
    if user.is_empty() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={user}"),
            "--init-groups",
        ])
        .arg(program);
    command.current_dir("/");
    command
}

fn must(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The folder with initdb and postgres.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}
