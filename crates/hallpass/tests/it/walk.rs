//! Every page in every state, asked in every way: nobody gets further than what was proved.
//!
//! The walk knows no secret: its codes, passwords and links are guesses. So whatever it posts, and in whatever order,
//! nobody may be signed in by it, nothing that was confirmed may change, and no stage may count as done.

mod site;

use std::collections::BTreeMap;

use hallpass::domain::session::keys;
use hallpass_testkit::{Answer, Browser, TestDb, each_database};
use serde_json::Value;

use site::Site;

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
