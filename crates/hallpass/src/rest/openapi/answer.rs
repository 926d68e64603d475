//! What an address may answer, as data: each view says it beside the code that answers, and what is alike for all is added
//! here.

use hallpass_core::settings::{RegisterPermission, Renderer};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::auth;
use super::super::views::{Credentials, View};
use super::schema;
use crate::face::Face;

/// The body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// None.
    Nothing,
    /// Errors by field: those that the address takes, and these.
    Errors(&'static [&'static str]),
    /// A schema of all addresses alike.
    Known(&'static str),
    /// A schema of its own, with its name.
    Own(&'static str, Value),
    /// A page.
    Page,
}

/// An answer that may come.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) when: String,
    pub(crate) shape: Shape,
    pub(crate) example: Option<Value>,
    /// The methods that have it; empty: all but OPTIONS.
    pub(crate) methods: &'static [Method],
    /// Response headers, each with whether it is always there.
    pub(crate) headers: Vec<(&'static str, bool)>,
}

impl Answer {
    /// Without a body, so far.
    pub(crate) fn new(status: StatusCode, when: &str) -> Self {
        Answer {
            status,
            when: when.to_owned(),
            shape: Shape::Nothing,
            example: None,
            methods: &[],
            headers: Vec::new(),
        }
    }

    /// A body of its own.
    pub(crate) fn body(self, name: &'static str, schema: Value, example: Value) -> Self {
        Answer {
            shape: Shape::Own(name, schema),
            example: Some(example),
            ..self
        }
    }

    /// `{"detail": …}`
    pub(crate) fn detail(status: StatusCode, when: &str, words: &str) -> Self {
        Answer {
            shape: Shape::Known("Detail"),
            example: Some(json!({ "detail": words })),
            ..Answer::new(status, when)
        }
    }

    /// 200 `{"detail": …}`
    pub(crate) fn said(when: &str, words: &str) -> Self {
        Answer::detail(StatusCode::OK, when, words)
    }

    /// `{"detail": …, "code": …}`, with `stage` where a stage is what is missing.
    pub(crate) fn coded(status: StatusCode, when: &str, words: &str, code: &str) -> Self {
        Answer {
            shape: Shape::Known("Refusal"),
            example: Some(json!({ "detail": words, "code": code })),
            ..Answer::new(status, when)
        }
    }

    /// 401 about a token.
    pub(crate) fn bad_token(when: &str, words: &str) -> Self {
        let example = json!({ "detail": words, "code": "token_not_valid" });
        Answer {
            shape: Shape::Known("TokenError"),
            example: Some(example),
            ..Answer::new(StatusCode::UNAUTHORIZED, when).challenged()
        }
    }

    /// 400 with errors by field. `more`: names besides those of the fields and `non_field_errors`.
    pub(crate) fn wrong(
        when: &str,
        (field, words): (&str, &str),
        more: &'static [&'static str],
    ) -> Self {
        Answer {
            shape: Shape::Errors(more),
            example: Some(json!({ field: [words] })),
            ..Answer::new(StatusCode::BAD_REQUEST, when)
        }
    }

    /// 429, by a limit of the flow.
    pub(crate) fn limited() -> Self {
        let words = "Request was throttled. Expected available in 58 seconds.";
        let when = "Too often. Where the time until it is worth trying again is known, Retry-After tells it.";
        Answer::detail(StatusCode::TOO_MANY_REQUESTS, when, words).with("Retry-After", false)
    }

    /// A page: where an address is for people.
    pub(crate) fn page(status: StatusCode, when: &str) -> Self {
        Answer {
            shape: Shape::Page,
            ..Answer::new(status, when)
        }
    }

    /// With an example.
    pub(crate) fn such_as(self, example: Value) -> Self {
        Answer {
            example: Some(example),
            ..self
        }
    }

    /// Of these methods alone.
    pub(crate) fn on(self, methods: &'static [Method]) -> Self {
        Answer { methods, ..self }
    }

    /// With cookies that are set or deleted.
    pub(crate) fn cookies(self) -> Self {
        self.with("Set-Cookie", false)
    }

    /// With WWW-Authenticate.
    pub(crate) fn challenged(self) -> Self {
        self.with("WWW-Authenticate", true)
    }

    /// With an ETag.
    pub(crate) fn kept(self) -> Self {
        self.with("ETag", true)
    }

    /// With the address to go on to.
    pub(crate) fn leads(self) -> Self {
        self.with("Location", true)
    }

    fn with(mut self, header: &'static str, always: bool) -> Self {
        self.headers.push((header, always));
        self
    }

    /// Whether a method has it.
    pub(crate) fn is_of(&self, method: &Method) -> bool {
        match self.methods {
            [] => *method != Method::OPTIONS,
            methods => methods.contains(method),
        }
    }
}

/// All answers of a method: what the view says, and what is alike for all views.
pub(crate) fn of(face: &Face, view: &View, method: &Method) -> Vec<Answer> {
    let mut all: Vec<Answer> = match *method {
        Method::OPTIONS => vec![described(face, view)],
        _ => (view.answers)(face),
    };
    all.retain(|answer| answer.is_of(method) || *method == Method::OPTIONS);
    if !method.is_safe() {
        all.extend(bodies(face, view));
    }
    all.extend(refused(face, view, method));
    let rates = &face
        .hallpass
        .settings()
        .rest_framework
        .default_throttle_rates;
    let throttled = |scope| rates.0.iter().any(|(known, ..)| known == scope);
    if view.scope.is_some_and(throttled) {
        all.push(Answer::limited());
    }
    let pages = &face.hallpass.settings().rest_framework;
    let pages = pages.default_renderer_classes.contains(&Renderer::Page);
    if pages
        && all
            .iter()
            .any(|answer| answer.status == StatusCode::NO_CONTENT)
    {
        let when = "To a browser, a page that says so: with 204 it would stay on the page before.";
        all.push(Answer::page(StatusCode::OK, when));
    }
    all.extend(forms());
    all.extend(failures());
    all
}

/// OPTIONS.
fn described(face: &Face, view: &View) -> Answer {
    let example = super::super::call::described(face, view);
    Answer {
        shape: Shape::Known("Metadata"),
        example: Some(example),
        ..Answer::new(StatusCode::OK, "What the address is and takes.").with("Allow", true)
    }
}

/// What comes of a body that cannot be read, or of its fields.
fn bodies(face: &Face, view: &View) -> Vec<Answer> {
    let mut all = vec![
        Answer::detail(
            StatusCode::BAD_REQUEST,
            "The body cannot be read.",
            "JSON parse error - Expecting value: line 1 column 1 (char 0)",
        ),
        Answer::detail(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is larger than DATA_UPLOAD_MAX_MEMORY_SIZE.",
            "The request is too large.",
        ),
        Answer::detail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body is of another media type.",
            "Unsupported media type \"text/plain\" in request.",
        ),
    ];
    let specs = (view.fields)(face);
    let required = specs.iter().find(|spec| spec.required);
    let taken = required.or_else(|| specs.iter().find(|spec| !spec.read_only));
    if let Some(spec) = taken {
        let words = match spec.required {
            true => "This field is required.",
            false => "Not a valid string.",
        };
        let when = "A field is missing or does not have the form that it needs.";
        all.push(Answer::wrong(when, (&spec.name, words), &[]));
    }
    all
}

/// What comes of missing, bad or unasked credentials.
fn refused(face: &Face, view: &View, method: &Method) -> Vec<Answer> {
    let settings = face.hallpass.settings();
    let rest = &settings.rest_auth;
    let mut all = Vec::new();
    let challenge = auth::challenge(face).is_some();
    let needed = view.credentials == Credentials::Needed || auth::asks_registrants(face, view);
    if needed {
        let when = "Who asks is not known.";
        let words = "Authentication credentials were not provided.";
        all.push(match challenge {
            true => Answer::detail(StatusCode::UNAUTHORIZED, when, words).challenged(),
            false => Answer::detail(StatusCode::FORBIDDEN, when, words),
        });
    }
    let staff = rest
        .register_permission_classes
        .contains(&RegisterPermission::Staff);
    if staff && auth::asks_registrants(face, view) {
        let words = "You do not have permission to perform this action.";
        let when = "Who asks is not of the staff.";
        all.push(Answer::detail(StatusCode::FORBIDDEN, when, words));
    }
    let checked = matches!(view.credentials, Credentials::Checked | Credentials::Needed);
    if checked && rest.use_jwt {
        let words = "Given token not valid for any token type";
        let mut answer = Answer::bad_token("The access token is not good.", words);
        if let Some(example) = &mut answer.example {
            example["messages"] = json!([{ "token_class": "AccessToken", "token_type": "access",
                "message": "Token is expired" }]);
        }
        all.push(answer);
    } else if checked && rest.token_model.is_some() {
        let when = "The key is not good.";
        let answer = Answer::detail(StatusCode::UNAUTHORIZED, when, "Invalid token.");
        all.push(answer.challenged());
    }
    let always = rest.use_jwt
        && rest.jwt_auth_cookie.is_some()
        && rest.jwt_auth_cookie_enforce_csrf_on_unauthenticated
        && view.credentials != Credentials::Unread;
    if !method.is_safe() && (checked || always) {
        let words = "CSRF Failed: CSRF token missing.";
        let when = match always {
            true => "No header says who asks, and the CSRF check did not pass.",
            false => "A cookie says who asks, and the CSRF check did not pass.",
        };
        all.push(Answer::detail(StatusCode::FORBIDDEN, when, words));
    }
    all
}

/// What comes of a form of answer that there is not.
fn forms() -> [Answer; 2] {
    [
        Answer::detail(
            StatusCode::NOT_FOUND,
            "The parameter format asks for a form that there is not.",
            "Not found.",
        ),
        Answer::detail(
            StatusCode::NOT_ACCEPTABLE,
            "The header Accept asks for a form that there is not.",
            "Could not satisfy the request Accept header.",
        ),
    ]
}

fn failures() -> [Answer; 2] {
    let id = "k3v9x0q2m7w1t5ab";
    let broken = json!({ "detail": "A server error occurred.", "request_id": id });
    let busy = "Service temporarily unavailable, try again later.";
    [
        Answer::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something broke; the log has it under the id.",
        )
        .body("Failure", schema::failure(), broken),
        Answer::detail(StatusCode::SERVICE_UNAVAILABLE, "Busy.", busy).with("Retry-After", true),
    ]
}
