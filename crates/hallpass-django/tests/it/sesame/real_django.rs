//! The real django-sesame beside ours: the same tokens from the same rows, and the same answer to every token.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hallpass_django::SecretKeys;
use hallpass_django::sesame::{Digest, PrimaryKey, Sesame, Version};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::cases::{Case, cases};
use super::read;
use crate::text;

/// How many at random. Python needs some milliseconds for each.
const CASES: usize = 400;

/// A token as it is tried.
struct Probe {
    token: String,
    scope: String,
    now: i64,
    max_age: Option<u64>,
}

/// Asks tests/django/sesame_tokens.py, which reads cases and answers each.
fn ask(cases: &Value) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = std::env::var_os("HALLPASS_TEST_PYTHON")
        .map_or_else(|| root.join("target/venv/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "no Python with django-sesame at {}: run ./test once, which makes target/venv, or set HALLPASS_TEST_PYTHON \
         to the python of a virtual environment with tests/django/requirements.txt",
        python.display()
    );
    let mut child = Command::new(python)
        .arg(root.join("tests/django/sesame_tokens.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python could not be started");
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(cases.to_string().as_bytes())
        .expect("Python reads");
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "sesame_tokens.py: {}; it said why above",
        output.status
    );
    serde_json::from_slice(&output.stdout).expect("an answer in JSON")
}

/// A case as the script takes it.
fn told(case: &Case, probes: &[Probe]) -> Value {
    let it = &case.settings;
    let bytes = |bytes: &[u8]| hallpass_django::signing::hex(bytes);
    let pk = match &case.user.pk {
        PrimaryKey::Integer(number) => json!({ "int": number.to_string() }),
        PrimaryKey::Uuid(uuid) => json!({ "uuid": bytes(uuid) }),
        PrimaryKey::Bytes(raw) => json!({ "bytes": bytes(raw) }),
        PrimaryKey::Text(text) => json!({ "str": text }),
    };
    let versions = it.tokens.iter().map(|version| match version {
        Version::V1 => "sesame.tokens_v1",
        Version::V2 => "sesame.tokens_v2",
    });
    let names = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
    let digest = names
        .iter()
        .find(|name| Digest::from_name(name) == Some(it.digest));
    json!({
        "settings": {
            "SECRET_KEY": case.secret,
            "SECRET_KEY_FALLBACKS": [case.fallback],
            "SESAME_MAX_AGE": it.max_age,
            "SESAME_ONE_TIME": it.one_time,
            "SESAME_INVALIDATE_ON_PASSWORD_CHANGE": it.invalidate_on_password_change,
            "SESAME_INVALIDATE_ON_EMAIL_CHANGE": it.invalidate_on_email_change,
            "SESAME_PACKER": it.packer_path,
            "SESAME_PRIMARY_KEY_FIELD": it.primary_key_field,
            "SESAME_TOKENS": versions.collect::<Vec<_>>(),
            "SESAME_KEY": it.key,
            "SESAME_SIGNATURE_SIZE": it.signature_size,
            "SESAME_SALT": it.salt,
            "SESAME_DIGEST": digest,
            "SESAME_ITERATIONS": it.iterations,
        },
        "user": {
            "pk": pk,
            "password": case.user.password,
            "email": case.user.email,
            "last_login": case.user.last_login,
        },
        "scope": case.scope,
        "now": case.now,
        "probes": probes.iter().map(|probe| json!({
            "token": probe.token,
            "scope": probe.scope,
            "now": probe.now,
            "max_age": probe.max_age,
        })).collect::<Vec<_>>(),
    })
}

/// The token as it is, before and after its end, for other pages, and with a letter changed, missing or too much.
fn probes(case: &Case, token: &str, older: &str, random: [u16; 4]) -> Vec<Probe> {
    let probe = |token: &str, scope: &str, age: i64, max_age: Option<u64>| Probe {
        token: token.to_owned(),
        scope: scope.to_owned(),
        now: case.now + age,
        max_age,
    };
    let scope = &*case.scope;
    let most = case
        .settings
        .max_age
        .and_then(|it| i64::try_from(it).ok())
        .unwrap_or(300);
    let asked = random.map(i64::from);
    let mut probes = vec![
        probe(token, scope, 0, None),
        probe(older, scope, 0, None),
        probe(token, scope, most - 1, None),
        probe(token, scope, most, None),
        probe(token, scope, most + 1, None),
        probe(token, scope, -most, None),
        probe(token, scope, asked[0] - 1, Some(random[0].into())),
        probe(token, scope, asked[0], Some(random[0].into())),
        probe(token, "other", 0, None),
        probe(token, "", 0, None),
        probe(&format!("{token}A"), scope, 0, None),
        probe(&format!("{token}="), scope, 0, None),
        probe(&token[..token.len() - 1], scope, 0, None),
        probe(&token[1..], scope, 0, None),
    ];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:";
    let mut letters: Vec<u8> = token.bytes().collect();
    letters[usize::from(random[1]) % token.len()] =
        alphabet[usize::from(random[2]) % alphabet.len()];
    probes.push(probe(str::from_utf8(&letters).unwrap(), scope, 0, None));
    // The last letter's neighbour in the alphabet: often the same bytes.
    let last = token.len() - 1;
    let at = alphabet
        .iter()
        .position(|it| *it == token.as_bytes()[last])
        .unwrap();
    let twin = format!("{}{}", &token[..last], char::from(alphabet[at ^ 1]));
    probes.push(probe(&twin, scope, 0, None));
    probes
}

#[test]
fn django_sesame_makes_and_takes_the_same() {
    let mut runner = TestRunner::default();
    let strategy = (cases(), any::<[u16; 4]>());
    let cases: Vec<(Case, String, Vec<Probe>)> = (0..CASES)
        .map(|_| {
            let (case, random) = strategy.new_tree(&mut runner).unwrap().current();
            let make = |secret: &str| {
                let keys = SecretKeys::new(secret, []);
                let sesame = Sesame::new(&keys, case.settings.clone()).unwrap();
                sesame
                    .make(case.user.fields(), &case.scope, case.now)
                    .unwrap()
            };
            let (ours, older) = (make(&case.secret), make(&case.fallback));
            let probes = probes(&case, &ours, &older, random);
            (case, ours, probes)
        })
        .collect();

    let questions: Vec<Value> = cases
        .iter()
        .map(|(case, _, probes)| told(case, probes))
        .collect();
    let answers = ask(&questions.into());
    assert_eq!(answers.len(), CASES);

    let (mut taken, mut refused) = (0, 0);
    for ((case, ours, probes), answer) in cases.iter().zip(&answers) {
        assert_eq!(text(answer, "token"), ours, "{case:?}");
        let keys = SecretKeys::new(&*case.secret, [case.fallback.clone()]);
        let sesame = Sesame::new(&keys, case.settings.clone()).unwrap();
        for (probe, theirs) in probes.iter().zip(answer["taken"].as_array().unwrap()) {
            let Probe {
                token,
                scope,
                now,
                max_age,
            } = probe;
            let answer = read(&sesame, &case.user, token, scope, *now, *max_age);
            assert_eq!(
                Value::Bool(answer.is_ok()),
                *theirs,
                "{answer:?} to {token} of {ours}, scope {scope:?}, now {now}, age {max_age:?}: {case:?}"
            );
            *if answer.is_ok() {
                &mut taken
            } else {
                &mut refused
            } += 1;
        }
    }
    // Neither side may agree by refusing everything.
    assert!(
        taken > 3 * CASES && refused > 3 * CASES,
        "{taken} taken, {refused} refused"
    );
}
