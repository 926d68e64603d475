//! What strangers send, and what operators set.

use hallpass_django::SecretKeys;
use hallpass_django::sesame::{
    Digest, Fault, MakeError, Packer, PrimaryKey, Sesame, Settings, SettingsError, TOKEN_LIMIT,
    Version,
};

use super::{User, read, sesame};

const NOW: i64 = 1_767_225_600;

fn ann() -> User {
    User {
        pk: 1.into(),
        password: "md5$salt$0123456789abcdef0123456789abcdef".to_owned(),
        email: "ann@example.com".to_owned(),
        last_login: None,
    }
}

fn aged(max_age: u64, version: Version) -> Settings {
    Settings {
        max_age: Some(max_age),
        tokens: vec![version],
        iterations: 1,
        ..Settings::default()
    }
}

fn fault(sesame: &Sesame, token: &str) -> Fault {
    sesame.parse(token, NOW, None).err().expect("a fault")
}

#[test]
fn each_fault_has_its_name() {
    let short = sesame(Settings::default());
    let good = short.make(ann().fields(), "", NOW).unwrap();
    for (token, expected) in [
        ("", Fault::UnknownFormat),
        ("AAA", Fault::UnknownFormat),
        ("AAAAA", Fault::Encoding),
        ("AAAA", Fault::Key),
        ("AAAAAA", Fault::SignatureLength),
        (&good[..good.len() - 1], Fault::SignatureLength),
        (&format!("{good}A"), Fault::SignatureLength),
        (&format!("{good}="), Fault::UnknownFormat),
        (&format!("{good} "), Fault::UnknownFormat),
        (&format!("{good}\n"), Fault::UnknownFormat),
        (&format!("{good}\0"), Fault::UnknownFormat),
        (&good.replace('A', "Ａ"), Fault::UnknownFormat),
        ("AAAA+/AA", Fault::UnknownFormat),
        (":::::", Fault::UnknownFormat),
        (&format!("AAAA:{}", "A".repeat(27)), Fault::WrongSignature),
        (&format!("AAA:{}", "A".repeat(27)), Fault::UnknownFormat),
        (&format!("AAAA:{}", "A".repeat(26)), Fault::UnknownFormat),
        (&format!("AAAA:{}é", "A".repeat(25)), Fault::UnknownFormat),
        (
            &format!("AAAA:AAAAAA:{}", "A".repeat(27)),
            Fault::UnknownFormat,
        ),
        (&"A".repeat(TOKEN_LIMIT), Fault::SignatureLength),
        (&"A".repeat(TOKEN_LIMIT + 1), Fault::TooLong),
        (&"é".repeat(1 << 20), Fault::TooLong),
    ] {
        assert_eq!(fault(&short, token), expected, "{token:?}");
    }
    let timed = sesame(Settings {
        max_age: Some(9),
        ..Settings::default()
    });
    assert_eq!(fault(&timed, "AAAAAA"), Fault::Time);
    let tail = "A".repeat(27);
    assert_eq!(
        fault(&timed, &format!("AAAA:AAAAAA:{tail}")),
        Fault::WrongSignature
    );
    for time in ["AAAAA", "AAAAAAA", "AAAA-A", "", "éAAAA"] {
        let token = format!("AAAA:{time}:{tail}");
        assert_eq!(fault(&timed, &token), Fault::UnknownFormat, "{token}");
    }
    let named = sesame(Settings {
        packer: Packer::Str,
        ..Settings::default()
    });
    // One byte of text, which is no UTF-8; 255 bytes of which there are two.
    assert_eq!(fault(&named, "Af8A"), Fault::Key);
    assert_eq!(fault(&named, "_wAA"), Fault::Key);
}

#[test]
fn an_age_that_is_the_limit() {
    for (version, at_the_limit) in [(Version::V1, Ok(())), (Version::V2, Err(Fault::Expired))] {
        let sesame = sesame(aged(300, version));
        let token = sesame.make(ann().fields(), "", NOW).unwrap();
        let read = |at| read(&sesame, &ann(), &token, "", at, None);
        for (age, answer) in [
            (-1_000_000, Ok(())),
            (0, Ok(())),
            (299, Ok(())),
            (300, at_the_limit),
            (301, Err(Fault::Expired)),
        ] {
            assert_eq!(read(NOW + age), answer, "{version:?} {age}");
        }
        assert_eq!(read(i64::MAX), Err(Fault::Expired));
        assert_eq!(read(i64::MIN), Ok(()));
    }
    // None is so young that no age is allowed to it, but those from the future.
    let sesame = sesame(aged(0, Version::V2));
    let token = sesame.make(ann().fields(), "", NOW).unwrap();
    assert_eq!(
        read(&sesame, &ann(), &token, "", NOW, None),
        Err(Fault::Expired)
    );
    assert_eq!(read(&sesame, &ann(), &token, "", NOW - 1, None), Ok(()));
    assert_eq!(
        read(&sesame, &ann(), &token, "", NOW, Some(u64::MAX)),
        Ok(())
    );
}

#[test]
fn times_that_no_token_holds() {
    let v2 = sesame(aged(300, Version::V2));
    let (first, last) = (1_577_836_800 - (1 << 31), 1_577_836_800 + (1 << 31) - 1);
    for now in [first, last] {
        let token = v2.make(ann().fields(), "", now).unwrap();
        assert_eq!(read(&v2, &ann(), &token, "", now, None), Ok(()));
    }
    for now in [i64::MIN, first - 1, last + 1, i64::MAX] {
        assert_eq!(v2.make(ann().fields(), "", now), Err(MakeError::Time));
    }
    // Without an age the time does not matter.
    let ageless = sesame(Settings::default());
    assert!(ageless.make(ann().fields(), "", i64::MAX).is_ok());
}

#[test]
fn keys_that_no_token_holds() {
    for number in [i128::from(i32::MAX) + 1, i128::MIN, i128::MAX] {
        for version in [Version::V1, Version::V2] {
            let user = User {
                pk: PrimaryKey::Integer(number),
                ..ann()
            };
            let made = sesame(aged(1, version)).make(user.fields(), "", NOW);
            assert_eq!(made, Err(MakeError::Key));
        }
    }
}

#[test]
fn the_longest_token_is_under_the_limit() {
    for version in [Version::V1, Version::V2] {
        let settings = Settings {
            packer: Packer::Bytes,
            signature_size: 64,
            digest: Digest::Sha512,
            ..aged(1, version)
        };
        let user = User {
            pk: PrimaryKey::Bytes(vec![7; 255]),
            ..ann()
        };
        let sesame = sesame(settings);
        let token = sesame.make(user.fields(), "", NOW).unwrap();
        let length = if version == Version::V1 { 462 } else { 432 };
        assert_eq!(token.len(), length);
        assert_eq!(read(&sesame, &user, &token, "", NOW, None), Ok(()));
    }
}

#[test]
fn a_scope_is_taken_as_it_is() {
    let sesame = sesame(Settings::default());
    // No normalization, no case folding, no trimming.
    let scopes = [
        "",
        " ",
        "é",
        "e\u{301}",
        "É",
        "\0",
        "a|b",
        "\u{10ffff}",
        "你",
    ];
    for made in scopes {
        let token = sesame.make(ann().fields(), made, NOW).unwrap();
        for asked in scopes {
            let answer = read(&sesame, &ann(), &token, asked, NOW, None);
            assert_eq!(answer.is_ok(), made == asked, "{made:?} {asked:?}");
        }
    }
}

#[test]
fn a_user_who_is_another_is_unknown() {
    let sesame = sesame(Settings::default());
    let token = sesame.make(ann().fields(), "", NOW).unwrap();
    let parsed = sesame.parse(&token, NOW, None).unwrap();
    let bob = User {
        pk: 2.into(),
        ..ann()
    };
    assert_eq!(
        parsed.check(Some(bob.fields()), ""),
        Err(Fault::UnknownUser)
    );
}

#[test]
fn settings_are_part_of_the_key() {
    let keys = SecretKeys::new("secret", []);
    let plain = Settings {
        max_age: Some(60),
        tokens: vec![Version::V2],
        ..Settings::default()
    };
    let changes: [fn(&mut Settings); 6] = [
        |it| it.key = "k".to_owned(),
        |it| it.packer_path = Some("sesame.packers.LongPacker".to_owned()),
        |it| it.primary_key_field = "id".to_owned(),
        |it| it.invalidate_on_email_change = true,
        |it| it.invalidate_on_password_change = false,
        |it| it.max_age = Some(61),
    ];
    let token = Sesame::new(&keys, plain.clone())
        .unwrap()
        .make(ann().fields(), "", NOW)
        .unwrap();
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = plain.clone();
        change(&mut changed);
        let answer = read(
            &Sesame::new(&keys, changed).unwrap(),
            &ann(),
            &token,
            "",
            NOW,
            None,
        );
        // Another age is the one thing that may change.
        let expected = if index == 5 {
            Ok(())
        } else {
            Err(Fault::WrongSignature)
        };
        assert_eq!(answer, expected, "{index}");
    }
}

#[test]
fn settings_that_are_refused() {
    let keys = SecretKeys::new("secret", []);
    let plain = Settings::default;
    for (settings, error) in [
        (
            Settings {
                invalidate_on_password_change: false,
                ..plain()
            },
            SettingsError::Endless,
        ),
        (
            Settings {
                tokens: vec![],
                ..plain()
            },
            SettingsError::NoTokens,
        ),
        (
            Settings {
                signature_size: 0,
                ..plain()
            },
            SettingsError::SignatureSize,
        ),
        (
            Settings {
                signature_size: 65,
                ..plain()
            },
            SettingsError::SignatureSize,
        ),
        (
            Settings {
                iterations: 0,
                ..plain()
            },
            SettingsError::Iterations,
        ),
    ] {
        assert_eq!(Sesame::new(&keys, settings).err(), Some(error));
    }
    let secret = Settings {
        key: "hush-hush".to_owned(),
        ..plain()
    };
    assert!(!format!("{secret:?}").contains("hush"));
}
