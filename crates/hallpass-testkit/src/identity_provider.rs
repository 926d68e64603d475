//! A certified OpenID provider to sign in with: `oidc-provider` from npm, spoken to over real HTTP, honest or not.
//!
//! One Node for all tests of a process, in it an [`IdentityProvider`] for each that asks: tests/oidc-provider/. What a
//! person does in a browser is a [`Visitor`]. Without Node or the package the tests fail in words that say what to run;
//! they are never left out in silence.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

pub use visitor::{Return, Visitor};

mod visitor;

/// The Node with all providers of this process. It ends when its standard input does, that is, with us.
struct Node {
    child: Child,
    port: u64,
}

/// One provider. Dropped, it hangs up.
pub struct IdentityProvider {
    http: reqwest::Client,
    id: String,
    issuer: String,
}

impl IdentityProvider {
    /// One that signs with RS256, wants PKCE, asks for no consent and knows Ann: her login is `ann`, her address
    /// `ann@example.com`, verified.
    pub async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// One with options, as tests/oidc-provider/issuer.mjs lists them. Without accounts among them it knows Ann.
    pub async fn with(mut options: Value) -> Self {
        if options["accounts"].is_null() {
            options["accounts"] = json!([{
                "login": "ann",
                "sub": "sub-of-ann",
                "preferred_username": "ann",
                "name": "Ann Archer",
                "given_name": "Ann",
                "family_name": "Archer",
                "email": "ann@example.com",
                "email_verified": true,
            }]);
        }
        let http = client();
        let made = ask(&http, "/issuers", &options).await;
        IdentityProvider {
            http,
            id: text(&made["id"]),
            issuer: text(&made["issuer"]),
        }
    }

    /// `http://127.0.0.1:port`
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address of something at it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Registers a client with a secret that comes back to this address.
    pub async fn client(&self, id: &str, secret: &str, redirect_uri: &str) {
        self.client_with(json!({
            "client_id": id,
            "client_secret": secret,
            "redirect_uris": [redirect_uri],
        }))
        .await;
    }

    /// Registers a client by its metadata, as OpenID Connect Dynamic Client Registration 1.0 names them.
    pub async fn client_with(&self, metadata: Value) {
        self.ask("clients", &metadata).await;
    }

    /// Somebody may sign in there: `login`, `sub`, and claims. The same login again replaces what was there.
    pub async fn account(&self, account: Value) {
        self.ask("accounts", &account).await;
    }

    /// The next thing that can go wrong so does: a name of tests/oidc-provider/faults.mjs.
    pub async fn fault(&self, name: &str) {
        self.ask("faults", &json!({ "name": name })).await;
    }

    /// So many times. What is slow is so for this long.
    pub async fn faults(&self, name: &str, times: usize, slow: Duration) {
        let seconds = slow.as_secs_f64();
        let fault = json!({ "name": name, "times": times, "seconds": seconds });
        self.ask("faults", &fault).await;
    }

    /// Nothing goes wrong any more.
    pub async fn forgive(&self) {
        self.ask("forgive", &Value::Null).await;
    }

    /// The faults that happened, so that a test knows what a refusal was for.
    pub async fn struck(&self) -> Vec<String> {
        texts(&self.ask("seen", &Value::Null).await["struck"])
    }

    /// The requests that came, as `GET /jwks`.
    pub async fn requests(&self) -> Vec<String> {
        texts(&self.ask("seen", &Value::Null).await["requests"])
    }

    /// How many came for this, as `POST /token`.
    pub async fn count(&self, request: &str) -> usize {
        let all = self.requests().await;
        all.iter().filter(|it| *it == request).count()
    }

    /// Signs with a new key from now on. The old one is gone.
    pub async fn rotate_keys(&self) {
        self.ask("rotate", &json!({ "keep": false })).await;
    }

    /// Hangs up on everybody.
    pub async fn stop(&self) {
        self.ask("down", &Value::Null).await;
    }

    /// Is back after [`IdentityProvider::stop`].
    pub async fn run(&self) {
        self.ask("up", &Value::Null).await;
    }

    /// A browser that was never there.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.http.clone(), &self.issuer)
    }

    /// Somebody new to it comes with this address, signs in as `login`, agrees, and is sent back.
    pub async fn visit(&self, authorization_url: &str, login: &str) -> Return {
        self.visitor().visit(authorization_url, login).await
    }

    /// What it serves at an address, which is JSON.
    pub async fn read(&self, path: &str) -> Value {
        let answer = self.http.get(self.url(path)).send().await;
        let text = answer.expect("an answer").text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Posts a form to an address of it as this client; the status and the JSON.
    pub async fn post(
        &self,
        path: &str,
        client: (&str, &str),
        form: &[(&str, &str)],
    ) -> (u16, Value) {
        let asked = self.http.post(self.url(path)).form(form);
        let asked = asked.basic_auth(client.0, Some(client.1));
        let answer = asked.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn ask(&self, action: &str, body: &Value) -> Value {
        ask(&self.http, &format!("/issuers/{}/{action}", self.id), body).await
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        // No waiting in a drop, and none is needed: that Node ends with us.
        use std::io::Write as _;
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port())) {
            let asked = format!(
                "POST /issuers/{}/end HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                self.id
            );
            let _ = stream.write_all(asked.as_bytes());
        }
    }
}

/// A client that goes where it is told to and nowhere else.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

async fn ask(http: &reqwest::Client, path: &str, body: &Value) -> Value {
    let url = format!("http://127.0.0.1:{}{path}", port());
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = http.post(url).body(body).send().await;
    let text = answer.expect("an answer").text().await.expect("a body");
    let said: Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        said["error"].is_null(),
        "{path}: {}",
        said["error"].as_str().unwrap_or_default()
    );
    said
}

fn port() -> u16 {
    static NODE: OnceLock<Node> = OnceLock::new();
    let node = NODE.get_or_init(Node::start);
    u16::try_from(node.port).expect("a port")
}

impl Node {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let packages = std::env::var_os("HALLPASS_TEST_OIDC_PROVIDER")
            .map_or_else(|| root.join("target/oidc-provider"), PathBuf::from);
        let program = std::env::var_os("HALLPASS_TEST_NODE").unwrap_or_else(|| "node".into());
        assert!(
            packages.join("node_modules/oidc-provider").is_dir(),
            "no oidc-provider at {}: run ./test once, which makes target/oidc-provider, or set \
             HALLPASS_TEST_OIDC_PROVIDER to a folder with tests/oidc-provider/package.json and package-lock.json in which \
             `npm ci` was run",
            packages.display()
        );
        let mut child = Command::new(&program)
            .arg(root.join("tests/oidc-provider/server.mjs"))
            .env("HALLPASS_TEST_OIDC_PROVIDER", &packages)
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "Node.js 20 or later is needed for this test: {} could not be started ({error}). \
                     `apt-get install nodejs npm`, or name it with HALLPASS_TEST_NODE",
                    program.display()
                )
            });
        let mut line = String::new();
        let stdout = child.stdout.take().expect("no pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("Node said nothing");
        let said = serde_json::from_str::<Value>(&line).ok();
        let Some(port) = said.and_then(|it| it["port"].as_u64()) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("oidc-provider did not start; it said {line:?}, and more above");
        };
        Node { child, port }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

/// A URL with these parameters.
pub fn with_query(url: &str, params: &[(&str, &str)]) -> String {
    let mut url = Url::parse(url).expect("a URL");
    url.query_pairs_mut().extend_pairs(params);
    url.into()
}
