//! Codes as the flows see them: bound to a purpose, a row and a recipient, counted once and spent once.

use std::net::Ipv4Addr;

use hallpass_core::domain::{Client, Session, UserId};
use hallpass_core::flows::code::{self, Checked, Purpose, Recipient, Sent};
use hallpass_core::{Cx, Error, Hallpass, Refusal};
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_code_is_good_for_its_purpose_only,
    a_code_is_good_for_its_row_only,
    a_row_that_was_altered_takes_no_code,
    of_fifty_sessions_with_the_right_code_one_hears_so,
    of_fifty_sessions_with_wrong_codes_as_many_are_compared_as_may_be,
    right_and_wrong_at_once_are_no_more_than_the_attempts,
    what_is_renewed_at_once_is_renewed_once,
    a_challenge_that_is_not_genuine_takes_nothing,
);

async fn app(db: TestDb, most: u64) -> TestApp {
    TestApp::with(db, |settings| {
        let account = &mut settings.account;
        account.login_by_code_max_attempts = most;
        account.email_verification_by_code_max_attempts = most;
        account.phone_verification_max_attempts = most;
        account.password_reset_by_code_max_attempts = most;
        account.login_by_code_supports_resend.0 = 1;
        settings.hallpass.code_and_link = true;
    })
    .await
}

fn client() -> Client {
    Client::new(
        Ipv4Addr::new(192, 0, 2, 1).into(),
        "a test",
        "http://localhost",
    )
}

/// A flow in a session of its own.
async fn run<T>(
    hallpass: &Hallpass,
    flow: impl AsyncFnOnce(&mut Cx) -> Result<T, Error>,
) -> Result<T, Error> {
    hallpass
        .run(&client(), &mut Session::fresh(false), flow)
        .await
}

async fn begin(app: &TestApp, purpose: Purpose, genuine: bool) -> Sent {
    let recipient = Recipient {
        user: Some(UserId::from_int(7)),
        to: "ann@example.com",
        genuine,
    };
    let begun = run(&app.hallpass, async |cx| {
        Ok(code::begin(cx, purpose, recipient).await?)
    });
    begun.await.unwrap()
}

/// Typed by somebody with a session of their own.
async fn check(app: &TestApp, purpose: Purpose, id: &str, text: &str) -> Checked {
    let checked = run(&app.hallpass, async |cx| {
        code::check(cx, purpose, Some(id), text).await
    });
    checked.await.unwrap()
}

async fn at_once(
    app: &TestApp,
    purpose: Purpose,
    id: &str,
    texts: impl IntoIterator<Item = String>,
) -> Vec<Checked> {
    let mut tasks = Vec::new();
    for text in texts {
        let (hallpass, id) = (app.hallpass.clone(), id.to_owned());
        tasks.push(tokio::spawn(async move {
            let checked = run(&hallpass, async |cx| {
                code::check(cx, purpose, Some(&id), &text).await
            });
            checked.await.unwrap()
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

fn count(all: &[Checked], what: fn(&Checked) -> bool) -> usize {
    all.iter().filter(|checked| what(checked)).count()
}

fn right(checked: &Checked) -> bool {
    matches!(checked, Checked::Right(_))
}

fn gone(checked: &Checked) -> bool {
    matches!(checked, Checked::Gone)
}

/// CVE-2026-114607: a token for one thing was taken for another.
async fn a_code_is_good_for_its_purpose_only(db: TestDb) {
    let app = app(db, 3).await;
    for purpose in Purpose::ALL {
        let sent = begin(&app, purpose, true).await;
        let (id, text) = (sent.challenge.id.as_str(), sent.code.reveal());
        for other in Purpose::ALL {
            if other == purpose {
                continue;
            }
            assert!(
                gone(&check(&app, other, id, text).await),
                "{purpose:?} as {other:?}"
            );
            if let Some(link) = &sent.link {
                let found = run(&app.hallpass, async |cx| {
                    Ok(code::by_link(cx, other, link).await?)
                });
                assert!(found.await.unwrap().is_none(), "{purpose:?} as {other:?}");
            }
        }
        assert!(right(&check(&app, purpose, id, text).await), "{purpose:?}");
        assert!(gone(&check(&app, purpose, id, text).await), "{purpose:?}");
    }
}

async fn a_code_is_good_for_its_row_only(db: TestDb) {
    let app = app(db, 3).await;
    for purpose in Purpose::ALL {
        let (first, second) = (
            begin(&app, purpose, true).await,
            begin(&app, purpose, true).await,
        );
        let wrong = check(&app, purpose, &first.challenge.id, second.code.reveal()).await;
        assert!(matches!(wrong, Checked::Wrong), "{purpose:?}: {wrong:?}");
        for sent in [first, second] {
            let checked = check(&app, purpose, &sent.challenge.id, sent.code.reveal()).await;
            assert!(right(&checked), "{purpose:?}");
        }
        // What is kept of it is no code, whether it is given as one or as the row.
        let sent = begin(&app, purpose, true).await;
        let kept = check(&app, purpose, &sent.challenge.id, &sent.challenge.code).await;
        assert!(matches!(kept, Checked::Wrong), "{purpose:?}");
        assert!(gone(
            &check(&app, purpose, sent.code.reveal(), sent.code.reveal()).await
        ));
    }
}

/// Whoever can write to a row, but does not know SECRET_KEY, gains nothing by moving a code to somebody else.
async fn a_row_that_was_altered_takes_no_code(db: TestDb) {
    let app = app(db, 3).await;
    for change in [
        "purpose = 'password_reset'",
        "user_id = 8",
        "user_id = NULL",
        "recipient = 'eve@example.com'",
        "id = 'another'",
        "code = ''",
    ] {
        let sent = begin(&app, Purpose::Login, true).await;
        let id = &sent.challenge.id;
        let changed = app
            .sql(&format!(
                "UPDATE hallpass_code SET {change} WHERE id = '{id}'"
            ))
            .await;
        assert_eq!(changed, 1);
        for id in [id, "another"] {
            for purpose in [Purpose::Login, Purpose::PasswordReset] {
                let checked = check(&app, purpose, id, sent.code.reveal()).await;
                assert!(!right(&checked), "{change}");
            }
        }
        app.sql("DELETE FROM hallpass_code").await;
    }
}

async fn of_fifty_sessions_with_the_right_code_one_hears_so(db: TestDb) {
    let app = app(db, 1000).await;
    for purpose in Purpose::ALL {
        let sent = begin(&app, purpose, true).await;
        let texts = vec![sent.code.reveal().to_owned(); 50];
        let all = at_once(&app, purpose, &sent.challenge.id, texts).await;
        assert_eq!(
            (count(&all, right), count(&all, gone)),
            (1, 49),
            "{purpose:?}"
        );
    }
    assert_eq!(app.count("hallpass_code").await, 0);
}

async fn of_fifty_sessions_with_wrong_codes_as_many_are_compared_as_may_be(db: TestDb) {
    let mut db = db;
    for (most, wrong) in [(1, 0), (3, 2)] {
        let app = app(db, most).await;
        let sent = begin(&app, Purpose::Login, true).await;
        let texts = vec!["BBBB-BBBB".to_owned(); 50];
        let all = at_once(&app, Purpose::Login, &sent.challenge.id, texts).await;
        let over = count(&all, |checked| matches!(checked, Checked::Over));
        let wrongs = count(&all, |checked| matches!(checked, Checked::Wrong));
        assert_eq!((wrongs, over), (wrong, 1));
        let late = check(&app, Purpose::Login, &sent.challenge.id, sent.code.reveal()).await;
        assert!(gone(&late));
        db = app.db;
    }
}

async fn right_and_wrong_at_once_are_no_more_than_the_attempts(db: TestDb) {
    let app = app(db, 3).await;
    for _ in 0..10 {
        let sent = begin(&app, Purpose::Login, true).await;
        let mut texts = vec!["BBBB-BBBB".to_owned(); 20];
        texts.insert(10, sent.code.reveal().to_owned());
        let all = at_once(&app, Purpose::Login, &sent.challenge.id, texts).await;
        let (right, gone) = (count(&all, right), count(&all, gone));
        assert!(right <= 1 && all.len() - gone <= 3, "{all:?}");
    }
}

async fn what_is_renewed_at_once_is_renewed_once(db: TestDb) {
    let app = app(db, 3).await;
    let sent = begin(&app, Purpose::Login, true).await;
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (hallpass, before) = (app.hallpass.clone(), sent.challenge.clone());
        tasks.push(tokio::spawn(async move {
            let renewed = run(&hallpass, async |cx| {
                code::resend(cx, Purpose::Login, &before).await
            });
            renewed.await
        }));
    }
    let mut renewed = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(sent) => renewed.push(sent),
            Err(Error::Refused(Refusal::NotPending)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(renewed.len(), 1, "a quota of one");
    let (id, text) = (&sent.challenge.id, sent.code.reveal());
    assert!(!right(&check(&app, Purpose::Login, id, text).await));
    assert!(right(
        &check(&app, Purpose::Login, id, renewed[0].code.reveal()).await
    ));
}

async fn a_challenge_that_is_not_genuine_takes_nothing(db: TestDb) {
    let app = app(db, 2).await;
    for purpose in Purpose::ALL {
        let sent = begin(&app, purpose, false).await;
        let id = &sent.challenge.id;
        let first = check(&app, purpose, id, sent.code.reveal()).await;
        assert!(matches!(first, Checked::Wrong), "{purpose:?}: {first:?}");
        let last = check(&app, purpose, id, "-").await;
        assert!(matches!(last, Checked::Over), "{purpose:?}: {last:?}");
        if let Some(link) = &sent.link {
            let found = run(&app.hallpass, async |cx| {
                Ok(code::by_link(cx, purpose, link).await?)
            });
            assert!(found.await.unwrap().is_none(), "{purpose:?}");
        }
    }
}
