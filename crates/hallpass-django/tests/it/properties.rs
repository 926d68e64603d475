//! No parser panics, and none needs more than linear time on a megabyte.

use std::time::{Duration, Instant};

use hallpass_django::csrf::{self, Policy, Request};
use hallpass_django::hashers::{Hasher, Hashers, Scratch, identify, summary};
use hallpass_django::redirect::{is_safe, split_host};
use hallpass_django::reset_token::{ResetTokens, TokenUser, decode_uid, decode_uid_base36};
use hallpass_django::sesame::{Packer, Parsed, PrimaryKey, Sesame, Settings, UserFields};
use hallpass_django::session::SessionCodec;
use hallpass_django::signing::{DUMPS_SALT, SecretKeys, Signer, from_base62};
use hallpass_django::text::{fold, is_unicode_username, normalize_email};
use hallpass_django::validators::{UserAttributes, Validator, validate};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const USER: TokenUser<'_> = TokenUser {
    pk: "1",
    password: "x",
    last_login: Some(1),
    email: "a@b.c",
};

/// Every parser of a text that comes from outside.
fn parse_all(text: &str) {
    let keys = SecretKeys::new("secret", ["old".to_owned()]);
    let signer = Signer::new(&keys, DUMPS_SALT);
    let _ = signer.loads(text, 0, Some(1));
    // What is signed rightly may still be nonsense inside.
    let _ = signer.loads(&signer.sign_timed(text, 0), 0, None);
    let _ = signer.loads(&signer.sign(text), 0, None);
    let _ = SessionCodec::new(&keys).decode(text);
    let _ = ResetTokens::new(&keys, TimeZone::UTC, 1).check(USER, text, 0);
    let _ = (decode_uid(text), decode_uid_base36(text), from_base62(text));
    parse_sesame(&keys, text);
    let _ = is_safe(text, false, |host| host == text);
    let _ = split_host(text);
    let _ = (fold(text), is_unicode_username(text), normalize_email(text));
    let hashers = Hashers::new(vec![Hasher::Md5]).unwrap();
    let _ = hashers.verify(text, text, &mut Scratch::default());
    let _ = (identify(text), summary(text));
    for algorithm in ["pbkdf2_sha256", "argon2", "bcrypt", "scrypt", "md5"] {
        let _ = summary(&format!("{algorithm}${text}"));
    }
    let user = UserAttributes {
        username: text,
        first_name: text,
        last_name: text,
        email: text,
    };
    let similarity =
        Validator::from_name("UserAttributeSimilarityValidator", &serde_json::Map::new()).unwrap();
    let all = [
        similarity,
        Validator::MinimumLength(8),
        Validator::CommonPassword,
        Validator::NumericPassword,
    ];
    let _ = validate(&all, text, Some(&user));
    for is_secure in [false, true] {
        let field = Some(text);
        let request = Request {
            method: "POST",
            is_secure,
            host: "h",
            port: 80,
            origin: if is_secure { None } else { field },
            referer: field,
            cookie: field,
            body_token: field,
            header_token: field,
        };
        let policy = Policy {
            trusted_origins: vec![text.to_owned()],
            ..Policy::default()
        };
        let _ = csrf::check(&request, &policy);
        let _ = csrf::secret_of(text);
    }
}

/// A token, a scope and a row of this text.
fn parse_sesame(keys: &SecretKeys, text: &str) {
    let settings = Settings {
        invalidate_on_email_change: true,
        packer: Packer::Str,
        ..Settings::default()
    };
    let sesame = Sesame::new(keys, settings).unwrap();
    let pk = PrimaryKey::from("ann");
    let user = UserFields {
        pk: &pk,
        password: text,
        email: text,
        last_login: None,
    };
    let check = |parsed: Parsed| parsed.check(Some(user), text);
    let _ = sesame.parse(text, 0, None).map(check);
    let token = sesame.make(user, text, 0).unwrap();
    assert_eq!(sesame.parse(&token, 0, None).map(check), Ok(Ok(())));
}

proptest! {
    #[test]
    fn nothing_panics(text in any::<String>()) {
        parse_all(&text);
    }

    #[test]
    fn nothing_panics_on_what_looks_right(text in "[.:a-zA-Z0-9/\\\\@\\[\\]_=-]{0,80}") {
        parse_all(&text);
    }

    #[test]
    fn what_is_signed_comes_back(value in any::<String>(), at in any::<i32>()) {
        let signer = Signer::new(&SecretKeys::new("secret", []), "salt");
        let signed = signer.sign(&value);
        prop_assert_eq!(signer.unsign(&signed), Ok(value.as_str()));
        let signed = signer.sign_timed(&value, at.into());
        prop_assert_eq!(signer.unsign_timed(&signed, at.into(), Some(0)), Ok(value.as_str()));
        let json = serde_json::json!({ "k": value, "n": at });
        prop_assert_eq!(signer.loads(&signer.dumps(&json, 5, true), 5, Some(0)), Ok(json));
    }

    #[test]
    fn masks_come_off(secret in "[a-zA-Z0-9]{32}", mask in "[a-zA-Z0-9]{32}") {
        prop_assert_eq!(csrf::secret_of(&csrf::mask(&secret, &mask)), Some(secret));
    }
}

/// The quicker of two runs: what else the machine does is not our time.
fn time(text: &str) -> Duration {
    let run = || {
        let start = Instant::now();
        parse_all(text);
        start.elapsed()
    };
    run().min(run())
}

#[test]
fn a_megabyte_takes_no_longer_than_it_should() {
    for unit in [
        "a", "-", ":", ".", "/", "\\", "é", "\u{0}", "0", "[", "@", " ", "\u{fdfa}",
    ] {
        let of = |bytes: usize| time(&unit.repeat(bytes / unit.len()));
        let (part, whole) = (of(1 << 17), of(1 << 20));
        // Eight times the text: eight times the work, were it quadratic sixty-four times.
        assert!(
            whole < part * 24 + Duration::from_millis(300),
            "{unit:?}: {part:?} grew to {whole:?}"
        );
    }
}
