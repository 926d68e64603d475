//! The mount itself: what there is below it. The original has nothing there.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::openapi::Answer;
use super::views::{self, Credentials, View};

static GET: [Method; 1] = [Method::GET];

/// The list of addresses.
pub(crate) static INDEX: View = View {
    path: "",
    slash_optional: true,
    name: "REST interface",
    description: "Accounts and sign-in for programs. Below it stand these addresses.",
    methods: &GET,
    allow: "GET, HEAD, OPTIONS",
    credentials: Credentials::Forgiven,
    scope: None,
    fields: |_| Vec::new(),
    answers: |_| vec![told()],
    handle: |call| Box::pin(list(call)),
};

fn told() -> Answer {
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let example = json!({ "rest_login": "/dj-rest-auth/login/" });
    Answer::new(
        StatusCode::OK,
        "The addresses, by what the ecosystem calls them.",
    )
    .body("Addresses", map, example)
}

/// Whether the list has a place: a mount of its own, where no page answers.
pub(crate) fn has_place(mount: &str, taken: &[String]) -> bool {
    mount != "/" && !taken.iter().any(|path| path == mount)
}

/// What the ecosystem calls an address where it makes links to it.
fn url_name(view: &View) -> &'static str {
    match view.path {
        "login/" => "rest_login",
        "logout/" => "rest_logout",
        "user/" => "rest_user_details",
        "password/change/" => "rest_password_change",
        "password/reset/" => "rest_password_reset",
        "password/reset/confirm/" => "rest_password_reset_confirm",
        "token/verify/" => "token_verify",
        "token/refresh/" => "token_refresh",
        "registration/" => "rest_register",
        "registration/verify-email/" => "rest_verify_email",
        "registration/resend-email/" => "rest_resend_email",
        "registration/account-email-verification-sent/" => "account_email_verification_sent",
        path => path,
    }
}

/// `GET` the mount: a map from name to path.
async fn list(call: &mut Call) -> Result<Reply, Reply> {
    let map: Map<String, Value> = entries(call)
        .into_iter()
        .map(|(view, url)| (url_name(view).to_owned(), url.into()))
        .collect();
    Ok(map.into())
}

/// The addresses with their paths.
pub(crate) fn entries(call: &Call) -> Vec<(&'static View, String)> {
    let mount = call.mount();
    let views = views::of(&call.face).into_iter();
    views
        .map(|view| (view, format!("{mount}{}", view.path)))
        .collect()
}
