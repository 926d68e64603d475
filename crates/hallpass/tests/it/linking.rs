//! Whose account it is that somebody at a provider comes to, and who may say so.
//!
//! What went wrong elsewhere, and the test that sees to it here:
//!
//! | Where | What | Test |
//! |---|---|---|
//! | allauth 65.16.1, better-auth GHSA-wxw3-q3m9-c3jr | a callback without a state, or with a wrong one | `states::nobody_finishes_it_without_having_set_out` |
//! | login CSRF, of old | a callback in another browser | `states::another_browser_cannot_finish_it` |
//! | allauth 65.20.0, Auth.js GHSA-x445 | a state good at another provider | `states::one_providers_answer_is_none_of_another` |
//! | GHSA-7w99-5wm4-3g79 | one answer, several sessions | `states::of_fifty_at_once_one_finishes_it` |
//! | allauth 65.14.1, 65.19.1, 65.19.5 | open redirects | `states::afterwards_people_go_where_they_wanted_and_nowhere_else` |
//! | Keycloak CVE-2026-16442, CVE-2026-2603 | a provider that was taken away still lets people in | `states::an_app_that_is_gone_lets_nobody_in` |
//! | better-auth CVE-2026-53516, allauth 64.2.1 | a vouched address linked into an account that was made before in its name | `takeover::who_signed_up_in_the_victims_name_loses_everything` |
//! | the same by a provider that checks no addresses | | `takeover::an_account_made_by_a_provider_in_the_victims_name_loses_that_provider` |
//! | CVE-2026-33175, Nhost CVE-2026-41574 | an address that nobody verified | `takeover::an_address_that_is_not_vouched_for_opens_nothing` |
//! | CVE-2026-82968, MISP CVE-2026-9084 | an empty identifier links the wrong account | `takeover::a_uid_that_is_none_connects_nobody` |
//! | CVE-2025-65430 | somebody who is switched off | `takeover::whoever_is_switched_off_does_not_come_in` |
//! | Keycloak CVE-2026-9087 | a proof that is not bound to who was proved | `accounts::nothing_is_merged_unasked` |
//! | dj-rest-auth | connecting what is another's | `accounts::what_belongs_to_somebody_else_is_not_connected` |
//! | dj-rest-auth | the last way in cut off | `accounts::the_last_way_in_is_kept`, `accounts::of_two_that_go_at_once_one_stays` |

mod accounts;
mod newcomers;
mod own_pages;
mod prepared;
mod states;
mod takeover;
mod tokens;

use hallpass_testkit::{Answer, Browser, FakeProvider, TestApp, TestDb};
use serde_json::{Value, json};

/// An app and a provider.
struct World {
    app: TestApp,
    fake: FakeProvider,
}

impl World {
    async fn new(db: TestDb, set: &[(&str, &str)]) -> Self {
        Self::with(db, json!({}), set).await
    }

    /// `more`: of the provider in SOCIALACCOUNT_PROVIDERS.
    async fn with(db: TestDb, more: Value, set: &[(&str, &str)]) -> Self {
        let fake = FakeProvider::named(&["fake", "other"]).await;
        let mut setup = TestApp::setup().database(db);
        for (name, value) in fake.settings_with(&more) {
            setup = setup.set(name, value);
        }
        for (name, value) in set {
            setup = setup.set(*name, *value);
        }
        let app = setup.start().await;
        World { app, fake }
    }

    /// To the provider: where the browser is sent.
    async fn set_out(&self, browser: &mut Browser, fields: &[(&str, &str)]) -> Answer {
        self.set_out_to(browser, "fake", fields).await
    }

    async fn set_out_to(
        &self,
        browser: &mut Browser,
        provider: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let page = browser.get("/accounts/login/").await;
        let page = match page.status.as_u16() {
            200 => page,
            _ => browser.get("/accounts/3rdparty/").await,
        };
        let token = page.csrf_token().unwrap().to_owned();
        let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
        all.extend(fields);
        let path = format!("/accounts/{provider}/login/");
        browser.post(&path, &all).await
    }

    /// There and back.
    async fn come(&self, browser: &mut Browser, profile: &Value) -> Answer {
        self.come_for(browser, profile, &[]).await
    }

    async fn come_for(
        &self,
        browser: &mut Browser,
        profile: &Value,
        fields: &[(&str, &str)],
    ) -> Answer {
        let out = self.set_out(browser, fields).await;
        assert_eq!(out.status, 302, "{}", out.text);
        let back = self.fake.agree(out.location(), profile);
        browser.get(&back).await
    }

    async fn connect(&self, browser: &mut Browser, profile: &Value) -> Answer {
        self.come_for(browser, profile, &[("process", "connect")])
            .await
    }

    /// Who is signed in in this browser, by the page of the account.
    async fn who(&self, browser: &mut Browser) -> Option<String> {
        let page = browser.get("/accounts/profile/").await;
        let (_, rest) = page.text.split_once("User name</dt><dd><bdi>")?;
        rest.split("</bdi>").next().map(str::to_owned)
    }

    async fn accounts(&self) -> i64 {
        self.app.count("socialaccount_socialaccount").await
    }

    async fn users(&self) -> i64 {
        self.app.count("auth_user").await
    }
}

/// Somebody at the provider, with an address that it vouches for.
fn ann() -> Value {
    somebody(1, "ann", "ann@example.com", true)
}

fn somebody(id: u64, login: &str, email: &str, verified: bool) -> Value {
    json!({
        "id": id, "login": login, "first": "Ann", "last": "Lee",
        "emails": [{ "email": email, "verified": verified, "primary": true }],
    })
}
