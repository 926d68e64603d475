//! As much of HTML as our templates write: quoted attributes, everything closed.

use std::collections::BTreeMap;

const VOID: [&str; 5] = ["meta", "link", "input", "img", "br"];

/// One element, in the order of their openings.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// All text inside, blanks joined, escapes undone.
    pub(super) text: String,
    /// What it stands in, by position.
    pub(super) inside: Vec<usize>,
}

impl Element {
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains_key(attribute)
    }

    /// An attribute, empty if it is not there.
    pub(super) fn get(&self, attribute: &str) -> &str {
        self.attributes
            .get(attribute)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// Whether somebody fills it in.
    pub(super) fn is_field(&self) -> bool {
        match self.name.as_str() {
            "select" | "textarea" => true,
            "input" => self.get("type") != "hidden",
            _ => false,
        }
    }
}

/// Reads a page; a fault is a tag that is not closed, closed twice, or has an attribute twice.
pub(super) fn read(page: &str) -> Result<Vec<Element>, String> {
    let mut all: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        say(&mut all, &open, &rest[..at]);
        let end = rest.find('>').ok_or("a tag does not end")?;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().map(|it| all[it].name.as_str());
            if closed != Some(name) {
                return Err(format!("</{name}> closes {closed:?}"));
            }
            continue;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        all.push(Element {
            name: name.to_owned(),
            attributes: self::attributes(attributes)?,
            text: String::new(),
            inside: open.clone(),
        });
        if !VOID.contains(&name) {
            open.push(all.len() - 1);
        }
    }
    match open.last() {
        Some(it) => Err(format!("{} stays open", all[*it].name)),
        None => Ok(all),
    }
}

fn attributes(mut rest: &str) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(all);
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) = quoted.split_once('"').ok_or("a quote does not end")?;
            value = plain(inside);
            rest = after;
            if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
                return Err(format!("no blank after {name}"));
            }
        }
        if name.contains(['"', '\'', '<']) || all.insert(name.clone(), value).is_some() {
            return Err(format!("the attribute {name} is malformed or there twice"));
        }
    }
}

fn say(all: &mut [Element], open: &[usize], text: &str) {
    let words = plain(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let (before, after) = (
        text.starts_with(char::is_whitespace),
        text.ends_with(char::is_whitespace),
    );
    for at in open {
        let said = &mut all[*at].text;
        if before && !said.ends_with(' ') {
            said.push(' ');
        }
        said.push_str(&words);
        if after && !said.ends_with(' ') {
            said.push(' ');
        }
    }
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}

#[test]
fn faults_are_found() {
    assert!(read("<p><b>x</p></b>").is_err());
    assert!(read("<p>").is_err());
    assert!(read("<p id=\"a\" id=\"b\"></p>").is_err());
    assert!(read("<p id=\"a\"class=\"b\"></p>").is_err());
    let all = read("<p id=\"a\">x <b>y</b><br>&lt;</p>").unwrap();
    assert_eq!((all[0].text.as_str(), all[1].inside.len()), ("x y<", 1));
}
