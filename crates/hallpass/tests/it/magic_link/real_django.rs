//! The real django-sesame beside us, on one database: links go both ways.

use hallpass_testkit::app::SECRET;
use hallpass_testkit::django::DjangoPeer;
use hallpass_testkit::{TestDb, each_database};
use serde_json::json;

use super::{ann, app, link};

each_database!(
    links_go_both_ways,
    a_link_that_is_good_once_is_good_once_on_both_sides,
    older_links_are_still_read,
);

fn peer(db: &TestDb, sesame: serde_json::Value) -> DjangoPeer {
    DjangoPeer::new(&db.url, SECRET).with("SESAME", &sesame.to_string())
}

async fn links_go_both_ways(db: TestDb) {
    let django = peer(&db, json!({ "MAX_AGE": 600 }));
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let id = user.id.as_int().unwrap();
    let theirs = django.sesame_make(id, "report:7");
    let opened = app
        .browser()
        .get(&format!("/reports/7/?sesame={theirs}"))
        .await;
    assert_eq!(opened.text, "ann by link");
    let other = app
        .browser()
        .get(&format!("/reports/8/?sesame={theirs}"))
        .await;
    assert_eq!(other.status, 403);
    let ours = link(&app, &user, "report:7", "/reports/7/").await;
    assert_eq!(django.sesame_open(&ours, "report:7"), Some(id));
    assert_eq!(django.sesame_open(&ours, "report:8"), None);
    // A link with an age of its own is a link like others there; one whose time is over is none.
    let long = std::time::Duration::from_secs(86_400);
    let long = app.hallpass.magic_link(&user).max_age(long).url("/");
    assert_eq!(django.sesame_open(&long.await.unwrap(), ""), Some(id));
    app.sql("UPDATE auth_user SET password = 'md5$a$c'").await;
    assert_eq!(django.sesame_open(&ours, "report:7"), None);
    let dead = app
        .browser()
        .get(&format!("/reports/7/?sesame={theirs}"))
        .await;
    assert_eq!(dead.status, 403);
}

async fn a_link_that_is_good_once_is_good_once_on_both_sides(db: TestDb) {
    let django = peer(&db, json!({ "MAX_AGE": 600, "ONE_TIME": true }));
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let id = user.id.as_int().unwrap();
    for _ in 0..2 {
        let path = link(&app, &user, "", "/secret/").await;
        assert_eq!(app.browser().get(&path).await.status, 200);
        assert_eq!(django.sesame_open(&path, ""), None, "spent here");
        let path = format!("/secret/?sesame={}", django.sesame_make(id, ""));
        assert_eq!(django.sesame_open(&path, ""), Some(id));
        assert_eq!(app.browser().get(&path).await.status, 403, "spent there");
    }
}

async fn older_links_are_still_read(db: TestDb) {
    let django = peer(
        &db,
        json!({ "MAX_AGE": 600, "TOKENS": ["sesame.tokens_v1"] }),
    );
    let app = app(db, |_| {}).await;
    let id = ann(&app).await.id.as_int().unwrap();
    let theirs = django.sesame_make(id, "").replace(':', "%3A");
    let opened = app
        .browser()
        .get(&format!("/secret/?sesame={theirs}"))
        .await;
    assert_eq!(opened.text, "ann by link");
    // Django's answer is a server error.
    for page in ["/reports/7/", "/short/"] {
        let refused = app.browser().get(&format!("{page}?sesame={theirs}")).await;
        assert_eq!(refused.status, 403);
    }
}
