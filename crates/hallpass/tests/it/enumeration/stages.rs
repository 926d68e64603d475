//! The stage that only looks like one: wrong codes, attempts, another letter, another address, giving up. What differs is
//! in letters alone, and in those that a stranger can read there is nothing either.

use std::sync::Arc;

use hallpass::domain::{Login, User};
use hallpass::{Cx, Error, hooks};

use super::*;
use crate::accounts::code_in;

each_database!(
    a_stage_by_code_goes_like_a_real_one,
    a_stage_by_link_goes_like_a_real_one,
    a_stage_is_given_up_like_a_real_one,
    another_address_that_is_taken_too,
    an_account_that_changes_to_a_taken_address_keeps_its_own,
    a_stage_by_phone_goes_like_a_real_one,
    a_taken_address_and_a_number_of_ones_own,
    a_taken_number_and_an_address_of_ones_own,
    a_taken_number_with_a_code_demanded_first,
    a_taken_number_where_it_may_be_told,
    a_taken_number_where_none_is_confirmed,
    a_code_asked_for_passes_no_stage_of_the_apps_before_it_came,
);

const HERE: &str = "/accounts/confirm-email/";
const WRONG: [(&str, &str); 1] = [("code", "BBBB-BBBB")];
const RESEND: [(&str, &str); 1] = [("action", "resend")];

const BY_CODE: [(&str, &str); 5] = [
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    ("ACCOUNT_EMAIL_REQUIRED", "true"),
    ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true"),
    ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND", "1"),
    ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE", "2"),
];

async fn app_with(db: &TestDb, own: &[(&str, &str)]) -> TestApp {
    TestApp::with(db.clone(), |settings| configure(settings, own)).await
}

fn sign_up() -> Step {
    post(
        "/accounts/signup/",
        &[
            ("username", "new-{name}"),
            ("email", "{email}"),
            ("phone", "{phone}"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ],
    )
}

fn subjects(played: &Played) -> Vec<&str> {
    let sent = played.sent.iter();
    sent.map(|(_, subject)| subject.trim_start_matches("[example.com] "))
        .collect()
}

const EXISTS: &str = "Your e-mail address: there is an account already";
const CONFIRM: &str = "Your code to confirm your e-mail address";

async fn a_stage_by_code_goes_like_a_real_one(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    ann(&app).await;
    let steps = [
        get("/accounts/signup/"),
        sign_up(),
        get(HERE),
        get("/accounts/login/"),
        get("/accounts/signup/"),
        get("/accounts/login/code/confirm/"),
        get("/accounts/phone/verify/"),
        get("/accounts/profile/"),
        get("/accounts/"),
        post(HERE, &WRONG),
        post(HERE, &[("code", "")]),
        post(HERE, &RESEND),
        get(HERE),
        post(HERE, &RESEND),
        post(HERE, &WRONG),
        post(HERE, &[("action", "change"), ("email", "not an address")]),
        post(HERE, &WRONG),
        get(HERE),
        post(HERE, &WRONG),
        get("/accounts/login/"),
    ];
    let known = play(&app, &mut app.browser(), ANN, &steps).await;
    let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
    alike_but(&known, &unknown, &["\"resend\""]);
    let statuses = known.statuses();
    assert_eq!((statuses[1], statuses[2]), ((302, HERE), (200, "")));
    assert_eq!(
        (statuses[11], statuses[13].0),
        ((302, HERE), 400),
        "one resend"
    );
    assert_eq!(statuses[14].0, 400, "the second attempt");
    assert_eq!(
        statuses[16],
        (302, "/accounts/login/"),
        "the third was the last"
    );
    assert_eq!(subjects(&known), [EXISTS], "a resend is silent");
    assert_eq!(subjects(&unknown), [CONFIRM; 2]);
}

async fn a_stage_by_link_goes_like_a_real_one(db: TestDb) {
    let app = app_with(&db, &BY_CODE[..2]).await;
    ann(&app).await;
    let steps = [
        sign_up(),
        get(HERE),
        post(HERE, &RESEND),
        get(HERE),
        post(HERE, &WRONG),
        post(HERE, &[("action", "change"), ("email", "{email}")]),
        get("/accounts/login/"),
        post(HERE, &[("action", "cancel")]),
        get(HERE),
    ];
    let known = play(&app, &mut app.browser(), ANN, &steps).await;
    let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
    alike_but(&known, &unknown, &["\"resend\""]);
    assert_eq!(known.statuses()[..3], [(302, HERE), (200, ""), (302, HERE)]);
    assert_eq!(subjects(&known), [EXISTS]);
    assert_eq!(subjects(&unknown), ["Confirm your e-mail address"; 2]);
}

async fn a_stage_is_given_up_like_a_real_one(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    ann(&app).await;
    let steps = [
        sign_up(),
        post(HERE, &[("action", "cancel")]),
        get(HERE),
        post(HERE, &WRONG),
        post(HERE, &RESEND),
        get("/accounts/login/"),
    ];
    let (known, unknown) = compare(&app, &steps).await;
    assert_eq!(known.statuses()[1], (302, "/accounts/login/"));
    assert_eq!((known.sent.len(), unknown.sent.len()), (1, 1));
    assert_eq!(app.count("hallpass_code").await, 0);
}

/// Cat has an account too.
const CAT: Person = Person {
    name: "catqx",
    email: "catqx@example.com",
    phone: "+4915112345673",
};

async fn another_address_that_is_taken_too(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    ann(&app).await;
    account(&app, CAT, true).await;
    let steps = [
        sign_up(),
        post(HERE, &[("action", "change"), ("email", CAT.email)]),
        get(HERE),
        post(HERE, &RESEND),
        post(HERE, &WRONG),
    ];
    let known = play(&app, &mut app.browser(), ANN, &steps).await;
    let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
    for (known, unknown) in known.seen.iter().zip(&unknown.seen) {
        assert_eq!(known, unknown);
    }
    assert_eq!(known.statuses()[1], (302, HERE));
    let to = |played: &Played| -> Vec<String> {
        let sent = played.sent.iter();
        sent.map(|(to, subject)| format!("{to} {subject}"))
            .collect()
    };
    let exists = format!("{} [example.com] {EXISTS}", CAT.email);
    assert_eq!(
        to(&known),
        [format!("{{email}} [example.com] {EXISTS}"), exists.clone()]
    );
    assert_eq!(
        to(&unknown),
        [format!("{{email}} [example.com] {CONFIRM}"), exists]
    );
}

async fn an_account_that_changes_to_a_taken_address_keeps_its_own(db: TestDb) {
    let app = app_with(&db, &BY_CODE).await;
    ann(&app).await;
    let mut browser = app.browser();
    let steps = [
        sign_up(),
        post(HERE, &[("action", "change"), ("email", ANN.email)]),
    ];
    play(&app, &mut browser, BOB, &steps).await;
    let bob = hallpass::store::user::by_username(app.db.db.conn(), "new-bobqx")
        .await
        .unwrap();
    assert_eq!(bob[0].email, BOB.email);
    let back = [post(HERE, &[("action", "change"), ("email", "{email}")])];
    let played = play(&app, &mut browser, BOB, &back).await;
    assert_eq!(subjects(&played), [CONFIRM]);
    let code = code_in(&played.words[0]);
    let done = browser.fill(HERE, &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    let owners = hallpass::store::user::by_email(app.db.db.conn(), ANN.email)
        .await
        .unwrap();
    assert_eq!(owners.len(), 1);
    app.no_other_letter_was_sent().await;
}

const PHONE: &str = "/accounts/phone/verify/";

const WITH_PHONE: [(&str, &str); 7] = [
    ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true"),
    ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE", "0"),
    ("ACCOUNT_LOGIN_METHODS", r#"["email", "phone"]"#),
    (
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["username*", "email*", "phone*", "password1*", "password2*"]"#,
    ),
    ("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND", "1"),
    ("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE", "1"),
];

const IS_TAKEN: &str = "There is an account";
const CODE_TEXT: &str = "is your code to";

async fn a_stage_by_phone_goes_like_a_real_one(db: TestDb) {
    let app = app_with(&db, &WITH_PHONE).await;
    ann(&app).await;
    let steps = [
        get("/accounts/signup/"),
        sign_up(),
        get(PHONE),
        get("/accounts/login/"),
        get(HERE),
        post(PHONE, &WRONG),
        post(PHONE, &[("code", "")]),
        post(PHONE, &RESEND),
        get(PHONE),
        post(PHONE, &RESEND),
        post(PHONE, &WRONG),
        post(PHONE, &[("action", "change"), ("phone", "nonsense")]),
        post(PHONE, &WRONG),
        get(PHONE),
        post(PHONE, &WRONG),
        sign_up_again(),
        post(PHONE, &[("action", "cancel")]),
        get(PHONE),
    ];
    // The number is taken; addresses are free.
    let ann = Person {
        email: "annqy@example.com",
        ..ANN
    };
    let known = play(&app, &mut app.browser(), ann, &steps).await;
    let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
    alike_but(&known, &unknown, &["\"resend\""]);
    let statuses = known.statuses();
    assert_eq!(statuses[1..3], [(302, PHONE), (200, "")]);
    assert_eq!(
        (statuses[7], statuses[9].0),
        ((302, PHONE), 400),
        "one resend"
    );
    assert_eq!(statuses[12].0, 302, "the third wrong code was the last");
    assert_eq!(
        subjects(&known),
        [IS_TAKEN],
        "a resend is silent, and so is all else"
    );
    assert_eq!(subjects(&unknown), [CODE_TEXT; 2]);
    assert_eq!(app.count("auth_user").await, 2);
}

/// A signup that fails in the form, whoever it is.
fn sign_up_again() -> Step {
    post("/accounts/signup/", &[("email", "{email}")])
}

/// The visitor can read the text: it must be the one that any signup brings.
async fn a_taken_address_and_a_number_of_ones_own(db: TestDb) {
    let app = app_with(&db, &WITH_PHONE).await;
    ann(&app).await;
    let ann = Person {
        phone: "+4915112345675",
        ..ANN
    };
    let mut played = Vec::new();
    for who in [ann, BOB] {
        let mut browser = app.browser();
        let first = play(&app, &mut browser, who, &[sign_up(), get(PHONE)]).await;
        assert_eq!(subjects(&first), [CODE_TEXT]);
        let code = first.words[0].split_whitespace().next().unwrap();
        let steps = [
            post(PHONE, &[("code", code)]),
            get(PHONE),
            get(HERE),
            post(HERE, &WRONG),
            get("/accounts/profile/"),
        ];
        let second = play(&app, &mut browser, who, &steps).await;
        assert_eq!(second.statuses()[0], (302, HERE), "the number is proved");
        played.push((first, second));
    }
    let unknown = played.pop().unwrap();
    let known = played.pop().unwrap();
    alike(&known.0, &unknown.0);
    for (known, unknown) in known.1.seen[1..].iter().zip(&unknown.1.seen[1..]) {
        assert_eq!(known, unknown);
    }
    assert_eq!(subjects(&known.1), [EXISTS]);
    assert_eq!(subjects(&unknown.1), [CONFIRM]);
    assert_eq!(app.count("auth_user").await, 2, "Ann and Bob");
}

async fn a_taken_number_and_an_address_of_ones_own(db: TestDb) {
    let app = app_with(&db, &WITH_PHONE).await;
    ann(&app).await;
    let ann = Person {
        email: "annqy@example.com",
        ..ANN
    };
    let known = play(
        &app,
        &mut app.browser(),
        ann,
        &[sign_up(), get(PHONE), get(HERE)],
    )
    .await;
    let unknown = play(
        &app,
        &mut app.browser(),
        BOB,
        &[sign_up(), get(PHONE), get(HERE)],
    )
    .await;
    alike(&known, &unknown);
    assert_eq!(subjects(&known), [IS_TAKEN], "the mailbox gets nothing");
    assert_eq!(subjects(&unknown), [CODE_TEXT]);
}

/// A code by mail comes first: its letter is the visitor's own, and the same as ever.
async fn a_taken_number_with_a_code_demanded_first(db: TestDb) {
    let mut own = WITH_PHONE.to_vec();
    own.push(("ACCOUNT_LOGIN_BY_CODE_REQUIRED", r#"["password"]"#));
    let app = app_with(&db, &own).await;
    ann(&app).await;
    let first = "/accounts/login/code/confirm/";
    let ann = Person {
        email: "annqy@example.com",
        ..ANN
    };
    for (who, next) in [(ann, IS_TAKEN), (BOB, CODE_TEXT)] {
        let mut browser = app.browser();
        let played = play(&app, &mut browser, who, &[sign_up(), get(first)]).await;
        assert_eq!(played.statuses(), [(302, first), (200, "")]);
        assert_eq!(subjects(&played), ["Your sign-in code"]);
        let code = code_in(&played.words[0]);
        let steps = [
            post(first, &[("code", &code)]),
            get(PHONE),
            post(PHONE, &WRONG),
        ];
        let played = play(&app, &mut browser, who, &steps).await;
        assert_eq!(played.statuses(), [(302, PHONE), (200, ""), (400, "")]);
        assert_eq!(subjects(&played), [next]);
    }
}

async fn a_taken_number_where_it_may_be_told(db: TestDb) {
    let mut own = WITH_PHONE.to_vec();
    own.push(("ACCOUNT_PREVENT_ENUMERATION", "false"));
    let app = app_with(&db, &own).await;
    ann(&app).await;
    let ann = Person {
        email: "annqy@example.com",
        ..ANN
    };
    let played = play(&app, &mut app.browser(), ann, &[sign_up()]).await;
    assert_eq!(played.statuses(), [(400, "")]);
    let words = "An account has this phone number already.";
    assert!(played.seen[0].text.contains(words));
    assert_eq!(played.sent, []);
    assert_eq!(app.count("auth_user").await, 1);
}

/// Then there is no stage that could come to nothing unseen: as with addresses that are not confirmed.
async fn a_taken_number_where_none_is_confirmed(db: TestDb) {
    let mut own = WITH_PHONE.to_vec();
    own.push(("ACCOUNT_PHONE_VERIFICATION_ENABLED", "false"));
    for (prevention, status, users) in [("true", 400, 1), ("strict", 302, 2)] {
        let mut own = own.clone();
        own.push(("ACCOUNT_PREVENT_ENUMERATION", prevention));
        let app = app_with(&db, &own).await;
        if users == 1 {
            ann(&app).await;
        }
        let ann = Person {
            email: "annqy@example.com",
            ..ANN
        };
        let played = play(&app, &mut app.browser(), ann, &[sign_up()]).await;
        assert_eq!(played.statuses()[0].0, status, "{prevention}");
        assert_eq!(app.count("auth_user").await, users, "{prevention}");
        let letters = usize::try_from(users - 1).unwrap();
        assert_eq!(played.sent.len(), letters, "{:?}", played.sent);
    }
}

/// An app whose own stage comes before ours, for everybody.
struct Terms;

#[hallpass::async_trait]
impl hooks::Login for Terms {
    fn stages(&self) -> Vec<hooks::OwnStage> {
        vec![hooks::OwnStage {
            key: "terms".to_owned(),
            page: "/terms/".to_owned(),
            first: true,
        }]
    }

    async fn needs_stage(&self, _: &mut Cx, _: &str, _: &User, _: &Login) -> Result<bool, Error> {
        Ok(true)
    }
}

async fn a_code_asked_for_passes_no_stage_of_the_apps_before_it_came(db: TestDb) {
    let own = [("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true")];
    let app = TestApp::built(
        db,
        |settings| configure(settings, &own),
        |builder| builder.on_login(Arc::new(Terms)),
    )
    .await;
    ann(&app).await;
    let confirm = "/accounts/login/code/confirm/";
    let ask = post("/accounts/login/code/", &[("email", "{email}")]);
    let mut browser = app.browser();
    let known = play(&app, &mut browser, ANN, &[ask, get(confirm)]).await;
    let ask = post("/accounts/login/code/", &[("email", "{email}")]);
    let unknown = play(&app, &mut app.browser(), BOB, &[ask, get(confirm)]).await;
    alike(&known, &unknown);
    assert_eq!(known.statuses(), [(302, confirm), (200, "")]);
    let code = code_in(&known.words[0]);
    let done = browser.fill(confirm, &[("code", &code)]).await;
    assert_eq!(done.location(), "/terms/", "and then it comes");
}
