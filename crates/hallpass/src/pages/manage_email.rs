//! The addresses of one's own account.

use axum::response::Response;
use hallpass_core::flows::manage_email::{self, Added, Listed};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::{Value, json};

use crate::form::{Field, Form};
use crate::pages::reauthentication;
use crate::say;
use crate::visit::Visit;

/// `GET email/`
pub(crate) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK, None).await
}

/// `POST email/`: `action_add`, `action_send`, `action_primary` or `action_remove`, with `email`.
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let email = visit.posted("email").to_owned();
    let has = |visit: &Visit, action: &str| !visit.posted(action).is_empty();
    let said = if has(&visit, "action_remove") {
        let done = visit.run(async |cx| manage_email::remove(cx, &email).await);
        done.await.map(|()| "The address is removed.")
    } else if has(&visit, "action_primary") {
        let done = visit.run(async |cx| manage_email::make_primary(cx, &email).await);
        done.await.map(|()| "This is your primary address now.")
    } else if has(&visit, "action_send") {
        let sent = visit
            .run(async |cx| manage_email::send(cx, &email).await)
            .await;
        return sent_page(visit, sent).await;
    } else if has(&visit, "action_add") {
        let added = visit
            .run(async |cx| manage_email::add(cx, &email).await)
            .await;
        return sent_page(visit, added).await;
    } else {
        return page(visit, StatusCode::OK, None).await;
    };
    match said {
        Ok(said) => {
            visit.tell("success", said);
            let to = visit.face.path("email/");
            go(visit, &to).await
        }
        Err(error) => refuse(visit, error).await,
    }
}

/// Onwards; a script is told at once what the addresses are now.
async fn go(mut visit: Visit, to: &str) -> Response {
    if visit.as_json
        && let Ok(listed) = visit.run(async |cx| manage_email::list(cx).await).await
    {
        visit.data = Some(data_of(&listed));
    }
    visit.redirect(to).await
}

/// The addresses, the oldest first, as allauth tells scripts of them.
fn data_of(listed: &Listed) -> Value {
    let mut rows: Vec<_> = listed
        .addresses
        .iter()
        .map(|entry| &entry.address)
        .collect();
    rows.sort_by_key(|row| row.id);
    let rows = rows.into_iter().map(|row| {
        json!({ "id": row.id, "email": row.email, "verified": row.verified, "primary": row.primary })
    });
    rows.collect()
}

async fn sent_page(mut visit: Visit, sent: Result<Added, Error>) -> Response {
    let to = match sent {
        Ok(Added::LinkSent) => {
            visit.tell(
                "info",
                "A letter is on its way. Open its link to confirm the address.",
            );
            visit.face.path("email/")
        }
        Ok(Added::CodeSent) => visit.face.path("confirm-email/"),
        Err(error) => return refuse(visit, error).await,
    };
    go(visit, &to).await
}

async fn refuse(mut visit: Visit, error: Error) -> Response {
    match error {
        Error::Refused(Refusal::ReauthenticationRequired) => reauthentication::suspend(visit).await,
        Error::Refused(refusal) if say::field(&refusal).is_some() => {
            page(visit, StatusCode::BAD_REQUEST, Some(&refusal)).await
        }
        Error::Refused(refusal) if say::is_for_form(&refusal) => {
            visit.tell("error", say::words(&refusal));
            let to = visit.face.path("email/");
            visit.redirect(&to).await
        }
        error => visit.refused(error).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode, refusal: Option<&Refusal>) -> Response {
    let listed = match visit.run(async |cx| manage_email::list(cx).await).await {
        Ok(listed) => listed,
        Err(error) => return visit.refused(error).await,
    };
    visit.data = visit.as_json.then(|| data_of(&listed));
    let entries = listed.addresses.iter().map(|entry| {
        json!({
            "email": entry.address.email,
            "verified": entry.address.verified,
            "primary": entry.address.primary,
            "can_remove": entry.can_remove,
            "can_make_primary": entry.can_make_primary,
            "can_send": !entry.address.verified,
        })
    });
    let addresses: Vec<Value> = entries.collect();
    let adding = !visit.posted("action_add").is_empty();
    let email = listed.can_add.then(|| {
        let field = Field::email(&visit);
        Field {
            value: field.value.clone().filter(|_| adding),
            ..field
        }
    });
    let change_mode = visit.face.hallpass.settings().account.change_email;
    let form = Form::new().field("email", email).refuse(refusal);
    let own = json!({
        "form": form.into_json(Some(visit.face.path("email/"))),
        "addresses": addresses,
        "pending": listed.pending.map(|email| {
            json!({ "email": email, "confirm_url": visit.face.path("confirm-email/") })
        }),
        "can_add": listed.can_add,
        "change_mode": change_mode,
        "back_url": visit.face.path("profile/"),
    });
    visit.page(status, "manage_email/manage.html", own).await
}
