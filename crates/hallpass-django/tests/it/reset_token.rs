use hallpass_django::SecretKeys;
use hallpass_django::reset_token::{
    ResetTokens, TokenUser, decode_uid, decode_uid_base36, encode_uid, encode_uid_base36,
    local_seconds,
};
use hallpass_django::signing::{base36, from_base36};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::{text, vectors};

fn unix(local: &str) -> i64 {
    let at: DateTime = local.parse().unwrap();
    at.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
}

fn user<'a>(user: &'a serde_json::Value, pk: &'a str) -> TokenUser<'a> {
    let last_login = user["last_login"]
        .as_str()
        .map(|at| at.parse::<jiff::Timestamp>().unwrap().as_second());
    TokenUser {
        pk,
        password: text(user, "password"),
        last_login,
        email: text(user, "email"),
    }
}

#[test]
fn tokens_of_django_and_allauth() {
    let file = vectors(include_str!("../data/reset_tokens.json"));
    let (secret, fallback) = (text(&file, "secret"), text(&file, "fallback_secret"));
    let tokens = ResetTokens::new(
        &SecretKeys::new(secret, [fallback.to_owned()]),
        TimeZone::UTC,
        259_200,
    );
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 25);
    for case in cases {
        let pk = case["user"]["pk"].to_string();
        let (user, now) = (user(&case["user"], &pk), unix(text(case, "local_time")));
        let token = text(case, "token");
        if text(case, "generator") == "django" {
            assert_eq!(tokens.make(user, now), token);
            assert!(tokens.check(user, token, now));
            assert!(!tokens.check_with_addresses(user, &["x@example.com"], token, now));
            assert_eq!(encode_uid(&pk), text(case, "uidb64"));
            assert_eq!(decode_uid(text(case, "uidb64")), Some(pk.clone()));
            if let Some(old) = case["token_with_fallback_secret"].as_str() {
                assert!(tokens.check(user, old, now));
            }
        } else {
            let rows: Vec<&str> = case["emailaddress_rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row.as_str().unwrap())
                .collect();
            assert_eq!(tokens.make_with_addresses(user, &rows, now), token);
            assert!(tokens.check_with_addresses(user, &rows, token, now));
            assert_eq!(encode_uid_base36(&pk), text(case, "uid_base36"));
            assert_eq!(
                decode_uid_base36(text(case, "uid_base36"))
                    .unwrap()
                    .to_string(),
                pk
            );
        }
    }
}

#[test]
fn refusals() {
    let file = vectors(include_str!("../data/reset_tokens.json"));
    let tokens = ResetTokens::new(
        &SecretKeys::new(text(&file, "secret"), []),
        TimeZone::UTC,
        259_200,
    );
    let alice = user(&file["cases"][0]["user"], "1");
    for case in file["checks"].as_array().unwrap() {
        let now = unix(text(case, "local_time"));
        assert_eq!(
            tokens.check(alice, text(case, "token"), now),
            case["valid"].as_bool().unwrap(),
            "{case}"
        );
    }
    let now = unix("2026-01-01T00:00:00");
    let token = tokens.make(alice, now);
    for changed in [
        TokenUser { pk: "2", ..alice },
        TokenUser {
            password: "x",
            ..alice
        },
        TokenUser {
            last_login: Some(now),
            ..alice
        },
        TokenUser {
            email: "b@example.com",
            ..alice
        },
    ] {
        assert!(!tokens.check(changed, &token, now));
    }
}

#[test]
fn the_wall_clock_of_the_zone_counts() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    // Winter is an hour ahead of UTC, summer two.
    let (winter, summer) = (unix("2026-01-01T00:00:00"), unix("2026-07-01T00:00:00"));
    assert_eq!(
        local_seconds(winter, &zone),
        local_seconds(winter, &TimeZone::UTC) + 3600
    );
    assert_eq!(
        local_seconds(summer, &zone),
        local_seconds(summer, &TimeZone::UTC) + 7200
    );
    // Made in the last summer hour, checked in the first winter hour: from the future by the wall clock, and taken.
    let tokens = ResetTokens::new(&SecretKeys::new("s", []), zone, 60);
    let user = TokenUser {
        pk: "1",
        password: "",
        last_login: None,
        email: "",
    };
    let change = unix("2026-10-25T01:00:00");
    assert!(tokens.check(user, &tokens.make(user, change - 30), change + 30));
}

#[test]
fn base36_both_ways() {
    let file = vectors(include_str!("../data/reset_tokens.json"));
    for case in file["base36"].as_array().unwrap() {
        assert_eq!(base36(case["n"].as_u64().unwrap()), text(case, "s"));
        assert_eq!(from_base36(text(case, "s")), case["n"].as_u64());
    }
    assert_eq!(decode_uid_base36("01"), None);
    assert_eq!(decode_uid_base36("A"), None);
    assert_eq!(
        encode_uid_base36("0d9b9c1e-3b0a-4a0e-8f6a-111111111111"),
        "0d9b9c1e3b0a4a0e8f6a111111111111"
    );
}
