//! A struct of the app's own for the columns of the operator's own: which columns it names, and the way there and back.

use std::cell::Cell;

use serde::de::value::Error as Ended;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::Serialize;
use serde_json::{Map, Value};

use crate::error::Failure;

/// The members that a type asks for by name; `None` if it takes whatever there is, as a map does.
pub(crate) fn names_of<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let asked = Asked(Cell::new(None));
    // It always ends in an error: there is nothing to read yet.
    drop(T::deserialize(&asked));
    asked.0.get()
}

/// Hears what is asked for, and gives nothing.
struct Asked(Cell<Option<&'static [&'static str]>>);

impl<'de> Deserializer<'de> for &Asked {
    type Error = Ended;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Ended> {
        Err(Ended::custom("nothing is here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Ended> {
        self.0.set(Some(fields));
        Err(Ended::custom("nothing is here"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Ended> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The struct, of what stands in the columns that it names.
///
/// # Errors
/// A failure, if a member is of a type that its column is not: a text where a column may be empty, for instance.
pub(crate) fn read<T: DeserializeOwned>(mut values: Map<String, Value>) -> Result<T, Failure> {
    if let Some(names) = names_of::<T>() {
        values.retain(|name, _| names.contains(&name.as_str()));
    }
    serde_json::from_value(Value::Object(values))
        .map_err(|error| Failure::from_source("a profile does not fit its columns", error))
}

/// What a struct says, by column.
///
/// # Errors
/// A failure, if it is none.
pub(crate) fn members<T: Serialize>(profile: &T) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(profile) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Failure::new("a profile is a struct with named members")),
        Err(error) => Err(Failure::from_source("a profile", error)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Partial {
        #[serde(rename = "size")]
        height: Option<i64>,
        gender: String,
    }

    #[derive(Serialize, Deserialize)]
    struct Wrapped(Partial);

    #[derive(Deserialize)]
    struct Flat {
        #[serde(flatten)]
        _all: HashMap<String, Value>,
    }

    #[test]
    fn a_type_says_what_it_asks_for() {
        assert_eq!(names_of::<Partial>(), Some(&["size", "gender"][..]));
        assert_eq!(names_of::<Wrapped>(), Some(&["size", "gender"][..]));
        assert_eq!(names_of::<Flat>(), None);
        assert_eq!(names_of::<Map<String, Value>>(), None);
        assert_eq!(names_of::<String>(), None);
    }

    #[test]
    fn there_and_back() {
        let Value::Object(columns) = json!({ "size": 180, "gender": "F", "birthday": null }) else {
            return;
        };
        let partial: Result<Partial, _> = read(columns.clone());
        let expected = Partial {
            height: Some(180),
            gender: "F".to_owned(),
        };
        assert_eq!(partial.ok(), Some(expected));
        assert!(read::<HashMap<String, String>>(columns).is_err());
        assert!(members(&5).is_err());
        let wrapped = Wrapped(Partial {
            height: None,
            gender: String::new(),
        });
        assert!(members(&wrapped).is_ok());
    }
}
