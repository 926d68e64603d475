//! An axum app with sign-up, sign-in and a page for those who are in: `cargo run -p axum-app`, then open
//! <http://127.0.0.1:8000>. Accounts are in `hallpass.sqlite3` in the current folder; letters are printed here.

use axum::{Router, routing::get};
use hallpass::{CurrentUser, Hallpass};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hallpass = Hallpass::builder()
        .set("LOGIN_REDIRECT_URL", "/")
        .migrate()
        .build()
        .await?;
    Ok(hallpass.serve(router(&hallpass)).await?)
}

fn router(hallpass: &Hallpass) -> Router {
    Router::new()
        .route("/", get(home))
        .merge(hallpass.router())
        .layer(hallpass.layer())
}

async fn home(user: CurrentUser) -> String {
    format!("Hello {}. Only you can see this.", user.display())
}

#[cfg(test)]
mod tests {
    use super::router;
    use hallpass_testkit::{TestApp, link_in};

    #[tokio::test]
    async fn a_stranger_signs_up_and_sees_the_page() {
        let setup = TestApp::setup().set("LOGIN_REDIRECT_URL", "/");
        let app = setup.around(router).await;
        let mut browser = app.visitor();
        let door = browser.open("/").await;
        assert!(door.text.contains("Sign in"), "{}", door.text);
        let fields = [
            ("username", "ann"),
            ("email", "ann@example.com"),
            ("password1", "correct-horse-9"),
            ("password2", "correct-horse-9"),
        ];
        let signed_up = browser.fill("/accounts/signup/", &fields).await;
        let page = browser.follow(signed_up).await;
        assert_eq!(page.text, "Hello ann. Only you can see this.");
        let link = link_in(&app.letter().await.text);
        assert_eq!(browser.fill(&link, &[]).await.status, 302);

        let mut again = app.visitor();
        let fields = [("login", "ann"), ("password", "correct-horse-9")];
        let signed_in = again.fill("/accounts/login/?next=/", &fields).await;
        let page = again.follow(signed_in).await;
        assert_eq!(page.text, "Hello ann. Only you can see this.");
        app.no_other_letter_was_sent().await;
    }
}
