//! Tokens that a provider's own button brings to a page of ours: Google's button and One Tap, Facebook's script.
//!
//! Google has the visitor's browser post from a page of its own, so neither our session nor our CSRF token comes along.
//! What shows that the visitor meant it is Google's: it puts a cookie into the browser, and the same text into the form. An
//! attacker who has a token, of himself, can make anybody's browser post it, but he cannot set that cookie. Then the token
//! goes sealed into an address that the browser asks for by itself, with all its cookies, and Google's is looked at once
//! more: else whoever got such an address could send others there. That way nobody is connected, only signed in: a cookie
//! is too little to give an account another way in.
//!
//! A script of the site's own may post it with our token, and then all is as with any form.

use axum::response::{IntoResponse as _, Response};
use hallpass_core::domain::secret;
use hallpass_core::flows::social::{Came, Process, apps, by_token};
use hallpass_core::providers::{Handed, Params};
use hallpass_core::settings::{SameSite, Secret};
use hallpass_core::{Error, Refusal};
use http::{HeaderMap, StatusCode, header};

use super::callback;
use crate::cookies;
use crate::visit::Visit;

/// Google's cookie, and its field.
const GOOGLES: &str = "g_csrf_token";

/// What a visitor wants with a token.
struct Wanted {
    provider: &'static str,
    handed: Handed,
    process: Process,
    next: Option<String>,
}

/// `GET google/login/token/`: what Google had the browser post, when it comes again by itself.
pub(crate) async fn show_google(visit: Visit, headers: HeaderMap) -> Response {
    let Some(sealed) = visit.query("posted") else {
        return super::refused(visit, Refusal::SocialFailed.into()).await;
    };
    let strict = visit.face.hallpass.settings().session.cookie_samesite == SameSite::Strict;
    if strict && !visit.came_with_session() && visit.query("_redir").is_none() {
        return callback::once_more(visit).await;
    }
    let params = visit.face.hallpass.open_posted(sealed);
    let params = params.filter(|params| is_double(&headers, params.get(GOOGLES)));
    let Some(params) = params else {
        return super::refused(visit, Refusal::SocialFailed.into()).await;
    };
    let next = params.get("next").map(String::as_str);
    let next = visit
        .arrival
        .safe_next(next, visit.face.hallpass.settings());
    let wanted = Wanted {
        provider: "google",
        handed: id_token(params.get("credential").map_or("", String::as_str)),
        process: Process::Login,
        next,
    };
    finish(visit, wanted).await
}

/// `POST google/login/token/`
pub(crate) async fn google(visit: Visit, headers: HeaderMap) -> Response {
    let credential = visit.posted("credential").to_owned();
    if visit.is_ours() {
        let handed = id_token(&credential);
        return by_form(visit, "google", handed).await;
    }
    let token = visit.posted(GOOGLES).to_owned();
    let process = asked(&visit, "process");
    let to = match (is_double(&headers, Some(&token)), process.as_str()) {
        (true, "" | "login") => {
            let mut params = Params::new();
            params.insert("credential".to_owned(), credential);
            params.insert(GOOGLES.to_owned(), token);
            if let Some(next) = visit.next() {
                params.insert("next".to_owned(), next);
            }
            let sealed = visit.face.hallpass.seal_posted(&params);
            sealed.map(|sealed| visit.with_query("posted", &sealed))
        }
        _ => None,
    };
    // Nothing of the visitor's came along, so nothing of theirs is to be written over.
    let to = to.unwrap_or_else(|| visit.face.path("3rdparty/login/error/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// `GET facebook/login/token/`: nothing to see.
pub(crate) async fn show_facebook(visit: Visit) -> Response {
    super::refused(visit, Refusal::SocialFailed.into()).await
}

/// `POST facebook/login/token/`
pub(crate) async fn facebook(visit: Visit) -> Response {
    let token = visit.posted("access_token").to_owned();
    let handed = Handed {
        access_token: Some(Secret::new(token)),
        ..Handed::default()
    };
    by_form(visit, "facebook", handed).await
}

fn id_token(text: &str) -> Handed {
    Handed {
        id_token: Some(Secret::new(text)),
        ..Handed::default()
    }
}

/// Whether Google's cookie says what its field said.
fn is_double(headers: &HeaderMap, field: Option<&String>) -> bool {
    let cookie = cookies::find(headers, GOOGLES).filter(|cookie| !cookie.is_empty());
    cookie
        .zip(field)
        .is_some_and(|(cookie, field)| secret::same(&cookie, field))
}

fn asked(visit: &Visit, name: &str) -> String {
    let posted = Some(visit.posted(name)).filter(|text| !text.is_empty());
    let asked = posted.or_else(|| visit.query(name));
    asked.unwrap_or_default().to_owned()
}

/// From a page of ours.
async fn by_form(visit: Visit, provider: &'static str, handed: Handed) -> Response {
    let Some(process) = Process::read(&asked(&visit, "process")) else {
        return super::refused(visit, Refusal::SocialFailed.into()).await;
    };
    let wanted = Wanted {
        provider,
        handed,
        process,
        next: visit.next(),
    };
    finish(visit, wanted).await
}

async fn finish(mut visit: Visit, wanted: Wanted) -> Response {
    let which = Some(asked(&visit, "provider_id")).filter(|text| !text.is_empty());
    let came: Result<Came, Error> = visit
        .run(async |cx| {
            let app = apps::Wanted {
                provider: wanted.provider,
                provider_id: which.as_deref(),
                client_id: None,
            };
            let app = apps::one(cx, app).await?;
            by_token::came(cx, &app, &wanted.handed, wanted.process, wanted.next).await
        })
        .await;
    if let Err(Error::Refused(Refusal::ReauthenticationRequired)) = came {
        // The token is not kept meanwhile: it is not ours, and there is a button to get another.
        let back = visit.face.path("3rdparty/");
        let to = visit.with_next(&visit.face.path("reauthenticate/"), Some(&back));
        return visit.redirect(&to).await;
    }
    callback::done(&mut visit, came).respond(visit).await
}
