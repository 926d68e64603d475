//! Tokens that nobody issued, and tokens of another kind.

use hallpass::domain::jwt::{Claims, Jwts, Terms};
use hallpass::settings::{Secret, Settings};
use hallpass_testkit::app::{SECRET, link_in};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, app, with_jwt};

each_database!(
    a_forged_token_is_none,
    a_public_key_is_no_secret_of_an_hmac,
    a_signature_has_one_spelling,
    a_token_is_of_one_kind,
    claims_of_odd_types_are_refused_and_break_nothing,
    whoever_is_gone_has_no_token,
    a_header_is_read_as_it_is_written,
);

/// Base64 as tokens have it.
fn part(text: &str) -> String {
    hallpass_django::signing::unpadded(text.as_bytes())
}

fn signed(secret: &str, claims: &Value) -> String {
    let jwts = Jwts::new("HS256", secret, "", Terms::default()).unwrap();
    let claims: Claims = claims.as_object().unwrap().clone();
    jwts.encode(&claims).unwrap()
}

fn good(app: &TestApp, kind: &str) -> Value {
    let now = app.hallpass.now().seconds();
    json!({ "token_type": kind, "exp": now + 300, "iat": now, "jti": format!("jti-{kind}"), "user_id": "1" })
}

/// What an address says to a token: who asks, whether it is good, what it is exchanged for, whether it logs out.
async fn all_refuse(app: &TestApp, token: &str, why: &str) {
    let mut program = Program::of(app);
    for (path, name) in [
        ("token/verify/", "token"),
        ("token/refresh/", "refresh"),
        ("logout/", "refresh"),
    ] {
        let (status, body) = program.post(path, json!({ name: token })).await;
        assert!(
            status == 401 || status == 400,
            "{why} {path}: {status} {body}"
        );
    }
    refused_as_access(app, token, why).await;
}

async fn refused_as_access(app: &TestApp, token: &str, why: &str) {
    let mut program = Program::of(app);
    program.authorize(format!("Bearer {token}"));
    let (status, body) = program.get("user/").await;
    assert_eq!(status, 401, "{why}: {body}");
}

async fn a_forged_token_is_none(db: TestDb) {
    let app = app(db, with_jwt).await;
    for kind in ["access", "refresh"] {
        let claims = good(&app, kind);
        let token = signed(SECRET, &claims);
        let payload = part(&claims.to_string());
        let (_, signature) = token.rsplit_once('.').unwrap();
        let own = json!({ "kty": "oct", "k": part("0123456789abcdef0123456789abcdef") });
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "None", "typ": "JWT" }),
            json!({ "alg": "", "typ": "JWT" }),
            json!({ "alg": null }),
            json!({ "alg": ["HS256"] }),
            json!({ "alg": "HS512" }),
            json!({ "alg": "hs256" }),
            json!({ "alg": "RS256" }),
            json!({ "alg": "HS256", "kid": "../../../../dev/null" }),
            json!({ "alg": "HS256", "kid": "' UNION SELECT 'key" }),
            json!({ "alg": "HS256", "jwk": own }),
            json!({ "alg": "HS256", "jku": "http://127.0.0.1:1/keys" }),
            json!({ "alg": "HS256", "x5u": "http://127.0.0.1:1/cert" }),
            json!({ "alg": "HS256", "crit": ["exp"], "typ": "JWT" }),
            json!({}),
            json!([]),
            json!("HS256"),
        ] {
            let message = format!("{}.{payload}", part(&header.to_string()));
            let forged = [
                format!("{message}."),
                format!("{message}.{signature}"),
                // Signed with the key that the header brings.
                message.clone(),
            ];
            for token in forged {
                all_refuse(&app, &token, &header.to_string()).await;
            }
        }
        // Critical extensions are refused even if they are signed.
        for secret in [
            "",
            "a",
            "another-secret-0123456789-0123456789",
            &SECRET[1..],
        ] {
            all_refuse(&app, &signed(secret, &claims), "another secret").await;
        }
        assert_eq!(signed(SECRET, &claims), token);
    }
    for odd in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "é.é.é",
        "\u{0}",
        &"a.".repeat(5000),
    ] {
        let (status, _) = Program::of(&app)
            .post("token/verify/", json!({ "token": odd }))
            .await;
        assert!(status == 401 || status == 400, "{odd:?}");
    }
    let huge = format!("{}.{}.{}", part("{}"), "a".repeat(2_000_000), "a");
    let (status, _) = Program::of(&app)
        .post("token/refresh/", json!({ "refresh": huge }))
        .await;
    assert_eq!(status, 401);
}

fn with_key(algorithm: &'static str) -> impl Fn(&mut Settings) {
    let vectors = include_str!("../../../../hallpass-core/tests/data/simplejwt.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let mut backends = vectors["backends"].as_array().unwrap().iter();
    let pair = backends.find(|one| one["algorithm"] == algorithm).unwrap();
    let text = |name: &str| pair[name].as_str().unwrap().to_owned();
    let (private, public) = (text("private_key"), text("public_key"));
    move |settings| {
        with_jwt(settings);
        settings.simple_jwt.algorithm = algorithm.to_owned();
        settings.simple_jwt.signing_key = Some(Secret::new(private.clone()));
        settings.simple_jwt.verifying_key = Some(public.clone());
    }
}

async fn a_public_key_is_no_secret_of_an_hmac(db: TestDb) {
    let change = with_key("RS256");
    let app = app(db, &change).await;
    let mut settings = Settings::default();
    change(&mut settings);
    let public = settings.simple_jwt.verifying_key.unwrap();
    let der: String = public
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    for kind in ["access", "refresh"] {
        for secret in [public.as_str(), public.trim(), &der, SECRET, ""] {
            let token = signed(secret, &good(&app, kind));
            all_refuse(&app, &token, "the public key").await;
            // Under the name of the right algorithm as well.
            let (message, signature) = token.rsplit_once('.').unwrap();
            let (_, payload) = message.split_once('.').unwrap();
            let header = part("{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
            all_refuse(&app, &format!("{header}.{payload}.{signature}"), "renamed").await;
        }
    }
}

async fn a_signature_has_one_spelling(db: TestDb) {
    let app = app(db, with_key("ES256")).await;
    let mut program = Program::of(&app);
    let access = program.login().await["access"].as_str().unwrap().to_owned();
    let (message, signature) = access.rsplit_once('.').unwrap();
    let bytes = hallpass_django::signing::unpadded_decode(signature).unwrap();
    assert_eq!(bytes.len(), 64);
    let encode = |bytes: &[u8]| format!("{message}.{}", hallpass_django::signing::unpadded(bytes));
    let mut long = bytes.clone();
    long.push(0);
    let mut leading = vec![0];
    leading.extend(&bytes);
    for token in [
        encode(&bytes[..63]),
        encode(&long),
        encode(&leading),
        encode(&[0; 64]),
        encode(&[0xff; 64]),
        encode(&[]),
        encode(&[1; 4096]),
        format!("{access}="),
        format!("{access}=="),
        format!("{access}."),
        format!(".{access}"),
        format!("{message}..{signature}"),
        format!("{message}.{signature}%20"),
        access.replace('.', "="),
    ] {
        refused_as_access(&app, &token, &token).await;
    }
    refused_as_access(
        &app,
        &format!("{} {}", &access[..20], &access[20..]),
        "a blank",
    )
    .await;
    program.authorize(format!("Bearer {access}"));
    assert_eq!(program.get("user/").await.0, 200);
}

async fn a_token_is_of_one_kind(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
    })
    .await;
    let mut program = Program::of(&app);
    let given = program.login().await;
    let (access, refresh) = (
        given["access"].as_str().unwrap(),
        given["refresh"].as_str().unwrap(),
    );
    refused_as_access(&app, refresh, "a refresh token").await;
    for path in ["token/refresh/", "logout/"] {
        let (status, body) = program.post(path, json!({ "refresh": access })).await;
        assert_eq!(
            (status, &body["detail"]),
            (401, &json!("Token has wrong type"))
        );
    }
    // Nor is it what other things are that the same secret signs.
    let ask = json!({ "email": "ann@example.com" });
    assert_eq!(program.post("password/reset/", ask).await.0, 200);
    let link = link_in(&app.letter().await.text);
    let link = link.trim_end_matches('/').rsplit('/').next().unwrap();
    all_refuse(&app, link, "a reset token").await;
    for kind in ["sliding", "Access", "access ", "", "refresh"] {
        refused_as_access(&app, &signed(SECRET, &good(&app, kind)), kind).await;
    }
}

async fn claims_of_odd_types_are_refused_and_break_nothing(db: TestDb) {
    let app = app(db, with_jwt).await;
    let odd = [
        json!(null),
        json!(true),
        json!("1"),
        json!(""),
        json!("soon"),
        json!(-1),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!([1]),
    ];
    for kind in ["access", "refresh"] {
        for name in ["exp", "nbf", "iat", "jti", "sub"] {
            for value in &odd {
                let bare = matches!(name, "nbf" | "iat") && value.as_i64().is_some();
                let text = matches!(name, "jti" | "sub") && value.is_string();
                if bare || text {
                    continue;
                }
                let mut claims = good(&app, kind);
                claims[name] = value.clone();
                all_refuse(&app, &signed(SECRET, &claims), &format!("{name} {value}")).await;
            }
        }
        for name in ["exp", "jti", "token_type", "user_id"] {
            let mut claims = good(&app, kind);
            claims.as_object_mut().unwrap().shift_remove(name);
            refused_as_access(&app, &signed(SECRET, &claims), name).await;
            let body = json!({ "refresh": signed(SECRET, &claims) });
            assert_eq!(
                Program::of(&app).post("token/refresh/", body).await.0,
                401,
                "{name}"
            );
        }
        for value in [
            json!(null),
            json!(true),
            json!(1.5),
            json!("1.0"),
            json!("one"),
            json!("1; --"),
            json!(i64::MAX),
            json!(u64::MAX),
            json!("99999999999999999999999"),
            json!(-1),
            json!(0),
            json!([1]),
            json!(""),
            json!("2"),
        ] {
            let mut claims = good(&app, kind);
            claims["user_id"] = value.clone();
            let token = signed(SECRET, &claims);
            refused_as_access(&app, &token, &value.to_string()).await;
            let (status, body) = Program::of(&app)
                .post("token/refresh/", json!({ "refresh": token }))
                .await;
            assert_eq!(status, 401, "{value}: {body}");
        }
    }
    // What lasts for ever was signed to last; it is taken, and remembered.
    for end in [
        json!(4_102_444_800_i64),
        json!(4_102_444_800.5),
        json!(1e300),
        json!(i64::MAX),
    ] {
        let mut claims = good(&app, "refresh");
        claims["exp"] = end.clone();
        claims["jti"] = format!("for ever {end}").into();
        let body = json!({ "refresh": signed(SECRET, &claims) });
        let (status, body) = Program::of(&app).post("token/refresh/", body).await;
        assert_eq!(status, 200, "{end}: {body}");
    }
}

async fn whoever_is_gone_has_no_token(db: TestDb) {
    let app = app(db, with_jwt).await;
    let mut program = Program::of(&app);
    let given = program.login().await;
    program.authorize(format!("Bearer {}", given["access"].as_str().unwrap()));
    assert_eq!(program.get("user/").await.0, 200);
    app.sql("UPDATE auth_user SET is_active = FALSE").await;
    let (status, body) = program.get("user/").await;
    assert_eq!((status, &body["code"]), (401, &json!("user_inactive")));
    let again = json!({ "refresh": given["refresh"] });
    assert_eq!(program.post("token/refresh/", again.clone()).await.0, 401);
    for table in [
        "account_emailaddress",
        "token_blacklist_outstandingtoken",
        "hallpass_refresh",
        "auth_user",
    ] {
        app.sql(&format!("DELETE FROM {table}")).await;
    }
    let (status, body) = program.get("user/").await;
    assert_eq!((status, &body["code"]), (401, &json!("user_not_found")));
    assert_eq!(program.post("token/refresh/", again.clone()).await.0, 401);
    program.0.headers.remove("authorization");
    assert_eq!(program.post("logout/", again).await.0, 401);
}

async fn a_header_is_read_as_it_is_written(db: TestDb) {
    let app = app(db, |settings| {
        with_jwt(settings);
        settings.rest_auth.jwt_auth_cookie = Some("access".to_owned());
    })
    .await;
    let mut program = Program::of(&app);
    let given = program.login().await;
    let access = given["access"].as_str().unwrap().to_owned();
    assert!(program.0.cookies.contains_key("access"));
    assert_eq!(program.get("user/").await.0, 200, "by cookie");
    // Any header hides the cookie, and only the scheme that is written so is ours.
    for (words, status) in [
        (format!("Bearer {access}"), 200),
        (format!("Bearer   {access} "), 200),
        (format!("bearer {access}"), 401),
        (format!("BEARER {access}"), 401),
        (format!("Token {access}"), 401),
        (format!("Basic {access}"), 401),
        (format!("Bearer{access}"), 401),
        (access.clone(), 401),
        ("Bearer".to_owned(), 401),
        (format!("Bearer {access} x"), 401),
        (format!("Bearer {access}, Bearer {access}"), 401),
        (format!("Bearer {}", "a".repeat(10_000)), 401),
    ] {
        program.authorize(words.clone());
        assert_eq!(program.get("user/").await.0, status, "{words}");
    }
    // By cookie alone, what changes something needs the token against forgery.
    program.0.headers.remove("authorization");
    let (answer, body) = program
        .send("PATCH", "user/", &json!({ "first_name": "Eve" }))
        .await;
    assert_eq!(answer.status, 403, "{body}");
}
