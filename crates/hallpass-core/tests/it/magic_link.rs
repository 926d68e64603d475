//! Magic links: whom they let in, where, for how long, and how often.

mod issue;
mod limit;
mod once;
mod terms;

use std::net::Ipv4Addr;

use hallpass_core::domain::{Client, Session, Timestamp, User};
use hallpass_core::flows::magic_link::{self, Redeemed, Terms};
use hallpass_core::settings::Settings;
use hallpass_core::{Error, Hallpass};
use hallpass_django::SecretKeys;
use hallpass_django::sesame::{PrimaryKey, Sesame, UserFields, Version};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{TestApp, TestDb};

/// When the tests are.
const NOW: i64 = 1_800_000_000;

fn clock() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

async fn app(db: TestDb, change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::at(db, clock, change).await
}

async fn ann(app: &TestApp) -> User {
    let id = app.user_with("ann", "ann@example.com", "md5$a$b").await;
    app.look_up(id).await
}

fn client() -> Client {
    let ip = Ipv4Addr::new(192, 0, 2, 1);
    Client::new(ip.into(), "a test", "http://localhost")
}

fn scope(scope: &str) -> Terms {
    Terms {
        scope: scope.to_owned(),
        ..Terms::default()
    }
}

async fn try_redeem(hallpass: &Hallpass, token: &str, terms: &Terms) -> Result<Redeemed, Error> {
    let mut session = Session::fresh(false);
    hallpass
        .run(&client(), &mut session, async |cx| {
            magic_link::redeem(cx, token, terms).await
        })
        .await
}

/// Whose the link is, if it opens a page with these terms.
async fn opened(app: &TestApp, token: &str, terms: &Terms) -> Option<User> {
    match try_redeem(&app.hallpass, token, terms).await.unwrap() {
        Redeemed::Opened(user) => Some(user),
        Redeemed::Shut => None,
    }
}

/// Whether it opens a page without terms.
async fn opens(app: &TestApp, token: &str) -> bool {
    opened(app, token, &Terms::default()).await.is_some()
}

/// A token by the crate of formats alone: of this user, with these settings and this date.
fn token_at(app: &TestApp, user: &User, secret: &str, at: i64, v1: bool) -> String {
    let ours = &app.hallpass.settings().sesame;
    let settings = hallpass_django::sesame::Settings {
        max_age: ours.max_age,
        one_time: ours.one_time,
        signature_size: usize::try_from(ours.signature_size).unwrap(),
        key: ours.key.reveal().to_owned(),
        tokens: vec![if v1 { Version::V1 } else { Version::V2 }],
        ..hallpass_django::sesame::Settings::default()
    };
    let sesame = Sesame::new(&SecretKeys::new(secret, []), settings).unwrap();
    let pk = PrimaryKey::Integer(user.id.as_int().unwrap().into());
    let fields = UserFields {
        pk: &pk,
        password: &user.password,
        email: &user.email,
        last_login: user.last_login.map(Timestamp::micros),
    };
    sesame.make(fields, "", at).unwrap()
}

fn dated(app: &TestApp, user: &User, at: i64) -> String {
    token_at(app, user, SECRET, at, false)
}
