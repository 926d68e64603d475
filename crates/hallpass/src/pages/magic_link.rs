//! Magic links: signing in by one, and the page with the button that may come before a link is used.

use axum::response::Response;
use hallpass_core::domain::User;
use hallpass_core::flows::magic_link::{self, Redeemed, Terms};
use hallpass_core::{Error, Refusal};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::face::Face;
use crate::form::Form;
use crate::visit::{QUIET, Visit};

/// The page with the button.
pub(crate) const CONFIRM: &str = "magic_link/confirm.html";

/// What it is given of its own. Without `action` the form posts to the link itself.
pub(crate) fn confirm(face: &Face, user: &User, action: Option<String>, signs_in: bool) -> Value {
    json!({
        "display": face.hallpass.display(user),
        "form": Form::new().into_json(action),
        "signs_in": signs_in,
    })
}

/// `GET login/magic/`, or wherever the app has it. HEAD spends nothing, and neither does GET where a button is wanted.
pub(crate) async fn show(method: Method, mut visit: Visit) -> Response {
    let button = visit.face.hallpass.settings().hallpass.magic_link_confirm;
    if method != Method::HEAD && !button {
        return submit(visit).await;
    }
    let token = token(&visit);
    let looked = visit
        .run(async |cx| magic_link::look(cx, &token, &Terms::default()).await)
        .await;
    match looked {
        Ok(Redeemed::Opened(user)) => {
            let own = confirm(&visit.face, &user, None, true);
            visit.page_with(StatusCode::OK, CONFIRM, own, &QUIET).await
        }
        Ok(Redeemed::Shut) => invalid(visit).await,
        Err(error) => visit.refused(error).await,
    }
}

/// `POST login/magic/`: the button was pressed.
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let (token, next) = (token(&visit), visit.next());
    let done = visit
        .run(async |cx| magic_link::sign_in(cx, &token, &Terms::default(), next).await)
        .await;
    match done {
        Ok(progress) => visit.progress(progress).await,
        Err(Error::Refused(Refusal::InvalidLink)) => invalid(visit).await,
        Err(error) => visit.refused(error).await,
    }
}

fn token(visit: &Visit) -> String {
    let name = &visit.face.hallpass.settings().sesame.token_name;
    visit.query(name).unwrap_or_default().to_owned()
}

async fn invalid(visit: Visit) -> Response {
    let next = visit.next();
    let login = visit.face.hallpass.settings().login_url();
    let own = json!({ "login_url": visit.with_next(&login, next.as_deref()) });
    visit
        .page_with(
            StatusCode::FORBIDDEN,
            "magic_link/invalid.html",
            own,
            &QUIET,
        )
        .await
}
