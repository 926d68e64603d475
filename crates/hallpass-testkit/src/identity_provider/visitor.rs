//! Somebody at the provider's own pages, with a browser that knows cookies and forms and no JavaScript.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

/// A browser at a provider. Who came once is still signed in there when coming again.
#[derive(Clone)]
pub struct Visitor {
    http: reqwest::Client,
    issuer: Url,
    cookies: BTreeMap<String, String>,
}

/// How a provider sends a visitor back.
#[derive(Debug, Clone)]
pub struct Return {
    /// Where to, with the parameters if they are in the address.
    pub url: Url,
    /// What is posted there instead, with `response_mode=form_post`.
    pub form: Option<Vec<(String, String)>>,
}

impl Return {
    /// The path and what follows it, for a browser at the app.
    pub fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// The parameters, wherever they are.
    pub fn params(&self) -> Vec<(String, String)> {
        let in_address = || self.url.query_pairs().into_owned().collect();
        self.form.clone().unwrap_or_else(in_address)
    }

    /// One of them.
    pub fn param(&self, name: &str) -> Option<String> {
        let mut params = self.params().into_iter();
        params.find(|(known, _)| known == name).map(|(_, it)| it)
    }

    /// With this parameter in place of what was there; without it if there is no value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        let mut params = self.params();
        params.retain(|(known, _)| known != name);
        params.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        match &mut self.form {
            Some(form) => *form = params,
            None => {
                self.url.query_pairs_mut().clear().extend_pairs(params);
            }
        }
        self
    }
}

/// What is done at the page that asks.
enum Will<'a> {
    SignIn(&'a str),
    Cancel,
}

impl Visitor {
    pub(super) fn new(http: reqwest::Client, issuer: &str) -> Self {
        Visitor {
            http,
            issuer: Url::parse(issuer).expect("a URL"),
            cookies: BTreeMap::new(),
        }
    }

    /// Signs in as `login` if asked, agrees if asked, and is sent back.
    ///
    /// # Panics
    /// The provider shows something else, an error for instance.
    pub async fn visit(&mut self, authorization_url: &str, login: &str) -> Return {
        self.walk(authorization_url, &Will::SignIn(login)).await
    }

    /// Presses Cancel at the first page.
    ///
    /// # Panics
    /// There is none.
    pub async fn cancel(&mut self, authorization_url: &str) -> Return {
        self.walk(authorization_url, &Will::Cancel).await
    }

    async fn walk(&mut self, authorization_url: &str, will: &Will<'_>) -> Return {
        let mut url = Url::parse(authorization_url).expect("a URL");
        assert_eq!(url.origin(), self.issuer.origin(), "another's address");
        let mut fields: Option<Vec<(&str, &str)>> = None;
        for _ in 0..20 {
            let (status, location, text) = self.send(&url, fields.take()).await;
            if let Some(location) = location {
                url = url.join(&location).expect("a URL");
                if url.origin() != self.issuer.origin() {
                    return Return { url, form: None };
                }
                continue;
            }
            let forms = forms(&text);
            let Some((first, inside)) = forms.first() else {
                panic!("{url} answers {status}: {text}");
            };
            let action = url.join(first).expect("a URL");
            if action.origin() != self.issuer.origin() {
                return Return {
                    url: action,
                    form: Some(inside.clone()),
                };
            }
            assert_eq!(status, 200, "{url}: {text}");
            let cancel = || forms.iter().find(|(it, _)| it.ends_with("/cancel"));
            (url, fields) = match will {
                Will::Cancel => {
                    let (action, _) = cancel().expect("a button to cancel");
                    (url.join(action).expect("a URL"), Some(Vec::new()))
                }
                Will::SignIn(login) if first.ends_with("/login") => {
                    (action, Some(vec![("login", *login), ("password", "any")]))
                }
                Will::SignIn(_) => (action, Some(Vec::new())),
            };
        }
        panic!("sent on and on, at last to {url}");
    }

    async fn send(
        &mut self,
        url: &Url,
        fields: Option<Vec<(&str, &str)>>,
    ) -> (u16, Option<String>, String) {
        let request = match fields {
            Some(fields) => self.http.post(url.clone()).form(&fields),
            None => self.http.get(url.clone()),
        };
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request.header(COOKIE, cookies.join("; "));
        let answer = request.send().await.expect("an answer");
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie");
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let location = answer.headers().get(LOCATION);
        let location = location.map(|it| it.to_str().expect("an address").to_owned());
        let status = answer.status().as_u16();
        (status, location, answer.text().await.expect("a body"))
    }
}

type Form = (String, Vec<(String, String)>);

/// The forms of a page of tests/oidc-provider: where they go, and their hidden fields.
fn forms(page: &str) -> Vec<Form> {
    let forms = page.split("<form ").skip(1);
    forms
        .map(|form| {
            let inside = form.split("</form>").next().unwrap_or_default();
            let hidden = inside.split("<input type=\"hidden\" ").skip(1);
            let fields = hidden.map(|it| (attribute(it, "name"), attribute(it, "value")));
            (attribute(form, "action"), fields.collect())
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> String {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).expect("an attribute");
    let text = rest.split('"').next().unwrap_or_default();
    let text = text.replace("&quot;", "\"").replace("&#x27;", "'");
    let text = text.replace("&#39;", "'").replace("&lt;", "<");
    text.replace("&gt;", ">").replace("&amp;", "&")
}
