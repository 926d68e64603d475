//! Signing in by a provider, for programs: what comes of it, and what does not.
//!
//! What is wrong in dj-rest-auth, and the test that sees to it here:
//!
//! | What | Test |
//! |---|---|
//! | Google's id token alone is refused | `proofs::an_id_token_alone_signs_in` |
//! | an id token for another audience is a 500 | `proofs::a_wrong_id_token_is_refused_and_breaks_nothing` |
//! | an id token that somebody overheard signs them in, too | `proofs::an_id_token_is_good_once` |
//! | an access token that another app was given signs in | `proofs::an_access_token_of_another_app_is_none` |
//! | connecting what is another's gives the other's token | `accounts::what_is_another_users_is_not_connected_and_gives_nothing` |
//! | the last way in can be cut off | `accounts::the_last_way_in_stays` |
//! | a session starts whatever the settings say | `accounts::a_session_starts_where_the_settings_say_so` |
//! | stages and switched-off accounts are passed by | `newcomers::nobody_gets_past_a_stage`, `accounts::whoever_is_switched_off_does_not_come_in` |

mod accounts;
mod newcomers;
mod proofs;
mod setups;

use hallpass::settings::Settings;
use hallpass::store::email_address;
use hallpass_testkit::{SocialSites, TestApp, TestDb};
use serde_json::{Value, json};

use super::tokens::{Program, without_session};
use crate::credentials::hash;

/// An app that knows providers; Ann is user 1, and has a password.
struct World {
    app: TestApp,
    sites: SocialSites,
}

impl World {
    /// With keys and no sessions.
    async fn new(db: TestDb) -> Self {
        Self::with(db, json!({}), without_session).await
    }

    /// `more`: of SOCIALACCOUNT_PROVIDERS.
    async fn with(db: TestDb, more: Value, change: impl FnOnce(&mut Settings)) -> Self {
        let sites = SocialSites::start().await;
        let app = TestApp::with(db, |settings| {
            sites.know(settings, &more);
            change(settings);
        })
        .await;
        World::of(app, sites).await
    }

    /// In another world on the same database she is there already.
    async fn of(app: TestApp, sites: SocialSites) -> Self {
        if app.count("auth_user").await == 0 {
            let email = "ann@example.com";
            let ann = app.user_with("ann", email, &hash(PASSWORD)).await;
            let row = email_address::insert(app.db.db.conn(), ann, email, false, true);
            row.await.unwrap();
        }
        World { app, sites }
    }

    fn now(&self) -> i64 {
        self.app.hallpass.now().seconds()
    }

    fn program(&self) -> Program {
        Program::of(&self.app)
    }

    /// What one request by somebody new to us is answered.
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.program().post(path, body).await
    }

    /// Somebody with a number, by GitHub: their program, with their key.
    async fn come(&self, number: u32) -> Program {
        let mut program = self.program();
        let (status, given) = program.post("github/", token(number)).await;
        assert_eq!(status, 200, "{given}");
        let key = given["key"].as_str().unwrap();
        program.authorize(format!("Token {key}"));
        program
    }

    /// Ann, with her key.
    async fn ann(&self) -> Program {
        let mut program = self.program();
        let given = program.login().await;
        let key = given["key"].as_str().unwrap();
        program.authorize(format!("Token {key}"));
        program
    }
}

/// The access token of somebody with a number.
fn token(number: u32) -> Value {
    json!({ "access_token": format!("token-{number}") })
}

fn refused(words: &str) -> (u16, Value) {
    (400, json!({ "non_field_errors": [words] }))
}

const PASSWORD: &str = "correct-horse-9-battery";
const WRONG: &str = "Incorrect value";
const TAKEN: &str = "User is already registered with this e-mail address.";

/// Who has the key or session of a program.
async fn name_of(program: &mut Program) -> Value {
    let (status, user) = program.get("user/").await;
    assert_eq!(status, 200, "{user}");
    user["username"].clone()
}
