use serde_json::json;

use super::super::example::{Example, LEAST, gathered};
use super::*;

const PARAMETERS: &str = r#"
hosts = ["*.questrade.example", "fixed.example"]
[parameters]
base = { setting = "BASE_URL", default = "https://example.com" }
api = { default = "https://api.example.com", with = "base", then = "{base}/api/v3" }
needed = { setting = "NEEDED" }
fields = { setting = "FIELDS", default = "id,name" }
place = { setting = "ENVIRONMENT", default = "live", choose = { live = "www", test = "uat.{fields}" } }
region = { setting = "REGION", default = "cn", choose = { cn = "cn", "*" = "world" } }
"#;

fn example(settings: Value) -> Example {
    let (head, tables) = LEAST.split_once("[authorize]").unwrap();
    Example::with(&format!("{head}{PARAMETERS}[authorize]{tables}"), settings)
}

fn fill(text: &str, settings: Value) -> Result<String, Fault> {
    let example = example(settings);
    let gathered = gathered(json!({"id": 7, "ok": true}), json!({"user": {"id": "a b"}}));
    Text::parse(text).unwrap().fill(&Known {
        call: &example.call(),
        gathered: &gathered,
        access_token: Some("at-1"),
    })
}

fn address(text: &str, settings: Value, token: Value) -> Result<String, Fault> {
    let example = example(settings);
    let gathered = gathered(json!({}), token);
    Text::parse(text).unwrap().address(&Known {
        call: &example.call(),
        gathered: &gathered,
        access_token: Some("at/1"),
    })
}

#[test]
fn references_are_filled_and_other_braces_stay() {
    for (text, expected) in [
        ("", ""),
        ("plain", "plain"),
        (
            "{client_id}|{app.client_id}|{app.secret}|{app.key}",
            "client-1|client-1|secret-1|key-1",
        ),
        (
            "{redirect_uri}",
            "https://app.example/accounts/example/login/callback/",
        ),
        ("{token.user.id}-{profile.id}-{profile.ok}", "a b-7-true"),
        ("{token.none|user.id}", "a b"),
        ("{callback.shop}", "a-shop"),
        ("OAuth {access_token}", "OAuth at-1"),
        (
            "{ me { externalId displayName } }",
            "{ me { externalId displayName } }",
        ),
        ("{}", "{}"),
        ("{{fields}}", "{id,name}"),
        ("{", "{"),
    ] {
        assert_eq!(fill(text, json!({})).unwrap(), expected, "{text}");
    }
    let uuid = fill("{uuid}", json!({})).unwrap();
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
}

#[test]
fn parameters_come_from_settings_defaults_and_each_other() {
    for (text, settings, expected) in [
        ("{base}/x", json!({}), "https://example.com/x"),
        (
            "{base}/x",
            json!({"base_url": "https://own.example/"}),
            "https://own.example/x",
        ),
        ("{base}", json!({"base_url": null}), "https://example.com"),
        ("{api}", json!({}), "https://api.example.com"),
        (
            "{api}",
            json!({"base_url": "https://own.example"}),
            "https://own.example/api/v3",
        ),
        ("{fields}", json!({"fields": ["a", "b"]}), "a,b"),
        ("{place}", json!({}), "www"),
        ("{place}", json!({"environment": "test"}), "uat.id,name"),
        ("{region}", json!({}), "cn"),
        ("{region}", json!({"region": "eu"}), "world"),
        ("{setting.flag}", json!({"flag": true}), "true"),
        ("{setting.NUMBER}", json!({"number": 12}), "12"),
    ] {
        assert_eq!(
            fill(text, settings.clone()).unwrap(),
            expected,
            "{text} {settings}"
        );
    }
}

#[test]
fn a_setting_that_is_missing_or_wrong_is_named() {
    for (text, settings, name) in [
        ("{needed}", json!({}), "NEEDED"),
        ("{setting.x}", json!({}), "x is missing"),
        (
            "{place}",
            json!({"environment": "elsewhere"}),
            "ENVIRONMENT must be one of",
        ),
        ("{fields}", json!({"fields": {"a": 1}}), "FIELDS"),
        (
            "{base}",
            json!({"base_url": "https://own.example\r\nX: y"}),
            "BASE_URL",
        ),
    ] {
        match fill(text, settings) {
            Err(Fault::Misconfigured(what)) => assert!(what.contains(name), "{what}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_did_not_come_is_a_fault_and_not_the_word_null() {
    for text in [
        "{token.none}",
        "{profile.none}",
        "{callback.none}",
        "{token.user}",
    ] {
        assert!(
            matches!(fill(text, json!({})), Err(Fault::Invalid(_))),
            "{text}"
        );
    }
}

#[test]
fn texts_that_mean_nothing_are_told() {
    for text in ["{foo.bar}", "{app.password}", "{token.}", "{token.a..b}"] {
        assert!(Text::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_comes_from_outside_is_escaped_in_addresses() {
    for (id, expected) in [
        (json!("plain-1_2.3~"), "plain-1_2.3~"),
        (json!(12), "12"),
        (json!("../admin"), "..%2Fadmin"),
        (json!("@evil.example/"), "%40evil.example%2F"),
        (json!("a?b#c&d=e"), "a%3Fb%23c%26d%3De"),
        (json!("%2e%2e"), "%252e%252e"),
        (json!("\\\r\n"), "%5C%0D%0A"),
        (json!("ü"), "%C3%BC"),
    ] {
        let token = json!({"id": id});
        let url = address(
            "https://api.example/users/{token.id}/record",
            json!({}),
            token,
        );
        assert_eq!(
            url.unwrap(),
            format!("https://api.example/users/{expected}/record")
        );
    }
}

#[test]
fn nothing_from_outside_changes_the_path_or_the_host() {
    for text in [
        "https://api.example/users/{token.id}/record",
        "https://api.example/users/{token.id}",
        "https://api.example/{token.id}{token.id}",
    ] {
        for id in ["", ".", "..", "...", "%2e%2e/../.."] {
            let url = address(text, json!({}), json!({"id": id}));
            match url {
                Ok(url) => assert!(id.contains('/') && url.matches('/').count() < 6, "{url}"),
                Err(fault) => assert!(matches!(fault, Fault::Invalid(_)), "{fault}"),
            }
        }
    }
    // Two dots that are put together.
    let url = address(
        "https://api.example/a/.{token.id}",
        json!({}),
        json!({"id": "."}),
    );
    assert!(url.is_err());
}

#[test]
fn a_host_from_outside_is_followed_only_if_it_is_named() {
    let settings = json!({});
    for (server, followed) in [
        ("https://api01.questrade.example/", true),
        ("https://fixed.example/", true),
        ("https://a.fixed.example/", false),
        ("https://questrade.example/", false),
        ("https://evilquestrade.example/", false),
        ("https://questrade.example.evil.example/", false),
        ("https://evil.example/?.questrade.example/", false),
        ("https://evil.example/#.questrade.example/", false),
        ("https://evil.example\\.questrade.example/", false),
        ("https://a@api01.questrade.example/", false),
        ("https://api01.questrade.example@evil.example/", false),
        ("ftp://api01.questrade.example/", false),
        ("javascript:alert(1)//api01.questrade.example/", false),
        ("//api01.questrade.example/", false),
        ("api01.questrade.example/", false),
        ("https://169.254.169.254/", false),
        ("", false),
    ] {
        let token = json!({"api_server": server});
        let url = address("{token.api_server}v1/accounts", settings.clone(), token);
        assert_eq!(url.is_ok(), followed, "{server}: {url:?}");
    }
    for (shop, followed) in [
        ("a.questrade.example", true),
        ("evil.example", false),
        ("evil.example/", false),
        ("evil.example:80", false),
        ("a@evil.example", false),
    ] {
        let url = address(
            "https://{token.shop}/admin",
            json!({}),
            json!({"shop": shop}),
        );
        assert_eq!(url.is_ok(), followed, "{shop}: {url:?}");
    }
}

#[test]
fn what_comes_from_the_settings_may_be_a_whole_beginning() {
    let settings = json!({"base_url": "https://own.example:8443/sub/"});
    let url = address("{base}/authorize", settings, json!({}));
    assert_eq!(url.unwrap(), "https://own.example:8443/sub/authorize");
    for base in [
        "nonsense",
        "javascript:alert(1)",
        "https://user:pw@own.example",
    ] {
        let url = address("{base}/authorize", json!({"base_url": base}), json!({}));
        assert!(url.is_err(), "{base}");
    }
    let url = address(
        "https://a.example/t/{app.secret}/{access_token}",
        json!({}),
        json!({}),
    );
    assert_eq!(url.unwrap(), "https://a.example/t/secret-1/at%2F1");
}

proptest::proptest! {
    #[test]
    fn whatever_comes_the_host_stays_and_nothing_panics(id in "\\PC{0,30}|[./%@:?#\\\\]{0,8}") {
        if let Ok(url) = address("https://api.example/users/{token.id}/x", json!({}), json!({"id": id})) {
            let url = Url::parse(&url).unwrap();
            assert_eq!(url.host_str(), Some("api.example"));
            assert_eq!(url.path_segments().unwrap().count(), 3);
            assert!(url.path().starts_with("/users/") && url.path().ends_with("/x"));
            assert!(url.query().is_none() && url.fragment().is_none());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[{}a-z.|\"]{0,20}") {
        let _ = Text::parse(&text);
    }
}
