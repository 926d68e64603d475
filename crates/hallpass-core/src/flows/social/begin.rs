//! Step 1: to the provider.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{apps, by_token};
use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{UserId, secret};
use crate::error::{Error, Failure, Refusal};
use crate::flows::reauthentication;
use crate::providers::{App, Ask, Fault, engine};
use crate::store;
use crate::store::social_state::SocialState;

/// How long somebody may be at the provider.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// As many may be under way in one browser.
const MOST: u32 = 10;

const PURPOSE: &str = "social_state";

/// What is to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// Signing in.
    Login,
    /// Connecting the account to whoever is signed in.
    Connect,
    /// Nothing: there and back.
    Redirect,
}

impl Process {
    /// By its name in forms; without one, signing in.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "" | "login" => Some(Process::Login),
            "connect" => Some(Process::Connect),
            "redirect" => Some(Process::Redirect),
            _ => None,
        }
    }
}

/// A way to a provider.
pub struct Start {
    /// By which app.
    pub app: App,
    /// What for.
    pub process: Process,
    /// Where to go at the end, checked by the face.
    pub next: Option<String>,
    /// What the visitor told us that this provider needs to know beforehand, such as the shop at Shopify.
    pub parameters: std::collections::BTreeMap<String, String>,
}

/// What is remembered meanwhile.
#[derive(Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) process: Process,
    pub(super) next: Option<String>,
    /// Who connects.
    pub(super) user: Option<UserId>,
    /// The app: its provider_id and client_id.
    pub(super) provider_id: String,
    pub(super) client_id: String,
    /// Where the provider sends the visitor.
    pub(super) redirect_uri: String,
    /// The protocol's own.
    pub(super) kept: Map<String, Value>,
}

/// Where to send the visitor.
///
/// # Errors
/// [`Refusal::RateLimited`]; to connect, [`Refusal::LoginRequired`] and [`Refusal::ReauthenticationRequired`]; what the
/// provider does wrong.
pub async fn begin(cx: &mut Cx, start: Start) -> Result<String, Error> {
    by_token::attempt(cx).await?;
    let user = match start.process {
        Process::Connect => {
            if cx.hallpass().settings().social_reauthentication_required() {
                reauthentication::require_always(cx).await?;
            }
            Some(cx.signed_in()?.id)
        }
        _ => None,
    };
    let hallpass = cx.hallpass().clone();
    let provider = hallpass.providers().get(&start.app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let path = apps::path_of(&hallpass, provider, &start.app, "login/callback/");
    let state = secret::random_text(secret::ALPHANUMERIC, 32);
    let mut redirect_uri = cx.url(&path);
    if !provider.sends_state() {
        redirect_uri = format!("{redirect_uri}?state={state}");
    }
    let ask = Ask {
        state: state.clone(),
        parameters: start.parameters,
        ..Ask::default()
    };
    let call = hallpass.call(provider, &start.app, &redirect_uri, cx.now);
    cx.assert_slow_work_allowed();
    let begun = match engine::begin(&call, &ask).await {
        Ok(begun) => begun,
        Err(fault) => return Err(refused(cx, &start.app, fault).await),
    };
    let remembered = Remembered {
        process: start.process,
        next: start.next,
        user,
        provider_id: start.app.provider_id.clone(),
        client_id: start.app.client_id.clone(),
        redirect_uri,
        kept: begun.kept,
    };
    let json = serde_json::to_vec(&remembered)
        .map_err(|error| Failure::from_source("a way to a provider", error))?;
    let row = SocialState {
        digest: secret::digest(&state),
        browser: secret::digest(&browser(cx)),
        provider: door(&start.app),
        data: hallpass.sealer().seal(PURPOSE, &json)?,
        expires: cx.now + LIFETIME,
    };
    store::social_state::insert(cx.write().await?, &row, MOST).await?;
    Ok(begun.url)
}

/// What only this browser's session holds.
fn browser(cx: &mut Cx) -> String {
    let known = cx.session.get(keys::SOCIAL_BROWSER).and_then(Value::as_str);
    if let Some(known) = known {
        return known.to_owned();
    }
    let new = secret::random_text(secret::ALPHANUMERIC, 32);
    cx.session.set(keys::SOCIAL_BROWSER, new.as_str());
    new
}

/// The callback's address, in a word: what comes back there was sent out from there.
fn door(app: &App) -> String {
    match app.provider.as_str() {
        "openid_connect" => format!("openid_connect:{}", app.provider_id),
        provider => provider.to_owned(),
    }
}

/// Takes back what was remembered, once; only for the browser and the address that it was begun with.
///
/// # Errors
/// [`Refusal::SocialFailed`].
pub(super) async fn remember(
    cx: &mut Cx,
    provider: &str,
    provider_id: Option<&str>,
    state: &str,
) -> Result<Remembered, Error> {
    let door = match provider_id {
        Some(id) => format!("{provider}:{id}"),
        None => provider.to_owned(),
    };
    let known = cx.session.get(keys::SOCIAL_BROWSER).and_then(Value::as_str);
    let fits = (16..=64).contains(&state.len());
    let (Some(browser), true) = (known.map(secret::digest), fits) else {
        return Err(strange(&door, "no state, or no session"));
    };
    let now = cx.now;
    let digest = secret::digest(state);
    let conn = cx.write().await?;
    let Some(row) = store::social_state::take(conn, &digest, &browser, &door, now).await? else {
        return Err(strange(
            &door,
            "the state is unknown, spent, too old or another's",
        ));
    };
    let bytes = cx.hallpass().sealer().open(PURPOSE, &row.data)?;
    Ok(serde_json::from_slice(&bytes)
        .map_err(|error| Failure::from_source("a way to a provider", error))?)
}

/// Anybody can ask for a callback's address, as often as they like: it is logged, and nothing is written.
fn strange(door: &str, what: &'static str) -> Error {
    tracing::info!(
        provider = door.escape_debug().to_string(),
        what,
        "a callback was refused"
    );
    Refusal::SocialFailed.into()
}

/// What becomes of a provider's fault: the operator is told what it was, the visitor what to do.
pub(super) async fn refused(cx: &mut Cx, app: &App, fault: Fault) -> Error {
    let (provider, what) = (app.sub_id(), fault.to_string());
    let refusal = match &fault {
        Fault::Cancelled => Refusal::SocialCancelled,
        Fault::Denied(_) => {
            tracing::info!(provider, what, "a provider refused");
            Refusal::SocialDenied
        }
        Fault::Unavailable(_) => {
            tracing::warn!(provider, what, "a provider does not answer");
            Refusal::ProviderUnavailable
        }
        Fault::Invalid(_) => {
            tracing::warn!(provider, what, "what a provider sent was not taken");
            Refusal::SocialFailed
        }
        Fault::Misconfigured(_) => {
            tracing::error!(provider, what, "a provider is not set up as it must be");
            Refusal::SocialFailed
        }
    };
    note(cx, refusal).await
}

async fn note(cx: &mut Cx, refusal: Refusal) -> Error {
    let user = cx.session.user_id();
    match cx
        .note_about("social_login_failed", user, "socialaccount", refusal.code())
        .await
    {
        Ok(()) => refusal.into(),
        Err(failure) => failure.into(),
    }
}
