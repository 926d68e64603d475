//! All routes, readable in one place.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{Redirect, Response};
use axum::routing::{MethodRouter, any, get};
use hallpass_core::providers::Kind;
use hallpass_core::settings::SignupField;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::errors::{self, Page};
use crate::face::Face;
use crate::pages::social::login::Door;
use crate::pages::social::{callback, connections, merge};
use crate::pages::{
    email_verification, index, login, login_by_code, login_by_link, logout, magic_link,
    manage_email, password_change, password_reset, phone, profile, reauthentication, signup,
    social,
};
use crate::visit::Visit;
use crate::{rest, safety, visit};

/// Whatever an app's router has for a state: ours needs nothing of it.
pub(crate) trait AppState: Clone + Send + Sync + 'static {}

impl<S: Clone + Send + Sync + 'static> AppState for S {}

type Routes = Vec<(String, MethodRouter<Face>)>;

/// Everything that the settings have, each below its mount, for an app to merge.
pub(crate) fn whole<S: AppState>(face: &Face) -> Router<S> {
    wrap(face, Place::AsSet, mounted(face))
}

/// [`whole`] with a page at `/` and pages for what is not there: everything that `hallpass serve` serves to people.
pub(crate) fn site<S: AppState>(face: &Face) -> Router<S> {
    let door = entered(face, Router::new().route("/", get(index::show)));
    let routes = mounted(face).merge(door).fallback(index::missing);
    wrap(face, Place::AsSet, routes)
}

/// The pages alone, to be nested at HALLPASS_MOUNT.
pub(crate) fn pages_alone<S: AppState>(face: &Face) -> Router<S> {
    let mount = face.path("");
    let own = Own::of(face);
    let routes = entered(face, routed(below(&mount, own.pages)));
    let routes = routes.merge(routed(below(&mount, own.bare)));
    wrap(face, Place::Below(mount), routes)
}

/// The REST interface alone, to be nested at HALLPASS_REST_MOUNT. What it has elsewhere, the public keys of tokens at the
/// root, is not in it.
pub(crate) fn rest_alone<S: AppState>(face: &Face) -> Router<S> {
    let settings = &face.hallpass.settings().hallpass;
    let Some(mount) = settings.rest_mount().map(str::to_owned) else {
        return Router::new();
    };
    let routes = routed(below(&mount, rest::routes(face, &[])));
    wrap(face, Place::Below(mount), routes)
}

/// Where a router of ours stands.
#[derive(Clone)]
pub(crate) enum Place {
    /// Not nested: its paths are whole.
    AsSet,
    /// Nested at this mount.
    Below(String),
    /// Wherever the app puts it.
    Anywhere,
}

fn mounted(face: &Face) -> Router<Face> {
    let own = Own::of(face);
    let taken: Vec<_> = own.pages.iter().map(|(path, _)| path.clone()).collect();
    entered(face, routed(own.pages))
        .merge(routed(own.bare))
        .merge(routed(rest::routes(face, &taken)))
}

fn routed(routes: Routes) -> Router<Face> {
    let add = |router: Router<Face>, (path, handlers): (String, _)| router.route(&path, handlers);
    routes.into_iter().fold(Router::new(), add)
}

/// Those below `mount`, with paths that begin there.
fn below(mount: &str, routes: Routes) -> Routes {
    let cut =
        |(path, handlers): (String, _)| Some((format!("/{}", path.strip_prefix(mount)?), handlers));
    routes.into_iter().filter_map(cut).collect()
}

/// What is below HALLPASS_MOUNT, by whole paths.
struct Own {
    pages: Routes,
    /// What needs no session: redirects and files.
    bare: Routes,
}

impl Own {
    fn of(face: &Face) -> Self {
        let mut own = Own {
            pages: Vec::new(),
            bare: vec![(face.path("static/{file}"), get(file))],
        };
        let (social, callbacks) = social(face);
        let only = face.hallpass.settings().socialaccount.only;
        let pages = pages(face).into_iter();
        let pages = pages.filter(|(path, _)| !only || WITHOUT_LOCAL_ACCOUNTS.contains(path));
        let pages = pages.map(|(path, handlers)| (path.to_owned(), handlers));
        for (path, handlers) in pages.chain(social) {
            let path = face.path(&path);
            own.bare.extend(slashless(&path));
            own.pages.push((path, handlers));
        }
        for (path, handlers) in callbacks {
            let path = face.path(&path);
            own.bare.extend(slashless(&path));
            own.bare.push((path, handlers));
        }
        own
    }
}

/// What is left with SOCIALACCOUNT_ONLY, besides the providers' own.
const WITHOUT_LOCAL_ACCOUNTS: [&str; 9] = [
    "",
    "login/",
    "login/magic/",
    "logout/",
    "inactive/",
    "profile/",
    // No ways in, but stages of one, and the fresh proof before what matters.
    "login/code/confirm/",
    "phone/verify/",
    "reauthenticate/",
];

/// The same address without its last slash leads to it.
fn slashless(path: &str) -> Option<(String, MethodRouter<Face>)> {
    let cut = path.trim_end_matches('/');
    (!cut.is_empty()).then(|| (cut.to_owned(), any(index::add_slash)))
}

/// The pages, as far as the settings have them: path below the mount, and what answers there.
fn pages(face: &Face) -> Vec<(&'static str, MethodRouter<Face>)> {
    let settings = face.hallpass.settings();
    let account = &settings.account;
    let mut routes = vec![
        ("", get(index::entrance)),
        ("login/", get(login::show).post(login::submit)),
        (
            "login/link/",
            get(login_by_link::show).post(login_by_link::submit),
        ),
        ("login/link/sent/", get(login_by_link::sent)),
        (
            "login/link/{uid}/{token}/",
            get(login_by_link::look).post(login_by_link::finish),
        ),
        (
            "login/code/confirm/",
            get(login_by_code::confirm).post(login_by_code::finish),
        ),
        (
            "login/code/link/{token}/",
            get(login_by_code::look).post(login_by_code::finish_link),
        ),
        ("logout/", get(logout::show).post(logout::submit)),
        ("inactive/", get(login::inactive)),
        ("signup/", get(signup::show).post(signup::submit)),
        (
            "reauthenticate/",
            get(reauthentication::show).post(reauthentication::submit),
        ),
        ("email/", get(manage_email::show).post(manage_email::submit)),
        (
            "confirm-email/",
            get(email_verification::show).post(email_verification::submit),
        ),
        ("profile/", get(profile::show)),
    ];
    if !account.email_verification_by_code_enabled {
        routes.push((
            "confirm-email/{key}/",
            get(email_verification::look).post(email_verification::finish),
        ));
    }
    if settings.hallpass.magic_link_login {
        routes.push(("login/magic/", magic_login_routes(face)));
    }
    if account.login_by_code_enabled {
        routes.push((
            "login/code/",
            get(login_by_code::show).post(login_by_code::submit),
        ));
    }
    if account.asks(SignupField::Phone).is_some() {
        routes.push(("phone/verify/", get(phone::show).post(phone::submit)));
        routes.push((
            "phone/change/",
            get(phone::show_change).post(phone::submit_change),
        ));
    }
    if !settings.is_passwordless() {
        routes.extend(passwords(account.password_reset_by_code_enabled));
    }
    routes
}

/// Accounts at providers: the pages, and two addresses for each provider that is known, since an app may be added to the
/// database at any time. What other sites post to is without session and CSRF check.
fn social(face: &Face) -> (Routes, Routes) {
    let settings = face.hallpass.settings();
    let mut pages: Routes = vec![
        (
            "3rdparty/".to_owned(),
            get(connections::show).post(connections::submit),
        ),
        (
            "3rdparty/signup/".to_owned(),
            get(social::signup::show).post(social::signup::submit),
        ),
        (
            "3rdparty/login/cancelled/".to_owned(),
            get(social::cancelled),
        ),
        ("3rdparty/login/error/".to_owned(), get(social::failed)),
    ];
    if settings.hallpass.social_merge {
        pages.push((
            "3rdparty/merge/".to_owned(),
            get(merge::show).post(merge::submit),
        ));
    }
    let mut bare: Routes = [
        ("social/connections/", "3rdparty/"),
        ("social/signup/", "3rdparty/signup/"),
        ("social/login/cancelled/", "3rdparty/login/cancelled/"),
        ("social/login/error/", "3rdparty/login/error/"),
    ]
    .map(|(from, to)| {
        let to = face.path(to);
        let gone = get(move || async move { Redirect::permanent(&to) });
        (from.to_owned(), gone)
    })
    .into();
    let google = get(social::token::show_google).post(social::token::google);
    bare.push((
        "google/login/token/".to_owned(),
        google.layer(from_fn_with_state(face.clone(), visit::enter_from_anywhere)),
    ));
    pages.push((
        "facebook/login/token/".to_owned(),
        get(social::token::show_facebook).post(social::token::facebook),
    ));
    for provider in face.hallpass.providers().all() {
        let id: Arc<str> = provider.id.as_str().into();
        let named = provider.is_named_by_app();
        let stem = match named {
            false => provider.slug.clone(),
            true => match settings.socialaccount.openid_connect_url_prefix.as_str() {
                "" => "{provider_id}".to_owned(),
                prefix => format!("{prefix}/{{provider_id}}"),
            },
        };
        if provider.kind == Kind::Dummy {
            let own = Door::of(&id);
            pages.push((
                format!("{stem}/authenticate/"),
                get(async move |visit: Visit| social::own::authenticate(visit, own).await),
            ));
        }
        let door = move |which: Option<Path<String>>| Door {
            provider_id: which.map(|Path(which)| which),
            ..Door::of(&id)
        };
        let (first, second, third) = (door.clone(), door.clone(), door);
        pages.push((
            format!("{stem}/login/"),
            get(async move |which: Option<Path<String>>, visit: Visit| {
                social::login::show(visit, first(which)).await
            })
            .post(async move |which: Option<Path<String>>, visit: Visit| {
                social::login::submit(visit, second(which)).await
            }),
        ));
        let callback = get(async move |which: Option<Path<String>>, visit: Visit| {
            callback::show(visit, third(which)).await
        });
        let callback = callback.layer(from_fn_with_state(face.clone(), visit::enter));
        bare.push((
            format!("{stem}/login/callback/"),
            callback.post(callback::posted),
        ));
    }
    (pages, bare)
}

/// Signing in by a magic link; a button has somewhere to post to only where there is one.
fn magic_login_routes(face: &Face) -> MethodRouter<Face> {
    let routes = get(magic_link::show);
    match face.hallpass.settings().hallpass.magic_link_confirm {
        true => routes.post(magic_link::submit),
        false => routes,
    }
}

/// The same for a path of the app's choice.
pub(crate) fn magic_login<S>(face: &Face) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    magic_login_routes(face)
        .layer::<_, Infallible>(from_fn_with_state(face.clone(), visit::enter))
        .layer::<_, Infallible>(calm(face))
        .layer::<_, Infallible>(from_fn_with_state(
            (face.clone(), Place::Anywhere),
            safety::guard,
        ))
        .with_state(face.clone())
}

/// Pages about passwords, on sites that have them.
fn passwords(reset_by_code: bool) -> Vec<(&'static str, MethodRouter<Face>)> {
    let mut routes = vec![
        (
            "password/change/",
            get(password_change::show).post(password_change::submit),
        ),
        (
            "password/set/",
            get(password_change::show_set).post(password_change::submit_set),
        ),
        (
            "password/reset/",
            get(password_reset::show).post(password_reset::submit),
        ),
        ("password/reset/done/", get(password_reset::sent)),
    ];
    if reset_by_code {
        routes.push((
            "password/reset/confirm/",
            get(password_reset::confirm).post(password_reset::finish_code),
        ));
        routes.push((
            "password/reset/complete/",
            get(password_reset::complete).post(password_reset::finish),
        ));
    } else {
        routes.push(("password/reset/key/done/", get(password_reset::done)));
        routes.push((
            "password/reset/key/{key}/",
            get(password_reset::open).post(password_reset::finish_key),
        ));
    }
    routes
}

/// Pages behind the session and the CSRF check.
fn entered(face: &Face, pages: Router<Face>) -> Router<Face> {
    pages.layer(from_fn_with_state(face.clone(), visit::enter))
}

fn wrap<S: AppState>(face: &Face, place: Place, routes: Router<Face>) -> Router<S> {
    routes
        .layer(calm(face))
        .layer(from_fn_with_state((face.clone(), place), safety::guard))
        .with_state(face.clone())
}

/// A handler that panics is a 500 like any other, and the connection lives on.
fn calm(face: &Face) -> CatchPanicLayer<impl Fn(Box<dyn Any + Send>) -> Response + Clone + use<>> {
    let face = face.clone();
    CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| {
        tracing::error!("a handler panicked");
        errors::respond(&face, &Page::new(StatusCode::INTERNAL_SERVER_ERROR), "")
    })
}

async fn file(State(face): State<Face>, Path(file): Path<String>, request: Request) -> Response {
    face.templates.assets.serve(&file).unwrap_or_else(|| {
        errors::respond(
            &face,
            &Page::new(StatusCode::NOT_FOUND),
            &errors::request_id(request.extensions()),
        )
    })
}
