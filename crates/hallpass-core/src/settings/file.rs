//! The TOML file: which key is which setting, and on which line it stands.
//!
//! `login_methods` under `[account]` and `ACCOUNT_LOGIN_METHODS` at the top are one setting; both at once are refused.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeTable, DeValue};

use super::field::Field;
use super::foreign;
use super::load::Reading;
use super::problem::Origin;
use super::sections::fields;

/// Reads the file's text.
pub(super) fn read(reading: &mut Reading, path: &str, text: &str) {
    // An editor on Windows may have put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or(text);
        let path = path.to_owned();
        let line = before.matches('\n').count() + 1;
        Origin::File { path, line }
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            // Only the parser's words, never the line itself: a secret may stand there.
            let what = format!("is no valid TOML: {}", error.message());
            return reading.refuse("the file", at(error.span().unwrap_or(0..0)), what);
        }
    };
    for (key, value) in table.get_ref() {
        let (name, origin) = (key.get_ref().as_ref(), at(key.span()));
        match value.get_ref().as_table().filter(|_| is_table(name)) {
            Some(section) => {
                for (key, value) in section {
                    let (field, origin) = (key.get_ref().as_ref(), at(key.span()));
                    set(reading, name, field, value.get_ref(), origin);
                }
            }
            None => set(reading, "", name, value.get_ref(), origin),
        }
    }
}

fn is_table(name: &str) -> bool {
    !name.is_empty() && fields().any(|field| field.table == name)
}

fn set(reading: &mut Reading, table: &str, key: &str, value: &DeValue<'_>, origin: Origin) {
    let known = |field: &&Field| {
        (field.table == table && field.key == key) || (table.is_empty() && field.name == key)
    };
    let Some(field) = fields().find(known) else {
        let name = if table.is_empty() {
            key.to_owned()
        } else {
            format!("[{table}] {key}")
        };
        let what = if table.is_empty() && value.is_table() {
            foreign::table(key)
        } else {
            misplaced(table, key).unwrap_or_else(|| foreign::unknown(&full_name(table, key)))
        };
        return reading.refuse(name, origin, what);
    };
    if let Origin::File { line, .. } = reading.loaded.origin(field.name) {
        let what = format!("stands in the file a second time, first on line {line}: keep one");
        return reading.refuse(field.name, origin, what);
    }
    let settings = &mut reading.loaded.settings;
    let set = json(value).and_then(|value| (field.read)(settings, &value));
    reading.note(field, origin, set);
}

/// The setting that the key is, had it been written in the right place. A key below a `[table]` belongs to that table,
/// which is easily forgotten.
fn misplaced(table: &str, key: &str) -> Option<String> {
    let written = |field: &&Field| field.key == key || field.name == key.to_uppercase();
    let mut homes = fields().filter(written);
    let (field, None) = (homes.next()?, homes.next()) else {
        return None;
    };
    let what = if field.table == table {
        format!("is written `{}` here", field.key)
    } else if field.table.is_empty() {
        let key = field.key;
        format!("belongs to the top of the file, above every [table]: write `{key}` there")
    } else {
        format!(
            "belongs under [{}]: write `{}` there",
            field.table, field.key
        )
    };
    Some(what)
}

/// What an unknown key would be called in full: with what the names of its table begin with.
fn full_name(table: &str, key: &str) -> String {
    let key = key.to_uppercase();
    match table {
        "" => key,
        "security" if !key.starts_with("SECURE_") => format!("SECURE_{key}"),
        "security" => key,
        table => {
            let prefix = format!("{}_", table.to_uppercase());
            if key.starts_with(&prefix) {
                key
            } else {
                prefix + key.as_str()
            }
        }
    }
}

/// TOML as JSON, which knows neither dates nor infinities.
fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(number) => Value::Number(integer(number)?),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or("is no number that a setting can have")?,
        DeValue::Datetime(_) => return Err("is a date: put quotes around it".to_owned()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| json(item.get_ref()));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
                let key: &toml::de::DeString<'_> = key.get_ref();
                Ok::<_, String>((key.clone().into_owned(), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(entry).collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

fn integer(number: &DeInteger<'_>) -> Result<Number, String> {
    i64::from_str_radix(number.as_str(), number.radix())
        .map(Number::from)
        .map_err(|_| "is larger than any setting can be".to_owned())
}
