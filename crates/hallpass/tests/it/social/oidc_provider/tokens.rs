//! Tokens of the provider, kept for the app and renewed.

use std::time::Duration;

use hallpass::{Error, Refusal};
use hallpass_testkit::each_database;

use super::*;

each_database!(a_token_is_renewed_by_a_refresh_token_that_is_good_once);

async fn a_token_is_renewed_by_a_refresh_token_that_is_good_once(db: TestDb) {
    let settings = json!({
        "scope": ["openid", "email", "profile", "offline_access"],
        "auth_params": { "prompt": "consent" },
    });
    let site = Site::with(db, json!({ "alg": "ES256" }), settings, |settings| {
        settings.socialaccount.store_tokens = true;
    })
    .await;
    let (_, answer) = site.come("ann").await;
    assert_eq!(answer.location(), "/accounts/profile/", "{}", answer.text);
    let hallpass = &site.app.hallpass;
    let ann = hallpass.users().by_username("ann").await.unwrap().unwrap();
    let social = hallpass.social();
    let account = social.accounts(&ann).await.unwrap()[0].id;

    let first = social.access_token(&ann, account).await.unwrap();
    assert_eq!(site.provider.count("POST /token").await, 1);
    assert_eq!(
        first.token.reveal(),
        social
            .access_token(&ann, account)
            .await
            .unwrap()
            .token
            .reveal()
    );
    let mut known = first;
    for renewed in 1..=3 {
        site.app.clock().advance(Duration::from_secs(3600));
        // Many at once: a refresh token that is used twice is taken for stolen, and all that came of it ends.
        let asked = (0..8).map(|_| {
            let (social, ann) = (social.clone(), ann.clone());
            tokio::spawn(async move { social.access_token(&ann, account).await })
        });
        let asked: Vec<_> = asked.collect();
        let mut tokens = Vec::new();
        for token in asked {
            tokens.push(token.await.unwrap().unwrap().token.reveal().to_owned());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
        assert_ne!(tokens[0], known.token.reveal());
        assert_eq!(site.provider.count("POST /token").await, 1 + renewed);
        known = social.access_token(&ann, account).await.unwrap();
        // It is good there.
        let asked = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = asked
            .get(site.provider.url("/me"))
            .bearer_auth(known.token.reveal());
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }

    site.app.clock().advance(Duration::from_secs(3600));
    site.provider.fault("token_down").await;
    let answer = social.access_token(&ann, account).await;
    assert!(
        matches!(answer, Err(Error::Refused(Refusal::ProviderUnavailable))),
        "{answer:?}"
    );
    site.provider.fault("token_refused").await;
    let answer = social.access_token(&ann, account).await;
    assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
}
