//! The pages: everybody's own, and the head's, where invitations are made.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use hallpass::{CurrentUser, Failure, Hallpass, Rejection, staff_required};
use minijinja::{Environment, Value, context};
use serde::Deserialize;

use crate::invitation::{self, Role, Wanted};

#[derive(Clone)]
struct School {
    hallpass: Hallpass,
    templates: Arc<Environment<'static>>,
}

/// What the columns of the app's own hold.
#[derive(Deserialize)]
struct Member {
    role: String,
    class: String,
}

/// The routes of the app around the handle.
///
/// # Errors
/// A template that does not compile.
pub fn router(hallpass: &Hallpass) -> Result<Router, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_template("page.html", include_str!("../templates/page.html"))?;
    templates.add_template("class.html", include_str!("../templates/class.html"))?;
    templates.add_template("office.html", include_str!("../templates/office.html"))?;
    let school = School {
        hallpass: hallpass.clone(),
        templates: Arc::new(templates),
    };
    let office = Router::new()
        .route("/office/", get(office).post(invite))
        .layer(staff_required());
    Ok(Router::new()
        .route("/", get(async || Redirect::to("/start/")))
        .route("/style.css", get(style))
        .route("/start/", get(start))
        .route("/teaching/", get(class))
        .route("/learning/", get(class))
        .merge(office)
        .merge(hallpass.router())
        .layer(hallpass.layer())
        .with_state(school))
}

impl School {
    /// A page. Names that end in .html are escaped by themselves.
    fn page(&self, name: &str, context: Value) -> Result<Response, Rejection> {
        let template = self.templates.get_template(name);
        let text = template.and_then(|template| template.render(context));
        let text = text.map_err(|error| Failure::from_source("a page", error))?;
        let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(text)).into_response())
    }

    async fn member(&self, user: &CurrentUser) -> Result<Member, Rejection> {
        Ok(self.hallpass.profile(user).await?)
    }
}

/// Everybody comes here after signing in, and is sent on by role.
async fn start(State(school): State<School>, user: CurrentUser) -> Result<Redirect, Rejection> {
    let member = school.member(&user).await?;
    Ok(Redirect::to(match Role::named(&member.role) {
        Some(Role::Head) => "/office/",
        Some(Role::Teacher) => "/teaching/",
        Some(Role::Pupil) | None => "/learning/",
    }))
}

async fn class(State(school): State<School>, user: CurrentUser) -> Result<Response, Rejection> {
    let Member { role, class } = school.member(&user).await?;
    school.page(
        "class.html",
        context! { name => user.display(), role, class },
    )
}

async fn office(State(school): State<School>, user: CurrentUser) -> Result<Response, Rejection> {
    shown(&school, &user, None, None).await
}

#[derive(Deserialize)]
struct Asked {
    email: String,
    role: String,
    class: String,
}

const VALID_FOR: Duration = Duration::from_secs(14 * 86_400);

/// Makes an invitation and shows its link, once: afterwards nobody can read it, not even here.
async fn invite(
    State(school): State<School>,
    user: CurrentUser,
    Form(asked): Form<Asked>,
) -> Result<Response, Rejection> {
    let class = asked.class.trim();
    let fits = !class.is_empty() && class.chars().count() <= 50 && asked.email.len() <= 254;
    let Some(role) = Role::named(&asked.role).filter(|_| fits) else {
        let words = "Choose a role, and a class of at most 50 letters.";
        return shown(&school, &user, None, Some(words)).await;
    };
    let wanted = Wanted {
        email: asked.email,
        role,
        class: class.to_owned(),
        valid_for: VALID_FOR,
    };
    let code = invitation::make(&school.hallpass, &wanted).await?;
    let link = invitation::link(&school.hallpass, &code);
    shown(&school, &user, Some(link), None).await
}

async fn shown(
    school: &School,
    user: &CurrentUser,
    link: Option<String>,
    fault: Option<&str>,
) -> Result<Response, Rejection> {
    let now = school.hallpass.now();
    let all = invitation::all(&school.hallpass).await?;
    let rows = all.into_iter().map(|invitation| {
        let state = match invitation.used_by {
            Some(who) => format!("used by {who}"),
            None if invitation.expires <= now => "too old".to_owned(),
            None => format!("until {}", invitation.expires.spoken()),
        };
        context! { email => invitation.email, role => invitation.role, class => invitation.class, state }
    });
    let rows: Vec<Value> = rows.collect();
    school.page(
        "office.html",
        context! { name => user.display(), rows, link, fault },
    )
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../assets/style.css"))
}
