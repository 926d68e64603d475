//! Defaults, types and spellings.

use hallpass_core::settings::{
    Backend, Enumeration, LimitsStore, LogFormat, LoginBy, SameSite, Settings, load,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{environment, file, problems, refused, value};

/// Settings and their defaults: Django's and allauth's in full, so that a change here is a change for
/// everyone who relies on their documentation.
fn defaults() -> Vec<(&'static str, Value)> {
    let validator = |name: &str| json!({"NAME": format!("django.contrib.auth.password_validation.{name}Validator"), "OPTIONS": {}});
    vec![
        ("SECRET_KEY", json!(null)),
        ("SECRET_KEY_FALLBACKS", json!([])),
        ("ALLOWED_HOSTS", json!([])),
        ("DATABASE_URL", json!("sqlite:///hallpass.sqlite3")),
        ("TIME_ZONE", json!("UTC")),
        ("SITE_ID", json!(1)),
        ("LANGUAGE_CODE", json!("en-us")),
        ("PASSWORD_HASHERS", json!(null)),
        (
            "AUTH_PASSWORD_VALIDATORS",
            json!([
                validator("UserAttributeSimilarity"),
                validator("MinimumLength"),
                validator("CommonPassword"),
                validator("NumericPassword")
            ]),
        ),
        (
            "AUTHENTICATION_BACKENDS",
            json!([
                "django.contrib.auth.backends.ModelBackend",
                "allauth.account.auth_backends.AuthenticationBackend"
            ]),
        ),
        ("AUTH_USER_MODEL", json!("auth.User")),
        ("PASSWORD_RESET_TIMEOUT", json!(259_200)),
        ("LOGIN_URL", json!(null)),
        ("LOGIN_REDIRECT_URL", json!(null)),
        ("LOGOUT_REDIRECT_URL", json!(null)),
        ("DEFAULT_FROM_EMAIL", json!("webmaster@localhost")),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", json!(2_621_440)),
        ("USE_X_FORWARDED_HOST", json!(false)),
        ("USE_X_FORWARDED_PORT", json!(false)),
        ("SECURE_PROXY_SSL_HEADER", json!(null)),
        ("SECURE_SSL_REDIRECT", json!(false)),
        ("SECURE_HSTS_SECONDS", json!(0)),
        ("SECURE_HSTS_INCLUDE_SUBDOMAINS", json!(false)),
        ("SECURE_HSTS_PRELOAD", json!(false)),
        ("SECURE_REFERRER_POLICY", json!("same-origin")),
        ("SECURE_CROSS_ORIGIN_OPENER_POLICY", json!("same-origin")),
        ("SECURE_CONTENT_TYPE_NOSNIFF", json!(true)),
        ("X_FRAME_OPTIONS", json!("DENY")),
        ("SESSION_COOKIE_AGE", json!(1_209_600)),
        ("SESSION_COOKIE_NAME", json!("sessionid")),
        ("SESSION_COOKIE_DOMAIN", json!(null)),
        ("SESSION_COOKIE_PATH", json!("/")),
        ("SESSION_COOKIE_SECURE", json!(false)),
        ("SESSION_COOKIE_HTTPONLY", json!(true)),
        ("SESSION_COOKIE_SAMESITE", json!("Lax")),
        ("SESSION_SAVE_EVERY_REQUEST", json!(false)),
        ("SESSION_EXPIRE_AT_BROWSER_CLOSE", json!(false)),
        ("CSRF_COOKIE_NAME", json!("csrftoken")),
        ("CSRF_COOKIE_AGE", json!(31_449_600)),
        ("CSRF_COOKIE_DOMAIN", json!(null)),
        ("CSRF_COOKIE_PATH", json!("/")),
        ("CSRF_COOKIE_SECURE", json!(false)),
        ("CSRF_COOKIE_HTTPONLY", json!(false)),
        ("CSRF_COOKIE_SAMESITE", json!("Lax")),
        ("CSRF_HEADER_NAME", json!("HTTP_X_CSRFTOKEN")),
        ("CSRF_TRUSTED_ORIGINS", json!([])),
        ("CSRF_USE_SESSIONS", json!(false)),
        ("EMAIL_BACKEND", json!("console")),
        ("EMAIL_HOST", json!("localhost")),
        ("EMAIL_PORT", json!(25)),
        ("EMAIL_HOST_USER", json!("")),
        ("EMAIL_HOST_PASSWORD", json!("")),
        ("EMAIL_USE_TLS", json!(false)),
        ("EMAIL_USE_SSL", json!(false)),
        ("EMAIL_TIMEOUT", json!(null)),
        ("EMAIL_FILE_PATH", json!(null)),
        ("ACCOUNT_LOGIN_METHODS", json!(null)),
        ("ACCOUNT_AUTHENTICATION_METHOD", json!(null)),
        ("ACCOUNT_LOGIN_TIMEOUT", json!(900)),
        ("ACCOUNT_LOGIN_BY_CODE_ENABLED", json!(false)),
        ("ACCOUNT_LOGIN_BY_CODE_REQUIRED", json!(false)),
        ("ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS", json!(3)),
        ("ACCOUNT_LOGIN_BY_CODE_TIMEOUT", json!(180)),
        ("ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND", json!(false)),
        ("ACCOUNT_LOGIN_BY_CODE_FORMAT", json!({})),
        ("ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION", json!(false)),
        ("ACCOUNT_LOGIN_ON_PASSWORD_RESET", json!(false)),
        ("ACCOUNT_LOGIN_ATTEMPTS_LIMIT", json!(5)),
        ("ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT", json!(300)),
        ("ACCOUNT_SIGNUP_FIELDS", json!(null)),
        ("ACCOUNT_USERNAME_REQUIRED", json!(true)),
        ("ACCOUNT_EMAIL_REQUIRED", json!(false)),
        ("ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE", json!(false)),
        ("ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE", json!(true)),
        ("ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD", json!(null)),
        ("ACCOUNT_SIGNUP_REDIRECT_URL", json!(null)),
        ("ACCOUNT_USER_MODEL_USERNAME_FIELD", json!("username")),
        ("ACCOUNT_USER_MODEL_EMAIL_FIELD", json!("email")),
        ("ACCOUNT_USERNAME_MIN_LENGTH", json!(1)),
        ("ACCOUNT_USERNAME_BLACKLIST", json!([])),
        ("ACCOUNT_PRESERVE_USERNAME_CASING", json!(true)),
        ("ACCOUNT_EMAIL_VERIFICATION", json!("optional")),
        ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", json!(false)),
        ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS", json!(3)),
        ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT", json!(900)),
        ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT", json!({})),
        ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE", json!(false)),
        ("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND", json!(false)),
        ("ACCOUNT_EMAIL_CONFIRMATION_HMAC", json!(true)),
        ("ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS", json!(3)),
        ("ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN", json!(180)),
        ("ACCOUNT_CONFIRM_EMAIL_ON_GET", json!(false)),
        (
            "ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL",
            json!(null),
        ),
        (
            "ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL",
            json!(null),
        ),
        ("ACCOUNT_UNIQUE_EMAIL", json!(true)),
        ("ACCOUNT_MAX_EMAIL_ADDRESSES", json!(null)),
        ("ACCOUNT_CHANGE_EMAIL", json!(false)),
        ("ACCOUNT_EMAIL_NOTIFICATIONS", json!(false)),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED", json!(false)),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS", json!(3)),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT", json!(180)),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT", json!({})),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_CODE_FORMAT", json!({})),
        ("ACCOUNT_PASSWORD_MIN_LENGTH", json!(6)),
        ("ACCOUNT_PASSWORD_INPUT_RENDER_VALUE", json!(false)),
        ("ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE", json!(false)),
        ("ACCOUNT_PHONE_VERIFICATION_ENABLED", json!(true)),
        ("ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS", json!(3)),
        ("ACCOUNT_PHONE_VERIFICATION_TIMEOUT", json!(900)),
        ("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE", json!(false)),
        ("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND", json!(false)),
        ("ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT", json!({})),
        ("ACCOUNT_REAUTHENTICATION_REQUIRED", json!(false)),
        ("ACCOUNT_REAUTHENTICATION_TIMEOUT", json!(300)),
        ("ACCOUNT_SALT", json!("account")),
        ("ACCOUNT_SESSION_REMEMBER", json!(null)),
        ("ACCOUNT_SESSION_COOKIE_AGE", json!(null)),
        ("ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS", json!(true)),
        ("ACCOUNT_EMAIL_SUBJECT_PREFIX", json!(null)),
        ("ACCOUNT_EMAIL_MAX_LENGTH", json!(254)),
        ("ACCOUNT_PREVENT_ENUMERATION", json!(true)),
        (
            "ACCOUNT_RATE_LIMITS",
            json!({
                "change_password": "5/m/user",
                "change_phone": "1/m/user",
                "confirm_code": "30/m/ip,20/h/key",
                "confirm_email": "1/3m/key",
                "login": "30/m/ip",
                "login_failed": "10/m/ip,5/5m/key",
                "magic_link_failed": "30/m/ip",
                "manage_email": "10/m/user",
                "reauthenticate": "10/m/user",
                "request_login_code": "20/m/ip,3/m/key",
                "request_login_link": "20/m/ip,3/m/key",
                "reset_password": "20/m/ip,5/m/key",
                "reset_password_from_key": "20/m/ip",
                "signup": "20/m/ip",
                "verify_phone": "1/30s/key,3/m/ip"
            }),
        ),
        ("ACCOUNT_DEFAULT_HTTP_PROTOCOL", json!("http")),
        ("ACCOUNT_LOGOUT_ON_GET", json!(false)),
        ("ACCOUNT_LOGOUT_REDIRECT_URL", json!(null)),
        ("ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS", json!(true)),
        ("ALLAUTH_TRUSTED_PROXY_COUNT", json!(0)),
        ("ALLAUTH_TRUSTED_CLIENT_IP_HEADER", json!(null)),
        ("ALLAUTH_USER_CODE_FORMAT", json!({})),
        ("ALLAUTH_RATE_LIMIT_IPV6_PREFIX", json!(64)),
        ("HALLPASS_SHARE_WITH_DJANGO", json!(false)),
        ("HALLPASS_LISTEN", json!("127.0.0.1:8000")),
        ("HALLPASS_PUBLIC_URL", json!(null)),
        ("HALLPASS_MOUNT", json!("/accounts/")),
        ("HALLPASS_TEMPLATES", json!(null)),
        ("HALLPASS_LETTER_VARIABLES", json!({})),
        ("HALLPASS_SITE_NAME", json!(null)),
        ("HALLPASS_LOGO_URL", json!(null)),
        ("HALLPASS_ACCENT", json!(null)),
        ("HALLPASS_SUPPORT_ADDRESS", json!(null)),
        ("HALLPASS_TERMS_URL", json!(null)),
        ("HALLPASS_PRIVACY_URL", json!(null)),
        ("HALLPASS_DATABASE_CONNECTIONS", json!(16)),
        ("HALLPASS_DATABASE_TIMEOUT", json!(5)),
        ("HALLPASS_HASH_THREADS", json!(null)),
        ("HALLPASS_HASH_QUEUE", json!(64)),
        ("HALLPASS_REQUEST_TIMEOUT", json!(30)),
        ("HALLPASS_SHUTDOWN_TIMEOUT", json!(30)),
        ("HALLPASS_LIMITS_STORE", json!("database")),
        ("HALLPASS_PASSWORDLESS", json!(false)),
        ("HALLPASS_CODE_AND_LINK", json!(false)),
        ("HALLPASS_SIGNUP_OPEN", json!(true)),
        ("HALLPASS_SIGNUP_EXTRA_FIELDS", json!([])),
        ("HALLPASS_USER_FIELDS", json!([])),
        ("HALLPASS_USER_TABLE", json!(null)),
        ("HALLPASS_USER_KEY", json!("integer")),
        ("HALLPASS_USER_KEY_COLUMN", json!("id")),
        ("HALLPASS_USER_WITHOUT", json!([])),
        ("HALLPASS_MAIL_WORKERS", json!(4)),
        ("HALLPASS_MAIL_ATTEMPTS", json!(12)),
        ("HALLPASS_MAIL_CA_FILE", json!(null)),
        ("HALLPASS_MAGIC_LINK_CONFIRM", json!(false)),
        ("HALLPASS_MAGIC_LINK_LOGIN", json!(false)),
        ("HALLPASS_MAGIC_LINK_REVOCABLE", json!(false)),
        ("HALLPASS_LOG", json!("info")),
        ("HALLPASS_LOG_FORMAT", json!("text")),
    ]
}

#[test]
fn defaults_are_those_that_people_know() {
    let loaded = load(None, []).expect("the defaults fit each other");
    let rows = loaded.rows();
    let defaults = || {
        let rest = super::rest::defaults().into_iter();
        defaults()
            .into_iter()
            .chain(rest)
            .chain(super::sesame::defaults())
            .chain(super::social::defaults())
    };
    for (name, wanted) in defaults() {
        assert_eq!(value(&loaded, name), wanted, "{name}");
    }
    for row in rows {
        let (name, about) = (row.name, row.about);
        assert!(about.ends_with('.') && about.len() > 5, "{name}: {about}");
        let known = defaults().any(|(known, _)| known == name);
        assert!(
            known || name.starts_with("HALLPASS_"),
            "{name} is not above"
        );
    }
}

#[test]
fn defaults_that_follow_another_setting() {
    let with = |text: &str| file(text).unwrap().settings;
    let plain = Settings::default();
    assert_eq!(plain.login_url(), "/accounts/login/");
    assert_eq!(plain.login_redirect_url(), "/accounts/profile/");
    assert_eq!(plain.logout_redirect_url(), "/");
    let moved = with("[hallpass]\nmount = \"/id/\"");
    assert_eq!(moved.login_url(), "/id/login/");
    assert_eq!(moved.login_redirect_url(), "/id/profile/");
    let named =
        with("login_url = \"/in/\"\nlogin_redirect_url = \"/\"\nlogout_redirect_url = \"/bye/\"");
    assert_eq!(named.login_url(), "/in/");
    assert_eq!(named.login_redirect_url(), "/");
    assert_eq!(named.logout_redirect_url(), "/bye/");
    let both = with("logout_redirect_url = \"/bye/\"\n[account]\nlogout_redirect_url = \"/out/\"");
    assert_eq!(both.logout_redirect_url(), "/out/");
    assert_eq!(plain.signup_redirect_url(), "/accounts/profile/");
    assert_eq!(named.signup_redirect_url(), "/");
    let welcome = with("[account]\nsignup_redirect_url = \"/welcome/\"");
    assert_eq!(welcome.signup_redirect_url(), "/welcome/");
    let local: Vec<_> = plain.allowed_hosts().collect();
    assert_eq!(local, [".localhost", "localhost", "127.0.0.1", "[::1]"]);
    let one = with("allowed_hosts = [\"example.com\"]");
    assert_eq!(one.allowed_hosts().collect::<Vec<_>>(), ["example.com"]);
}

#[test]
fn the_environment_has_many_spellings() {
    for (name, text, wanted) in [
        ("EMAIL_USE_TLS", "true", json!(true)),
        ("EMAIL_USE_TLS", "True", json!(true)),
        ("EMAIL_USE_TLS", "1", json!(true)),
        ("EMAIL_USE_TLS", "yes", json!(true)),
        ("EMAIL_USE_TLS", "ON", json!(true)),
        ("SESSION_COOKIE_HTTPONLY", "false", json!(false)),
        ("SESSION_COOKIE_HTTPONLY", "0", json!(false)),
        ("SESSION_COOKIE_HTTPONLY", "No", json!(false)),
        ("SESSION_COOKIE_HTTPONLY", " off ", json!(false)),
        ("SESSION_COOKIE_AGE", "60", json!(60)),
        ("SESSION_COOKIE_AGE", " 60 ", json!(60)),
        ("CSRF_COOKIE_AGE", "None", json!(null)),
        ("CSRF_COOKIE_AGE", "null", json!(null)),
        ("CSRF_COOKIE_AGE", "", json!(null)),
        ("ACCOUNT_SESSION_REMEMBER", "no", json!(false)),
        ("ACCOUNT_SESSION_REMEMBER", "None", json!(null)),
        ("EMAIL_HOST", "5", json!("5")),
        ("EMAIL_HOST", "true", json!("true")),
        ("ACCOUNT_EMAIL_SUBJECT_PREFIX", "[A, B] ", json!("[A, B] ")),
        ("ALLOWED_HOSTS", "", json!([])),
        ("ALLOWED_HOSTS", "a.com", json!(["a.com"])),
        (
            "ALLOWED_HOSTS",
            "a.com, .b.com,",
            json!(["a.com", ".b.com"]),
        ),
        (
            "ALLOWED_HOSTS",
            r#" ["a.com", "[::1]"]"#,
            json!(["a.com", "[::1]"]),
        ),
        (
            "ACCOUNT_LOGIN_METHODS",
            "username,email",
            json!(["username", "email"]),
        ),
        (
            "SECURE_PROXY_SSL_HEADER",
            r#"["HTTP_X_FORWARDED_PROTO", "https"]"#,
            json!(["HTTP_X_FORWARDED_PROTO", "https"]),
        ),
        (
            "SECURE_PROXY_SSL_HEADER",
            "HTTP_X_FORWARDED_PROTO,https",
            json!(["HTTP_X_FORWARDED_PROTO", "https"]),
        ),
        ("SESSION_COOKIE_SAMESITE", "strict", json!("Strict")),
        ("SESSION_COOKIE_SAMESITE", "False", json!(false)),
        ("ACCOUNT_PREVENT_ENUMERATION", "strict", json!("strict")),
        ("ACCOUNT_PREVENT_ENUMERATION", "False", json!(false)),
        ("ACCOUNT_RATE_LIMITS", "False", json!(false)),
        ("AUTH_PASSWORD_VALIDATORS", "[]", json!([])),
        (
            "PASSWORD_HASHERS",
            "argon2,django.contrib.auth.hashers.PBKDF2PasswordHasher",
            json!(["argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]),
        ),
        ("PASSWORD_HASHERS", "", json!(null)),
        ("TIME_ZONE", "Europe/Berlin", json!("Europe/Berlin")),
    ] {
        let loaded = environment([(name, text)]).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(value(&loaded, name), wanted, "{name}={text}");
    }
}

#[test]
fn words_become_what_they_mean() {
    let backends = [
        ("console", Backend::Console),
        ("smtp", Backend::Smtp),
        ("memory", Backend::Memory),
        ("dummy", Backend::Dummy),
        (
            "django.core.mail.backends.console.EmailBackend",
            Backend::Console,
        ),
        ("django.core.mail.backends.smtp.EmailBackend", Backend::Smtp),
        (
            "django.core.mail.backends.locmem.EmailBackend",
            Backend::Memory,
        ),
        (
            "django.core.mail.backends.dummy.EmailBackend",
            Backend::Dummy,
        ),
    ];
    for (word, wanted) in backends {
        let loaded = environment([("EMAIL_BACKEND", word)]).unwrap();
        assert_eq!(loaded.settings.email.backend, wanted, "{word}");
    }
    for word in ["file", "django.core.mail.backends.filebased.EmailBackend"] {
        let text = format!("[email]\nbackend = \"{word}\"\nfile_path = \"mail\"");
        assert_eq!(file(&text).unwrap().settings.email.backend, Backend::File);
    }
    let settings = file(
        "[session]\ncookie_samesite = false\n[csrf]\ncookie_samesite = \"none\"\ncookie_secure = true\n\
         [account]\nprevent_enumeration = \"strict\"\nlogin_methods = [\"email\"]\n\
         [hallpass]\nlimits_store = \"memory\"\nlog_format = \"json\"",
    )
    .unwrap()
    .settings;
    assert_eq!(settings.session.cookie_samesite, SameSite::Unset);
    assert_eq!(settings.csrf.cookie_samesite, SameSite::None);
    assert_eq!(settings.account.prevent_enumeration, Enumeration::Strict);
    assert_eq!(settings.account.login_methods(), [LoginBy::Email]);
    assert_eq!(settings.hallpass.limits_store, LimitsStore::Memory);
    assert_eq!(settings.hallpass.log_format, LogFormat::Json);
}

#[test]
fn wrong_types_are_named_in_plain_words() {
    for (name, text, words) in [
        (
            "EMAIL_USE_TLS",
            "maybe",
            "must be true or false, not the text \"maybe\"",
        ),
        (
            "EMAIL_USE_TLS",
            "",
            "must be true or false, not the text \"\"",
        ),
        (
            "EMAIL_PORT",
            "smtp",
            "must be a whole number, not the text \"smtp\"",
        ),
        ("EMAIL_PORT", "tcp://10.0.0.1:25", "must be a whole number"),
        ("EMAIL_PORT", "-1", "must be a whole number"),
        ("EMAIL_PORT", "2.5", "must be a whole number"),
        (
            "EMAIL_PORT",
            "99999999999999999999",
            "must be a whole number",
        ),
        ("EMAIL_HOST", "a\nb", "holds a line break"),
        (
            "EMAIL_BACKEND",
            "carrier pigeon",
            "must be one of \"console\", \"file\", \"smtp\"",
        ),
        (
            "SESSION_COOKIE_SAMESITE",
            "Loose",
            "must be \"Lax\", \"Strict\", \"None\" or false",
        ),
        (
            "SESSION_COOKIE_SAMESITE",
            "true",
            "must be \"Lax\", \"Strict\", \"None\" or false",
        ),
        (
            "ACCOUNT_PREVENT_ENUMERATION",
            "Strictly",
            "must be true, false or \"strict\"",
        ),
        (
            "ACCOUNT_LOGIN_METHODS",
            "[5]",
            "must be \"username\", \"email\" or \"phone\", not the number 5",
        ),
        (
            "ACCOUNT_LOGIN_METHODS",
            "email,nick",
            "must be \"username\", \"email\" or \"phone\", not the text \"nick\"",
        ),
        (
            "ALLOWED_HOSTS",
            "['a.com']",
            "must be JSON, with double quotes",
        ),
        (
            "ALLOWED_HOSTS",
            "('a.com', 'b.com')",
            "must be JSON, with double quotes",
        ),
        (
            "ALLOWED_HOSTS",
            r#""a.com""#,
            "must be a list, each of it text, not the text",
        ),
        (
            "ALLOWED_HOSTS",
            r#"["a.com", 5]"#,
            "wrong item 2: it must be text, not the number 5",
        ),
        (
            "ALLOWED_HOSTS",
            "{}",
            "must be a list, each of it text, not a map",
        ),
        (
            "SECURE_PROXY_SSL_HEADER",
            "HTTP_X",
            "must be a list of two texts, not a list",
        ),
        (
            "AUTH_PASSWORD_VALIDATORS",
            "MinimumLength",
            "must be a map with NAME and perhaps OPTIONS, not the text",
        ),
        (
            "AUTH_PASSWORD_VALIDATORS",
            r#"[{"NAME": "a.B"}]"#,
            "wrong item 1: it is not understood",
        ),
        (
            "AUTH_PASSWORD_VALIDATORS",
            r#"[{"OPTIONS": {}}]"#,
            "must be a map with NAME",
        ),
        (
            "AUTH_PASSWORD_VALIDATORS",
            r#"[{"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator", "OPTIONS": 5}]"#,
            "has OPTIONS that are no map",
        ),
        (
            "AUTH_PASSWORD_VALIDATORS",
            r#"[{"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator", "options": {}}]"#,
            "has \"options\", but takes NAME and OPTIONS only",
        ),
        ("ACCOUNT_RATE_LIMITS", "10/m", "must be JSON"),
        (
            "ACCOUNT_RATE_LIMITS",
            "true",
            "must be a map from action to rates",
        ),
        (
            "ACCOUNT_RATE_LIMITS",
            r#"{"login": 5}"#,
            "must be a map from action to rates",
        ),
        (
            "ACCOUNT_RATE_LIMITS",
            r#"{"login": "5/x"}"#,
            "write it like 10/m/ip",
        ),
        (
            "ACCOUNT_RATE_LIMITS",
            r#"{"signup": 5}"#,
            "must be a map from action to rates",
        ),
        (
            "ACCOUNT_RATE_LIMITS",
            r#"{"logins": "5/m"}"#,
            "which does not exist: write one of login, login_failed, signup",
        ),
    ] {
        refused(environment([(name, text)]), name, words);
    }
    for (text, name, words) in [
        (
            "site_id = \"1\"",
            "SITE_ID",
            "must be a whole number, not the text \"1\"",
        ),
        (
            "site_id = true",
            "SITE_ID",
            "must be a whole number, not true",
        ),
        (
            "site_id = nan",
            "SITE_ID",
            "is no number that a setting can have",
        ),
        (
            "site_id = 0x7fffffffffffffffffff",
            "SITE_ID",
            "larger than any setting",
        ),
        (
            "time_zone = 2026-01-01",
            "TIME_ZONE",
            "is a date: put quotes around it",
        ),
        (
            "allowed_hosts = \"a.com\"",
            "ALLOWED_HOSTS",
            "must be a list, each of it text, not the text",
        ),
        (
            "[email]\nuse_tls = \"true\"",
            "EMAIL_USE_TLS",
            "must be true or false, not the text",
        ),
        (
            "[email]\nhost = {}",
            "EMAIL_HOST",
            "must be text, not a map",
        ),
        (
            "[email]\nhost = \"a\\u0000\"",
            "EMAIL_HOST",
            "control character",
        ),
    ] {
        refused(file(text), name, words);
    }
}

#[test]
fn toml_has_its_own_spellings() {
    let loaded = file(
        "site_id = 0x1f\nallowed_hosts = [\n  \"a.com\", # ours\n]\n\
         [[auth_password_validators]]\nNAME = \"django.contrib.auth.password_validation.MinimumLengthValidator\"\n\
         OPTIONS = { min_length = 12 }\n\
         [account.rate_limits]\nlogin = \"5/h\"\nlogin_failed = false\n",
    )
    .unwrap();
    assert_eq!(loaded.settings.general.site_id, 31);
    assert_eq!(
        value(&loaded, "AUTH_PASSWORD_VALIDATORS"),
        json!([{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}}])
    );
    let rates = value(&loaded, "ACCOUNT_RATE_LIMITS");
    assert_eq!(rates["login"], "5/h/ip");
    assert_eq!(rates["login_failed"], "");
    assert_eq!(
        rates["request_login_link"], "20/m/ip,3/m/key",
        "the default"
    );
}

proptest! {
    #[test]
    fn nothing_that_is_written_can_stop_the_reading(index in any::<prop::sample::Index>(), text in any::<String>()) {
        let name = index.get(&defaults()).0;
        let loaded = load(None, [(name.to_owned(), text.clone())]);
        if let Err(problems) = loaded {
            prop_assert!(!problems.0.is_empty());
        }
        drop(problems(file(&text)));
        drop(problems(file(&format!("{} = {text}", name.to_lowercase()))));
    }
}
