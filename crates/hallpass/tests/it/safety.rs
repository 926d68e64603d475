//! What stands around every page.

use axum::body::Body;
use hallpass::settings::SameSite;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_form_without_its_token_is_refused,
    a_form_from_elsewhere_is_refused,
    a_foreign_host_gets_nothing,
    every_answer_is_hardened,
    errors_are_pages_with_the_requests_id,
    the_secret_may_live_in_the_session,
    cookies_have_the_attributes_of_the_settings,
    behind_a_proxy_links_and_limits_see_the_client,
    plain_http_is_sent_to_https_if_asked,
);

const ASK: &str = "/accounts/login/link/";

async fn a_form_without_its_token_is_refused(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = app.browser();
    assert_eq!(
        browser.post(ASK, &[("email", "a@b.cc")]).await.status,
        403,
        "no cookie"
    );
    let token = browser.get(ASK).await.csrf_token().unwrap().to_owned();
    assert_eq!(
        browser.post(ASK, &[("email", "a@b.cc")]).await.status,
        403,
        "no token"
    );
    let wrong = "x".repeat(64);
    assert_eq!(
        browser
            .post(ASK, &[("csrfmiddlewaretoken", &wrong), ("email", "a@b.cc")])
            .await
            .status,
        403
    );
    let mut other = app.browser();
    other.get(ASK).await;
    assert_eq!(
        other
            .post(ASK, &[("csrfmiddlewaretoken", &token)])
            .await
            .status,
        403,
        "somebody else's"
    );
    for (method, status) in [("POST", 302), ("PUT", 403), ("DELETE", 403), ("PATCH", 403)] {
        let body = format!("csrfmiddlewaretoken={token}&email=a%40b.cc");
        let answer = browser
            .send(
                method,
                ASK,
                Body::from(body),
                Some("application/x-www-form-urlencoded"),
            )
            .await;
        assert_eq!(answer.status, status, "{method}");
    }
    let boundary = "--b\r\nContent-Disposition: form-data; name=\"NAME\"\r\n\r\nVALUE\r\n";
    let part = |name, value: &str| boundary.replace("NAME", name).replace("VALUE", value);
    let parts = [part("csrfmiddlewaretoken", &token), part("email", "a@b.cc")];
    let body = parts.concat() + "--b--\r\n";
    let multipart = browser
        .send(
            "POST",
            ASK,
            Body::from(body),
            Some("multipart/form-data; boundary=b"),
        )
        .await;
    assert_eq!(multipart.status, 302);
    browser.headers.insert("x-csrftoken", token);
    assert_eq!(
        browser.post(ASK, &[("email", "a@b.cc")]).await.status,
        302,
        "by header"
    );
}

async fn a_form_from_elsewhere_is_refused(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.csrf.trusted_origins = vec!["https://app.example".to_owned()]
    })
    .await;
    let mut browser = app.browser();
    for (origin, status) in [
        ("http://localhost", 302),
        ("https://app.example", 302),
        ("https://evil.example", 403),
        ("null", 403),
        ("https://localhost", 403),
    ] {
        browser.headers.insert("origin", origin.to_owned());
        assert_eq!(
            browser.fill(ASK, &[("email", "a@b.cc")]).await.status,
            status,
            "{origin}"
        );
    }
}

async fn a_foreign_host_gets_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    let token = browser.get(ASK).await.csrf_token().unwrap().to_owned();
    for host in [
        "evil.example",
        "localhost.evil.example",
        "localhost:80@evil.example",
        "",
        "a b",
    ] {
        browser.headers.insert("host", host.to_owned());
        browser
            .headers
            .insert("x-forwarded-host", "localhost".to_owned());
        let answer = browser
            .post(
                ASK,
                &[
                    ("csrfmiddlewaretoken", &token),
                    ("email", "ann@example.com"),
                ],
            )
            .await;
        assert_eq!(answer.status, 400, "{host}");
    }
    app.no_other_letter_was_sent().await;
}

async fn every_answer_is_hardened(db: TestDb) {
    let app = TestApp::new(db).await;
    for path in [
        ASK,
        "/",
        "/nothing",
        "/accounts/profile/",
        "/accounts/static/none.css",
        "/accounts/login/link/x/y/",
    ] {
        let answer = app.browser().get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(
            !answer.text.contains("<script") && !answer.text.contains(" style="),
            "{path}"
        );
    }
    let page = app.browser().get(ASK).await;
    let (_, rest) = page.text.split_once("stylesheet\" href=\"").unwrap();
    let sheet = app
        .browser()
        .get(&rest.split('"').next().unwrap().replace("&#x2f;", "/"))
        .await;
    assert_eq!(
        (sheet.status.as_u16(), sheet.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    assert!(sheet.header("cache-control").contains("immutable") && sheet.text.len() < 12_288);
}

async fn errors_are_pages_with_the_requests_id(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = app.browser();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("DELETE", "/accounts/static/x", 405),
        ("POST", ASK, 403),
        ("GET", "/accounts/static/x", 404),
    ] {
        let answer = browser.send(method, path, Body::empty(), None).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let id = answer.header("x-request-id").to_owned();
        assert!(
            id.len() == 16 && answer.text.contains(&id) && answer.text.contains("<h1"),
            "{path}"
        );
    }
    app.sql("ALTER TABLE auth_user RENAME TO gone").await;
    app.sql("ALTER TABLE account_emailaddress RENAME TO gone_too")
        .await;
    let broken = browser.fill(ASK, &[("email", "ann@example.com")]).await;
    assert_eq!(broken.status, 500);
    assert!(
        !broken.text.contains("auth_user") && !broken.text.contains("account_email"),
        "{}",
        broken.text
    );
}

async fn the_secret_may_live_in_the_session(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.csrf.use_sessions = true).await;
    let mut browser = app.browser();
    assert_eq!(browser.fill(ASK, &[("email", "a@b.cc")]).await.status, 302);
    assert!(!browser.cookies.contains_key("csrftoken"));
    assert_eq!(browser.post(ASK, &[("email", "a@b.cc")]).await.status, 403);
}

async fn cookies_have_the_attributes_of_the_settings(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.csrf.cookie_secure = true;
        settings.csrf.cookie_httponly = true;
        settings.csrf.cookie_samesite = SameSite::Strict;
        settings.csrf.cookie_domain = Some("example.com".to_owned());
        settings.csrf.cookie_name = "c".to_owned();
    })
    .await;
    let answer = app.browser().get(ASK).await;
    let cookie = answer.header("set-cookie");
    for part in [
        "c=",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "Domain=example.com",
        "Path=/",
        "Max-Age=31449600",
    ] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
}

async fn behind_a_proxy_links_and_limits_see_the_client(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.general.allowed_hosts = vec!["accounts.example.com".to_owned()];
        settings.security.use_x_forwarded_host = true;
        settings.security.secure_proxy_ssl_header =
            Some(("HTTP_X_FORWARDED_PROTO".to_owned(), "https".to_owned()));
        settings.security.secure_hsts_seconds = 3600;
        settings.allauth.trusted_proxy_count = 1;
    })
    .await;
    app.user("ann", "ann@example.com").await;
    let mut browser = app.browser();
    browser
        .headers
        .insert("x-forwarded-host", "accounts.example.com".to_owned());
    browser
        .headers
        .insert("x-forwarded-proto", "https".to_owned());
    browser
        .headers
        .insert("x-forwarded-for", "6.6.6.6, 203.0.113.9".to_owned());
    browser.headers.insert(
        "referer",
        "https://accounts.example.com/accounts/login/link/".to_owned(),
    );
    let answer = browser.fill(ASK, &[("email", "ann@example.com")]).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.header("strict-transport-security")
        ),
        (302, "max-age=3600")
    );
    let letter = app.letter().await;
    assert!(
        letter
            .text
            .contains("https://accounts.example.com/accounts/login/link/"),
        "{}",
        letter.text
    );
    assert!(letter.text.contains("203.0.113.9") && !letter.text.contains("6.6.6.6"));
    browser.headers.remove("x-forwarded-for");
    assert_eq!(
        browser.get(ASK).await.status,
        403,
        "whoever came past the proxy"
    );
}

async fn plain_http_is_sent_to_https_if_asked(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.security.secure_ssl_redirect = true).await;
    let answer = app.browser().get("/accounts/login/link/?next=/a").await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (301, "https://localhost/accounts/login/link/?next=/a")
    );
}
