//! Letters over real SMTP, and what becomes of them when things go wrong.

use std::time::{Duration, Instant};

use hallpass_testkit::smtp::{Mood, Protection, SmtpSink};
use hallpass_testkit::{TestDb, each_database};

use crate::program::{Person, Program, location};

each_database!(
    a_person_signs_in_with_a_letter_over_smtp,
    a_letter_survives_a_kill_between_commit_and_delivery,
    a_mail_server_that_is_down_slow_or_refusing_delays_nobody,
);

const ASK: &str = "/accounts/login/link/";

fn with_ann(program: &mut Program) {
    program.ok(&[
        "createsuperuser",
        "--noinput",
        "--username",
        "ann",
        "--email",
        "ann@example.com",
    ]);
}

fn link_in(text: &str) -> String {
    let start = text.find("http://").expect("a link");
    text[start..]
        .split_whitespace()
        .next()
        .expect("a link")
        .to_owned()
}

async fn a_person_signs_in_with_a_letter_over_smtp(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::with(Protection::StartTls).await;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, sink.ca_pem()).unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program
        .mail_to(sink.port())
        .set("EMAIL_HOST", "localhost")
        .set("EMAIL_USE_TLS", "true");
    program
        .set("EMAIL_HOST_USER", "mailer")
        .set("EMAIL_HOST_PASSWORD", "pass word");
    program
        .set("HALLPASS_MAIL_CA_FILE", ca.to_str().unwrap())
        .set("DEFAULT_FROM_EMAIL", "Site <site@example.com>");
    with_ann(&mut program);
    let serving = program.serve();
    let person = Person::new();
    let asked = person
        .fill(&serving.url(ASK), &[("email", "ann@example.com")])
        .await;
    assert_eq!(asked.status(), 302);
    let mail = sink.wait_for(1).await.remove(0);
    assert!(mail.tls);
    assert_eq!(mail.from, "site@example.com");
    assert_eq!(mail.to, ["ann@example.com"]);
    assert_eq!(
        mail.login,
        Some(("mailer".to_owned(), "pass word".to_owned()))
    );
    assert!(
        mail.raw.contains("Auto-Submitted: auto-generated"),
        "{}",
        mail.raw
    );
    let link = link_in(&mail.text());
    let done = person.fill(&link, &[]).await;
    assert_eq!(location(&done), "/accounts/profile/");
    assert!(
        person
            .get(&serving.url("/accounts/profile/"))
            .await
            .text()
            .await
            .unwrap()
            .contains("ann@example.com")
    );
    assert_eq!(person.fill(&link, &[]).await.status(), 403);
    let token = link.trim_end_matches('/').rsplit('/').next().unwrap();
    assert!(!serving.log().contains(token), "{}", serving.log());
    assert!(!serving.log().contains("pass word"));
    assert!(serving.terminate());
    assert_eq!(sink.mails().len(), 1);
}

async fn a_letter_survives_a_kill_between_commit_and_delivery(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start().await;
    sink.set_mood(Mood::Silent);
    let mut program = Program::new(folder.path(), &db.url);
    program.mail_to(sink.port());
    with_ann(&mut program);
    let serving = program.serve();
    let asked = Person::new()
        .fill(&serving.url(ASK), &[("email", "ann@example.com")])
        .await;
    assert_eq!(
        asked.status(),
        302,
        "committed, and the mail server says nothing"
    );
    serving.kill();
    assert!(sink.mails().is_empty());
    assert!(program.ok(&["mail", "list"]).contains("ann@example.com"));
    sink.set_mood(Mood::Good);
    // What the killed one was delivering is leased for a while; an operator need not wait.
    let listed: serde_json::Value =
        serde_json::from_str(&program.ok(&["mail", "list", "--json"])).unwrap();
    program.ok(&["mail", "retry", &listed[0]["id"].to_string()]);
    let again = program.serve();
    let mail = sink.wait_for(1).await.remove(0);
    let person = Person::new();
    let link = link_in(&mail.text()).replace(&origin_of(&link_in(&mail.text())), &again.origin);
    assert_eq!(person.fill(&link, &[]).await.status(), 302);
    assert!(again.terminate());
    assert!(program.ok(&["mail", "list"]).contains("No letters wait."));
}

fn origin_of(link: &str) -> String {
    let end = link[7..].find('/').expect("a path") + 7;
    link[..end].to_owned()
}

async fn a_mail_server_that_is_down_slow_or_refusing_delays_nobody(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start().await;
    let mut program = Program::new(folder.path(), &db.url);
    program.mail_to(sink.port()).set("EMAIL_TIMEOUT", "1");
    with_ann(&mut program);
    let serving = program.serve();
    for (index, mood) in [Mood::Refuse, Mood::Silent, Mood::Busy(1), Mood::Never]
        .into_iter()
        .enumerate()
    {
        let address = format!("somebody{index}@example.com");
        sink.set_mood(mood);
        let start = Instant::now();
        let asked = Person::new()
            .fill(&serving.url(ASK), &[("email", &address)])
            .await;
        assert_eq!(asked.status(), 302, "{mood:?}");
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{mood:?} took {:?}",
            start.elapsed()
        );
        program.ok(&["mail", "drop", "--all"]);
    }
    assert!(sink.mails().is_empty());
    assert!(serving.terminate());
}
