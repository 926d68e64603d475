//! Who may do what: Django's rule, asked of a Django too; and giving and taking, by several at once.

use hallpass_core::domain::User;
use hallpass_core::flows::permissions::Permissions;
use hallpass_core::{Error, Hallpass, Refusal};
use hallpass_testkit::app::SECRET;
use hallpass_testkit::django::DjangoPeer;
use hallpass_testkit::{TestApp, TestDb, each_database};
use tokio::task::JoinSet;

each_database!(
    everybody_may_what_was_given_to_them_and_to_their_groups,
    it_is_one_statement,
    django_says_the_same,
    what_is_so_already_stays,
    several_at_once_give_once,
    a_group_that_goes_takes_nobody_with_it,
    what_is_not_there_is_told,
    names_have_an_end,
    a_permission_of_a_model_is_left_as_it_is,
);

const VIEW: &str = "reports.view_report";
const PRINT: &str = "reports.print_report";

async fn person(app: &TestApp, name: &str) -> User {
    let id = app.user(name, &format!("{name}@example.com")).await;
    app.look_up(id).await
}

async fn may(hallpass: &Hallpass, user: &User) -> Permissions {
    hallpass.permissions(user).await.unwrap()
}

async fn flag(app: &TestApp, user: &User, set: &str) {
    app.sql(&format!(
        "UPDATE auth_user SET {set} WHERE id = {}",
        user.id
    ))
    .await;
}

async fn declared(app: &TestApp) {
    let access = app.hallpass.access();
    access.declare(VIEW, "Can view reports").await.unwrap();
    access.declare(PRINT, "Can print reports").await.unwrap();
}

async fn everybody_may_what_was_given_to_them_and_to_their_groups(db: TestDb) {
    let app = TestApp::new(db).await;
    let (ann, bob) = (person(&app, "ann").await, person(&app, "bob").await);
    declared(&app).await;
    let access = app.hallpass.access();
    assert!(!may(&app.hallpass, &ann).await.has(VIEW));

    assert!(access.grant(&ann, VIEW).await.unwrap());
    let given = may(&app.hallpass, &ann).await;
    assert!(given.has(VIEW) && !given.has(PRINT) && !given.is_superuser());
    assert!(given.has_all([VIEW]) && !given.has_all([VIEW, PRINT]));
    assert!(given.has_any_of_app("reports") && !given.has_any_of_app("report"));
    // A name is a name: no part of it, no other case.
    for other in [
        "view_report",
        "reports.",
        "Reports.view_report",
        "reports.view_report ",
        "",
    ] {
        assert!(!given.has(other), "{other}");
    }
    assert_eq!(may(&app.hallpass, &bob).await, Permissions::none());

    assert!(access.create_group("Printers").await.unwrap());
    assert!(access.grant_to_group("Printers", PRINT).await.unwrap());
    // Twice the same way in is one permission.
    assert!(access.grant_to_group("Printers", VIEW).await.unwrap());
    assert!(access.add_to_group(&ann, "Printers").await.unwrap());
    assert_eq!(app.hallpass.groups(&ann).await.unwrap(), ["Printers"]);
    assert_eq!(app.hallpass.groups(&bob).await.unwrap(), [""; 0]);
    let given = may(&app.hallpass, &ann).await;
    assert_eq!(given.iter().collect::<Vec<_>>(), [PRINT, VIEW]);
    assert!(access.revoke(&ann, VIEW).await.unwrap());
    assert!(may(&app.hallpass, &ann).await.has(VIEW), "by the group");
    assert!(access.remove_from_group(&ann, "Printers").await.unwrap());
    assert_eq!(may(&app.hallpass, &ann).await, Permissions::none());

    access.grant(&ann, VIEW).await.unwrap();
    flag(&app, &ann, "is_superuser = true").await;
    let all = may(&app.hallpass, &ann).await;
    assert!(all.is_superuser() && all.has(PRINT) && all.has("no.such"));
    assert!(all.has_any_of_app("whatever"));
    flag(&app, &ann, "is_active = false").await;
    assert_eq!(may(&app.hallpass, &ann).await, Permissions::none());
    flag(&app, &ann, "is_superuser = false").await;
    assert_eq!(may(&app.hallpass, &ann).await, Permissions::none());
    // Whoever is gone may nothing, whatever the copy at hand says.
    app.sql("DELETE FROM auth_user_user_permissions").await;
    app.sql(&format!("DELETE FROM auth_user WHERE id = {}", ann.id))
        .await;
    assert_eq!(may(&app.hallpass, &ann).await, Permissions::none());
}

async fn it_is_one_statement(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    declared(&app).await;
    app.hallpass.access().grant(&ann, VIEW).await.unwrap();
    let before = app.hallpass.db().statements();
    assert!(may(&app.hallpass, &ann).await.has(VIEW));
    let after = app.hallpass.db().statements();
    assert_eq!(
        (after.reads, after.writes),
        (before.reads + 1, before.writes)
    );
}

/// The rule in all its cases, and Django's answer to the same question on the same rows.
async fn django_says_the_same(db: TestDb) {
    let app = TestApp::new(db).await;
    declared(&app).await;
    let access = app.hallpass.access();
    access.create_group("Printers").await.unwrap();
    access.create_group("Readers").await.unwrap();
    access.grant_to_group("Printers", PRINT).await.unwrap();
    access.grant_to_group("Readers", VIEW).await.unwrap();
    access
        .grant_to_group("Readers", "auth.view_user")
        .await
        .unwrap();
    let names = [VIEW, PRINT, "auth.view_user", "auth.add_user", "no.such"];
    let mut people = Vec::new();
    for own in ["", VIEW] {
        for groups in [&[][..], &["Printers"], &["Printers", "Readers"]] {
            for set in [
                "is_staff = true",
                "is_superuser = true",
                "is_active = false",
                "is_active = false, is_superuser = true",
            ] {
                let user = person(&app, &format!("p{}", people.len())).await;
                if !own.is_empty() {
                    access.grant(&user, own).await.unwrap();
                }
                for group in groups {
                    access.add_to_group(&user, group).await.unwrap();
                }
                flag(&app, &user, set).await;
                people.push(user);
            }
        }
    }
    let django = DjangoPeer::new(&app.db.url, SECRET);
    let asked = names.join(",");
    let answer = django.ask(&["permissions", "--names", &asked]);
    for user in &people {
        let ours = may(&app.hallpass, user).await;
        let theirs = &answer[user.id.to_string()];
        for name in names {
            assert_eq!(
                theirs["has"][name],
                ours.has(name),
                "{} of {}: {theirs}",
                name,
                user.username
            );
        }
        assert_eq!(theirs["module"], ours.has_any_of_app("reports"));
        if !ours.is_superuser() {
            let all: Vec<_> = ours.iter().collect();
            assert_eq!(theirs["all"], serde_json::json!(all), "{}", user.username);
        }
        let groups = app.hallpass.groups(user).await.unwrap();
        assert_eq!(theirs["groups"], serde_json::json!(groups));
    }
}

async fn what_is_so_already_stays(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    let access = app.hallpass.access();
    for again in [false, true] {
        declared(&app).await;
        assert_eq!(access.create_group("A").await.unwrap(), !again);
        assert_eq!(access.grant(&ann, VIEW).await.unwrap(), !again);
        assert_eq!(access.grant_to_group("A", VIEW).await.unwrap(), !again);
        assert_eq!(access.add_to_group(&ann, "A").await.unwrap(), !again);
    }
    access.declare(VIEW, "Can look at reports").await.unwrap();
    let titled = "auth_permission WHERE name = 'Can look at reports'";
    assert_eq!(app.count(titled).await, 1);
    for again in [false, true] {
        assert_eq!(access.revoke(&ann, VIEW).await.unwrap(), !again);
        assert_eq!(access.revoke_from_group("A", VIEW).await.unwrap(), !again);
        assert_eq!(access.remove_from_group(&ann, "A").await.unwrap(), !again);
    }
    for again in [false, true] {
        assert_eq!(access.remove_group("A").await.unwrap(), !again);
    }
    let noted = "hallpass_event WHERE ip IS NULL AND kind =";
    for kind in [
        "permission_granted",
        "permission_revoked",
        "group_joined",
        "group_left",
    ] {
        assert_eq!(app.count(&format!("{noted} '{kind}'")).await, 1, "{kind}");
    }
}

async fn several_at_once_give_once(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (access, ann) = (app.hallpass.access(), ann.clone());
        all.spawn(async move {
            access.declare(VIEW, "Can view reports").await.unwrap();
            let made = access.create_group("A").await.unwrap();
            let given = access.grant(&ann, VIEW).await.unwrap();
            let given_to_group = access.grant_to_group("A", VIEW).await.unwrap();
            let added = access.add_to_group(&ann, "A").await.unwrap();
            [made, given, given_to_group, added].map(usize::from)
        });
    }
    let mut sums = [0; 4];
    while let Some(done) = all.join_next().await {
        for (sum, one) in sums.iter_mut().zip(done.unwrap()) {
            *sum += one;
        }
    }
    assert_eq!(sums, [1; 4]);
    assert!(may(&app.hallpass, &ann).await.has(VIEW));
}

/// Some add to a group while others take it away and make it anew: whoever comes too late is told, and nothing breaks.
async fn a_group_that_goes_takes_nobody_with_it(db: TestDb) {
    let app = TestApp::new(db).await;
    declared(&app).await;
    let mut all = JoinSet::new();
    for index in 0..6 {
        let access = app.hallpass.access();
        let user = person(&app, &format!("p{index}")).await;
        all.spawn(async move {
            for _ in 0..10 {
                if index % 2 == 0 {
                    access.create_group("A").await.unwrap();
                    access.remove_group("A").await.unwrap();
                    continue;
                }
                for done in [
                    access.add_to_group(&user, "A").await,
                    access.grant_to_group("A", VIEW).await,
                ] {
                    match done {
                        Ok(_) | Err(Error::Refused(Refusal::NoSuchGroup(_))) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    app.hallpass.access().create_group("A").await.unwrap();
    app.hallpass.access().remove_group("A").await.unwrap();
    assert_eq!(app.count("auth_group").await, 0);
    assert_eq!(app.count("auth_user_groups").await, 0);
    assert_eq!(app.count("auth_group_permissions").await, 0);
}

fn refusal<T: std::fmt::Debug>(done: Result<T, Error>) -> Refusal {
    match done {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn what_is_not_there_is_told(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    declared(&app).await;
    let access = app.hallpass.access();
    access.create_group("A").await.unwrap();
    let no_permission = Refusal::NoSuchPermission("reports.x".to_owned());
    let no_group = Refusal::NoSuchGroup("a".to_owned());
    assert_eq!(
        refusal(access.grant(&ann, "reports.x").await),
        no_permission
    );
    assert_eq!(
        refusal(access.revoke(&ann, "reports.x").await),
        no_permission
    );
    assert_eq!(
        refusal(access.grant_to_group("A", "reports.x").await),
        no_permission
    );
    assert_eq!(
        refusal(access.revoke_from_group("A", "reports.x").await),
        no_permission
    );
    assert_eq!(refusal(access.grant_to_group("a", VIEW).await), no_group);
    assert_eq!(refusal(access.revoke_from_group("a", VIEW).await), no_group);
    assert_eq!(refusal(access.add_to_group(&ann, "a").await), no_group);
    assert_eq!(refusal(access.remove_from_group(&ann, "a").await), no_group);
    app.sql("DELETE FROM auth_user").await;
    assert_eq!(refusal(access.grant(&ann, VIEW).await), Refusal::NoSuchUser);
    assert_eq!(
        refusal(access.add_to_group(&ann, "A").await),
        Refusal::NoSuchUser
    );
    let told = access
        .grant(&ann, "reports.x")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(told, "refused: unknown_permission (reports.x)");
}

async fn names_have_an_end(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    let access = app.hallpass.access();
    let huge = "x".repeat(10_000_000);
    for name in [
        "",
        "reports",
        ".x",
        "reports.",
        "a.\0",
        &huge,
        &format!("a.{huge}"),
        &format!("{}.x", "a".repeat(101)),
    ] {
        for done in [
            access.declare(name, "Title").await.map(|()| true),
            access.grant(&ann, name).await,
            access.revoke(&ann, name).await,
            access.grant_to_group("A", name).await,
        ] {
            let told = refusal(done);
            assert!(!matches!(told, Refusal::NoSuchPermission(_)), "{told:?}");
        }
    }
    for title in ["", "\0", &"x".repeat(256)] {
        refusal(access.declare(VIEW, title).await);
    }
    for group in ["", "a\0", &huge, &"x".repeat(151)] {
        for done in [
            access.create_group(group).await,
            access.remove_group(group).await,
            access.add_to_group(&ann, group).await,
        ] {
            let told = refusal(done);
            assert!(!matches!(told, Refusal::NoSuchGroup(_)), "{told:?}");
        }
    }
    // As long as the columns are.
    let (label, codename) = ("a".repeat(100), "é".repeat(100));
    let longest = format!("{label}.{codename}");
    access.declare(&longest, &"ü".repeat(255)).await.unwrap();
    assert!(access.grant(&ann, &longest).await.unwrap());
    assert!(may(&app.hallpass, &ann).await.has(&longest));
    assert!(access.create_group(&"ü".repeat(150)).await.unwrap());
    // A codename may have dots, the app's label not.
    access.declare("a.b.c", "Dotted").await.unwrap();
    access.grant(&ann, "a.b.c").await.unwrap();
    assert!(may(&app.hallpass, &ann).await.has("a.b.c"));
}

async fn a_permission_of_a_model_is_left_as_it_is(db: TestDb) {
    let app = TestApp::new(db).await;
    let ann = person(&app, "ann").await;
    let before = app.count("auth_permission").await;
    let access = app.hallpass.access();
    access
        .declare("auth.view_user", "Another title")
        .await
        .unwrap();
    assert_eq!(app.count("auth_permission").await, before);
    assert_eq!(
        app.count("auth_permission WHERE name = 'Another title'")
            .await,
        0
    );
    assert!(access.grant(&ann, "auth.view_user").await.unwrap());
    assert!(may(&app.hallpass, &ann).await.has("auth.view_user"));
}
