//! The form of somebody who came from a provider and of whom something is missing.

use axum::response::Response;
use hallpass_core::flows::social::signup;
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::pages::signup as plain;
use crate::say;
use crate::visit::Visit;

/// `GET 3rdparty/signup/`
pub(crate) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK, None).await
}

/// `POST 3rdparty/signup/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    if visit.posted("action") == "cancel" {
        let done = visit.run(async |cx| Ok(signup::cancel(cx).await?)).await;
        return match done {
            Ok(()) => {
                let to = visit.face.hallpass.settings().login_url();
                visit.redirect(&to).await
            }
            Err(error) => visit.error(error).await,
        };
    }
    let posted = visit.clone();
    let finished = visit
        .run(async |cx| {
            let typed = |name: &str| posted.posted(name).to_owned();
            signup::finish(cx, &typed).await
        })
        .await;
    match finished {
        Ok(progress) => visit.progress(progress).await,
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => refuse(visit, error).await,
    }
}

async fn refuse(visit: Visit, error: Error) -> Response {
    match error {
        // Nobody waits: to the beginning.
        Error::Refused(Refusal::NotPending) => {
            let mut visit = visit;
            if visit.session.user().is_none() && !visit.session.is_empty() {
                visit.tell("warning", say::words(&Refusal::NotPending));
            }
            visit.stray().await
        }
        error => super::refused(visit, error).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let shown = match visit.run(async |cx| signup::show(cx).await).await {
        Ok(shown) => shown,
        Err(error) => return refuse(visit, error).await,
    };
    let face = visit.face.clone();
    let suggested = |name: &str| {
        let mut all = shown.suggested.iter();
        let found = all.find(|(known, _)| *known == name);
        found
            .map(|(_, text)| text.clone())
            .filter(|text| !text.is_empty())
    };
    let posted = refusal.is_some();
    let mut form = Form::new();
    let mut order = Vec::new();
    for asked in &shown.fields {
        let name = asked.field.name();
        let field = plain::own_field(&visit, asked.field);
        let value = field.value.clone();
        let field = Field {
            required: asked.required,
            value: value.or_else(|| suggested(name).filter(|_| !posted)),
            ..field
        };
        order.push(name.to_owned());
        form = form.field(name, Some(field));
    }
    for extra in &shown.extra {
        let field = plain::extra_field(&visit, extra);
        let value = field.value.clone();
        let field = Field {
            value: value.or_else(|| suggested(&extra.name).filter(|_| !posted)),
            ..field
        };
        order.push(extra.name.clone());
        form = form.field(&extra.name, Some(field));
    }
    let as_suggested =
        !posted || suggested("email").is_some_and(|email| email == visit.posted("email").trim());
    let taken = shown.email_taken && as_suggested || refusal.is_some_and(is_about_owner);
    let form = form.refuse(refusal);
    let connections = face.path("3rdparty/");
    let own = json!({
        "form": form.into_json(Some(face.path("3rdparty/signup/"))),
        "order": order,
        "provider": shown.provider,
        "email_taken": taken,
        "login_url": visit.with_next(&face.hallpass.settings().login_url(), Some(&connections)),
    });
    visit.page(status, "social/signup.html", own).await
}

/// Whether the address has an account, which its owner may sign in to.
fn is_about_owner(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Several(faults) => faults
            .iter()
            .any(|(_, fault)| *fault == Refusal::EmailTaken),
        other => *other == Refusal::EmailTaken,
    }
}
