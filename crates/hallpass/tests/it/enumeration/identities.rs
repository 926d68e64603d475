//! Everything else that names somebody: resets, codes, links, passwords, addresses and numbers that are another's.

use hallpass_testkit::app::link_in;

use super::*;
use crate::accounts::code_in;

each_database!(
    a_reset_by_link,
    a_reset_by_code,
    a_reset_where_strangers_get_no_letter,
    a_reset_where_it_may_be_told,
    a_login_code_by_mail,
    a_login_code_by_phone,
    a_login_code_where_strangers_get_nothing,
    a_login_code_where_it_may_be_told,
    a_login_link,
    a_wrong_password,
    a_password_for_somebody_who_has_none,
    somebody_switched_off_is_nobody,
    adding_an_address_by_link,
    adding_an_address_by_code,
    adding_an_address_where_it_may_be_told,
    changing_to_a_number,
    changing_to_a_number_where_it_may_be_told,
);

const MODES: [&str; 2] = ["true", "strict"];

type Own<'a> = [(&'a str, &'a str)];

async fn app_with(db: &TestDb, prevention: &str, own: &Own<'_>) -> TestApp {
    TestApp::with(db.clone(), |settings| {
        let mut all = vec![("ACCOUNT_PREVENT_ENUMERATION", prevention)];
        all.extend_from_slice(own);
        configure(settings, &all);
    })
    .await
}

/// What was sent, to the person's own address or number.
fn sent(played: &Played) -> Vec<&str> {
    let all = played.sent.iter();
    all.map(|(to, subject)| {
        assert!(to == "{email}" || to == "{phone}", "{to}");
        subject.trim_start_matches("[example.com] ")
    })
    .collect()
}

const WRONG: [(&str, &str); 1] = [("code", "BBBB-BBBB")];

fn ask_for_reset() -> Step {
    post("/accounts/password/reset/", &[("email", "{email}")])
}

async fn a_reset_by_link(db: TestDb) {
    for (index, prevention) in MODES.into_iter().enumerate() {
        let app = app_with(&db, prevention, &[]).await;
        if index == 0 {
            ann(&app).await;
        }
        let steps = [ask_for_reset(), get("/accounts/password/reset/done/")];
        let (known, unknown) = compare(&app, &steps).await;
        let statuses = [(302, "/accounts/password/reset/done/"), (200, "")];
        assert_eq!(known.statuses(), statuses);
        assert_eq!(sent(&known), ["Your new password"]);
        let stranger = ["Your new password: no account with this address"];
        assert_eq!(sent(&unknown), stranger);
    }
}

async fn a_reset_by_code(db: TestDb) {
    let own = [("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", "true")];
    let confirm = "/accounts/password/reset/confirm/";
    for (index, prevention) in MODES.into_iter().enumerate() {
        let app = app_with(&db, prevention, &own).await;
        if index == 0 {
            ann(&app).await;
        }
        let steps = [
            ask_for_reset(),
            get(confirm),
            post(confirm, &[("code", "")]),
            post(confirm, &WRONG),
            get("/accounts/password/reset/complete/"),
            post(confirm, &WRONG),
            post(confirm, &WRONG),
            post(confirm, &WRONG),
            get(confirm),
            get("/accounts/password/reset/"),
            ask_for_reset(),
            post(confirm, &[("action", "cancel")]),
            get(confirm),
        ];
        let (known, unknown) = compare(&app, &steps).await;
        assert_eq!(
            known.statuses()[..4],
            [(302, confirm), (200, ""), (400, ""), (400, "")]
        );
        let over = known.statuses()[6];
        assert_eq!(over, (302, "/accounts/password/reset/"), "three attempts");
        assert_eq!(sent(&known), ["Your code for a new password"; 2]);
        let stranger = ["Your new password: no account with this address"; 2];
        assert_eq!(sent(&unknown), stranger);
    }
}

async fn a_reset_where_strangers_get_no_letter(db: TestDb) {
    for (index, by_code) in ["false", "true"].into_iter().enumerate() {
        let own = [
            ("ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS", "false"),
            ("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", by_code),
        ];
        let app = app_with(&db, "true", &own).await;
        if index == 0 {
            ann(&app).await;
        }
        let steps = [ask_for_reset()];
        let known = play(&app, &mut app.browser(), ANN, &steps).await;
        let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
        alike_but(&known, &unknown, &["reset"]);
        assert_eq!((known.sent.len(), unknown.sent.len()), (1, 0));
        assert_eq!(app.count("hallpass_outbox").await, 0);
    }
}

/// Whoever has no account is told so in the form, and hears nothing else.
async fn is_told(app: &TestApp, ask: Step, words: &str) {
    let steps = [ask];
    let known = play(app, &mut app.browser(), ANN, &steps).await;
    let unknown = play(app, &mut app.browser(), BOB, &steps).await;
    assert_eq!(known.statuses()[0].0, 302);
    assert_eq!(unknown.statuses(), [(400, "")]);
    let text = &play(app, &mut app.browser(), BOB, &steps).await.seen[0].text;
    assert!(text.contains(words), "{text}");
    assert_eq!((known.sent.len(), unknown.sent.len()), (1, 0));
}

async fn a_reset_where_it_may_be_told(db: TestDb) {
    for (index, by_code) in ["false", "true"].into_iter().enumerate() {
        let own = [("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", by_code)];
        let app = app_with(&db, "false", &own).await;
        if index == 0 {
            ann(&app).await;
        }
        is_told(&app, ask_for_reset(), "No account has this e-mail address.").await;
    }
}

const BY_PHONE: [(&str, &str); 3] = [
    ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true"),
    ("ACCOUNT_LOGIN_METHODS", r#"["email", "phone"]"#),
    (
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["email*", "phone*", "password1*"]"#,
    ),
];

const CODE: &str = "/accounts/login/code/";
const CONFIRM: &str = "/accounts/login/code/confirm/";

/// Asked for by `field`, resent, mistyped until it is over, given up.
fn code_steps(field: &'static str) -> Vec<Step> {
    let own = if field == "email" {
        "{email}"
    } else {
        "{phone}"
    };
    vec![
        post(CODE, &[(field, own)]),
        get(CONFIRM),
        get("/accounts/login/"),
        post(CONFIRM, &WRONG),
        post(CONFIRM, &[("code", "")]),
        post(CONFIRM, &[("action", "resend")]),
        get(CONFIRM),
        post(CONFIRM, &[("action", "resend")]),
        post(CONFIRM, &WRONG),
        post(CONFIRM, &WRONG),
        get(CONFIRM),
        get("/accounts/login/"),
        post(CODE, &[(field, own)]),
        get("/accounts/confirm-email/"),
        get("/accounts/phone/verify/"),
        post("/accounts/confirm-email/", &WRONG),
        post(CONFIRM, &[("action", "cancel")]),
        post(CONFIRM, &WRONG),
    ]
}

async fn login_codes(db: TestDb, field: &'static str) {
    let mut own = BY_PHONE.to_vec();
    own.push(("ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND", "1"));
    for (index, prevention) in MODES.into_iter().enumerate() {
        let app = app_with(&db, prevention, &own).await;
        if index == 0 {
            ann(&app).await;
        }
        let steps = code_steps(field);
        let known = play(&app, &mut app.browser(), ANN, &steps).await;
        let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
        alike_but(&known, &unknown, &["(\"action\", \"resend\")"]);
        let statuses = known.statuses();
        assert_eq!(statuses[..2], [(302, CONFIRM), (200, "")]);
        assert_eq!(statuses[5], (302, CONFIRM), "resent once");
        assert_eq!(statuses[7].0, 400, "and not again");
        assert_eq!(statuses[8].0, 400, "the second attempt");
        assert_eq!(statuses[9].0, 302, "the third was the last");
        let (code, stranger) = match field {
            "email" => (
                "Your sign-in code",
                "Your sign-in code: no account with this address",
            ),
            _ => ("is your sign-in code", "Somebody asked for a"),
        };
        assert_eq!(sent(&known), [code; 3]);
        assert_eq!(sent(&unknown), [stranger; 2], "a resend is silent");
    }
}

async fn a_login_code_by_mail(db: TestDb) {
    login_codes(db, "email").await;
}

async fn a_login_code_by_phone(db: TestDb) {
    login_codes(db, "phone").await;
}

async fn a_login_code_where_strangers_get_nothing(db: TestDb) {
    let mut own = BY_PHONE.to_vec();
    own.push(("ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS", "false"));
    let app = app_with(&db, "true", &own).await;
    ann(&app).await;
    for (field, value) in [("email", "{email}"), ("phone", "{phone}")] {
        let steps = [post(CODE, &[(field, value)]), get(CONFIRM)];
        let known = play(&app, &mut app.browser(), ANN, &steps).await;
        let unknown = play(&app, &mut app.browser(), BOB, &steps).await;
        alike_but(&known, &unknown, &["POST"]);
        assert_eq!((known.sent.len(), unknown.sent.len()), (1, 0), "{field}");
    }
}

async fn a_login_code_where_it_may_be_told(db: TestDb) {
    let app = app_with(&db, "false", &BY_PHONE).await;
    ann(&app).await;
    let ask = post(CODE, &[("email", "{email}")]);
    is_told(&app, ask, "No account has this e-mail address.").await;
    let ask = post(CODE, &[("phone", "{phone}")]);
    is_told(&app, ask, "No account has this phone number.").await;
}

async fn a_login_link(db: TestDb) {
    for (index, prevention) in MODES.into_iter().enumerate() {
        let app = app_with(&db, prevention, &[]).await;
        if index == 0 {
            ann(&app).await;
        }
        let ask = post("/accounts/login/link/", &[("email", "{email}")]);
        let steps = [ask, get("/accounts/login/link/sent/")];
        let (known, unknown) = compare(&app, &steps).await;
        let statuses = [(302, "/accounts/login/link/sent/"), (200, "")];
        assert_eq!(known.statuses(), statuses);
        assert_eq!(sent(&known), ["Your sign-in link"]);
        let stranger = ["Your sign-in link: no account with this address"];
        assert_eq!(sent(&unknown), stranger);
    }
}

const ALL_METHODS: [(&str, &str); 2] = [
    ("ACCOUNT_LOGIN_METHODS", r#"["username", "email", "phone"]"#),
    (
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["username*", "email*", "phone*", "password1*"]"#,
    ),
];

fn sign_in(login: &str) -> Step {
    post(
        "/accounts/login/",
        &[("login", login), ("password", "not-this-one-9")],
    )
}

/// Usernames are not protected elsewhere, but a sign-in tells nothing in any mode.
async fn a_wrong_password(db: TestDb) {
    for (index, prevention) in ["true", "strict", "false"].into_iter().enumerate() {
        let app = app_with(&db, prevention, &ALL_METHODS).await;
        if index == 0 {
            ann(&app).await;
        }
        for login in ["{name}", "{email}", "{phone}"] {
            let steps = [sign_in(login), get("/accounts/login/")];
            let (known, unknown) = compare(&app, &steps).await;
            assert_eq!(known.statuses(), [(400, ""), (200, "")], "{login}");
            assert!(known.seen[0].text.contains("is not correct."));
            assert_eq!((known.sent.len(), unknown.sent.len()), (0, 0));
        }
    }
}

async fn a_password_for_somebody_who_has_none(db: TestDb) {
    let app = app_with(&db, "true", &ALL_METHODS).await;
    app.user(ANN.name, ANN.email).await;
    for login in ["{name}", "{email}"] {
        let (known, _) = compare(&app, &[sign_in(login)]).await;
        assert_eq!(known.statuses(), [(400, "")], "{login}");
    }
}

async fn somebody_switched_off_is_nobody(db: TestDb) {
    for (index, by_code) in ["false", "true"].into_iter().enumerate() {
        let own = [
            ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true"),
            ("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", by_code),
        ];
        let app = app_with(&db, "true", &own).await;
        if index == 0 {
            ann(&app).await;
            app.sql("UPDATE auth_user SET is_active = FALSE").await;
        }
        let steps = [
            ask_for_reset(),
            post(CODE, &[("email", "{email}")]),
            get(CONFIRM),
            post("/accounts/login/link/", &[("email", "{email}")]),
            sign_in("{name}"),
        ];
        let (known, unknown) = compare(&app, &steps).await;
        assert_eq!(known.sent, unknown.sent);
        assert!(
            sent(&known)
                .iter()
                .all(|subject| subject.contains("no account"))
        );
    }
}

const ADDED: &str = "/accounts/email/";

fn add() -> Step {
    post(ADDED, &[("email", "{email}"), ("action_add", "1")])
}

/// Two users, each of whom adds one address: Ann's, and one that nobody has.
async fn adding(app: &TestApp, steps: &[Step]) -> ((Browser, Played), (Browser, Played)) {
    let cat = Person {
        name: "catqx",
        ..ANN
    };
    let dan = Person {
        name: "danqx",
        ..BOB
    };
    let mut first = signed_in(app, cat.name, "+4915112345673").await;
    let mut second = signed_in(app, dan.name, "+4915112345674").await;
    let known = play(app, &mut first, cat, steps).await;
    let unknown = play(app, &mut second, dan, steps).await;
    ((first, known), (second, unknown))
}

/// With prevention it is taken whether or not addresses must be confirmed: anybody with an account could ask otherwise.
async fn adding_an_address_by_link(db: TestDb) {
    for (index, (prevention, verification)) in [
        ("true", "optional"),
        ("true", "mandatory"),
        ("strict", "none"),
    ]
    .into_iter()
    .enumerate()
    {
        let own = [
            ("ACCOUNT_EMAIL_VERIFICATION", verification),
            ("ACCOUNT_EMAIL_REQUIRED", "true"),
        ];
        let app = app_with(&db, prevention, &own).await;
        if index == 0 {
            ann(&app).await;
        } else {
            app.sql("DELETE FROM usersessions_usersession").await;
            app.sql("DELETE FROM hallpass_phone WHERE user_id <> (SELECT min(id) FROM auth_user)")
                .await;
            app.sql(
                "DELETE FROM account_emailaddress WHERE user_id <> (SELECT min(id) FROM auth_user)",
            )
            .await;
            app.sql("DELETE FROM auth_user WHERE id <> (SELECT min(id) FROM auth_user)")
                .await;
        }
        let ((mut cat, known), (mut dan, unknown)) = adding(&app, &[add(), get(ADDED)]).await;
        alike(&known, &unknown);
        assert_eq!(known.statuses(), [(302, ADDED), (200, "")]);
        assert_eq!(sent(&known), ["Confirm your e-mail address"]);
        assert_eq!(known.sent, unknown.sent, "an ordinary letter");
        let taken = cat.fill(&link_in(&known.words[0]), &[]).await;
        assert_eq!(taken.status, 403);
        assert!(
            taken
                .text
                .contains("An account has this e-mail address already.")
        );
        let confirmed = dan.fill(&link_in(&unknown.words[0]), &[]).await;
        assert_eq!(confirmed.status, 302);
        let owners = hallpass::store::user::by_email(app.db.db.conn(), ANN.email)
            .await
            .unwrap();
        let verified = owners.iter().filter(|owner| owner.verified).count();
        assert_eq!((owners.len(), verified), (2, 1), "it stays Ann's");
        app.no_other_letter_was_sent().await;
    }
}

async fn adding_an_address_by_code(db: TestDb) {
    let own = [
        ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
        ("ACCOUNT_EMAIL_REQUIRED", "true"),
        ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true"),
        ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND", "1"),
    ];
    let app = app_with(&db, "true", &own).await;
    ann(&app).await;
    let here = "/accounts/confirm-email/";
    let steps = [
        add(),
        get(here),
        post(here, &WRONG),
        post(here, &[("action", "resend")]),
        get(here),
        get(ADDED),
    ];
    let ((mut cat, known), (mut dan, unknown)) = adding(&app, &steps).await;
    alike(&known, &unknown);
    assert_eq!(
        sent(&known),
        ["Your code to confirm your e-mail address"; 2]
    );
    assert_eq!(known.sent, unknown.sent);
    for (browser, played) in [(&mut cat, &known), (&mut dan, &unknown)] {
        let code = code_in(&played.words[1]);
        let done = browser.fill(here, &[("code", &code)]).await;
        assert_eq!((done.status.as_u16(), done.location()), (302, ADDED));
    }
    let taken = cat.get(ADDED).await.text;
    assert!(
        taken.contains("An account has this e-mail address already."),
        "{taken}"
    );
    assert!(!taken.contains(ANN.email), "nothing of it is kept");
    assert!(dan.get(ADDED).await.text.contains(BOB.email));
}

async fn adding_an_address_where_it_may_be_told(db: TestDb) {
    let app = app_with(&db, "false", &[]).await;
    ann(&app).await;
    let ((_, known), (_, unknown)) = adding(&app, &[add()]).await;
    assert_eq!(
        (known.statuses(), unknown.statuses()),
        (vec![(400, "")], vec![(302, ADDED)])
    );
    let words = "An account has this e-mail address already.";
    assert!(known.seen[0].text.contains(words));
    assert_eq!((known.sent.len(), unknown.sent.len()), (0, 1));
}

const VERIFY: &str = "/accounts/phone/verify/";

fn change_number() -> Vec<Step> {
    vec![
        post("/accounts/phone/change/", &[("phone", "{phone}")]),
        get(VERIFY),
        post(VERIFY, &[("code", "")]),
        post(VERIFY, &WRONG),
        post(VERIFY, &[("action", "resend")]),
        get(VERIFY),
        get("/accounts/phone/change/"),
    ]
}

const PHONES: [(&str, &str); 2] = [
    ALL_METHODS[1],
    ("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND", "1"),
];

async fn changing_to_a_number(db: TestDb) {
    let app = app_with(&db, "true", &PHONES).await;
    ann(&app).await;
    let cat = Person {
        name: "catqx",
        ..ANN
    };
    let dan = Person {
        name: "danqx",
        ..BOB
    };
    // The number that each has is on the page, so they take turns with one that is the same length.
    let mut first = signed_in(&app, cat.name, "+4915112345673").await;
    let mut second = signed_in(&app, dan.name, "+4915112345674").await;
    let mut steps = change_number();
    steps.pop();
    let known = play(&app, &mut first, cat, &steps).await;
    let unknown = play(&app, &mut second, dan, &steps).await;
    alike_but(&known, &unknown, &["(\"action\", \"resend\")"]);
    assert_eq!(known.statuses()[0], (302, VERIFY));
    assert_eq!(
        sent(&known),
        ["There is an account"],
        "and a resend is silent"
    );
    assert_eq!(sent(&unknown), ["is your code to"; 2]);
    let code = unknown.words[1].split_whitespace().next().unwrap();
    let done = first.fill(VERIFY, &[("code", code)]).await;
    assert_eq!(done.status, 400, "another's code is worth nothing");
    let done = second.fill(VERIFY, &[("code", code)]).await;
    assert_eq!(done.location(), "/accounts/phone/change/");
    let owners = hallpass::store::phone::owners(app.db.db.conn(), ANN.phone)
        .await
        .unwrap();
    assert_eq!(owners.len(), 1, "it stays Ann's");
    let owners = hallpass::store::phone::owners(app.db.db.conn(), BOB.phone)
        .await
        .unwrap();
    assert!(owners[0].user.username == "danqx" && owners[0].number.verified);
}

async fn changing_to_a_number_where_it_may_be_told(db: TestDb) {
    let app = app_with(&db, "false", &PHONES).await;
    ann(&app).await;
    let mut cat = signed_in(&app, "catqx", "+4915112345673").await;
    let told = cat
        .fill("/accounts/phone/change/", &[("phone", ANN.phone)])
        .await;
    assert_eq!(told.status, 400);
    assert!(
        told.text
            .contains("An account has this phone number already.")
    );
    app.no_other_text_was_sent().await;
    let free = cat
        .fill("/accounts/phone/change/", &[("phone", BOB.phone)])
        .await;
    assert_eq!(free.location(), VERIFY);
    assert!(app.text().await.text.contains("your code"));
}
