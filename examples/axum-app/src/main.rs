//! An axum app of your own with Hallpass's pages beside it: `cargo run -p axum-app`, then open <http://127.0.0.1:8000>.
//!
//! Accounts are in `hallpass.sqlite3` in the current folder; `hallpass createsuperuser` makes the first.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Html;
use axum::routing::get;
use hallpass::settings::Secret;
use hallpass::{Hallpass, settings, store};

#[tokio::main]
async fn main() -> Result<()> {
    let mut settings = settings::load(None, std::env::vars())?.settings;
    settings.general.login_redirect_url = Some("/".to_owned());
    // A real app reads it from its environment.
    settings
        .general
        .secret_key
        .get_or_insert(Secret::new("only-for-trying-out-0123456789abcdef"));

    let hallpass = hallpass::builder(settings)?;
    let hallpass = {
        let db = store::Db::open(
            &store::DatabaseUrl::parse("sqlite:///hallpass.sqlite3")?,
            4,
            TIMEOUT,
        )?;
        store::migrate(&db).await?;
        hallpass.database(db).build().await?
    };
    let app = Router::new()
        .route("/", get(home))
        .with_state(hallpass.clone())
        .merge(hallpass::router(&hallpass)?);

    // Letters are delivered beside the app, until it ends.
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let worker = hallpass.clone();
    tokio::spawn(async move { worker.work(stopped).await });

    let listener = tokio::net::TcpListener::bind(&hallpass.settings().hallpass.listen).await?;
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// A page of the app's own: it greets whoever is signed in.
async fn home(
    State(hallpass): State<Hallpass>,
    headers: HeaderMap,
) -> Result<Html<String>, StatusCode> {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let wanted = &hallpass.settings().session.cookie_name;
    let cookie = cookie::Cookie::split_parse(cookies)
        .flatten()
        .find(|cookie| cookie.name() == wanted);
    let session = hallpass
        .session(cookie.as_ref().map(|cookie| cookie.value()))
        .await;
    let session = session.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Html(match session.user() {
        Some(_) => "<p>You are in. <a href=\"/accounts/profile/\">Your account</a>".to_owned(),
        None => "<p><a href=\"/accounts/login/link/\">Sign in by e-mail</a>".to_owned(),
    }))
}
