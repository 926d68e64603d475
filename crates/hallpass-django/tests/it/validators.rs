use hallpass_django::validators::{UserAttributes, Validator, quick_ratio, validate};
use serde_json::{Map, json};

use crate::{text, vectors};

fn file() -> serde_json::Value {
    vectors(include_str!("../data/validators.json"))
}

fn defaults() -> Vec<Validator> {
    [
        "UserAttributeSimilarity",
        "MinimumLength",
        "CommonPassword",
        "NumericPassword",
    ]
    .map(|name| format!("django.contrib.auth.password_validation.{name}Validator"))
    .iter()
    .map(|name| Validator::from_name(name, &Map::new()).unwrap())
    .collect()
}

/// Passwords of the vectors that are in none of Django's lists but fall within the first 30,000 guesses: a word twice, a
/// name backwards, a run of digits in another script.
const DIFFERS_FROM_DJANGO: [&str; 4] = ["exampleexample", "١٢٣٤٥٦٧٨", "ecila", "你好你好"];

#[test]
fn errors_are_djangos() {
    let mut differs = Vec::new();
    for case in file()["cases"].as_array().unwrap() {
        let field = |name| case["user"][name].as_str().unwrap_or("");
        let user = UserAttributes {
            username: field("username"),
            first_name: field("first_name"),
            last_name: field("last_name"),
            email: field("email"),
        };
        let password = text(case, "password");
        let ours = validate(
            &defaults(),
            password,
            case["user"].is_object().then_some(&user),
        );
        let ours: Vec<_> = ours
            .into_iter()
            .map(|error| json!({ "code": error.code, "message": error.message, "params": error.params }))
            .collect();
        let theirs = case["errors"].as_array().unwrap();
        let without_common = |errors: &[serde_json::Value]| -> Vec<_> {
            errors
                .iter()
                .filter(|error| error["code"] != "password_too_common")
                .cloned()
                .collect()
        };
        assert_eq!(without_common(&ours), without_common(theirs), "{case}");
        if ours.len() != theirs.len() && !differs.contains(&password.to_owned()) {
            differs.push(password.to_owned());
        }
    }
    assert_eq!(differs, DIFFERS_FROM_DJANGO);
}

#[test]
fn what_everybody_takes_is_common_and_what_nobody_takes_is_not() {
    let common = [Validator::CommonPassword];
    for password in [
        "123456", "password", "Password", " qwerty ", "letmein", "iloveyou", "dragon", "monkey",
        "abc123", "111111", "sunshine", "princess", "football", "welcome", "shadow", "trustno1",
        "1qaz2wsx", "qazwsx", "zxcvbnm", "starwars",
    ] {
        assert_eq!(validate(&common, password, None).len(), 1, "{password}");
    }
    for password in [
        "",
        "correct horse battery staple",
        "kX9#vq2!Lm",
        &"password".repeat(5),
    ] {
        assert!(validate(&common, password, None).is_empty(), "{password}");
    }
}

#[test]
fn quick_ratios() {
    for case in file()["quick_ratio"].as_array().unwrap() {
        let letters = |key| text(case, key).chars().collect::<Vec<_>>();
        assert_eq!(
            quick_ratio(&letters("a"), &letters("b")),
            case["quick_ratio"].as_f64().unwrap(),
            "{case}"
        );
    }
}

#[test]
fn help_and_options() {
    let file = file();
    let help: Vec<_> = defaults().iter().map(Validator::help_text).collect();
    assert_eq!(json!(help), file["help_texts"]);
    let option = |name: &str, options: serde_json::Value| {
        Validator::from_name(name, options.as_object().unwrap())
    };
    let one = option("MinimumLengthValidator", json!({ "min_length": 1 })).unwrap();
    assert_eq!(
        validate(&[one], "", None)[0].message,
        text(&file, "min_length_singular")
    );
    assert!(option("MinimumLengthValidator", json!({ "min_length": "x" })).is_err());
    assert!(option("MinimumLengthValidator", json!({ "other": 1 })).is_err());
    assert!(option("NoSuchValidator", json!({})).is_err());
    assert!(
        option(
            "UserAttributeSimilarityValidator",
            json!({ "max_similarity": 0.01 })
        )
        .is_err()
    );
}
