//! A provider, or somebody between it and us, that is not honest: each thing that it can do wrong ends at the error page,
//! and leaves neither an account nor a sign-in behind.

use std::time::Duration;

use hallpass_django::session::SessionCodec;
use hallpass_django::signing::SecretKeys;
use hallpass_testkit::each_database;

use hallpass_testkit::app::SECRET as KEY;

use super::*;

each_database!(
    what_is_wrong_with_an_id_token_lets_nobody_in,
    what_is_wrong_with_an_answer_lets_nobody_in,
    what_is_wrong_with_the_document_lets_nobody_in,
    what_is_wrong_with_the_keys_lets_nobody_in,
    what_is_wrong_on_the_way_back_lets_nobody_in,
    unknown_keys_do_not_make_us_ask_for_keys_without_end,
);

/// In the id token: by its claims, and by its signature.
const TOKEN: [&str; 30] = [
    "wrong_nonce",
    "no_nonce",
    "wrong_issuer",
    "issuer_with_slash",
    "no_issuer",
    "wrong_audience",
    "no_audience",
    "several_audiences",
    "foreign_azp",
    "several_audiences_foreign_azp",
    "expired",
    "no_expiry",
    "from_the_future",
    "not_yet",
    "wrong_at_hash",
    "no_sub",
    "empty_sub",
    "null_sub",
    "long_sub",
    "alg_none",
    "alg_none_with_signature",
    "key_confusion",
    "key_confusion_by_bytes",
    "signed_with_client_secret",
    "tampered_payload",
    "tampered_signature",
    "no_signature",
    "unknown_kid",
    "foreign_key",
    "own_key",
];

/// In what the token endpoint and userinfo answer.
const ANSWERS: [&str; 22] = [
    "critical_header",
    "no_id_token",
    "empty_id_token",
    "huge_id_token",
    "error_in_200",
    "list_answer",
    "deep_answer",
    "token_refused",
    "token_error",
    "token_garbage",
    "token_html",
    "token_empty",
    "token_not_utf8",
    "token_redirect",
    "token_redirect_inside",
    "userinfo_other_sub",
    "userinfo_no_sub",
    "userinfo_list",
    "userinfo_error",
    "userinfo_garbage",
    "userinfo_redirect_inside",
    "no_access_token",
];

const DOCUMENT: [&str; 10] = [
    "discovery_other_issuer",
    "discovery_no_issuer",
    "discovery_no_jwks",
    "discovery_garbage",
    "discovery_html",
    "discovery_empty",
    "discovery_error",
    "discovery_redirect",
    "discovery_redirect_inside",
    "discovery_hang_up",
];

/// Addresses that nobody may make us go to.
const INSIDE: [&str; 2] = [
    "discovery_inner_token_endpoint",
    "discovery_file_token_endpoint",
];

const KEYS: [&str; 7] = [
    "jwks_garbage",
    "jwks_html",
    "jwks_empty",
    "jwks_error",
    "jwks_redirect",
    "jwks_redirect_inside",
    "jwks_hang_up",
];

const RETURN: [&str; 6] = [
    "callback_other_issuer",
    "callback_no_issuer",
    "callback_other_state",
    "callback_no_state",
    "callback_no_code",
    "callback_wrong_code",
];

/// What sessions hold, whosever they are.
async fn sessions(app: &TestApp) -> Vec<Value> {
    let codec = SessionCodec::new(&SecretKeys::new(KEY, []));
    let sql = "SELECT session_data FROM django_session";
    let rows = app.db.db.conn().query(sql, &[]).await.unwrap();
    let rows = rows.iter().map(|row| row.get::<String>(0).unwrap());
    rows.map(|row| Value::Object(codec.decode(&row))).collect()
}

/// Sets out, and comes back if there is a way; the page at which it ends.
async fn attempt(app: &TestApp, provider: &IdentityProvider) -> (Browser, Answer) {
    let mut browser = app.browser();
    let answer = browser.fill(START, &[]).await;
    if !answer.location().starts_with(provider.issuer()) {
        return (browser, answer);
    }
    let back = provider.visit(answer.location(), "ann").await;
    let answer = come_back(&mut browser, &back).await;
    (browser, answer)
}

/// Nothing came of it, and the visitor is told, with a way on.
async fn refuses(app: &TestApp, provider: &IdentityProvider, fault: &str) {
    refuses_while(app, provider, fault, 1).await;
}

/// While it goes wrong so many times.
async fn refuses_while(app: &TestApp, provider: &IdentityProvider, fault: &str, times: usize) {
    let before = state(app).await;
    provider.faults(fault, times, Duration::ZERO).await;
    let (mut browser, answer) = attempt(app, provider).await;
    let status = answer.status.as_u16();
    assert!(
        [401, 502, 503].contains(&status),
        "{fault}: {status} {}",
        answer.location()
    );
    shows_a_way_on(&answer, fault);
    for inside in [
        "another.example",
        "another-client",
        "somebody-else",
        "Oops",
        "hotel",
        "\u{1b}",
        "<b>no",
    ] {
        assert!(!answer.text.contains(inside), "{fault}: {}", answer.text);
    }
    assert!(!is_in(&mut browser).await, "{fault}");
    assert_eq!(state(app).await, before, "{fault}");
    for session in sessions(app).await {
        assert!(session.get("_auth_user_id").is_none(), "{fault}: {session}");
        assert!(
            session.get("_hallpass_social_signup").is_none(),
            "{fault}: {session}"
        );
    }
    assert_eq!(
        provider.struck().await.last().map(String::as_str),
        Some(fault)
    );
    assert!(
        !provider
            .requests()
            .await
            .iter()
            .any(|it| it.contains("elsewhere")),
        "{fault}"
    );
}

/// For somebody new, and for somebody who has an account.
async fn for_all(db: TestDb, faults: &[&str]) {
    let site = Site::new(db).await;
    for fault in faults {
        refuses(&site.app, &site.provider, fault).await;
    }
    site.come("ann").await;
    site.app.sql("DELETE FROM django_session").await;
    for fault in faults {
        refuses(&site.app, &site.provider, fault).await;
    }
    // The site is none the worse for it.
    let (mut browser, _) = site.come("ann").await;
    assert!(is_in(&mut browser).await);
    assert_eq!(site.provider.struck().await.len(), 2 * faults.len());
    site.app.no_other_letter_was_sent().await;
}

async fn what_is_wrong_with_an_id_token_lets_nobody_in(db: TestDb) {
    for_all(db, &TOKEN).await;
}

async fn what_is_wrong_with_an_answer_lets_nobody_in(db: TestDb) {
    for_all(db, &ANSWERS).await;
}

async fn what_is_wrong_on_the_way_back_lets_nobody_in(db: TestDb) {
    for_all(db, &RETURN).await;
}

/// What is remembered of the provider is right, so that each is met by a site that remembers nothing. What was wrong is not
/// remembered for long.
async fn for_fresh_sites(db: TestDb, faults: &[&str]) {
    let site = Site::new(db).await;
    for fault in faults {
        let app = site.restarted().await;
        refuses_while(&app, &site.provider, fault, 3).await;
        site.provider.forgive().await;
        app.clock().advance(Duration::from_secs(61));
        let (mut browser, answer) = attempt(&app, &site.provider).await;
        assert_eq!(
            answer.location(),
            "/accounts/profile/",
            "{fault}: {}",
            answer.text
        );
        assert!(is_in(&mut browser).await, "{fault}");
        app.sql("DELETE FROM django_session").await;
    }
}

async fn what_is_wrong_with_the_document_lets_nobody_in(db: TestDb) {
    for_fresh_sites(db.shared(), &DOCUMENT).await;
    let site = Site::new(db).await;
    for fault in INSIDE {
        refuses(&site.restarted().await, &site.provider, fault).await;
    }
}

async fn what_is_wrong_with_the_keys_lets_nobody_in(db: TestDb) {
    for_fresh_sites(db, &KEYS).await;
}

async fn unknown_keys_do_not_make_us_ask_for_keys_without_end(db: TestDb) {
    let site = Site::new(db).await;
    for _ in 0..10 {
        refuses(&site.app, &site.provider, "unknown_kid").await;
    }
    assert!(site.provider.count("GET /jwks").await <= 2);
}
