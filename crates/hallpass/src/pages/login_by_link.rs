//! Signing in by an e-mailed link.

use axum::extract::Path;
use axum::response::Response;
use hallpass_core::domain::timestamp::spoken_for;
use hallpass_core::flows::login_by_link::{self, Begun, Looked, Pressed, spoken_browser};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::{Value, json};

use crate::form::{Field, Form};
use crate::say;
use crate::visit::{QUIET, Visit};

/// `GET login/link/`
pub(crate) async fn show(visit: Visit) -> Response {
    request_page(visit, StatusCode::OK, None).await
}

/// `POST login/link/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (address, next) = (visit.posted("email").to_owned(), visit.next());
    let hallpass = visit.face.hallpass.clone();
    let begun = hallpass
        .run(&visit.arrival.client, &mut visit.session, async |cx| {
            login_by_link::begin(cx, &address, next.as_deref()).await
        })
        .await;
    match begun {
        Ok(Begun::Sent) => {
            let to = visit.with_next(&visit.face.path("login/link/sent/"), next.as_deref());
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::field(&refusal).is_some() => {
            request_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.error(error).await,
    }
}

async fn request_page(visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let face = visit.face.clone();
    let email = Field {
        value: Some(visit.posted("email").to_owned()).filter(|email| !email.is_empty()),
        inputmode: Some("email"),
        autocomplete: Some("username"),
        autocapitalize: Some("none"),
        spellcheck: Some(false),
        enterkeyhint: Some("send"),
        maxlength: Some(face.hallpass.settings().account.email_max_length),
        autofocus: true,
        errors: refusal.map(say::words).into_iter().collect(),
        ..Field::new("email", "E-mail address", "email")
    };
    let next = visit.next();
    let form = Form::new()
        .field("email", Some(email))
        .next(next.as_deref());
    let own = json!({
        "form": form.into_json(Some(face.path("login/link/"))),
        "login_url": visit.with_next(&face.hallpass.settings().login_url(), next.as_deref()),
    });
    visit.page(status, "login_by_link/request.html", own).await
}

/// `GET login/link/sent/`
pub(crate) async fn sent(visit: Visit) -> Response {
    let next = visit.next();
    let own = json!({
        "valid_for": spoken_for(visit.face.hallpass.link_lifetime()),
        "again_url": visit.with_next(&visit.face.path("login/link/"), next.as_deref()),
    });
    visit
        .page(StatusCode::OK, "login_by_link/sent.html", own)
        .await
}

/// `GET login/link/{uid}/{token}/`: spends nothing.
pub(crate) async fn look(mut visit: Visit, Path((uid, token)): Path<(String, String)>) -> Response {
    let hallpass = visit.face.hallpass.clone();
    let looked = hallpass
        .run(&visit.arrival.client, &mut visit.session, async |cx| {
            login_by_link::look(cx, &uid, &token).await
        })
        .await;
    match looked {
        Ok(looked) => confirm(visit, looked).await,
        Err(error) => refuse(visit, error).await,
    }
}

async fn confirm(visit: Visit, looked: Looked) -> Response {
    let already = match visit.session.user_id() {
        Some(id) if id == looked.user.id => Some("same"),
        Some(_) => Some("other"),
        None => None,
    };
    let asked_from = looked.asked_from.map(|origin| {
        json!({ "when": origin.at.spoken(), "browser": spoken_browser(&origin), "ip": origin.ip })
    });
    let next = visit.next();
    let form = Form::new().next(next.as_deref()).into_json(None);
    let continue_url = next.unwrap_or_else(|| visit.face.hallpass.settings().login_redirect_url());
    let own = json!({
        "display": visit.face.hallpass.display(&looked.user),
        "form": form,
        "already": already,
        "continue_url": continue_url,
        "asked_from": asked_from,
    });
    visit
        .page_with(StatusCode::OK, "login_by_link/confirm.html", own, &QUIET)
        .await
}

/// `POST login/link/{uid}/{token}/`: spends the link.
pub(crate) async fn finish(
    mut visit: Visit,
    Path((uid, token)): Path<(String, String)>,
) -> Response {
    let (next, sent_to) = (visit.next(), visit.query("to").map(str::to_owned));
    let finished = visit
        .run(async |cx| {
            let pressed = Pressed {
                uid: &uid,
                token: &token,
                sent_to: sent_to.as_deref(),
                next,
            };
            login_by_link::finish(cx, pressed).await
        })
        .await;
    match finished {
        Ok(progress) => visit.progress(progress).await,
        Err(error) => refuse(visit, error).await,
    }
}

async fn refuse(visit: Visit, error: Error) -> Response {
    let (template, own): (_, Value) = match &error {
        Error::Refused(Refusal::InvalidLink) => {
            let next = visit.next();
            let again = visit.with_next(&visit.face.path("login/link/"), next.as_deref());
            let login =
                visit.with_next(&visit.face.hallpass.settings().login_url(), next.as_deref());
            (
                "login_by_link/invalid.html",
                json!({ "again_url": again, "login_url": login }),
            )
        }
        Error::Refused(Refusal::Inactive) => ("login/inactive.html", json!({})),
        _ => return visit.refused(error).await,
    };
    visit
        .page_with(StatusCode::FORBIDDEN, template, own, &QUIET)
        .await
}
