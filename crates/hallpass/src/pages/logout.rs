//! Signing out.

use axum::response::Response;
use hallpass_core::flows::logout::{self, Finished};
use http::StatusCode;
use serde_json::json;

use crate::cookies;
use crate::form::Form;
use crate::visit::Visit;

/// `GET logout/`: asks first, unless ACCOUNT_LOGOUT_ON_GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let settings = visit.face.hallpass.settings();
    if visit.session.user().is_none() {
        let to = visit
            .next()
            .unwrap_or_else(|| settings.logout_redirect_url());
        return visit.redirect(&to).await;
    }
    if settings.account.logout_on_get {
        return submit(visit).await;
    }
    let form = Form::new()
        .next(visit.next().as_deref())
        .into_json(Some(visit.face.path("logout/")));
    let own = json!({ "form": form, "back_url": visit.face.path("profile/") });
    visit.page(StatusCode::OK, "logout/confirm.html", own).await
}

/// `POST logout/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let hallpass = visit.face.hallpass.clone();
    let finished = hallpass
        .run(&visit.arrival.client, &mut visit.session, async |cx| {
            logout::finish(cx).await
        })
        .await;
    match finished {
        Ok(Finished::SignedOut(_) | Finished::NobodyWasIn) => {
            let to = visit
                .next()
                .unwrap_or_else(|| hallpass.settings().logout_redirect_url());
            let mut response = visit.redirect(&to).await;
            // Whoever signs out here is out, whatever a login through the REST interface left in this browser.
            cookies::delete_tokens(hallpass.settings(), response.headers_mut());
            response
        }
        Err(error) => visit.error(error).await,
    }
}
