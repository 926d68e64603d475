//! The e-mail addresses of an account: what must always hold, whoever changes them.
//!
//! At most one is the primary one, and the column of the user's own row, if it has one, is its mirror. A confirmed address has one owner. What a link or
//! a code confirms is the very address that it was sent to.

mod letters;

pub(crate) use letters::send_or_pretend;
pub use letters::{
    link_lifetime, link_to_confirm, notify, send_already_exists, send_code, send_link,
    send_nothing, send_unknown,
};

use serde_json::json;

use crate::cx::Cx;
use crate::domain::{User, UserId, address, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::passwords;
use crate::hallpass::Hallpass;
use crate::settings::{Enumeration, LoginBy, SignupField, Verification};
use crate::store::email_address::EmailAddress;
use crate::store::user::Addressed;
use crate::store::{self, Claimed};

/// An address as it was typed, in its one spelling.
///
/// # Errors
/// [`Refusal::Required`], [`Refusal::TooLong`], [`Refusal::NullCharacter`], [`Refusal::InvalidEmail`].
pub fn clean(cx: &Cx, text: &str) -> Result<String, Refusal> {
    let limit = usize::try_from(cx.hallpass().settings().account.email_max_length).unwrap_or(254);
    if text.trim().is_empty() {
        return Err(Refusal::Required("email"));
    }
    if text.contains('\0') {
        return Err(Refusal::NullCharacter("email"));
    }
    // Before anything is done with it: megabytes are no address.
    if text.len() > 8 * limit {
        return Err(Refusal::TooLong {
            field: "email",
            limit,
        });
    }
    let clean = address::clean(text).ok_or(Refusal::InvalidEmail)?;
    if clean.chars().count() > limit {
        return Err(Refusal::TooLong {
            field: "email",
            limit,
        });
    }
    Ok(clean)
}

/// A user's addresses. One that only the user's row knows becomes a row of its own first.
///
/// # Errors
/// A failure.
pub async fn of(cx: &mut Cx, user: &User) -> Result<Vec<EmailAddress>, Failure> {
    let known = store::email_address::of_user(cx.read(), user.id).await?;
    let lone = user.email.trim();
    if !known.is_empty() || lone.is_empty() {
        return Ok(known);
    }
    let lone = lone.to_lowercase();
    store::email_address::insert(cx.write().await?, user.id, &lone, false, true).await?;
    store::email_address::of_user(cx.read(), user.id).await
}

/// Where a letter to a user goes: the primary address, if it is confirmed or none is; else another that is.
///
/// # Errors
/// [`Refusal::NoWayToConfirm`] if there is none.
pub(crate) async fn recipient(cx: &mut Cx, user: &User) -> Result<String, Error> {
    let rows = of(cx, user).await?;
    let proved = rows.iter().find(|row| row.verified);
    let found = proved.or(rows.first()).map(|row| row.email.clone());
    found.ok_or_else(|| Refusal::NoWayToConfirm.into())
}

/// Whether a user proved any address to be theirs.
///
/// # Errors
/// A failure.
pub async fn has_verified(hallpass: &Hallpass, user: &User) -> Result<bool, Failure> {
    let known = store::email_address::of_user(hallpass.db().conn(), user.id).await?;
    Ok(known.iter().any(|address| address.verified))
}

/// Who gets a letter for an address that somebody typed: active owners, those who confirmed it before all others.
///
/// An address that was never confirmed counts only on an account where nothing was. Else it may be somebody else's,
/// added in the hope that its owner comes by it, or kept as a way back in.
///
/// # Errors
/// A failure.
pub async fn owners(cx: &mut Cx, email: &str) -> Result<Vec<Addressed>, Failure> {
    let mut found = store::user::by_email(cx.read(), email).await?;
    found.retain(|found| found.user.is_active && (found.verified || !found.proved));
    if found.iter().any(|found| found.verified) {
        found.retain(|found| found.verified);
    }
    Ok(found)
}

/// The letters of one request: more accounts than this on one address are not written to.
pub(super) const WRITTEN_TO: usize = 5;

/// What is to be done about an address that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It may be taken.
    Free,
    /// It is somebody else's, and that may be said.
    Taken,
    /// It is somebody else's, and nothing may show it.
    Hidden,
}

/// Whether an address is another's than `by`'s, where ACCOUNT_UNIQUE_EMAIL lets it be one's only.
///
/// # Errors
/// A failure.
pub async fn is_taken(cx: &mut Cx, email: &str, by: Option<UserId>) -> Result<bool, Failure> {
    let folded = hallpass_django::text::fold(email);
    let mut owners = store::user::by_email(cx.read(), email).await?;
    if folded != email {
        owners.extend(store::user::by_email(cx.read(), &folded).await?);
    }
    owners.retain(|owner| Some(owner.user.id) != by);
    Ok(!owners.is_empty() && cx.hallpass().settings().account.unique_email)
}

/// Judges an address that `by` wants, by ACCOUNT_UNIQUE_EMAIL, ACCOUNT_PREVENT_ENUMERATION and
/// ACCOUNT_EMAIL_VERIFICATION.
///
/// # Errors
/// A failure.
pub async fn claim(cx: &mut Cx, email: &str, by: Option<UserId>) -> Result<Claim, Failure> {
    if !is_taken(cx, email, by).await? {
        return Ok(Claim::Free);
    }
    let account = &cx.hallpass().settings().account;
    Ok(
        match (account.prevent_enumeration, account.email_verification) {
            (Enumeration::Off, _) => Claim::Taken,
            (_, Verification::Mandatory) => Claim::Hidden,
            (Enumeration::Strict, _) => Claim::Free,
            (Enumeration::On, _) => Claim::Taken,
        },
    )
}

/// Marks a row as confirmed, with everything that follows from it: the first one becomes the primary one; with
/// ACCOUNT_CHANGE_EMAIL it takes the place of all others, whose primary one is told.
///
/// # Errors
/// [`Refusal::EmailTaken`] if somebody else confirmed it before; [`Refusal::InvalidKey`] if it is confirmed or gone.
pub async fn confirm(cx: &mut Cx, row: &EmailAddress) -> Result<(), Error> {
    store::hold(cx.write().await?, Claimed::Address(&row.email)).await?;
    let settings = cx.hallpass().settings().clone();
    // Whatever ACCOUNT_UNIQUE_EMAIL says: the table itself has one confirmed owner at most.
    if store::email_address::is_verified_elsewhere(cx.read(), &row.email, row.user).await? {
        return Err(Refusal::EmailTaken.into());
    }
    if !store::email_address::mark_verified(cx.write().await?, row.id).await? {
        return Err(Refusal::InvalidKey.into());
    }
    cx.note_about("email_confirmed", Some(row.user), "", "")
        .await?;
    let all = store::email_address::of_user(cx.read(), row.user).await?;
    let primary = all.iter().find(|other| other.primary).cloned();
    if settings.account.change_email {
        if primary.as_ref().map(|primary| primary.id) != Some(row.id) {
            make_primary(cx, row, primary.as_ref()).await?;
        }
        for other in all.iter().filter(|other| other.id != row.id) {
            store::email_address::remove(cx.write().await?, row.user, other.id).await?;
            cx.note_about("email_removed", Some(row.user), "", "")
                .await?;
        }
    } else if primary.is_none() {
        make_primary(cx, row, None).await?;
    }
    Ok(())
}

/// Makes a row the primary one and tells the old one's mailbox.
///
/// # Errors
/// [`Refusal::NoSuchAddress`] if it is gone.
pub async fn make_primary(
    cx: &mut Cx,
    row: &EmailAddress,
    before: Option<&EmailAddress>,
) -> Result<(), Error> {
    if !store::email_address::make_primary(cx.write().await?, row.user, row.id, &row.email).await? {
        return Err(Refusal::NoSuchAddress.into());
    }
    cx.note_about("email_changed", Some(row.user), "", "")
        .await?;
    if let Some(before) = before.filter(|before| before.id != row.id) {
        let changed = json!({ "from": before.email, "to": row.email });
        notify(cx, row.user, &before.email, "manage_email/changed", changed).await?;
    }
    Ok(())
}

/// A confirmed one may, or any if none is confirmed.
pub(crate) fn may_be_primary(rows: &[EmailAddress], row: &EmailAddress) -> bool {
    row.verified || rows.iter().all(|row| !row.verified)
}

/// Not the primary one while there are others, nor the last way in.
///
/// # Errors
/// [`Refusal::PrimaryNotRemovable`].
pub(crate) fn may_remove(
    cx: &Cx,
    user: &User,
    rows: &[EmailAddress],
    row: &EmailAddress,
) -> Result<(), Refusal> {
    let methods = cx.hallpass().settings().account.login_methods();
    let last_way_in = methods == [LoginBy::Email] && rows.len() == 1;
    // Who has no password comes in by mail, if at all.
    let passwordless = !hallpass_django::hashers::is_usable(&user.password);
    let last_way_in = last_way_in || (passwordless && rows.len() == 1);
    match (row.primary && rows.len() > 1) || last_way_in {
        true => Err(Refusal::PrimaryNotRemovable),
        false => Ok(()),
    }
}

/// Takes an address off the account: what was sent there is worth nothing any more, and the owner is told.
///
/// # Errors
/// As [`may_remove`]; [`Refusal::NoSuchAddress`] if it is gone.
pub(crate) async fn remove(
    cx: &mut Cx,
    user: &User,
    rows: &[EmailAddress],
    row: &EmailAddress,
) -> Result<(), Error> {
    may_remove(cx, user, rows, row)?;
    if !store::email_address::remove(cx.write().await?, user.id, row.id).await? {
        return Err(Refusal::NoSuchAddress.into());
    }
    if address::same(&user.email, &row.email) {
        store::email_address::clear_mirror(cx.write().await?, user.id).await?;
    }
    // A link or code that went there is worth nothing any more.
    store::code::take_all(cx.write().await?, user.id).await?;
    store::user::outdate_links(cx.write().await?, user).await?;
    cx.note_about("email_removed", Some(user.id), "", "")
        .await?;
    let primary = rows.iter().find(|row| row.primary).unwrap_or(row);
    let removed = json!({ "email": row.email });
    Ok(notify(
        cx,
        user.id,
        &primary.email.clone(),
        "manage_email/removed",
        removed,
    )
    .await?)
}

/// What whoever proved a mailbox or a phone has proved besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Besides {
    /// Nothing.
    Nothing,
    /// That the account is theirs: they gave its password, or signed up a moment ago.
    Password,
    /// Nothing, but they have just chosen its password.
    NewPassword,
}

/// Somebody has just proved that a mailbox is theirs by signing in through it: it counts as confirmed from now on.
///
/// **Classic pre-hijacking**: an attacker signs up with the victim's address and a password of his own, and waits for the
/// victim to come. If nothing about the account was ever proved before, and this sign-in did not prove the password
/// either, the password is the attacker's as far as anybody knows: it goes, and with it every session, key and token, and
/// every other address and number. The user as it is then comes back.
///
/// # Errors
/// A failure.
pub async fn possess(
    cx: &mut Cx,
    user: &User,
    email: &str,
    besides: Besides,
) -> Result<User, Error> {
    let rows = of(cx, user).await?;
    let row = rows.iter().find(|row| address::same(&row.email, email));
    // The word of a provider that is not trusted with accounts is no proof.
    let vouched = store::vouched::of_user(cx.read(), user.id).await?;
    let is_proved = |row: &EmailAddress| row.verified && !vouched.contains(&row.id);
    let Some(row) = row.filter(|row| !is_proved(row)).cloned() else {
        return Ok(user.clone());
    };
    let proved_before = rows.iter().any(is_proved)
        || store::phone::of_user(cx.read(), user.id)
            .await?
            .is_some_and(|phone| phone.verified);
    let confirmed = match row.verified {
        true => store::vouched::unmark(cx.write().await?, row.id)
            .await
            .map_err(Error::from),
        false => confirm(cx, &row).await,
    };
    match confirmed {
        Ok(()) => {}
        // Somebody else confirmed it first: it stays as it is here, and the sign-in goes on.
        Err(Error::Refused(_)) => return Ok(user.clone()),
        Err(failed) => return Err(failed),
    }
    if !proved_before && besides != Besides::Password {
        let own = rows.iter().any(|other| other.id == row.id && other.primary);
        if !own {
            make_primary(cx, &row, None).await?;
        }
        distrust_addresses(cx, &rows, Some(row.id)).await?;
        distrust_social_accounts(cx, user.id).await?;
    }
    let user = match store::user::by_id(cx.read(), user.id).await? {
        Some(user) => user,
        None => return Err(Refusal::NotPending.into()),
    };
    if proved_before || besides != Besides::Nothing {
        return Ok(user);
    }
    distrust_password(cx, user).await
}

/// Takes addresses off the account that nobody knows whose they are.
pub(crate) async fn distrust_addresses(
    cx: &mut Cx,
    rows: &[EmailAddress],
    but: Option<i64>,
) -> Result<(), Failure> {
    for row in rows.iter().filter(|row| Some(row.id) != but) {
        if store::email_address::remove(cx.write().await?, row.user, row.id).await? {
            cx.note_about("email_removed", Some(row.user), "", "distrusted")
                .await?;
        }
    }
    Ok(())
}

/// Disconnects accounts at providers from an account that nobody knows whose it is: whoever made it in somebody else's
/// name would come back by them.
pub(crate) async fn distrust_social_accounts(cx: &mut Cx, user: UserId) -> Result<(), Failure> {
    for account in store::social_account::of_user(cx.read(), user).await? {
        if store::social_account::remove(cx.write().await?, user, account.id).await? {
            cx.note_about("social_account_removed", Some(user), "", "distrusted")
                .await?;
        }
    }
    Ok(())
}

/// Makes the password of somebody unknown worthless. Where there is none, sessions hang on its column all the same.
pub(crate) async fn distrust_password(cx: &mut Cx, user: User) -> Result<User, Error> {
    // Where its stage comes next, that proves the number or the sign-in ends.
    let account = &cx.hallpass().settings().account;
    let has_stage =
        account.phone_verification_enabled && account.asks(SignupField::Phone).is_some();
    if !has_stage {
        store::phone::remove_unverified(cx.write().await?, user.id).await?;
    }
    let unusable = secret::unusable_password();
    let Some(user) = passwords::set(cx, &user, unusable).await? else {
        return Err(Refusal::NotPending.into());
    };
    cx.note_about("password_distrusted", Some(user.id), "", "")
        .await?;
    Ok(user)
}
