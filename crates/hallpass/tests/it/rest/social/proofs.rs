//! What is taken as a proof, and what is not.

use hallpass_testkit::social_sites::CLIENT_ID;
use hallpass_testkit::{SocialSites, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::{WRONG, World, name_of, refused, token};
use crate::rest::tokens::without_session;

each_database!(
    an_id_token_alone_signs_in,
    a_wrong_id_token_is_refused_and_breaks_nothing,
    an_id_token_is_good_once,
    an_id_token_is_spent_where_it_comes_to_nothing,
    an_access_token_of_another_app_is_none,
    tokens_of_nobodys_app_need_the_operators_word,
    a_code_is_exchanged_for_whom_it_was_sent_to,
    whatever_is_sent_nothing_breaks,
    what_is_missing_is_told,
    a_provider_that_is_down_is_told_of,
);

async fn an_id_token_alone_signs_in(db: TestDb) {
    let world = World::new(db).await;
    let sites = &world.sites;
    for (path, token) in [
        ("google/", sites.google_token(77, world.now())),
        ("oidc/corp/", sites.issuer_token(78, world.now())),
    ] {
        let mut program = world.program();
        let (status, given) = program.post(path, json!({ "id_token": token })).await;
        assert_eq!(status, 200, "{path}: {given}");
        let key = given["key"].as_str().unwrap();
        program.authorize(format!("Token {key}"));
        let (_, user) = program.get("user/").await;
        let email = user["email"].as_str().unwrap();
        assert!(email.starts_with("social7"), "{path}: {user}");
    }
    world.app.no_other_letter_was_sent().await;
}

async fn a_wrong_id_token_is_refused_and_breaks_nothing(db: TestDb) {
    let world = World::new(db).await;
    let (sites, now) = (&world.sites, world.now());
    let claims = || sites.claims("/accounts.google.com", 77, now);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        sites.sign(&claims)
    };
    let good = sites.sign(&claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = sites.sign(&sites.claims("/accounts.google.com", 99, now));
    let (_, signature) = other.rsplit_once('.').unwrap();
    for (what, token) in [
        ("another audience", with("aud", "other-client".into())),
        ("another of several", with("aud", json!(["other-client"]))),
        ("no audience", with("aud", Value::Null)),
        (
            "another issuer",
            with("iss", "https://accounts.google.com.evil.example".into()),
        ),
        ("too old", with("exp", (now - 3600).into())),
        ("from the future", with("iat", (now + 3600).into())),
        ("nobody", with("sub", "".into())),
        ("another's signature", format!("{signed}.{signature}")),
        ("no signature", format!("{signed}.")),
        ("no token", "abc".to_owned()),
        ("of the other issuer", sites.issuer_token(77, now)),
    ] {
        let answer = world.post("google/", json!({ "id_token": token })).await;
        assert_eq!(answer, refused(WRONG), "{what}");
        // A good access token beside it does not make up for it.
        let both = json!({ "access_token": "token-77", "id_token": token });
        assert_eq!(world.post("google/", both).await, refused(WRONG), "{what}");
    }
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
    let (status, _) = world.post("google/", json!({ "id_token": good })).await;
    assert_eq!(status, 200);
}

async fn an_id_token_is_good_once(db: TestDb) {
    let world = World::new(db).await;
    let (sites, now) = (&world.sites, world.now());
    let mut named = sites.claims("/accounts.google.com", 77, now);
    named["jti"] = "one".into();
    for token in [sites.google_token(77, now), sites.sign(&named)] {
        let body = json!({ "id_token": token });
        let mut all = Vec::new();
        for _ in 0..10 {
            let (mut program, body) = (world.program(), body.clone());
            all.push(tokio::spawn(
                async move { program.post("google/", body).await },
            ));
        }
        let mut in_ = 0;
        for one in all {
            match one.await.unwrap() {
                (200, _) => in_ += 1,
                answer => assert_eq!(answer, refused(WRONG)),
            }
        }
        assert_eq!(in_, 1);
        assert_eq!(world.post("google/", body.clone()).await, refused(WRONG));
        assert_eq!(
            world.ann().await.post("google/connect/", body).await,
            refused(WRONG)
        );
    }
    // Signed once more with the same name, it is the same token.
    named["iat"] = (now - 1).into();
    let again = json!({ "id_token": sites.sign(&named) });
    assert_eq!(world.post("google/", again).await, refused(WRONG));
}

async fn an_id_token_is_spent_where_it_comes_to_nothing(db: TestDb) {
    let world = World::new(db).await;
    let (sites, now) = (&world.sites, world.now());
    sites.set_email(77, "ann@example.com", true);
    let body = json!({ "id_token": sites.google_token(77, now) });
    assert_eq!(
        world.post("google/", body.clone()).await,
        refused(super::TAKEN)
    );
    assert_eq!(
        world.ann().await.post("google/connect/", body).await,
        refused(WRONG)
    );
}

async fn an_access_token_of_another_app_is_none(db: TestDb) {
    let world = World::new(db).await;
    let mut ann = world.ann().await;
    for path in ["github/", "google/", "facebook/"] {
        let foreign = json!({ "access_token": "foreign-41" });
        let answer = world.post(path, foreign.clone()).await;
        assert_eq!(answer, refused(WRONG), "{path}");
        let answer = ann.post(&format!("{path}connect/"), foreign).await;
        assert_eq!(answer, refused(WRONG), "{path}");
        let alias = json!({ "accessToken": "token-41" });
        assert_eq!(world.post(path, alias).await.0, 200, "{path}");
        // One was made, and the others have the same address.
        world
            .app
            .sql("UPDATE auth_user SET email = '' WHERE username <> 'ann'")
            .await;
        world
            .app
            .sql("DELETE FROM account_emailaddress WHERE email <> 'ann@example.com'")
            .await;
    }
}

async fn tokens_of_nobodys_app_need_the_operators_word(db: TestDb) {
    // GitHub as it would be if it did not tell.
    let silent = |sites: &SocialSites| {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../../../hallpass-core/providers/github.toml");
        let (before, rest) = text.split_once("[audience]").unwrap();
        let (_, after) = rest.split_once("[[profile]]").unwrap();
        let text = format!("{before}[[profile]]{after}");
        let text = text.replace("https://", &format!("{}/", sites.web.origin()));
        let text = format!("by_access_token = \"unbound\"\n{text}");
        std::fs::write(folder.path().join("github.toml"), text).unwrap();
        folder
    };
    for (allowed, status) in [(vec![], 400), (vec!["github".to_owned()], 200)] {
        let sites = SocialSites::start().await;
        let folder = silent(&sites);
        let app = TestApp::with(db.shared(), |settings| {
            without_session(settings);
            sites.know(settings, &json!({}));
            settings.hallpass.providers = Some(folder.path().display().to_string());
            settings.hallpass.social_unbound_tokens = allowed.clone();
        })
        .await;
        let world = World::of(app, sites).await;
        let (given, answer) = world.post("github/", token(41)).await;
        assert_eq!(given, status, "{answer}");
        // A code is for whoever knows the secret.
        let code = json!({ "code": "code-41" });
        assert_eq!(world.post("github/", code).await.0, 200);
    }
}

async fn a_code_is_exchanged_for_whom_it_was_sent_to(db: TestDb) {
    let phone = "https://phone.example/back";
    let app = json!({ "APPS": [{ "client_id": CLIENT_ID, "secret": "ref-secret",
        "settings": { "callback_urls": [phone] } }] });
    let world = World::with(db, json!({ "google": app }), without_session).await;
    let sent_to = |world: &World| {
        let asked = world.sites.web.asked();
        let last = asked.iter().rev().find(|asked| asked.method == "POST");
        let last = last.unwrap();
        (last.field("redirect_uri"), last.field("code_verifier"))
    };
    let own = |slug: &str| format!("http://localhost/accounts/{slug}/login/callback/");
    for (path, more, wanted) in [
        ("github/", json!({}), own("github")),
        (
            "github/",
            json!({ "callback_url": own("github") }),
            own("github"),
        ),
        ("google/", json!({}), phone.to_owned()),
        (
            "google/",
            json!({ "callback_url": phone }),
            phone.to_owned(),
        ),
        (
            "google/",
            json!({ "redirect_uri": own("google") }),
            own("google"),
        ),
    ] {
        let mut body = json!({ "code": "code-41", "code_verifier": "v".repeat(43) });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, answer) = world.post(path, body).await;
        assert!(
            status == 200 || answer == refused(super::TAKEN).1,
            "{answer}"
        );
        assert_eq!(sent_to(&world), (Some(wanted), Some("v".repeat(43))));
    }
    // What nobody named gets nothing, and nobody is asked.
    let before = world.sites.web.asked().len();
    for elsewhere in [
        "https://evil.example/",
        "https://phone.example/back/",
        "http://localhost/accounts/google/login/callback/?x=1",
    ] {
        for name in ["callback_url", "redirect_uri"] {
            let body = json!({ "code": "code-41", name: elsewhere });
            let (status, answer) = world.post("github/", body).await;
            assert_eq!(status, 400);
            assert!(answer["callback_url"].is_array(), "{answer}");
        }
    }
    assert_eq!(world.sites.web.asked().len(), before);
    // An access token goes before a code.
    let both = json!({ "access_token": "token-42", "code": "code-bad" });
    assert_eq!(world.post("github/", both).await.0, 200);
    let bad = json!({ "code": "code-bad" });
    let words = "Failed to exchange code for access token";
    assert_eq!(world.post("github/", bad).await, refused(words));
}

async fn whatever_is_sent_nothing_breaks(db: TestDb) {
    let world = World::new(db).await;
    let long = "x".repeat(100_000);
    let deep = format!("{}.{}.x", "a".repeat(40_000), "b".repeat(40_000));
    for value in [
        long.as_str(),
        &deep,
        "\n",
        "a\r\nb: c",
        "..",
        "😀",
        "token-41 x",
        "%00",
    ] {
        for name in ["access_token", "code", "id_token", "accessToken"] {
            for path in ["github/", "google/", "oidc/corp/", "facebook/"] {
                let (status, answer) = world.post(path, json!({ name: value })).await;
                assert_eq!(status, 400, "{path} {name}: {answer}");
            }
        }
    }
    let (status, _) = world
        .post("github/", json!({ "access_token": "\u{0}" }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(world.app.count("socialaccount_socialaccount").await, 0);
}

async fn what_is_missing_is_told(db: TestDb) {
    let world = World::new(db).await;
    let words = "Incorrect input. access_token or code is required.";
    for body in [
        json!({}),
        json!({ "access_token": "", "code": " " }),
        json!({ "code_verifier": "x", "token_secret": "y" }),
    ] {
        assert_eq!(world.post("github/", body).await, refused(words));
    }
    let required = json!(["This field is required."]);
    let (status, answer) = world.post("twitter/", json!({})).await;
    let both = json!({ "access_token": required, "token_secret": required });
    assert_eq!((status, answer), (400, both));
    let (_, answer) = world.post("twitter/", token(41)).await;
    assert_eq!(answer, json!({ "token_secret": required }));
}

async fn a_provider_that_is_down_is_told_of(db: TestDb) {
    let world = World::new(db).await;
    let mut old = world.come(41).await;
    world.sites.is_down(true);
    for path in ["github/", "google/"] {
        let (answer, body) = world.program().send("POST", path, &token(41)).await;
        assert_eq!(answer.status, 503, "{body}");
        assert_eq!(answer.header("retry-after"), "30");
    }
    // Who is in already does not notice.
    assert_eq!(name_of(&mut old).await, "gh41");
    world.sites.is_down(false);
    assert_eq!(world.post("github/", token(41)).await.0, 200);
}
