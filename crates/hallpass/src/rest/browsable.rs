//! An answer as a page, for people who look at an address in a browser: what was asked and answered, and forms to ask
//! more. Nothing in it needs script.

mod forms;
mod links;
pub(crate) mod posted;

use axum::response::{IntoResponse as _, Response};
use hallpass_core::domain::{Session, User, secret};
use hallpass_core::flows::user_details;
use hallpass_django::csrf;
use http::header::HeaderName;
use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::auth::{self, Proof};
use super::call::{Call, json_text};
use super::views::{self, Credentials};
use super::{index, say, user};
use crate::cookies;
use crate::errors;

/// Blanks by which JSON is indented: on a phone a line has about twenty letters.
const INDENT: usize = 2;

/// What a page has to know beside the answer: who is signed in, and of an account that can be changed, how it is.
pub(crate) async fn prepare(call: &mut Call, reply: &Reply) -> Result<Map<String, Value>, Reply> {
    call.load_session().await?;
    if !call.view.methods.contains(&Method::PUT) {
        return Ok(Map::new());
    }
    let shown = reply.status.is_success() && call.method != Method::OPTIONS;
    if let Some(Value::Object(current)) = reply.body.as_ref().filter(|_| shown) {
        return Ok(current.clone());
    }
    let Some(user) = who(call).cloned() else {
        return Ok(Map::new());
    };
    let (hallpass, client) = (call.face.hallpass.clone(), call.arrival.client.clone());
    // Looking changes nothing in the session, so it needs none.
    let details = hallpass
        .run(&client, &mut Session::fresh(false), async |cx| {
            Ok(user_details::of(cx, &user).await?)
        })
        .await;
    match details.map(|details| user::shown(&call.face, &details)) {
        Ok(Value::Object(current)) => Ok(current),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(say::error(call, error)),
    }
}

/// The page of an answer. `told` are the headers that it is sent with; without a secret for tokens it has no forms;
/// `current` is what they can change.
pub(crate) fn page(
    call: &Call,
    reply: &Reply,
    told: &[(HeaderName, String)],
    secret: Option<&str>,
    current: &Map<String, Value>,
) -> Response {
    let secret = secret.filter(|_| !reply.status.is_server_error());
    let token = secret.map(|secret| {
        let mask = secret::random_text(secret::ALPHANUMERIC, csrf::SECRET_LENGTH);
        csrf::mask(secret, &mask)
    });
    let who = who(call);
    let shown = match token.is_some() && may_send(call, who) {
        true => forms::of(call, reply, current),
        false => forms::Forms::none(reply),
    };
    let has = |method: &Method| call.view.methods.contains(method);
    let body = reply
        .body
        .as_ref()
        .map(|body| json_text(body, Some(INDENT)));
    let reason = reply.status.canonical_reason();
    let context = json!({
        "name": call.name(),
        "description": call.view.description,
        "crumbs": crumbs(call),
        "method": call.method.as_str(),
        "path": call.path,
        "status": reply.status.as_u16(),
        "reason": reason.unwrap_or_default(),
        "headers": headers(reply, told),
        "body": links::find(&body.unwrap_or_default()),
        "index": addresses(call),
        "can_get": has(&Method::GET),
        "can_options": !call.view.is_nothing(),
        "can_delete": shown.form.is_some() && has(&Method::DELETE),
        "methods": forms::methods(call.view).iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "form": shown.form,
        "order": shown.order,
        "raw": shown.raw,
        "raw_first": call.posted.raw.is_some(),
        "problem": shown.problem.filter(|_| !call.method.is_safe()),
        "wants_to_know": wants_to_know(call, reply, who),
        "sign_in_url": who.is_none().then(|| {
            with_next(&call.face.hallpass.settings().login_url(), &call.path)
        }),
        "user": who.map(|user| {
            let some = |text: &String| (!text.is_empty()).then(|| text.clone());
            json!({ "display": call.face.hallpass.display(user), "username": call.face.hallpass.username_of(user), "email": some(&user.email) })
        }),
        "sign_out_url": sign_out(call),
        "csrf_token": token.unwrap_or_default(),
        "request_id": call.request_id,
    });
    // An answer without content would leave the browser on the page before.
    let status = match reply.status {
        StatusCode::NO_CONTENT => StatusCode::OK,
        status => status,
    };
    match call.face.templates.render("rest/browsable.html", context) {
        Ok(html) => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (status, kind, html).into_response()
        }
        Err(failure) => errors::respond(&call.face, &errors::broken(&failure), &call.request_id),
    }
}

/// Who is signed in, as far as this answer knows.
fn who(call: &Call) -> Option<&User> {
    match call.proof {
        Some(Proof::Key | Proof::Token) => call.user.as_ref(),
        Some(Proof::Session) | None => call.session.user(),
    }
}

/// Whether it makes sense to offer forms: not to somebody who is refused whatever they send.
fn may_send(call: &Call, who: Option<&User>) -> bool {
    let known = who.is_some() || call.view.credentials != Credentials::Needed;
    known && auth::permit(call).is_ok()
}

/// The way here from the list of all addresses; the last is this one.
fn crumbs(call: &Call) -> Vec<Value> {
    let mount = call.mount();
    let mut crumbs = Vec::new();
    let view = call.view;
    if index::has_place(mount, &[]) {
        crumbs.push(json!({ "name": index::INDEX.name, "url": mount }));
    }
    for above in views::of(&call.face) {
        if view.path.starts_with(above.path) && view.path != above.path {
            let path = match &call.door {
                Some(_) => call
                    .path
                    .trim_end_matches('/')
                    .trim_end_matches("connect")
                    .to_owned(),
                None => format!("{mount}{}", above.path),
            };
            crumbs.push(json!({ "name": call.name_of(above), "url": path }));
        }
    }
    if !view.path.is_empty() {
        crumbs.push(json!({ "name": call.name(), "url": null }));
    }
    crumbs
}

/// The headers that matter to whoever reads the answer, under the names that HTTP writes.
fn headers(reply: &Reply, told: &[(HeaderName, String)]) -> Vec<Value> {
    let kind = reply.body.is_some().then(|| "application/json".to_owned());
    let find = |wanted: &HeaderName| told.iter().find(|(name, _)| name == wanted);
    let value = |name: &HeaderName| find(name).map(|(_, value)| value.clone());
    [
        ("Allow", value(&header::ALLOW)),
        ("Content-Type", kind),
        ("Retry-After", value(&header::RETRY_AFTER)),
        ("Vary", value(&header::VARY)),
        ("WWW-Authenticate", value(&header::WWW_AUTHENTICATE)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(json!({ "name": name, "value": value? })))
    .collect()
}

/// On the list of addresses: them, with what they are for.
fn addresses(call: &Call) -> Option<Vec<Value>> {
    let entries = call.view.path.is_empty().then_some(&call.listed)?;
    let entries = entries.iter().map(|entry| {
        let view = entry.view;
        let allow: Vec<&str> = view.methods.iter().map(Method::as_str).collect();
        json!({ "name": entry.name, "url": entry.url, "methods": allow.join(", "), "description": view.description })
    });
    Some(entries.collect())
}

/// Whether somebody is refused who would perhaps not be if we knew them.
fn wants_to_know(call: &Call, reply: &Reply, who: Option<&User>) -> bool {
    who.is_none() && reply.challenge && call.view.credentials != Credentials::Unread
}

/// Where somebody who is signed in by a cookie is signed out.
fn sign_out(call: &Call) -> Option<String> {
    let cookie = &call.face.hallpass.settings().rest_auth.jwt_auth_cookie;
    let has_cookie = |name: &String| cookies::find(&call.headers, name).is_some();
    match call.proof {
        Some(Proof::Key) => None,
        Some(Proof::Token) if cookie.as_ref().is_some_and(has_cookie) => {
            Some(format!("{}logout/", call.mount()))
        }
        Some(Proof::Token) => None,
        Some(Proof::Session) | None => {
            call.session.user()?;
            Some(with_next(&call.face.path("logout/"), &call.path))
        }
    }
}

fn with_next(path: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("next", next).finish())
}
