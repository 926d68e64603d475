//! Texts in the outbox beside letters, and the postmen.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass_core::delivery::{
    Channel, Composed, Handset, Mailbox, Message, Postman, Rejection, Schedule, Sending, Text,
    Texter,
};
use hallpass_core::domain::sealed::Sealer;
use hallpass_core::domain::{Client, Phone, Session, Timestamp};
use hallpass_core::error::Failure;
use hallpass_core::settings::{Secret, Settings, SmsBackend};
use hallpass_core::store::outbox::{self, Which};
use hallpass_core::{Error, Hallpass};
use hallpass_django::SecretKeys;
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::json;

each_database!(
    a_flow_sends_a_text,
    a_text_to_nobody_leaves_nothing,
    a_failure_takes_the_text_along,
    letters_and_texts_go_their_own_ways,
    a_letter_never_opens_as_a_text_nor_a_text_as_a_letter,
    a_text_is_tried_again_later_and_given_up_in_the_end,
    a_text_refused_for_good_or_late_is_given_up_at_once,
    a_text_that_a_killed_postman_held_goes_out_again,
);

fn ann() -> Phone {
    Phone::parse("+49 170 1234567", None).unwrap()
}

fn client() -> Client {
    Client::new([127, 0, 0, 1].into(), "Firefox/145", "http://localhost")
}

async fn a_flow_sends_a_text(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.hallpass.site_name = Some("Shop \"&\" Co".to_owned());
    })
    .await;
    let sent = app
        .hallpass
        .run(&client(), &mut Session::default(), async |cx| {
            let context = json!({ "code": "123456", "valid_for": "3 minutes" });
            let expires = Some(cx.now + Duration::from_secs(180));
            cx.send_text("phone/code", &ann(), context, expires).await?;
            Ok(())
        })
        .await;
    sent.unwrap();
    let row = outbox::list(app.db.db.conn()).await.unwrap().remove(0);
    assert_eq!(
        (row.letter.as_str(), row.recipient.as_str()),
        ("sms/phone/code", "+491701234567")
    );
    let text = app.text().await;
    assert_eq!(text.to, "+491701234567");
    assert_eq!(
        text.text,
        "123456 is your code to confirm this number at Shop \"&\" Co. It works for 3 minutes. Tell it to nobody."
    );
    assert_eq!(text.id.len(), 24);
    app.no_other_letter_was_sent().await;
    assert_eq!(app.count("hallpass_outbox").await, 0);
}

async fn a_text_to_nobody_leaves_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    let sent = app
        .hallpass
        .run(&client(), &mut Session::default(), async |cx| {
            let context = json!({ "code": "123456", "valid_for": null });
            cx.send_text_to_nobody("phone/code", &ann(), context, None)
                .await?;
            Ok(())
        })
        .await;
    sent.unwrap();
    assert_eq!(app.count("hallpass_outbox").await, 0);
    app.no_other_text_was_sent().await;
}

async fn a_failure_takes_the_text_along(db: TestDb) {
    let app = TestApp::new(db).await;
    let sent: Result<(), Error> = app
        .hallpass
        .run(&client(), &mut Session::default(), async |cx| {
            let context = json!({ "code": "123456", "valid_for": null });
            cx.send_text("phone/code", &ann(), context, None).await?;
            Err(Failure::new("broken").into())
        })
        .await;
    assert!(sent.is_err());
    app.no_other_text_was_sent().await;
}

#[tokio::test]
async fn without_http_the_http_backend_is_refused() {
    let mut settings = Settings::default();
    settings.general.secret_key = Some(Secret::new(SECRET));
    settings.hallpass.sms_backend = SmsBackend::Http;
    let db = TestDb::sqlite().await;
    let built = Hallpass::builder(settings).database(db.again()).build();
    let what = built.await.err().unwrap().to_string();
    assert!(what.contains("hallpass::Hallpass::builder"), "{what}");
}

// --- the outbox by itself --------------------------------------------------------------------------------------------

fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&SecretKeys::new("a secret of the tests", [])).unwrap())
}

fn text(to: &str) -> Composed {
    let text = Text {
        to: to.to_owned(),
        text: "123456 is your code".to_owned(),
        id: format!("id of {to}"),
    };
    let json = serde_json::to_vec(&text).unwrap();
    Composed {
        channel: Channel::Text,
        letter: "test/code",
        recipient: to.to_owned(),
        sealed: sealer().seal("hallpass_outbox.text", &json).unwrap(),
        expires: None,
    }
}

fn letter(to: &str) -> Composed {
    let message = Message {
        from: "site@example.com".to_owned(),
        to: to.to_owned(),
        subject: "A code".to_owned(),
        text: "123456 is your code".to_owned(),
        html: None,
        message_id: "1@example.com".to_owned(),
    };
    let json = serde_json::to_vec(&message).unwrap();
    Composed {
        channel: Channel::Mail,
        sealed: sealer().seal("hallpass_outbox", &json).unwrap(),
        ..text(to)
    }
}

fn postman(
    db: &TestDb,
    mailbox: &Mailbox,
    texter: Arc<dyn Texter>,
    clock: fn() -> Timestamp,
) -> Postman {
    Postman {
        db: db.again(),
        sealer: sealer(),
        mailer: Arc::new(mailbox.clone()),
        texter,
        schedule: Schedule {
            workers: 4,
            attempts: 3,
            poll: Duration::from_secs(5),
            lease: Duration::from_secs(60),
        },
        clock: Arc::new(clock),
    }
}

async fn put(db: &TestDb, composed: &Composed, now: Timestamp) -> i64 {
    outbox::enqueue(db.db.conn(), composed, now).await.unwrap()
}

async fn letters_and_texts_go_their_own_ways(db: TestDb) {
    put(&db, &letter("ann@example.com"), Timestamp::now()).await;
    put(&db, &text("+491701234567"), Timestamp::now()).await;
    let (mailbox, handset) = (Mailbox::default(), Handset::default());
    let postman = postman(&db, &mailbox, Arc::new(handset.clone()), Timestamp::now);
    assert_eq!(postman.round().await.unwrap(), 2);
    let (letters, texts) = (mailbox.take(), handset.take());
    assert_eq!((letters.len(), texts.len()), (1, 1));
    assert_eq!(letters[0].to, "ann@example.com");
    assert_eq!(
        (texts[0].to.as_str(), texts[0].id.as_str()),
        ("+491701234567", "id of +491701234567")
    );
    assert!(outbox::list(db.db.conn()).await.unwrap().is_empty());
}

/// Whoever can write into the table can swap names, but cannot make a text of a letter by that.
async fn a_letter_never_opens_as_a_text_nor_a_text_as_a_letter(db: TestDb) {
    let as_text = Composed {
        channel: Channel::Text,
        ..letter("ann@example.com")
    };
    let as_letter = Composed {
        channel: Channel::Mail,
        ..text("+491701234567")
    };
    put(&db, &as_text, Timestamp::now()).await;
    put(&db, &as_letter, Timestamp::now()).await;
    let (mailbox, handset) = (Mailbox::default(), Handset::default());
    let postman = postman(&db, &mailbox, Arc::new(handset.clone()), Timestamp::now);
    assert_eq!(postman.round().await.unwrap(), 2);
    assert!(mailbox.take().is_empty() && handset.take().is_empty());
    let rows = outbox::list(db.db.conn()).await.unwrap();
    assert!(
        rows.len() == 2
            && rows
                .iter()
                .all(|row| row.dead.is_some() && row.error.contains("does not open")),
        "{rows:?}"
    );
}

/// Says what it was told to say, last first, and then takes everything.
#[derive(Clone, Default)]
struct Moody {
    says: Arc<Mutex<Vec<Rejection>>>,
    taken: Handset,
}

impl Texter for Moody {
    fn send<'a>(&'a self, text: &'a Text) -> Sending<'a> {
        Box::pin(async move {
            let next = self.says.lock().unwrap().pop();
            match next {
                Some(rejection) => Err(rejection),
                None => self.taken.send(text).await,
            }
        })
    }
}

/// A clock for each database: the tests run side by side.
macro_rules! clock {
    ($db:expr, $seconds:ident, $clock:ident) => {
        static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];
        fn tick<const N: usize>() -> Timestamp {
            Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
        }
        let ($seconds, $clock): (_, fn() -> Timestamp) = match $db.folder() {
            Some(_) => (&SECONDS[0], tick::<0>),
            None => (&SECONDS[1], tick::<1>),
        };
    };
}

async fn a_text_is_tried_again_later_and_given_up_in_the_end(db: TestDb) {
    clock!(db, seconds, clock);
    let moody = Moody::default();
    let postman = postman(&db, &Mailbox::default(), Arc::new(moody.clone()), clock);
    put(&db, &text("+491701234567"), clock()).await;
    for round in 1..=3 {
        moody
            .says
            .lock()
            .unwrap()
            .push(Rejection::Passing("not now".to_owned()));
        assert_eq!(postman.round().await.unwrap(), 1);
        let row = outbox::list(db.db.conn()).await.unwrap().remove(0);
        assert_eq!(
            (row.attempts, row.dead.is_some(), row.error.as_str()),
            (round, round == 3, "not now")
        );
        assert_eq!(postman.round().await.unwrap(), 0, "not before its time");
        seconds.fetch_add(60, Ordering::Relaxed);
    }
    assert_eq!(postman.round().await.unwrap(), 0, "given up");
    let again = outbox::retry(db.db.conn(), Which::Dead, clock()).await;
    assert_eq!(again.unwrap(), 1);
    assert_eq!(postman.round().await.unwrap(), 1);
    assert_eq!(moody.taken.take().len(), 1);
}

async fn a_text_refused_for_good_or_late_is_given_up_at_once(db: TestDb) {
    let moody = Moody::default();
    moody
        .says
        .lock()
        .unwrap()
        .push(Rejection::Final("no such number".to_owned()));
    let mailbox = Mailbox::default();
    let postman = postman(&db, &mailbox, Arc::new(moody.clone()), Timestamp::now);
    put(&db, &text("+491701234567"), Timestamp::now()).await;
    assert_eq!(postman.round().await.unwrap(), 1);
    let late = Composed {
        expires: Some(Timestamp::now()),
        ..text("+491701234568")
    };
    put(&db, &late, Timestamp::now()).await;
    assert_eq!(postman.round().await.unwrap(), 1);
    let rows = outbox::list(db.db.conn()).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.dead.is_some(), row.error.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (true, "no such number"),
            (true, "it expired before it could be delivered")
        ]
    );
    assert!(moody.taken.take().is_empty());
}

async fn a_text_that_a_killed_postman_held_goes_out_again(db: TestDb) {
    clock!(db, seconds, clock);
    put(&db, &text("+491701234567"), clock()).await;
    // The first one takes it, the gateway has it, and then the process dies before it can say so.
    let lease = clock() + Duration::from_secs(60);
    let held = outbox::claim(db.db.conn(), clock(), lease, 4).await;
    assert_eq!(held.unwrap().len(), 1);
    let handset = Handset::default();
    let other = postman(&db, &Mailbox::default(), Arc::new(handset.clone()), clock);
    assert_eq!(other.round().await.unwrap(), 0, "it is in somebody's hands");
    seconds.fetch_add(60, Ordering::Relaxed);
    assert_eq!(other.round().await.unwrap(), 1);
    let texts = handset.take();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].id, "id of +491701234567", "the same id as before");
    assert_eq!(other.round().await.unwrap(), 0);
}
