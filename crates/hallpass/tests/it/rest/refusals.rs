//! What an app refuses is refused here too, and leaves nothing behind; and cookies are what the settings make of them.

use std::sync::{Arc, Mutex};

use hallpass::domain::{Login, User};

use hallpass::settings::{SameSite, Settings};
use hallpass::{Cx, Error, Refusal, async_trait, hooks};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, app, with_jwt, without_session};

each_database!(
    an_app_that_refuses_is_heard,
    fifty_logins_at_once_make_one_key,
    everything_at_once_stands_in_nobodys_way,
    cookies_of_tokens_are_what_the_settings_make_of_them,
);

const PASSWORD: &str = "correct-horse-9-battery";

/// Refuses at one place, or wants a stage of its own.
#[derive(Default)]
struct Guard(Mutex<&'static str>);

impl Guard {
    fn at(&self, place: &'static str) -> Result<(), Error> {
        match *self.0.lock().unwrap() == place {
            true => Err(Error::Refused(Refusal::Denied {
                code: place,
                message: "The app says no.".to_owned(),
            })),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl hooks::Login for Guard {
    async fn may_attempt(&self, _cx: &mut Cx) -> Result<(), Error> {
        self.at("may_attempt")
    }

    async fn may_sign_in(&self, _cx: &mut Cx, _user: &User) -> Result<(), Error> {
        self.at("may_sign_in")
    }

    async fn after_sign_in(&self, _cx: &mut Cx, _user: &User) -> Result<(), Error> {
        self.at("after_sign_in")
    }

    fn stages(&self) -> Vec<hooks::OwnStage> {
        vec![hooks::OwnStage {
            key: "terms".to_owned(),
            page: "/terms/".to_owned(),
            first: false,
        }]
    }

    async fn needs_stage(
        &self,
        _cx: &mut Cx,
        _key: &str,
        _user: &User,
        _login: &Login,
    ) -> Result<bool, Error> {
        Ok(*self.0.lock().unwrap() == "terms")
    }
}

async fn an_app_that_refuses_is_heard(db: TestDb) {
    for change in [without_session as fn(&mut Settings), with_jwt, |_| ()] {
        let db = match db.db.dialect() {
            hallpass::store::Dialect::Sqlite => TestDb::sqlite().await,
            hallpass::store::Dialect::Postgres => TestDb::postgres().await,
        };
        let plain = app(db, change).await;
        plain.sql("DELETE FROM authtoken_token").await;
        plain.sql("DELETE FROM hallpass_refresh").await;
        plain.sql("DELETE FROM django_session").await;
        let guard = Arc::new(Guard::default());
        let put = guard.clone();
        let app = TestApp::built(plain.db.shared(), change, |it| it.on_login(put)).await;
        let right = || json!({ "username": "ann", "password": PASSWORD });
        for place in ["may_attempt", "may_sign_in", "after_sign_in", "terms"] {
            *guard.0.lock().unwrap() = place;
            let mut program = Program::of(&app);
            let (status, body) = program.post("login/", right()).await;
            assert_eq!(status, 403, "{place}: {body}");
            let code = if place == "terms" {
                "stage_required"
            } else {
                place
            };
            assert_eq!(body["code"], code);
            assert!(program.0.cookies.is_empty(), "{place}");
            for table in ["authtoken_token", "hallpass_refresh", "django_session"] {
                assert_eq!(app.count(table).await, 0, "{place} {table}");
            }
        }
        // With the wrong password nothing is told of it, but that this one may not try.
        for place in ["may_sign_in", "after_sign_in", "terms"] {
            *guard.0.lock().unwrap() = place;
            let wrong = json!({ "username": "ann", "password": "wrong-horse-9" });
            assert_eq!(
                Program::of(&app).post("login/", wrong).await.0,
                400,
                "{place}"
            );
        }
        for place in ["may_attempt", "may_sign_in", "after_sign_in"] {
            *guard.0.lock().unwrap() = place;
            let body = json!({
                "username": format!("new_{place}"), "email": format!("{place}@example.com"),
                "password1": PASSWORD, "password2": PASSWORD,
            });
            let (status, body) = Program::of(&app).post("registration/", body).await;
            assert_eq!(status, 403, "{place}: {body}");
            assert!(body["key"].is_null() && body["access"].is_null());
        }
        *guard.0.lock().unwrap() = "";
        assert_eq!(Program::of(&app).post("login/", right()).await.0, 200);
    }
}

async fn fifty_logins_at_once_make_one_key(db: TestDb) {
    for change in [without_session as fn(&mut Settings), |_| ()] {
        let db = match db.db.dialect() {
            hallpass::store::Dialect::Sqlite => TestDb::sqlite().await,
            hallpass::store::Dialect::Postgres => TestDb::postgres().await,
        };
        let app = app(db, change).await;
        app.sql("DELETE FROM authtoken_token").await;
        let mut all = Vec::new();
        for _ in 0..50 {
            let mut program = Program::of(&app);
            all.push(tokio::spawn(async move { program.login().await }));
        }
        let mut keys = std::collections::BTreeSet::new();
        for one in all {
            keys.insert(one.await.unwrap()["key"].as_str().unwrap().to_owned());
        }
        assert_eq!(keys.len(), 1, "{keys:?}");
        assert_eq!(app.count("authtoken_token").await, 1);
    }
}

/// Whoever locks rows in another order than others do ends in a deadlock, which is a 500 here.
async fn everything_at_once_stands_in_nobodys_way(db: TestDb) {
    for change in [without_session as fn(&mut Settings), with_jwt, |_| ()] {
        let db = match db.db.dialect() {
            hallpass::store::Dialect::Sqlite => TestDb::sqlite().await,
            hallpass::store::Dialect::Postgres => TestDb::postgres().await,
        };
        let app = app(db, change).await;
        let mut all = Vec::new();
        for index in 0..24 {
            let mut program = Program::of(&app);
            all.push(tokio::spawn(async move {
                let given = json!({ "username": "ann", "password": PASSWORD });
                let (status, given) = program.post("login/", given).await;
                let mut seen = vec![status];
                let auth = match given["key"].as_str() {
                    Some(key) => format!("Token {key}"),
                    None => format!("Bearer {}", given["access"].as_str().unwrap_or("none")),
                };
                program.authorize(auth);
                let refresh = json!({ "refresh": given["refresh"].as_str().unwrap_or("none") });
                if index % 3 == 0 {
                    let same = json!({ "new_password1": PASSWORD, "new_password2": PASSWORD });
                    seen.push(program.post("password/change/", same).await.0);
                }
                seen.push(program.post("token/refresh/", refresh.clone()).await.0);
                if index % 4 == 0 {
                    seen.push(program.post("logout/", refresh).await.0);
                }
                seen.push(program.get("user/").await.0);
                seen
            }));
        }
        for one in all {
            let seen = one.await.unwrap();
            assert!(seen.iter().all(|status| *status < 500), "{seen:?}");
        }
    }
}

async fn cookies_of_tokens_are_what_the_settings_make_of_them(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
        let rest = &mut settings.rest_auth;
        rest.jwt_auth_cookie = Some("access".to_owned());
        rest.jwt_auth_refresh_cookie = Some("refresh".to_owned());
        rest.jwt_auth_refresh_cookie_path = "/dj-rest-auth/token/refresh/".to_owned();
        rest.jwt_auth_secure = true;
        rest.jwt_auth_samesite = SameSite::Strict;
    })
    .await;
    let mut program = Program::of(&app);
    let body = json!({ "username": "ann", "password": PASSWORD });
    let (answer, given) = program.send("POST", "login/", &body).await;
    assert_eq!(given["refresh"], Value::from(""), "not in both places");
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set.len(), 2);
    for (line, name, path, age) in [
        (set[0], "access=", "Path=/;", "Max-Age=300;"),
        (
            set[1],
            "refresh=",
            "Path=/dj-rest-auth/token/refresh/;",
            "Max-Age=86400;",
        ),
    ] {
        let line = format!("{};", line.to_str().unwrap());
        for part in [name, path, age, "HttpOnly;", "Secure;", "SameSite=Strict;"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    program.0.cookies.remove("access");
    let (answer, _) = program.send("POST", "logout/", &json!({})).await;
    for line in answer.headers.get_all("set-cookie") {
        let line = format!("{};", line.to_str().unwrap());
        for part in [
            "=;",
            "Max-Age=0;",
            "HttpOnly;",
            "Secure;",
            "SameSite=Strict;",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
