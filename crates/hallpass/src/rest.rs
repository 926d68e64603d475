//! dj-rest-auth's interface: JSON for programs, and a page for people who look at it in a browser.
//!
//! What an address takes and answers is data ([`views`]): from it come the check of what was sent, the answer to OPTIONS
//! and the page. A request goes one way, in [`call`]: which form of answer is wanted, who asks, whether they may, whether
//! it is not too often, the method, the body, its fields; then the flow.

mod answer;
mod auth;
mod browsable;
mod call;
mod data;
mod fields;
mod index;
mod json_error;
mod login;
mod logout;
mod negotiate;
mod openapi;
mod password;
mod registration;
mod say;
mod social;
mod tokens;
mod user;
mod views;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::routing::{MethodRouter, any};

pub(crate) use auth::challenge;
use openapi::Plain;
pub(crate) use openapi::Told;

use crate::face::Face;
use views::View;

type Routes = Vec<(String, MethodRouter<Face>)>;

/// The routes below HALLPASS_REST_MOUNT, none if that is empty; and the public keys of tokens. At the mount itself stands a
/// list of them, unless a page of ours is `taken` to be there.
pub(crate) fn routes(face: &Face, taken: &[String]) -> Routes {
    let mut routes = Vec::new();
    let settings = face.hallpass.settings();
    let Some(mount) = settings.hallpass.rest_mount() else {
        return routes;
    };
    let mut all = views::of(face);
    if index::has_place(mount, taken) {
        all.push(&index::INDEX);
    }
    // Where the pages are below it, what is missing there is theirs to tell.
    if mount != "/" && !settings.hallpass.mount.starts_with(mount) {
        all.push(&views::NOTHING);
    }
    for view in all.iter().filter(|view| !view.is_of_providers()) {
        add(&mut routes, format!("{mount}{}", view.path), view, None);
    }
    for Plain { path, handler, .. } in plain(face) {
        let cut = path.trim_end_matches('/');
        if cut != path && !path.contains('{') {
            routes.push((cut.to_owned(), handler.clone()));
        }
        routes.push((path, handler));
    }
    for view in all.iter().filter(|view| view.is_of_providers()) {
        of_providers(face, view, taken, &mut routes);
    }
    if settings.hallpass.rest_docs {
        let _ = openapi::told(face);
    }
    routes
}

/// An address, and the same without its last slash where that may be left out.
fn add(routes: &mut Routes, path: String, view: &'static View, door: Option<Arc<str>>) {
    let handler = move |State(face): State<Face>, request: Request| {
        Box::pin(call::answer(face, view, door.clone(), request))
    };
    if view.slash_optional {
        let cut = path.trim_end_matches('/').to_owned();
        routes.push((cut, any(handler.clone())));
    }
    routes.push((path, any(handler)));
}

/// The address of each provider that is known. One whose slug is the name of something else here has none.
fn of_providers(face: &Face, view: &'static View, taken: &[String], routes: &mut Routes) {
    let mount = face.hallpass.settings().hallpass.rest_mount();
    for provider in face.hallpass.providers().all() {
        let Some(path) = view.path_for(face, provider) else {
            continue;
        };
        let path = format!("{}{path}", mount.unwrap_or_default());
        let is_there = |known: &str| known.trim_end_matches('/') == path.trim_end_matches('/');
        if taken.iter().any(|known| is_there(known))
            || routes.iter().any(|(known, _)| is_there(known))
        {
            tracing::warn!(
                path,
                "no address for programs: the provider's slug is a name of ours"
            );
            continue;
        }
        add(routes, path, view, Some(provider.id.as_str().into()));
    }
}

/// Addresses with a GET and nothing else to them.
fn plain(face: &Face) -> Vec<Plain> {
    let parts = [
        registration::addresses(face),
        tokens::addresses(face),
        openapi::addresses(face),
    ];
    parts.into_iter().flatten().collect()
}

/// The OpenAPI document of the settings at hand; None without the interface.
pub(crate) fn document(face: &Face) -> Option<serde_json::Value> {
    face.hallpass.settings().hallpass.rest_mount()?;
    Some(openapi::told(face).document.clone())
}
