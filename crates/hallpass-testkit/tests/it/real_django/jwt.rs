//! Tokens, made here and there.

use hallpass_core::domain::Timestamp;
use hallpass_core::domain::jwt::{Claims, Jwts, Terms};
use hallpass_core::flows::tokens::{self, Given};
use hallpass_core::settings::Settings;
use hallpass_core::{Error, Refusal, TokenFault};
use hallpass_testkit::django::DjangoPeer;
use hallpass_testkit::{TestApp, TestDb, app};
use serde_json::{Value, json};

use super::{now, peer};

const SECRET: &str =
    "the secret of an HMAC, at least as long as the longest of its digests wants it: 64";

fn claims(issued: i64) -> Claims {
    let value = json!({
        "token_type": "access", "exp": issued + 300, "iat": issued, "jti": "12345678123456781234567812345678",
        "user_id": "1",
    });
    value.as_object().unwrap().clone()
}

/// A way to sign, and what it demands.
struct Case {
    algorithm: &'static str,
    keys: [String; 2],
    terms: Terms,
    /// When the token was issued, seconds from now.
    age: i64,
}

impl Case {
    fn new(algorithm: &'static str, keys: &Value) -> Self {
        let kind = match algorithm {
            "ES256" => "P-256",
            "ES384" => "P-384",
            "EdDSA" => "Ed25519",
            _ if algorithm.starts_with("HS") => "",
            _ => "RSA",
        };
        let key = |index: usize| keys[kind][index].as_str().unwrap_or_default().to_owned();
        let keys = match kind {
            "" => [SECRET.to_owned(), String::new()],
            _ => [key(0), key(1)],
        };
        Case {
            algorithm,
            keys,
            terms: Terms::default(),
            age: 0,
        }
    }

    fn jwts(&self) -> Jwts {
        let [signing, verifying] = &self.keys;
        Jwts::new(self.algorithm, signing, verifying, self.terms.clone()).unwrap()
    }

    /// What TokenBackend takes, and a token of ours.
    fn told(&self) -> Value {
        let payload = claims(now() + self.age);
        let [signing, verifying] = &self.keys;
        json!({
            "algorithm": self.algorithm, "signing_key": signing, "verifying_key": verifying,
            "audience": self.terms.audience, "issuer": self.terms.issuer, "leeway": self.terms.leeway,
            "token": self.jwts().encode(&payload).unwrap(), "payload": payload,
        })
    }
}

#[test]
fn each_takes_the_tokens_of_the_other_whatever_they_are_signed_with() {
    let (peer, _folder) = peer();
    let keys = peer.ask(&["jwt-keys"]);
    let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "EdDSA",
    ];
    let mut cases: Vec<Case> = algorithms
        .map(|algorithm| Case::new(algorithm, &keys))
        .into();
    for (audience, issuer) in [
        (Some(json!("app")), Some("us")),
        (Some(json!(["app", "other"])), None),
        (None, Some("us")),
    ] {
        let terms = Terms {
            audience,
            issuer: issuer.map(str::to_owned),
            leeway: 0,
        };
        cases.push(Case {
            terms,
            ..Case::new("HS256", &keys)
        });
    }
    // Within the leeway: expired half a minute ago, or issued in half a minute.
    for age in [-330, 30] {
        let terms = Terms {
            leeway: 120,
            ..Terms::default()
        };
        cases.push(Case {
            terms,
            age,
            ..Case::new("RS256", &keys)
        });
    }
    let told: Value = cases.iter().map(Case::told).collect();
    let answers = peer.ask(&["jwt-backends", "--cases", &told.to_string()]);
    for (at, case) in cases.iter().enumerate() {
        let (told, answer) = (&told[at], &answers[at]);
        let name = format!("{} {:?} {}", case.algorithm, case.terms, case.age);
        assert_eq!(answer["why"], Value::Null, "{name}");
        let theirs = answer["token"].as_str().unwrap();
        let read = case.jwts().decode(theirs, Timestamp::now());
        let read = Value::from(read.unwrap_or_else(|fault| panic!("{name}: {fault:?}")));
        for (claim, value) in told["payload"].as_object().unwrap() {
            assert_eq!(&answer["claims"][claim], value, "{name}");
            assert_eq!(&read[claim], value, "{name}");
        }
        // Signatures are made of chance in some; what is signed is the same to the byte.
        let signed = |token: &str| token.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(
            signed(theirs),
            signed(told["token"].as_str().unwrap()),
            "{name}"
        );
    }
}

#[test]
fn each_refuses_what_the_other_refuses() {
    let (peer, _folder) = peer();
    let keys = peer.ask(&["jwt-keys"]);
    let us = Terms {
        audience: Some(json!(["app", "other"])),
        issuer: Some("us".to_owned()),
        leeway: 10,
    };
    let strict = || Case {
        terms: us.clone(),
        ..Case::new("HS256", &keys)
    };
    let with = |change: fn(&mut Claims)| {
        let mut payload = claims(now());
        payload.insert("aud".to_owned(), "app".into());
        payload.insert("iss".to_owned(), "us".into());
        change(&mut payload);
        let mut case = strict().told();
        case["token"] = Case::new("HS256", &Value::Null)
            .jwts()
            .encode(&payload)
            .unwrap()
            .into();
        case
    };
    let cases = [
        (with(|_| ()), true),
        (
            with(|claims| drop(claims.insert("aud".to_owned(), json!(["x", "other"])))),
            true,
        ),
        (
            with(|claims| drop(claims.insert("aud".to_owned(), json!("apps")))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("aud".to_owned(), json!([])))),
            false,
        ),
        (with(|claims| drop(claims.shift_remove("aud"))), false),
        (
            with(|claims| drop(claims.insert("iss".to_owned(), json!("them")))),
            false,
        ),
        (with(|claims| drop(claims.shift_remove("iss"))), false),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!(now() - 5)))),
            true,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!(now() - 20)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!(1.5)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!(-1)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!(null)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!("soon")))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("exp".to_owned(), json!([1])))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("nbf".to_owned(), json!(now() + 60)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("iat".to_owned(), json!(now() + 60)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("jti".to_owned(), json!(7)))),
            false,
        ),
        (
            with(|claims| drop(claims.insert("sub".to_owned(), json!(7)))),
            false,
        ),
    ];
    let told: Value = cases.iter().map(|(case, _)| case.clone()).collect();
    let answers = peer.ask(&["jwt-backends", "--cases", &told.to_string()]);
    for (at, (case, wanted)) in cases.iter().enumerate() {
        let theirs = answers[at]["why"].is_null();
        let token = case["token"].as_str().unwrap();
        let ours = strict().jwts().decode(token, Timestamp::now()).is_ok();
        assert_eq!((theirs, ours), (*wanted, *wanted), "{at}: {}", answers[at]);
    }
}

async fn pair(app: &TestApp, user: hallpass_core::domain::UserId) -> (String, String) {
    use hallpass_core::domain::{Client, Session};
    let user = app.look_up(user).await;
    let client = Client::new(
        std::net::Ipv4Addr::LOCALHOST.into(),
        "a test",
        "http://localhost",
    );
    let mut session = Session::fresh(false);
    let issued = app.hallpass.run(&client, &mut session, async |cx| {
        tokens::issue(cx, &user).await
    });
    match issued.await {
        Ok(Given::Pair(pair)) => (pair.access, pair.refresh),
        _ => panic!("no pair"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_one_users_on_both_sides_until_the_password_changes() {
    let change = |settings: &mut Settings| {
        settings.rest_auth.use_jwt = true;
        settings.simple_jwt.check_revoke_token = true;
        settings.simple_jwt.issuer = Some("us".to_owned());
        settings.simple_jwt.user_id_claim = "sub".to_owned();
    };
    let app = TestApp::with(TestDb::sqlite().await, change).await;
    let ann = app.user_with("ann", "ann@example.com", "md5$a$b").await;
    let (access, refresh) = pair(&app, ann).await;
    let simple_jwt = json!({ "CHECK_REVOKE_TOKEN": true, "ISSUER": "us", "USER_ID_CLAIM": "sub" });
    let peer =
        DjangoPeer::new(&app.db.url, app::SECRET).with("SIMPLE_JWT", &simple_jwt.to_string());
    let id = ann.as_int().expect("an integer");
    let words = [
        "jwt-user",
        "--user",
        &id.to_string(),
        &format!("--access={access}"),
        &format!("--refresh={refresh}"),
    ];
    let answer = peer.ask(&words);
    assert_eq!(
        (&answer["user"], &answer["refresh_user"]),
        (&json!(id), &json!(id.to_string())),
        "{answer}"
    );
    let theirs = answer["access"].as_str().unwrap();
    let now = app.hallpass.now();
    assert_eq!(
        tokens::by_access(&app.hallpass, theirs, now)
            .await
            .unwrap()
            .id,
        ann
    );

    app.sql("UPDATE auth_user SET password = 'md5$a$c'").await;
    let answer = peer.ask(&words);
    assert_eq!(answer["user"], Value::Null);
    assert!(
        answer["why"]
            .as_str()
            .unwrap()
            .contains("password has been changed"),
        "{answer}"
    );
    for token in [theirs, &access] {
        let refused = tokens::by_access(&app.hallpass, token, now).await;
        let changed = Refusal::Token(TokenFault::PasswordChanged);
        assert!(matches!(refused, Err(Error::Refused(refusal)) if refusal == changed));
    }
}
