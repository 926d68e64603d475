//! Where an app has its say, and what it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::domain::{Timestamp, User};
use hallpass::flows::signup::Form;
use hallpass::settings::{ExtraField, ExtraKind, LoginBy, Settings, Verification};
use hallpass::{Cx, Error, Failure, Refusal, async_trait, hooks};
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in, texted};

each_database!(
    a_closed_signup_opens_for_the_invited,
    what_happens_after_a_signup_is_of_one_piece_with_it,
    names_and_addresses_are_as_the_app_wants_them,
    the_app_judges_a_signup_before_it_shows_whether_the_address_is_taken,
    a_banned_client_signs_in_by_no_way,
    whom_the_app_does_not_let_in_stays_out,
    a_sign_in_that_fails_at_the_end_never_was,
    people_go_where_their_role_belongs,
    a_stage_of_the_app_is_taken_like_one_of_ours,
    what_happens_is_told_after_its_commit,
    everything_leaves_an_event,
);

fn denied(code: &'static str) -> Error {
    let message = format!("The app says no: {code}.");
    Refusal::Denied { code, message }.into()
}

/// An app that wants invitations, with a table of its own.
#[derive(Default)]
struct Desk {
    seen: Mutex<Vec<String>>,
    race: AtomicBool,
    broken: AtomicBool,
}

fn invitation(form: &Form) -> String {
    let code = form.extra.get("invitation").and_then(|it| it.as_str());
    code.unwrap_or_default().to_owned()
}

#[async_trait]
impl hooks::Signup for Desk {
    async fn is_open(&self, cx: &mut Cx) -> Result<bool, Error> {
        let free = "SELECT 1 FROM invitation WHERE used_by IS NULL";
        Ok(cx
            .read()
            .query_opt(free, &[])
            .await
            .map_err(Failure::from)?
            .is_some())
    }

    fn extra_fields(&self) -> Vec<ExtraField> {
        vec![ExtraField {
            name: "invitation".to_owned(),
            label: "Invitation".to_owned(),
            kind: ExtraKind::Text,
            required: true,
            max_length: 64,
            choices: Vec::new(),
            help: None,
        }]
    }

    fn clean_username(&self, username: String) -> Result<String, Refusal> {
        match username.as_str() {
            "root" => Err(Refusal::UsernameBlacklisted),
            _ => Ok(username.replace('+', "_")),
        }
    }

    fn clean_email(&self, email: String) -> Result<String, Refusal> {
        match email.ends_with("@throwaway.example") {
            true => Err(Refusal::InvalidEmail),
            false => Ok(email),
        }
    }

    async fn may_sign_up(&self, cx: &mut Cx, form: &Form) -> Result<(), Error> {
        self.seen.lock().unwrap().push(invitation(form));
        let sql = "SELECT 1 FROM invitation WHERE code = $1 AND used_by IS NULL";
        let values = [invitation(form).as_str().into()];
        let found = cx.read().query_opt(sql, &values).await;
        match found.map_err(Failure::from)? {
            Some(_) => Ok(()),
            None => Err(denied("invitation")),
        }
    }

    async fn after_sign_up(&self, cx: &mut Cx, user: &User, form: &Form) -> Result<(), Error> {
        let sql = "UPDATE invitation SET used_by = $1 WHERE code = $2 AND used_by IS NULL";
        let values = [user.id.into(), invitation(form).as_str().into()];
        let mut conn = cx.write().await?;
        conn.execute(sql, &values).await.map_err(Failure::from)?;
        if self.broken.load(Ordering::SeqCst) {
            return Err(Failure::new("the app broke").into());
        }
        match self.race.load(Ordering::SeqCst) {
            true => Err(denied("too_late")),
            false => Ok(()),
        }
    }
}

async fn desk(db: TestDb, change: impl FnOnce(&mut Settings)) -> (TestApp, Arc<Desk>) {
    let hook = Arc::new(Desk::default());
    let put = hook.clone();
    let app = TestApp::built(db, change, |builder| builder.on_signup(put)).await;
    app.sql(
        "CREATE TABLE invitation (code varchar(64) NOT NULL PRIMARY KEY, used_by integer NULL)",
    )
    .await;
    app.sql("INSERT INTO invitation (code) VALUES ('golden-ticket')")
        .await;
    (app, hook)
}

fn form<'a>(name: &'a str, email: &'a str, code: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("username", name),
        ("email", email),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
        ("invitation", code),
    ]
}

const SIGNUP: &str = "/accounts/signup/";

async fn a_closed_signup_opens_for_the_invited(db: TestDb) {
    let (app, _) = desk(db, |_| {}).await;
    for code in ["", "guess", "GOLDEN-TICKET"] {
        let fields = form("ann", "ann@example.com", code);
        let answer = app.browser().fill(SIGNUP, &fields).await;
        assert_eq!(answer.status, 400, "{code}");
        let says = answer.text.contains("The app says no: invitation.");
        assert_eq!(says, !code.is_empty(), "{}", answer.text);
    }
    assert_eq!(app.count("auth_user").await, 0);
    let fields = form("ann", "ann@example.com", "golden-ticket");
    let mut ann = app.browser();
    let done = ann.fill(SIGNUP, &fields).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    let user = app.count("invitation WHERE used_by IN (SELECT id FROM auth_user)");
    assert_eq!(user.await, 1);
    let extra = app.count("hallpass_extra").await;
    assert_eq!(extra, 1, "what was typed is kept");
    app.letter().await;
    // Nobody else is invited: the page is closed, and so is what stands behind it.
    assert_eq!(app.browser().get(SIGNUP).await.status, 403);
    let fields = form("bob", "bob@example.com", "golden-ticket");
    let mut bob = app.browser();
    bob.get("/accounts/login/").await;
    assert_eq!(bob.fill(SIGNUP, &fields).await.status, 403);
    assert_eq!(app.count("auth_user").await, 1);
    app.no_other_letter_was_sent().await;
}

async fn what_happens_after_a_signup_is_of_one_piece_with_it(db: TestDb) {
    let (app, hook) = desk(db, |_| {}).await;
    let mut events = app.hallpass.subscribe();
    let fields = form("ann", "ann@example.com", "golden-ticket");
    for (broken, status) in [(true, 500), (false, 400)] {
        hook.broken.store(broken, Ordering::SeqCst);
        hook.race.store(!broken, Ordering::SeqCst);
        let mut browser = app.browser();
        let answer = browser.fill(SIGNUP, &fields).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(!answer.text.contains("the app broke"));
        assert!(!is_in(&mut browser).await);
        for table in [
            "auth_user",
            "account_emailaddress",
            "hallpass_extra",
            "hallpass_event",
            "invitation WHERE used_by IS NOT NULL",
        ] {
            assert_eq!(app.count(table).await, 0, "{table}");
        }
    }
    assert!(events.try_recv().is_err(), "nothing happened");
    app.no_other_letter_was_sent().await;
    hook.race.store(false, Ordering::SeqCst);
    let done = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
}

async fn names_and_addresses_are_as_the_app_wants_them(db: TestDb) {
    let (app, _) = desk(db, |settings| {
        settings.account.email_verification_by_code_enabled = false;
    })
    .await;
    for (name, email, id) in [
        ("root", "ann@example.com", "id_username-error"),
        ("ann", "ann@throwaway.example", "id_email-error"),
        ("ann", "ann@ＴＨＲＯＷＡＷＡＹ.example", "id_email-error"),
    ] {
        let fields = form(name, email, "golden-ticket");
        let answer = app.browser().fill(SIGNUP, &fields).await;
        assert_eq!(answer.status, 400, "{name} {email}");
        assert!(answer.text.contains(id), "{}", answer.text);
    }
    let fields = form("ann+bee", "ann@example.com", "golden-ticket");
    let mut ann = app.browser();
    assert_eq!(ann.fill(SIGNUP, &fields).await.status, 302);
    assert_eq!(app.count("auth_user WHERE username = 'ann_bee'").await, 1);
    app.letter().await;
    let add = [("email", "a@throwaway.example"), ("action_add", "1")];
    let answer = ann.fill("/accounts/email/", &add).await;
    assert_eq!(answer.status, 400, "added later it is the same");
    app.no_other_letter_was_sent().await;
}

async fn the_app_judges_a_signup_before_it_shows_whether_the_address_is_taken(db: TestDb) {
    let (app, hook) = desk(db, |settings| {
        settings.account.email_required = true;
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    app.user("ann", "ann@example.com").await;
    for email in ["ann@example.com", "new@example.com"] {
        let answer = app
            .browser()
            .fill(SIGNUP, &form("eve", email, "guess"))
            .await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains("The app says no"), "{}", answer.text);
    }
    assert_eq!(*hook.seen.lock().unwrap(), ["guess", "guess"]);
    let fields = form("eve", "ann@example.com", "golden-ticket");
    let answer = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(answer.location(), "/accounts/confirm-email/");
    let used = app.count("invitation WHERE used_by IS NOT NULL").await;
    assert_eq!(
        used, 0,
        "an invitation is not used up by what comes to nothing"
    );
    let letter = app.letter().await;
    assert!(letter.text.contains("account"), "{}", letter.text);
}

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

fn many_ways(settings: &mut Settings) {
    settings.account.login_by_code_enabled = true;
    settings.hallpass.code_and_link = true;
    settings.account.login_on_password_reset = true;
    settings.account.login_methods = Some(vec![LoginBy::Username]);
    settings.account.signup_fields = asked("username* email password1*");
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

async fn what_happens_is_told_after_its_commit(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut events = app.hallpass.subscribe();
    let other = app.db.again();
    let listener = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.last() != Some(&"logout") {
            let told = events.recv().await.unwrap();
            let sql = "SELECT count(*) FROM hallpass_event WHERE kind = $1";
            let row = other.conn().query_opt(sql, &[told.kind.into()]).await;
            let rows: i64 = row.unwrap().unwrap().get(0).unwrap();
            assert!(rows > 0, "{} was told before it was there", told.kind);
            seen.push(told.kind);
        }
        seen
    });
    sign_in(&app, "ann", "guess").await;
    let mut ann = signed_in(&app, "ann").await;
    ann.fill("/accounts/logout/", &[]).await;
    assert_eq!(listener.await.unwrap(), ["login_failed", "login", "logout"]);
}

type Seen = (String, bool, String, String);

async fn events(app: &TestApp) -> Vec<Seen> {
    let sql = "SELECT kind, user_id IS NOT NULL, method, reason FROM hallpass_event ORDER BY id";
    let rows = app.db.db.conn().query(sql, &[]).await.unwrap();
    let read = |row: &hallpass::store::Row| -> Seen {
        let user: bool = row.get(1).unwrap();
        let text = |at: usize| row.get::<String>(at).unwrap();
        (text(0), user, text(2), text(3))
    };
    let seen = rows.iter().map(read).collect();
    app.sql("DELETE FROM hallpass_event").await;
    seen
}

async fn everything_leaves_an_event(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        many_ways(settings);
        settings.account.signup_fields = asked("username* email phone password1*");
        settings.account.phone_verification_enabled = false;
        settings.account.signup_form_honeypot_field = Some("website".to_owned());
        settings.account.rate_limits = rates(r#"{"login_failed": "3/m/key"}"#);
        settings.account.password_reset_by_code_enabled = true;
    })
    .await;
    let expect = async |step: &str, wanted: &[(&str, bool, &str, &str)]| {
        let seen = events(&app).await;
        let seen: Vec<_> = seen
            .iter()
            .map(|(kind, user, method, reason)| {
                (kind.as_str(), *user, method.as_str(), reason.as_str())
            })
            .collect();
        assert_eq!(seen, wanted, "{step}");
    };
    let start = Timestamp::now();
    let mut ann = app.browser();
    let trapped = [
        ("username", "bot"),
        ("password1", PASSWORD),
        ("website", "x"),
    ];
    app.browser().fill(SIGNUP, &trapped).await;
    expect("trap", &[("signup_trapped", false, "", "")]).await;
    let new = [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", PASSWORD),
    ];
    ann.fill(SIGNUP, &new).await;
    expect(
        "signup",
        &[
            ("signup", true, "", ""),
            ("login", true, "", ""),
            ("email_confirmation_sent", true, "link", ""),
        ],
    )
    .await;
    let link = link_in(&app.letter().await.text);
    ann.fill(&link, &[]).await;
    expect("confirm", &[("email_confirmed", true, "", "")]).await;
    ann.fill("/accounts/logout/", &[]).await;
    expect("logout", &[("logout", true, "", "")]).await;
    sign_in(&app, "nobody", "guess").await;
    let mismatch = "username_password_mismatch";
    expect("nobody", &[("login_failed", false, "password", mismatch)]).await;
    for _ in 0..3 {
        sign_in(&app, "ann", "guess").await;
    }
    expect("guess", &[("login_failed", true, "password", mismatch); 3]).await;
    sign_in(&app, "ann", PASSWORD).await;
    let limited = "too_many_login_attempts";
    expect("limit", &[("login_failed", false, "password", limited)]).await;

    let address = [("email", "ann@example.com")];
    ann.fill("/accounts/login/code/", &address).await;
    expect("code", &[("login_code_sent", true, "code", "")]).await;
    let code = code_in(&app.letter().await.text);
    let confirm = "/accounts/login/code/confirm/";
    ann.fill(confirm, &[("code", "BBBB-BBBB")]).await;
    expect("wrong", &[("login_failed", true, "code", "incorrect_code")]).await;
    ann.fill(confirm, &[("code", &code)]).await;
    expect("by code", &[("login", true, "code", "")]).await;
    let mut other = app.browser();
    other.fill("/accounts/login/link/", &address).await;
    expect("link", &[("login_link_asked", true, "link", "")]).await;
    let link = link_in(&app.letter().await.text);
    other.fill(&link, &[]).await;
    expect("by link", &[("login", true, "link", "")]).await;
    app.browser().fill(&link, &[]).await;
    expect("again", &[("login_failed", false, "link", "invalid_link")]).await;

    let mut reset = app.browser();
    reset.fill("/accounts/password/reset/", &address).await;
    expect("reset", &[("password_reset_asked", true, "code", "")]).await;
    let code = code_in(&app.letter().await.text);
    let confirm = "/accounts/password/reset/confirm/";
    reset.fill(confirm, &[("code", "BBBB-BBBB")]).await;
    let kind = "password_reset_code_rejected";
    expect("wrong", &[(kind, false, "code", "incorrect_code")]).await;
    reset.fill(confirm, &[("code", &code)]).await;
    let chosen = [
        ("password1", "new-password-77"),
        ("password2", "new-password-77"),
    ];
    reset
        .fill("/accounts/password/reset/complete/", &chosen)
        .await;
    expect(
        "reset done",
        &[
            ("password_reset", true, "code", ""),
            ("login", true, "password_reset", ""),
        ],
    )
    .await;
    let change = [
        ("oldpassword", "new-password-77"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    reset.fill("/accounts/password/change/", &change).await;
    expect("change", &[("password_changed", true, "", "")]).await;
    reset
        .fill("/accounts/reauthenticate/", &[("password", "guess")])
        .await;
    reset
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    expect(
        "fresh proof",
        &[
            (
                "reauthentication_failed",
                true,
                "password",
                "incorrect_password",
            ),
            ("reauthenticated", true, "password", ""),
        ],
    )
    .await;
    let two = "two@example.com";
    reset
        .fill("/accounts/email/", &[("email", two), ("action_add", "1")])
        .await;
    let link = link_in(&app.letter().await.text);
    reset.fill(&link, &[]).await;
    reset
        .fill(
            "/accounts/email/",
            &[("email", two), ("action_primary", "1")],
        )
        .await;
    let gone = [("email", "ann@example.com"), ("action_remove", "1")];
    reset.fill("/accounts/email/", &gone).await;
    expect(
        "addresses",
        &[
            ("email_added", true, "", ""),
            ("email_confirmation_sent", true, "link", ""),
            ("email_confirmed", true, "", ""),
            ("email_changed", true, "", ""),
            ("email_removed", true, "", ""),
        ],
    )
    .await;
    let change = [("phone", "+4915112345678")];
    reset.fill("/accounts/phone/change/", &change).await;
    let code = texted(&app.text().await.text);
    let verify = "/accounts/phone/verify/";
    reset.fill(verify, &[("code", "BBBB-BBBB")]).await;
    reset.fill(verify, &[("code", &code)]).await;
    expect(
        "phone",
        &[
            ("phone_code_sent", true, "code", ""),
            ("phone_code_rejected", true, "code", "incorrect_code"),
            ("phone_confirmed", true, "", ""),
            ("phone_changed", true, "", ""),
        ],
    )
    .await;

    // And each of them has its time, address and program.
    let mut told = app.hallpass.subscribe();
    let mut browser = app.browser();
    browser.peer.set_ip("2001:db8::7".parse().unwrap());
    browser.headers.insert("user-agent", "Odd/1.0".to_owned());
    let fields = [("login", "ann"), ("password", PASSWORD)];
    let answer = browser.fill("/accounts/login/", &fields).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    let login = told.try_recv().unwrap();
    assert_eq!((login.kind, login.method), ("login", "password"));
    assert_eq!(login.ip.to_string(), "2001:db8::7");
    assert_eq!(login.user_agent, "Odd/1.0");
    let row = "hallpass_event WHERE kind = 'login' AND user_agent = 'Odd/1.0'";
    assert_eq!(app.count(row).await, 1);
    assert!(start <= login.at && login.at <= Timestamp::now());
    app.no_other_letter_was_sent().await;
}
