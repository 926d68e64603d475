//! Once means once, however many try at the same moment.

use hallpass_core::domain::{Session, User};
use hallpass_core::error::{Error, Refusal};
use hallpass_core::flows::login::Progress;
use hallpass_core::flows::magic_link::{self, Redeemed, Terms};
use hallpass_testkit::{TestApp, TestDb, each_database};

use super::{NOW, ann, app, client, dated, opened, opens, token_at, try_redeem};

each_database!(
    of_fifty_at_once_one_gets_in,
    of_fifty_at_once_on_a_page_that_opens_once_one_gets_in,
    another_way_in_ends_a_link_that_is_good_once,
    opening_may_count_as_a_sign_in_or_not,
    a_page_opens_once_for_each_link,
    looking_at_a_link_spends_nothing,
    a_link_signs_in,
    of_fifty_that_sign_in_at_once_one_gets_in,
    a_link_that_is_good_more_than_once_signs_in_many_at_once,
    who_may_not_come_in_does_not,
);

async fn at_once(app: &TestApp, token: &str, terms: &Terms) -> usize {
    let mut tries = Vec::new();
    for _ in 0..50 {
        let (hallpass, token, terms) = (app.hallpass.clone(), token.to_owned(), terms.clone());
        tries.push(tokio::spawn(async move {
            let redeemed = try_redeem(&hallpass, &token, &terms).await;
            matches!(redeemed.unwrap(), Redeemed::Opened(_))
        }));
    }
    let mut opened = 0;
    for one in tries {
        opened += usize::from(one.await.unwrap());
    }
    opened
}

async fn of_fifty_at_once_one_gets_in(db: TestDb) {
    let app = app(db, |settings| {
        settings.sesame.one_time = true;
        settings.sesame.max_age = Some(600);
    })
    .await;
    let user = ann(&app).await;
    for v1 in [false, true] {
        let user = app.look_up(user.id).await;
        let token = token_at(&app, &user, hallpass_testkit::app::SECRET, NOW, v1);
        assert_eq!(at_once(&app, &token, &Terms::default()).await, 1);
        assert!(!opens(&app, &token).await);
        assert!(app.look_up(user.id).await.last_login > user.last_login);
    }
}

async fn of_fifty_at_once_on_a_page_that_opens_once_one_gets_in(db: TestDb) {
    let app = app(db, |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&app).await;
    let terms = Terms {
        once: true,
        ..Terms::default()
    };
    let token = dated(&app, &user, NOW);
    assert_eq!(at_once(&app, &token, &terms).await, 1);
    assert_eq!(app.look_up(user.id).await.last_login, None);
    app.hallpass.clear_expired().await.unwrap();
    assert_eq!(at_once(&app, &token, &terms).await, 0);
}

async fn another_way_in_ends_a_link_that_is_good_once(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let first = app.hallpass.magic_link(&user).token().await.unwrap();
    let opened = opened(&app, &first, &Terms::default()).await.unwrap();
    assert_eq!(opened.last_login, app.look_up(user.id).await.last_login);
    let second = app.hallpass.magic_link(&opened).token().await.unwrap();
    app.sql("UPDATE auth_user SET last_login = '2027-01-15 08:00:00.000001+00:00'")
        .await;
    assert!(!opens(&app, &second).await);
}

async fn opening_may_count_as_a_sign_in_or_not(db: TestDb) {
    let once = app(db.shared(), |settings| settings.sesame.one_time = true).await;
    let often = app(db, |_| {}).await;
    let user = ann(&often).await;
    let with = |update| Terms {
        update_last_login: Some(update),
        ..Terms::default()
    };
    // The app means to sign in by itself, as in Django.
    let token = once.hallpass.magic_link(&user).token().await.unwrap();
    assert!(opened(&once, &token, &with(false)).await.is_some());
    assert_eq!(often.look_up(user.id).await.last_login, None);
    let token = often.hallpass.magic_link(&user).token().await.unwrap();
    assert!(opened(&often, &token, &with(true)).await.is_some());
    let marked = often.look_up(user.id).await.last_login.unwrap();
    assert_eq!(marked.seconds(), NOW);
    assert!(opened(&often, &token, &with(true)).await.is_some());
}

async fn a_page_opens_once_for_each_link(db: TestDb) {
    let timed = app(db.shared(), |settings| settings.sesame.max_age = Some(600)).await;
    let user = ann(&timed).await;
    let terms = Terms {
        once: true,
        ..Terms::default()
    };
    for token in [
        dated(&timed, &user, NOW),
        dated(&timed, &user, NOW - 1),
        token_at(&timed, &user, hallpass_testkit::app::SECRET, NOW, true),
    ] {
        assert!(opened(&timed, &token, &terms).await.is_some());
        assert!(opened(&timed, &token, &terms).await.is_none());
        // A page that did not ask for it.
        assert!(opens(&timed, &token).await);
    }
    // Without an age it could not be known for how long to remember.
    let endless = app(db, |_| {}).await;
    let token = dated(&endless, &user, NOW);
    let refused = try_redeem(&endless.hallpass, &token, &terms).await;
    assert!(matches!(refused, Err(Error::Failed(_))));
}

async fn looking_at_a_link_spends_nothing(db: TestDb) {
    let app = app(db, |settings| {
        settings.sesame.one_time = true;
        settings.sesame.max_age = Some(600);
    })
    .await;
    let user = ann(&app).await;
    let look = async |token: &str, terms: &Terms| {
        let mut session = Session::fresh(false);
        let client = client();
        let looked = app.hallpass.run(&client, &mut session, async |cx| {
            magic_link::look(cx, token, terms).await
        });
        matches!(looked.await.unwrap(), Redeemed::Opened(_))
    };
    let once = Terms {
        once: true,
        update_last_login: Some(false),
        ..Terms::default()
    };
    for terms in [Terms::default(), once] {
        let token = dated(&app, &app.look_up(user.id).await, NOW);
        let before = app.hallpass.db().statements().writes;
        for _ in 0..3 {
            assert!(look(&token, &terms).await);
        }
        assert_eq!(app.hallpass.db().statements().writes, before);
        assert!(opened(&app, &token, &terms).await.is_some());
        assert!(!look(&token, &terms).await);
        assert!(opened(&app, &token, &terms).await.is_none());
    }
}

async fn sign_in(
    app: &TestApp,
    token: &str,
    session: &mut Session,
) -> Result<Option<User>, Refusal> {
    let terms = Terms::default();
    let next = Some("/next/".to_owned());
    let done = app
        .hallpass
        .run(&client(), session, async |cx| {
            magic_link::sign_in(cx, token, &terms, next).await
        })
        .await;
    match done {
        Ok(Progress::SignedIn(done)) => {
            assert_eq!(done.to, "/next/");
            Ok(Some(done.user))
        }
        Ok(Progress::Pending(_)) => Ok(None),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(Error::Failed(failure)) => panic!("{failure}"),
    }
}

async fn a_link_signs_in(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    for _ in 0..2 {
        let mut session = Session::fresh(false);
        let signed_in = sign_in(&app, &token, &mut session).await.unwrap();
        assert_eq!(signed_in.unwrap().id, user.id);
        assert_eq!(session.user_id(), Some(user.id));
        let proved = hallpass_core::flows::sessions::records(&session);
        assert_eq!(proved.len(), 1);
        assert_eq!(proved[0].method, "link");
        assert_eq!(proved[0].email, None, "no mailbox is proved");
    }
    let refused = sign_in(&app, "AAAA", &mut Session::fresh(false)).await;
    assert_eq!(refused.err().map(|it| it.code()), Some("invalid_link"));
}

async fn sign_in_at_once(app: &TestApp, token: &str) -> usize {
    let mut tries = Vec::new();
    for _ in 0..50 {
        let (hallpass, token) = (app.hallpass.clone(), token.to_owned());
        tries.push(tokio::spawn(async move {
            let mut session = Session::fresh(false);
            let done = hallpass
                .run(&client(), &mut session, async |cx| {
                    magic_link::sign_in(cx, &token, &Terms::default(), None).await
                })
                .await;
            assert!(!matches!(done, Err(Error::Failed(_))), "{done:?}");
            session.user_id().is_some()
        }));
    }
    let mut signed_in = 0;
    for one in tries {
        signed_in += usize::from(one.await.unwrap());
    }
    signed_in
}

async fn of_fifty_that_sign_in_at_once_one_gets_in(db: TestDb) {
    let app = app(db, |settings| settings.sesame.one_time = true).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    assert_eq!(sign_in_at_once(&app, &token).await, 1);
    assert_eq!(app.count("usersessions_usersession").await, 1);
}

async fn a_link_that_is_good_more_than_once_signs_in_many_at_once(db: TestDb) {
    let app = app(db, |_| {}).await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    assert_eq!(sign_in_at_once(&app, &token).await, 50);
}

async fn who_may_not_come_in_does_not(db: TestDb) {
    let app = app(db, |settings| {
        settings.account.email_verification = hallpass_core::settings::Verification::Mandatory;
    })
    .await;
    let user = ann(&app).await;
    let token = dated(&app, &user, NOW);
    // A link proves no mailbox: the address is to be confirmed first, as with a password.
    let mut session = Session::fresh(false);
    let waits = sign_in(&app, &token, &mut session).await.unwrap();
    assert!(waits.is_none());
    assert_eq!(session.user_id(), None);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let refused = sign_in(&app, &token, &mut Session::fresh(false)).await;
    assert_eq!(refused.err().map(|it| it.code()), Some("invalid_link"));
}
