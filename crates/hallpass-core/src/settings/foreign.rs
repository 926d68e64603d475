//! Names that are no settings of this version: what to say of them.

use super::sections::fields;

/// Prefixes under which an unknown name in the environment is a mistake and not somebody else's.
const OURS: [&str; 14] = [
    "ACCOUNT_",
    "SESSION_",
    "CSRF_",
    "EMAIL_",
    "SECURE_",
    "ALLAUTH_",
    "HALLPASS_",
    "SOCIALACCOUNT_",
    "MFA_",
    "HEADLESS_",
    "SESAME_",
    "USERSESSIONS_",
    "REST_AUTH_",
    "SIMPLE_JWT_",
];

/// Names of others under these prefixes: X11's session, and what the command line reads itself.
const OTHERS: [&str; 5] = [
    "SESSION_MANAGER",
    "SESSION_ID",
    "SESSION_TYPE",
    "HALLPASS_SETTINGS",
    "HALLPASS_SOCIAL_SECRET",
];

/// Settings that exist and that this version does not act on, by whose they are. Prefix and the rest of the names.
const PLANNED: [(&str, &str, &str); 12] = [
    (
        "allauth",
        "ACCOUNT_",
        "ADAPTER FORMS TEMPLATE_EXTENSION SIGNUP_FORM_CLASS PASSWORD_RESET_TOKEN_GENERATOR USERNAME_VALIDATORS \
         USER_DISPLAY LOGIN_BY_CODE_TRUST_ENABLED",
    ),
    ("allauth", "ALLAUTH_", "DEFAULT_AUTO_FIELD SETTING_GETTER"),
    (
        "allauth",
        "SOCIALACCOUNT_",
        "ADAPTER FORMS SOCIALACCOUNT_STR",
    ),
    (
        "allauth",
        "MFA_",
        "ADAPTER SUPPORTED_TYPES ALLOW_UNVERIFIED_EMAIL FORMS PASSKEY_LOGIN_ENABLED PASSKEY_SIGNUP_ENABLED RATE_LIMITS \
         REAUTHENTICATION_REQUIRED RECOVERY_CODE_COUNT RECOVERY_CODE_DIGITS RECOVERY_CODES_SHOW_ONCE TOTP_PERIOD \
         TOTP_DIGITS TOTP_ISSUER TOTP_TOLERANCE TOTP_INSECURE_BYPASS_CODE TRUST_ENABLED TRUST_COOKIE_AGE \
         TRUST_COOKIE_NAME TRUST_COOKIE_DOMAIN TRUST_COOKIE_HTTPONLY TRUST_COOKIE_PATH TRUST_COOKIE_SAMESITE \
         TRUST_COOKIE_SECURE WEBAUTHN_ALLOW_INSECURE_ORIGIN WEBAUTHN_USER_VERIFICATION",
    ),
    ("allauth", "USERSESSIONS_", "ADAPTER TRACK_ACTIVITY"),
    (
        "allauth",
        "HEADLESS_",
        "ADAPTER CLIENTS ONLY FRONTEND_URLS SERVE_SPECIFICATION SPECIFICATION_TEMPLATE_NAME TOKEN_STRATEGY JWT_ALGORITHM \
         JWT_PRIVATE_KEY JWT_ACCESS_TOKEN_EXPIRES_IN JWT_REFRESH_TOKEN_EXPIRES_IN JWT_AUTHORIZATION_HEADER_SCHEME \
         JWT_STATEFUL_VALIDATION_ENABLED JWT_ROTATE_REFRESH_TOKEN",
    ),
    (
        "dj-rest-auth",
        "REST_AUTH_",
        "MFA_EPHEMERAL_TOKEN_TIMEOUT MFA_TOTP_DIGITS MFA_TOTP_PERIOD MFA_TOTP_ISSUER MFA_RECOVERY_CODE_COUNT \
         LOGIN_SERIALIZER TOKEN_SERIALIZER JWT_SERIALIZER JWT_SERIALIZER_WITH_EXPIRATION USER_DETAILS_SERIALIZER \
         PASSWORD_RESET_SERIALIZER PASSWORD_RESET_CONFIRM_SERIALIZER PASSWORD_CHANGE_SERIALIZER REGISTER_SERIALIZER \
         JWT_TOKEN_CLAIMS_SERIALIZER TOKEN_CREATOR MFA_VERIFY_SERIALIZER MFA_TOTP_ACTIVATE_INIT_SERIALIZER \
         MFA_TOTP_ACTIVATE_CONFIRM_SERIALIZER MFA_TOTP_DEACTIVATE_SERIALIZER MFA_STATUS_SERIALIZER \
         MFA_RECOVERY_CODES_SERIALIZER",
    ),
    (
        "simplejwt",
        "SIMPLE_JWT_",
        "JSON_ENCODER JWK_URL USER_ID_FIELD USER_AUTHENTICATION_RULE AUTH_TOKEN_CLASSES TOKEN_TYPE_CLAIM JTI_CLAIM \
         TOKEN_USER_CLASS SLIDING_TOKEN_REFRESH_EXP_CLAIM SLIDING_TOKEN_LIFETIME SLIDING_TOKEN_REFRESH_LIFETIME \
         TOKEN_OBTAIN_SERIALIZER TOKEN_REFRESH_SERIALIZER TOKEN_VERIFY_SERIALIZER TOKEN_BLACKLIST_SERIALIZER \
         SLIDING_TOKEN_OBTAIN_SERIALIZER SLIDING_TOKEN_REFRESH_SERIALIZER",
    ),
    (
        "Django",
        "SESSION_",
        "CACHE_ALIAS ENGINE FILE_PATH SERIALIZER",
    ),
    (
        "Django",
        "EMAIL_",
        "SSL_CERTFILE SSL_KEYFILE SUBJECT_PREFIX USE_LOCALTIME",
    ),
    (
        "Django",
        "SECURE_",
        "REDIRECT_EXEMPT SSL_HOST CSP CSP_REPORT_ONLY",
    ),
    (
        "Django",
        "",
        "CSRF_FAILURE_VIEW DATABASES CACHES DEBUG INSTALLED_APPS MIDDLEWARE LOGGING MAILERS ROOT_URLCONF \
         SERVER_EMAIL STATIC_URL TEMPLATES USE_I18N USE_TZ LANGUAGES APPEND_SLASH DEFAULT_AUTO_FIELD SILENCED_SYSTEM_CHECKS \
         LANGUAGE_COOKIE_NAME SIGNED_COOKIE_LEGACY_SALT_FALLBACK",
    ),
];

/// Of those, what is code in Python and has a counterpart here: what to do instead.
const COUNTERPARTS: [(&str, &str); 7] = [
    (
        "ACCOUNT_ADAPTER",
        "remove it; in a program of your own, hooks of the crate hallpass take its place",
    ),
    (
        "ACCOUNT_FORMS",
        "remove it; HALLPASS_SIGNUP_EXTRA_FIELDS adds fields to the signup, HALLPASS_TEMPLATES changes pages",
    ),
    (
        "ACCOUNT_SIGNUP_FORM_CLASS",
        "remove it; HALLPASS_SIGNUP_EXTRA_FIELDS adds fields to the signup",
    ),
    (
        "ACCOUNT_USERNAME_VALIDATORS",
        "remove it; ACCOUNT_USERNAME_MIN_LENGTH and ACCOUNT_USERNAME_BLACKLIST narrow what may be chosen",
    ),
    (
        "SOCIALACCOUNT_ADAPTER",
        "remove it; in a program of your own, the hook hooks::Social of the crate hallpass takes its place",
    ),
    (
        "SOCIALACCOUNT_FORMS",
        "remove it; HALLPASS_SIGNUP_EXTRA_FIELDS adds fields to the signup, HALLPASS_TEMPLATES changes pages",
    ),
    (
        "ACCOUNT_USER_DISPLAY",
        "remove it; HALLPASS_TEMPLATES changes how pages and letters name people",
    ),
];

/// Whose setting it is that this version does not act on.
fn planned(name: &str) -> Option<&'static str> {
    let (package, ..) = PLANNED.iter().find(|(_, prefix, rest)| {
        name.strip_prefix(prefix).is_some_and(|given| {
            given.is_empty() && rest.trim().is_empty() || rest.split(' ').any(|one| one == given)
        })
    })?;
    Some(package)
}

/// What to say of an unknown name in the environment; nothing if it is not ours to judge.
pub(super) fn in_environment(name: &str, text: &str) -> Option<String> {
    let ours = OURS.iter().any(|prefix| name.starts_with(prefix));
    let others = OTHERS.contains(&name) || name.starts_with("HALLPASS_TEST_");
    (ours && !others && !is_service_link(name, text)).then(|| unknown(name))
}

/// Kubernetes tells every container where its services are: one that is called `hallpass` or `session` becomes
/// `HALLPASS_SERVICE_HOST`, `HALLPASS_PORT`, `HALLPASS_PORT_80_TCP_ADDR`.
fn is_service_link(name: &str, text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let port = |(_, rest): (&str, &str)| {
        let mut parts = rest.split('_');
        parts.next().is_some_and(number)
            && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && text.contains("://"))
        || name.split_once("_PORT_").is_some_and(port)
}

/// What to say of an unknown name, given in full.
pub(super) fn unknown(name: &str) -> String {
    let upper = name.to_uppercase();
    let counterpart = COUNTERPARTS.iter().find(|(known, _)| *known == upper);
    if let Some((_, instead)) = counterpart {
        return format!("is code in Python, which this version does not run: {instead}");
    }
    if let Some(package) = planned(&upper) {
        return format!(
            "is a setting of {package} that this version does not support yet: remove it"
        );
    }
    let bare = ["HALLPASS_", "DJANGO_"]
        .iter()
        .find_map(|prefix| upper.strip_prefix(prefix));
    let names = || fields().map(|field| field.name);
    let exact = names().find(|known| Some(*known) == bare);
    let near = || {
        let (distance, known) = names()
            .map(|known| (distance(&upper, known), known))
            .min()?;
        // Names under one prefix are alike for that alone.
        let prefix = OURS.iter().find(|prefix| known.starts_with(**prefix));
        let own = known.len() - prefix.map_or(0, |prefix| prefix.len());
        (distance <= 3 && distance * 3 <= own).then_some(known)
    };
    match exact.or_else(near) {
        Some(known) => format!("is unknown: did you mean {known}?"),
        None => "is unknown: remove it, or look for it with `hallpass settings`".to_owned(),
    }
}

/// What to say of an unknown table of the file.
pub(super) fn table(name: &str) -> String {
    let prefix = name.to_uppercase();
    let owner = PLANNED
        .iter()
        .find(|(_, known, _)| !known.is_empty() && known.trim_end_matches('_') == prefix);
    if let Some((package, ..)) = owner {
        return format!(
            "has settings of {package} that this version does not support yet: remove the table"
        );
    }
    let mut tables: Vec<_> = fields().map(|field| field.table).collect();
    tables.dedup();
    tables.retain(|table| !table.is_empty());
    match tables.iter().find(|table| distance(name, table) <= 2) {
        Some(table) => format!("is no table: did you mean [{table}]?"),
        None => format!(
            "is no table: write one of [{}], or the keys at the top of the file",
            tables.join("], [")
        ),
    }
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(100).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_of_ours_is_called_unsupported() {
        let both: Vec<_> = fields()
            .map(|field| field.name)
            .filter(|name| planned(name).is_some())
            .collect();
        assert!(both.is_empty(), "{both:?}");
    }

    #[test]
    fn distances() {
        for (left, right, wanted) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("ACCOUNT_LOGIN_METODS", "ACCOUNT_LOGIN_METHODS", 1),
        ] {
            assert_eq!(distance(left, right), wanted, "{left} {right}");
            assert_eq!(distance(right, left), wanted, "{right} {left}");
        }
    }
}
