//! Addresses and the number of a user, by the hand of the app: what it says is confirmed counts as confirmed.

use crate::cx::Cx;
use crate::domain::{UserId, address};
use crate::error::{Error, Refusal};
use crate::flows::{addresses as rules, numbers};
use crate::store::email_address::EmailAddress;
use crate::store::phone::PhoneNumber;
use crate::store::{self, Claimed};

use super::current;

/// The addresses, the primary one first.
///
/// # Errors
/// [`Refusal::NoSuchUser`].
pub async fn addresses(cx: &mut Cx, id: UserId) -> Result<Vec<EmailAddress>, Error> {
    let user = current(cx, id).await?;
    Ok(rules::of(cx, &user).await?)
}

async fn own(cx: &mut Cx, id: UserId, email: &str) -> Result<EmailAddress, Error> {
    let rows = addresses(cx, id).await?;
    let row = rows
        .into_iter()
        .find(|row| address::same(&row.email, email.trim()));
    row.ok_or_else(|| Refusal::NoSuchAddress.into())
}

/// Adds an address, unconfirmed; the first one is the primary one. No letter is sent.
///
/// # Errors
/// [`Refusal::DuplicateEmail`], [`Refusal::EmailTaken`], what an address may be refused for; [`Refusal::NoSuchUser`].
pub async fn add_address(cx: &mut Cx, id: UserId, email: &str) -> Result<EmailAddress, Error> {
    let email = rules::clean(cx, email)?;
    let email = cx.hallpass().signup_hook().clone().clean_email(email)?;
    store::hold(cx.write().await?, Claimed::Address(&email)).await?;
    store::hold(cx.write().await?, Claimed::AddressesOf(id)).await?;
    let rows = addresses(cx, id).await?;
    if rows.iter().any(|row| address::same(&row.email, &email)) {
        return Err(Refusal::DuplicateEmail.into());
    }
    if rules::is_taken(cx, &email, Some(id)).await? {
        return Err(Refusal::EmailTaken.into());
    }
    let first = rows.is_empty();
    let made = store::email_address::insert(cx.write().await?, id, &email, false, first).await?;
    let row = match made {
        Some(made) => store::email_address::by_id(cx.read(), made).await?,
        None => None,
    };
    let row = row.ok_or(Refusal::DuplicateEmail)?;
    if first {
        store::email_address::make_primary(cx.write().await?, id, row.id, &email).await?;
    }
    cx.note_about("email_added", Some(id), "app", "").await?;
    Ok(row)
}

/// Counts an address of the user as confirmed, with everything that follows from it. `false`: it was.
///
/// # Errors
/// [`Refusal::NoSuchAddress`], [`Refusal::EmailTaken`] if somebody else confirmed it, [`Refusal::NoSuchUser`].
pub async fn confirm_address(cx: &mut Cx, id: UserId, email: &str) -> Result<bool, Error> {
    let row = own(cx, id, email).await?;
    if row.verified {
        return Ok(false);
    }
    match rules::confirm(cx, &row).await {
        // Somebody confirmed it a moment ago.
        Err(Error::Refused(Refusal::InvalidKey)) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Makes an address the primary one, and tells the old one's mailbox. `false`: it was.
///
/// # Errors
/// [`Refusal::NoSuchAddress`]; [`Refusal::UnverifiedPrimary`] if others are confirmed and this one is not;
/// [`Refusal::NoSuchUser`].
pub async fn make_primary(cx: &mut Cx, id: UserId, email: &str) -> Result<bool, Error> {
    let rows = addresses(cx, id).await?;
    let row = own(cx, id, email).await?;
    if row.primary {
        return Ok(false);
    }
    if !rules::may_be_primary(&rows, &row) {
        return Err(Refusal::UnverifiedPrimary.into());
    }
    let before = rows.iter().find(|row| row.primary);
    rules::make_primary(cx, &row, before).await?;
    Ok(true)
}

/// Takes an address off the account. Codes under way and links that lead in end, and its mailbox or the primary one's is
/// told.
///
/// # Errors
/// [`Refusal::NoSuchAddress`]; [`Refusal::PrimaryNotRemovable`] if it is the primary one while there are others, or the last
/// way in; [`Refusal::NoSuchUser`].
pub async fn remove_address(cx: &mut Cx, id: UserId, email: &str) -> Result<(), Error> {
    let user = current(cx, id).await?;
    let rows = addresses(cx, id).await?;
    let row = own(cx, id, email).await?;
    rules::remove(cx, &user, &rows, &row).await
}

/// The number on file.
///
/// # Errors
/// A failure.
pub async fn phone(cx: &mut Cx, id: UserId) -> Result<Option<PhoneNumber>, Error> {
    Ok(store::phone::of_user(cx.read(), id).await?)
}

/// Sets the number. `verified`: it counts as confirmed. What it was before goes.
///
/// # Errors
/// [`Refusal::PhoneTaken`], what a number may be refused for; [`Refusal::NoSuchUser`].
pub async fn set_phone(
    cx: &mut Cx,
    id: UserId,
    phone: &str,
    verified: bool,
) -> Result<PhoneNumber, Error> {
    let phone = numbers::clean(cx, phone)?;
    store::hold(cx.write().await?, Claimed::Number(&phone)).await?;
    current(cx, id).await?;
    if numbers::is_taken(cx, &phone, Some(id)).await? {
        return Err(Refusal::PhoneTaken.into());
    }
    let number = PhoneNumber { phone, verified };
    match verified {
        true => numbers::confirm(cx, id, &number.phone).await?,
        false => {
            let now = cx.now;
            store::phone::set(cx.write().await?, id, &number, now).await?;
        }
    }
    cx.note_about("phone_changed", Some(id), "app", "").await?;
    Ok(number)
}

/// Takes the number off the account. `false`: there was none.
///
/// # Errors
/// A failure.
pub async fn remove_phone(cx: &mut Cx, id: UserId) -> Result<bool, Error> {
    let removed = store::people::remove_phone(cx.write().await?, id).await?;
    if removed {
        cx.note_about("phone_changed", Some(id), "app", "").await?;
    }
    Ok(removed)
}
