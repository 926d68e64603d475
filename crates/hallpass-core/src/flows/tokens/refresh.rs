//! Refresh tokens: one gives an access token, and where they are rotated the next of its family.
//!
//! A rotated one is good once: again within a few seconds it gives the same successor, for answers get lost and tabs race;
//! later it means that somebody else has it, and the whole family ends.

use std::time::Duration;

use hallpass_django::signing::hex;
use serde_json::Value;

use super::key::DIGEST;
use super::{access_of, check_password_mark, typed, user_id};
use crate::cx::Cx;
use crate::domain::jwt::{Claims, second};
use crate::domain::{Timestamp, User, secret};
use crate::error::{Error, Failure, Refusal, TokenFault};
use crate::hallpass::Hallpass;
use crate::store;
use crate::store::refresh::{Known, Outstanding};

/// What a refresh gives.
pub struct Refreshed {
    /// The new access token.
    pub access: String,
    /// When it expires.
    pub access_expires: Timestamp,
    /// The new refresh token and when it expires, where they are rotated.
    pub refresh: Option<(String, Timestamp)>,
}

/// Step 3.
///
/// # Errors
/// [`Refusal::Token`].
pub async fn refresh(cx: &mut Cx, token: &str) -> Result<Refreshed, Error> {
    let hallpass = cx.hallpass().clone();
    let claims = typed(&hallpass, token, "refresh", cx.now)?;
    let fault = |fault| Error::from(Refusal::Token(fault));
    let user = match user_id(&hallpass, &claims) {
        Some(id) => store::user::by_id(cx.read(), id).await?,
        None => return Err(fault(TokenFault::NoUser)),
    };
    let user = user
        .filter(|user| user.is_active)
        .ok_or(Refusal::Token(TokenFault::NoActiveAccount))?;
    check_password_mark(&hallpass, &claims, &user)?;
    let known = known(cx, &claims, &user, token).await?;
    if let Some(successor) = known.successor.clone() {
        return again(cx, &claims, &known, successor).await;
    }
    if known.ended.is_some() || store::refresh::is_blacklisted(cx.read(), &known.jti).await? {
        return Err(fault(TokenFault::Blacklisted));
    }
    if !hallpass.settings().simple_jwt.rotate_refresh_tokens {
        let (access, access_expires) = access_of(&hallpass, &claims, cx.now)?;
        return Ok(Refreshed {
            access,
            access_expires,
            refresh: None,
        });
    }
    let next = Known {
        jti: hex(&secret::random_bytes::<16>()),
        issued: cx.now,
        expires: cx.now
            + Duration::from_secs(hallpass.settings().simple_jwt.refresh_token_lifetime),
        ..known.clone()
    };
    // A password that changes at this moment waits for the successor, and ends it.
    if !store::user::is_current(cx.write().await?, &user).await? {
        return Err(fault(TokenFault::Blacklisted));
    }
    let now = cx.now;
    if !store::refresh::rotate(cx.write().await?, &known.jti, &next.jti, now).await? {
        // Another request was quicker: give what it was given.
        let known = store::refresh::get(cx.read(), &known.jti).await?;
        return match known {
            Some(known) => match known.successor.clone() {
                Some(successor) => again(cx, &claims, &known, successor).await,
                None => Err(fault(TokenFault::Blacklisted)),
            },
            None => Err(fault(TokenFault::Blacklisted)),
        };
    }
    if hallpass.settings().simple_jwt.blacklist_after_rotation {
        store::refresh::blacklist(cx.write().await?, &known.jti, now).await?;
    }
    let token = successor_token(&hallpass, &claims, &next)?;
    remember(cx, &next, &token).await?;
    let (access, access_expires) = access_of(&hallpass, &claims, now)?;
    Ok(Refreshed {
        access,
        access_expires,
        refresh: Some((token, next.expires)),
    })
}

const A_CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What is remembered of a token; of one that a Django issued, what it says itself.
async fn known(cx: &mut Cx, claims: &Claims, user: &User, token: &str) -> Result<Known, Failure> {
    let jti = claims
        .get("jti")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(known) = store::refresh::get(cx.read(), jti).await? {
        return Ok(known);
    }
    // What is signed to last for ever is remembered for as long as a database can say.
    let latest = (cx.now + A_CENTURY).seconds();
    let second = |name: &str| second(claims, name).unwrap_or(0).clamp(0, latest);
    let known = Known {
        jti: jti.to_owned(),
        family: jti.to_owned(),
        user: user.id,
        issued: Timestamp::from_seconds(second("iat")),
        expires: Timestamp::from_seconds(second("exp")),
        successor: None,
        ended: None,
    };
    remember(cx, &known, token).await?;
    Ok(known)
}

/// The token that took the place of another: always the same, being made of what is remembered.
fn successor_token(hallpass: &Hallpass, before: &Claims, next: &Known) -> Result<String, Failure> {
    let mut claims = before.clone();
    claims.shift_remove("aud");
    claims.shift_remove("iss");
    claims.insert("jti".to_owned(), next.jti.as_str().into());
    claims.insert("exp".to_owned(), next.expires.seconds().into());
    claims.insert("iat".to_owned(), next.issued.seconds().into());
    hallpass.jwts().encode(&claims)
}

/// A token that was rotated comes a second time.
async fn again(
    cx: &mut Cx,
    claims: &Claims,
    known: &Known,
    (successor, rotated): (String, Timestamp),
) -> Result<Refreshed, Error> {
    let hallpass = cx.hallpass().clone();
    let grace = Duration::from_secs(hallpass.settings().hallpass.refresh_grace);
    let next = store::refresh::get(cx.read(), &successor).await?;
    if let Some(next) = next.filter(|next| {
        known.ended.is_none() && next.successor.is_none() && cx.now < rotated + grace
    }) {
        let token = successor_token(&hallpass, claims, &next)?;
        let (access, access_expires) = access_of(&hallpass, claims, cx.now)?;
        return Ok(Refreshed {
            access,
            access_expires,
            refresh: Some((token, next.expires)),
        });
    }
    if known.ended.is_none() {
        let now = cx.now;
        store::refresh::end_family(cx.write().await?, &known.family, now).await?;
        cx.note_about("refresh_reused", Some(known.user), "", "")
            .await?;
    }
    Err(Refusal::Token(TokenFault::Blacklisted).into())
}

/// Step 4, with a refresh token: its family ends.
///
/// # Errors
/// [`Refusal::Token`].
pub async fn end_refresh(cx: &mut Cx, token: &str) -> Result<(), Error> {
    let hallpass = cx.hallpass().clone();
    let claims = typed(&hallpass, token, "refresh", cx.now)?;
    let fault = |fault| Error::from(Refusal::Token(fault));
    let user = match user_id(&hallpass, &claims) {
        Some(id) => store::user::by_id(cx.read(), id).await?,
        None => return Err(fault(TokenFault::NoUser)),
    };
    let Some(user) = user else {
        return Err(fault(TokenFault::Invalid));
    };
    let known = known(cx, &claims, &user, token).await?;
    if known.ended.is_some() || store::refresh::is_blacklisted(cx.read(), &known.jti).await? {
        return Err(fault(TokenFault::Blacklisted));
    }
    let now = cx.now;
    store::refresh::end_family(cx.write().await?, &known.family, now).await?;
    store::refresh::blacklist(cx.write().await?, &known.jti, now).await?;
    Ok(())
}

/// Keeps what is known of a token that was given.
pub(super) async fn remember(cx: &mut Cx, known: &Known, token: &str) -> Result<(), Failure> {
    store::refresh::insert(cx.write().await?, known).await?;
    let settings = &cx.hallpass().settings().hallpass;
    if settings.token_blacklist {
        let text = match settings.share_with_django {
            true => token.to_owned(),
            false => format!("{DIGEST}{}", secret::digest(token)),
        };
        let outstanding = Outstanding {
            jti: &known.jti,
            text: &text,
            user: known.user,
            issued: known.issued,
            expires: known.expires,
        };
        store::refresh::note_issued(cx.write().await?, outstanding).await?;
    }
    Ok(())
}
