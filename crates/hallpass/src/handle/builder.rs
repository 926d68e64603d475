//! From settings to a [`Hallpass`].

use std::path::PathBuf;
use std::sync::Arc;

use hallpass_core::delivery::{Mailer, Texter};
use hallpass_core::domain::Timestamp;
use hallpass_core::hallpass::{Builder as Core, open_database};
use hallpass_core::settings::{self, Settings, SmsBackend};
use hallpass_core::store::{self, Db, Dialect};
use hallpass_core::{Failure, StartError, hooks};

use super::Hallpass;
use crate::SmsGateway;

type Step = Box<dyn FnOnce(Core) -> Core + Send>;
type Change = Box<dyn FnOnce(&mut Settings) + Send>;

/// Puts a [`Hallpass`] together.
#[derive(Default)]
#[must_use = "call build()"]
pub struct Builder {
    settings: Option<Settings>,
    file: Option<PathBuf>,
    insisted: Vec<(String, String)>,
    changes: Vec<Change>,
    steps: Vec<Step>,
    database: Option<Db>,
    own_texter: bool,
    migrate: bool,
    templates: Vec<(String, String)>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Builder")
    }
}

impl Builder {
    /// Takes these settings, and reads none.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// Reads this file instead of `hallpass.toml`.
    pub fn settings_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Insists on a setting, by its name and as the environment would say it: `("LOGIN_REDIRECT_URL", "/")`. File and
    /// environment cannot change it.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.insisted.push((name.into(), value.into()));
        self
    }

    /// Changes settings after they were read; contradictions are looked for once more. Settings that were given whole are
    /// changed as they are.
    pub fn configure(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Where the pages are: HALLPASS_MOUNT. `/auth` and `/auth/` are the same.
    pub fn mount(self, path: &str) -> Self {
        let path = with_slashes(path);
        self.configure(move |settings| settings.hallpass.mount = path)
    }

    /// Where the REST interface is: HALLPASS_REST_MOUNT. Empty for none.
    pub fn rest_mount(self, path: &str) -> Self {
        let path = match path {
            "" => String::new(),
            path => with_slashes(path),
        };
        self.configure(move |settings| settings.hallpass.rest_mount = Some(path))
    }

    /// Makes missing tables and columns first, as `hallpass migrate` does.
    pub fn migrate(mut self) -> Self {
        self.migrate = true;
        self
    }

    /// Uses an open database instead of DATABASE_URL.
    pub fn database(mut self, db: Db) -> Self {
        self.database = Some(db);
        self
    }

    /// Delivers letters through this instead of EMAIL_BACKEND.
    pub fn mailer(self, mailer: Arc<dyn Mailer>) -> Self {
        self.step(|core| core.mailer(mailer))
    }

    /// Delivers texts through this instead of HALLPASS_SMS_BACKEND.
    pub fn texter(mut self, texter: Arc<dyn Texter>) -> Self {
        self.own_texter = true;
        self.step(|core| core.texter(texter))
    }

    /// Has the app's say about signing up.
    pub fn on_signup(self, hook: Arc<dyn hooks::Signup>) -> Self {
        self.step(|core| core.on_signup(hook))
    }

    /// Has the app's say about signing in.
    pub fn on_login(self, hook: Arc<dyn hooks::Login>) -> Self {
        self.step(|core| core.on_login(hook))
    }

    /// Has the app's say about accounts at providers.
    pub fn on_social(self, hook: Arc<dyn hooks::Social>) -> Self {
        self.step(|core| core.on_social(hook))
    }

    /// Tells the time, for tests.
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.step(move |core| core.clock(clock))
    }

    /// Replaces a template by its name: `layouts/page.html` is the frame of all pages, `login/login.html` one page,
    /// `letters/login_by_link/link/message.txt` the text of a letter; `own/….html` is one of the app's, for others to
    /// include. What an operator has in HALLPASS_TEMPLATES still counts first.
    ///
    /// ```
    /// # let builder = hallpass::Hallpass::builder();
    /// builder.template("own/bar.html", "<nav><a href='/'>Home</a></nav>");
    /// ```
    pub fn template(mut self, name: impl Into<String>, source: impl Into<String>) -> Self {
        let (name, source) = (name.into(), source.into());
        if name.starts_with("letters/") {
            return self.step(move |core| core.letter(name, source));
        }
        self.templates.push((name, source));
        self
    }

    fn step(mut self, step: impl FnOnce(Core) -> Core + Send + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// Reads the settings, opens the database, compiles letters and pages, starts the hashing threads. Without SECRET_KEY,
    /// one is made and kept beside SQLite's file, as `hallpass serve` does.
    ///
    /// # Errors
    /// Settings that are wrong, a database that does not answer or lacks its tables, a template that does not compile.
    pub async fn build(mut self) -> Result<Hallpass, StartError> {
        let mut settings = match self.settings.take() {
            Some(settings) if self.insisted.is_empty() && self.file.is_none() => settings,
            Some(_) => {
                return Err(StartError::Misconfigured(
                    "settings were given whole, so that none are read: change them with configure() instead of set()"
                        .to_owned(),
                ));
            }
            None => {
                let mut loaded = settings::read(self.file.as_deref(), self.insisted)?;
                for change in std::mem::take(&mut self.changes) {
                    change(&mut loaded.settings);
                }
                let wrong =
                    |problems: settings::Problems| StartError::Misconfigured(problems.to_string());
                loaded.check().map_err(wrong)?.settings
            }
        };
        for change in self.changes {
            change(&mut settings);
        }
        let shared = self
            .database
            .as_ref()
            .is_some_and(|db| db.dialect() == Dialect::Postgres);
        if shared && settings.general.secret_key.is_none() {
            // What DATABASE_URL says is not where this app is.
            return Err(StartError::Misconfigured(settings::NO_SECRET.to_owned()));
        }
        settings::give_secret(&mut settings)?;
        let db = match self.database {
            Some(db) => db,
            None => open_database(&settings)?,
        };
        let db = db.with_users(store::UserTable::of(&settings));
        if self.migrate {
            store::migrate_with(&db, &settings.hallpass.user_fields).await?;
        }
        let gateway = match settings.hallpass.sms_backend {
            SmsBackend::Http if !self.own_texter => Some(SmsGateway::new(&settings)?),
            _ => None,
        };
        let mut core = hallpass_core::Hallpass::builder(settings).database(db);
        if let Some(gateway) = gateway {
            core = core.texter(Arc::new(gateway));
        }
        for step in self.steps {
            core = step(core);
        }
        let core = core.build().await?;
        Hallpass::new(&core, &self.templates).map_err(Failure::into)
    }
}

fn with_slashes(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "/".to_owned(),
        path => format!("/{path}/"),
    }
}
