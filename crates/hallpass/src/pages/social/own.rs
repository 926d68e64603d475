//! Pages that a few providers need here: the form of the one for development, and what reads Telegram's answer.

use axum::response::Response;
use hallpass_core::providers::Kind;
use http::{StatusCode, header};
use serde_json::json;

use super::login::Door;
use crate::form::{Field, Form};
use crate::visit::{QUIET, Visit};

/// `GET <provider>/authenticate/`: who somebody says that they are.
pub(crate) async fn authenticate(visit: Visit, door: Door) -> Response {
    let face = visit.face.clone();
    let slug = face.hallpass.providers().get(&door.provider);
    let slug = slug.map_or("dummy", |provider| &provider.slug);
    let text = |name: &'static str, label: &'static str, kind: &'static str| Field {
        required: name == "id",
        autocomplete: Some("off"),
        autofocus: name == "id",
        inputmode: (name == "id").then_some("numeric"),
        maxlength: Some(150),
        ..Field::new(name, label, kind)
    };
    let tick = |name: &'static str, label: &'static str| Field {
        required: false,
        ..Field::new(name, label, "checkbox")
    };
    let state = visit.query("state").unwrap_or_default().to_owned();
    let form = Form::new()
        .field("id", Some(text("id", "Number at the provider", "text")))
        .field("email", Some(text("email", "E-mail address", "email")))
        .field(
            "email_verified",
            Some(tick(
                "email_verified",
                "The provider vouches for the address",
            )),
        )
        .field("username", Some(text("username", "User name", "text")))
        .field("first_name", Some(text("first_name", "First name", "text")))
        .field("last_name", Some(text("last_name", "Last name", "text")))
        .field("phone", Some(text("phone", "Phone number", "tel")))
        .field(
            "phone_verified",
            Some(tick(
                "phone_verified",
                "The provider vouches for the number",
            )),
        )
        .field("state", Some(Field::hidden("state", state)));
    let action = face.path(&format!("{slug}/login/callback/"));
    let own = json!({ "form": form.into_json(Some(action)) });
    visit
        .page_with(StatusCode::OK, "social/dummy.html", own, &QUIET)
        .await
}

/// Whether the answer is still where only a script finds it.
pub(crate) fn is_behind(visit: &Visit, door: &Door) -> bool {
    let provider = visit.face.hallpass.providers().get(&door.provider);
    let telegram = provider.is_some_and(|provider| provider.kind == Kind::Telegram);
    let said = ["tgAuthResult", "hash", "posted"];
    telegram && said.iter().all(|name| visit.query(name).is_none())
}

/// The page that reads it.
pub(crate) async fn read_answer(visit: Visit) -> Response {
    let face = visit.face.clone();
    let own = json!({
        "action": visit.path,
        "state": visit.query("state").unwrap_or_default(),
        "script_url": face.path(&format!("static/{}", face.templates.assets.script())),
        "login_url": face.hallpass.settings().login_url(),
    });
    let policy = format!("{}; script-src 'self'", face.content_security_policy);
    let headers = [
        QUIET[0].clone(),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    visit
        .page_with(StatusCode::OK, "social/telegram.html", own, &headers)
        .await
}
