//! Tokens that django-sesame made, and what it said to those that it was given.

use hallpass_django::SecretKeys;
use hallpass_django::sesame::{Fault, MakeError, Packer, PrimaryKey, Sesame, Settings, Version};
use serde_json::Value;

use super::{User, read};
use crate::{text, vectors};

fn file() -> Value {
    vectors(include_str!("../../data/sesame.json"))
}

fn settings(given: &Value) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in given.as_object().unwrap() {
        let string = || value.as_str().unwrap().to_owned();
        match name.as_str() {
            "MAX_AGE" => settings.max_age = value.as_u64(),
            "ONE_TIME" => settings.one_time = value == true,
            "INVALIDATE_ON_PASSWORD_CHANGE" => {
                settings.invalidate_on_password_change = value == true;
            }
            "INVALIDATE_ON_EMAIL_CHANGE" => settings.invalidate_on_email_change = value == true,
            "PACKER" => {
                settings.packer = Packer::from_path(&string()).unwrap();
                settings.packer_path = Some(string());
            }
            "PRIMARY_KEY_FIELD" => {
                assert_eq!(value, "username");
                settings.packer = Packer::from_field("CharField").unwrap();
                settings.primary_key_field = string();
            }
            "TOKENS" => {
                let paths = value.as_array().unwrap().iter();
                let version = |path: &Value| Version::from_path(path.as_str().unwrap()).unwrap();
                settings.tokens = paths.map(version).collect();
            }
            "KEY" => settings.key = string(),
            "SIGNATURE_SIZE" => {
                settings.signature_size = usize::try_from(value.as_u64().unwrap()).unwrap();
            }
            "SALT" => settings.salt = string(),
            "ITERATIONS" => {
                settings.iterations = u32::try_from(value.as_u64().unwrap()).unwrap();
            }
            // The parameter's name is not in the token.
            "TOKEN_NAME" => {}
            unknown => panic!("{unknown}: {value}"),
        }
    }
    settings
}

fn user(given: &Value) -> User {
    let pk = text(given, "pk");
    let pk = match text(given, "pk_type") {
        "int" => PrimaryKey::Integer(pk.parse().unwrap()),
        "str" => pk.into(),
        "UUID" => {
            let number = u128::from_str_radix(&pk.replace('-', ""), 16).unwrap();
            PrimaryKey::Uuid(number.to_be_bytes())
        }
        "bytes" => {
            assert_eq!(pk, r"b'\x01\x02raw'");
            PrimaryKey::Bytes(b"\x01\x02raw".to_vec())
        }
        unknown => panic!("{unknown}"),
    };
    let last_login = given["last_login"]
        .as_str()
        .map(|at| at.parse::<jiff::Timestamp>().unwrap().as_microsecond());
    User {
        pk,
        password: text(given, "password").to_owned(),
        email: text(given, "email").to_owned(),
        last_login,
    }
}

#[test]
fn tokens() {
    let file = file();
    let cases = file["tokens"].as_array().unwrap();
    assert_eq!(cases.len(), 86);
    for case in cases {
        let keys = SecretKeys::new(text(case, "secret"), []);
        let sesame = Sesame::new(&keys, settings(&case["settings"])).unwrap();
        let (user, scope) = (user(&case["user"]), text(case, "scope"));
        let (now, token) = (case["time"].as_i64().unwrap(), text(case, "token"));
        assert_eq!(
            sesame.make(user.fields(), scope, now).as_deref(),
            Ok(token),
            "{case}"
        );

        let parsed = sesame.parse(token, now, None).unwrap();
        assert_eq!(*parsed.pk(), user.pk);
        let version = match case["version"].as_u64() {
            Some(1) => Version::V1,
            _ => Version::V2,
        };
        assert_eq!(parsed.version(), version);
        assert_eq!(parsed.check(Some(user.fields()), scope), Ok(()), "{case}");

        // Another scope, another secret, nobody.
        let other = if version == Version::V1 {
            Fault::ScopeInV1
        } else {
            Fault::WrongSignature
        };
        assert_eq!(parsed.check(Some(user.fields()), "other"), Err(other));
        assert_eq!(parsed.check(None, scope), Err(Fault::UnknownUser));
        let stranger = SecretKeys::new("another", []);
        let stranger = Sesame::new(&stranger, settings(&case["settings"])).unwrap();
        let answer = read(&stranger, &user, token, scope, now, None);
        assert_eq!(answer, Err(Fault::WrongSignature));
        // The secret that was replaced still reads.
        let keys = SecretKeys::new("another", [text(case, "secret").to_owned()]);
        let replaced = Sesame::new(&keys, settings(&case["settings"])).unwrap();
        assert_eq!(read(&replaced, &user, token, scope, now, None), Ok(()));
    }
}

#[test]
fn what_ends_a_token() {
    let file = file();
    for case in file["tokens"].as_array().unwrap() {
        let settings = settings(&case["settings"]);
        let keys = SecretKeys::new(text(case, "secret"), []);
        let sesame = Sesame::new(&keys, settings.clone()).unwrap();
        let user = user(&case["user"]);
        let read = |user: &User| {
            let now = case["time"].as_i64().unwrap();
            read(
                &sesame,
                user,
                text(case, "token"),
                text(case, "scope"),
                now,
                None,
            )
        };
        let fault = match case["version"].as_u64() {
            Some(1) => Fault::Revoked,
            _ => Fault::WrongSignature,
        };
        let ends = |by_setting: bool| if by_setting { Err(fault) } else { Ok(()) };

        let changed = User {
            password: "md5$salt$new".to_owned(),
            ..user.clone()
        };
        assert_eq!(
            read(&changed),
            ends(settings.invalidate_on_password_change),
            "{case}"
        );
        let changed = User {
            email: "new@example.com".to_owned(),
            ..user.clone()
        };
        assert_eq!(
            read(&changed),
            ends(settings.invalidate_on_email_change),
            "{case}"
        );
        let changed = User {
            last_login: Some(user.last_login.unwrap_or(0) + 1),
            ..user.clone()
        };
        assert_eq!(read(&changed), ends(settings.one_time), "{case}");
    }
}

#[test]
fn checks() {
    let file = file();
    let tokens = file["tokens"].as_array().unwrap();
    let named = |name: &str| {
        let case = format!("v2 default {name}");
        let token = tokens.iter().find(|token| token["case"] == case.as_str());
        user(&token.unwrap()["user"])
    };
    let users = ["alice", "bob", "carol", "dave", "erin"].map(|name| (name, named(name)));
    let older = tokens
        .iter()
        .find(|token| token["case"] == "v2 other secret");
    let keys = SecretKeys::new(
        text(&tokens[0], "secret"),
        [text(older.unwrap(), "secret").to_owned()],
    );
    let cases = file["checks"].as_array().unwrap();
    assert_eq!(cases.len(), 34);
    for case in cases {
        let sesame = Sesame::new(&keys, settings(&case["settings"])).unwrap();
        let now = case["time"].as_i64().unwrap();
        let answer = sesame
            .parse(text(case, "token"), now, case["max_age"].as_u64())
            .and_then(|parsed| {
                let found = users.iter().find(|(_, user)| user.pk == *parsed.pk());
                parsed.check(found.map(|(_, user)| user.fields()), text(case, "scope"))?;
                Ok(found.map(|(name, _)| *name))
            });
        let expected = match text(case, "case") {
            "v1 with scope" => Err(Fault::ScopeInV1),
            "v1 with max_age" => Err(Fault::MaxAgeInV1),
            "v1 with time, a second over" | "v2 age 300" | "v2 max_age argument shorter" => {
                Err(Fault::Expired)
            }
            "v2 without time, MAX_AGE set" | "v2 with time, no MAX_AGE" | "truncated" => {
                Err(Fault::SignatureLength)
            }
            "4 chars" => Err(Fault::Key),
            "longer" => Err(Fault::Encoding),
            "v2 no scope" | "v2 scope on unscoped" | "other user's pk" | "tampered" => {
                Err(Fault::WrongSignature)
            }
            "v1 with time, without MAX_AGE"
            | "only v1 taken"
            | "only v2 taken"
            | "empty"
            | "3 chars"
            | "garbage"
            | "padded" => Err(Fault::UnknownFormat),
            "unknown pk" => Err(Fault::UnknownUser),
            _ => Ok(case["user"].as_str()),
        };
        assert_eq!(answer, expected, "{case}");
        assert_eq!(answer.is_ok(), case["user"].is_string(), "{case}");
    }
}

#[test]
fn version_1_makes_no_scopes() {
    let file = file();
    let user = user(&file["tokens"][0]["user"]);
    let settings = Settings {
        tokens: vec![Version::V1],
        ..Settings::default()
    };
    let sesame = super::sesame(settings);
    assert_eq!(
        sesame.make(user.fields(), "x", 0),
        Err(MakeError::ScopeInV1)
    );
}
