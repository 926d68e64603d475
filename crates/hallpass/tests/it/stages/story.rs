//! What stories of sign-ins are told with: people, settings, and how each stage is passed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hallpass::domain::session::CookieChange;
use hallpass::domain::session::keys;
use hallpass::domain::{Client, Timestamp, User, UserId};
use hallpass::flows::login::{self, Progress};
use hallpass::hooks::{self, OwnStage};
use hallpass::settings::{
    Asked, CodeAfter, CodeRequired, LoginBy, Settings, SignupField, Verification,
};
use hallpass::{Cx, Error, async_trait};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb};
use serde_json::Value;

pub(crate) const LOGIN: &str = "/accounts/login/";
pub(crate) const PROFILE: &str = "/accounts/profile/";
pub(crate) const CODE: &str = "/accounts/login/code/confirm/";
pub(crate) const PHONE: &str = "/accounts/phone/verify/";
pub(crate) const EMAIL: &str = "/accounts/confirm-email/";
pub(crate) const REGION: &str = "/app/region/";
pub(crate) const TERMS: &str = "/app/terms/";

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct-horse-9";

/// A password as the cheap hasher of the tests stores it.
pub(crate) fn hash(password: &str) -> String {
    use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    let salt = Salt::from_random([3; 32]);
    hashers
        .encode(password, &salt, &mut Scratch::default())
        .unwrap()
}

/// Stages of an app: one before all others, one after.
pub(crate) struct Own {
    pub(crate) first: bool,
    pub(crate) last: bool,
}

#[async_trait]
impl hooks::Login for Own {
    fn stages(&self) -> Vec<OwnStage> {
        let stage = |key: &str, page: &str, first| OwnStage {
            key: key.to_owned(),
            page: page.to_owned(),
            first,
        };
        vec![stage("terms", TERMS, false), stage("region", REGION, true)]
    }

    async fn needs_stage(
        &self,
        _cx: &mut Cx,
        key: &str,
        _user: &User,
        _login: &hallpass::domain::Login,
    ) -> Result<bool, Error> {
        Ok(match key {
            "region" => self.first,
            _ => self.last,
        })
    }
}

/// After what a code is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Never,
    Always,
    AfterPassword,
}

/// How an address is confirmed where it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mail {
    Free,
    ByLink,
    ByCode,
}

/// Which stages a site has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) first: bool,
    pub(crate) code: Demand,
    pub(crate) phone: bool,
    pub(crate) mail: Mail,
    pub(crate) last: bool,
}

impl Plan {
    /// A site without any.
    pub(crate) const BARE: Plan = Plan {
        first: false,
        code: Demand::Never,
        phone: false,
        mail: Mail::Free,
        last: false,
    };

    /// All that there is.
    pub(crate) const FULL: Plan = Plan {
        first: true,
        code: Demand::AfterPassword,
        phone: true,
        mail: Mail::ByCode,
        last: true,
    };

    /// Every combination.
    pub(crate) fn all() -> Vec<Plan> {
        let mut plans = Vec::new();
        for first in [false, true] {
            for code in [Demand::Never, Demand::Always, Demand::AfterPassword] {
                for phone in [false, true] {
                    for mail in [Mail::Free, Mail::ByLink, Mail::ByCode] {
                        plans.extend([false, true].map(|last| Plan {
                            first,
                            code,
                            phone,
                            mail,
                            last,
                        }));
                    }
                }
            }
        }
        plans
    }

    fn set(&self, settings: &mut Settings) {
        let account = &mut settings.account;
        account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
        account.login_by_code_enabled = true;
        account.login_by_code_required = match self.code {
            Demand::Never => CodeRequired::default(),
            Demand::Always => CodeRequired {
                always: true,
                ..CodeRequired::default()
            },
            Demand::AfterPassword => CodeRequired {
                after: vec![CodeAfter::Password],
                ..CodeRequired::default()
            },
        };
        account.email_verification = match self.mail {
            Mail::Free => Verification::None,
            _ => Verification::Mandatory,
        };
        account.email_verification_by_code_enabled = self.mail == Mail::ByCode;
        account.login_on_email_confirmation = true;
        account.login_on_password_reset = true;
        let mut fields = vec![SignupField::Username, SignupField::Email];
        fields.extend(self.phone.then_some(SignupField::Phone));
        fields.push(SignupField::Password1);
        let fields = fields.into_iter().map(|field| Asked {
            field,
            required: true,
        });
        account.signup_fields = Some(fields.collect());
    }

    /// A site of this plan.
    pub(crate) async fn app(&self, db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
        self.app_at(db, Timestamp::now, change).await
    }

    /// With another clock.
    pub(crate) async fn app_at(
        &self,
        db: TestDb,
        clock: fn() -> Timestamp,
        change: impl FnOnce(&mut Settings),
    ) -> TestApp {
        let own = Own {
            first: self.first,
            last: self.last,
        };
        let set = |settings: &mut Settings| {
            self.set(settings);
            change(settings);
        };
        TestApp::built(db, set, |builder| {
            builder.clock(clock).on_login(Arc::new(own))
        })
        .await
    }

    /// Somebody who has proved nothing but the password so far, with a number if the site asks for one.
    pub(crate) async fn person(&self, app: &TestApp, name: &str) -> Person {
        static NUMBER: AtomicI64 = AtomicI64::new(1_000_000);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let person = Person {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            phone: format!("+49151{number}"),
        };
        let hash = hash(PASSWORD);
        let id = app.user_with(&person.name, &person.email, &hash).await;
        if self.phone {
            set_phone(app, id, &person.phone, false).await;
        }
        person
    }
}

/// Puts a number on file.
pub(crate) async fn set_phone(app: &TestApp, id: UserId, phone: &str, verified: bool) {
    app.sql(&format!(
        "INSERT INTO hallpass_phone (user_id, phone, verified, changed_at) \
         VALUES ({id}, '{phone}', {verified}, '2025-01-01 00:00:00+00:00')"
    ))
    .await;
}

/// Makes an address a confirmed one.
pub(crate) async fn set_verified(app: &TestApp, id: UserId, email: &str) {
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({id}, '{email}', TRUE, TRUE)"
    ))
    .await;
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

impl Person {
    /// Signs in with the password.
    pub(crate) async fn enter(&self, browser: &mut Browser) -> Answer {
        let fields = [("login", self.name.as_str()), ("password", PASSWORD)];
        browser.fill(LOGIN, &fields).await
    }
}

/// The code in a letter or text, wherever it stands.
pub(crate) fn code_in(text: &str) -> String {
    let mut words = text.split(|c: char| c != '-' && !c.is_ascii_alphanumeric());
    let code = words.find(|word| {
        let letters = |part: &str| part.len() == 4 && part.chars().all(|c| c.is_ascii_uppercase());
        word.split_once('-')
            .is_some_and(|(a, b)| letters(a) && letters(b))
    });
    code.unwrap_or_else(|| panic!("a code: {text}")).to_owned()
}

/// Passes the stage that waits at `page`, with what was sent for it; where it leads.
pub(crate) async fn pass(app: &TestApp, browser: &mut Browser, page: &str) -> String {
    let answer = match page {
        CODE => {
            let code = code_in(&app.letter().await.text);
            browser.fill(CODE, &[("code", &code)]).await
        }
        PHONE => {
            let code = code_in(&app.text().await.text);
            browser.fill(PHONE, &[("code", &code)]).await
        }
        EMAIL => {
            let letter = app.letter().await.text;
            if letter.contains("/confirm-email/") {
                browser.fill(&link_in(&letter), &[]).await
            } else {
                let code = code_in(&letter);
                browser.fill(EMAIL, &[("code", &code)]).await
            }
        }
        REGION => return pass_own(app, browser, "region").await.unwrap(),
        TERMS => return pass_own(app, browser, "terms").await.unwrap(),
        other => panic!("no stage: {other}"),
    };
    assert_eq!(answer.status, 302, "{page}: {}", answer.text);
    answer.location().to_owned()
}

/// What a page of the app does for its own stage.
pub(crate) async fn pass_own(
    app: &TestApp,
    browser: &mut Browser,
    key: &str,
) -> Result<String, Error> {
    let cookie = browser.cookies.get("sessionid").cloned();
    let mut session = app.hallpass.session(cookie.as_deref()).await.unwrap();
    let client = Client::new(IpAddr::from([192, 0, 2, 10]), "", "http://localhost");
    let to = app
        .hallpass
        .run(&client, &mut session, async |cx| {
            Ok(match login::pass_stage(cx, key).await? {
                Progress::SignedIn(done) => done.to,
                Progress::Pending(stage) => login::page_of(cx, &stage),
            })
        })
        .await;
    match session.take_cookie_change() {
        CookieChange::Keep => {}
        CookieChange::Set { key, .. } => {
            let key = key.reveal().to_owned();
            browser.cookies.insert("sessionid".to_owned(), key);
        }
        CookieChange::Delete => drop(browser.cookies.remove("sessionid")),
    }
    to
}

/// What the session of this browser has under `key`.
pub(crate) async fn in_session(app: &TestApp, browser: &Browser, key: &str) -> Option<Value> {
    let cookie = browser.cookies.get("sessionid").map(String::as_str);
    let session = app.hallpass.session(cookie).await.unwrap();
    session.get(key).cloned()
}

/// The records of this browser: method and what it was given for.
pub(crate) async fn methods(app: &TestApp, browser: &Browser) -> Vec<String> {
    let records = in_session(app, browser, keys::RECORDS).await;
    let Some(Value::Array(records)) = records else {
        return Vec::new();
    };
    let method = |record: &Value| record["method"].as_str().unwrap().to_owned();
    records.iter().map(method).collect()
}

/// Who is signed in here.
pub(crate) async fn who(app: &TestApp, browser: &Browser) -> Option<String> {
    let cookie = browser.cookies.get("sessionid").map(String::as_str);
    let session = app.hallpass.session(cookie).await.unwrap();
    session.user().map(|user| user.username.clone())
}

/// Forgets what was sent.
pub(crate) async fn drop_post(app: &TestApp) {
    app.letters().await;
    app.texts().await;
}
