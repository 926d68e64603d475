//! Step 4: another account of somebody who is signed in.

use serde_json::json;

use super::{Came, merge};
use crate::cx::Cx;
use crate::domain::{SocialLogin, User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses;
use crate::store::social_account::SocialAccount;
use crate::store::{self, Claimed};

/// Connects it. Addresses that the provider knows are not added: nobody asked for that.
///
/// # Errors
/// [`Refusal::ConnectedOther`] if it belongs to another user.
pub async fn finish(
    cx: &mut Cx,
    user: &User,
    social: SocialLogin,
    next: Option<String>,
) -> Result<Came, Error> {
    match attach(cx, user, &social).await {
        Ok(new) => Ok(Came::Connected { new, next }),
        Err(Error::Refused(Refusal::ConnectedOther)) => {
            match merge::offer(cx, user, &social).await? {
                true => Ok(Came::MayMerge),
                false => Err(Refusal::ConnectedOther.into()),
            }
        }
        Err(error) => Err(error),
    }
}

/// Connects it; `false`: it was connected before, and what the provider says now is kept.
///
/// # Errors
/// [`Refusal::ConnectedOther`].
pub(crate) async fn attach(cx: &mut Cx, user: &User, social: &SocialLogin) -> Result<bool, Error> {
    store::hold(cx.write().await?, Claimed::WaysInOf(user.id)).await?;
    // The provider took its time: whose password changed meanwhile is not who asks any more.
    if !store::user::is_current(cx.write().await?, user).await? {
        return Err(Refusal::LoginRequired.into());
    }
    let now = cx.now;
    let (provider, uid, extra) = (&social.provider, &social.uid, &social.extra_data);
    let connected =
        store::social_account::insert(cx.write().await?, user.id, provider, uid, extra, now)
            .await?;
    if let Some(account) = connected {
        cx.keep_social_tokens(account, social).await?;
        cx.note_about("social_account_added", Some(user.id), "", "")
            .await?;
        tell(cx, user, "social/connected", &social.provider_name).await?;
        return Ok(true);
    }
    let found = store::social_account::find(cx.read(), provider, uid).await?;
    let own = found.filter(|(account, _)| account.user == user.id);
    let (account, _) = own.ok_or(Refusal::ConnectedOther)?;
    store::social_account::touch(cx.write().await?, &account, extra, now).await?;
    cx.keep_social_tokens(account.id, social).await?;
    cx.note_about("social_account_updated", Some(user.id), "", "")
        .await?;
    Ok(false)
}

/// Tells the owner of the account by letter, where ACCOUNT_EMAIL_NOTIFICATIONS is on.
pub(super) async fn tell(
    cx: &mut Cx,
    user: &User,
    letter: &'static str,
    provider: &str,
) -> Result<(), Failure> {
    let to = match addresses::recipient(cx, user).await {
        Ok(to) => to,
        Err(Error::Refused(_)) => return Ok(()),
        Err(Error::Failed(failure)) => return Err(failure),
    };
    addresses::notify(cx, user.id, &to, letter, json!({ "provider": provider })).await
}

/// A user's accounts at providers.
///
/// # Errors
/// A failure.
pub async fn accounts(cx: &mut Cx, user: UserId) -> Result<Vec<SocialAccount>, Failure> {
    store::social_account::of_user(cx.read(), user).await
}
