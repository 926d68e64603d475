//! Step 2: back from the provider.

use super::begin::{self, Process, Remembered};
use super::{Came, apps, complete, connect};
use crate::cx::Cx;
use crate::domain::{SocialLogin, secret};
use crate::error::{Error, Refusal};
use crate::providers::{App, Fault, Found, Params, engine};
use crate::store;

/// What came back, and where.
pub struct Returned<'a> {
    /// The provider's id, by the address.
    pub provider: &'a str,
    /// Which of several, where the address says so.
    pub provider_id: Option<&'a str>,
    /// Parameters of the query or the form.
    pub params: Params,
}

/// Somebody came back.
///
/// # Errors
/// [`Refusal::SocialFailed`], [`Refusal::SocialCancelled`], [`Refusal::SocialDenied`], [`Refusal::ProviderUnavailable`];
/// or as [`complete::login`] and [`connect::finish`].
pub async fn returned(cx: &mut Cx, came: Returned<'_>) -> Result<Came, Error> {
    let state = came.params.get("state").map_or("", String::as_str);
    let remembered = begin::remember(cx, came.provider, came.provider_id, state).await?;
    // The state is spent whatever comes now, and nobody waits for the database while the provider is asked.
    cx.checkpoint().await?;
    let wanted = apps::Wanted {
        provider: came.provider,
        provider_id: Some(&remembered.provider_id),
        client_id: Some(&remembered.client_id),
    };
    let app = apps::one(cx, wanted).await?;
    let found = match ask(cx, &app, &remembered, &came.params).await {
        Ok(found) => found,
        Err(fault) => return Err(begin::refused(cx, &app, fault).await),
    };
    let social = taken(cx, &app, found).await?;
    let came = go_on(cx, remembered, social).await;
    if let Err(Error::Refused(refusal)) = &came {
        let (user, code) = (cx.session.user_id(), refusal.code());
        cx.note_about("social_login_failed", user, "socialaccount", code)
            .await?;
    }
    came
}

async fn go_on(cx: &mut Cx, remembered: Remembered, social: SocialLogin) -> Result<Came, Error> {
    match remembered.process {
        Process::Redirect => Ok(Came::Redirected(remembered.next)),
        Process::Login => complete::login(cx, social, remembered.next).await,
        Process::Connect => {
            let user = cx.signed_in()?;
            // Whoever set out to connect it is no longer the one who is signed in.
            if remembered.user != Some(user.id) {
                return Err(Refusal::SocialFailed.into());
            }
            connect::finish(cx, &user, social, remembered.next).await
        }
    }
}

async fn ask(
    cx: &mut Cx,
    app: &App,
    remembered: &Remembered,
    params: &Params,
) -> Result<Found, Fault> {
    let hallpass = cx.hallpass().clone();
    let provider = hallpass
        .providers()
        .get(&app.provider)
        .ok_or_else(|| Fault::Misconfigured("the provider is unknown".to_owned()))?;
    let call = hallpass.call(provider, app, &remembered.redirect_uri, cx.now);
    cx.assert_slow_work_allowed();
    engine::finish(&call, &remembered.kept, params).await
}

/// What a provider said, for good: a token that is good once is spent, and the app has its say.
///
/// # Errors
/// [`Refusal::SocialFailed`] for a token that was spent before; what the hook refuses.
pub(super) async fn taken(cx: &mut Cx, app: &App, found: Found) -> Result<SocialLogin, Error> {
    if let Some((mark, expires)) = &found.once {
        let digest = secret::digest(&format!("social\0{}\0{mark}", app.provider));
        if !store::spent::spend(cx.write().await?, &digest, *expires).await? {
            let fault = Fault::Invalid("a token came a second time".to_owned());
            return Err(begin::refused(cx, app, fault).await);
        }
    }
    let hallpass = cx.hallpass().clone();
    let name = hallpass.providers().get(&app.provider);
    let name = name.map_or(app.sub_id(), |provider| apps::name_of(app, provider));
    let trusted = hallpass.settings().socialaccount.email_authentication;
    let social = SocialLogin::new(app, name, found, trusted);
    let hook = hallpass.social_hook().clone();
    hook.may_enter(cx, &social).await?;
    Ok(social)
}
