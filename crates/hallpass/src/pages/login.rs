//! Signing in with a password.

use axum::response::Response;
use hallpass_core::flows::login::{self, Credentials, Finished};
use hallpass_core::settings::LoginBy;
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::say;
use crate::visit::Visit;

/// `GET login/`
pub(crate) async fn show(visit: Visit) -> Response {
    let settings = visit.face.hallpass.settings();
    if visit.session.user().is_some() && settings.account.authenticated_login_redirects {
        let to = visit
            .next()
            .unwrap_or_else(|| settings.login_redirect_url());
        return visit.redirect(&to).await;
    }
    page(visit, StatusCode::OK, None).await
}

/// `POST login/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (login, password) = (
        visit.posted("login").to_owned(),
        visit.posted("password").to_owned(),
    );
    let remember = !visit.posted("remember").is_empty();
    let hallpass = visit.face.hallpass.clone();
    let finished = hallpass
        .run(&visit.arrival.client, &mut visit.session, async |cx| {
            login::finish(
                cx,
                Credentials {
                    login: &login,
                    password: &password,
                    remember,
                },
            )
            .await
        })
        .await;
    match finished {
        Ok(Finished::SignedIn(_)) => {
            let to = visit
                .next()
                .unwrap_or_else(|| hallpass.settings().login_redirect_url());
            visit.redirect(&to).await
        }
        Err(Error::Refused(Refusal::Inactive)) => {
            visit
                .page(StatusCode::FORBIDDEN, "login/inactive.html", json!({}))
                .await
        }
        Err(
            error @ (Error::Failed(_)
            | Error::Refused(Refusal::RateLimited { .. } | Refusal::Busy { .. })),
        ) => visit.error(error).await,
        Err(Error::Refused(refusal)) => page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await,
    }
}

async fn page(visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let face = visit.face.clone();
    let settings = face.hallpass.settings();
    let methods = settings.account.login_methods();
    let (label, kind) = match (
        methods.contains(&LoginBy::Username),
        methods.contains(&LoginBy::Email),
    ) {
        (true, true) => ("User name or e-mail address", "text"),
        (false, true) => ("E-mail address", "email"),
        _ => ("User name", "text"),
    };
    let mut login = Field {
        value: Some(visit.posted("login").to_owned()).filter(|login| !login.is_empty()),
        autocomplete: Some("username"),
        autocapitalize: Some("none"),
        spellcheck: Some(false),
        enterkeyhint: Some("next"),
        maxlength: Some(320),
        autofocus: refusal.is_none(),
        ..Field::new("login", label, kind)
    };
    let mut password = Field {
        autocomplete: Some("current-password"),
        enterkeyhint: Some("go"),
        ..Field::new("password", "Password", "password")
    };
    let mut form = Form::new();
    if let Some(refusal) = refusal {
        match say::field(refusal) {
            Some("login") => login.errors.push(say::words(refusal)),
            Some("password") => password.errors.push(say::words(refusal)),
            _ => form.errors.push(say::words(refusal)),
        }
    }
    let ask = settings.account.session_remember.is_none();
    let remember = ask.then(|| Field {
        checked: !visit.posted("remember").is_empty(),
        required: false,
        ..Field::new("remember", "Keep me signed in", "checkbox")
    });
    let next = visit.next();
    let form = form
        .field("login", Some(login))
        .field("password", Some(password))
        .field("remember", remember);
    let own = json!({
        "form": form.next(next.as_deref()).into_json(Some(face.path("login/"))),
        "ask_remember": ask,
        "code_url": null,
        "link_request_url": visit.with_next(&face.path("login/link/"), next.as_deref()),
        "reset_url": null,
        "signup_url": null,
    });
    visit.page(status, "login/login.html", own).await
}
