//! A provider for the tests of this room.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::description::Provider;
use super::path::Gathered;
use super::{App, Call, Memory, Permits, catalogue};
use crate::domain::Timestamp;
use crate::outbound::{Options, Outbound};
use crate::settings::Secret;

/// A description of the least that there must be.
pub const LEAST: &str = r#"
name = "Example"
kind = "oauth2"
[authorize]
url = "https://example.com/authorize"
[token]
url = "https://example.com/token"
[account]
uid = "id"
uid_reason = "a number, given once"
"#;

/// A provider, an app and the way out, which calls borrow.
pub struct Example {
    pub provider: Provider,
    pub app: App,
    pub outbound: Outbound,
    pub memory: Memory,
    pub now: Timestamp,
    pub permits: Permits,
    pub query_email: bool,
}

impl Example {
    /// With a description, which must be a good one.
    pub fn new(description: &str) -> Self {
        let provider = catalogue::read("example", description, true).unwrap();
        Example {
            provider,
            app: App {
                id: None,
                provider: "example".to_owned(),
                provider_id: String::new(),
                name: "Example".to_owned(),
                client_id: "client-1".to_owned(),
                secret: Secret::new("secret-1"),
                key: Secret::new("key-1"),
                settings: Map::new(),
            },
            outbound: outbound(),
            memory: Memory::default(),
            now: Timestamp::from_seconds(1_800_000_000),
            permits: Permits::default(),
            query_email: true,
        }
    }

    /// The same, and settings of the app.
    pub fn with(description: &str, settings: Value) -> Self {
        let mut example = Example::new(description);
        example.app.settings = members(settings);
        example
    }

    pub fn call(&self) -> Call<'_> {
        Call {
            provider: &self.provider,
            app: &self.app,
            outbound: &self.outbound,
            memory: &self.memory,
            redirect_uri: "https://app.example/accounts/example/login/callback/",
            now: self.now,
            query_email: self.query_email,
            permits: self.permits,
        }
    }
}

/// One for all: to make one is to read all certificates.
fn outbound() -> Outbound {
    static ONE: OnceLock<Outbound> = OnceLock::new();
    let make = || {
        Outbound::new(Options {
            private: vec!["127.0.0.1".to_owned()],
            ..Options::default()
        })
    };
    ONE.get_or_init(|| make().unwrap()).clone()
}

/// What is wrong with a description.
pub fn faults(description: &str) -> Vec<String> {
    match catalogue::read("example", description, false) {
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    }
}

/// The members of an object.
pub fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// A whole, and a token endpoint's answer.
pub fn gathered(whole: Value, token: Value) -> Gathered {
    Gathered {
        whole: members(whole),
        token,
        callback: members(json!({"shop": "a-shop"})),
        id_token: Value::Null,
    }
}
