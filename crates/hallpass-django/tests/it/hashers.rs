use hallpass_django::hashers::{
    Hasher, Hashers, Salt, Scratch, Verdict, identify, is_usable, summary,
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
    // The decision alone: the password need not be right, so hash with md5 in front of what is not preferred.
    let mut scratch = Scratch::default();
    for case in upgrades {
        let (preferred, encoded) = (text(case, "preferred"), text(case, "encoded"));
        if identify(encoded) != Some(preferred) {
            assert_eq!(case["must_update"], true, "{case}");
            continue;
        }
        let password = file["cases"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["encoded"] == encoded);
        let Some(password) = password.and_then(|one| one["password"].as_str()) else {
            panic!("unknown hash in {case}")
        };
        let verdict = preferring(preferred).verify(password, encoded, &mut scratch);
        assert_eq!(
            verdict.must_update,
            case["must_update"].as_bool().unwrap(),
            "{case}"
        );
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
    let start = std::time::Instant::now();
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
    ] {
        assert!(
            !hashers.verify("password", encoded, &mut scratch).correct,
            "{encoded}"
        );
    }
    assert!(start.elapsed().as_secs() < 2);
}
