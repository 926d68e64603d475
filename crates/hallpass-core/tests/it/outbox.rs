//! Letters in the outbox, and the postmen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hallpass_core::delivery::{
    Channel, Composed, Dummy, Files, Mailbox, Mailer, Message, Postman, Schedule, Smtp,
};
use hallpass_core::domain::Timestamp;
use hallpass_core::domain::sealed::Sealer;
use hallpass_core::settings::Settings;
use hallpass_core::store::Dialect;
use hallpass_core::store::outbox::{self, Which};
use hallpass_django::SecretKeys;
use hallpass_testkit::smtp::{Mood, Protection, SmtpSink};
use hallpass_testkit::{TestDb, each_database};

each_database!(
    two_postmen_deliver_every_letter_once,
    what_a_killed_postman_held_is_taken_up,
    a_letter_is_tried_again_later_and_given_up_in_the_end,
    a_refused_letter_is_given_up_at_once,
    what_rests_is_unreadable,
);

fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&SecretKeys::new("a secret of the tests", [])).unwrap())
}

fn letter(to: &str) -> Composed {
    let message = Message {
        from: "site@example.com".to_owned(),
        to: to.to_owned(),
        subject: "Grüße".to_owned(),
        text: "http://localhost/secret-link".to_owned(),
        html: Some("<p>http://localhost/secret-link".to_owned()),
        message_id: format!("{to}.id"),
    };
    let json = serde_json::to_vec(&message).unwrap();
    Composed {
        channel: Channel::Mail,
        letter: "test/letter",
        recipient: to.to_owned(),
        sealed: sealer().seal("hallpass_outbox", &json).unwrap(),
        expires: None,
    }
}

fn postman(db: &TestDb, mailer: Arc<dyn Mailer>, clock: fn() -> Timestamp) -> Postman {
    let schedule = Schedule {
        workers: 4,
        attempts: 3,
        poll: Duration::from_secs(5),
        lease: Duration::from_secs(60),
    };
    Postman {
        db: db.again(),
        sealer: sealer(),
        mailer,
        texter: Arc::new(Dummy),
        schedule,
        clock: Arc::new(clock),
    }
}

async fn deliver(postman: &Postman) -> usize {
    let mut count = 0;
    loop {
        match postman.round().await.unwrap() {
            0 => return count,
            more => count += more,
        }
    }
}

async fn two_postmen_deliver_every_letter_once(db: TestDb) {
    for index in 0..100 {
        let letter = letter(&format!("p{index}@example.com"));
        outbox::enqueue(db.db.conn(), &letter, Timestamp::now())
            .await
            .unwrap();
    }
    let mailbox = Mailbox::default();
    let (a, b) = (
        postman(&db, Arc::new(mailbox.clone()), Timestamp::now),
        postman(&db, Arc::new(mailbox.clone()), Timestamp::now),
    );
    let (a, b) = tokio::join!(deliver(&a), deliver(&b));
    let mut to: Vec<String> = mailbox
        .take()
        .into_iter()
        .map(|message| message.to)
        .collect();
    assert_eq!((a + b, to.len()), (100, 100));
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 100);
}

/// A clock for each database: the tests run side by side.
macro_rules! clock {
    ($db:expr, $seconds:ident, $clock:ident) => {
        static SECONDS: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];
        fn tick<const N: usize>() -> Timestamp {
            Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
        }
        let ($seconds, $clock): (_, fn() -> Timestamp) = match $db.db.dialect() {
            Dialect::Sqlite => (&SECONDS[0], tick::<0>),
            Dialect::Postgres => (&SECONDS[1], tick::<1>),
        };
    };
}

async fn what_a_killed_postman_held_is_taken_up(db: TestDb) {
    clock!(db, seconds, clock);
    outbox::enqueue(db.db.conn(), &letter("a@example.com"), clock())
        .await
        .unwrap();
    let lease = clock() + Duration::from_secs(60);
    assert_eq!(
        outbox::claim(db.db.conn(), clock(), lease, 4)
            .await
            .unwrap()
            .len(),
        1
    );
    let mailbox = Mailbox::default();
    let other = postman(&db, Arc::new(mailbox.clone()), clock);
    assert_eq!(deliver(&other).await, 0, "it is in somebody's hands");
    seconds.fetch_add(60, Ordering::Relaxed);
    assert_eq!((deliver(&other).await, mailbox.take().len()), (1, 1));
}

fn smtp(sink: &SmtpSink, change: impl FnOnce(&mut Settings)) -> Arc<dyn Mailer> {
    let mut settings = Settings::default();
    settings.email.host = "127.0.0.1".to_owned();
    settings.email.port = sink.port().into();
    settings.email.timeout = Some(1);
    change(&mut settings);
    Arc::new(Smtp::new(&settings.email, &settings.hallpass).unwrap())
}

async fn a_letter_is_tried_again_later_and_given_up_in_the_end(db: TestDb) {
    clock!(db, seconds, clock);
    let sink = SmtpSink::start().await;
    let postman = postman(&db, smtp(&sink, |_| {}), clock);
    outbox::enqueue(db.db.conn(), &letter("a@example.com"), clock())
        .await
        .unwrap();
    for (round, mood) in [Mood::Refuse, Mood::Silent, Mood::Busy(9)]
        .into_iter()
        .enumerate()
    {
        sink.set_mood(mood);
        assert_eq!(deliver(&postman).await, 1, "{mood:?}");
        let waiting = outbox::list(db.db.conn()).await.unwrap().remove(0);
        assert!(!waiting.error.is_empty());
        assert_eq!(
            (waiting.attempts, waiting.dead.is_some()),
            (round as i64 + 1, round == 2),
            "{waiting:?}"
        );
        assert_eq!(deliver(&postman).await, 0, "not before its time");
        seconds.fetch_add(60, Ordering::Relaxed);
    }
    sink.set_mood(Mood::Good);
    assert_eq!(deliver(&postman).await, 0, "given up");
    assert_eq!(
        outbox::retry(db.db.conn(), Which::Dead, clock())
            .await
            .unwrap(),
        1
    );
    assert_eq!(deliver(&postman).await, 1);
    let mail = sink.wait_for(1).await.remove(0);
    assert!(
        mail.raw.contains("Message-ID: <a@example.com.id>") && mail.text().contains("secret-link")
    );
    assert!(outbox::list(db.db.conn()).await.unwrap().is_empty());
}

async fn a_refused_letter_is_given_up_at_once(db: TestDb) {
    let sink = SmtpSink::start().await;
    sink.set_mood(Mood::Never);
    let postman = postman(&db, smtp(&sink, |_| {}), Timestamp::now);
    outbox::enqueue(db.db.conn(), &letter("a@example.com"), Timestamp::now())
        .await
        .unwrap();
    outbox::enqueue(db.db.conn(), &letter("no address"), Timestamp::now())
        .await
        .unwrap();
    assert_eq!(deliver(&postman).await, 2);
    let dead = outbox::list(db.db.conn()).await.unwrap();
    assert!(
        dead.len() == 2
            && dead
                .iter()
                .all(|letter| letter.dead.is_some() && letter.attempts == 1),
        "{dead:?}"
    );
    assert_eq!(
        outbox::discard(db.db.conn(), Which::Id(dead[0].id))
            .await
            .unwrap(),
        1
    );
    assert_eq!(outbox::discard(db.db.conn(), Which::All).await.unwrap(), 1);
}

async fn what_rests_is_unreadable(db: TestDb) {
    outbox::enqueue(db.db.conn(), &letter("a@example.com"), Timestamp::now())
        .await
        .unwrap();
    let row = db
        .db
        .conn()
        .query_opt("SELECT sealed FROM hallpass_outbox", &[])
        .await
        .unwrap()
        .unwrap();
    let sealed: String = row.get(0).unwrap();
    assert!(sealed.starts_with("v1.") && !sealed.contains("secret"));
    let other = Postman {
        sealer: Arc::new(Sealer::new(&SecretKeys::new("another", [])).unwrap()),
        ..postman(&db, Arc::new(Mailbox::default()), Timestamp::now)
    };
    assert_eq!(deliver(&other).await, 1);
    assert!(
        outbox::list(db.db.conn()).await.unwrap()[0]
            .error
            .contains("SECRET_KEY")
    );
}

fn message() -> Message {
    let composed = letter("a@example.com");
    serde_json::from_slice(&sealer().open("hallpass_outbox", &composed.sealed).unwrap()).unwrap()
}

#[tokio::test]
async fn tls_is_demanded_and_the_certificate_checked() {
    let folder = tempfile::tempdir().unwrap();
    for protection in [Protection::StartTls, Protection::Tls] {
        let sink = SmtpSink::with(protection).await;
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, sink.ca_pem()).unwrap();
        let set = |settings: &mut Settings| {
            settings.email.host = "localhost".to_owned();
            settings.email.use_tls = protection == Protection::StartTls;
            settings.email.use_ssl = protection == Protection::Tls;
        };
        assert!(
            smtp(&sink, set).send(&message()).await.is_err(),
            "nobody vouches for it"
        );
        let trusting = smtp(&sink, |settings| {
            set(settings);
            settings.hallpass.mail_ca_file = Some(ca.display().to_string());
        });
        trusting.send(&message()).await.unwrap();
        assert!(sink.wait_for(1).await[0].tls);
        let plain = SmtpSink::start().await;
        let insisting = smtp(&plain, |settings| settings.email.use_tls = true);
        assert!(
            insisting.send(&message()).await.is_err(),
            "no TLS, no letter"
        );
        assert!(plain.mails().is_empty());
    }
}

#[tokio::test]
async fn files_are_laid_out_as_django_does() {
    let folder = tempfile::tempdir().unwrap();
    Files::new(folder.path().join("mail"))
        .unwrap()
        .send(&message())
        .await
        .unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path().join("mail"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(files.len(), 1);
    let name = files[0].file_name().into_string().unwrap();
    assert!(
        name.ends_with(".log") && name.as_bytes()[8] == b'-',
        "{name}"
    );
    let text = std::fs::read_to_string(files[0].path()).unwrap();
    assert!(
        text.contains("Subject: ") && text.trim_end().ends_with(&"-".repeat(79)),
        "{text}"
    );
}
