//! Who is signed in.

use axum::response::Response;
use hallpass_core::domain::Timestamp;
use hallpass_core::domain::session::keys;
use hallpass_core::settings::SignupField;
use http::StatusCode;
use serde_json::{Value, json};

use crate::visit::Visit;

/// `GET profile/`
pub(crate) async fn show(visit: Visit) -> Response {
    if visit.session.user().is_none() {
        let to = visit.with_next(
            &visit.face.hallpass.settings().login_url(),
            Some(&visit.path),
        );
        return visit.redirect(&to).await;
    }
    let record = visit
        .session
        .get(keys::RECORDS)
        .and_then(|records| records.as_array()?.last());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds as a float, whole ones are enough here"
    )]
    let at = record
        .and_then(|record| record["at"].as_f64())
        .map(|at| Timestamp::from_seconds(at as i64));
    let method = record
        .and_then(|record| record["method"].as_str())
        .and_then(|method| match method {
            "password" => Some("with a password"),
            "link" => Some("with a link from your mail"),
            "code" => Some("with a code"),
            "socialaccount" => Some("with an account elsewhere"),
            "password_reset" => Some("after choosing a new password"),
            _ => None,
        });
    let since =
        at.map(|at| json!({ "iso": format!("{at}Z").replace(' ', "T"), "words": at.spoken() }));
    let by_providers = visit.face.hallpass.offers_providers();
    let own: Value = json!({
        "signed_in_at": since,
        "method": method,
        "links": links(&visit, by_providers),
    });
    visit
        .page(StatusCode::OK, "profile/profile.html", own)
        .await
}

/// What can be changed, and where.
fn links(visit: &Visit, by_providers: bool) -> Vec<Value> {
    let settings = visit.face.hallpass.settings();
    let link = |title: &str, text: &str, path: &str, action: &str| json!({ "title": title, "text": text, "url": visit.face.path(path), "action": action });
    let mut links = Vec::new();
    if !settings.is_passwordless() {
        links.push(link(
            "Password",
            "A new one signs out every other browser.",
            "password/change/",
            "Change password",
        ));
    }
    let only = settings.socialaccount.only;
    let email = match settings.account.change_email {
        true => link(
            "E-mail address",
            "Where our letters go.",
            "email/",
            "Change address",
        ),
        false => link(
            "E-mail addresses",
            "Where our letters go, and what you sign in with.",
            "email/",
            "Manage addresses",
        ),
    };
    links.extend(Some(email).filter(|_| !only));
    if !only && settings.account.asks(SignupField::Phone).is_some() {
        links.push(link(
            "Phone number",
            "Where our text messages go.",
            "phone/change/",
            "Change number",
        ));
    }
    if by_providers {
        links.push(link(
            "Connected accounts",
            "Other accounts of yours that sign you in here.",
            "3rdparty/",
            "Manage connections",
        ));
    }
    links
}
