//! Somebody else's web server, as a test wants it: well behaved or not, in the clear or with TLS, over a real socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query, as it was spelled.
    pub query: String,
    /// All headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// What was posted.
    pub body: String,
}

impl Asked {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// The parameters of the query.
    pub fn parameters(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// A field of the form, else a parameter of the query.
    pub fn field(&self, name: &str) -> Option<String> {
        let all = self.form().into_iter().chain(self.parameters());
        all.into_iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Where it was asked: `http://127.0.0.1:8080`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or_default())
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Said {
    /// With a status, headers and a body.
    Whole {
        /// The status.
        status: u16,
        /// `Content-Type: text/plain`
        headers: Vec<String>,
        /// What follows.
        body: Vec<u8>,
    },
    /// Not at all, while the connection stays open.
    Silent,
    /// By hanging up.
    HangUp,
    /// With a body that never ends, as fast as it goes.
    Endless,
    /// With a body of which a letter comes now and then.
    Dribble,
}

impl Said {
    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Said::text(status, "text/plain", "")
    }

    /// JSON with 200.
    pub fn json(body: &Value) -> Self {
        Said::text(200, "application/json", &body.to_string())
    }

    /// Any text.
    pub fn text(status: u16, kind: &str, body: &str) -> Self {
        Said::Whole {
            status,
            headers: vec![format!("Content-Type: {kind}")],
            body: body.as_bytes().to_vec(),
        }
    }

    /// 302 to somewhere else.
    pub fn redirect(to: &str) -> Self {
        Said::status(302).with(&format!("Location: {to}"))
    }

    /// One more header: `Name: value`.
    #[must_use]
    pub fn with(mut self, header: &str) -> Self {
        if let Said::Whole { headers, .. } = &mut self {
            headers.push(header.to_owned());
        }
        self
    }
}

type Handler = Arc<dyn Fn(&Asked) -> Said + Send + Sync>;

/// The server.
#[derive(Clone)]
pub struct Web {
    asked: Arc<Mutex<Vec<Asked>>>,
    address: SocketAddr,
    tls: bool,
}

impl Web {
    /// One that answers as `handler` says.
    pub async fn start(handler: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(handler), None).await
    }

    /// One with TLS, and its certificate in PEM, which is for `localhost` and `idp.example`.
    pub async fn tls(handler: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> (Self, String) {
        let names = vec!["localhost".to_owned(), "idp.example".to_owned()];
        let certificate = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.cert.der().clone()],
                PrivateKeyDer::Pkcs8(key),
            )
            .expect("a key that fits");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let web = Self::with(Arc::new(handler), Some(acceptor)).await;
        (web, certificate.cert.pem())
    }

    async fn with(handler: Handler, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, tls) = (Arc::clone(&asked), acceptor.is_some());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, acceptor) = (Arc::clone(&handler), acceptor.clone());
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(&handler, &kept, stream).await;
                            }
                        }
                        None => answer(&handler, &kept, stream).await,
                    }
                });
            }
        });
        Web {
            asked,
            address,
            tls,
        }
    }

    /// Where it is: `http://127.0.0.1:8080`, `https://localhost:8443`.
    pub fn origin(&self) -> String {
        match self.tls {
            true => format!("https://localhost:{}", self.port()),
            false => format!("http://{}", self.address),
        }
    }

    /// Where it is, with a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything so far.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a path was asked.
    pub fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|it| it.path == path).count()
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Web({})", self.origin())
    }
}

async fn answer(
    handler: &Handler,
    kept: &Mutex<Vec<Asked>>,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asked.clone());
    let head =
        "HTTP/1.1 200 Said\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    match handler(&asked) {
        Said::Whole {
            status,
            headers,
            body,
        } => {
            let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let head = format!(
                "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            let _ = stream.shutdown().await;
        }
        Said::HangUp => {}
        Said::Silent => std::future::pending().await,
        Said::Endless => {
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
        Said::Dribble => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"1\r\n \r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// One request, or nothing if the other end left.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
        if body.len() < length {
            continue;
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        return Some(Asked {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.to_owned(),
        });
    }
}
