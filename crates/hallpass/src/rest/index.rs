//! The mount itself: what there is below it. The original has nothing there.

use std::collections::BTreeSet;

use hallpass_core::flows::social::apps;
use hallpass_core::providers::App;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::openapi::Answer;
use super::say;
use super::views::{self, Credentials, View};
use crate::face::Face;

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

/// An address in the list.
pub(crate) struct Entry {
    /// What the ecosystem calls it.
    key: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) view: &'static View,
    pub(crate) url: String,
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
        "socialaccounts/" => "social_account_list",
        path => path,
    }
}

/// `GET` the mount: a map from name to path.
async fn list(call: &mut Call) -> Result<Reply, Reply> {
    let hallpass = call.face.hallpass.clone();
    let apps = apps::all(&hallpass).await;
    let apps = apps.map_err(|failure| say::error(call, failure.into()))?;
    call.listed = entries(call, &apps);
    let listed = call.listed.iter();
    let map: Map<String, Value> = listed
        .map(|entry| (entry.key.clone(), entry.url.as_str().into()))
        .collect();
    Ok(map.into())
}

/// The addresses with their paths: those of providers that have apps among them.
fn entries(call: &Call, apps: &[App]) -> Vec<Entry> {
    let (face, mount) = (&call.face, call.mount());
    let mut entries = Vec::new();
    for view in views::of(face) {
        if view.is_of_providers() {
            entries.extend(apps.iter().filter_map(|app| of_app(face, mount, view, app)));
        } else if !view.path.contains('{') {
            entries.push(Entry {
                key: url_name(view).to_owned(),
                name: view.name.to_owned(),
                view,
                url: format!("{mount}{}", view.path),
            });
        }
    }
    // Several apps of one provider have one address.
    let mut seen = BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.url.clone()));
    entries
}

fn of_app(face: &Face, mount: &str, view: &'static View, app: &App) -> Option<Entry> {
    let provider = face.hallpass.providers().get(&app.provider)?;
    let which = utf8_percent_encode(&app.provider_id, NON_ALPHANUMERIC).to_string();
    let path = view
        .path_for(face, provider)?
        .replace("{provider_id}", &which);
    let kind = view.kind();
    let stem = path.trim_end_matches("connect/").trim_end_matches('/');
    Some(Entry {
        key: format!("{}_{}", stem.replace('/', "_"), kind.to_lowercase()),
        name: format!("{} {kind}", apps::name_of(app, provider)),
        view,
        url: format!("{mount}{path}"),
    })
}
