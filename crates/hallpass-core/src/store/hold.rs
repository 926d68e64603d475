//! What one transaction may claim at a time.
//!
//! Two that look for the same thing at once both find it free. Whoever wants it holds it first and looks then: the other
//! waits for the end of the transaction and finds it taken. On SQLite there is one writer: with the transaction
//! everything is held.

use super::{Conn, Sql};
use crate::domain::UserId;
use crate::error::Failure;

/// What is claimed.
#[derive(Debug, Clone, Copy)]
pub enum Claimed<'a> {
    /// An e-mail address, in whatever case.
    Address(&'a str),
    /// A phone number, E.164.
    Number(&'a str),
    /// A user name, in whatever case.
    Name(&'a str),
    /// The addresses of a user, all together.
    AddressesOf(UserId),
    /// The ways in of a user, all together.
    WaysInOf(UserId),
    /// An account at a provider: which one, and who it is there.
    SocialAccount(&'a str, &'a str),
}

impl Claimed<'_> {
    fn key(self) -> String {
        match self {
            Claimed::Address(email) => format!("address:{}", email.to_lowercase()),
            Claimed::Number(phone) => format!("number:{phone}"),
            Claimed::Name(name) => format!("name:{}", name.to_lowercase()),
            Claimed::AddressesOf(user) => format!("addresses:{user}"),
            Claimed::WaysInOf(user) => format!("ways in:{user}"),
            Claimed::SocialAccount(provider, uid) => format!("social account:{provider}:{uid}"),
        }
    }
}

/// Lets nobody else claim it until the transaction ends. Call it in the transaction, and look after it.
///
/// # Errors
/// A failure.
pub async fn hold(mut conn: Conn<'_>, claimed: Claimed<'_>) -> Result<(), Failure> {
    conn.query(
        Sql {
            sqlite: "SELECT $1",
            postgres: "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended($1, 7254))",
        },
        &[claimed.key().into()],
    )
    .await?;
    Ok(())
}
