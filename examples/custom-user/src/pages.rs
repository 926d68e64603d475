//! The pages: one's own profile, and who else is there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use hallpass::{CurrentUser, Error, Failure, Hallpass, Refusal, Rejection};
use minijinja::{Environment, Value, context};

use crate::{Own, Profile};

#[derive(Clone)]
struct Club {
    hallpass: Hallpass,
    templates: Arc<Environment<'static>>,
}

/// The routes of the app around the handle.
///
/// # Errors
/// A template that does not compile.
pub fn router(hallpass: &Hallpass) -> Result<Router, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_template("page.html", include_str!("../templates/page.html"))?;
    templates.add_template("profile.html", include_str!("../templates/profile.html"))?;
    templates.add_template("members.html", include_str!("../templates/members.html"))?;
    let club = Club {
        hallpass: hallpass.clone(),
        templates: Arc::new(templates),
    };
    Ok(Router::new()
        .route("/", get(show).post(save))
        .route("/members/", get(members))
        .route("/style.css", get(style))
        .merge(hallpass.router())
        .layer(hallpass.layer())
        .with_state(club))
}

impl Club {
    /// A page. Names that end in .html are escaped by themselves.
    fn page(&self, status: StatusCode, name: &str, context: Value) -> Result<Response, Rejection> {
        let template = self.templates.get_template(name);
        let text = template.and_then(|template| template.render(context));
        let text = text.map_err(|error| Failure::from_source("a page", error))?;
        let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        Ok((
            status,
            [(header::CONTENT_SECURITY_POLICY, policy)],
            Html(text),
        )
            .into_response())
    }
}

async fn show(State(club): State<Club>, user: CurrentUser) -> Result<Response, Rejection> {
    let profile: Profile = club.hallpass.profile(&user).await?;
    let own = context! {
        email => user.email.as_str(),
        key => user.id.to_string(),
        nickname => profile.nickname,
        born => profile.born,
        newsletter => profile.newsletter,
        plan => profile.plan.spoken(),
    };
    club.page(StatusCode::OK, "profile.html", own)
}

/// All faults come at once, each at its field.
async fn save(
    State(club): State<Club>,
    user: CurrentUser,
    Form(own): Form<Own>,
) -> Result<Response, Rejection> {
    let faults = match club.hallpass.set_profile(&user, &own).await {
        Ok(()) => return Ok(Redirect::to("/").into_response()),
        Err(Error::Refused(Refusal::Several(faults))) => faults,
        Err(error) => return Err(error.into()),
    };
    let profile: Profile = club.hallpass.profile(&user).await?;
    let faults = faults
        .iter()
        .map(|(field, refusal)| format!("{field}: {refusal}"));
    let own = context! {
        email => user.email.as_str(),
        key => user.id.to_string(),
        nickname => own.nickname,
        born => own.born,
        newsletter => own.newsletter,
        plan => profile.plan.spoken(),
        faults => faults.collect::<Vec<_>>(),
    };
    club.page(StatusCode::BAD_REQUEST, "profile.html", own)
}

/// What others may know of a member.
#[derive(serde::Deserialize)]
struct Shown {
    nickname: String,
}

async fn members(State(club): State<Club>, _: CurrentUser) -> Result<Response, Rejection> {
    let mut names = Vec::new();
    for member in club.hallpass.users().page(None, 100).await? {
        let shown: Shown = club.hallpass.profile(&member).await?;
        names.push(shown.nickname);
    }
    club.page(StatusCode::OK, "members.html", context! { names })
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../assets/style.css"))
}
