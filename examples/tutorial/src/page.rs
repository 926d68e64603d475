//! The app's pages, as templates that escape what they print.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hallpass::{Failure, Rejection};
use minijinja::{Environment, Value};

/// The templates. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pages(Arc<Environment<'static>>);

/// No scripts, and forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Pages {
    pub(crate) fn new() -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        for (name, text) in [
            ("page.html", include_str!("../templates/page.html")),
            ("index.html", include_str!("../templates/index.html")),
            ("form.html", include_str!("../templates/form.html")),
            ("confirm.html", include_str!("../templates/confirm.html")),
            ("no_good.html", include_str!("../templates/no_good.html")),
            ("secret.html", include_str!("../templates/secret.html")),
        ] {
            templates.add_template(name, text)?;
        }
        Ok(Pages(Arc::new(templates)))
    }

    pub(crate) fn show(
        &self,
        status: StatusCode,
        name: &str,
        context: Value,
    ) -> Result<Response, Rejection> {
        self.with_policy(status, name, context, POLICY)
    }

    /// A page whose forms lead on to providers, wherever those are: browsers stop a form's redirect that the policy does
    /// not name.
    pub(crate) fn show_leading_on(
        &self,
        name: &str,
        context: Value,
    ) -> Result<Response, Rejection> {
        let policy = POLICY.replace("form-action 'self'", "form-action 'self' https:");
        self.with_policy(StatusCode::OK, name, context, &policy)
    }

    fn with_policy(
        &self,
        status: StatusCode,
        name: &str,
        context: Value,
        policy: &str,
    ) -> Result<Response, Rejection> {
        let template = self.0.get_template(name);
        let text = template.and_then(|template| template.render(context));
        let text = text.map_err(|error| Failure::from_source("a page", error))?;
        let headers = [
            (header::CONTENT_SECURITY_POLICY, policy),
            // Links with secrets in them are told to nobody.
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        Ok((status, headers, Html(text)).into_response())
    }
}

pub(crate) async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../assets/style.css"))
}
