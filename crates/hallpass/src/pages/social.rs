//! Accounts at providers: signing in with them, the form of somebody new, connecting and disconnecting.

pub(crate) mod callback;
pub(crate) mod connections;
pub(crate) mod login;
pub(crate) mod merge;
pub(crate) mod own;
pub(crate) mod signup;
pub(crate) mod token;

use axum::response::Response;
use hallpass_core::flows::social::apps;
use hallpass_core::{Error, Refusal};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::say;
use crate::visit::Visit;

/// The ways in by a provider, for buttons; each is a form of its own.
pub(crate) async fn buttons(visit: &mut Visit, process: &str) -> Value {
    match visit.run(async |cx| Ok(apps::offered(cx).await?)).await {
        Ok(offered) => offered
            .into_iter()
            .map(|one| {
                json!({
                    "id": one.id,
                    "provider": one.provider,
                    "name": one.name,
                    "action": visit.face.path(&one.path),
                    "which": one.which,
                    "process": process,
                })
            })
            .collect(),
        // The page has other ways in; the operator is told.
        Err(error) => {
            tracing::error!(%error, "the ways in by providers cannot be shown");
            json!([])
        }
    }
}

/// A page with such buttons lets forms lead on to where providers are.
pub(crate) fn leading_on(visit: &Visit) -> [(header::HeaderName, String); 1] {
    let private = !visit
        .face
        .hallpass
        .settings()
        .hallpass
        .outbound_private
        .is_empty();
    let schemes = if private { "https: http:" } else { "https:" };
    let policy = &visit.face.content_security_policy;
    let policy = policy.replace(
        "form-action 'self'",
        &format!("form-action 'self' {schemes}"),
    );
    [(header::CONTENT_SECURITY_POLICY, policy)]
}

/// A page with buttons that lead to providers.
pub(crate) async fn page(visit: Visit, status: StatusCode, template: &str, own: Value) -> Response {
    let headers = leading_on(&visit);
    let headers = headers
        .each_ref()
        .map(|(name, value)| (name.clone(), value.as_str()));
    visit.page_with(status, template, own, &headers).await
}

/// `GET 3rdparty/login/cancelled/`
pub(crate) async fn cancelled(visit: Visit) -> Response {
    trouble(visit, &Refusal::SocialCancelled).await
}

/// `GET 3rdparty/login/error/`
pub(crate) async fn failed(visit: Visit) -> Response {
    trouble(visit, &Refusal::SocialFailed).await
}

/// What went wrong on the way, and which ways out there are.
pub(crate) async fn trouble(mut visit: Visit, refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::SocialCancelled => StatusCode::OK,
        Refusal::ProviderUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::UnknownProvider => StatusCode::NOT_FOUND,
        _ => StatusCode::UNAUTHORIZED,
    };
    let signed_in = visit.session.user().is_some();
    let process = if signed_in { "connect" } else { "login" };
    let providers = buttons(&mut visit, process).await;
    let face = visit.face.clone();
    let own = json!({
        "code": refusal.code(),
        "words": say::words(refusal),
        "providers": providers,
        "login_url": (!signed_in).then(|| face.hallpass.settings().login_url()),
        "connections_url": signed_in.then(|| face.path("3rdparty/")),
    });
    page(visit, status, "social/trouble.html", own).await
}

/// What a step was refused for.
pub(crate) async fn refused(visit: Visit, error: Error) -> Response {
    match error {
        Error::Refused(
            refusal @ (Refusal::SocialCancelled
            | Refusal::SocialDenied
            | Refusal::SocialFailed
            | Refusal::InvalidProviderToken
            | Refusal::ProviderUnavailable
            | Refusal::UnknownProvider),
        ) => trouble(visit, &refusal).await,
        Error::Refused(Refusal::SignupClosed) => {
            let login_url = visit.face.hallpass.settings().login_url();
            let own = json!({ "login_url": login_url });
            visit
                .page(StatusCode::FORBIDDEN, "signup/closed.html", own)
                .await
        }
        Error::Refused(
            refusal @ (Refusal::ConnectedOther
            | Refusal::DisconnectLast
            | Refusal::NoPassword
            | Refusal::NoVerifiedEmail
            | Refusal::NoSuchSocialAccount),
        ) => {
            let mut visit = visit;
            visit.tell("error", say::words(&refusal));
            let to = match visit.session.user() {
                Some(_) => visit.face.path("3rdparty/"),
                None => visit.face.hallpass.settings().login_url(),
            };
            visit.redirect(&to).await
        }
        error => visit.refused(error).await,
    }
}
