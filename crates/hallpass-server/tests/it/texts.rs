//! Texts leave the real program by HTTP, and what becomes of them when things go wrong.

use hallpass::domain::{Client, Phone, Session};
use hallpass::settings::{Secret, Settings};
use hallpass::{Hallpass, store};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::gateway::{Gateway, Reply};
use hallpass_testkit::{TestDb, each_database};
use serde_json::json;
use store::outbox;

use crate::program::Program;

each_database!(
    a_text_leaves_by_https_and_no_secret_is_logged,
    a_text_whose_program_was_killed_goes_out_again,
);

const KEY: &str = "Bearer swordfish";

/// Puts a text into the outbox, as an app on the same database does.
async fn put_text(db: &TestDb) {
    let mut settings = Settings::default();
    settings.general.secret_key = Some(Secret::new(SECRET));
    let app = Hallpass::builder()
        .settings(settings)
        .database(db.again())
        .build();
    let app = app.await.unwrap();
    let client = Client::new([127, 0, 0, 1].into(), "Firefox/145", "http://localhost");
    let put = app
        .run(&client, &mut Session::default(), async |cx| {
            let to = Phone::parse("+491701234567", None).expect("a number");
            let context = json!({ "code": "847362", "valid_for": null });
            cx.send_text("phone/code", &to, context, None).await?;
            Ok(())
        })
        .await;
    put.unwrap();
}

fn program(folder: &std::path::Path, db: &TestDb, gateway: &Gateway) -> Program {
    let mut program = Program::new(folder, &db.url);
    program
        .set("HALLPASS_SMS_BACKEND", "http")
        .set("HALLPASS_SMS_URL", &gateway.url("/sms?key=hidden"))
        .set("HALLPASS_SMS_AUTHORIZATION", KEY)
        .set("HALLPASS_SMS_TIMEOUT", "1")
        .set("HALLPASS_LOG", "trace");
    program
}

async fn a_text_leaves_by_https_and_no_secret_is_logged(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, certificate) = Gateway::tls().await;
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, certificate).unwrap();
    let mut program = program(folder.path(), &db, &gateway);
    // Where OpenSSL, and with it most of a system, looks for roots.
    program.set("SSL_CERT_FILE", roots.to_str().unwrap());
    put_text(&db).await;
    let serving = program.serve();
    let posted = gateway.wait_for(1).await.remove(0);
    assert_eq!(posted.header("authorization"), Some(KEY));
    assert_eq!(posted.json()["to"], "+491701234567");
    assert!(
        posted.json()["text"]
            .as_str()
            .unwrap()
            .starts_with("847362 is your code")
    );
    // A second one is refused for good, in words that repeat what was sent.
    let echo = json!({ "code": 21211, "message": posted.body, "key": KEY });
    gateway.will([Reply::With(400, echo.to_string())]);
    put_text(&db).await;
    gateway.wait_for(2).await;
    // It is answered while it stops, and what is under way is finished first.
    let log = serving.terminate_and_log();
    assert!(log.contains("letter given up"), "{log}");
    assert!(log.contains("+49 ••• 567"), "{log}");
    for secret in ["847362", "1701234567", "swordfish", "hidden"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let rows = outbox::list(db.db.conn()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (rows[0].letter.as_str(), rows[0].dead.is_some()),
        ("sms/phone/code", true)
    );
    assert!(rows[0].error.contains("21211"), "{rows:?}");
    let settings = program.ok(&["settings"]);
    assert!(
        !settings.contains("hidden") && !settings.contains("swordfish"),
        "{settings}"
    );
}

async fn a_text_whose_program_was_killed_goes_out_again(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start().await;
    let mut program = program(folder.path(), &db, &gateway);
    program.set("HALLPASS_SMS_TIMEOUT", "60").set(
        "HALLPASS_SMS_BODY",
        r#"{"to": "{to}", "text": "{text}", "id": "{id}"}"#,
    );
    put_text(&db).await;
    gateway.will([Reply::Silent]);
    let serving = program.serve();
    gateway.wait_for(1).await;
    serving.kill();
    assert!(program.ok(&["mail", "list"]).contains("sms/phone/code"));
    // What the killed one was delivering is leased for a while; an operator need not wait.
    program.ok(&[
        "mail",
        "retry",
        &outbox::list(db.db.conn()).await.unwrap()[0].id.to_string(),
    ]);
    let again = program.serve();
    let posted = gateway.wait_for(2).await;
    assert_eq!(posted[0].body, posted[1].body, "the same text, the same id");
    assert!(again.terminate());
    assert!(program.ok(&["mail", "list"]).contains("No letters wait."));
}
