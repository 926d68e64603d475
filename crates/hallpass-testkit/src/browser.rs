//! A browser without JavaScript: cookies, forms with their tokens, no following of redirects.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// One person's browser.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    /// Cookies by name.
    pub cookies: BTreeMap<String, String>,
    /// Headers sent with everything.
    pub headers: BTreeMap<&'static str, String>,
    /// The address that it comes from.
    pub peer: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Where it redirects.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// A header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The token of the page's form.
    pub fn csrf_token(&self) -> Option<&str> {
        let (_, rest) = self
            .text
            .split_once("name=\"csrfmiddlewaretoken\" value=\"")?;
        rest.split('"').next()
    }
}

impl Browser {
    /// A browser that knows nothing yet.
    pub fn new(router: Router) -> Self {
        let headers = BTreeMap::from([
            ("host", "localhost".to_owned()),
            ("user-agent", FIREFOX.to_owned()),
        ]);
        Browser {
            router,
            cookies: BTreeMap::new(),
            headers,
            peer: SocketAddr::from(([192, 0, 2, 10], 40_000)),
        }
    }

    /// Goes to another app with the same cookies.
    pub fn move_to(&mut self, router: Router) {
        self.router = router;
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, Body::empty(), None).await
    }

    /// Opens the page, fills its form and posts it there.
    pub async fn fill(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(path).await;
        // A page without a form: the bare secret of the cookie is as good, so that the answer is about what was posted.
        let bare = self.cookies.get("csrftoken").map(String::as_str);
        let token = page.csrf_token().or(bare).unwrap_or_default().to_owned();
        let mut all = vec![("csrfmiddlewaretoken", token.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    /// Posts fields as they are, without a token of its own.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.send(
            "POST",
            path,
            Body::from(body),
            Some("application/x-www-form-urlencoded"),
        )
        .await
    }

    /// Opens a page and goes where it is sent, as a browser does; the page at the end.
    ///
    /// # Panics
    /// It is sent on more than ten times.
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// Goes where an answer sends; the page at the end.
    ///
    /// # Panics
    /// It is sent on more than ten times.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            if !answer.status.is_redirection() {
                return answer;
            }
            let path = answer.location().to_owned();
            answer = self.get(&path).await;
        }
        panic!("sent on and on, at last to {}", answer.location());
    }

    /// Sends anything.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Body,
        kind: Option<&str>,
    ) -> Answer {
        self.send_with(method, path, body, kind, &[]).await
    }

    /// [`Browser::send`] with headers of this one request.
    pub async fn send_with(
        &mut self,
        method: &str,
        path: &str,
        body: Body,
        kind: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let line: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, line.join("; "));
        }
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let mut request = request.body(body).expect("a request");
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("a cookie");
            let (name, value) = line
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie");
            if line.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
