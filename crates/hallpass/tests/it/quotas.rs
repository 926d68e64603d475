//! How often a code is sent again, how often its recipient may be changed, and what codes look like.

use hallpass::settings::{CodeFormat, Quota, Settings};
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::waits::{
    Kind, PASSWORD, all_codes, at_once, begin, code_in, fresh_number, person, post, state,
};

each_database!(
    a_code_is_sent_again_as_often_as_said,
    each_kind_has_a_quota_of_its_own,
    resends_at_once_are_no_more_than_the_quota,
    an_address_is_changed_as_often_as_said,
    a_number_is_changed_as_often_as_said,
    who_has_been_in_before_changes_no_address_at_the_door,
    codes_have_the_form_of_the_settings,
);

fn resends(settings: &mut Settings, quota: u32) {
    all_codes(settings);
    settings.account.login_by_code_supports_resend = Quota(quota);
    settings.account.email_verification_supports_resend = Quota(quota);
    settings.account.phone_verification_supports_resend = Quota(quota);
}

fn offers(page: &Answer, action: &str) -> bool {
    assert_eq!(page.status, 200, "{}", page.text);
    page.text.contains(&format!("value=\"{action}\""))
}

async fn sent(app: &TestApp) -> usize {
    app.letters().await.len() + app.texts().await.len()
}

async fn a_code_is_sent_again_as_often_as_said(db: TestDb) {
    let mut db = db;
    for quota in 0..=2_u32 {
        let app = TestApp::with(db, |settings| resends(settings, quota)).await;
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            if kind == Kind::Reauth {
                continue;
            }
            // A reset is begun anew instead.
            let quota = if kind == Kind::Reset { 0 } else { quota };
            let mut waits = begin(&app, kind, &format!("p{quota}{index}")).await;
            for left in (0..quota).rev() {
                assert!(
                    offers(&waits.browser.get(kind.door()).await, "resend"),
                    "{kind:?}"
                );
                let again = waits.acts("resend", &[]).await;
                assert_eq!(again.location(), kind.door(), "{kind:?}: {}", again.text);
                let by_text = matches!(kind, Kind::StagePhone | Kind::ChangePhone);
                waits.code = match by_text {
                    true => code_in(&app.text().await.text),
                    false => code_in(&app.letter().await.text),
                };
                let page = waits.browser.get(kind.door()).await;
                assert_eq!(offers(&page, "resend"), left > 0, "{kind:?}");
            }
            let page = waits.browser.get(kind.door()).await;
            assert!(!offers(&page, "resend"), "{kind:?}");
            let more = waits.acts("resend", &[]).await;
            assert_eq!(more.status, 400, "{kind:?}: {}", more.text);
            assert_eq!(sent(&app).await, 0, "{kind:?}");
            waits.is_good().await;
        }
        app.sql("DELETE FROM hallpass_phone").await;
        for table in [
            "account_emailaddress",
            "usersessions_usersession",
            "auth_user",
        ] {
            app.sql(&format!("DELETE FROM {table}")).await;
        }
        db = app.db;
    }
}

async fn each_kind_has_a_quota_of_its_own(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        all_codes(settings);
        settings.account.login_by_code_supports_resend = Quota(1);
        settings.account.email_verification_supports_resend = Quota(2);
        settings.account.phone_verification_supports_resend = Quota(3);
    })
    .await;
    for (kind, most) in [
        (Kind::Login, 1),
        (Kind::Demanded, 1),
        (Kind::StageEmail, 2),
        (Kind::AddEmail, 2),
        (Kind::StagePhone, 3),
        (Kind::ChangePhone, 3),
    ] {
        let mut waits = begin(&app, kind, &format!("{kind:?}").to_lowercase()).await;
        for _ in 0..5 {
            waits.acts("resend", &[]).await;
        }
        assert_eq!(sent(&app).await, most, "{kind:?}");
    }
}

async fn resends_at_once_are_no_more_than_the_quota(db: TestDb) {
    let app = TestApp::with(db, |settings| resends(settings, 2)).await;
    for kind in [
        Kind::Login,
        Kind::StageEmail,
        Kind::AddEmail,
        Kind::StagePhone,
        Kind::ChangePhone,
    ] {
        let waits = begin(&app, kind, &format!("{kind:?}").to_lowercase()).await;
        let browsers = vec![waits.browser.clone(); 20];
        at_once(browsers, kind.door(), &[("action", "resend")]).await;
        let sent = sent(&app).await;
        assert!((1..=2).contains(&sent), "{kind:?}: {sent}");
    }
}

async fn signed_up(app: &TestApp, name: &str) -> (Browser, Answer) {
    let mut browser = app.browser();
    let (email, number) = (format!("{name}@example.com"), fresh_number());
    let fields = [
        ("email", email.as_str()),
        ("phone", number.as_str()),
        ("password1", "correct-horse-9"),
    ];
    let done = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(done.location(), Kind::StagePhone.door(), "{}", done.text);
    (browser, done)
}

fn changes(quota: u32) -> impl FnOnce(&mut Settings) {
    move |settings| {
        all_codes(settings);
        settings.account.login_by_code_required.after.clear();
        settings.account.email_verification_supports_change = Quota(quota);
        settings.account.phone_verification_supports_change = Quota(quota);
    }
}

async fn a_number_is_changed_as_often_as_said(db: TestDb) {
    let mut db = db;
    for quota in 0..=2_u32 {
        let app = TestApp::with(db, changes(quota)).await;
        let (mut browser, _) = signed_up(&app, &format!("p{quota}")).await;
        let mut code = code_in(&app.text().await.text);
        let door = Kind::StagePhone.door();
        for _ in 0..quota {
            assert!(offers(&browser.get(door).await, "change"));
            let number = fresh_number();
            let fields = [("action", "change"), ("phone", number.as_str())];
            let changed = post(&mut browser, door, &fields).await;
            assert_eq!(changed.location(), door, "{}", changed.text);
            let text = app.text().await;
            assert_eq!(text.to.to_string(), number);
            code = code_in(&text.text);
        }
        assert!(!offers(&browser.get(door).await, "change"));
        let before = state(&app).await;
        let number = fresh_number();
        let fields = [("action", "change"), ("phone", number.as_str())];
        assert_eq!(post(&mut browser, door, &fields).await.status, 400);
        assert_eq!(before, state(&app).await);
        app.no_other_text_was_sent().await;
        let done = post(&mut browser, door, &[("code", &code)]).await;
        assert_eq!(done.location(), Kind::StageEmail.door(), "{}", done.text);
        app.letter().await;
        app.no_other_letter_was_sent().await;
        db = app.db;
    }
}

async fn an_address_is_changed_as_often_as_said(db: TestDb) {
    let mut db = db;
    for quota in 0..=2_u32 {
        let app = TestApp::with(db, changes(quota)).await;
        let (mut browser, _) = signed_up(&app, &format!("p{quota}")).await;
        let code = code_in(&app.text().await.text);
        let done = post(&mut browser, Kind::StagePhone.door(), &[("code", &code)]).await;
        let door = Kind::StageEmail.door();
        assert_eq!(done.location(), door);
        let mut code = code_in(&app.letter().await.text);
        for n in 0..quota {
            assert!(offers(&browser.get(door).await, "change"));
            let email = format!("other{n}.{quota}@example.com");
            let fields = [("action", "change"), ("email", email.as_str())];
            let changed = post(&mut browser, door, &fields).await;
            assert_eq!(changed.location(), door, "{}", changed.text);
            let letter = app.letter().await;
            assert_eq!(letter.to, email);
            code = code_in(&letter.text);
        }
        assert!(!offers(&browser.get(door).await, "change"));
        let before = state(&app).await;
        let fields = [("action", "change"), ("email", "late@example.com")];
        assert_eq!(post(&mut browser, door, &fields).await.status, 400);
        assert_eq!(before, state(&app).await);
        app.no_other_letter_was_sent().await;
        let done = post(&mut browser, door, &[("code", &code)]).await;
        assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
        db = app.db;
    }
}

/// Whoever only knows the password must not take the account along to an address of his own.
async fn who_has_been_in_before_changes_no_address_at_the_door(db: TestDb) {
    let app = TestApp::with(db, changes(2)).await;
    let id = person(&app, ("ann@example.com", false), None, Some(PASSWORD)).await;
    app.sql(&format!(
        "UPDATE auth_user SET last_login = date_joined WHERE id = {id}"
    ))
    .await;
    let mut browser = app.browser();
    let fields = [("login", "ann@example.com"), ("password", PASSWORD)];
    let done = browser.fill("/accounts/login/", &fields).await;
    let door = Kind::StageEmail.door();
    assert_eq!(done.location(), door, "{}", done.text);
    assert!(!offers(&browser.get(door).await, "change"));
    let before = state(&app).await;
    let fields = [("action", "change"), ("email", "eve@example.com")];
    assert_eq!(post(&mut browser, door, &fields).await.status, 400);
    assert_eq!(before, state(&app).await);
    assert_eq!(app.letter().await.to, "ann@example.com");
    app.no_other_letter_was_sent().await;
}

/// `d` for a digit, `x` for a letter of codes, anything else as it is.
fn shape(word: &str) -> String {
    let kind = |c: char| match c {
        '0'..='9' => 'd',
        c if "BCDFGHJKLMNPQRSTVWXZ".contains(c) => 'x',
        other => other,
    };
    word.chars().map(kind).collect()
}

fn has_shape(text: &str, wanted: &str) -> bool {
    text.split_whitespace().any(|word| shape(word) == wanted)
}

fn form(numeric: Option<bool>, dashed: Option<bool>, length: Option<usize>) -> CodeFormat {
    CodeFormat {
        numeric,
        dashed,
        length,
    }
}

/// Of all: the default, ALLAUTH_USER_CODE_FORMAT, and what each says of its own. That of the reset has no effect in
/// allauth under the name that its manual gives.
async fn codes_have_the_form_of_the_settings(db: TestDb) {
    let mut db = db;
    for (round, shapes) in [
        ["xxxx-xxxx"; 4],
        ["ddd-ddd-ddd"; 4],
        ["dddddd", "xxx-xxx", "xxxxxxxx", "ddd-dd"],
        ["ddd-ddd-ddd", "ddd-ddd-ddd", "ddd-ddd-ddd", "ddddddd"],
    ]
    .into_iter()
    .enumerate()
    {
        let app = TestApp::with(db, |settings| {
            all_codes(settings);
            let account = &mut settings.account;
            if round == 1 || round == 3 {
                settings.allauth.user_code_format = form(Some(true), None, None);
            }
            if round == 2 {
                account.login_by_code_format = form(Some(true), Some(false), Some(6));
                account.email_verification_by_code_format = form(None, None, Some(6));
                account.phone_verification_code_format = form(None, Some(false), None);
                account.password_reset_by_code_format = form(Some(true), None, Some(5));
            }
            if round == 3 {
                account.password_reset_by_code_code_format = form(None, Some(false), Some(7));
            }
        })
        .await;
        let [login, mail, phone, reset] = shapes;
        let email = format!("ann{round}@example.com");
        person(&app, (&email, true), None, None).await;
        let mut browser = app.browser();
        for (path, wanted) in [
            ("/accounts/login/code/", login),
            ("/accounts/password/reset/", reset),
        ] {
            browser.fill(path, &[("email", &email)]).await;
            let text = app.letter().await.text;
            assert!(has_shape(&text, wanted), "{wanted}: {text}");
        }
        let mut browser = app.browser();
        browser
            .fill("/accounts/login/code/", &[("email", &email)])
            .await;
        let letter = app.letter().await.text;
        let code = letter.split_whitespace().find(|word| shape(word) == login);
        // In small letters and without dashes it is the same code.
        let code = code.unwrap().replace('-', "").to_lowercase();
        let done = post(&mut browser, Kind::Login.door(), &[("code", &code)]).await;
        assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
        let new = format!("new.{email}");
        let add = [("action_add", "1"), ("email", new.as_str())];
        post(&mut browser, "/accounts/email/", &add).await;
        let text = app.letter().await.text;
        assert!(has_shape(&text, mail), "{mail}: {text}");
        let number = fresh_number();
        let change = [("phone", number.as_str())];
        post(&mut browser, "/accounts/phone/change/", &change).await;
        let text = app.text().await.text;
        assert!(has_shape(&text, phone), "{phone}: {text}");
        db = app.db;
    }
}
