//! Where something is in what a provider answers: `person.emails.0.email`.
//!
//! A path is read once, with its description. Following one never fails: hostile answers have nothing there.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What was gathered about somebody, from whichever answer.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The whole: what the profile requests gave.
    pub whole: Map<String, Value>,
    /// The answer of the token endpoint.
    pub token: Value,
    /// What came back with the visitor. They can write there what they like.
    pub callback: Map<String, Value>,
    /// The claims of an id token that was verified.
    pub id_token: Value,
}

/// One path or several, of which the first that leads somewhere counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Path {
    ways: Vec<Way>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    root: Root,
    steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// In the whole.
    Whole,
    /// In the answer of the token endpoint.
    Token,
    /// In the parameters of the callback.
    Callback,
    /// In the claims of the id token.
    IdToken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A member, or a place in a list.
    Name(String),
    /// `*`: the first of all members or places where the rest leads somewhere.
    Any,
    /// `[primary]`: the first place of a list whose member `primary` is true.
    Where(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Written> for Path {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        let texts = match written {
            Written::One(text) => vec![text],
            Written::Several(texts) => texts,
        };
        let mut ways = Vec::new();
        for text in &texts {
            ways.extend(Path::parse(text)?.ways);
        }
        if ways.is_empty() {
            return Err("a path is missing".to_owned());
        }
        Ok(Path { ways })
    }
}

impl Path {
    /// Reads a path with its beginning: `token.user.id`, `emails.0|email`, `"a member.with dots".x`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ways = split(text, '|')?.into_iter().map(|way| {
            let mut steps = steps(way)?;
            let root = match steps.first() {
                Some(Step::Name(name)) if steps.len() > 1 && !way.starts_with('"') => {
                    match name.as_str() {
                        "token" => Root::Token,
                        "callback" => Root::Callback,
                        "id_token" => Root::IdToken,
                        _ => Root::Whole,
                    }
                }
                _ => Root::Whole,
            };
            if root != Root::Whole {
                steps.remove(0);
            }
            Ok(Way { root, steps })
        });
        Ok(Path {
            ways: ways.collect::<Result<_, String>>()?,
        })
    }

    /// Reads a path whose beginning is known.
    pub(super) fn below(root: Root, text: &str) -> Result<Self, String> {
        let ways = split(text, '|')?.into_iter().map(|way| {
            let steps = steps(way)?;
            Ok(Way { root, steps })
        });
        Ok(Path {
            ways: ways.collect::<Result<_, String>>()?,
        })
    }

    /// One member of the whole.
    pub(super) fn member(name: &str) -> Self {
        let steps = vec![Step::Name(name.to_owned())];
        let root = Root::Whole;
        Path {
            ways: vec![Way { root, steps }],
        }
    }

    /// Where its ways begin.
    pub fn roots(&self) -> impl Iterator<Item = Root> {
        self.ways.iter().map(|way| way.root)
    }

    /// The member to which each way leads in the end; `None`: a place that is found by looking.
    pub(super) fn ends(&self) -> impl Iterator<Item = Option<&str>> {
        self.ways.iter().map(|way| match way.steps.last() {
            Some(Step::Name(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The first that is neither missing nor null nor empty.
    pub fn find<'a>(&self, gathered: &'a Gathered) -> Option<&'a Value> {
        self.ways.iter().find_map(|way| match way.root {
            Root::Whole => from_members(&gathered.whole, &way.steps),
            Root::Token => follow(&gathered.token, &way.steps),
            Root::Callback => from_members(&gathered.callback, &way.steps),
            Root::IdToken => follow(&gathered.id_token, &way.steps),
        })
    }

    /// The same within one answer, wherever the path says that it begins.
    pub fn find_in<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        self.ways.iter().find_map(|way| follow(answer, &way.steps))
    }

    /// Puts a value where the first way leads, making what is missing: an answer that was never given.
    pub(super) fn put(&self, value: Value) -> Value {
        let Some(way) = self.ways.first() else {
            return value;
        };
        way.steps.iter().rev().fold(value, |inner, step| {
            let name = match step {
                Step::Name(name) => name.clone(),
                Step::Any | Step::Where(_) => "0".to_owned(),
            };
            Value::Object(Map::from_iter([(name, inner)]))
        })
    }
}

fn from_members<'a>(members: &'a Map<String, Value>, steps: &[Step]) -> Option<&'a Value> {
    match steps.split_first()? {
        (Step::Name(name), rest) => follow(members.get(name)?, rest),
        (Step::Any, rest) => members.values().find_map(|value| follow(value, rest)),
        (Step::Where(_), _) => None,
    }
}

fn follow<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    if steps.is_empty() {
        return Some(value).filter(|value| is_there(value));
    }
    match value {
        Value::Object(members) => from_members(members, steps),
        Value::Array(places) => match steps.split_first()? {
            (Step::Name(name), rest) => follow(places.get(place(name)?)?, rest),
            (Step::Any, rest) => places.iter().find_map(|value| follow(value, rest)),
            (Step::Where(name), rest) => {
                let so = |place: &&Value| place.get(name) == Some(&Value::Bool(true));
                follow(places.iter().find(so)?, rest)
            }
        },
        _ => None,
    }
}

/// `0`, `1` … as they are written, not `+1` or `01`.
fn place(name: &str) -> Option<usize> {
    let place: usize = name.parse().ok()?;
    (place.to_string() == name).then_some(place)
}

/// Whether there is something: false and 0 are something, null and what is empty are not.
fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(places) => !places.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn steps(way: &str) -> Result<Vec<Step>, String> {
    let names = split(way, '.')?.into_iter().map(|name| {
        if let Some(quoted) = name.strip_prefix('"') {
            let inner = quoted.strip_suffix('"').filter(|it| !it.is_empty());
            let inner = inner.ok_or_else(|| format!("{name} is no name in quotes"))?;
            return Ok(Step::Name(inner.to_owned()));
        }
        let inner = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Some(member) = inner.filter(|it| !it.is_empty() && !it.contains(['[', ']'])) {
            return Ok(Step::Where(member.to_owned()));
        }
        match name {
            "*" => Ok(Step::Any),
            "" => Err(format!("the path \"{way}\" has an empty step")),
            _ if name.contains(|c: char| c.is_whitespace() || "{}[]\"*".contains(c)) => {
                Err(format!("\"{name}\" is no step of a path"))
            }
            name => Ok(Step::Name(name.to_owned())),
        }
    });
    names.collect()
}

/// Splits where no quotes are open.
fn split(text: &str, at: char) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (index, letter) in text.char_indices() {
        if letter == '"' {
            quoted = !quoted;
        } else if letter == at && !quoted {
            parts.push(&text[start..index]);
            start = index + letter.len_utf8();
        }
    }
    if quoted {
        return Err(format!("the quotes in \"{text}\" are not closed"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn gathered() -> Gathered {
        let Value::Object(whole) = json!({
            "id": 7, "none": null, "empty": "", "list": [], "no": false,
            "person": {"emails": [{"email": "a@example.com"}, {"email": "b@example.com"}]},
            "https://example.com/team": {"id": "T1"},
            "roles": {"x": {}, "y": {"name": "second"}},
            "token": {"id": "a member"},
            "blogs": [{"id": "b-1", "main": 1}, "b", {"id": "b-2", "main": true}, {"id": "b-3", "main": true}],
        }) else {
            panic!("an object")
        };
        Gathered {
            whole,
            token: json!({"user": {"id": "t-1"}}),
            callback: Map::from_iter([("shop".to_owned(), json!("c-1"))]),
            id_token: json!({"sub": "s-1"}),
        }
    }

    #[test]
    fn paths_lead_to_what_is_there() {
        let gathered = gathered();
        for (path, expected) in [
            ("id", Some(json!(7))),
            ("no", Some(json!(false))),
            ("none", None),
            ("empty", None),
            ("list", None),
            ("id.deeper", None),
            ("person.emails.1.email", Some(json!("b@example.com"))),
            ("person.emails.2.email", None),
            ("person.emails.01.email", None),
            ("person.emails.-1.email", None),
            ("person.emails.email", None),
            ("none|empty|id", Some(json!(7))),
            ("\"https://example.com/team\".id", Some(json!("T1"))),
            ("roles.*.name", Some(json!("second"))),
            ("person.emails.*.email", Some(json!("a@example.com"))),
            ("blogs.[main].id", Some(json!("b-2"))),
            ("blogs.[other].id", None),
            ("person.[main].id", None),
            ("token.user.id", Some(json!("t-1"))),
            ("token.id", None),
            ("\"token\".id", Some(json!("a member"))),
            ("callback.shop", Some(json!("c-1"))),
            ("id_token.sub", Some(json!("s-1"))),
        ] {
            let found = Path::parse(path).unwrap();
            assert_eq!(found.find(&gathered), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told() {
        for path in [
            "", "a..b", ".a", "a.", "a|", "a b", "a{b}", "\"a", "\"\".b", "a*", "a.[]", "a[b]",
            "[a",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_answer_can_be_made_up_for_a_path() {
        let path = Path::parse("data.access_token").unwrap();
        let answer = path.put(json!("at-1"));
        assert_eq!(answer, json!({"data": {"access_token": "at-1"}}));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            if let Ok(path) = Path::parse(&text) {
                let _ = path.find(&gathered());
            }
        }
    }
}
