//! The school is played: who may come, what becomes of them, and who gets an invitation that two have.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it is wrong"
)]

use std::time::Duration;

use axum::Router;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database, link_in};
use invitations::invitation::{self, Role, Wanted};

each_database!(
    a_teacher_is_invited_and_comes,
    of_many_with_one_invitation_one_gets_in,
    an_invitation_for_one_address_is_for_nobody_else,
    an_invitation_ends,
    an_account_is_not_revealed,
);

async fn school(db: TestDb) -> TestApp {
    let mut setup = TestApp::setup().database(db).builder(invitations::prepare);
    for (name, value) in invitations::SETTINGS {
        setup = setup.set(*name, *value);
    }
    let app = setup.start().await;
    let router: Router = invitations::app(&app.hallpass).await.unwrap();
    app.routed(|_| router)
}

async fn invited(app: &TestApp, email: &str, role: Role) -> String {
    let wanted = Wanted {
        email: email.to_owned(),
        role,
        class: "4b".to_owned(),
        valid_for: Duration::from_secs(3_600),
    };
    invitation::make(&app.hallpass, &wanted).await.unwrap()
}

async fn sign_up(browser: &mut Browser, email: &str, code: &str) -> Answer {
    let fields = [
        ("email", email),
        ("password1", "correct-horse-9"),
        ("invitation", code),
    ];
    browser.fill("/accounts/signup/", &fields).await
}

/// The first link that the office shows.
fn shown_in(page: &str) -> String {
    let (_, rest) = page.split_once("<code>").expect("a link");
    let link = rest.split("</code>").next().unwrap();
    link_in(&link.replace("&#x2f;", "/"))
}

async fn a_teacher_is_invited_and_comes(db: TestDb) {
    let app = school(db).await;
    let code = invited(&app, "", Role::Head).await;
    let mut head = app.visitor();
    sign_up(&mut head, "head@example.com", &code).await;
    assert_eq!(
        head.get("/office/").await.status,
        302,
        "the address is not proved"
    );
    let link = link_in(&app.letter().await.text);
    let entered = head.fill(&link, &[]).await;
    let office = head.follow(entered).await;
    assert!(
        office.text.contains("<h1>Invitations</h1>"),
        "{}",
        office.text
    );

    let fields = [("role", "teacher"), ("class", "<4b>"), ("email", "")];
    let page = head.post("/office/", &fields).await;
    assert!(page.text.contains("&lt;4b&gt;") && !page.text.contains("<4b>"));
    let link = shown_in(&page.text);
    assert!(!head.get("/office/").await.text.contains("invitation="));
    let fields = [("role", "king"), ("class", "4b"), ("email", "")];
    assert!(
        head.post("/office/", &fields)
            .await
            .text
            .contains("Choose a role")
    );

    let mut teacher = app.visitor();
    let page = teacher.open(&link).await;
    let (_, code) = link.split_once("invitation=").unwrap();
    assert!(
        page.text.contains(&format!("value=\"{code}\"")),
        "the code is filled in"
    );
    sign_up(&mut teacher, "teacher@example.com", code).await;
    let link = link_in(&app.letter().await.text);
    let entered = teacher.fill(&link, &[]).await;
    assert_eq!(entered.location(), "/start/");
    assert_eq!(teacher.get("/start/").await.location(), "/teaching/");
    let page = teacher.open("/start/").await;
    assert!(page.text.contains("as a teacher"), "{}", page.text);
    assert_eq!(teacher.get("/office/").await.status, 403);
    assert_eq!(teacher.post("/office/", &fields).await.status, 403);
    let office = head.get("/office/").await;
    assert!(office.text.contains("used by teacher@example.com"));
    // What role and class somebody has is not for them to say.
    let mut program = app.program("teacher@example.com").await;
    let change = serde_json::json!({"role": "head", "class": "All"});
    let changed = program.patch("/dj-rest-auth/user/", &change).await;
    assert_eq!(changed.json["role"], "teacher");
    app.no_other_letter_was_sent().await;
}

async fn of_many_with_one_invitation_one_gets_in(db: TestDb) {
    let app = school(db).await;
    let code = invited(&app, "", Role::Pupil).await;
    let all = (0..8).map(|number| {
        let (mut browser, code) = (app.visitor(), code.clone());
        tokio::spawn(async move {
            sign_up(&mut browser, &format!("pupil{number}@example.com"), &code).await
        })
    });
    let mut came = 0;
    for one in all.collect::<Vec<_>>() {
        let answer = one.await.unwrap();
        match answer.status.as_u16() {
            302 => came += 1,
            400 => assert!(answer.text.contains("This invitation"), "{}", answer.text),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!((came, app.count("auth_user").await), (1, 1));
    assert_eq!(app.letters().await.len(), 1);
}

async fn an_invitation_for_one_address_is_for_nobody_else(db: TestDb) {
    let app = school(db).await;
    let code = invited(&app, "Bob@Example.com", Role::Pupil).await;
    let refused = sign_up(&mut app.visitor(), "eve@example.com", &code).await;
    assert_eq!(refused.status, 400);
    assert_eq!(app.count("auth_user").await, 0);
    let refused = sign_up(&mut app.visitor(), "eve@example.com", "guessed").await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        sign_up(&mut app.visitor(), "bob@example.com", &code)
            .await
            .status,
        302
    );
    assert_eq!(app.count("auth_user").await, 1);
    let none = sign_up(&mut app.visitor(), "eve@example.com", "").await;
    assert_eq!(none.status, 400);
}

async fn an_invitation_ends(db: TestDb) {
    let app = school(db).await;
    let code = invited(&app, "", Role::Pupil).await;
    app.clock().advance(Duration::from_secs(3_601));
    assert_eq!(
        sign_up(&mut app.visitor(), "bob@example.com", &code)
            .await
            .status,
        400
    );
    assert_eq!(app.count("auth_user").await, 0);
}

/// With a good invitation, an address that has an account seems to be taken as any other; the invitation is not used.
async fn an_account_is_not_revealed(db: TestDb) {
    let app = school(db).await;
    app.person("bob@example.com").await;
    let code = invited(&app, "", Role::Pupil).await;
    let bad = sign_up(&mut app.visitor(), "bob@example.com", "guessed").await;
    assert_eq!(bad.status, 400, "as for any other address");
    let known = sign_up(&mut app.visitor(), "bob@example.com", &code).await;
    let new = sign_up(&mut app.visitor(), "new@example.com", &code).await;
    assert_eq!(
        (known.status, known.location()),
        (new.status, new.location())
    );
    assert_eq!(app.count("auth_user").await, 2);
    assert_eq!(app.letters().await.len(), 2);
}
