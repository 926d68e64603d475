//! Every page in every state, asked in every way: nobody gets further than what was proved.
//!
//! The walk knows no secret: its codes, passwords and links are guesses. So whatever it posts, and in whatever order,
//! nobody may be signed in by it, nothing that was confirmed may change, and no stage may count as done.

use std::collections::BTreeMap;

use hallpass::domain::session::keys;
use hallpass::settings::{Quota, Settings};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};
use serde_json::Value;

use crate::stages::story::{
    CODE, Demand, EMAIL, LOGIN, Mail, PASSWORD, PHONE, Plan, REGION, code_in, drop_post, hash,
    pass, set_phone, set_verified,
};

each_database!(
    no_page_lets_anybody_further_by_link,
    no_page_lets_anybody_further_by_code,
);

/// Where a visitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Anonymous,
    AtRegion,
    AtCode,
    AtPhone,
    AtEmail,
    AskedForCode,
    AskedForCodeAsNobody,
    SignedUpWithTakenAddress,
    SignedUpWithTakenNumber,
    ResetAsked,
    ResetAskedAsNobody,
    ResetAllowed,
    SignedIn,
    AddsAddress,
    ChangesNumber,
    FormWaits,
}

use State::{
    AddsAddress, Anonymous, AskedForCode, AskedForCodeAsNobody, AtCode, AtEmail, AtPhone, AtRegion,
    ChangesNumber, FormWaits, ResetAllowed, ResetAsked, ResetAskedAsNobody, SignedIn,
    SignedUpWithTakenAddress, SignedUpWithTakenNumber,
};

impl State {
    fn is_in(self) -> bool {
        matches!(self, SignedIn | AddsAddress | ChangesNumber | FormWaits)
    }

    /// What the session holds in this state.
    fn waits(self) -> Option<&'static str> {
        match self {
            Anonymous | SignedIn => None,
            ResetAsked | ResetAskedAsNobody => Some(keys::RESET_CHALLENGE),
            ResetAllowed => Some(keys::RESET_LEAVE),
            AddsAddress => Some(keys::EMAIL_CHALLENGE),
            ChangesNumber => Some(keys::PHONE_CHALLENGE),
            FormWaits => Some(keys::SUSPENDED),
            _ => Some(keys::LOGIN),
        }
    }
}

const STATES: [State; 16] = [
    Anonymous,
    AtRegion,
    AtCode,
    AtPhone,
    AtEmail,
    AskedForCode,
    AskedForCodeAsNobody,
    SignedUpWithTakenAddress,
    SignedUpWithTakenNumber,
    ResetAsked,
    ResetAskedAsNobody,
    ResetAllowed,
    SignedIn,
    AddsAddress,
    ChangesNumber,
    FormWaits,
];

/// Pages, and the actions that they know besides a bare post.
const PAGES: [(&str, &[&str]); 32] = [
    ("", &[]),
    ("login/", &[]),
    ("login/link/", &[]),
    ("login/link/sent/", &[]),
    (
        "login/link/MQ/dicx3m-c26e0a1d7663cb303708b1059370d60e/",
        &[],
    ),
    ("login/code/", &[]),
    ("login/code/confirm/", &["resend", "cancel"]),
    (
        "login/code/link/0123456789012345678901234567890123456789012/",
        &[],
    ),
    ("logout/", &[]),
    ("inactive/", &[]),
    ("signup/", &[]),
    ("reauthenticate/", &["resend"]),
    (
        "email/",
        &[
            "action_add",
            "action_send",
            "action_primary",
            "action_remove",
        ],
    ),
    ("confirm-email/", &["resend", "change", "cancel"]),
    ("confirm-email/MQ:1abcde:guessed/", &[]),
    ("profile/", &[]),
    ("phone/verify/", &["resend", "change", "cancel"]),
    ("phone/change/", &["verify"]),
    ("password/change/", &[]),
    ("password/set/", &[]),
    ("password/reset/", &[]),
    ("password/reset/done/", &[]),
    ("password/reset/key/done/", &[]),
    (
        "password/reset/key/1-dicx3m-c26e0a1d7663cb303708b1059370d60e/",
        &[],
    ),
    ("password/reset/key/1-set-password/", &[]),
    ("password/reset/key/set-password/", &[]),
    ("password/reset/confirm/", &["cancel"]),
    ("password/reset/complete/", &[]),
    ("2fa/", &[]),
    ("3rdparty/", &[]),
    ("signup/passkey/", &[]),
    ("nowhere/", &[]),
];

const EVIL: &str = "https://evil.example/";

/// What a hopeful visitor might send: the fields of every form, and some of no form.
const FIELDS: [(&str, &str); 24] = [
    ("login", "bob"),
    ("password", "guessed-horse-9"),
    ("remember", "on"),
    ("next", EVIL),
    ("username", "newcomer"),
    ("email", "bob@example.com"),
    ("email2", "bob@example.com"),
    ("password1", "stolen-horse-99"),
    ("password2", "stolen-horse-99"),
    ("oldpassword", "guessed-horse-9"),
    ("code", "BBBB-BBBB"),
    ("user", "2"),
    ("user_id", "2"),
    ("uid", "2"),
    ("key", "set-password"),
    ("to", "bob@example.com"),
    ("stage", "verify_email"),
    ("verified", "true"),
    ("primary", "true"),
    ("is_active", "true"),
    ("is_staff", "true"),
    ("is_superuser", "true"),
    ("_auth_user_id", "2"),
    ("account_login", "{}"),
];

struct Site {
    app: TestApp,
    by_code: bool,
}

impl Site {
    async fn new(db: TestDb, by_code: bool) -> Site {
        let plan = Plan {
            first: true,
            code: Demand::AfterPassword,
            phone: true,
            mail: if by_code { Mail::ByCode } else { Mail::ByLink },
            last: true,
        };
        let set = |settings: &mut Settings| {
            let account = &mut settings.account;
            account.password_reset_by_code_enabled = by_code;
            account.reauthentication_required = by_code;
            account.login_by_code_supports_resend = Quota(1);
            account.email_verification_supports_resend = Quota(1);
            account.email_verification_supports_change = Quota(u32::from(by_code));
            account.phone_verification_supports_resend = Quota(1);
            account.phone_verification_supports_change = Quota(u32::from(by_code));
        };
        let app = plan.app(db, set).await;
        Site { app, by_code }
    }

    /// Whether this site has the state.
    fn has(&self, state: State) -> bool {
        match state {
            ResetAsked | ResetAskedAsNobody | AddsAddress | FormWaits => self.by_code,
            _ => true,
        }
    }

    /// Ann and Bob as they were, and a browser in this state.
    async fn enter(&self, state: State) -> Browser {
        let app = &self.app;
        for table in [
            "hallpass_code",
            "hallpass_phone",
            "account_emailconfirmation",
            "account_emailaddress",
            "usersessions_usersession",
            "django_session",
            "hallpass_outbox",
            "hallpass_spent",
            "hallpass_event",
            "hallpass_extra",
            "auth_user",
        ] {
            app.sql(&format!("DELETE FROM {table}")).await;
        }
        let own = hash(PASSWORD);
        let ann = app.user_with("ann", "ann@example.com", &own).await;
        let bob = app.user_with("bob", "bob@example.com", &own).await;
        set_verified(app, bob, "bob@example.com").await;
        set_phone(app, bob, "+4915100000002", true).await;
        set_phone(app, ann, "+4915100000001", state.is_in()).await;
        let mut browser = app.browser();
        self.lead(&mut browser, state).await;
        drop_post(app).await;
        browser.get("/accounts/inactive/").await;
        browser
    }

    async fn lead(&self, browser: &mut Browser, state: State) {
        let app = &self.app;
        let to = |page: &'static str, to: &str| assert_eq!(to, page, "{state:?}");
        let login = [("login", "ann"), ("password", PASSWORD)];
        let anns = ("email", "ann@example.com");
        match state {
            Anonymous => {}
            AtRegion => to(REGION, browser.fill(LOGIN, &login).await.location()),
            AtCode | AtPhone => {
                browser.fill(LOGIN, &login).await;
                to(CODE, &pass(app, browser, REGION).await);
                if state == AtPhone {
                    to(PHONE, &pass(app, browser, CODE).await);
                }
            }
            AtEmail => {
                app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
                to(
                    EMAIL,
                    &self.elsewhere(browser, AtEmail, LOGIN, &login).await,
                );
            }
            AskedForCode => to(
                CODE,
                browser
                    .fill("/accounts/login/code/", &[anns])
                    .await
                    .location(),
            ),
            AskedForCodeAsNobody => {
                let unknown = [("email", "nobody@example.com")];
                to(
                    CODE,
                    browser
                        .fill("/accounts/login/code/", &unknown)
                        .await
                        .location(),
                );
            }
            SignedUpWithTakenAddress | SignedUpWithTakenNumber => {
                let mail = state == SignedUpWithTakenAddress;
                let taken = [
                    ("username", "somebody"),
                    (
                        "email",
                        if mail {
                            "bob@example.com"
                        } else {
                            "some@example.com"
                        },
                    ),
                    ("phone", "+4915100000002"),
                    ("password1", "correct-horse-9"),
                ];
                let at = self
                    .elsewhere(browser, state, "/accounts/signup/", &taken)
                    .await;
                to(if mail { EMAIL } else { PHONE }, &at);
            }
            ResetAsked | ResetAskedAsNobody => {
                let unknown = ("email", "nobody@example.com");
                let mail = if state == ResetAsked { anns } else { unknown };
                let asked = browser.fill("/accounts/password/reset/", &[mail]).await;
                to("/accounts/password/reset/confirm/", asked.location());
            }
            ResetAllowed => {
                browser.fill("/accounts/password/reset/", &[anns]).await;
                let letter = app.letter().await.text;
                if self.by_code {
                    let confirm = "/accounts/password/reset/confirm/";
                    let typed = [("code", code_in(&letter))];
                    let typed = typed.each_ref().map(|(name, code)| (*name, code.as_str()));
                    browser.fill(confirm, &typed).await;
                } else {
                    browser.get(&link_in(&letter)).await;
                }
            }
            SignedIn | AddsAddress | ChangesNumber | FormWaits => {
                let mut at = browser.fill(LOGIN, &login).await.location().to_owned();
                while at != "/accounts/profile/" {
                    at = pass(app, browser, &at).await;
                }
                let prove = state == AddsAddress || (state == ChangesNumber && self.by_code);
                if prove {
                    let password = [("password", PASSWORD)];
                    browser.fill("/accounts/reauthenticate/", &password).await;
                }
                let add = [("email", "more@example.com"), ("action_add", "1")];
                let change = [("phone", "+4915100000003")];
                match state {
                    AddsAddress => to(
                        EMAIL,
                        browser.fill("/accounts/email/", &add).await.location(),
                    ),
                    ChangesNumber => {
                        to(
                            PHONE,
                            browser
                                .fill("/accounts/phone/change/", &change)
                                .await
                                .location(),
                        );
                    }
                    FormWaits => drop(browser.fill("/accounts/email/", &add).await),
                    _ => {}
                }
            }
        }
    }

    /// Begins at a site of the same database and secret, where no other stage stands before the one in question: a
    /// code by mail would confirm the address. The session is good in both.
    async fn elsewhere(
        &self,
        browser: &mut Browser,
        state: State,
        page: &str,
        fields: &[(&str, &str)],
    ) -> String {
        let by_number = state == SignedUpWithTakenNumber;
        let plan = Plan {
            phone: by_number,
            mail: match self.by_code {
                _ if by_number => Mail::Free,
                true => Mail::ByCode,
                false => Mail::ByLink,
            },
            ..Plan::BARE
        };
        let calm = plan.app(self.app.db.shared(), |_| {}).await;
        let mut there = calm.browser();
        let to = there.fill(page, fields).await.location().to_owned();
        browser.cookies = there.cookies;
        to
    }

    async fn mark(&self, browser: &Browser) -> Mark {
        let cookie = browser.cookies.get("sessionid").map(String::as_str);
        let session = self.app.hallpass.session(cookie).await.unwrap();
        let mut kept = BTreeMap::new();
        for key in [
            keys::LOGIN,
            keys::RESET_LEAVE,
            keys::RESET_CHALLENGE,
            keys::EMAIL_CHALLENGE,
            keys::PHONE_CHALLENGE,
            keys::SUSPENDED,
            keys::RECORDS,
        ] {
            if let Some(value) = session.get(key) {
                kept.insert(key, value.clone());
            }
        }
        Mark {
            who: session.user().map(|user| user.username.clone()),
            kept,
        }
    }

    async fn facts(&self) -> Facts {
        let rows = |sql: String| {
            let mut conn = self.app.db.db.conn();
            async move {
                let rows = conn.query(&sql, &[]).await.unwrap();
                let line = |row: &hallpass::store::Row| {
                    [0, 1].map(|at| row.get::<String>(at).unwrap()).join(" ")
                };
                rows.iter().map(line).collect::<Vec<_>>()
            }
        };
        const KNOWN: &str = "FROM auth_user WHERE username IN ('ann', 'bob') ORDER BY id";
        Facts {
            passwords: rows(format!("SELECT username, password {KNOWN}")).await,
            mails: rows(format!("SELECT username, email {KNOWN}")).await,
            addresses: rows(
                "SELECT u.username, e.email FROM account_emailaddress e JOIN auth_user u ON u.id = e.user_id \
                 WHERE e.verified ORDER BY 1, 2"
                    .to_owned(),
            )
            .await,
            numbers: rows(
                "SELECT u.username, p.phone FROM hallpass_phone p JOIN auth_user u ON u.id = p.user_id \
                 WHERE p.verified ORDER BY 1, 2"
                    .to_owned(),
            )
            .await,
            mighty: self.app.count("auth_user WHERE is_staff OR is_superuser OR NOT is_active").await,
            logins: self.app.count("hallpass_event WHERE kind = 'login'").await,
        }
    }
}

/// What a browser holds.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    who: Option<String>,
    kept: BTreeMap<&'static str, Value>,
}

impl Mark {
    fn done(&self) -> usize {
        self.of_login("done")
    }

    fn proofs(&self) -> usize {
        self.of_login("records")
    }

    fn of_login(&self, list: &str) -> usize {
        let login = self.kept.get(keys::LOGIN);
        let list = login.and_then(|login| login[list].as_array());
        list.map_or(0, Vec::len)
    }
}

/// What nobody may change without proof.
#[derive(Debug, Clone, PartialEq)]
struct Facts {
    passwords: Vec<String>,
    mails: Vec<String>,
    addresses: Vec<String>,
    numbers: Vec<String>,
    mighty: i64,
    logins: i64,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Get,
    Head,
    Empty,
    Filled(&'static str),
    WithoutToken,
}

async fn ask(browser: &mut Browser, page: &str, asked: Asked) -> Answer {
    let path = format!("/accounts/{page}?next={EVIL}&email=bob@example.com");
    let token = browser
        .cookies
        .get("csrftoken")
        .cloned()
        .unwrap_or_default();
    let mut fields = vec![("csrfmiddlewaretoken", token.as_str())];
    match asked {
        Asked::Get => return browser.get(&path).await,
        Asked::Head => {
            let nothing = axum::body::Body::empty();
            return browser.send("HEAD", &path, nothing, None).await;
        }
        Asked::Empty => {}
        Asked::Filled(action) => {
            fields.extend(FIELDS);
            match action.starts_with("action_") {
                true => fields.push((action, "1")),
                false => fields.push(("action", action)),
            }
            // One of the two is asked for at most.
            if page != "login/code/" {
                fields.push(("phone", "+4915100000002"));
            }
        }
        Asked::WithoutToken => fields = FIELDS.to_vec(),
    }
    browser.post(&path, &fields).await
}

async fn walk(db: TestDb, by_code: bool) {
    let site = Site::new(db, by_code).await;
    for state in STATES.into_iter().filter(|state| site.has(*state)) {
        let mut browser = site.enter(state).await;
        let mut begun = site.mark(&browser).await;
        assert_eq!(begun.who.is_some(), state.is_in(), "{state:?}");
        let waits = state.waits();
        assert!(
            waits.is_none_or(|key| begun.kept.contains_key(key)),
            "{state:?}"
        );
        let mut before = (begun.clone(), site.facts().await);
        let mut steps = 0;
        // Forth and back: what comes before something comes after it, too.
        for page in PAGES.iter().chain(PAGES.iter().rev()) {
            let (page, actions) = *page;
            let filled = ["", ""]
                .into_iter()
                .chain(actions.iter().copied())
                .map(Asked::Filled);
            let bare = [Asked::Get, Asked::Head, Asked::WithoutToken, Asked::Empty];
            for asked in bare.into_iter().chain(filled) {
                if before.0 != begun {
                    browser = site.enter(state).await;
                    begun = site.mark(&browser).await;
                    before = (begun.clone(), site.facts().await);
                }
                let what = format!("{state:?}: {asked:?} {page}");
                let answer = ask(&mut browser, page, asked).await;
                let after = (site.mark(&browser).await, site.facts().await);
                judge(&site, state, &what, &before, &after, &answer);
                before = after;
                steps += 1;
            }
        }
        assert!(steps > 300, "{state:?}: {steps}");
    }
}

fn judge(
    site: &Site,
    state: State,
    what: &str,
    (mark, facts): &(Mark, Facts),
    (after, now): &(Mark, Facts),
    answer: &Answer,
) {
    let status = answer.status.as_u16();
    assert!(status < 500, "{what}: {}", answer.text);
    let to = answer.location();
    assert!(to.is_empty() || to.starts_with('/'), "{what}: {to}");
    assert!(
        !to.starts_with("//") && !to.starts_with("/\\"),
        "{what}: {to}"
    );
    assert!(!answer.text.contains(EVIL), "{what}: the page leads away");
    // Nobody comes in; somebody who is in stays or is out.
    assert!(
        after.who == mark.who || after.who.is_none(),
        "{what}: {:?}",
        after.who
    );
    assert_eq!(now.logins, facts.logins, "{what}");
    assert_eq!(now.mighty, 0, "{what}");
    if after.who.is_none() {
        assert_eq!(
            after.kept.get(keys::RECORDS),
            None,
            "{what}: proved nothing"
        );
    }
    assert!(after.done() <= mark.done(), "{what}: a stage was skipped");
    // Leave to choose a password comes from a code or a link alone.
    let leave = after.kept.contains_key(keys::RESET_LEAVE);
    assert!(
        !leave || mark.kept.contains_key(keys::RESET_LEAVE),
        "{what}"
    );
    // A new password where one may choose it: Ann's, which is all that it may be.
    let chosen = state == ResetAllowed
        && now.passwords != facts.passwords
        && leave != mark.kept.contains_key(keys::RESET_LEAVE);
    if chosen {
        assert_eq!(now.passwords[1], facts.passwords[1], "{what}: Bob's is his");
    } else {
        assert_eq!(now.passwords, facts.passwords, "{what}");
        assert!(
            after.proofs() <= mark.proofs(),
            "{what}: a proof out of nothing"
        );
    }
    // What was confirmed stays, and no more comes to it; its owner alone may part with an address.
    assert_eq!(now.numbers, facts.numbers, "{what}");
    let mut confirmed = facts.addresses.clone();
    if chosen {
        // The letter's code or link proved the mailbox.
        confirmed.insert(0, "ann ann@example.com".to_owned());
    }
    match mark.who {
        Some(_) => assert!(
            now.addresses.iter().all(|row| confirmed.contains(row)),
            "{what}"
        ),
        None => assert_eq!(now.addresses, confirmed, "{what}"),
    }
    if mark.who.is_none() && !(site.by_code && state == AtEmail) {
        assert_eq!(now.mails, facts.mails, "{what}");
    }
    assert_eq!(now.mails.get(1), facts.mails.get(1), "{what}: Bob's is his");
}

async fn no_page_lets_anybody_further_by_link(db: TestDb) {
    walk(db, false).await;
}

async fn no_page_lets_anybody_further_by_code(db: TestDb) {
    walk(db, true).await;
}
