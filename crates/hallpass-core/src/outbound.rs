//! The one door to other people's servers: identity providers, and what they point at.
//!
//! Addresses come from settings, from rows of the database and from documents that a provider serves, so none is trusted:
//! only https, no private networks unless the operator names the host (HALLPASS_OUTBOUND_PRIVATE), no redirects (a 3xx is
//! an answer as any other, and leads nobody anywhere), a bound on time and on size. Connections are kept. What comes back
//! is never repeated to anybody.
//!
//! Proxies that the environment names (`HTTPS_PROXY`) are not used: a proxy resolves names by itself, so that the check of
//! where they lead would be gone without a word. An operator whose way out is a proxy names it ([`Options::proxy`]); from
//! then on it is the proxy that must refuse private networks. Hosts of the operator's list are never asked through one.
//!
//! A provider that hangs holds no more than its own places ([`Options::at_once_a_host`]), and each for the time-out at most.

mod places;
mod queue;
mod tls;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, Response};
use rustls::ClientConfig;
use serde_json::Value;
use url::Url;

use self::places::{Named, Names, Private, looks_public};
use self::queue::Queue;
use crate::error::Failure;
use crate::providers::Fault;

pub use places::{Resolver, is_public};

/// As much of an answer as is read.
pub const LONGEST_ANSWER: usize = 1024 * 1024;

/// As much of an address as is asked: what a provider gives may stand in one.
const LONGEST_ADDRESS: usize = 32 * 1024;

/// How we go out.
#[derive(Clone)]
pub struct Options {
    /// For all of a request: waiting for a place, connecting, and the last byte of the answer
    /// (SOCIALACCOUNT_REQUESTS_TIMEOUT).
    pub timeout: Duration,
    /// For name, connection and TLS.
    pub connect_timeout: Duration,
    /// `host` or `host:port`: what may be in a private network, and spoken to without TLS.
    pub private: Vec<String>,
    /// A file of certificates in PEM that are trusted beside the system's: an operator's own authority.
    pub roots: Option<PathBuf>,
    /// The operator's proxy, for all but `private`.
    pub proxy: Option<String>,
    /// Requests at once; more wait, within their time.
    pub at_once: usize,
    /// Requests at once to one host and port.
    pub at_once_a_host: usize,
    /// In the place of the system's.
    pub resolver: Option<Resolver>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
            private: Vec::new(),
            roots: None,
            proxy: None,
            at_once: 64,
            at_once_a_host: 16,
            resolver: None,
        }
    }
}

/// The way out.
#[derive(Clone)]
pub struct Outbound {
    /// For whom the operator named: straight, wherever the name leads.
    trusted: Client,
    /// For everybody else.
    public: Client,
    private: Arc<[Named]>,
    timeout: Duration,
    queue: Arc<Queue>,
}

/// What is asked.
#[derive(Clone)]
pub struct Request {
    method: reqwest::Method,
    url: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<(&'static str, String)>,
    packed: bool,
    of_stranger: bool,
}

/// What was answered, whatever its status.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its Content-Type, without parameters, in small letters.
    pub content_type: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Outbound {
    /// # Errors
    /// A failure if the list, the proxy or the certificates cannot be read.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let private = options.private.iter().map(|entry| Named::parse(entry));
        let private = private.collect::<Result<Vec<_>, _>>()?;
        let tls = tls::config(options.roots.as_deref())?;
        Ok(Outbound {
            trusted: client(&options, tls.clone(), true)?,
            public: client(&options, tls, false)?,
            private: private.into(),
            timeout: options.timeout,
            queue: Arc::new(Queue::new(options.at_once, options.at_once_a_host)),
        })
    }

    /// Asks. Whatever the status, that is an answer.
    ///
    /// # Errors
    /// [`Fault::Unavailable`]; [`Fault::Misconfigured`] for an address that is not spoken to; [`Fault::Invalid`] for an
    /// answer that is too long or packed.
    pub async fn send(&self, request: Request) -> Result<Answer, Fault> {
        match tokio::time::timeout(self.timeout, self.ask(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Unavailable("no answer in time".to_owned())),
        }
    }

    /// Whether an address would be asked, as far as it can be told without DNS.
    ///
    /// # Errors
    /// [`Fault::Misconfigured`].
    pub fn check(&self, address: &str) -> Result<(), Fault> {
        self.client_for(address, false).map(|_| ())
    }

    /// The same for an address that a stranger chose.
    ///
    /// # Errors
    /// [`Fault::Misconfigured`].
    pub fn check_of_stranger(&self, address: &str) -> Result<(), Fault> {
        self.client_for(address, true).map(|_| ())
    }

    /// Whether an address is at a host that the operator named.
    pub fn is_named(&self, address: &str) -> bool {
        parse(address).is_some_and(|url| self.private.iter().any(|named| named.is(&url)))
    }

    fn client_for(&self, address: &str, of_stranger: bool) -> Result<(&Client, Url), Fault> {
        let wrong = |what: String| Err(Fault::Misconfigured(what));
        let Some(url) = parse(address) else {
            return wrong("an address of the provider is none".to_owned());
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("an address of the provider has a password in it".to_owned());
        }
        if !of_stranger && self.private.iter().any(|named| named.is(&url)) {
            return Ok((&self.trusted, url));
        }
        if url.scheme() != "https" {
            return wrong(format!(
                "{} is not asked without https unless HALLPASS_OUTBOUND_PRIVATE names it",
                host(&url)
            ));
        }
        match looks_public(&url) {
            true => Ok((&self.public, url)),
            false => wrong(in_private(&url)),
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, Fault> {
        let (client, mut url) = self.client_for(&request.url, request.of_stranger)?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let place = format!(
            "{}:{}",
            host(&url),
            url.port_or_known_default().unwrap_or(0)
        );
        let _place = self.queue.enter(place).await?;
        let mut sent = client.request(request.method, url.clone());
        for (name, value) in request.headers {
            let wrong =
                || Fault::Misconfigured("a header for the provider has a line break".to_owned());
            let name = HeaderName::try_from(name).map_err(|_| wrong())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            sent = sent.header(name, value);
        }
        if let Some((kind, body)) = request.body {
            sent = sent.header(CONTENT_TYPE, kind).body(body);
        }
        if request.packed {
            sent = sent.header(ACCEPT_ENCODING, "gzip");
        }
        let fault = |error| spell(error, &url);
        let answer = sent.send().await.map_err(fault)?;
        read(answer, request.packed, fault).await
    }
}

/// An address of the web, not too long.
fn parse(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let web = matches!(url.scheme(), "https" | "http") && url.has_host();
    (web && address.len() <= LONGEST_ADDRESS).then_some(url)
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn in_private(url: &Url) -> String {
    format!(
        "{} is in a private network: it is not asked unless HALLPASS_OUTBOUND_PRIVATE names it",
        host(url)
    )
}

async fn read(
    mut answer: Response,
    may_be_packed: bool,
    fault: impl Fn(reqwest::Error) -> Fault,
) -> Result<Answer, Fault> {
    let header = |name| answer.headers().get(name);
    // Nothing packed was asked for: a bomb would unfold to anything.
    let packed = header(CONTENT_ENCODING).filter(|packed| *packed != "identity");
    let gzip = packed.is_some_and(|packed| packed == "gzip") && may_be_packed;
    if packed.is_some() && !gzip {
        return Err(Fault::Invalid("the answer is packed".to_owned()));
    }
    let content_type = header(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.and_then(|value| value.split(';').next());
    let content_type = content_type.unwrap_or_default().trim().to_lowercase();
    let announced = answer.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|length| length > LONGEST_ANSWER) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(&fault)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: answer.status().as_u16(),
        content_type,
        headers: answer.headers().clone(),
        body: if gzip { unpacked(&body)? } else { body },
    })
}

fn too_long() -> Fault {
    Fault::Invalid("the answer is too long".to_owned())
}

/// What was packed, under the same bound.
fn unpacked(packed: &[u8]) -> Result<Vec<u8>, Fault> {
    let bound = u64::try_from(LONGEST_ANSWER).unwrap_or(u64::MAX) + 1;
    let mut body = Vec::new();
    let mut unpacking = GzDecoder::new(packed).take(bound);
    let broken = |_| Fault::Invalid("the answer cannot be unpacked".to_owned());
    unpacking.read_to_end(&mut body).map_err(broken)?;
    match body.len() > LONGEST_ANSWER {
        true => Err(too_long()),
        false => Ok(body),
    }
}

fn client(options: &Options, tls: ClientConfig, trusted: bool) -> Result<Client, Failure> {
    let proxy = options.proxy.as_deref().filter(|_| !trusted);
    let names = Names {
        // A proxy's own address may well be private, and what lies behind it is for the proxy to resolve.
        public: !trusted && proxy.is_none(),
        resolver: options.resolver.clone(),
    };
    let mut builder = Client::builder()
        .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .timeout(options.timeout)
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(8)
        .pool_idle_timeout(Duration::from_secs(60))
        .default_headers(
            [(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]
                .into_iter()
                .collect(),
        )
        .tls_backend_preconfigured(tls)
        .dns_resolver(names);
    if !trusted {
        builder = builder.https_only(true);
    }
    if let Some(proxy) = proxy {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| Failure::new("HALLPASS_OUTBOUND_PROXY is no address of a proxy"))?;
        builder = builder.proxy(proxy);
    }
    builder
        .build()
        .map_err(|error| Failure::from_source("the client for providers", error.without_url()))
}

/// What an error means, without the address, which may hold a secret. Certificates are written by whom we ask, so their
/// texts are escaped.
fn spell(error: reqwest::Error, url: &Url) -> Fault {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        if source.is::<Private>() {
            return Fault::Misconfigured(in_private(url));
        }
        text = format!("{text}: {source}");
        next = source.source();
    }
    if error.is_timeout() {
        return Fault::Unavailable("no answer in time".to_owned());
    }
    let text: String = text.chars().take(300).collect();
    Fault::Unavailable(text.escape_debug().to_string())
}

impl Request {
    /// GET.
    pub fn get(url: impl Into<String>) -> Self {
        Request {
            method: reqwest::Method::GET,
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            packed: false,
            of_stranger: false,
        }
    }

    /// POST without a body.
    pub fn post(url: impl Into<String>) -> Self {
        Request {
            method: reqwest::Method::POST,
            ..Request::get(url)
        }
    }

    /// POST of a form.
    pub fn post_form(url: impl Into<String>, fields: &[(String, String)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        Request {
            body: Some(("application/x-www-form-urlencoded", form.finish())),
            ..Request::post(url)
        }
    }

    /// POST of JSON.
    pub fn post_json(url: impl Into<String>, body: &Value) -> Self {
        Request {
            body: Some(("application/json", body.to_string())),
            ..Request::post(url)
        }
    }

    /// One more parameter of the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The answer may come as gzip: some give no other.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.packed = true;
        self
    }

    /// A stranger chose the address: what the operator allows for hosts of his own does not hold.
    #[must_use]
    pub fn of_stranger(mut self, of_stranger: bool) -> Self {
        self.of_stranger = of_stranger;
        self
    }

    /// One more header. It is never logged.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Answer {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Fault::Invalid`].
    pub fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Fault::Invalid("the answer is no JSON".to_owned()))
    }

    /// A header, if it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
