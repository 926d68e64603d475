//! The commands.

use hallpass_testkit::{TestDb, each_database};

use crate::program::{Person, Program, location};

each_database!(
    accounts_by_hand,
    accounts_with_columns_of_ones_own,
    apps_of_providers_by_hand,
    upkeep_by_hand
);

async fn accounts_by_hand(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program.set("DJANGO_SUPERUSER_PASSWORD", "kX9vq2LmPa7");
    let made = program.ok(&[
        "createsuperuser",
        "--noinput",
        "--username",
        "ann",
        "--email",
        "ann@EXAMPLE.com",
    ]);
    assert!(made.contains("Superuser created successfully."));
    let again = program.run(&["createsuperuser", "--noinput", "--username", "ANN"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already taken"));
    for bad in [
        vec!["--username", "a b"],
        vec!["--username", "b", "--email", "x"],
        vec![],
    ] {
        let arguments = [vec!["createsuperuser", "--noinput"], bad].concat();
        assert_eq!(
            program.run(&arguments).status.code(),
            Some(1),
            "{arguments:?}"
        );
    }
    let asks = program.run(&["createsuperuser", "--username", "x", "--email", ""]);
    assert!(
        String::from_utf8_lossy(&asks.stderr).contains("--noinput"),
        "no terminal"
    );
    let serving = program.serve();
    let login = |password: &'static str| {
        let url = serving.url("/accounts/login/");
        async move {
            Person::new()
                .fill(&url, &[("login", "ann"), ("password", password)])
                .await
                .status()
                .as_u16()
        }
    };
    assert_eq!(login("kX9vq2LmPa7").await, 302);
    let by_name = program.ok(&["link", "ann", "--base-url", &serving.origin]);
    let done = Person::new().fill(by_name.trim(), &[]).await;
    assert_eq!(location(&done), "/accounts/profile/");
    let by_address = program.ok(&["link", "Ann@example.com", "--base-url", &serving.origin]);
    assert_eq!(
        Person::new().fill(by_address.trim(), &[]).await.status(),
        302
    );
    assert_eq!(program.run(&["link", "nobody"]).status.code(), Some(1));
    let page = ["link", "ann", "--page", "/reports/7/?a=1#b"];
    let magic = program.ok(&[
        &page[..],
        &["--scope", "report:7", "--base-url", "https://shop.example/"],
    ]
    .concat());
    let start = "https://shop.example/reports/7/?a=1&sesame=";
    assert!(
        magic.starts_with(start) && magic.trim().ends_with("#b"),
        "{magic}"
    );
    let elsewhere = program.run(&["link", "ann", "--page", "https://evil.example/"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    assert_eq!(
        program.run(&["changepassword", "ann"]).status.code(),
        Some(1),
        "no terminal"
    );
    assert_eq!(login("kX9vq2LmPa7").await, 302);
    let weak = program.run_with(&["changepassword", "ann", "--stdin"], "12345678\n");
    assert_eq!(weak.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&weak.stderr).contains("too common"));
    let changed = program.run_with(&["changepassword", "ann", "--stdin"], "wT7nz4QrHb3\r\n");
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(login("kX9vq2LmPa7").await, 400);
    assert_eq!(login("wT7nz4QrHb3").await, 302);
}

async fn accounts_with_columns_of_ones_own(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    let fields = r#"[{"name": "gender", "type": "select", "choices": ["F", "M"], "required": true},
        {"name": "badge", "unique": true}]"#;
    program
        .set("HALLPASS_USER_FIELDS", fields)
        .set("ACCOUNT_USER_MODEL_USERNAME_FIELD", "")
        .set("DJANGO_SUPERUSER_PASSWORD", "kX9vq2LmPa7");
    let check = program.run(&["check"]);
    let told = String::from_utf8_lossy(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{told}");
    assert!(told.contains("auth_user.gender is missing"), "{told}");
    let migrated = program.ok(&["migrate"]);
    assert!(
        migrated.contains("column auth_user.gender added"),
        "{migrated}"
    );
    assert!(program.ok(&["check"]).contains("fit"));
    let make = |further: &[&str]| {
        let first = ["createsuperuser", "--noinput", "--email", "ann@example.com"];
        program.run(&[&first, further].concat())
    };
    for (further, words) in [
        (vec![], "gender: it is required"),
        (vec!["--field", "gender=Q"], "one of F, M"),
        (vec!["--field", "colour=red"], "declares no \"colour\""),
        (vec!["--field", "gender"], "name=value"),
        (
            vec!["--username", "ann", "--field", "gender=F"],
            "no user names",
        ),
    ] {
        let refused = make(&further);
        assert!(!refused.status.success(), "{further:?}");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains(words), "{further:?}: {told}");
    }
    let good = ["--field", "gender=F", "--field", "badge=7"];
    assert!(make(&good).status.success());
    let again = make(&good);
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(told.contains("badge: somebody has this already"), "{told}");
    // By address, since there is no name.
    let link = program.ok(&["link", "ann@example.com"]);
    assert!(link.contains("/login/link/"), "{link}");
}

#[test]
fn the_openapi_document_needs_nothing_but_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::bare(folder.path());
    program.set("REST_AUTH_USE_JWT", "true");
    let document: serde_json::Value = serde_json::from_str(&program.ok(&["openapi"])).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        document["paths"]
            .get("/dj-rest-auth/token/refresh/")
            .is_some()
    );
    assert!(
        document["components"]["securitySchemes"]
            .get("tokenAuth")
            .is_none()
    );
    let secret = "a-key-of-the-tests-that-nobody-may-see-0123456789";
    program.set("SIMPLE_JWT_SIGNING_KEY", secret);
    program.set("SECRET_KEY", secret);
    program.set("DATABASE_URL", "postgres://ann:hidden@127.0.0.1:1/nowhere");
    let told = program.ok(&["openapi"]);
    assert!(!told.contains(secret) && !told.contains("hidden"));
    let made = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(made, 0, "neither a secret nor a database");
    assert!(program.ok(&["openapi", "--help"]).contains("Examples:"));
    program.set("HALLPASS_REST_MOUNT", "");
    let none = program.run(&["openapi"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("HALLPASS_REST_MOUNT"));
}

async fn upkeep_by_hand(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    assert!(program.ok(&["migrate"]).contains("Nothing was missing."));
    assert!(
        program
            .ok(&["check"])
            .contains("Settings and database fit.")
    );
    db.db
        .conn()
        .execute("DROP TABLE hallpass_spent", &[])
        .await
        .unwrap();
    let missing = program.run(&["check"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("hallpass_spent is missing"));
    assert!(
        program
            .ok(&["migrate"])
            .contains("table hallpass_spent made")
    );
    assert!(
        program
            .ok(&["clearsessions"])
            .contains("0 expired sessions removed.")
    );
    assert!(program.ok(&["version"]).starts_with("hallpass "));
    assert!(program.ok(&["--help"]).contains("Examples:"));
    let settings = program.ok(&["settings"]);
    assert!(settings.contains("ACCOUNT_LOGIN_METHODS") && settings.contains("(environment)"));
    assert!(!settings.contains(hallpass_testkit::app::SECRET), "masked");
    assert!(program.ok(&["mail", "list"]).contains("No letters wait."));
    assert_eq!(program.run(&["mail", "drop", "17"]).status.code(), Some(1));
    assert_eq!(program.run(&["mail", "drop"]).status.code(), Some(2));
    program
        .set("EMAIL_USE_TLS", "yes")
        .set("EMAIL_USE_SSL", "yes")
        .set("HALLPASS_MONT", "/x/");
    let wrong = program.run(&["serve"]);
    assert_eq!(wrong.status.code(), Some(2));
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        told.contains("EMAIL_USE_TLS") && told.contains("HALLPASS_MOUNT"),
        "all at once: {told}"
    );
}

async fn apps_of_providers_by_hand(db: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::new(folder.path(), &db.url);
    program.set("HALLPASS_PUBLIC_URL", "https://shop.example");
    assert!(
        program
            .ok(&["social", "list"])
            .contains("There is no app yet")
    );
    let known = program.ok(&["social", "providers"]);
    assert!(
        known.lines().count() > 100 && known.contains("github\tGitHub"),
        "{known}"
    );
    let add = [
        "social",
        "add",
        "github",
        "--client-id",
        "abc",
        "--secret-stdin",
    ];
    let added = program.run_with(&add, "gh-secret-1\n");
    let told = String::from_utf8_lossy(&added.stdout).into_owned();
    assert!(added.status.success(), "{added:?}");
    assert!(
        told.contains("https://shop.example/accounts/github/login/callback/"),
        "{told}"
    );
    let keycloak = [
        "social",
        "add",
        "openid_connect",
        "--provider-id",
        "company",
        "--client-id",
        "c",
        "--app-settings",
        r#"{"server_url": "https://keycloak.example/realms/main"}"#,
    ];
    let told = program.ok(&keycloak);
    assert!(
        told.contains("/accounts/oidc/company/login/callback/"),
        "{told}"
    );
    let listed = program.ok(&["social", "list"]);
    assert!(
        listed.contains("github\tabc") && listed.contains("company\tc"),
        "{listed}"
    );
    assert!(!listed.contains("gh-secret-1") && !told.contains("gh-secret-1"));
    let rows = program.ok(&["social", "list", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows[0]["provider"], "github");
    for (arguments, words) in [
        (
            vec!["add", "githab", "--client-id", "a"],
            "is no provider that is known here",
        ),
        (vec!["add", "github"], "--client-id is needed"),
        (
            vec!["add", "openid_connect", "--client-id", "a"],
            "--provider-id is needed",
        ),
        (
            vec!["add", "github", "--client-id", "a", "--app-settings", "[]"],
            "must be a map",
        ),
        (vec!["remove", "999"], "there is no app 999"),
    ] {
        let answer = program.run(&[vec!["social"], arguments.clone()].concat());
        assert_eq!(answer.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let id = rows[0]["id"].to_string();
    assert!(program.ok(&["social", "remove", &id]).contains("removed"));
    assert!(!program.ok(&["social", "list"]).contains("github"));
}
