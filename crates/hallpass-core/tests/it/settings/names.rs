//! Names: misspelled, misplaced, somebody else's.

use super::{environment, file, problems, refused};

#[test]
fn a_misspelled_name_in_the_environment_is_recognised() {
    for (name, meant) in [
        ("ACCOUNT_LOGIN_METHOD", "ACCOUNT_LOGIN_METHODS"),
        ("EMAIL_HOST_PASWORD", "EMAIL_HOST_PASSWORD"),
        ("SESSION_COOKE_AGE", "SESSION_COOKIE_AGE"),
        ("CSRF_TRUSTED_ORIGIN", "CSRF_TRUSTED_ORIGINS"),
        ("SECURE_SSL_REDIREKT", "SECURE_SSL_REDIRECT"),
        ("HALLPASS_MOUNTS", "HALLPASS_MOUNT"),
        ("HALLPASS_SECRET_KEY", "SECRET_KEY"),
        ("HALLPASS_DATABASE_URL", "DATABASE_URL"),
        ("HALLPASS_ALLOWED_HOSTS", "ALLOWED_HOSTS"),
    ] {
        let words = format!("is unknown: did you mean {meant}?");
        refused(environment([(name, "x")]), name, &words);
    }
}

#[test]
fn what_is_like_nothing_we_know_gets_no_guess() {
    for name in [
        "ACCOUNT_COLOUR_OF_THE_DOOR",
        "HALLPASS_X",
        "HALLPASS_LISTEN_PORT",
        "EMAIL_",
    ] {
        refused(environment([(name, "8000")]), name, "is unknown: remove it");
    }
}

#[test]
fn names_of_others_are_left_alone() {
    let others = [
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("ALLOWED_HOST", "x"),
        ("SESSION_MANAGER", "local/desk:@/tmp/.ICE-unix/1"),
        ("SESSION_TYPE", "wayland"),
        ("SESSION_ID", "1"),
        ("SESSIONNAME", "Console"),
        ("EMAIL", "me@example.com"),
        ("HALLPASS_SETTINGS", "/etc/hallpass.toml"),
        ("HALLPASS_TEST_PYTHON", "python3"),
        // A Kubernetes service called hallpass, and one called account.
        ("HALLPASS_SERVICE_HOST", "10.0.0.1"),
        ("HALLPASS_SERVICE_PORT", "8000"),
        ("HALLPASS_SERVICE_PORT_HTTP", "8000"),
        ("HALLPASS_PORT", "tcp://10.0.0.1:8000"),
        ("HALLPASS_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("ACCOUNT_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("ACCOUNT_PORT_53_UDP_PROTO", "udp"),
    ];
    let loaded = environment(others).unwrap();
    assert_eq!(
        loaded
            .rows()
            .iter()
            .filter(|row| row.origin != hallpass_core::settings::Origin::Default)
            .count(),
        0
    );
}

#[test]
fn settings_that_only_django_has_are_called_that() {
    for (name, package) in [
        ("ACCOUNT_LOGIN_BY_CODE_TRUST_ENABLED", "allauth"),
        ("ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR", "allauth"),
        ("ACCOUNT_TEMPLATE_EXTENSION", "allauth"),
        ("ALLAUTH_SETTING_GETTER", "allauth"),
        ("SOCIALACCOUNT_SOCIALACCOUNT_STR", "allauth"),
        ("MFA_TOTP_ISSUER", "allauth"),
        ("USERSESSIONS_TRACK_ACTIVITY", "allauth"),
        ("HEADLESS_ONLY", "allauth"),
        ("REST_AUTH_LOGIN_SERIALIZER", "dj-rest-auth"),
        ("SIMPLE_JWT_JWK_URL", "simplejwt"),
        ("SESSION_ENGINE", "Django"),
        ("CSRF_FAILURE_VIEW", "Django"),
        ("EMAIL_SUBJECT_PREFIX", "Django"),
        ("SECURE_REDIRECT_EXEMPT", "Django"),
    ] {
        let words =
            format!("is a setting of {package} that this version does not support yet: remove it");
        refused(environment([(name, "1")]), name, &words);
        refused(file(&format!("{name} = 1")), name, &words);
    }
    refused(file("debug = true"), "debug", "is a setting of Django");
    refused(
        file("[account]\ntemplate_extension = \"html\""),
        "[account] template_extension",
        "is a setting of allauth that this version does not support yet",
    );
    refused(
        file("[session]\nengine = \"db\""),
        "[session] engine",
        "is a setting of Django",
    );
    for (table, package) in [
        ("mfa", "allauth"),
        ("headless", "allauth"),
        ("usersessions", "allauth"),
    ] {
        let words = format!("has settings of {package} that this version does not support yet");
        refused(file(&format!("[{table}]\nx = 1")), table, &words);
    }
}

#[test]
fn code_in_python_is_sent_to_what_takes_its_place() {
    for (name, key, instead) in [
        ("ACCOUNT_ADAPTER", "adapter", "hooks of the crate hallpass"),
        ("ACCOUNT_FORMS", "forms", "HALLPASS_SIGNUP_EXTRA_FIELDS"),
        ("ACCOUNT_FORMS", "forms", "HALLPASS_TEMPLATES"),
        (
            "ACCOUNT_SIGNUP_FORM_CLASS",
            "signup_form_class",
            "HALLPASS_SIGNUP_EXTRA_FIELDS",
        ),
        (
            "ACCOUNT_USERNAME_VALIDATORS",
            "username_validators",
            "ACCOUNT_USERNAME_MIN_LENGTH and ACCOUNT_USERNAME_BLACKLIST",
        ),
        ("ACCOUNT_USER_DISPLAY", "user_display", "HALLPASS_TEMPLATES"),
    ] {
        let loaded = environment([(name, "shop.accounts.Own")]);
        refused(loaded, name, "is code in Python");
        refused(environment([(name, "x")]), name, "remove it");
        refused(environment([(name, "x")]), name, instead);
        let text = format!("[account]\n{key} = \"shop.accounts.Own\"");
        refused(file(&text), &format!("[account] {key}"), instead);
    }
}

#[test]
fn unknown_keys_of_the_file_are_refused() {
    for (text, name, words) in [
        (
            "alowed_hosts = []",
            "alowed_hosts",
            "did you mean ALLOWED_HOSTS?",
        ),
        ("colour = 1", "colour", "is unknown: remove it"),
        (
            "[account]\nlogin_metods = []",
            "[account] login_metods",
            "did you mean ACCOUNT_LOGIN_METHODS?",
        ),
        (
            "[account]\ncolour = 1",
            "[account] colour",
            "is unknown: remove it",
        ),
        (
            "[security]\nhsts_second = 1",
            "[security] hsts_second",
            "did you mean SECURE_HSTS_SECONDS?",
        ),
        (
            "[security]\nsecure_hsts_second = 1",
            "[security] secure_hsts_second",
            "did you mean SECURE_HSTS_SECONDS?",
        ),
        (
            "[acount]\nlogin_methods = []",
            "acount",
            "is no table: did you mean [account]?",
        ),
        (
            "[general]\nsite_id = 1",
            "general",
            "or the keys at the top of the file",
        ),
        (
            "[colours]\nx = 1",
            "colours",
            "is no table: write one of [security], [session], [csrf]",
        ),
    ] {
        refused(file(text), name, words);
    }
}

#[test]
fn keys_in_the_wrong_place_are_sent_to_the_right_one() {
    for (text, name, words) in [
        // All that follows a [table] belongs to it, which the eye does not see.
        (
            "[account]\nallowed_hosts = []",
            "[account] allowed_hosts",
            "belongs to the top of the file, above every [table]: write `allowed_hosts` there",
        ),
        (
            "[session]\nlogin_methods = []",
            "[session] login_methods",
            "belongs under [account]: write `login_methods` there",
        ),
        (
            "[account]\nACCOUNT_LOGIN_METHODS = []",
            "[account] ACCOUNT_LOGIN_METHODS",
            "is written `login_methods` here",
        ),
        (
            "login_methods = []",
            "login_methods",
            "belongs under [account]",
        ),
        (
            "account_login_methods = []",
            "account_login_methods",
            "belongs under [account]: write `login_methods` there",
        ),
        (
            "[hallpass]\nSECRET_KEY = \"x\"",
            "[hallpass] SECRET_KEY",
            "belongs to the top of the file",
        ),
    ] {
        refused(file(text), name, words);
    }
    // In two tables there is a key of this name, so it could be either.
    refused(file("cookie_name = \"x\""), "cookie_name", "is unknown");
}

#[test]
fn a_setting_stands_in_the_file_once() {
    refused(
        file("SITE_ID = 1\nsite_id = 2"),
        "SITE_ID",
        "stands in the file a second time, first on line 1",
    );
    refused(
        file("ACCOUNT_LOGOUT_ON_GET = true\n\n[account]\nlogout_on_get = true"),
        "ACCOUNT_LOGOUT_ON_GET",
        "first on line 1: keep one",
    );
    assert_eq!(
        problems(file("\n\nsite_id = 1\nsite_id = 2")),
        ["the file (hallpass.toml:4) is no valid TOML: duplicate key"]
    );
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let found = problems(file("site_id = 1\n[account\n"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("the file (hallpass.toml:2) is no valid TOML: "),
        "{found:?}"
    );
}
