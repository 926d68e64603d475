//! What a form of our pages posts beside its fields: a browser without script knows GET and POST alone, and no JSON.
//!
//! 1. `csrfmiddlewaretoken`: the token of the page.
//! 2. `_method`: PUT, PATCH, DELETE or OPTIONS, which the request then is.
//! 3. `_content_type` and `_content`: a body in the body, which then is what was sent.
//!
//! The attacker is a page of another site. It can post forms here too, with the visitor's cookies, but it can send neither
//! PUT nor JSON unless we let it. So 2 and 3 count only in a form, for somebody who wants a page, and only with the token
//! that our page had: also where nothing else asks for a token, for who asks may be proved by a cookie that needs none.
//! To JSON that happens to have such names, and to a program that posts forms, nothing of this happens.

use http::{Method, StatusCode, header};
use serde_json::Value;

use crate::rest::answer::Reply;
use crate::rest::auth;
use crate::rest::call::Call;
use crate::rest::data::{self, Data};

/// What a form sent beside its fields. It may hold a password, so it has no `Debug`.
#[derive(Default)]
pub(crate) struct Posted {
    /// The CSRF token.
    pub(crate) token: Option<String>,
    /// Whether the request is made something else than the POST that it came as.
    pub(crate) stands_for_more: bool,
    /// The body in the body: its media type and its text.
    pub(crate) raw: Option<(String, String)>,
}

impl Posted {
    /// Whether a page of ours sent the request.
    pub(super) fn is_ours(&self, call: &Call) -> bool {
        self.token.is_some() && call.check_csrf().is_ok()
    }
}

/// Takes it apart, and makes of the request what it stands for.
pub(crate) async fn unfold(call: &mut Call) -> Result<(), Reply> {
    let kind = call.header(header::CONTENT_TYPE.as_str());
    let Ok(Data::Fields(fields)) = &call.sent else {
        return Ok(());
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    // A token counts as posted where a form was posted, not where JSON happens to have the name.
    if !is_form(kind.as_deref().unwrap_or_default()) {
        return Ok(());
    }
    call.posted.token = text("csrfmiddlewaretoken");
    if !call.is_page() || call.method != Method::POST {
        return Ok(());
    }
    let method = text("_method").filter(|method| !method.is_empty() && method != "POST");
    let raw = text("_content_type").zip(text("_content"));
    if method.is_none() && raw.is_none() {
        return Ok(());
    }
    call.posted.stands_for_more = true;
    auth::check_csrf(call).await?;
    if let Some((kind, content)) = &raw {
        let body = content.clone().into_bytes().into();
        call.sent = data::read(Some(kind), &body).await;
    }
    call.posted.raw = raw;
    if let Some(method) = method {
        call.method = overriding(&method)?;
    }
    Ok(())
}

fn is_form(kind: &str) -> bool {
    let bare = kind.split(';').next().unwrap_or_default().trim();
    ["application/x-www-form-urlencoded", "multipart/form-data"]
        .iter()
        .any(|form| bare.eq_ignore_ascii_case(form))
}

/// What `_method` may say. Whether the address has it is judged where all methods are.
fn overriding(name: &str) -> Result<Method, Reply> {
    match name {
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "OPTIONS" => Ok(Method::OPTIONS),
        _ => Err(Reply::detail(
            StatusCode::METHOD_NOT_ALLOWED,
            "_method may be PUT, PATCH, DELETE or OPTIONS.",
        )),
    }
}
