//! Hits in Redis: what becomes of them when it is away, slow, strange or behind TLS.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use hallpass_core::domain::{Client, Session};
use hallpass_core::settings::{LimitsStore, Secret, Settings};
use hallpass_core::store::Db;
use hallpass_core::{Cx, Error, Hallpass};
use hallpass_testkit::TestDb;
use hallpass_testkit::app::SECRET;
use hallpass_testkit::redis::Redis as Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn process(url: &str, rates: &str) -> Process {
    let redis = Arc::new(Redis::open(url).unwrap());
    Process::new(rates, redis, Db::memory().unwrap())
}

async fn refused(it: &Process) -> Failure {
    let begun = Instant::now();
    let failure = it.try_hit(0, by("192.0.2.1", "a")).await.unwrap_err();
    assert!(failure.is_unavailable(), "{failure}");
    assert!(begun.elapsed() < Duration::from_secs(5), "a second, rather");
    failure
}

#[tokio::test]
async fn a_stopped_redis_refuses_until_it_is_back() {
    let mut server = Server::start();
    let it = process(server.url(), "2/m/key");
    let hits = it.keep(0, "a").await;
    for _ in 0..2 {
        server.stop();
        for _ in 0..3 {
            let words = refused(&it).await.to_string();
            assert!(
                words.contains("rate limits in Redis at 127.0.0.1:"),
                "{words}"
            );
        }
        server.run();
        assert_eq!(it.hit(0, "b").await, None, "the very first hit passes");
    }
    server.stop();
    let taken = it.limits.take_back(&it.db, hits).await;
    assert!(taken.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn a_redis_that_was_never_there_can_come() {
    let mut server = Server::start();
    server.stop();
    let it = process(server.url(), "2/m/key");
    refused(&it).await;
    server.run();
    assert_eq!(it.hit(0, "a").await, None);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_noticed() {
    let server = Server::start();
    let it = process(server.url(), "2/m/key");
    assert_eq!(it.hit(0, "a").await, None);
    for key in ["b", "c"] {
        assert_eq!(server.ask("CLIENT KILL TYPE normal"), ":1\r\n");
        assert_eq!(it.hit(0, key).await, None);
    }
    assert_eq!(it.hit(0, "a").await, None);
    assert_eq!(it.hit(1, "a").await, Some(60));
}

#[tokio::test]
async fn one_connection_serves_all() {
    let server = Server::start();
    let it = Arc::new(process(server.url(), "99/m/key"));
    let before = received(&server);
    let mut hits = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let it = Arc::clone(&it);
        hits.spawn(async move { it.hit(0, "a").await });
    }
    assert!(hits.join_all().await.iter().all(Option::is_none));
    // Ours, and the one that asks.
    assert_eq!(received(&server), before + 2);
}

/// Connections that came in so far.
fn received(server: &Server) -> u32 {
    let stats = server.ask("INFO stats");
    let (_, rest) = stats.split_once("total_connections_received:").unwrap();
    rest.split_once('\r').unwrap().0.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_refuses_in_time_and_is_left() {
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let (port, came) = (server.port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut here, _)) = listener.accept().await {
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                silent.push(here);
                continue;
            }
            tokio::spawn(async move {
                let mut there = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            });
        }
    });
    let it = process(&url, "2/m/key");
    let words = refused(&it).await.to_string();
    assert!(words.ends_with(": no answer in time"), "{words}");
    assert_eq!(it.hit(0, "a").await, None);
    // And one that falls silent when it is known to be good.
    assert_eq!(server.ask("CLIENT PAUSE 60000 WRITE"), "+OK\r\n");
    refused(&it).await;
    assert_eq!(server.ask("CLIENT UNPAUSE"), "+OK\r\n");
    assert_eq!(it.hit(1, "b").await, None);
    assert!(came.load(Ordering::Relaxed) >= 3, "by a new connection");
}

#[tokio::test]
async fn what_answers_but_cannot_count_refuses() {
    let server = Server::start();
    let it = process(server.url(), "2/m/key");
    assert_eq!(it.hit(0, "a").await, None);
    // A log that is none.
    let keys = server.ask("KEYS hallpass:limit:*");
    let key = keys.lines().nth(2).unwrap().to_owned();
    assert_eq!(server.ask(&format!("SET {key} nonsense")), "+OK\r\n");
    refused(&it).await;
    server.ask("FLUSHALL");
    assert_eq!(it.hit(0, "a").await, None);
    // A replica takes no writes.
    assert_eq!(server.ask("REPLICAOF 127.0.0.1 1"), "+OK\r\n");
    refused(&it).await;
    assert_eq!(server.ask("REPLICAOF NO ONE"), "+OK\r\n");
    assert_eq!(it.hit(0, "a").await, None);
}

#[tokio::test]
async fn logs_are_named_for_what_they_are_and_go_by_themselves() {
    let server = Server::start();
    let it = process(server.url(), "2/10s/key,9/m/ip");
    assert_eq!(it.hit(0, "ann@example.com").await, None);
    assert_eq!(it.hit(1, "ann@example.com").await, None);
    assert_eq!(it.hit(2, "ann@example.com").await, Some(9));
    assert_eq!(server.ask("DBSIZE"), ":2\r\n");
    let keys = server.ask("KEYS hallpass:limit:*");
    let mut seconds = Vec::new();
    for key in keys.lines().filter(|line| line.starts_with("hallpass")) {
        assert_eq!(key.len(), "hallpass:limit:".len() + 43, "a digest: {key}");
        assert_eq!(server.ask(&format!("ZCARD {key}")), ":2\r\n");
        let left = server.ask(&format!("PTTL {key}"));
        let left: u64 = left.trim().trim_start_matches(':').parse().unwrap();
        seconds.push(left.div_ceil(1_000));
    }
    seconds.sort_unstable();
    assert!(matches!(seconds[..], [60..=70, 110..=120]), "{seconds:?}");
}

#[tokio::test]
async fn a_password_is_sent_and_never_shown() {
    let server = Server::start_with_password("swordfish");
    let it = process(server.url(), "2/m/key");
    assert_eq!(it.hit(0, "a").await, None);
    let redis = Redis::open(server.url()).unwrap();
    assert!(!format!("{redis:?}").contains("fish"));
    for password in ["", ":blowfish@", "nobody:blowfish@"] {
        let url = format!("redis://{password}127.0.0.1:{}/0", server.port());
        let failure = refused(&process(&url, "2/m/key")).await;
        let shown = format!("{failure} {failure:?}");
        assert!(!shown.contains("fish"), "{shown}");
        assert!(
            shown.contains("auth") || shown.contains("NOAUTH"),
            "{shown}"
        );
    }
    for url in [
        "redis://:swordfish@host/x",
        "redis://:sword#fish@host",
        "swordfish",
    ] {
        let failure = Redis::open(url).unwrap_err();
        let shown = format!("{failure} {failure:?}");
        assert!(shown.contains("HALLPASS_REDIS_URL"));
        assert!(!shown.contains("fish"), "{shown}");
    }
}

/// One that may do no more than the guide says it must.
#[tokio::test]
async fn a_user_of_its_own_will_do() {
    let server = Server::start();
    let commands = "+eval +zscore +zremrangebyscore +zcard +zadd +zrange +zrem +del +pexpire";
    let user = format!("ACL SETUSER app on >secret ~hallpass:limit:* {commands}");
    assert_eq!(server.ask(&user), "+OK\r\n");
    let it = process(
        &format!("redis://app:secret@127.0.0.1:{}/0", server.port()),
        "1/m/key",
    );
    let hits = it.keep(0, "a").await;
    assert_eq!(it.hit(0, "a").await, Some(61));
    it.take_back(hits).await;
    assert_eq!(it.hit(0, "a").await, None);
    it.limits.lift(&it.db, &it.action, "a").await.unwrap();
    assert_eq!(it.hit(0, "a").await, None);
}

#[tokio::test]
async fn a_flow_goes_no_further_uncounted() {
    let mut server = Server::start();
    let db = TestDb::sqlite().await;
    let mut settings = Settings::default();
    settings.general.secret_key = Some(Secret::new(SECRET));
    settings.hallpass.limits_store = LimitsStore::Redis;
    settings.hallpass.redis_url = Some(Secret::new(server.url()));
    let builder = Hallpass::builder(settings).database(db.db.clone());
    let hallpass = builder.build().await.unwrap();
    let attempt = async || {
        let client = Client::new("192.0.2.1".parse().unwrap(), "", "http://localhost");
        let flow = async |cx: &mut Cx| Ok(cx.hit("login", None).await?);
        let done = hallpass.run(&client, &mut Session::default(), flow).await;
        match done {
            Ok(verdict) => matches!(verdict, Verdict::Within(_)),
            Err(Error::Failed(failure)) => {
                assert!(failure.is_unavailable(), "{failure}");
                false
            }
            Err(Error::Refused(refusal)) => panic!("{refusal:?}"),
        }
    };
    assert!(attempt().await);
    server.stop();
    assert!(!attempt().await);
    server.run();
    assert!(attempt().await);
    assert_eq!(server.ask("DBSIZE"), ":1\r\n");
}

/// A server that no longer knows AUTH quotes it in its answer.
#[tokio::test]
async fn a_password_that_redis_quotes_is_not_repeated() {
    for (user, answer) in [
        (
            "",
            "unknown command 'AUTH', with args beginning with: 'swordfish'",
        ),
        (
            "app",
            "wrong number of arguments for 'auth' command: 'app' 'swordfish'",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Several commands come at once, and each wants its answer.
        let answers = format!("-ERR {answer}\r\n").repeat(8);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 1024];
                while stream.read(&mut asked).await.is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(answers.as_bytes()).await;
                }
            }
        });
        let url = format!("redis://{user}:swordfish@{address}");
        let failure = refused(&process(&url, "2/m/key")).await;
        let shown = format!("{failure} {failure:?}");
        assert!(!shown.contains("fish"), "{shown}");
        assert!(!shown.contains("in time"), "{shown}");
    }
}

#[tokio::test]
async fn tls_and_sockets_are_spoken() {
    let (server, socket) = Server::start_with_socket();
    let (one, other) = (fresh_action(), Db::memory().unwrap());
    let [a, b] = [server.url(), &socket].map(|url| {
        let redis = Arc::new(Redis::open(url).unwrap());
        Process::of(&one, "1/m/key", redis, other.clone())
    });
    assert_eq!(a.hit(0, "a").await, None);
    assert_eq!(b.hit(0, "a").await, Some(61));

    let server = Server::start_with_tls();
    let it = process(server.url(), "1/m/key");
    assert_eq!(it.hit(0, "a").await, None);
    assert_eq!(it.hit(0, "a").await, Some(61));
    // Vouched for by nobody that the world knows.
    let (url, _) = server.url().split_once('?').unwrap();
    refused(&process(url, "1/m/key")).await;
    // For another name.
    refused(&process(
        &server.url().replace("localhost", "127.0.0.1"),
        "1/m/key",
    ))
    .await;
    let failure = Redis::open("rediss://localhost?ssl_ca_certs=/nowhere.pem").unwrap_err();
    assert!(failure.to_string().contains("/nowhere.pem"), "{failure}");
}
