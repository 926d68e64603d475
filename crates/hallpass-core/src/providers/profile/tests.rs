use proptest::prelude::*;
use serde_json::json;

use super::super::Permits;
use super::super::example::{Example, LEAST, gathered};
use super::*;

const ALL: &str = r#"
name = "Example"
kind = "oauth2"
[authorize]
url = "https://example.com/authorize"
[token]
url = "https://example.com/token"
[account]
uid = ["id", "token.user.id"]
uid_reason = "a number, given once"
email = "email"
email_verified = "verified"
emails = { list = "emails", email = "value", verified = "confirmed", primary = "main" }
username = ["login", "nick"]
name = "name"
first_name = "first"
last_name = "last"
phone = "phone"
phone_verified = { path = "phone_state", value = "checked" }
without = ["emails"]
"#;

fn profile(whole: Value) -> Result<Profile, Fault> {
    read(&Example::new(ALL).call(), &gathered(whole, Value::Null))
}

fn email(email: &str, verified: bool, primary: bool) -> ProfileEmail {
    ProfileEmail {
        email: email.to_owned(),
        verified,
        primary,
    }
}

#[test]
fn a_uid_is_a_text_or_a_whole_number() {
    for (id, uid) in [
        (json!("abc"), "abc"),
        (json!(12), "12"),
        (json!(-12), "-12"),
        (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("x".repeat(191)), &"x".repeat(191)),
        (json!("ü".repeat(191)), &"ü".repeat(191)),
    ] {
        assert_eq!(profile(json!({"id": id})).unwrap().uid, uid);
    }
}

#[test]
fn what_names_nobody_is_no_uid() {
    let too_large: Value = serde_json::from_str("{\"id\": 18446744073709551616}").unwrap();
    let mut bad = vec![json!({}), too_large];
    for id in [
        json!(null),
        json!(""),
        json!(" "),
        json!(true),
        json!(false),
        json!({"id": 1}),
        json!([1]),
        json!([]),
        json!(1.5),
        json!(1e3),
        json!(0),
        json!("0"),
        json!("null"),
        json!("None"),
        json!("undefined"),
        json!("x".repeat(192)),
        json!("a\u{0}b"),
        json!("a\nb"),
    ] {
        bad.push(json!({"id": id}));
    }
    for whole in bad {
        let found = profile(whole.clone());
        assert!(
            matches!(found, Err(Fault::Invalid(_))),
            "{whole}: {found:?}"
        );
    }
}

#[test]
fn a_uid_of_several_parts_needs_them_all() {
    let description = LEAST.replace("\"id\"", "\"{profile.team}_{profile.user.id}\"");
    let example = Example::new(&description);
    let uid = |whole| read(&example.call(), &gathered(whole, Value::Null));
    let whole = json!({"team": "T1", "user": {"id": 7}});
    assert_eq!(uid(whole).unwrap().uid, "T1_7");
    for whole in [
        json!({"team": "T1"}),
        json!({"team": null, "user": {"id": 7}}),
        json!({"team": "T1", "user": {"id": ""}}),
    ] {
        assert!(matches!(uid(whole), Err(Fault::Invalid(_))));
    }
}

#[test]
fn a_uid_that_may_change_hands_is_refused_unless_allowed() {
    let description = LEAST.replace("a number, given once", "mutable: people choose it");
    let mut example = Example::new(&description);
    let whole = || gathered(json!({"id": "anna"}), Value::Null);
    let refused = read(&example.call(), &whole());
    assert!(matches!(refused, Err(Fault::Misconfigured(_))));
    example.permits = Permits {
        mutable_uids: true,
        ..Permits::default()
    };
    assert_eq!(read(&example.call(), &whole()).unwrap().uid, "anna");
}

#[test]
fn a_setting_may_name_another_uid() {
    let uid = |settings, whole| {
        let description = LEAST.replace("uid =", "uid_setting = \"uid_field\"\nuid =");
        let mut example = Example::with(&description, settings);
        example.permits.mutable_uids = true;
        read(&example.call(), &gathered(whole, json!({"id": "t"}))).map(|found| found.uid)
    };
    let whole = || json!({"id": 1, "login": "anna"});
    assert_eq!(uid(json!({}), whole()).unwrap(), "1");
    assert_eq!(uid(json!({"uid_field": "login"}), whole()).unwrap(), "anna");
    let missing = uid(json!({"uid_field": "none"}), whole());
    assert!(matches!(missing, Err(Fault::Invalid(_))));
    for wrong in [json!(7), json!(""), json!("a..b"), json!("token.id")] {
        let wrong = uid(json!({"uid_field": wrong}), whole());
        assert!(matches!(wrong, Err(Fault::Misconfigured(_))));
    }
}

#[test]
fn no_provider_takes_a_name_for_a_uid_unasked() {
    let whole = || {
        gathered(
            json!({"sub": "s-1", "oid": "o-1", "email": "a@b.example", "login": "anna", "Name": "anna",
                "mail": ["a@b.example"], "in": {"preferred_username": "anna", "user_id": 7}}),
            Value::Null,
        )
    };
    for description in [
        include_str!("../../../providers/okta.toml"),
        include_str!("../../../providers/netiq.toml"),
        include_str!("../../../providers/openid_connect.toml"),
    ] {
        for (field, uid) in [
            ("sub", "s-1"),
            ("oid", "o-1"),
            ("in.user_id", "7"),
            ("\"sub\"|oid", "s-1"),
        ] {
            let example = Example::with(description, json!({"uid_field": field}));
            assert_eq!(read(&example.call(), &whole()).unwrap().uid, uid, "{field}");
        }
        for field in [
            "email",
            "\"email\"",
            "email|sub",
            "sub|email",
            "x|login",
            "login",
            "Name",
            "mail.0",
            "mail.*",
            "in.preferred_username",
            "in.\"preferred_username\"",
            "in.*",
            "username",
            "unique_name",
            "upn",
            "SUB",
        ] {
            let mut example = Example::with(description, json!({"uid_field": field}));
            let refused = account(&example.call()).map(|_| ());
            assert!(matches!(refused, Err(Fault::Misconfigured(_))), "{field}");
            assert_eq!(
                read(&example.call(), &whole()).map(|_| ()),
                refused,
                "{field}"
            );
            example.permits.mutable_uids = true;
            assert!(account(&example.call()).is_ok(), "{field}");
        }
    }
}

#[test]
fn what_a_description_names_itself_may_be_set() {
    let description = LEAST.replace(
        "uid = \"id\"",
        "uid_setting = \"uid_field\"\nuid = [\"key\", \"id\"]",
    );
    let example = Example::with(&description, json!({"uid_field": "was.key"}));
    let whole = gathered(json!({"was": {"key": "k"}}), Value::Null);
    assert_eq!(read(&example.call(), &whole).unwrap().uid, "k");
}

#[test]
fn a_uid_may_stand_after_something() {
    let description = LEAST.replace("uid =", "uid_after = \"/users/\"\nuid =");
    let example = Example::new(&description);
    let uid = |id: &str| read(&example.call(), &gathered(json!({"id": id}), Value::Null));
    assert_eq!(uid("/users/12").unwrap().uid, "12");
    for id in [
        "12",
        "/users/",
        "/users/12/x",
        "/user/12",
        "x/users/12",
        "/users/0",
    ] {
        assert!(matches!(uid(id), Err(Fault::Invalid(_))), "{id}");
    }
}

#[test]
fn members_are_kept_from_elsewhere_and_a_name_ends_where_it_is_told() {
    let description = LEAST.replace(
        "uid =",
        "keep = { team = \"token.team\", shop = \"callback.shop\", none = \"token.x\" }\n\
         username = \"mail\"\nusername_until = \"@\"\nuid =",
    );
    let example = Example::new(&description);
    let token = json!({"team": {"id": 1, "access_token": "at-1"}});
    let whole = json!({"id": 1, "mail": "anna@example.com"});
    let found = read(&example.call(), &gathered(whole, token)).unwrap();
    let expected = json!({
        "id": 1, "mail": "anna@example.com", "team": {"id": 1}, "shop": "a-shop",
    });
    assert_eq!(
        (found.extra_data, found.username),
        (expected, Some("anna".to_owned()))
    );
}

#[test]
fn names_and_numbers_are_taken_as_texts_only() {
    let found = profile(json!({
        "id": 1, "nick": " Anna\u{7} ", "name": 7, "first": ["A"], "last": "x".repeat(256),
        "phone": "+491701234567", "phone_state": "checked",
    }));
    let found = found.unwrap();
    assert_eq!(found.username.as_deref(), Some("Anna"));
    assert_eq!(
        (found.name, found.first_name, found.last_name),
        (None, None, None)
    );
    assert_eq!(found.phone, Some(("+491701234567".to_owned(), true)));
    let found = profile(json!({"id": 1, "phone": "+49170", "phone_state": true})).unwrap();
    assert_eq!(found.phone, Some(("+49170".to_owned(), false)));
}

#[test]
fn the_list_of_addresses_counts_more_than_the_main_one() {
    let found = profile(json!({
        "id": 1, "email": "Main@example.com", "verified": true,
        "emails": [
            {"value": "main@example.com", "confirmed": false},
            {"value": "b@example.com", "confirmed": true, "main": true},
            {"value": "B@example.com", "confirmed": false},
            {"value": "c@example.com", "confirmed": "yes", "main": true},
            {"value": "no address"}, {"value": 7}, {"value": null}, "text", null, {},
        ],
    }));
    assert_eq!(
        found.unwrap().emails,
        [
            email("main@example.com", false, false),
            email("b@example.com", true, true),
            email("c@example.com", false, false),
        ]
    );
}

#[test]
fn the_main_address_comes_first_if_the_list_has_it_not() {
    let found = profile(json!({
        "id": 1, "email": "a@example.com", "verified": "true",
        "emails": [{"value": "b@example.com", "confirmed": 1, "main": true}],
    }));
    assert_eq!(
        found.unwrap().emails,
        [
            email("a@example.com", true, false),
            email("b@example.com", true, true)
        ]
    );
    let found = profile(json!({"id": 1, "email": "a@example.com"})).unwrap();
    assert_eq!(found.emails, [email("a@example.com", false, true)]);
}

#[test]
fn only_so_many_addresses_are_taken() {
    let many: Vec<Value> = (0..500)
        .map(|n| json!({"value": format!("a{n}@example.com")}))
        .collect();
    let found = profile(json!({"id": 1, "email": "main@example.com", "emails": many}));
    let found = found.unwrap();
    assert_eq!(found.emails.len(), MOST_EMAILS);
    assert_eq!(found.emails[0].email, "main@example.com");
}

#[test]
fn an_address_is_verified_only_if_the_provider_says_so() {
    for (verified, so) in [
        (json!(true), true),
        (json!(1), true),
        (json!("true"), true),
        (json!("1"), true),
        (json!(false), false),
        (json!(0), false),
        (json!("false"), false),
        (json!("no"), false),
        (json!("2026-11-21"), false),
        (json!(["true"]), false),
        (json!({"a": true}), false),
        (json!(null), false),
    ] {
        let whole = json!({"id": 1, "email": "a@example.com", "verified": verified});
        assert_eq!(profile(whole).unwrap().emails[0].verified, so, "{verified}");
    }
    let both = ALL.replace(
        "email_verified = \"verified\"",
        "email_verified = { all = [\"valid\", \"verified\"] }",
    );
    let example = Example::new(&both);
    for (valid, so) in [
        (json!(true), true),
        (json!(false), false),
        (json!(null), false),
    ] {
        let whole = json!({"id": 1, "email": "a@b.example", "verified": true, "valid": valid});
        let found = read(&example.call(), &gathered(whole, Value::Null)).unwrap();
        assert_eq!(found.emails[0].verified, so);
    }
}

#[test]
fn extra_data_has_no_tokens_no_nul_and_not_what_is_left_out() {
    let found = profile(json!({
        "id": 1, "emails": [], "access_token": "at-1", "refresh_token": "rt-1",
        "bio": "a\u{0}b", "deep": {"id_token": "x", "y": 1}, "list": [{"x\u{0}": "\u{0}"}],
    }));
    let expected = json!({"id": 1, "bio": "ab", "deep": {"y": 1}, "list": [{"x": ""}]});
    assert_eq!(found.unwrap().extra_data, expected);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[\\x00-\\x1f@.a]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let names = "id|email|verified|emails|value|confirmed|login|name|first|phone|user|x";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..6)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(whole in any_json(), token in any_json()) {
        let whole = match whole {
            Value::Object(members) => Value::Object(members),
            other => json!({"id": other}),
        };
        if let Ok(found) = read(&Example::new(ALL).call(), &gathered(whole, token)) {
            prop_assert!(!found.uid.is_empty() && found.uid.chars().count() <= LONGEST_UID);
            prop_assert!(found.emails.len() <= MOST_EMAILS);
            prop_assert!(found.emails.iter().filter(|email| email.primary).count() <= 1);
        }
    }
}
