//! One call of a flow: its now, its client, its session, its transaction.
//!
//! Reads go through the pool until the first write; then the transaction is open and reads go through it. Slow work is
//! done before: [`Cx::write`] and the methods that hash assert it in debug builds, because on SQLite there is one
//! writer, and whoever holds it while hashing holds up everybody.

use hallpass_django::hashers::Verdict;
use hallpass_django::validators::{PasswordError, UserAttributes, Validator, validate};
use serde_json::{Value, json};

use crate::delivery::Letter;
use crate::domain::{Client, Phone, Session, Timestamp, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::hallpass::Hallpass;
use crate::limits::{self, Hits, Subject};
use crate::store::event::{Event, Happened};
use crate::store::{self, Conn, Tx};

/// What a flow works with.
pub struct Cx {
    /// Sampled once for the whole call.
    pub now: Timestamp,
    /// The other end.
    pub client: Client,
    /// The working copy of the session; saved with the flow's transaction.
    pub session: Session,
    /// Who asks, where a key or a token says so and not the session.
    pub(crate) by: Option<UserId>,
    pub(crate) hallpass: Hallpass,
    pub(crate) tx: Option<Tx>,
    pub(crate) letters: bool,
    pub(crate) happened: Vec<Happened>,
}

impl Cx {
    /// Settings, keys and everything else that outlives the call.
    pub fn hallpass(&self) -> &Hallpass {
        &self.hallpass
    }

    /// From now on this user asks, by a key or a token: what is counted by user is counted for them.
    pub fn act_as(&mut self, user: UserId) {
        self.by = Some(user);
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// [`Refusal::LoginRequired`].
    pub fn signed_in(&self) -> Result<User, Refusal> {
        self.session.user().cloned().ok_or(Refusal::LoginRequired)
    }

    /// For reading.
    pub fn read(&mut self) -> Conn<'_> {
        match &mut self.tx {
            Some(tx) => tx.conn(),
            None => self.hallpass.db().conn(),
        }
    }

    /// For writing: opens the transaction unless it is open.
    pub async fn write(&mut self) -> Result<Conn<'_>, Failure> {
        let tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.hallpass.db().begin().await.map_err(Failure::from)?,
        };
        Ok(self.tx.insert(tx).conn())
    }

    /// Compares a password; before the first write.
    pub async fn verify_password(
        &mut self,
        password: &str,
        encoded: &str,
    ) -> Result<Verdict, Error> {
        self.assert_slow_work_allowed();
        self.hallpass.hashing().verify(password, encoded).await
    }

    /// The work of comparing a password where there is no account.
    pub async fn verify_nobody(&mut self, password: &str) -> Result<(), Error> {
        self.assert_slow_work_allowed();
        self.hallpass.hashing().verify_unknown(password).await
    }

    /// Hashes a new password; before the first write.
    pub async fn encode_password(&mut self, password: &str) -> Result<String, Error> {
        self.assert_slow_work_allowed();
        self.hallpass.hashing().encode(password).await
    }

    /// Asks validators about a new password; before the first write.
    pub async fn judge_password(
        &mut self,
        validators: Vec<Validator>,
        password: &str,
        user: &UserAttributes<'_>,
    ) -> Result<Vec<PasswordError>, Error> {
        self.assert_slow_work_allowed();
        let password = password.to_owned();
        let own = [user.username, user.first_name, user.last_name, user.email];
        let [username, first_name, last_name, email] = own.map(str::to_owned);
        self.hallpass
            .hashing()
            .think(move || {
                let user = UserAttributes {
                    username: &username,
                    first_name: &first_name,
                    last_name: &last_name,
                    email: &email,
                };
                validate(&validators, &password, Some(&user))
            })
            .await
    }

    /// Does other slow work on the threads for hashes; before the first write.
    pub(crate) async fn think<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.assert_slow_work_allowed();
        self.hallpass.hashing().think(work).await
    }

    /// Counts a hit against the limits of `action`, outside the transaction.
    pub async fn hit(&mut self, action: &str, key: Option<&str>) -> Result<limits::Verdict, Error> {
        self.assert_slow_work_allowed();
        let subject = Subject {
            ip: (!self.client.is_nobody()).then_some(self.client.ip),
            user: self.by.or(self.session.user_id()),
            key,
        };
        let verdict = self
            .hallpass
            .limits()
            .hit(self.hallpass.db(), action, subject, self.now)
            .await;
        verdict.map_err(Error::from)
    }

    /// Forgets what counts against `key`: a password that was reset makes a fresh start.
    pub async fn lift(&mut self, action: &str, key: &str) -> Result<(), Error> {
        self.assert_slow_work_allowed();
        Ok(self
            .hallpass
            .limits()
            .lift(self.hallpass.db(), action, key)
            .await?)
    }

    /// Takes back hits that turned out not to count.
    pub async fn take_back(&mut self, hits: Hits) -> Result<(), Error> {
        self.assert_slow_work_allowed();
        Ok(self
            .hallpass
            .limits()
            .take_back(self.hallpass.db(), hits)
            .await?)
    }

    /// Puts a letter into the outbox, in the transaction. It leaves after the commit.
    pub async fn send(&mut self, letter: &Letter<'_>) -> Result<(), Failure> {
        let composed = self.hallpass.compose(letter)?;
        let now = self.now;
        store::outbox::enqueue(self.write().await?, &composed, now).await?;
        self.letters = true;
        Ok(())
    }

    /// The work of [`Cx::send`] without a letter: it is put in and taken out again, so that an account which does not
    /// exist takes as long as one that does.
    pub async fn send_nothing(&mut self, letter: &Letter<'_>) -> Result<(), Failure> {
        let composed = self.hallpass.compose(letter)?;
        let now = self.now;
        let id = store::outbox::enqueue(self.write().await?, &composed, now).await?;
        store::outbox::remove(self.write().await?, id).await?;
        Ok(())
    }

    /// Commits what was done so far, the session included, so that slow work is allowed again. Only between two steps
    /// each of which can stand alone.
    pub(crate) async fn checkpoint(&mut self) -> Result<(), Failure> {
        if self.tx.is_none() {
            return Ok(());
        }
        self.commit().await
    }

    /// Puts a text into the outbox, in the transaction. `name` is the folder of its template, `expires` when it is not
    /// worth sending any more.
    pub async fn send_text(
        &mut self,
        name: &'static str,
        to: &Phone,
        context: serde_json::Value,
        expires: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let composed = self.hallpass.compose_text(name, to, context, expires)?;
        let now = self.now;
        store::outbox::enqueue(self.write().await?, &composed, now).await?;
        self.letters = true;
        Ok(())
    }

    /// The work of [`Cx::send_text`] without a text, as [`Cx::send_nothing`] is that of [`Cx::send`].
    pub async fn send_text_to_nobody(
        &mut self,
        name: &'static str,
        to: &Phone,
        context: serde_json::Value,
        expires: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let composed = self.hallpass.compose_text(name, to, context, expires)?;
        let now = self.now;
        let id = store::outbox::enqueue(self.write().await?, &composed, now).await?;
        store::outbox::remove(self.write().await?, id).await?;
        Ok(())
    }

    /// Undoes what this step wrote, for a refusal that must leave nothing behind. What was committed at a checkpoint
    /// stays, and so do the session's changes.
    pub(crate) async fn undo(&mut self) {
        if let Some(tx) = self.tx.take() {
            tx.rollback().await;
        }
        self.happened.clear();
        self.letters = false;
    }

    /// Writes down what happened, and tells subscribers after the commit.
    pub async fn note(&mut self, event: Event<'_>) -> Result<(), Failure> {
        let (client, now) = (self.client.clone(), self.now);
        self.tell_of(&event);
        store::event::insert(self.write().await?, event, &client, now).await
    }

    /// Tells subscribers after the commit, without writing it down.
    pub(crate) fn tell_of(&mut self, event: &Event<'_>) {
        self.happened.push(Happened {
            at: self.now,
            kind: event.kind,
            user: event.user,
            method: event.method,
            reason: event.reason,
            ip: self.client.ip,
            user_agent: self.client.user_agent.clone(),
        });
    }

    /// Writes down something about a user that has no subject.
    pub(crate) async fn note_about(
        &mut self,
        kind: &'static str,
        user: Option<UserId>,
        method: &'static str,
        reason: &'static str,
    ) -> Result<(), Failure> {
        self.note(Event {
            kind,
            user,
            method,
            reason,
            subject: None,
        })
        .await
    }

    /// The network that the client counts by.
    pub(crate) fn network(&self) -> String {
        self.hallpass.limits().network(self.client.ip).to_string()
    }

    /// A path below the mount.
    pub fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.hallpass.settings().hallpass.mount)
    }

    /// A whole address below the mount, for letters.
    pub fn url(&self, rest: &str) -> String {
        format!("{}{}", self.client.base_url, self.path(rest))
    }

    /// Where a reset link leads: HALLPASS_RESET_URL, or our page.
    pub(crate) fn reset_link(&self, uid: &str, token: &str) -> String {
        let settings = self.hallpass.settings();
        let key = format!("{uid}-{token}");
        let link = match &settings.hallpass.reset_url {
            Some(template) => template
                .replace("{uid}", uid)
                .replace("{token}", token)
                .replace("{key}", &key),
            None => self.path(&format!("password/reset/key/{key}/")),
        };
        match settings.rest_auth.password_reset_use_sites_domain {
            true => whole(&self.hallpass.base_url(), link),
            false => whole(&self.client.base_url, link),
        }
    }

    /// Where a confirmation link leads: HALLPASS_EMAIL_CONFIRM_URL, or our page.
    pub(crate) fn confirm_link(&self, key: &str) -> String {
        let link = match &self.hallpass.settings().hallpass.email_confirm_url {
            Some(template) => template.replace("{key}", key),
            None => self.path(&format!("confirm-email/{key}/")),
        };
        whole(&self.client.base_url, link)
    }

    /// Where a password is reset, where there are passwords.
    pub(crate) fn reset_url(&self) -> Option<String> {
        let settings = self.hallpass.settings();
        (!settings.is_passwordless()).then(|| self.url("password/reset/"))
    }

    /// Where one signs up, where that is open to strangers.
    pub(crate) fn signup_url(&self) -> Option<String> {
        let open = self.hallpass.settings().hallpass.signup_open;
        open.then(|| self.url("signup/"))
    }

    /// Who asks, from where and when, for letters: in words of ours only. Null if there is nobody at the other end.
    pub(crate) fn asked(&self) -> Value {
        if self.client.is_nobody() {
            return Value::Null;
        }
        json!({
            "when": self.now.spoken(),
            "ip": self.client.ip.to_string(),
            "browser": self.client.spoken_agent(),
        })
    }

    pub(crate) fn assert_slow_work_allowed(&self) {
        debug_assert!(
            self.tx.is_none(),
            "slow work while the transaction is open: do it before the first write"
        );
    }

    /// Ends the call: the session is saved and everything commits, on success and on refusal alike; a failure undoes
    /// all of it.
    pub(crate) async fn settle<T>(
        mut self,
        result: Result<T, Error>,
    ) -> (Result<T, Error>, Option<Session>) {
        if matches!(result, Err(Error::Failed(_))) {
            if let Some(tx) = self.tx.take() {
                tx.rollback().await;
            }
            return (result, None);
        }
        match self.commit().await {
            Ok(()) => (result, Some(self.session)),
            Err(failure) => (Err(failure.into()), None),
        }
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        if self.session.is_modified() {
            let mut session = std::mem::take(&mut self.session);
            let (hallpass, client, now) = (self.hallpass.clone(), self.client.clone(), self.now);
            let conn = self.write().await?;
            store::session::save(
                conn,
                &mut session,
                hallpass.codec(),
                hallpass.save_policy(),
                &client,
                now,
            )
            .await?;
            self.session = session;
        }
        if let Some(tx) = self.tx.take() {
            tx.commit().await.map_err(Failure::from)?;
        }
        if std::mem::take(&mut self.letters) {
            self.hallpass.wake_postman();
        }
        for happened in self.happened.drain(..) {
            self.hallpass.tell(happened);
        }
        Ok(())
    }
}

/// A path with its host in front; what is a whole address already stays.
fn whole(base: &str, link: String) -> String {
    match link.starts_with('/') {
        true => format!("{base}{link}"),
        false => link,
    }
}
