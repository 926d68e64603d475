//! Signing in with the certified OpenID provider of the test kit: over real HTTP, by the whole of OpenID Connect, honest or
//! not.

mod form_post;
mod out_of_order;
mod plain;
mod refused;
mod sign_in;
mod state;
mod tokens;

use hallpass::settings::Settings;
use hallpass_testkit::identity_provider::Return;
use hallpass_testkit::{Answer, Browser, IdentityProvider, TestApp, TestDb};
use serde_json::{Value, json};

const START: &str = "/accounts/oidc/test/login/";
const BACK: &str = "http://localhost/accounts/oidc/test/login/callback/";
const CLIENT: &str = "hallpass";
const SECRET: &str = "a secret/of+the client%";

/// A site, and the provider by which one signs in there.
struct Site {
    app: TestApp,
    provider: IdentityProvider,
}

/// The provider's app, as SOCIALACCOUNT_PROVIDERS has it.
fn app_of(provider: &IdentityProvider, id: &str, settings: &Value) -> Value {
    let mut all = json!({ "server_url": provider.issuer() });
    for (name, value) in settings.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    json!({ "provider_id": id, "name": format!("The {id} house"), "client_id": CLIENT, "secret": SECRET, "settings": all })
}

/// A site with these apps of OpenID Connect.
async fn site(
    db: TestDb,
    apps: &[Value],
    change: impl FnOnce(&mut Settings) + Send + 'static,
) -> TestApp {
    let providers = json!({ "openid_connect": { "APPS": apps } });
    let setup = TestApp::setup()
        .database(db)
        .set("SOCIALACCOUNT_PROVIDERS", providers.to_string())
        // A busy machine is no fault of a provider's.
        .set("SOCIALACCOUNT_REQUESTS_TIMEOUT", "20")
        .set("HALLPASS_OUTBOUND_PRIVATE", r#"["127.0.0.1"]"#)
        .settings(change);
    setup.start().await
}

impl Site {
    async fn new(db: TestDb) -> Self {
        Self::with(db, json!({}), json!({}), |_| {}).await
    }

    /// With options of the provider, settings of the app at it, and settings of the site.
    async fn with(
        db: TestDb,
        options: Value,
        settings: Value,
        change: impl FnOnce(&mut Settings) + Send + 'static,
    ) -> Self {
        let provider = IdentityProvider::with(options).await;
        provider.client(CLIENT, SECRET, BACK).await;
        let apps = [app_of(&provider, "test", &settings)];
        let app = site(db, &apps, change).await;
        Site { app, provider }
    }

    /// The same site anew, which knows nothing yet of its provider.
    async fn restarted(&self) -> TestApp {
        let apps = [app_of(&self.provider, "test", &json!({}))];
        site(self.app.db.shared(), &apps, |_| {}).await
    }

    /// The whole way: there, in, and back.
    async fn sign_in(&self, browser: &mut Browser, login: &str) -> Answer {
        let address = set_out(browser, START).await;
        let back = self.provider.visit(&address, login).await;
        come_back(browser, &back).await
    }

    /// To the signup's form, or wherever one is led, as far as it is meant to go.
    async fn come(&self, login: &str) -> (Browser, Answer) {
        let mut browser = self.app.browser();
        let answer = self.sign_in(&mut browser, login).await;
        (browser, answer)
    }
}

/// Presses the button that leads to the provider; its address.
async fn set_out(browser: &mut Browser, start: &str) -> String {
    let answer = browser.fill(start, &[]).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer.location().to_owned()
}

/// As the provider's answer makes the browser do.
async fn come_back(browser: &mut Browser, back: &Return) -> Answer {
    browser.get(&back.path()).await
}

/// The page says what else there is to do.
#[track_caller]
fn shows_a_way_on(answer: &Answer, what: &str) {
    let ways = ["Sign in another way", "Back to your connected accounts"];
    let found = ways.iter().any(|way| answer.text.contains(way));
    assert!(found, "{what}: {} {}", answer.status, answer.text);
}

/// Whether somebody is signed in here.
async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/accounts/email/").await.status == 200
}

/// Everything about accounts and tokens.
async fn state(app: &TestApp) -> Vec<String> {
    let mut all = crate::waits::state(app).await;
    for (table, columns) in [
        (
            "socialaccount_socialaccount",
            "user_id provider uid last_login extra_data",
        ),
        ("socialaccount_socialtoken", "account_id token token_secret"),
    ] {
        let texts = columns.split(' ');
        let texts = texts.map(|column| format!("coalesce(CAST({column} AS TEXT), '')"));
        let texts = texts.collect::<Vec<_>>().join(" || '|' || ");
        let sql = format!("SELECT {texts} FROM {table} ORDER BY 1");
        for row in app.db.db.conn().query(&sql, &[]).await.unwrap() {
            all.push(format!("{table}: {}", row.get::<String>(0).unwrap()));
        }
    }
    all
}
