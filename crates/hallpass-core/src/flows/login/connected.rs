//! An account at a provider that is connected at the end of a sign-in, and not before: who has only half of the proofs must
//! not keep a way in.

use serde_json::json;

use crate::cx::Cx;
use crate::domain::{Login, SocialLogin, User};
use crate::error::{Error, Failure};
use crate::flows::addresses;
use crate::store;

const PURPOSE: &str = "social_connect";

/// Has it connected when the session starts.
///
/// # Errors
/// A failure.
pub(crate) fn later(cx: &Cx, social: &SocialLogin) -> Result<String, Failure> {
    let json = serde_json::to_vec(social)
        .map_err(|error| Failure::from_source("an account to be connected", error))?;
    cx.hallpass().sealer().seal(PURPOSE, &json)
}

/// Connects it, unless somebody has it by now.
///
/// # Errors
/// A failure.
pub(crate) async fn connect(cx: &mut Cx, user: &User, login: &Login) -> Result<(), Failure> {
    let Some(sealed) = &login.connect else {
        return Ok(());
    };
    let bytes = cx.hallpass().sealer().open(PURPOSE, sealed)?;
    let social: SocialLogin = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::from_source("an account to be connected", error))?;
    let (provider, uid, extra, now) = (&social.provider, &social.uid, &social.extra_data, cx.now);
    let conn = cx.write().await?;
    let connected = store::social_account::insert(conn, user.id, provider, uid, extra, now).await?;
    let Some(account) = connected else {
        return Ok(());
    };
    cx.keep_social_tokens(account, &social).await?;
    cx.note_about("social_account_added", Some(user.id), "", "")
        .await?;
    let to = match addresses::recipient(cx, user).await {
        Ok(to) => to,
        Err(Error::Refused(_)) => return Ok(()),
        Err(Error::Failed(failure)) => return Err(failure),
    };
    let context = json!({ "provider": social.provider_name });
    addresses::notify(cx, user.id, &to, "social/connected", context).await
}
