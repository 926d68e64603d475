//! Links are made: where they lead, how long they last.

use std::time::Duration;

use hallpass_core::flows::magic_link::Terms;
use hallpass_core::settings::TokenVersion;
use hallpass_testkit::{TestDb, each_database};

use super::{ann, app, opened, opens};

each_database!(
    a_link_leads_to_a_path_of_this_site,
    a_link_may_have_an_age_of_its_own,
    what_cannot_be_made_is_refused,
    version_one_is_made_on_its_own_threads,
);

async fn a_link_leads_to_a_path_of_this_site(db: TestDb) {
    let app = app(db, |settings| {
        settings.hallpass.public_url = Some("https://shop.example".to_owned());
        "key".clone_into(&mut settings.sesame.token_name);
    })
    .await;
    let user = ann(&app).await;
    let issued = app.hallpass.magic_link(&user).issue().await.unwrap();
    let token = issued.token().to_owned();
    assert_eq!(issued.parameters(), ("key", token.as_str()));
    assert_eq!(issued.query_string(), format!("?key={token}"));
    assert!(!format!("{issued:?}").contains(&token));
    for (path, link) in [
        ("/", format!("https://shop.example/?key={token}")),
        ("/a/", format!("https://shop.example/a/?key={token}")),
        (
            "/a?b=%20c&d#e?f",
            format!("https://shop.example/a?b=%20c&d&key={token}#e?f"),
        ),
        ("/a?", format!("https://shop.example/a?key={token}")),
        ("/a?b&", format!("https://shop.example/a?b&key={token}")),
        // The last one counts.
        (
            "/a?key=old",
            format!("https://shop.example/a?key=old&key={token}"),
        ),
        ("/a#", format!("https://shop.example/a?key={token}#")),
    ] {
        assert_eq!(issued.url(path).unwrap(), link);
    }
    for path in [
        "",
        "a",
        "//evil.example/",
        "/\\evil.example/",
        "https://evil.example/",
        "/a b",
        "/a\r\nx",
        "/ä",
        "@evil.example",
        ":8000",
    ] {
        assert!(issued.url(path).is_err(), "{path:?}");
        assert!(app.hallpass.magic_link(&user).url(path).await.is_err());
    }
}

async fn a_link_may_have_an_age_of_its_own(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    for wanted in [1_u64, 60, 600, 86_400, 400 * 86_400] {
        let issue = app.hallpass.magic_link(&user);
        let token = issue.max_age(Duration::from_secs(wanted)).token().await;
        let token = token.unwrap();
        assert!(opens(&app, &token).await);
        // A page that takes links of so many seconds less finds it as old as it will be then.
        for (ahead, good) in [(wanted - 1, true), (wanted, false)] {
            let Some(asked) = 600_u64.checked_sub(ahead).filter(|asked| *asked > 0) else {
                continue;
            };
            let terms = Terms {
                max_age: Some(asked),
                ..Terms::default()
            };
            assert_eq!(opened(&app, &token, &terms).await.is_some(), good);
        }
    }
}

async fn what_cannot_be_made_is_refused(db: TestDb) {
    let timed = app(db.shared(), |settings| settings.sesame.max_age = Some(600)).await;
    let endless = app(db.shared(), |_| {}).await;
    let old = app(db.shared(), |settings| {
        settings.sesame.tokens = vec![TokenVersion::V1, TokenVersion::V2];
    })
    .await;
    let short = app(db, |settings| {
        settings.sesame.packer = Some("sesame.packers.ShortPacker".to_owned());
    })
    .await;
    let user = ann(&timed).await;
    let age = Duration::from_secs;
    let link = |app: &hallpass_testkit::TestApp| app.hallpass.clone();
    for (hallpass, wanted, words) in [
        (link(&timed), age(0), "a second or more"),
        (link(&timed), Duration::from_millis(999), "a second or more"),
        (link(&timed), age(400 * 86_400 + 1), "at most"),
        (link(&endless), age(60), "SESAME_MAX_AGE"),
    ] {
        let made = hallpass.magic_link(&user).max_age(wanted).token().await;
        let error = made.map_err(|error| format!("{error:?}")).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let made = old.hallpass.magic_link(&user).scope("a").token().await;
    assert!(
        made.map_err(|error| format!("{error:?}"))
            .unwrap_err()
            .contains("know no scope")
    );
    let large = hallpass_core::domain::User {
        id: hallpass_core::domain::UserId::from_int(40_000),
        ..user
    };
    let made = short.hallpass.magic_link(&large).token().await;
    assert!(
        made.map_err(|error| format!("{error:?}"))
            .unwrap_err()
            .contains("packer")
    );
}

async fn version_one_is_made_on_its_own_threads(db: TestDb) {
    let app = app(db, |settings| {
        settings.sesame.tokens = vec![TokenVersion::V1];
    })
    .await;
    let user = ann(&app).await;
    let issued = app.hallpass.magic_link(&user).issue().await.unwrap();
    assert!(issued.token().contains(':'));
    assert!(issued.query_string().contains("%3A"));
    assert!(opens(&app, issued.token()).await);
}
