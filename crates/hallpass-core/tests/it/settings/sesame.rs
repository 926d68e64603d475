//! SESAME_*, and what of our own is about magic links. What is refused stands beside what is not.

use serde_json::{Value, json};

use super::{environment, environment_of, problems, refused, value};

/// django-sesame's.
pub(super) fn defaults() -> Vec<(&'static str, Value)> {
    vec![
        ("SESAME_TOKEN_NAME", json!("sesame")),
        ("SESAME_MAX_AGE", json!(null)),
        ("SESAME_ONE_TIME", json!(false)),
        ("SESAME_INVALIDATE_ON_PASSWORD_CHANGE", json!(true)),
        ("SESAME_INVALIDATE_ON_EMAIL_CHANGE", json!(false)),
        ("SESAME_PACKER", json!(null)),
        ("SESAME_PRIMARY_KEY_FIELD", json!("pk")),
        (
            "SESAME_TOKENS",
            json!(["sesame.tokens_v2", "sesame.tokens_v1"]),
        ),
        ("SESAME_KEY", json!("")),
        ("SESAME_SIGNATURE_SIZE", json!(10)),
        ("SESAME_SALT", json!("sesame")),
        ("SESAME_DIGEST", json!("md5")),
        ("SESAME_ITERATIONS", json!(10_000)),
    ]
}

#[track_caller]
fn good(pairs: &[(&str, &str)]) {
    let found = problems(environment_of(pairs));
    assert!(found.is_empty(), "{pairs:?}: {found:#?}");
}

#[track_caller]
fn bad(pairs: &[(&str, &str)], name: &str, words: &str) {
    refused(environment_of(pairs), name, words);
}

#[test]
fn a_link_ends_one_day() {
    let name = "SESAME_INVALIDATE_ON_PASSWORD_CHANGE";
    bad(&[(name, "false")], name, "good for ever");
    good(&[(name, "false"), ("SESAME_MAX_AGE", "600")]);
    bad(
        &[("SESAME_MAX_AGE", "0")],
        "SESAME_MAX_AGE",
        "must be from 1 to",
    );
    // A number that is none is one mistake, not two.
    bad(
        &[(name, "false"), ("SESAME_MAX_AGE", "ten minutes")],
        "SESAME_MAX_AGE",
        "must be a whole number",
    );
}

#[test]
fn formats_of_tokens_are_known() {
    good(&[("SESAME_TOKENS", "sesame.tokens_v1")]);
    good(&[("SESAME_TOKENS", "[\"sesame.tokens_v2\"]")]);
    bad(&[("SESAME_TOKENS", "[]")], "SESAME_TOKENS", "is empty");
    bad(
        &[("SESAME_TOKENS", "shop.tokens")],
        "SESAME_TOKENS",
        "must be one of \"sesame.tokens_v2\", \"sesame.tokens_v1\"",
    );
    for size in ["0", "65"] {
        bad(
            &[("SESAME_SIGNATURE_SIZE", size)],
            "SESAME_SIGNATURE_SIZE",
            "must be from 1 to 64",
        );
    }
    bad(
        &[("SESAME_DIGEST", "crc32")],
        "SESAME_DIGEST",
        "must be one of",
    );
    bad(
        &[("SESAME_ITERATIONS", "0")],
        "SESAME_ITERATIONS",
        "must be from 1 to",
    );
    for name in ["", "to ken", "a&b", "a=b", "é"] {
        let pairs = [("SESAME_TOKEN_NAME", name)];
        bad(&pairs, "SESAME_TOKEN_NAME", "it stands in URLs");
    }
    good(&[("SESAME_TOKEN_NAME", "url_auth_token")]);
}

#[test]
fn packers_write_the_column_that_they_are_for() {
    let field = "SESAME_PRIMARY_KEY_FIELD";
    let packer = "SESAME_PACKER";
    for path in ["ShortPacker", "LongPacker", "UnsignedLongLongPacker"] {
        good(&[(packer, &*format!("sesame.packers.{path}"))]);
    }
    for path in ["UUIDPacker", "BytesPacker", "StrPacker"] {
        let path = format!("sesame.packers.{path}");
        bad(&[(packer, &*path)], packer, "cannot write the column");
    }
    good(&[(field, "username"), (packer, "sesame.packers.StrPacker")]);
    good(&[(field, "username")]);
    bad(
        &[(field, "username"), (packer, "sesame.packers.LongPacker")],
        packer,
        "cannot write the column",
    );
    bad(
        &[(packer, "shop.packers.HashidPacker")],
        packer,
        "is code in Python or nothing at all",
    );
    bad(&[(field, "email")], field, "write pk, id or username");
    bad(
        &[
            (field, "username"),
            ("ACCOUNT_USER_MODEL_USERNAME_FIELD", ""),
        ],
        field,
        "says that there are none",
    );
}

#[test]
fn only_links_with_an_age_can_be_revoked_one_by_one() {
    let name = "HALLPASS_MAGIC_LINK_REVOCABLE";
    bad(&[(name, "true")], name, "without SESAME_MAX_AGE");
    good(&[(name, "true"), ("SESAME_MAX_AGE", "600")]);
}

#[test]
fn the_second_secret_is_not_shown() {
    let loaded = environment([("SESAME_KEY", "swordfish")]).unwrap();
    assert_eq!(value(&loaded, "SESAME_KEY"), json!("********"));
    assert!(!format!("{:?}", loaded.settings).contains("swordfish"));
}
