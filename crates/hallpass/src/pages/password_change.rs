//! Changing one's password, or setting the first one.

use axum::response::Response;
use hallpass_core::flows::password_change::{self, Finished};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::say;
use crate::visit::Visit;

/// `GET password/change/`: on to setting one for those who have none.
pub(crate) async fn show(visit: Visit) -> Response {
    door(visit, true, StatusCode::OK, None).await
}

/// `GET password/set/`: on to changing it for those who have one.
pub(crate) async fn show_set(visit: Visit) -> Response {
    door(visit, false, StatusCode::OK, None).await
}

async fn door(
    mut visit: Visit,
    change: bool,
    status: StatusCode,
    refusal: Option<&Refusal>,
) -> Response {
    let has = visit
        .run(async |cx| Ok(password_change::has_password(cx)?))
        .await;
    match has {
        Ok(has) if has == change => page(visit, change, status, refusal).await,
        Ok(true) => {
            let to = visit.face.path("password/change/");
            visit.redirect(&to).await
        }
        Ok(false) => {
            let to = visit.face.path("password/set/");
            visit.redirect(&to).await
        }
        Err(error) => visit.refused(error).await,
    }
}

/// `POST password/change/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let [old, first, second] =
        ["oldpassword", "password1", "password2"].map(|name| visit.posted(name).to_owned());
    let finished = visit
        .run(async |cx| password_change::change(cx, &old, &first, Some(&second)).await)
        .await;
    finish(visit, true, finished).await
}

/// `POST password/set/`
pub(crate) async fn submit_set(mut visit: Visit) -> Response {
    let [first, second] = ["password1", "password2"].map(|name| visit.posted(name).to_owned());
    let finished = visit
        .run(async |cx| password_change::set(cx, &first, Some(&second)).await)
        .await;
    finish(visit, false, finished).await
}

async fn finish(mut visit: Visit, change: bool, finished: Result<Finished, Error>) -> Response {
    match finished {
        Ok(Finished::Changed) => {
            visit.tell(
                "success",
                "Your password is changed. Other browsers were signed out.",
            );
            let to = visit.face.path("profile/");
            visit.redirect(&to).await
        }
        Ok(Finished::SignedOut) => {
            visit.tell(
                "success",
                "Your password is changed. Sign in with the new one.",
            );
            let to = visit.face.hallpass.settings().login_url();
            visit.redirect(&to).await
        }
        Err(Error::Refused(Refusal::ReauthenticationRequired)) => {
            // Passwords are not kept over the proof: the form comes anew.
            let here = visit.face.path("password/set/");
            let to = visit.with_next(&visit.face.path("reauthenticate/"), Some(&here));
            visit.redirect(&to).await
        }
        Err(Error::Refused(Refusal::NoPassword | Refusal::PasswordAlreadySet)) => {
            door(visit, change, StatusCode::OK, None).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            door(visit, change, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn page(
    visit: Visit,
    change: bool,
    status: StatusCode,
    refusal: Option<&Refusal>,
) -> Response {
    let old = change.then(|| Field {
        enterkeyhint: Some("next"),
        ..Field::current_password("oldpassword", "Current password")
    });
    let mut form = Form::new();
    if change {
        form = form.field("oldpassword", old);
    }
    let form = form
        .field(
            "password1",
            Some(Field::new_password("password1", "New password")),
        )
        .field(
            "password2",
            Some(Field::new_password("password2", "New password once more")),
        )
        .refuse(refusal);
    let (path, template) = match change {
        true => ("password/change/", "password_change/change.html"),
        false => ("password/set/", "password_change/set.html"),
    };
    let own = json!({
        "form": form.into_json(Some(visit.face.path(path))),
        "reset_url": change.then(|| visit.face.path("password/reset/")),
        "back_url": visit.face.path("profile/"),
    });
    visit.page(status, template, own).await
}
