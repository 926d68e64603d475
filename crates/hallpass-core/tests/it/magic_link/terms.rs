//! What a link rests on: scope, age, secrets, the user's row.

use hallpass_core::Refusal;
use hallpass_core::flows::magic_link::{LinkId, Terms};
use hallpass_core::settings::{Secret, TokenVersion};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::{TestDb, each_database};

use super::{NOW, ann, app, dated, opened, opens, scope, token_at};

each_database!(
    a_link_is_of_its_user_for_its_scope_alone,
    a_link_costs_one_statement_and_no_write,
    ages_end_where_they_do_in_django,
    a_page_may_ask_for_another_age,
    an_age_and_none_are_different_links,
    a_link_dies_with_what_it_was_made_from,
    who_was_switched_off_or_is_gone_is_not_let_in,
    a_retired_secret_still_opens,
    a_second_secret_ends_all_links,
    version_one_is_read_and_knows_no_terms,
    a_link_may_name_its_user_by_name,
    a_revoked_link_opens_nothing_in_any_spelling,
    nothing_is_revoked_where_that_is_switched_off,
);

async fn a_link_is_of_its_user_for_its_scope_alone(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let bob = app.user("bob", "bob@example.com").await;
    let plain = app.hallpass.magic_link(&user).token().await.unwrap();
    let scoped = app.hallpass.magic_link(&user).scope("report:7");
    let scoped = scoped.token().await.unwrap();
    assert_eq!(
        opened(&app, &plain, &scope("")).await.map(|it| it.id),
        Some(user.id)
    );
    assert_ne!(user.id, bob);
    assert!(opened(&app, &scoped, &scope("report:7")).await.is_some());
    for (token, wanted) in [
        (&plain, "report:7"),
        (&scoped, ""),
        (&scoped, "report:8"),
        (&scoped, "report:7 "),
        (&scoped, "Report:7"),
    ] {
        assert!(
            opened(&app, token, &scope(wanted)).await.is_none(),
            "{wanted:?}"
        );
    }
    // More than once, as long as nobody asked for less.
    assert!(opens(&app, &plain).await);
    assert_eq!(app.look_up(user.id).await.last_login, None);
    assert_eq!(app.count("hallpass_event").await, 0);
}

async fn a_link_costs_one_statement_and_no_write(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    let before = app.hallpass.db().statements();
    assert!(opens(&app, &token).await);
    let after = app.hallpass.db().statements();
    assert_eq!(
        (after.reads - before.reads, after.writes - before.writes),
        (1, 0)
    );
    // What is no token costs nothing.
    for wrong in ["", "AAAA", "ä", &dated(&app, &user, NOW - 600)] {
        assert!(!opens(&app, wrong).await);
    }
    let later = app.hallpass.db().statements();
    assert_eq!(
        (later.reads, later.writes),
        (after.reads, after.writes),
        "nobody is looked up for what is no token"
    );
}

async fn ages_end_where_they_do_in_django(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    for (age, v2, v1) in [
        (0, true, true),
        (599, true, true),
        (600, false, true),
        (601, false, false),
        // From the future: clocks differ.
        (-3_600, true, true),
    ] {
        let made = |v1| token_at(&app, &user, SECRET, NOW - age, v1);
        assert_eq!(opens(&app, &made(false)).await, v2, "version 2, {age} s");
        assert_eq!(opens(&app, &made(true)).await, v1, "version 1, {age} s");
    }
}

async fn a_page_may_ask_for_another_age(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    for (age, asked, good) in [(59, 60, true), (60, 60, false), (3_599, 3_600, true)] {
        let terms = Terms {
            max_age: Some(asked),
            ..Terms::default()
        };
        let token = dated(&app, &user, NOW - age);
        assert_eq!(opened(&app, &token, &terms).await.is_some(), good, "{age}");
    }
}

async fn an_age_and_none_are_different_links(db: TestDb) {
    let timed = app(db.shared(), |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&timed).await;
    let endless = app(db, |_| {}).await;
    for v1 in [false, true] {
        let (short, long) = (
            token_at(&timed, &user, SECRET, NOW, v1),
            token_at(&endless, &user, SECRET, NOW, v1),
        );
        assert!(opens(&timed, &short).await && opens(&endless, &long).await);
        assert!(!opens(&timed, &long).await && !opens(&endless, &short).await);
    }
}

async fn a_link_dies_with_what_it_was_made_from(db: TestDb) {
    let with_email = app(db.shared(), |settings| {
        settings.sesame.invalidate_on_email_change = true;
    })
    .await;
    let without = app(db, |_| {}).await;
    let user = ann(&without).await;
    let made = async |app: &hallpass_testkit::TestApp| {
        app.hallpass.magic_link(&user).token().await.unwrap()
    };
    let (bound, plain) = (made(&with_email).await, made(&without).await);
    without
        .sql("UPDATE auth_user SET email = 'ann@new.example'")
        .await;
    assert!(!opens(&with_email, &bound).await);
    assert!(opens(&without, &plain).await);
    without
        .sql("UPDATE auth_user SET password = 'md5$a$c', email = 'ann@example.com'")
        .await;
    assert!(!opens(&with_email, &bound).await);
    assert!(!opens(&without, &plain).await);
}

async fn who_was_switched_off_or_is_gone_is_not_let_in(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    assert!(opens(&app, &token).await);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    assert!(!opens(&app, &token).await);
    app.sql("DELETE FROM auth_user").await;
    assert!(!opens(&app, &token).await);
}

async fn a_retired_secret_still_opens(db: TestDb) {
    let now = app(db.shared(), |settings| {
        settings.general.secret_key =
            Some(Secret::new("another-secret-of-the-tests-0123456789-long"));
        settings.general.secret_key_fallbacks = vec![Secret::new(SECRET)];
    })
    .await;
    let user = ann(&now).await;
    for v1 in [false, true] {
        assert!(opens(&now, &token_at(&now, &user, SECRET, NOW, v1)).await);
        assert!(!opens(&now, &token_at(&now, &user, "nobody's", NOW, v1)).await);
    }
    let after = app(db, |settings| {
        settings.general.secret_key =
            Some(Secret::new("another-secret-of-the-tests-0123456789-long"));
    })
    .await;
    assert!(!opens(&after, &dated(&now, &user, NOW)).await);
}

async fn a_second_secret_ends_all_links(db: TestDb) {
    let before = app(db.shared(), |_| {}).await;
    let user = ann(&before).await;
    let old = dated(&before, &user, NOW);
    let after = app(db, |settings| settings.sesame.key = Secret::new("second")).await;
    assert!(!opens(&after, &old).await);
    assert!(opens(&after, &dated(&after, &user, NOW)).await);
    assert!(!opens(&before, &dated(&after, &user, NOW)).await);
}

/// Django answers such a page with a server error.
async fn version_one_is_read_and_knows_no_terms(db: TestDb) {
    let both = app(db.shared(), |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&both).await;
    let token = token_at(&both, &user, SECRET, NOW, true);
    assert!(opens(&both, &token).await);
    assert!(opened(&both, &token, &scope("report:7")).await.is_none());
    let terms = Terms {
        max_age: Some(60),
        ..Terms::default()
    };
    assert!(opened(&both, &token, &terms).await.is_none());
    let new = app(db, |settings| {
        settings.sesame.max_age = Some(600);
        settings.sesame.tokens = vec![TokenVersion::V2];
    })
    .await;
    assert!(!opens(&new, &token).await);
}

async fn a_link_may_name_its_user_by_name(db: TestDb) {
    let app = app(db, |settings| {
        "username".clone_into(&mut settings.sesame.primary_key_field);
    })
    .await;
    let user = ann(&app).await;
    let token = app.hallpass.magic_link(&user).token().await.unwrap();
    assert!(opens(&app, &token).await);
    // The name is in the token: in another case it is another's, and with a zero in it nobody's.
    let other = hallpass_core::domain::User {
        username: "Ann".to_owned(),
        ..user.clone()
    };
    let token = app.hallpass.magic_link(&other).token().await.unwrap();
    assert!(!opens(&app, &token).await);
    let other = hallpass_core::domain::User {
        username: "an\0n".to_owned(),
        ..user
    };
    let token = app.hallpass.magic_link(&other).token().await.unwrap();
    assert!(!opens(&app, &token).await);
}

async fn a_revoked_link_opens_nothing_in_any_spelling(db: TestDb) {
    let app = app(db, |settings| {
        settings.sesame.max_age = Some(600);
        // 18 bytes would fill their letters; of 19, the last letter has bits to spare.
        settings.sesame.signature_size = 11;
        settings.hallpass.magic_link_revocable = true;
    })
    .await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    let spellings: Vec<String> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .map(|last| format!("{}{last}", &token[..token.len() - 1]))
        .collect();
    let mut good = Vec::new();
    for spelling in spellings {
        if opens(&app, &spelling).await {
            good.push(spelling);
        }
    }
    assert!(good.len() > 4 && good.contains(&token), "{good:?}");
    let other = dated(&app, &user, NOW - 1);
    let v1 = token_at(&app, &user, SECRET, NOW, true);
    for revoked in [&token, &v1] {
        let id: LinkId = LinkId::of(revoked).unwrap();
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert!(opens(&app, revoked).await);
        for _ in 0..2 {
            app.hallpass.revoke_magic_link(&id).await.unwrap();
        }
        assert!(!opens(&app, revoked).await);
    }
    assert!(opens(&app, &other).await);
    for spelling in &good {
        assert_eq!(LinkId::of(spelling), LinkId::of(&token));
        assert!(!opens(&app, spelling).await, "{spelling}");
    }
    // It is remembered for longer than any page takes it, however old a link it asks for.
    app.hallpass.clear_expired().await.unwrap();
    assert_eq!(app.count("hallpass_revoked_link").await, 2);
    let terms = Terms {
        max_age: Some(u64::MAX),
        ..Terms::default()
    };
    assert!(opened(&app, &token, &terms).await.is_none());
    let ancient = dated(&app, &user, NOW - 401 * 86_400);
    assert!(opened(&app, &ancient, &terms).await.is_none());
    let old = dated(&app, &user, NOW - 399 * 86_400);
    assert!(opened(&app, &old, &terms).await.is_some());
    assert_eq!(LinkId::of("no token"), None);
    assert!("short".parse::<LinkId>().is_err());
}

async fn nothing_is_revoked_where_that_is_switched_off(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    let id = LinkId::of(&dated(&app, &user, NOW)).unwrap();
    let refused = app.hallpass.revoke_magic_link(&id).await;
    assert!(matches!(
        refused,
        Err(hallpass_core::Error::Refused(Refusal::NotAvailable))
    ));
    assert_eq!(app.count("hallpass_revoked_link").await, 0);
}
