//! Users by the hand of the app: made, found, changed, deleted; what is refused, and what several at once come to.

mod removal;

use std::collections::BTreeSet;

use hallpass_core::domain::{User, UserId};
use hallpass_core::hallpass::NewUser;
use hallpass_core::settings::{RateLimits, Settings};
use hallpass_core::{Error, Refusal};
use hallpass_testkit::{TestApp, TestDb, each_database};
use tokio::task::JoinSet;

each_database!(
    a_user_is_made_of_what_is_said,
    all_faults_are_told_at_once_and_nothing_is_left,
    names_addresses_and_numbers_have_one_owner,
    of_several_who_want_a_name_one_gets_it,
    who_has_no_name_gets_one,
    a_hash_from_elsewhere_signs_in,
    people_are_found,
    pages_go_through_all_of_them,
    a_new_password_is_judged_and_ends_the_old_one,
    the_app_has_the_last_word_about_a_password,
    who_is_switched_off_has_nothing_left,
    addresses_keep_their_rules,
    numbers_keep_their_rules,
    names_are_changed,
    who_is_gone_is_told,
    no_limit_counts_the_app,
);

const PASSWORD: &str = "correct-horse-9-battery";

#[track_caller]
fn refusal<T>(done: Result<T, Error>) -> Refusal {
    match done {
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("taken"),
    }
}

/// The faults of a form.
#[track_caller]
fn faults<T>(done: Result<T, Error>) -> Vec<(String, Refusal)> {
    match refusal(done) {
        Refusal::Several(faults) => faults,
        other => panic!("{other:?}"),
    }
}

fn new(app: &TestApp, name: &str) -> NewUser {
    let email = format!("{name}@example.com");
    app.hallpass.users().create().username(name).email(email)
}

async fn made(app: &TestApp, name: &str) -> User {
    new(app, name).verified().save().await.unwrap()
}

async fn a_user_is_made_of_what_is_said(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.hallpass.phone_region = Some("DE".to_owned());
    })
    .await;
    let users = app.hallpass.users();
    let ann = users
        .create()
        .username(" ａnn ")
        .email(" Ann@Example.COM")
        .verified()
        .phone("0170 1234567")
        .phone_verified()
        .password(PASSWORD)
        .first_name(" Ann ")
        .last_name("Bée")
        .staff()
        .superuser()
        .save()
        .await
        .unwrap();
    assert_eq!(
        (ann.username.as_str(), ann.email.as_str()),
        ("ann", "ann@example.com")
    );
    assert_eq!(
        (ann.first_name.as_str(), ann.last_name.as_str()),
        ("Ann", "Bée")
    );
    assert!(ann.is_staff && ann.is_superuser && ann.is_active && ann.last_login.is_none());
    assert!(
        app.hallpass
            .hashing()
            .verify(PASSWORD, &ann.password)
            .await
            .unwrap()
            .correct
    );
    let rows = users.addresses(&ann).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].verified && rows[0].primary && rows[0].email == "ann@example.com");
    let phone = users.phone(&ann).await.unwrap().unwrap();
    assert_eq!(
        (phone.phone.as_str(), phone.verified),
        ("+491701234567", true)
    );
    app.no_other_letter_was_sent().await;
    assert_eq!(
        app.count("hallpass_event WHERE kind = 'user_created' AND method = 'app' AND ip IS NULL")
            .await,
        1
    );
    assert_eq!(app.count("hallpass_event WHERE kind = 'signup'").await, 0);

    let bob = new(&app, "bob").inactive().save().await.unwrap();
    assert!(!bob.is_active && !bob.is_staff && !bob.is_superuser);
    assert!(!users.addresses(&bob).await.unwrap()[0].verified);
    assert!(bob.password.starts_with('!'));
}

async fn all_faults_are_told_at_once_and_nothing_is_left(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let huge = "x".repeat(10_000_000);
    let told = faults(
        users
            .create()
            .username("a b")
            .email("no address")
            .phone("12")
            .password("12345678")
            .first_name("x".repeat(151))
            .field("colour", "red")
            .save()
            .await,
    );
    let fields: BTreeSet<_> = told.iter().map(|(field, _)| field.as_str()).collect();
    let all = [
        "username",
        "email",
        "phone",
        "password",
        "first_name",
        "colour",
    ];
    assert_eq!(fields, all.into());
    for (field, refusal) in &told {
        let expected = match field.as_str() {
            "username" => "invalid_username",
            "email" => "invalid",
            "phone" => "invalid_phone",
            "first_name" => "max_length",
            "colour" => "unknown_field",
            _ => "password_too_common password_entirely_numeric",
        };
        assert!(expected.contains(refusal.code()), "{field}: {refusal:?}");
    }
    for bad in ["", " ", "a\0b", "a b", "a/b", &huge, &"x".repeat(151)] {
        assert_eq!(
            faults(users.create().username(bad).save().await)[0].0,
            "username"
        );
        assert_eq!(
            faults(users.create().username("ann").email(bad).save().await)[0].0,
            "email"
        );
        assert_eq!(
            faults(users.create().username("ann").phone(bad).save().await)[0].0,
            "phone"
        );
    }
    for bad in ["a\0b", "a\nb", &huge] {
        assert_eq!(
            faults(new(&app, "ann").last_name(bad).save().await)[0].0,
            "last_name"
        );
        assert_eq!(
            faults(new(&app, "ann").field(bad, bad).save().await)[0].1,
            Refusal::NoSuchField
        );
    }
    for bad in ["", "a\0b", &huge] {
        assert_eq!(
            faults(new(&app, "ann").password(bad).save().await)[0].0,
            "password"
        );
        assert_eq!(
            faults(new(&app, "ann").password_unchecked(bad).save().await)[0].0,
            "password"
        );
    }
    for bad in ["plain", "md6$a$b", &huge, "pbkdf2_sha256$\0", "!\0"] {
        let told = faults(new(&app, "ann").password_hash(bad).save().await);
        assert_eq!(
            told,
            [("password".to_owned(), Refusal::Invalid("password"))],
            "{}",
            bad.len()
        );
    }
    assert_eq!(
        faults(users.create().password(PASSWORD).save().await)[0].1,
        Refusal::Required("username")
    );
    assert_eq!(app.count("auth_user").await, 0);
    assert_eq!(app.count("account_emailaddress").await, 0);
    assert!(
        new(&app, "ann")
            .password_unchecked("12345678")
            .save()
            .await
            .is_ok()
    );
    assert!(
        new(&app, "a").save().await.is_ok(),
        "short names keep strangers out"
    );
}

async fn names_addresses_and_numbers_have_one_owner(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let phone = "+491701234567";
    new(&app, "ann")
        .phone(phone)
        .phone_verified()
        .save()
        .await
        .unwrap();
    for name in ["ann", "ANN", "Ａnn"] {
        let told = faults(users.create().username(name).save().await);
        assert_eq!(told, [("username".to_owned(), Refusal::UsernameTaken)]);
    }
    for email in ["ann@example.com", "Ann@EXAMPLE.com"] {
        let told = faults(users.create().username("eve").email(email).save().await);
        assert_eq!(told, [("email".to_owned(), Refusal::EmailTaken)]);
    }
    let told = faults(users.create().username("eve").phone(phone).save().await);
    assert_eq!(told, [("phone".to_owned(), Refusal::PhoneTaken)]);
    assert_eq!(users.count().await.unwrap(), 1);
    assert_eq!(app.count("account_emailaddress").await, 1);
}

async fn of_several_who_want_a_name_one_gets_it(db: TestDb) {
    let app = TestApp::new(db).await;
    for (round, build) in [
        |new: NewUser, index: usize| new.username(["ann", "ANN", "Ann", "aNN"][index % 4]),
        |new: NewUser, index: usize| {
            new.username(format!("p{index}"))
                .email(["b@x.org", "B@x.org"][index % 2])
        },
        |new: NewUser, index: usize| {
            new.username(format!("q{index}"))
                .email("c@x.org")
                .verified()
        },
        |new: NewUser, index: usize| {
            new.username(format!("r{index}"))
                .phone("+491701234567")
                .phone_verified()
        },
    ]
    .into_iter()
    .enumerate()
    {
        let mut all = JoinSet::new();
        for index in 0..8 {
            all.spawn(build(app.hallpass.users().create(), index).save());
        }
        let mut won = 0;
        while let Some(done) = all.join_next().await {
            match done.unwrap() {
                Ok(_) => won += 1,
                Err(Error::Refused(Refusal::Several(_))) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

async fn who_has_no_name_gets_one(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let mut all = JoinSet::new();
    for index in 0..6 {
        all.spawn(
            users
                .create()
                .email(format!("ann@host{index}.example"))
                .save(),
        );
    }
    let mut names = BTreeSet::new();
    while let Some(done) = all.join_next().await {
        names.insert(done.unwrap().unwrap().username);
    }
    assert_eq!(names.len(), 6);
    assert!(names.contains("ann"));
    let nameless = |settings: &mut Settings| {
        settings.account.user_model_username_field = None;
    };
    let app = TestApp::with(app.db, nameless).await;
    let users = app.hallpass.users();
    let told = faults(
        users
            .create()
            .username("bob")
            .email("bob@example.com")
            .save()
            .await,
    );
    assert_eq!(told, [("username".to_owned(), Refusal::NotAvailable)]);
    assert_eq!(
        faults(users.create().save().await)[0].1,
        Refusal::Required("email")
    );
    let bob = users
        .create()
        .email("bob@example.com")
        .save()
        .await
        .unwrap();
    assert_eq!(app.hallpass.display(&bob), "bob@example.com");
}

async fn a_hash_from_elsewhere_signs_in(db: TestDb) {
    let app = TestApp::new(db).await;
    let hash = app.hallpass.hashing().encode(PASSWORD).await.unwrap();
    let ann = new(&app, "ann").password_hash(&hash).save().await.unwrap();
    assert_eq!(ann.password, hash);
    let bob = new(&app, "bob")
        .password_hash("!unusable")
        .save()
        .await
        .unwrap();
    assert_eq!(bob.password, "!unusable");
}

async fn people_are_found(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.account.unique_email = false).await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    let id = |user: Option<User>| user.map(|user| user.id);
    for name in ["ann", "ANN", " ann "] {
        assert_eq!(
            id(users.by_username(name).await.unwrap()),
            Some(ann.id),
            "{name}"
        );
    }
    for email in ["ann@example.com", " ANN@example.com"] {
        assert_eq!(
            id(users.by_email(email).await.unwrap()),
            Some(ann.id),
            "{email}"
        );
    }
    assert_eq!(id(users.get(ann.id).await.unwrap()), Some(ann.id));
    let huge = "x".repeat(10_000_000);
    for nobody in ["", "\0", "ann\0", "an", "%", &huge] {
        assert_eq!(id(users.by_username(nobody).await.unwrap()), None);
        assert_eq!(id(users.by_email(nobody).await.unwrap()), None);
        assert!(users.with_email(nobody).await.unwrap().is_empty());
    }
    assert_eq!(id(users.get(UserId::from_int(77)).await.unwrap()), None);
    // Who only claims an address does not get what is its owner's.
    let create = |name: &str| users.create().username(name).email("ann@example.com");
    create("eve").save().await.unwrap();
    assert_eq!(
        id(users.by_email("ann@example.com").await.unwrap()),
        Some(ann.id)
    );
    assert_eq!(users.with_email("ann@example.com").await.unwrap().len(), 2);
    users
        .create()
        .username("b")
        .email("b@example.com")
        .save()
        .await
        .unwrap();
    users
        .create()
        .username("c")
        .email("b@example.com")
        .save()
        .await
        .unwrap();
    assert_eq!(id(users.by_email("b@example.com").await.unwrap()), None);
}

async fn pages_go_through_all_of_them(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    assert!(users.page(None, 3).await.unwrap().is_empty());
    let mut ids = Vec::new();
    for index in 0..7 {
        ids.push(app.user(&format!("p{index}"), "").await);
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = users.page(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.id);
        seen.extend(page.iter().map(|user| user.id));
    }
    assert_eq!(seen, ids);
    assert_eq!(users.count().await.unwrap(), 7);
    assert!(users.page(None, 0).await.unwrap().is_empty());
}

async fn a_new_password_is_judged_and_ends_the_old_one(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    let cookie = app.hallpass.sign_in(&ann, "test").await.unwrap();
    let key = app.hallpass.rest_key(&ann).await.unwrap();
    for weak in ["12345678", "ann@example.com", "short"] {
        let told = faults(users.set_password(&ann, weak).await);
        assert!(
            told.iter().all(|(field, _)| field == "password"),
            "{told:?}"
        );
    }
    for none in ["", "a\0b", &"x".repeat(10_000_000)] {
        refusal(users.set_password(&ann, none).await);
        refusal(users.set_password_unchecked(&ann, none).await);
    }
    let found = app.hallpass.session(Some(cookie.value())).await.unwrap();
    assert_eq!(
        found.user_id(),
        Some(ann.id),
        "what was refused ends nothing"
    );
    let ann = users.set_password(&ann, PASSWORD).await.unwrap();
    assert!(
        app.hallpass
            .hashing()
            .verify(PASSWORD, &ann.password)
            .await
            .unwrap()
            .correct
    );
    let found = app.hallpass.session(Some(cookie.value())).await.unwrap();
    assert_eq!(found.user_id(), None);
    assert!(
        hallpass_core::flows::tokens::by_key(&app.hallpass, &key)
            .await
            .is_err()
    );
    users
        .set_password_unchecked(&ann, "12345678")
        .await
        .unwrap();
    let ann = users.set_unusable_password(&ann).await.unwrap();
    assert!(ann.password.starts_with('!'));
    assert_eq!(app.look_up(ann.id).await.password, ann.password);
    let judged = users
        .judge_password("ann@example.com", "ann", "ann@example.com")
        .await
        .unwrap();
    assert!(!judged.is_empty());
    assert!(
        users
            .judge_password(PASSWORD, "ann", "")
            .await
            .unwrap()
            .is_empty()
    );
}

/// An old copy at hand is no hindrance, nor are others who do the same.
async fn the_app_has_the_last_word_about_a_password(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = made(&app, "ann").await;
    let mut all = JoinSet::new();
    for index in 0..4 {
        let (users, ann) = (app.hallpass.users(), ann.clone());
        all.spawn(async move {
            let password = format!("{PASSWORD}-{index}");
            users.set_password(&ann, &password).await.unwrap().password
        });
    }
    let mut hashes = BTreeSet::new();
    while let Some(done) = all.join_next().await {
        hashes.insert(done.unwrap());
    }
    assert_eq!(hashes.len(), 4);
    assert!(hashes.contains(&app.look_up(ann.id).await.password));
}

async fn who_is_switched_off_has_nothing_left(db: TestDb) {
    let app = TestApp::with(db, |settings| settings.rest_auth.use_jwt = true).await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    let bob = made(&app, "bob").await;
    let cookie = app.hallpass.sign_in(&ann, "test").await.unwrap();
    let others = app.hallpass.sign_in(&bob, "test").await.unwrap();
    app.hallpass.rest_key(&ann).await.unwrap();
    app.hallpass.jwt_pair(&ann).await.unwrap();
    assert!(users.deactivate(&ann).await.unwrap());
    assert!(!users.deactivate(&ann).await.unwrap());
    assert_eq!(app.count("authtoken_token").await, 0);
    assert_eq!(
        app.count("hallpass_refresh WHERE ended_at IS NULL").await,
        0
    );
    assert_eq!(app.count("django_session").await, 1);
    for denied in [
        app.hallpass.sign_in(&ann, "test").await.map(drop),
        app.hallpass.login_link(&ann).await.map(drop),
        app.hallpass.rest_key(&ann).await.map(drop),
        app.hallpass.jwt_pair(&ann).await.map(drop),
        app.hallpass.password_reset_link(&ann).await.map(drop),
    ] {
        assert_eq!(refusal(denied), Refusal::Inactive);
    }
    assert!(users.activate(&ann).await.unwrap());
    assert!(!users.activate(&ann).await.unwrap());
    let found = app.hallpass.session(Some(cookie.value())).await.unwrap();
    assert_eq!(found.user_id(), None, "switched on again, it starts anew");
    let found = app.hallpass.session(Some(others.value())).await.unwrap();
    assert_eq!(found.user_id(), Some(bob.id));
}

async fn addresses_keep_their_rules(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    let bob = made(&app, "bob").await;
    let added = users
        .add_address(&ann, " Ann@Other.example ")
        .await
        .unwrap();
    assert_eq!(
        (added.email.as_str(), added.verified, added.primary),
        ("ann@other.example", false, false)
    );
    assert_eq!(
        refusal(users.add_address(&ann, "ANN@other.example").await),
        Refusal::DuplicateEmail
    );
    assert_eq!(
        refusal(users.add_address(&ann, "bob@example.com").await),
        Refusal::EmailTaken
    );
    for bad in ["", "x", "a\0@example.com", &"x".repeat(10_000_000)] {
        refusal(users.add_address(&ann, bad).await);
        assert_eq!(
            refusal(users.confirm_address(&ann, bad).await),
            Refusal::NoSuchAddress
        );
    }
    assert_eq!(
        refusal(users.make_primary(&ann, "ann@other.example").await),
        Refusal::UnverifiedPrimary
    );
    assert!(
        users
            .confirm_address(&ann, "Ann@other.example")
            .await
            .unwrap()
    );
    assert!(
        !users
            .confirm_address(&ann, "ann@other.example")
            .await
            .unwrap()
    );
    assert_eq!(
        refusal(users.confirm_address(&bob, "ann@other.example").await),
        Refusal::NoSuchAddress
    );
    assert_eq!(
        refusal(users.remove_address(&ann, "ann@example.com").await),
        Refusal::PrimaryNotRemovable
    );
    assert!(users.make_primary(&ann, "ann@other.example").await.unwrap());
    assert!(!users.make_primary(&ann, "ann@other.example").await.unwrap());
    assert_eq!(app.look_up(ann.id).await.email, "ann@other.example");
    users.remove_address(&ann, "ann@example.com").await.unwrap();
    assert_eq!(
        refusal(users.remove_address(&ann, "ann@other.example").await),
        Refusal::PrimaryNotRemovable
    );
    // The same address for several at once: one has it.
    let mut all = JoinSet::new();
    for user in [&ann, &bob, &ann, &bob] {
        let (users, user) = (users.clone(), user.clone());
        all.spawn(async move { users.add_address(&user, "new@example.com").await.is_ok() });
    }
    let mut won = 0;
    while let Some(done) = all.join_next().await {
        won += usize::from(done.unwrap());
    }
    assert_eq!(won, 1);
}

async fn numbers_keep_their_rules(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let (ann, bob) = (made(&app, "ann").await, made(&app, "bob").await);
    let set = users
        .set_phone(&ann, "+49 170 1234567", false)
        .await
        .unwrap();
    assert!(!set.verified);
    let set = users.set_phone(&ann, "+491701234567", true).await.unwrap();
    assert!(set.verified);
    for verified in [false, true] {
        let taken = users.set_phone(&bob, "+491701234567", verified).await;
        assert_eq!(refusal(taken), Refusal::PhoneTaken);
    }
    for bad in ["", "12", "+49\0 170", &"1".repeat(10_000_000)] {
        refusal(users.set_phone(&ann, bad, true).await);
    }
    assert_eq!(users.phone(&ann).await.unwrap(), Some(set));
    assert!(users.remove_phone(&ann).await.unwrap());
    assert!(!users.remove_phone(&ann).await.unwrap());
    assert!(users.set_phone(&bob, "+491701234567", true).await.is_ok());
}

async fn names_are_changed(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let (ann, _) = (made(&app, "ann").await, made(&app, "bob").await);
    assert_eq!(
        refusal(users.set_username(&ann, "BOB").await),
        Refusal::UsernameTaken
    );
    assert_eq!(
        refusal(users.set_username(&ann, "a b").await),
        Refusal::InvalidUsername
    );
    let now = users.set_names(&ann, "Ann", "").await.unwrap();
    assert_eq!(
        (now.first_name.as_str(), now.last_name.as_str()),
        ("Ann", "")
    );
    // Of an old copy only the key counts.
    let now = users.set_username(&ann, "anna").await.unwrap();
    assert_eq!(
        (now.username.as_str(), now.first_name.as_str()),
        ("anna", "Ann")
    );
    assert!(users.set_username(&now, "anna").await.is_ok(), "one's own");
    let told = faults(users.set_names(&ann, "\0", &"x".repeat(200)).await);
    assert_eq!(told.len(), 2);
}

async fn who_is_gone_is_told(db: TestDb) {
    let app = TestApp::new(db).await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    users.delete(&ann).await.unwrap();
    for done in [
        users.set_password(&ann, PASSWORD).await.map(drop),
        users.set_unusable_password(&ann).await.map(drop),
        users.set_username(&ann, "anna").await.map(drop),
        users.set_names(&ann, "", "").await.map(drop),
        users.activate(&ann).await.map(drop),
        users.deactivate(&ann).await.map(drop),
        users.delete(&ann).await,
        users.addresses(&ann).await.map(drop),
        users.add_address(&ann, "b@example.com").await.map(drop),
        users.confirm_address(&ann, "b@example.com").await.map(drop),
        users.make_primary(&ann, "b@example.com").await.map(drop),
        users.remove_address(&ann, "b@example.com").await,
        users.set_phone(&ann, "+491701234567", true).await.map(drop),
        app.hallpass.end_everything(&ann).await,
        app.hallpass.sign_in(&ann, "test").await.map(drop),
        app.hallpass.login_link(&ann).await.map(drop),
        app.hallpass.send_password_reset(&ann).await,
        app.hallpass.rest_key(&ann).await.map(drop),
        app.hallpass
            .profile::<serde_json::Value>(&ann)
            .await
            .map(drop),
        app.hallpass.set_profile(&ann, &serde_json::json!({})).await,
    ] {
        assert_eq!(refusal(done), Refusal::NoSuchUser);
    }
    assert_eq!(app.count("account_emailaddress").await, 0);
}

async fn no_limit_counts_the_app(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.rate_limits = RateLimits::default()
    })
    .await;
    for index in 0..60 {
        made(&app, &format!("p{index}")).await;
    }
    let user = app
        .hallpass
        .users()
        .by_username("p0")
        .await
        .unwrap()
        .unwrap();
    for _ in 0..10 {
        app.hallpass.send_login_link(&user).await.unwrap();
        app.hallpass.send_password_reset(&user).await.unwrap();
    }
}
