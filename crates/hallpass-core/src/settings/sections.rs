//! The sections: every setting in one line, its name, type, default and meaning.

use super::field::{Field, section};
use super::rates::RateLimits;
use super::secret::{Secret, show_url};
use super::types::{Setting, Validator};
use super::words::{Backend, Enumeration, LimitsStore, LogFormat, LoginBy, SameSite};

fn texts<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(str::to_owned).to_vec()
}

section! {
    /// Django's own settings at the top level.
    General is general, "" {
        secret_key / "SECRET_KEY": Option<Secret> = None, "Signs and derives everything. Unset, the server makes one and keeps it in a file beside the database.";
        secret_key_fallbacks / "SECRET_KEY_FALLBACKS": Vec<Secret> = Vec::new(), "Retired secrets that still verify.";
        allowed_hosts / "ALLOWED_HOSTS": Vec<String> = Vec::new(), "Hosts that this site answers for; `.example.com` takes all below it, `*` any. Empty: only names of this machine.";
        database_url / "DATABASE_URL": Secret = Secret::new("sqlite:///hallpass.sqlite3"), "`sqlite:///file`, `sqlite:////absolute/file` or `postgres://user:password@host/name`. Of it, only the password is a secret.", shown by show_url;
        time_zone / "TIME_ZONE": String = "UTC".to_owned(), "The zone whose wall clock is in reset and sign-in tokens. The same as Django's when links are shared.";
        site_id / "SITE_ID": u64 = 1, "The row of `django_site`.";
        language_code / "LANGUAGE_CODE": String = "en-us".to_owned(), "The language that pages declare.";
        password_hashers / "PASSWORD_HASHERS": Option<Vec<String>> = None, "Hashers by Django's dotted or short names; the first makes new hashes. Unset: argon2id with m=19456, t=2, p=1, then Django's; with HALLPASS_SHARE_WITH_DJANGO, Django's own order and parameters.";
        auth_password_validators / "AUTH_PASSWORD_VALIDATORS": Vec<Validator> = validators(), "What a new password must pass, in Django's form.";
        authentication_backends / "AUTHENTICATION_BACKENDS": Vec<String> = texts(["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"]), "Names that a session may carry; the first is written into ours.";
        password_reset_timeout / "PASSWORD_RESET_TIMEOUT": u64 = 259_200, "Seconds that a sign-in link lives.";
        login_url / "LOGIN_URL": Option<String> = None, "Where to sign in. Unset: `login/` below HALLPASS_MOUNT.";
        login_redirect_url / "LOGIN_REDIRECT_URL": Option<String> = None, "Where to go after signing in. Unset: `profile/` below HALLPASS_MOUNT, which is Django's default too.";
        logout_redirect_url / "LOGOUT_REDIRECT_URL": Option<String> = None, "Where to go after signing out.";
        default_from_email / "DEFAULT_FROM_EMAIL": String = "webmaster@localhost".to_owned(), "The sender of letters.";
        data_upload_max_memory_size / "DATA_UPLOAD_MAX_MEMORY_SIZE": u64 = 2_621_440, "The largest request body, bytes.";
    }
}

fn validators() -> Vec<Validator> {
    let names = [
        "UserAttributeSimilarity",
        "MinimumLength",
        "CommonPassword",
        "NumericPassword",
    ];
    let full = |name| format!("django.contrib.auth.password_validation.{name}Validator");
    names
        .map(|name| Validator {
            name: full(name),
            options: serde_json::Map::new(),
        })
        .to_vec()
}

section! {
    /// `SECURE_*` and what concerns proxies.
    Security is security, "security" {
        use_x_forwarded_host / "USE_X_FORWARDED_HOST": bool = false, "Take the host from X-Forwarded-Host. Only behind a proxy that sets it.";
        use_x_forwarded_port / "USE_X_FORWARDED_PORT": bool = false, "Take the port from X-Forwarded-Port.";
        secure_proxy_ssl_header / "SECURE_PROXY_SSL_HEADER": Option<(String, String)> = None, "Header and value by which a proxy says that the request came by https: `[\"HTTP_X_FORWARDED_PROTO\", \"https\"]`. Without it no request counts as https.";
        secure_ssl_redirect / "SECURE_SSL_REDIRECT": bool = false, "Send http requests to https.";
        secure_hsts_seconds / "SECURE_HSTS_SECONDS": u64 = 0, "Seconds of Strict-Transport-Security on https answers; 0 leaves it out.";
        secure_hsts_include_subdomains / "SECURE_HSTS_INCLUDE_SUBDOMAINS": bool = false, "Its includeSubDomains.";
        secure_hsts_preload / "SECURE_HSTS_PRELOAD": bool = false, "Its preload.";
        secure_referrer_policy / "SECURE_REFERRER_POLICY": String = "same-origin".to_owned(), "Referrer-Policy of pages that show no secret.";
        secure_cross_origin_opener_policy / "SECURE_CROSS_ORIGIN_OPENER_POLICY": String = "same-origin".to_owned(), "Cross-Origin-Opener-Policy.";
        secure_content_type_nosniff / "SECURE_CONTENT_TYPE_NOSNIFF": bool = true, "X-Content-Type-Options: nosniff.";
        x_frame_options / "X_FRAME_OPTIONS": String = "DENY".to_owned(), "X-Frame-Options.";
    }
}

section! {
    /// `SESSION_*`.
    Session is session, "session" {
        cookie_age / "SESSION_COOKIE_AGE": u64 = 1_209_600, "Seconds that a session lives.";
        cookie_name / "SESSION_COOKIE_NAME": String = "sessionid".to_owned(), "The cookie's name.";
        cookie_domain / "SESSION_COOKIE_DOMAIN": Option<String> = None, "The cookie's domain.";
        cookie_path / "SESSION_COOKIE_PATH": String = "/".to_owned(), "The cookie's path.";
        cookie_secure / "SESSION_COOKIE_SECURE": bool = false, "Only over https.";
        cookie_httponly / "SESSION_COOKIE_HTTPONLY": bool = true, "Not for scripts.";
        cookie_samesite / "SESSION_COOKIE_SAMESITE": SameSite = SameSite::Lax, "The cookie's SameSite.";
        save_every_request / "SESSION_SAVE_EVERY_REQUEST": bool = false, "Renew the session's life with every request; costs a write each.";
        expire_at_browser_close / "SESSION_EXPIRE_AT_BROWSER_CLOSE": bool = false, "Sessions end with the browser unless something else was said.";
    }
}

section! {
    /// `CSRF_*`.
    Csrf is csrf, "csrf" {
        cookie_name / "CSRF_COOKIE_NAME": String = "csrftoken".to_owned(), "The cookie's name.";
        cookie_age / "CSRF_COOKIE_AGE": Option<u64> = Some(31_449_600), "Seconds that the cookie lives; unset, until the browser closes.";
        cookie_domain / "CSRF_COOKIE_DOMAIN": Option<String> = None, "The cookie's domain.";
        cookie_path / "CSRF_COOKIE_PATH": String = "/".to_owned(), "The cookie's path.";
        cookie_secure / "CSRF_COOKIE_SECURE": bool = false, "Only over https.";
        cookie_httponly / "CSRF_COOKIE_HTTPONLY": bool = false, "Not for scripts.";
        cookie_samesite / "CSRF_COOKIE_SAMESITE": SameSite = SameSite::Lax, "The cookie's SameSite.";
        header_name / "CSRF_HEADER_NAME": String = "HTTP_X_CSRFTOKEN".to_owned(), "The header that carries the token, in WSGI spelling.";
        trusted_origins / "CSRF_TRUSTED_ORIGINS": Vec<String> = Vec::new(), "Other origins whose forms are taken: `https://app.example.com`, `https://*.example.com`.";
        use_sessions / "CSRF_USE_SESSIONS": bool = false, "Keep the secret in the session instead of a cookie.";
    }
}

section! {
    /// `EMAIL_*`.
    Email is email, "email" {
        backend / "EMAIL_BACKEND": Backend = Backend::Console, "Where letters go; Django's dotted names are taken too.";
        host / "EMAIL_HOST": String = "localhost".to_owned(), "The mail server.";
        port / "EMAIL_PORT": u64 = 25, "Its port.";
        host_user / "EMAIL_HOST_USER": String = String::new(), "Its user; empty for none.";
        host_password / "EMAIL_HOST_PASSWORD": Secret = Secret::new(""), "Its password.";
        use_tls / "EMAIL_USE_TLS": bool = false, "STARTTLS, required.";
        use_ssl / "EMAIL_USE_SSL": bool = false, "TLS from the first byte.";
        timeout / "EMAIL_TIMEOUT": Option<u64> = None, "Seconds that each step with the server may take. Unset: 30.";
        file_path / "EMAIL_FILE_PATH": Option<String> = None, "The folder of the file backend.";
    }
}

section! {
    /// `ACCOUNT_*`.
    Account is account, "account" {
        login_methods / "ACCOUNT_LOGIN_METHODS": Vec<LoginBy> = vec![LoginBy::Username], "How a password login names its account: \"username\", \"email\" or both.";
        session_remember / "ACCOUNT_SESSION_REMEMBER": Option<bool> = None, "Unset asks the visitor; true and false decide.";
        session_cookie_age / "ACCOUNT_SESSION_COOKIE_AGE": Option<u64> = None, "Seconds that a remembered session lives. Unset: SESSION_COOKIE_AGE.";
        email_unknown_accounts / "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": bool = true, "Write to an address without an account when a link is asked for it.";
        email_subject_prefix / "ACCOUNT_EMAIL_SUBJECT_PREFIX": Option<String> = None, "Before every subject. Unset: the site's name in brackets. For none at all write `\"\"` in the file.";
        email_max_length / "ACCOUNT_EMAIL_MAX_LENGTH": u64 = 254, "The longest address, in characters.";
        prevent_enumeration / "ACCOUNT_PREVENT_ENUMERATION": Enumeration = Enumeration::On, "Whether answers hide which accounts exist: a link request says \"sent\" whatever the address. false tells at once.";
        rate_limits / "ACCOUNT_RATE_LIMITS": RateLimits = RateLimits::default(), "Rates by action over the defaults; false switches all off.";
        default_http_protocol / "ACCOUNT_DEFAULT_HTTP_PROTOCOL": String = "http".to_owned(), "`https` makes every link in a letter an https link.";
        logout_on_get / "ACCOUNT_LOGOUT_ON_GET": bool = false, "Sign out without a button. Any page could then sign people out.";
        logout_redirect_url / "ACCOUNT_LOGOUT_REDIRECT_URL": Option<String> = None, "Where to go after signing out. Unset: LOGOUT_REDIRECT_URL, else `/`.";
        authenticated_login_redirects / "ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS": bool = true, "Send those who are signed in away from the sign-in page.";
    }
}

section! {
    /// `ALLAUTH_*`.
    Allauth is allauth, "allauth" {
        trusted_proxy_count / "ALLAUTH_TRUSTED_PROXY_COUNT": u64 = 0, "How many proxies before us append to X-Forwarded-For; 0 ignores the header.";
        trusted_client_ip_header / "ALLAUTH_TRUSTED_CLIENT_IP_HEADER": Option<String> = None, "A header that holds the client's address, set by a proxy: before X-Forwarded-For.";
        rate_limit_ipv6_prefix / "ALLAUTH_RATE_LIMIT_IPV6_PREFIX": u64 = 64, "How many bits of an IPv6 address count as one client.";
    }
}

section! {
    /// `HALLPASS_*`: our own.
    Hallpass is hallpass, "hallpass" {
        share_with_django / "HALLPASS_SHARE_WITH_DJANGO": bool = false, "A Django runs on the same database: session keys are written in its plain form, passwords with its hashers.";
        pbkdf2_iterations / "HALLPASS_PBKDF2_ITERATIONS": Option<u64> = None, "Iterations of the PBKDF2 hashers. Unset: Django 6.1's 1500000. Beside an older Django set that version's number (5.2: 1000000), or the two make each other's hashes anew.";
        listen / "HALLPASS_LISTEN": String = "127.0.0.1:8000".to_owned(), "Address and port of the server.";
        public_url / "HALLPASS_PUBLIC_URL": Option<String> = None, "`https://example.com`: the base of links made outside a request.";
        mount / "HALLPASS_MOUNT": String = "/accounts/".to_owned(), "The path below which the pages are.";
        templates / "HALLPASS_TEMPLATES": Option<String> = None, "A folder whose files replace pages and letters of the same name.";
        site_name / "HALLPASS_SITE_NAME": Option<String> = None, "The name on pages and in letters. Unset: that of `django_site`.";
        logo_url / "HALLPASS_LOGO_URL": Option<String> = None, "A picture instead of the name.";
        accent / "HALLPASS_ACCENT": Option<String> = None, "The accent colour, `#rrggbb`.";
        support_address / "HALLPASS_SUPPORT_ADDRESS": Option<String> = None, "Whom to write to for help.";
        terms_url / "HALLPASS_TERMS_URL": Option<String> = None, "Terms of use.";
        privacy_url / "HALLPASS_PRIVACY_URL": Option<String> = None, "Privacy notice.";
        database_connections / "HALLPASS_DATABASE_CONNECTIONS": u64 = 16, "The most connections to the database.";
        database_timeout / "HALLPASS_DATABASE_TIMEOUT": u64 = 5, "Seconds to wait for a connection or a lock.";
        hash_threads / "HALLPASS_HASH_THREADS": Option<u64> = None, "Threads that hash passwords. Unset: one a core.";
        hash_queue / "HALLPASS_HASH_QUEUE": u64 = 64, "Hashes that may wait; past it the answer is 503.";
        request_timeout / "HALLPASS_REQUEST_TIMEOUT": u64 = 30, "Seconds that a request may take.";
        shutdown_timeout / "HALLPASS_SHUTDOWN_TIMEOUT": u64 = 30, "Seconds that requests get to finish when the server stops.";
        limits_store / "HALLPASS_LIMITS_STORE": LimitsStore = LimitsStore::Database, "Where rate limits are counted.";
        mail_workers / "HALLPASS_MAIL_WORKERS": u64 = 4, "Letters delivered at the same time.";
        mail_attempts / "HALLPASS_MAIL_ATTEMPTS": u64 = 12, "Attempts before a letter is a dead one.";
        mail_ca_file / "HALLPASS_MAIL_CA_FILE": Option<String> = None, "A PEM file with one more root for mail servers with a certificate of your own.";
        log / "HALLPASS_LOG": String = "info".to_owned(), "What is logged, as `tracing` filters have it.";
        log_format / "HALLPASS_LOG_FORMAT": LogFormat = LogFormat::Text, "Logs for people or for machines.";
    }
}

/// All settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Django's top level.
    pub general: General,
    /// `SECURE_*` and proxies.
    pub security: Security,
    /// `SESSION_*`.
    pub session: Session,
    /// `CSRF_*`.
    pub csrf: Csrf,
    /// `EMAIL_*`.
    pub email: Email,
    /// `ACCOUNT_*`.
    pub account: Account,
    /// `ALLAUTH_*`.
    pub allauth: Allauth,
    /// `HALLPASS_*`.
    pub hallpass: Hallpass,
}

/// Every setting, in the order of the reference page.
pub(super) fn fields() -> impl Iterator<Item = &'static Field> {
    let sections: [&[Field]; 8] = [
        General::FIELDS,
        Security::FIELDS,
        Session::FIELDS,
        Csrf::FIELDS,
        Email::FIELDS,
        Account::FIELDS,
        Allauth::FIELDS,
        Hallpass::FIELDS,
    ];
    sections.into_iter().flatten()
}

impl Settings {
    /// LOGIN_URL, or its default below the mount.
    pub fn login_url(&self) -> String {
        self.general
            .login_url
            .clone()
            .unwrap_or_else(|| format!("{}login/", self.hallpass.mount))
    }

    /// LOGIN_REDIRECT_URL, or its default below the mount.
    pub fn login_redirect_url(&self) -> String {
        self.general
            .login_redirect_url
            .clone()
            .unwrap_or_else(|| format!("{}profile/", self.hallpass.mount))
    }

    /// Where signing out leads.
    pub fn logout_redirect_url(&self) -> String {
        let account = self.account.logout_redirect_url.as_ref();
        account
            .or(self.general.logout_redirect_url.as_ref())
            .cloned()
            .unwrap_or_else(|| "/".to_owned())
    }

    /// ALLOWED_HOSTS, or the names of this machine when it is empty.
    pub fn allowed_hosts(&self) -> impl Iterator<Item = &str> {
        const LOCAL: [&str; 4] = [".localhost", "localhost", "127.0.0.1", "[::1]"];
        let given = &self.general.allowed_hosts;
        let local = if given.is_empty() {
            LOCAL.as_slice()
        } else {
            &[]
        };
        given
            .iter()
            .map(String::as_str)
            .chain(local.iter().copied())
    }
}
