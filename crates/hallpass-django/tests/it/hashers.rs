use std::time::{Duration, Instant};

use hallpass_django::hashers::{
    HashError, Hasher, Hashers, Salt, Scratch, Verdict, identify, is_usable, summary,
};

use crate::{text, vectors};

const ALL: [&str; 7] = [
    "pbkdf2_sha256",
    "pbkdf2_sha1",
    "argon2",
    "bcrypt_sha256",
    "bcrypt",
    "scrypt",
    "md5",
];

fn file() -> serde_json::Value {
    vectors(include_str!("../data/hashers.json"))
}

/// Django's hashers with this one first.
fn preferring(first: &str) -> Hashers {
    let names = std::iter::once(first).chain(ALL.into_iter().filter(|name| *name != first));
    Hashers::new(names.map(|name| Hasher::from_name(name).unwrap()).collect()).unwrap()
}

#[test]
fn every_hash_of_djangos_is_taken() {
    let file = file();
    let mut scratch = Scratch::default();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 68);
    for case in cases {
        let (algorithm, password) = (text(case, "algorithm"), text(case, "password"));
        let hashers = preferring(algorithm);
        let Some(encoded) = case["encoded"].as_str() else {
            // What Django itself cannot hash: raw bcrypt beyond 72 bytes.
            assert!(
                hashers
                    .encode(password, &Salt::from_random([7; 32]), &mut scratch)
                    .is_err(),
                "{case}"
            );
            continue;
        };
        let must_update = case["must_update"].as_bool().unwrap();
        let verdict = hashers.verify(password, encoded, &mut scratch);
        assert_eq!(
            verdict,
            Verdict {
                correct: true,
                must_update
            },
            "{case}"
        );
        assert_eq!(identify(encoded), Some(algorithm));
        assert_eq!(encoded.len() <= 128, case["fits_128"].as_bool().unwrap());
        if let Some(expected) = case["safe_summary"].as_object() {
            let ours = summary(encoded);
            assert_eq!(ours.len(), expected.len(), "{case}");
            for (name, value) in ours {
                let theirs = &expected[name];
                assert_eq!(
                    theirs
                        .as_str()
                        .map_or_else(|| theirs.to_string(), str::to_owned),
                    value,
                    "{name} of {case}"
                );
            }
        }
    }
}

#[test]
fn a_wrong_password_is_wrong() {
    let file = file();
    let mut scratch = Scratch::default();
    for case in file["cases"].as_array().unwrap() {
        // Cheap ones only: the wrong password costs the difference to the default parameters as well.
        let Some(encoded) = case["encoded"]
            .as_str()
            .filter(|_| text(case, "password") == "password")
        else {
            continue;
        };
        let first = if text(case, "algorithm") == "md5" {
            "argon2"
        } else {
            "md5"
        };
        let hashers = preferring(first);
        assert!(
            !hashers.verify("passwore", encoded, &mut scratch).correct,
            "{case}"
        );
    }
}

#[test]
fn when_a_hash_is_made_anew() {
    let file = file();
    let upgrades = file["upgrades"].as_array().unwrap();
    assert_eq!(upgrades.len(), 210);
    for case in upgrades {
        assert_eq!(
            preferring(text(case, "preferred")).must_update(text(case, "encoded")),
            case["must_update"].as_bool().unwrap(),
            "{case}"
        );
    }
    // Raw bcrypt and MD5 are not among Django's defaults.
    let names = ALL.map(|name| Hasher::from_name(name).unwrap());
    let default_first = Hashers::new(names.to_vec()).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let Some(encoded) = case["encoded"].as_str() else {
            continue;
        };
        assert_eq!(
            Some(default_first.must_update(encoded)),
            case["must_update_with_default_first"].as_bool(),
            "{case}"
        );
    }
    // 22 letters are 131 bits, 21 are 125.
    for (salt, must_update) in [("a".repeat(22), false), ("a".repeat(21), true)] {
        let in_base64 = &"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ"[..(salt.len() * 4).div_ceil(3)];
        for (name, encoded) in [
            ("md5", format!("md5${salt}$x")),
            ("pbkdf2_sha256", format!("pbkdf2_sha256$1500000${salt}$x")),
            (
                "argon2",
                format!(
                    "argon2$argon2id$v=19$m=102400,t=2,p=8${in_base64}${}",
                    "A".repeat(43)
                ),
            ),
        ] {
            let outdated = preferring(name).must_update(&encoded);
            assert_eq!(outdated, must_update, "{encoded}");
        }
    }
    for case in file["unusable"].as_array().unwrap() {
        let encoded = case["encoded"].as_str().unwrap_or_default();
        assert!(!default_first.must_update(encoded), "{case}");
    }
}

#[test]
fn what_no_hasher_takes() {
    let mut scratch = Scratch::default();
    let hashers = preferring("md5");
    for case in file()["unusable"].as_array().unwrap() {
        let Some(encoded) = case["encoded"].as_str() else {
            continue;
        };
        assert_eq!(
            is_usable(encoded),
            case["usable"].as_bool().unwrap(),
            "{case}"
        );
        for password in ["", "password", encoded] {
            assert!(
                !hashers.verify(password, encoded, &mut scratch).correct,
                "{case}"
            );
        }
    }
    for encoded in [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "md5$$5f4dcc3b5aa765d61d8327deb882cf99",
        "sha1$$x",
        "sha1$a$b",
        "plain",
    ] {
        assert_eq!(identify(encoded), None, "{encoded}");
        assert!(!hashers.verify("password", encoded, &mut scratch).correct);
    }
    // Only what the settings name.
    let only = Hashers::new(vec![Hasher::Md5]).unwrap();
    let case = file()["cases"][0].clone();
    assert!(
        !only
            .verify(
                text(&case, "password"),
                text(&case, "encoded"),
                &mut scratch
            )
            .correct
    );
}

#[test]
fn what_we_make_fits_and_returns() {
    let mut scratch = Scratch::default();
    for hasher in [
        Hasher::HALLPASS,
        Hasher::Pbkdf2Sha256 { iterations: 1000 },
        Hasher::Pbkdf2Sha1 { iterations: 1000 },
        Hasher::BcryptSha256 { rounds: 4 },
        Hasher::Bcrypt { rounds: 4 },
        Hasher::Scrypt { n: 16, r: 8, p: 5 },
        Hasher::Md5,
    ] {
        let hashers = Hashers::new(vec![hasher]).unwrap();
        for password in ["", "a\0b", "pässwörd🔒", &"x".repeat(72)] {
            let mut random = [0; 32];
            random
                .iter_mut()
                .enumerate()
                .for_each(|(index, byte)| *byte = index as u8 * 7 + 1);
            let encoded = hashers
                .encode(password, &Salt::from_random(random), &mut scratch)
                .unwrap();
            assert!(encoded.len() <= 128, "{encoded}");
            let verdict = hashers.verify(password, &encoded, &mut scratch);
            assert_eq!(
                verdict,
                Verdict {
                    correct: true,
                    must_update: false
                },
                "{encoded}"
            );
            assert!(
                !hashers
                    .verify(&format!("{password}x"), &encoded, &mut scratch)
                    .correct
            );
        }
    }
    assert!(Hashers::hallpass().preferred() == &Hasher::HALLPASS);
    assert!(Hashers::new(Vec::new()).is_none());
}

#[test]
fn hostile_parameters_cost_nothing() {
    let mut scratch = Scratch::default();
    let hashers = preferring("md5");
    let start = Instant::now();
    for encoded in [
        "pbkdf2_sha256$4294967295$salt$hash",
        "pbkdf2_sha256$0$salt$hash",
        "pbkdf2_sha256$-1$salt$hash",
        "argon2$argon2id$v=19$m=4294967295,t=2,p=8$c2FsdHNhbHQ$aGFzaGhhc2g",
        "argon2$argon2id$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "argon2$argon2id$v=19$m=8,t=1,p=16777215$c2FsdHNhbHQ$aGFzaGhhc2g",
        "argon2$argon2id$v=19$m=1,t=1,p=1$$",
        "bcrypt$$2b$31$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
        "bcrypt$$2b$12$short",
        "scrypt$1073741824$salt$8$1$hash",
        "scrypt$16$salt$4294967295$4294967295$hash",
        "scrypt$15$salt$8$1$hash",
        // Little memory for all lanes, much for each; and the other way round.
        "scrypt$2$salt$1000000$64$hash",
        "scrypt$262144$salt$8$64$hash",
        "argon2$argon2id$v=19$m=1048576,t=64,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "argon2$argon2id$v=19$m=8,t=1,p=4$c2FsdHNhbHQ$aGFzaGhhc2g",
    ] {
        assert!(
            !hashers.verify("password", encoded, &mut scratch).correct,
            "{encoded}"
        );
    }
    assert!(start.elapsed().as_secs() < 2);
}

#[test]
fn what_could_not_be_compared_is_not_made() {
    let salt = Salt::from_random([3; 32]);
    let mut scratch = Scratch::default();
    for hasher in [
        Hasher::Bcrypt { rounds: 17 },
        Hasher::BcryptSha256 { rounds: 3 },
        Hasher::Pbkdf2Sha1 { iterations: 0 },
        Hasher::Pbkdf2Sha256 {
            iterations: 20_000_001,
        },
        Hasher::Scrypt {
            n: 1 << 19,
            r: 8,
            p: 1,
        },
        Hasher::Scrypt { n: 3, r: 8, p: 1 },
        Hasher::Argon2 {
            memory: 1 << 20,
            time: 5,
            parallelism: 1,
        },
        Hasher::Argon2 {
            memory: 8,
            time: 1,
            parallelism: 2,
        },
    ] {
        let made = Hashers::new(vec![hasher.clone()])
            .unwrap()
            .encode("x", &salt, &mut scratch);
        assert_eq!(made, Err(HashError::Parameters), "{hasher:?}");
    }
    for name in ALL {
        assert!(Hasher::from_name(name).unwrap().is_affordable(), "{name}");
    }
    assert!(Hasher::HALLPASS.is_affordable());
}

/// The shortest of several runs, each beside the other: other work on the machine hits both.
fn shortest(mut one: impl FnMut(), mut other: impl FnMut()) -> (Duration, Duration) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..3).fold((Duration::MAX, Duration::MAX), |(a, b), _| {
        (a.min(time(&mut one)), b.min(time(&mut other)))
    })
}

/// A wrong password for this column and an account that does not exist take about as long: a factor of four is room for
/// other work on the machine, what is forgotten shows as sixteen and more.
fn cost_the_same(hashers: &Hashers, column: &str, password: &str) {
    let (mut scratch, mut other) = (Scratch::default(), Scratch::default());
    let (known, nobody) = shortest(
        || assert!(!hashers.verify(password, column, &mut scratch).correct),
        || hashers.verify_unknown(password, &mut other),
    );
    assert!(
        known * 4 > nobody && nobody * 4 > known,
        "{column}: {known:?}, nobody: {nobody:?}"
    );
}

#[test]
fn nobody_costs_what_a_wrong_password_costs() {
    let salt = Salt::from_random([3; 32]);
    for (hasher, old) in [
        (
            Hasher::Pbkdf2Sha256 { iterations: 60_000 },
            Some(Hasher::Pbkdf2Sha256 { iterations: 1000 }),
        ),
        (
            Hasher::Pbkdf2Sha1 { iterations: 60_000 },
            Some(Hasher::Pbkdf2Sha1 { iterations: 1000 }),
        ),
        (
            Hasher::BcryptSha256 { rounds: 8 },
            Some(Hasher::BcryptSha256 { rounds: 4 }),
        ),
        (
            Hasher::Bcrypt { rounds: 8 },
            Some(Hasher::Bcrypt { rounds: 4 }),
        ),
        (Hasher::HALLPASS, None),
        (
            Hasher::Scrypt {
                n: 1 << 12,
                r: 8,
                p: 1,
            },
            None,
        ),
    ] {
        let hashers = Hashers::new(vec![hasher.clone()]).unwrap();
        for stored in [Some(hasher), old].into_iter().flatten() {
            let column = Hashers::new(vec![stored])
                .unwrap()
                .encode("right", &salt, &mut Scratch::default())
                .unwrap();
            cost_the_same(&hashers, &column, "wrong");
            // Beyond what raw bcrypt sees.
            cost_the_same(&hashers, &column, &"wrong".repeat(20));
        }
        for column in [
            "",
            "!",
            "!unusable",
            "plain",
            "argon2$argon2id$v=19$m=8,t=1,p=1$c2E$aGFzaGhhc2g",
        ] {
            cost_the_same(&hashers, column, "wrong");
        }
    }
}

#[test]
fn raw_bcrypt_does_not_cut_passwords() {
    let hashers = Hashers::new(vec![Hasher::Bcrypt { rounds: 4 }]).unwrap();
    let (salt, mut scratch) = (Salt::from_random([3; 32]), Scratch::default());
    let longest = "x".repeat(72);
    let encoded = hashers.encode(&longest, &salt, &mut scratch).unwrap();
    assert!(hashers.verify(&longest, &encoded, &mut scratch).correct);
    let longer = longest + "x";
    assert!(!hashers.verify(&longer, &encoded, &mut scratch).correct);
    assert_eq!(
        hashers.encode(&longer, &salt, &mut scratch),
        Err(HashError::TooLong)
    );
}
