//! Sign-ins that are left in the middle: resumed, given up, overtaken by events or by somebody else.

use std::sync::atomic::{AtomicI64, Ordering};

use hallpass::domain::Timestamp;
use hallpass::domain::session::keys;
use hallpass::settings::Settings;
use hallpass::store::Dialect;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::json;

use super::story::{
    CODE, Demand, EMAIL, LOGIN, Mail, PASSWORD, PHONE, PROFILE, Person, Plan, REGION, TERMS,
    code_in, drop_post, hash, in_session, methods, pass, pass_own, who,
};

each_database!(
    what_one_proved_counts_for_nobody_else,
    what_one_proved_counts_for_no_other_sign_in_of_the_same_person,
    giving_up_clears_everything,
    signing_up_or_out_gives_up_what_waits,
    a_sign_in_under_way_ends_in_time,
    who_may_not_sign_in_any_more_comes_no_further,
    somebody_signed_in_who_begins_as_another_is_out,
    a_wrong_password_leaves_the_session_as_it_is,
    two_tabs_share_one_sign_in,
    two_browsers_have_a_sign_in_each,
    a_page_of_the_app_passes_its_own_stage_only,
    signing_up_goes_on_where_its_code_waits,
    a_reset_link_of_somebody_else_ends_the_session,
);

/// The stages of a full plan, as a password meets them.
const STAGES: [&str; 5] = [REGION, CODE, PHONE, EMAIL, TERMS];

/// A plan in which exactly this stage stands in the way.
fn only(stage: &str) -> Plan {
    Plan {
        first: stage == REGION,
        code: match stage {
            CODE => Demand::AfterPassword,
            _ => Demand::Never,
        },
        phone: stage == PHONE,
        mail: match stage {
            EMAIL => Mail::ByCode,
            _ => Mail::Free,
        },
        last: stage == TERMS,
    }
}

/// Signs in as far as the stage, and leaves the code for it, if any.
async fn up_to(
    app: &TestApp,
    browser: &mut Browser,
    person: &Person,
    stage: &str,
) -> Option<String> {
    let mut at = person.enter(browser).await.location().to_owned();
    while at != stage {
        at = pass(app, browser, &at).await;
    }
    match stage {
        CODE | EMAIL => Some(code_in(&app.letter().await.text)),
        PHONE => Some(code_in(&app.text().await.text)),
        _ => None,
    }
}

async fn what_one_proved_counts_for_nobody_else(db: TestDb) {
    for (index, left_at) in [REGION, CODE, PHONE, TERMS].into_iter().enumerate() {
        let app = Plan::FULL.app(db.shared(), |_| {}).await;
        let ann = Plan::FULL.person(&app, &format!("ann{index}")).await;
        let bob = Plan::FULL.person(&app, &format!("bob{index}")).await;
        let mut browser = app.browser();
        let code = up_to(&app, &mut browser, &ann, left_at).await;
        let mut at = bob.enter(&mut browser).await.location().to_owned();
        let mut seen = Vec::new();
        while at.as_str() != PROFILE {
            if let (Some(code), true) = (&code, at == left_at) {
                let wrong = browser.fill(&at, &[("code", code)]).await;
                assert_eq!(wrong.status, 400, "the other's code: {}", wrong.text);
            }
            seen.push(at.clone());
            at = pass(&app, &mut browser, &at).await;
        }
        assert_eq!(seen, [REGION, CODE, PHONE, TERMS], "left at {left_at}");
        assert_eq!(
            who(&app, &browser).await.as_deref(),
            Some(bob.name.as_str())
        );
        assert_eq!(methods(&app, &browser).await, ["password", "code"]);
        let records = in_session(&app, &browser, keys::RECORDS).await.unwrap();
        assert_eq!(records[0]["username"], json!(bob.name));
        assert_eq!(records[1]["email"], json!(bob.email));
        assert_eq!(app.count("hallpass_code").await, 0, "left at {left_at}");
        app.no_other_letter_was_sent().await;
    }
}

async fn what_one_proved_counts_for_no_other_sign_in_of_the_same_person(db: TestDb) {
    let plan = Plan {
        mail: Mail::Free,
        phone: false,
        ..Plan::FULL
    };
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "ann").await;
    let mut browser = app.browser();
    up_to(&app, &mut browser, &ann, TERMS).await;
    // From the beginning, with a password and with a code: every stage comes again.
    assert_eq!(up_to(&app, &mut browser, &ann, REGION).await, None);
    let asked = [("email", ann.email.as_str())];
    let begun = browser.fill("/accounts/login/code/", &asked).await;
    assert_eq!(begun.location(), CODE);
    assert_eq!(pass(&app, &mut browser, CODE).await, REGION);
    assert_eq!(pass(&app, &mut browser, REGION).await, TERMS);
    assert_eq!(pass(&app, &mut browser, TERMS).await, PROFILE);
    assert_eq!(
        methods(&app, &browser).await,
        ["code"],
        "the password of before is none"
    );
    app.no_other_letter_was_sent().await;
}

async fn giving_up_clears_everything(db: TestDb) {
    for (index, stage) in [CODE, PHONE, EMAIL].into_iter().enumerate() {
        let plan = only(stage);
        let app = plan.app(db.shared(), |_| {}).await;
        let ann = plan.person(&app, &format!("ann{index}")).await;
        let mut browser = app.browser();
        let code = up_to(&app, &mut browser, &ann, stage).await.unwrap();
        let given_up = browser.fill(stage, &[("action", "cancel")]).await;
        assert_eq!(given_up.location(), LOGIN, "{stage}");
        assert_eq!(in_session(&app, &browser, keys::LOGIN).await, None);
        assert_eq!(in_session(&app, &browser, keys::RECORDS).await, None);
        assert_eq!(app.count("hallpass_code").await, 0, "{stage}");
        let late = browser.fill(stage, &[("code", &code)]).await;
        assert_eq!(late.location(), LOGIN, "{stage}: {}", late.text);
        assert_eq!(browser.get(stage).await.location(), LOGIN);
        assert_eq!(who(&app, &browser).await, None);
        assert_eq!(app.count("hallpass_phone WHERE verified").await, 0);
        app.no_other_letter_was_sent().await;
    }
    let plan = Plan {
        mail: Mail::ByLink,
        ..Plan::BARE
    };
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "linked").await;
    let mut browser = app.browser();
    assert_eq!(ann.enter(&mut browser).await.location(), EMAIL);
    let link = link_in(&app.letter().await.text);
    let given_up = browser.fill(EMAIL, &[("action", "cancel")]).await;
    assert_eq!(given_up.location(), LOGIN);
    let pressed = browser.fill(&link, &[]).await;
    assert_eq!(pressed.location(), LOGIN, "confirmed, and not signed in");
    assert_eq!(who(&app, &browser).await, None);
}

async fn signing_up_or_out_gives_up_what_waits(db: TestDb) {
    let plan = only(CODE);
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "ann").await;
    let mut browser = app.browser();
    let code = up_to(&app, &mut browser, &ann, CODE).await.unwrap();
    assert_eq!(browser.get("/accounts/signup/").await.status, 200);
    let late = browser.fill(CODE, &[("code", &code)]).await;
    assert_eq!((late.location(), who(&app, &browser).await), (LOGIN, None));
    let code = up_to(&app, &mut browser, &ann, CODE).await.unwrap();
    let out = browser.fill("/accounts/logout/", &[]).await;
    assert_eq!(out.location(), "/");
    let late = browser.fill(CODE, &[("code", &code)]).await;
    assert_eq!((late.location(), who(&app, &browser).await), (LOGIN, None));
}

const BEGIN: i64 = 1_900_000_000;
static SECONDS: [AtomicI64; 2] = [AtomicI64::new(BEGIN), AtomicI64::new(BEGIN)];

fn clock<const N: usize>() -> Timestamp {
    Timestamp::from_seconds(SECONDS[N].load(Ordering::Relaxed))
}

async fn a_sign_in_under_way_ends_in_time(db: TestDb) {
    let (seconds, clock): (_, fn() -> Timestamp) = match db.db.dialect() {
        Dialect::Sqlite => (&SECONDS[0], clock::<0>),
        Dialect::Postgres => (&SECONDS[1], clock::<1>),
    };
    let patient = |settings: &mut Settings| {
        settings.account.login_timeout = 900;
        settings.account.login_by_code_timeout = 5_000;
        settings.account.phone_verification_timeout = 5_000;
        settings.account.email_verification_by_code_timeout = 5_000;
    };
    for (index, stage) in STAGES.into_iter().enumerate() {
        let plan = only(stage);
        let app = plan.app_at(db.shared(), clock, patient).await;
        let ann = plan.person(&app, &format!("ann{index}")).await;
        for (wait, works) in [(899, true), (900, false)] {
            app.sql("UPDATE hallpass_phone SET verified = FALSE").await;
            app.sql("DELETE FROM account_emailaddress").await;
            let began = seconds.load(Ordering::Relaxed);
            let mut browser = app.browser();
            let code = up_to(&app, &mut browser, &ann, stage).await;
            // Seen in between: that does not make it live longer.
            seconds.store(began + wait / 2, Ordering::Relaxed);
            browser.get(stage).await;
            seconds.store(began + wait, Ordering::Relaxed);
            let to = match &code {
                Some(code) => browser
                    .fill(stage, &[("code", code)])
                    .await
                    .location()
                    .to_owned(),
                None => {
                    let key = if stage == REGION { "region" } else { "terms" };
                    let passed = pass_own(&app, &mut browser, key).await;
                    passed.unwrap_or_else(|_| LOGIN.to_owned())
                }
            };
            let name = works.then(|| ann.name.clone());
            assert_eq!(to, if works { PROFILE } else { LOGIN }, "{stage} {wait}");
            assert_eq!(who(&app, &browser).await, name, "{stage} {wait}");
            if !works {
                assert_eq!(in_session(&app, &browser, keys::LOGIN).await, None);
                assert_eq!(app.count("hallpass_code").await, 0, "{stage}");
            }
        }
    }
}

async fn who_may_not_sign_in_any_more_comes_no_further(db: TestDb) {
    let other = format!("password = '{}'", hash("another-horse-9"));
    let events = [
        ("off", "UPDATE auth_user SET is_active = FALSE".to_owned()),
        ("password", format!("UPDATE auth_user SET {other}")),
        ("gone", "DELETE FROM auth_user".to_owned()),
    ];
    for stage in STAGES {
        let plan = only(stage);
        let app = plan.app(db.shared(), |_| {}).await;
        for (event, sql) in &events {
            for table in [
                "hallpass_code",
                "hallpass_phone",
                "account_emailaddress",
                "hallpass_event",
                "usersessions_usersession",
                "auth_user",
            ] {
                app.sql(&format!("DELETE FROM {table}")).await;
            }
            let ann = plan.person(&app, "ann").await;
            let mut browser = app.browser();
            let code = up_to(&app, &mut browser, &ann, stage).await;
            if *event == "gone" {
                for table in [
                    "hallpass_phone",
                    "account_emailaddress",
                    "usersessions_usersession",
                ] {
                    app.sql(&format!("DELETE FROM {table}")).await;
                }
            }
            app.sql(sql).await;
            let to = match &code {
                Some(code) => browser
                    .fill(stage, &[("code", code)])
                    .await
                    .location()
                    .to_owned(),
                None => {
                    let key = if stage == REGION { "region" } else { "terms" };
                    let passed = pass_own(&app, &mut browser, key).await;
                    passed.unwrap_or_else(|_| LOGIN.to_owned())
                }
            };
            assert_eq!(to, LOGIN, "{stage} {event}");
            assert_eq!(who(&app, &browser).await, None, "{stage} {event}");
            assert_eq!(in_session(&app, &browser, keys::LOGIN).await, None);
            assert_eq!(app.count("auth_user WHERE last_login IS NOT NULL").await, 0);
        }
    }
}

async fn somebody_signed_in_who_begins_as_another_is_out(db: TestDb) {
    let app = Plan::BARE.app(db.shared(), |_| {}).await;
    let ann = Plan::BARE.person(&app, "ann").await;
    let bob = Plan::BARE.person(&app, "bob").await;
    let mut browser = app.browser();
    assert_eq!(ann.enter(&mut browser).await.location(), PROFILE);
    let before = browser.cookies["sessionid"].clone();
    let again = browser.post_login(&ann).await;
    assert_eq!(again, PROFILE);
    assert_eq!(methods(&app, &browser).await, ["password", "password"]);
    assert_ne!(browser.cookies["sessionid"], before, "a new key");
    // With a stage in the way: one browser never stands for two people.
    let demanding = only(CODE).app(db, |_| {}).await;
    let mut browser = {
        let mut other = demanding.browser();
        other.cookies = browser.cookies.clone();
        other
    };
    assert_eq!(who(&demanding, &browser).await.as_deref(), Some("ann"));
    let old = browser.clone();
    assert_eq!(browser.post_login(&bob).await, CODE);
    assert_eq!(who(&demanding, &browser).await, None, "Ann is out");
    assert_eq!(who(&demanding, &old).await, None, "under the old key too");
    assert!(
        browser
            .get("/accounts/email/")
            .await
            .location()
            .starts_with(LOGIN)
    );
    assert_eq!(pass(&demanding, &mut browser, CODE).await, PROFILE);
    assert_eq!(who(&demanding, &browser).await.as_deref(), Some("bob"));
    assert_eq!(methods(&demanding, &browser).await, ["password", "code"]);
}

/// Posting the sign-in form where its page would lead away.
trait PostLogin {
    async fn post_login(&mut self, person: &Person) -> String;
}

impl PostLogin for Browser {
    async fn post_login(&mut self, person: &Person) -> String {
        let token = self.cookies["csrftoken"].clone();
        let fields = [
            ("csrfmiddlewaretoken", token.as_str()),
            ("login", &person.name),
            ("password", PASSWORD),
        ];
        self.post(LOGIN, &fields).await.location().to_owned()
    }
}

async fn a_wrong_password_leaves_the_session_as_it_is(db: TestDb) {
    let plan = only(CODE);
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "ann").await;
    plan.person(&app, "bob").await;
    let mut browser = app.browser();
    let code = up_to(&app, &mut browser, &ann, CODE).await.unwrap();
    let wrong = [("login", "bob"), ("password", "guessed")];
    assert_eq!(browser.fill(LOGIN, &wrong).await.status, 400);
    let done = browser.fill(CODE, &[("code", &code)]).await;
    assert_eq!(done.location(), PROFILE);
    assert_eq!(browser.fill(LOGIN, &wrong).await.status, 400);
    assert_eq!(who(&app, &browser).await.as_deref(), Some("ann"));
    app.no_other_letter_was_sent().await;
}

async fn two_tabs_share_one_sign_in(db: TestDb) {
    let plan = only(CODE);
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "ann").await;
    let bob = plan.person(&app, "bob").await;
    let mut browser = app.browser();
    let anns = up_to(&app, &mut browser, &ann, CODE).await.unwrap();
    let bobs = up_to(&app, &mut browser, &bob, CODE).await.unwrap();
    let first_tab = browser.fill(CODE, &[("code", &anns)]).await;
    assert_eq!(first_tab.status, 400, "Ann's is over");
    assert!(
        first_tab.text.contains(&bob.email),
        "the page says whose it is"
    );
    let second_tab = browser.fill(CODE, &[("code", &bobs)]).await;
    assert_eq!(second_tab.location(), PROFILE);
    assert_eq!(who(&app, &browser).await.as_deref(), Some("bob"));
    // The page that is still open says the same thing once more: nothing happens.
    let late = browser.fill(CODE, &[("code", &bobs)]).await;
    assert_eq!(late.location(), PROFILE);
    assert_eq!(who(&app, &browser).await.as_deref(), Some("bob"));
    assert_eq!(methods(&app, &browser).await, ["password", "code"]);
}

async fn two_browsers_have_a_sign_in_each(db: TestDb) {
    for (index, stage) in [CODE, PHONE, EMAIL].into_iter().enumerate() {
        let plan = only(stage);
        let app = plan.app(db.shared(), |_| {}).await;
        let ann = plan.person(&app, &format!("ann{index}")).await;
        let (mut left, mut right) = (app.browser(), app.browser());
        let lefts = up_to(&app, &mut left, &ann, stage).await.unwrap();
        let rights = up_to(&app, &mut right, &ann, stage).await.unwrap();
        for (browser, code) in [(&mut left, &rights), (&mut right, &lefts)] {
            let wrong = browser.fill(stage, &[("code", code)]).await;
            assert_eq!(wrong.status, 400, "{stage}: {}", wrong.text);
        }
        let done = right.fill(stage, &[("code", &rights)]).await;
        assert_eq!(done.location(), PROFILE, "{stage}");
        assert_eq!(who(&app, &left).await, None, "{stage}");
        let done = left.fill(stage, &[("code", &lefts)]).await;
        assert_eq!(done.location(), PROFILE, "{stage}");
    }
}

async fn a_page_of_the_app_passes_its_own_stage_only(db: TestDb) {
    let app = Plan::FULL.app(db, |_| {}).await;
    let ann = Plan::FULL.person(&app, "ann").await;
    let mut browser = app.browser();
    assert!(
        pass_own(&app, &mut browser, "region").await.is_err(),
        "nothing waits"
    );
    let mut at = ann.enter(&mut browser).await.location().to_owned();
    let mut seen = 0;
    while at != PROFILE {
        for (key, page) in [
            ("region", REGION),
            ("terms", TERMS),
            ("login_by_code", ""),
            ("verify_phone", ""),
            ("verify_email", ""),
            ("", ""),
        ] {
            if page != at {
                let passed = pass_own(&app, &mut browser, key).await;
                assert!(passed.is_err(), "{key} at {at}");
                assert_eq!(who(&app, &browser).await, None);
            }
        }
        at = pass(&app, &mut browser, &at).await;
        seen += 1;
    }
    // The code by mail confirmed the address.
    assert_eq!(seen, 4);
    drop_post(&app).await;
}

async fn signing_up_goes_on_where_its_code_waits(db: TestDb) {
    let plan = only(EMAIL);
    let app = plan.app(db, |_| {}).await;
    let fields = [
        ("username", "ann"),
        ("email", "ann@example.com"),
        ("password1", PASSWORD),
    ];
    let mut browser = app.browser();
    let begun = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(begun.location(), EMAIL, "{}", begun.text);
    for page in [LOGIN, "/accounts/signup/"] {
        assert_eq!(browser.get(page).await.location(), EMAIL, "{page}");
    }
    assert_eq!(pass(&app, &mut browser, EMAIL).await, PROFILE);
    assert_eq!(methods(&app, &browser).await, [""; 0]);
    app.no_other_letter_was_sent().await;
}

async fn a_reset_link_of_somebody_else_ends_the_session(db: TestDb) {
    let app = Plan::BARE.app(db, |_| {}).await;
    let ann = Plan::BARE.person(&app, "ann").await;
    let bob = Plan::BARE.person(&app, "bob").await;
    let mut browser = app.browser();
    let asked = [("email", bob.email.as_str())];
    browser.fill("/accounts/password/reset/", &asked).await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(ann.enter(&mut browser).await.location(), PROFILE);
    let old = browser.clone();
    let choose = browser.get(&link).await.location().to_owned();
    assert_eq!(
        who(&app, &browser).await,
        Some(ann.name),
        "looking does not"
    );
    let new = [("password1", "new-horse-77"), ("password2", "new-horse-77")];
    assert_eq!(browser.fill(&choose, &new).await.status, 302);
    assert_eq!(who(&app, &browser).await, Some(bob.name));
    assert_eq!(
        who(&app, &old).await,
        None,
        "Ann is out, under the old key too"
    );
    assert_eq!(app.count("usersessions_usersession").await, 1);
}
