//! A mail server that keeps what it gets: SMTP over a real socket, with STARTTLS and AUTH where a test wants them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes every mail.
    Good,
    /// Hangs up at once.
    Refuse,
    /// Accepts the connection and never says a word.
    Silent,
    /// Answers so many mails with 451, then is good.
    Busy(u32),
    /// Answers every mail with 550.
    Never,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// By STARTTLS, demanded before a mail.
    StartTls,
    /// From the first byte.
    Tls,
}

/// A mail that came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body as they came, undotted.
    pub raw: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// What AUTH PLAIN gave: user and password.
    pub login: Option<(String, String)>,
}

impl Received {
    /// The body with quoted-printable undone and soft line breaks closed: enough to find a link.
    pub fn text(&self) -> String {
        let joined = self.raw.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) if *first == b'=' => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                _ => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

struct Inner {
    mood: Mutex<Mood>,
    mails: Mutex<Vec<Received>>,
    came: Notify,
    protection: Protection,
    acceptor: TlsAcceptor,
}

/// The server.
#[derive(Clone)]
pub struct SmtpSink {
    inner: Arc<Inner>,
    address: SocketAddr,
    ca_pem: String,
}

impl SmtpSink {
    /// An unprotected one.
    pub async fn start() -> Self {
        Self::with(Protection::None).await
    }

    /// One with TLS; its certificate is for `localhost`.
    pub async fn with(protection: Protection) -> Self {
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
            .expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
            certificate.signing_key.serialize_der(),
        ));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .expect("a key that fits");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            mood: Mutex::new(Mood::Good),
            mails: Mutex::default(),
            came: Notify::new(),
            protection,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        });
        let server = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(Arc::clone(&server), stream));
            }
        });
        SmtpSink {
            inner,
            address,
            ca_pem: certificate.cert.pem(),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate, for HALLPASS_MAIL_CA_FILE.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Changes how it behaves from the next connection or mail on.
    pub fn set_mood(&self, mood: Mood) {
        *self.inner.mood.lock().expect("a mood") = mood;
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<Received> {
        self.inner.mails.lock().expect("mails").clone()
    }

    /// Waits until there are so many.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let waiting = async {
            loop {
                let came = self.inner.came.notified();
                let mails = self.mails();
                if mails.len() >= count {
                    return mails;
                }
                came.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        waited
            .unwrap_or_else(|_| panic!("{count} mails were expected, {} came", self.mails().len()))
    }
}

async fn receive(inner: Arc<Inner>, stream: TcpStream) {
    let mood = *inner.mood.lock().expect("a mood");
    match mood {
        Mood::Refuse => return,
        Mood::Silent => {
            // Until the other side gives up.
            let mut reader = BufReader::new(stream);
            let _ = reader.read_line(&mut String::new()).await;
            return;
        }
        _ => {}
    }
    if inner.protection == Protection::Tls {
        if let Ok(stream) = inner.acceptor.accept(stream).await {
            talk(&inner, BufReader::new(stream), true, true).await;
        }
        return;
    }
    if let Some(plain) = talk(&inner, BufReader::new(stream), false, true).await
        && let Ok(stream) = inner.acceptor.accept(plain).await
    {
        talk(&inner, BufReader::new(stream), true, false).await;
    }
}

/// Speaks SMTP. Gives the stream back when STARTTLS was agreed on.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    inner: &Inner,
    mut stream: BufReader<S>,
    tls: bool,
    greet: bool,
) -> Option<S> {
    let mut login = None;
    let (mut from, mut to) = (String::new(), Vec::new());
    if greet {
        stream.write_all(b"220 sink\r\n").await.ok()?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let upper = line.to_ascii_uppercase();
        let answer: String = if upper.starts_with("EHLO") {
            let start = if inner.protection == Protection::StartTls && !tls {
                "250-STARTTLS\r\n"
            } else {
                ""
            };
            format!("250-sink\r\n{start}250 AUTH PLAIN\r\n")
        } else if upper == "STARTTLS" {
            stream.write_all(b"220 go\r\n").await.ok()?;
            return Some(stream.into_inner());
        } else if let Some(given) = line.strip_prefix("AUTH PLAIN ") {
            login = decode_plain(given);
            "235 in\r\n".to_owned()
        } else if upper.starts_with("MAIL FROM") && inner.protection == Protection::StartTls && !tls
        {
            "530 STARTTLS first\r\n".to_owned()
        } else if upper.starts_with("MAIL FROM") {
            (from, to) = (angle(line), Vec::new());
            "250 ok\r\n".to_owned()
        } else if upper.starts_with("RCPT TO") {
            to.push(angle(line));
            verdict(inner).unwrap_or("250 ok\r\n").to_owned()
        } else if upper == "DATA" {
            stream.write_all(b"354 go\r\n").await.ok()?;
            let raw = read_data(&mut stream).await?;
            let mail = Received {
                from: from.clone(),
                to: to.clone(),
                raw,
                tls,
                login: login.clone(),
            };
            inner.mails.lock().expect("mails").push(mail);
            inner.came.notify_waiters();
            "250 kept\r\n".to_owned()
        } else if upper == "QUIT" {
            stream.write_all(b"221 bye\r\n").await.ok()?;
            return None;
        } else if upper == "RSET" || upper == "NOOP" {
            "250 ok\r\n".to_owned()
        } else {
            "502 what\r\n".to_owned()
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

fn verdict(inner: &Inner) -> Option<&'static str> {
    let mut mood = inner.mood.lock().expect("a mood");
    match *mood {
        Mood::Busy(0) => {
            *mood = Mood::Good;
            None
        }
        Mood::Busy(left) => {
            *mood = Mood::Busy(left - 1);
            Some("451 later\r\n")
        }
        Mood::Never => Some("550 never\r\n"),
        _ => None,
    }
}

async fn read_data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn angle(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

fn decode_plain(given: &str) -> Option<(String, String)> {
    // Standard base64, turned into the kind that is at hand.
    let url_safe = given
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    let bytes = hallpass_django::signing::unpadded_decode(&url_safe)?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
