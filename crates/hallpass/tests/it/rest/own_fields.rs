//! Columns of the operator's own, in registration, in the user's details, in what is told of them.

use hallpass::settings::{Settings, Verification, load};
use hallpass::store::{check_with, migrate_with};
use hallpass_testkit::{TestApp, TestDb, each_database};
use serde_json::{Value, json};

use super::tokens::{Program, with_jwt, without_session};

each_database!(
    people_without_user_names_who_say_a_gender_and_a_phone_number,
    every_kind_of_column_takes_its_own_and_refuses_the_rest,
    a_value_that_many_want_at_once_goes_to_one,
    a_value_that_many_change_to_at_once_goes_to_one,
    an_address_that_many_sign_up_with_at_once_goes_to_one,
    what_is_left_out_is_not_asked_or_shown,
    a_hidden_signup_keeps_its_columns_until_it_has_an_address,
    columns_of_a_model_of_djangos_are_taken_as_they_are,
    columns_that_do_not_fit_are_named,
);

const PASSWORD: &str = "correct-horse-9-battery";

const EXAMPLE: &str = r#"
[account]
user_model_username_field = ""
signup_fields = ["email*", "password1*", "password2*"]

[[hallpass.user_fields]]
name = "gender"
type = "select"
choices = [["F", "Female"], ["M", "Male"], ["X", "Another"]]
required = true

[[hallpass.user_fields]]
name = "phone_number"
label = "Phone number"
max_length = 30
required = true
unique = true
read_only = true
"#;

/// Settings out of a file's text.
fn from(text: &str) -> impl FnOnce(&mut Settings) + use<> {
    let loaded = load(Some(("hallpass.toml", text)), []).unwrap_or_else(|why| panic!("{why}"));
    move |settings| {
        settings.account.user_model_username_field =
            loaded.settings.account.user_model_username_field;
        settings.account.signup_fields = loaded.settings.account.signup_fields;
        settings.account.login_methods = loaded.settings.account.login_methods;
        settings.hallpass.user_fields = loaded.settings.hallpass.user_fields;
    }
}

async fn app_with(db: TestDb, text: &str, more: impl FnOnce(&mut Settings)) -> TestApp {
    let own = from(text);
    TestApp::with(db, |settings| {
        own(settings);
        without_session(settings);
        more(settings);
    })
    .await
}

fn registration(email: &str, number: &str) -> Value {
    json!({ "email": email, "password1": PASSWORD, "password2": PASSWORD, "gender": "F", "phone_number": number })
}

async fn signed_up(app: &TestApp, body: Value) -> Program {
    let mut program = Program::of(app);
    let (status, answer) = program.post("registration/", body).await;
    assert_eq!(status, 201, "{answer}");
    let key = answer["key"].as_str().unwrap_or_default().to_owned();
    program.authorize(format!("Token {key}"));
    program
}

async fn people_without_user_names_who_say_a_gender_and_a_phone_number(db: TestDb) {
    let app = app_with(db, EXAMPLE, |_| {}).await;
    let mut program = Program::of(&app);
    let (status, answer) = program
        .post(
            "registration/",
            json!({ "email": "ann@example.com", "password1": PASSWORD, "password2": PASSWORD }),
        )
        .await;
    let required = json!(["This field is required."]);
    assert_eq!(
        (status, answer),
        (400, json!({ "gender": required, "phone_number": required }))
    );
    let mut odd = registration("ann@example.com", &"5".repeat(31));
    odd["gender"] = "Q".into();
    let (status, answer) = program.post("registration/", odd).await;
    assert_eq!(status, 400);
    assert_eq!(answer["gender"], json!(["\"Q\" is not a valid choice."]));
    assert_eq!(
        answer["phone_number"],
        json!(["Ensure this field has no more than 30 characters."])
    );
    // OPTIONS tell what is asked.
    let (_, told) = program.send("OPTIONS", "registration/", &Value::Null).await;
    let post = &told["actions"]["POST"];
    assert!(post.get("username").is_none(), "{post}");
    assert_eq!(post["gender"]["type"], "choice");
    assert_eq!(
        post["gender"]["choices"][2],
        json!({ "value": "X", "display_name": "Another" })
    );
    assert_eq!(post["phone_number"]["max_length"], 30);
    assert_eq!(post["phone_number"]["label"], "Phone number");

    let mut program = signed_up(&app, registration("Ann@Example.com", "+1 555 0100")).await;
    let shown = json!({
        "pk": 1, "email": "ann@example.com", "first_name": "", "last_name": "", "gender": "F",
        "phone_number": "+1 555 0100",
    });
    assert_eq!(program.get("user/").await, (200, shown.clone()));
    // It is a column like any other.
    let kept = "SELECT count(*) FROM auth_user WHERE gender = 'F' AND phone_number = '+1 555 0100'";
    assert_eq!(count(&app, kept).await, 1);
    assert_eq!(app.count("hallpass_extra").await, 0);

    // A gender can be changed, a number cannot, and a choice stays one of the choices.
    let change = json!({ "gender": "X", "phone_number": "+1 555 0199" });
    let (answer, changed) = program.send("PATCH", "user/", &change).await;
    assert_eq!(answer.status, 200, "{changed}");
    assert_eq!(changed["gender"], "X");
    assert_eq!(changed["phone_number"], "+1 555 0100");
    let (answer, refused) = program
        .send("PATCH", "user/", &json!({ "gender": "" }))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        refused,
        json!({ "gender": ["This field may not be blank."] })
    );
    let (answer, refused) = program
        .send("PUT", "user/", &json!({ "first_name": "Ann" }))
        .await;
    assert_eq!(answer.status, 400, "{refused}");
    assert_eq!(refused, json!({ "gender": ["This field is required."] }));
    let whole = json!({ "first_name": "Ann", "gender": "M" });
    let (answer, changed) = program.send("PUT", "user/", &whole).await;
    assert_eq!(answer.status, 200);
    assert_eq!(changed["first_name"], "Ann");
    assert_eq!(changed["gender"], "M");
    let (_, told) = program.send("OPTIONS", "user/", &Value::Null).await;
    let put = &told["actions"]["PUT"];
    assert_eq!(put["phone_number"]["read_only"], true);
    assert_eq!(put["gender"]["required"], true);
    assert!(put.get("username").is_none(), "{put}");

    // A page has a form for what can be changed, which starts from what is there, also after a refusal.
    let accept = program.0.headers.insert("accept", "text/html".to_owned());
    for (method, body, status) in [
        ("GET", Value::Null, 200),
        ("PATCH", json!({ "gender": "" }), 400),
    ] {
        let (answer, _) = program.send(method, "user/", &body).await;
        assert_eq!(answer.status, status);
        assert!(answer.text.contains("name=\"gender\""), "{}", answer.text);
        assert!(
            !answer.text.contains("name=\"phone_number\""),
            "{}",
            answer.text
        );
        let raw = answer.text.contains("&quot;gender&quot;: &quot;M&quot;");
        assert!(raw, "{}", answer.text);
    }
    match accept {
        Some(before) => program.0.headers.insert("accept", before),
        None => program.0.headers.remove("accept"),
    };

    // The address is one user's, in whatever case; so is the number.
    let mut other = Program::of(&app);
    let (status, refused) = other
        .post(
            "registration/",
            registration("ANN@example.com", "+1 555 0101"),
        )
        .await;
    let taken = json!({ "email": ["User is already registered with this e-mail address."] });
    assert_eq!((status, refused), (400, taken));
    let (status, refused) = other
        .post(
            "registration/",
            registration("bob@example.com", "+1 555 0100"),
        )
        .await;
    let taken = json!({ "phone_number": ["This field must be unique."] });
    assert_eq!((status, refused), (400, taken));
    assert_eq!(app.count("auth_user").await, 1);

    // The name that was made up is nowhere.
    let letters = app.letters().await;
    let made_up = app
        .look_up(hallpass::domain::UserId::from_int(1))
        .await
        .username;
    assert_eq!(made_up, "ann");
    assert!(
        letters
            .iter()
            .all(|letter| !letter.text.contains("Hello ann,")),
        "{letters:?}"
    );
    let mut browser = app.browser();
    let typed = [("login", "ann@example.com"), ("password", PASSWORD)];
    browser.fill("/accounts/login/", &typed).await;
    let page = browser.get("/accounts/profile/").await;
    assert!(page.text.contains("ann@example.com"), "{}", page.text);
    assert!(
        !page.text.contains(">ann<") && !page.text.contains("User name"),
        "{}",
        page.text
    );

    // The address is what one signs in with.
    let given = json!({ "email": "ann@example.com", "password": PASSWORD });
    assert_eq!(other.post("login/", given).await.0, 200);
    let (status, refused) = other
        .post("login/", json!({ "username": "ann", "password": PASSWORD }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        refused,
        json!({ "non_field_errors": ["Must include \"email\" and \"password\"."] })
    );
}

/// A column of every kind.
pub(super) const KINDS: &str = r#"
[[hallpass.user_fields]]
name = "order"
type = "number"

[[hallpass.user_fields]]
name = "born"
type = "date"

[[hallpass.user_fields]]
name = "news"
type = "checkbox"

[[hallpass.user_fields]]
name = "about"
type = "textarea"
max_length = 1000

[[hallpass.user_fields]]
name = "second_address"
type = "email"
unique = true

[[hallpass.user_fields]]
name = "size"
type = "select"
choices = ["s", "m", "l"]
"#;

async fn every_kind_of_column_takes_its_own_and_refuses_the_rest(db: TestDb) {
    let app = app_with(db, KINDS, with_jwt).await;
    let mut program = Program::of(&app);
    let body = |name: &str| {
        json!({
            "username": name, "password1": PASSWORD, "password2": PASSWORD, "order": 2147483647,
            "born": "1999-12-31", "news": true, "about": "Two\nlines; DROP TABLE auth_user; --",
            "second_address": format!("{name}@b.example"), "size": "m",
        })
    };
    let (status, answer) = program.post("registration/", body("ann")).await;
    assert_eq!(status, 201, "{answer}");
    let own = |user: &Value| {
        ["order", "born", "news", "about", "second_address", "size"].map(|name| user[name].clone())
    };
    // Whoever gets a pair gets the details with it.
    assert_eq!(own(&answer["user"]), own(&body("ann")));
    let access = answer["access"].as_str().unwrap_or_default().to_owned();
    program.authorize(format!("Bearer {access}"));
    let (_, user) = program.get("user/").await;
    assert_eq!(own(&user), own(&body("ann")));

    for (name, value, words) in [
        (
            "order",
            json!(2_147_483_648_i64),
            "Ensure this value is less than or equal to 2147483647.",
        ),
        (
            "order",
            json!(-2_147_483_649_i64),
            "Ensure this value is greater than or equal to -2147483648.",
        ),
        ("order", json!(1e300), "A valid integer is required."),
        ("order", json!("seven"), "A valid integer is required."),
        (
            "born",
            json!("1999-02-30"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        (
            "born",
            json!("0000-01-01"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        (
            "born",
            json!("-000001-01-01"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        (
            "born",
            json!("yesterday"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        ("news", json!("perhaps"), "Must be a valid boolean."),
        ("news", Value::Null, "This field may not be null."),
        ("about", json!("a\0b"), "Null characters are not allowed."),
        (
            "about",
            json!("x".repeat(1001)),
            "Ensure this field has no more than 1000 characters.",
        ),
        (
            "second_address",
            json!("nowhere"),
            "Enter a valid email address.",
        ),
        ("size", json!("xl"), "\"xl\" is not a valid choice."),
        ("size", json!({}), "\"{}\" is not a valid choice."),
    ] {
        let (answer, refused) = program
            .send("PATCH", "user/", &json!({ name: value }))
            .await;
        assert_eq!(answer.status, 400, "{name} {value}: {refused}");
        let known = refused[name][0].as_str().unwrap_or_default();
        if value.is_object() {
            assert!(!known.is_empty(), "{refused}");
        } else {
            assert_eq!(known, words, "{name} {value}");
        }
    }
    // The page takes no year that a database has not.
    for born in ["0000-01-01", "-000001-01-01", "12345-01-01"] {
        let typed = [
            ("username", "zoe"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
            ("born", born),
        ];
        let answer = app.browser().fill("/accounts/signup/", &typed).await;
        assert_eq!(answer.status, 400, "{born}");
    }
    // Nothing of it was kept.
    assert_eq!(own(&program.get("user/").await.1), own(&body("ann")));
    let empty = json!({ "order": null, "born": null, "news": false, "about": "", "second_address": "", "size": "" });
    let (answer, changed) = program.send("PATCH", "user/", &empty).await;
    assert_eq!(answer.status, 200, "{changed}");
    let blank = json!({ "order": null, "born": null, "news": false, "about": "", "second_address": null, "size": "" });
    assert_eq!(own(&changed), own(&blank));
    // Of an optional one that must be unique, many have none.
    for name in ["bob", "cleo"] {
        let bare = json!({ "username": name, "password1": PASSWORD, "password2": PASSWORD });
        let (status, answer) = Program::of(&app).post("registration/", bare).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(own(&answer["user"]), own(&blank));
    }
    // A form may leave what is not ticked out.
    let form = "news=on&born=2000-02-29&order=7";
    let kind = Some("application/x-www-form-urlencoded");
    let answer = program
        .0
        .send("PATCH", "/dj-rest-auth/user/", form.into(), kind)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let changed: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(
        [&changed["news"], &changed["born"], &changed["order"]],
        [&json!(true), &json!("2000-02-29"), &json!(7)]
    );
}

async fn a_value_that_many_want_at_once_goes_to_one(db: TestDb) {
    let app = app_with(db, EXAMPLE, |_| {}).await;
    let tries = (0..8).map(|index| {
        let mut program = Program::of(&app);
        let body = registration(&format!("p{index}@example.com"), "+1 555 0100");
        async move { program.post("registration/", body).await }
    });
    let answers = at_once(tries).await;
    assert_eq!(answers[0].0, 201, "{answers:?}");
    for (status, refused) in &answers[1..] {
        let taken = json!({ "phone_number": ["This field must be unique."] });
        assert_eq!((*status, refused), (400, &taken));
    }
    assert_eq!(app.count("auth_user").await, 1);
    assert_eq!(app.count("account_emailaddress").await, 1);
}

async fn a_value_that_many_change_to_at_once_goes_to_one(db: TestDb) {
    let app = app_with(db, &EXAMPLE.replace("read_only = true", ""), |_| {}).await;
    let mut people = Vec::new();
    for index in 0..6 {
        let body = registration(&format!("p{index}@example.com"), &format!("{index}"));
        people.push(signed_up(&app, body).await);
    }
    let tries = people.drain(..).map(|mut program| async move {
        let change = json!({ "first_name": "Zed", "phone_number": "777" });
        let (answer, body) = program.send("PATCH", "user/", &change).await;
        (answer.status.as_u16(), body, program)
    });
    let running: Vec<_> = tries.map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for one in running {
        let (status, body, program) = one.await.unwrap();
        answers.push((status, body));
        people.push(program);
    }
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!(answers[0].0, 200, "{answers:?}");
    for (status, refused) in &answers[1..] {
        let taken = json!({ "phone_number": ["This field must be unique."] });
        assert_eq!((*status, refused), (400, &taken));
    }
    // Who was refused is as before, in every column.
    assert_eq!(
        count(
            &app,
            "SELECT count(*) FROM auth_user WHERE first_name = 'Zed'"
        )
        .await,
        1
    );
    // One's own value is nobody else's.
    for program in &mut people {
        let (_, user) = program.get("user/").await;
        let same = json!({ "gender": "M", "phone_number": user["phone_number"] });
        let (answer, body) = program.send("PUT", "user/", &same).await;
        assert_eq!(answer.status, 200, "{body}");
    }
}

async fn an_address_that_many_sign_up_with_at_once_goes_to_one(db: TestDb) {
    let app = app_with(db, EXAMPLE, |_| {}).await;
    let spellings = [
        "ann@example.com",
        "Ann@example.com",
        "ANN@EXAMPLE.COM",
        "ann@EXAMPLE.com",
    ];
    let tries = spellings
        .iter()
        .cycle()
        .take(8)
        .enumerate()
        .map(|(index, address)| {
            let mut program = Program::of(&app);
            let body = registration(address, &index.to_string());
            async move { program.post("registration/", body).await }
        });
    let answers = at_once(tries).await;
    assert_eq!(answers[0].0, 201, "{answers:?}");
    for (status, refused) in &answers[1..] {
        let taken = json!({ "email": ["User is already registered with this e-mail address."] });
        assert_eq!((*status, refused), (400, &taken));
    }
    assert_eq!(app.count("auth_user").await, 1);
}

async fn what_is_left_out_is_not_asked_or_shown(db: TestDb) {
    let text = r#"
        [[hallpass.user_fields]]
        name = "plan"
        at_registration = false
        read_only = true

        [[hallpass.user_fields]]
        name = "note"
        in_user_details = false
    "#;
    let app = app_with(db, text, |_| {}).await;
    let body = json!({
        "username": "ann", "password1": PASSWORD, "password2": PASSWORD, "plan": "gold", "note": "hello",
    });
    let mut program = signed_up(&app, body).await;
    let (_, user) = program.get("user/").await;
    assert_eq!(user["plan"], "", "{user}");
    assert!(user.get("note").is_none(), "{user}");
    let (answer, user) = program
        .send("PATCH", "user/", &json!({ "plan": "gold", "note": "mine" }))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(user["plan"], "");
    let kept = "SELECT count(*) FROM auth_user WHERE note = 'hello' AND plan = ''";
    assert_eq!(count(&app, kept).await, 1);
    // The page for people asks the same.
    let mut browser = app.browser();
    let page = browser.get("/accounts/signup/").await;
    assert!(page.text.contains("name=\"note\""), "{}", page.text);
    assert!(!page.text.contains("name=\"plan\""), "{}", page.text);
}

async fn a_hidden_signup_keeps_its_columns_until_it_has_an_address(db: TestDb) {
    let app = app_with(db, EXAMPLE, |settings| {
        settings.account.email_verification = Verification::Mandatory;
    })
    .await;
    let sent = json!({ "detail": "Verification e-mail sent." });
    let mut program = Program::of(&app);
    for (address, number) in [("ann@example.com", "1"), ("ann@example.com", "2")] {
        let answer = program
            .post("registration/", registration(address, number))
            .await;
        assert_eq!(answer, (201, sent.clone()));
    }
    assert_eq!(app.count("auth_user").await, 1);
    // A number that was only pretended is free.
    let answer = program
        .post("registration/", registration("bob@example.com", "2"))
        .await;
    assert_eq!(answer, (201, sent));
    assert_eq!(app.count("auth_user").await, 2);
}

async fn columns_of_a_model_of_djangos_are_taken_as_they_are(db: TestDb) {
    // As Django makes them: no default in the database.
    let make = [
        "ALTER TABLE auth_user ADD COLUMN gender varchar(10) NOT NULL DEFAULT ''",
        "ALTER TABLE auth_user ADD COLUMN phone_number varchar(30) NOT NULL DEFAULT ''",
        "CREATE UNIQUE INDEX users_user_phone_number_key ON auth_user (phone_number)",
    ];
    for statement in make {
        db.db.conn().execute(statement, &[]).await.unwrap();
    }
    if db.db.dialect() == hallpass::store::Dialect::Postgres {
        for column in ["gender", "phone_number"] {
            let statement = format!("ALTER TABLE auth_user ALTER COLUMN {column} DROP DEFAULT");
            db.db.conn().execute(&statement, &[]).await.unwrap();
        }
    }
    let app = app_with(db, EXAMPLE, |_| {}).await;
    let columns = &app.hallpass.settings().hallpass.user_fields;
    assert_eq!(check_with(&app.db.db, columns).await.unwrap(), []);
    assert_eq!(
        migrate_with(&app.db.db, columns).await.unwrap(),
        Vec::<String>::new()
    );
    let mut program = signed_up(&app, registration("ann@example.com", "1")).await;
    assert_eq!(program.get("user/").await.1["gender"], "F");
    let (status, refused) = program
        .post("registration/", registration("bob@example.com", "1"))
        .await;
    assert_eq!(status, 400, "{refused}");
}

async fn columns_that_do_not_fit_are_named(db: TestDb) {
    let app = app_with(db, "", |_| {}).await;
    app.user("ann", "").await;
    let columns = load(Some(("hallpass.toml", EXAMPLE)), [])
        .unwrap()
        .settings
        .hallpass
        .user_fields;
    let told = || async {
        let found = check_with(&app.db.db, &columns).await.unwrap();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let missing = told().await;
    assert!(
        missing.len() == 2
            && missing[0].contains("auth_user.gender is missing")
            && missing[0].contains("hallpass migrate"),
        "{missing:?}"
    );
    // Those who are there already stay, and make no two alike.
    app.user("bob", "").await;
    let done = migrate_with(&app.db.db, &columns).await.unwrap();
    assert_eq!(
        done,
        [
            "column auth_user.gender added",
            "column auth_user.phone_number added"
        ]
    );
    assert_eq!(told().await, Vec::<String>::new());
    assert_eq!(
        migrate_with(&app.db.db, &columns).await.unwrap(),
        Vec::<String>::new()
    );
    if app.db.db.dialect() == hallpass::store::Dialect::Postgres {
        app.sql("ALTER TABLE auth_user ALTER COLUMN phone_number TYPE varchar(20)")
            .await;
        let narrow = told().await;
        assert!(
            narrow.len() == 1 && narrow[0].contains("takes 20 characters"),
            "{narrow:?}"
        );
    }
    app.sql("DROP INDEX hallpass_user_own_phone_number").await;
    let doubled = told().await;
    assert!(
        doubled
            .iter()
            .any(|what| what.contains("(phone_number) twice")),
        "{doubled:?}"
    );
}

/// The answers, those that went well first.
async fn at_once(
    tries: impl Iterator<Item = impl Future<Output = (u16, Value)> + Send + 'static>,
) -> Vec<(u16, Value)> {
    let running: Vec<_> = tries.map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers.sort_by_key(|(status, _)| *status);
    answers
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let row = app.db.db.conn().query_opt(sql, &[]).await.unwrap().unwrap();
    row.get(0).unwrap()
}
