//! Signing in with a password.

use hallpass::settings::LoginBy;
use hallpass_testkit::app::rates;
use hallpass_testkit::{TestApp, TestDb, each_database};

each_database!(
    a_password_signs_in,
    a_wrong_password_and_an_unknown_name_get_one_answer,
    an_old_hash_is_made_anew_and_the_session_lives,
    an_inactive_user_is_told_only_with_the_right_password,
    parallel_sign_ins_all_work,
    failures_are_limited_and_a_success_takes_back_its_own_only,
    remembering_is_asked_or_forced,
    an_address_is_a_login_if_the_settings_say_so,
    hostile_input_is_refused_in_words,
);

const LOGIN: &str = "/accounts/login/";

/// `correct-horse` under md5, the cheap hasher of the tests.
const HASH: &str = "md5$saltsaltsaltsaltsaltsa$f09dbf6cb9e5f0dbd4ee0a6a3e3d3a59";

fn hash(password: &str) -> String {
    use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    hashers
        .encode(
            password,
            &Salt::from_random([3; 32]),
            &mut Scratch::default(),
        )
        .unwrap()
}

async fn a_password_signs_in(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "ann@example.com", &hash("correct-horse"))
        .await;
    let mut browser = app.browser();
    let done = browser
        .fill(LOGIN, &[("login", "ANN"), ("password", "correct-horse")])
        .await;
    assert_eq!(
        (done.status.as_u16(), done.location()),
        (302, "/accounts/profile/")
    );
    assert!(
        browser
            .get("/accounts/profile/")
            .await
            .text
            .contains("with a password")
    );
    assert_eq!(
        browser.get(LOGIN).await.location(),
        "/accounts/profile/",
        "who is in needs no door"
    );
    app.no_other_letter_was_sent().await;
}

async fn a_wrong_password_and_an_unknown_name_get_one_answer(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", &hash("correct-horse")).await;
    app.user_with("eve", "", "!unusable").await;
    let mut texts = Vec::new();
    for login in ["ann", "nobody", "eve"] {
        let answer = app
            .browser()
            .fill(LOGIN, &[("login", login), ("password", "wrong")])
            .await;
        assert_eq!(answer.status, 400);
        let token = answer.csrf_token().unwrap().to_owned();
        texts.push(
            answer
                .text
                .replace(&token, "")
                .replace(login, "")
                .replace("ann", ""),
        );
    }
    assert!(texts[0].contains("The user name or the password is not correct."));
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}

async fn an_old_hash_is_made_anew_and_the_session_lives(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.general.password_hashers =
            Some(vec!["pbkdf2_sha256".to_owned(), "md5".to_owned()]);
        settings.hallpass.pbkdf2_iterations = Some(1000);
    })
    .await;
    let id = app.user_with("ann", "", &hash("correct-horse")).await;
    let mut browser = app.browser();
    assert_eq!(
        browser
            .fill(LOGIN, &[("login", "ann"), ("password", "correct-horse")])
            .await
            .status,
        302
    );
    assert!(
        app.look_up(id)
            .await
            .password
            .starts_with("pbkdf2_sha256$1000$")
    );
    assert_eq!(
        browser.get("/accounts/profile/").await.status,
        200,
        "the session that caused it survives"
    );
    assert_eq!(
        app.browser()
            .fill(LOGIN, &[("login", "ann"), ("password", "correct-horse")])
            .await
            .status,
        302
    );
}

async fn an_inactive_user_is_told_only_with_the_right_password(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", &hash("correct-horse")).await;
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let told = app
        .browser()
        .fill(LOGIN, &[("login", "ann"), ("password", "correct-horse")])
        .await;
    assert_eq!(told.status, 403);
    assert!(told.text.contains("switched off"));
    let wrong = app
        .browser()
        .fill(LOGIN, &[("login", "ann"), ("password", "wrong")])
        .await;
    assert!(wrong.status == 400 && !wrong.text.contains("switched off"));
}

async fn parallel_sign_ins_all_work(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", &hash("correct-horse")).await;
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let mut browser = app.browser();
        attempts.push(tokio::spawn(async move {
            browser
                .fill(LOGIN, &[("login", "ann"), ("password", "correct-horse")])
                .await
                .status
                .as_u16()
        }));
    }
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap(), 302);
    }
}

async fn failures_are_limited_and_a_success_takes_back_its_own_only(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = rates(r#"{ "login": false, "login_failed": "5/300s/key" }"#);
    })
    .await;
    app.user_with("ann", "", &hash("correct-horse")).await;
    let attempt = async |login: &str, password: &str| {
        app.browser()
            .fill(LOGIN, &[("login", login), ("password", password)])
            .await
    };
    for _ in 0..4 {
        assert_eq!(attempt("ann", "wrong").await.status, 400);
        assert_eq!(attempt("ann", "correct-horse").await.status, 302);
    }
    assert_eq!(attempt("ANN", "wrong").await.status, 400);
    let refused = attempt("Ａnn", "correct-horse").await;
    assert!(
        refused.text.contains("Too many attempts"),
        "{}",
        refused.text
    );
    assert_eq!(refused.status, 400);
}

async fn remembering_is_asked_or_forced(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", &hash("correct-horse")).await;
    let fields = [("login", "ann"), ("password", "correct-horse")];
    let cookie = |answer: &hallpass_testkit::Answer| answer.header("set-cookie").to_owned();
    assert!(
        !cookie(&app.browser().fill(LOGIN, &fields).await).contains("Max-Age"),
        "until the browser closes"
    );
    let ticked = [fields[0], fields[1], ("remember", "on")];
    assert!(cookie(&app.browser().fill(LOGIN, &ticked).await).contains("Max-Age=1209600"));
    let forced = TestApp::with(app.db, |settings| {
        settings.account.session_remember = Some(true)
    })
    .await;
    let answer = forced.browser().fill(LOGIN, &fields).await;
    assert!(cookie(&answer).contains("Max-Age=1209600"));
    assert!(
        !forced
            .browser()
            .get(LOGIN)
            .await
            .text
            .contains("Keep me signed in")
    );
}

async fn an_address_is_a_login_if_the_settings_say_so(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "ann@example.com", &hash("correct-horse"))
        .await;
    let fields = [("login", "Ann@example.com"), ("password", "correct-horse")];
    assert_eq!(app.browser().fill(LOGIN, &fields).await.status, 400);
    let both = TestApp::with(app.db, |settings| {
        settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
    })
    .await;
    assert_eq!(both.browser().fill(LOGIN, &fields).await.status, 302);
    assert_eq!(
        both.browser()
            .fill(LOGIN, &[("login", "ann"), fields[1]])
            .await
            .status,
        302
    );
}

async fn hostile_input_is_refused_in_words(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", HASH).await;
    let long = "x".repeat(100_000);
    for (login, password) in [
        ("", "x"),
        ("ann", ""),
        ("a\0b", "x"),
        ("ann", "a\0b"),
        (long.as_str(), "x"),
        ("ann", long.as_str()),
    ] {
        let answer = app
            .browser()
            .fill(LOGIN, &[("login", login), ("password", password)])
            .await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains("aria-invalid"));
        assert!(!answer.text.contains(&long[..1000]) || login.len() > 1000);
    }
}
