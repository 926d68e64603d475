//! What a request costs through the real router, against a bare axum handler in the same run, on both databases.
//!
//! `cargo bench -p hallpass` prints the table of docs/performance.md. Requests are made in process by as many tasks as
//! keep two workers busy: sockets cost both sides the same and are left out.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its table and stops where it is wrong"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use hallpass::settings::RateLimits;
use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
use hallpass_testkit::{Browser, TestApp, TestDb};

const TASKS: usize = 16;
const TIME: Duration = Duration::from_secs(3);

/// Requests a second: each task repeats `once` until the time is up.
async fn rate<F>(make: impl Fn(usize) -> F) -> f64
where
    F: AsyncFnMutSend + 'static,
{
    let done = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|index| {
            let (mut task, done) = (make(index), Arc::clone(&done));
            tokio::spawn(async move {
                while start.elapsed() < TIME && task.once().await {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let count = u32::try_from(done.load(Ordering::Relaxed)).unwrap();
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Something to repeat. `false`: there is nothing left to do.
trait AsyncFnMutSend: Send {
    fn once(&mut self) -> impl Future<Output = bool> + Send;
}

/// Opens a page again and again.
struct Page(Browser, &'static str);

impl AsyncFnMutSend for Page {
    async fn once(&mut self) -> bool {
        let answer = self.0.get(self.1).await;
        assert_eq!(answer.status, 200);
        true
    }
}

/// Asks who is behind a cookie, as every page does first.
struct Check(hallpass::Hallpass, Browser);

impl AsyncFnMutSend for Check {
    async fn once(&mut self) -> bool {
        let key = self.1.cookies["sessionid"].clone();
        assert!(self.0.session(Some(&key)).await.unwrap().user().is_some());
        true
    }
}

/// Hashes a second with both workers busy.
fn hash_rate(hashers: &Hashers, hash: &str) -> f64 {
    let start = Instant::now();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (hashers, hash) = (hashers.clone(), hash.to_owned());
            std::thread::spawn(move || {
                let mut scratch = Scratch::default();
                for _ in 0..50 {
                    assert!(hashers.verify("correct-horse", &hash, &mut scratch).correct);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    100.0 / start.elapsed().as_secs_f64()
}

/// Posts a form again and again, with the token of its first page.
struct Post(Browser, &'static str, Vec<(&'static str, String)>);

impl AsyncFnMutSend for Post {
    async fn once(&mut self) -> bool {
        // Whoever is signed in is led away from the door, which costs no hash.
        self.0.cookies.remove("sessionid");
        let token = self.0.cookies["csrftoken"].clone();
        let mut fields = vec![("csrfmiddlewaretoken", token.as_str())];
        fields.extend(self.2.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = self.0.post(self.1, &fields).await;
        assert_eq!(answer.status, 302);
        true
    }
}

/// Opens links, each once.
struct Redeem(Browser, Vec<String>);

impl AsyncFnMutSend for Redeem {
    async fn once(&mut self) -> bool {
        let Some(link) = self.1.pop() else {
            return false;
        };
        self.0.cookies.remove("sessionid");
        let token = self.0.cookies["csrftoken"].clone();
        let answer = self.0.post(&link, &[("csrfmiddlewaretoken", &token)]).await;
        assert_eq!(answer.status, 302);
        true
    }
}

async fn measure(name: &str, db: TestDb, bare: f64) {
    let app = TestApp::with(db, |settings| {
        settings.general.password_hashers = None;
        settings.account.rate_limits = RateLimits::none();
    })
    .await;
    let hashers = Hashers::new(vec![Hasher::HALLPASS]).unwrap();
    let hash = hashers
        .encode(
            "correct-horse",
            &Salt::from_random([7; 32]),
            &mut Scratch::default(),
        )
        .unwrap();
    let mut browsers = Vec::new();
    for index in 0..TASKS {
        app.user_with(
            &format!("p{index}"),
            &format!("p{index}@example.com"),
            &hash,
        )
        .await;
        let mut browser = app.browser();
        let name = format!("p{index}");
        let fields = [("login", name.as_str()), ("password", "correct-horse")];
        let answer = browser.fill("/accounts/login/", &fields).await;
        assert_eq!(answer.status, 302);
        browsers.push(browser);
    }
    let row =
        |what: &str, rate: f64| println!("| {what} | {name} | {:.1} bare requests |", bare / rate);
    let browsers = Arc::new(browsers);
    let check = |index: usize| Check(app.hallpass.clone(), browsers[index].clone());
    row("session check alone", rate(check).await);
    let own = app.hallpass.clone();
    let own = Router::new()
        .route("/", get(async || "ok"))
        .route("/mine", get(async |_: hallpass::CurrentUser| "ok"))
        .layer(own.layer());
    let routed = |index: usize, path| {
        let mut browser = browsers[index].clone();
        browser.move_to(own.clone());
        Page(browser, path)
    };
    row(
        "handler of an app within the layer, asking nothing",
        rate(|index| routed(index, "/")).await,
    );
    row(
        "handler of an app that asks for CurrentUser",
        rate(|index| routed(index, "/mine")).await,
    );
    row(
        "session check and the page",
        rate(|index| Page(browsers[index].clone(), "/accounts/profile/")).await,
    );
    row(
        "page without a session",
        rate(|_| Page(app.browser(), "/accounts/login/link/")).await,
    );
    let ask = |index: usize| {
        Post(
            with_token(&app),
            "/accounts/login/link/",
            vec![("email", format!("p{index}@example.com"))],
        )
    };
    row("link request", rate(ask).await);
    let login = |index: usize| {
        let fields = vec![
            ("login", format!("p{index}")),
            ("password", "correct-horse".to_owned()),
        ];
        Post(with_token(&app), "/accounts/login/", fields)
    };
    let logins = rate(login).await;
    println!(
        "| login by password (argon2id) | {name} | {:.2} hashes |",
        hash_rate(&hashers, &hash) / logins
    );
    // A link a user, since each sign-in ends the user's other links.
    let links = Arc::new(std::sync::Mutex::new(links(&app).await));
    let redeem = |_| Redeem(with_token(&app), links.lock().unwrap().split_off_some());
    row("link redemption", rate(redeem).await);
    for jwt in [false, true] {
        let app = TestApp::with(app.db.shared(), |settings| {
            settings.general.password_hashers = None;
            settings.account.rate_limits = RateLimits::none();
            settings.rest_auth.use_jwt = jwt;
        })
        .await;
        let browser = with_credentials(&app, jwt).await;
        let what = if jwt { "JSON Web Token" } else { "key" };
        let ask = |_| Page(browser.clone(), "/dj-rest-auth/user/");
        row(&format!("who has a {what} (REST)"), rate(ask).await);
    }
}

/// A program that has logged in.
async fn with_credentials(app: &TestApp, jwt: bool) -> Browser {
    let mut browser = app.browser();
    let fields = [("username", "p0"), ("password", "correct-horse")];
    let answer = browser.post("/dj-rest-auth/login/", &fields).await;
    let given: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    let (name, scheme) = match jwt {
        true => ("access", "Bearer"),
        false => ("key", "Token"),
    };
    let secret = given[name].as_str().unwrap();
    browser.cookies.clear();
    browser
        .headers
        .insert("authorization", format!("{scheme} {secret}"));
    browser
}

/// A browser with a CSRF cookie of its own making.
fn with_token(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    browser.cookies.insert(
        "csrftoken".to_owned(),
        "abcdefghijklmnopqrstuvwxyz012345".to_owned(),
    );
    browser
}

const LINKS: usize = 4000;

async fn links(app: &TestApp) -> Vec<String> {
    use hallpass::flows::login_by_link::Link;
    let mut links = Vec::new();
    for index in 0..LINKS {
        let id = app
            .user(&format!("r{index}"), &format!("r{index}@example.com"))
            .await;
        let user = app.look_up(id).await;
        links.push(format!(
            "/accounts/{}",
            Link::make(&app.hallpass, &user, app.hallpass.now()).path()
        ));
    }
    app.sql(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         SELECT id, email, TRUE, TRUE FROM auth_user WHERE username LIKE 'r%'",
    )
    .await;
    links
}

trait Share {
    fn split_off_some(&mut self) -> Vec<String>;
}

impl Share for Vec<String> {
    fn split_off_some(&mut self) -> Vec<String> {
        self.split_off(self.len().saturating_sub(LINKS / TASKS))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bare = Router::new().route("/", get(async || "ok"));
        let bare = rate(|_| Page(Browser::new(bare.clone()), "/")).await;
        println!("| what | database | cost |\n|---|---|---|");
        measure("SQLite", TestDb::sqlite().await, bare).await;
        measure("PostgreSQL", TestDb::postgres().await, bare).await;
    });
}
