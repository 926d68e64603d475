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
use serde_json::json;

use crate::cx::Cx;
use crate::delivery::{Letter, is_address};
use crate::domain::session::keys;
use crate::domain::{Timestamp, User, UserId, client, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::login::{check_field, within};
use crate::flows::sessions::{self, Proof};
use crate::hallpass::Hallpass;
use crate::settings::Enumeration;
use crate::store;
use crate::store::event::{Event, Origin};

/// What [`begin`] came to. It does not say whether there is an account.
#[derive(Debug)]
#[must_use]
pub enum Begun {
    /// If somebody owns the address, a link is on its way.
    Sent,
}

/// The letters of one request: more accounts than this on one address are not written to.
const ACCOUNTS_PER_ADDRESS: usize = 5;

/// How many of its own requests a browser remembers.
const REMEMBERED: usize = 5;

const ASKED: &str = "login_link_asked";

/// Step 1. `next` has been checked by the face and travels in the link.
pub async fn begin(cx: &mut Cx, address: &str, next: Option<&str>) -> Result<Begun, Error> {
    let address = address.trim();
    let limit = usize::try_from(cx.hallpass().settings().account.email_max_length).unwrap_or(254);
    check_field("email", address, limit)?;
    if !is_address(address) {
        return Err(Refusal::InvalidEmail.into());
    }
    within(cx.hit("request_login_link", Some(address)).await?)?;
    let owners = owners(cx, address).await?;
    if owners.is_empty() {
        if cx.hallpass().settings().account.prevent_enumeration == Enumeration::Off {
            return Err(Refusal::UnknownEmail.into());
        }
        nobody(cx, address, next).await?;
    }
    for (user, to) in &owners {
        let link = Link::make(cx.hallpass(), user, cx.now);
        let digest = link.digest();
        remember(cx, &digest);
        let url = link.url(cx, next);
        cx.send(&letter(cx, to, Some((user, &url)))).await?;
        note(cx, Some(user.id), Some(&digest)).await?;
    }
    Ok(Begun::Sent)
}

/// Who gets a link: active owners, those who proved the address before all others, at the spelling that they gave it.
async fn owners(cx: &mut Cx, address: &str) -> Result<Vec<(User, String)>, Error> {
    let mut found = store::user::by_email(cx.read(), address).await?;
    found.retain(|found| found.user.is_active);
    if found.iter().any(|found| found.verified) {
        found.retain(|found| found.verified);
    }
    Ok(found
        .into_iter()
        .take(ACCOUNTS_PER_ADDRESS)
        .map(|found| (found.user, found.address))
        .collect())
}

/// The same work where there is no account: a token is made, a letter written and put into the outbox. It stays there
/// if ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS says so.
async fn nobody(cx: &mut Cx, address: &str, next: Option<&str>) -> Result<(), Error> {
    let user = User::nobody();
    let link = Link::make(cx.hallpass(), &user, cx.now);
    let digest = link.digest();
    remember(cx, &digest);
    let _ = link.url(cx, next);
    let letter = letter(cx, address, None);
    if cx.hallpass().settings().account.email_unknown_accounts {
        cx.send(&letter).await?;
    } else {
        cx.send_nothing(&letter).await?;
    }
    Ok(note(cx, None, Some(&digest)).await?)
}

fn letter<'a>(cx: &Cx, to: &'a str, owner: Option<(&User, &str)>) -> Letter<'a> {
    let lifetime = cx.hallpass().link_lifetime();
    let mut context = json!({
        "asked": { "when": cx.now.spoken(), "ip": cx.client.ip.to_string(), "browser": cx.client.spoken_agent() },
        "valid_for": spoken(lifetime),
        "once": true,
        "email": to,
        "signup_url": null,
    });
    if let Some((user, url)) = owner {
        context["link"] = url.into();
        context["user"] = json!({ "display": user.display() });
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

/// What came of pressing the button.
#[derive(Debug)]
#[must_use]
pub enum Finished {
    /// The session is this user's.
    SignedIn(User),
}

/// Step 3. Of any number of parallel calls with links that were good a moment ago, one gets through: the row of the user
/// is written only if it still is what the token was made from, and the token's digest goes into a table of spent ones.
pub async fn finish(cx: &mut Cx, uid: &str, token: &str) -> Result<Finished, Error> {
    within(cx.hit("login", None).await?)?;
    let (user, digest) = match check(cx, uid, token).await {
        Ok(checked) => checked,
        Err(Error::Refused(refusal)) => return refuse(cx, None, refusal).await,
        Err(failed) => return Err(failed),
    };
    if !user.is_active {
        return refuse(cx, Some(user.id), Refusal::Inactive).await;
    }
    let expires = cx.now + cx.hallpass().link_lifetime() + Duration::from_secs(60);
    let first = store::spent::spend(cx.write().await?, &digest, expires).await?;
    let proof = Proof {
        method: "link",
        email: Some(user.email.as_str()),
        username: None,
        once: true,
    };
    if !first || !sessions::sign_in(cx, &user, proof).await? {
        return refuse(cx, Some(user.id), Refusal::InvalidLink).await;
    }
    Ok(Finished::SignedIn(user))
}

async fn refuse<T>(cx: &mut Cx, user: Option<UserId>, refusal: Refusal) -> Result<T, Error> {
    cx.note_about("login_failed", user, "link", refusal.code())
        .await?;
    Err(refusal.into())
}

/// The user whom the link is for, and the link's digest. Mistyped, expired, spent, or for nobody: all one refusal, after
/// the same work.
async fn check(cx: &mut Cx, uid: &str, token: &str) -> Result<(User, String), Error> {
    let id = decode_uid(uid).and_then(|text| text.parse::<UserId>().ok());
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

    fn url(&self, cx: &Cx, next: Option<&str>) -> String {
        let mut url = format!(
            "{}{}{}",
            cx.client.base_url,
            cx.hallpass().settings().hallpass.mount,
            self.path()
        );
        if let Some(next) = next {
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("next", next)
                .finish();
            url.push('?');
            url.push_str(&query);
        }
        url
    }
}

fn digest(user: UserId, token: &str) -> String {
    secret::digest(&format!("login_link\0{user}\0{token}"))
}

/// A lifetime in words: "3 days", "20 minutes".
pub fn spoken(lifetime: Duration) -> String {
    let seconds = lifetime.as_secs();
    let (amount, unit) = match seconds {
        172_800.. => (seconds / 86_400, "day"),
        7_200.. => (seconds / 3_600, "hour"),
        120.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

/// The browser of an origin, in words.
pub fn spoken_browser(origin: &Origin) -> String {
    client::speak(&origin.user_agent)
}
