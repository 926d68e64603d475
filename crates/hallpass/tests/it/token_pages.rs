//! Google's button and Facebook's script: a browser brings a token to a page of ours.

use axum::body::Body;
use hallpass::settings::{SameSite, Settings};
use hallpass_testkit::browser::Answer;
use hallpass_testkit::{Browser, SocialSites, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use crate::credentials::{PASSWORD, hash, signed_in};

each_database!(
    googles_button_signs_in,
    one_tap_leads_where_the_page_wanted_and_nowhere_else,
    without_googles_cookie_nothing_happens,
    what_google_posted_is_good_in_one_browser_and_once,
    what_google_posts_connects_nobody,
    what_the_browser_has_is_not_written_over,
    a_strict_session_is_found_again,
    a_script_of_our_own_posts_with_our_token,
    facebooks_script_posts_with_our_token,
    a_token_of_another_app_signs_nobody_in,
    whoever_is_new_and_lacks_something_gets_the_form,
    a_fresh_proof_comes_first_where_it_is_asked_for,
    without_an_app_there_is_nothing,
);

const GOOGLE: &str = "/accounts/google/login/token/";
const FACEBOOK: &str = "/accounts/facebook/login/token/";

struct World {
    app: TestApp,
    sites: SocialSites,
}

impl World {
    async fn new(db: TestDb) -> Self {
        Self::with(db, |_| {}).await
    }

    async fn with(db: TestDb, change: impl FnOnce(&mut Settings)) -> Self {
        let sites = SocialSites::start().await;
        let app = TestApp::with(db, |settings| {
            sites.know(settings, &json!({}));
            change(settings);
        })
        .await;
        World { app, sites }
    }

    fn token(&self, number: u32) -> String {
        self.sites
            .google_token(number, self.app.hallpass.now().seconds())
    }

    /// A browser into which Google put its cookie.
    fn visitor(&self) -> Browser {
        let mut browser = self.app.browser();
        browser
            .cookies
            .insert("g_csrf_token".to_owned(), "g-1".to_owned());
        browser
    }

    /// Google's page has the browser post, with the one cookie that goes along from another site.
    async fn google_posts(&self, browser: &Browser, path: &str, token: &str) -> Answer {
        let mut at_google = browser.clone();
        at_google.cookies.retain(|name, _| name == "g_csrf_token");
        at_google
            .headers
            .insert("origin", "https://accounts.google.com".to_owned());
        let fields = [
            ("credential", token),
            ("g_csrf_token", "g-1"),
            ("select_by", "btn"),
        ];
        let answer = at_google.post(path, &fields).await;
        assert!(answer.headers.get("set-cookie").is_none());
        answer
    }

    /// The same, and the browser goes where it is sent.
    async fn come(&self, browser: &mut Browser, path: &str, token: &str) -> Answer {
        let answer = self.google_posts(browser, path, token).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser.get(answer.location()).await
    }
}

/// Who is signed in.
async fn who(browser: &mut Browser) -> Option<String> {
    let answer = browser.get("/dj-rest-auth/user/").await;
    let user: Value = serde_json::from_str(&answer.text).unwrap();
    user["email"].as_str().map(str::to_owned)
}

/// Posts with the token of a page of ours.
async fn post_ours(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/accounts/3rdparty/login/error/").await;
    let token = browser.cookies.get("csrftoken").cloned();
    let token = page.csrf_token().map(str::to_owned).or(token).unwrap();
    let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
    all.extend_from_slice(fields);
    browser.post(path, &all).await
}

async fn googles_button_signs_in(db: TestDb) {
    let world = World::new(db).await;
    for _ in 0..2 {
        let mut browser = world.visitor();
        let answer = world.come(&mut browser, GOOGLE, &world.token(77)).await;
        assert_eq!(answer.location(), "/accounts/profile/");
        assert_eq!(who(&mut browser).await.unwrap(), "social77@example.com");
    }
    assert_eq!(world.app.count("auth_user").await, 1);
    world.app.no_other_letter_was_sent().await;
}

async fn one_tap_leads_where_the_page_wanted_and_nowhere_else(db: TestDb) {
    let world = World::new(db).await;
    for (next, to) in [
        ("%2Fmine%2F", "/mine/"),
        ("https%3A%2F%2Fevil.example%2F", "/accounts/profile/"),
        ("%2F%2Fevil.example", "/accounts/profile/"),
    ] {
        let mut browser = world.visitor();
        let path = format!("{GOOGLE}?next={next}&process=login");
        let answer = world.come(&mut browser, &path, &world.token(77)).await;
        assert_eq!(answer.location(), to);
    }
}

async fn without_googles_cookie_nothing_happens(db: TestDb) {
    let world = World::new(db).await;
    let token = world.token(77);
    let error = "/accounts/3rdparty/login/error/";
    for (cookie, field) in [
        (None, Some("g-1")),
        (Some("g-1"), None),
        (Some("g-1"), Some("")),
        (Some(""), Some("")),
        (Some("g-1"), Some("g-2")),
        (Some("g-1"), Some("g-11")),
        (None, None),
    ] {
        let mut browser = world.app.browser();
        if let Some(cookie) = cookie {
            browser
                .cookies
                .insert("g_csrf_token".to_owned(), cookie.to_owned());
        }
        let mut fields = vec![("credential", token.as_str())];
        fields.extend(field.map(|field| ("g_csrf_token", field)));
        let answer = browser.post(GOOGLE, &fields).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, error));
        assert_eq!(browser.get(error).await.status, 401);
        assert_eq!(who(&mut browser).await, None, "{cookie:?} {field:?}");
    }
    let mut browser = world.visitor();
    for path in [GOOGLE.to_owned(), format!("{GOOGLE}?posted=x")] {
        assert_eq!(browser.get(&path).await.status, 401);
    }
    // In JSON nobody posts a form.
    let body = json!({ "credential": token, "g_csrf_token": "g-1" });
    let body = Body::from(body.to_string());
    let kind = Some("application/json");
    let answer = browser.send("POST", GOOGLE, body, kind).await;
    assert!(answer.text.contains(error), "{}", answer.text);
    assert_eq!(world.app.count("auth_user").await, 0);
    // Nothing of it was spent.
    let answer = world.come(&mut browser, GOOGLE, &token).await;
    assert_eq!(answer.location(), "/accounts/profile/");
}

async fn what_google_posted_is_good_in_one_browser_and_once(db: TestDb) {
    let world = World::new(db).await;
    let attacker = world.visitor();
    let token = world.token(77);
    let sent = world.google_posts(&attacker, GOOGLE, &token).await;
    // The attacker has his victims open what he was given.
    for cookie in [None, Some("g-2")] {
        let mut victim = world.app.browser();
        if let Some(cookie) = cookie {
            victim
                .cookies
                .insert("g_csrf_token".to_owned(), cookie.to_owned());
        }
        assert_eq!(victim.get(sent.location()).await.status, 401);
        assert_eq!(who(&mut victim).await, None);
    }
    let late = world
        .google_posts(&attacker, GOOGLE, &world.token(78))
        .await;
    let mut own = attacker.clone();
    assert_eq!(own.get(sent.location()).await.status, 302);
    let mut again = attacker.clone();
    assert_eq!(again.get(sent.location()).await.status, 401);
    assert_eq!(who(&mut again).await, None);
    // A minute is long for a browser.
    world
        .app
        .clock()
        .advance(std::time::Duration::from_secs(61));
    let mut slow = attacker.clone();
    assert_eq!(slow.get(late.location()).await.status, 401);
}

/// A user with a password.
async fn ann(world: &World) -> Browser {
    let ann = world
        .app
        .user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let user = world.app.look_up(ann).await;
    let users = world.app.hallpass.users();
    users.confirm_address(&user, &user.email).await.unwrap();
    let mut browser = signed_in(&world.app, "ann").await;
    browser
        .cookies
        .insert("g_csrf_token".to_owned(), "g-1".to_owned());
    browser
}

async fn what_google_posts_connects_nobody(db: TestDb) {
    let world = World::new(db).await;
    let mut ann = ann(&world).await;
    for process in ["connect", "redirect", "merge"] {
        let path = format!("{GOOGLE}?process={process}");
        let answer = world.google_posts(&ann, &path, &world.token(77)).await;
        assert_eq!(answer.location(), "/accounts/3rdparty/login/error/");
    }
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
    assert_eq!(who(&mut ann).await.unwrap(), "ann@example.com");
}

async fn what_the_browser_has_is_not_written_over(db: TestDb) {
    let world = World::new(db).await;
    let mut ann = ann(&world).await;
    let before = ann.cookies.clone();
    world.google_posts(&ann, GOOGLE, "no token").await;
    world.google_posts(&ann, GOOGLE, &world.token(77)).await;
    assert_eq!(ann.cookies, before);
    assert_eq!(who(&mut ann).await.unwrap(), "ann@example.com");
    // Whoever goes on is somebody else then, and Ann's session is over.
    world.come(&mut ann, GOOGLE, &world.token(77)).await;
    assert_eq!(who(&mut ann).await.unwrap(), "social77@example.com");
    let mut old = world.app.browser();
    old.cookies = before;
    assert_eq!(who(&mut old).await, None);
}

async fn a_strict_session_is_found_again(db: TestDb) {
    let world = World::with(db, |settings| {
        settings.session.cookie_samesite = SameSite::Strict;
    })
    .await;
    let mut browser = world.visitor();
    let page = world.come(&mut browser, GOOGLE, &world.token(77)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("_redir"), "{}", page.text);
    let sent = world.google_posts(&browser, GOOGLE, &world.token(77)).await;
    let path = format!("{}&_redir=1", sent.location());
    assert_eq!(browser.get(&path).await.status, 302);
    assert_eq!(who(&mut browser).await.unwrap(), "social77@example.com");
}

async fn a_script_of_our_own_posts_with_our_token(db: TestDb) {
    let world = World::new(db).await;
    let mut ann = ann(&world).await;
    ann.cookies.remove("g_csrf_token");
    let connect = |token: &str| {
        vec![
            ("process".to_owned(), "connect".to_owned()),
            ("credential".to_owned(), token.to_owned()),
        ]
    };
    let mut page = async |token: String| {
        let fields = connect(&token);
        let fields: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        post_ours(&mut ann, GOOGLE, &fields).await
    };
    let token = world.token(77);
    let answer = page(token.clone()).await;
    assert_eq!(answer.location(), "/accounts/3rdparty/", "{}", answer.text);
    // Once.
    assert_eq!(page(token).await.status, 401);
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 1);
    let mut visitor = world.visitor();
    world.come(&mut visitor, GOOGLE, &world.token(77)).await;
    assert_eq!(who(&mut visitor).await.unwrap(), "ann@example.com");
    // Nobody who is not signed in connects anything.
    let mut nobody = world.app.browser();
    let token = world.token(78);
    let fields = [("process", "connect"), ("credential", token.as_str())];
    let answer = post_ours(&mut nobody, GOOGLE, &fields).await;
    assert!(
        answer.location().starts_with("/accounts/login/"),
        "{}",
        answer.text
    );
    let fields = [("process", "merge"), ("credential", token.as_str())];
    assert_eq!(post_ours(&mut nobody, GOOGLE, &fields).await.status, 401);
}

async fn facebooks_script_posts_with_our_token(db: TestDb) {
    let world = World::new(db).await;
    let mut browser = world.app.browser();
    let bare = [("access_token", "token-41")];
    assert_eq!(browser.post(FACEBOOK, &bare).await.status, 403);
    let fields = [("access_token", "token-41"), ("next", "/mine/")];
    let answer = post_ours(&mut browser, FACEBOOK, &fields).await;
    assert_eq!(answer.location(), "/mine/", "{}", answer.text);
    assert_eq!(who(&mut browser).await.unwrap(), "social41@example.com");
    assert_eq!(browser.get(FACEBOOK).await.status, 401);
    let fields = [("access_token", "token-42"), ("process", "connect")];
    let answer = post_ours(&mut browser, FACEBOOK, &fields).await;
    assert_eq!(answer.location(), "/accounts/3rdparty/");
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 2);
}

async fn a_token_of_another_app_signs_nobody_in(db: TestDb) {
    let world = World::new(db).await;
    let mut browser = world.visitor();
    let now = world.app.hallpass.now().seconds();
    let mut claims = world.sites.claims("/accounts.google.com", 77, now);
    claims["aud"] = "other-client".into();
    let foreign = world.sites.sign(&claims);
    for token in [foreign.as_str(), "", "a.b.c", &"x".repeat(4000)] {
        let answer = world.come(&mut browser, GOOGLE, token).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    for token in ["foreign-41", "", "token-x"] {
        let answer = post_ours(&mut browser, FACEBOOK, &[("access_token", token)]).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    world.sites.is_down(true);
    let answer = post_ours(&mut browser, FACEBOOK, &[("access_token", "token-41")]).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(world.app.count("auth_user").await, 0);
    // What is too long for an address is no token of Google's.
    let answer = world
        .google_posts(&browser, GOOGLE, &"x".repeat(20_000))
        .await;
    assert_eq!(answer.location(), "/accounts/3rdparty/login/error/");
}

async fn whoever_is_new_and_lacks_something_gets_the_form(db: TestDb) {
    let world = World::new(db).await;
    let mut owner = ann(&world).await;
    world.sites.set_email(77, "ann@example.com", true);
    let mut browser = world.visitor();
    let answer = world.come(&mut browser, GOOGLE, &world.token(77)).await;
    assert_eq!(answer.location(), "/accounts/3rdparty/signup/");
    let page = browser.get(answer.location()).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let fields = [("email", "mine@example.com"), ("username", "mine")];
    let answer = browser.fill("/accounts/3rdparty/signup/", &fields).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    assert_eq!(who(&mut browser).await.unwrap(), "mine@example.com");
    assert_eq!(who(&mut owner).await.unwrap(), "ann@example.com");
}

async fn a_fresh_proof_comes_first_where_it_is_asked_for(db: TestDb) {
    let world = World::with(db, |settings| {
        settings.account.reauthentication_required = true;
    })
    .await;
    let mut ann = ann(&world).await;
    let fields = [("access_token", "token-41"), ("process", "connect")];
    let answer = post_ours(&mut ann, FACEBOOK, &fields).await;
    let to = "/accounts/reauthenticate/?next=%2Faccounts%2F3rdparty%2F";
    assert_eq!(answer.location(), to);
    ann.fill(to, &[("password", PASSWORD)]).await;
    let answer = post_ours(&mut ann, FACEBOOK, &fields).await;
    assert_eq!(answer.location(), "/accounts/3rdparty/", "{}", answer.text);
}

async fn without_an_app_there_is_nothing(db: TestDb) {
    let app = TestApp::new(db).await;
    let mut browser = app.browser();
    for path in [GOOGLE, FACEBOOK] {
        let fields = [("access_token", "token-41"), ("credential", "x")];
        let answer = post_ours(&mut browser, path, &fields).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}
