//! Sixty-four people at once for half a minute: no error, no lost letter, no link that opens twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hallpass_testkit::smtp::SmtpSink;
use hallpass_testkit::{TestDb, each_database};

use crate::program::{Person, Program};

each_database!(sixty_four_people_for_half_a_minute);

const PEOPLE: usize = 64;

async fn sixty_four_people_for_half_a_minute(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start().await;
    let mut program = Program::new(folder.path(), &db.url);
    program
        .mail_to(sink.port())
        .set("ACCOUNT_RATE_LIMITS", "false")
        .set("HALLPASS_LOG", "warn");
    for index in 0..PEOPLE {
        let (name, address) = (format!("p{index}"), format!("p{index}@example.com"));
        let new = hallpass::store::user::NewUser::plain(&name, &address, "!none");
        hallpass::store::user::insert(db.db.conn(), new, hallpass::domain::Timestamp::now())
            .await
            .unwrap()
            .unwrap();
    }
    let serving = Arc::new(program.serve());
    let (asked, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let end = Instant::now() + Duration::from_secs(30);
    let mut people = Vec::new();
    for index in 0..PEOPLE {
        let (serving, sink) = (Arc::clone(&serving), sink.clone());
        let (asked, opened) = (Arc::clone(&asked), Arc::clone(&opened));
        people.push(tokio::spawn(async move {
            let address = format!("p{index}@example.com");
            let mut letters = 0;
            while Instant::now() < end {
                let person = Person::new();
                let ask = person
                    .fill(
                        &serving.url("/accounts/login/link/"),
                        &[("email", &address)],
                    )
                    .await;
                assert_eq!(ask.status(), 302);
                asked.fetch_add(1, Ordering::Relaxed);
                letters += 1;
                let link = letter_to(&sink, &address, letters).await;
                // The link from two browsers at the same moment.
                let (other, url) = (Person::new(), link.as_str());
                let (a, b) = tokio::join!(person.fill(url, &[]), other.fill(url, &[]));
                let mut statuses = [a.status().as_u16(), b.status().as_u16()];
                statuses.sort_unstable();
                assert_eq!(statuses, [302, 403], "{link}");
                opened.fetch_add(1, Ordering::Relaxed);
                let (a, b) = (
                    person
                        .get(&serving.url("/accounts/profile/"))
                        .await
                        .status()
                        .as_u16(),
                    other
                        .get(&serving.url("/accounts/profile/"))
                        .await
                        .status()
                        .as_u16(),
                );
                assert!([a, b].contains(&200) && [a, b].contains(&302));
            }
        }));
    }
    for person in people {
        person.await.unwrap();
    }
    let (asked, opened) = (
        asked.load(Ordering::Relaxed),
        opened.load(Ordering::Relaxed),
    );
    assert!(
        asked >= PEOPLE && asked == opened,
        "{asked} links asked for, {opened} opened"
    );
    assert_eq!(sink.mails().len(), asked, "every letter came, and once");
    let log = serving.log();
    assert!(!log.contains("ERROR") && !log.contains("locked"), "{log}");
    let rows = db
        .db
        .conn()
        .query_opt("SELECT count(*) FROM hallpass_outbox", &[])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rows.get::<i64>(0).unwrap(), 0);
}

/// The link in the newest letter to this address, once there are so many.
async fn letter_to(sink: &SmtpSink, address: &str, count: usize) -> String {
    let start = Instant::now();
    loop {
        let total = sink.mails().len();
        let mine: Vec<_> = sink
            .mails()
            .into_iter()
            .filter(|mail| mail.to == [address])
            .collect();
        if mine.len() >= count {
            let text = mine.last().expect("a mail").text();
            let start = text.find("http://").expect("a link");
            return text[start..]
                .split_whitespace()
                .next()
                .expect("a link")
                .to_owned();
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "a letter to {address} is lost"
        );
        let more = sink.wait_for(total + 1);
        let _ = tokio::time::timeout(Duration::from_millis(200), more).await;
    }
}
