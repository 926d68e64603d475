//! How an app is put together for a test: what differs from a real one, and what the test says about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use hallpass::settings::{self, RateLimits, Secret, Settings};
use hallpass::store::{UserTable, migrate_with};
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
    file: Option<PathBuf>,
    set: Vec<(String, String)>,
    changes: Vec<Change>,
    steps: Vec<Step>,
}

impl Setup {
    /// On this database instead of an SQLite of its own.
    pub fn database(mut self, db: TestDb) -> Self {
        self.db = Some(db);
        self
    }

    /// Reads the settings of this file first: the app's `hallpass.toml`. The environment is not read.
    pub fn settings_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Sets a setting by its name and as the environment would say it, as [`Builder::set`] does.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// Changes settings, after all that was read and set. The secret is the kit's, hashes are cheap, and there are no rate
    /// limits, unless this says so.
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
        let mut settings = read(self.file.as_deref(), self.set);
        settings.general.secret_key = Some(Secret::new(SECRET));
        settings.general.password_hashers = Some(vec!["md5".to_owned(), "argon2".to_owned()]);
        settings.account.rate_limits = RateLimits::none();
        for change in self.changes {
            change(&mut settings);
        }
        last(&mut settings);
        let mut db = match self.db {
            Some(db) => db,
            None if settings.has_own_user() => TestDb::sqlite().await.empty().await,
            None => TestDb::sqlite().await,
        };
        db.db = db.db.with_users(UserTable::of(&settings));
        let columns = &settings.hallpass.user_fields;
        if !columns.is_empty() || settings.has_own_user() {
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

/// The settings of a file and of names and values. A secret is there first, for settings without one are refused.
fn read(file: Option<&Path>, set: Vec<(String, String)>) -> Settings {
    let text = file.map(|path| {
        let text = std::fs::read_to_string(path);
        (path.display().to_string(), text.expect("a settings file"))
    });
    let mut set = set;
    set.push(("SECRET_KEY".to_owned(), SECRET.to_owned()));
    let file = text
        .as_ref()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    match settings::load(file, set) {
        Ok(loaded) => loaded.settings,
        Err(problems) => panic!("{problems}"),
    }
}
