//! Sessions: who is behind a cookie, and the start of a new one.
//!
//! 1. A request brings a key; the row, the signature, the user and the hash of the password must all agree ([`find`]).
//! 2. A sign-in puts the user into the session under a new key ([`sign_in`]).

use hallpass_django::session::AuthHash;
use serde_json::{Value, json};

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Session, SessionKey, Timestamp, User, UserId};
use crate::error::Failure;
use crate::hallpass::Hallpass;
use crate::store;

/// Step 1: the session of a cookie. One statement when the session is ours; another when a Django made it.
///
/// Anything that does not agree gives a visitor without a session; what the row holds is then never looked at.
pub async fn find(
    hallpass: &Hallpass,
    cookie: Option<&str>,
    now: Timestamp,
) -> Result<Session, Failure> {
    let Some(text) = cookie else {
        return Ok(Session::fresh(false));
    };
    let Some(key) = SessionKey::parse(text) else {
        return Ok(Session::fresh(true));
    };
    let Some(found) = store::session::find(hallpass.db().conn(), &key, now).await? else {
        return Ok(Session::fresh(true));
    };
    let mut session = Session::fresh(true);
    session.data = hallpass.codec().decode(&found.payload);
    session.key = Some(key);
    session.row = Some(found.row);
    let Some(id) = signed_in_as(hallpass, &session) else {
        return Ok(session);
    };
    let user = match found.user {
        Some(user) if user.id == id => Some(user),
        _ => store::user::by_id(hallpass.db().conn(), id).await?,
    };
    let Some(user) = user.filter(|user| user.is_active) else {
        return Ok(session);
    };
    let hash = session
        .get(keys::AUTH_USER_HASH)
        .and_then(Value::as_str)
        .unwrap_or_default();
    match hallpass.codec().check_auth_hash(&user.password, hash) {
        AuthHash::Current => session.user = Some(user),
        AuthHash::Fallback => {
            // Signed with a retired secret: goes on under the current one, with a new key.
            session.set(
                keys::AUTH_USER_HASH,
                hallpass.codec().auth_hash(&user.password),
            );
            session.cycle_key();
            session.user = Some(user);
        }
        // The password changed since: this session is over, with all that is in it.
        AuthHash::Wrong => session.flush(),
    }
    Ok(session)
}

fn signed_in_as(hallpass: &Hallpass, session: &Session) -> Option<UserId> {
    let backend = session.get(keys::AUTH_USER_BACKEND)?.as_str()?;
    if !hallpass
        .settings()
        .general
        .authentication_backends
        .iter()
        .any(|known| known == backend)
    {
        return None;
    }
    match session.get(keys::AUTH_USER_ID)? {
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone)]
pub struct Proof<'a> {
    /// `password`, `link` ….
    pub method: &'static str,
    /// The address that was proved or typed.
    pub email: Option<&'a str>,
    /// The user name that was typed.
    pub username: Option<&'a str>,
    /// Whether it is good for one sign-in only, being made from the user's row as it was read.
    pub once: bool,
}

/// Step 2: puts `user` into the session, as Django's `login()` does: another user's session is emptied first, the key is
/// new in any case, the CSRF secret is renewed, `last_login` is set.
///
/// `false`: the user's row changed since it was read, and nobody was signed in. Parallel attempts with a proof that is
/// good once end here for all but the first.
pub async fn sign_in(cx: &mut Cx, user: &User, proof: Proof<'_>) -> Result<bool, Failure> {
    let at = next_login(user, cx.now);
    let marked = match proof.once {
        true => store::user::mark_login_once(cx.write().await?, user, at).await?,
        false => store::user::mark_login(cx.write().await?, user, at).await?,
    };
    if !marked {
        return Ok(false);
    }
    let hallpass = cx.hallpass().clone();
    let hash = hallpass.codec().auth_hash(&user.password);
    let session = &mut cx.session;
    let before = session
        .get(keys::AUTH_USER_ID)
        .and_then(Value::as_str)
        .map(str::to_owned);
    let same_hash =
        session.get(keys::AUTH_USER_HASH).and_then(Value::as_str) == Some(hash.as_str());
    match before {
        Some(before) if before != user.id.to_string() || !same_hash => session.flush(),
        _ => session.cycle_key(),
    }
    let backend = hallpass.settings().general.authentication_backends.first();
    session.set(keys::AUTH_USER_ID, user.id.to_string());
    session.set(keys::AUTH_USER_BACKEND, backend.map_or("", String::as_str));
    session.set(keys::AUTH_USER_HASH, hash);
    record(session, user.id, &proof, cx.now);
    session.rotate_csrf();
    session.signed_in = Some(user.id);
    session.user = Some(User {
        last_login: Some(at),
        ..user.clone()
    });
    cx.note_about("login", Some(user.id), proof.method, "")
        .await?;
    Ok(true)
}

/// The time to write as `last_login`. Django's tokens see whole seconds of it: within the second of the sign-in before,
/// the next second is written, or a link spent now would stay good until the second is over.
fn next_login(user: &User, now: Timestamp) -> Timestamp {
    match user.last_login {
        Some(last) if last.seconds() >= now.seconds() => {
            Timestamp::from_seconds(last.seconds() + 1)
        }
        _ => now,
    }
}

/// allauth's authentication records: bound to one user, so that what somebody else proved in this browser does not
/// count for this one.
fn record(session: &mut Session, user: UserId, proof: &Proof<'_>, now: Timestamp) {
    let owner = user.to_string();
    let mut records = match session.get(keys::RECORDS) {
        Some(Value::Array(records))
            if session.get(keys::RECORDS_USER).and_then(Value::as_str) == Some(&owner) =>
        {
            records.clone()
        }
        _ => Vec::new(),
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds as a float is allauth's form; it is exact to the microsecond"
    )]
    let at = now.micros() as f64 / 1e6;
    let mut entry = json!({ "method": proof.method, "at": at });
    if let Some(email) = proof.email {
        entry["email"] = email.into();
    }
    if let Some(username) = proof.username {
        entry["username"] = username.into();
    }
    records.push(entry);
    session.set(keys::RECORDS, records);
    session.set(keys::RECORDS_USER, owner);
}
