//! Values that no type forbids, and settings that do not go together. What is refused stands beside its nearest neighbour
//! that is not.

use super::{KEY, bad, environment, good, refused};

#[test]
fn a_secret_key_cannot_be_guessed() {
    for key in [
        "short",
        "n8Xq2LrT5vWz0cYb7DfGhJkM3pSa9eU",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
    ] {
        refused(
            environment([("SECRET_KEY", key)]),
            "SECRET_KEY",
            "can be guessed",
        );
        let both = environment([("SECRET_KEY", KEY), ("SECRET_KEY_FALLBACKS", key)]);
        refused(both, "SECRET_KEY_FALLBACKS", "can be guessed");
    }
    good(&[("SECRET_KEY", KEY), ("SECRET_KEY_FALLBACKS", KEY)]);
    bad(
        &[("SECRET_KEY", "")],
        "SECRET_KEY",
        "is empty: write the secret, or leave the variable out",
    );
}

const TEMPLATE: &str = "django-insecure-n8Xq2LrT5vWz0cYb7DfGhJkM3pSa9eUi";

#[test]
fn the_key_of_a_project_template_is_for_this_machine() {
    good(&[("SECRET_KEY", TEMPLATE)]);
    good(&[("SECRET_KEY", TEMPLATE), ("HALLPASS_LISTEN", "[::1]:8000")]);
    for listen in ["0.0.0.0:8000", "[::]:80", "192.0.2.1:8000"] {
        let loaded = environment([("SECRET_KEY", TEMPLATE), ("HALLPASS_LISTEN", listen)]);
        refused(loaded, "SECRET_KEY", "begins with django-insecure-");
    }
    // Retired, it ends with what it signed.
    good(&[
        ("SECRET_KEY", KEY),
        ("SECRET_KEY_FALLBACKS", TEMPLATE),
        ("HALLPASS_LISTEN", "0.0.0.0:8000"),
    ]);
}

#[test]
fn beside_django_its_key_is_needed() {
    bad(
        &[("HALLPASS_SHARE_WITH_DJANGO", "1")],
        "SECRET_KEY",
        "write the key of that Django",
    );
    good(&[("HALLPASS_SHARE_WITH_DJANGO", "1"), ("SECRET_KEY", KEY)]);
}

#[test]
fn djangos_own() {
    bad(
        &[("TIME_ZONE", "Europe/Atlantis")],
        "TIME_ZONE",
        "is no known zone",
    );
    bad(&[("TIME_ZONE", "")], "TIME_ZONE", "is no known zone");
    good(&[("TIME_ZONE", "Asia/Kathmandu")]);
    bad(
        &[("LANGUAGE_CODE", "de_DE\"")],
        "LANGUAGE_CODE",
        "is no language",
    );
    bad(
        &[("DATABASE_URL", "mysql://db/shop")],
        "DATABASE_URL",
        "begins with neither sqlite: nor postgres:",
    );
    bad(
        &[("DATABASE_URL", "sqlite://")],
        "DATABASE_URL",
        "names no file",
    );
    good(&[(
        "DATABASE_URL",
        "postgres://shop@db/shop?sslmode=verify-full",
    )]);
    bad(
        &[("PASSWORD_HASHERS", "[]")],
        "PASSWORD_HASHERS",
        "is empty",
    );
    bad(
        &[("PASSWORD_HASHERS", "argon2,rot13")],
        "PASSWORD_HASHERS",
        "names \"rot13\"",
    );
    bad(
        &[
            ("PASSWORD_HASHERS", "md5,argon2"),
            ("HALLPASS_LISTEN", "0.0.0.0:8000"),
        ],
        "PASSWORD_HASHERS",
        "begins with md5, which is for tests",
    );
    good(&[("PASSWORD_HASHERS", "md5")]);
    good(&[
        ("PASSWORD_HASHERS", "argon2,md5"),
        ("HALLPASS_LISTEN", "0.0.0.0:8000"),
    ]);
    bad(
        &[("AUTHENTICATION_BACKENDS", "[]")],
        "AUTHENTICATION_BACKENDS",
        "at least one",
    );
    bad(
        &[("SITE_ID", "0")],
        "SITE_ID",
        "must be from 1 to 2147483647",
    );
    bad(
        &[("PASSWORD_RESET_TIMEOUT", "0")],
        "PASSWORD_RESET_TIMEOUT",
        "must be from 1",
    );
    bad(
        &[("DATA_UPLOAD_MAX_MEMORY_SIZE", "10")],
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
        "must be from 1024",
    );
    for host in [
        "https://a.com",
        "a.com:8000",
        "a.com/x",
        "*.a.com",
        "a b",
        ".",
    ] {
        refused(
            environment([("ALLOWED_HOSTS", host)]),
            "ALLOWED_HOSTS",
            "write the host alone",
        );
    }
    good(&[(
        "ALLOWED_HOSTS",
        "*, .example.com, example.com, 192.0.2.1, xn--bcher-kva.example",
    )]);
    good(&[("ALLOWED_HOSTS", r#"["[::1]", "bücher.example"]"#)]);
    bad(
        &[("ALLOWED_HOSTS", r#"["[::zz]"]"#)],
        "ALLOWED_HOSTS",
        "write the host alone",
    );
    for name in [
        "LOGIN_URL",
        "LOGIN_REDIRECT_URL",
        "LOGOUT_REDIRECT_URL",
        "ACCOUNT_LOGOUT_REDIRECT_URL",
        "ACCOUNT_SIGNUP_REDIRECT_URL",
        "ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL",
        "ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL",
    ] {
        for url in [
            "home",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
        ] {
            refused(
                environment([(name, url)]),
                name,
                "must be a path that begins with a slash",
            );
        }
        assert!(environment([(name, "/start/?a=b")]).is_ok());
        assert!(environment([(name, "https://example.com/start")]).is_ok());
    }
}

#[test]
fn cookies_that_browsers_take() {
    bad(
        &[("SESSION_COOKIE_SAMESITE", "None")],
        "SESSION_COOKIE_SAMESITE",
        "switch SESSION_COOKIE_SECURE on",
    );
    bad(
        &[("CSRF_COOKIE_SAMESITE", "None")],
        "CSRF_COOKIE_SAMESITE",
        "switch CSRF_COOKIE_SECURE on",
    );
    good(&[
        ("SESSION_COOKIE_SAMESITE", "None"),
        ("SESSION_COOKIE_SECURE", "1"),
    ]);
    bad(
        &[("CSRF_COOKIE_NAME", "sessionid")],
        "CSRF_COOKIE_NAME",
        "is SESSION_COOKIE_NAME too",
    );
    bad(
        &[("SESSION_COOKIE_NAME", "csrftoken")],
        "CSRF_COOKIE_NAME",
        "is SESSION_COOKIE_NAME too",
    );
    for name in ["", "a b", "a;b", "a=b", "é"] {
        refused(
            environment([("SESSION_COOKIE_NAME", name)]),
            "SESSION_COOKIE_NAME",
            "is no name of a cookie",
        );
        refused(
            environment([("CSRF_COOKIE_NAME", name)]),
            "CSRF_COOKIE_NAME",
            "is no name of a cookie",
        );
    }
    bad(
        &[("SESSION_COOKIE_NAME", "__Secure-id")],
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_SECURE: switch that on",
    );
    good(&[
        ("SESSION_COOKIE_NAME", "__Secure-id"),
        ("SESSION_COOKIE_SECURE", "1"),
    ]);
    bad(
        &[
            ("SESSION_COOKIE_NAME", "__Host-id"),
            ("SESSION_COOKIE_SECURE", "1"),
            ("SESSION_COOKIE_DOMAIN", "a.com"),
        ],
        "SESSION_COOKIE_NAME",
        "only without SESSION_COOKIE_DOMAIN",
    );
    good(&[
        ("CSRF_COOKIE_NAME", "__Host-csrf"),
        ("CSRF_COOKIE_SECURE", "1"),
    ]);
    for domain in ["https://a.com", "a.com; Secure", "*.a.com", "a.com:80"] {
        refused(
            environment([("SESSION_COOKIE_DOMAIN", domain)]),
            "SESSION_COOKIE_DOMAIN",
            "is no domain",
        );
    }
    good(&[("SESSION_COOKIE_DOMAIN", ".example.com")]);
    for path in ["", "accounts", "/; Domain=a.com"] {
        refused(
            environment([("CSRF_COOKIE_PATH", path)]),
            "CSRF_COOKIE_PATH",
            "must begin with a slash",
        );
    }
    bad(
        &[("SESSION_COOKIE_AGE", "0")],
        "SESSION_COOKIE_AGE",
        "must be from 1 to",
    );
    bad(
        &[("SESSION_COOKIE_AGE", "3155760001")],
        "SESSION_COOKIE_AGE",
        "must be from 1 to 3155760000",
    );
    bad(
        &[("ACCOUNT_SESSION_COOKIE_AGE", "0")],
        "ACCOUNT_SESSION_COOKIE_AGE",
        "must be from 1 to",
    );
}

#[test]
fn origins_and_headers() {
    for origin in [
        "example.com",
        "https://",
        "https://example.com/",
        "https://a.com/x",
        "https://a.*.com",
        "ftp://a.com",
        "https://u@a.com",
        "*",
        "https://a.com?x",
    ] {
        refused(
            environment([("CSRF_TRUSTED_ORIGINS", origin)]),
            "CSRF_TRUSTED_ORIGINS",
            "write https:// and the host",
        );
    }
    good(&[(
        "CSRF_TRUSTED_ORIGINS",
        "https://a.com, http://localhost:3000, https://*.a.com, https://[::1]:8000",
    )]);
    for header in [
        "X-CSRFToken",
        "HTTP_",
        "HTTP_X-CSRFTOKEN",
        "http_x_csrftoken",
    ] {
        refused(
            environment([("CSRF_HEADER_NAME", header)]),
            "CSRF_HEADER_NAME",
            "must be spelled like HTTP_X_CSRFTOKEN",
        );
    }
    bad(
        &[("SECURE_REFERRER_POLICY", "never")],
        "SECURE_REFERRER_POLICY",
        "must be one of no-referrer, ",
    );
    good(&[("SECURE_REFERRER_POLICY", "no-referrer, same-origin")]);
    bad(
        &[("SECURE_CROSS_ORIGIN_OPENER_POLICY", "None")],
        "SECURE_CROSS_ORIGIN_OPENER_POLICY",
        "unsafe-none",
    );
    bad(
        &[("X_FRAME_OPTIONS", "ALLOWALL")],
        "X_FRAME_OPTIONS",
        "must be DENY or SAMEORIGIN",
    );
}

const PROTO: (&str, &str) = ("SECURE_PROXY_SSL_HEADER", "HTTP_X_FORWARDED_PROTO,https");

#[test]
fn what_needs_a_proxy_names_it() {
    bad(
        &[("SECURE_SSL_REDIRECT", "1")],
        "SECURE_SSL_REDIRECT",
        "would redirect for ever",
    );
    good(&[("SECURE_SSL_REDIRECT", "1"), PROTO]);
    bad(
        &[("SECURE_HSTS_SECONDS", "60")],
        "SECURE_HSTS_SECONDS",
        "would never be sent",
    );
    good(&[("SECURE_HSTS_SECONDS", "60"), PROTO]);
    bad(
        &[("SECURE_HSTS_INCLUDE_SUBDOMAINS", "1"), PROTO],
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "does nothing while SECURE_HSTS_SECONDS is 0",
    );
    bad(
        &[
            ("SECURE_HSTS_PRELOAD", "1"),
            ("SECURE_HSTS_SECONDS", "31536000"),
            PROTO,
        ],
        "SECURE_HSTS_PRELOAD",
        "needs SECURE_HSTS_INCLUDE_SUBDOMAINS",
    );
    bad(
        &[
            ("SECURE_HSTS_PRELOAD", "1"),
            ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "1"),
            ("SECURE_HSTS_SECONDS", "31535999"),
            PROTO,
        ],
        "SECURE_HSTS_PRELOAD",
        "at least 31536000",
    );
    good(&[
        ("SECURE_HSTS_PRELOAD", "1"),
        ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "1"),
        ("SECURE_HSTS_SECONDS", "31536000"),
        PROTO,
    ]);
    for pair in [
        "X-Forwarded-Proto,https",
        "HTTP_HOST,https",
        "HTTP_ORIGIN,https",
        r#"["HTTP_X_FORWARDED_PROTO", ""]"#,
    ] {
        refused(
            environment([("SECURE_PROXY_SSL_HEADER", pair)]),
            "SECURE_PROXY_SSL_HEADER",
            "must be a header that your proxy sets",
        );
    }
    bad(
        &[("ALLAUTH_TRUSTED_PROXY_COUNT", "33")],
        "ALLAUTH_TRUSTED_PROXY_COUNT",
        "must be from 0 to 32",
    );
    bad(
        &[("ALLAUTH_RATE_LIMIT_IPV6_PREFIX", "129")],
        "ALLAUTH_RATE_LIMIT_IPV6_PREFIX",
        "must be from 1 to 128",
    );
    for header in ["X-Forwarded-For", "HTTP_X_FORWARDED_FOR", "forwarded"] {
        refused(
            environment([("ALLAUTH_TRUSTED_CLIENT_IP_HEADER", header)]),
            "ALLAUTH_TRUSTED_CLIENT_IP_HEADER",
            "set ALLAUTH_TRUSTED_PROXY_COUNT instead",
        );
    }
    bad(
        &[("ALLAUTH_TRUSTED_CLIENT_IP_HEADER", "X Real")],
        "ALLAUTH_TRUSTED_CLIENT_IP_HEADER",
        "is no name of a header",
    );
    good(&[("ALLAUTH_TRUSTED_CLIENT_IP_HEADER", "CF-Connecting-IP")]);
}

#[test]
fn letters() {
    bad(
        &[("EMAIL_USE_TLS", "1"), ("EMAIL_USE_SSL", "1")],
        "EMAIL_USE_TLS",
        "exclude each other",
    );
    good(&[("EMAIL_USE_SSL", "1"), ("EMAIL_PORT", "465")]);
    bad(
        &[("EMAIL_BACKEND", "file")],
        "EMAIL_FILE_PATH",
        "must name a folder",
    );
    bad(
        &[("EMAIL_BACKEND", "smtp"), ("EMAIL_HOST", "")],
        "EMAIL_HOST",
        "is empty",
    );
    bad(
        &[("EMAIL_PORT", "0")],
        "EMAIL_PORT",
        "must be from 1 to 65535",
    );
    bad(
        &[("EMAIL_PORT", "65536")],
        "EMAIL_PORT",
        "must be from 1 to 65535",
    );
    bad(&[("EMAIL_TIMEOUT", "0")], "EMAIL_TIMEOUT", "must be from 1");
    bad(
        &[("EMAIL_HOST_PASSWORD", "x")],
        "EMAIL_HOST_PASSWORD",
        "EMAIL_HOST_USER is not",
    );
    good(&[("EMAIL_HOST_PASSWORD", "x"), ("EMAIL_HOST_USER", "y")]);
    bad(
        &[("DEFAULT_FROM_EMAIL", "Shop")],
        "DEFAULT_FROM_EMAIL",
        "is no address",
    );
    good(&[("DEFAULT_FROM_EMAIL", "The Shop <shop@example.com>")]);
    bad(
        &[("HALLPASS_SUPPORT_ADDRESS", "the desk")],
        "HALLPASS_SUPPORT_ADDRESS",
        "is no address",
    );
    good(&[("HALLPASS_SUPPORT_ADDRESS", "help@example.com")]);
    bad(
        &[("HALLPASS_MAIL_WORKERS", "0")],
        "HALLPASS_MAIL_WORKERS",
        "must be from 1",
    );
    bad(
        &[("HALLPASS_MAIL_ATTEMPTS", "0")],
        "HALLPASS_MAIL_ATTEMPTS",
        "must be from 1",
    );
}

#[test]
fn our_own() {
    for listen in ["8000", "localhost:8000", "127.0.0.1", ":8000"] {
        refused(
            environment([("HALLPASS_LISTEN", listen)]),
            "HALLPASS_LISTEN",
            "is no address and port",
        );
    }
    for mount in [
        "",
        "accounts/",
        "/accounts",
        "//",
        "/a b/",
        "/a/../",
        "/a//b/",
        "/{x}/",
    ] {
        refused(
            environment([("HALLPASS_MOUNT", mount)]),
            "HALLPASS_MOUNT",
            "begins and ends with a slash",
        );
    }
    good(&[("HALLPASS_MOUNT", "/")]);
    good(&[("HALLPASS_MOUNT", "/id/v1.0/")]);
    for url in [
        "example.com",
        "https://example.com/",
        "https://example.com/x",
        "ftp://example.com",
        "https://u:p@example.com",
        "https://example.com?x",
        "https://example.com#x",
    ] {
        refused(
            environment([("HALLPASS_PUBLIC_URL", url)]),
            "HALLPASS_PUBLIC_URL",
            "must be scheme and host alone",
        );
    }
    good(&[("HALLPASS_PUBLIC_URL", "https://example.com:8443")]);
    for colour in ["red", "#fff", "#1a5fbg", "1a5fb4"] {
        refused(
            environment([("HALLPASS_ACCENT", colour)]),
            "HALLPASS_ACCENT",
            "is no colour",
        );
    }
    good(&[("HALLPASS_ACCENT", "#1A5fb4")]);
    for name in [
        "HALLPASS_LOGO_URL",
        "HALLPASS_TERMS_URL",
        "HALLPASS_PRIVACY_URL",
    ] {
        refused(
            environment([(name, "javascript:x")]),
            name,
            "must be a path",
        );
        refused(environment([(name, "logo.png")]), name, "must be a path");
    }
    for name in [
        "HALLPASS_TEMPLATES",
        "HALLPASS_SITE_NAME",
        "HALLPASS_MAIL_CA_FILE",
    ] {
        refused(environment([(name, " ")]), name, "is empty: leave it out");
    }
    for name in [
        "HALLPASS_DATABASE_CONNECTIONS",
        "HALLPASS_DATABASE_TIMEOUT",
        "HALLPASS_HASH_THREADS",
        "HALLPASS_HASH_QUEUE",
        "HALLPASS_REQUEST_TIMEOUT",
    ] {
        refused(environment([(name, "0")]), name, "must be from 1");
        refused(environment([(name, "1000000")]), name, "must be from 1");
    }
    for iterations in ["99999", "20000001"] {
        refused(
            environment([("HALLPASS_PBKDF2_ITERATIONS", iterations)]),
            "HALLPASS_PBKDF2_ITERATIONS",
            "must be from 100000 to 20000000",
        );
    }
    good(&[("HALLPASS_PBKDF2_ITERATIONS", "1000000")]);
    good(&[("HALLPASS_SHUTDOWN_TIMEOUT", "0")]);
}

#[test]
fn a_value_that_cannot_be_read_is_told_once() {
    // Its default is in force then, and could be refused again for what nobody wrote.
    bad(
        &[("EMAIL_BACKEND", "file"), ("EMAIL_FILE_PATH", "a\nb")],
        "EMAIL_FILE_PATH",
        "holds a line break",
    );
    bad(
        &[("SECRET_KEY", ""), ("HALLPASS_SHARE_WITH_DJANGO", "1")],
        "SECRET_KEY",
        "is empty",
    );
}

#[test]
fn limits_in_redis() {
    bad(
        &[("HALLPASS_LIMITS_STORE", "redis")],
        "HALLPASS_LIMITS_STORE",
        "HALLPASS_REDIS_URL does not say where",
    );
    for url in ["localhost:6379", "redis://", "http://localhost", "redis"] {
        refused(
            environment([
                ("HALLPASS_LIMITS_STORE", "redis"),
                ("HALLPASS_REDIS_URL", url),
            ]),
            "HALLPASS_REDIS_URL",
            "",
        );
    }
    bad(
        &[("HALLPASS_REDIS_URL", "redis://host/one")],
        "HALLPASS_REDIS_URL",
        "no number of a database",
    );
    good(&[
        ("HALLPASS_LIMITS_STORE", "redis"),
        ("HALLPASS_REDIS_URL", "redis://:secret@localhost:6379/1"),
    ]);
    bad(
        &[("HALLPASS_LIMITS_STORE", "cache")],
        "HALLPASS_LIMITS_STORE",
        "\"database\", \"memory\", \"redis\"",
    );
}
