//! The page with the button: opening a link spends nothing, pressing does.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use hallpass::MaybeUser;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use super::{ann, app, link};

each_database!(
    opening_a_link_spends_nothing_and_pressing_opens_the_page,
    fifty_buttons_pressed_at_once_open_once,
    what_is_no_link_has_no_button,
    only_this_pages_own_button_counts,
    a_pages_own_forms_are_no_buttons,
    a_link_for_good_asks_first,
    signing_in_asks_first,
    anywhere_asks_first,
);

/// Where the page's form posts to.
fn action(page: &Answer, link: &str) -> String {
    let (_, rest) = page.text.split_once("<form").unwrap();
    let form = rest.split('>').next().unwrap();
    let Some((_, action)) = form.split_once("action=\"") else {
        return link.to_owned();
    };
    let action = action.split('"').next().unwrap();
    let action = action.replace("&amp;", "&").replace("&#x2f;", "/");
    let (path, _) = link.split_once('?').unwrap();
    assert!(action.starts_with('?'), "{action}");
    format!("{path}{action}")
}

async fn press(browser: &mut Browser, link: &str) -> Answer {
    let page = browser.get(link).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let token = page.csrf_token().unwrap().to_owned();
    let to = action(&page, link);
    browser.post(&to, &[("csrfmiddlewaretoken", &token)]).await
}

async fn opening_a_link_spends_nothing_and_pressing_opens_the_page(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/button/?a=1").await;
    let before = app.hallpass.db().statements().writes;
    for method in ["GET", "HEAD", "GET"] {
        let mut scanner = app.browser();
        let page = scanner.send(method, &path, Body::empty(), None).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("ann by link"));
        assert_eq!(page.header("referrer-policy"), "strict-origin");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
    }
    assert_eq!(app.hallpass.db().statements().writes, before);
    let mut browser = app.browser();
    let page = browser.get(&path).await;
    assert!(
        page.text.contains("This link opens a page for"),
        "{}",
        page.text
    );
    let opened = press(&mut browser, &path).await;
    assert_eq!(
        (opened.status.as_u16(), opened.text.as_str()),
        (200, "ann by link")
    );
    assert!(!browser.cookies.contains_key("sessionid"));
    assert_eq!(browser.get(&path).await.status, 403);
}

async fn fifty_buttons_pressed_at_once_open_once(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/button/once/").await;
    let mut presses = Vec::new();
    for _ in 0..50 {
        let mut browser = app.browser();
        let page = browser.get(&path).await;
        let token = page.csrf_token().unwrap().to_owned();
        let to = action(&page, &path);
        presses.push((browser, to, token));
    }
    let mut tries = Vec::new();
    for (mut browser, to, token) in presses {
        tries.push(tokio::spawn(async move {
            browser
                .post(&to, &[("csrfmiddlewaretoken", &token)])
                .await
                .status
        }));
    }
    let mut opened = 0;
    for one in tries {
        let status = one.await.unwrap();
        assert!(status == 200 || status == 403, "{status}");
        opened += usize::from(status == 200);
    }
    assert_eq!(opened, 1);
    assert_eq!(
        app.browser().get(&path).await.status,
        403,
        "spent: no button"
    );
}

async fn what_is_no_link_has_no_button(db: TestDb) {
    let app = app(db, |_| {}).await;
    for path in [
        "/button/",
        "/button/?sesame=AAAA",
        "/button/?sesame_confirm=1",
    ] {
        let answer = app.browser().get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.csrf_token().is_none());
    }
    let posted = app
        .browser()
        .post("/button/?sesame=AAAA&sesame_confirm=1", &[])
        .await;
    assert_eq!(posted.status, 403);
}

async fn only_this_pages_own_button_counts(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/button/").await;
    let pressed = format!("{path}&sesame_confirm=1");
    let mut browser = app.browser();
    let token = browser.get(&path).await.csrf_token().unwrap().to_owned();
    for fields in [&[][..], &[("csrfmiddlewaretoken", "x")]] {
        assert_eq!(browser.post(&pressed, fields).await.status, 403);
    }
    // Another site's page, and another browser's token.
    browser
        .headers
        .insert("origin", "https://evil.example".to_owned());
    let foreign = browser
        .post(&pressed, &[("csrfmiddlewaretoken", &token)])
        .await;
    assert_eq!(foreign.status, 403);
    browser.headers.remove("origin");
    let other = app
        .browser()
        .post(&pressed, &[("csrfmiddlewaretoken", &token)])
        .await;
    assert_eq!(other.status, 403);
    // The mark alone, in the URL, presses nothing.
    let opened = browser.get(&pressed).await;
    assert!(opened.csrf_token().is_some());
    let good = browser
        .post(&pressed, &[("csrfmiddlewaretoken", &token)])
        .await;
    assert_eq!(good.text, "ann by link");
}

async fn a_pages_own_forms_are_no_buttons(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/button/").await;
    let posted = app.browser().post(&path, &[("a", "1")]).await;
    assert_eq!(
        (posted.status.as_u16(), posted.text.as_str()),
        (200, "ann by link")
    );
}

async fn a_link_for_good_asks_first(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/button/for-good/").await;
    let mut browser = app.browser();
    assert!(browser.get(&path).await.csrf_token().is_some());
    assert_eq!(browser.get("/mine/").await.status, 401);
    assert_eq!(press(&mut browser, &path).await.text, "ann by link");
    assert_eq!(browser.get("/mine/").await.text, "ann");
}

async fn signing_in_asks_first(db: TestDb) {
    let app = app(db, |settings| {
        settings.hallpass.magic_link_confirm = true;
        settings.sesame.one_time = true;
    })
    .await;
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/enter/?next=/secret/").await;
    let mut browser = app.browser();
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("You are about to sign in as"));
    assert!(!browser.cookies.contains_key("sessionid"));
    assert_eq!(app.look_up(user.id).await.last_login, None);
    let entered = press(&mut browser, &path).await;
    assert_eq!(
        (entered.status.as_u16(), entered.location()),
        (302, "/secret/")
    );
    assert_eq!(browser.get("/mine/").await.text, "ann");
    assert_eq!(app.browser().get(&path).await.status, 403);
    assert_eq!(browser.post(&path, &[]).await.status, 403);
}

async fn anywhere_asks_first(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.hallpass.magic_link_confirm = true);
    let app = app.await.routed(|hallpass| {
        let who = async |MaybeUser(user): MaybeUser| {
            user.map_or("nobody".to_owned(), |user| user.display())
        };
        Router::new()
            .route("/who/", get(who))
            .layer(hallpass.magic_link_anywhere())
            .layer(hallpass.layer())
    });
    let user = ann(&app).await;
    let path = link(&app, &user, "", "/who/?a=1").await;
    let mut browser = app.browser();
    assert!(browser.get(&path).await.csrf_token().is_some());
    assert_eq!(browser.get("/who/").await.text, "nobody");
    let entered = press(&mut browser, &path).await;
    assert_eq!(
        (entered.status.as_u16(), entered.location()),
        (302, "/who/?a=1")
    );
    assert_eq!(browser.get("/who/").await.text, "ann");
}
