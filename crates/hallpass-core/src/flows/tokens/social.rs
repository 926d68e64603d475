//! Signing in by a provider, for programs: they bring what they got there by themselves.
//!
//! 1. The provider says who it is ([`by_token`]).
//! 2. It is the account of a user, or the provider's word opens one: what every login of a program is checked for, then a
//!    key, a pair or a session ([`login`]).
//! 3. It is nobody's: an account is made, if the provider says all that one takes. There is no form to ask for more, and
//!    an address that has an account already is no proof of it.
//! 4. Who is known connects accounts and lets them go ([`connect`], [`disconnect`]).
//!
//! **Who attacks.** Somebody who connects what is another's, to be given what is the other's: it is refused. Somebody who
//! signs up at a provider with the victim's address: an address opens nothing here unless the operator trusts the provider
//! with that. Somebody who has a program send codes that were meant for another site: only addresses that the app names
//! are said to have got them.

use serde_json::Value;

use super::signup::{Kept, SignedUp, settle};
use super::{LoggedIn, enter, issue};
use crate::cx::Cx;
use crate::domain::{SocialLogin, Stage, User};
use crate::error::{Error, Refusal, TokenFault};
use crate::flows::reauthentication::{self, Way};
use crate::flows::social::{self, apps, by_token, complete, signup};
use crate::providers::{App, Handed};
use crate::store;
use crate::store::social_account::SocialAccount;

/// What a program brings.
#[derive(Debug, Clone, Copy)]
pub struct Brought<'a> {
    /// By which app it got it.
    pub app: &'a App,
    /// Tokens, or a code.
    pub handed: &'a Handed,
    /// Where the code was sent to. `None`: to the first of the app's `callback_urls`, else to our own address.
    pub callback_url: Option<&'a str>,
}

/// Steps 1 to 3. Unless the session is kept, the one that is given must be nobody's.
///
/// # Errors
/// [`Refusal::InvalidProviderToken`], [`Refusal::ProviderUnavailable`], [`Refusal::Invalid`] for a callback that is not
/// the app's; [`Refusal::Inactive`]; [`Refusal::EmailNotVerified`], [`Refusal::StageRequired`];
/// [`Refusal::SignupClosed`], and [`Refusal::Several`] with what a signup lacks or what of it is taken; limits, and what
/// hooks refuse.
pub async fn login(cx: &mut Cx, brought: &Brought<'_>, kept: Kept) -> Result<LoggedIn, Error> {
    let social = who(cx, brought).await?;
    if let Some(found) = complete::user(cx, &social).await? {
        return known(cx, found, &social, kept).await;
    }
    let progress = match signup::at_once(cx, social.clone()).await? {
        signup::Made::New(progress) => progress,
        signup::Made::Before(user) => {
            return known(cx, complete::Known::owner(*user), &social, kept).await;
        }
    };
    match settle(cx, progress, kept).await? {
        SignedUp::In(done) => Ok(*done),
        SignedUp::Waiting(Stage::VerifyEmail) => Err(Refusal::EmailNotVerified.into()),
        SignedUp::Waiting(stage) => Err(Refusal::StageRequired(stage.key().to_owned()).into()),
    }
}

/// Step 1.
async fn who(cx: &mut Cx, brought: &Brought<'_>) -> Result<SocialLogin, Error> {
    by_token::attempt(cx).await?;
    let redirect_uri = callback_url(cx, brought.app, brought.callback_url)?;
    by_token::who(cx, brought.app, brought.handed, &redirect_uri).await
}

/// Where the code was sent to: what the provider compares with what it was asked for.
fn callback_url(cx: &Cx, app: &App, wanted: Option<&str>) -> Result<String, Error> {
    let hallpass = cx.hallpass();
    let provider = hallpass.providers().get(&app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let own = cx.url(&apps::path_of(hallpass, provider, app, "login/callback/"));
    let allowed: Vec<&str> = match app.settings.get("callback_urls") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match wanted {
        None => Ok(allowed.first().map_or(own, |first| (*first).to_owned())),
        Some(wanted) if wanted == own || allowed.contains(&wanted) => Ok(wanted.to_owned()),
        Some(_) => Err(Refusal::Invalid("callback_url").into()),
    }
}

/// Step 2.
async fn known(
    cx: &mut Cx,
    found: complete::Known,
    social: &SocialLogin,
    kept: Kept,
) -> Result<LoggedIn, Error> {
    let begun = complete::begun(cx, &found, social)?;
    let user = found.user;
    let id = user.id;
    let session = kept == Kept::Session;
    match enter(cx, user, begun, "socialaccount", session).await {
        Err(Error::Refused(refusal)) => {
            let (kind, method) = ("social_login_failed", "socialaccount");
            cx.note_about(kind, Some(id), method, refusal.code())
                .await?;
            Err(refusal.into())
        }
        other => other,
    }
}

/// Step 4: connects the account, and gives `user` what a login gives.
///
/// # Errors
/// As [`login`] about what was brought; [`Refusal::ConnectedOther`]; [`Refusal::ReauthenticationRequired`].
pub async fn connect(cx: &mut Cx, user: &User, brought: &Brought<'_>) -> Result<LoggedIn, Error> {
    require_fresh(cx, user).await?;
    let social = who(cx, brought).await?;
    // Whose password changes in this moment is not who asks any more.
    if !store::user::is_current(cx.write().await?, user).await? {
        return Err(Refusal::Token(TokenFault::PasswordChanged).into());
    }
    social::connect::attach(cx, user, &social).await?;
    let given = issue(cx, user).await?;
    Ok(LoggedIn {
        user: user.clone(),
        given,
    })
}

/// Step 4: lets an account go, unless it is the last way in.
///
/// # Errors
/// As [`social::disconnect::of`]; [`Refusal::ReauthenticationRequired`].
pub async fn disconnect(cx: &mut Cx, user: &User, id: i64) -> Result<SocialAccount, Error> {
    require_fresh(cx, user).await?;
    social::disconnect::of(cx, user, id).await
}

/// Where SOCIALACCOUNT_REAUTHENTICATION_REQUIRED is on: a key or a token says nothing of when its owner was last there, so
/// there must be a session in which that was proved anew.
async fn require_fresh(cx: &mut Cx, user: &User) -> Result<(), Error> {
    if !cx.hallpass().settings().social_reauthentication_required() {
        return Ok(());
    }
    if cx.session.user_id() == Some(user.id) {
        return reauthentication::require_always(cx).await;
    }
    match reauthentication::way(cx, user).await? {
        Way::None => Ok(()),
        Way::Password | Way::Code(_) => Err(Refusal::ReauthenticationRequired.into()),
    }
}
