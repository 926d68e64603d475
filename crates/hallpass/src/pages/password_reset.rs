//! Resetting a password, by link or by code.

use axum::extract::Path;
use axum::response::Response;
use hallpass_core::domain::timestamp::spoken_for;
use hallpass_core::flows::password_reset::{self, Begun, Finished};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::say;
use crate::visit::{QUIET, Visit};

/// What stands in a reset link's place while the new password is chosen.
const CHOOSE: &str = "-set-password";

/// `GET password/reset/`
pub(crate) async fn show(visit: Visit) -> Response {
    request_page(visit, StatusCode::OK, None).await
}

/// `POST password/reset/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let email = visit.posted("email").to_owned();
    let begun = visit
        .run(async |cx| password_reset::begin(cx, &email).await)
        .await;
    match begun {
        Ok(begun) => {
            let to = match begun {
                Begun::LinkSent => "password/reset/done/",
                Begun::CodeSent => "password/reset/confirm/",
            };
            let to = visit.face.path(to);
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            request_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn request_page(visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let email = Field {
        autocomplete: Some("username"),
        enterkeyhint: Some("send"),
        autofocus: true,
        ..Field::email(&visit)
    };
    let form = Form::new().field("email", Some(email)).refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("password/reset/"))),
        "login_url": visit.face.hallpass.settings().login_url(),
    });
    visit.page(status, "password_reset/request.html", own).await
}

fn by_code(visit: &Visit) -> bool {
    let account = &visit.face.hallpass.settings().account;
    account.password_reset_by_code_enabled
}

/// `GET password/reset/done/`: a letter is on its way; with codes, the new password is set.
pub(crate) async fn sent(visit: Visit) -> Response {
    if by_code(&visit) {
        return done(visit).await;
    }
    let own = json!({
        "valid_for": spoken_for(visit.face.hallpass.link_lifetime()),
        "again_url": visit.face.path("password/reset/"),
    });
    visit
        .page(StatusCode::OK, "password_reset/sent.html", own)
        .await
}

/// `GET password/reset/key/done/`
pub(crate) async fn done(visit: Visit) -> Response {
    let own = json!({ "login_url": visit.face.hallpass.settings().login_url() });
    visit
        .page(StatusCode::OK, "password_reset/done.html", own)
        .await
}

/// `GET password/reset/confirm/`
pub(crate) async fn confirm(visit: Visit) -> Response {
    code_page(visit, StatusCode::OK, None).await
}

/// `POST password/reset/confirm/`
pub(crate) async fn finish_code(mut visit: Visit) -> Response {
    if visit.posted("action") == "cancel" {
        let done = visit
            .run(async |cx| Ok(password_reset::forget(cx).await?))
            .await;
        return match done {
            Ok(()) => {
                let to = visit.face.hallpass.settings().login_url();
                visit.redirect(&to).await
            }
            Err(error) => visit.error(error).await,
        };
    }
    let code = visit.posted("code").to_owned();
    let checked = visit
        .run(async |cx| password_reset::finish_code(cx, &code).await)
        .await;
    match checked {
        Ok(()) => {
            let to = visit.face.path("password/reset/complete/");
            visit.redirect(&to).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            code_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(Error::Refused(Refusal::NotPending)) => over(visit).await,
        Err(error) => visit.refused(error).await,
    }
}

/// Nothing waits here, or not any more: to where one begins.
async fn over(visit: Visit) -> Response {
    again(visit, "warning", &say::words(&Refusal::NotPending)).await
}

async fn again(mut visit: Visit, level: &str, words: &str) -> Response {
    visit.tell(level, words);
    let to = visit.face.path("password/reset/");
    visit.redirect(&to).await
}

async fn code_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let waiting = visit.run(async |cx| {
        let challenge = password_reset::waiting(cx).await?;
        let left = spoken_for(challenge.expires.since(cx.now));
        Ok((challenge.recipient, left))
    });
    let (email, left) = match waiting.await {
        Ok(waiting) => waiting,
        // That was the last attempt.
        Err(Error::Refused(Refusal::NotPending)) if refusal.is_some() => {
            return again(visit, "error", say::CODES_USED_UP).await;
        }
        Err(Error::Refused(Refusal::NotPending)) => return over(visit).await,
        Err(error) => return visit.error(error).await,
    };
    let form = Form::new()
        .field("code", Some(Field::code()))
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("password/reset/confirm/"))),
        "email": email,
        "valid_for": left,
    });
    visit.page(status, "password_reset/code.html", own).await
}

/// `GET password/reset/complete/`
pub(crate) async fn complete(visit: Visit) -> Response {
    choose_page(visit, StatusCode::OK, None).await
}

/// `POST password/reset/complete/`
pub(crate) async fn finish(mut visit: Visit) -> Response {
    let (first, second) = passwords(&visit);
    let finished = visit
        .run(async |cx| password_reset::finish(cx, &first, Some(&second)).await)
        .await;
    finished_page(visit, finished).await
}

fn passwords(visit: &Visit) -> (String, String) {
    (
        visit.posted("password1").to_owned(),
        visit.posted("password2").to_owned(),
    )
}

/// `GET password/reset/key/{key}/`: the key goes into the session, and its place in the address is taken by a word, so
/// that no other page learns it from the Referer.
pub(crate) async fn open(mut visit: Visit, Path(key): Path<String>) -> Response {
    let Some((uid, _)) = key.split_once('-').filter(|_| !key.ends_with(CHOOSE)) else {
        return choose_page(visit, StatusCode::OK, None).await;
    };
    let opened = visit
        .run(async |cx| password_reset::open(cx, &key).await)
        .await;
    match opened {
        Ok(()) => {
            let to = visit
                .face
                .path(&format!("password/reset/key/{uid}{CHOOSE}/"));
            visit.redirect(&to).await
        }
        Err(error) => invalid(visit, error).await,
    }
}

/// `POST password/reset/key/{key}/`
pub(crate) async fn finish_key(mut visit: Visit, Path(key): Path<String>) -> Response {
    if key.ends_with(CHOOSE) {
        return finish(visit).await;
    }
    let (first, second) = passwords(&visit);
    let finished = visit
        .run(async |cx| password_reset::finish_with_key(cx, &key, &first, Some(&second)).await)
        .await;
    finished_page(visit, finished).await
}

async fn finished_page(mut visit: Visit, finished: Result<Finished, Error>) -> Response {
    match finished {
        Ok(Finished::Changed) => {
            let to = visit.face.path(match by_code(&visit) {
                true => "password/reset/done/",
                false => "password/reset/key/done/",
            });
            visit.redirect(&to).await
        }
        Ok(Finished::WentOn(progress)) => {
            visit.tell("success", "Your password is changed.");
            visit.progress(progress).await
        }
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            choose_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => invalid(visit, error).await,
    }
}

async fn choose_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let user = match visit
        .run(async |cx| password_reset::chooser(cx).await)
        .await
    {
        Ok(user) => user,
        Err(error) => return invalid(visit, error).await,
    };
    let first = Field {
        autofocus: true,
        ..Field::new_password("password1", "New password")
    };
    let form = Form::new()
        .field("password1", Some(first))
        .field(
            "password2",
            Some(Field::new_password("password2", "New password once more")),
        )
        .refuse(refusal);
    let own =
        json!({ "form": form.into_json(None), "display": visit.face.hallpass.display(&user) });
    visit
        .page_with(status, "password_reset/choose.html", own, &QUIET)
        .await
}

async fn invalid(visit: Visit, error: Error) -> Response {
    let Error::Refused(Refusal::InvalidPasswordReset) = error else {
        return visit.refused(error).await;
    };
    // There was no link that could be no good.
    if by_code(&visit) {
        return over(visit).await;
    }
    let own = json!({ "again_url": visit.face.path("password/reset/") });
    visit
        .page_with(
            StatusCode::FORBIDDEN,
            "password_reset/invalid.html",
            own,
            &QUIET,
        )
        .await
}
