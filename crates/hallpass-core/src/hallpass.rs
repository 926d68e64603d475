//! The handle that everyone holds: settings, keys, database, hashing, letters. No type parameters, cheap to clone.

mod access;
mod builder;
mod people;
mod social;
mod texts;
mod ways_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallpass_django::SecretKeys;
use hallpass_django::email_confirmation::EmailConfirmationKeys;
use hallpass_django::reset_token::{ResetTokens, TokenUser};
use hallpass_django::sesame::Sesame;
use hallpass_django::session::SessionCodec;
use serde_json::json;
use tokio::sync::{Notify, broadcast, watch};

pub use access::Access;
pub use builder::{Builder, open_database};
pub use people::{NewUser, Users};
pub use social::Social;
pub use ways_in::SessionCookie;

use crate::cx::Cx;
use crate::delivery::{
    Channel, Composed, Letter, Letters, Mailer, Message, PURPOSE, Postman, Schedule, Texter,
};
use crate::domain::jwt::Jwts;
use crate::domain::sealed::Sealer;
use crate::domain::{Client, Clock, Session, Timestamp, User, secret};
use crate::error::{Error, Failure};
use crate::flows::sessions;
use crate::flows::social::tokens::Renewals;
use crate::hashing::Hashing;
use crate::hooks;
use crate::limits::Limits;
use crate::outbound::Outbound;
use crate::providers::{App, Call, Catalogue, Memory, Params, Permits, Provider};
use crate::settings::Settings;
use crate::store::event::Happened;
use crate::store::session::SavePolicy;
use crate::store::site::Site;
use crate::store::{self, Db};

/// What is sealed by [`Hallpass::seal_posted`].
const POSTED: &str = "social_posted";

/// Accounts and sign-in for one site.
#[derive(Clone)]
pub struct Hallpass(Arc<Inner>);

struct Inner {
    settings: Settings,
    db: Db,
    keys: SecretKeys,
    confirmations: EmailConfirmationKeys,
    jwts: Jwts,
    signup: Arc<dyn hooks::Signup>,
    login: Arc<dyn hooks::Login>,
    social: Arc<dyn hooks::Social>,
    providers: Catalogue,
    outbound: Outbound,
    memory: Memory,
    renewals: Renewals,
    /// Whether there was any way in by a provider when somebody last looked.
    offers_providers: AtomicBool,
    events: broadcast::Sender<Happened>,
    codec: SessionCodec,
    tokens: ResetTokens,
    sesame: Sesame,
    hashing: Hashing,
    limits: Limits,
    letters: Letters,
    sealer: Arc<Sealer>,
    mailer: Arc<dyn Mailer>,
    texter: Arc<dyn Texter>,
    site: Site,
    wake: Notify,
    clock: Clock,
}

impl Hallpass {
    /// Begins to put one together.
    pub fn builder(settings: Settings) -> Builder {
        Builder {
            settings,
            db: None,
            mailer: None,
            texter: None,
            clock: Arc::new(Timestamp::now),
            signup: Arc::new(hooks::Plain),
            login: Arc::new(hooks::Plain),
            social: Arc::new(hooks::Plain),
            letters: Vec::new(),
        }
    }

    /// Everything that happens to accounts from now on, each after its commit: `login`, `signup`, `email_confirmed`,
    /// `password_changed` …, as `hallpass_event` has them. Who reads too slowly is told how many were missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Happened> {
        self.0.events.subscribe()
    }

    pub(crate) fn tell(&self, happened: Happened) {
        // Nobody listens: nothing to do.
        let _ = self.0.events.send(happened);
    }

    pub(crate) fn keys(&self) -> &SecretKeys {
        &self.0.keys
    }

    pub(crate) fn confirmations(&self) -> &EmailConfirmationKeys {
        &self.0.confirmations
    }

    pub(crate) fn sesame(&self) -> &Sesame {
        &self.0.sesame
    }

    /// Makes and reads JSON Web Tokens.
    pub fn jwts(&self) -> &Jwts {
        &self.0.jwts
    }

    /// What the app says about signing up.
    pub fn signup_hook(&self) -> &Arc<dyn hooks::Signup> {
        &self.0.signup
    }

    /// What the app says about signing in.
    pub fn login_hook(&self) -> &Arc<dyn hooks::Login> {
        &self.0.login
    }

    /// What the app says about accounts at providers.
    pub fn social_hook(&self) -> &Arc<dyn hooks::Social> {
        &self.0.social
    }

    /// The identity providers that are known.
    pub fn providers(&self) -> &Catalogue {
        &self.0.providers
    }

    /// Whether there was any way in by a provider at the start, or when the sign-in page was last shown. For a link on a page
    /// whose session check must stay one statement.
    pub fn offers_providers(&self) -> bool {
        self.0.offers_providers.load(Ordering::Relaxed)
    }

    pub(crate) fn note_offers(&self, any: bool) {
        self.0.offers_providers.store(any, Ordering::Relaxed);
    }

    pub(crate) fn renewals(&self) -> &Renewals {
        &self.0.renewals
    }

    /// What a protocol works with.
    pub(crate) fn call<'a>(
        &'a self,
        provider: &'a Provider,
        app: &'a App,
        redirect_uri: &'a str,
        now: Timestamp,
    ) -> Call<'a> {
        Call {
            provider,
            app,
            outbound: &self.0.outbound,
            memory: &self.0.memory,
            redirect_uri,
            now,
            query_email: self.0.settings.social_query_email(),
            permits: Permits {
                mutable_uids: names(&self.0.settings.hallpass.social_mutable_uids, app),
                unbound_tokens: names(&self.0.settings.hallpass.social_unbound_tokens, app),
            },
        }
    }

    /// What another site posted, as it goes through an address of ours. `None`: it is too long for that.
    pub fn seal_posted(&self, params: &Params) -> Option<String> {
        let until = (self.now() + Duration::from_secs(60)).micros();
        let json = serde_json::to_vec(&(until, params)).ok()?;
        let sealed = self.0.sealer.seal(POSTED, &json).ok()?;
        (sealed.len() <= 12 * 1024).then_some(sealed)
    }

    /// What [`Hallpass::seal_posted`] sealed a moment ago.
    pub fn open_posted(&self, sealed: &str) -> Option<Params> {
        let bytes = self.0.sealer.open(POSTED, sealed).ok()?;
        let (until, params): (i64, Params) = serde_json::from_slice(&bytes).ok()?;
        (self.now().micros() < until).then_some(params)
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What to call a user on a page or in a letter: the user name, where people have any, else the address, else the key.
    pub fn display(&self, user: &User) -> String {
        match self.username_of(user) {
            Some(name) => name.to_owned(),
            None if !user.email.is_empty() => user.email.clone(),
            None => user.id.to_string(),
        }
    }

    /// The user name, where people have any.
    pub fn username_of<'a>(&self, user: &'a User) -> Option<&'a str> {
        let has = self.0.settings.account.has_usernames() && !user.username.is_empty();
        has.then_some(user.username.as_str())
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        let site = i64::try_from(self.0.settings.general.site_id).unwrap_or(1);
        store::site::by_id(self.0.db.conn(), site).await.is_ok()
    }

    /// Name and domain of this site.
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// The clock's time.
    pub fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// How long a sign-in link lives.
    pub fn link_lifetime(&self) -> Duration {
        Duration::from_secs(self.0.settings.general.password_reset_timeout)
    }

    /// The base of links that no request asked for: HALLPASS_PUBLIC_URL, else the site's domain, else where we listen.
    pub fn base_url(&self) -> String {
        if let Some(url) = &self.0.settings.hallpass.public_url {
            return url.clone();
        }
        if self.0.site.domain == "example.com" {
            return format!("http://{}", self.0.settings.hallpass.listen);
        }
        format!(
            "{}://{}",
            self.0.settings.account.default_http_protocol, self.0.site.domain
        )
    }

    pub(crate) fn codec(&self) -> &SessionCodec {
        &self.0.codec
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    /// The threads that hash passwords.
    pub fn hashing(&self) -> &Hashing {
        &self.0.hashing
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn save_policy(&self) -> SavePolicy {
        let settings = &self.0.settings;
        SavePolicy {
            share_with_django: settings.hallpass.share_with_django,
            cookie_age: settings.session.cookie_age,
            expire_at_browser_close: settings.session.expire_at_browser_close,
        }
    }

    pub(crate) fn make_reset_token(&self, user: &User, now: Timestamp) -> String {
        self.0
            .tokens
            .make(token_user(user, &user.id.to_string()), now.seconds())
    }

    /// allauth's password reset token, which dies with any change of the addresses too.
    pub(crate) fn make_password_token(
        &self,
        user: &User,
        addresses: &[&str],
        now: Timestamp,
    ) -> String {
        let pk = user.id.to_string();

        self.0
            .tokens
            .make_with_addresses(token_user(user, &pk), addresses, now.seconds())
    }

    pub(crate) fn check_password_token(
        &self,
        user: &User,
        addresses: &[&str],
        token: &str,
        now: Timestamp,
    ) -> bool {
        let pk = user.id.to_string();
        let user = token_user(user, &pk);
        self.0
            .tokens
            .check_with_addresses(user, addresses, token, now.seconds())
    }

    pub(crate) fn check_reset_token(&self, user: &User, token: &str, now: Timestamp) -> bool {
        self.0
            .tokens
            .check(token_user(user, &user.id.to_string()), token, now.seconds())
    }

    /// The session of a cookie; see [`sessions::find`].
    pub async fn session(&self, cookie: Option<&str>) -> Result<Session, Failure> {
        sessions::find(self, cookie, self.now()).await
    }

    /// Runs a flow: gives it a [`Cx`], then settles. Success and refusal commit, a failure undoes everything and leaves
    /// `session` as it was.
    pub async fn run<T, F>(
        &self,
        client: &Client,
        session: &mut Session,
        flow: F,
    ) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        let mut cx = Cx {
            now: self.now(),
            client: client.clone(),
            session: session.clone(),
            by: None,
            hallpass: self.clone(),
            tx: None,
            letters: false,
            happened: Vec::new(),
        };
        let result = flow(&mut cx).await;
        let (result, settled) = cx.settle(result).await;
        if let Some(settled) = settled {
            *session = settled;
        }
        result
    }

    /// Runs a flow with nobody at the other end: in a job, a command, a test. There is a session for it to work with, which
    /// is gone afterwards; links begin with [`Hallpass::base_url`].
    ///
    /// Limits by address do not count it, those by recipient and by user do. Events have no address, and letters do not say
    /// where something was asked for.
    ///
    /// ```no_run
    /// # use hallpass_core::{Cx, Error, Hallpass, flows::password_reset};
    /// # async fn run(hallpass: Hallpass) -> Result<(), Error> {
    /// let flow = async |cx: &mut Cx| password_reset::begin_by_link(cx, "ann@example.com").await;
    /// hallpass.perform(flow).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As the flow's.
    pub async fn perform<T, F>(&self, flow: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        let client = Client::nobody(self.base_url());
        self.run(&client, &mut Session::fresh(false), flow).await
    }

    /// Writes a letter and seals it.
    pub(crate) fn compose(&self, letter: &Letter<'_>) -> Result<Composed, Failure> {
        let settings = &self.0.settings;
        let mut context = letter.context.clone();
        context["site"] = json!({
            "name": self.0.site.name,
            "url": self.base_url(),
            "accent": settings.hallpass.accent,
            "on_accent": settings.hallpass.accent.as_deref().map(on_accent),
            "support_address": settings.hallpass.support_address,
        });
        context["lang"] = settings
            .general
            .language_code
            .split('-')
            .next()
            .unwrap_or("en")
            .into();
        context["dir"] = "ltr".into();
        context["extra"] = settings.hallpass.letter_variables.0.clone().into();
        let rendered = self.0.letters.render(letter.name, &context)?;
        let prefix = match &settings.account.email_subject_prefix {
            Some(prefix) => prefix.clone(),
            None => format!("[{}] ", self.0.site.name),
        };
        let id = secret::random_text(secret::LOWER_ALPHANUMERIC, 24);
        let domain = settings
            .general
            .default_from_email
            .rsplit('@')
            .next()
            .unwrap_or("localhost");
        let message = Message {
            from: settings.general.default_from_email.clone(),
            to: letter.to.to_owned(),
            subject: format!("{prefix}{}", rendered.subject)
                .trim()
                .replace(['\r', '\n'], " "),
            text: rendered.text,
            html: rendered.html,
            message_id: format!("{id}@{}", domain.trim_end_matches('>')),
        };
        let json = serde_json::to_vec(&message)
            .map_err(|error| Failure::from_source("the letter", error))?;
        Ok(Composed {
            channel: Channel::Mail,
            letter: letter.name,
            recipient: letter.to.to_owned(),
            sealed: self.0.sealer.seal(PURPOSE, &json)?,
            expires: letter.expires,
        })
    }

    pub(crate) fn wake_postman(&self) {
        self.0.wake.notify_one();
    }

    /// The postman of this outbox.
    pub fn postman(&self) -> Postman {
        let settings = &self.0.settings;
        let mail = Duration::from_secs(settings.email.timeout.unwrap_or(30)) * 4;
        let text = Duration::from_secs(settings.hallpass.sms_timeout);
        Postman {
            db: self.0.db.clone(),
            sealer: Arc::clone(&self.0.sealer),
            mailer: Arc::clone(&self.0.mailer),
            texter: Arc::clone(&self.0.texter),
            schedule: Schedule {
                workers: usize::try_from(settings.hallpass.mail_workers).unwrap_or(4),
                attempts: u32::try_from(settings.hallpass.mail_attempts).unwrap_or(12),
                poll: Duration::from_secs(5),
                lease: mail.max(text) + Duration::from_secs(30),
            },
            clock: Arc::clone(&self.0.clock),
        }
    }

    /// Delivers letters and clears up until `stop` turns true: what a program that serves runs beside it.
    pub async fn work(&self, stop: watch::Receiver<bool>) {
        let postman = self.postman();
        tokio::join!(
            postman.work(&self.0.wake, stop.clone()),
            self.keep_clean(stop)
        );
    }

    /// Forgets now and then what has expired.
    async fn keep_clean(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(failure) = self.clear_expired().await {
                tracing::warn!(%failure, "what has expired could not be cleared");
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(600)) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Forgets what has expired: sessions, spent and revoked links, limits, and events after HALLPASS_EVENT_RETENTION_DAYS. What
    /// [`Hallpass::work`] does now and then.
    pub async fn clear_expired(&self) -> Result<(), Failure> {
        let now = self.now();
        store::session::clear_expired(self.0.db.conn(), now).await?;
        store::spent::clear_expired(self.0.db.conn(), now).await?;
        store::revoked_link::clear_expired(self.0.db.conn(), now).await?;
        store::code::clear_expired(self.0.db.conn(), now).await?;
        store::social_state::clear_expired(self.0.db.conn(), now).await?;
        // What clocks may differ by, a token is taken for longer: as long it must be known that it ended.
        let leeway = Duration::from_secs(self.0.settings.simple_jwt.leeway);
        store::refresh::clear_expired(self.0.db.conn(), now - leeway).await?;
        let days = self.0.settings.account.email_confirmation_expire_days;
        let since = now - Duration::from_secs(days * 86_400);
        store::email_address::clear_keys(self.0.db.conn(), since).await?;
        self.0.limits.clear_expired(&self.0.db, now).await?;
        let days = self.0.settings.hallpass.event_retention_days;
        if days > 0 {
            let kept = Duration::from_secs(days.saturating_mul(86_400));
            store::event::clear_expired(&self.0.db, now - kept).await?;
        }
        Ok(())
    }
}

/// Whether a list of the operator's names the provider, or which of several it is.
fn names(list: &[String], app: &App) -> bool {
    list.iter()
        .any(|name| name == app.sub_id() || *name == app.provider)
}

fn token_user<'a>(user: &'a User, pk: &'a str) -> TokenUser<'a> {
    TokenUser {
        pk,
        password: &user.password,
        last_login: user.last_login.map(Timestamp::seconds),
        email: &user.email,
    }
}

/// Black or white, whichever reads better on a colour `#rrggbb` (WCAG's relative luminance).
pub fn on_accent(accent: &str) -> &'static str {
    let channel = |at: usize| {
        let byte = accent
            .get(at..at + 2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .unwrap_or(0);
        let value = f64::from(byte) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    if luminance > 0.179 {
        "#000000"
    } else {
        "#ffffff"
    }
}
