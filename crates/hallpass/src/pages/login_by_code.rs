//! Signing in with a one-time code, typed or by the link beside it.

use axum::extract::Path;
use axum::response::Response;
use hallpass_core::domain::timestamp::spoken_for;
use hallpass_core::flows::login;
use hallpass_core::flows::login_by_code::{self, Request};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::say;
use crate::visit::{QUIET, Visit};

/// `GET login/code/`
pub(crate) async fn show(visit: Visit) -> Response {
    let settings = visit.face.hallpass.settings();
    if visit.session.user().is_some() && settings.account.authenticated_login_redirects {
        let to = visit
            .next()
            .unwrap_or_else(|| settings.login_redirect_url());
        return visit.redirect(&to).await;
    }
    request_page(visit, StatusCode::OK, None).await
}

/// `POST login/code/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (email, phone) = (
        visit.posted("email").to_owned(),
        visit.posted("phone").to_owned(),
    );
    let next = visit.next();
    let begun = visit
        .run(async |cx| {
            let request = Request {
                email: &email,
                phone: &phone,
                next,
            };
            login_by_code::begin(cx, request).await
        })
        .await;
    match begun {
        Ok(progress) => visit.progress(progress).await,
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            request_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

async fn request_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let face = visit.face.clone();
    let settings = face.hallpass.settings();
    let takes = visit.run(async |cx| {
        Ok((
            login_by_code::takes_email(cx),
            login_by_code::takes_phone(cx),
        ))
    });
    let (by_mail, by_phone) = takes.await.unwrap_or((true, false));
    let both = by_mail && by_phone;
    let email = by_mail.then(|| Field {
        autocomplete: Some("username"),
        enterkeyhint: Some("send"),
        required: !both,
        autofocus: true,
        ..Field::email(&visit)
    });
    let phone = by_phone.then(|| Field {
        enterkeyhint: Some("send"),
        required: !both,
        autofocus: !by_mail,
        ..Field::phone(&visit)
    });
    let next = visit.next();
    let here = |path: &str| visit.with_next(&face.path(path), next.as_deref());
    let form = Form::new()
        .field("email", email)
        .field("phone", phone)
        .next(next.as_deref())
        .refuse(refusal);
    let passwords = settings.account.has_passwords() && !settings.hallpass.passwordless;
    let own = json!({
        "form": form.into_json(Some(face.path("login/code/"))),
        "login_url": passwords.then(|| visit.with_next(&settings.login_url(), next.as_deref())),
        "signup_url": settings.hallpass.signup_open.then(|| here("signup/")),
    });
    visit.page(status, "login_by_code/request.html", own).await
}

/// `GET login/code/confirm/`
pub(crate) async fn confirm(visit: Visit) -> Response {
    confirm_page(visit, StatusCode::OK, None).await
}

/// `POST login/code/confirm/`
pub(crate) async fn finish(mut visit: Visit) -> Response {
    let code = visit.posted("code").to_owned();
    match visit.posted("action") {
        "resend" => {
            let sent = visit.run(async |cx| login_by_code::resend(cx).await).await;
            match sent {
                Ok(()) => {
                    visit.tell("success", "A new code is on its way.");
                    let to = visit.face.path("login/code/confirm/");
                    visit.redirect(&to).await
                }
                Err(Error::Refused(refusal @ Refusal::ResendExhausted)) => {
                    confirm_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
                }
                Err(error) => visit.refused(error).await,
            }
        }
        "cancel" => cancel(visit).await,
        _ => {
            let finished = visit
                .run(async |cx| login_by_code::finish(cx, &code).await)
                .await;
            match finished {
                Ok(progress) => visit.progress(progress).await,
                Err(Error::Refused(refusal @ (Refusal::IncorrectCode | Refusal::Required(_)))) => {
                    confirm_page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
                }
                Err(error) => visit.refused(error).await,
            }
        }
    }
}

/// Gives up the sign-in under way.
pub(crate) async fn cancel(mut visit: Visit) -> Response {
    let done = visit
        .run(async |cx| Ok(login::pending::abort(cx).await?))
        .await;
    match done {
        Ok(()) => {
            let to = visit.face.hallpass.settings().login_url();
            visit.redirect(&to).await
        }
        Err(error) => visit.error(error).await,
    }
}

async fn confirm_page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let waiting = visit.run(async |cx| {
        let waiting = login_by_code::waiting(cx).await?;
        let left = spoken_for(waiting.challenge.expires.since(cx.now));
        Ok((waiting, left))
    });
    let (waiting, left) = match waiting.await {
        Ok(waiting) => waiting,
        // That was the last attempt: back to where codes are asked for.
        Err(Error::Refused(Refusal::NotPending)) if refusal.is_some() => {
            visit.tell("error", say::CODES_USED_UP);
            return visit.stray().await;
        }
        Err(Error::Refused(Refusal::NotPending)) => return visit.stray().await,
        Err(error) => return visit.error(error).await,
    };
    let form = Form::new()
        .field("code", Some(Field::code()))
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("login/code/confirm/"))),
        "recipient": waiting.recipient,
        "by": if waiting.by_mail { "email" } else { "phone" },
        "valid_for": left,
        "with_link": waiting.by_mail && visit.face.hallpass.settings().hallpass.code_and_link,
        "can_resend": waiting.can_resend,
        "demanded": waiting.demanded,
    });
    visit.page(status, "login_by_code/confirm.html", own).await
}

/// `GET login/code/link/{token}/`: spends nothing.
pub(crate) async fn look(mut visit: Visit, Path(token): Path<String>) -> Response {
    let looked = visit
        .run(async |cx| login_by_code::look(cx, &token).await)
        .await;
    match looked {
        Ok(looked) => {
            let own = json!({
                "form": Form::new().into_json(None),
                "display": looked.user.map(|user| visit.face.hallpass.display(&user)),
                "elsewhere": looked.elsewhere,
            });
            visit
                .page_with(StatusCode::OK, "login_by_code/link.html", own, &QUIET)
                .await
        }
        Err(error) => invalid(visit, error).await,
    }
}

/// `POST login/code/link/{token}/`
pub(crate) async fn finish_link(mut visit: Visit, Path(token): Path<String>) -> Response {
    let finished = visit
        .run(async |cx| login_by_code::finish_link(cx, &token).await)
        .await;
    match finished {
        Ok(progress) => visit.progress(progress).await,
        Err(error) => invalid(visit, error).await,
    }
}

async fn invalid(visit: Visit, error: Error) -> Response {
    let Error::Refused(Refusal::InvalidLink) = error else {
        return visit.refused(error).await;
    };
    let settings = visit.face.hallpass.settings();
    let passwords = settings.account.has_passwords() && !settings.hallpass.passwordless;
    let own = json!({
        "again_url": visit.face.path("login/code/"),
        "login_url": passwords.then(|| settings.login_url()),
    });
    visit
        .page_with(
            StatusCode::FORBIDDEN,
            "login_by_code/invalid.html",
            own,
            &QUIET,
        )
        .await
}
