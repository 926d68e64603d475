//! Sessions, links and keys by the hand of the app: started, issued, sent, listed, ended.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hallpass_core::domain::{Client, Session, Timestamp, User};
use hallpass_core::flows::login::{self, Progress};
use hallpass_core::flows::login_by_link::{self, Pressed};
use hallpass_core::flows::{email_verification, login_by_code, password_reset, tokens};
use hallpass_core::hooks::Login;
use hallpass_core::{Cx, Error, Hallpass, Refusal, async_trait};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    the_app_starts_a_session,
    a_hook_turns_away_whom_the_app_vouches_for,
    a_visitor_is_signed_in_where_they_are,
    sessions_are_listed_and_ended,
    everything_ends,
    a_link_signs_in_once_and_proves_nothing,
    letters_say_nothing_of_nobody,
    letters_go_to_a_mailbox_that_was_proved,
    a_link_resets_the_password,
    a_link_confirms_an_address,
    a_code_belongs_to_the_visitor_who_asked,
    keys_and_tokens_are_given,
);

fn noon() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

async fn app(db: TestDb) -> TestApp {
    TestApp::at(db, noon, |settings| {
        settings.rest_auth.use_jwt = true;
        settings.account.login_by_code_enabled = true;
    })
    .await
}

async fn person(app: &TestApp, name: &str) -> User {
    let new = app.hallpass.users().create().username(name);
    let new = new.email(format!("{name}@example.com")).verified();
    new.save().await.unwrap()
}

fn visitor() -> Client {
    Client::new(
        Ipv4Addr::new(192, 0, 2, 7).into(),
        "Firefox/145.0 Linux",
        "http://localhost",
    )
}

async fn behind(hallpass: &Hallpass, cookie: &str) -> Option<User> {
    let session = hallpass.session(Some(cookie)).await.unwrap();
    session.user().cloned()
}

#[track_caller]
fn refusal<T>(done: Result<T, Error>) -> Refusal {
    match done {
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("taken"),
    }
}

async fn the_app_starts_a_session(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let mut events = app.hallpass.subscribe();
    let cookie = app.hallpass.sign_in(&ann, "sso").await.unwrap();
    assert_eq!(cookie.pair(), format!("sessionid={}", cookie.value()));
    assert_eq!(cookie.max_age(), Some(1_209_600));
    assert!(!format!("{cookie:?}").contains(cookie.value()));
    let user = behind(&app.hallpass, cookie.value()).await.unwrap();
    assert_eq!((user.id, user.last_login), (ann.id, Some(noon())));
    let told = events.recv().await.unwrap();
    assert_eq!(
        (told.kind, told.method, told.user),
        ("login", "sso", Some(ann.id))
    );
    let again = app.hallpass.sign_in(&ann, "sso").await.unwrap();
    assert_ne!(again.value(), cookie.value());
    assert!(behind(&app.hallpass, cookie.value()).await.is_some());
}

struct Bouncer;

#[async_trait]
impl Login for Bouncer {
    async fn may_sign_in(&self, _: &mut Cx, user: &User) -> Result<(), Error> {
        match user.username.as_str() {
            "eve" => Err(Refusal::PermissionDenied.into()),
            _ => Ok(()),
        }
    }
    async fn after_sign_in(&self, _: &mut Cx, user: &User) -> Result<(), Error> {
        match user.username.as_str() {
            "mallory" => Err(Refusal::PermissionDenied.into()),
            _ => Ok(()),
        }
    }
}

async fn a_hook_turns_away_whom_the_app_vouches_for(db: TestDb) {
    let app = TestApp::built(db, |_| {}, |builder| builder.on_login(Arc::new(Bouncer))).await;
    for name in ["eve", "mallory"] {
        let user = person(&app, name).await;
        assert_eq!(
            refusal(app.hallpass.sign_in(&user, "sso").await),
            Refusal::PermissionDenied
        );
        assert_eq!(app.look_up(user.id).await.last_login, None, "{name}");
    }
    assert_eq!(app.count("django_session").await, 0);
    assert_eq!(app.count("hallpass_event WHERE kind = 'login'").await, 0);
}

async fn a_visitor_is_signed_in_where_they_are(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let mut session = Session::fresh(false);
    session.set("basket", "apples");
    let flow = async |cx: &mut Cx| login::vouch(cx, ann.id, "saml").await;
    let done = app
        .hallpass
        .run(&visitor(), &mut session, flow)
        .await
        .unwrap();
    assert_eq!(done.to, "/accounts/profile/");
    assert_eq!(session.user_id(), Some(ann.id));
    assert_eq!(
        session.get("basket").and_then(|value| value.as_str()),
        Some("apples")
    );
    let listed = app.hallpass.sessions_of(&ann).await.unwrap();
    assert!(listed[0].is(&session) && listed[0].ip == Some(visitor().ip));
}

async fn sessions_are_listed_and_ended(db: TestDb) {
    let app = app(db).await;
    let (ann, bob) = (person(&app, "ann").await, person(&app, "bob").await);
    let first = app.hallpass.sign_in(&ann, "sso").await.unwrap();
    let second = app.hallpass.sign_in(&ann, "sso").await.unwrap();
    let others = app.hallpass.sign_in(&bob, "sso").await.unwrap();
    let listed = app.hallpass.sessions_of(&ann).await.unwrap();
    assert_eq!(listed.len(), 2);
    let here = app.hallpass.session(Some(first.value())).await.unwrap();
    assert_eq!(listed.iter().filter(|one| one.is(&here)).count(), 1);
    let one = listed.iter().find(|one| one.is(&here)).unwrap();
    assert_eq!(
        (one.ip, one.user_agent.as_str(), one.created),
        (None, "", noon())
    );
    assert_eq!(one.expires, noon() + Duration::from_secs(1_209_600));
    assert!(
        !app.hallpass.end_session(&bob, one.id).await.unwrap(),
        "another's is never touched"
    );
    assert!(app.hallpass.end_session(&ann, one.id).await.unwrap());
    assert!(!app.hallpass.end_session(&ann, one.id).await.unwrap());
    assert!(behind(&app.hallpass, first.value()).await.is_none());
    assert!(behind(&app.hallpass, second.value()).await.is_some());
    app.hallpass.end_sessions(&ann).await.unwrap();
    assert!(behind(&app.hallpass, second.value()).await.is_none());
    assert!(behind(&app.hallpass, others.value()).await.is_some());
    assert!(app.hallpass.sessions_of(&ann).await.unwrap().is_empty());
}

async fn everything_ends(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let hallpass = &app.hallpass;
    let cookie = hallpass.sign_in(&ann, "sso").await.unwrap();
    let key = hallpass.rest_key(&ann).await.unwrap();
    let pair = hallpass.jwt_pair(&ann).await.unwrap();
    let link = hallpass.login_link(&ann).await.unwrap();
    let reset = hallpass.password_reset_link(&ann).await.unwrap();
    hallpass.send_password_reset(&ann).await.unwrap();
    hallpass.end_everything(&ann).await.unwrap();
    assert!(behind(hallpass, cookie.value()).await.is_none());
    assert!(tokens::by_key(hallpass, &key).await.is_err());
    let refreshed = async |cx: &mut Cx| tokens::refresh(cx, &pair.refresh).await;
    refusal(hallpass.perform(refreshed).await);
    assert_eq!(refusal(press(hallpass, &link).await), Refusal::InvalidLink);
    assert_eq!(
        refusal(open(hallpass, &reset).await),
        Refusal::InvalidPasswordReset
    );
    assert_eq!(app.count("hallpass_code").await, 0);
    // And a new beginning.
    let link = hallpass.login_link(&ann).await.unwrap();
    assert!(press(hallpass, &link).await.is_ok());
}

/// Presses the button behind a sign-in link.
async fn press(hallpass: &Hallpass, link: &str) -> Result<Progress, Error> {
    let path = link_in(link);
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let mut parts = path.trim_end_matches('/').rsplit('/');
    let (token, uid) = (parts.next().unwrap(), parts.next().unwrap());
    let sent_to = url_value(query, "to");
    let flow = async |cx: &mut Cx| {
        let pressed = Pressed {
            uid,
            token,
            sent_to: sent_to.as_deref(),
            next: None,
        };
        login_by_link::finish(cx, pressed).await
    };
    hallpass.perform(flow).await
}

fn url_value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name)?.1;
    Some(value.to_owned())
}

/// Opens a reset link.
async fn open(hallpass: &Hallpass, link: &str) -> Result<(), Error> {
    let path = link_in(link);
    let key = path.trim_end_matches('/').rsplit('/').next().unwrap();
    let flow = async |cx: &mut Cx| {
        let password = "another-horse-7-staple";
        password_reset::finish_for_program(cx, key, password, password).await
    };
    hallpass.perform(flow).await
}

async fn a_link_signs_in_once_and_proves_nothing(db: TestDb) {
    let app = app(db).await;
    let new = app.hallpass.users().create().username("ann");
    let ann = new.email("ann@example.com").save().await.unwrap();
    let link = app.hallpass.login_link(&ann).await.unwrap();
    assert!(
        link.starts_with(&app.hallpass.base_url()) && !link.contains('?'),
        "{link}"
    );
    let to = app.hallpass.login_link_to(&ann, "/a?b=c&d").await.unwrap();
    assert!(to.ends_with("?next=%2Fa%3Fb%3Dc%26d"), "{to}");
    app.no_other_letter_was_sent().await;
    let (one, two) = tokio::join!(press(&app.hallpass, &link), press(&app.hallpass, &link));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    let rows = app.hallpass.users().addresses(&ann).await.unwrap();
    assert!(!rows[0].verified, "nobody knows where the app sent it");
}

async fn letters_say_nothing_of_nobody(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    app.hallpass
        .users()
        .add_address(&ann, "ann@other.example")
        .await
        .unwrap();
    app.hallpass.send_login_link(&ann).await.unwrap();
    let link = app.letter().await;
    app.hallpass.send_password_reset(&ann).await.unwrap();
    let reset = app.letter().await;
    app.hallpass
        .send_email_confirmation(&ann, "ann@other.example")
        .await
        .unwrap();
    let confirmation = app.letter().await;
    assert_eq!(confirmation.to, "ann@other.example");
    for letter in [&link, &reset, &confirmation] {
        for part in [&letter.text, letter.html.as_ref().unwrap()] {
            for word in ["0.0.0.0", "unknown program", "asked for on"] {
                assert!(!part.contains(word), "{word}: {part}");
            }
        }
        assert!(letter.text.contains(&app.hallpass.base_url()));
    }
    assert!(press(&app.hallpass, &link.text).await.is_ok());
    assert_eq!(app.count("hallpass_event WHERE ip IS NOT NULL").await, 0);
}

async fn letters_go_to_a_mailbox_that_was_proved(db: TestDb) {
    let app = app(db).await;
    let new = app.hallpass.users().create().username("ann");
    let ann = new.email("ann@example.com").save().await.unwrap();
    app.hallpass.send_login_link(&ann).await.unwrap();
    assert_eq!(app.letter().await.to, "ann@example.com");
    let users = app.hallpass.users();
    users.add_address(&ann, "ann@proved.example").await.unwrap();
    users
        .confirm_address(&ann, "ann@proved.example")
        .await
        .unwrap();
    app.hallpass.send_login_link(&ann).await.unwrap();
    assert_eq!(app.letter().await.to, "ann@proved.example");
    app.hallpass.send_password_reset(&ann).await.unwrap();
    assert_eq!(app.letter().await.to, "ann@proved.example");
    let bob = app
        .hallpass
        .users()
        .create()
        .username("bob")
        .save()
        .await
        .unwrap();
    assert_eq!(
        refusal(app.hallpass.send_login_link(&bob).await),
        Refusal::NoWayToConfirm
    );
    assert_eq!(
        refusal(app.hallpass.send_password_reset(&bob).await),
        Refusal::NoWayToConfirm
    );
}

async fn a_link_resets_the_password(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let link = app.hallpass.password_reset_link(&ann).await.unwrap();
    let (one, two) = tokio::join!(open(&app.hallpass, &link), open(&app.hallpass, &link));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    let password = app.look_up(ann.id).await.password;
    let right = app
        .hallpass
        .hashing()
        .verify("another-horse-7-staple", &password)
        .await;
    assert!(right.unwrap().correct);
    let app = TestApp::with(app.db, |settings| settings.hallpass.passwordless = true).await;
    assert_eq!(
        refusal(app.hallpass.password_reset_link(&ann).await),
        Refusal::NotAvailable
    );
    assert_eq!(
        refusal(app.hallpass.send_password_reset(&ann).await),
        Refusal::NotAvailable
    );
}

async fn a_link_confirms_an_address(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let users = app.hallpass.users();
    let hallpass = &app.hallpass;
    assert_eq!(
        refusal(
            hallpass
                .email_confirmation_link(&ann, "ann@example.com")
                .await
        ),
        Refusal::NotPending
    );
    assert_eq!(
        refusal(hallpass.send_email_confirmation(&ann, "x\0").await),
        Refusal::NoSuchAddress
    );
    users.add_address(&ann, "ann@other.example").await.unwrap();
    let link = hallpass
        .email_confirmation_link(&ann, "Ann@other.example")
        .await
        .unwrap();
    let path = link_in(&link);
    let key = path.trim_end_matches('/').rsplit('/').next().unwrap();
    let flow = async |cx: &mut Cx| email_verification::finish(cx, key).await;
    let _ = hallpass.perform(flow).await.unwrap();
    assert!(
        users
            .addresses(&ann)
            .await
            .unwrap()
            .iter()
            .all(|row| row.verified)
    );
}

async fn a_code_belongs_to_the_visitor_who_asked(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let (mut own, mut other) = (Session::fresh(false), Session::fresh(false));
    let (hallpass, client) = (&app.hallpass, visitor());
    let sent = hallpass.send_login_code(&client, &mut own, "ann@example.com");
    sent.await.unwrap();
    let letter = app.letter().await;
    let mut words = letter.text.split_whitespace();
    let code = words.find(|word| {
        word.len() == 9 && word.contains('-')
            || word.len() == 6
                && word.chars().all(char::is_alphanumeric)
                && word.chars().any(|c| c.is_ascii_uppercase())
                && word.to_uppercase() == *word
    });
    let code = code.unwrap_or_else(|| panic!("{}", letter.text)).to_owned();
    let flow = async |cx: &mut Cx| login_by_code::finish(cx, &code).await;
    assert_eq!(
        refusal(app.hallpass.run(&visitor(), &mut other, flow).await),
        Refusal::NotPending
    );
    let flow = async |cx: &mut Cx| login_by_code::finish(cx, &code).await;
    let _ = app.hallpass.run(&visitor(), &mut own, flow).await.unwrap();
    assert_eq!(own.user_id(), Some(ann.id));
}

async fn keys_and_tokens_are_given(db: TestDb) {
    let app = app(db).await;
    let ann = person(&app, "ann").await;
    let hallpass = &app.hallpass;
    let key = hallpass.rest_key(&ann).await.unwrap();
    assert_eq!(
        hallpass.rest_key(&ann).await.unwrap(),
        key,
        "one for all devices"
    );
    assert_eq!(tokens::by_key(hallpass, &key).await.unwrap().id, ann.id);
    let pair = hallpass.jwt_pair(&ann).await.unwrap();
    let user = tokens::by_access(hallpass, &pair.access, noon())
        .await
        .unwrap();
    assert_eq!(user.id, ann.id);
    let app = TestApp::with(app.db, |settings| settings.rest_auth.token_model = None).await;
    assert_eq!(
        refusal(app.hallpass.rest_key(&ann).await),
        Refusal::NotAvailable
    );
    assert_eq!(
        refusal(app.hallpass.jwt_pair(&ann).await),
        Refusal::NotAvailable
    );
}
