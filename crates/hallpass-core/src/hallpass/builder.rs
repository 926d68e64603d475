//! From settings to a handle.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hallpass_django::SecretKeys;
use hallpass_django::email_confirmation::EmailConfirmationKeys;
use hallpass_django::hashers::{Hasher, Hashers};
use hallpass_django::reset_token::ResetTokens;
use hallpass_django::sesame::Sesame;
use hallpass_django::session::SessionCodec;
use tokio::sync::Notify;

use super::{Hallpass, Inner};
use crate::delivery::{Console, Dummy, Files, Handset, Letters, Mailbox, Mailer, Smtp, Texter};
use crate::domain::jwt::{Jwts, Terms};
use crate::domain::sealed::Sealer;
use crate::domain::{Clock, Timestamp};
use crate::error::Failure;
use crate::flows::social::apps;
use crate::flows::social::tokens::Renewals;
use crate::flows::tokens::throttle_action;
use crate::hashing::Hashing;
use crate::hooks;
use crate::limits::{self, Counter, Limits};
use crate::outbound::{self, Outbound};
use crate::providers::{Catalogue, Memory};
use crate::settings::{Backend, LimitsStore, Per, Rate, Settings, SmsBackend};
use crate::store::{self, DatabaseUrl, Db, UserTable};

/// Puts a [`Hallpass`] together.
pub struct Builder {
    pub(super) settings: Settings,
    pub(super) db: Option<Db>,
    pub(super) mailer: Option<Arc<dyn Mailer>>,
    pub(super) texter: Option<Arc<dyn Texter>>,
    pub(super) clock: Clock,
    pub(super) signup: Arc<dyn hooks::Signup>,
    pub(super) login: Arc<dyn hooks::Login>,
    pub(super) social: Arc<dyn hooks::Social>,
    pub(super) letters: Vec<(String, String)>,
}

impl Builder {
    /// Uses an open database instead of DATABASE_URL.
    #[must_use]
    pub fn database(self, db: Db) -> Self {
        Builder {
            db: Some(db),
            ..self
        }
    }

    /// Delivers letters through this instead of EMAIL_BACKEND.
    #[must_use]
    pub fn mailer(self, mailer: Arc<dyn Mailer>) -> Self {
        Builder {
            mailer: Some(mailer),
            ..self
        }
    }

    /// Has the app's say about signing up.
    #[must_use]
    pub fn on_signup(self, hook: Arc<dyn hooks::Signup>) -> Self {
        Builder {
            signup: hook,
            ..self
        }
    }

    /// Has the app's say about signing in.
    #[must_use]
    pub fn on_login(self, hook: Arc<dyn hooks::Login>) -> Self {
        Builder {
            login: hook,
            ..self
        }
    }

    /// Has the app's say about accounts at providers.
    #[must_use]
    pub fn on_social(self, hook: Arc<dyn hooks::Social>) -> Self {
        Builder {
            social: hook,
            ..self
        }
    }

    /// Delivers texts through this instead of HALLPASS_SMS_BACKEND.
    #[must_use]
    pub fn texter(self, texter: Arc<dyn Texter>) -> Self {
        Builder {
            texter: Some(texter),
            ..self
        }
    }

    /// Replaces a template of a letter or a text message: `letters/login_by_link/link/message.txt`. What is in
    /// HALLPASS_TEMPLATES still counts first.
    #[must_use]
    pub fn letter(mut self, name: impl Into<String>, source: impl Into<String>) -> Self {
        self.letters.push((name.into(), source.into()));
        self
    }

    /// Tells the time, for tests.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Builder {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Opens the database, compiles the letters and starts the hashing threads. The tables must be there.
    pub async fn build(self) -> Result<Hallpass, Failure> {
        let settings = self.settings;
        let general = &settings.general;
        let Some(key) = &general.secret_key else {
            return Err(Failure::new("SECRET_KEY is not set"));
        };
        let fallbacks = general
            .secret_key_fallbacks
            .iter()
            .map(|key| key.reveal().to_owned());
        let keys = SecretKeys::new(key.reveal(), fallbacks);
        let db = match self.db {
            Some(db) => db,
            None => open_database(&settings)?,
        };
        let db = db.with_users(UserTable::of(&settings));
        let zone = jiff::tz::TimeZone::get(&general.time_zone)
            .map_err(|error| Failure::from_source("TIME_ZONE", error))?;
        let mailer = match self.mailer {
            Some(mailer) => mailer,
            None => mailer(&settings)?,
        };
        let texter = match self.texter {
            Some(texter) => texter,
            None => texter(&settings)?,
        };
        let threads = match settings.hallpass.hash_threads {
            Some(threads) => usize::try_from(threads).unwrap_or(1),
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        };
        let queue = usize::try_from(settings.hallpass.hash_queue).unwrap_or(64);
        let prefix = u8::try_from(settings.allauth.rate_limit_ipv6_prefix).unwrap_or(64);
        let site_id = i64::try_from(general.site_id).unwrap_or(1);
        let Some(mut site) = store::site::by_id(db.conn(), site_id).await? else {
            return Err(Failure::new(format!(
                "django_site has no row {site_id}: set SITE_ID, or run hallpass migrate"
            )));
        };
        if let Some(name) = &settings.hallpass.site_name {
            site.name.clone_from(name);
        }
        let hallpass = Hallpass(Arc::new(Inner {
            confirmations: EmailConfirmationKeys::new(&keys, &settings.account.salt),
            jwts: jwts(&settings, key.reveal())?,
            signup: self.signup,
            login: self.login,
            social: self.social,
            providers: Catalogue::load(settings.hallpass.providers.as_ref().map(Path::new))?,
            outbound: outbound(&settings)?,
            memory: Memory::default(),
            renewals: Renewals::default(),
            offers_providers: AtomicBool::new(false),
            events: tokio::sync::broadcast::Sender::new(1024),
            codec: SessionCodec::new(&keys),
            tokens: ResetTokens::new(&keys, zone, general.password_reset_timeout),
            sesame: sesame(&settings, &keys)?,
            hashing: Hashing::start(hashers(&settings)?, threads, queue)?,
            limits: Limits::new(rates(&settings), prefix, counter(&settings)?),
            letters: Letters::compile(
                settings
                    .hallpass
                    .templates
                    .as_ref()
                    .map(PathBuf::from)
                    .as_deref(),
                &self.letters,
            )?,
            sealer: Arc::new(Sealer::new(&keys)?),
            mailer,
            texter,
            site,
            wake: Notify::new(),
            clock: self.clock,
            db,
            keys,
            settings,
        }));
        // Tables of a version before may lack those of providers: that is for `check` to tell.
        let apps = apps::all(&hallpass).await;
        hallpass.note_offers(apps.is_ok_and(|apps| !apps.is_empty()));
        Ok(hallpass)
    }
}

/// SESAME_*: tokens of magic links.
fn sesame(settings: &Settings, keys: &SecretKeys) -> Result<Sesame, Failure> {
    let format = settings.sesame.format(settings.hallpass.user_key);
    let format = format.ok_or_else(|| Failure::new("SESAME_PACKER is unknown"))?;
    Sesame::new(keys, format).map_err(|error| Failure::from_source("SESAME_…", error))
}

/// SIMPLE_JWT: keys from the settings, from files, or SECRET_KEY.
fn jwts(settings: &Settings, secret_key: &str) -> Result<Jwts, Failure> {
    let jwt = &settings.simple_jwt;
    let read = |path: &Option<String>| -> Result<Option<String>, Failure> {
        let Some(path) = path else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::from_source(format!("the key file {path} cannot be read"), error)
        })?;
        Ok(Some(text))
    };
    let own = jwt.signing_key.as_ref().map(|key| key.reveal().to_owned());
    let signing = match own {
        Some(key) => key,
        None => match read(&jwt.signing_key_file)? {
            Some(key) => key,
            None if jwt.algorithm.starts_with("HS") => secret_key.to_owned(),
            None => String::new(),
        },
    };
    let verifying = match &jwt.verifying_key {
        Some(key) => key.clone(),
        None => read(&jwt.verifying_key_file)?.unwrap_or_default(),
    };
    let terms = Terms {
        audience: jwt.audience.as_ref().map(|audience| audience.0.clone()),
        issuer: jwt.issuer.clone(),
        leeway: jwt.leeway,
    };
    Jwts::new(&jwt.algorithm, &signing, &verifying, terms)
}

/// Opens the database that the settings name.
pub fn open_database(settings: &Settings) -> Result<Db, Failure> {
    let url = DatabaseUrl::parse(settings.general.database_url.reveal())?;
    let connections = usize::try_from(settings.hallpass.database_connections).unwrap_or(16);
    let timeout = Duration::from_secs(settings.hallpass.database_timeout);
    let db = Db::open(&url, connections, timeout)?;
    Ok(db.with_users(UserTable::of(settings)))
}

/// PASSWORD_HASHERS, or the default: ours, and Django's own beside a live Django.
fn hashers(settings: &Settings) -> Result<Hashers, Failure> {
    let mut all = match &settings.general.password_hashers {
        None if settings.hallpass.share_with_django => Hashers::django().into_list(),
        None => Hashers::hallpass().into_list(),
        Some(names) => names
            .iter()
            .filter_map(|name| Hasher::from_name(name))
            .collect(),
    };
    if let Some(wanted) = settings
        .hallpass
        .pbkdf2_iterations
        .and_then(|n| u32::try_from(n).ok())
    {
        for hasher in &mut all {
            if let Hasher::Pbkdf2Sha256 { iterations } | Hasher::Pbkdf2Sha1 { iterations } = hasher
            {
                *iterations = wanted;
            }
        }
    }
    Hashers::new(all).ok_or_else(|| Failure::new("PASSWORD_HASHERS is empty"))
}

/// ACCOUNT_RATE_LIMITS, and the throttles of REST_FRAMEWORK.
fn rates(settings: &Settings) -> HashMap<String, Vec<Rate>> {
    let mut rates = settings.account.rate_limits.rates(&settings.account);
    for (scope, amount, period) in &settings.rest_framework.default_throttle_rates.0 {
        for (by, per) in [("user", Per::User), ("ip", Per::Ip)] {
            let rate = Rate {
                amount: *amount,
                period: *period,
                per,
            };
            rates.insert(throttle_action(scope, by), vec![rate]);
        }
    }
    rates
}

fn counter(settings: &Settings) -> Result<Arc<dyn Counter>, Failure> {
    Ok(match settings.hallpass.limits_store {
        LimitsStore::Database => Arc::new(limits::Database),
        LimitsStore::Memory => Arc::new(limits::Memory::default()),
        LimitsStore::Redis => return redis(settings),
    })
}

#[cfg(feature = "redis")]
fn redis(settings: &Settings) -> Result<Arc<dyn Counter>, Failure> {
    match &settings.hallpass.redis_url {
        Some(url) => Ok(Arc::new(limits::Redis::open(url.reveal())?)),
        None => Err(Failure::new("HALLPASS_REDIS_URL is not set")),
    }
}

#[cfg(not(feature = "redis"))]
fn redis(_: &Settings) -> Result<Arc<dyn Counter>, Failure> {
    let what = "HALLPASS_LIMITS_STORE is \"redis\", but this program was built without it";
    Err(Failure::new(what))
}

fn mailer(settings: &Settings) -> Result<Arc<dyn Mailer>, Failure> {
    Ok(match settings.email.backend {
        Backend::Console => Arc::new(Console),
        Backend::File => Arc::new(Files::new(
            settings.email.file_path.as_deref().unwrap_or("mail"),
        )?),
        Backend::Smtp => Arc::new(Smtp::new(&settings.email, &settings.hallpass)?),
        Backend::Memory => Arc::new(Mailbox::default()),
        Backend::Dummy => Arc::new(Dummy),
    })
}

fn texter(settings: &Settings) -> Result<Arc<dyn Texter>, Failure> {
    Ok(match settings.hallpass.sms_backend {
        SmsBackend::Console => Arc::new(Console),
        SmsBackend::Memory => Arc::new(Handset::default()),
        SmsBackend::Dummy => Arc::new(Dummy),
        SmsBackend::Http => {
            return Err(Failure::new(
                "HALLPASS_SMS_BACKEND is \"http\", but there is nothing here that speaks HTTP: begin with \
                 hallpass::Hallpass::builder, or give the builder a texter",
            ));
        }
    })
}

/// The way out to identity providers.
fn outbound(settings: &Settings) -> Result<Outbound, Failure> {
    let timeout = Duration::from_secs(settings.socialaccount.requests_timeout);
    Outbound::new(outbound::Options {
        timeout,
        connect_timeout: timeout.min(Duration::from_secs(3)),
        private: settings.hallpass.outbound_private.clone(),
        roots: settings
            .hallpass
            .outbound_ca_file
            .as_ref()
            .map(PathBuf::from),
        proxy: settings.hallpass.outbound_proxy.clone(),
        ..outbound::Options::default()
    })
}
