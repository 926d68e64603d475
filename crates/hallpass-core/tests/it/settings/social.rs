//! SOCIALACCOUNT_*, and what of our own is about identity providers. What the guide shows is taken as it stands there.

use std::path::Path;

use hallpass_core::providers::Catalogue;
use hallpass_core::settings::Verification;
use serde_json::{Value, json};

use super::{bad, environment, file, good, problems, value};

/// allauth's.
pub(super) fn defaults() -> Vec<(&'static str, Value)> {
    vec![
        ("SOCIALACCOUNT_PROVIDERS", json!({})),
        ("SOCIALACCOUNT_AUTO_SIGNUP", json!(true)),
        ("SOCIALACCOUNT_EMAIL_AUTHENTICATION", json!(false)),
        (
            "SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT",
            json!(false),
        ),
        ("SOCIALACCOUNT_EMAIL_REQUIRED", json!(null)),
        ("SOCIALACCOUNT_EMAIL_VERIFICATION", json!(null)),
        ("SOCIALACCOUNT_LOGIN_ON_GET", json!(false)),
        ("SOCIALACCOUNT_ONLY", json!(false)),
        ("SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX", json!("oidc")),
        ("SOCIALACCOUNT_QUERY_EMAIL", json!(null)),
        ("SOCIALACCOUNT_REAUTHENTICATION_REQUIRED", json!(null)),
        ("SOCIALACCOUNT_REQUESTS_TIMEOUT", json!(5)),
        ("SOCIALACCOUNT_STORE_TOKENS", json!(false)),
        ("HALLPASS_PROVIDERS", json!(null)),
        ("HALLPASS_SOCIAL_MERGE", json!(false)),
        ("HALLPASS_SOCIAL_MUTABLE_UIDS", json!([])),
        ("HALLPASS_SOCIAL_UNBOUND_TOKENS", json!([])),
        ("HALLPASS_OUTBOUND_PRIVATE", json!([])),
        ("HALLPASS_OUTBOUND_PROXY", json!(null)),
        ("HALLPASS_OUTBOUND_CA_FILE", json!(null)),
    ]
}

const NAME: &str = "SOCIALACCOUNT_PROVIDERS";

#[test]
fn an_app_is_read_as_django_has_it_and_as_tables() {
    let django = environment([(
        NAME,
        r#"{"gitlab": {"APPS": [{"client_id": "a", "secret": "b", "settings": {"gitlab_url": "https://git.example.com"}}],
            "SCOPE": ["read_user"]}, "google": {"APP": {"client_id": 7}}}"#,
    )]);
    let tables = file(
        "[[socialaccount.providers.gitlab.apps]]\nclient_id = \"a\"\nsecret = \"b\"\n\
         settings = { gitlab_url = \"https://git.example.com\" }\n\
         [socialaccount.providers.gitlab]\nscope = [\"read_user\"]\n\
         [socialaccount.providers.google.app]\nclient_id = 7\n",
    );
    for loaded in [django.unwrap(), tables.unwrap()] {
        let providers = &loaded.settings.socialaccount.providers.0;
        let gitlab = &providers["gitlab"];
        assert_eq!(gitlab.apps[0].client_id, "a");
        assert_eq!(gitlab.apps[0].secret, "b");
        assert_eq!(
            gitlab.apps[0].settings["gitlab_url"],
            "https://git.example.com"
        );
        assert_eq!(gitlab.common["SCOPE"], json!(["read_user"]));
        assert_eq!(providers["google"].apps[0].client_id, "7");
    }
}

#[test]
fn secrets_are_not_shown_wherever_they_stand() {
    let loaded = environment([(
        NAME,
        r#"{"apple": {"APPS": [{"client_id": "com.example", "secret": "HUSH1", "key": "HUSH2",
            "settings": {"certificate_key": "HUSH3", "hidden": true, "empty_secret": ""}}], "API_TOKEN": "HUSH4",
            "AUTH_PARAMS": {"client_secret": "HUSH5"}}}"#,
    )])
    .unwrap();
    let shown = value(&loaded, NAME).to_string();
    assert!(!shown.contains("HUSH"), "{shown}");
    assert!(shown.contains("com.example") && shown.contains("\"hidden\":true"));
    let debug = format!("{:?}", loaded.settings.socialaccount);
    assert!(!debug.contains("HUSH"), "{debug}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, words) in [
        ("[]", "must be"),
        (r#"{"github": []}"#, "is wrong at \"github\""),
        (r#"{"github": {"APPS": {}}}"#, "APPS must be a list of maps"),
        (r#"{"github": {"APP": []}}"#, "APP must be a map"),
        (
            r#"{"github": {"APPS": [{"client": "x"}]}}"#,
            "an app has \"client\"",
        ),
        (
            r#"{"github": {"APPS": [{"client_id": []}]}}"#,
            "client_id of an app must be a text",
        ),
        (
            r#"{"github": {"APPS": [{"settings": []}]}}"#,
            "settings of an app must be a map",
        ),
        (
            r#"{"github": {"APPS": [{"client_id": "x"}, {"client_id": "x"}]}}"#,
            "has two apps of \"github\"",
        ),
        (
            r#"{"openid_connect": {"APPS": [{"client_id": "x"}]}}"#,
            "without a provider_id",
        ),
    ] {
        bad(&[(NAME, text)], NAME, words);
    }
    let long = format!(
        r#"{{"github": {{"APP": {{"client_id": "{}"}}}}}}"#,
        "x".repeat(192)
    );
    bad(&[(NAME, &long)], NAME, "191 characters at most");
    bad(
        &[("SOCIALACCOUNT_REQUESTS_TIMEOUT", "0")],
        "SOCIALACCOUNT_REQUESTS_TIMEOUT",
        "",
    );
    let prefix = "SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX";
    bad(&[(prefix, "a/b")], prefix, "letters, digits");
    good(&[(prefix, "")]);
}

#[test]
fn hosts_in_private_networks_are_hosts_alone() {
    let name = "HALLPASS_OUTBOUND_PRIVATE";
    for host in [
        "",
        "https://keycloak.internal",
        "a/b",
        "user@host",
        "*",
        "*.internal",
        "host?x",
    ] {
        bad(
            &[(name, &json!([host]).to_string())],
            name,
            "must be hosts alone",
        );
    }
    good(&[(
        name,
        r#"["keycloak.internal", "127.0.0.1:8080", "[::1]", "[::1]:8080"]"#,
    )]);
}

#[test]
fn one_way_in_or_several() {
    let only = ("SOCIALACCOUNT_ONLY", "true");
    let none = ("ACCOUNT_EMAIL_VERIFICATION", "none");
    good(&[only, none]);
    let by_code = ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true");
    bad(&[only, none, by_code], only.0, "one way in or several");
    bad(&[only], only.0, "no pages to confirm an address");
    let mandatory = ("SOCIALACCOUNT_EMAIL_VERIFICATION", "mandatory");
    bad(&[mandatory], mandatory.0, "nobody has to have an address");
    good(&[mandatory, ("SOCIALACCOUNT_EMAIL_REQUIRED", "true")]);
}

fn blocks(text: &str, language: &str) -> Vec<String> {
    // A block in a list is indented.
    let text: String = text
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("   ").unwrap_or(line)))
        .collect();
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    let blocks = blocks.map(|rest| rest.split_once("\n```").unwrap().0.to_owned());
    blocks.collect()
}

#[test]
fn what_the_guide_shows_is_taken() {
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/how-to/social-sign-in.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (mut settings, mut files) = (0, 0);
    for block in blocks(&page, "toml") {
        if block.starts_with("# /etc/hallpass/providers/") {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("example.toml"), &block).unwrap();
            let catalogue = Catalogue::load(Some(folder.path())).unwrap();
            assert!(catalogue.get("example").is_some());
            files += 1;
            continue;
        }
        let found = problems(file(&block));
        assert!(found.is_empty(), "{block}\n{found:#?}");
        settings += 1;
    }
    assert!(settings > 12 && files == 1, "{settings}, {files}");
    for block in blocks(&page, "sh") {
        for line in block.lines().filter(|line| line.starts_with("SOCIAL")) {
            let (name, text) = line.split_once('=').unwrap();
            good(&[(name, text.trim_matches('\''))]);
        }
    }
    let client = blocks(&page, "json");
    assert!(serde_json::from_str::<Value>(&client[0]).is_ok());
}

#[test]
fn what_follows_other_settings() {
    let plain = environment([
        ("ACCOUNT_SIGNUP_FIELDS", "email*,password1*"),
        ("ACCOUNT_LOGIN_METHODS", "email"),
        ("ACCOUNT_EMAIL_VERIFICATION", "mandatory"),
    ])
    .unwrap();
    assert!(plain.settings.social_email_required() && plain.settings.social_query_email());
    assert_eq!(
        plain.settings.social_email_verification(),
        Verification::Mandatory
    );
    let own = environment([
        ("SOCIALACCOUNT_EMAIL_REQUIRED", "false"),
        ("SOCIALACCOUNT_QUERY_EMAIL", "true"),
        ("SOCIALACCOUNT_EMAIL_VERIFICATION", "none"),
        ("ACCOUNT_REAUTHENTICATION_REQUIRED", "true"),
        ("SOCIALACCOUNT_REAUTHENTICATION_REQUIRED", "false"),
    ])
    .unwrap();
    assert!(!own.settings.social_email_required() && own.settings.social_query_email());
    assert_eq!(own.settings.social_email_verification(), Verification::None);
    assert!(!own.settings.social_reauthentication_required());
    bad(
        &[("SOCIALACCOUNT_EMAIL_VERIFICATION", "mandatory")],
        "SOCIALACCOUNT_EMAIL_VERIFICATION",
        "nobody has to have an address",
    );
    good(&[
        ("SOCIALACCOUNT_EMAIL_VERIFICATION", "mandatory"),
        ("SOCIALACCOUNT_EMAIL_REQUIRED", "true"),
    ]);
}
