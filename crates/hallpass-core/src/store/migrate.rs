//! The schema: makes what is missing, alters nothing that is there but for columns that the operator declares.
//!
//! 1. Django's tables exactly as Django makes them, so that a Django can be started on them later; where we made all
//!    tables of a Django app, its migrations are marked as applied. The user's table may be an app's own: its migrations
//!    are left to that app.
//! 2. Our own tables, prefixed `hallpass_`.
//! 3. Columns of the operator's own in the user's table, each with a default, so that a Django which knows nothing of
//!    them still makes users.
//! 4. Django's default rows: content types, permissions, the site.
//!
//! All of it is one transaction under a lock: parallel starts wait for each other, and half a schema never stays.

mod own_user;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Conn, Db, Dialect, Sql, Tx, UserTable, user_field};
use crate::domain::Timestamp;
use crate::error::Failure;
use crate::settings::{UserColumn, UserField};

/// Django's own tables of users: not made where the app has its own.
const DJANGOS_USERS: [&str; 3] = [
    "auth_user",
    "auth_user_groups",
    "auth_user_user_permissions",
];

/// A table's name and what makes it, in the order in which they refer to each other.
pub(super) fn tables(users: &UserTable, dialect: Dialect) -> Vec<(String, String)> {
    let (django, ours) = match dialect {
        Dialect::Sqlite => (
            include_str!("migrate/sqlite.sql"),
            include_str!("migrate/ours_sqlite.sql"),
        ),
        Dialect::Postgres => (
            include_str!("migrate/postgres.sql"),
            include_str!("migrate/ours_postgres.sql"),
        ),
    };
    let parts = |text: &'static str| {
        text.split("\n-- table ")
            .skip(1)
            .filter_map(|part| part.split_once('\n'))
    };
    let (key, reference) = (
        own_user::key_type(users, dialect),
        own_user::reference(users),
    );
    let mut tables = Vec::new();
    for (table, ddl) in parts(django).chain(parts(ours)) {
        match DJANGOS_USERS.contains(&table) && users.is_own() {
            true if table == "auth_user" => tables.extend(own_user::tables(users, dialect)),
            true => {}
            false => {
                let ddl = ddl.replace("{user_key}", key);
                tables.push((table.to_owned(), ddl.replace("{users}", &reference)));
            }
        }
    }
    tables
}

/// The tables of Django's apps; all others are ours.
const APPS: [(&str, &[&str]); 9] = [
    ("contenttypes", &["django_content_type"]),
    (
        "auth",
        &[
            "auth_permission",
            "auth_group",
            "auth_group_permissions",
            "auth_user",
            "auth_user_groups",
            "auth_user_user_permissions",
        ],
    ),
    ("sites", &["django_site"]),
    ("sessions", &["django_session"]),
    (
        "account",
        &["account_emailaddress", "account_emailconfirmation"],
    ),
    (
        "socialaccount",
        &[
            "socialaccount_socialapp",
            "socialaccount_socialapp_sites",
            "socialaccount_socialaccount",
            "socialaccount_socialtoken",
        ],
    ),
    ("usersessions", &["usersessions_usersession"]),
    ("authtoken", &["authtoken_token"]),
    (
        "token_blacklist",
        &[
            "token_blacklist_outstandingtoken",
            "token_blacklist_blacklistedtoken",
        ],
    ),
];

/// Of these, the ones whose tables refer to the user's: a Django refuses a history in which they come before the app of
/// AUTH_USER_MODEL.
const AFTER_USERS: [&str; 5] = [
    "account",
    "socialaccount",
    "usersessions",
    "authtoken",
    "token_blacklist",
];

/// Indexes of ours on tables that we made: names and addresses are looked up without regard to case. Name, table, column.
fn lookups(users: &UserTable) -> Vec<(&'static str, String, String)> {
    let own = [
        ("hallpass_user_username", UserColumn::Username),
        ("hallpass_user_email", UserColumn::Email),
    ];
    let own = own.into_iter().filter_map(|(index, column)| {
        let column = users.column(column)?.to_owned();
        Some((index, users.name().to_owned(), column))
    });
    let address = (
        "hallpass_address_email",
        "account_emailaddress".to_owned(),
        "email".to_owned(),
    );
    own.chain([address]).collect()
}

#[derive(Deserialize)]
struct DjangoRows {
    content_types: Vec<ContentType>,
    migrations: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct ContentType {
    app: String,
    model: String,
    name: String,
}

/// Makes what is missing; what was done, in words. Nothing to do is an empty list. Columns of one's own are none of it:
/// [`migrate_with`].
pub async fn migrate(db: &Db) -> Result<Vec<String>, Failure> {
    migrate_with(db, &[]).await
}

/// [`migrate`], and the columns of HALLPASS_USER_FIELDS that are missing. A column that is there stays as it is.
pub async fn migrate_with(db: &Db, fields: &[UserField]) -> Result<Vec<String>, Failure> {
    let mut tx = db.begin().await.map_err(Failure::from)?;
    if db.dialect() == Dialect::Postgres {
        // Any constant, as long as it is always the same: "hallpass" in letters of a telephone.
        tx.conn()
            .query("SELECT pg_advisory_xact_lock(42557277)", &[])
            .await?;
    }
    let before = existing(tx.conn()).await?;
    let users = db.users();
    let mut done = Vec::new();
    for (table, ddl) in tables(users, db.dialect()) {
        if !before.contains(&table) {
            tx.batch(&ddl).await.map_err(|error| {
                Failure::from_source(format!("making {table}"), Failure::from(error))
            })?;
            done.push(format!("table {table} made"));
        }
    }
    for (index, table, column) in lookups(users) {
        if !before.contains(&table) {
            let ddl = format!("CREATE INDEX {index} ON \"{table}\" (lower(\"{column}\"))");
            tx.batch(&ddl).await.map_err(Failure::from)?;
        }
    }
    let table = users.name();
    let columns = columns_of(tx.conn(), table).await?;
    for field in fields {
        let name = field.name();
        if !columns.contains(name) {
            let ddl = user_field::ddl(users, field, db.dialect());
            tx.batch(&ddl).await.map_err(|error| {
                Failure::from_source(format!("adding {table}.{name}"), Failure::from(error))
            })?;
            done.push(format!("column {table}.{name} added"));
        }
    }
    fill(&mut tx, users, &before, &mut done).await?;
    tx.commit().await.map_err(Failure::from)?;
    Ok(done)
}

async fn fill(
    tx: &mut Tx,
    users: &UserTable,
    before: &BTreeSet<String>,
    done: &mut Vec<String>,
) -> Result<(), Failure> {
    let rows: DjangoRows = serde_json::from_str(include_str!("migrate/django.json"))
        .map_err(|error| Failure::from_source("the default rows", error))?;
    // As Django does after its own migrations: a site is added only where there is none.
    if super::site::is_empty(tx.conn()).await? {
        tx.conn()
            .execute("INSERT INTO django_site (id, domain, name) VALUES (1, 'example.com', 'example.com')", &[])
            .await?;
        if tx.conn().dialect() == Dialect::Postgres {
            tx.conn()
                .query(
                    "SELECT setval(pg_get_serial_sequence('django_site', 'id'), 1)",
                    &[],
                )
                .await?;
        }
        done.push("site example.com added".to_owned());
    }
    for content_type in &rows.content_types {
        let is_user = content_type.app == "auth" && content_type.model == "user";
        match is_user && users.is_own() {
            true => permissions(tx, &own_type(users)).await?,
            false => permissions(tx, content_type).await?,
        }
    }
    let now = Timestamp::now();
    // What the app of AUTH_USER_MODEL did is for its own Django to say.
    let unsaid = users.is_own() && !before.contains(users.name());
    for (app, tables) in APPS {
        let there = tables.iter().any(|table| before.contains(*table));
        if there || (unsaid && AFTER_USERS.contains(&app)) {
            continue;
        }
        for (_, name) in rows.migrations.iter().filter(|(owner, _)| owner == app) {
            tx.conn()
                .execute(
                    "INSERT INTO django_migrations (app, name, applied) VALUES ($1, $2, $3)",
                    &[app.into(), name.into(), now.into()],
                )
                .await?;
        }
        done.push(format!(
            "migrations of Django's app {app} marked as applied"
        ));
    }
    Ok(())
}

/// The content type of an app's own user, with the words that Django makes of a model's name.
fn own_type(users: &UserTable) -> ContentType {
    let (app, model) = users.model();
    let mut name = String::new();
    for letter in model.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.push(letter.to_ascii_lowercase());
    }
    ContentType {
        app: app.to_owned(),
        model: model.to_lowercase(),
        name,
    }
}

/// Django's four permissions of a model, where they are missing.
async fn permissions(tx: &mut Tx, content_type: &ContentType) -> Result<(), Failure> {
    let ContentType { app, model, name } = content_type;
    tx.conn()
        .execute(
            "INSERT INTO django_content_type (app_label, model) VALUES ($1, $2) ON CONFLICT (app_label, model) DO NOTHING",
            &[app.into(), model.into()],
        )
        .await?;
    for action in ["add", "change", "delete", "view"] {
        tx.conn()
            .execute(
                "INSERT INTO auth_permission (name, content_type_id, codename) \
                 SELECT $1, id, $2 FROM django_content_type WHERE app_label = $3 AND model = $4 \
                 ON CONFLICT (content_type_id, codename) DO NOTHING",
                &[
                    format!("Can {action} {name}").into(),
                    format!("{action}_{model}").into(),
                    app.into(),
                    model.into(),
                ],
            )
            .await?;
    }
    Ok(())
}

/// The columns of a table.
async fn columns_of(mut conn: Conn<'_>, table: &str) -> Result<BTreeSet<String>, Failure> {
    let sql = Sql {
        sqlite: "SELECT name FROM pragma_table_info($1)",
        postgres: "SELECT column_name::text FROM information_schema.columns \
                   WHERE table_schema = ANY (current_schemas(false)) AND table_name = $1",
    };
    conn.query(sql, &[table.into()])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// The tables that are there.
pub(super) async fn existing(mut conn: Conn<'_>) -> Result<BTreeSet<String>, Failure> {
    let sql = Sql {
        sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'",
        postgres: "SELECT table_name::text FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))",
    };
    conn.query(sql, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect()
}
