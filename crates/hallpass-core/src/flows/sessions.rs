//! Sessions: who is behind a cookie, and the start of a new one.
//!
//! 1. A request brings a key; the row, the signature, the user and the hash of the password must all agree ([`find`]).
//! 2. A sign-in puts the user into the session under a new key ([`sign_in`]).

use hallpass_django::session::AuthHash;
use serde_json::{Value, json};

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Record, Session, SessionKey, Timestamp, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::hallpass::Hallpass;
use crate::store;
pub use crate::store::session_list::Listed;

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
        Value::String(text) => hallpass.db().users().key(text),
        _ => None,
    }
}

/// Step 2: puts `user` into the session, as Django's `login()` does: another user's session is emptied first, the key is
/// new in any case, the CSRF secret is renewed, `last_login` is set.
///
/// `once`: the last proof is good for one sign-in only, being made from the user's row as it was read. `false` comes back
/// if that row changed since, and nobody was signed in: parallel attempts end here for all but the first.
///
/// # Errors
/// A failure.
pub async fn sign_in(
    cx: &mut Cx,
    user: &User,
    records: &[Record],
    once: bool,
) -> Result<bool, Failure> {
    let method = records.last().map_or("", |record| known(&record.method));
    sign_in_by(cx, user, records, once, method).await
}

/// [`sign_in`], with what the event says of the proof.
///
/// # Errors
/// A failure.
pub(crate) async fn sign_in_by(
    cx: &mut Cx,
    user: &User,
    records: &[Record],
    once: bool,
    method: &'static str,
) -> Result<bool, Failure> {
    let at = next_login(user, cx.now);
    let marked = match once {
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
    for record in records {
        add_record(session, user.id, record);
    }
    // What was begun before is not for whoever is in now.
    for key in [
        keys::RESET_LEAVE,
        keys::RESET_CHALLENGE,
        keys::SUSPENDED,
        keys::SOCIAL_SIGNUP,
        keys::SOCIAL_MERGE,
    ] {
        session.remove(key);
    }
    session.rotate_csrf();
    session.signed_in = Some(user.id);
    session.user = Some(User {
        last_login: Some(at),
        ..user.clone()
    });
    cx.note_about("login", Some(user.id), method, "").await?;
    Ok(true)
}

fn known(method: &str) -> &'static str {
    let methods = [
        "password",
        "code",
        "link",
        "password_reset",
        "socialaccount",
        "mfa",
    ];
    methods
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// A user who may come in.
///
/// # Errors
/// [`Refusal::NoSuchUser`], [`Refusal::Inactive`].
pub(crate) async fn active(cx: &mut Cx, id: UserId) -> Result<User, Error> {
    let user = store::user::by_id(cx.read(), id).await?;
    let user = user.ok_or(Refusal::NoSuchUser)?;
    match user.is_active {
        true => Ok(user),
        false => Err(Refusal::Inactive.into()),
    }
}

/// The sessions of a user that are under way, the newest first.
///
/// # Errors
/// A failure.
pub async fn list(cx: &mut Cx, user: UserId) -> Result<Vec<Listed>, Failure> {
    let now = cx.now;
    store::session_list::of_user(cx.read(), user, now).await
}

/// Ends one session of a user. `false`: they have no such session.
///
/// # Errors
/// A failure.
pub async fn end_one(cx: &mut Cx, user: UserId, id: i64) -> Result<bool, Failure> {
    let Some(row) = store::session_list::end(cx.write().await?, user, id).await? else {
        return Ok(false);
    };
    if cx.session.row_key() == Some(&row) {
        cx.session.flush();
        cx.session.rotate_csrf();
    }
    cx.note_about("session_ended", Some(user), "app", "")
        .await?;
    Ok(true)
}

/// Ends every session of a user that is listed; with `but_this`, all but the one at hand.
///
/// # Errors
/// A failure.
pub async fn end_all(cx: &mut Cx, user: UserId, but_this: bool) -> Result<(), Failure> {
    let own = cx.session.user_id() == Some(user);
    let keep = cx.session.row_key().filter(|_| own && but_this);
    let keep = keep.map(str::to_owned);
    store::session::end_others(cx.write().await?, user, keep.as_deref()).await?;
    if own && !but_this {
        cx.session.flush();
        cx.session.rotate_csrf();
    }
    cx.note_about("session_ended", Some(user), "app", "").await
}

/// The user of this session has another password now: the session lives on under a new key, all others end.
pub fn follow_password(cx: &mut Cx, encoded: &str) {
    let hash = cx.hallpass().codec().auth_hash(encoded);
    cx.session.set(keys::AUTH_USER_HASH, hash);
    cx.session.cycle_key();
    if let Some(user) = &mut cx.session.user {
        encoded.clone_into(&mut user.password);
    }
}

/// The time to write as `last_login`. Django's tokens see whole seconds of it: within the second of the sign-in before,
/// the next second is written, or a link spent now would stay good until the second is over.
pub(crate) fn next_login(user: &User, now: Timestamp) -> Timestamp {
    match user.last_login {
        Some(last) if last.seconds() >= now.seconds() => {
            Timestamp::from_seconds(last.seconds() + 1)
        }
        _ => now,
    }
}

/// Adds to allauth's authentication records: bound to one user, so that what somebody else proved in this browser does
/// not count for this one.
pub fn add_record(session: &mut Session, user: UserId, record: &Record) {
    let owner = user.to_string();
    let mut records = match session.get(keys::RECORDS) {
        Some(Value::Array(records))
            if session.get(keys::RECORDS_USER).and_then(Value::as_str) == Some(&owner) =>
        {
            records.clone()
        }
        _ => Vec::new(),
    };
    records.push(json!(record));
    session.set(keys::RECORDS, records);
    session.set(keys::RECORDS_USER, owner);
}

/// What the signed-in user has proved in this session.
pub fn records(session: &Session) -> Vec<Record> {
    let owner = session.user_id().map(|id| id.to_string());
    let about = session.get(keys::RECORDS_USER).and_then(Value::as_str);
    let Some(Value::Array(records)) = session.get(keys::RECORDS) else {
        return Vec::new();
    };
    if owner.is_none() || owner.as_deref() != about {
        return Vec::new();
    }
    let records = records.iter();
    records
        .filter_map(|record| serde_json::from_value(record.clone()).ok())
        .collect()
}
