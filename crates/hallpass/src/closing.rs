//! The end of a request: the session is saved, cookies are set.

use axum::http::HeaderMap;
use hallpass_core::domain::session::keys;
use hallpass_core::domain::{Client, Session, secret};
use hallpass_core::{Error, Failure};
use hallpass_django::csrf;
use http::StatusCode;
use serde_json::Value;

use crate::cookies;
use crate::face::Face;

/// The CSRF secret of a browser, and whether a page of this answer rests on it.
#[derive(Clone, Default)]
pub(crate) struct Csrf {
    pub(crate) secret: Option<String>,
    shown: bool,
}

impl Csrf {
    pub(crate) fn new(secret: Option<String>) -> Self {
        Csrf {
            secret,
            shown: false,
        }
    }

    /// The masked token for a form; makes a secret where there is none.
    pub(crate) fn token(&mut self) -> String {
        self.shown = true;
        let secret = self.secret.get_or_insert_with(fresh);
        csrf::mask(secret, &fresh())
    }

    /// Whether a page of this answer rests on it.
    pub(crate) fn is_shown(&self) -> bool {
        self.shown
    }

    fn rotate(&mut self) {
        self.secret = Some(fresh());
        self.shown = true;
    }
}

fn fresh() -> String {
    secret::random_text(secret::ALPHANUMERIC, csrf::SECRET_LENGTH)
}

/// Saves what is unsaved; the Set-Cookie headers of the answer come back. A server error saves nothing and sets nothing.
pub(crate) async fn close(
    face: &Face,
    client: &Client,
    session: &mut Session,
    csrf: &mut Csrf,
    status: StatusCode,
) -> Result<HeaderMap, Failure> {
    if session.take_csrf_rotation() {
        csrf.rotate();
    }
    let settings = face.hallpass.settings();
    if settings.csrf.use_sessions && csrf.shown {
        let known = session.get(keys::CSRF_TOKEN).and_then(Value::as_str);
        let new = csrf.secret.clone().filter(|secret| known != Some(secret));
        if let Some(secret) = new {
            session.set(keys::CSRF_TOKEN, secret);
        }
    }
    let mut headers = HeaderMap::new();
    if status.is_server_error() {
        return Ok(headers);
    }
    save(face, client, session).await?;
    cookies::set_session(settings, session.take_cookie_change(), &mut headers);
    let secret = csrf.secret.as_deref().filter(|_| csrf.shown);
    cookies::set_csrf(settings, secret, &mut headers);
    Ok(headers)
}

async fn save(face: &Face, client: &Client, session: &mut Session) -> Result<(), Failure> {
    let settings = face.hallpass.settings();
    let renew = settings.session.save_every_request && !session.is_empty();
    if !session.is_modified() && !renew {
        return Ok(());
    }
    let saved = face.hallpass.run(client, session, async |cx| {
        if renew {
            cx.session.touch();
        }
        Ok(())
    });
    match saved.await {
        Err(Error::Failed(failure)) => Err(failure),
        _ => Ok(()),
    }
}
