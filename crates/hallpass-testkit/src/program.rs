//! A program that speaks JSON to an app.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{Answer, Browser};

/// A client of an app's interface: JSON goes and comes. Made by [`TestApp::program`](crate::TestApp::program).
#[derive(Clone)]
pub struct Program {
    browser: Browser,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if it is empty or no JSON.
    pub json: Value,
    /// The body as it came.
    pub text: String,
}

impl Program {
    pub(crate) fn new(mut browser: Browser) -> Self {
        browser
            .headers
            .insert("accept", "application/json".to_owned());
        Program {
            browser,
            headers: Vec::new(),
        }
    }

    /// Sends this header with everything from now on.
    pub fn header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Reads.
    pub async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, None).await
    }

    /// Sends JSON by POST.
    pub async fn post(&mut self, path: &str, json: &Value) -> Reply {
        self.send("POST", path, Some(json)).await
    }

    /// Sends JSON by PUT.
    pub async fn put(&mut self, path: &str, json: &Value) -> Reply {
        self.send("PUT", path, Some(json)).await
    }

    /// Sends JSON by PATCH.
    pub async fn patch(&mut self, path: &str, json: &Value) -> Reply {
        self.send("PATCH", path, Some(json)).await
    }

    /// Deletes.
    pub async fn delete(&mut self, path: &str) -> Reply {
        self.send("DELETE", path, None).await
    }

    /// Sends anything.
    pub async fn send(&mut self, method: &str, path: &str, json: Option<&Value>) -> Reply {
        let body = json.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        let kind = json.map(|_| "application/json");
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = headers.collect::<Vec<_>>();
        let answer = self.browser.send_with(method, path, body, kind, &headers);
        let Answer {
            status,
            headers,
            text,
        } = answer.await;
        Reply {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }
}
