//! The pages of the interface: everything by forms, without script.

mod attacks;

use hallpass::settings::{Renderer, Settings};
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::markup::{Element, read};
use super::own_fields::KINDS;
use super::tokens::{Program, with_jwt};

each_database!(
    every_address_has_a_page_in_every_method,
    an_accounts_life_by_forms_alone,
    raw_data_does_what_a_program_does,
    what_was_typed_is_there_again_but_for_passwords,
    the_mount_lists_the_addresses,
    without_pages_there_is_json_alone,
    who_is_refused_is_told_where_to_sign_in,
    an_answer_without_content_has_a_page,
    the_secret_may_live_in_the_session,
    a_form_that_is_sent_as_it_came_changes_nothing,
);

const PASSWORD: &str = "correct-horse-9-battery";
const ACCEPT: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const FORM: &str = "application/x-www-form-urlencoded";
const MOUNT: &str = "/dj-rest-auth/";

/// Somebody with a browser.
struct Person(Browser);

impl Person {
    fn of(app: &TestApp) -> Self {
        let mut browser = app.browser();
        browser.headers.insert("accept", ACCEPT.to_owned());
        browser
            .headers
            .insert("origin", "http://localhost".to_owned());
        Person(browser)
    }

    async fn open(&mut self, path: &str) -> Answer {
        checked(self.0.get(&format!("{MOUNT}{path}")).await)
    }

    /// Opens the page, fills in its form and presses the button.
    async fn send(&mut self, button: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = fields.to_vec();
        all.push(("_method", button));
        checked(self.0.fill(&format!("{MOUNT}{path}"), &all).await)
    }

    async fn raw(&mut self, button: &str, path: &str, kind: &str, content: &str) -> Answer {
        let fields = [("_content_type", kind), ("_content", content)];
        self.send(button, path, &fields).await
    }

    async fn register(&mut self, name: &str) -> Answer {
        let email = format!("{name}@example.com");
        let fields = [
            ("username", name),
            ("email", &email),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ];
        self.send("POST", "registration/", &fields).await
    }
}

/// A page that can be used by ear and keyboard, and is kept by nobody on the way.
#[track_caller]
fn checked(answer: Answer) -> Answer {
    if !answer.header("content-type").starts_with("text/html") {
        return answer;
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("vary"), "Accept, Cookie");
    let text = &answer.text;
    let all = read(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    let mut level = 0;
    let mut ids = std::collections::BTreeSet::new();
    for element in &all {
        let own = element.name.strip_prefix('h');
        if let Some(own) = own.and_then(|it| it.parse::<u8>().ok()) {
            assert!(own <= level + 1, "{text}");
            level = own;
        }
        assert!(element.name != "script" && element.name != "style" && !element.has("style"));
        assert!(
            !element.has("id") || ids.insert(element.get("id")),
            "{element:?}"
        );
        if element.name == "form" {
            assert_eq!(element.get("method"), "post");
        }
    }
    for field in all.iter().filter(|it| it.is_field()) {
        let mut labels = all.iter().filter(|it| it.get("for") == field.get("id"));
        assert!(labels.any(|it| !it.text.trim().is_empty()), "{field:?}");
    }
    assert_eq!(all.iter().filter(|it| it.name == "h1").count(), 1);
    let by_ids = ["aria-describedby", "aria-labelledby", "for"];
    for element in &all {
        let mut named = by_ids
            .iter()
            .flat_map(|key| element.get(key).split_whitespace());
        assert!(named.all(|id| ids.contains(id)), "{element:?}");
    }
    answer
}

/// The element with this id.
#[track_caller]
fn by_id(answer: &Answer, id: &str) -> Element {
    let all = read(&answer.text).unwrap();
    let found = all.into_iter().find(|it| it.get("id") == id);
    found.unwrap_or_else(|| panic!("no {id}: {}", answer.text))
}

/// What the page shows of the answer.
#[track_caller]
fn shown(answer: &Answer) -> Value {
    let all = read(&answer.text).unwrap();
    let pre = &all.iter().find(|it| it.name == "pre").unwrap().text;
    let start = pre.find('{').unwrap_or_else(|| panic!("{pre}"));
    serde_json::from_str(&pre[start..]).unwrap_or_else(|error| panic!("{error}: {pre}"))
}

fn everything(settings: &mut Settings) {
    with_jwt(settings);
    settings.account.logout_on_get = true;
    settings.rest_auth.old_password_field_enabled = true;
}

const PATHS: [&str; 13] = [
    "login/",
    "logout/",
    "user/",
    "password/change/",
    "password/reset/",
    "password/reset/confirm/",
    "token/verify/",
    "token/refresh/",
    "registration/",
    "registration/verify-email/",
    "registration/resend-email/",
    "registration/account-email-verification-sent/",
    "socialaccounts/",
];

async fn every_address_has_a_page_in_every_method(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let mut ann = Person::of(&app);
    assert_eq!(ann.register("ann").await.status, 201);
    ann.0.headers.remove("authorization");
    for signed_in in [false, true] {
        for path in PATHS.iter().chain(&[""]) {
            let mut person = Person::of(&app);
            if signed_in {
                let fields = [("login", "ann"), ("password", PASSWORD)];
                let answer = person.0.fill("/accounts/login/", &fields).await;
                assert_eq!(answer.status, 302, "{}", answer.text);
            }
            for method in ["GET", "OPTIONS", "PUT", "PATCH", "DELETE", "POST"] {
                let answer = match method {
                    "GET" => person.open(path).await,
                    method => person.send(method, path, &[]).await,
                };
                let about = format!("{method} {path} {signed_in}: {}", answer.text);
                assert!(answer.status.as_u16() < 500, "{about}");
                assert_eq!(
                    answer.header("content-type"),
                    "text/html; charset=utf-8",
                    "{about}"
                );
                assert!(
                    answer.text.contains(&format!("<strong>{method} ")),
                    "{about}"
                );
                let allow = answer.header("allow");
                assert!(
                    answer.text.contains(&format!("\nAllow: {allow}\n")),
                    "{about}"
                );
                let known = allow.split(", ").any(|known| known == method);
                let lacking = answer.status == 405;
                assert!(
                    known != lacking || answer.status == 401 || path.starts_with("logout"),
                    "{about}"
                );
                // Whoever looks finds the form, whatever the answer was; a stranger none that is refused anyway.
                let sends = allow.contains("POST") || allow.contains("PUT");
                let refused = answer.text.contains("This address wants to know who asks.");
                assert!(!refused || !signed_in, "{about}");
                let has_form = answer.text.contains("<h2 id=\"hp-send\">");
                assert_eq!(has_form, sends && !refused, "{about}");
            }
        }
    }
}

async fn an_accounts_life_by_forms_alone(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut ann = Person::of(&app);
    let answer = ann.register("ann").await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(shown(&answer)["key"].as_str().map(str::len), Some(40));
    app.letter().await;
    let mut ann = Person::of(&app);
    let wrong = [("username", "ann"), ("password", "wrong")];
    let answer = ann.send("POST", "login/", &wrong).await;
    assert_eq!(answer.status, 400);
    let alert = by_id(&answer, "hp-summary");
    assert_eq!(alert.get("role"), "alert");
    assert!(alert.text.contains("Unable to log in"), "{}", alert.text);
    assert_eq!(by_id(&answer, "id_username").get("value"), "ann");

    let right = [("username", "ann"), ("password", PASSWORD)];
    let answer = ann.send("POST", "login/", &right).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(shown(&answer)["key"].is_string());
    assert!(
        answer.text.contains("Signed in as <bdi>ann</bdi>"),
        "{}",
        answer.text
    );
    // The page that came of it has the token of the new session: its form can be sent at once.
    let token = answer.csrf_token().unwrap().to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("_method", "OPTIONS"),
    ];
    assert_eq!(ann.0.post("/dj-rest-auth/user/", &fields).await.status, 200);

    let page = ann.open("user/").await;
    assert_eq!(by_id(&page, "id_username").get("value"), "ann");
    let put = [
        ("username", "anna"),
        ("first_name", "Ann"),
        ("last_name", "Bee"),
    ];
    let answer = ann.send("PUT", "user/", &put).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(shown(&answer)["first_name"], "Ann");
    assert_eq!(by_id(&answer, "id_last_name").get("value"), "Bee");
    let answer = ann.send("PATCH", "user/", &[("first_name", "Anne")]).await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("Anne"))
    );
    assert_eq!(shown(&answer)["username"], "anna");
    let id = hallpass::domain::UserId::from_int(1);
    assert_eq!(app.look_up(id).await.first_name, "Anne");

    let answer = ann
        .send("PUT", "user/", &[("first_name", &"x".repeat(151))])
        .await;
    assert_eq!(answer.status, 400);
    let name = by_id(&answer, "id_username");
    assert_eq!(
        name.get("aria-describedby"),
        "id_username-help id_username-error"
    );
    assert!(
        by_id(&answer, "id_username-error")
            .text
            .contains("This field is required.")
    );
    assert!(
        by_id(&answer, "id_first_name-error")
            .text
            .contains("no more than 150")
    );
    assert_eq!(by_id(&answer, "id_first_name").get("value").len(), 151);
    assert!(
        answer.text.contains("<title>Error: User Details"),
        "{}",
        answer.text
    );

    let new = "another-horse-7";
    let fields = [("new_password1", new), ("new_password2", new)];
    let answer = ann.send("POST", "password/change/", &fields).await;
    assert_eq!(shown(&answer)["detail"], "New password has been saved.");
    assert!(!answer.text.contains(new));
    let answer = ann.send("POST", "logout/", &[]).await;
    assert_eq!(shown(&answer)["detail"], "Successfully logged out.");
    assert!(answer.text.contains(">Sign in</a>"), "{}", answer.text);
    assert_eq!(ann.open("user/").await.status, 401);
    let right = [("username", "anna"), ("password", new)];
    assert_eq!(ann.send("POST", "login/", &right).await.status, 200);
    app.no_other_letter_was_sent().await;
}

async fn raw_data_does_what_a_program_does(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    let (json, form) = ("application/json", FORM);
    let page = ann.open("user/").await;
    let example = by_id(&page, "id__content").text;
    let example: Value = serde_json::from_str(&example).unwrap();
    assert_eq!(
        example,
        json!({ "username": "ann", "first_name": "", "last_name": "" })
    );
    let answer = ann
        .raw("PATCH", "user/", json, r#"{"first_name": "Ann"}"#)
        .await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("Ann"))
    );
    let answer = ann
        .raw("PUT", "user/", form, "username=ann&last_name=B%20C")
        .await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["last_name"]),
        (200, &json!("B C"))
    );
    assert_eq!(shown(&answer)["first_name"], "Ann");
    let answer = ann
        .raw("PATCH", "user/", json, "{\"first_name\": [],\r\n}")
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        by_id(&answer, "hp-summary")
            .text
            .contains("JSON parse error")
    );
    assert!(
        by_id(&answer, "id__content")
            .text
            .contains("{\"first_name\": [], }")
    );
    let answer = ann
        .raw("PATCH", "user/", json, r#"{"first_name": []}"#)
        .await;
    assert_eq!(answer.status, 400);
    let said = by_id(&answer, "hp-summary").text;
    assert!(said.contains("First name: Not a valid string."), "{said}");
    // The whole is told of at the top, for the fields below are not what was sent.
    assert!(!by_id(&answer, "id_first_name").has("aria-invalid"));
    let answer = ann.raw("PATCH", "user/", "text/plain", "x").await;
    assert_eq!(answer.status, 415);
    // A body in the body has none of its own.
    let nested = "_method=DELETE&_content_type=application/json&_content={}&first_name=N";
    let answer = ann.raw("PATCH", "user/", form, nested).await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("N"))
    );
    let login = json!({ "username": "ann", "password": PASSWORD }).to_string();
    let answer = ann.raw("POST", "login/", json, &login).await;
    assert!(shown(&answer)["key"].is_string(), "{}", answer.text);
}

async fn what_was_typed_is_there_again_but_for_passwords(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.rest_auth.old_password_field_enabled = true;
    })
    .await;
    let mut ann = Person::of(&app);
    let secret = "s3cret-of-ann";
    let typed = [
        ("username", "ann"),
        ("email", "nope"),
        ("password1", secret),
        ("password2", secret),
    ];
    let answer = ann.send("POST", "registration/", &typed).await;
    assert_eq!(answer.status, 400);
    assert_eq!(by_id(&answer, "id_username").get("value"), "ann");
    assert_eq!(by_id(&answer, "id_email").get("value"), "nope");
    assert!(!by_id(&answer, "id_password1").has("value"));
    assert!(!answer.text.contains(secret));
    let sent = json!({ "username": "ann", "email": "nope", "password1": secret, "password2": [secret], "pasword": secret });
    let answer = ann
        .raw(
            "POST",
            "registration/",
            "application/json",
            &sent.to_string(),
        )
        .await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text.contains(secret), "{}", answer.text);
    let kept: Value = serde_json::from_str(&by_id(&answer, "id__content").text).unwrap();
    assert_eq!(
        kept,
        json!({ "username": "ann", "email": "nope", "password1": "", "password2": "" })
    );
    for broken in [
        format!("{{\"password1\": \"{secret}\""),
        format!("password1={secret}"),
    ] {
        for path in ["registration/", "password/reset/"] {
            let answer = ann.raw("POST", path, "application/json", &broken).await;
            assert_eq!(answer.status, 400);
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
    ann.register("ann").await;
    let typed = [
        ("old_password", secret),
        ("new_password1", secret),
        ("new_password2", "x"),
    ];
    let answer = ann.send("POST", "password/change/", &typed).await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text.contains(secret), "{}", answer.text);
    let hints = [
        ("id_old_password", "current-password"),
        ("id_new_password1", "new-password"),
    ];
    for (id, wanted) in hints {
        let field = by_id(&answer, id);
        assert_eq!(
            (field.get("type"), field.get("autocomplete")),
            ("password", wanted)
        );
    }
    // What another site typed is not kept for anybody to send.
    let mut victim = Person::of(&app);
    victim
        .0
        .headers
        .insert("origin", "https://evil.example".to_owned());
    let answer = victim
        .send("POST", "registration/", &[("username", "mallory")])
        .await;
    assert_eq!(answer.status, 400);
    assert!(!answer.text.contains("mallory"), "{}", answer.text);
}

async fn the_mount_lists_the_addresses(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let mut program = Program::of(&app);
    for path in ["", "?format=json"] {
        let (status, list) = program.get(path).await;
        assert_eq!(status, 200);
        let list = list.as_object().unwrap();
        let urls: Vec<&str> = list.values().map(|url| url.as_str().unwrap()).collect();
        let mut wanted = PATHS.map(|path| format!("{MOUNT}{path}"));
        let mut sorted = urls.clone();
        sorted.sort_unstable();
        wanted.sort();
        assert_eq!(sorted, wanted);
        assert!(list.keys().all(|name| !name.contains('/')), "{list:?}");
        assert_eq!(list["rest_login"], "/dj-rest-auth/login/");
    }
    let answer = program.0.get("/dj-rest-auth").await;
    assert_eq!(answer.status, 200);
    assert_eq!(program.post("", json!({})).await.0, 405);
    let mut person = Person::of(&app);
    let page = person.open("").await;
    for path in PATHS {
        assert!(
            page.text.contains(&format!(
                "href=\"{}\"",
                format!("{MOUNT}{path}").replace('/', "&#x2f;")
            )),
            "{path}: {}",
            page.text
        );
    }
    // The way back, over what stands between.
    let page = person.open("registration/verify-email/").await;
    let all = read(&page.text).unwrap();
    let nav = all.iter().find(|it| it.name == "nav").unwrap();
    let words: Vec<&str> = nav.text.split_whitespace().collect();
    assert_eq!(words.join(" "), "REST interface Register Verify Email");
    let here = all.iter().find(|it| it.has("aria-current")).unwrap();
    assert_eq!(here.text, "Verify Email");
    // Where a page of ours answers already, it goes on to.
    for (mount, status) in [("/accounts/profile/", 302), ("/", 200)] {
        let app = TestApp::with(TestDb::sqlite().await, |settings| {
            settings.hallpass.rest_mount = Some(mount.to_owned());
        })
        .await;
        let mut person = Person::of(&app);
        let page = person.0.get(mount).await;
        assert_eq!(page.status, status, "{mount}");
        assert!(!page.text.contains("REST interface"), "{}", page.text);
        let page = person
            .0
            .get(&format!("{mount}password/reset/confirm/"))
            .await;
        assert_eq!(page.status, 405, "{mount}");
        assert!(page.text.contains("<h1>Password Reset Confirm</h1>"));
    }
}

async fn without_pages_there_is_json_alone(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.rest_framework.default_renderer_classes = vec![Renderer::Json];
    })
    .await;
    let mut person = Person::of(&app);
    let answer = person.open("login/").await;
    assert_eq!(answer.header("content-type"), "application/json");
    person.0.headers.insert("accept", "text/html".to_owned());
    let answer = person.open("login/").await;
    assert_eq!(answer.status, 406);
    assert_eq!(answer.header("content-type"), "application/json");
    let mut program = Program::of(&app);
    let (status, _) = program.get("login/?format=api").await;
    assert_eq!(status, 404);
    let (_, told) = program.send("OPTIONS", "login/", &Value::Null).await;
    assert_eq!(told["renders"], json!(["application/json"]));
    // Nor does a form stand for more than it is.
    person.0.headers.insert("accept", ACCEPT.to_owned());
    let fields = [("_method", "OPTIONS"), ("username", "ann")];
    let answer = person.0.post("/dj-rest-auth/login/", &fields).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

async fn who_is_refused_is_told_where_to_sign_in(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut ann = Person::of(&app);
    let answer = ann.open("user/").await;
    assert_eq!(answer.status, 401);
    let link = "&#x2f;accounts&#x2f;login&#x2f;?next=%2Fdj-rest-auth%2Fuser%2F";
    assert_eq!(answer.text.matches(link).count(), 2, "{}", answer.text);
    assert!(
        !answer.text.contains("id_username"),
        "no form that is refused anyway"
    );
    ann.register("ann").await;
    let mut ann = Person::of(&app);
    let fields = [("login", "ann"), ("password", PASSWORD)];
    let path = "/accounts/login/?next=%2Fdj-rest-auth%2Fuser%2F";
    let answer = ann.0.fill(path, &fields).await;
    assert_eq!(answer.location(), "/dj-rest-auth/user/", "{}", answer.text);
    let answer = ann.open("user/").await;
    assert!(answer.text.contains("Signed in as <bdi>ann</bdi>"));
    assert!(
        answer
            .text
            .contains("&#x2f;accounts&#x2f;logout&#x2f;?next=%2Fdj-rest-auth%2Fuser%2F")
    );
    // A key that is none.
    let mut stranger = Person::of(&app);
    stranger
        .0
        .headers
        .insert("authorization", "Token x".to_owned());
    let answer = stranger.open("user/").await;
    assert!(
        answer.text.contains("WWW-Authenticate: Token"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("Invalid token."));
}

async fn an_answer_without_content_has_a_page(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.rest_auth.token_model = None;
    })
    .await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    let mut ann = Person::of(&app);
    let fields = [("username", "ann"), ("password", PASSWORD)];
    let answer = ann.send("POST", "login/", &fields).await;
    // A browser stays where it is at a 204.
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.contains("HTTP 204 No Content"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("Signed in as <bdi>ann</bdi>"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("Content-Type"), "{}", answer.text);
}

async fn the_secret_may_live_in_the_session(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.csrf.use_sessions = true).await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    let mut ann = Person::of(&app);
    let fields = [("username", "ann"), ("password", PASSWORD)];
    assert_eq!(ann.send("POST", "login/", &fields).await.status, 200);
    let answer = ann.send("PATCH", "user/", &[("first_name", "Ann")]).await;
    assert_eq!(shown(&answer)["first_name"], "Ann", "{}", answer.text);
    assert!(!ann.0.cookies.contains_key("csrftoken"));
    let fields = [("_method", "PATCH"), ("first_name", "M")];
    let answer = ann.0.post("/dj-rest-auth/user/", &fields).await;
    assert_eq!(answer.status, 403);
}

/// What a browser sends of the page's form, if nobody touches it.
fn untouched(answer: &Answer) -> Vec<(String, String)> {
    let all = read(&answer.text).unwrap();
    let is_form = |it: &Element| it.name == "form" && it.get("class") == "hp-form";
    let form = all.iter().position(is_form).unwrap();
    let inside = |it: &&Element| it.inside.contains(&form);
    let mut sent = Vec::new();
    for element in all.iter().filter(inside) {
        let value = match (element.name.as_str(), element.get("type")) {
            ("input", "checkbox") if !element.has("checked") => continue,
            ("input", "checkbox") => "on",
            ("input", _) => element.get("value"),
            ("textarea", _) => {
                // As it stands there, and not as it is read out.
                let (_, rest) = answer.text.split_once("id=\"id_about\"").unwrap();
                let (_, rest) = rest.split_once(">\n").unwrap();
                rest.split_once("</textarea>").unwrap().0
            }
            ("option", _) if element.has("selected") => {
                let select = element.inside.last().unwrap();
                sent.push((
                    all[*select].get("name").to_owned(),
                    element.get("value").to_owned(),
                ));
                continue;
            }
            _ => continue,
        };
        sent.push((element.get("name").to_owned(), value.to_owned()));
    }
    sent
}

async fn a_form_that_is_sent_as_it_came_changes_nothing(db: TestDb) {
    let loaded = hallpass::settings::load(Some(("hallpass.toml", KINDS)), []).unwrap();
    let app = TestApp::with(db, |settings| {
        settings.hallpass.user_fields = loaded.settings.hallpass.user_fields;
    })
    .await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    let full = json!({ "order": 7, "born": "1999-12-31", "news": true, "about": "Two\nlines", "size": "m" });
    let empty = json!({ "order": null, "born": null, "news": false, "about": "", "size": "" });
    for own in [full, empty] {
        let body = own.to_string();
        let answer = ann.raw("PATCH", "user/", "application/json", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let before = shown(&answer);
        // Also from a page that answered something else.
        let answer = ann.send("OPTIONS", "user/", &[]).await;
        let mut sent = untouched(&answer);
        sent.push(("_method".to_owned(), "PUT".to_owned()));
        let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = checked(ann.0.post("/dj-rest-auth/user/", &sent).await);
        assert_eq!(answer.status, 200, "{sent:?} {}", answer.text);
        assert_eq!(shown(&answer), before);
    }
    // What is ticked may be unticked.
    ann.raw("PATCH", "user/", "application/json", "{\"news\": true}")
        .await;
    let page = ann.open("user/").await;
    let mut sent = untouched(&page);
    assert!(sent.contains(&("news".to_owned(), "on".to_owned())));
    sent.retain(|pair| pair.1 != "on");
    sent.push(("_method".to_owned(), "PATCH".to_owned()));
    let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = ann.0.post("/dj-rest-auth/user/", &sent).await;
    assert_eq!(shown(&answer)["news"], false, "{}", answer.text);
}
