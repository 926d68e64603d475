//! The user's table, and who is behind a name or an address.

use super::user_field::{Given, in_insert};
use super::{Conn, DbError, Row, Sql, UserTable, Value};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Failure;
use crate::settings::{UserColumn, UserKey};

/// How many columns [`read`] expects: those of [`UserTable::select`], in its order.
pub(super) const WIDTH: usize = 11;

pub(super) fn read(row: &Row, at: usize) -> Result<User, Failure> {
    // In tables of an app's own, texts may be NULL.
    let text = |index| -> Result<String, Failure> {
        let text: Option<String> = row.get(index)?;
        Ok(text.unwrap_or_default())
    };
    let joined: Option<Timestamp> = row.get(at + 10)?;
    Ok(User {
        id: row.get(at)?,
        password: row.get(at + 1)?,
        last_login: row.get(at + 2)?,
        is_superuser: row.get(at + 3)?,
        username: text(at + 4)?,
        first_name: text(at + 5)?,
        last_name: text(at + 6)?,
        email: text(at + 7)?,
        is_staff: row.get(at + 8)?,
        is_active: row.get(at + 9)?,
        date_joined: joined.unwrap_or(Timestamp::from_micros(0)),
    })
}

fn read_all(rows: &[Row]) -> Result<Vec<User>, Failure> {
    rows.iter().map(|row| read(row, 0)).collect()
}

pub(super) fn by_id_sql(users: &UserTable) -> String {
    let (columns, table, id) = (users.select(), users.quoted(), users.id());
    format!("SELECT {columns} FROM {table} u WHERE u.{id} = $1")
}

/// The user with this key.
pub async fn by_id(mut conn: Conn<'_>, id: UserId) -> Result<Option<User>, Failure> {
    let users = conn.users();
    let row = conn.query_opt(&users.texts().by_id, &[id.into()]).await?;
    row.map(|row| read(&row, 0)).transpose()
}

/// Users whose name is this one in any case. The caller compares again: `lower()` of SQLite knows ASCII only, so
/// names that differ in the case of other letters are looked up in all three plain forms. Nobody, where the table has no
/// user names.
pub async fn by_username(mut conn: Conn<'_>, username: &str) -> Result<Vec<User>, Failure> {
    let users = conn.users();
    let Some(name) = users.column(UserColumn::Username) else {
        return Ok(Vec::new());
    };
    let (columns, table, id) = (users.select(), users.quoted(), users.id());
    let sql = format!(
        "SELECT {columns} FROM {table} u \
         WHERE lower(u.\"{name}\") = $1 OR u.\"{name}\" IN ($2, $3, $4) ORDER BY u.{id} LIMIT 10"
    );
    let params = spellings(username);
    read_all(&conn.query(&sql, &params).await?)
}

/// A user and the address by which they were found.
pub struct Addressed {
    /// The user.
    pub user: User,
    /// The address in the spelling that the user gave it: a letter goes there, not to what a visitor typed.
    pub address: String,
    /// Whether the user proved that it is theirs.
    pub verified: bool,
    /// Whether the user ever proved an address or a phone number, whichever.
    pub proved: bool,
}

/// Whether a user ever proved an address or a number, for a table aliased `u`.
pub(super) fn proved(users: &UserTable) -> String {
    let id = users.id();
    format!(
        "(EXISTS (SELECT 1 FROM account_emailaddress v WHERE v.user_id = u.{id} AND v.verified) \
         OR EXISTS (SELECT 1 FROM hallpass_phone p WHERE p.user_id = u.{id} AND p.verified))"
    )
}

/// Users to whom this address belongs, those who proved it first: rows of `account_emailaddress`, and the address on the
/// user's own row, where it has one.
pub async fn by_email(mut conn: Conn<'_>, email: &str) -> Result<Vec<Addressed>, Failure> {
    let users = conn.users();
    let (columns, table, id) = (users.select(), users.quoted(), users.id());
    let proved = proved(&users);
    let mut sql = format!(
        "SELECT {columns}, e.verified, e.email, {proved} FROM account_emailaddress e \
         JOIN {table} u ON u.{id} = e.user_id WHERE e.email IN ($2, $3, $4) OR lower(e.email) = $1"
    );
    if let Some(mirror) = users.column(UserColumn::Email) {
        sql.push_str(&format!(
            " UNION ALL SELECT {columns}, FALSE, u.\"{mirror}\", {proved} FROM {table} u \
             WHERE lower(u.\"{mirror}\") = $1 OR u.\"{mirror}\" IN ($2, $3, $4)"
        ));
    }
    sql.push_str(" ORDER BY 12 DESC, 1 LIMIT 40");
    let mut found: Vec<Addressed> = Vec::new();
    for row in conn.query(&sql, &spellings(email)).await? {
        let user = read(&row, 0)?;
        let (verified, address) = (row.get(WIDTH)?, row.get::<String>(WIDTH + 1)?);
        // The database's idea of equal letters is not ours: compare again before anything is sent or opened.
        if same_address(&address, email) && found.iter().all(|known| known.user.id != user.id) {
            found.push(Addressed {
                user,
                address,
                verified,
                proved: row.get(WIDTH + 2)?,
            });
        }
    }
    Ok(found)
}

/// Whether two spellings name one mailbox: equal after lower-casing, with no folding of look-alikes.
fn same_address(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

fn spellings(text: &str) -> [Value; 4] {
    let lower = text.to_lowercase();
    [
        lower.as_str().into(),
        text.into(),
        lower.as_str().into(),
        text.to_uppercase().into(),
    ]
}

/// What a new user is made of.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// Unique.
    pub username: &'a str,
    /// May be empty.
    pub email: &'a str,
    /// The encoded hash.
    pub password: &'a str,
    /// May open the admin.
    pub is_staff: bool,
    /// Has every permission.
    pub is_superuser: bool,
    /// Given name, may be empty.
    pub first_name: &'a str,
    /// Family name, may be empty.
    pub last_name: &'a str,
    /// Every column of the operator's own, with what it holds.
    pub own: &'a [Given],
}

impl<'a> NewUser<'a> {
    /// A user without rights and names.
    pub fn plain(username: &'a str, email: &'a str, password: &'a str) -> Self {
        NewUser {
            username,
            email,
            password,
            is_staff: false,
            is_superuser: false,
            first_name: "",
            last_name: "",
            own: &[],
        }
    }
}

/// Makes a user. `None`: the name is taken, or something else of which no two users may have the same.
pub async fn insert(
    mut conn: Conn<'_>,
    new: NewUser<'_>,
    now: Timestamp,
) -> Result<Option<UserId>, Failure> {
    let users = conn.users();
    let mut columns = vec![
        ("password", Value::from(new.password)),
        ("last_login", Value::Null),
    ];
    if users.key_kind() == UserKey::Uuid {
        columns.push((users.key_column(), UserId::random().into()));
    }
    for (column, value) in [
        (UserColumn::IsSuperuser, new.is_superuser.into()),
        (UserColumn::Username, new.username.into()),
        (UserColumn::FirstName, new.first_name.into()),
        (UserColumn::LastName, new.last_name.into()),
        (UserColumn::Email, mirrored(&users, new.email)),
        (UserColumn::IsStaff, new.is_staff.into()),
        (UserColumn::IsActive, true.into()),
        (UserColumn::DateJoined, now.into()),
    ] {
        if let Some(name) = users.column(column) {
            columns.push((name, value));
        }
    }
    let names: Vec<_> = columns
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let places: Vec<_> = (1..=columns.len()).map(|at| format!("${at}")).collect();
    let (own_names, own_places, own) = in_insert(new.own, columns.len() + 1, conn.dialect());
    let sql = format!(
        "INSERT INTO {} ({}{own_names}) VALUES ({}{own_places}) ON CONFLICT DO NOTHING RETURNING {}",
        users.quoted(),
        names.join(", "),
        places.join(", "),
        users.id()
    );
    let mut values: Vec<Value> = columns.into_iter().map(|(_, value)| value).collect();
    values.extend(own);
    let answer = conn.query_opt(&sql, &values).await?;
    answer.map(|row| row.get(0)).transpose()
}

/// What the column of the address holds.
fn mirrored(users: &UserTable, email: &str) -> Value {
    match email.is_empty() && users.empty_email_is_null() {
        true => Value::Null,
        false => email.into(),
    }
}

/// Sets `last_login`, provided that nothing which a one-time proof rests on has changed since `user` was read, the last
/// login included: of two parallel attempts with the same proof, one gets `true`.
pub async fn mark_login_once(
    mut conn: Conn<'_>,
    user: &User,
    at: Timestamp,
) -> Result<bool, Failure> {
    let users = conn.users();
    let (table, id, active) = (users.quoted(), users.id(), users.sql(UserColumn::IsActive));
    let email = match users.is_own() {
        // It may be NULL there.
        true => format!("coalesce({}, '')", users.sql(UserColumn::Email)),
        false => users.sql(UserColumn::Email),
    };
    let text = |same: &str| {
        format!(
            "UPDATE {table} AS u SET last_login = $1 WHERE u.{id} = $2 AND u.password = $3 AND {email} = $4 \
             AND {active} = $5 AND u.last_login {same} $6"
        )
    };
    let (sqlite, postgres) = (text("IS"), text("IS NOT DISTINCT FROM"));
    let touched = conn
        .execute(
            Sql {
                sqlite: &sqlite,
                postgres: &postgres,
            },
            &[
                at.into(),
                user.id.into(),
                user.password.as_str().into(),
                user.email.as_str().into(),
                true.into(),
                user.last_login.into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Sets `last_login`, provided that the password is still the one that was compared. It never goes back: a link that died
/// with a later login stays dead.
pub async fn mark_login(mut conn: Conn<'_>, user: &User, at: Timestamp) -> Result<bool, Failure> {
    let users = conn.users();
    let (table, id, active) = (users.quoted(), users.id(), users.sql(UserColumn::IsActive));
    let sql = format!(
        "UPDATE {table} AS u SET last_login = CASE WHEN u.last_login > $1 THEN u.last_login ELSE $1 END \
         WHERE u.{id} = $2 AND u.password = $3 AND {active} = $4"
    );
    let touched = conn
        .execute(
            &sql,
            &[
                at.into(),
                user.id.into(),
                user.password.as_str().into(),
                true.into(),
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Replaces the encoded hash, provided that it is still `old`.
pub async fn replace_password(
    mut conn: Conn<'_>,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, Failure> {
    let users = conn.users();
    let (table, key) = (users.quoted(), users.id());
    let touched = conn
        .execute(
            &format!("UPDATE {table} SET password = $1 WHERE {key} = $2 AND password = $3"),
            &[new.into(), id.into(), old.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Writes a row once more, as it is.
pub(crate) async fn touch(conn: Conn<'_>, id: UserId, email: &str) -> Result<(), Failure> {
    set_email(conn, id, email).await
}

/// Sets name and names, those that the table has. `false`: somebody has the user name.
pub async fn set_names(
    mut conn: Conn<'_>,
    id: UserId,
    [username, first_name, last_name]: [&str; 3],
) -> Result<bool, Failure> {
    let users = conn.users();
    let mut values: Vec<Value> = vec![id.into()];
    let mut set = Vec::new();
    for (column, text) in [
        (UserColumn::Username, username),
        (UserColumn::FirstName, first_name),
        (UserColumn::LastName, last_name),
    ] {
        if let Some(name) = users.column(column) {
            values.push(text.into());
            set.push(format!("\"{name}\" = ${}", values.len()));
        }
    }
    if set.is_empty() {
        return Ok(true);
    }
    let (table, key, set) = (users.quoted(), users.id(), set.join(", "));
    let sql = format!("UPDATE {table} SET {set} WHERE {key} = $1");
    match conn.execute(&sql, &values).await {
        Ok(_) => Ok(true),
        Err(DbError::Unique(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Sets the user's own column of the address. Where there is none, the row is written as it is: whoever compares it in
/// the same moment waits.
pub(super) async fn set_email(mut conn: Conn<'_>, id: UserId, email: &str) -> Result<(), Failure> {
    let users = conn.users();
    let (table, key) = (users.quoted(), users.id());
    let Some(mirror) = users.column(UserColumn::Email) else {
        let touch = format!("UPDATE {table} SET password = password WHERE {key} = $1");
        conn.execute(&touch, &[id.into()]).await?;
        return Ok(());
    };
    conn.execute(
        &format!("UPDATE {table} SET \"{mirror}\" = $1 WHERE {key} = $2"),
        &[mirrored(&users, email), id.into()],
    )
    .await?;
    Ok(())
}

/// Whether the user is active and the password is still the one that was read; the row is held until the transaction
/// ends, so that it stays so.
pub async fn is_current(mut conn: Conn<'_>, user: &User) -> Result<bool, Failure> {
    let users = conn.users();
    let (table, id, active) = (users.quoted(), users.id(), users.sql(UserColumn::IsActive));
    let sqlite =
        format!("SELECT 1 FROM {table} u WHERE u.{id} = $1 AND u.password = $2 AND {active} = $3");
    let postgres = format!("{sqlite} FOR SHARE");
    let row = conn
        .query_opt(
            Sql {
                sqlite: &sqlite,
                postgres: &postgres,
            },
            &[user.id.into(), user.password.as_str().into(), true.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Moves `last_login` one second on, which ends every link that was made from it.
pub async fn outdate_links(mut conn: Conn<'_>, user: &User) -> Result<(), Failure> {
    let last = user.last_login.unwrap_or(user.date_joined);
    let next = Timestamp::from_seconds(last.seconds() + 1);
    let users = conn.users();
    let (table, id) = (users.quoted(), users.id());
    conn.execute(
        &format!(
            "UPDATE {table} SET last_login = $1 WHERE {id} = $2 AND (last_login IS NULL OR last_login < $1)"
        ),
        &[next.into(), user.id.into()],
    )
    .await?;
    Ok(())
}

/// Removes a user that nothing refers to: one that was made so that a signup which must come to nothing costs as much
/// as one that does not.
pub(crate) async fn remove_bare(mut conn: Conn<'_>, id: UserId) -> Result<(), Failure> {
    let users = conn.users();
    let (table, key) = (users.quoted(), users.id());
    let sql = format!("DELETE FROM {table} WHERE {key} = $1");
    conn.execute(&sql, &[id.into()]).await?;
    Ok(())
}
