//! What each page is given, in all its variants. The comment at the head of a template says the same in words.

use serde_json::{Value, json};

/// What a stranger may have typed.
pub(super) const HOSTILE: &str = "<b>\"x\"</b>";

/// A page and what it may be given.
pub(super) struct Sample {
    pub(super) name: &'static str,
    /// Everything there.
    own: Value,
    /// What may be otherwise: for each question its other answers, as values by their place in `own`.
    axes: Vec<Value>,
}

impl Sample {
    fn new(name: &'static str, own: Value) -> Self {
        let axes = Vec::new();
        Sample { name, own, axes }
    }

    /// One more question, with other answers than that in `own`.
    fn or(mut self, answers: Value) -> Self {
        self.axes.push(answers);
        self
    }

    /// All answers to all questions.
    pub(super) fn variants(&self) -> Vec<Value> {
        let mut all = vec![self.own.clone()];
        for answers in &self.axes {
            let changed: Vec<Value> = all
                .iter()
                .flat_map(|own| answers.as_array().unwrap().iter().map(|it| lay(own, it)))
                .collect();
            all.extend(changed);
        }
        all
    }
}

fn lay(own: &Value, answer: &Value) -> Value {
    let mut own = own.clone();
    for (place, value) in answer.as_object().unwrap() {
        *own.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value.clone();
    }
    own
}

/// What every page is given; `full` with all that a site may have set.
pub(super) fn shared(full: bool) -> Value {
    let mut context = json!({
        "site": { "name": "Example", "logo_url": null, "accent": null, "support_address": null, "terms_url": null, "privacy_url": null },
        "css_url": "/accounts/static/hallpass.css",
        "brand_css_url": null,
        "lang": "en",
        "dir": "ltr",
        "csrf_token": "token",
        "messages": [],
        "user": null,
        "request_id": null,
        "form": null,
        "urls": { "home": "/", "login": "/accounts/login/", "logout": "/accounts/logout/", "login_link": "/accounts/login/link/", "signup": "/accounts/signup/", "profile": "/accounts/profile/" },
    });
    if full {
        context["site"] = json!({ "name": HOSTILE, "logo_url": "/logo.svg", "accent": "#ffcc00", "support_address": "help@example.com", "terms_url": "/terms/", "privacy_url": "https://example.com/privacy" });
        context["brand_css_url"] = "/accounts/static/brand.css".into();
        context["dir"] = "rtl".into();
        context["messages"] = json!([{ "level": "success", "text": "Saved." }, { "level": "error", "text": HOSTILE }, { "level": "info", "text": "Note." }]);
        context["request_id"] = "abc123".into();
    }
    context
}

/// Somebody signed in.
pub(super) fn user() -> Value {
    json!({ "display": HOSTILE, "username": "ada", "email": "ada@example.com" })
}

fn field(name: &str, label: &str, kind: &str) -> Value {
    json!({
        "name": name, "id": format!("id_{name}"), "label": label, "type": kind, "value": HOSTILE, "checked": false,
        "help": null, "errors": [], "required": true, "autocomplete": "off", "inputmode": null, "enterkeyhint": "go",
        "autocapitalize": "none", "spellcheck": false, "maxlength": 254, "minlength": 1, "autofocus": false, "code": false,
    })
}

fn first(mut field: Value) -> Value {
    field["autofocus"] = true.into();
    field
}

fn optional(mut field: Value) -> Value {
    field["required"] = false.into();
    field["help"] = "One sentence.".into();
    field["value"] = Value::Null;
    field
}

fn choices(mut field: Value, choices: Value) -> Value {
    field["choices"] = choices;
    field
}

fn next() -> Value {
    json!({ "name": "next", "id": "id_next", "label": "", "type": "hidden", "value": "/a?b=\"c\"", "errors": [] })
}

fn email() -> Value {
    first(field("email", "E-mail address", "email"))
}

fn phone() -> Value {
    field("phone", "Phone number", "tel")
}

fn code() -> Value {
    let mut code = first(field("code", "Code", "text"));
    code["code"] = true.into();
    code["help"] = "Six digits.".into();
    code
}

fn password(name: &str, label: &str) -> Value {
    field(name, label, "password")
}

fn form(fields: Value) -> Value {
    json!({ "action": "/accounts/here/", "errors": [], "fields": fields })
}

/// Every page.
pub(super) fn samples() -> Vec<Sample> {
    let mut all = signing_in();
    all.extend(codes());
    all.extend(signing_up());
    all.extend(passwords());
    all.extend(account());
    all.extend(elsewhere());
    all.push(rest());
    all.push(rest_docs());
    all
}

fn rest() -> Sample {
    let media =
        json!([{ "value": "application/json", "label": "application/json", "selected": true }]);
    let mut content = optional(field("_content", "Content", "textarea"));
    content["value"] = HOSTILE.into();
    content["help"] = Value::Null;
    let raw = form(
        json!({ "media": choices(field("_content_type", "Media type", "select"), media), "content": content }),
    );
    let link = json!({ "text": "https://example.com/", "url": "https://example.com/" });
    let own = form(
        json!({ "username": optional(field("username", "User name", "text")), "password": password("password", "Password"),
        "terms": optional(field("terms", "I accept the terms", "checkbox")) }),
    );
    Sample::new(
        "rest/browsable.html",
        json!({ "name": "Login", "description": HOSTILE, "crumbs": [{ "name": "REST", "url": "/rest/" }, { "name": HOSTILE, "url": null }],
            "method": "POST", "path": HOSTILE, "status": 400, "reason": "Bad Request",
            "headers": [{ "name": "Allow", "value": "POST, OPTIONS" }, { "name": "WWW-Authenticate", "value": HOSTILE }],
            "body": [{ "text": format!("{{\n    \"detail\": \"{HOSTILE}\""), "url": null }, link, { "text": "\n}", "url": null }],
            "index": null, "can_get": false, "can_options": true, "can_delete": false, "methods": ["POST"], "form": own, "order": ["username", "password", "terms"],
            "raw": raw, "raw_first": false, "problem": null, "wants_to_know": false, "sign_in_url": null, "sign_out_url": null }),
    )
    .or(json!([{ "/methods": ["PUT", "PATCH"], "/can_get": true, "/can_delete": true, "/path": "/rest/user/", "/raw_first": true }]))
    .or(json!([
        { "/form": null, "/raw": null, "/order": [], "/can_options": false, "/problem": HOSTILE, "/wants_to_know": true, "/sign_in_url": "/accounts/login/?next=%2F", "/crumbs": [{ "name": HOSTILE, "url": "/rest/" }] },
        { "/form": null, "/raw": null, "/order": [], "/body": [], "/headers": [], "/can_get": true, "/path": "/rest/",
            "/index": [{ "name": HOSTILE, "url": "/rest/login/", "methods": "POST", "description": HOSTILE }] },
    ]))
    .or(json!([{ "/sign_out_url": "/accounts/logout/?next=%2F" }]))
}

fn rest_docs() -> Sample {
    let words = json!([{ "text": HOSTILE, "code": false }, { "text": HOSTILE, "code": true }]);
    let row = json!({ "name": "username", "kind": "string", "required": true, "description": HOSTILE, "limits": ["at most 150 characters"],
        "place": "query" });
    let answer = json!({ "status": "400", "reason": "Bad Request", "headers": ["Set-Cookie"],
        "cases": [{ "when": HOSTILE, "example": HOSTILE }] });
    let operation = json!({ "id": "login_create", "method": "POST", "path": "/dj-rest-auth/login/", "url": "/dj-rest-auth/login/",
        "summary": "Login", "description": HOSTILE, "ways": ["tokenAuth", "cookieAuth"], "fields": [row], "parameters": [row],
        "curl": HOSTILE, "answers": [answer] });
    let bare = json!({ "description": null, "limits": [], "place": null, "required": false, "name": "x", "kind": "string" });
    Sample::new(
        "rest/docs.html",
        json!({ "title": HOSTILE, "version": "1", "paragraphs": [words], "schema_url": "/s/", "file_url": "/f",
            "schemes": [{ "name": "tokenAuth", "place": "header Authorization", "description": [words] }],
            "groups": [{ "name": "login", "description": HOSTILE, "operations": [operation] }] }),
    )
    .or(json!([{ "/groups/0/operations/0/fields": [], "/groups/0/operations/0/parameters": [bare],
        "/groups/0/operations/0/ways": [], "/groups/0/operations/0/url": null,
        "/groups/0/operations/0/answers/0/reason": null, "/groups/0/operations/0/answers/0/headers": [],
        "/groups/0/operations/0/answers/0/cases/0/example": null }]))
}

fn signing_in() -> Vec<Sample> {
    let way = |key: &str| json!([{ key: null }]);
    vec![
        Sample::new(
            "login/login.html",
            json!({
                "form": form(json!({ "login": first(field("login", "User name", "text")), "password": password("password", "Password"),
                    "remember": optional(field("remember", "Keep me signed in", "checkbox")), "next": next() })),
                "ask_remember": true, "code_url": "/c/", "link_request_url": "/l/", "reset_url": "/r/", "signup_url": "/s/",
                "providers": providers("login"), "only_providers": false, "next": "/a?b=\"c\"",
            }),
        )
        .or(json!([{ "/providers": [], "/next": null }, { "/only_providers": true }]))
        .or(json!([{ "/ask_remember": false, "/form/fields/remember": null, "/form/fields/next": null }]))
        .or(way("/code_url"))
        .or(way("/link_request_url"))
        .or(way("/reset_url"))
        .or(way("/signup_url")),
        Sample::new("login/inactive.html", json!({})),
        Sample::new(
            "login_by_link/request.html",
            json!({ "form": form(json!({ "email": email(), "next": next() })), "login_url": "/login/" }),
        )
        .or(json!([{ "/login_url": null, "/form/action": null }])),
        Sample::new(
            "login_by_link/sent.html",
            json!({ "valid_for": "3 days", "again_url": "/again/" }),
        ),
        Sample::new(
            "login_by_link/confirm.html",
            json!({ "display": HOSTILE, "form": form(json!({ "next": next() })), "already": null, "continue_url": "/",
                "asked_from": { "when": "3 March", "browser": HOSTILE, "ip": "::1" }, "user": user() }),
        )
        .or(json!([{ "/already": "same" }, { "/already": "other" }, { "/asked_from": null }])),
        Sample::new("login_by_link/invalid.html", json!({ "again_url": "/again/", "login_url": "/login/" }))
            .or(json!([{ "/again_url": null }, { "/login_url": null }])),
        Sample::new(
            "magic_link/confirm.html",
            json!({ "display": HOSTILE, "form": form(json!({})), "signs_in": false }),
        )
        .or(json!([{ "/signs_in": true }, { "/form/action": null }])),
        Sample::new("magic_link/invalid.html", json!({ "login_url": "/login/" })),
        Sample::new(
            "logout/confirm.html",
            json!({ "form": form(json!({ "next": next() })), "back_url": "/", "user": user() }),
        )
        .or(json!([{ "/user": null }, { "/back_url": null, "/form/fields/next": null }])),
        Sample::new("index.html", json!({ "user": user() }))
            .or(json!([{ "/user": null }])),
        Sample::new(
            "errors/error.html",
            json!({ "status": 418, "reason": null, "retry_after": "2 minutes",
                "action": { "label": HOSTILE, "url": "/next/" } }),
        )
        .or(json!([{ "/action": null }]))
        .or(json!([{ "/status": 400 }, { "/status": 403 }, { "/status": 403, "/reason": "csrf" }, { "/status": 404 },
            { "/status": 405 }, { "/status": 413 }, { "/status": 429 }, { "/status": 500 }, { "/status": 503 }]))
        .or(json!([{ "/retry_after": null }])),
    ]
}

fn codes() -> Vec<Sample> {
    let no = |key: &str| json!([{ key: false }]);
    vec![
        Sample::new(
            "login_by_code/request.html",
            json!({ "form": form(json!({ "email": optional(email()), "phone": optional(phone()), "next": next() })),
                "login_url": "/login/", "signup_url": "/signup/" }),
        )
        .or(json!([{ "/form/fields/email": null, "/form/fields/phone": phone() }, { "/form/fields/phone": null, "/form/fields/email": email() }]))
        .or(json!([{ "/login_url": null }]))
        .or(json!([{ "/signup_url": null, "/form/fields/next": null }])),
        Sample::new(
            "login_by_code/confirm.html",
            json!({ "form": form(json!({ "code": code() })), "recipient": HOSTILE, "by": "email", "valid_for": "3 minutes",
                "with_link": true, "can_resend": true, "demanded": false }),
        )
        .or(no("/with_link"))
        .or(no("/can_resend"))
        .or(json!([{ "/demanded": true, "/form/action": null }]))
        .or(json!([{ "/by": "phone", "/with_link": false }])),
        Sample::new(
            "login_by_code/link.html",
            json!({ "form": form(json!({})), "display": HOSTILE, "elsewhere": false }),
        )
        .or(json!([{ "/display": null }]))
        .or(json!([{ "/elsewhere": true }, { "/elsewhere": true, "/form": null }])),
        Sample::new("login_by_code/invalid.html", json!({ "again_url": "/again/", "login_url": "/login/" }))
            .or(json!([{ "/login_url": null }])),
        Sample::new(
            "email_verification/sent.html",
            json!({ "form": form(json!({})), "email": HOSTILE, "valid_for": "3 days", "can_resend": true }),
        )
        .or(json!([{ "/form": null }, { "/email": null }]))
        .or(no("/can_resend")),
        Sample::new(
            "email_verification/code.html",
            json!({ "form": form(json!({ "code": code(), "email": field("email", "E-mail address", "email") })), "email": HOSTILE,
                "valid_for": "15 minutes", "can_resend": true, "can_change": true }),
        )
        .or(json!([{ "/can_change": false, "/form/fields/email": null }]))
        .or(no("/can_resend")),
        Sample::new(
            "email_verification/confirm.html",
            json!({ "form": form(json!({})), "email": HOSTILE, "display": HOSTILE }),
        ),
        Sample::new("email_verification/invalid.html", json!({ "manage_url": "/email/", "login_url": "/login/", "user": user() }))
            .or(json!([{ "/manage_url": null, "/user": null }])),
        Sample::new(
            "phone/verify.html",
            json!({ "form": form(json!({ "code": code(), "phone": phone() })), "phone": HOSTILE, "valid_for": "15 minutes",
                "can_resend": true, "can_change": true }),
        )
        .or(json!([{ "/can_change": false, "/form/fields/phone": null }]))
        .or(no("/can_resend")),
    ]
}

fn signing_up() -> Vec<Sample> {
    let pick = json!([{ "value": HOSTILE, "label": HOSTILE, "selected": true }, { "value": "b", "label": "B", "selected": false }]);
    let open = json!([{ "value": "", "label": "Any", "selected": false }, { "value": "b", "label": "B", "selected": false }]);
    let mut age = optional(field("age", "Age", "number"));
    age["value"] = "36".into();
    vec![
        Sample::new(
            "signup/signup.html",
            json!({
                "form": form(json!({
                    "username": first(field("username", "User name", "text")), "email": field("email", "E-mail address", "email"),
                    "email2": field("email2", "E-mail address, again", "email"), "phone": optional(phone()),
                    "password1": password("password1", "Password"), "password2": password("password2", "Password, again"),
                    "terms": field("terms", "I accept the terms", "checkbox"), "born": field("born", "Date of birth", "date"), "age": age,
                    "colour": choices(field("colour", "Colour", "select"), pick), "size": choices(optional(field("size", "Size", "select")), open),
                    "about": field("about", "About you", "textarea"), "next": next(),
                })),
                "order": ["username", "email", "email2", "phone", "password1", "password2", "born", "age", "colour", "size", "about", "terms"],
                "honeypot": field("website", "Website", "text"), "passwordless": false, "login_url": "/login/",
                "providers": providers("login"), "next": "/a?b=\"c\"",
            }),
        )
        .or(json!([{ "/providers": [], "/next": null }]))
        .or(json!([{ "/honeypot": null }]))
        .or(json!([{ "/passwordless": true, "/order": ["email", "about"],
            "/form/fields": { "email": email(), "about": optional(field("about", "About you", "textarea")), "next": null } }])),
        Sample::new("signup/closed.html", json!({ "login_url": "/login/" })),
    ]
}

/// Ways in by providers.
fn providers(process: &str) -> Value {
    let one = |id: &str, which: Value| {
        json!({ "id": id, "provider": "github", "name": HOSTILE, "action": "/accounts/github/login/", "which": which,
            "process": process })
    };
    json!([one("github", Value::Null), one(HOSTILE, HOSTILE.into())])
}

/// Accounts at providers.
fn elsewhere() -> Vec<Sample> {
    let account = |display: Value, kept_because: Value| {
        json!({ "id": 7, "provider": "github", "name": HOSTILE, "display": display, "kept_because": kept_because,
            "mend": null,
            "since": { "iso": "2026-03-03T10:00:00Z", "words": "3 March 2026" } })
    };
    let kept = || {
        let mut kept = account(HOSTILE.into(), HOSTILE.into());
        kept["mend"] = json!({ "url": "/password/set/", "text": "Set a password" });
        kept
    };
    vec![
        Sample::new(
            "social/login.html",
            json!({ "form": form(json!({ "asked": first(field("openid", "Your OpenID address", "text")) })), "provider": HOSTILE, "process": "connect", "next": "/a?b=\"c\"", "which": HOSTILE,
                "login_url": null, "connections_url": "/3rdparty/" }),
        )
        .or(json!([Some("login"), Some("redirect"), None].map(|process| json!({ "/process": process, "/login_url": "/login/", "/connections_url": null }))))
        .or(json!([{ "/next": null, "/which": null, "/form/fields/asked": null }])),
        Sample::new(
            "social/signup.html",
            json!({ "form": form(json!({ "username": first(field("username", "User name", "text")), "email": field("email", "E-mail address", "email"),
                    "phone": optional(phone()), "terms": field("terms", "I accept the terms", "checkbox") })),
                "order": ["username", "email", "phone", "terms"], "provider": HOSTILE, "email_taken": true, "login_url": "/login/" }),
        )
        .or(json!([{ "/email_taken": false }])),
        Sample::new(
            "social/connections.html",
            json!({ "accounts": [account(HOSTILE.into(), Value::Null), account(Value::Null, Value::Null), kept()],
                "action": "/accounts/3rdparty/", "providers": providers("connect"), "back_url": "/", "user": user() }),
        )
        .or(json!([{ "/accounts": [] }, { "/accounts": [kept()] }]))
        .or(json!([{ "/providers": [] }])),
        Sample::new(
            "social/merge.html",
            json!({ "action": "/accounts/3rdparty/merge/", "provider": HOSTILE, "from": HOSTILE, "into": HOSTILE, "user": user() }),
        ),
        Sample::new(
            "social/trouble.html",
            json!({ "code": "unknown", "words": HOSTILE, "providers": providers("login"), "login_url": "/login/", "connections_url": null, "user": null }),
        )
        .or(json!([{ "/code": "cancelled" }, { "/code": "denied" }, { "/code": "provider_unavailable" }, { "/code": "unknown_provider" }]))
        .or(json!([{ "/login_url": null, "/connections_url": "/3rdparty/", "/user": user() }]))
        .or(json!([{ "/providers": [] }])),
        Sample::new(
            "social/dummy.html",
            json!({ "form": form(json!({ "id": first(field("id", "Number", "text")), "email": optional(field("email", "E-mail address", "email")),
                "email_verified": optional(field("email_verified", "Vouched for", "checkbox")), "username": optional(field("username", "User name", "text")),
                "first_name": optional(field("first_name", "First name", "text")), "last_name": optional(field("last_name", "Last name", "text")),
                "phone": optional(phone()), "phone_verified": optional(field("phone_verified", "Vouched for, too", "checkbox")), "state": next() })) }),
        ),
        Sample::new(
            "social/telegram.html",
            json!({ "action": "/t/", "state": HOSTILE, "script_url": "/accounts/static/telegram.js", "login_url": "/login/" }),
        ),
        Sample::new("social/once_more.html", json!({ "to": "/accounts/apple/login/callback/?code=\"c\"&_redir=1" })),
    ]
}

fn passwords() -> Vec<Sample> {
    let new = || json!({ "password1": first(password("password1", "New password")), "password2": password("password2", "New password, again") });
    let once = json!([{ "/form/fields/password2": null }]);
    vec![
        Sample::new("password_reset/request.html", json!({ "form": form(json!({ "email": email() })), "login_url": "/login/" })),
        Sample::new("password_reset/sent.html", json!({ "valid_for": "3 days", "again_url": "/again/" })),
        Sample::new(
            "password_reset/code.html",
            json!({ "form": form(json!({ "code": code() })), "email": HOSTILE, "valid_for": "3 minutes" }),
        ),
        Sample::new("password_reset/choose.html", json!({ "form": form(new()), "display": HOSTILE }))
            .or(json!([{ "/display": null }]))
            .or(once.clone()),
        Sample::new("password_reset/invalid.html", json!({ "again_url": "/again/" })),
        Sample::new("password_reset/done.html", json!({ "login_url": "/login/" })),
        Sample::new(
            "password_change/change.html",
            json!({ "form": form(json!({ "oldpassword": first(password("oldpassword", "Password so far")), "password1": password("password1", "New password"),
                "password2": password("password2", "New password, again") })), "reset_url": "/reset/", "back_url": "/", "user": user() }),
        )
        .or(json!([{ "/reset_url": null }]))
        .or(once.clone()),
        Sample::new("password_change/set.html", json!({ "form": form(new()), "back_url": "/", "user": user() })).or(once),
        Sample::new(
            "reauthentication/reauthenticate.html",
            json!({ "form": form(json!({ "password": first(password("password", "Password")), "code": null, "next": next() })),
                "display": HOSTILE, "recipient": null, "can_resend": false, "back_url": "/", "user": user() }),
        )
        .or(json!([
            { "/form/fields/password": null, "/form/fields/code": code(), "/recipient": HOSTILE, "/can_resend": true },
            { "/form/fields/password": null, "/form/fields/code": code(), "/form/fields/next": null },
        ])),
    ]
}

fn account() -> Vec<Sample> {
    let address = |email: &str, verified: bool, primary: bool| {
        json!({ "email": email, "verified": verified, "primary": primary,
        "can_remove": !primary, "can_make_primary": !primary && verified, "can_send": !verified })
    };
    vec![
        Sample::new(
            "manage_email/manage.html",
            json!({ "form": form(json!({ "email": field("email", "E-mail address", "email") })), "pending": { "email": HOSTILE, "confirm_url": "/confirm/" },
                "addresses": [address("ada@example.com", true, true), address("a@example.org", true, false), address(HOSTILE, false, false)],
                "can_add": true, "change_mode": false, "back_url": "/", "user": user() }),
        )
        .or(json!([{ "/can_add": false, "/form/fields/email": null }]))
        .or(json!([{ "/pending": null }]))
        .or(json!([{ "/change_mode": true, "/addresses": [address("ada@example.com", false, true)] }, { "/change_mode": true, "/addresses": [] }, { "/addresses": [] }])),
        Sample::new(
            "phone/change.html",
            json!({ "form": form(json!({ "phone": phone() })), "current": { "phone": "+491701234567", "verified": true }, "back_url": "/", "user": user() }),
        )
        .or(json!([{ "/current/verified": false }, { "/current": null }])),
        Sample::new(
            "profile/profile.html",
            json!({ "signed_in_at": { "iso": "2026-03-03T10:00:00Z", "words": "3 March 2026" }, "method": "with a password",
                "links": [{ "title": "Password", "text": HOSTILE, "url": "/password/", "action": "Change password" },
                    { "title": "Phone number", "text": null, "url": "/phone/", "action": "Change" }],
                "user": user() }),
        )
        .or(json!([{ "/signed_in_at": null }, { "/method": null }]))
        .or(json!([{ "/links": [] }]))
        .or(json!([{ "/user": { "display": "ada", "username": "ada", "email": null } }])),
    ]
}
