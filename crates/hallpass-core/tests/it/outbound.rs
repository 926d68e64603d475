//! The way out: what is asked, and what an answer may do to us.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallpass_core::outbound::{LONGEST_ANSWER, Options, Outbound, Request, Resolver};
use hallpass_core::providers::Fault;
use hallpass_testkit::web::{Said, Web};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SOON: Duration = Duration::from_millis(400);

fn outbound(options: Options) -> Outbound {
    Outbound::new(options).unwrap()
}

/// One that may speak to the test's own server.
fn to_loopback() -> Options {
    Options {
        private: vec!["127.0.0.1".to_owned()],
        ..Options::default()
    }
}

fn names(to: &'static str) -> Option<Resolver> {
    let address: IpAddr = to.parse().unwrap();
    Some(Arc::new(move |_| Ok(vec![address])))
}

async fn fault(outbound: &Outbound, request: Request) -> Fault {
    match outbound.send(request).await {
        Ok(answer) => panic!("answered {}", answer.status),
        Err(fault) => fault,
    }
}

fn misconfigured(fault: &Fault, word: &str) {
    match fault {
        Fault::Misconfigured(text) => assert!(text.contains(word), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let web = Web::start(|_| Said::json(&json!({"a": 1}))).await;
    let outbound = outbound(to_loopback());
    let request = Request::post_form(
        web.url("/token?x=1"),
        &[("code".to_owned(), "a b&c".to_owned())],
    )
    .query("y", "ü&=")
    .header("authorization", "Bearer secret");
    let answer = outbound.send(request).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/json")
    );
    assert_eq!(answer.json().expect("JSON"), json!({"a": 1}));
    let asked = &web.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/token")
    );
    assert_eq!(asked.field("x").as_deref(), Some("1"));
    assert_eq!(asked.field("y").as_deref(), Some("ü&="));
    assert_eq!(asked.field("code").as_deref(), Some("a b&c"));
    assert_eq!(asked.header("authorization"), Some("Bearer secret"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
    assert_eq!(asked.header("referer"), None);
}

#[tokio::test]
async fn whatever_the_status_is_an_answer_and_no_redirect_is_followed() {
    let web = Web::start(|asked| match asked.path.as_str() {
        "/away" => Said::redirect("http://169.254.169.254/latest/meta-data/"),
        "/here" => Said::redirect(&format!("{}/other", asked.origin())),
        _ => Said::status(503),
    })
    .await;
    let outbound = outbound(to_loopback());
    for (path, status) in [("/away", 302), ("/here", 302), ("/down", 503)] {
        let answer = outbound.send(Request::get(web.url(path))).await;
        assert_eq!(answer.expect("an answer").status, status);
    }
    assert_eq!(web.count("/other"), 0);
}

#[tokio::test]
async fn without_a_name_in_the_list_nothing_private_is_asked() {
    let web = Web::start(|_| Said::status(200)).await;
    let port = web.port();
    let strict = outbound(Options::default());
    for (url, word) in [
        (format!("http://127.0.0.1:{port}/"), "https"),
        (format!("http://example.com:{port}/"), "https"),
        (format!("https://127.0.0.1:{port}/"), "private"),
        (format!("https://127.1:{port}/"), "private"),
        (format!("https://2130706433:{port}/"), "private"),
        (format!("https://0x7f.0.0.1:{port}/"), "private"),
        (format!("https://0177.0.0.1:{port}/"), "private"),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), "private"),
        (format!("https://[64:ff9b::7f00:1]:{port}/"), "private"),
        (format!("https://localhost:{port}/"), "private"),
        (format!("https://169.254.169.254:{port}/"), "private"),
        (
            format!("https://user:secret@example.com:{port}/"),
            "password",
        ),
        (format!("https://user@example.com:{port}/"), "password"),
        (format!("ftp://example.com:{port}/"), "none"),
        ("file:///etc/passwd".to_owned(), "none"),
        ("/etc/passwd".to_owned(), "none"),
        (String::new(), "none"),
    ] {
        let fault = fault(&strict, Request::get(&url)).await;
        misconfigured(&fault, word);
        assert!(strict.check(&url).is_err(), "{url}");
        assert!(!fault.to_string().contains("secret"), "{fault}");
    }
    // The port is part of the name, where one is given.
    let other_port = outbound(Options {
        private: vec![format!("127.0.0.1:{}", port.wrapping_add(1))],
        ..Options::default()
    });
    misconfigured(
        &fault(&other_port, Request::get(web.url("/"))).await,
        "https",
    );
    assert!(web.asked().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_asked() {
    let (web, pem) = Web::tls(|_| Said::status(200)).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), pem).expect("written");
    let options = |to| Options {
        roots: Some(file.path().to_owned()),
        resolver: names(to),
        ..Options::default()
    };
    let url = format!("https://idp.example:{}/", web.port());
    for to in [
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "169.254.169.254",
        "::ffff:127.0.0.1",
    ] {
        let fault = fault(&outbound(options(to)), Request::get(&url)).await;
        misconfigured(&fault, "idp.example");
    }
    assert!(web.asked().is_empty());
    // Named, it is: over TLS that our own authority vouches for.
    for named in [
        "idp.example",
        "IDP.example",
        &format!("idp.example:{}", web.port()),
    ] {
        let outbound = outbound(Options {
            private: vec![named.to_owned()],
            ..options("127.0.0.1")
        });
        let answer = outbound.send(Request::get(&url)).await;
        assert_eq!(answer.expect("an answer").status, 200, "{named}");
    }
    // What the system's resolver says counts likewise.
    let url = format!("https://localhost.:{}/", web.port());
    misconfigured(
        &fault(&outbound(Options::default()), Request::get(url)).await,
        "private",
    );
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_that_look_is_the_connections() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // Who checks first and connects then looks twice, and an attacker's name has moved in between.
    let counting: Resolver = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(vec!["127.0.0.1".parse().expect("an address")])
    });
    let outbound = outbound(Options {
        resolver: Some(counting),
        ..Options::default()
    });
    for times in 1..=3 {
        let fault = fault(&outbound, Request::get("https://rebind.example/")).await;
        misconfigured(&fault, "private");
        assert_eq!(asked.load(Ordering::SeqCst), times);
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_is_not_taken() {
    let (web, _) = Web::tls(|_| Said::status(200)).await;
    let outbound = outbound(Options {
        private: vec!["localhost".to_owned()],
        ..Options::default()
    });
    let fault = fault(&outbound, Request::get(web.url("/"))).await;
    assert!(
        matches!(&fault, Fault::Unavailable(text) if text.contains("certificate")),
        "{fault:?}"
    );
    assert!(web.asked().is_empty());
}

#[tokio::test]
async fn an_answer_has_an_end_in_time_and_in_size() {
    let web = Web::start(|asked| match asked.path.as_str() {
        "/silent" => Said::Silent,
        "/dribble" => Said::Dribble,
        "/endless" => Said::Endless,
        "/hang_up" => Said::HangUp,
        "/long" => Said::text(200, "text/plain", &"x".repeat(LONGEST_ANSWER + 1)),
        "/packed" => Said::text(200, "text/plain", "x").with("Content-Encoding: gzip"),
        _ => Said::text(200, "text/plain", &"x".repeat(LONGEST_ANSWER)),
    })
    .await;
    let outbound = outbound(Options {
        timeout: SOON,
        ..to_loopback()
    });
    for path in ["/silent", "/dribble"] {
        let start = Instant::now();
        let fault = fault(&outbound, Request::get(web.url(path))).await;
        assert_eq!(fault, Fault::Unavailable("no answer in time".to_owned()));
        assert!(start.elapsed() < SOON * 5, "{path}");
    }
    let patient = self::outbound(Options {
        timeout: Duration::from_secs(30),
        ..to_loopback()
    });
    for path in ["/endless", "/long"] {
        let fault = fault(&patient, Request::get(web.url(path))).await;
        assert_eq!(fault, Fault::Invalid("the answer is too long".to_owned()));
    }
    let packed = fault(&patient, Request::get(web.url("/packed"))).await;
    assert!(matches!(packed, Fault::Invalid(_)), "{packed:?}");
    let gone = fault(&patient, Request::get(web.url("/hang_up"))).await;
    assert!(matches!(gone, Fault::Unavailable(_)), "{gone:?}");
    let all = patient.send(Request::get(web.url("/all"))).await;
    assert_eq!(all.expect("an answer").text().len(), LONGEST_ANSWER);
}

#[tokio::test]
async fn errors_repeat_no_address_and_no_secret() {
    let outbound = outbound(Options {
        timeout: SOON,
        ..to_loopback()
    });
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let request = Request::get(format!("http://127.0.0.1:{closed}/path"))
        .query("code", "s3cret")
        .header("authorization", "s3cret");
    let fault = fault(&outbound, request).await;
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    let text = fault.to_string();
    assert!(
        !text.contains("s3cret") && !text.contains("/path"),
        "{text}"
    );
    let broken = Request::get("http://127.0.0.1/").header("x", "s3cret\r\nx: y");
    let fault = self::fault(&outbound, broken).await;
    misconfigured(&fault, "line break");
    assert!(!fault.to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_host_that_hangs_leaves_places_for_the_others() {
    let hanging = Web::start(|_| Said::Silent).await;
    let well = Web::start(|_| Said::status(200)).await;
    let outbound = outbound(Options {
        timeout: Duration::from_secs(20),
        at_once: 4,
        at_once_a_host: 3,
        ..to_loopback()
    });
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let (outbound, url) = (outbound.clone(), hanging.url("/"));
        stuck.push(tokio::spawn(async move {
            outbound.send(Request::get(url)).await.map(|_| ())
        }));
    }
    while hanging.asked().len() < 3 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    for _ in 0..10 {
        let answer = outbound.send(Request::get(well.url("/"))).await;
        assert_eq!(answer.expect("an answer").status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(hanging.asked().len(), 3, "no more than its places");
    stuck.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_waits_for_a_place_waits_within_the_time() {
    let hanging = Web::start(|_| Said::Silent).await;
    let outbound = outbound(Options {
        timeout: SOON,
        at_once_a_host: 1,
        ..to_loopback()
    });
    let start = Instant::now();
    let url = hanging.url("/");
    let asks = [(); 3].map(|()| fault(&outbound, Request::get(&url)));
    let [a, b, c] = asks;
    let (a, b, c) = tokio::join!(a, b, c);
    for fault in [a, b, c] {
        assert_eq!(fault, Fault::Unavailable("no answer in time".to_owned()));
    }
    assert!(start.elapsed() < SOON * 3);
    assert_eq!(hanging.asked().len(), 1);
}

#[tokio::test]
async fn an_operators_proxy_is_asked_for_all_but_the_named_hosts() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let proxy = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.expect("a request");
        let _ = stream.write_all(b"HTTP/1.1 403 No\r\n\r\n").await;
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    });
    let web = Web::start(|_| Said::status(200)).await;
    let outbound = outbound(Options {
        proxy: Some(proxy),
        ..to_loopback()
    });
    let answer = outbound.send(Request::get(web.url("/"))).await;
    assert_eq!(answer.expect("an answer").status, 200);
    // What can be told without DNS is told before.
    misconfigured(
        &fault(&outbound, Request::get("https://10.0.0.1/")).await,
        "private",
    );
    let refused = fault(&outbound, Request::get("https://idp.example/x")).await;
    assert!(matches!(refused, Fault::Unavailable(_)), "{refused:?}");
    let heard = heard.await.expect("the proxy");
    assert!(heard.starts_with("CONNECT idp.example:443 "), "{heard}");
}

/// What is sent packed.
fn gzip(body: &[u8]) -> Said {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packing.write_all(body).unwrap();
    Said::Whole {
        status: 200,
        headers: vec!["Content-Encoding: gzip".to_owned()],
        body: packing.finish().unwrap(),
    }
}

#[tokio::test]
async fn a_packed_answer_is_taken_where_it_may_come_and_a_bomb_is_not() {
    let bomb = vec![b' '; 200 * LONGEST_ANSWER];
    let bomb = gzip(&bomb);
    let web = Web::start(move |asked| match asked.path.as_str() {
        "/good" => gzip(b"{\"id\":7}"),
        "/just" => gzip(&vec![b' '; LONGEST_ANSWER]),
        "/more" => gzip(&vec![b' '; LONGEST_ANSWER + 1]),
        "/bomb" => bomb.clone(),
        "/plain" => Said::json(&json!({"id": 7})),
        "/broken" => Said::text(200, "text/plain", "x").with("Content-Encoding: gzip"),
        _ => Said::text(200, "text/plain", "x").with("Content-Encoding: br"),
    })
    .await;
    let outbound = outbound(to_loopback());
    for path in ["/good", "/plain"] {
        let answer = outbound.send(Request::get(web.url(path)).packed()).await;
        assert_eq!(answer.unwrap().json().unwrap(), json!({"id": 7}), "{path}");
    }
    assert!(
        web.asked()
            .iter()
            .all(|it| it.header("accept-encoding") == Some("gzip"))
    );
    let just = outbound.send(Request::get(web.url("/just")).packed()).await;
    assert_eq!(just.unwrap().text().len(), LONGEST_ANSWER);
    for path in ["/more", "/bomb", "/broken", "/brotli"] {
        let fault = fault(&outbound, Request::get(web.url(path)).packed()).await;
        assert!(matches!(fault, Fault::Invalid(_)), "{path}: {fault:?}");
    }
    let unasked = fault(&outbound, Request::get(web.url("/good"))).await;
    assert!(matches!(unasked, Fault::Invalid(_)), "{unasked:?}");
}

#[test]
fn what_the_operator_wrote_wrongly_is_told_at_the_start() {
    let told = |options| match Outbound::new(options) {
        Ok(_) => panic!("taken"),
        Err(failure) => failure.to_string(),
    };
    let list = Options {
        private: vec!["http://a".to_owned()],
        ..Options::default()
    };
    assert!(told(list).contains("http://a"));
    let missing = Options {
        roots: Some("/nowhere/ca.pem".into()),
        ..Options::default()
    };
    assert!(told(missing).contains("/nowhere/ca.pem"));
    let empty = tempfile::NamedTempFile::new().expect("a file");
    let nothing = Options {
        roots: Some(empty.path().to_owned()),
        ..Options::default()
    };
    assert!(told(nothing).contains("no certificate"));
}
