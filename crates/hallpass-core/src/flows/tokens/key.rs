//! Django REST framework's key: 40 characters, the same at every login.
//!
//! It rests as a digest, and yet a second login gives the same: it is derived from the user and the time when it was made.
//! A key that a Django made is in the clear, and is taken and given as it is.

use hallpass_django::signing::{Algorithm, hex, salted_hmac};

use crate::cx::Cx;
use crate::domain::{Timestamp, User, UserId, secret};
use crate::error::{Error, Refusal, TokenFault};
use crate::hallpass::Hallpass;
use crate::store;

/// What begins every digest.
pub(super) const DIGEST: &str = "h$";

/// A user's key, made if there is none.
///
/// # Errors
/// [`TokenFault::PasswordChanged`] if the password is another than that of `user`, or the account was switched off.
pub async fn key_of(cx: &mut Cx, owner: &User) -> Result<String, Error> {
    let user = owner.id;
    let share = cx.hallpass().settings().hallpass.share_with_django;
    let now = cx.now;
    let fresh = derived(cx.hallpass().keys().current(), user, now);
    let rest = if share { fresh.clone() } else { digest(&fresh) };
    let row = store::token::get_or_insert(cx.write().await?, owner, &rest, now).await?;
    let row = row.ok_or(Refusal::Token(TokenFault::PasswordChanged))?;
    if row.key == rest {
        return Ok(fresh);
    }
    if !row.key.starts_with(DIGEST) {
        return Ok(row.key);
    }
    let hallpass = cx.hallpass().clone();
    let known = hallpass.keys().all().find_map(|key| {
        let key = derived(key, user, row.created);
        (digest(&key) == row.key).then_some(key)
    });
    if let Some(key) = known {
        return Ok(key);
    }
    // Made under a secret that is no more: nobody can be told that key again, so there is a new one.
    store::token::replace(cx.write().await?, user, &row.key, &rest, now).await?;
    Ok(fresh)
}

fn digest(key: &str) -> String {
    let digest = secret::digest(&format!("drf_token\0{key}"));
    format!("{DIGEST}{}", &digest[..38])
}

fn derived(secret: &str, user: UserId, created: Timestamp) -> String {
    let value = format!("{user}\0{}", created.micros());
    let mac = salted_hmac(
        Algorithm::Sha256,
        "hallpass.token.v1",
        value.as_bytes(),
        secret,
    );
    hex(&mac[..20])
}

/// Step 2: whose key this is. One statement.
///
/// # Errors
/// [`TokenFault::Invalid`], [`TokenFault::UserInactive`].
pub async fn by_key(hallpass: &Hallpass, key: &str) -> Result<User, Error> {
    // What rests in the table cannot be presented.
    if key.starts_with(DIGEST) || key.len() > 40 {
        return Err(Refusal::Token(TokenFault::Invalid).into());
    }
    let owner = store::token::owner(hallpass.db().conn(), key, &digest(key)).await?;
    let user = owner.ok_or(Refusal::Token(TokenFault::Invalid))?;
    match user.is_active {
        true => Ok(user),
        false => Err(Refusal::Token(TokenFault::UserInactive).into()),
    }
}
