//! Who is signed in.

use axum::response::Response;
use hallpass_core::domain::Timestamp;
use hallpass_core::domain::session::keys;
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
            _ => None,
        });
    let since =
        at.map(|at| json!({ "iso": format!("{at}Z").replace(' ', "T"), "words": at.spoken() }));
    let own: Value =
        json!({ "signed_in_at": since, "method": method, "links": [], "sessions_note": null });
    visit
        .page(StatusCode::OK, "profile/profile.html", own)
        .await
}
