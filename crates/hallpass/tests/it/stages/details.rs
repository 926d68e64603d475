//! What travels with a sign-in through its stages: remembering, where to go, what was proved, and where codes go.

use hallpass::domain::session::keys;
use hallpass::settings::{CodeRequired, LoginBy, Settings};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::story::{
    CODE, Demand, EMAIL, LOGIN, Mail, PASSWORD, PHONE, PROFILE, Plan, REGION, TERMS, code_in, hash,
    in_session, pass, set_phone, set_verified, who,
};

each_database!(
    remembering_and_where_to_go_survive_every_stage,
    no_stage_leads_to_a_foreign_host,
    records_are_written_as_allauth_writes_them,
    a_record_of_somebody_else_is_none,
    a_demanded_code_goes_to_an_address_of_the_account,
    a_demanded_code_goes_to_the_phone_of_who_has_no_address,
    whoever_cannot_be_written_to_does_not_get_in,
    a_code_is_demanded_after_what_the_setting_names,
    a_name_that_is_another_s_address_opens_no_mailbox,
    a_link_confirms_and_goes_on_in_its_own_browser_only,
);

async fn remembering_and_where_to_go_survive_every_stage(db: TestDb) {
    for (index, (ticked, forced, age)) in [
        (true, None, 1_209_600),
        (false, None, 0),
        (false, Some(true), 1_209_600),
        (true, Some(false), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let remember = |settings: &mut Settings| settings.account.session_remember = forced;
        let app = Plan::FULL.app(db.shared(), remember).await;
        let ann = Plan::FULL.person(&app, &format!("ann{index}")).await;
        let mut browser = app.browser();
        let to = "/there/?a=%C3%A9&b=1";
        let mut fields = vec![
            ("login", ann.name.as_str()),
            ("password", PASSWORD),
            ("next", to),
        ];
        if ticked {
            fields.push(("remember", "on"));
        }
        let mut at = browser.fill(LOGIN, &fields).await.location().to_owned();
        while [REGION, CODE, PHONE, EMAIL, TERMS].contains(&at.as_str()) {
            at = pass(&app, &mut browser, &at).await;
        }
        assert_eq!(at, to);
        let kept = in_session(&app, &browser, keys::SESSION_EXPIRY).await;
        assert_eq!(kept, Some(json!(age)), "{ticked} {forced:?}");
    }
}

async fn no_stage_leads_to_a_foreign_host(db: TestDb) {
    let plan = Plan {
        code: Demand::AfterPassword,
        ..Plan::BARE
    };
    let app = plan.app(db, |_| {}).await;
    let ann = plan.person(&app, "ann").await;
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "https:evil.example",
        "http://localhost@evil.example/",
        "javascript:alert(1)",
        "\thttps://evil.example",
    ] {
        // Posted, in the address of the form, and where the code is typed.
        for by_query in [false, true] {
            let mut browser = app.browser();
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("next", next)
                .finish();
            let page = format!("{LOGIN}?{query}");
            let mut fields = vec![("login", ann.name.as_str()), ("password", PASSWORD)];
            if !by_query {
                fields.push(("next", next));
            }
            let page = if by_query { page.as_str() } else { LOGIN };
            assert_eq!(browser.fill(page, &fields).await.location(), CODE);
            let code = code_in(&app.letter().await.text);
            let at = format!("{CODE}?{query}");
            let done = browser.fill(&at, &[("code", &code), ("next", next)]).await;
            assert_eq!(done.location(), PROFILE, "{next}");
        }
    }
}

/// The records of this browser, without their times.
async fn records(app: &TestApp, browser: &Browser) -> Value {
    let mut records = in_session(app, browser, keys::RECORDS).await.unwrap();
    for record in records.as_array_mut().unwrap() {
        let at = record.as_object_mut().unwrap().remove("at").unwrap();
        let now = app.hallpass.now().seconds();
        let (at, now) = (
            at.as_f64().unwrap(),
            f64::from(i32::try_from(now).unwrap_or(0)),
        );
        assert!((now - at).abs() < 120.0, "{at} is no time of now, {now}");
    }
    records
}

async fn records_are_written_as_allauth_writes_them(db: TestDb) {
    let all = |settings: &mut Settings| {
        settings.account.login_methods =
            Some(vec![LoginBy::Username, LoginBy::Email, LoginBy::Phone]);
    };
    let plan = Plan {
        phone: true,
        code: Demand::AfterPassword,
        ..Plan::BARE
    };
    let app = plan.app(db, all).await;
    let ann = plan.person(&app, "ann").await;
    app.sql("UPDATE hallpass_phone SET verified = TRUE").await;
    let code = json!({ "method": "code", "email": ann.email });
    for (login, first) in [
        ("ANN", json!({ "method": "password", "username": "ANN" })),
        (
            " Ann@Example.com ",
            json!({ "method": "password", "email": ann.email }),
        ),
        (&ann.phone, json!({ "method": "password" })),
    ] {
        let mut browser = app.browser();
        let fields = [("login", login), ("password", PASSWORD)];
        assert_eq!(browser.fill(LOGIN, &fields).await.location(), CODE);
        assert_eq!(
            in_session(&app, &browser, keys::RECORDS).await,
            None,
            "not yet"
        );
        assert_eq!(pass(&app, &mut browser, CODE).await, PROFILE);
        assert_eq!(
            records(&app, &browser).await,
            json!([first, code]),
            "{login}"
        );
        let owner = in_session(&app, &browser, keys::RECORDS_USER).await;
        let user = in_session(&app, &browser, keys::AUTH_USER_ID).await;
        assert_eq!(owner, user);
    }
    let mut browser = app.browser();
    let asked = browser
        .fill("/accounts/login/code/", &[("phone", ann.phone.as_str())])
        .await;
    assert_eq!(asked.location(), CODE, "{}", asked.text);
    let typed = code_in(&app.text().await.text);
    assert_eq!(
        browser.fill(CODE, &[("code", &typed)]).await.location(),
        PROFILE
    );
    let wanted = json!([{ "method": "code", "phone": ann.phone }]);
    assert_eq!(records(&app, &browser).await, wanted);
    let done = browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    assert_eq!(done.location(), PROFILE, "{}", done.text);
    let again = json!({ "method": "password", "username": "ann", "reauthenticated": true });
    assert_eq!(records(&app, &browser).await, json!([wanted[0], again]));
}

async fn a_record_of_somebody_else_is_none(db: TestDb) {
    let app = Plan::BARE.app(db, |_| {}).await;
    let ann = Plan::BARE.person(&app, "ann").await;
    let bob = Plan::BARE.person(&app, "bob").await;
    let mut browser = app.browser();
    ann.enter(&mut browser).await;
    browser
        .fill("/accounts/reauthenticate/", &[("password", PASSWORD)])
        .await;
    // Bob comes by a link, in the browser where Ann is.
    browser
        .fill("/accounts/login/link/", &[("email", bob.email.as_str())])
        .await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.location(), PROFILE);
    assert_eq!(who(&app, &browser).await.as_deref(), Some("bob"));
    let wanted = json!([{ "method": "link", "email": bob.email }]);
    assert_eq!(records(&app, &browser).await, wanted);
    app.no_other_letter_was_sent().await;
}

async fn a_demanded_code_goes_to_an_address_of_the_account(db: TestDb) {
    let plan = Plan {
        code: Demand::AfterPassword,
        ..Plan::BARE
    };
    let app = plan.app(db, |_| {}).await;
    let hash = hash(PASSWORD);
    let ann = app.user_with("ann", "ann@example.com", &hash).await;
    set_verified(&app, ann, "ann@example.com").await;
    app.sql(&format!(
        "INSERT INTO account_emailaddress (user_id, email, verified, \"primary\") \
         VALUES ({ann}, 'second@example.com', TRUE, FALSE)"
    ))
    .await;
    app.user_with("lone", "Lone@Example.com", &hash).await;
    for (login, to) in [
        ("ann", "ann@example.com"),
        ("ann@example.com", "ann@example.com"),
        ("SECOND@example.com", "second@example.com"),
        ("lone", "lone@example.com"),
    ] {
        let mut browser = app.browser();
        let fields = [("login", login), ("password", PASSWORD)];
        assert_eq!(
            browser.fill(LOGIN, &fields).await.location(),
            CODE,
            "{login}"
        );
        assert_eq!(app.letter().await.to.to_lowercase(), to, "{login}");
        app.no_other_text_was_sent().await;
    }
}

async fn a_demanded_code_goes_to_the_phone_of_who_has_no_address(db: TestDb) {
    let plan = Plan {
        code: Demand::AfterPassword,
        phone: true,
        ..Plan::BARE
    };
    let app = plan.app(db, |_| {}).await;
    let ann = app.user_with("ann", "", &hash(PASSWORD)).await;
    set_phone(&app, ann, "+4915112345678", false).await;
    let mut browser = app.browser();
    let fields = [("login", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.fill(LOGIN, &fields).await.location(), CODE);
    let text = app.text().await;
    assert_eq!(text.to, "+4915112345678");
    let done = browser.fill(CODE, &[("code", &code_in(&text.text))]).await;
    // The number is proved by this, so that its own stage is none any more.
    assert_eq!(done.location(), PROFILE, "{}", done.text);
    app.no_other_text_was_sent().await;
    app.no_other_letter_was_sent().await;
}

async fn whoever_cannot_be_written_to_does_not_get_in(db: TestDb) {
    let coded = Plan {
        code: Demand::Always,
        ..Plan::BARE
    };
    let mailed = Plan {
        mail: Mail::ByCode,
        ..Plan::BARE
    };
    let phoned = Plan {
        phone: true,
        ..Plan::BARE
    };
    for (index, plan) in [coded, mailed, phoned].into_iter().enumerate() {
        let app = plan.app(db.shared(), |_| {}).await;
        let name = format!("ann{index}");
        app.user_with(&name, "", &hash(PASSWORD)).await;
        let mut browser = app.browser();
        let fields = [("login", name.as_str()), ("password", PASSWORD)];
        let refused = browser.fill(LOGIN, &fields).await;
        assert_eq!(refused.status, 400, "{plan:?}");
        assert!(
            refused.text.contains("neither an address nor a number"),
            "{}",
            refused.text
        );
        assert_eq!(who(&app, &browser).await, None, "{plan:?}");
        assert_eq!(in_session(&app, &browser, keys::LOGIN).await, None);
        app.no_other_letter_was_sent().await;
        app.no_other_text_was_sent().await;
    }
}

async fn a_code_is_demanded_after_what_the_setting_names(db: TestDb) {
    use hallpass::settings::CodeAfter::{Mfa, Password, Social};
    let after = |after: &[hallpass::settings::CodeAfter]| CodeRequired {
        after: after.to_vec(),
        always: false,
    };
    let always = CodeRequired {
        after: Vec::new(),
        always: true,
    };
    for (index, (required, password, signup)) in [
        (after(&[]), false, false),
        (after(&[Password]), true, true),
        (after(&[Mfa]), false, true),
        (after(&[Social]), false, true),
        (after(&[Mfa, Password, Social]), true, true),
        (always, true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let set = |settings: &mut Settings| settings.account.login_by_code_required = required;
        let app = Plan::BARE.app(db.shared(), set).await;
        let ann = Plan::BARE.person(&app, &format!("ann{index}")).await;
        let page = |demanded| if demanded { CODE } else { PROFILE };
        let entered = ann.enter(&mut app.browser()).await;
        assert_eq!(entered.location(), page(password), "{index}");
        let (name, email) = (format!("new{index}"), format!("new{index}@example.com"));
        let fields = [
            ("username", name.as_str()),
            ("email", &email),
            ("password1", PASSWORD),
        ];
        let done = app.browser().fill("/accounts/signup/", &fields).await;
        assert_eq!(done.location(), page(signup), "{index}");
        let letters = app.letters().await;
        assert_eq!(letters.len(), usize::from(password) + usize::from(signup));
    }
}

/// Mallory's user name is Bob's address, and she knows her own password only.
async fn a_name_that_is_another_s_address_opens_no_mailbox(db: TestDb) {
    let hash = hash(PASSWORD);
    for (index, mail) in [Mail::Free, Mail::ByCode, Mail::ByLink]
        .into_iter()
        .enumerate()
    {
        let plan = Plan {
            code: if mail == Mail::Free {
                Demand::AfterPassword
            } else {
                Demand::Never
            },
            mail,
            ..Plan::BARE
        };
        let app = plan.app(db.shared(), |_| {}).await;
        let theirs = format!("bob{index}@example.com");
        let own = format!("mallory{index}@example.com");
        app.user_with(&theirs, &own, &hash).await;
        if index != 1 {
            app.user_with(&format!("bob{index}"), &theirs, "!none")
                .await;
        }
        let mut browser = app.browser();
        let fields = [("login", theirs.as_str()), ("password", PASSWORD)];
        let entered = browser.fill(LOGIN, &fields).await;
        assert_eq!(entered.status, 302, "{}", entered.text);
        let letter = app.letter().await;
        assert_eq!(letter.to, own, "{mail:?}: Bob's mailbox is none of hers");
        let bobs = format!("account_emailaddress WHERE email = '{theirs}'");
        assert_eq!(
            app.count(&bobs).await,
            0,
            "{mail:?}: nor does she come to have it"
        );
        let login = in_session(&app, &browser, keys::LOGIN).await.unwrap();
        assert_eq!(login["records"][0]["username"], json!(theirs));
        assert_eq!(login["records"][0].get("email"), None);
    }
}

async fn a_link_confirms_and_goes_on_in_its_own_browser_only(db: TestDb) {
    for (index, go_on) in [true, false].into_iter().enumerate() {
        let plan = Plan {
            mail: Mail::ByLink,
            last: true,
            ..Plan::BARE
        };
        let set = |settings: &mut Settings| settings.account.login_on_email_confirmation = go_on;
        let app = plan.app(db.shared(), set).await;
        let ann = plan.person(&app, &format!("ann{index}")).await;
        let bob = plan.person(&app, &format!("bob{index}")).await;
        let (mut anns, mut bobs) = (app.browser(), app.browser());
        assert_eq!(ann.enter(&mut anns).await.location(), EMAIL);
        let link = link_in(&app.letter().await.text);
        assert_eq!(bob.enter(&mut bobs).await.location(), EMAIL);
        app.letter().await;
        // Ann's link in Bob's browser confirms Ann's address and moves nobody.
        let pressed = bobs.fill(&link, &[]).await;
        assert_eq!(pressed.location(), LOGIN);
        assert_eq!(bobs.get(EMAIL).await.status, 200, "Bob's still waits");
        assert_eq!(who(&app, &bobs).await, None);
        assert_eq!(anns.fill(&link, &[]).await.status, 403, "once");
        // Hers goes on at the next visit of a proof.
        let again = ann.enter(&mut anns).await;
        assert_eq!(again.location(), TERMS);
        assert_eq!(pass(&app, &mut anns, TERMS).await, PROFILE);
        let carl = plan.person(&app, &format!("carl{index}")).await;
        let mut carls = app.browser();
        assert_eq!(carl.enter(&mut carls).await.location(), EMAIL);
        let link = link_in(&app.letter().await.text);
        let to = if go_on { TERMS } else { LOGIN };
        assert_eq!(carls.fill(&link, &[]).await.location(), to, "{go_on}");
        let waits = in_session(&app, &carls, keys::LOGIN).await;
        assert_eq!(waits.is_some(), go_on);
    }
}
