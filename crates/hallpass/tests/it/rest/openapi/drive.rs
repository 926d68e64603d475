//! Everything that can be sent to every operation, in every mode, by everybody.

use axum::body::Body;
use hallpass::domain::Client;
use hallpass::settings::{CodeRequired, RegisterPermission, Secret, Settings, Verification};
use hallpass::store::email_address;
use hallpass_core::domain::Session;
use hallpass_testkit::app::rates;
use hallpass_testkit::browser::Answer;
use hallpass_testkit::social_sites::ISSUER_ID;
use hallpass_testkit::{Browser, SocialSites, TestApp, TestDb};
use serde_json::{Map, Value, json};

use super::providers;
use crate::rest::contract::Contract;
use crate::rest::tokens::{with_jwt, without_session};

const PASSWORD: &str = "correct-horse-9-battery";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A way to set a site up.
pub(super) struct Mode {
    pub(super) name: &'static str,
    pub(super) settings: fn(&mut Settings),
}

pub(super) static MODES: &[Mode] = &[
    Mode {
        name: "keys",
        settings: without_session,
    },
    Mode {
        name: "keys and sessions",
        settings: |settings| {
            settings.account.logout_on_get = true;
            settings.rest_auth.old_password_field_enabled = true;
        },
    },
    Mode {
        name: "logout by GET, keys alone",
        settings: |settings| {
            without_session(settings);
            settings.account.logout_on_get = true;
        },
    },
    Mode {
        name: "tokens",
        settings: with_jwt,
    },
    Mode {
        name: "tokens in cookies",
        settings: with_cookies,
    },
    Mode {
        name: "tokens in cookies, always with CSRF",
        settings: |settings| {
            with_cookies(settings);
            let rest = &mut settings.rest_auth;
            rest.jwt_auth_cookie_enforce_csrf_on_unauthenticated = true;
            settings.account.logout_on_get = true;
        },
    },
    Mode {
        name: "sessions alone",
        settings: |settings| settings.rest_auth.token_model = None,
    },
    Mode {
        name: "no passwords",
        settings: |settings| {
            settings.hallpass.passwordless = true;
            settings.account.login_by_code_enabled = true;
        },
    },
    Mode {
        name: "codes",
        settings: |settings| {
            without_session(settings);
            settings.account.email_verification_by_code_enabled = true;
            settings.account.email_verification = Verification::Mandatory;
        },
    },
    Mode {
        name: "closed",
        settings: |settings| settings.hallpass.signup_open = false,
    },
    Mode {
        name: "the staff registers",
        settings: |settings| {
            without_session(settings);
            settings.rest_auth.register_permission_classes = vec![RegisterPermission::Staff];
        },
    },
    Mode {
        name: "the staff registers, by session",
        settings: |settings| {
            settings.rest_auth.token_model = None;
            settings.rest_auth.register_permission_classes = vec![RegisterPermission::Staff];
        },
    },
    Mode {
        name: "throttled",
        settings: |settings| {
            without_session(settings);
            settings.account.logout_on_get = true;
            let rates = &mut settings.rest_framework.default_throttle_rates;
            rates.0.push(("dj_rest_auth".to_owned(), 1, 3600));
        },
    },
    Mode {
        name: "limited",
        settings: |settings| {
            let one = r#"{"login": "1/h/ip", "signup": "1/h/ip", "change_password": "1/h/user",
                "reset_password": "1/h/ip", "reset_password_from_key": "1/h/ip"}"#;
            settings.account.rate_limits = rates(one);
        },
    },
    Mode {
        name: "stages",
        settings: |settings| {
            without_session(settings);
            settings.account.login_by_code_enabled = true;
            settings.account.login_by_code_required = CodeRequired {
                after: Vec::new(),
                always: true,
            };
        },
    },
    Mode {
        name: "fresh proofs",
        settings: |settings| settings.account.reauthentication_required = true,
    },
    Mode {
        name: "public keys",
        settings: |settings| {
            with_jwt(settings);
            let vectors = include_str!("../../../../../hallpass-core/tests/data/simplejwt.json");
            let vectors: Value = serde_json::from_str(vectors).unwrap();
            let mut pairs = vectors["backends"].as_array().unwrap().iter();
            let pair = pairs.find(|one| one["algorithm"] == "RS256").unwrap();
            let text = |name: &str| pair[name].as_str().unwrap().to_owned();
            settings.simple_jwt.algorithm = "RS256".to_owned();
            settings.simple_jwt.signing_key = Some(Secret::new(text("private_key")));
            settings.simple_jwt.verifying_key = Some(text("public_key"));
        },
    },
];

fn with_cookies(settings: &mut Settings) {
    with_jwt(settings);
    settings.account.email_verification = Verification::Mandatory;
    let rest = &mut settings.rest_auth;
    rest.jwt_auth_cookie = Some("access".to_owned());
    rest.jwt_auth_refresh_cookie = Some("refresh".to_owned());
    rest.jwt_auth_return_expiration = true;
}

/// A site with Ann, who may do everything, and Bob, who may not; and the providers that it knows.
pub(super) async fn site(db: &TestDb, mode: &Mode) -> (TestApp, SocialSites) {
    let sites = SocialSites::start().await;
    let app = TestApp::with(db.shared(), |settings| {
        sites.know(settings, &json!({}));
        (mode.settings)(settings);
        settings.general.data_upload_max_memory_size = 6000;
    })
    .await;
    // Whoever was here in another mode makes room.
    app.sql("UPDATE auth_user SET username = 'former-' || id, email = ''")
        .await;
    app.sql("DELETE FROM account_emailaddress").await;
    app.sql("DELETE FROM socialaccount_socialaccount").await;
    let client = Client::new([127, 0, 0, 1].into(), "", "http://localhost");
    let hash = app
        .hallpass
        .run(&client, &mut Session::fresh(false), async |cx| {
            cx.encode_password(PASSWORD).await
        })
        .await
        .unwrap();
    for name in ["ann", "bob"] {
        let email = format!("{name}@example.com");
        let id = app.user_with(name, &email, &hash).await;
        let confirmed = email_address::insert(app.db.db.conn(), id, &email, name == "ann", true);
        confirmed.await.unwrap();
    }
    app.sql("UPDATE auth_user SET is_staff = TRUE WHERE username = 'ann'")
        .await;
    (app, sites)
}

/// The path with something in the place of each of its parts that have names.
pub(super) fn real(path: &str) -> String {
    path.replace("{key}", "MQ:1")
        .replace("{provider}", "github")
        .replace("{provider_id}", ISSUER_ID)
        .replace("{id}", "1")
}

/// Somebody who asks, and the document that answers are held against.
pub(super) struct Asker<'a> {
    pub(super) contract: &'a Contract,
    pub(super) browser: Browser,
}

impl Asker<'_> {
    async fn send(&mut self, method: &str, path: &str, body: &[u8], kind: Option<&str>) -> Answer {
        let body = Body::from(body.to_vec());
        let answer = self.browser.send(method, path, body, kind).await;
        self.contract.note(method, path, &answer);
        answer
    }

    pub(super) async fn json(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/dj-rest-auth/{path}");
        let text = body.to_string();
        let answer = self.send(method, &path, text.as_bytes(), Some(JSON)).await;
        let json = serde_json::from_str(&answer.text).unwrap_or_default();
        (answer.status.as_u16(), json)
    }

    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut browser = self.browser.clone();
        browser.headers.insert(name, value.to_owned());
        Asker {
            contract: self.contract,
            browser,
        }
    }

    /// Says who asks with all that a login gave.
    pub(super) fn remember(&mut self, given: &Value) {
        if let Some(key) = given["key"].as_str() {
            self.browser
                .headers
                .insert("authorization", format!("Token {key}"));
        }
        // Where there is a cookie for it, no header hides it.
        if let Some(access) = given["access"]
            .as_str()
            .filter(|_| !self.browser.cookies.contains_key("access"))
        {
            self.browser
                .headers
                .insert("authorization", format!("Bearer {access}"));
        }
    }

    pub(super) fn carry_csrf(&mut self) {
        let secret = "abcdefghijklmnopqrstuvwxyzABCDEF";
        self.browser
            .cookies
            .entry("csrftoken".to_owned())
            .or_insert(secret.to_owned());
        let token = self.browser.cookies["csrftoken"].clone();
        self.browser.headers.insert("x-csrftoken", token);
    }
}

/// Asks for everything.
pub(super) async fn drive(app: &TestApp, sites: &SocialSites, contract: &Contract, mode: &Mode) {
    let nobody = || Asker {
        contract,
        browser: app.browser(),
    };
    let mut ann = nobody();
    ann.carry_csrf();
    let given = json!({ "username": "ann", "password": PASSWORD });
    let (status, given_to_ann) = ann.json("POST", "login/", &given).await;
    assert!(
        status < 429 || mode.name == "throttled",
        "{}: {status}",
        mode.name
    );
    ann.carry_csrf();
    ann.remember(&given_to_ann);
    let mut careless = nobody();
    careless.browser.cookies = ann.browser.cookies.clone();
    let mut bad = [
        ann.with("authorization", "Token abc"),
        ann.with("authorization", "Token"),
        ann.with("authorization", "Bearer a.b.c"),
        ann.with("authorization", "Bearer"),
    ];
    ceremonies(app, contract, &mut ann, mode).await;
    providers::drive(app, sites, contract, &mut ann).await;
    // Those who are turned away at the door first, for Ann's requests change what is there.
    for asker in bad.iter_mut().chain([&mut careless]) {
        for (path, method, told) in contract.operations() {
            let path = real(&path);
            let example = &told["requestBody"]["content"][JSON]["example"];
            let body = example.to_string();
            asker
                .send(&method, &path, body.as_bytes(), Some(JSON))
                .await;
        }
    }
    for (path, method, told) in contract.operations() {
        let path = real(&path);
        // Somebody else each time: whoever logs in is nobody no more. What is for everybody, nobody asks in full.
        let open = told["security"].as_array().unwrap();
        let open = open.is_empty() || open.contains(&json!({}));
        for (asker, in_full) in [(&mut nobody(), open), (&mut ann, !open)] {
            plainly(asker, &path, &method).await;
            if method == "OPTIONS" {
                continue;
            }
            let example = &told["requestBody"]["content"][JSON]["example"];
            asker
                .send(&method, &path, example.to_string().as_bytes(), Some(JSON))
                .await;
            if in_full || method == "GET" {
                everything(asker, &path, &method, told).await;
            }
        }
    }
}

/// What has no body.
async fn plainly(asker: &mut Asker<'_>, path: &str, method: &str) {
    asker.send(method, path, b"", None).await;
    if method == "OPTIONS" {
        asker
            .send(method, &format!("{path}?format=xml"), b"", None)
            .await;
        asker
            .with("accept", "image/png")
            .send(method, path, b"", None)
            .await;
        return;
    }
    for format in ["json", "api", "xml", ""] {
        asker
            .send(method, &format!("{path}?format={format}"), b"", None)
            .await;
    }
    for accept in [
        "image/png",
        "text/html",
        "application/json; indent=4",
        "*/*",
        ";;",
    ] {
        asker
            .with("accept", accept)
            .send(method, path, b"", None)
            .await;
    }
}

async fn everything(asker: &mut Asker<'_>, path: &str, method: &str, told: &Value) {
    if method == "GET" {
        plainly(asker, path, "HEAD").await;
        for other in ["DELETE", "TRACE", "BREW"] {
            asker.send(other, path, b"", None).await;
        }
        asker
            .with("if-none-match", "*")
            .send(method, path, b"", None)
            .await;
        asker
            .send(method, &path.replace("MQ:1", "$"), b"", None)
            .await;
        return;
    }
    for (body, kind) in bodies(told, asker.contract) {
        asker.send(method, path, &body, kind).await;
    }
}

/// Bodies that are wrong in every way, and one that is not.
fn bodies(told: &Value, contract: &Contract) -> Vec<(Vec<u8>, Option<&'static str>)> {
    let content = &told["requestBody"]["content"][JSON];
    let schema = content["schema"]["$ref"].as_str();
    let schema = schema.and_then(|name| contract.document.pointer(&name[1..]));
    let fields = schema.and_then(|schema| schema["properties"].as_object());
    let example = &content["example"];
    let mut all: Vec<(Vec<u8>, Option<&str>)> = vec![
        (b"{}".to_vec(), Some(JSON)),
        (b"[]".to_vec(), Some(JSON)),
        (b"{".to_vec(), Some(JSON)),
        (b"\xff".to_vec(), Some(JSON)),
        (b"x".to_vec(), Some("text/plain")),
        (b"x".to_vec(), Some("multipart/form-data")),
        (b"x".to_vec(), None),
        (vec![b' '; 7000], Some(JSON)),
        (b"a=%00".to_vec(), Some(FORM)),
    ];
    let wrong = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!("  "),
        json!("\u{0}"),
        json!("x".repeat(2000)),
        json!(7),
    ];
    for (name, _) in fields.into_iter().flatten() {
        for value in &wrong {
            let mut body: Map<String, Value> = example.as_object().unwrap().clone();
            body.insert(name.clone(), value.clone());
            all.push((Value::Object(body).to_string().into(), Some(JSON)));
        }
    }
    if let Some(example) = example.as_object() {
        all.push((content["example"].to_string().into(), Some(JSON)));
        let mut form = url_form(example);
        all.push((form.clone().into_bytes(), Some(FORM)));
        form.push_str("&more=1");
        all.push((form.into_bytes(), Some(FORM)));
        let parts: String = example
            .iter()
            .map(|(name, value)| {
                let value = value.as_str().unwrap_or("1");
                format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        all.push((
            format!("{parts}--b--\r\n").into_bytes(),
            Some("multipart/form-data; boundary=b"),
        ));
    }
    all
}

fn url_form(example: &Map<String, Value>) -> String {
    let pairs = example.iter().map(|(name, value)| {
        let value = value.as_str().unwrap_or("1").replace('+', "%2B");
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The ways of an account that end well.
async fn ceremonies(app: &TestApp, contract: &Contract, ann: &mut Asker<'_>, mode: &Mode) {
    let mut eve = Asker {
        contract,
        browser: app.browser(),
    };
    eve.carry_csrf();
    let strong = "another-horse-7-staple";
    let new = json!({ "username": "eve", "email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD });
    let mut again = new.clone();
    again["username"] = "bob".into();
    for body in [&new, &again, &new] {
        eve.json("POST", "registration/", body).await;
        ann.json("POST", "registration/", body).await;
    }
    let resend = json!({ "email": "bob@example.com" });
    app.letters().await;
    eve.json("POST", "registration/resend-email/", &resend)
        .await;
    if let Some(letter) = app.letters().await.first() {
        let start = "/confirm-email/";
        let (_, rest) = letter.text.split_once(start).unwrap_or_default();
        let key = rest.split('/').next().unwrap();
        eve.json("POST", "registration/verify-email/", &json!({ "key": key }))
            .await;
    }
    let reset = json!({ "email": "bob@example.com" });
    eve.json("POST", "password/reset/", &reset).await;
    if let Some(letter) = app.letters().await.first() {
        let (_, rest) = letter.text.split_once("/password/reset/key/").unwrap();
        let (uid, token) = rest.split('/').next().unwrap().split_once('-').unwrap();
        let mut body =
            json!({ "uid": uid, "token": token, "new_password1": strong, "new_password2": "x" });
        eve.json("POST", "password/reset/confirm/", &body).await;
        body["new_password2"] = strong.into();
        for _ in 0..2 {
            eve.json("POST", "password/reset/confirm/", &body).await;
        }
        for password in [strong, "wrong"] {
            let given = json!({ "username": "bob", "password": password });
            eve.json("POST", "login/", &given).await;
        }
    }
    for (method, body) in [
        ("PUT", json!({ "username": "ann", "first_name": "Ann" })),
        ("PUT", json!({ "username": "bob" })),
        ("PATCH", json!({ "username": "bob" })),
        ("PATCH", json!({ "username": "a b" })),
        (
            "PATCH",
            json!({ "last_name": "Bee", "pk": 9, "email": "x@example.com" }),
        ),
    ] {
        ann.json(method, "user/", &body).await;
    }
    tokens(ann, app).await;
    let weak = json!({ "old_password": "no", "new_password1": "1", "new_password2": "1" });
    ann.json("POST", "password/change/", &weak).await;
    let good =
        json!({ "old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD });
    ann.json("POST", "password/change/", &good).await;
    for _ in 0..2 {
        let given = json!({ "username": "ann", "password": PASSWORD });
        let (_, given) = ann.json("POST", "login/", &given).await;
        ann.carry_csrf();
        ann.remember(&given);
        let user = ann.json("GET", "user/", &Value::Null).await;
        let out = json!({ "refresh": given["refresh"] });
        let knows = !matches!(
            mode.name,
            "no passwords" | "throttled" | "limited" | "stages"
        );
        assert!(user.0 == 200 || !knows, "{}: {user:?}", mode.name);
        ann.json("POST", "logout/", &out).await;
        let given = json!({ "username": "ann", "password": PASSWORD });
        let (_, given) = ann.json("POST", "login/", &given).await;
        ann.carry_csrf();
        ann.remember(&given);
    }
}

async fn tokens(ann: &mut Asker<'_>, app: &TestApp) {
    let given = json!({ "username": "ann", "password": PASSWORD });
    let (_, given) = ann.json("POST", "login/", &given).await;
    ann.carry_csrf();
    ann.remember(&given);
    for token in [&given["access"], &given["refresh"], &json!("a.b.c")] {
        ann.json("POST", "token/verify/", &json!({ "token": token }))
            .await;
    }
    let old = match given["refresh"].as_str() {
        Some("") | None => ann
            .browser
            .cookies
            .get("refresh")
            .cloned()
            .unwrap_or_default(),
        Some(token) => token.to_owned(),
    };
    let foreign = ann
        .with("origin", "https://evil.example")
        .json("POST", "token/refresh/", &json!({}))
        .await;
    let body = json!({ "refresh": given["refresh"] });
    for body in [
        &json!({}),
        &body,
        &json!({ "refresh": "a.b.c" }),
        &json!({}),
    ] {
        ann.json("POST", "token/refresh/", body).await;
    }
    if app
        .hallpass
        .settings()
        .rest_auth
        .jwt_auth_refresh_cookie
        .is_some()
    {
        assert_eq!(foreign.0, 403, "{foreign:?}");
    }
    // Its family ends, and it is told so where it is asked for.
    ann.json("POST", "logout/", &json!({ "refresh": old }))
        .await;
    ann.json("POST", "token/verify/", &json!({ "token": old }))
        .await;
}
