//! Nothing that a column or a visitor holds makes hashing or the validators panic, or take long for its parameters.

use std::time::{Duration, Instant};

use hallpass_django::hashers::{
    Hasher, Hashers, Salt, Scratch, Summary, identify, is_usable, summary,
};
use hallpass_django::validators::{PasswordError, UserAttributes, Validator, validate};
use proptest::prelude::*;

/// All seven, as cheap as they come.
fn cheap() -> Vec<Hasher> {
    vec![
        Hasher::Md5,
        Hasher::Pbkdf2Sha256 { iterations: 10 },
        Hasher::Pbkdf2Sha1 { iterations: 10 },
        Hasher::Argon2 {
            memory: 16,
            time: 1,
            parallelism: 2,
        },
        Hasher::BcryptSha256 { rounds: 4 },
        Hasher::Bcrypt { rounds: 4 },
        Hasher::Scrypt { n: 4, r: 2, p: 2 },
    ]
}

fn salt() -> Salt {
    Salt::from_random([9; 32])
}

/// Everything that reads a column without hashing.
fn read(column: &str) -> Summary {
    let hashers = Hashers::new(cheap()).unwrap();
    let _ = (
        hashers.must_update(column),
        is_usable(column),
        identify(column),
    );
    summary(column)
}

fn complaints(text: &str) -> Vec<PasswordError> {
    let user = UserAttributes {
        username: text,
        first_name: text,
        last_name: text,
        email: text,
    };
    validate(&Validator::of_a_new_project(), text, Some(&user))
}

/// A column in one of the shapes, with numbers that cost little.
fn column() -> impl Strategy<Value = String> {
    let small = 0..70_u32;
    let text = "[^$]{0,30}";
    let base64 = "[A-Za-z0-9+/]{0,90}={0,2}";
    prop_oneof![
        ("pbkdf2_sha(256|1)", small.clone(), text, base64)
            .prop_map(|(name, n, salt, hash)| format!("{name}${n}${salt}${hash}")),
        (
            "argon2(d|i|id)",
            prop_oneof!["v=19\\$", "v=16\\$", "v=[0-9]{0,3}\\$", ""],
            small.clone(),
            small.clone(),
            small.clone(),
            base64,
            base64
        )
            .prop_map(|(variety, v, m, t, p, salt, hash)| format!(
                "argon2${variety}${v}m={m},t={t},p={p}${salt}${hash}"
            )),
        (
            "bcrypt(_sha256)?",
            "\\$2[abxy]\\$0[0-5]\\$[./A-Za-z0-9]{50,54}"
        )
            .prop_map(|(name, rest)| format!("{name}${rest}")),
        (0..9_u32, text, small.clone(), small, base64)
            .prop_map(|(n, salt, r, p, hash)| format!("scrypt${}${salt}${r}${p}${hash}", 1 << n)),
        (text, text).prop_map(|(salt, hash)| format!("md5${salt}${hash}")),
    ]
}

proptest! {
    #[test]
    fn no_column_makes_reading_panic(column in any::<String>()) {
        read(&column);
        for hasher in cheap() {
            read(&format!("{}${column}", hasher.algorithm()));
        }
    }

    #[test]
    fn no_column_makes_comparing_panic(column in column(), password in any::<String>()) {
        let hashers = Hashers::new(cheap()).unwrap();
        prop_assert!(!hashers.verify(&password, &column, &mut Scratch::default()).correct);
        read(&column);
    }

    #[test]
    fn a_damaged_column_matches_nothing_or_the_same(
        which in 0..7_usize, at in any::<prop::sample::Index>(), with in "[$=,./aZ0~+é\u{0}-]{0,2}"
    ) {
        let hashers = Hashers::new(vec![cheap().swap_remove(which)]).unwrap();
        let mut scratch = Scratch::default();
        let mut column = hashers.encode("password", &salt(), &mut scratch).unwrap();
        let at = at.index(column.len());
        column.replace_range(at..=at, &with);
        read(&column);
        prop_assert!(!hashers.verify("passwore", &column, &mut scratch).correct);
    }

    #[test]
    fn what_is_made_is_right_and_all_else_is_wrong(
        password in any::<String>(), other in "[^\u{0}]{0,40}", random in any::<[u8; 32]>()
    ) {
        let mut scratch = Scratch::default();
        for hasher in cheap() {
            let hashers = Hashers::new(vec![hasher]).unwrap();
            let Ok(column) = hashers.encode(&password, &Salt::from_random(random), &mut scratch) else {
                prop_assert!(password.len() > 72);
                continue;
            };
            prop_assert!(column.len() <= 128);
            prop_assert!(hashers.verify(&password, &column, &mut scratch).correct);
            prop_assert!(!hashers.must_update(&column));
            // HMAC fills short keys up with NULs, so "a" and "a" with a NUL are one password to it.
            if !password.contains('\u{0}') && other != password {
                prop_assert!(!hashers.verify(&other, &column, &mut scratch).correct);
            }
        }
    }

    #[test]
    fn no_password_makes_the_validators_panic(
        any in any::<String>(), ascii in "[ -~]{0,40}", keys in "[12qwaz@4(|!]{0,40}"
    ) {
        for password in [any, ascii, keys] {
            complaints(&password);
        }
    }
}

/// Ten times as long takes at most thirty times as long, or is quick anyway.
fn is_linear(name: &str, work: impl Fn(usize)) {
    let time = |length| {
        let start = Instant::now();
        work(length);
        start.elapsed()
    };
    let short = (0..3).map(|_| time(100_000)).min().unwrap();
    let long = (0..3).map(|_| time(1_000_000)).min().unwrap();
    assert!(
        long < Duration::from_millis(100) || long < short * 30,
        "{name}: {short:?} for 100 kB, {long:?} for 1 MB"
    );
}

#[test]
fn a_megabyte_is_read_and_hashed_in_linear_time() {
    for unit in ["a", "$", "a$", "=", ",", "9", "é", "\u{0}", " ", "12"] {
        let text = |length: usize| unit.repeat(length / unit.len());
        for hasher in cheap() {
            let name = hasher.algorithm();
            is_linear(name, |length| {
                read(&format!("{name}${}", text(length)));
            });
        }
        is_linear("validators", |length| {
            complaints(&text(length));
        });
    }
    for hasher in cheap() {
        let hashers = Hashers::new(vec![hasher]).unwrap();
        let mut scratch = Scratch::default();
        let column = hashers.encode("x", &salt(), &mut scratch).unwrap();
        is_linear(&column, |length| {
            let mut scratch = Scratch::default();
            let password = "\u{0}x".repeat(length / 2);
            let _ = hashers.encode(&password, &salt(), &mut scratch);
            assert!(!hashers.verify(&password, &column, &mut scratch).correct);
        });
    }
}
