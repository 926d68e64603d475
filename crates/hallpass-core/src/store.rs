//! The only room with SQL.
//!
//! [`Db`] is SQLite or PostgreSQL behind one face. [`Conn`] is what a store function takes: the pool, or an open
//! transaction. One SQL text serves both databases wherever their dialects agree (`$1` placeholders, `RETURNING`,
//! `ON CONFLICT`); where they don't, a [`Sql`] carries two.

mod check;
pub mod code;
pub mod credentials;
mod db;
pub mod email_address;
pub mod event;
pub mod extra;
mod hold;
pub mod limit;
mod migrate;
pub mod outbox;
pub mod people;
pub mod permission;
pub mod phone;
mod postgres;
pub mod refresh;
pub mod revoked_link;
pub mod session;
pub mod session_list;
pub mod site;
pub mod social_account;
pub mod social_app;
pub mod social_state;
pub mod social_token;
pub mod spent;
mod sqlite;
pub mod token;
mod url;
pub mod user;
pub mod user_field;
mod user_table;
mod value;
pub mod vouched;

pub use check::{Difference, check, check_with};
use db::count_values;
pub use db::{Conn, Db, DbError, Dialect, Statements, Tx};
pub use hold::{Claimed, hold};
pub use migrate::{migrate, migrate_with};
pub use url::DatabaseUrl;
pub use user_table::UserTable;
pub use value::{FromValue, Row, Sql, Value};
