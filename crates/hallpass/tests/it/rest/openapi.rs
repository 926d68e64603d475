//! The OpenAPI document: that it is one, that every address is in it, that every answer is as it says.

mod drive;
mod providers;

use std::collections::BTreeSet;

use axum::body::Body;
use hallpass::settings::{RegisterPermission, Settings};
use hallpass_testkit::{TestDb, each_database};
use serde_json::{Value, json};

use super::contract::Contract;
use super::tokens::{Program, app, with_jwt, without_session};
use drive::{MODES, drive, site};

each_database!(
    the_document_is_one_in_every_mode,
    every_address_is_in_it_and_there,
    every_answer_is_as_it_says,
    it_is_served_to_programs_and_to_people,
    it_can_be_switched_off,
    it_holds_no_secret,
);

async fn the_document_is_one_in_every_mode(db: TestDb) {
    // As the OpenAPI Initiative publishes it, under Apache-2.0.
    let schema = include_str!("../../data/openapi-3.1.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for mode in MODES {
        let (app, _) = site(&db, mode).await;
        let contract = Contract::of(&app);
        let document = &contract.document;
        let faults: Vec<String> = validator
            .iter_errors(document)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", mode.name);
        let meta = jsonschema::draft202012::meta::validator();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas {
            assert!(meta.is_valid(schema), "{name}");
        }
        assert_references_lead_somewhere(document, document);
        let mut ids = BTreeSet::new();
        for (path, method, told) in contract.operations() {
            let id = told["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{method} {path}: {id} twice");
            assert_examples_fit(&contract, &format!("{method} {path}"), told);
        }
    }
}

fn assert_references_lead_somewhere(document: &Value, value: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(name)) = map.get("$ref") {
                assert!(document.pointer(&name[1..]).is_some(), "{name}");
            }
            for part in map.values() {
                assert_references_lead_somewhere(document, part);
            }
        }
        Value::Array(list) => {
            for part in list {
                assert_references_lead_somewhere(document, part);
            }
        }
        _ => {}
    }
}

/// What a person copies is what the schema lets be.
fn assert_examples_fit(contract: &Contract, name: &str, told: &Value) {
    let responses = told["responses"].as_object().unwrap().values();
    let responses = responses.map(|response| match response["$ref"].as_str() {
        Some(to) => contract.document.pointer(&to[1..]).unwrap(),
        None => response,
    });
    let bodies = responses.chain([&told["requestBody"]]);
    for body in bodies.filter_map(|body| body["content"].as_object()) {
        for content in body.values() {
            let several = content["examples"].as_object().into_iter().flatten();
            let all = several.map(|(_, it)| &it["value"]);
            for example in all.chain(content.get("example")) {
                let validator = contract.validator(&content["schema"]);
                let faults: Vec<_> = validator
                    .iter_errors(example)
                    .map(|it| it.to_string())
                    .collect();
                assert!(faults.is_empty(), "{name}: {example}: {faults:?}");
            }
        }
    }
}

/// Addresses by mode, written down once more: a route that comes is to be thought about here.
async fn every_address_is_in_it_and_there(db: TestDb) {
    let always = [
        "login_create",
        "logout_create",
        "user_retrieve",
        "user_update",
        "user_partial_update",
        "registration_create",
        "registration_account_email_verification_sent_retrieve",
        "socialaccounts_retrieve",
        "socialaccounts_disconnect_create",
        "social_login_create",
        "social_connect_create",
        "oidc_login_create",
        "oidc_connect_create",
        "schema_retrieve",
        "openapi_json_retrieve",
        "docs_retrieve",
        "index_retrieve",
    ];
    let passwords = [
        "password_change_create",
        "password_reset_create",
        "password_reset_confirm_create",
    ];
    let links = [
        "registration_verify_email_create",
        "registration_resend_email_create",
        "registration_account_confirm_email_retrieve",
    ];
    let tokens = ["token_verify_create", "token_refresh_create"];
    for mode in MODES {
        let (app, _) = site(&db, mode).await;
        let settings = app.hallpass.settings();
        let mut wanted: BTreeSet<&str> = always.into();
        let parts = [
            (passwords.as_slice(), !settings.hallpass.passwordless),
            (&links, !settings.account.email_verification_by_code_enabled),
            (&tokens, settings.rest_auth.use_jwt),
            (&["logout_retrieve"], settings.account.logout_on_get),
            (
                &[
                    "well_known_jwks_json_retrieve",
                    "root_well_known_jwks_json_retrieve",
                ],
                mode.name == "public keys",
            ),
        ];
        for (names, there) in parts {
            wanted.extend(names.iter().filter(|_| there));
        }
        let contract = Contract::of(&app);
        let operations = contract.operations();
        let ids = operations
            .iter()
            .map(|(.., told)| told["operationId"].as_str().unwrap());
        let ids: BTreeSet<&str> = ids.filter(|id| !id.ends_with("_metadata")).collect();
        assert_eq!(ids, wanted, "{}", mode.name);
        for (path, ..) in operations {
            let path = drive::real(&path);
            let answer = app
                .browser()
                .send("OPTIONS", &path, Body::empty(), None)
                .await;
            assert_ne!(answer.status, 404, "{}: {path}", mode.name);
        }
        for (_, method, told) in contract.operations() {
            if method == "OPTIONS" {
                let id = told["operationId"].as_str().unwrap();
                assert!(id.ends_with("_metadata"), "{id}");
            }
        }
    }
}

/// Every operation with all that can be sent; what is documented must come, and nothing else may.
async fn every_answer_is_as_it_says(db: TestDb) {
    let mut unseen: BTreeSet<(String, String, u16)> = BTreeSet::new();
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for mode in MODES {
        let (app, sites) = site(&db, mode).await;
        let contract = Contract::fresh(&app);
        drive(&app, &sites, &contract, mode).await;
        for (path, method, told) in contract.operations() {
            for (status, answer) in told["responses"].as_object().unwrap() {
                // Pages are not for programs.
                let media = answer["content"].as_object();
                let page = media.is_some_and(|media| media.keys().eq(["text/html"]));
                if page && told["operationId"] != "docs_retrieve" {
                    continue;
                }
                unseen.insert((method.clone(), path.clone(), status.parse().unwrap()));
            }
        }
        faults.extend(
            contract
                .faults
                .lock()
                .unwrap()
                .iter()
                .map(|it| format!("{}: {it}", mode.name)),
        );
        seen.extend(contract.seen.lock().unwrap().iter().cloned());
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    // What breaks the server is no part of a test of its answers.
    let missing: Vec<_> = unseen
        .difference(&seen)
        .filter(|(.., status)| *status < 500)
        .collect();
    assert!(
        missing.is_empty(),
        "documented, and never came: {missing:#?}"
    );
}

async fn it_is_served_to_programs_and_to_people(db: TestDb) {
    let app = app(db, without_session).await;
    let mut program = Program::of(&app);
    let openapi = "application/vnd.oai.openapi+json; version=3.1";
    for (accept, path, kind) in [
        ("*/*", "schema/", openapi),
        ("application/vnd.oai.openapi+json", "schema/", openapi),
        ("application/json", "schema/", "application/json"),
        ("application/json", "schema", "application/json"),
        ("text/html,*/*;q=0.8", "schema/", "application/json"),
        ("*/*", "schema/?format=json", "application/json"),
        ("image/png", "schema/?format=json", "application/json"),
        ("*/*", "schema/?format=openapi-json", openapi),
        ("*/*", "openapi.json", "application/json"),
    ] {
        program.0.headers.insert("accept", accept.to_owned());
        let (answer, document) = program.send("GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{accept} {path}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(document, Contract::of(&app).document);
        let tag = answer.header("etag").to_owned();
        for (known, status) in [
            (tag.as_str(), 304),
            (&format!("\"x\", W/{tag}"), 304),
            ("\"x\"", 200),
        ] {
            program.0.headers.insert("if-none-match", known.to_owned());
            let (answer, _) = program.send("GET", path, &Value::Null).await;
            assert_eq!(answer.status, status, "{known}");
        }
        program.0.headers.remove("if-none-match");
    }
    for (accept, path, status) in [
        ("image/png", "schema/", 406),
        ("*/*", "schema/?format=yaml", 404),
    ] {
        program.0.headers.insert("accept", accept.to_owned());
        let (answer, _) = program.send("GET", path, &Value::Null).await;
        assert_eq!(answer.status, status);
    }
    let (answer, _) = program.send("GET", "docs/", &Value::Null).await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = answer.text.replace("&#x2f;", "/").replace("&#x27;", "'");
    let contract = Contract::of(&app);
    for (path, method, told) in contract.operations() {
        if method == "OPTIONS" {
            continue;
        }
        let id = told["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("{method} {path}")), "{path}");
        assert!(page.contains(&format!("http://localhost{path}")), "{path}");
    }
    assert!(
        answer
            .text
            .contains("Unable to log in with provided credentials.")
    );
    assert!(!page.contains("<script"));
}

async fn it_can_be_switched_off(db: TestDb) {
    let app = app(db, |settings| settings.hallpass.rest_docs = false).await;
    let mut program = Program::of(&app);
    for path in ["schema/", "schema", "openapi.json", "docs/", "docs"] {
        assert_eq!(program.get(path).await.0, 404, "{path}");
    }
    let contract = Contract::of(&app);
    assert!(
        contract.document["paths"]
            .get("/dj-rest-auth/login/")
            .is_some()
    );
    assert!(
        contract.document["paths"]
            .get("/dj-rest-auth/schema/")
            .is_none()
    );
}

async fn it_holds_no_secret(db: TestDb) {
    let app = app(db, |settings: &mut Settings| {
        with_jwt(settings);
        let classes = &mut settings.rest_auth.register_permission_classes;
        *classes = vec![RegisterPermission::Staff];
        settings.hallpass.support_address = Some("help@example.com".to_owned());
        settings.hallpass.public_url = Some("https://accounts.example.com".to_owned());
        settings.hallpass.site_name = Some("Example".to_owned());
    })
    .await;
    let document = &Contract::of(&app).document;
    let text = document.to_string();
    assert!(!text.contains(hallpass_testkit::app::SECRET));
    assert_eq!(document["info"]["title"], "Example: accounts and sign-in");
    assert_eq!(document["info"]["contact"]["email"], "help@example.com");
    assert_eq!(
        document["servers"],
        json!([{ "url": "https://accounts.example.com" }])
    );
    let post = &document["paths"]["/dj-rest-auth/registration/"]["post"];
    let security = post["security"].as_array().unwrap();
    assert!(!security.contains(&json!({})), "only for the staff: {post}");
}
