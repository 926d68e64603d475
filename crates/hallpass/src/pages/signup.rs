//! Signing up.

use axum::response::Response;
use hallpass_core::flows::login::Progress;
use hallpass_core::flows::signup::{self, Finished};
use hallpass_core::settings::{ExtraField, ExtraKind, SignupField};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::{Value, json};

use crate::form::{Field, Form, entered};
use crate::pages::{login, social};
use crate::say;
use crate::visit::Visit;

/// `GET signup/`
pub(crate) async fn show(mut visit: Visit) -> Response {
    let settings = visit.face.hallpass.settings();
    if visit.session.user().is_some() && settings.account.authenticated_login_redirects {
        let to = visit
            .next()
            .unwrap_or_else(|| settings.login_redirect_url());
        return visit.redirect(&to).await;
    }
    if login::waits_for_code(&mut visit).await {
        return visit.stray().await;
    }
    match visit.run(async |cx| signup::begin(cx).await).await {
        Ok(()) => page(visit, StatusCode::OK, None).await,
        Err(error) => refuse(visit, error).await,
    }
}

/// `POST signup/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let next = visit.next();
    let posted = visit.clone();
    let finished = visit
        .run(async |cx| {
            let typed = |name: &str| posted.posted(name).to_owned();
            signup::finish(cx, &typed, next).await
        })
        .await;
    match finished {
        Ok(Finished::Progress(progress)) => {
            // In already, with a letter that wants to be opened: without a word nobody would look for it.
            if matches!(&progress, Progress::SignedIn(signed_in) if signed_in.written) {
                let words = "A letter is on its way. Open its link to confirm your address.";
                visit.tell("info", words);
            }
            visit.progress(progress).await
        }
        Ok(Finished::Trapped) => {
            let to = visit.face.hallpass.settings().signup_redirect_url();
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => refuse(visit, error).await,
    }
}

async fn refuse(visit: Visit, error: Error) -> Response {
    match error {
        Error::Refused(Refusal::SignupClosed) => {
            let login_url = visit.face.hallpass.settings().login_url();
            let own = json!({ "login_url": login_url });
            visit
                .page(StatusCode::FORBIDDEN, "signup/closed.html", own)
                .await
        }
        error => visit.refused(error).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let providers = social::buttons(&mut visit, "login").await;
    let face = visit.face.clone();
    let settings = face.hallpass.settings();
    let extra = visit.run(async |cx| Ok(signup::extra_fields(cx))).await;
    let mut form = Form::new();
    let mut order = Vec::new();
    for asked in settings.account.signup_fields() {
        let name = asked.field.name();
        let field = Field {
            required: asked.required,
            ..own_field(&visit, asked.field)
        };
        order.push(name.to_owned());
        form = form.field(name, Some(field));
    }
    for field in extra.unwrap_or_default() {
        order.push(field.name.clone());
        form = form.field(&field.name, Some(extra_field(&visit, &field)));
    }
    let trap = settings.account.signup_form_honeypot_field.as_ref();
    let trap = trap.map(|name| Field {
        required: false,
        autocomplete: Some("off"),
        ..Field::new(name.clone(), "Leave this empty", "text")
    });
    let next = visit.next();
    let form = form.next(next.as_deref()).refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(face.path("signup/"))),
        "order": order,
        "honeypot": trap,
        "passwordless": !settings.account.has_passwords(),
        "providers": providers,
        "next": next,
        "login_url": visit.with_next(&settings.login_url(), next.as_deref()),
    });
    social::page(visit, status, "signup/signup.html", own).await
}

pub(crate) fn own_field(visit: &Visit, field: SignupField) -> Field {
    match field {
        SignupField::Username => Field {
            value: entered(visit, "username"),
            autocomplete: Some("username"),
            autocapitalize: Some("none"),
            spellcheck: Some(false),
            maxlength: Some(150),
            ..Field::new("username", "User name", "text")
        },
        SignupField::Email => {
            // A link may bring the address along.
            let brought = visit.query("email").map(str::to_owned);
            let field = Field::email(visit);
            Field {
                value: field.value.clone().or(brought),
                ..field
            }
        }
        SignupField::Email2 => Field {
            name: "email2".to_owned(),
            id: "id_email2".to_owned(),
            label: "E-mail address once more".to_owned(),
            value: entered(visit, "email2"),
            ..Field::email(visit)
        },
        SignupField::Phone => Field::phone(visit),
        SignupField::Password1 => Field::new_password("password1", "Password"),
        SignupField::Password2 => Field::new_password("password2", "Password once more"),
    }
}

pub(crate) fn extra_field(visit: &Visit, field: &ExtraField) -> Field {
    // A link may bring a text along: the code of an invitation.
    let brought = (field.kind == ExtraKind::Text).then(|| visit.query(&field.name));
    let brought = brought.flatten().map(str::to_owned);
    let value = entered(visit, &field.name).or(brought);
    let chosen = |known: &str| value.as_deref() == Some(known);
    let choices: Vec<Value> = field
        .choices
        .iter()
        .map(|(value, label)| json!({ "value": value, "label": label, "selected": chosen(value) }))
        .collect();
    Field {
        checked: field.kind == ExtraKind::Checkbox && value.is_some(),
        help: field.help.clone(),
        required: field.required,
        maxlength: u64::try_from(field.max_length).ok(),
        choices: (field.kind == ExtraKind::Select).then(|| choices.into()),
        value: value.clone().filter(|_| field.kind != ExtraKind::Checkbox),
        ..Field::new(field.name.clone(), field.label.clone(), field.kind_word())
    }
}
