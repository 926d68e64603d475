//! `hallpass_phone`: the phone number of an account. A confirmed one has one owner.

use super::{Conn, Row, user};
use crate::domain::{Timestamp, User, UserId};
use crate::error::Failure;

/// A number and whether it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    /// E.164.
    pub phone: String,
    /// The user proved that it is theirs.
    pub verified: bool,
}

/// An owner of a number.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Who.
    pub user: User,
    /// The number, and whether it is confirmed.
    pub number: PhoneNumber,
    /// Whether the user ever proved an address or a number, whichever.
    pub proved: bool,
}

fn read(row: &Row, at: usize) -> Result<PhoneNumber, Failure> {
    Ok(PhoneNumber {
        phone: row.get(at)?,
        verified: row.get(at + 1)?,
    })
}

/// A user's number.
pub async fn of_user(mut conn: Conn<'_>, user: UserId) -> Result<Option<PhoneNumber>, Failure> {
    let row = conn
        .query_opt(
            "SELECT phone, verified FROM hallpass_phone WHERE user_id = $1",
            &[user.into()],
        )
        .await?;
    row.map(|row| read(&row, 0)).transpose()
}

/// Users with this number, those who confirmed it first.
pub async fn owners(mut conn: Conn<'_>, phone: &str) -> Result<Vec<Owner>, Failure> {
    let users = conn.users();
    let (table, id) = (users.quoted(), users.id());
    let sql = format!(
        "SELECT {}, p.phone, p.verified, {} FROM hallpass_phone p JOIN {table} u ON u.{id} = p.user_id \
         WHERE p.phone = $1 ORDER BY p.verified DESC, p.user_id LIMIT 10",
        users.select(),
        user::proved(&users)
    );
    let rows = conn.query(&sql, &[phone.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Owner {
                user: user::read(row, 0)?,
                number: read(row, user::WIDTH)?,
                proved: row.get(user::WIDTH + 2)?,
            })
        })
        .collect()
}

/// Whether somebody else has confirmed it.
pub async fn is_verified_elsewhere(
    mut conn: Conn<'_>,
    phone: &str,
    user: UserId,
) -> Result<bool, Failure> {
    let row = conn
        .query_opt(
            "SELECT 1 FROM hallpass_phone WHERE phone = $1 AND verified = $2 AND user_id <> $3",
            &[phone.into(), true.into(), user.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Removes a number that its user never confirmed.
pub async fn remove_unverified(mut conn: Conn<'_>, user: UserId) -> Result<(), Failure> {
    conn.execute(
        "DELETE FROM hallpass_phone WHERE user_id = $1 AND verified <> $2",
        &[user.into(), true.into()],
    )
    .await?;
    Ok(())
}

/// Sets a user's number.
pub async fn set(
    mut conn: Conn<'_>,
    user: UserId,
    number: &PhoneNumber,
    now: Timestamp,
) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO hallpass_phone (user_id, phone, verified, changed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET phone = excluded.phone, verified = excluded.verified, \
         changed_at = excluded.changed_at",
        &[
            user.into(),
            number.phone.as_str().into(),
            number.verified.into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}
