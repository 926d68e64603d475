//! What dies with an account, and with a password: every kind of credential that was made before.

use hallpass::settings::{Asked, LoginBy, Quota, Settings, SignupField, Verification};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::accounts::code_in;

each_database!(
    a_deactivated_user_has_nothing_that_works,
    a_deleted_user_has_nothing_that_works,
    a_changed_password_ends_all_that_came_before,
    a_reset_password_ends_all_that_came_before,
    a_password_set_by_the_operator_ends_all_that_came_before,
    a_stage_ends_with_its_user,
    codes_of_a_reset_end_with_their_user,
    an_address_under_way_ends_with_the_password,
    a_fresh_proof_ends_with_the_password_elsewhere,
    this_session_goes_on_under_a_new_key,
    this_session_ends_where_the_settings_say_so,
    a_first_password_keeps_this_session_and_ends_others,
    of_two_resets_under_way_one_counts,
);

pub(crate) const PASSWORD: &str = "correct-horse-9";
const NEW: &str = "battery-staple-7";
const EVE: [(&str, &str); 2] = [
    ("password1", "eve-was-here-1"),
    ("password2", "eve-was-here-1"),
];

/// A password, hashed cheaply.
pub(crate) fn hash(password: &str) -> String {
    use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    let salt = Salt::from_random([3; 32]);
    hashers
        .encode(password, &salt, &mut Scratch::default())
        .unwrap()
}

/// ACCOUNT_SIGNUP_FIELDS as the setting spells it: `email* password1`.
pub(crate) fn asked(text: &str) -> Option<Vec<Asked>> {
    let field = |name: &str| match name {
        "username" => SignupField::Username,
        "email" => SignupField::Email,
        "email2" => SignupField::Email2,
        "phone" => SignupField::Phone,
        "password1" => SignupField::Password1,
        "password2" => SignupField::Password2,
        other => panic!("{other}"),
    };
    let words = text.split(' ').map(|word| Asked {
        field: field(word.trim_end_matches('*')),
        required: word.ends_with('*'),
    });
    Some(words.collect())
}

pub(crate) async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/accounts/profile/").await.status == 200
}

pub(crate) async fn sign_in(app: &TestApp, login: &str, password: &str) -> (Browser, Answer) {
    let mut browser = app.browser();
    let fields = [("login", login), ("password", password)];
    let answer = browser.fill("/accounts/login/", &fields).await;
    (browser, answer)
}

/// A browser that is signed in with `PASSWORD`.
pub(crate) async fn signed_in(app: &TestApp, login: &str) -> Browser {
    let (mut browser, answer) = sign_in(app, login, PASSWORD).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    assert!(is_in(&mut browser).await);
    browser
}

/// The code in a text message.
pub(crate) fn texted(text: &str) -> String {
    let is_code = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b'-';
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find(is_code).unwrap().to_owned()
}

/// Everything that makes credentials, but for what excludes another.
fn everything(settings: &mut Settings) {
    settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
    settings.account.login_by_code_enabled = true;
    settings.hallpass.code_and_link = true;
    settings.account.signup_fields = asked("username* email* phone password1*");
    settings.account.phone_verification_enabled = false;
}

/// What somebody may hold at one moment.
struct Held {
    session: Browser,
    unlisted: Browser,
    waiting: Browser,
    code: String,
    code_link: String,
    login_link: String,
    reset_link: String,
    leave: Browser,
    choose: String,
    confirmation: String,
    changing: Browser,
    phone_code: String,
}

/// Ann, with one credential of every kind, all of which work.
async fn hold(app: &TestApp) -> Held {
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut session = signed_in(app, "ann").await;
    let sent = session
        .fill(
            "/accounts/email/",
            &[("email", "ann@example.com"), ("action_send", "1")],
        )
        .await;
    assert_eq!(sent.status, 302, "{}", sent.text);
    let confirmation = link_in(&app.letter().await.text);
    let mut changing = signed_in(app, "ann").await;
    let changed = changing
        .fill("/accounts/phone/change/", &[("phone", "+4915112345678")])
        .await;
    assert_eq!(changed.location(), "/accounts/phone/verify/");
    let phone_code = texted(&app.text().await.text);
    // A session that a Django made has no row in the list of sessions.
    let unlisted = signed_in(app, "ann").await;
    app.sql(
        "DELETE FROM usersessions_usersession WHERE id = \
         (SELECT max(id) FROM usersessions_usersession)",
    )
    .await;

    // A sign-in ends the links that were made before it: these come after the last one.
    let address = [("email", "ann@example.com")];
    let mut waiting = app.browser();
    let sent = waiting.fill("/accounts/login/code/", &address).await;
    assert_eq!(sent.location(), "/accounts/login/code/confirm/");
    let letter = app.letter().await.text;
    let mut asking = app.browser();
    let sent = asking.fill("/accounts/login/link/", &address).await;
    assert_eq!(sent.status, 302);
    let login_link = link_in(&app.letter().await.text);
    let sent = asking.fill("/accounts/password/reset/", &address).await;
    assert_eq!(sent.status, 302);
    let reset_link = link_in(&app.letter().await.text);
    let mut leave = app.browser();
    let choose = leave.get(&reset_link).await.location().to_owned();
    let mut held = Held {
        session,
        unlisted,
        waiting,
        code: code_in(&letter),
        code_link: link_in(&letter),
        login_link,
        reset_link,
        leave,
        choose,
        confirmation,
        changing,
        phone_code,
    };
    held.is_alive(app).await;
    held
}

impl Held {
    /// Looking spends nothing.
    async fn is_alive(&mut self, app: &TestApp) {
        assert!(is_in(&mut self.session).await && is_in(&mut self.unlisted).await);
        let page = self.waiting.get("/accounts/login/code/confirm/").await;
        assert_eq!(page.status, 200);
        for link in [&self.code_link, &self.login_link, &self.confirmation] {
            assert_eq!(app.browser().get(link).await.status, 200, "{link}");
        }
        assert_eq!(app.browser().get(&self.reset_link).await.status, 302);
        assert_eq!(self.leave.get(&self.choose).await.status, 200);
        let page = self.changing.get("/accounts/phone/verify/").await;
        assert_eq!(page.status, 200);
    }

    /// Nothing of it works any more. A confirmation key belongs to the address: it outlives a password.
    async fn must_be_dead(mut self, app: &TestApp, confirmation_too: bool) {
        assert!(!is_in(&mut self.session).await, "a session");
        assert!(!is_in(&mut self.unlisted).await, "an unlisted session");
        let code = [("code", self.code.as_str())];
        let path = "/accounts/login/code/confirm/";
        let answer = self.waiting.fill(path, &code).await;
        assert_ne!(answer.location(), "/accounts/profile/", "a sign-in code");
        assert!(!is_in(&mut self.waiting).await, "a sign-in code");
        for link in [&self.code_link, &self.login_link, &self.reset_link] {
            let mut browser = app.browser();
            let opened = browser.get(link).await;
            assert_eq!(opened.status, 403, "{link}: {}", opened.text);
            let pressed = browser.fill(link, &EVE).await;
            assert_eq!(pressed.status, 403, "{link}: {}", pressed.text);
            assert!(!is_in(&mut browser).await, "{link}");
        }
        let chosen = self.leave.fill(&self.choose, &EVE).await;
        assert_eq!(chosen.status, 403, "the leave to choose a password");
        let code = [("code", self.phone_code.as_str())];
        let answer = self.changing.fill("/accounts/phone/verify/", &code).await;
        assert_eq!(answer.status, 302, "{}", answer.text);
        assert!(!is_in(&mut self.changing).await);
        let numbers = app.count("hallpass_phone").await;
        assert_eq!(numbers, 0, "a phone code");
        if confirmation_too {
            let mut browser = app.browser();
            assert_eq!(browser.get(&self.confirmation).await.status, 403);
            assert_eq!(browser.fill(&self.confirmation, &[]).await.status, 403);
            let confirmed = app.count("account_emailaddress WHERE verified").await;
            assert_eq!(confirmed, 0, "a confirmation key");
        }
        app.no_other_letter_was_sent().await;
        app.no_other_text_was_sent().await;
    }
}

async fn a_deactivated_user_has_nothing_that_works(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let held = hold(&app).await;
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let (mut browser, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.status, 403, "the password");
    assert!(!is_in(&mut browser).await);
    held.must_be_dead(&app, true).await;
}

async fn a_deleted_user_has_nothing_that_works(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let held = hold(&app).await;
    // As a Django deletes: what it knows to depend on the row, then the row. Our own tables it does not know.
    for table in [
        "account_emailconfirmation",
        "account_emailaddress",
        "usersessions_usersession",
        "auth_user",
    ] {
        app.sql(&format!("DELETE FROM {table}")).await;
    }
    let (_, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.status, 400, "the password");
    held.must_be_dead(&app, true).await;
}

async fn a_changed_password_ends_all_that_came_before(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    app.user_with("bob", "bob@example.com", &hash(PASSWORD))
        .await;
    let mut bob = signed_in(&app, "bob").await;
    let held = hold(&app).await;
    // The links see a sign-in as well: the password is changed where one took place before.
    let mut own = held.session.clone();
    let new = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    let done = own.fill("/accounts/password/change/", &new).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert!(is_in(&mut own).await);
    assert_eq!(app.count("hallpass_code").await, 0);
    let (_, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.status, 400, "the old password");
    held.must_be_dead(&app, false).await;
    assert!(is_in(&mut own).await && is_in(&mut bob).await);
}

async fn a_reset_password_ends_all_that_came_before(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let held = hold(&app).await;
    let mut owner = app.browser();
    let choose = owner.get(&held.reset_link).await.location().to_owned();
    let new = [("password1", NEW), ("password2", NEW)];
    let done = owner.fill(&choose, &new).await;
    assert_eq!(
        done.location(),
        "/accounts/password/reset/key/done/",
        "{}",
        done.text
    );
    assert!(!is_in(&mut owner).await, "nobody asked for a sign-in");
    assert_eq!(app.count("hallpass_code").await, 0);
    assert_eq!(app.count("usersessions_usersession").await, 0);
    held.must_be_dead(&app, false).await;
    let (mut owner, _) = sign_in(&app, "ann", NEW).await;
    assert!(is_in(&mut owner).await);
}

async fn a_password_set_by_the_operator_ends_all_that_came_before(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let held = hold(&app).await;
    let users = app.hallpass.users();
    let user = users.by_username("ann").await.unwrap().unwrap();
    users.set_password(&user, NEW).await.unwrap();
    held.must_be_dead(&app, false).await;
}

/// A sign-in that waits at a stage, in the middle of which the account changes.
async fn a_stage_ends_with_its_user(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_required = true;
        settings.account.email_verification = Verification::Mandatory;
        settings.account.email_verification_by_code_enabled = true;
        settings.account.email_verification_supports_change = Quota(2);
        settings.account.email_verification_supports_resend = Quota(2);
    })
    .await;
    for (number, end) in [
        "UPDATE auth_user SET is_active = FALSE",
        "UPDATE auth_user SET password = '!other'",
        "DELETE FROM auth_user",
    ]
    .into_iter()
    .enumerate()
    {
        let (name, email) = (format!("ann{number}"), format!("ann{number}@example.com"));
        app.user_with(&name, &email, &hash(PASSWORD)).await;
        let (mut browser, answer) = sign_in(&app, &name, PASSWORD).await;
        assert_eq!(answer.location(), "/accounts/confirm-email/");
        let code = code_in(&app.letter().await.text);
        if end.starts_with("DELETE") {
            app.sql("DELETE FROM account_emailaddress").await;
        }
        app.sql(&format!("{end} WHERE username = '{name}'")).await;
        for fields in [
            vec![("action", "resend")],
            vec![("action", "change"), ("email", "eve@example.com")],
            vec![("code", code.as_str())],
        ] {
            let mut tab = browser.clone();
            let answer = tab.fill("/accounts/confirm-email/", &fields).await;
            assert_eq!(answer.location(), "/accounts/login/", "{end}: {fields:?}");
            assert!(!is_in(&mut tab).await);
        }
        assert!(!is_in(&mut browser).await);
        app.no_other_letter_was_sent().await;
    }
    assert_eq!(app.count("account_emailaddress WHERE verified").await, 0);
    let changed = app
        .count("account_emailaddress WHERE email = 'eve@example.com'")
        .await;
    assert_eq!(changed, 0);
}

async fn codes_of_a_reset_end_with_their_user(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.password_reset_by_code_enabled = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut confirmed = app.browser();
    let address = [("email", "ann@example.com")];
    confirmed.fill("/accounts/password/reset/", &address).await;
    let code = code_in(&app.letter().await.text);
    let done = confirmed
        .fill("/accounts/password/reset/confirm/", &[("code", &code)])
        .await;
    assert_eq!(done.location(), "/accounts/password/reset/complete/");
    let mut waiting = app.browser();
    waiting.fill("/accounts/password/reset/", &address).await;
    let code = code_in(&app.letter().await.text);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let answer = waiting
        .fill("/accounts/password/reset/confirm/", &[("code", &code)])
        .await;
    assert_eq!(answer.location(), "/accounts/password/reset/");
    for mut browser in [waiting, confirmed] {
        let answer = browser
            .fill("/accounts/password/reset/complete/", &EVE)
            .await;
        assert_eq!(answer.location(), "/accounts/password/reset/");
    }
    let (_, answer) = sign_in(&app, "ann", PASSWORD).await;
    assert_eq!(answer.status, 403, "the password is as it was, and off");
    app.no_other_letter_was_sent().await;
}

async fn an_address_under_way_ends_with_the_password(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.email_verification_by_code_enabled = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut eve = signed_in(&app, "ann").await;
    let mut own = signed_in(&app, "ann").await;
    let mut codes = Vec::new();
    for (browser, email) in [(&mut eve, "eve@example.com"), (&mut own, "two@example.com")] {
        let add = [("email", email), ("action_add", "1")];
        let added = browser.fill("/accounts/email/", &add).await;
        assert_eq!(added.location(), "/accounts/confirm-email/");
        codes.push(code_in(&app.letter().await.text));
    }
    let new = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    own.fill("/accounts/password/change/", &new).await;
    for (browser, code) in [(&mut eve, &codes[0]), (&mut own, &codes[1])] {
        let answer = browser
            .fill("/accounts/confirm-email/", &[("code", code)])
            .await;
        assert_eq!(answer.status, 302, "{}", answer.text);
    }
    assert!(is_in(&mut own).await && !is_in(&mut eve).await);
    assert_eq!(app.count("account_emailaddress").await, 1);
    app.no_other_letter_was_sent().await;
}

async fn a_fresh_proof_ends_with_the_password_elsewhere(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.reauthentication_required = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut eve = signed_in(&app, "ann").await;
    let mut own = signed_in(&app, "ann").await;
    for browser in [&mut eve, &mut own] {
        let done = browser
            .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
            .await;
        assert_eq!(done.status, 302, "{}", done.text);
    }
    let new = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    own.fill("/accounts/password/change/", &new).await;
    let add = [("email", "eve@example.com"), ("action_add", "1")];
    let answer = eve.fill("/accounts/email/", &add).await;
    assert!(
        answer.location().starts_with("/accounts/login/"),
        "{}",
        answer.location()
    );
    assert_eq!(
        app.count("account_emailaddress WHERE email = 'eve@example.com'")
            .await,
        0
    );
    app.no_other_letter_was_sent().await;
}

async fn this_session_goes_on_under_a_new_key(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut own = signed_in(&app, "ann").await;
    let mut stolen = own.clone();
    let new = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    let done = own.fill("/accounts/password/change/", &new).await;
    assert_eq!(done.location(), "/accounts/profile/");
    assert_ne!(own.cookies["sessionid"], stolen.cookies["sessionid"]);
    assert!(
        is_in(&mut own).await,
        "with ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE off"
    );
    assert!(!is_in(&mut stolen).await, "the key of before");
    assert_eq!(
        app.count("usersessions_usersession").await,
        1,
        "still listed"
    );
    app.no_other_letter_was_sent().await;
}

async fn this_session_ends_where_the_settings_say_so(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.logout_on_password_change = true;
    })
    .await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut own = signed_in(&app, "ann").await;
    let new = [
        ("oldpassword", PASSWORD),
        ("password1", NEW),
        ("password2", NEW),
    ];
    let done = own.fill("/accounts/password/change/", &new).await;
    assert_eq!(done.location(), "/accounts/login/");
    assert!(!is_in(&mut own).await);
    assert_eq!(app.count("usersessions_usersession").await, 0);
    let (mut own, _) = sign_in(&app, "ann", NEW).await;
    assert!(is_in(&mut own).await);
    app.no_other_letter_was_sent().await;
}

async fn a_first_password_keeps_this_session_and_ends_others(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browsers = Vec::new();
    for _ in 0..2 {
        let mut browser = app.browser();
        browser
            .fill("/accounts/login/link/", &[("email", "ann@example.com")])
            .await;
        let link = link_in(&app.letter().await.text);
        assert_eq!(browser.fill(&link, &[]).await.status, 302);
        browsers.push(browser);
    }
    let new = [("password1", NEW), ("password2", NEW)];
    let done = browsers[0].fill("/accounts/password/set/", &new).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert!(is_in(&mut browsers[0]).await);
    assert!(!is_in(&mut browsers[1]).await);
    let again = browsers[0].get("/accounts/password/set/").await;
    assert_eq!(again.location(), "/accounts/password/change/");
    // Who posts there nevertheless sets nothing.
    let page = browsers[0].get("/accounts/password/change/").await;
    let token = page.csrf_token().unwrap().to_owned();
    let mut fields = EVE.to_vec();
    fields.push(("csrfmiddlewaretoken", &token));
    let answer = browsers[0].post("/accounts/password/set/", &fields).await;
    assert_eq!(answer.location(), "/accounts/password/change/");
    let (mut own, _) = sign_in(&app, "ann", NEW).await;
    assert!(is_in(&mut own).await);
    app.no_other_letter_was_sent().await;
}

async fn of_two_resets_under_way_one_counts(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let mut browsers = Vec::new();
    for _ in 0..2 {
        let mut browser = app.browser();
        browser
            .fill("/accounts/password/reset/", &[("email", "ann@example.com")])
            .await;
        let link = link_in(&app.letter().await.text);
        let choose = browser.get(&link).await.location().to_owned();
        browsers.push((browser, choose));
    }
    let new = [("password1", NEW), ("password2", NEW)];
    let (owner, choose) = &mut browsers[0];
    assert_eq!(owner.fill(choose, &new).await.status, 302);
    let (eve, choose) = &mut browsers[1];
    assert_eq!(eve.fill(choose, &EVE).await.status, 403);
    let (mut own, _) = sign_in(&app, "ann", NEW).await;
    assert!(is_in(&mut own).await);
    app.no_other_letter_was_sent().await;
}
