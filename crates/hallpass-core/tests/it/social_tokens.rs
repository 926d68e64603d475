//! Programs that come from a provider, at the very moment at which something else happens; and what an app has to say.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallpass_core::domain::{Client, Session, SocialLogin, User};
use hallpass_core::flows::social::apps::{self, Wanted};
use hallpass_core::flows::tokens::signup::Kept;
use hallpass_core::flows::tokens::social::{self, Brought};
use hallpass_core::flows::tokens::{Given, LoggedIn};
use hallpass_core::providers::Handed;
use hallpass_core::settings::{Secret, Settings};
use hallpass_core::store::Dialect;
use hallpass_core::{Cx, Error, Hallpass, Refusal, TokenFault, async_trait, hooks};
use hallpass_testkit::{SocialSites, TestApp, TestDb, each_database};
use serde_json::json;
use tokio::sync::oneshot;

each_database!(
    two_signups_at_once_are_one,
    what_is_connected_while_the_password_changes_is_not,
    a_session_is_kept_as_far_as_it_may_be,
    an_app_may_turn_away_whoever_comes,
    an_app_may_want_a_form,
    whom_the_app_turns_away_at_the_end_never_was_in,
    what_happens_is_written_down,
    programs_merge_nobody,
);

struct World {
    app: TestApp,
    sites: SocialSites,
}

impl World {
    async fn new(db: TestDb) -> Self {
        Self::with(db, None, None).await
    }

    async fn with(
        db: TestDb,
        social: Option<Arc<dyn hooks::Social>>,
        login: Option<Arc<dyn hooks::Login>>,
    ) -> Self {
        let sites = SocialSites::start().await;
        let know = |settings: &mut Settings| {
            sites.know(settings, &json!({}));
            settings.hallpass.social_merge = true;
        };
        let app = TestApp::built(db, know, |mut builder| {
            if let Some(social) = social {
                builder = builder.on_social(social);
            }
            match login {
                Some(login) => builder.on_login(login),
                None => builder,
            }
        })
        .await;
        World { app, sites }
    }

    /// Whoever has the number at GitHub, and the session afterwards.
    async fn login(&self, number: u32, kept: Kept) -> (Result<LoggedIn, Error>, Session) {
        let mut session = Session::fresh(false);
        let brought = ("github", &token(number));
        let done = bring(
            &self.app.hallpass,
            &mut session,
            brought,
            async |cx, brought| social::login(cx, brought, kept).await,
        );
        (done.await, session)
    }

    async fn ann(&self) -> User {
        let new = self.app.user_with("ann", "ann@example.com", "md5$a$b");
        self.app.look_up(new.await).await
    }

    /// Kinds of events, with method and reason.
    async fn events(&self) -> Vec<(String, String, String)> {
        let mut conn = self.app.db.db.conn();
        let rows = conn.query(
            "SELECT kind, method, reason FROM hallpass_event ORDER BY id",
            &[],
        );
        let rows = rows.await.unwrap();
        let read = |row: &hallpass_core::store::Row| {
            (
                row.get(0).unwrap(),
                row.get(1).unwrap(),
                row.get(2).unwrap(),
            )
        };
        rows.iter().map(read).collect()
    }
}

fn token(number: u32) -> Handed {
    Handed {
        access_token: Some(Secret::new(format!("token-{number}"))),
        ..Handed::default()
    }
}

/// A flow with what a program brought.
async fn bring<T>(
    hallpass: &Hallpass,
    session: &mut Session,
    (provider, handed): (&str, &Handed),
    flow: impl AsyncFnOnce(&mut Cx, &Brought<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let ip = Ipv4Addr::new(192, 0, 2, 1).into();
    let client = Client::new(ip, "a test", "http://localhost");
    let run = hallpass.run(&client, session, async |cx| {
        let wanted = Wanted {
            provider,
            ..Wanted::default()
        };
        let app = apps::one(cx, wanted).await?;
        let brought = Brought {
            app: &app,
            handed,
            callback_url: None,
        };
        flow(cx, &brought).await
    });
    run.await
}

fn refusal(done: Result<LoggedIn, Error>) -> Refusal {
    match done {
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("taken"),
    }
}

fn key_of(done: Result<LoggedIn, Error>) -> String {
    match done.unwrap().given {
        Given::Key(key) => key,
        _ => panic!("no key"),
    }
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

async fn two_signups_at_once_are_one(db: TestDb) {
    // Nothing is committed between the account and the end.
    let world = World::new(db).await;
    world.sites.set_email(41, "", false);
    let (began, begun) = oneshot::channel::<()>();
    let (go, gone) = oneshot::channel::<()>();
    let hallpass = world.app.hallpass.clone();
    let first = tokio::spawn(async move {
        let mut session = Session::fresh(false);
        let brought = ("google", &token(41));
        let done = bring(&hallpass, &mut session, brought, async |cx, brought| {
            let done = social::login(cx, brought, Kept::Nothing).await;
            began.send(()).unwrap();
            gone.await.unwrap();
            done
        });
        done.await
    });
    begun.await.unwrap();
    let hallpass = world.app.hallpass.clone();
    let second = tokio::spawn(async move {
        let mut session = Session::fresh(false);
        let brought = ("google", &token(41));
        let done = bring(&hallpass, &mut session, brought, async |cx, brought| {
            social::login(cx, brought, Kept::Nothing).await
        });
        done.await
    });
    until_somebody_waits(&world.app).await;
    go.send(()).unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(key_of(first), key_of(second));
    assert_eq!(world.app.count("auth_user").await, 1);
}

async fn what_is_connected_while_the_password_changes_is_not(db: TestDb) {
    let world = World::new(db).await;
    let ann = world.ann().await;
    let users = world.app.hallpass.users();
    users
        .set_password_unchecked(&ann, "another-horse-7")
        .await
        .unwrap();
    // Who asks was looked up before.
    let mut session = Session::fresh(false);
    let brought = ("github", &token(41));
    let done = bring(
        &world.app.hallpass,
        &mut session,
        brought,
        async |cx, brought| social::connect(cx, &ann, brought).await,
    );
    let fault = TokenFault::PasswordChanged;
    assert_eq!(refusal(done.await), Refusal::Token(fault));
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
    assert_eq!(world.app.count("authtoken_token").await, 0);
}

async fn a_session_is_kept_as_far_as_it_may_be(db: TestDb) {
    let world = World::new(db).await;
    // Signed up, and known.
    for _ in 0..2 {
        for (kept, signed_in) in [
            (Kept::Nothing, false),
            (Kept::Stage, false),
            (Kept::Session, true),
        ] {
            let (done, session) = world.login(41, kept).await;
            let user = done.unwrap().user;
            assert_eq!(session.user_id(), signed_in.then_some(user.id), "{kept:?}");
            assert_eq!(session.is_empty(), !signed_in, "{kept:?}");
        }
    }
}

/// Turns away who is called so, and wants a form for whoever has that number.
struct Door;

#[async_trait]
impl hooks::Social for Door {
    async fn may_enter(&self, _: &mut Cx, social: &SocialLogin) -> Result<(), Error> {
        let refused = Refusal::Denied {
            code: "not_here",
            message: "Not here.".to_owned(),
        };
        match social.username.as_deref() {
            Some("gh66") => Err(refused.into()),
            _ => Ok(()),
        }
    }

    fn may_auto_sign_up(&self, social: &SocialLogin) -> bool {
        social.uid != "67"
    }
}

async fn an_app_may_turn_away_whoever_comes(db: TestDb) {
    let world = World::with(db, Some(Arc::new(Door)), None).await;
    let (done, session) = world.login(66, Kept::Session).await;
    assert_eq!(refusal(done).code(), "not_here");
    assert!(session.is_empty());
    assert_eq!(world.app.count("auth_user").await, 0);
    assert!(world.login(41, Kept::Nothing).await.0.is_ok());
}

async fn an_app_may_want_a_form(db: TestDb) {
    let world = World::with(db, Some(Arc::new(Door)), None).await;
    let (done, session) = world.login(67, Kept::Session).await;
    let stage = "provider_signup".to_owned();
    assert_eq!(refusal(done), Refusal::StageRequired(stage));
    assert!(session.is_empty());
}

/// Lets nobody in whose number is odd, at the last moment.
struct Bouncer;

#[async_trait]
impl hooks::Login for Bouncer {
    async fn after_sign_in(&self, _: &mut Cx, user: &User) -> Result<(), Error> {
        let refused = Refusal::Denied {
            code: "odd",
            message: "Odd.".to_owned(),
        };
        match user.username.ends_with('1') {
            true => Err(refused.into()),
            false => Ok(()),
        }
    }
}

async fn whom_the_app_turns_away_at_the_end_never_was_in(db: TestDb) {
    let world = World::with(db, None, Some(Arc::new(Bouncer))).await;
    assert!(world.login(42, Kept::Nothing).await.0.is_ok());
    world
        .app
        .sql("UPDATE auth_user SET username = 'gh1', last_login = NULL")
        .await;
    world.app.sql("DELETE FROM authtoken_token").await;
    let now = world.app.hallpass.now().seconds();
    let id_token = Handed {
        id_token: Some(Secret::new(world.sites.google_token(42, now))),
        ..Handed::default()
    };
    world
        .app
        .sql("UPDATE socialaccount_socialaccount SET provider = 'google'")
        .await;
    for wanted in ["odd", "invalid_token"] {
        let mut session = Session::fresh(false);
        let brought = ("google", &id_token);
        let done = bring(
            &world.app.hallpass,
            &mut session,
            brought,
            async |cx, brought| social::login(cx, brought, Kept::Session).await,
        );
        // What the token was is spent all the same.
        assert_eq!(refusal(done.await).code(), wanted);
        assert!(session.is_empty());
    }
    assert_eq!(world.app.count("authtoken_token").await, 0);
    let user = world
        .app
        .look_up(hallpass_core::domain::UserId::from_int(1));
    assert_eq!(user.await.last_login, None);
}

async fn what_happens_is_written_down(db: TestDb) {
    let world = World::new(db).await;
    let ann = world.ann().await;
    world.sites.set_email(41, "", false);
    let handed = [token(41), token(41), token(0)];
    for handed in &handed[..2] {
        let mut session = Session::fresh(false);
        let brought = ("google", handed);
        let done = bring(
            &world.app.hallpass,
            &mut session,
            brought,
            async |cx, brought| social::login(cx, brought, Kept::Nothing).await,
        );
        done.await.unwrap();
    }
    let foreign = Handed {
        access_token: Some(Secret::new("foreign-41")),
        ..Handed::default()
    };
    let mut session = Session::fresh(false);
    let brought = ("google", &foreign);
    let done = bring(
        &world.app.hallpass,
        &mut session,
        brought,
        async |cx, brought| social::login(cx, brought, Kept::Nothing).await,
    );
    assert_eq!(refusal(done.await), Refusal::InvalidProviderToken);
    let mut session = Session::fresh(false);
    let brought = ("github", &token(43));
    let done = bring(
        &world.app.hallpass,
        &mut session,
        brought,
        async |cx, brought| social::connect(cx, &ann, brought).await,
    );
    done.await.unwrap();
    let happened = world.events().await;
    let happened: Vec<(&str, &str, &str)> = happened
        .iter()
        .map(|(kind, method, reason)| (kind.as_str(), method.as_str(), reason.as_str()))
        .collect();
    let wanted = [
        ("social_account_added", "", ""),
        ("signup", "", ""),
        ("login", "socialaccount", ""),
        ("login", "socialaccount", "token"),
        ("social_login_failed", "socialaccount", "unknown"),
        ("social_account_added", "", ""),
    ];
    assert_eq!(happened, wanted);
}

async fn programs_merge_nobody(db: TestDb) {
    let world = World::new(db).await;
    let ann = world.ann().await;
    let (done, _) = world.login(41, Kept::Nothing).await;
    let other = done.unwrap().user;
    let mut session = Session::fresh(false);
    let brought = ("github", &token(41));
    let done = bring(
        &world.app.hallpass,
        &mut session,
        brought,
        async |cx, brought| social::connect(cx, &ann, brought).await,
    );
    assert_eq!(refusal(done.await), Refusal::ConnectedOther);
    assert!(session.is_empty(), "a merge waits");
    assert!(world.app.look_up(other.id).await.is_active);
}
