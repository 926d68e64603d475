//! A request on its way, and its answer.

use std::sync::Arc;

use axum::RequestPartsExt as _;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use hallpass_core::domain::session::{CookieChange, keys};
use hallpass_core::domain::{Session, User, secret};
use hallpass_core::flows::tokens;
use hallpass_core::flows::tokens::signup::Kept;
use hallpass_core::providers::App;
use hallpass_core::settings::RestFramework;
use hallpass_core::{Cx, Error};
use hallpass_django::csrf;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::auth::{self, Proof};
use super::browsable::posted::{self, Posted};
use super::data::{self, Data};
use super::fields::{self, Spec, Values};
use super::index::Entry;
use super::negotiate::{self, Form};
use super::views::{self, Credentials, View};
use super::{browsable, say, social};
use crate::arrival::Arrival;
use crate::cookies;
use crate::embed::Here;
use crate::errors::{self, Page};
use crate::face::Face;

/// A request under way.
pub(crate) struct Call {
    pub(crate) face: Face,
    pub(crate) view: &'static View,
    /// The id of the provider whose address it is.
    pub(crate) door: Option<Arc<str>>,
    /// What people call that.
    pub(crate) title: Option<String>,
    /// On the list of addresses: them.
    pub(crate) listed: Vec<Entry>,
    /// Parts of the path that have names.
    params: Vec<(String, String)>,
    pub(crate) arrival: Arrival,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: String,
    /// Who asks.
    pub(crate) user: Option<User>,
    /// What proved it.
    pub(crate) proof: Option<Proof>,
    /// What was sent, checked.
    pub(crate) values: Values,
    /// What was sent, as it came; not read for a safe method.
    pub(crate) sent: Result<Data, Reply>,
    /// What a form of our pages sent beside it.
    pub(crate) posted: Posted,
    /// The session of the cookie, once it was looked for.
    pub(crate) session: Session,
    session_read: bool,
    csrf_secret: Option<String>,
    csrf_shown: bool,
    form: Form,
    /// Set-Cookie of tokens.
    pub(crate) cookies: HeaderMap,
}

/// Answers a request.
pub(crate) async fn answer(
    face: Face,
    view: &'static View,
    door: Option<Arc<str>>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let params = match parts.extract::<RawPathParams>().await {
        Ok(params) => params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        // What is no text is nobody's.
        Err(_) => Vec::new(),
    };
    let request_id = errors::request_id(&parts.extensions);
    let Some(arrival) = parts.extensions.get::<Arrival>().cloned() else {
        let page = Page::new(StatusCode::INTERNAL_SERVER_ERROR);
        return errors::respond(&face, &page, &request_id);
    };
    let handed_over = Here::hand_over(&parts.extensions, &face);
    let mut call = Call {
        view,
        door,
        title: None,
        listed: Vec::new(),
        params,
        arrival,
        method: parts.method,
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        request_id,
        user: None,
        proof: None,
        values: Values::default(),
        sent: Ok(Data::Fields(Map::new())),
        posted: Posted::default(),
        session: Session::fresh(false),
        session_read: false,
        csrf_secret: None,
        csrf_shown: false,
        form: Form::Json(None),
        cookies: HeaderMap::new(),
        face,
    };
    if let Some((session, csrf)) = handed_over {
        call.csrf_shown = csrf.is_shown();
        call.csrf_secret = csrf.secret;
        call.session = session;
        call.session_read = true;
    }
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let format = pairs.find(|(name, _)| name == "format");
    let format = format.map(|(_, value)| value.into_owned());
    let reply = match call.proceed(format.as_deref(), body).await {
        Ok(reply) | Err(reply) => reply,
    };
    call.finish(reply).await
}

impl Call {
    async fn proceed(&mut self, format: Option<&str>, body: Body) -> Result<Reply, Reply> {
        let accept = self.headers.get_all(header::ACCEPT).iter();
        let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
        let renderers = &self.rest_framework().default_renderer_classes;
        self.form = negotiate::pick(renderers, &accept, format)?;
        let strange = self.param("id").is_some_and(|id| number(&id).is_none());
        if strange || (self.door.is_some() && !social::is_set_up(self).await?) {
            self.view = &views::NOTHING;
        }
        if self.view.is_nothing() {
            return Err(Reply::not_found());
        }
        if !self.method.is_safe() {
            let bytes = self.read(body).await?;
            let kind = self.header(header::CONTENT_TYPE.as_str());
            self.sent = data::read(kind.as_deref(), &bytes).await;
            posted::unfold(self).await?;
        }
        auth::authenticate(self).await?;
        auth::permit(self)?;
        self.throttle().await?;
        if self.method == Method::OPTIONS {
            let told = described(&self.face, self.view);
            return Ok(Reply::ok(told).with("name", self.name()));
        }
        let has_get = self.view.methods.contains(&Method::GET);
        let is_head = self.method == Method::HEAD && has_get;
        if !is_head && !self.view.methods.contains(&self.method) {
            let words = format!("Method \"{}\" not allowed.", self.method);
            return Err(Reply::detail(StatusCode::METHOD_NOT_ALLOWED, words));
        }
        if !self.method.is_safe() {
            let sent = self.sent.clone()?;
            let specs = (self.view.fields)(&self.face);
            let partial = self.method == Method::PATCH;
            self.values = fields::check(&specs, &sent, partial).map_err(Reply::wrong)?;
        }
        (self.view.handle)(self).await
    }

    async fn read(&self, body: Body) -> Result<Bytes, Reply> {
        let most = self
            .face
            .hallpass
            .settings()
            .general
            .data_upload_max_memory_size;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match Limited::new(body, most).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Reply::detail(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is too large.",
            )),
            Err(_) => Err(Reply::detail(StatusCode::BAD_REQUEST, "Malformed request.")),
        }
    }

    async fn throttle(&mut self) -> Result<(), Reply> {
        let Some(scope) = self.view.scope else {
            return Ok(());
        };
        let rates = &self.rest_framework().default_throttle_rates;
        if !rates.0.iter().any(|(known, ..)| known == scope) {
            return Ok(());
        }
        let user = self.user.as_ref().map(|user| user.id);
        let hallpass = self.face.hallpass.clone();
        let client = self.arrival.client.clone();
        // Not the session of the request: counting changes nothing in it.
        let counted = hallpass
            .run(&client, &mut Session::fresh(false), async |cx| {
                tokens::throttle(cx, scope, user).await
            })
            .await;
        counted.map_err(|error| say::error(self, error))
    }

    fn rest_framework(&self) -> &RestFramework {
        &self.face.hallpass.settings().rest_framework
    }

    /// What the address is called.
    pub(crate) fn name(&self) -> String {
        self.name_of(self.view)
    }

    /// What a view is called: `Google Login`, as projects call theirs.
    pub(crate) fn name_of(&self, view: &View) -> String {
        match self.title.as_ref().filter(|_| view.is_of_providers()) {
            Some(title) => format!("{title} {}", view.kind()),
            None => view.name.to_owned(),
        }
    }

    /// A part of the path by its name.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// Whether the address that was asked is of this app.
    pub(crate) fn is_of(&self, app: &App) -> bool {
        let which = self.param("provider_id");
        self.door.as_deref() == Some(app.provider.as_str())
            && which.is_none_or(|which| which == app.provider_id)
    }

    /// Who asks, at an address that only somebody who is known gets to.
    pub(crate) fn known(&self) -> Result<User, Reply> {
        let missing = || Reply::detail(StatusCode::UNAUTHORIZED, "").challenged();
        self.user.clone().ok_or_else(missing)
    }

    /// HALLPASS_REST_MOUNT.
    pub(crate) fn mount(&self) -> &str {
        let settings = self.face.hallpass.settings();
        settings.hallpass.rest_mount().unwrap_or("/")
    }

    /// Whether the answer is a page.
    pub(crate) fn is_page(&self) -> bool {
        self.form == Form::Page
    }

    /// From here on, who asked is not who asks: somebody else may be signed in now, or nobody.
    pub(crate) fn forget_who_asked(&mut self) {
        self.user = None;
        self.proof = None;
    }

    /// A header as text; what is no text is not there.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }

    /// Looks for the session, unless that was done.
    pub(crate) async fn load_session(&mut self) -> Result<(), Reply> {
        if self.session_read {
            return Ok(());
        }
        self.session_read = true;
        let settings = self.face.hallpass.settings();
        let cookie = cookies::find(&self.headers, &settings.session.cookie_name);
        match self.face.hallpass.session(cookie.as_deref()).await {
            Ok(session) => self.session = session,
            Err(failure) => return Err(say::error(self, failure.into())),
        }
        self.csrf_secret = self.stored_secret().as_deref().and_then(csrf::secret_of);
        Ok(())
    }

    fn stored_secret(&self) -> Option<String> {
        let settings = self.face.hallpass.settings();
        match settings.csrf.use_sessions {
            true => {
                let secret = self.session.get(keys::CSRF_TOKEN)?;
                secret.as_str().map(str::to_owned)
            }
            false => cookies::find(&self.headers, &settings.csrf.cookie_name),
        }
    }

    /// Django's CSRF check, with its reason.
    pub(crate) fn check_csrf(&self) -> Result<(), String> {
        let text = |name: &str| {
            let value = self.headers.get(name)?;
            Some(value.to_str().unwrap_or("\u{fffd}").to_owned())
        };
        let (origin, referer) = (text("origin"), text("referer"));
        let header_token = text(&self.face.csrf_header);
        let stored = self.stored_secret();
        // What a form of ours stands for, it came as a POST.
        let method = match self.posted.stands_for_more {
            true => &Method::POST,
            false => &self.method,
        };
        let request = csrf::Request {
            method: method.as_str(),
            is_secure: self.arrival.is_secure,
            host: &self.arrival.host,
            port: self.arrival.port,
            origin: origin.as_deref(),
            referer: referer.as_deref(),
            cookie: stored.as_deref(),
            body_token: self.posted.token.as_deref(),
            header_token: header_token.as_deref(),
        };
        csrf::check(&request, &self.face.csrf)
    }

    /// Whether a page of another site sent this request, as its browser says: then no cookie may come of it that makes
    /// somebody somebody else.
    pub(crate) fn is_foreign(&self) -> bool {
        let Some(origin) = self.headers.get(header::ORIGIN) else {
            return false;
        };
        let request = csrf::Request {
            method: "POST",
            is_secure: self.arrival.is_secure,
            host: &self.arrival.host,
            port: self.arrival.port,
            origin: Some(origin.to_str().unwrap_or("\u{fffd}")),
            ..csrf::Request::default()
        };
        !csrf::is_from_trusted_origin(&request, &self.face.csrf)
    }

    /// Whether a session may come of a login here.
    pub(crate) fn may_start_session(&self) -> bool {
        self.face.hallpass.settings().rest_auth.session_login && !self.is_foreign()
    }

    /// Runs a flow on the session of this request; who asks is known to it.
    pub(crate) async fn run<T, F>(&mut self, flow: F) -> Result<T, Error>
    where
        F: AsyncFnOnce(&mut Cx) -> Result<T, Error>,
    {
        let hallpass = self.face.hallpass.clone();
        let client = self.arrival.client.clone();
        let user = self.user.as_ref().map(|user| user.id);
        hallpass
            .run(&client, &mut self.session, async |cx| {
                if let Some(user) = user {
                    cx.act_as(user);
                }
                flow(cx).await
            })
            .await
    }

    /// Runs a flow that may end in a session: on that of this request where it may start one, else on one of its own. What
    /// it leaves there, a code that is waited for, takes the other's place.
    pub(crate) async fn run_keeping<T, F>(&mut self, flow: F) -> Result<Result<T, Error>, Reply>
    where
        F: AsyncFnOnce(&mut Cx, Kept) -> Result<T, Error>,
    {
        if self.may_start_session() {
            self.load_session().await?;
            return Ok(self.run(async |cx| flow(cx, Kept::Session).await).await);
        }
        let kept = match self.is_foreign() {
            true => Kept::Nothing,
            false => Kept::Stage,
        };
        let (hallpass, client) = (self.face.hallpass.clone(), self.arrival.client.clone());
        let mut own = Session::fresh(false);
        let done = hallpass
            .run(&client, &mut own, async |cx| flow(cx, kept).await)
            .await;
        if !own.is_empty() {
            self.session = own;
        }
        Ok(done)
    }

    async fn finish(mut self, mut reply: Reply) -> Response {
        let challenge = auth::challenge(&self.face)
            .or((self.view.credentials == Credentials::Unread).then_some("Bearer realm=\"api\""));
        if reply.challenge && challenge.is_none() {
            reply.status = StatusCode::FORBIDDEN;
        }
        // A page has forms, which have a token, and says who is signed in. Not where another site's page sent the request:
        // it came without our cookies, and new ones would take the place of those that the visitor has.
        let has_forms = self.is_page() && !reply.status.is_server_error() && !self.is_foreign();
        let mut current = Map::new();
        if has_forms {
            match browsable::prepare(&mut self, &reply).await {
                Ok(found) => current = found,
                Err(broken) => reply = broken,
            }
        }
        if self.session.take_csrf_rotation() {
            self.csrf_secret = Some(fresh_secret());
            self.csrf_shown = true;
        }
        if has_forms {
            self.csrf_secret.get_or_insert_with(fresh_secret);
            self.csrf_shown = true;
        }
        let secret = self.csrf_secret.clone().filter(|_| self.csrf_shown);
        let settings = self.face.hallpass.settings().clone();
        if settings.csrf.use_sessions
            && let Some(secret) = &secret
            && self.session.get(keys::CSRF_TOKEN).and_then(Value::as_str) != Some(secret)
        {
            self.session.set(keys::CSRF_TOKEN, secret.as_str());
        }
        if !reply.status.is_server_error()
            && let Err(error) = self.save().await
        {
            reply = say::error(&self, error);
        }
        let mut told = Vec::new();
        if !self.view.is_nothing() {
            told.push((header::ALLOW, self.view.allow.to_owned()));
        }
        let vary = match self.session_read {
            true => "Accept, Cookie",
            false => "Accept",
        };
        told.push((header::VARY, vary.to_owned()));
        if let Some(challenge) = challenge.filter(|_| reply.challenge) {
            told.push((header::WWW_AUTHENTICATE, challenge.to_owned()));
        }
        if let Some(seconds) = reply.retry_after {
            told.push((header::RETRY_AFTER, seconds.to_string()));
        }
        let mut response = match self.form {
            Form::Page => browsable::page(&self, &reply, &told, secret.as_deref(), &current),
            Form::Json(indent) => self.write(&reply, indent),
        };
        let headers = response.headers_mut();
        for (name, value) in told {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        if !reply.status.is_server_error() {
            headers.extend(std::mem::take(&mut self.cookies));
            let change = match self.session.take_cookie_change() {
                CookieChange::Keep if self.has_worthless_cookie() => CookieChange::Delete,
                change => change,
            };
            cookies::set_session(&settings, change, headers);
            cookies::set_csrf(&settings, secret.as_deref(), headers);
        }
        response
    }

    /// A cookie of a session that is over, which Django takes from the browser as soon as it sees it.
    fn has_worthless_cookie(&self) -> bool {
        let name = &self.face.hallpass.settings().session.cookie_name;
        self.session_read
            && self.session.is_empty()
            && cookies::find(&self.headers, name).is_some_and(|key| !key.is_empty())
    }

    async fn save(&mut self) -> Result<(), Error> {
        let every = self.face.hallpass.settings().session.save_every_request;
        let renew = every && self.session_read && !self.session.is_empty();
        if !self.session.is_modified() && !renew {
            return Ok(());
        }
        self.run(async |cx| {
            if renew {
                cx.session.touch();
            }
            Ok(())
        })
        .await
    }

    fn write(&self, reply: &Reply, indent: Option<usize>) -> Response {
        let Some(body) = &reply.body else {
            return reply.status.into_response();
        };
        let text = match self.method {
            Method::HEAD => String::new(),
            _ => json_text(body, indent),
        };
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (reply.status, kind, text).into_response()
    }
}

/// The key of a row, as it stands in an address: digits and nothing else.
pub(crate) fn number(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// The answer to OPTIONS.
pub(crate) fn described(face: &Face, view: &View) -> Value {
    let renderers = &face.hallpass.settings().rest_framework;
    let mut told = json!({
        "name": view.name,
        "description": view.description,
        "renders": renderers.default_renderer_classes.iter().map(negotiate::media_type).collect::<Vec<_>>(),
        "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
    });
    let specs = (view.fields)(face);
    let mut actions = Map::new();
    for method in [Method::PUT, Method::POST] {
        if view.methods.contains(&method) && !specs.is_empty() {
            let fields = specs.iter().filter(|spec| !spec.hidden);
            let fields: Map<String, Value> = fields
                .map(|spec: &Spec| (spec.name.clone(), spec.metadata()))
                .collect();
            if !fields.is_empty() {
                actions.insert(method.as_str().to_owned(), fields.into());
            }
        }
    }
    if !actions.is_empty() {
        told["actions"] = actions.into();
    }
    told
}

/// JSON, compact or indented.
pub(crate) fn json_text(body: &Value, indent: Option<usize>) -> String {
    let Some(blanks) = indent else {
        return body.to_string();
    };
    let blanks = " ".repeat(blanks);
    let style = serde_json::ser::PrettyFormatter::with_indent(blanks.as_bytes());
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, style);
    match serde::Serialize::serialize(body, &mut writer) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => body.to_string(),
    }
}

fn fresh_secret() -> String {
    secret::random_text(secret::ALPHANUMERIC, csrf::SECRET_LENGTH)
}
