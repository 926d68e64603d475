//! ACCOUNT_*, and what of HALLPASS_* concerns accounts: ways in that lead somewhere, and one meaning a setting.
//!
//! Nobody who signs up may be locked out by the settings alone. Where only those are who leave a field empty that the
//! operator made optional, nothing is refused: allauth does not either.

use std::collections::BTreeSet;

use super::{CENTURY, Checks, leads_somewhere};
use crate::settings::rates::{LONGEST, MOST};
use crate::settings::signup_fields::RESERVED;
use crate::settings::{Account, LegacyMethod, LoginBy, SignupField, Verification};

/// What a signup's fields are made from when ACCOUNT_SIGNUP_FIELDS is not there.
const OLDER_FIELDS: [&str; 4] = [
    "ACCOUNT_USERNAME_REQUIRED",
    "ACCOUNT_EMAIL_REQUIRED",
    "ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE",
    "ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE",
];
/// What decides which fields a signup has.
const FIELDS: [&str; 5] = [
    "ACCOUNT_SIGNUP_FIELDS",
    OLDER_FIELDS[0],
    OLDER_FIELDS[1],
    OLDER_FIELDS[2],
    OLDER_FIELDS[3],
];
const METHODS: [&str; 2] = ["ACCOUNT_LOGIN_METHODS", "ACCOUNT_AUTHENTICATION_METHOD"];
const OPEN: &str = "HALLPASS_SIGNUP_OPEN";
const PASSWORDLESS: &str = "HALLPASS_PASSWORDLESS";
const OTHER_FIELDS: &str = "HALLPASS_USER_FIELDS has it too";
const BY_CODE: &str = "ACCOUNT_LOGIN_BY_CODE_ENABLED";

pub(super) fn check(checks: &mut Checks<'_>) {
    one_meaning(checks);
    fields(checks);
    names_of_fields(checks);
    user_names(checks);
    ways_in(checks);
    codes(checks);
    addresses(checks);
    redirects(checks);
    ranges(checks);
}

/// Older settings beside newer ones: which of them counts must not be guessed.
fn one_meaning(checks: &mut Checks<'_>) {
    let account = &checks.settings.account;
    if let (Some(methods), Some(older)) = (&account.login_methods, account.authentication_method) {
        let wanted: &[LoginBy] = match older {
            LegacyMethod::Username => &[LoginBy::Username],
            LegacyMethod::Email => &[LoginBy::Email],
            LegacyMethod::UsernameEmail => &[LoginBy::Username, LoginBy::Email],
        };
        let same = methods.iter().all(|method| wanted.contains(method))
            && wanted.iter().all(|method| methods.contains(method));
        checks.refuse(
            METHODS[1],
            !same && checks.understood(&METHODS),
            "says something else than ACCOUNT_LOGIN_METHODS, whose older form it is: remove it",
        );
    }
    for name in OLDER_FIELDS {
        let given = checks.loaded.origin(name) != crate::settings::Origin::Default;
        checks.refuse(
            name,
            given && account.signup_fields.is_some(),
            "is older than ACCOUNT_SIGNUP_FIELDS, which is set too: remove it, and write there what it says",
        );
    }
}

/// What a signup asks.
fn fields(checks: &mut Checks<'_>) {
    let account = &checks.settings.account;
    let mut seen = BTreeSet::new();
    let fields = account.signup_fields();
    let twice = fields
        .iter()
        .map(|asked| asked.field.name())
        .find(|name| !seen.insert(*name));
    if let Some(name) = twice {
        checks.refuse(
            FIELDS[0],
            true,
            format!("names \"{name}\" more than once: keep one"),
        );
    }
    for (second, first) in [
        (SignupField::Email2, SignupField::Email),
        (SignupField::Password2, SignupField::Password1),
    ] {
        let (second_name, first_name) = (second.name(), first.name());
        checks.refuse(
            FIELDS[0],
            account.asks(second).is_some() && account.asks(first).is_none(),
            format!(
                "has \"{second_name}\", which repeats \"{first_name}\": add that, or remove this"
            ),
        );
    }
    // Whoever signs up without a password has nothing but codes to come back with.
    let enabled = account.login_by_code_enabled;
    let passwords = account.has_passwords();
    let understood =
        checks.understood(&FIELDS) && checks.understood(&[BY_CODE, OPEN, PASSWORDLESS]);
    checks.refuse(
        FIELDS[0],
        understood && !passwords && !enabled && !checks.settings.hallpass.passwordless,
        format!("asks for no password, so people need codes to sign in: set {BY_CODE}, or add \"password1*\""),
    );
    checks.refuse(
        FIELDS[0],
        understood
            && !passwords
            && enabled
            && checks.settings.hallpass.signup_open
            && !reachable(account),
        "asks for no password and for nowhere to send a code to: add \"email*\" or \"phone*\"",
    );
    passwordless(checks);
}

fn passwordless(checks: &mut Checks<'_>) {
    let s = checks.settings;
    if !s.hallpass.passwordless {
        return;
    }
    checks.refuse(
        PASSWORDLESS,
        checks.understood(&[BY_CODE]) && !s.account.login_by_code_enabled,
        format!("leaves people no way in but codes: set {BY_CODE} too"),
    );
    let asks = [SignupField::Password1, SignupField::Password2]
        .into_iter()
        .any(|field| s.account.asks(field).is_some());
    let given = s.account.signup_fields.is_some();
    checks.refuse(
        PASSWORDLESS,
        checks.understood(&FIELDS) && asks && given,
        "goes with no password, but ACCOUNT_SIGNUP_FIELDS asks for one: remove \"password1\" and \"password2\" there",
    );
    checks.refuse(
        PASSWORDLESS,
        checks.understood(&FIELDS) && asks && !given,
        "needs ACCOUNT_SIGNUP_FIELDS, which asks for passwords when it is not set: write what a signup asks, such \
         as [\"email*\"]",
    );
}

/// The honeypot, and fields of the operator's own: each name once in the form.
fn names_of_fields(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let mut seen = BTreeSet::new();
    let own = s.hallpass.user_fields.iter().map(|own| own.name());
    let extra = s.hallpass.signup_extra_fields.iter();
    let extra = extra.map(|field| field.name.as_str());
    for (setting, names) in [
        ("HALLPASS_USER_FIELDS", own.collect::<Vec<_>>()),
        ("HALLPASS_SIGNUP_EXTRA_FIELDS", extra.collect()),
    ] {
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(*name)) {
            checks.refuse(
                setting,
                true,
                format!(
                    "has the name \"{twice}\" more than once, or {OTHER_FIELDS}: choose another"
                ),
            );
        }
    }
    let Some(honeypot) = s.account.signup_form_honeypot_field.as_deref() else {
        return;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let fits = honeypot.starts_with(|c: char| c.is_ascii_alphabetic())
        && honeypot.chars().all(plain)
        && honeypot.len() <= 50;
    const NAME: &str = "ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD";
    checks.refuse(
        NAME,
        !fits,
        "is no plain name: begin with a letter, then letters, digits, dashes and underscores, such as website",
    );
    // Those of the form are filled by people. Those that it happens not to show are filled by their browsers, unseen,
    // and a person would be turned away as a robot.
    checks.refuse(
        NAME,
        RESERVED.contains(&honeypot),
        format!("is \"{honeypot}\", the name of a field that people and their browsers fill: choose another, such as website"),
    );
    checks.refuse(
        NAME,
        seen.contains(honeypot),
        format!("is \"{honeypot}\", a field of your own too: choose another name"),
    );
}

/// Whether people have user names, and what asks for one.
fn user_names(checks: &mut Checks<'_>) {
    let account = &checks.settings.account;
    const NAME: &str = "ACCOUNT_USER_MODEL_USERNAME_FIELD";
    let none = !account.has_usernames() && checks.understood(&[NAME]);
    checks.refuse(
        FIELDS[0],
        none && account.asks(SignupField::Username).is_some(),
        format!(
            "asks for a user name, of which there are none with {NAME} empty: remove \"username\""
        ),
    );
    let by_name = account.has_method(LoginBy::Username);
    for name in METHODS {
        let given = checks.loaded.origin(name) != crate::settings::Origin::Default;
        checks.refuse(
            name,
            none && given && by_name,
            format!("has \"username\", of which there are none with {NAME} empty: remove it"),
        );
    }
}

/// How a sign-in names its account, and whether a signup asks for that name.
fn ways_in(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let account = &s.account;
    let methods = account.login_methods();
    // What is in force may come from the older setting, and is told of the one that was written.
    let name = match account.login_methods {
        None if account.authentication_method.is_some() => METHODS[1],
        _ => METHODS[0],
    };
    checks.refuse(
        METHODS[0],
        methods.is_empty(),
        "must name \"username\", \"email\", \"phone\" or several",
    );
    checks.refuse(
        name,
        checks.understood(&METHODS) && account.has_method(LoginBy::Email) && !account.unique_email,
        "has \"email\", but with ACCOUNT_UNIQUE_EMAIL off an address may have several owners: switch that on",
    );
    // Who has no name chosen gets one. With a closed signup the operator knows what the accounts have.
    let known = |method: &LoginBy| match method {
        LoginBy::Username => true,
        LoginBy::Email => account.asks(SignupField::Email).is_some(),
        LoginBy::Phone => account.asks(SignupField::Phone).is_some(),
    };
    let understood =
        checks.understood(&METHODS) && checks.understood(&FIELDS) && checks.understood(&[OPEN]);
    let lost = s.hallpass.signup_open && !methods.is_empty() && !methods.iter().any(known);
    let fields: Vec<_> = methods
        .iter()
        .map(|method| match method {
            LoginBy::Username => "\"username*\"",
            LoginBy::Email => "\"email*\"",
            LoginBy::Phone => "\"phone*\"",
        })
        .collect();
    checks.refuse(
        name,
        understood && lost,
        format!(
            "names what no signup asks for, so that nobody who signs up could sign in: add {} to ACCOUNT_SIGNUP_FIELDS",
            fields.join(" or ")
        ),
    );
}

fn codes(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let account = &s.account;
    const REQUIRED: &str = "ACCOUNT_LOGIN_BY_CODE_REQUIRED";
    let required = account.login_by_code_required.is_on();
    checks.refuse(
        REQUIRED,
        checks.understood(&FIELDS) && checks.understood(&[OPEN]) && required && s.hallpass.signup_open && !reachable(account),
        "demands a code, but a signup asks for nowhere to send it to: add \"email*\" or \"phone*\" to \
         ACCOUNT_SIGNUP_FIELDS",
    );
    checks.refuse(
        "HALLPASS_CODE_AND_LINK",
        checks.understood(&[BY_CODE, REQUIRED])
            && s.hallpass.code_and_link
            && !account.login_by_code_enabled
            && !required,
        format!(
            "adds a link to sign-in codes, of which there are none: set {BY_CODE}, or {REQUIRED}"
        ),
    );
}

/// Whether a signup asks where a code can be sent to.
fn reachable(account: &Account) -> bool {
    [SignupField::Email, SignupField::Phone]
        .into_iter()
        .any(|field| account.asks(field).is_some())
}

fn addresses(checks: &mut Checks<'_>) {
    let account = &checks.settings.account;
    const POLICY: &str = "ACCOUNT_EMAIL_VERIFICATION";
    let mandatory = account.email_verification == Verification::Mandatory;
    checks.refuse(
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED",
        checks.understood(&[POLICY]) && account.email_verification_by_code_enabled && !mandatory,
        format!(
            "needs {POLICY} to be \"mandatory\": a code is typed while the sign-in waits for it"
        ),
    );
    checks.refuse(
        POLICY,
        checks.understood(&FIELDS) && mandatory && account.asks(SignupField::Email) != Some(true),
        "is \"mandatory\", but a signup can do without an address: write \"email*\" in ACCOUNT_SIGNUP_FIELDS",
    );
    let most = account.max_email_addresses;
    checks.within("ACCOUNT_MAX_EMAIL_ADDRESSES", most, 1, 10_000);
    checks.refuse(
        "ACCOUNT_CHANGE_EMAIL",
        checks.understood(&["ACCOUNT_MAX_EMAIL_ADDRESSES"])
            && account.change_email
            && most.is_some_and(|most| most != 2),
        "holds two addresses until the new one is confirmed: leave ACCOUNT_MAX_EMAIL_ADDRESSES out, or set it to 2",
    );
    let length = account.email_max_length;
    checks.within("ACCOUNT_EMAIL_MAX_LENGTH", length, 3, 254);
}

fn redirects(checks: &mut Checks<'_>) {
    let account = &checks.settings.account;
    for (name, url) in [
        ("ACCOUNT_LOGOUT_REDIRECT_URL", &account.logout_redirect_url),
        ("ACCOUNT_SIGNUP_REDIRECT_URL", &account.signup_redirect_url),
        (
            "ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL",
            &account.email_confirmation_anonymous_redirect_url,
        ),
        (
            "ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL",
            &account.email_confirmation_authenticated_redirect_url,
        ),
    ] {
        checks.refuse(
            name,
            url.as_deref().is_some_and(|url| !leads_somewhere(url)),
            super::NO_ROUTES,
        );
    }
}

fn ranges(checks: &mut Checks<'_>) {
    let a = &checks.settings.account;
    for (name, attempts) in [
        (
            "ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS",
            a.login_by_code_max_attempts,
        ),
        (
            "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS",
            a.email_verification_by_code_max_attempts,
        ),
        (
            "ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS",
            a.password_reset_by_code_max_attempts,
        ),
        (
            "ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS",
            a.phone_verification_max_attempts,
        ),
    ] {
        checks.within(name, attempts, 1, 100);
    }
    for (name, seconds) in [
        ("ACCOUNT_LOGIN_TIMEOUT", Some(a.login_timeout)),
        (
            "ACCOUNT_LOGIN_BY_CODE_TIMEOUT",
            Some(a.login_by_code_timeout),
        ),
        (
            "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
            Some(a.email_verification_by_code_timeout),
        ),
        (
            "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT",
            Some(a.password_reset_by_code_timeout),
        ),
        (
            "ACCOUNT_PHONE_VERIFICATION_TIMEOUT",
            Some(a.phone_verification_timeout),
        ),
        (
            "ACCOUNT_REAUTHENTICATION_TIMEOUT",
            Some(a.reauthentication_timeout),
        ),
        ("ACCOUNT_SESSION_COOKIE_AGE", a.session_cookie_age),
    ] {
        checks.within(name, seconds, 1, CENTURY);
    }
    checks.within(
        "ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS",
        a.email_confirmation_expire_days,
        1,
        CENTURY / 86_400,
    );
    checks.within("ACCOUNT_USERNAME_MIN_LENGTH", a.username_min_length, 1, 150);
    checks.within("ACCOUNT_PASSWORD_MIN_LENGTH", a.password_min_length, 0, 128);
    // What these become are rates, and have the bounds of rates.
    let (limit, most) = (a.login_attempts_limit, u64::from(MOST));
    checks.within("ACCOUNT_LOGIN_ATTEMPTS_LIMIT", limit, 0, most);
    let timeout = a.login_attempts_timeout;
    checks.within("ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT", timeout, 1, LONGEST);
    let cooldown = a.email_confirmation_cooldown;
    checks.within("ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN", cooldown, 0, LONGEST);
    checks.refuse(
        "ACCOUNT_PASSWORD_INPUT_RENDER_VALUE",
        a.password_input_render_value,
        "must stay false: a page with a password in it leaves the password in caches and histories",
    );
    checks.refuse(
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL",
        !matches!(a.default_http_protocol.as_str(), "http" | "https"),
        "must be http or https",
    );
}
