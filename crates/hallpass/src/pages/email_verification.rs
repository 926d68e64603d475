//! Confirming an address, by link or by code.

use axum::extract::Path;
use axum::response::Response;
use hallpass_core::domain::timestamp::spoken_for;
use hallpass_core::flows::email_verification::{self, Finished};
use hallpass_core::flows::manage_email;
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::pages::login_by_code;
use crate::say;
use crate::visit::{QUIET, Visit};

/// `GET confirm-email/`: at the stage of a sign-in, or an address that one adds.
pub(crate) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK, None).await
}

/// `POST confirm-email/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (code, email) = (
        visit.posted("code").to_owned(),
        visit.posted("email").to_owned(),
    );
    let own = visit.session.user().is_some();
    let action = visit.posted("action").to_owned();
    let done = match action.as_str() {
        "resend" if own => {
            visit
                .run(async |cx| manage_email::resend_code(cx).await)
                .await
        }
        "resend" => {
            visit
                .run(async |cx| email_verification::resend(cx).await)
                .await
        }
        "change" if !own => {
            visit
                .run(async |cx| email_verification::change(cx, &email).await)
                .await
        }
        "cancel" if own => {
            let done = visit
                .run(async |cx| Ok(manage_email::cancel(cx).await?))
                .await;
            return match done {
                Ok(()) => to_addresses(visit).await,
                Err(error) => visit.error(error).await,
            };
        }
        "cancel" => return login_by_code::cancel(visit).await,
        _ => return finish_code(visit, own, &code).await,
    };
    match done {
        Ok(()) => {
            let account = &visit.face.hallpass.settings().account;
            let said = match own || account.email_verification_by_code_enabled {
                true => "A new code is on its way.",
                false => "Look into your mail again in a moment.",
            };
            visit.tell("success", said);
            let to = visit.face.path("confirm-email/");
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn to_addresses(visit: Visit) -> Response {
    let to = visit.face.path("email/");
    visit.redirect(&to).await
}

async fn finish_code(mut visit: Visit, own: bool, code: &str) -> Response {
    let refused = if own {
        match visit
            .run(async |cx| manage_email::finish_code(cx, code).await)
            .await
        {
            Ok(()) => {
                visit.tell("success", "The address is confirmed.");
                return to_addresses(visit).await;
            }
            Err(Error::Refused(Refusal::EmailTaken)) => {
                visit.tell("error", say::words(&Refusal::EmailTaken));
                return to_addresses(visit).await;
            }
            Err(error) => error,
        }
    } else {
        match visit
            .run(async |cx| email_verification::finish_code(cx, code).await)
            .await
        {
            Ok(progress) => {
                visit.tell("success", "Your address is confirmed.");
                return visit.progress(progress).await;
            }
            Err(error) => error,
        }
    };
    match refused {
        Error::Refused(refusal @ (Refusal::IncorrectCode | Refusal::Required(_))) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        error => visit.refused(error).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let own = visit.session.user().is_some();
    let waiting = if own {
        visit
            .run(async |cx| {
                let waiting = manage_email::waiting(cx).await?;
                Ok(email_verification::Waiting {
                    email: waiting.email,
                    by_code: true,
                    can_resend: waiting.can_resend,
                    can_change: false,
                    valid_for: waiting.valid_for,
                })
            })
            .await
    } else {
        visit
            .run(async |cx| email_verification::waiting(cx).await)
            .await
    };
    let waiting = match waiting {
        Ok(waiting) => waiting,
        Err(Error::Refused(Refusal::NotPending)) => {
            if refusal.is_some() {
                visit.tell("error", say::CODES_USED_UP);
            }
            return if own {
                to_addresses(visit).await
            } else {
                visit.stray().await
            };
        }
        Err(error) => return visit.error(error).await,
    };
    let email = waiting.can_change.then(|| Field::email(&visit));
    let form = Form::new()
        .field("code", waiting.by_code.then(Field::code))
        .field("email", email)
        .refuse(refusal);
    let context = json!({
        "form": form.into_json(Some(visit.face.path("confirm-email/"))),
        "email": waiting.email,
        "valid_for": spoken_for(waiting.valid_for),
        "can_resend": waiting.can_resend,
        "can_change": waiting.can_change,
    });
    let template = match waiting.by_code {
        true => "email_verification/code.html",
        false => "email_verification/sent.html",
    };
    visit.page(status, template, context).await
}

/// `GET confirm-email/{key}/`: a page with a button, unless ACCOUNT_CONFIRM_EMAIL_ON_GET.
pub(crate) async fn look(mut visit: Visit, Path(key): Path<String>) -> Response {
    if visit.face.hallpass.settings().account.confirm_email_on_get {
        return finish(visit, Path(key)).await;
    }
    let looked = visit
        .run(async |cx| email_verification::look(cx, &key).await)
        .await;
    match looked {
        Ok(looked) => {
            let display = visit.face.hallpass.display(&looked.user);
            visit.data = Some(json!({
                "can_confirm": true,
                "email": looked.address.email,
                "user": { "display": display },
            }));
            let own = json!({
                "form": Form::new().into_json(None),
                "email": looked.address.email,
                "display": display,
            });
            visit
                .page_with(
                    StatusCode::OK,
                    "email_verification/confirm.html",
                    own,
                    &QUIET,
                )
                .await
        }
        Err(error) => invalid(visit, error).await,
    }
}

/// `POST confirm-email/{key}/`
pub(crate) async fn finish(mut visit: Visit, Path(key): Path<String>) -> Response {
    let finished = visit
        .run(async |cx| email_verification::finish(cx, &key).await)
        .await;
    match finished {
        Ok(Finished::WentOn(progress)) => {
            visit.tell("success", "Your address is confirmed.");
            visit.progress(progress).await
        }
        Ok(Finished::Confirmed) => {
            visit.tell("success", "Your address is confirmed.");
            let signed_in = visit.session.user().is_some();
            let settings = visit.face.hallpass.settings();
            let to = settings.email_confirmed_redirect_url(signed_in);
            visit.redirect(&to).await
        }
        Err(error) => invalid(visit, error).await,
    }
}

async fn invalid(mut visit: Visit, error: Error) -> Response {
    match error {
        Error::Refused(Refusal::InvalidKey) => {}
        Error::Refused(Refusal::EmailTaken) => {
            visit.tell("error", say::words(&Refusal::EmailTaken));
        }
        error => return visit.refused(error).await,
    }
    visit.data = Some(json!({ "can_confirm": false }));
    let manage = visit.session.user().is_some();
    let own = json!({
        "manage_url": manage.then(|| visit.face.path("email/")),
        "login_url": visit.face.hallpass.settings().login_url(),
    });
    visit
        .page_with(
            StatusCode::FORBIDDEN,
            "email_verification/invalid.html",
            own,
            &QUIET,
        )
        .await
}
