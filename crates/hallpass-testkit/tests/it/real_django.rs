//! What is made here is taken there, and what is made there is taken here. Known answers were recorded once; this asks
//! the Django of today.

mod jwt;

use hallpass_core::domain::Timestamp;
use hallpass_django::hashers::{Hasher, Hashers, Salt, Scratch};
use hallpass_django::reset_token::{ResetTokens, TokenUser, decode_uid, encode_uid};
use hallpass_django::session::{AuthHash, DATABASE_SALT, SessionCodec};
use hallpass_django::signing::{DUMPS_SALT, SecretKeys, Signer};
use hallpass_testkit::django::DjangoPeer;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const SECRET: &str = "a secret that both sides have, long enough";
const PASSWORD: &str = "corréct horse -- battery";

fn keys() -> SecretKeys {
    SecretKeys::new(SECRET, [])
}

/// A Django on a fresh database, and the folder that keeps it.
fn peer() -> (DjangoPeer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("django.sqlite3");
    let peer = DjangoPeer::new(&format!("sqlite:///{}", file.display()), SECRET);
    (peer, folder)
}

fn now() -> i64 {
    Timestamp::now().seconds()
}

#[test]
fn passwords_hashed_here_are_right_there() {
    let (peer, _folder) = peer();
    let mut scratch = Scratch::default();
    let names = [
        "pbkdf2_sha256",
        "pbkdf2_sha1",
        "argon2",
        "bcrypt_sha256",
        "bcrypt",
        "scrypt",
        "md5",
    ];
    let hashers = names.map(|name| Hasher::from_name(name).unwrap());
    for (index, hasher) in hashers.into_iter().chain([Hasher::HALLPASS]).enumerate() {
        let one = Hashers::new(vec![hasher]).unwrap();
        let salt = Salt::from_random([u8::try_from(index).unwrap() * 7 + 3; 32]);
        let encoded = one.encode(PASSWORD, &salt, &mut scratch).unwrap();
        assert!(encoded.len() <= 128, "{encoded}");
        assert!(peer.check_password(PASSWORD, &encoded), "{encoded}");
        assert!(!peer.check_password("corréct horse", &encoded), "{encoded}");
    }
}

#[test]
fn passwords_hashed_there_are_right_here() {
    let (peer, _folder) = peer();
    let mut scratch = Scratch::default();
    for name in [
        "pbkdf2_sha256",
        "pbkdf2_sha1",
        "argon2",
        "bcrypt_sha256",
        "bcrypt",
        "scrypt",
        "md5",
    ] {
        let one = Hashers::new(vec![Hasher::from_name(name).unwrap()]).unwrap();
        let encoded = peer.make_password(PASSWORD, name);
        assert!(
            one.verify(PASSWORD, &encoded, &mut scratch).correct,
            "{encoded}"
        );
        assert!(
            !one.verify("corréct horse", &encoded, &mut scratch).correct,
            "{encoded}"
        );
    }
}

#[test]
fn links_go_both_ways_and_die_alike() {
    let (peer, _folder) = peer();
    let peer = peer.with("TIME_ZONE", "Europe/Berlin");
    peer.migrate();
    let ann = peer.make_user("ann", "Ann@example.com", PASSWORD);
    let tokens = ResetTokens::new(&keys(), TimeZone::get("Europe/Berlin").unwrap(), 3600);
    let with_user = |then: &dyn Fn(TokenUser<'_>)| {
        let user = peer.user(ann);
        let last_login = user["last_login"]
            .as_str()
            .map(|text| Timestamp::parse(text).unwrap().seconds());
        then(TokenUser {
            pk: &ann.to_string(),
            password: user["password"].as_str().unwrap(),
            last_login,
            email: user["email"].as_str().unwrap(),
        });
    };

    let (uid, theirs) = peer.make_token(ann);
    assert_eq!(decode_uid(&uid), Some(ann.to_string()));
    assert_eq!(encode_uid(&ann.to_string()), uid);
    with_user(&|user| {
        assert!(tokens.check(user, &theirs, now()));
        assert!(!tokens.check(user, &theirs, now() + 3700));
        assert!(peer.check_token(ann, &tokens.make(user, now())));
    });

    // Signing in there ends the links of both sides.
    let mut ours = std::cell::RefCell::new(String::new());
    with_user(&|user| *ours.borrow_mut() = tokens.make(user, now()));
    let server = peer.serve();
    let address = server.origin().strip_prefix("http://").unwrap().to_owned();
    let answer = get(&address, &format!("/login-link/{uid}/{}/", ours.get_mut()));
    assert!(answer.contains("\"is_authenticated\": true"), "{answer}");
    with_user(&|user| {
        assert!(user.last_login.is_some());
        assert!(!tokens.check(user, &theirs, now()));
    });
    assert!(!peer.check_token(ann, ours.get_mut()));
}

#[test]
fn what_one_side_signs_the_other_reads() {
    let (peer, _folder) = peer();
    let signer = Signer::new(&keys(), DUMPS_SALT);
    for value in [
        json!({"a": [1, null, true, "é\u{1f600}\u{7f}\"\\"], "b": {}}),
        json!("x".repeat(5000)),
    ] {
        for compress in [false, true] {
            let ours = signer.dumps(&value, now(), compress);
            let answer = peer.ask(&["unsign", &format!("--signed={ours}")]);
            assert_eq!(answer, json!({"valid": true, "value": value}));

            let mut words = vec!["sign".to_owned(), format!("--value={value}")];
            words.extend(compress.then(|| "--compress".to_owned()));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let theirs = peer.ask(&words);
            let theirs = theirs["signed"].as_str().unwrap();
            assert_eq!(signer.loads(theirs, now(), Some(60)).unwrap(), value);
        }
    }
    let stranger =
        Signer::new(&SecretKeys::new("another", []), DUMPS_SALT).dumps(&json!(1), now(), false);
    assert_eq!(
        peer.ask(&["unsign", &format!("--signed={stranger}")])["valid"],
        false
    );
}

#[test]
fn a_session_payload_is_the_same_thing_on_both_sides() {
    let (peer, _folder) = peer();
    peer.migrate();
    let ann = peer.make_user("ann", "ann@example.com", PASSWORD);
    let codec = SessionCodec::new(&keys());
    let user = peer.user(ann);
    let column = user["password"].as_str().unwrap();

    let key = peer.session_create(ann);
    let seen = peer.session_read(&key);
    let hash = seen["data"]["_auth_user_hash"].as_str().unwrap();
    assert_eq!(codec.auth_hash(column), hash);
    assert_eq!(codec.check_auth_hash(column, hash), AuthHash::Current);

    let data = seen["data"].as_object().unwrap();
    let ours = codec.encode(data, now());
    let salt = format!("--salt={DATABASE_SALT}");
    let read = peer.ask(&["unsign", &salt, &format!("--signed={ours}")]);
    assert_eq!(read["value"], Value::Object(data.clone()));
    let theirs = peer.ask(&[
        "sign",
        &salt,
        "--compress",
        &format!("--value={}", seen["data"]),
    ]);
    assert_eq!(&codec.decode(theirs["signed"].as_str().unwrap()), data);
}

/// One plain HTTP request; the whole answer.
fn get(address: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
