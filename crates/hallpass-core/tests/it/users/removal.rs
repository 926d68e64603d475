//! Users who are deleted: what goes with them, what keeps them, and who comes in between.

use hallpass_core::Refusal;
use hallpass_testkit::{TestApp, TestDb, each_database};
use tokio::task::JoinSet;

use super::{made, new, refusal};

each_database!(
    a_user_goes_with_all_that_is_theirs,
    a_table_of_the_apps_own_keeps_its_user,
    a_user_who_is_written_to_meanwhile_goes_all_the_same,
);

async fn a_user_goes_with_all_that_is_theirs(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.rest_auth.use_jwt = true;
        settings.account.email_confirmation_hmac = false;
    })
    .await;
    let (hallpass, users) = (&app.hallpass, app.hallpass.users());
    let access = hallpass.access();
    access.declare("reports.view", "Can view").await.unwrap();
    access.create_group("A").await.unwrap();
    for name in ["ann", "bob"] {
        let user = made(&app, name).await;
        users
            .add_address(&user, &format!("{name}@other.example"))
            .await
            .unwrap();
        hallpass
            .send_email_confirmation(&user, &format!("{name}@other.example"))
            .await
            .unwrap();
        let phone = if name == "ann" {
            "+491701234567"
        } else {
            "+491701234568"
        };
        users.set_phone(&user, phone, true).await.unwrap();
        hallpass.sign_in(&user, "test").await.unwrap();
        hallpass.rest_key(&user).await.unwrap();
        hallpass.jwt_pair(&user).await.unwrap();
        hallpass.send_password_reset(&user).await.unwrap();
        access.grant(&user, "reports.view").await.unwrap();
        access.add_to_group(&user, "A").await.unwrap();
    }
    let ann = users.by_username("ann").await.unwrap().unwrap();
    users.delete(&ann).await.unwrap();
    for table in [
        "auth_user",
        "auth_user_groups",
        "auth_user_user_permissions",
        "usersessions_usersession",
        "django_session",
        "authtoken_token",
        "hallpass_phone",
        "hallpass_refresh",
        "hallpass_code",
        "account_emailconfirmation",
    ] {
        assert_eq!(app.count(table).await, 1, "{table}");
    }
    assert_eq!(app.count("account_emailaddress").await, 2);
    assert_eq!(
        app.count("token_blacklist_outstandingtoken WHERE user_id IS NULL")
            .await,
        1
    );
    assert_eq!(
        app.count("hallpass_event WHERE kind = 'user_deleted'")
            .await,
        1
    );
    assert_eq!(refusal(users.delete(&ann).await), Refusal::NoSuchUser);
    // All of it is free again.
    new(&app, "ann")
        .phone("+491701234567")
        .phone_verified()
        .verified()
        .save()
        .await
        .unwrap();
}

async fn a_table_of_the_apps_own_keeps_its_user(db: TestDb) {
    let app = TestApp::new(db).await;
    app.sql("CREATE TABLE app_order (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user (id) DEFERRABLE INITIALLY DEFERRED)").await;
    app.sql("CREATE TABLE app_bill (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user (id))").await;
    let users = app.hallpass.users();
    let ann = made(&app, "ann").await;
    for table in ["app_order", "app_bill"] {
        app.sql(&format!(
            "INSERT INTO {table} (id, user_id) VALUES (1, {})",
            ann.id
        ))
        .await;
        let told = refusal(users.delete(&ann).await);
        assert_eq!(told.code(), "referred_to", "{table}: {told:?}");
        assert_eq!(app.count("auth_user").await, 1);
        assert_eq!(
            app.count("account_emailaddress").await,
            1,
            "nothing goes by halves"
        );
        assert_eq!(
            app.count("hallpass_event WHERE kind = 'user_deleted'")
                .await,
            0
        );
        app.sql(&format!("DELETE FROM {table}")).await;
    }
    users.delete(&ann).await.unwrap();
}

async fn a_user_who_is_written_to_meanwhile_goes_all_the_same(db: TestDb) {
    let app = TestApp::new(db).await;
    for round in 0..5 {
        let ann = made(&app, &format!("ann{round}")).await;
        let mut all = JoinSet::new();
        for index in 0..3 {
            let (hallpass, ann) = (app.hallpass.clone(), ann.clone());
            all.spawn(async move {
                for one in 0..5 {
                    let email = format!("a{round}-{index}-{one}@example.com");
                    for done in [
                        hallpass.users().add_address(&ann, &email).await.map(drop),
                        hallpass.sign_in(&ann, "test").await.map(drop),
                        hallpass.rest_key(&ann).await.map(drop),
                    ] {
                        // Whoever comes in between is refused, or finds the row that it was about to refer to gone.
                        if done.is_err() {
                            return;
                        }
                    }
                }
            });
        }
        app.hallpass.users().delete(&ann).await.unwrap();
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        for table in [
            "auth_user",
            "account_emailaddress",
            "authtoken_token",
            "usersessions_usersession",
        ] {
            assert_eq!(app.count(table).await, 0, "{table}");
        }
    }
}
