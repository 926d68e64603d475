//! Step 4 for two users who are one person: whoever is signed in as the one has just proved to be the other, at a
//! provider. Nothing happens by itself: it is offered, shown, proved afresh and confirmed with a button.
//!
//! What moves: accounts at providers, confirmed addresses, the phone number where there is none; what the app keeps is
//! its hook's to move. The other user ends: switched off, without password, sessions, keys and tokens, and with its row
//! still there, so that what refers to it does not break.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect;
use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{SocialLogin, User, UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::{login, passwords, reauthentication};
use crate::store::{self, Claimed};

const PURPOSE: &str = "social_merge";

/// How long the offer stands.
const LIFETIME: Duration = Duration::from_secs(300);

#[derive(Serialize, Deserialize)]
struct Offered {
    from: UserId,
    into: UserId,
    /// Of the other's password column, as it was: a new password ends the offer.
    seal: String,
    provider_name: String,
    /// Microseconds.
    until: i64,
}

/// Offers it, if the operator allows it and the other is nobody with rights of their own, nor one whose sign-in would have
/// taken more than the provider's word.
pub(super) async fn offer(cx: &mut Cx, into: &User, social: &SocialLogin) -> Result<bool, Error> {
    if !cx.hallpass().settings().hallpass.social_merge {
        return Ok(false);
    }
    let found = store::social_account::find(cx.read(), &social.provider, &social.uid).await?;
    let Some((_, from)) = found else {
        return Ok(false);
    };
    if from.id == into.id || !may_end(&from) {
        return Ok(false);
    }
    let begun = crate::domain::Login {
        records: vec![super::record(social, cx.now)],
        social: true,
        ..crate::domain::Login::new(&from, cx.now)
    };
    if login::stage_ahead(cx, &begun, &from).await?.is_some() || !may_come_in(cx, &from).await? {
        return Ok(false);
    }
    let offered = Offered {
        from: from.id,
        into: into.id,
        seal: seal(&from),
        provider_name: social.provider_name.clone(),
        until: (cx.now + LIFETIME).micros(),
    };
    let json = serde_json::to_vec(&offered)
        .map_err(|error| Failure::from_source("an offer to merge", error))?;
    let sealed = cx.hallpass().sealer().seal(PURPOSE, &json)?;
    cx.session.set(keys::SOCIAL_MERGE, sealed);
    Ok(true)
}

/// Whom the app keeps out does not move on into another account.
async fn may_come_in(cx: &mut Cx, user: &User) -> Result<bool, Error> {
    let hook = cx.hallpass().login_hook().clone();
    match hook.may_sign_in(cx, user).await {
        Ok(()) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(failed) => Err(failed),
    }
}

fn may_end(user: &User) -> bool {
    user.is_active && !user.is_staff && !user.is_superuser
}

fn seal(user: &User) -> String {
    secret::digest(&format!("merge\0{}\0{}", user.id, user.password))
}

/// What the page shows.
#[derive(Debug)]
pub struct Shown {
    /// What people call the provider.
    pub provider: String,
    /// The other user.
    pub from: User,
}

/// The offer that stands.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::LoginRequired`].
pub async fn show(cx: &mut Cx) -> Result<Shown, Error> {
    let (offered, from) = offered(cx).await?;
    Ok(Shown {
        provider: offered.provider_name,
        from,
    })
}

async fn offered(cx: &mut Cx) -> Result<(Offered, User), Error> {
    let into = cx.signed_in()?;
    let sealed = cx
        .session
        .get(keys::SOCIAL_MERGE)
        .and_then(|it| it.as_str());
    let sealed = sealed.ok_or(Refusal::NotPending)?.to_owned();
    let bytes = cx.hallpass().sealer().open(PURPOSE, &sealed).ok();
    let offered: Option<Offered> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let now = cx.now.micros();
    let fits = |offered: &Offered| offered.into == into.id && now < offered.until;
    let Some(offered) = offered.filter(fits) else {
        cx.session.remove(keys::SOCIAL_MERGE);
        return Err(Refusal::NotPending.into());
    };
    let from = store::user::by_id(cx.read(), offered.from).await?;
    match from.filter(|from| may_end(from) && seal(from) == offered.seal) {
        Some(from) => Ok((offered, from)),
        None => {
            cx.session.remove(keys::SOCIAL_MERGE);
            Err(Refusal::NotPending.into())
        }
    }
}

/// Makes the two one.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::LoginRequired`], [`Refusal::ReauthenticationRequired`], what the hook refuses;
/// nothing is changed then.
pub async fn finish(cx: &mut Cx) -> Result<(), Error> {
    reauthentication::require_always(cx).await?;
    let (_, from) = offered(cx).await?;
    let into = cx.signed_in()?;
    if !may_come_in(cx, &from).await? {
        return Err(Refusal::NotPending.into());
    }
    // In one order, whoever merges whom; and looked at anew, since another merge may have been quicker.
    let mut both = [from.id, into.id];
    both.sort_unstable();
    for user in both {
        store::hold(cx.write().await?, Claimed::WaysInOf(user)).await?;
    }
    let (offered, from) = self::offered(cx).await?;
    if !store::user::is_current(cx.write().await?, &into).await? {
        return Err(Refusal::NotPending.into());
    }
    let told = match crate::flows::addresses::recipient(cx, &from).await {
        Ok(told) => Some(told),
        Err(Error::Refused(_)) => None,
        Err(failed) => return Err(failed),
    };
    let hook = cx.hallpass().social_hook().clone();
    if let Err(error) = hook.merge(cx, &from, &into).await {
        cx.undo().await;
        return Err(error);
    }
    store::social_account::give_all(cx.write().await?, from.id, into.id).await?;
    addresses(cx, &from, &into).await?;
    phone(cx, &from, &into).await?;
    if passwords::set(cx, &from, secret::unusable_password())
        .await?
        .is_none()
    {
        // The other's password was changed in this moment: then nobody knows who did it.
        cx.undo().await;
        return Err(Refusal::NotPending.into());
    }
    store::people::set_active(cx.write().await?, from.id, false).await?;
    cx.session.remove(keys::SOCIAL_MERGE);
    cx.note_about("merged", Some(from.id), "", "from").await?;
    cx.note_about("merged", Some(into.id), "", "into").await?;
    // Whoever has lost an account by it must hear of it, wherever its addresses are now.
    if let Some(told) = told {
        let context = json!({ "provider": offered.provider_name });
        crate::flows::addresses::notify(cx, into.id, &told, "social/merged", context).await?;
    }
    Ok(connect::tell(cx, &into, "social/merged", &offered.provider_name).await?)
}

async fn addresses(cx: &mut Cx, from: &User, into: &User) -> Result<(), Failure> {
    let own = store::email_address::of_user(cx.read(), into.id).await?;
    for row in store::email_address::of_user(cx.read(), from.id).await? {
        store::email_address::remove(cx.write().await?, from.id, row.id).await?;
        let single = cx.hallpass().settings().account.change_email && !own.is_empty();
        if row.verified && !single {
            let primary = own.is_empty() && row.primary;
            let conn = cx.write().await?;
            store::email_address::insert(conn, into.id, &row.email, true, primary).await?;
            let known = own.iter().find(|own| own.email == row.email);
            if let Some(known) = known.filter(|known| !known.verified) {
                store::email_address::mark_verified(cx.write().await?, known.id).await?;
            }
        }
    }
    store::email_address::clear_mirror(cx.write().await?, from.id).await
}

async fn phone(cx: &mut Cx, from: &User, into: &User) -> Result<(), Failure> {
    let number = store::phone::of_user(cx.read(), from.id).await?;
    let own = store::phone::of_user(cx.read(), into.id).await?;
    if let Some(number) = number {
        store::people::remove_phone(cx.write().await?, from.id).await?;
        if own.is_none() && number.verified {
            let now = cx.now;
            store::phone::set(cx.write().await?, into.id, &number, now).await?;
        }
    }
    Ok(())
}

/// The offer is not taken.
///
/// # Errors
/// A failure.
pub async fn cancel(cx: &mut Cx) -> Result<(), Failure> {
    cx.session.remove(keys::SOCIAL_MERGE);
    Ok(())
}
