//! Step 4: an account is let go, unless it is the last way in.

use super::connect;
use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, Refusal};
use crate::flows::{addresses, reauthentication};
use crate::settings::Verification;
use crate::store::social_account::SocialAccount;
use crate::store::{self, Claimed};

/// Whether this one may go, as the user stands now.
///
/// # Errors
/// [`Refusal::DisconnectLast`], [`Refusal::NoPassword`], [`Refusal::NoVerifiedEmail`].
pub async fn may(
    cx: &mut Cx,
    user: &User,
    accounts: &[SocialAccount],
    account: &SocialAccount,
) -> Result<(), Error> {
    let hook = cx.hallpass().social_hook().clone();
    hook.may_disconnect(cx, user, account).await?;
    // Another account is a way in only if its provider still is one here.
    let offered = super::apps::all(&cx.hallpass().clone()).await?;
    let leads_in = |other: &&SocialAccount| {
        other.id != account.id && offered.iter().any(|app| app.sub_id() == other.provider)
    };
    if accounts.iter().any(|other| leads_in(&other)) {
        return Ok(());
    }
    let settings = cx.hallpass().settings().clone();
    if settings.socialaccount.only {
        return Err(Refusal::DisconnectLast.into());
    }
    let verified = addresses::has_verified(&cx.hallpass().clone(), user).await?;
    if settings.is_passwordless() || !settings.account.has_passwords() {
        // Codes and links are the way in, and they go where somebody has shown to be.
        let phone = store::phone::of_user(cx.read(), user.id).await?;
        return match verified || phone.is_some_and(|phone| phone.verified) {
            true => Ok(()),
            false => Err(Refusal::NoVerifiedEmail.into()),
        };
    }
    if !hallpass_django::hashers::is_usable(&user.password) {
        return Err(Refusal::NoPassword.into());
    }
    if settings.account.email_verification == Verification::Mandatory && !verified {
        return Err(Refusal::NoVerifiedEmail.into());
    }
    Ok(())
}

/// Lets it go. Of several at once the last one finds that it is the last.
///
/// # Errors
/// As [`may`]; [`Refusal::NoSuchSocialAccount`], [`Refusal::LoginRequired`],
/// [`Refusal::ReauthenticationRequired`].
pub async fn finish(cx: &mut Cx, id: i64) -> Result<SocialAccount, Error> {
    let user = cx.signed_in()?;
    if cx.hallpass().settings().social_reauthentication_required() {
        reauthentication::require_always(cx).await?;
    }
    of(cx, &user, id).await
}

/// [`finish`] for a user who was proved some other way.
///
/// # Errors
/// As [`finish`].
pub async fn of(cx: &mut Cx, user: &User, id: i64) -> Result<SocialAccount, Error> {
    store::hold(cx.write().await?, Claimed::WaysInOf(user.id)).await?;
    let user = store::user::by_id(cx.read(), user.id).await?;
    let user = user.ok_or(Refusal::NoSuchUser)?;
    let accounts = store::social_account::of_user(cx.read(), user.id).await?;
    let account = accounts.iter().find(|account| account.id == id);
    let account = account.ok_or(Refusal::NoSuchSocialAccount)?;
    may(cx, &user, &accounts, account).await?;
    if !store::social_account::remove(cx.write().await?, user.id, id).await? {
        return Err(Refusal::NoSuchSocialAccount.into());
    }
    cx.note_about("social_account_removed", Some(user.id), "", "")
        .await?;
    let hallpass = cx.hallpass().clone();
    let apps = super::apps::all(&hallpass).await?;
    let app = apps.iter().find(|app| app.sub_id() == account.provider);
    let name = app
        .and_then(|app| {
            Some(super::apps::name_of(
                app,
                hallpass.providers().get(&app.provider)?,
            ))
        })
        .unwrap_or(&account.provider);
    connect::tell(cx, &user, "social/disconnected", name).await?;
    Ok(account.clone())
}
