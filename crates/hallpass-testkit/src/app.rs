//! A whole app in memory: a database, the pages, a mailbox, a handset.

use std::net::SocketAddr;

use axum::Router;
use hallpass::settings::{RateLimits, Settings};
use hallpass::store::user::{self, NewUser};
use hallpass::{Builder, Hallpass, domain};
use hallpass_core::delivery::{Handset, Mailbox, Message, Text};
use tokio::net::TcpListener;

use crate::{Browser, Setup, TestClock, TestDb};

/// The secret of the tests.
pub const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough-0123456789";

/// An app under test.
pub struct TestApp {
    /// The handle.
    pub hallpass: Hallpass,
    /// Its database.
    pub db: TestDb,
    pub(crate) router: Router,
    pub(crate) mailbox: Mailbox,
    pub(crate) handset: Handset,
    pub(crate) clock: TestClock,
}

impl TestApp {
    /// An app with its routes around the handle: `TestApp::around(my_app::router)`. SQLite, cheap hashes, no rate limits;
    /// [`TestApp::setup`] to have it otherwise.
    pub async fn around(routes: impl FnOnce(&Hallpass) -> Router) -> Self {
        Self::setup().around(routes).await
    }

    /// Begins to put one together.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// A site with nothing but Hallpass in it.
    pub async fn new(db: TestDb) -> Self {
        Self::setup().database(db).start().await
    }

    /// With settings changed.
    pub async fn with(db: TestDb, change: impl FnOnce(&mut Settings)) -> Self {
        Self::built(db, change, |builder| builder).await
    }

    /// With another clock.
    pub async fn at(
        db: TestDb,
        clock: fn() -> domain::Timestamp,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::built(db, change, |builder| builder.clock(clock)).await
    }

    /// With whatever else a builder takes: hooks, another clock.
    pub async fn built(
        db: TestDb,
        change: impl FnOnce(&mut Settings),
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::setup().database(db).started(change, build).await
    }

    /// Another app on the same handle: routes of one's own around it.
    #[must_use]
    pub fn routed(self, routes: impl FnOnce(&Hallpass) -> Router) -> Self {
        TestApp {
            router: routes(&self.hallpass),
            ..self
        }
    }

    /// The clock that the app goes by.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Serves it at a port of this machine until the test ends; `http://127.0.0.1:port`. For real browsers: nobody delivers
    /// letters meanwhile but [`TestApp::letter`] and its like.
    pub async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router.clone();
        let app = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    /// A browser that knows nothing yet.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A user without a password.
    pub async fn user(&self, username: &str, email: &str) -> domain::UserId {
        self.user_with(username, email, "!none").await
    }

    /// A user with this password column.
    pub async fn user_with(&self, username: &str, email: &str, password: &str) -> domain::UserId {
        let new = NewUser::plain(username, email, password);
        let made = user::insert(self.db.db.conn(), new, self.hallpass.now())
            .await
            .expect("a user");
        made.expect("a free name")
    }

    /// The user with this key.
    pub async fn look_up(&self, id: domain::UserId) -> domain::User {
        user::by_id(self.db.db.conn(), id)
            .await
            .expect("a database")
            .expect("a user")
    }

    /// Runs a statement.
    pub async fn sql(&self, sql: &str) -> u64 {
        self.db
            .db
            .conn()
            .execute(sql, &[])
            .await
            .expect("a statement that runs")
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let row = self
            .db
            .db
            .conn()
            .query_opt(&format!("SELECT count(*) FROM {table}"), &[])
            .await;
        row.expect("a table")
            .expect("a row")
            .get(0)
            .expect("a number")
    }

    /// Delivers everything and takes the letters out of the mailbox.
    pub async fn letters(&self) -> Vec<Message> {
        self.deliver().await;
        self.mailbox.take()
    }

    async fn deliver(&self) {
        let postman = self.hallpass.postman();
        while postman.round().await.expect("an outbox") > 0 {}
    }

    /// The one letter that was sent.
    pub async fn letter(&self) -> Message {
        let mut letters = self.letters().await;
        assert_eq!(letters.len(), 1, "one letter was expected: {letters:?}");
        letters.remove(0)
    }

    /// No letter was sent, or none that was not taken out.
    pub async fn no_other_letter_was_sent(&self) {
        let letters = self.letters().await;
        assert!(letters.is_empty(), "{letters:?}");
    }

    /// Delivers everything and takes the texts out of the handset.
    pub async fn texts(&self) -> Vec<Text> {
        self.deliver().await;
        self.handset.take()
    }

    /// The one text that was sent.
    pub async fn text(&self) -> Text {
        let mut texts = self.texts().await;
        assert_eq!(texts.len(), 1, "one text was expected: {texts:?}");
        texts.remove(0)
    }

    /// No text was sent, or none that was not taken out.
    pub async fn no_other_text_was_sent(&self) {
        let texts = self.texts().await;
        assert!(texts.is_empty(), "{texts:?}");
    }
}

/// The first link in a text: path and query.
pub fn link_in(text: &str) -> String {
    let start = text.find("http").expect("a link");
    let link = text[start..].split_whitespace().next().expect("a link");
    let url = url::Url::parse(link).expect("a URL");
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The code in a text: the line that holds nothing but capital letters, digits and dashes.
///
/// # Panics
/// There is none.
pub fn code_in(text: &str) -> String {
    let of_a_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    let mut lines = text.lines().map(str::trim);
    let code = lines.find(|line| line.len() >= 4 && line.chars().all(of_a_code));
    code.expect("a code").to_owned()
}

/// Rate limits as ACCOUNT_RATE_LIMITS spells them.
pub fn rates(json: &str) -> RateLimits {
    let environment = [("ACCOUNT_RATE_LIMITS".to_owned(), json.to_owned())];
    let loaded = hallpass::settings::load(None, environment).expect("rates that are understood");
    loaded.settings.account.rate_limits
}
