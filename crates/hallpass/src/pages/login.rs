//! Signing in with a password.

use axum::response::Response;
use hallpass_core::flows::login::{self, Credentials};
use hallpass_core::settings::LoginBy;
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form, entered};
use crate::pages::social;
use crate::say;
use crate::visit::Visit;

/// `GET login/`
pub(crate) async fn show(mut visit: Visit) -> Response {
    let settings = visit.face.hallpass.settings();
    if visit.session.user().is_some() && settings.account.authenticated_login_redirects {
        let to = visit
            .next()
            .unwrap_or_else(|| settings.login_redirect_url());
        return visit.redirect(&to).await;
    }
    let by_code = !settings.account.has_passwords() || settings.hallpass.passwordless;
    if by_code && !settings.socialaccount.only {
        let next = visit.next();
        let to = visit.with_next(&visit.face.path("login/code/"), next.as_deref());
        return visit.redirect(&to).await;
    }
    if waits_for_code(&mut visit).await {
        return visit.stray().await;
    }
    page(visit, StatusCode::OK, None).await
}

/// Whether a sign-in waits here for the code that confirms its address: it goes on where it stands, as allauth has it.
/// Others begin anew.
pub(crate) async fn waits_for_code(visit: &mut Visit) -> bool {
    let settings = visit.face.hallpass.settings();
    if !settings.account.email_verification_by_code_enabled {
        return false;
    }
    let waits = visit.run(async |cx| {
        use hallpass_core::domain::Stage;
        Ok(login::pending::at(cx, &Stage::VerifyEmail).await.is_ok())
    });
    matches!(waits.await, Ok(true))
}

/// `POST login/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (login, password) = (
        visit.posted("login").to_owned(),
        visit.posted("password").to_owned(),
    );
    let remember = !visit.posted("remember").is_empty();
    let next = visit.next();
    let finished = visit
        .run(async |cx| {
            login::finish(
                cx,
                Credentials {
                    login: &login,
                    password: &password,
                    remember: Some(remember),
                    next,
                },
            )
            .await
        })
        .await;
    match finished {
        Ok(progress) => visit.progress(progress).await,
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

/// `GET inactive/`
pub(crate) async fn inactive(visit: Visit) -> Response {
    visit
        .page(StatusCode::OK, "login/inactive.html", json!({}))
        .await
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let providers = social::buttons(&mut visit, "login").await;
    let face = visit.face.clone();
    let settings = face.hallpass.settings();
    let methods = settings.account.login_methods();
    let has = |method| methods.contains(&method);
    let (label, kind, inputmode) = match (
        has(LoginBy::Username),
        has(LoginBy::Email),
        has(LoginBy::Phone),
    ) {
        (true, true, true) => ("User name, e-mail address or phone number", "text", None),
        (true, true, false) => ("User name or e-mail address", "text", None),
        (true, false, true) => ("User name or phone number", "text", None),
        (false, true, true) => ("E-mail address or phone number", "text", None),
        (false, true, false) => ("E-mail address", "email", Some("email")),
        (false, false, true) => ("Phone number", "tel", Some("tel")),
        _ => ("User name", "text", None),
    };
    let login = Field {
        value: entered(&visit, "login"),
        autocomplete: Some("username"),
        inputmode,
        autocapitalize: Some("none"),
        spellcheck: Some(false),
        enterkeyhint: Some("next"),
        maxlength: Some(320),
        autofocus: refusal.is_none(),
        ..Field::new("login", label, kind)
    };
    let ask = settings.account.session_remember.is_none();
    let remember = ask.then(|| Field {
        checked: !visit.posted("remember").is_empty(),
        required: false,
        ..Field::new("remember", "Keep me signed in", "checkbox")
    });
    let next = visit.next();
    let here = |path: &str| visit.with_next(&face.path(path), next.as_deref());
    let by_code = settings.account.login_by_code_enabled;
    let form = Form::new()
        .field("login", Some(login))
        .field(
            "password",
            Some(Field::current_password("password", "Password")),
        )
        .field("remember", remember)
        .next(next.as_deref())
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(face.path("login/"))),
        "ask_remember": ask,
        "link_request_url": here("login/link/"),
        "code_url": by_code.then(|| here("login/code/")),
        "reset_url": face.path("password/reset/"),
        "signup_url": settings.hallpass.signup_open.then(|| here("signup/")),
        "providers": providers,
        "only_providers": settings.socialaccount.only,
        "next": next,
    });
    social::page(visit, status, "login/login.html", own).await
}
