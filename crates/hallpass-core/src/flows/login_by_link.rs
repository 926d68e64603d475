//! Sign-in by an e-mailed link: the mailbox is the key.
//!
//! 1. The visitor names an address; we always say "sent" ([`begin`]). A letter goes to whoever owns the address, or says
//!    that there is no account.
//! 2. The owner opens the link. Looking spends nothing: mail scanners and previews open links too ([`look`]).
//! 3. The owner presses the button: the link is spent and the session starts ([`finish`]). Once means once, in parallel
//!    too.
//!
//! The token is Django's password reset token, so a Django with the same secret makes and takes the same links. It dies
//! with the next sign-in, a new password, another address, or PASSWORD_RESET_TIMEOUT.

use std::time::Duration;

use hallpass_django::reset_token::{decode_uid, encode_uid};
use hallpass_django::signing::{Algorithm, salted_hmac, unpadded};
use serde_json::json;

use crate::cx::Cx;
use crate::delivery::Letter;
use crate::domain::session::keys;
use crate::domain::timestamp::spoken_for;
use crate::domain::{Login, Record, Timestamp, User, UserId, client, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::{self, Besides};
use crate::flows::login::{Progress, pipeline, within};
use crate::flows::sessions;
use crate::hallpass::Hallpass;
use crate::settings::Enumeration;
use crate::store;
use crate::store::event::{Event, Origin};
use crate::store::user::Addressed;

/// What [`begin`] came to. It does not say whether there is an account.
#[derive(Debug)]
#[must_use]
pub enum Begun {
    /// If somebody owns the address, a link is on its way.
    Sent,
}

/// How many of its own requests a browser remembers.
const REMEMBERED: usize = 5;

const ASKED: &str = "login_link_asked";

/// Step 1. `next` has been checked by the face and travels in the link.
pub async fn begin(cx: &mut Cx, address: &str, next: Option<&str>) -> Result<Begun, Error> {
    if cx.hallpass().settings().socialaccount.only {
        return Err(Refusal::NotAvailable.into());
    }
    let address = &addresses::clean(cx, address)?;
    within(cx.hit("request_login_link", Some(address)).await?)?;
    let mut owners = addresses::owners(cx, address).await?;
    owners.truncate(addresses::WRITTEN_TO);
    if owners.is_empty() {
        if cx.hallpass().settings().account.prevent_enumeration == Enumeration::Off {
            return Err(Refusal::UnknownEmail.into());
        }
        nobody(cx, address, next).await?;
    }
    for Addressed { user, address, .. } in &owners {
        write(cx, user, address, next).await?;
    }
    Ok(Begun::Sent)
}

async fn write(cx: &mut Cx, user: &User, address: &str, next: Option<&str>) -> Result<(), Failure> {
    let link = Link::make(cx.hallpass(), user, cx.now);
    let digest = link.digest();
    remember(cx, &digest);
    let url = link.url(cx, Some(address), next);
    cx.send(&letter(cx, address, Some((user, &url)))).await?;
    note(cx, Some(user.id), Some(&digest)).await
}

/// Step 1, by the app: a link that signs a user in, once. Used, it proves no mailbox, for nobody knows where the app sent
/// it. `next` is a path of this site.
///
/// # Errors
/// [`Refusal::NoSuchUser`], [`Refusal::Inactive`].
pub async fn issue(cx: &mut Cx, id: UserId, next: Option<&str>) -> Result<String, Error> {
    let user = sessions::active(cx, id).await?;
    let link = Link::make(cx.hallpass(), &user, cx.now);
    cx.note_about("login_link_issued", Some(id), "app", "")
        .await?;
    Ok(link.url(cx, None, next))
}

/// Step 1, by the app: the letter with the link, to the user's own address.
///
/// # Errors
/// As [`issue`]; [`Refusal::NoWayToConfirm`] if there is no address.
pub async fn send(cx: &mut Cx, id: UserId, next: Option<&str>) -> Result<(), Error> {
    let user = sessions::active(cx, id).await?;
    let address = addresses::recipient(cx, &user).await?;
    Ok(write(cx, &user, &address, next).await?)
}

/// The same work where there is no account: a token is made, a letter written and put into the outbox. It stays there
/// if ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS says so.
async fn nobody(cx: &mut Cx, address: &str, next: Option<&str>) -> Result<(), Error> {
    let user = User::nobody();
    let link = Link::make(cx.hallpass(), &user, cx.now);
    let digest = link.digest();
    remember(cx, &digest);
    let _ = link.url(cx, Some(address), next);
    let letter = letter(cx, address, None);
    addresses::send_or_pretend(cx, &letter).await?;
    Ok(note(cx, None, Some(&digest)).await?)
}

fn letter<'a>(cx: &Cx, to: &'a str, owner: Option<(&User, &str)>) -> Letter<'a> {
    let lifetime = cx.hallpass().link_lifetime();
    let mut context = json!({
        "asked": cx.asked(),
        "valid_for": spoken_for(lifetime),
        "email": to,
        "signup_url": cx.signup_url(),
    });
    if let Some((user, url)) = owner {
        context["link"] = url.into();
        context["user"] = json!({ "display": cx.hallpass().display(user) });
    }
    let name = if owner.is_some() {
        "login_by_link/link"
    } else {
        "login_by_link/unknown_account"
    };
    Letter {
        name,
        to,
        context,
        expires: Some(cx.now + lifetime),
    }
}

/// Notes in the session that this browser asked, so that its own link needs no warning.
fn remember(cx: &mut Cx, digest: &str) {
    let mut asked: Vec<String> = cx
        .session
        .get(keys::LINKS_ASKED)
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .unwrap_or_default();
    asked.push(digest.to_owned());
    let surplus = asked.len().saturating_sub(REMEMBERED);
    cx.session.set(keys::LINKS_ASKED, asked.split_off(surplus));
}

async fn note(cx: &mut Cx, user: Option<UserId>, subject: Option<&str>) -> Result<(), Failure> {
    cx.note(Event {
        kind: ASKED,
        user,
        method: "link",
        reason: "",
        subject,
    })
    .await
}

/// What a good link shows before its button is pressed.
#[derive(Debug)]
pub struct Looked {
    /// Who would be signed in.
    pub user: User,
    /// Where it was asked for, unless that was this browser or another program.
    pub asked_from: Option<Origin>,
}

/// Step 2. Changes nothing.
pub async fn look(cx: &mut Cx, uid: &str, token: &str) -> Result<Looked, Error> {
    let (user, digest) = check(cx, uid, token).await?;
    if !user.is_active {
        return Err(Refusal::Inactive.into());
    }
    let asked_here = cx
        .session
        .get(keys::LINKS_ASKED)
        .and_then(|value| value.as_array())
        .is_some_and(|asked| asked.iter().any(|known| known.as_str() == Some(&digest)));
    let asked_from = if asked_here {
        None
    } else {
        store::event::origin(cx.read(), ASKED, &digest).await?
    };
    Ok(Looked { user, asked_from })
}

/// A link whose button was pressed. Secret.
pub struct Pressed<'a> {
    /// Whose it is.
    pub uid: &'a str,
    /// The token.
    pub token: &'a str,
    /// What the link says of the address that it was sent to.
    pub sent_to: Option<&'a str>,
    /// Where to go afterwards, checked by the face.
    pub next: Option<String>,
}

/// Step 3. Of any number of parallel calls with links that were good a moment ago, one gets through: the row of the user
/// is written only if it still is what the token was made from, and the token's digest goes into a table of spent ones.
pub async fn finish(cx: &mut Cx, pressed: Pressed<'_>) -> Result<Progress, Error> {
    within(cx.hit("login", None).await?)?;
    let hook = cx.hallpass().login_hook().clone();
    hook.may_attempt(cx).await?;
    let (user, digest) = match check(cx, pressed.uid, pressed.token).await {
        Ok(checked) => checked,
        Err(Error::Refused(refusal)) => return refuse(cx, None, refusal).await,
        Err(failed) => return Err(failed),
    };
    if !user.is_active {
        return refuse(cx, Some(user.id), Refusal::Inactive).await;
    }
    let expires = cx.now + cx.hallpass().link_lifetime() + Duration::from_secs(60);
    if !store::spent::spend(cx.write().await?, &digest, expires).await? {
        return refuse(cx, Some(user.id), Refusal::InvalidLink).await;
    }
    let mailbox = mailbox(cx, &user, &pressed).await?;
    let user = match &mailbox {
        Some(email) => addresses::possess(cx, &user, email, Besides::Nothing).await?,
        None => user,
    };
    let email = mailbox.unwrap_or_else(|| user.email.clone());
    let mut record = Record::new("link", cx.now);
    record.email = Some(email.clone());
    let login = Login {
        records: vec![record],
        email: Some(email).filter(|email| !email.is_empty()),
        next: pressed.next,
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

/// Which of the user's addresses the link was sent to: that mailbox, and no other, is proved by it.
async fn mailbox(
    cx: &mut Cx,
    user: &User,
    pressed: &Pressed<'_>,
) -> Result<Option<String>, Failure> {
    let Some(mark) = pressed.sent_to else {
        return Ok(None);
    };
    let rows = addresses::of(cx, user).await?;
    let all = rows.into_iter().map(|row| row.email);
    let mut all = all.chain([user.email.clone()]);
    let hallpass = cx.hallpass().clone();
    Ok(all.find(|email| sent_to(&hallpass, pressed.token, email) == mark))
}

/// What a link says of the address that it was sent to: nothing to a reader, and nobody else can make it.
fn sent_to(hallpass: &Hallpass, token: &str, email: &str) -> String {
    let value = format!("{token}\0{}", email.to_lowercase());
    let mac = salted_hmac(
        Algorithm::Sha256,
        "hallpass.link_address.v1",
        value.as_bytes(),
        hallpass.keys().current(),
    );
    unpadded(&mac[..16])
}

async fn refuse<T>(cx: &mut Cx, user: Option<UserId>, refusal: Refusal) -> Result<T, Error> {
    cx.note_about("login_failed", user, "link", refusal.code())
        .await?;
    Err(refusal.into())
}

/// The user whom the link is for, and the link's digest. Mistyped, expired, spent, or for nobody: all one refusal, after
/// the same work.
async fn check(cx: &mut Cx, uid: &str, token: &str) -> Result<(User, String), Error> {
    let users = cx.hallpass().db().users();
    let id = decode_uid(uid).and_then(|text| users.key(&text));
    let user = match id {
        Some(id) => store::user::by_id(cx.read(), id).await?,
        None => None,
    };
    let known = user.is_some();
    let user = user.unwrap_or_else(User::nobody);
    let good = cx.hallpass().check_reset_token(&user, token, cx.now);
    let digest = digest(user.id, token);
    if !good || !known || store::spent::is_spent(cx.read(), &digest).await? {
        return Err(Refusal::InvalidLink.into());
    }
    Ok((user, digest))
}

/// A link, made.
pub struct Link {
    user: UserId,
    token: String,
}

impl Link {
    /// Makes a link for `user`.
    pub fn make(hallpass: &Hallpass, user: &User, now: Timestamp) -> Self {
        Link {
            user: user.id,
            token: hallpass.make_reset_token(user, now),
        }
    }

    /// Its path below the mount point.
    pub fn path(&self) -> String {
        format!(
            "login/link/{}/{}/",
            encode_uid(&self.user.to_string()),
            self.token
        )
    }

    fn digest(&self) -> String {
        digest(self.user, &self.token)
    }

    fn url(&self, cx: &Cx, to: Option<&str>, next: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(to) = to {
            query.append_pair("to", &sent_to(cx.hallpass(), &self.token, to));
        }
        if let Some(next) = next {
            query.append_pair("next", next);
        }
        match query.finish() {
            query if query.is_empty() => cx.url(&self.path()),
            query => format!("{}?{query}", cx.url(&self.path())),
        }
    }
}

fn digest(user: UserId, token: &str) -> String {
    secret::digest(&format!("login_link\0{user}\0{token}"))
}

/// The browser of an origin, in words.
pub fn spoken_browser(origin: &Origin) -> String {
    client::speak(&origin.user_agent)
}
