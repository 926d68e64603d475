use serde_json::json;

use super::super::example::{Example, LEAST};
use super::super::signer::{Key, KeyServer, sign_hmac};
use super::*;

const ISSUER: &str = "https://idp.example";
const NONCE: &str = "nonce-1";

/// What a test may have otherwise.
#[derive(Clone, Copy)]
struct By<'a> {
    presenters: Option<&'a [String]>,
    nonce: Option<&'a str>,
    access_token: Option<&'a Secret>,
}

const BY: By<'_> = By {
    presenters: Some(&[]),
    nonce: Some(NONCE),
    access_token: None,
};

/// A provider with keys, and an app of ours that knows it.
struct Setting {
    example: Example,
    keys: KeyServer,
    key: Key,
}

impl Setting {
    async fn new(key: Key) -> Self {
        let keys = KeyServer::start(&[key.jwk()]).await;
        Setting {
            example: Example::new(LEAST),
            keys,
            key,
        }
    }

    async fn rsa() -> Self {
        Setting::new(Key::rsa("rsa-1")).await
    }

    fn now(&self) -> i64 {
        self.example.now.seconds()
    }

    /// Claims of a good token.
    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "sub": "ann", "aud": "client-1", "nonce": NONCE,
            "iat": self.now(), "exp": self.now() + 300,
        })
    }

    /// The same with another one, or without it.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.to_owned(), value),
        };
        claims
    }

    async fn verify(&self, token: &Secret) -> Result<Claims, Fault> {
        self.verify_by(token, BY).await
    }

    async fn verify_by(&self, token: &Secret, by: By<'_>) -> Result<Claims, Fault> {
        let terms = Terms {
            issuers: &[ISSUER.to_owned()],
            audiences: &["client-1".to_owned()],
            presenters: by.presenters,
            nonce: by.nonce,
            access_token: by.access_token,
            keys: &self.keys.url(),
            keys_of_stranger: false,
        };
        verify(&self.example.call(), &terms, token).await
    }

    async fn refused(&self, token: &Secret, why: &str) {
        match self.verify(token).await {
            Err(Fault::Invalid(text)) => assert!(text.contains(why), "{why}: {text}"),
            other => panic!("{why}: {other:?}"),
        }
    }

    async fn refused_claims(&self, claims: &Value, why: &str) {
        self.refused(&self.key.sign(claims), why).await;
    }
}

#[tokio::test]
async fn a_good_token_is_believed_whatever_signs_it() {
    let mut pss = Key::rsa("rsa-1");
    pss.algorithm = Algorithm::PS256;
    for key in [Key::rsa("rsa-1"), pss, Key::ec("ec-1"), Key::ed("ed-1")] {
        let setting = Setting::new(key.clone()).await;
        let token = key.sign(&setting.claims());
        let claims = setting.verify(&token).await.unwrap();
        assert_eq!(claims["sub"], "ann", "{:?}", key.algorithm);
    }
}

#[tokio::test]
async fn a_key_without_a_name_will_do_where_it_is_the_only_one() {
    let setting = Setting::rsa().await;
    let header = json!({"alg": "RS256"});
    let token = setting.key.sign_with(&header, &setting.claims());
    assert!(setting.verify(&token).await.is_ok());
    // With two the token must say which.
    setting
        .keys
        .serve(&[setting.key.jwk(), Key::rsa("rsa-2").jwk()]);
    let two = Setting {
        example: Example::new(LEAST),
        ..setting
    };
    two.refused(&token, "no key").await;
}

#[tokio::test]
async fn none_is_no_algorithm() {
    let setting = Setting::rsa().await;
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS1", "ES512",
    ] {
        let good = setting
            .key
            .sign_with(&json!({"alg": alg, "kid": "rsa-1"}), &setting.claims());
        setting.refused(&good, "algorithm").await;
        let (message, _) = good.reveal().rsplit_once('.').unwrap();
        let bare = Secret::new(format!("{message}."));
        setting.refused(&bare, "algorithm").await;
    }
    let header = json!({"kid": "rsa-1"});
    setting
        .refused(
            &setting.key.sign_with(&header, &setting.claims()),
            "no signed",
        )
        .await;
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let setting = Setting::rsa().await;
    let jwk = setting.key.jwk();
    let modulus = unpadded_decode(jwk["n"].as_str().unwrap()).unwrap();
    let pem = setting.key.public_pem.clone();
    for secret in [
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        &modulus,
        jwk["n"].as_str().unwrap().as_bytes(),
        jwk.to_string().as_bytes(),
        b"",
    ] {
        for alg in ["HS256", "RS256", "ES256"] {
            let header = json!({"alg": alg, "kid": "rsa-1"});
            let token = sign_hmac(secret, &header, &setting.claims());
            assert!(setting.verify(&token).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_key_is_good_for_what_it_says_alone() {
    let setting = Setting::rsa().await;
    let token = |alg: &str| {
        let mut key = setting.key.clone();
        key.algorithm = alg.parse().unwrap();
        key.sign(&setting.claims())
    };
    // The set says RS256.
    assert!(setting.verify(&token("RS256")).await.is_ok());
    setting.refused(&token("RS512"), "no key").await;
    setting.refused(&token("PS256"), "no key").await;
    // A key that does not say is good for all of its kind.
    let mut jwk = setting.key.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    setting.keys.serve(&[jwk]);
    let silent = Setting {
        example: Example::new(LEAST),
        ..setting
    };
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        let mut key = silent.key.clone();
        key.algorithm = alg.parse().unwrap();
        let token = key.sign(&silent.claims());
        assert!(silent.verify(&token).await.is_ok(), "{alg}");
    }
}

#[tokio::test]
async fn what_is_no_key_for_signatures_is_left_out_of_a_set() {
    let setting = Setting::rsa().await;
    let good = setting.key.jwk();
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    let secret = json!({"kty": "oct", "kid": "rsa-1", "alg": "HS256", "k": "c2VjcmV0"});
    for jwk in [
        with("use", json!("enc")),
        with("use", json!(1)),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!("verify")),
        with("kty", json!("RSA1")),
        with("alg", json!("HS256")),
        with("alg", json!("RSA-OAEP")),
        with("alg", json!("none")),
        with("n", json!("!")),
        secret.clone(),
        json!({"kty": "EC", "crv": "P-521", "kid": "rsa-1", "x": "AA", "y": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "kid": "rsa-1", "x": "AA", "y": "AA"}),
        json!("rsa-1"),
        json!(null),
    ] {
        assert!(
            keys::KeySet::read(&json!({"keys": [jwk.clone()]})).is_err(),
            "{jwk}"
        );
    }
    for set in [
        json!({}),
        json!({"keys": []}),
        json!({"keys": {}}),
        json!([]),
        json!("x"),
    ] {
        assert!(keys::KeySet::read(&set).is_err(), "{set}");
    }
    // Beside a good one they do no harm, not even under its name.
    setting
        .keys
        .serve(&[secret.clone(), with("use", json!("enc")), good.clone()]);
    let token = setting.key.sign(&setting.claims());
    assert!(setting.verify(&token).await.is_ok());
    let forged = sign_hmac(
        b"secret",
        &json!({"alg": "HS256", "kid": "rsa-1"}),
        &setting.claims(),
    );
    setting.refused(&forged, "algorithm").await;
}

#[tokio::test]
async fn two_keys_of_one_name_are_both_tried() {
    let setting = Setting::rsa().await;
    let mut other = Key::rsa("rsa-2");
    other.kid = "rsa-1".to_owned();
    setting.keys.serve(&[other.jwk(), setting.key.jwk()]);
    assert!(
        setting
            .verify(&setting.key.sign(&setting.claims()))
            .await
            .is_ok()
    );
    assert!(setting.verify(&other.sign(&setting.claims())).await.is_ok());
}

#[tokio::test]
async fn another_key_is_no_key() {
    let setting = Setting::rsa().await;
    let mut liar = Key::rsa("rsa-2");
    setting
        .refused(&liar.sign(&setting.claims()), "no key")
        .await;
    // Under the provider's name for its own.
    liar.kid = "rsa-1".to_owned();
    setting
        .refused(&liar.sign(&setting.claims()), "no key")
        .await;
    // A key that comes along in the header is the attacker's.
    let header =
        json!({"alg": "RS256", "kid": "rsa-1", "jwk": liar.jwk(), "jku": "https://evil.example/"});
    setting
        .refused(&liar.sign_with(&header, &setting.claims()), "no key")
        .await;
}

#[tokio::test]
async fn whatever_is_changed_breaks_the_signature() {
    let setting = Setting::rsa().await;
    let token = setting.key.sign(&setting.claims());
    let parts: Vec<&str> = token.reveal().split('.').collect();
    let other = unpadded(setting.with("sub", json!("bob")).to_string().as_bytes());
    let join = |parts: [&str; 3]| Secret::new(parts.join("."));
    setting
        .refused(&join([parts[0], &other, parts[2]]), "no key")
        .await;
    let header = unpadded(br#"{"alg":"RS384","kid":"rsa-1"}"#);
    setting
        .refused(&join([&header, parts[1], parts[2]]), "no key")
        .await;
    setting
        .refused(&join([parts[0], parts[1], ""]), "no key")
        .await;
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "....",
        &"x".repeat(LONGEST + 1),
    ] {
        setting.refused(&Secret::new(text), "it is").await;
    }
    let encrypted = Secret::new(format!("{}.{}.{}.x.y", parts[0], parts[1], parts[2]));
    setting.refused(&encrypted, "no signed").await;
}

#[tokio::test]
async fn an_extension_and_another_kind_of_token_are_refused() {
    let setting = Setting::rsa().await;
    for (name, value, why) in [
        ("crit", json!(["b64"]), "critical"),
        ("crit", json!([]), "critical"),
        ("typ", json!("at+jwt"), "kind"),
        ("typ", json!("application/at+jwt"), "kind"),
        ("typ", json!("logout+jwt"), "kind"),
        ("typ", json!(7), "kind"),
        ("kid", json!(7), "no signed"),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "rsa-1"});
        header[name] = value;
        setting
            .refused(&setting.key.sign_with(&header, &setting.claims()), why)
            .await;
    }
    for (name, value) in [
        ("typ", json!("Bearer")),
        ("typ", json!("Logout")),
        ("token_use", json!("access")),
        ("events", json!({})),
    ] {
        setting
            .refused_claims(&setting.with(name, value), "kind")
            .await;
    }
    let id = setting.with("typ", json!("ID"));
    assert!(setting.verify(&setting.key.sign(&id)).await.is_ok());
}

#[tokio::test]
async fn it_is_the_issuers_and_for_us() {
    let setting = Setting::rsa().await;
    for issuer in [
        json!(null),
        json!(""),
        json!("https://idp.example/"),
        json!("https://IDP.example"),
        json!("https://idp.example.evil.example"),
        json!(["https://idp.example"]),
    ] {
        setting
            .refused_claims(&setting.with("iss", issuer), "")
            .await;
    }
    for audience in [
        json!(null),
        json!(""),
        json!("client-2"),
        json!("client-1 "),
        json!([]),
        json!(["client-2"]),
        json!([["client-1"]]),
        json!({"client-1": 1}),
    ] {
        setting
            .refused_claims(&setting.with("aud", audience), "another app")
            .await;
    }
    let list = setting.with("aud", json!(["client-1"]));
    assert!(setting.verify(&setting.key.sign(&list)).await.is_ok());
}

#[tokio::test]
async fn of_several_audiences_we_are_the_one_it_was_given_to() {
    let setting = Setting::rsa().await;
    let several = |party: Value| {
        let mut claims = setting.with("aud", json!(["client-2", "client-1"]));
        if !party.is_null() {
            claims["azp"] = party;
        }
        claims
    };
    setting
        .refused_claims(&several(json!(null)), "given to none")
        .await;
    for party in [json!("client-2"), json!(""), json!(7), json!(["client-1"])] {
        setting
            .refused_claims(&several(party.clone()), "given to another")
            .await;
        setting
            .refused_claims(&setting.with("azp", party), "given to another")
            .await;
    }
    let ours = setting.key.sign(&several(json!("client-1")));
    assert!(setting.verify(&ours).await.is_ok());
    // An app for phones whose server we are, once that is known.
    let phone = setting.key.sign(&setting.with("azp", json!("phone-1")));
    let known = ["phone-1".to_owned()];
    assert!(
        setting
            .verify_by(
                &phone,
                By {
                    presenters: Some(&known),
                    ..BY
                }
            )
            .await
            .is_ok()
    );
    assert!(
        setting
            .verify_by(
                &phone,
                By {
                    presenters: None,
                    ..BY
                }
            )
            .await
            .is_ok()
    );
    assert!(setting.verify(&phone).await.is_err());
    let theirs = setting.key.sign(&several(json!("client-2")));
    assert!(
        setting
            .verify_by(
                &theirs,
                By {
                    presenters: None,
                    ..BY
                }
            )
            .await
            .is_err()
    );
}

#[tokio::test]
async fn it_is_of_this_time() {
    let setting = Setting::rsa().await;
    let now = setting.now();
    for (name, value, why) in [
        ("exp", json!(null), "when"),
        ("exp", json!("soon"), "none"),
        ("exp", json!(now - 60), "expired"),
        ("exp", json!(0), "expired"),
        ("exp", json!(-1e300), "expired"),
        ("iat", json!(null), "when"),
        ("iat", json!(now + 61), "future"),
        ("iat", json!(1e300), "future"),
        ("iat", json!(now - 661), "too old"),
        ("iat", json!(true), "none"),
        ("nbf", json!(now + 61), "future"),
        ("nbf", json!("x"), "none"),
    ] {
        setting
            .refused_claims(&setting.with(name, value), why)
            .await;
    }
    for (name, value) in [
        ("exp", json!(now - 59)),
        ("exp", json!(now as f64 + 0.5)),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("iat", json!(now + 60)),
        ("iat", json!(now - 660)),
        ("nbf", json!(now + 60)),
    ] {
        let token = setting.key.sign(&setting.with(name, value.clone()));
        assert!(setting.verify(&token).await.is_ok(), "{name} {value}");
    }
    // One that a client hands over answers no nonce, and may be older.
    let old = setting.key.sign(&setting.with("iat", json!(now - 3000)));
    assert!(
        setting
            .verify_by(&old, By { nonce: None, ..BY })
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn it_answers_our_nonce() {
    let setting = Setting::rsa().await;
    for nonce in [
        json!(null),
        json!(""),
        json!("nonce-2"),
        json!("nonce-1 "),
        json!(["nonce-1"]),
    ] {
        setting
            .refused_claims(&setting.with("nonce", nonce), "nonce")
            .await;
    }
}

#[tokio::test]
async fn it_belongs_to_the_access_token_that_came_with_it() {
    let setting = Setting::rsa().await;
    // The example of OpenID Connect Core 1.0, A.4, for RS256.
    let access = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    let right = setting
        .key
        .sign(&setting.with("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")));
    assert!(
        setting
            .verify_by(
                &right,
                By {
                    access_token: Some(&access),
                    ..BY
                }
            )
            .await
            .is_ok()
    );
    let other = Secret::new("another");
    assert!(
        setting
            .verify_by(
                &right,
                By {
                    access_token: Some(&other),
                    ..BY
                }
            )
            .await
            .is_err()
    );
    for hash in [json!(""), json!("77QmUPtjPfzWtF2AnpK9Rq"), json!(7)] {
        let wrong = setting.key.sign(&setting.with("at_hash", hash));
        let refused = setting
            .verify_by(
                &wrong,
                By {
                    access_token: Some(&access),
                    ..BY
                },
            )
            .await;
        assert!(refused.is_err());
    }
    // Without an access token there is nothing to compare.
    assert!(setting.verify(&right).await.is_ok());
    // The hash is that of the algorithm.
    assert_eq!(half_hash("ES384", "x").len(), 32);
    assert_eq!(half_hash("EdDSA", "x").len(), 43);
}

#[tokio::test]
async fn it_says_who() {
    let setting = Setting::rsa().await;
    for sub in [
        json!(null),
        json!(""),
        json!(7),
        json!("ä"),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        setting
            .refused_claims(&setting.with("sub", sub), "sub")
            .await;
    }
    let long = setting
        .key
        .sign(&setting.with("sub", json!("x".repeat(255))));
    assert!(setting.verify(&long).await.is_ok());
}

#[tokio::test]
async fn an_hmac_is_taken_only_where_it_was_agreed() {
    let mut setting = Setting::rsa().await;
    let header = json!({"alg": "HS256"});
    let good = sign_hmac(b"secret-1", &header, &setting.claims());
    setting.refused(&good, "algorithm").await;
    let agree = |setting: &mut Setting, alg: &str| {
        let settings = &mut setting.example.app.settings;
        settings.insert("id_token_signed_response_alg".to_owned(), alg.into());
    };
    agree(&mut setting, "HS256");
    assert!(setting.verify(&good).await.is_ok());
    assert_eq!(setting.keys.asked(), 0, "no key is needed");
    setting
        .refused(
            &sign_hmac(b"secret-2", &header, &setting.claims()),
            "secret",
        )
        .await;
    setting
        .refused(
            &sign_hmac(b"secret-1", &json!({"alg": "none"}), &setting.claims()),
            "secret",
        )
        .await;
    // What was agreed is the only one.
    setting
        .refused(&setting.key.sign(&setting.claims()), "secret")
        .await;
    setting.example.app.secret = Secret::new("");
    let bare = sign_hmac(b"", &header, &setting.claims());
    assert!(matches!(
        setting.verify(&bare).await,
        Err(Fault::Misconfigured(_))
    ));
    for (alg, fits) in [("RS256", true), ("ES256", false)] {
        agree(&mut setting, alg);
        assert_eq!(
            setting
                .verify(&setting.key.sign(&setting.claims()))
                .await
                .is_ok(),
            fits
        );
    }
    for alg in ["none", "HS512", ""] {
        agree(&mut setting, alg);
        let fault = setting.verify(&good).await;
        assert!(
            matches!(fault, Err(Fault::Misconfigured(_))),
            "{alg}: {fault:?}"
        );
    }
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_needs_them_and_not_at_will() {
    let mut setting = Setting::rsa().await;
    let old = setting.key.sign(&setting.claims());
    assert!(setting.verify(&old).await.is_ok());
    assert!(setting.verify(&old).await.is_ok());
    assert_eq!(setting.keys.asked(), 1);
    // The provider turns to a new key.
    let new = Key::rsa("rsa-2");
    setting.keys.serve(&[setting.key.jwk(), new.jwk()]);
    assert!(setting.verify(&new.sign(&setting.claims())).await.is_ok());
    assert_eq!(setting.keys.asked(), 2);
    // A stranger's tokens name keys that there are not, and forge those that there are.
    for number in 0..20 {
        let mut liar = Key::rsa("rsa-2");
        liar.kid = format!("kid-{number}");
        setting
            .refused(&liar.sign(&setting.claims()), "no key")
            .await;
    }
    assert_eq!(setting.keys.asked(), 2);
    // A minute later one more may be asked.
    setting.example.now = setting.example.now + std::time::Duration::from_secs(60);
    let mut liar = Key::rsa("rsa-2");
    liar.kid = "kid".to_owned();
    for _ in 0..5 {
        setting
            .refused(&liar.sign(&setting.claims()), "no key")
            .await;
    }
    assert_eq!(setting.keys.asked(), 3);
}

#[tokio::test]
async fn while_the_provider_is_down_its_last_keys_go_on() {
    let mut setting = Setting::rsa().await;
    assert!(
        setting
            .verify(&setting.key.sign(&setting.claims()))
            .await
            .is_ok()
    );
    setting.keys.down();
    setting.example.now = setting.example.now + std::time::Duration::from_secs(7200);
    assert!(
        setting
            .verify(&setting.key.sign(&setting.claims()))
            .await
            .is_ok()
    );
    let unknown = Key::rsa("rsa-2").sign(&setting.claims());
    setting.refused(&unknown, "no key").await;
    // Who never had keys has none.
    let fresh = Setting {
        example: Example::new(LEAST),
        ..setting
    };
    let token = fresh.key.sign(&fresh.claims());
    assert!(matches!(
        fresh.verify(&token).await,
        Err(Fault::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_token_is_known_by_its_jti_or_by_what_was_signed() {
    let setting = Setting::rsa().await;
    let read = |token: &Secret| object(token.reveal().split('.').nth(1).unwrap()).unwrap();
    let known = |token: &Secret| once(&read(token), token);
    let plain = setting.key.sign(&setting.claims());
    // The same signature spelled otherwise is the same token.
    let padded = Secret::new(format!("{}==", plain.reveal()));
    assert_eq!(known(&plain), known(&padded));
    assert_eq!(known(&plain).1.seconds(), setting.now() + 360);
    let other = setting.key.sign(&setting.with("sub", json!("bob")));
    assert_ne!(known(&plain).0, known(&other).0);
    // Two tokens with one jti are one, and the jti of another issuer is another.
    let first = setting.key.sign(&setting.with("jti", json!("1")));
    let mut again = setting.with("jti", json!("1"));
    again["email"] = json!("x");
    assert_eq!(known(&first).0, known(&setting.key.sign(&again)).0);
    again["iss"] = json!("https://other.example");
    assert_ne!(known(&first).0, known(&setting.key.sign(&again)).0);
    let endless = setting.key.sign(&setting.with("exp", json!(i64::MAX)));
    assert_eq!(known(&endless).1.seconds(), setting.now() + 86_400 + 120);
}

#[test]
fn certificates_by_their_names_are_keys_too() {
    // As Google serves them beside its key set.
    let certificate = include_str!("certificate.pem");
    let set = json!({"cert-1": certificate, "cert-2": "nonsense"});
    let set = keys::KeySet::read(&set).unwrap();
    assert_eq!(set.of(Some("cert-1"), Algorithm::RS256).len(), 1);
    assert!(set.of(Some("cert-2"), Algorithm::RS256).is_empty());
    assert!(set.of(Some("cert-1"), Algorithm::ES256).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-zA-Z0-9_.=-]{0,60}", bytes in ".{0,40}") {
        let _ = Token::read(&text);
        let part = unpadded(bytes.as_bytes());
        let _ = Token::read(&format!("{part}.{part}.{part}"));
    }
}
