//! The stages of a sign-in: in their order, each once, whatever way one came, and for one person only.

mod abandoned;
mod details;
pub(crate) mod story;

use hallpass::domain::session::keys;
use hallpass::settings::Settings;
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use story::{
    CODE, Demand, EMAIL, LOGIN, Mail, PASSWORD, PHONE, PROFILE, Person, Plan, REGION, TERMS,
    code_in, in_session, methods, pass, who,
};

each_database!(
    every_set_of_stages_after_a_password,
    every_set_of_stages_after_a_signup,
    every_set_of_stages_after_a_code,
    every_set_of_stages_after_a_link,
    every_set_of_stages_after_a_reset_by_link,
    every_set_of_stages_after_a_reset_by_code,
);

/// How somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Password,
    Signup,
    Code,
    Link,
    ResetByLink,
    ResetByCode,
}

/// The stages that stand between this way and the session, and what is on record at its end.
fn expected(way: Way, plan: Plan) -> (Vec<&'static str>, Vec<&'static str>) {
    let proof = match way {
        Way::Password => Some("password"),
        Way::Signup | Way::Code => None,
        Way::Link => Some("link"),
        Way::ResetByLink | Way::ResetByCode => Some("password_reset"),
    };
    let code = match (way, plan.code) {
        (Way::Code, _) => true,
        // A letter was read a moment ago: another one proves nothing more.
        (Way::Link, _) | (_, Demand::Never) => false,
        (_, Demand::Always) | (Way::Password | Way::Signup, Demand::AfterPassword) => true,
        (_, Demand::AfterPassword) => false,
    };
    let read = code || matches!(way, Way::Link | Way::ResetByLink | Way::ResetByCode);
    let mut stages = Vec::new();
    // Whoever only asked for a code is nobody yet, to the app too; a signup proves itself to us first.
    let late = matches!(way, Way::Code | Way::Signup);
    stages.extend((plan.first && !late).then_some(REGION));
    stages.extend(code.then_some(CODE));
    stages.extend((plan.first && way == Way::Code).then_some(REGION));
    stages.extend(plan.phone.then_some(PHONE));
    stages.extend((plan.mail != Mail::Free && !read).then_some(EMAIL));
    stages.extend(plan.last.then_some(TERMS));
    stages.extend((plan.first && way == Way::Signup).then_some(REGION));
    (
        stages,
        proof.into_iter().chain(code.then_some("code")).collect(),
    )
}

const NEXT: &str = "/welcome/?to=you";

/// Comes in; where it leads, and who it is.
async fn begin(app: &TestApp, browser: &mut Browser, way: Way, plan: Plan, name: &str) -> String {
    let next = ("next", NEXT);
    if way == Way::Signup {
        let (email, phone) = (format!("{name}@example.com"), format!("+4917{}", 1_000_000));
        let mut fields = vec![("username", name), ("email", &email), next];
        fields.push(("password1", PASSWORD));
        if plan.phone {
            fields.push(("phone", &phone));
        }
        let done = browser.fill("/accounts/signup/", &fields).await;
        assert_eq!(done.status, 302, "{}", done.text);
        return done.location().to_owned();
    }
    let Person { email, .. } = plan.person(app, name).await;
    let mail = ("email", email.as_str());
    let passwords = [("password1", PASSWORD), ("password2", PASSWORD)];
    let done = match way {
        Way::Password => {
            let fields = [("login", name), ("password", PASSWORD), next];
            browser.fill(LOGIN, &fields).await
        }
        Way::Code => browser.fill("/accounts/login/code/", &[mail, next]).await,
        Way::Link => {
            browser.fill("/accounts/login/link/", &[mail, next]).await;
            let link = link_in(&app.letter().await.text);
            browser.fill(&link, &[]).await
        }
        Way::ResetByLink => {
            browser.fill("/accounts/password/reset/", &[mail]).await;
            let link = link_in(&app.letter().await.text);
            let to = browser.get(&link).await.location().to_owned();
            browser.fill(&to, &passwords).await
        }
        _ => {
            browser.fill("/accounts/password/reset/", &[mail]).await;
            let code = code_in(&app.letter().await.text);
            let confirm = "/accounts/password/reset/confirm/";
            browser.fill(confirm, &[("code", &code)]).await;
            let complete = "/accounts/password/reset/complete/";
            browser.fill(complete, &passwords).await
        }
    };
    assert_eq!(done.status, 302, "{way:?} {plan:?}: {}", done.text);
    done.location().to_owned()
}

/// Tells the story of one way in on a site of every plan.
async fn every_set(db: TestDb, way: Way) {
    for (index, plan) in Plan::all().into_iter().enumerate() {
        let by_code = |settings: &mut Settings| {
            settings.account.password_reset_by_code_enabled = way == Way::ResetByCode;
        };
        let app = plan.app(db.shared(), by_code).await;
        // Numbers are given out once; a signup brings its own.
        app.sql("DELETE FROM hallpass_phone").await;
        let name = format!("u{index}");
        let mut browser = app.browser();
        let mut at = begin(&app, &mut browser, way, plan, &name).await;
        let (stages, records) = expected(way, plan);
        let mut seen = Vec::new();
        while [CODE, PHONE, EMAIL, REGION, TERMS].contains(&at.as_str()) {
            assert!(
                seen.len() < 6,
                "{way:?} {plan:?}: round and round, {seen:?}"
            );
            assert_eq!(who(&app, &browser).await, None, "{way:?} {plan:?} at {at}");
            if way == Way::Password {
                every_other_page_leads_to(&mut browser, plan, &at).await;
            }
            let next = pass(&app, &mut browser, &at).await;
            seen.push(at);
            at = next;
        }
        assert_eq!(seen, stages, "{way:?} {plan:?}");
        let reset = matches!(way, Way::ResetByLink | Way::ResetByCode);
        assert_eq!(at, if reset { PROFILE } else { NEXT }, "{way:?} {plan:?}");
        assert_eq!(who(&app, &browser).await, Some(name), "{way:?} {plan:?}");
        assert_eq!(methods(&app, &browser).await, records, "{way:?} {plan:?}");
        assert_eq!(in_session(&app, &browser, keys::LOGIN).await, None);
        assert_eq!(app.count("hallpass_code").await, 0, "{way:?} {plan:?}");
        app.no_other_letter_was_sent().await;
        app.no_other_text_was_sent().await;
    }
}

async fn every_other_page_leads_to(browser: &mut Browser, plan: Plan, at: &str) {
    let phone = plan.phone.then_some(PHONE);
    for page in [CODE, EMAIL].into_iter().chain(phone) {
        let answer = browser.get(page).await;
        if page == at {
            assert_eq!(answer.status, 200, "{plan:?} {page}");
        } else {
            assert_eq!(answer.location(), at, "{plan:?} {page}: {}", answer.text);
            let posted = browser.fill(page, &[("code", "BBBB-BBBB")]).await;
            assert_eq!(posted.location(), at, "{plan:?} {page}: {}", posted.text);
        }
    }
    for page in [PROFILE, "/accounts/email/", "/accounts/password/change/"] {
        let answer = browser.get(page).await;
        assert!(answer.location().starts_with(LOGIN), "{plan:?} {page}");
    }
}

async fn every_set_of_stages_after_a_password(db: TestDb) {
    every_set(db, Way::Password).await;
}

async fn every_set_of_stages_after_a_signup(db: TestDb) {
    every_set(db, Way::Signup).await;
}

async fn every_set_of_stages_after_a_code(db: TestDb) {
    every_set(db, Way::Code).await;
}

async fn every_set_of_stages_after_a_link(db: TestDb) {
    every_set(db, Way::Link).await;
}

async fn every_set_of_stages_after_a_reset_by_link(db: TestDb) {
    every_set(db, Way::ResetByLink).await;
}

async fn every_set_of_stages_after_a_reset_by_code(db: TestDb) {
    every_set(db, Way::ResetByCode).await;
}
