//! `auth_user`, and who is behind a name or an address.

use super::user_field::{Given, in_insert};
use super::{Conn, DbError, Row, Sql, Value};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Failure;

/// The columns that [`read`] expects, in its order, for a table aliased `u`.
pub(super) const COLUMNS: &str = "u.id, u.password, u.last_login, u.is_superuser, u.username, u.first_name, \
                                  u.last_name, u.email, u.is_staff, u.is_active, u.date_joined";

/// How many columns that is.
pub(super) const WIDTH: usize = 11;

pub(super) fn read(row: &Row, at: usize) -> Result<User, Failure> {
    Ok(User {
        id: row.get(at)?,
        password: row.get(at + 1)?,
        last_login: row.get(at + 2)?,
        is_superuser: row.get(at + 3)?,
        username: row.get(at + 4)?,
        first_name: row.get(at + 5)?,
        last_name: row.get(at + 6)?,
        email: row.get(at + 7)?,
        is_staff: row.get(at + 8)?,
        is_active: row.get(at + 9)?,
        date_joined: row.get(at + 10)?,
    })
}

fn read_all(rows: &[Row]) -> Result<Vec<User>, Failure> {
    rows.iter().map(|row| read(row, 0)).collect()
}

/// The user with this key.
pub async fn by_id(mut conn: Conn<'_>, id: UserId) -> Result<Option<User>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM auth_user u WHERE u.id = $1");
    let row = conn.query_opt(&sql, &[id.into()]).await?;
    row.map(|row| read(&row, 0)).transpose()
}

/// Users whose name is this one in any case. The caller compares again: `lower()` of SQLite knows ASCII only, so
/// names that differ in the case of other letters are looked up in all three plain forms.
pub async fn by_username(mut conn: Conn<'_>, username: &str) -> Result<Vec<User>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM auth_user u \
         WHERE lower(u.username) = $1 OR u.username IN ($2, $3, $4) ORDER BY u.id LIMIT 10"
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
pub(super) const PROVED: &str = "(EXISTS (SELECT 1 FROM account_emailaddress v WHERE v.user_id = u.id AND v.verified) \
     OR EXISTS (SELECT 1 FROM hallpass_phone p WHERE p.user_id = u.id AND p.verified))";

/// Users to whom this address belongs, those who proved it first: rows of `account_emailaddress`, and
/// `auth_user.email` itself.
pub async fn by_email(mut conn: Conn<'_>, email: &str) -> Result<Vec<Addressed>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS}, e.verified, e.email, {PROVED} FROM account_emailaddress e JOIN auth_user u ON u.id = e.user_id \
         WHERE e.email IN ($2, $3, $4) OR lower(e.email) = $1 \
         UNION ALL \
         SELECT {COLUMNS}, FALSE, u.email, {PROVED} FROM auth_user u \
         WHERE lower(u.email) = $1 OR u.email IN ($2, $3, $4) \
         ORDER BY 12 DESC, 1 LIMIT 40"
    );
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
    let (names, places, own) = in_insert(new.own, 10, conn.dialect());
    let sql = format!(
        "INSERT INTO auth_user (password, last_login, is_superuser, username, first_name, last_name, email, is_staff, \
         is_active, date_joined{names}) VALUES ($1, NULL, $2, $3, $8, $9, $4, $5, $6, $7{places}) \
         ON CONFLICT DO NOTHING RETURNING id"
    );
    let mut values: Vec<Value> = vec![
        new.password.into(),
        new.is_superuser.into(),
        new.username.into(),
        new.email.into(),
        new.is_staff.into(),
        true.into(),
        now.into(),
        new.first_name.into(),
        new.last_name.into(),
    ];
    values.extend(own);
    let answer = conn.query_opt(&sql, &values).await?;
    answer.map(|row| row.get(0)).transpose()
}

/// Sets `last_login`, provided that nothing which a one-time proof rests on has changed since `user` was read, the last
/// login included: of two parallel attempts with the same proof, one gets `true`.
pub async fn mark_login_once(
    mut conn: Conn<'_>,
    user: &User,
    at: Timestamp,
) -> Result<bool, Failure> {
    let touched = conn
        .execute(
            Sql {
                sqlite: "UPDATE auth_user SET last_login = $1 WHERE id = $2 AND password = $3 AND email = $4 \
                         AND is_active = $5 AND last_login IS $6",
                postgres: "UPDATE auth_user SET last_login = $1 WHERE id = $2 AND password = $3 AND email = $4 \
                           AND is_active = $5 AND last_login IS NOT DISTINCT FROM $6",
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
    let touched = conn
        .execute(
            "UPDATE auth_user SET last_login = CASE WHEN last_login > $1 THEN last_login ELSE $1 END \
             WHERE id = $2 AND password = $3 AND is_active = $4",
            &[at.into(), user.id.into(), user.password.as_str().into(), true.into()],
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
    let touched = conn
        .execute(
            "UPDATE auth_user SET password = $1 WHERE id = $2 AND password = $3",
            &[new.into(), id.into(), old.into()],
        )
        .await?;
    Ok(touched == 1)
}

/// Writes a row once more, as it is.
pub(crate) async fn touch(conn: Conn<'_>, id: UserId, email: &str) -> Result<(), Failure> {
    set_email(conn, id, email).await
}

/// Sets name and names. `false`: somebody has the user name.
pub async fn set_names(
    mut conn: Conn<'_>,
    id: UserId,
    [username, first_name, last_name]: [&str; 3],
) -> Result<bool, Failure> {
    let done = conn
        .execute(
            "UPDATE auth_user SET username = $1, first_name = $2, last_name = $3 WHERE id = $4",
            &[
                username.into(),
                first_name.into(),
                last_name.into(),
                id.into(),
            ],
        )
        .await;
    match done {
        Ok(_) => Ok(true),
        Err(DbError::Unique(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Sets the user's own column of the address.
pub(super) async fn set_email(mut conn: Conn<'_>, id: UserId, email: &str) -> Result<(), Failure> {
    conn.execute(
        "UPDATE auth_user SET email = $1 WHERE id = $2",
        &[email.into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Whether the user is active and the password is still the one that was read; the row is held until the transaction
/// ends, so that it stays so.
pub async fn is_current(mut conn: Conn<'_>, user: &User) -> Result<bool, Failure> {
    let row = conn
        .query_opt(
            Sql {
                sqlite: "SELECT 1 FROM auth_user WHERE id = $1 AND password = $2 AND is_active = $3",
                postgres: "SELECT 1 FROM auth_user WHERE id = $1 AND password = $2 AND is_active = $3 FOR SHARE",
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
    conn.execute(
        "UPDATE auth_user SET last_login = $1 WHERE id = $2 AND (last_login IS NULL OR last_login < $1)",
        &[next.into(), user.id.into()],
    )
    .await?;
    Ok(())
}

/// Removes a user that nothing refers to: one that was made so that a signup which must come to nothing costs as much
/// as one that does not.
pub(crate) async fn remove_bare(mut conn: Conn<'_>, id: UserId) -> Result<(), Failure> {
    conn.execute("DELETE FROM auth_user WHERE id = $1", &[id.into()])
        .await?;
    Ok(())
}
