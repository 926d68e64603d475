//! Back from a provider.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use hallpass_core::flows::social::{self, Came, Returned};
use hallpass_core::providers::Params;
use hallpass_core::settings::SameSite;
use hallpass_core::{Error, Refusal};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::login::Door;
use super::own;
use crate::errors::{self, Page};
use crate::face::Face;
use crate::visit::{QUIET, Visit};

/// As much as comes back by a form: an id token and the like.
const LONGEST: usize = 64 * 1024;

/// `GET <provider>/login/callback/`
pub(crate) async fn show(mut visit: Visit, door: Door) -> Response {
    let strict = visit.face.hallpass.settings().session.cookie_samesite == SameSite::Strict;
    if strict && !visit.came_with_session() && visit.query("_redir").is_none() {
        return once_more(visit).await;
    }
    if own::is_behind(&visit, &door) {
        return own::read_answer(visit).await;
    }
    let params = match visit.query("posted") {
        Some(sealed) => match visit.face.hallpass.open_posted(sealed) {
            Some(params) => params,
            None => {
                return super::refused(visit, Refusal::SocialFailed.into()).await;
            }
        },
        None => visit
            .query_pairs()
            .filter(|(name, _)| name != "_redir")
            .collect(),
    };
    finish(&mut visit, door, params).await.respond(visit).await
}

/// A cookie that is strict does not come along from another site. From this page it does: it leads to itself.
pub(super) async fn once_more(visit: Visit) -> Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(visit.query_pairs())
        .append_pair("_redir", "1")
        .finish();
    let to = format!("{}?{query}", visit.path);
    let own = json!({ "to": to });
    visit
        .page_with(StatusCode::OK, "social/once_more.html", own, &QUIET)
        .await
}

/// What is left to say.
pub(super) enum Done {
    To(String),
    Progress(hallpass_core::flows::login::Progress),
    Refused(Error),
}

impl Done {
    pub(super) async fn respond(self, visit: Visit) -> Response {
        match self {
            Done::To(to) => visit.redirect(&to).await,
            Done::Progress(progress) => visit.progress(progress).await,
            Done::Refused(error) => super::refused(visit, error).await,
        }
    }
}

async fn finish(visit: &mut Visit, door: Door, params: Params) -> Done {
    let came = visit
        .run(async |cx| {
            let returned = Returned {
                provider: &door.provider,
                provider_id: door.provider_id.as_deref(),
                params,
            };
            social::returned(cx, returned).await
        })
        .await;
    done(visit, came)
}

/// What somebody's coming from a provider leads to.
pub(super) fn done(visit: &mut Visit, came: Result<Came, Error>) -> Done {
    let face = visit.face.clone();
    match came {
        Ok(Came::Progress(progress)) => Done::Progress(progress),
        Ok(Came::Form) => Done::To(face.path("3rdparty/signup/")),
        Ok(Came::MayMerge) => Done::To(face.path("3rdparty/merge/")),
        Ok(Came::Redirected(next)) => {
            Done::To(next.unwrap_or_else(|| face.hallpass.settings().login_redirect_url()))
        }
        Ok(Came::Connected { new, next }) => {
            let words = match new {
                true => "The account is connected.",
                false => "The account was connected already.",
            };
            visit.tell("success", words);
            Done::To(next.unwrap_or_else(|| face.path("3rdparty/")))
        }
        Err(error) => Done::Refused(error),
    }
}

/// `POST <provider>/login/callback/`: another site posts here, so there is no cookie to know the browser by. What was posted
/// goes sealed into an address that the browser then asks for by itself, with its cookie. Nothing is done before.
pub(crate) async fn posted(State(face): State<Face>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let wrong = |status| {
        errors::respond(
            &face,
            &Page::new(status),
            &errors::request_id(&parts.extensions),
        )
    };
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Ok(bytes) = axum::body::to_bytes(Body::new(body), LONGEST).await else {
        return wrong(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let params: Params = form_urlencoded::parse(&bytes)
        .into_owned()
        .take(50)
        .collect();
    let Some(sealed) = face.hallpass.seal_posted(&params) else {
        return wrong(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("posted", &sealed)
        .finish();
    let to = format!("{}?{query}", parts.uri.path());
    match HeaderValue::from_str(&to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => wrong(StatusCode::BAD_REQUEST),
    }
}
