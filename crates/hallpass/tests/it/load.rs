//! How long it takes does not tell who has an account either. Statements are counted in `enumeration.rs`, which is exact;
//! here the whole of a request is timed, so that a hash, a letter or a token that is spared shows as well.

use std::time::Instant;

use hallpass_django::hashers::Hasher;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};

use crate::enumeration::{ANN, BOB, PASSWORD, account_with, configure};

each_database!(
    a_wrong_password_takes_as_long,
    a_reset_by_link_takes_as_long,
    a_reset_by_code_takes_as_long,
    a_signup_by_link_takes_as_long,
    a_signup_by_code_takes_as_long,
    a_signup_hashes_the_password_of_nobody,
    a_login_code_by_mail_takes_as_long,
    a_login_code_by_phone_takes_as_long,
    a_login_link_takes_as_long,
);

/// Somebody's request and nobody's, taken in turns.
struct Race<'a> {
    browser: Browser,
    path: &'a str,
    /// The status and place of the answer to both.
    answer: (u16, &'a str),
    /// What the run with this number posts, for somebody or for nobody.
    fields: &'a dyn Fn(usize, bool) -> Vec<(&'static str, String)>,
    rounds: usize,
    /// In each round, by each of the two.
    laps: usize,
}

/// Where nothing is hashed.
const LAPS: usize = 6;
/// A hash is most of what there is: few show it.
const HASHED: usize = 2;

/// A try is suspicious if the difference is no noise and more than this part of the whole. Less than this is the letter
/// itself, one being longer than the other, and the row that is read of somebody.
const NOTICEABLE: f64 = 0.08;
/// Or if it is more than this part, whatever the noise.
const MUCH: f64 = 0.15;
/// A machine may be busy with something else; a difference that is there is there in every try.
const TRIES: usize = 6;

impl Race<'_> {
    async fn lap(&self, number: usize, known: bool) -> f64 {
        let mut browser = self.browser.clone();
        let token = browser.cookies["csrftoken"].clone();
        let own = (self.fields)(number, known);
        let mut fields = vec![("csrfmiddlewaretoken", token.as_str())];
        fields.extend(own.iter().map(|(name, value)| (*name, value.as_str())));
        let start = Instant::now();
        let answer = browser.post(self.path, &fields).await;
        let took = start.elapsed();
        let came = (answer.status.as_u16(), answer.location());
        assert_eq!(came, self.answer, "{known}: {}", answer.text);
        took.as_secs_f64()
    }

    /// The median of the differences, its standard error, and the median of all. Of each few laps the quickest counts:
    /// whatever else the machine does makes laps slower, never quicker.
    async fn run(&self, offset: usize) -> (f64, f64, f64) {
        let (mut differences, mut all) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let mut best = [f64::INFINITY; 2];
            for lap in 0..self.laps {
                let number = offset + round * self.laps + lap;
                for known in [lap % 2 == 0, lap % 2 == 1] {
                    let took = self.lap(number, known).await;
                    let best = &mut best[usize::from(known)];
                    *best = best.min(took);
                }
            }
            differences.push(best[1] - best[0]);
            all.extend(best);
        }
        let middle = median(&mut differences);
        let mut spread: Vec<f64> = differences.iter().map(|d| (d - middle).abs()).collect();
        #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
        let error = 1.2533 * 1.4826 * median(&mut spread) / (self.rounds as f64).sqrt();
        (middle, error, median(&mut all))
    }

    /// Fails if every try is suspicious.
    async fn is_a_draw(&self) {
        for number in 0..4 {
            self.lap(number, number % 2 == 0).await;
        }
        let mut tries = Vec::new();
        for number in 1..=TRIES {
            let (difference, error, whole) = self.run(number * self.rounds * self.laps).await;
            let part = difference.abs() / whole;
            tries.push(format!(
                "{:+.1} µs ± {:.1} of {:.0} ({:+.1} %)",
                difference * 1e6,
                error * 1e6,
                whole * 1e6,
                difference / whole * 100.0
            ));
            if part < MUCH && (part < NOTICEABLE || difference.abs() < 3.0 * error) {
                println!("{}", tries.join("\n"));
                return;
            }
        }
        panic!(
            "somebody takes longer than nobody by:\n{}",
            tries.join("\n")
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn app_with(db: TestDb, own: &[(&str, &str)], hasher: Hasher) -> (TestApp, Browser) {
    let app = TestApp::with(db, |settings| configure(settings, own)).await;
    account_with(&app, ANN, true, hasher).await;
    let mut browser = app.browser();
    browser.get("/accounts/login/link/").await;
    (app, browser)
}

fn email(known: bool) -> Vec<(&'static str, String)> {
    let who = if known { ANN } else { BOB };
    vec![("email", who.email.to_owned())]
}

async fn asking(db: TestDb, own: &[(&str, &str)], path: &str, to: &str) {
    let (_app, browser) = app_with(db, own, Hasher::Md5).await;
    let race = Race {
        browser,
        path,
        answer: (302, to),
        fields: &|_, known| email(known),
        rounds: 25,
        laps: LAPS,
    };
    race.is_a_draw().await;
}

const ARGON2: (&str, &str) = ("PASSWORD_HASHERS", r#"["argon2"]"#);

fn argon2() -> Hasher {
    Hasher::from_name("argon2").unwrap()
}

async fn a_wrong_password_takes_as_long(db: TestDb) {
    let own = [
        ARGON2,
        ("ACCOUNT_LOGIN_METHODS", r#"["username", "email"]"#),
        ("ACCOUNT_EMAIL_REQUIRED", "true"),
    ];
    let (_app, browser) = app_with(db, &own, argon2()).await;
    let race = Race {
        browser,
        path: "/accounts/login/",
        answer: (400, ""),
        fields: &|number, known| {
            let who = if known { ANN } else { BOB };
            let login = if number % 4 < 2 { who.email } else { who.name };
            vec![
                ("login", login.to_owned()),
                ("password", "not-this-one-9".to_owned()),
            ]
        },
        rounds: 6,
        laps: HASHED,
    };
    race.is_a_draw().await;
}

const RESET: &str = "/accounts/password/reset/";

async fn a_reset_by_link_takes_as_long(db: TestDb) {
    asking(db, &[], RESET, "/accounts/password/reset/done/").await;
}

async fn a_reset_by_code_takes_as_long(db: TestDb) {
    let own = [("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", "true")];
    asking(db, &own, RESET, "/accounts/password/reset/confirm/").await;
}

/// Each run is a new name, and nobody's a new address too.
fn signup(number: usize, known: bool) -> Vec<(&'static str, String)> {
    let email = match known {
        true => ANN.email.to_owned(),
        false => format!("b{number:04}@example.com"),
    };
    vec![
        (
            "username",
            format!("{}{number:05}", if known { "k" } else { "u" }),
        ),
        ("email", email),
        ("password1", PASSWORD.to_owned()),
        ("password2", PASSWORD.to_owned()),
    ]
}

async fn signing_up(db: TestDb, own: &[(&str, &str)], (rounds, laps): (usize, usize)) {
    let mut all = vec![
        // They think for longer than all the rest takes, about the same password.
        ("AUTH_PASSWORD_VALIDATORS", "[]"),
        ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
        ("ACCOUNT_EMAIL_REQUIRED", "true"),
    ];
    all.extend_from_slice(own);
    let (app, browser) = app_with(db, &all, Hasher::Md5).await;
    let race = Race {
        browser,
        path: "/accounts/signup/",
        answer: (302, "/accounts/confirm-email/"),
        fields: &signup,
        rounds,
        laps,
    };
    race.is_a_draw().await;
    let found = hallpass::store::user::by_username(app.db.db.conn(), "k00000").await;
    assert!(found.unwrap().is_empty(), "it was somebody's address");
}

async fn a_signup_by_link_takes_as_long(db: TestDb) {
    signing_up(db, &[], (20, LAPS)).await;
}

async fn a_signup_by_code_takes_as_long(db: TestDb) {
    signing_up(
        db,
        &[("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "true")],
        (20, LAPS),
    )
    .await;
}

async fn a_signup_hashes_the_password_of_nobody(db: TestDb) {
    signing_up(db, &[ARGON2], (6, HASHED)).await;
}

const BY_CODE: [(&str, &str); 3] = [
    ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true"),
    ("ACCOUNT_LOGIN_METHODS", r#"["email", "phone"]"#),
    (
        "ACCOUNT_SIGNUP_FIELDS",
        r#"["email*", "phone*", "password1*"]"#,
    ),
];

const CODE: &str = "/accounts/login/code/";
const CONFIRM: &str = "/accounts/login/code/confirm/";

async fn a_login_code_by_mail_takes_as_long(db: TestDb) {
    asking(db, &BY_CODE, CODE, CONFIRM).await;
}

async fn a_login_code_by_phone_takes_as_long(db: TestDb) {
    let (_app, browser) = app_with(db, &BY_CODE, Hasher::Md5).await;
    let race = Race {
        browser,
        path: CODE,
        answer: (302, CONFIRM),
        fields: &|_, known| {
            let who = if known { ANN } else { BOB };
            vec![("phone", who.phone.to_owned())]
        },
        rounds: 25,
        laps: LAPS,
    };
    race.is_a_draw().await;
}

async fn a_login_link_takes_as_long(db: TestDb) {
    asking(
        db,
        &[],
        "/accounts/login/link/",
        "/accounts/login/link/sent/",
    )
    .await;
}
