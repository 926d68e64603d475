//! Step 3: whose account it is.

use super::{Came, record, signup};
use crate::cx::Cx;
use crate::domain::{Login, SocialLogin, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses::{self, Besides};
use crate::flows::login::{connected, pending, pipeline};
use crate::store;

/// Signs in whose account at the provider it is, or whom its word opens an account for, or signs somebody up.
///
/// # Errors
/// [`Refusal::Inactive`], [`Refusal::SignupClosed`], or what the stages and hooks refuse.
pub async fn login(cx: &mut Cx, social: SocialLogin, next: Option<String>) -> Result<Came, Error> {
    if let Some(known) = user(cx, &social).await? {
        return enter(cx, known, &social, next).await;
    }
    let came = signup::begin(cx, social.clone(), next.clone()).await;
    if !matches!(
        came,
        Ok(Came::Form) | Err(Error::Refused(Refusal::ConnectedOther))
    ) {
        return came;
    }
    // In another tab the same person was a little quicker: it is their account that is in the way.
    match owner(cx, &social).await? {
        Some(user) => enter(cx, Known::owner(user), &social, next).await,
        None => came,
    }
}

/// The user whom it signs in, if there is one: whose account it is, or whose the provider's word opens.
///
/// # Errors
/// [`Refusal::Inactive`]; as [`addresses::possess`].
pub(crate) async fn user(cx: &mut Cx, social: &SocialLogin) -> Result<Option<Known>, Error> {
    if let Some(user) = owner(cx, social).await? {
        return Ok(Some(Known::owner(user)));
    }
    let found = by_email(cx, social).await?;
    Ok(found.map(|user| Known {
        user,
        by_email: true,
    }))
}

/// Whom a provider's word signs in.
pub(crate) struct Known {
    /// Who.
    pub(crate) user: User,
    /// Found by an address, and not as the owner of the account there.
    pub(crate) by_email: bool,
}

impl Known {
    /// Whose account it is.
    pub(crate) fn owner(user: User) -> Self {
        Known {
            user,
            by_email: false,
        }
    }
}

/// The user whose account it is. What the provider says now is kept.
///
/// # Errors
/// [`Refusal::Inactive`].
pub(super) async fn owner(cx: &mut Cx, social: &SocialLogin) -> Result<Option<User>, Error> {
    let found = store::social_account::find(cx.read(), &social.provider, &social.uid).await?;
    let Some((account, user)) = found else {
        return Ok(None);
    };
    if !user.is_active {
        return Err(Refusal::Inactive.into());
    }
    let now = cx.now;
    let extra = &social.extra_data;
    if !store::social_account::touch(cx.write().await?, &account, extra, now).await? {
        // Disconnected in this moment.
        return Err(Refusal::NotPending.into());
    }
    cx.keep_social_tokens(account.id, social).await?;
    Ok(Some(user))
}

/// The user who has an address that the provider vouches for, where the operator trusts it with that. An address that was
/// never confirmed counts only on an account where nothing was, and what came before ends with it: it may have been
/// made by somebody who waited for its owner.
///
/// # Errors
/// As [`addresses::possess`].
pub(super) async fn by_email(cx: &mut Cx, social: &SocialLogin) -> Result<Option<User>, Error> {
    let hook = cx.hallpass().social_hook().clone();
    let mut found = Vec::new();
    for given in social.emails.iter().filter(|given| given.verified) {
        if !hook.may_open_by_email(cx, social, &given.email).await? {
            continue;
        }
        for owner in addresses::owners(cx, &given.email).await? {
            found.push((owner, given.email.clone()));
        }
    }
    if found.iter().any(|(owner, _)| owner.verified) {
        found.retain(|(owner, _)| owner.verified);
    }
    let mut users: Vec<_> = found.iter().map(|(owner, _)| owner.user.id).collect();
    users.sort_unstable();
    users.dedup();
    // Several: nobody can say which of them it is.
    let ([_], Some((owner, email))) = (users.as_slice(), found.into_iter().next()) else {
        return Ok(None);
    };
    let user = addresses::possess(cx, &owner.user, &email, Besides::Nothing).await?;
    Ok(Some(user))
}

/// A sign-in of `user` by what a provider said. Who was found by an address has the account there connected at its end,
/// where SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT says so.
///
/// # Errors
/// A failure.
pub(crate) fn begun(cx: &Cx, known: &Known, social: &SocialLogin) -> Result<Login, Failure> {
    let settings = &cx.hallpass().settings().socialaccount;
    let connect = known.by_email && settings.email_authentication_auto_connect;
    Ok(Login {
        records: vec![record(social, cx.now)],
        social: true,
        connect: connect.then(|| connected::later(cx, social)).transpose()?,
        ..Login::new(&known.user, cx.now)
    })
}

async fn enter(
    cx: &mut Cx,
    known: Known,
    social: &SocialLogin,
    next: Option<String>,
) -> Result<Came, Error> {
    // What waited for somebody without an account is not for this one.
    signup::forget(cx);
    pending::abort(cx).await?;
    let login = Login {
        next,
        ..begun(cx, &known, social)?
    };
    let progress = pipeline::begin(cx, login, Some(known.user)).await?;
    Ok(Came::Progress(progress))
}
