//! Each fault is the one it is called.

use super::*;

fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(index).unwrap();
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

/// The id token of a sign-in in which this goes wrong.
async fn token_with(provider: &IdentityProvider, fault: &str) -> String {
    provider.fault(fault).await;
    let given = tokens(provider).await;
    given["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_an_id_token_says_can_be_wrong_while_its_signature_is_right() {
    let provider = provider(json!({ "alg": "ES256" })).await;
    let now = hallpass::domain::Timestamp::now().seconds();
    type Holds = fn(&Value, i64) -> bool;
    let faults: [(&str, Holds); 19] = [
        ("wrong_nonce", |it, _| it["nonce"] != "n-1"),
        ("no_nonce", |it, _| it["nonce"].is_null()),
        ("wrong_issuer", |it, _| {
            it["iss"] == "https://another.example"
        }),
        ("issuer_with_slash", |it, _| {
            it["iss"].as_str().unwrap().ends_with('/')
        }),
        ("no_issuer", |it, _| it["iss"].is_null()),
        ("wrong_audience", |it, _| it["aud"] == "another-client"),
        ("no_audience", |it, _| it["aud"].is_null()),
        ("several_audiences", |it, _| {
            it["aud"][0] == CLIENT.0 && it["azp"].is_null()
        }),
        ("foreign_azp", |it, _| {
            it["aud"] == CLIENT.0 && it["azp"] == "another-client"
        }),
        ("several_audiences_foreign_azp", |it, _| {
            it["azp"] == "another-client"
        }),
        ("several_audiences_own_azp", |it, _| it["azp"] == CLIENT.0),
        ("expired", |it, now| it["exp"].as_i64().unwrap() < now - 600),
        ("no_expiry", |it, _| it["exp"].is_null()),
        ("from_the_future", |it, now| {
            it["iat"].as_i64().unwrap() > now + 600
        }),
        ("not_yet", |it, now| it["nbf"].as_i64().unwrap() > now + 600),
        ("wrong_at_hash", |it, _| {
            it["at_hash"] == "AAAAAAAAAAAAAAAAAAAAAA"
        }),
        ("no_sub", |it, _| it.get("sub").is_none()),
        ("empty_sub", |it, _| it["sub"] == ""),
        ("null_sub", |it, _| it.get("sub") == Some(&Value::Null)),
    ];
    for (fault, holds) in faults {
        let token = token_with(&provider, fault).await;
        assert!(holds(&part(&token, 1), now), "{fault}: {}", part(&token, 1));
        let error = verified(&provider, &token).await.err();
        assert_ne!(error.as_deref(), Some("InvalidSignature"), "{fault}");
    }
    assert_eq!(provider.struck().await, faults.map(|(name, _)| name));
    let token = tokens(&provider).await;
    let token = token["id_token"].as_str().unwrap();
    assert!(
        verified(&provider, token).await.is_ok(),
        "once, and no longer"
    );
}

#[tokio::test]
async fn a_signature_can_be_wrong_while_all_it_signs_is_right() {
    let provider = provider(json!({})).await;
    let faults = [
        "alg_none",
        "alg_none_with_signature",
        "key_confusion",
        "key_confusion_by_bytes",
        "signed_with_client_secret",
        "tampered_payload",
        "tampered_signature",
        "no_signature",
        "unknown_kid",
        "foreign_key",
        "own_key",
    ];
    for fault in faults {
        let token = token_with(&provider, fault).await;
        assert_eq!(part(&token, 1)["nonce"], "n-1", "{fault}");
        assert_eq!(part(&token, 1)["aud"], CLIENT.0, "{fault}");
        assert!(verified(&provider, &token).await.is_err(), "{fault}");
    }
    assert_eq!(provider.struck().await, faults);

    // Whoever believes the header's algorithm believes these.
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[CLIENT.0]);
    let secret = DecodingKey::from_secret(CLIENT.1.as_bytes());
    let token = token_with(&provider, "signed_with_client_secret").await;
    assert!(jsonwebtoken::decode::<Value>(&token, &secret, &rules).is_ok());
    use base64::Engine as _;
    let keys = provider.read("/jwks").await;
    let modulus = keys["keys"][0]["n"].as_str().unwrap();
    let modulus = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(modulus);
    let published = DecodingKey::from_secret(&modulus.unwrap());
    let token = token_with(&provider, "key_confusion_by_bytes").await;
    assert!(jsonwebtoken::decode::<Value>(&token, &published, &rules).is_ok());

    let token = token_with(&provider, "critical_header").await;
    assert_eq!(part(&token, 0)["crit"], json!(["b64"]));
}

#[tokio::test]
async fn answers_can_lack_what_they_should_have_or_be_none() {
    let provider = provider(json!({ "alg": "ES256" })).await;
    provider.fault("no_id_token").await;
    assert!(tokens(&provider).await["id_token"].is_null());
    provider.fault("no_access_token").await;
    assert!(tokens(&provider).await["access_token"].is_null());
    provider.fault("error_in_200").await;
    assert_eq!(tokens(&provider).await["error"], "invalid_grant");
    provider.fault("huge_id_token").await;
    let huge = tokens(&provider).await["id_token"].to_string();
    assert!(huge.len() > 200_000);
    provider.fault("deep_answer").await;
    let back = provider.visit(&start(&provider, &[]), "ann").await;
    let (status, deep) = exchange(&provider, &back).await;
    assert_eq!(
        (status, deep),
        (200, Value::Null),
        "too deep for serde_json"
    );

    let given = tokens(&provider).await;
    provider.fault("userinfo_other_sub").await;
    let (_, someone) = bearer(&provider, "/me", &given["access_token"]).await;
    assert_eq!(someone["sub"], "somebody-else");
    provider.fault("userinfo_error").await;
    assert_eq!(
        bearer(&provider, "/me", &given["access_token"]).await.0,
        500
    );

    provider.fault("discovery_other_issuer").await;
    let document = provider.read("/.well-known/openid-configuration").await;
    assert_eq!(document["issuer"], "https://another.example");
}

#[tokio::test]
async fn a_place_can_be_out_of_order_in_every_way() {
    let provider = provider(json!({ "alg": "ES256" })).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = provider.url("/jwks");
    let wait = Duration::from_millis(300);
    for (fault, status) in [
        ("jwks_down", 503),
        ("jwks_error", 500),
        ("jwks_redirect", 307),
        ("jwks_redirect_inside", 302),
        ("jwks_garbage", 200),
        ("jwks_empty", 200),
        ("jwks_html", 200),
        ("jwks_not_utf8", 200),
    ] {
        provider.fault(fault).await;
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{fault}");
        let text = answer.text().await.unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{fault}");
    }
    provider.fault("jwks_hang_up").await;
    assert!(client.get(&url).send().await.is_err());
    for fault in ["jwks_endless", "jwks_dripping"] {
        provider.fault(fault).await;
        let mut answer = client.get(&url).send().await.unwrap();
        let read = async { while answer.chunk().await.unwrap().is_some() {} };
        let ended = tokio::time::timeout(wait, read).await;
        assert!(ended.is_err(), "{fault}");
    }
    assert_eq!(provider.struck().await.len(), 11);
    assert_eq!(provider.read("/jwks").await["keys"][0]["alg"], "ES256");
}

#[tokio::test]
#[should_panic(expected = "no such fault: wrong_nonsense")]
async fn a_fault_that_is_not_known_is_said() {
    provider(json!({})).await.fault("wrong_nonsense").await;
}
