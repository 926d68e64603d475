//! A front end of plain JavaScript modules on the REST interface, with a session.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use hallpass::Hallpass;

/// Settings of the app; `hallpass.toml` and the environment say the rest.
pub const SETTINGS: &[(&str, &str)] = &[
    ("HALLPASS_SITE_NAME", "A single page"),
    ("ACCOUNT_LOGIN_METHODS", "email"),
    ("ACCOUNT_SIGNUP_FIELDS", "email*,password1*,password2*"),
    ("ACCOUNT_USER_MODEL_USERNAME_FIELD", ""),
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    // No keys for programs: a login starts a session and gives nothing that a script could carry away.
    ("REST_AUTH_TOKEN_MODEL", "null"),
    // What stands behind # is never sent to a server, so the key is in no log.
    ("HALLPASS_EMAIL_CONFIRM_URL", "/#confirm/{key}"),
];

/// Nothing but what is this site's own; no inline script or style, and text cannot become script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The routes: the front end at `/`, Hallpass at `/dj-rest-auth/` and, for those without scripts, `/accounts/`.
pub fn router(hallpass: &Hallpass) -> Router {
    Router::new()
        .route("/", get(page))
        .route(
            "/app.js",
            get(async || script(include_str!("../front/app.js"))),
        )
        .route(
            "/api.js",
            get(async || script(include_str!("../front/api.js"))),
        )
        .route("/style.css", get(style))
        .merge(hallpass.router())
        .layer(hallpass.layer())
}

const NOSNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");

async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        NOSNIFF,
    ];
    (headers, Html(include_str!("../front/index.html")))
}

fn script(text: &'static str) -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([kind, NOSNIFF], text)
}

async fn style() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, NOSNIFF], include_str!("../front/style.css"))
}
