//! Fields of the operator's own: what may be in them; and of those that have columns, whose it is.

pub(crate) mod typed;

use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::{UserId, timestamp};
use crate::error::{Error, Failure, Refusal};
use crate::flows::passwords::check_field;
use crate::settings::{ExtraField, ExtraKind, UserField};
use crate::store::user_field::Given;
use crate::store::{self, Conn};

/// The declared columns.
pub(crate) fn declared(cx: &Cx) -> Vec<UserField> {
    cx.hallpass().settings().hallpass.user_fields.clone()
}

/// A text as the column will hold it. `by`: who wants it, if there is an account already.
///
/// # Errors
/// A failure; inside, what the text is refused for.
pub(crate) async fn clean(
    conn: Conn<'_>,
    field: &UserField,
    text: &str,
    by: Option<UserId>,
) -> Result<Result<Value, Refusal>, Failure> {
    let value = match clean_text(&field.field, text) {
        Ok(Some(value)) => value,
        Ok(None) => field.blank(),
        Err(refusal) => return Ok(Err(refusal)),
    };
    // What an integer column takes on every database.
    let wide = value
        .as_i64()
        .is_some_and(|number| i32::try_from(number).is_err());
    if field.field.kind == ExtraKind::Number && wide {
        return Ok(Err(Refusal::Invalid("")));
    }
    if field.unique && store::user_field::is_taken(conn, field, &value, by).await? {
        return Ok(Err(Refusal::NotUnique));
    }
    Ok(Ok(value))
}

/// [`clean`] for a value that a program gives: as if its text had been typed. Nothing is an empty field.
///
/// # Errors
/// As [`clean`].
pub(crate) async fn clean_value(
    conn: Conn<'_>,
    field: &UserField,
    value: &Value,
    by: Option<UserId>,
) -> Result<Result<Value, Refusal>, Failure> {
    let ticked = field.field.kind == ExtraKind::Checkbox;
    let text = match value {
        Value::Null => String::new(),
        Value::Bool(truth) if ticked => truth.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) if !ticked => number.to_string(),
        _ => return Ok(Err(Refusal::Invalid(""))),
    };
    clean(conn, field, &text, by).await
}

/// Values for columns by name, cleaned.
///
/// # Errors
/// [`Refusal::Several`] with every fault: [`Refusal::NoSuchField`] for a name that is no column's.
pub(crate) async fn clean_all(
    cx: &mut Cx,
    said: &Map<String, Value>,
    by: Option<UserId>,
) -> Result<Vec<Given>, Error> {
    let fields = declared(cx);
    let (mut given, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in said {
        let Some(field) = fields.iter().find(|field| field.name() == name) else {
            faults.push((shortened(name), Refusal::NoSuchField));
            continue;
        };
        match clean_value(cx.read(), field, value, by).await? {
            Ok(value) => given.push((field.clone(), value)),
            Err(refusal) => faults.push((name.clone(), refusal)),
        }
    }
    match faults.is_empty() {
        true => Ok(given),
        false => Err(Refusal::Several(faults).into()),
    }
}

/// A name that is nobody's may be of any length; what is told has an end.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Writes these columns, and no other.
///
/// # Errors
/// [`Refusal::Several`] with [`Refusal::NotUnique`] if somebody came first a moment ago: nothing of the transaction is left
/// then.
pub(crate) async fn write(cx: &mut Cx, user: UserId, given: &[Given]) -> Result<(), Error> {
    if given.is_empty() || store::user_field::set(cx.write().await?, user, given).await? {
        return Ok(());
    }
    // The transaction is spoiled.
    cx.undo().await;
    Err(match taken(cx, given, Some(user)).await? {
        Some(name) => Refusal::Several(vec![(name, Refusal::NotUnique)]),
        None => Refusal::NotUnique,
    }
    .into())
}

/// Every declared column with what `said` has for it.
pub(crate) fn columns(fields: Vec<UserField>, said: &Map<String, Value>) -> Vec<Given> {
    let given = fields.into_iter().map(|field| {
        let value = said.get(field.name()).cloned();
        let value = value.unwrap_or_else(|| field.blank());
        (field, value)
    });
    given.collect()
}

/// The first of these that is somebody else's, where it must not be.
///
/// # Errors
/// A failure.
pub(crate) async fn taken(
    cx: &mut Cx,
    given: &[Given],
    by: Option<UserId>,
) -> Result<Option<String>, Failure> {
    for (field, value) in given.iter().filter(|(field, _)| field.unique) {
        if store::user_field::is_taken(cx.read(), field, value, by).await? {
            return Ok(Some(field.name().to_owned()));
        }
    }
    Ok(None)
}

/// What was typed into a field; `None`: it was left empty.
///
/// # Errors
/// What it is refused for.
pub(crate) fn clean_text(field: &ExtraField, text: &str) -> Result<Option<Value>, Refusal> {
    let text = text.trim();
    if field.kind == ExtraKind::Checkbox {
        let ticked = !text.is_empty() && !matches!(text, "false" | "off" | "0");
        return match ticked || !field.required {
            true => Ok(Some(ticked.into())),
            false => Err(Refusal::Required("")),
        };
    }
    if text.is_empty() {
        return match field.required {
            true => Err(Refusal::Required("")),
            false => Ok(None),
        };
    }
    // Two of them have columns of Django's.
    let column = matches!(field.name.as_str(), "first_name" | "last_name");
    let most = if column {
        field.max_length.min(150)
    } else {
        field.max_length
    };
    check_field("", text, most)?;
    let lines = field.kind == ExtraKind::TextArea;
    if text
        .chars()
        .any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t')))
    {
        return Err(Refusal::Invalid(""));
    }
    let value = match field.kind {
        ExtraKind::Text | ExtraKind::TextArea | ExtraKind::Checkbox => text.into(),
        ExtraKind::Email => crate::domain::address::clean(text)
            .ok_or(Refusal::InvalidEmail)?
            .into(),
        ExtraKind::Number => {
            let number: i64 = text.parse().map_err(|_| Refusal::Invalid(""))?;
            number.into()
        }
        ExtraKind::Date => {
            let date = timestamp::date(text).ok_or(Refusal::Invalid(""))?;
            date.to_string().into()
        }
        ExtraKind::Select => match field.choices.iter().find(|(value, _)| value == text) {
            Some((value, _)) => value.as_str().into(),
            None => return Err(Refusal::InvalidChoice("")),
        },
    };
    Ok(Some(value))
}
