use hallpass_django::validators::{UserAttributes, Validator, quick_ratio, validate};
use serde_json::{Map, json};

use crate::{text, vectors};

fn file() -> serde_json::Value {
    vectors(include_str!("../data/validators.json"))
}

/// What of the sample is not caught.
const MISSED_OF_THE_SAMPLE: [&str; 13] = [
    "!ab#cd$",
    "!qaz1qaz",
    "\"1,00001e+14\"",
    "\"k.,jdm\"",
    "\"zxcvbnm,\"",
    "\"zxcvbnm,./\"",
    "#1bitch",
    "#1pimp",
    "#1stunna",
    "&#2336:",
    "&#2336;",
    "&hearts",
    "&hearts:",
];

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

/// Passwords of the vectors that are not in Django's list but as easily guessed as what is: a word twice, a name
/// backwards.
const DIFFERS_FROM_DJANGO: [&str; 2] = ["exampleexample", "ecila"];

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
fn what_is_caught_of_djangos_list() {
    let file = file();
    assert_eq!(file["common_list_size"], 19_640);
    // Of the whole list 16,148 are caught. The twenty that sort first are mostly oddities that zxcvbn's list lacks; of
    // its own list even the last are caught.
    let sample = file["common_sample"].as_array().unwrap();
    let caught =
        |password: &str| !validate(&[Validator::CommonPassword], password, None).is_empty();
    let missed: Vec<_> = sample
        .iter()
        .filter_map(|password| password.as_str())
        .filter(|password| !caught(password))
        .collect();
    assert_eq!(missed, MISSED_OF_THE_SAMPLE);
    for last in ["geekboy", "rebon", "travka"] {
        assert!(caught(last), "{last}");
    }
}

#[test]
fn nobody_gets_zxcvbn_to_stumble_or_to_think_for_long() {
    let start = std::time::Instant::now();
    let common = [Validator::CommonPassword];
    for password in [
        // Overflows within zxcvbn.
        "12".repeat(16),
        "qw".repeat(16),
        // Each of these takes most of a second there without optimisation.
        "4@8({[<369&!1/|7+$5023z%".to_owned(),
        "<|>[{(@4!1|7+t$5%x2z0o8b".to_owned(),
        "({[<@!|$+%4836910572".to_owned(),
    ] {
        for _ in 0..20 {
            assert!(validate(&common, &password, None).is_empty(), "{password}");
        }
    }
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}

#[test]
fn digits_are_pythons() {
    let numeric = [Validator::NumericPassword];
    let is_digit =
        |letter: char| !validate(&numeric, letter.encode_utf8(&mut [0; 4]), None).is_empty();
    let digits: Vec<u32> = (char::MIN..=char::MAX)
        .filter(|letter| is_digit(*letter))
        .map(u32::from)
        .collect();
    // Python 3.11 says 788, with this sum; Unicode 15 and 16 brought a hundred more.
    let newer = [
        0x10d40, 0x16130, 0x116d0, 0x116da, 0x11bf0, 0x11f50, 0x16d70, 0x1ccf0, 0x1e4f0, 0x1e5f1,
    ];
    let is_newer = |digit: &&u32| newer.iter().any(|zero| (*zero..zero + 10).contains(*digit));
    assert_eq!(digits.iter().filter(is_newer).count(), 100);
    let older: Vec<u32> = digits
        .iter()
        .filter(|digit| !is_newer(digit))
        .copied()
        .collect();
    assert_eq!((older.len(), older.iter().sum::<u32>()), (788, 34_551_904));
    for password in ["½", "一", "Ⅷ", "1a", "-1", "1.0", "1 2", ""] {
        assert!(validate(&numeric, password, None).is_empty(), "{password}");
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
    assert_eq!(defaults(), Validator::of_a_new_project());
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
