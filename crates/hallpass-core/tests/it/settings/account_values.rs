//! Values of ACCOUNT_* and their kin: every form, from the file and from the environment.

use hallpass_core::settings::{
    Asked, CodeAfter, CodeFormat, CodeRequired, ExtraKind, LegacyMethod, LoginBy, Quota, Settings,
    SignupField, Verification,
};
use serde_json::{Value, json};

use super::{environment, file, refused, value};

/// Reads a setting from TOML, under its table and in full, and from the environment; all come to the same.
#[track_caller]
fn everywhere(name: &str, toml: &str, text: &str, wanted: &Value) -> Settings {
    let full = file(&format!("{name} = {toml}")).unwrap_or_else(|why| panic!("{toml}: {why}"));
    let (table, key) = name.split_once('_').unwrap_or_default();
    let (table, key) = (table.to_lowercase(), key.to_lowercase());
    let short = file(&format!("[{table}]\n{key} = {toml}")).unwrap_or_else(|why| panic!("{why}"));
    let given = environment([(name, text)]).unwrap_or_else(|why| panic!("{text}: {why}"));
    for loaded in [&full, &short, &given] {
        assert_eq!(value(loaded, name), *wanted, "{name} {toml} {text}");
    }
    given.settings
}

#[test]
fn every_number_switch_and_text_is_read() {
    for (name, toml, wanted) in [
        ("ACCOUNT_LOGIN_TIMEOUT", "60", json!(60)),
        ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "true", json!(true)),
        ("ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS", "5", json!(5)),
        ("ACCOUNT_LOGIN_BY_CODE_TIMEOUT", "300", json!(300)),
        ("ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION", "true", json!(true)),
        ("ACCOUNT_LOGIN_ON_PASSWORD_RESET", "true", json!(true)),
        ("ACCOUNT_LOGIN_ATTEMPTS_LIMIT", "0", json!(0)),
        ("ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT", "60", json!(60)),
        ("ACCOUNT_USERNAME_REQUIRED", "false", json!(false)),
        ("ACCOUNT_EMAIL_REQUIRED", "true", json!(true)),
        ("ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE", "true", json!(true)),
        ("ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE", "false", json!(false)),
        ("ACCOUNT_USERNAME_MIN_LENGTH", "3", json!(3)),
        ("ACCOUNT_PRESERVE_USERNAME_CASING", "false", json!(false)),
        (
            "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS",
            "5",
            json!(5),
        ),
        (
            "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT",
            "60",
            json!(60),
        ),
        ("ACCOUNT_EMAIL_CONFIRMATION_HMAC", "false", json!(false)),
        ("ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS", "7", json!(7)),
        ("ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN", "0", json!(0)),
        ("ACCOUNT_CONFIRM_EMAIL_ON_GET", "true", json!(true)),
        ("ACCOUNT_UNIQUE_EMAIL", "false", json!(false)),
        ("ACCOUNT_MAX_EMAIL_ADDRESSES", "5", json!(5)),
        ("ACCOUNT_CHANGE_EMAIL", "true", json!(true)),
        ("ACCOUNT_EMAIL_NOTIFICATIONS", "true", json!(true)),
        (
            "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED",
            "true",
            json!(true),
        ),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS", "5", json!(5)),
        ("ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT", "60", json!(60)),
        ("ACCOUNT_PASSWORD_MIN_LENGTH", "8", json!(8)),
        ("ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE", "true", json!(true)),
        ("ACCOUNT_PHONE_VERIFICATION_ENABLED", "false", json!(false)),
        ("ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS", "5", json!(5)),
        ("ACCOUNT_PHONE_VERIFICATION_TIMEOUT", "60", json!(60)),
        ("ACCOUNT_REAUTHENTICATION_REQUIRED", "true", json!(true)),
        ("ACCOUNT_REAUTHENTICATION_TIMEOUT", "60", json!(60)),
        ("HALLPASS_SIGNUP_OPEN", "false", json!(false)),
    ] {
        everywhere(name, toml, toml, &wanted);
    }
    for (name, text) in [
        ("ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD", "website"),
        ("ACCOUNT_SIGNUP_REDIRECT_URL", "/welcome/"),
        ("ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL", "/in/"),
        (
            "ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL",
            "https://example.com/",
        ),
        ("ACCOUNT_SALT", "pepper"),
    ] {
        everywhere(name, &format!("\"{text}\""), text, &json!(text));
    }
    let names = json!(["admin", "root"]);
    let toml = "[\"admin\", \"root\"]";
    everywhere("ACCOUNT_USERNAME_BLACKLIST", toml, "admin, root", &names);
    everywhere("ACCOUNT_USERNAME_BLACKLIST", toml, toml, &names);
}

#[test]
fn switches_that_need_others() {
    let settings = file(
        "[account]\nlogin_by_code_enabled = true\nsignup_fields = [\"email*\"]\nlogin_methods = [\"email\"]\n\
         email_verification = \"mandatory\"\nemail_verification_by_code_enabled = true\n\
         [hallpass]\npasswordless = true\ncode_and_link = true\n",
    )
    .unwrap()
    .settings;
    assert!(settings.hallpass.passwordless && settings.hallpass.code_and_link);
    assert!(settings.account.email_verification_by_code_enabled);
    assert!(!settings.account.has_passwords());
}

#[test]
fn quotas_are_switches_or_numbers() {
    for name in [
        "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND",
        "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE",
        "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND",
        "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE",
        "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND",
    ] {
        for (toml, text, wanted) in [
            ("true", "True", json!(true)),
            ("false", "no", json!(false)),
            ("2", "2", json!(true)),
            ("0", "0", json!(false)),
            // A number, not the switch: once, not twice.
            ("1", "1", json!(1)),
            ("3", " 3 ", json!(3)),
            ("100", "100", json!(100)),
        ] {
            everywhere(name, toml, text, &wanted);
        }
        for (text, words) in [
            ("101", "must be a whole number of at most 100, not 101"),
            ("-1", "must be true, false or a whole number"),
            ("often", "must be true, false or a whole number"),
            ("", "must be true, false or a whole number"),
        ] {
            refused(environment([(name, text)]), name, words);
        }
        for toml in ["-1", "1.5", "\"3\"", "[]"] {
            refused(file(&format!("{name} = {toml}")), name, "whole number");
        }
    }
    let settings = environment([("ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND", "true")]);
    let quota = settings
        .unwrap()
        .settings
        .account
        .login_by_code_supports_resend;
    assert_eq!(quota, Quota(2));
}

#[test]
fn codes_are_required_always_or_after_some_proofs() {
    const NAME: &str = "ACCOUNT_LOGIN_BY_CODE_REQUIRED";
    let after = |after: &[CodeAfter], always| CodeRequired {
        after: after.to_vec(),
        always,
    };
    use CodeAfter::{Mfa, Password, Social};
    for (toml, text, shown, wanted) in [
        ("true", "true", json!(true), after(&[], true)),
        ("false", "False", json!(false), after(&[], false)),
        ("[]", "[]", json!(false), after(&[], false)),
        (
            "[\"password\", \"mfa\"]",
            "password,mfa",
            json!(["password", "mfa"]),
            after(&[Password, Mfa], false),
        ),
        (
            "[\"socialaccount\"]",
            r#"["socialaccount"]"#,
            json!(["socialaccount"]),
            after(&[Social], false),
        ),
    ] {
        let settings = everywhere(NAME, toml, text, &shown);
        assert_eq!(settings.account.login_by_code_required, wanted, "{text}");
    }
    for text in ["sms", "password,sms", "", "[5]", "password,"] {
        refused(environment([(NAME, text)]), NAME, "must be true, false or");
    }
    refused(environment([(NAME, "['mfa']")]), NAME, "must be JSON");
    for toml in ["\"password\"", "1", "{}", "[\"sms\"]"] {
        let words = "must be true, false or a list";
        refused(file(&format!("{NAME} = {toml}")), NAME, words);
    }
    // No proof at all is what follows a signup.
    let some = after(&[Password], false);
    for (required, method, wanted) in [
        (&after(&[], false), None, false),
        (&after(&[], false), Some("password"), false),
        (&after(&[], true), None, true),
        (&after(&[], true), Some("code"), true),
        (&some, None, true),
        (&some, Some("password"), true),
        (&some, Some("mfa"), false),
        (&some, Some("socialaccount"), false),
        (&after(&[Mfa, Social], false), Some("mfa"), true),
        (&after(&[Mfa, Social], false), Some("socialaccount"), true),
        (&after(&[Mfa, Social], false), Some("password"), false),
    ] {
        assert_eq!(required.is_after(method), wanted, "{required:?} {method:?}");
    }
}

#[test]
fn verification_was_once_a_switch() {
    const NAME: &str = "ACCOUNT_EMAIL_VERIFICATION";
    const ASKED: (&str, &str) = ("ACCOUNT_EMAIL_REQUIRED", "1");
    use Verification::{Mandatory, None, Optional};
    for (text, wanted) in [
        ("mandatory", Mandatory),
        ("True", Mandatory),
        ("1", Mandatory),
        ("optional", Optional),
        ("off", Optional),
        (" none ", None),
    ] {
        let loaded = environment([(NAME, text), ASKED]).unwrap();
        assert_eq!(loaded.settings.account.email_verification, wanted, "{text}");
    }
    for (toml, wanted) in [
        ("\"mandatory\"", Mandatory),
        ("true", Mandatory),
        ("\"optional\"", Optional),
        ("false", Optional),
        ("\"none\"", None),
    ] {
        let text = format!("[account]\nemail_required = true\nemail_verification = {toml}");
        let loaded = file(&text).unwrap();
        assert_eq!(loaded.settings.account.email_verification, wanted, "{toml}");
    }
    for text in ["Mandatory", "maybe", ""] {
        refused(
            environment([(NAME, text)]),
            NAME,
            "must be one of \"mandatory\"",
        );
    }
}

#[test]
fn stars_mark_what_must_be_filled() {
    const NAME: &str = "ACCOUNT_SIGNUP_FIELDS";
    let toml = r#"["phone", "email*", "email2*", "username", "password1*", "password2"]"#;
    let shown: Value = serde_json::from_str(toml).unwrap();
    let text = "phone,email*,email2*, username, password1*,password2";
    let settings = everywhere(NAME, toml, text, &shown);
    assert_eq!(
        everywhere(NAME, toml, toml, &shown)
            .account
            .signup_fields()
            .len(),
        6
    );
    let fields = settings.account.signup_fields();
    let asked = |field, required| Asked { field, required };
    assert_eq!(fields[0], asked(SignupField::Phone, false));
    assert_eq!(fields[1], asked(SignupField::Email, true));
    assert_eq!(fields[5], asked(SignupField::Password2, false));
    for (text, words) in [
        (
            "email*,nick",
            "with a star if it is required, not the text \"nick\"",
        ),
        ("email**", "must be one of \"username\""),
        ("*email", "must be one of \"username\""),
        ("*", "must be one of \"username\""),
        ("Email", "must be one of \"username\""),
        ("[5]", "wrong item 1: it must be one of"),
        ("password*", "the password's field is called \"password1\""),
        ("password", "the password's field is called \"password1\""),
        ("{\"email\", \"username\"}", "must be JSON"),
        ("['email*']", "must be JSON"),
    ] {
        refused(environment([(NAME, text)]), NAME, words);
    }
}

#[test]
fn methods_new_and_old() {
    let settings = everywhere(
        "ACCOUNT_LOGIN_METHODS",
        r#"["username", "email", "phone"]"#,
        "username, email, phone",
        &json!(["username", "email", "phone"]),
    );
    let methods = settings.account.login_methods();
    assert_eq!(methods, [LoginBy::Username, LoginBy::Email, LoginBy::Phone]);
    for (word, wanted) in [
        ("username", LegacyMethod::Username),
        ("email", LegacyMethod::Email),
        ("username_email", LegacyMethod::UsernameEmail),
    ] {
        let name = "ACCOUNT_AUTHENTICATION_METHOD";
        let settings = everywhere(name, &format!("\"{word}\""), word, &json!(word));
        assert_eq!(settings.account.authentication_method, Some(wanted));
    }
    refused(
        environment([("ACCOUNT_AUTHENTICATION_METHOD", "phone")]),
        "ACCOUNT_AUTHENTICATION_METHOD",
        "must be one of \"username\", \"email\", \"username_email\"",
    );
}

#[test]
fn forms_of_codes() {
    for name in [
        "ALLAUTH_USER_CODE_FORMAT",
        "ACCOUNT_LOGIN_BY_CODE_FORMAT",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT",
        "ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT",
        "ACCOUNT_PASSWORD_RESET_BY_CODE_CODE_FORMAT",
        "ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT",
    ] {
        for (toml, text) in [
            ("{}", "{}"),
            ("{ numeric = true }", r#"{"numeric": true}"#),
            (
                "{ dashed = false, length = 4 }",
                r#"{"dashed": false, "length": 4}"#,
            ),
            (
                "{ numeric = false, dashed = true, length = 64 }",
                r#"{"numeric": false, "dashed": true, "length": 64}"#,
            ),
        ] {
            let wanted = serde_json::from_str(text).unwrap();
            everywhere(name, toml, text, &wanted);
        }
        for (text, words) in [
            ("numeric", "must be JSON"),
            ("", "must be JSON"),
            ("[]", "must be a map with \"numeric\""),
            ("true", "must be a map with \"numeric\""),
            (
                r#"{"digits": true}"#,
                "has \"digits\", but takes numeric, dashed and length only",
            ),
            (
                r#"{"length": 3}"#,
                "has \"length\", which must be from 4 to 64",
            ),
            (
                r#"{"length": 65}"#,
                "has \"length\", which must be from 4 to 64",
            ),
            (
                r#"{"length": "8"}"#,
                "has \"length\", which must be a whole number",
            ),
            (
                r#"{"numeric": 1}"#,
                "has \"numeric\", which must be true or false",
            ),
            (
                r#"{"dashed": "no"}"#,
                "has \"dashed\", which must be true or false",
            ),
        ] {
            refused(environment([(name, text)]), name, words);
        }
    }
    let loaded = file("[allauth.user_code_format]\nnumeric = true\nlength = 6\n").unwrap();
    let wanted = CodeFormat {
        numeric: Some(true),
        dashed: None,
        length: Some(6),
    };
    assert_eq!(loaded.settings.allauth.user_code_format, wanted);
}

const EXTRA: &str = "HALLPASS_SIGNUP_EXTRA_FIELDS";

#[test]
fn extra_fields() {
    let short = everywhere(
        EXTRA,
        "[{ name = \"first_name\" }]",
        r#"[{"name": "first_name"}]"#,
        &json!([{
            "name": "first_name", "label": "First name", "type": "text", "required": false,
            "max_length": 200, "choices": [], "help": null,
        }]),
    );
    assert_eq!(short.hallpass.signup_extra_fields[0].kind, ExtraKind::Text);
    let settings = file(
        "[[hallpass.signup_extra_fields]]\nname = \"colour\"\nlabel = \"Favourite\"\ntype = \"select\"\n\
         choices = [\"red\", [\"green\", \"Green as grass\"]]\nhelp = \"Any will do.\"\nrequired = true\n\
         [[hallpass.signup_extra_fields]]\nname = \"about\"\ntype = \"textarea\"\nmax_length = 10000\n",
    )
    .unwrap()
    .settings;
    let [colour, about] = settings.hallpass.signup_extra_fields.as_slice() else {
        panic!("two fields");
    };
    assert_eq!(
        (colour.name.as_str(), colour.label.as_str()),
        ("colour", "Favourite")
    );
    assert_eq!((colour.kind, colour.required), (ExtraKind::Select, true));
    let choice = |value: &str, label: &str| (value.to_owned(), label.to_owned());
    let wanted = [choice("red", "red"), choice("green", "Green as grass")];
    assert_eq!(colour.choices, wanted);
    assert_eq!(colour.help.as_deref(), Some("Any will do."));
    assert_eq!(
        (about.kind, about.max_length),
        (ExtraKind::TextArea, 10_000)
    );
    for (word, kind) in [
        ("text", ExtraKind::Text),
        ("textarea", ExtraKind::TextArea),
        ("email", ExtraKind::Email),
        ("number", ExtraKind::Number),
        ("date", ExtraKind::Date),
        ("checkbox", ExtraKind::Checkbox),
    ] {
        let text = json!([{ "name": "x", "type": word }]).to_string();
        let settings = environment([(EXTRA, &text)]).unwrap().settings;
        let field = &settings.hallpass.signup_extra_fields[0];
        assert_eq!((field.kind, field.kind_word()), (kind, word));
    }
}

#[test]
fn extra_fields_that_are_none() {
    for (field, words) in [
        (json!("first_name"), "must be a map with \"name\""),
        (json!({}), "must be a map with \"name\""),
        (json!({"label": "Name"}), "must be a map with \"name\""),
        (json!({"name": 5}), "has \"name\", which must be text"),
        (json!({"name": ""}), "write it with small letters"),
        (json!({"name": "First"}), "write it with small letters"),
        (json!({"name": "1st"}), "write it with small letters"),
        (json!({"name": "_x"}), "write it with small letters"),
        (json!({"name": "vor-name"}), "write it with small letters"),
        (json!({"name": "größe"}), "write it with small letters"),
        (
            json!({"name": "x".repeat(51)}),
            "write it with small letters",
        ),
        (json!({"name": "email"}), "which the form has already"),
        (
            json!({"name": "csrfmiddlewaretoken"}),
            "which the form has already",
        ),
        (
            json!({"name": "x", "kind": "text"}),
            "has \"kind\", but takes name, label",
        ),
        (
            json!({"name": "x", "type": "file"}),
            "has the type \"file\": write one of text",
        ),
        (
            json!({"name": "x", "label": "a\nb"}),
            "has \"label\", which holds a line break",
        ),
        (
            json!({"name": "x", "required": "yes"}),
            "has \"required\", which must be true",
        ),
        (json!({"name": "x", "max_length": 0}), "not from 1 to 10000"),
        (
            json!({"name": "x", "max_length": 10_001}),
            "not from 1 to 10000",
        ),
        (
            json!({"name": "x", "max_length": "9"}),
            "has \"max_length\", which must be",
        ),
        (json!({"name": "x", "type": "select"}), "must have choices"),
        (
            json!({"name": "x", "type": "select", "choices": []}),
            "must have choices",
        ),
        (json!({"name": "x", "choices": ["a"]}), "must have choices"),
        (
            json!({"name": "x", "type": "select", "choices": "a"}),
            "no list of texts",
        ),
        (
            json!({"name": "x", "type": "select", "choices": [["a", "b", "c"]]}),
            "no list of texts",
        ),
    ] {
        let text = json!([{ "name": "good" }, field]).to_string();
        let loaded = environment([(EXTRA, text.as_str())]);
        refused(loaded, EXTRA, words);
        let loaded = environment([(EXTRA, text.as_str())]);
        refused(loaded, EXTRA, "has a wrong item 2: it ");
    }
    refused(environment([(EXTRA, "[{'name': 'x'}]")]), EXTRA, "JSON");
    assert_eq!(
        value(&environment([(EXTRA, "")]).unwrap(), EXTRA),
        json!([])
    );
}

const COLUMNS: &str = "HALLPASS_USER_FIELDS";

#[test]
fn columns_of_ones_own() {
    let short = everywhere(
        COLUMNS,
        "[{ name = \"gender\", type = \"select\", choices = [\"f\"], unique = true, read_only = true }]",
        r#"[{"name": "gender", "type": "select", "choices": ["f"], "unique": true, "read_only": true}]"#,
        &json!([{
            "name": "gender", "label": "Gender", "type": "select", "required": false, "max_length": 200,
            "choices": [["f", "f"]], "help": null, "unique": true, "read_only": true, "at_registration": true,
            "in_user_details": true,
        }]),
    );
    assert!(short.hallpass.user_fields[0].is_nullable());
    let text = json!([{ "name": "a", "type": "email", "max_length": 300, "at_registration": false, "in_user_details": false }]);
    let settings = environment([(COLUMNS, &text.to_string())])
        .unwrap()
        .settings;
    let column = &settings.hallpass.user_fields[0];
    assert_eq!(column.longest(), Some(254));
    assert!(!column.at_registration && !column.in_user_details && !column.is_nullable());
    for (field, words) in [
        (json!({"name": "id"}), "which a user has already"),
        (json!({"name": "first_name"}), "which a user has already"),
        (json!({"name": "username"}), "which the form has already"),
        (json!({"name": "x", "column": "y"}), "takes name, label"),
        (
            json!({"name": "x", "unique": 1}),
            "has \"unique\", which must be true",
        ),
        (
            json!({"name": "x", "type": "checkbox", "unique": true}),
            "\"checkbox\" cannot be",
        ),
        (
            json!({"name": "x\"; DROP TABLE auth_user"}),
            "write it with small letters",
        ),
    ] {
        let text = json!([field]).to_string();
        refused(environment([(COLUMNS, &text)]), COLUMNS, words);
    }
    let twice = r#"[{"name": "x"}, {"name": "x"}]"#;
    refused(environment([(COLUMNS, twice)]), COLUMNS, "more than once");
    let both = [
        (COLUMNS, r#"[{"name": "x"}]"#),
        (EXTRA, r#"[{"name": "x"}]"#),
    ];
    refused(environment(both), EXTRA, "HALLPASS_USER_FIELDS has it too");
}

#[test]
fn people_without_user_names() {
    use hallpass_core::settings::LoginBy;
    const NONE: (&str, &str) = ("ACCOUNT_USER_MODEL_USERNAME_FIELD", "");
    let account = environment([NONE]).unwrap().settings.account;
    assert!(!account.has_usernames());
    assert_eq!(account.login_methods(), [LoginBy::Email]);
    let fields = account.signup_fields();
    let names: Vec<_> = fields
        .iter()
        .map(|asked| (asked.field.name(), asked.required))
        .collect();
    assert_eq!(
        names,
        [("email", true), ("password1", true), ("password2", true)]
    );
    let other = [(NONE.0, "login")];
    refused(
        environment(other),
        NONE.0,
        "which is the column of auth_user",
    );
    let asked = [
        NONE,
        ("ACCOUNT_SIGNUP_FIELDS", "username*,email*,password1*"),
    ];
    refused(
        environment(asked),
        "ACCOUNT_SIGNUP_FIELDS",
        "remove \"username\"",
    );
    for (name, text) in [
        ("ACCOUNT_LOGIN_METHODS", "username,email"),
        ("ACCOUNT_AUTHENTICATION_METHOD", "username_email"),
    ] {
        refused(
            environment([NONE, (name, text)]),
            name,
            "has \"username\", of which there are none",
        );
    }
}

#[test]
fn variables_of_letters() {
    const NAME: &str = "HALLPASS_LETTER_VARIABLES";
    everywhere(
        NAME,
        "{ company = \"Shop Ltd\", floors = [1, 2] }",
        r#"{"company": "Shop Ltd", "floors": [1, 2]}"#,
        &json!({ "company": "Shop Ltd", "floors": [1, 2] }),
    );
    for text in [
        r#"{"": 1}"#,
        r#"{"a b": 1}"#,
        r#"{"1st": 1}"#,
        r#"{"größe": 1}"#,
    ] {
        refused(
            environment([(NAME, text)]),
            NAME,
            "letters, digits and underscores",
        );
    }
    refused(
        environment([(NAME, "[1]")]),
        NAME,
        "must be a map from names to values",
    );
}
