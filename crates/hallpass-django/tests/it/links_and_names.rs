use hallpass_django::redirect::{is_allowed_host, is_safe, split_host};
use hallpass_django::reset_token::{decode_uid, encode_uid};
use hallpass_django::text::{
    is_ascii_username, is_unicode_username, normalize_email, normalize_username, same_folded,
};

use crate::{text, vectors};

fn file() -> serde_json::Value {
    vectors(include_str!("../data/misc.json"))
}

#[test]
fn safe_redirects() {
    for case in file()["safe_redirects"].as_array().unwrap() {
        let Some(url) = case["url"].as_str() else {
            continue;
        };
        let allowed = |host: &str| host == text(case, "host");
        assert_eq!(
            is_safe(url, false, allowed),
            case["ok"].as_bool().unwrap(),
            "{case}"
        );
        assert_eq!(
            is_safe(url, true, allowed),
            case["ok_https"].as_bool().unwrap(),
            "{case}"
        );
    }
    for bad in [
        "\u{200b}//x",
        "/\t/evil",
        "\x01/x",
        "//[::1",
        "http://a]/",
        "//\u{ff0f}evil",
        "//e\u{2100}",
    ] {
        assert!(!is_safe(bad, false, |host| host == "testserver"), "{bad:?}");
    }
    assert!(!is_safe(&format!("/{}", "a".repeat(3000)), false, |_| true));
}

#[test]
fn usernames_and_addresses() {
    for case in file()["usernames"].as_array().unwrap() {
        let name = text(case, "value");
        assert_eq!(
            is_unicode_username(name),
            case["unicode_valid"].as_bool().unwrap(),
            "{case}"
        );
        assert_eq!(
            is_ascii_username(name),
            case["ascii_valid"].as_bool().unwrap(),
            "{case}"
        );
        assert_eq!(normalize_username(name), text(case, "nfkc"));
    }
    for case in file()["emails"].as_array().unwrap() {
        assert_eq!(
            normalize_email(case["value"].as_str().unwrap_or("")),
            text(case, "normalized")
        );
    }
    assert!(same_folded("STRASSE@x.de", "straße@X.DE"));
    assert!(same_folded("STRAẞE@x.de", "strasse@x.de"));
    assert!(same_folded("Ａ@x", "a@x"));
    assert!(!same_folded("a@x", "á@x"));
}

#[test]
fn uids() {
    for case in file()["uidb64"].as_array().unwrap() {
        let pk = case["pk"]
            .as_str()
            .map_or_else(|| case["pk"].to_string(), str::to_owned);
        assert_eq!(encode_uid(&pk), text(case, "uidb64"));
        assert_eq!(decode_uid(text(case, "uidb64")), Some(pk));
    }
    // "MR" spells the same byte as "MQ", sloppily.
    for bad in ["MR", "M", "MQ==", "M Q", "\u{e9}", &"QUFB".repeat(200)] {
        assert_eq!(decode_uid(bad), None, "{bad}");
    }
}

#[test]
fn hosts() {
    for (host, parts) in [
        ("example.com", Some(("example.com", None))),
        ("Example.COM:8000", Some(("example.com", Some(8000)))),
        ("example.com.", Some(("example.com", None))),
        ("[2001:DB8::1]:80", Some(("[2001:db8::1]", Some(80)))),
        ("127.0.0.1", Some(("127.0.0.1", None))),
        ("", None),
        ("a b", None),
        ("a:b", None),
        ("a:", None),
        ("a:99999", None),
        ("user@host", None),
        ("host/path", None),
        ("[::1", None),
        ("[evil.com]", None),
        ("ex\u{e4}mple.com", None),
        ("a\0", None),
    ] {
        let parts = parts.map(|(domain, port): (&str, _)| (domain.to_owned(), port));
        assert_eq!(split_host(host), parts, "{host}");
    }
    assert!(is_allowed_host("a.example.com", [".example.com"]));
    assert!(is_allowed_host("example.com", [".Example.com"]));
    assert!(!is_allowed_host("badexample.com", [".example.com"]));
    assert!(!is_allowed_host("a.example.com", ["example.com"]));
    assert!(is_allowed_host("anything", ["*"]));
    assert!(!is_allowed_host("anything", [""]));
}
