use std::sync::{Arc, Mutex};

use hallpass_testkit::web::{Asked, Said, Web};
use serde_json::json;

use super::super::engine;
use super::super::example::{Example, members};
use super::super::signer::Key;
use super::*;

mod bounds;

const DESCRIPTION: &str = include_str!("../../../providers/openid_connect.toml");

/// A provider of the test's own, and an app that it knows.
struct Setting {
    example: Example,
    web: Web,
    says: Arc<Mutex<Says>>,
}

/// What it says, each over what is right.
struct Says {
    key: Key,
    nonce: Option<String>,
    now: i64,
    document: Value,
    claims: Value,
    token: Value,
    userinfo: Value,
    /// At a path, whatever it is otherwise.
    instead: Option<(&'static str, Said)>,
}

fn over(mut right: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().into_iter().flatten() {
        match value.is_null() {
            true => right.as_object_mut().unwrap().shift_remove(name),
            false => right
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    right
}

fn answer(says: &Says, asked: &Asked) -> Said {
    if let Some((path, said)) = &says.instead
        && *path == asked.path
    {
        return said.clone();
    }
    let origin = asked.origin();
    let right = match asked.path.as_str() {
        "/.well-known/openid-configuration" => over(
            json!({
                "issuer": origin,
                "authorization_endpoint": format!("{origin}/authorize?tenant=1"),
                "token_endpoint": format!("{origin}/token"),
                "userinfo_endpoint": format!("{origin}/userinfo"),
                "jwks_uri": format!("{origin}/jwks"),
            }),
            &says.document,
        ),
        "/jwks" => json!({"keys": [says.key.jwk()]}),
        "/token" => {
            let claims = json!({
                "iss": origin, "sub": "ann-1", "aud": "client-1", "iat": says.now,
                "exp": says.now + 300, "nonce": says.nonce, "email": "ann@example.com",
                "email_verified": true, "name": "Ann from the token",
            });
            let claims = over(claims, &says.claims);
            let right = json!({
                "access_token": "access-1", "token_type": "Bearer", "expires_in": 3600,
                "refresh_token": "refresh-1", "id_token": says.key.sign(&claims).reveal(),
            });
            over(right, &says.token)
        }
        "/userinfo" => over(
            json!({"sub": "ann-1", "preferred_username": "ann", "given_name": "Ann", "name": "Ann"}),
            &says.userinfo,
        ),
        _ => return Said::status(404),
    };
    Said::json(&right)
}

impl Setting {
    async fn new() -> Self {
        Setting::with(json!({})).await
    }

    async fn with(settings: Value) -> Self {
        let mut example = Example::new(DESCRIPTION);
        let says = Arc::new(Mutex::new(Says {
            key: Key::ec("key-1"),
            nonce: None,
            now: example.now.seconds(),
            document: json!({}),
            claims: json!({}),
            token: json!({}),
            userinfo: json!({}),
            instead: None,
        }));
        let kept = Arc::clone(&says);
        let web = Web::start(move |asked| answer(&kept.lock().unwrap(), asked)).await;
        let right = json!({"server_url": web.origin()});
        example.app.settings = members(over(right, &settings));
        Setting { example, web, says }
    }

    fn says(&self) -> std::sync::MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    async fn begin(&self) -> Begun {
        self.try_begin().await.unwrap()
    }

    async fn try_begin(&self) -> Result<Begun, Fault> {
        let ask = Ask {
            state: "state-1".to_owned(),
            ..Ask::default()
        };
        let begun = engine::begin(&self.example.call(), &ask).await?;
        self.says().nonce = parameter(&begun.url, "nonce");
        Ok(begun)
    }

    async fn finish(&self, begun: &Begun, params: &[(&str, &str)]) -> Result<Found, Fault> {
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        engine::finish(&self.example.call(), &begun.kept, &params.collect()).await
    }

    /// There and back.
    async fn sign_in(&self) -> Result<Found, Fault> {
        let begun = self.try_begin().await?;
        self.finish(&begun, &[("code", "code-1"), ("state", "state-1")])
            .await
    }

    async fn refused(&self, why: &str) {
        match self.sign_in().await {
            Err(Fault::Invalid(text)) => assert!(text.contains(why), "{why}: {text}"),
            other => panic!("{why}: {other:?}"),
        }
    }

    async fn misconfigured(&self, why: &str) {
        match self.sign_in().await {
            Err(Fault::Misconfigured(text)) => assert!(text.contains(why), "{why}: {text}"),
            other => panic!("{why}: {other:?}"),
        }
    }

    /// The newest request at a path.
    fn asked(&self, path: &str) -> Asked {
        let asked = self.web.asked();
        asked.into_iter().rfind(|asked| asked.path == path).unwrap()
    }
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    let mut pairs = url.query_pairs().filter(|(known, _)| known == name);
    let found = pairs.next().map(|(_, value)| value.into_owned());
    assert!(pairs.next().is_none(), "{name} is there twice");
    found
}

#[tokio::test]
async fn a_visitor_goes_there_and_comes_back_as_somebody() {
    let setting = Setting::new().await;
    let begun = setting.begin().await;
    let given = |name| parameter(&begun.url, name);
    assert!(
        begun
            .url
            .starts_with(&setting.web.url("/authorize?tenant=1&"))
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "client-1"),
        (
            "redirect_uri",
            "https://app.example/accounts/example/login/callback/",
        ),
        ("scope", "openid profile email"),
        ("state", "state-1"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(given(name).as_deref(), Some(value), "{name}");
    }
    let other = setting.begin().await;
    assert_ne!(given("nonce"), parameter(&other.url, "nonce"));
    assert_ne!(
        given("code_challenge"),
        parameter(&other.url, "code_challenge")
    );
    setting.says().nonce = given("nonce");

    let found = setting.finish(&begun, &[("code", "code-1")]).await.unwrap();
    let asked = setting.asked("/token");
    let field = |name| asked.field(name).unwrap();
    assert_eq!(field("grant_type"), "authorization_code");
    assert_eq!(field("code"), "code-1");
    assert_eq!(field("redirect_uri"), setting.example.call().redirect_uri);
    let verifier = field("code_verifier");
    assert_eq!(verifier.len(), 128);
    assert_eq!(Some(grant::challenge(&verifier)), given("code_challenge"));
    let authorization = setting.asked("/userinfo");
    assert_eq!(
        authorization.header("authorization"),
        Some("Bearer access-1")
    );

    let profile = found.profile;
    assert_eq!(profile.uid, "ann-1");
    assert_eq!(profile.username.as_deref(), Some("ann"));
    assert_eq!(profile.first_name.as_deref(), Some("Ann"));
    assert_eq!(
        profile.name.as_deref(),
        Some("Ann"),
        "the userinfo goes before the token"
    );
    assert_eq!(profile.emails[0].email, "ann@example.com");
    assert!(profile.emails[0].verified);
    assert_eq!(profile.extra_data["userinfo"]["preferred_username"], "ann");
    assert_eq!(profile.extra_data["id_token"]["sub"], "ann-1");
    let tokens = found.tokens.unwrap();
    assert_eq!(tokens.token.reveal(), "access-1");
    assert_eq!(tokens.token_secret.unwrap().reveal(), "refresh-1");
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(tokens.expires_at, Some(setting.example.now + hour));
    assert!(found.once.is_some());
}

#[tokio::test]
async fn the_example_of_rfc_7636() {
    let challenge = grant::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[tokio::test]
async fn discovery_and_keys_are_fetched_once() {
    let setting = Setting::new().await;
    for _ in 0..3 {
        assert!(setting.sign_in().await.is_ok());
    }
    assert_eq!(setting.web.count("/.well-known/openid-configuration"), 1);
    assert_eq!(setting.web.count("/jwks"), 1);
    // While discovery is down, what it said goes on.
    let mut setting = setting;
    setting.says().instead = Some(("/.well-known/openid-configuration", Said::status(503)));
    setting.example.now = setting.example.now + std::time::Duration::from_secs(7200);
    let now = setting.example.now.seconds();
    setting.says().now = now;
    assert!(setting.sign_in().await.is_ok());
    assert_eq!(setting.web.count("/.well-known/openid-configuration"), 2);
}

#[tokio::test]
async fn the_document_is_the_configured_issuers() {
    for issuer in [
        json!("https://other.example"),
        json!("https://accounts.google.com"),
        json!(""),
        json!(null),
        json!(7),
    ] {
        let setting = Setting::new().await;
        setting.says().document = json!({"issuer": issuer});
        setting.misconfigured("calls itself").await;
    }
    // A slash more or less is what people get wrong.
    let setting = Setting::new().await;
    let issuer = setting.web.url("/");
    setting.says().document = json!({"issuer": issuer});
    setting.refused("another issuer").await;
    setting.says().claims = json!({"iss": issuer});
    assert!(setting.sign_in().await.is_ok());
    // The operator knows better.
    let setting = Setting::with(json!({
        "openid_configuration_overrides": {"issuer": "https://outside.example"},
    }))
    .await;
    setting.refused("another issuer").await;
    setting.says().claims = json!({"iss": "https://outside.example"});
    assert!(setting.sign_in().await.is_ok());
}

#[test]
fn where_the_document_is() {
    for (server, url, issuer) in [
        (
            "https://a.example",
            "https://a.example/.well-known/openid-configuration",
            "https://a.example",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/openid-configuration",
            "https://a.example",
        ),
        (
            "https://a.example/realms/x",
            "https://a.example/realms/x/.well-known/openid-configuration",
            "https://a.example/realms/x",
        ),
        (
            "https://a.example/realms/x/.well-known/openid-configuration",
            "https://a.example/realms/x/.well-known/openid-configuration",
            "https://a.example/realms/x",
        ),
        (
            "https://a.example/.well-known/oauth-authorization-server/realms/x",
            "https://a.example/.well-known/oauth-authorization-server/realms/x",
            "https://a.example/realms/x",
        ),
    ] {
        assert_eq!(whereabouts(server), (url.to_owned(), issuer.to_owned()));
    }
}

#[tokio::test]
async fn what_the_operator_got_wrong_is_told_as_that() {
    let setting = Setting::new().await;
    setting.says().instead = Some(("/.well-known/openid-configuration", Said::status(404)));
    setting.misconfigured("no discovery document").await;
    for server in [
        json!(null),
        json!(""),
        json!(7),
        json!("nonsense"),
        json!("http://10.0.0.1/"),
    ] {
        Setting::with(json!({"server_url": server}))
            .await
            .misconfigured("")
            .await;
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let setting = Setting::new().await;
        setting.says().document = json!({name: null});
        setting.misconfigured(name).await;
    }
    for url in [
        "javascript:alert(1)",
        "https://169.254.169.254/",
        "//evil",
        "https://a@b.example/",
    ] {
        let setting = Setting::new().await;
        setting.says().document = json!({"authorization_endpoint": url});
        setting.misconfigured("").await;
        let setting = Setting::new().await;
        setting.says().document = json!({"token_endpoint": url});
        setting.misconfigured("").await;
        let setting = Setting::new().await;
        setting.says().document = json!({"jwks_uri": url});
        setting.misconfigured("").await;
    }
}

#[tokio::test]
async fn an_answer_that_says_whose_it_is_must_be_the_providers() {
    let setting = Setting::new().await;
    let origin = setting.web.origin();
    let begun = setting.begin().await;
    let with = |iss| [("code", "code-1"), ("iss", iss)];
    let slash = format!("{origin}/");
    for iss in ["https://evil.example", "", &slash] {
        let refused = setting.finish(&begun, &with(iss)).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{iss}");
    }
    // Before anything else, an error among it.
    let error = [("error", "access_denied"), ("iss", "https://evil.example")];
    assert!(matches!(
        setting.finish(&begun, &error).await,
        Err(Fault::Invalid(_))
    ));
    assert_eq!(setting.web.count("/token"), 0, "the code went to nobody");
    assert!(setting.finish(&begun, &with(&origin)).await.is_ok());
    // One that always says it has said it.
    let setting = Setting::new().await;
    setting.says().document = json!({"authorization_response_iss_parameter_supported": true});
    setting.refused("does not say whose").await;
    assert_eq!(setting.web.count("/token"), 0);
}

#[tokio::test]
async fn a_no_is_a_no() {
    let setting = Setting::new().await;
    let begun = setting.begin().await;
    let cancelled = setting.finish(&begun, &[("error", "access_denied")]).await;
    assert_eq!(cancelled.unwrap_err(), Fault::Cancelled);
    let denied = [("error", "bad\n<b>"), ("error_description", "x")];
    match setting.finish(&begun, &denied).await {
        Err(Fault::Denied(text)) => assert!(!text.contains('\n'), "{text}"),
        other => panic!("{other:?}"),
    }
    for params in [&[][..], &[("code", "")], &[("code", "a\r\nb")]] {
        let refused = setting.finish(&begun, params).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))));
    }
    assert_eq!(setting.web.count("/token"), 0);
}

#[tokio::test]
async fn the_id_token_is_verified_also_where_tls_vouches_for_it() {
    for (claims, why) in [
        (json!({"iss": "https://evil.example"}), "another issuer"),
        (json!({"aud": "client-2"}), "another app"),
        (json!({"azp": "client-2"}), "another app"),
        (json!({"exp": 1}), "expired"),
        (json!({"nonce": null}), "nonce"),
        (json!({"nonce": "other"}), "nonce"),
        (json!({"at_hash": "AAAA"}), "access token"),
        (json!({"sub": null}), "sub"),
    ] {
        let setting = Setting::new().await;
        setting.says().claims = claims;
        setting.refused(why).await;
    }
    let setting = Setting::new().await;
    setting.says().token = json!({"id_token": null});
    setting.refused("no id token").await;
    setting.says().token = json!({"id_token": "a.b.c"});
    setting.refused("no signed token").await;
    // Signed by somebody else.
    assert!(setting.web.count("/userinfo") == 0);
    let liar = Key::ec("key-1");
    let claims = json!({"iss": setting.web.origin(), "sub": "ann-1", "aud": "client-1",
        "iat": setting.example.now.seconds(), "exp": setting.example.now.seconds() + 300});
    setting.says().token = json!({"id_token": liar.sign(&claims).reveal()});
    setting.refused("no key").await;
}

#[tokio::test]
async fn a_nonce_that_was_not_kept_is_no_nonce() {
    let setting = Setting::new().await;
    let mut begun = setting.begin().await;
    begun.kept.shift_remove("nonce");
    let refused = setting.finish(&begun, &[("code", "code-1")]).await;
    assert!(matches!(refused, Err(Fault::Invalid(_))));
    // The answer to another tab's.
    let setting = Setting::new().await;
    let first = setting.begin().await;
    setting.begin().await;
    let refused = setting.finish(&first, &[("code", "code-1")]).await;
    assert!(matches!(refused, Err(Fault::Invalid(_))));
}

#[tokio::test]
async fn userinfo_of_somebody_else_is_refused() {
    for sub in [
        json!("bob-2"),
        json!(null),
        json!(""),
        json!(["ann-1"]),
        json!("ann-1 "),
    ] {
        let setting = Setting::new().await;
        setting.says().userinfo = json!({"sub": sub});
        setting.refused("somebody else").await;
    }
    let setting = Setting::new().await;
    setting.says().instead = Some(("/userinfo", Said::text(200, "application/jwt", "a.b.c")));
    setting.misconfigured("signs its userinfo").await;
    for (status, unavailable) in [(503, true), (500, true), (401, false), (302, false)] {
        setting.says().instead = Some(("/userinfo", Said::status(status)));
        let fault = setting.sign_in().await.unwrap_err();
        assert_eq!(
            matches!(fault, Fault::Unavailable(_)),
            unavailable,
            "{fault:?}"
        );
    }
    for body in ["", "[]", "null", "<html>", "{"] {
        let text = Said::text(200, "application/json", body);
        setting.says().instead = Some(("/userinfo", text));
        setting.refused("").await;
    }
}

#[tokio::test]
async fn userinfo_need_not_be_fetched() {
    let setting = Setting::with(json!({"fetch_userinfo": false})).await;
    let found = setting.sign_in().await.unwrap();
    assert_eq!(found.profile.name.as_deref(), Some("Ann from the token"));
    assert_eq!(found.profile.extra_data.get("userinfo"), None);
    assert_eq!(setting.web.count("/userinfo"), 0);
    let setting = Setting::new().await;
    setting.says().document = json!({"userinfo_endpoint": null});
    assert!(setting.sign_in().await.is_ok());
}

#[tokio::test]
async fn whoever_says_an_address_says_whether_it_is_verified() {
    let setting = Setting::new().await;
    setting.says().userinfo = json!({"email": "boss@example.com"});
    let emails = setting.sign_in().await.unwrap().profile.emails;
    assert_eq!(emails.len(), 1);
    assert_eq!(emails[0].email, "boss@example.com");
    assert!(!emails[0].verified, "the token vouched for another");
    setting.says().userinfo = json!({"email": "boss@example.com", "email_verified": "true"});
    assert!(setting.sign_in().await.unwrap().profile.emails[0].verified);
    for verified in [
        json!("false"),
        json!(false),
        json!("yes"),
        json!([true]),
        json!({}),
    ] {
        setting.says().userinfo = json!({"email": "a@example.com", "email_verified": verified});
        assert!(
            !setting.sign_in().await.unwrap().profile.emails[0].verified,
            "{verified}"
        );
    }
}

#[tokio::test]
async fn the_uid_may_be_another_claim_but_none_that_moves() {
    let with = |field: &str| Setting::with(json!({"uid_field": field}));
    let setting = with("oid").await;
    setting.says().claims = json!({"oid": "o-7"});
    assert_eq!(setting.sign_in().await.unwrap().profile.uid, "o-7");
    let setting = with("oid").await;
    assert!(matches!(setting.sign_in().await, Err(Fault::Invalid(_))));
    for field in ["email", "preferred_username", "name", "upn"] {
        let mut setting = with(field).await;
        setting.says().claims = json!({"upn": "ann"});
        setting.misconfigured("somebody else").await;
        setting.example.permits.mutable_uids = true;
        assert!(setting.sign_in().await.is_ok(), "{field}");
    }
}

#[tokio::test]
async fn the_app_proves_itself_as_the_provider_takes_it() {
    let basic = "Basic Y2xpZW50LTE6c2VjcmV0LTE=";
    for (said, takes, header, secret) in [
        (json!(null), json!(null), Some(basic), false),
        (
            json!(null),
            json!(["client_secret_basic"]),
            Some(basic),
            false,
        ),
        (
            json!(null),
            json!(["client_secret_basic", "client_secret_post"]),
            None,
            true,
        ),
        (json!(null), json!(["none"]), None, false),
        (
            json!("client_secret_basic"),
            json!(["client_secret_post"]),
            Some(basic),
            false,
        ),
        (json!("client_secret_post"), json!(null), None, true),
        (json!("none"), json!(null), None, false),
    ] {
        let setting = Setting::with(json!({"token_auth_method": said})).await;
        setting.says().document = json!({"token_endpoint_auth_methods_supported": takes});
        setting.sign_in().await.unwrap();
        let asked = setting.asked("/token");
        assert_eq!(asked.header("authorization"), header, "{said} {takes}");
        assert_eq!(asked.field("client_secret").is_some(), secret);
        assert_eq!(asked.field("client_id").is_some(), header.is_none());
    }
    let setting = Setting::with(json!({"token_auth_method": "private_key_jwt"})).await;
    setting.misconfigured("token_auth_method").await;
    let setting = Setting::new().await;
    let takes = json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]});
    setting.says().document = takes;
    setting.misconfigured("no way").await;
    // RFC 6749, 2.3.1: a colon in the id is no border.
    let mut setting = Setting::new().await;
    setting.example.app.client_id = "a:b c".to_owned();
    setting.says().claims = json!({"aud": "a:b c"});
    setting.sign_in().await.unwrap();
    let header = setting
        .asked("/token")
        .header("authorization")
        .unwrap()
        .to_owned();
    assert_eq!(header, "Basic YSUzQWIrYzpzZWNyZXQtMQ==");
}

#[tokio::test]
async fn a_challenge_is_sent_unless_somebody_says_no() {
    for (setting_says, provider_says, sent) in [
        (json!(null), json!(null), true),
        (json!(null), json!(["plain", "S256"]), true),
        (json!(null), json!(["plain"]), false),
        (json!(true), json!(["plain"]), true),
        (json!(false), json!(["S256"]), false),
    ] {
        let setting = Setting::with(json!({"oauth_pkce_enabled": setting_says})).await;
        setting.says().document = json!({"code_challenge_methods_supported": provider_says});
        let begun = setting.begin().await;
        assert_eq!(parameter(&begun.url, "code_challenge").is_some(), sent);
        assert!(setting.finish(&begun, &[("code", "code-1")]).await.is_ok());
        assert_eq!(
            setting.asked("/token").field("code_verifier").is_some(),
            sent
        );
    }
}

#[tokio::test]
async fn parameters_of_the_app_change_nothing_of_the_protocol() {
    let setting = Setting::with(json!({
        "scope": ["profile"],
        "auth_params": {"prompt": "consent", "state": "x", "nonce": "x", "redirect_uri": "x", "n": 7},
    }))
    .await;
    let begun = setting.begin().await;
    let given = |name| parameter(&begun.url, name);
    assert_eq!(given("prompt").as_deref(), Some("consent"));
    assert_eq!(given("n").as_deref(), Some("7"));
    assert_eq!(given("state").as_deref(), Some("state-1"));
    assert_eq!(given("scope").as_deref(), Some("openid profile"));
    assert_eq!(
        given("redirect_uri").as_deref(),
        Some(setting.example.call().redirect_uri)
    );
    assert_ne!(given("nonce").as_deref(), Some("x"));
    // Where a fresh proof is wanted.
    let ask = Ask {
        reauthenticate: true,
        ..Ask::default()
    };
    let begun = engine::begin(&setting.example.call(), &ask).await.unwrap();
    assert_eq!(parameter(&begun.url, "prompt").as_deref(), Some("login"));
}

#[tokio::test]
async fn a_provider_that_is_out_of_order_is_said_to_be() {
    for path in [
        "/.well-known/openid-configuration",
        "/token",
        "/jwks",
        "/userinfo",
    ] {
        let setting = Setting::new().await;
        setting.says().instead = Some((path, Said::status(500)));
        let fault = setting.sign_in().await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{path}: {fault:?}");
        setting.says().instead = Some((path, Said::HangUp));
        let setting = Setting {
            example: Example::new(DESCRIPTION),
            ..setting
        };
        let server = setting.web.origin();
        let mut setting = setting;
        setting.example.app.settings = members(json!({"server_url": server}));
        let fault = setting.sign_in().await.unwrap_err();
        assert!(matches!(fault, Fault::Unavailable(_)), "{path}: {fault:?}");
    }
    let setting = Setting::new().await;
    let error = json!({"error": "invalid_grant", "error_description": "spent"});
    setting.says().instead = Some((
        "/token",
        Said::text(400, "application/json", &error.to_string()),
    ));
    assert!(matches!(setting.sign_in().await, Err(Fault::Denied(_))));
    setting.says().instead = Some(("/token", Said::json(&error)));
    assert!(matches!(setting.sign_in().await, Err(Fault::Denied(_))));
    setting.says().instead = None;
    for token in [json!(null), json!(""), json!(7), json!("a\r\nb")] {
        setting.says().token = json!({"access_token": token});
        setting.refused("no token").await;
    }
    setting.says().token = json!({"expires_in": 1e300, "refresh_token": 7});
    let tokens = setting.sign_in().await.unwrap().tokens.unwrap();
    assert!(tokens.token_secret.is_none() && tokens.expires_at.is_none());
}

#[tokio::test]
async fn a_client_hands_over_an_id_token() {
    let setting = Setting::new().await;
    let now = setting.example.now.seconds();
    let claims = json!({"iss": setting.web.origin(), "sub": "ann-1", "aud": "client-1",
        "iat": now - 3000, "exp": now + 60, "name": "Ann"});
    let hand = |claims: &Value| Handed {
        id_token: Some(setting.says().key.sign(claims)),
        ..Handed::default()
    };
    let by = async |handed: Handed| engine::by_token(&setting.example.call(), &handed).await;
    let found = by(hand(&claims)).await.unwrap();
    assert_eq!(found.profile.uid, "ann-1");
    assert!(found.tokens.is_none());
    assert!(found.once.is_some());
    for (name, value) in [
        ("aud", json!("client-2")),
        ("azp", json!("client-2")),
        ("exp", json!(now - 60)),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        assert!(
            matches!(by(hand(&claims)).await, Err(Fault::Invalid(_))),
            "{name}"
        );
    }
    // An access token alone proves nothing; beside an id token it is looked at.
    let access = |token: &str| Some(Secret::new(token));
    let alone = Handed {
        access_token: access("access-1"),
        ..Handed::default()
    };
    assert!(matches!(by(alone).await, Err(Fault::Invalid(_))));
    let both = Handed {
        access_token: access("access-1"),
        ..hand(&claims)
    };
    let found = by(both).await.unwrap();
    assert_eq!(found.profile.username.as_deref(), Some("ann"));
    assert_eq!(found.tokens.unwrap().token.reveal(), "access-1");
    setting.says().userinfo = json!({"sub": "bob-2"});
    let others = Handed {
        access_token: access("access-2"),
        ..hand(&claims)
    };
    assert!(matches!(by(others).await, Err(Fault::Invalid(_))));
}

#[tokio::test]
async fn a_client_hands_over_a_code() {
    let setting = Setting::new().await;
    let handed = Handed {
        code: Some(Secret::new("code-2")),
        code_verifier: Some(Secret::new("verifier-2")),
        ..Handed::default()
    };
    let found = engine::by_token(&setting.example.call(), &handed)
        .await
        .unwrap();
    assert_eq!(found.profile.uid, "ann-1");
    let asked = setting.asked("/token");
    assert_eq!(asked.field("code").as_deref(), Some("code-2"));
    assert_eq!(asked.field("code_verifier").as_deref(), Some("verifier-2"));
}

#[tokio::test]
async fn a_refresh_token_gives_new_ones() {
    let setting = Setting::new().await;
    let tokens = engine::refresh(&setting.example.call(), &Secret::new("refresh-1")).await;
    assert_eq!(tokens.unwrap().token.reveal(), "access-1");
    let asked = setting.asked("/token");
    assert_eq!(asked.field("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(asked.field("refresh_token").as_deref(), Some("refresh-1"));
}
