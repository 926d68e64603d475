//! Settings of addresses and how they are confirmed.

use hallpass::settings::Verification;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{SIGNUP, fault, sign_up, user};
use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in};

each_database!(
    confirming_is_asked_for_as_the_settings_say,
    a_link_confirms_when_it_is_opened_if_the_settings_say_so,
    after_confirming_people_land_where_the_settings_say,
    confirmation_keys_rest_in_their_table_where_they_are_not_signed,
    an_address_may_have_several_owners,
    an_account_has_so_many_addresses_and_no_more,
    a_changed_address_takes_the_place_of_the_old_one,
    an_address_has_an_end,
    unknown_addresses_are_written_to_or_not,
);

const NEW: [(&str, &str); 3] = [
    ("username", "ann"),
    ("email", "ann@example.com"),
    ("password1", PASSWORD),
];

async fn confirming_is_asked_for_as_the_settings_say(mut db: TestDb) {
    for (verification, to, letters) in [
        (Verification::None, "/accounts/profile/", 0),
        (Verification::Optional, "/accounts/profile/", 1),
        (Verification::Mandatory, "/accounts/confirm-email/", 1),
    ] {
        let app = TestApp::with(db, |settings| {
            settings.account.signup_fields = asked("username* email* password1*");
            settings.account.email_verification = verification;
        })
        .await;
        let name = format!("{verification:?}").to_lowercase();
        let email = format!("{name}@example.com");
        let fields = [
            ("username", name.as_str()),
            ("email", email.as_str()),
            ("password1", PASSWORD),
        ];
        assert_eq!(sign_up(&app, &fields).await.location(), to);
        assert_eq!(app.letters().await.len(), letters, "{verification:?}");
        let (_, answer) = sign_in(&app, &name, PASSWORD).await;
        assert_eq!(answer.location(), to, "{verification:?}");
        let again = usize::from(verification == Verification::Mandatory);
        assert_eq!(app.letters().await.len(), again, "{verification:?}");
        db = app.db;
    }
}

async fn a_link_confirms_when_it_is_opened_if_the_settings_say_so(db: TestDb) {
    let mut db = db;
    for on_get in [false, true] {
        let app = TestApp::with(db, |settings| {
            settings.account.signup_fields = asked("username* email* password1*");
            settings.account.confirm_email_on_get = on_get;
        })
        .await;
        app.sql("DELETE FROM account_emailaddress").await;
        app.sql("DELETE FROM usersessions_usersession").await;
        app.sql("DELETE FROM auth_user").await;
        sign_up(&app, &NEW).await;
        let link = link_in(&app.letter().await.text);
        let opened = app.browser().get(&link).await;
        assert_eq!(opened.status == 302, on_get);
        let confirmed = app.count("account_emailaddress WHERE verified").await;
        assert_eq!(confirmed, i64::from(on_get));
        db = app.db;
    }
}

async fn after_confirming_people_land_where_the_settings_say(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* email* password1*");
        settings.account.email_confirmation_anonymous_redirect_url = Some("/thanks/".to_owned());
        settings
            .account
            .email_confirmation_authenticated_redirect_url = Some("/hello/".to_owned());
    })
    .await;
    let mut ann = app.browser();
    ann.fill(SIGNUP, &NEW).await;
    let first = link_in(&app.letter().await.text);
    let add = [("email", "two@example.com"), ("action_add", "1")];
    ann.fill("/accounts/email/", &add).await;
    let second = link_in(&app.letter().await.text);
    assert_eq!(app.browser().fill(&first, &[]).await.location(), "/thanks/");
    assert_eq!(ann.fill(&second, &[]).await.location(), "/hello/");
    // The sign-in that waits goes on only where that is wanted, and only in its own browser.
    let mut db = app.db;
    for go_on in [false, true] {
        let app = TestApp::with(db, |settings| {
            settings.account.signup_fields = asked("username* email* password1*");
            settings.account.email_verification = Verification::Mandatory;
            settings.account.login_on_email_confirmation = go_on;
        })
        .await;
        let name = format!("new{go_on}");
        let email = format!("new{go_on}@example.com");
        let fields = [
            ("username", name.as_str()),
            ("email", email.as_str()),
            ("password1", PASSWORD),
        ];
        let mut browser = app.browser();
        browser.fill(SIGNUP, &fields).await;
        let link = link_in(&app.letter().await.text);
        assert_eq!(browser.fill(&link, &[]).await.status, 302);
        assert_eq!(is_in(&mut browser).await, go_on);
        db = app.db;
    }
}

async fn confirmation_keys_rest_in_their_table_where_they_are_not_signed(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* email* password1*");
        settings.account.email_confirmation_hmac = false;
        settings.account.email_confirmation_expire_days = 2;
    })
    .await;
    sign_up(&app, &NEW).await;
    let link = link_in(&app.letter().await.text);
    let key = link.trim_end_matches('/').rsplit('/').next().unwrap();
    assert_eq!(key.len(), 64);
    let row = format!("account_emailconfirmation WHERE key = '{key}'");
    assert_eq!(app.count(&row).await, 1);
    assert_eq!(app.browser().get(&link).await.status, 200);
    let shift = async |days: u64| {
        let sent = app.hallpass.now() - std::time::Duration::from_secs(days * 86_400 + 5);
        let sql = "UPDATE account_emailconfirmation SET sent = $1";
        app.db.db.conn().execute(sql, &[sent.into()]).await.unwrap();
    };
    shift(2).await;
    assert_eq!(app.browser().get(&link).await.status, 403, "too old");
    shift(1).await;
    assert_eq!(app.browser().fill(&link, &[]).await.status, 302);
    assert_eq!(app.browser().fill(&link, &[]).await.status, 403, "once");
}

async fn an_address_may_have_several_owners(mut db: TestDb) {
    for (unique, status) in [(true, 400), (false, 302)] {
        let app = TestApp::with(db, |settings| {
            settings.account.signup_fields = asked("username* email* password1*");
            settings.account.unique_email = unique;
            settings.account.email_verification = Verification::None;
        })
        .await;
        if unique {
            assert_eq!(sign_up(&app, &NEW).await.status, 302);
        }
        let fields = [
            ("username", "bob"),
            ("email", "ann@example.com"),
            ("password1", PASSWORD),
        ];
        let answer = sign_up(&app, &fields).await;
        assert_eq!(answer.status, status, "{unique}");
        assert_eq!(!fault(&answer, "email").is_empty(), unique);
        db = app.db;
    }
}

async fn an_account_has_so_many_addresses_and_no_more(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.max_email_addresses = Some(2);
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    let add = [("email", "two@example.com"), ("action_add", "1")];
    assert_eq!(ann.fill("/accounts/email/", &add).await.status, 302);
    let page = ann.get("/accounts/email/").await;
    assert!(!page.text.contains("action_add"), "no room, no form");
    let add = [("email", "three@example.com"), ("action_add", "1")];
    let answer = ann.fill("/accounts/email/", &add).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("at most 2"), "{}", answer.text);
    assert_eq!(app.count("account_emailaddress").await, 2);
    app.letter().await;
    app.no_other_letter_was_sent().await;
}

async fn a_changed_address_takes_the_place_of_the_old_one(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.change_email = true;
        settings.account.email_notifications = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    app.user_with("vic", "vic@example.com", &hash(PASSWORD))
        .await;
    let mut ann = signed_in(&app, "ann").await;
    let send = [("email", "ann@example.com"), ("action_send", "1")];
    ann.fill("/accounts/email/", &send).await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(ann.fill(&link, &[]).await.status, 302);
    let mut links = Vec::new();
    for email in ["typo@example.com", "new@example.com"] {
        let add = [("email", email), ("action_add", "1")];
        let added = ann.fill("/accounts/email/", &add).await;
        assert_eq!(added.status, 302, "{}", added.text);
        links.push(link_in(&app.letter().await.text));
        let rows = app.count("account_emailaddress").await;
        assert_eq!(rows, 2, "the one before made room");
        assert_eq!(user(&app, "ann").await.email, "ann@example.com");
    }
    assert_eq!(ann.fill(&links[0], &[]).await.status, 403);
    assert_eq!(ann.fill(&links[1], &[]).await.status, 302);
    assert_eq!(user(&app, "ann").await.email, "new@example.com");
    assert_eq!(app.count("account_emailaddress").await, 1);
    let notice = app.letter().await;
    assert_eq!(notice.to, "ann@example.com", "the old mailbox is told");
    assert!(notice.text.contains("new@example.com"), "{}", notice.text);
    let add = [("email", "vic@example.com"), ("action_add", "1")];
    let answer = ann.fill("/accounts/email/", &add).await;
    assert_eq!(answer.status, 302, "taken, and it does not show");
    assert_eq!(app.letter().await.to, "vic@example.com");
    assert_eq!(user(&app, "vic").await.email, "vic@example.com");
    app.no_other_letter_was_sent().await;
}

async fn an_address_has_an_end(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* email* password1*");
        settings.account.email_max_length = 20;
    })
    .await;
    for (email, status) in [
        ("12345678@example.com", 302),
        ("123456789@example.com", 400),
    ] {
        let fields = [
            ("username", &email[..9]),
            ("email", email),
            ("password1", PASSWORD),
        ];
        let answer = sign_up(&app, &fields).await;
        assert_eq!(answer.status, status, "{email}");
        let told = fault(&answer, "email").contains("at most 20");
        assert_eq!(told, status == 400, "{}", answer.text);
    }
}

async fn unknown_addresses_are_written_to_or_not(mut db: TestDb) {
    for write in [true, false] {
        let app = TestApp::with(db, |settings| {
            settings.account.login_by_code_enabled = true;
            settings.account.email_unknown_accounts = write;
        })
        .await;
        for path in [
            "/accounts/login/link/",
            "/accounts/login/code/",
            "/accounts/password/reset/",
        ] {
            let address = [("email", "nobody@example.com")];
            assert_eq!(app.browser().fill(path, &address).await.status, 302);
            assert_eq!(app.letters().await.len(), usize::from(write), "{path}");
        }
        db = app.db;
    }
}
