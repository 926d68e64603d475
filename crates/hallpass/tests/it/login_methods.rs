//! What a login stands for, and whom it means.

use std::net::IpAddr;

use hallpass::domain::{Client, Session};
use hallpass::flows::login::{self, Credentials, Progress};
use hallpass::settings::LoginBy::{self, Email, Phone, Username};
use hallpass::store::phone::{self, PhoneNumber};
use hallpass::{Error, Refusal};
use hallpass_testkit::{TestApp, TestDb, each_database};

use crate::stages::story::{hash, set_phone, set_verified};

each_database!(
    what_a_login_stands_for_depends_on_the_methods,
    every_spelling_of_a_login_finds_its_account,
    look_alikes_are_somebody_else,
    a_name_that_is_an_address_lets_its_own_user_in_only,
    who_confirmed_an_address_or_number_is_meant_alone,
    two_names_that_differ_by_case_are_two_people,
    who_is_switched_off_hears_of_it_with_the_right_password_only,
);

/// What came of it: a name, or the code of a refusal.
async fn sign_in(app: &TestApp, login: &str, password: &str) -> Result<String, Refusal> {
    let client = Client::new(IpAddr::from([192, 0, 2, 10]), "", "http://localhost");
    let mut session = Session::fresh(false);
    let done = app.hallpass.run(&client, &mut session, async |cx| {
        let credentials = Credentials {
            login,
            password,
            remember: None,
            next: None,
        };
        login::finish(cx, credentials).await
    });
    match done.await {
        Ok(Progress::SignedIn(done)) => Ok(done.user.username),
        Ok(Progress::Pending(stage)) => panic!("{login}: {stage:?}"),
        Err(Error::Refused(refusal)) => {
            assert!(session.user().is_none());
            Err(refusal)
        }
        Err(Error::Failed(failure)) => panic!("{login}: {failure}"),
    }
}

async fn code(app: &TestApp, login: &str, password: &str) -> &'static str {
    match sign_in(app, login, password).await {
        Ok(name) => panic!("{login} let {name} in"),
        Err(refusal) => refusal.code(),
    }
}

async fn app(db: TestDb, methods: &[LoginBy]) -> TestApp {
    let methods = methods.to_vec();
    TestApp::with(db, |settings| {
        settings.account.login_methods = Some(methods)
    })
    .await
}

async fn what_a_login_stands_for_depends_on_the_methods(db: TestDb) {
    const NAME: &str = "username_password_mismatch";
    const MAIL: &str = "email_password_mismatch";
    const CALL: &str = "phone_password_mismatch";
    // A name, an address, a number, a number that is none.
    let typed = ["ann", "ann@example.com", "+4915112345678", "+49"];
    for (methods, wanted) in [
        (vec![Username], [NAME, NAME, NAME, NAME]),
        (vec![Email], [MAIL, MAIL, MAIL, MAIL]),
        (vec![Phone], [CALL, CALL, CALL, CALL]),
        (vec![Username, Email], [NAME, MAIL, NAME, NAME]),
        (vec![Email, Username], [NAME, MAIL, NAME, NAME]),
        (vec![Username, Phone], [NAME, NAME, CALL, NAME]),
        (vec![Username, Email, Phone], [NAME, MAIL, CALL, NAME]),
        (vec![Phone, Email, Username], [NAME, MAIL, CALL, NAME]),
        // Nobody has a name here: what is no number is taken for an address.
        (vec![Email, Phone], [MAIL, MAIL, CALL, MAIL]),
    ] {
        let app = app(db.shared(), &methods).await;
        for (text, wanted) in typed.into_iter().zip(wanted) {
            assert_eq!(
                code(&app, text, "guessed").await,
                wanted,
                "{methods:?}: {text}"
            );
        }
    }
    // And each method lets in by nothing else.
    let everything = app(db.shared(), &[Username]).await;
    let ann = everything
        .user_with("ann", "ann@example.com", &hash("horse"))
        .await;
    set_phone(&everything, ann, "+4915112345678", true).await;
    for (methods, works) in [
        (vec![Username], [true, false, false]),
        (vec![Email], [false, true, false]),
        (vec![Phone], [false, false, true]),
        (vec![Username, Email], [true, true, false]),
        (vec![Username, Phone], [true, false, true]),
        (vec![Email, Phone], [false, true, true]),
        (vec![Username, Email, Phone], [true, true, true]),
    ] {
        let app = app(db.shared(), &methods).await;
        for (text, works) in typed.into_iter().zip(works) {
            let done = sign_in(&app, text, "horse").await;
            assert_eq!(done.is_ok(), works, "{methods:?}: {text}");
        }
    }
}

async fn every_spelling_of_a_login_finds_its_account(db: TestDb) {
    let app = app(db, &[Username, Email, Phone]).await;
    let ann = app
        .user_with("Ann", "Ann@Example.com", &hash("horse"))
        .await;
    set_phone(&app, ann, "+4915112345678", true).await;
    app.user_with("Zoë", "Zoë@Example.com", &hash("horse"))
        .await;
    for login in [
        "ann",
        "ANN",
        "  Ann\t",
        "ａｎｎ",
        "ann@example.com",
        " ANN@EXAMPLE.COM ",
        "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "+49 151 1234-5678",
        "+49 (151) 12345678",
    ] {
        assert_eq!(
            sign_in(&app, login, "horse").await.unwrap(),
            "Ann",
            "{login}"
        );
    }
    for login in ["zoë", "ZOË", "zoe\u{308}", "ZOE\u{308}"] {
        assert_eq!(
            sign_in(&app, login, "horse").await.unwrap(),
            "Zoë",
            "{login}"
        );
    }
}

async fn look_alikes_are_somebody_else(db: TestDb) {
    let app = app(db, &[Username, Email]).await;
    app.user_with("mike", "mike@example.com", &hash("horse"))
        .await;
    app.user_with("strasse", "strasse@example.com", &hash("horse"))
        .await;
    app.user_with("zoe", "zoe@example.com", &hash("horse"))
        .await;
    for login in [
        "m\u{131}ke",
        "m\u{456}ke",
        "m\u{131}ke@example.com",
        "mike@ex\u{430}mple.com",
        "straße",
        "straße@example.com",
        "zoë",
        "zoë@example.com",
        "mi\u{200b}ke",
        "mike@example.com.",
        "mik_",
        "mik%",
        "%",
        "mike' OR '1'='1",
    ] {
        assert!(sign_in(&app, login, "horse").await.is_err(), "{login}");
    }
    for login in ["mike\0", "\0"] {
        assert!(sign_in(&app, login, "horse").await.is_err());
    }
}

async fn a_name_that_is_an_address_lets_its_own_user_in_only(db: TestDb) {
    let app = app(db, &[Username, Email, Phone]).await;
    app.user_with("bob", "bob@example.com", &hash("bobs-horse"))
        .await;
    app.user_with(
        "bob@example.com",
        "mallory@example.com",
        &hash("mallorys-horse"),
    )
    .await;
    let carl = app.user_with("carl", "", &hash("carls-horse")).await;
    set_phone(&app, carl, "+4915112345678", true).await;
    app.user_with("+4915112345678", "", &hash("dreds-horse"))
        .await;
    for (login, password, name) in [
        ("bob@example.com", "bobs-horse", "bob"),
        ("bob@example.com", "mallorys-horse", "bob@example.com"),
        ("+4915112345678", "carls-horse", "carl"),
        ("+4915112345678", "dreds-horse", "+4915112345678"),
    ] {
        assert_eq!(sign_in(&app, login, password).await.unwrap(), name);
    }
    // The mistake of one is that of the derived method, whoever it is about.
    let wrong = code(&app, "bob@example.com", "carls-horse").await;
    assert_eq!(wrong, "email_password_mismatch");
}

async fn who_confirmed_an_address_or_number_is_meant_alone(db: TestDb) {
    let app = app(db, &[Email, Phone]).await;
    let first = app
        .user_with("first", "one@example.com", &hash("first-horse"))
        .await;
    app.user_with("second", "one@example.com", &hash("second-horse"))
        .await;
    for (password, name) in [("first-horse", "first"), ("second-horse", "second")] {
        let done = sign_in(&app, "one@example.com", password).await;
        assert_eq!(
            done.unwrap(),
            name,
            "nobody confirmed it: each by the own password"
        );
    }
    set_verified(&app, first, "one@example.com").await;
    let done = sign_in(&app, "one@example.com", "second-horse").await;
    assert!(done.is_err(), "it is the first one's now");
    assert_eq!(
        sign_in(&app, "one@example.com", "first-horse")
            .await
            .unwrap(),
        "first"
    );
    let second = app.hallpass.db();
    for (name, verified) in [("third", false), ("fourth", true)] {
        let id = app
            .user_with(name, "", &hash(&format!("{name}-horse")))
            .await;
        let number = PhoneNumber {
            phone: "+4915100000001".to_owned(),
            verified,
        };
        let now = app.hallpass.now();
        phone::set(second.conn(), id, &number, now).await.unwrap();
    }
    let done = sign_in(&app, "+4915100000001", "third-horse").await;
    assert!(done.is_err(), "only claimed");
    assert_eq!(
        sign_in(&app, "+4915100000001", "fourth-horse")
            .await
            .unwrap(),
        "fourth"
    );
}

async fn two_names_that_differ_by_case_are_two_people(db: TestDb) {
    let app = app(db, &[Username]).await;
    app.user_with("Ann", "", &hash("big-horse")).await;
    app.user_with("ann", "", &hash("small-horse")).await;
    assert_eq!(sign_in(&app, "Ann", "big-horse").await.unwrap(), "Ann");
    assert_eq!(sign_in(&app, "ann", "small-horse").await.unwrap(), "ann");
    for (login, password) in [
        ("Ann", "small-horse"),
        ("ann", "big-horse"),
        ("ANN", "big-horse"),
        ("ANN", "small-horse"),
    ] {
        assert!(sign_in(&app, login, password).await.is_err(), "{login}");
    }
}

async fn who_is_switched_off_hears_of_it_with_the_right_password_only(db: TestDb) {
    let app = app(db, &[Username, Email, Phone]).await;
    let ann = app
        .user_with("ann", "ann@example.com", &hash("horse"))
        .await;
    set_phone(&app, ann, "+4915112345678", true).await;
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    for (login, method) in [
        ("ann", "username_password_mismatch"),
        ("ann@example.com", "email_password_mismatch"),
        ("+4915112345678", "phone_password_mismatch"),
    ] {
        assert_eq!(
            code(&app, login, "horse").await,
            "account_inactive",
            "{login}"
        );
        assert_eq!(code(&app, login, "guessed").await, method, "{login}");
    }
    assert_eq!(app.count("hallpass_event WHERE kind = 'login'").await, 0);
    assert_eq!(app.count("auth_user WHERE last_login IS NOT NULL").await, 0);
}
