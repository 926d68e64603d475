//! The addresses of one's own account.
//!
//! 1. They are listed ([`list`]).
//! 2. Another one is added ([`add`]). By link it is a row at once, unconfirmed; by code it is nothing until the code came
//!    back ([`finish_code`]).
//! 3. One becomes the primary one ([`make_primary`]), is written to again ([`send`]), or goes ([`remove`]).
//!
//! All of it asks for a fresh proof where ACCOUNT_REAUTHENTICATION_REQUIRED says so.

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{User, address};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::{self, Claim};
use crate::flows::code::{self, Checked, Purpose, Recipient};
use crate::flows::login::within;
use crate::flows::reauthentication;
use crate::limits::Verdict;
use crate::settings::Enumeration;
use crate::store::code::Challenge;
use crate::store::email_address::EmailAddress;
use crate::store::{self, Claimed};

/// The addresses of an account.
#[derive(Debug)]
pub struct Listed {
    /// Those that are saved, the primary one first.
    pub addresses: Vec<Entry>,
    /// One whose code is awaited.
    pub pending: Option<String>,
    /// Whether there is room for another.
    pub can_add: bool,
}

/// An address and what can be done with it.
#[derive(Debug)]
pub struct Entry {
    /// The row.
    pub address: EmailAddress,
    /// Whether it may go.
    pub can_remove: bool,
    /// Whether it may become the primary one.
    pub can_make_primary: bool,
}

/// Step 1.
///
/// # Errors
/// [`Refusal::LoginRequired`].
pub async fn list(cx: &mut Cx) -> Result<Listed, Error> {
    let user = cx.signed_in()?;
    let rows = addresses::of(cx, &user).await?;
    let pending = challenge(cx).await?.map(|challenge| challenge.recipient);
    let room = has_room(cx, rows.len() + usize::from(pending.is_some()));
    let entries = rows.iter().map(|row| Entry {
        address: row.clone(),
        can_remove: addresses::may_remove(cx, &user, &rows, row).is_ok(),
        can_make_primary: !row.primary && addresses::may_be_primary(&rows, row),
    });
    Ok(Listed {
        addresses: entries.collect(),
        pending,
        can_add: room || cx.hallpass().settings().account.change_email,
    })
}

fn has_room(cx: &Cx, count: usize) -> bool {
    match cx.hallpass().settings().account.max_email_addresses {
        Some(most) => count < usize::try_from(most).unwrap_or(usize::MAX),
        None => count < MOST,
    }
}

/// Without a limit of the operator's: nobody has more, and every row is work for us.
const MOST: usize = 100;

async fn admit(cx: &mut Cx) -> Result<User, Error> {
    let user = cx.signed_in()?;
    reauthentication::require(cx).await?;
    within(cx.hit("manage_email", None).await?)?;
    Ok(user)
}

/// What came of adding an address, or of writing to one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// A link is on its way.
    LinkSent,
    /// A code is, and it is awaited.
    CodeSent,
}

/// Step 2.
///
/// # Errors
/// [`Refusal::DuplicateEmail`], [`Refusal::EmailTaken`] where that may be told, [`Refusal::TooManyEmails`],
/// [`Refusal::ReauthenticationRequired`], [`Refusal::RateLimited`], what an address may be refused for.
pub async fn add(cx: &mut Cx, typed: &str) -> Result<Added, Error> {
    let user = admit(cx).await?;
    let email = addresses::clean(cx, typed)?;
    let email = cx.hallpass().signup_hook().clone().clean_email(email)?;
    let account = cx.hallpass().settings().account.clone();
    let rows = addresses::of(cx, &user).await?;
    if rows.iter().any(|row| address::same(&row.email, &email)) {
        return Err(Refusal::DuplicateEmail.into());
    }
    // Unlike at a signup, nothing has to be told here: confirming it will fail, and only its owner gets the letter.
    let hide = account.prevent_enumeration != Enumeration::Off;
    if !hide && addresses::claim(cx, &email, Some(user.id)).await? == Claim::Taken {
        return Err(Refusal::EmailTaken.into());
    }
    if !account.change_email && !has_room(cx, rows.len()) {
        let limit = account.max_email_addresses.map(usize::try_from);
        return Err(Refusal::TooManyEmails {
            limit: limit.and_then(Result::ok).unwrap_or(MOST),
        }
        .into());
    }
    cx.checkpoint().await?;
    let verdict = cx
        .hit("confirm_email", Some(&limited(&user, &email)))
        .await?;
    if account.email_verification_by_code_enabled {
        within(verdict)?;
        begin_code(cx, &user, &email).await?;
        return Ok(Added::CodeSent);
    }
    // Two at once must not both be the first, nor both be the last that there is room for.
    store::hold(cx.write().await?, Claimed::AddressesOf(user.id)).await?;
    let rows = addresses::of(cx, &user).await?;
    if account.change_email {
        for old in rows.iter().filter(|row| !row.verified && !row.primary) {
            store::email_address::remove(cx.write().await?, user.id, old.id).await?;
        }
    }
    let conn = cx.write().await?;
    let id = store::email_address::insert(conn, user.id, &email, false, rows.is_empty()).await?;
    let row = match id {
        Some(id) => store::email_address::by_id(cx.read(), id).await?,
        None => None,
    };
    let row = row.ok_or(Refusal::DuplicateEmail)?;
    if row.primary {
        store::email_address::make_primary(cx.write().await?, user.id, row.id, &email).await?;
    }
    cx.note_about("email_added", Some(user.id), "", "").await?;
    if let Verdict::Within(_) = verdict {
        addresses::send_link(cx, &user, &row, false).await?;
    }
    Ok(Added::LinkSent)
}

/// What letters are counted by: user and address, so that nobody keeps the letter of a signup from its owner by having
/// others sent to the same address.
fn limited(user: &User, email: &str) -> String {
    format!("{}\0{email}", user.id)
}

async fn begin_code(cx: &mut Cx, user: &User, email: &str) -> Result<(), Error> {
    cancel(cx).await?;
    let recipient = Recipient {
        user: Some(user.id),
        to: email,
        genuine: true,
    };
    let sent = code::begin(cx, Purpose::AddEmail, recipient).await?;
    cx.session
        .set(keys::EMAIL_CHALLENGE, sent.challenge.id.as_str());
    Ok(addresses::send_code(cx, Some(user), &sent, false).await?)
}

async fn challenge(cx: &mut Cx) -> Result<Option<Challenge>, Failure> {
    let id = code::id_in(cx, keys::EMAIL_CHALLENGE);
    let user = cx.session.user_id();
    let found = code::pending(cx, Purpose::AddEmail, id.as_deref()).await?;
    Ok(found.filter(|challenge| challenge.user == user))
}

/// What the page for the code shows.
#[derive(Debug)]
pub struct Waiting {
    /// The address.
    pub email: String,
    /// Whether the code can be sent again.
    pub can_resend: bool,
    /// How long it is good.
    pub valid_for: Duration,
}

/// The address whose code is awaited.
///
/// # Errors
/// [`Refusal::LoginRequired`], [`Refusal::NotPending`].
pub async fn waiting(cx: &mut Cx) -> Result<Waiting, Error> {
    cx.signed_in()?;
    let challenge = challenge(cx).await?.ok_or(Refusal::NotPending)?;
    Ok(Waiting {
        can_resend: code::can_resend(cx, Purpose::AddEmail, &challenge),
        valid_for: challenge.expires.since(cx.now),
        email: challenge.recipient,
    })
}

/// Sends the awaited code again.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::ResendExhausted`], [`Refusal::RateLimited`].
pub async fn resend_code(cx: &mut Cx) -> Result<(), Error> {
    let user = cx.signed_in()?;
    let before = challenge(cx).await?.ok_or(Refusal::NotPending)?;
    within(
        cx.hit("confirm_email", Some(&limited(&user, &before.recipient)))
            .await?,
    )?;
    let sent = code::resend(cx, Purpose::AddEmail, &before).await?;
    Ok(addresses::send_code(cx, Some(&user), &sent, false).await?)
}

/// Gives up an address whose code is awaited.
///
/// # Errors
/// A failure.
pub async fn cancel(cx: &mut Cx) -> Result<(), Failure> {
    let id = code::id_in(cx, keys::EMAIL_CHALLENGE);
    cx.session.remove(keys::EMAIL_CHALLENGE);
    code::end(cx, id.as_deref()).await
}

/// Step 2, by code: it was typed. Now the address is saved, confirmed.
///
/// # Errors
/// [`Refusal::IncorrectCode`], after which it may be over; [`Refusal::EmailTaken`], [`Refusal::NotPending`].
pub async fn finish_code(cx: &mut Cx, typed: &str) -> Result<(), Error> {
    let user = cx.signed_in()?;
    let id = code::id_in(cx, keys::EMAIL_CHALLENGE);
    let challenge = match code::check(cx, Purpose::AddEmail, id.as_deref(), typed).await? {
        Checked::Right(challenge) if challenge.user == Some(user.id) => challenge,
        checked @ (Checked::Wrong | Checked::Over) => {
            if matches!(checked, Checked::Over) {
                cancel(cx).await?;
            }
            cx.note_about(
                "email_code_rejected",
                Some(user.id),
                "code",
                "incorrect_code",
            )
            .await?;
            return Err(Refusal::IncorrectCode.into());
        }
        Checked::Right(_) | Checked::Gone => {
            cancel(cx).await?;
            return Err(Refusal::NotPending.into());
        }
    };
    cx.session.remove(keys::EMAIL_CHALLENGE);
    let rows = addresses::of(cx, &user).await?;
    let known = rows
        .into_iter()
        .find(|row| address::same(&row.email, &challenge.recipient));
    let row = match known {
        Some(row) => row,
        None => {
            let conn = cx.write().await?;
            let email = &challenge.recipient;
            let id = store::email_address::insert(conn, user.id, email, false, false).await?;
            let row = match id {
                Some(id) => store::email_address::by_id(cx.read(), id).await?,
                None => None,
            };
            cx.note_about("email_added", Some(user.id), "", "").await?;
            row.ok_or(Refusal::DuplicateEmail)?
        }
    };
    match addresses::confirm(cx, &row).await {
        Err(Error::Refused(Refusal::EmailTaken)) => {
            // Nothing of an address that cannot be had is kept.
            store::email_address::remove(cx.write().await?, user.id, row.id).await?;
            Err(Refusal::EmailTaken.into())
        }
        other => other,
    }
}

async fn own(
    cx: &mut Cx,
    user: &User,
    email: &str,
) -> Result<(Vec<EmailAddress>, EmailAddress), Error> {
    let rows = addresses::of(cx, user).await?;
    let row = rows
        .iter()
        .find(|row| address::same(&row.email, email.trim()))
        .cloned();
    let row = row.ok_or(Refusal::NoSuchAddress)?;
    Ok((rows, row))
}

/// Step 3: a letter again. Over the limit nothing is sent by link, since the last one still works.
///
/// # Errors
/// [`Refusal::NoSuchAddress`], [`Refusal::RateLimited`], [`Refusal::ReauthenticationRequired`].
pub async fn send(cx: &mut Cx, email: &str) -> Result<Added, Error> {
    let user = admit(cx).await?;
    let (_, row) = own(cx, &user, email).await?;
    let by_code = cx
        .hallpass()
        .settings()
        .account
        .email_verification_by_code_enabled;
    let sent = if by_code {
        Added::CodeSent
    } else {
        Added::LinkSent
    };
    if row.verified {
        return Ok(Added::LinkSent);
    }
    cx.checkpoint().await?;
    let verdict = cx
        .hit("confirm_email", Some(&limited(&user, &row.email)))
        .await?;
    if by_code {
        within(verdict)?;
        begin_code(cx, &user, &row.email).await?;
    } else if let Verdict::Within(_) = verdict {
        addresses::send_link(cx, &user, &row, false).await?;
    }
    Ok(sent)
}

/// Step 3.
///
/// # Errors
/// [`Refusal::UnverifiedPrimary`], [`Refusal::NoSuchAddress`], [`Refusal::ReauthenticationRequired`],
/// [`Refusal::RateLimited`].
pub async fn make_primary(cx: &mut Cx, email: &str) -> Result<(), Error> {
    let user = admit(cx).await?;
    let (rows, row) = own(cx, &user, email).await?;
    if row.primary {
        return Ok(());
    }
    if !addresses::may_be_primary(&rows, &row) {
        return Err(Refusal::UnverifiedPrimary.into());
    }
    let before = rows.iter().find(|row| row.primary);
    addresses::make_primary(cx, &row, before).await
}

/// Step 3. One whose code is awaited is given up.
///
/// # Errors
/// [`Refusal::PrimaryNotRemovable`], [`Refusal::NoSuchAddress`], [`Refusal::ReauthenticationRequired`],
/// [`Refusal::RateLimited`].
pub async fn remove(cx: &mut Cx, email: &str) -> Result<(), Error> {
    let user = admit(cx).await?;
    if let Some(challenge) = challenge(cx).await?
        && address::same(&challenge.recipient, email.trim())
    {
        return Ok(cancel(cx).await?);
    }
    let (rows, row) = own(cx, &user, email).await?;
    addresses::remove(cx, &user, &rows, &row).await
}
