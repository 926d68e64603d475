//! A Hallpass app beside a Django: it signs people in, and reads the session that both have.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use hallpass::{CurrentUser, Hallpass, Session};

/// Settings of the app. SECRET_KEY and DATABASE_URL come from the environment, where Django reads them too.
pub const SETTINGS: &[(&str, &str)] = &[
    ("HALLPASS_SHARE_WITH_DJANGO", "true"),
    (
        "PASSWORD_HASHERS",
        r#"["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]"#,
    ),
    ("LOGIN_REDIRECT_URL", "/"),
];

/// The routes. `django` is where Django's pages are: `http://127.0.0.1:8001`. It must be among CSRF_TRUSTED_ORIGINS, so
/// that whoever wanted one of them goes back there.
pub fn router(hallpass: &Hallpass, django: &str) -> Router {
    Router::new()
        .route("/", get(home))
        .merge(hallpass.router())
        .layer(hallpass.layer())
        .with_state(django.to_owned())
}

const POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

async fn home(
    State(django): State<String>,
    user: CurrentUser,
    session: Session,
) -> impl IntoResponse {
    // Django counts them, in the session that both have.
    let visits: u64 = session.get("visits").unwrap_or_default();
    let (name, django) = (escaped(&user.display()), escaped(&django));
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>The app beside Django</title>\n\
         <h1>Hello {name}</h1>\n\
         <p>You have seen your notes {visits} times.</p>\n\
         <p><a href=\"{django}/notes/\">Your notes</a> <a href=\"/accounts/profile/\">Account</a></p>\n\
         </html>\n"
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page))
}

/// As HTML has it.
fn escaped(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped.replace('>', "&gt;").replace('"', "&quot;")
}
