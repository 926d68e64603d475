//! The phone number: the code at a stage of a sign-in, and changing one's own.

use axum::response::Response;
use hallpass_core::domain::timestamp::spoken_for;
use hallpass_core::flows::phone::{self, Finished};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::pages::{login_by_code, reauthentication};
use crate::say;
use crate::visit::Visit;

/// `GET phone/verify/`
pub(crate) async fn show(visit: Visit) -> Response {
    verify_page(visit, StatusCode::OK, None).await
}

/// `POST phone/verify/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (code, number) = (
        visit.posted("code").to_owned(),
        visit.posted("phone").to_owned(),
    );
    let own = visit.session.user().is_some();
    let action = visit.posted("action").to_owned();
    let done = match action.as_str() {
        "resend" => visit.run(async |cx| phone::resend(cx).await).await,
        "change" => {
            visit
                .run(async |cx| phone::change_at_stage(cx, &number).await)
                .await
        }
        "cancel" if own => {
            let done = visit.run(async |cx| Ok(phone::cancel(cx).await?)).await;
            return match done {
                Ok(()) => to_number(visit).await,
                Err(error) => visit.error(error).await,
            };
        }
        "cancel" => return login_by_code::cancel(visit).await,
        _ => return finish(visit, &code).await,
    };
    match done {
        Ok(()) => {
            visit.tell("success", "A new code is on its way.");
            let to = visit.face.path("phone/verify/");
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            verify_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn to_number(visit: Visit) -> Response {
    let to = visit.face.path("phone/change/");
    visit.redirect(&to).await
}

async fn finish(mut visit: Visit, code: &str) -> Response {
    match visit.run(async |cx| phone::finish(cx, code).await).await {
        Ok(Finished::Changed) => {
            visit.tell("success", "Your phone number is confirmed.");
            to_number(visit).await
        }
        Ok(Finished::WentOn(progress)) => {
            visit.tell("success", "Your phone number is confirmed.");
            visit.progress(progress).await
        }
        Err(Error::Refused(refusal @ (Refusal::IncorrectCode | Refusal::Required(_)))) => {
            verify_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(Error::Refused(Refusal::PhoneTaken)) if visit.session.user().is_some() => {
            visit.tell("error", say::words(&Refusal::PhoneTaken));
            to_number(visit).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn verify_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let waiting = match visit.run(async |cx| phone::waiting(cx).await).await {
        Ok(waiting) => waiting,
        Err(Error::Refused(Refusal::NotPending)) => {
            if refusal.is_some() {
                visit.tell("error", say::CODES_USED_UP);
            }
            return match visit.session.user().is_some() {
                true => to_number(visit).await,
                false => visit.stray().await,
            };
        }
        Err(error) => return visit.error(error).await,
    };
    let number = waiting.can_change.then(|| Field::phone(&visit));
    let form = Form::new()
        .field("code", Some(Field::code()))
        .field("phone", number)
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("phone/verify/"))),
        "phone": waiting.phone,
        "valid_for": spoken_for(waiting.valid_for),
        "can_resend": waiting.can_resend,
        "can_change": waiting.can_change,
    });
    visit.page(status, "phone/verify.html", own).await
}

/// `GET phone/change/`
pub(crate) async fn show_change(visit: Visit) -> Response {
    change_page(visit, StatusCode::OK, None).await
}

/// `POST phone/change/`: another number, or `action=verify` for the one on file.
pub(crate) async fn submit_change(mut visit: Visit) -> Response {
    let number = visit.posted("phone").to_owned();
    let begun = match visit.posted("action") {
        "verify" => visit.run(async |cx| phone::verify(cx).await).await,
        _ => visit.run(async |cx| phone::change(cx, &number).await).await,
    };
    match begun {
        Ok(()) => {
            let to = visit.face.path("phone/verify/");
            visit.redirect(&to).await
        }
        Err(Error::Refused(Refusal::ReauthenticationRequired)) => {
            reauthentication::suspend(visit).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            change_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn change_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let current = match visit.run(async |cx| phone::current(cx).await).await {
        Ok(current) => current,
        Err(error) => return visit.refused(error).await,
    };
    let current =
        current.map(|number| json!({ "phone": number.phone, "verified": number.verified }));
    let form = Form::new()
        .field("phone", Some(Field::phone(&visit)))
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("phone/change/"))),
        "current": current,
        "back_url": visit.face.path("profile/"),
    });
    visit.page(status, "phone/change.html", own).await
}
