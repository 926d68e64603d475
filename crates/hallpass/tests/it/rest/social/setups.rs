//! Which addresses there are, by the apps that there are.

use axum::body::Body;
use hallpass::settings::Secret;
use hallpass_core::flows::social::apps::NewApp;
use hallpass_testkit::social_sites::{CLIENT_ID, CLIENT_SECRET};
use hallpass_testkit::{TestDb, each_database};
use serde_json::{Map, json};

use super::{World, name_of, token};
use crate::rest::tokens::without_session;

each_database!(
    without_an_app_there_is_nothing,
    an_app_in_the_database_is_there_at_once,
    of_several_apps_the_one_that_is_named,
    each_issuer_has_its_address,
    the_mount_lists_those_that_have_apps,
    an_address_has_its_page,
    throttles_count_here_as_well,
);

async fn without_an_app_there_is_nothing(db: TestDb) {
    let world = World::with(db, json!({ "github": {} }), without_session).await;
    let mut ann = world.ann().await;
    for path in ["github/", "gitlab/", "oidc/nowhere/", "oidc/", "nobody/"] {
        for method in ["GET", "POST", "OPTIONS", "PUT"] {
            for path in [path.to_owned(), format!("{path}connect/")] {
                let (answer, body) = ann.send(method, &path, &token(41)).await;
                assert_eq!(answer.status, 404, "{method} {path}");
                assert_eq!(body["detail"], "Not found.");
                assert_eq!(answer.header("allow"), "", "{method} {path}");
            }
        }
    }
    assert!(world.sites.web.asked().is_empty());
}

async fn an_app_in_the_database_is_there_at_once(db: TestDb) {
    let world = World::with(db, json!({ "github": {} }), without_session).await;
    assert_eq!(world.post("github/", token(41)).await.0, 404);
    let app = NewApp {
        provider: "github".to_owned(),
        provider_id: String::new(),
        name: "Octopus".to_owned(),
        client_id: CLIENT_ID.to_owned(),
        secret: Secret::new(CLIENT_SECRET),
        key: Secret::new(""),
        settings: Map::new(),
    };
    let social = world.app.hallpass.social();
    let id = social.add_app(&app).await.unwrap();
    assert_eq!(name_of(&mut world.come(41).await).await, "gh41");
    let (_, told) = world
        .program()
        .send("OPTIONS", "github/", &json!(null))
        .await;
    assert_eq!(told["name"], "Octopus Login");
    let (_, list) = world.program().get("").await;
    assert_eq!(list["github_login"], "/dj-rest-auth/github/");
    social.remove_app(id).await.unwrap();
    assert_eq!(world.post("github/", token(41)).await.0, 404);
}

async fn of_several_apps_the_one_that_is_named(db: TestDb) {
    let app = |id: &str, client: &str| json!({ "provider_id": id, "client_id": client, "secret": CLIENT_SECRET });
    let apps = json!({ "APPS": [app("web", "web-client"), app("phone", CLIENT_ID)] });
    let world = World::with(db, json!({ "google": apps }), without_session).await;
    let sent = |which: Option<&str>| {
        let token = world.sites.google_token(77, world.now());
        let mut body = json!({ "id_token": token });
        if let Some(which) = which {
            body["provider_id"] = which.into();
        }
        body
    };
    let body = sent(Some("web"));
    assert_eq!(world.post("google/", body).await.0, 400);
    let body = sent(None);
    assert_eq!(world.post("google/", body).await.0, 404);
    let body = sent(Some("phone"));
    assert_eq!(world.post("google/", body).await.0, 200);
}

async fn each_issuer_has_its_address(db: TestDb) {
    for (prefix, path) in [("sso", "sso/corp/"), ("", "oidc/corp/")] {
        let world = World::with(db.shared(), json!({}), |settings| {
            without_session(settings);
            settings.socialaccount.openid_connect_url_prefix = prefix.to_owned();
        })
        .await;
        let body = json!({ "id_token": world.sites.issuer_token(78, world.now()) });
        let (status, given) = world.post(path, body).await;
        assert_eq!(status, 200, "{given}");
        let key = given["key"].as_str().unwrap();
        let mut program = world.program();
        program.authorize(format!("Token {key}"));
        let (_, list) = program.get("socialaccounts/").await;
        assert_eq!(list[0]["provider"], "corp");
        let token = world.sites.issuer_token(79, world.now());
        let connect = format!("{path}connect/");
        let (status, _) = program.post(&connect, json!({ "id_token": token })).await;
        assert_eq!(status, 200);
        let (_, index) = program.get("").await;
        let stem = path.trim_end_matches('/').replace('/', "_");
        assert_eq!(
            index[format!("{stem}_login")],
            format!("/dj-rest-auth/{path}"),
            "{index}"
        );
    }
}

async fn the_mount_lists_those_that_have_apps(db: TestDb) {
    let world = World::new(db).await;
    let (_, list) = world.program().get("").await;
    for slug in ["github", "google", "facebook", "twitter"] {
        assert_eq!(
            list[format!("{slug}_login")],
            format!("/dj-rest-auth/{slug}/")
        );
        assert_eq!(
            list[format!("{slug}_connect")],
            format!("/dj-rest-auth/{slug}/connect/")
        );
    }
    assert_eq!(list["social_account_list"], "/dj-rest-auth/socialaccounts/");
    assert!(list.get("gitlab_login").is_none(), "{list}");
}

async fn an_address_has_its_page(db: TestDb) {
    let world = World::with(db, json!({}), |_| {}).await;
    let mut ann = world.app.browser();
    ann.headers.insert("accept", "text/html".to_owned());
    let page = ann.get("/dj-rest-auth/github/").await;
    assert_eq!(page.status, 405);
    assert!(page.text.contains("<h1>GitHub Login</h1>"), "{}", page.text);
    for name in ["access_token", "code", "id_token"] {
        assert!(page.text.contains(&format!("name=\"{name}\"")), "{name}");
    }
    assert!(!page.text.contains("name=\"token_secret\""));
    let token = page.csrf_token().unwrap().to_owned();
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("access_token", "token-41"),
    ];
    let answer = ann.post("/dj-rest-auth/github/", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let page = ann.get("/dj-rest-auth/github/connect/").await;
    assert!(
        page.text.contains("<h1>GitHub Connect</h1>"),
        "{}",
        page.text
    );
    let crumb = "href=\"&#x2f;dj-rest-auth&#x2f;github&#x2f;\"";
    assert!(page.text.contains(crumb), "{}", page.text);
    let page = ann.get("/dj-rest-auth/socialaccounts/").await;
    assert!(page.text.contains("gh41"), "{}", page.text);
    let page = ann.get("/dj-rest-auth/socialaccounts/1/disconnect/").await;
    assert_eq!(page.status, 405);
    let token = page.csrf_token().unwrap().to_owned();
    let answer = ann
        .post(
            "/dj-rest-auth/socialaccounts/1/disconnect/",
            &[("csrfmiddlewaretoken", &token)],
        )
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

async fn throttles_count_here_as_well(db: TestDb) {
    let world = World::with(db, json!({}), |settings| {
        without_session(settings);
        let rates = &mut settings.rest_framework.default_throttle_rates;
        rates.0.push(("dj_rest_auth".to_owned(), 3, 60));
    })
    .await;
    for wanted in [200, 200, 200, 429] {
        let mut program = world.program();
        let path = "/dj-rest-auth/github/";
        let body = Body::from(token(41).to_string());
        let answer = program
            .0
            .send("POST", path, body, Some("application/json"))
            .await;
        assert_eq!(answer.status, wanted, "{}", answer.text);
    }
    // A list is not what anybody guesses by.
    let mut nobody = world.program();
    for _ in 0..5 {
        assert_eq!(nobody.get("socialaccounts/").await.0, 401);
    }
}
