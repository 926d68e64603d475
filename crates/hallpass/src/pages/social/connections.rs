//! The accounts at providers of whoever is signed in.

use axum::response::Response;
use hallpass_core::flows::social::{apps, connect, disconnect};
use hallpass_core::{Cx, Error, Refusal};
use http::StatusCode;
use serde_json::{Value, json};

use crate::pages::reauthentication;
use crate::visit::Visit;

/// `GET 3rdparty/`
pub(crate) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK).await
}

/// `POST 3rdparty/`: `account` is to be disconnected.
pub(crate) async fn submit(mut visit: Visit) -> Response {
    let id = visit.posted("account").parse().unwrap_or(0);
    match visit.run(async |cx| disconnect::finish(cx, id).await).await {
        Ok(_) => {
            visit.tell("success", "The account is disconnected.");
            let to = visit.face.path("3rdparty/");
            visit.redirect(&to).await
        }
        Err(Error::Refused(Refusal::ReauthenticationRequired)) => {
            reauthentication::suspend(visit).await
        }
        Err(error) => super::refused(visit, error).await,
    }
}

async fn page(mut visit: Visit, status: StatusCode) -> Response {
    let listed = visit
        .run(async |cx| {
            let user = cx.signed_in()?;
            let accounts = connect::accounts(cx, user.id).await?;
            let hallpass = cx.hallpass().clone();
            let apps = apps::all(&hallpass).await?;
            let mut rows: Vec<Value> = Vec::new();
            for account in &accounts {
                let app = apps.iter().find(|app| app.sub_id() == account.provider);
                let name = app.and_then(|app| {
                    let provider = hallpass.providers().get(&app.provider)?;
                    Some(apps::name_of(app, provider).to_owned())
                });
                let why = match disconnect::may(cx, &user, &accounts, account).await {
                    Ok(()) => None,
                    Err(Error::Refused(refusal)) => Some(refusal),
                    Err(failed) => return Err(failed),
                };
                rows.push(json!({
                    "id": account.id,
                    "provider": account.provider,
                    "name": name.unwrap_or_else(|| account.provider.clone()),
                    "display": display(&account.extra_data),
                    "since": { "iso": account.date_joined.iso(), "words": account.date_joined.spoken() },
                    "kept_because": why.as_ref().map(crate::say::words),
                    "mend": why.and_then(|why| mend(cx, &why)),
                }));
            }
            Ok(rows)
        })
        .await;
    let accounts = match listed {
        Ok(accounts) => accounts,
        Err(error) => return visit.refused(error).await,
    };
    let providers = super::buttons(&mut visit, "connect").await;
    let own = json!({
        "accounts": accounts,
        "action": visit.face.path("3rdparty/"),
        "providers": providers,
        "back_url": visit.face.path("profile/"),
    });
    super::page(visit, status, "social/connections.html", own).await
}

/// Where the owner does something about a refusal.
fn mend(cx: &Cx, refusal: &Refusal) -> Option<Value> {
    let (path, text) = match refusal {
        Refusal::NoPassword => ("password/set/", "Set a password"),
        Refusal::NoVerifiedEmail => ("email/", "Your addresses"),
        _ => return None,
    };
    Some(json!({ "url": cx.path(path), "text": text }))
}

/// What people know an account by: as allauth picks it.
fn display(extra: &Value) -> Option<String> {
    let places = [
        extra,
        &extra["userinfo"],
        &extra["id_token"],
        &extra["data"],
    ];
    let names = [
        "username",
        "userName",
        "user_name",
        "login",
        "handle",
        "preferred_username",
        "email",
        "Email",
        "mail",
        "email_address",
        "display_name",
        "displayName",
        "name",
        "nickname",
    ];
    let text = |name: &str| {
        places.iter().find_map(|place| {
            let text = place.get(name)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.chars().take(100).collect())
        })
    };
    names.iter().find_map(|name| text(name))
}
