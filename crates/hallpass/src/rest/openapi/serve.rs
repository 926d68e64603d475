//! Where the document is: `schema/` as drf-spectacular has it, `openapi.json` for whoever looks for a file, and the page
//! [`super::page`].

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hallpass_django::signing::hex;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, Plain, document, page};
use crate::face::Face;
use crate::rest::answer::Reply;
use crate::rest::negotiate;

const OPENAPI: &str = "application/vnd.oai.openapi+json; version=3.1";
const JSON: &str = "application/json";

/// The document, written.
pub(crate) struct Told {
    pub(crate) document: Value,
    text: String,
    tag: String,
}

impl Told {
    fn of(face: &Face) -> Self {
        let document = document(face, &crate::rest::plain(face));
        let text = document.to_string();
        let tag = format!("\"{}\"", hex(&Sha256::digest(&text)[..16]));
        Told {
            document,
            text,
            tag,
        }
    }
}

/// The document of a site; written at the first call, which is when the routes are made.
pub(crate) fn told(face: &Face) -> &Told {
    face.told.get_or_init(|| Told::of(face))
}

/// The addresses of the document and of its page, where HALLPASS_REST_DOCS wants them.
pub(crate) fn addresses(face: &Face) -> Vec<Plain> {
    let settings = face.hallpass.settings();
    let mount = settings.hallpass.rest_mount();
    let Some(mount) = mount.filter(|_| settings.hallpass.rest_docs) else {
        return Vec::new();
    };
    let whole = json!({ "type": "object", "required": ["openapi", "info", "paths"] });
    let found = || {
        let example = json!({ "openapi": "3.1.0", "info": { "title": "Accounts and sign-in", "version": "1" }, "paths": {} });
        let found = Answer::new(StatusCode::OK, "The document.");
        found.body("Document", whole.clone(), example).kept()
    };
    let same = || {
        Answer::new(
            StatusCode::NOT_MODIFIED,
            "As the copy that If-None-Match names.",
        )
        .kept()
    };
    let formats = json!({ "type": "string", "enum": ["json", "openapi-json", ""] });
    let format = json!({
        "name": "format", "in": "query", "required": false,
        "description": "`json` for application/json, `openapi-json` for application/vnd.oai.openapi+json.",
        "schema": formats,
    });
    let refused = |status, when, words| Answer::detail(status, when, words);
    vec![
        Plain {
            path: format!("{mount}schema/"),
            handler: get(show),
            name: "Schema",
            description: "This document, as the header Accept or the parameter `format` wants it.",
            parameters: vec![format],
            answers: vec![
                found(),
                same(),
                refused(
                    StatusCode::NOT_FOUND,
                    "The parameter format asks for a form that there is not.",
                    "Not found.",
                ),
                refused(
                    StatusCode::NOT_ACCEPTABLE,
                    "The header Accept asks for a form that there is not.",
                    "Could not satisfy the request Accept header.",
                ),
            ],
            media: &["application/json", OPENAPI],
        },
        Plain {
            path: format!("{mount}openapi.json"),
            handler: get(show_file),
            name: "OpenAPI",
            description: "This document, as a file.",
            parameters: Vec::new(),
            answers: vec![found(), same()],
            media: &["application/json"],
        },
        Plain {
            path: format!("{mount}docs/"),
            handler: get(page::show),
            name: "Documentation",
            description: "This document, as a page for people.",
            parameters: Vec::new(),
            answers: vec![Answer::page(StatusCode::OK, "The page.")],
            media: &[],
        },
    ]
}

/// `GET schema/`
async fn show(State(face): State<Face>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let format = pairs.find(|(name, _)| name == "format");
    let format = format.map(|(_, value)| value.into_owned());
    let accept = request.headers().get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    let media = match format.as_deref() {
        Some("json") => JSON,
        Some("openapi-json") => OPENAPI,
        Some(other) if !other.is_empty() => return refused(&Reply::not_found()),
        // A browser shows JSON, and would put a type that it does not know into a file.
        _ => match negotiate::first(&accept, &[OPENAPI, JSON, "text/html"]) {
            Ok("text/html") => JSON,
            Ok(media) => media,
            Err(reply) => return refused(&reply),
        },
    };
    answer(&face, request.headers(), media)
}

/// `GET openapi.json`
async fn show_file(State(face): State<Face>, headers: HeaderMap) -> Response {
    answer(&face, &headers, JSON)
}

fn answer(face: &Face, asked: &HeaderMap, media: &'static str) -> Response {
    let told = told(face);
    let headers = [
        (header::ETAG, told.tag.as_str()),
        // Settings change it, at a start: whoever keeps a copy asks whether it is still so.
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept"),
    ];
    let known = asked.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok());
    let bare = |tag: &str| tag.trim().trim_start_matches("W/") == told.tag;
    if known.any(|tags| tags.trim() == "*" || tags.split(',').any(bare)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, media)];
    (headers, kind, told.text.clone()).into_response()
}

fn refused(reply: &Reply) -> Response {
    let headers = [(header::CONTENT_TYPE, JSON), (header::VARY, "Accept")];
    let body = reply.body.as_ref().map(Value::to_string);
    (reply.status, headers, body.unwrap_or_default()).into_response()
}
