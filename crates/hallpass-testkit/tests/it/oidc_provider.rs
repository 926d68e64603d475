//! The OpenID provider of the kit does what a client's tests count on: it is right when it should be, and wrong in the way
//! that was asked for.

use std::time::{Duration, Instant};

use hallpass_testkit::IdentityProvider;
use hallpass_testkit::identity_provider::{Return, with_query};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

mod faults;

const BACK: &str = "http://localhost/accounts/oidc/test/login/callback/";
const CLIENT: (&str, &str) = ("the-app", "the-secret-of-the-app");
// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn provider(options: Value) -> IdentityProvider {
    let provider = IdentityProvider::with(options).await;
    provider.client(CLIENT.0, CLIENT.1, BACK).await;
    provider
}

fn start(provider: &IdentityProvider, more: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("client_id", CLIENT.0),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("state", "s-1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    if !more.iter().any(|(name, _)| *name == "scope") {
        all.push(("scope", "openid email profile"));
    }
    all.extend_from_slice(more);
    with_query(&provider.url("/auth"), &all)
}

async fn exchange(provider: &IdentityProvider, back: &Return) -> (u16, Value) {
    let code = back.param("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    provider.post("/token", CLIENT, &form).await
}

/// One sign-in by the book, and what the token endpoint said.
async fn tokens(provider: &IdentityProvider) -> Value {
    let back = provider.visit(&start(provider, &[]), "ann").await;
    let (status, tokens) = exchange(provider, &back).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

/// The claims, by the published key that the token names and the algorithm of that key.
async fn verified(provider: &IdentityProvider, token: &str) -> Result<Value, String> {
    let keys: JwkSet = serde_json::from_value(provider.read("/jwks").await).unwrap();
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let key: &Jwk = header
        .kid
        .as_deref()
        .and_then(|kid| keys.find(kid))
        .ok_or("a key that is not published")?;
    let algorithm: Algorithm = key
        .common
        .key_algorithm
        .unwrap()
        .to_string()
        .parse()
        .unwrap();
    let mut rules = Validation::new(algorithm);
    rules.set_audience(&[CLIENT.0]);
    rules.set_issuer(&[provider.issuer()]);
    rules.leeway = 0;
    rules.validate_nbf = true;
    let key = DecodingKey::from_jwk(key).unwrap();
    let decoded = jsonwebtoken::decode::<Value>(token, &key, &rules);
    decoded
        .map(|it| it.claims)
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn its_document_says_what_it_does() {
    let provider = provider(json!({})).await;
    let found = provider.read("/.well-known/openid-configuration").await;
    assert_eq!(found["issuer"], provider.issuer());
    assert_eq!(
        found["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));
    let silent = self::provider(json!({ "callback_issuer": false })).await;
    let found = silent.read("/.well-known/openid-configuration").await;
    assert!(found["authorization_response_iss_parameter_supported"].is_null());
    let back = silent.visit(&start(&silent, &[]), "ann").await;
    assert_eq!(back.param("iss"), None);
}

#[tokio::test]
async fn a_code_becomes_tokens_once_and_they_say_who_it_is() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let provider = provider(json!({ "alg": algorithm })).await;
        let back = provider.visit(&start(&provider, &[]), "ann").await;
        assert!(
            back.path()
                .starts_with("/accounts/oidc/test/login/callback/?code=")
        );
        assert_eq!(back.param("state").as_deref(), Some("s-1"));
        assert_eq!(back.param("iss").as_deref(), Some(provider.issuer()));
        let (status, tokens) = exchange(&provider, &back).await;
        assert_eq!(status, 200, "{tokens}");

        let token = tokens["id_token"].as_str().unwrap();
        let claims = verified(&provider, token).await.unwrap();
        assert_eq!(claims["sub"], "sub-of-ann");
        assert_eq!(claims["nonce"], "n-1");
        assert!(claims["email"].is_null(), "that is what userinfo is for");

        let (_, again) = exchange(&provider, &back).await;
        assert_eq!(again["error"], "invalid_grant");
        assert_eq!(provider.count("POST /token").await, 2);
        assert!(provider.struck().await.is_empty());
    }
}

async fn bearer(provider: &IdentityProvider, path: &str, token: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.get(provider.url(path));
    let answer = asked
        .bearer_auth(token.as_str().unwrap())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn userinfo_has_the_claims_of_the_account() {
    let provider = provider(json!({})).await;
    let given = tokens(&provider).await;
    let (status, ann) = bearer(&provider, "/me", &given["access_token"]).await;
    assert_eq!(status, 200);
    assert_eq!(ann["email"], "ann@example.com");
    assert_eq!(ann["email_verified"], true);
    assert_eq!(ann["given_name"], "Ann");
    let (_, plain) = bearer(&provider, "/profile", &given["access_token"]).await;
    assert_eq!(plain["id"], "sub-of-ann");
    assert_eq!(bearer(&provider, "/me", &json!("nonsense")).await.0, 401);

    provider
        .account(json!({ "login": "ann", "sub": "sub-of-ann", "email": "new@example.com" }))
        .await;
    let (_, ann) = bearer(&provider, "/me", &given["access_token"]).await;
    assert_eq!(ann["email"], "new@example.com");
}

#[tokio::test]
async fn without_the_verifier_of_its_challenge_a_code_is_worth_nothing() {
    let provider = provider(json!({})).await;
    let back = provider.visit(&start(&provider, &[]), "ann").await;
    let code = back.param("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", BACK),
        (
            "code_verifier",
            "another-verifier-another-verifier-another-verifier",
        ),
    ];
    let (status, said) = provider.post("/token", CLIENT, &form).await;
    assert_eq!((status, &said["error"]), (400, &json!("invalid_grant")));
    let (status, _) = provider.post("/token", ("the-app", "wrong"), &form).await;
    assert_eq!(status, 401);

    let bare = [
        ("client_id", CLIENT.0),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("state", "s-1"),
    ];
    let bare = with_query(&provider.url("/auth"), &bare);
    let back = provider.visit(&bare, "ann").await;
    assert_eq!(back.param("error").as_deref(), Some("invalid_request"));
    let easy = self::provider(json!({ "pkce": false })).await;
    let bare = bare.replace(provider.issuer(), easy.issuer());
    assert!(easy.visit(&bare, "ann").await.param("code").is_some());
}

#[tokio::test]
async fn form_post_brings_the_answer_in_a_form() {
    let provider = provider(json!({})).await;
    let asked = start(&provider, &[("response_mode", "form_post")]);
    let back = provider.visit(&asked, "ann").await;
    assert_eq!(back.url.as_str(), BACK);
    assert!(back.form.is_some());
    assert_eq!(back.param("state").as_deref(), Some("s-1"));
    assert_eq!(back.param("iss").as_deref(), Some(provider.issuer()));
    assert_eq!(exchange(&provider, &back).await.0, 200);

    provider.fault("callback_other_issuer").await;
    let back = provider.visit(&asked, "ann").await;
    assert_eq!(
        back.param("iss").as_deref(),
        Some("https://another.example")
    );
    assert!(back.param("code").is_some());
}

#[tokio::test]
async fn who_was_there_is_known_there_and_who_cancels_is_sent_back() {
    let provider = provider(json!({ "consent": true })).await;
    let mut visitor = provider.visitor();
    visitor.visit(&start(&provider, &[]), "ann").await;
    // No page asks again: a login that nobody has would be refused there.
    let back = visitor.visit(&start(&provider, &[]), "nobody").await;
    assert!(back.param("code").is_some());
    let back = provider.visitor().cancel(&start(&provider, &[])).await;
    assert_eq!(back.param("error").as_deref(), Some("access_denied"));
    assert_eq!(back.param("state").as_deref(), Some("s-1"));
}

#[tokio::test]
async fn offline_access_brings_a_refresh_token() {
    let provider = provider(json!({})).await;
    assert!(tokens(&provider).await["refresh_token"].is_null());
    let more = [
        ("scope", "openid email offline_access"),
        ("prompt", "consent"),
    ];
    let back = provider.visit(&start(&provider, &more), "ann").await;
    let (_, given) = exchange(&provider, &back).await;
    let refresh = given["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, renewed) = provider.post("/token", CLIENT, &form).await;
    assert_eq!(status, 200, "{renewed}");
    assert_ne!(renewed["access_token"], given["access_token"]);
}

#[tokio::test]
async fn after_a_rotation_the_old_key_is_gone_and_the_new_one_signs() {
    let provider = provider(json!({ "alg": "ES256" })).await;
    let old = tokens(&provider).await;
    let old = old["id_token"].as_str().unwrap();
    let mut visitor = provider.visitor();
    visitor.visit(&start(&provider, &[]), "ann").await;
    provider.rotate_keys().await;
    let new = tokens(&provider).await;
    let new = new["id_token"].as_str().unwrap();
    assert!(verified(&provider, new).await.is_ok());
    assert_eq!(
        verified(&provider, old).await.unwrap_err(),
        "a key that is not published"
    );
    let back = visitor.visit(&start(&provider, &[]), "nobody").await;
    assert!(back.param("code").is_some(), "it still knows its people");
}

#[tokio::test]
async fn it_hangs_up_while_it_is_stopped_and_others_do_not() {
    let (stopped, other) = (provider(json!({})).await, provider(json!({})).await);
    stopped.stop().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.get(stopped.url("/jwks")).send().await.is_err());
    assert!(client.get(other.url("/jwks")).send().await.is_ok());
    stopped.run().await;
    assert!(client.get(stopped.url("/jwks")).send().await.is_ok());

    let begun = Instant::now();
    stopped
        .faults("jwks_slow", 1, Duration::from_millis(700))
        .await;
    stopped.read("/jwks").await;
    assert!(begun.elapsed() >= Duration::from_millis(700));
    assert_eq!(stopped.struck().await, ["jwks_slow"]);
}
