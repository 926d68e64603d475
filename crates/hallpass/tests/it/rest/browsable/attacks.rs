//! The pages of the interface against strangers: what they typed, what they make a browser send.

use axum::body::Body;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::json;

use super::super::markup::{Element, read};
use super::super::tokens::{Program, with_jwt, without_session};
use super::{ACCEPT, FORM, PASSWORD, Person, by_id, shown};

each_database!(
    what_strangers_typed_stays_text,
    a_page_of_another_site_gains_nothing,
    a_page_of_another_site_changes_no_cookie,
    nothing_of_this_happens_to_programs,
    a_form_is_no_way_around_limits_and_methods,
);

async fn what_strangers_typed_stays_text(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    for hostile in [
        "<script>alert(1)</script>",
        "\"onmouseover=\"x\" '",
        "</pre></textarea><img src=x>",
        "{{ csrf_token }}{% raw %}",
        "javascript:alert(1)",
        "https://example.com/\"><b>",
        "https://x.example/<script>",
    ] {
        let raw = json!({ "first_name": hostile }).to_string();
        let answers = [
            ann.send("PATCH", "user/", &[("first_name", hostile)]).await,
            ann.open("user/").await,
            ann.raw("PATCH", "user/", "application/json", &raw).await,
            ann.send("PUT", "user/", &[("username", ""), ("first_name", hostile)])
                .await,
        ];
        for answer in answers {
            let all = read(&answer.text).unwrap();
            let odd = |it: &Element| {
                it.name == "script" || it.name == "img" || it.name == "b" || it.has("onmouseover")
            };
            assert!(!all.iter().any(odd), "{}", answer.text);
            let links = all.iter().filter(|it| it.name == "a");
            for link in links {
                let to = link.get("href");
                let good = [
                    "/",
                    "#",
                    "https://example.com/",
                    "https://x.example/",
                    "mailto:ann@example.com",
                ];
                assert!(
                    good.iter()
                        .any(|good| to == *good || good.len() == 1 && to.starts_with(good)),
                    "{to}"
                );
            }
            assert_eq!(by_id(&answer, "id_first_name").get("value"), hostile.trim());
        }
    }
    let answer = ann.open("login/?format=api&next=%22%3E%3Cscript%3E").await;
    assert!(!answer.text.contains("<script>"));
    // Nor does an address that there is not.
    let answer = ann.open("%22%3E%3Cb%3E/\"'/{{x}}/").await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert!(!answer.text.contains("OPTIONS"), "{}", answer.text);
    let all = read(&answer.text).unwrap();
    assert!(all.iter().all(|it| it.name != "b"), "{}", answer.text);
}

/// What a form of another site could send, with all cookies of the visitor.
fn forged(origin: Option<&str>, person: &Person) -> Browser {
    let mut browser = person.0.clone();
    match origin {
        Some(origin) => browser.headers.insert("origin", origin.to_owned()),
        None => browser.headers.remove("origin"),
    };
    browser
}

async fn a_page_of_another_site_gains_nothing(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        with_jwt(settings);
        settings.rest_auth.jwt_auth_cookie = Some("access".to_owned());
        settings.rest_auth.jwt_auth_cookie_use_csrf = false;
        settings.rest_auth.session_login = true;
    })
    .await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    let login = [("username", "ann"), ("password", PASSWORD)];
    let answer = ann.send("POST", "login/", &login).await;
    assert_eq!(answer.status, 200);
    assert!(ann.0.cookies.contains_key("access"));
    let mut only_token = Person::of(&app);
    only_token
        .0
        .cookies
        .insert("access".to_owned(), ann.0.cookies["access"].clone());
    let mut by_header = Person::of(&app);
    let bearer = format!("Bearer {}", ann.0.cookies["access"]);
    by_header.0.headers.insert("authorization", bearer);
    let mut by_session = ann.0.clone();
    by_session.cookies.remove("access");
    for person in [ann, only_token, by_header, Person(by_session)] {
        let token = person.0.clone().get("/dj-rest-auth/user/").await;
        assert_eq!(token.status, 200);
        let token = token.csrf_token().unwrap().to_owned();
        for origin in [Some("https://evil.example"), Some("null"), None] {
            // A stranger knows no token; and one with another's token is refused for its origin.
            for token in ["", "x", token.as_str()] {
                if origin.is_none() && token.len() > 1 {
                    continue;
                }
                for fields in [
                    vec![("_method", "PATCH"), ("first_name", "Mallory")],
                    vec![("_method", "PUT"), ("username", "mallory")],
                    vec![("_method", "OPTIONS")],
                    vec![
                        ("_method", "PATCH"),
                        ("_content_type", "application/json"),
                        ("_content", "{\"first_name\": \"M\"}"),
                    ],
                    vec![("_content_type", "application/json"), ("_content", "{}")],
                ] {
                    let mut fields = fields;
                    fields.push(("csrfmiddlewaretoken", token));
                    let mut browser = forged(origin, &person);
                    let answer = browser.post("/dj-rest-auth/user/", &fields).await;
                    assert_eq!(answer.status, 403, "{origin:?} {fields:?} {}", answer.text);
                    assert!(answer.text.contains("CSRF Failed"), "{}", answer.text);
                    assert!(!answer.text.contains("allory"), "{}", answer.text);
                }
            }
        }
        // A token without its cookie is none.
        let mut browser = person.0.clone();
        browser.cookies.remove("csrftoken");
        let fields = [
            ("_method", "PATCH"),
            ("csrfmiddlewaretoken", token.as_str()),
        ];
        assert_eq!(
            browser.post("/dj-rest-auth/user/", &fields).await.status,
            403
        );
    }
    let user = app.look_up(hallpass::domain::UserId::from_int(1)).await;
    assert_eq!(
        (user.username.as_str(), user.first_name.as_str()),
        ("ann", "")
    );
}

/// Browsers send such a form without cookies, and would take new ones in the place of those that they have.
async fn a_page_of_another_site_changes_no_cookie(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.csrf.use_sessions = true).await;
    for (origin, forms) in [("https://evil.example", false), ("http://localhost", true)] {
        let mut browser = app.browser();
        browser.headers.insert("accept", ACCEPT.to_owned());
        browser.headers.insert("origin", origin.to_owned());
        for path in ["login/", "password/reset/", "user/", ""] {
            let path = format!("/dj-rest-auth/{path}");
            let answer = browser.post(&path, &[("username", "x")]).await;
            assert_eq!(
                answer.csrf_token().is_some(),
                forms,
                "{path} {}",
                answer.text
            );
            assert_eq!(browser.cookies.is_empty(), !forms, "{path}");
        }
    }
}

async fn nothing_of_this_happens_to_programs(db: TestDb) {
    let app = TestApp::with(db, without_session).await;
    let body = json!({ "username": "ann", "email": "ann@example.com", "password1": PASSWORD, "password2": PASSWORD,
        "_method": "OPTIONS", "_content_type": "application/json", "_content": "{}" });
    let mut program = Program::of(&app);
    let (status, made) = program.post("registration/", body).await;
    assert_eq!(status, 201, "{made}");
    program.authorize(format!("Token {}", made["key"].as_str().unwrap()));
    // A form, whose answer is to be JSON.
    let form = "username=ann&password=correct-horse-9-battery&_method=PUT&_content_type=application/json&_content={}";
    for accept in ["application/json", "*/*"] {
        program.0.headers.insert("accept", accept.to_owned());
        let body = Body::from(form);
        let answer = program
            .0
            .send("POST", "/dj-rest-auth/login/", body, Some(FORM))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("\"key\""), "{}", answer.text);
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert!(cookies.is_empty(), "{cookies:?}");
    }
    // JSON, whose answer is to be a page.
    program.0.headers.insert("accept", ACCEPT.to_owned());
    let body = json!({ "first_name": "Ann", "_method": "DELETE", "_content_type": FORM, "_content": "first_name=M" });
    let (answer, _) = program.send("PATCH", "user/", &body).await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("Ann"))
    );
    let (answer, _) = program
        .send("POST", "user/", &json!({ "_method": "PATCH" }))
        .await;
    assert_eq!(answer.status, 405);
    // Nor to a form that is no POST.
    let form = "first_name=Bea&_method=DELETE";
    let body = Body::from(form);
    let answer = program
        .0
        .send("PATCH", "/dj-rest-auth/user/", body, Some(FORM))
        .await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("Bea"))
    );
}

async fn a_form_is_no_way_around_limits_and_methods(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.general.data_upload_max_memory_size = 10_000;
    })
    .await;
    let mut ann = Person::of(&app);
    ann.register("ann").await;
    for (method, path) in [
        ("PUT", "login/"),
        ("DELETE", "user/"),
        ("PATCH", "logout/"),
        ("PUT", ""),
    ] {
        let answer = ann.send(method, path, &[]).await;
        assert_eq!(answer.status, 405);
        let words = format!("Method \"{method}\" not allowed.");
        assert_eq!(shown(&answer)["detail"], words);
    }
    for method in ["GET", "HEAD", "TRACE", "put", "<b>", " PUT"] {
        let answer = ann.send(method, "user/", &[("first_name", "x")]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(!answer.text.contains("<b>"));
    }
    let huge = format!("{{\"first_name\": \"{}\"}}", "x".repeat(10_000));
    let answer = ann.raw("PATCH", "user/", "application/json", &huge).await;
    assert_eq!(answer.status, 413);
    let deep = "[".repeat(3000);
    let answer = ann.raw("PATCH", "user/", "application/json", &deep).await;
    assert_eq!(answer.status, 400);
    let page = ann.open("user/").await;
    let token = page.csrf_token().unwrap();
    let parts = format!(
        "--x\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\n{token}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"_method\"\r\n\r\nPATCH\r\n--x\r\n\
         Content-Disposition: form-data; name=\"first_name\"\r\n\r\nAnn\r\n--x--\r\n"
    );
    let kind = Some("multipart/form-data; boundary=x");
    let answer = ann
        .0
        .send("POST", "/dj-rest-auth/user/", Body::from(parts), kind)
        .await;
    assert_eq!(
        (answer.status.as_u16(), &shown(&answer)["first_name"]),
        (200, &json!("Ann"))
    );
}
