//! Magic links: a link to one page, for whoever holds it, in django-sesame's format.
//!
//! 1. The app makes a link for somebody ([`Hallpass::magic_link`](crate::Hallpass::magic_link)) and sends it as it likes. Nothing is stored.
//! 2. Somebody opens it. The token is taken apart, its user is looked up, and its signature is held against that user's
//!    row and the scope of the page ([`redeem`]). Whoever opened it is that user for this one request: no session starts.
//!    That is one statement, and no write.
//! 3. A link that is good once is spent in the same step: of any number of parallel requests, one gets in.
//! 4. Where the app wants a session, [`sign_in`] does the same and goes on as every sign-in does: stages, hooks, records.
//! 5. Single links can be revoked ([`Hallpass::revoke_magic_link`](crate::Hallpass::revoke_magic_link)), where HALLPASS_MAGIC_LINK_REVOCABLE says so.
//!
//! Why a link is not taken is for the log: `debug`, under the name `sesame`, and never the token.
//!
//! A token of version 2 can only be judged with the user's row at hand, so anybody may have rows looked up. What fails
//! there counts (`magic_link_failed`), and who is over the limit is turned away before anything is looked up; a good
//! link costs no look at the counts.

mod issue;
mod key;
mod revoke;

use std::time::Duration;

use hallpass_django::sesame::{Fault, Parsed, UserFields, Version};

pub use issue::{Issue, Issued};
pub use revoke::LinkId;

use crate::cx::Cx;
use crate::domain::{Login, Record, Timestamp, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::flows::login::{Progress, pipeline, within};
use crate::flows::sessions;
use crate::limits::Verdict;
use crate::store;

const FAILED: &str = "magic_link_failed";

/// What a page demands of a link.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The scope that the link was made with; empty for none. Links of one scope open no page of another.
    pub scope: String,
    /// Seconds, in place of SESAME_MAX_AGE: shorter or longer. Means nothing where that is not set.
    pub max_age: Option<u64>,
    /// Whether opening the link counts as a sign-in. `None`: with SESAME_ONE_TIME, which rests on it.
    pub update_last_login: Option<bool>,
    /// The link opens this page once, whatever SESAME_ONE_TIME says; others of the user stay good. Needs SESAME_MAX_AGE.
    pub once: bool,
}

/// What became of a link.
#[derive(Debug)]
#[must_use]
pub enum Redeemed {
    /// It is this user's.
    Opened(User),
    /// It opens nothing; the log says why.
    Shut,
}

/// Steps 2 and 3. Before the first write.
///
/// # Errors
/// [`Refusal::RateLimited`] after too many links that were none, [`Refusal::Busy`], or a failure; one of them is to ask
/// for [`Terms::once`] without SESAME_MAX_AGE.
pub async fn redeem(cx: &mut Cx, token: &str, terms: &Terms) -> Result<Redeemed, Error> {
    Ok(said(open(cx, token, terms, true).await?))
}

/// Step 2 without 3: what [`redeem`] would say now. Spends nothing and writes nothing.
///
/// # Errors
/// As [`redeem`].
pub async fn look(cx: &mut Cx, token: &str, terms: &Terms) -> Result<Redeemed, Error> {
    Ok(said(open(cx, token, terms, false).await?))
}

fn said(opened: Result<User, Fault>) -> Redeemed {
    match opened {
        Ok(user) => Redeemed::Opened(user),
        Err(fault) => {
            tracing::debug!(target: "sesame", %fault, "a magic link was not taken");
            Redeemed::Shut
        }
    }
}

async fn open(
    cx: &mut Cx,
    token: &str,
    terms: &Terms,
    spend: bool,
) -> Result<Result<User, Fault>, Error> {
    let settings = &cx.hallpass().settings().sesame;
    let (one_time, age) = (settings.one_time, settings.max_age);
    if terms.once && age.is_none() {
        let what = "a magic link that opens a page once needs SESAME_MAX_AGE";
        return Err(Failure::new(what).into());
    }
    let max_age = terms.max_age.map(|wanted| revoke::bounded(cx, wanted));
    let parsed = match cx
        .hallpass()
        .sesame()
        .parse(token, cx.now.seconds(), max_age)
    {
        Ok(parsed) => parsed,
        Err(fault) => return Ok(Err(fault)),
    };
    if parsed.version() == Version::V1 && !terms.scope.is_empty() {
        return Ok(Err(Fault::ScopeInV1));
    }
    let made = parsed.made();
    let user = match prove(cx, parsed, &terms.scope).await? {
        Ok(user) => user,
        Err(fault) => {
            count_failure(cx).await?;
            return Ok(Err(fault));
        }
    };
    let id = LinkId::of(token);
    if cx.hallpass().settings().hallpass.magic_link_revocable
        && revoke::is_revoked(cx, id.as_ref()).await?
    {
        return Ok(Err(Fault::Revoked));
    }
    if let (true, Some(id)) = (terms.once, id) {
        if !spend {
            let spent = store::spent::is_spent(cx.read(), id.as_str()).await?;
            return Ok(if spent { Err(Fault::Revoked) } else { Ok(user) });
        }
        // Until it is too old for this page; a minute for clocks that differ.
        let lifetime = max_age.or(age).unwrap_or_default().saturating_add(60);
        let made = made.map_or(cx.now, Timestamp::from_seconds);
        let expires = made.max(cx.now) + Duration::from_secs(lifetime);
        if !store::spent::spend(cx.write().await?, id.as_str(), expires).await? {
            return Ok(Err(Fault::Revoked));
        }
    }
    if spend && terms.update_last_login.unwrap_or(one_time) {
        return Ok(mark(cx, user, one_time).await?.ok_or(Fault::Revoked));
    }
    Ok(Ok(user))
}

/// The user whom the token names, if it was made from their row for this scope. Equal work where there is nobody.
async fn prove(cx: &mut Cx, parsed: Parsed, scope: &str) -> Result<Result<User, Fault>, Error> {
    let (ip, now) = (cx.client.ip, cx.now);
    if let Some(retry_after) = cx.hallpass().limits().turned_away(FAILED, ip, now) {
        return Err(Refusal::RateLimited { retry_after }.into());
    }
    let field = key::field(cx.hallpass());
    let user = key::look_up(cx, parsed.pk(), field).await?;
    let user = user.filter(|user| user.is_active);
    // Version 1 holds a PBKDF2 against what is in the token.
    let slow = parsed.version() == Version::V1;
    let scope = scope.to_owned();
    let check = move || {
        let pk = user.as_ref().map(|user| key::of(user, field));
        let fields = user.as_ref().zip(pk.as_ref()).map(|(user, pk)| UserFields {
            pk,
            password: &user.password,
            email: &user.email,
            last_login: user.last_login.map(Timestamp::micros),
        });
        parsed.check(fields, &scope)?;
        user.ok_or(Fault::UnknownUser)
    };
    match slow {
        true => cx.think(check).await,
        false => Ok(check()),
    }
}

/// What failed only after somebody was looked up counts; over the limit, the address is turned away for a while.
async fn count_failure(cx: &mut Cx) -> Result<(), Error> {
    if let Verdict::Exceeded { retry_after } = cx.hit(FAILED, None).await? {
        let (ip, now) = (cx.client.ip, cx.now);
        let limits = cx.hallpass().limits();
        limits.turn_away(FAILED, ip, now, retry_after);
        return Err(Refusal::RateLimited { retry_after }.into());
    }
    Ok(())
}

/// Opening a link counts as a sign-in. With SESAME_ONE_TIME that ends it, and of parallel requests all but one find that
/// the row has changed.
async fn mark(cx: &mut Cx, mut user: User, once: bool) -> Result<Option<User>, Failure> {
    let at = sessions::next_login(&user, cx.now);
    let marked = match once {
        true => store::user::mark_login_once(cx.write().await?, &user, at).await?,
        false => store::user::mark_login(cx.write().await?, &user, at).await?,
    };
    user.last_login = Some(at);
    Ok(marked.then_some(user))
}

/// Step 4. `next` has been checked by the face.
///
/// # Errors
/// [`Refusal::InvalidLink`] for whatever is wrong with the link, what hooks and stages refuse, or as [`redeem`].
pub async fn sign_in(
    cx: &mut Cx,
    token: &str,
    terms: &Terms,
    next: Option<String>,
) -> Result<Progress, Error> {
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    // Of a link that is good once, this is what ends it.
    let terms = Terms {
        update_last_login: None,
        ..terms.clone()
    };
    let Redeemed::Opened(user) = redeem(cx, token, &terms).await? else {
        return refuse(cx, None, Refusal::InvalidLink).await;
    };
    // What sending a code counts comes next, and limits are counted outside. A link that is good once is spent here.
    cx.checkpoint().await?;
    let login = Login {
        records: vec![Record::new("link", cx.now)],
        magic: true,
        next,
        ..Login::new(&user, cx.now)
    };
    let id = user.id;
    match pipeline::begin(cx, login, Some(user)).await {
        Err(Error::Refused(Refusal::NotPending)) => {
            refuse(cx, Some(id), Refusal::InvalidLink).await
        }
        Err(Error::Refused(refusal)) => refuse(cx, Some(id), refusal).await,
        other => other,
    }
}

async fn refuse<T>(cx: &mut Cx, user: Option<UserId>, refusal: Refusal) -> Result<T, Error> {
    cx.note_about("login_failed", user, "link", refusal.code())
        .await?;
    Err(refusal.into())
}
