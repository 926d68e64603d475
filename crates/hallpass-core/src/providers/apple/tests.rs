use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hallpass_testkit::web::{Said, Web};
use jsonwebtoken::DecodingKey;

use super::super::engine;
use super::super::example::{Example, members};
use super::super::signer::Key;
use super::*;

const DESCRIPTION: &str = include_str!("../../../providers/apple.toml");

/// Apple as far as it matters, and an app that it knows.
struct Setting {
    example: Example,
    web: Web,
    issuer: String,
    apple: Key,
    ours: Key,
    claims: Arc<Mutex<Value>>,
}

impl Setting {
    async fn new() -> Self {
        let apple = Key::rsa("rsa-1");
        let ours = Key::ec("ours-1");
        let claims = Arc::new(Mutex::new(json!({})));
        let (signing, said) = (apple.clone(), Arc::clone(&claims));
        let web = Web::start(move |asked| match asked.path.as_str() {
            "/appleid.apple.com/auth/keys" => Said::json(&json!({"keys": [signing.jwk()]})),
            "/appleid.apple.com/auth/token" => Said::json(&json!({
                "access_token": "access-1", "token_type": "Bearer", "expires_in": 3600,
                "refresh_token": "refresh-1",
                "id_token": signing.sign(&said.lock().unwrap()).reveal(),
            })),
            _ => Said::status(404),
        });
        let web = web.await;
        let ours_at = format!("{}/", web.origin());
        let description = DESCRIPTION.replace("https://", &ours_at);
        let mut example = Example::new(&description);
        example.app.client_id = "web.example, app.example".to_owned();
        example.app.key = Secret::new("team-1");
        example.app.secret = Secret::new("ours-1");
        example.app.settings = members(json!({"certificate_key": ours.pem}));
        let issuer = web.url("/appleid.apple.com");
        let setting = Setting {
            example,
            web,
            issuer,
            apple,
            ours,
            claims,
        };
        *setting.claims.lock().unwrap() = setting.right();
        setting
    }

    fn right(&self) -> Value {
        let now = self.example.now.seconds();
        json!({
            "iss": self.issuer, "sub": "001.abc.9", "aud": "web.example", "iat": now,
            "exp": now + 600, "email": "x7@privaterelay.example", "email_verified": "true",
        })
    }

    async fn begin(&self) -> Begun {
        let ask = Ask {
            state: "state-1".to_owned(),
            ..Ask::default()
        };
        let begun = engine::begin(&self.example.call(), &ask).await.unwrap();
        self.claims.lock().unwrap()["nonce"] = begun.kept["nonce"].clone();
        begun
    }

    async fn finish(&self, begun: &Begun, user: &str) -> Result<Found, Fault> {
        let params = BTreeMap::from([
            ("code".to_owned(), "code-1".to_owned()),
            ("user".to_owned(), user.to_owned()),
        ]);
        engine::finish(&self.example.call(), &begun.kept, &params).await
    }
}

#[tokio::test]
async fn a_visitor_goes_there_and_comes_back_as_somebody() {
    let setting = Setting::new().await;
    let begun = setting.begin().await;
    let url = url::Url::parse(&begun.url).unwrap();
    let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("client_id", "web.example"),
        ("scope", "name email"),
        ("state", "state-1"),
    ] {
        assert_eq!(given[name], value);
    }
    let user = r#"{"name":{"firstName":"Ines","lastName":"Carvalho"},"email":"boss@example.com"}"#;
    let found = setting.finish(&begun, user).await.unwrap();
    assert_eq!(found.profile.uid, "001.abc.9");
    assert_eq!(found.profile.first_name.as_deref(), Some("Ines"));
    assert_eq!(found.profile.last_name.as_deref(), Some("Carvalho"));
    // The address is Apple's word, not the visitor's.
    assert_eq!(found.profile.emails.len(), 1);
    assert_eq!(found.profile.emails[0].email, "x7@privaterelay.example");
    assert!(found.profile.emails[0].verified);
    assert_eq!(
        found.tokens.unwrap().token_secret.unwrap().reveal(),
        "refresh-1"
    );
    assert!(found.once.is_some());
}

#[tokio::test]
async fn the_client_secret_is_signed_by_our_key() {
    let setting = Setting::new().await;
    let begun = setting.begin().await;
    setting.finish(&begun, "").await.unwrap();
    let asked = setting.web.asked();
    let asked = asked
        .iter()
        .find(|asked| asked.path.ends_with("/token"))
        .unwrap();
    assert_eq!(asked.field("client_id").as_deref(), Some("web.example"));
    assert_eq!(
        asked.field("grant_type").as_deref(),
        Some("authorization_code")
    );
    let secret = asked.field("client_secret").unwrap();
    let (message, signature) = secret.rsplit_once('.').unwrap();
    let jwk = setting.ours.jwk();
    let component = |name: &str| jwk[name].as_str().unwrap();
    let key = DecodingKey::from_ec_components(component("x"), component("y")).unwrap();
    assert!(crypto::verify(signature, message.as_bytes(), &key, Algorithm::ES256).unwrap());
    let part = |index: usize| -> Value {
        let part = message.split('.').nth(index).unwrap();
        serde_json::from_slice(&hallpass_django::signing::unpadded_decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        part(0),
        json!({"alg": "ES256", "kid": "ours-1", "typ": "JWT"})
    );
    let now = setting.example.now.seconds();
    let claims = json!({
        "iss": "team-1", "iat": now, "exp": now + 300, "aud": setting.issuer, "sub": "web.example",
    });
    assert_eq!(part(1), claims);
}

#[tokio::test]
async fn what_the_visitor_brings_is_names_or_nothing() {
    for user in [
        "",
        "null",
        "[]",
        "{",
        "{\"name\":\"x\"}",
        "{\"name\":{\"firstName\":7}}",
        "{\"sub\":\"bob\",\"email\":\"boss@example.com\",\"email_verified\":true}",
        &format!("{{\"name\":{{\"firstName\":\"{}\"}}}}", "x".repeat(5000)),
        &"[".repeat(4000),
    ] {
        let setting = Setting::new().await;
        let begun = setting.begin().await;
        let profile = setting.finish(&begun, user).await.unwrap().profile;
        assert_eq!(profile.uid, "001.abc.9");
        assert_eq!(profile.first_name, None, "{user}");
        assert_eq!(profile.emails[0].email, "x7@privaterelay.example");
    }
}

#[tokio::test]
async fn the_id_token_is_verified() {
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("app.other")),
        ("exp", json!(1)),
        ("nonce", json!("other")),
        ("nonce", json!(null)),
        ("sub", json!(null)),
    ] {
        let setting = Setting::new().await;
        let begun = setting.begin().await;
        setting.claims.lock().unwrap()[name] = value;
        let refused = setting.finish(&begun, "").await;
        assert!(
            matches!(refused, Err(Fault::Invalid(_))),
            "{name}: {refused:?}"
        );
    }
    let setting = Setting::new().await;
    let begun = setting.begin().await;
    let cancelled = BTreeMap::from([("error".to_owned(), "user_cancelled_authorize".to_owned())]);
    let cancelled = engine::finish(&setting.example.call(), &begun.kept, &cancelled).await;
    assert_eq!(cancelled.unwrap_err(), Fault::Cancelled);
}

#[tokio::test]
async fn a_program_hands_over_an_id_token_for_any_of_our_ids() {
    let setting = Setting::new().await;
    for (audience, ours) in [
        ("web.example", true),
        ("app.example", true),
        ("", false),
        ("app.exampl", false),
    ] {
        let mut claims = setting.right();
        claims["aud"] = json!(audience);
        let handed = Handed {
            id_token: Some(setting.apple.sign(&claims)),
            ..Handed::default()
        };
        let found = engine::by_token(&setting.example.call(), &handed).await;
        assert_eq!(found.is_ok(), ours, "{audience}");
        assert!(found.is_err() || found.unwrap().once.is_some());
    }
    let access = Handed {
        access_token: Some(Secret::new("access-1")),
        ..Handed::default()
    };
    let found = engine::by_token(&setting.example.call(), &access).await;
    assert!(matches!(found, Err(Fault::Invalid(_))));
    let tokens = engine::refresh(&setting.example.call(), &Secret::new("refresh-1")).await;
    assert_eq!(tokens.unwrap().token.reveal(), "access-1");
}

#[tokio::test]
async fn what_the_operator_lacks_is_told_before_anybody_goes_there() {
    type Change = fn(&mut Example);
    let changes: [Change; 5] = [
        |example| example.app.key = Secret::new(""),
        |example| example.app.secret = Secret::new(""),
        |example| example.app.settings.clear(),
        |example| {
            let wrong = "nonsense".into();
            example
                .app
                .settings
                .insert("certificate_key".to_owned(), wrong);
        },
        |example| {
            let wrong = Key::rsa("rsa-1").pem.into();
            example
                .app
                .settings
                .insert("certificate_key".to_owned(), wrong);
        },
    ];
    for change in changes {
        let mut setting = Setting::new().await;
        change(&mut setting.example);
        let fault = engine::begin(&setting.example.call(), &Ask::default())
            .await
            .unwrap_err();
        assert!(
            matches!(&fault, Fault::Misconfigured(text) if !text.contains("PRIVATE")),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_code_that_a_page_asked_for_is_worth_nothing_to_a_program() {
    let setting = Setting::new().await;
    setting.begin().await;
    let handed = Handed {
        code: Some(Secret::new("code-1")),
        ..Handed::default()
    };
    let by = async || engine::by_token(&setting.example.call(), &handed).await;
    assert!(matches!(by().await, Err(Fault::Invalid(_))));
    setting.claims.lock().unwrap()["nonce"] = Value::Null;
    assert!(by().await.is_ok());
}
