//! Every letter and every text in all its variants: it can be written, says what it must, and carries nobody's markup.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_core::delivery::Letters;
use serde_json::{Value, json};

const HOSTILE: &str = "<b>\"x\"</b>";
const LINK: &str = "https://example.com/a/?b=1&c=2";
const CODE: &str = "123-456-789";

/// Letters and what each has besides `site`, `lang` and `dir`. A key with an array has each of its values in turn.
fn letters() -> Vec<(&'static str, Value)> {
    let user = || json!([{ "display": HOSTILE }]);
    let yes_no = || json!([true, false]);
    let link = || json!([LINK]);
    let or_none = || json!([LINK, null]);
    let named = || json!([HOSTILE, null]);
    let address = || json!(["ada&co@example.com"]);
    let valid = || json!(["15 minutes"]);
    let code = || json!([CODE]);
    let notice = || json!({ "user": user(), "reset_url": or_none() });
    let mut changed = notice();
    changed["from"] = address();
    changed["to"] = json!(["new@example.com"]);
    let mut removed = notice();
    removed["email"] = address();
    let mut elsewhere = notice();
    elsewhere["provider"] = json!([HOSTILE]);
    vec![
        (
            "login_by_link/link",
            json!({ "link": link(), "user": user(), "valid_for": ["3 days"] }),
        ),
        (
            "login_by_link/unknown_account",
            json!({ "email": address(), "signup_url": or_none() }),
        ),
        (
            "login_by_code/code",
            json!({ "code": code(), "link": or_none(), "valid_for": valid(), "user": user() }),
        ),
        (
            "login_by_code/unknown_account",
            json!({ "email": address(), "signup_url": or_none() }),
        ),
        (
            "signup/account_already_exists",
            json!({ "email": address(), "login_url": link(), "reset_url": or_none() }),
        ),
        (
            "email_verification/link",
            json!({ "link": link(), "valid_for": valid(), "signup": yes_no(), "user": user() }),
        ),
        (
            "email_verification/code",
            json!({ "code": code(), "valid_for": valid(), "signup": yes_no(), "user": [{ "display": HOSTILE }, null] }),
        ),
        (
            "password_reset/link",
            json!({ "link": link(), "username": named(), "user": user(), "valid_for": valid() }),
        ),
        (
            "password_reset/code",
            json!({ "code": code(), "username": named(), "user": user(), "valid_for": valid() }),
        ),
        (
            "password_reset/unknown_account",
            json!({ "email": address(), "signup_url": or_none() }),
        ),
        ("password_reset/done", notice()),
        ("password_change/changed", notice()),
        ("password_change/set", notice()),
        ("manage_email/changed", changed),
        ("manage_email/removed", removed),
        ("social/connected", elsewhere.clone()),
        ("social/disconnected", elsewhere.clone()),
        ("social/merged", elsewhere),
    ]
}

/// All that a letter may be given.
fn variants(own: &Value) -> Vec<Value> {
    let full = json!({ "name": HOSTILE, "url": "https://example.com", "accent": "#ffcc00", "on_accent": "#000000", "support_address": "help@example.com" });
    let bare = json!({ "name": "Example", "url": null, "accent": null, "on_accent": null, "support_address": null });
    let asked = json!([null, { "when": "3 March", "browser": "Firefox", "ip": "192.0.2.1" }, { "when": "3 March", "browser": null, "ip": null }]);
    let mut all = vec![json!({ "lang": "en", "dir": "ltr" })];
    let shared = json!({ "site": [full, bare], "asked": asked });
    let both = [own, &shared];
    for (key, values) in both.iter().flat_map(|it| it.as_object().unwrap()) {
        all = all
            .iter()
            .flat_map(|context| {
                values.as_array().unwrap().iter().map(|value| {
                    let mut context = context.clone();
                    context[key] = value.clone();
                    context
                })
            })
            .collect();
    }
    all
}

/// The folders that have a file of this name.
fn folders(file: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("letters");
    let mut found = BTreeSet::new();
    for flow in std::fs::read_dir(root).unwrap() {
        let flow = flow.unwrap();
        for letter in std::fs::read_dir(flow.path()).unwrap() {
            let letter = letter.unwrap();
            if letter.path().join(file).is_file() {
                let name = letter.file_name();
                let name = format!(
                    "{}/{}",
                    flow.file_name().to_string_lossy(),
                    name.to_string_lossy()
                );
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn every_letter_is_written_in_all_its_variants() {
    let written = Letters::compile(None, &[]).unwrap();
    let names: BTreeSet<String> = letters().iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(folders("subject.txt"), names);
    for (name, own) in letters() {
        for context in variants(&own) {
            let letter = written.render(name, &context).unwrap();
            let html = letter.html.unwrap();
            assert!(
                !letter.subject.contains('\n') && letter.subject.len() < 70,
                "{name}: {}",
                letter.subject
            );
            assert!(!html.contains(HOSTILE), "{name}: not escaped\n{html}");
            for key in [
                "link",
                "code",
                "login_url",
                "reset_url",
                "signup_url",
                "email",
                "username",
                "from",
                "to",
            ] {
                let Some(value) = context.get(key).and_then(Value::as_str) else {
                    continue;
                };
                assert!(
                    letter.text.contains(value),
                    "{name}: no {key}\n{}",
                    letter.text
                );
                assert!(html.contains(&escaped(value)), "{name}: no {key}\n{html}");
                if key != "email" && !["from", "to", "username"].contains(&key) {
                    let alone = letter.text.lines().any(|line| line == value);
                    assert!(
                        alone,
                        "{name}: {key} has no line of its own\n{}",
                        letter.text
                    );
                }
            }
            for secret in ["code", "link"]
                .iter()
                .filter_map(|key| context.get(key)?.as_str())
            {
                let shown_in_lists = html
                    .split("display: none")
                    .nth(1)
                    .unwrap()
                    .split("</div>")
                    .next()
                    .unwrap();
                assert!(
                    !letter.subject.contains(secret) && !shown_in_lists.contains(secret),
                    "{name}"
                );
            }
            if context["asked"]["ip"].is_string() {
                for half in [&letter.text, &html] {
                    assert!(
                        half.contains("on 3 March from Firefox (") && half.contains("192.0.2.1"),
                        "{name}\n{half}"
                    );
                }
            }
            for half in [
                &letter.text,
                &html.split("</style>").nth(1).unwrap().to_owned(),
            ] {
                for word in ["none", "undefined", "null", "true", "false"] {
                    let said = half.replace(": none", "");
                    let found = said
                        .split(|c: char| !c.is_alphanumeric())
                        .any(|it| it == word);
                    assert!(!found, "{name} says {word}\n{half}");
                }
                assert!(
                    !half.contains("{{") && !half.contains("  \n"),
                    "{name}\n{half}"
                );
                assert!(
                    !half.replace("<!doctype", "").contains('!'),
                    "{name}\n{half}"
                );
            }
            assert!(
                !letter.text.contains("\n\n\n") && !letter.text.starts_with(char::is_whitespace),
                "{name}\n{}",
                letter.text
            );
            check_markup(name, &html);
        }
    }
}

/// One heading, nothing fetched, nothing run, everything closed.
fn check_markup(name: &str, html: &str) {
    let lower = html.to_lowercase();
    assert_eq!(lower.matches("<h1").count(), 1, "{name}\n{html}");
    for word in [
        "<img", "<script", "<link", "url(", "@import", "<form", "<input", " src=",
    ] {
        assert!(!lower.contains(word), "{name}: {word}\n{html}");
    }
    for tag in [
        "p", "a", "td", "tr", "table", "div", "span", "strong", "h1", "body", "html",
    ] {
        let opened =
            lower.matches(&format!("<{tag} ")).count() + lower.matches(&format!("<{tag}>")).count();
        let closed = lower.matches(&format!("</{tag}>")).count();
        assert_eq!(opened, closed, "{name}: <{tag}>\n{html}");
    }
    for link in lower.split("href=\"").skip(1) {
        let known = link.starts_with("https:") || link.starts_with("mailto:");
        assert!(known, "{name}: {link}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('/', "&#x2f;")
}

/// The letter goes to an address that nobody has proved to own: it must not carry a stranger's words there.
#[test]
fn letters_to_unproved_addresses_have_no_word_of_who_named_them() {
    let written = Letters::compile(None, &[]).unwrap();
    for (name, own) in letters() {
        if !name.starts_with("email_verification/") {
            continue;
        }
        for mut context in variants(&own) {
            context["site"]["name"] = "Example".into();
            let letter = written.render(name, &context).unwrap();
            assert!(
                !letter.text.contains("<b>") && !letter.html.unwrap().contains("&lt;b&gt;"),
                "{name}"
            );
        }
    }
}

#[test]
fn every_text_is_one_short_line() {
    let written = Letters::compile(None, &[]).unwrap();
    let names = folders("sms.txt");
    let expected = [
        "login_by_code/code",
        "login_by_code/unknown_account",
        "phone/code",
        "signup/account_already_exists",
    ];
    assert_eq!(names, expected.map(str::to_owned).into());
    for name in names {
        let context = json!({ "site": { "name": "A twenty-letter name" }, "code": "123456789", "valid_for": "15 minutes" });
        let text = written.render_text(&name, &context).unwrap();
        assert!(text.chars().count() < 160, "{name}: {text}");
        let plain = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " .,:-".contains(c));
        assert!(
            plain,
            "{name}: beyond the GSM alphabet, or two lines: {text}"
        );
        assert!(text.contains("A twenty-letter name"), "{name}: {text}");
        let has_code = name.ends_with("/code");
        assert_eq!(
            text.starts_with("123456789 ") && text.contains("15 minutes"),
            has_code,
            "{name}: {text}"
        );
    }
}

#[test]
fn a_text_is_not_escaped_and_a_missing_one_is_named() {
    let written = Letters::compile(None, &[]).unwrap();
    let context = json!({ "site": { "name": "Brød & Co" }, "code": "1", "valid_for": "a minute" });
    let text = written.render_text("phone/code", &context).unwrap();
    assert!(text.contains("Brød & Co"), "{text}");
    let fault = written
        .render_text("password_reset/link", &context)
        .err()
        .unwrap()
        .to_string();
    assert!(fault.contains("password_reset/link/sms.txt"), "{fault}");
}
