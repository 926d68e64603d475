//! The link in the letter: Django's key, and what is remembered of it here.

use hallpass_django::reset_token::encode_uid_base36;
use serde_json::json;

use crate::cx::Cx;
use crate::delivery::Letter;
use crate::domain::timestamp::spoken_for;
use crate::domain::{User, UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::{addresses, code};
use crate::store;
use crate::store::code::Challenge;
use crate::store::user::Addressed;

use super::{reminder, unknown, user_of};

/// Writes to everybody who owns the address, or to nobody.
///
/// # Errors
/// A failure.
pub(super) async fn send(cx: &mut Cx, email: &str, owners: &[Addressed]) -> Result<(), Error> {
    if owners.is_empty() {
        // The token is made for nobody too, since making it takes time.
        let nobody = User::nobody();
        store::email_address::of_user(cx.read(), nobody.id).await?;
        let (_, digest) = letter(cx, &nobody, email, &[]);
        note(cx, &digest, None, email).await?;
        unknown(cx, email, "link").await?;
    }
    for Addressed { user, address, .. } in owners {
        write(cx, user, address).await?;
    }
    Ok(())
}

/// Writes to one of a user's addresses.
///
/// # Errors
/// A failure.
pub(super) async fn write(cx: &mut Cx, user: &User, address: &str) -> Result<(), Error> {
    let rows = addresses::of(cx, user).await?;
    let all: Vec<&str> = rows.iter().map(|row| row.email.as_str()).collect();
    let (made, digest) = letter(cx, user, address, &all);
    note(cx, &digest, Some(user.id), address).await?;
    cx.send(&made).await?;
    Ok(cx
        .note_about("password_reset_asked", Some(user.id), "link", "")
        .await?)
}

/// A link without a letter.
///
/// # Errors
/// A failure.
pub(super) async fn issue(cx: &mut Cx, user: &User) -> Result<String, Failure> {
    let rows = addresses::of(cx, user).await?;
    let all: Vec<&str> = rows.iter().map(|row| row.email.as_str()).collect();
    Ok(made(cx, user, &all).0)
}

/// A link, and the digest of its token.
fn made(cx: &Cx, user: &User, all: &[&str]) -> (String, String) {
    let token = cx.hallpass().make_password_token(user, all, cx.now);
    let uid = encode_uid_base36(&user.id.to_string());
    (cx.reset_link(&uid, &token), digest_of(user.id, &token))
}

/// The letter, and the digest of the token in it.
fn letter<'a>(cx: &Cx, user: &User, to: &'a str, all: &[&str]) -> (Letter<'a>, String) {
    let (link, digest) = made(cx, user, all);
    let lifetime = cx.hallpass().link_lifetime();
    let context = json!({
        "link": link,
        "username": reminder(cx, user),
        "user": { "display": cx.hallpass().display(user) },
        "valid_for": spoken_for(lifetime),
        "asked": cx.asked(),
    });
    let letter = Letter {
        name: "password_reset/link",
        to,
        context,
        expires: Some(cx.now + lifetime),
    };
    (letter, digest)
}

fn digest_of(user: UserId, token: &str) -> String {
    secret::digest(&format!("password_reset\0{user}\0{token}"))
}

/// The purpose of a row that only remembers where a link went: there is no code to it.
const PURPOSE: &str = "password_reset_link";

/// Remembers where a link was sent: that mailbox, and no other, is proved by it. The link itself is Django's, and does
/// not say.
async fn note(
    cx: &mut Cx,
    digest: &str,
    user: Option<UserId>,
    recipient: &str,
) -> Result<(), Failure> {
    let lifetime = cx.hallpass().link_lifetime();
    let challenge = Challenge {
        user,
        recipient: recipient.to_owned(),
        ..code::blank(cx, digest.to_owned(), PURPOSE, lifetime)
    };
    // Asked for twice within a second, it is the same link.
    store::code::take(cx.write().await?, digest).await?;
    store::code::insert(cx.write().await?, &challenge).await
}

/// The user of a key, and the key's digest.
///
/// # Errors
/// As [`super::open`].
pub(super) async fn check(cx: &mut Cx, key: &str) -> Result<(User, String), Error> {
    let (uid, token) = key.split_once('-').unwrap_or((key, ""));
    // Only a key that a user can have: what is beyond is refused, not looked for.
    let id = cx.hallpass().db().users().key_from_link(uid);
    let user = user_of(cx, id).await?;
    let known = user.is_some();
    let user = user.unwrap_or_else(User::nobody);
    let rows = match known {
        true => store::email_address::of_user(cx.read(), user.id).await?,
        false => Vec::new(),
    };
    let all: Vec<&str> = rows.iter().map(|row| row.email.as_str()).collect();
    let good = cx
        .hallpass()
        .check_password_token(&user, &all, token, cx.now);
    let digest = digest_of(user.id, token);
    if !good || !known || store::spent::is_spent(cx.read(), &digest).await? {
        return Err(Refusal::InvalidPasswordReset.into());
    }
    Ok((user, digest))
}

/// Where a link was sent, if it was sent from here.
///
/// # Errors
/// A failure.
pub(super) async fn recipient(cx: &mut Cx, digest: &str) -> Result<Option<String>, Failure> {
    let now = cx.now;
    let found = store::code::get(cx.read(), digest, PURPOSE, now).await?;
    Ok(found.map(|challenge| challenge.recipient))
}
