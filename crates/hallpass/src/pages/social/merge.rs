//! Two users who are one person.

use axum::response::Response;
use hallpass_core::flows::social::merge;
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::pages::reauthentication;
use crate::say;
use crate::visit::Visit;

/// `GET 3rdparty/merge/`
pub(crate) async fn show(mut visit: Visit) -> Response {
    let shown = match visit.run(async |cx| merge::show(cx).await).await {
        Ok(shown) => shown,
        Err(error) => return refuse(visit, error).await,
    };
    let own = json!({
        "action": visit.face.path("3rdparty/merge/"),
        "provider": shown.provider,
        "from": visit.face.hallpass.display(&shown.from),
        "into": visit.session.user().map(|user| visit.face.hallpass.display(user)),
    });
    visit.page(StatusCode::OK, "social/merge.html", own).await
}

/// `POST 3rdparty/merge/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let cancel = visit.posted("action") == "cancel";
    let done = visit.run(async |cx| match cancel {
        true => Ok(merge::cancel(cx).await?),
        false => merge::finish(cx).await,
    });
    match done.await {
        Ok(()) => {
            if !cancel {
                visit.tell("success", "The two accounts are one now.");
            }
            let to = visit.face.path("3rdparty/");
            visit.redirect(&to).await
        }
        Err(error) => refuse(visit, error).await,
    }
}

async fn refuse(visit: Visit, error: Error) -> Response {
    match error {
        Error::Refused(Refusal::ReauthenticationRequired) => reauthentication::suspend(visit).await,
        Error::Refused(Refusal::NotPending) => {
            let mut visit = visit;
            visit.tell("warning", say::words(&Refusal::NotPending));
            let to = visit.face.path("3rdparty/");
            visit.redirect(&to).await
        }
        error => super::refused(visit, error).await,
    }
}
