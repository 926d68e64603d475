//! Who has an account is nobody's business: whatever a stranger tries, somebody's address and nobody's are answered
//! alike, and cost alike. Only letters tell, to those who read them.
//!
//! Two people play the same steps, one with an account and one without; everything that comes back is compared, and so
//! are the statements that the database had to run for each step. How long it takes is measured in `load.rs`.

use hallpass::domain::UserId;
use hallpass::settings::Settings;
use hallpass::store::email_address;
use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

mod identities;
mod signups;
mod stages;

/// Settings as an operator writes them, on top of those of the tests.
pub(crate) fn configure(settings: &mut Settings, own: &[(&str, &str)]) {
    let mut all = vec![
        ("SECRET_KEY", SECRET),
        ("PASSWORD_HASHERS", r#"["md5", "argon2"]"#),
        ("ACCOUNT_RATE_LIMITS", "false"),
    ];
    all.retain(|(name, _)| own.iter().all(|(given, _)| given != name));
    all.extend_from_slice(own);
    let environment = all
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    *settings = hallpass::settings::load(None, environment)
        .unwrap()
        .settings;
}

/// Somebody, or nobody: all names are of one length, so that pages are.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
    pub(crate) phone: &'static str,
}

/// Has an account wherever a test makes one.
pub(crate) const ANN: Person = Person {
    name: "annqx",
    email: "annqx@example.com",
    phone: "+4915112345671",
};

/// Never has one before a test begins.
pub(crate) const BOB: Person = Person {
    name: "bobqx",
    email: "bobqx@example.com",
    phone: "+4915112345672",
};

pub(crate) const PASSWORD: &str = "correct-horse-9";

/// [`PASSWORD`], hashed.
pub(crate) fn encoded(hasher: Hasher) -> String {
    let hashers = Hashers::new(vec![hasher]).unwrap();
    let salt = Salt::from_random([7; 32]);
    hashers
        .encode(PASSWORD, &salt, &mut Scratch::default())
        .unwrap()
}

/// A browser in which somebody with an account of their own is signed in.
pub(crate) async fn signed_in(app: &TestApp, name: &'static str, phone: &'static str) -> Browser {
    let email = format!("{name}@example.com");
    let id = app.user_with(name, &email, &encoded(Hasher::Md5)).await;
    let conn = || app.db.db.conn();
    email_address::insert(conn(), id, &email, true, true)
        .await
        .unwrap();
    let number = hallpass::store::phone::PhoneNumber {
        phone: phone.to_owned(),
        verified: true,
    };
    hallpass::store::phone::set(conn(), id, &number, app.hallpass.now())
        .await
        .unwrap();
    let mut browser = app.browser();
    let fields = [("login", name), ("password", PASSWORD)];
    let done = browser.fill("/accounts/login/", &fields).await;
    assert_eq!(done.status, 302, "{}", done.text);
    app.letters().await;
    browser
}

/// Ann's account: a password, a confirmed address and a confirmed number.
pub(crate) async fn ann(app: &TestApp) -> UserId {
    account(app, ANN, true).await
}

pub(crate) async fn account(app: &TestApp, who: Person, verified: bool) -> UserId {
    account_with(app, who, verified, Hasher::Md5).await
}

pub(crate) async fn account_with(
    app: &TestApp,
    who: Person,
    verified: bool,
    hasher: Hasher,
) -> UserId {
    let hash = encoded(hasher);
    let id = app.user_with(who.name, who.email, &hash).await;
    let conn = || app.db.db.conn();
    email_address::insert(conn(), id, who.email, verified, true)
        .await
        .unwrap();
    let number = hallpass::store::phone::PhoneNumber {
        phone: who.phone.to_owned(),
        verified,
    };
    hallpass::store::phone::set(conn(), id, &number, app.hallpass.now())
        .await
        .unwrap();
    id
}

/// One step of somebody at a browser. In paths and values `{name}`, `{email}` and `{phone}` are the person's own.
pub(crate) enum Step {
    Get(&'static str),
    Post(&'static str, Vec<(&'static str, String)>),
}

pub(crate) fn get(path: &'static str) -> Step {
    Step::Get(path)
}

pub(crate) fn post(path: &'static str, fields: &[(&'static str, &str)]) -> Step {
    let fields = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Step::Post(path, fields.collect())
}

/// What a stranger could see of a step, and what it cost.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    step: String,
    status: u16,
    location: String,
    headers: Vec<String>,
    cookies: Vec<String>,
    text: String,
}

#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) seen: Vec<Seen>,
    /// Step, reads, writes.
    pub(crate) cost: Vec<(String, u64, u64)>,
    /// Recipient and subject of each letter; recipient and first words of each text.
    pub(crate) sent: Vec<(String, String)>,
    /// What they say.
    pub(crate) words: Vec<String>,
}

impl Played {
    pub(crate) fn statuses(&self) -> Vec<(u16, &str)> {
        let seen = self.seen.iter();
        seen.map(|seen| (seen.status, seen.location.as_str()))
            .collect()
    }
}

fn fill_in(text: &str, who: Person) -> String {
    text.replace("{name}", who.name)
        .replace("{email}", who.email)
        .replace("{phone}", who.phone)
}

/// The page without what differs from one person, or one moment, to the next.
fn shape(text: &str, who: Person) -> String {
    let mut shape = text
        .replace(who.email, "{email}")
        .replace(who.phone, "{phone}")
        .replace(who.name, "{name}");
    for before in [
        "name=\"csrfmiddlewaretoken\" value=\"",
        "Request <span dir=\"ltr\">",
    ] {
        let parts: Vec<String> = shape.split(before).map(str::to_owned).collect();
        let mut parts = parts.into_iter();
        let mut cut = parts.next().unwrap_or_default();
        for part in parts {
            cut.push_str(before);
            cut.push_str(part.split_once(['"', '<']).map_or("", |(_, rest)| rest));
        }
        shape = cut;
    }
    shape
}

pub(crate) async fn play(
    app: &TestApp,
    browser: &mut Browser,
    who: Person,
    steps: &[Step],
) -> Played {
    let mut played = Played {
        seen: Vec::new(),
        cost: Vec::new(),
        sent: Vec::new(),
        words: Vec::new(),
    };
    if !browser.cookies.contains_key("csrftoken") {
        browser.get("/accounts/login/link/").await;
    }
    for step in steps {
        let before = app.hallpass.db().statements();
        let (words, answer) = match step {
            Step::Get(path) => (
                format!("GET {path}"),
                browser.get(&fill_in(path, who)).await,
            ),
            Step::Post(path, fields) => {
                let token = browser
                    .cookies
                    .get("csrftoken")
                    .cloned()
                    .unwrap_or_default();
                let values: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, fill_in(value, who)))
                    .collect();
                let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
                all.extend(values.iter().map(|(name, value)| (*name, value.as_str())));
                (
                    format!("POST {path} {fields:?}"),
                    browser.post(path, &all).await,
                )
            }
        };
        let after = app.hallpass.db().statements();
        let headers = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "date" | "x-request-id"));
        let headers = headers.map(|(name, value)| format!("{name}: {value:?}"));
        played.cost.push((
            words.clone(),
            after.reads - before.reads,
            after.writes - before.writes,
        ));
        played.seen.push(Seen {
            step: words,
            status: answer.status.as_u16(),
            location: shape(answer.location(), who),
            headers: headers.map(|line| shape(&line, who)).collect(),
            cookies: browser.cookies.keys().cloned().collect(),
            text: shape(&answer.text, who),
        });
        for letter in app.letters().await {
            played.sent.push((shape(&letter.to, who), letter.subject));
            played.words.push(letter.text);
        }
        for text in app.texts().await {
            let words: Vec<_> = text
                .text
                .split_whitespace()
                .skip_while(|word| word.contains('-'))
                .take(4)
                .collect();
            played.sent.push((shape(&text.to, who), words.join(" ")));
            played.words.push(text.text);
        }
    }
    played
}

/// Ann, who has an account, and Bob, who has none, do the same.
pub(crate) async fn compare(app: &TestApp, steps: &[Step]) -> (Played, Played) {
    let known = play(app, &mut app.browser(), ANN, steps).await;
    let unknown = play(app, &mut app.browser(), BOB, steps).await;
    alike(&known, &unknown);
    (known, unknown)
}

/// Nobody can tell the two apart by what came back or by the statements that were run.
pub(crate) fn alike(known: &Played, unknown: &Played) {
    alike_but(known, unknown, &[]);
}

/// [`alike`]; in the steps whose words hold one of these, what is not sent is put into the outbox and taken out again,
/// which may be one statement more.
pub(crate) fn alike_but(known: &Played, unknown: &Played, silent: &[&str]) {
    for (known, unknown) in known.seen.iter().zip(&unknown.seen) {
        for (left, right) in known.text.lines().zip(unknown.text.lines()) {
            assert_eq!(left, right, "{}", known.step);
        }
        assert_eq!(known, unknown);
    }
    assert_eq!(known.seen.len(), unknown.seen.len());
    let same = |(known, unknown): (&(String, u64, u64), &(String, u64, u64))| {
        let more = silent.iter().any(|word| known.0.contains(word));
        known.1 == unknown.1 && unknown.2.abs_diff(known.2) <= u64::from(more)
    };
    let pairs = || known.cost.iter().zip(&unknown.cost);
    let table: Vec<_> = pairs()
        .map(|(known, unknown)| {
            format!(
                "{:?} {:?}: {}",
                (known.1, known.2),
                (unknown.1, unknown.2),
                known.0
            )
        })
        .collect();
    assert!(
        pairs().all(same),
        "reads and writes, known and unknown:\n{}",
        table.join("\n")
    );
}
