//! A fresh proof before something sensitive, and what waited for it.
//!
//! A form that was sent too early is kept and goes on after the proof, so that nobody types it twice.

use axum::response::Response;
use hallpass_core::flows::reauthentication::{self, Way, kept};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::form::{Field, Form};
use crate::pages::social::login::Door;
use crate::pages::{manage_email, phone, social};
use crate::say;
use crate::visit::Visit;

/// Keeps what was posted and asks for a proof.
pub(crate) async fn suspend(mut visit: Visit) -> Response {
    let (path, posted) = (visit.path.clone(), visit.keepable());
    let kept = visit.run(async |cx| {
        kept::keep(cx, &path, posted);
        Ok(())
    });
    if let Err(error) = kept.await {
        return visit.error(error).await;
    }
    let to = visit.with_next(&visit.face.path("reauthenticate/"), Some(&visit.path));
    visit.redirect(&to).await
}

/// `GET reauthenticate/`
pub(crate) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK, None).await
}

/// `POST reauthenticate/`
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (password, code) = (
        visit.posted("password").to_owned(),
        visit.posted("code").to_owned(),
    );
    if visit.posted("action") == "resend" {
        let sent = visit
            .run(async |cx| reauthentication::begin_code(cx, true).await)
            .await;
        return match sent {
            Ok(_) => {
                visit.tell("success", "A new code is on its way.");
                page(visit, StatusCode::OK, None).await
            }
            Err(error) => visit.refused(error).await,
        };
    }
    let by_code = password.is_empty() && !code.is_empty();
    let done = visit
        .run(async |cx| match by_code {
            true => reauthentication::finish_code(cx, &code).await,
            false => reauthentication::finish(cx, &password).await,
        })
        .await;
    match done {
        Ok(()) => go_on(visit).await,
        Err(Error::Refused(Refusal::NotPending)) => page(visit, StatusCode::OK, None).await,
        Err(Error::Refused(refusal)) if say::is_for_form(&refusal) => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Err(error) => visit.refused(error).await,
    }
}

/// What waited goes on; else the page that was asked for.
async fn go_on(mut visit: Visit) -> Response {
    let next = visit.next();
    let kept = match visit.run(async |cx| Ok(kept::take(cx))).await {
        Ok(kept) => kept,
        Err(error) => return visit.error(error).await,
    };
    let Some((path, posted)) = kept else {
        let to = next.unwrap_or_else(|| visit.face.hallpass.settings().login_redirect_url());
        return visit.redirect(&to).await;
    };
    let (email, number) = (visit.face.path("email/"), visit.face.path("phone/change/"));
    visit.resume(path.clone(), posted);
    if let Some(door) = Door::at(&visit.face, &path) {
        return social::login::submit(visit, door).await;
    }
    let (accounts, merging) = (
        visit.face.path("3rdparty/"),
        visit.face.path("3rdparty/merge/"),
    );
    match path {
        path if path == accounts => social::connections::submit(visit).await,
        path if path == merging => social::merge::submit(visit).await,
        path if path == email => manage_email::submit(visit).await,
        path if path == number => phone::submit_change(visit).await,
        path => visit.redirect(&path).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let way = visit.run(async |cx| {
        let user = cx.signed_in()?;
        let way = reauthentication::way(cx, &user).await?;
        if let Way::Code(_) = way {
            let challenge = reauthentication::begin_code(cx, false).await?;
            return Ok(Way::Code(challenge.recipient));
        }
        Ok(way)
    });
    let way = match way.await {
        Ok(way) => way,
        Err(error) => return visit.refused(error).await,
    };
    let next = visit.next();
    if way == Way::None {
        return go_on(visit).await;
    }
    let password = (way == Way::Password).then(|| Field {
        autofocus: true,
        ..Field::current_password("password", "Password")
    });
    let recipient = match &way {
        Way::Code(recipient) => Some(recipient.clone()),
        _ => None,
    };
    let form = Form::new()
        .field("password", password)
        .field("code", recipient.as_ref().map(|_| Field::code()))
        .next(next.as_deref())
        .refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("reauthenticate/"))),
        "display": visit.session.user().map(|user| visit.face.hallpass.display(user)),
        "can_resend": recipient.is_some(),
        "recipient": recipient,
        "back_url": visit.face.path("profile/"),
    });
    visit
        .page(status, "reauthentication/reauthenticate.html", own)
        .await
}
