//! The page with a button before a link is used: programs that look through mail open links too, but press no buttons.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hallpass_core::domain::{Session, User};
use hallpass_core::flows::magic_link::{self, Redeemed, Terms};
use http::{Method, StatusCode, header};

use super::super::csrf;
use super::super::here::Here;
use super::super::rejection::{Kind, Rejection};
use super::{quiet, url};
use crate::pages::magic_link as page;
use crate::{errors, safety};

/// HALLPASS_MAGIC_LINK_CONFIRM.
pub(super) fn is_wanted(here: &Here) -> bool {
    here.face().hallpass.settings().hallpass.magic_link_confirm
}

/// Shows the page for GET and HEAD, if the link is good; lets a POST through. One that is the button's goes on as a GET.
pub(super) async fn stand_before(
    here: &Here,
    request: Request,
    token: &str,
    terms: &Terms,
) -> Result<Request, Response> {
    let face = here.face();
    let marker = url::pressed(face);
    let query = request.uri().query().unwrap_or_default().to_owned();
    if !request.method().is_safe() {
        let pressed = url::parameter(&query, &marker).is_some();
        return match pressed && request.method() == Method::POST {
            true => as_get(request, &url::without(&query, &[&marker])).await,
            false => Ok(request),
        };
    }
    let (parts, body) = request.into_parts();
    let looked = match look(here, &parts, token, terms).await {
        Ok(looked) => looked,
        Err(rejection) => return Err(quiet(rejection)),
    };
    let Some(user) = looked else {
        // What becomes of a link that is none is said where all others are.
        return Ok(Request::from_parts(parts, body));
    };
    let visitor = here.visitor(&parts).await.map_err(quiet)?;
    let csrf_token = visitor.csrf().token();
    let joint = if query.is_empty() { "" } else { "&" };
    let action = format!("?{query}{joint}{marker}=1");
    let mut context = page::confirm(face, &user, Some(action), false);
    context["csrf_token"] = csrf_token.into();
    context["request_id"] = errors::request_id(&parts.extensions).into();
    let mut response = match face.templates.render(page::CONFIRM, context) {
        Ok(html) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            html,
        )
            .into_response(),
        Err(failure) => {
            let rejection = Rejection::new(face, &parts, Kind::Failed(failure.into()));
            return Err(quiet(rejection));
        }
    };
    safety::harden(face, response.headers_mut());
    Err(quiet(response))
}

pub(super) async fn look(
    here: &Here,
    parts: &http::request::Parts,
    token: &str,
    terms: &Terms,
) -> Result<Option<User>, Rejection> {
    let face = here.face();
    let arrival = here.arrival(parts)?;
    let mut nobody = Session::fresh(false);
    let looked = face.hallpass.run(&arrival.client, &mut nobody, async |cx| {
        magic_link::look(cx, token, terms).await
    });
    match looked.await {
        Ok(Redeemed::Opened(user)) => Ok(Some(user)),
        Ok(Redeemed::Shut) => Ok(None),
        Err(error) => Err(Rejection::new(face, parts, Kind::Failed(error))),
    }
}

/// The button's POST, once its CSRF token was checked, as the GET that it stands for.
async fn as_get(request: Request, query: &str) -> Result<Request, Response> {
    let checked = csrf::check(request).await;
    let (mut parts, _) = checked.map_err(quiet)?.into_parts();
    parts.method = Method::GET;
    parts.uri = url::with_query(&parts.uri, query);
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        parts.headers.remove(name);
    }
    Ok(Request::from_parts(parts, Body::empty()))
}
