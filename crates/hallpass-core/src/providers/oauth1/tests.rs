use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hallpass_testkit::web::{Said, Web};

use super::super::engine;
use super::super::example::Example;
use super::*;

const TWITTER: &str = include_str!("../../../providers/twitter.toml");
const FLICKR: &str = include_str!("../../../providers/flickr.toml");
const EVERNOTE: &str = include_str!("../../../providers/evernote.toml");
const POCKET: &str = include_str!("../../../providers/pocket.toml");

type Answers = Arc<Mutex<BTreeMap<&'static str, Said>>>;

/// A provider that answers at some paths, and an app that it knows.
struct Setting {
    example: Example,
    web: Web,
    answers: Answers,
}

fn form(text: &str) -> Said {
    Said::text(200, "application/x-www-form-urlencoded", text)
}

impl Setting {
    async fn new(description: &str, answers: &[(&'static str, Said)]) -> Self {
        let answers: Answers = Arc::new(Mutex::new(answers.iter().cloned().collect()));
        let kept = Arc::clone(&answers);
        let web = Web::start(move |asked| {
            let found = kept.lock().unwrap().get(asked.path.as_str()).cloned();
            found.unwrap_or(Said::status(404))
        });
        let web = web.await;
        let description = description.replace("https://", &format!("{}/", web.origin()));
        let mut example = Example::new(&description);
        example.permits.mutable_uids = true;
        Setting {
            example,
            web,
            answers,
        }
    }

    async fn twitter() -> Self {
        Setting::new(
            TWITTER,
            &[
                (
                    "/api.x.com/oauth/request_token",
                    form("oauth_token=rt-1&oauth_token_secret=rs-1&oauth_callback_confirmed=true"),
                ),
                (
                    "/api.x.com/oauth/access_token",
                    form("oauth_token=at-1&oauth_token_secret=as-1&user_id=7"),
                ),
                (
                    "/api.x.com/1.1/account/verify_credentials.json",
                    Said::json(&json!({"id": 7, "id_str": "7", "screen_name": "ann"})),
                ),
            ],
        )
        .await
    }

    fn answer(&self, path: &'static str, said: Said) {
        self.answers.lock().unwrap().insert(path, said);
    }

    async fn begin(&self) -> Result<Begun, Fault> {
        engine::begin(&self.example.call(), &Ask::default()).await
    }

    async fn finish(&self, begun: &Begun, params: &[(&str, &str)]) -> Result<Found, Fault> {
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        engine::finish(&self.example.call(), &begun.kept, &params.collect()).await
    }

    /// The header of the newest request at a path.
    fn header(&self, path: &str) -> String {
        let asked = self.web.asked();
        let asked = asked.into_iter().rfind(|asked| asked.path == path).unwrap();
        asked.header("authorization").unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_visitor_goes_there_and_comes_back_as_somebody() {
    let setting = Setting::twitter().await;
    let begun = setting.begin().await.unwrap();
    assert_eq!(
        begun.url,
        setting
            .web
            .url("/api.x.com/oauth/authenticate?oauth_token=rt-1")
    );
    let header = setting.header("/api.x.com/oauth/request_token");
    assert!(
        header.contains("oauth_callback=\"https%3A%2F%2Fapp.example%2F"),
        "{header}"
    );
    assert!(!header.contains("oauth_token="), "{header}");
    let back = [("oauth_token", "rt-1"), ("oauth_verifier", "v-1")];
    let found = setting.finish(&begun, &back).await.unwrap();
    let header = setting.header("/api.x.com/oauth/access_token");
    assert!(header.contains("oauth_token=\"rt-1\"") && header.contains("oauth_verifier=\"v-1\""));
    let profile = "/api.x.com/1.1/account/verify_credentials.json";
    assert!(setting.header(profile).contains("oauth_token=\"at-1\""));
    let asked = setting.web.asked();
    assert_eq!(
        asked.last().unwrap().field("include_email").as_deref(),
        Some("true")
    );
    assert_eq!(found.profile.uid, "7");
    assert_eq!(found.profile.username.as_deref(), Some("ann"));
    let tokens = found.tokens.unwrap();
    assert_eq!(tokens.token.reveal(), "at-1");
    assert_eq!(tokens.token_secret.unwrap().reveal(), "as-1");
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization").unwrap().starts_with("OAuth "))
    );
}

#[tokio::test]
async fn an_answer_with_another_token_is_another_visitors() {
    let setting = Setting::twitter().await;
    let begun = setting.begin().await.unwrap();
    for back in [
        &[("oauth_token", "rt-2"), ("oauth_verifier", "v-1")][..],
        &[("oauth_token", ""), ("oauth_verifier", "v-1")],
        &[("oauth_verifier", "v-1")],
        &[("oauth_token", "rt-1")],
        &[("oauth_token", "rt-1"), ("oauth_verifier", "")],
        &[],
    ] {
        let refused = setting.finish(&begun, back).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{back:?}");
    }
    let strange = Begun {
        kept: Map::new(),
        ..begun
    };
    let back = [("oauth_token", ""), ("oauth_verifier", "v-1")];
    assert!(matches!(
        setting.finish(&strange, &back).await,
        Err(Fault::Invalid(_))
    ));
    assert_eq!(setting.web.count("/api.x.com/oauth/access_token"), 0);
}

#[tokio::test]
async fn a_request_token_is_bound_to_where_it_leads() {
    for text in [
        "oauth_token=rt-1&oauth_token_secret=rs-1",
        "oauth_token=rt-1&oauth_token_secret=rs-1&oauth_callback_confirmed=false",
        "oauth_token_secret=rs-1&oauth_callback_confirmed=true",
        "oauth_token=&oauth_token_secret=rs-1&oauth_callback_confirmed=true",
        "",
        "{}",
    ] {
        let setting = Setting::twitter().await;
        setting.answer("/api.x.com/oauth/request_token", form(text));
        assert!(
            matches!(setting.begin().await, Err(Fault::Invalid(_))),
            "{text}"
        );
    }
    let setting = Setting::twitter().await;
    for (status, unavailable) in [(500, true), (401, false)] {
        setting.answer("/api.x.com/oauth/request_token", Said::status(status));
        let fault = setting.begin().await.unwrap_err();
        assert_eq!(
            matches!(fault, Fault::Unavailable(_)),
            unavailable,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_no_is_a_no() {
    let setting = Setting::twitter().await;
    let begun = setting.begin().await.unwrap();
    for back in [
        ("denied", "rt-1"),
        ("oauth_problem", "user_refused"),
        ("error", "access_denied"),
    ] {
        let refused = setting.finish(&begun, &[back]).await;
        assert_eq!(refused.unwrap_err(), Fault::Cancelled);
    }
    let other = setting.finish(&begun, &[("oauth_problem", "x\n")]).await;
    assert!(matches!(other, Err(Fault::Denied(_))));
}

#[tokio::test]
async fn a_client_hands_over_a_token_with_its_secret() {
    let setting = Setting::twitter().await;
    let secret = |text: &str| Some(Secret::new(text));
    let handed = Handed {
        access_token: secret("at-9"),
        token_secret: secret("as-9"),
        ..Handed::default()
    };
    let found = engine::by_token(&setting.example.call(), &handed)
        .await
        .unwrap();
    assert_eq!(found.profile.uid, "7");
    let profile = "/api.x.com/1.1/account/verify_credentials.json";
    assert!(setting.header(profile).contains("oauth_token=\"at-9\""));
    let alone = Handed {
        token_secret: None,
        ..handed.clone()
    };
    assert!(
        engine::by_token(&setting.example.call(), &alone)
            .await
            .is_err()
    );
    // Where no signed request tells who it is, anybody could hand over anything.
    let setting = Setting::new(EVERNOTE, &[]).await;
    let refused = engine::by_token(&setting.example.call(), &handed).await;
    assert!(matches!(refused, Err(Fault::Invalid(_))));
    let refresh = engine::refresh(&setting.example.call(), &Secret::new("x")).await;
    assert!(matches!(refresh, Err(Fault::Denied(_))));
}

#[tokio::test]
async fn who_it_is_may_come_with_the_token() {
    let host = "/www.evernote.com/oauth";
    let setting = Setting::new(
        EVERNOTE,
        &[(
            host,
            form("oauth_token=rt-1&oauth_token_secret=rs-1&oauth_callback_confirmed=true"),
        )],
    )
    .await;
    let begun = setting.begin().await.unwrap();
    setting.answer(
        host,
        form("oauth_token=at-1&oauth_token_secret=&edam_userId=161423"),
    );
    let back = [("oauth_token", "rt-1"), ("oauth_verifier", "v-1")];
    let found = setting.finish(&begun, &back).await.unwrap();
    assert_eq!(found.profile.uid, "161423");
    assert!(found.tokens.unwrap().token_secret.is_none());
    assert!(
        setting
            .web
            .asked()
            .iter()
            .all(|asked| asked.method == "GET")
    );
}

#[tokio::test]
async fn one_answer_leads_to_the_next() {
    let setting = Setting::new(
        FLICKR,
        &[
            (
                "/www.flickr.com/services/oauth/request_token",
                form("oauth_token=rt-1&oauth_token_secret=rs-1&oauth_callback_confirmed=true"),
            ),
            (
                "/www.flickr.com/services/oauth/access_token",
                form("oauth_token=at-1&oauth_token_secret=as-1"),
            ),
            (
                "/api.flickr.com/services/rest",
                Said::json(&json!({
                    "stat": "ok", "user": {"id": "1@N00"},
                    "person": {"nsid": "1@N00", "username": {"_content": "pia"}},
                })),
            ),
        ],
    )
    .await;
    let begun = setting.begin().await.unwrap();
    assert!(
        begun
            .url
            .ends_with("/authorize?oauth_token=rt-1&perms=read"),
        "{}",
        begun.url
    );
    let back = [("oauth_token", "rt-1"), ("oauth_verifier", "v-1")];
    let found = setting.finish(&begun, &back).await.unwrap();
    assert_eq!(found.profile.uid, "1@N00");
    let asked = setting.web.asked();
    assert_eq!(
        asked.last().unwrap().field("user_id").as_deref(),
        Some("1@N00")
    );
    setting.answer(
        "/api.flickr.com/services/rest",
        Said::json(&json!({"stat": "fail"})),
    );
    assert!(matches!(
        setting.finish(&begun, &back).await,
        Err(Fault::Denied(_))
    ));
}

#[tokio::test]
async fn pocket_speaks_json_and_signs_nothing() {
    let setting = Setting::new(
        POCKET,
        &[
            (
                "/getpocket.com/v3/oauth/request",
                Said::json(&json!({"code": "rt-1"})),
            ),
            (
                "/getpocket.com/v3/oauth/authorize",
                Said::json(&json!({"access_token": "at-1", "username": "nils.ek@example.com"})),
            ),
        ],
    )
    .await;
    let begun = setting.begin().await.unwrap();
    let url = Url::parse(&begun.url).unwrap();
    let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(given["request_token"], "rt-1");
    assert_eq!(given["redirect_uri"], setting.example.call().redirect_uri);
    let found = setting.finish(&begun, &[]).await.unwrap();
    assert_eq!(found.profile.uid, "nils.ek@example.com");
    assert!(!found.profile.emails[0].verified);
    let asked = setting.web.asked();
    assert_eq!(
        asked[1].body,
        "{\"consumer_key\":\"client-1\",\"code\":\"rt-1\"}"
    );
    assert_eq!(asked[1].header("x-accept"), Some("application/json"));
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
}
