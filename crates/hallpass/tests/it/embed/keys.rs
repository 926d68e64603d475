//! Keys and tokens of the REST interface on an app's own routes.

use axum::body::Body;
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::with;

each_database!(keys_and_tokens_are_good_here_too);

async fn keys_and_tokens_are_good_here_too(db: TestDb) {
    TestApp::new(db.shared())
        .await
        .user_with("ann", "", "md5$salt$not-one")
        .await;
    for jwt in [false, true] {
        let app = with(db.shared(), |settings| {
            settings.rest_auth.use_jwt = jwt;
            settings.rest_auth.jwt_auth_cookie = Some("my-token".to_owned());
        })
        .await;
        let body = serde_json::json!({
            "username": format!("bob{jwt}"), "email": format!("bob{jwt}@example.com"),
            "password1": "correct-horse-9", "password2": "correct-horse-9",
        });
        let mut program = app.browser();
        let given = program
            .send(
                "POST",
                "/dj-rest-auth/registration/",
                Body::from(body.to_string()),
                Some("application/json"),
            )
            .await;
        assert_eq!(given.status, 201, "{}", given.text);
        let given: serde_json::Value = serde_json::from_str(&given.text).unwrap();
        let (scheme, name) = if jwt {
            ("Bearer", "access")
        } else {
            ("Token", "key")
        };
        let text = given[name].as_str().unwrap();
        program.cookies.clear();
        program
            .headers
            .insert("authorization", format!("{scheme} {text}"));
        assert_eq!(program.get("/mine/").await.text, format!("bob{jwt}"));
        // A header is put there on purpose: another site's page cannot.
        program
            .headers
            .insert("origin", "https://app.example.org".to_owned());
        assert_eq!(program.post("/mine/", &[]).await.status, 200);
        assert_eq!(
            program.post("/form/", &[("item", "tea")]).await.text,
            format!("tea for bob{jwt}")
        );
        let answer = program.get("/fresh/").await;
        assert!(
            answer.text.contains("reauthentication_required"),
            "{}",
            answer.text
        );
        for wrong in [
            format!("{scheme} x{text}"),
            format!("{scheme} "),
            format!("{scheme} {text} x"),
        ] {
            program.headers.insert("authorization", wrong.clone());
            let answer = program.get("/").await;
            assert_eq!(answer.status, 401, "{wrong}");
            assert!(answer.text.contains("token_not_valid"));
        }
        // Another scheme is somebody else's business.
        program
            .headers
            .insert("authorization", "Basic YTpi".to_owned());
        assert_eq!(program.get("/").await.text, "Shop: nobody");
        if jwt {
            let mut cookie = app.browser();
            cookie
                .cookies
                .insert("my-token".to_owned(), text.to_owned());
            assert_eq!(cookie.get("/mine/").await.text, "bobtrue");
            assert_eq!(
                cookie.post("/form/", &[("item", "tea")]).await.status,
                403,
                "no token"
            );
            cookie
                .headers
                .insert("origin", "https://evil.example".to_owned());
            assert_eq!(cookie.post("/mine/", &[]).await.status, 403);
            cookie.headers.clear();
            cookie.headers.insert("host", "localhost".to_owned());
            // Whatever another scheme says in the header, the cookie is still only a cookie.
            cookie
                .headers
                .insert("authorization", "Basic YTpi".to_owned());
            let posted = cookie.post("/form/", &[("item", "tea")]).await;
            assert_eq!(posted.status, 403);
            cookie.headers.remove("authorization");
            assert_eq!(cookie.post("/out/", &[]).await.text, "out");
            assert!(!cookie.cookies.contains_key("my-token"), "out is out");
            cookie.cookies.insert("my-token".to_owned(), "x".to_owned());
            assert_eq!(cookie.get("/").await.text, "Shop: nobody");
            let fields = [("login", "bobtrue"), ("password", "correct-horse-9")];
            cookie
                .cookies
                .insert("my-token".to_owned(), text.to_owned());
            let entered = cookie.fill("/accounts/login/", &fields).await;
            assert_eq!(entered.status, 302, "{}", entered.text);
            assert_eq!(
                cookie.get("/fresh/").await.text,
                "bobtrue",
                "the session counts"
            );
            cookie.fill("/accounts/logout/", &[]).await;
            assert!(!cookie.cookies.contains_key("my-token"));
        }
    }
}
