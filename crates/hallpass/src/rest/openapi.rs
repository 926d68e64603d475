//! The OpenAPI document of the interface: what the views check and say, in a form that programs read.
//!
//! Nothing in it is written twice. Bodies are the fields that requests are checked by, methods and credentials those that
//! the router and the check go by; what an address answers stands beside the code that answers, as [`Answer`]s. So the
//! document is of the settings at hand, and changes with them.

mod answer;
mod page;
pub(super) mod schema;
mod security;
mod serve;

use std::collections::BTreeMap;

use axum::routing::MethodRouter;
use hallpass_core::settings::Renderer;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

pub(crate) use answer::{Answer, Shape};
pub(crate) use serve::{Told, addresses, told};

use super::fields::Spec;
use super::views::{self, View};
use super::{index, negotiate};
use crate::face::Face;

/// What bodies may be.
const TAKEN: [&str; 3] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
];

/// An address that no view answers: a GET, and what the document says of it.
pub(crate) struct Plain {
    /// From the root.
    pub(crate) path: String,
    pub(crate) handler: MethodRouter<Face>,
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: Vec<Value>,
    pub(crate) answers: Vec<Answer>,
    /// The media types of what it answers, pages aside.
    pub(crate) media: &'static [&'static str],
}

/// The document.
pub(crate) fn document(face: &Face, plain: &[Plain]) -> Value {
    let settings = face.hallpass.settings();
    let mount = settings
        .hallpass
        .rest_mount()
        .unwrap_or_default()
        .to_owned();
    let mut parts = Parts::default();
    let mut paths = Map::new();
    let index = index::has_place(&mount, &[]).then_some(&index::INDEX);
    for view in views::of(face).into_iter().chain(index) {
        let path = format!("{mount}{}", view.path_in(face));
        let mut item = Map::new();
        for method in view.methods.iter().chain([&Method::OPTIONS]) {
            let told = parts.operation(face, view, method, &mount);
            item.insert(method.as_str().to_ascii_lowercase(), told);
        }
        paths.insert(path, item.into());
    }
    for it in plain {
        let told = parts.plain(it, &mount);
        paths.insert(it.path.clone(), json!({ "get": told }));
    }
    parts.share(&mut paths);
    let formats = json!({ "type": "string", "enum": ["json", "api", ""] });
    parts.schemas.insert("Format".to_owned(), formats);
    let schemas: Map<String, Value> = parts.schemas.into_iter().collect();
    let public = settings.hallpass.public_url.as_deref();
    let server = public.map_or("/", |url| url.trim_end_matches('/'));
    json!({
        "openapi": "3.1.0",
        "info": info(face),
        "servers": [{ "url": server }],
        "tags": tags(&paths),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": parts.responses,
            "parameters": { "Format": format_parameter(face), "Provider": provider_parameter(face) },
            "securitySchemes": security::schemes(face),
        },
    })
}

fn info(face: &Face) -> Value {
    let hallpass = &face.hallpass.settings().hallpass;
    let title = match &hallpass.site_name {
        Some(name) => format!("{name}: accounts and sign-in"),
        None => "Accounts and sign-in".to_owned(),
    };
    let license = env!("CARGO_PKG_LICENSE");
    let mut told = json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "The interface of dj-rest-auth, spoken by Hallpass.",
        "description": DESCRIPTION,
        "license": { "name": license, "identifier": license },
    });
    if let Some(address) = &hallpass.support_address {
        told["contact"] = json!({ "email": address });
    }
    if let Some(terms) = &hallpass.terms_url {
        told["termsOfService"] = terms.as_str().into();
    }
    told
}

const DESCRIPTION: &str = "Addresses answer with JSON, or with a page where a browser asks. The last slash may be left out, \
but for `registration/` and `registration/account-confirm-email/{key}/`.\n\n\
Blanks around a text are left away before it is checked, a number in the place of a text is taken as its text, and names \
that an address does not take are not looked at. In forms yes and no are `true` and `false`.\n\n\
HEAD answers as GET, without the body, and OPTIONS tells what an address takes. A method that an address does not have is answered with 405, \
`{\"detail\": \"Method \\\"DELETE\\\" not allowed.\"}` and the header Allow.";

fn format_parameter(face: &Face) -> Value {
    let renderers = &face.hallpass.settings().rest_framework;
    let names = renderers
        .default_renderer_classes
        .iter()
        .map(|one| match one {
            Renderer::Json => "json",
            Renderer::Page => "api",
        });
    let names: Vec<&str> = names.chain([""]).collect();
    json!({
        "name": "format", "in": "query", "required": false,
        "description": "The form of the answer, whatever the header Accept says: JSON, or a page. Empty, it is as if it were not there.",
        "schema": { "type": "string", "enum": names },
    })
}

/// The providers that are known, whether they have an app or not: one may come at any time.
fn provider_parameter(face: &Face) -> Value {
    let providers = face.hallpass.providers().all();
    let slugs = providers.filter(|provider| !provider.is_named_by_app());
    let slugs: Vec<&str> = slugs.map(|provider| provider.slug.as_str()).collect();
    json!({
        "name": "provider", "in": "path", "required": true,
        "description": "The provider. One that has no app here is answered with 404.",
        "schema": { "type": "string", "enum": slugs },
    })
}

/// The parameters of a view: those of its path, and the form of the answer.
fn parameters(view: &View) -> Value {
    let mut told = Vec::new();
    if view.path.contains("{provider}") {
        told.push(json!({ "$ref": "#/components/parameters/Provider" }));
    }
    if view.path.contains("{provider_id}") {
        told.push(json!({
            "name": "provider_id", "in": "path", "required": true,
            "description": "Which of the apps of OpenID Connect.",
            "schema": { "type": "string", "minLength": 1 },
        }));
    }
    if view.path.contains("{id}") {
        told.push(json!({
            "name": "id", "in": "path", "required": true,
            "description": "The `id` of the list.",
            "schema": { "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX },
        }));
    }
    told.push(json!({ "$ref": "#/components/parameters/Format" }));
    told.into()
}

/// What comes before an address among others: `password` for `password/reset/`.
fn tags(paths: &Map<String, Value>) -> Value {
    let mut names: Vec<&str> = Vec::new();
    let operations = paths.values().filter_map(Value::as_object).flatten();
    for tag in operations.filter_map(|(_, told)| told["tags"][0].as_str()) {
        if !names.contains(&tag) {
            names.push(tag);
        }
    }
    let words = |name: &str| match name {
        "login" => "Proving who one is.",
        "logout" => "Ending it.",
        "user" => "The account that asks.",
        "password" => "New passwords.",
        "token" => "JSON Web Tokens.",
        "registration" => "New accounts, and their addresses.",
        "social" => "Accounts at providers.",
        "keys" => "What others check tokens with.",
        _ => "This document.",
    };
    let told = names.iter();
    told.map(|name| json!({ "name": name, "description": words(name) }))
        .collect()
}

/// What comes together while operations are written.
#[derive(Default)]
struct Parts {
    schemas: BTreeMap<String, Value>,
    responses: Map<String, Value>,
}

impl Parts {
    fn operation(&mut self, face: &Face, view: &View, method: &Method, mount: &str) -> Value {
        let specs = (view.fields)(face);
        let answers = answer::of(face, view, method);
        let described = *method == Method::OPTIONS;
        let mut told = json!({
            "operationId": operation_id(stem(view), method),
            "tags": [tag(view.path)],
            "summary": if described { format!("{}: what it takes", view.name) } else { view.name.to_owned() },
            "description": if described { "What the address is called, what it does, and the fields that it takes." }
                else { view.description },
            "parameters": parameters(view),
            "security": security::of(face, view, method),
        });
        let takes = specs.iter().any(|spec| !spec.read_only);
        if !method.is_safe() && takes {
            told["requestBody"] = self.body(view, &specs, *method == Method::PATCH);
        }
        let errors = match takes {
            true => self.errors(face, view, &specs),
            false => String::new(),
        };
        let renderers = &face.hallpass.settings().rest_framework;
        let media = renderers.default_renderer_classes.iter();
        let media: Vec<_> = media.map(negotiate::media_type).collect();
        told["responses"] = self.answers(&answers, &errors, &media);
        if view.path == "registration/" && !described && !is_open(face) {
            let words = "Closed to strangers: only whom the site invites may register.";
            told["description"] = format!("{} {words}", view.description).into();
        }
        debug_assert!(!mount.is_empty());
        told
    }

    fn plain(&mut self, it: &Plain, mount: &str) -> Value {
        let path = it.path.strip_prefix(mount);
        let id = match path {
            Some(path) => operation_id(path, &Method::GET),
            None => format!("root_{}", operation_id(&it.path, &Method::GET)),
        };
        let path = path.unwrap_or(&it.path);
        json!({
            "operationId": id,
            "tags": [tag(path)],
            "summary": it.name,
            "description": it.description,
            "parameters": it.parameters,
            "security": [],
            "responses": self.answers(&it.answers, "", it.media),
        })
    }

    fn body(&mut self, view: &View, specs: &[Spec], partial: bool) -> Value {
        let name = match partial {
            true => format!("Patched{}Request", type_name(view)),
            false => format!("{}Request", type_name(view)),
        };
        self.schemas
            .insert(name.clone(), schema::request(specs, partial));
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let example = schema::request_example(specs, partial);
        let content: Map<String, Value> = TAKEN
            .iter()
            .map(|media| {
                let told = json!({ "schema": schema, "example": example });
                ((*media).to_owned(), told)
            })
            .collect();
        let required = !partial && specs.iter().any(|spec| spec.required);
        json!({ "required": required, "content": content })
    }

    /// The name of the schema of errors by field.
    fn errors(&mut self, face: &Face, view: &View, specs: &[Spec]) -> String {
        let mut names: Vec<&str> = vec!["non_field_errors"];
        let own = specs.iter().filter(|spec| !spec.read_only);
        names.extend(own.map(|spec| spec.name.as_str()));
        let answers = (view.answers)(face);
        for answer in &answers {
            if let Shape::Errors(more) = answer.shape {
                names.extend(
                    more.iter()
                        .filter(|name| !names.contains(name))
                        .collect::<Vec<_>>(),
                );
            }
        }
        let name = format!("{}Errors", type_name(view));
        self.schemas.insert(name.clone(), schema::errors(&names));
        name
    }

    fn answers(&mut self, answers: &[Answer], errors: &str, media: &[&str]) -> Value {
        let mut by_status: BTreeMap<u16, Vec<&Answer>> = BTreeMap::new();
        for answer in answers {
            let same = by_status.entry(answer.status.as_u16()).or_default();
            same.push(answer);
        }
        let told: Map<String, Value> = by_status
            .into_iter()
            .map(|(status, same)| (status.to_string(), self.answer(&same, errors, media)))
            .collect();
        told.into()
    }

    /// Answers of one status as one.
    fn answer(&mut self, same: &[&Answer], errors: &str, media: &[&str]) -> Value {
        let whens: Vec<&str> = unique(same.iter().map(|answer| answer.when.as_str()));
        let description = match whens.as_slice() {
            [one] => (*one).to_owned(),
            several => several.iter().map(|when| format!("- {when}\n")).collect(),
        };
        let mut told = json!({ "description": description.trim_end() });
        let mut headers = Map::new();
        for (name, _) in same.iter().flat_map(|answer| &answer.headers) {
            let always = |answer: &&Answer| answer.headers.contains(&(*name, true));
            headers.insert((*name).to_owned(), header(name, same.iter().all(always)));
        }
        if !headers.is_empty() {
            told["headers"] = headers.into();
        }
        let schemas: Vec<Value> = same
            .iter()
            .filter_map(|answer| self.schema(&answer.shape, errors))
            .collect();
        let mut content = Map::new();
        let is_page = |answer: &&Answer| matches!(answer.shape, Shape::Page);
        if let [first, ..] = schemas.as_slice() {
            let schemas: Vec<&Value> = unique(schemas.iter());
            let schema = match schemas.as_slice() {
                [_] => first.clone(),
                several => json!({ "anyOf": several }),
            };
            for media in media {
                let told = match *media {
                    "text/html" => json!({ "schema": { "type": "string" } }),
                    _ => with_examples(json!({ "schema": schema }), same),
                };
                content.insert((*media).to_owned(), told);
            }
        }
        if same.iter().any(is_page) {
            let page = json!({ "schema": { "type": "string" } });
            content.insert("text/html".to_owned(), page);
        }
        if !content.is_empty() {
            told["content"] = content.into();
        }
        told
    }

    fn schema(&mut self, shape: &Shape, errors: &str) -> Option<Value> {
        let (name, schema) = match shape {
            Shape::Nothing | Shape::Page => return None,
            Shape::Errors(_) => (errors, None),
            Shape::Known(name) => (*name, Some(schema::known(name))),
            Shape::Own(name, schema) => (*name, Some(schema.clone())),
        };
        if let Some(schema) = schema {
            let before = self.schemas.insert(name.to_owned(), schema.clone());
            debug_assert!(
                before.is_none_or(|before| before == schema),
                "two schemas are called {name}"
            );
        }
        Some(json!({ "$ref": format!("#/components/schemas/{name}") }))
    }

    /// Puts answers that many operations have where they can be named.
    fn share(&mut self, paths: &mut Map<String, Value>) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (_, response) in responses(paths) {
            *counts.entry(response.to_string()).or_default() += 1;
        }
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (status, response) in responses(paths) {
            let text = response.to_string();
            if status.starts_with(['2', '3']) || counts.get(&text).is_none_or(|count| *count < 3) {
                continue;
            }
            let name = names.entry(text).or_insert_with(|| {
                let status = status.parse().ok();
                let reason = status.and_then(|code| StatusCode::from_u16(code).ok());
                let reason = reason.and_then(|code| code.canonical_reason());
                let stem = reason.unwrap_or("Answer").replace(' ', "");
                let taken = |name: &String| self.responses.contains_key(name);
                let mut numbered = (2..).map(|number| format!("{stem}{number}"));
                let name = Some(stem.clone()).filter(|name| !taken(name));
                let name = name.or_else(|| numbered.find(|name| !taken(name)));
                let name = name.unwrap_or_default();
                self.responses.insert(name.clone(), response.clone());
                name
            });
            *response = json!({ "$ref": format!("#/components/responses/{name}") });
        }
    }
}

/// Every response of every operation, with its status.
fn responses(paths: &mut Map<String, Value>) -> impl Iterator<Item = (&str, &mut Value)> {
    let operations = paths.values_mut().filter_map(Value::as_object_mut);
    operations
        .flat_map(Map::values_mut)
        .filter_map(|told| told["responses"].as_object_mut())
        .flatten()
        .map(|(status, response)| (status.as_str(), response))
}

fn unique<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

fn with_examples(mut told: Value, same: &[&Answer]) -> Value {
    let shown: Vec<(&str, &Value)> = same
        .iter()
        .filter_map(|answer| Some((answer.when.as_str(), answer.example.as_ref()?)))
        .collect();
    match shown.as_slice() {
        [] => {}
        [(_, one)] => told["example"] = (*one).clone(),
        several => {
            let several = several.iter().enumerate().map(|(index, (when, value))| {
                let name = format!("case{}", index + 1);
                (name, json!({ "summary": when, "value": value }))
            });
            told["examples"] = Value::Object(several.collect());
        }
    }
    told
}

fn header(name: &str, always: bool) -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let text = json!({ "type": "string" });
    let (schema, words) = match name {
        "Retry-After" => (number, "Seconds until it is worth trying again."),
        "WWW-Authenticate" => (text, "How to say who asks."),
        "Allow" => (text, "The methods that the address has."),
        "Location" => (text, "Where it leads."),
        "Set-Cookie" => (text, "Cookies of a session or of tokens, set or deleted."),
        _ => (text, "By which a copy that was kept is told from another."),
    };
    json!({ "description": words, "required": always, "schema": schema })
}

/// What operations of a view are called by: its path, unless that is anybody's.
fn stem(view: &View) -> &str {
    match view.path {
        "{provider}/" => "social/login/",
        "{provider}/connect/" => "social/connect/",
        "oidc/{provider_id}/" => "oidc/login/",
        path => path,
    }
}

/// `password_reset_create`: as drf-spectacular names operations.
fn operation_id(path: &str, method: &Method) -> String {
    let action = match method.as_str() {
        "GET" => "retrieve",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "partial_update",
        _ => "metadata",
    };
    let path = if path.is_empty() { "index" } else { path };
    let parts = path.split('/').filter(|part| !part.starts_with('{'));
    let words: Vec<String> = parts
        .map(|part| part.trim_matches('.').replace(['-', '.'], "_"))
        .filter(|part| !part.is_empty())
        .chain([action.to_owned()])
        .collect();
    words.join("_")
}

fn tag(path: &str) -> &str {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match parts.next().unwrap_or_default() {
        ".well-known" => "keys",
        "" | "openapi.json" | "docs" => "schema",
        "{provider}" | "oidc" | "socialaccounts" => "social",
        first => first,
    }
}

/// What schemas of a view are called: `PasswordReset`.
fn type_name(view: &View) -> String {
    match view.path {
        "token/refresh/" => "CookieTokenRefresh".to_owned(),
        _ => view.name.replace(' ', ""),
    }
}

fn is_open(face: &Face) -> bool {
    face.hallpass.settings().hallpass.signup_open
}
