//! Settings of accounts that do not go together, beside the nearest that do.

use super::{bad, environment, file, good, problems, refused};

const FIELDS: &str = "ACCOUNT_SIGNUP_FIELDS";
const METHODS: &str = "ACCOUNT_LOGIN_METHODS";
const OLDER: &str = "ACCOUNT_AUTHENTICATION_METHOD";
const BY_CODE: (&str, &str) = ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "1");
const MANDATORY: (&str, &str) = ("ACCOUNT_EMAIL_VERIFICATION", "mandatory");
const CLOSED: (&str, &str) = ("HALLPASS_SIGNUP_OPEN", "0");

#[test]
fn ranges() {
    let timeouts = [
        "ACCOUNT_LOGIN_TIMEOUT",
        "ACCOUNT_LOGIN_BY_CODE_TIMEOUT",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
        "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT",
        "ACCOUNT_PHONE_VERIFICATION_TIMEOUT",
        "ACCOUNT_REAUTHENTICATION_TIMEOUT",
    ];
    let attempts = [
        "ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS",
        "ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS",
        "ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS",
    ];
    let all = timeouts.map(|name| (name, 1, 3_155_760_000)).into_iter();
    let all = all.chain(attempts.map(|name| (name, 1, 100))).chain([
        ("ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS", 1, 36_525),
        ("ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN", 0, 31_622_400),
        ("ACCOUNT_LOGIN_ATTEMPTS_LIMIT", 0, 10_000),
        ("ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT", 1, 31_622_400),
        ("ACCOUNT_USERNAME_MIN_LENGTH", 1, 150),
        ("ACCOUNT_PASSWORD_MIN_LENGTH", 0, 128),
        ("ACCOUNT_MAX_EMAIL_ADDRESSES", 1, 10_000),
        ("ACCOUNT_EMAIL_MAX_LENGTH", 3, 254),
    ]);
    for (name, least, most) in all {
        let words = format!("must be from {least} to {most}");
        for wrong in [least - 1, most + 1_i64] {
            let text = wrong.to_string();
            if wrong >= 0 {
                refused(environment([(name, &text)]), name, &words);
            }
        }
        for right in [least, most] {
            let loaded = environment([(name, &right.to_string())]);
            assert_eq!(problems(loaded), [""; 0], "{name}={right}");
        }
    }
    good(&[("ACCOUNT_MAX_EMAIL_ADDRESSES", "")]);
}

#[test]
fn one_by_one() {
    bad(
        &[("ACCOUNT_DEFAULT_HTTP_PROTOCOL", "ftp")],
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL",
        "must be http or https",
    );
    bad(
        &[("ACCOUNT_PASSWORD_INPUT_RENDER_VALUE", "1")],
        "ACCOUNT_PASSWORD_INPUT_RENDER_VALUE",
        "must stay false",
    );
    good(&[("ACCOUNT_PASSWORD_INPUT_RENDER_VALUE", "0")]);
}

#[test]
fn which_setting_counts_is_not_guessed() {
    bad(
        &[(METHODS, "email"), (OLDER, "username")],
        OLDER,
        "says something else than ACCOUNT_LOGIN_METHODS",
    );
    bad(
        &[(METHODS, "email"), (OLDER, "username_email")],
        OLDER,
        "says something else",
    );
    bad(
        &[(METHODS, "username,phone"), (OLDER, "username")],
        OLDER,
        "says something else",
    );
    good(&[(METHODS, "email"), (OLDER, "email")]);
    good(&[(METHODS, "email,username"), (OLDER, "username_email")]);
    good(&[(OLDER, "username_email")]);
    for (name, text) in [
        ("ACCOUNT_USERNAME_REQUIRED", "0"),
        ("ACCOUNT_EMAIL_REQUIRED", "1"),
        ("ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE", "1"),
        ("ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE", "0"),
        // Saying the default is saying something.
        ("ACCOUNT_EMAIL_REQUIRED", "0"),
    ] {
        let both = environment([(FIELDS, "email*,password1*"), (name, text)]);
        refused(both, name, "is older than ACCOUNT_SIGNUP_FIELDS");
        assert!(environment([(name, text)]).is_ok());
        // An empty variable leaves the newer one unset.
        assert!(environment([(FIELDS, ""), (name, text)]).is_ok());
    }
}

#[test]
fn fields_of_a_signup() {
    for (fields, words) in [
        ("email*,email*,password1*", "names \"email\" more than once"),
        (
            "email,username*,email*,password1*",
            "names \"email\" more than once",
        ),
        (
            "username*,email2,password1*",
            "has \"email2\", which repeats \"email\"",
        ),
        ("email*,email2*", "asks for no password"),
        ("email*", "so people need codes to sign in"),
        (
            "email*,username*,phone",
            "set ACCOUNT_LOGIN_BY_CODE_ENABLED, or add \"password1*\"",
        ),
    ] {
        refused(environment([(FIELDS, fields)]), FIELDS, words);
    }
    bad(
        &[(FIELDS, "email*,password2*"), BY_CODE],
        FIELDS,
        "has \"password2\", which repeats \"password1\"",
    );
    for fields in [
        "email*,email2*,password1*",
        "username*,password1*,password2*",
    ] {
        assert!(environment([(FIELDS, fields)]).is_ok(), "{fields}");
    }
    good(&[(FIELDS, "email*"), BY_CODE]);
    good(&[(FIELDS, "phone*"), BY_CODE]);
    for fields in ["[]", "username*"] {
        let loaded = environment([(FIELDS, fields), BY_CODE]);
        refused(loaded, FIELDS, "nowhere to send a code to");
        assert!(environment([(FIELDS, fields), BY_CODE, CLOSED]).is_ok());
    }
}

#[test]
fn whoever_signs_up_can_sign_in() {
    for (methods, words) in [
        ("email", "add \"email*\" to ACCOUNT_SIGNUP_FIELDS"),
        ("phone", "add \"phone*\" to ACCOUNT_SIGNUP_FIELDS"),
        ("email,phone", "add \"email*\" or \"phone*\""),
    ] {
        let pairs = [(METHODS, methods), (FIELDS, "username*,password1*")];
        refused(environment(pairs), METHODS, words);
        // The operator makes the accounts.
        assert!(environment([pairs[0], pairs[1], CLOSED]).is_ok());
    }
    bad(
        &[(OLDER, "email"), (FIELDS, "username*,password1*")],
        OLDER,
        "names what no signup asks for",
    );
    // With no method of its own asked for, the other is a way in.
    good(&[(METHODS, "email,phone"), (FIELDS, "phone*,password1*")]);
    good(&[(METHODS, "email"), (FIELDS, "email*,password1*")]);
    good(&[(METHODS, "phone"), (FIELDS, "phone*,password1*")]);
    // allauth warns of these: some people are left out, not all. Names that nobody chose are made.
    good(&[(METHODS, "email")]);
    good(&[(METHODS, "email"), (FIELDS, "email,password1*")]);
    good(&[(METHODS, "username"), (FIELDS, "email*,password1*")]);
    bad(
        &[(METHODS, "[]")],
        METHODS,
        "must name \"username\", \"email\", \"phone\" or several",
    );
}

#[test]
fn an_address_that_signs_in_has_one_owner() {
    const MANY: (&str, &str) = ("ACCOUNT_UNIQUE_EMAIL", "0");
    const WORDS: &str = "an address may have several owners";
    bad(&[(METHODS, "email"), MANY], METHODS, WORDS);
    bad(&[(METHODS, "username,email"), MANY], METHODS, WORDS);
    bad(&[(OLDER, "username_email"), MANY], OLDER, WORDS);
    good(&[MANY]);
    good(&[(METHODS, "username"), MANY]);
}

#[test]
fn phones() {
    good(&[(METHODS, "phone"), (FIELDS, "phone*"), BY_CODE]);
    good(&[(FIELDS, "phone,email*,password1*")]);
    good(&[
        (METHODS, "phone,email"),
        (FIELDS, "phone*,email,password1*"),
        ("ACCOUNT_PHONE_VERIFICATION_ENABLED", "0"),
    ]);
}

#[test]
fn confirming_addresses() {
    const NAME: &str = "ACCOUNT_EMAIL_VERIFICATION";
    const CODES: (&str, &str) = ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "1");
    const WORDS: &str = "write \"email*\" in ACCOUNT_SIGNUP_FIELDS";
    bad(&[MANDATORY], NAME, WORDS);
    bad(&[MANDATORY, (FIELDS, "email,password1*")], NAME, WORDS);
    bad(&[MANDATORY, (FIELDS, "username*,password1*")], NAME, WORDS);
    good(&[MANDATORY, (FIELDS, "email*,password1*")]);
    good(&[MANDATORY, ("ACCOUNT_EMAIL_REQUIRED", "1")]);
    bad(
        &[CODES],
        CODES.0,
        "needs ACCOUNT_EMAIL_VERIFICATION to be \"mandatory\"",
    );
    bad(&[CODES, (NAME, "none")], CODES.0, "to be \"mandatory\"");
    good(&[CODES, MANDATORY, (FIELDS, "email*,password1*")]);
    // It means nothing with codes, and harms nothing.
    good(&[
        CODES,
        MANDATORY,
        (FIELDS, "email*,password1*"),
        ("ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION", "1"),
    ]);
}

#[test]
fn changing_the_one_address() {
    const CHANGE: (&str, &str) = ("ACCOUNT_CHANGE_EMAIL", "1");
    for most in ["1", "3"] {
        let both = environment([CHANGE, ("ACCOUNT_MAX_EMAIL_ADDRESSES", most)]);
        refused(both, CHANGE.0, "or set it to 2");
    }
    good(&[CHANGE]);
    good(&[CHANGE, ("ACCOUNT_MAX_EMAIL_ADDRESSES", "2")]);
    good(&[("ACCOUNT_MAX_EMAIL_ADDRESSES", "1")]);
}

#[test]
fn without_passwords() {
    const NAME: &str = "HALLPASS_PASSWORDLESS";
    const ON: (&str, &str) = (NAME, "1");
    bad(&[ON, BY_CODE], NAME, "needs ACCOUNT_SIGNUP_FIELDS");
    for fields in ["email*,password1*", "email*,password1"] {
        let loaded = environment([ON, BY_CODE, (FIELDS, fields)]);
        refused(loaded, NAME, "but ACCOUNT_SIGNUP_FIELDS asks for one");
    }
    bad(
        &[ON, (FIELDS, "email*")],
        NAME,
        "no way in but codes: set ACCOUNT_LOGIN_BY_CODE_ENABLED",
    );
    good(&[ON, BY_CODE, (FIELDS, "email*")]);
    good(&[ON, BY_CODE, (FIELDS, "username*,phone*")]);
}

#[test]
fn codes_have_somewhere_to_go() {
    const NAME: &str = "ACCOUNT_LOGIN_BY_CODE_REQUIRED";
    for text in ["1", "password", "mfa,socialaccount"] {
        let pairs = [(NAME, text), (FIELDS, "username*,password1*")];
        refused(environment(pairs), NAME, "nowhere to send it to");
        assert!(environment([pairs[0], pairs[1], CLOSED]).is_ok());
        assert!(environment([(NAME, text)]).is_ok());
        assert!(environment([(NAME, text), (FIELDS, "phone*,password1*")]).is_ok());
    }
    good(&[(NAME, "0"), (FIELDS, "username*,password1*")]);
    const LINK: (&str, &str) = ("HALLPASS_CODE_AND_LINK", "1");
    bad(&[LINK], LINK.0, "of which there are none");
    bad(&[LINK, (NAME, "[]")], LINK.0, "of which there are none");
    good(&[LINK, BY_CODE]);
    good(&[LINK, (NAME, "true")]);
    good(&[LINK, (NAME, "password")]);
}

#[test]
fn names_in_the_form_are_there_once() {
    const HONEYPOT: &str = "ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD";
    const EXTRA: &str = "HALLPASS_SIGNUP_EXTRA_FIELDS";
    for name in [" ", "a b", "1st", "-x", "a\"b", "größe", "a[b]"] {
        refused(
            environment([(HONEYPOT, name)]),
            HONEYPOT,
            "is no plain name",
        );
    }
    refused(
        environment([(HONEYPOT, &"x".repeat(51))]),
        HONEYPOT,
        "is no plain name",
    );
    let empty = file("[account]\nsignup_form_honeypot_field = \"\"");
    refused(empty, HONEYPOT, "is no plain name");
    good(&[(HONEYPOT, "")]);
    for name in [
        "username",
        "email2",
        "phone",
        "password1",
        "password",
        "next",
        "action",
    ] {
        // Whether the form shows it or not: browsers fill in what they know.
        let loaded = environment([(HONEYPOT, name)]);
        refused(loaded, HONEYPOT, "people and their browsers fill");
    }
    for name in ["website", "phone_number", "Address-2"] {
        assert!(environment([(HONEYPOT, name)]).is_ok(), "{name}");
    }
    let colour = r#"[{"name": "colour"}, {"name": "shape"}]"#;
    let both = environment([(HONEYPOT, "shape"), (EXTRA, colour)]);
    refused(both, HONEYPOT, "a field of your own too");
    assert!(environment([(HONEYPOT, "website"), (EXTRA, colour)]).is_ok());
    let twice = r#"[{"name": "colour"}, {"name": "shape"}, {"name": "colour"}]"#;
    let loaded = environment([(EXTRA, twice)]);
    refused(loaded, EXTRA, "has the name \"colour\" more than once");
}

#[test]
fn what_could_not_be_read_contradicts_nothing() {
    // Its default is in force, and nobody wrote that.
    for (wrong, pairs) in [
        ((FIELDS, "password*"), vec![MANDATORY]),
        (
            (FIELDS, "password*"),
            vec![("HALLPASS_PASSWORDLESS", "1"), BY_CODE],
        ),
        (("ACCOUNT_EMAIL_REQUIRED", "maybe"), vec![MANDATORY]),
        (
            ("ACCOUNT_EMAIL_VERIFICATION", "always"),
            vec![("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "1")],
        ),
        ((BY_CODE.0, "maybe"), vec![(FIELDS, "email*")]),
        ((BY_CODE.0, "maybe"), vec![("HALLPASS_CODE_AND_LINK", "1")]),
        (
            ("ACCOUNT_LOGIN_BY_CODE_REQUIRED", "sms"),
            vec![("HALLPASS_CODE_AND_LINK", "1")],
        ),
        (("HALLPASS_PASSWORDLESS", "maybe"), vec![(FIELDS, "email*")]),
        (
            ("HALLPASS_SIGNUP_OPEN", "maybe"),
            vec![(METHODS, "phone"), (FIELDS, "email*,password1*")],
        ),
        (
            (METHODS, "nick"),
            vec![("ACCOUNT_UNIQUE_EMAIL", "0"), (OLDER, "email")],
        ),
        (
            ("ACCOUNT_MAX_EMAIL_ADDRESSES", "few"),
            vec![("ACCOUNT_CHANGE_EMAIL", "1")],
        ),
    ] {
        let all = [wrong].into_iter().chain(pairs);
        let all = all.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let loaded = hallpass_core::settings::load(None, all);
        refused(loaded, wrong.0, " ");
    }
}

const OWN: (&str, &str) = ("AUTH_USER_MODEL", "accounts.Person");
const UNNAMED: (&str, &str) = ("ACCOUNT_USER_MODEL_USERNAME_FIELD", "");
const BY_EMAIL: (&str, &str) = ("ACCOUNT_SIGNUP_FIELDS", "email*,password1*");

#[test]
fn the_users_table_has_one_meaning() {
    for model in [
        "Person",
        "accounts.",
        ".Person",
        "a.b.C",
        "acc-ounts.P",
        "1a.P",
    ] {
        bad(
            &[("AUTH_USER_MODEL", model)],
            "AUTH_USER_MODEL",
            "must name an app and a model",
        );
    }
    let long = format!("accounts.{}", "P".repeat(40));
    bad(
        &[("AUTH_USER_MODEL", &long)],
        "AUTH_USER_MODEL",
        "set HALLPASS_USER_TABLE",
    );
    good(&[
        ("AUTH_USER_MODEL", &long),
        ("HALLPASS_USER_TABLE", "people"),
    ]);
    good(&[("AUTH_USER_MODEL", "auth.User")]);
    good(&[("AUTH_USER_MODEL", "auth.user")]);

    // Django's own table is as Django made it.
    for (name, text) in [
        ("HALLPASS_USER_TABLE", "users"),
        ("HALLPASS_USER_KEY", "uuid"),
        ("HALLPASS_USER_KEY_COLUMN", "uid"),
        ("HALLPASS_USER_WITHOUT", "first_name"),
    ] {
        bad(
            &[(name, text)],
            name,
            "AUTH_USER_MODEL is Django's auth.User",
        );
        good(&[OWN, (name, text)]);
    }
    let name = "ACCOUNT_USER_MODEL_USERNAME_FIELD";
    bad(&[(name, "login")], name, "must be \"username\"");
    good(&[OWN, (name, "login")]);
    let email = "ACCOUNT_USER_MODEL_EMAIL_FIELD";
    bad(&[(email, "")], email, "must be \"email\"");
    bad(&[(email, "mail")], email, "must be \"email\"");
    good(&[OWN, (email, "mail")]);
    good(&[OWN, (email, "")]);

    for (name, text) in [
        ("HALLPASS_USER_TABLE", "a b"),
        ("HALLPASS_USER_TABLE", "a\"b"),
        ("HALLPASS_USER_KEY_COLUMN", ""),
        (name, "a;b"),
        (email, "é"),
    ] {
        bad(&[OWN, (name, text)], name, "is no plain name");
    }
    let without = "HALLPASS_USER_WITHOUT";
    bad(
        &[OWN, (without, "last_name,last_name")],
        without,
        "more than once",
    );
    bad(&[OWN, (without, "password")], without, "must be");
    bad(
        &[OWN, (without, "email"), (email, "mail")],
        without,
        "keep one of the two",
    );
    bad(
        &[OWN, (email, "username")],
        email,
        "another column of the user's",
    );
    bad(
        &[OWN, ("HALLPASS_USER_KEY_COLUMN", "password")],
        "HALLPASS_USER_KEY_COLUMN",
        "another column",
    );
}

#[test]
fn without_a_column_nothing_needs_it() {
    let without = ("HALLPASS_USER_WITHOUT", "username");
    bad(
        &[OWN, without],
        "HALLPASS_USER_WITHOUT",
        "says that people have user names",
    );
    good(&[OWN, without, UNNAMED, BY_EMAIL]);
    // Then the column of the address is unique.
    let unique = ("ACCOUNT_UNIQUE_EMAIL", "false");
    let phone = [
        ("ACCOUNT_LOGIN_METHODS", "phone"),
        ("ACCOUNT_SIGNUP_FIELDS", "phone*,password1*"),
    ];
    bad(
        &[OWN, without, UNNAMED, phone[0], phone[1], unique],
        "ACCOUNT_UNIQUE_EMAIL",
        "switch it on",
    );
    let strict = ("ACCOUNT_PREVENT_ENUMERATION", "strict");
    bad(
        &[OWN, without, UNNAMED, BY_EMAIL, strict],
        "ACCOUNT_PREVENT_ENUMERATION",
        "every address once",
    );
    let mandatory = ("ACCOUNT_EMAIL_VERIFICATION", "mandatory");
    good(&[OWN, without, UNNAMED, BY_EMAIL, strict, mandatory]);
    let neither = ("HALLPASS_USER_WITHOUT", "username,email");
    good(&[OWN, neither, UNNAMED, BY_EMAIL, strict]);
}
