//! Tokens for the providers' own interfaces: kept where SOCIALACCOUNT_STORE_TOKENS says so, renewed for the app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{apps, begin};
use crate::cx::Cx;
use crate::domain::social::GivenTokens;
use crate::domain::{SocialLogin, Timestamp, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::hallpass::Hallpass;
use crate::providers::{Kind, engine};
use crate::settings::Secret;
use crate::store;
use crate::store::social_token::SocialToken;

const PURPOSE: &str = "social_token";

/// A token that ends within this time is renewed first.
const MARGIN: Duration = Duration::from_secs(60);

/// A token for the app.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// OAuth 1: its secret.
    pub token_secret: Option<Secret>,
    /// When it ends, if the provider said so.
    pub expires_at: Option<Timestamp>,
}

/// Accounts whose token is being renewed in this process: one at a time, since many providers end a refresh token when it
/// is used.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<HashMap<i64, Arc<tokio::sync::Mutex<()>>>>);

impl Renewals {
    fn of(&self, account: i64) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.retain(|_, one| Arc::strong_count(one) > 1);
        Arc::clone(all.entry(account).or_default())
    }
}

impl Cx {
    /// Keeps what came with somebody, where the operator wants it.
    pub(crate) async fn keep_social_tokens(
        &mut self,
        account: i64,
        social: &SocialLogin,
    ) -> Result<(), Failure> {
        let hallpass = self.hallpass().clone();
        let Some(given) = &social.tokens else {
            return Ok(());
        };
        if !hallpass.settings().socialaccount.store_tokens {
            return Ok(());
        }
        let (token, token_secret) = resting(&hallpass, given)?;
        let expires = given.expires_at.map(Timestamp::from_micros);
        let conn = self.write().await?;
        let secret = token_secret.as_deref();
        store::social_token::keep(conn, account, social.app, &token, secret, expires).await
    }
}

/// As they rest: sealed, unless a Django reads them, too.
fn resting(hallpass: &Hallpass, given: &GivenTokens) -> Result<(String, Option<String>), Failure> {
    let rest = |text: &String| match hallpass.settings().hallpass.share_with_django {
        true => Ok(text.clone()),
        false => hallpass.sealer().seal(PURPOSE, text.as_bytes()),
    };
    Ok((
        rest(&given.token)?,
        given.token_secret.as_ref().map(rest).transpose()?,
    ))
}

fn opened(hallpass: &Hallpass, resting: &str) -> Result<Secret, Failure> {
    // No provider's token looks like one of ours and opens.
    match resting.starts_with("v1.") {
        true => match hallpass.sealer().open(PURPOSE, resting) {
            Ok(bytes) => Ok(Secret::new(String::from_utf8_lossy(&bytes).into_owned())),
            Err(_) if hallpass.settings().hallpass.share_with_django => Ok(Secret::new(resting)),
            Err(failure) => Err(failure),
        },
        false => Ok(Secret::new(resting)),
    }
}

/// The access token of a user's account, renewed if it has ended and can be.
///
/// # Errors
/// [`Refusal::NoSuchSocialAccount`]; [`Refusal::InvalidProviderToken`] if there is none, or none that is still good: the user must sign
/// in by the provider again; [`Refusal::ProviderUnavailable`].
pub async fn access_token(cx: &mut Cx, user: UserId, account: i64) -> Result<AccessToken, Error> {
    let hallpass = cx.hallpass().clone();
    let row = read(cx, user, account).await?;
    if !has_ended(&row, cx.now) {
        return as_token(&hallpass, &row);
    }
    let lock = hallpass.renewals().of(account);
    let _alone = lock.lock().await;
    let row = read(cx, user, account).await?;
    if !has_ended(&row, cx.now) {
        return as_token(&hallpass, &row);
    }
    let before = row.token.clone();
    let renewed = match renew(cx, user, account, row).await {
        Err(Error::Refused(Refusal::InvalidProviderToken)) => {
            // Another node may have been quicker with the refresh token, which was good once.
            cx.checkpoint().await?;
            let row = read(cx, user, account).await?;
            return match row.token != before && !has_ended(&row, cx.now) {
                true => as_token(&hallpass, &row),
                false => Err(Refusal::InvalidProviderToken.into()),
            };
        }
        other => other?,
    };
    // Whoever waits for their turn must find it: a refresh token that is used twice is taken for stolen.
    cx.checkpoint().await?;
    Ok(renewed)
}

async fn read(cx: &mut Cx, user: UserId, account: i64) -> Result<SocialToken, Error> {
    let accounts = store::social_account::of_user(cx.read(), user).await?;
    if !accounts.iter().any(|one| one.id == account) {
        return Err(Refusal::NoSuchSocialAccount.into());
    }
    let row = store::social_token::of_account(cx.read(), user, account).await?;
    let mut row = row.ok_or(Refusal::InvalidProviderToken)?;
    let provider = accounts.iter().find(|one| one.id == account);
    let provider = provider.and_then(|one| cx.hallpass().providers().get(&one.provider));
    row.oauth1 = provider.is_some_and(|provider| provider.kind == Kind::OAuth1);
    Ok(row)
}

fn has_ended(row: &SocialToken, now: Timestamp) -> bool {
    row.expires_at.is_some_and(|at| at <= now + MARGIN)
}

fn as_token(hallpass: &Hallpass, row: &SocialToken) -> Result<AccessToken, Error> {
    let secret = match row.token_secret.as_str() {
        "" => None,
        text => Some(opened(hallpass, text)?),
    };
    Ok(AccessToken {
        token: opened(hallpass, &row.token)?,
        // A refresh token is ours to use; the secret of an OAuth 1 token, which never ends, is the app's.
        token_secret: secret.filter(|_| row.oauth1),
        expires_at: row.expires_at,
    })
}

async fn renew(
    cx: &mut Cx,
    user: UserId,
    account: i64,
    row: SocialToken,
) -> Result<AccessToken, Error> {
    let hallpass = cx.hallpass().clone();
    if row.token_secret.is_empty() {
        return Err(Refusal::InvalidProviderToken.into());
    }
    let refresh = opened(&hallpass, &row.token_secret)?;
    let accounts = store::social_account::of_user(cx.read(), user).await?;
    let sub_id = accounts.iter().find(|one| one.id == account);
    let sub_id = sub_id.ok_or(Refusal::NoSuchSocialAccount)?.provider.clone();
    let mut known = apps::all(&hallpass).await?;
    known.retain(|app| app.sub_id() == sub_id && (row.app.is_none() || app.id == row.app));
    let app = known.into_iter().next().ok_or(Refusal::UnknownProvider)?;
    let provider = hallpass.providers().get(&app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let call = hallpass.call(provider, &app, "", cx.now);
    cx.assert_slow_work_allowed();
    let tokens = match engine::refresh(&call, &refresh).await {
        Ok(tokens) => tokens,
        Err(fault) => {
            let error = begin::refused(cx, &app, fault).await;
            return Err(match error {
                Error::Refused(Refusal::ProviderUnavailable) | Error::Failed(_) => error,
                Error::Refused(_) => Refusal::InvalidProviderToken.into(),
            });
        }
    };
    let mut given = GivenTokens::from(tokens);
    if given.token_secret.is_none() {
        given.token_secret = Some(refresh.reveal().to_owned());
    }
    let (token, token_secret) = resting(&hallpass, &given)?;
    let token_secret = token_secret.unwrap_or_default();
    let expires = given.expires_at.map(Timestamp::from_micros);
    let conn = cx.write().await?;
    store::social_token::renew(conn, &row, &token, &token_secret, expires).await?;
    Ok(AccessToken {
        token: given.token(),
        token_secret: None,
        expires_at: expires,
    })
}
