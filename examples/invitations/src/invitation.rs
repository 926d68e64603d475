//! The table of invitations: made by the staff, used once.
//!
//! A code is kept as its digest alone, as a password would be: whoever reads the table cannot sign up with it. At 120 random
//! bits a plain digest is enough, since nobody can try them all.

use std::time::Duration;

use hallpass::domain::{Timestamp, User, secret};
use hallpass::store::Conn;
use hallpass::{Failure, Hallpass};

/// What somebody is at the school.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Makes invitations.
    Head,
    /// Teaches a class.
    Teacher,
    /// Learns in it.
    Pupil,
}

impl Role {
    /// As forms and tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Head => "head",
            Role::Teacher => "teacher",
            Role::Pupil => "pupil",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Role::Head, Role::Teacher, Role::Pupil]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// An invitation to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For this address alone; empty: for whoever has the code.
    pub email: String,
    /// What who comes will be.
    pub role: Role,
    /// And where.
    pub class: String,
    /// How long it can be used.
    pub valid_for: Duration,
}

/// An invitation as the staff see it.
#[derive(Debug)]
pub struct Invitation {
    /// For this address alone, or empty.
    pub email: String,
    /// The role's name.
    pub role: String,
    /// The class.
    pub class: String,
    /// When it ends.
    pub expires: Timestamp,
    /// The address of who came.
    pub used_by: Option<String>,
}

/// Makes the table, unless it is there.
///
/// # Errors
/// A failure of the database.
pub async fn migrate(hallpass: &Hallpass) -> Result<(), Failure> {
    let sql = "CREATE TABLE IF NOT EXISTS school_invitation (
        code_digest varchar(64) NOT NULL PRIMARY KEY,
        email varchar(254) NOT NULL,
        role varchar(20) NOT NULL,
        class varchar(50) NOT NULL,
        expires_at bigint NOT NULL,
        used_by integer NULL
    )";
    hallpass.db().conn().execute(sql, &[]).await?;
    Ok(())
}

/// Makes an invitation; its code, which is nowhere else.
///
/// # Errors
/// A failure of the database.
pub async fn make(hallpass: &Hallpass, wanted: &Wanted) -> Result<String, Failure> {
    let code = secret::random_text(secret::LOWER_ALPHANUMERIC, 24);
    let sql = "INSERT INTO school_invitation (code_digest, email, role, class, expires_at) VALUES ($1, $2, $3, $4, $5)";
    let expires = hallpass.now() + wanted.valid_for;
    let values = [
        secret::digest(&code).into(),
        wanted.email.trim().to_lowercase().into(),
        wanted.role.name().into(),
        wanted.class.as_str().into(),
        expires.seconds().into(),
    ];
    hallpass.db().conn().execute(sql, &values).await?;
    Ok(code)
}

/// The sign-up page with the code filled in.
pub fn link(hallpass: &Hallpass, code: &str) -> String {
    let mount = &hallpass.settings().hallpass.mount;
    format!("{}{mount}signup/?invitation={code}", hallpass.base_url())
}

/// All of them, those that end last first.
///
/// # Errors
/// A failure of the database.
pub async fn all(hallpass: &Hallpass) -> Result<Vec<Invitation>, Failure> {
    let sql = "SELECT i.email, i.role, i.class, i.expires_at, u.email FROM school_invitation i \
               LEFT JOIN auth_user u ON u.id = i.used_by ORDER BY i.expires_at DESC, i.code_digest";
    let rows = hallpass.db().conn().query(sql, &[]).await?;
    let read = |row: &hallpass::store::Row| {
        Ok(Invitation {
            email: row.get(0)?,
            role: row.get(1)?,
            class: row.get(2)?,
            expires: Timestamp::from_seconds(row.get(3)?),
            used_by: row.get(4)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Whether this code would let this address in, now. Looking is not taking.
///
/// # Errors
/// A failure of the database.
pub async fn is_good(
    mut conn: Conn<'_>,
    code: &str,
    email: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM school_invitation WHERE code_digest = $1 AND email IN ('', $2) AND expires_at > $3 \
               AND used_by IS NULL";
    let values = [
        secret::digest(code).into(),
        email.to_lowercase().into(),
        now.seconds().into(),
    ];
    Ok(conn.query_opt(sql, &values).await?.is_some())
}

/// Takes an invitation for somebody: role and class. `None`: it is not, or no longer, for them. Of any number who come
/// at once one gets it, since the row is written only as long as nobody has used it.
///
/// # Errors
/// A failure of the database.
pub async fn take(
    mut conn: Conn<'_>,
    code: &str,
    user: &User,
    now: Timestamp,
) -> Result<Option<(Role, String)>, Failure> {
    let sql = "UPDATE school_invitation SET used_by = $1 WHERE code_digest = $2 AND email IN ('', $3) \
               AND expires_at > $4 AND used_by IS NULL RETURNING role, class";
    let values = [
        user.id.into(),
        secret::digest(code).into(),
        user.email.to_lowercase().into(),
        now.seconds().into(),
    ];
    let Some(row) = conn.query_opt(sql, &values).await? else {
        return Ok(None);
    };
    let role = Role::named(&row.get::<String>(0)?);
    let role = role.ok_or_else(|| Failure::new("an invitation has a role that there is not"))?;
    Ok(Some((role, row.get(1)?)))
}

/// Makes somebody what their invitation says.
///
/// # Errors
/// A failure of the database.
pub async fn appoint(
    mut conn: Conn<'_>,
    user: &User,
    role: Role,
    class: &str,
) -> Result<(), Failure> {
    let sql = "UPDATE auth_user SET role = $1, class = $2, is_staff = $3 WHERE id = $4";
    let is_staff = role == Role::Head;
    let values = [
        role.name().into(),
        class.into(),
        is_staff.into(),
        user.id.into(),
    ];
    conn.execute(sql, &values).await?;
    Ok(())
}
