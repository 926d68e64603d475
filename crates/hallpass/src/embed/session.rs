//! The visitor's session, for what an app wants to remember of a browser.

use axum::extract::FromRequestParts;
use hallpass_core::domain::User;
use hallpass_core::flows::{login, logout};
use hallpass_core::{Cx, Error, Failure};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::here::{Here, Visitor};
use super::rejection::Rejection;

/// The session of this browser, shared with Hallpass's pages and, where it runs beside, with Django. It begins with the
/// first value that is set; changes are saved when the answer goes out, unless that is a server error.
///
/// Clones are the same session.
#[derive(Clone)]
pub struct Session {
    here: Here,
}

impl Session {
    fn visitor(&self) -> Option<&Visitor> {
        self.here.known()
    }

    /// Who is signed in by this session.
    pub fn user(&self) -> Option<User> {
        self.visitor()?.session().user().cloned()
    }

    /// What is under `key`, if it is there and is a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.visitor()?.session().get(key).cloned()?;
        serde_json::from_value(value).ok()
    }

    /// Puts `value` under `key`.
    ///
    /// # Errors
    /// A key that begins with `_` or with `account_`, which are Django's and ours; a value that is no JSON.
    pub fn set(&self, key: &str, value: impl Serialize) -> Result<(), Failure> {
        check(key)?;
        let value = serde_json::to_value(value).map_err(|error| {
            Failure::from_source(format!("the value under \"{key}\" is no JSON"), error)
        })?;
        if let Some(visitor) = self.visitor() {
            visitor.session().set(key, value);
        }
        Ok(())
    }

    /// Takes out what is under `key`.
    ///
    /// # Errors
    /// As [`Session::set`], for the key.
    pub fn remove(&self, key: &str) -> Result<Option<Value>, Failure> {
        check(key)?;
        Ok(self
            .visitor()
            .and_then(|visitor| visitor.session().remove(key)))
    }

    /// Shows `text` once, on the next page of ours. `level` is `info`, `success`, `warning` or `error`.
    pub fn tell(&self, level: &str, text: impl Into<String>) {
        if let Some(visitor) = self.visitor() {
            crate::visit::tell(&mut visitor.session(), level, text.into());
        }
    }

    /// Signs a user in, whom the app knows by a way of its own: single sign-on, another interface. No stage stands before
    /// it; hooks have their say. `method` is what events and records call the way.
    ///
    /// # Errors
    /// What hooks refuse; [`hallpass_core::Refusal::Inactive`].
    pub async fn sign_in(&self, user: &User, method: &'static str) -> Result<(), Error> {
        let id = user.id;
        self.run(async |cx| login::vouch(cx, id, method).await.map(drop))
            .await
    }

    /// Ends it, and signs out whoever is signed in, as the page does.
    ///
    /// # Errors
    /// A failure.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.run(async |cx| logout::finish(cx).await.map(drop))
            .await
    }

    /// Runs a flow of [`hallpass_core::flows`] on this session, as the pages do. Two at once in one request are not for
    /// one session: the later one wins.
    ///
    /// # Errors
    /// Those of the flow.
    pub async fn run<T, F>(&self, flow: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        match self.visitor() {
            Some(visitor) => visitor.run(self.here.face(), flow).await,
            None => Err(Failure::new("the session was not read").into()),
        }
    }
}

/// Nothing of what is in it.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let here = Here::of(parts)?;
        here.visitor(parts).await?;
        Ok(Session { here })
    }
}

fn check(key: &str) -> Result<(), Failure> {
    match key.starts_with('_') || key.starts_with("account_") {
        true => Err(Failure::new(format!(
            "the session's key \"{key}\" is not for apps: theirs begin with neither _ nor account_"
        ))),
        false => Ok(()),
    }
}
