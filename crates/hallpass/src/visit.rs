//! One visit to a page: the session, the CSRF secret, what was posted; and the answer with its cookies.
//!
//! [`enter`] stands before every page. It reads the session, judges unsafe requests as Django's CSRF middleware does, and
//! hands the handler a [`Visit`]; the handler answers through it, so that no answer forgets a cookie.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hallpass_core::domain::Session;
use hallpass_core::domain::session::keys;
use hallpass_core::flows::login::{self, Progress, SignedIn};
use hallpass_core::{Cx, Error, Refusal};
use hallpass_django::csrf;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::ajax::{self, Said};
use crate::arrival::Arrival;
use crate::closing::{Csrf, close};
use crate::embed::Here;
use crate::errors::{self, Page};
use crate::face::Face;
use crate::{cookies, posted, say};

/// The path of a page with a secret in it must not leak: no other site, and no other page of ours, gets more than the
/// origin. (`no-referrer` would make browsers send `Origin: null` with the form.)
pub(crate) const QUIET: [(header::HeaderName, &str); 1] =
    [(header::REFERRER_POLICY, "strict-origin")];

/// A visit under way.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) face: Face,
    pub(crate) arrival: Arrival,
    pub(crate) session: Session,
    pub(crate) request_id: String,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    posted: Vec<(String, String)>,
    csrf: Csrf,
    ours: bool,
    /// The answer is said as JSON; pages may have something to add to it.
    pub(crate) as_json: bool,
    pub(crate) data: Option<Value>,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Only a route that was added past `enter` has none.
        parts
            .extensions
            .remove::<Visit>()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Stands before every page.
pub(crate) async fn enter(State(face): State<Face>, request: Request, next: Next) -> Response {
    enter_by(face, request, next, false).await
}

/// Stands before a page to which other sites may post: it sees to it by itself that the visitor meant it, and asks
/// [`Visit::is_ours`].
pub(crate) async fn enter_from_anywhere(
    State(face): State<Face>,
    request: Request,
    next: Next,
) -> Response {
    enter_by(face, request, next, true).await
}

async fn enter_by(face: Face, request: Request, next: Next, anywhere: bool) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = errors::request_id(&parts.extensions);
    let Some(arrival) = parts.extensions.get::<Arrival>().cloned() else {
        return errors::respond(
            &face,
            &Page::new(StatusCode::INTERNAL_SERVER_ERROR),
            &request_id,
        );
    };
    let as_json = ajax::is_asked_for(&parts.headers);
    let admitted = admit(&face, arrival, &parts, body, request_id.clone()).await;
    let admitted = admitted.and_then(|(visit, body, checked)| match checked {
        Err(page) if !anywhere => Err(page),
        _ => Ok((visit, body)),
    });
    let response = match admitted {
        Ok((mut visit, body)) => {
            visit.as_json = as_json;
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(visit);
            next.run(request).await
        }
        Err(page) => errors::respond(&face, &page, &request_id),
    };
    match as_json {
        true => ajax::speak(response).await,
        false => response,
    }
}

async fn admit(
    face: &Face,
    arrival: Arrival,
    parts: &Parts,
    body: Body,
    request_id: String,
) -> Result<(Visit, Body, Result<(), Page>), Page> {
    let settings = face.hallpass.settings();
    let handed_over = Here::hand_over(&parts.extensions, face);
    let (session, begun) = match handed_over {
        Some((session, csrf)) => (session, Some(csrf)),
        None => {
            let cookie = cookies::find(&parts.headers, &settings.session.cookie_name);
            let session = face.hallpass.session(cookie.as_deref()).await;
            (session.map_err(|failure| errors::broken(&failure))?, None)
        }
    };
    let query = parts.uri.query().unwrap_or_default();
    let (posted, bytes) = posted::read_form(parts, body, settings).await?;
    let stored = match settings.csrf.use_sessions {
        true => session
            .get(keys::CSRF_TOKEN)
            .and_then(Value::as_str)
            .map(str::to_owned),
        false => cookies::find(&parts.headers, &settings.csrf.cookie_name),
    };
    let mut visit = Visit {
        face: face.clone(),
        session,
        request_id,
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        posted,
        csrf: begun.unwrap_or_else(|| Csrf::new(stored.as_deref().and_then(csrf::secret_of))),
        ours: false,
        as_json: false,
        data: None,
        arrival,
    };
    let checked = visit.check_csrf(parts, stored.as_deref());
    visit.ours = checked.is_ok();
    Ok((visit, Body::from(bytes), checked))
}

impl Visit {
    /// The value of a query parameter; the last one counts, as in Django.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        last(&self.query, name)
    }

    /// All parameters of the query; of several with one name the last one counts where they are gathered.
    pub(crate) fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.query.iter().cloned()
    }

    /// Whether the browser sent a session's cookie.
    pub(crate) fn came_with_session(&self) -> bool {
        self.session.came_with_cookie()
    }

    /// Whether a page of ours posted it, as the CSRF check finds.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// This address with one parameter.
    pub(crate) fn with_query(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{}?{}", self.path, query.append_pair(name, value).finish())
    }

    /// The value of a posted field, empty if it is missing.
    pub(crate) fn posted(&self, name: &str) -> &str {
        last(&self.posted, name).unwrap_or_default()
    }

    /// What was posted, to be kept for later, but for what is new with every page.
    pub(crate) fn keepable(&self) -> Vec<(String, String)> {
        let keep = |(name, _): &&(String, String)| name != "csrfmiddlewaretoken";
        self.posted.iter().filter(keep).cloned().collect()
    }

    /// Goes on as if these fields had been posted to `path`.
    pub(crate) fn resume(&mut self, path: String, posted: Vec<(String, String)>) {
        self.path = path;
        self.query = Vec::new();
        self.posted = posted;
    }

    /// Runs a flow on this visit's session.
    pub(crate) async fn run<T, F>(&mut self, flow: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        let hallpass = self.face.hallpass.clone();
        hallpass
            .run(&self.arrival.client, &mut self.session, flow)
            .await
    }

    /// Puts a message on the next page. `level` is info, success, warning or error.
    pub(crate) fn tell(&mut self, level: &str, text: impl Into<String>) {
        tell(&mut self.session, level, text.into());
    }

    /// To the page where a sign-in goes on, or where it leads.
    pub(crate) async fn progress(mut self, progress: Progress) -> Response {
        let to = match progress {
            Progress::SignedIn(SignedIn { to, .. }) => Ok(to),
            Progress::Pending(stage) => self.run(async |cx| Ok(login::page_of(cx, &stage))).await,
        };
        match to {
            Ok(to) => self.redirect(&to).await,
            Err(error) => self.error(error).await,
        }
    }

    /// On a page that is not the step that waits: to the one that is, or to the beginning.
    pub(crate) async fn stray(mut self) -> Response {
        match self.run(async |cx| login::proceed(cx).await).await {
            Ok(progress) => self.progress(progress).await,
            Err(Error::Refused(Refusal::NotPending)) => {
                let settings = self.face.hallpass.settings();
                let to = match self.session.user() {
                    Some(_) => settings.login_redirect_url(),
                    None => settings.login_url(),
                };
                self.redirect(&to).await
            }
            Err(error) => self.error(error).await,
        }
    }

    /// What a step of a sign-in was refused for, where its page has nothing to say of it.
    pub(crate) async fn refused(self, error: Error) -> Response {
        let quiet = [(header::REFERRER_POLICY, "strict-origin")];
        match &error {
            Error::Refused(Refusal::NotPending) => {
                let mut visit = self;
                // Only to somebody whom we know: a stranger's post must not make a session.
                if !visit.session.is_empty() {
                    visit.tell("warning", say::words(&Refusal::NotPending));
                }
                visit.stray().await
            }
            Error::Refused(Refusal::LoginRequired) => self.ask_to_sign_in().await,
            Error::Refused(Refusal::Inactive) => {
                self.page_with(
                    StatusCode::FORBIDDEN,
                    "login/inactive.html",
                    json!({}),
                    &quiet,
                )
                .await
            }
            Error::Refused(Refusal::NotAvailable) => {
                let page = Page::new(StatusCode::NOT_FOUND);
                let response = errors::respond(&self.face, &page, &self.request_id);
                self.answer(response).await
            }
            Error::Refused(
                refusal @ (Refusal::NoWayToConfirm
                | Refusal::EmailTaken
                | Refusal::PhoneTaken
                | Refusal::Denied { .. }),
            ) => {
                let words = say::words(refusal);
                let mut visit = self;
                visit.tell("error", words);
                let to = visit.face.hallpass.settings().login_url();
                visit.redirect(&to).await
            }
            _ => self.error(error).await,
        }
    }

    /// To the sign-in page, and back here afterwards.
    pub(crate) async fn ask_to_sign_in(self) -> Response {
        let to = self.with_next(&self.face.hallpass.settings().login_url(), Some(&self.path));
        self.redirect(&to).await
    }

    /// `next`, posted or in the query, if it is safe to follow.
    pub(crate) fn next(&self) -> Option<String> {
        let given = last(&self.posted, "next")
            .filter(|next| !next.is_empty())
            .or_else(|| self.query("next"));
        self.arrival.safe_next(given, self.face.hallpass.settings())
    }

    /// A path of ours with `next` kept on.
    pub(crate) fn with_next(&self, path: &str, next: Option<&str>) -> String {
        match next {
            Some(next) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("next", next)
                    .finish();
                format!("{path}?{query}")
            }
            None => path.to_owned(),
        }
    }

    fn check_csrf(&self, parts: &Parts, stored: Option<&str>) -> Result<(), Page> {
        let text = |name: &str| {
            parts
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap_or("\u{fffd}"))
        };
        let request = csrf::Request {
            method: parts.method.as_str(),
            is_secure: self.arrival.is_secure,
            host: &self.arrival.host,
            port: self.arrival.port,
            origin: text("origin"),
            referer: text("referer"),
            cookie: stored,
            body_token: last(&self.posted, "csrfmiddlewaretoken"),
            header_token: text(&self.face.csrf_header),
        };
        csrf::check(&request, &self.face.csrf).map_err(|reason| {
            // A Referer may hold somebody's secret: the log gets the reason without it.
            let reason = reason.split(" - ").next().unwrap_or_default();
            tracing::info!(
                request_id = self.request_id,
                reason,
                "refused by the CSRF check"
            );
            Page::csrf().back_to(&self.path)
        })
    }

    /// The masked token for a form on this page.
    pub(crate) fn csrf_token(&mut self) -> String {
        self.csrf.token()
    }

    /// A page, with everything that all pages have.
    pub(crate) async fn page(self, status: StatusCode, template: &str, own: Value) -> Response {
        self.page_with(status, template, own, &[]).await
    }

    /// A page with more headers.
    pub(crate) async fn page_with(
        mut self,
        status: StatusCode,
        template: &str,
        mut own: Value,
        headers: &[(header::HeaderName, &str)],
    ) -> Response {
        own["csrf_token"] = self.csrf_token().into();
        own["request_id"] = self.request_id.as_str().into();
        if let Some(user) = self.session.user() {
            let some = |text: &String| (!text.is_empty()).then(|| text.clone());
            own["user"] = json!({ "display": self.face.hallpass.display(user), "username": self.face.hallpass.username_of(user), "email": some(&user.email) });
        }
        if let Some(messages) = self.session.remove(keys::MESSAGES) {
            own["messages"] = messages;
        }
        let form = own.get("form").filter(|_| self.as_json).cloned();
        match self.face.templates.render(template, own) {
            Ok(html) => {
                let mut response = (
                    status,
                    [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                    html,
                )
                    .into_response();
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::from_str(value) {
                        response.headers_mut().insert(name.clone(), value);
                    }
                }
                let data = self.data.take();
                response.extensions_mut().insert(Said { form, data });
                self.answer(response).await
            }
            Err(failure) => {
                errors::respond(&self.face, &errors::broken(&failure), &self.request_id)
            }
        }
    }

    /// A redirect; `to` has been judged safe.
    pub(crate) async fn redirect(mut self, to: &str) -> Response {
        let location = HeaderValue::from_str(&ascii(to)).unwrap_or(HeaderValue::from_static("/"));
        let mut response = (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
        let data = self.data.take();
        response.extensions_mut().insert(Said { form: None, data });
        self.answer(response).await
    }

    /// An error page, with the cookies of what went before.
    pub(crate) async fn error(self, error: Error) -> Response {
        let page = errors::page_of(&error).back_to(&self.path);
        let response = errors::respond(&self.face, &page, &self.request_id);
        self.answer(response).await
    }

    /// Saves what is unsaved and sets the cookies.
    async fn answer(mut self, mut response: Response) -> Response {
        let client = &self.arrival.client;
        let (session, csrf) = (&mut self.session, &mut self.csrf);
        match close(&self.face, client, session, csrf, response.status()).await {
            Ok(cookies) => {
                for (name, value) in &cookies {
                    response.headers_mut().append(name.clone(), value.clone());
                }
                response
            }
            Err(failure) => {
                errors::respond(&self.face, &errors::broken(&failure), &self.request_id)
            }
        }
    }
}

/// Puts a message on the next page.
pub(crate) fn tell(session: &mut Session, level: &str, text: String) {
    let mut messages = match session.get(keys::MESSAGES) {
        Some(Value::Array(messages)) => messages.clone(),
        _ => Vec::new(),
    };
    messages.push(json!({ "level": level, "text": text }));
    // Whoever never looks at a page must not fill the session.
    let surplus = messages.len().saturating_sub(5);
    messages.drain(..surplus);
    session.set(keys::MESSAGES, messages);
}

fn last<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .rev()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// A URL as a header can carry it: what is no visible ASCII is percent-encoded.
fn ascii(url: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const ODD: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'`')
        .add(b'\\');
    utf8_percent_encode(url, ODD).to_string()
}
