use hallpass_django::SecretKeys;
use hallpass_django::session::{AuthHash, COOKIE_SALT, SessionCodec, is_valid_key};

use crate::{text, vectors};

#[test]
fn payloads_and_hashes() {
    let file = vectors(include_str!("../data/sessions.json"));
    let (secret, fallback) = (text(&file, "secret"), text(&file, "fallback_secret"));
    let keys = SecretKeys::new(secret, []);
    let (codec, cookies) = (
        SessionCodec::new(&keys),
        SessionCodec::with_salt(&keys, COOKIE_SALT),
    );
    for case in file["cases"].as_array().unwrap() {
        let payload = case["payload"].as_object().unwrap();
        let time = case["time"].as_i64().unwrap();
        assert_eq!(&codec.decode(text(case, "db_session_data")), payload);
        assert_eq!(&cookies.decode(text(case, "signed_cookie")), payload);
        assert!(cookies.decode(text(case, "db_session_data")).is_empty());
        assert_eq!(&codec.decode(&codec.encode(payload, time)), payload);
        if !text(case, "db_session_data").starts_with('.') {
            assert_eq!(codec.encode(payload, time), text(case, "db_session_data"));
        }
    }
    let rotated = SessionCodec::new(&SecretKeys::new(
        "another",
        [fallback.to_owned(), secret.to_owned()],
    ));
    for case in file["auth_hashes"].as_array().unwrap() {
        let password = text(case, "user_password");
        assert_eq!(codec.auth_hash(password), text(case, "hash"));
        assert_eq!(
            codec.check_auth_hash(password, text(case, "hash")),
            AuthHash::Current
        );
        assert_eq!(
            rotated.check_auth_hash(password, text(case, "hash")),
            AuthHash::Fallback
        );
        for old in case["fallback_hashes"].as_array().unwrap() {
            assert_eq!(
                rotated.check_auth_hash(password, old.as_str().unwrap()),
                AuthHash::Fallback
            );
            assert_eq!(
                codec.check_auth_hash(password, old.as_str().unwrap()),
                AuthHash::Wrong
            );
        }
        assert_eq!(
            codec.check_auth_hash("other", text(case, "hash")),
            AuthHash::Wrong
        );
        assert_eq!(codec.check_auth_hash(password, ""), AuthHash::Wrong);
    }
}

#[test]
fn what_was_tampered_with_is_empty() {
    let codec = SessionCodec::new(&SecretKeys::new("secret", []));
    let good = codec.encode(serde_json::json!({"a": 1}).as_object().unwrap(), 0);
    assert_eq!(codec.decode(&good).len(), 1);
    for bad in [
        "",
        ":",
        "::",
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}a"),
        &good.to_uppercase(),
    ] {
        assert!(codec.decode(bad).is_empty(), "{bad}");
    }
}

#[test]
fn shapes_of_keys() {
    assert!(is_valid_key("abcdefgh"));
    assert!(is_valid_key(&"a1".repeat(20)));
    for bad in [
        "",
        "abcdefg",
        "ABCDEFGH",
        "abcdefg-",
        "h$abcdefgh",
        "abcdefgé",
        "abc defgh",
        &"a".repeat(41),
    ] {
        assert!(!is_valid_key(bad), "{bad}");
    }
}
