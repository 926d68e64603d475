//! The sections: every setting in one line, its name, type, default and meaning.

use super::codes::{CodeFormat, CodeRequired, Quota};
use super::field::{Field, section};
use super::rates::RateLimits;
use super::rest::{RestAuth, RestFramework, SimpleJwt};
use super::secret::{Secret, show_gateway, show_optional_url, show_url};
use super::sesame::Sesame;
use super::signup_fields::{Asked, ExtraField};
use super::social::SocialAccount;
use super::types::{Setting, Validator, Variables};
use super::user_fields::UserField;
use super::user_model::{UserColumn, UserKey};
use super::words::{
    Backend, Enumeration, LegacyMethod, LimitsStore, LogFormat, LoginBy, SameSite, SmsBackend,
    SmsContentType, Verification,
};

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
        auth_user_model / "AUTH_USER_MODEL": String = "auth.User".to_owned(), "The model of users, `app.Model`. Of a model of your own the table is `app_model`, in small letters, unless HALLPASS_USER_TABLE says otherwise; HALLPASS_USER_KEY and HALLPASS_USER_WITHOUT say how it differs from Django's.";
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
        login_methods / "ACCOUNT_LOGIN_METHODS": Option<Vec<LoginBy>> = None, "How a sign-in names its account: \"username\", \"email\", \"phone\" or several of them. Unset: what ACCOUNT_AUTHENTICATION_METHOD says, else \"username\". A signup must ask for one of them, unless it is \"username\", which is made up where nobody is asked; write `email*` or `phone*` in ACCOUNT_SIGNUP_FIELDS, since who leaves out the only method cannot use it. \"email\" needs ACCOUNT_UNIQUE_EMAIL.";
        authentication_method / "ACCOUNT_AUTHENTICATION_METHOD": Option<LegacyMethod> = None, "The older form of ACCOUNT_LOGIN_METHODS. Both may be set if they say the same.";
        login_timeout / "ACCOUNT_LOGIN_TIMEOUT": u64 = 900, "Seconds that an unfinished sign-in waits for its next step.";
        login_by_code_enabled / "ACCOUNT_LOGIN_BY_CODE_ENABLED": bool = false, "Sign in with a one-time code sent by mail or text message. Needed where ACCOUNT_SIGNUP_FIELDS asks for no password.";
        login_by_code_required / "ACCOUNT_LOGIN_BY_CODE_REQUIRED": CodeRequired = CodeRequired::default(), "Demand a code as well after these proofs, or after all. A signup must ask for an address or a phone number then. A list also demands one after a signup, where there was no proof yet.";
        login_by_code_max_attempts / "ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS": u64 = 3, "Wrong codes until the sign-in is over.";
        login_by_code_timeout / "ACCOUNT_LOGIN_BY_CODE_TIMEOUT": u64 = 180, "Seconds that a sign-in code lives.";
        login_by_code_supports_resend / "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND": Quota = Quota(0), "How often a fresh code may be asked for; true is twice.";
        login_by_code_format / "ACCOUNT_LOGIN_BY_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The form of sign-in codes, over ALLAUTH_USER_CODE_FORMAT.";
        login_on_email_confirmation / "ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION": bool = false, "Go on with the sign-in that waits in this browser when its confirmation link is opened. Means nothing where addresses are confirmed with codes.";
        login_on_password_reset / "ACCOUNT_LOGIN_ON_PASSWORD_RESET": bool = false, "Sign in whoever has just reset the password.";
        login_attempts_limit / "ACCOUNT_LOGIN_ATTEMPTS_LIMIT": u64 = 5, "Older: the number in the default rate of `login_failed`, by account; 0 for none. What ACCOUNT_RATE_LIMITS says of that action wins.";
        login_attempts_timeout / "ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT": u64 = 300, "Older: the seconds in it.";
        signup_fields / "ACCOUNT_SIGNUP_FIELDS": Option<Vec<Asked>> = None, "What a signup asks, in this order; a star marks what must be filled. Unset: made from the four older settings that follow, none of which may stand beside it. Each field once; `email2` needs `email`, `password2` needs `password1`. Without `password1` nobody has a password: then ACCOUNT_LOGIN_BY_CODE_ENABLED is needed, and `email` or `phone` for the codes.";
        username_required / "ACCOUNT_USERNAME_REQUIRED": bool = true, "Older: whether a signup asks for a user name.";
        email_required / "ACCOUNT_EMAIL_REQUIRED": bool = false, "Older: whether the address must be filled.";
        signup_email_enter_twice / "ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE": bool = false, "Older: ask for the address twice.";
        signup_password_enter_twice / "ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE": bool = true, "Older: ask for the password twice.";
        signup_form_honeypot_field / "ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD": Option<String> = None, "The name of a field that people do not see: whoever fills it seems to succeed and gets nothing. Letters, digits, dashes and underscores, such as `website`; no field that the form has or could have, since browsers fill those in by themselves.";
        signup_redirect_url / "ACCOUNT_SIGNUP_REDIRECT_URL": Option<String> = None, "Where to go after signing up. Unset: LOGIN_REDIRECT_URL.";
        user_model_username_field / "ACCOUNT_USER_MODEL_USERNAME_FIELD": Option<String> = Some("username".to_owned()), "The column of user names; another name than `username` needs AUTH_USER_MODEL. Empty: people have no user names here, none is asked for, taken or shown, and the column `username` holds one that was made up, or is not there if HALLPASS_USER_WITHOUT says so. ACCOUNT_LOGIN_METHODS is \"email\" then unless it is set.";
        user_model_email_field / "ACCOUNT_USER_MODEL_EMAIL_FIELD": Option<String> = Some("email".to_owned()), "The column of the primary address in the user's table; another name than `email` needs AUTH_USER_MODEL. Empty: that table has none, the same as `email` in HALLPASS_USER_WITHOUT, and addresses are kept in `account_emailaddress` alone.";
        username_min_length / "ACCOUNT_USERNAME_MIN_LENGTH": u64 = 1, "The shortest user name.";
        username_blacklist / "ACCOUNT_USERNAME_BLACKLIST": Vec<String> = Vec::new(), "Names that nobody may take, in any case.";
        preserve_username_casing / "ACCOUNT_PRESERVE_USERNAME_CASING": bool = true, "Keep a user name as it was typed; false stores it in small letters.";
        email_verification / "ACCOUNT_EMAIL_VERIFICATION": Verification = Verification::Optional, "Whether an address must be confirmed: \"mandatory\" before the first sign-in, \"optional\" sends a letter at signup, \"none\" sends nothing. \"mandatory\" needs `email*` in ACCOUNT_SIGNUP_FIELDS. true and false, as they once were, are \"mandatory\" and \"optional\".";
        email_verification_by_code_enabled / "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": bool = false, "Confirm with a code instead of a link. Needs ACCOUNT_EMAIL_VERIFICATION to be \"mandatory\".";
        email_verification_by_code_max_attempts / "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS": u64 = 3, "Wrong codes until it is over.";
        email_verification_by_code_timeout / "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT": u64 = 900, "Seconds that such a code lives.";
        email_verification_by_code_format / "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The form of these codes, over ALLAUTH_USER_CODE_FORMAT.";
        email_verification_supports_change / "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE": Quota = Quota(0), "How often the address may be changed while it waits to be confirmed; true is twice.";
        email_verification_supports_resend / "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND": Quota = Quota(0), "How often a fresh code may be asked for; true is twice.";
        email_confirmation_hmac / "ACCOUNT_EMAIL_CONFIRMATION_HMAC": bool = true, "Signed confirmation keys; false keeps random ones in `account_emailconfirmation`.";
        email_confirmation_expire_days / "ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS": u64 = 3, "Days that a confirmation link lives.";
        email_confirmation_cooldown / "ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN": u64 = 180, "Older: the seconds in the default rate of `confirm_email` for links; 0 for none. What ACCOUNT_RATE_LIMITS says of that action wins.";
        confirm_email_on_get / "ACCOUNT_CONFIRM_EMAIL_ON_GET": bool = false, "Confirm as soon as the link is opened. Programs that look into mail then confirm too.";
        email_confirmation_anonymous_redirect_url / "ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL": Option<String> = None, "Where to go after confirming, not signed in. Unset: LOGIN_URL.";
        email_confirmation_authenticated_redirect_url / "ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL": Option<String> = None, "Where to go after confirming, signed in. Unset: LOGIN_REDIRECT_URL.";
        unique_email / "ACCOUNT_UNIQUE_EMAIL": bool = true, "An address has one owner at most. Must stay true where people sign in by address.";
        max_email_addresses / "ACCOUNT_MAX_EMAIL_ADDRESSES": Option<u64> = None, "The most addresses of an account. Unset: any number.";
        change_email / "ACCOUNT_CHANGE_EMAIL": bool = false, "One address: a new one takes the old one's place when it is confirmed. ACCOUNT_MAX_EMAIL_ADDRESSES must be unset or 2: until then there are both.";
        email_notifications / "ACCOUNT_EMAIL_NOTIFICATIONS": bool = false, "Tell people by mail when their password or addresses change.";
        password_reset_by_code_enabled / "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED": bool = false, "Reset passwords with a code instead of a link.";
        password_reset_by_code_max_attempts / "ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS": u64 = 3, "Wrong codes until it is over.";
        password_reset_by_code_timeout / "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT": u64 = 180, "Seconds that such a code lives, and then the page for the new password.";
        password_reset_by_code_format / "ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The form of these codes, over ALLAUTH_USER_CODE_FORMAT.";
        password_reset_by_code_code_format / "ACCOUNT_PASSWORD_RESET_BY_CODE_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The same under the name that allauth reads. Where both say something, ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT counts.";
        password_min_length / "ACCOUNT_PASSWORD_MIN_LENGTH": u64 = 6, "The shortest password, if AUTH_PASSWORD_VALIDATORS is empty.";
        password_input_render_value / "ACCOUNT_PASSWORD_INPUT_RENDER_VALUE": bool = false, "Must stay false: pages never write a password back.";
        logout_on_password_change / "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": bool = false, "Sign out this browser too when the password changes.";
        phone_verification_enabled / "ACCOUNT_PHONE_VERIFICATION_ENABLED": bool = true, "A phone number must be confirmed at signup and sign-in.";
        phone_verification_max_attempts / "ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS": u64 = 3, "Wrong codes until it is over.";
        phone_verification_timeout / "ACCOUNT_PHONE_VERIFICATION_TIMEOUT": u64 = 900, "Seconds that such a code lives.";
        phone_verification_supports_change / "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE": Quota = Quota(0), "How often the number may be changed while it waits to be confirmed; true is twice.";
        phone_verification_supports_resend / "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND": Quota = Quota(0), "How often a fresh code may be asked for; true is twice.";
        phone_verification_code_format / "ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The form of these codes, over ALLAUTH_USER_CODE_FORMAT.";
        reauthentication_required / "ACCOUNT_REAUTHENTICATION_REQUIRED": bool = false, "Ask for a fresh proof before addresses or the phone number change.";
        reauthentication_timeout / "ACCOUNT_REAUTHENTICATION_TIMEOUT": u64 = 300, "Seconds that such a proof is fresh.";
        salt / "ACCOUNT_SALT": String = "account".to_owned(), "The salt of confirmation keys, as allauth has it.";
        session_remember / "ACCOUNT_SESSION_REMEMBER": Option<bool> = None, "Unset asks the visitor; true and false decide.";
        session_cookie_age / "ACCOUNT_SESSION_COOKIE_AGE": Option<u64> = None, "Seconds that a remembered session lives. Unset: SESSION_COOKIE_AGE.";
        email_unknown_accounts / "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": bool = true, "Write to an address without an account when a link, a code or a reset is asked for it.";
        email_subject_prefix / "ACCOUNT_EMAIL_SUBJECT_PREFIX": Option<String> = None, "Before every subject. Unset: the site's name in brackets. For none at all write `\"\"` in the file.";
        email_max_length / "ACCOUNT_EMAIL_MAX_LENGTH": u64 = 254, "The longest address, in characters.";
        prevent_enumeration / "ACCOUNT_PREVENT_ENUMERATION": Enumeration = Enumeration::On, "Whether answers hide which accounts exist: a link request says \"sent\" whatever the address. false tells at once.";
        rate_limits / "ACCOUNT_RATE_LIMITS": RateLimits = RateLimits::default(), "Rates by action over the defaults; false switches all off, as it does for a single action. Unless said here, `confirm_email` is `1/10s/key` where ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED is on, and ACCOUNT_LOGIN_ATTEMPTS_LIMIT, ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT and ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN change what they name.";
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
        user_code_format / "ALLAUTH_USER_CODE_FORMAT": CodeFormat = CodeFormat::default(), "The form of one-time codes: `{\"numeric\": false, \"dashed\": true, \"length\": 8}`; nine characters when numeric.";
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
        letter_variables / "HALLPASS_LETTER_VARIABLES": Variables = Variables::default(), "What your own letters and texts find as `extra`: with `{\"company\": \"Shop Ltd\"}`, `{{ extra.company }}`.";
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
        passwordless / "HALLPASS_PASSWORDLESS": bool = false, "Nobody has a password here: no page and no interface asks for one. Needs ACCOUNT_LOGIN_BY_CODE_ENABLED, and ACCOUNT_SIGNUP_FIELDS without passwords, such as `[\"email*\"]`.";
        code_and_link / "HALLPASS_CODE_AND_LINK": bool = false, "The letter with a sign-in code holds a link as well; using one ends both. Needs ACCOUNT_LOGIN_BY_CODE_ENABLED or ACCOUNT_LOGIN_BY_CODE_REQUIRED.";
        signup_open / "HALLPASS_SIGNUP_OPEN": bool = true, "Whether strangers may sign up.";
        signup_extra_fields / "HALLPASS_SIGNUP_EXTRA_FIELDS": Vec<ExtraField> = Vec::new(), "Fields of your own in the signup form: `[{\"name\": \"first_name\", \"label\": \"Given name\", \"required\": true}]`. Only `name` is needed: small letters, digits and underscores, each name once. `type` is text, textarea, email, number, date, checkbox or select, `choices` what a select offers, as texts or pairs of value and label; `max_length` is 200 unless set, `help` a sentence below the field.";
        user_fields / "HALLPASS_USER_FIELDS": Vec<UserField> = Vec::new(), "Columns of your own in the user's table: `[{\"name\": \"gender\", \"type\": \"select\", \"choices\": [\"f\", \"m\", \"x\"], \"required\": true}]`. Keys as in HALLPASS_SIGNUP_EXTRA_FIELDS, and `unique`, `at_registration` (true unless set), `in_user_details` (true unless set), `read_only` (not to be changed after registration). `hallpass migrate` adds the columns that are missing.";
        user_table / "HALLPASS_USER_TABLE": Option<String> = None, "The user's table, as `db_table` of a Django model. Unset: made of AUTH_USER_MODEL.";
        user_key / "HALLPASS_USER_KEY": UserKey = UserKey::Integer, "The primary key of the user's table: AutoField is \"integer\", BigAutoField \"bigint\", UUIDField \"uuid\". Other than \"integer\" it needs AUTH_USER_MODEL.";
        user_key_column / "HALLPASS_USER_KEY_COLUMN": String = "id".to_owned(), "The column of that key. Other than `id` it needs AUTH_USER_MODEL.";
        user_unique_email / "HALLPASS_USER_UNIQUE_EMAIL": bool = false, "The column of the address in your user's table is unique, as `EmailField(unique=True)` makes it; without user names it is in any case. Whoever has no address has NULL there then. Needs AUTH_USER_MODEL.";
        user_without / "HALLPASS_USER_WITHOUT": Vec<UserColumn> = Vec::new(), "Columns of Django's that your user's table lacks: `[\"username\", \"first_name\", \"last_name\"]` of an AbstractUser without them; an AbstractBaseUser lacks most of them, and without `is_superuser` the tables of groups and permissions too. `password` and `last_login` are always there. Needs AUTH_USER_MODEL.";
        mail_workers / "HALLPASS_MAIL_WORKERS": u64 = 4, "Letters delivered at the same time.";
        mail_attempts / "HALLPASS_MAIL_ATTEMPTS": u64 = 12, "Attempts before a letter is a dead one.";
        mail_ca_file / "HALLPASS_MAIL_CA_FILE": Option<String> = None, "A PEM file with one more root for mail servers with a certificate of your own.";
        log / "HALLPASS_LOG": String = "info".to_owned(), "What is logged, as `tracing` filters have it.";
        log_format / "HALLPASS_LOG_FORMAT": LogFormat = LogFormat::Text, "Logs for people or for machines.";
        phone_region / "HALLPASS_PHONE_REGION": Option<String> = None, "The country, as two letters such as `DE`, whose national numbers are understood. Unset: numbers begin with a plus.";
        sms_backend / "HALLPASS_SMS_BACKEND": SmsBackend = SmsBackend::Console, "Where texts go: printed, to the gateway of HALLPASS_SMS_URL, or for tests kept in memory or dropped.";
        sms_url / "HALLPASS_SMS_URL": Option<Secret> = None, "Where the gateway takes texts: an https address, or one of this machine. Shown without path and query, which may hold a key.", shown by show_gateway;
        sms_authorization / "HALLPASS_SMS_AUTHORIZATION": Option<Secret> = None, "The whole Authorization header for the gateway, such as `Bearer …` or `Basic …`.";
        sms_content_type / "HALLPASS_SMS_CONTENT_TYPE": SmsContentType = SmsContentType::Json, "The format of what the gateway is sent.";
        sms_body / "HALLPASS_SMS_BODY": Option<String> = None, "What the gateway is sent, with `{to}` (or `{digits}`, the number without its plus), `{text}` and `{id}`, which are escaped for the format. Unset: `{\"to\": \"{to}\", \"text\": \"{text}\"}`, or `to={to}&text={text}` for a form.";
        sms_timeout / "HALLPASS_SMS_TIMEOUT": u64 = 10, "Seconds that the gateway may take.";
        rest_mount / "HALLPASS_REST_MOUNT": Option<String> = Some("/dj-rest-auth/".to_owned()), "The path below which dj-rest-auth's interface is; empty switches it off.";
        rest_docs / "HALLPASS_REST_DOCS": bool = true, "Below it, the OpenAPI document of the interface at `schema/` and `openapi.json`, and as a page at `docs/`.";
        token_blacklist / "HALLPASS_TOKEN_BLACKLIST": bool = true, "Keep simplejwt's tables of outstanding and blacklisted tokens, as `rest_framework_simplejwt.token_blacklist` does.";
        refresh_grace / "HALLPASS_REFRESH_GRACE": u64 = 10, "Seconds in which a refresh token that was rotated a moment ago gives the same successor again: two tabs, a lost answer. Later it ends its family.";
        reset_url / "HALLPASS_RESET_URL": Option<String> = None, "The front end's page for a new password, with `{uid}` and `{token}`, or `{key}` for both. Unset: ours.";
        email_confirm_url / "HALLPASS_EMAIL_CONFIRM_URL": Option<String> = None, "The front end's page that confirms an address, with `{key}`. Unset: ours.";
        magic_link_confirm / "HALLPASS_MAGIC_LINK_CONFIRM": bool = false, "A magic link shows a page with a button first, and is only used when that is pressed: programs that look through mail open links, too.";
        magic_link_login / "HALLPASS_MAGIC_LINK_LOGIN": bool = false, "Magic links without a scope sign in at `login/magic/` below HALLPASS_MOUNT.";
        magic_link_revocable / "HALLPASS_MAGIC_LINK_REVOCABLE": bool = false, "Single magic links can be revoked; each that is opened is looked up among those. Needs SESAME_MAX_AGE.";
        redis_url / "HALLPASS_REDIS_URL": Option<Secret> = None, "`redis://:password@host:6379/0`, `rediss://…` for TLS, or `unix:///run/redis.sock`: where HALLPASS_LIMITS_STORE \"redis\" counts. Of it, only the password is a secret.", shown by show_optional_url;
        event_retention_days / "HALLPASS_EVENT_RETENTION_DAYS": u64 = 365, "Days that what happened to accounts is kept; 0 keeps it for ever.";
        providers / "HALLPASS_PROVIDERS": Option<String> = None, "A folder with files `<id>.toml` of identity providers: more of them, or other descriptions of those that are built in.";
        social_merge / "HALLPASS_SOCIAL_MERGE": bool = false, "Whoever is signed in and connects an account that belongs to another user of this site may make the two users one. What the app keeps of the other is the hook's to move.";
        outbound_private / "HALLPASS_OUTBOUND_PRIVATE": Vec<String> = Vec::new(), "Hosts, such as `[\"keycloak.internal\", \"127.0.0.1:8080\"]`, that may be asked though they are in a private network, and without TLS if their address says `http`. All others must be public and have TLS.";
        outbound_proxy / "HALLPASS_OUTBOUND_PROXY": Option<String> = None, "The proxy by which identity providers are asked, `http://proxy.internal:3128`; not the hosts of HALLPASS_OUTBOUND_PRIVATE. It is the proxy then that must refuse private networks.";
        outbound_ca_file / "HALLPASS_OUTBOUND_CA_FILE": Option<String> = None, "A PEM file with more roots for identity providers with certificates of your own.";
        social_mutable_uids / "HALLPASS_SOCIAL_MUTABLE_UIDS": Vec<String> = Vec::new(), "Providers that are taken though they name people by something that may come to belong to somebody else; their files say so.";
        social_unbound_tokens / "HALLPASS_SOCIAL_UNBOUND_TOKENS": Vec<String> = Vec::new(), "Providers whose access tokens the REST interface takes though nobody can tell for which app they were given. An app of somebody else's could sign its users in here.";
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
    /// `SOCIALACCOUNT_*`.
    pub socialaccount: SocialAccount,
    /// `REST_AUTH`.
    pub rest_auth: RestAuth,
    /// `SIMPLE_JWT`.
    pub simple_jwt: SimpleJwt,
    /// `REST_FRAMEWORK`.
    pub rest_framework: RestFramework,
    /// `SESAME_*`.
    pub sesame: Sesame,
    /// `HALLPASS_*`.
    pub hallpass: Hallpass,
}

/// Every setting, in the order of the reference page.
pub(super) fn fields() -> impl Iterator<Item = &'static Field> {
    let sections: [&[Field]; 13] = [
        General::FIELDS,
        Security::FIELDS,
        Session::FIELDS,
        Csrf::FIELDS,
        Email::FIELDS,
        Account::FIELDS,
        Allauth::FIELDS,
        SocialAccount::FIELDS,
        RestAuth::FIELDS,
        SimpleJwt::FIELDS,
        RestFramework::FIELDS,
        Sesame::FIELDS,
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

    /// Where a signup leads.
    pub fn signup_redirect_url(&self) -> String {
        let own = self.account.signup_redirect_url.clone();
        own.unwrap_or_else(|| self.login_redirect_url())
    }

    /// Where confirming an address leads, for somebody who is signed in and for anybody else.
    pub fn email_confirmed_redirect_url(&self, signed_in: bool) -> String {
        let account = &self.account;
        let (own, else_to) = match signed_in {
            true => (
                &account.email_confirmation_authenticated_redirect_url,
                self.login_redirect_url(),
            ),
            false => (
                &account.email_confirmation_anonymous_redirect_url,
                self.login_url(),
            ),
        };
        own.clone().unwrap_or(else_to)
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
