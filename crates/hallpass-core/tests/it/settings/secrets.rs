//! What must not be seen is not shown: not in listings, not in messages, not in what a programmer prints.

use hallpass_core::settings::Secret;
use serde_json::json;

use super::{KEY, environment, file, value};

#[test]
fn listings_mask_secrets() {
    let old = "Zq3LrT5vWz0cYb7DfGhJkM3pSa9eUinX";
    let loaded = environment([
        ("SECRET_KEY", KEY),
        ("SECRET_KEY_FALLBACKS", old),
        ("EMAIL_HOST_USER", "shop"),
        ("EMAIL_HOST_PASSWORD", "correct horse"),
        ("HALLPASS_SMS_AUTHORIZATION", "Bearer correct horse"),
        (
            "HALLPASS_SMS_URL",
            "https://sms.example.com:8443/battery?key=battery",
        ),
        (
            "DATABASE_URL",
            "postgres://shop:battery%20staple@db:5432/shop",
        ),
        ("HALLPASS_REDIS_URL", "rediss://:battery@redis:6379/0"),
    ])
    .unwrap();
    assert_eq!(value(&loaded, "SECRET_KEY"), json!("********"));
    assert_eq!(value(&loaded, "SECRET_KEY_FALLBACKS"), json!(["********"]));
    assert_eq!(value(&loaded, "EMAIL_HOST_PASSWORD"), json!("********"));
    assert_eq!(
        value(&loaded, "DATABASE_URL"),
        json!("postgres://shop:********@db:5432/shop")
    );
    assert_eq!(
        value(&loaded, "HALLPASS_SMS_AUTHORIZATION"),
        json!("********")
    );
    assert_eq!(
        value(&loaded, "HALLPASS_SMS_URL"),
        json!("https://sms.example.com:8443/********")
    );
    assert_eq!(
        value(&loaded, "HALLPASS_REDIS_URL"),
        json!("rediss://:********@redis:6379/0")
    );
    let shown = format!("{loaded:?} {:?}", loaded.rows());
    for secret in [KEY, old, "correct horse", "battery"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    let settings = loaded.settings;
    assert_eq!(settings.general.secret_key.unwrap().reveal(), KEY);
    assert_eq!(settings.email.host_password.reveal(), "correct horse");
    assert_eq!(format!("{:?}", Secret::new("abc")), "Secret(…)");
}

#[test]
fn problems_do_not_quote_secrets() {
    for (name, text) in [
        ("SECRET_KEY", "swordfish"),
        ("SECRET_KEY", "sword\nfish"),
        ("SECRET_KEY_FALLBACKS", "swordfish"),
        ("SECRET_KEY_FALLBACKS", "[\"swordfish\", 5]"),
        ("SECRET_KEY_FALLBACKS", "[swordfish"),
        ("EMAIL_HOST_PASSWORD", "sword\u{7}fish"),
        ("DATABASE_URL", "mysql://shop:swordfish@db/shop"),
        ("DATABASE_URL", "shop:swordfish@db"),
        ("DATABASE_URL", "postgres://shop:swordfish@db:nowhere/shop"),
        ("DATABASE_URL", "postgres://shop:sword/fish@db/shop"),
        (
            "DATABASE_URL",
            "postgres://db/shop?password=swordfish&sslmode=maybe",
        ),
        ("DATABASE_URL", "postgres://db/shop?passwort=swordfish"),
        ("HALLPASS_SMS_AUTHORIZATION", "Bearer swordfish "),
        ("HALLPASS_SMS_AUTHORIZATION", "Bearer swordfish\u{e9}"),
        ("HALLPASS_SMS_URL", "http://sms.example.com/swordfish"),
        ("HALLPASS_SMS_URL", "https://sid:swordfish@sms.example.com/"),
        ("HALLPASS_SMS_URL", "swordfish"),
        ("HALLPASS_REDIS_URL", "redis://:swordfish@redis/shop"),
        ("HALLPASS_REDIS_URL", "redis://swordfish@redis"),
        ("HALLPASS_REDIS_URL", "redis://:sword#fish@redis"),
        (
            "HALLPASS_REDIS_URL",
            "unix:///redis.sock?password=swordfish",
        ),
        ("HALLPASS_REDIS_URL", "swordfish"),
        ("SOCIALACCOUNT_PROVIDERS", "swordfish"),
        ("HEADLESS_JWT_PRIVATE_KEY", "swordfish"),
        ("HALLPASS_SECRET_KEY", "swordfish"),
    ] {
        let error = environment([(name, text)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(name));
        assert!(!shown.contains("fish"), "{name}: {shown}");
    }
    for text in [
        "secret_key = \"swordfish\"",
        "secret_key = \"swordfish",
        "secret_key = swordfish",
        "secret_key = [\"swordfish\"]",
        "secret_key_fallbacks = \"swordfish\"",
        "[email]\nhost_password = { swordfish = 1 }",
        "secret_kee = \"swordfish\"",
    ] {
        let error = file(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("fish"), "{text}: {shown}");
    }
}
