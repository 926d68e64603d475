//! An SMS gateway that keeps what it gets: HTTP over a real socket, well behaved or not.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status and nothing else.
    Status(u16),
    /// With this status and a body of JSON.
    With(u16, String),
    /// With 307 to somewhere else.
    Redirect(String),
    /// Not at all, while the connection stays open.
    Silent,
    /// By hanging up.
    HangUp,
    /// With this status and a body that never ends.
    Endless(u16),
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Posted {
    /// `POST /path HTTP/1.1`
    pub line: String,
    /// All headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// What was posted.
    pub body: String,
}

impl Posted {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

#[derive(Default)]
struct Inner {
    replies: Mutex<VecDeque<Reply>>,
    posted: Mutex<Vec<Posted>>,
    came: Notify,
}

/// The gateway.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
    address: SocketAddr,
    tls: bool,
}

impl Gateway {
    /// One that takes every text with 200.
    pub async fn start() -> Self {
        Self::with(None).await
    }

    /// One with TLS, and its certificate in PEM, which is for `localhost`.
    pub async fn tls() -> (Self, String) {
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
            .expect("a certificate");
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
        let gateway = Self::with(Some(TlsAcceptor::from(Arc::new(config)))).await;
        (gateway, certificate.cert.pem())
    }

    async fn with(acceptor: Option<TlsAcceptor>) -> Self {
        let tls = acceptor.is_some();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner::default());
        let kept = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (inner, acceptor) = (Arc::clone(&kept), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(&inner, stream).await;
                            }
                        }
                        None => answer(&inner, stream).await,
                    }
                });
            }
        });
        Gateway {
            inner,
            address,
            tls,
        }
    }

    /// Where it is, with a path.
    pub fn url(&self, path: &str) -> String {
        match self.tls {
            true => format!("https://localhost:{}{path}", self.address.port()),
            false => format!("http://{}{path}", self.address),
        }
    }

    /// Answers the next requests so, one each; those after them are taken.
    pub fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut queue = self
            .inner
            .replies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *queue = replies.into_iter().collect();
    }

    /// Everything so far.
    pub fn posted(&self) -> Vec<Posted> {
        let posted = self.inner.posted.lock();
        posted.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for this many; gives up loudly after a while.
    pub async fn wait_for(&self, count: usize) -> Vec<Posted> {
        let wait = async {
            loop {
                let came = self.inner.came.notified();
                let posted = self.posted();
                if posted.len() >= count {
                    return posted;
                }
                came.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap_or_else(|_| panic!("{count} texts were expected: {:?}", self.posted()))
    }
}

async fn answer(inner: &Inner, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Some(posted) = read(&mut stream).await else {
        return;
    };
    let reply = {
        let mut queue = inner.replies.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front().unwrap_or(Reply::Status(200))
    };
    inner
        .posted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(posted);
    inner.came.notify_waiters();
    let say = |status: u16, more: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
        )
    };
    let text = match reply {
        Reply::Status(status) => say(status, "", ""),
        Reply::With(status, body) => say(status, "Content-Type: application/json\r\n", &body),
        Reply::Redirect(to) => say(307, &format!("Location: {to}\r\n"), ""),
        Reply::HangUp => return,
        Reply::Silent => return std::future::pending().await,
        Reply::Endless(status) => {
            let head = format!("HTTP/1.1 {status} Said\r\nTransfer-Encoding: chunked\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// One request, or nothing if the other end left.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Posted> {
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
        if body.len() >= length {
            return Some(Posted {
                line,
                headers,
                body: body.to_owned(),
            });
        }
    }
}
