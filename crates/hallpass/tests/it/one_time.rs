//! One-time secrets: each opens one door, once, for as long as it lives.
//!
//! The flaws behind these tests: one table of tokens for all purposes (CVE-2026-114607), links that made several sessions
//! (GHSA-hc7v-rggr-4hvx), a confirmation that confirmed another address (CVE-2026-32700, allauth before 65.12.1), codes
//! taken after their time (CVE-2026-32132).

mod lifetime;

use hallpass::settings::{Settings, Verification};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::waits::{
    Kind, PASSWORD, Waits, all_codes, at_once, attempts, begin, code_in, events, fresh_number,
    person, post, sign_in, state,
};

each_database!(
    every_code_and_link_opens_its_own_door_only,
    signed_and_kept_confirmation_keys_and_reset_keys_open_their_own_door_only,
    one_browser_that_awaits_several_codes_mixes_none_up,
    of_fifty_right_codes_at_once_one_gets_through,
    of_fifty_browsers_with_one_link_one_gets_through,
    of_code_and_link_at_once_one_gets_through,
    a_link_confirms_the_address_it_was_sent_to,
    a_code_confirms_the_address_it_was_sent_to,
    no_secret_rests_in_the_database,
);

fn with_links(settings: &mut Settings) {
    all_codes(settings);
    attempts(settings, 1000);
    settings.hallpass.code_and_link = true;
}

/// Ways in by an address of its own, to be tried with anything: with `{}` for the secret.
fn linked_doors(uid: &str) -> Vec<String> {
    [
        "/accounts/login/code/link/{}/".to_owned(),
        format!("/accounts/login/link/{uid}/{{}}/"),
        "/accounts/confirm-email/{}/".to_owned(),
        "/accounts/password/reset/key/{}/".to_owned(),
        format!("/accounts/password/reset/key/{uid}-{{}}/"),
    ]
    .to_vec()
}

/// Tries a secret at every door that has it in its address, but at `own`.
async fn is_refused_at_linked_doors(app: &TestApp, uid: &str, secret: &str, own: &str) {
    for door in linked_doors(uid) {
        let path = door.replace("{}", secret);
        if own.starts_with(&path) {
            continue;
        }
        let before = state(app).await;
        let mut browser = app.browser();
        let seen = browser.get(&path).await;
        assert!(
            [403, 404].contains(&seen.status.as_u16()),
            "{path}: {}",
            seen.status
        );
        let new = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        let pressed = press(&mut browser, &path, &new).await;
        assert!(
            [403, 404].contains(&pressed.status.as_u16()),
            "{path}: {}",
            pressed.status
        );
        assert_eq!(before, state(app).await, "{path}");
    }
}

/// Presses the button of a link: with a CSRF token from elsewhere, so that the answer is about the link.
async fn press(browser: &mut Browser, link: &str, fields: &[(&str, &str)]) -> Answer {
    browser.get("/accounts/login/link/").await;
    assert!(browser.cookies.contains_key("csrftoken"));
    post(browser, link, fields).await
}

async fn login_link(app: &TestApp, email: &str) -> String {
    let asked = app
        .browser()
        .fill("/accounts/login/link/", &[("email", email)])
        .await;
    assert_eq!(asked.status, 302);
    link_in(&app.letter().await.text)
}

/// The parts of a path without its query.
fn last_part(link: &str) -> &str {
    let path = link.split('?').next().unwrap();
    path.trim_end_matches('/').rsplit('/').next().unwrap()
}

fn key_of(browser: &Browser) -> String {
    browser.cookies["sessionid"].clone()
}

async fn every_code_and_link_opens_its_own_door_only(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    let mut waiting = Vec::new();
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        waiting.push(begin(&app, kind, &format!("p{index}")).await);
    }
    person(&app, ("lin@example.com", true), None, None).await;
    let link = login_link(&app, "lin@example.com").await;
    let uid = link.split('/').nth(4).unwrap().to_owned();
    let mut secrets: Vec<(Option<Kind>, String, String)> = waiting
        .iter()
        .map(|waits| (Some(waits.kind), waits.code.clone(), String::new()))
        .collect();
    for waits in &waiting {
        secrets.push((None, key_of(&waits.browser), String::new()));
        secrets.push((
            None,
            waits.browser.cookies["csrftoken"].clone(),
            String::new(),
        ));
        if let Some(link) = &waits.link {
            secrets.push((None, last_part(link).to_owned(), link.clone()));
        }
    }
    assert_eq!(secrets.len(), 8 + 16 + 2, "two sign-ins have a link");
    secrets.push((None, last_part(&link).to_owned(), link.clone()));
    for (kind, secret, own) in &secrets {
        for waits in &mut waiting {
            if Some(waits.kind) != *kind {
                waits.refuses(&app, secret).await;
            }
        }
        is_refused_at_linked_doors(&app, &uid, secret, own).await;
        let mut browser = app.browser();
        if !own.is_empty() || kind.is_some() {
            browser
                .cookies
                .insert("sessionid".to_owned(), secret.clone());
            let seen = browser.get("/accounts/profile/").await;
            assert_eq!(seen.status, 302, "no session: {secret}");
            let forged = [
                ("csrfmiddlewaretoken", secret.as_str()),
                ("email", "a@b.cc"),
            ];
            let posted = waiting[0]
                .browser
                .post("/accounts/login/code/", &forged)
                .await;
            assert_eq!(posted.status, 403, "no CSRF token: {secret}");
        }
    }
    for mut waits in waiting {
        waits.is_good().await;
    }
    assert_eq!(press(&mut app.browser(), &link, &[]).await.status, 302);
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn signed_and_kept_confirmation_keys_and_reset_keys_open_their_own_door_only(db: TestDb) {
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::with(db, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.password_reset_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        let new = format!("new.{email}");
        let fields = [("email", new.as_str()), ("action_add", "1")];
        browser.fill("/accounts/email/", &fields).await;
        let confirm = link_in(&app.letter().await.text);
        let sign_in = login_link(&app, &email).await;
        let uid = sign_in.split('/').nth(4).unwrap().to_owned();
        let mut waits = begin(&app, Kind::Login, &format!("{name}2")).await;
        let mut texted = begin(&app, Kind::StagePhone, &format!("{name}3")).await;
        let asked = app
            .browser()
            .fill("/accounts/password/reset/", &[("email", &email)])
            .await;
        assert_eq!(asked.status, 302);
        let reset = link_in(&app.letter().await.text);
        let by_code = waits.link.clone().unwrap();
        for own in [&confirm, &sign_in, &reset, &by_code] {
            let secret = last_part(own).to_owned();
            is_refused_at_linked_doors(&app, &uid, &secret, own).await;
            // The reset key without its user, too.
            if let Some((_, token)) = secret.split_once('-') {
                is_refused_at_linked_doors(&app, &uid, token, own).await;
            }
            waits.refuses(&app, &secret).await;
            texted.refuses(&app, &secret).await;
        }
        for code in [&waits.code, &texted.code] {
            is_refused_at_linked_doors(&app, &uid, code, "").await;
        }
        assert_eq!(press(&mut app.browser(), &confirm, &[]).await.status, 302);
        let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
        let done = press(&mut app.browser(), &reset, &fields).await;
        assert_eq!(done.status, 302, "{}", done.text);
        waits.is_good().await;
        texted.is_good().await;
        // A new password overtakes it; the next one is good.
        assert_eq!(press(&mut app.browser(), &sign_in, &[]).await.status, 403);
        let again = login_link(&app, &email).await;
        assert_eq!(press(&mut app.browser(), &again, &[]).await.status, 302);
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

async fn one_browser_that_awaits_several_codes_mixes_none_up(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
    })
    .await;
    let own = [Kind::AddEmail, Kind::ChangePhone, Kind::Reauth];
    let mut first = begin(&app, Kind::AddEmail, "ann").await;
    let number = fresh_number();
    let changed = first
        .browser
        .fill("/accounts/phone/change/", &[("phone", &number)])
        .await;
    assert_eq!(changed.location(), Kind::ChangePhone.door());
    let texted = code_in(&app.text().await.text);
    let seen = first.browser.get(Kind::Reauth.door()).await;
    assert_eq!(seen.status, 200);
    let proof = code_in(&app.letter().await.text);
    let mut waiting = own.map(|kind| Waits {
        kind,
        ..first.clone()
    });
    waiting[1].code = texted;
    waiting[2].code = proof;
    let codes = waiting.clone().map(|waits| waits.code);
    for (at, waits) in waiting.iter_mut().enumerate() {
        for (other, code) in codes.iter().enumerate() {
            if at != other {
                waits.refuses(&app, code).await;
            }
        }
    }
    for mut waits in waiting {
        waits.is_good().await;
    }
    app.no_other_letter_was_sent().await;
    app.no_other_text_was_sent().await;
}

async fn of_fifty_right_codes_at_once_one_gets_through(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        attempts(settings, 1000);
    })
    .await;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let waits = begin(&app, kind, &format!("p{index}")).await;
        let sessions = app.count("usersessions_usersession").await;
        let browsers = vec![waits.browser.clone(); 50];
        let answers = at_once(browsers, kind.door(), &[("code", &waits.code)]).await;
        let through = |answer: &&Answer| match kind {
            Kind::AddEmail | Kind::ChangePhone | Kind::Reset | Kind::Reauth => {
                answer.status == 302 && answer.location() == kind.beyond()
            }
            // Whoever lost is told to sign in.
            _ => answer.status == 302 && answer.location() != "/accounts/login/",
        };
        assert_eq!(answers.iter().filter(through).count(), 1, "{kind:?}");
        let more = app.count("usersessions_usersession").await - sessions;
        let signs_in = matches!(
            kind,
            Kind::Login | Kind::Demanded | Kind::StageEmail | Kind::StagePhone
        );
        assert_eq!(more, i64::from(signs_in), "{kind:?}");
        // Losers of a fresh proof are sent a new code; nothing else is sent.
        app.letters().await;
        let about = match kind {
            Kind::AddEmail => "email_added",
            Kind::ChangePhone => "phone_changed",
            Kind::Reauth => "reauthenticated",
            _ => continue,
        };
        assert_eq!(events(&app, about, "").await, 1, "{kind:?}");
    }
}

async fn of_fifty_browsers_with_one_link_one_gets_through(db: TestDb) {
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::with(db, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.password_reset_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        let new = format!("new.{email}");
        let fields = [("email", new.as_str()), ("action_add", "1")];
        browser.fill("/accounts/email/", &fields).await;
        let confirm = link_in(&app.letter().await.text);
        let before = events(&app, "email_confirmed", "").await;
        assert_eq!(redeemed(&app, &confirm, &[]).await, 1, "a confirmation key");
        assert_eq!(events(&app, "email_confirmed", "").await, before + 1);

        let waits = begin(&app, Kind::Login, &format!("{name}2")).await;
        let link = waits.link.clone().unwrap();
        assert_eq!(redeemed(&app, &link, &[]).await, 1, "a link beside a code");

        for by_session in [false, true] {
            app.browser()
                .fill("/accounts/password/reset/", &[("email", &email)])
                .await;
            let reset = link_in(&app.letter().await.text);
            let fields = [("password1", "a-new-one-99"), ("password2", "a-new-one-99")];
            let resets = events(&app, "password_reset", "").await;
            let redeemed = match by_session {
                false => redeemed(&app, &reset, &fields).await,
                true => {
                    let mut browsers = Vec::new();
                    let mut to = String::new();
                    for _ in 0..50 {
                        let mut browser = app.browser();
                        to = browser.get(&reset).await.location().to_owned();
                        browser.get(&to).await;
                        browsers.push(browser);
                    }
                    let answers = at_once(browsers, &to, &fields).await;
                    answers.iter().filter(|a| a.status == 302).count()
                }
            };
            assert_eq!(redeemed, 1, "a reset key");
            assert_eq!(events(&app, "password_reset", "").await, resets + 1);
        }
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

/// Fifty browsers press the button of one link; how many were let through.
async fn redeemed(app: &TestApp, link: &str, fields: &[(&str, &str)]) -> usize {
    let mut browsers = Vec::new();
    for _ in 0..50 {
        let mut browser = app.browser();
        browser.get("/accounts/login/link/").await;
        browsers.push(browser);
    }
    let answers = at_once(browsers, link, fields).await;
    for answer in &answers {
        assert!(
            [302, 403].contains(&answer.status.as_u16()),
            "{}",
            answer.text
        );
    }
    answers.iter().filter(|answer| answer.status == 302).count()
}

async fn of_code_and_link_at_once_one_gets_through(db: TestDb) {
    let app = TestApp::with(db, with_links).await;
    for round in 0..5 {
        let waits = begin(&app, Kind::Login, &format!("p{round}")).await;
        let sessions = app.count("usersessions_usersession").await;
        let link = waits.link.clone().unwrap();
        let browsers = vec![waits.browser.clone(); 10];
        let code = [("code", waits.code.as_str())];
        tokio::join!(
            at_once(browsers.clone(), &link, &[]),
            at_once(browsers, Kind::Login.door(), &code),
        );
        let more = app.count("usersessions_usersession").await - sessions;
        assert_eq!(more, 1);
    }
    app.no_other_letter_was_sent().await;
}

/// CVE-2026-32700 and allauth 65.12.1: between the letter and the button the account wants another address.
async fn a_link_confirms_the_address_it_was_sent_to(db: TestDb) {
    let mut db = db;
    for signed in [true, false] {
        let app = TestApp::with(db, |settings| {
            with_links(settings);
            settings.account.email_verification_by_code_enabled = false;
            settings.account.email_confirmation_hmac = signed;
            settings.account.change_email = true;
            settings.account.email_verification = Verification::Mandatory;
        })
        .await;
        let name = if signed { "ann" } else { "bob" };
        let email = format!("{name}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        sign_in(&app, &mut browser, &email).await;
        let (own, victim) = (format!("own.{email}"), format!("victim.{email}"));
        let mut links = Vec::new();
        for new in [&own, &victim] {
            let fields = [("email", new.as_str()), ("action_add", "1")];
            let added = browser.fill("/accounts/email/", &fields).await;
            assert_eq!(added.status, 302, "{}", added.text);
            let letter = app.letter().await;
            assert_eq!(&letter.to, new);
            links.push(link_in(&letter.text));
        }
        // The first link came to a mailbox of one's own; it must not confirm the victim's.
        press(&mut app.browser(), &links[0], &[]).await;
        let verified = format!("account_emailaddress WHERE verified AND email = '{victim}'");
        assert_eq!(app.count(&verified).await, 0, "signed: {signed}");
        let mirrored = format!("auth_user WHERE email = '{victim}'");
        assert_eq!(app.count(&mirrored).await, 0, "signed: {signed}");
        // At once with the change, too.
        for round in 0..10 {
            let own = format!("own{round}.{email}");
            let fields = [("email", own.as_str()), ("action_add", "1")];
            browser.fill("/accounts/email/", &fields).await;
            let link = link_in(&app.letter().await.text);
            let fields = [("email", victim.as_str()), ("action_add", "1")];
            tokio::join!(
                at_once(vec![browser.clone()], &link, &[]),
                at_once(vec![browser.clone()], "/accounts/email/", &fields),
            );
            assert_eq!(app.count(&verified).await, 0, "signed: {signed}");
            assert_eq!(app.count(&mirrored).await, 0, "signed: {signed}");
            app.letters().await;
            app.sql("DELETE FROM account_emailconfirmation").await;
            app.sql("DELETE FROM account_emailaddress WHERE NOT verified")
                .await;
        }
        db = app.db;
    }
}

async fn a_code_confirms_the_address_it_was_sent_to(db: TestDb) {
    let app = TestApp::with(db, all_codes).await;
    for round in 0..10 {
        let waits = begin(&app, Kind::AddEmail, &format!("p{round}")).await;
        let victim = format!("victim{round}@example.com");
        let add = [("email", victim.as_str()), ("action_add", "1")];
        let code = [("code", waits.code.as_str())];
        let browser = waits.browser.clone();
        tokio::join!(
            at_once(vec![browser.clone()], Kind::AddEmail.door(), &code),
            at_once(vec![browser.clone()], "/accounts/email/", &add),
        );
        let rows = format!("account_emailaddress WHERE email = '{victim}'");
        assert_eq!(app.count(&rows).await, 0);
        let others = format!(
            "account_emailaddress WHERE verified AND user_id = {} \
             AND email NOT IN ('{}', 'new.{}')",
            waits.user, waits.email, waits.email
        );
        assert_eq!(app.count(&others).await, 0);
        app.letters().await;
    }
}

/// Whoever reads the database, or a copy of it, finds nothing that opens a door.
async fn no_secret_rests_in_the_database(db: TestDb) {
    use hallpass_django::SecretKeys;
    use hallpass_django::session::SessionCodec;
    let app = TestApp::with(db, with_links).await;
    let codec = SessionCodec::new(&SecretKeys::new(hallpass_testkit::app::SECRET, []));
    let mut secrets = Vec::new();
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let waits = begin(&app, kind, &format!("p{index}")).await;
        secrets.push(waits.code.clone());
        secrets.push(waits.code.replace('-', ""));
        secrets.push(key_of(&waits.browser));
        if let Some(link) = &waits.link {
            secrets.push(last_part(link).to_owned());
        }
    }
    person(&app, ("lin@example.com", true), None, Some(PASSWORD)).await;
    secrets.push(PASSWORD.to_owned());
    secrets.push(last_part(&login_link(&app, "lin@example.com").await).to_owned());
    // A second time, undelivered: letters lie in the outbox.
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/code/", &[("email", "lin@example.com")])
        .await;
    assert_eq!(app.count("hallpass_outbox").await, 1);
    let mut kept = String::new();
    for (table, columns) in [
        ("hallpass_code", "id purpose recipient code link"),
        ("hallpass_outbox", "letter recipient sealed last_error"),
        (
            "hallpass_event",
            "kind user_agent method reason subject data",
        ),
        ("hallpass_limit", "key"),
        ("hallpass_spent", "digest"),
        ("django_session", "session_key session_data"),
        ("usersessions_usersession", "session_key data"),
        ("auth_user", "username email"),
    ] {
        for column in columns.split(' ') {
            let sql = format!("SELECT coalesce(CAST({column} AS TEXT), '') FROM {table}");
            for row in app.db.db.conn().query(&sql, &[]).await.unwrap() {
                let text: String = row.get(0).unwrap();
                if column == "session_data" {
                    let data = codec.decode(&text);
                    assert!(!data.is_empty(), "a session that can be read");
                    kept.push_str(&serde_json::to_string(&data).unwrap());
                }
                kept.push_str(&text);
                kept.push('\n');
            }
        }
    }
    assert!(kept.contains("_hallpass_login"), "sessions were read");
    for secret in &secrets {
        assert!(!kept.contains(secret.as_str()), "{secret} in {kept}");
    }
    let kept = kept.to_lowercase();
    for secret in secrets {
        assert!(!kept.contains(&secret.to_lowercase()), "{secret}");
    }
    let letter = app.letter().await.text;
    let code = code_in(&letter).to_lowercase();
    assert!(!kept.contains(&code) && !kept.contains(&code.replace('-', "")));
}
