//! REST_AUTH, SIMPLE_JWT, REST_FRAMEWORK, and links to a front end. What is refused stands beside what is not.

use serde_json::{Value, json};

use super::{environment_of, problems, refused};

/// Those of dj-rest-auth, simplejwt and REST framework, but that a cookie needs a CSRF token here.
pub(super) fn defaults() -> Vec<(&'static str, Value)> {
    vec![
        (
            "REST_AUTH_TOKEN_MODEL",
            json!("rest_framework.authtoken.models.Token"),
        ),
        ("REST_AUTH_SESSION_LOGIN", json!(true)),
        ("REST_AUTH_USE_JWT", json!(false)),
        ("REST_AUTH_OLD_PASSWORD_FIELD_ENABLED", json!(false)),
        ("REST_AUTH_LOGOUT_ON_PASSWORD_CHANGE", json!(false)),
        ("REST_AUTH_PASSWORD_RESET_USE_SITES_DOMAIN", json!(false)),
        ("REST_AUTH_JWT_AUTH_COOKIE", json!(null)),
        ("REST_AUTH_JWT_AUTH_REFRESH_COOKIE", json!(null)),
        ("REST_AUTH_JWT_AUTH_REFRESH_COOKIE_PATH", json!("/")),
        ("REST_AUTH_JWT_AUTH_SECURE", json!(false)),
        ("REST_AUTH_JWT_AUTH_HTTPONLY", json!(true)),
        ("REST_AUTH_JWT_AUTH_SAMESITE", json!("Lax")),
        ("REST_AUTH_JWT_AUTH_COOKIE_DOMAIN", json!(null)),
        ("REST_AUTH_JWT_AUTH_RETURN_EXPIRATION", json!(false)),
        ("REST_AUTH_JWT_AUTH_COOKIE_USE_CSRF", json!(true)),
        (
            "REST_AUTH_JWT_AUTH_COOKIE_ENFORCE_CSRF_ON_UNAUTHENTICATED",
            json!(false),
        ),
        (
            "REST_AUTH_REGISTER_PERMISSION_CLASSES",
            json!(["rest_framework.permissions.AllowAny"]),
        ),
        ("SIMPLE_JWT_ACCESS_TOKEN_LIFETIME", json!(300)),
        ("SIMPLE_JWT_REFRESH_TOKEN_LIFETIME", json!(86_400)),
        ("SIMPLE_JWT_ROTATE_REFRESH_TOKENS", json!(false)),
        ("SIMPLE_JWT_BLACKLIST_AFTER_ROTATION", json!(false)),
        ("SIMPLE_JWT_UPDATE_LAST_LOGIN", json!(false)),
        ("SIMPLE_JWT_ALGORITHM", json!("HS256")),
        ("SIMPLE_JWT_SIGNING_KEY", json!(null)),
        ("SIMPLE_JWT_VERIFYING_KEY", json!(null)),
        ("SIMPLE_JWT_SIGNING_KEY_FILE", json!(null)),
        ("SIMPLE_JWT_VERIFYING_KEY_FILE", json!(null)),
        ("SIMPLE_JWT_AUDIENCE", json!(null)),
        ("SIMPLE_JWT_ISSUER", json!(null)),
        ("SIMPLE_JWT_LEEWAY", json!(0)),
        ("SIMPLE_JWT_AUTH_HEADER_TYPES", json!(["Bearer"])),
        ("SIMPLE_JWT_AUTH_HEADER_NAME", json!("HTTP_AUTHORIZATION")),
        ("SIMPLE_JWT_USER_ID_CLAIM", json!("user_id")),
        ("SIMPLE_JWT_CHECK_REVOKE_TOKEN", json!(false)),
        ("SIMPLE_JWT_REVOKE_TOKEN_CLAIM", json!("hash_password")),
        ("SIMPLE_JWT_CHECK_USER_IS_ACTIVE", json!(true)),
        (
            "REST_FRAMEWORK_DEFAULT_RENDERER_CLASSES",
            json!([
                "rest_framework.renderers.JSONRenderer",
                "rest_framework.renderers.BrowsableAPIRenderer"
            ]),
        ),
        ("REST_FRAMEWORK_DEFAULT_THROTTLE_RATES", json!({})),
        ("REST_FRAMEWORK_NUM_PROXIES", json!(null)),
    ]
}

#[track_caller]
fn good(pairs: &[(&str, &str)]) {
    let found = problems(environment_of(pairs));
    assert!(found.is_empty(), "{pairs:?}: {found:#?}");
}

#[track_caller]
fn bad(pairs: &[(&str, &str)], name: &str, words: &str) {
    refused(environment_of(pairs), name, words);
}

#[test]
fn the_interface_has_a_place_of_its_own() {
    good(&[("HALLPASS_REST_MOUNT", "/api/auth/")]);
    good(&[("HALLPASS_REST_MOUNT", "")]);
    let off = super::file("[hallpass]\nrest_mount = \"\"").unwrap();
    assert_eq!(off.settings.hallpass.rest_mount(), None);
    bad(
        &[("HALLPASS_REST_MOUNT", "/accounts/")],
        "HALLPASS_REST_MOUNT",
        "where the pages are",
    );
    bad(
        &[("HALLPASS_REST_MOUNT", "api")],
        "HALLPASS_REST_MOUNT",
        "begins and ends with a slash",
    );
}

#[test]
fn links_have_what_their_page_needs_and_nothing_else() {
    let name = "HALLPASS_RESET_URL";
    good(&[(name, "https://app.example.com/reset/{uid}/{token}")]);
    good(&[(name, "/reset#{key}")]);
    bad(
        &[(name, "/reset/{uid}/")],
        name,
        "needs {uid} and {token}, or {key}",
    );
    bad(
        &[(name, "/reset/{key}/{code}")],
        name,
        "holds braces that mean nothing",
    );
    bad(
        &[(name, "reset/{key}")],
        name,
        "must be a path that begins with a slash",
    );
    bad(
        &[(name, "javascript:{key}")],
        name,
        "must be a path that begins with a slash",
    );
    bad(
        &[(name, "https://{key}.example.com/")],
        name,
        "where the host belongs",
    );
    let name = "HALLPASS_EMAIL_CONFIRM_URL";
    good(&[(name, "/confirm/{key}")]);
    bad(&[(name, "/confirm/")], name, "needs {key}");
    bad(
        &[(name, "/confirm/{key}/{uid}")],
        name,
        "holds braces that mean nothing",
    );
}

#[test]
fn a_login_gives_something() {
    good(&[("REST_AUTH", r#"{"TOKEN_MODEL": null}"#)]);
    bad(
        &[(
            "REST_AUTH",
            r#"{"TOKEN_MODEL": null, "SESSION_LOGIN": false}"#,
        )],
        "REST_AUTH_SESSION_LOGIN",
        "a login would give nothing",
    );
}

#[test]
fn cookies_of_tokens_are_taken_by_browsers() {
    let access = "REST_AUTH_JWT_AUTH_COOKIE";
    good(&[(access, "access")]);
    bad(&[(access, "a b")], access, "is no name of a cookie");
    bad(
        &[(access, "sessionid")],
        access,
        "another cookie of this site",
    );
    bad(&[(access, "__Host-a")], access, "promises a secure cookie");
    good(&[(access, "__Host-a"), ("REST_AUTH_JWT_AUTH_SECURE", "1")]);
    let refresh = "REST_AUTH_JWT_AUTH_REFRESH_COOKIE";
    bad(
        &[(access, "a"), (refresh, "a")],
        refresh,
        "one cookie would overwrite the other",
    );
    let path = "REST_AUTH_JWT_AUTH_REFRESH_COOKIE_PATH";
    good(&[(path, "/dj-rest-auth/")]);
    bad(&[(path, "token")], path, "must begin with a slash");
    let same_site = "REST_AUTH_JWT_AUTH_SAMESITE";
    bad(
        &[(same_site, "None")],
        same_site,
        "only from secure cookies",
    );
    good(&[(same_site, "None"), ("REST_AUTH_JWT_AUTH_SECURE", "1")]);
    let domain = "REST_AUTH_JWT_AUTH_COOKIE_DOMAIN";
    bad(&[(domain, "https://example.com")], domain, "is no domain");
}

#[test]
fn tokens_are_signed_with_what_cannot_be_guessed() {
    let key = "SIMPLE_JWT_SIGNING_KEY";
    bad(&[(key, "short")], key, "can be guessed");
    good(&[(key, "n8Xq2LrT5vWz0cYb7DfGhJkM3pSa9eUi")]);
    let algorithm = "SIMPLE_JWT_ALGORITHM";
    bad(&[(algorithm, "none")], algorithm, "is not supported");
    bad(&[(algorithm, "HS1")], algorithm, "is not supported");
    bad(
        &[(algorithm, "RS256")],
        "SIMPLE_JWT_VERIFYING_KEY",
        "is no public key in PEM",
    );
    bad(
        &[
            (algorithm, "ES256"),
            ("REST_AUTH_USE_JWT", "1"),
            ("SIMPLE_JWT_VERIFYING_KEY_FILE", "public.pem"),
        ],
        key,
        "need a private key",
    );
    bad(
        &[
            (key, "n8Xq2LrT5vWz0cYb7DfGhJkM3pSa9eUi"),
            ("SIMPLE_JWT_SIGNING_KEY_FILE", "a.pem"),
        ],
        "SIMPLE_JWT_SIGNING_KEY_FILE",
        "says what another setting says too",
    );
}

#[test]
fn lifetimes_and_claims_make_sense() {
    let refresh = "SIMPLE_JWT_REFRESH_TOKEN_LIFETIME";
    bad(
        &[(refresh, "299")],
        refresh,
        "is shorter than SIMPLE_JWT_ACCESS_TOKEN_LIFETIME",
    );
    good(&[(refresh, "300")]);
    let access = "SIMPLE_JWT_ACCESS_TOKEN_LIFETIME";
    bad(&[(access, "0")], access, "must be from 1 to");
    let active = "SIMPLE_JWT_CHECK_USER_IS_ACTIVE";
    bad(&[(active, "0")], active, "would stay in");
    let claim = "SIMPLE_JWT_USER_ID_CLAIM";
    good(&[(claim, "sub")]);
    bad(&[(claim, "jti")], claim, "means something else");
    bad(
        &[("SIMPLE_JWT_REVOKE_TOKEN_CLAIM", "user_id")],
        "SIMPLE_JWT_REVOKE_TOKEN_CLAIM",
        "choose another name",
    );
    let types = "SIMPLE_JWT_AUTH_HEADER_TYPES";
    good(&[(types, r#"["JWT"]"#)]);
    bad(&[(types, "[]")], types, "must hold words");
    let name = "SIMPLE_JWT_AUTH_HEADER_NAME";
    bad(&[(name, "Authorization")], name, "HTTP_AUTHORIZATION");
}

#[test]
fn throttles_are_of_scopes_that_there_are() {
    let name = "REST_FRAMEWORK_DEFAULT_THROTTLE_RATES";
    good(&[(name, r#"{"dj_rest_auth": "20/min"}"#)]);
    bad(
        &[(name, r#"{"dj_rest": "20/min"}"#)],
        name,
        "which nothing here has",
    );
    let proxies = "REST_FRAMEWORK_NUM_PROXIES";
    bad(
        &[(proxies, "1")],
        proxies,
        "says otherwise than ALLAUTH_TRUSTED_PROXY_COUNT",
    );
    good(&[(proxies, "1"), ("ALLAUTH_TRUSTED_PROXY_COUNT", "1")]);
}

#[test]
fn an_answer_can_always_be_json() {
    let name = "REST_FRAMEWORK_DEFAULT_RENDERER_CLASSES";
    good(&[(name, r#"["JSONRenderer"]"#)]);
    good(&[(name, r#"["BrowsableAPIRenderer", "JSONRenderer"]"#)]);
    let dictionary = r#"{"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}"#;
    good(&[("REST_FRAMEWORK", dictionary)]);
    bad(&[(name, "[]")], name, "leaves out");
    bad(&[(name, r#"["BrowsableAPIRenderer"]"#)], name, "leaves out");
    bad(&[(name, r#"["AdminRenderer"]"#)], name, "one of");
}
