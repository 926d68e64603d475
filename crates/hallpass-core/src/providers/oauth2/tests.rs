use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass_testkit::web::{Asked, Said, Web};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::super::example::Example;
use super::super::signer::{Key, KeyServer};
use super::super::{Ask, Begun, Permits, catalogue};
use super::*;
use crate::outbound::{Options, Outbound};

/// A description that has most of what there can be, with a server's address in the place of `{origin}`.
const FULL: &str = r#"
name = "Example"
kind = "oauth2"
[authorize]
url = "ORIGIN/authorize?fixed=1"
scope = ["identity"]
scope_for_email = ["email"]
query = { access_type = "offline" }
reauthenticate = { prompt = "login" }
[callback]
cancelled = ["access_denied", "user_cancelled"]
[token]
url = "ORIGIN/token"
[audience]
url = "ORIGIN/tokeninfo"
auth = "query"
path = "aud"
[[profile]]
url = "ORIGIN/me"
[[profile]]
url = "ORIGIN/emails"
into = "emails"
for_email = true
optional = true
[account]
uid = "id"
uid_reason = "a number, given once"
email = "email"
"#;

fn full(origin: &str) -> Example {
    Example::new(&FULL.replace("ORIGIN", origin))
}

fn ask() -> Ask {
    Ask {
        state: "state-1".to_owned(),
        ..Ask::default()
    }
}

fn params(pairs: &[(&str, &str)]) -> Params {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// The parameters of a redirect.
fn query(begun: &Begun) -> Params {
    let url = Url::parse(&begun.url).unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let params: Params = pairs.iter().cloned().collect();
    assert_eq!(params.len(), pairs.len(), "a parameter is there twice");
    params
}

fn begun(example: &Example, ask: &Ask) -> Params {
    query(&begin(&example.call(), ask).unwrap())
}

#[test]
fn the_redirect_has_what_the_protocol_demands() {
    let example = full("https://idp.example");
    let begun = begin(&example.call(), &ask()).unwrap();
    assert!(
        begun
            .url
            .starts_with("https://idp.example/authorize?fixed=1&")
    );
    let verifier = begun.kept[VERIFIER].as_str().unwrap();
    assert_eq!(verifier.len(), 128);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let expected = params(&[
        ("fixed", "1"),
        ("access_type", "offline"),
        ("client_id", "client-1"),
        (
            "redirect_uri",
            "https://app.example/accounts/example/login/callback/",
        ),
        ("response_type", "code"),
        ("scope", "identity email"),
        ("state", "state-1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    assert_eq!(query(&begun), expected);
    let other = begin(&example.call(), &ask()).unwrap();
    assert_ne!(other.kept[VERIFIER], begun.kept[VERIFIER]);
    assert!(!begun.url.contains(verifier) && !begun.url.contains("secret-1"));
}

#[test]
fn scopes_are_the_callers_the_settings_or_the_descriptions() {
    let mut example = full("https://idp.example");
    example.query_email = false;
    assert_eq!(begun(&example, &ask())["scope"], "identity");
    example.query_email = true;
    for (setting, scope) in [
        (json!(["a", "b", "a"]), "a b"),
        (json!("a b"), "a b"),
        (json!(null), "identity email"),
    ] {
        example.app.settings = Map::from_iter([("scope".to_owned(), setting)]);
        assert_eq!(begun(&example, &ask())["scope"], scope);
    }
    let own = Ask {
        scope: Some(vec!["other".to_owned()]),
        ..ask()
    };
    assert_eq!(begun(&example, &own)["scope"], "other");
    example.app.settings = Map::from_iter([("scope".to_owned(), json!([]))]);
    assert!(!begun(&example, &ask()).contains_key("scope"));
    example.app.settings = Map::from_iter([("scope".to_owned(), json!([7]))]);
    let wrong = begin(&example.call(), &ask());
    assert!(matches!(wrong, Err(Fault::Misconfigured(_))));
}

#[test]
fn a_challenge_is_sent_as_the_settings_or_the_description_say() {
    let mut example = full("https://idp.example");
    for (setting, sent) in [
        (json!(false), false),
        (json!(true), true),
        (json!(null), true),
    ] {
        example.app.settings = Map::from_iter([("oauth_pkce_enabled".to_owned(), setting)]);
        let begun = begin(&example.call(), &ask()).unwrap();
        assert_eq!(query(&begun).contains_key("code_challenge"), sent);
        assert_eq!(begun.kept.contains_key(VERIFIER), sent);
    }
}

#[test]
fn parameters_are_added_but_never_ours() {
    let mut example = full("https://idp.example");
    let settings = json!({"access_type": "online", "hd": "example.com", "n": 7});
    example.app.settings = Map::from_iter([("auth_params".to_owned(), settings)]);
    let own = Ask {
        parameters: params(&[
            ("login_hint", "anna"),
            ("redirect_uri", "https://evil.example/"),
            ("state", "chosen"),
            ("client_id", "other"),
            ("response_type", "token"),
            ("code_challenge", "x"),
            ("code_challenge_method", "plain"),
            ("request_uri", "https://evil.example/"),
        ]),
        reauthenticate: true,
        ..ask()
    };
    let begun = begun(&example, &own);
    for (name, value) in [
        ("access_type", "online"),
        ("hd", "example.com"),
        ("n", "7"),
        ("prompt", "login"),
        ("login_hint", "anna"),
        ("state", "state-1"),
        ("client_id", "client-1"),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(begun[name], value, "{name}");
    }
    assert!(begun["redirect_uri"].starts_with("https://app.example/"));
    assert!(begun["code_challenge"].len() == 43 && !begun.contains_key("request_uri"));
    for wrong in [
        json!({"state": "x"}),
        json!({"redirect_uri": "x"}),
        json!("a=b"),
        json!({"a": []}),
    ] {
        example.app.settings = Map::from_iter([("auth_params".to_owned(), wrong)]);
        let wrong = begin(&example.call(), &ask());
        assert!(matches!(wrong, Err(Fault::Misconfigured(_))));
    }
}

#[test]
fn names_are_the_providers_also_where_they_are_protected() {
    let renamed = FULL.replace(
        "[callback]",
        "rename = { client_id = \"appid\", redirect_uri = \"redirect_url\", response_type = \"\" }\n[callback]",
    );
    let example = Example::new(&renamed.replace("ORIGIN", "https://idp.example"));
    let own = Ask {
        parameters: params(&[
            ("redirect_url", "https://evil.example/"),
            ("appid", "other"),
        ]),
        ..ask()
    };
    let begun = begun(&example, &own);
    assert_eq!(begun["appid"], "client-1");
    assert!(begun["redirect_url"].starts_with("https://app.example/"));
    for gone in ["client_id", "redirect_uri", "response_type"] {
        assert!(!begun.contains_key(gone), "{gone}");
    }
}

/// A server that answers by path, and what it was asked.
struct Idp {
    web: Web,
    answers: Arc<Mutex<Vec<(&'static str, Said)>>>,
    example: Example,
}

impl Idp {
    async fn start(answers: &[(&'static str, Value)]) -> Self {
        let answers = answers.iter().map(|(path, body)| (*path, Said::json(body)));
        let answers: Arc<Mutex<Vec<_>>> = Arc::new(Mutex::new(answers.collect()));
        let known = Arc::clone(&answers);
        let web = Web::start(move |asked: &Asked| {
            let known = known.lock().unwrap();
            let found = known.iter().find(|(path, _)| *path == asked.path);
            found.map_or(Said::status(404), |(_, said)| said.clone())
        })
        .await;
        let mut example = full(&web.origin());
        let options = Options {
            private: vec!["127.0.0.1".to_owned()],
            ..Options::default()
        };
        example.outbound = Outbound::new(options).unwrap();
        Idp {
            web,
            answers,
            example,
        }
    }

    /// One that knows a person.
    async fn good() -> Self {
        Idp::start(&[
            (
                "/token",
                json!({"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3600}),
            ),
            ("/me", json!({"id": 7, "email": "anna@example.com"})),
            ("/emails", json!([])),
            ("/tokeninfo", json!({"aud": "client-1"})),
        ])
        .await
    }

    fn say(&self, path: &'static str, said: Said) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, _)| *known != path);
        answers.push((path, said));
    }

    /// Another description, with the same server.
    fn describe(&mut self, from: &str, to: &str) {
        assert!(FULL.contains(from));
        let text = FULL
            .replacen(from, to, 1)
            .replace("ORIGIN", &self.web.origin());
        self.example.provider = catalogue::read("example", &text, true).unwrap();
    }

    async fn sign_in(&self, back: &[(&str, &str)]) -> Result<Found, Fault> {
        let begun = begin(&self.example.call(), &ask()).unwrap();
        finish(&self.example.call(), &begun.kept, &params(back)).await
    }

    async fn hand(&self, token: &str) -> Result<Found, Fault> {
        let handed = Handed {
            access_token: Some(Secret::new(token)),
            ..Handed::default()
        };
        by_access_token(&self.example.call(), &handed).await
    }

    fn last(&self) -> Asked {
        self.web.asked().pop().unwrap()
    }
}

const BACK: &[(&str, &str)] = &[("code", "code-1"), ("state", "state-1")];

#[tokio::test]
async fn somebody_comes_back_and_is_found() {
    let idp = Idp::good().await;
    let found = idp.sign_in(BACK).await.unwrap();
    assert_eq!(found.profile.uid, "7");
    let tokens = found.tokens.unwrap();
    assert_eq!(tokens.token.reveal(), "at-1");
    assert_eq!(tokens.token_secret.unwrap().reveal(), "rt-1");
    let now = idp.example.call().now;
    assert_eq!(tokens.expires_at.unwrap().since(now).as_secs(), 3600);
    let asked = idp.web.asked();
    let paths: Vec<&str> = asked.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/token", "/me", "/emails"]);
    assert_eq!(asked[1].header("authorization"), Some("Bearer at-1"));
    assert_eq!(asked[0].header("accept"), Some("application/json"));
}

#[tokio::test]
async fn the_verifier_must_still_be_there() {
    let idp = Idp::good().await;
    let found = finish(&idp.example.call(), &Map::new(), &params(BACK)).await;
    assert!(matches!(found, Err(Fault::Invalid(_))));
    assert!(idp.web.asked().is_empty());
}

#[tokio::test]
async fn a_no_is_a_no_and_its_words_are_only_quoted() {
    let idp = Idp::good().await;
    for word in ["access_denied", "user_cancelled"] {
        let back = [("error", word), ("code", "code-1")];
        assert_eq!(idp.sign_in(&back).await.unwrap_err(), Fault::Cancelled);
    }
    let long = "x".repeat(5000);
    let back = [
        ("error", "server_error\r\nFAKE: line"),
        ("error_description", &long),
    ];
    match idp.sign_in(&back).await.unwrap_err() {
        Fault::Denied(text) => {
            assert!(!text.contains(['\r', '\n']) && text.len() < 400, "{text}");
        }
        other => panic!("{other:?}"),
    }
    let too_long = "c".repeat(LONGEST_CODE + 1);
    for back in [
        vec![],
        vec![("code", "")],
        vec![("code", "a\nb")],
        vec![("code", &too_long)],
    ] {
        let found = idp.sign_in(&back).await;
        assert!(matches!(found, Err(Fault::Invalid(_))), "{back:?}");
    }
    assert!(idp.web.asked().is_empty());
}

#[tokio::test]
async fn a_callback_of_another_issuer_is_refused_before_anything_is_sent() {
    let mut idp = Idp::good().await;
    // Whoever declares no issuer has none to compare.
    let mixed = [("code", "code-1"), ("iss", "https://evil.example")];
    assert!(idp.sign_in(&mixed).await.is_ok());
    let count = idp.web.asked().len();
    idp.describe("[callback]", "[callback]\nissuer = \"https://idp.example\"");
    let good = [("code", "code-1"), ("iss", "https://idp.example")];
    for back in [
        mixed.as_slice(),
        &[("code", "code-1"), ("iss", "https://idp.example/")],
        &[("code", "code-1"), ("iss", "")],
        &[("error", "access_denied"), ("iss", "https://evil.example")],
    ] {
        let found = idp.sign_in(back).await;
        assert!(matches!(found, Err(Fault::Invalid(_))), "{back:?}");
    }
    assert_eq!(idp.web.asked().len(), count);
    assert!(idp.sign_in(&good).await.is_ok() && idp.sign_in(BACK).await.is_ok());
    let required = "[callback]\nissuer = \"https://idp.example\"\nissuer_required = true";
    idp.describe("[callback]", required);
    assert!(matches!(idp.sign_in(BACK).await, Err(Fault::Invalid(_))));
    assert!(idp.sign_in(&good).await.is_ok());
}

#[tokio::test]
async fn the_app_proves_itself_as_the_provider_wants_it() {
    let mut idp = Idp::good().await;
    idp.example.app.secret = Secret::new("s:e c&r=t");
    let token = |idp: &Idp| {
        idp.web
            .asked()
            .into_iter()
            .rev()
            .find(|it| it.path == "/token")
            .unwrap()
    };
    idp.sign_in(BACK).await.unwrap();
    let asked = token(&idp);
    assert_eq!(asked.field("client_secret").as_deref(), Some("s:e c&r=t"));
    assert_eq!(asked.header("authorization"), None);
    idp.describe("[audience]", "auth = \"basic\"\n[audience]");
    idp.sign_in(BACK).await.unwrap();
    let asked = token(&idp);
    // client-1:s%3Ae+c%26r%3Dt
    let basic = "Basic Y2xpZW50LTE6cyUzQWUrYyUyNnIlM0R0";
    assert_eq!(asked.header("authorization"), Some(basic));
    assert!(asked.field("client_secret").is_none() && asked.field("client_id").is_none());
    idp.describe("[audience]", "auth = \"none\"\n[audience]");
    idp.sign_in(BACK).await.unwrap();
    let asked = token(&idp);
    assert_eq!(asked.field("client_id").as_deref(), Some("client-1"));
    assert!(asked.field("client_secret").is_none() && asked.header("authorization").is_none());
}

#[tokio::test]
async fn a_handed_token_counts_only_if_it_is_for_our_app() {
    let idp = Idp::good().await;
    let found = idp.hand("at-9").await.unwrap();
    assert_eq!(found.profile.uid, "7");
    assert_eq!(found.tokens.unwrap().token.reveal(), "at-9");
    assert_eq!(idp.web.asked()[0].path, "/tokeninfo");
    assert_eq!(
        idp.web.asked()[0].field("access_token").as_deref(),
        Some("at-9")
    );
    idp.say(
        "/tokeninfo",
        Said::json(&json!({"aud": ["other", "client-1"]})),
    );
    assert!(idp.hand("at-9").await.is_ok());
    let before = idp.web.count("/me");
    for answer in [
        json!({"aud": "other"}),
        json!({"aud": "client-1 "}),
        json!({"aud": ["other"]}),
        json!({"aud": null}),
        json!({"aud": {"client-1": true}}),
        json!({"aud": ""}),
        json!({}),
        json!([]),
    ] {
        idp.say("/tokeninfo", Said::json(&answer));
        let found = idp.hand("at-9").await;
        assert!(matches!(found, Err(Fault::Invalid(_))), "{answer}");
    }
    idp.say("/tokeninfo", Said::status(400));
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Denied(_))));
    idp.say("/tokeninfo", Said::status(503));
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Unavailable(_))));
    assert_eq!(
        idp.web.count("/me"),
        before,
        "the profile was asked for nothing"
    );
}

#[tokio::test]
async fn a_token_of_which_nothing_is_told_needs_the_operators_leave() {
    let mut idp = Idp::good().await;
    idp.describe(
        "kind = \"oauth2\"",
        "kind = \"oauth2\"\nby_access_token = \"unbound\"",
    );
    assert!(matches!(
        idp.hand("at-9").await,
        Err(Fault::Misconfigured(_))
    ));
    assert!(idp.web.asked().is_empty());
    idp.example.permits = Permits {
        unbound_tokens: true,
        ..Permits::default()
    };
    assert_eq!(idp.hand("at-9").await.unwrap().profile.uid, "7");
    idp.describe(
        "kind = \"oauth2\"",
        "kind = \"oauth2\"\nby_access_token = \"never\"",
    );
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Invalid(_))));
    // Leave to take unbound tokens is none to take another app's where that is told.
    idp.describe("kind = \"oauth2\"", "kind = \"oauth2\"");
    idp.say("/tokeninfo", Said::json(&json!({"aud": "other"})));
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Invalid(_))));
    for odd in ["", "a b", "a\r\nX: y", "ü"] {
        assert!(
            matches!(idp.hand(odd).await, Err(Fault::Invalid(_))),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn the_profile_itself_may_tell_whose_app_it_is() {
    let mut idp = Idp::good().await;
    idp.describe("url = \"ORIGIN/tokeninfo\"\nauth = \"query\"\n", "");
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Invalid(_))));
    idp.say("/me", Said::json(&json!({"id": 7, "aud": "other"})));
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Invalid(_))));
    idp.say("/me", Said::json(&json!({"id": 7, "aud": "client-1"})));
    assert!(idp.hand("at-9").await.is_ok());
}

#[tokio::test]
async fn a_signed_access_token_is_verified_whoever_brings_it() {
    let key = Key::ec("ec-1");
    let keys = KeyServer::start(&[key.jwk()]).await;
    let mut idp = Idp::good().await;
    let oidc = format!(
        "[oidc]\nissuers = [\"https://idp.example\"]\njwks = \"{}\"\n",
        keys.url()
    );
    let text = FULL
        .replace(
            "[audience]\nurl = \"ORIGIN/tokeninfo\"\nauth = \"query\"\npath = \"aud\"\n",
            &oidc,
        )
        .replace(
            "url = \"ORIGIN/token\"",
            "url = \"ORIGIN/token\"\nid_token = \"access_token\"",
        )
        .replace("uid = \"id\"", "uid = \"id_token.owner\"")
        .replace("ORIGIN", &idp.web.origin());
    idp.example.provider = catalogue::read("example", &text, true).unwrap();
    let now = idp.example.call().now.seconds();
    let token = |audience: Value| {
        key.sign(&json!({
            "iss": "https://idp.example", "sub": "CHARACTER:1", "aud": audience, "azp": "client-1",
            "owner": "owner-1", "iat": now, "exp": now + 300,
        }))
    };
    let good = token(json!(["client-1", "Example Online"]));
    let found = idp.hand(good.reveal()).await.unwrap();
    assert_eq!(found.profile.uid, "owner-1");
    let answer = json!({"access_token": good.reveal()});
    idp.say("/token", Said::json(&answer));
    assert_eq!(idp.sign_in(BACK).await.unwrap().profile.uid, "owner-1");
    let other = token(json!(["other", "Example Online"]));
    assert!(matches!(
        idp.hand(other.reveal()).await,
        Err(Fault::Invalid(_))
    ));
    let broken = format!("{}x", good.reveal());
    assert!(matches!(idp.hand(&broken).await, Err(Fault::Invalid(_))));
    assert!(matches!(idp.hand("at-9").await, Err(Fault::Invalid(_))));
}

#[tokio::test]
async fn a_code_that_a_client_has_is_exchanged_with_its_own_verifier() {
    let idp = Idp::good().await;
    let mut handed = Handed {
        code: Some(Secret::new("code-9")),
        ..Handed::default()
    };
    assert_eq!(
        by_code(&idp.example.call(), &handed)
            .await
            .unwrap()
            .profile
            .uid,
        "7"
    );
    let asked = &idp.web.asked()[0];
    assert_eq!(asked.field("code").as_deref(), Some("code-9"));
    assert_eq!(asked.field("code_verifier"), None);
    handed.code_verifier = Some(Secret::new("verifier-9"));
    by_code(&idp.example.call(), &handed).await.unwrap();
    let asked = idp.web.asked();
    let asked = asked.iter().rev().find(|it| it.path == "/token").unwrap();
    assert_eq!(asked.field("code_verifier").as_deref(), Some("verifier-9"));
    let none = by_code(&idp.example.call(), &Handed::default()).await;
    assert!(matches!(none, Err(Fault::Invalid(_))));
}

#[tokio::test]
async fn a_token_is_renewed_and_the_old_way_to_do_so_stays_if_no_new_one_comes() {
    let mut idp = Idp::good().await;
    let old = Secret::new("rt-0");
    let tokens = refresh(&idp.example.call(), &old).await.unwrap();
    assert_eq!(tokens.token_secret.unwrap().reveal(), "rt-1");
    let asked = idp.last();
    assert_eq!(asked.field("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(asked.field("refresh_token").as_deref(), Some("rt-0"));
    assert_eq!(asked.field("client_secret").as_deref(), Some("secret-1"));
    assert_eq!(asked.field("redirect_uri"), None);
    idp.say("/token", Said::json(&json!({"access_token": "at-2"})));
    let tokens = refresh(&idp.example.call(), &old).await.unwrap();
    assert_eq!(tokens.token.reveal(), "at-2");
    assert_eq!(tokens.token_secret.unwrap().reveal(), "rt-0");
    assert_eq!(tokens.expires_at, None);
    idp.say(
        "/token",
        Said::text(400, "application/json", "{\"error\":\"invalid_grant\"}"),
    );
    match refresh(&idp.example.call(), &old).await {
        Err(Fault::Denied(text)) => {
            assert!(text.contains("invalid_grant") && !text.contains("rt-0"))
        }
        other => panic!("{other:?}"),
    }
    idp.describe("[audience]", "refresh_url = \"ORIGIN/renew\"\n[audience]");
    idp.say("/renew", Said::json(&json!({"access_token": "at-3"})));
    let tokens = refresh(&idp.example.call(), &old).await.unwrap();
    assert_eq!(tokens.token.reveal(), "at-3");
}

#[tokio::test]
async fn what_may_fail_may_and_what_may_not_does_not() {
    let idp = Idp::good().await;
    for said in [
        Said::status(500),
        Said::status(404),
        Said::json(&json!(7)),
        Said::HangUp,
    ] {
        idp.say("/emails", said);
        assert_eq!(idp.sign_in(BACK).await.unwrap().profile.uid, "7");
    }
    for (said, unavailable) in [
        (Said::status(500), true),
        (Said::status(429), true),
        (Said::status(408), true),
        (Said::HangUp, true),
        (Said::status(401), false),
        (Said::redirect("https://evil.example/"), false),
        (Said::json(&json!([])), false),
        (Said::json(&json!({"id": null})), false),
    ] {
        idp.say("/me", said.clone());
        let fault = idp.sign_in(BACK).await.unwrap_err();
        let is = matches!(fault, Fault::Unavailable(_));
        assert_eq!(is, unavailable, "{said:?}: {fault:?}");
        assert!(!fault.to_string().contains("at-1"));
    }
}

#[tokio::test]
async fn addresses_are_asked_for_only_where_they_are_wanted() {
    let mut idp = Idp::good().await;
    idp.example.query_email = false;
    idp.sign_in(BACK).await.unwrap();
    assert_eq!(idp.web.count("/emails"), 0);
}

#[tokio::test]
async fn a_mutable_uid_is_refused_before_the_visitor_leaves() {
    let mut idp = Idp::good().await;
    idp.describe("a number, given once", "mutable: they choose it");
    let refused = begin(&idp.example.call(), &ask());
    assert!(matches!(refused, Err(Fault::Misconfigured(_))));
    assert!(matches!(
        idp.hand("at-9").await,
        Err(Fault::Misconfigured(_))
    ));
    assert!(idp.web.asked().is_empty());
}

/// What the token endpoint's answer is read as.
async fn lasts(answer: Said) -> Result<Option<u64>, Fault> {
    let idp = Idp::good().await;
    idp.say("/token", answer);
    let found = idp.sign_in(BACK).await?;
    let now = idp.example.call().now;
    let ends = found.tokens.unwrap().expires_at;
    Ok(ends.map(|ends| ends.since(now).as_secs()))
}

#[tokio::test]
async fn lives_are_numbers_or_texts_within_reason() {
    for (life, seconds) in [
        (json!(3600), Some(3600)),
        (json!("3600"), Some(3600)),
        (json!(" 60 "), Some(60)),
        (json!(59.9), Some(59)),
        (json!(0), None),
        (json!(-5), None),
        (json!("-5"), None),
        (json!("soon"), None),
        (json!(null), None),
        (json!([3600]), None),
        (json!(u64::MAX), Some(315_360_000)),
        (json!(1e300), Some(315_360_000)),
        (json!("18446744073709551615"), Some(315_360_000)),
    ] {
        let answer = json!({"access_token": "at-1", "expires_in": life});
        assert_eq!(lasts(Said::json(&answer)).await.unwrap(), seconds, "{life}");
    }
}

#[tokio::test]
async fn answers_of_the_token_endpoint_come_in_several_dresses() {
    let json = "{\"access_token\":\"at-1\"}";
    let form = "access_token=at-1&expires_in=60&token_type=bearer";
    for (kind, body, good) in [
        ("application/json", json, true),
        ("text/plain", json, true),
        ("text/html", json, true),
        ("application/vnd.x+json", json, true),
        ("application/x-www-form-urlencoded", form, true),
        ("text/plain", form, true),
        ("application/json", form, false),
        ("text/html", "<html>access_token=at-1</html>", false),
        (
            "application/json",
            "{\"error\":\"x\",\"access_token\":\"at-1\"}",
            false,
        ),
        (
            "application/json",
            "{\"error\":{\"code\":1},\"access_token\":\"at-1\"}",
            false,
        ),
        (
            "application/json",
            "{\"error\":null,\"access_token\":\"at-1\"}",
            true,
        ),
        (
            "application/json",
            "{\"error\":\"\",\"access_token\":\"at-1\"}",
            true,
        ),
        ("application/json", "{\"access_token\":\"\"}", false),
        ("application/json", "{\"access_token\":7}", false),
        (
            "application/json",
            "{\"access_token\":\"a\\r\\nX: y\"}",
            false,
        ),
        ("application/json", "{\"access_token\":[\"at-1\"]}", false),
    ] {
        let read = lasts(Said::text(200, kind, body)).await;
        assert_eq!(read.is_ok(), good, "{kind} {body}: {read:?}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[\\x00-\\x1f]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let names = "access_token|refresh_token|expires_in|error|data|code|x";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..6)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_of_the_token_endpoint_makes_it_panic(answer in any_json()) {
        let example = full("https://idp.example");
        let call = example.call();
        let exchange = exchange(&call).unwrap();
        if let Ok(tokens) = exchange::tokens(&call, exchange, &Gathered::default(), &answer) {
            prop_assert!(exchange::is_token(tokens.1.token.reveal()));
        }
    }
}
