//! The session: what one browser is to us, from the first cookie to signing out.
//!
//! The payload is Django's, key for key. A [`Session`] is a working copy: changes are noted here and written by the
//! store in the transaction of the flow that made them. The key that the browser holds is never written to the
//! database unless the operator shares it with a live Django.

use std::fmt;

use serde_json::{Map, Value};

use crate::domain::{Timestamp, User, UserId, secret};

/// The payload's keys that Django owns.
pub mod keys {
    pub use hallpass_django::session::{
        AUTH_USER_BACKEND, AUTH_USER_HASH, AUTH_USER_ID, SESSION_EXPIRY,
    };
    /// The CSRF secret when CSRF_USE_SESSIONS is on.
    pub const CSRF_TOKEN: &str = "_csrftoken";
    /// allauth's authentication records.
    pub const RECORDS: &str = "account_authentication_methods";
    /// The user whom the records are about.
    pub const RECORDS_USER: &str = "account_authentication_methods_user";
    /// The sign-in under way.
    pub const LOGIN: &str = "_hallpass_login";
    /// The challenge of an address that is being added.
    pub const EMAIL_CHALLENGE: &str = "_hallpass_email_challenge";
    /// The challenge of a phone number that is being changed.
    pub const PHONE_CHALLENGE: &str = "_hallpass_phone_challenge";
    /// The challenge of a password that is being reset.
    pub const RESET_CHALLENGE: &str = "_hallpass_reset_challenge";
    /// Leave to choose a new password: whose, until when.
    pub const RESET_LEAVE: &str = "_hallpass_reset_leave";
    /// The challenge of a fresh proof by somebody without a password.
    pub const REAUTH_CHALLENGE: &str = "_hallpass_reauth_challenge";
    /// A form that waits for a fresh proof.
    pub const SUSPENDED: &str = "_hallpass_suspended";
    /// What only this browser knows, for ways to providers.
    pub const SOCIAL_BROWSER: &str = "_hallpass_social_browser";
    /// Somebody who came from a provider and has no account yet: sealed.
    pub const SOCIAL_SIGNUP: &str = "_hallpass_social_signup";
    /// Two accounts that may be made one: sealed.
    pub const SOCIAL_MERGE: &str = "_hallpass_social_merge";
    /// Messages that a page shows once.
    pub const MESSAGES: &str = "_hallpass_messages";
    /// Digests of the sign-in links that this browser asked for.
    pub const LINKS_ASKED: &str = "_hallpass_links_asked";
}

/// What the browser holds: 32 characters of `[a-z0-9]`, 165 bits. A secret.
#[derive(Clone)]
pub struct SessionKey(String);

impl SessionKey {
    /// A fresh one.
    pub fn random() -> Self {
        SessionKey(secret::random_text(secret::LOWER_ALPHANUMERIC, 32))
    }

    /// Takes a cookie's value, if it has the shape of a key. A stored digest begins with `h$` and has not: who reads
    /// the table cannot present what it holds.
    pub fn parse(text: &str) -> Option<Self> {
        hallpass_django::session::is_valid_key(text).then(|| SessionKey(text.to_owned()))
    }

    /// The key itself, for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As it rests in `session_key varchar(40)`: `h$` and 38 characters of base64url of its SHA-256, 228 bits.
    pub fn hashed(&self) -> String {
        let digest = secret::digest(&self.0);
        format!("h${}", &digest[..38])
    }

    /// As a row of ours keeps it.
    pub fn stored(&self, share_with_django: bool) -> String {
        if share_with_django {
            self.0.clone()
        } else {
            self.hashed()
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// What the face must do with the cookie.
#[derive(Debug, Clone)]
pub enum CookieChange {
    /// Leave it.
    Keep,
    /// Set it to this key; seconds it lives, or none for a browser session.
    Set {
        /// The key.
        key: SessionKey,
        /// Seconds, or `None`: until the browser closes.
        max_age: Option<u64>,
    },
    /// Delete it.
    Delete,
}

/// The working copy.
#[derive(Clone, Default)]
pub struct Session {
    pub(crate) key: Option<SessionKey>,
    /// The key as the row that was read has it.
    pub(crate) row: Option<String>,
    /// A row to be deleted or renamed when this is saved.
    pub(crate) left_behind: Option<LeftBehind>,
    pub(crate) data: Map<String, Value>,
    pub(crate) modified: bool,
    /// The browser sent a cookie.
    pub(crate) came_with_cookie: bool,
    pub(crate) user: Option<User>,
    /// Set by a sign-in: the row that the save makes is listed among this user's sessions.
    pub(crate) signed_in: Option<UserId>,
    pub(crate) rotate_csrf: bool,
    pub(crate) cookie: Option<CookieChange>,
}

/// What becomes of the row under the old key.
#[derive(Debug, Clone)]
pub(crate) enum LeftBehind {
    /// The session lives on under a new key.
    Renamed(String),
    /// It ended.
    Ended(String),
}

impl Session {
    /// A visitor without a session, who may have sent a cookie that is worth nothing.
    pub fn fresh(came_with_cookie: bool) -> Self {
        Session {
            came_with_cookie,
            ..Session::default()
        }
    }

    /// The signed-in user, checked when the session was read.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The signed-in user's key.
    pub fn user_id(&self) -> Option<UserId> {
        self.user.as_ref().map(|user| user.id)
    }

    /// The key of the row as it rests, while there is one: also between a rotation and its save.
    pub(crate) fn row_key(&self) -> Option<&str> {
        match (&self.row, &self.left_behind) {
            (Some(row), _) | (None, Some(LeftBehind::Renamed(row))) => Some(row),
            _ => None,
        }
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.data.get(key)
    }

    /// Sets a value.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.data.insert(key.to_owned(), value.into());
        self.modified = true;
    }

    /// Removes a value and returns it.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let value = self.data.shift_remove(key)?;
        self.modified = true;
        Some(value)
    }

    /// Whether the browser sent a cookie, whatever that is worth.
    pub fn came_with_cookie(&self) -> bool {
        self.came_with_cookie
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Ends it: the row goes, the data goes, the next save starts another or none.
    pub fn flush(&mut self) {
        self.leave(LeftBehind::Ended);
        self.data.clear();
        self.user = None;
        self.modified = true;
    }

    /// Keeps the data under a new key, against session fixation.
    pub fn cycle_key(&mut self) {
        self.leave(LeftBehind::Renamed);
        self.modified = true;
    }

    fn leave(&mut self, how: fn(String) -> LeftBehind) {
        self.key = None;
        self.left_behind = match (self.left_behind.take(), self.row.take()) {
            // A row once ended is not revived by a later rotation, nor forgotten.
            (Some(LeftBehind::Ended(row)), _) => Some(LeftBehind::Ended(row)),
            (_, Some(row)) | (Some(LeftBehind::Renamed(row)), None) => Some(how(row)),
            (None, None) => None,
        };
    }

    /// Makes the face renew the CSRF secret: done at login, as Django does.
    pub fn rotate_csrf(&mut self) {
        self.rotate_csrf = true;
    }

    /// Takes the wish to renew the CSRF secret; with it goes a secret kept in the session.
    pub fn take_csrf_rotation(&mut self) -> bool {
        std::mem::take(&mut self.rotate_csrf)
    }

    /// Takes what the face must do with the cookie, known after the save.
    pub fn take_cookie_change(&mut self) -> CookieChange {
        self.cookie.take().unwrap_or(CookieChange::Keep)
    }

    /// Expiry as `set_expiry` of Django: seconds of life, 0 until the browser closes, `None` the settings' default.
    pub fn set_expiry(&mut self, seconds: Option<u64>) {
        match seconds {
            Some(seconds) => self.set(keys::SESSION_EXPIRY, seconds),
            None => drop(self.remove(keys::SESSION_EXPIRY)),
        }
    }

    /// When the row expires and how long the cookie lives, by `_session_expiry` (seconds, 0 or an ISO time) or the
    /// settings.
    pub(crate) fn expiry(
        &self,
        now: Timestamp,
        age: u64,
        at_browser_close: bool,
    ) -> (Timestamp, Option<u64>) {
        let seconds = match self.data.get(keys::SESSION_EXPIRY) {
            Some(Value::Number(n)) => n.as_u64(),
            Some(Value::String(text)) => Timestamp::parse(text).map(|at| at.since(now).as_secs()),
            _ => None,
        };
        let life = |seconds: u64| now + std::time::Duration::from_secs(seconds);
        match seconds {
            Some(0) => (life(age), None),
            Some(seconds) => (life(seconds), Some(seconds)),
            None => (life(age), (!at_browser_close).then_some(age)),
        }
    }

    /// Has it saved as it is: its life begins anew.
    pub fn touch(&mut self) {
        self.modified = true;
    }

    /// Whether a save has anything to do.
    pub fn is_modified(&self) -> bool {
        self.modified
    }
}

/// Only what helps and reveals nothing.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user_id())
            .field("modified", &self.modified)
            .finish_non_exhaustive()
    }
}
