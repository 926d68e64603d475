//! Ceremonies that wait for a secret, one of each kind: what the tests of one-time secrets, attempts and limits begin
//! with.

use std::sync::atomic::{AtomicU32, Ordering};

use hallpass::domain::UserId;
use hallpass::settings::{Asked, CodeAfter, LoginBy, Quota, Settings, SignupField, Verification};
use hallpass::store;
use hallpass::store::phone::PhoneNumber;
use hallpass_testkit::{Answer, Browser, TestApp};

/// A clock that a test sets, one for each database since the two run side by side: the seconds, and the function.
macro_rules! clock {
    ($db:expr) => {{
        static SECONDS: [std::sync::atomic::AtomicI64; 2] =
            [const { std::sync::atomic::AtomicI64::new(1_800_000_000) }; 2];
        fn clock<const N: usize>() -> hallpass::domain::Timestamp {
            hallpass::domain::Timestamp::from_seconds(
                SECONDS[N].load(std::sync::atomic::Ordering::SeqCst),
            )
        }
        let clocks: [fn() -> hallpass::domain::Timestamp; 2] = [clock::<0>, clock::<1>];
        let at = match $db.db.dialect() {
            hallpass::store::Dialect::Sqlite => 0,
            hallpass::store::Dialect::Postgres => 1,
        };
        (&SECONDS[at], clocks[at])
    }};
}
pub(crate) use clock;

/// What a code is awaited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To sign in; the first proof.
    Login,
    /// To sign in, after a password.
    Demanded,
    /// To confirm the address of a sign-in.
    StageEmail,
    /// To add an address.
    AddEmail,
    /// To confirm the number of a sign-in.
    StagePhone,
    /// To change the number.
    ChangePhone,
    /// To reset the password.
    Reset,
    /// As a fresh proof.
    Reauth,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Login,
        Kind::Demanded,
        Kind::StageEmail,
        Kind::AddEmail,
        Kind::StagePhone,
        Kind::ChangePhone,
        Kind::Reset,
        Kind::Reauth,
    ];

    /// Where the code is typed.
    pub(crate) fn door(self) -> &'static str {
        match self {
            Kind::Login | Kind::Demanded => "/accounts/login/code/confirm/",
            Kind::StageEmail | Kind::AddEmail => "/accounts/confirm-email/",
            Kind::StagePhone | Kind::ChangePhone => "/accounts/phone/verify/",
            Kind::Reset => "/accounts/password/reset/confirm/",
            Kind::Reauth => "/accounts/reauthenticate/",
        }
    }

    /// Where the right one leads.
    pub(crate) fn beyond(self) -> &'static str {
        match self {
            Kind::Login | Kind::Demanded | Kind::StageEmail | Kind::StagePhone | Kind::Reauth => {
                "/accounts/profile/"
            }
            Kind::AddEmail => "/accounts/email/",
            Kind::ChangePhone => "/accounts/phone/change/",
            Kind::Reset => "/accounts/password/reset/complete/",
        }
    }

    /// The event of a wrong one.
    pub(crate) fn rejected(self) -> &'static str {
        match self {
            Kind::Login | Kind::Demanded => "login_failed",
            Kind::StageEmail | Kind::AddEmail => "email_code_rejected",
            Kind::StagePhone | Kind::ChangePhone => "phone_code_rejected",
            Kind::Reset => "password_reset_code_rejected",
            Kind::Reauth => "reauthentication_failed",
        }
    }
}

/// Settings under which every kind of code can be had.
pub(crate) fn all_codes(settings: &mut Settings) {
    let account = &mut settings.account;
    account.login_methods = Some(vec![LoginBy::Email]);
    let asked = [
        (SignupField::Email, true),
        (SignupField::Phone, false),
        (SignupField::Password1, false),
    ];
    let asked = asked.map(|(field, required)| Asked { field, required });
    account.signup_fields = Some(asked.to_vec());
    account.login_by_code_enabled = true;
    account.login_by_code_required.after = vec![CodeAfter::Password];
    account.email_verification = Verification::Mandatory;
    account.email_verification_by_code_enabled = true;
    account.password_reset_by_code_enabled = true;
    account.login_by_code_supports_resend = Quota(1);
    account.email_verification_supports_resend = Quota(1);
    account.email_verification_supports_change = Quota(1);
    account.phone_verification_supports_resend = Quota(1);
    account.phone_verification_supports_change = Quota(1);
}

/// The same, with as many attempts for each.
pub(crate) fn attempts(settings: &mut Settings, most: u64) {
    let account = &mut settings.account;
    account.login_by_code_max_attempts = most;
    account.email_verification_by_code_max_attempts = most;
    account.phone_verification_max_attempts = most;
    account.password_reset_by_code_max_attempts = most;
}

pub(crate) const PASSWORD: &str = "correct-horse";

pub(crate) fn hash(password: &str) -> String {
    use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    let salt = Salt::from_random([3; 32]);
    hashers
        .encode(password, &salt, &mut Scratch::default())
        .unwrap()
}

/// A user whose address and number are confirmed or not.
pub(crate) async fn person(
    app: &TestApp,
    email: (&str, bool),
    phone: Option<(&str, bool)>,
    password: Option<&str>,
) -> UserId {
    let password = password.map_or_else(|| "!none".to_owned(), hash);
    let (email, confirmed) = email;
    let name = email.split('@').next().unwrap();
    let id = app.user_with(name, email, &password).await;
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({id}, '{email}', {confirmed}, TRUE)"
    ))
    .await;
    if let Some((phone, verified)) = phone {
        let number = PhoneNumber {
            phone: phone.to_owned(),
            verified,
        };
        let now = app.hallpass.now();
        store::phone::set(app.db.db.conn(), id, &number, now)
            .await
            .unwrap();
    }
    id
}

/// A ceremony that waits.
#[derive(Clone)]
pub(crate) struct Waits {
    pub(crate) kind: Kind,
    pub(crate) browser: Browser,
    pub(crate) code: String,
    /// The path of the link beside the code.
    pub(crate) link: Option<String>,
    pub(crate) user: UserId,
    /// The user's address.
    pub(crate) email: String,
}

/// A number that nobody had before.
pub(crate) fn fresh_number() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("+4915112{:06}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// Brings a new person, called `name`, to where a code is awaited.
pub(crate) async fn begin(app: &TestApp, kind: Kind, name: &str) -> Waits {
    let email = format!("{name}@example.com");
    let phone = fresh_number();
    let number = match kind {
        Kind::StageEmail => Some((phone.as_str(), true)),
        Kind::StagePhone => Some((phone.as_str(), false)),
        _ => None,
    };
    let password = (kind == Kind::Demanded).then_some(PASSWORD);
    let confirmed = kind != Kind::StageEmail;
    let user = person(app, (&email, confirmed), number, password).await;
    let browser = app.browser();
    again(app, kind, user, browser, &email, &phone).await
}

/// The same for a person who is there already. `phone`: the number on file, or the new one.
pub(crate) async fn again(
    app: &TestApp,
    kind: Kind,
    user: UserId,
    mut browser: Browser,
    email: &str,
    phone: &str,
) -> Waits {
    let came = reach(app, &mut browser, kind, email, phone).await;
    let fits = match kind {
        Kind::Reauth => came.status == 200,
        _ => came.location() == kind.door(),
    };
    assert!(fits, "{kind:?}: {} {}", came.status, came.text);
    let by_text = matches!(kind, Kind::StagePhone | Kind::ChangePhone);
    let text = match by_text {
        true => app.text().await.text,
        false => app.letter().await.text,
    };
    Waits {
        kind,
        browser,
        code: code_in(&text),
        link: text
            .contains("/login/code/link/")
            .then(|| hallpass_testkit::app::link_in(&text)),
        user,
        email: email.to_owned(),
    }
}

async fn reach(
    app: &TestApp,
    browser: &mut Browser,
    kind: Kind,
    email: &str,
    phone: &str,
) -> Answer {
    let new = format!("new.{email}");
    match kind {
        Kind::Login => {
            browser
                .fill("/accounts/login/code/", &[("email", email)])
                .await
        }
        Kind::Demanded => {
            let fields = [("login", email), ("password", PASSWORD)];
            browser.fill("/accounts/login/", &fields).await
        }
        Kind::StageEmail => {
            browser
                .fill("/accounts/login/code/", &[("phone", phone)])
                .await;
            let code = code_in(&app.text().await.text);
            post(browser, Kind::Login.door(), &[("code", &code)]).await
        }
        Kind::StagePhone => sign_in(app, browser, email).await,
        Kind::AddEmail => {
            sign_in(app, browser, email).await;
            let fields = [("email", new.as_str()), ("action_add", "1")];
            browser.fill("/accounts/email/", &fields).await
        }
        Kind::ChangePhone => {
            sign_in(app, browser, email).await;
            browser
                .fill("/accounts/phone/change/", &[("phone", phone)])
                .await
        }
        Kind::Reset => {
            browser
                .fill("/accounts/password/reset/", &[("email", email)])
                .await
        }
        Kind::Reauth => {
            sign_in(app, browser, email).await;
            browser.get(kind.door()).await
        }
    }
}

/// Signs in by a code in the mail.
pub(crate) async fn sign_in(app: &TestApp, browser: &mut Browser, email: &str) -> Answer {
    let asked = browser
        .fill("/accounts/login/code/", &[("email", email)])
        .await;
    assert_eq!(asked.location(), Kind::Login.door(), "{}", asked.text);
    let code = code_in(&app.letter().await.text);
    post(browser, Kind::Login.door(), &[("code", &code)]).await
}

impl Waits {
    /// Types a code where this one is awaited.
    pub(crate) async fn types(&mut self, code: &str) -> Answer {
        post(&mut self.browser, self.kind.door(), &[("code", code)]).await
    }

    /// Presses a button of the page.
    pub(crate) async fn acts(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("action", action)];
        all.extend_from_slice(fields);
        post(&mut self.browser, self.kind.door(), &all).await
    }

    /// The right code, which must be good still.
    pub(crate) async fn is_good(&mut self) {
        let code = self.code.clone();
        let answer = self.types(&code).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (302, self.kind.beyond()),
            "{:?}: {}",
            self.kind,
            answer.text
        );
    }

    /// Any code, which must lead nowhere, and change nothing.
    pub(crate) async fn refuses(&mut self, app: &TestApp, code: &str) -> Answer {
        let before = state(app).await;
        let answer = self.types(code).await;
        // Of these two nothing is in the tables of accounts yet; others may lead to where the right one leads.
        if matches!(self.kind, Kind::Reset | Kind::Reauth) {
            let to = answer.location();
            assert_ne!(to, self.kind.beyond(), "{:?} took {code}", self.kind);
        }
        assert_eq!(before, state(app).await, "{:?} and {code}", self.kind);
        answer
    }

    /// A code of the right form that is not the right one.
    pub(crate) fn wrong(&self) -> String {
        let other = |c: char| if c == 'B' { 'C' } else { 'B' };
        let mut letters = self.code.chars();
        let first = letters.next().unwrap();
        format!("{}{}", other(first), letters.as_str())
    }
}

/// Posts with the token of the cookie, looking at no page before.
pub(crate) async fn post(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.cookies.get("csrftoken").cloned();
    assert!(token.is_some(), "the answer would be about the token");
    let token = token.unwrap_or_default();
    let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
    all.extend_from_slice(fields);
    browser.post(path, &all).await
}

/// Posts the same from many requests at the same moment, each with the cookies that `browser` has now.
pub(crate) async fn at_once(
    browsers: Vec<Browser>,
    path: &str,
    fields: &[(&str, &str)],
) -> Vec<Answer> {
    let mut posts = Vec::new();
    for mut browser in browsers {
        let path = path.to_owned();
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        posts.push(tokio::spawn(async move {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            post(&mut browser, &path, &fields).await
        }));
    }
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.unwrap());
    }
    for answer in &answers {
        assert!(answer.status.as_u16() < 500, "{}", answer.text);
    }
    answers
}

/// The code in a letter or text: two groups of four letters.
pub(crate) fn code_in(text: &str) -> String {
    let is_code = |word: &&str| {
        word.len() == 9
            && word.as_bytes()[4] == b'-'
            && word
                .bytes()
                .all(|b| b == b'-' || b"BCDFGHJKLMNPQRSTVWXZ".contains(&b))
    };
    let code = text.split_whitespace().find(is_code);
    code.unwrap_or_else(|| panic!("a code in {text}"))
        .to_owned()
}

/// Everything that a secret could change, but for attempts, sessions under way and the log of events.
pub(crate) async fn state(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns) in [
        (
            "auth_user",
            "id password email username is_active last_login",
        ),
        ("account_emailaddress", "user_id email verified \"primary\""),
        ("hallpass_phone", "user_id phone verified"),
        ("hallpass_spent", "digest"),
        ("usersessions_usersession", "user_id"),
    ] {
        let texts: Vec<String> = columns
            .split(' ')
            .map(|column| format!("coalesce(CAST({column} AS TEXT), '')"))
            .collect();
        let sql = format!(
            "SELECT {} FROM {table} ORDER BY 1",
            texts.join(" || '|' || ")
        );
        for row in app.db.db.conn().query(&sql, &[]).await.unwrap() {
            all.push(format!("{table}: {}", row.get::<String>(0).unwrap()));
        }
    }
    all
}

/// How many events of a kind there are, for a reason.
pub(crate) async fn events(app: &TestApp, kind: &str, reason: &str) -> i64 {
    app.count(&format!(
        "hallpass_event WHERE kind = '{kind}' AND reason = '{reason}'"
    ))
    .await
}
