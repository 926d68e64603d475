//! What somebody who comes from a provider brings along: the account there, addresses that it vouches for, tokens.

use crate::cx::Cx;
use crate::domain::{SocialLogin, User, address};
use crate::error::{Error, Refusal};
use crate::flows::addresses;
use crate::store::{self, Claimed};

/// Gives it all to a user who was saved a moment ago.
///
/// # Errors
/// [`Refusal::ConnectedOther`] if somebody took the account at the provider meanwhile; nothing is left then.
pub(super) async fn attach(cx: &mut Cx, user: User, social: &SocialLogin) -> Result<User, Error> {
    let now = cx.now;
    let connected = store::social_account::insert(
        cx.write().await?,
        user.id,
        &social.provider,
        &social.uid,
        &social.extra_data,
        now,
    )
    .await?;
    let Some(account) = connected else {
        cx.undo().await;
        return Err(Refusal::ConnectedOther.into());
    };
    cx.keep_social_tokens(account, social).await?;
    cx.note_about("social_account_added", Some(user.id), "", "")
        .await?;
    let rows = store::email_address::of_user(cx.read(), user.id).await?;
    for row in rows.iter().filter(|row| social.has_verified(&row.email)) {
        match addresses::confirm(cx, row).await {
            Ok(()) => vouched(cx, row.id, social).await?,
            // Somebody else confirmed it first: then it is not confirmed here.
            Err(Error::Refused(_)) => {}
            Err(failed) => return Err(failed),
        }
    }
    others(cx, &user, social).await?;
    let user = store::user::by_id(cx.read(), user.id).await?;
    user.ok_or_else(|| Refusal::NotPending.into())
}

/// Further addresses that the provider vouches for. What it does not vouch for is nobody's word but the visitor's.
async fn others(cx: &mut Cx, user: &User, social: &SocialLogin) -> Result<(), Error> {
    let account = &cx.hallpass().settings().account;
    if account.change_email {
        return Ok(());
    }
    let most = account.max_email_addresses.unwrap_or(10).min(10);
    let most = usize::try_from(most).unwrap_or(10);
    for given in social.emails.iter().filter(|given| given.verified) {
        let rows = store::email_address::of_user(cx.read(), user.id).await?;
        let known = rows
            .iter()
            .any(|row| address::same(&row.email, &given.email));
        if known || rows.is_empty() || rows.len() >= most {
            continue;
        }
        store::hold(cx.write().await?, Claimed::Address(&given.email)).await?;
        let taken = !store::user::by_email(cx.read(), &given.email)
            .await?
            .is_empty();
        if !taken {
            let conn = cx.write().await?;
            let added =
                store::email_address::insert(conn, user.id, &given.email, true, false).await?;
            if let Some(id) = added {
                vouched(cx, id, social).await?;
            }
        }
    }
    Ok(())
}

/// A provider that is not trusted with accounts said so, and nobody else.
async fn vouched(cx: &mut Cx, address: i64, social: &SocialLogin) -> Result<(), Error> {
    if !social.opens_by_email {
        store::vouched::mark(cx.write().await?, address, &social.provider).await?;
    }
    Ok(())
}
