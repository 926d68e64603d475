//! What goes into a statement and what comes back.

use crate::domain::{Timestamp, UserId};
use crate::error::Failure;

/// One SQL text, or two where the dialects differ. Never built from input.
#[derive(Debug, Clone, Copy)]
pub struct Sql<'a> {
    /// For SQLite.
    pub sqlite: &'a str,
    /// For PostgreSQL.
    pub postgres: &'a str,
}

impl<'a> From<&'a str> for Sql<'a> {
    fn from(text: &'a str) -> Self {
        Sql {
            sqlite: text,
            postgres: text,
        }
    }
}

impl<'a> From<&'a String> for Sql<'a> {
    fn from(text: &'a String) -> Self {
        Sql {
            sqlite: text,
            postgres: text,
        }
    }
}

/// A value bound to `$1`, or read from a column.
///
/// SQLite keeps `Bool` as 0 and 1, `Time` and `Json` as text (Django's forms); PostgreSQL has types of its own for
/// them. [`Row::get`] takes either.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// Any integer column.
    Int(i64),
    /// Text, and `inet` on PostgreSQL.
    Text(String),
    /// A point in time.
    Time(Timestamp),
    /// `jsonb` on PostgreSQL.
    Json(serde_json::Value),
    /// The key of a user: `uuid` or an integer on PostgreSQL, text without dashes or an integer on SQLite. One that a
    /// column cannot hold is nobody's there.
    Key(UserId),
}

macro_rules! from {
    ($($type:ty => |$v:ident| $make:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($v: $type) -> Value { $make }
        }
    )*};
}

from! {
    bool => |v| Value::Bool(v);
    i64 => |v| Value::Int(v);
    i32 => |v| Value::Int(v.into());
    u32 => |v| Value::Int(v.into());
    String => |v| Value::Text(v);
    &str => |v| Value::Text(v.to_owned());
    &String => |v| Value::Text(v.clone());
    Timestamp => |v| Value::Time(v);
    UserId => |v| Value::Key(v);
    serde_json::Value => |v| Value::Json(v);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// A type that can be read from a column.
pub trait FromValue: Sized {
    /// `None` if the value is of another kind.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            Value::Int(i @ (0 | 1)) => Some(*i == 1),
            _ => None,
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(i) => Some(*i),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Time(at) => Some(*at),
            Value::Text(text) => Timestamp::parse(text),
            _ => None,
        }
    }
}

impl FromValue for UserId {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(UserId::from_int(*number)),
            // As Django writes it on SQLite, or with the dashes that PostgreSQL's own type is shown with.
            Value::Text(text) if text.len() == 32 => UserId::from_hex(text),
            Value::Text(text) if text.len() == 36 => text.parse().ok(),
            _ => None,
        }
    }
}

impl FromValue for serde_json::Value {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Json(json) => Some(json.clone()),
            Value::Text(text) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// One row, read by position: the order of the select list is the contract between a statement and its reader.
#[derive(Debug, Clone)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The column at `index`, counted from 0. A wrong type or index is a defect of ours or a foreign schema: a failure.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, Failure> {
        let Some(value) = self.0.get(index) else {
            return Err(Failure::new(format!("column {index} is not in the row")));
        };
        T::from_value(value).ok_or_else(|| {
            Failure::new(format!(
                "column {index} holds no {}",
                std::any::type_name::<T>()
            ))
        })
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
