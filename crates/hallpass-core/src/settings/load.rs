//! Loading: defaults, then the file, then the environment; every problem is collected.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::sections::{
    Account, Allauth, Csrf, Email, General, Hallpass, SectionTable, Security, Session, Settings,
};
use super::{checks, foreign};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file of this name.
    File(String),
    /// The environment.
    Environment,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => f.write_str(path),
            Origin::Environment => f.write_str("environment"),
        }
    }
}

/// Something that keeps the program from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub name: String,
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong and what to write.
    pub what: String,
}

/// All that is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(
            f,
            "{count} setting{} must be changed first:",
            if count == 1 { "" } else { "s" }
        )?;
        for problem in &self.0 {
            writeln!(
                f,
                "  {} ({}): {}",
                problem.name, problem.origin, problem.what
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A line of the listing.
#[derive(Debug, Clone)]
pub struct Row {
    /// The setting.
    pub name: &'static str,
    /// Its value as JSON, secrets masked.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
    /// What it is for.
    pub about: &'static str,
}

/// Settings, and where each came from.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
}

/// Calls a macro for every section.
macro_rules! each_section {
    ($do:ident) => {
        $do!(general, General);
        $do!(security, Security);
        $do!(session, Session);
        $do!(csrf, Csrf);
        $do!(email, Email);
        $do!(account, Account);
        $do!(allauth, Allauth);
        $do!(hallpass, Hallpass);
    };
}
pub(super) use each_section;

impl Loaded {
    /// Where a setting came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }

    /// Every setting, its value and its origin.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        macro_rules! list {
            ($section:ident, $type:ident) => {
                for (field, name, _, about) in $type::FIELDS {
                    let value = match *name {
                        "DATABASE_URL" => {
                            mask_url(self.settings.general.database_url.reveal()).into()
                        }
                        _ => self.settings.$section.show(field),
                    };
                    rows.push(Row {
                        name,
                        value,
                        origin: self.origin(name),
                        about,
                    });
                }
            };
        }
        each_section!(list);
        rows
    }

    /// Sets a field by its full name, which is a known one.
    fn set(&mut self, name: &str, origin: &Origin, applied: &Applied<'_>) -> Result<(), String> {
        macro_rules! try_section {
            ($section:ident, $type:ident) => {
                if let Some((field, full, ..)) =
                    $type::FIELDS.iter().find(|(_, full, ..)| *full == name)
                {
                    self.origins.insert(full, origin.clone());
                    return match applied {
                        Applied::Json(value) => self.settings.$section.set(field, value),
                        Applied::Text(text) => self.settings.$section.set_text(field, text),
                    };
                }
            };
        }
        each_section!(try_section);
        Err("is unknown".to_owned())
    }
}

enum Applied<'a> {
    Json(&'a Value),
    Text(&'a str),
}

/// Reads settings. `file` is the path and text of the TOML file, if there is one.
pub fn load(
    file: Option<(&str, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Problems> {
    let mut loaded = Loaded::default();
    let mut problems = Vec::new();
    if let Some((path, text)) = file {
        read_file(&mut loaded, path, text, &mut problems);
    }
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    for (name, text) in &environment {
        let origin = Origin::Environment;
        if is_known(name) {
            if let Err(what) = loaded.set(name, &origin, &Applied::Text(text)) {
                problems.push(Problem {
                    name: name.clone(),
                    origin,
                    what,
                });
            }
        } else if let Some(what) = foreign::unknown_in_environment(name, names()) {
            problems.push(Problem {
                name: name.clone(),
                origin,
                what,
            });
        }
    }
    checks::check(&loaded, &mut problems);
    if problems.is_empty() {
        Ok(loaded)
    } else {
        Err(Problems(problems))
    }
}

fn read_file(loaded: &mut Loaded, path: &str, text: &str, problems: &mut Vec<Problem>) {
    let origin = Origin::File(path.to_owned());
    let mut complain = |name: String, what: String| {
        problems.push(Problem {
            name,
            origin: origin.clone(),
            what,
        })
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            return complain(
                "the file".to_owned(),
                format!("is no TOML: {}", error.message()),
            );
        }
    };
    for (key, value) in &table {
        match value.as_table().filter(|_| is_table(key)) {
            Some(section) => {
                for (field, value) in section {
                    let name = full_name(key, field).unwrap_or_else(|| format!("[{key}] {field}"));
                    read_field(loaded, &origin, &name, value, &mut complain);
                }
            }
            None => {
                let name = full_name("", key).unwrap_or_else(|| key.clone());
                read_field(loaded, &origin, &name, value, &mut complain);
            }
        }
    }
}

fn read_field(
    loaded: &mut Loaded,
    origin: &Origin,
    name: &str,
    value: &toml::Value,
    complain: &mut impl FnMut(String, String),
) {
    let json = serde_json::to_value(value).unwrap_or(Value::Null);
    if !is_known(name) {
        return complain(name.to_owned(), foreign::unknown(name, names()));
    }
    if let Err(what) = loaded.set(name, origin, &Applied::Json(&json)) {
        complain(name.to_owned(), what);
    }
}

/// Every setting's full name.
pub(super) fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    macro_rules! list {
        ($section:ident, $type:ident) => {
            names.extend($type::FIELDS.iter().map(|(_, full, ..)| *full));
        };
    }
    each_section!(list);
    names
}

fn is_known(name: &str) -> bool {
    names().contains(&name)
}

fn is_table(key: &str) -> bool {
    let mut found = false;
    macro_rules! list {
        ($section:ident, $type:ident) => {
            found |= !$type::TABLE.is_empty() && $type::TABLE == key;
        };
    }
    each_section!(list);
    found
}

/// The full name of a field in a table; at the top level also a full name itself.
fn full_name(table: &str, field: &str) -> Option<String> {
    let mut found = None;
    macro_rules! list {
        ($section:ident, $type:ident) => {
            if $type::TABLE == table {
                found = found.or($type::FIELDS
                    .iter()
                    .find(|(known, ..)| *known == field)
                    .map(|(_, full, ..)| *full));
            }
        };
    }
    each_section!(list);
    let found = found.map(str::to_owned);
    found.or_else(|| (table.is_empty() && is_known(field)).then(|| field.to_owned()))
}

/// A database URL without its password.
pub(crate) fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}:********@{host}{tail}")
        }
        None => url.to_owned(),
    }
}
