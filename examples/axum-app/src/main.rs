//! An axum app with sign-up, sign-in and a page for those who are in: `cargo run -p axum-app`, then open
//! <http://127.0.0.1:8000>. Accounts are in `hallpass.sqlite3` in the current folder; letters are printed here.

use axum::{Router, routing::get};
use hallpass::{CurrentUser, Hallpass};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init();
    let hallpass = Hallpass::builder()
        .set("LOGIN_REDIRECT_URL", "/")
        .migrate()
        .build()
        .await?;
    let app = Router::new()
        .route("/", get(home))
        .merge(hallpass.router())
        .layer(hallpass.layer());
    Ok(hallpass.serve(app).await?)
}

async fn home(user: CurrentUser) -> String {
    format!("Hello {}. Only you can see this.", user.display())
}
