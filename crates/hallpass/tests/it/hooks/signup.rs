//! Signing up: whom the app lets in, what it makes of names and addresses, what it adds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hallpass::domain::User;
use hallpass::flows::signup::Form;
use hallpass::settings::{ExtraField, ExtraKind, Settings, Verification};
use hallpass::{Cx, Error, Failure, Refusal, async_trait, hooks};
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::credentials::{PASSWORD, is_in};

use super::{SIGNUP, denied};

each_database!(
    a_closed_signup_opens_for_the_invited,
    what_happens_after_a_signup_is_of_one_piece_with_it,
    names_and_addresses_are_as_the_app_wants_them,
    the_app_judges_a_signup_before_it_shows_whether_the_address_is_taken,
);

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
