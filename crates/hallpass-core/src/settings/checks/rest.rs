//! REST_AUTH, SIMPLE_JWT, REST_FRAMEWORK, and the links of letters that lead to a front end.

use super::ours::is_mount;
use super::web::{is_cookie_domain, is_cookie_name, is_cookie_path, is_wsgi_header};
use super::{CENTURY, Checks, leads_somewhere};
use crate::domain::jwt::{Jwts, Terms};
use crate::settings::{Renderer, SameSite};

/// Scopes that addresses here have.
const SCOPES: [&str; 2] = ["dj_rest_auth", "dj_rest_auth_mfa_verify"];

pub(super) fn check(checks: &mut Checks<'_>) {
    mount(checks);
    links(checks);
    rest_auth(checks);
    cookies(checks);
    simple_jwt(checks);
    keys(checks);
    let s = checks.settings;
    for (scope, ..) in &s.rest_framework.default_throttle_rates.0 {
        checks.refuse(
            "REST_FRAMEWORK_DEFAULT_THROTTLE_RATES",
            !SCOPES.contains(&scope.as_str()),
            format!(
                "holds the scope \"{scope}\", which nothing here has: the scopes are {}",
                SCOPES.join(" and ")
            ),
        );
    }
    checks.refuse(
        "REST_FRAMEWORK_DEFAULT_RENDERER_CLASSES",
        !s.rest_framework
            .default_renderer_classes
            .contains(&Renderer::Json),
        "leaves out rest_framework.renderers.JSONRenderer: programs could not read an answer",
    );
    let proxies = s.rest_framework.num_proxies;
    checks.refuse(
        "REST_FRAMEWORK_NUM_PROXIES",
        proxies.is_some_and(|count| count != s.allauth.trusted_proxy_count),
        "says otherwise than ALLAUTH_TRUSTED_PROXY_COUNT, which counts here: leave it out, or make them equal",
    );
}

fn mount(checks: &mut Checks<'_>) {
    let s = &checks.settings.hallpass;
    let Some(mount) = s.rest_mount() else {
        return;
    };
    checks.refuse(
        "HALLPASS_REST_MOUNT",
        !is_mount(mount),
        "must be a path that begins and ends with a slash, such as /dj-rest-auth/, or be empty",
    );
    checks.refuse(
        "HALLPASS_REST_MOUNT",
        mount == s.mount,
        "is HALLPASS_MOUNT too, where the pages are: choose another path",
    );
}

fn links(checks: &mut Checks<'_>) {
    let s = &checks.settings.hallpass;
    if let Some(template) = &s.reset_url {
        link(
            checks,
            "HALLPASS_RESET_URL",
            template,
            &["uid", "token", "key"],
        );
        let whole = template.contains("{key}");
        let parts = template.contains("{uid}") && template.contains("{token}");
        checks.refuse(
            "HALLPASS_RESET_URL",
            !whole && !parts,
            "needs {uid} and {token}, or {key}: without them the page does not know whose password it sets",
        );
    }
    if let Some(template) = &s.email_confirm_url {
        link(checks, "HALLPASS_EMAIL_CONFIRM_URL", template, &["key"]);
        checks.refuse(
            "HALLPASS_EMAIL_CONFIRM_URL",
            !template.contains("{key}"),
            "needs {key}: without it the page does not know which address it confirms",
        );
    }
}

fn link(checks: &mut Checks<'_>, name: &str, template: &str, known: &[&str]) {
    let mut filled = template.to_owned();
    for known in known {
        filled = filled.replace(&format!("{{{known}}}"), "x");
    }
    let names: Vec<String> = known.iter().map(|known| format!("{{{known}}}")).collect();
    checks.refuse(
        name,
        filled.contains(['{', '}']),
        format!(
            "holds braces that mean nothing: known are {}",
            names.join(", ")
        ),
    );
    let odd = |c: char| c.is_whitespace() || c.is_control();
    checks.refuse(
        name,
        !leads_somewhere(&filled) || filled.contains(odd),
        "must be a path that begins with a slash, or a URL",
    );
    // What stands in the place of the host could send the secret anywhere.
    let host = template.split_once("://").map(|(_, rest)| rest);
    let host = host.and_then(|rest| rest.split(['/', '?', '#']).next());
    checks.refuse(
        name,
        host.is_some_and(|host| host.contains('{')),
        "has a placeholder where the host belongs",
    );
}

fn rest_auth(checks: &mut Checks<'_>) {
    let s = &checks.settings.rest_auth;
    checks.refuse(
        "REST_AUTH_SESSION_LOGIN",
        !s.session_login && !s.use_jwt && s.token_model.is_none(),
        "is off, and so are REST_AUTH_USE_JWT and REST_AUTH_TOKEN_MODEL: a login would give nothing",
    );
    checks.refuse(
        "REST_AUTH_REGISTER_PERMISSION_CLASSES",
        s.register_permission_classes.is_empty(),
        "is empty: write rest_framework.permissions.AllowAny, or leave it out",
    );
}

fn cookies(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let rest = &s.rest_auth;
    let taken = [&s.session.cookie_name, &s.csrf.cookie_name];
    for (setting, name) in [
        ("REST_AUTH_JWT_AUTH_COOKIE", &rest.jwt_auth_cookie),
        (
            "REST_AUTH_JWT_AUTH_REFRESH_COOKIE",
            &rest.jwt_auth_refresh_cookie,
        ),
    ] {
        let Some(name) = name else { continue };
        checks.refuse(
            setting,
            !is_cookie_name(name),
            "is no name of a cookie: use letters, digits and dashes",
        );
        checks.refuse(
            setting,
            taken.contains(&name),
            "is the name of another cookie of this site: one would overwrite the other",
        );
        let promised = name.starts_with("__Secure-") || name.starts_with("__Host-");
        checks.refuse(
            setting,
            promised && !rest.jwt_auth_secure,
            "promises a secure cookie, which browsers drop without REST_AUTH_JWT_AUTH_SECURE: switch that on",
        );
        let elsewhere =
            setting.ends_with("REFRESH_COOKIE") && rest.jwt_auth_refresh_cookie_path != "/";
        checks.refuse(
            setting,
            name.starts_with("__Host-") && (rest.jwt_auth_cookie_domain.is_some() || elsewhere),
            "begins with __Host-, which browsers take only without a domain and with the path \"/\"",
        );
    }
    checks.refuse(
        "REST_AUTH_JWT_AUTH_REFRESH_COOKIE",
        rest.jwt_auth_refresh_cookie.is_some()
            && rest.jwt_auth_refresh_cookie == rest.jwt_auth_cookie,
        "is REST_AUTH_JWT_AUTH_COOKIE too: one cookie would overwrite the other",
    );
    checks.refuse(
        "REST_AUTH_JWT_AUTH_REFRESH_COOKIE_PATH",
        !is_cookie_path(&rest.jwt_auth_refresh_cookie_path),
        "must begin with a slash and have neither spaces nor semicolons",
    );
    let domain = rest.jwt_auth_cookie_domain.as_deref();
    checks.refuse(
        "REST_AUTH_JWT_AUTH_COOKIE_DOMAIN",
        domain.is_some_and(|text| !is_cookie_domain(text)),
        "is no domain: write it alone, such as example.com",
    );
    checks.refuse(
        "REST_AUTH_JWT_AUTH_SAMESITE",
        rest.jwt_auth_samesite == SameSite::None && !rest.jwt_auth_secure,
        "is \"None\", which browsers take only from secure cookies: switch REST_AUTH_JWT_AUTH_SECURE on, or write \"Lax\"",
    );
}

fn simple_jwt(checks: &mut Checks<'_>) {
    let s = &checks.settings.simple_jwt;
    let (access, refresh) = (s.access_token_lifetime, s.refresh_token_lifetime);
    checks.within("SIMPLE_JWT_ACCESS_TOKEN_LIFETIME", access, 1, CENTURY);
    checks.within("SIMPLE_JWT_REFRESH_TOKEN_LIFETIME", refresh, 1, CENTURY);
    let both = [
        "SIMPLE_JWT_ACCESS_TOKEN_LIFETIME",
        "SIMPLE_JWT_REFRESH_TOKEN_LIFETIME",
    ];
    checks.refuse(
        "SIMPLE_JWT_REFRESH_TOKEN_LIFETIME",
        refresh < access && checks.understood(&both),
        "is shorter than SIMPLE_JWT_ACCESS_TOKEN_LIFETIME: a refresh token would end before what it renews",
    );
    checks.within("SIMPLE_JWT_LEEWAY", s.leeway, 0, 3_600);
    let grace = checks.settings.hallpass.refresh_grace;
    checks.within("HALLPASS_REFRESH_GRACE", grace, 0, 3_600);
    checks.refuse(
        "SIMPLE_JWT_CHECK_USER_IS_ACTIVE",
        !s.check_user_is_active,
        "is off: whoever was switched off would stay in, so leave it out",
    );
    let word = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    checks.refuse(
        "SIMPLE_JWT_AUTH_HEADER_TYPES",
        s.auth_header_types.is_empty() || !s.auth_header_types.iter().all(word),
        "must hold words, such as [\"Bearer\"]",
    );
    checks.refuse(
        "SIMPLE_JWT_AUTH_HEADER_NAME",
        !is_wsgi_header(&s.auth_header_name),
        "must be spelled like HTTP_AUTHORIZATION: HTTP_, capitals and underscores",
    );
    let claims = [
        "token_type",
        "exp",
        "iat",
        "jti",
        "aud",
        "iss",
        "nbf",
        "sub",
        "",
    ];
    for (name, claim) in [
        ("SIMPLE_JWT_USER_ID_CLAIM", &s.user_id_claim),
        ("SIMPLE_JWT_REVOKE_TOKEN_CLAIM", &s.revoke_token_claim),
    ] {
        // Some sites have the user's key in `sub`.
        let sub = claim == "sub" && name == "SIMPLE_JWT_USER_ID_CLAIM";
        checks.refuse(
            name,
            claims.contains(&claim.as_str()) && !sub,
            "is a claim that means something else: choose another name",
        );
    }
    checks.refuse(
        "SIMPLE_JWT_REVOKE_TOKEN_CLAIM",
        s.revoke_token_claim == s.user_id_claim,
        "is SIMPLE_JWT_USER_ID_CLAIM too: choose another name",
    );
}

/// Keys in files are looked at when the program starts.
fn keys(checks: &mut Checks<'_>) {
    let s = &checks.settings.simple_jwt;
    let signing = s.signing_key.as_ref().map(|key| key.reveal().to_owned());
    for (name, both) in [
        (
            "SIMPLE_JWT_SIGNING_KEY_FILE",
            s.signing_key_file.is_some() && signing.is_some(),
        ),
        (
            "SIMPLE_JWT_VERIFYING_KEY_FILE",
            s.verifying_key_file.is_some() && s.verifying_key.is_some(),
        ),
    ] {
        checks.refuse(
            name,
            both,
            "says what another setting says too: set one of them",
        );
    }
    if s.algorithm.starts_with("HS") {
        let short = signing.as_ref().is_some_and(|key| key.len() < 32);
        checks.refuse(
            "SIMPLE_JWT_SIGNING_KEY",
            short,
            "has fewer than 32 characters and can be guessed: whoever does makes tokens for anybody",
        );
    } else if checks.settings.rest_auth.use_jwt {
        checks.refuse(
            "SIMPLE_JWT_SIGNING_KEY",
            signing.is_none() && s.signing_key_file.is_none(),
            "is missing: REST_AUTH_USE_JWT and this SIMPLE_JWT_ALGORITHM need a private key",
        );
    }
    if s.signing_key_file.is_some() || s.verifying_key_file.is_some() {
        return;
    }
    let verifying = s.verifying_key.clone().unwrap_or_default();
    let signing = signing.unwrap_or_default();
    let made = Jwts::new(&s.algorithm, &signing, &verifying, Terms::default());
    if let Err(failure) = made {
        let text = failure.to_string();
        if let Some((name, what)) = text.split_once(' ') {
            checks.refuse(name, true, what);
        }
    }
}
