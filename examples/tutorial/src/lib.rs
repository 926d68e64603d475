//! Three ways in without a password: an e-mailed link at addresses of the app's own, a magic link to one page, and accounts
//! that people have elsewhere.
//!
//! 1. `/user-email/` asks for an address (`form`).
//! 2. `/send-login-link/` starts the flow `login_by_link`, which sends a letter (`send`). The letter is this app's template,
//!    and leads to `/login/<uidb64>/<token>/` here instead of Hallpass's own page.
//! 3. `GET /login/…/` looks at the link and spends nothing; its page has a button (`look`).
//! 4. `POST /login/…/` ends the flow: the link is spent and the session starts (`finish`).
//! 5. `/secret-page/` opens for a magic link, and for nobody else (`secret`).
//! 6. `/` has a button for every provider that is set up, in the settings or in the database (`index`). It posts to
//!    Hallpass's own page, which leads there and back; the account that comes of it is one as any other.
//!
//! A flow is run on the visitor's session by `session.run`, as Hallpass's own pages do: limits, stages, events and the
//! letter are all there. This file decides nothing about who gets in.

mod page;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use hallpass::flows::login::{Progress, page_of};
use hallpass::flows::login_by_link::{self, Begun, Pressed};
use hallpass::flows::social::apps;
use hallpass::{
    Builder, CsrfToken, CurrentUser, Cx, Error, Hallpass, MagicLink, MaybeUser, Refusal, Rejection,
    Session, csrf_protected,
};
use minijinja::{Value, context};
use serde::Deserialize;

use page::Pages;

/// Settings of the app; `hallpass.toml` and the environment say the rest.
pub const SETTINGS: &[(&str, &str)] = &[
    ("HALLPASS_SITE_NAME", "Without a password"),
    ("LOGIN_URL", "/user-email/"),
    ("LOGIN_REDIRECT_URL", "/"),
    ("LOGOUT_REDIRECT_URL", "/"),
    // A sign-in link is good for a quarter of an hour, a magic link for an hour.
    ("PASSWORD_RESET_TIMEOUT", "900"),
    ("SESAME_MAX_AGE", "3600"),
];

/// What the app brings to Hallpass: the letter, with a link to a page of its own.
pub fn prepare(builder: Builder) -> Builder {
    builder
        .migrate()
        .template("letters/login_by_link/link/subject.txt", "Your login link")
        .template(
            "letters/login_by_link/link/message.txt",
            include_str!("../templates/letter.txt"),
        )
        .template(
            "letters/login_by_link/link/message.html",
            include_str!("../templates/letter.html"),
        )
}

/// The routes of the app around the handle.
///
/// # Errors
/// A template that does not compile.
pub fn router(hallpass: &Hallpass) -> Result<Router, Box<dyn std::error::Error>> {
    let pages = Pages::new()?;
    // What signs in takes Django's token, as in the original: nobody is made to sign in by another site's page.
    let login = Router::new()
        .route("/user-email/", get(form))
        .route("/send-login-link/", post(send))
        .route("/login/{uid}/{token}/", get(look).post(finish))
        .layer(csrf_protected());
    let shared = Router::new()
        .route("/secret-page/", get(secret))
        .layer(hallpass::magic_link().scope("secret-page"));
    Ok(Router::new()
        .route("/", get(index))
        .route("/style.css", get(page::style))
        .merge(login)
        .merge(shared)
        .merge(hallpass.router())
        .layer(hallpass.layer())
        .with_state(pages))
}

/// Who is signed in, a link to give away, and the way out; or the ways in (step 6).
async fn index(
    State(pages): State<Pages>,
    MaybeUser(user): MaybeUser,
    session: Session,
    token: CsrfToken,
) -> Result<Response, Rejection> {
    let own = match user {
        Some(user) => {
            let link = own_link(&user).await?;
            context! { name => user.display(), link, token => token.as_str() }
        }
        None => context! { providers => providers(&session).await?, token => token.as_str() },
    };
    pages.show_leading_on("index.html", own)
}

/// The providers that are set up, each with the address that its button posts to.
async fn providers(session: &Session) -> Result<Vec<Value>, Error> {
    session
        .run(async |cx: &mut Cx| {
            let offered = apps::offered(cx).await?.into_iter();
            let button = |one: apps::Offered| {
                context! { name => one.name, action => cx.path(&one.path), which => one.which }
            };
            Ok(offered.map(button).collect())
        })
        .await
}

/// A link to the secret page that anybody can open in this person's name, for an hour.
async fn own_link(user: &CurrentUser) -> Result<String, Error> {
    let link = user.hallpass().magic_link(user);
    link.scope("secret-page").url("/secret-page/").await
}

#[derive(Deserialize)]
struct Sent {
    sent: Option<String>,
}

/// Step 1.
async fn form(
    State(pages): State<Pages>,
    Query(Sent { sent }): Query<Sent>,
    token: CsrfToken,
) -> Result<Response, Rejection> {
    let sent = sent.is_some();
    pages.show(
        StatusCode::OK,
        "form.html",
        context! { token => token.as_str(), sent },
    )
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    email: String,
}

/// Step 2. The answer is the same whether or not anybody has the address; the flow sees to it that it takes as long.
async fn send(
    State(pages): State<Pages>,
    session: Session,
    token: CsrfToken,
    Form(Asked { email }): Form<Asked>,
) -> Result<Response, Rejection> {
    let begun = session.run(async |cx: &mut Cx| login_by_link::begin(cx, &email, None).await);
    match begun.await {
        Ok(Begun::Sent) => {
            // 302, as Django apps answer.
            let to = [("location", "/user-email/?sent")];
            Ok((StatusCode::FOUND, to).into_response())
        }
        Err(Error::Refused(Refusal::InvalidEmail)) => {
            let own =
                context! { token => token.as_str(), email, fault => "Enter an e-mail address." };
            pages.show(StatusCode::BAD_REQUEST, "form.html", own)
        }
        Err(error) => Err(error.into()),
    }
}

/// Step 3. Whoever opens the link sees whom it would sign in, and a button. Nothing is spent.
async fn look(
    State(pages): State<Pages>,
    session: Session,
    token: CsrfToken,
    Path((uid, link)): Path<(String, String)>,
) -> Result<Response, Rejection> {
    let looked = session.run(async |cx: &mut Cx| {
        let looked = login_by_link::look(cx, &uid, &link).await?;
        Ok(cx.hallpass().display(&looked.user))
    });
    match looked.await {
        Ok(name) => {
            let own = context! { token => token.as_str(), name };
            pages.show(StatusCode::OK, "confirm.html", own)
        }
        Err(error) => no_good(&pages, error),
    }
}

#[derive(Deserialize)]
struct To {
    to: Option<String>,
}

/// Step 4. Of any number of people who press the button, one gets in, once.
async fn finish(
    State(pages): State<Pages>,
    session: Session,
    Path((uid, link)): Path<(String, String)>,
    Query(To { to }): Query<To>,
) -> Result<Response, Rejection> {
    let finished = session.run(async |cx: &mut Cx| {
        let pressed = Pressed {
            uid: &uid,
            token: &link,
            sent_to: to.as_deref(),
            next: None,
        };
        match login_by_link::finish(cx, pressed).await? {
            Progress::SignedIn(signed_in) => Ok(signed_in.to),
            // Whatever the settings ask for besides is on Hallpass's own pages.
            Progress::Pending(stage) => Ok(page_of(cx, &stage)),
        }
    });
    match finished.await {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(error) => no_good(&pages, error),
    }
}

/// Mistyped, too old, used, for nobody: all one page.
fn no_good(pages: &Pages, error: Error) -> Result<Response, Rejection> {
    match error {
        Error::Refused(Refusal::InvalidLink | Refusal::Inactive) => {
            pages.show(StatusCode::FORBIDDEN, "no_good.html", context! {})
        }
        error => Err(error.into()),
    }
}

/// Step 5. The link opens this page and signs nobody in: `/` knows nothing of it.
async fn secret(State(pages): State<Pages>, link: MagicLink) -> Result<Response, Rejection> {
    let name = link.display().unwrap_or_default();
    pages.show(StatusCode::OK, "secret.html", context! { name })
}
