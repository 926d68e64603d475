//! Fields of the operator's own: what may be in them; and of those that have columns, whose it is.

use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::{UserId, timestamp};
use crate::error::{Failure, Refusal};
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
