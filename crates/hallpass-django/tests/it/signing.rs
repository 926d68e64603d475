use hallpass_django::SecretKeys;
use hallpass_django::email_confirmation::EmailConfirmationKeys;
use hallpass_django::signing::{
    Algorithm, DUMPS_SALT, Signer, SigningError, base62, cookie_signer, from_base62, json_ascii,
    legacy_cookie_signer,
};

use crate::{text, vectors};

fn file() -> serde_json::Value {
    vectors(include_str!("../data/signing.json"))
}

fn keys(file: &serde_json::Value) -> SecretKeys {
    SecretKeys::new(
        text(file, "secret"),
        [text(file, "fallback_secret").to_owned()],
    )
}

#[test]
fn signers() {
    let file = file();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 145);
    for case in cases {
        let algorithm = match text(case, "algorithm") {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => panic!("{other}"),
        };
        let keys = SecretKeys::new(text(case, "key"), []);
        let separator = case["sep"]
            .as_str()
            .and_then(|sep| sep.chars().next())
            .unwrap_or(':');
        let signer = Signer::with(algorithm, &keys, text(case, "salt")).separated_by(separator);
        let (value, signed) = (text(case, "value"), text(case, "signed"));
        if text(case, "cls") == "Signer" {
            assert_eq!(signer.sign(value), signed);
            assert_eq!(signer.unsign(signed), Ok(value));
        } else {
            let time = case["time"].as_i64().unwrap();
            assert_eq!(signer.sign_timed(value, time), signed);
            assert_eq!(signer.unsign_timed(signed, time, Some(0)), Ok(value));
        }
    }
}

#[test]
fn dumps_and_objects() {
    let file = file();
    let keys = keys(&file);
    for case in file["dumps"].as_array().unwrap() {
        let signer = Signer::new(&keys, text(case, "salt"));
        let signed = text(case, "signed");
        let object = &case["obj"];
        if case.get("cls").is_some() {
            let packed = signer.sign_object(object, case["compress"].as_bool().unwrap_or(false));
            assert_eq!(signer.unsign_object(signed).as_ref(), Ok(object));
            assert_eq!(signer.unsign_object(&packed).as_ref(), Ok(object));
            if !signed.starts_with('.') {
                assert_eq!(packed, signed);
            }
            continue;
        }
        let time = case["time"].as_i64().unwrap();
        if let Some(json) = case["json"].as_str() {
            assert_eq!(json_ascii(object), json);
        }
        assert_eq!(signer.loads(signed, time, Some(0)).as_ref(), Ok(object));
        let ours = signer.dumps(object, time, case["compress"].as_bool().unwrap());
        assert_eq!(ours.starts_with('.'), signed.starts_with('.'), "{object}");
        assert_eq!(signer.loads(&ours, time, Some(0)).as_ref(), Ok(object));
        if !signed.starts_with('.') {
            assert_eq!(ours, signed);
        }
    }
}

#[test]
fn ages_fallbacks_and_forgeries() {
    let file = file();
    let signer = Signer::new(&keys(&file), DUMPS_SALT);
    for case in file["checks"].as_array().unwrap() {
        let got = signer.loads(
            text(case, "value"),
            case["time"].as_i64().unwrap(),
            case["max_age"].as_i64(),
        );
        match case["error"].as_str() {
            None => assert_eq!(got.as_ref(), Ok(&case["loads"]), "{case}"),
            Some("SignatureExpired") => {
                assert_eq!(got, Err(SigningError::SignatureExpired), "{case}")
            }
            Some(_) => assert_eq!(got, Err(SigningError::BadSignature), "{case}"),
        }
    }
}

#[test]
fn signed_cookies_new_and_old() {
    let file = file();
    let keys = keys(&file);
    for case in file["signed_cookies"].as_array().unwrap() {
        let (name, salt, value) = (text(case, "name"), text(case, "salt"), text(case, "value"));
        let time = case["time"].as_i64().unwrap();
        let signer = cookie_signer(&keys, name, salt);
        assert_eq!(signer.sign_timed(value, time), text(case, "cookie"));
        assert_eq!(
            signer.unsign_timed(text(case, "cookie"), time, None),
            Ok(value)
        );
        let legacy = legacy_cookie_signer(&keys, name, salt);
        assert_eq!(
            legacy.unsign_timed(text(case, "legacy_cookie"), time, None),
            Ok(value)
        );
        assert!(
            signer
                .unsign_timed(text(case, "legacy_cookie"), time, None)
                .is_err()
        );
    }
}

#[test]
fn base62_both_ways() {
    for case in file()["base62"].as_array().unwrap() {
        let number = case["n"].as_i64().unwrap();
        assert_eq!(base62(number), text(case, "s"));
        assert_eq!(from_base62(text(case, "s")), Some(number));
    }
    for bad in ["", "-", "a b", "é", "zzzzzzzzzzzzzzzz"] {
        assert_eq!(from_base62(bad), None, "{bad}");
    }
}

#[test]
fn email_confirmation_keys() {
    let file = vectors(include_str!("../data/allauth.json"));
    let secret = SecretKeys::new(text(&file, "secret"), []);
    for case in file["email_confirmation"].as_array().unwrap() {
        let keys = EmailConfirmationKeys::new(&secret, text(case, "salt"));
        let (pk, time) = (
            case["emailaddress_pk"].as_i64().unwrap(),
            case["time"].as_i64().unwrap(),
        );
        assert_eq!(keys.make(pk, time), text(case, "key"));
        assert_eq!(
            keys.read(text(case, "key"), time + 259_200, 259_200),
            Ok(pk)
        );
        assert_eq!(
            keys.read(text(case, "key"), time + 259_201, 259_200),
            Err(SigningError::SignatureExpired)
        );
        let other = EmailConfirmationKeys::new(&secret, "other");
        assert_eq!(
            other.read(text(case, "key"), time, 259_200),
            Err(SigningError::BadSignature)
        );
    }
}

#[test]
fn a_bomb_is_not_unfolded() {
    // 64 MiB of blanks fold to 64 KiB; signed by somebody who has the secret.
    use std::io::Write as _;
    let keys = SecretKeys::new("k", []);
    let signer = Signer::new(&keys, DUMPS_SALT);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let packed = format!(
        ".{}",
        hallpass_django::signing::unpadded(&encoder.finish().unwrap())
    );
    assert_eq!(
        signer.loads(&signer.sign_timed(&packed, 0), 0, None),
        Err(SigningError::Malformed)
    );
}

#[test]
fn secrets_are_not_printed() {
    let keys = SecretKeys::new("top-secret", ["old-secret".to_owned()]);
    assert_eq!(format!("{keys:?}"), "SecretKeys(1 and 1 fallbacks)");
}
