//! The site that is walked: people in every state, and what each of them has at hand.

use std::collections::BTreeMap;

use hallpass::domain::session::keys;
use hallpass::settings::{Quota, Settings};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb};

use crate::stages::story::{
    CODE, Demand, EMAIL, LOGIN, Mail, PASSWORD, PHONE, Plan, REGION, code_in, drop_post, hash,
    pass, set_phone, set_verified,
};

use super::State::{
    AddsAddress, Anonymous, AskedForCode, AskedForCodeAsNobody, AtCode, AtEmail, AtPhone, AtRegion,
    ChangesNumber, FormWaits, ResetAllowed, ResetAsked, ResetAskedAsNobody, SignedIn,
    SignedUpWithTakenAddress, SignedUpWithTakenNumber,
};
use super::{Facts, Mark, State};

pub(super) struct Site {
    app: TestApp,
    pub(super) by_code: bool,
}

impl Site {
    pub(super) async fn new(db: TestDb, by_code: bool) -> Site {
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
    pub(super) fn has(&self, state: State) -> bool {
        match state {
            ResetAsked | ResetAskedAsNobody | AddsAddress | FormWaits => self.by_code,
            _ => true,
        }
    }

    /// Ann and Bob as they were, and a browser in this state.
    pub(super) async fn enter(&self, state: State) -> Browser {
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

    pub(super) async fn mark(&self, browser: &Browser) -> Mark {
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

    pub(super) async fn facts(&self) -> Facts {
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
