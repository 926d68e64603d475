//! A sign-in under way: what has been proved, and where it stands. It waits in the session, as JSON.

use serde::{Deserialize, Serialize};

use super::{Timestamp, User, UserId, secret};

/// A proof that was given: allauth's authentication record, field for field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `password`, `code`, `link`, `password_reset`, `socialaccount`, `mfa`.
    pub method: String,
    /// Unix seconds.
    pub at: f64,
    /// The address that was typed or proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The user name that was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The phone number that was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The provider that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Who it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Given anew by somebody who was signed in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reauthenticated: bool,
}

impl Record {
    /// A proof by `method`, now.
    pub fn new(method: &str, now: Timestamp) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds as a float is allauth's form; it is exact to the microsecond"
        )]
        let at = now.micros() as f64 / 1e6;
        Record {
            method: method.to_owned(),
            at,
            email: None,
            username: None,
            phone: None,
            provider: None,
            uid: None,
            reauthenticated: false,
        }
    }

    /// When.
    pub fn time(&self) -> Timestamp {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time within this century fits; anything else counts as long ago"
        )]
        Timestamp::from_micros((self.at * 1e6) as i64)
    }
}

/// A step between the first proof and the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Stage {
    /// `login_by_code`: a code that was sent is typed back.
    LoginByCode,
    /// `verify_phone`: the phone number is confirmed.
    VerifyPhone,
    /// `verify_email`: the address is confirmed.
    VerifyEmail,
    /// A step of the app's own.
    Own(String),
}

impl Stage {
    /// Its key.
    pub fn key(&self) -> &str {
        match self {
            Stage::LoginByCode => "login_by_code",
            Stage::VerifyPhone => "verify_phone",
            Stage::VerifyEmail => "verify_email",
            Stage::Own(key) => key,
        }
    }
}

impl From<String> for Stage {
    fn from(key: String) -> Self {
        match key.as_str() {
            "login_by_code" => Stage::LoginByCode,
            "verify_phone" => Stage::VerifyPhone,
            "verify_email" => Stage::VerifyEmail,
            _ => Stage::Own(key),
        }
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.key().to_owned()
    }
}

/// A sign-in under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// Whose it is; nobody where it must look like one and never end.
    pub user: Option<UserId>,
    /// Of the password column when it began: a new password ends it.
    pub seal: String,
    /// What has been proved in it. It enters the session's records only with the session itself, so that what an
    /// abandoned sign-in proved counts for nothing.
    pub records: Vec<Record>,
    /// The address by which it began.
    pub email: Option<String>,
    /// The phone number by which it began.
    pub phone: Option<String>,
    /// It follows a signup.
    pub signup: bool,
    /// Where to go at its end, checked by the face.
    pub next: Option<String>,
    /// Whether the visitor asked to stay signed in; `None`: was not asked.
    pub remember: Option<bool>,
    /// When it began, microseconds.
    pub started: i64,
    /// The stage that waits for the visitor.
    pub current: Option<Stage>,
    /// Stages that are done.
    pub done: Vec<Stage>,
    /// The challenge of the current stage.
    pub challenge: Option<String>,
    /// The visitor asked for the code, and it is the first proof; else a code is demanded after one.
    pub by_visitor: bool,
    /// By a magic link: it may be good more than once, and proves no mailbox, since apps send it wherever they like.
    #[serde(default)]
    pub magic: bool,
    /// Where there is nobody: the address is somebody else's.
    #[serde(default)]
    pub email_taken: bool,
    /// Where there is nobody: the number is somebody else's.
    #[serde(default)]
    pub phone_taken: bool,
    /// A signup that is saved once neither is: sealed.
    #[serde(default)]
    pub waiting: Option<String>,
    /// By a provider: SOCIALACCOUNT_EMAIL_VERIFICATION holds.
    #[serde(default)]
    pub social: bool,
    /// An account at a provider that is connected at the end: sealed.
    #[serde(default)]
    pub connect: Option<String>,
    /// What to call whoever signs up, in letters to an address that is nobody else's.
    #[serde(default)]
    pub display: Option<String>,
}

impl Login {
    /// A sign-in of `user`.
    pub fn new(user: &User, now: Timestamp) -> Self {
        Login {
            user: Some(user.id),
            seal: seal(user),
            ..Login::of_nobody(now)
        }
    }

    /// One that only looks like it.
    pub fn of_nobody(now: Timestamp) -> Self {
        Login {
            user: None,
            seal: String::new(),
            records: Vec::new(),
            email: None,
            phone: None,
            signup: false,
            next: None,
            remember: None,
            started: now.micros(),
            current: None,
            done: Vec::new(),
            challenge: None,
            by_visitor: false,
            magic: false,
            email_taken: false,
            phone_taken: false,
            waiting: None,
            social: false,
            connect: None,
            display: None,
        }
    }

    /// The user's key.
    pub fn user_id(&self) -> Option<UserId> {
        self.user
    }

    /// When it began.
    pub fn started(&self) -> Timestamp {
        Timestamp::from_micros(self.started)
    }

    /// Whether `user` is still who it began with, and may sign in.
    pub fn fits(&self, user: &User) -> bool {
        self.user_id() == Some(user.id) && self.seal == seal(user) && user.is_active
    }

    /// The user's row changed by this very sign-in: it goes on with the new one.
    pub fn follow(&mut self, user: &User) {
        self.seal = seal(user);
    }

    /// Marks the current stage as done.
    pub fn finish_stage(&mut self) {
        if let Some(stage) = self.current.take() {
            self.done.push(stage);
        }
        self.challenge = None;
    }
}

fn seal(user: &User) -> String {
    secret::digest(&format!("pending\0{}\0{}", user.id, user.password))
}
