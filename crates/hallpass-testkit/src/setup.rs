//! How an app is put together for a test: what differs from a real one, and what the test says about it.

use std::sync::Arc;

use axum::Router;
use hallpass::settings::{RateLimits, Secret, Settings};
use hallpass::store::migrate_with;
use hallpass::{Builder, Hallpass};
use hallpass_core::delivery::{Handset, Mailbox};

use crate::app::{SECRET, TestApp};
use crate::{TestClock, TestDb};

type Change = Box<dyn FnOnce(&mut Settings) + Send>;
type Step = Box<dyn FnOnce(Builder) -> Builder + Send>;

/// Puts a [`TestApp`] together. Made by [`TestApp::setup`].
#[derive(Default)]
#[must_use = "call start() or around()"]
pub struct Setup {
    db: Option<TestDb>,
    changes: Vec<Change>,
    steps: Vec<Step>,
}

impl Setup {
    /// On this database instead of an SQLite of its own.
    pub fn database(mut self, db: TestDb) -> Self {
        self.db = Some(db);
        self
    }

    /// Changes settings. Begun with: Hallpass's own defaults, cheap hashes, no rate limits; nothing is read from files or
    /// the environment.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Whatever else a builder takes: hooks, templates. Its database, mailer and texter are the kit's.
    pub fn builder(mut self, step: impl FnOnce(Builder) -> Builder + Send + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// Puts it together, with the routes of the app around the handle.
    pub async fn around(self, routes: impl FnOnce(&Hallpass) -> Router) -> TestApp {
        self.start().await.routed(routes)
    }

    /// Puts it together as a site with nothing but Hallpass in it.
    pub async fn start(self) -> TestApp {
        self.started(|_| {}, |builder| builder).await
    }

    pub(crate) async fn started(
        self,
        last: impl FnOnce(&mut Settings),
        build: impl FnOnce(Builder) -> Builder,
    ) -> TestApp {
        let db = match self.db {
            Some(db) => db,
            None => TestDb::sqlite().await,
        };
        let mut settings = Settings::default();
        settings.general.secret_key = Some(Secret::new(SECRET));
        settings.general.password_hashers = Some(vec!["md5".to_owned(), "argon2".to_owned()]);
        settings.account.rate_limits = RateLimits::none();
        for change in self.changes {
            change(&mut settings);
        }
        last(&mut settings);
        let columns = &settings.hallpass.user_fields;
        if !columns.is_empty() {
            let made = migrate_with(&db.db, columns).await;
            made.expect("the columns are made");
        }
        let (mailbox, handset) = (Mailbox::default(), Handset::default());
        let clock = TestClock::default();
        let ticking = clock.clone();
        let mut builder = Hallpass::builder()
            .settings(settings)
            .database(db.db.clone())
            .mailer(Arc::new(mailbox.clone()))
            .texter(Arc::new(handset.clone()))
            .clock(move || ticking.now());
        for step in self.steps {
            builder = step(builder);
        }
        let hallpass = build(builder).build().await.expect("a handle");
        TestApp {
            router: hallpass.site(),
            hallpass,
            db,
            mailbox,
            handset,
            clock,
        }
    }
}
