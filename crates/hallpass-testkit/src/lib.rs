//! What the tests of an app with [Hallpass](hallpass) in it stand on: the whole app in memory, people who come to it, and
//! the letters that it sends.
//!
//! ```toml
//! [dev-dependencies]
//! hallpass-testkit = "0.1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! ```
//! use axum::{Router, routing::get};
//! use hallpass::{CurrentUser, Hallpass};
//! use hallpass_testkit::TestApp;
//!
//! // The app's own, as its main function serves it.
//! fn router(hallpass: &Hallpass) -> Router {
//!     Router::new()
//!         .route("/mine/", get(async |user: CurrentUser| format!("Hello {}", user.display())))
//!         .merge(hallpass.router())
//!         .layer(hallpass.layer())
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! // In a function under #[tokio::test].
//! let app = TestApp::around(router).await;
//! let mut ann = app.sign_in("ann").await;
//! assert_eq!(ann.get("/mine/").await.text, "Hello ann");
//!
//! let mut stranger = app.visitor();
//! assert_eq!(stranger.get("/mine/").await.location(), "/accounts/login/?next=%2Fmine%2F");
//! # });
//! ```
//!
//! - [`TestApp::around`] puts the app together: an SQLite of its own, cheap hashes, no rate limits, nothing read from
//!   files or the environment. [`TestApp::setup`] changes settings, brings hooks or another database.
//! - [`TestApp::sign_in`] is a signed-in [`Browser`] in one line, [`TestApp::sign_in_staff`] and
//!   [`TestApp::sign_in_with`] one with rights; [`TestApp::program`] speaks JSON with a key or a JWT;
//!   [`TestApp::visitor`] is nobody yet.
//! - [`TestApp::letter`] and [`TestApp::text`] are what was sent, [`link_in`] and [`code_in`] what is in it;
//!   [`TestApp::no_other_letter_was_sent`] ends a story.
//! - [`TestApp::clock`] is the app's own time: [`TestClock::advance`] lets a link die without waiting.
//! - [`each_database!`] runs a test on SQLite and on a PostgreSQL that is started for it, whose programs must be there.
//!
//! The browser knows cookies, forms and their tokens, and no JavaScript. Nothing listens at a socket: requests go into the
//! router, with the peer's address as a server gives it. [`TestApp::serve`] opens a socket for browsers of other makes.
//!
//! With the feature `servers` come the SMTP server, the SMS gateway, the web server, the Redis, the Django and the OpenID
//! provider that Hallpass's own tests use, with `chromium` its browser; they look for files of its repository or programs
//! of the machine, and are not meant for others.

#![expect(clippy::expect_used, reason = "a test stops where it is wrong")]

pub mod app;
pub mod browser;
#[cfg(feature = "chromium")]
pub mod chromium;
pub mod clock;
pub mod databases;
#[cfg(feature = "servers")]
pub mod django;
#[cfg(feature = "servers")]
pub mod fake_provider;
#[cfg(feature = "servers")]
pub mod gateway;
#[cfg(feature = "servers")]
pub mod identity_provider;
mod people;
pub mod postgres;
pub mod program;
#[cfg(feature = "servers")]
pub mod redis;
pub mod setup;
#[cfg(feature = "servers")]
pub mod smtp;
#[cfg(feature = "servers")]
pub mod social_sites;
#[cfg(feature = "servers")]
pub mod web;

pub use app::{TestApp, code_in, link_in};
pub use browser::{Answer, Browser};
pub use clock::TestClock;
pub use databases::TestDb;
#[cfg(feature = "servers")]
pub use fake_provider::FakeProvider;
#[cfg(feature = "servers")]
pub use identity_provider::IdentityProvider;
pub use program::{Program, Reply};
pub use setup::Setup;
#[cfg(feature = "servers")]
pub use social_sites::SocialSites;
