//! Texts over real HTTP, to a gateway in every mood.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use hallpass::delivery::{Rejection, Text, Texter as _};
use hallpass::domain::{Client, Phone, Session, Timestamp};
use hallpass::settings::{Secret, Settings, SmsBackend, SmsContentType};
use hallpass::store::outbox;
use hallpass::{Hallpass, SmsGateway};
use hallpass_testkit::gateway::{Gateway, Reply};
use hallpass_testkit::{TestDb, app, each_database};
use serde_json::json;

const KEY: &str = "Bearer swordfish";

fn text() -> Text {
    Text {
        to: "+491701234567".to_owned(),
        text: "847362 is your code for \"Shop & Co\". Grüße".to_owned(),
        id: "abc123".to_owned(),
    }
}

fn settings(url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.hallpass.sms_backend = SmsBackend::Http;
    settings.hallpass.sms_url = Some(Secret::new(url));
    settings.hallpass.sms_authorization = Some(Secret::new(KEY));
    settings.hallpass.sms_timeout = 1;
    settings
}

async fn send(settings: &Settings) -> Result<(), Rejection> {
    SmsGateway::new(settings).unwrap().send(&text()).await
}

/// Sends once; what it was told, which must show nothing of what was sent.
async fn refused(gateway: &Gateway, reply: Reply) -> Rejection {
    gateway.will([reply.clone()]);
    let rejection = send(&settings(&gateway.url("/hidden?key=hidden")))
        .await
        .unwrap_err();
    let (Rejection::Passing(what) | Rejection::Final(what)) = &rejection;
    for secret in [
        "swordfish",
        "hidden",
        "170123",
        "847362",
        "Shop",
        "127.0.0.1:",
    ] {
        assert!(!what.contains(secret), "{reply:?}: {what}");
    }
    assert!(what.len() < 600, "{what}");
    rejection
}

#[tokio::test]
async fn by_default_a_gateway_gets_json() {
    let gateway = Gateway::start().await;
    send(&settings(&gateway.url("/v1/messages?from=shop")))
        .await
        .unwrap();
    let posted = gateway.wait_for(1).await.remove(0);
    assert_eq!(posted.line, "POST /v1/messages?from=shop HTTP/1.1");
    assert_eq!(posted.header("content-type"), Some("application/json"));
    assert_eq!(posted.header("authorization"), Some(KEY));
    assert!(
        posted
            .header("user-agent")
            .unwrap()
            .starts_with("hallpass/")
    );
    assert_eq!(
        posted.json(),
        json!({ "to": text().to, "text": text().text })
    );
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test]
async fn a_form_as_twilio_wants_it() {
    let gateway = Gateway::start().await;
    let mut settings = settings(&gateway.url("/2010-04-01/Accounts/AC1/Messages.json"));
    settings.hallpass.sms_authorization = Some(Secret::new("Basic QUMxOnRva2Vu"));
    settings.hallpass.sms_content_type = SmsContentType::Form;
    settings.hallpass.sms_body = Some("From=%2B15550100&To={to}&Body={text}".to_owned());
    gateway.will([Reply::With(201, json!({ "sid": "SM1" }).to_string())]);
    send(&settings).await.unwrap();
    let posted = gateway.wait_for(1).await.remove(0);
    assert_eq!(
        posted.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(posted.header("authorization"), Some("Basic QUMxOnRva2Vu"));
    let wanted = [
        ("From", "+15550100".to_owned()),
        ("To", text().to),
        ("Body", text().text),
    ];
    assert_eq!(
        posted.form(),
        wanted.map(|(name, value)| (name.to_owned(), value))
    );
}

#[tokio::test]
async fn a_body_of_the_operators_own_holds_the_id() {
    let gateway = Gateway::start().await;
    let mut settings = settings(&gateway.url("/"));
    settings.hallpass.sms_authorization = None;
    settings.hallpass.sms_body = Some(
        r#"{"channel": "sms", "messages": [{"to": "{to}", "body": "{text}"}], "ref": "{id}"}"#
            .to_owned(),
    );
    send(&settings).await.unwrap();
    let posted = gateway.wait_for(1).await.remove(0);
    assert_eq!(posted.header("authorization"), None);
    assert_eq!(
        posted.json(),
        json!({
            "channel": "sms", "ref": "abc123",
            "messages": [{ "to": text().to, "body": text().text }],
        })
    );
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    let gateway = Gateway::start().await;
    for status in [200, 201, 202, 204] {
        gateway.will([Reply::Status(status)]);
        send(&settings(&gateway.url("/"))).await.unwrap();
    }
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let rejection = refused(&gateway, Reply::Status(status)).await;
        assert!(
            matches!(&rejection, Rejection::Passing(what) if what.contains(&status.to_string())),
            "{rejection:?}"
        );
    }
    for status in [304, 400, 401, 403, 404, 410, 422] {
        let rejection = refused(&gateway, Reply::Status(status)).await;
        assert!(
            matches!(&rejection, Rejection::Final(what) if what.contains(&status.to_string())),
            "{rejection:?}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_or_slow_may_come_back() {
    let gateway = Gateway::start().await;
    let rejection = refused(&gateway, Reply::HangUp).await;
    assert!(matches!(rejection, Rejection::Passing(_)), "{rejection:?}");
    let start = Instant::now();
    let rejection = refused(&gateway, Reply::Silent).await;
    assert!(
        matches!(&rejection, Rejection::Passing(what) if what.contains("too slow")),
        "{rejection:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    // Bound and let go of: nobody listens there.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let rejection = send(&settings(&format!("http://127.0.0.1:{port}/hidden")))
        .await
        .unwrap_err();
    assert!(
        matches!(&rejection, Rejection::Passing(what) if !what.contains("hidden")),
        "{rejection:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (gateway, elsewhere) = (Gateway::start().await, Gateway::start().await);
    let rejection = refused(&gateway, Reply::Redirect(elsewhere.url("/hidden"))).await;
    assert!(
        matches!(&rejection, Rejection::Final(what) if what.contains("redirect")),
        "{rejection:?}"
    );
    assert!(elsewhere.posted().is_empty());
}

#[tokio::test]
async fn of_an_answer_only_the_gateways_own_number_is_told() {
    let gateway = Gateway::start().await;
    let body = json!({
        "code": 21211, "message": "The number +491701234567 is no good for 847362",
        "authorization": KEY,
    });
    let rejection = refused(&gateway, Reply::With(400, body.to_string())).await;
    assert!(
        matches!(&rejection, Rejection::Final(what) if what.contains("400") && what.contains("21211")),
        "{rejection:?}"
    );
    let body = json!({ "errors": [{ "code": 9, "description": "no (correct) recipients" }] });
    let rejection = refused(&gateway, Reply::With(422, body.to_string())).await;
    assert!(
        matches!(&rejection, Rejection::Final(what) if what.contains(": 9")),
        "{rejection:?}"
    );
    // It might be ours.
    let body = json!({ "code": 847_362 });
    let _ = refused(&gateway, Reply::With(400, body.to_string())).await;
    let _ = refused(&gateway, Reply::With(400, "847362 {".repeat(100_000))).await;
    let start = Instant::now();
    let rejection = refused(&gateway, Reply::Endless(400)).await;
    assert!(matches!(rejection, Rejection::Final(_)), "{rejection:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_unprotected_gateway_elsewhere_is_refused() {
    for url in [
        "http://sms.example.com/hidden",
        "https://u:hidden@sms.example.com/",
    ] {
        let what = SmsGateway::new(&settings(url)).unwrap_err().to_string();
        assert!(
            what.starts_with("HALLPASS_SMS_URL ") && !what.contains("hidden"),
            "{what}"
        );
    }
    let mut unset = settings("");
    unset.hallpass.sms_url = None;
    assert!(SmsGateway::new(&unset).is_err());
    let gateway = SmsGateway::new(&settings("https://sms.example.com/hidden?key=hidden")).unwrap();
    let shown = format!("{gateway:?}");
    assert!(
        shown.contains("sms.example.com") && !shown.contains("hidden") && !shown.contains("fish"),
        "{shown}"
    );
}

#[tokio::test]
async fn the_builder_brings_the_gateway() {
    let gateway = Gateway::start().await;
    let mut settings = settings(&gateway.url("/"));
    settings.general.secret_key = Some(Secret::new(app::SECRET));
    let db = TestDb::sqlite().await;
    let hallpass = Hallpass::builder()
        .settings(settings)
        .database(db.again())
        .build()
        .await;
    let postman = hallpass.unwrap().postman();
    postman.texter.send(&text()).await.unwrap();
    assert_eq!(gateway.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn the_certificate_is_checked() {
    let (gateway, _) = Gateway::tls().await;
    let rejection = send(&settings(&gateway.url("/"))).await.unwrap_err();
    assert!(
        matches!(&rejection, Rejection::Passing(what) if what.contains("certificate")),
        "nobody vouches for it: {rejection:?}"
    );
    assert!(gateway.posted().is_empty());
}

// --- through the outbox ----------------------------------------------------------------------------------------------

each_database!(a_text_is_tried_again_after_a_500_and_buried_after_a_400);

/// A clock for each database: the tests run side by side.
static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];

fn tick<const N: usize>() -> Timestamp {
    Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
}

async fn a_text_is_tried_again_after_a_500_and_buried_after_a_400(db: TestDb) {
    let (seconds, clock): (_, fn() -> Timestamp) = match db.folder() {
        Some(_) => (&SECONDS[0], tick::<0>),
        None => (&SECONDS[1], tick::<1>),
    };
    let gateway = Gateway::start().await;
    let mut settings = settings(&gateway.url("/"));
    settings.general.secret_key = Some(Secret::new(app::SECRET));
    settings.hallpass.sms_body = Some(r#"["{to}", "{text}", "{id}"]"#.to_owned());
    let hallpass = Hallpass::builder()
        .settings(settings)
        .database(db.again())
        .clock(clock);
    let hallpass = hallpass.build().await.unwrap();
    let client = Client::new([127, 0, 0, 1].into(), "Firefox/145", "http://localhost");
    for code in ["847362", "159753"] {
        let mut session = Session::default();
        let put = hallpass.run(&client, &mut session, async |cx| {
            let to = Phone::parse("+491701234567", None).unwrap();
            let context = json!({ "code": code, "valid_for": null });
            Ok(cx.send_text("phone/code", &to, context, None).await?)
        });
        put.await.unwrap();
    }
    let postman = hallpass.postman();
    gateway.will([Reply::Status(500), Reply::Status(500)]);
    assert_eq!(postman.round().await.unwrap(), 2);
    let waiting = outbox::list(db.db.conn()).await.unwrap();
    assert!(
        waiting.len() == 2
            && waiting
                .iter()
                .all(|row| row.dead.is_none() && row.error == "the SMS gateway answered 500"),
        "{waiting:?}"
    );
    assert_eq!(postman.round().await.unwrap(), 0, "not before its time");
    seconds.fetch_add(60, Ordering::Relaxed);
    gateway.will([Reply::Status(200), Reply::Status(400)]);
    assert_eq!(postman.round().await.unwrap(), 2);
    let rows = outbox::list(db.db.conn()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].dead.is_some() && rows[0].error == "the SMS gateway answered 400",
        "{rows:?}"
    );
    let mut bodies: Vec<_> = gateway
        .posted()
        .into_iter()
        .map(|posted| posted.body)
        .collect();
    assert_eq!(bodies.len(), 4);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 2, "each twice, under the same id");
}
