//! The rules of Hallpass from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod code;
mod events;
mod jwt;
mod letters;
mod limits;
mod magic_link;
mod outbox;
mod permissions;
mod profile;
mod settings;
mod store;
mod store_faults;
mod texts;
mod tokens;
mod users;
mod ways_in;
