//! Signing in: whom the app turns away, its own stages, where people go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::domain::User;
use hallpass::settings::Settings;
use hallpass::{Cx, Error, Failure, async_trait, hooks};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::credentials::{PASSWORD, hash, is_in, sign_in, signed_in};

use super::{SIGNUP, denied, many_ways};

each_database!(
    a_banned_client_signs_in_by_no_way,
    whom_the_app_does_not_let_in_stays_out,
    a_sign_in_that_fails_at_the_end_never_was,
    people_go_where_their_role_belongs,
    a_stage_of_the_app_is_taken_like_one_of_ours,
);

/// An app that has its say about signing in.
#[derive(Default)]
struct Guard {
    banned: AtomicBool,
    refused: AtomicBool,
    late: Mutex<Option<&'static str>>,
    roles: bool,
    terms: bool,
}

#[async_trait]
impl hooks::Login for Guard {
    async fn may_attempt(&self, cx: &mut Cx) -> Result<(), Error> {
        let from = cx.client.ip.to_string();
        match self.banned.load(Ordering::SeqCst) && from.starts_with("192.0.2.") {
            true => Err(denied("banned")),
            false => Ok(()),
        }
    }

    async fn may_sign_in(&self, _cx: &mut Cx, user: &User) -> Result<(), Error> {
        match self.refused.load(Ordering::SeqCst) && user.username == "ann" {
            true => Err(denied("fired")),
            false => Ok(()),
        }
    }

    fn stages(&self) -> Vec<hooks::OwnStage> {
        let terms = hooks::OwnStage {
            key: "terms".to_owned(),
            page: "/terms/".to_owned(),
            first: false,
        };
        if self.terms { vec![terms] } else { Vec::new() }
    }

    async fn needs_stage(
        &self,
        _cx: &mut Cx,
        key: &str,
        user: &User,
        _login: &hallpass::domain::Login,
    ) -> Result<bool, Error> {
        Ok(key == "terms" && !user.is_staff)
    }

    async fn after_sign_in(&self, cx: &mut Cx, _user: &User) -> Result<(), Error> {
        let late = *self.late.lock().unwrap();
        let sql = "UPDATE auth_user SET last_name = 'was here'";
        let mut conn = cx.write().await?;
        conn.execute(sql, &[]).await.map_err(Failure::from)?;
        match late {
            None => Ok(()),
            Some("broken") => Err(Failure::new("the app broke").into()),
            Some(code) => Err(denied(code)),
        }
    }

    fn redirect(&self, user: &User, after_signup: bool) -> Option<String> {
        match (self.roles, user.is_staff, after_signup) {
            (false, ..) => None,
            (true, true, _) => Some("/staff/".to_owned()),
            (true, false, true) => Some("/welcome/".to_owned()),
            (true, false, false) => Some("/start/".to_owned()),
        }
    }
}

async fn guarded(
    db: TestDb,
    guard: Guard,
    change: impl FnOnce(&mut Settings),
) -> (TestApp, Arc<Guard>) {
    let hook = Arc::new(guard);
    let put = hook.clone();
    let app = TestApp::built(db, change, |builder| builder.on_login(put)).await;
    (app, hook)
}

async fn a_banned_client_signs_in_by_no_way(db: TestDb) {
    let (app, hook) = guarded(db, Guard::default(), many_ways).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    app.sql(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         SELECT id, email, TRUE, TRUE FROM auth_user",
    )
    .await;
    let address = [("email", "ann@example.com")];
    let mut typing = app.browser();
    typing.fill("/accounts/login/code/", &address).await;
    let letter = app.letter().await.text;
    let (code, code_link) = (code_in(&letter), link_in(&letter));
    let mut browser = app.browser();
    browser.fill("/accounts/login/link/", &address).await;
    let login_link = link_in(&app.letter().await.text);
    browser.fill("/accounts/password/reset/", &address).await;
    let reset_link = link_in(&app.letter().await.text);
    let choose = browser.get(&reset_link).await.location().to_owned();
    let before = app.count("hallpass_event WHERE kind = 'login'").await;

    hook.banned.store(true, Ordering::SeqCst);
    let new = [
        ("password1", "eve-was-here-1"),
        ("password2", "eve-was-here-1"),
    ];
    let signup = [("username", "bob"), ("password1", PASSWORD)];
    let password = [("login", "ann"), ("password", PASSWORD)];
    for (path, fields) in [
        ("/accounts/login/", &password[..]),
        (SIGNUP, &signup[..]),
        ("/accounts/login/code/", &address[..]),
        (code_link.as_str(), &[][..]),
        (login_link.as_str(), &[][..]),
        (choose.as_str(), &new[..]),
        (reset_link.as_str(), &new[..]),
    ] {
        let mut tab = browser.clone();
        let answer = tab.fill(path, fields).await;
        assert!(
            answer.status == 400 || answer.location() == "/accounts/login/",
            "{path}: {answer:?}"
        );
        assert!(!is_in(&mut tab).await, "{path}");
    }
    let answer = typing
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(answer.location(), "/accounts/login/", "{answer:?}");
    assert!(!is_in(&mut typing).await);
    assert_eq!(app.count("auth_user").await, 1);
    assert_eq!(
        app.count("hallpass_event WHERE kind = 'login'").await,
        before
    );
    app.no_other_letter_was_sent().await;

    // From elsewhere all of it still works: the ban spent nothing.
    let mut elsewhere = browser.clone();
    elsewhere.peer.set_ip("198.51.100.9".parse().unwrap());
    let answer = elsewhere.fill(&login_link, &[]).await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    typing.peer.set_ip("198.51.100.9".parse().unwrap());
    let answer = typing
        .fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
}

async fn whom_the_app_does_not_let_in_stays_out(db: TestDb) {
    let (app, hook) = guarded(db, Guard::default(), many_ways).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    app.user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    hook.refused.store(true, Ordering::SeqCst);
    let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("The app says no: fired."));
    assert!(!is_in(&mut ann).await);
    let (_, answer) = sign_in(&app, "ann", "guess").await;
    assert!(
        !answer.text.contains("fired"),
        "only with the right password"
    );
    let address = [("email", "ann@example.com")];
    ann.fill("/accounts/login/code/", &address).await;
    let code = code_in(&app.letter().await.text);
    ann.fill("/accounts/login/code/confirm/", &[("code", &code)])
        .await;
    assert!(!is_in(&mut ann).await, "by code");
    ann.fill("/accounts/login/link/", &address).await;
    let link = link_in(&app.letter().await.text);
    ann.fill(&link, &[]).await;
    assert!(!is_in(&mut ann).await, "by link");
    ann.fill("/accounts/password/reset/", &address).await;
    let link = link_in(&app.letter().await.text);
    let choose = ann.get(&link).await.location().to_owned();
    let new = [
        ("password1", "new-password-77"),
        ("password2", "new-password-77"),
    ];
    ann.fill(&choose, &new).await;
    assert!(!is_in(&mut ann).await, "by reset");
    let mut bob = signed_in(&app, "bob").await;
    assert!(is_in(&mut bob).await);
    app.no_other_letter_was_sent().await;
}

async fn a_sign_in_that_fails_at_the_end_never_was(db: TestDb) {
    let (app, hook) = guarded(db, Guard::default(), |_| {}).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut events = app.hallpass.subscribe();
    for (late, status) in [("broken", 500), ("curfew", 400)] {
        *hook.late.lock().unwrap() = Some(late);
        let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(!is_in(&mut ann).await);
        let traces = [
            "auth_user WHERE last_login IS NOT NULL OR last_name <> ''",
            "usersessions_usersession",
            "hallpass_event WHERE kind = 'login'",
        ];
        for table in traces {
            assert_eq!(app.count(table).await, 0, "{late}: {table}");
        }
        while let Ok(told) = events.try_recv() {
            assert_eq!(told.kind, "login_failed");
        }
    }
    *hook.late.lock().unwrap() = None;
    let mut ann = signed_in(&app, "ann").await;
    assert!(is_in(&mut ann).await);
    assert_eq!(events.try_recv().unwrap().kind, "login");
}

async fn people_go_where_their_role_belongs(db: TestDb) {
    let guard = Guard {
        roles: true,
        ..Guard::default()
    };
    let (app, _) = guarded(db, guard, |settings| {
        settings.account.signup_redirect_url = Some("/set-by-the-operator/".to_owned());
    })
    .await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    app.user_with("boss", "", &hash(PASSWORD)).await;
    app.sql("UPDATE auth_user SET is_staff = TRUE WHERE username = 'boss'")
        .await;
    for (name, next, to) in [
        ("ann", "", "/start/"),
        ("boss", "", "/staff/"),
        ("boss", "/asked/", "/asked/"),
        ("boss", "https://evil.example/", "/staff/"),
    ] {
        let fields = [("login", name), ("password", PASSWORD), ("next", next)];
        let answer = app.browser().fill("/accounts/login/", &fields).await;
        assert_eq!(answer.location(), to, "{name} {next}");
    }
    let fields = [
        ("username", "new"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    let answer = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(answer.location(), "/welcome/", "{}", answer.text);
}

async fn a_stage_of_the_app_is_taken_like_one_of_ours(db: TestDb) {
    let guard = Guard {
        terms: true,
        ..Guard::default()
    };
    let (app, _) = guarded(db, guard, |_| {}).await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    app.user_with("boss", "", &hash(PASSWORD)).await;
    app.sql("UPDATE auth_user SET is_staff = TRUE WHERE username = 'boss'")
        .await;
    let (mut boss, _) = sign_in(&app, "boss", PASSWORD).await;
    assert!(is_in(&mut boss).await, "no stage for the boss");
    let (mut ann, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.location(), "/terms/");
    assert!(!is_in(&mut ann).await);
    let client = hallpass::domain::Client::new(ann.peer.ip(), "test", "http://localhost");
    let cookie = ann.cookies.get("sessionid").map(String::as_str);
    let mut session = app.hallpass.session(cookie).await.unwrap();
    for (key, passes) in [("other", false), ("terms", true), ("terms", false)] {
        let passed = app
            .hallpass
            .run(&client, &mut session, async |cx| {
                hallpass::flows::login::pass_stage(cx, key).await
            })
            .await;
        assert_eq!(passed.is_ok(), passes, "{key}: {passed:?}");
    }
    assert_eq!(session.user().unwrap().username, "ann");
}
