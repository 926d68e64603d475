//! How far the word of a provider, or of a program, goes.

use super::*;

#[tokio::test]
async fn a_code_that_a_page_asked_for_is_worth_nothing_to_a_program() {
    let setting = Setting::new().await;
    setting.begin().await;
    let by = async |verifier: Option<&str>| {
        let handed = Handed {
            code: Some(Secret::new("code-1")),
            code_verifier: verifier.map(Secret::new),
            ..Handed::default()
        };
        engine::by_token(&setting.example.call(), &handed).await
    };
    // A provider that does not say that it looks at challenges may well take any verifier.
    assert!(matches!(by(None).await, Err(Fault::Invalid(_))));
    assert!(matches!(by(Some("any")).await, Err(Fault::Invalid(_))));
    setting.says().nonce = None;
    assert!(by(None).await.is_ok());
    let mut setting = Setting::new().await;
    setting.says().document = json!({"code_challenge_methods_supported": ["S256"]});
    setting.example.memory = crate::providers::Memory::default();
    setting.begin().await;
    let handed = |verifier: Option<&str>| Handed {
        code: Some(Secret::new("code-1")),
        code_verifier: verifier.map(Secret::new),
        ..Handed::default()
    };
    let bound = engine::by_token(&setting.example.call(), &handed(Some("theirs"))).await;
    assert!(bound.is_ok());
    let unbound = engine::by_token(&setting.example.call(), &handed(None)).await;
    assert!(matches!(unbound, Err(Fault::Invalid(_))));
}

#[tokio::test]
async fn a_public_providers_document_does_not_lead_to_the_operators_own_hosts() {
    // Its document was fetched, as the provider is out there; all that it names is at a host that the operator named.
    let public = async |overrides: Value| {
        let setting = Setting::with(json!({
            "server_url": "https://idp.example", "openid_configuration_overrides": overrides,
        }))
        .await;
        let origin = setting.web.origin();
        let document = members(json!({
            "issuer": "https://idp.example",
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": format!("{origin}/token"),
            "userinfo_endpoint": format!("{origin}/userinfo"),
            "jwks_uri": format!("{origin}/jwks"),
        }));
        let kept = &setting.example.memory.discovery;
        let address = "https://idp.example/.well-known/openid-configuration";
        let given = async { Ok(document) };
        let given = kept
            .get(address, setting.example.now, |_| true, given)
            .await;
        given.unwrap();
        setting.says().claims = json!({"iss": "https://idp.example"});
        setting
    };
    let setting = public(json!({})).await;
    setting.misconfigured("https").await;
    assert!(setting.web.asked().is_empty());
    // One by one: what the operator says himself leads there, and the next of theirs does not.
    let origin = setting.web.origin();
    let endpoints = ["token", "jwks", "userinfo"];
    let members = ["token_endpoint", "jwks_uri", "userinfo_endpoint"];
    for known in 1..=3 {
        let mut setting = public(json!({})).await;
        let origin = setting.web.origin();
        let own = members.iter().zip(endpoints).take(known);
        let own = own.map(|(name, path)| ((*name).to_owned(), format!("{origin}/{path}").into()));
        let own: Map<String, Value> = own.collect();
        setting
            .example
            .app
            .settings
            .insert("openid_configuration_overrides".to_owned(), own.into());
        let found = setting.sign_in().await;
        assert_eq!(found.is_ok(), known == 3, "{known}: {found:?}");
        let asked = setting.web.asked();
        let asked: Vec<&str> = asked
            .iter()
            .map(|asked| asked.path.trim_start_matches('/'))
            .collect();
        assert_eq!(asked, endpoints[..known]);
    }
    let setting = public(json!({"authorization_endpoint": format!("{origin}/authorize")})).await;
    assert!(setting.try_begin().await.is_ok());
    let setting = Setting::with(json!({})).await;
    assert!(setting.sign_in().await.is_ok());
}

#[tokio::test]
async fn tokens_that_would_fill_a_session_are_none() {
    let long = |letters: usize| "x".repeat(letters);
    let setting = Setting::new().await;
    setting.says().token = json!({"refresh_token": long(16 * 1024 + 1)});
    let tokens = setting.sign_in().await.unwrap().tokens.unwrap();
    assert!(tokens.token_secret.is_none());
    setting.says().token = json!({"refresh_token": long(16 * 1024)});
    let tokens = setting.sign_in().await.unwrap().tokens.unwrap();
    assert!(tokens.token_secret.is_some());
    setting.says().token = json!({"access_token": long(16 * 1024 + 1)});
    assert!(matches!(setting.sign_in().await, Err(Fault::Invalid(_))));
    let claims = json!({"iss": setting.web.origin(), "sub": "ann-1", "aud": "client-1",
        "iat": setting.example.now.seconds(), "exp": setting.example.now.seconds() + 60});
    let handed = Handed {
        id_token: Some(setting.says().key.sign(&claims)),
        access_token: Some(Secret::new(long(16 * 1024 + 1))),
        ..Handed::default()
    };
    let found = engine::by_token(&setting.example.call(), &handed).await;
    assert!(found.unwrap().tokens.is_none());
}

#[tokio::test]
async fn a_token_is_remembered_for_a_day_at_most() {
    let setting = Setting::new().await;
    let now = setting.example.now.seconds();
    let year_9999 = 253_402_300_000_i64;
    setting.says().claims = json!({"exp": year_9999});
    let (_, end) = setting.sign_in().await.unwrap().once.unwrap();
    assert!(end.seconds() <= now + 86_400 + 120);
    for (exp, taken) in [
        (now + 86_400, true),
        (now + 86_400 + 61, false),
        (year_9999, false),
    ] {
        let claims = json!({"iss": setting.web.origin(), "sub": "ann-1", "aud": "client-1",
            "iat": now, "exp": exp});
        let handed = Handed {
            id_token: Some(setting.says().key.sign(&claims)),
            ..Handed::default()
        };
        let found = engine::by_token(&setting.example.call(), &handed).await;
        assert_eq!(found.is_ok(), taken, "{exp}");
        let end = found.ok().and_then(|found| found.once);
        assert!(end.is_none_or(|(_, end)| end.seconds() > exp));
    }
}
