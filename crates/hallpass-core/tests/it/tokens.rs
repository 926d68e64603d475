//! Keys and tokens, issued at the very moment at which they end: whoever has the old password, or a refresh token that is
//! not theirs, tries exactly then.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hallpass_core::domain::{Client, Session, Timestamp, User};
use hallpass_core::flows::tokens::{self, Given};
use hallpass_core::settings::{Secret, Settings};
use hallpass_core::store::Dialect;
use hallpass_core::{Cx, Error, Hallpass, Refusal, TokenFault};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::Value;
use tokio::sync::oneshot;

each_database!(
    a_key_made_while_the_password_changes_dies_with_the_old_one,
    a_pair_made_while_the_password_changes_dies_with_the_old_one,
    a_token_rotated_while_the_password_changes_dies_with_the_old_one,
    a_token_rotated_while_its_family_ends_dies_with_it,
    what_ended_is_known_for_as_long_as_clocks_may_differ,
    what_simplejwt_takes_as_a_kind_of_token_is_taken,
);

fn with_jwt(settings: &mut Settings) {
    settings.rest_auth.use_jwt = true;
    settings.simple_jwt.rotate_refresh_tokens = true;
    settings.hallpass.refresh_grace = 0;
    // Else simplejwt's list would catch what ours lets through.
    settings.hallpass.token_blacklist = false;
}

async fn ann(app: &TestApp) -> User {
    let id = app.user_with("ann", "ann@example.com", "md5$a$b").await;
    app.look_up(id).await
}

/// A flow in a session of its own.
async fn run<T>(
    hallpass: &Hallpass,
    flow: impl AsyncFnOnce(&mut Cx) -> Result<T, Error>,
) -> Result<T, Error> {
    let client = Client::new(
        Ipv4Addr::new(192, 0, 2, 1).into(),
        "a test",
        "http://localhost",
    );
    hallpass
        .run(&client, &mut Session::fresh(false), flow)
        .await
}

/// Until somebody waits for a lock; on SQLite, where the second waits before it writes anything, there is nothing to see.
async fn until_somebody_waits(app: &TestApp) {
    let start = Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while app.db.db.dialect() == Dialect::Postgres {
        let row = app.db.db.conn().query_opt(waiting, &[]).await.unwrap();
        let count: i64 = row.unwrap().get(0).unwrap();
        if count > 0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "nobody waits");
        tokio::task::yield_now().await;
    }
}

/// Lets `first` do its work, and `second` begin, before `first` commits.
macro_rules! overlap {
    ($app:expr, $first:expr, $second:expr) => {{
        let (began, begun) = oneshot::channel::<()>();
        let (go, gone) = oneshot::channel::<()>();
        let hallpass = $app.hallpass.clone();
        let first = tokio::spawn(async move {
            run(&hallpass, async |cx| {
                let done = $first(cx).await;
                began.send(()).unwrap();
                gone.await.unwrap();
                done
            })
            .await
        });
        begun.await.unwrap();
        let second = tokio::spawn($second);
        until_somebody_waits(&$app).await;
        go.send(()).unwrap();
        let done = first.await.unwrap();
        second.await.unwrap().unwrap();
        done
    }};
}

fn new_password(app: &TestApp, user: &User) -> impl Future<Output = Result<(), Error>> + use<> {
    let (hallpass, user) = (app.hallpass.clone(), user.clone());
    async move {
        let users = hallpass.users();
        let done = users.set_password_unchecked(&user, "another-horse-7");
        done.await.map(drop)
    }
}

async fn a_key_made_while_the_password_changes_dies_with_the_old_one(db: TestDb) {
    let app = TestApp::new(db).await;
    let user = ann(&app).await;
    let owner = user.clone();
    let made = overlap!(
        app,
        async |cx| tokens::key_of(cx, &owner).await,
        new_password(&app, &user)
    );
    let found = tokens::by_key(&app.hallpass, &made.unwrap()).await;
    assert!(
        found.is_err(),
        "the key of an old password opens the account"
    );
    // And with the old password there is no other.
    let late = run(&app.hallpass, async |cx| tokens::key_of(cx, &user).await);
    assert_eq!(refused(late.await), TokenFault::PasswordChanged);
}

fn refused<T>(done: Result<T, Error>) -> TokenFault {
    match done {
        Err(Error::Refused(Refusal::Token(fault))) => fault,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("taken"),
    }
}

async fn pair(app: &TestApp, user: &User) -> String {
    let given = run(&app.hallpass, async |cx| tokens::issue(cx, user).await);
    refresh_of(given.await)
}

fn refresh_of(given: Result<Given, Error>) -> String {
    match given {
        Ok(Given::Pair(pair)) => pair.refresh,
        _ => panic!("no pair"),
    }
}

async fn refresh(app: &TestApp, token: &str) -> Result<tokens::Refreshed, Error> {
    run(&app.hallpass, async |cx| tokens::refresh(cx, token).await).await
}

async fn a_pair_made_while_the_password_changes_dies_with_the_old_one(db: TestDb) {
    let app = TestApp::with(db, with_jwt).await;
    let user = ann(&app).await;
    let owner = user.clone();
    let given = overlap!(
        app,
        async |cx| tokens::issue(cx, &owner).await,
        new_password(&app, &user)
    );
    let token = refresh_of(given);
    assert_eq!(
        refused(refresh(&app, &token).await),
        TokenFault::Blacklisted
    );
}

async fn a_token_rotated_while_the_password_changes_dies_with_the_old_one(db: TestDb) {
    let app = TestApp::with(db, with_jwt).await;
    let user = ann(&app).await;
    let token = pair(&app, &user).await;
    let rotated = overlap!(
        app,
        async |cx| tokens::refresh(cx, &token).await,
        new_password(&app, &user)
    );
    let (next, _) = rotated.unwrap().refresh.unwrap();
    assert_eq!(refused(refresh(&app, &next).await), TokenFault::Blacklisted);
}

async fn a_token_rotated_while_its_family_ends_dies_with_it(db: TestDb) {
    let app = TestApp::with(db, with_jwt).await;
    let user = ann(&app).await;
    let token = pair(&app, &user).await;
    let (hallpass, own) = (app.hallpass.clone(), token.clone());
    let rotated = overlap!(
        app,
        async |cx| tokens::refresh(cx, &token).await,
        async move { run(&hallpass, async |cx| tokens::end_refresh(cx, &own).await).await }
    );
    let (next, _) = rotated.unwrap().refresh.unwrap();
    assert_eq!(refused(refresh(&app, &next).await), TokenFault::Blacklisted);
}

async fn what_ended_is_known_for_as_long_as_clocks_may_differ(db: TestDb) {
    fn early() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
    fn late() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + 86_400 + 30)
    }
    let lenient = |settings: &mut Settings| {
        with_jwt(settings);
        settings.simple_jwt.leeway = 60;
    };
    let app = TestApp::at(db.clone(), early, lenient).await;
    let user = ann(&app).await;
    let token = pair(&app, &user).await;
    run(&app.hallpass, async |cx| {
        tokens::end_refresh(cx, &token).await
    })
    .await
    .unwrap();
    // It has expired, and is taken for a minute longer.
    let app = TestApp::at(db, late, lenient).await;
    app.hallpass.clear_expired().await.unwrap();
    assert_eq!(
        refused(refresh(&app, &token).await),
        TokenFault::Blacklisted
    );
}

/// The recorded cases that the signature alone does not decide, as well as all the others.
async fn what_simplejwt_takes_as_a_kind_of_token_is_taken(db: TestDb) {
    fn recorded() -> Timestamp {
        Timestamp::from_seconds(1_767_225_600)
    }
    let vectors: Value = serde_json::from_str(include_str!("../data/simplejwt.json")).unwrap();
    let secret = vectors["secret"].as_str().unwrap();
    let at = |name: &str, value: &Value| value[name].as_str().unwrap().to_owned();
    let app = TestApp::at(db, recorded, |settings| {
        with_jwt(settings);
        settings.simple_jwt.signing_key = Some(Secret::new(secret.to_owned()));
        settings.simple_jwt.check_revoke_token = true;
    })
    .await;
    assert_eq!(vectors["time"], recorded().seconds());
    let now = recorded();
    for check in vectors["checks"].as_array().unwrap() {
        let (case, token) = (at("case", check), at("token", check));
        let done = match at("cls", check).as_str() {
            "AccessToken" => tokens::claims_of(&app.hallpass, &token, now).is_ok(),
            "RefreshToken" => match refresh(&app, &token).await {
                // Whose it is comes after what it is.
                Err(Error::Refused(Refusal::Token(fault))) => {
                    !matches!(fault, TokenFault::WrongType | TokenFault::Invalid)
                }
                done => done.is_ok(),
            },
            _ => run(&app.hallpass, async |cx| tokens::verify(cx, &token).await)
                .await
                .is_ok(),
        };
        assert_eq!(done, check["accepted"].as_bool().unwrap(), "{case}");
    }
    let md5 = &vectors["md5_password_claim"];
    let ann = app
        .user_with("ann", "ann@example.com", &at("password", md5))
        .await;
    let token = pair(&app, &app.look_up(ann).await).await;
    let claims = app.hallpass.jwts().decode(&token, now).unwrap();
    assert_eq!(claims["hash_password"], md5["claim"]);
    // A token that simplejwt made of the same password and with claims of its project's own.
    let made = vectors["tokens"].as_array().unwrap();
    let marked = made
        .iter()
        .find(|one| one["payload"]["custom"] != Value::Null);
    let marked = marked.unwrap();
    assert_eq!(marked["payload"]["token_type"], "refresh");
    let own = marked["payload"]["hash_password"] == md5["claim"];
    let done = refresh(&app, &at("token", marked)).await;
    match own {
        true => {
            let claims = tokens::claims_of(&app.hallpass, &done.unwrap().access, now).unwrap();
            assert_eq!(claims["custom"], marked["payload"]["custom"]);
        }
        false => assert_eq!(refused(done), TokenFault::PasswordChanged),
    }
}
