//! Columns of the operator's own in the user's table, as HALLPASS_USER_FIELDS declares them.
//!
//! Their names come from settings, which take small letters, digits and underscores alone; they are quoted all the same,
//! for `order` is a good name of a column too.

use serde_json::{Map, Value as Json};

use super::{Conn, DbError, Dialect, Sql, UserTable, Value};
use crate::domain::UserId;
use crate::error::Failure;
use crate::settings::{ExtraKind, UserField};

/// A column and what it is to hold.
pub type Given = (UserField, Json);

/// What every declared column holds, by name; empty if there is no such user.
pub async fn get(
    mut conn: Conn<'_>,
    user: UserId,
    fields: &[UserField],
) -> Result<Map<String, Json>, Failure> {
    let mut found = Map::new();
    if fields.is_empty() {
        return Ok(found);
    }
    let columns: Vec<_> = fields.iter().map(read_as).collect();
    let users = conn.users();
    let sql = format!(
        "SELECT {} FROM {} u WHERE u.{} = $1",
        columns.join(", "),
        users.quoted(),
        users.id()
    );
    let Some(row) = conn.query_opt(&sql, &[user.into()]).await? else {
        return Ok(found);
    };
    for (index, field) in fields.iter().enumerate() {
        let value = match field.field.kind {
            ExtraKind::Checkbox => row.get::<Option<bool>>(index)?.map(Json::from),
            ExtraKind::Number => row.get::<Option<i64>>(index)?.map(Json::from),
            _ => row.get::<Option<String>>(index)?.map(Json::from),
        };
        found.insert(field.name().to_owned(), value.unwrap_or(Json::Null));
    }
    Ok(found)
}

/// Sets columns. `false`: a value that must be unique is somebody else's; the transaction is spoiled then.
pub async fn set(mut conn: Conn<'_>, user: UserId, given: &[Given]) -> Result<bool, Failure> {
    if given.is_empty() {
        return Ok(true);
    }
    let users = conn.users();
    let (table, id) = (users.quoted(), users.id());
    let columns = |dialect| {
        let set = given.iter().enumerate().map(|(index, (field, _))| {
            let place = write_as(field, index + 2, dialect);
            format!("\"{}\" = {place}", field.name())
        });
        let set: Vec<_> = set.collect();
        format!("UPDATE {table} SET {} WHERE {id} = $1", set.join(", "))
    };
    let (sqlite, postgres) = (columns(Dialect::Sqlite), columns(Dialect::Postgres));
    let mut params: Vec<Value> = vec![user.into()];
    params.extend(given.iter().map(|(_, value)| bound(value)));
    let sql = Sql {
        sqlite: &sqlite,
        postgres: &postgres,
    };
    match conn.execute(sql, &params).await {
        Ok(_) => Ok(true),
        Err(DbError::Unique(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody but `by` has this value.
pub async fn is_taken(
    mut conn: Conn<'_>,
    field: &UserField,
    value: &Json,
    by: Option<UserId>,
) -> Result<bool, Failure> {
    if value.is_null() {
        return Ok(false);
    }
    let users = conn.users();
    let (table, id) = (users.quoted(), users.id());
    let select = |dialect| {
        let place = write_as(field, 1, dialect);
        format!(
            "SELECT 1 FROM {table} WHERE \"{}\" = {place} AND {id} <> $2 LIMIT 1",
            field.name()
        )
    };
    let (sqlite, postgres) = (select(Dialect::Sqlite), select(Dialect::Postgres));
    let sql = Sql {
        sqlite: &sqlite,
        postgres: &postgres,
    };
    let by = by.unwrap_or(UserId::NOBODY);
    let row = conn.query_opt(sql, &[bound(value), by.into()]).await?;
    Ok(row.is_some())
}

/// What follows the columns of Django's own in an INSERT: names, places from `$first` on, and values.
pub(super) fn in_insert(
    given: &[Given],
    first: usize,
    dialect: Dialect,
) -> (String, String, Vec<Value>) {
    let (mut names, mut places) = (String::new(), String::new());
    for (index, (field, _)) in given.iter().enumerate() {
        names.push_str(&format!(", \"{}\"", field.name()));
        places.push_str(&format!(", {}", write_as(field, first + index, dialect)));
    }
    let values = given.iter().map(|(_, value)| bound(value)).collect();
    (names, places, values)
}

/// The statements that make a column which is not there.
pub(super) fn ddl(users: &UserTable, field: &UserField, dialect: Dialect) -> String {
    let kind = match field.field.kind {
        ExtraKind::Text | ExtraKind::Email | ExtraKind::Select => {
            format!("varchar({})", field.longest().unwrap_or(1).max(1))
        }
        ExtraKind::TextArea => "text".to_owned(),
        ExtraKind::Number => "integer".to_owned(),
        ExtraKind::Date => "date".to_owned(),
        ExtraKind::Checkbox => match dialect {
            Dialect::Sqlite => "bool".to_owned(),
            Dialect::Postgres => "boolean".to_owned(),
        },
    };
    let rest = match (field.is_nullable(), field.field.kind, dialect) {
        // Those who are there already have nothing to say, and two of them would have the same.
        (true, ..) => "NULL",
        (false, _, _) if field.unique => "NULL",
        (false, ExtraKind::Checkbox, Dialect::Sqlite) => "NOT NULL DEFAULT 0",
        (false, ExtraKind::Checkbox, Dialect::Postgres) => "NOT NULL DEFAULT false",
        _ => "NOT NULL DEFAULT ''",
    };
    let name = field.name();
    let table = users.quoted();
    let mut ddl = format!("ALTER TABLE {table} ADD COLUMN \"{name}\" {kind} {rest};");
    if field.unique {
        ddl.push_str(&format!(
            "CREATE UNIQUE INDEX IF NOT EXISTS \"hallpass_user_own_{name}\" ON {table} (\"{name}\");"
        ));
    }
    ddl
}

fn read_as(field: &UserField) -> String {
    let name = field.name();
    match field.field.kind {
        // SQLite keeps it as text, and PostgreSQL's own type is not read here.
        ExtraKind::Date => format!("CAST(u.\"{name}\" AS text)"),
        _ => format!("u.\"{name}\""),
    }
}

fn write_as(field: &UserField, place: usize, dialect: Dialect) -> String {
    match (field.field.kind, dialect) {
        (ExtraKind::Date, Dialect::Postgres) => format!("CAST(CAST(${place} AS text) AS date)"),
        _ => format!("${place}"),
    }
}

fn bound(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => (*truth).into(),
        Json::Number(number) => number.as_i64().into(),
        Json::String(text) => text.into(),
        other => other.clone().into(),
    }
}
