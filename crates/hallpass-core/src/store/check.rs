//! Compares a database with what is needed, and says what to do.
//!
//! What Django's versions and apps vary in is tolerated: bigger keys, longer texts, columns more that fill themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::migrate::{existing, tables};
use super::{Db, Dialect, Sql, UserTable};
use crate::error::Failure;
use crate::settings::{UserColumn, UserField, UserKey};

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A table is missing.
    Table(String),
    /// A column is missing.
    Column(String, String),
    /// A column is of another kind: table, column, found, needed.
    Kind(String, String, String, String),
    /// A column that must be given but is not ours: no user can be made.
    Demanding(String, String),
    /// These columns are not unique together.
    Unique(String, String),
    /// `django_site` has no row, so this site has neither name nor domain.
    NoSite,
    /// A declared column is missing: table, column.
    Declared(String, String),
    /// A declared column takes fewer characters than its field: table, column, taken, needed.
    Narrow(String, String, usize, usize),
    /// A declared column must be filled, though its field need not be: table, column.
    NotNull(String, String),
    /// A column of an app's own user is missing: table, column.
    Own(String, String),
    /// A column is there that HALLPASS_USER_WITHOUT says is not: table, column.
    There(String, String),
    /// The key of an app's own user is another one: table, column, what it holds, what HALLPASS_USER_KEY should say.
    Key(String, String, String, &'static str),
    /// The column of the address must be filled, though people may be without one: table, column.
    NoAddress(String, String),
    /// An index would make this faster. Advice, no fault.
    Slow(String, String),
}

impl Difference {
    /// Whether it works nevertheless.
    pub fn is_advice(&self) -> bool {
        matches!(self, Difference::Slow(..))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Table(table) => {
                write!(f, "table {table} is missing: run `hallpass migrate`")
            }
            Difference::Column(table, column) => {
                write!(
                    f,
                    "column {table}.{column} is missing: run the migrations of the Django that owns the table"
                )
            }
            Difference::Kind(table, column, found, needed) => {
                write!(
                    f,
                    "column {table}.{column} holds {found} where {needed} is needed: change its type"
                )
            }
            Difference::Demanding(table, column) => {
                write!(
                    f,
                    "column {table}.{column} must be given but is unknown here: give it a default in the database"
                )
            }
            Difference::Unique(table, columns) => {
                write!(
                    f,
                    "{table} may hold the same ({columns}) twice: add a unique index on them"
                )
            }
            Difference::NoSite => {
                write!(
                    f,
                    "django_site has no row: run `hallpass migrate`, or add your site in Django's admin"
                )
            }
            Difference::Declared(table, column) => {
                write!(
                    f,
                    "column {table}.{column} is missing, which HALLPASS_USER_FIELDS declares: run `hallpass migrate`"
                )
            }
            Difference::Narrow(table, column, taken, needed) => {
                write!(
                    f,
                    "column {table}.{column} takes {taken} characters, and HALLPASS_USER_FIELDS lets people write \
                     {needed}: set its \"max_length\" to {taken}"
                )
            }
            Difference::NotNull(table, column) => {
                write!(
                    f,
                    "column {table}.{column} must not be NULL, but HALLPASS_USER_FIELDS lets it stay empty: make it \
                     \"required\", or drop the column's NOT NULL"
                )
            }
            Difference::Own(table, column) => {
                write!(
                    f,
                    "column {table}.{column} is missing: run the migrations of the Django that owns the table, or name \
                     the column in HALLPASS_USER_WITHOUT"
                )
            }
            Difference::There(table, column) => {
                write!(
                    f,
                    "column {table}.{column} is there: take it out of HALLPASS_USER_WITHOUT"
                )
            }
            Difference::Key(table, column, found, key) => {
                write!(
                    f,
                    "column {table}.{column} holds {found}: set HALLPASS_USER_KEY to \"{key}\""
                )
            }
            Difference::NoAddress(table, column) => {
                write!(
                    f,
                    "column {table}.{column} must not be NULL, but people may be without an address here: drop its NOT \
                     NULL, or have everybody sign up and sign in with an address"
                )
            }
            Difference::Slow(table, columns) => {
                write!(
                    f,
                    "{table} has no index on ({columns}): looking there will be slow; add one"
                )
            }
        }
    }
}

struct Column {
    kind: &'static str,
    /// An integer that takes fewer than eight bytes.
    narrow: bool,
    /// Whether the database keeps integers of different sizes apart.
    sized: bool,
    demanding: bool,
    not_null: bool,
    /// The most characters, if there is a most.
    longest: Option<i64>,
}

type Columns = BTreeMap<(String, String), Column>;
/// Table, columns, whether unique.
type Indexes = BTreeSet<(String, String, bool)>;

/// Every difference; an empty list is a database that fits. Columns of one's own: [`check_with`].
pub async fn check(db: &Db) -> Result<Vec<Difference>, Failure> {
    check_with(db, &[]).await
}

/// [`check`], and the columns of HALLPASS_USER_FIELDS.
pub async fn check_with(db: &Db, fields: &[UserField]) -> Result<Vec<Difference>, Failure> {
    // What is needed, read off a database that has it: SQLite's form serves for both.
    let model = Db::memory()?.with_users(db.users().clone());
    super::migrate_with(&model, fields).await?;
    let (wanted, found) = (columns(&model).await?, columns(db).await?);
    let there = existing(db.conn()).await?;
    let users = db.users();
    let needed: Vec<_> = tables(users, Dialect::Sqlite)
        .into_iter()
        .map(|(table, _)| table)
        .filter(|table| table != "django_migrations")
        .collect();
    let mut differences: Vec<_> = needed
        .iter()
        .filter(|table| !there.contains(*table))
        .map(|table| Difference::Table(table.clone()))
        .collect();
    let is_there =
        |table: &str| needed.iter().any(|needed| needed == table) && there.contains(table);
    let is_key = |table: &str, column: &str| {
        users.is_own() && table == users.name() && column == users.key_column()
    };
    for ((table, column), want) in wanted.iter().filter(|((table, _), _)| is_there(table)) {
        match found.get(&(table.clone(), column.clone())) {
            None if table == users.name() && fields.iter().any(|field| field.name() == column) => {
                differences.push(Difference::Declared(table.clone(), column.clone()));
            }
            None if table == users.name() && users.is_own() => {
                differences.push(Difference::Own(table.clone(), column.clone()));
            }
            None => differences.push(Difference::Column(table.clone(), column.clone())),
            Some(have) if is_key(table, column) => {
                differences.extend(another_key(users, have));
            }
            Some(have)
                if users.key_kind() == UserKey::Bigint && column == "user_id" && have.narrow =>
            {
                let (have, want) = ("integer".to_owned(), "bigint".to_owned());
                differences.push(Difference::Kind(table.clone(), column.clone(), have, want));
            }
            Some(have) if !fits(have.kind, want.kind) => {
                let (have, want) = (have.kind.to_owned(), want.kind.to_owned());
                differences.push(Difference::Kind(table.clone(), column.clone(), have, want));
            }
            Some(_) => {}
        }
    }
    for ((table, column), have) in found.iter().filter(|((table, _), _)| is_there(table)) {
        if table == users.name() && lacked(users).any(|lacked| lacked == column) {
            differences.push(Difference::There(table.clone(), column.clone()));
        } else if have.demanding && !wanted.contains_key(&(table.clone(), column.clone())) {
            differences.push(Difference::Demanding(table.clone(), column.clone()));
        }
    }
    let own = |column: &str| (users.name().to_owned(), column.to_owned());
    if is_there(users.name()) {
        for field in fields {
            if let Some(have) = found.get(&own(field.name())) {
                differences.extend(declared(users, field, have));
            }
        }
        if let Some(column) = users.column(UserColumn::Email)
            && !users.email_is_always_there()
            && found.get(&own(column)).is_some_and(|have| have.not_null)
        {
            let (table, column) = own(column);
            differences.push(Difference::NoAddress(table, column));
        }
    }
    let missing = |table: &str, column: &str| {
        let declared = table == users.name() && fields.iter().any(|field| field.name() == column);
        declared && !found.contains_key(&(table.to_owned(), column.to_owned()))
    };
    // Without user names it is unique as Django makes it; here that is not needed.
    let may_be_twice =
        |table: &str, column: &str| users.is_own() && own_email(users) == (table, Some(column));
    let (wanted, indexed) = (indexes(&model).await?, indexes(db).await?);
    for (table, columns, unique) in wanted.iter().filter(|(table, ..)| is_there(table)) {
        let has = |unique| indexed.contains(&(table.clone(), columns.clone(), unique));
        if missing(table, columns) {
            continue;
        }
        if *unique && !has(true) && may_be_twice(table, columns) {
            continue;
        }
        if *unique && !has(true) {
            differences.push(Difference::Unique(table.clone(), columns.clone()));
        } else if !unique && !has(true) && !has(false) {
            differences.push(Difference::Slow(table.clone(), columns.clone()));
        }
    }
    if there.contains("django_site") && super::site::is_empty(db.conn()).await? {
        differences.push(Difference::NoSite);
    }
    differences.sort();
    Ok(differences)
}

/// Where a column that is there does not take what its field takes.
fn declared(users: &UserTable, field: &UserField, have: &Column) -> Vec<Difference> {
    let mut differences = Vec::new();
    let place = || (users.name().to_owned(), field.name().to_owned());
    let taken = have
        .longest
        .and_then(|longest| usize::try_from(longest).ok());
    if let (Some(taken), Some(needed)) = (taken, field.longest())
        && taken < needed
    {
        let (table, column) = place();
        differences.push(Difference::Narrow(table, column, taken, needed));
    }
    if have.not_null && field.is_nullable() && !field.field.required {
        let (table, column) = place();
        differences.push(Difference::NotNull(table, column));
    }
    differences
}

/// What HALLPASS_USER_KEY should be, if it is something else.
fn another_key(users: &UserTable, have: &Column) -> Option<Difference> {
    let is = match have.kind {
        "a UUID" => UserKey::Uuid,
        "integer" if have.narrow => UserKey::Integer,
        "integer" => UserKey::Bigint,
        _ => {
            let (found, needed) = (have.kind.to_owned(), "integer or a UUID".to_owned());
            let (table, column) = (users.name().to_owned(), users.key_column().to_owned());
            return Some(Difference::Kind(table, column, found, needed));
        }
    };
    let (word, found) = match is {
        UserKey::Uuid => ("uuid", "a UUID"),
        UserKey::Integer => ("integer", "integer"),
        UserKey::Bigint => ("bigint", "bigint"),
    };
    // SQLite's integers are all of eight bytes, whatever Django calls them.
    let whole = |key| key != UserKey::Uuid;
    let same = users.key_kind() == is || (!have.sized && whole(is) && whole(users.key_kind()));
    (!same).then(|| {
        Difference::Key(
            users.name().to_owned(),
            users.key_column().to_owned(),
            found.to_owned(),
            word,
        )
    })
}

/// What Django calls the columns that the user's table lacks.
fn lacked(users: &UserTable) -> impl Iterator<Item = &'static str> {
    UserColumn::ALL
        .into_iter()
        .filter(|column| !users.has(*column))
        .map(UserColumn::name)
}

fn own_email(users: &UserTable) -> (&str, Option<&str>) {
    (users.name(), users.column(UserColumn::Email))
}

fn fits(have: &str, want: &str) -> bool {
    have == want
        // A type that somebody made reads and writes as text, whatever else it may refuse.
        || (want == "text" && matches!(have, "json" | "an address" | "its own type"))
}

async fn columns(db: &Db) -> Result<Columns, Failure> {
    let sql = Sql {
        sqlite: "SELECT m.name, c.name, lower(c.type), c.\"notnull\" = 1 AND c.dflt_value IS NULL AND c.pk = 0, \
                 c.\"notnull\" = 1, NULL \
                 FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
        postgres: "SELECT table_name::text, column_name::text, \
                   lower(CASE udt_name WHEN 'citext' THEN 'citext' ELSE data_type END), is_nullable = 'NO' \
                   AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER', \
                   is_nullable = 'NO', character_maximum_length::bigint \
                   FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false))",
    };
    let mut columns = Columns::new();
    for row in db.conn().query(sql, &[]).await? {
        let declared: String = row.get(2)?;
        let sized = db.dialect() == Dialect::Postgres;
        let column = Column {
            kind: kind(&declared),
            narrow: sized && matches!(declared.as_str(), "integer" | "smallint"),
            sized,
            demanding: row.get(3)?,
            not_null: row.get(4)?,
            longest: row.get(5)?,
        };
        columns.insert((row.get(0)?, row.get(1)?), column);
    }
    Ok(columns)
}

/// What a declared type holds, in words.
fn kind(declared: &str) -> &'static str {
    // What UUIDField is on PostgreSQL, and on SQLite.
    if matches!(declared, "uuid" | "char(32)") {
        return "a UUID";
    }
    match declared.split('(').next().unwrap_or_default().trim() {
        "integer" | "bigint" | "smallint" | "int" => "integer",
        "bool" | "boolean" => "true or false",
        "datetime" | "timestamp with time zone" | "timestamp" => "time",
        "date" => "a date",
        // citext: what CIEmailField made, which Django had until 5.1.
        "varchar" | "char" | "text" | "character varying" | "character" | "citext" => "text",
        "json" | "jsonb" => "json",
        "inet" | "cidr" => "an address",
        "user-defined" => "its own type",
        _ => "something else",
    }
}

async fn indexes(db: &Db) -> Result<Indexes, Failure> {
    let sql = Sql {
        sqlite: "SELECT m.name, (SELECT group_concat(coalesce(c.name, 'lower(' || \
                 CASE WHEN i.name LIKE '%email' THEN 'email' ELSE 'username' END || ')'), ', ') \
                 FROM pragma_index_info(i.name) c), i.\"unique\" = 1 \
                 FROM sqlite_master m JOIN pragma_index_list(m.name) i WHERE m.type = 'table'",
        postgres: "SELECT t.relname::text, (SELECT string_agg(trim(both '\"' from replace(replace( \
                   pg_get_indexdef(x.indexrelid, k.n, true), '::text', ''), '((', '(')), ', ' ORDER BY k.n) \
                   FROM generate_series(1, x.indnkeyatts) k(n)), x.indisunique \
                   FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid \
                   JOIN pg_namespace s ON s.oid = t.relnamespace WHERE s.nspname = ANY (current_schemas(false))",
    };
    let mut indexes = Indexes::new();
    for row in db.conn().query(sql, &[]).await? {
        let table: String = row.get(0)?;
        let columns: String = row.get(1)?;
        let mut columns = plain(&columns);
        // SQLite tells no expression: the name of the index says which column of Django's it is.
        if db.dialect() == Dialect::Sqlite && table == db.users().name() {
            for column in [UserColumn::Username, UserColumn::Email] {
                if let Some(name) = db.users().column(column)
                    && columns == format!("lower({})", column.name())
                {
                    columns = format!("lower({name})");
                    break;
                }
            }
        }
        indexes.insert((table, columns, row.get(2)?));
    }
    Ok(indexes)
}

/// `lower(email)`, however many brackets a database writes around it.
fn plain(columns: &str) -> String {
    let noise = |c: char| matches!(c, '(' | ')' | '"');
    let columns = columns
        .split(", ")
        .map(|column| match column.strip_prefix("lower(") {
            Some(inner) => format!("lower({})", inner.trim_matches(noise)),
            None => column.trim_matches('"').to_owned(),
        });
    columns.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_migrate_makes_fits() {
        let db = Db::memory().unwrap();
        assert!(!super::super::migrate(&db).await.unwrap().is_empty());
        assert_eq!(
            super::super::migrate(&db).await.unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(check(&db).await.unwrap(), []);
    }
}
