//! People whose table is the app's own: another name, another key, columns missing. The same story for each.

use axum::body::Body;
use hallpass::domain::{SessionKey, UserId};
use hallpass::settings::{Settings, load};
use hallpass::store::{check, migrate};
use hallpass_django::session::SessionCodec;
use hallpass_django::signing::SecretKeys;
use hallpass_testkit::app::{SECRET, link_in};
use hallpass_testkit::{Browser, TestApp, TestDb, each_database};
use serde_json::{Value, json};

use crate::credentials::is_in;
use crate::rest::tokens::Program;

each_database!(
    a_uuid_and_no_user_names,
    a_big_number_under_names_of_its_own,
    no_column_but_the_password,
    an_address_that_is_unique_beside_user_names,
    keys_of_another_kind_are_nobody_and_no_error,
    what_others_made_is_opened_and_what_differs_is_named,
    an_address_that_many_sign_up_with_at_once_goes_to_one,
);

const PASSWORD: &str = "correct-horse-9-battery";
const NEW: &str = "another-horse-7-staple";

/// AbstractUser with `username = None` and without names.
const PERSON: &str = r#"
auth_user_model = "accounts.Person"
[account]
user_model_username_field = ""
signup_fields = ["email*", "password1*"]
email_verification = "mandatory"
[hallpass]
user_key = "uuid"
user_without = ["username", "first_name", "last_name"]
"#;

/// AbstractUser with everything, but called otherwise; the table has capitals.
const CUSTOMER: &str = r#"
auth_user_model = "shop.Customer"
[account]
user_model_username_field = "order"
user_model_email_field = "mail"
login_methods = ["email", "username"]
signup_fields = ["username*", "email*", "password1*"]
email_verification = "mandatory"
[hallpass]
user_table = "Shop_Customers"
user_key = "bigint"
user_key_column = "nr"
"#;

/// AbstractBaseUser with a password, and nothing else.
const MEMBER: &str = r#"
auth_user_model = "club.BoardMember"
[account]
user_model_username_field = ""
user_model_email_field = ""
signup_fields = ["email*", "password1*"]
email_verification = "mandatory"
[hallpass]
user_key = "uuid"
user_without = ["username", "email", "first_name", "last_name", "is_staff", "is_superuser", "is_active", "date_joined"]
signup_extra_fields = [{ name = "first_name" }]
"#;

/// What these settings say of users, as a file that the checks have passed.
fn of(text: &str) -> impl FnOnce(&mut Settings) + use<> {
    let loaded = load(Some(("hallpass.toml", text)), []).unwrap_or_else(|why| panic!("{why}"));
    move |settings| {
        let rates = settings.account.rate_limits.clone();
        settings.general.auth_user_model = loaded.settings.general.auth_user_model;
        settings.account = loaded.settings.account;
        settings.account.rate_limits = rates;
        settings.hallpass = loaded.settings.hallpass;
    }
}

async fn app_of(db: &TestDb, text: &str, more: impl FnOnce(&mut Settings)) -> TestApp {
    let own = of(text);
    TestApp::with(db.empty().await, |settings| {
        own(settings);
        more(settings);
    })
    .await
}

fn with_jwt(settings: &mut Settings) {
    settings.rest_auth.use_jwt = true;
    settings.rest_auth.session_login = false;
}

/// What the story asks of a kind of table.
struct Kind {
    text: &'static str,
    table: &'static str,
    key: &'static str,
    named: bool,
}

/// Ann, who signed up here and confirmed her address.
async fn ann(app: &TestApp, named: bool) -> Browser {
    let mut browser = app.browser();
    let mut fields = vec![("email", "ann@example.com"), ("password1", PASSWORD)];
    if named {
        fields.push(("username", "ann"));
    }
    let answer = browser.fill("/accounts/signup/", &fields).await;
    assert_eq!(
        answer.location(),
        "/accounts/confirm-email/",
        "{}",
        answer.text
    );
    assert!(!is_in(&mut browser).await);
    let link = link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.status, 302);
    let login = [("login", "ann@example.com"), ("password", PASSWORD)];
    let answer = browser.fill("/accounts/login/", &login).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    browser
}

/// The one user's key, as its text and as JSON has it.
async fn key_of(app: &TestApp, kind: &Kind) -> (String, Value) {
    let sql = format!("SELECT \"{}\" FROM \"{}\"", kind.key, kind.table);
    let rows = app.db.db.conn().query(&sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let id: UserId = rows[0].get(0).unwrap();
    (id.to_string(), json!(id))
}

fn codec() -> SessionCodec {
    SessionCodec::new(&SecretKeys::new(SECRET, []))
}

async fn payload(app: &TestApp) -> serde_json::Map<String, Value> {
    let sql = "SELECT session_data FROM django_session ORDER BY expire_date DESC";
    let row = app.db.db.conn().query_opt(sql, &[]).await.unwrap().unwrap();
    codec().decode(&row.get::<String>(0).unwrap())
}

async fn story(db: &TestDb, kind: Kind) {
    let app = app_of(db, kind.text, |_| {}).await;
    assert_eq!(migrate(&app.db.db).await.unwrap(), Vec::<String>::new());
    let differences = check(&app.db.db).await.unwrap();
    assert_eq!(differences, [], "what is made here fits");
    let mut browser = ann(&app, kind.named).await;
    let (text, json) = key_of(&app, &kind).await;
    assert_eq!(payload(&app).await["_auth_user_id"], text);
    for _ in 0..2 {
        let before = app.db.db.statements();
        assert!(is_in(&mut browser).await);
        let after = app.db.db.statements();
        assert_eq!(
            (after.reads - before.reads, after.writes - before.writes),
            (1, 0)
        );
    }
    let profile = browser.get("/accounts/profile/").await.text;
    assert!(profile.contains(if kind.named { "ann" } else { "ann@example.com" }));

    // A new password, by the link in a letter.
    let mut forgetful = app.browser();
    let asked = forgetful
        .fill("/accounts/password/reset/", &[("email", "ann@example.com")])
        .await;
    assert_eq!(asked.status, 302, "{}", asked.text);
    let letter = app.letter().await;
    let link = link_in(&letter.text);
    let opened = forgetful.get(&link).await;
    let form = opened.location().to_owned();
    let passwords = [("password1", NEW), ("password2", NEW)];
    let done = forgetful.fill(&form, &passwords).await;
    assert_eq!(
        done.location(),
        "/accounts/password/reset/key/done/",
        "{}",
        done.text
    );
    assert!(!is_in(&mut browser).await, "what came before has ended");
    let mut again = app.browser();
    assert_ne!(again.get(&link).await.location(), form, "it is spent");
    app.letters().await;

    // A link to sign in by.
    let mut other = app.browser();
    other
        .fill("/accounts/login/link/", &[("email", "ann@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(other.fill(&link, &[]).await.status, 302);
    assert!(is_in(&mut other).await);
    assert_eq!(app.browser().fill(&link, &[]).await.status, 403);

    permissions(&app, kind.text != MEMBER, &json).await;
    rest(&app, &kind, &json).await;
    let tokens = TestApp::with(app.db.shared(), |settings| {
        of(kind.text)(settings);
        with_jwt(settings);
    })
    .await;
    jwt(&tokens, &text, &json).await;
    by_the_app(&app, &kind).await;
    magic_link(app, &kind).await;
}

/// Permissions, where the table has Django's mixin of them; else nobody has any.
/// What the app does to people by hand.
async fn by_the_app(app: &TestApp, kind: &Kind) {
    let users = app.hallpass.users();
    let wanted = users.create().email("bob@example.com").verified();
    let wanted = match kind.named {
        true => wanted.username("bob"),
        false => wanted,
    };
    let bob = wanted.password(PASSWORD).save().await.unwrap();
    assert_eq!(bob.email, "bob@example.com");
    assert_eq!(users.count().await.unwrap(), 2);
    let first = users.page(None, 1).await.unwrap().remove(0);
    let second = users.page(Some(first.id), 10).await.unwrap();
    assert_eq!(second.len(), 1);
    assert_ne!(first.id, second[0].id);
    let cookie = app.hallpass.sign_in(&bob, "sso").await.unwrap();
    let mut browser = app.browser();
    let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
    browser.cookies.insert(name, value);
    assert!(is_in(&mut browser).await);
    app.hallpass.rest_key(&bob).await.unwrap();
    assert_eq!(
        users
            .create()
            .email("cy@example.com")
            .staff()
            .save()
            .await
            .is_ok(),
        kind.text != MEMBER
    );
    if let Some(cy) = users.by_email("cy@example.com").await.unwrap() {
        users.delete(&cy).await.unwrap();
    }
    let off = users.deactivate(&bob).await;
    match kind.text == MEMBER {
        // There is no column that could say so.
        true => assert!(off.is_err() && is_in(&mut browser).await),
        false => assert!(off.unwrap() && !is_in(&mut browser).await),
    }
    users.delete(&bob).await.unwrap();
    assert!(!is_in(&mut browser).await);
    assert_eq!(users.count().await.unwrap(), 1);
    assert_eq!(app.count("account_emailaddress").await, 1);
}

/// A link names people by whatever key they have; one that names another kind's is nobody's.
async fn magic_link(app: TestApp, kind: &Kind) {
    let user = app.hallpass.users().by_email("ann@example.com").await;
    let user = user.unwrap().unwrap();
    let issue = app
        .hallpass
        .magic_link(&user)
        .scope("s")
        .issue()
        .await
        .unwrap();
    let app = app.routed(|hallpass| {
        let who = async |link: hallpass::MagicLink| link.user().unwrap().id.to_string();
        axum::Router::new()
            .route("/secret/", axum::routing::get(who))
            .layer(hallpass::magic_link().scope("s"))
            .layer(hallpass.layer())
    });
    let opened = app
        .browser()
        .get(&format!("/secret/{}", issue.query_string()))
        .await;
    assert_eq!(opened.text, user.id.to_string(), "{}", kind.table);
    for other in [
        "AAAAAQAAAAAAAAAAAAA",
        "AAAAAAAAAAEAAAAAAAAAAAAA",
        &"A".repeat(35),
    ] {
        let answer = app.browser().get(&format!("/secret/?sesame={other}")).await;
        assert_eq!(answer.status, 403, "{other}");
    }
}

async fn permissions(app: &TestApp, has_any: bool, key: &Value) {
    let id: UserId = serde_json::from_value(key.clone()).unwrap();
    let user = app.look_up(id).await;
    let access = app.hallpass.access();
    access
        .declare("shop.open_till", "Can open the till")
        .await
        .unwrap();
    access.create_group("Tellers").await.unwrap();
    access
        .grant_to_group("Tellers", "shop.open_till")
        .await
        .unwrap();
    assert_eq!(
        access
            .add_to_group(&user, "Tellers")
            .await
            .is_ok_and(|is| is),
        has_any
    );
    let held = app.hallpass.permissions(&user).await.unwrap();
    assert_eq!(held.has("shop.open_till"), has_any);
    let _ = access.remove_from_group(&user, "Tellers").await;
    let held = app.hallpass.permissions(&user).await.unwrap();
    assert!(!held.has("shop.open_till"));
    let _ = access.grant(&user, "shop.open_till").await;
    let held = app.hallpass.permissions(&user).await.unwrap();
    assert_eq!(held.has("shop.open_till"), has_any);
    access.remove_group("Tellers").await.unwrap();
}

/// dj-rest-auth's interface with a key in a header.
async fn rest(app: &TestApp, kind: &Kind, key: &Value) {
    let mut program = Program::of(app);
    let login = json!({ "email": "ann@example.com", "password": NEW });
    let (status, answer) = program.post("login/", login).await;
    assert_eq!(status, 200, "{answer}");
    program.0.cookies.clear();
    program.authorize(format!("Token {}", answer["key"].as_str().unwrap()));
    let (status, user) = program.get("user/").await;
    assert_eq!(status, 200, "{user}");
    assert_eq!(
        (&user["pk"], &user["email"]),
        (key, &json!("ann@example.com"))
    );
    assert_eq!(user.get("username").is_some(), kind.named);
    assert_eq!(user.get("first_name").is_some(), kind.named);
    let changes = json!({ "first_name": "Ann" });
    let (answer, user) = program.send("PATCH", "user/", &changes).await;
    assert_eq!(answer.status, 200);
    assert_eq!(user.get("first_name"), kind.named.then_some(&json!("Ann")));

    // A new password by the letter's parts.
    program.0.headers.remove("authorization");
    let email = json!({ "email": "ann@example.com" });
    assert_eq!(program.post("password/reset/", email).await.0, 200);
    let link = link_in(&app.letter().await.text);
    let (_, made) = link.trim_end_matches('/').rsplit_once('/').unwrap();
    let (uid, token) = made.split_once('-').unwrap();
    let body =
        json!({ "uid": uid, "token": token, "new_password1": PASSWORD, "new_password2": PASSWORD });
    let (status, answer) = program.post("password/reset/confirm/", body).await;
    assert_eq!(status, 200, "{answer}");
    app.letters().await;
}

async fn jwt(app: &TestApp, text: &str, key: &Value) {
    let mut program = Program::of(app);
    let login = json!({ "email": "ann@example.com", "password": PASSWORD });
    let (status, pair) = program.post("login/", login).await;
    assert_eq!(status, 200, "{pair}");
    assert_eq!(&pair["user"]["pk"], key);
    let token = pair["access"].as_str().unwrap();
    let now = app.hallpass.now();
    let claims = app.hallpass.jwts().decode(token, now).unwrap();
    assert_eq!(claims["user_id"], text);
    program.authorize(format!("Bearer {token}"));
    assert_eq!(program.get("user/").await.1["pk"], *key);
    let old = json!({ "refresh": pair["refresh"] });
    let (status, next) = program.post("token/refresh/", old).await;
    assert_eq!(status, 200, "{next}");
    program.authorize(format!("Bearer {}", next["access"].as_str().unwrap()));
    assert_eq!(program.get("user/").await.1["pk"], *key);
}

async fn a_uuid_and_no_user_names(db: TestDb) {
    let kind = Kind {
        text: PERSON,
        table: "accounts_person",
        key: "id",
        named: false,
    };
    story(&db, kind).await;
}

async fn a_big_number_under_names_of_its_own(db: TestDb) {
    let kind = Kind {
        text: CUSTOMER,
        table: "Shop_Customers",
        key: "nr",
        named: true,
    };
    story(&db, kind).await;
    let app = app_of(&db, CUSTOMER, |_| {}).await;
    // Past what an integer column takes.
    let (user, mut browser) = large(&app).await;
    assert_eq!(payload(&app).await["_auth_user_id"], user.to_string());
    assert!(is_in(&mut browser).await);
    assert_eq!(app.look_up(user).await.email, "ann@example.com");
}

/// Somebody with a key that takes more than four bytes.
async fn large(app: &TestApp) -> (UserId, Browser) {
    let id = UserId::from_int(9_000_000_000_000_000_001);
    let browser = ann(app, true).await;
    app.sql("DELETE FROM usersessions_usersession").await;
    app.sql("DELETE FROM django_session").await;
    app.sql("DELETE FROM hallpass_event").await;
    app.sql("DELETE FROM account_emailaddress").await;
    app.sql(&format!("UPDATE \"Shop_Customers\" SET nr = {id}"))
        .await;
    drop(browser);
    let mut browser = app.browser();
    browser
        .fill("/accounts/login/link/", &[("email", "ann@example.com")])
        .await;
    let link = link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.status, 302);
    (id, browser)
}

async fn no_column_but_the_password(db: TestDb) {
    let kind = Kind {
        text: MEMBER,
        table: "club_boardmember",
        key: "id",
        named: false,
    };
    story(&db, kind).await;

    // Another primary address is the one that answers have, and letters go to.
    let app = app_of(&db, MEMBER, |_| {}).await;
    let mut browser = ann(&app, false).await;
    let added = [("email", "other@example.com"), ("action_add", "1")];
    assert_eq!(browser.fill("/accounts/email/", &added).await.status, 302);
    let link = link_in(&app.letter().await.text);
    assert_eq!(browser.fill(&link, &[]).await.status, 302);
    let chosen = [("email", "other@example.com"), ("action_primary", "1")];
    assert_eq!(browser.fill("/accounts/email/", &chosen).await.status, 302);
    app.letters().await;
    let profile = browser.get("/accounts/profile/").await.text;
    assert!(profile.contains("other@example.com"), "{profile}");
    // What has no column is kept where extra fields are.
    let answer = app
        .browser()
        .fill(
            "/accounts/signup/",
            &[
                ("email", "bea@example.com"),
                ("password1", PASSWORD),
                ("first_name", "Bea"),
            ],
        )
        .await;
    assert_eq!(answer.status, 302);
    let sql = "SELECT data FROM hallpass_extra";
    let row = app.db.db.conn().query_opt(sql, &[]).await.unwrap().unwrap();
    assert_eq!(row.get::<Value>(0).unwrap(), json!({ "first_name": "Bea" }));
}

/// Keys that a site of this kind cannot have, and some that it could.
const HOSTILE: [&str; 16] = [
    "0",
    "1",
    "-1",
    "01",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "340282366920938463463374607431768211455",
    "00000000-0000-0000-0000-000000000000",
    "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20cc",
    "6F1C0C52-9A0B-4C7E-8D12-00AA10BB20CC",
    "6f1c0c529a0b4c7e8d1200aa10bb20cc",
    "'; DROP TABLE x; --",
    "",
    "\u{0}",
];

/// AbstractUser with `email = EmailField(null=True, unique=True)`.
const AUTHOR: &str = r#"
auth_user_model = "press.Author"
[account]
signup_fields = ["username*", "email", "password1*"]
login_methods = ["username"]
email_verification = "none"
[hallpass]
user_unique_email = true
"#;

async fn an_address_that_is_unique_beside_user_names(db: TestDb) {
    let app = app_of(&db, AUTHOR, |_| {}).await;
    assert_eq!(check(&app.db.db).await.unwrap(), []);
    for (name, email) in [("ann", ""), ("bob", ""), ("cy", "cy@example.com")] {
        let fields = [
            ("username", name),
            ("email", email),
            ("password1", PASSWORD),
        ];
        let mut browser = app.browser();
        let answer = browser.fill("/accounts/signup/", &fields).await;
        assert_eq!(answer.status, 302, "{name}: {}", answer.text);
        assert!(is_in(&mut browser).await, "{name}");
    }
    // Whoever gives the last address up is one more without.
    let users = app.hallpass.users();
    let cy = users.by_username("cy").await.unwrap().unwrap();
    let _ = users.remove_address(&cy, "cy@example.com").await;
    let taken = app
        .sql("UPDATE press_author SET email = NULL WHERE username = 'cy'")
        .await;
    assert_eq!(taken, 1);
    let wrong = format!("{AUTHOR}\n").replace("[account]", "[account]\nunique_email = false");
    let refused = load(Some(("hallpass.toml", &wrong)), []).err().unwrap();
    assert!(refused.to_string().contains("HALLPASS_USER_UNIQUE_EMAIL"));
}

async fn keys_of_another_kind_are_nobody_and_no_error(db: TestDb) {
    for (text, named) in [
        (PERSON, false),
        (CUSTOMER, true),
        (MEMBER, false),
        ("", true),
    ] {
        let app = match text.is_empty() {
            true => TestApp::with(db.clone(), with_jwt).await,
            false => app_of(&db, text, with_jwt).await,
        };
        // Somebody is there, with no key of those that are tried.
        match (text.is_empty(), named) {
            (true, _) => {}
            (false, true) => drop(large(&app).await),
            (false, false) => drop(ann(&app, false).await),
        }
        let mut ids: Vec<Value> = HOSTILE.iter().map(|id| json!(id)).collect();
        ids.extend([
            json!(5),
            json!(-1),
            json!(1.5),
            json!(null),
            json!([1]),
            json!({}),
        ]);
        ids.extend([json!(u64::MAX), json!(i64::MAX), json!(1e300)]);
        for id in &ids {
            in_a_session(&app, id).await;
            in_a_token(&app, id).await;
        }
        for id in HOSTILE {
            in_links(&app, id).await;
        }
    }
}

async fn in_a_session(app: &TestApp, id: &Value) {
    let Value::Object(data) = json!({
        "_auth_user_id": id,
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": "x",
    }) else {
        panic!("no map");
    };
    let payload = codec().encode(&data, app.hallpass.now().seconds());
    let key = SessionKey::random();
    let values = [
        key.reveal().into(),
        payload.into(),
        hallpass::domain::Timestamp::from_seconds(4_000_000_000).into(),
    ];
    let sql =
        "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ($1, $2, $3)";
    app.db.db.conn().execute(sql, &values).await.unwrap();
    let mut browser = app.browser();
    let cookie = key.reveal().to_owned();
    browser.cookies.insert("sessionid".to_owned(), cookie);
    let answer = browser.get("/accounts/profile/").await;
    assert_eq!(answer.status, 302, "{id}: {}", answer.text);
}

async fn in_a_token(app: &TestApp, id: &Value) {
    let now = app.hallpass.now().seconds();
    let made = |kind: &str| {
        let Value::Object(claims) = json!({
            "token_type": kind, "exp": now + 60, "iat": now, "jti": "0123", "user_id": id,
        }) else {
            panic!("no map");
        };
        app.hallpass.jwts().encode(&claims).unwrap()
    };
    let mut program = Program::of(app);
    let refresh = json!({ "refresh": made("refresh") });
    let (status, answer) = program.post("token/refresh/", refresh).await;
    assert_eq!(status, 401, "{id}: {answer}");
    program.authorize(format!("Bearer {}", made("access")));
    let (status, answer) = program.get("user/").await;
    assert_eq!(status, 401, "{id}: {answer}");
}

async fn in_links(app: &TestApp, id: &str) {
    use hallpass_django::reset_token::{encode_uid, encode_uid_base36};
    let token = "d2kq1x-0123456789abcdef0123456789abcdef";
    let base36 = encode_uid_base36(id);
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let link = format!("/accounts/login/link/{}/{token}/", encode_uid(id));
    let answer = app.browser().fill(&link, &[]).await;
    assert!(answer.status.is_client_error(), "{id}: {}", answer.text);
    let link = format!("/accounts/password/reset/key/{}-{token}/", encode(&base36));
    let answer = app.browser().get(&link).await;
    assert!(!answer.status.is_server_error(), "{id}: {}", answer.text);
    let body = json!({ "uid": base36, "token": token, "new_password1": NEW, "new_password2": NEW });
    let mut program = Program::of(app);
    let (status, answer) = program.post("password/reset/confirm/", body).await;
    assert_eq!(status, 400, "{id}: {answer}");
}

async fn what_others_made_is_opened_and_what_differs_is_named(db: TestDb) {
    let app = app_of(&db, PERSON, |_| {}).await;
    let told = async |text: &str| {
        let mut settings = Settings::default();
        of(text)(&mut settings);
        let users = hallpass::store::UserTable::of(&settings);
        let found = check(&app.db.db.with_users(users)).await.unwrap();
        let found = found.iter().filter(|difference| !difference.is_advice());
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(PERSON).await, Vec::<String>::new());
    let whole = PERSON.replace(", \"first_name\"", "");
    assert_eq!(
        told(&whole).await,
        [
            "column accounts_person.first_name is missing: run the migrations of the Django that owns the table, or name \
          the column in HALLPASS_USER_WITHOUT"
        ]
    );
    let lacking = PERSON.replace("\"last_name\"", "\"last_name\", \"is_active\"");
    assert_eq!(
        told(&lacking).await,
        ["column accounts_person.is_active is there: take it out of HALLPASS_USER_WITHOUT"]
    );
    let number = PERSON.replace("\"uuid\"", "\"integer\"");
    let words =
        "column accounts_person.id holds a UUID: set HALLPASS_USER_KEY to \"uuid\"".to_owned();
    assert!(told(&number).await.contains(&words));
    let none = PERSON.replace("accounts.Person", "accounts.Nobody");
    assert!(
        told(&none)
            .await
            .contains(&"table accounts_nobody is missing: run `hallpass migrate`".to_owned())
    );
}

async fn an_address_that_many_sign_up_with_at_once_goes_to_one(db: TestDb) {
    let app = app_of(&db, PERSON, |settings| {
        settings.account.email_verification = hallpass::settings::Verification::Optional;
    })
    .await;
    let mut all = Vec::new();
    for _ in 0..6 {
        let mut browser = app.browser();
        all.push(tokio::spawn(async move {
            let body = json!({ "email": "ann@example.com", "password1": PASSWORD });
            let kind = Some("application/json");
            let path = "/dj-rest-auth/registration/";
            let body = Body::from(body.to_string());
            browser.send("POST", path, body, kind).await.status.as_u16()
        }));
    }
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [201, 400, 400, 400, 400, 400]);
    assert_eq!(app.count("accounts_person").await, 1);
}
