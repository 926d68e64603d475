//! Permissions and groups, in Django's tables: who has which, and the rows that say so.
//!
//! A permission is named `app_label.codename`. Several rows may have one name, of several models of an app: whoever has one
//! of them has it, as in Django; so all of them are given and taken together.

use super::{Conn, Sql, UserTable};
use crate::domain::UserId;
use crate::error::Failure;
use crate::settings::UserColumn;

/// The tables that this file knows beside the user's, in one place.
mod tables {
    pub(super) const GROUP: &str = "auth_group";
    pub(super) const GROUP_PERMISSIONS: &str = "auth_group_permissions";
    pub(super) const PERMISSION: &str = "auth_permission";
    pub(super) const CONTENT_TYPE: &str = "django_content_type";
}

use tables::{CONTENT_TYPE, GROUP, GROUP_PERMISSIONS, PERMISSION};

/// What a user may do, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Not switched off.
    pub is_active: bool,
    /// Has every permission.
    pub is_superuser: bool,
    /// Names of permissions, the user's own and those of their groups.
    pub names: Vec<String>,
}

pub(super) fn of_user_sql(users: &UserTable) -> String {
    let (table, id) = (users.quoted(), users.id());
    let active = users.sql(UserColumn::IsActive);
    let super_user = users.sql(UserColumn::IsSuperuser);
    let (Some(groups), Some(permissions)) = (users.groups(), users.permissions()) else {
        return format!(
            "SELECT {active}, {super_user}, NULL, NULL FROM {table} u WHERE u.{id} = $1"
        );
    };
    format!(
        "SELECT {active}, {super_user}, c.app_label, p.codename FROM {table} u \
         LEFT JOIN (SELECT permission_id FROM {} WHERE {} = $1 \
         UNION SELECT g.permission_id FROM {GROUP_PERMISSIONS} g \
         JOIN {} m ON m.group_id = g.group_id WHERE m.{} = $1) h ON {active} \
         LEFT JOIN {PERMISSION} p ON p.id = h.permission_id \
         LEFT JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id WHERE u.{id} = $1",
        permissions.table, permissions.user, groups.table, groups.user
    )
}

/// What a user has: one statement. `None`: there is no such user.
pub async fn of_user(mut conn: Conn<'_>, user: UserId) -> Result<Option<Held>, Failure> {
    let users = conn.users();
    let rows = conn
        .query(&users.texts().permissions, &[user.into()])
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut names = Vec::new();
    for row in &rows {
        let label: Option<String> = row.get(2)?;
        let codename: Option<String> = row.get(3)?;
        if let (Some(label), Some(codename)) = (label, codename) {
            names.push(format!("{label}.{codename}"));
        }
    }
    Ok(Some(Held {
        is_active: first.get(0)?,
        is_superuser: first.get(1)?,
        names,
    }))
}

/// The groups of a user, by name.
pub async fn groups_of(mut conn: Conn<'_>, user: UserId) -> Result<Vec<String>, Failure> {
    let users = conn.users();
    let Some(groups) = users.groups() else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT g.name FROM {GROUP} g JOIN {} m ON m.group_id = g.id WHERE m.{} = $1 ORDER BY g.name",
        groups.table, groups.user
    );
    let rows = conn.query(&sql, &[user.into()]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// All groups, by name.
pub async fn groups(mut conn: Conn<'_>) -> Result<Vec<String>, Failure> {
    let sql = format!("SELECT name FROM {GROUP} ORDER BY name");
    let rows = conn.query(&sql, &[]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether there is a permission of this name.
pub async fn exists(mut conn: Conn<'_>, app_label: &str, codename: &str) -> Result<bool, Failure> {
    let sql = format!(
        "SELECT 1 FROM {PERMISSION} p JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id \
         WHERE c.app_label = $1 AND p.codename = $2 LIMIT 1"
    );
    let row = conn
        .query_opt(&sql, &[app_label.into(), codename.into()])
        .await?;
    Ok(row.is_some())
}

/// Whether there is a permission of this name under another model than this.
pub async fn exists_elsewhere(
    mut conn: Conn<'_>,
    [app_label, model]: [&str; 2],
    codename: &str,
) -> Result<bool, Failure> {
    let sql = format!(
        "SELECT 1 FROM {PERMISSION} p JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id \
         WHERE c.app_label = $1 AND c.model <> $2 AND p.codename = $3 LIMIT 1"
    );
    let values = [app_label.into(), model.into(), codename.into()];
    Ok(conn.query_opt(&sql, &values).await?.is_some())
}

/// Whether there is a group of this name.
pub async fn group_exists(mut conn: Conn<'_>, name: &str) -> Result<bool, Failure> {
    let sql = format!("SELECT 1 FROM {GROUP} WHERE name = $1");
    Ok(conn.query_opt(&sql, &[name.into()]).await?.is_some())
}

/// Makes a permission under a content type that is made with it; one that is there gets this title.
pub async fn declare(
    mut conn: Conn<'_>,
    [app_label, model]: [&str; 2],
    codename: &str,
    title: &str,
) -> Result<(), Failure> {
    let sql = format!(
        "INSERT INTO {CONTENT_TYPE} (app_label, model) VALUES ($1, $2) ON CONFLICT (app_label, model) DO NOTHING"
    );
    conn.execute(&sql, &[app_label.into(), model.into()])
        .await?;
    // A statement of its own, so that it sees what another transaction has just made.
    let sql = format!(
        "INSERT INTO {PERMISSION} (name, content_type_id, codename) \
         SELECT $1, id, $2 FROM {CONTENT_TYPE} WHERE app_label = $3 AND model = $4 \
         ON CONFLICT (content_type_id, codename) DO UPDATE SET name = excluded.name"
    );
    let values = [
        title.into(),
        codename.into(),
        app_label.into(),
        model.into(),
    ];
    conn.execute(&sql, &values).await?;
    Ok(())
}

/// Makes a group. `false`: it is there.
pub async fn create_group(mut conn: Conn<'_>, name: &str) -> Result<bool, Failure> {
    let sql = format!("INSERT INTO {GROUP} (name) VALUES ($1) ON CONFLICT (name) DO NOTHING");
    Ok(conn.execute(&sql, &[name.into()]).await? == 1)
}

/// Removes a group and who and what was in it. `false`: there is none.
pub async fn remove_group(mut conn: Conn<'_>, name: &str) -> Result<bool, Failure> {
    // The group's row first: whoever adds to it meanwhile waits, and finds it gone.
    let sqlite = format!("SELECT 1 FROM {GROUP} WHERE name = $1");
    let postgres = format!("{sqlite} FOR UPDATE");
    let sql = Sql {
        sqlite: &sqlite,
        postgres: &postgres,
    };
    if conn.query_opt(sql, &[name.into()]).await?.is_none() {
        return Ok(false);
    }
    let users = conn.users();
    let members = users.groups().map(|groups| groups.table);
    for table in members
        .iter()
        .map(String::as_str)
        .chain([GROUP_PERMISSIONS])
    {
        let sql = format!(
            "DELETE FROM {table} WHERE group_id IN (SELECT id FROM {GROUP} WHERE name = $1)"
        );
        conn.execute(&sql, &[name.into()]).await?;
    }
    let sql = format!("DELETE FROM {GROUP} WHERE name = $1");
    Ok(conn.execute(&sql, &[name.into()]).await? == 1)
}

/// Adds one pair to a table of pairs, unless it is there. What the pair is of stays until the transaction ends.
async fn link(
    mut conn: Conn<'_>,
    insert: &str,
    held: &str,
    values: &[super::Value],
) -> Result<bool, Failure> {
    let sqlite = format!("{insert} ON CONFLICT DO NOTHING");
    let postgres = format!("{insert} FOR KEY SHARE OF {held} ON CONFLICT DO NOTHING");
    let sql = Sql {
        sqlite: &sqlite,
        postgres: &postgres,
    };
    Ok(conn.execute(sql, values).await? > 0)
}

/// Gives a user a permission. `false`: they have it, or one of the two is not there.
pub async fn grant(
    conn: Conn<'_>,
    user: UserId,
    app_label: &str,
    codename: &str,
) -> Result<bool, Failure> {
    let users = conn.users();
    let Some(own) = users.permissions() else {
        return Ok(false);
    };
    let (table, id) = (users.quoted(), users.id());
    let insert = format!(
        "INSERT INTO {} ({}, permission_id) SELECT u.{id}, p.id FROM {table} u, {PERMISSION} p \
         JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id WHERE u.{id} = $1 AND c.app_label = $2 AND p.codename = $3",
        own.table, own.user
    );
    let values = [user.into(), app_label.into(), codename.into()];
    link(conn, &insert, "u, p", &values).await
}

/// Takes a user's own permission. `false`: they had none of their own.
pub async fn revoke(
    mut conn: Conn<'_>,
    user: UserId,
    app_label: &str,
    codename: &str,
) -> Result<bool, Failure> {
    let users = conn.users();
    let Some(own) = users.permissions() else {
        return Ok(false);
    };
    let sql = format!(
        "DELETE FROM {} WHERE {} = $1 AND permission_id IN (SELECT p.id FROM {PERMISSION} p \
         JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id WHERE c.app_label = $2 AND p.codename = $3)",
        own.table, own.user
    );
    let values = [user.into(), app_label.into(), codename.into()];
    Ok(conn.execute(&sql, &values).await? > 0)
}

/// Gives a group a permission. `false`: it has it, or one of the two is not there.
pub async fn grant_to_group(
    conn: Conn<'_>,
    group: &str,
    app_label: &str,
    codename: &str,
) -> Result<bool, Failure> {
    let insert = format!(
        "INSERT INTO {GROUP_PERMISSIONS} (group_id, permission_id) SELECT g.id, p.id FROM {GROUP} g, {PERMISSION} p \
         JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id WHERE g.name = $1 AND c.app_label = $2 AND p.codename = $3"
    );
    let values = [group.into(), app_label.into(), codename.into()];
    link(conn, &insert, "g, p", &values).await
}

/// Takes a group's permission. `false`: it had it not.
pub async fn revoke_from_group(
    mut conn: Conn<'_>,
    group: &str,
    app_label: &str,
    codename: &str,
) -> Result<bool, Failure> {
    let sql = format!(
        "DELETE FROM {GROUP_PERMISSIONS} WHERE group_id IN (SELECT id FROM {GROUP} WHERE name = $1) \
         AND permission_id IN (SELECT p.id FROM {PERMISSION} p \
         JOIN {CONTENT_TYPE} c ON c.id = p.content_type_id WHERE c.app_label = $2 AND p.codename = $3)"
    );
    let values = [group.into(), app_label.into(), codename.into()];
    Ok(conn.execute(&sql, &values).await? > 0)
}

/// Puts a user into a group. `false`: they are in it, or one of the two is not there.
pub async fn join(conn: Conn<'_>, user: UserId, group: &str) -> Result<bool, Failure> {
    let users = conn.users();
    let Some(groups) = users.groups() else {
        return Ok(false);
    };
    let (table, id) = (users.quoted(), users.id());
    let insert = format!(
        "INSERT INTO {} ({}, group_id) SELECT u.{id}, g.id FROM {table} u, {GROUP} g \
         WHERE u.{id} = $1 AND g.name = $2",
        groups.table, groups.user
    );
    link(conn, &insert, "u, g", &[user.into(), group.into()]).await
}

/// Takes a user out of a group. `false`: they were not in it.
pub async fn leave(mut conn: Conn<'_>, user: UserId, group: &str) -> Result<bool, Failure> {
    let users = conn.users();
    let Some(groups) = users.groups() else {
        return Ok(false);
    };
    let sql = format!(
        "DELETE FROM {} WHERE {} = $1 AND group_id IN (SELECT id FROM {GROUP} WHERE name = $2)",
        groups.table, groups.user
    );
    Ok(conn.execute(&sql, &[user.into(), group.into()]).await? > 0)
}
