//! What strangers type: normalised before it is judged, written to where it was judged, shown as text; never a 500.

use axum::body::Body;
use hallpass::settings::{Enumeration, LoginBy, Settings};
use hallpass_testkit::app::link_in;
use hallpass_testkit::{Answer, Browser, TestApp, TestDb, each_database};

use crate::credentials::{PASSWORD, asked, hash, is_in, sign_in, signed_in};

each_database!(
    nothing_that_is_typed_breaks_a_page_or_becomes_part_of_it,
    nothing_that_stands_in_an_address_bar_breaks_a_page,
    a_letter_goes_to_the_address_that_was_judged,
    letters_that_merely_look_alike_are_other_letters,
    invisible_letters_make_no_address_and_no_name,
    a_letter_holds_no_headers_of_strangers,
    a_password_is_taken_as_it_was_typed,
    a_password_has_an_end,
    malformed_cookies_are_no_cookies,
    malformed_bodies_are_refused,
);

const SIGNUP: &str = "/accounts/signup/";

fn extra(settings: &mut Settings, json: &str) {
    let pair = ("HALLPASS_SIGNUP_EXTRA_FIELDS".to_owned(), json.to_owned());
    let loaded = hallpass::settings::load(None, [pair]).unwrap();
    settings.hallpass.signup_extra_fields = loaded.settings.hallpass.signup_extra_fields;
}

fn everything(settings: &mut Settings) {
    settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email, LoginBy::Phone]);
    settings.account.login_by_code_enabled = true;
    settings.account.signup_fields = asked("username* email email2 phone password1* password2*");
    settings.account.phone_verification_enabled = false;
    settings.account.prevent_enumeration = Enumeration::Off;
    settings.account.email_confirmation_hmac = false;
    extra(
        settings,
        r#"[{"name": "first_name"}, {"name": "about", "type": "textarea"},
            {"name": "other", "type": "email"}, {"name": "age", "type": "number"},
            {"name": "born", "type": "date"}, {"name": "news", "type": "checkbox"},
            {"name": "colour", "type": "select", "choices": ["red", "blue"]}]"#,
    );
}

/// The forms of a visitor, and of somebody who is signed in.
const FORMS: [(&str, &[&str]); 9] = [
    (
        SIGNUP,
        &[
            "username",
            "email",
            "email2",
            "phone",
            "password1",
            "password2",
            "first_name",
            "about",
            "other",
            "age",
            "born",
            "news",
            "colour",
            "next",
        ],
    ),
    (
        "/accounts/login/",
        &["login", "password", "remember", "next"],
    ),
    ("/accounts/login/code/", &["email", "phone", "next"]),
    ("/accounts/login/code/confirm/", &["code", "action"]),
    ("/accounts/login/link/", &["email", "next"]),
    ("/accounts/password/reset/", &["email"]),
    ("/accounts/confirm-email/", &["code", "email", "action"]),
    ("/accounts/phone/verify/", &["code", "phone", "action"]),
    ("/accounts/logout/", &["next"]),
];

const OWN_FORMS: [(&str, &[&str]); 5] = [
    (
        "/accounts/email/",
        &[
            "email",
            "action_add",
            "action_send",
            "action_remove",
            "action_primary",
        ],
    ),
    ("/accounts/phone/change/", &["phone", "action"]),
    ("/accounts/phone/verify/", &["code", "phone", "action"]),
    (
        "/accounts/password/change/",
        &["oldpassword", "password1", "password2"],
    ),
    ("/accounts/reauthenticate/", &["password", "code", "action"]),
];

fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "<script>alert(1)</script>",
        "\"'><img src=x onerror=alert(1)>",
        "＜script＞alert(1)＜/script＞",
        "{{ 7777*7777 }}{% include 'login/login.html' %}",
        "a\0b",
        "\0",
        "ann@example.com\r\nBcc: eve@evil.example",
        "ann@example.com\0@evil.example",
        "\"a b\"@example.com",
        "ann@[127.0.0.1]",
        "\u{202e}moc.elpmaxe@nna",
        "\u{feff}\u{200b}\u{2066}",
        "'; DROP TABLE auth_user; --",
        "+1e9",
        "99999999999999999999999999",
        "9999999-99-99",
        "/\r\nSet-Cookie: sessionid=evil",
        "\u{1}\u{7f}\u{9f}",
        "😀🏳️‍🌈",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push("e\u{301}".repeat(2_000));
    values.push("\u{fdfa}".repeat(5_000));
    values.push("@".repeat(10_000));
    values
}

fn judge(answer: &Answer, path: &str, field: &str, value: &str) {
    let value: String = value.chars().take(40).collect();
    let about = format!("{path} {field} {value:?}");
    assert!(answer.status.as_u16() < 500, "{about}: {}", answer.status);
    for piece in ["<script>", "<img src=x", "onerror=alert(1)>", "60481729"] {
        assert!(!answer.text.contains(piece), "{about}: {piece}");
    }
    for (name, line) in &answer.headers {
        let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
        assert!(!line.contains("evil"), "{about}: {name}: {line}");
    }
}

/// Every field of a form by itself, the others plausible.
async fn try_form(browser: &Browser, path: &str, fields: &[&str], values: &[String]) {
    let plain = |name: &str| match name {
        "username" => "somebody".to_owned(),
        "email" | "email2" | "other" => "somebody@example.com".to_owned(),
        "phone" => "+4915112345678".to_owned(),
        "age" => "7".to_owned(),
        "born" => "2001-02-03".to_owned(),
        "colour" => "red".to_owned(),
        // Two that differ, so that nothing is ever made.
        "password2" => "another-horse-8".to_owned(),
        "password" | "password1" | "oldpassword" => PASSWORD.to_owned(),
        _ => String::new(),
    };
    let token = {
        let mut browser = browser.clone();
        browser.get("/accounts/login/link/").await;
        browser.cookies
    };
    for field in fields {
        for value in values {
            let mut tab = browser.clone();
            tab.cookies.clone_from(&token);
            let secret = token["csrftoken"].clone();
            let mut posted = vec![("csrfmiddlewaretoken", secret)];
            for name in fields {
                let own = name == field;
                posted.push((name, if own { value.clone() } else { plain(name) }));
            }
            let posted: Vec<(&str, &str)> = posted
                .iter()
                .map(|(name, text)| (*name, text.as_str()))
                .collect();
            let answer = tab.post(path, &posted).await;
            assert_ne!(answer.status, 403, "{path}: the token was taken");
            judge(&answer, path, field, value);
        }
    }
}

async fn nothing_that_is_typed_breaks_a_page_or_becomes_part_of_it(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    app.user_with("ann", "ann@example.com", &hash(PASSWORD))
        .await;
    let values = hostile();
    for (path, fields) in FORMS {
        try_form(&app.browser(), path, fields, &values).await;
    }
    let ann = signed_in(&app, "ann").await;
    for (path, fields) in OWN_FORMS {
        try_form(&ann, path, fields, &values).await;
    }
    // A megabyte, once for each page.
    let long = vec!["x".repeat(1_000_000)];
    for (path, fields) in FORMS {
        try_form(&app.browser(), path, &fields[..1], &long).await;
    }
    for (path, fields) in OWN_FORMS {
        try_form(&ann, path, &fields[..1], &long).await;
    }
    for letter in app.letters().await {
        let safe = |c: char| !c.is_control() && !c.is_whitespace();
        assert!(letter.to.chars().all(safe), "{:?}", letter.to);
        let said = format!("{}{}{:?}", letter.subject, letter.text, letter.html);
        for piece in ["evil.example", "<script>", "alert(1)", "Bcc"] {
            assert!(!said.contains(piece), "{piece}: {said}");
        }
    }
    assert_eq!(app.count("auth_user").await, 1);
}

async fn nothing_that_stands_in_an_address_bar_breaks_a_page(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    let by_code = ["", "?email=", "?next=", "?phone="];
    let long = "x".repeat(5_000);
    for value in [
        "%00",
        "a%00b",
        "%ff%fe",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "1-%3Cscript%3E",
        "MQ:1:abc",
        "1-abc-def",
        "-",
        "--",
        "%F0%9F%98%80",
        "%2e%2e%2f%2e%2e%2fetc",
        "zzzzzzzzzzzzzzzzzzzzzzzzzz-1-2",
        "9223372036854775808",
        long.as_str(),
    ] {
        for path in [
            format!("/accounts/confirm-email/{value}/"),
            format!("/accounts/password/reset/key/{value}/"),
            format!("/accounts/login/link/{value}/{value}/"),
            format!("/accounts/login/link/MQ/{value}/?to={value}&next={value}"),
            format!("/accounts/login/code/link/{value}/"),
        ] {
            let mut browser = app.browser();
            judge(&browser.get(&path).await, &path, "GET", value);
            judge(&browser.fill(&path, &[]).await, &path, "POST", value);
        }
        for (path, _) in FORMS {
            for query in &by_code[1..] {
                let path = format!("{path}{query}{value}");
                judge(&app.browser().get(&path).await, &path, "query", value);
            }
        }
    }
    app.no_other_letter_was_sent().await;
}

// Auth.js CVE-2026-73420: judged first and normalised afterwards, the link went elsewhere.
async fn a_letter_goes_to_the_address_that_was_judged(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.login_methods = Some(vec![LoginBy::Username, LoginBy::Email]);
    })
    .await;
    let fields = [
        ("username", "ａｎｎ"),
        ("email", "ａｎｎ＠ＥＸＡＭＰＬＥ．ｃｏｍ"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    let done = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.text);
    assert_eq!(app.letter().await.to, "ann@example.com");
    let plain = "auth_user WHERE username = 'ann' AND email = 'ann@example.com'";
    assert_eq!(app.count(plain).await, 1);
    // Whatever spelling is asked with, the letter goes to the one on file.
    for typed in [
        "ANN@example.com",
        " ann@example.com\t",
        "ann＠example.com",
        "ａnn@example。com",
        "ann@exampl\u{212f}.com",
    ] {
        let answer = app
            .browser()
            .fill("/accounts/login/link/", &[("email", typed)])
            .await;
        if answer.status == 400 {
            assert!(answer.text.contains("valid e-mail address"), "{typed}");
            continue;
        }
        let letter = app.letter().await;
        assert_eq!(letter.to, "ann@example.com", "{typed}");
        assert!(letter.text.contains("/login/link/"), "{typed}");
    }
    for typed in [
        "ann@example.com＠evil.example",
        "ann＠example.com@evil.example",
        "ann@example.com，eve@evil.example",
        "ann@example.com\u{2028}eve@evil.example",
        "ann@evil.example\u{ff0f}@example.com",
    ] {
        let answer = app
            .browser()
            .fill("/accounts/login/link/", &[("email", typed)])
            .await;
        if answer.status == 302 {
            let letter = app.letter().await;
            assert!(!letter.text.contains("/login/link/"), "{typed}: {letter:?}");
        }
    }
    for login in ["ａｎｎ", "ANN", "ａｎｎ＠example.com"] {
        let (mut browser, _) = sign_in(&app, login, PASSWORD).await;
        assert!(is_in(&mut browser).await, "{login}");
    }
    app.no_other_letter_was_sent().await;
}

async fn letters_that_merely_look_alike_are_other_letters(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user("mike", "mike@strasse.example").await;
    for typed in [
        "mıke@strasse.example",
        "mike@straße.example",
        "mіke@strasse.example",
        "mike@\u{17f}tra\u{17f}\u{17f}e.example\u{301}",
    ] {
        for path in ["/accounts/login/link/", "/accounts/password/reset/"] {
            let answer = app.browser().fill(path, &[("email", typed)]).await;
            if answer.status == 400 {
                continue;
            }
            let letter = app.letter().await;
            assert!(
                !letter.text.contains("/login/link/M") && !letter.text.contains("/reset/key/"),
                "{typed}: {letter:?}"
            );
            assert_ne!(letter.to, "mike@strasse.example", "{typed}");
        }
    }
    // Nor may somebody be called so alike that a reader takes them for another.
    let fields = [
        ("username", "m\u{131}ke2"),
        ("email", "mike@straße.example"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    let answer = app.browser().fill(SIGNUP, &fields).await;
    assert!(
        answer.text.contains("has this e-mail address"),
        "{}",
        answer.text
    );
}

async fn invisible_letters_make_no_address_and_no_name(db: TestDb) {
    let app = TestApp::new(db).await;
    for sign in [
        '\u{202e}',
        '\u{202d}',
        '\u{2066}',
        '\u{2069}',
        '\u{200b}',
        '\u{200e}',
        '\u{feff}',
        '\u{ad}',
        '\u{1}',
        '\u{85}',
        '\u{2028}',
        '\u{e0001}',
    ] {
        for (name, email) in [
            ("ann".to_owned(), format!("a{sign}nn@example.com")),
            ("ann".to_owned(), format!("ann@exam{sign}ple.com")),
            (format!("a{sign}nn"), "ann@example.com".to_owned()),
        ] {
            let fields = [
                ("username", name.as_str()),
                ("email", email.as_str()),
                ("password1", PASSWORD),
                ("password2", PASSWORD),
            ];
            let answer = app.browser().fill(SIGNUP, &fields).await;
            assert_eq!(answer.status, 400, "{name:?} {email:?}");
        }
    }
    assert_eq!(app.count("auth_user").await, 0);
    app.no_other_letter_was_sent().await;
}

async fn a_letter_holds_no_headers_of_strangers(db: TestDb) {
    let app = TestApp::new(db).await;
    let fields = [
        ("username", "Nigerian.Prince"),
        ("email", "ann@example.com"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ];
    let mut browser = app.browser();
    browser.headers.insert(
        "user-agent",
        "Visit https://evil.example now Firefox/1".to_owned(),
    );
    assert_eq!(browser.fill(SIGNUP, &fields).await.status, 302);
    let letter = app.letter().await;
    let said = format!("{}{}{:?}", letter.subject, letter.text, letter.html);
    assert!(!said.contains("evil.example"), "{said}");
    assert!(!letter.subject.contains('\n') && !letter.message_id.contains('\n'));
    let link = link_in(&letter.text);
    assert!(link.starts_with("/accounts/confirm-email/"), "{link}");
    app.no_other_letter_was_sent().await;
}

async fn a_password_is_taken_as_it_was_typed(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* password1*");
    })
    .await;
    for (number, (password, others)) in [
        (
            "  blanks around 9  ",
            vec!["blanks around 9", " blanks around 9 "],
        ),
        ("😀😃😄😁😆😅🤣😂", vec!["😀😃😄😁😆😅🤣"]),
        ("UPPER-horse-9", vec!["upper-horse-9"]),
        ("tab\tand\u{3000}wide-9", vec!["tab and wide-9"]),
        ("<b>&amp;\"horse'9", vec!["<b>&\"horse'9"]),
        ("p%C3%A9+horse 9", vec!["pé horse 9", "p%C3%A9 horse 9"]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("ann{number}");
        let fields = [("username", name.as_str()), ("password1", password)];
        let answer = app.browser().fill(SIGNUP, &fields).await;
        assert_eq!(answer.status, 302, "{password:?}: {}", answer.text);
        let (mut browser, _) = sign_in(&app, &name, password).await;
        assert!(is_in(&mut browser).await, "{password:?}");
        for other in others {
            let (mut browser, answer) = sign_in(&app, &name, other).await;
            assert_eq!(answer.status, 400, "{other:?}");
            assert!(!is_in(&mut browser).await, "{other:?}");
        }
    }
}

async fn a_password_has_an_end(db: TestDb) {
    let app = TestApp::with(db, |settings| {
        settings.account.signup_fields = asked("username* password1*");
    })
    .await;
    let longest = "a1-Z".repeat(1024);
    let longer = "a1-Zx".repeat(1000);
    let fields = [("username", "eve"), ("password1", longer.as_str())];
    let answer = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("at most 4096"), "{}", answer.text);
    assert!(
        !answer.text.contains("a1-Zx"),
        "a password is not written back"
    );
    let fields = [("username", "ann"), ("password1", longest.as_str())];
    let answer = app.browser().fill(SIGNUP, &fields).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    let (mut ann, _) = sign_in(&app, "ann", &longest).await;
    assert!(is_in(&mut ann).await);
    let (mut eve, answer) = sign_in(&app, "ann", &longer).await;
    assert_eq!(answer.status, 400);
    assert!(!is_in(&mut eve).await);
    let (mut eve, _) = sign_in(&app, "ann", &longest[..4095]).await;
    assert!(!is_in(&mut eve).await, "nothing is cut off");
}

// Auth.js GHSA-xmf8, authentik CVE-2026-25748
async fn malformed_cookies_are_no_cookies(db: TestDb) {
    let app = TestApp::new(db).await;
    app.user_with("ann", "", &hash(PASSWORD)).await;
    let own = signed_in(&app, "ann").await.cookies["sessionid"].clone();
    let long = "a".repeat(6_000);
    for line in [
        "sessionid".to_owned(),
        "sessionid=".to_owned(),
        "=;;;=".to_owned(),
        format!("sessionid={own}x"),
        format!("sessionid={}", &own[1..]),
        format!("sessionid={}", own.to_uppercase()),
        format!("sessionid={long}"),
        "sessionid=' OR 1=1 --".to_owned(),
        "sessionid=%00; csrftoken=%00".to_owned(),
        "sessionid=é; csrftoken=ü".to_owned(),
        "csrftoken=<script>alert(1)</script>".to_owned(),
        format!("csrftoken={long}"),
    ] {
        let mut browser = app.browser();
        browser.headers.insert("cookie", line.clone());
        let answer = browser.get("/accounts/profile/").await;
        assert_eq!(answer.status, 302, "{line}");
        let page = browser.get("/accounts/login/").await;
        assert_eq!(page.status, 200, "{line}");
        judge(&page, "/accounts/login/", "cookie", &line);
    }
    for (name, value) in [
        ("user-agent", "\u{e9}\u{1f600}"),
        ("accept-language", "\u{fffd};q=banana"),
        ("referer", "::::"),
        ("origin", "null"),
        ("content-length-hint", "-1"),
        ("x-forwarded-for", "not, an, address"),
    ] {
        let mut browser = app.browser();
        browser.headers.insert(name, value.to_owned());
        let page = browser.get("/accounts/login/").await;
        assert_eq!(page.status, 200, "{name}");
        let fields = [("login", "ann"), ("password", "guess")];
        let answer = browser.fill("/accounts/login/", &fields).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
    }
}

async fn malformed_bodies_are_refused(db: TestDb) {
    let app = TestApp::with(db, everything).await;
    for kind in [
        None,
        Some(""),
        Some("application/json"),
        Some("text/plain"),
        Some("multipart/form-data"),
        Some("multipart/form-data; boundary="),
        Some("multipart/form-data; boundary=x"),
        Some("application/x-www-form-urlencoded; charset=utf-7"),
    ] {
        for body in [
            &b""[..],
            b"{\"login\": [1",
            b"--x\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\nann",
            b"login=%&password=%zz&%%%=\xff\xfe&=&&",
            b"\xff\xfe\x00\x00",
        ] {
            for (path, _) in FORMS {
                let mut browser = app.browser();
                let token = browser.get("/accounts/login/link/").await;
                let token = token.csrf_token().unwrap().to_owned();
                browser.headers.insert("x-csrftoken", token);
                let body = Body::from(body.to_vec());
                let answer = browser.send("POST", path, body, kind).await;
                assert!(answer.status.as_u16() < 500, "{path} {kind:?}");
            }
        }
    }
    assert_eq!(app.count("auth_user").await, 0);
    app.no_other_letter_was_sent().await;
}
