//! Answers against the OpenAPI document of the site that gave them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_testkit::TestApp;
use hallpass_testkit::browser::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The document of a site, and what was seen of it.
pub(super) struct Contract {
    pub(super) document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
    /// Method, path and status of every answer that was checked.
    pub(super) seen: Mutex<BTreeSet<(String, String, u16)>>,
    /// What was noted, without failing yet.
    pub(super) faults: Mutex<BTreeSet<String>>,
}

/// Documents by settings: many programs ask one site.
static KNOWN: Mutex<Option<HashMap<String, Arc<Contract>>>> = Mutex::new(None);

/// What a method that the address does not have may be answered with: it is looked at after who asks and how.
const OTHER_METHOD: [u16; 8] = [401, 403, 404, 405, 406, 413, 429, 400];

impl Contract {
    /// The document of an app.
    pub(super) fn of(app: &TestApp) -> Arc<Self> {
        let key = format!("{:?}", app.hallpass.settings());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        let made = known.entry(key);
        Arc::clone(made.or_insert_with(|| Arc::new(Contract::fresh(app))))
    }

    /// The document of an app, of which nothing was seen yet.
    pub(super) fn fresh(app: &TestApp) -> Self {
        let document = app.hallpass.openapi();
        Contract {
            document: document.unwrap_or_else(|| json!({ "paths": {} })),
            validators: Mutex::default(),
            seen: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    /// Every operation: path, method, what the document says.
    pub(super) fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        let mut all = Vec::new();
        for (path, item) in paths {
            for (method, told) in item.as_object().unwrap() {
                all.push((path.clone(), method.to_uppercase(), told));
            }
        }
        all
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(name) => self.document.pointer(&name[1..]).unwrap(),
            None => value,
        }
    }

    /// The path as the document has it.
    fn path(&self, asked: &str) -> Option<&str> {
        let asked = asked.split('?').next().unwrap();
        let paths = self.document["paths"].as_object().unwrap();
        let fits = |known: &str| {
            let (known, asked) = (known.trim_end_matches('/'), asked.trim_end_matches('/'));
            let (known, asked) = (known.split('/'), asked.split('/'));
            known.clone().count() == asked.clone().count()
                && known.zip(asked).all(|(k, a)| k == a || k.starts_with('{'))
        };
        // An address as it stands goes before one with a part that may be anything.
        let known = paths.keys().map(String::as_str);
        known
            .filter(|known| fits(known))
            .min_by_key(|known| known.contains('{'))
    }

    /// What is not as the document says.
    pub(super) fn fault(&self, method: &str, asked: &str, answer: &Answer) -> Option<String> {
        let status = answer.status.as_u16();
        let Some(path) = self.path(asked) else {
            return (status != 404)
                .then(|| "an address that the document does not have".to_owned());
        };
        let item = &self.document["paths"][path];
        let documented = match method {
            "HEAD" => "get".to_owned(),
            other => other.to_lowercase(),
        };
        let Some(told) = item.get(&documented) else {
            let fine = OTHER_METHOD.contains(&status)
                && (status != 405 || !answer.header("allow").is_empty());
            return (!fine)
                .then(|| format!("{status} to a method that the document does not have"));
        };
        // Without its slash an address that needs one is another.
        let cut = !asked.split('?').next().unwrap().ends_with('/') && path.ends_with('/');
        if cut && status == 404 {
            return None;
        }
        self.seen
            .lock()
            .unwrap()
            .insert((method.to_owned(), path.to_owned(), status));
        let Some(response) = told["responses"].get(status.to_string()) else {
            return Some(format!("{status} is not documented"));
        };
        let response = self.resolve(response);
        self.headers(response, answer).or_else(|| {
            let empty = method == "HEAD" || response.get("content").is_none();
            match empty {
                true => {
                    (!answer.text.is_empty()).then(|| "a body that is not documented".to_owned())
                }
                false => self.body(response, answer),
            }
        })
    }

    fn headers(&self, response: &Value, answer: &Answer) -> Option<String> {
        for name in ["retry-after", "www-authenticate", "location", "etag"] {
            let told = response["headers"].as_object().into_iter().flatten();
            let told = told
                .into_iter()
                .find(|(known, _)| known.to_lowercase() == name);
            let there = answer.headers.contains_key(name);
            match told {
                None if there => return Some(format!("the header {name} is not documented")),
                Some((_, header)) if header["required"] == true && !there => {
                    return Some(format!("the header {name} is missing"));
                }
                _ => {}
            }
        }
        None
    }

    fn body(&self, response: &Value, answer: &Answer) -> Option<String> {
        let kind = answer.header("content-type");
        let content = response["content"].as_object().unwrap();
        let bare = |kind: &str| kind.split(';').next().unwrap().trim().to_owned();
        let found = content.iter().find(|(known, _)| bare(known) == bare(kind));
        let Some((_, told)) = found else {
            return Some(format!("the media type {kind:?} is not documented"));
        };
        if bare(kind) == "text/html" {
            return None;
        }
        let body: Value = match serde_json::from_str(&answer.text) {
            Ok(body) => body,
            Err(error) => return Some(format!("no JSON: {error}")),
        };
        let key = told["schema"].to_string();
        let validator = {
            let mut known = self.validators.lock().unwrap();
            let made = known
                .entry(key)
                .or_insert_with(|| Arc::new(self.validator(&told["schema"])));
            Arc::clone(made)
        };
        let faults: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| error.to_string())
            .collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    /// Checks against a schema of the document.
    pub(super) fn validator(&self, schema: &Value) -> Validator {
        let mut whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
        whole["components"] = self.document["components"].clone();
        whole["allOf"] = json!([schema]);
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&whole).unwrap()
    }

    /// Notes what is not as the document says, to fail with all of it together.
    pub(super) fn note(&self, method: &str, asked: &str, answer: &Answer) {
        if let Some(fault) = self.fault(method, asked, answer) {
            let shown: String = answer.text.chars().take(300).collect();
            let fault = format!("{method} {asked}: {} {shown}: {fault}", answer.status);
            self.faults.lock().unwrap().insert(fault);
        }
    }

    /// Fails where an answer is not as the document says.
    #[track_caller]
    pub(super) fn check(&self, method: &str, asked: &str, answer: &Answer) {
        if let Some(fault) = self.fault(method, asked, answer) {
            panic!(
                "{method} {asked}: {} {}: {fault}",
                answer.status, answer.text
            );
        }
    }
}
