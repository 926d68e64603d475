//! Where an app has its say, and what it is told.

mod login;
mod signup;

use hallpass::domain::Timestamp;
use hallpass::settings::{LoginBy, Settings};
use hallpass::{Error, Refusal};
use hallpass_testkit::app::{link_in, rates};
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::accounts::code_in;
use crate::credentials::{PASSWORD, asked, hash, sign_in, signed_in, texted};

each_database!(
    what_happens_is_told_after_its_commit,
    everything_leaves_an_event,
);

const SIGNUP: &str = "/accounts/signup/";

fn denied(code: &'static str) -> Error {
    let message = format!("The app says no: {code}.");
    Refusal::Denied { code, message }.into()
}

fn many_ways(settings: &mut Settings) {
    settings.account.login_by_code_enabled = true;
    settings.hallpass.code_and_link = true;
    settings.account.login_on_password_reset = true;
    settings.account.login_methods = Some(vec![LoginBy::Username]);
    settings.account.signup_fields = asked("username* email password1*");
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
